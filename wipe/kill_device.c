/* wipe/kill_device.c -- see wipe/kill_device.h. */
#include "wipe/kill_device.h"

#include <inttypes.h>

enum { MAX_INCREMENTS = 64 };
/* The cap ends policy sessions that were satisfied before the counter moved (FACTS T2). */
static const char CAP[] = "cairn.cap.v1";

uint64_t cairn_kill_target(const struct cairn_record *record, const struct cairn_order_device *entry)
{
    uint64_t floor = cairn_order_floor(entry);
    if (record == NULL) {
        return floor;
    }
    if (record->life == CAIRN_LIFE_DECOMMISSIONING) {
        return record->kill_target > floor ? record->kill_target : floor;
    }
    bool moving = record->phase == CAIRN_PHASE_COMMITTING || record->phase == CAIRN_PHASE_RESEALED;
    uint64_t bound = moving ? record->epoch + 1 : record->epoch;
    bound = record->bound > bound ? record->bound : bound;
    return bound + 1 > floor ? bound + 1 : floor;
}

enum cairn_rc cairn_kill_allowed(const struct cairn_order_device *entry, bool anchored, uint64_t counter, struct cairn_err *err)
{
    uint64_t last = anchored ? UINT64_MAX : cairn_order_floor(entry);
    if (counter < entry->epoch_from || counter > last) {
        return CAIRN_FAIL(err, CAIRN_E_REFUSED, "order.epoch",
                          "the order does not reach this device's epoch %" PRIu64 ": have a new order made", counter);
    }
    return CAIRN_OK;
}

static CAIRN_RC increment(struct cairn_tpm *tpm, const struct cairn_kill_ask *ask, struct cairn_err *err)
{
    uint64_t counter = 0;
    CAIRN_TRY(cairn_tpm_epoch_read(tpm, &counter, err));
    CAIRN_TRY(cairn_kill_allowed(ask->entry, ask->anchored, counter, err));
    if (ask->target > counter && ask->target - counter > MAX_INCREMENTS) {
        return CAIRN_FAIL(err, CAIRN_E_REFUSED, "kill.far",
                          "the counter stands at %" PRIu64 " and the target is %" PRIu64 ": have a new order made", counter,
                          ask->target);
    }
    while (counter < ask->target) {
        CAIRN_TRY(cairn_tpm_epoch_increment(tpm, err));
        CAIRN_TRY(cairn_tpm_epoch_read(tpm, &counter, err));
    }
    return CAIRN_OK;
}

static CAIRN_RC certify(struct cairn_tpm *tpm, const struct cairn_kill_ask *ask, struct cairn_buf *receipt,
                        struct cairn_err *err)
{
    CAIRN_TPMDOC doc = {.type = CAIRN_TYPE_KILL, .num_attestations = 2};
    uint8_t extra[32] = {0};
    CAIRN_TRY(cairn_kill_payload(ask->statement, ask->order, ask->target, &doc.payload, err));
    CAIRN_TRY(cairn_pae_digest(CAIRN_TYPE_KILL, cairn_buf_span(&doc.payload), extra, err));
    CAIRN_TRY(cairn_tpm_epoch_certify(tpm, extra, &doc.attestations[0], err));
    CAIRN_TRY(cairn_tpm_quote(tpm, CAIRN_WIPE_PCRS, extra, &doc.attestations[1], err));
    return cairn_tpmdoc_write(&doc, receipt, err);
}

enum cairn_rc cairn_kill_run(struct cairn_tpm *tpm, const struct cairn_kill_ask *ask, struct cairn_buf *receipt,
                             struct cairn_err *err)
{
    struct cairn_kill kill = {0};
    CAIRN_TRY(cairn_tpm_pcr_extend(tpm, CAIRN_PCR_USERSPACE, cairn_span_str(CAP), err));
    CAIRN_TRY(increment(tpm, ask, err));
    CAIRN_TRY(certify(tpm, ask, receipt, err));
    return cairn_kill_verify(cairn_buf_span(receipt), ask->order, ask->statement, &kill, err);
}
