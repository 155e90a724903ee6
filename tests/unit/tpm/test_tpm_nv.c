/* tests/unit/tpm/test_tpm_nv.c -- nv.c: the epoch counter and the state anchors, against look-alikes and interposers. */
#include "unit/tpm/raw.h"

#include <dlfcn.h>

static struct device *d;
static bool counter_stuck;

/* A TPM whose redefined counters start over: libtpms does not, so its authenticated answer is replaced where ESYS gives it. */
TSS2_RC Esys_NV_Read(ESYS_CONTEXT *e, ESYS_TR auth, ESYS_TR nv, ESYS_TR s1, ESYS_TR s2, ESYS_TR s3, UINT16 size, UINT16 offset,
                     TPM2B_MAX_NV_BUFFER **data)
{
    TSS2_RC (*real)(ESYS_CONTEXT *, ESYS_TR, ESYS_TR, ESYS_TR, ESYS_TR, ESYS_TR, UINT16, UINT16, TPM2B_MAX_NV_BUFFER **) = NULL;
    void *symbol = dlsym(RTLD_NEXT, "Esys_NV_Read");
    memcpy(&real, &symbol, sizeof real);
    TSS2_RC rc = real(e, auth, nv, s1, s2, s3, size, offset, data);
    if (rc == TSS2_RC_SUCCESS && counter_stuck) {
        memset((*data)->buffer, 0, (*data)->size);
    }
    return rc;
}

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

/* Every test starts on the provisioned TPM just after power-on. */
static int fresh(void **state)
{
    (void)state;
    counter_stuck = false;
    cairn_tap_free(d->tap);
    cairn_tpm_close(d->tpm);
    d->tpm = NULL;
    cairn_swtpm_restore(d->swtpm, "provisioned");
    d->tap = cairn_tap_new(d->swtpm);
    d->config.given = cairn_tap_context(d->tap);
    device_open(d);
    cairn_tap_reset(d->tap);
    return 0;
}

static void the_epoch_moves_by_one_and_is_defined_once(void **state)
{
    (void)state;
    uint64_t before = device_epoch(d);
    assert_true(before >= 1);
    OK(d, cairn_tpm_epoch_increment(d->tpm, &d->err));
    assert_int_equal(device_epoch(d), before + 1);
    OK(d, cairn_tpm_epoch_define(d->tpm, &d->err));
    assert_int_equal(device_epoch(d), before + 1);
    cairn_swtpm_reset(d->swtpm);
    assert_clean(d);
}

static void a_counter_that_returns_to_an_old_value_is_refused(void **state)
{
    (void)state;
    raw_undefine(d, d->config.epoch);
    counter_stuck = true;
    REFUSES(d, CAIRN_E_TPM, "tpm.counter.returns", cairn_tpm_epoch_define(d->tpm, &d->err));
    counter_stuck = false;
    uint64_t value = 0;
    REFUSES(d, CAIRN_E_TPM, "tpm.epoch.absent", cairn_tpm_epoch_read(d->tpm, &value, &d->err));
    OK(d, cairn_tpm_epoch_define(d->tpm, &d->err));
}

static void the_scratch_counter_is_removed_and_foreign_ones_stay(void **state)
{
    (void)state;
    ESYS_CONTEXT *e = raw_open(d);
    TPMS_NV_PUBLIC foreign = {.nvIndex = d->config.epoch + 0x10,
                              .nameAlg = TPM2_ALG_SHA256,
                              .attributes = TPMA_NV_OWNERWRITE | TPMA_NV_OWNERREAD,
                              .dataSize = 4};
    (void)raw_define(e, &foreign);
    Esys_Finalize(&e);
    struct cairn_audit_handles before = {0}, after = {0};
    OK(d, cairn_tpm_handles(d->tpm, 0x01000000u, &before, &d->err));
    OK(d, cairn_tpm_epoch_define(d->tpm, &d->err));
    OK(d, cairn_tpm_handles(d->tpm, 0x01000000u, &after, &d->err));
    assert_memory_equal(&before, &after, sizeof before);
}

