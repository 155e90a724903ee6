/* tests/unit/core/test_file.c -- core/file.c over support/fault_fs.c: every step of a durable write is made to fail, and the
 * power is cut before each. The mutants (an fsync, a directory fsync, a drop of the cache left out) must show.
 */
#include "support/cmocka_all.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>

#include "support/fault_fs.h"

enum { OLD_LEN = 1300, NEW_LEN = 2100, SEEDS = 12 };
static const enum fault_reboot MODES[] = {FAULT_DROP_ALL, FAULT_KEEP_ALL, FAULT_TEAR};

struct bench {
    struct fault_disk *disk;
    struct cairn_fs *fs;
    uint8_t old[OLD_LEN];
    uint8_t new[NEW_LEN];
};

typedef enum cairn_rc write_fn(struct cairn_fs *, const char *, struct cairn_span, unsigned, struct cairn_err *);

static int set_up(void **state)
{
    struct bench *b = calloc(1, sizeof(*b));
    assert_non_null(b);
    b->disk = fault_disk_new();
    b->fs = fault_disk_mount(b->disk);
    memset(b->old, 'o', sizeof(b->old));
    memset(b->new, 'n', sizeof(b->new));
    *state = b;
    return 0;
}

static int tear_down(void **state)
{
    struct bench *b = *state;
    assert_int_equal(fault_disk_open_files(b->disk), 0);
    cairn_fs_free(b->fs);
    fault_disk_free(b->disk);
    free(b);
    return 0;
}

static struct cairn_span old_bytes(const struct bench *b)
{
    return CAIRN_SPAN(b->old);
}

static struct cairn_span new_bytes(const struct bench *b)
{
    return CAIRN_SPAN(b->new);
}

static bool holds(const struct bench *b, const char *name, struct cairn_span want)
{
    CAIRN_BUF seen = {0};
    return fault_disk_get(b->disk, name, &seen) && cairn_span_equal(cairn_buf_span(&seen), want);
}

static unsigned count_steps(struct bench *b, write_fn *fn)
{
    struct fault_disk *before = fault_disk_copy(b->disk);
    fault_disk_arm(b->disk, 0, FAULT_EIO, 0);
    assert_int_equal(fn(b->fs, "f", new_bytes(b), 0600, NULL), CAIRN_OK);
    unsigned steps = fault_disk_steps(b->disk);
    fault_disk_restore(b->disk, before);
    fault_disk_free(before);
    return steps;
}

static void a_replaced_file_is_there_after_any_power_cut(void **state)
{
    struct bench *b = *state;
    for (size_t mode = 0; mode < CAIRN_ARRAY_LEN(MODES); mode++) {
        for (uint64_t seed = 0; seed < SEEDS; seed++) {
            fault_disk_put(b->disk, "f", old_bytes(b));
            assert_int_equal(cairn_file_replace(b->fs, "f", new_bytes(b), 0600, NULL), CAIRN_OK);
            fault_disk_reboot(b->disk, MODES[mode], seed);
            assert_true(holds(b, "f", new_bytes(b)));
            assert_false(cairn_file_exists(b->fs, "g"));
        }
    }
}

/* cut_and_look cuts the power before step n of a replace and says whether the file is wholly old or wholly new. */
static bool cut_and_look(struct bench *b, unsigned n, enum fault_reboot mode, uint64_t seed)
{
    fault_disk_put(b->disk, "f", old_bytes(b));
    fault_disk_arm(b->disk, n, FAULT_CRASH, 1);
    enum cairn_rc rc = cairn_file_replace(b->fs, "f", new_bytes(b), 0600, NULL);
    bool fired = fault_disk_fired(b->disk);
    bool done = rc == CAIRN_OK;
    fault_disk_reboot(b->disk, mode, seed);
    bool is_new = holds(b, "f", new_bytes(b));
    if (done && !is_new) {
        return false; /* acknowledged, and lost */
    }
    assert_true(done != fired);
    return is_new || holds(b, "f", old_bytes(b));
}

