/* server/http_head.c -- see server/http_head.h. */
#include "server/http_head.h"

#include <string.h>
#include <strings.h>

/* Sets of ASCII characters, a bit each. tests/unit/server/test_http_head.c compares them with the texts. */
static const uint64_t TOKEN[2] = {0x03ff6cfa00000000u, 0x57ffffffc7fffffeu}; /* RFC 9110 5.6.2: A-Za-z0-9!#$%&'*+-.^_`|~ */
static const uint64_t PATH[2] = {0x03ffe00000000000u, 0x47fffffe87fffffeu};  /* A-Za-z0-9/._~- */
static const uint64_t QUERY[2] = {0x23ff604000000000u, 0x47fffffe87fffffeu}; /* A-Za-z0-9._~-&= */
static const uint64_t HOST[2] = {0x07ff600000000000u, 0x07fffffeaffffffeu};  /* A-Za-z0-9._-:[] */

/* A second one of these may be read otherwise by the next reader (RFC 9110 5.3); also Cairn-* and X-Original-*. */
static const char *const ONCE[] = {"Host", "Content-Length", "Content-Type", "Authorization", "DPoP", "Connection", "Expect"};

static bool in_set(const uint64_t set[2], uint8_t c)
{
    return c < 128 && (set[c >> 6] >> (c & 63) & 1) != 0;
}

static bool all_in_set(const uint64_t set[2], struct cairn_span text)
{
    for (size_t i = 0; i < text.len; i++) {
        if (!in_set(set, text.p[i])) {
            return false;
        }
    }
    return true;
}

static bool is_printable(struct cairn_span text)
{
    for (size_t i = 0; i < text.len; i++) {
        if (text.p[i] < ' ' || text.p[i] > '~') {
            return false;
        }
    }
    return true;
}

static bool same_name(struct cairn_span name, const char *want)
{
    return name.len == strlen(want) && strncasecmp((const char *)name.p, want, name.len) == 0;
}

static bool begins(struct cairn_span name, const char *prefix)
{
    return name.len >= strlen(prefix) && strncasecmp((const char *)name.p, prefix, strlen(prefix)) == 0;
}

/* take_until gives what stands before the next `stop` and consumes both; a reader without one fails. */
static struct cairn_span take_until(struct cairn_reader *r, uint8_t stop)
{
    const uint8_t *at = r->rest.len == 0 ? NULL : memchr(r->rest.p, stop, r->rest.len);
    if (at == NULL) {
        cairn_reader_fail(r);
        return (struct cairn_span){0};
    }
    struct cairn_span part = cairn_read_bytes(r, (size_t)(at - r->rest.p));
    (void)cairn_read_u8(r);
    return part;
}

/* take_line gives a line without its CR LF; a bare LF or CR fails. */
static struct cairn_span take_line(struct cairn_reader *r)
{
    struct cairn_span line = take_until(r, '\n');
    if (line.len == 0 || line.p[line.len - 1] != '\r' || memchr(line.p, '\r', line.len) != line.p + line.len - 1) {
        cairn_reader_fail(r);
        return (struct cairn_span){0};
    }
    return cairn_span(line.p, line.len - 1);
}

static bool is_dot_segment(struct cairn_span segment)
{
    return cairn_span_equal(segment, cairn_span_str(".")) || cairn_span_equal(segment, cairn_span_str(".."));
}

/* Segments: none is "." or "..", and only the last may be empty. */
static bool path_ok(struct cairn_span path)
{
    if (path.len == 0 || path.p[0] != '/' || !all_in_set(PATH, path)) {
        return false;
    }
    size_t start = 1;
    for (size_t i = 1; i <= path.len; i++) {
        if (i < path.len && path.p[i] != '/') {
            continue;
        }
        struct cairn_span segment = cairn_span(path.p + start, i - start);
        if (is_dot_segment(segment) || (segment.len == 0 && i < path.len)) {
            return false;
        }
        start = i + 1;
    }
    return true;
}

static int hex_digit(uint8_t c)
{
    if (c >= '0' && c <= '9') {
        return c - '0';
    }
    uint8_t lower = c | 0x20;
    return lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : -1;
}

