/* core/crypto.h -- hashes, HMAC and signature verification: what every verifier needs, from either provider.
 *
 * Two libraries implement this header: cairn_crypto_openssl and cairn_crypto_tomcrypt; a program links exactly one, so
 * cairn-verify is a second crypto stack. What only devices and desks need (private keys, AEAD, randomness) is in
 * core/crypto_keys.h, OpenSSL only.
 *
 * Stateless and thread-safe after cairn_crypto_self_test. CAIRN_E_IO "crypto.provider": the library failed, or
 * cairn_crypto_self_test has not run. CAIRN_E_UNDECIDED "crypto.unsupported": an algorithm that is not offered.
 */
#ifndef CAIRN_CORE_CRYPTO_H
#define CAIRN_CORE_CRYPTO_H

#include "core/wire.h"

enum cairn_hash { CAIRN_SHA1 = 0x0004, CAIRN_SHA256 = 0x000B, CAIRN_SHA384 = 0x000C }; /* values: TPM_ALG_ID */
enum { CAIRN_SHA256_LEN = 32, CAIRN_HASH_MAX = 48 };
size_t cairn_hash_len(enum cairn_hash alg); /* 0: not supported */

/* cairn_hash_parts hashes the concatenation of `parts`. `out` holds cairn_hash_len(alg) bytes. */
CAIRN_RC cairn_hash_parts(enum cairn_hash alg, const struct cairn_span *parts, size_t num_parts, uint8_t *out,
                          struct cairn_err *err);
CAIRN_RC cairn_sha256(struct cairn_span bytes, uint8_t out[CAIRN_SHA256_LEN], struct cairn_err *err);
CAIRN_RC cairn_hmac_sha256(struct cairn_span key, const struct cairn_span *parts, size_t num_parts,
                           uint8_t out[CAIRN_SHA256_LEN], struct cairn_err *err);

/* struct cairn_hasher streams one hash. Opaque; _free(NULL) does nothing; _final resets it for the next message. */
struct cairn_hasher;
CAIRN_RC cairn_hasher_new(enum cairn_hash alg, struct cairn_hasher **out, struct cairn_err *err);
CAIRN_RC cairn_hasher_update(struct cairn_hasher *h, struct cairn_span bytes, struct cairn_err *err);
CAIRN_RC cairn_hasher_final(struct cairn_hasher *h, uint8_t *out, struct cairn_err *err);
void cairn_hasher_free(struct cairn_hasher *h);
void cairn_hasher_freep(struct cairn_hasher **h);

/* struct cairn_ec_key is a P-256 public point. Keys are compared as this, never as encodings. */
struct cairn_ec_key {
    uint8_t x[32], y[32];
};
bool cairn_ec_key_equal(const struct cairn_ec_key *a, const struct cairn_ec_key *b);

/* SubjectPublicKeyInfo: only the one 91-byte encoding (named curve, uncompressed point) is accepted: CHECKS 60.
 * cairn_ec_key_id is SHA-256 of that encoding. Point-on-curve is checked by cairn_ec_key_check, which decode calls.
 * CAIRN_E_FORMAT "key.spki", "key.curve". */
enum { CAIRN_SPKI_LEN = 91 };
CAIRN_RC cairn_spki_decode(struct cairn_span der, struct cairn_ec_key *out, struct cairn_err *err);
void cairn_spki_encode(const struct cairn_ec_key *key, uint8_t out[CAIRN_SPKI_LEN]);
CAIRN_RC cairn_ec_key_check(const struct cairn_ec_key *key, struct cairn_err *err);
CAIRN_RC cairn_ec_key_id(const struct cairn_ec_key *key, uint8_t out[CAIRN_SHA256_LEN], struct cairn_err *err);

/* cairn_ecdsa_verify checks the key (CAIRN_E_FORMAT "key.curve"), then `rs` = r || s (32 bytes each, big-endian) over a SHA-256
 * digest. CAIRN_E_REFUSED "signature.invalid": r or s is out of range, or the signature is not this key's. */
CAIRN_RC cairn_ecdsa_verify(const struct cairn_ec_key *key, const uint8_t digest[CAIRN_SHA256_LEN], const uint8_t rs[64],
                            struct cairn_err *err);
/* struct cairn_ec_verifier is a public key made ready for many signatures: decoding a point of P-256 costs more than verifying
 * with it. Opaque; one thread at a time. cairn_ec_verifier_new: CAIRN_E_FORMAT "key.curve"; CAIRN_E_IO "memory".
 * cairn_ec_verifier_verify answers as cairn_ecdsa_verify. _free(NULL) does nothing. */
struct cairn_ec_verifier;
CAIRN_RC cairn_ec_verifier_new(const struct cairn_ec_key *key, struct cairn_ec_verifier **out, struct cairn_err *err);
CAIRN_RC cairn_ec_verifier_verify(struct cairn_ec_verifier *verifier, const uint8_t digest[CAIRN_SHA256_LEN],
                                  const uint8_t rs[64], struct cairn_err *err);
void cairn_ec_verifier_free(struct cairn_ec_verifier *verifier);
void cairn_ec_verifier_freep(struct cairn_ec_verifier **verifier);
#define CAIRN_EC_VERIFIER CAIRN_CLEANUP(cairn_ec_verifier_freep) struct cairn_ec_verifier
/* cairn_rsa_verify: RSASSA-PKCS1-v1_5, 2048-bit modulus `n` (256 bytes), e = 65537. OpenSSL only; libtomcrypt's build
 * answers CAIRN_E_UNDECIDED "crypto.unsupported". CAIRN_E_FORMAT "key.rsa"; CAIRN_E_REFUSED "signature.invalid". */
CAIRN_RC cairn_rsa_verify(struct cairn_span n, enum cairn_hash alg, const uint8_t *digest, struct cairn_span signature,
                          struct cairn_err *err);

/* cairn_crypto_self_test runs the known-answer tests (FIPS 180-4, RFC 4231, RFC 6979 vectors; negative ones too). Every main
 * calls it before any use. CAIRN_E_IO "crypto.selftest": the provider is broken; nothing may go on. */
CAIRN_RC cairn_crypto_self_test(struct cairn_err *err);
const char *cairn_crypto_provider(void); /* "OpenSSL 3.0.x", "libtomcrypt 1.18" */

#endif
