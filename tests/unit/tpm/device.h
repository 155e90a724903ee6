/* tests/unit/tpm/device.h -- one device on a real software TPM behind a tap: what every test of tpm/ starts from.
 *
 * Header only: each test program is one file. Failures end the running CMocka test.
 */
#ifndef CAIRN_TESTS_TPM_DEVICE_H
#define CAIRN_TESTS_TPM_DEVICE_H

#include "support/cmocka_all.h"

#include <stdio.h>

#include "core/crypto_keys.h"
#include "support/swtpm.h"
#include "support/tap_tcti.h"
#include "tpm/tpm.h"
#include "tpm_data/policy.h"

#define DEVICE_CLASS "gateway-a"
enum { DEVICE_MASK = 1u << 0 | 1u << 7 | 1u << 8, DEVICE_FLOOR = 1 };

struct device {
    struct cairn_swtpm *swtpm;
    struct cairn_tap *tap;
    struct cairn_fs *cache;
    struct cairn_tpm_config config;
    struct cairn_tpm *tpm;
    uint8_t fleet[32];
    struct cairn_tpm_keys keys;
    struct cairn_tpm_pins pins;
    struct cairn_signer *pcrpolicy;
    struct cairn_ec_key signer;
    struct cairn_err err;
};

/* Shows what went wrong before it fails the test. */
#define OK(d, expr)                                                                                                            \
    do {                                                                                                                       \
        enum cairn_rc ok_rc_ = (expr);                                                                                         \
        if (ok_rc_ != CAIRN_OK) {                                                                                              \
            print_error("%s: %s (%s, cause 0x%x)\n", #expr, (d)->err.text, (d)->err.code, (d)->err.cause);                     \
        }                                                                                                                      \
        assert_int_equal(ok_rc_, CAIRN_OK);                                                                                    \
    } while (0)
#define REFUSES(d, class, want, expr)                                                                                          \
    do {                                                                                                                       \
        memset(&(d)->err, 0, sizeof(d)->err);                                                                                  \
        enum cairn_rc refuses_rc_ = (expr);                                                                                    \
        if (refuses_rc_ != (class)) {                                                                                          \
            print_error("%s: %s (%s, cause 0x%x)\n", #expr, (d)->err.text, (d)->err.code, (d)->err.cause);                     \
        }                                                                                                                      \
        assert_int_equal(refuses_rc_, (class));                                                                                \
        assert_string_equal((d)->err.code, (want));                                                                            \
    } while (0)

/* A program that has just been started: nothing in memory, the cache as it lies on the disk. */
static CAIRN_UNUSED void device_open(struct device *d)
{
    cairn_tpm_close(d->tpm);
    d->tpm = NULL;
    OK(d, cairn_tpm_open(&d->config, &d->tpm, &d->err));
    if (!cairn_name_is_none(&d->pins.srk)) {
        OK(d, cairn_tpm_pin(d->tpm, &d->pins, &d->err));
    }
}

static CAIRN_UNUSED void device_no_cache(struct device *d)
{
    d->config.cache = NULL;
    device_open(d);
}

static CAIRN_UNUSED struct device *device_new(bool factory)
{
    struct device *d = test_calloc(1, sizeof *d);
    char path[200];
    d->swtpm = cairn_swtpm_new(factory);
    d->tap = cairn_tap_new(d->swtpm);
    d->config = cairn_tpm_config_default();
    d->config.given = cairn_tap_context(d->tap);
    memset(d->fleet, 0xF1, sizeof d->fleet);
    (void)snprintf(path, sizeof path, "%s/cache", cairn_swtpm_dir(d->swtpm));
    OK(d, cairn_fs_open_dir(path, true, &d->cache, &d->err));
    d->config.cache = d->cache;
    OK(d, cairn_signer_generate(&d->pcrpolicy, &d->err));
    OK(d, cairn_signer_public(d->pcrpolicy, &d->signer, &d->err));
    device_open(d);
    return d;
}

static CAIRN_UNUSED void device_free(struct device *d)
{
    cairn_tpm_close(d->tpm);
    cairn_tap_free(d->tap);
    cairn_swtpm_free(d->swtpm);
    cairn_fs_free(d->cache);
    cairn_signer_free(d->pcrpolicy);
    test_free(d);
}

/* What `cairn device init` does with the TPM; each step reports instead of failing, so that a fault walk can repeat it. */
static CAIRN_UNUSED enum cairn_rc device_try_provision(struct device *d)
{
    uint8_t policy[32];
    CAIRN_TRY(cairn_tpm_keys_make(d->tpm, d->fleet, &d->keys, &d->err));
    CAIRN_TRY(cairn_tpm_epoch_define(d->tpm, &d->err));
    CAIRN_TRY(cairn_policy_anchor(&d->signer, DEVICE_CLASS, policy, &d->err));
    CAIRN_TRY(cairn_tpm_anchor_define(d->tpm, 0, policy, &d->err));
    return cairn_tpm_anchor_define(d->tpm, 1, policy, &d->err);
}

static CAIRN_UNUSED void name_of(const struct cairn_area *area, struct cairn_name *out)
{
    assert_int_equal(cairn_name_compute(cairn_area_span(area), out, NULL), CAIRN_OK);
}

/* The pins as enrolment computes them: from public areas and templates, not from what this process remembers. */
static CAIRN_UNUSED void device_pins(struct device *d)
{
    struct cairn_area area = {0};
    uint8_t policy[32];
    name_of(&d->keys.srk, &d->pins.srk);
    name_of(&d->keys.ak, &d->pins.ak);
    cairn_template_epoch(d->config.epoch, true, &area);
    name_of(&area, &d->pins.epoch);
    assert_int_equal(cairn_policy_anchor(&d->signer, DEVICE_CLASS, policy, NULL), CAIRN_OK);
    for (unsigned i = 0; i < 2; i++) {
        cairn_template_anchor(d->config.anchor[i], policy, true, &area);
        name_of(&area, &d->pins.anchor[i]);
    }
    memcpy(d->pins.fleet, d->fleet, sizeof d->fleet);
}

static CAIRN_UNUSED void device_provision(struct device *d)
{
    OK(d, device_try_provision(d));
    device_pins(d);
    OK(d, cairn_tpm_pin(d->tpm, &d->pins, &d->err));
}

/* The pcrpolicy key's approval of the PCRs as they are now. */
static CAIRN_UNUSED void device_approve(struct device *d, const uint8_t ref[32], struct cairn_approval *out)
{
    uint8_t values[CAIRN_NUM_PCRS][32] = {{0}}, digest[32];
    memset(out, 0, sizeof *out);
    out->mask = DEVICE_MASK;
    out->signer = d->signer;
    memcpy(out->ref, ref, 32);
    OK(d, cairn_tpm_pcr_read(d->tpm, DEVICE_MASK, values, &d->err));
    OK(d, cairn_pcr_digest(DEVICE_MASK, (const uint8_t(*)[32])values, out->pcr_digest, &d->err));
    OK(d, cairn_policy_pcr(out->approved, out->mask, out->pcr_digest, &d->err));
    OK(d, cairn_policy_approval_digest(out->approved, out->ref, digest, &d->err));
    OK(d, cairn_signer_sign(d->pcrpolicy, digest, out->rs, &d->err));
}

static CAIRN_UNUSED void device_approve_vault(struct device *d, struct cairn_approval *out)
{
    uint8_t ref[32];
    OK(d, cairn_policy_ref_vault(DEVICE_CLASS, DEVICE_FLOOR, ref, &d->err));
    device_approve(d, ref, out);
}

static CAIRN_UNUSED void device_approve_anchor(struct device *d, struct cairn_approval *out)
{
    uint8_t ref[32];
    OK(d, cairn_policy_ref_anchor(DEVICE_CLASS, ref, &d->err));
    device_approve(d, ref, out);
}

static CAIRN_UNUSED void device_vault_policy(struct device *d, uint64_t bound, uint8_t out[32])
{
    OK(d, cairn_policy_vault(&d->signer, DEVICE_CLASS, DEVICE_FLOOR, &d->pins.epoch, bound, out, &d->err));
}

static CAIRN_UNUSED uint64_t device_epoch(struct device *d)
{
    uint64_t value = 0;
    OK(d, cairn_tpm_epoch_read(d->tpm, &value, &d->err));
    return value;
}

static CAIRN_UNUSED void device_anchor_bytes(uint8_t fill, uint8_t out[CAIRN_ANCHOR_LEN])
{
    memset(out, fill, CAIRN_ANCHOR_LEN);
}

#endif
