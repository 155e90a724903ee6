/* tests/unit/attest/test_nonce.c -- attest/nonce.c: one question, one answer. */
#include "support/cmocka_all.h"

#include "attest/nonce.h"

static struct cairn_nonce sample(void)
{
    struct cairn_nonce n = {.purpose = CAIRN_PURPOSE_EVIDENCE, .mask = 0x4391, .issued_s = 1800000000};
    for (size_t i = 0; i < 32; i++) {
        n.nonce[i] = (uint8_t)i;
        n.fleet[i] = (uint8_t)(i + 1);
        n.device[i] = (uint8_t)(i + 2);
    }
    n.ak.bytes[1] = 0x0b;
    n.ak.bytes[33] = 7;
    return n;
}

static void reads_back_what_it_writes_also_when_spent(void **state)
{
    (void)state;
    struct cairn_nonce n = sample();
    struct cairn_nonce back;
    CAIRN_BUF file = {0};
    assert_int_equal(cairn_nonce_write(&n, &file, NULL), CAIRN_OK);
    assert_int_equal(cairn_nonce_parse(cairn_buf_span(&file), &back, NULL), CAIRN_OK);
    assert_memory_equal(&back, &n, sizeof n);
    assert_int_equal(cairn_nonce_spend(&n, CAIRN_PURPOSE_EVIDENCE, cairn_span_str("answer"), NULL), CAIRN_OK);
    assert_int_equal(cairn_nonce_write(&n, &file, NULL), CAIRN_OK);
    assert_int_equal(cairn_nonce_parse(cairn_buf_span(&file), &back, NULL), CAIRN_OK);
    assert_true(back.spent);
    assert_memory_equal(&back, &n, sizeof n);
}

static void the_same_document_may_be_checked_again_and_another_may_not(void **state)
{
    (void)state;
    struct cairn_nonce n = sample();
    struct cairn_err err = {0};
    assert_int_equal(cairn_nonce_spend(&n, CAIRN_PURPOSE_EVIDENCE, cairn_span_str("answer"), &err), CAIRN_OK);
    assert_int_equal(cairn_nonce_spend(&n, CAIRN_PURPOSE_EVIDENCE, cairn_span_str("answer"), &err), CAIRN_OK);
    struct cairn_nonce before = n;
    assert_int_equal(cairn_nonce_spend(&n, CAIRN_PURPOSE_EVIDENCE, cairn_span_str("answes"), &err), CAIRN_E_REFUSED);
    assert_string_equal(err.code, "nonce.spent");
    assert_memory_equal(&before, &n, sizeof n);
}

static void a_nonce_for_one_purpose_does_not_serve_another(void **state)
{
    (void)state;
    struct cairn_nonce n = sample();
    struct cairn_err err = {0};
    static const enum cairn_purpose others[] = {CAIRN_PURPOSE_LEARN, CAIRN_PURPOSE_GRANT};
    for (size_t i = 0; i < CAIRN_ARRAY_LEN(others); i++) {
        assert_int_equal(cairn_nonce_spend(&n, others[i], cairn_span_str("answer"), &err), CAIRN_E_REFUSED);
        assert_string_equal(err.code, "nonce.purpose");
        assert_false(n.spent);
    }
}

static void refused(json_t *json)
{
    struct cairn_nonce n;
    struct cairn_err err = {0};
    CAIRN_JSON *owned = json;
    CAIRN_BUF text = {0};
    assert_int_equal(cairn_json_write(owned, &text, NULL), CAIRN_OK);
    assert_int_equal(cairn_nonce_parse(cairn_buf_span(&text), &n, &err), CAIRN_E_FORMAT);
    assert_string_equal(err.code, "json.member");
}

static void refuses_each_bent_member_and_every_truncation(void **state)
{
    (void)state;
    struct cairn_nonce n = sample();
    CAIRN_BUF file = {0};
    CAIRN_JSON *whole = NULL;
    assert_int_equal(cairn_nonce_write(&n, &file, NULL), CAIRN_OK);
    assert_int_equal(cairn_json_parse(cairn_json_trim_newline(cairn_buf_span(&file)), file.len, true, "test", &whole, NULL),
                     CAIRN_OK);
    const char *name = NULL;
    json_t *value = NULL;
    json_object_foreach(whole, name, value)
    {
        json_t *json = json_deep_copy(whole);
        json_object_del(json, name);
        refused(json);
        json = json_deep_copy(whole);
        json_object_set_new(json, name, json_string("?"));
        refused(json);
    }
    static const char *const selections[] = {"", "4,0", "0-4", "sha256:0", "24", "0,0"};
    for (size_t i = 0; i < CAIRN_ARRAY_LEN(selections); i++) {
        json_t *json = json_deep_copy(whole);
        json_object_set_new(json, "selection", json_string(selections[i]));
        refused(json);
    }
    json_t *json = json_deep_copy(whole);
    json_object_set_new(json, "extra", json_true());
    refused(json);
    for (size_t len = 0; len + 1 < file.len; len++) {
        struct cairn_nonce out;
        uint8_t *exact = malloc(len + 1);
        memcpy(exact, file.p, len);
        assert_int_not_equal(cairn_nonce_parse(cairn_span(exact, len), &out, NULL), CAIRN_OK);
        free(exact);
    }
}

static void purposes_have_names(void **state)
{
    (void)state;
    enum cairn_purpose p = CAIRN_PURPOSE_LEARN;
    assert_true(cairn_purpose_from_name("grant", &p));
    assert_int_equal(p, CAIRN_PURPOSE_GRANT);
    assert_string_equal(cairn_purpose_name(p), "grant");
    assert_false(cairn_purpose_from_name("wipe", &p));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_back_what_it_writes_also_when_spent),
        cmocka_unit_test(the_same_document_may_be_checked_again_and_another_may_not),
        cmocka_unit_test(a_nonce_for_one_purpose_does_not_serve_another),
        cmocka_unit_test(refuses_each_bent_member_and_every_truncation),
        cmocka_unit_test(purposes_have_names),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
