/* tests/unit/tpm_data/test_claim.c -- attestations of real TPMs, and each lie that a signed attestation can tell. */
#include "tpm_data/claim.h"

#include <stdio.h>

#include "core/file.h"
#include "support/fake_tpm.h"
#include "vectors.h"

static const uint8_t fleet[32] = {0xf1};
static const uint8_t extra[32] = {0xee};

/* real vectors */

static struct cairn_claim verify_vector(const char *attest, const char *signature, enum cairn_claim_type type)
{
    uint8_t twos[32];
    memset(twos, 0x22, sizeof twos);
    struct cairn_attestation att = vector_attestation(attest, signature);
    struct cairn_area ak = vector_area(VECTOR_AK_PUBLIC);
    struct cairn_claim claim;
    assert_int_equal(cairn_claim_verify(&att, type, cairn_area_span(&ak), twos, &claim, NULL), CAIRN_OK);
    return claim;
}

static void believes_the_quote_of_a_tpm(void **state)
{
    (void)state;
    struct cairn_claim claim = verify_vector(VECTOR_QUOTE, VECTOR_QUOTE_SIGNATURE, CAIRN_CLAIM_QUOTE);
    assert_int_equal(claim.type, CAIRN_CLAIM_QUOTE);
    assert_int_equal(claim.u.quote.mask, 0x81);
    assert_int_equal(claim.clock_ms, 0x28b);
    assert_int_equal(claim.resets, 1);
    assert_int_equal(claim.restarts, 0);
    assert_int_equal(claim.extra_len, 32);
    assert_true(claim.firmware == 0x2019102300163636u);
}

static void believes_the_counter_that_a_tpm_certified(void **state)
{
    (void)state;
    struct cairn_claim claim = verify_vector(VECTOR_NV, VECTOR_NV_SIGNATURE, CAIRN_CLAIM_NV);
    struct cairn_name epoch = vector_name(VECTOR_EPOCH_NAME);
    uint64_t value = 0;
    assert_int_equal(cairn_claim_counter(&claim, &epoch, &value, NULL), CAIRN_OK);
    assert_int_equal(value, 2);
}

static void reads_the_certified_name_and_its_hierarchy(void **state)
{
    (void)state;
    struct cairn_attestation att = vector_attestation(VECTOR_CERTIFY, VECTOR_CERTIFY_SIGNATURE);
    struct cairn_name srk = vector_name(VECTOR_SRK_NAME);
    struct cairn_name qualified;
    struct cairn_claim claim;
    assert_int_equal(cairn_claim_parse(cairn_span(att.attest, att.attest_len), &claim, NULL), CAIRN_OK);
    assert_int_equal(claim.type, CAIRN_CLAIM_CERTIFY);
    assert_true(cairn_name_equal(&claim.u.certify.name, &srk));
    assert_int_equal(cairn_name_qualify(CAIRN_RH_OWNER, &srk, &qualified, NULL), CAIRN_OK);
    assert_true(cairn_name_equal(&claim.u.certify.qualified, &qualified));
    assert_int_equal(claim.extra_len, 4);

    struct cairn_area ak = vector_area(VECTOR_AK_PUBLIC);
    struct cairn_err err = {0};
    uint8_t short_extra[32] = {0x00, 0xff, 0x55, 0xaa};
    assert_int_equal(cairn_claim_verify(&att, CAIRN_CLAIM_CERTIFY, cairn_area_span(&ak), short_extra, &claim, &err),
                     CAIRN_E_REFUSED);
    assert_string_equal(err.code, "attestation.extra"); /* padding is not the same text */
}

static void read_boot(const char *folder, const char *name, struct cairn_buf *out)
{
    char path[400];
    (void)snprintf(path, sizeof path, CAIRN_VECTORS "/boot/%s/%s", folder, name);
    assert_int_equal(cairn_path_read(path, 4096, out, NULL), CAIRN_OK);
}

