/* storage/vault_device.c and storage/state_device.c on a real software TPM: what opens a vault, what does not, and every cut of
 * a change.
 */
#include "unit/provision/world.h"

#include "support/fault_fs.h"

enum { CC_START_AUTH_SESSION = 0x176 };

static enum cairn_rc open_only(struct world *w, struct cairn_err *err)
{
    CAIRN_VAULT *vault = NULL;
    return cairn_vault_open(&w->place, &w->state, &vault, err);
}

static enum cairn_rc set(struct world *w, const char *name, const char *value, struct cairn_err *err)
{
    CAIRN_VAULT *vault = NULL;
    CAIRN_TRY(cairn_vault_open(&w->place, &w->state, &vault, err));
    CAIRN_TRY(cairn_vault_set(vault, name, cairn_span_str(value), err));
    return cairn_vault_commit(vault, err);
}

static unsigned num_vault_files(struct world *w)
{
    unsigned num = 0;
    char name[24];
    for (unsigned i = 0; i < 64; i++) {
        (void)snprintf(name, sizeof name, "vault.%u", i);
        num += cairn_file_exists(w->fs, name) ? 1 : 0;
    }
    return num;
}

static void a_change_is_anchored_and_survives_a_reboot(void **state)
{
    (void)state;
    struct world *w = world_operational();
    OK(set(w, "site.note", "one", &err));
    assert_int_equal(w->state.record.generation, 2);
    assert_int_equal(w->state.record.vault_file, 2);
    assert_int_equal(num_vault_files(w), 1);
    world_reboot(w);
    assert_int_equal(w->state.record.generation, 2);
    assert_true(world_holds(w, "site.note", "one"));
    assert_true(world_holds(w, "server", "https://example.org"));
    OK(set(w, "site.note", "two", &err));
    world_read(w);
    assert_true(world_holds(w, "site.note", "two"));
    world_free(w);
}

static void every_change_has_a_fresh_storage_key(void **state)
{
    (void)state;
    struct world *w = world_operational();
    uint8_t before[240];
    memcpy(before, w->state.record.sealed_private, sizeof before);
    OK(set(w, "site.note", "one", &err));
    assert_memory_not_equal(before, w->state.record.sealed_private, sizeof before);
    world_free(w);
}

static void what_the_release_fixed_stays(void **state)
{
    (void)state;
    struct world *w = world_operational();
    CAIRN_VAULT *vault = NULL;
    OK(cairn_vault_open(&w->place, &w->state, &vault, &err));
    REFUSES(CAIRN_E_REFUSED, "store.scope", cairn_vault_set(vault, "server", cairn_span_str("evil"), &err));
    REFUSES(CAIRN_E_REFUSED, "store.scope", cairn_vault_set(vault, "luks.key", cairn_span_str("known"), &err));
    REFUSES(CAIRN_E_REFUSED, "store.scope", cairn_vault_remove(vault, "luks.key", &err));
    REFUSES(CAIRN_E_REFUSED, "params.absent", cairn_vault_remove(vault, "nothing", &err));
    REFUSES(CAIRN_E_USAGE, "params.name", cairn_vault_set(vault, "No Name", cairn_span_str("x"), &err));
    OK(cairn_vault_set(vault, "api.token", cairn_span_str("rotated"), &err));
    OK(cairn_vault_commit(vault, &err));
    cairn_vault_freep(&vault);
    assert_true(world_holds(w, "api.token", "rotated"));
    world_free(w);
}

static void an_open_takes_eleven_commands(void **state)
{
    (void)state;
    struct world *w = world_operational();
    OK(open_only(w, &err)); /* the approval's ticket and the handles are cached now */
    world_open(w);
    cairn_tap_reset(w->tap);
    world_read(w);
    assert_int_equal(cairn_tap_count(w->tap), 4);
    cairn_tap_reset(w->tap);
    OK(open_only(w, &err));
    assert_int_equal(cairn_tap_count(w->tap), 7);
    world_free(w);
}