/* decode_at gives the character at `*i` of a query and moves on; -1: not allowed there. */
static int decode_at(struct cairn_span query, size_t *i)
{
    uint8_t c = query.p[*i];
    *i += 1;
    if (c != '%') {
        return in_set(QUERY, c) ? c : -1;
    }
    if (query.len - *i < 2) {
        return -1;
    }
    int high = hex_digit(query.p[*i]);
    int low = hex_digit(query.p[*i + 1]);
    *i += 2;
    int value = high < 0 || low < 0 ? -1 : high << 4 | low;
    return value >= ' ' && value <= '~' ? value : -1;
}

static bool query_ok(struct cairn_span query)
{
    for (size_t i = 0; i < query.len;) {
        if (decode_at(query, &i) < 0) {
            return false;
        }
    }
    return true;
}

static enum cairn_rc read_target(struct cairn_span target, struct cairn_http_head *head, struct cairn_err *err)
{
    const uint8_t *mark = target.len == 0 ? NULL : memchr(target.p, '?', target.len);
    head->path = mark == NULL ? target : cairn_span(target.p, (size_t)(mark - target.p));
    if (mark != NULL) {
        head->query = cairn_span(mark + 1, target.len - head->path.len - 1);
    }
    if (target.len > CAIRN_HTTP_TARGET_MAX || !path_ok(head->path) || !query_ok(head->query)) {
        return CAIRN_FAIL(err, CAIRN_E_FORMAT, "http.target",
                          "the request target is not a plain absolute path with, at most, a plain query");
    }
    return CAIRN_OK;
}

static enum cairn_rc read_method(struct cairn_span name, struct cairn_http_head *head, struct cairn_err *err)
{
    static const struct {
        const char *name;
        enum cairn_http_method method;
    } METHODS[] = {{"GET", CAIRN_HTTP_GET}, {"HEAD", CAIRN_HTTP_HEAD_}, {"POST", CAIRN_HTTP_POST}};
    for (size_t i = 0; i < CAIRN_ARRAY_LEN(METHODS); i++) {
        if (cairn_span_equal(name, cairn_span_str(METHODS[i].name))) {
            head->method = METHODS[i].method;
            return CAIRN_OK;
        }
    }
    return CAIRN_FAIL(err, CAIRN_E_FORMAT, "http.method", "the method is none of GET, HEAD and POST");
}

static enum cairn_rc read_request_line(struct cairn_reader *r, struct cairn_http_head *head, struct cairn_err *err)
{
    struct cairn_reader line = cairn_reader(take_line(r));
    struct cairn_span method = take_until(&line, ' ');
    struct cairn_span target = take_until(&line, ' ');
    struct cairn_span version = line.rest;
    if (!cairn_reader_ok(r) || !cairn_reader_ok(&line) || method.len == 0 || !all_in_set(TOKEN, method) ||
        !begins(version, "HTTP/")) {
        return CAIRN_FAIL(err, CAIRN_E_FORMAT, "http.line", "the first line is not METHOD TARGET HTTP/1.1");
    }
    if (!cairn_span_equal(version, cairn_span_str("HTTP/1.1"))) {
        return CAIRN_FAIL(err, CAIRN_E_FORMAT, "http.version", "this server speaks HTTP/1.1 only");
    }
    CAIRN_TRY(read_method(method, head, err));
    return read_target(target, head, err);
}

static bool must_be_once(struct cairn_span name)
{
    for (size_t i = 0; i < CAIRN_ARRAY_LEN(ONCE); i++) {
        if (same_name(name, ONCE[i])) {
            return true;
        }
    }
    return begins(name, "Cairn-") || begins(name, "X-Original-");
}

static bool is_there(const struct cairn_http_head *head, struct cairn_span name)
{
    for (size_t i = 0; i < head->num_fields; i++) {
        struct cairn_span other = head->fields[i].name;
        if (other.len == name.len && strncasecmp((const char *)other.p, (const char *)name.p, name.len) == 0) {
            return true;
        }
    }
    return false;
}

static struct cairn_span trim(struct cairn_span text)
{
    while (text.len > 0 && text.p[0] == ' ') {
        text = cairn_span(text.p + 1, text.len - 1);
    }
    while (text.len > 0 && text.p[text.len - 1] == ' ') {
        text.len--;
    }
    return text;
}

