/* tests/unit/tpm/test_tpm_budget.c -- how many commands an operation costs a freshly started program, counted on the wire. */
#include "unit/tpm/device.h"

static struct device *d;

static int setup(void **state)
{
    (void)state;
    d = device_new(false);
    device_provision(d);
    uint8_t extra[32] = {0}, bytes[CAIRN_ANCHOR_LEN];
    struct cairn_attestation att;
    struct cairn_approval approval;
    device_approve_anchor(d, &approval);
    for (unsigned i = 0; i < 2; i++) {
        device_anchor_bytes((uint8_t)i, bytes);
        OK(d, cairn_tpm_anchor_write(d->tpm, i, bytes, &approval, &d->err));
        OK(d, cairn_tpm_anchor_read(d->tpm, i, bytes, &d->err));
    }
    OK(d, cairn_tpm_quote(d->tpm, DEVICE_MASK, extra, &att, &d->err));
    (void)device_epoch(d);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    device_free(d);
    return 0;
}

static void cold(void)
{
    device_open(d);
    cairn_tap_reset(d->tap);
}

static void opening_sends_nothing(void **state)
{
    (void)state;
    cairn_tap_reset(d->tap);
    device_open(d);
    assert_int_equal(cairn_tap_count(d->tap), 0);
    device_no_cache(d);
    assert_int_equal(cairn_tap_count(d->tap), 0);
    d->config.cache = d->cache;
}

static void a_report_is_one_command(void **state)
{
    (void)state;
    uint8_t extra[32] = {7};
    struct cairn_attestation att;
    cold();
    OK(d, cairn_tpm_quote(d->tpm, DEVICE_MASK, extra, &att, &d->err));
    assert_int_equal(cairn_tap_count(d->tap), 1);
}

static void both_anchors_are_read_in_four(void **state)
{
    (void)state;
    uint8_t bytes[CAIRN_ANCHOR_LEN];
    cold();
    OK(d, cairn_tpm_anchor_read(d->tpm, 0, bytes, &d->err));
    OK(d, cairn_tpm_anchor_read(d->tpm, 1, bytes, &d->err));
    assert_int_equal(cairn_tap_count(d->tap), 4);
}

static void an_anchor_is_written_in_four(void **state)
{
    (void)state;
    uint8_t bytes[CAIRN_ANCHOR_LEN];
    struct cairn_approval approval;
    device_approve_anchor(d, &approval);
    device_anchor_bytes(9, bytes);
    cold();
    OK(d, cairn_tpm_anchor_write(d->tpm, 0, bytes, &approval, &d->err));
    assert_int_equal(cairn_tap_count(d->tap), 4);
}

static void the_vault_opens_in_seven_and_in_ten_the_first_time(void **state)
{
    (void)state;
    uint8_t policy[32], key[32] = {1, 2, 3};
    struct cairn_sealed sealed = {0};
    struct cairn_approval approval;
    uint64_t epoch = device_epoch(d);
    device_approve_vault(d, &approval);
    device_vault_policy(d, epoch, policy);
    cold();
    OK(d, cairn_tpm_seal(d->tpm, CAIRN_SPAN(key), policy, &sealed, &d->err));
    assert_int_equal(cairn_tap_count(d->tap), 2);
    for (unsigned i = 0; i < 2; i++) {
        CAIRN_SECRET *secret = NULL;
        cold();
        OK(d, cairn_tpm_unseal(d->tpm, &sealed, &approval, epoch, &secret, &d->err));
        assert_int_equal(cairn_tap_count(d->tap), i == 0 ? 10 : 7);
        assert_true(cairn_span_equal(cairn_secret_span(secret), CAIRN_SPAN(key)));
    }
}

static void a_kill_is_two_for_each_increment_and_five_more(void **state)
{
    (void)state;
    uint8_t extra[32] = {3};
    struct cairn_attestation att;
    cold();
    (void)device_epoch(d);
    assert_int_equal(cairn_tap_count(d->tap), 2);
    OK(d, cairn_tpm_epoch_increment(d->tpm, &d->err));
    OK(d, cairn_tpm_epoch_increment(d->tpm, &d->err));
    assert_int_equal(cairn_tap_count(d->tap), 6);
    OK(d, cairn_tpm_pcr_extend(d->tpm, CAIRN_PCR_USERSPACE, cairn_span_str("cairn.cap.v1"), &d->err));
    OK(d, cairn_tpm_epoch_certify(d->tpm, extra, &att, &d->err));
    OK(d, cairn_tpm_quote(d->tpm, DEVICE_MASK, extra, &att, &d->err));
    assert_int_equal(cairn_tap_count(d->tap), 9);
}

/* Last: it clears the TPM. */
static void a_wipe_proof_is_below_twenty(void **state)
{
    (void)state;
    struct cairn_tpm_wipe wipe = {.mask = DEVICE_MASK};
    uint8_t extra[32] = {4};
    CAIRN_AUDIT_LOG log = {0};
    struct cairn_tpm_proof *proof = NULL;
    struct cairn_attestation att;
    memcpy(wipe.fleet, d->fleet, sizeof wipe.fleet);
    cold();
    OK(d, cairn_tpm_wipe_run(d->tpm, &wipe, &log, &proof, &d->err));
    OK(d, cairn_tpm_wipe_sign(d->tpm, proof, extra, &att, &d->err));
    cairn_tpm_proof_free(d->tpm, proof);
    assert_in_range(cairn_tap_count(d->tap), 13, 20);
    print_message("wipe proof: %u commands\n", cairn_tap_count(d->tap));
}

int main(void)
{
    (void)setenv("TSS2_LOG", "all+none", 1);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(opening_sends_nothing),
        cmocka_unit_test(a_report_is_one_command),
        cmocka_unit_test(both_anchors_are_read_in_four),
        cmocka_unit_test(an_anchor_is_written_in_four),
        cmocka_unit_test(the_vault_opens_in_seven_and_in_ten_the_first_time),
        cmocka_unit_test(a_kill_is_two_for_each_increment_and_five_more),
        cmocka_unit_test(a_wipe_proof_is_below_twenty),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
