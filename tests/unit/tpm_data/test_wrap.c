/* tests/unit/tpm_data/test_wrap.c -- credentials and import objects, byte for byte as a TPM opened them. */
#include "tpm_data/wrap.h"

#include "vectors.h"

static const uint8_t secret[32] = {0x40, 0x41, 0x42, 0x43, 0x44, 0x45, 0x46, 0x47, 0x48, 0x49, 0x4a,
                                   0x4b, 0x4c, 0x4d, 0x4e, 0x4f, 0x50, 0x51, 0x52, 0x53, 0x54, 0x55,
                                   0x56, 0x57, 0x58, 0x59, 0x5a, 0x5b, 0x5c, 0x5d, 0x5e, 0x5f};
static const uint8_t big[CAIRN_SEALED_MAX + 1] = {1};

static void read_ephemeral(struct cairn_signer **out)
{
    assert_int_equal(cairn_signer_read(cairn_span_str(VECTOR_EPHEMERAL), out, NULL), CAIRN_OK);
}

static struct cairn_ec_key point_of(const char *hex)
{
    struct cairn_area area = vector_area(hex);
    struct cairn_ec_key key;
    assert_int_equal(cairn_public_point(cairn_area_span(&area), &key, NULL), CAIRN_OK);
    return key;
}

static void expect_blob(const struct cairn_blob *blob, const char *hex)
{
    uint8_t want[CAIRN_BLOB_MAX];
    size_t len = unhex(hex, want, sizeof want);
    assert_int_equal(blob->len, len);
    assert_memory_equal(blob->bytes, want, len);
}

static void makes_the_credential_that_the_tpm_activated(void **state)
{
    (void)state;
    CAIRN_SIGNER *ephemeral = NULL;
    read_ephemeral(&ephemeral);
    struct cairn_ec_key ek = point_of(VECTOR_EK_PUBLIC);
    struct cairn_name ak = vector_name(VECTOR_AK_NAME);
    struct cairn_blob credential;
    struct cairn_blob seed;
    assert_int_equal(cairn_wrap_credential(ephemeral, &ek, &ak, CAIRN_SPAN(secret), &credential, &seed, NULL), CAIRN_OK);
    expect_blob(&credential, VECTOR_CREDENTIAL);
    expect_blob(&seed, VECTOR_SEED);
    assert_int_equal(seed.len, CAIRN_SEED_LEN);
}

static void makes_the_object_that_the_tpm_imported_and_unsealed(void **state)
{
    (void)state;
    CAIRN_SIGNER *ephemeral = NULL;
    read_ephemeral(&ephemeral);
    struct cairn_ec_key srk = point_of(VECTOR_SRK_PUBLIC);
    uint8_t policy[32];
    uint8_t unique_seed[32];
    unhex(VECTOR_POLICY_GRANT, policy, sizeof policy);
    for (size_t i = 0; i < sizeof unique_seed; i++) {
        unique_seed[i] = (uint8_t)i;
    }
    struct cairn_area public_area;
    struct cairn_area want = vector_area(VECTOR_IMPORT_PUBLIC);
    struct cairn_blob duplicate;
    struct cairn_blob seed;
    assert_int_equal(
        cairn_wrap_import(ephemeral, &srk, policy, unique_seed, CAIRN_SPAN(secret), &public_area, &duplicate, &seed, NULL),
        CAIRN_OK);
    assert_true(cairn_span_equal(cairn_area_span(&public_area), cairn_area_span(&want)));
    expect_blob(&duplicate, VECTOR_IMPORT_DUPLICATE);
    expect_blob(&seed, VECTOR_SEED);
}

/* CHECKS 1, 41: the AK's Name and the recipient are in the keys, so another of either gives other bytes. */
static void binds_a_credential_to_the_ak_name(void **state)
{
    (void)state;
    CAIRN_SIGNER *ephemeral = NULL;
    read_ephemeral(&ephemeral);
    struct cairn_ec_key ek = point_of(VECTOR_EK_PUBLIC);
    struct cairn_name other = vector_name(VECTOR_SRK_NAME);
    struct cairn_name ak = vector_name(VECTOR_AK_NAME);
    struct cairn_blob right;
    struct cairn_blob credential;
    struct cairn_blob seed;
    assert_int_equal(cairn_wrap_credential(ephemeral, &ek, &ak, CAIRN_SPAN(secret), &right, &seed, NULL), CAIRN_OK);
    assert_int_equal(cairn_wrap_credential(ephemeral, &ek, &other, CAIRN_SPAN(secret), &credential, &seed, NULL), CAIRN_OK);
    assert_int_equal(credential.len, right.len);
    assert_memory_not_equal(credential.bytes, right.bytes, 34);
    assert_memory_not_equal(credential.bytes + 34, right.bytes + 34, right.len - 34);
}

static void takes_secrets_of_every_allowed_length_and_no_other(void **state)
{
    (void)state;
    CAIRN_SIGNER *ephemeral = NULL;
    read_ephemeral(&ephemeral);
    struct cairn_ec_key to = point_of(VECTOR_SRK_PUBLIC);
    struct cairn_name ak = vector_name(VECTOR_AK_NAME);
    struct cairn_blob blob;
    struct cairn_blob seed;
    struct cairn_area area;
    struct cairn_err err = {0};
    for (size_t len = 0; len <= sizeof big; len++) {
        enum cairn_rc want = len >= 1 && len <= 32 ? CAIRN_OK : CAIRN_E_USAGE;
        assert_int_equal(cairn_wrap_credential(ephemeral, &to, &ak, cairn_span(big, len), &blob, &seed, &err), want);
        assert_string_equal(want == CAIRN_OK ? "wrap.length" : err.code, "wrap.length");
        want = len >= 1 && len <= CAIRN_SEALED_MAX ? CAIRN_OK : CAIRN_E_USAGE;
        assert_int_equal(cairn_wrap_import(ephemeral, &to, secret, secret, cairn_span(big, len), &area, &blob, &seed, &err),
                         want);
        assert_int_equal(want == CAIRN_OK ? blob.len : 34 + 42 + len, 34 + 42 + len);
    }
}

/* CHECKS 7 */
static void refuses_a_recipient_off_the_curve(void **state)
{
    (void)state;
    CAIRN_SIGNER *ephemeral = NULL;
    read_ephemeral(&ephemeral);
    struct cairn_ec_key to = {{1}, {1}};
    struct cairn_name ak = vector_name(VECTOR_AK_NAME);
    struct cairn_blob blob = {{0x5a}, 1};
    struct cairn_blob seed = {{0x5a}, 1};
    struct cairn_err err = {0};
    assert_int_equal(cairn_wrap_credential(ephemeral, &to, &ak, CAIRN_SPAN(secret), &blob, &seed, &err), CAIRN_E_FORMAT);
    assert_string_equal(err.code, "key.curve");
    assert_int_equal(blob.bytes[0], 0x5a);
    assert_int_equal(seed.bytes[0], 0x5a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(makes_the_credential_that_the_tpm_activated),
        cmocka_unit_test(makes_the_object_that_the_tpm_imported_and_unsealed),
        cmocka_unit_test(binds_a_credential_to_the_ak_name),
        cmocka_unit_test(takes_secrets_of_every_allowed_length_and_no_other),
        cmocka_unit_test(refuses_a_recipient_off_the_curve),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
