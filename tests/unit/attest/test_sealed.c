/* tests/unit/attest/test_sealed.c -- attest/sealed.c: whom a secret is sealed to, and the file. That a TPM opens it, and does
 * not after its boot state or epoch moved, is a system test.
 */
#include "tpm_data/policy.h"
#include "unit/attest/results.h"

static struct cairn_ear read_result(const struct result *r)
{
    struct cairn_ear ear;
    assert_int_equal(cairn_ear_verify(r->w.keys->root, cairn_buf_span(&r->jwt), NULL, RESULT_NOW, &ear, NULL), CAIRN_OK);
    return ear;
}

static void seals_under_the_quoted_state_and_the_epoch(void **state)
{
    (void)state;
    RESULT r;
    CAIRN_BUF file = {0};
    struct cairn_sealed_file sealed;
    struct cairn_area want;
    uint8_t policy[32];
    result_make(&r);
    const struct cairn_ear ear = read_result(&r);
    assert_int_equal(cairn_ear_seal_to(&ear, cairn_span_str("a secret"), &file, NULL), CAIRN_OK);
    assert_int_equal(cairn_sealed_file_parse(cairn_buf_span(&file), &sealed, NULL), CAIRN_OK);
    assert_memory_equal(sealed.device, ear.device, 32);
    assert_int_equal(sealed.mask, ear.seal.mask);
    assert_int_equal(sealed.epoch, 7);
    assert_int_equal(cairn_policy_grant(r.policy.seal_mask, r.policy.seal_digest, &ear.seal.epoch_name, 7, policy, NULL),
                     CAIRN_OK);
    assert_true(sealed.object.len > 32);
    cairn_template_import(policy, sealed.object.bytes + sealed.object.len - 32, &want);
    assert_true(cairn_span_equal(cairn_area_span(&sealed.object), cairn_area_span(&want)));
    assert_null(memmem(file.p, file.len, "a secret", 8));
}

/* CHECKS 54 */
static void seals_to_no_boot_that_was_not_affirmed(void **state)
{
    (void)state;
    static const char *const bad[] = {"contraindicated", "warning", "none", ""};
    RESULT r;
    CAIRN_BUF file = {0};
    struct cairn_err err = {0};
    result_make(&r);
    struct cairn_ear ear = read_result(&r);
    for (size_t i = 0; i < CAIRN_ARRAY_LEN(bad); i++) {
        (void)snprintf(ear.status, sizeof ear.status, "%s", bad[i]);
        assert_int_equal(cairn_ear_seal_to(&ear, cairn_span_str("a secret"), &file, &err), CAIRN_E_REFUSED);
        assert_code(err, "ear.status");
        assert_int_equal(file.len, 0);
    }
    ear = read_result(&r);
    ear.has_seal = false;
    assert_int_equal(cairn_ear_seal_to(&ear, cairn_span_str("a secret"), &file, &err), CAIRN_E_REFUSED);
    assert_code(err, "ear.seal");
}

static void seals_1_to_128_bytes(void **state)
{
    (void)state;
    static const uint8_t big[129] = {0};
    RESULT r;
    CAIRN_BUF file = {0};
    struct cairn_err err = {0};
    result_make(&r);
    const struct cairn_ear ear = read_result(&r);
    assert_int_equal(cairn_ear_seal_to(&ear, cairn_span(big, 128), &file, NULL), CAIRN_OK);
    assert_int_equal(cairn_ear_seal_to(&ear, cairn_span(big, 129), &file, &err), CAIRN_E_USAGE);
    assert_code(err, "wrap.length");
    assert_int_equal(cairn_ear_seal_to(&ear, cairn_span(big, 0), &file, &err), CAIRN_E_USAGE);
}

static json_t *file_json(const struct cairn_buf *file)
{
    json_t *json = NULL;
    assert_int_equal(cairn_json_parse(cairn_json_trim_newline(cairn_buf_span(file)), file->len, true, "test", &json, NULL),
                     CAIRN_OK);
    return json;
}

static void expect_format(json_t *json, const char *code)
{
    CAIRN_JSON *owned = json;
    CAIRN_BUF text = {0};
    struct cairn_sealed_file sealed = {.mask = 0};
    struct cairn_err err = {0};
    assert_int_equal(cairn_json_write(owned, &text, NULL), CAIRN_OK);
    assert_int_equal(cairn_sealed_file_parse(cairn_buf_span(&text), &sealed, &err), CAIRN_E_FORMAT);
    assert_code(err, code);
    assert_int_equal(sealed.mask, 0);
}

static void reads_the_file_strictly(void **state)
{
    (void)state;
    static const char *const members[] = {"device", "duplicate", "epoch", "object", "pcrs", "seed", "type", "v"};
    RESULT r;
    CAIRN_BUF file = {0};
    struct cairn_sealed_file sealed;
    result_make(&r);
    const struct cairn_ear ear = read_result(&r);
    assert_int_equal(cairn_ear_seal_to(&ear, cairn_span_str("a secret"), &file, NULL), CAIRN_OK);
    for (size_t i = 0; i < CAIRN_ARRAY_LEN(members); i++) {
        json_t *json = file_json(&file);
        assert_int_equal(json_object_del(json, members[i]), 0);
        expect_format(json, "json.member");
        json = file_json(&file);
        assert_int_equal(json_object_set_new(json, members[i], json_string("x")), 0);
        expect_format(json, "json.member");
    }
    json_t *json = file_json(&file);
    assert_int_equal(json_object_set_new(json, "more", json_true()), 0);
    expect_format(json, "json.member");
    for (size_t len = 0; len < file.len - 1; len++) {
        CAIRN_BUF part = copy_of(cairn_span(file.p, len));
        assert_int_equal(cairn_sealed_file_parse(cairn_buf_span(&part), &sealed, NULL), CAIRN_E_FORMAT);
    }
    assert_int_equal(cairn_buf_append(&file, cairn_span_str(" "), NULL), CAIRN_OK);
    assert_int_equal(cairn_sealed_file_parse(cairn_buf_span(&file), &sealed, NULL), CAIRN_E_FORMAT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(seals_under_the_quoted_state_and_the_epoch),
        cmocka_unit_test(seals_to_no_boot_that_was_not_affirmed),
        cmocka_unit_test(seals_1_to_128_bytes),
        cmocka_unit_test(reads_the_file_strictly),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
