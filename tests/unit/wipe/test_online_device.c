/* tests/unit/wipe/test_online_device.c -- orders for online delivery on a real software TPM: they wait for a server's release
 * over the device's own last question, and for nothing else that a server says.
 */
#include "retire.h"

static const uint8_t FIRST[32] = {1};
static const uint8_t SECOND[32] = {2};

static struct retire *online_new(void)
{
    struct retire *d = retire_new();
    d->order.online = true;
    retire_order(d, d->epoch, d->epoch);
    return d;
}

static enum cairn_rc ask(struct retire *d, const uint8_t nonce[32], struct cairn_buf *out)
{
    const struct cairn_wipe_run run = retire_run(d);
    return cairn_wipe_ask(&run, cairn_buf_span(&d->order_file), nonce, out, &d->err);
}

/* What an honest server answers at `server_s` by its clock to the question in `text`; goes with the next acceptance. */
static void answer(struct retire *d, const struct cairn_buf *text, uint64_t server_s, enum cairn_role role)
{
    struct cairn_release_ask question = {0};
    struct cairn_release release = {0};
    CAIRN_BUF payload = {0};
    OK(d, cairn_release_ask_read(cairn_buf_span(text), &question, &d->err));
    OK(d, cairn_release_for(&question, &d->order, &d->identity.statement, server_s, &release, &d->err));
    OK(d, cairn_release_payload(&release, &payload, &d->err));
    cairn_test_sign(cairn_buf_span(&payload), CAIRN_TYPE_RELEASE, d->keys.role[role], &d->release);
}

static void released(struct retire *d, const uint8_t nonce[32], uint64_t server_s)
{
    CAIRN_BUF text = {0};
    OK(d, ask(d, nonce, &text));
    answer(d, &text, server_s, CAIRN_ROLE_VERIFIER);
}

static bool stored(struct retire *d, const char *name)
{
    CAIRN_BUF bytes = {0};
    return fault_disk_get(d->disk, name, &bytes);
}

static void nothing_was_accepted(struct retire *d)
{
    assert_false(stored(d, "wipe.order"));
    assert_false(stored(d, "wipe.plan"));
    assert_false(stored(d, "wipe.journal"));
    REFUSES(d, "wipe.none", retire_resume(d));
}

static void an_online_order_waits_for_a_release(void **state CAIRN_UNUSED)
{
    RETIRE *d = online_new();
    CAIRN_BUF text = {0};
    REFUSES(d, "order.release", retire_accept(d));
    OK(d, ask(d, FIRST, &text));
    REFUSES(d, "order.release", retire_accept(d));
    nothing_was_accepted(d);
}

static void a_release_lets_it_go_to_the_certificate(void **state CAIRN_UNUSED)
{
    RETIRE *d = online_new();
    released(d, FIRST, d->now_s);
    OK(d, retire_accept(d));
    assert_false(stored(d, "wipe.nonce"));
    cairn_buf_clear(&d->release);
    OK(d, retire_accept(d)); /* the same order again, and the rest, need none */
    OK(d, retire_resume(d));
    CAIRN_CERTIFICATE *found = retire_certificate(d);
    assert_true(found->order.online);
}

static void only_the_last_question_counts(void **state CAIRN_UNUSED)
{
    RETIRE *d = online_new();
    CAIRN_BUF text = {0};
    released(d, FIRST, d->now_s);
    OK(d, ask(d, SECOND, &text));
    REFUSES(d, "release.nonce", retire_accept(d));
    nothing_was_accepted(d);
}

static void a_question_is_about_one_order(void **state CAIRN_UNUSED)
{
    RETIRE *d = online_new();
    released(d, FIRST, d->now_s);
    d->now_s++;
    retire_order(d, d->epoch, d->epoch);
    REFUSES(d, "order.release", retire_accept(d));
    nothing_was_accepted(d);
}

static void a_release_is_used_up_when_the_order_is_accepted(void **state CAIRN_UNUSED)
{
    RETIRE *d = online_new();
    released(d, FIRST, d->now_s);
    OK(d, retire_accept(d));
    fault_disk_remove(d->disk, "wipe.journal");
    fault_disk_remove(d->disk, "wipe.order");
    fault_disk_remove(d->disk, "wipe.plan");
    REFUSES(d, "order.release", retire_accept(d));
    nothing_was_accepted(d);
}

/* Power fails at disk step n of the acceptance: it holds, or the question is still there, or a new one must be asked; never is
 * a question left beside an acceptance that it has already let go. */
static void a_cut_never_leaves_the_question_beside_the_acceptance(void **state CAIRN_UNUSED)
{
    RETIRE *d = online_new();
    CAIRN_BUF text = {0};
    unsigned cuts = 0;
    released(d, FIRST, d->now_s);
    d->image = fault_disk_copy(d->disk);
    for (unsigned n = 1;; n++) {
        fault_disk_restore(d->disk, d->image);
        fault_disk_arm(d->disk, n, FAULT_CRASH, 1);
        (void)retire_accept(d);
        if (!fault_disk_fired(d->disk)) {
            break;
        }
        cuts++;
        fault_disk_reboot(d->disk, FAULT_TEAR, 411 + n);
        assert_false(stored(d, "wipe.journal") && stored(d, "wipe.nonce"));
        if (retire_accept(d) != CAIRN_OK) {
            assert_string_equal(d->err.code, "order.release");
            cairn_buf_clear(&text);
            OK(d, ask(d, FIRST, &text));
            OK(d, retire_accept(d));
        }
    }
    assert_true(cuts > 10);
}

