/* tpm_data/template.c -- the public areas Cairn makes, and the comparison of what a device shows with them.
 *
 * A foreign area is decoded only to find its point; then the template is built around that point and compared byte for
 * byte, so no attribute, algorithm or length can be overlooked (CHECKS 1, 2, 7, 49, 56).
 *
 * Source: TPM 2.0 Part 2, TPMT_PUBLIC, TPMS_ECC_PARMS, TPMA_OBJECT, TPMS_NV_PUBLIC, TPMA_NV; TCG EK Credential Profile 2.5,
 * template L-2; TCG TPM v2.0 Provisioning Guidance 7.5.1.
 */
#include "tpm_data/template.h"

#include <assert.h>

enum {
    ALG_AES = 0x0006,
    ALG_KEYEDHASH = 0x0008,
    ALG_NULL = 0x0010,
    ALG_ECDSA = 0x0018,
    ALG_ECDAA = 0x001A,
    ALG_ECC = 0x0023,
    ALG_CFB = 0x0043,
    CURVE_P256 = 0x0003,
    AES_KEY_BITS = 128,
};
/* TPMA_OBJECT */
enum {
    FIXED_TPM = 0x00000002,
    FIXED_PARENT = 0x00000010,
    SENSITIVE_DATA_ORIGIN = 0x00000020,
    USER_WITH_AUTH = 0x00000040,
    ADMIN_WITH_POLICY = 0x00000080,
    NO_DA = 0x00000400,
    RESTRICTED = 0x00010000,
    DECRYPT = 0x00020000,
    SIGN = 0x00040000,
};
/* TPMA_NV */
enum {
    NV_OWNERWRITE = 0x00000002,
    NV_POLICYWRITE = 0x00000008,
    NV_COUNTER = 0x00000010,
    NV_WRITEALL = 0x00001000,
    NV_AUTHREAD = 0x00040000,
    NV_NO_DA = 0x02000000,
    NV_WRITTEN = 0x20000000,
};
enum { COORDINATE_LEN = 32, MAX_COORDINATE_LEN = 66, MAX_DIGEST_LEN = 64, NV_COUNTER_LEN = 8, NV_HANDLE_TYPE = 0x01 };

/* PolicySecret(TPM_RH_ENDORSEMENT): "PolicyA" of the EK Credential Profile. */
static const uint8_t ek_policy[32] = {0x83, 0x71, 0x97, 0x67, 0x44, 0x84, 0xb3, 0xf8, 0x1a, 0x90, 0xcc,
                                      0x8d, 0x46, 0xa5, 0xd7, 0x24, 0xfd, 0x52, 0xd7, 0x6e, 0x06, 0x52,
                                      0x0b, 0x64, 0xf2, 0xa1, 0xda, 0x1b, 0x33, 0x14, 0x69, 0xaa};
static const struct cairn_ec_key zero_point = {{0}, {0}};

/* struct form is what tells one ECC template from another. */
struct form {
    uint32_t attributes;
    struct cairn_span policy;
    bool storage; /* AES-128-CFB protects children or credentials; otherwise symmetric is NULL */
    bool ecdsa;   /* the scheme is fixed to ECDSA with SHA-256; otherwise NULL */
};

struct cairn_span cairn_area_span(const struct cairn_area *area)
{
    return cairn_span(area->bytes, area->len);
}

