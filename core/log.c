/* core/log.c -- see core/log.h. */
#include "core/log.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "core/clock.h"

static const char TRUNCATED[] = " truncated=\"true\"";

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

bool cairn_log_escape(struct cairn_span text, char *out, size_t cap)
{
    size_t len = 0;
    for (size_t i = 0; i < text.len; i++) {
        char escaped[4];
        size_t n = escape_byte(text.p[i], escaped);
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

/* add_field writes ` key="value"`; a value that does not fit is cut, and the writer fails from then on. */
static void add_field(struct cairn_writer *w, const char *key, const char *value)
{
    char escaped[CAIRN_LOG_LINE_MAX];
    size_t room = w->cap - w->len;
    size_t around = strlen(key) + 4; /* space, equals sign, two quotes */
    if (w->failed || room < around + 5) {
        w->failed = true;
        return;
    }
    bool whole = cairn_log_escape(cairn_span_str(value), escaped, room - around + 1);
    cairn_write_bytes(w, cairn_span_str(" "));
    cairn_write_bytes(w, cairn_span_str(key));
    cairn_write_bytes(w, cairn_span_str("=\""));
    cairn_write_bytes(w, cairn_span_str(escaped));
    cairn_write_bytes(w, cairn_span_str("\""));
    w->failed = w->failed || !whole;
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
    struct cairn_writer w = cairn_writer(line, sizeof(line) - sizeof(TRUNCATED) - 1);
    const char *const head[] = {"time=", now, " level=", level_name(level), " program=", log->program, " event=", event};
    for (size_t i = 0; i < CAIRN_ARRAY_LEN(head); i++) {
        cairn_write_bytes(&w, cairn_span_str(head[i]));
    }
    for (size_t i = 0; i < num_fields; i++) {
        if (fields[i].value != NULL) {
            add_field(&w, fields[i].key, fields[i].value);
        }
    }
    bool cut = w.failed;
    w.failed = false;
    w.cap = sizeof(line);
    cairn_write_bytes(&w, cairn_span_str(cut ? TRUNCATED : ""));
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
