/* attest/enrolment.c -- the enroller's judgement: what must hold before a challenge is made, and before a statement is.
 *
 * Trust boundary: request and answer come from a device nobody knows yet. Source: DESIGN 8; CHECKS 1-7, 15, 49, 56, 60, 65.
 */
#include "attest/enrolment.h"

#include <stdio.h>
#include <string.h>

enum { CLAIM_SRK, CLAIM_EPOCH, CLAIM_QUOTE };
static const enum cairn_claim_type answer_claims[CAIRN_ENROL_NUM_ATTESTATIONS] = {
    [CLAIM_SRK] = CAIRN_CLAIM_CERTIFY,
    [CLAIM_EPOCH] = CAIRN_CLAIM_NV,
    [CLAIM_QUOTE] = CAIRN_CLAIM_QUOTE,
};

static void copy_nonce(uint8_t out[32], const uint8_t from[32])
{
    struct cairn_writer w = cairn_writer(out, 32);
    cairn_write_bytes(&w, cairn_span(from, 32));
}

/* Finds the certificate of this EK among those present; others (of an RSA EK, say) are of no interest. */
static CAIRN_RC find_certificate(const struct cairn_enrol_request *request, const struct cairn_ec_key *ek,
                                 struct cairn_span *out, struct cairn_err *err)
{
    if (request->num_certificates == 0) {
        return CAIRN_FAIL(err, CAIRN_E_REFUSED, "enrolment.ek.absent",
                          "the request holds no EK certificate: if the maker offers it for download, add it on the device");
    }
    for (size_t i = 0; i < request->num_certificates; i++) {
        struct cairn_ec_key key = {{0}, {0}};
        bool is_p256 = false;
        struct cairn_span der = cairn_buf_span(&request->certificates[i]);
        CAIRN_TRY(cairn_ek_certificate_key(der, &is_p256, &key, err));
        if (is_p256 && cairn_ec_key_equal(&key, ek)) {
            *out = der;
            return CAIRN_OK;
        }
    }
    return CAIRN_FAIL(err, CAIRN_E_REFUSED, "enrolment.ek.key",
                      "none of the %zu EK certificates is for the device's P-256 endorsement key", request->num_certificates);
}

static CAIRN_RC check_request(const struct cairn_root *root, const struct cairn_ca_set *cas,
                              struct cairn_enrol_request *request, uint64_t now_s, struct cairn_ec_key *ek,
                              struct cairn_ek_facts *facts, struct cairn_err *err)
{
    struct cairn_span der = {NULL, 0};
    if (cairn_ca_set_num_anchors(cas) == 0) {
        return CAIRN_FAIL(err, CAIRN_E_USAGE, "ca.empty", "there is no self-signed certificate to trust: nobody could vouch");
    }
    CAIRN_TRY(cairn_statement_derive(root, &request->device, err));
    CAIRN_TRY(cairn_public_ek_check(cairn_area_span(&request->device.ek), ek, err));
    CAIRN_TRY(find_certificate(request, ek, &der, err));
    CAIRN_TRY(cairn_ek_chain_check(cas, der, ek, now_s, facts, err));
    if (facts->is_virtual && strcmp(request->device.tpm_class, "virtual") != 0) {
        return CAIRN_FAIL(err, CAIRN_E_REFUSED, "enrolment.tpm.class",
                          "the EK certificate is a software TPM's, and the device calls it hardware");
    }
    return CAIRN_OK;
}

static CAIRN_RC write_pending(struct cairn_span request, const struct cairn_ek_facts *facts,
                              const struct cairn_enrol_random *random, struct cairn_buf *out, struct cairn_err *err)
{
    CAIRN_ENROL_PENDING pending = {.facts = *facts};
    copy_nonce(pending.nonce, random->nonce);
    CAIRN_TRY(cairn_buf_set(&pending.request, request, err));
    CAIRN_TRY(cairn_secret_copy(cairn_secret_span(random->secret), &pending.secret, err));
    return cairn_enrol_pending_write(&pending, out, err);
}

