/* core/crypto_keys.c -- core/crypto_keys.h over OpenSSL 3 (EVP only).
 *
 * Key bytes in OpenSSL's own memory are cleared by its free functions (EVP_PKEY_free, BUF_MEM_free, OPENSSL_clear_free).
 */
#include "core/crypto_keys.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/kdf.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/x509.h>

#include "core/crypto_openssl.h"

enum { HKDF_MAX = 255 * 32 };

struct cairn_signer {
    EVP_PKEY *pkey;
};

enum cairn_rc cairn_random(uint8_t *out, size_t len, struct cairn_err *err)
{
    for (size_t done = 0; done < len;) {
        size_t part = len - done < INT_MAX ? len - done : INT_MAX;
        if (RAND_priv_bytes(out + done, (int)part) != 1) {
            cairn_wipe(out, len);
            return cairn_openssl_failed(err, "random bytes");
        }
        done += part;
    }
    return CAIRN_OK;
}

static void free_kdf(EVP_KDF **kdf)
{
    EVP_KDF_free(*kdf);
}

static void free_kdf_ctx(EVP_KDF_CTX **ctx)
{
    EVP_KDF_CTX_free(*ctx);
}

/* octets makes a parameter of a span. OSSL_PARAM has no const; the library only reads. */
static OSSL_PARAM octets(const char *name, struct cairn_span bytes)
{
    static const uint8_t none[1] = {0};
    union {
        const uint8_t *in;
        void *out;
    } p = {bytes.len > 0 ? bytes.p : none};
    return OSSL_PARAM_construct_octet_string(name, p.out, bytes.len);
}

enum cairn_rc cairn_hkdf_sha256(struct cairn_span key, struct cairn_span salt, struct cairn_span info, uint8_t *out,
                                size_t out_len, struct cairn_err *err)
{
    if (key.len == 0 || out_len == 0 || out_len > HKDF_MAX) {
        return CAIRN_FAIL(err, CAIRN_E_USAGE, "crypto.length", "HKDF takes a key and gives 1 to %d bytes", HKDF_MAX);
    }
    char digest[] = "SHA256";
    const OSSL_PARAM params[] = {OSSL_PARAM_construct_utf8_string(OSSL_KDF_PARAM_DIGEST, digest, 0),
                                 octets(OSSL_KDF_PARAM_KEY, key), octets(OSSL_KDF_PARAM_SALT, salt),
                                 octets(OSSL_KDF_PARAM_INFO, info), OSSL_PARAM_construct_end()};
    CAIRN_CLEANUP(free_kdf) EVP_KDF *kdf = EVP_KDF_fetch(NULL, "HKDF", NULL);
    CAIRN_CLEANUP(free_kdf_ctx) EVP_KDF_CTX *ctx = kdf == NULL ? NULL : EVP_KDF_CTX_new(kdf);
    if (ctx == NULL || EVP_KDF_derive(ctx, out, out_len, params) != 1) {
        cairn_wipe(out, out_len);
        return cairn_openssl_failed(err, "HKDF");
    }
    return CAIRN_OK;
}

static void free_cipher(EVP_CIPHER_CTX **ctx)
{
    EVP_CIPHER_CTX_free(*ctx);
}
#define CIPHER_CTX CAIRN_CLEANUP(free_cipher) EVP_CIPHER_CTX

static bool gcm_length_ok(struct cairn_span aad, size_t len)
{
    return aad.len <= INT_MAX && len <= INT_MAX - CAIRN_GCM_TAG_LEN;
}

static enum cairn_rc gcm_too_long(struct cairn_err *err)
{
    return CAIRN_FAIL(err, CAIRN_E_USAGE, "crypto.length", "too many bytes for one AES-GCM message");
}

