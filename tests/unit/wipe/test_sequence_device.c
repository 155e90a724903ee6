/* tests/unit/wipe/test_sequence_device.c -- the whole wipe on a real software TPM: cut at every step, resumed, and refused.
 *
 * Covers sequence_device.c, accept_device.c, kill_device.c, tpm_erasure_device.c, plan_device.c, inventory_device.c and
 * consumers_device.c together; drivers/luks2_device.c has a test of its own.
 */
#include <signal.h>
#include <sys/wait.h>
#include <time.h>

#include "retire.h"

static bool long_mode(void)
{
    return getenv("CAIRN_LONG") != NULL;
}

/* CAIRN_WIPE_VECTORS names a directory to renew tests/vectors/wipe from: what a genuine run delivered, with its root. */
static void keep_vectors(struct retire *d)
{
    static const char *const NAMES[] = {"kill.json", "start.json", "certificate.json"};
    const char *dir = getenv("CAIRN_WIPE_VECTORS");
    char path[512];
    for (size_t i = 0; dir != NULL && i < CAIRN_ARRAY_LEN(NAMES); i++) {
        CAIRN_BUF file = {0};
        (void)snprintf(path, sizeof path, "%s/%s", dir, NAMES[i]);
        OK(d, cairn_file_read(d->out, NAMES[i], 1 << 20, &file, &d->err));
        OK(d, cairn_path_write(path, cairn_buf_span(&file), 0644, &d->err));
    }
    if (dir != NULL) {
        (void)snprintf(path, sizeof path, "%s/root.dsse", dir);
        OK(d, cairn_path_write(path, cairn_buf_span(&d->keys.root_file), 0644, &d->err));
        (void)snprintf(path, sizeof path, "%s/order.dsse", dir);
        OK(d, cairn_path_write(path, cairn_buf_span(&d->order_file), 0644, &d->err));
        (void)snprintf(path, sizeof path, "%s/statement.dsse", dir);
        OK(d, cairn_path_write(path, cairn_buf_span(&d->identity.statement_file), 0644, &d->err));
    }
}

static void ends_in_a_certificate_and_leaves_nothing_of_the_vault(void **state CAIRN_UNUSED)
{
    RETIRE *d = retire_new();
    bool there = false;
    struct cairn_journal journal = {0};
    CAIRN_BUF vault = {0};
    OK(d, retire_all(d));
    CAIRN_CERTIFICATE *found = retire_certificate(d);
    keep_vectors(d);
    assert_int_equal(found->grade.grade, 'C');
    assert_true(found->kill.counter == d->epoch + 2);
    assert_int_equal(found->media.num, 1);
    assert_int_equal(found->media.entries[0].result, CAIRN_RESULT_ERASED);
    assert_int_equal(found->media.entries[0].keyslots, 2);
    assert_int_equal(found->media.entries[0].tokens, 1);
    assert_int_equal(found->audit.num_undefined, 3);
    OK(d, cairn_wipe_journal(d->state, &d->identity, &there, &journal, &d->err));
    assert_true(there && journal.anchored);
    assert_int_equal(journal.step, CAIRN_WIPE_RETIRED);
    assert_false(fault_disk_get(d->disk, "vault.1", &vault));
    assert_false(fault_disk_get(d->disk, CAIRN_APPROVALS_FILE, &vault));
}

static void delivers_kill_receipt_and_start_that_verify_by_themselves(void **state CAIRN_UNUSED)
{
    RETIRE *d = retire_new();
    CAIRN_BUF file = {0};
    CAIRN_BUF payload = {0};
    struct cairn_kill kill = {0};
    OK(d, retire_all(d));
    OK(d, cairn_file_read(d->out, "kill.json", 1 << 20, &file, &d->err));
    OK(d, cairn_kill_verify(cairn_buf_span(&file), &d->order, &d->identity.statement, &kill, &d->err));
    cairn_buf_clear(&file);
    OK(d, cairn_file_read(d->out, "start.json", 1 << 20, &file, &d->err));
    OK(d, cairn_wipe_start_verify(cairn_buf_span(&file), &d->identity.statement, &payload, &d->err));
    assert_int_not_equal(cairn_kill_verify(cairn_buf_span(&file), &d->order, &d->identity.statement, &kill, NULL), CAIRN_OK);
}

