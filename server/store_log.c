/* server/store_log.c -- bytes by their SHA-256: boot logs (shared between devices, the oldest go), the archive (for ever), and
 * the server's own secrets.
 */
#include "server/store_internal.h"

#include "core/crypto_keys.h"

#include <string.h>

enum { LOGS_PER_DEVICE = 64, LOG_BYTES_PER_DEVICE = 256 * 1024 * 1024 };

static const char LOG_GET[] = "SELECT bytes FROM log WHERE sha256 = $1";
static const char LOG_PUT[] = "INSERT INTO log (sha256, bytes) VALUES ($1, $2) ON CONFLICT (sha256) DO NOTHING";
static const char USE_NEXT[] = "SELECT COALESCE(MAX(seq), 0) + 1 FROM log_use WHERE device = $1";
static const char USE_PUT[] = "INSERT INTO log_use (device, sha256, seq, len, at_s) VALUES ($1, $2, $3, $4, $5)"
                              " ON CONFLICT (device, sha256) DO UPDATE SET seq = excluded.seq, at_s = excluded.at_s";
static const char USE_SUM[] = "SELECT COUNT(*), CAST(COALESCE(SUM(len), 0) AS BIGINT) FROM log_use WHERE device = $1";
static const char USE_OLDEST[] = "DELETE FROM log_use WHERE device = $1 AND seq ="
                                 " (SELECT MIN(seq) FROM log_use WHERE device = $1) RETURNING sha256";
static const char LOG_DROP[] = "DELETE FROM log WHERE sha256 = $1"
                               " AND NOT EXISTS (SELECT 1 FROM log_use WHERE log_use.sha256 = $1)";
static const char ARCHIVE_NEXT[] = "SELECT COALESCE(MAX(seq), 0) + 1 FROM archive";
static const char ARCHIVE_PUT[] = "INSERT INTO archive (seq, device, kind, sha256, note, at_s, file)"
                                  " VALUES ($1, $2, $3, $4, $5, $6, $7)"
                                  " ON CONFLICT (device, kind, sha256) DO NOTHING RETURNING seq";
static const char ARCHIVE_LAST[] = "SELECT file FROM archive WHERE device = $1 AND kind = $2 ORDER BY seq DESC LIMIT 1";
static const char ARCHIVE_NOTED[] =
    "SELECT file FROM archive WHERE device = $1 AND kind = $2 AND note = $3 ORDER BY seq DESC LIMIT 1";
static const char MARK_RECEIPT[] = "UPDATE device SET has_receipt = 1 WHERE device = $1";
static const char MARK_KILL[] = "UPDATE device SET has_kill = 1 WHERE device = $1";
static const char MARK_CERTIFICATE[] = "UPDATE device SET has_certificate = 1, grade = $2 WHERE device = $1";
static const char SECRET_PUT[] = "INSERT INTO secret (name, value) VALUES ($1, $2) ON CONFLICT (name) DO NOTHING";
static const char SECRET_GET[] = "SELECT value FROM secret WHERE name = $1";

enum cairn_rc cairn_store_log_get(struct cairn_store *s, const uint8_t sha256[32], struct cairn_buf *out, bool *found,
                                  struct cairn_err *err)
{
    CAIRN_BUF bytes = {0};
    uint8_t digest[32];
    CAIRN_QUERY q = cairn_query(s, LOG_GET, err);
    cairn_bind_bytes(&q, cairn_span(sha256, 32));
    CAIRN_TRY(cairn_query_row(&q, found));
    if (!*found) {
        return CAIRN_OK;
    }
    cairn_column_buf(&q, &bytes);
    CAIRN_TRY(cairn_query_read(&q));
    CAIRN_TRY(cairn_sha256(cairn_buf_span(&bytes), digest, err));
    if (!cairn_span_equal(CAIRN_SPAN(digest), cairn_span(sha256, 32))) {
        return cairn_store_corrupt("a log", err);
    }
    return cairn_buf_set(out, cairn_buf_span(&bytes), err);
}

static enum cairn_rc put_bytes(struct cairn_store *s, const uint8_t sha256[32], struct cairn_span bytes, struct cairn_err *err)
{
    CAIRN_QUERY q = cairn_query(s, LOG_PUT, err);
    cairn_bind_bytes(&q, cairn_span(sha256, 32));
    cairn_bind_bytes(&q, bytes);
    return cairn_query_run(&q);
}

