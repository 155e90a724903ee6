/* attest/evidence.c -- see evidence.h. */
#include "attest/evidence.h"

#include <stdio.h>
#include <string.h>

#include "core/doctype.h"

enum { PAYLOAD_MAX = 4096 };

const char *cairn_boot_log_name(enum cairn_boot_log_kind kind)
{
    static const char *const names[CAIRN_NUM_BOOT_LOGS] = {
        [CAIRN_LOG_FIRMWARE] = "boot-log", [CAIRN_LOG_USERSPACE] = "userspace-log", [CAIRN_LOG_IMA] = "ima"};
    return names[kind];
}

void cairn_evidence_clear(struct cairn_evidence *evidence)
{
    cairn_tpmdoc_clear(&evidence->doc);
    *evidence = (struct cairn_evidence){0};
}

bool cairn_jkt_ok(const char *text)
{
    CAIRN_BUF bytes = {0};
    return strlen(text) == CAIRN_JKT_LEN &&
           cairn_base64url_decode(cairn_span_str(text), CAIRN_SHA256_LEN, &bytes, NULL) == CAIRN_OK;
}

CAIRN_RC cairn_evidence_payload(const struct cairn_tpm_head *head, const char *cnf, struct cairn_buf *out,
                                struct cairn_err *err)
{
    if (cnf[0] != '\0' && !cairn_jkt_ok(cnf)) {
        return CAIRN_FAIL(err, CAIRN_E_USAGE, "evidence.cnf", "\"%.64s\" is not the thumbprint of a key", cnf);
    }
    CAIRN_JSON *json = json_object();
    CAIRN_TRY(cairn_tpm_head_write(json, "nonce", head, err));
    CAIRN_TRY(cairn_json_set_string(json, "cnf", cnf, err));
    CAIRN_TRY(cairn_json_set_uint(json, "ima_offset", 0, err));
    return cairn_json_write(json, out, err);
}

static CAIRN_RC read_payload(struct cairn_span payload, struct cairn_evidence *out, struct cairn_err *err)
{
    CAIRN_JSON *json = NULL;
    CAIRN_TRY(cairn_json_parse(payload, PAYLOAD_MAX, true, "evidence", &json, err));
    struct cairn_obj o = cairn_obj(json, "evidence", err);
    cairn_tpm_head_read(&o, "nonce", &out->head);
    const char *cnf = cairn_obj_string(&o, "cnf", PAYLOAD_MAX);
    const uint64_t ima_offset = cairn_obj_uint(&o, "ima_offset", UINT32_MAX);
    CAIRN_TRY(cairn_obj_done(&o));
    if (ima_offset != 0) {
        return CAIRN_FAIL(err, CAIRN_E_FORMAT, "evidence.reserved",
                          "the evidence uses \"ima_offset\", which this version does not know");
    }
    if (cnf[0] != '\0' && !cairn_jkt_ok(cnf)) {
        return CAIRN_FAIL(err, CAIRN_E_FORMAT, "evidence.cnf",
                          "\"cnf\" is neither empty nor the thumbprint of a key (RFC 7638, SHA-256, base64url)");
    }
    (void)snprintf(out->cnf, sizeof out->cnf, "%s", cnf);
    return CAIRN_OK;
}

/* Kinds that are not known, or there twice, were refused by cairn_tpmdoc_parse. NULL: left out. */
static const struct cairn_attachment *find_log(const struct cairn_tpmdoc *doc, enum cairn_boot_log_kind kind)
{
    for (size_t i = 0; i < doc->num_attachments; i++) {
        if (strcmp(doc->attachments[i].kind, cairn_boot_log_name(kind)) == 0) {
            return &doc->attachments[i];
        }
    }
    return NULL;
}

static struct cairn_span log_bytes(const struct cairn_tpmdoc *doc, enum cairn_boot_log_kind kind)
{
    const struct cairn_attachment *log = find_log(doc, kind);
    return log != NULL ? cairn_buf_span(&log->bytes) : (struct cairn_span){0};
}

void cairn_evidence_log_digests(const struct cairn_evidence *evidence, struct cairn_log_digest out[CAIRN_NUM_BOOT_LOGS])
{
    for (size_t kind = 0; kind < CAIRN_NUM_BOOT_LOGS; kind++) {
        const struct cairn_attachment *log = find_log(&evidence->doc, (enum cairn_boot_log_kind)kind);
        out[kind] = (struct cairn_log_digest){.state = CAIRN_LOG_LEFT_OUT};
        if (log != NULL) {
            out[kind].state = log->named ? CAIRN_LOG_NAMED : CAIRN_LOG_INLINE;
            out[kind].len = log->len;
            cairn_copy(out[kind].sha256, log->sha256, sizeof log->sha256);
            out[kind].bytes = cairn_buf_span(&log->bytes);
        }
    }
}

CAIRN_RC cairn_evidence_need_whole(const struct cairn_evidence *evidence, struct cairn_err *err)
{
    for (size_t i = 0; i < evidence->doc.num_attachments; i++) {
        if (evidence->doc.attachments[i].named) {
            return CAIRN_FAIL(err, CAIRN_E_REFUSED, "evidence.named",
                              "the evidence only names its log \"%s\": ask the device for a whole file (`cairn attest`)",
                              evidence->doc.attachments[i].kind);
        }
    }
    return CAIRN_OK;
}

CAIRN_RC cairn_evidence_parse(struct cairn_span file, struct cairn_evidence *out, struct cairn_err *err)
{
    CAIRN_EVIDENCE evidence = {0};
    CAIRN_TRY(cairn_tpmdoc_parse(file, CAIRN_TYPE_EVIDENCE, &evidence.doc, err));
    CAIRN_TRY(read_payload(cairn_buf_span(&evidence.doc.payload), &evidence, err));
    evidence.logs = (struct cairn_boot_logs){.firmware = log_bytes(&evidence.doc, CAIRN_LOG_FIRMWARE),
                                             .userspace = log_bytes(&evidence.doc, CAIRN_LOG_USERSPACE),
                                             .ima = log_bytes(&evidence.doc, CAIRN_LOG_IMA)};
    *out = evidence; /* the logs borrow heap bytes, which do not move */
    evidence = (struct cairn_evidence){0};
    return CAIRN_OK;
}
