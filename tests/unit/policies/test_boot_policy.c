/* tests/unit/policies/test_boot_policy.c -- policies/policy.c: learned from evidence, canonical, strict. */
#include "unit/policies/world.h"

#include "core/doctype.h"

static void learns_from_each_genuine_boot_what_it_can_read_again(void **state)
{
    (void)state;
    WORLD w;
    world_make(&w, boots[0]);
    for (size_t i = 0; i < CAIRN_ARRAY_LEN(boots); i++) {
        CAIRN_POLICY learned = {0}, again = {0};
        CAIRN_BUF payload = {0}, second = {0};
        world_boot(&w, boots[i]);
        world_learn(&w, &learned);
        assert_int_equal(learned.seal_mask, CAIRN_SEAL_SET_DEFAULT);
        assert_true(learned.require_root);
        assert_true(learned.num_events > 0);
        assert_int_equal(learned.issued_s, CAIRN_TEST_NOW);
        assert_string_equal(learned.device_class, CAIRN_TEST_CLASS);
        assert_memory_equal(learned.values[8], w.pcrs.values[8], 32);
        assert_int_equal(cairn_policy_payload(&learned, &payload, NULL), CAIRN_OK);
        assert_int_equal(cairn_policy_parse(cairn_buf_span(&payload), &again, NULL), CAIRN_OK);
        assert_int_equal(cairn_policy_payload(&again, &second, NULL), CAIRN_OK);
        assert_true(cairn_span_equal(cairn_buf_span(&payload), cairn_buf_span(&second)));
        assert_memory_equal(learned.digest, again.digest, 32);
        uint8_t seal_digest[32];
        quote_pcrs(&w.pcrs, CAIRN_SEAL_SET_DEFAULT, seal_digest);
        assert_memory_equal(again.seal_digest, seal_digest, 32);
    }
}

static void requires_secure_boot_only_when_the_golden_boot_had_it(void **state)
{
    (void)state;
    WORLD w;
    CAIRN_POLICY with = {0}, without = {0};
    world_make(&w, "sb-uki-clean");
    world_learn(&w, &with);
    assert_true(with.require_secure_boot);
    world_boot(&w, "nosb-uki-clean");
    world_learn(&w, &without);
    assert_false(without.require_secure_boot);
}

static void expect_unlearned(const struct world *w, const struct cairn_policy_wish *wish, const char *code)
{
    struct cairn_err err = {0};
    CAIRN_POLICY policy = {0};
    CAIRN_REPLAY *replay = world_replay(w, WORLD_MASK);
    assert_int_equal(cairn_policy_learn(w->keys->root, replay, wish, &policy, &err), CAIRN_E_REFUSED);
    assert_code(err, code);
    assert_null(policy.events);
}

static void learns_nothing_from_a_boot_without_the_cairn_root(void **state)
{
    (void)state;
    WORLD w;
    CAIRN_POLICY policy = {0};
    struct cairn_policy_wish wish = {.seal_mask = CAIRN_SEAL_SET_DEFAULT, .now_s = CAIRN_TEST_NOW};
    world_make(&w, "sb-uki-clean");
    world_boot_bare(&w, "sb-uki-clean");
    expect_unlearned(&w, &wish, "boot.root.absent");
    wish.without_root = true;
    CAIRN_REPLAY *replay = world_replay(&w, WORLD_MASK);
    assert_int_equal(cairn_policy_learn(w.keys->root, replay, &wish, &policy, NULL), CAIRN_OK);
    assert_false(policy.require_root);
}

static void learns_nothing_from_a_boot_under_another_root(void **state)
{
    (void)state;
    static const uint8_t other[32] = {1};
    WORLD w;
    struct cairn_policy_wish wish = {.seal_mask = CAIRN_SEAL_SET_DEFAULT, .without_root = true};
    world_make(&w, "sb-uki-clean");
    world_root_event(&w, CAIRN_TEST_CLASS, cairn_root_fleet(w.keys->root)); /* a second one */
    expect_unlearned(&w, &wish, "boot.root.other");
    world_boot_bare(&w, "sb-uki-clean");
    world_root_event(&w, CAIRN_TEST_CLASS, other);
    expect_unlearned(&w, &wish, "boot.root.other");
    world_boot_bare(&w, "sb-uki-clean");
    world_root_event(&w, "gateway-b", cairn_root_fleet(w.keys->root));
    expect_unlearned(&w, &wish, "boot.root.other");
}

