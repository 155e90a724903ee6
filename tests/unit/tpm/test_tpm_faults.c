/* tests/unit/tpm/test_tpm_faults.c -- run.c: vault, grant, credential and kill, whatever breaks on the way. */
#include "unit/tpm/walk.h"

#include "tpm_data/wrap.h"

static struct cairn_approval approval;
static struct cairn_sealed sealed;
static uint64_t epoch;

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

int main(void)
{
    (void)setenv("TSS2_LOG", "all+none", 1);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(the_vault_survives_every_fault, provisioned),
        cmocka_unit_test_setup(a_grant_survives_every_fault, provisioned),
        cmocka_unit_test_setup(activation_survives_every_fault, provisioned),
        cmocka_unit_test_setup(a_kill_survives_every_fault_and_never_overshoots, provisioned),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
