/* tests/unit/authority/test_root.c -- authority/root.c: every rule of a root, on roots that are otherwise correctly signed. */
#include "refuse.h"

static json_t *role_of(json_t *root, const char *role)
{
    return json_object_get(json_object_get(root, "roles"), role);
}

static const char *key_id(json_t *root, const char *role, size_t i)
{
    return json_string_value(json_array_get(json_object_get(role_of(root, role), "keys"), i));
}

static json_t *key_of(json_t *root, const char *role, size_t i)
{
    return json_object_get(json_object_get(root, "keys"), key_id(root, role, i));
}

static enum cairn_rc open_signed(const struct cairn_test_keys *k, json_t *payload, uint64_t now_s, struct cairn_err *err)
{
    CAIRN_BUF file = {0};
    CAIRN_ROOT *root = NULL;
    cairn_test_sign_json(payload, CAIRN_TYPE_ROOT, k->role[CAIRN_ROLE_ROOT], &file);
    enum cairn_rc rc = cairn_root_open(cairn_buf_span(&file), now_s, &root, err);
    assert_true((rc == CAIRN_OK) == (root != NULL));
    return rc;
}

static void refused(const struct cairn_test_keys *k, json_t *payload, const char *code)
{
    struct cairn_err err = {0};
    assert_code(open_signed(k, payload, CAIRN_TEST_NOW, &err), &err, code);
}

static void opens_a_root_and_says_who_may(void **state)
{
    CAIRN_TEST_KEYS k;
    cairn_test_keys_make(&k);
    (void)state;
    uint8_t digest[32];
    CAIRN_BUF payload = {0};
    assert_ok(cairn_sign_payload(cairn_buf_span(&k.root_file), CAIRN_TYPE_ROOT, &payload, NULL), NULL);
    assert_ok(cairn_sha256(cairn_buf_span(&payload), digest, NULL), NULL);
    assert_memory_equal(cairn_root_fleet(k.root), digest, 32);
    assert_string_equal(cairn_root_class(k.root), CAIRN_TEST_CLASS);
    assert_int_equal(cairn_root_version(k.root), 1);
    struct cairn_ec_key key;
    uint8_t id[32];
    enum cairn_role role = CAIRN_ROLE_ROOT;
    const char *holder = NULL;
    assert_ok(cairn_signer_public(k.retire_b, &key, NULL), NULL);
    assert_ok(cairn_ec_key_id(&key, id, NULL), NULL);
    assert_true(cairn_root_key_role(k.root, id, &role, &holder));
    assert_int_equal(role, CAIRN_ROLE_RETIRE);
    assert_string_equal(holder, "bob");
    id[0] ^= 1;
    assert_false(cairn_root_key_role(k.root, id, &role, &holder));
    assert_ok(cairn_signer_public(k.role[CAIRN_ROLE_PCRPOLICY], &key, NULL), NULL);
    assert_true(cairn_ec_key_equal(cairn_root_pcrpolicy_key(k.root), &key));
}

static void refuses_a_root_that_root_has_not_signed(void **state)
{
    CAIRN_TEST_KEYS k;
    cairn_test_keys_make(&k);
    (void)state;
    CAIRN_BUF file = {0};
    CAIRN_ROOT *root = NULL;
    struct cairn_err err = {0};
    cairn_test_sign_json(cairn_test_root_json(&k), CAIRN_TYPE_ROOT, k.stranger, &file);
    assert_code(cairn_root_open(cairn_buf_span(&file), CAIRN_TEST_NOW, &root, &err), &err, "root.signer");
    cairn_test_sign_json(cairn_test_root_json(&k), CAIRN_TYPE_ROOT, k.role[CAIRN_ROLE_ENROL], &file);
    assert_code(cairn_root_open(cairn_buf_span(&file), CAIRN_TEST_NOW, &root, &err), &err, "root.signer");
    cairn_test_sign(cairn_buf_span(&k.root_file), CAIRN_TYPE_ROOT, k.stranger, &file);
    assert_code(cairn_root_open(cairn_buf_span(&file), CAIRN_TEST_NOW, &root, &err), &err, "root.signer");
}

