/* core/log.c -- see core/log.h. */
#include "core/log.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "core/clock.h"

static const char TRUNCATED[] = " truncated=\"true\"";
static const char TRUNCATED_JSON[] = ",\"truncated\":\"true\"}";

struct cairn_log cairn_log(const char *program, enum cairn_log_level level)
{
    return (struct cairn_log){.program = program, .level = level, .fd = STDERR_FILENO};
}

static const char *level_name(enum cairn_log_level level)
{
    switch (level) {
    case CAIRN_LOG_ERROR:
        return "error";
    case CAIRN_LOG_WARNING:
        return "warning";
    case CAIRN_LOG_INFO:
        return "info";
    case CAIRN_LOG_DEBUG:
        return "debug";
    }
    return "error";
}

/* escape_byte gives the 1, 2 or 4 characters of one byte. */
static size_t escape_byte(uint8_t c, char out[4])
{
    static const char hex[] = "0123456789abcdef";
    if (c == '"' || c == '\\') {
        out[0] = '\\';
        out[1] = (char)c;
        return 2;
    }
    if (c >= 0x20 && c < 0x7f) {
        out[0] = (char)c;
        return 1;
    }
    out[0] = '\\';
    out[1] = 'x';
    out[2] = hex[c >> 4];
    out[3] = hex[c & 15];
    return 4;
}

/* escape_json gives the 1, 2 or 6 characters of one byte: any bytes at all become one JSON string of printable ASCII.
 * Source: RFC 8259 section 7. */
static size_t escape_json(uint8_t c, char out[6])
{
    char escaped[4];
    size_t n = escape_byte(c, escaped);
    if (n < 4) {
        memcpy(out, escaped, n);
        return n;
    }
    memcpy(out, "\\u00", 4);
    memcpy(out + 4, escaped + 2, 2);
    return 6;
}

static bool escape(struct cairn_span text, bool json, char *out, size_t cap)
{
    size_t len = 0;
    for (size_t i = 0; i < text.len; i++) {
        char escaped[6];
        size_t n = json ? escape_json(text.p[i], escaped) : escape_byte(text.p[i], escaped);
        if (n >= cap - len) {
            out[len] = '\0';
            return false;
        }
        memcpy(out + len, escaped, n);
        len += n;
    }
    out[len] = '\0';
    return true;
}

bool cairn_log_escape(struct cairn_span text, char *out, size_t cap)
{
    return escape(text, false, out, cap);
}

/* add_field writes ` key="value"` or `,"key":"value"`; a value that does not fit is cut, and the writer fails from then on. */
static void add_field(struct cairn_writer *w, bool json, const char *key, const char *value)
{
    char escaped[CAIRN_LOG_LINE_MAX];
    size_t room = w->cap - w->len;
    size_t around = strlen(key) + (json ? 6 : 4); /* what is not key and value */
    if (w->failed || room < around + 7) {
        w->failed = true;
        return;
    }
    bool whole = escape(cairn_span_str(value), json, escaped, room - around + 1);
    const char *const parts[] = {json ? ",\"" : " ", key, json ? "\":\"" : "=\"", escaped, "\""};
    for (size_t i = 0; i < CAIRN_ARRAY_LEN(parts); i++) {
        cairn_write_bytes(w, cairn_span_str(parts[i]));
    }
    w->failed = w->failed || !whole;
}

/* add_head writes what every line begins with; `words` are the program's own, so they need no escape in the plain form. */
static void add_head(struct cairn_writer *w, bool json, const char *const words[4])
{
    static const char *const keys[] = {"time", "level", "program", "event"};
    for (size_t i = 0; i < CAIRN_ARRAY_LEN(keys); i++) {
        const char *const parts[] = {json ? (i == 0 ? "{\"" : ",\"") : (i == 0 ? "" : " "), keys[i], json ? "\":\"" : "=",
                                     words[i], json ? "\"" : ""};
        for (size_t k = 0; k < CAIRN_ARRAY_LEN(parts); k++) {
            cairn_write_bytes(w, cairn_span_str(parts[k]));
        }
    }
}

void cairn_log_event(const struct cairn_log *log, enum cairn_log_level level, const char *event,
                     const struct cairn_log_field *fields, size_t num_fields)
{
    if (level > log->level) {
        return;
    }
    char line[CAIRN_LOG_LINE_MAX];
    char now[21];
    time_t t = time(NULL); /* the clock as it stands: a log says when, it does not judge */
    cairn_clock_format(t > 0 ? (uint64_t)t : 0, now);
    const char *const words[] = {now, level_name(level), log->program, event};
    struct cairn_writer w = cairn_writer(line, sizeof(line) - sizeof(TRUNCATED_JSON) - 1); /* the longer of the two */
    add_head(&w, log->json, words);
    for (size_t i = 0; i < num_fields; i++) {
        if (fields[i].value != NULL) {
            add_field(&w, log->json, fields[i].key, fields[i].value);
        }
    }
    bool cut = w.failed;
    w.failed = false;
    w.cap = sizeof(line);
    cairn_write_bytes(&w, cairn_span_str(log->json ? (cut ? TRUNCATED_JSON : "}") : (cut ? TRUNCATED : "")));
    cairn_write_bytes(&w, cairn_span_str("\n"));
    ssize_t n = write(log->fd, w.p, w.len);
    (void)n;
}

void cairn_log_error(const struct cairn_log *log, const char *event, const struct cairn_err *err)
{
    char cause[16];
    char place[160];
    (void)snprintf(cause, sizeof(cause), "0x%08" PRIx32, err->cause);
    (void)snprintf(place, sizeof(place), "%s:%d", err->file == NULL ? "" : err->file, err->line);
    const struct cairn_log_field fields[] = {{"code", err->code}, {"text", err->text}, {"cause", cause}, {"place", place}};
    cairn_log_event(log, CAIRN_LOG_ERROR, event, fields, CAIRN_ARRAY_LEN(fields));
}
