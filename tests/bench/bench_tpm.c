/* tests/bench/bench_tpm.c -- TPM commands per operation of a freshly started program, counted on the wire of a software TPM.
 *
 * One JSON line for each figure; exit 1 when a limit is passed. Commands, not milliseconds: a chip takes 25 to 250 ms for an
 * elliptic-curve command (FACTS T13), a software TPM one.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/crypto_keys.h"
#include "support/swtpm.h"
#include "support/tap_tcti.h"
#include "tpm/tpm.h"

enum { MASK = 1u << 0 | 1u << 7 | 1u << 8 };

struct bench {
    struct cairn_swtpm *swtpm;
    struct cairn_tap *tap;
    struct cairn_fs *cache;
    struct cairn_tpm_config config;
    struct cairn_tpm *tpm;
    struct cairn_tpm_pins pins;
    struct cairn_signer *signer;
    struct cairn_approval anchor, vault;
    uint64_t epoch;
    struct cairn_err err;
    bool passed;
};

static void must(const struct bench *b, enum cairn_rc rc)
{
    if (rc != CAIRN_OK) {
        fprintf(stderr, "bench: %s (%s)\n", b->err.text, b->err.code);
        exit(8);
    }
}

static void cold(struct bench *b)
{
    cairn_tpm_close(b->tpm);
    b->tpm = NULL;
    cairn_tap_reset(b->tap);
    must(b, cairn_tpm_open(&b->config, &b->tpm, &b->err));
    must(b, cairn_tpm_pin(b->tpm, &b->pins, &b->err));
}

static void figure(struct bench *b, const char *name, unsigned value, unsigned limit)
{
    bool ok = value <= limit;
    printf("{\"figure\":\"%s\",\"value\":%u,\"unit\":\"commands\",\"limit\":%u,\"ok\":%s}\n", name, value, limit,
           ok ? "true" : "false");
    b->passed = b->passed && ok;
}

static void pins(struct bench *b, const struct cairn_tpm_keys *keys, const uint8_t policy[32])
{
    struct cairn_area area = {0};
    must(b, cairn_name_compute(cairn_area_span(&keys->srk), &b->pins.srk, &b->err));
    must(b, cairn_name_compute(cairn_area_span(&keys->ak), &b->pins.ak, &b->err));
    cairn_template_epoch(b->config.epoch, true, &area);
    must(b, cairn_name_compute(cairn_area_span(&area), &b->pins.epoch, &b->err));
    for (unsigned i = 0; i < 2; i++) {
        cairn_template_anchor(b->config.anchor[i], policy, true, &area);
        must(b, cairn_name_compute(cairn_area_span(&area), &b->pins.anchor[i], &b->err));
    }
}

static void approve(struct bench *b, struct cairn_approval *out)
{
    uint8_t values[CAIRN_NUM_PCRS][32] = {{0}}, digest[32];
    out->mask = MASK;
    must(b, cairn_signer_public(b->signer, &out->signer, &b->err));
    must(b, cairn_tpm_pcr_read(b->tpm, MASK, values, &b->err));
    must(b, cairn_pcr_digest(MASK, (const uint8_t(*)[32])values, out->pcr_digest, &b->err));
    must(b, cairn_policy_pcr(out->approved, MASK, out->pcr_digest, &b->err));
    must(b, cairn_policy_approval_digest(out->approved, out->ref, digest, &b->err));
    must(b, cairn_signer_sign(b->signer, digest, out->rs, &b->err));
}

/* A provisioned device that has been used once, so that the cache is as in every later run. */
static void prepare(struct bench *b)
{
    char path[200];
    const uint8_t fleet[32] = {0xF1};
    uint8_t policy[32], bytes[CAIRN_ANCHOR_LEN] = {0}, extra[32] = {0};
    struct cairn_ec_key key;
    struct cairn_tpm_keys keys = {0};
    struct cairn_attestation att;
    b->passed = true;
    b->swtpm = cairn_swtpm_new(false);
    b->tap = cairn_tap_new(b->swtpm);
    b->config = cairn_tpm_config_default();
    b->config.given = cairn_tap_context(b->tap);
    (void)snprintf(path, sizeof path, "%s/cache", cairn_swtpm_dir(b->swtpm));
    must(b, cairn_fs_open_dir(path, true, &b->cache, &b->err));
    b->config.cache = b->cache;
    must(b, cairn_signer_generate(&b->signer, &b->err));
    must(b, cairn_signer_public(b->signer, &key, &b->err));
    must(b, cairn_tpm_open(&b->config, &b->tpm, &b->err));
    must(b, cairn_tpm_keys_make(b->tpm, fleet, &keys, &b->err));
    must(b, cairn_tpm_epoch_define(b->tpm, &b->err));
    must(b, cairn_policy_anchor(&key, "bench", policy, &b->err));
    must(b, cairn_policy_ref_anchor("bench", b->anchor.ref, &b->err));
    must(b, cairn_policy_ref_vault("bench", 1, b->vault.ref, &b->err));
    pins(b, &keys, policy);
    approve(b, &b->anchor);
    approve(b, &b->vault);
    for (unsigned i = 0; i < 2; i++) {
        must(b, cairn_tpm_anchor_define(b->tpm, i, policy, &b->err));
        must(b, cairn_tpm_anchor_write(b->tpm, i, bytes, &b->anchor, &b->err));
    }
    must(b, cairn_tpm_epoch_read(b->tpm, &b->epoch, &b->err));
    must(b, cairn_tpm_quote(b->tpm, MASK, extra, &att, &b->err));
}

