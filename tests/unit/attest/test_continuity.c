/* tests/unit/attest/test_continuity.c -- attest/continuity.c: what a TPM's clock and counters say, and what never locks out. */
#include "attest/continuity.h"

#include <stdio.h>

#include "support/cmocka_all.h"

enum { MINUTE = 60 * 1000, HOUR = 60 * MINUTE, DAY = 24 * HOUR };
static const uint64_t DECADES = UINT64_C(30) * 365 * 86400 * 1000;

/* A boot's last report; `log` names the boot. */
static struct cairn_moment moment(uint32_t resets, uint32_t restarts, uint64_t clock_ms, uint64_t received_ms, uint8_t log)
{
    return (struct cairn_moment){.clock_ms = clock_ms,
                                 .received_ms = received_ms,
                                 .resets = resets,
                                 .restarts = restarts,
                                 .has_user_log = log != 0,
                                 .user_log = {log}};
}

static const struct cairn_moment before = {.clock_ms = 10 * HOUR,
                                           .received_ms = 100 * UINT64_C(24) * HOUR,
                                           .resets = 5,
                                           .restarts = 2,
                                           .has_user_log = true,
                                           .user_log = {1}};

static struct cairn_moment after(uint64_t tpm_ms, uint64_t server_ms)
{
    return moment(5, 2, before.clock_ms + tpm_ms, before.received_ms + server_ms, 1);
}

static const char *judged(struct cairn_moment now, enum cairn_check_result *result, bool *required)
{
    static char code[48];
    CAIRN_VERDICT v = {.num_checks = 0};
    assert_int_equal(cairn_verdict_init(&v, NULL), CAIRN_OK);
    cairn_continuity_judge(&before, &now, &v);
    assert_in_range(v.num_checks, 0, 2);
    if (v.num_checks == 0) {
        return "";
    }
    *result = v.checks[v.num_checks - 1].result;
    *required = v.checks[v.num_checks - 1].required;
    (void)snprintf(code, sizeof code, "%s", v.checks[v.num_checks - 1].code);
    return code;
}

static void locks_nobody_out(struct cairn_moment now, const char *code)
{
    enum cairn_check_result result = CAIRN_PASS;
    bool required = false;
    assert_string_equal(judged(now, &result, &required), code);
    assert_true(result == CAIRN_PASS || !required);
}

/* CHECKS 53 */
static void a_quote_made_early_and_delivered_late_is_stale(void **state)
{
    (void)state;
    const struct cairn_moment late = after(MINUTE, HOUR);
    assert_true(cairn_continuity_stale(&before, &late, 3600));
    const struct cairn_moment unchanged = after(0, HOUR);
    assert_true(cairn_continuity_stale(&before, &unchanged, 3600));
}

static void the_clocks_may_differ_by_2_percent_and_a_minute(void **state)
{
    (void)state;
    const uint64_t day = DAY, slack = day / 50 + MINUTE;
    const struct cairn_moment in = after(day - slack, day), out = after(day - slack - 1, day);
    assert_false(cairn_continuity_stale(&before, &in, 3600));
    assert_true(cairn_continuity_stale(&before, &out, 3600));
    const struct cairn_moment fast = after(2 * day, day);
    assert_false(cairn_continuity_stale(&before, &fast, 3600));
}

/* So a device that is told "stale" comes through with the nonce it is given, whatever the clocks say. */
static void a_young_nonce_is_never_stale(void **state)
{
    (void)state;
    struct cairn_moment late = after(0, DAY);
    late.received_ms += DECADES;
    assert_false(cairn_continuity_stale(&before, &late, 0));
    assert_false(cairn_continuity_stale(&before, &late, 59));
    assert_true(cairn_continuity_stale(&before, &late, 60));
}

/* CHECKS 16: powered off for a month: the TPM's clock stood still, and the boot is another. */
static void another_boot_is_never_stale(void **state)
{
    (void)state;
    const struct cairn_moment reboot = moment(6, 0, before.clock_ms + MINUTE, before.received_ms + UINT64_C(30) * DAY, 2);
    assert_false(cairn_continuity_stale(&before, &reboot, 7 * 86400));
    const struct cairn_moment resume = moment(5, 3, before.clock_ms, before.received_ms + DAY, 2);
    assert_false(cairn_continuity_stale(&before, &resume, 7 * 86400));
}

