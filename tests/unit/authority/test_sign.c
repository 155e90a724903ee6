/* tests/unit/authority/test_sign.c -- authority/sign.c, authority/draft.c and authority/approval.c. */
#include "refuse.h"

#include "authority/draft.h"

static void signs_json_and_adds_to_an_envelope(void **state)
{
    CAIRN_TEST_KEYS k;
    cairn_test_keys_make(&k);
    (void)state;
    struct cairn_err err = {0};
    CAIRN_BUF once = {0};
    CAIRN_BUF twice = {0};
    CAIRN_BUF payload = {0};
    CAIRN_DSSE dsse = {0};
    struct cairn_span json = cairn_span_str("{\"a\":1}\n");
    assert_false(cairn_sign_is_envelope(json));
    assert_ok(cairn_sign_document(json, CAIRN_TYPE_ORDER, k.stranger, &once, &err), &err);
    assert_true(cairn_sign_is_envelope(cairn_buf_span(&once)));
    assert_ok(cairn_sign_document(cairn_buf_span(&once), CAIRN_TYPE_ORDER, k.retire_b, &twice, &err), &err);
    assert_ok(cairn_dsse_parse(cairn_buf_span(&twice), CAIRN_TYPE_ORDER, &dsse, &err), &err);
    assert_int_equal(dsse.num_signatures, 2);
    assert_ok(cairn_sign_payload(cairn_buf_span(&twice), CAIRN_TYPE_ORDER, &payload, &err), &err);
    assert_int_equal(payload.len, 7); /* without the newline */
    assert_memory_equal(payload.p, "{\"a\":1}", 7);
}

static void refuses_a_second_signature_by_one_key(void **state)
{
    CAIRN_TEST_KEYS k;
    cairn_test_keys_make(&k);
    (void)state;
    struct cairn_err err = {0};
    CAIRN_BUF once = {0};
    CAIRN_BUF twice = {0};
    cairn_test_sign(cairn_span_str("{}"), CAIRN_TYPE_ORDER, k.retire_b, &once);
    assert_code(cairn_sign_document(cairn_buf_span(&once), CAIRN_TYPE_ORDER, k.retire_b, &twice, &err), &err, "dsse.signed");
    assert_int_equal(twice.len, 0);
}

static void refuses_what_is_neither_canonical_json_nor_an_envelope_of_the_type(void **state)
{
    CAIRN_TEST_KEYS k;
    cairn_test_keys_make(&k);
    (void)state;
    struct cairn_err err = {0};
    CAIRN_BUF out = {0};
    CAIRN_BUF once = {0};
    assert_code(cairn_sign_document(cairn_span_str("{ }"), CAIRN_TYPE_ORDER, k.stranger, &out, &err), &err, "json.canonical");
    assert_code(cairn_sign_document(cairn_span_str("{}\n\n"), CAIRN_TYPE_ORDER, k.stranger, &out, &err), &err,
                "json.canonical");
    assert_code(cairn_sign_document(cairn_span_str("no"), CAIRN_TYPE_ORDER, k.stranger, &out, &err), &err, "json.syntax");
    cairn_test_sign(cairn_span_str("{}"), CAIRN_TYPE_ORDER, k.retire_b, &once);
    assert_code(cairn_sign_document(cairn_buf_span(&once), CAIRN_TYPE_POLICY, k.stranger, &out, &err), &err, "dsse.type");
    assert_code(cairn_sign_payload(cairn_buf_span(&once), CAIRN_TYPE_POLICY, &out, &err), &err, "dsse.type");
}

static void refuses_a_seventeenth_signature(void **state)
{
    (void)state;
    struct cairn_err err = {0};
    CAIRN_BUF file = {0};
    CAIRN_BUF next = {0};
    assert_ok(cairn_buf_set(&file, cairn_span_str("{}"), &err), &err);
    for (size_t i = 0; i < CAIRN_DSSE_MAX_SIGNATURES; i++) {
        CAIRN_SIGNER *signer = NULL;
        assert_ok(cairn_signer_generate(&signer, &err), &err);
        cairn_test_sign(cairn_buf_span(&file), CAIRN_TYPE_ORDER, signer, &next);
        assert_ok(cairn_buf_set(&file, cairn_buf_span(&next), &err), &err);
    }
    CAIRN_SIGNER *last = NULL;
    CAIRN_BUF out = {0};
    assert_ok(cairn_signer_generate(&last, &err), &err);
    assert_code(cairn_sign_document(cairn_buf_span(&file), CAIRN_TYPE_ORDER, last, &out, &err), &err, "dsse.full");
}