static void resuming_a_retired_device_delivers_the_same_again(void **state CAIRN_UNUSED)
{
    RETIRE *d = retire_new();
    OK(d, retire_all(d));
    OK(d, retire_open(d));
    OK(d, retire_resume(d));
    CAIRN_CERTIFICATE *found = retire_certificate(d);
    assert_non_null(found);
    REFUSES(d, "wipe.retired", retire_accept(d));
}

static void refuses_another_order_in_the_middle(void **state CAIRN_UNUSED)
{
    RETIRE *d = retire_new();
    OK(d, retire_accept(d));
    (void)snprintf(d->order.reason, sizeof d->order.reason, "somebody else's idea");
    retire_order(d, d->epoch, d->epoch);
    (void)snprintf(d->order.reason, sizeof d->order.reason, "somebody else's idea");
    d->order.challenge[0] ^= 1;
    d->now_s++;
    retire_order(d, d->epoch, d->epoch);
    REFUSES(d, "wipe.other", retire_accept(d));
}

static void an_anchored_order_is_not_undone_by_deleting_the_spool(void **state CAIRN_UNUSED)
{
    RETIRE *d = retire_new();
    OK(d, retire_accept(d));
    d->stop_after = 2;
    REFUSES(d, "wipe.interrupted", retire_resume(d));
    fault_disk_remove(d->disk, "wipe.journal");
    fault_disk_remove(d->disk, "wipe.order");
    CAIRN_BUF first = {0};
    assert_int_equal(cairn_buf_set(&first, cairn_buf_span(&d->order_file), NULL), CAIRN_OK);
    d->now_s++;
    retire_order(d, d->epoch, d->epoch);
    REFUSES(d, "wipe.other", retire_accept(d));
    cairn_buf_clear(&d->order_file);
    assert_int_equal(cairn_buf_set(&d->order_file, cairn_buf_span(&first), NULL), CAIRN_OK);
    d->stop_after = 0;
    OK(d, retire_all(d));
    CAIRN_CERTIFICATE *found = retire_certificate(d);
    assert_non_null(found);
}

static void refuses_an_order_outside_its_epochs_before_anything_happens(void **state CAIRN_UNUSED)
{
    RETIRE *d = retire_new();
    retire_order(d, d->epoch - 2, d->epoch - 1);
    REFUSES(d, "order.epoch", retire_accept(d));
    retire_order(d, d->epoch + 1, d->epoch + 2);
    REFUSES(d, "order.epoch", retire_accept(d));
    uint64_t counter = 0;
    OK(d, cairn_tpm_epoch_read(d->tpm, &counter, &d->err));
    assert_true(counter == d->epoch);
    REFUSES(d, "wipe.none", retire_resume(d));
}

static void refuses_an_expired_order_and_one_for_another_device(void **state CAIRN_UNUSED)
{
    RETIRE *d = retire_new();
    d->now_s += 2 * 86400;
    REFUSES(d, "order.expired", retire_accept(d));
    d->now_s = CAIRN_TEST_NOW;
    struct cairn_statement *other = &d->identity.statement;
    const uint8_t first = other->device[0];
    other->device[0] ^= 1;
    retire_order(d, d->epoch, d->epoch);
    other->device[0] = first;
    REFUSES(d, "order.device", retire_accept(d));
}

static void refuses_when_the_forecast_is_worse_than_ordered(void **state CAIRN_UNUSED)
{
    RETIRE *d = retire_new();
    d->order.min_grade = 'B';
    retire_order(d, d->epoch, d->epoch);
    REFUSES(d, "order.grade", retire_accept(d));
}

