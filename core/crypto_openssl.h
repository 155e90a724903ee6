/* core/crypto_openssl.h -- what crypto_openssl.c and crypto_keys.c share. Included by those two only. */
#ifndef CAIRN_CORE_CRYPTO_OPENSSL_H
#define CAIRN_CORE_CRYPTO_OPENSSL_H

#include <openssl/evp.h>

#include "core/crypto.h"

/* cairn_openssl_failed sets CAIRN_E_IO "crypto.provider" with the library's last error as cause, and empties its queue. */
enum cairn_rc cairn_openssl_failed(struct cairn_err *err, const char *what);
/* cairn_openssl_ec_public imports and checks a public key; the caller owns *out. CAIRN_E_FORMAT "key.curve". */
CAIRN_RC cairn_openssl_ec_public(const struct cairn_ec_key *key, EVP_PKEY **out, struct cairn_err *err);
void cairn_pkey_freep(EVP_PKEY **pkey);
void cairn_pkey_ctx_freep(EVP_PKEY_CTX **ctx);
#define CAIRN_PKEY     CAIRN_CLEANUP(cairn_pkey_freep) EVP_PKEY
#define CAIRN_PKEY_CTX CAIRN_CLEANUP(cairn_pkey_ctx_freep) EVP_PKEY_CTX

#endif
