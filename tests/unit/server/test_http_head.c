/* tests/unit/server/test_http_head.c -- server/http_head.c: one reading of a request, or none. */
#include "support/cmocka_all.h"

#include <stdio.h>

#include "server/http_head.h"

/* parse reads an exact-size heap copy, so that ASan sees a read past the end; the copy stays for `out`'s spans. */
struct parsed {
    uint8_t *bytes;
    struct cairn_http_head head;
    struct cairn_err err;
    enum cairn_rc rc;
};

static struct parsed parse(const char *text, size_t len)
{
    struct parsed p = {.bytes = malloc(len > 0 ? len : 1)};
    assert_non_null(p.bytes);
    cairn_copy(p.bytes, text, len);
    p.rc = cairn_http_head_parse(cairn_span(p.bytes, len), &p.head, &p.err);
    return p;
}

static void refused(const char *text, size_t len, const char *code)
{
    struct parsed p = parse(text, len);
    if (p.rc != CAIRN_E_FORMAT || strcmp(p.err.code, code) != 0) {
        fail_msg("wanted %s, got %s of: %.*s", code, p.rc == CAIRN_OK ? "OK" : p.err.code, (int)len, text);
    }
    assert_int_equal(p.head.num_fields, 0);
    free(p.bytes);
}
#define REFUSED(text, code) refused((text), sizeof(text) - 1, (code))

static struct parsed accepted(const char *text)
{
    struct parsed p = parse(text, strlen(text));
    if (p.rc != CAIRN_OK) {
        fail_msg("%s: %s", p.err.code, text);
    }
    return p;
}

static void same(struct cairn_span got, const char *want)
{
    assert_int_equal(got.len, strlen(want));
    assert_memory_equal(got.p, want, got.len);
}

static void reads_a_plain_request(void **state)
{
    (void)state;
    struct cairn_span value;
    struct parsed p = accepted("POST /v1/evidence?aud=a%20b&x HTTP/1.1\r\nHost: [::1]:8443\r\ncontent-length: 12\r\n"
                               "X-Note:  two words \r\nEmpty:\r\nExpect: 100-Continue\r\nConnection: te , Close\r\n\r\n");
    assert_int_equal(p.head.method, CAIRN_HTTP_POST);
    same(p.head.path, "/v1/evidence");
    same(p.head.query, "aud=a%20b&x");
    assert_true(p.head.has_length && p.head.length == 12 && p.head.close && p.head.expects_continue);
    assert_int_equal(p.head.num_fields, 6);
    assert_true(cairn_http_field(&p.head, "x-NOTE", &value));
    same(value, "two words");
    assert_true(cairn_http_field(&p.head, "empty", &value));
    same(value, "");
    assert_false(cairn_http_field(&p.head, "X-Not", &value));
    assert_true(cairn_http_path_is(&p.head, "/v1/evidence"));
    assert_false(cairn_http_path_is(&p.head, "/v1/evidenc"));
    free(p.bytes);
    p = accepted("GET / HTTP/1.1\r\nHost: a\r\nConnection: keep-alive\r\n\r\n");
    assert_true(!p.head.close && !p.head.has_length && !p.head.expects_continue && p.head.method == CAIRN_HTTP_GET);
    free(p.bytes);
    p = accepted("HEAD /a/ HTTP/1.1\r\nHost: a\r\n\r\n");
    assert_int_equal(p.head.method, CAIRN_HTTP_HEAD_);
    free(p.bytes);
}

static void refuses_other_request_lines(void **state)
{
    (void)state;
    REFUSED("", "http.line");
    REFUSED("\r\n", "http.line");
    REFUSED("\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n", "http.line");
    REFUSED("GET /\r\nHost: a\r\n\r\n", "http.line");
    REFUSED("GET  / HTTP/1.1\r\nHost: a\r\n\r\n", "http.line");
    REFUSED(" GET / HTTP/1.1\r\nHost: a\r\n\r\n", "http.line");
    REFUSED("GET / HTTP/1.1 \r\nHost: a\r\n\r\n", "http.version");
    REFUSED("GET / http/1.1\r\nHost: a\r\n\r\n", "http.version");
    REFUSED("GET\t/ HTTP/1.1\r\nHost: a\r\n\r\n", "http.line");
    REFUSED("G(T / HTTP/1.1\r\nHost: a\r\n\r\n", "http.line");
    REFUSED("GET / HTTP/1.1\nHost: a\r\n\r\n", "http.line");
    REFUSED("GET / HTTP/1.1\r\r\nHost: a\r\n\r\n", "http.line");
    REFUSED("GET / HTTP/1.0\r\nHost: a\r\n\r\n", "http.version");
    REFUSED("GET / HTTP/2.0\r\nHost: a\r\n\r\n", "http.version");
    REFUSED("PUT / HTTP/1.1\r\nHost: a\r\n\r\n", "http.method");
    REFUSED("get / HTTP/1.1\r\nHost: a\r\n\r\n", "http.method");
    REFUSED("CONNECT a:443 HTTP/1.1\r\nHost: a\r\n\r\n", "http.method");
}

