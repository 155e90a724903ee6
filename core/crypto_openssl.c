/* core/crypto_openssl.c -- core/crypto.h over OpenSSL 3 (EVP only). */
#include "core/crypto_openssl.h"

#include <stdlib.h>

#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/param_build.h>
#include <openssl/rsa.h>

#include "core/crypto_shared.h"

struct cairn_hasher {
    EVP_MD_CTX *ctx;
    const EVP_MD *md;
};

enum cairn_rc cairn_openssl_failed(struct cairn_err *err, const char *what)
{
    unsigned long code = ERR_peek_last_error();
    ERR_clear_error();
    return CAIRN_FAIL_CAUSE(err, CAIRN_E_IO, "crypto.provider", code, "OpenSSL failed: %s", what);
}

static const EVP_MD *md_of(enum cairn_hash alg)
{
    switch (alg) {
    case CAIRN_SHA1:
        return EVP_sha1();
    case CAIRN_SHA256:
        return EVP_sha256();
    case CAIRN_SHA384:
        return EVP_sha384();
    }
    return NULL;
}

enum cairn_rc cairn_hasher_new(enum cairn_hash alg, struct cairn_hasher **out, struct cairn_err *err)
{
    const EVP_MD *md = md_of(alg);
    if (md == NULL) {
        return CAIRN_FAIL(err, CAIRN_E_UNDECIDED, "crypto.unsupported", "hash algorithm 0x%04x is not supported",
                          (unsigned)alg);
    }
    CAIRN_CLEANUP(cairn_hasher_freep) struct cairn_hasher *h = calloc(1, sizeof(*h));
    if (h == NULL) {
        return CAIRN_FAIL(err, CAIRN_E_IO, "memory", "no memory for a hash");
    }
    h->md = md;
    h->ctx = EVP_MD_CTX_new();
    if (h->ctx == NULL || EVP_DigestInit_ex(h->ctx, md, NULL) != 1) {
        return cairn_openssl_failed(err, "start a hash");
    }
    *out = h;
    h = NULL;
    return CAIRN_OK;
}

enum cairn_rc cairn_hasher_update(struct cairn_hasher *h, struct cairn_span bytes, struct cairn_err *err)
{
    if (bytes.len > 0 && EVP_DigestUpdate(h->ctx, bytes.p, bytes.len) != 1) {
        return cairn_openssl_failed(err, "hash");
    }
    return CAIRN_OK;
}

enum cairn_rc cairn_hasher_final(struct cairn_hasher *h, uint8_t *out, struct cairn_err *err)
{
    if (EVP_DigestFinal_ex(h->ctx, out, NULL) != 1 || EVP_DigestInit_ex(h->ctx, h->md, NULL) != 1) {
        return cairn_openssl_failed(err, "finish a hash");
    }
    return CAIRN_OK;
}

void cairn_hasher_free(struct cairn_hasher *h)
{
    if (h != NULL) {
        EVP_MD_CTX_free(h->ctx);
        free(h);
    }
}

static void free_mac(EVP_MAC **mac)
{
    EVP_MAC_free(*mac);
}

static void free_mac_ctx(EVP_MAC_CTX **ctx)
{
    EVP_MAC_CTX_free(*ctx);
}

enum cairn_rc cairn_hmac_sha256(struct cairn_span key, const struct cairn_span *parts, size_t num_parts,
                                uint8_t out[CAIRN_SHA256_LEN], struct cairn_err *err)
{
    static const uint8_t no_key[1] = {0}; /* OpenSSL takes a NULL key for "the key set before" */
    char digest[] = "SHA256";
    const OSSL_PARAM params[] = {OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, digest, 0),
                                 OSSL_PARAM_construct_end()};
    CAIRN_CLEANUP(free_mac) EVP_MAC *mac = EVP_MAC_fetch(NULL, "HMAC", NULL);
    CAIRN_CLEANUP(free_mac_ctx) EVP_MAC_CTX *ctx = mac == NULL ? NULL : EVP_MAC_CTX_new(mac);
    bool ok = ctx != NULL && EVP_MAC_init(ctx, key.len > 0 ? key.p : no_key, key.len, params) == 1;
    for (size_t i = 0; ok && i < num_parts; i++) {
        ok = parts[i].len == 0 || EVP_MAC_update(ctx, parts[i].p, parts[i].len) == 1;
    }
    size_t len = 0;
    ok = ok && EVP_MAC_final(ctx, out, &len, CAIRN_SHA256_LEN) == 1 && len == CAIRN_SHA256_LEN;
    return ok ? CAIRN_OK : cairn_openssl_failed(err, "HMAC");
}