/* State lost: the record's anchors point at nothing, orders are still honoured. */
static void honours_an_order_when_the_state_is_lost(void **state CAIRN_UNUSED)
{
    RETIRE *d = retire_new();
    bool there = false;
    struct cairn_journal journal = {0};
    fault_disk_remove(d->disk, "record.a");
    fault_disk_remove(d->disk, "record.b");
    OK(d, retire_all(d));
    CAIRN_CERTIFICATE *found = retire_certificate(d);
    assert_true(found->kill.counter == d->epoch + 2);
    OK(d, cairn_wipe_journal(d->state, &d->identity, &there, &journal, &d->err));
    assert_false(journal.anchored);
}

/* A boot state that may not write the anchor: the spool stands in. */
static void honours_an_order_in_a_boot_state_that_cannot_anchor_it(void **state CAIRN_UNUSED)
{
    RETIRE *d = retire_new();
    bool there = false;
    struct cairn_journal journal = {0};
    OK(d, cairn_tpm_pcr_extend(d->tpm, 8, cairn_span_str("unapproved"), &d->err));
    OK(d, retire_all(d));
    CAIRN_CERTIFICATE *found = retire_certificate(d);
    assert_non_null(found);
    OK(d, cairn_wipe_journal(d->state, &d->identity, &there, &journal, &d->err));
    assert_false(journal.anchored);
}

static void tells_a_medium_that_fails_and_goes_on(void **state CAIRN_UNUSED)
{
    RETIRE *d = retire_new();
    d->settings.num_targets = 3;
    (void)snprintf(d->settings.targets[1].name, sizeof d->settings.targets[1].name, "emmc");
    (void)snprintf(d->settings.targets[1].driver, sizeof d->settings.targets[1].driver, "emmc");
    (void)snprintf(d->settings.targets[1].path, sizeof d->settings.targets[1].path, "/dev/mmcblk9");
    (void)snprintf(d->settings.targets[2].name, sizeof d->settings.targets[2].name, "gone");
    (void)snprintf(d->settings.targets[2].driver, sizeof d->settings.targets[2].driver, "luks2");
    (void)snprintf(d->settings.targets[2].path, sizeof d->settings.targets[2].path, "/nonexistent/medium");
    OK(d, retire_accept(d));
    assert_int_equal(unlink(d->medium), 0); /* planned, but no longer there when its turn comes */
    OK(d, retire_resume(d));
    CAIRN_CERTIFICATE *found = retire_certificate(d);
    assert_int_equal(found->media.entries[0].result, CAIRN_RESULT_FAILED);
    assert_string_equal(found->media.entries[0].code, "media.open");
    assert_int_equal(found->media.entries[1].result, CAIRN_RESULT_UNHANDLED);
    assert_int_equal(found->media.entries[2].result, CAIRN_RESULT_UNHANDLED);
    assert_int_equal(found->grade.grade, 'C');
    assert_string_equal(found->grade.reasons[1], "media.unhandled");
    assert_string_equal(found->grade.reasons[2], "media.failed");
}

static pid_t spawn_consumer(struct retire *d, bool stubborn)
{
    char path[RETIRE_PATH + 16];
    char text[16];
    pid_t pid = fork();
    if (pid == 0) {
        if (stubborn) {
            (void)signal(SIGTERM, SIG_IGN);
        }
        for (unsigned i = 0; i < 30; i++) {
            (void)sleep(1);
        }
        _exit(0);
    }
    (void)snprintf(path, sizeof path, "%s/pid", cairn_swtpm_dir(d->swtpm));
    (void)snprintf(text, sizeof text, "%d\n", (int)pid);
    assert_int_equal(cairn_path_write(path, cairn_span_str(text), 0600, NULL), CAIRN_OK);
    d->settings.num_consumers = 1;
    (void)snprintf(d->settings.consumers[0], sizeof d->settings.consumers[0], "%s", path);
    return pid;
}