/* update feeds one span to a cipher; NULL `out` is additional data. OpenSSL wants no call at all for no bytes. */
static bool update(EVP_CIPHER_CTX *ctx, uint8_t *out, struct cairn_span in)
{
    int len = 0;
    return in.len == 0 || (EVP_CipherUpdate(ctx, out, &len, in.p, (int)in.len) == 1 && (size_t)len == in.len);
}

enum cairn_rc cairn_gcm_seal(const uint8_t key[32], const uint8_t nonce[12], struct cairn_span aad, struct cairn_span plain,
                             uint8_t *cipher, struct cairn_err *err)
{
    if (!gcm_length_ok(aad, plain.len)) {
        return gcm_too_long(err);
    }
    CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
    int len = 0;
    uint8_t none[16];
    if (ctx == NULL || EVP_EncryptInit_ex(ctx, EVP_aes_256_gcm(), NULL, key, nonce) != 1 || !update(ctx, NULL, aad) ||
        !update(ctx, cipher, plain) || EVP_EncryptFinal_ex(ctx, none, &len) != 1 ||
        EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_GET_TAG, CAIRN_GCM_TAG_LEN, cipher + plain.len) != 1) {
        return cairn_openssl_failed(err, "AES-256-GCM");
    }
    return CAIRN_OK;
}

/* open_body decrypts all but the tag; *valid says whether the tag is right. */
static bool open_body(EVP_CIPHER_CTX *ctx, struct cairn_span aad, struct cairn_span body, const uint8_t *tag, uint8_t *plain,
                      bool *valid)
{
    uint8_t tag_copy[CAIRN_GCM_TAG_LEN]; /* the control call takes no const */
    memcpy(tag_copy, tag, sizeof(tag_copy));
    if (!update(ctx, NULL, aad) || !update(ctx, plain, body) ||
        EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_SET_TAG, CAIRN_GCM_TAG_LEN, tag_copy) != 1) {
        return false;
    }
    uint8_t none[16];
    int len = 0;
    *valid = EVP_DecryptFinal_ex(ctx, none, &len) == 1;
    return true;
}

enum cairn_rc cairn_gcm_open(const uint8_t key[32], const uint8_t nonce[12], struct cairn_span aad, struct cairn_span cipher,
                             uint8_t *plain, struct cairn_err *err)
{
    if (cipher.len < CAIRN_GCM_TAG_LEN) {
        return CAIRN_FAIL(err, CAIRN_E_REFUSED, "aead.tag", "encrypted data shorter than its tag");
    }
    struct cairn_span body = cairn_span(cipher.p, cipher.len - CAIRN_GCM_TAG_LEN);
    if (!gcm_length_ok(aad, body.len)) {
        return gcm_too_long(err);
    }
    CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
    bool valid = false;
    bool ran = ctx != NULL && EVP_DecryptInit_ex(ctx, EVP_aes_256_gcm(), NULL, key, nonce) == 1 &&
               open_body(ctx, aad, body, cipher.p + body.len, plain, &valid);
    if (!ran || !valid) {
        cairn_wipe(plain, body.len);
    }
    if (!ran) {
        return cairn_openssl_failed(err, "AES-256-GCM");
    }
    ERR_clear_error();
    return valid ? CAIRN_OK
                 : CAIRN_FAIL(err, CAIRN_E_REFUSED, "aead.tag", "encrypted data is not what was sealed with this key");
}

enum cairn_rc cairn_aes128_cfb(const uint8_t key[16], struct cairn_span plain, uint8_t *cipher, struct cairn_err *err)
{
    static const uint8_t zero_iv[16] = {0};
    if (plain.len > INT_MAX) {
        return CAIRN_FAIL(err, CAIRN_E_USAGE, "crypto.length", "too many bytes for one AES-CFB message");
    }
    CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
    if (ctx == NULL || EVP_EncryptInit_ex(ctx, EVP_aes_128_cfb128(), NULL, key, zero_iv) != 1 || !update(ctx, cipher, plain)) {
        return cairn_openssl_failed(err, "AES-128-CFB");
    }
    return CAIRN_OK;
}

