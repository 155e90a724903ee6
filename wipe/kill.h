/* wipe/kill.h -- the kill receipt: the counter passed every value a sealed key was bound to, after the order's challenge.
 *
 * Checked against the order alone: certified counter >= epoch_to + 2 (RECORD, Kill). What else the device's own target T was is
 * in the document and must have been reached too.
 *
 * Pure. Source: DESIGN 4, 10; docs/formats.md "kill".
 */
#ifndef CAIRN_WIPE_KILL_H
#define CAIRN_WIPE_KILL_H

#include "tpm_data/tpmdoc.h"
#include "wipe/order.h"

/* The PCRs every quote of a wipe covers: the boot, and PCR 8 with the cap. */
enum { CAIRN_WIPE_PCRS = 0x3ff };

struct cairn_kill {
    uint64_t target;  /* T, the device's own */
    uint64_t counter; /* certified */
    struct cairn_claim epoch, quote;
};
/* cairn_kill_payload appends the canonical payload for the device of `statement`. */
CAIRN_RC cairn_kill_payload(const struct cairn_statement *statement, const struct cairn_order *order, uint64_t target,
                            struct cairn_buf *out, struct cairn_err *err);
/* cairn_kill_verify decides whether `file` proves the keys of `statement` dead under `order` (which must name the device).
 * CAIRN_E_REFUSED "kill.order" (of another order), "kill.target" (T under epoch_to + 2), "kill.counter" (the counter is under T
 * or under epoch_to + 2), "kill.pcrs" (a quote over fewer PCRs); document.*, tpmdoc.*, attestation.*, order.*, json.*. */
CAIRN_RC cairn_kill_verify(struct cairn_span file, const struct cairn_order *order, const struct cairn_statement *statement,
                           struct cairn_kill *out, struct cairn_err *err);

#endif
