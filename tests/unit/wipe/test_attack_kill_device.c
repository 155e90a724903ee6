/* tests/unit/wipe/test_attack_kill_device.c -- after the kill no copy of the vault opens on that TPM, however it was come by.
 *
 * The attacker has every file of every moment and speaks to the TPM himself, in the approved boot state, before Clear.
 */
#include "retire.h"

#include "storage/vault_device.h"
#include "wipe/kill_device.h"

enum { CC_UNSEAL = 0x15E };

/* Writes a vault file for the generation after `record` and seals its key up to record->bound. Nothing is anchored. */
static void write_vault(struct retire *d, const char *value, struct cairn_record *record)
{
    const struct cairn_vault_place place = {d->state, &d->identity, d->tpm};
    const struct cairn_param p = {.name = "disk.key", .value = cairn_span_str(value)};
    CAIRN_SECRET *empty = NULL, *set = NULL;
    OK(d, cairn_params_empty(&empty, &d->err));
    OK(d, cairn_params_put(cairn_secret_span(empty), &p, &set, &d->err));
    OK(d, cairn_vault_write(&place, cairn_secret_span(set), record->generation + 1, record, &d->err));
}

static void anchor(struct retire *d, const struct cairn_record *next, struct cairn_state *state)
{
    struct cairn_approvals a = {0};
    OK(d, cairn_state_approvals(d->state, &d->identity, &a, &d->err));
    OK(d, cairn_state_commit(d->state, d->tpm, &a.anchor, next, state, &d->err));
}

static void read_state(struct retire *d, struct cairn_state *state)
{
    memset(state, 0, sizeof *state);
    OK(d, cairn_state_read(d->state, &d->identity, d->tpm, state, &d->err));
}

static struct retire *with_vault(struct cairn_state *state)
{
    struct retire *d = retire_new();
    read_state(d, state);
    struct cairn_record next = state->record;
    write_vault(d, "the anchored value", &next);
    anchor(d, &next, state);
    return d;
}

static enum cairn_rc open_vault(struct retire *d, struct cairn_state *state)
{
    const struct cairn_vault_place place = {d->state, &d->identity, d->tpm};
    CAIRN_VAULT *vault = NULL;
    return cairn_vault_open(&place, state, &vault, &d->err);
}

/* Straight to the TPM: an attacker does not ask which record holds. */
static enum cairn_rc open_sealed(struct retire *d, const struct cairn_record *r)
{
    struct cairn_approvals a = {0};
    struct cairn_sealed sealed = {.public_len = r->sealed_public_len, .private_len = r->sealed_private_len};
    CAIRN_SECRET *key = NULL;
    memcpy(sealed.public_area, r->sealed_public, r->sealed_public_len);
    memcpy(sealed.private_area, r->sealed_private, r->sealed_private_len);
    CAIRN_TRY(cairn_state_approvals(d->state, &d->identity, &a, &d->err));
    return cairn_tpm_unseal(d->tpm, &sealed, &a.vault, r->bound, &key, &d->err);
}

static void reboot(struct retire *d)
{
    cairn_tpm_close(d->tpm);
    d->tpm = NULL;
    cairn_swtpm_reboot(d->swtpm);
    OK(d, retire_open(d));
}

/* The order, up to and with the kill; then a fresh boot in the approved state. Nothing is cleared. */
static void kill_and_reboot(struct retire *d)
{
    uint64_t counter = 0;
    OK(d, retire_accept(d));
    d->stop_after = 4; /* before the media */
    REFUSES(d, "wipe.interrupted", retire_resume(d));
    reboot(d);
    OK(d, cairn_tpm_epoch_read(d->tpm, &counter, &d->err));
    assert_true(counter == d->epoch + 2);
}

static void a_copy_of_the_state_taken_before_does_not_open_after_the_kill(void **state CAIRN_UNUSED)
{
    struct cairn_state before;
    RETIRE *d = with_vault(&before);
    OK(d, open_vault(d, &before));
    d->image = fault_disk_copy(d->disk);
    kill_and_reboot(d);
    fault_disk_restore(d->disk, d->image);
    struct cairn_state now;
    read_state(d, &now);
    assert_true(now.lost);
    REFUSES(d, "state.lost", open_vault(d, &now));
    REFUSES(d, "vault.epoch", open_vault(d, &before)); /* as if the record were believed */
    REFUSES(d, "vault.epoch", open_sealed(d, &before.record));
}

static void a_vault_sealed_by_an_aborted_commit_does_not_open_after_the_kill(void **state CAIRN_UNUSED)
{
    struct cairn_state before;
    RETIRE *d = with_vault(&before);
    struct cairn_record aborted = before.record;
    write_vault(d, "never anchored", &aborted);
    OK(d, open_sealed(d, &aborted));
    kill_and_reboot(d);
    REFUSES(d, "vault.epoch", open_sealed(d, &aborted));
}

/* Anchored and sealed one epoch ahead: the one step of a transaction at which a key outlives an increment. */
static void killed_ahead(bool lost)
{
    struct cairn_state before;
    RETIRE *d = with_vault(&before);
    struct cairn_record ahead = before.record;
    ahead.phase = CAIRN_PHASE_RESEALED;
    ahead.bound = ahead.epoch + 1;
    write_vault(d, "sealed ahead", &ahead);
    anchor(d, &ahead, &before);
    OK(d, open_sealed(d, &ahead));
    if (lost) {
        fault_disk_remove(d->disk, "record.a");
        fault_disk_remove(d->disk, "record.b");
    }
    kill_and_reboot(d);
    REFUSES(d, "vault.epoch", open_sealed(d, &ahead));
}

