/* tests/unit/tpm/test_tpm_faults.c -- every flow, broken at every command in every way: run.c's recovery.
 *
 * After each fault the flow is run again without one, by the same program or (after a cut) by a new one, and has to succeed:
 * nothing left in the TPM, no lockout count, and no secret on the wire at any time (CHECKS 67).
 */
#include "unit/tpm/raw.h"

#include "tpm_data/audit.h"
#include "tpm_data/wrap.h"

static struct device *d;
static uint8_t secret[32];

struct fault {
    enum cairn_tap_fault kind;
    uint32_t rc;
    size_t flip;
    const char *name;
};
static const struct fault faults[] = {
    {CAIRN_TAP_FAIL, 0, 0, "not sent"},
    {CAIRN_TAP_DROP, 0, 0, "answer lost"},
    {CAIRN_TAP_SHORT, 0, 0, "answer cut short"},
    {CAIRN_TAP_FLIP, 0, 0, "last byte of the answer changed"},
    {CAIRN_TAP_FLIP, 0, 40, "a byte inside the answer changed"},
    {CAIRN_TAP_ERROR, TPM2_RC_COMMAND_SIZE, 0, "refused"},
    {CAIRN_TAP_CUT_BEFORE, 0, 0, "power cut before"},
    {CAIRN_TAP_CUT_AFTER, 0, 0, "power cut after"},
};

struct flow {
    const char *name;
    void (*prepare)(void);
    enum cairn_rc (*run)(void); /* all of it, from wherever the last attempt ended */
    void (*check)(void);        /* after a run without fault */
};

/* One program run under one fault; false when the flow ended before command n. */
static bool broken_run(const struct flow *flow, const struct fault *fault, unsigned n)
{
    flow->prepare();
    device_open(d);
    cairn_tap_reset(d->tap);
    cairn_tap_error(d->tap, fault->rc);
    cairn_tap_flip(d->tap, fault->flip);
    cairn_tap_break(d->tap, fault->kind, n);
    enum cairn_rc rc = flow->run();
    bool broke = cairn_tap_broke(d->tap);
    assert_true(broke || rc == CAIRN_OK);
    assert_false(cairn_tap_saw(d->tap, CAIRN_SPAN(secret)));
    cairn_tap_reset(d->tap);
    if (fault->kind == CAIRN_TAP_CUT_BEFORE || fault->kind == CAIRN_TAP_CUT_AFTER) {
        device_open(d);
    }
    return broke;
}

static void walk(const struct flow *flow)
{
    unsigned runs = 0;
    for (size_t i = 0; i < CAIRN_ARRAY_LEN(faults); i++) {
        for (unsigned n = 1; broken_run(flow, &faults[i], n); n++) {
            enum cairn_rc rc = flow->run();
            if (rc != CAIRN_OK) {
                print_error("%s, command %u %s: %s (%s, 0x%x)\n", flow->name, n, faults[i].name, d->err.text, d->err.code,
                            d->err.cause);
            }
            assert_int_equal(rc, CAIRN_OK);
            assert_false(cairn_tap_saw(d->tap, CAIRN_SPAN(secret)));
            flow->check();
            assert_clean(d);
            runs++;
        }
    }
    assert_int_equal(lockout_counter(d), 0);
    print_message("%s: %u broken runs recovered\n", flow->name, runs);
}

static int setup(void **state)
{
    (void)state;
    memset(secret, 0x9D, sizeof secret);
    d = device_new(false);
    device_provision(d);
    cairn_swtpm_save(d->swtpm, "provisioned");
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    device_free(d);
    return 0;
}

static int provisioned(void **state)
{
    (void)state;
    cairn_tap_free(d->tap);
    cairn_tpm_close(d->tpm);
    d->tpm = NULL;
    cairn_swtpm_restore(d->swtpm, "provisioned");
    d->tap = cairn_tap_new(d->swtpm);
    d->config.given = cairn_tap_context(d->tap);
    device_pins(d);
    device_open(d);
    return 0;
}

