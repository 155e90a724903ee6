/* tests/unit/attest/test_dpop.c -- attest/dpop.c: a result is worth something only in the hands that hold its key (CHECKS 54).
 */
#include "unit/attest/results.h"

/* struct shown: a result, and a proof made for it. */
struct shown {
    struct result r;
    struct cairn_ear ear;
    struct cairn_buf proof;
};

static void prove(struct shown *s, const struct cairn_signer *key)
{
    static const uint8_t random16[16] = {0x1d};
    cairn_buf_clear(&s->proof);
    assert_int_equal(
        cairn_dpop_make(key, cairn_buf_span(&s->r.jwt), "GET", RESULT_URL "?q=1#top", random16, RESULT_NOW, &s->proof, NULL),
        CAIRN_OK);
}

static void shown_make(struct shown *s)
{
    *s = (struct shown){.proof = {0}};
    result_make(&s->r);
    assert_int_equal(cairn_ear_verify(s->r.w.keys->root, cairn_buf_span(&s->r.jwt), NULL, RESULT_NOW, &s->ear, NULL), CAIRN_OK);
    prove(s, s->r.holder);
}

static void shown_clear(struct shown *s)
{
    cairn_buf_clear(&s->proof);
    result_clear(&s->r);
}
#define SHOWN CAIRN_CLEANUP(shown_clear) struct shown

static enum cairn_rc check(const struct shown *s, const char *method, const char *url, uint64_t now_s, struct cairn_err *err)
{
    char jti[CAIRN_DPOP_JTI_MAX + 1] = "";
    return cairn_dpop_check(cairn_buf_span(&s->proof), &s->ear, cairn_buf_span(&s->r.jwt), method, url, now_s, jti, err);
}

static void refused(const struct shown *s, enum cairn_rc rc, const char *code)
{
    struct cairn_err err = {0};
    assert_int_equal(check(s, "GET", RESULT_URL, RESULT_NOW, &err), rc);
    assert_code(err, code);
}

static void accepts_the_holder_for_this_request(void **state)
{
    (void)state;
    SHOWN s;
    char jti[CAIRN_DPOP_JTI_MAX + 1] = "";
    shown_make(&s);
    assert_int_equal(cairn_dpop_check(cairn_buf_span(&s.proof), &s.ear, cairn_buf_span(&s.r.jwt), "GET", RESULT_URL "?other=2",
                                      RESULT_NOW + 60, jti, NULL),
                     CAIRN_OK);
    assert_string_equal(jti, "1d000000000000000000000000000000");
}

/* CHECKS 54 */
static void refuses_a_proof_by_another_key_than_the_results(void **state)
{
    (void)state;
    SHOWN s;
    shown_make(&s);
    prove(&s, s.r.w.keys->stranger);
    refused(&s, CAIRN_E_REFUSED, "dpop.key");
    prove(&s, s.r.holder);
    s.ear.jkt[0] = '\0'; /* a result that names no key can be shown by anybody: no proof makes it better */
    refused(&s, CAIRN_E_REFUSED, "dpop.key");
}

static void refuses_a_proof_made_for_something_else(void **state)
{
    (void)state;
    SHOWN s;
    struct cairn_err err = {0};
    shown_make(&s);
    assert_int_equal(check(&s, "POST", RESULT_URL, RESULT_NOW, &err), CAIRN_E_REFUSED);
    assert_code(err, "dpop.method");
    assert_int_equal(check(&s, "GET", RESULT_URL "s", RESULT_NOW, &err), CAIRN_E_REFUSED);
    assert_code(err, "dpop.url");
    assert_int_equal(check(&s, "GET", "https://other.example/v1/thing", RESULT_NOW, &err), CAIRN_E_REFUSED);
    assert_code(err, "dpop.url");
    assert_int_equal(cairn_buf_append(&s.r.jwt, cairn_span_str("x"), NULL), CAIRN_OK);
    refused(&s, CAIRN_E_REFUSED, "dpop.token");
}

