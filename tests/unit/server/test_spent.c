/* tests/unit/server/test_spent.c -- server/spent.c: a nonce is spent once and for ever, and no clock locks a device out. */
#include "server/spent.h"

#include "attest/server_nonce.h"
#include "support/cmocka_all.h"

enum { NOW = 1800000000 };

struct memory {
    uint64_t issued_s;
    uint8_t spent[CAIRN_SPENT_MAX][12];
    unsigned num;
};

static struct cairn_nonce nonce_of(uint64_t issued_s, uint8_t number)
{
    struct cairn_nonce n = {.issued_s = issued_s};
    n.nonce[31] = number;
    return n;
}

static bool is_spent(const struct memory *m, uint64_t issued_s, uint8_t number)
{
    const struct cairn_nonce n = nonce_of(issued_s, number);
    return cairn_nonce_is_spent(m->issued_s, (const uint8_t(*)[12])m->spent, m->num, &n);
}

static void spend(struct memory *m, uint64_t issued_s, uint8_t number)
{
    const struct cairn_nonce n = nonce_of(issued_s, number);
    struct memory next = {.num = 0};
    cairn_nonce_spend_into(m->issued_s, (const uint8_t(*)[12])m->spent, m->num, &n, &next.issued_s, next.spent, &next.num);
    *m = next;
}

/* CHECKS 12 */
static void a_spent_nonce_stays_spent(void **state)
{
    (void)state;
    struct memory m = {.issued_s = 0};
    assert_false(is_spent(&m, NOW, 1));
    spend(&m, NOW, 1);
    assert_true(is_spent(&m, NOW, 1));
    for (unsigned i = 1; i < 100; i++) {
        spend(&m, NOW + i, 1);
        assert_true(is_spent(&m, NOW, 1));
        assert_true(is_spent(&m, NOW + i, 1));
    }
}

static void nonces_of_one_second_are_told_apart(void **state)
{
    (void)state;
    struct memory m = {.issued_s = 0};
    for (uint8_t i = 0; i < CAIRN_SPENT_MAX; i++) {
        assert_false(is_spent(&m, NOW, i));
        spend(&m, NOW, i);
        assert_true(is_spent(&m, NOW, i));
    }
    assert_true(is_spent(&m, NOW, 99)); /* no room: rather one nonce more than one twice */
    assert_false(is_spent(&m, NOW + 1, 99));
}

static void an_older_one_counts_as_spent(void **state)
{
    (void)state;
    struct memory m = {.issued_s = 0};
    spend(&m, NOW, 1);
    assert_true(is_spent(&m, NOW - 1, 2));
    assert_false(is_spent(&m, NOW, 2));
}

/* CHECKS 62 */
static void a_time_of_the_future_does_not_tell_what_is_spent(void **state)
{
    (void)state;
    assert_true(cairn_nonce_times_tell(NOW, NOW));
    assert_true(cairn_nonce_times_tell(0, NOW));
    assert_true(cairn_nonce_times_tell(NOW + CAIRN_CLOCK_SKEW_S, NOW)); /* another server's clock */
    assert_false(cairn_nonce_times_tell(NOW + CAIRN_CLOCK_SKEW_S + 1, NOW));
    assert_false(cairn_nonce_times_tell(NOW + UINT64_C(30) * 365 * 86400, NOW));
}

static void what_was_spent_stays_so_when_the_clock_goes_back_and_comes_again(void **state)
{
    (void)state;
    struct memory m = {.issued_s = 0};
    spend(&m, NOW, 1);
    spend(&m, NOW - 1000, 2); /* accepted because the TPM's counters said that it is new */
    assert_int_equal(m.issued_s, NOW);
    assert_true(is_spent(&m, NOW, 1));
    assert_true(is_spent(&m, NOW - 1000, 2));
    assert_false(is_spent(&m, NOW, 3));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_spent_nonce_stays_spent),
        cmocka_unit_test(nonces_of_one_second_are_told_apart),
        cmocka_unit_test(an_older_one_counts_as_spent),
        cmocka_unit_test(a_time_of_the_future_does_not_tell_what_is_spent),
        cmocka_unit_test(what_was_spent_stays_so_when_the_clock_goes_back_and_comes_again),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
