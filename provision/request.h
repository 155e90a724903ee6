/* provision/request.h -- a device asks for a grant: where its epoch counter stands and which PCRs it runs under.
 *
 * TPM document "request": the head over the provisioner's nonce, a Quote and NV_Certify(epoch), in this order.
 * Pure. Source: DESIGN 4, 9; docs/formats.md "request".
 */
#ifndef CAIRN_PROVISION_REQUEST_H
#define CAIRN_PROVISION_REQUEST_H

#include "authority/statement.h"

struct cairn_request {
    uint64_t epoch; /* certified */
    struct cairn_claim quote, counter;
};
/* cairn_request_payload replaces `out` by the canonical payload. */
CAIRN_RC cairn_request_payload(const struct cairn_tpm_head *head, struct cairn_buf *out, struct cairn_err *err);
/* cairn_request_verify decides whether `file` is the word of this statement's TPM over `nonce`, quoting exactly `mask`.
 * CAIRN_E_REFUSED tpmdoc.*, document.*, attestation.*, "request.selection"; CAIRN_E_FORMAT tpmdoc.*, json.*. */
CAIRN_RC cairn_request_verify(struct cairn_span file, const struct cairn_statement *statement, const uint8_t nonce[32],
                              uint32_t mask, struct cairn_request *out, struct cairn_err *err);

#endif
