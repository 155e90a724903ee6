/* tests/unit/provision/desk.h -- the desks without a TPM: a fleet, a make-believe device that can lie, and the documents.
 *
 * Header only: each test program is one file.
 */
#ifndef CAIRN_TESTS_PROVISION_DESK_H
#define CAIRN_TESTS_PROVISION_DESK_H

#include "unit/storage/expect.h"

#include <stdio.h>

#include "core/doctype.h"
#include "provision/receipt.h"
#include "support/test_keys.h"

enum { DESK_MASK = 1u << 0 | 1u << 7, DESK_FLOOR = 2, DESK_SVN = 5 };
#define DESK_SALT "\"salt\":\"bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb\""
#define DESK_PARAMS                                                                                                            \
    "{" DESK_SALT ",\"parameters\":{\"key\":{\"scope\":\"release\",\"generate\":32},"                                          \
    "\"server\":{\"scope\":\"release\",\"value\":\"https://example.org\"},"                                                    \
    "\"token\":{\"scope\":\"online\",\"value\":\"t\"}}}"

struct desk {
    struct cairn_test_keys keys;
    struct cairn_approvals approvals;
    struct cairn_buf manifest_file;
    struct cairn_manifest manifest;
    struct cairn_param_assets assets;
    uint8_t nonce[32];
    struct cairn_request request;
    struct cairn_claim evidence;
};

static CAIRN_UNUSED void desk_approve_half(struct desk *d, struct cairn_approval *a)
{
    uint8_t digest[32];
    OK(cairn_policy_approval_digest(a->approved, a->ref, digest, &err));
    OK(cairn_signer_sign(d->keys.role[CAIRN_ROLE_PCRPOLICY], digest, a->rs, &err));
}

static CAIRN_UNUSED void desk_approve(struct desk *d, uint64_t floor)
{
    struct cairn_approval a = {.mask = DESK_MASK, .signer = *cairn_root_pcrpolicy_key(d->keys.root)};
    OK(cairn_pcr_digest(DESK_MASK, (const uint8_t(*)[32])d->keys.tpm.pcrs, a.pcr_digest, &err));
    OK(cairn_policy_pcr(a.approved, a.mask, a.pcr_digest, &err));
    d->approvals = (struct cairn_approvals){.floor = floor, .anchor = a, .vault = a};
    (void)snprintf(d->approvals.device_class, sizeof d->approvals.device_class, "%s", CAIRN_TEST_CLASS);
    OK(cairn_policy_ref_anchor(CAIRN_TEST_CLASS, d->approvals.anchor.ref, &err));
    OK(cairn_policy_ref_vault(CAIRN_TEST_CLASS, floor, d->approvals.vault.ref, &err));
    desk_approve_half(d, &d->approvals.anchor);
    desk_approve_half(d, &d->approvals.vault);
}

/* An unsigned manifest of DESK_PARAMS; `svn` below the floor and the like are the caller's to put in. */
static CAIRN_UNUSED json_t *desk_manifest_json(struct desk *d)
{
    CAIRN_JSON *approval = NULL;
    CAIRN_BUF payload = {0};
    json_t *json = NULL;
    OK(cairn_approvals_write(&d->approvals, &approval, &err));
    const struct cairn_manifest_draft draft = {.device_class = CAIRN_TEST_CLASS,
                                               .svn = DESK_SVN,
                                               .floor = DESK_FLOOR,
                                               .issued_s = CAIRN_TEST_NOW,
                                               .expires_s = CAIRN_TEST_NOW + 1000,
                                               .vault_version = 4,
                                               .assets = d->assets,
                                               .num_approvals = 1,
                                               .approvals = {approval}};
    OK(cairn_manifest_build(&draft, &payload, &err));
    OK(cairn_json_parse(cairn_buf_span(&payload), payload.len, true, "manifest", &json, &err));
    return json;
}

static CAIRN_UNUSED enum cairn_rc desk_open_manifest(struct desk *d, json_t *json, enum cairn_role role, uint64_t now_s,
                                                     struct cairn_err *err)
{
    cairn_test_sign_json(json, CAIRN_TYPE_MANIFEST, d->keys.role[role], &d->manifest_file);
    return cairn_manifest_open(d->keys.root, cairn_buf_span(&d->manifest_file), now_s, &d->manifest, err);
}

