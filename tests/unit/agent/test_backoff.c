/* tests/unit/agent/test_backoff.c -- agent/backoff.c: nobody comes back too soon, and a fleet not at once. */
#include "support/cmocka_all.h"

#include "agent/backoff.h"

static const uint32_t RANDOM[] = {0, 1, 0x40000000, 0x80000000, 0xc0000000, UINT32_MAX};

static void a_pause_grows_and_stays_within_its_bounds(void **state)
{
    (void)state;
    uint64_t highest = 0;
    for (unsigned failures = 0; failures < 100; failures++) {
        for (size_t i = 0; i < CAIRN_ARRAY_LEN(RANDOM); i++) {
            const uint64_t ms = cairn_backoff_ms(failures, 0, RANDOM[i]);
            assert_in_range(ms, CAIRN_BACKOFF_MIN_MS, CAIRN_BACKOFF_MAX_MS);
        }
        const uint64_t longest = cairn_backoff_ms(failures, 0, UINT32_MAX);
        assert_true(longest >= highest);
        highest = longest;
    }
    assert_in_range(highest, CAIRN_BACKOFF_MAX_MS - 10, CAIRN_BACKOFF_MAX_MS);
    assert_int_equal(cairn_backoff_ms(1, 0, UINT32_MAX), 1000);
    assert_in_range(cairn_backoff_ms(4, 0, UINT32_MAX), 7990, 8000);
    assert_int_equal(cairn_backoff_ms(UINT32_MAX, 0, 0), CAIRN_BACKOFF_MIN_MS);
}

static void a_pause_is_spread_over_its_whole_range(void **state)
{
    (void)state;
    assert_int_equal(cairn_backoff_ms(12, 0, 0), 1000);
    assert_in_range(cairn_backoff_ms(11, 0, 0x80000000), 512000, 513000);
}

static void retry_after_is_a_lower_bound_and_itself_bounded(void **state)
{
    (void)state;
    for (size_t i = 0; i < CAIRN_ARRAY_LEN(RANDOM); i++) {
        assert_in_range(cairn_backoff_ms(1, 120, RANDOM[i]), 120000, 132000);
        assert_in_range(cairn_backoff_ms(1, UINT32_MAX, RANDOM[i]), CAIRN_BACKOFF_MAX_MS, CAIRN_BACKOFF_MAX_MS * 11 / 10);
        assert_true(cairn_backoff_ms(30, 1, RANDOM[i]) >= 1000);
    }
    assert_true(cairn_backoff_ms(1, 120, UINT32_MAX) > cairn_backoff_ms(1, 120, 0));
}

static void an_interval_is_bounded_and_has_a_tenth_of_jitter(void **state)
{
    (void)state;
    static const struct {
        uint64_t s, low_ms, high_ms;
    } cases[] = {{0, 9000, 11000},
                 {10, 9000, 11000},
                 {3600, 3240000, 3960000},
                 {7 * 86400, 544320000, 665280000},
                 {UINT64_MAX, 544320000, 665280000}};
    for (size_t i = 0; i < CAIRN_ARRAY_LEN(cases); i++) {
        for (size_t r = 0; r < CAIRN_ARRAY_LEN(RANDOM); r++) {
            assert_in_range(cairn_interval_ms(cases[i].s, RANDOM[r]), cases[i].low_ms, cases[i].high_ms);
        }
        assert_int_equal(cairn_interval_ms(cases[i].s, 0), cases[i].low_ms);
        assert_in_range(cairn_interval_ms(cases[i].s, UINT32_MAX), cases[i].high_ms - 2, cases[i].high_ms);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_pause_grows_and_stays_within_its_bounds),
        cmocka_unit_test(a_pause_is_spread_over_its_whole_range),
        cmocka_unit_test(retry_after_is_a_lower_bound_and_itself_bounded),
        cmocka_unit_test(an_interval_is_bounded_and_has_a_tenth_of_jitter),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
