/* tests/unit/policies/world.h -- a fleet, its one device, and a genuine boot of it under the fleet's root.
 *
 * The firmware log, IMA list and PCR values are those of tests/vectors/boot; a userspace log with the Cairn root event is put
 * behind them and the make-believe TPM holds what a real one would.
 */
#ifndef CAIRN_TESTS_POLICIES_WORLD_H
#define CAIRN_TESTS_POLICIES_WORLD_H

#include "policies/evaluate.h"
#include "support/test_keys.h"
#include "unit/boot_measure/vectors.h"

enum { WORLD_MASK = CAIRN_SEAL_SET_DEFAULT | 1 << CAIRN_PCR_IMA };

struct world {
    struct cairn_test_keys *keys; /* large: on the heap */
    struct boot boot;
    struct cairn_buf user; /* userspace log */
    struct cairn_boot_logs logs;
    struct pcrs pcrs;
};

static inline void world_user_event(struct world *w, const char *text)
{
    add_text(&w->user, CAIRN_PCR_USERSPACE, CAIRN_EV_IPL, text);
    extend_text(&w->pcrs, CAIRN_PCR_USERSPACE, text);
    w->logs.userspace = cairn_buf_span(&w->user);
}

static inline void world_root_event(struct world *w, const char *device_class, const uint8_t fleet[32])
{
    CAIRN_BUF text = {0};
    assert_int_equal(cairn_user_log_root(device_class, fleet, &text, NULL), CAIRN_OK);
    assert_int_equal(cairn_buf_append(&text, cairn_span("", 1), NULL), CAIRN_OK);
    world_user_event(w, (const char *)text.p);
}

/* world_boot_bare starts the device with another of the genuine boots; no userspace event yet. */
static inline void world_boot_bare(struct world *w, const char *name)
{
    close_boot(&w->boot);
    cairn_buf_clear(&w->user);
    w->boot = open_boot(name);
    memcpy(w->pcrs.values, w->boot.values.p + 24 * 20, sizeof w->pcrs.values);
    w->logs = w->boot.logs;
    w->user = new_log();
}

static inline void world_boot(struct world *w, const char *name)
{
    world_boot_bare(w, name);
    world_root_event(w, CAIRN_TEST_CLASS, cairn_root_fleet(w->keys->root));
}

static inline void world_make(struct world *w, const char *boot)
{
    *w = (struct world){0};
    w->keys = calloc(1, sizeof *w->keys);
    assert_non_null(w->keys);
    cairn_test_keys_make(w->keys);
    world_boot(w, boot);
}

static inline void world_clear(struct world *w)
{
    cairn_test_keys_clear(w->keys);
    free(w->keys);
    close_boot(&w->boot);
    cairn_buf_clear(&w->user);
}
#define WORLD CAIRN_CLEANUP(world_clear) struct world

static inline struct cairn_replay *world_replay(const struct world *w, uint32_t mask)
{
    struct cairn_err err = {0};
    struct cairn_replay *replay = NULL;
    uint8_t quoted[32];
    quote_pcrs(&w->pcrs, mask, quoted);
    if (cairn_replay_run(&w->logs, mask, quoted, &replay, &err) != CAIRN_OK) {
        fail_msg("replay: %s: %s", err.code, err.text);
    }
    return replay;
}

/* world_learn makes a policy of the boot as it stands. */
static inline void world_learn(const struct world *w, struct cairn_policy *out)
{
    struct cairn_err err = {0};
    const struct cairn_policy_wish wish = {.seal_mask = CAIRN_SEAL_SET_DEFAULT, .now_s = CAIRN_TEST_NOW};
    CAIRN_REPLAY *replay = world_replay(w, WORLD_MASK);
    if (cairn_policy_learn(w->keys->root, replay, &wish, out, &err) != CAIRN_OK) {
        fail_msg("learn: %s: %s", err.code, err.text);
    }
}

/* world_judge evaluates the boot as it stands, quoted over `mask`. The caller clears `*out`. */
static inline void world_judge(const struct world *w, const struct cairn_policy *policy, uint32_t mask,
                               struct cairn_verdict *out)
{
    CAIRN_REPLAY *replay = world_replay(w, mask);
    assert_int_equal(cairn_verdict_init(out, NULL), CAIRN_OK);
    cairn_evaluate(policy, replay, out);
    cairn_verdict_conclude(out);
}

static inline const struct cairn_check *find_check(const struct cairn_verdict *verdict, const char *code)
{
    for (size_t i = 0; i < verdict->num_checks; i++) {
        if (strcmp(verdict->checks[i].code, code) == 0) {
            return &verdict->checks[i];
        }
    }
    return NULL;
}

static inline void want_check(const struct cairn_verdict *verdict, const char *code, enum cairn_check_result result,
                              bool required)
{
    const struct cairn_check *check = find_check(verdict, code);
    if (check == NULL) {
        fail_msg("no check %s", code);
        return;
    }
    assert_int_equal(check->result, result);
    assert_int_equal(check->required, required);
}

/* want_only_failure: the failed checks that are not "pcr.N" have exactly this code, and there is at least one. */
static inline void want_only_failure(const struct cairn_verdict *verdict, const char *code)
{
    size_t num = 0;
    for (size_t i = 0; i < verdict->num_checks; i++) {
        const struct cairn_check *check = &verdict->checks[i];
        if (check->result == CAIRN_FAILED && strncmp(check->code, "pcr.", 4) != 0) {
            assert_string_equal(check->code, code);
            num++;
        }
    }
    assert_true(num > 0);
}

#endif
