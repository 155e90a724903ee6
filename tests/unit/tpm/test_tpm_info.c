/* tests/unit/tpm/test_tpm_info.c -- info.c, pcr.c, marshal.c, record_tcti.c, cache.c's seams: the small parts. */
#include "unit/tpm/raw.h"

#include "tpm/record_tcti.h"
#include "tpm/tpm_internal.h"

static struct device *d;

static int setup(void **state)
{
    (void)state;
    d = device_new(false);
    device_provision(d);
    cairn_tap_reset(d->tap);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    device_free(d);
    return 0;
}

static void a_software_tpm_says_that_it_is_one(void **state)
{
    (void)state;
    struct cairn_tpm_info info = {0};
    OK(d, cairn_tpm_info(d->tpm, &info, &d->err));
    assert_string_equal(info.manufacturer, "IBM ");
    assert_true(info.is_virtual);
    assert_true(info.sha256_bank && info.ecc_p256);
    assert_true(info.nv_index_max >= 512 && info.nv_buffer_max >= 512);
    assert_true(info.firmware != 0 && info.vendor[0] != 0);
    assert_false(info.owner_auth_set || info.lockout_auth_set || info.clear_disabled || info.in_lockout);
    assert_true(info.lockout_interval_s > 0);
    raw_auth(d, ESYS_TR_RH_LOCKOUT, "", "x");
    OK(d, cairn_tpm_info(d->tpm, &info, &d->err));
    assert_true(info.lockout_auth_set);
    raw_auth(d, ESYS_TR_RH_LOCKOUT, "x", "");
}

static void lists_what_is_persistent(void **state)
{
    (void)state;
    struct cairn_audit_handles handles = {0};
    OK(d, cairn_tpm_handles(d->tpm, 0x81000000u, &handles, &d->err));
    assert_int_equal(handles.num, 2);
    assert_int_equal(handles.handle[0], d->config.srk);
    assert_int_equal(handles.handle[1], d->config.ak);
}

/* One bank's value by software: H(old || H(data)). */
static void extended(enum cairn_hash alg, const uint8_t *old, struct cairn_span data, uint8_t *out)
{
    uint8_t event[CAIRN_HASH_MAX];
    size_t len = cairn_hash_len(alg);
    OK(d, cairn_hash_parts(alg, &data, 1, event, &d->err));
    const struct cairn_span parts[] = {cairn_span(old, len), cairn_span(event, len)};
    OK(d, cairn_hash_parts(alg, parts, 2, out, &d->err));
}

static void an_extend_reaches_every_active_bank_with_that_banks_hash(void **state)
{
    (void)state;
    uint8_t values[CAIRN_NUM_PCRS][32] = {{0}}, want[CAIRN_HASH_MAX], zero[CAIRN_HASH_MAX] = {0}, want1[CAIRN_HASH_MAX];
    uint16_t algs[CAIRN_TPM_MAX_BANKS] = {0};
    size_t num = 0;
    struct cairn_span data = cairn_span_str("cairn.cap.v1");
    OK(d, cairn_tpm_pcr_banks(d->tpm, algs, &num, &d->err));
    assert_int_equal(num, 4);
    cairn_tap_reset(d->tap);
    OK(d, cairn_tpm_pcr_extend(d->tpm, 11, data, &d->err));
    assert_int_equal(cairn_tap_count(d->tap), 1);
    extended(CAIRN_SHA256, zero, data, want);
    OK(d, cairn_tpm_pcr_read(d->tpm, 0xFFFFFF, values, &d->err));
    assert_memory_equal(values[11], want, 32);
    extended(CAIRN_SHA1, zero, data, want1);
    ESYS_CONTEXT *e = raw_open(d);
    TPML_PCR_SELECTION select = {.count = 1,
                                 .pcrSelections = {{.hash = TPM2_ALG_SHA1, .sizeofSelect = 3, .pcrSelect = {0, 1u << 3, 0}}}};
    TPML_DIGEST *digests = NULL;
    RAW_OK(Esys_PCR_Read(e, RAW_NO, RAW_NO, RAW_NO, &select, NULL, NULL, &digests));
    assert_memory_equal(digests->digests[0].buffer, want1, 20);
    free(digests);
    Esys_Finalize(&e);
}

/* Beyond 1024 bytes the host hashes; a SHA-512 bank it does not know is said, not skipped. */
static void a_long_event_needs_banks_with_known_hashes(void **state)
{
    (void)state;
    static const uint8_t big[1025];
    REFUSES(d, CAIRN_E_TPM, "tpm.bank", cairn_tpm_pcr_extend(d->tpm, 12, CAIRN_SPAN(big), &d->err));
    REFUSES(d, CAIRN_E_USAGE, "pcr.selection", cairn_tpm_pcr_extend(d->tpm, 24, cairn_span_str("x"), &d->err));
    uint8_t values[CAIRN_NUM_PCRS][32];
    REFUSES(d, CAIRN_E_USAGE, "pcr.selection", cairn_tpm_pcr_read(d->tpm, 1u << 24, values, &d->err));
    struct device *factory = device_new(true); /* SHA-256 bank only */
    uint8_t want[CAIRN_HASH_MAX], zero[CAIRN_HASH_MAX] = {0};
    OK(factory, cairn_tpm_pcr_extend(factory->tpm, 12, CAIRN_SPAN(big), &factory->err));
    OK(factory, cairn_tpm_pcr_read(factory->tpm, 1u << 12, values, &factory->err));
    extended(CAIRN_SHA256, zero, CAIRN_SPAN(big), want);
    assert_memory_equal(values[12], want, 32);
    device_free(factory);
}

