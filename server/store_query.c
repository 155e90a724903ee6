/* server/store_query.c -- prepared statements, sticky binding and reading, SQLite's codes as errors.
 *
 * Source: sqlite.org/c3ref/stmt.html, sqlite.org/rescode.html.
 */
#include "server/store_internal.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

struct meaning {
    int code;
    const char *name, *advice;
};
static const struct meaning MEANINGS[] = {
    {SQLITE_FULL, "store.full", "the disk is full: make room"},
    {SQLITE_BUSY, "store.busy", "another program holds the database"},
    {SQLITE_LOCKED, "store.busy", "another program holds the database"},
    {SQLITE_CORRUPT, "store.corrupt", "the database is damaged: restore it from a copy"},
    {SQLITE_NOTADB, "store.corrupt", "the database is damaged: restore it from a copy"},
    {SQLITE_CANTOPEN, "store.open", "the database cannot be opened: look at its path and directory"},
    {SQLITE_NOMEM, "memory", "no memory for the database"},
    {SQLITE_TOOBIG, "store.large", "a document is larger than the database takes"},
    {SQLITE_READONLY, "store.write", "the database cannot be written"},
};

enum cairn_rc cairn_store_fail(struct cairn_store *s, int code, struct cairn_err *err)
{
    int primary = code & 0xff;
    struct meaning meaning = {primary, "store.io", "the database cannot be read or written"};
    for (size_t i = 0; i < CAIRN_ARRAY_LEN(MEANINGS); i++) {
        if (MEANINGS[i].code == primary) {
            meaning = MEANINGS[i];
        }
    }
    s->trouble = primary;
    if (primary == SQLITE_READONLY && !s->writer) {
        return CAIRN_FAIL_CAUSE(err, CAIRN_E_USAGE, "store.readonly", code, "a reader's connection writes nothing");
    }
    return CAIRN_FAIL_CAUSE(err, CAIRN_E_IO, meaning.name, code, "%s (%s)", meaning.advice, sqlite3_errmsg(s->db));
}

enum cairn_rc cairn_store_corrupt(const char *what, struct cairn_err *err)
{
    return CAIRN_FAIL(err, CAIRN_E_IO, "store.corrupt", "%.200s: not as it was written: restore the database from a copy",
                      what);
}

/* map_parameters: "$1" has the index that SQLite gives it, which is that of its first use in the text. */
static void map_parameters(struct cairn_prepared *p)
{
    for (unsigned n = 1; n <= CAIRN_STORE_PARAMS; n++) {
        char name[8];
        (void)snprintf(name, sizeof(name), "$%u", n);
        p->index[n] = (uint8_t)sqlite3_bind_parameter_index(p->stmt, name);
    }
}

static struct cairn_prepared *prepare(struct cairn_store *s, const char *sql, int *code)
{
    size_t at = ((uintptr_t)sql >> 4) % CAIRN_STORE_STATEMENTS;
    for (size_t tries = 0; s->prepared[at].sql != NULL && s->prepared[at].sql != sql; tries++) {
        assert(tries < CAIRN_STORE_STATEMENTS);
        at = (at + 1) % CAIRN_STORE_STATEMENTS;
    }
    struct cairn_prepared *p = &s->prepared[at];
    *code = SQLITE_OK;
    if (p->sql == NULL) {
        *code = sqlite3_prepare_v3(s->db, sql, -1, SQLITE_PREPARE_PERSISTENT, &p->stmt, NULL);
        if (*code != SQLITE_OK) {
            return NULL;
        }
        p->sql = sql;
        map_parameters(p);
    }
    return p;
}

struct cairn_query cairn_query(struct cairn_store *s, const char *sql, struct cairn_err *err)
{
    int code = SQLITE_OK;
    struct cairn_query q = {.store = s, .err = err};
    q.prepared = prepare(s, sql, &code);
    if (q.prepared == NULL) {
        q.rc = cairn_store_fail(s, code, err);
    }
    return q;
}

void cairn_query_end(struct cairn_query *q)
{
    if (q->prepared != NULL) {
        (void)sqlite3_reset(q->prepared->stmt);
        (void)sqlite3_clear_bindings(q->prepared->stmt);
        q->prepared = NULL;
    }
}

/* next_parameter gives the index of the next "$n"; 0 after a failure. */
static int next_parameter(struct cairn_query *q)
{
    if (q->rc != CAIRN_OK) {
        return 0;
    }
    q->bound++;
    assert(q->bound <= CAIRN_STORE_PARAMS);
    return q->prepared->index[q->bound];
}

