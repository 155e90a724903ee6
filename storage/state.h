/* storage/state.h -- which record holds: recovery and commit over two copies and two anchors, above a seam.
 *
 * The algorithm of RECORD, without a TPM: the anchors are reached through four calls, so a test can cut at each of them.
 * storage/state_device.h binds it to the TPM of this machine.
 *
 * Trust boundary: the copies come from a disk that an attacker may have written and rolled back; the anchors are
 * authenticated reads of indices that only an approved boot state can write. Source: docs/architecture.md "record".
 */
#ifndef CAIRN_STORAGE_STATE_H
#define CAIRN_STORAGE_STATE_H

#include "core/file.h"
#include "storage/record.h"

/* struct cairn_state is what recovery found. */
struct cairn_state {
    enum cairn_life life; /* with a record: the record's; without: MANUFACTURED or ENROLLED */
    bool lost;            /* state lost: nothing opens, no floor is assumed, orders are still honoured */
    bool anchored;        /* an index names a record of generation 1 or later, whether that record was found or not */
    bool first_allowed;   /* a first provisioning may start here, or start again after a cut (with a grant for it) */
    char lost_why[160];
    bool has_record;
    struct cairn_record record;
    uint8_t record_digest[32];
};

/* What an anchor index is: only the first kind has content. */
enum cairn_index { CAIRN_INDEX_WRITTEN, CAIRN_INDEX_UNWRITTEN, CAIRN_INDEX_ABSENT, CAIRN_INDEX_REPLACED };
/* struct cairn_anchor_ops is the seam. `ctx` is the back end's own.
 * read: an index without content is a finding (*kind), not an error. write: CAIRN_OK only when the index is known to hold
 * `bytes`. define: makes the index when it is absent. counter: the epoch counter, authenticated; *there is false when the
 * counter index is gone or is another one. */
struct cairn_anchor_ops {
    CAIRN_RC (*read)(void *ctx, unsigned i, enum cairn_index *kind, uint8_t out[CAIRN_ANCHOR_LEN], struct cairn_err *err);
    CAIRN_RC (*write)(void *ctx, unsigned i, const uint8_t bytes[CAIRN_ANCHOR_LEN], struct cairn_err *err);
    CAIRN_RC (*define)(void *ctx, unsigned i, struct cairn_err *err);
    CAIRN_RC (*counter)(void *ctx, bool *there, uint64_t *out, struct cairn_err *err);
};
/* struct cairn_anchored is one device's record: where its copies and anchors are, and whose they must be. All borrowed. */
struct cairn_anchored {
    struct cairn_fs *fs;
    const struct cairn_anchor_ops *ops;
    void *ctx;
    const uint8_t *statement; /* 32 bytes: digest of the enrolment statement; NULL: not enrolled */
    uint64_t enrolled_at;     /* the counter as that statement certifies it */
};

/* cairn_state_recover reads both anchors and the one copy the higher of them names; the other copy is never read. State lost is
 * not an error: out->lost. A file that cannot be read counts as lost, with the reason. Errors: the seam's only. */
CAIRN_RC cairn_state_recover(const struct cairn_anchored *a, struct cairn_state *out, struct cairn_err *err);
/* cairn_state_advance commits `next` as generation n + 1: copy (n + 1) mod 2 written, synced, read back from the medium; then
 * anchor (n + 1) mod 2: the commit point; only then `state` changes. On an error the device is wholly old or wholly new.
 * CAIRN_E_REFUSED "state.lost"; "state.life" (no record to follow, or a life cycle that goes backwards); "state.floor" (the
 * floor would sink); "state.statement" (of another enrolment). CAIRN_E_FORMAT record.*; file.*; the seam's. */
CAIRN_RC cairn_state_advance(const struct cairn_anchored *a, const struct cairn_record *next, struct cairn_state *state,
                             struct cairn_err *err);
/* cairn_state_start is the first provisioning's commit: both anchors defined, `next` written as records 0 and 1, then anchor 0,
 * then anchor 1: the commit point. Generation 0 is never accepted. CAIRN_E_REFUSED "state.life" (there is a record);
 * "state.statement". */
CAIRN_RC cairn_state_start(const struct cairn_anchored *a, const struct cairn_record *next, struct cairn_state *state,
                           struct cairn_err *err);
/* cairn_state_require: CAIRN_E_REFUSED "state.lost" with its reason, or "state.life" when not in `life`. */
CAIRN_RC cairn_state_require(const struct cairn_state *state, enum cairn_life life, struct cairn_err *err);

#endif
