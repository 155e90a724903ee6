/* server/store_enrolment.c -- enrolments under way, and the pending file that is taken once (CHECKS 3). */
#include "server/store_internal.h"

static const char GET[] = "SELECT device, token, refused, created_s, request, challenge, pending, answer, statement"
                          " FROM enrolment WHERE digest = $1";
static const char EXISTS[] = "SELECT created_s FROM enrolment WHERE digest = $1";
static const char WAITING[] = "SELECT COUNT(*) FROM enrolment WHERE token = $1 AND waiting = 1";
/* What was taken does not come back with a row that was read before it was taken. */
static const char PUT[] =
    "INSERT INTO enrolment (digest, device, token, refused, created_s, waiting, request, challenge, pending, answer, statement,"
    " taken) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, 0) ON CONFLICT (digest) DO UPDATE SET"
    " device = excluded.device, token = excluded.token, refused = excluded.refused, created_s = excluded.created_s,"
    " waiting = excluded.waiting, request = excluded.request, challenge = excluded.challenge,"
    " pending = CASE WHEN enrolment.taken = 1 THEN enrolment.pending ELSE excluded.pending END,"
    " answer = excluded.answer, statement = excluded.statement";
/* TAKE decides in one statement; WIPE removes the bytes after. */
static const char TAKE[] = "UPDATE enrolment SET taken = 1 WHERE digest = $1 AND taken = 0 AND length(pending) > 0"
                           " RETURNING pending";
static const char WIPE[] = "UPDATE enrolment SET pending = $2 WHERE digest = $1";
/* A fresh challenge has a try of its own. */
static const char REARM[] = "UPDATE enrolment SET pending = $2, taken = 0 WHERE digest = $1";
static const char EXPIRE[] = "DELETE FROM enrolment WHERE waiting = 1 AND created_s < $1";

void cairn_enrolment_row_clear(struct cairn_enrolment_row *row)
{
    cairn_buf_clear(&row->request);
    cairn_buf_clear(&row->challenge);
    cairn_buf_clear(&row->pending);
    cairn_buf_clear(&row->answer);
    cairn_buf_clear(&row->statement);
    *row = (struct cairn_enrolment_row){0};
}

enum cairn_rc cairn_store_enrolment_get(struct cairn_store *s, const uint8_t digest[32], struct cairn_enrolment_row *out,
                                        bool *found, struct cairn_err *err)
{
    CAIRN_CLEANUP(cairn_enrolment_row_clear) struct cairn_enrolment_row row = {0};
    CAIRN_QUERY q = cairn_query(s, GET, err);
    cairn_bind_bytes(&q, cairn_span(digest, 32));
    CAIRN_TRY(cairn_query_row(&q, found));
    if (!*found) {
        return CAIRN_OK;
    }
    cairn_copy(row.digest, digest, 32);
    cairn_column_array(&q, row.device, sizeof(row.device));
    cairn_column_text(&q, row.token, sizeof(row.token));
    cairn_column_text(&q, row.refused, sizeof(row.refused));
    row.created_s = cairn_column_uint(&q, UINT64_MAX);
    cairn_column_buf(&q, &row.request);
    cairn_column_buf(&q, &row.challenge);
    cairn_column_buf(&q, &row.pending);
    cairn_column_buf(&q, &row.answer);
    cairn_column_buf(&q, &row.statement);
    CAIRN_TRY(cairn_query_read(&q));
    cairn_enrolment_row_clear(out);
    *out = row;
    row = (struct cairn_enrolment_row){0};
    return CAIRN_OK;
}

static enum cairn_rc exists(struct cairn_store *s, const uint8_t digest[32], bool *answer, struct cairn_err *err)
{
    CAIRN_QUERY q = cairn_query(s, EXISTS, err);
    cairn_bind_bytes(&q, cairn_span(digest, 32));
    return cairn_query_row(&q, answer);
}