static void bound(struct cairn_query *q, int code)
{
    if (code != SQLITE_OK) {
        q->rc = cairn_store_fail(q->store, code, q->err);
    }
}

void cairn_bind_bytes(struct cairn_query *q, struct cairn_span bytes)
{
    int at = next_parameter(q);
    if (at > 0) {
        bound(q, sqlite3_bind_blob64(q->prepared->stmt, at, bytes.len == 0 ? "" : (const void *)bytes.p, bytes.len,
                                     SQLITE_STATIC));
    }
}

/* utf8_len gives the length of the character that `text` begins with, 0 when it is none (RFC 3629). */
static size_t utf8_len(struct cairn_span text)
{
    uint8_t c = text.p[0];
    size_t len = c < 0x80 ? 1 : c >= 0xC2 && c < 0xE0 ? 2 : c >= 0xE0 && c < 0xF0 ? 3 : c >= 0xF0 && c < 0xF5 ? 4 : 0;
    if (len > text.len) {
        return 0;
    }
    for (size_t i = 1; i < len; i++) {
        if ((text.p[i] & 0xC0) != 0x80) {
            return 0;
        }
    }
    bool bad = (c == 0xE0 && text.p[1] < 0xA0) || (c == 0xED && text.p[1] > 0x9F) || (c == 0xF0 && text.p[1] < 0x90) ||
               (c == 0xF4 && text.p[1] > 0x8F);
    return bad ? 0 : len;
}

enum cairn_rc cairn_text_clean(struct cairn_span text, struct cairn_buf *out, struct cairn_err *err)
{
    CAIRN_TRY(cairn_buf_set(out, text, err));
    for (size_t at = 0; at < out->len;) {
        size_t len = utf8_len(cairn_span(out->p + at, out->len - at));
        if (len == 0) {
            out->p[at] = '?';
            len = 1;
        }
        at += len;
    }
    return CAIRN_OK;
}

void cairn_bind_text(struct cairn_query *q, const char *text)
{
    int at = next_parameter(q);
    CAIRN_BUF clean = {0};
    if (at > 0) {
        q->rc = cairn_text_clean(cairn_span_str(text), &clean, q->err);
    }
    if (at > 0 && q->rc == CAIRN_OK) {
        bound(q, sqlite3_bind_text64(q->prepared->stmt, at, (const char *)clean.p, clean.len, SQLITE_TRANSIENT, SQLITE_UTF8));
    }
}

void cairn_bind_uint(struct cairn_query *q, uint64_t value)
{
    int at = next_parameter(q);
    if (at > 0) {
        bound(q, sqlite3_bind_int64(q->prepared->stmt, at, (sqlite3_int64)value));
    }
}

void cairn_bind_int(struct cairn_query *q, int value)
{
    int at = next_parameter(q);
    if (at > 0) {
        bound(q, sqlite3_bind_int(q->prepared->stmt, at, value));
    }
}

enum cairn_rc cairn_query_row(struct cairn_query *q, bool *row)
{
    *row = false;
    CAIRN_TRY(q->rc);
    int code = sqlite3_step(q->prepared->stmt);
    if (code != SQLITE_ROW && code != SQLITE_DONE) {
        q->rc = cairn_store_fail(q->store, code, q->err);
    }
    q->column = 0;
    *row = code == SQLITE_ROW;
    return q->rc;
}

enum cairn_rc cairn_query_run(struct cairn_query *q)
{
    for (bool row = true; row;) {
        CAIRN_TRY(cairn_query_row(q, &row));
    }
    return CAIRN_OK;
}

enum cairn_rc cairn_query_read(const struct cairn_query *q)
{
    return q->rc;
}

static void unlike(struct cairn_query *q)
{
    if (q->rc == CAIRN_OK) {
        q->rc = cairn_store_corrupt(sqlite3_column_name(q->prepared->stmt, q->column - 1), q->err);
    }
}

/* next_column gives the bytes of the next column, which must be of `type`; the empty span after a failure. */
static struct cairn_span next_column(struct cairn_query *q, int type)
{
    if (q->rc != CAIRN_OK) {
        return (struct cairn_span){0};
    }
    sqlite3_stmt *stmt = q->prepared->stmt;
    int at = q->column++;
    if (sqlite3_column_type(stmt, at) != type) {
        unlike(q);
        return (struct cairn_span){0};
    }
    const void *p = type == SQLITE_TEXT ? (const void *)sqlite3_column_text(stmt, at) : sqlite3_column_blob(stmt, at);
    size_t len = (size_t)sqlite3_column_bytes(stmt, at);
    if (p == NULL && len > 0) {
        q->rc = cairn_store_fail(q->store, SQLITE_NOMEM, q->err);
        return (struct cairn_span){0};
    }
    return cairn_span(p, len);
}

