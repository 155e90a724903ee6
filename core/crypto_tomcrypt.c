/* core/crypto_tomcrypt.c -- core/crypto.h over libtomcrypt 1.18, with libtommath: the second crypto stack, and the small one.
 *
 * libtomcrypt keeps its big-number provider in a process-wide variable of its own (ltc_mp). cairn_crypto_self_test sets it,
 * which is why it must run first; a curve operation before that fails instead of reaching libtomcrypt's assertion.
 * Version 1.18 imports a point without looking whether it is on the curve: done here. HMAC is written out (RFC 2104),
 * because libtomcrypt's refuses an empty key and wants a global hash table.
 */
#define LTM_DESC
#include <tomcrypt.h>

#include <stdlib.h>
#include <string.h>

#include "core/crypto_shared.h"

enum { SHA256_BLOCK = 64, P256_BYTES = 32 };

struct cairn_hasher {
    enum cairn_hash alg;
    hash_state state;
};

static enum cairn_rc failed(struct cairn_err *err, const char *what, int code)
{
    return CAIRN_FAIL_CAUSE(err, CAIRN_E_IO, "crypto.provider", code, "libtomcrypt failed: %s: %s", what,
                            error_to_string(code));
}

static enum cairn_rc check(struct cairn_err *err, const char *what, int code)
{
    return code == CRYPT_OK ? CAIRN_OK : failed(err, what, code);
}

static int start(struct cairn_hasher *h)
{
    switch (h->alg) {
    case CAIRN_SHA1:
        return sha1_init(&h->state);
    case CAIRN_SHA256:
        return sha256_init(&h->state);
    case CAIRN_SHA384:
        return sha384_init(&h->state);
    }
    return CRYPT_INVALID_HASH;
}

static int process(struct cairn_hasher *h, const uint8_t *p, unsigned long len)
{
    switch (h->alg) {
    case CAIRN_SHA1:
        return sha1_process(&h->state, p, len);
    case CAIRN_SHA256:
        return sha256_process(&h->state, p, len);
    case CAIRN_SHA384:
        return sha384_process(&h->state, p, len);
    }
    return CRYPT_INVALID_HASH;
}

static int done(struct cairn_hasher *h, uint8_t *out)
{
    switch (h->alg) {
    case CAIRN_SHA1:
        return sha1_done(&h->state, out);
    case CAIRN_SHA256:
        return sha256_done(&h->state, out);
    case CAIRN_SHA384:
        return sha384_done(&h->state, out);
    }
    return CRYPT_INVALID_HASH;
}

enum cairn_rc cairn_hasher_new(enum cairn_hash alg, struct cairn_hasher **out, struct cairn_err *err)
{
    if (cairn_hash_len(alg) == 0) {
        return CAIRN_FAIL(err, CAIRN_E_UNDECIDED, "crypto.unsupported", "hash algorithm 0x%04x is not supported",
                          (unsigned)alg);
    }
    CAIRN_CLEANUP(cairn_hasher_freep) struct cairn_hasher *h = calloc(1, sizeof(*h));
    if (h == NULL) {
        return CAIRN_FAIL(err, CAIRN_E_IO, "memory", "no memory for a hash");
    }
    h->alg = alg;
    CAIRN_TRY(check(err, "start a hash", start(h)));
    *out = h;
    h = NULL;
    return CAIRN_OK;
}

enum cairn_rc cairn_hasher_update(struct cairn_hasher *h, struct cairn_span bytes, struct cairn_err *err)
{
    return bytes.len == 0 ? CAIRN_OK : check(err, "hash", process(h, bytes.p, bytes.len));
}

enum cairn_rc cairn_hasher_final(struct cairn_hasher *h, uint8_t *out, struct cairn_err *err)
{
    CAIRN_TRY(check(err, "finish a hash", done(h, out)));
    return check(err, "start a hash", start(h));
}

void cairn_hasher_free(struct cairn_hasher *h)
{
    if (h != NULL) {
        explicit_bzero(h, sizeof(*h)); /* it may have been keyed */
        free(h);
    }
}