static void ecc_area(const struct form *form, const struct cairn_ec_key *point, struct cairn_area *out)
{
    *out = (struct cairn_area){{0}, 0};
    struct cairn_writer w = cairn_writer(out->bytes, sizeof out->bytes);
    cairn_write_u16(&w, ALG_ECC);
    cairn_write_u16(&w, CAIRN_SHA256);
    cairn_write_u32(&w, form->attributes);
    cairn_write_tpm2b(&w, form->policy);
    if (form->storage) {
        cairn_write_u16(&w, ALG_AES);
        cairn_write_u16(&w, AES_KEY_BITS);
        cairn_write_u16(&w, ALG_CFB);
    } else {
        cairn_write_u16(&w, ALG_NULL);
    }
    if (form->ecdsa) {
        cairn_write_u16(&w, ALG_ECDSA);
        cairn_write_u16(&w, CAIRN_SHA256);
    } else {
        cairn_write_u16(&w, ALG_NULL);
    }
    cairn_write_u16(&w, CURVE_P256);
    cairn_write_u16(&w, ALG_NULL); /* kdf */
    cairn_write_tpm2b(&w, cairn_span(point->x, sizeof point->x));
    cairn_write_tpm2b(&w, cairn_span(point->y, sizeof point->y));
    assert(cairn_writer_ok(&w));
    out->len = w.len;
}

void cairn_template_ak(const uint8_t fleet[32], const struct cairn_ec_key *key, struct cairn_area *out)
{
    const struct form form = {
        .attributes = FIXED_TPM | FIXED_PARENT | SENSITIVE_DATA_ORIGIN | USER_WITH_AUTH | NO_DA | RESTRICTED | SIGN,
        .ecdsa = true,
    };
    struct cairn_ec_key creation = zero_point;
    if (key == NULL) {
        struct cairn_writer w = cairn_writer(creation.x, sizeof creation.x);
        cairn_write_bytes(&w, cairn_span(fleet, sizeof creation.x));
    }
    ecc_area(&form, key != NULL ? key : &creation, out);
}

void cairn_template_srk(const struct cairn_ec_key *key, struct cairn_area *out)
{
    const struct form form = {
        .attributes = FIXED_TPM | FIXED_PARENT | SENSITIVE_DATA_ORIGIN | USER_WITH_AUTH | NO_DA | RESTRICTED | DECRYPT,
        .storage = true,
    };
    ecc_area(&form, key != NULL ? key : &zero_point, out);
}

void cairn_template_ek(const struct cairn_ec_key *key, struct cairn_area *out)
{
    const struct form form = {
        .attributes = FIXED_TPM | FIXED_PARENT | SENSITIVE_DATA_ORIGIN | ADMIN_WITH_POLICY | RESTRICTED | DECRYPT,
        .policy = CAIRN_SPAN(ek_policy),
        .storage = true,
    };
    ecc_area(&form, key != NULL ? key : &zero_point, out);
}

void cairn_template_pcrpolicy(const struct cairn_ec_key *key, struct cairn_area *out)
{
    const struct form form = {.attributes = USER_WITH_AUTH | SIGN};
    ecc_area(&form, key, out);
}

static void keyedhash_area(uint32_t attributes, const uint8_t policy[32], const uint8_t unique[32], struct cairn_area *out)
{
    *out = (struct cairn_area){{0}, 0};
    struct cairn_writer w = cairn_writer(out->bytes, sizeof out->bytes);
    cairn_write_u16(&w, ALG_KEYEDHASH);
    cairn_write_u16(&w, CAIRN_SHA256);
    cairn_write_u32(&w, attributes);
    cairn_write_tpm2b(&w, cairn_span(policy, CAIRN_SHA256_LEN));
    cairn_write_u16(&w, ALG_NULL);
    cairn_write_tpm2b(&w, cairn_span(unique, unique != NULL ? CAIRN_SHA256_LEN : 0));
    assert(cairn_writer_ok(&w));
    out->len = w.len;
}

void cairn_template_sealed(const uint8_t policy[32], const uint8_t unique[32], struct cairn_area *out)
{
    keyedhash_area(FIXED_TPM | FIXED_PARENT | NO_DA, policy, unique, out);
}

void cairn_template_import(const uint8_t policy[32], const uint8_t unique[32], struct cairn_area *out)
{
    keyedhash_area(NO_DA, policy, unique, out);
}

