/* tests/unit/core/test_crypto.c -- core/crypto.h, built once with crypto_openssl.c and once with crypto_tomcrypt.c; and the
 * parts that both share: kat.c and spki.c.
 */
#include "support/cmocka_all.h"

#include "core/crypto_shared.h"
#include "crypto_vectors.h"

static bool is_openssl(void)
{
    return strncmp(cairn_crypto_provider(), "OpenSSL", 7) == 0;
}

static void assert_code(const struct cairn_err *err, const char *code)
{
    assert_string_equal(err->code, code);
}

static void unhex(const char *text, uint8_t *out, size_t len)
{
    assert_true(cairn_hex_decode(text, out, len));
}

static struct cairn_ec_key vector_key(const struct ecdsa_vector *v)
{
    struct cairn_ec_key key;
    unhex(v->x, key.x, 32);
    unhex(v->y, key.y, 32);
    return key;
}

static void curve_work_before_the_self_test_fails_instead_of_aborting(void **state)
{
    (void)state;
    struct cairn_err err = {0};
    struct cairn_ec_key key = vector_key(&ECDSA_VECTORS[0]);
    enum cairn_rc rc = cairn_ec_key_check(&key, &err);
    if (is_openssl()) {
        assert_int_equal(rc, CAIRN_OK);
        return;
    }
    assert_int_equal(rc, CAIRN_E_IO);
    assert_code(&err, "crypto.provider");
}

static void passes_its_self_test(void **state)
{
    (void)state;
    struct cairn_err err = {0};
    assert_int_equal(cairn_crypto_self_test(&err), CAIRN_OK);
    assert_true(strlen(cairn_crypto_provider()) > 0);
}

static void hashes_the_two_block_messages_of_fips_180(void **state)
{
    (void)state;
    const char *message = "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq";
    static const struct {
        enum cairn_hash alg;
        const char *digest;
    } cases[] = {
        {CAIRN_SHA1, "84983e441c3bd26ebaae4aa1f95129e5e54670f1"},
        {CAIRN_SHA256, "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1"},
        {CAIRN_SHA384, "3391fdddfc8dc7393707a65b1b4709397cf8b1d162af05abfe8f450de5f36bc6b0455a8520bc4e6f5fe95b1fe3c8452b"},
    };
    for (size_t i = 0; i < CAIRN_ARRAY_LEN(cases); i++) {
        size_t len = cairn_hash_len(cases[i].alg);
        uint8_t want[CAIRN_HASH_MAX];
        uint8_t got[CAIRN_HASH_MAX];
        unhex(cases[i].digest, want, len);
        struct cairn_span whole = cairn_span_str(message);
        assert_int_equal(cairn_hash_parts(cases[i].alg, &whole, 1, got, NULL), CAIRN_OK);
        assert_memory_equal(got, want, len);
        const struct cairn_span parts[] = {cairn_span(whole.p, 1), {0}, cairn_span(whole.p + 1, whole.len - 1)};
        assert_int_equal(cairn_hash_parts(cases[i].alg, parts, 3, got, NULL), CAIRN_OK);
        assert_memory_equal(got, want, len);
    }
}

static void a_hasher_starts_afresh_after_final(void **state)
{
    (void)state;
    struct cairn_hasher *h = NULL;
    uint8_t first[32], second[32], want[32];
    assert_int_equal(cairn_hasher_new(CAIRN_SHA256, &h, NULL), CAIRN_OK);
    assert_int_equal(cairn_hasher_update(h, cairn_span_str("one"), NULL), CAIRN_OK);
    assert_int_equal(cairn_hasher_final(h, first, NULL), CAIRN_OK);
    assert_int_equal(cairn_hasher_update(h, cairn_span_str("one"), NULL), CAIRN_OK);
    assert_int_equal(cairn_hasher_final(h, second, NULL), CAIRN_OK);
    assert_memory_equal(first, second, 32);
    assert_int_equal(cairn_hasher_final(h, second, NULL), CAIRN_OK);
    assert_int_equal(cairn_sha256((struct cairn_span){0}, want, NULL), CAIRN_OK);
    assert_memory_equal(second, want, 32);
    cairn_hasher_free(h);
    cairn_hasher_free(NULL);
}