CAIRN_RC cairn_enrol_challenge_make(const struct cairn_root *root, const struct cairn_ca_set *cas, struct cairn_span request,
                                    uint64_t now_s, const struct cairn_enrol_random *random, struct cairn_buf *challenge,
                                    struct cairn_buf *pending, struct cairn_err *err)
{
    CAIRN_ENROL_REQUEST r = {.num_certificates = 0};
    struct cairn_ec_key ek = {{0}, {0}};
    struct cairn_ek_facts facts = {{0}, "", "", false};
    CAIRN_TRY(cairn_enrol_request_parse(request, &r, err));
    CAIRN_TRY(check_request(root, cas, &r, now_s, &ek, &facts, err));
    struct cairn_enrol_challenge c = {.ak = r.device.ak_name};
    copy_nonce(c.nonce, random->nonce);
    CAIRN_TRY(
        cairn_wrap_credential(random->ephemeral, &ek, &c.ak, cairn_secret_span(random->secret), &c.credential, &c.seed, err));
    CAIRN_BUF challenge_text = {0};
    CAIRN_BUF pending_text = {0};
    CAIRN_TRY(cairn_enrol_challenge_write(&c, &challenge_text, err));
    CAIRN_TRY(write_pending(request, &facts, random, &pending_text, err));
    CAIRN_TRY(cairn_buf_set(challenge, cairn_buf_span(&challenge_text), err));
    return cairn_buf_set(pending, cairn_buf_span(&pending_text), err);
}

CAIRN_RC cairn_enrol_challenge_fresh(const struct cairn_root *root, const struct cairn_ca_set *cas, struct cairn_span request,
                                     uint64_t now_s, struct cairn_buf *challenge, struct cairn_buf *pending,
                                     struct cairn_err *err)
{
    CAIRN_SECRET *secret = NULL;
    CAIRN_SIGNER *ephemeral = NULL;
    struct cairn_enrol_random random = {.secret = NULL};
    CAIRN_TRY(cairn_secret_new(CAIRN_ENROL_SECRET_LEN, &secret, err));
    CAIRN_TRY(cairn_random(cairn_secret_bytes(secret), CAIRN_ENROL_SECRET_LEN, err));
    CAIRN_TRY(cairn_random(random.nonce, sizeof random.nonce, err));
    CAIRN_TRY(cairn_signer_generate(&ephemeral, err));
    random.secret = secret;
    random.ephemeral = ephemeral;
    return cairn_enrol_challenge_make(root, cas, request, now_s, &random, challenge, pending, err);
}

/* struct answer is the payload's own words. */
struct answer {
    struct cairn_tpm_head head;
    uint8_t proof[CAIRN_SHA256_LEN];
    uint8_t request[CAIRN_SHA256_LEN];
};

static CAIRN_RC read_answer(struct cairn_span payload, struct answer *out, struct cairn_err *err)
{
    CAIRN_JSON *json = NULL;
    CAIRN_TRY(cairn_json_parse(payload, CAIRN_FILE_MAX, true, "enrolment answer", &json, err));
    struct cairn_obj o = cairn_obj(json, "enrolment answer", err);
    cairn_tpm_head_read(&o, "nonce", &out->head);
    cairn_obj_hex(&o, "proof", out->proof, sizeof out->proof);
    cairn_obj_hex(&o, "request", out->request, sizeof out->request);
    return cairn_obj_done(&o);
}

static CAIRN_RC make_proof(struct cairn_span secret, const uint8_t nonce[32], uint8_t out[CAIRN_SHA256_LEN],
                           struct cairn_err *err)
{
    const struct cairn_span part = cairn_span(nonce, 32);
    return cairn_hmac_sha256(secret, &part, 1, out, err);
}

CAIRN_RC cairn_enrol_answer_payload(const struct cairn_tpm_head *head, struct cairn_span secret, struct cairn_span request,
                                    struct cairn_buf *out, struct cairn_err *err)
{
    CAIRN_BUF text = {0};
    CAIRN_JSON *json = json_object();
    uint8_t proof[CAIRN_SHA256_LEN] = {0};
    uint8_t digest[CAIRN_SHA256_LEN] = {0};
    CAIRN_TRY(make_proof(secret, head->nonce, proof, err));
    CAIRN_TRY(cairn_sha256(request, digest, err));
    CAIRN_TRY(cairn_tpm_head_write(json, "nonce", head, err));
    CAIRN_TRY(cairn_json_set_hex(json, "proof", CAIRN_SPAN(proof), err));
    CAIRN_TRY(cairn_json_set_hex(json, "request", CAIRN_SPAN(digest), err));
    CAIRN_TRY(cairn_json_write(json, &text, err));
    return cairn_buf_set(out, cairn_buf_span(&text), err);
}