/* keyed_hash is SHA-256((block ^ pad) || parts). */
static enum cairn_rc keyed_hash(const uint8_t block[SHA256_BLOCK], uint8_t pad, const struct cairn_span *parts,
                                size_t num_parts, uint8_t out[CAIRN_SHA256_LEN], struct cairn_err *err)
{
    CAIRN_CLEANUP(cairn_hasher_freep) struct cairn_hasher *h = NULL;
    uint8_t padded[SHA256_BLOCK];
    for (size_t i = 0; i < sizeof(padded); i++) {
        padded[i] = block[i] ^ pad;
    }
    enum cairn_rc rc = cairn_hasher_new(CAIRN_SHA256, &h, err);
    if (rc == CAIRN_OK) {
        rc = cairn_hasher_update(h, CAIRN_SPAN(padded), err);
    }
    explicit_bzero(padded, sizeof(padded));
    for (size_t i = 0; rc == CAIRN_OK && i < num_parts; i++) {
        rc = cairn_hasher_update(h, parts[i], err);
    }
    return rc == CAIRN_OK ? cairn_hasher_final(h, out, err) : rc;
}

static void wipe_block(uint8_t (*block)[SHA256_BLOCK])
{
    explicit_bzero(*block, SHA256_BLOCK);
}

enum cairn_rc cairn_hmac_sha256(struct cairn_span key, const struct cairn_span *parts, size_t num_parts,
                                uint8_t out[CAIRN_SHA256_LEN], struct cairn_err *err)
{
    CAIRN_CLEANUP(wipe_block) uint8_t block[SHA256_BLOCK] = {0};
    if (key.len > sizeof(block)) {
        CAIRN_TRY(cairn_sha256(key, block, err));
    } else if (key.len > 0) {
        memcpy(block, key.p, key.len);
    }
    uint8_t inner[CAIRN_SHA256_LEN];
    CAIRN_TRY(keyed_hash(block, 0x36, parts, num_parts, inner, err));
    const struct cairn_span again = CAIRN_SPAN(inner);
    return keyed_hash(block, 0x5c, &again, 1, out, err);
}

/* struct numbers is what the curve equation needs. */
struct numbers {
    void *p, *b, *x, *y, *left, *right;
};

static void free_numbers(struct numbers *n)
{
    void *all[] = {n->p, n->b, n->x, n->y, n->left, n->right};
    for (size_t i = 0; i < CAIRN_ARRAY_LEN(all); i++) {
        if (all[i] != NULL) {
            ltc_mp.deinit(all[i]);
        }
    }
}

static const ltc_ecc_set_type *p256(void)
{
    for (int i = 0; ltc_ecc_sets[i].size != 0; i++) {
        if (ltc_ecc_sets[i].size == P256_BYTES) {
            return &ltc_ecc_sets[i];
        }
    }
    return NULL;
}

static int load_numbers(const struct cairn_ec_key *key, const ltc_ecc_set_type *curve, struct numbers *n)
{
    struct cairn_ec_key bytes = *key; /* libtomcrypt's reader takes no const */
    void **all[] = {&n->p, &n->b, &n->x, &n->y, &n->left, &n->right};
    for (size_t i = 0; i < CAIRN_ARRAY_LEN(all); i++) {
        if (ltc_mp.init(all[i]) != CRYPT_OK) {
            *all[i] = NULL;
            return CRYPT_MEM;
        }
    }
    int code = ltc_mp.read_radix(n->p, curve->prime, 16);
    code = code != CRYPT_OK ? code : ltc_mp.read_radix(n->b, curve->B, 16);
    code = code != CRYPT_OK ? code : ltc_mp.unsigned_read(n->x, bytes.x, sizeof(bytes.x));
    return code != CRYPT_OK ? code : ltc_mp.unsigned_read(n->y, bytes.y, sizeof(bytes.y));
}