/* Order is by sequence and not by time: the server's clock may jump. */
static enum cairn_rc next_use(struct cairn_store *s, const uint8_t device[32], uint64_t *seq, struct cairn_err *err)
{
    CAIRN_QUERY q = cairn_query(s, USE_NEXT, err);
    bool row = false;
    cairn_bind_bytes(&q, cairn_span(device, 32));
    CAIRN_TRY(cairn_query_row(&q, &row));
    *seq = cairn_column_uint(&q, INT64_MAX);
    return cairn_query_read(&q);
}

static enum cairn_rc put_use(struct cairn_store *s, const uint8_t device[32], const uint8_t sha256[32], uint64_t len,
                             uint64_t now_s, struct cairn_err *err)
{
    uint64_t seq = 0;
    CAIRN_TRY(next_use(s, device, &seq, err));
    CAIRN_QUERY q = cairn_query(s, USE_PUT, err);
    cairn_bind_bytes(&q, cairn_span(device, 32));
    cairn_bind_bytes(&q, cairn_span(sha256, 32));
    cairn_bind_uint(&q, seq);
    cairn_bind_uint(&q, len);
    cairn_bind_uint(&q, now_s);
    return cairn_query_run(&q);
}

static enum cairn_rc too_many(struct cairn_store *s, const uint8_t device[32], bool *answer, struct cairn_err *err)
{
    CAIRN_QUERY q = cairn_query(s, USE_SUM, err);
    bool row = false;
    cairn_bind_bytes(&q, cairn_span(device, 32));
    CAIRN_TRY(cairn_query_row(&q, &row));
    uint64_t num = cairn_column_uint(&q, INT64_MAX);
    uint64_t bytes = cairn_column_uint(&q, INT64_MAX);
    *answer = num > LOGS_PER_DEVICE || bytes > LOG_BYTES_PER_DEVICE;
    return cairn_query_read(&q);
}

static enum cairn_rc oldest_use(struct cairn_store *s, const uint8_t device[32], uint8_t sha256[32], struct cairn_err *err)
{
    CAIRN_QUERY q = cairn_query(s, USE_OLDEST, err);
    bool row = false;
    cairn_bind_bytes(&q, cairn_span(device, 32));
    CAIRN_TRY(cairn_query_row(&q, &row));
    cairn_column_array(&q, sha256, 32);
    return cairn_query_read(&q);
}

/* drop_oldest: the bytes go when no other device uses them. */
static enum cairn_rc drop_oldest(struct cairn_store *s, const uint8_t device[32], struct cairn_err *err)
{
    uint8_t sha256[32] = {0};
    CAIRN_TRY(oldest_use(s, device, sha256, err));
    CAIRN_QUERY q = cairn_query(s, LOG_DROP, err);
    cairn_bind_bytes(&q, CAIRN_SPAN(sha256));
    return cairn_query_run(&q);
}

enum cairn_rc cairn_store_log_put(struct cairn_store *s, const uint8_t device[32], const uint8_t sha256[32],
                                  struct cairn_span bytes, uint64_t now_s, struct cairn_err *err)
{
    if (bytes.len > LOG_BYTES_PER_DEVICE) {
        return CAIRN_FAIL(err, CAIRN_E_USAGE, "store.large", "a log of more than 256 MiB is not kept");
    }
    CAIRN_TRY(put_bytes(s, sha256, bytes, err));
    CAIRN_TRY(put_use(s, device, sha256, bytes.len, now_s, err));
    bool full = false;
    CAIRN_TRY(too_many(s, device, &full, err));
    while (full) {
        CAIRN_TRY(drop_oldest(s, device, err));
        CAIRN_TRY(too_many(s, device, &full, err));
    }
    return CAIRN_OK;
}

static enum cairn_rc next_archive(struct cairn_store *s, uint64_t *seq, struct cairn_err *err)
{
    CAIRN_QUERY q = cairn_query(s, ARCHIVE_NEXT, err);
    bool row = false;
    CAIRN_TRY(cairn_query_row(&q, &row));
    *seq = cairn_column_uint(&q, INT64_MAX);
    return cairn_query_read(&q);
}

/* grade_of takes the letter of "grade A"; "" for any other note. */
static void grade_of(const char *note, char grade[2])
{
    static const char prefix[] = "grade ";
    bool has = strncmp(note, prefix, sizeof(prefix) - 1) == 0;
    grade[0] = has ? note[sizeof(prefix) - 1] : '\0';
    grade[1] = '\0';
}

