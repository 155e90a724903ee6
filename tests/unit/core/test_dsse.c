/* tests/unit/core/test_dsse.c -- core/dsse.c. */
#include "support/cmocka_all.h"

#include <stdio.h>

#include "core/crypto_keys.h"
#include "core/dsse.h"

#define TYPE "application/vnd.cairn.test.v1+json"

/* sample is an envelope with `num` signatures, r and s being filled with 16 * i + 1. */
static void sample(size_t num, struct cairn_dsse *out)
{
    *out = (struct cairn_dsse){.type = TYPE, .num_signatures = num};
    assert_int_equal(cairn_buf_set(&out->payload, cairn_span_str("{\"v\":1}"), NULL), CAIRN_OK);
    for (size_t i = 0; i < num; i++) {
        memset(out->signatures[i].key_id, (int)(i + 1), CAIRN_SHA256_LEN);
        memset(out->signatures[i].rs, (int)(16 * i + 1), 64);
    }
}

static void write_sample(size_t num, struct cairn_buf *out)
{
    CAIRN_DSSE dsse = {0};
    sample(num, &dsse);
    assert_int_equal(cairn_dsse_write(&dsse, out, NULL), CAIRN_OK);
}

static void assert_refused(struct cairn_span file, enum cairn_rc rc, const char *code)
{
    CAIRN_DSSE out = {.num_signatures = 77};
    struct cairn_err err = {0};
    assert_int_equal(cairn_dsse_parse(file, TYPE, &out, &err), rc);
    assert_string_equal(err.code, code);
    assert_int_equal(out.num_signatures, 77);
}

/* edit replaces the first `from` in a one-signature envelope and returns the text; the caller frees. */
static char *edit(const char *from, const char *to)
{
    CAIRN_BUF text = {0};
    write_sample(1, &text);
    const char *at = strstr((const char *)text.p, from);
    assert_non_null(at);
    char *edited = malloc(text.len + strlen(to) + 1);
    (void)sprintf(edited, "%.*s%s%s", (int)(at - (const char *)text.p), (const char *)text.p, to, at + strlen(from));
    return edited;
}

static void pae_is_the_vector_of_the_specification(void **state)
{
    (void)state;
    uint8_t got[32], want[32];
    const struct cairn_span whole = cairn_span_str("DSSEv1 29 http://example.com/HelloWorld 11 hello world");
    assert_int_equal(cairn_pae_digest("http://example.com/HelloWorld", cairn_span_str("hello world"), got, NULL), CAIRN_OK);
    assert_int_equal(cairn_sha256(whole, want, NULL), CAIRN_OK);
    assert_memory_equal(got, want, 32);
    assert_int_equal(cairn_pae_digest("", (struct cairn_span){0}, got, NULL), CAIRN_OK);
    assert_int_equal(cairn_sha256(cairn_span_str("DSSEv1 0  0 "), want, NULL), CAIRN_OK);
    assert_memory_equal(got, want, 32);
}

static void an_envelope_round_trips_with_one_to_sixteen_signatures(void **state)
{
    (void)state;
    for (size_t num = 1; num <= CAIRN_DSSE_MAX_SIGNATURES; num++) {
        CAIRN_BUF text = {0};
        CAIRN_BUF again = {0};
        CAIRN_DSSE dsse = {0};
        write_sample(num, &text);
        assert_int_equal(text.p[text.len - 1], '\n');
        assert_int_equal(cairn_dsse_parse(cairn_buf_span(&text), TYPE, &dsse, NULL), CAIRN_OK);
        assert_int_equal(dsse.num_signatures, num);
        assert_string_equal(dsse.type, TYPE);
        assert_true(cairn_span_equal(cairn_buf_span(&dsse.payload), cairn_span_str("{\"v\":1}")));
        assert_int_equal(dsse.signatures[num - 1].rs[63], 16 * (num - 1) + 1);
        assert_int_equal(dsse.signatures[num - 1].key_id[31], num);
        assert_int_equal(cairn_dsse_parse(cairn_span(text.p, text.len - 1), TYPE, &dsse, NULL), CAIRN_OK);
        assert_int_equal(cairn_dsse_write(&dsse, &again, NULL), CAIRN_OK);
        assert_true(cairn_span_equal(cairn_buf_span(&text), cairn_buf_span(&again)));
    }
}

