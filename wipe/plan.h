/* wipe/plan.h -- what a wipe will do, what it will not, and the grade to expect. Also the dry run.
 *
 * A target without a driver stands in it as UNHANDLED; foreign users of the TPM, whose keys Clear destroys too, stand in it.
 * The plan's digest is in wipe-start, so the plan in a certificate is the one that was made before.
 *
 * Pure; wipe/plan_device.h makes one. Source: DESIGN 10; docs/formats.md "plan".
 */
#ifndef CAIRN_WIPE_PLAN_H
#define CAIRN_WIPE_PLAN_H

#include "authority/statement.h"
#include "tpm_data/audit.h"
#include "wipe/grade.h"

enum { CAIRN_NOT_COVERED_MAX = 160, CAIRN_PLAN_MAX_LEN = 256 << 10 };

struct cairn_plan_target {
    struct cairn_medium medium;
    bool handled;        /* false: UNHANDLED, no driver or not what the driver needs */
    uint64_t area_bytes; /* what the driver will overwrite, from the medium's start */
    uint32_t seconds;    /* rough time */
    char not_covered[CAIRN_NOT_COVERED_MAX];
};
struct cairn_plan {
    uint8_t fleet[32], device[32]; /* zero: not enrolled */
    uint8_t order[32];             /* zero: a forecast without an order */
    uint64_t made_s;
    char tpm_class[16]; /* "virtual", "hardware" */
    bool by_server;     /* the enrolment's enroller was the server */
    bool clear_disabled, lockout_auth_set, lockout_auth_given;
    bool epoch_present;
    struct cairn_audit_handles foreign_nv, foreign_persistent; /* not Cairn's; Clear removes what the owner made */
    size_t num_targets;
    struct cairn_plan_target *targets; /* owned, at most CAIRN_WIPE_MAX_MEDIA */
};
void cairn_plan_clear(struct cairn_plan *plan);
#define CAIRN_PLAN CAIRN_CLEANUP(cairn_plan_clear) struct cairn_plan

/* cairn_plan_forecast grades the plan as if everything it promises will succeed. */
struct cairn_grade cairn_plan_forecast(const struct cairn_plan *plan);
/* cairn_plan_write appends the canonical document, forecast included; cairn_plan_read reads one and demands that its forecast
 * is the one that follows from it. CAIRN_E_FORMAT json.*; CAIRN_E_REFUSED "plan.forecast". */
CAIRN_RC cairn_plan_write(const struct cairn_plan *plan, struct cairn_buf *out, struct cairn_err *err);
CAIRN_RC cairn_plan_read(struct cairn_span text, struct cairn_plan *out, struct cairn_err *err);

#endif
