/* tests/unit/tpm/test_tpm_keys.c -- keys.c, ek.c, thing.c, attest.c on a factory-made TPM: who this device is. */
#include "unit/tpm/raw.h"

#include "tpm_data/claim.h"
#include "tpm_data/wrap.h"

static struct device *d;

static int setup(void **state)
{
    (void)state;
    d = device_new(true);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    device_free(d);
    return 0;
}

/* Every test starts on a cleared, unprovisioned TPM; EK certificates survive. */
static int blank(void **state)
{
    (void)state;
    raw_clear(d);
    memset(&d->pins, 0, sizeof d->pins);
    d->config = cairn_tpm_config_default();
    d->config.given = cairn_tap_context(d->tap);
    d->config.cache = d->cache;
    device_open(d);
    return 0;
}

static void makes_keys_of_the_templates(void **state)
{
    (void)state;
    struct cairn_ec_key ek, ak, srk;
    OK(d, cairn_tpm_keys_make(d->tpm, d->fleet, &d->keys, &d->err));
    OK(d, cairn_public_ek_check(cairn_area_span(&d->keys.ek), &ek, &d->err));
    OK(d, cairn_public_ak_check(cairn_area_span(&d->keys.ak), d->fleet, &ak, &d->err));
    OK(d, cairn_public_srk_check(cairn_area_span(&d->keys.srk), &srk, &d->err));
    assert_int_equal(d->keys.ak_handle, 0x81010002);
    assert_int_equal(d->keys.srk_handle, 0x81000001);
    assert_clean(d);
}

static void making_keys_again_finds_the_same(void **state)
{
    (void)state;
    struct cairn_tpm_keys again = {0};
    OK(d, cairn_tpm_keys_make(d->tpm, d->fleet, &d->keys, &d->err));
    device_open(d);
    OK(d, cairn_tpm_keys_make(d->tpm, d->fleet, &again, &d->err));
    assert_memory_equal(&again, &d->keys, sizeof again);
}

static void a_foreign_storage_key_stays_and_the_next_handle_is_taken(void **state)
{
    (void)state;
    struct cairn_area ek = {0};
    cairn_template_ek(NULL, &ek);
    raw_persist_primary(d, ESYS_TR_RH_OWNER, &ek, 0x81000001);
    OK(d, cairn_tpm_keys_make(d->tpm, d->fleet, &d->keys, &d->err));
    assert_int_equal(d->keys.srk_handle, 0x81000002);
}

static void an_endorsement_primary_with_the_storage_template_is_not_taken_for_the_storage_key(void **state)
{
    (void)state;
    struct cairn_area srk = {0};
    cairn_template_srk(NULL, &srk);
    raw_persist_primary(d, ESYS_TR_RH_ENDORSEMENT, &srk, 0x81000001);
    OK(d, cairn_tpm_keys_make(d->tpm, d->fleet, &d->keys, &d->err));
    assert_int_equal(d->keys.srk_handle, 0x81000002);
}

static void a_foreign_key_at_the_attestation_handle_is_refused(void **state)
{
    (void)state;
    struct cairn_area ek = {0};
    cairn_template_ek(NULL, &ek);
    raw_persist_primary(d, ESYS_TR_RH_ENDORSEMENT, &ek, 0x81010002);
    REFUSES(d, CAIRN_E_TPM, "tpm.handle.used", cairn_tpm_keys_make(d->tpm, d->fleet, &d->keys, &d->err));
}

static void another_fleets_attestation_key_is_refused(void **state)
{
    (void)state;
    uint8_t other[32] = {1};
    OK(d, cairn_tpm_keys_make(d->tpm, other, &d->keys, &d->err));
    device_open(d);
    REFUSES(d, CAIRN_E_TPM, "tpm.handle.used", cairn_tpm_keys_make(d->tpm, d->fleet, &d->keys, &d->err));
}