static void what_a_signer_signs_a_verifier_accepts(void **state)
{
    (void)state;
    CAIRN_SIGNER *signer = NULL;
    struct cairn_ec_key key;
    uint8_t digest[32], rs[64];
    assert_int_equal(cairn_signer_generate(&signer, NULL), CAIRN_OK);
    assert_int_equal(cairn_signer_public(signer, &key, NULL), CAIRN_OK);
    assert_int_equal(cairn_pae_digest(TYPE, cairn_span_str("bytes"), digest, NULL), CAIRN_OK);
    assert_int_equal(cairn_signer_sign(signer, digest, rs, NULL), CAIRN_OK);
    assert_int_equal(cairn_ecdsa_verify(&key, digest, rs, NULL), CAIRN_OK);
    assert_int_equal(cairn_pae_digest("other", cairn_span_str("bytes"), digest, NULL), CAIRN_OK);
    assert_int_equal(cairn_ecdsa_verify(&key, digest, rs, NULL), CAIRN_E_REFUSED);
}

static void refuses_every_truncation(void **state)
{
    (void)state;
    CAIRN_BUF text = {0};
    write_sample(2, &text);
    for (size_t len = 0; len < text.len - 1; len++) {
        uint8_t *cut = malloc(len > 0 ? len : 1);
        memcpy(cut, text.p, len);
        assert_refused(cairn_span(cut, len), CAIRN_E_FORMAT, "json.syntax");
        free(cut);
    }
}

static void refuses_a_second_newline_and_other_text(void **state)
{
    (void)state;
    CAIRN_BUF text = {0};
    write_sample(1, &text);
    assert_int_equal(cairn_buf_append(&text, cairn_span_str("\n"), NULL), CAIRN_OK);
    assert_refused(cairn_buf_span(&text), CAIRN_E_FORMAT, "json.canonical");
    char *spaced = edit("\"payload\":", "\"payload\": ");
    assert_refused(cairn_span_str(spaced), CAIRN_E_FORMAT, "json.canonical");
    free(spaced);
}

static void refuses_another_type_whatever_its_signatures_are(void **state)
{
    (void)state;
    CAIRN_BUF text = {0};
    write_sample(1, &text);
    CAIRN_DSSE out = {0};
    struct cairn_err err = {0};
    assert_int_equal(cairn_dsse_parse(cairn_buf_span(&text), "application/vnd.cairn.test.v1+jso", &out, &err), CAIRN_E_REFUSED);
    assert_string_equal(err.code, "dsse.type");
    char *longer = edit(TYPE, TYPE "n");
    assert_refused(cairn_span_str(longer), CAIRN_E_REFUSED, "dsse.type");
    free(longer);
}

static void refuses_members_that_are_wrong_missing_or_unknown(void **state)
{
    (void)state;
    static const char *const cases[][2] = {
        {"\"payload\":\"eyJ2IjoxfQ==\",", ""},
        {"eyJ2IjoxfQ==", "eyJ2IjoxfQ"},
        {"eyJ2IjoxfQ==", "eyJ2IjoxfR=="},
        {"\"payloadType\":\"" TYPE "\",", ""},
        {"\"payloadType\":", "\"payloadType2\":\"x\",\"payloadType3\":"},
        {"\"" TYPE "\"", "7"},
        {"{\"payload\"", "{\"alg\":\"none\",\"payload\""},
        {"\"keyid\":\"01", "\"keyid\":\""},
        {"\"keyid\":\"01", "\"keyid\":\"G1"},
        {"\"keyid\":\"0101010101010101010101010101010101010101010101010101010101010101\",", ""},
        {"[{\"keyid\"", "[{\"cert\":\"\",\"keyid\""},
        {"[{", "[{\"alg\":\"ES256\","},
    };
    for (size_t i = 0; i < CAIRN_ARRAY_LEN(cases); i++) {
        char *bad = edit(cases[i][0], cases[i][1]);
        assert_refused(cairn_span_str(bad), CAIRN_E_FORMAT, "json.member");
        free(bad);
    }
    char *element = edit("[{", "[7,{");
    assert_refused(cairn_span_str(element), CAIRN_E_FORMAT, "json.member");
    free(element);
}

