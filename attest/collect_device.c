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

static CAIRN_RC attach_log(enum cairn_boot_log_kind kind, const char *path, struct cairn_tpmdoc *doc, struct cairn_err *err)
{
    bool present = false;
    struct cairn_attachment *to = &doc->attachments[doc->num_attachments];
    CAIRN_TRY(cairn_collect_log(path, &present, &to->bytes, err));
    if (present) {
        (void)snprintf(to->kind, sizeof to->kind, "%s", cairn_boot_log_name(kind));
        doc->num_attachments++;
        return CAIRN_OK;
    }
    if (kind == CAIRN_LOG_FIRMWARE && path != NULL && path[0] != '\0') {
        return CAIRN_FAIL(err, CAIRN_E_IO, "evidence.log.absent",
                          "there is no firmware event log at %s: mount securityfs, or set `log =` in [boot] to nothing if this "
                          "board has none",
                          path);
    }
    return CAIRN_OK;
}

CAIRN_RC cairn_collect_evidence(struct cairn_tpm *tpm, const struct cairn_statement *statement, const struct cairn_nonce *nonce,
                                const struct cairn_log_paths *logs, struct cairn_buf *out, struct cairn_err *err)
{
    CAIRN_TPMDOC doc = {.type = CAIRN_TYPE_EVIDENCE, .num_attestations = 1};
    uint8_t extra[CAIRN_SHA256_LEN] = {0};
    CAIRN_TRY(check_nonce(statement, nonce, err));
    const struct cairn_tpm_head head = cairn_statement_head(statement, nonce->nonce);
    CAIRN_TRY(cairn_evidence_payload(&head, &doc.payload, err));
    CAIRN_TRY(cairn_pae_digest(doc.type, cairn_buf_span(&doc.payload), extra, err));
    CAIRN_TRY(cairn_tpm_quote(tpm, nonce->mask, extra, &doc.attestations[0], err));
    for (size_t kind = 0; kind < CAIRN_NUM_BOOT_LOGS; kind++) {
        CAIRN_TRY(attach_log((enum cairn_boot_log_kind)kind, logs->path[kind], &doc, err));
    }
    return cairn_tpmdoc_write(&doc, out, err);
}