static void refuses_a_proof_that_was_not_made_just_now(void **state)
{
    (void)state;
    SHOWN s;
    struct cairn_err err = {0};
    shown_make(&s);
    assert_int_equal(check(&s, "GET", RESULT_URL, RESULT_NOW + 61, &err), CAIRN_E_REFUSED);
    assert_code(err, "dpop.time");
    assert_int_equal(check(&s, "GET", RESULT_URL, RESULT_NOW - 61, &err), CAIRN_E_REFUSED);
    assert_code(err, "dpop.time");
    assert_int_equal(check(&s, "GET", RESULT_URL, RESULT_NOW - 60, &err), CAIRN_OK);
}

static void refuses_an_altered_or_foreign_signature(void **state)
{
    (void)state;
    SHOWN s;
    shown_make(&s);
    json_t *payload = result_payload(&s.proof), *header = result_header(&s.proof);
    resign(header, payload, s.r.w.keys->stranger, &s.proof); /* the holder's public key in the header */
    refused(&s, CAIRN_E_REFUSED, "dpop.signature");
}

static void refuses_a_proof_in_another_form(void **state)
{
    (void)state;
    static const char *const headers[][2] = {{"alg", "none"}, {"typ", "JWT"}, {"kid", "x"}};
    static const char *const members[] = {"htm", "htu", "iat", "jti", "ath"};
    SHOWN s;
    shown_make(&s);
    for (size_t i = 0; i < CAIRN_ARRAY_LEN(headers); i++) {
        json_t *payload = result_payload(&s.proof), *header = result_header(&s.proof);
        assert_int_equal(json_object_set_new(header, headers[i][0], json_string(headers[i][1])), 0);
        resign(header, payload, s.r.holder, &s.proof);
        refused(&s, CAIRN_E_FORMAT, "dpop.format");
        prove(&s, s.r.holder);
    }
    for (size_t i = 0; i < CAIRN_ARRAY_LEN(members); i++) {
        json_t *payload = result_payload(&s.proof), *header = result_header(&s.proof);
        assert_int_equal(json_object_del(payload, members[i]), 0);
        resign(header, payload, s.r.holder, &s.proof);
        refused(&s, CAIRN_E_FORMAT, "dpop.format");
        prove(&s, s.r.holder);
    }
    json_t *payload = result_payload(&s.proof), *header = result_header(&s.proof);
    assert_int_equal(json_object_set_new(payload, "jti", json_string("a\"b")), 0);
    resign(header, payload, s.r.holder, &s.proof);
    refused(&s, CAIRN_E_FORMAT, "dpop.format");
    assert_int_equal(cairn_buf_set(&s.proof, cairn_span_str("a.b"), NULL), CAIRN_OK);
    refused(&s, CAIRN_E_FORMAT, "dpop.format");
}

static void leaves_members_of_other_software_alone(void **state)
{
    (void)state;
    SHOWN s;
    shown_make(&s);
    json_t *payload = result_payload(&s.proof), *header = result_header(&s.proof);
    assert_int_equal(json_object_set_new(payload, "nbf", json_integer(1)), 0);
    resign(header, payload, s.r.holder, &s.proof);
    assert_int_equal(check(&s, "GET", RESULT_URL, RESULT_NOW, NULL), CAIRN_OK);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(accepts_the_holder_for_this_request),
        cmocka_unit_test(refuses_a_proof_by_another_key_than_the_results),
        cmocka_unit_test(refuses_a_proof_made_for_something_else),
        cmocka_unit_test(refuses_a_proof_that_was_not_made_just_now),
        cmocka_unit_test(refuses_an_altered_or_foreign_signature),
        cmocka_unit_test(refuses_a_proof_in_another_form),
        cmocka_unit_test(leaves_members_of_other_software_alone),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
