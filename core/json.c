/* core/json.c -- see core/json.h. jansson parses; this file sets the limits before it does and the form after.
 *
 * jansson descends by recursion, so the depth is counted in the text first, without recursion.
 */
#include "core/json.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define UINT_MAX_EXACT ((UINT64_C(1) << 53) - 1)

/* struct scan is one look at a text whose syntax nobody has checked yet: nesting, numbers, and whether it is `plain`.
 *
 * A plain text that jansson then reads is canonical without being written again: every string in it is printable ASCII without
 * escapes, every number in its shortest form, every object's members ascend, and nothing else stands between. Most texts are.
 */
struct scan {
    struct cairn_span text;
    size_t at, depth;
    bool plain, real;
    struct cairn_span key[CAIRN_JSON_MAX_DEPTH + 2]; /* the last member's name, by depth */
};

static int peek(const struct scan *s)
{
    return s->at < s->text.len ? s->text.p[s->at] : -1;
}

static bool ascends(struct cairn_span before, struct cairn_span name)
{
    const size_t common = before.len < name.len ? before.len : name.len;
    const int order = common > 0 ? memcmp(before.p, name.p, common) : 0;
    return order != 0 ? order < 0 : before.len < name.len;
}

/* A string that a colon follows is a member's name. */
static void scan_string(struct scan *s)
{
    const size_t start = ++s->at;
    while (s->at < s->text.len && s->text.p[s->at] != '"') {
        const uint8_t c = s->text.p[s->at];
        s->plain = s->plain && c >= 0x20 && c < 0x7f && c != '\\';
        s->at += c == '\\' ? 2 : 1;
    }
    const size_t end = s->at < s->text.len ? s->at : s->text.len;
    s->at++;
    if (peek(s) == ':') {
        const struct cairn_span name = cairn_span(s->text.p + start, end - start);
        s->plain = s->plain && (s->key[s->depth].p == NULL || ascends(s->key[s->depth], name));
        s->key[s->depth] = name;
    }
}

static bool is_digit(int c)
{
    return c >= '0' && c <= '9';
}

static void scan_number(struct scan *s)
{
    const size_t start = s->at;
    const bool minus = peek(s) == '-';
    s->at += minus ? 1 : 0;
    const bool zero = peek(s) == '0';
    for (int c = peek(s); is_digit(c) || c == '+' || c == '-' || c == '.' || c == 'e' || c == 'E'; c = peek(s)) {
        s->real = s->real || c == '.' || c == 'e' || c == 'E';
        s->at++;
    }
    const size_t digits = s->at - start - (minus ? 1 : 0);
    s->plain = s->plain && digits > 0 && !(zero && (minus || digits > 1));
}

static void scan_mark(struct scan *s)
{
    const int c = peek(s);
    s->at++;
    if (c == '{' || c == '[') {
        s->depth++;
        if (s->depth <= CAIRN_JSON_MAX_DEPTH) {
            s->key[s->depth] = (struct cairn_span){NULL, 0};
        }
    } else if ((c == '}' || c == ']') && s->depth > 0) {
        s->depth--;
    } else if (c == ' ' || c == '\t' || c == '\n' || c == '\r') {
        s->plain = false;
    }
}

static enum cairn_rc scan(struct cairn_span text, const char *place, bool *plain, struct cairn_err *err)
{
    struct scan s = {.text = text, .plain = true};
    while (s.at < text.len) {
        const int c = peek(&s);
        if (c == '"') {
            scan_string(&s);
        } else if (c == '-' || is_digit(c)) {
            scan_number(&s);
        } else {
            scan_mark(&s);
        }
        if (s.depth > CAIRN_JSON_MAX_DEPTH) {
            return CAIRN_FAIL(err, CAIRN_E_FORMAT, "json.depth", "%s: nested deeper than %d levels", place,
                              CAIRN_JSON_MAX_DEPTH);
        }
        if (s.real) {
            return CAIRN_FAIL(err, CAIRN_E_FORMAT, "json.syntax", "%s: a number with a fraction or an exponent", place);
        }
    }
    *plain = s.plain;
    return CAIRN_OK;
}

/* match_text takes the next bytes of the canonical text off the front of the text that was read; -1: they differ. */
static int match_text(const char *bytes, size_t len, void *arg)
{
    struct cairn_reader *rest = arg;
    if (!cairn_span_equal(cairn_read_bytes(rest, len), cairn_span(bytes, len))) {
        cairn_reader_fail(rest);
    }
    return cairn_reader_ok(rest) ? 0 : -1;
}

/* Compared while it is written: a report's head need not be there twice. */
static enum cairn_rc check_canonical(const json_t *json, struct cairn_span text, const char *place, struct cairn_err *err)
{
    struct cairn_reader rest = cairn_reader(text);
    const bool written = json_dump_callback(json, match_text, &rest, JSON_SORT_KEYS | JSON_COMPACT) == 0;
    if (!written && cairn_reader_ok(&rest)) {
        return CAIRN_FAIL(err, CAIRN_E_IO, "json.memory", "%s: no memory", place);
    }
    if (!cairn_reader_done(&rest)) {
        return CAIRN_FAIL(err, CAIRN_E_FORMAT, "json.canonical",
                          "%s: not the canonical text (sorted members, no white space, nothing after the object)", place);
    }
    return CAIRN_OK;
}

