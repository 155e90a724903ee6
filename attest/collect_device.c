/* attest/collect_device.c -- see collect_device.h. */
#include "attest/collect_device.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "core/doctype.h"

static CAIRN_RC check_nonce(const struct cairn_statement *statement, const struct cairn_nonce *nonce, struct cairn_err *err)
{
    if (!cairn_span_equal(CAIRN_SPAN(nonce->fleet), CAIRN_SPAN(statement->fleet))) {
        return CAIRN_FAIL(err, CAIRN_E_REFUSED, "nonce.fleet", "the nonce was made for a device of another fleet");
    }
    if (!cairn_span_equal(CAIRN_SPAN(nonce->device), CAIRN_SPAN(statement->device))) {
        return CAIRN_FAIL(err, CAIRN_E_REFUSED, "nonce.device", "the nonce was made for another device");
    }
    if (!cairn_name_equal(&nonce->ak, &statement->ak_name)) {
        return CAIRN_FAIL(err, CAIRN_E_REFUSED, "nonce.ak", "the nonce was made for another attestation key of this device");
    }
    if (nonce->purpose == CAIRN_PURPOSE_GRANT) {
        return CAIRN_FAIL(err, CAIRN_E_REFUSED, "nonce.purpose",
                          "this nonce asks for a grant request, not for evidence: `cairn grant request`");
    }
    return CAIRN_OK;
}

CAIRN_RC cairn_collect_log(const char *path, bool *present, struct cairn_buf *out, struct cairn_err *err)
{
    struct cairn_err why = {0};
    *present = false;
    if (path == NULL || path[0] == '\0') {
        return CAIRN_OK;
    }
    enum cairn_rc rc = cairn_path_read(path, CAIRN_ATTACHMENT_MAX, out, &why);
    if (rc == CAIRN_E_IO && why.cause == ENOENT) {
        return CAIRN_OK;
    }
    if (rc != CAIRN_OK) {
        return CAIRN_FAIL_CAUSE(err, rc, why.code, why.cause, "%s", why.text);
    }
    *present = true;
    return CAIRN_OK;
}

static CAIRN_RC check_absent(enum cairn_boot_log_kind kind, const char *path, struct cairn_err *err)
{
    if (kind == CAIRN_LOG_FIRMWARE && path != NULL && path[0] != '\0') {
        return CAIRN_FAIL(err, CAIRN_E_IO, "evidence.log.absent",
                          "there is no firmware event log at %s: mount securityfs, or set `log =` in [boot] to nothing if this "
                          "board has none",
                          path);
    }
    return CAIRN_OK;
}

static enum cairn_log_rule decide(const struct cairn_known_log *known, const uint8_t sha256[CAIRN_SHA256_LEN])
{
    for (size_t i = 0; i < known->num_digests; i++) {
        if (cairn_span_equal(CAIRN_SPAN(known->digests[i]), cairn_span(sha256, CAIRN_SHA256_LEN))) {
            return known->rule;
        }
    }
    return CAIRN_LOG_ATTACH;
}

static void add_log(struct cairn_tpmdoc *doc, enum cairn_boot_log_kind kind, const struct cairn_collected_log *log,
                    struct cairn_buf *bytes)
{
    struct cairn_attachment *to = &doc->attachments[doc->num_attachments++];
    *to = (struct cairn_attachment){.named = log->rule == CAIRN_LOG_NAME, .len = log->len};
    (void)snprintf(to->kind, sizeof to->kind, "%s", cairn_boot_log_name(kind));
    cairn_copy(to->sha256, log->sha256, sizeof log->sha256);
    if (!to->named) {
        to->bytes = *bytes;
        *bytes = (struct cairn_buf){0};
    }
}

static CAIRN_RC collect_log(enum cairn_boot_log_kind kind, const char *path, const struct cairn_known_log *known,
                            struct cairn_tpmdoc *doc, struct cairn_collected_log *out, struct cairn_err *err)
{
    CAIRN_BUF bytes = {0};
    struct cairn_collected_log log = {0};
    CAIRN_TRY(cairn_collect_log(path, &log.present, &bytes, err));
    if (!log.present) {
        *out = log;
        return check_absent(kind, path, err);
    }
    log.len = bytes.len;
    CAIRN_TRY(cairn_sha256(cairn_buf_span(&bytes), log.sha256, err));
    log.rule = decide(known, log.sha256);
    if (log.rule != CAIRN_LOG_LEAVE_OUT) {
        add_log(doc, kind, &log, &bytes);
    }
    *out = log;
    return CAIRN_OK;
}

CAIRN_RC cairn_collect_logs(const struct cairn_log_paths *logs, const struct cairn_collect_options *options,
                            struct cairn_tpmdoc *doc, struct cairn_collected_log collected[CAIRN_NUM_BOOT_LOGS],
                            struct cairn_err *err)
{
    static const struct cairn_collect_options all = {.cnf = NULL};
    struct cairn_collected_log done[CAIRN_NUM_BOOT_LOGS] = {0};
    options = options != NULL ? options : &all;
    for (size_t kind = 0; kind < CAIRN_NUM_BOOT_LOGS; kind++) {
        CAIRN_TRY(collect_log((enum cairn_boot_log_kind)kind, logs->path[kind], &options->known[kind], doc, &done[kind], err));
    }
    if (collected != NULL) {
        cairn_copy(collected, done, sizeof done);
    }
    return CAIRN_OK;
}

CAIRN_RC cairn_collect_evidence(struct cairn_tpm *tpm, const struct cairn_statement *statement, const struct cairn_nonce *nonce,
                                const struct cairn_log_paths *logs, const struct cairn_collect_options *options,
                                struct cairn_collected_log collected[CAIRN_NUM_BOOT_LOGS], struct cairn_buf *out,
                                struct cairn_err *err)
{
    CAIRN_TPMDOC doc = {.type = CAIRN_TYPE_EVIDENCE, .num_attestations = 1};
    const char *cnf = options != NULL && options->cnf != NULL ? options->cnf : "";
    uint8_t extra[CAIRN_SHA256_LEN] = {0};
    CAIRN_TRY(check_nonce(statement, nonce, err));
    const struct cairn_tpm_head head = cairn_statement_head(statement, nonce->nonce);
    CAIRN_TRY(cairn_evidence_payload(&head, cnf, &doc.payload, err));
    CAIRN_TRY(cairn_pae_digest(doc.type, cairn_buf_span(&doc.payload), extra, err));
    CAIRN_TRY(cairn_tpm_quote(tpm, nonce->mask, extra, &doc.attestations[0], err));
    CAIRN_TRY(cairn_collect_logs(logs, options, &doc, collected, err));
    return cairn_tpmdoc_write(&doc, out, err);
}
