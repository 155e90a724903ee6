/* server/store.c -- opens the database: file modes, pragmas, damage, schema.
 *
 * The file is never mapped (mmap_size 0): a file that someone cuts short would end the process with SIGBUS. It is made here and
 * not by SQLite, so that it is private whatever the umask; SQLite gives -wal and -shm the mode of the database. An empty file
 * that was there before is not taken for a new database: it is what remains of a lost one.
 *
 * Source: sqlite.org/wal.html, sqlite.org/pragma.html, sqlite.org/security.html.
 */
#include "server/store_internal.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { SCHEMA_VERSION = 1, SMALLEST_FILE = 512 };

/* The types are SQLite's: PostgreSQL has its own text of the schema, and the same queries. `report` keeps its rowid: a tree of
 * whole rows ordered by random ids was 3 times slower to fill, 15 times slower to count, and no faster to write or read
 * (tests/bench/bench_store.c, 10,000 and 1,000,000 rows). Both partial indexes are empty in a healthy fleet, and cost nothing.
 */
static const char SCHEMA[] =
    "CREATE TABLE meta (name TEXT PRIMARY KEY, value BIGINT NOT NULL);"
    "CREATE TABLE secret (name TEXT PRIMARY KEY, value BLOB NOT NULL);"
    "CREATE TABLE device (device BLOB PRIMARY KEY, serial TEXT NOT NULL, tag TEXT NOT NULL, site TEXT NOT NULL,"
    " tpm_class TEXT NOT NULL, device_class TEXT NOT NULL, life INTEGER NOT NULL, enrolled_s BIGINT NOT NULL,"
    " epoch BIGINT NOT NULL, ticket INTEGER NOT NULL, order_digest BLOB NOT NULL, has_receipt INTEGER NOT NULL,"
    " has_kill INTEGER NOT NULL, has_certificate INTEGER NOT NULL, grade TEXT NOT NULL, statement BLOB NOT NULL);"
    "CREATE INDEX device_life ON device (life, device);"
    "CREATE TABLE report (device BLOB PRIMARY KEY, body BLOB NOT NULL, received_s BIGINT NOT NULL,"
    " nonce_issued_s BIGINT NOT NULL, spent BLOB NOT NULL, tier INTEGER NOT NULL, failed TEXT NOT NULL,"
    " clock_ms BIGINT NOT NULL, clock_received_ms BIGINT NOT NULL, resets BIGINT NOT NULL, restarts BIGINT NOT NULL,"
    " mask BIGINT NOT NULL, pcr_digest BLOB NOT NULL, seal_digest BLOB NOT NULL, log_firmware BLOB NOT NULL,"
    " log_userspace BLOB NOT NULL, log_ima BLOB NOT NULL, sticky INTEGER NOT NULL, sticky_policy BLOB NOT NULL,"
    " sticky_code TEXT NOT NULL, affirmed_nonce_s BIGINT NOT NULL, reply BLOB NOT NULL);"
    "CREATE INDEX report_not_affirming ON report (tier, device) WHERE tier <> 0;"
    "CREATE INDEX report_sticky ON report (sticky) WHERE sticky = 1;"
    "CREATE TABLE log (sha256 BLOB PRIMARY KEY, bytes BLOB NOT NULL);"
    "CREATE TABLE log_use (device BLOB NOT NULL, sha256 BLOB NOT NULL, seq BIGINT NOT NULL, len BIGINT NOT NULL,"
    " at_s BIGINT NOT NULL, PRIMARY KEY (device, sha256));"
    "CREATE INDEX log_use_sha256 ON log_use (sha256);"
    "CREATE TABLE enrolment (digest BLOB PRIMARY KEY, device BLOB NOT NULL, token TEXT NOT NULL, refused TEXT NOT NULL,"
    " created_s BIGINT NOT NULL, waiting INTEGER NOT NULL, taken INTEGER NOT NULL, request BLOB NOT NULL,"
    " challenge BLOB NOT NULL, pending BLOB NOT NULL, answer BLOB NOT NULL, statement BLOB NOT NULL);"
    "CREATE INDEX enrolment_waiting ON enrolment (token, waiting) WHERE waiting = 1;"
    "CREATE INDEX enrolment_listed ON enrolment (waiting, digest) WHERE waiting = 1;"
    "CREATE TABLE grants (device BLOB PRIMARY KEY, body BLOB NOT NULL, digest BLOB NOT NULL, nonce_issued_s BIGINT NOT NULL,"
    " spent BLOB NOT NULL, file BLOB NOT NULL, reply BLOB NOT NULL);"
    "CREATE TABLE archive (seq INTEGER PRIMARY KEY, device BLOB NOT NULL, kind INTEGER NOT NULL, sha256 BLOB NOT NULL,"
    " note TEXT NOT NULL, at_s BIGINT NOT NULL, file BLOB NOT NULL, UNIQUE (device, kind, sha256));"
    "CREATE INDEX archive_last ON archive (kind, device, seq);"
    "CREATE TABLE orders (digest BLOB PRIMARY KEY, seq BIGINT NOT NULL UNIQUE, state INTEGER NOT NULL, online INTEGER NOT NULL,"
    " accepted_s BIGINT NOT NULL, expires_s BIGINT NOT NULL, reason TEXT NOT NULL, num_devices BIGINT NOT NULL,"
    " file BLOB NOT NULL);"
    "CREATE TABLE order_device (device BLOB NOT NULL, seq BIGINT NOT NULL, PRIMARY KEY (device, seq));"
    "CREATE TABLE audit (seq INTEGER PRIMARY KEY, at_s BIGINT NOT NULL, actor TEXT NOT NULL, action TEXT NOT NULL,"
    " subject TEXT NOT NULL, detail TEXT NOT NULL, hash BLOB NOT NULL);"
    "INSERT INTO meta (name, value) VALUES ('schema', 1);";