static void a_taken_tpm_is_named_and_works_with_its_auth_which_is_never_on_the_wire(void **state)
{
    (void)state;
    static const char password[] = "owner password";
    CAIRN_SECRET *auth = NULL;
    raw_auth(d, ESYS_TR_RH_OWNER, "", password);
    raw_auth(d, ESYS_TR_RH_ENDORSEMENT, "", password);
    REFUSES(d, CAIRN_E_TPM, "tpm.taken", cairn_tpm_keys_make(d->tpm, d->fleet, &d->keys, &d->err));
    OK(d, cairn_secret_copy(cairn_span_str(password), &auth, &d->err));
    d->config.owner_auth = auth;
    d->config.endorsement_auth = auth;
    device_open(d);
    cairn_tap_reset(d->tap);
    device_provision(d);
    OK(d, cairn_tpm_epoch_increment(d->tpm, &d->err));
    assert_false(cairn_tap_saw(d->tap, cairn_span_str(password)));
    assert_clean(d);
    assert_int_equal(lockout_counter(d), 0);
    device_open(d);
    REFUSES(d, CAIRN_E_REFUSED, "credential.other",
            cairn_tpm_activate(d->tpm, cairn_span_str("not a credential"), cairn_span_str("no"), &(struct cairn_secret *){NULL},
                               &d->err));
    assert_false(cairn_tap_saw(d->tap, cairn_span_str(password)));
    cairn_tpm_close(d->tpm);
    d->tpm = NULL;
}

static void a_wrong_owner_auth_is_named(void **state)
{
    (void)state;
    CAIRN_SECRET *auth = NULL;
    OK(d, cairn_secret_copy(cairn_span_str("wrong"), &auth, &d->err));
    d->config.owner_auth = auth;
    device_open(d);
    REFUSES(d, CAIRN_E_TPM, "tpm.taken", cairn_tpm_keys_make(d->tpm, d->fleet, &d->keys, &d->err));
    cairn_tpm_close(d->tpm);
    d->tpm = NULL;
}

static void other_keys_than_the_pinned_are_refused(void **state)
{
    (void)state;
    uint8_t extra[32] = {0};
    struct cairn_attestation att;
    device_provision(d);
    struct cairn_tpm_pins pins = d->pins;
    pins.ak.bytes[9] ^= 1;
    memset(pins.fleet, 0, sizeof pins.fleet);
    OK(d, cairn_tpm_pin(d->tpm, &pins, &d->err));
    REFUSES(d, CAIRN_E_TPM, "tpm.ak.other", cairn_tpm_quote(d->tpm, 1, extra, &att, &d->err));
    pins.srk.bytes[9] ^= 1;
    OK(d, cairn_tpm_pin(d->tpm, &pins, &d->err));
    uint64_t value = 0;
    cairn_tap_reset(d->tap);
    REFUSES(d, CAIRN_E_TPM, "tpm.srk.other", cairn_tpm_epoch_read(d->tpm, &value, &d->err));
    assert_int_equal(cairn_tap_count_of(d->tap, TPM2_CC_StartAuthSession), 0);
    REFUSES(d, CAIRN_E_TPM, "tpm.srk.other", cairn_tpm_keys_make(d->tpm, d->fleet, &d->keys, &d->err));
}

/* The pinned SRK's TR lies in the cache, but another key now has its handle. */
static void a_storage_key_exchanged_behind_the_cache_is_noticed(void **state)
{
    (void)state;
    uint64_t value = 0;
    struct cairn_area impostor = {0};
    device_provision(d);
    (void)device_epoch(d);
    raw_evict(d, 0x81000001);
    device_open(d);
    REFUSES(d, CAIRN_E_TPM, "tpm.srk.other", cairn_tpm_epoch_read(d->tpm, &value, &d->err));
    cairn_template_srk(NULL, &impostor);
    raw_persist_primary(d, ESYS_TR_RH_ENDORSEMENT, &impostor, 0x81000001);
    device_open(d);
    REFUSES(d, CAIRN_E_TPM, "tpm.srk.other", cairn_tpm_epoch_read(d->tpm, &value, &d->err));
    assert_int_equal(lockout_counter(d), 0);
}

static void using_what_is_not_pinned_is_a_usage_error(void **state)
{
    (void)state;
    uint64_t value = 0;
    struct cairn_tpm_pins none = {0};
    REFUSES(d, CAIRN_E_USAGE, "tpm.unpinned", cairn_tpm_epoch_read(d->tpm, &value, &d->err));
    REFUSES(d, CAIRN_E_USAGE, "tpm.unpinned", cairn_tpm_pin(d->tpm, &none, &d->err));
}

