/* storage/vault.h -- the vault file: one parameter set, encrypted under one storage key, for one generation.
 *
 * The storage key is fresh at each commit and lives sealed in the record (storage/vault_device.h). The AES key is derived from
 * it with a fresh salt and the generation, so the fixed nonce is used once per key, also after a torn or repeated write
 * (CHECKS 59). The header is the AAD.
 *
 * Pure. Source: DESIGN 6; docs/formats.md "vault file".
 */
#ifndef CAIRN_STORAGE_VAULT_H
#define CAIRN_STORAGE_VAULT_H

#include "core/crypto_keys.h"
#include "storage/params.h"

enum { CAIRN_VAULT_KEY_LEN = 32, CAIRN_VAULT_SALT_LEN = 32, CAIRN_VAULT_HEADER_LEN = 52 };
enum { CAIRN_VAULT_FILE_MAX = CAIRN_VAULT_HEADER_LEN + CAIRN_PARAMS_LEN_MAX + CAIRN_GCM_TAG_LEN };

/* cairn_vault_encrypt replaces `out` by the file of `set` (checked first: params.*). `key` is 32 bytes; `salt` must be fresh.
 */
CAIRN_RC cairn_vault_encrypt(struct cairn_span key, uint64_t generation, const uint8_t salt[CAIRN_VAULT_SALT_LEN],
                             struct cairn_span set, struct cairn_buf *out, struct cairn_err *err);
/* cairn_vault_decrypt gives the set of a file. CAIRN_E_FORMAT "vault.format" (not a vault file, or too short or long);
 * CAIRN_E_REFUSED "vault.generation" (the file of another one), "vault.tag" (another key, or altered); params.*. */
CAIRN_RC cairn_vault_decrypt(struct cairn_span key, uint64_t generation, struct cairn_span file, struct cairn_secret **out,
                             struct cairn_err *err);

#endif