static void an_extend_that_was_lost_is_not_repeated(void **state)
{
    (void)state;
    cairn_tap_reset(d->tap);
    cairn_tap_break(d->tap, CAIRN_TAP_DROP, 1);
    REFUSES(d, CAIRN_E_TPM, "tpm.transport", cairn_tpm_pcr_extend(d->tpm, 13, cairn_span_str("x"), &d->err));
    assert_int_equal(cairn_tap_count_of(d->tap, TPM2_CC_PCR_Event), 1);
    cairn_tap_reset(d->tap);
}

static void extend_pcr(struct cairn_tap *tap, void *arg)
{
    uint8_t bytes[65];
    assert_true(cairn_tap_inject(tap, raw_extend_command(bytes, *(uint32_t *)arg)));
}

/* 24 values take three commands; an extend between them gives all of one moment, or a bound. */
static void pcrs_are_read_as_of_one_moment(void **state)
{
    (void)state;
    uint32_t pcr = 0;
    uint8_t values[CAIRN_NUM_PCRS][32], again[CAIRN_NUM_PCRS][32];
    cairn_tap_reset(d->tap);
    cairn_tap_before(d->tap, TPM2_CC_PCR_Read, 2, extend_pcr, &pcr);
    OK(d, cairn_tpm_pcr_read(d->tpm, 0xFFFFFF, values, &d->err));
    cairn_tap_reset(d->tap);
    OK(d, cairn_tpm_pcr_read(d->tpm, 0xFFFFFF, again, &d->err));
    assert_memory_equal(values, again, sizeof values);
    cairn_tap_before(d->tap, TPM2_CC_PCR_Read, 100000, extend_pcr, &pcr);
    REFUSES(d, CAIRN_E_BUSY, "tpm.retry", cairn_tpm_pcr_read(d->tpm, 0xFFFFFF, values, &d->err));
    cairn_tap_reset(d->tap);
}

static void structures_with_a_byte_too_many_or_too_few_are_refused(void **state)
{
    (void)state;
    struct cairn_area area = {0}, back = {0};
    TPM2B_PUBLIC public = {0};
    TPM2B_NV_PUBLIC nv = {0};
    cairn_template_srk(NULL, &area);
    assert_int_equal(cairn_tpm_public_in(cairn_area_span(&area), &public), TSS2_RC_SUCCESS);
    assert_int_equal(cairn_tpm_public_out(&public, &back), TSS2_RC_SUCCESS);
    assert_true(cairn_span_equal(cairn_area_span(&area), cairn_area_span(&back)));
    assert_int_equal(cairn_tpm_public_in(cairn_span(area.bytes, area.len - 1), &public), CAIRN_TPM_RC_INPUT);
    assert_int_equal(cairn_tpm_public_in(cairn_span(area.bytes, area.len + 1), &public), CAIRN_TPM_RC_INPUT);
    cairn_template_epoch(0x01800100, false, &area);
    assert_int_equal(cairn_tpm_nv_in(&area, &nv), TSS2_RC_SUCCESS);
    assert_int_equal(cairn_tpm_nv_out(&nv, &back), TSS2_RC_SUCCESS);
    assert_true(cairn_span_equal(cairn_area_span(&area), cairn_area_span(&back)));
    area.len++;
    assert_int_equal(cairn_tpm_nv_in(&area, &nv), CAIRN_TPM_RC_INPUT);
    TPM2B_DIGEST digest = {0};
    uint8_t long_bytes[65] = {0};
    assert_int_equal(CAIRN_TPM_BYTES_IN(CAIRN_SPAN(long_bytes), &digest, buffer), CAIRN_TPM_RC_INPUT);
}

static void the_recorder_keeps_only_while_asked(void **state)
{
    (void)state;
    struct cairn_record_tcti *record = cairn_record_tcti_new(cairn_tap_context(d->tap));
    ESYS_CONTEXT *e = NULL;
    TPM2B_DIGEST *random = NULL;
    assert_non_null(record);
    RAW_OK(Esys_Initialize(&e, cairn_record_tcti_context(record), NULL));
    RAW_OK(Esys_GetRandom(e, RAW_NO, RAW_NO, RAW_NO, 8, &random));
    free(random);
    assert_int_equal(cairn_record_tcti_command(record).len, 0);
    cairn_record_tcti_keep(record, true);
    RAW_OK(Esys_GetRandom(e, RAW_NO, RAW_NO, RAW_NO, 8, &random));
    assert_int_equal(cairn_record_tcti_command(record).len, 12);
    struct cairn_span response = cairn_record_tcti_response(record);
    assert_int_equal(response.len, 20);
    assert_memory_equal(response.p + 12, random->buffer, 8);
    free(random);
    cairn_record_tcti_keep(record, false);
    assert_int_equal(cairn_record_tcti_response(record).len, 0);
    Esys_Finalize(&e);
    cairn_record_tcti_free(record);
    cairn_record_tcti_free(NULL);
}

int main(void)
{
    (void)setenv("TSS2_LOG", "all+none", 1);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_software_tpm_says_that_it_is_one),
        cmocka_unit_test(lists_what_is_persistent),
        cmocka_unit_test(an_extend_reaches_every_active_bank_with_that_banks_hash),
        cmocka_unit_test(a_long_event_needs_banks_with_known_hashes),
        cmocka_unit_test(an_extend_that_was_lost_is_not_repeated),
        cmocka_unit_test(pcrs_are_read_as_of_one_moment),
        cmocka_unit_test(structures_with_a_byte_too_many_or_too_few_are_refused),
        cmocka_unit_test(the_recorder_keeps_only_while_asked),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
