/* tests/unit/provision/world.h -- a fleet, one device on a real software TPM enrolled in it, and the desks around it.
 *
 * Header only: each test program is one file. The boot state is PCR 0, 7 and 8 as they are; world_boot makes another one.
 */
#ifndef CAIRN_TESTS_PROVISION_WORLD_H
#define CAIRN_TESTS_PROVISION_WORLD_H

#include "unit/storage/expect.h"

#include <stdio.h>

#include "provision/engine_device.h"
#include "support/swtpm.h"
#include "support/tap_tcti.h"
#include "support/test_keys.h"

enum { WORLD_MASK = 1u << 0 | 1u << 7 | 1u << 8, WORLD_FLOOR = 1 };
#define WORLD_PARAMS                                                                                                           \
    "{\"salt\":\"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\",\"parameters\":{"                          \
    "\"api.token\":{\"scope\":\"online\",\"value\":\"token from the server\"},"                                                \
    "\"luks.key\":{\"scope\":\"release\",\"generate\":32},"                                                                    \
    "\"server\":{\"scope\":\"release\",\"value\":\"https://example.org\"}}}"

struct world {
    struct cairn_test_keys keys; /* root and people; its make-believe device is another one */
    struct cairn_swtpm *swtpm;
    struct cairn_tap *tap;
    struct cairn_tpm_config config;
    struct cairn_tpm *tpm;
    struct cairn_fs *fs;
    struct cairn_identity identity;
    struct cairn_vault_place place;
    struct cairn_state state;
    /* documents */
    struct cairn_approvals approvals;
    struct cairn_buf manifest, grant, assets, receipt;
};

static CAIRN_UNUSED void world_read(struct world *w)
{
    memset(&w->state, 0, sizeof w->state);
    OK(cairn_state_read(w->fs, &w->identity, w->tpm, &w->state, &err));
}

/* A program that has just been started. */
static CAIRN_UNUSED void world_open(struct world *w)
{
    cairn_tpm_close(w->tpm);
    w->tpm = NULL;
    OK(cairn_tpm_open(&w->config, &w->tpm, &err));
    if (w->identity.enrolled) {
        OK(cairn_identity_pin(&w->identity, w->tpm, &err));
    }
    w->place = (struct cairn_vault_place){w->fs, &w->identity, w->tpm};
}

static CAIRN_UNUSED void world_name(const struct cairn_area *area, struct cairn_name *out)
{
    OK(cairn_name_compute(cairn_area_span(area), out, &err));
}

static CAIRN_UNUSED void world_statement(struct world *w, struct cairn_buf *file)
{
    struct cairn_tpm_keys keys;
    struct cairn_statement s = {.tpm_class = "virtual", .tpm_manufacturer = "IBM", .root_version = 1};
    CAIRN_BUF payload = {0};
    uint8_t policy[32];
    OK(cairn_tpm_keys_make(w->tpm, cairn_root_fleet(w->keys.root), &keys, &err));
    OK(cairn_tpm_epoch_define(w->tpm, &err));
    OK(cairn_policy_anchor(cairn_root_pcrpolicy_key(w->keys.root), CAIRN_TEST_CLASS, policy, &err));
    struct cairn_tpm_pins pins = {0};
    memcpy(s.fleet, cairn_root_fleet(w->keys.root), sizeof s.fleet);
    (void)snprintf(s.device_class, sizeof s.device_class, "%s", CAIRN_TEST_CLASS);
    (void)snprintf(s.serial, sizeof s.serial, "T-1");
    s.ek = keys.ek;
    s.ak = keys.ak;
    s.srk = keys.srk;
    s.issued_s = CAIRN_TEST_NOW - 60;
    cairn_template_epoch(w->config.epoch, true, &s.epoch);
    for (unsigned i = 0; i < 2; i++) {
        cairn_template_anchor(w->config.anchor[i], policy, true, &s.anchor[i]);
        world_name(&s.anchor[i], &pins.anchor[i]);
    }
    world_name(&keys.srk, &pins.srk);
    world_name(&keys.ak, &pins.ak);
    world_name(&s.epoch, &pins.epoch);
    memcpy(pins.fleet, s.fleet, sizeof pins.fleet);
    OK(cairn_tpm_pin(w->tpm, &pins, &err));
    OK(cairn_tpm_epoch_read(w->tpm, &s.epoch_value, &err));
    OK(cairn_statement_payload(&s, &payload, &err));
    cairn_test_sign(cairn_buf_span(&payload), CAIRN_TYPE_STATEMENT, w->keys.role[CAIRN_ROLE_ENROL], file);
}