static void refuses_targets_that_two_readers_may_read_differently(void **state)
{
    (void)state;
    static const char *const targets[] = {
        "*",      "a",      "http://a/", "//a",    "/a//b",  "/.",        "/..",    "/a/../b", "/a/./b", "/a/..", "/%2e",
        "/a%00",  "/a%2fb", "/a;b",      "/a\\b",  "/a#b",   "/\xc3\xa9", "/\x01",  "/a?b?c",  "/a?b#c", "/a?%",  "/a?%4",
        "/a?%zz", "/a?%00", "/a?%0a",    "/a?%7f", "/a?%ff", "/a?b+c",    "/a?b/c", "/a?\x7f", "?a"};
    char text[256];
    for (size_t i = 0; i < CAIRN_ARRAY_LEN(targets); i++) {
        int n = snprintf(text, sizeof(text), "GET %s HTTP/1.1\r\nHost: a\r\n\r\n", targets[i]);
        refused(text, (size_t)n, "http.target");
    }
    REFUSED("GET /a\0b HTTP/1.1\r\nHost: a\r\n\r\n", "http.target");
    static const char *const good[] = {"/", "/...", "/a/.b/c..", "/.well-known/jwks.json", "/a/", "/a?", "/a?b=%7e%20%41&=&&"};
    for (size_t i = 0; i < CAIRN_ARRAY_LEN(good); i++) {
        (void)snprintf(text, sizeof(text), "GET %s HTTP/1.1\r\nHost: a\r\n\r\n", good[i]);
        free(accepted(text).bytes);
    }
}

static void refuses_a_target_over_its_limit(void **state)
{
    (void)state;
    char text[CAIRN_HTTP_TARGET_MAX + 64];
    for (size_t len = CAIRN_HTTP_TARGET_MAX; len <= CAIRN_HTTP_TARGET_MAX + 1; len++) {
        memset(text, 'a', sizeof(text));
        cairn_copy(text, "GET /", 5);
        int n = snprintf(text + 4 + len, sizeof(text) - 4 - len, " HTTP/1.1\r\nHost: a\r\n\r\n");
        struct parsed p = parse(text, 4 + len + (size_t)n);
        assert_int_equal(p.rc, len == CAIRN_HTTP_TARGET_MAX ? CAIRN_OK : CAIRN_E_FORMAT);
        assert_string_equal(p.err.code, len == CAIRN_HTTP_TARGET_MAX ? "" : "http.target");
        free(p.bytes);
    }
}

static void refuses_malformed_fields(void **state)
{
    (void)state;
    REFUSED("GET / HTTP/1.1\r\nHost: a\r\n folded\r\n\r\n", "http.field");
    REFUSED("GET / HTTP/1.1\r\nHost: a\r\n\tfolded: b\r\n\r\n", "http.field");
    REFUSED("GET / HTTP/1.1\r\nHost : a\r\n\r\n", "http.field");
    REFUSED("GET / HTTP/1.1\r\n: a\r\nHost: a\r\n\r\n", "http.field");
    REFUSED("GET / HTTP/1.1\r\nHost a\r\n\r\n", "http.field");
    REFUSED("GET / HTTP/1.1\r\nHost: a\nX: b\r\n\r\n", "http.field");
    REFUSED("GET / HTTP/1.1\r\nHost: a\rX: b\r\n\r\n", "http.field");
    REFUSED("GET / HTTP/1.1\r\nHost: a\r\n\n", "http.field");
    REFUSED("GET / HTTP/1.1\r\nHost: a\r\nX: \x01\r\n\r\n", "http.field");
    REFUSED("GET / HTTP/1.1\r\nHost: a\r\nX: a\tb\r\n\r\n", "http.field");
    REFUSED("GET / HTTP/1.1\r\nHost: a\r\nX: \x7f\r\n\r\n", "http.field");
    REFUSED("GET / HTTP/1.1\r\nHost: a\r\nX: \xc3\xa9\r\n\r\n", "http.field");
    REFUSED("GET / HTTP/1.1\r\nHost: a\r\nX: a\0b\r\n\r\n", "http.field");
    REFUSED("GET / HTTP/1.1\r\nHost: a\r\nX\0: b\r\n\r\n", "http.field");
    REFUSED("GET / HTTP/1.1\r\nHost: a\r\n\r\nGET", "http.field");
    REFUSED("GET / HTTP/1.1\r\nHost: a\r\n", "http.field");
}