static void verify_boot_quote(const char *folder)
{
    CAIRN_BUF attest = {0};
    CAIRN_BUF signature = {0};
    CAIRN_BUF area = {0};
    read_boot(folder, "quote-sha256.msg", &attest);
    read_boot(folder, "quote-sha256.sig", &signature);
    read_boot(folder, "ak.pub.tss", &area);
    struct cairn_claim claim;
    struct cairn_ec_key key;
    uint8_t rs[64];
    uint8_t digest[32];
    assert_int_equal(cairn_claim_parse(cairn_buf_span(&attest), &claim, NULL), CAIRN_OK);
    assert_int_equal(claim.type, CAIRN_CLAIM_QUOTE);
    assert_int_equal(claim.extra_len, 16);
    assert_int_equal(cairn_public_point(cairn_span(area.p + 2, area.len - 2), &key, NULL), CAIRN_OK);
    assert_int_equal(cairn_signature_parse(cairn_buf_span(&signature), rs, NULL), CAIRN_OK);
    assert_int_equal(cairn_sha256(cairn_buf_span(&attest), digest, NULL), CAIRN_OK);
    assert_int_equal(cairn_ecdsa_verify(&key, digest, rs, NULL), CAIRN_OK);
}

static void reads_the_quotes_of_genuine_boots(void **state)
{
    (void)state;
    static const char *const folders[] = {"sb-uki-clean", "sb-uki-tampered-cmdline", "nosb-uki-clean", "shim-ms-clean",
                                          "direct-clean"};
    for (size_t i = 0; i < CAIRN_ARRAY_LEN(folders); i++) {
        verify_boot_quote(folders[i]);
    }
}

/* CHECKS 14: the bank is fixed, and so is the signature's algorithm. */
static void refuses_a_sha1_bank_and_an_rsa_signature(void **state)
{
    (void)state;
    CAIRN_BUF attest = {0};
    CAIRN_BUF signature = {0};
    struct cairn_claim claim;
    struct cairn_err err = {0};
    uint8_t rs[64];
    read_boot("sb-uki-clean", "quote-sha1.msg", &attest);
    assert_int_equal(cairn_claim_parse(cairn_buf_span(&attest), &claim, &err), CAIRN_E_FORMAT);
    assert_string_equal(err.code, "tpm.attest");
    read_boot("sb-uki-clean", "quote-rsa.sig", &signature);
    assert_int_equal(cairn_signature_parse(cairn_buf_span(&signature), rs, &err), CAIRN_E_FORMAT);
    assert_string_equal(err.code, "tpm.signature");
}

/* form */

static void refuses_attest(struct cairn_span bytes, void *arg)
{
    (void)arg;
    struct cairn_claim claim;
    struct cairn_err err = {0};
    assert_int_equal(cairn_claim_parse(bytes, &claim, &err), CAIRN_E_FORMAT);
    assert_string_equal(err.code, "tpm.attest");
}

static void refuses_every_truncation_and_a_trailing_byte(void **state)
{
    (void)state;
    static const char *const vectors[] = {VECTOR_QUOTE, VECTOR_NV, VECTOR_CERTIFY};
    for (size_t i = 0; i < CAIRN_ARRAY_LEN(vectors); i++) {
        struct cairn_attestation att = vector_attestation(vectors[i], "");
        each_damage(cairn_span(att.attest, att.attest_len), refuses_attest, NULL);
    }
    CAIRN_FAKE_TPM tpm;
    struct cairn_attestation att;
    cairn_fake_init(&tpm, fleet);
    cairn_fake_session_audit(&tpm, fleet, extra, &att);
    each_damage(cairn_span(att.attest, att.attest_len), refuses_attest, NULL);
}