static void nothing(void)
{
}

static void erase(void)
{
    raw_clear(d);
    memset(&d->pins, 0, sizeof d->pins);
}

static void provisioned_right(void)
{
    uint64_t value = 0;
    OK(d, cairn_tpm_epoch_read(d->tpm, &value, &d->err));
    assert_true(value > 0);
}

static struct cairn_approval approval;
static struct cairn_sealed sealed;
static uint64_t epoch;

static enum cairn_rc provision(void)
{
    return device_try_provision(d);
}

static void provisioning_survives_every_fault(void **state)
{
    (void)state;
    const struct flow flow = {"provision", erase, provision, provisioned_right};
    walk(&flow);
}

static enum cairn_rc seal_unseal(void)
{
    uint8_t policy[32];
    CAIRN_SECRET *got = NULL;
    device_vault_policy(d, epoch, policy);
    CAIRN_TRY(cairn_tpm_seal(d->tpm, CAIRN_SPAN(secret), policy, &sealed, &d->err));
    CAIRN_TRY(cairn_tpm_unseal(d->tpm, &sealed, &approval, epoch, &got, &d->err));
    assert_true(cairn_span_equal(cairn_secret_span(got), CAIRN_SPAN(secret)));
    return CAIRN_OK;
}

static void vault_ready(void)
{
    epoch = device_epoch(d);
    device_approve_vault(d, &approval);
}

static void the_vault_survives_every_fault(void **state)
{
    (void)state;
    const struct flow flow = {"vault", vault_ready, seal_unseal, nothing};
    walk(&flow);
}

static struct cairn_area public_area;
static struct cairn_blob duplicate, seed, blob;

static enum cairn_rc open_import(void)
{
    CAIRN_SECRET *got = NULL;
    CAIRN_TRY(cairn_tpm_import(d->tpm, cairn_area_span(&public_area), cairn_blob_span(&duplicate), cairn_blob_span(&seed),
                               DEVICE_MASK, epoch, &got, &d->err));
    assert_true(cairn_span_equal(cairn_secret_span(got), CAIRN_SPAN(secret)));
    return CAIRN_OK;
}

static void make_import(void)
{
    uint8_t policy[32], digest[32], values[CAIRN_NUM_PCRS][32] = {{0}}, unique[32] = {8};
    CAIRN_SIGNER *ephemeral = NULL;
    struct cairn_ec_key srk;
    epoch = device_epoch(d);
    OK(d, cairn_signer_generate(&ephemeral, &d->err));
    OK(d, cairn_public_srk_check(cairn_area_span(&d->keys.srk), &srk, &d->err));
    OK(d, cairn_tpm_pcr_read(d->tpm, DEVICE_MASK, values, &d->err));
    OK(d, cairn_pcr_digest(DEVICE_MASK, (const uint8_t(*)[32])values, digest, &d->err));
    OK(d, cairn_policy_grant(DEVICE_MASK, digest, &d->pins.epoch, epoch, policy, &d->err));
    OK(d, cairn_wrap_import(ephemeral, &srk, policy, unique, CAIRN_SPAN(secret), &public_area, &duplicate, &seed, &d->err));
}

static void a_grant_survives_every_fault(void **state)
{
    (void)state;
    const struct flow flow = {"grant", make_import, open_import, nothing};
    walk(&flow);
}

static enum cairn_rc activate(void)
{
    CAIRN_SECRET *got = NULL;
    CAIRN_TRY(cairn_tpm_activate(d->tpm, cairn_blob_span(&blob), cairn_blob_span(&seed), &got, &d->err));
    assert_true(cairn_span_equal(cairn_secret_span(got), CAIRN_SPAN(secret)));
    return CAIRN_OK;
}

static void make_credential(void)
{
    CAIRN_SIGNER *ephemeral = NULL;
    struct cairn_ec_key ek;
    OK(d, cairn_signer_generate(&ephemeral, &d->err));
    OK(d, cairn_public_ek_check(cairn_area_span(&d->keys.ek), &ek, &d->err));
    OK(d, cairn_wrap_credential(ephemeral, &ek, &d->pins.ak, CAIRN_SPAN(secret), &blob, &seed, &d->err));
}