static bool survives_every_cut(struct bench *b, unsigned steps)
{
    bool good = true;
    for (unsigned n = 1; n <= steps + 1; n++) {
        for (size_t mode = 0; mode < CAIRN_ARRAY_LEN(MODES); mode++) {
            for (uint64_t seed = 0; seed < (MODES[mode] == FAULT_TEAR ? SEEDS : 1); seed++) {
                good = cut_and_look(b, n, MODES[mode], seed) && good;
            }
        }
    }
    return good;
}

static void a_power_cut_at_any_step_leaves_the_old_file_or_the_new(void **state)
{
    struct bench *b = *state;
    unsigned steps = count_steps(b, cairn_file_replace);
    assert_int_equal(steps, 7); /* unlink, open, allocate, write, fsync, rename, sync_dir */
    assert_true(survives_every_cut(b, steps));
    /* and the next write works, whatever the cut left */
    assert_int_equal(cairn_file_replace(b->fs, "f", old_bytes(b), 0600, NULL), CAIRN_OK);
}

static void a_replace_without_fsync_or_directory_fsync_is_caught(void **state)
{
    struct bench *b = *state;
    unsigned steps = count_steps(b, cairn_file_replace);
    fault_disk_skip(b->disk, FAULT_SKIP_FSYNC);
    assert_false(survives_every_cut(b, steps));
    fault_disk_skip(b->disk, FAULT_SKIP_SYNC_DIR);
    assert_false(survives_every_cut(b, steps));
    fault_disk_skip(b->disk, 0);
    assert_true(survives_every_cut(b, steps));
}

static const char *code_of_step(unsigned n, enum fault_kind kind)
{
    static const char *const codes[] = {"file.write", "file.write", "file.write", "file.write",
                                        "file.sync",  "file.write", "file.sync"};
    return kind == FAULT_ENOSPC ? "file.full" : codes[n - 1];
}

static void each_step_of_a_replace_that_fails_is_reported_and_keeps_the_old_file(void **state)
{
    struct bench *b = *state;
    unsigned steps = count_steps(b, cairn_file_replace);
    static const enum fault_kind kinds[] = {FAULT_EIO, FAULT_ENOSPC};
    for (size_t k = 0; k < CAIRN_ARRAY_LEN(kinds); k++) {
        for (unsigned n = 1; n <= steps; n++) {
            struct cairn_err err = {0};
            fault_disk_put(b->disk, "f", old_bytes(b));
            fault_disk_arm(b->disk, n, kinds[k], 1);
            assert_int_equal(cairn_file_replace(b->fs, "f", new_bytes(b), 0600, &err), CAIRN_E_IO);
            assert_true(fault_disk_fired(b->disk));
            assert_string_equal(err.code, code_of_step(n, kinds[k]));
            assert_int_equal(err.cause, kinds[k] == FAULT_EIO ? EIO : ENOSPC);
            assert_int_equal(fault_disk_open_files(b->disk), 0);
            CAIRN_BUF litter = {0};
            assert_false(n > 1 && fault_disk_get(b->disk, ".f.tmp", &litter));
            if (n < steps) { /* the directory fsync alone fails after the new file shows */
                fault_disk_reboot(b->disk, FAULT_KEEP_ALL, 0);
                assert_true(holds(b, "f", old_bytes(b)));
            }
        }
    }
}

static void short_writes_and_interruptions_go_on_to_the_end(void **state)
{
    struct bench *b = *state;
    for (unsigned n = 2; n <= 4; n += 2) { /* open and write */
        fault_disk_put(b->disk, "f", old_bytes(b));
        fault_disk_arm(b->disk, n, n == 2 ? FAULT_EINTR : FAULT_SHORT, 3);
        assert_int_equal(cairn_file_replace(b->fs, "f", new_bytes(b), 0600, NULL), CAIRN_OK);
        assert_true(holds(b, "f", new_bytes(b)));
    }
    fault_disk_arm(b->disk, 4, FAULT_EINTR, UINT_MAX); /* but not for ever */
    struct cairn_err err = {0};
    assert_int_equal(cairn_file_replace(b->fs, "f", old_bytes(b), 0600, &err), CAIRN_E_IO);
    assert_int_equal(err.cause, EINTR);
    fault_disk_arm(b->disk, 0, FAULT_EIO, 0);
    assert_true(holds(b, "f", new_bytes(b)));
}