static void refuses_values_that_no_tpm_writes(void **state)
{
    (void)state;
    struct cairn_attestation good = vector_attestation(VECTOR_QUOTE, "");
    static const struct {
        size_t at;
        uint8_t value;
    } bad[] = {
        {7, 33},  {7, 35},  {8, 1},   {9, 0x0c}, /* the signer's Name: length, algorithm */
        {43, 33},                                /* extraData longer than any of ours */
        {92, 2},                                 /* safe is neither yes nor no */
        {104, 0}, {104, 2}, {106, 4}, {107, 2},  {112, 31}, {112, 48},
    };
    assert_int_equal(good.attest[43], 32);
    for (size_t i = 0; i < CAIRN_ARRAY_LEN(bad); i++) {
        struct cairn_attestation att = good;
        att.attest[bad[i].at] = bad[i].value;
        refuses_attest(cairn_span(att.attest, att.attest_len), NULL);
    }
}

static void refuses_signature(struct cairn_span bytes, void *arg)
{
    (void)arg;
    uint8_t rs[64] = {0x5a};
    struct cairn_err err = {0};
    assert_int_equal(cairn_signature_parse(bytes, rs, &err), CAIRN_E_FORMAT);
    assert_string_equal(err.code, "tpm.signature");
    assert_int_equal(rs[0], 0x5a);
}

static void refuses_every_damaged_signature(void **state)
{
    (void)state;
    struct cairn_attestation good = vector_attestation(VECTOR_QUOTE, VECTOR_QUOTE_SIGNATURE);
    each_damage(cairn_span(good.signature, good.signature_len), refuses_signature, NULL);
    static const struct {
        size_t at;
        uint8_t value;
    } bad[] = {{1, 0x14}, {1, 0x1a}, {3, 0x04}, {3, 0x0c}, {5, 33}, {5, 0}, {4, 1}};
    for (size_t i = 0; i < CAIRN_ARRAY_LEN(bad); i++) {
        struct cairn_attestation att = good;
        att.signature[bad[i].at] = bad[i].value;
        refuses_signature(cairn_span(att.signature, att.signature_len), NULL);
    }
}

static void pads_short_signature_numbers_on_the_left(void **state)
{
    (void)state;
    static const uint8_t bytes[] = {0x00, 0x18, 0x00, 0x0b, 0x00, 0x01, 0x11, 0x00, 0x02, 0x22, 0x33};
    static const uint8_t none[] = {0x00, 0x18, 0x00, 0x0b, 0x00, 0x01, 0x11, 0x00, 0x00};
    uint8_t want[64] = {0};
    uint8_t rs[64];
    want[31] = 0x11;
    want[62] = 0x22;
    want[63] = 0x33;
    assert_int_equal(cairn_signature_parse(CAIRN_SPAN(bytes), rs, NULL), CAIRN_OK);
    assert_memory_equal(rs, want, 64);
    refuses_signature(CAIRN_SPAN(none), NULL);
}

/* lies under a good signature */

static void refuses(const struct cairn_fake_tpm *tpm, const struct cairn_attestation *att, const char *code)
{
    struct cairn_claim claim = {.clock_ms = 77};
    struct cairn_err err = {0};
    assert_int_equal(cairn_claim_verify(att, CAIRN_CLAIM_QUOTE, cairn_area_span(&tpm->ak_public), extra, &claim, &err),
                     CAIRN_E_REFUSED);
    assert_string_equal(err.code, code);
    assert_int_equal(claim.clock_ms, 77);
}

static void believes_an_honest_quote(void **state)
{
    (void)state;
    CAIRN_FAKE_TPM tpm;
    struct cairn_attestation att;
    struct cairn_claim claim;
    cairn_fake_init(&tpm, fleet);
    cairn_fake_quote(&tpm, 0x800001, extra, &att);
    assert_int_equal(cairn_claim_verify(&att, CAIRN_CLAIM_QUOTE, cairn_area_span(&tpm.ak_public), extra, &claim, NULL),
                     CAIRN_OK);
    assert_int_equal(claim.u.quote.mask, 0x800001);
    assert_int_equal(claim.clock_ms, 60000);
    assert_int_equal(claim.resets, 3);
    assert_int_equal(claim.restarts, 1);
    assert_true(claim.clock_safe);
}

