/* tests/unit/attest/test_evidence.c -- attest/evidence.c: one form, read strictly. */
#include "unit/attest/answer.h"

static void reads_what_the_device_writes(void **state)
{
    (void)state;
    WORLD w;
    CAIRN_BUF file = {0};
    CAIRN_EVIDENCE evidence = {0};
    world_make(&w, "sb-uki-clean");
    const struct cairn_nonce nonce = ask(&w, CAIRN_PURPOSE_EVIDENCE, WORLD_MASK);
    answer_nonce(&w, &nonce, &file);
    assert_int_equal(cairn_evidence_parse(cairn_buf_span(&file), &evidence, NULL), CAIRN_OK);
    assert_memory_equal(evidence.head.nonce, nonce.nonce, 32);
    assert_memory_equal(evidence.head.device, w.keys->statement.device, 32);
    assert_true(cairn_span_equal(evidence.logs.firmware, w.logs.firmware));
    assert_true(cairn_span_equal(evidence.logs.userspace, w.logs.userspace));
    assert_true(cairn_span_equal(evidence.logs.ima, w.logs.ima));
}

static void takes_any_log_as_missing(void **state)
{
    (void)state;
    WORLD w;
    CAIRN_BUF file = {0};
    CAIRN_EVIDENCE evidence = {0};
    world_make(&w, "sb-uki-clean");
    w.logs = (struct cairn_boot_logs){0};
    const struct cairn_nonce nonce = ask(&w, CAIRN_PURPOSE_EVIDENCE, WORLD_MASK);
    answer_nonce(&w, &nonce, &file);
    assert_int_equal(cairn_evidence_parse(cairn_buf_span(&file), &evidence, NULL), CAIRN_OK);
    assert_int_equal(evidence.logs.firmware.len + evidence.logs.userspace.len + evidence.logs.ima.len, 0);
}

static void writes_the_documented_payload(void **state)
{
    (void)state;
    CAIRN_BUF payload = {0};
    struct cairn_tpm_head head = {.ak = {{0x00, 0x0b}}};
    assert_int_equal(cairn_evidence_payload(&head, "", &payload, NULL), CAIRN_OK);
    static const char start[] = "{\"ak\":\"000b";
    static const char members[] = "\",\"cnf\":\"\",\"device\":\"";
    assert_memory_equal(payload.p, start, sizeof start - 1);
    assert_non_null(memmem(payload.p, payload.len, members, sizeof members - 1));
    static const char end[] = "\"v\":1}";
    assert_memory_equal(payload.p + payload.len - (sizeof end - 1), end, sizeof end - 1);
}

/* expect_refused has `json` (taken over) quoted as evidence and wants exactly this refusal. */
static void expect_refused(struct world *w, json_t *json, const char *code)
{
    struct cairn_err err = {0};
    CAIRN_JSON *owned = json;
    CAIRN_BUF payload = {0}, file = {0};
    CAIRN_TPMDOC doc = {0};
    CAIRN_EVIDENCE evidence = {0};
    assert_int_equal(cairn_json_write(owned, &payload, NULL), CAIRN_OK);
    answer_with(w, CAIRN_TYPE_EVIDENCE, cairn_buf_span(&payload), WORLD_MASK, &doc);
    write_doc(&doc, &file);
    assert_int_equal(cairn_evidence_parse(cairn_buf_span(&file), &evidence, &err), CAIRN_E_FORMAT);
    assert_code(err, code);
    assert_int_equal(evidence.doc.payload.len, 0);
}

static json_t *honest_payload(const struct world *w)
{
    static const uint8_t nonce[32] = {7};
    CAIRN_BUF payload = {0};
    json_t *json = NULL;
    const struct cairn_tpm_head head = cairn_statement_head(&w->keys->statement, nonce);
    assert_int_equal(cairn_evidence_payload(&head, "", &payload, NULL), CAIRN_OK);
    assert_int_equal(cairn_json_parse(cairn_buf_span(&payload), payload.len, true, "test", &json, NULL), CAIRN_OK);
    return json;
}

static void refuses_reserved_members_in_use(void **state)
{
    (void)state;
    WORLD w;
    world_make(&w, "sb-uki-clean");
    json_t *json = honest_payload(&w);
    assert_int_equal(json_object_set_new(json, "ima_offset", json_integer(1)), 0);
    expect_refused(&w, json, "evidence.reserved");
}

#define JKT "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8"

static void carries_the_thumbprint_of_a_key(void **state)
{
    (void)state;
    WORLD w;
    CAIRN_BUF payload = {0}, file = {0}, unused = {0};
    CAIRN_TPMDOC doc = {0};
    CAIRN_EVIDENCE evidence = {0};
    struct cairn_err err = {0};
    static const uint8_t nonce[32] = {7};
    world_make(&w, "sb-uki-clean");
    const struct cairn_tpm_head head = cairn_statement_head(&w.keys->statement, nonce);
    assert_int_equal(cairn_evidence_payload(&head, JKT, &payload, NULL), CAIRN_OK);
    answer_with(&w, CAIRN_TYPE_EVIDENCE, cairn_buf_span(&payload), WORLD_MASK, &doc);
    write_doc(&doc, &file);
    assert_int_equal(cairn_evidence_parse(cairn_buf_span(&file), &evidence, NULL), CAIRN_OK);
    assert_string_equal(evidence.cnf, JKT);
    assert_int_equal(cairn_evidence_payload(&head, "key", &unused, &err), CAIRN_E_USAGE);
    assert_code(err, "evidence.cnf");
}