static void learns_no_seal_set_that_ima_moves_or_that_is_empty_or_unquoted(void **state)
{
    (void)state;
    WORLD w;
    struct cairn_policy_wish wish = {.seal_mask = CAIRN_SEAL_SET_DEFAULT | 1u << 10};
    world_make(&w, "sb-uki-clean");
    expect_unlearned(&w, &wish, "policy.seal");
    wish.seal_mask = 0;
    expect_unlearned(&w, &wish, "policy.seal");
    wish.seal_mask = 1u << 24;
    expect_unlearned(&w, &wish, "policy.seal");
    wish.seal_mask = CAIRN_SEAL_SET_DEFAULT | 1u << 5;
    expect_unlearned(&w, &wish, "policy.seal.unquoted");
}

static void learns_nothing_from_more_events_than_a_policy_holds(void **state)
{
    (void)state;
    WORLD w;
    struct cairn_policy_wish wish = {.seal_mask = CAIRN_SEAL_SET_DEFAULT};
    world_make(&w, "sb-uki-clean");
    /* The userspace log may not be that long; the firmware's may. */
    CAIRN_BUF whole = new_log();
    w.pcrs = reset_pcrs();
    for (size_t i = 0; i < CAIRN_POLICY_MAX_EVENTS; i++) {
        add_text(&whole, 14, CAIRN_EV_IPL, "one more");
        extend_text(&w.pcrs, 14, "one more");
    }
    w.logs = (struct cairn_boot_logs){.firmware = cairn_buf_span(&whole)};
    cairn_buf_clear(&w.user);
    w.user = new_log();
    world_root_event(&w, CAIRN_TEST_CLASS, cairn_root_fleet(w.keys->root));
    expect_unlearned(&w, &wish, "policy.events");
}

/* A policy as JSON, to change one thing in it. */
static json_t *learned_json(const struct world *w)
{
    CAIRN_POLICY policy = {0};
    CAIRN_BUF payload = {0};
    json_t *json = NULL;
    world_learn(w, &policy);
    assert_int_equal(cairn_policy_payload(&policy, &payload, NULL), CAIRN_OK);
    assert_int_equal(cairn_json_parse(cairn_buf_span(&payload), payload.len, true, "test", &json, NULL), CAIRN_OK);
    return json;
}

/* expect_refused signs `json` correctly, takes it over, and wants exactly this refusal. */
static void expect_refused(const struct world *w, json_t *json, enum cairn_rc rc, const char *code)
{
    struct cairn_err err = {0};
    CAIRN_POLICY policy = {0};
    CAIRN_BUF file = {0};
    cairn_test_sign_json(json, CAIRN_TYPE_POLICY, w->keys->role[CAIRN_ROLE_POLICY], &file);
    assert_int_equal(cairn_policy_open(w->keys->root, cairn_buf_span(&file), CAIRN_TEST_NOW, &policy, &err), rc);
    assert_code(err, code);
    assert_null(policy.events);
}

static void opens_what_role_policy_signed_and_nothing_else(void **state)
{
    (void)state;
    WORLD w;
    struct cairn_err err = {0};
    CAIRN_POLICY policy = {0};
    CAIRN_BUF file = {0};
    world_make(&w, "sb-uki-clean");
    cairn_test_sign_json(learned_json(&w), CAIRN_TYPE_POLICY, w.keys->role[CAIRN_ROLE_POLICY], &file);
    assert_int_equal(cairn_policy_open(w.keys->root, cairn_buf_span(&file), CAIRN_TEST_NOW, &policy, &err), CAIRN_OK);
    cairn_policy_clear(&policy);
    for (int role = 0; role < CAIRN_NUM_ROLES; role++) {
        if (role != CAIRN_ROLE_POLICY) {
            cairn_test_sign_json(learned_json(&w), CAIRN_TYPE_POLICY, w.keys->role[role], &file);
            assert_int_equal(cairn_policy_open(w.keys->root, cairn_buf_span(&file), CAIRN_TEST_NOW, &policy, &err),
                             CAIRN_E_REFUSED);
            assert_code(err, "policy.signer");
        }
    }
}