void cairn_column_array(struct cairn_query *q, uint8_t *out, size_t len)
{
    struct cairn_reader r = cairn_reader(next_column(q, SQLITE_BLOB));
    struct cairn_span bytes = cairn_read_bytes(&r, len);
    if (cairn_reader_done(&r)) {
        cairn_copy(out, bytes.p, len);
    } else {
        unlike(q);
    }
}

void cairn_column_buf(struct cairn_query *q, struct cairn_buf *out)
{
    struct cairn_span bytes = next_column(q, SQLITE_BLOB);
    if (bytes.len > CAIRN_STORE_BLOB_MAX) {
        unlike(q);
    } else if (q->rc == CAIRN_OK) {
        q->rc = cairn_buf_set(out, bytes, q->err);
    }
}

void cairn_column_text(struct cairn_query *q, char *out, size_t cap)
{
    struct cairn_span text = next_column(q, SQLITE_TEXT);
    out[0] = '\0';
    if (text.len >= cap) {
        unlike(q);
    } else if (text.len > 0) {
        cairn_copy(out, text.p, text.len);
        out[text.len] = '\0';
    }
}

void cairn_column_raw_text(struct cairn_query *q, struct cairn_buf *out)
{
    struct cairn_span text = next_column(q, SQLITE_TEXT);
    if (text.len > CAIRN_STORE_TEXT_MAX) {
        unlike(q);
    } else if (q->rc == CAIRN_OK) {
        q->rc = cairn_buf_set(out, text, q->err);
    }
}

uint64_t cairn_column_uint(struct cairn_query *q, uint64_t max)
{
    if (q->rc != CAIRN_OK) {
        return 0;
    }
    int at = q->column++;
    uint64_t value = (uint64_t)sqlite3_column_int64(q->prepared->stmt, at);
    if (sqlite3_column_type(q->prepared->stmt, at) != SQLITE_INTEGER || value > max) {
        unlike(q);
        return 0;
    }
    return value;
}

int cairn_column_int(struct cairn_query *q, int min, int max)
{
    int64_t value = (int64_t)cairn_column_uint(q, UINT64_MAX);
    if (q->rc == CAIRN_OK && (value < min || value > max)) {
        unlike(q);
    }
    return q->rc == CAIRN_OK ? (int)value : 0;
}

bool cairn_column_bool(struct cairn_query *q)
{
    return cairn_column_uint(q, 1) == 1;
}

json_t *cairn_column_json_text(struct cairn_query *q)
{
    struct cairn_span text = next_column(q, SQLITE_TEXT);
    if (text.len > CAIRN_STORE_TEXT_MAX) {
        unlike(q);
    }
    CAIRN_BUF clean = {0};
    if (q->rc == CAIRN_OK) {
        q->rc = cairn_text_clean(text, &clean, q->err);
    }
    return q->rc == CAIRN_OK ? json_stringn(clean.len == 0 ? "" : (const char *)clean.p, clean.len) : NULL;
}

json_t *cairn_column_json_hex(struct cairn_query *q)
{
    struct cairn_span bytes = next_column(q, SQLITE_BLOB);
    char text[2 * 32 + 1];
    if (bytes.len > 32) {
        unlike(q);
    }
    if (q->rc != CAIRN_OK) {
        return NULL;
    }
    cairn_hex_encode(bytes, text);
    return json_string(text);
}

void cairn_bind_spent(struct cairn_query *q, const uint8_t spent[CAIRN_SPENT_MAX][12], unsigned num)
{
    assert(num <= CAIRN_SPENT_MAX);
    cairn_bind_bytes(q, cairn_span(spent, (size_t)num * 12));
}

void cairn_column_spent(struct cairn_query *q, uint8_t spent[CAIRN_SPENT_MAX][12], unsigned *num)
{
    struct cairn_reader r = cairn_reader(next_column(q, SQLITE_BLOB));
    size_t count = r.rest.len / 12;
    if (count > CAIRN_SPENT_MAX || r.rest.len % 12 != 0) {
        unlike(q);
        return;
    }
    for (size_t i = 0; i < count; i++) {
        cairn_read_array(&r, spent[i], 12);
    }
    *num = (unsigned)count;
}