static void refuses_more_fields_than_it_keeps(void **state)
{
    (void)state;
    char text[4096];
    for (unsigned num = CAIRN_HTTP_MAX_FIELDS; num <= CAIRN_HTTP_MAX_FIELDS + 1; num++) {
        size_t len = (size_t)snprintf(text, sizeof(text), "GET / HTTP/1.1\r\nHost: a\r\n");
        for (unsigned i = 1; i < num; i++) {
            len += (size_t)snprintf(text + len, sizeof(text) - len, "X-%u: b\r\n", i);
        }
        len += (size_t)snprintf(text + len, sizeof(text) - len, "\r\n");
        if (num == CAIRN_HTTP_MAX_FIELDS) {
            free(accepted(text).bytes);
        } else {
            refused(text, len, "http.fields");
        }
    }
}

static void refuses_a_second_field_of_those_that_decide(void **state)
{
    (void)state;
    static const char *const fields[] = {"Host: a",          "Content-Length: 0", "Content-Type: a", "Authorization: a",
                                         "DPoP: a",          "Connection: a",     "Expect: a",       "Cairn-Upload-Token: a",
                                         "X-Original-URL: a"};
    char text[256];
    for (size_t i = 0; i < CAIRN_ARRAY_LEN(fields); i++) {
        int n = snprintf(text, sizeof(text), "GET / HTTP/1.1\r\n%s\r\nX: y\r\n%s\r\n\r\n", fields[i], fields[i]);
        refused(text, (size_t)n, "http.twice");
    }
    REFUSED("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\ncONTENT-lENGTH: 2\r\n\r\n", "http.twice");
    free(accepted("GET / HTTP/1.1\r\nHost: a\r\nAccept: a\r\nAccept: b\r\n\r\n").bytes);
}

static void refuses_framing_that_is_not_one_plain_length(void **state)
{
    (void)state;
    static const char *const lengths[] = {
        "", "+5", "-5", "5,5", "5, 5", "0x5", "05", "00", "5 5", "five", "1234567890123456", "18446744073709551621"};
    char text[256];
    for (size_t i = 0; i < CAIRN_ARRAY_LEN(lengths); i++) {
        int n = snprintf(text, sizeof(text), "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: %s\r\n\r\n", lengths[i]);
        refused(text, (size_t)n, "http.length");
        n = snprintf(text, sizeof(text), "GET / HTTP/1.1\r\nHost: a\r\nContent-Length: %s\r\n\r\n", lengths[i]);
        refused(text, (size_t)n, "http.length");
    }
    REFUSED("POST / HTTP/1.1\r\nHost: a\r\n\r\n", "http.length");
    REFUSED("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n", "http.transfer");
    REFUSED("GET / HTTP/1.1\r\nHost: a\r\ntransfer-encoding:\r\n\r\n", "http.transfer");
    REFUSED("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n", "http.transfer");
    struct parsed p = accepted("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 123456789012345\r\n\r\n");
    assert_int_equal(p.head.length, 123456789012345);
    free(p.bytes);
}

static void demands_a_host_and_a_known_expectation(void **state)
{
    (void)state;
    REFUSED("GET / HTTP/1.1\r\n\r\n", "http.host");
    REFUSED("GET / HTTP/1.1\r\nHost:\r\n\r\n", "http.host");
    REFUSED("GET / HTTP/1.1\r\nHost: a/b\r\n\r\n", "http.host");
    REFUSED("GET / HTTP/1.1\r\nHost: a@b\r\n\r\n", "http.host");
    REFUSED("GET / HTTP/1.1\r\nHost: a\r\nExpect: 200-ok\r\n\r\n", "http.expect");
}

static void refuses_a_head_over_its_limit(void **state)
{
    (void)state;
    static const char start[] = "GET / HTTP/1.1\r\nHost: a\r\nX: ";
    char text[CAIRN_HTTP_HEAD_MAX + 2];
    for (size_t len = CAIRN_HTTP_HEAD_MAX; len <= CAIRN_HTTP_HEAD_MAX + 1; len++) {
        memset(text, 'x', sizeof(text));
        cairn_copy(text, start, sizeof(start) - 1);
        cairn_copy(text + len - 4, "\r\n\r\n", 4);
        struct parsed p = parse(text, len);
        assert_int_equal(p.rc, len == CAIRN_HTTP_HEAD_MAX ? CAIRN_OK : CAIRN_E_FORMAT);
        assert_string_equal(p.err.code, len == CAIRN_HTTP_HEAD_MAX ? "" : "http.head");
        free(p.bytes);
    }
}

static void refuses_every_truncation(void **state)
{
    (void)state;
    static const char text[] = "POST /v1/nonce?a=b HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nConnection: close\r\n\r\n";
    for (size_t len = 0; len < sizeof(text) - 1; len++) {
        struct parsed p = parse(text, len);
        assert_int_equal(p.rc, CAIRN_E_FORMAT);
        free(p.bytes);
    }
}