/* cell_size_check: damage is met as an error where it stands, not as a strange row. */
static const char PRAGMAS[] = "PRAGMA mmap_size = 0; PRAGMA cell_size_check = ON; PRAGMA trusted_schema = OFF;"
                              "PRAGMA temp_store = MEMORY;";
static const char READER_PRAGMAS[] = "PRAGMA cache_size = -2048;";
static const char WRITER_PRAGMAS[] = "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA secure_delete = FAST;"
                                     "PRAGMA wal_autocheckpoint = 4096; PRAGMA journal_size_limit = 67108864;"
                                     "PRAGMA cache_size = -32768;";
static const char QUICK_CHECK[] = "PRAGMA quick_check(1)";
static const char SCHEMA_GET[] = "SELECT value FROM meta WHERE name = 'schema'";
static const char TABLES[] = "SELECT COUNT(*), COUNT(CASE WHEN name = 'meta' THEN 1 END) FROM sqlite_master";

static enum cairn_rc fail_path(const char *path, int cause, struct cairn_err *err)
{
    return CAIRN_FAIL_CAUSE(err, CAIRN_E_IO, cause == ENOSPC ? "store.full" : "store.open", cause, "%s: %s", path,
                            strerror(cause));
}

/* sync_parent makes the new file's entry durable. */
static int sync_parent(const char *path)
{
    char dir[PATH_MAX];
    const char *slash = strrchr(path, '/');
    (void)snprintf(dir, sizeof(dir), "%.*s", slash == NULL ? 1 : (int)(slash - path + 1), slash == NULL ? "." : path);
    int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0) {
        return -1;
    }
    int rc = fsync(fd);
    (void)close(fd);
    return rc;
}

