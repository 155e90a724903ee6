/* tests/unit/attest/test_ear.c -- attest/ear.c: what a result says, and every result that is not one for us. */
#include "unit/attest/results.h"

static enum cairn_rc verify(const struct result *r, const char *audience, uint64_t now_s, struct cairn_ear *out,
                            struct cairn_err *err)
{
    return cairn_ear_verify(r->w.keys->root, cairn_buf_span(&r->jwt), audience, now_s, out, err);
}

static void refused(const struct result *r, const char *audience, uint64_t now_s, enum cairn_rc rc, const char *code)
{
    struct cairn_ear ear = {.has_seal = false};
    struct cairn_err err = {0};
    assert_int_equal(verify(r, audience, now_s, &ear, &err), rc);
    assert_code(err, code);
    assert_int_equal(ear.expires_s, 0);
}

static void says_what_the_verifier_found(void **state)
{
    (void)state;
    RESULT r;
    struct cairn_ear ear;
    result_make(&r);
    assert_int_equal(verify(&r, RESULT_AUDIENCE, RESULT_NOW, &ear, NULL), CAIRN_OK);
    assert_memory_equal(ear.device, r.w.keys->statement.device, 32);
    assert_string_equal(ear.audience, RESULT_AUDIENCE);
    assert_string_equal(ear.status, "affirming");
    assert_string_equal(ear.jkt, r.jkt);
    assert_int_equal(ear.issued_s, RESULT_NOW);
    assert_int_equal(ear.expires_s, RESULT_NOW + 300);
    assert_true(ear.has_seal);
    assert_int_equal(ear.seal.mask, r.policy.seal_mask);
    assert_int_equal(ear.seal.epoch, 7);
    assert_memory_equal(ear.seal.pcr_digest, r.policy.seal_digest, 32); /* learned from this very boot */
    assert_true(cairn_span_equal(cairn_area_span(&ear.seal.srk), cairn_area_span(&r.w.keys->statement.srk)));
    assert_true(cairn_name_equal(&ear.seal.epoch_name, &r.w.keys->statement.epoch_name));
}

static int vector_value(const struct result *r, const char *category)
{
    CAIRN_JSON *payload = result_payload(&r->jwt);
    const json_t *submod = json_object_get(json_object_get(payload, "submods"), "cairn");
    const json_t *value = json_object_get(json_object_get(submod, "ear_trustworthiness_vector"), category);
    return value == NULL ? -1 : (int)json_integer_value(value);
}

static void writes_the_members_of_the_draft(void **state)
{
    (void)state;
    RESULT r;
    result_make(&r);
    CAIRN_JSON *payload = result_payload(&r.jwt);
    CAIRN_JSON *header = result_header(&r.jwt);
    json_t *submod = json_object_get(json_object_get(payload, "submods"), "cairn");
    assert_string_equal(json_string_value(json_object_get(header, "alg")), "ES256");
    assert_string_equal(json_string_value(json_object_get(payload, "eat_profile")), "tag:ietf.org,2026:rats/ear#04");
    assert_string_equal(json_string_value(json_object_get(payload, "eat_nonce")),
                        "bgAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA");
    assert_string_equal(json_string_value(json_object_get(json_object_get(payload, "ear_verifier_id"), "build")), "cairn test");
    assert_string_equal(json_string_value(json_object_get(json_object_get(payload, "cnf"), "jkt")), r.jkt);
    assert_string_equal(json_string_value(json_object_get(submod, "ear_status")), "affirming");
    assert_memory_equal(json_string_value(json_array_get(json_object_get(submod, "ear_appraisal_policy_ids"), 0)),
                        "ni:///sha-256;", 14);
    assert_int_equal(vector_value(&r, "instance-identity"), 2);
    assert_int_equal(vector_value(&r, "configuration"), 2);
    assert_int_equal(vector_value(&r, "executables"), 2);
    assert_int_equal(vector_value(&r, "hardware"), -1);
    assert_int_equal(vector_value(&r, "file-system"), -1);
}