static void a_public_key_file_reads_back_and_nothing_else_does(void **state)
{
    CAIRN_TEST_KEYS k;
    cairn_test_keys_make(&k);
    (void)state;
    struct cairn_err err = {0};
    CAIRN_BUF file = {0};
    struct cairn_public_key key = {.role = CAIRN_ROLE_RETIRE, .holder = "Ada L."};
    struct cairn_public_key back = {.role = CAIRN_ROLE_ROOT};
    assert_ok(cairn_signer_public(k.stranger, &key.key, &err), &err);
    assert_ok(cairn_public_key_write(&key, &file, &err), &err);
    assert_ok(cairn_public_key_parse(cairn_buf_span(&file), &back, &err), &err);
    assert_int_equal(back.role, CAIRN_ROLE_RETIRE);
    assert_string_equal(back.holder, "Ada L.");
    assert_true(cairn_ec_key_equal(&back.key, &key.key));
    for (size_t len = 0; len + 1 < file.len; len++) {
        assert_int_not_equal(cairn_public_key_parse(cairn_span(file.p, len), &back, &err), CAIRN_OK);
    }
    (void)strncpy(key.holder, "a\"b", sizeof key.holder - 1);
    cairn_buf_clear(&file);
    assert_ok(cairn_public_key_write(&key, &file, &err), &err);
    assert_code(cairn_public_key_parse(cairn_buf_span(&file), &back, &err), &err, "json.member");
}

static struct cairn_root_draft *draft_of(const struct cairn_test_keys *k)
{
    struct cairn_root_draft *draft = calloc(1, sizeof *draft);
    assert_non_null(draft);
    (void)strncpy(draft->device_class, "c", sizeof draft->device_class - 1);
    draft->not_after_s = CAIRN_TEST_NOW;
    for (size_t i = 0; i < CAIRN_NUM_ROLES; i++) {
        struct cairn_public_key *key = &draft->keys[draft->num_keys++];
        key->role = (enum cairn_role)i;
        (void)strncpy(key->holder, "alice", sizeof key->holder - 1);
        assert_ok(cairn_signer_public(k->role[i], &key->key, NULL), NULL);
    }
    return draft;
}

static void a_draft_is_checked_before_anybody_signs_it(void **state)
{
    CAIRN_TEST_KEYS k;
    cairn_test_keys_make(&k);
    (void)state;
    struct cairn_err err = {0};
    CAIRN_BUF out = {0};
    struct cairn_root_draft *draft = draft_of(&k);
    assert_code(cairn_root_draft_write(draft, &out, &err), &err, "root.role.threshold"); /* retire needs two holders */
    draft->single_person = true;
    assert_ok(cairn_root_draft_write(draft, &out, &err), &err);
    draft->single_person = false;
    draft->threshold[CAIRN_ROLE_RETIRE] = 1;
    assert_code(cairn_root_draft_write(draft, &out, &err), &err, "root.retire.single");
    draft->keys[draft->num_keys] = draft->keys[CAIRN_ROLE_RETIRE];
    (void)strncpy(draft->keys[draft->num_keys++].holder, "bob", CAIRN_HOLDER_MAX - 1);
    assert_code(cairn_root_draft_write(draft, &out, &err), &err, "root.key.double");
    free(draft);
}

