/* wipe/tpm_erasure_device.c -- see wipe/tpm_erasure_device.h. */
#include "wipe/tpm_erasure_device.h"

/* struct run is one attempt: the proof holds a session of the TPM and is given back on every path. */
struct run {
    struct cairn_tpm *tpm;
    struct cairn_tpm_proof *proof;
    struct cairn_audit_log log;
};

static void run_clear(struct run *run)
{
    cairn_tpm_proof_free(run->tpm, run->proof);
    cairn_audit_log_clear(&run->log);
}

static CAIRN_RC sign(struct run *run, const struct cairn_certificate_parts *parts, const struct cairn_span *anchors,
                     struct cairn_buf *file, struct cairn_err *err)
{
    CAIRN_CERTIFICATE *found = NULL;
    CAIRN_BUF payload = {0};
    struct cairn_attestation audit = {0};
    uint8_t extra[32] = {0};
    CAIRN_TRY(cairn_certificate_judge(parts, anchors, parts->num_roots, &run->log, &found, err));
    CAIRN_TRY(cairn_certificate_payload(parts, found, &payload, err));
    CAIRN_TRY(cairn_pae_digest(CAIRN_TYPE_CERTIFICATE, cairn_buf_span(&payload), extra, err));
    CAIRN_TRY(cairn_tpm_wipe_sign(run->tpm, run->proof, extra, &audit, err));
    return cairn_certificate_file(cairn_buf_span(&payload), &run->log, &audit, file, err);
}

enum cairn_rc cairn_tpm_erasure(struct cairn_tpm *tpm, const struct cairn_certificate_parts *parts, const uint8_t fleet[32],
                                struct cairn_buf *start_file, struct cairn_buf *certificate, struct cairn_err *err)
{
    CAIRN_CLEANUP(run_clear) struct run run = {.tpm = tpm};
    CAIRN_CERTIFICATE *checked = NULL;
    CAIRN_BUF start = {0};
    CAIRN_BUF file = {0};
    struct cairn_span anchors[CAIRN_CERTIFICATE_MAX_ROOTS];
    struct cairn_tpm_wipe wipe = {.mask = CAIRN_WIPE_PCRS};
    for (size_t i = 0; i < parts->num_roots; i++) {
        anchors[i] = cairn_buf_span(&parts->roots[i]);
    }
    cairn_copy(wipe.fleet, fleet, CAIRN_SHA256_LEN);
    CAIRN_TRY(cairn_pae_digest(CAIRN_TYPE_WIPE_START, cairn_buf_span(&parts->start), wipe.extra, err));
    cairn_copy(wipe.stir, wipe.extra, CAIRN_SHA256_LEN);
    CAIRN_TRY(cairn_tpm_wipe_run(tpm, &wipe, &run.log, &run.proof, err));
    CAIRN_TRY(sign(&run, parts, anchors, &file, err));
    CAIRN_TRY(cairn_certificate_verify(cairn_buf_span(&file), anchors, parts->num_roots, &checked, err));
    CAIRN_TRY(cairn_wipe_start_file(cairn_buf_span(&parts->start), &run.log, &start, err));
    CAIRN_TRY(cairn_buf_append(start_file, cairn_buf_span(&start), err));
    return cairn_buf_append(certificate, cairn_buf_span(&file), err);
}
