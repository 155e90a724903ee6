/* tests/unit/authority/test_statement.c -- authority/statement.c: an enroller may be wrong, or lie, and nothing follows. */
#include "refuse.h"

#include "tpm_data/policy.h"

static enum cairn_rc open_signed(const struct cairn_test_keys *k, json_t *payload, struct cairn_err *err)
{
    CAIRN_BUF file = {0};
    struct cairn_statement s;
    cairn_test_sign_json(payload, CAIRN_TYPE_STATEMENT, k->role[CAIRN_ROLE_ENROL], &file);
    return cairn_statement_open(k->root, cairn_buf_span(&file), CAIRN_TEST_NOW, &s, err);
}

static void refused(const struct cairn_test_keys *k, json_t *payload, const char *code)
{
    struct cairn_err err = {0};
    assert_code(open_signed(k, payload, &err), &err, code);
}

static void set_area(json_t *json, const char *member, const struct cairn_area *area)
{
    CAIRN_BUF text = {0};
    assert_ok(cairn_base64_encode(cairn_area_span(area), &text, NULL), NULL);
    json_object_set_new(json, member, json_stringn((const char *)text.p, text.len));
}

static void set_anchor(json_t *json, size_t i, const struct cairn_area *area)
{
    CAIRN_BUF text = {0};
    assert_ok(cairn_base64_encode(cairn_area_span(area), &text, NULL), NULL);
    json_array_set_new(json_object_get(json, "anchors"), i, json_stringn((const char *)text.p, text.len));
}

static void opens_a_statement_and_computes_its_names(void **state)
{
    CAIRN_TEST_KEYS k;
    cairn_test_keys_make(&k);
    (void)state;
    const struct cairn_statement *s = &k.statement;
    CAIRN_BUF payload = {0};
    uint8_t digest[32];
    assert_true(cairn_name_equal(&s->ak_name, &k.tpm.ak_name));
    assert_true(cairn_name_equal(&s->ek_name, &k.tpm.ek_name));
    assert_true(cairn_name_equal(&s->srk_name, &k.tpm.srk_name));
    assert_true(cairn_name_equal(&s->epoch_name, &k.tpm.epoch_name));
    assert_memory_equal(s->device, k.tpm.device, 32);
    assert_int_equal(s->epoch_value, CAIRN_TEST_EPOCH_VALUE);
    assert_string_equal(s->serial, "SN-0001");
    assert_string_equal(s->tpm_class, "virtual");
    assert_ok(cairn_sign_payload(cairn_buf_span(&k.statement_file), CAIRN_TYPE_STATEMENT, &payload, NULL), NULL);
    assert_ok(cairn_sha256(cairn_buf_span(&payload), digest, NULL), NULL);
    assert_memory_equal(s->digest, digest, 32);
    const uint8_t nonce[32] = {9};
    struct cairn_tpm_head head = cairn_statement_head(s, nonce);
    assert_memory_equal(head.nonce, nonce, 32);
    assert_true(cairn_name_equal(&head.ak, &s->ak_name));
    assert_memory_equal(head.fleet, cairn_root_fleet(k.root), 32);
    assert_memory_equal(head.device, s->device, 32);
}

static void refuses_a_statement_that_role_enrol_has_not_signed(void **state)
{
    CAIRN_TEST_KEYS k;
    cairn_test_keys_make(&k);
    (void)state;
    struct cairn_err err = {0};
    struct cairn_statement s;
    CAIRN_BUF file = {0};
    cairn_test_sign_json(cairn_test_statement_json(&k), CAIRN_TYPE_STATEMENT, k.role[CAIRN_ROLE_PROVISION], &file);
    assert_code(cairn_statement_open(k.root, cairn_buf_span(&file), CAIRN_TEST_NOW, &s, &err), &err, "statement.signer");
    cairn_test_sign_json(cairn_test_statement_json(&k), CAIRN_TYPE_STATEMENT, k.stranger, &file);
    assert_code(cairn_statement_open(k.root, cairn_buf_span(&file), CAIRN_TEST_NOW, &s, &err), &err, "statement.signer");
}