/* A command line is configuration; the vector says where the fault is, the status how bad the whole. */
static void carries_the_failed_category_and_nothing_to_seal_to(void **state)
{
    (void)state;
    RESULT r;
    struct cairn_ear ear;
    result_make(&r);
    cairn_verdict_add(&r.verdict, "boot.cmdline.changed", CAIRN_FAILED, true, "", "", "");
    cairn_verdict_conclude(&r.verdict);
    const struct cairn_ear_in in = result_in(&r);
    result_sign(&r, &in);
    assert_int_equal(verify(&r, RESULT_AUDIENCE, RESULT_NOW, &ear, NULL), CAIRN_OK);
    assert_string_equal(ear.status, "contraindicated");
    assert_false(ear.has_seal);
    assert_int_equal(vector_value(&r, "configuration"), 96);
    assert_int_equal(vector_value(&r, "executables"), 2);
    assert_int_equal(vector_value(&r, "instance-identity"), 2);
}

static void asserts_nothing_of_what_it_could_not_decide(void **state)
{
    (void)state;
    RESULT r;
    struct cairn_ear ear;
    result_make(&r);
    cairn_verdict_add(&r.verdict, "pcr.4", CAIRN_ABSENT, true, "", "", "");
    cairn_verdict_add(&r.verdict, "boot.debug.on", CAIRN_FAILED, false, "", "", "");
    cairn_verdict_conclude(&r.verdict);
    const struct cairn_ear_in in = result_in(&r);
    result_sign(&r, &in);
    assert_int_equal(verify(&r, NULL, 0, &ear, NULL), CAIRN_OK);
    assert_string_equal(ear.status, "none");
    assert_int_equal(vector_value(&r, "executables"), -1);
    assert_int_equal(vector_value(&r, "configuration"), 32);
}

static void is_made_for_somebody(void **state)
{
    (void)state;
    static const char *const bad[] = {"", "a\"b", "a\nb"};
    RESULT r;
    CAIRN_BUF out = {0};
    struct cairn_err err = {0};
    result_make(&r);
    for (size_t i = 0; i < CAIRN_ARRAY_LEN(bad); i++) {
        struct cairn_ear_in in = result_in(&r);
        in.audience = bad[i];
        assert_int_equal(cairn_ear_sign(&in, r.w.keys->role[CAIRN_ROLE_VERIFIER], &out, &err), CAIRN_E_USAGE);
        assert_code(err, "ear.audience");
    }
}

/* CHECKS 54 */
static void refuses_a_result_made_for_another_audience(void **state)
{
    (void)state;
    RESULT r;
    struct cairn_ear ear;
    result_make(&r);
    refused(&r, "https://other.example", RESULT_NOW, CAIRN_E_REFUSED, "ear.audience");
    assert_int_equal(verify(&r, NULL, RESULT_NOW, &ear, NULL), CAIRN_OK);
}

/* CHECKS 54 */
static void refuses_a_result_before_and_after_its_time(void **state)
{
    (void)state;
    RESULT r;
    struct cairn_ear ear;
    result_make(&r);
    assert_int_equal(verify(&r, NULL, RESULT_NOW + 299, &ear, NULL), CAIRN_OK);
    refused(&r, NULL, RESULT_NOW + 300, CAIRN_E_REFUSED, "ear.expired");
    assert_int_equal(verify(&r, NULL, RESULT_NOW - CAIRN_EAR_SKEW_S, &ear, NULL), CAIRN_OK);
    refused(&r, NULL, RESULT_NOW - CAIRN_EAR_SKEW_S - 1, CAIRN_E_REFUSED, "ear.expired");
    assert_int_equal(verify(&r, NULL, 0, &ear, NULL), CAIRN_OK);
}

static void refuses_a_life_longer_than_any_result_has(void **state)
{
    (void)state;
    RESULT r;
    result_make(&r);
    json_t *payload = result_payload(&r.jwt), *header = result_header(&r.jwt);
    assert_int_equal(json_object_set_new(payload, "exp", json_integer(RESULT_NOW + 301)), 0);
    resign(header, payload, r.w.keys->role[CAIRN_ROLE_VERIFIER], &r.jwt);
    refused(&r, NULL, RESULT_NOW, CAIRN_E_REFUSED, "ear.expired");
}

