/* tests/unit/core/test_json.c -- core/json.c. */
#include "support/cmocka_all.h"

#include <stdio.h>

#include "core/json.h"

static enum cairn_rc parse(const char *text, bool canonical, json_t **out, struct cairn_err *err)
{
    /* an exact-size heap copy: a read past the end is seen */
    size_t len = strlen(text);
    uint8_t *copy = malloc(len > 0 ? len : 1);
    memcpy(copy, text, len);
    enum cairn_rc rc = cairn_json_parse(cairn_span(copy, len), 1000, canonical, "doc", out, err);
    free(copy);
    return rc;
}

static void assert_refused(const char *text, bool canonical, const char *code)
{
    json_t *json = NULL;
    struct cairn_err err = {0};
    if (parse(text, canonical, &json, &err) != CAIRN_E_FORMAT || strcmp(err.code, code) != 0) {
        fail_msg("%s: %s instead of %s", text, err.code, code);
    }
    assert_null(json);
    assert_non_null(strstr(err.text, "doc"));
}

static void takes_people_s_text_and_canonical_text(void **state)
{
    (void)state;
    CAIRN_JSON *json = NULL;
    assert_int_equal(parse(" { \"b\" : 1,\n \"a\": [true, null, -5] }\n\n", false, &json, NULL), CAIRN_OK);
    CAIRN_BUF text = {0};
    assert_int_equal(cairn_buf_set(&text, cairn_span_str("> "), NULL), CAIRN_OK);
    assert_int_equal(cairn_json_write(json, &text, NULL), CAIRN_OK);
    assert_string_equal((char *)text.p, "> {\"a\":[true,null,-5],\"b\":1}");
    CAIRN_JSON *again = NULL;
    assert_int_equal(parse((char *)text.p + 2, true, &again, NULL), CAIRN_OK);
    assert_true(json_equal(json, again));
}

static void refuses_what_is_not_canonical(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "{\"b\":1,\"a\":2}",                     /* order */
        "{\"a\":1 }",                            /* white space */
        " {\"a\":1}",                            /* before */
        "{\"a\":1}\n",                           /* after */
        "{\"a\":\"\\u0041\"}",                   /* an escape that is not needed */
        "{\"a\":\"\\/\"}",                       /* the same */
        "{\"a\":\"\\u000A\"}",                   /* has a short form */
        "{\"a\":\"\\u001f\"}",                   /* hex digits in capitals */
        "{\"a\":-0}",                            /* a second zero */
        "{\"a\":[{\"d\":1,\"c\":2}]}",           /* order, deeper */
        "{\"\\u0061\":1}",                       /* in a name */
        "{\"ab\":1,\"a\":2}",                    /* a name before the one it begins with */
        "{\"b\":{\"z\":1},\"a\":2}",             /* order around a nested object */
        "{\"a\":[{\"b\":1},{\"d\":1,\"c\":2}]}", /* in the second of a list */
        "{\"a\": \"x\"}",                        /* white space inside */
        "{\"a\":[1, 2]}",
    };
    for (size_t i = 0; i < CAIRN_ARRAY_LEN(bad); i++) {
        CAIRN_JSON *json = NULL;
        assert_int_equal(parse(bad[i], false, &json, NULL), CAIRN_OK);
        assert_refused(bad[i], true, "json.canonical");
    }
    static const char *const good[] = {
        "{}",
        "{\"a\":[]}",
        "{\"a\":1,\"ab\":2,\"b\":{\"a\":{},\"b\":[{\"a\":0},{\"a\":-1}]},\"c\":[true,false,null,\"\",10]}",
        "{\"a\":\"{\\\"b\\\":1,\\\"a\\\": 2}\",\"b\":\"\xc3\xa9\x7f\"}",
    };
    for (size_t i = 0; i < CAIRN_ARRAY_LEN(good); i++) {
        CAIRN_JSON *read = NULL;
        assert_int_equal(parse(good[i], true, &read, NULL), CAIRN_OK);
    }
    CAIRN_JSON *json = NULL;
    assert_int_equal(parse("{\"B\":1,\"a\":2,\"\xc3\xa9\":\"\\u001F\\n\xf0\x9f\x98\x80/\"}", true, &json, NULL), CAIRN_OK);
}