static void look_alike(const TPMS_NV_PUBLIC *public, bool counter)
{
    uint64_t value = 0;
    TPM2B_MAX_NV_BUFFER eight = {.size = 8};
    (void)device_epoch(d); /* the genuine TR now lies in the cache */
    raw_undefine(d, d->config.epoch);
    ESYS_CONTEXT *e = raw_open(d);
    ESYS_TR nv = raw_define(e, public);
    if (counter) {
        RAW_OK(Esys_NV_Increment(e, ESYS_TR_RH_OWNER, nv, RAW_PW, RAW_NO, RAW_NO));
    } else {
        RAW_OK(Esys_NV_Write(e, ESYS_TR_RH_OWNER, nv, RAW_PW, RAW_NO, RAW_NO, &eight, 0));
    }
    Esys_Finalize(&e);
    device_open(d);
    REFUSES(d, CAIRN_E_TPM, "tpm.epoch.other", cairn_tpm_epoch_read(d->tpm, &value, &d->err));
    REFUSES(d, CAIRN_E_TPM, "tpm.epoch.other", cairn_tpm_epoch_increment(d->tpm, &d->err));
    REFUSES(d, CAIRN_E_TPM, "tpm.epoch.other", cairn_tpm_epoch_define(d->tpm, &d->err));
    assert_int_equal(lockout_counter(d), 0);
}

static void an_ordinary_index_at_the_epochs_handle_is_refused(void **state)
{
    (void)state;
    const TPMS_NV_PUBLIC ordinary = {.nvIndex = d->config.epoch,
                                     .nameAlg = TPM2_ALG_SHA256,
                                     .attributes = TPMA_NV_AUTHREAD | TPMA_NV_OWNERWRITE | TPMA_NV_NO_DA,
                                     .dataSize = 8};
    look_alike(&ordinary, false);
}

static void an_orderly_counter_at_the_epochs_handle_is_refused(void **state)
{
    (void)state;
    const TPMS_NV_PUBLIC orderly = {.nvIndex = d->config.epoch,
                                    .nameAlg = TPM2_ALG_SHA256,
                                    .attributes = TPMA_NV_AUTHREAD | TPMA_NV_OWNERWRITE | TPMA_NV_NO_DA | TPMA_NV_ORDERLY |
                                                  (TPM2_NT_COUNTER << TPMA_NV_TPM2_NT_SHIFT),
                                    .dataSize = 8};
    look_alike(&orderly, true);
}

static void a_counter_with_a_policy_at_the_epochs_handle_is_refused(void **state)
{
    (void)state;
    TPMS_NV_PUBLIC policy = {.nvIndex = d->config.epoch,
                             .nameAlg = TPM2_ALG_SHA256,
                             .attributes = TPMA_NV_AUTHREAD | TPMA_NV_OWNERWRITE | TPMA_NV_NO_DA |
                                           (TPM2_NT_COUNTER << TPMA_NV_TPM2_NT_SHIFT),
                             .authPolicy = {.size = 32},
                             .dataSize = 8};
    policy.authPolicy.buffer[0] = 1;
    look_alike(&policy, true);
}

static void an_interposer_that_swallows_an_increment_is_noticed(void **state)
{
    (void)state;
    uint64_t before = device_epoch(d);
    cairn_tap_break_code(d->tap, CAIRN_TAP_SWALLOW, TPM2_CC_NV_Increment);
    REFUSES(d, CAIRN_E_TPM, "tpm.response", cairn_tpm_epoch_increment(d->tpm, &d->err));
    assert_true(cairn_tap_broke(d->tap));
    assert_int_equal(device_epoch(d), before);
}

static void a_flipped_bit_in_an_increments_answer_is_noticed(void **state)
{
    (void)state;
    uint64_t before = device_epoch(d);
    cairn_tap_break_code(d->tap, CAIRN_TAP_FLIP, TPM2_CC_NV_Increment);
    REFUSES(d, CAIRN_E_TPM, "tpm.response", cairn_tpm_epoch_increment(d->tpm, &d->err));
    assert_int_equal(device_epoch(d), before + 1);
    assert_clean(d);
}

