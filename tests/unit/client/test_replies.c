/* tests/unit/client/test_replies.c -- client/replies.c: what a server may say, and nothing else. */
#include "support/cmocka_all.h"

#include "attest/evidence.h"
#include "client/replies.h"

static struct cairn_span text(const char *s)
{
    return cairn_span_str(s);
}

static const char *nonce_text(void)
{
    static char out[700];
    struct cairn_nonce n = {.purpose = CAIRN_PURPOSE_EVIDENCE, .mask = 0x7, .issued_s = 1800000000};
    CAIRN_BUF file = {0};
    n.ak.bytes[1] = 0x0b;
    memset(n.device, 2, 32);
    memset(n.fleet, 3, 32);
    memset(n.nonce, 4, 32);
    assert_int_equal(cairn_nonce_write(&n, &file, NULL), CAIRN_OK);
    (void)snprintf(out, sizeof out, "%.*s", (int)file.len - 1, (const char *)file.p);
    return out;
}

/* A report of its members: `before` sorts before "interval", `middle` between nonce and tier. */
static void make(char *out, size_t cap, const char *before, const char *interval, const char *middle, const char *tier)
{
    (void)snprintf(out, cap, "{%s\"interval\":%s,\"nonce\":%s,%s\"tier\":%s}\n", before, interval, nonce_text(), middle, tier);
}

static void reads_a_report_with_all_that_it_may_say(void **state)
{
    (void)state;
    char body[2048];
    CAIRN_REPORT report = {.interval_s = 0};
    make(body, sizeof body, "\"ear\":\"a.b.c\",\"failed\":[\"pcr.7\",\"appraisal.sticky\"],\"grant\":true,", "3600",
         "\"order\":\"0101010101010101010101010101010101010101010101010101010101010101\",", "\"contraindicated\"");
    assert_int_equal(cairn_report_parse(text(body), &report, NULL), CAIRN_OK);
    assert_int_equal(report.interval_s, 3600);
    assert_int_equal(report.tier, CAIRN_TIER_CONTRAINDICATED);
    assert_int_equal(report.num_failed, 2);
    assert_string_equal(report.failed[1], "appraisal.sticky");
    assert_true(report.grant);
    assert_true(report.has_order);
    assert_int_equal(report.order[31], 1);
    assert_int_equal(report.nonce.mask, 7);
    assert_string_equal((const char *)report.ear.p, "a.b.c");
}

static void leaves_members_of_a_later_version_alone(void **state)
{
    (void)state;
    char body[2048];
    CAIRN_REPORT report = {.interval_s = 0};
    make(body, sizeof body, "\"advice\":{\"x\":[1]},", "60", "\"shape\":7,", "\"affirming\"");
    assert_int_equal(cairn_report_parse(text(body), &report, NULL), CAIRN_OK);
    assert_int_equal(report.tier, CAIRN_TIER_AFFIRMING);
    assert_false(report.grant);
    assert_false(report.has_order);
}

static void a_server_cannot_keep_a_device_away_or_busy(void **state)
{
    (void)state;
    static const struct {
        const char *said;
        uint32_t kept;
    } cases[] = {
        {"0", CAIRN_INTERVAL_MIN_S},      {"9", CAIRN_INTERVAL_MIN_S},      {"10", 10},
        {"604800", CAIRN_INTERVAL_MAX_S}, {"604801", CAIRN_INTERVAL_MAX_S}, {"9007199254740991", CAIRN_INTERVAL_MAX_S}};
    for (size_t i = 0; i < CAIRN_ARRAY_LEN(cases); i++) {
        char body[2048];
        CAIRN_REPORT report = {.interval_s = 0};
        make(body, sizeof body, "", cases[i].said, "", "\"affirming\"");
        assert_int_equal(cairn_report_parse(text(body), &report, NULL), CAIRN_OK);
        assert_int_equal(report.interval_s, cases[i].kept);
    }
}

static void refused_report(const char *body)
{
    struct cairn_err err = {0};
    CAIRN_REPORT report = {.interval_s = 77};
    assert_int_equal(cairn_report_parse(text(body), &report, &err), CAIRN_E_SERVER);
    assert_string_equal(err.code, "reply.report");
    assert_int_equal(report.interval_s, 77);
}

