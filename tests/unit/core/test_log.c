/* tests/unit/core/test_log.c -- core/log.c. */
#include "support/cmocka_all.h"

#include <unistd.h>

#include "core/json.h"
#include "core/log.h"

/* struct capture gives a log one end of a pipe; finish reads the other. */
struct capture {
    int fds[2];
    struct cairn_log log;
};

static struct capture capture(enum cairn_log_level level)
{
    struct capture c = {.log = cairn_log("prog", level)};
    assert_int_equal(c.log.fd, STDERR_FILENO);
    assert_int_equal(pipe(c.fds), 0);
    c.log.fd = c.fds[1];
    return c;
}

static size_t finish(struct capture *c, char *out, size_t cap)
{
    (void)close(c->fds[1]);
    ssize_t n = read(c->fds[0], out, cap - 1);
    (void)close(c->fds[0]);
    assert_true(n >= 0);
    out[n] = '\0';
    return (size_t)n;
}

static void an_event_is_one_line_whatever_its_values_hold(void **state)
{
    (void)state;
    char line[4096];
    struct capture c = capture(CAIRN_LOG_INFO);
    const struct cairn_log_field fields[] = {{"device", "a\nlevel=error \"x\" \\ \x1b[2J\xc3\xa9"}, {"none", NULL}, {"n", "7"}};
    cairn_log_event(&c.log, CAIRN_LOG_WARNING, "report.sent", fields, 3);
    size_t len = finish(&c, line, sizeof(line));
    assert_ptr_equal(strchr(line, '\n'), line + len - 1);
    assert_string_equal(line + strlen("time=2026-11-22T12:00:00Z"),
                        " level=warning program=prog event=report.sent"
                        " device=\"a\\x0alevel=error \\\"x\\\" \\\\ \\x1b[2J\\xc3\\xa9\" n=\"7\"\n");
}

static void a_json_event_is_one_object_on_one_line_whatever_its_values_hold(void **state)
{
    (void)state;
    char line[4096];
    struct capture c = capture(CAIRN_LOG_INFO);
    c.log.json = true;
    const struct cairn_log_field fields[] = {
        {"device", "a\n{\"level\":\"error\"} \\ \x1b[2J\xc3\xa9\x7f\xff"}, {"none", NULL}, {"n", "7"}};
    cairn_log_event(&c.log, CAIRN_LOG_WARNING, "report.sent", fields, 3);
    size_t len = finish(&c, line, sizeof(line));
    assert_ptr_equal(strchr(line, '\n'), line + len - 1);
    assert_memory_equal(line, "{\"time\":\"20", 11);
    assert_string_equal(line + strlen("{\"time\":\"2026-11-22T12:00:00Z"),
                        "\",\"level\":\"warning\",\"program\":\"prog\",\"event\":\"report.sent\",\"device\":"
                        "\"a\\u000a{\\\"level\\\":\\\"error\\\"} \\\\ \\u001b[2J\\u00c3\\u00a9\\u007f\\u00ff\",\"n\":\"7\"}\n");
}

/* Every byte value alone and in company: what is read back is what was given, byte for character. */
static void a_json_event_gives_every_byte_back(void **state)
{
    (void)state;
    char line[4096];
    for (unsigned byte = 1; byte < 256; byte++) {
        const char value[] = {'<', (char)byte, '>', '\0'};
        struct capture c = capture(CAIRN_LOG_INFO);
        c.log.json = true;
        const struct cairn_log_field fields[] = {{"v", value}};
        cairn_log_event(&c.log, CAIRN_LOG_INFO, "e", fields, 1);
        size_t len = finish(&c, line, sizeof(line));
        CAIRN_JSON *json = NULL;
        assert_int_equal(cairn_json_parse(cairn_span(line, len - 1), sizeof(line), false, "line", &json, NULL), CAIRN_OK);
        const char *back = json_string_value(json_object_get(json, "v"));
        assert_non_null(back);
        size_t wide = byte < 0x80 ? 1 : 2; /* UTF-8 of U+0080 to U+00FF */
        assert_int_equal(strlen(back), 2 + wide);
        unsigned got = wide == 1 ? (uint8_t)back[1] : ((unsigned)(uint8_t)back[1] & 3u) << 6 | ((uint8_t)back[2] & 0x3fu);
        assert_int_equal(got, byte);
    }
}

