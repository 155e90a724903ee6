/* tests/unit/core/test_crypto_keys.c -- core/crypto_keys.c. Vectors: RFC 5869 A.1 and A.3, the GCM specification's test case
 * 16, FIPS 197's key in CFB over zeros.
 */
#include "support/cmocka_all.h"

#include "core/crypto_keys.h"
#include "pem_vectors.h"

static void unhex(const char *text, uint8_t *out, size_t len)
{
    assert_true(cairn_hex_decode(text, out, len));
}

static void random_bytes_differ(void **state)
{
    (void)state;
    uint8_t a[32] = {0}, b[32] = {0};
    assert_int_equal(cairn_random(a, sizeof(a), NULL), CAIRN_OK);
    assert_int_equal(cairn_random(b, sizeof(b), NULL), CAIRN_OK);
    assert_memory_not_equal(a, b, sizeof(a));
    assert_int_equal(cairn_random(a, 0, NULL), CAIRN_OK);
}

static void hkdf_gives_the_vectors_of_rfc_5869(void **state)
{
    (void)state;
    uint8_t key[22], salt[13], info[10], want[42], got[42];
    memset(key, 0x0b, sizeof(key));
    unhex("000102030405060708090a0b0c", salt, 13);
    unhex("f0f1f2f3f4f5f6f7f8f9", info, 10);
    unhex("3cb25f25faacd57a90434f64d0362f2a2d2d0a90cf1a5a4c5db02d56ecc4c5bf34007208d5b887185865", want, 42);
    assert_int_equal(cairn_hkdf_sha256(CAIRN_SPAN(key), CAIRN_SPAN(salt), CAIRN_SPAN(info), got, 42, NULL), CAIRN_OK);
    assert_memory_equal(got, want, 42);
    unhex("8da4e775a563c18f715f802a063c5a31b8a11f5c5ee1879ec3454e5f3c738d2d9d201395faa4b61a96c8", want, 42);
    const struct cairn_span none = {0};
    assert_int_equal(cairn_hkdf_sha256(CAIRN_SPAN(key), none, none, got, 42, NULL), CAIRN_OK);
    assert_memory_equal(got, want, 42);
}

static void hkdf_refuses_no_key_and_too_much_output(void **state)
{
    (void)state;
    struct cairn_err err = {0};
    const struct cairn_span none = {0}, key = cairn_span_str("k");
    uint8_t *out = malloc(8161);
    assert_int_equal(cairn_hkdf_sha256(none, none, none, out, 32, &err), CAIRN_E_USAGE);
    assert_string_equal(err.code, "crypto.length");
    assert_int_equal(cairn_hkdf_sha256(key, none, none, out, 8161, &err), CAIRN_E_USAGE);
    assert_int_equal(cairn_hkdf_sha256(key, none, none, out, 0, &err), CAIRN_E_USAGE);
    assert_int_equal(cairn_hkdf_sha256(key, none, none, out, 8160, &err), CAIRN_OK);
    free(out);
}

struct gcm {
    uint8_t key[32], nonce[12], aad[20], plain[60], want[76], cipher[76], back[60];
};

static void gcm_vector(struct gcm *g)
{
    unhex("feffe9928665731c6d6a8f9467308308feffe9928665731c6d6a8f9467308308", g->key, 32);
    unhex("cafebabefacedbaddecaf888", g->nonce, 12);
    unhex("feedfacedeadbeeffeedfacedeadbeefabaddad2", g->aad, 20);
    unhex("d9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a721c3c0c95956809532fcf0e2449a6b525b16aedf5aa0de657ba63"
          "7b39",
          g->plain, 60);
    unhex("522dc1f099567d07f47f37a32a84427d643a8cdcbfe5c0c97598a2bd2555d1aa8cb08e48590dbb3da7b08b1056828838c5f61e6393ba7a0abcc9"
          "f662"
          "76fc6ece0f4e1768cddf8853bb2d551b",
          g->want, 76);
}