static void stops_consumers_before_the_kill_and_refuses_while_one_lives(void **state CAIRN_UNUSED)
{
    RETIRE *d = retire_new();
    uint64_t counter = 0;
    pid_t pid = spawn_consumer(d, true);
    const struct timespec settle = {.tv_nsec = 100000000};
    (void)nanosleep(&settle, NULL);
    OK(d, retire_accept(d));
    REFUSES(d, "wipe.consumer.alive", retire_resume(d));
    OK(d, cairn_tpm_epoch_read(d->tpm, &counter, &d->err));
    assert_true(counter == d->epoch);
    assert_int_equal(kill(pid, SIGKILL), 0);
    assert_int_equal(waitpid(pid, NULL, 0), pid);
    OK(d, retire_resume(d));
    CAIRN_CERTIFICATE *found = retire_certificate(d);
    assert_non_null(found);
}

static void ends_after_ctrl_c_between_any_two_steps_and_goes_on_later(void **state CAIRN_UNUSED)
{
    RETIRE *d = retire_new();
    OK(d, retire_accept(d));
    for (unsigned i = 0; i < 20; i++) {
        d->stop_after = 3; /* one question before each step, one before each medium */
        memset(&d->err, 0, sizeof d->err);
        if (retire_resume(d) == CAIRN_OK) {
            CAIRN_CERTIFICATE *found = retire_certificate(d);
            assert_non_null(found);
            return;
        }
        assert_string_equal(d->err.code, "wipe.interrupted");
        OK(d, retire_open(d));
    }
    fail_msg("never came to an end");
}

/* After a cut: programs start again and either accept the order (again) or resume. */
static void finish_after_cut(struct retire *d, const char *what, unsigned n)
{
    struct cairn_journal journal = {0};
    bool there = false;
    d->stop_after = 0;
    OK(d, retire_open(d));
    OK(d, cairn_wipe_journal(d->state, &d->identity, &there, &journal, &d->err));
    memset(&d->err, 0, sizeof d->err);
    if ((there ? retire_resume(d) : retire_all(d)) != CAIRN_OK) {
        fail_msg("%s %u (journal %s): %s (%s)", what, n, there ? cairn_wipe_step_name(journal.step) : "none", d->err.text,
                 d->err.code);
    }
    CAIRN_CERTIFICATE *found = retire_certificate(d);
    assert_int_equal(found->grade.grade, 'C');
    assert_int_equal(found->media.entries[0].result, CAIRN_RESULT_ERASED);
    assert_true(found->kill.counter >= d->epoch + 2);
}

/* Power fails at disk step n, of state and TPM alike; un-synced data is torn at random. */
static void ends_in_a_certificate_after_a_cut_at_every_disk_step(void **state CAIRN_UNUSED)
{
    RETIRE *d = retire_new();
    retire_save(d);
    unsigned stride = long_mode() ? 1 : 4;
    unsigned cuts = 0;
    for (unsigned n = 1;; n += stride) {
        retire_restore(d);
        OK(d, retire_open(d));
        fault_disk_arm(d->disk, n, FAULT_CRASH, 1);
        (void)retire_all(d);
        if (!fault_disk_fired(d->disk)) {
            break;
        }
        cuts++;
        cairn_swtpm_reset(d->swtpm);
        fault_disk_reboot(d->disk, FAULT_TEAR, 977 + n);
        finish_after_cut(d, "disk step", n);
    }
    assert_true(cuts > 60 / stride);
}

static void cut_at_commands(enum cairn_tap_fault fault, unsigned first, unsigned stride, const char *what)
{
    RETIRE *d = retire_new();
    retire_save(d);
    unsigned cuts = 0;
    for (unsigned n = first;; n += stride) {
        retire_restore(d);
        OK(d, retire_open(d));
        cairn_tap_reset(d->tap);
        cairn_tap_break(d->tap, fault, n);
        enum cairn_rc rc = retire_all(d);
        if (!cairn_tap_broke(d->tap)) {
            OK(d, rc);
            break;
        }
        cuts++;
        fault_disk_reboot(d->disk, FAULT_DROP_ALL, n);
        finish_after_cut(d, what, n);
    }
    assert_true(cuts > 60 / stride);
}

static void ends_in_a_certificate_after_a_cut_before_every_tpm_command(void **state CAIRN_UNUSED)
{
    cut_at_commands(CAIRN_TAP_CUT_BEFORE, 1, long_mode() ? 1 : 11, "cut before command");
}