static void no_value_is_on_the_wire(void **state)
{
    (void)state;
    struct world *w = world_operational();
    cairn_tap_reset(w->tap);
    OK(set(w, "site.note", "a value nobody may see", &err));
    assert_true(world_holds(w, "site.note", "a value nobody may see"));
    assert_false(cairn_tap_saw(w->tap, cairn_span_str("a value nobody may see")));
    assert_false(cairn_tap_saw(w->tap, cairn_span_str("token from the server")));
    world_free(w);
}

static void another_boot_state_opens_nothing_and_anchors_nothing(void **state)
{
    (void)state;
    struct world *w = world_operational();
    world_change_boot(w);
    world_open(w);
    world_read(w);
    assert_int_equal(w->state.life, CAIRN_LIFE_OPERATIONAL); /* every boot state reads what the device is */
    REFUSES(CAIRN_E_REFUSED, "vault.boot", open_only(w, &err));
    struct cairn_record next = w->state.record;
    REFUSES(CAIRN_E_REFUSED, "state.boot", cairn_state_commit(w->fs, w->tpm, &w->approvals.anchor, &next, &w->state, &err));
    world_read(w);
    assert_int_equal(w->state.record.generation, 1);
    world_free(w);
}

static void keep_approvals(struct world *w)
{
    CAIRN_JSON *json = NULL;
    CAIRN_BUF text = {0};
    OK(cairn_approvals_write(&w->approvals, &json, &err));
    OK(cairn_json_write(json, &text, &err));
    OK(cairn_buf_append(&text, cairn_span_str("\n"), &err));
    OK(cairn_file_replace(w->fs, CAIRN_APPROVALS_FILE, cairn_buf_span(&text), 0600, &err));
}

static void a_newly_approved_boot_state_opens_the_same_vault(void **state)
{
    (void)state;
    struct world *w = world_operational();
    world_change_boot(w);
    world_approve(w, WORLD_FLOOR);
    keep_approvals(w);
    assert_true(world_holds(w, "server", "https://example.org"));
    OK(set(w, "site.note", "after the update", &err));
    world_free(w);
}

static void an_approval_of_another_floor_opens_nothing(void **state)
{
    (void)state;
    struct world *w = world_operational();
    world_approve(w, WORLD_FLOOR + 1);
    keep_approvals(w);
    REFUSES(CAIRN_E_REFUSED, "approval.floor", open_only(w, &err));
    OK(cairn_file_remove(w->fs, CAIRN_APPROVALS_FILE, &err));
    REFUSES(CAIRN_E_REFUSED, "approval.absent", open_only(w, &err));
    world_free(w);
}

static void an_old_approval_does_not_open_at_a_forged_floor(void **state)
{
    (void)state;
    struct world *w = world_operational();
    w->state.record.floor = WORLD_FLOOR + 1; /* as if the record said so: the sealed key's policy still decides */
    world_approve(w, WORLD_FLOOR + 1);
    keep_approvals(w);
    REFUSES(CAIRN_E_REFUSED, "vault.policy", open_only(w, &err));
    world_free(w);
}

static void a_moved_epoch_kills_the_vault_and_not_the_state(void **state)
{
    (void)state;
    struct world *w = world_operational();
    OK(cairn_tpm_epoch_increment(w->tpm, &err));
    world_read(w);
    assert_int_equal(w->state.life, CAIRN_LIFE_OPERATIONAL);
    REFUSES(CAIRN_E_REFUSED, "vault.epoch", open_only(w, &err));
    world_free(w);
}

static void an_altered_or_absent_vault_file_is_refused(void **state)
{
    (void)state;
    struct world *w = world_operational();
    CAIRN_BUF file = {0};
    OK(cairn_file_read(w->fs, "vault.1", CAIRN_VAULT_FILE_MAX, &file, &err));
    file.p[file.len - 1] ^= 1;
    OK(cairn_file_replace(w->fs, "vault.1", cairn_buf_span(&file), 0600, &err));
    REFUSES(CAIRN_E_REFUSED, "vault.digest", open_only(w, &err));
    OK(cairn_file_remove(w->fs, "vault.1", &err));
    REFUSES(CAIRN_E_REFUSED, "vault.absent", open_only(w, &err));
    world_free(w);
}