static void refuses_a_root_whose_signature_is_over_other_bytes(void **state)
{
    CAIRN_TEST_KEYS k;
    cairn_test_keys_make(&k);
    (void)state;
    CAIRN_DSSE dsse = {0};
    CAIRN_BUF file = {0};
    CAIRN_ROOT *root = NULL;
    struct cairn_err err = {0};
    assert_ok(cairn_dsse_parse(cairn_buf_span(&k.root_file), CAIRN_TYPE_ROOT, &dsse, NULL), NULL);
    dsse.signatures[0].rs[40] ^= 1;
    assert_ok(cairn_dsse_write(&dsse, &file, NULL), NULL);
    assert_code(cairn_root_open(cairn_buf_span(&file), CAIRN_TEST_NOW, &root, &err), &err, "signature.invalid");
}

static void counts_only_keys_that_are_valid_now(void **state)
{
    CAIRN_TEST_KEYS k;
    cairn_test_keys_make(&k);
    (void)state;
    struct cairn_err err = {0};
    assert_ok(open_signed(&k, cairn_test_root_json(&k), CAIRN_TEST_NOW, &err), &err);
    assert_code(open_signed(&k, cairn_test_root_json(&k), CAIRN_TEST_NOW - 86401, &err), &err, "root.threshold");
    assert_code(open_signed(&k, cairn_test_root_json(&k), CAIRN_TEST_NOW + 366 * 86400, &err), &err, "root.threshold");
    assert_ok(open_signed(&k, cairn_test_root_json(&k), 0, &err), &err);
}

static void refuses_one_key_under_two_holders(void **state)
{
    CAIRN_TEST_KEYS k;
    cairn_test_keys_make(&k);
    (void)state;
    json_t *root = cairn_test_root_json(&k);
    json_t *spki = json_object_get(key_of(root, "enrol", 0), "spki");
    json_object_set(key_of(root, "release", 0), "spki", spki);
    refused(&k, root, "root.key.double");
}

static void refuses_one_key_twice_in_a_role(void **state)
{
    CAIRN_TEST_KEYS k;
    cairn_test_keys_make(&k);
    (void)state;
    json_t *root = cairn_test_root_json(&k);
    json_array_append_new(json_object_get(role_of(root, "retire"), "keys"), json_string(key_id(root, "retire", 0)));
    refused(&k, root, "root.key.double");
}

static void refuses_a_key_under_an_id_that_is_not_its_own(void **state)
{
    CAIRN_TEST_KEYS k;
    cairn_test_keys_make(&k);
    (void)state;
    json_t *root = cairn_test_root_json(&k);
    json_t *a = json_incref(json_object_get(key_of(root, "enrol", 0), "spki"));
    json_object_set(key_of(root, "enrol", 0), "spki", json_object_get(key_of(root, "release", 0), "spki"));
    json_object_set_new(key_of(root, "release", 0), "spki", a);
    refused(&k, root, "root.key.id");
}

/* The same point in another encoding: compressed, or with explicit parameters, is another SPKI. */
static void refuses_two_encodings_of_one_key(void **state)
{
    CAIRN_TEST_KEYS k;
    cairn_test_keys_make(&k);
    (void)state;
    json_t *root = cairn_test_root_json(&k);
    CAIRN_BUF spki = {0};
    CAIRN_BUF text = {0};
    json_t *entry = key_of(root, "enrol", 0);
    const char *b64 = json_string_value(json_object_get(entry, "spki"));
    assert_ok(cairn_base64_decode(cairn_span_str(b64), 200, &spki, NULL), NULL);
    assert_int_equal(spki.len, CAIRN_SPKI_LEN);
    uint8_t odd = spki.p[90] & 1;
    static const uint8_t head[] = {0x30, 0x39, 0x30, 0x13, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01,
                                   0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07, 0x03, 0x22, 0x00};
    uint8_t compressed[sizeof head + 33];
    memcpy(compressed, head, sizeof head);
    compressed[sizeof head] = (uint8_t)(2 + odd);
    memcpy(compressed + sizeof head + 1, spki.p + 27, 32);
    assert_ok(cairn_base64_encode(CAIRN_SPAN(compressed), &text, NULL), NULL);
    json_object_set_new(entry, "spki", json_stringn((const char *)text.p, text.len));
    refused(&k, root, "key.spki");
}

