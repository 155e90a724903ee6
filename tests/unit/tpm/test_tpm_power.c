/* tests/unit/tpm/test_tpm_power.c -- keys.c, attest.c, ek.c: power cuts between uses never bring a TPM nearer to its lockout.
 *
 * A TPM that loses power without a shutdown counts one failed authorisation if an object with an authValue and without noDA
 * was used since the last orderly one; a few of those, and it refuses for many minutes (CHECKS 16).
 */
#include "unit/tpm/raw.h"

#include "tpm_data/claim.h"
#include "tpm_data/wrap.h"

enum { CYCLES = 5, NO_DA_BYTE = 6, NO_DA_BIT = 0x04 };

static const uint32_t spare_handle = 0x81010100u;
static struct device *d;

static int setup(void **state)
{
    (void)state;
    d = device_new(false);
    device_provision(d);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    device_free(d);
    return 0;
}

/* Power fails and comes back, and the program is started anew. */
static void cut_power(void)
{
    cairn_tpm_close(d->tpm);
    d->tpm = NULL;
    cairn_tap_free(d->tap);
    cairn_swtpm_reset(d->swtpm);
    d->tap = cairn_tap_new(d->swtpm);
    d->config.given = cairn_tap_context(d->tap);
    device_open(d);
}

static void quote_proves(uint8_t fill)
{
    struct cairn_attestation att = {0};
    struct cairn_claim claim;
    uint8_t extra[32];
    memset(extra, fill, sizeof extra);
    OK(d, cairn_tpm_quote(d->tpm, DEVICE_MASK, extra, &att, &d->err));
    OK(d, cairn_claim_verify(&att, CAIRN_CLAIM_QUOTE, cairn_area_span(&d->keys.ak), extra, &claim, &d->err));
}

static void a_quote_before_each_of_five_power_cuts_costs_no_attempt(void **state)
{
    (void)state;
    for (unsigned i = 0; i < CYCLES; i++) {
        quote_proves((uint8_t)i);
        cut_power();
        assert_int_equal(lockout_counter(d), 0);
    }
    quote_proves(CYCLES);
    assert_int_equal(lockout_counter(d), 0);
}

static void activate(void)
{
    CAIRN_SIGNER *ephemeral = NULL;
    CAIRN_SECRET *got = NULL;
    const uint8_t secret[32] = {0x5C};
    struct cairn_blob blob = {0}, seed = {0};
    struct cairn_ec_key ek;
    OK(d, cairn_signer_generate(&ephemeral, &d->err));
    OK(d, cairn_public_ek_check(cairn_area_span(&d->keys.ek), &ek, &d->err));
    OK(d, cairn_wrap_credential(ephemeral, &ek, &d->pins.ak, CAIRN_SPAN(secret), &blob, &seed, &d->err));
    OK(d, cairn_tpm_activate(d->tpm, cairn_blob_span(&blob), cairn_blob_span(&seed), &got, &d->err));
}

static void every_other_use_of_the_keys_costs_none_either(void **state)
{
    (void)state;
    for (unsigned i = 0; i < CYCLES; i++) {
        struct cairn_attestation att = {0};
        const uint8_t extra[32] = {0xEE};
        activate();
        OK(d, cairn_tpm_certify_srk(d->tpm, extra, &att, &d->err));
        OK(d, cairn_tpm_epoch_increment(d->tpm, &d->err));
        OK(d, cairn_tpm_epoch_certify(d->tpm, extra, &att, &d->err));
        cut_power();
        assert_int_equal(lockout_counter(d), 0);
    }
}

/* The same cycle with the one bit clear: what the attribute is for, and that this software TPM would have shown it. */
static void a_key_without_the_attribute_costs_one_attempt_per_cut(void **state)
{
    (void)state;
    struct cairn_area area;
    cairn_template_ak(d->fleet, NULL, &area);
    area.bytes[NO_DA_BYTE] ^= NO_DA_BIT;
    raw_persist_primary(d, ESYS_TR_RH_ENDORSEMENT, &area, spare_handle);
    const TPML_PCR_SELECTION pcrs = {1, {{TPM2_ALG_SHA256, 3, {1, 0, 0}}}};
    const TPMT_SIG_SCHEME scheme = {.scheme = TPM2_ALG_NULL};
    const TPM2B_DATA extra = {0};
    for (unsigned i = 0; i < 2; i++) {
        ESYS_CONTEXT *e = raw_open(d);
        ESYS_TR key = RAW_NO;
        RAW_OK(Esys_TR_FromTPMPublic(e, spare_handle, RAW_NO, RAW_NO, RAW_NO, &key));
        RAW_OK(Esys_Quote(e, key, RAW_PW, RAW_NO, RAW_NO, &extra, &scheme, &pcrs, NULL, NULL));
        Esys_Finalize(&e);
        cut_power();
        assert_int_equal(lockout_counter(d), i + 1);
    }
    raw_clear(d); /* the count goes with the Clear */
    assert_int_equal(lockout_counter(d), 0);
}

/* After the Clear the AK is a transient object, made again for each use: the live challenge of a device on a shelf. */
static void a_retired_device_can_be_cut_off_and_asked_as_often(void **state)
{
    (void)state;
    raw_clear(d);
    for (unsigned i = 0; i < CYCLES; i++) {
        quote_proves((uint8_t)i);
        activate();
        cut_power();
        assert_int_equal(lockout_counter(d), 0);
    }
    assert_clean(d);
}

int main(void)
{
    (void)setenv("TSS2_LOG", "all+none", 1);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_quote_before_each_of_five_power_cuts_costs_no_attempt, setup, teardown),
        cmocka_unit_test_setup_teardown(every_other_use_of_the_keys_costs_none_either, setup, teardown),
        cmocka_unit_test_setup_teardown(a_key_without_the_attribute_costs_one_attempt_per_cut, setup, teardown),
        cmocka_unit_test_setup_teardown(a_retired_device_can_be_cut_off_and_asked_as_often, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
