/* policies/evaluate.c -- see evaluate.h. */
#include "policies/evaluate.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "boot_measure/facts.h"

/* Differences told apart in one PCR, and in all: past that a list no longer helps, and the checks that decide need their place.
 */
enum { MAX_PCR_CHANGES = 8, MAX_CHANGES = 48 };
static const char full_code[] = "appraisal.checks.full";

int cairn_tier_exit_code(enum cairn_tier tier)
{
    static const int codes[] = {
        [CAIRN_TIER_AFFIRMING] = 0, [CAIRN_TIER_WARNING] = 3, [CAIRN_TIER_CONTRAINDICATED] = 4, [CAIRN_TIER_UNDECIDED] = 5};
    return codes[tier];
}

const char *cairn_tier_name(enum cairn_tier tier)
{
    static const char *const names[] = {[CAIRN_TIER_AFFIRMING] = "affirming",
                                        [CAIRN_TIER_WARNING] = "warning",
                                        [CAIRN_TIER_CONTRAINDICATED] = "contraindicated",
                                        [CAIRN_TIER_UNDECIDED] = "undecided"};
    return names[tier];
}

const char *cairn_check_result_name(enum cairn_check_result result)
{
    static const char *const names[] = {[CAIRN_PASS] = "pass", [CAIRN_FAILED] = "fail", [CAIRN_ABSENT] = "absent"};
    return names[result];
}

CAIRN_RC cairn_verdict_init(struct cairn_verdict *verdict, struct cairn_err *err)
{
    struct cairn_check *checks = calloc(CAIRN_VERDICT_MAX_CHECKS, sizeof *checks);
    if (checks == NULL) {
        return CAIRN_FAIL(err, CAIRN_E_IO, "verdict.memory", "no memory for the table of checks");
    }
    *verdict = (struct cairn_verdict){.tier = CAIRN_TIER_UNDECIDED, .checks = checks};
    return CAIRN_OK;
}

void cairn_verdict_clear(struct cairn_verdict *verdict)
{
    free(verdict->checks);
    *verdict = (struct cairn_verdict){.tier = CAIRN_TIER_UNDECIDED};
}

static void put_text(char *to, size_t size, const char *text)
{
    size_t n = 0;
    for (; text != NULL && text[n] != '\0' && n + 1 < size; n++) {
        to[n] = text[n] >= 0x20 && text[n] <= 0x7e ? text[n] : '?';
    }
    to[n] = '\0';
}

static void put_check(struct cairn_check *check, const char *code, enum cairn_check_result result, bool required)
{
    *check = (struct cairn_check){.result = result, .required = required};
    put_text(check->code, sizeof check->code, code);
}

void cairn_verdict_add(struct cairn_verdict *verdict, const char *code, enum cairn_check_result result, bool required,
                       const char *expected, const char *seen, const char *label)
{
    if (verdict->num_checks == CAIRN_VERDICT_MAX_CHECKS) {
        return;
    }
    struct cairn_check *check = &verdict->checks[verdict->num_checks++];
    if (verdict->num_checks == CAIRN_VERDICT_MAX_CHECKS) {
        put_check(check, full_code, CAIRN_ABSENT, true);
        return;
    }
    put_check(check, code, result, required);
    put_text(check->expected, sizeof check->expected, expected);
    put_text(check->seen, sizeof check->seen, seen);
    put_text(check->label, sizeof check->label, label);
}

void cairn_verdict_conclude(struct cairn_verdict *verdict)
{
    size_t num_required = 0, num_required_failed = 0, num_required_absent = 0, num_failed = 0;
    for (size_t i = 0; i < verdict->num_checks; i++) {
        const struct cairn_check *check = &verdict->checks[i];
        const bool failed = check->result == CAIRN_FAILED;
        num_required += check->required ? 1 : 0;
        num_required_failed += check->required && failed ? 1 : 0;
        num_required_absent += check->required && check->result == CAIRN_ABSENT ? 1 : 0;
        num_failed += failed ? 1 : 0;
    }
    if (num_required_failed > 0) {
        verdict->tier = CAIRN_TIER_CONTRAINDICATED;
    } else if (num_required_absent > 0 || num_required == 0) {
        verdict->tier = CAIRN_TIER_UNDECIDED;
    } else {
        verdict->tier = num_failed > 0 ? CAIRN_TIER_WARNING : CAIRN_TIER_AFFIRMING;
    }
}

static void add_digests(struct cairn_verdict *verdict, const char *code, enum cairn_check_result result,
                        const uint8_t *expected, const uint8_t *seen, const char *label)
{
    char want[2 * CAIRN_SHA256_LEN + 1] = "", got[2 * CAIRN_SHA256_LEN + 1] = "";
    if (expected != NULL) {
        cairn_hex_encode(cairn_span(expected, CAIRN_SHA256_LEN), want);
    }
    if (seen != NULL) {
        cairn_hex_encode(cairn_span(seen, CAIRN_SHA256_LEN), got);
    }
    cairn_verdict_add(verdict, code, result, true, want, got, label);
}

