/* policies/evaluate.h -- a policy against replayed facts gives a table of checks.
 *
 * Source: DESIGN 2.5, 8; AR4SI tiers for the exit code. Pure.
 */
#ifndef CAIRN_POLICIES_EVALUATE_H
#define CAIRN_POLICIES_EVALUATE_H

#include "boot_measure/replay.h"
#include "policies/policy.h"

enum cairn_tier { CAIRN_TIER_AFFIRMING, CAIRN_TIER_WARNING, CAIRN_TIER_CONTRAINDICATED, CAIRN_TIER_UNDECIDED };
int cairn_tier_exit_code(enum cairn_tier tier); /* 0, 3, 4, 5 */
enum cairn_result { CAIRN_PASS, CAIRN_FAILED, CAIRN_ABSENT };
enum { CAIRN_VERDICT_MAX_CHECKS = 96 };
struct cairn_check {
    char code[48]; /* stable: "boot.cmdline.changed" */
    enum cairn_result result;
    bool required;
    char expected[72], seen[72]; /* digests in hex, or words */
    char label[96];              /* escaped, for people */
};
struct cairn_verdict {
    enum cairn_tier tier;
    size_t num_checks;
    struct cairn_check checks[CAIRN_VERDICT_MAX_CHECKS];
};
/* cairn_verdict_add appends one check (the last place is kept for "appraisal.checks.full"). */
void cairn_verdict_add(struct cairn_verdict *verdict, const char *code, enum cairn_result result, bool required,
                       const char *expected, const char *seen, const char *label);
/* cairn_verdict_conclude sets the tier: a required check failed = contraindicated; else a required one absent = undecided; else
 * an optional one failed = warning; else affirming. */
void cairn_verdict_conclude(struct cairn_verdict *verdict);
/* cairn_evaluate adds one check per policy item. Every seal-set PCR is pass, fail or absent; nothing is skipped (CHECKS 11). */
void cairn_evaluate(const struct cairn_policy *policy, const struct cairn_replay *replay, struct cairn_verdict *verdict);

#endif
