/* provision/params_source.c: params.json becomes two salted sets; what is unclear is refused by name. */
#include "unit/storage/expect.h"

#include "core/crypto.h"
#include "provision/params_source.h"

#define SALT "\"salt\":\"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\""

static enum cairn_rc read_text(const char *text, struct cairn_param_assets *out, struct cairn_err *err)
{
    return cairn_params_source_read(cairn_span_str(text), out, err);
}

static struct cairn_span set_of(const struct cairn_secret *plain)
{
    struct cairn_span set = {0};
    OK(cairn_asset_set(cairn_secret_span(plain), &set, &err));
    return set;
}

static void scopes_go_to_their_own_sets(void **state)
{
    (void)state;
    CAIRN_PARAM_ASSETS a = {0};
    struct cairn_param p = {0};
    OK(read_text("{ " SALT ", \"parameters\": {\n"
                 " \"net.psk\": {\"scope\": \"online\", \"value\": \"p\xc3\xa4ss\"},\n"
                 " \"ca\": {\"scope\": \"release\", \"base64\": \"AAEC\"},\n"
                 " \"luks.key\": {\"scope\": \"release\", \"generate\": 32} } }\n",
                 &a, &err));
    assert_int_equal(cairn_params_num(set_of(a.release)), 2);
    assert_int_equal(cairn_params_num(set_of(a.online)), 1);
    assert_true(cairn_params_find(set_of(a.online), "net.psk", &p));
    assert_int_equal(p.flags, CAIRN_PARAM_ONLINE);
    assert_true(cairn_span_equal(p.value, cairn_span_str("p\xc3\xa4ss")));
    assert_true(cairn_params_find(set_of(a.release), "ca", &p));
    assert_int_equal(p.flags, 0);
    assert_true(cairn_span_equal(p.value, cairn_span("\0\1\2", 3)));
    assert_true(cairn_params_find(set_of(a.release), "luks.key", &p));
    assert_int_equal(p.flags, CAIRN_PARAM_GENERATE);
    assert_true(cairn_span_equal(p.value, cairn_span("\0\0\0\x20", 4)));
    assert_int_equal(cairn_secret_span(a.release).p[0], 0xaa); /* the salt comes first */
}

static void white_space_and_order_do_not_change_the_sets(void **state)
{
    (void)state;
    CAIRN_PARAM_ASSETS a = {0}, b = {0};
    OK(read_text(
        "{" SALT
        ",\"parameters\":{\"a\":{\"scope\":\"release\",\"value\":\"1\"},\"b\":{\"scope\":\"release\",\"value\":\"2\"}}}",
        &a, &err));
    OK(read_text(
        "{\"parameters\":{\"b\":{\"value\":\"2\",\"scope\":\"release\"},\n\"a\":{\"scope\":\"release\",\"value\":\"1\"}}, " SALT
        "}",
        &b, &err));
    assert_true(cairn_span_equal(cairn_secret_span(a.release), cairn_secret_span(b.release)));
}

static void refused(enum cairn_rc class, const char *code, const char *text)
{
    CAIRN_PARAM_ASSETS a = {0};
    REFUSES(class, code, read_text(text, &a, &err));
}

static void a_file_without_a_salt_is_refused(void **state)
{
    (void)state;
    refused(CAIRN_E_FORMAT, "params.salt", "{\"parameters\":{}}");
    refused(CAIRN_E_FORMAT, "params.salt", "{\"salt\":\"aaaa\",\"parameters\":{}}");
}

static void a_parameter_has_exactly_one_source_and_a_scope(void **state)
{
    (void)state;
    refused(CAIRN_E_FORMAT, "params.kind", "{" SALT ",\"parameters\":{\"a\":{\"scope\":\"release\"}}}");
    refused(CAIRN_E_FORMAT, "params.kind",
            "{" SALT ",\"parameters\":{\"a\":{\"scope\":\"release\",\"value\":\"x\",\"generate\":32}}}");
    refused(CAIRN_E_FORMAT, "params.scope", "{" SALT ",\"parameters\":{\"a\":{\"scope\":\"any\",\"value\":\"x\"}}}");
    refused(CAIRN_E_USAGE, "params.name", "{" SALT ",\"parameters\":{\"A\":{\"scope\":\"release\",\"value\":\"x\"}}}");
    refused(CAIRN_E_FORMAT, "params.flags", "{" SALT ",\"parameters\":{\"a\":{\"scope\":\"release\",\"generate\":8}}}");
    refused(CAIRN_E_FORMAT, "json.member",
            "{" SALT ",\"parameters\":{\"a\":{\"scope\":\"release\",\"value\":\"x\",\"more\":1}}}");
    refused(CAIRN_E_FORMAT, "json.member", "{" SALT ",\"parameters\":{},\"more\":1}");
    refused(CAIRN_E_FORMAT, "json.syntax", "{" SALT ",\"parameters\":{\"a\":1,\"a\":2}}");
}

static void plaintext_that_is_too_short_is_no_asset(void **state)
{
    (void)state;
    uint8_t bytes[CAIRN_PARAMS_SALT_LEN] = {0};
    struct cairn_span set = {0};
    REFUSES(CAIRN_E_FORMAT, "params.format", cairn_asset_set(cairn_span(bytes, 31), &set, &err));
    REFUSES(CAIRN_E_FORMAT, "params.format", cairn_asset_set(CAIRN_SPAN(bytes), &set, &err));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(scopes_go_to_their_own_sets),
        cmocka_unit_test(white_space_and_order_do_not_change_the_sets),
        cmocka_unit_test(a_file_without_a_salt_is_refused),
        cmocka_unit_test(a_parameter_has_exactly_one_source_and_a_scope),
        cmocka_unit_test(plaintext_that_is_too_short_is_no_asset),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