static void refuses_what_is_not_one_strict_object(void **state)
{
    (void)state;
    static const char *const bad[] = {"",
                                      "{",
                                      "null",
                                      "[]",
                                      "\"a\"",
                                      "1",
                                      "{}{}",
                                      "{} x",
                                      "{\"a\":1,}",
                                      "{\"a\":1,\"a\":1}",
                                      "{\"a\":1,\"\\u0061\":1}",
                                      "{'a':1}",
                                      "{\"a\":01}",
                                      "{\"a\":+1}",
                                      "{\"a\":1.0}",
                                      "{\"a\":1e2}",
                                      "{\"a\":1E2}",
                                      "{\"a\":-1.5}",
                                      "{\"a\":.5}",
                                      "{\"a\":0x10}",
                                      "{\"a\":NaN}",
                                      "{\"a\":Infinity}",
                                      "{\"a\":99999999999999999999}",
                                      "{\"a\":\"\\u0000\"}",
                                      "{\"\\u0000\":1}",
                                      "{\"a\":\"\\ud800\"}",
                                      "{\"a\":\"\x80\"}",
                                      "{\"a\":\"\xc0\xaf\"}",
                                      "{\"a\":\"\xed\xa0\x80\"}",
                                      "{\"a\":\"\xf4\x90\x80\x80\"}",
                                      "{\"a\":\"\n\"}",
                                      "{\"a\":\"b",
                                      "{\"a\":\"\\",
                                      "{\"a\":/**/1}",
                                      "\xef\xbb\xbf{}"};
    for (size_t i = 0; i < CAIRN_ARRAY_LEN(bad); i++) {
        assert_refused(bad[i], false, "json.syntax");
        assert_refused(bad[i], true, "json.syntax");
    }
    json_t *json = NULL;
    assert_int_equal(cairn_json_parse(cairn_span("{}\0", 3), 9, false, "doc", &json, NULL), CAIRN_E_FORMAT);
    assert_int_equal(cairn_json_parse((struct cairn_span){0}, 9, false, "doc", &json, NULL), CAIRN_E_FORMAT);
    assert_null(json);
}

static void digits_and_brackets_inside_strings_are_no_numbers_and_no_depth(void **state)
{
    (void)state;
    CAIRN_JSON *json = NULL;
    assert_int_equal(parse("{\"1.5e9\":\"[[[[[[[[[[[[[[[[{{{{{{1.5\\\"2.5\\\\\"}", true, &json, NULL), CAIRN_OK);
}

static void refuses_every_truncation(void **state)
{
    (void)state;
    const char *text = "{\"a\":[1,{\"b\":\"\\u00e9\xc3\xa9\"}],\"c\":true,\"d\":-12}";
    for (size_t len = 0; len < strlen(text); len++) {
        char cut[80];
        (void)snprintf(cut, sizeof(cut), "%.*s", (int)len, text);
        assert_refused(cut, false, "json.syntax");
    }
}

static void refuses_too_deep_and_too_long_before_parsing(void **state)
{
    (void)state;
    char text[80];
    CAIRN_JSON *json = NULL;
    for (size_t depth = 11; depth <= 13; depth++) {
        size_t at = (size_t)snprintf(text, sizeof(text), "{\"a\":");
        memset(text + at, '[', depth - 1);
        memset(text + at + depth - 1, ']', depth - 1);
        text[at + 2 * (depth - 1)] = '}';
        text[at + 2 * (depth - 1) + 1] = '\0';
        if (depth <= CAIRN_JSON_MAX_DEPTH) {
            cairn_json_freep(&json);
            assert_int_equal(parse(text, true, &json, NULL), CAIRN_OK);
        } else {
            assert_refused(text, true, "json.depth");
        }
    }
    size_t len = 1 << 20;
    char *deep = malloc(len);
    memset(deep, '[', len);
    struct cairn_err err = {0};
    json_t *none = NULL;
    assert_int_equal(cairn_json_parse(cairn_span(deep, len), len, false, "doc", &none, &err), CAIRN_E_FORMAT);
    assert_string_equal(err.code, "json.depth");
    assert_int_equal(cairn_json_parse(cairn_span(deep, len), len - 1, false, "doc", &none, &err), CAIRN_E_FORMAT);
    assert_string_equal(err.code, "json.large");
    free(deep);
}

static void trims_one_newline_of_a_file(void **state)
{
    (void)state;
    assert_int_equal(cairn_json_trim_newline(cairn_span_str("{}\n\n")).len, 3);
    assert_int_equal(cairn_json_trim_newline(cairn_span_str("{}")).len, 2);
    assert_int_equal(cairn_json_trim_newline((struct cairn_span){0}).len, 0);
}

