/* tests/unit/tpm/walk.h -- every flow, broken at every command in every way.
 *
 * After each fault the flow is run again without one, by the same program or (after a cut) by a new one, and has to succeed:
 * nothing left in the TPM, no lockout count, and no secret on the wire at any time (CHECKS 67).
 *
 * Everything used is exempt from dictionary-attack protection, or a few power cuts would lock the TPM (FACTS T7).
 */
#ifndef CAIRN_TESTS_TPM_WALK_H
#define CAIRN_TESTS_TPM_WALK_H

#include "unit/tpm/raw.h"

static struct device *d;
static uint8_t secret[32];

struct fault {
    enum cairn_tap_fault kind;
    uint32_t rc;
    size_t flip;
    const char *name;
};
static const struct fault faults[] = {
    {CAIRN_TAP_FAIL, 0, 0, "not sent"},
    {CAIRN_TAP_DROP, 0, 0, "answer lost"},
    {CAIRN_TAP_SHORT, 0, 0, "answer cut short"},
    {CAIRN_TAP_FLIP, 0, 0, "last byte of the answer changed"},
    {CAIRN_TAP_FLIP, 0, 40, "a byte inside the answer changed"},
    {CAIRN_TAP_ERROR, TPM2_RC_COMMAND_SIZE, 0, "refused"},
    {CAIRN_TAP_CUT_BEFORE, 0, 0, "power cut before"},
    {CAIRN_TAP_CUT_AFTER, 0, 0, "power cut after"},
};

struct flow {
    const char *name;
    void (*prepare)(void);
    enum cairn_rc (*run)(void); /* all of it, from wherever the last attempt ended */
    void (*check)(void);        /* after a run without fault */
};

/* One program run under one fault; false when the flow ended before command n. */
static bool broken_run(const struct flow *flow, const struct fault *fault, unsigned n)
{
    flow->prepare();
    device_open(d);
    cairn_tap_reset(d->tap);
    cairn_tap_error(d->tap, fault->rc);
    cairn_tap_flip(d->tap, fault->flip);
    cairn_tap_break(d->tap, fault->kind, n);
    enum cairn_rc rc = flow->run();
    bool broke = cairn_tap_broke(d->tap);
    assert_true(broke || rc == CAIRN_OK);
    assert_false(cairn_tap_saw(d->tap, CAIRN_SPAN(secret)));
    cairn_tap_reset(d->tap);
    if (fault->kind == CAIRN_TAP_CUT_BEFORE || fault->kind == CAIRN_TAP_CUT_AFTER) {
        device_open(d);
    }
    assert_int_equal(lockout_counter(d), 0);
    return broke;
}

static CAIRN_UNUSED void walk(const struct flow *flow)
{
    unsigned runs = 0;
    for (size_t i = 0; i < CAIRN_ARRAY_LEN(faults); i++) {
        for (unsigned n = 1; broken_run(flow, &faults[i], n); n++) {
            enum cairn_rc rc = flow->run();
            if (rc != CAIRN_OK) {
                print_error("%s, command %u %s: %s (%s, 0x%x)\n", flow->name, n, faults[i].name, d->err.text, d->err.code,
                            d->err.cause);
            }
            assert_int_equal(rc, CAIRN_OK);
            assert_false(cairn_tap_saw(d->tap, CAIRN_SPAN(secret)));
            flow->check();
            assert_clean(d);
            runs++;
        }
    }
    assert_int_equal(lockout_counter(d), 0);
    print_message("%s: %u broken runs recovered\n", flow->name, runs);
}

static CAIRN_UNUSED int setup(void **state)
{
    (void)state;
    memset(secret, 0x9D, sizeof secret);
    d = device_new(false);
    device_provision(d);
    cairn_swtpm_save(d->swtpm, "provisioned");
    return 0;
}

static CAIRN_UNUSED int teardown(void **state)
{
    (void)state;
    device_free(d);
    return 0;
}

static CAIRN_UNUSED int provisioned(void **state)
{
    (void)state;
    cairn_tap_free(d->tap);
    cairn_tpm_close(d->tpm);
    d->tpm = NULL;
    cairn_swtpm_restore(d->swtpm, "provisioned");
    d->tap = cairn_tap_new(d->swtpm);
    d->config.given = cairn_tap_context(d->tap);
    device_pins(d);
    device_open(d);
    return 0;
}

static CAIRN_UNUSED void nothing(void)
{
}

#endif
