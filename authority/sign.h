/* authority/sign.h -- put a person's signature on a document: JSON becomes an envelope, an envelope gets one signature more.
 *
 * Needs core/crypto_keys.h (OpenSSL): linked by desks and servers, never by cairn-verify. Whether the key may sign this is
 * decided by every reader (authority/root.h), not here. Pure. Source: DESIGN 4; DSSE v1.0.2.
 */
#ifndef CAIRN_AUTHORITY_SIGN_H
#define CAIRN_AUTHORITY_SIGN_H

#include "authority/approval.h"
#include "core/crypto_keys.h"

/* cairn_sign_document signs `file` as a document of type `type` and appends the envelope file (canonical, with newline) to
 * `out`. `file` is either canonical JSON (one trailing newline allowed; it becomes the payload, without it) or an envelope of
 * `type` already signed by others. Signatures that are there are kept as they are and not judged.
 * CAIRN_E_FORMAT json.* (not canonical JSON), "dsse.format"; CAIRN_E_REFUSED "dsse.type" (an envelope of another type),
 * "dsse.signed" (this key has signed it), "dsse.full" (no room for another signature). */
CAIRN_RC cairn_sign_document(struct cairn_span file, const char *type, const struct cairn_signer *signer, struct cairn_buf *out,
                             struct cairn_err *err);
/* cairn_sign_is_envelope: does `file` look like an envelope (a JSON object with "payloadType")? Decides nothing else. */
bool cairn_sign_is_envelope(struct cairn_span file);
/* cairn_sign_payload gives what `file` holds, for a look before signing: the payload of an envelope of `type`, or the JSON
 * itself without its newline. Nobody's signature is judged. Same errors as cairn_sign_document. */
CAIRN_RC cairn_sign_payload(struct cairn_span file, const char *type, struct cairn_buf *out, struct cairn_err *err);

/* cairn_sign_approvals approves one boot state, the PCRs of `mask` at `pcr_digest`, for `device_class` at `floor`: two raw
 * signatures by `signer`, checked before `*out` is written. Whether that is the root's pcrpolicy key is asked by every reader.
 * CAIRN_E_USAGE "approval.class": the class is no label. */
CAIRN_RC cairn_sign_approvals(const struct cairn_signer *signer, const char *device_class, uint64_t floor, uint32_t mask,
                              const uint8_t pcr_digest[32], struct cairn_approvals *out, struct cairn_err *err);

#endif
