/* boot_measure/replay.h -- bind boot logs to a quote: replay them and find the prefix that the quoted digest confirms.
 *
 * The logs compose: the firmware's, then the userspace log from its end state, then the IMA list on PCR 10. They are read
 * after the quote, so userspace log and IMA list may go on behind it: what follows the match is unauthenticated and ignored
 * (CHECKS 29). What is given out is authenticated by the quoted digest: values of selected PCRs, and events of those PCRs.
 * Events of PCRs that were not quoted, and EV_NO_ACTION, are not given out at all.
 *
 * A PCR without events must have its initial value: zeros; all ones for 17 to 22; PCR 0 as the StartupLocality event of the
 * firmware log says (CHECKS 22, 23).
 *
 * Trust boundary: the logs come from the device, the digest from a verified attestation.
 */
#ifndef CAIRN_BOOT_MEASURE_REPLAY_H
#define CAIRN_BOOT_MEASURE_REPLAY_H

#include "boot_measure/event_text.h"

enum {
    CAIRN_REPLAY_MAX_USER_EVENTS = 256,
    CAIRN_REPLAY_MAX_STEPS = 4 << 20 /* digests tried for one quote */
};

struct cairn_boot_logs {
    struct cairn_span firmware;
    struct cairn_span userspace;
    struct cairn_span ima;
}; /* any may be empty */

/* Opaque result: values per PCR, and for every event of the authenticated prefix what it was. It holds its own copy of what
 * it needs of the logs. */
struct cairn_replay;

/* cairn_replay_run replays the logs in the SHA-256 bank and finds the prefixes whose PCR values hash to `quoted` = SHA-256
 * over the values of the PCRs selected by `pcr_mask` (bit i = PCR i), in ascending order. The firmware log must be whole.
 *
 * CAIRN_E_REFUSED "boot.replay.mismatch": no prefix gives the quoted digest. CAIRN_E_UNDECIDED "boot.replay.work": more
 * combinations than CAIRN_REPLAY_MAX_STEPS; "boot.log.bank.absent": a log without SHA-256 digests ("boot.log.bank": an event
 * without one). CAIRN_E_USAGE "boot.replay.mask": no PCR, or one above 23, selected. CAIRN_E_FORMAT "boot.log.user": too many
 * userspace events, or they extend PCR 10 beside an IMA list, where their order is unknown. Errors of cairn_tcg_log_* and
 * cairn_ima_log_*, prefixed with the log's name; a fault in the tail of the userspace log or IMA list counts only when nothing
 * before it matched. CAIRN_E_IO "boot.replay.memory". */
CAIRN_RC cairn_replay_run(const struct cairn_boot_logs *logs, uint32_t pcr_mask, const uint8_t quoted[32],
                          struct cairn_replay **out, struct cairn_err *err);
void cairn_replay_free(struct cairn_replay *replay);
void cairn_replay_freep(struct cairn_replay **replay); /* for CAIRN_CLEANUP */
#define CAIRN_REPLAY CAIRN_CLEANUP(cairn_replay_freep) struct cairn_replay

size_t cairn_replay_bytes(const struct cairn_replay *replay); /* of memory, about: for a cache that is bounded */

/* cairn_replay_value: 32 bytes, or NULL when the PCR was not selected. */
const uint8_t *cairn_replay_value(const struct cairn_replay *replay, unsigned pcr);

/* struct cairn_boot_event is one event of the authenticated part. */
struct cairn_boot_event {
    unsigned pcr;
    uint32_t type; /* like the label, not covered by the digest */
    uint8_t digest[32];
    char label[CAIRN_EVENT_LABEL]; /* printable ASCII, escaped; for people only */
    bool data_verified;            /* SHA-256(data)==digest: a data fact */
};
size_t cairn_replay_num_events(const struct cairn_replay *replay);
/* cairn_replay_event: events in the order of the logs; NULL when `i` is past the end. */
const struct cairn_boot_event *cairn_replay_event(const struct cairn_replay *replay, size_t i);
/* cairn_replay_event_data: the bytes whose SHA-256 is the event's digest (of "grub_cmd: x" the "x"). Empty for digest facts. */
struct cairn_span cairn_replay_event_data(const struct cairn_replay *replay, size_t i);
/* cairn_replay_event_is_user: the event stands in the userspace log. */
bool cairn_replay_event_is_user(const struct cairn_replay *replay, size_t i);

/* The authenticated part of the IMA list; all zero when PCR 10 was not selected. cairn_replay_ima_len bytes of the caller's
 * list may be read again with boot_measure/ima_log.h for names and file digests. */
size_t cairn_replay_num_ima(const struct cairn_replay *replay);
size_t cairn_replay_num_ima_violations(const struct cairn_replay *replay);
size_t cairn_replay_ima_len(const struct cairn_replay *replay);

/* cairn_replay_aggregate: does the IMA list's first entry, boot_aggregate, hold the hash of PCR 0 to 9 as replayed up to the
 * start of the kernel (CHECKS 31)? UNKNOWN without such an entry, in another hash, or when one of PCR 0 to 9 was not quoted. */
enum cairn_boot_aggregate { CAIRN_AGGREGATE_UNKNOWN, CAIRN_AGGREGATE_MATCHES, CAIRN_AGGREGATE_DIFFERS };
enum cairn_boot_aggregate cairn_replay_aggregate(const struct cairn_replay *replay);

#endif
