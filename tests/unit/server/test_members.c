/* tests/unit/server/test_members.c -- server/members.c: opened statements, each only for exactly its file. */
#include "server/members.h"

#include <stdlib.h>

#include "core/doctype.h"
#include "support/cmocka_all.h"
#include "support/test_keys.h"

static struct cairn_test_keys keys;

static struct cairn_members *room_for(size_t max)
{
    struct cairn_members *members = NULL;
    assert_int_equal(cairn_members_new(max, &members, NULL), CAIRN_OK);
    return members;
}

static enum cairn_rc open_as(struct cairn_members *members, const uint8_t device[32], const struct cairn_buf *file,
                             const struct cairn_member **out, struct cairn_err *err)
{
    return cairn_members_open(members, keys.root, device, cairn_buf_span(file), out, err);
}

static void opens_a_statement_once_and_gives_it_again(void **state)
{
    (void)state;
    struct cairn_members *members = room_for(4);
    const struct cairn_member *first = NULL, *again = NULL;
    assert_int_equal(open_as(members, keys.statement.device, &keys.statement_file, &first, NULL), CAIRN_OK);
    assert_memory_equal(first->statement.digest, keys.statement.digest, 32);
    assert_non_null(first->key);
    assert_int_equal(open_as(members, keys.statement.device, &keys.statement_file, &again, NULL), CAIRN_OK);
    assert_ptr_equal(first, again);
    cairn_members_free(members);
    cairn_members_free(NULL);
}

/* CHECKS 33: somebody wrote another statement, or rubbish, into one row of the database. */
static void a_row_that_was_tampered_with_is_that_devices_trouble_only(void **state)
{
    (void)state;
    struct cairn_members *members = room_for(4);
    const struct cairn_member *m = NULL;
    struct cairn_err err = {0};
    uint8_t other[32] = {0xee};
    assert_int_equal(open_as(members, other, &keys.statement_file, &m, &err), CAIRN_E_IO);
    assert_string_equal(err.code, "store.corrupt");
    CAIRN_BUF rubbish = {0};
    assert_int_equal(cairn_buf_set(&rubbish, cairn_span_str("{}"), NULL), CAIRN_OK);
    assert_int_not_equal(open_as(members, keys.statement.device, &rubbish, &m, &err), CAIRN_OK);
    assert_null(m);
    assert_int_equal(open_as(members, keys.statement.device, &keys.statement_file, &m, NULL), CAIRN_OK);
    cairn_members_free(members);
}

/* CHECKS 51: what counts is the statement in the database now, not the one that was opened before. */
static void another_file_of_the_same_device_is_opened_anew(void **state)
{
    (void)state;
    struct cairn_members *members = room_for(4);
    const struct cairn_member *m = NULL;
    struct cairn_err err = {0};
    CAIRN_BUF forged = {0}, second = {0};
    json_t *payload = cairn_test_statement_json(&keys);
    assert_int_equal(json_object_set_new(payload, "serial", json_string("SN-OTHER")), 0);
    cairn_test_sign_json(json_incref(payload), CAIRN_TYPE_STATEMENT, keys.role[CAIRN_ROLE_RELEASE], &forged);
    cairn_test_sign_json(payload, CAIRN_TYPE_STATEMENT, keys.role[CAIRN_ROLE_ENROL], &second);
    assert_int_equal(open_as(members, keys.statement.device, &keys.statement_file, &m, NULL), CAIRN_OK);
    assert_int_equal(open_as(members, keys.statement.device, &forged, &m, &err), CAIRN_E_REFUSED);
    assert_int_equal(open_as(members, keys.statement.device, &second, &m, NULL), CAIRN_OK);
    assert_string_equal(m->statement.serial, "SN-OTHER");
    cairn_members_free(members);
}

static void the_least_used_gives_way_and_nothing_grows(void **state)
{
    (void)state;
    struct cairn_members *members = room_for(1);
    struct cairn_test_keys other;
    const struct cairn_member *m = NULL;
    cairn_test_keys_make(&other);
    for (unsigned i = 0; i < 20; i++) {
        const struct cairn_test_keys *k = i % 2 == 0 ? &keys : &other;
        assert_int_equal(
            cairn_members_open(members, k->root, k->statement.device, cairn_buf_span(&k->statement_file), &m, NULL), CAIRN_OK);
        assert_memory_equal(m->statement.digest, k->statement.digest, 32);
    }
    cairn_members_forget(members);
    cairn_members_forget(members);
    assert_int_equal(open_as(members, keys.statement.device, &keys.statement_file, &m, NULL), CAIRN_OK);
    cairn_members_free(members);
    cairn_test_keys_clear(&other);
}

