/* attest/continuity.c -- see attest/continuity.h. */
#include "attest/continuity.h"

#include <inttypes.h>
#include <stdio.h>

enum { SLACK_MS = 60 * 1000, SLACK_PART = 50, FRESH_S = 60 };

static bool same_boot(const struct cairn_moment *a, const struct cairn_moment *b)
{
    return a->resets == b->resets && a->restarts == b->restarts;
}

bool cairn_continuity_stale(const struct cairn_moment *before, const struct cairn_moment *now, uint64_t nonce_age_s)
{
    if (nonce_age_s < FRESH_S || !same_boot(before, now) || now->received_ms <= before->received_ms) {
        return false;
    }
    const uint64_t server_ms = now->received_ms - before->received_ms;
    const uint64_t tpm_ms = now->clock_ms > before->clock_ms ? now->clock_ms - before->clock_ms : 0;
    return server_ms > tpm_ms && server_ms - tpm_ms > SLACK_MS + server_ms / SLACK_PART;
}

bool cairn_continuity_later(const struct cairn_moment *before, const struct cairn_moment *now)
{
    if (now->resets != before->resets) {
        return now->resets > before->resets;
    }
    return now->restarts != before->restarts ? now->restarts > before->restarts : now->clock_ms > before->clock_ms;
}

static void add_numbers(struct cairn_verdict *verdict, const char *code, enum cairn_check_result result, bool required,
                        uint64_t before, uint64_t now, const char *label)
{
    char expected[24], seen[24];
    (void)snprintf(expected, sizeof expected, "%" PRIu64, before);
    (void)snprintf(seen, sizeof seen, "%" PRIu64, now);
    cairn_verdict_add(verdict, code, result, required, expected, seen, label);
}

void cairn_continuity_judge(const struct cairn_moment *before, const struct cairn_moment *now, struct cairn_verdict *verdict)
{
    if (same_boot(before, now)) {
        if (now->clock_ms < before->clock_ms) {
            add_numbers(verdict, "tpm.clock.back", CAIRN_FAILED, false, before->clock_ms, now->clock_ms, "");
        }
        return;
    }
    if (now->resets < before->resets) {
        add_numbers(verdict, "tpm.resets.back", CAIRN_FAILED, false, before->resets, now->resets, "");
    }
    if (before->has_user_log && now->has_user_log &&
        cairn_span_equal(CAIRN_SPAN(before->user_log), CAIRN_SPAN(now->user_log))) {
        add_numbers(verdict, "tpm.restart.unlogged", CAIRN_FAILED, true, before->restarts, now->restarts,
                    "the TPM was restarted and the system was not");
        return;
    }
    add_numbers(verdict, "tpm.reboot", CAIRN_PASS, false, before->resets, now->resets, "");
}
