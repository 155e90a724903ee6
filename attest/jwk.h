/* attest/jwk.h -- P-256 public keys as JSON Web Keys, and their thumbprints.
 *
 * Pure. Source: RFC 7517 (JWK), RFC 7518 section 6.2 (EC keys), RFC 7638 (thumbprint).
 */
#ifndef CAIRN_ATTEST_JWK_H
#define CAIRN_ATTEST_JWK_H

#include "attest/evidence.h"
#include "authority/root.h"

/* cairn_jwk_set sets the members crv, kty, x and y of `object`. */
CAIRN_RC cairn_jwk_set(json_t *object, const struct cairn_ec_key *key, struct cairn_err *err);
/* cairn_jwk_read reads an object of exactly these four members. CAIRN_E_FORMAT "json.member", "key.curve" (no point of P-256).
 */
CAIRN_RC cairn_jwk_read(const json_t *object, struct cairn_ec_key *out, struct cairn_err *err);
/* cairn_jwk_thumbprint is RFC 7638 with SHA-256: 43 characters and NUL. What evidence's `cnf` holds. */
CAIRN_RC cairn_jwk_thumbprint(const struct cairn_ec_key *key, char out[CAIRN_JKT_LEN + 1], struct cairn_err *err);
/* cairn_jwks_write appends the JWK Set of the root's verifier keys (canonical JSON with newline); `kid` is the key id in hex. A
 * root without such keys gives an empty set. */
CAIRN_RC cairn_jwks_write(const struct cairn_root *root, struct cairn_buf *out, struct cairn_err *err);

#endif
