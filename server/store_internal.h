/* server/store_internal.h -- one connection, its prepared statements, and a query that fails stickily.
 *
 * Each file keeps its SQL as constants at its head. A text is known by its address: it is prepared once per connection. A query
 * binds $1, $2, ... in turn, steps, and reads columns in turn; a fault is kept until cairn_query_row, _run or _read asks.
 */
#ifndef CAIRN_SERVER_STORE_INTERNAL_H
#define CAIRN_SERVER_STORE_INTERNAL_H

#include <sqlite3.h>

#include "server/store.h"

enum { CAIRN_STORE_STATEMENTS = 128, CAIRN_STORE_PARAMS = 24, CAIRN_STORE_BUSY_MS = 10000 };
enum { CAIRN_STORE_TEXT_MAX = 4096, CAIRN_STORE_BLOB_MAX = 256 * 1024 * 1024 };

struct cairn_prepared {
    const char *sql; /* NULL: free slot */
    sqlite3_stmt *stmt;
    uint8_t index[CAIRN_STORE_PARAMS + 1]; /* SQLite's index of "$n" */
};
struct cairn_store {
    sqlite3 *db;
    bool writer;
    int trouble; /* last primary code of SQLite that was a failure; the writer clears it before each job */
    struct cairn_prepared prepared[CAIRN_STORE_STATEMENTS];
};

/* cairn_store_reopen is cairn_store_open for the writer after an I/O error: the file has to be there, and is not searched for
 * damage again. */
CAIRN_RC cairn_store_reopen(const char *path, struct cairn_store **out, struct cairn_err *err);
/* cairn_store_fail turns SQLite's code into an error and remembers it as trouble. */
enum cairn_rc cairn_store_fail(struct cairn_store *s, int code, struct cairn_err *err);
/* cairn_store_corrupt: what stands in the database cannot have been written by this program. */
enum cairn_rc cairn_store_corrupt(const char *what, struct cairn_err *err);

struct cairn_query {
    struct cairn_store *store;
    struct cairn_prepared *prepared;
    struct cairn_err *err;
    enum cairn_rc rc;
    int bound, column;
};
struct cairn_query cairn_query(struct cairn_store *s, const char *sql, struct cairn_err *err);
void cairn_query_end(struct cairn_query *q);
#define CAIRN_QUERY CAIRN_CLEANUP(cairn_query_end) struct cairn_query

/* What is bound is borrowed until the query ends. Text that is not UTF-8 is bound with '?' for each bad byte (PostgreSQL takes
 * no other, and no list may break on it). Integers above 2^63 - 1 keep their bits and are never compared in SQL. */
void cairn_bind_bytes(struct cairn_query *q, struct cairn_span bytes);
void cairn_bind_text(struct cairn_query *q, const char *text);
void cairn_bind_uint(struct cairn_query *q, uint64_t value);
void cairn_bind_int(struct cairn_query *q, int value);

CAIRN_RC cairn_query_row(struct cairn_query *q, bool *row); /* steps; false at the end */
CAIRN_RC cairn_query_run(struct cairn_query *q);            /* steps to the end */

/* Columns of the row, in turn. CAIRN_E_IO "store.corrupt": another type, length or range than was ever written. */
void cairn_column_array(struct cairn_query *q, uint8_t *out, size_t len);
void cairn_column_buf(struct cairn_query *q, struct cairn_buf *out);
void cairn_column_text(struct cairn_query *q, char *out, size_t cap);
void cairn_column_raw_text(struct cairn_query *q, struct cairn_buf *out); /* as it stands, NUL and all */
uint64_t cairn_column_uint(struct cairn_query *q, uint64_t max);
int cairn_column_int(struct cairn_query *q, int min, int max);
bool cairn_column_bool(struct cairn_query *q);
json_t *cairn_column_json_text(struct cairn_query *q); /* NULL on failure; bad UTF-8 is shown as '?' */
json_t *cairn_column_json_hex(struct cairn_query *q);
CAIRN_RC cairn_query_read(const struct cairn_query *q); /* after the columns: were they as they must be */

/* cairn_text_clean copies `text` with '?' for each byte that is not part of UTF-8. */
CAIRN_RC cairn_text_clean(struct cairn_span text, struct cairn_buf *out, struct cairn_err *err);

/* One device's spent nonces as bytes: num * 12. */
void cairn_bind_spent(struct cairn_query *q, const uint8_t spent[CAIRN_SPENT_MAX][12], unsigned num);
void cairn_column_spent(struct cairn_query *q, uint8_t spent[CAIRN_SPENT_MAX][12], unsigned *num);

#endif
