/* wipe/kill_device.h -- brings the epoch counter to its target and has the TPM say so.
 *
 * Source: DESIGN 10; RECORD (Kill), kept in docs/architecture.md.
 */
#ifndef CAIRN_WIPE_KILL_DEVICE_H
#define CAIRN_WIPE_KILL_DEVICE_H

#include "storage/state_device.h"
#include "wipe/kill.h"

/* cairn_kill_target = max(epoch_to + 2, bound + 1) for a device with the record `record` (NULL: none, or state lost; then
 * the caller raises it to counter + 2, for nothing is sealed beyond counter + 1). An anchored DECOMMISSIONING
 * record's own target stands. */
uint64_t cairn_kill_target(const struct cairn_record *record, const struct cairn_order_device *entry);
/* cairn_kill_allowed: may a wipe go on at this counter? `anchored`: DECOMMISSIONING is in the anchored record: any counter from
 * epoch_from on. Otherwise up to epoch_to + 2. CAIRN_E_REFUSED "order.epoch". */
CAIRN_RC cairn_kill_allowed(const struct cairn_order_device *entry, bool anchored, uint64_t counter, struct cairn_err *err);

struct cairn_kill_ask {
    const struct cairn_statement *statement;
    const struct cairn_order *order;
    const struct cairn_order_device *entry;
    uint64_t target;
    bool anchored;
};
/* cairn_kill_run extends the cap PCR, increments while an authenticated read is under the target, and appends the receipt file
 * to `receipt`, verified by cairn_kill_verify. Repeating is harmless. CAIRN_E_REFUSED "order.epoch", "kill.far" (the target is
 * unreasonably far from the counter); tpm.*. */
CAIRN_RC cairn_kill_run(struct cairn_tpm *tpm, const struct cairn_kill_ask *ask, struct cairn_buf *receipt,
                        struct cairn_err *err);

#endif