static void refuses_a_point_that_is_not_on_the_curve(void **state)
{
    CAIRN_TEST_KEYS k;
    cairn_test_keys_make(&k);
    (void)state;
    json_t *root = cairn_test_root_json(&k);
    CAIRN_BUF spki = {0};
    CAIRN_BUF text = {0};
    json_t *entry = key_of(root, "enrol", 0);
    assert_ok(cairn_base64_decode(cairn_span_str(json_string_value(json_object_get(entry, "spki"))), 200, &spki, NULL), NULL);
    spki.p[90] ^= 1;
    assert_ok(cairn_base64_encode(cairn_buf_span(&spki), &text, NULL), NULL);
    json_object_set_new(entry, "spki", json_stringn((const char *)text.p, text.len));
    refused(&k, root, "key.curve");
}

static void refuses_one_key_in_two_roles(void **state)
{
    CAIRN_TEST_KEYS k;
    cairn_test_keys_make(&k);
    (void)state;
    json_t *root = cairn_test_root_json(&k);
    json_array_append_new(json_object_get(role_of(root, "retire"), "keys"), json_string(key_id(root, "release", 0)));
    refused(&k, root, "root.key.role");
}

static void refuses_a_key_without_a_role_and_a_role_without_its_key(void **state)
{
    CAIRN_TEST_KEYS k;
    cairn_test_keys_make(&k);
    (void)state;
    json_t *root = cairn_test_root_json(&k);
    json_array_remove(json_object_get(role_of(root, "verifier"), "keys"), 0);
    refused(&k, root, "root.key.unused");
    root = cairn_test_root_json(&k);
    json_object_del(json_object_get(root, "keys"), key_id(root, "enrol", 0));
    refused(&k, root, "root.key.unknown");
}

static void refuses_retirement_by_one_holder_unless_it_says_so(void **state)
{
    CAIRN_TEST_KEYS k;
    cairn_test_keys_make(&k);
    (void)state;
    struct cairn_err err = {0};
    json_t *root = cairn_test_root_json(&k);
    json_object_set_new(role_of(root, "retire"), "threshold", json_integer(1));
    refused(&k, json_incref(root), "root.retire.single");
    json_object_set_new(root, "single_person", json_true());
    assert_ok(open_signed(&k, root, CAIRN_TEST_NOW, &err), &err);
}

/* Two keys of one person are one holder: a threshold of two could never be met. */
static void refuses_a_threshold_above_the_number_of_holders(void **state)
{
    CAIRN_TEST_KEYS k;
    cairn_test_keys_make(&k);
    (void)state;
    json_t *root = cairn_test_root_json(&k);
    json_object_set_new(key_of(root, "retire", 0), "holder", json_string("carol"));
    json_object_set_new(key_of(root, "retire", 1), "holder", json_string("carol"));
    refused(&k, root, "root.role.threshold");
    root = cairn_test_root_json(&k);
    json_object_set_new(role_of(root, "enrol"), "threshold", json_integer(0));
    refused(&k, root, "root.role.threshold");
}

static void refuses_a_second_pcrpolicy_key_and_a_missing_role(void **state)
{
    CAIRN_TEST_KEYS k;
    cairn_test_keys_make(&k);
    (void)state;
    json_t *root = cairn_test_root_json(&k);
    json_t *moved = json_incref(json_array_get(json_object_get(role_of(root, "retire"), "keys"), 1));
    json_array_remove(json_object_get(role_of(root, "retire"), "keys"), 1);
    json_array_append_new(json_object_get(role_of(root, "pcrpolicy"), "keys"), moved);
    refused(&k, root, "root.pcrpolicy");
    root = cairn_test_root_json(&k);
    json_object_del(json_object_get(root, "keys"), key_id(root, "release", 0));
    json_object_del(json_object_get(root, "roles"), "release");
    refused(&k, root, "root.role.missing");
}

static void refuses_another_version_and_dates_that_end_before_they_begin(void **state)
{
    CAIRN_TEST_KEYS k;
    cairn_test_keys_make(&k);
    (void)state;
    json_t *root = cairn_test_root_json(&k);
    json_object_set_new(root, "version", json_integer(0));
    refused(&k, root, "root.version");
    root = cairn_test_root_json(&k);
    json_object_set_new(root, "version", json_integer(2));
    json_object_set_new(root, "fleet", json_string("0000000000000000000000000000000000000000000000000000000000000000"));
    refused(&k, root, "root.version");
    root = cairn_test_root_json(&k);
    json_object_set_new(key_of(root, "enrol", 0), "not_after", json_integer(5));
    refused(&k, root, "root.dates");
}

