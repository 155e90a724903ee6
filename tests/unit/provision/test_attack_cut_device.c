/* tests/unit/provision/test_attack_cut_device.c -- a program that dies at any TPM command: nothing it would have done comes
 * after.
 *
 * Unlike a lost answer, which a program may mend by asking again, from command n on nothing reaches the TPM any more; then the
 * device starts again.
 */
#include "unit/provision/world.h"

enum { FOR_EVER = 100000 };

static void die_at(struct world *w, unsigned n)
{
    cairn_tap_reset(w->tap);
    cairn_tap_break(w->tap, CAIRN_TAP_FAIL, n);
    cairn_tap_break_more(w->tap, FOR_EVER);
}

/* The device starts again; true when the program had died. */
static bool start_again(struct world *w)
{
    bool died = cairn_tap_broke(w->tap);
    cairn_tap_reset(w->tap);
    world_open(w);
    world_read(w);
    return died;
}

static void copy_state(struct world *w, const char *from, const char *to)
{
    char command[900];
    const char *dir = cairn_swtpm_dir(w->swtpm);
    (void)snprintf(command, sizeof command, "mkdir -p '%s/%s' && rm -f '%s/%s'/* && cp '%s/%s'/* '%s/%s'", dir, to, dir, to,
                   dir, from, dir, to);
    assert_int_equal(system(command), 0);
}

static void restore_enrolled(struct world *w)
{
    cairn_tpm_close(w->tpm);
    w->tpm = NULL;
    cairn_tap_free(w->tap);
    cairn_swtpm_restore(w->swtpm, "enrolled");
    copy_state(w, "disk.enrolled", "disk");
    w->tap = cairn_tap_new(w->swtpm);
    w->config.given = cairn_tap_context(w->tap);
    world_open(w);
    world_read(w);
    world_grant(w);
}

/* Whole, or nothing and a new grant begins again. */
static void assert_all_or_nothing(struct world *w)
{
    if (!w->state.has_record) {
        assert_true(w->state.first_allowed);
        world_grant(w);
        OK(world_install(w, &err));
    }
    assert_true(world_holds(w, "server", "https://example.org"));
}

static void a_first_provisioning_that_dies_at_any_tpm_command_leaves_nothing_or_all(void **state)
{
    (void)state;
    struct world *w = world_new();
    cairn_tpm_close(w->tpm);
    w->tpm = NULL;
    cairn_swtpm_save(w->swtpm, "enrolled");
    copy_state(w, "disk", "disk.enrolled");
    bool died = true;
    unsigned n = 0;
    while (died) {
        restore_enrolled(w);
        die_at(w, ++n);
        enum cairn_rc rc = world_install(w, NULL);
        died = start_again(w);
        assert_true(died || rc == CAIRN_OK);
        assert_all_or_nothing(w);
    }
    assert_true(n > 30);
    world_free(w);
}

static enum cairn_rc set(struct world *w, const char *value)
{
    CAIRN_VAULT *vault = NULL;
    CAIRN_TRY(cairn_vault_open(&w->place, &w->state, &vault, NULL));
    CAIRN_TRY(cairn_vault_set(vault, "api.token", cairn_span_str(value), NULL));
    return cairn_vault_commit(vault, NULL);
}

static void a_change_that_dies_at_any_tpm_command_leaves_the_old_or_the_new_value(void **state)
{
    (void)state;
    struct world *w = world_operational();
    char before[24] = "token from the server", after[24];
    bool died = true;
    unsigned n = 0;
    while (died) {
        (void)snprintf(after, sizeof after, "value %u", ++n);
        die_at(w, n);
        enum cairn_rc rc = set(w, after);
        died = start_again(w);
        assert_string_equal(w->state.lost_why, "");
        bool is_new = world_holds(w, "api.token", after);
        assert_true(is_new || world_holds(w, "api.token", before));
        assert_int_equal(is_new, rc == CAIRN_OK);
        if (is_new) {
            memcpy(before, after, sizeof before);
        }
    }
    assert_true(n > 10);
    world_free(w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_first_provisioning_that_dies_at_any_tpm_command_leaves_nothing_or_all),
        cmocka_unit_test(a_change_that_dies_at_any_tpm_command_leaves_the_old_or_the_new_value),
    };
    assert_int_equal(setenv("TSS2_LOG", "all+none", 1), 0);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