enum cairn_rc cairn_json_parse(struct cairn_span text, size_t max_len, bool canonical, const char *place, json_t **out,
                               struct cairn_err *err)
{
    if (text.len > max_len) {
        return CAIRN_FAIL(err, CAIRN_E_FORMAT, "json.large", "%s: %zu bytes, %zu allowed", place, text.len, max_len);
    }
    bool plain = false;
    CAIRN_TRY(scan(text, place, &plain, err));
    json_error_t why = {0};
    CAIRN_JSON *json = json_loadb(text.len > 0 ? (const char *)text.p : "", text.len, JSON_REJECT_DUPLICATES, &why);
    if (json == NULL && json_error_code(&why) == json_error_out_of_memory) {
        return CAIRN_FAIL(err, CAIRN_E_IO, "json.memory", "%s: no memory", place);
    }
    if (json == NULL) {
        return CAIRN_FAIL(err, CAIRN_E_FORMAT, "json.syntax", "%s: line %d, column %d: not the JSON that is read here (%s)",
                          place, why.line, why.column, why.text);
    }
    if (!json_is_object(json)) {
        return CAIRN_FAIL(err, CAIRN_E_FORMAT, "json.syntax", "%s: not an object", place);
    }
    if (canonical && !plain) {
        CAIRN_TRY(check_canonical(json, text, place, err));
    }
    *out = json;
    json = NULL;
    return CAIRN_OK;
}

struct cairn_span cairn_json_trim_newline(struct cairn_span file)
{
    bool newline = file.len > 0 && file.p[file.len - 1] == '\n';
    return cairn_span(file.p, file.len - (newline ? 1 : 0));
}

static int append_text(const char *bytes, size_t len, void *arg)
{
    struct cairn_buf *buf = arg;
    return cairn_buf_append(buf, cairn_span(bytes, len), NULL) == CAIRN_OK ? 0 : -1;
}

enum cairn_rc cairn_json_write(const json_t *json, struct cairn_buf *out, struct cairn_err *err)
{
    CAIRN_BUF text = {0};
    if (json_dump_callback(json, append_text, &text, JSON_SORT_KEYS | JSON_COMPACT) != 0) {
        return CAIRN_FAIL(err, CAIRN_E_IO, "json.memory", "no memory to write a document");
    }
    return cairn_buf_append(out, cairn_buf_span(&text), err);
}

void cairn_json_freep(json_t **json)
{
    json_decref(*json);
    *json = NULL;
}

struct cairn_obj cairn_obj(const json_t *json, const char *place, struct cairn_err *err)
{
    struct cairn_obj o = {.json = json, .place = place, .rc = CAIRN_OK, .err = err};
    if (json == NULL && err != NULL && strcmp(err->code, "json.member") == 0) {
        o.rc = err->rc; /* the reader that gave NULL has said why: the first fault is kept */
    } else if (!json_is_object(json)) {
        o.rc = CAIRN_FAIL(err, CAIRN_E_FORMAT, "json.member", "%s: not an object", place);
    }
    return o;
}

bool cairn_obj_has(const struct cairn_obj *o, const char *key)
{
    return json_object_get(o->json, key) != NULL;
}

void cairn_obj_fail(struct cairn_obj *o, const char *key, const char *why)
{
    if (o->rc == CAIRN_OK) {
        o->rc = CAIRN_FAIL(o->err, CAIRN_E_FORMAT, "json.member", "%s: \"%s\": %s", o->place, key, why);
    }
}

/* member counts a member as read and gives it; NULL, with the fault kept, when it is absent or of another type. */
static const json_t *member(struct cairn_obj *o, const char *key, bool right_type(const json_t *), const char *wanted)
{
    if (o->rc != CAIRN_OK) {
        return NULL;
    }
    const json_t *value = json_object_get(o->json, key);
    if (value == NULL) {
        cairn_obj_fail(o, key, "missing");
        return NULL;
    }
    if (!right_type(value)) {
        cairn_obj_fail(o, key, wanted);
        return NULL;
    }
    o->num_read++;
    return value;
}

static bool is_string(const json_t *value)
{
    return json_is_string(value);
}

static bool is_integer(const json_t *value)
{
    return json_is_integer(value);
}

static bool is_boolean(const json_t *value)
{
    return json_is_boolean(value);
}

static bool is_object(const json_t *value)
{
    return json_is_object(value);
}

static bool is_array(const json_t *value)
{
    return json_is_array(value);
}

const char *cairn_obj_string(struct cairn_obj *o, const char *key, size_t max_len)
{
    const json_t *value = member(o, key, is_string, "not a string");
    if (value == NULL) {
        return "";
    }
    if (json_string_length(value) > max_len) {
        cairn_obj_fail(o, key, "too long");
        return "";
    }
    return json_string_value(value);
}