static enum cairn_rc add_field(struct cairn_span line, bool whole, struct cairn_http_head *head, struct cairn_err *err)
{
    struct cairn_reader r = cairn_reader(line);
    struct cairn_span name = take_until(&r, ':');
    struct cairn_span value = trim(r.rest);
    if (!whole || !cairn_reader_ok(&r) || name.len == 0 || !all_in_set(TOKEN, name) || !is_printable(value)) {
        return CAIRN_FAIL(err, CAIRN_E_FORMAT, "http.field",
                          "a field is not NAME: VALUE in printable ASCII on one line that ends in CR LF");
    }
    if (head->num_fields == CAIRN_HTTP_MAX_FIELDS) {
        return CAIRN_FAIL(err, CAIRN_E_FORMAT, "http.fields", "more than %d fields", CAIRN_HTTP_MAX_FIELDS);
    }
    if (must_be_once(name) && is_there(head, name)) {
        return CAIRN_FAIL(err, CAIRN_E_FORMAT, "http.twice", "the field %.*s is there twice", (int)(name.len & 0xff), name.p);
    }
    head->fields[head->num_fields] = (struct cairn_http_field){name, value};
    head->num_fields++;
    return CAIRN_OK;
}

static enum cairn_rc read_fields(struct cairn_reader *r, struct cairn_http_head *head, struct cairn_err *err)
{
    for (;;) {
        struct cairn_span line = take_line(r);
        if (cairn_reader_ok(r) && line.len == 0) {
            break;
        }
        CAIRN_TRY(add_field(line, cairn_reader_ok(r), head, err));
    }
    if (!cairn_reader_done(r)) {
        return CAIRN_FAIL(err, CAIRN_E_FORMAT, "http.field", "bytes behind the empty line");
    }
    return CAIRN_OK;
}

/* One text per number: digits without a leading zero, far below what 64 bits hold. */
static bool read_number(struct cairn_span text, uint64_t *out)
{
    uint64_t value = 0;
    if (text.len == 0 || text.len > 15 || (text.p[0] == '0' && text.len > 1)) {
        return false;
    }
    for (size_t i = 0; i < text.len; i++) {
        if (text.p[i] < '0' || text.p[i] > '9') {
            return false;
        }
        value = value * 10 + (uint64_t)(text.p[i] - '0');
    }
    *out = value;
    return true;
}

static enum cairn_rc read_framing(struct cairn_http_head *head, struct cairn_err *err)
{
    struct cairn_span value;
    if (cairn_http_field(head, "Transfer-Encoding", &value)) {
        return CAIRN_FAIL(err, CAIRN_E_FORMAT, "http.transfer", "Transfer-Encoding is not taken: send Content-Length");
    }
    head->has_length = cairn_http_field(head, "Content-Length", &value);
    if (head->has_length ? !read_number(value, &head->length) : head->method == CAIRN_HTTP_POST) {
        return CAIRN_FAIL(err, CAIRN_E_FORMAT, "http.length", "a POST needs Content-Length, a plain decimal number");
    }
    return CAIRN_OK;
}

static bool lists_close(struct cairn_span value)
{
    struct cairn_reader r = cairn_reader(value);
    for (;;) {
        struct cairn_reader ahead = r;
        struct cairn_span option = take_until(&ahead, ',');
        if (!cairn_reader_ok(&ahead)) {
            return same_name(trim(r.rest), "close");
        }
        if (same_name(trim(option), "close")) {
            return true;
        }
        r = ahead;
    }
}

static enum cairn_rc read_meaning(struct cairn_http_head *head, struct cairn_err *err)
{
    struct cairn_span value;
    if (!cairn_http_field(head, "Host", &value) || value.len == 0 || !all_in_set(HOST, value)) {
        return CAIRN_FAIL(err, CAIRN_E_FORMAT, "http.host", "the field Host is missing or no host");
    }
    CAIRN_TRY(read_framing(head, err));
    head->close = cairn_http_field(head, "Connection", &value) && lists_close(value);
    head->expects_continue = cairn_http_field(head, "Expect", &value);
    if (head->expects_continue && !same_name(value, "100-continue")) {
        return CAIRN_FAIL(err, CAIRN_E_FORMAT, "http.expect", "the field Expect asks for something unknown");
    }
    return CAIRN_OK;
}

