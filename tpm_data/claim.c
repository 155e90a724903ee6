/* tpm_data/claim.c -- decode a TPMS_ATTEST, and decide whether it is the word of a known TPM.
 *
 * Trust boundary: every byte here comes from a device. The magic is the security (CHECKS 8, 50): a restricted AK signs any
 * text that does not begin with it.
 * Source: TPM 2.0 Part 2, TPMS_ATTEST, TPMU_ATTEST, TPMT_SIGNATURE.
 */
#include "tpm_data/claim.h"

#include <stdlib.h>

#include "tpm_data/template.h"

static const uint32_t tpm_generated = 0xff544347u;
enum { ALG_ECDSA = 0x0018, COORDINATE_LEN = 32 };

/* A Name is exactly nameAlg SHA-256 and its digest: no other object takes part in what Cairn believes. */
static void read_name(struct cairn_reader *r, struct cairn_name *out)
{
    uint16_t len = cairn_read_u16(r);
    cairn_read_array(r, out->bytes, sizeof out->bytes);
    if (len != CAIRN_NAME_LEN || out->bytes[0] != 0x00 || out->bytes[1] != CAIRN_SHA256) {
        cairn_reader_fail(r);
    }
}

static void read_digest(struct cairn_reader *r, uint8_t out[CAIRN_SHA256_LEN])
{
    if (cairn_read_u16(r) != CAIRN_SHA256_LEN) {
        cairn_reader_fail(r);
    }
    cairn_read_array(r, out, CAIRN_SHA256_LEN);
}

/* TPMI_YES_NO: 0 or 1 and nothing else. */
static bool read_flag(struct cairn_reader *r)
{
    uint8_t value = cairn_read_u8(r);
    if (value > 1) {
        cairn_reader_fail(r);
    }
    return value == 1;
}

/* A TPM2B of at most `cap` bytes into an array. */
static uint16_t read_sized(struct cairn_reader *r, uint8_t *out, size_t cap)
{
    struct cairn_span bytes = cairn_read_tpm2b(r, cap);
    struct cairn_reader inner = cairn_reader(bytes);
    cairn_read_array(&inner, out, bytes.len);
    return (uint16_t)bytes.len;
}

static void read_quote(struct cairn_reader *r, struct cairn_claim *out)
{
    struct cairn_span selection = cairn_read_bytes(r, CAIRN_SELECTION_LEN);
    if (cairn_selection_parse(selection, &out->u.quote.mask, NULL) != CAIRN_OK) {
        cairn_reader_fail(r);
    }
    read_digest(r, out->u.quote.digest);
}

static void read_attested(struct cairn_reader *r, struct cairn_claim *out)
{
    switch (out->type) {
    case CAIRN_CLAIM_QUOTE:
        read_quote(r, out);
        break;
    case CAIRN_CLAIM_CERTIFY:
        read_name(r, &out->u.certify.name);
        read_name(r, &out->u.certify.qualified);
        break;
    case CAIRN_CLAIM_NV:
        read_name(r, &out->u.nv.index);
        out->u.nv.offset = cairn_read_u16(r);
        out->u.nv.len = read_sized(r, out->u.nv.contents, sizeof out->u.nv.contents);
        break;
    case CAIRN_CLAIM_AUDIT:
        out->u.audit.exclusive = read_flag(r);
        read_digest(r, out->u.audit.digest);
        break;
    }
}

static bool known_type(uint16_t type)
{
    return type == CAIRN_CLAIM_QUOTE || type == CAIRN_CLAIM_CERTIFY || type == CAIRN_CLAIM_NV || type == CAIRN_CLAIM_AUDIT;
}

