/* wipe/start.h -- wipe-start: the document that ties order, plan and media log to the audited Clear.
 *
 * Its digest SHA-256(PAE(type, payload)) is StirRandom's input and both Quotes' extraData, so all of it existed before Clear.
 * The file start.json carries the two Quotes, one before and one after Clear: their reset counts differ by nature, so each is
 * verified on its own.
 *
 * Pure. Source: DESIGN 4, 10; docs/formats.md "wipe-start".
 */
#ifndef CAIRN_WIPE_START_H
#define CAIRN_WIPE_START_H

#include "tpm_data/tpmdoc.h"
#include "wipe/order.h"

struct cairn_wipe_start {
    struct cairn_tpm_head head;                 /* nonce = the order's challenge */
    uint8_t order[32], plan[32], media_log[32]; /* SHA-256 of the payload and the two documents */
};
/* cairn_wipe_start_write appends the canonical payload; cairn_wipe_start_read reads one. CAIRN_E_FORMAT json.*. */
CAIRN_RC cairn_wipe_start_write(const struct cairn_wipe_start *start, struct cairn_buf *out, struct cairn_err *err);
CAIRN_RC cairn_wipe_start_read(struct cairn_span payload, struct cairn_wipe_start *out, struct cairn_err *err);
/* cairn_wipe_start_check demands that the payload is of this device and order, and of exactly this plan and media log.
 * CAIRN_E_REFUSED document.*, "start.order", "start.plan", "start.media". */
CAIRN_RC cairn_wipe_start_check(struct cairn_span payload, const struct cairn_statement *statement,
                                const struct cairn_order *order, struct cairn_span plan, struct cairn_span media_log,
                                struct cairn_err *err);
/* cairn_wipe_start_file makes start.json from the payload and the Quotes in the audited list. CAIRN_E_FORMAT "start.audit": the
 * list holds no two Quotes. */
CAIRN_RC cairn_wipe_start_file(struct cairn_span payload, const struct cairn_audit_log *log, struct cairn_buf *out,
                               struct cairn_err *err);
/* cairn_wipe_start_verify opens start.json: two Quotes by the device's AK over the payload. Gives the payload.
 * CAIRN_E_REFUSED "tpmdoc.type", "tpmdoc.attestations", attestation.*. */
CAIRN_RC cairn_wipe_start_verify(struct cairn_span file, const struct cairn_statement *statement, struct cairn_buf *payload,
                                 struct cairn_err *err);

#endif