static void a_record_without_a_vault_says_so(void **state)
{
    (void)state;
    struct world *w = world_operational();
    w->state.record.vault_file = 0;
    REFUSES(CAIRN_E_REFUSED, "vault.absent", open_only(w, &err));
    world_free(w);
}

static void no_change_is_made_during_a_transaction(void **state)
{
    (void)state;
    const enum cairn_phase phases[] = {CAIRN_PHASE_TRIAL, CAIRN_PHASE_COMMITTING, CAIRN_PHASE_RESEALED};
    struct world *w = world_operational();
    for (size_t i = 0; i < CAIRN_ARRAY_LEN(phases); i++) {
        w->state.record.phase = phases[i];
        REFUSES(CAIRN_E_REFUSED, "state.phase", set(w, "site.note", "x", &err));
    }
    world_free(w);
}

static void a_device_without_a_record_opens_no_vault(void **state)
{
    (void)state;
    struct world *w = world_new();
    REFUSES(CAIRN_E_REFUSED, "state.life", open_only(w, &err));
    world_free(w);
}

static void undefine(struct cairn_tap *tap, void *arg)
{
    static const uint8_t COMMAND[] = {0x80, 0x02, 0, 0, 0, 31, 0,    0, 1, 0x22, 0x40, 0, 0, 1, 0x01, 0x80,
                                      0x01, 0x01, 0, 0, 0, 9,  0x40, 0, 0, 9,    0,    0, 0, 0, 0};
    (void)arg;
    assert_true(cairn_tap_inject(tap, CAIRN_SPAN(COMMAND)));
}

static void an_anchor_deleted_by_the_owner_is_state_lost(void **state)
{
    (void)state;
    struct world *w = world_operational();
    cairn_tap_before(w->tap, CC_START_AUTH_SESSION, 1, undefine, NULL);
    world_read(w);
    assert_true(w->state.lost);
    assert_false(w->state.first_allowed);
    assert_string_equal(w->state.lost_why, "a state anchor is absent");
    REFUSES(CAIRN_E_REFUSED, "state.lost", open_only(w, &err));
    world_open(w);
    world_read(w);
    REFUSES(CAIRN_E_REFUSED, "state.lost", open_only(w, &err));
    REFUSES(CAIRN_E_REFUSED, "state.lost", world_install(w, &err));
    world_free(w);
}

/* From here on the disk is fault_fs, the TPM real. */
static struct fault_disk *on_fault_disk(struct world *w)
{
    struct fault_disk *disk = fault_disk_new();
    static const char *const FILES[] = {"record.a", "record.b", "vault.1", CAIRN_APPROVALS_FILE};
    for (size_t i = 0; i < CAIRN_ARRAY_LEN(FILES); i++) {
        CAIRN_BUF file = {0};
        OK(cairn_file_read(w->fs, FILES[i], CAIRN_VAULT_FILE_MAX, &file, &err));
        fault_disk_put(disk, FILES[i], cairn_buf_span(&file));
    }
    w->place.fs = fault_disk_mount(disk);
    return disk;
}

static void read_place(struct world *w)
{
    OK(cairn_state_read(w->place.fs, &w->identity, w->tpm, &w->state, &err));
}

static bool holds_at_place(struct world *w, const char *value)
{
    CAIRN_VAULT *vault = NULL;
    struct cairn_span got = {0};
    OK(cairn_vault_open(&w->place, &w->state, &vault, &err));
    OK(cairn_vault_get(vault, "api.token", &got, &err));
    return cairn_span_equal(got, cairn_span_str(value));
}

static void a_power_cut_at_any_disk_step_leaves_the_old_or_the_new_value(void **state)
{
    (void)state;
    struct world *w = world_operational();
    struct fault_disk *disk = on_fault_disk(w);
    char before[16] = "token from the", after[16];
    OK(set(w, "api.token", before, &err));
    bool fired = true;
    for (unsigned step = 1; fired; step++) {
        (void)snprintf(after, sizeof after, "value %u", step);
        fault_disk_arm(disk, step, FAULT_CRASH, 1);
        enum cairn_rc rc = set(w, "api.token", after, NULL);
        fired = fault_disk_fired(disk);
        fault_disk_reboot(disk, step % 2 == 0 ? FAULT_TEAR : FAULT_DROP_ALL, step);
        read_place(w);
        assert_string_equal(w->state.lost_why, "");
        bool is_new = holds_at_place(w, after);
        assert_true(is_new || holds_at_place(w, before));
        assert_true(is_new || rc != CAIRN_OK); /* what was acknowledged is there */
        if (is_new) {
            memcpy(before, after, sizeof before);
        }
    }
    cairn_fs_free(w->place.fs);
    fault_disk_free(disk);
    world_free(w);
}

