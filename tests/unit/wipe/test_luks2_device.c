/* tests/unit/wipe/test_luks2_device.c -- a real LUKS2 file: every key destroyed, the header gone from the medium, a copy named.
 *
 * Covers drivers/luks2_device.c and inventory_device.c.
 */
#include "retire.h"

struct medium {
    char path[64];
    struct cairn_wipe_settings settings;
    struct cairn_plan plan;
};

static void make_container(const char *path)
{
    struct retire *d = calloc(1, sizeof *d);
    assert_non_null(d);
    (void)snprintf(d->golden, sizeof d->golden, "%s", path);
    retire_luks(d);
    free(d);
}

static void medium_freep(struct medium **m)
{
    (void)unlink((*m)->path);
    cairn_plan_clear(&(*m)->plan);
    free(*m);
}
#define MEDIUM CAIRN_CLEANUP(medium_freep) struct medium

static struct medium *medium_new(void)
{
    struct medium *m = calloc(1, sizeof *m);
    assert_non_null(m);
    (void)snprintf(m->path, sizeof m->path, "/tmp/cairn-luks-XXXXXX");
    int fd = mkstemp(m->path);
    assert_true(fd >= 0 && close(fd) == 0);
    make_container(m->path);
    m->settings.num_targets = 1;
    (void)snprintf(m->settings.targets[0].name, sizeof m->settings.targets[0].name, "data");
    (void)snprintf(m->settings.targets[0].driver, sizeof m->settings.targets[0].driver, "luks2");
    (void)snprintf(m->settings.targets[0].path, sizeof m->settings.targets[0].path, "%s", m->path);
    assert_int_equal(cairn_inventory(&m->settings, &m->plan, NULL), CAIRN_OK);
    return m;
}

static bool passphrase_opens(const char *path)
{
    struct crypt_device *cd = NULL;
    bool opens = crypt_init(&cd, path) == 0 && crypt_load(cd, CRYPT_LUKS2, NULL) == 0 &&
                 crypt_activate_by_passphrase(cd, NULL, 0, "correct horse", 13, 0) >= 0;
    crypt_free(cd);
    return opens;
}

static void plans_a_container_without_touching_it(void **state CAIRN_UNUSED)
{
    MEDIUM *m = medium_new();
    const struct cairn_plan_target *t = &m->plan.targets[0];
    assert_true(t->handled);
    assert_true(t->area_bytes >= (2u * 16384 + (512u << 10)) && t->area_bytes % 512 == 0);
    assert_int_equal(t->medium.method, CAIRN_METHOD_CLEAR);
    assert_int_equal(t->medium.evidence, CAIRN_EVIDENCE_SOFTWARE);
    assert_true(passphrase_opens(m->path));
}

/* What a link names today is not what it names after a reboot, and erasing does not follow it: the plan says so beforehand. */
static void plans_nothing_for_a_symbolic_link(void **state CAIRN_UNUSED)
{
    MEDIUM *m = medium_new();
    char link[80];
    (void)snprintf(link, sizeof link, "%s.link", m->path);
    assert_int_equal(symlink(m->path, link), 0);
    (void)snprintf(m->settings.targets[0].path, sizeof m->settings.targets[0].path, "%s", link);
    assert_int_equal(cairn_inventory(&m->settings, &m->plan, NULL), CAIRN_OK);
    (void)unlink(link);
    assert_false(m->plan.targets[0].handled);
    assert_true(passphrase_opens(m->path));
}

static void destroys_bound_and_unbound_keyslots_tokens_and_both_headers(void **state CAIRN_UNUSED)
{
    MEDIUM *m = medium_new();
    struct cairn_media_entry e = {0};
    CAIRN_BUF bytes = {0};
    cairn_inventory_erase(&m->plan.targets[0], 5, &e);
    assert_string_equal(e.code, "");
    assert_int_equal(e.result, CAIRN_RESULT_ERASED);
    assert_int_equal(e.keyslots, 2);
    assert_int_equal(e.tokens, 1);
    assert_string_equal(e.cipher, "aes-xts-plain64 512");
    assert_true(e.bytes_wiped == m->plan.targets[0].area_bytes && e.ended_s >= e.started_s);
    assert_false(passphrase_opens(m->path));
    assert_int_equal(cairn_path_read(m->path, 8 << 20, &bytes, NULL), CAIRN_OK);
    for (size_t i = 0; i < e.bytes_wiped; i++) {
        assert_int_equal(bytes.p[i], 0);
    }
    uint8_t want[32] = {0};
    assert_int_equal(cairn_sha256(cairn_span(bytes.p, e.bytes_wiped), want, NULL), CAIRN_OK);
    assert_memory_equal(want, e.read_back, 32);
}