void cairn_signer_free(struct cairn_signer *signer)
{
    if (signer != NULL) {
        EVP_PKEY_free(signer->pkey);
        free(signer);
    }
}

void cairn_signer_freep(struct cairn_signer **signer)
{
    cairn_signer_free(*signer);
    *signer = NULL;
}

/* wrap takes `*pkey` on success. */
static enum cairn_rc wrap(EVP_PKEY **pkey, struct cairn_signer **out, struct cairn_err *err)
{
    struct cairn_signer *signer = calloc(1, sizeof(*signer));
    if (signer == NULL) {
        return CAIRN_FAIL(err, CAIRN_E_IO, "memory", "no memory for a key");
    }
    signer->pkey = *pkey;
    *pkey = NULL;
    *out = signer;
    return CAIRN_OK;
}

enum cairn_rc cairn_signer_generate(struct cairn_signer **out, struct cairn_err *err)
{
    CAIRN_PKEY *pkey = EVP_EC_gen("P-256");
    return pkey == NULL ? cairn_openssl_failed(err, "make a key") : wrap(&pkey, out, err);
}

static enum cairn_rc bad_pkcs8(struct cairn_err *err, const char *why)
{
    ERR_clear_error();
    return CAIRN_FAIL(err, CAIRN_E_FORMAT, "key.pkcs8", "not an unencrypted PKCS#8 P-256 private key (PEM): %s", why);
}

struct pem {
    char *name;
    char *header;
    unsigned char *der;
    long len;
};

static void free_pem(struct pem *pem)
{
    OPENSSL_free(pem->name);
    OPENSSL_free(pem->header);
    OPENSSL_clear_free(pem->der, pem->len > 0 ? (size_t)pem->len : 0);
}

static void free_bio(BIO **bio)
{
    BIO_free_all(*bio);
}

static void free_p8(PKCS8_PRIV_KEY_INFO **p8)
{
    PKCS8_PRIV_KEY_INFO_free(*p8);
}

/* is_p256 checks kind, curve, and that the halves belong together. */
static bool is_p256(EVP_PKEY *pkey)
{
    char group[32] = "";
    if (!EVP_PKEY_is_a(pkey, "EC") || EVP_PKEY_get_group_name(pkey, group, sizeof(group), NULL) != 1 ||
        strcmp(group, SN_X9_62_prime256v1) != 0) {
        return false;
    }
    CAIRN_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_pkey(NULL, pkey, NULL);
    return ctx != NULL && EVP_PKEY_check(ctx) == 1;
}

enum cairn_rc cairn_signer_read(struct cairn_span pem, struct cairn_signer **out, struct cairn_err *err)
{
    if (pem.len == 0 || pem.len > 4096) {
        return bad_pkcs8(err, "empty, or too large");
    }
    CAIRN_CLEANUP(free_bio) BIO *bio = BIO_new_mem_buf(pem.p, (int)pem.len);
    if (bio == NULL) {
        return cairn_openssl_failed(err, "read PEM");
    }
    CAIRN_CLEANUP(free_pem) struct pem block = {0};
    if (PEM_read_bio(bio, &block.name, &block.header, &block.der, &block.len) != 1) {
        return bad_pkcs8(err, "no PEM block");
    }
    if (strcmp(block.name, PEM_STRING_PKCS8INF) != 0 || block.header[0] != '\0' || BIO_pending(bio) != 0) {
        return bad_pkcs8(err, "not one single block \"PRIVATE KEY\"");
    }
    const unsigned char *end = block.der;
    CAIRN_CLEANUP(free_p8) PKCS8_PRIV_KEY_INFO *p8 = d2i_PKCS8_PRIV_KEY_INFO(NULL, &end, block.len);
    if (p8 == NULL || end != block.der + block.len) {
        return bad_pkcs8(err, "the block is not PKCS#8");
    }
    CAIRN_PKEY *pkey = EVP_PKCS82PKEY(p8);
    if (pkey == NULL || !is_p256(pkey)) {
        return bad_pkcs8(err, "another kind of key");
    }
    return wrap(&pkey, out, err);
}