static void nv_area(uint32_t index, uint32_t attributes, struct cairn_span policy, uint16_t size, struct cairn_area *out)
{
    *out = (struct cairn_area){{0}, 0};
    struct cairn_writer w = cairn_writer(out->bytes, sizeof out->bytes);
    cairn_write_u32(&w, index);
    cairn_write_u16(&w, CAIRN_SHA256);
    cairn_write_u32(&w, attributes);
    cairn_write_tpm2b(&w, policy);
    cairn_write_u16(&w, size);
    assert(cairn_writer_ok(&w));
    out->len = w.len;
}

void cairn_template_epoch(uint32_t index, bool written, struct cairn_area *out)
{
    uint32_t attributes = NV_COUNTER | NV_AUTHREAD | NV_OWNERWRITE | NV_NO_DA;
    nv_area(index, attributes | (written ? NV_WRITTEN : 0u), (struct cairn_span){NULL, 0}, NV_COUNTER_LEN, out);
}

void cairn_template_anchor(uint32_t index, const uint8_t policy[32], bool written, struct cairn_area *out)
{
    uint32_t attributes = NV_POLICYWRITE | NV_WRITEALL | NV_AUTHREAD | NV_NO_DA;
    nv_area(index, attributes | (written ? NV_WRITTEN : 0u), cairn_span(policy, CAIRN_SHA256_LEN), CAIRN_ANCHOR_LEN, out);
}

/* Skips an optional algorithm: its identifier and, unless that is NULL, `num_details` 16-bit fields. */
static uint16_t skip_algorithm(struct cairn_reader *r, unsigned num_details)
{
    uint16_t alg = cairn_read_u16(r);
    for (unsigned i = 0; alg != ALG_NULL && i < num_details; i++) {
        (void)cairn_read_u16(r);
    }
    return alg;
}

/* Finds the point of any ECC public area. Coordinates of another length than P-256's give the zero point, which no template
 * comparison and no curve check lets pass. */
static CAIRN_RC read_point(struct cairn_span area, struct cairn_ec_key *out, struct cairn_err *err)
{
    struct cairn_reader r = cairn_reader(area);
    uint16_t type = cairn_read_u16(&r);
    (void)cairn_read_u16(&r); /* nameAlg */
    (void)cairn_read_u32(&r); /* attributes */
    (void)cairn_read_tpm2b(&r, MAX_DIGEST_LEN);
    (void)skip_algorithm(&r, 2); /* symmetric: key bits, mode */
    if (skip_algorithm(&r, 1) == ALG_ECDAA) {
        (void)cairn_read_u16(&r); /* count */
    }
    (void)cairn_read_u16(&r); /* curve */
    (void)skip_algorithm(&r, 1);
    struct cairn_span x = cairn_read_tpm2b(&r, MAX_COORDINATE_LEN);
    struct cairn_span y = cairn_read_tpm2b(&r, MAX_COORDINATE_LEN);
    if (!cairn_reader_done(&r) || type != ALG_ECC) {
        return CAIRN_FAIL(err, CAIRN_E_FORMAT, "tpm.public", "the public area is not that of an ECC key (fault at byte %zu)",
                          r.offset);
    }
    *out = zero_point;
    if (x.len == COORDINATE_LEN && y.len == COORDINATE_LEN) {
        struct cairn_reader rx = cairn_reader(x);
        struct cairn_reader ry = cairn_reader(y);
        cairn_read_array(&rx, out->x, sizeof out->x);
        cairn_read_array(&ry, out->y, sizeof out->y);
    }
    return CAIRN_OK;
}

CAIRN_RC cairn_public_point(struct cairn_span area, struct cairn_ec_key *out, struct cairn_err *err)
{
    struct cairn_ec_key key = zero_point;
    CAIRN_TRY(read_point(area, &key, err));
    CAIRN_TRY(cairn_ec_key_check(&key, err));
    *out = key;
    return CAIRN_OK;
}