/* Whatever the pieces are in which a head arrives, its end is found once it is there, and where the laxest reader sees it. */
static void finds_the_end_of_a_head(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        size_t end;
    } cases[] = {{"GET / HTTP/1.1\r\nHost: a\r\n\r\nrest", 27},
                 {"a\r\n\r\n", 5},
                 {"a\n\nb", 3},
                 {"a\n\r\n", 4},
                 {"a\r\n\nb", 4},
                 {"a\r\nb\r\n", 0},
                 {"", 0},
                 {"\r\n", 0},
                 {"a\r\n\r", 0}};
    for (size_t i = 0; i < CAIRN_ARRAY_LEN(cases); i++) {
        struct cairn_span bytes = cairn_span_str(cases[i].text);
        for (size_t seen = 0; seen <= bytes.len && (cases[i].end == 0 || seen < cases[i].end); seen++) {
            assert_int_equal(cairn_http_head_end(cairn_span(bytes.p, seen), 0), 0);
            assert_int_equal(cairn_http_head_end(bytes, seen), cases[i].end);
        }
    }
}

static void decodes_query_parameters(void **state)
{
    (void)state;
    char out[8];
    bool there = false;
    struct cairn_err err = {0};
    struct parsed p =
        accepted("GET /a?limit=10&aud=%41%2fb&flag&twice=1&twice=2&long=12345678&seven=1234567 HTTP/1.1\r\nHost: a\r\n\r\n");
    assert_int_equal(cairn_http_query(&p.head, "aud", out, sizeof(out), &there, &err), CAIRN_OK);
    assert_true(there);
    assert_string_equal(out, "A/b");
    assert_int_equal(cairn_http_query(&p.head, "flag", out, sizeof(out), &there, &err), CAIRN_OK);
    assert_true(there);
    assert_string_equal(out, "");
    assert_int_equal(cairn_http_query(&p.head, "lim", out, sizeof(out), &there, &err), CAIRN_OK);
    assert_false(there);
    assert_int_equal(cairn_http_query(&p.head, "seven", out, sizeof(out), &there, &err), CAIRN_OK);
    assert_string_equal(out, "1234567");
    assert_int_equal(cairn_http_query(&p.head, "twice", out, sizeof(out), &there, &err), CAIRN_E_FORMAT);
    assert_string_equal(err.code, "http.query");
    err = (struct cairn_err){0};
    assert_int_equal(cairn_http_query(&p.head, "long", out, sizeof(out), &there, &err), CAIRN_E_FORMAT);
    assert_string_equal(err.code, "http.query");
    free(p.bytes);
}

/* The parser's tables are bits; here they are the texts of RFC 9110 and of docs/protocol.md, every byte tried. */
static void its_tables_are_those_of_the_specification(void **state)
{
    (void)state;
    static const char alnum[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
    static const struct {
        const char *before, *after, *more;
    } places[] = {{"GET / HTTP/1.1\r\nHost: a\r\nX", ": b\r\n\r\n", "!#$%&'*+-.^_`|~:"},
                  {"GET /x", "y HTTP/1.1\r\nHost: a\r\n\r\n", "/._~-?"},
                  {"GET /?x", "y HTTP/1.1\r\nHost: a\r\n\r\n", "._~-&="},
                  {"GET / HTTP/1.1\r\nHost: x", "y\r\n\r\n", "._-:[]"}};
    for (size_t i = 0; i < CAIRN_ARRAY_LEN(places); i++) {
        for (int c = 0; c < 256; c++) {
            char text[128];
            int n = snprintf(text, sizeof(text), "%s%c%s", places[i].before, c, places[i].after);
            struct parsed p = parse(text, (size_t)n);
            bool wanted = c != 0 && (strchr(alnum, c) != NULL || strchr(places[i].more, c) != NULL);
            assert_int_equal(p.rc == CAIRN_OK, wanted);
            free(p.bytes);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_a_plain_request),
        cmocka_unit_test(refuses_other_request_lines),
        cmocka_unit_test(refuses_targets_that_two_readers_may_read_differently),
        cmocka_unit_test(refuses_a_target_over_its_limit),
        cmocka_unit_test(refuses_malformed_fields),
        cmocka_unit_test(refuses_more_fields_than_it_keeps),
        cmocka_unit_test(refuses_a_second_field_of_those_that_decide),
        cmocka_unit_test(refuses_framing_that_is_not_one_plain_length),
        cmocka_unit_test(demands_a_host_and_a_known_expectation),
        cmocka_unit_test(refuses_a_head_over_its_limit),
        cmocka_unit_test(refuses_every_truncation),
        cmocka_unit_test(finds_the_end_of_a_head),
        cmocka_unit_test(decodes_query_parameters),
        cmocka_unit_test(its_tables_are_those_of_the_specification),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
