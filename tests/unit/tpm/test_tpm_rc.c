/* tests/unit/tpm/test_tpm_rc.c -- rc.c, run.c, open.c: what goes wrong outside of any flow, and how it is called. */
#include "unit/tpm/raw.h"

#include "tpm/tpm_internal.h"

static struct device *d;

static int setup(void **state)
{
    (void)state;
    d = device_new(false);
    device_provision(d);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    device_free(d);
    return 0;
}

static int quiet(void **state)
{
    (void)state;
    device_open(d);
    cairn_tap_reset(d->tap);
    return 0;
}

static enum cairn_rc quote(void)
{
    uint8_t extra[32] = {0};
    struct cairn_attestation att;
    return cairn_tpm_quote(d->tpm, DEVICE_MASK, extra, &att, &d->err);
}

static void answer(uint32_t rc, unsigned more)
{
    cairn_tap_reset(d->tap);
    cairn_tap_error(d->tap, rc);
    cairn_tap_break(d->tap, CAIRN_TAP_ERROR, 1);
    cairn_tap_break_more(d->tap, more);
}

static void no_tpm_is_absent(void **state)
{
    (void)state;
    struct cairn_tpm_config config = cairn_tpm_config_default();
    struct cairn_tpm *tpm = NULL;
    config.tcti = "swtpm:path=/nonexistent/sock";
    REFUSES(d, CAIRN_E_TPM, "tpm.absent", cairn_tpm_open(&config, &tpm, &d->err));
    assert_null(tpm);
    config.tcti = "nonsense:";
    REFUSES(d, CAIRN_E_TPM, "tpm.absent", cairn_tpm_open(&config, &tpm, &d->err));
    cairn_tpm_close(NULL);
}

/* An own connection, by its TCTI string: lost with the power, made again by the next operation. */
static void an_own_connection_is_made_again_after_a_power_cut(void **state)
{
    (void)state;
    struct cairn_tpm_config config = d->config;
    CAIRN_TPM *tpm = NULL;
    uint64_t before = 0, after = 0;
    config.given = NULL;
    config.tcti = cairn_swtpm_tcti(d->swtpm);
    cairn_tap_free(d->tap);
    OK(d, cairn_tpm_open(&config, &tpm, &d->err));
    OK(d, cairn_tpm_pin(tpm, &d->pins, &d->err));
    OK(d, cairn_tpm_epoch_read(tpm, &before, &d->err));
    cairn_swtpm_cut(d->swtpm);
    enum cairn_rc rc = cairn_tpm_epoch_read(tpm, &after, &d->err);
    assert_int_equal(rc, CAIRN_E_TPM);
    assert_true(strcmp(d->err.code, "tpm.absent") == 0 || strcmp(d->err.code, "tpm.transport") == 0);
    REFUSES(d, CAIRN_E_TPM, "tpm.absent", cairn_tpm_epoch_read(tpm, &after, &d->err));
    cairn_swtpm_start(d->swtpm);
    OK(d, cairn_tpm_epoch_read(tpm, &after, &d->err));
    assert_int_equal(before, after);
    cairn_tpm_close(tpm);
    tpm = NULL;
    d->tap = cairn_tap_new(d->swtpm);
    d->config.given = cairn_tap_context(d->tap);
}

static void transport_and_nonsense_are_told_apart(void **state)
{
    (void)state;
    cairn_tap_break(d->tap, CAIRN_TAP_FAIL, 1);
    cairn_tap_break_more(d->tap, 100);
    REFUSES(d, CAIRN_E_TPM, "tpm.transport", quote());
    assert_int_not_equal(d->err.cause, 0);
    cairn_tap_reset(d->tap);
    cairn_tap_break(d->tap, CAIRN_TAP_SHORT, 1);
    cairn_tap_break_more(d->tap, 100);
    REFUSES(d, CAIRN_E_TPM, "tpm.response", quote());
    answer(TPM2_RC_COMMAND_CODE, 100);
    REFUSES(d, CAIRN_E_TPM, "tpm.response", quote());
    assert_int_equal(d->err.cause, TPM2_RC_COMMAND_CODE);
    answer(TPM2_RC_FAILURE, 100);
    REFUSES(d, CAIRN_E_TPM, "tpm.failure", quote());
    cairn_tap_reset(d->tap);
    OK(d, quote());
}

static void a_busy_tpm_is_asked_again_and_then_reported(void **state)
{
    (void)state;
    static const uint32_t codes[] = {TPM2_RC_RETRY, TPM2_RC_YIELDED, TPM2_RC_TESTING, TPM2_RC_NV_RATE};
    for (unsigned i = 0; i < CAIRN_ARRAY_LEN(codes); i++) {
        answer(codes[i], 6); /* ESYS itself sends RETRY, YIELDED and TESTING again five times */
        OK(d, quote());
    }
    answer(TPM2_RC_NV_RATE, 1000);
    REFUSES(d, CAIRN_E_BUSY, "tpm.retry", quote());
    assert_in_range(cairn_tap_count(d->tap), 5, 20);
}

static void a_lockout_is_reported_with_its_seconds(void **state)
{
    (void)state;
    answer(TPM2_RC_LOCKOUT, 0);
    REFUSES(d, CAIRN_E_BUSY, "tpm.lockout", quote());
    assert_true(d->err.retry_after_s > 0);
}

static void no_free_slot_is_named(void **state)
{
    (void)state;
    static const uint32_t codes[] = {TPM2_RC_OBJECT_MEMORY, TPM2_RC_SESSION_MEMORY, TPM2_RC_MEMORY, TPM2_RC_SESSION_HANDLES,
                                     TPM2_RC_OBJECT_HANDLES};
    for (unsigned i = 0; i < CAIRN_ARRAY_LEN(codes); i++) {
        answer(codes[i], 1000);
        REFUSES(d, CAIRN_E_TPM, "tpm.handles", quote());
    }
}