/* make_file makes an empty private file; *made false: something has that name already. */
static enum cairn_rc make_file(const char *path, bool *made, struct cairn_err *err)
{
    *made = false;
    int fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (fd < 0) {
        return errno == EEXIST ? CAIRN_OK : fail_path(path, errno, err);
    }
    int rc = fchmod(fd, 0600) == 0 && sync_parent(path) == 0 ? 0 : errno;
    (void)close(fd);
    *made = rc == 0;
    return rc == 0 ? CAIRN_OK : fail_path(path, rc, err);
}

/* check_file: a regular file that group and others cannot reach. An absent one is accepted where `optional`. */
static enum cairn_rc check_file(const char *path, bool optional, off_t *size, struct cairn_err *err)
{
    struct stat st;
    if (lstat(path, &st) != 0) {
        return errno == ENOENT && optional ? CAIRN_OK : fail_path(path, errno, err);
    }
    if (!S_ISREG(st.st_mode)) {
        return CAIRN_FAIL(err, CAIRN_E_IO, "store.open", "%s: not a regular file", path);
    }
    if ((st.st_mode & (S_IRWXG | S_IRWXO)) != 0) {
        return CAIRN_FAIL(err, CAIRN_E_REFUSED, "file.mode", "%s: group or others have access to the database (chmod 600)",
                          path);
    }
    *size = st.st_size;
    return CAIRN_OK;
}

static enum cairn_rc check_files(const char *path, bool made, struct cairn_err *err)
{
    static const char *const beside[] = {"-wal", "-shm"};
    off_t size = 0, other = 0;
    CAIRN_TRY(check_file(path, false, &size, err));
    for (size_t i = 0; i < CAIRN_ARRAY_LEN(beside); i++) {
        char name[PATH_MAX];
        if (snprintf(name, sizeof(name), "%s%s", path, beside[i]) >= (int)sizeof(name)) {
            return fail_path("path", ENAMETOOLONG, err);
        }
        CAIRN_TRY(check_file(name, true, &other, err));
    }
    if (size < SMALLEST_FILE && !made) {
        return CAIRN_FAIL(err, CAIRN_E_IO, "store.corrupt",
                          "%s: empty, so a database was lost here: restore it, or remove the file to begin anew", path);
    }
    return CAIRN_OK;
}

static enum cairn_rc run(struct cairn_store *s, const char *sql, struct cairn_err *err)
{
    int code = sqlite3_exec(s->db, sql, NULL, NULL, NULL);
    return code == SQLITE_OK ? CAIRN_OK : cairn_store_fail(s, code, err);
}