static void refuses_reports_that_are_none(void **state)
{
    (void)state;
    static const struct {
        const char *before, *interval, *middle, *tier;
    } cases[] = {{"", "-1", "", "\"affirming\""},
                 {"", "\"60\"", "", "\"affirming\""},
                 {"", "9007199254740992", "", "\"affirming\""},
                 {"", "60", "", "\"trusted\""},
                 {"", "60", "", "3"},
                 {"\"failed\":[\"a\\u001bb\"],", "60", "", "\"affirming\""},
                 {"\"failed\":[1],", "60", "", "\"affirming\""},
                 {"\"failed\":[\"\"],", "60", "", "\"affirming\""},
                 {"\"failed\":\"pcr.7\",", "60", "", "\"affirming\""},
                 {"\"grant\":1,", "60", "", "\"affirming\""},
                 {"", "60", "\"order\":\"01\",", "\"affirming\""},
                 {"\"ear\":7,", "60", "", "\"affirming\""},
                 {" ", "60", "", "\"affirming\""}};
    char body[2048];
    for (size_t i = 0; i < CAIRN_ARRAY_LEN(cases); i++) {
        make(body, sizeof body, cases[i].before, cases[i].interval, cases[i].middle, cases[i].tier);
        refused_report(body);
    }
    refused_report("{\"interval\":60,\"tier\":\"affirming\"}");
    refused_report("{\"interval\":60,\"nonce\":{},\"tier\":\"affirming\"}");
    refused_report("<html>503</html>");
    refused_report("[]");
    refused_report("");
}

static void keeps_a_bounded_number_of_failed_checks(void **state)
{
    (void)state;
    char list[1024] = "\"failed\":[\"a\"", body[2048];
    CAIRN_REPORT report = {.interval_s = 0};
    for (size_t i = 0; i < 100; i++) {
        strncat(list, ",\"b\"", sizeof list - strlen(list) - 1);
    }
    strncat(list, "],", sizeof list - strlen(list) - 1);
    make(body, sizeof body, list, "60", "", "\"warning\"");
    assert_int_equal(cairn_report_parse(text(body), &report, NULL), CAIRN_OK);
    assert_int_equal(report.num_failed, CAIRN_REPLY_MAX_FAILED);
}

static void every_truncation_and_a_trailing_byte_is_refused(void **state)
{
    (void)state;
    char body[2048];
    make(body, sizeof body, "\"failed\":[\"pcr.7\"],\"grant\":true,", "3600", "", "\"affirming\"");
    const size_t whole = strlen(body);
    for (size_t len = 0; len + 1 < whole; len++) {
        CAIRN_REPORT report = {.interval_s = 0};
        uint8_t *exact = malloc(len + 1);
        memcpy(exact, body, len);
        assert_int_equal(cairn_report_parse(cairn_span(exact, len), &report, NULL), CAIRN_E_SERVER);
        free(exact);
    }
    strncat(body, "x", sizeof body - strlen(body) - 1);
    refused_report(body);
}

static struct cairn_statement statement_of_the_nonce(void)
{
    struct cairn_statement s = {.epoch_value = 0};
    s.ak_name.bytes[1] = 0x0b;
    memset(s.device, 2, 32);
    memset(s.fleet, 3, 32);
    return s;
}

static void takes_only_a_nonce_that_asks_this_device_for_this(void **state)
{
    (void)state;
    struct cairn_nonce n = {.mask = 0}, good = {.mask = 0};
    struct cairn_err err = {0};
    const struct cairn_statement s = statement_of_the_nonce();
    assert_int_equal(cairn_reply_nonce(text(nonce_text()), &s, CAIRN_PURPOSE_EVIDENCE, &good, NULL), CAIRN_OK);
    assert_int_equal(cairn_reply_nonce(text(nonce_text()), &s, CAIRN_PURPOSE_GRANT, &n, &err), CAIRN_E_SERVER);
    assert_string_equal(err.code, "reply.nonce");
    for (size_t i = 0; i < 5; i++) {
        n = good;
        n.device[0] ^= i == 0;
        n.fleet[0] ^= i == 1;
        n.ak.bytes[5] ^= i == 2;
        n.mask = i == 3 ? 0 : n.mask;
        n.spent = i == 4;
        err = (struct cairn_err){0};
        assert_int_equal(cairn_reply_check_nonce(&n, &s, CAIRN_PURPOSE_EVIDENCE, &err), CAIRN_E_SERVER);
        assert_string_equal(err.code, "reply.nonce");
    }
    assert_int_equal(cairn_reply_nonce(text("{}"), &s, CAIRN_PURPOSE_EVIDENCE, &n, &err), CAIRN_E_SERVER);
}