static void refuses_no_signature_too_many_short_ones_and_one_key_twice(void **state)
{
    (void)state;
    CAIRN_DSSE dsse = {0};
    CAIRN_BUF text = {0};
    struct cairn_err err = {0};
    sample(0, &dsse);
    assert_int_equal(cairn_dsse_write(&dsse, &text, &err), CAIRN_E_USAGE);
    assert_string_equal(err.code, "dsse.format");
    assert_null(text.p);
    assert_refused(cairn_span_str("{\"payload\":\"\",\"payloadType\":\"" TYPE "\",\"signatures\":[]}"), CAIRN_E_FORMAT,
                   "dsse.format");
    char *shorter = edit("\"sig\":\"AQEB", "\"sig\":\"");
    assert_refused(cairn_span_str(shorter), CAIRN_E_FORMAT, "dsse.format");
    free(shorter);
    cairn_dsse_clear(&dsse);
    sample(2, &dsse);
    memcpy(dsse.signatures[1].key_id, dsse.signatures[0].key_id, 32);
    assert_int_equal(cairn_dsse_write(&dsse, &text, NULL), CAIRN_OK);
    assert_refused(cairn_buf_span(&text), CAIRN_E_FORMAT, "dsse.format");
}

static void refuses_a_seventeenth_signature(void **state)
{
    (void)state;
    CAIRN_BUF text = {0};
    CAIRN_JSON *json = NULL;
    write_sample(16, &text);
    assert_int_equal(cairn_json_parse(cairn_json_trim_newline(cairn_buf_span(&text)), text.len, true, "e", &json, NULL),
                     CAIRN_OK);
    json_t *list = json_object_get(json, "signatures");
    json_t *more = json_deep_copy(json_array_get(list, 0));
    assert_int_equal(json_object_set_new(more, "keyid", json_sprintf("%064d", 99)), 0);
    assert_int_equal(json_array_append_new(list, more), 0);
    CAIRN_BUF longer = {0};
    assert_int_equal(cairn_json_write(json, &longer, NULL), CAIRN_OK);
    assert_refused(cairn_buf_span(&longer), CAIRN_E_FORMAT, "dsse.format");
}

static void refuses_a_file_above_its_limit(void **state)
{
    (void)state;
    size_t len = CAIRN_DSSE_MAX_LEN + 1;
    uint8_t *big = calloc(1, len);
    memset(big, ' ', len);
    assert_refused(cairn_span(big, len), CAIRN_E_FORMAT, "json.large");
    free(big);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(pae_is_the_vector_of_the_specification),
        cmocka_unit_test(an_envelope_round_trips_with_one_to_sixteen_signatures),
        cmocka_unit_test(what_a_signer_signs_a_verifier_accepts),
        cmocka_unit_test(refuses_every_truncation),
        cmocka_unit_test(refuses_a_second_newline_and_other_text),
        cmocka_unit_test(refuses_another_type_whatever_its_signatures_are),
        cmocka_unit_test(refuses_members_that_are_wrong_missing_or_unknown),
        cmocka_unit_test(refuses_no_signature_too_many_short_ones_and_one_key_twice),
        cmocka_unit_test(refuses_a_seventeenth_signature),
        cmocka_unit_test(refuses_a_file_above_its_limit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