static void refuses_a_statement_of_another_fleet_class_or_device(void **state)
{
    CAIRN_TEST_KEYS k;
    struct cairn_test_keys *other = malloc(sizeof *other);
    assert_non_null(other);
    cairn_test_keys_make(&k);
    cairn_test_keys_make(other);
    (void)state;
    struct cairn_err err = {0};
    struct cairn_statement s;
    json_t *json = cairn_test_statement_json(other); /* signed by our enroller, about a device of theirs */
    refused(&k, json, "statement.fleet");
    assert_code(cairn_statement_open(k.root, cairn_buf_span(&other->statement_file), CAIRN_TEST_NOW, &s, &err), &err,
                "statement.signer");
    cairn_test_keys_clear(other);
    free(other);
    json = cairn_test_statement_json(&k);
    json_object_set_new(json, "class", json_string("gateway-b"));
    refused(&k, json, "statement.class");
    json = cairn_test_statement_json(&k);
    json_object_set_new(json, "device", json_string("2222222222222222222222222222222222222222222222222222222222222222"));
    refused(&k, json, "statement.device");
    json = cairn_test_statement_json(&k);
    json_object_set_new(json, "root_version", json_integer(2));
    refused(&k, json, "statement.root");
}

static void refuses_public_areas_that_are_not_the_templates(void **state)
{
    CAIRN_TEST_KEYS k;
    cairn_test_keys_make(&k);
    (void)state;
    json_t *json = cairn_test_statement_json(&k);
    set_area(json, "ek", &k.tpm.srk_public);
    refused(&k, json, "tpm.ek.template");
    json = cairn_test_statement_json(&k);
    struct cairn_area ak = k.tpm.ak_public;
    ak.bytes[5] ^= 0x01; /* restricted: an AK without it signs anything */
    set_area(json, "ak", &ak);
    refused(&k, json, "tpm.ak.attributes");
    json = cairn_test_statement_json(&k);
    struct cairn_area srk = k.tpm.srk_public;
    srk.bytes[7] ^= 0x02; /* fixedTPM: an imported one could be software's */
    set_area(json, "srk", &srk);
    refused(&k, json, "tpm.srk.template");
}

static void refuses_indices_that_could_go_back_or_that_others_write(void **state)
{
    CAIRN_TEST_KEYS k;
    cairn_test_keys_make(&k);
    (void)state;
    json_t *json = cairn_test_statement_json(&k);
    struct cairn_area epoch = k.tpm.epoch_public;
    epoch.bytes[9] ^= 0x10; /* ordinary instead of counter */
    set_area(json, "epoch", &epoch);
    refused(&k, json, "tpm.epoch.template");
    json = cairn_test_statement_json(&k);
    cairn_template_epoch(CAIRN_TEST_EPOCH, false, &epoch);
    set_area(json, "epoch", &epoch);
    refused(&k, json, "tpm.epoch.template");
    json = cairn_test_statement_json(&k);
    uint8_t policy[32] = {0};
    struct cairn_area anchor;
    struct cairn_ec_key stranger;
    assert_ok(cairn_signer_public(k.stranger, &stranger, NULL), NULL);
    assert_ok(cairn_policy_anchor(&stranger, CAIRN_TEST_CLASS, policy, NULL), NULL);
    cairn_template_anchor(CAIRN_TEST_ANCHOR_B, policy, true, &anchor);
    set_anchor(json, 1, &anchor);
    refused(&k, json, "tpm.anchor.template");
    json = cairn_test_statement_json(&k);
    set_anchor(json, 1, &k.statement.anchor[0]);
    refused(&k, json, "statement.indices");
}

static void judges_dates_at_the_time_of_issue(void **state)
{
    CAIRN_TEST_KEYS k;
    cairn_test_keys_make(&k);
    (void)state;
    struct cairn_err err = {0};
    struct cairn_statement s;
    /* years later the enroller's key has expired; the device is still who it was */
    assert_ok(cairn_statement_open(k.root, cairn_buf_span(&k.statement_file), CAIRN_TEST_NOW + 900 * 86400ull, &s, &err), &err);
    json_t *json = cairn_test_statement_json(&k);
    json_object_set_new(json, "issued", json_integer(CAIRN_TEST_NOW - 2 * 86400));
    refused(&k, json, "statement.key.dates");
    json = cairn_test_statement_json(&k);
    json_object_set_new(json, "issued", json_integer(CAIRN_TEST_NOW + CAIRN_STATEMENT_SKEW_S + 1));
    refused(&k, json, "statement.issued");
    json = cairn_test_statement_json(&k);
    json_object_set_new(json, "issued", json_integer(CAIRN_TEST_NOW + CAIRN_STATEMENT_SKEW_S));
    assert_ok(open_signed(&k, json, &err), &err);
}