static void activation_survives_every_fault(void **state)
{
    (void)state;
    const struct flow flow = {"activate", make_credential, activate, nothing};
    walk(&flow);
}

static uint64_t target;

static void set_target(void)
{
    target = device_epoch(d) + 2;
}

/* As RECORD.md demands: an increment only after an authenticated read below the target. */
static enum cairn_rc kill_device(void)
{
    struct cairn_attestation att;
    uint8_t extra[32] = {1};
    uint64_t value = 0;
    CAIRN_TRY(cairn_tpm_epoch_read(d->tpm, &value, &d->err));
    while (value < target) {
        CAIRN_TRY(cairn_tpm_epoch_increment(d->tpm, &d->err));
        CAIRN_TRY(cairn_tpm_epoch_read(d->tpm, &value, &d->err));
    }
    CAIRN_TRY(cairn_tpm_pcr_extend(d->tpm, CAIRN_PCR_USERSPACE, cairn_span_str("cairn.cap.v1"), &d->err));
    CAIRN_TRY(cairn_tpm_epoch_certify(d->tpm, extra, &att, &d->err));
    return cairn_tpm_quote(d->tpm, DEVICE_MASK, extra, &att, &d->err);
}

static void killed_exactly(void)
{
    assert_int_equal(device_epoch(d), target);
}

static void a_kill_survives_every_fault_and_never_overshoots(void **state)
{
    (void)state;
    const struct flow flow = {"kill", set_target, kill_device, killed_exactly};
    walk(&flow);
}

static enum cairn_rc wipe(void)
{
    struct cairn_tpm_wipe request = {.mask = DEVICE_MASK, .stir = {1}, .extra = {2}};
    struct cairn_audit_want want = {.stir = {1}, .extra = {2}, .ak_public = cairn_area_span(&d->keys.ak)};
    struct cairn_audit_facts facts;
    CAIRN_AUDIT_LOG log = {0};
    struct cairn_tpm_proof *proof = NULL;
    struct cairn_attestation att;
    uint8_t extra[32] = {3};
    memcpy(request.fleet, d->fleet, sizeof request.fleet);
    CAIRN_TRY(cairn_tpm_wipe_run(d->tpm, &request, &log, &proof, &d->err));
    enum cairn_rc rc = cairn_tpm_wipe_sign(d->tpm, proof, extra, &att, &d->err);
    cairn_tpm_proof_free(d->tpm, proof);
    CAIRN_TRY(rc);
    return cairn_audit_judge(&log, &want, &facts, &d->err);
}

static void a_wipe_survives_every_fault(void **state)
{
    (void)state;
    const struct flow flow = {"wipe", nothing, wipe, nothing};
    walk(&flow); /* from the second run on the TPM is already cleared: a wipe is repeated, not resumed */
}

static void provision_again(void)
{
    erase();
    device_open(d);
    device_provision(d);
}

static void the_first_wipe_of_a_provisioned_device_survives_every_fault(void **state)
{
    (void)state;
    const struct flow flow = {"first wipe", provision_again, wipe, nothing};
    walk(&flow);
}

int main(void)
{
    (void)setenv("TSS2_LOG", "all+none", 1);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(the_vault_survives_every_fault, provisioned),
        cmocka_unit_test_setup(a_grant_survives_every_fault, provisioned),
        cmocka_unit_test_setup(activation_survives_every_fault, provisioned),
        cmocka_unit_test_setup(a_kill_survives_every_fault_and_never_overshoots, provisioned),
        cmocka_unit_test_setup(a_wipe_survives_every_fault, provisioned),
        cmocka_unit_test_setup(the_first_wipe_of_a_provisioned_device_survives_every_fault, provisioned),
        cmocka_unit_test_setup(provisioning_survives_every_fault, provisioned),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