static void refuses_an_unknown_hash(void **state)
{
    (void)state;
    struct cairn_err err = {0};
    struct cairn_hasher *h = NULL;
    assert_int_equal(cairn_hash_len((enum cairn_hash)0x0012), 0);
    assert_int_equal(cairn_hasher_new((enum cairn_hash)0x0012, &h, &err), CAIRN_E_UNDECIDED);
    assert_code(&err, "crypto.unsupported");
    assert_null(h);
}

static void computes_hmac_for_short_long_and_empty_keys(void **state)
{
    (void)state;
    for (size_t i = 0; i < CAIRN_ARRAY_LEN(HMAC_VECTORS); i++) {
        uint8_t want[32], got[32];
        uint8_t key[200];
        memset(key, 0xaa, sizeof(key));
        unhex(HMAC_VECTORS[i].mac, want, 32);
        struct cairn_span message = cairn_span_str("Test Using Larger Than Block-Size Key - Hash Key First");
        const struct cairn_span parts[] = {cairn_span(message.p, 5), {0}, cairn_span(message.p + 5, message.len - 5)};
        struct cairn_span k = HMAC_VECTORS[i].key_len == 0 ? (struct cairn_span){0} : cairn_span(key, HMAC_VECTORS[i].key_len);
        assert_int_equal(cairn_hmac_sha256(k, parts, 3, got, NULL), CAIRN_OK);
        assert_memory_equal(got, want, 32);
    }
}

static void verifies_signatures_made_elsewhere(void **state)
{
    (void)state;
    for (size_t i = 0; i < CAIRN_ARRAY_LEN(ECDSA_VECTORS); i++) {
        struct cairn_ec_key key = vector_key(&ECDSA_VECTORS[i]);
        uint8_t digest[32], rs[64];
        struct cairn_err err = {0};
        unhex(ECDSA_VECTORS[i].rs, rs, 64);
        assert_int_equal(cairn_sha256(cairn_span_str(ECDSA_VECTORS[i].message), digest, NULL), CAIRN_OK);
        assert_int_equal(cairn_ecdsa_verify(&key, digest, rs, &err), CAIRN_OK);
        for (size_t at = 0; at < 64; at += 7) {
            rs[at] ^= 0x20;
            assert_int_equal(cairn_ecdsa_verify(&key, digest, rs, &err), CAIRN_E_REFUSED);
            assert_code(&err, "signature.invalid");
            rs[at] ^= 0x20;
        }
        digest[31] ^= 1;
        assert_int_equal(cairn_ecdsa_verify(&key, digest, rs, &err), CAIRN_E_REFUSED);
    }
}

/* What a failed verification left behind must not change the next one. */
static void a_prepared_key_verifies_again_and_again(void **state)
{
    (void)state;
    struct cairn_ec_key key = vector_key(&ECDSA_VECTORS[0]);
    CAIRN_EC_VERIFIER *verifier = NULL;
    uint8_t digest[32], rs[64];
    struct cairn_err err = {0};
    unhex(ECDSA_VECTORS[0].rs, rs, 64);
    assert_int_equal(cairn_sha256(cairn_span_str(ECDSA_VECTORS[0].message), digest, NULL), CAIRN_OK);
    assert_int_equal(cairn_ec_verifier_new(&key, &verifier, NULL), CAIRN_OK);
    for (size_t i = 0; i < 32; i++) {
        assert_int_equal(cairn_ec_verifier_verify(verifier, digest, rs, NULL), CAIRN_OK);
        digest[i] ^= 1;
        assert_int_equal(cairn_ec_verifier_verify(verifier, digest, rs, &err), CAIRN_E_REFUSED);
        assert_code(&err, "signature.invalid");
        digest[i] ^= 1;
        memset(rs, 0, i == 31 ? 32 : 0);
    }
    assert_int_equal(cairn_ec_verifier_verify(verifier, digest, rs, &err), CAIRN_E_REFUSED);
    assert_code(&err, "signature.invalid");
    key.y[31] ^= 1;
    CAIRN_EC_VERIFIER *none = NULL;
    assert_int_equal(cairn_ec_verifier_new(&key, &none, &err), CAIRN_E_FORMAT);
    assert_code(&err, "key.curve");
    assert_null(none);
}