static bool take(struct cairn_members *members, struct cairn_versions *versions, struct cairn_standing *out)
{
    const struct cairn_member *m = NULL;
    const bool taken = cairn_members_take(members, versions, keys.statement.device, out, &m);
    assert_true(!taken || m != NULL);
    return taken;
}

static void keep(struct cairn_members *members, struct cairn_versions *versions)
{
    struct cairn_standing s = {.changes = atomic_load(&versions->changes),
                               .version = atomic_load(cairn_version_of(versions, keys.statement.device)),
                               .life = CAIRN_DEVICE_OPERATIONAL,
                               .epoch = 9,
                               .known = true};
    assert_int_equal(cairn_buf_set(&s.last.reply, cairn_span_str("reply"), NULL), CAIRN_OK);
    cairn_members_keep(members, keys.statement.device, &s);
    assert_null(s.last.reply.p);
}

/* CHECKS 37: an operator's clear, an order, another worker's report must be seen by the very next report. */
static void a_standing_holds_until_something_is_written(void **state)
{
    (void)state;
    struct cairn_members *members = room_for(2);
    struct cairn_versions *versions = calloc(1, sizeof *versions);
    struct cairn_standing got = {.changes = 0};
    const struct cairn_member *m = NULL;
    assert_non_null(versions);
    keep(members, versions); /* nobody's: the device is not in the cache */
    assert_false(take(members, versions, &got));
    assert_int_equal(open_as(members, keys.statement.device, &keys.statement_file, &m, NULL), CAIRN_OK);
    keep(members, versions);
    assert_true(take(members, versions, &got));
    assert_int_equal(got.epoch, 9);
    assert_true(cairn_span_equal(cairn_buf_span(&got.last.reply), cairn_span_str("reply")));
    cairn_standing_clear(&got);
    assert_false(take(members, versions, &got)); /* it was moved out */
    keep(members, versions);
    (void)atomic_fetch_add(&versions->changes, 1);
    assert_false(take(members, versions, &got));
    keep(members, versions);
    (void)atomic_fetch_add(cairn_version_of(versions, keys.statement.device), 1);
    assert_false(take(members, versions, &got));
    keep(members, versions);
    cairn_members_forget(members);
    assert_false(take(members, versions, &got));
    cairn_members_free(members);
    free(versions);
}

/* The writer trusts a standing only if it is from the cache, and nothing was begun since that it does not know of. */
static void a_standing_is_current_until_something_is_begun(void **state)
{
    (void)state;
    struct cairn_versions *versions = calloc(1, sizeof *versions);
    assert_non_null(versions);
    struct cairn_standing s = {.known = true};
    assert_false(cairn_standing_current(&s, versions, keys.statement.device)); /* read, not kept: the row may be newer */
    s.kept = true;
    assert_true(cairn_standing_current(&s, versions, keys.statement.device));
    (void)atomic_fetch_add(&versions->begun, 1); /* in this very transaction */
    assert_false(cairn_standing_current(&s, versions, keys.statement.device));
    (void)atomic_fetch_add(&versions->changes, 1);
    assert_false(cairn_standing_current(&s, versions, keys.statement.device));
    s.changes = 1;
    assert_true(cairn_standing_current(&s, versions, keys.statement.device));
    (void)atomic_fetch_add(cairn_version_of(versions, keys.statement.device), 1);
    assert_false(cairn_standing_current(&s, versions, keys.statement.device));
    free(versions);
}

static int set_up(void **state)
{
    (void)state;
    cairn_test_keys_make(&keys);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    cairn_test_keys_clear(&keys);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(opens_a_statement_once_and_gives_it_again),
        cmocka_unit_test(a_row_that_was_tampered_with_is_that_devices_trouble_only),
        cmocka_unit_test(another_file_of_the_same_device_is_opened_anew),
        cmocka_unit_test(the_least_used_gives_way_and_nothing_grows),
        cmocka_unit_test(a_standing_holds_until_something_is_written),
        cmocka_unit_test(a_standing_is_current_until_something_is_begun),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