void cairn_pkey_freep(EVP_PKEY **pkey)
{
    EVP_PKEY_free(*pkey);
    *pkey = NULL;
}

void cairn_pkey_ctx_freep(EVP_PKEY_CTX **ctx)
{
    EVP_PKEY_CTX_free(*ctx);
    *ctx = NULL;
}

/* import makes a public key of `params`; NULL when the library does not take them. */
static EVP_PKEY *import(const char *type, OSSL_PARAM *params)
{
    EVP_PKEY *pkey = NULL;
    CAIRN_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(NULL, type, NULL);
    if (ctx == NULL || EVP_PKEY_fromdata_init(ctx) != 1 || EVP_PKEY_fromdata(ctx, &pkey, EVP_PKEY_PUBLIC_KEY, params) != 1) {
        ERR_clear_error();
        return NULL;
    }
    return pkey;
}

enum cairn_rc cairn_openssl_ec_public(const struct cairn_ec_key *key, EVP_PKEY **out, struct cairn_err *err)
{
    uint8_t point[CAIRN_POINT_LEN];
    char group[] = SN_X9_62_prime256v1;
    cairn_ec_key_point(key, point);
    OSSL_PARAM params[] = {OSSL_PARAM_construct_utf8_string(OSSL_PKEY_PARAM_GROUP_NAME, group, 0),
                           OSSL_PARAM_construct_octet_string(OSSL_PKEY_PARAM_PUB_KEY, point, sizeof(point)),
                           OSSL_PARAM_construct_end()};
    CAIRN_PKEY *pkey = import("EC", params);
    CAIRN_PKEY_CTX *ctx = pkey == NULL ? NULL : EVP_PKEY_CTX_new_from_pkey(NULL, pkey, NULL);
    /* quick: on the curve, in range, not at infinity. The other check multiplies by the group's order, which tells nothing more
     * of a curve with cofactor 1 (SP 800-56A section 5.6.2.3.4) and costs as much as a signature's verification. */
    if (ctx == NULL || EVP_PKEY_public_check_quick(ctx) != 1) {
        ERR_clear_error();
        return CAIRN_FAIL(err, CAIRN_E_FORMAT, "key.curve", "not a point of the curve P-256");
    }
    *out = pkey;
    pkey = NULL;
    return CAIRN_OK;
}

enum cairn_rc cairn_ec_key_check(const struct cairn_ec_key *key, struct cairn_err *err)
{
    CAIRN_PKEY *pkey = NULL;
    return cairn_openssl_ec_public(key, &pkey, err);
}

/* The context is set up once: a new one per signature costs a fetch from the provider each time. */
struct cairn_ec_verifier {
    EVP_PKEY_CTX *ctx;
};

enum cairn_rc cairn_ec_verifier_new(const struct cairn_ec_key *key, struct cairn_ec_verifier **out, struct cairn_err *err)
{
    CAIRN_PKEY *pkey = NULL;
    CAIRN_TRY(cairn_openssl_ec_public(key, &pkey, err));
    CAIRN_EC_VERIFIER *verifier = calloc(1, sizeof(*verifier));
    if (verifier == NULL) {
        return CAIRN_FAIL(err, CAIRN_E_IO, "memory", "no memory for a key");
    }
    verifier->ctx = EVP_PKEY_CTX_new_from_pkey(NULL, pkey, NULL); /* holds the key from here on */
    if (verifier->ctx == NULL || EVP_PKEY_verify_init(verifier->ctx) != 1) {
        return cairn_openssl_failed(err, "start a verification");
    }
    *out = verifier;
    verifier = NULL;
    return CAIRN_OK;
}

void cairn_ec_verifier_free(struct cairn_ec_verifier *verifier)
{
    if (verifier != NULL) {
        EVP_PKEY_CTX_free(verifier->ctx);
        free(verifier);
    }
}

/* write_integer writes 32 big-endian bytes, not all zero, as a DER INTEGER. */
static void write_integer(struct cairn_writer *w, const uint8_t value[32])
{
    size_t zeros = 0;
    while (value[zeros] == 0) {
        zeros++;
    }
    const bool sign = value[zeros] >= 0x80;
    cairn_write_u8(w, 0x02);
    cairn_write_u8(w, (uint8_t)(32 - zeros + (sign ? 1 : 0)));
    if (sign) {
        cairn_write_u8(w, 0);
    }
    cairn_write_bytes(w, cairn_span(value + zeros, 32 - zeros));
}

