/* core/dsse.h -- DSSE envelopes: what people sign. Verify before parse; the algorithm comes from root.json, never from here.
 *
 * Source: DSSE v1.0.2, envelope and PAE. Signatures are ES256 in the fixed form r || s (64 bytes).
 */
#ifndef CAIRN_CORE_DSSE_H
#define CAIRN_CORE_DSSE_H

#include "core/crypto.h"
#include "core/json.h"

enum { CAIRN_DSSE_MAX_SIGNATURES = 16, CAIRN_DSSE_MAX_LEN = 1 << 20, CAIRN_DSSE_TYPE_MAX = 96 };

/* cairn_pae_digest is SHA-256(PAE(type, bytes)): what people sign and what a TPM attestation carries as extraData. */
CAIRN_RC cairn_pae_digest(const char *type, struct cairn_span bytes, uint8_t out[CAIRN_SHA256_LEN], struct cairn_err *err);

struct cairn_dsse_signature {
    uint8_t key_id[CAIRN_SHA256_LEN];
    uint8_t rs[64];
};
/* One {keyid, sig}, for documents that carry signatures of this form themselves (a certificate's counter-signatures).
 * _read: CAIRN_E_FORMAT json.member, "dsse.format" (not 64 bytes long); _write appends it to `array`. */
CAIRN_RC cairn_dsse_signature_read(const json_t *json, struct cairn_dsse_signature *out, struct cairn_err *err);
CAIRN_RC cairn_dsse_signature_write(const struct cairn_dsse_signature *signature, json_t *array, struct cairn_err *err);

/* struct cairn_dsse is a decoded envelope whose signatures nobody has checked yet: see authority/root.h. */
struct cairn_dsse {
    char type[CAIRN_DSSE_TYPE_MAX];
    struct cairn_buf payload;
    size_t num_signatures;
    struct cairn_dsse_signature signatures[CAIRN_DSSE_MAX_SIGNATURES];
};
void cairn_dsse_clear(struct cairn_dsse *dsse);
#define CAIRN_DSSE CAIRN_CLEANUP(cairn_dsse_clear) struct cairn_dsse

/* cairn_dsse_parse reads a canonical envelope file. The payloadType must be `type`; two signatures by one key id are
 * refused. Errors of core/json.h; CAIRN_E_FORMAT "dsse.format": no signature, more than 16, one of another length than 64
 * bytes, or two by one key; CAIRN_E_REFUSED "dsse.type". Member order and names: payload, payloadType, signatures of
 * {keyid (64 hex digits), sig}. */
CAIRN_RC cairn_dsse_parse(struct cairn_span file, const char *type, struct cairn_dsse *out, struct cairn_err *err);
/* cairn_dsse_write appends the envelope file, with its newline. CAIRN_E_USAGE "dsse.format": no signature. */
CAIRN_RC cairn_dsse_write(const struct cairn_dsse *dsse, struct cairn_buf *out, struct cairn_err *err);

#endif