static CAIRN_UNUSED void world_approve_half(struct world *w, struct cairn_approval *a)
{
    uint8_t digest[32];
    OK(cairn_policy_approval_digest(a->approved, a->ref, digest, &err));
    OK(cairn_signer_sign(w->keys.role[CAIRN_ROLE_PCRPOLICY], digest, a->rs, &err));
}

/* The pcrpolicy key approves the PCRs as they are now. */
static CAIRN_UNUSED void world_approve(struct world *w, uint64_t floor)
{
    uint8_t values[CAIRN_NUM_PCRS][32] = {{0}};
    struct cairn_approval a = {.mask = WORLD_MASK, .signer = *cairn_root_pcrpolicy_key(w->keys.root)};
    OK(cairn_tpm_pcr_read(w->tpm, WORLD_MASK, values, &err));
    OK(cairn_pcr_digest(WORLD_MASK, (const uint8_t(*)[32])values, a.pcr_digest, &err));
    OK(cairn_policy_pcr(a.approved, a.mask, a.pcr_digest, &err));
    w->approvals = (struct cairn_approvals){.floor = floor, .anchor = a, .vault = a};
    (void)snprintf(w->approvals.device_class, sizeof w->approvals.device_class, "%s", CAIRN_TEST_CLASS);
    OK(cairn_policy_ref_anchor(CAIRN_TEST_CLASS, w->approvals.anchor.ref, &err));
    OK(cairn_policy_ref_vault(CAIRN_TEST_CLASS, floor, w->approvals.vault.ref, &err));
    world_approve_half(w, &w->approvals.anchor);
    world_approve_half(w, &w->approvals.vault);
}

/* The release desk: a manifest of WORLD_PARAMS (or other text), unsigned. */
static CAIRN_UNUSED json_t *world_manifest_json(struct world *w, const char *params)
{
    CAIRN_PARAM_ASSETS assets = {0};
    CAIRN_JSON *approval = NULL;
    CAIRN_BUF payload = {0};
    json_t *json = NULL;
    OK(cairn_params_source_read(cairn_span_str(params), &assets, &err));
    OK(cairn_approvals_write(&w->approvals, &approval, &err));
    const struct cairn_manifest_draft draft = {.device_class = CAIRN_TEST_CLASS,
                                               .svn = 3,
                                               .floor = WORLD_FLOOR,
                                               .issued_s = CAIRN_TEST_NOW,
                                               .vault_version = 1,
                                               .assets = assets,
                                               .num_approvals = 1,
                                               .approvals = {approval}};
    OK(cairn_manifest_build(&draft, &payload, &err));
    OK(cairn_json_parse(cairn_buf_span(&payload), payload.len, true, "manifest", &json, &err));
    return json;
}

static CAIRN_UNUSED void world_manifest(struct world *w)
{
    cairn_test_sign_json(world_manifest_json(w, WORLD_PARAMS), CAIRN_TYPE_MANIFEST, w->keys.role[CAIRN_ROLE_RELEASE],
                         &w->manifest);
}

/* The provisioner's desk: request, "evidence" (a quote of the same boot) and grant. `json` unsigned, for tests that bend it. */
static CAIRN_UNUSED json_t *world_grant_json(struct world *w, const char *params)
{
    static const uint8_t NONCE[32] = {0x17};
    CAIRN_PARAM_ASSETS assets = {0};
    CAIRN_MANIFEST manifest = {0};
    CAIRN_BUF request = {0}, payload = {0};
    struct cairn_request asked;
    struct cairn_attestation quote;
    struct cairn_claim evidence;
    json_t *json = NULL;
    OK(cairn_params_source_read(cairn_span_str(params), &assets, &err));
    OK(cairn_manifest_open(w->keys.root, cairn_buf_span(&w->manifest), CAIRN_TEST_NOW, &manifest, &err));
    OK(cairn_tpm_quote(w->tpm, WORLD_MASK, NONCE, &quote, &err));
    OK(cairn_claim_verify(&quote, CAIRN_CLAIM_QUOTE, cairn_area_span(&w->identity.statement.ak), NONCE, &evidence, &err));
    OK(cairn_request_make(&w->place, &w->state, NONCE, WORLD_MASK, &request, &err));
    OK(cairn_request_verify(cairn_buf_span(&request), &w->identity.statement, NONCE, WORLD_MASK, &asked, &err));
    struct cairn_grant_draft draft = {.root = w->keys.root,
                                      .statement = &w->identity.statement,
                                      .manifest = &manifest,
                                      .request = &asked,
                                      .evidence = &evidence,
                                      .assets = &assets,
                                      .mask = WORLD_MASK,
                                      .now_s = CAIRN_TEST_NOW,
                                      .expires_s = CAIRN_TEST_NOW + 3600};
    memcpy(draft.pcr_digest, evidence.u.quote.digest, 32);
    OK(cairn_grant_build(&draft, &payload, &w->assets, &err));
    OK(cairn_json_parse(cairn_buf_span(&payload), payload.len, true, "grant", &json, &err));
    return json;
}