static void ends_in_a_certificate_after_a_cut_behind_every_tpm_command(void **state CAIRN_UNUSED)
{
    cut_at_commands(CAIRN_TAP_CUT_AFTER, 3, long_mode() ? 1 : 11, "cut behind command");
}

/* Each command of the end by itself: Clear, and everything from the kill on. */
static void ends_in_a_certificate_when_clear_itself_is_cut(void **state CAIRN_UNUSED)
{
    static const enum cairn_tap_fault FAULTS[] = {CAIRN_TAP_CUT_BEFORE, CAIRN_TAP_CUT_AFTER};
    static const uint32_t CODES[] = {0x126 /* Clear */, 0x134 /* NV_Increment */, 0x14d /* GetSessionAuditDigest */};
    RETIRE *d = retire_new();
    retire_save(d);
    for (size_t c = 0; c < CAIRN_ARRAY_LEN(CODES); c++) {
        for (size_t f = 0; f < CAIRN_ARRAY_LEN(FAULTS); f++) {
            retire_restore(d);
            OK(d, retire_open(d));
            cairn_tap_reset(d->tap);
            cairn_tap_break_code(d->tap, FAULTS[f], CODES[c]);
            (void)retire_all(d);
            assert_true(cairn_tap_broke(d->tap));
            fault_disk_reboot(d->disk, FAULT_DROP_ALL, c);
            finish_after_cut(d, "cut in code", CODES[c]);
        }
    }
}

/* A counter that a thief moved on: beyond what an unanchored order reaches. */
static void refuses_to_resume_an_unanchored_order_beyond_its_reach(void **state CAIRN_UNUSED)
{
    RETIRE *d = retire_new();
    OK(d, cairn_tpm_pcr_extend(d->tpm, 8, cairn_span_str("unapproved"), &d->err));
    OK(d, retire_accept(d));
    for (unsigned i = 0; i < 3; i++) {
        OK(d, cairn_tpm_epoch_increment(d->tpm, &d->err));
    }
    REFUSES(d, "order.epoch", retire_resume(d));
}

static void forge_journal(struct retire *d, enum cairn_wipe_step step)
{
    CAIRN_BUF text = {0};
    struct cairn_journal journal = {.step = step};
    memcpy(journal.order, d->order.digest, 32);
    memcpy(journal.statement, d->identity.statement.digest, 32);
    (void)snprintf(journal.out, sizeof journal.out, "%s", d->out_path);
    OK(d, cairn_journal_write(&journal, &text, &d->err));
    fault_disk_put(d->disk, "wipe.journal", cairn_buf_span(&text));
}

/* The kill is not lost to an order that cannot go on: a new one takes its place. */
static void a_new_order_takes_the_place_of_one_that_cannot_go_on(void **state CAIRN_UNUSED)
{
    RETIRE *d = retire_new();
    OK(d, cairn_tpm_pcr_extend(d->tpm, 8, cairn_span_str("unapproved"), &d->err));
    OK(d, retire_accept(d));
    for (unsigned i = 0; i < 3; i++) {
        OK(d, cairn_tpm_epoch_increment(d->tpm, &d->err));
    }
    REFUSES(d, "order.epoch", retire_resume(d));
    d->now_s++;
    retire_order(d, d->epoch + 3, d->epoch + 3);
    OK(d, retire_all(d));
    CAIRN_CERTIFICATE *found = retire_certificate(d);
    assert_true(found->kill.counter == d->epoch + 5);
}

static void a_stored_order_that_was_lost_is_stored_again(void **state CAIRN_UNUSED)
{
    RETIRE *d = retire_new();
    OK(d, retire_accept(d));
    fault_disk_remove(d->disk, "wipe.order");
    assert_int_not_equal(retire_resume(d), CAIRN_OK);
    OK(d, retire_all(d));
    CAIRN_CERTIFICATE *found = retire_certificate(d);
    assert_non_null(found);
}

