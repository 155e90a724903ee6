/* core/crypto_keys.h -- private keys, AEAD, key derivation, ECDH and randomness. OpenSSL only.
 *
 * Errors: CAIRN_E_IO "crypto.provider", "memory"; CAIRN_E_USAGE "crypto.length"; those of core/crypto.h for a peer's key.
 * Threading: a cairn_signer is used by one thread at a time; the rest is stateless.
 */
#ifndef CAIRN_CORE_CRYPTO_KEYS_H
#define CAIRN_CORE_CRYPTO_KEYS_H

#include "core/crypto.h"
#include "core/secret.h"

/* cairn_random gives `len` bytes fit for keys. */
CAIRN_RC cairn_random(uint8_t *out, size_t len, struct cairn_err *err);
/* RFC 5869 with SHA-256; out_len <= 8160. */
CAIRN_RC cairn_hkdf_sha256(struct cairn_span key, struct cairn_span salt, struct cairn_span info, uint8_t *out, size_t out_len,
                           struct cairn_err *err);
enum { CAIRN_GCM_NONCE_LEN = 12, CAIRN_GCM_TAG_LEN = 16 };
/* AES-256-GCM. `cipher` = ciphertext || 16-byte tag; the arrays may not overlap. cairn_gcm_open: CAIRN_E_REFUSED "aead.tag",
 * and `plain` is wiped. */
CAIRN_RC cairn_gcm_seal(const uint8_t key[32], const uint8_t nonce[12], struct cairn_span aad, struct cairn_span plain,
                        uint8_t *cipher, struct cairn_err *err);
CAIRN_RC cairn_gcm_open(const uint8_t key[32], const uint8_t nonce[12], struct cairn_span aad, struct cairn_span cipher,
                        uint8_t *plain, struct cairn_err *err);
/* AES-128-CFB128 with a zero IV, as TPM 2.0 Part 1 section 24 wraps: for tpm_data/wrap only. */
CAIRN_RC cairn_aes128_cfb(const uint8_t key[16], struct cairn_span plain, uint8_t *cipher, struct cairn_err *err);

/* struct cairn_signer is a P-256 private key. */
struct cairn_signer;
CAIRN_RC cairn_signer_generate(struct cairn_signer **out, struct cairn_err *err);
/* PKCS#8 PEM, unencrypted. _read refuses anything that is not one P-256 key (CAIRN_E_FORMAT
 * "key.pkcs8"); _write gives PEM in `out`
 * (a secret: the caller clears it). */
CAIRN_RC cairn_signer_read(struct cairn_span pem, struct cairn_signer **out, struct cairn_err *err);
CAIRN_RC cairn_signer_write(const struct cairn_signer *signer, struct cairn_buf *out, struct cairn_err *err);
void cairn_signer_free(struct cairn_signer *signer);
void cairn_signer_freep(struct cairn_signer **signer);
#define CAIRN_SIGNER CAIRN_CLEANUP(cairn_signer_freep) struct cairn_signer
CAIRN_RC cairn_signer_public(const struct cairn_signer *signer, struct cairn_ec_key *out, struct cairn_err *err);
CAIRN_RC cairn_signer_sign(const struct cairn_signer *signer, const uint8_t digest[32], uint8_t rs[64], struct cairn_err *err);
/* cairn_signer_ecdh gives the x coordinate of the shared point, padded to 32 bytes. */
CAIRN_RC cairn_signer_ecdh(const struct cairn_signer *signer, const struct cairn_ec_key *peer, uint8_t z[32],
                           struct cairn_err *err);

#endif