static void a_key_sealed_ahead_by_a_transaction_does_not_open_after_the_kill(void **state CAIRN_UNUSED)
{
    killed_ahead(false);
}

static void a_key_sealed_ahead_does_not_open_when_the_kill_knows_no_record(void **state CAIRN_UNUSED)
{
    killed_ahead(true);
}

/* Between the anchored order and the kill, consumers are asked to stop: from then on nobody gets keys. */
static void a_device_that_is_being_retired_opens_no_vault(void **state CAIRN_UNUSED)
{
    struct cairn_state now;
    RETIRE *d = with_vault(&now);
    OK(d, retire_accept(d));
    d->stop_after = 2; /* the order is anchored, no more */
    REFUSES(d, "wipe.interrupted", retire_resume(d));
    read_state(d, &now);
    assert_int_equal(now.life, CAIRN_LIFE_DECOMMISSIONING);
    REFUSES(d, "state.life", open_vault(d, &now));
}

/* What the hook needs: a second program that does the kill. */
struct killer {
    struct retire *d;
    struct cairn_tpm *tpm;
    bool done;
};

static void kill_now(struct cairn_tap *tap CAIRN_UNUSED, void *arg)
{
    struct killer *k = arg;
    struct retire *d = k->d;
    CAIRN_BUF receipt = {0};
    const struct cairn_kill_ask ask = {.statement = &d->identity.statement,
                                       .order = &d->order,
                                       .entry = &d->order.devices[0],
                                       .target = cairn_order_floor(&d->order.devices[0])};
    OK(d, cairn_kill_run(k->tpm, &ask, &receipt, &d->err));
    k->done = true;
}

/* The object is loaded and its session satisfied, and then the kill happens: the counter alone would not end that session. */
static void an_object_loaded_in_a_satisfied_session_does_not_open_after_the_kill(void **state CAIRN_UNUSED)
{
    struct cairn_state before;
    RETIRE *d = with_vault(&before);
    struct cairn_tpm_config config = cairn_tpm_config_default();
    struct killer k = {.d = d};
    config.given = cairn_tap_context(d->tap);
    OK(d, cairn_tpm_open(&config, &k.tpm, &d->err));
    OK(d, cairn_identity_pin(&d->identity, k.tpm, &d->err));
    cairn_tap_before(d->tap, CC_UNSEAL, 1, kill_now, &k);
    REFUSES(d, "vault.boot", open_sealed(d, &before.record));
    assert_true(k.done);
    cairn_tpm_close(k.tpm);
    reboot(d);
    REFUSES(d, "vault.epoch", open_sealed(d, &before.record));
}

static enum cairn_rc kill_as(struct retire *d, const struct cairn_statement *s)
{
    CAIRN_BUF receipt = {0};
    const struct cairn_kill_ask ask = {
        .statement = s, .order = &d->order, .entry = &d->order.devices[0], .target = cairn_order_floor(&d->order.devices[0])};
    return cairn_kill_run(d->tpm, &ask, &receipt, &d->err);
}

static void a_kill_that_is_repeated_does_not_move_the_counter_again(void **state CAIRN_UNUSED)
{
    RETIRE *d = retire_new();
    uint64_t counter = 0;
    for (unsigned i = 0; i < 2; i++) {
        OK(d, kill_as(d, &d->identity.statement));
        OK(d, cairn_tpm_epoch_read(d->tpm, &counter, &d->err));
        assert_true(counter == d->epoch + 2);
    }
}

/* The device itself checks what the TPM certified before it believes its own kill. */
static void a_kill_certified_by_another_key_than_the_enrolled_is_noticed(void **state CAIRN_UNUSED)
{
    RETIRE *d = retire_new();
    struct cairn_statement other = d->identity.statement;
    other.ak = d->keys.statement.ak;
    other.ak_name = d->keys.statement.ak_name;
    d->order.devices[0].ak = other.ak_name;
    REFUSES(d, "attestation.signer", kill_as(d, &other));
}

int main(void)
{
    (void)setenv("TSS2_LOG", "all+none", 1);
    crypt_set_log_callback(NULL, retire_quiet, NULL);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_copy_of_the_state_taken_before_does_not_open_after_the_kill),
        cmocka_unit_test(a_vault_sealed_by_an_aborted_commit_does_not_open_after_the_kill),
        cmocka_unit_test(a_key_sealed_ahead_by_a_transaction_does_not_open_after_the_kill),
        cmocka_unit_test(a_key_sealed_ahead_does_not_open_when_the_kill_knows_no_record),
        cmocka_unit_test(a_device_that_is_being_retired_opens_no_vault),
        cmocka_unit_test(an_object_loaded_in_a_satisfied_session_does_not_open_after_the_kill),
        cmocka_unit_test(a_kill_that_is_repeated_does_not_move_the_counter_again),
        cmocka_unit_test(a_kill_certified_by_another_key_than_the_enrolled_is_noticed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