enum cairn_rc cairn_http_head_parse(struct cairn_span bytes, struct cairn_http_head *out, struct cairn_err *err)
{
    if (bytes.len > CAIRN_HTTP_HEAD_MAX) {
        return CAIRN_FAIL(err, CAIRN_E_FORMAT, "http.head", "a head of more than %d bytes", CAIRN_HTTP_HEAD_MAX);
    }
    struct cairn_reader r = cairn_reader(bytes);
    struct cairn_http_head head = {0};
    CAIRN_TRY(read_request_line(&r, &head, err));
    CAIRN_TRY(read_fields(&r, &head, err));
    CAIRN_TRY(read_meaning(&head, err));
    *out = head;
    return CAIRN_OK;
}

/* The end is looked for as the laxest reader would (a bare LF is one too), so that a sloppy head is refused at once and not
 * when its time is up. */
size_t cairn_http_head_end(struct cairn_span bytes, size_t from)
{
    size_t i = from > 2 ? from - 2 : 0;
    while (i < bytes.len) {
        const uint8_t *at = memchr(bytes.p + i, '\n', bytes.len - i);
        if (at == NULL) {
            return 0;
        }
        i = (size_t)(at - bytes.p) + 1;
        if (i < bytes.len && bytes.p[i] == '\n') {
            return i + 1;
        }
        if (i + 1 < bytes.len && bytes.p[i] == '\r' && bytes.p[i + 1] == '\n') {
            return i + 2;
        }
    }
    return 0;
}

bool cairn_http_field(const struct cairn_http_head *head, const char *name, struct cairn_span *value)
{
    for (size_t i = 0; i < head->num_fields; i++) {
        if (same_name(head->fields[i].name, name)) {
            *value = head->fields[i].value;
            return true;
        }
    }
    return false;
}

static enum cairn_rc bad_query(struct cairn_err *err, const char *name)
{
    return CAIRN_FAIL(err, CAIRN_E_FORMAT, "http.query", "the query parameter %s is there twice or too long", name);
}

static enum cairn_rc decode_value(struct cairn_span value, const char *name, char *out, size_t cap, struct cairn_err *err)
{
    size_t len = 0;
    for (size_t i = 0; i < value.len;) {
        int c = decode_at(value, &i);
        if (c < 0 || len + 1 >= cap) {
            return bad_query(err, name);
        }
        out[len] = (char)c;
        len++;
    }
    out[len] = '\0';
    return CAIRN_OK;
}

/* take_parameter gives the next NAME[=VALUE] of a query. */
static struct cairn_http_field take_parameter(struct cairn_reader *r)
{
    struct cairn_reader ahead = *r;
    struct cairn_span pair = take_until(&ahead, '&');
    if (!cairn_reader_ok(&ahead)) {
        pair = cairn_read_bytes(r, r->rest.len);
    } else {
        *r = ahead;
    }
    struct cairn_reader inside = cairn_reader(pair);
    struct cairn_span name = take_until(&inside, '=');
    return cairn_reader_ok(&inside) ? (struct cairn_http_field){name, inside.rest} : (struct cairn_http_field){pair, {0}};
}

enum cairn_rc cairn_http_query(const struct cairn_http_head *head, const char *name, char *out, size_t cap, bool *there,
                               struct cairn_err *err)
{
    struct cairn_reader r = cairn_reader(head->query);
    struct cairn_http_field found = {0};
    bool seen = false;
    while (r.rest.len > 0) {
        struct cairn_http_field parameter = take_parameter(&r);
        if (!cairn_span_equal(parameter.name, cairn_span_str(name))) {
            continue;
        }
        if (seen) {
            return bad_query(err, name);
        }
        found = parameter;
        seen = true;
    }
    if (seen) {
        CAIRN_TRY(decode_value(found.value, name, out, cap, err));
    }
    *there = seen;
    return CAIRN_OK;
}

bool cairn_http_path_is(const struct cairn_http_head *head, const char *path)
{
    return cairn_span_equal(head->path, cairn_span_str(path));
}