static bool same_digest(const uint8_t *a, const uint8_t *b)
{
    return memcmp(a, b, CAIRN_SHA256_LEN) == 0;
}

static void check_pcr(const struct cairn_policy *policy, const struct cairn_replay *replay, unsigned pcr,
                      struct cairn_verdict *verdict)
{
    const uint8_t *seen = replay != NULL ? cairn_replay_value(replay, pcr) : NULL;
    char code[16];
    enum cairn_check_result result = CAIRN_ABSENT;
    (void)snprintf(code, sizeof code, "pcr.%u", pcr);
    if (seen != NULL) {
        result = same_digest(policy->values[pcr], seen) ? CAIRN_PASS : CAIRN_FAILED;
    }
    add_digests(verdict, code, result, policy->values[pcr], seen, "");
}

/* struct walk compares the events of one PCR: `i` stands in the policy, `k` in the replay, both on an event of `pcr` or past
 * the end. */
struct walk {
    const struct cairn_policy *policy;
    const struct cairn_replay *replay;
    struct cairn_verdict *verdict;
    unsigned pcr;
    size_t i, k;
    size_t num_changes;
    bool parts_changed; /* a part measured on its own changed, so the file that holds it had to */
};

static size_t next_expected(const struct walk *w, size_t from)
{
    while (from < w->policy->num_events && w->policy->events[from].pcr != w->pcr) {
        from++;
    }
    return from;
}

static size_t next_seen(const struct walk *w, size_t from)
{
    const struct cairn_boot_event *event = NULL;
    while ((event = cairn_replay_event(w->replay, from)) != NULL && event->pcr != w->pcr) {
        from++;
    }
    return from;
}

static bool expected_later(const struct walk *w, const uint8_t *digest)
{
    for (size_t i = next_expected(w, w->i + 1); i < w->policy->num_events; i = next_expected(w, i + 1)) {
        if (same_digest(w->policy->events[i].digest, digest)) {
            return true;
        }
    }
    return false;
}

static bool seen_later(const struct walk *w, const uint8_t *digest)
{
    const struct cairn_boot_event *event = NULL;
    for (size_t k = next_seen(w, w->k + 1); (event = cairn_replay_event(w->replay, k)) != NULL; k = next_seen(w, k + 1)) {
        if (same_digest(event->digest, digest)) {
            return true;
        }
    }
    return false;
}

static void report(struct walk *w, const char *kind, const char *what, enum cairn_check_result result, const uint8_t *expected,
                   const uint8_t *seen, const char *name)
{
    char code[sizeof w->verdict->checks[0].code], label[CAIRN_CHECK_LABEL_MAX];
    (void)snprintf(code, sizeof code, "%s.%s", kind, what);
    (void)snprintf(label, sizeof label, "PCR %u: %.*s", w->pcr, (int)sizeof label - 10, name);
    if (result == CAIRN_FAILED) {
        add_digests(w->verdict, code, result, expected, seen, label);
    } else {
        cairn_verdict_add(w->verdict, code, result, false, "", "", label);
    }
    w->num_changes++;
}

static void step_added(struct walk *w)
{
    const struct cairn_boot_event *seen = cairn_replay_event(w->replay, w->k);
    report(w, cairn_boot_event_kind(seen), "added", CAIRN_FAILED, NULL, seen->digest, seen->label);
    w->k = next_seen(w, w->k + 1);
}

static void step_removed(struct walk *w)
{
    const struct cairn_policy_event *expected = &w->policy->events[w->i];
    report(w, expected->kind, "removed", CAIRN_FAILED, expected->digest, NULL, expected->label);
    w->i = next_expected(w, w->i + 1);
}

/* A container whose part changed is not a second change: whether the rest of it changed too cannot be told from its digest. */
static void step_changed(struct walk *w)
{
    const struct cairn_policy_event *expected = &w->policy->events[w->i];
    const struct cairn_boot_event *seen = cairn_replay_event(w->replay, w->k);
    const bool follows = w->parts_changed && expected->container && cairn_boot_event_is_container(w->replay, w->k);
    report(w, expected->kind, follows ? "container" : "changed", follows ? CAIRN_ABSENT : CAIRN_FAILED, expected->digest,
           seen->digest, seen->label);
    w->i = next_expected(w, w->i + 1);
    w->k = next_seen(w, w->k + 1);
}

static void step(struct walk *w)
{
    const struct cairn_policy_event *expected = w->i < w->policy->num_events ? &w->policy->events[w->i] : NULL;
    const struct cairn_boot_event *seen = cairn_replay_event(w->replay, w->k);
    if (expected == NULL) {
        step_added(w);
    } else if (seen == NULL) {
        step_removed(w);
    } else if (same_digest(expected->digest, seen->digest)) {
        w->i = next_expected(w, w->i + 1);
        w->k = next_seen(w, w->k + 1);
    } else if (seen_later(w, expected->digest)) {
        step_added(w);
    } else if (expected_later(w, seen->digest)) {
        step_removed(w);
    } else if (strcmp(expected->kind, cairn_boot_event_kind(seen)) == 0) {
        step_changed(w);
    } else {
        step_removed(w);
        step_added(w);
    }
}

