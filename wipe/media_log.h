/* wipe/media_log.h -- what was done to each medium, told by the software that did it.
 *
 * The log is written before Clear and its digest is in wipe-start, so it cannot be changed after; that it is true is vouched
 * for by each entry's evidence class and by nothing else (CHECKS 64).
 *
 * Pure. Source: DESIGN 10; docs/formats.md "media-log".
 */
#ifndef CAIRN_WIPE_MEDIA_LOG_H
#define CAIRN_WIPE_MEDIA_LOG_H

#include "wipe/terms.h"

enum { CAIRN_MEDIA_LOG_MAX_LEN = 256 << 10, CAIRN_MEDIA_CODE_MAX = 48 };

struct cairn_media_entry {
    struct cairn_medium medium;
    enum cairn_result result;
    char code[CAIRN_MEDIA_CODE_MAX]; /* why it failed; empty when erased */
    char cipher[CAIRN_TERM_MAX];     /* what protected the data, "aes-xts-plain64 512"; empty: not known */
    uint32_t keyslots, tokens;       /* destroyed */
    uint64_t bytes_wiped;
    uint8_t read_back[32]; /* SHA-256 of what the medium gave back afterwards; zero: not read */
    uint64_t started_s, ended_s;
};
struct cairn_media_log {
    uint8_t fleet[32], device[32], challenge[32];
    uint8_t order[32], plan[32]; /* SHA-256 */
    char tool[CAIRN_TERM_MAX];   /* "cairn 0.1.0" */
    size_t num;
    struct cairn_media_entry *entries; /* owned, at most CAIRN_WIPE_MAX_MEDIA */
};
void cairn_media_log_clear(struct cairn_media_log *log);
#define CAIRN_MEDIA_LOG CAIRN_CLEANUP(cairn_media_log_clear) struct cairn_media_log

/* cairn_media_log_add appends a copy of `entry`. CAIRN_E_IO "memory"; CAIRN_E_USAGE "wipe.targets" (too many). */
CAIRN_RC cairn_media_log_add(struct cairn_media_log *log, const struct cairn_media_entry *entry, struct cairn_err *err);
CAIRN_RC cairn_media_log_write(const struct cairn_media_log *log, struct cairn_buf *out, struct cairn_err *err);
/* CAIRN_E_FORMAT json.*: also an entry whose result and code disagree, or that ended before it started. */
CAIRN_RC cairn_media_log_read(struct cairn_span text, struct cairn_media_log *out, struct cairn_err *err);

#endif