static const char MEMBERS[] =
    "{\"arr\":[1,2],\"b64\":\"Zm9v\",\"flag\":true,\"hex\":\"00ff\",\"kind\":\"k\",\"n\":9007199254740991,"
    "\"obj\":{},\"str\":\"abc\",\"wide\":\"ffffffffffffffff\"}";

static void reads_each_kind_of_member(void **state)
{
    (void)state;
    CAIRN_JSON *json = NULL;
    struct cairn_err err = {0};
    assert_int_equal(parse(MEMBERS, true, &json, &err), CAIRN_OK);
    struct cairn_obj o = cairn_obj(json, "doc", &err);
    uint8_t hex[2];
    CAIRN_BUF b64 = {0};
    assert_int_equal(json_array_size(cairn_obj_array(&o, "arr", 2)), 2);
    cairn_obj_base64(&o, "b64", 3, &b64);
    assert_true(cairn_obj_bool(&o, "flag"));
    cairn_obj_hex(&o, "hex", hex, 2);
    cairn_obj_const(&o, "kind", "k");
    assert_true(cairn_obj_uint(&o, "n", UINT64_MAX) == 9007199254740991);
    assert_non_null(cairn_obj_object(&o, "obj"));
    assert_string_equal(cairn_obj_string(&o, "str", 3), "abc");
    struct cairn_obj before = o;
    assert_int_equal(cairn_obj_done(&before), CAIRN_E_FORMAT); /* one member is not read yet */
    assert_string_equal(err.code, "json.member");
    assert_true(cairn_obj_has(&o, "wide"));
    assert_false(cairn_obj_has(&o, "more"));
    assert_true(cairn_obj_hex64(&o, "wide") == UINT64_MAX);
    assert_int_equal(cairn_obj_done(&o), CAIRN_OK);
    assert_true(cairn_span_equal(cairn_buf_span(&b64), cairn_span_str("foo")));
    assert_int_equal(hex[1], 0xff);
}

/* read_one reads member `key` as kind number `kind`; the number of kinds is KINDS. */
enum { KINDS = 9 };
static enum cairn_rc read_one(const json_t *json, unsigned kind, const char *key, struct cairn_err *err)
{
    struct cairn_obj o = cairn_obj(json, "doc", err);
    uint8_t hex[2] = {1, 1};
    CAIRN_BUF b64 = {0};
    switch (kind) {
    case 0:
        assert_null(cairn_obj_array(&o, key, 1));
        break;
    case 1:
        cairn_obj_base64(&o, key, 2, &b64);
        assert_int_equal(b64.len, 0);
        break;
    case 2:
        assert_false(cairn_obj_bool(&o, key));
        break;
    case 3:
        cairn_obj_hex(&o, key, hex, 2);
        assert_int_equal(hex[0] + hex[1], 0);
        break;
    case 4:
        cairn_obj_const(&o, key, "other");
        break;
    case 5:
        assert_int_equal(cairn_obj_uint(&o, key, 100), 0);
        break;
    case 6:
        assert_null(cairn_obj_object(&o, key));
        break;
    case 7:
        assert_string_equal(cairn_obj_string(&o, key, 2), "");
        break;
    case 8:
        assert_int_equal(cairn_obj_hex64(&o, key), 0);
        break;
    default:
        break;
    }
    enum cairn_rc rc = o.rc;
    /* sticky: what could be read is zero now, and done says the same */
    assert_int_equal(cairn_obj_uint(&o, "ok", 9), 0);
    assert_int_equal(cairn_obj_done(&o), rc);
    return rc;
}

static void refuses_missing_members_wrong_types_and_values_out_of_bounds(void **state)
{
    (void)state;
    CAIRN_JSON *json = NULL;
    assert_int_equal(
        parse("{\"ok\":5,\"real\":null,\"arr\":[1,2],\"b64\":\"Zm9v\",\"bad64\":\"Zm9\",\"hex\":\"00FF\",\"odd\":\"00f\","
              "\"neg\":-1,\"big\":101,\"str\":\"abc\",\"wide\":\"fffffffffffffff\"}",
              false, &json, NULL),
        CAIRN_OK);
    static const char *const keys[] = {"none", "real", "arr", "b64", "bad64", "hex", "odd", "neg", "big", "str", "wide"};
    for (unsigned kind = 0; kind < KINDS; kind++) {
        for (size_t i = 0; i < CAIRN_ARRAY_LEN(keys); i++) {
            struct cairn_err err = {0};
            assert_int_equal(read_one(json, kind, keys[i], &err), CAIRN_E_FORMAT);
            assert_string_equal(err.code, "json.member");
            assert_non_null(strstr(err.text, keys[i]));
        }
    }
}