static void empty_files_are_files(void **state)
{
    struct bench *b = *state;
    CAIRN_BUF bytes = {0};
    assert_int_equal(cairn_file_replace(b->fs, "f", (struct cairn_span){0}, 0600, NULL), CAIRN_OK);
    assert_int_equal(cairn_file_overwrite(b->fs, "g", (struct cairn_span){0}, 0600, NULL), CAIRN_OK);
    assert_int_equal(cairn_file_read(b->fs, "f", 0, &bytes, NULL), CAIRN_OK);
    assert_int_equal(bytes.len, 0);
    assert_true(cairn_file_exists(b->fs, "g"));
}

static void an_overwritten_slot_holds_exactly_the_bytes(void **state)
{
    struct bench *b = *state;
    assert_int_equal(cairn_file_overwrite(b->fs, "f", new_bytes(b), 0600, NULL), CAIRN_OK);
    fault_disk_reboot(b->disk, FAULT_DROP_ALL, 0);
    assert_true(holds(b, "f", new_bytes(b)));
    assert_int_equal(cairn_file_overwrite(b->fs, "f", old_bytes(b), 0600, NULL), CAIRN_OK); /* shorter */
    fault_disk_reboot(b->disk, FAULT_DROP_ALL, 0);
    assert_true(holds(b, "f", old_bytes(b)));
}

static void an_overwrite_that_is_acknowledged_survives_every_power_cut(void **state)
{
    struct bench *b = *state;
    unsigned steps = count_steps(b, cairn_file_overwrite);
    assert_int_equal(steps, 6); /* open, allocate, write, fsync, sync_dir, drop_cache */
    for (unsigned n = 1; n <= steps + 1; n++) {
        for (uint64_t seed = 0; seed < SEEDS; seed++) {
            fault_disk_remove(b->disk, "f");
            fault_disk_arm(b->disk, n, FAULT_CRASH, 1);
            enum cairn_rc rc = cairn_file_overwrite(b->fs, "f", new_bytes(b), 0600, NULL);
            assert_int_equal(rc, n <= steps ? CAIRN_E_IO : CAIRN_OK);
            fault_disk_reboot(b->disk, FAULT_TEAR, seed);
            assert_true(rc != CAIRN_OK || holds(b, "f", new_bytes(b)));
        }
    }
}

static void an_overwrite_without_fsync_or_directory_fsync_is_lost(void **state)
{
    struct bench *b = *state;
    static const unsigned skips[] = {FAULT_SKIP_FSYNC, FAULT_SKIP_SYNC_DIR};
    for (size_t i = 0; i < CAIRN_ARRAY_LEN(skips); i++) {
        fault_disk_skip(b->disk, skips[i]);
        assert_int_equal(cairn_file_overwrite(b->fs, "f", new_bytes(b), 0600, NULL), CAIRN_OK);
        fault_disk_reboot(b->disk, FAULT_DROP_ALL, 0);
        assert_false(holds(b, "f", new_bytes(b)));
        fault_disk_remove(b->disk, "f");
    }
}

static void a_torn_slot_is_possible_so_two_copies_are_needed(void **state)
{
    struct bench *b = *state;
    bool torn = false;
    for (uint64_t seed = 0; seed < SEEDS; seed++) {
        uint8_t before[NEW_LEN] = {0};
        fault_disk_put(b->disk, "f", CAIRN_SPAN(before));
        fault_disk_arm(b->disk, 4, FAULT_CRASH, 1);
        assert_int_equal(cairn_file_overwrite(b->fs, "f", new_bytes(b), 0600, NULL), CAIRN_E_IO);
        fault_disk_reboot(b->disk, FAULT_TEAR, seed);
        torn = torn || (!holds(b, "f", CAIRN_SPAN(before)) && !holds(b, "f", new_bytes(b)));
    }
    assert_true(torn);
}

