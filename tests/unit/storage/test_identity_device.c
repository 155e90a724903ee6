/* tests/unit/storage/test_identity_device.c -- storage/identity_device.c: files that are absent, exchanged or half written. */
#include "support/cmocka_all.h"

#include "storage/identity_device.h"
#include "support/fault_fs.h"
#include "support/test_keys.h"

struct world {
    struct cairn_test_keys k;
    struct fault_disk *disk;
    struct cairn_fs *fs;
    struct cairn_identity identity;
    struct cairn_err err;
};

static int setup(void **state)
{
    struct world *w = calloc(1, sizeof *w);
    cairn_test_keys_make(&w->k);
    w->disk = fault_disk_new();
    w->fs = fault_disk_mount(w->disk);
    *state = w;
    return 0;
}

static int teardown(void **state)
{
    struct world *w = *state;
    cairn_test_keys_clear(&w->k);
    cairn_identity_clear(&w->identity);
    cairn_fs_free(w->fs);
    fault_disk_free(w->disk);
    free(w);
    return 0;
}

static void put(struct world *w, const char *name, const struct cairn_buf *bytes)
{
    assert_int_equal(cairn_file_replace(w->fs, name, cairn_buf_span(bytes), 0600, NULL), CAIRN_OK);
}

static void refused(struct world *w, const char *code)
{
    w->err = (struct cairn_err){.code = ""};
    assert_int_not_equal(cairn_identity_load(w->fs, CAIRN_TEST_NOW, &w->identity, &w->err), CAIRN_OK);
    assert_string_equal(w->err.code, code);
}

static void a_device_without_a_root_says_what_to_do(void **state)
{
    struct world *w = *state;
    refused(w, "device.uninitialised");
    assert_non_null(strstr(w->err.text, "cairn device init"));
}

static void with_a_root_it_is_manufactured_and_with_a_statement_enrolled(void **state)
{
    struct world *w = *state;
    put(w, CAIRN_IDENTITY_ROOT, &w->k.root_file);
    assert_int_equal(cairn_identity_load(w->fs, CAIRN_TEST_NOW, &w->identity, &w->err), CAIRN_OK);
    assert_false(w->identity.enrolled);
    assert_int_equal(cairn_identity_pin(&w->identity, NULL, &w->err), CAIRN_E_REFUSED);
    assert_string_equal(w->err.code, "device.unenrolled");
    put(w, CAIRN_IDENTITY_STATEMENT, &w->k.statement_file);
    assert_int_equal(cairn_identity_load(w->fs, CAIRN_TEST_NOW, &w->identity, &w->err), CAIRN_OK);
    assert_true(w->identity.enrolled);
    assert_memory_equal(w->identity.statement.device, w->k.statement.device, 32);
}

static void a_key_that_expired_since_does_not_stop_the_device(void **state)
{
    struct world *w = *state;
    put(w, CAIRN_IDENTITY_ROOT, &w->k.root_file);
    put(w, CAIRN_IDENTITY_STATEMENT, &w->k.statement_file);
    assert_int_equal(cairn_identity_load(w->fs, CAIRN_TEST_NOW + 4000ull * 86400, &w->identity, &w->err), CAIRN_OK);
}

static void an_exchanged_root_does_not_verify_the_statement(void **state)
{
    struct world *w = *state;
    struct cairn_test_keys *other = calloc(1, sizeof *other);
    cairn_test_keys_make(other);
    put(w, CAIRN_IDENTITY_ROOT, &other->root_file);
    put(w, CAIRN_IDENTITY_STATEMENT, &w->k.statement_file);
    refused(w, "root.replaced");
    put(w, CAIRN_IDENTITY_ROOT, &w->k.root_file);
    put(w, CAIRN_IDENTITY_STATEMENT, &other->statement_file);
    refused(w, "root.replaced");
    cairn_test_keys_clear(other);
    free(other);
}