/* One comparison over everything that shows who answers: which part differed is nobody's business (CHECKS 3). */
static CAIRN_RC check_proof(const struct cairn_enrol_pending *pending, const struct answer *answer, struct cairn_err *err)
{
    uint8_t want[3 * CAIRN_SHA256_LEN] = {0};
    uint8_t got[3 * CAIRN_SHA256_LEN] = {0};
    uint8_t proof[CAIRN_SHA256_LEN] = {0};
    uint8_t request[CAIRN_SHA256_LEN] = {0};
    CAIRN_TRY(make_proof(cairn_secret_span(pending->secret), pending->nonce, proof, err));
    CAIRN_TRY(cairn_sha256(cairn_buf_span(&pending->request), request, err));
    struct cairn_writer w = cairn_writer(want, sizeof want);
    cairn_write_bytes(&w, CAIRN_SPAN(proof));
    cairn_write_bytes(&w, CAIRN_SPAN(pending->nonce));
    cairn_write_bytes(&w, CAIRN_SPAN(request));
    w = cairn_writer(got, sizeof got);
    cairn_write_bytes(&w, CAIRN_SPAN(answer->proof));
    cairn_write_bytes(&w, CAIRN_SPAN(answer->head.nonce));
    cairn_write_bytes(&w, CAIRN_SPAN(answer->request));
    bool same = cairn_ct_equal(CAIRN_SPAN(want), CAIRN_SPAN(got));
    cairn_wipe(want, sizeof want);
    cairn_wipe(proof, sizeof proof);
    if (!same) {
        return CAIRN_FAIL(err, CAIRN_E_REFUSED, "enrolment.proof",
                          "the answer is not right. This challenge is used up: make a new one");
    }
    return CAIRN_OK;
}

static CAIRN_RC check_srk(const struct cairn_claim *claim, const struct cairn_name *srk, struct cairn_err *err)
{
    struct cairn_name qualified = {{0}};
    CAIRN_TRY(cairn_name_qualify(CAIRN_RH_OWNER, srk, &qualified, err));
    if (!cairn_name_equal(&claim->u.certify.name, srk)) {
        return CAIRN_FAIL(err, CAIRN_E_REFUSED, "enrolment.srk.name", "the TPM certified another key than the request's SRK");
    }
    if (!cairn_name_equal(&claim->u.certify.qualified, &qualified)) {
        return CAIRN_FAIL(
            err, CAIRN_E_REFUSED, "enrolment.srk.hierarchy",
            "the storage key is not a primary of the owner hierarchy: what is sealed to it might outlive a Clear");
    }
    return CAIRN_OK;
}

static CAIRN_RC check_claims(const struct cairn_claim *claims, const struct cairn_statement *device, uint64_t *epoch_value,
                             struct cairn_err *err)
{
    CAIRN_TRY(check_srk(&claims[CLAIM_SRK], &device->srk_name, err));
    CAIRN_TRY(cairn_claim_counter(&claims[CLAIM_EPOCH], &device->epoch_name, epoch_value, err));
    if (claims[CLAIM_QUOTE].u.quote.mask != CAIRN_ENROL_PCRS) {
        return CAIRN_FAIL(err, CAIRN_E_REFUSED, "enrolment.quote", "the quote is not over PCR 0 to 9");
    }
    if (claims[CLAIM_QUOTE].firmware != device->tpm_firmware) {
        return CAIRN_FAIL(err, CAIRN_E_REFUSED, "enrolment.tpm.firmware",
                          "the TPM attests firmware %016llx, the request says %016llx",
                          (unsigned long long)claims[CLAIM_QUOTE].firmware, (unsigned long long)device->tpm_firmware);
    }
    return CAIRN_OK;
}

CAIRN_RC cairn_enrol_judge(const struct cairn_root *root, const struct cairn_enrol_pending *pending,
                           const struct cairn_tpmdoc *answer, uint64_t now_s, struct cairn_statement *out,
                           struct cairn_err *err)
{
    CAIRN_ENROL_REQUEST request = {.num_certificates = 0};
    struct answer said = {.proof = {0}};
    struct cairn_claim claims[CAIRN_ENROL_NUM_ATTESTATIONS] = {0};
    struct cairn_statement *s = &request.device;
    CAIRN_TRY(cairn_enrol_request_parse(cairn_buf_span(&pending->request), &request, err));
    CAIRN_TRY(cairn_statement_derive(root, s, err));
    CAIRN_TRY(read_answer(cairn_buf_span(&answer->payload), &said, err));
    CAIRN_TRY(check_proof(pending, &said, err));
    struct cairn_tpm_head want = cairn_statement_head(s, pending->nonce);
    CAIRN_TRY(cairn_tpm_head_check(&said.head, &want, err));
    CAIRN_TRY(cairn_tpmdoc_verify(answer, cairn_area_span(&s->ak), answer_claims, CAIRN_ENROL_NUM_ATTESTATIONS, claims, err));
    CAIRN_TRY(check_claims(claims, s, &s->epoch_value, err));
    copy_nonce(s->ek_certificate, pending->facts.sha256);
    (void)snprintf(s->device_class, sizeof s->device_class, "%s", cairn_root_class(root));
    s->root_version = cairn_root_version(root);
    s->issued_s = now_s;
    *out = *s;
    return CAIRN_OK;
}