static void refuses_members_that_are_missing_unknown_or_of_another_type(void **state)
{
    CAIRN_TEST_KEYS k;
    cairn_test_keys_make(&k);
    (void)state;
    static const char *const members[] = {"class", "keys", "roles", "single_person", "v", "version"};
    for (size_t i = 0; i < CAIRN_ARRAY_LEN(members); i++) {
        json_t *root = cairn_test_root_json(&k);
        json_object_del(root, members[i]);
        refused(&k, root, "json.member");
        root = cairn_test_root_json(&k);
        json_object_set_new(root, members[i], json_null());
        refused(&k, root, "json.member");
    }
    json_t *root = cairn_test_root_json(&k);
    json_object_set_new(root, "note", json_string("hello"));
    refused(&k, root, "json.member");
    root = cairn_test_root_json(&k);
    json_object_set_new(root, "v", json_integer(0));
    refused(&k, root, "json.member");
    root = cairn_test_root_json(&k);
    json_object_set_new(root, "class", json_string("a\"b"));
    refused(&k, root, "json.member");
    root = cairn_test_root_json(&k);
    json_object_set_new(key_of(root, "enrol", 0), "holder", json_string(""));
    refused(&k, root, "json.member");
    root = cairn_test_root_json(&k);
    json_object_set_new(json_object_get(root, "roles"), "admin", json_pack("{s:[], s:i}", "keys", "threshold", 1));
    refused(&k, root, "json.member");
}

static enum cairn_rc open_next(const struct cairn_test_keys *k, json_t *payload, const struct cairn_signer *a,
                               const struct cairn_signer *b, struct cairn_root **out, struct cairn_err *err)
{
    CAIRN_BUF once = {0};
    CAIRN_BUF twice = {0};
    cairn_test_sign_json(payload, CAIRN_TYPE_ROOT, a, &once);
    if (b != NULL) {
        cairn_test_sign(cairn_buf_span(&once), CAIRN_TYPE_ROOT, b, &twice);
    }
    return cairn_root_next(k->root, cairn_buf_span(b != NULL ? &twice : &once), CAIRN_TEST_NOW, out, err);
}

/* Version 2 whose root key is the former stranger's. */
static json_t *version_two(const struct cairn_test_keys *k)
{
    char fleet[65];
    char id_hex[65];
    uint8_t id[32];
    uint8_t spki[CAIRN_SPKI_LEN];
    struct cairn_ec_key key;
    CAIRN_BUF text = {0};
    json_t *root = cairn_test_root_json(k);
    assert_ok(cairn_signer_public(k->stranger, &key, NULL), NULL);
    assert_ok(cairn_ec_key_id(&key, id, NULL), NULL);
    cairn_hex_encode(CAIRN_SPAN(id), id_hex);
    cairn_spki_encode(&key, spki);
    assert_ok(cairn_base64_encode(CAIRN_SPAN(spki), &text, NULL), NULL);
    json_t *entry = json_deep_copy(key_of(root, "root", 0));
    json_object_set_new(entry, "spki", json_stringn((const char *)text.p, text.len));
    json_object_del(json_object_get(root, "keys"), key_id(root, "root", 0));
    json_object_set_new(json_object_get(root, "keys"), id_hex, entry);
    json_array_set_new(json_object_get(role_of(root, "root"), "keys"), 0, json_string(id_hex));
    cairn_hex_encode(cairn_span(cairn_root_fleet(k->root), 32), fleet);
    json_object_set_new(root, "version", json_integer(2));
    json_object_set_new(root, "fleet", json_string(fleet));
    return root;
}

static void a_next_root_needs_both_thresholds(void **state)
{
    CAIRN_TEST_KEYS k;
    cairn_test_keys_make(&k);
    (void)state;
    struct cairn_err err = {0};
    CAIRN_ROOT *next = NULL;
    const struct cairn_signer *old = k.role[CAIRN_ROLE_ROOT];
    assert_code(open_next(&k, version_two(&k), old, NULL, &next, &err), &err, "root.threshold");
    assert_code(open_next(&k, version_two(&k), k.stranger, NULL, &next, &err), &err, "root.threshold");
    assert_code(open_next(&k, version_two(&k), old, k.retire_b, &next, &err), &err, "root.signer");
    assert_ok(open_next(&k, version_two(&k), old, k.stranger, &next, &err), &err);
    assert_int_equal(cairn_root_version(next), 2);
    assert_memory_equal(cairn_root_fleet(next), cairn_root_fleet(k.root), 32);
}