static void report(struct bench *b)
{
    uint8_t extra[32] = {1};
    struct cairn_attestation att;
    cold(b);
    must(b, cairn_tpm_quote(b->tpm, MASK, extra, &att, &b->err));
    figure(b, "tpm.report", cairn_tap_count(b->tap), 2);
}

static void state_read(struct bench *b)
{
    uint8_t bytes[CAIRN_ANCHOR_LEN];
    cold(b);
    must(b, cairn_tpm_anchor_read(b->tpm, 0, bytes, &b->err));
    must(b, cairn_tpm_anchor_read(b->tpm, 1, bytes, &b->err));
    figure(b, "tpm.state_read", cairn_tap_count(b->tap), 4);
}

static void vault_open(struct bench *b)
{
    uint8_t policy[32], key[32] = {5};
    struct cairn_sealed sealed = {0};
    struct cairn_ec_key signer;
    must(b, cairn_signer_public(b->signer, &signer, &b->err));
    must(b, cairn_policy_vault(&signer, "bench", 1, &b->pins.epoch, b->epoch, policy, &b->err));
    must(b, cairn_tpm_seal(b->tpm, CAIRN_SPAN(key), policy, &sealed, &b->err));
    for (unsigned i = 0; i < 2; i++) {
        CAIRN_SECRET *secret = NULL;
        cold(b);
        must(b, cairn_tpm_unseal(b->tpm, &sealed, &b->vault, b->epoch, &secret, &b->err));
        figure(b, i == 0 ? "tpm.vault_open_first" : "tpm.vault_open", cairn_tap_count(b->tap), i == 0 ? 11 : 8);
    }
}

static void kill_receipt(struct bench *b)
{
    enum { INCREMENTS = 2 };
    uint8_t extra[32] = {2};
    uint64_t value = 0;
    struct cairn_attestation att;
    cold(b);
    must(b, cairn_tpm_epoch_read(b->tpm, &value, &b->err));
    for (unsigned i = 0; i < INCREMENTS; i++) {
        must(b, cairn_tpm_epoch_increment(b->tpm, &b->err));
    }
    must(b, cairn_tpm_pcr_extend(b->tpm, CAIRN_PCR_USERSPACE, cairn_span_str("cairn.cap.v1"), &b->err));
    must(b, cairn_tpm_epoch_certify(b->tpm, extra, &att, &b->err));
    must(b, cairn_tpm_quote(b->tpm, MASK, extra, &att, &b->err));
    figure(b, "tpm.kill_two_increments", cairn_tap_count(b->tap), 6 + 2 * INCREMENTS);
}

static void wipe_proof(struct bench *b)
{
    struct cairn_tpm_wipe wipe = {.fleet = {0xF1}, .mask = MASK};
    uint8_t extra[32] = {3};
    CAIRN_AUDIT_LOG log = {0};
    struct cairn_tpm_proof *proof = NULL;
    struct cairn_attestation att;
    cold(b);
    must(b, cairn_tpm_wipe_run(b->tpm, &wipe, &log, &proof, &b->err));
    must(b, cairn_tpm_wipe_sign(b->tpm, proof, extra, &att, &b->err));
    cairn_tpm_proof_free(b->tpm, proof);
    figure(b, "tpm.wipe_proof", cairn_tap_count(b->tap), 20);
}

int main(void)
{
    (void)setenv("TSS2_LOG", "all+none", 1);
    struct bench b = {0};
    prepare(&b);
    report(&b);
    state_read(&b);
    vault_open(&b);
    kill_receipt(&b);
    wipe_proof(&b);
    cairn_tpm_close(b.tpm);
    cairn_tap_free(b.tap);
    cairn_swtpm_free(b.swtpm);
    cairn_fs_free(b.cache);
    cairn_signer_free(b.signer);
    return b.passed ? 0 : 1;
}