static void refuses_the_signature_of_another_key(void **state)
{
    (void)state;
    struct cairn_ec_key other = vector_key(&ECDSA_VECTORS[1]);
    uint8_t digest[32], rs[64];
    struct cairn_err err = {0};
    unhex(ECDSA_VECTORS[2].rs, rs, 64);
    assert_int_equal(cairn_sha256(cairn_span_str(ECDSA_VECTORS[2].message), digest, NULL), CAIRN_OK);
    assert_int_equal(cairn_ecdsa_verify(&other, digest, rs, &err), CAIRN_E_REFUSED);
    assert_code(&err, "signature.invalid");
}

static void refuses_r_or_s_out_of_range(void **state)
{
    (void)state;
    static const char zero[] = "0000000000000000000000000000000000000000000000000000000000000000";
    static const char order[] = "ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551";
    static const char all[] = "ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff";
    const char *const bad[] = {zero, order, all};
    struct cairn_ec_key key = vector_key(&ECDSA_VECTORS[0]);
    uint8_t digest[32];
    assert_int_equal(cairn_sha256(cairn_span_str(ECDSA_VECTORS[0].message), digest, NULL), CAIRN_OK);
    for (size_t i = 0; i < CAIRN_ARRAY_LEN(bad); i++) {
        for (size_t half = 0; half < 2; half++) {
            uint8_t rs[64];
            struct cairn_err err = {0};
            unhex(ECDSA_VECTORS[0].rs, rs, 64);
            uint8_t scalar[32];
            unhex(bad[i], scalar, 32);
            memcpy(rs + 32 * half, scalar, 32);
            assert_int_equal(cairn_ecdsa_verify(&key, digest, rs, &err), CAIRN_E_REFUSED);
            assert_code(&err, "signature.invalid");
            assert_non_null(strstr(err.text, "range"));
        }
    }
}

static void refuses_points_off_the_curve_and_coordinates_not_reduced(void **state)
{
    (void)state;
    struct cairn_err err = {0};
    struct cairn_ec_key key = vector_key(&ECDSA_VECTORS[0]);
    uint8_t digest[32] = {1}, rs[64];
    unhex(ECDSA_VECTORS[0].rs, rs, 64);
    key.x[0] ^= 1;
    assert_int_equal(cairn_ec_key_check(&key, &err), CAIRN_E_FORMAT);
    assert_code(&err, "key.curve");
    assert_int_equal(cairn_ecdsa_verify(&key, digest, rs, &err), CAIRN_E_FORMAT);
    assert_code(&err, "key.curve");
    struct cairn_ec_key zero = {0};
    assert_int_equal(cairn_ec_key_check(&zero, &err), CAIRN_E_FORMAT);
    /* a small x on the curve; x + p is the same point in a second encoding */
    struct cairn_ec_key small = {0};
    unhex(SMALL_X, small.x, 32);
    unhex(SMALL_Y, small.y, 32);
    assert_int_equal(cairn_ec_key_check(&small, &err), CAIRN_OK);
    unhex(SMALL_X_PLUS_P, small.x, 32);
    assert_int_equal(cairn_ec_key_check(&small, &err), CAIRN_E_FORMAT);
    assert_code(&err, "key.curve");
}

static void spki_takes_only_its_one_encoding(void **state)
{
    (void)state;
    struct cairn_err err = {0};
    uint8_t der[CAIRN_SPKI_LEN], again[CAIRN_SPKI_LEN], id[32], want[32];
    unhex(SPKI_BY_OPENSSL, der, sizeof(der));
    struct cairn_ec_key key = {0};
    assert_int_equal(cairn_spki_decode(CAIRN_SPAN(der), &key, &err), CAIRN_OK);
    cairn_spki_encode(&key, again);
    assert_memory_equal(der, again, sizeof(der));
    assert_int_equal(cairn_ec_key_id(&key, id, NULL), CAIRN_OK);
    assert_int_equal(cairn_sha256(CAIRN_SPAN(der), want, NULL), CAIRN_OK);
    assert_memory_equal(id, want, 32);
    for (size_t len = 0; len < sizeof(der); len++) {
        uint8_t *cut = malloc(len + 1);
        memcpy(cut, der, len);
        assert_int_equal(cairn_spki_decode(cairn_span(cut, len), &key, &err), CAIRN_E_FORMAT);
        assert_code(&err, "key.spki");
        free(cut);
    }
    uint8_t longer[CAIRN_SPKI_LEN + 1] = {0};
    memcpy(longer, der, sizeof(der));
    assert_int_equal(cairn_spki_decode(CAIRN_SPAN(longer), &key, &err), CAIRN_E_FORMAT);
    assert_code(&err, "key.spki");
    for (size_t at = 0; at < sizeof(der); at++) {
        struct cairn_ec_key untouched = {.x = {9}};
        der[at] ^= 1;
        assert_int_equal(cairn_spki_decode(CAIRN_SPAN(der), &untouched, &err), CAIRN_E_FORMAT);
        assert_code(&err, at < CAIRN_SPKI_LEN - 64 ? "key.spki" : "key.curve");
        assert_int_equal(untouched.x[0], 9);
        der[at] ^= 1;
    }
}