/* The release has done its work: what is anchored is not held up by a spool that was deleted. */
static void an_anchored_order_waits_for_no_second_release(void **state CAIRN_UNUSED)
{
    RETIRE *d = online_new();
    released(d, FIRST, d->now_s);
    OK(d, retire_accept(d));
    d->stop_after = 2;
    REFUSES(d, "wipe.interrupted", retire_resume(d));
    fault_disk_remove(d->disk, "wipe.journal");
    fault_disk_remove(d->disk, "wipe.order");
    cairn_buf_clear(&d->release);
    OK(d, retire_all(d));
    CAIRN_CERTIFICATE *found = retire_certificate(d);
    assert_non_null(found);
}

static void a_release_by_another_role_is_refused(void **state CAIRN_UNUSED)
{
    RETIRE *d = online_new();
    CAIRN_BUF text = {0};
    OK(d, ask(d, FIRST, &text));
    answer(d, &text, d->now_s, CAIRN_ROLE_RETIRE);
    REFUSES(d, "release.signer", retire_accept(d));
    nothing_was_accepted(d);
}

static void a_question_that_cannot_be_read_is_none(void **state CAIRN_UNUSED)
{
    RETIRE *d = online_new();
    released(d, FIRST, d->now_s);
    fault_disk_put(d->disk, "wipe.nonce", cairn_span_str("{}"));
    REFUSES(d, "order.release", retire_accept(d));
    nothing_was_accepted(d);
}

static void nothing_is_asked_about_an_order_that_is_not_for_this_device(void **state CAIRN_UNUSED)
{
    RETIRE *d = online_new();
    CAIRN_BUF text = {0};
    d->now_s += 86402;
    REFUSES(d, "order.expired", ask(d, FIRST, &text));
    d->now_s -= 86402;
    d->order.online = false;
    retire_order(d, d->epoch, d->epoch);
    REFUSES(d, "order.delivery", ask(d, FIRST, &text));
    struct cairn_name *ak = &d->identity.statement.ak_name;
    d->order.online = true;
    ak->bytes[9] ^= 1;
    retire_order(d, d->epoch, d->epoch);
    ak->bytes[9] ^= 1;
    REFUSES(d, "order.ak", ask(d, FIRST, &text));
    assert_int_equal(text.len, 0);
    assert_false(stored(d, "wipe.nonce"));
}

static void an_offline_order_needs_no_release(void **state CAIRN_UNUSED)
{
    RETIRE *d = retire_new();
    OK(d, retire_accept(d));
}

/* CHECKS 62: a device that has been dark for years, its battery too, still carries out what its owners signed. */
static void a_clock_that_is_behind_does_not_hold_an_order_up(void **state CAIRN_UNUSED)
{
    RETIRE *d = online_new();
    const uint64_t today = d->now_s;
    d->now_s = 86400;
    released(d, FIRST, today);
    OK(d, retire_all(d));
    CAIRN_CERTIFICATE *found = retire_certificate(d);
    assert_true(found->made_s >= today);
}

/* CHECKS 62: a server whose clock is years ahead ends nothing: its time is not kept, and the next order is judged by ours. */
static void a_server_whose_clock_is_ahead_expires_nothing(void **state CAIRN_UNUSED)
{
    RETIRE *d = online_new();
    struct cairn_journal journal = {0};
    bool there = false;
    released(d, FIRST, d->now_s + 3650ull * 86400);
    OK(d, retire_accept(d));
    OK(d, cairn_wipe_journal(d->state, &d->identity, &there, &journal, &d->err));
    assert_true(there && journal.accepted_s == d->now_s);
}

/* CHECKS 62: a server whose clock is behind revives nothing: neither its release nor the order. */
static void a_server_whose_clock_is_behind_revives_nothing(void **state CAIRN_UNUSED)
{
    RETIRE *d = online_new();
    released(d, FIRST, d->now_s);
    d->now_s += 601;
    REFUSES(d, "release.expired", retire_accept(d));
    released(d, SECOND, d->now_s - 86400);
    REFUSES(d, "release.expired", retire_accept(d));
    d->now_s += 86400;
    REFUSES(d, "order.expired", retire_accept(d));
    nothing_was_accepted(d);
}

int main(void)
{
    (void)setenv("TSS2_LOG", "all+none", 1);
    crypt_set_log_callback(NULL, retire_quiet, NULL);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_online_order_waits_for_a_release),
        cmocka_unit_test(a_release_lets_it_go_to_the_certificate),
        cmocka_unit_test(only_the_last_question_counts),
        cmocka_unit_test(a_question_is_about_one_order),
        cmocka_unit_test(a_release_is_used_up_when_the_order_is_accepted),
        cmocka_unit_test(a_cut_never_leaves_the_question_beside_the_acceptance),
        cmocka_unit_test(an_anchored_order_waits_for_no_second_release),
        cmocka_unit_test(a_release_by_another_role_is_refused),
        cmocka_unit_test(a_question_that_cannot_be_read_is_none),
        cmocka_unit_test(nothing_is_asked_about_an_order_that_is_not_for_this_device),
        cmocka_unit_test(an_offline_order_needs_no_release),
        cmocka_unit_test(a_clock_that_is_behind_does_not_hold_an_order_up),
        cmocka_unit_test(a_server_whose_clock_is_ahead_expires_nothing),
        cmocka_unit_test(a_server_whose_clock_is_behind_revives_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