static void a_next_root_continues_fleet_class_and_version(void **state)
{
    CAIRN_TEST_KEYS k;
    cairn_test_keys_make(&k);
    (void)state;
    struct cairn_err err = {0};
    CAIRN_ROOT *next = NULL;
    const struct cairn_signer *old = k.role[CAIRN_ROLE_ROOT];
    json_t *root = version_two(&k);
    json_object_set_new(root, "version", json_integer(3));
    assert_code(open_next(&k, root, old, k.stranger, &next, &err), &err, "root.version");
    root = version_two(&k);
    json_object_set_new(root, "class", json_string("gateway-b"));
    assert_code(open_next(&k, root, old, k.stranger, &next, &err), &err, "root.chain");
    root = version_two(&k);
    json_object_set_new(root, "fleet", json_string("1111111111111111111111111111111111111111111111111111111111111111"));
    assert_code(open_next(&k, root, old, k.stranger, &next, &err), &err, "root.chain");
    assert_null(next);
}

static enum cairn_rc verify(const struct cairn_test_keys *k, const struct cairn_buf *file, enum cairn_role role, uint64_t now_s,
                            struct cairn_err *err)
{
    CAIRN_BUF payload = {0};
    enum cairn_rc rc =
        cairn_root_open_signed(k->root, cairn_buf_span(file), CAIRN_TYPE_ORDER, role, "order", now_s, &payload, err);
    assert_true((rc == CAIRN_OK) == (payload.len > 0));
    return rc;
}

static void an_order_needs_two_holders_of_its_role(void **state)
{
    CAIRN_TEST_KEYS k;
    cairn_test_keys_make(&k);
    (void)state;
    struct cairn_err err = {0};
    CAIRN_BUF one = {0};
    CAIRN_BUF two = {0};
    CAIRN_BUF bad = {0};
    cairn_test_sign(cairn_span_str("{\"x\":1}"), CAIRN_TYPE_ORDER, k.role[CAIRN_ROLE_RETIRE], &one);
    assert_code(verify(&k, &one, CAIRN_ROLE_RETIRE, CAIRN_TEST_NOW, &err), &err, "order.holders");
    cairn_test_sign(cairn_buf_span(&one), CAIRN_TYPE_ORDER, k.retire_b, &two);
    assert_ok(verify(&k, &two, CAIRN_ROLE_RETIRE, CAIRN_TEST_NOW, &err), &err);
    assert_code(verify(&k, &two, CAIRN_ROLE_RELEASE, CAIRN_TEST_NOW, &err), &err, "order.signer");
    assert_code(verify(&k, &two, CAIRN_ROLE_RETIRE, CAIRN_TEST_NOW - 2 * 86400, &err), &err, "order.key.dates");
    assert_ok(verify(&k, &two, CAIRN_ROLE_RETIRE, 0, &err), &err);
    cairn_test_sign(cairn_buf_span(&two), CAIRN_TYPE_ORDER, k.stranger, &bad);
    assert_code(verify(&k, &bad, CAIRN_ROLE_RETIRE, CAIRN_TEST_NOW, &err), &err, "order.signer");
    cairn_test_sign(cairn_buf_span(&one), CAIRN_TYPE_ORDER, k.role[CAIRN_ROLE_RELEASE], &bad);
    assert_code(verify(&k, &bad, CAIRN_ROLE_RETIRE, CAIRN_TEST_NOW, &err), &err, "order.signer");
}