static void keys_are_compared_as_points(void **state)
{
    (void)state;
    struct cairn_ec_key a = vector_key(&ECDSA_VECTORS[0]), b = a;
    assert_true(cairn_ec_key_equal(&a, &b));
    b.y[31] ^= 1;
    assert_false(cairn_ec_key_equal(&a, &b));
    b = a;
    b.x[0] ^= 1;
    assert_false(cairn_ec_key_equal(&a, &b));
}

static void rsa_is_verified_by_openssl_and_refused_by_the_other(void **state)
{
    (void)state;
    struct cairn_err err = {0};
    uint8_t n[256], sig[256], digest[32];
    unhex(RSA_N, n, 256);
    unhex(RSA_SIGNATURE, sig, 256);
    assert_int_equal(cairn_sha256(cairn_span_str("rsa message"), digest, NULL), CAIRN_OK);
    enum cairn_rc rc = cairn_rsa_verify(CAIRN_SPAN(n), CAIRN_SHA256, digest, CAIRN_SPAN(sig), &err);
    if (!is_openssl()) {
        assert_int_equal(rc, CAIRN_E_UNDECIDED);
        assert_code(&err, "crypto.unsupported");
        return;
    }
    assert_int_equal(rc, CAIRN_OK);
    assert_int_equal(cairn_rsa_verify(CAIRN_SPAN(n), CAIRN_SHA256, digest, cairn_span(sig, 255), &err), CAIRN_E_REFUSED);
    assert_code(&err, "signature.invalid");
    sig[200] ^= 1;
    assert_int_equal(cairn_rsa_verify(CAIRN_SPAN(n), CAIRN_SHA256, digest, CAIRN_SPAN(sig), &err), CAIRN_E_REFUSED);
    sig[200] ^= 1;
    assert_int_equal(cairn_rsa_verify(CAIRN_SPAN(n), CAIRN_SHA1, digest, CAIRN_SPAN(sig), &err), CAIRN_E_REFUSED);
    digest[0] ^= 1;
    assert_int_equal(cairn_rsa_verify(CAIRN_SPAN(n), CAIRN_SHA256, digest, CAIRN_SPAN(sig), &err), CAIRN_E_REFUSED);
    assert_code(&err, "signature.invalid");
    assert_int_equal(cairn_rsa_verify(cairn_span(n, 255), CAIRN_SHA256, digest, CAIRN_SPAN(sig), &err), CAIRN_E_FORMAT);
    assert_code(&err, "key.rsa");
    n[0] &= 0x7f;
    assert_int_equal(cairn_rsa_verify(CAIRN_SPAN(n), CAIRN_SHA256, digest, CAIRN_SPAN(sig), &err), CAIRN_E_FORMAT);
    assert_code(&err, "key.rsa");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(curve_work_before_the_self_test_fails_instead_of_aborting),
        cmocka_unit_test(passes_its_self_test),
        cmocka_unit_test(hashes_the_two_block_messages_of_fips_180),
        cmocka_unit_test(a_hasher_starts_afresh_after_final),
        cmocka_unit_test(refuses_an_unknown_hash),
        cmocka_unit_test(computes_hmac_for_short_long_and_empty_keys),
        cmocka_unit_test(verifies_signatures_made_elsewhere),
        cmocka_unit_test(a_prepared_key_verifies_again_and_again),
        cmocka_unit_test(refuses_the_signature_of_another_key),
        cmocka_unit_test(refuses_r_or_s_out_of_range),
        cmocka_unit_test(refuses_points_off_the_curve_and_coordinates_not_reduced),
        cmocka_unit_test(spki_takes_only_its_one_encoding),
        cmocka_unit_test(keys_are_compared_as_points),
        cmocka_unit_test(rsa_is_verified_by_openssl_and_refused_by_the_other),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