/* One key has one thumbprint and one text of it: what is bound to it is compared as text. */
static void refuses_a_cnf_that_is_no_thumbprint(void **state)
{
    (void)state;
    static const char *const bad[] = {"key",
                                      JKT "A",
                                      "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh",
                                      JKT "=",
                                      "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh9", /* a bit that means nothing */
                                      "+AECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8"};
    WORLD w;
    world_make(&w, "sb-uki-clean");
    for (size_t i = 0; i < CAIRN_ARRAY_LEN(bad); i++) {
        json_t *json = honest_payload(&w);
        assert_int_equal(json_object_set_new(json, "cnf", json_string(bad[i])), 0);
        expect_refused(&w, json, "evidence.cnf");
    }
}

static void tells_of_each_log_whether_it_is_there_named_or_left_out(void **state)
{
    (void)state;
    WORLD w;
    CAIRN_BUF file = {0};
    CAIRN_EVIDENCE evidence = {0};
    struct cairn_err err = {0};
    struct cairn_log_digest logs[CAIRN_NUM_BOOT_LOGS];
    uint8_t sha256[32];
    world_make(&w, "sb-uki-clean");
    const struct cairn_nonce nonce = ask(&w, CAIRN_PURPOSE_EVIDENCE, WORLD_MASK);
    answer_named(&w, &nonce, &file);
    assert_int_equal(cairn_evidence_parse(cairn_buf_span(&file), &evidence, NULL), CAIRN_OK);
    cairn_evidence_log_digests(&evidence, logs);
    assert_int_equal(logs[CAIRN_LOG_FIRMWARE].state, CAIRN_LOG_NAMED);
    assert_int_equal(logs[CAIRN_LOG_FIRMWARE].len, w.logs.firmware.len);
    assert_int_equal(cairn_sha256(w.logs.firmware, sha256, NULL), CAIRN_OK);
    assert_memory_equal(logs[CAIRN_LOG_FIRMWARE].sha256, sha256, 32);
    assert_int_equal(evidence.logs.firmware.len, 0);
    assert_int_equal(logs[CAIRN_LOG_USERSPACE].state, CAIRN_LOG_LEFT_OUT);
    assert_int_equal(logs[CAIRN_LOG_IMA].state, CAIRN_LOG_INLINE);
    assert_true(cairn_span_equal(logs[CAIRN_LOG_IMA].bytes, w.logs.ima));
    assert_int_equal(cairn_evidence_need_whole(&evidence, &err), CAIRN_E_REFUSED);
    assert_code(err, "evidence.named");
}

static void refuses_every_missing_and_any_unknown_member(void **state)
{
    (void)state;
    static const char *const members[] = {"ak", "cnf", "device", "fleet", "ima_offset", "nonce", "v"};
    WORLD w;
    world_make(&w, "sb-uki-clean");
    for (size_t i = 0; i < CAIRN_ARRAY_LEN(members); i++) {
        json_t *json = honest_payload(&w);
        assert_int_equal(json_object_del(json, members[i]), 0);
        expect_refused(&w, json, "json.member");
    }
    json_t *json = honest_payload(&w);
    assert_int_equal(json_object_set_new(json, "state", json_object()), 0);
    expect_refused(&w, json, "json.member");
}

static void refuses_a_log_of_unknown_kind(void **state)
{
    (void)state;
    static const char known[] = "\"userspace-log\"";
    WORLD w;
    struct cairn_err err = {0};
    CAIRN_BUF file = {0};
    CAIRN_EVIDENCE evidence = {0};
    world_make(&w, "sb-uki-clean");
    const struct cairn_nonce nonce = ask(&w, CAIRN_PURPOSE_EVIDENCE, WORLD_MASK);
    answer_nonce(&w, &nonce, &file);
    uint8_t *at = memmem(file.p, file.len, known, sizeof known - 1);
    assert_non_null(at);
    at[1] = 'x';
    assert_int_equal(cairn_evidence_parse(cairn_buf_span(&file), &evidence, &err), CAIRN_E_FORMAT);
    assert_code(err, "tpmdoc.attachment");
}

static void refuses_every_truncation_and_a_trailing_byte(void **state)
{
    (void)state;
    WORLD w;
    CAIRN_BUF file = {0};
    world_make(&w, "sb-uki-clean");
    const struct cairn_nonce nonce = ask(&w, CAIRN_PURPOSE_EVIDENCE, WORLD_MASK);
    answer_nonce(&w, &nonce, &file);
    struct cairn_evidence evidence = {0};
    for (size_t len = 0; len < file.len; len += 1 + len / 32) {
        CAIRN_BUF part = copy_of(cairn_span(file.p, len));
        assert_int_equal(cairn_evidence_parse(cairn_buf_span(&part), &evidence, NULL), CAIRN_E_FORMAT);
    }
    assert_int_equal(cairn_buf_append(&file, cairn_span_str("x"), NULL), CAIRN_OK);
    struct cairn_err err = {0};
    assert_int_equal(cairn_evidence_parse(cairn_buf_span(&file), &evidence, &err), CAIRN_E_FORMAT);
    assert_code(err, "tpmdoc.attachment");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_what_the_device_writes),
        cmocka_unit_test(takes_any_log_as_missing),
        cmocka_unit_test(writes_the_documented_payload),
        cmocka_unit_test(refuses_reserved_members_in_use),
        cmocka_unit_test(carries_the_thumbprint_of_a_key),
        cmocka_unit_test(refuses_a_cnf_that_is_no_thumbprint),
        cmocka_unit_test(tells_of_each_log_whether_it_is_there_named_or_left_out),
        cmocka_unit_test(refuses_every_missing_and_any_unknown_member),
        cmocka_unit_test(refuses_a_log_of_unknown_kind),
        cmocka_unit_test(refuses_every_truncation_and_a_trailing_byte),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
