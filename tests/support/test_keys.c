/* tests/support/test_keys.c -- see test_keys.h. */
#include "support/cmocka_all.h"

#include "support/test_keys.h"

#include "authority/draft.h"
#include "tpm_data/policy.h"

static void ok(enum cairn_rc rc, const struct cairn_err *err)
{
    if (rc != CAIRN_OK) {
        fail_msg("fixture: %s: %s", err->code, err->text);
    }
}

void cairn_test_sign(struct cairn_span json_or_dsse, const char *type, const struct cairn_signer *signer, struct cairn_buf *out)
{
    struct cairn_err err = {0};
    struct cairn_buf made = {0};
    ok(cairn_sign_document(json_or_dsse, type, signer, &made, &err), &err);
    cairn_buf_clear(out);
    *out = made;
}

void cairn_test_sign_json(json_t *payload, const char *type, const struct cairn_signer *signer, struct cairn_buf *out)
{
    struct cairn_err err = {0};
    CAIRN_BUF text = {0};
    CAIRN_JSON *owned = payload;
    assert_non_null(owned);
    ok(cairn_json_write(owned, &text, &err), &err);
    cairn_test_sign(cairn_buf_span(&text), type, signer, out);
}

json_t *cairn_test_payload(const struct cairn_buf *dsse, const char *type)
{
    struct cairn_err err = {0};
    CAIRN_BUF payload = {0};
    json_t *json = NULL;
    ok(cairn_sign_payload(cairn_buf_span(dsse), type, &payload, &err), &err);
    ok(cairn_json_parse(cairn_buf_span(&payload), payload.len, true, "fixture", &json, &err), &err);
    return json;
}

json_t *cairn_test_root_json(const struct cairn_test_keys *keys)
{
    return cairn_test_payload(&keys->root_file, CAIRN_TYPE_ROOT);
}

json_t *cairn_test_statement_json(const struct cairn_test_keys *keys)
{
    return cairn_test_payload(&keys->statement_file, CAIRN_TYPE_STATEMENT);
}

static void add(struct cairn_root_draft *draft, enum cairn_role role, const char *holder, const struct cairn_signer *signer)
{
    struct cairn_err err = {0};
    struct cairn_public_key *key = &draft->keys[draft->num_keys++];
    key->role = role;
    (void)strncpy(key->holder, holder, sizeof key->holder - 1);
    ok(cairn_signer_public(signer, &key->key, &err), &err);
}

static void make_root(struct cairn_test_keys *k)
{
    struct cairn_err err = {0};
    CAIRN_BUF payload = {0};
    struct cairn_root_draft *draft = calloc(1, sizeof *draft);
    assert_non_null(draft);
    (void)strncpy(draft->device_class, CAIRN_TEST_CLASS, sizeof draft->device_class - 1);
    draft->not_before_s = CAIRN_TEST_NOW - 86400;
    draft->not_after_s = CAIRN_TEST_NOW + 365 * 86400;
    for (size_t i = 0; i < CAIRN_NUM_ROLES; i++) {
        ok(cairn_signer_generate(&k->role[i], &err), &err);
        add(draft, (enum cairn_role)i, "alice", k->role[i]);
    }
    ok(cairn_signer_generate(&k->retire_b, &err), &err);
    ok(cairn_signer_generate(&k->stranger, &err), &err);
    add(draft, CAIRN_ROLE_RETIRE, "bob", k->retire_b);
    for (size_t i = 0; i < CAIRN_ARRAY_LEN(k->verifier); i++) {
        char holder[] = "judge 1";
        holder[6] = (char)('1' + i);
        ok(cairn_signer_generate(&k->verifier[i], &err), &err);
        add(draft, CAIRN_ROLE_VERIFIER, holder, k->verifier[i]);
    }
    ok(cairn_root_draft_write(draft, &payload, &err), &err);
    free(draft);
    cairn_test_sign(cairn_buf_span(&payload), CAIRN_TYPE_ROOT, k->role[CAIRN_ROLE_ROOT], &k->root_file);
    ok(cairn_root_open(cairn_buf_span(&k->root_file), CAIRN_TEST_NOW, &k->root, &err), &err);
}

static void make_statement(struct cairn_test_keys *k)
{
    struct cairn_err err = {0};
    CAIRN_BUF payload = {0};
    uint8_t policy[32] = {0};
    struct cairn_statement s = {.serial = "SN-0001",
                                .tag = "asset 17",
                                .site = "lab",
                                .ek = k->tpm.ek_public,
                                .ak = k->tpm.ak_public,
                                .srk = k->tpm.srk_public,
                                .epoch = k->tpm.epoch_public,
                                .epoch_value = CAIRN_TEST_EPOCH_VALUE,
                                .tpm_class = "virtual",
                                .tpm_manufacturer = "IBM",
                                .tpm_firmware = k->tpm.firmware,
                                .root_version = 1,
                                .issued_s = CAIRN_TEST_NOW - 60};
    (void)strncpy(s.device_class, CAIRN_TEST_CLASS, sizeof s.device_class - 1);
    memcpy(s.fleet, cairn_root_fleet(k->root), sizeof s.fleet);
    ok(cairn_policy_anchor(cairn_root_pcrpolicy_key(k->root), CAIRN_TEST_CLASS, policy, &err), &err);
    cairn_template_anchor(CAIRN_TEST_ANCHOR_A, policy, true, &s.anchor[0]);
    cairn_template_anchor(CAIRN_TEST_ANCHOR_B, policy, true, &s.anchor[1]);
    ok(cairn_sha256(cairn_span_str("a certificate"), s.ek_certificate, &err), &err);
    ok(cairn_statement_payload(&s, &payload, &err), &err);
    cairn_test_sign(cairn_buf_span(&payload), CAIRN_TYPE_STATEMENT, k->role[CAIRN_ROLE_ENROL], &k->statement_file);
    ok(cairn_statement_open(k->root, cairn_buf_span(&k->statement_file), CAIRN_TEST_NOW, &k->statement, &err), &err);
}

void cairn_test_keys_make(struct cairn_test_keys *out)
{
    *out = (struct cairn_test_keys){0};
    make_root(out);
    cairn_fake_init(&out->tpm, cairn_root_fleet(out->root));
    out->tpm.epoch = CAIRN_TEST_EPOCH_VALUE;
    make_statement(out);
}

void cairn_test_keys_clear(struct cairn_test_keys *keys)
{
    for (size_t i = 0; i < CAIRN_NUM_ROLES; i++) {
        cairn_signer_free(keys->role[i]);
    }
    for (size_t i = 0; i < CAIRN_ARRAY_LEN(keys->verifier); i++) {
        cairn_signer_free(keys->verifier[i]);
    }
    cairn_signer_free(keys->retire_b);
    cairn_signer_free(keys->stranger);
    cairn_root_free(keys->root);
    cairn_fake_clear(&keys->tpm);
    cairn_buf_clear(&keys->root_file);
    cairn_buf_clear(&keys->statement_file);
    *keys = (struct cairn_test_keys){0};
}