static bool differs(const struct cairn_policy *policy, const struct cairn_replay *replay, unsigned pcr)
{
    const uint8_t *seen = cairn_replay_value(replay, pcr);
    return (policy->seal_mask >> pcr & 1u) != 0 && seen != NULL && !same_digest(policy->values[pcr], seen);
}

static void explain_pcr(struct walk *w)
{
    const size_t before = w->num_changes;
    w->i = next_expected(w, 0);
    w->k = next_seen(w, 0);
    while (w->i < w->policy->num_events || cairn_replay_event(w->replay, w->k) != NULL) {
        if (w->num_changes - before >= MAX_PCR_CHANGES || w->num_changes >= MAX_CHANGES) {
            char label[CAIRN_CHECK_LABEL_MAX];
            (void)snprintf(label, sizeof label, "PCR %u: there may be more differences", w->pcr);
            cairn_verdict_add(w->verdict, "boot.more", CAIRN_ABSENT, false, "", "", label);
            return;
        }
        step(w);
    }
}

static void explain_changes(const struct cairn_policy *policy, const struct cairn_replay *replay, struct cairn_verdict *verdict)
{
    enum { PCR_OF_PARTS = 11 }; /* systemd-stub measures a unified kernel image's sections there */
    struct walk w = {.policy = policy, .replay = replay, .verdict = verdict};
    w.parts_changed = differs(policy, replay, PCR_OF_PARTS);
    for (unsigned pcr = 0; pcr < CAIRN_NUM_PCRS; pcr++) {
        if (differs(policy, replay, pcr)) {
            w.pcr = pcr;
            explain_pcr(&w);
        }
    }
}

static void check_secure_boot(const struct cairn_policy *policy, const struct cairn_boot_facts *facts,
                              struct cairn_verdict *verdict)
{
    const bool required = policy->require_secure_boot;
    const char *want = required ? "on" : "";
    switch (facts->secure_boot) {
    case CAIRN_SECURE_BOOT_ON:
        cairn_verdict_add(verdict, "boot.secureboot", CAIRN_PASS, required, want, "on", "");
        return;
    case CAIRN_SECURE_BOOT_OFF:
        cairn_verdict_add(verdict, "boot.secureboot.off", required ? CAIRN_FAILED : CAIRN_ABSENT, required, want, "off", "");
        return;
    case CAIRN_SECURE_BOOT_UNKNOWN:
    default:
        cairn_verdict_add(verdict, "boot.secureboot.unknown", CAIRN_ABSENT, required, want, "", "");
        return;
    }
}

/* With PCR 8 quoted, that no root event is there is authenticated; without, nothing is known. */
static void check_root(const struct cairn_policy *policy, const struct cairn_replay *replay, struct cairn_verdict *verdict)
{
    const bool required = policy->require_root;
    const bool quoted = replay != NULL && cairn_replay_value(replay, CAIRN_PCR_USERSPACE) != NULL;
    enum cairn_root_seen seen =
        quoted ? cairn_policy_root_seen(replay, policy->fleet, policy->device_class) : CAIRN_ROOT_ABSENT;
    switch (seen) {
    case CAIRN_ROOT_SEEN:
        cairn_verdict_add(verdict, "boot.root", CAIRN_PASS, required, "", "", policy->device_class);
        return;
    case CAIRN_ROOT_OTHER:
        cairn_verdict_add(verdict, "boot.root.other", CAIRN_FAILED, true, policy->device_class, "another", "");
        return;
    case CAIRN_ROOT_ABSENT:
    default:
        cairn_verdict_add(verdict, "boot.root.absent", required && quoted ? CAIRN_FAILED : CAIRN_ABSENT, required, "", "", "");
        return;
    }
}

static void check_firmware_words(const struct cairn_boot_facts *facts, struct cairn_verdict *verdict)
{
    if (facts->debug_mode) {
        cairn_verdict_add(verdict, "boot.debug.on", CAIRN_FAILED, false, "", "UEFI Debug Mode", "");
    }
    if (facts->dma_protection_off) {
        cairn_verdict_add(verdict, "boot.dma.off", CAIRN_FAILED, false, "", "DMA Protection Disabled", "");
    }
}

void cairn_evaluate(const struct cairn_policy *policy, const struct cairn_replay *replay, struct cairn_verdict *verdict)
{
    struct cairn_boot_facts facts = {.secure_boot = CAIRN_SECURE_BOOT_UNKNOWN};
    if (replay != NULL) {
        cairn_boot_facts_read(replay, &facts);
    }
    check_root(policy, replay, verdict);
    check_secure_boot(policy, &facts, verdict);
    check_firmware_words(&facts, verdict);
    for (unsigned pcr = 0; pcr < CAIRN_NUM_PCRS; pcr++) {
        if ((policy->seal_mask >> pcr & 1u) != 0) {
            check_pcr(policy, replay, pcr, verdict);
        }
    }
    if (replay != NULL) {
        explain_changes(policy, replay, verdict);
    }
}
