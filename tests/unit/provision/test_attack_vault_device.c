/* tests/unit/provision/test_attack_vault_device.c -- planted keys, old approvals, copies and repeated writes of a vault, on a
 * real software TPM. The attacker is root in whatever boot state he likes and writes the disk.
 */
#include "unit/provision/world.h"

enum { SALT_AT = 20 };

static enum cairn_rc open_only(struct world *w, struct cairn_err *err)
{
    CAIRN_VAULT *vault = NULL;
    return cairn_vault_open(&w->place, &w->state, &vault, err);
}

/* A vault with the value of `server` for generation 1; record names it afterwards. */
static void write_vault(struct world *w, const char *server, struct cairn_record *record)
{
    const struct cairn_param p = {.name = "server", .value = cairn_span_str(server)};
    CAIRN_SECRET *empty = NULL, *set = NULL;
    OK(cairn_params_empty(&empty, &err));
    OK(cairn_params_put(cairn_secret_span(empty), &p, &set, &err));
    OK(cairn_vault_write(&w->place, cairn_secret_span(set), 1, record, &err));
}

static enum cairn_rc unseal(struct world *w, const struct cairn_record *r, const struct cairn_approval *approval,
                            struct cairn_secret **key, struct cairn_err *err)
{
    struct cairn_sealed sealed = {.public_len = r->sealed_public_len, .private_len = r->sealed_private_len};
    memcpy(sealed.public_area, r->sealed_public, r->sealed_public_len);
    memcpy(sealed.private_area, r->sealed_private, r->sealed_private_len);
    return cairn_tpm_unseal(w->tpm, &sealed, approval, r->bound, key, err);
}

static void keep_approvals(struct world *w, const struct cairn_approvals *approvals)
{
    CAIRN_JSON *json = NULL;
    CAIRN_BUF text = {0};
    OK(cairn_approvals_write(approvals, &json, &err));
    OK(cairn_json_write(json, &text, &err));
    OK(cairn_buf_append(&text, cairn_span_str("\n"), &err));
    OK(cairn_file_replace(w->fs, CAIRN_APPROVALS_FILE, cairn_buf_span(&text), 0600, &err));
}

/* Sealing asks for no approval: only the anchored digest tells whose key it is. */
static void a_storage_key_planted_under_the_same_policy_is_not_opened(void **state)
{
    (void)state;
    struct world *w = world_operational();
    uint8_t bytes[CAIRN_RECORD_LEN];
    struct cairn_record planted = w->state.record;
    world_change_boot(w);
    write_vault(w, "https://evil.example", &planted);
    OK(cairn_record_encode(&planted, bytes, &err));
    OK(cairn_file_replace(w->fs, "record.b", CAIRN_SPAN(bytes), 0600, &err));
    world_reboot(w); /* into the approved state again */
    REFUSES(CAIRN_E_REFUSED, "state.lost", open_only(w, &err));
    assert_string_equal(w->state.lost_why, "the record on disk is not the one the TPM names");
    world_free(w);
}

/* The vault moves to the next floor; what was signed for the floor before opens it no more, whoever asks. */
static void an_approval_of_an_older_floor_opens_no_newer_vault(void **state)
{
    (void)state;
    struct world *w = world_operational();
    struct cairn_record next = w->state.record;
    struct cairn_approvals old = w->approvals;
    struct cairn_secret *key = NULL;
    next.floor = WORLD_FLOOR + 1;
    write_vault(w, "https://example.net", &next);
    world_approve(w, WORLD_FLOOR + 1);
    keep_approvals(w, &w->approvals);
    OK(cairn_state_commit(w->fs, w->tpm, &w->approvals.anchor, &next, &w->state, &err));
    assert_true(world_holds(w, "server", "https://example.net"));
    REFUSES(CAIRN_E_REFUSED, "vault.policy", unseal(w, &w->state.record, &old.vault, &key, &err));
    keep_approvals(w, &old);
    REFUSES(CAIRN_E_REFUSED, "approval.floor", open_only(w, &err));
    old.floor = WORLD_FLOOR + 1; /* the old signatures under the new number */
    keep_approvals(w, &old);
    REFUSES(CAIRN_E_REFUSED, "approval.ref", open_only(w, &err));
    world_free(w);
}

/* The same set, the same generation, as after a torn write: neither key nor salt comes again. */
static void two_writes_of_one_vault_share_neither_key_nor_salt(void **state)
{
    (void)state;
    struct world *w = world_operational();
    struct cairn_record r[2] = {w->state.record, w->state.record};
    struct cairn_buf file[2] = {{0}, {0}};
    struct cairn_secret *key[2] = {NULL, NULL};
    for (unsigned i = 0; i < 2; i++) {
        write_vault(w, "https://example.org", &r[i]);
        OK(cairn_file_read(w->fs, "vault.1", CAIRN_VAULT_FILE_MAX, &file[i], &err));
        OK(unseal(w, &r[i], &w->approvals.vault, &key[i], &err));
    }
    assert_memory_not_equal(cairn_secret_span(key[0]).p, cairn_secret_span(key[1]).p, CAIRN_VAULT_KEY_LEN);
    assert_memory_not_equal(file[0].p + SALT_AT, file[1].p + SALT_AT, CAIRN_VAULT_SALT_LEN);
    for (unsigned i = 0; i < 2; i++) {
        cairn_secret_free(key[i]);
        cairn_buf_clear(&file[i]);
    }
    world_free(w);
}

/* Backups of the state directory are worth nothing elsewhere: the storage key is under this TPM's storage root. */
static void a_copy_of_the_state_does_not_open_on_another_tpm(void **state)
{
    (void)state;
    struct world *w = world_operational(), *other = world_operational();
    struct cairn_secret *key = NULL;
    REFUSES(CAIRN_E_REFUSED, "vault.object", unseal(other, &w->state.record, &w->approvals.vault, &key, &err));
    world_free(w);
    world_free(other);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_storage_key_planted_under_the_same_policy_is_not_opened),
        cmocka_unit_test(an_approval_of_an_older_floor_opens_no_newer_vault),
        cmocka_unit_test(two_writes_of_one_vault_share_neither_key_nor_salt),
        cmocka_unit_test(a_copy_of_the_state_does_not_open_on_another_tpm),
    };
    assert_int_equal(setenv("TSS2_LOG", "all+none", 1), 0);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
