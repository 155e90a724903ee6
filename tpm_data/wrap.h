/* tpm_data/wrap.h -- secrets for one TPM, built without it: credentials and import objects.
 *
 * Needs core/crypto_keys.h (OpenSSL): linked by desks and servers, not by cairn-verify. The ephemeral key is an argument so
 * that vectors are reproducible; callers pass a fresh one. Source: TPM 2.0 Part 1, sections 23 (duplication), 24 (credential
 * protection), B.6 and C.6 (KDFe, KDFa).
 */
#ifndef CAIRN_TPM_DATA_WRAP_H
#define CAIRN_TPM_DATA_WRAP_H

#include "core/crypto_keys.h"
#include "tpm_data/template.h"

enum { CAIRN_SEALED_MAX = 128, CAIRN_SEED_LEN = 68, CAIRN_BLOB_MAX = 512 };

/* struct cairn_blob is a TPM2B's bytes without the length. */
struct cairn_blob {
    uint8_t bytes[CAIRN_BLOB_MAX];
    size_t len;
};
struct cairn_span cairn_blob_span(const struct cairn_blob *blob);

/* Both: CAIRN_E_USAGE "wrap.length" (secret empty or too long), CAIRN_E_FORMAT "key.curve" (the recipient is no point of
 * P-256).
 *
 * cairn_wrap_credential is TPM2_MakeCredential: `secret` (1..32 bytes) for the AK with Name `ak`, opened by the EK `ek`.
 * Gives TPM2B_ID_OBJECT's and TPM2B_ENCRYPTED_SECRET's bytes. */
CAIRN_RC cairn_wrap_credential(const struct cairn_signer *ephemeral, const struct cairn_ec_key *ek, const struct cairn_name *ak,
                               struct cairn_span secret, struct cairn_blob *credential, struct cairn_blob *seed,
                               struct cairn_err *err);
/* cairn_wrap_import builds a sealed-data object (<= 128 bytes) with authPolicy `policy` that only the storage key `srk` can
 * import. `unique_seed` is 32 random bytes (seedValue). Gives the public area, TPM2B_PRIVATE (duplicate) and seed bytes. */
CAIRN_RC cairn_wrap_import(const struct cairn_signer *ephemeral, const struct cairn_ec_key *srk, const uint8_t policy[32],
                           const uint8_t unique_seed[32], struct cairn_span secret, struct cairn_area *public_area,
                           struct cairn_blob *duplicate, struct cairn_blob *seed, struct cairn_err *err);

#endif