/* Whoever can write the disk can write a journal: without a receipt it keeps no order out and leads to no medium. */
static void a_journal_that_claims_the_end_does_not_keep_an_order_out(void **state CAIRN_UNUSED)
{
    RETIRE *d = retire_new();
    fault_disk_put(d->disk, "wipe.order", cairn_buf_span(&d->order_file));
    forge_journal(d, CAIRN_WIPE_RETIRED);
    OK(d, retire_all(d));
    CAIRN_CERTIFICATE *found = retire_certificate(d);
    assert_non_null(found);
}

static void a_damaged_journal_does_not_keep_an_order_out(void **state CAIRN_UNUSED)
{
    RETIRE *d = retire_new();
    fault_disk_put(d->disk, "wipe.journal", cairn_span_str("{garbage"));
    OK(d, retire_all(d));
    CAIRN_CERTIFICATE *found = retire_certificate(d);
    assert_non_null(found);
}

static void a_journal_that_claims_the_kill_leads_to_no_medium(void **state CAIRN_UNUSED)
{
    RETIRE *d = retire_new();
    CAIRN_BUF before = {0};
    CAIRN_BUF after = {0};
    OK(d, retire_accept(d));
    forge_journal(d, CAIRN_WIPE_KILLED);
    for (unsigned i = 0; i < 3; i++) {
        OK(d, cairn_tpm_epoch_increment(d->tpm, &d->err));
    }
    OK(d, cairn_path_read(d->medium, 8 << 20, &before, &d->err));
    REFUSES(d, "order.epoch", retire_resume(d));
    OK(d, cairn_path_read(d->medium, 8 << 20, &after, &d->err));
    assert_true(cairn_span_equal(cairn_buf_span(&before), cairn_buf_span(&after)));
}

/* An approvals file that is gone leaves the order pending; one that is garbage must not stop the kill either. */
static void damaged_approvals_do_not_stop_the_kill(void **state CAIRN_UNUSED)
{
    RETIRE *d = retire_new();
    fault_disk_put(d->disk, CAIRN_APPROVALS_FILE, cairn_span_str("{garbage"));
    OK(d, retire_all(d));
    CAIRN_CERTIFICATE *found = retire_certificate(d);
    assert_non_null(found);
}

static void refuses_an_order_older_than_the_enrolment(void **state CAIRN_UNUSED)
{
    RETIRE *d = retire_new();
    d->now_s = d->identity.statement.issued_s - 1;
    retire_order(d, d->epoch, d->epoch);
    REFUSES(d, "order.old", retire_accept(d));
    REFUSES(d, "wipe.none", retire_resume(d));
}

/* The order's window says nothing about a key that was sealed after it was accepted: the counter found does. */
static void a_kill_that_knows_no_record_passes_the_counter_it_found(void **state CAIRN_UNUSED)
{
    RETIRE *d = retire_new();
    CAIRN_BUF receipt = {0};
    struct cairn_kill kill = {0};
    OK(d, retire_accept(d));
    fault_disk_remove(d->disk, "record.a");
    fault_disk_remove(d->disk, "record.b");
    OK(d, cairn_tpm_epoch_increment(d->tpm, &d->err));
    OK(d, cairn_tpm_epoch_increment(d->tpm, &d->err));
    OK(d, retire_resume(d));
    OK(d, cairn_file_read(d->out, "kill.json", 1 << 20, &receipt, &d->err));
    OK(d, cairn_kill_verify(cairn_buf_span(&receipt), &d->order, &d->identity.statement, &kill, &d->err));
    assert_true(kill.counter == d->epoch + 4);
}

/* An anchored record at two epochs later, as a grant that came between would have left it. */
static void move_on(struct retire *d)
{
    struct cairn_state state = {0};
    struct cairn_approvals approvals = {0};
    retire_approve(d);
    OK(d, cairn_state_approvals(d->state, &d->identity, &approvals, &d->err));
    OK(d, cairn_tpm_epoch_increment(d->tpm, &d->err));
    OK(d, cairn_tpm_epoch_increment(d->tpm, &d->err));
    OK(d, cairn_state_read(d->state, &d->identity, d->tpm, &state, &d->err));
    struct cairn_record next = state.record;
    OK(d, cairn_tpm_epoch_read(d->tpm, &next.epoch, &d->err));
    next.bound = next.epoch;
    OK(d, cairn_state_commit(d->state, d->tpm, &approvals.anchor, &next, &state, &d->err));
}

