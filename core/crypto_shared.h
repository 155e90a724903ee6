/* core/crypto_shared.h -- what the two providers of core/crypto.h share. Included by core/ only. */
#ifndef CAIRN_CORE_CRYPTO_SHARED_H
#define CAIRN_CORE_CRYPTO_SHARED_H

#include "core/crypto.h"

enum { CAIRN_POINT_LEN = 65 };

/* cairn_ec_key_point writes the uncompressed point 04 || x || y. */
void cairn_ec_key_point(const struct cairn_ec_key *key, uint8_t out[CAIRN_POINT_LEN]);
/* cairn_ecdsa_check_range demands 0 < r, s < order, before a library sees them. CAIRN_E_REFUSED "signature.invalid". */
CAIRN_RC cairn_ecdsa_check_range(const uint8_t rs[64], struct cairn_err *err);
/* cairn_signature_invalid sets CAIRN_E_REFUSED "signature.invalid". */
enum cairn_rc cairn_signature_invalid(struct cairn_err *err, const char *why);
/* cairn_crypto_kat runs the known answers against whichever provider is linked. CAIRN_E_IO "crypto.selftest". */
CAIRN_RC cairn_crypto_kat(struct cairn_err *err);

#endif