/* CHECKS 8, 50 */
static void refuses_a_text_signed_by_the_genuine_ak_that_is_not_the_tpms_own(void **state)
{
    (void)state;
    CAIRN_FAKE_TPM tpm;
    struct cairn_attestation att;
    cairn_fake_init(&tpm, fleet);
    for (unsigned bit = 0; bit < 32; bit++) {
        tpm.magic = 0xff544347u ^ 1u << bit;
        cairn_fake_quote(&tpm, 1, extra, &att);
        refuses(&tpm, &att, "attestation.magic");
    }
    tpm.magic = 0x00544347u;
    cairn_fake_quote(&tpm, 1, extra, &att);
    refuses(&tpm, &att, "attestation.magic");
}

/* CHECKS 9 */
static void refuses_another_attestation_type(void **state)
{
    (void)state;
    CAIRN_FAKE_TPM tpm;
    struct cairn_attestation att;
    cairn_fake_init(&tpm, fleet);
    cairn_fake_certify_srk(&tpm, extra, &att);
    refuses(&tpm, &att, "attestation.type");
    cairn_fake_certify_epoch(&tpm, extra, &att);
    refuses(&tpm, &att, "attestation.type");
    cairn_fake_session_audit(&tpm, fleet, extra, &att);
    refuses(&tpm, &att, "attestation.type");
    for (uint16_t type = 0x8010; type < 0x8030; type++) {
        tpm.type = type;
        cairn_fake_quote(&tpm, 1, extra, &att);
        if (type != CAIRN_CLAIM_QUOTE && type != CAIRN_CLAIM_CERTIFY && type != CAIRN_CLAIM_NV && type != CAIRN_CLAIM_AUDIT) {
            refuses(&tpm, &att, "attestation.type");
        }
    }
}

/* CHECKS 15 */
static void refuses_a_signer_in_another_hierarchy(void **state)
{
    (void)state;
    static const enum cairn_hierarchy others[] = {CAIRN_RH_OWNER, CAIRN_RH_NULL, CAIRN_RH_PLATFORM};
    CAIRN_FAKE_TPM tpm;
    struct cairn_attestation att;
    cairn_fake_init(&tpm, fleet);
    for (size_t i = 0; i < CAIRN_ARRAY_LEN(others); i++) {
        assert_int_equal(cairn_name_qualify(others[i], &tpm.ak_name, &tpm.signer, NULL), CAIRN_OK);
        cairn_fake_quote(&tpm, 1, extra, &att);
        refuses(&tpm, &att, "attestation.signer");
    }
    tpm.signer = tpm.ak_name; /* the Name itself is not the qualified Name */
    cairn_fake_quote(&tpm, 1, extra, &att);
    refuses(&tpm, &att, "attestation.signer");
}

/* CHECKS 13 */
static void refuses_another_or_no_extra_data(void **state)
{
    (void)state;
    CAIRN_FAKE_TPM tpm;
    struct cairn_attestation att;
    cairn_fake_init(&tpm, fleet);
    uint8_t other[32] = {0xee};
    other[31] ^= 1;
    cairn_fake_quote(&tpm, 1, other, &att);
    refuses(&tpm, &att, "attestation.extra");

    /* no extraData at all: take the 32 bytes out and sign again */
    cairn_fake_quote(&tpm, 1, extra, &att);
    memmove(att.attest + 44, att.attest + 76, att.attest_len - 76);
    att.attest_len -= 32;
    att.attest[43] = 0;
    cairn_fake_sign(&tpm, &att);
    refuses(&tpm, &att, "attestation.extra");
}

static void refuses_an_altered_or_foreign_signature(void **state)
{
    (void)state;
    CAIRN_FAKE_TPM tpm;
    CAIRN_FAKE_TPM other;
    struct cairn_attestation att;
    cairn_fake_init(&tpm, fleet);
    cairn_fake_init(&other, fleet);
    cairn_fake_quote(&tpm, 1, extra, &att);
    struct cairn_attestation bad = att;
    bad.attest[bad.attest_len - 1] ^= 1;
    refuses(&tpm, &bad, "attestation.signature");
    bad = att;
    bad.signature[40] ^= 1;
    refuses(&tpm, &bad, "attestation.signature");
    bad = att;
    cairn_fake_sign(&other, &bad);
    refuses(&tpm, &bad, "attestation.signature");
}