static void a_long_json_line_is_cut_and_stays_an_object(void **state)
{
    (void)state;
    char value[5000];
    char line[4096];
    for (unsigned size = 1800; size < 2100; size++) {
        memset(value, '"', sizeof(value));
        memset(value, 'v', size < 1950 ? size : 1950);
        value[size] = '\0';
        struct capture c = capture(CAIRN_LOG_INFO);
        c.log.json = true;
        const struct cairn_log_field fields[] = {{"a", value}, {"b", "after"}};
        cairn_log_event(&c.log, CAIRN_LOG_INFO, "e", fields, 2);
        size_t len = finish(&c, line, sizeof(line));
        assert_true(len <= CAIRN_LOG_LINE_MAX);
        assert_ptr_equal(strchr(line, '\n'), line + len - 1);
        CAIRN_JSON *json = NULL;
        assert_int_equal(cairn_json_parse(cairn_span(line, len - 1), sizeof(line), false, "line", &json, NULL), CAIRN_OK);
        assert_true((json_object_get(json, "b") != NULL) != (json_object_get(json, "truncated") != NULL));
    }
}

static void nothing_below_the_level_is_written(void **state)
{
    (void)state;
    char line[64];
    struct capture c = capture(CAIRN_LOG_WARNING);
    cairn_log_event(&c.log, CAIRN_LOG_INFO, "quiet", NULL, 0);
    cairn_log_event(&c.log, CAIRN_LOG_DEBUG, "quiet", NULL, 0);
    assert_int_equal(finish(&c, line, sizeof(line)), 0);
}

static void a_long_line_is_cut_and_says_so(void **state)
{
    (void)state;
    char value[5000];
    char line[4096];
    for (unsigned size = 1900; size < 2100; size++) {
        memset(value, '\n', sizeof(value));
        memset(value, 'v', size < 2000 ? size : 2000);
        value[size] = '\0';
        struct capture c = capture(CAIRN_LOG_INFO);
        const struct cairn_log_field fields[] = {{"a", value}, {"b", "after"}};
        cairn_log_event(&c.log, CAIRN_LOG_INFO, "e", fields, 2);
        size_t len = finish(&c, line, sizeof(line));
        assert_true(len <= CAIRN_LOG_LINE_MAX);
        assert_ptr_equal(strchr(line, '\n'), line + len - 1);
        bool whole = strstr(line, " b=\"after\"\n") != NULL;
        bool cut = strstr(line, " truncated=\"true\"\n") != NULL;
        assert_true(whole != cut);
    }
}

static void an_error_is_logged_with_code_text_cause_and_place(void **state)
{
    (void)state;
    char line[4096];
    struct capture c = capture(CAIRN_LOG_ERROR);
    struct cairn_err err = {0};
    assert_int_equal(CAIRN_FAIL_CAUSE(&err, CAIRN_E_TPM, "tpm.gone", 0x18b, "no \"TPM\""), CAIRN_E_TPM);
    cairn_log_error(&c.log, "quote.failed", &err);
    (void)finish(&c, line, sizeof(line));
    assert_non_null(strstr(line, "level=error program=prog event=quote.failed code=\"tpm.gone\" text=\"no \\\"TPM\\\"\""));
    assert_non_null(strstr(line, " cause=\"0x0000018b\" place=\""));
    assert_non_null(strstr(line, "test_log.c:"));
}

static void escaping_never_cuts_an_escape(void **state)
{
    (void)state;
    const char text[] = "a\n\"b";
    const char *full = "a\\x0a\\\"b";
    char out[16];
    for (size_t cap = 1; cap < sizeof(out); cap++) {
        bool whole = cairn_log_escape(cairn_span_str(text), out, cap);
        assert_true(whole == (cap > strlen(full)));
        size_t len = strlen(out);
        assert_true(len < cap && strncmp(out, full, len) == 0);
        assert_true(len == 0 || len == 1 || len == 5 || len == 7 || len == 8);
    }
    assert_true(cairn_log_escape(cairn_span("\0\x7f", 2), out, sizeof(out)));
    assert_string_equal(out, "\\x00\\x7f");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_event_is_one_line_whatever_its_values_hold),
        cmocka_unit_test(a_json_event_is_one_object_on_one_line_whatever_its_values_hold),
        cmocka_unit_test(a_json_event_gives_every_byte_back),
        cmocka_unit_test(a_long_json_line_is_cut_and_stays_an_object),
        cmocka_unit_test(nothing_below_the_level_is_written),
        cmocka_unit_test(a_long_line_is_cut_and_says_so),
        cmocka_unit_test(an_error_is_logged_with_code_text_cause_and_place),
        cmocka_unit_test(escaping_never_cuts_an_escape),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