/* mark notes in the device's row what is in the archive for its present enrolment. */
static enum cairn_rc mark(struct cairn_store *s, const uint8_t device[32], enum cairn_archive kind, const char *note,
                          struct cairn_err *err)
{
    static const char *const marks[] = {NULL, MARK_RECEIPT, MARK_KILL, MARK_CERTIFICATE, NULL};
    char grade[2];
    if (marks[kind] == NULL) {
        return CAIRN_OK;
    }
    CAIRN_QUERY q = cairn_query(s, marks[kind], err);
    cairn_bind_bytes(&q, cairn_span(device, 32));
    if (kind == CAIRN_ARCHIVE_CERTIFICATE) {
        grade_of(note, grade);
        cairn_bind_text(&q, grade);
    }
    return cairn_query_run(&q);
}

static enum cairn_rc put_archive(struct cairn_store *s, const uint8_t device[32], enum cairn_archive kind,
                                 struct cairn_span file, const char *note, uint64_t now_s, bool *written, struct cairn_err *err)
{
    uint64_t seq = 0;
    uint8_t digest[32];
    CAIRN_TRY(next_archive(s, &seq, err));
    CAIRN_TRY(cairn_sha256(file, digest, err));
    CAIRN_QUERY q = cairn_query(s, ARCHIVE_PUT, err);
    cairn_bind_uint(&q, seq);
    cairn_bind_bytes(&q, cairn_span(device, 32));
    cairn_bind_uint(&q, kind);
    cairn_bind_bytes(&q, CAIRN_SPAN(digest));
    cairn_bind_text(&q, note);
    cairn_bind_uint(&q, now_s);
    cairn_bind_bytes(&q, file);
    return cairn_query_row(&q, written);
}

enum cairn_rc cairn_store_archive_put(struct cairn_store *s, const uint8_t device[32], enum cairn_archive kind,
                                      struct cairn_span file, const char *note, uint64_t now_s, struct cairn_err *err)
{
    bool written = false;
    CAIRN_TRY(put_archive(s, device, kind, file, note, now_s, &written, err));
    return written ? mark(s, device, kind, note, err) : CAIRN_OK;
}

enum cairn_rc cairn_store_archive_last(struct cairn_store *s, const uint8_t device[32], enum cairn_archive kind,
                                       struct cairn_buf *out, bool *found, struct cairn_err *err)
{
    CAIRN_QUERY q = cairn_query(s, ARCHIVE_LAST, err);
    cairn_bind_bytes(&q, cairn_span(device, 32));
    cairn_bind_uint(&q, kind);
    CAIRN_TRY(cairn_query_row(&q, found));
    if (*found) {
        cairn_column_buf(&q, out);
    }
    return cairn_query_read(&q);
}

enum cairn_rc cairn_store_archive_noted(struct cairn_store *s, const uint8_t device[32], enum cairn_archive kind,
                                        const char *note, struct cairn_buf *out, bool *found, struct cairn_err *err)
{
    CAIRN_QUERY q = cairn_query(s, ARCHIVE_NOTED, err);
    cairn_bind_bytes(&q, cairn_span(device, 32));
    cairn_bind_uint(&q, kind);
    cairn_bind_text(&q, note);
    CAIRN_TRY(cairn_query_row(&q, found));
    if (*found) {
        cairn_column_buf(&q, out);
    }
    return cairn_query_read(&q);
}

static enum cairn_rc propose_secret(struct cairn_store *s, const char *name, struct cairn_span value, struct cairn_err *err)
{
    CAIRN_QUERY q = cairn_query(s, SECRET_PUT, err);
    cairn_bind_text(&q, name);
    cairn_bind_bytes(&q, value);
    return cairn_query_run(&q);
}

enum cairn_rc cairn_store_secret(struct cairn_store *s, const char *name, uint8_t *out, size_t len, struct cairn_err *err)
{
    CAIRN_BUF fresh = {0};
    bool row = false;
    CAIRN_TRY(cairn_buf_resize(&fresh, len, err));
    CAIRN_TRY(cairn_random(fresh.p, len, err));
    CAIRN_TRY(propose_secret(s, name, cairn_buf_span(&fresh), err));
    CAIRN_QUERY q = cairn_query(s, SECRET_GET, err);
    cairn_bind_text(&q, name);
    CAIRN_TRY(cairn_query_row(&q, &row));
    cairn_column_array(&q, fresh.p, len);
    CAIRN_TRY(cairn_query_read(&q));
    cairn_copy(out, fresh.p, len);
    return CAIRN_OK;
}