static CAIRN_UNUSED void world_grant(struct world *w)
{
    cairn_test_sign_json(world_grant_json(w, WORLD_PARAMS), CAIRN_TYPE_GRANT, w->keys.role[CAIRN_ROLE_PROVISION], &w->grant);
}

static CAIRN_UNUSED enum cairn_rc world_install(struct world *w, struct cairn_err *err)
{
    const struct cairn_install in = {cairn_buf_span(&w->manifest), cairn_buf_span(&w->grant), cairn_buf_span(&w->assets),
                                     CAIRN_TEST_NOW};
    return cairn_install_run(&w->place, &in, &w->state, &w->receipt, err);
}

/* An enrolled device with root and statement on its disk. */
static CAIRN_UNUSED struct world *world_new(void)
{
    struct world *w = test_calloc(1, sizeof *w);
    CAIRN_BUF statement = {0};
    char path[200];
    cairn_test_keys_make(&w->keys);
    w->swtpm = cairn_swtpm_new(false);
    w->tap = cairn_tap_new(w->swtpm);
    w->config = cairn_tpm_config_default();
    w->config.given = cairn_tap_context(w->tap);
    (void)snprintf(path, sizeof path, "%s/disk", cairn_swtpm_dir(w->swtpm));
    OK(cairn_fs_open_dir(path, true, &w->fs, &err));
    w->config.cache = w->fs;
    world_open(w);
    world_statement(w, &statement);
    OK(cairn_file_replace(w->fs, CAIRN_IDENTITY_ROOT, cairn_buf_span(&w->keys.root_file), 0600, &err));
    OK(cairn_file_replace(w->fs, CAIRN_IDENTITY_STATEMENT, cairn_buf_span(&statement), 0600, &err));
    OK(cairn_identity_load(w->fs, CAIRN_TEST_NOW, &w->identity, &err));
    world_open(w);
    world_read(w);
    world_approve(w, WORLD_FLOOR);
    world_manifest(w);
    return w;
}

static CAIRN_UNUSED void world_free(struct world *w)
{
    cairn_tpm_close(w->tpm);
    cairn_identity_clear(&w->identity);
    cairn_fs_free(w->fs);
    cairn_tap_free(w->tap);
    cairn_swtpm_free(w->swtpm);
    cairn_test_keys_clear(&w->keys);
    cairn_buf_clear(&w->manifest);
    cairn_buf_clear(&w->grant);
    cairn_buf_clear(&w->assets);
    cairn_buf_clear(&w->receipt);
    test_free(w);
}

static CAIRN_UNUSED struct world *world_operational(void)
{
    struct world *w = world_new();
    world_grant(w);
    OK(world_install(w, &err));
    return w;
}

/* Another boot state: one more event in PCR 8. */
static CAIRN_UNUSED void world_change_boot(struct world *w)
{
    OK(cairn_tpm_pcr_extend(w->tpm, 8, cairn_span_str("another kernel"), &err));
}

static CAIRN_UNUSED void world_reboot(struct world *w)
{
    cairn_tpm_close(w->tpm);
    w->tpm = NULL;
    cairn_swtpm_reboot(w->swtpm);
    cairn_tap_free(w->tap);
    w->tap = cairn_tap_new(w->swtpm);
    w->config.given = cairn_tap_context(w->tap);
    world_open(w);
    world_read(w);
}

/* The value of `name` as a fresh program finds it, or the code why not. */
static CAIRN_UNUSED bool world_holds(struct world *w, const char *name, const char *value)
{
    CAIRN_VAULT *vault = NULL;
    struct cairn_span got = {0};
    OK(cairn_vault_open(&w->place, &w->state, &vault, &err));
    return cairn_vault_get(vault, name, &got, NULL) == CAIRN_OK && cairn_span_equal(got, cairn_span_str(value));
}

#endif