static void refuses_a_result_by_a_key_of_another_role_or_of_nobody(void **state)
{
    (void)state;
    RESULT r;
    CAIRN_BUF out = {0};
    result_make(&r);
    const struct cairn_ear_in in = result_in(&r);
    struct cairn_signer *const others[] = {r.w.keys->role[CAIRN_ROLE_PROVISION], r.w.keys->stranger};
    for (size_t i = 0; i < CAIRN_ARRAY_LEN(others); i++) {
        cairn_buf_clear(&out);
        assert_int_equal(cairn_ear_sign(&in, others[i], &out, NULL), CAIRN_OK);
        assert_int_equal(cairn_buf_set(&r.jwt, cairn_buf_span(&out), NULL), CAIRN_OK);
        refused(&r, NULL, RESULT_NOW, CAIRN_E_REFUSED, "ear.signer");
    }
    /* the right key's id over another key's signature */
    result_sign(&r, &in);
    json_t *payload = result_payload(&r.jwt), *header = result_header(&r.jwt);
    resign(header, payload, r.w.keys->stranger, &r.jwt);
    refused(&r, NULL, RESULT_NOW, CAIRN_E_REFUSED, "signature.invalid");
    /* the right key after its last day */
    result_sign(&r, &in);
    refused(&r, NULL, (uint64_t)RESULT_NOW + 400 * 86400, CAIRN_E_REFUSED, "ear.signer");
}

static void refuses_every_altered_character(void **state)
{
    (void)state;
    RESULT r;
    result_make(&r);
    for (size_t i = 0; i < r.jwt.len; i += 3) {
        const uint8_t was = r.jwt.p[i];
        struct cairn_ear ear;
        r.jwt.p[i] = was == 'A' ? 'B' : 'A';
        assert_int_not_equal(verify(&r, NULL, RESULT_NOW, &ear, NULL), CAIRN_OK);
        r.jwt.p[i] = was;
    }
    for (size_t len = 0; len < r.jwt.len; len += 1 + len / 64) {
        CAIRN_BUF part = copy_of(cairn_span(r.jwt.p, len));
        struct cairn_ear ear;
        assert_int_not_equal(cairn_ear_verify(r.w.keys->root, cairn_buf_span(&part), NULL, RESULT_NOW, &ear, NULL), CAIRN_OK);
    }
    assert_int_equal(cairn_buf_append(&r.jwt, cairn_span_str(".AAAA"), NULL), CAIRN_OK);
    refused(&r, NULL, RESULT_NOW, CAIRN_E_FORMAT, "ear.format");
}

/* RFC 8725: the algorithm is ours to name, not the token's. */
static void refuses_another_algorithm_or_type(void **state)
{
    (void)state;
    static const char *const bad[][2] = {
        {"alg", "none"}, {"alg", "HS256"}, {"alg", "ES384"}, {"typ", "dpop+jwt"}, {"kid", "x"}};
    RESULT r;
    result_make(&r);
    const struct cairn_ear_in in = result_in(&r);
    for (size_t i = 0; i < CAIRN_ARRAY_LEN(bad); i++) {
        json_t *payload = result_payload(&r.jwt), *header = result_header(&r.jwt);
        assert_int_equal(json_object_set_new(header, bad[i][0], json_string(bad[i][1])), 0);
        resign(header, payload, r.w.keys->role[CAIRN_ROLE_VERIFIER], &r.jwt);
        refused(&r, NULL, RESULT_NOW, CAIRN_E_FORMAT, "json.member");
        result_sign(&r, &in);
    }
    json_t *payload = result_payload(&r.jwt), *header = result_header(&r.jwt);
    assert_int_equal(json_object_set_new(header, "jwk", json_object()), 0);
    resign(header, payload, r.w.keys->role[CAIRN_ROLE_VERIFIER], &r.jwt);
    refused(&r, NULL, RESULT_NOW, CAIRN_E_FORMAT, "json.member");
}

static void refuses_another_profile(void **state)
{
    (void)state;
    RESULT r;
    result_make(&r);
    json_t *payload = result_payload(&r.jwt), *header = result_header(&r.jwt);
    assert_int_equal(json_object_set_new(payload, "eat_profile", json_string("tag:github.com,2023:veraison/ear")), 0);
    resign(header, payload, r.w.keys->role[CAIRN_ROLE_VERIFIER], &r.jwt);
    refused(&r, NULL, RESULT_NOW, CAIRN_E_REFUSED, "ear.profile");
}