/* CHECKS 62 */
static void a_server_clock_that_was_set_back_makes_nothing_stale(void **state)
{
    (void)state;
    struct cairn_moment now = after(HOUR, 0);
    assert_false(cairn_continuity_stale(&before, &now, 3600));
    now.received_ms = 0;
    assert_false(cairn_continuity_stale(&before, &now, 3600));
}

/* CHECKS 16 */
static void a_reboot_a_power_cut_and_weeks_off_line_lock_nobody_out(void **state)
{
    (void)state;
    locks_nobody_out(after(HOUR, HOUR), "");
    locks_nobody_out(moment(6, 0, before.clock_ms + MINUTE, before.received_ms + MINUTE, 2), "tpm.reboot");
    locks_nobody_out(moment(6, 0, before.clock_ms - HOUR, before.received_ms + MINUTE, 2),
                     "tpm.reboot"); /* the clock's last hour lost */
    locks_nobody_out(moment(60, 7, before.clock_ms + UINT64_C(90) * DAY, before.received_ms + UINT64_C(99) * DAY, 2),
                     "tpm.reboot");
    locks_nobody_out(moment(6, 0, before.clock_ms + MINUTE, 0, 2), "tpm.reboot"); /* the server's clock went back to 1970 */
    locks_nobody_out(moment(0, 0, 5, before.received_ms + MINUTE, 2),
                     "tpm.reboot"); /* Clear starts the counters again: noted */
    locks_nobody_out(after(-(uint64_t)HOUR, HOUR), "tpm.clock.back");
}

static void counters_that_went_back_are_noted(void **state)
{
    (void)state;
    CAIRN_VERDICT v = {.num_checks = 0};
    assert_int_equal(cairn_verdict_init(&v, NULL), CAIRN_OK);
    const struct cairn_moment now = moment(4, 2, before.clock_ms, before.received_ms + MINUTE, 2);
    cairn_continuity_judge(&before, &now, &v);
    assert_string_equal(v.checks[0].code, "tpm.resets.back");
    assert_int_equal(v.checks[0].result, CAIRN_FAILED);
    assert_false(v.checks[0].required);
}

/* CHECKS 16, 40; CVE-2018-6622 */
static void a_tpm_reset_under_a_running_system_fails(void **state)
{
    (void)state;
    enum cairn_check_result result = CAIRN_PASS;
    bool required = false;
    assert_string_equal(judged(moment(6, 0, before.clock_ms, before.received_ms, 1), &result, &required),
                        "tpm.restart.unlogged");
    assert_true(result == CAIRN_FAILED && required);
    assert_string_equal(judged(moment(5, 3, before.clock_ms, before.received_ms, 1), &result, &required),
                        "tpm.restart.unlogged");
    assert_true(result == CAIRN_FAILED && required);
}

static void without_a_log_of_the_boot_nobody_can_tell(void **state)
{
    (void)state;
    locks_nobody_out(moment(6, 0, before.clock_ms, before.received_ms, 0), "tpm.reboot");
}

/* CHECKS 62: where no clock tells, of a document and its copy one is later. */
static void the_tpms_own_counters_order_two_quotes(void **state)
{
    (void)state;
    const struct cairn_moment clock = moment(5, 2, before.clock_ms + 1, 0, 1), restart = moment(5, 3, 0, 0, 1),
                              reset = moment(6, 0, 0, 0, 1);
    const struct cairn_moment *const order[] = {&before, &clock, &restart, &reset};
    for (size_t i = 0; i < CAIRN_ARRAY_LEN(order); i++) {
        for (size_t j = 0; j < CAIRN_ARRAY_LEN(order); j++) {
            assert_int_equal(cairn_continuity_later(order[i], order[j]), i < j);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_quote_made_early_and_delivered_late_is_stale),
        cmocka_unit_test(the_clocks_may_differ_by_2_percent_and_a_minute),
        cmocka_unit_test(a_young_nonce_is_never_stale),
        cmocka_unit_test(another_boot_is_never_stale),
        cmocka_unit_test(a_server_clock_that_was_set_back_makes_nothing_stale),
        cmocka_unit_test(a_reboot_a_power_cut_and_weeks_off_line_lock_nobody_out),
        cmocka_unit_test(counters_that_went_back_are_noted),
        cmocka_unit_test(a_tpm_reset_under_a_running_system_fails),
        cmocka_unit_test(without_a_log_of_the_boot_nobody_can_tell),
        cmocka_unit_test(the_tpms_own_counters_order_two_quotes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