static void an_older_disk_does_not_open(void **state)
{
    (void)state;
    struct world *w = world_operational();
    struct fault_disk *disk = on_fault_disk(w);
    struct fault_disk *old = fault_disk_copy(disk);
    OK(set(w, "api.token", "revoked token's successor", &err));
    OK(set(w, "api.token", "and the next", &err));
    fault_disk_restore(disk, old);
    read_place(w);
    assert_true(w->state.lost);
    assert_string_equal(w->state.lost_why, "the record on disk is not the one the TPM names");
    REFUSES(CAIRN_E_REFUSED, "state.lost", open_only(w, &err));
    cairn_fs_free(w->place.fs);
    fault_disk_free(disk);
    fault_disk_free(old);
    world_free(w);
}

static void a_cut_at_any_tpm_command_leaves_the_old_or_the_new_value(void **state)
{
    (void)state;
    const enum cairn_tap_fault faults[] = {CAIRN_TAP_CUT_BEFORE, CAIRN_TAP_CUT_AFTER, CAIRN_TAP_DROP, CAIRN_TAP_SHORT};
    struct world *w = world_operational();
    char before[24] = "token from the server", after[24];
    for (size_t f = 0; f < CAIRN_ARRAY_LEN(faults); f++) {
        for (unsigned n = 1;; n++) {
            (void)snprintf(after, sizeof after, "value %zu %u", f, n);
            cairn_tap_reset(w->tap);
            cairn_tap_break(w->tap, faults[f], n);
            enum cairn_rc rc = set(w, "api.token", after, NULL);
            bool broke = cairn_tap_broke(w->tap);
            cairn_tap_reset(w->tap);
            world_open(w);
            world_read(w);
            assert_string_equal(w->state.lost_why, "");
            bool is_new = world_holds(w, "api.token", after);
            assert_true(is_new || world_holds(w, "api.token", before));
            assert_true(is_new || rc != CAIRN_OK);
            if (is_new) {
                memcpy(before, after, sizeof before);
            }
            if (!broke) {
                assert_true(n > 10);
                break;
            }
        }
    }
    world_free(w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_change_is_anchored_and_survives_a_reboot),
        cmocka_unit_test(every_change_has_a_fresh_storage_key),
        cmocka_unit_test(what_the_release_fixed_stays),
        cmocka_unit_test(an_open_takes_eleven_commands),
        cmocka_unit_test(no_value_is_on_the_wire),
        cmocka_unit_test(another_boot_state_opens_nothing_and_anchors_nothing),
        cmocka_unit_test(a_newly_approved_boot_state_opens_the_same_vault),
        cmocka_unit_test(an_approval_of_another_floor_opens_nothing),
        cmocka_unit_test(an_old_approval_does_not_open_at_a_forged_floor),
        cmocka_unit_test(a_moved_epoch_kills_the_vault_and_not_the_state),
        cmocka_unit_test(an_altered_or_absent_vault_file_is_refused),
        cmocka_unit_test(a_record_without_a_vault_says_so),
        cmocka_unit_test(no_change_is_made_during_a_transaction),
        cmocka_unit_test(a_device_without_a_record_opens_no_vault),
        cmocka_unit_test(an_anchor_deleted_by_the_owner_is_state_lost),
        cmocka_unit_test(a_power_cut_at_any_disk_step_leaves_the_old_or_the_new_value),
        cmocka_unit_test(an_older_disk_does_not_open),
        cmocka_unit_test(a_cut_at_any_tpm_command_leaves_the_old_or_the_new_value),
    };
    assert_int_equal(setenv("TSS2_LOG", "all+none", 1), 0);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