uint64_t cairn_obj_uint(struct cairn_obj *o, const char *key, uint64_t max)
{
    const json_t *value = member(o, key, is_integer, "not an integer");
    json_int_t n = value == NULL ? 0 : json_integer_value(value);
    if (n < 0 || (uint64_t)n > max || (uint64_t)n > UINT_MAX_EXACT) {
        cairn_obj_fail(o, key, "out of range");
        return 0;
    }
    return (uint64_t)n;
}

uint64_t cairn_obj_hex64(struct cairn_obj *o, const char *key)
{
    uint8_t bytes[8] = {0};
    cairn_obj_hex(o, key, bytes, sizeof(bytes));
    struct cairn_reader r = cairn_reader(CAIRN_SPAN(bytes));
    return cairn_read_u64(&r);
}

bool cairn_obj_bool(struct cairn_obj *o, const char *key)
{
    const json_t *value = member(o, key, is_boolean, "not true or false");
    return json_is_true(value); /* a macro that evaluates its argument twice */
}

void cairn_obj_hex(struct cairn_obj *o, const char *key, uint8_t *out, size_t len)
{
    const json_t *value = member(o, key, is_string, "not a string");
    if (value == NULL || !cairn_hex_decode(json_string_value(value), out, len)) {
        memset(out, 0, len);
        cairn_obj_fail(o, key, "not lower-case hex of the right length");
    }
}

void cairn_obj_base64(struct cairn_obj *o, const char *key, size_t max_len, struct cairn_buf *out)
{
    cairn_buf_clear(out);
    const json_t *value = member(o, key, is_string, "not a string");
    if (value == NULL) {
        return;
    }
    struct cairn_span text = cairn_span(json_string_value(value), json_string_length(value));
    struct cairn_err why = {0};
    if (cairn_base64_decode(text, max_len, out, &why) != CAIRN_OK) {
        cairn_obj_fail(o, key, why.text);
    }
}

const json_t *cairn_obj_object(struct cairn_obj *o, const char *key)
{
    return member(o, key, is_object, "not an object");
}

const json_t *cairn_obj_array(struct cairn_obj *o, const char *key, size_t max_num)
{
    const json_t *value = member(o, key, is_array, "not an array");
    if (value != NULL && json_array_size(value) > max_num) {
        cairn_obj_fail(o, key, "too many elements");
        return NULL;
    }
    return value;
}

void cairn_obj_const(struct cairn_obj *o, const char *key, const char *want)
{
    const json_t *value = member(o, key, is_string, "not a string");
    if (value == NULL || strcmp(json_string_value(value), want) != 0) {
        cairn_obj_fail(o, key, "not the value that is expected here");
    }
}

enum cairn_rc cairn_obj_done(struct cairn_obj *o)
{
    if (o->rc == CAIRN_OK && json_object_size(o->json) != o->num_read) {
        o->rc = CAIRN_FAIL(o->err, CAIRN_E_FORMAT, "json.member", "%s: a member that has no place here", o->place);
    }
    return o->rc;
}

enum cairn_rc cairn_json_set_take(json_t *object, const char *key, json_t *value, struct cairn_err *err)
{
    /* json_object_set_new refuses bad UTF-8 too, and drops `value` on every failure */
    if (value == NULL || json_object_set_new(object, key, value) != 0) {
        return CAIRN_FAIL(err, CAIRN_E_IO, "json.memory", "cannot set \"%.40s\": no memory, or text that is not UTF-8", key);
    }
    return CAIRN_OK;
}

enum cairn_rc cairn_json_set_string(json_t *object, const char *key, const char *value, struct cairn_err *err)
{
    return cairn_json_set_take(object, key, json_string(value), err);
}

enum cairn_rc cairn_json_set_uint(json_t *object, const char *key, uint64_t value, struct cairn_err *err)
{
    if (value > UINT_MAX_EXACT) {
        return CAIRN_FAIL(err, CAIRN_E_USAGE, "json.range", "\"%.40s\": a number above 2^53 - 1 is written as hex", key);
    }
    return cairn_json_set_take(object, key, json_integer((json_int_t)value), err);
}

enum cairn_rc cairn_json_set_hex64(json_t *object, const char *key, uint64_t value, struct cairn_err *err)
{
    char text[17];
    (void)snprintf(text, sizeof(text), "%016" PRIx64, value);
    return cairn_json_set_string(object, key, text, err);
}

enum cairn_rc cairn_json_set_bool(json_t *object, const char *key, bool value, struct cairn_err *err)
{
    return cairn_json_set_take(object, key, json_boolean(value), err);
}

enum cairn_rc cairn_json_set_hex(json_t *object, const char *key, struct cairn_span value, struct cairn_err *err)
{
    CAIRN_BUF text = {0};
    CAIRN_TRY(cairn_buf_resize(&text, 2 * value.len, err));
    cairn_hex_encode(value, (char *)text.p);
    return cairn_json_set_string(object, key, (const char *)text.p, err);
}

enum cairn_rc cairn_json_set_base64(json_t *object, const char *key, struct cairn_span value, struct cairn_err *err)
{
    CAIRN_BUF text = {0};
    CAIRN_TRY(cairn_base64_encode(value, &text, err));
    return cairn_json_set_string(object, key, (const char *)text.p, err);
}