static void gcm_gives_the_vector_and_opens_it(void **state)
{
    (void)state;
    struct gcm g;
    gcm_vector(&g);
    assert_int_equal(cairn_gcm_seal(g.key, g.nonce, CAIRN_SPAN(g.aad), CAIRN_SPAN(g.plain), g.cipher, NULL), CAIRN_OK);
    assert_memory_equal(g.cipher, g.want, 76);
    assert_int_equal(cairn_gcm_open(g.key, g.nonce, CAIRN_SPAN(g.aad), CAIRN_SPAN(g.cipher), g.back, NULL), CAIRN_OK);
    assert_memory_equal(g.back, g.plain, 60);
    /* nothing but a tag */
    const struct cairn_span none = {0};
    assert_int_equal(cairn_gcm_seal(g.key, g.nonce, none, none, g.cipher, NULL), CAIRN_OK);
    assert_int_equal(cairn_gcm_open(g.key, g.nonce, none, cairn_span(g.cipher, 16), g.back, NULL), CAIRN_OK);
}

static void gcm_refuses_every_flipped_bit_and_wipes_what_it_decrypted(void **state)
{
    (void)state;
    struct gcm g;
    struct cairn_err err = {0};
    static const uint8_t zero[60] = {0};
    gcm_vector(&g);
    struct {
        uint8_t *p;
        size_t len;
    } parts[] = {{g.key, 32}, {g.nonce, 12}, {g.aad, 20}, {g.want, 76}};
    for (size_t i = 0; i < CAIRN_ARRAY_LEN(parts); i++) {
        for (size_t at = 0; at < parts[i].len; at++) {
            parts[i].p[at] ^= 0x40;
            memset(g.back, 0x77, sizeof(g.back));
            enum cairn_rc rc = cairn_gcm_open(g.key, g.nonce, CAIRN_SPAN(g.aad), CAIRN_SPAN(g.want), g.back, &err);
            assert_int_equal(rc, CAIRN_E_REFUSED);
            assert_string_equal(err.code, "aead.tag");
            assert_memory_equal(g.back, zero, sizeof(zero));
            parts[i].p[at] ^= 0x40;
        }
    }
    for (size_t len = 0; len < sizeof(g.want); len++) {
        uint8_t *cut = malloc(len + 1);
        memcpy(cut, g.want, len);
        assert_int_equal(cairn_gcm_open(g.key, g.nonce, CAIRN_SPAN(g.aad), cairn_span(cut, len), g.back, &err),
                         CAIRN_E_REFUSED);
        free(cut);
    }
}

static void cfb_starts_from_a_zero_vector(void **state)
{
    (void)state;
    /* CFB's first block is AES(key, IV) ^ plain: FIPS 197 C.1's key over the zero block */
    uint8_t key[16], want[16], got[20];
    const uint8_t plain[20] = {0};
    unhex("000102030405060708090a0b0c0d0e0f", key, 16);
    unhex("c6a13b37878f5b826f4f8162a1c8d879", want, 16);
    assert_int_equal(cairn_aes128_cfb(key, CAIRN_SPAN(plain), got, NULL), CAIRN_OK);
    assert_memory_equal(got, want, 16);
}

static void a_signer_survives_writing_and_reading(void **state)
{
    (void)state;
    CAIRN_SIGNER *a = NULL;
    CAIRN_SIGNER *b = NULL;
    CAIRN_BUF pem = {0};
    struct cairn_ec_key ka, kb;
    uint8_t digest[32] = {1}, rs[64];
    assert_int_equal(cairn_signer_generate(&a, NULL), CAIRN_OK);
    assert_int_equal(cairn_signer_write(a, &pem, NULL), CAIRN_OK);
    assert_memory_equal(pem.p, "-----BEGIN PRIVATE KEY-----\n", 28);
    assert_int_equal(cairn_signer_read(cairn_buf_span(&pem), &b, NULL), CAIRN_OK);
    assert_int_equal(cairn_signer_public(a, &ka, NULL), CAIRN_OK);
    assert_int_equal(cairn_signer_public(b, &kb, NULL), CAIRN_OK);
    assert_true(cairn_ec_key_equal(&ka, &kb));
    for (int i = 0; i < 20; i++) { /* r and s with leading zeros come up */
        digest[1] = (uint8_t)i;
        assert_int_equal(cairn_signer_sign(b, digest, rs, NULL), CAIRN_OK);
        assert_int_equal(cairn_ecdsa_verify(&ka, digest, rs, NULL), CAIRN_OK);
    }
    digest[0] ^= 1;
    assert_int_equal(cairn_ecdsa_verify(&ka, digest, rs, NULL), CAIRN_E_REFUSED);
    cairn_signer_free(NULL);
}