static void erasing_again_after_a_cut_gives_the_same_end(void **state CAIRN_UNUSED)
{
    MEDIUM *m = medium_new();
    struct cairn_media_entry e = {0};
    cairn_inventory_erase(&m->plan.targets[0], 5, &e);
    cairn_inventory_erase(&m->plan.targets[0], 5, &e);
    assert_int_equal(e.result, CAIRN_RESULT_ERASED);
    assert_int_equal(e.keyslots, 0);
}

/* A header copy kept elsewhere still opens: that is why the certificate names copies (CHECKS 46). */
static void a_restored_header_backup_still_opens(void **state CAIRN_UNUSED)
{
    MEDIUM *m = medium_new();
    struct cairn_media_entry e = {0};
    char backup[80];
    (void)snprintf(backup, sizeof backup, "%s.backup", m->path);
    copy_file(m->path, backup);
    cairn_inventory_erase(&m->plan.targets[0], 5, &e);
    assert_false(passphrase_opens(m->path));
    copy_file(backup, m->path);
    assert_true(passphrase_opens(m->path));
    assert_int_equal(unlink(backup), 0);
}

static void a_medium_it_does_not_know_is_unhandled_and_untouched(void **state CAIRN_UNUSED)
{
    MEDIUM *m = medium_new();
    struct cairn_media_entry e = {0};
    CAIRN_BUF before = {0};
    CAIRN_BUF after = {0};
    (void)snprintf(m->settings.targets[0].driver, sizeof m->settings.targets[0].driver, "nvme");
    assert_int_equal(cairn_inventory(&m->settings, &m->plan, NULL), CAIRN_OK);
    assert_false(m->plan.targets[0].handled);
    assert_int_equal(cairn_path_read(m->path, 8 << 20, &before, NULL), CAIRN_OK);
    cairn_inventory_erase(&m->plan.targets[0], 5, &e);
    assert_int_equal(e.result, CAIRN_RESULT_UNHANDLED);
    assert_string_equal(e.code, "media.unhandled");
    assert_int_equal(cairn_path_read(m->path, 8 << 20, &after, NULL), CAIRN_OK);
    assert_true(cairn_span_equal(cairn_buf_span(&before), cairn_buf_span(&after)));
}

static void a_plain_file_is_not_a_container(void **state CAIRN_UNUSED)
{
    MEDIUM *m = medium_new();
    assert_int_equal(cairn_path_write(m->path, cairn_span_str("no header here"), 0600, NULL), CAIRN_OK);
    assert_int_equal(cairn_inventory(&m->settings, &m->plan, NULL), CAIRN_OK);
    assert_false(m->plan.targets[0].handled);
    assert_non_null(strstr(m->plan.targets[0].not_covered, "no LUKS2 header"));
}

static void refuses_doubled_names_and_paths_that_no_document_can_hold(void **state CAIRN_UNUSED)
{
    MEDIUM *m = medium_new();
    struct cairn_err err = {0};
    m->settings.num_targets = 2;
    m->settings.targets[1] = m->settings.targets[0];
    assert_int_not_equal(cairn_inventory(&m->settings, &m->plan, &err), CAIRN_OK);
    assert_string_equal(err.code, "wipe.targets");
    m->settings.num_targets = 1;
    (void)snprintf(m->settings.targets[0].path, sizeof m->settings.targets[0].path, "/tmp/\"x\"");
    assert_int_not_equal(cairn_inventory(&m->settings, &m->plan, &err), CAIRN_OK);
    assert_string_equal(err.code, "wipe.targets");
}

static void tells_a_medium_that_cannot_be_written(void **state CAIRN_UNUSED)
{
    MEDIUM *m = medium_new();
    struct cairn_media_entry e = {0};
    struct cairn_plan_target t = m->plan.targets[0];
    assert_int_equal(unlink(m->path), 0);
    cairn_inventory_erase(&t, 5, &e);
    assert_int_equal(e.result, CAIRN_RESULT_FAILED);
    assert_string_equal(e.code, "media.open");
    t.area_bytes = 0;
    cairn_inventory_erase(&t, 5, &e);
    assert_string_equal(e.code, "media.area");
}

int main(void)
{
    crypt_set_log_callback(NULL, retire_quiet, NULL);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(plans_a_container_without_touching_it),
        cmocka_unit_test(plans_nothing_for_a_symbolic_link),
        cmocka_unit_test(destroys_bound_and_unbound_keyslots_tokens_and_both_headers),
        cmocka_unit_test(erasing_again_after_a_cut_gives_the_same_end),
        cmocka_unit_test(a_restored_header_backup_still_opens),
        cmocka_unit_test(a_medium_it_does_not_know_is_unhandled_and_untouched),
        cmocka_unit_test(a_plain_file_is_not_a_container),
        cmocka_unit_test(refuses_doubled_names_and_paths_that_no_document_can_hold),
        cmocka_unit_test(tells_a_medium_that_cannot_be_written),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
