/* wipe/grade.h -- the grade of a wipe, A to D, and why it is not better. The only place that decides it.
 *
 * Used twice: as a forecast over a plan, and over what the evidence shows. A refused or unsupported step lowers the grade; it
 * never disappears.
 *
 * Pure. Source: DESIGN 10, the grade table.
 */
#ifndef CAIRN_WIPE_GRADE_H
#define CAIRN_WIPE_GRADE_H

#include "wipe/terms.h"

/* struct cairn_grade_facts is what the grade follows from. */
struct cairn_grade_facts {
    bool keys_dead;     /* the counter passed the order's floor, TPM-proved (a plan: the epoch index is there) */
    bool cleared;       /* TPM2_Clear, TPM-proved (a plan: nothing refuses it) */
    bool boot_affirmed; /* an appraisal of the wipe boot; nothing in this release gives one */
    bool tpm_virtual;
    bool by_server; /* the enroller was not apart from the server: one break-in fakes the device and its end */
    size_t num_media, num_unhandled, num_failed;
    size_t num_clear;    /* treated, but by a method weaker than purge */
    size_t num_asserted; /* treated, vouched for by nothing better than unmeasured software or a person */
};
/* cairn_grade_count adds one medium. */
void cairn_grade_count(struct cairn_grade_facts *facts, const struct cairn_medium *medium, enum cairn_result result);

enum { CAIRN_GRADE_MAX_REASONS = 10 };
struct cairn_grade {
    char grade; /* 'A' .. 'D' */
    size_t num_reasons;
    const char *reasons[CAIRN_GRADE_MAX_REASONS]; /* codes, worst first: "clear.unproved" ... "enroller.server" */
};
struct cairn_grade cairn_grade_of(const struct cairn_grade_facts *facts);
/* cairn_grade_raise: what a person can do about a reason; never NULL. */
const char *cairn_grade_raise(const char *reason);
/* The reasons as a JSON array; NULL when there is no memory. The caller owns it. */
json_t *cairn_grade_reasons(const struct cairn_grade *grade);

#endif