/* The device answers `nonce`. */
static CAIRN_UNUSED void desk_request_file(struct desk *d, uint32_t mask, struct cairn_buf *out)
{
    static const enum cairn_claim_type TYPES[] = {CAIRN_CLAIM_QUOTE, CAIRN_CLAIM_NV};
    struct cairn_tpm_head head;
    CAIRN_TPMDOC doc = {0};
    CAIRN_BUF payload = {0};
    cairn_fake_head(&d->keys.tpm, d->nonce, &head);
    OK(cairn_request_payload(&head, &payload, &err));
    cairn_fake_document(&d->keys.tpm, CAIRN_TYPE_REQUEST, cairn_buf_span(&payload), mask, TYPES, 2, &doc);
    OK(cairn_tpmdoc_write(&doc, out, &err));
}

static CAIRN_UNUSED void desk_ask(struct desk *d)
{
    CAIRN_BUF file = {0};
    struct cairn_attestation quote;
    cairn_fake_quote(&d->keys.tpm, DESK_MASK, d->nonce, &quote);
    OK(cairn_claim_verify(&quote, CAIRN_CLAIM_QUOTE, cairn_area_span(&d->keys.statement.ak), d->nonce, &d->evidence, &err));
    desk_request_file(d, DESK_MASK, &file);
    OK(cairn_request_verify(cairn_buf_span(&file), &d->keys.statement, d->nonce, DESK_MASK, &d->request, &err));
}

static CAIRN_UNUSED struct cairn_grant_draft desk_draft(struct desk *d)
{
    struct cairn_grant_draft draft = {.root = d->keys.root,
                                      .statement = &d->keys.statement,
                                      .manifest = &d->manifest,
                                      .request = &d->request,
                                      .evidence = &d->evidence,
                                      .assets = &d->assets,
                                      .mask = DESK_MASK,
                                      .now_s = CAIRN_TEST_NOW,
                                      .expires_s = CAIRN_TEST_NOW + 600};
    memcpy(draft.pcr_digest, d->evidence.u.quote.digest, 32);
    return draft;
}

static CAIRN_UNUSED json_t *desk_grant_json(struct desk *d)
{
    struct cairn_grant_draft draft = desk_draft(d);
    CAIRN_BUF payload = {0}, assets = {0};
    json_t *json = NULL;
    OK(cairn_grant_build(&draft, &payload, &assets, &err));
    OK(cairn_json_parse(cairn_buf_span(&payload), payload.len, true, "grant", &json, &err));
    return json;
}

static CAIRN_UNUSED enum cairn_rc desk_open_grant(struct desk *d, json_t *json, enum cairn_role role, uint64_t now_s,
                                                  struct cairn_grant *out, struct cairn_err *err)
{
    CAIRN_BUF file = {0};
    cairn_test_sign_json(json, CAIRN_TYPE_GRANT, d->keys.role[role], &file);
    return cairn_grant_open(d->keys.root, cairn_buf_span(&file), now_s, out, err);
}

static CAIRN_UNUSED struct desk *desk_new(void)
{
    struct desk *d = test_calloc(1, sizeof *d);
    cairn_test_keys_make(&d->keys);
    memset(d->nonce, 0x4e, sizeof d->nonce);
    desk_approve(d, DESK_FLOOR);
    OK(cairn_params_source_read(cairn_span_str(DESK_PARAMS), &d->assets, &err));
    OK(desk_open_manifest(d, desk_manifest_json(d), CAIRN_ROLE_RELEASE, CAIRN_TEST_NOW, &err));
    desk_ask(d);
    return d;
}

static CAIRN_UNUSED void desk_free(struct desk *d)
{
    cairn_manifest_clear(&d->manifest);
    cairn_param_assets_clear(&d->assets);
    cairn_buf_clear(&d->manifest_file);
    cairn_test_keys_clear(&d->keys);
    test_free(d);
}

#endif
