/* wipe/start.c -- see wipe/start.h. */
#include "wipe/start.h"

#include <string.h>

enum { PAYLOAD_MAX = 4096, CC_QUOTE = 0x00000158 };

enum cairn_rc cairn_wipe_start_write(const struct cairn_wipe_start *start, struct cairn_buf *out, struct cairn_err *err)
{
    CAIRN_JSON *o = json_object();
    CAIRN_TRY(cairn_tpm_head_write(o, "challenge", &start->head, err));
    CAIRN_TRY(cairn_json_set_hex(o, "order", CAIRN_SPAN(start->order), err));
    CAIRN_TRY(cairn_json_set_hex(o, "plan", CAIRN_SPAN(start->plan), err));
    CAIRN_TRY(cairn_json_set_hex(o, "media_log", CAIRN_SPAN(start->media_log), err));
    return cairn_json_write(o, out, err);
}

enum cairn_rc cairn_wipe_start_read(struct cairn_span payload, struct cairn_wipe_start *out, struct cairn_err *err)
{
    CAIRN_JSON *json = NULL;
    struct cairn_wipe_start start = {0};
    CAIRN_TRY(cairn_json_parse(payload, PAYLOAD_MAX, true, "wipe start", &json, err));
    struct cairn_obj o = cairn_obj(json, "wipe start", err);
    cairn_tpm_head_read(&o, "challenge", &start.head);
    cairn_obj_hex(&o, "order", start.order, sizeof start.order);
    cairn_obj_hex(&o, "plan", start.plan, sizeof start.plan);
    cairn_obj_hex(&o, "media_log", start.media_log, sizeof start.media_log);
    CAIRN_TRY(cairn_obj_done(&o));
    *out = start;
    return CAIRN_OK;
}

static CAIRN_RC digest_is(struct cairn_span document, const uint8_t want[32], const char *code, const char *what,
                          struct cairn_err *err)
{
    uint8_t digest[32] = {0};
    CAIRN_TRY(cairn_sha256(document, digest, err));
    if (!cairn_span_equal(CAIRN_SPAN(digest), cairn_span(want, 32))) {
        return CAIRN_FAIL(err, CAIRN_E_REFUSED, code, "the wipe was started over another %s", what);
    }
    return CAIRN_OK;
}

enum cairn_rc cairn_wipe_start_check(struct cairn_span payload, const struct cairn_statement *statement,
                                     const struct cairn_order *order, struct cairn_span plan, struct cairn_span media_log,
                                     struct cairn_err *err)
{
    struct cairn_wipe_start start = {0};
    CAIRN_TRY(cairn_wipe_start_read(payload, &start, err));
    const struct cairn_tpm_head want = cairn_statement_head(statement, order->challenge);
    CAIRN_TRY(cairn_tpm_head_check(&start.head, &want, err));
    if (!cairn_span_equal(CAIRN_SPAN(start.order), CAIRN_SPAN(order->digest))) {
        return CAIRN_FAIL(err, CAIRN_E_REFUSED, "start.order", "the wipe was started under another order");
    }
    CAIRN_TRY(digest_is(plan, start.plan, "start.plan", "plan", err));
    return digest_is(media_log, start.media_log, "start.media", "media log", err);
}

/* The response of TPM2_Quote: TPM2B_ATTEST, TPMT_SIGNATURE, behind rc and command code. */
static CAIRN_RC quote_of(struct cairn_span rp, struct cairn_attestation *out, struct cairn_err *err)
{
    struct cairn_reader r = cairn_reader(rp);
    (void)cairn_read_u32(&r);
    (void)cairn_read_u32(&r);
    struct cairn_span attest = cairn_read_tpm2b(&r, sizeof out->attest);
    struct cairn_span signature = r.rest;
    if (!cairn_reader_ok(&r) || signature.len > sizeof out->signature) {
        return CAIRN_FAIL(err, CAIRN_E_FORMAT, "start.audit", "an audited Quote is not one");
    }
    struct cairn_writer a = cairn_writer(out->attest, sizeof out->attest);
    struct cairn_writer s = cairn_writer(out->signature, sizeof out->signature);
    cairn_write_bytes(&a, attest);
    cairn_write_bytes(&s, signature);
    out->attest_len = attest.len;
    out->signature_len = signature.len;
    return CAIRN_OK;
}

static bool is_quote(const struct cairn_audit_step *step)
{
    struct cairn_reader r = cairn_reader(cairn_buf_span(&step->cp));
    return cairn_read_u32(&r) == CC_QUOTE && cairn_reader_ok(&r);
}

enum cairn_rc cairn_wipe_start_file(struct cairn_span payload, const struct cairn_audit_log *log, struct cairn_buf *out,
                                    struct cairn_err *err)
{
    CAIRN_TPMDOC doc = {.type = CAIRN_TYPE_WIPE_START};
    CAIRN_TRY(cairn_buf_set(&doc.payload, payload, err));
    for (size_t i = 0; i < log->num_steps && doc.num_attestations < 2; i++) {
        if (is_quote(&log->steps[i])) {
            CAIRN_TRY(quote_of(cairn_buf_span(&log->steps[i].rp), &doc.attestations[doc.num_attestations], err));
            doc.num_attestations++;
        }
    }
    if (doc.num_attestations != 2) {
        return CAIRN_FAIL(err, CAIRN_E_FORMAT, "start.audit", "the audited list holds no two Quotes");
    }
    return cairn_tpmdoc_write(&doc, out, err);
}

enum cairn_rc cairn_wipe_start_verify(struct cairn_span file, const struct cairn_statement *statement,
                                      struct cairn_buf *payload, struct cairn_err *err)
{
    CAIRN_TPMDOC doc = {0};
    uint8_t extra[32] = {0};
    struct cairn_claim claim = {0};
    CAIRN_TRY(cairn_tpmdoc_parse(file, CAIRN_TYPE_WIPE_START, &doc, err));
    CAIRN_TRY(cairn_pae_digest(CAIRN_TYPE_WIPE_START, cairn_buf_span(&doc.payload), extra, err));
    if (doc.num_attestations != 2) {
        return CAIRN_FAIL(err, CAIRN_E_REFUSED, "tpmdoc.attestations", "a wipe start carries two Quotes, this one %zu",
                          doc.num_attestations);
    }
    for (size_t i = 0; i < 2; i++) {
        CAIRN_TRY(
            cairn_claim_verify(&doc.attestations[i], CAIRN_CLAIM_QUOTE, cairn_area_span(&statement->ak), extra, &claim, err));
    }
    return cairn_buf_set(payload, cairn_buf_span(&doc.payload), err);
}