static void one_failure_at_any_step_of_an_overwrite_is_healed_by_the_second_try(void **state)
{
    struct bench *b = *state;
    for (unsigned n = 1; n <= 6; n++) {
        fault_disk_put(b->disk, "f", old_bytes(b));
        fault_disk_arm(b->disk, n, FAULT_EIO, 1);
        assert_int_equal(cairn_file_overwrite(b->fs, "f", new_bytes(b), 0600, NULL), CAIRN_OK);
        assert_true(fault_disk_fired(b->disk));
        fault_disk_reboot(b->disk, FAULT_DROP_ALL, 0);
        assert_true(holds(b, "f", new_bytes(b)));
    }
}

static void a_lasting_failure_of_an_overwrite_is_reported(void **state)
{
    struct bench *b = *state;
    static const char *const codes[] = {"file.write", "file.write", "file.write", "file.sync", "file.sync", "file.readback"};
    for (unsigned n = 1; n <= CAIRN_ARRAY_LEN(codes); n++) {
        struct cairn_err err = {0};
        fault_disk_put(b->disk, "f", old_bytes(b));
        fault_disk_arm(b->disk, n, FAULT_EIO, 1);
        enum cairn_rc first = cairn_file_overwrite(b->fs, "f", new_bytes(b), 0600, &err);
        assert_int_equal(first, CAIRN_OK);
        assert_string_equal(err.code, codes[n - 1]); /* of the first try */
        fault_disk_arm(b->disk, n, FAULT_EIO, UINT_MAX);
        assert_int_equal(cairn_file_overwrite(b->fs, "f", new_bytes(b), 0600, &err), CAIRN_E_IO);
        fault_disk_arm(b->disk, n, FAULT_ENOSPC, UINT_MAX);
        assert_int_equal(cairn_file_overwrite(b->fs, "f", new_bytes(b), 0600, &err), CAIRN_E_IO);
        assert_string_equal(err.code, "file.full");
        assert_int_equal(fault_disk_open_files(b->disk), 0);
    }
}

static void a_medium_that_lies_once_is_written_again_and_one_that_always_lies_is_reported(void **state)
{
    struct bench *b = *state;
    struct cairn_err err = {0};
    fault_disk_lie(b->disk, 1, 1);
    assert_int_equal(cairn_file_overwrite(b->fs, "f", new_bytes(b), 0600, NULL), CAIRN_OK);
    fault_disk_reboot(b->disk, FAULT_DROP_ALL, 0);
    assert_true(holds(b, "f", new_bytes(b)));
    fault_disk_lie(b->disk, 1, UINT_MAX);
    assert_int_equal(cairn_file_overwrite(b->fs, "f", new_bytes(b), 0600, &err), CAIRN_E_IO);
    assert_string_equal(err.code, "file.readback");
}

static void without_the_drop_of_the_cache_the_lie_would_not_be_seen(void **state)
{
    struct bench *b = *state;
    fault_disk_skip(b->disk, FAULT_SKIP_DROP_CACHE);
    fault_disk_lie(b->disk, 1, UINT_MAX);
    assert_int_equal(cairn_file_overwrite(b->fs, "f", new_bytes(b), 0600, NULL), CAIRN_OK);
    assert_true(holds(b, "f", new_bytes(b)));
    fault_disk_reboot(b->disk, FAULT_DROP_ALL, 0);
    assert_false(holds(b, "f", new_bytes(b)));
}

static void a_failed_fsync_is_never_followed_by_another_on_the_same_write(void **state)
{
    struct bench *b = *state;
    /* the disk calls the lost sectors clean, as Linux does: only a whole new write may succeed */
    fault_disk_put(b->disk, "f", old_bytes(b));
    fault_disk_arm(b->disk, 4, FAULT_EIO, 1);
    unsigned writes = fault_disk_counts(b->disk).pwrite;
    assert_int_equal(cairn_file_overwrite(b->fs, "f", new_bytes(b), 0600, NULL), CAIRN_OK);
    assert_int_equal(fault_disk_counts(b->disk).pwrite - writes, 2);
    fault_disk_reboot(b->disk, FAULT_DROP_ALL, 0);
    assert_true(holds(b, "f", new_bytes(b)));
}