static void refuses_a_document_of_another_type(void **state)
{
    (void)state;
    WORLD w;
    struct cairn_err err = {0};
    CAIRN_POLICY policy = {0};
    CAIRN_BUF file = {0};
    world_make(&w, "sb-uki-clean");
    cairn_test_sign_json(learned_json(&w), CAIRN_TYPE_MANIFEST, w.keys->role[CAIRN_ROLE_POLICY], &file);
    assert_int_equal(cairn_policy_open(w.keys->root, cairn_buf_span(&file), CAIRN_TEST_NOW, &policy, &err), CAIRN_E_REFUSED);
    assert_code(err, "dsse.type");
}

static void refuses_a_policy_of_another_fleet_or_class(void **state)
{
    (void)state;
    WORLD w;
    world_make(&w, "sb-uki-clean");
    json_t *json = learned_json(&w);
    assert_int_equal(
        json_object_set_new(json, "fleet", json_string("0000000000000000000000000000000000000000000000000000000000000000")), 0);
    expect_refused(&w, json, CAIRN_E_REFUSED, "policy.fleet");
    json = learned_json(&w);
    assert_int_equal(json_object_set_new(json, "class", json_string("gateway-b")), 0);
    expect_refused(&w, json, CAIRN_E_REFUSED, "policy.class");
}

static json_t *seal_of(json_t *policy)
{
    return json_object_get(policy, "seal");
}

static void refuses_a_signed_seal_set_with_pcr_10_or_none(void **state)
{
    (void)state;
    WORLD w;
    world_make(&w, "sb-uki-clean");
    json_t *json = learned_json(&w);
    assert_int_equal(json_object_set_new(seal_of(json), "mask", json_string("0,2,4,7,8,9,10,11,14")), 0);
    expect_refused(&w, json, CAIRN_E_REFUSED, "policy.seal");
    json = learned_json(&w);
    assert_int_equal(json_object_set_new(seal_of(json), "mask", json_string("")), 0);
    expect_refused(&w, json, CAIRN_E_REFUSED, "policy.seal");
    json = learned_json(&w);
    assert_int_equal(json_object_set_new(seal_of(json), "mask", json_string("2,0,4,7,8,9,11,14")), 0);
    expect_refused(&w, json, CAIRN_E_USAGE, "pcr.selection");
    json = learned_json(&w);
    assert_int_equal(json_object_set_new(seal_of(json), "mask", json_string("sha256:0,2,4,7,8,9,11,14")), 0);
    expect_refused(&w, json, CAIRN_E_FORMAT, "json.member");
}

static void refuses_a_seal_set_without_exactly_its_values(void **state)
{
    (void)state;
    WORLD w;
    world_make(&w, "sb-uki-clean");
    json_t *json = learned_json(&w);
    assert_int_equal(json_object_del(json_object_get(seal_of(json), "values"), "4"), 0);
    expect_refused(&w, json, CAIRN_E_REFUSED, "policy.values");
    static const char zeros[] = "0000000000000000000000000000000000000000000000000000000000000000";
    json = learned_json(&w);
    assert_int_equal(json_object_set_new(json_object_get(seal_of(json), "values"), "5", json_string(zeros)), 0);
    expect_refused(&w, json, CAIRN_E_REFUSED, "policy.values");
    json = learned_json(&w);
    assert_int_equal(json_object_set_new(json_object_get(seal_of(json), "values"), "24", json_string(zeros)), 0);
    expect_refused(&w, json, CAIRN_E_REFUSED, "policy.values");
    json = learned_json(&w);
    assert_int_equal(json_object_set_new(json_object_get(seal_of(json), "values"), "4", json_string("00")), 0);
    expect_refused(&w, json, CAIRN_E_FORMAT, "json.member");
}

