/* tests/unit/server/test_rate.c -- server/rate.c: an address that asks too often waits, and nobody else does. */
#include "server/rate.h"

#include <stdio.h>

#include "support/cmocka_all.h"

enum { NOW = 1000000 };

static struct cairn_rate *rate_of(uint32_t per_s, uint32_t burst)
{
    struct cairn_rate *rate = NULL;
    assert_int_equal(cairn_rate_new(per_s, burst, &rate, NULL), CAIRN_OK);
    return rate;
}

static unsigned admitted(struct cairn_rate *rate, const char *peer, uint64_t now_ms, unsigned tries)
{
    unsigned n = 0;
    for (unsigned i = 0; i < tries; i++) {
        n += cairn_rate_take(rate, peer, now_ms, NULL) == CAIRN_OK;
    }
    return n;
}

/* CHECKS 34 */
static void a_flood_from_one_address_gets_the_burst_and_then_the_rate(void **state)
{
    (void)state;
    struct cairn_rate *rate = rate_of(10, 40);
    struct cairn_err err = {0};
    assert_int_equal(admitted(rate, "192.0.2.1", NOW, 1000), 40);
    assert_int_equal(cairn_rate_take(rate, "192.0.2.1", NOW, &err), CAIRN_E_BUSY);
    assert_string_equal(err.code, "server.rate");
    assert_true(err.retry_after_s > 0);
    assert_int_equal(admitted(rate, "192.0.2.1", NOW + 99, 1000), 0);
    assert_int_equal(admitted(rate, "192.0.2.1", NOW + 100, 1000), 1);
    assert_int_equal(admitted(rate, "192.0.2.1", NOW + 1100, 1000), 10);
    assert_int_equal(admitted(rate, "192.0.2.1", NOW + 3600 * 1000, 1000), 40);
    cairn_rate_free(rate);
}

static void another_address_has_its_own_share(void **state)
{
    (void)state;
    struct cairn_rate *rate = rate_of(1, 5);
    assert_int_equal(admitted(rate, "192.0.2.1", NOW, 100), 5);
    assert_int_equal(admitted(rate, "2001:db8::1", NOW, 100), 5);
    cairn_rate_free(rate);
}

static void a_crowd_of_addresses_takes_no_more_memory_and_is_served(void **state)
{
    (void)state;
    struct cairn_rate *rate = rate_of(1, 5);
    for (unsigned i = 0; i < 100000; i++) {
        char peer[16];
        (void)snprintf(peer, sizeof peer, "10.%u.%u.%u", i >> 16 & 255, i >> 8 & 255, i & 255);
        assert_int_equal(cairn_rate_take(rate, peer, NOW + i, NULL), CAIRN_OK);
    }
    cairn_rate_free(rate);
}

/* CHECKS 62 */
static void a_clock_that_jumps_neither_opens_nor_closes_it(void **state)
{
    (void)state;
    const uint64_t decades_ms = UINT64_C(30) * 365 * 86400 * 1000;
    struct cairn_rate *rate = rate_of(10, 40);
    assert_int_equal(admitted(rate, "192.0.2.1", decades_ms, 1000), 40);
    assert_int_equal(admitted(rate, "192.0.2.1", 1000, 1000), 0); /* back: nothing gained, */
    assert_int_equal(admitted(rate, "192.0.2.1", 1100, 1000), 1); /* and time goes on from there */
    assert_int_equal(admitted(rate, "192.0.2.1", 2 * decades_ms, 1000), 40);
    assert_int_equal(admitted(rate, "192.0.2.1", UINT64_MAX, 1000), 40);
    cairn_rate_free(rate);
}

static void none_means_no_limit(void **state)
{
    (void)state;
    struct cairn_rate *rate = rate_of(0, 1);
    assert_int_equal(admitted(rate, "192.0.2.1", NOW, 1000), 1000);
    cairn_rate_free(rate);
    cairn_rate_free(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_flood_from_one_address_gets_the_burst_and_then_the_rate),
        cmocka_unit_test(another_address_has_its_own_share),
        cmocka_unit_test(a_crowd_of_addresses_takes_no_more_memory_and_is_served),
        cmocka_unit_test(a_clock_that_jumps_neither_opens_nor_closes_it),
        cmocka_unit_test(none_means_no_limit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