static void reads_whole_files_within_the_limit(void **state)
{
    struct bench *b = *state;
    CAIRN_BUF bytes = {0};
    struct cairn_err err = {0};
    uint8_t *big = malloc(200000);
    memset(big, 7, 200000);
    fault_disk_put(b->disk, "big", cairn_span(big, 200000));
    assert_int_equal(cairn_file_read(b->fs, "big", 200000, &bytes, NULL), CAIRN_OK);
    assert_true(cairn_span_equal(cairn_buf_span(&bytes), cairn_span(big, 200000)));
    assert_int_equal(cairn_file_read(b->fs, "big", 199999, &bytes, &err), CAIRN_E_IO);
    assert_string_equal(err.code, "file.large");
    assert_int_equal(bytes.len, 200000);
    assert_int_equal(cairn_file_read(b->fs, "none", 9, &bytes, &err), CAIRN_E_IO);
    assert_string_equal(err.code, "file.absent");
    assert_int_equal(err.cause, ENOENT);
    fault_disk_arm(b->disk, 1, FAULT_CRASH, 1);
    assert_int_equal(cairn_file_remove(b->fs, "big", NULL), CAIRN_E_IO);
    assert_int_equal(cairn_file_read(b->fs, "big", 200000, &bytes, &err), CAIRN_E_IO);
    assert_string_equal(err.code, "file.read");
    fault_disk_reboot(b->disk, FAULT_KEEP_ALL, 0);
    free(big);
}

static void a_removed_file_stays_removed(void **state)
{
    struct bench *b = *state;
    struct cairn_err err = {0};
    fault_disk_put(b->disk, "f", old_bytes(b));
    assert_int_equal(cairn_file_remove(b->fs, "f", NULL), CAIRN_OK);
    fault_disk_reboot(b->disk, FAULT_DROP_ALL, 0);
    assert_false(cairn_file_exists(b->fs, "f"));
    assert_int_equal(cairn_file_remove(b->fs, "f", NULL), CAIRN_OK);
    fault_disk_put(b->disk, "f", old_bytes(b));
    fault_disk_skip(b->disk, FAULT_SKIP_SYNC_DIR);
    assert_int_equal(cairn_file_remove(b->fs, "f", NULL), CAIRN_OK);
    fault_disk_reboot(b->disk, FAULT_DROP_ALL, 0);
    assert_true(cairn_file_exists(b->fs, "f"));
    fault_disk_skip(b->disk, 0);
    fault_disk_arm(b->disk, 1, FAULT_EIO, 1);
    assert_int_equal(cairn_file_remove(b->fs, "f", &err), CAIRN_E_IO);
    assert_string_equal(err.code, "file.write");
    fault_disk_arm(b->disk, 2, FAULT_EIO, 1);
    assert_int_equal(cairn_file_remove(b->fs, "f", &err), CAIRN_E_IO);
    assert_string_equal(err.code, "file.sync");
}

static void trouble_counts_as_there(void **state)
{
    struct bench *b = *state;
    assert_false(cairn_file_exists(b->fs, "f"));
    fault_disk_arm(b->disk, 1, FAULT_CRASH, 1);
    assert_int_equal(cairn_file_remove(b->fs, "f", NULL), CAIRN_E_IO);
    assert_true(cairn_file_exists(b->fs, "f"));
    assert_true(cairn_file_exists(b->fs, "a/b"));
    fault_disk_reboot(b->disk, FAULT_KEEP_ALL, 0);
}

static void takes_plain_names_only(void **state)
{
    struct bench *b = *state;
    char longest[242];
    memset(longest, 'n', 241);
    longest[241] = '\0';
    const char *const bad[] = {"", ".", "..", "a/b", "/a", "../a", ".f.tmp", longest};
    CAIRN_BUF bytes = {0};
    for (size_t i = 0; i < CAIRN_ARRAY_LEN(bad); i++) {
        struct cairn_err err = {0};
        assert_int_equal(cairn_file_replace(b->fs, bad[i], old_bytes(b), 0600, &err), CAIRN_E_USAGE);
        assert_string_equal(err.code, "file.name");
        assert_int_equal(cairn_file_overwrite(b->fs, bad[i], old_bytes(b), 0600, &err), CAIRN_E_USAGE);
        assert_int_equal(cairn_file_read(b->fs, bad[i], 9, &bytes, &err), CAIRN_E_USAGE);
        assert_int_equal(cairn_file_remove(b->fs, bad[i], &err), CAIRN_E_USAGE);
    }
    assert_int_equal(cairn_file_replace(b->fs, longest + 1, old_bytes(b), 0600, NULL), CAIRN_OK);
    assert_int_equal(cairn_file_replace(b->fs, "..a", old_bytes(b), 0600, NULL), CAIRN_OK);
}