static void refuses_trailing_bytes_under_a_good_signature(void **state)
{
    (void)state;
    CAIRN_FAKE_TPM tpm;
    struct cairn_attestation att;
    struct cairn_claim claim;
    struct cairn_err err = {0};
    cairn_fake_init(&tpm, fleet);
    cairn_fake_quote(&tpm, 1, extra, &att);
    att.attest[att.attest_len++] = 0;
    cairn_fake_sign(&tpm, &att);
    assert_int_equal(cairn_claim_verify(&att, CAIRN_CLAIM_QUOTE, cairn_area_span(&tpm.ak_public), extra, &claim, &err),
                     CAIRN_E_FORMAT);
    assert_string_equal(err.code, "tpm.attest");
    cairn_fake_quote(&tpm, 1, extra, &att);
    att.signature_len++;
    assert_int_equal(cairn_claim_verify(&att, CAIRN_CLAIM_QUOTE, cairn_area_span(&tpm.ak_public), extra, &claim, &err),
                     CAIRN_E_FORMAT);
    assert_string_equal(err.code, "tpm.signature");
}

static void refuses_lengths_beyond_the_arrays(void **state)
{
    (void)state;
    CAIRN_FAKE_TPM tpm;
    struct cairn_attestation att;
    struct cairn_claim claim;
    struct cairn_err err = {0};
    cairn_fake_init(&tpm, fleet);
    cairn_fake_quote(&tpm, 1, extra, &att);
    att.attest_len = CAIRN_ATTEST_MAX + 1;
    assert_int_equal(cairn_claim_verify(&att, CAIRN_CLAIM_QUOTE, cairn_area_span(&tpm.ak_public), extra, &claim, &err),
                     CAIRN_E_FORMAT);
    assert_string_equal(err.code, "tpm.attest");
    cairn_fake_quote(&tpm, 1, extra, &att);
    att.signature_len = CAIRN_SIGNATURE_MAX + 1;
    assert_int_equal(cairn_claim_verify(&att, CAIRN_CLAIM_QUOTE, cairn_area_span(&tpm.ak_public), extra, &claim, &err),
                     CAIRN_E_FORMAT);
    assert_string_equal(err.code, "tpm.signature");
}

/* what follows from claims */

/* CHECKS 65 */
static void tells_two_boots_apart(void **state)
{
    (void)state;
    struct cairn_claim a = {.resets = 4, .restarts = 2};
    struct cairn_claim b = a;
    assert_true(cairn_claim_same_boot(&a, &b));
    b.clock_ms = 1;
    assert_true(cairn_claim_same_boot(&a, &b));
    b.restarts++;
    assert_false(cairn_claim_same_boot(&a, &b));
    b = a;
    b.resets++;
    assert_false(cairn_claim_same_boot(&a, &b));
}

/* CHECKS 56 */
static void refuses_a_counter_of_another_index_length_or_type(void **state)
{
    (void)state;
    CAIRN_FAKE_TPM tpm;
    struct cairn_attestation att;
    struct cairn_claim good;
    struct cairn_err err = {0};
    uint64_t value = 99;
    cairn_fake_init(&tpm, fleet);
    cairn_fake_certify_epoch(&tpm, extra, &att);
    assert_int_equal(cairn_claim_verify(&att, CAIRN_CLAIM_NV, cairn_area_span(&tpm.ak_public), extra, &good, NULL), CAIRN_OK);
    assert_int_equal(cairn_claim_counter(&good, &tpm.epoch_name, &value, NULL), CAIRN_OK);
    assert_int_equal(value, 7);

    value = 99;
    struct cairn_claim bad[4] = {good, good, good, good};
    bad[0].u.nv.offset = 1;
    bad[1].u.nv.len = 7;
    bad[2].u.nv.len = 9;
    bad[3].type = CAIRN_CLAIM_CERTIFY;
    for (size_t i = 0; i < CAIRN_ARRAY_LEN(bad); i++) {
        assert_int_equal(cairn_claim_counter(&bad[i], &tpm.epoch_name, &value, &err), CAIRN_E_REFUSED);
        assert_string_equal(err.code, "attestation.index");
    }
    assert_int_equal(cairn_claim_counter(&good, &tpm.srk_name, &value, &err), CAIRN_E_REFUSED);
    assert_string_equal(err.code, "attestation.index");
    assert_int_equal(value, 99);
}

