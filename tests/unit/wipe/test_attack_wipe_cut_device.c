/* tests/unit/wipe/test_attack_wipe_cut_device.c -- a wipe whose program dies at a TPM command ends in a certificate all the
 * same.
 *
 * Unlike a lost answer, which a program may mend by asking again, from command n on nothing reaches the TPM any more. Every
 * seventh command; all of them with CAIRN_LONG.
 */
#include "retire.h"

enum { FOR_EVER = 100000, STRIDE = 7 };

static void die_at(struct retire *d, unsigned n)
{
    cairn_tap_reset(d->tap);
    cairn_tap_break(d->tap, CAIRN_TAP_FAIL, n);
    cairn_tap_break_more(d->tap, FOR_EVER);
}

/* The device boots, and either resumes or is given the order again. */
static void finish(struct retire *d, unsigned n)
{
    struct cairn_journal journal = {0};
    bool there = false;
    cairn_tpm_close(d->tpm);
    d->tpm = NULL;
    cairn_swtpm_reboot(d->swtpm);
    fault_disk_reboot(d->disk, FAULT_DROP_ALL, n);
    OK(d, retire_open(d));
    OK(d, cairn_wipe_journal(d->state, &d->identity, &there, &journal, &d->err));
    memset(&d->err, 0, sizeof d->err);
    if ((there ? retire_resume(d) : retire_all(d)) != CAIRN_OK) {
        fail_msg("command %u: %s (%s)", n, d->err.text, d->err.code);
    }
    CAIRN_CERTIFICATE *found = retire_certificate(d);
    assert_true(found->kill.counter == d->epoch + 2);
}

static void a_wipe_that_dies_at_any_tpm_command_ends_in_a_certificate(void **state CAIRN_UNUSED)
{
    RETIRE *d = retire_new();
    const unsigned stride = getenv("CAIRN_LONG") != NULL ? 1 : STRIDE;
    unsigned n = 1;
    bool died = true;
    retire_save(d);
    for (; died; n += stride) {
        retire_restore(d);
        OK(d, retire_open(d));
        die_at(d, n);
        enum cairn_rc rc = retire_all(d);
        died = cairn_tap_broke(d->tap);
        assert_true(died || rc == CAIRN_OK);
        finish(d, n);
    }
    assert_true(n > 60);
}

int main(void)
{
    (void)setenv("TSS2_LOG", "all+none", 1);
    crypt_set_log_callback(NULL, retire_quiet, NULL);
    const struct CMUnitTest tests[] = {cmocka_unit_test(a_wipe_that_dies_at_any_tpm_command_ends_in_a_certificate)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