static void an_integer_above_2_53_is_refused_whatever_the_caller_allows(void **state)
{
    (void)state;
    CAIRN_JSON *json = NULL;
    struct cairn_err err = {0};
    assert_int_equal(parse("{\"n\":9007199254740992}", true, &json, NULL), CAIRN_OK);
    struct cairn_obj o = cairn_obj(json, "doc", &err);
    assert_int_equal(cairn_obj_uint(&o, "n", UINT64_MAX), 0);
    assert_int_equal(cairn_obj_done(&o), CAIRN_E_FORMAT);
    assert_int_equal(cairn_json_set_uint(json, "n", UINT64_C(1) << 53, &err), CAIRN_E_USAGE);
    assert_string_equal(err.code, "json.range");
}

static void a_nested_reader_keeps_the_first_fault(void **state)
{
    (void)state;
    CAIRN_JSON *json = json_object();
    struct cairn_err err = {0};
    struct cairn_obj o = cairn_obj(json, "doc", &err);
    struct cairn_obj inner = cairn_obj(cairn_obj_object(&o, "inner"), "doc.inner", &err);
    assert_int_equal(cairn_obj_uint(&inner, "n", 5), 0);
    assert_int_equal(cairn_obj_done(&inner), CAIRN_E_FORMAT);
    assert_string_equal(err.text, "doc: \"inner\": missing");
    struct cairn_err other = {0};
    inner = cairn_obj(json_true(), "thing", &other);
    assert_int_equal(cairn_obj_done(&inner), CAIRN_E_FORMAT);
    assert_string_equal(other.text, "thing: not an object");
}

static void builds_what_it_reads(void **state)
{
    (void)state;
    CAIRN_JSON *json = json_object();
    const uint8_t hex[] = {0, 0xff};
    json_t *arr = json_pack("[i,i]", 1, 2);
    assert_int_equal(cairn_json_set_take(json, "arr", arr, NULL), CAIRN_OK);
    assert_int_equal(cairn_json_set_take(json, "obj", json_object(), NULL), CAIRN_OK);
    assert_int_equal(cairn_json_set_base64(json, "b64", cairn_span_str("foo"), NULL), CAIRN_OK);
    assert_int_equal(cairn_json_set_bool(json, "flag", true, NULL), CAIRN_OK);
    assert_int_equal(cairn_json_set_hex(json, "hex", CAIRN_SPAN(hex), NULL), CAIRN_OK);
    assert_int_equal(cairn_json_set_string(json, "kind", "k", NULL), CAIRN_OK);
    assert_int_equal(cairn_json_set_uint(json, "n", 9007199254740991, NULL), CAIRN_OK);
    assert_int_equal(cairn_json_set_string(json, "str", "abc", NULL), CAIRN_OK);
    assert_int_equal(cairn_json_set_hex64(json, "wide", UINT64_MAX, NULL), CAIRN_OK);
    CAIRN_BUF text = {0};
    assert_int_equal(cairn_json_write(json, &text, NULL), CAIRN_OK);
    assert_string_equal((char *)text.p, MEMBERS);
    struct cairn_err err = {0};
    assert_int_equal(cairn_json_set_string(json, "bad", "\xff", &err), CAIRN_E_IO);
    assert_string_equal(err.code, "json.memory");
    assert_int_equal(cairn_json_set_take(json, "bad", NULL, &err), CAIRN_E_IO);
    assert_int_equal(cairn_json_set_hex(json, "empty", (struct cairn_span){0}, NULL), CAIRN_OK);
    assert_string_equal(json_string_value(json_object_get(json, "empty")), "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(takes_people_s_text_and_canonical_text),
        cmocka_unit_test(refuses_what_is_not_canonical),
        cmocka_unit_test(refuses_what_is_not_one_strict_object),
        cmocka_unit_test(digits_and_brackets_inside_strings_are_no_numbers_and_no_depth),
        cmocka_unit_test(refuses_every_truncation),
        cmocka_unit_test(refuses_too_deep_and_too_long_before_parsing),
        cmocka_unit_test(trims_one_newline_of_a_file),
        cmocka_unit_test(reads_each_kind_of_member),
        cmocka_unit_test(refuses_missing_members_wrong_types_and_values_out_of_bounds),
        cmocka_unit_test(an_integer_above_2_53_is_refused_whatever_the_caller_allows),
        cmocka_unit_test(a_nested_reader_keeps_the_first_fault),
        cmocka_unit_test(builds_what_it_reads),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