static void two_keys_of_one_holder_count_once(void **state)
{
    CAIRN_TEST_KEYS k;
    cairn_test_keys_make(&k);
    (void)state;
    struct cairn_err err = {0};
    CAIRN_BUF file = {0};
    CAIRN_BUF root_file = {0};
    CAIRN_BUF payload = {0};
    CAIRN_ROOT *root = NULL;
    /* a third key, bob's second; the threshold stays two holders */
    json_t *json = cairn_test_root_json(&k);
    char id_hex[65];
    uint8_t id[32];
    uint8_t spki[CAIRN_SPKI_LEN];
    struct cairn_ec_key key;
    CAIRN_BUF text = {0};
    assert_ok(cairn_signer_public(k.stranger, &key, NULL), NULL);
    assert_ok(cairn_ec_key_id(&key, id, NULL), NULL);
    cairn_hex_encode(CAIRN_SPAN(id), id_hex);
    cairn_spki_encode(&key, spki);
    assert_ok(cairn_base64_encode(CAIRN_SPAN(spki), &text, NULL), NULL);
    json_t *entry = json_deep_copy(key_of(json, "retire", 0));
    json_object_set_new(entry, "spki", json_stringn((const char *)text.p, text.len));
    json_object_set_new(entry, "holder", json_string("bob"));
    json_object_set_new(json_object_get(json, "keys"), id_hex, entry);
    json_array_append_new(json_object_get(role_of(json, "retire"), "keys"), json_string(id_hex));
    cairn_test_sign_json(json, CAIRN_TYPE_ROOT, k.role[CAIRN_ROLE_ROOT], &root_file);
    assert_ok(cairn_root_open(cairn_buf_span(&root_file), CAIRN_TEST_NOW, &root, &err), &err);

    cairn_test_sign(cairn_span_str("{\"x\":1}"), CAIRN_TYPE_ORDER, k.retire_b, &payload);
    cairn_test_sign(cairn_buf_span(&payload), CAIRN_TYPE_ORDER, k.stranger, &file);
    cairn_buf_clear(&payload);
    assert_code(cairn_root_open_signed(root, cairn_buf_span(&file), CAIRN_TYPE_ORDER, CAIRN_ROLE_RETIRE, "order",
                                       CAIRN_TEST_NOW, &payload, &err),
                &err, "order.holders");
}

static void a_document_is_not_another_document(void **state)
{
    CAIRN_TEST_KEYS k;
    cairn_test_keys_make(&k);
    (void)state;
    struct cairn_err err = {0};
    CAIRN_BUF file = {0};
    CAIRN_BUF payload = {0};
    CAIRN_BUF other = {0};
    CAIRN_DSSE dsse = {0};
    cairn_test_sign(cairn_span_str("{}"), CAIRN_TYPE_POLICY, k.role[CAIRN_ROLE_RELEASE], &file);
    assert_code(cairn_root_open_signed(k.root, cairn_buf_span(&file), CAIRN_TYPE_MANIFEST, CAIRN_ROLE_RELEASE, "manifest",
                                       CAIRN_TEST_NOW, &payload, &err),
                &err, "dsse.type");
    /* with the type exchanged and the signature kept, the signature is over something else */
    assert_ok(cairn_dsse_parse(cairn_buf_span(&file), CAIRN_TYPE_POLICY, &dsse, &err), &err);
    (void)strncpy(dsse.type, CAIRN_TYPE_MANIFEST, sizeof dsse.type - 1);
    assert_ok(cairn_dsse_write(&dsse, &other, &err), &err);
    assert_code(cairn_root_open_signed(k.root, cairn_buf_span(&other), CAIRN_TYPE_MANIFEST, CAIRN_ROLE_RELEASE, "manifest",
                                       CAIRN_TEST_NOW, &payload, &err),
                &err, "signature.invalid");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(opens_a_root_and_says_who_may),
        cmocka_unit_test(refuses_a_root_that_root_has_not_signed),
        cmocka_unit_test(refuses_a_root_whose_signature_is_over_other_bytes),
        cmocka_unit_test(counts_only_keys_that_are_valid_now),
        cmocka_unit_test(refuses_one_key_under_two_holders),
        cmocka_unit_test(refuses_one_key_twice_in_a_role),
        cmocka_unit_test(refuses_a_key_under_an_id_that_is_not_its_own),
        cmocka_unit_test(refuses_two_encodings_of_one_key),
        cmocka_unit_test(refuses_a_point_that_is_not_on_the_curve),
        cmocka_unit_test(refuses_one_key_in_two_roles),
        cmocka_unit_test(refuses_a_key_without_a_role_and_a_role_without_its_key),
        cmocka_unit_test(refuses_retirement_by_one_holder_unless_it_says_so),
        cmocka_unit_test(refuses_a_threshold_above_the_number_of_holders),
        cmocka_unit_test(refuses_a_second_pcrpolicy_key_and_a_missing_role),
        cmocka_unit_test(refuses_another_version_and_dates_that_end_before_they_begin),
        cmocka_unit_test(refuses_members_that_are_missing_unknown_or_of_another_type),
        cmocka_unit_test(a_next_root_needs_both_thresholds),
        cmocka_unit_test(a_next_root_continues_fleet_class_and_version),
        cmocka_unit_test(an_order_needs_two_holders_of_its_role),
        cmocka_unit_test(two_keys_of_one_holder_count_once),
        cmocka_unit_test(a_document_is_not_another_document),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
