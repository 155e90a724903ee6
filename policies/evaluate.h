/* policies/evaluate.h -- a policy against replayed facts gives a table of checks.
 *
 * The PCR values of the seal set and the required facts decide. Which event changed is explained by comparing the policy's
 * events with the replayed ones, PCR by PCR and in order; their kinds come partly from labels, which nobody signed, so they
 * name a change and never hide one: "pcr.N" fails beside them.
 *
 * Source: DESIGN 2.5, 8; AR4SI tiers for the exit code. Pure: no time, no state, so a failure stays one until boot or policy
 * change (CHECKS 37).
 */
#ifndef CAIRN_POLICIES_EVALUATE_H
#define CAIRN_POLICIES_EVALUATE_H

#include "boot_measure/replay.h"
#include "policies/policy.h"

enum cairn_tier { CAIRN_TIER_AFFIRMING, CAIRN_TIER_WARNING, CAIRN_TIER_CONTRAINDICATED, CAIRN_TIER_UNDECIDED };
int cairn_tier_exit_code(enum cairn_tier tier);    /* 0, 3, 4, 5 */
const char *cairn_tier_name(enum cairn_tier tier); /* AR4SI: "affirming", "warning", "contraindicated"; "undecided" */
enum cairn_check_result { CAIRN_PASS, CAIRN_FAILED, CAIRN_ABSENT };
const char *cairn_check_result_name(enum cairn_check_result result); /* "pass", "fail", "absent" */

enum { CAIRN_VERDICT_MAX_CHECKS = 96, CAIRN_CHECK_VALUE_MAX = 72, CAIRN_CHECK_LABEL_MAX = 96 };
struct cairn_check {
    char code[48]; /* stable: "boot.cmdline.changed" */
    enum cairn_check_result result;
    bool required;
    char expected[CAIRN_CHECK_VALUE_MAX], seen[CAIRN_CHECK_VALUE_MAX]; /* digests in hex, or words */
    char label[CAIRN_CHECK_LABEL_MAX];                                 /* printable ASCII, for people */
};
/* struct cairn_verdict owns `checks` (room for CAIRN_VERDICT_MAX_CHECKS). All-zero is a valid cleared state. */
struct cairn_verdict {
    enum cairn_tier tier;
    size_t num_checks;
    struct cairn_check *checks;
};
/* cairn_verdict_init makes room; the tier is UNDECIDED until concluded. CAIRN_E_IO "verdict.memory". */
CAIRN_RC cairn_verdict_init(struct cairn_verdict *verdict, struct cairn_err *err);
void cairn_verdict_clear(struct cairn_verdict *verdict);
#define CAIRN_VERDICT CAIRN_CLEANUP(cairn_verdict_clear) struct cairn_verdict

/* cairn_verdict_add appends one check to an initialised verdict. NULL texts are empty; longer ones are cut, and characters that
 * are not printable ASCII become '?'. The last place is kept for "appraisal.checks.full", absent and required: a table that
 * does not hold everything is no ground for trust. */
void cairn_verdict_add(struct cairn_verdict *verdict, const char *code, enum cairn_check_result result, bool required,
                       const char *expected, const char *seen, const char *label);
/* cairn_verdict_conclude sets the tier: a required check failed = contraindicated; else a required one absent, or no required
 * check at all = undecided; else an optional one failed = warning; else affirming. */
void cairn_verdict_conclude(struct cairn_verdict *verdict);

/* cairn_evaluate adds one check per policy item, and for each PCR that differs the events that do: "pcr.N", "KIND.changed",
 * "KIND.added", "KIND.removed", "KIND.container", "boot.secureboot.off", "boot.secureboot.unknown", "boot.root.absent",
 * "boot.root.other", "boot.debug.on", "boot.dma.off". Every seal-set PCR is pass, fail or absent; nothing is skipped
 * (CHECKS 11). `replay` NULL (the logs do not give the quote): everything is absent. */
void cairn_evaluate(const struct cairn_policy *policy, const struct cairn_replay *replay, struct cairn_verdict *verdict);

#endif