static void refuses_labels_that_could_forge_a_log_line(void **state)
{
    CAIRN_TEST_KEYS k;
    cairn_test_keys_make(&k);
    (void)state;
    static const char *const bad[] = {"a\nb", "a\"b", "a\\b", "caf\xc3\xa9",
                                      "1234567890123456789012345678901234567890123456789012345678901234"};
    static const char *const members[] = {"serial", "tag", "site"};
    for (size_t i = 0; i < CAIRN_ARRAY_LEN(bad); i++) {
        for (size_t j = 0; j < CAIRN_ARRAY_LEN(members); j++) {
            json_t *json = cairn_test_statement_json(&k);
            json_object_set_new(json, members[j], json_string(bad[i]));
            refused(&k, json, "json.member");
        }
    }
    json_t *json = cairn_test_statement_json(&k);
    json_object_set_new(json_object_get(json, "tpm"), "class", json_string("firmware"));
    refused(&k, json, "json.member");
}

static void refuses_each_missing_member_and_every_truncation(void **state)
{
    CAIRN_TEST_KEYS k;
    cairn_test_keys_make(&k);
    (void)state;
    CAIRN_JSON *whole = cairn_test_statement_json(&k);
    const char *name = NULL;
    json_t *value = NULL;
    json_object_foreach(whole, name, value)
    {
        json_t *json = cairn_test_statement_json(&k);
        json_object_del(json, name);
        refused(&k, json, "json.member");
    }
    json_t *json = cairn_test_statement_json(&k);
    json_object_set_new(json, "note", json_integer(1));
    refused(&k, json, "json.member");
    json = cairn_test_statement_json(&k);
    json_array_append_new(json_object_get(json, "anchors"), json_string(""));
    refused(&k, json, "json.member");
    for (size_t len = 0; len + 1 < k.statement_file.len; len += 7) {
        struct cairn_statement s;
        uint8_t *exact = malloc(len + 1);
        assert_non_null(exact);
        memcpy(exact, k.statement_file.p, len);
        assert_int_not_equal(cairn_statement_open(k.root, cairn_span(exact, len), CAIRN_TEST_NOW, &s, NULL), CAIRN_OK);
        free(exact);
    }
}

static void names_the_server_as_enroller_and_nobody_else(void **state)
{
    CAIRN_TEST_KEYS k;
    cairn_test_keys_make(&k);
    (void)state;
    struct cairn_statement s = k.statement;
    CAIRN_BUF payload = {0};
    CAIRN_BUF file = {0};
    struct cairn_err err = {0};
    assert_false(k.statement.by_server);
    CAIRN_JSON *apart = cairn_test_statement_json(&k);
    assert_null(json_object_get(apart, "enroller"));
    s.by_server = true;
    assert_ok(cairn_statement_payload(&s, &payload, &err), &err);
    cairn_test_sign(cairn_buf_span(&payload), CAIRN_TYPE_STATEMENT, k.role[CAIRN_ROLE_ENROL], &file);
    s.by_server = false;
    assert_ok(cairn_statement_open(k.root, cairn_buf_span(&file), CAIRN_TEST_NOW, &s, &err), &err);
    assert_true(s.by_server);
    json_t *json = cairn_test_statement_json(&k);
    json_object_set_new(json, "enroller", json_string("desk"));
    refused(&k, json, "json.member");
    json = cairn_test_statement_json(&k);
    json_object_set_new(json, "enroller", json_null());
    refused(&k, json, "json.member");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(opens_a_statement_and_computes_its_names),
        cmocka_unit_test(refuses_a_statement_that_role_enrol_has_not_signed),
        cmocka_unit_test(refuses_a_statement_of_another_fleet_class_or_device),
        cmocka_unit_test(refuses_public_areas_that_are_not_the_templates),
        cmocka_unit_test(refuses_indices_that_could_go_back_or_that_others_write),
        cmocka_unit_test(judges_dates_at_the_time_of_issue),
        cmocka_unit_test(refuses_labels_that_could_forge_a_log_line),
        cmocka_unit_test(refuses_each_missing_member_and_every_truncation),
        cmocka_unit_test(names_the_server_as_enroller_and_nobody_else),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
