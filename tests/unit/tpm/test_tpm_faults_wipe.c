/* tests/unit/tpm/test_tpm_faults_wipe.c -- wipe_proof.c and run.c: a proof in the end, whatever breaks on the way. */
#include "unit/tpm/walk.h"

#include "tpm_data/audit.h"

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
    (void)provisioned(NULL);
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
        cmocka_unit_test_setup(a_wipe_survives_every_fault, provisioned),
        cmocka_unit_test_setup(the_first_wipe_of_a_provisioned_device_survives_every_fault, provisioned),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