struct certs {
    unsigned num;
    bool p256;
};

static enum cairn_rc count_cert(void *arg, uint32_t index, struct cairn_span der, struct cairn_err *err)
{
    struct certs *certs = arg;
    (void)err;
    certs->num++;
    certs->p256 = certs->p256 || index == 0x01c0000a;
    assert_true(der.len > 500 && der.p[0] == 0x30);
    return CAIRN_OK;
}

static void reads_every_ek_certificate_whole(void **state)
{
    (void)state;
    struct certs certs = {0};
    OK(d, cairn_tpm_ek_certs(d->tpm, count_cert, &certs, &d->err));
    assert_int_equal(certs.num, 3); /* RSA-2048, P-384, and Cairn's P-256 */
    assert_true(certs.p256);
}

static enum cairn_rc refuse_cert(void *arg, uint32_t index, struct cairn_span der, struct cairn_err *err)
{
    (void)arg;
    (void)index;
    (void)der;
    return CAIRN_FAIL(err, CAIRN_E_REFUSED, "test.stop", "stop");
}

static void the_certificate_callback_can_stop(void **state)
{
    (void)state;
    REFUSES(d, CAIRN_E_REFUSED, "test.stop", cairn_tpm_ek_certs(d->tpm, refuse_cert, NULL, &d->err));
}

static void credential(const struct cairn_name *ak, struct cairn_span secret, struct cairn_blob *blob, struct cairn_blob *seed)
{
    CAIRN_SIGNER *ephemeral = NULL;
    struct cairn_ec_key ek;
    OK(d, cairn_signer_generate(&ephemeral, &d->err));
    OK(d, cairn_public_ek_check(cairn_area_span(&d->keys.ek), &ek, &d->err));
    OK(d, cairn_wrap_credential(ephemeral, &ek, ak, secret, blob, seed, &d->err));
}

static void a_credential_for_this_ek_and_ak_is_activated_and_never_on_the_wire(void **state)
{
    (void)state;
    struct cairn_blob blob = {0}, seed = {0};
    uint8_t secret[32];
    CAIRN_SECRET *got = NULL;
    memset(secret, 0x5C, sizeof secret);
    device_provision(d);
    credential(&d->pins.ak, CAIRN_SPAN(secret), &blob, &seed);
    device_open(d);
    cairn_tap_reset(d->tap);
    OK(d, cairn_tpm_activate(d->tpm, cairn_blob_span(&blob), cairn_blob_span(&seed), &got, &d->err));
    assert_true(cairn_span_equal(cairn_secret_span(got), CAIRN_SPAN(secret)));
    assert_false(cairn_tap_saw(d->tap, CAIRN_SPAN(secret)));
    assert_clean(d);
}

static void a_credential_for_another_ak_is_refused(void **state)
{
    (void)state;
    struct cairn_blob blob = {0}, seed = {0};
    uint8_t secret[32] = {7};
    CAIRN_SECRET *got = NULL;
    device_provision(d);
    struct cairn_name other = d->pins.ak;
    other.bytes[20] ^= 1;
    credential(&other, CAIRN_SPAN(secret), &blob, &seed);
    REFUSES(d, CAIRN_E_REFUSED, "credential.other",
            cairn_tpm_activate(d->tpm, cairn_blob_span(&blob), cairn_blob_span(&seed), &got, &d->err));
    assert_null(got);
    blob.len = 600;
    REFUSES(d, CAIRN_E_REFUSED, "credential.other",
            cairn_tpm_activate(d->tpm, cairn_span(blob.bytes, sizeof blob.bytes), cairn_blob_span(&seed), &got, &d->err));
}

static void a_cleared_device_still_answers_a_credential(void **state)
{
    (void)state;
    struct cairn_blob blob = {0}, seed = {0};
    uint8_t secret[32] = {9}, extra[32] = {1};
    CAIRN_SECRET *got = NULL;
    struct cairn_attestation att;
    device_provision(d);
    credential(&d->pins.ak, CAIRN_SPAN(secret), &blob, &seed);
    raw_clear(d);
    device_open(d);
    OK(d, cairn_tpm_activate(d->tpm, cairn_blob_span(&blob), cairn_blob_span(&seed), &got, &d->err));
    assert_true(cairn_span_equal(cairn_secret_span(got), CAIRN_SPAN(secret)));
    OK(d, cairn_tpm_quote(d->tpm, DEVICE_MASK, extra, &att, &d->err));
    assert_clean(d);
    memset(d->pins.fleet, 0x11, sizeof d->pins.fleet);
    device_open(d);
    REFUSES(d, CAIRN_E_TPM, "tpm.ak.other", cairn_tpm_quote(d->tpm, DEVICE_MASK, extra, &att, &d->err));
}

