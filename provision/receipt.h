/* provision/receipt.h -- the receipt: the TPM's word that a grant's epoch was reached, under the grant's PCRs.
 *
 * TPM document "receipt": the head with nonce = SHA-256(grant payload), NV_Certify(epoch) and a Quote, in this order.
 * TPM-proved is that the counter stands at `to` under these PCRs; generation and record digest are the software's word.
 *
 * Pure. Source: DESIGN 4, 9; docs/formats.md "receipt".
 */
#ifndef CAIRN_PROVISION_RECEIPT_H
#define CAIRN_PROVISION_RECEIPT_H

#include "provision/grant.h"

struct cairn_receipt {
    uint8_t grant[32]; /* SHA-256 of the grant's payload */
    uint8_t manifest[32];
    uint64_t from, to;
    uint64_t generation; /* software-asserted */
    uint8_t record[32];  /* software-asserted */
    struct cairn_claim counter, quote;
};
/* cairn_receipt_payload replaces `out` by the canonical payload; counter and quote are not read. */
CAIRN_RC cairn_receipt_payload(const struct cairn_receipt *receipt, const struct cairn_tpm_head *head, struct cairn_buf *out,
                               struct cairn_err *err);
/* cairn_receipt_verify decides whether `file` is the word of this statement's TPM. With a grant: that it answers this grant.
 * `grant` NULL: only what the TPM proves by itself, that its epoch stood at `to` (out->grant is then unchecked text).
 * CAIRN_E_REFUSED tpmdoc.*, document.* ("document.nonce": for another grant), attestation.*, "receipt.epoch" (the certified
 * counter is not `to`), "receipt.manifest", "receipt.grant" (from or to are not the grant's), "receipt.pcrs" (quoted under
 * other PCRs than the grant's); CAIRN_E_FORMAT tpmdoc.*, json.*. */
CAIRN_RC cairn_receipt_verify(struct cairn_span file, const struct cairn_statement *statement, const struct cairn_grant *grant,
                              struct cairn_receipt *out, struct cairn_err *err);

#endif
