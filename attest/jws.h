/* attest/jws.h -- compact JWS with ES256 and nothing else: what EAR and DPoP proofs travel in.
 *
 * The key comes from the caller and never from the header; the algorithm is fixed. Nothing of a payload is read before
 * cairn_jws_verify. Pure. Source: RFC 7515; RFC 7518 section 3.4; RFC 8725.
 */
#ifndef CAIRN_ATTEST_JWS_H
#define CAIRN_ATTEST_JWS_H

#include "core/crypto_keys.h"
#include "core/json.h"

/* cairn_jws_sign appends base64url(header).base64url(payload).base64url(signature). */
CAIRN_RC cairn_jws_sign(const json_t *header, const json_t *payload, const struct cairn_signer *signer, struct cairn_buf *out,
                        struct cairn_err *err);

/* struct cairn_jws is a JWS that nobody has verified. Owns `header` and `payload`. */
struct cairn_jws {
    json_t *header;
    struct cairn_buf payload; /* bytes */
    uint8_t digest[CAIRN_SHA256_LEN];
    uint8_t rs[64];
};
void cairn_jws_clear(struct cairn_jws *jws);
#define CAIRN_JWS CAIRN_CLEANUP(cairn_jws_clear) struct cairn_jws
/* cairn_jws_open splits `text`, of at most `max_len` bytes. CAIRN_E_FORMAT `code` (a constant): not three parts of canonical
 * base64url, a header that is no JSON object, a signature that has not 64 bytes. */
CAIRN_RC cairn_jws_open(struct cairn_span text, size_t max_len, const char *code, struct cairn_jws *out, struct cairn_err *err);
/* CAIRN_E_REFUSED "signature.invalid". */
CAIRN_RC cairn_jws_verify(const struct cairn_jws *jws, const struct cairn_ec_key *key, struct cairn_err *err);

#endif