CAIRN_RC cairn_public_ak_check(struct cairn_span area, const uint8_t fleet[32], struct cairn_ec_key *out, struct cairn_err *err)
{
    struct cairn_ec_key key = zero_point;
    CAIRN_TRY(read_point(area, &key, err));
    struct cairn_area want;
    cairn_template_ak(fleet, &key, &want);
    if (!cairn_span_equal(area, cairn_area_span(&want))) {
        return CAIRN_FAIL(err, CAIRN_E_REFUSED, "tpm.ak.attributes",
                          "the attestation key is not a restricted, non-exportable P-256 signing key: "
                          "its statements would prove nothing");
    }
    CAIRN_TRY(cairn_ec_key_check(&key, err));
    *out = key;
    return CAIRN_OK;
}

CAIRN_RC cairn_public_srk_check(struct cairn_span area, struct cairn_ec_key *out, struct cairn_err *err)
{
    struct cairn_ec_key key = zero_point;
    CAIRN_TRY(read_point(area, &key, err));
    struct cairn_area want;
    cairn_template_srk(&key, &want);
    if (!cairn_span_equal(area, cairn_area_span(&want))) {
        return CAIRN_FAIL(err, CAIRN_E_REFUSED, "tpm.srk.template",
                          "the storage key differs from the standard ECC P-256 template: secrets must not be sealed to it");
    }
    CAIRN_TRY(cairn_ec_key_check(&key, err));
    *out = key;
    return CAIRN_OK;
}

CAIRN_RC cairn_public_ek_check(struct cairn_span area, struct cairn_ec_key *out, struct cairn_err *err)
{
    struct cairn_ec_key key = zero_point;
    CAIRN_TRY(read_point(area, &key, err));
    struct cairn_area want;
    cairn_template_ek(&key, &want);
    if (!cairn_span_equal(area, cairn_area_span(&want))) {
        return CAIRN_FAIL(err, CAIRN_E_REFUSED, "tpm.ek.template",
                          "the endorsement key differs from the standard template L-2: its certificate does not cover it");
    }
    CAIRN_TRY(cairn_ec_key_check(&key, err));
    *out = key;
    return CAIRN_OK;
}

static CAIRN_RC read_index(struct cairn_span area, uint32_t *index, struct cairn_err *err)
{
    struct cairn_reader r = cairn_reader(area);
    uint32_t handle = cairn_read_u32(&r);
    (void)cairn_read_u16(&r); /* nameAlg */
    (void)cairn_read_u32(&r); /* attributes */
    (void)cairn_read_tpm2b(&r, MAX_DIGEST_LEN);
    (void)cairn_read_u16(&r); /* size */
    if (!cairn_reader_done(&r) || handle >> 24 != NV_HANDLE_TYPE) {
        return CAIRN_FAIL(err, CAIRN_E_FORMAT, "tpm.public", "the public area is not that of an NV index (fault at byte %zu)",
                          r.offset);
    }
    *index = handle;
    return CAIRN_OK;
}

CAIRN_RC cairn_public_epoch_check(struct cairn_span area, uint32_t *index, struct cairn_err *err)
{
    uint32_t handle = 0;
    CAIRN_TRY(read_index(area, &handle, err));
    struct cairn_area want;
    cairn_template_epoch(handle, true, &want);
    if (!cairn_span_equal(area, cairn_area_span(&want))) {
        return CAIRN_FAIL(err, CAIRN_E_REFUSED, "tpm.epoch.template",
                          "NV index 0x%08x is not Cairn's epoch counter: it could go back or jump", handle);
    }
    *index = handle;
    return CAIRN_OK;
}

CAIRN_RC cairn_public_anchor_check(struct cairn_span area, const uint8_t policy[32], uint32_t *index, struct cairn_err *err)
{
    uint32_t handle = 0;
    CAIRN_TRY(read_index(area, &handle, err));
    struct cairn_area want;
    cairn_template_anchor(handle, policy, true, &want);
    if (!cairn_span_equal(area, cairn_area_span(&want))) {
        return CAIRN_FAIL(err, CAIRN_E_REFUSED, "tpm.anchor.template",
                          "NV index 0x%08x is not Cairn's state anchor: others than an approved boot state could write it",
                          handle);
    }
    *index = handle;
    return CAIRN_OK;
}