static void a_receipt_from_before_the_last_record_does_not_end_the_kill(void **state CAIRN_UNUSED)
{
    RETIRE *d = retire_new();
    CAIRN_BUF receipt = {0};
    struct cairn_kill kill = {0};
    const struct cairn_kill_ask ask = {
        .statement = &d->identity.statement, .order = &d->order, .entry = &d->order.devices[0], .target = d->epoch + 2};
    OK(d, retire_accept(d));
    OK(d, cairn_kill_run(d->tpm, &ask, &receipt, &d->err));
    fault_disk_put(d->disk, "wipe.kill", cairn_buf_span(&receipt));
    cairn_buf_clear(&receipt);
    move_on(d);
    OK(d, retire_resume(d));
    OK(d, cairn_file_read(d->out, "kill.json", 1 << 20, &receipt, &d->err));
    OK(d, cairn_kill_verify(cairn_buf_span(&receipt), &d->order, &d->identity.statement, &kill, &d->err));
    assert_true(kill.counter == d->epoch + 5);
}

int main(void)
{
    (void)setenv("TSS2_LOG", "all+none", 1);
    crypt_set_log_callback(NULL, retire_quiet, NULL);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ends_in_a_certificate_and_leaves_nothing_of_the_vault),
        cmocka_unit_test(delivers_kill_receipt_and_start_that_verify_by_themselves),
        cmocka_unit_test(resuming_a_retired_device_delivers_the_same_again),
        cmocka_unit_test(refuses_another_order_in_the_middle),
        cmocka_unit_test(an_anchored_order_is_not_undone_by_deleting_the_spool),
        cmocka_unit_test(refuses_an_order_outside_its_epochs_before_anything_happens),
        cmocka_unit_test(refuses_an_expired_order_and_one_for_another_device),
        cmocka_unit_test(refuses_when_the_forecast_is_worse_than_ordered),
        cmocka_unit_test(honours_an_order_when_the_state_is_lost),
        cmocka_unit_test(honours_an_order_in_a_boot_state_that_cannot_anchor_it),
        cmocka_unit_test(tells_a_medium_that_fails_and_goes_on),
        cmocka_unit_test(stops_consumers_before_the_kill_and_refuses_while_one_lives),
        cmocka_unit_test(ends_after_ctrl_c_between_any_two_steps_and_goes_on_later),
        cmocka_unit_test(refuses_to_resume_an_unanchored_order_beyond_its_reach),
        cmocka_unit_test(a_new_order_takes_the_place_of_one_that_cannot_go_on),
        cmocka_unit_test(a_stored_order_that_was_lost_is_stored_again),
        cmocka_unit_test(a_journal_that_claims_the_end_does_not_keep_an_order_out),
        cmocka_unit_test(a_damaged_journal_does_not_keep_an_order_out),
        cmocka_unit_test(a_journal_that_claims_the_kill_leads_to_no_medium),
        cmocka_unit_test(damaged_approvals_do_not_stop_the_kill),
        cmocka_unit_test(refuses_an_order_older_than_the_enrolment),
        cmocka_unit_test(a_kill_that_knows_no_record_passes_the_counter_it_found),
        cmocka_unit_test(a_receipt_from_before_the_last_record_does_not_end_the_kill),
        cmocka_unit_test(ends_in_a_certificate_when_clear_itself_is_cut),
        cmocka_unit_test(ends_in_a_certificate_after_a_cut_at_every_disk_step),
        cmocka_unit_test(ends_in_a_certificate_after_a_cut_before_every_tpm_command),
        cmocka_unit_test(ends_in_a_certificate_after_a_cut_behind_every_tpm_command),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
