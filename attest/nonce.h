/* attest/nonce.h -- the nonce file: a question, kept by whoever asks, spent by the first document checked with it.
 *
 * {purpose, nonce, device, fleet, ak, selection, issued, spent}: canonical JSON, mode 0600. The same document may be checked
 * again (its SHA-256 stands in `spent`), another one may not (CHECKS 12). Pure but for the file update, which the CLI does.
 * Source: DESIGN 4 (nonces); docs/formats.md "nonce".
 */
#ifndef CAIRN_ATTEST_NONCE_H
#define CAIRN_ATTEST_NONCE_H

#include "authority/statement.h"

enum cairn_purpose { CAIRN_PURPOSE_LEARN, CAIRN_PURPOSE_EVIDENCE, CAIRN_PURPOSE_GRANT };
const char *cairn_purpose_name(enum cairn_purpose purpose);
bool cairn_purpose_from_name(const char *name, enum cairn_purpose *out);
struct cairn_nonce {
    enum cairn_purpose purpose;
    uint8_t nonce[32];
    uint8_t fleet[32];
    uint8_t device[32];
    struct cairn_name ak;
    uint32_t mask; /* PCRs asked for */
    uint64_t issued_s;
    bool spent;
    uint8_t spent_by[32]; /* SHA-256 of the whole document file */
};
/* CAIRN_E_FORMAT json.*. _write replaces `out` by the file's text, with newline; _json makes the object that it is: the caller
 * owns *out. */
CAIRN_RC cairn_nonce_parse(struct cairn_span file, struct cairn_nonce *out, struct cairn_err *err);
CAIRN_RC cairn_nonce_write(const struct cairn_nonce *nonce, struct cairn_buf *out, struct cairn_err *err);
CAIRN_RC cairn_nonce_json(const struct cairn_nonce *nonce, json_t **out, struct cairn_err *err);
/* cairn_nonce_spend allows `document` (whole file) to be checked with this nonce and marks it spent.
 * CAIRN_E_REFUSED "nonce.purpose", "nonce.spent" (by another document). The caller writes the file back *before* it tells
 * anyone the result; cairn_nonce_spend is called only after the document's signature verified over this nonce (CHECKS 52). */
CAIRN_RC cairn_nonce_spend(struct cairn_nonce *nonce, enum cairn_purpose purpose, struct cairn_span document,
                           struct cairn_err *err);

#endif