/* check_open counts what waits under this token: a stolen one fills no disk (CHECKS 52). */
static enum cairn_rc check_open(struct cairn_store *s, const char *token, unsigned max_open, struct cairn_err *err)
{
    CAIRN_QUERY q = cairn_query(s, WAITING, err);
    bool row = false;
    cairn_bind_text(&q, token);
    CAIRN_TRY(cairn_query_row(&q, &row));
    uint64_t open = cairn_column_uint(&q, INT64_MAX);
    CAIRN_TRY(cairn_query_read(&q));
    if (open >= max_open) {
        enum cairn_rc rc = CAIRN_FAIL(err, CAIRN_E_BUSY, "server.rate",
                                      "too many enrolments wait under this token: answer or refuse some of them");
        if (err != NULL) {
            err->retry_after_s = 60;
        }
        return rc;
    }
    return CAIRN_OK;
}

static enum cairn_rc put(struct cairn_store *s, const struct cairn_enrolment_row *row, struct cairn_err *err)
{
    CAIRN_QUERY q = cairn_query(s, PUT, err);
    cairn_bind_bytes(&q, CAIRN_SPAN(row->digest));
    cairn_bind_bytes(&q, CAIRN_SPAN(row->device));
    cairn_bind_text(&q, row->token);
    cairn_bind_text(&q, row->refused);
    cairn_bind_uint(&q, row->created_s);
    cairn_bind_uint(&q, row->statement.len == 0 && row->refused[0] == '\0');
    cairn_bind_bytes(&q, cairn_buf_span(&row->request));
    cairn_bind_bytes(&q, cairn_buf_span(&row->challenge));
    cairn_bind_bytes(&q, cairn_buf_span(&row->pending));
    cairn_bind_bytes(&q, cairn_buf_span(&row->answer));
    cairn_bind_bytes(&q, cairn_buf_span(&row->statement));
    return cairn_query_run(&q);
}

enum cairn_rc cairn_store_enrolment_put(struct cairn_store *s, const struct cairn_enrolment_row *row, unsigned max_open,
                                        struct cairn_err *err)
{
    bool known = false;
    CAIRN_TRY(exists(s, row->digest, &known, err));
    if (!known) {
        CAIRN_TRY(check_open(s, row->token, max_open, err));
    }
    return put(s, row, err);
}

static enum cairn_rc take(struct cairn_store *s, const uint8_t digest[32], struct cairn_buf *out, bool *found,
                          struct cairn_err *err)
{
    CAIRN_QUERY q = cairn_query(s, TAKE, err);
    cairn_bind_bytes(&q, cairn_span(digest, 32));
    CAIRN_TRY(cairn_query_row(&q, found));
    if (*found) {
        cairn_column_buf(&q, out);
    }
    return cairn_query_read(&q);
}

enum cairn_rc cairn_store_enrolment_pending_take(struct cairn_store *s, const uint8_t digest[32], struct cairn_buf *out,
                                                 bool *found, struct cairn_err *err)
{
    CAIRN_TRY(take(s, digest, out, found, err));
    if (!*found) {
        return CAIRN_OK;
    }
    CAIRN_QUERY q = cairn_query(s, WIPE, err);
    cairn_bind_bytes(&q, cairn_span(digest, 32));
    cairn_bind_bytes(&q, (struct cairn_span){0});
    return cairn_query_run(&q);
}

enum cairn_rc cairn_store_enrolment_rearm(struct cairn_store *s, const uint8_t digest[32], struct cairn_span pending,
                                          struct cairn_err *err)
{
    CAIRN_QUERY q = cairn_query(s, REARM, err);
    cairn_bind_bytes(&q, cairn_span(digest, 32));
    cairn_bind_bytes(&q, pending);
    return cairn_query_run(&q);
}

enum cairn_rc cairn_store_enrolment_expire(struct cairn_store *s, uint64_t before_s, struct cairn_err *err)
{
    CAIRN_QUERY q = cairn_query(s, EXPIRE, err);
    cairn_bind_uint(&q, before_s);
    return cairn_query_run(&q);
}