static enum cairn_rc connect(const char *path, bool writer, struct cairn_store **out, struct cairn_err *err)
{
    struct cairn_store *s = calloc(1, sizeof(*s));
    if (s == NULL) {
        return CAIRN_FAIL(err, CAIRN_E_IO, "memory", "no memory for a database connection");
    }
    s->writer = writer;
    *out = s;
    int flags = (writer ? SQLITE_OPEN_READWRITE : SQLITE_OPEN_READONLY) | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_NOFOLLOW;
    int code = sqlite3_open_v2(path, &s->db, flags, NULL);
    if (code != SQLITE_OK) {
        return cairn_store_fail(s, code, err);
    }
    (void)sqlite3_extended_result_codes(s->db, 1);
    (void)sqlite3_busy_timeout(s->db, CAIRN_STORE_BUSY_MS);
    (void)sqlite3_db_config(s->db, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
    CAIRN_TRY(run(s, PRAGMAS, err));
    return run(s, writer ? WRITER_PRAGMAS : READER_PRAGMAS, err);
}

static enum cairn_rc search_damage(struct cairn_store *s, struct cairn_err *err)
{
    CAIRN_QUERY q = cairn_query(s, QUICK_CHECK, err);
    char text[CAIRN_STORE_TEXT_MAX] = "";
    bool row = false;
    CAIRN_TRY(cairn_query_row(&q, &row));
    cairn_column_text(&q, text, sizeof(text));
    CAIRN_TRY(cairn_query_read(&q));
    return strcmp(text, "ok") == 0 ? CAIRN_OK : cairn_store_corrupt(text, err);
}

/* find_schema: *num_tables 0 in a new database. One that holds tables, but not ours, is not touched. */
static enum cairn_rc find_schema(struct cairn_store *s, uint64_t *num_tables, struct cairn_err *err)
{
    CAIRN_QUERY q = cairn_query(s, TABLES, err);
    bool row = false;
    CAIRN_TRY(cairn_query_row(&q, &row));
    *num_tables = cairn_column_uint(&q, UINT32_MAX);
    bool ours = cairn_column_bool(&q);
    CAIRN_TRY(cairn_query_read(&q));
    if (*num_tables > 0 && !ours) {
        return CAIRN_FAIL(err, CAIRN_E_IO, "store.version", "this database was made by another program");
    }
    return CAIRN_OK;
}

static enum cairn_rc check_version(struct cairn_store *s, struct cairn_err *err)
{
    CAIRN_QUERY q = cairn_query(s, SCHEMA_GET, err);
    bool row = false;
    CAIRN_TRY(cairn_query_row(&q, &row));
    uint64_t version = row ? cairn_column_uint(&q, UINT64_MAX) : 0;
    CAIRN_TRY(cairn_query_read(&q));
    if (version == 0) {
        return cairn_store_corrupt("schema version", err);
    }
    if (version > SCHEMA_VERSION) {
        return CAIRN_FAIL(err, CAIRN_E_IO, "store.version",
                          "this database was made by a later version (schema %llu, this program knows %d): update the server",
                          (unsigned long long)version, SCHEMA_VERSION);
    }
    return CAIRN_OK;
}

/* make_schema is one transaction: after a cut there is all of it or nothing. */
static enum cairn_rc make_schema(struct cairn_store *s, struct cairn_err *err)
{
    CAIRN_TRY(run(s, "BEGIN IMMEDIATE", err));
    enum cairn_rc rc = run(s, SCHEMA, err);
    if (rc == CAIRN_OK) {
        return run(s, "COMMIT", err);
    }
    (void)sqlite3_exec(s->db, "ROLLBACK", NULL, NULL, NULL);
    return rc;
}

static enum cairn_rc bring_schema(struct cairn_store *s, bool search, struct cairn_err *err)
{
    uint64_t num_tables = 0;
    CAIRN_TRY(find_schema(s, &num_tables, err));
    if (num_tables == 0) {
        CAIRN_TRY(make_schema(s, err));
    }
    CAIRN_TRY(check_version(s, err));
    return search ? search_damage(s, err) : CAIRN_OK;
}

static void close_storep(struct cairn_store **store)
{
    cairn_store_close(*store);
}

static enum cairn_rc open_checked(const char *path, bool writer, bool search, struct cairn_store **out, struct cairn_err *err)
{
    CAIRN_CLEANUP(close_storep) struct cairn_store *s = NULL;
    CAIRN_TRY(connect(path, writer, &s, err));
    CAIRN_TRY(bring_schema(s, search, err));
    *out = s;
    s = NULL;
    return CAIRN_OK;
}

enum cairn_rc cairn_store_open(const char *path, bool writer, struct cairn_store **out, struct cairn_err *err)
{
    bool made = false;
    if (writer) {
        CAIRN_TRY(make_file(path, &made, err));
    }
    CAIRN_TRY(check_files(path, made, err));
    return open_checked(path, writer, writer, out, err);
}

enum cairn_rc cairn_store_reopen(const char *path, struct cairn_store **out, struct cairn_err *err)
{
    CAIRN_TRY(check_files(path, false, err));
    return open_checked(path, true, false, out, err);
}

void cairn_store_close(struct cairn_store *store)
{
    if (store == NULL) {
        return;
    }
    for (size_t i = 0; i < CAIRN_STORE_STATEMENTS; i++) {
        (void)sqlite3_finalize(store->prepared[i].stmt);
    }
    (void)sqlite3_close(store->db);
    free(store);
}