CAIRN_RC cairn_claim_parse(struct cairn_span attest, struct cairn_claim *out, struct cairn_err *err)
{
    struct cairn_reader r = cairn_reader(attest);
    uint32_t magic = cairn_read_u32(&r);
    if (cairn_reader_ok(&r) && magic != tpm_generated) {
        return CAIRN_FAIL(err, CAIRN_E_REFUSED, "attestation.magic",
                          "the signed bytes were not made by a TPM: somebody had a key sign a text of his own");
    }
    uint16_t type = cairn_read_u16(&r);
    if (cairn_reader_ok(&r) && !known_type(type)) {
        return CAIRN_FAIL(err, CAIRN_E_REFUSED, "attestation.type", "0x%04x is no attestation type that Cairn uses", type);
    }
    struct cairn_claim claim = {.type = (enum cairn_claim_type)type};
    read_name(&r, &claim.signer);
    claim.extra_len = read_sized(&r, claim.extra, sizeof claim.extra);
    claim.clock_ms = cairn_read_u64(&r);
    claim.resets = cairn_read_u32(&r);
    claim.restarts = cairn_read_u32(&r);
    claim.clock_safe = read_flag(&r);
    claim.firmware = cairn_read_u64(&r);
    read_attested(&r, &claim);
    if (!cairn_reader_done(&r)) {
        return CAIRN_FAIL(err, CAIRN_E_FORMAT, "tpm.attest", "the attestation is damaged (fault at byte %zu of %zu)", r.offset,
                          attest.len);
    }
    *out = claim;
    return CAIRN_OK;
}

/* Right-aligns one coordinate. */
static void read_coordinate(struct cairn_reader *r, struct cairn_writer *w)
{
    static const uint8_t zero[COORDINATE_LEN] = {0};
    struct cairn_span bytes = cairn_read_tpm2b(r, COORDINATE_LEN);
    if (bytes.len == 0) {
        cairn_reader_fail(r);
    }
    cairn_write_bytes(w, cairn_span(zero, COORDINATE_LEN - bytes.len));
    cairn_write_bytes(w, bytes);
}

CAIRN_RC cairn_signature_parse(struct cairn_span signature, uint8_t rs[64], struct cairn_err *err)
{
    uint8_t value[2 * COORDINATE_LEN] = {0};
    struct cairn_reader r = cairn_reader(signature);
    struct cairn_writer w = cairn_writer(value, sizeof value);
    uint16_t scheme = cairn_read_u16(&r);
    uint16_t hash = cairn_read_u16(&r);
    read_coordinate(&r, &w);
    read_coordinate(&r, &w);
    if (!cairn_reader_done(&r) || scheme != ALG_ECDSA || hash != CAIRN_SHA256) {
        return CAIRN_FAIL(err, CAIRN_E_FORMAT, "tpm.signature", "the signature is not ECDSA P-256 with SHA-256");
    }
    struct cairn_writer out = cairn_writer(rs, sizeof value);
    cairn_write_bytes(&out, CAIRN_SPAN(value));
    return CAIRN_OK;
}

struct cairn_claim_key {
    struct cairn_name qualified; /* computed from the public area, in the endorsement hierarchy (CHECKS 15) */
    struct cairn_ec_verifier *verifier;
};

CAIRN_RC cairn_claim_key_new(struct cairn_span ak_public, struct cairn_claim_key **out, struct cairn_err *err)
{
    struct cairn_ec_key point = {{0}, {0}};
    struct cairn_name name = {{0}};
    CAIRN_CLAIM_KEY *key = calloc(1, sizeof *key);
    if (key == NULL) {
        return CAIRN_FAIL(err, CAIRN_E_IO, "memory", "no memory for a key");
    }
    CAIRN_TRY(cairn_name_compute(ak_public, &name, err));
    CAIRN_TRY(cairn_name_qualify(CAIRN_RH_ENDORSEMENT, &name, &key->qualified, err));
    CAIRN_TRY(cairn_public_point(ak_public, &point, err));
    CAIRN_TRY(cairn_ec_verifier_new(&point, &key->verifier, err));
    *out = key;
    key = NULL;
    return CAIRN_OK;
}

void cairn_claim_key_free(struct cairn_claim_key *key)
{
    if (key != NULL) {
        cairn_ec_verifier_free(key->verifier);
        free(key);
    }
}

void cairn_claim_key_freep(struct cairn_claim_key **key)
{
    cairn_claim_key_free(*key);
    *key = NULL;
}

