/* wipe/journal.h -- which step of a wipe is behind us. After Clear, the device's life cycle is this file's word.
 *
 * It holds no secret and no counter value: the kill target comes from the anchored record and the order, never from a file that
 * an attacker may restore (RECORD, Kill). Each step is durable before the next begins; there is only forward.
 *
 * Pure. Source: DESIGN 10; docs/formats.md "journal".
 */
#ifndef CAIRN_WIPE_JOURNAL_H
#define CAIRN_WIPE_JOURNAL_H

#include "wipe/settings.h"
#include "wipe/terms.h"

/* The last step that is done and durable. */
enum cairn_wipe_step {
    CAIRN_WIPE_ACCEPTED,  /* order verified, order and plan stored */
    CAIRN_WIPE_BOUND,     /* DECOMMISSIONING anchored, or pending where it cannot be */
    CAIRN_WIPE_STOPPED,   /* consumers gone */
    CAIRN_WIPE_KILLED,    /* counter at its target, receipt stored and delivered */
    CAIRN_WIPE_MEDIA,     /* every target treated or given up, log closed */
    CAIRN_WIPE_CERTIFIED, /* Clear done, certificate verified, stored and delivered */
    CAIRN_WIPE_RETIRED,   /* vault and approvals removed */
};
const char *cairn_wipe_step_name(enum cairn_wipe_step step);

enum { CAIRN_JOURNAL_MAX_LEN = 16 << 10 };
struct cairn_journal {
    enum cairn_wipe_step step;
    bool anchored;         /* DECOMMISSIONING stands in the anchored record */
    uint8_t order[32];     /* SHA-256 of the order's payload */
    uint8_t statement[32]; /* SHA-256 of the enrolment statement's payload: of which enrolment this is the end */
    uint64_t accepted_s;
    char out[CAIRN_WIPE_PATH_MAX]; /* where documents are delivered */
    size_t num_consumers;          /* as configured when the order was accepted */
    char consumers[CAIRN_WIPE_MAX_CONSUMERS][CAIRN_WIPE_PATH_MAX];
};
CAIRN_RC cairn_journal_write(const struct cairn_journal *journal, struct cairn_buf *out, struct cairn_err *err);
/* CAIRN_E_FORMAT json.*. */
CAIRN_RC cairn_journal_read(struct cairn_span text, struct cairn_journal *out, struct cairn_err *err);

#endif