static void a_refusal_is_read_with_forgiveness(void **state)
{
    (void)state;
    struct cairn_problem p = {.num_need = 0};
    char body[2048];
    cairn_problem_parse(503, text("<html>"), &p);
    assert_string_equal(p.code, "http.503");
    (void)snprintf(body, sizeof body,
                   "{ \"status\": 409, \"code\": \"evidence.logs\", \"title\": \"x\", \"detail\": \"logs\", \"need\": "
                   "[\"ima\", \"ima\", \"boot-log\", \"shadow\"], \"upload_token\": \"abc-_1\", \"nonce\": %s }",
                   nonce_text());
    cairn_problem_parse(409, text(body), &p);
    assert_string_equal(p.code, "evidence.logs");
    assert_string_equal(p.detail, "logs");
    assert_true(p.need[CAIRN_LOG_IMA] && p.need[CAIRN_LOG_FIRMWARE] && !p.need[CAIRN_LOG_USERSPACE]);
    assert_int_equal(p.num_need, 2);
    assert_string_equal(p.upload_token, "abc-_1");
    assert_true(p.has_nonce);
}

static void a_refusal_puts_nothing_into_a_request_head_or_a_terminal(void **state)
{
    (void)state;
    struct cairn_problem p = {.num_need = 0};
    cairn_problem_parse(409, text("{\"code\":\"a\\u000ab\",\"upload_token\":\"x\\r\\nHost: y\"}"), &p);
    assert_string_equal(p.code, "http.409");
    assert_string_equal(p.upload_token, "");
    cairn_problem_parse(409, text("{\"code\":7,\"upload_token\":[],\"need\":{},\"nonce\":7,\"detail\":{}}"), &p);
    assert_string_equal(p.code, "http.409");
    assert_int_equal(p.num_need, 0);
    assert_false(p.has_nonce);
}

static void a_bundle_is_exactly_three_files(void **state)
{
    (void)state;
    CAIRN_BUNDLE bundle = {.grant = {0}};
    struct cairn_err err = {0};
    assert_int_equal(
        cairn_bundle_parse(text("{\"assets\":\"YXM=\",\"grant\":\"Zw==\",\"manifest\":\"bQ==\"}\n"), &bundle, NULL), CAIRN_OK);
    assert_string_equal((const char *)bundle.assets.p, "as");
    static const char *const bad[] = {"{\"assets\":\"YXM=\",\"grant\":\"Zw==\"}",
                                      "{\"assets\":\"YXM\",\"grant\":\"Zw==\",\"manifest\":\"bQ==\"}",
                                      "{\"assets\":\"YXM=\",\"grant\":\"Zw==\",\"manifest\":\"bQ==\",\"more\":1}",
                                      "{\"assets\": \"YXM=\",\"grant\":\"Zw==\",\"manifest\":\"bQ==\"}",
                                      "{}",
                                      ""};
    for (size_t i = 0; i < CAIRN_ARRAY_LEN(bad); i++) {
        assert_int_equal(cairn_bundle_parse(text(bad[i]), &bundle, &err), CAIRN_E_SERVER);
        assert_string_equal(err.code, "reply.bundle");
    }
    assert_string_equal((const char *)bundle.assets.p, "as");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_a_report_with_all_that_it_may_say),
        cmocka_unit_test(leaves_members_of_a_later_version_alone),
        cmocka_unit_test(a_server_cannot_keep_a_device_away_or_busy),
        cmocka_unit_test(refuses_reports_that_are_none),
        cmocka_unit_test(keeps_a_bounded_number_of_failed_checks),
        cmocka_unit_test(every_truncation_and_a_trailing_byte_is_refused),
        cmocka_unit_test(takes_only_a_nonce_that_asks_this_device_for_this),
        cmocka_unit_test(a_refusal_is_read_with_forgiveness),
        cmocka_unit_test(a_refusal_puts_nothing_into_a_request_head_or_a_terminal),
        cmocka_unit_test(a_bundle_is_exactly_three_files),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