static void reads_a_stock_key_and_refuses_every_other_kind(void **state)
{
    (void)state;
    struct cairn_ec_key key;
    uint8_t x[32];
    CAIRN_SIGNER *signer = NULL;
    assert_int_equal(cairn_signer_read(cairn_span_str(PEM_PKCS8), &signer, NULL), CAIRN_OK);
    assert_int_equal(cairn_signer_public(signer, &key, NULL), CAIRN_OK);
    unhex(PKCS8_X, x, 32);
    assert_memory_equal(key.x, x, 32);
    const char *const bad[] = {PEM_SEC1,      PEM_P384,   PEM_RSA, PEM_ED25519,
                               PEM_ENCRYPTED, PEM_PUBLIC, "",      "-----BEGIN PRIVATE KEY-----"};
    for (size_t i = 0; i < CAIRN_ARRAY_LEN(bad); i++) {
        struct cairn_err err = {0};
        struct cairn_signer *none = NULL;
        assert_int_equal(cairn_signer_read(cairn_span_str(bad[i]), &none, &err), CAIRN_E_FORMAT);
        assert_string_equal(err.code, "key.pkcs8");
        assert_null(none);
    }
}

static void refuses_a_truncated_key_file_and_two_keys_in_one(void **state)
{
    (void)state;
    struct cairn_signer *none = NULL;
    struct cairn_err err = {0};
    size_t whole = strlen(PEM_PKCS8);
    for (size_t len = 0; len + 1 < whole; len++) {
        char *cut = malloc(len + 1);
        memcpy(cut, PEM_PKCS8, len);
        if (cairn_signer_read(cairn_span(cut, len), &none, &err) == CAIRN_OK) {
            fail_msg("took %zu of %zu bytes", len, whole);
        }
        assert_string_equal(err.code, "key.pkcs8");
        free(cut);
    }
    CAIRN_BUF two = {0};
    assert_int_equal(cairn_buf_set(&two, cairn_span_str(PEM_PKCS8), NULL), CAIRN_OK);
    assert_int_equal(cairn_buf_append(&two, cairn_span_str(PEM_PKCS8), NULL), CAIRN_OK);
    assert_int_equal(cairn_signer_read(cairn_buf_span(&two), &none, &err), CAIRN_E_FORMAT);
    assert_string_equal(err.code, "key.pkcs8");
    assert_null(none);
}

static void both_sides_of_ecdh_agree_and_a_bad_point_is_refused(void **state)
{
    (void)state;
    CAIRN_SIGNER *a = NULL;
    CAIRN_SIGNER *b = NULL;
    struct cairn_ec_key ka, kb;
    struct cairn_err err = {0};
    uint8_t za[32], zb[32];
    assert_int_equal(cairn_signer_generate(&a, NULL), CAIRN_OK);
    assert_int_equal(cairn_signer_generate(&b, NULL), CAIRN_OK);
    assert_int_equal(cairn_signer_public(a, &ka, NULL), CAIRN_OK);
    assert_int_equal(cairn_signer_public(b, &kb, NULL), CAIRN_OK);
    assert_int_equal(cairn_signer_ecdh(a, &kb, za, NULL), CAIRN_OK);
    assert_int_equal(cairn_signer_ecdh(b, &ka, zb, NULL), CAIRN_OK);
    assert_memory_equal(za, zb, 32);
    kb.y[5] ^= 1;
    assert_int_equal(cairn_signer_ecdh(a, &kb, za, &err), CAIRN_E_FORMAT);
    assert_string_equal(err.code, "key.curve");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(random_bytes_differ),
        cmocka_unit_test(hkdf_gives_the_vectors_of_rfc_5869),
        cmocka_unit_test(hkdf_refuses_no_key_and_too_much_output),
        cmocka_unit_test(gcm_gives_the_vector_and_opens_it),
        cmocka_unit_test(gcm_refuses_every_flipped_bit_and_wipes_what_it_decrypted),
        cmocka_unit_test(cfb_starts_from_a_zero_vector),
        cmocka_unit_test(a_signer_survives_writing_and_reading),
        cmocka_unit_test(reads_a_stock_key_and_refuses_every_other_kind),
        cmocka_unit_test(refuses_a_truncated_key_file_and_two_keys_in_one),
        cmocka_unit_test(both_sides_of_ecdh_agree_and_a_bad_point_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
