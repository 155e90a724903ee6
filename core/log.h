/* core/log.h -- one line per event on standard error. Only programs log; libraries return errors.
 *
 *     time=2026-11-22T12:00:00Z level=info program=cairnd event=report.sent device="ab\x0acd" bytes="712"
 *
 * or, with `json` set, the same as one JSON object a line (RFC 8259; a byte that is not printable ASCII is \u00HH, whatever it
 * was part of):
 *
 *     {"time":"2026-11-22T12:00:00Z","level":"info","program":"cairn-server","event":"http.malformed","peer":"192.0.2.1"}
 *
 * Values are always quoted and escaped (CHECKS 36): whatever a device, a log or a document says, one event stays one line and
 * no terminal is steered. Secrets are never given to this module. Thread-safe: a line is one write(2).
 */
#ifndef CAIRN_CORE_LOG_H
#define CAIRN_CORE_LOG_H

#include "core/wire.h"

enum cairn_log_level { CAIRN_LOG_ERROR, CAIRN_LOG_WARNING, CAIRN_LOG_INFO, CAIRN_LOG_DEBUG };
enum { CAIRN_LOG_LINE_MAX = 2048 };

/* struct cairn_log is a program's log: made by its main, passed down, never a global. `program` is borrowed. */
struct cairn_log {
    const char *program;
    enum cairn_log_level level; /* nothing below it is written */
    int fd;
    bool json; /* one JSON object a line instead of key=value */
};
struct cairn_log cairn_log(const char *program, enum cairn_log_level level); /* to standard error */

/* struct cairn_log_field: `key` is the program's own word ([a-z0-9._]), `value` anything; a NULL value is left out. */
struct cairn_log_field {
    const char *key;
    const char *value;
};

/* cairn_log_event writes one line. A line that would pass CAIRN_LOG_LINE_MAX is cut and ends in `truncated="true"`
 * (JSON: the same as a member). That
 * standard error cannot be written is nobody's failure. */
void cairn_log_event(const struct cairn_log *log, enum cairn_log_level level, const char *event,
                     const struct cairn_log_field *fields, size_t num_fields);
/* cairn_log_error writes an error object: fields code, text, cause, place. */
void cairn_log_error(const struct cairn_log *log, const char *event, const struct cairn_err *err);

/* cairn_log_escape writes `text` into `out` (cap >= 1, always NUL-terminated): printable ASCII as it is, except '"' and '\'
 * after a '\'; every other byte as \xHH. False: cut, at a whole escape. Also for what programs print from outside. */
bool cairn_log_escape(struct cairn_span text, char *out, size_t cap);

#endif
