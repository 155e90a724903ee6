/* tests/unit/attest/test_jwk.c -- attest/jwk.c: thumbprints and key sets as unrelated libraries read them. */
#include "attest/jwk.h"

#include <string.h>

#include "unit/attest/answer.h"

/* The P-256 key of RFC 7517, appendix A.1, and its thumbprint as Debian's `jose jwk thp` computes it. */
static const char rfc_key[] = "{\"crv\":\"P-256\",\"kty\":\"EC\",\"x\":\"MKBCTNIcKUSDii11ySs3526iDZ8AiTo7Tu6KPAqv7D4\","
                              "\"y\":\"4Etl6SRW2YiLUrN5vfvVHuhp7x8PxltmWWlbbM4IFyM\"}";
static const char rfc_thumbprint[] = "cn-I_WNMClehiVp51i_0VpOENW1upEerA8sEam5hn-s";

static json_t *parse(const char *text)
{
    json_t *json = NULL;
    assert_int_equal(cairn_json_parse(cairn_span_str(text), 4096, false, "test", &json, NULL), CAIRN_OK);
    return json;
}

static void reads_and_names_the_key_of_rfc_7517(void **state)
{
    (void)state;
    CAIRN_JSON *json = parse(rfc_key), *again = json_object();
    struct cairn_ec_key key;
    char thumbprint[CAIRN_JKT_LEN + 1];
    assert_int_equal(cairn_jwk_read(json, &key, NULL), CAIRN_OK);
    assert_int_equal(cairn_jwk_thumbprint(&key, thumbprint, NULL), CAIRN_OK);
    assert_string_equal(thumbprint, rfc_thumbprint);
    assert_true(cairn_jkt_ok(thumbprint));
    assert_int_equal(cairn_jwk_set(again, &key, NULL), CAIRN_OK);
    assert_true(json_equal(json, again));
}

static void refuses_a_jwk_that_is_not_one_p256_public_key(void **state)
{
    (void)state;
    static const struct {
        const char *member, *value, *code;
    } bad[] = {{"crv", "P-384", "json.member"},
               {"kty", "RSA", "json.member"},
               {"x", "AAAA", "json.member"},
               {"x", "MKBCTNIcKUSDii11ySs3526iDZ8AiTo7Tu6KPAqv7D5", "json.member"}, /* a bit that means nothing */
               {"y", "4Etl6SRW2YiLUrN5vfvVHuhp7x8PxltmWWlbbM4IFyQ", "key.curve"},
               {"d", "870MB6gfuTJ4HtUnUvYMyJpr5eUZNP4Bk43bVdj3eAE", "json.member"}};
    for (size_t i = 0; i < CAIRN_ARRAY_LEN(bad); i++) {
        CAIRN_JSON *json = parse(rfc_key);
        struct cairn_ec_key key;
        struct cairn_err err = {0};
        assert_int_equal(json_object_set_new(json, bad[i].member, json_string(bad[i].value)), 0);
        assert_int_equal(cairn_jwk_read(json, &key, &err), CAIRN_E_FORMAT);
        assert_code(err, bad[i].code);
    }
}

static void publishes_the_verifier_keys_of_the_root_and_no_others(void **state)
{
    (void)state;
    CAIRN_TEST_KEYS keys;
    CAIRN_BUF file = {0};
    CAIRN_JSON *json = NULL;
    struct cairn_ec_key key;
    uint8_t id[32];
    char kid[65];
    cairn_test_keys_make(&keys);
    assert_int_equal(cairn_jwks_write(keys.root, &file, NULL), CAIRN_OK);
    assert_int_equal(file.p[file.len - 1], '\n');
    assert_int_equal(cairn_json_parse(cairn_json_trim_newline(cairn_buf_span(&file)), 4096, true, "jwks", &json, NULL),
                     CAIRN_OK);
    json_t *list = json_object_get(json, "keys");
    assert_int_equal(json_array_size(list), 1 + CAIRN_ARRAY_LEN(keys.verifier));
    for (size_t i = 0; i < json_array_size(list); i++) {
        enum cairn_role role = CAIRN_ROLE_ROOT;
        const char *holder = NULL;
        assert_true(cairn_hex_decode(json_string_value(json_object_get(json_array_get(list, i), "kid")), id, sizeof id));
        assert_true(cairn_root_key_role(keys.root, id, &role, &holder));
        assert_int_equal(role, CAIRN_ROLE_VERIFIER);
    }
    assert_int_equal(cairn_signer_public(keys.role[CAIRN_ROLE_VERIFIER], &key, NULL), CAIRN_OK);
    assert_int_equal(cairn_ec_key_id(&key, id, NULL), CAIRN_OK);
    cairn_hex_encode(CAIRN_SPAN(id), kid);
    json_t *jwk = NULL;
    for (size_t i = 0; i < json_array_size(list) && jwk == NULL; i++) {
        json_t *one = json_array_get(list, i);
        jwk = strcmp(json_string_value(json_object_get(one, "kid")), kid) == 0 ? one : NULL;
    }
    assert_non_null(jwk);
    assert_string_equal(json_string_value(json_object_get(jwk, "alg")), "ES256");
    assert_string_equal(json_string_value(json_object_get(jwk, "use")), "sig");
    struct cairn_ec_key read;
    CAIRN_JSON *bare = json_deep_copy(jwk);
    (void)json_object_del(bare, "alg");
    (void)json_object_del(bare, "use");
    (void)json_object_del(bare, "kid");
    assert_int_equal(cairn_jwk_read(bare, &read, NULL), CAIRN_OK);
    assert_true(cairn_ec_key_equal(&read, &key));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_and_names_the_key_of_rfc_7517),
        cmocka_unit_test(refuses_a_jwk_that_is_not_one_p256_public_key),
        cmocka_unit_test(publishes_the_verifier_keys_of_the_root_and_no_others),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
