/* core/spki.c -- the one accepted encoding of a P-256 public key, and what both providers share about the curve.
 *
 * One key has one encoding here, so that a key id is a key (CHECKS 60): no compressed points, no explicit parameters, no
 * other DER. Source: RFC 5480 section 2; SEC 1 section 2.3.3.
 */
#include "core/crypto_shared.h"

#include <string.h>

enum { PREFIX_LEN = CAIRN_SPKI_LEN - 64 };

/* SEQUENCE { SEQUENCE { id-ecPublicKey, prime256v1 }, BIT STRING (66 bytes, no unused bits) { 04 ... } } */
static const uint8_t PREFIX[PREFIX_LEN] = {0x30, 0x59, 0x30, 0x13, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01, 0x06,
                                           0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07, 0x03, 0x42, 0x00, 0x04};

/* The order of P-256's base point: FIPS 186-4, D.1.2.3. */
static const uint8_t ORDER[32] = {0xff, 0xff, 0xff, 0xff, 0x00, 0x00, 0x00, 0x00, 0xff, 0xff, 0xff,
                                  0xff, 0xff, 0xff, 0xff, 0xff, 0xbc, 0xe6, 0xfa, 0xad, 0xa7, 0x17,
                                  0x9e, 0x84, 0xf3, 0xb9, 0xca, 0xc2, 0xfc, 0x63, 0x25, 0x51};

size_t cairn_hash_len(enum cairn_hash alg)
{
    switch (alg) {
    case CAIRN_SHA1:
        return 20;
    case CAIRN_SHA256:
        return 32;
    case CAIRN_SHA384:
        return 48;
    }
    return 0;
}

enum cairn_rc cairn_sha256(struct cairn_span bytes, uint8_t out[CAIRN_SHA256_LEN], struct cairn_err *err)
{
    return cairn_hash_parts(CAIRN_SHA256, &bytes, 1, out, err);
}

enum cairn_rc cairn_hash_parts(enum cairn_hash alg, const struct cairn_span *parts, size_t num_parts, uint8_t *out,
                               struct cairn_err *err)
{
    CAIRN_CLEANUP(cairn_hasher_freep) struct cairn_hasher *hasher = NULL;
    CAIRN_TRY(cairn_hasher_new(alg, &hasher, err));
    for (size_t i = 0; i < num_parts; i++) {
        CAIRN_TRY(cairn_hasher_update(hasher, parts[i], err));
    }
    return cairn_hasher_final(hasher, out, err);
}

void cairn_hasher_freep(struct cairn_hasher **h)
{
    cairn_hasher_free(*h);
    *h = NULL;
}

void cairn_ec_verifier_freep(struct cairn_ec_verifier **verifier)
{
    cairn_ec_verifier_free(*verifier);
    *verifier = NULL;
}

enum cairn_rc cairn_ecdsa_verify(const struct cairn_ec_key *key, const uint8_t digest[CAIRN_SHA256_LEN], const uint8_t rs[64],
                                 struct cairn_err *err)
{
    CAIRN_TRY(cairn_ecdsa_check_range(rs, err)); /* first: it costs nothing */
    CAIRN_EC_VERIFIER *verifier = NULL;
    CAIRN_TRY(cairn_ec_verifier_new(key, &verifier, err));
    return cairn_ec_verifier_verify(verifier, digest, rs, err);
}

bool cairn_ec_key_equal(const struct cairn_ec_key *a, const struct cairn_ec_key *b)
{
    return memcmp(a->x, b->x, sizeof(a->x)) == 0 && memcmp(a->y, b->y, sizeof(a->y)) == 0;
}

enum cairn_rc cairn_spki_decode(struct cairn_span der, struct cairn_ec_key *out, struct cairn_err *err)
{
    struct cairn_ec_key key = {0};
    struct cairn_reader r = cairn_reader(der);
    struct cairn_span prefix = cairn_read_bytes(&r, PREFIX_LEN);
    cairn_read_array(&r, key.x, sizeof(key.x));
    cairn_read_array(&r, key.y, sizeof(key.y));
    if (!cairn_reader_done(&r) || !cairn_span_equal(prefix, CAIRN_SPAN(PREFIX))) {
        return CAIRN_FAIL(
            err, CAIRN_E_FORMAT, "key.spki",
            "not a P-256 public key in its one accepted form (SubjectPublicKeyInfo, named curve, uncompressed point)");
    }
    CAIRN_TRY(cairn_ec_key_check(&key, err));
    *out = key;
    return CAIRN_OK;
}

void cairn_spki_encode(const struct cairn_ec_key *key, uint8_t out[CAIRN_SPKI_LEN])
{
    struct cairn_writer w = cairn_writer(out, CAIRN_SPKI_LEN);
    cairn_write_bytes(&w, CAIRN_SPAN(PREFIX));
    cairn_write_bytes(&w, CAIRN_SPAN(key->x));
    cairn_write_bytes(&w, CAIRN_SPAN(key->y));
}

enum cairn_rc cairn_ec_key_id(const struct cairn_ec_key *key, uint8_t out[CAIRN_SHA256_LEN], struct cairn_err *err)
{
    uint8_t der[CAIRN_SPKI_LEN];
    cairn_spki_encode(key, der);
    return cairn_sha256(CAIRN_SPAN(der), out, err);
}

void cairn_ec_key_point(const struct cairn_ec_key *key, uint8_t out[CAIRN_POINT_LEN])
{
    struct cairn_writer w = cairn_writer(out, CAIRN_POINT_LEN);
    cairn_write_u8(&w, 0x04);
    cairn_write_bytes(&w, CAIRN_SPAN(key->x));
    cairn_write_bytes(&w, CAIRN_SPAN(key->y));
}

enum cairn_rc cairn_signature_invalid(struct cairn_err *err, const char *why)
{
    return CAIRN_FAIL(err, CAIRN_E_REFUSED, "signature.invalid", "the signature is not valid: %s", why);
}

static bool scalar_in_range(const uint8_t scalar[32])
{
    static const uint8_t zero[32] = {0};
    return memcmp(scalar, zero, sizeof(zero)) != 0 && memcmp(scalar, ORDER, sizeof(ORDER)) < 0;
}

enum cairn_rc cairn_ecdsa_check_range(const uint8_t rs[64], struct cairn_err *err)
{
    if (!scalar_in_range(rs) || !scalar_in_range(rs + 32)) {
        return cairn_signature_invalid(err, "r or s is out of range");
    }
    return CAIRN_OK;
}