static void an_increment_is_never_repeated_by_itself(void **state)
{
    (void)state;
    uint64_t before = device_epoch(d);
    cairn_tap_break_code(d->tap, CAIRN_TAP_DROP, TPM2_CC_NV_Increment);
    REFUSES(d, CAIRN_E_TPM, "tpm.transport", cairn_tpm_epoch_increment(d->tpm, &d->err));
    assert_int_equal(cairn_tap_count_of(d->tap, TPM2_CC_NV_Increment), 1);
    assert_int_equal(device_epoch(d), before + 1);
}

/* The counter's lowest byte is 69 bytes before the end: nonce, attributes and HMAC follow it. */
static void a_flipped_bit_in_a_counters_value_is_never_believed(void **state)
{
    (void)state;
    uint64_t before = device_epoch(d), value = 77;
    cairn_tap_reset(d->tap);
    cairn_tap_flip(d->tap, 69);
    cairn_tap_break_code(d->tap, CAIRN_TAP_FLIP, TPM2_CC_NV_Read);
    assert_int_equal(device_epoch(d), before); /* read again */
    assert_true(cairn_tap_broke(d->tap));
    cairn_tap_reset(d->tap);
    cairn_tap_flip(d->tap, 69);
    cairn_tap_break(d->tap, CAIRN_TAP_FLIP, 1);
    cairn_tap_break_more(d->tap, 1000);
    assert_int_equal(cairn_tpm_epoch_read(d->tpm, &value, &d->err), CAIRN_E_TPM);
    assert_int_equal(value, 77);
    cairn_tap_reset(d->tap);
    assert_int_equal(device_epoch(d), before);
}

static void anchors_are_written_and_read(void **state)
{
    (void)state;
    uint8_t bytes[CAIRN_ANCHOR_LEN], got[CAIRN_ANCHOR_LEN];
    struct cairn_approval approval;
    device_approve_anchor(d, &approval);
    for (unsigned i = 0; i < 2; i++) {
        REFUSES(d, CAIRN_E_TPM, "tpm.anchor.unwritten", cairn_tpm_anchor_read(d->tpm, i, got, &d->err));
        device_anchor_bytes((uint8_t)(0x30 + i), bytes);
        OK(d, cairn_tpm_anchor_write(d->tpm, i, bytes, &approval, &d->err));
        OK(d, cairn_tpm_anchor_read(d->tpm, i, got, &d->err));
        assert_memory_equal(bytes, got, sizeof bytes);
    }
    cairn_swtpm_reset(d->swtpm);
    cairn_tap_free(d->tap);
    d->tap = cairn_tap_new(d->swtpm);
    d->config.given = cairn_tap_context(d->tap);
    device_open(d);
    OK(d, cairn_tpm_anchor_read(d->tpm, 1, got, &d->err));
    assert_memory_equal(bytes, got, sizeof bytes);
    REFUSES(d, CAIRN_E_USAGE, "tpm.input", cairn_tpm_anchor_read(d->tpm, 2, got, &d->err));
}

static void an_anchor_that_is_absent_or_foreign_is_named(void **state)
{
    (void)state;
    uint8_t bytes[CAIRN_ANCHOR_LEN] = {0}, other_policy[32] = {5};
    struct cairn_approval approval;
    device_approve_anchor(d, &approval);
    OK(d, cairn_tpm_anchor_write(d->tpm, 0, bytes, &approval, &d->err));
    raw_undefine(d, d->config.anchor[0]);
    device_open(d);
    REFUSES(d, CAIRN_E_TPM, "tpm.anchor.absent", cairn_tpm_anchor_read(d->tpm, 0, bytes, &d->err));
    REFUSES(d, CAIRN_E_TPM, "tpm.anchor.other", cairn_tpm_anchor_define(d->tpm, 1, other_policy, &d->err));
    ESYS_CONTEXT *e = raw_open(d);
    const TPMS_NV_PUBLIC ordinary = {.nvIndex = d->config.anchor[0],
                                     .nameAlg = TPM2_ALG_SHA256,
                                     .attributes = TPMA_NV_AUTHREAD | TPMA_NV_AUTHWRITE | TPMA_NV_NO_DA,
                                     .dataSize = CAIRN_ANCHOR_LEN};
    TPM2B_MAX_NV_BUFFER data = {.size = CAIRN_ANCHOR_LEN};
    ESYS_TR nv = raw_define(e, &ordinary);
    RAW_OK(Esys_NV_Write(e, nv, nv, RAW_PW, RAW_NO, RAW_NO, &data, 0));
    Esys_Finalize(&e);
    device_open(d);
    REFUSES(d, CAIRN_E_TPM, "tpm.anchor.other", cairn_tpm_anchor_read(d->tpm, 0, bytes, &d->err));
}

