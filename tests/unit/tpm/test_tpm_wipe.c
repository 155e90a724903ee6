/* tests/unit/tpm/test_tpm_wipe.c -- wipe_proof.c: TPM2_Clear as a real TPM testifies it, judged as an auditor judges it. */
#include "unit/tpm/raw.h"

#include "tpm_data/audit.h"

static struct device *d;

static int setup(void **state)
{
    (void)state;
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

static int fresh(void **state)
{
    (void)state;
    cairn_tap_free(d->tap);
    cairn_tpm_close(d->tpm);
    d->tpm = NULL;
    cairn_swtpm_restore(d->swtpm, "provisioned");
    d->tap = cairn_tap_new(d->swtpm);
    d->config = cairn_tpm_config_default();
    d->config.given = cairn_tap_context(d->tap);
    d->config.cache = d->cache;
    device_open(d);
    cairn_tap_reset(d->tap);
    return 0;
}

static struct cairn_tpm_wipe request(void)
{
    struct cairn_tpm_wipe wipe = {.mask = DEVICE_MASK};
    memcpy(wipe.fleet, d->fleet, sizeof wipe.fleet);
    memset(wipe.stir, 0x57, sizeof wipe.stir);
    memset(wipe.extra, 0xE3, sizeof wipe.extra);
    return wipe;
}

/* Runs, signs, and judges: the sequence, the two quotes, the digest and the signature over it. */
static void wiped_and_proved(struct cairn_audit_facts *facts)
{
    struct cairn_tpm_wipe wipe = request();
    CAIRN_AUDIT_LOG log = {0};
    struct cairn_tpm_proof *proof = NULL;
    struct cairn_attestation att = {0};
    struct cairn_claim claim;
    uint8_t extra[32] = {0xCE}, digest[32];
    struct cairn_audit_want want = {.ak_public = cairn_area_span(&d->keys.ak)};
    memcpy(want.stir, wipe.stir, 32);
    memcpy(want.extra, wipe.extra, 32);
    OK(d, cairn_tpm_wipe_run(d->tpm, &wipe, &log, &proof, &d->err));
    OK(d, cairn_tpm_wipe_sign(d->tpm, proof, extra, &att, &d->err));
    cairn_tpm_proof_free(d->tpm, proof);
    OK(d, cairn_audit_judge(&log, &want, facts, &d->err));
    OK(d, cairn_claim_verify(&att, CAIRN_CLAIM_AUDIT, want.ak_public, extra, &claim, &d->err));
    OK(d, cairn_audit_digest(&log, digest, &d->err));
    assert_memory_equal(claim.u.audit.digest, digest, 32);
    assert_true(claim.u.audit.exclusive);
    assert_clean(d);
}

static bool listed(const struct cairn_audit_handles *handles, uint32_t handle)
{
    for (size_t i = 0; i < handles->num; i++) {
        if (handles->handle[i] == handle) {
            return true;
        }
    }
    return false;
}

static void a_wipe_is_proved_by_the_tpm(void **state)
{
    (void)state;
    struct cairn_audit_facts facts = {0};
    struct cairn_attestation att;
    uint8_t extra[32] = {0};
    wiped_and_proved(&facts);
    assert_int_equal(facts.num_undefined, 3);
    assert_true(listed(&facts.nv_before, d->config.epoch));
    assert_true(listed(&facts.persistent_before, d->config.ak));
    assert_false(listed(&facts.nv_after, d->config.epoch));
    assert_int_equal(facts.persistent_after.num, 0);
    assert_int_equal(facts.after.resets, 0);
    OK(d, cairn_tpm_quote(d->tpm, DEVICE_MASK, extra, &att, &d->err)); /* the addendum quote */
    assert_clean(d);
}

static void a_wipe_can_be_repeated_by_the_same_and_by_a_new_program(void **state)
{
    (void)state;
    struct cairn_audit_facts facts = {0};
    wiped_and_proved(&facts);
    wiped_and_proved(&facts);
    assert_int_equal(facts.num_undefined, 0);
    device_open(d);
    wiped_and_proved(&facts);
    assert_int_equal(facts.num_undefined, 0);
}

static void unwritten_anchors_and_a_foreign_index_do_not_stop_it(void **state)
{
    (void)state;
    struct cairn_audit_facts facts = {0};
    ESYS_CONTEXT *e = raw_open(d);
    const TPMS_NV_PUBLIC foreign = {.nvIndex = d->config.anchor[1],
                                    .nameAlg = TPM2_ALG_SHA256,
                                    .attributes = TPMA_NV_OWNERWRITE | TPMA_NV_OWNERREAD,
                                    .dataSize = 4};
    raw_undefine(d, d->config.anchor[1]);
    (void)raw_define(e, &foreign);
    Esys_Finalize(&e);
    wiped_and_proved(&facts);
    assert_int_equal(facts.num_undefined, 2);
    assert_false(listed(&facts.nv_after, d->config.anchor[1])); /* the Clear took it */
}

static void a_disabled_clear_is_named_before_anything_happens(void **state)
{
    (void)state;
    struct cairn_tpm_wipe wipe = request();
    CAIRN_AUDIT_LOG log = {0};
    struct cairn_tpm_proof *proof = NULL;
    ESYS_CONTEXT *e = raw_open(d);
    RAW_OK(Esys_ClearControl(e, ESYS_TR_RH_LOCKOUT, RAW_PW, RAW_NO, RAW_NO, TPM2_YES));
    Esys_Finalize(&e);
    cairn_tap_reset(d->tap);
    REFUSES(d, CAIRN_E_TPM, "wipe.clear.disabled", cairn_tpm_wipe_run(d->tpm, &wipe, &log, &proof, &d->err));
    assert_int_equal(cairn_tap_count_of(d->tap, TPM2_CC_Clear), 0);
    assert_null(proof);
    assert_int_equal(log.num_steps, 0);
}

static void an_unknown_lockout_auth_is_never_guessed(void **state)
{
    (void)state;
    struct cairn_tpm_wipe wipe = request();
    CAIRN_AUDIT_LOG log = {0};
    struct cairn_tpm_proof *proof = NULL;
    raw_auth(d, ESYS_TR_RH_LOCKOUT, "", "lockout password");
    cairn_tap_reset(d->tap);
    REFUSES(d, CAIRN_E_TPM, "wipe.clear.auth", cairn_tpm_wipe_run(d->tpm, &wipe, &log, &proof, &d->err));
    assert_int_equal(cairn_tap_count_of(d->tap, TPM2_CC_Clear), 0);
}

static void a_configured_lockout_auth_clears_and_is_not_on_the_wire(void **state)
{
    (void)state;
    static const char password[] = "lockout password";
    struct cairn_audit_facts facts = {0};
    CAIRN_SECRET *auth = NULL;
    raw_auth(d, ESYS_TR_RH_LOCKOUT, "", password);
    raw_auth(d, ESYS_TR_RH_OWNER, "", password);
    raw_auth(d, ESYS_TR_RH_ENDORSEMENT, "", password);
    OK(d, cairn_secret_copy(cairn_span_str(password), &auth, &d->err));
    d->config.lockout_auth = d->config.owner_auth = d->config.endorsement_auth = auth;
    device_open(d);
    cairn_tap_reset(d->tap);
    wiped_and_proved(&facts);
    assert_int_equal(facts.num_undefined, 3);
    assert_false(cairn_tap_saw(d->tap, cairn_span_str(password)));
    wiped_and_proved(&facts); /* now the auth is empty */
    device_open(d);
    wiped_and_proved(&facts);
    cairn_tpm_close(d->tpm);
    d->tpm = NULL;
}

static void without_owner_auth_the_clear_takes_the_indices(void **state)
{
    (void)state;
    struct cairn_audit_facts facts = {0};
    raw_auth(d, ESYS_TR_RH_OWNER, "", "somebody's");
    device_open(d);
    wiped_and_proved(&facts);
    assert_int_equal(facts.num_undefined, 0);
    assert_false(listed(&facts.nv_after, d->config.epoch));
}

static void a_wrong_lockout_auth_is_named_and_then_the_lockout_with_its_seconds(void **state)
{
    (void)state;
    struct cairn_tpm_wipe wipe = request();
    CAIRN_AUDIT_LOG log = {0};
    CAIRN_SECRET *auth = NULL;
    struct cairn_tpm_proof *proof = NULL;
    raw_auth(d, ESYS_TR_RH_LOCKOUT, "", "right");
    OK(d, cairn_secret_copy(cairn_span_str("wrong"), &auth, &d->err));
    d->config.lockout_auth = auth;
    device_open(d);
    REFUSES(d, CAIRN_E_TPM, "wipe.clear.auth", cairn_tpm_wipe_run(d->tpm, &wipe, &log, &proof, &d->err));
    assert_int_equal(cairn_tap_count_of(d->tap, TPM2_CC_Clear), 1); /* once, not again */
    REFUSES(d, CAIRN_E_BUSY, "tpm.lockout", cairn_tpm_wipe_run(d->tpm, &wipe, &log, &proof, &d->err));
    assert_true(d->err.retry_after_s > 0);
    assert_clean(d);
    cairn_tpm_close(d->tpm);
    d->tpm = NULL;
}

static void a_proof_whose_session_was_lost_says_so(void **state)
{
    (void)state;
    struct cairn_tpm_wipe wipe = request();
    CAIRN_AUDIT_LOG log = {0};
    struct cairn_tpm_proof *proof = NULL;
    struct cairn_attestation att;
    uint8_t extra[32] = {0};
    uint64_t value = 0;
    OK(d, cairn_tpm_wipe_run(d->tpm, &wipe, &log, &proof, &d->err));
    cairn_tap_reset(d->tap);
    cairn_tap_break(d->tap, CAIRN_TAP_DROP, 1);
    assert_int_equal(cairn_tpm_epoch_read(d->tpm, &value, &d->err), CAIRN_E_TPM);
    REFUSES(d, CAIRN_E_TPM, "wipe.proof.lost", cairn_tpm_wipe_sign(d->tpm, proof, extra, &att, &d->err));
    cairn_tpm_proof_free(d->tpm, proof);
    assert_clean(d);
}

static void another_fleets_wipe_is_refused_before_the_clear(void **state)
{
    (void)state;
    struct cairn_tpm_wipe wipe = request();
    CAIRN_AUDIT_LOG log = {0};
    struct cairn_tpm_proof *proof = NULL;
    wipe.fleet[0] ^= 1;
    REFUSES(d, CAIRN_E_TPM, "tpm.ak.other", cairn_tpm_wipe_run(d->tpm, &wipe, &log, &proof, &d->err));
    assert_int_equal(cairn_tap_count_of(d->tap, TPM2_CC_Clear), 0);
    assert_clean(d);
}

int main(void)
{
    (void)setenv("TSS2_LOG", "all+none", 1);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(a_wipe_is_proved_by_the_tpm, fresh),
        cmocka_unit_test_setup(a_wipe_can_be_repeated_by_the_same_and_by_a_new_program, fresh),
        cmocka_unit_test_setup(unwritten_anchors_and_a_foreign_index_do_not_stop_it, fresh),
        cmocka_unit_test_setup(a_disabled_clear_is_named_before_anything_happens, fresh),
        cmocka_unit_test_setup(an_unknown_lockout_auth_is_never_guessed, fresh),
        cmocka_unit_test_setup(a_configured_lockout_auth_clears_and_is_not_on_the_wire, fresh),
        cmocka_unit_test_setup(without_owner_auth_the_clear_takes_the_indices, fresh),
        cmocka_unit_test_setup(a_wrong_lockout_auth_is_named_and_then_the_lockout_with_its_seconds, fresh),
        cmocka_unit_test_setup(a_proof_whose_session_was_lost_says_so, fresh),
        cmocka_unit_test_setup(another_fleets_wipe_is_refused_before_the_clear, fresh),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