/* Each alters one member of a result that is signed rightly. */
static void refuses_members_missing_unknown_or_out_of_form(void **state)
{
    (void)state;
    static const char *const members[] = {
        "iss", "sub", "aud", "iat", "exp", "eat_profile", "eat_nonce", "submods", "ear_verifier_id"};
    RESULT r;
    result_make(&r);
    const struct cairn_ear_in in = result_in(&r);
    for (size_t i = 0; i <= CAIRN_ARRAY_LEN(members); i++) {
        json_t *payload = result_payload(&r.jwt), *header = result_header(&r.jwt);
        if (i < CAIRN_ARRAY_LEN(members)) {
            assert_int_equal(json_object_del(payload, members[i]), 0);
        } else {
            assert_int_equal(json_object_set_new(payload, "more", json_true()), 0);
        }
        resign(header, payload, r.w.keys->role[CAIRN_ROLE_VERIFIER], &r.jwt);
        refused(&r, NULL, RESULT_NOW, CAIRN_E_FORMAT, "json.member");
        result_sign(&r, &in);
    }
}

static json_t *seal_of(json_t *payload)
{
    json_t *submod = json_object_get(json_object_get(payload, "submods"), "cairn");
    return json_object_get(json_object_get(submod, "ear_attester_claims"), "cairn_seal");
}

static void refuses_to_seal_to_anything_but_a_storage_key(void **state)
{
    (void)state;
    RESULT r;
    result_make(&r);
    const struct cairn_ear_in in = result_in(&r);
    json_t *payload = result_payload(&r.jwt), *header = result_header(&r.jwt);
    assert_int_equal(cairn_json_set_base64(seal_of(payload), "srk", cairn_area_span(&r.w.keys->statement.ak), NULL), CAIRN_OK);
    resign(header, payload, r.w.keys->role[CAIRN_ROLE_VERIFIER], &r.jwt);
    refused(&r, NULL, RESULT_NOW, CAIRN_E_REFUSED, "tpm.srk.template");
    result_sign(&r, &in);
    payload = result_payload(&r.jwt);
    header = result_header(&r.jwt);
    assert_int_equal(json_object_set_new(seal_of(payload), "pcrs", json_string("2,0")), 0);
    resign(header, payload, r.w.keys->role[CAIRN_ROLE_VERIFIER], &r.jwt);
    refused(&r, NULL, RESULT_NOW, CAIRN_E_FORMAT, "json.member");
}

static void takes_sealing_values_from_the_quote_only(void **state)
{
    (void)state;
    RESULT r;
    struct cairn_ear_seal seal = {.mask = 0};
    struct cairn_err err = {0};
    result_make(&r);
    memset(r.policy.values, 0, sizeof r.policy.values); /* the policy's word is not used */
    assert_int_equal(cairn_ear_seal_of(&r.w.keys->statement, &r.policy, r.replay, 7, &seal, NULL), CAIRN_OK);
    assert_memory_equal(seal.pcr_digest, r.policy.seal_digest, 32);
    r.policy.seal_mask |= 1 << 15; /* not quoted */
    assert_int_equal(cairn_ear_seal_of(&r.w.keys->statement, &r.policy, r.replay, 7, &seal, &err), CAIRN_E_REFUSED);
    assert_code(err, "ear.seal");
    assert_int_equal(cairn_ear_seal_of(&r.w.keys->statement, &r.policy, NULL, 7, &seal, &err), CAIRN_E_REFUSED);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(says_what_the_verifier_found),
        cmocka_unit_test(writes_the_members_of_the_draft),
        cmocka_unit_test(carries_the_failed_category_and_nothing_to_seal_to),
        cmocka_unit_test(asserts_nothing_of_what_it_could_not_decide),
        cmocka_unit_test(is_made_for_somebody),
        cmocka_unit_test(refuses_a_result_made_for_another_audience),
        cmocka_unit_test(refuses_a_result_before_and_after_its_time),
        cmocka_unit_test(refuses_a_life_longer_than_any_result_has),
        cmocka_unit_test(refuses_a_result_by_a_key_of_another_role_or_of_nobody),
        cmocka_unit_test(refuses_every_altered_character),
        cmocka_unit_test(refuses_another_algorithm_or_type),
        cmocka_unit_test(refuses_another_profile),
        cmocka_unit_test(refuses_members_missing_unknown_or_out_of_form),
        cmocka_unit_test(refuses_to_seal_to_anything_but_a_storage_key),
        cmocka_unit_test(takes_sealing_values_from_the_quote_only),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