static void an_approval_reads_back_and_every_bent_one_is_refused(void **state)
{
    CAIRN_TEST_KEYS k;
    cairn_test_keys_make(&k);
    (void)state;
    struct cairn_err err = {0};
    struct cairn_approvals made;
    struct cairn_approvals back;
    CAIRN_JSON *json = NULL;
    const uint8_t digest[32] = {1, 2, 3};
    const struct cairn_signer *signer = k.role[CAIRN_ROLE_PCRPOLICY];
    assert_ok(cairn_sign_approvals(signer, CAIRN_TEST_CLASS, 4, 0x91, digest, &made, &err), &err);
    assert_ok(cairn_approvals_write(&made, &json, &err), &err);
    assert_ok(cairn_approvals_read(json, k.root, &back, &err), &err);
    assert_memory_equal(&back, &made, sizeof back);

    static const char *const halves[] = {"anchor", "vault"};
    for (size_t i = 0; i < 2; i++) {
        CAIRN_JSON *bent = json_deep_copy(json);
        json_t *half = json_object_get(bent, halves[i]);
        char rs[129];
        (void)strncpy(rs, json_string_value(json_object_get(half, "signature")), sizeof rs - 1);
        rs[128] = '\0';
        rs[100] = rs[100] == '0' ? '1' : '0';
        json_object_set_new(half, "signature", json_string(rs));
        assert_code(cairn_approvals_read(bent, k.root, &back, &err), &err, "approval.signature");
    }
    CAIRN_JSON *floor = json_deep_copy(json);
    json_object_set_new(floor, "floor", json_integer(5));
    assert_code(cairn_approvals_read(floor, k.root, &back, &err), &err, "approval.ref");
    CAIRN_JSON *pcrs = json_deep_copy(json);
    json_object_set_new(pcrs, "pcrs", json_string("0,4"));
    assert_code(cairn_approvals_read(pcrs, k.root, &back, &err), &err, "approval.digest");
    CAIRN_JSON *form = json_deep_copy(json);
    json_object_set_new(form, "pcrs", json_string("4,0,7"));
    assert_code(cairn_approvals_read(form, k.root, &back, &err), &err, "json.member");
    CAIRN_JSON *class_json = NULL;
    assert_ok(cairn_sign_approvals(signer, "gateway-b", 4, 0x91, digest, &made, &err), &err);
    assert_ok(cairn_approvals_write(&made, &class_json, &err), &err);
    assert_code(cairn_approvals_read(class_json, k.root, &back, &err), &err, "approval.class");
    CAIRN_JSON *signer_json = NULL;
    assert_ok(cairn_sign_approvals(k.role[CAIRN_ROLE_POLICY], CAIRN_TEST_CLASS, 4, 0x91, digest, &made, &err), &err);
    assert_ok(cairn_approvals_write(&made, &signer_json, &err), &err);
    assert_code(cairn_approvals_read(signer_json, k.root, &back, &err), &err, "approval.signer");
}

/* The anchor's signature must not do for the vault, nor the other way round. */
static void the_halves_of_an_approval_cannot_be_exchanged(void **state)
{
    CAIRN_TEST_KEYS k;
    cairn_test_keys_make(&k);
    (void)state;
    struct cairn_err err = {0};
    struct cairn_approvals made;
    struct cairn_approvals back;
    CAIRN_JSON *json = NULL;
    const uint8_t digest[32] = {1};
    assert_ok(cairn_sign_approvals(k.role[CAIRN_ROLE_PCRPOLICY], CAIRN_TEST_CLASS, 4, 1, digest, &made, &err), &err);
    assert_ok(cairn_approvals_write(&made, &json, &err), &err);
    json_t *anchor = json_incref(json_object_get(json, "anchor"));
    json_object_set(json, "anchor", json_object_get(json, "vault"));
    json_object_set_new(json, "vault", anchor);
    assert_code(cairn_approvals_read(json, k.root, &back, &err), &err, "approval.ref");
}

/* Each half by itself: correctly signed, over the reference of something else. */
static void each_half_of_an_approval_has_its_own_reference(void **state)
{
    CAIRN_TEST_KEYS k;
    cairn_test_keys_make(&k);
    (void)state;
    struct cairn_err err = {0};
    struct cairn_approvals made;
    struct cairn_approvals other;
    struct cairn_approvals back;
    CAIRN_JSON *anchor = NULL;
    CAIRN_JSON *vault = NULL;
    const uint8_t digest[32] = {1};
    const struct cairn_signer *signer = k.role[CAIRN_ROLE_PCRPOLICY];
    assert_ok(cairn_sign_approvals(signer, CAIRN_TEST_CLASS, 4, 1, digest, &made, &err), &err);
    assert_ok(cairn_sign_approvals(signer, "gateway-b", 4, 1, digest, &other, &err), &err);
    struct cairn_approval kept = made.anchor;
    made.anchor = other.anchor;
    assert_ok(cairn_approvals_write(&made, &anchor, &err), &err);
    assert_code(cairn_approvals_read(anchor, k.root, &back, &err), &err, "approval.ref");
    made.anchor = kept;
    made.vault = other.vault;
    assert_ok(cairn_approvals_write(&made, &vault, &err), &err);
    assert_code(cairn_approvals_read(vault, k.root, &back, &err), &err, "approval.ref");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(signs_json_and_adds_to_an_envelope),
        cmocka_unit_test(refuses_a_second_signature_by_one_key),
        cmocka_unit_test(refuses_what_is_neither_canonical_json_nor_an_envelope_of_the_type),
        cmocka_unit_test(refuses_a_seventeenth_signature),
        cmocka_unit_test(a_public_key_file_reads_back_and_nothing_else_does),
        cmocka_unit_test(a_draft_is_checked_before_anybody_signs_it),
        cmocka_unit_test(an_approval_reads_back_and_every_bent_one_is_refused),
        cmocka_unit_test(the_halves_of_an_approval_cannot_be_exchanged),
        cmocka_unit_test(each_half_of_an_approval_has_its_own_reference),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