/* What a program that was cut left in the TPM: swept when a slot is needed, and only then. */
static void orphans_are_swept_when_slots_run_out(void **state)
{
    (void)state;
    const TPMT_SYM_DEF none = {.algorithm = TPM2_ALG_NULL};
    struct cairn_audit_handles handles = {0};
    ESYS_CONTEXT *e = raw_open(d);
    for (unsigned i = 0; i < 3; i++) {
        ESYS_TR session = RAW_NO;
        RAW_OK(Esys_StartAuthSession(e, RAW_NO, ESYS_TR_RH_NULL, RAW_NO, RAW_NO, RAW_NO, NULL, TPM2_SE_POLICY, &none,
                                     TPM2_ALG_SHA256, &session));
    }
    Esys_Finalize(&e);
    OK(d, quote());
    OK(d, cairn_tpm_handles(d->tpm, 0x02000000u, &handles, &d->err));
    assert_int_equal(handles.num, 3);
    (void)device_epoch(d);
    assert_clean(d);
}

static void a_tpm_that_was_not_started_is_started(void **state)
{
    (void)state;
    answer(TPM2_RC_INITIALIZE, 0);
    OK(d, quote());
    assert_int_equal(cairn_tap_count_of(d->tap, TPM2_CC_Startup), 1);
}

static void it_works_without_a_cache_and_with_one_that_cannot_be_written(void **state)
{
    (void)state;
    struct cairn_fs *cache = d->config.cache;
    device_no_cache(d);
    OK(d, quote());
    assert_int_equal(cairn_tap_count(d->tap), 2);
    d->config.cache = cache;
}

static void every_row_speaks(void **state)
{
    (void)state;
    static const TSS2_RC codes[] = {CAIRN_TPM_RC_SHAPE, CAIRN_TPM_RC_INPUT,    CAIRN_TPM_RC_SLOTS,
                                    CAIRN_TPM_RC_BANK,  CAIRN_TPM_RC_DISABLED, TPM2_RC_NV_SPACE};
    static const char *const names[] = {"tpm.response", "tpm.input",           "tpm.handles",
                                        "tpm.bank",     "wipe.clear.disabled", "tpm.nv.full"};
    for (unsigned i = 0; i < CAIRN_ARRAY_LEN(codes); i++) {
        struct cairn_err err = {0};
        assert_int_not_equal(cairn_tpm_fail(CAIRN_TASK_OTHER, CAIRN_STEP_OTHER, codes[i], &err), CAIRN_OK);
        assert_string_equal(err.code, names[i]);
        assert_true(strlen(err.text) > 10);
        assert_int_not_equal(cairn_tpm_fail(CAIRN_TASK_OTHER, CAIRN_STEP_OTHER, codes[i], NULL), CAIRN_OK);
    }
}

static void a_code_means_what_its_step_says(void **state)
{
    (void)state;
    struct cairn_err err = {0};
    assert_int_equal(cairn_tpm_fail(CAIRN_TASK_VAULT, CAIRN_STEP_AUTHORIZE, 0x1c4, &err), CAIRN_E_REFUSED);
    assert_string_equal(err.code, "vault.boot");
    assert_int_equal(cairn_tpm_fail(CAIRN_TASK_ANCHOR, CAIRN_STEP_AUTHORIZE, 0x1c4, &err), CAIRN_E_REFUSED);
    assert_string_equal(err.code, "state.boot");
    assert_int_equal(cairn_tpm_fail(CAIRN_TASK_GRANT, CAIRN_STEP_NV, 0x126, &err), CAIRN_E_REFUSED);
    assert_string_equal(err.code, "grant.epoch");
    assert_int_equal(cairn_tpm_fail(CAIRN_TASK_OTHER, CAIRN_STEP_OTHER, 0x126, &err), CAIRN_E_TPM);
    assert_string_equal(err.code, "tpm.response");
    assert_int_equal(cairn_tpm_fail(CAIRN_TASK_OTHER, CAIRN_STEP_OTHER, TSS2_RESMGR_TPM_RC_LAYER | TPM2_RC_LOCKOUT, &err),
                     CAIRN_E_BUSY);
    assert_string_equal(err.code, "tpm.lockout");
    assert_int_equal(cairn_tpm_fail(CAIRN_TASK_WIPE, CAIRN_STEP_CLEAR, TPM2_RC_DISABLED, &err), CAIRN_E_TPM);
    assert_string_equal(err.code, "wipe.clear.disabled");
}

int main(void)
{
    (void)setenv("TSS2_LOG", "all+none", 1);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(no_tpm_is_absent, quiet),
        cmocka_unit_test_setup(an_own_connection_is_made_again_after_a_power_cut, quiet),
        cmocka_unit_test_setup(transport_and_nonsense_are_told_apart, quiet),
        cmocka_unit_test_setup(a_busy_tpm_is_asked_again_and_then_reported, quiet),
        cmocka_unit_test_setup(a_lockout_is_reported_with_its_seconds, quiet),
        cmocka_unit_test_setup(no_free_slot_is_named, quiet),
        cmocka_unit_test_setup(orphans_are_swept_when_slots_run_out, quiet),
        cmocka_unit_test_setup(a_tpm_that_was_not_started_is_started, quiet),
        cmocka_unit_test_setup(it_works_without_a_cache_and_with_one_that_cannot_be_written, quiet),
        cmocka_unit_test(every_row_speaks),
        cmocka_unit_test(a_code_means_what_its_step_says),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
