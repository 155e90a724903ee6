/* tests/unit/server/test_seen.c -- server/seen.c: a proof counts once. */
#include "server/seen.h"

#include <pthread.h>
#include <stdio.h>

#include "support/cmocka_all.h"

enum { NOW = 1800000000, LIFE = 120 };

static struct cairn_seen *room_for(size_t max)
{
    struct cairn_seen *seen = NULL;
    assert_int_equal(cairn_seen_new(max, &seen, NULL), CAIRN_OK);
    return seen;
}

static enum cairn_rc show(struct cairn_seen *seen, const char *id, uint64_t now_s, struct cairn_err *err)
{
    return cairn_seen_once(seen, cairn_span_str(id), now_s, now_s + LIFE, err);
}

/* CHECKS 54 */
static void a_proof_shown_again_is_refused_until_it_has_expired(void **state)
{
    (void)state;
    struct cairn_seen *seen = room_for(64);
    struct cairn_err err = {0};
    assert_int_equal(show(seen, "a", NOW, NULL), CAIRN_OK);
    assert_int_equal(show(seen, "a", NOW, &err), CAIRN_E_REFUSED);
    assert_string_equal(err.code, "dpop.replayed");
    assert_int_equal(show(seen, "a", NOW + LIFE - 1, &err), CAIRN_E_REFUSED);
    assert_int_equal(show(seen, "b", NOW, NULL), CAIRN_OK);
    assert_int_equal(show(seen, "a", NOW + LIFE, NULL), CAIRN_OK);
    cairn_seen_free(seen);
    cairn_seen_free(NULL);
}

static void an_expired_entry_does_not_hide_a_live_one(void **state)
{
    (void)state;
    struct cairn_seen *seen = room_for(1);
    struct cairn_err err = {0};
    assert_int_equal(cairn_seen_once(seen, cairn_span_str("short"), NOW, NOW + 1, NULL), CAIRN_OK);
    assert_int_equal(show(seen, "long", NOW, NULL), CAIRN_OK);
    assert_int_equal(show(seen, "long", NOW + 2, &err), CAIRN_E_REFUSED);
    assert_string_equal(err.code, "dpop.replayed");
    cairn_seen_free(seen);
}

/* Rather refuse a new one than accept an old one twice. */
static void a_full_table_refuses_the_new_and_keeps_the_old(void **state)
{
    (void)state;
    struct cairn_seen *seen = room_for(1); /* and its window */
    struct cairn_err err = {0};
    char id[16];
    unsigned n = 0;
    for (; n < 1000; n++) {
        (void)snprintf(id, sizeof id, "%u", n);
        if (show(seen, id, NOW, &err) != CAIRN_OK) {
            break;
        }
    }
    assert_in_range(n, 2, 100);
    assert_int_equal(err.rc, CAIRN_E_BUSY);
    assert_string_equal(err.code, "server.busy");
    for (unsigned i = 0; i < n; i++) {
        (void)snprintf(id, sizeof id, "%u", i);
        assert_int_equal(show(seen, id, NOW, &err), CAIRN_E_REFUSED);
    }
    assert_int_equal(show(seen, "later", NOW + LIFE, NULL), CAIRN_OK);
    cairn_seen_free(seen);
}

/* CHECKS 62: the clock stood decades ahead, the table filled, the clock was set right. */
static void a_clock_that_was_set_back_leaves_no_full_table(void **state)
{
    (void)state;
    const uint64_t ahead_s = NOW + UINT64_C(30) * 365 * 86400;
    struct cairn_seen *seen = room_for(1);
    struct cairn_err err = {0};
    char id[16];
    for (unsigned i = 0; i < 32; i++) {
        (void)snprintf(id, sizeof id, "%u", i);
        assert_int_equal(show(seen, id, ahead_s, NULL), CAIRN_OK);
    }
    assert_int_equal(show(seen, "new", ahead_s, &err), CAIRN_E_BUSY);
    assert_int_equal(show(seen, "new", NOW, NULL), CAIRN_OK);
    assert_int_equal(show(seen, "new", NOW + 1, &err), CAIRN_E_REFUSED);
    assert_int_equal(show(seen, "new", NOW - 60, &err), CAIRN_E_REFUSED); /* a small correction forgets nothing */
    cairn_seen_free(seen);
}

struct racer {
    struct cairn_seen *seen;
    unsigned won;
};

static void *race(void *arg)
{
    struct racer *r = arg;
    for (unsigned i = 0; i < 2000; i++) {
        char id[16];
        (void)snprintf(id, sizeof id, "%u", i);
        r->won += show(r->seen, id, NOW, NULL) == CAIRN_OK;
    }
    return NULL;
}

static void of_two_threads_that_show_one_proof_one_wins(void **state)
{
    (void)state;
    struct cairn_seen *seen = room_for(1 << 16);
    struct racer racers[2] = {{seen, 0}, {seen, 0}};
    pthread_t threads[2];
    for (size_t i = 0; i < 2; i++) {
        assert_int_equal(pthread_create(&threads[i], NULL, race, &racers[i]), 0);
    }
    for (size_t i = 0; i < 2; i++) {
        assert_int_equal(pthread_join(threads[i], NULL), 0);
    }
    assert_int_equal(racers[0].won + racers[1].won, 2000);
    cairn_seen_free(seen);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_proof_shown_again_is_refused_until_it_has_expired),
        cmocka_unit_test(an_expired_entry_does_not_hide_a_live_one),
        cmocka_unit_test(a_full_table_refuses_the_new_and_keeps_the_old),
        cmocka_unit_test(a_clock_that_was_set_back_leaves_no_full_table),
        cmocka_unit_test(of_two_threads_that_show_one_proof_one_wins),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