/* der_signature writes r || s, both in range, as DER, which is what EVP wants: at most 72 bytes. */
static size_t der_signature(const uint8_t rs[64], uint8_t der[72])
{
    uint8_t both[70];
    struct cairn_writer w = cairn_writer(both, sizeof(both));
    write_integer(&w, rs);
    write_integer(&w, rs + 32);
    struct cairn_writer out = cairn_writer(der, 72);
    cairn_write_u8(&out, 0x30);
    cairn_write_u8(&out, (uint8_t)w.len);
    cairn_write_bytes(&out, cairn_writer_span(&w));
    return out.len;
}

enum cairn_rc cairn_ec_verifier_verify(struct cairn_ec_verifier *verifier, const uint8_t digest[CAIRN_SHA256_LEN],
                                       const uint8_t rs[64], struct cairn_err *err)
{
    uint8_t der[72];
    CAIRN_TRY(cairn_ecdsa_check_range(rs, err));
    const size_t der_len = der_signature(rs, der);
    const int answer = EVP_PKEY_verify(verifier->ctx, der, der_len, digest, CAIRN_SHA256_LEN);
    if (answer != 1) {
        ERR_clear_error();
        return cairn_signature_invalid(err, "it was not made by this key over these bytes");
    }
    return CAIRN_OK;
}

static void free_bn(BIGNUM **bn)
{
    BN_free(*bn);
}

static void free_builder(OSSL_PARAM_BLD **builder)
{
    OSSL_PARAM_BLD_free(*builder);
}

static void free_params(OSSL_PARAM **params)
{
    OSSL_PARAM_free(*params);
}

static EVP_PKEY *import_rsa(struct cairn_span n)
{
    CAIRN_CLEANUP(free_bn) BIGNUM *modulus = BN_bin2bn(n.p, (int)n.len, NULL);
    CAIRN_CLEANUP(free_builder) OSSL_PARAM_BLD *builder = OSSL_PARAM_BLD_new();
    if (modulus == NULL || builder == NULL || OSSL_PARAM_BLD_push_BN(builder, OSSL_PKEY_PARAM_RSA_N, modulus) != 1 ||
        OSSL_PARAM_BLD_push_ulong(builder, OSSL_PKEY_PARAM_RSA_E, 65537) != 1) {
        return NULL;
    }
    CAIRN_CLEANUP(free_params) OSSL_PARAM *params = OSSL_PARAM_BLD_to_param(builder);
    return params == NULL ? NULL : import("RSA", params);
}

enum cairn_rc cairn_rsa_verify(struct cairn_span n, enum cairn_hash alg, const uint8_t *digest, struct cairn_span signature,
                               struct cairn_err *err)
{
    const EVP_MD *md = md_of(alg);
    if (md == NULL) {
        return CAIRN_FAIL(err, CAIRN_E_UNDECIDED, "crypto.unsupported", "hash algorithm 0x%04x is not supported",
                          (unsigned)alg);
    }
    if (n.len != 256 || n.p[0] < 0x80 || (n.p[255] & 1) == 0) {
        return CAIRN_FAIL(err, CAIRN_E_FORMAT, "key.rsa", "not a 2048-bit RSA modulus");
    }
    if (signature.len != n.len) {
        return cairn_signature_invalid(err, "its length is not the modulus's");
    }
    CAIRN_PKEY *pkey = import_rsa(n);
    CAIRN_PKEY_CTX *ctx = pkey == NULL ? NULL : EVP_PKEY_CTX_new_from_pkey(NULL, pkey, NULL);
    if (ctx == NULL || EVP_PKEY_verify_init(ctx) != 1 || EVP_PKEY_CTX_set_rsa_padding(ctx, RSA_PKCS1_PADDING) != 1 ||
        EVP_PKEY_CTX_set_signature_md(ctx, md) != 1) {
        return cairn_openssl_failed(err, "start an RSA verification");
    }
    int answer = EVP_PKEY_verify(ctx, signature.p, signature.len, digest, cairn_hash_len(alg));
    ERR_clear_error();
    return answer == 1 ? CAIRN_OK : cairn_signature_invalid(err, "it was not made by this key over these bytes");
}

enum cairn_rc cairn_crypto_self_test(struct cairn_err *err)
{
    return cairn_crypto_kat(err);
}

const char *cairn_crypto_provider(void)
{
    return OpenSSL_version(OPENSSL_VERSION);
}