/* What the attestation says, against what it must say; the signature comes after. */
static CAIRN_RC check_content(const struct cairn_claim *claim, enum cairn_claim_type type, const struct cairn_claim_key *key,
                              const uint8_t extra[32], struct cairn_err *err)
{
    if (claim->type != type) {
        return CAIRN_FAIL(err, CAIRN_E_REFUSED, "attestation.type", "the attestation is of type 0x%04x, wanted is 0x%04x",
                          (unsigned)claim->type, (unsigned)type);
    }
    if (!cairn_name_equal(&claim->signer, &key->qualified)) {
        return CAIRN_FAIL(err, CAIRN_E_REFUSED, "attestation.signer",
                          "the attestation names another signer than the enrolled key in the endorsement hierarchy");
    }
    if (claim->extra_len != CAIRN_SHA256_LEN ||
        !cairn_span_equal(CAIRN_SPAN(claim->extra), cairn_span(extra, CAIRN_SHA256_LEN))) {
        return CAIRN_FAIL(err, CAIRN_E_REFUSED, "attestation.extra", "the attestation was made for another document or nonce");
    }
    return CAIRN_OK;
}

static CAIRN_RC check_signature(const struct cairn_attestation *att, struct cairn_claim_key *key, struct cairn_err *err)
{
    uint8_t rs[2 * COORDINATE_LEN] = {0};
    uint8_t digest[CAIRN_SHA256_LEN] = {0};
    CAIRN_TRY(cairn_signature_parse(cairn_span(att->signature, att->signature_len), rs, err));
    CAIRN_TRY(cairn_sha256(cairn_span(att->attest, att->attest_len), digest, err));
    enum cairn_rc rc = cairn_ec_verifier_verify(key->verifier, digest, rs, err);
    if (rc == CAIRN_E_REFUSED) {
        return CAIRN_FAIL(err, CAIRN_E_REFUSED, "attestation.signature",
                          "the attestation is not signed by the device's attestation key, or was altered");
    }
    return rc;
}

CAIRN_RC cairn_claim_verify_by(const struct cairn_attestation *att, enum cairn_claim_type type, struct cairn_claim_key *key,
                               const uint8_t extra[32], struct cairn_claim *out, struct cairn_err *err)
{
    if (att->attest_len > sizeof att->attest) {
        return CAIRN_FAIL(err, CAIRN_E_FORMAT, "tpm.attest", "the attestation is longer than any TPM makes");
    }
    if (att->signature_len > sizeof att->signature) {
        return CAIRN_FAIL(err, CAIRN_E_FORMAT, "tpm.signature", "the signature is longer than any TPM makes");
    }
    struct cairn_claim claim = {0};
    CAIRN_TRY(cairn_claim_parse(cairn_span(att->attest, att->attest_len), &claim, err));
    CAIRN_TRY(check_content(&claim, type, key, extra, err));
    CAIRN_TRY(check_signature(att, key, err));
    *out = claim;
    return CAIRN_OK;
}

CAIRN_RC cairn_claim_verify(const struct cairn_attestation *att, enum cairn_claim_type type, struct cairn_span ak_public,
                            const uint8_t extra[32], struct cairn_claim *out, struct cairn_err *err)
{
    CAIRN_CLAIM_KEY *key = NULL;
    CAIRN_TRY(cairn_claim_key_new(ak_public, &key, err));
    return cairn_claim_verify_by(att, type, key, extra, out, err);
}

bool cairn_claim_same_boot(const struct cairn_claim *a, const struct cairn_claim *b)
{
    return a->resets == b->resets && a->restarts == b->restarts;
}

CAIRN_RC cairn_claim_counter(const struct cairn_claim *nv, const struct cairn_name *index, uint64_t *out, struct cairn_err *err)
{
    if (nv->type != CAIRN_CLAIM_NV || !cairn_name_equal(&nv->u.nv.index, index) || nv->u.nv.offset != 0 ||
        nv->u.nv.len != sizeof *out) {
        return CAIRN_FAIL(
            err, CAIRN_E_REFUSED, "attestation.index",
            "the attested counter is not this device's epoch index: an index with other attributes could go back");
    }
    struct cairn_reader r = cairn_reader(cairn_span(nv->u.nv.contents, sizeof *out));
    *out = cairn_read_u64(&r);
    return CAIRN_OK;
}
