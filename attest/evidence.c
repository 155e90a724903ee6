/* attest/evidence.c -- see evidence.h. */
#include "attest/evidence.h"

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

CAIRN_RC cairn_evidence_payload(const struct cairn_tpm_head *head, struct cairn_buf *out, struct cairn_err *err)
{
    CAIRN_JSON *json = json_object();
    CAIRN_TRY(cairn_tpm_head_write(json, "nonce", head, err));
    CAIRN_TRY(cairn_json_set_string(json, "cnf", "", err));
    CAIRN_TRY(cairn_json_set_uint(json, "ima_offset", 0, err));
    return cairn_json_write(json, out, err);
}

static CAIRN_RC read_payload(struct cairn_span payload, struct cairn_tpm_head *out, struct cairn_err *err)
{
    CAIRN_JSON *json = NULL;
    CAIRN_TRY(cairn_json_parse(payload, PAYLOAD_MAX, true, "evidence", &json, err));
    struct cairn_obj o = cairn_obj(json, "evidence", err);
    cairn_tpm_head_read(&o, "nonce", out);
    const char *cnf = cairn_obj_string(&o, "cnf", PAYLOAD_MAX);
    const uint64_t ima_offset = cairn_obj_uint(&o, "ima_offset", UINT32_MAX);
    CAIRN_TRY(cairn_obj_done(&o));
    if (cnf[0] != '\0' || ima_offset != 0) {
        return CAIRN_FAIL(err, CAIRN_E_FORMAT, "evidence.reserved",
                          "the evidence uses \"cnf\" or \"ima_offset\", which this version does not know");
    }
    return CAIRN_OK;
}

/* Kinds that are not known, or there twice, were refused by cairn_tpmdoc_parse. */
static struct cairn_span find_log(const struct cairn_tpmdoc *doc, enum cairn_boot_log_kind kind)
{
    for (size_t i = 0; i < doc->num_attachments; i++) {
        if (strcmp(doc->attachments[i].kind, cairn_boot_log_name(kind)) == 0) {
            return cairn_buf_span(&doc->attachments[i].bytes);
        }
    }
    return (struct cairn_span){0};
}

CAIRN_RC cairn_evidence_parse(struct cairn_span file, struct cairn_evidence *out, struct cairn_err *err)
{
    CAIRN_EVIDENCE evidence = {0};
    CAIRN_TRY(cairn_tpmdoc_parse(file, CAIRN_TYPE_EVIDENCE, &evidence.doc, err));
    CAIRN_TRY(read_payload(cairn_buf_span(&evidence.doc.payload), &evidence.head, err));
    evidence.logs = (struct cairn_boot_logs){.firmware = find_log(&evidence.doc, CAIRN_LOG_FIRMWARE),
                                             .userspace = find_log(&evidence.doc, CAIRN_LOG_USERSPACE),
                                             .ima = find_log(&evidence.doc, CAIRN_LOG_IMA)};
    *out = evidence; /* the logs borrow heap bytes, which do not move */
    evidence = (struct cairn_evidence){0};
    return CAIRN_OK;
}