/* solve computes both sides of y^2 = (x^2 - 3) x + b, modulo p. */
static int solve(struct numbers *n)
{
    int code = ltc_mp.sqrmod(n->y, n->p, n->left);
    code = code != CRYPT_OK ? code : ltc_mp.sqrmod(n->x, n->p, n->right);
    code = code != CRYPT_OK ? code : ltc_mp.add(n->right, n->p, n->right); /* so that - 3 stays positive */
    code = code != CRYPT_OK ? code : ltc_mp.subi(n->right, 3, n->right);
    code = code != CRYPT_OK ? code : ltc_mp.mulmod(n->right, n->x, n->p, n->right);
    code = code != CRYPT_OK ? code : ltc_mp.add(n->right, n->b, n->right);
    if (code == CRYPT_OK && ltc_mp.compare(n->right, n->p) != LTC_MP_LT) {
        code = ltc_mp.sub(n->right, n->p, n->right);
    }
    return code;
}

enum cairn_rc cairn_ec_key_check(const struct cairn_ec_key *key, struct cairn_err *err)
{
    const ltc_ecc_set_type *curve = p256();
    if (ltc_mp.name == NULL || curve == NULL) {
        return CAIRN_FAIL(err, CAIRN_E_IO, "crypto.provider",
                          "libtomcrypt is not ready: the self test has not run, or no P-256");
    }
    CAIRN_CLEANUP(free_numbers) struct numbers n = {0};
    CAIRN_TRY(check(err, "read a public key", load_numbers(key, curve, &n)));
    CAIRN_TRY(check(err, "check a public key", solve(&n)));
    bool reduced = ltc_mp.compare(n.x, n.p) == LTC_MP_LT && ltc_mp.compare(n.y, n.p) == LTC_MP_LT;
    if (!reduced || ltc_mp.compare(n.left, n.right) != LTC_MP_EQ) {
        return CAIRN_FAIL(err, CAIRN_E_FORMAT, "key.curve", "not a point of the curve P-256");
    }
    return CAIRN_OK;
}

struct cairn_ec_verifier {
    ecc_key key;
    bool imported;
};

enum cairn_rc cairn_ec_verifier_new(const struct cairn_ec_key *key, struct cairn_ec_verifier **out, struct cairn_err *err)
{
    uint8_t point[CAIRN_POINT_LEN];
    CAIRN_TRY(cairn_ec_key_check(key, err));
    CAIRN_EC_VERIFIER *verifier = calloc(1, sizeof(*verifier));
    if (verifier == NULL) {
        return CAIRN_FAIL(err, CAIRN_E_IO, "memory", "no memory for a key");
    }
    cairn_ec_key_point(key, point);
    CAIRN_TRY(check(err, "import a public key", ecc_ansi_x963_import(point, sizeof(point), &verifier->key)));
    verifier->imported = true;
    *out = verifier;
    verifier = NULL;
    return CAIRN_OK;
}

void cairn_ec_verifier_free(struct cairn_ec_verifier *verifier)
{
    if (verifier != NULL) {
        if (verifier->imported) {
            ecc_free(&verifier->key);
        }
        free(verifier);
    }
}

enum cairn_rc cairn_ec_verifier_verify(struct cairn_ec_verifier *verifier, const uint8_t digest[CAIRN_SHA256_LEN],
                                       const uint8_t rs[64], struct cairn_err *err)
{
    int valid = 0;
    CAIRN_TRY(cairn_ecdsa_check_range(rs, err));
    int code = ecc_verify_hash_rfc7518(rs, 64, digest, CAIRN_SHA256_LEN, &valid, &verifier->key);
    if (code == CRYPT_MEM) {
        return failed(err, "verify", code);
    }
    return code == CRYPT_OK && valid == 1 ? CAIRN_OK
                                          : cairn_signature_invalid(err, "it was not made by this key over these bytes");
}

enum cairn_rc cairn_rsa_verify(struct cairn_span n CAIRN_UNUSED, enum cairn_hash alg CAIRN_UNUSED,
                               const uint8_t *digest CAIRN_UNUSED, struct cairn_span signature CAIRN_UNUSED,
                               struct cairn_err *err)
{
    return CAIRN_FAIL(err, CAIRN_E_UNDECIDED, "crypto.unsupported", "this program does not check RSA signatures");
}

enum cairn_rc cairn_crypto_self_test(struct cairn_err *err)
{
    ltc_mp = ltm_desc;
    return cairn_crypto_kat(err);
}

const char *cairn_crypto_provider(void)
{
    return "libtomcrypt " SCRYPT;
}