enum cairn_rc cairn_signer_write(const struct cairn_signer *signer, struct cairn_buf *out, struct cairn_err *err)
{
    CAIRN_CLEANUP(free_bio) BIO *bio = BIO_new(BIO_s_mem());
    if (bio == NULL || PEM_write_bio_PKCS8PrivateKey(bio, signer->pkey, NULL, NULL, 0, NULL, NULL) != 1) {
        return cairn_openssl_failed(err, "write a key");
    }
    char *text = NULL;
    long len = BIO_get_mem_data(bio, &text);
    return len > 0 ? cairn_buf_set(out, cairn_span(text, (size_t)len), err) : cairn_openssl_failed(err, "write a key");
}

static void free_bn(BIGNUM **bn)
{
    BN_free(*bn);
}

enum cairn_rc cairn_signer_public(const struct cairn_signer *signer, struct cairn_ec_key *out, struct cairn_err *err)
{
    CAIRN_CLEANUP(free_bn) BIGNUM *x = NULL;
    CAIRN_CLEANUP(free_bn) BIGNUM *y = NULL;
    struct cairn_ec_key key = {0};
    if (EVP_PKEY_get_bn_param(signer->pkey, OSSL_PKEY_PARAM_EC_PUB_X, &x) != 1 ||
        EVP_PKEY_get_bn_param(signer->pkey, OSSL_PKEY_PARAM_EC_PUB_Y, &y) != 1 || BN_bn2binpad(x, key.x, 32) != 32 ||
        BN_bn2binpad(y, key.y, 32) != 32) {
        return cairn_openssl_failed(err, "public half of a key");
    }
    *out = key;
    return CAIRN_OK;
}

static void free_signature(ECDSA_SIG **sig)
{
    ECDSA_SIG_free(*sig);
}

enum cairn_rc cairn_signer_sign(const struct cairn_signer *signer, const uint8_t digest[32], uint8_t rs[64],
                                struct cairn_err *err)
{
    CAIRN_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_pkey(NULL, signer->pkey, NULL);
    uint8_t der[80];
    size_t len = sizeof(der);
    if (ctx == NULL || EVP_PKEY_sign_init(ctx) != 1 || EVP_PKEY_sign(ctx, der, &len, digest, 32) != 1) {
        return cairn_openssl_failed(err, "sign");
    }
    const unsigned char *end = der;
    CAIRN_CLEANUP(free_signature) ECDSA_SIG *sig = d2i_ECDSA_SIG(NULL, &end, (long)len);
    uint8_t both[64];
    if (sig == NULL || BN_bn2binpad(ECDSA_SIG_get0_r(sig), both, 32) != 32 ||
        BN_bn2binpad(ECDSA_SIG_get0_s(sig), both + 32, 32) != 32) {
        return cairn_openssl_failed(err, "sign");
    }
    memcpy(rs, both, sizeof(both));
    return CAIRN_OK;
}

enum cairn_rc cairn_signer_ecdh(const struct cairn_signer *signer, const struct cairn_ec_key *peer, uint8_t z[32],
                                struct cairn_err *err)
{
    CAIRN_PKEY *other = NULL;
    CAIRN_TRY(cairn_openssl_ec_public(peer, &other, err));
    CAIRN_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_pkey(NULL, signer->pkey, NULL);
    size_t len = 32; /* OpenSSL gives the x coordinate padded to the field's size */
    if (ctx == NULL || EVP_PKEY_derive_init(ctx) != 1 || EVP_PKEY_derive_set_peer(ctx, other) != 1 ||
        EVP_PKEY_derive(ctx, z, &len) != 1 || len != 32) {
        cairn_wipe(z, 32);
        return cairn_openssl_failed(err, "ECDH");
    }
    return CAIRN_OK;
}