static void a_prepared_key_answers_as_the_public_area_does(void **state)
{
    (void)state;
    CAIRN_FAKE_TPM tpm, other;
    CAIRN_CLAIM_KEY *key = NULL, *none = NULL;
    struct cairn_attestation att = {0};
    struct cairn_claim claim = {0};
    struct cairn_err err = {0};
    cairn_fake_init(&tpm, fleet);
    cairn_fake_init(&other, fleet);
    assert_int_equal(cairn_claim_key_new(cairn_area_span(&tpm.ak_public), &key, NULL), CAIRN_OK);
    cairn_fake_quote(&tpm, 0x81, extra, &att);
    assert_int_equal(cairn_claim_verify_by(&att, CAIRN_CLAIM_QUOTE, key, extra, &claim, NULL), CAIRN_OK);
    assert_int_equal(claim.u.quote.mask, 0x81);
    cairn_fake_quote(&other, 0x81, extra, &att);
    assert_int_equal(cairn_claim_verify_by(&att, CAIRN_CLAIM_QUOTE, key, extra, &claim, &err), CAIRN_E_REFUSED);
    assert_string_equal(err.code, "attestation.signer");
    cairn_fake_quote(&tpm, 0x81, extra, &att);
    att.signature[att.signature_len - 1] ^= 1;
    assert_int_equal(cairn_claim_verify_by(&att, CAIRN_CLAIM_QUOTE, key, extra, &claim, &err), CAIRN_E_REFUSED);
    assert_string_equal(err.code, "attestation.signature");
    assert_int_equal(cairn_claim_key_new(cairn_span_str("no key"), &none, &err), CAIRN_E_FORMAT);
    assert_string_equal(err.code, "tpm.public");
    assert_null(none);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(believes_the_quote_of_a_tpm),
        cmocka_unit_test(believes_the_counter_that_a_tpm_certified),
        cmocka_unit_test(reads_the_certified_name_and_its_hierarchy),
        cmocka_unit_test(reads_the_quotes_of_genuine_boots),
        cmocka_unit_test(refuses_a_sha1_bank_and_an_rsa_signature),
        cmocka_unit_test(refuses_every_truncation_and_a_trailing_byte),
        cmocka_unit_test(refuses_values_that_no_tpm_writes),
        cmocka_unit_test(refuses_every_damaged_signature),
        cmocka_unit_test(pads_short_signature_numbers_on_the_left),
        cmocka_unit_test(believes_an_honest_quote),
        cmocka_unit_test(refuses_a_text_signed_by_the_genuine_ak_that_is_not_the_tpms_own),
        cmocka_unit_test(refuses_another_attestation_type),
        cmocka_unit_test(refuses_a_signer_in_another_hierarchy),
        cmocka_unit_test(refuses_another_or_no_extra_data),
        cmocka_unit_test(refuses_an_altered_or_foreign_signature),
        cmocka_unit_test(refuses_trailing_bytes_under_a_good_signature),
        cmocka_unit_test(refuses_lengths_beyond_the_arrays),
        cmocka_unit_test(a_prepared_key_answers_as_the_public_area_does),
        cmocka_unit_test(tells_two_boots_apart),
        cmocka_unit_test(refuses_a_counter_of_another_index_length_or_type),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