static void a_damaged_file_is_not_taken_for_an_absent_one(void **state)
{
    struct world *w = *state;
    put(w, CAIRN_IDENTITY_ROOT, &w->k.root_file);
    w->k.statement_file.len /= 2;
    put(w, CAIRN_IDENTITY_STATEMENT, &w->k.statement_file);
    refused(w, "json.syntax");
    w->k.root_file.len /= 2;
    put(w, CAIRN_IDENTITY_ROOT, &w->k.root_file);
    refused(w, "json.syntax");
}

static void accepts_the_same_file_again_and_no_other(void **state)
{
    struct world *w = *state;
    struct cairn_span one = cairn_span_str("one");
    struct cairn_span two = cairn_span_str("two");
    assert_int_equal(cairn_identity_accept_root(w->fs, one, &w->err), CAIRN_OK);
    assert_int_equal(cairn_identity_accept_root(w->fs, one, &w->err), CAIRN_OK);
    assert_int_equal(cairn_identity_accept_root(w->fs, two, &w->err), CAIRN_E_REFUSED);
    assert_string_equal(w->err.code, "root.replaced");
    assert_int_equal(cairn_identity_accept_statement(w->fs, one, &w->err), CAIRN_OK);
    assert_int_equal(cairn_identity_accept_statement(w->fs, one, &w->err), CAIRN_OK);
    assert_int_equal(cairn_identity_accept_statement(w->fs, two, &w->err), CAIRN_E_REFUSED);
    assert_string_equal(w->err.code, "enrolment.other");
}

/* Cut at every step: afterwards the file is wholly there or wholly absent, and accepting again completes. */
static void a_cut_leaves_all_of_the_statement_or_nothing(void **state)
{
    struct world *w = *state;
    struct cairn_span file = cairn_buf_span(&w->k.statement_file);
    put(w, CAIRN_IDENTITY_ROOT, &w->k.root_file);
    unsigned before = fault_disk_steps(w->disk);
    assert_int_equal(cairn_identity_accept_statement(w->fs, file, &w->err), CAIRN_OK);
    unsigned steps = fault_disk_steps(w->disk) - before;
    assert_true(steps >= 4);
    for (unsigned n = 1; n <= steps; n++) {
        struct fault_disk *disk = fault_disk_new();
        struct cairn_fs *fs = fault_disk_mount(disk);
        assert_int_equal(cairn_file_replace(fs, CAIRN_IDENTITY_ROOT, cairn_buf_span(&w->k.root_file), 0600, NULL), CAIRN_OK);
        fault_disk_arm(disk, n, FAULT_CRASH, 1);
        enum cairn_rc rc = cairn_identity_accept_statement(fs, file, &w->err);
        fault_disk_reboot(disk, FAULT_TEAR, n);
        cairn_fs_free(fs);
        fs = fault_disk_mount(disk);
        assert_int_equal(cairn_identity_load(fs, CAIRN_TEST_NOW, &w->identity, &w->err), CAIRN_OK);
        assert_true(w->identity.enrolled || rc != CAIRN_OK);
        assert_int_equal(cairn_identity_accept_statement(fs, file, &w->err), CAIRN_OK);
        assert_int_equal(cairn_identity_load(fs, CAIRN_TEST_NOW, &w->identity, &w->err), CAIRN_OK);
        assert_true(w->identity.enrolled);
        cairn_fs_free(fs);
        fault_disk_free(disk);
    }
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_device_without_a_root_says_what_to_do),
        TEST(with_a_root_it_is_manufactured_and_with_a_statement_enrolled),
        TEST(a_key_that_expired_since_does_not_stop_the_device),
        TEST(an_exchanged_root_does_not_verify_the_statement),
        TEST(a_damaged_file_is_not_taken_for_an_absent_one),
        TEST(accepts_the_same_file_again_and_no_other),
        TEST(a_cut_leaves_all_of_the_statement_or_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