/* Deleted and defined again exactly as before: the content is gone, and that is what is said. */
static void a_redefined_anchor_is_unwritten(void **state)
{
    (void)state;
    uint8_t bytes[CAIRN_ANCHOR_LEN] = {0}, policy[32];
    struct cairn_approval approval;
    device_approve_anchor(d, &approval);
    OK(d, cairn_tpm_anchor_write(d->tpm, 0, bytes, &approval, &d->err));
    raw_undefine(d, d->config.anchor[0]);
    OK(d, cairn_policy_anchor(&d->signer, DEVICE_CLASS, policy, &d->err));
    device_open(d);
    OK(d, cairn_tpm_anchor_define(d->tpm, 0, policy, &d->err));
    device_open(d);
    REFUSES(d, CAIRN_E_TPM, "tpm.anchor.unwritten", cairn_tpm_anchor_read(d->tpm, 0, bytes, &d->err));
}

static void another_boot_state_cannot_write_an_anchor(void **state)
{
    (void)state;
    uint8_t bytes[CAIRN_ANCHOR_LEN] = {0};
    struct cairn_approval approval, vault;
    device_approve_anchor(d, &approval);
    device_approve_vault(d, &vault);
    REFUSES(d, CAIRN_E_REFUSED, "state.policy", cairn_tpm_anchor_write(d->tpm, 0, bytes, &vault, &d->err));
    struct cairn_approval forged = approval;
    forged.rs[40] ^= 1;
    cairn_tpm_close(d->tpm);
    d->tpm = NULL;
    device_open(d);
    forged.approved[0] ^= 1;
    REFUSES(d, CAIRN_E_REFUSED, "approval.signature", cairn_tpm_anchor_write(d->tpm, 0, bytes, &forged, &d->err));
    OK(d, cairn_tpm_pcr_extend(d->tpm, CAIRN_PCR_USERSPACE, cairn_span_str("something else"), &d->err));
    REFUSES(d, CAIRN_E_REFUSED, "state.boot", cairn_tpm_anchor_write(d->tpm, 0, bytes, &approval, &d->err));
    REFUSES(d, CAIRN_E_TPM, "tpm.anchor.unwritten", cairn_tpm_anchor_read(d->tpm, 0, bytes, &d->err));
    assert_clean(d);
    assert_int_equal(lockout_counter(d), 0);
}

static void a_lost_damaged_or_swallowed_anchor_write_ends_with_the_right_bytes(void **state)
{
    (void)state;
    static const enum cairn_tap_fault faults[] = {CAIRN_TAP_FAIL,    CAIRN_TAP_DROP,       CAIRN_TAP_SHORT,    CAIRN_TAP_FLIP,
                                                  CAIRN_TAP_SWALLOW, CAIRN_TAP_CUT_BEFORE, CAIRN_TAP_CUT_AFTER};
    uint8_t bytes[CAIRN_ANCHOR_LEN], got[CAIRN_ANCHOR_LEN];
    struct cairn_approval approval;
    device_approve_anchor(d, &approval);
    device_anchor_bytes(0, bytes);
    OK(d, cairn_tpm_anchor_write(d->tpm, 0, bytes, &approval, &d->err));
    for (unsigned i = 0; i < CAIRN_ARRAY_LEN(faults); i++) {
        device_anchor_bytes((uint8_t)(0x60 + i), bytes);
        cairn_tap_reset(d->tap);
        cairn_tap_break_code(d->tap, faults[i], TPM2_CC_NV_Write);
        OK(d, cairn_tpm_anchor_write(d->tpm, 0, bytes, &approval, &d->err));
        assert_true(cairn_tap_broke(d->tap));
        OK(d, cairn_tpm_anchor_read(d->tpm, 0, got, &d->err));
        assert_memory_equal(bytes, got, sizeof bytes);
        assert_clean(d);
    }
    assert_int_equal(lockout_counter(d), 0);
}