struct listing {
    struct bench *b;
    unsigned num, stop_after;
};

static bool remove_each(void *arg, const char *name)
{
    struct listing *l = arg;
    assert_int_equal(cairn_file_remove(l->b->fs, name, NULL), CAIRN_OK);
    return ++l->num != l->stop_after;
}

static void visits_every_file_also_while_they_are_removed(void **state)
{
    struct bench *b = *state;
    struct listing l = {b, 0, 0};
    struct cairn_err err = {0};
    fault_disk_put(b->disk, ".x.tmp", old_bytes(b));
    for (unsigned i = 0; i < 10; i++) {
        char name[16];
        (void)snprintf(name, sizeof(name), "f%u", i);
        fault_disk_put(b->disk, name, old_bytes(b));
    }
    l.stop_after = 4;
    assert_int_equal(cairn_file_each(b->fs, remove_each, &l, NULL), CAIRN_OK);
    assert_int_equal(l.num, 4);
    l.stop_after = 0;
    assert_int_equal(cairn_file_each(b->fs, remove_each, &l, NULL), CAIRN_OK);
    assert_int_equal(l.num, 10);
    fault_disk_arm(b->disk, 1, FAULT_CRASH, 1);
    assert_int_equal(cairn_file_remove(b->fs, "f0", NULL), CAIRN_E_IO);
    assert_int_equal(cairn_file_each(b->fs, remove_each, &l, &err), CAIRN_E_IO);
    assert_string_equal(err.code, "file.list");
    fault_disk_reboot(b->disk, FAULT_KEEP_ALL, 0);
}

static void a_disk_image_brings_back_what_was(void **state)
{
    struct bench *b = *state;
    fault_disk_put(b->disk, "f", old_bytes(b));
    struct fault_disk *image = fault_disk_copy(b->disk);
    assert_int_equal(cairn_file_replace(b->fs, "f", new_bytes(b), 0600, NULL), CAIRN_OK);
    fault_disk_flip(b->disk, "f", 3, 0);
    assert_false(holds(b, "f", new_bytes(b)));
    fault_disk_restore(b->disk, image);
    assert_true(holds(b, "f", old_bytes(b)));
    fault_disk_free(image);
}

int main(void)
{
#define CASE(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        CASE(a_replaced_file_is_there_after_any_power_cut),
        CASE(a_power_cut_at_any_step_leaves_the_old_file_or_the_new),
        CASE(a_replace_without_fsync_or_directory_fsync_is_caught),
        CASE(each_step_of_a_replace_that_fails_is_reported_and_keeps_the_old_file),
        CASE(short_writes_and_interruptions_go_on_to_the_end),
        CASE(empty_files_are_files),
        CASE(an_overwritten_slot_holds_exactly_the_bytes),
        CASE(an_overwrite_that_is_acknowledged_survives_every_power_cut),
        CASE(an_overwrite_without_fsync_or_directory_fsync_is_lost),
        CASE(a_torn_slot_is_possible_so_two_copies_are_needed),
        CASE(one_failure_at_any_step_of_an_overwrite_is_healed_by_the_second_try),
        CASE(a_lasting_failure_of_an_overwrite_is_reported),
        CASE(a_medium_that_lies_once_is_written_again_and_one_that_always_lies_is_reported),
        CASE(without_the_drop_of_the_cache_the_lie_would_not_be_seen),
        CASE(a_failed_fsync_is_never_followed_by_another_on_the_same_write),
        CASE(reads_whole_files_within_the_limit),
        CASE(a_removed_file_stays_removed),
        CASE(trouble_counts_as_there),
        CASE(takes_plain_names_only),
        CASE(visits_every_file_also_while_they_are_removed),
        CASE(a_disk_image_brings_back_what_was),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