static void certifications_and_quotes_verify(void **state)
{
    (void)state;
    uint8_t extra[32] = {0xE7}, digest[32], values[CAIRN_NUM_PCRS][32] = {{0}};
    struct cairn_attestation att;
    struct cairn_claim claim;
    struct cairn_name qualified;
    uint64_t value = 0;
    device_provision(d);
    struct cairn_span ak = cairn_area_span(&d->keys.ak);
    OK(d, cairn_tpm_certify_srk(d->tpm, extra, &att, &d->err));
    OK(d, cairn_claim_verify(&att, CAIRN_CLAIM_CERTIFY, ak, extra, &claim, &d->err));
    OK(d, cairn_name_qualify(CAIRN_RH_OWNER, &d->pins.srk, &qualified, &d->err));
    assert_true(cairn_name_equal(&claim.u.certify.name, &d->pins.srk));
    assert_true(cairn_name_equal(&claim.u.certify.qualified, &qualified));
    OK(d, cairn_tpm_epoch_certify(d->tpm, extra, &att, &d->err));
    OK(d, cairn_claim_verify(&att, CAIRN_CLAIM_NV, ak, extra, &claim, &d->err));
    OK(d, cairn_claim_counter(&claim, &d->pins.epoch, &value, &d->err));
    assert_int_equal(value, device_epoch(d));
    OK(d, cairn_tpm_quote(d->tpm, DEVICE_MASK, extra, &att, &d->err));
    OK(d, cairn_claim_verify(&att, CAIRN_CLAIM_QUOTE, ak, extra, &claim, &d->err));
    OK(d, cairn_tpm_pcr_read(d->tpm, DEVICE_MASK, values, &d->err));
    OK(d, cairn_pcr_digest(DEVICE_MASK, (const uint8_t(*)[32])values, digest, &d->err));
    assert_int_equal(claim.u.quote.mask, DEVICE_MASK);
    assert_memory_equal(claim.u.quote.digest, digest, 32);
}

int main(void)
{
    (void)setenv("TSS2_LOG", "all+none", 1);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(makes_keys_of_the_templates, blank),
        cmocka_unit_test_setup(making_keys_again_finds_the_same, blank),
        cmocka_unit_test_setup(a_foreign_storage_key_stays_and_the_next_handle_is_taken, blank),
        cmocka_unit_test_setup(an_endorsement_primary_with_the_storage_template_is_not_taken_for_the_storage_key, blank),
        cmocka_unit_test_setup(a_foreign_key_at_the_attestation_handle_is_refused, blank),
        cmocka_unit_test_setup(another_fleets_attestation_key_is_refused, blank),
        cmocka_unit_test_setup(a_taken_tpm_is_named_and_works_with_its_auth_which_is_never_on_the_wire, blank),
        cmocka_unit_test_setup(a_wrong_owner_auth_is_named, blank),
        cmocka_unit_test_setup(other_keys_than_the_pinned_are_refused, blank),
        cmocka_unit_test_setup(a_storage_key_exchanged_behind_the_cache_is_noticed, blank),
        cmocka_unit_test_setup(using_what_is_not_pinned_is_a_usage_error, blank),
        cmocka_unit_test_setup(reads_every_ek_certificate_whole, blank),
        cmocka_unit_test_setup(the_certificate_callback_can_stop, blank),
        cmocka_unit_test_setup(a_credential_for_this_ek_and_ak_is_activated_and_never_on_the_wire, blank),
        cmocka_unit_test_setup(a_credential_for_another_ak_is_refused, blank),
        cmocka_unit_test_setup(a_cleared_device_still_answers_a_credential, blank),
        cmocka_unit_test_setup(certifications_and_quotes_verify, blank),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