static void refuses_an_event_outside_the_seal_set_or_with_odd_text(void **state)
{
    (void)state;
    WORLD w;
    world_make(&w, "sb-uki-clean");
    json_t *json = learned_json(&w);
    assert_int_equal(json_object_set_new(json_array_get(json_object_get(json, "events"), 0), "pcr", json_integer(1)), 0);
    expect_refused(&w, json, CAIRN_E_FORMAT, "policy.events");
    json = learned_json(&w);
    assert_int_equal(json_object_set_new(json_array_get(json_object_get(json, "events"), 0), "pcr", json_integer(24)), 0);
    expect_refused(&w, json, CAIRN_E_FORMAT, "json.member");
    json = learned_json(&w);
    assert_int_equal(json_object_set_new(json_array_get(json_object_get(json, "events"), 0), "label", json_string("\x1b[2J")),
                     0);
    expect_refused(&w, json, CAIRN_E_FORMAT, "json.member");
    json = learned_json(&w);
    assert_int_equal(json_object_set_new(json_array_get(json_object_get(json, "events"), 0), "kind", json_string("Boot X")), 0);
    expect_refused(&w, json, CAIRN_E_FORMAT, "json.member");
}

static void refuses_every_missing_and_any_unknown_member(void **state)
{
    (void)state;
    static const char *const members[] = {"class", "events", "fleet", "issued", "require", "seal", "v"};
    WORLD w;
    world_make(&w, "sb-uki-clean");
    for (size_t i = 0; i < CAIRN_ARRAY_LEN(members); i++) {
        json_t *json = learned_json(&w);
        assert_int_equal(json_object_del(json, members[i]), 0);
        expect_refused(&w, json, CAIRN_E_FORMAT, "json.member");
    }
    json_t *json = learned_json(&w);
    assert_int_equal(json_object_set_new(json, "accept_all", json_true()), 0);
    expect_refused(&w, json, CAIRN_E_FORMAT, "json.member");
    json = learned_json(&w);
    assert_int_equal(json_object_set_new(json_object_get(json, "require"), "root", json_string("no")), 0);
    expect_refused(&w, json, CAIRN_E_FORMAT, "json.member");
    json = learned_json(&w);
    assert_int_equal(json_object_set_new(json, "v", json_integer(0)), 0);
    expect_refused(&w, json, CAIRN_E_FORMAT, "json.member");
}

static void refuses_every_truncation_and_a_trailing_byte(void **state)
{
    (void)state;
    WORLD w;
    CAIRN_POLICY policy = {0};
    CAIRN_BUF payload = {0};
    world_make(&w, "sb-uki-clean");
    world_learn(&w, &policy);
    assert_int_equal(cairn_policy_payload(&policy, &payload, NULL), CAIRN_OK);
    struct cairn_policy out = {0};
    for (size_t len = 0; len < payload.len; len += 1 + len / 64) {
        CAIRN_BUF part = copy_of(cairn_span(payload.p, len));
        assert_int_equal(cairn_policy_parse(cairn_buf_span(&part), &out, NULL), CAIRN_E_FORMAT);
    }
    assert_int_equal(cairn_buf_append(&payload, cairn_span_str(" "), NULL), CAIRN_OK);
    struct cairn_err err = {0};
    assert_int_equal(cairn_policy_parse(cairn_buf_span(&payload), &out, &err), CAIRN_E_FORMAT);
    assert_code(err, "json.canonical");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(learns_from_each_genuine_boot_what_it_can_read_again),
        cmocka_unit_test(requires_secure_boot_only_when_the_golden_boot_had_it),
        cmocka_unit_test(learns_nothing_from_a_boot_without_the_cairn_root),
        cmocka_unit_test(learns_nothing_from_a_boot_under_another_root),
        cmocka_unit_test(learns_no_seal_set_that_ima_moves_or_that_is_empty_or_unquoted),
        cmocka_unit_test(learns_nothing_from_more_events_than_a_policy_holds),
        cmocka_unit_test(opens_what_role_policy_signed_and_nothing_else),
        cmocka_unit_test(refuses_a_document_of_another_type),
        cmocka_unit_test(refuses_a_policy_of_another_fleet_or_class),
        cmocka_unit_test(refuses_a_signed_seal_set_with_pcr_10_or_none),
        cmocka_unit_test(refuses_a_seal_set_without_exactly_its_values),
        cmocka_unit_test(refuses_an_event_outside_the_seal_set_or_with_odd_text),
        cmocka_unit_test(refuses_every_missing_and_any_unknown_member),
        cmocka_unit_test(refuses_every_truncation_and_a_trailing_byte),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