static void an_interposer_that_swallows_every_anchor_write_is_noticed(void **state)
{
    (void)state;
    uint8_t bytes[CAIRN_ANCHOR_LEN] = {1};
    struct cairn_approval approval;
    device_approve_anchor(d, &approval);
    OK(d, cairn_tpm_anchor_write(d->tpm, 0, bytes, &approval, &d->err));
    bytes[0] = 2;
    cairn_tap_reset(d->tap);
    cairn_tap_break(d->tap, CAIRN_TAP_SWALLOW, 1);
    cairn_tap_break_more(d->tap, 1000);
    assert_int_equal(cairn_tpm_anchor_write(d->tpm, 0, bytes, &approval, &d->err), CAIRN_E_TPM);
    cairn_tap_reset(d->tap);
    OK(d, cairn_tpm_anchor_read(d->tpm, 0, bytes, &d->err));
    assert_int_equal(bytes[0], 1);
}

static void pcrs_that_change_during_a_write_are_retried_with_a_bound(void **state)
{
    (void)state;
    uint8_t bytes[CAIRN_ANCHOR_LEN] = {1};
    uint32_t ima = CAIRN_PCR_IMA;
    struct cairn_approval approval;
    device_approve_anchor(d, &approval);
    OK(d, cairn_tpm_anchor_write(d->tpm, 0, bytes, &approval, &d->err));
    cairn_tap_reset(d->tap);
    cairn_tap_before(d->tap, TPM2_CC_NV_Write, 3, inject_extend, &ima);
    OK(d, cairn_tpm_anchor_write(d->tpm, 0, bytes, &approval, &d->err));
    assert_int_equal(cairn_tap_count_of(d->tap, TPM2_CC_NV_Write), 4);
    cairn_tap_before(d->tap, TPM2_CC_NV_Write, 1000, inject_extend, &ima);
    REFUSES(d, CAIRN_E_BUSY, "tpm.retry", cairn_tpm_anchor_write(d->tpm, 0, bytes, &approval, &d->err));
    assert_clean(d);
}

int main(void)
{
    (void)setenv("TSS2_LOG", "all+none", 1);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(the_epoch_moves_by_one_and_is_defined_once, fresh),
        cmocka_unit_test_setup(a_counter_that_returns_to_an_old_value_is_refused, fresh),
        cmocka_unit_test_setup(the_scratch_counter_is_removed_and_foreign_ones_stay, fresh),
        cmocka_unit_test_setup(an_ordinary_index_at_the_epochs_handle_is_refused, fresh),
        cmocka_unit_test_setup(an_orderly_counter_at_the_epochs_handle_is_refused, fresh),
        cmocka_unit_test_setup(a_counter_with_a_policy_at_the_epochs_handle_is_refused, fresh),
        cmocka_unit_test_setup(an_interposer_that_swallows_an_increment_is_noticed, fresh),
        cmocka_unit_test_setup(a_flipped_bit_in_an_increments_answer_is_noticed, fresh),
        cmocka_unit_test_setup(an_increment_is_never_repeated_by_itself, fresh),
        cmocka_unit_test_setup(a_flipped_bit_in_a_counters_value_is_never_believed, fresh),
        cmocka_unit_test_setup(anchors_are_written_and_read, fresh),
        cmocka_unit_test_setup(an_anchor_that_is_absent_or_foreign_is_named, fresh),
        cmocka_unit_test_setup(a_redefined_anchor_is_unwritten, fresh),
        cmocka_unit_test_setup(another_boot_state_cannot_write_an_anchor, fresh),
        cmocka_unit_test_setup(a_lost_damaged_or_swallowed_anchor_write_ends_with_the_right_bytes, fresh),
        cmocka_unit_test_setup(an_interposer_that_swallows_every_anchor_write_is_noticed, fresh),
        cmocka_unit_test_setup(pcrs_that_change_during_a_write_are_retried_with_a_bound, fresh),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
