/* tests/unit/server/test_store.c -- every row of the store, its lists, its audit chain, its file. */
#include "store_room.h"

#include <fcntl.h>

#include "core/crypto.h"
#include "policies/evaluate.h"

#define DEVICE_ROW CAIRN_CLEANUP(cairn_device_row_clear) struct cairn_device_row
#define REPORT_ROW CAIRN_CLEANUP(cairn_report_row_clear) struct cairn_report_row
#define GRANT_ROW  CAIRN_CLEANUP(cairn_grant_row_clear) struct cairn_grant_row
#define ENROL_ROW  CAIRN_CLEANUP(cairn_enrolment_row_clear) struct cairn_enrolment_row
#define ORDER_ROW  CAIRN_CLEANUP(cairn_order_row_clear) struct cairn_order_row
#define ok(call)   assert_int_equal((call), CAIRN_OK)
#define refuses(call, rc, name)                                                                                                \
    do {                                                                                                                       \
        assert_int_equal((call), (rc));                                                                                        \
        assert_string_equal(room->err.code, (name));                                                                           \
    } while (0)

static void equal_bufs(const struct cairn_buf *a, const struct cairn_buf *b)
{
    assert_true(cairn_span_equal(cairn_buf_span(a), cairn_buf_span(b)));
}

/* --- the file --- */

static unsigned mode_of(const struct room *room, const char *suffix)
{
    char path[PATH_MAX];
    struct stat st;
    (void)snprintf(path, sizeof(path), "%s%s", room->path, suffix);
    return stat(path, &st) == 0 ? st.st_mode & 0777u : 0;
}

static void the_database_is_private_whatever_the_umask(void **state)
{
    struct room *room = *state;
    static const mode_t masks[] = {0, 022, 0777};
    for (size_t i = 0; i < CAIRN_ARRAY_LEN(masks); i++) {
        mode_t old = umask(masks[i]);
        struct cairn_store *store = open_store(room, true);
        ok(cairn_store_audit(store, &(struct cairn_audit_entry){"a", "b", "c", "d", 1}, &room->err));
        (void)umask(old);
        assert_int_equal(mode_of(room, ""), 0600);
        assert_int_equal(mode_of(room, "-wal"), 0600);
        assert_int_equal(mode_of(room, "-shm"), 0600);
        cairn_store_close(store);
        assert_int_equal(unlink(room->path), 0);
    }
}

static void refuses_a_database_that_others_can_reach(void **state)
{
    struct room *room = *state;
    struct cairn_store *store = NULL;
    char wal[128];
    cairn_store_close(open_store(room, true));
    static const mode_t bad[] = {0640, 0604, 0620, 0602, 0601};
    for (size_t i = 0; i < CAIRN_ARRAY_LEN(bad); i++) {
        assert_int_equal(chmod(room->path, bad[i]), 0);
        refuses(cairn_store_open(room->path, true, &store, &room->err), CAIRN_E_REFUSED, "file.mode");
        refuses(cairn_store_open(room->path, false, &store, &room->err), CAIRN_E_REFUSED, "file.mode");
    }
    assert_int_equal(chmod(room->path, 0600), 0);
    (void)snprintf(wal, sizeof(wal), "%s-wal", room->path);
    int fd = open(wal, O_CREAT | O_WRONLY, 0644);
    assert_true(fd >= 0);
    assert_int_equal(fchmod(fd, 0644), 0);
    (void)close(fd);
    refuses(cairn_store_open(room->path, true, &store, &room->err), CAIRN_E_REFUSED, "file.mode");
    assert_int_equal(unlink(wal), 0);
    cairn_store_close(open_store(room, true));
    assert_null(store);
}

static void refuses_what_is_no_file_of_its_own(void **state)
{
    struct room *room = *state;
    struct cairn_store *store = NULL;
    refuses(cairn_store_open(room->path, false, &store, &room->err), CAIRN_E_IO, "store.open");
    refuses(cairn_store_open("/nowhere/at/all.db", true, &store, &room->err), CAIRN_E_IO, "store.open");
    refuses(cairn_store_open(room->dir, true, &store, &room->err), CAIRN_E_IO, "store.open");
    assert_int_equal(symlink("/etc/passwd", room->path), 0);
    refuses(cairn_store_open(room->path, true, &store, &room->err), CAIRN_E_IO, "store.open");
    assert_int_equal(unlink(room->path), 0);
    direct(room, "CREATE TABLE other (x)");
    assert_int_equal(chmod(room->path, 0600), 0);
    refuses(cairn_store_open(room->path, true, &store, &room->err), CAIRN_E_IO, "store.version");
    assert_null(store);
}

static void refuses_a_database_of_a_later_version(void **state)
{
    struct room *room = *state;
    struct cairn_store *store = NULL;
    cairn_store_close(open_store(room, true));
    direct(room, "UPDATE meta SET value = 2 WHERE name = 'schema'");
    refuses(cairn_store_open(room->path, true, &store, &room->err), CAIRN_E_IO, "store.version");
    refuses(cairn_store_open(room->path, false, &store, &room->err), CAIRN_E_IO, "store.version");
    direct(room, "DELETE FROM meta");
    refuses(cairn_store_open(room->path, true, &store, &room->err), CAIRN_E_IO, "store.corrupt");
    assert_null(store);
}

static void a_readers_connection_writes_nothing_and_sees_what_is_committed(void **state)
{
    struct room *room = *state;
    struct cairn_store *writer = open_store(room, true), *reader = open_store(room, false);
    DEVICE_ROW row = device_row(1, "s"), got = {0};
    bool found = true;
    refuses(cairn_store_device_put(reader, &row, true, &room->err), CAIRN_E_USAGE, "store.readonly");
    refuses(cairn_store_audit(reader, &(struct cairn_audit_entry){"a", "b", "c", "d", 1}, &room->err), CAIRN_E_USAGE,
            "store.readonly");
    ok(cairn_store_device_get(reader, row.device, &got, &found, &room->err));
    assert_false(found);
    ok(cairn_store_device_put(writer, &row, false, &room->err));
    ok(cairn_store_device_get(reader, row.device, &got, &found, &room->err));
    assert_true(found);
    cairn_store_close(reader);
    cairn_store_close(writer);
}

/* --- damage --- */

/* read_all touches every table; what it answers does not matter, only that it answers. */
static void read_all(struct cairn_store *store)
{
    struct cairn_list_ask ask = {.limit = 1000, .tier = -1, .life = -1};
    static enum cairn_rc (*const lists[])(struct cairn_store *, const struct cairn_list_ask *, json_t **,
                                          struct cairn_err *) = {
        cairn_store_list_devices,      cairn_store_list_enrolments, cairn_store_list_orders,
        cairn_store_list_certificates, cairn_store_list_audit,
    };
    for (size_t i = 0; i < CAIRN_ARRAY_LEN(lists); i++) {
        CAIRN_JSON *list = NULL;
        (void)!lists[i](store, &ask, &list, NULL);
    }
    CAIRN_JSON *counts = NULL;
    uint64_t num = 0;
    (void)!cairn_store_counts(store, &counts, NULL);
    (void)!cairn_store_audit_verify(store, &num, NULL);
    for (uint32_t i = 0; i < 20; i++) {
        DEVICE_ROW device = {0};
        REPORT_ROW report = {0};
        uint8_t id[32];
        bool found = false;
        id_of(i, id);
        (void)!cairn_store_device_get(store, id, &device, &found, NULL);
        (void)!cairn_store_report_get(store, id, &report, &found, NULL);
    }
}

static void write_some(struct room *room, struct cairn_store *store)
{
    for (uint32_t i = 0; i < 20; i++) {
        DEVICE_ROW device = device_row(i, "statement");
        REPORT_ROW report = report_row(i, "reply");
        ok(cairn_buf_resize(&device.statement, 3000, &room->err));
        ok(cairn_store_device_put(store, &device, false, &room->err));
        ok(cairn_store_report_put(store, &report, &room->err));
        ok(cairn_store_archive_put(store, device.device, CAIRN_ARCHIVE_CERTIFICATE, cairn_buf_span(&device.statement),
                                   "grade A", 1, &room->err));
        ok(cairn_store_audit(store, &(struct cairn_audit_entry){"alice", "enrol", "device", "", i}, &room->err));
    }
}

static size_t read_file(const char *path, uint8_t *bytes, size_t cap)
{
    int fd = open(path, O_RDONLY);
    assert_true(fd >= 0);
    ssize_t len = read(fd, bytes, cap);
    (void)close(fd);
    assert_true(len > 0 && (size_t)len < cap);
    return (size_t)len;
}

static void write_file(const char *path, const uint8_t *bytes, size_t len)
{
    int fd = open(path, O_WRONLY | O_TRUNC | O_CREAT, 0600);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, bytes, len), len);
    (void)close(fd);
}

enum { FILE_CAP = 4 * 1024 * 1024 };

static void a_damaged_file_is_refused_or_read_and_never_crashes(void **state)
{
    struct room *room = *state;
    uint8_t *bytes = malloc(FILE_CAP);
    struct cairn_store *store = open_store(room, true);
    write_some(room, store);
    cairn_store_close(store);
    size_t len = read_file(room->path, bytes, FILE_CAP);
    unsigned refused = 0;
    for (size_t at = 0, i = 0; at < len; at += 1 + i * 7 % 311, i++) {
        bytes[at] ^= 0xff;
        write_file(room->path, bytes, len);
        bytes[at] ^= 0xff;
        store = NULL;
        if (cairn_store_open(room->path, i % 2 == 0, &store, &room->err) == CAIRN_OK) {
            read_all(store);
            cairn_store_close(store);
        } else {
            refused++;
        }
        (void)drop(room, "cairn.db-wal");
        (void)drop(room, "cairn.db-shm");
    }
    assert_true(refused > 20);
    free(bytes);
}

static void a_file_cut_short_is_refused_as_damaged(void **state)
{
    struct room *room = *state;
    uint8_t *bytes = malloc(FILE_CAP);
    struct cairn_store *store = open_store(room, true);
    write_some(room, store);
    cairn_store_close(store);
    store = NULL;
    size_t len = read_file(room->path, bytes, FILE_CAP);
    static const size_t cuts[] = {0, 1, 100, 4095, 4096, 4097, 8192};
    for (size_t i = 0; i < CAIRN_ARRAY_LEN(cuts); i++) {
        write_file(room->path, bytes, cuts[i]);
        refuses(cairn_store_open(room->path, true, &store, &room->err), CAIRN_E_IO, "store.corrupt");
    }
    write_file(room->path, bytes, len - 4096);
    refuses(cairn_store_open(room->path, true, &store, &room->err), CAIRN_E_IO, "store.corrupt");
    write_file(room->path, (const uint8_t *)"this is a text and no database, whatever it is called", 54);
    refuses(cairn_store_open(room->path, true, &store, &room->err), CAIRN_E_IO, "store.corrupt");
    write_file(room->path, bytes, len);
    cairn_store_close(open_store(room, true));
    free(bytes);
}

static void a_file_cut_short_under_a_reader_ends_no_process(void **state)
{
    struct room *room = *state;
    struct cairn_store *store = open_store(room, true);
    write_some(room, store);
    cairn_store_close(store);
    store = open_store(room, false);
    assert_int_equal(truncate(room->path, 4096), 0);
    read_all(store);
    cairn_store_close(store);
}

static void a_row_of_the_wrong_shape_is_damage(void **state)
{
    struct room *room = *state;
    static const char *const damages[] = {
        "UPDATE report SET body = x'00'",
        "UPDATE report SET tier = 9",
        "UPDATE report SET tier = 'x'",
        "UPDATE report SET spent = x'0011'",
        "UPDATE report SET spent = zeroblob(396)",
        "UPDATE report SET log_ima = x'01'",
        "UPDATE report SET sticky = 2",
        "UPDATE report SET failed = printf('%.600c', 'x')",
        "UPDATE report SET resets = -1",
        "UPDATE report SET reply = 'text'",
        "UPDATE report SET pcr_digest = zeroblob(33)",
    };
    for (size_t i = 0; i < CAIRN_ARRAY_LEN(damages); i++) {
        REPORT_ROW row = report_row(1, "r"), got = {0};
        bool found = false;
        struct cairn_store *store = open_store(room, true);
        ok(cairn_store_report_put(store, &row, &room->err));
        direct(room, damages[i]);
        refuses(cairn_store_report_get(store, row.device, &got, &found, &room->err), CAIRN_E_IO, "store.corrupt");
        assert_null(got.reply.p);
        cairn_store_close(store);
    }
}

/* --- devices --- */

static void a_device_comes_back_as_it_was_put(void **state)
{
    struct room *room = *state;
    struct cairn_store *store = open_store(room, true);
    DEVICE_ROW row = device_row(1, "statement"), got = {0};
    bool found = true;
    row.epoch = UINT64_MAX;
    ok(cairn_store_device_get(store, row.device, &got, &found, &room->err));
    assert_false(found);
    ok(cairn_store_device_put(store, &row, false, &room->err));
    ok(cairn_store_device_get(store, row.device, &got, &found, &room->err));
    assert_true(found);
    assert_memory_equal(got.device, row.device, 32);
    assert_string_equal(got.serial, "SN-1");
    assert_string_equal(got.tag, "tag");
    assert_string_equal(got.site, "site");
    assert_string_equal(got.tpm_class, "virtual");
    assert_string_equal(got.device_class, "gateway-a");
    assert_int_equal(got.life, CAIRN_DEVICE_ENROLLED);
    assert_int_equal(got.enrolled_s, 1800000000);
    assert_true(got.epoch == UINT64_MAX);
    assert_false(got.ticket || got.has_receipt || got.has_kill || got.has_certificate);
    equal_bufs(&got.statement, &row.statement);
    cairn_store_close(store);
}

static void a_devices_life_ticket_and_order_are_kept(void **state)
{
    struct room *room = *state;
    struct cairn_store *store = open_store(room, true);
    DEVICE_ROW row = device_row(1, "statement"), got = {0};
    const uint8_t order[32] = {9}, stranger[32] = {1};
    bool found = false;
    ok(cairn_store_device_put(store, &row, false, &room->err));
    ok(cairn_store_device_life(store, row.device, CAIRN_DEVICE_OPERATIONAL, 8, &room->err));
    ok(cairn_store_device_ticket(store, row.device, true, &room->err));
    ok(cairn_store_device_order(store, row.device, order, &room->err));
    ok(cairn_store_device_get(store, row.device, &got, &found, &room->err));
    assert_int_equal(got.life, CAIRN_DEVICE_OPERATIONAL);
    assert_int_equal(got.epoch, 8);
    assert_true(got.ticket);
    assert_memory_equal(got.order, order, 32);
    refuses(cairn_store_device_life(store, stranger, CAIRN_DEVICE_RETIRED, 1, &room->err), CAIRN_E_REFUSED, "device.unknown");
    refuses(cairn_store_device_ticket(store, stranger, true, &room->err), CAIRN_E_REFUSED, "device.unknown");
    refuses(cairn_store_device_order(store, stranger, order, &room->err), CAIRN_E_REFUSED, "device.unknown");
    cairn_store_close(store);
}

static void refuses_the_same_device_id_with_another_statement(void **state)
{
    struct room *room = *state;
    struct cairn_store *store = open_store(room, true);
    DEVICE_ROW first = device_row(1, "first"), second = device_row(1, "second"), got = {0};
    bool found = false;
    ok(cairn_store_device_put(store, &first, false, &room->err));
    refuses(cairn_store_device_put(store, &second, false, &room->err), CAIRN_E_REFUSED, "device.known");
    ok(cairn_store_device_get(store, first.device, &got, &found, &room->err));
    equal_bufs(&got.statement, &first.statement);
    cairn_store_close(store);
}

static void the_same_statement_again_changes_nothing(void **state)
{
    struct room *room = *state;
    struct cairn_store *store = open_store(room, true);
    DEVICE_ROW row = device_row(1, "statement"), got = {0};
    REPORT_ROW report = report_row(1, "r"), kept = {0};
    bool found = false;
    ok(cairn_store_device_put(store, &row, false, &room->err));
    ok(cairn_store_device_life(store, row.device, CAIRN_DEVICE_OPERATIONAL, 8, &room->err));
    ok(cairn_store_report_put(store, &report, &room->err));
    ok(cairn_store_device_put(store, &row, false, &room->err));
    ok(cairn_store_device_put(store, &row, true, &room->err));
    ok(cairn_store_device_get(store, row.device, &got, &found, &room->err));
    assert_int_equal(got.life, CAIRN_DEVICE_OPERATIONAL);
    ok(cairn_store_report_get(store, row.device, &kept, &found, &room->err));
    assert_true(found);
    cairn_store_close(store);
}

static void a_ticket_replaces_the_row_and_keeps_the_archive(void **state)
{
    struct room *room = *state;
    struct cairn_store *store = open_store(room, true);
    DEVICE_ROW first = device_row(1, "first"), second = device_row(1, "second"), got = {0};
    REPORT_ROW report = report_row(1, "r"), no_report = {0};
    GRANT_ROW grant = {0}, no_grant = {0};
    CAIRN_BUF kill = {0};
    bool found = false;
    ok(cairn_store_device_put(store, &first, false, &room->err));
    ok(cairn_store_report_put(store, &report, &room->err));
    id_of(1, grant.device);
    ok(cairn_store_grant_put(store, &grant, &room->err));
    ok(cairn_store_archive_put(store, first.device, CAIRN_ARCHIVE_KILL, cairn_span_str("kill"), "", 1, &room->err));
    ok(cairn_store_device_put(store, &second, true, &room->err));
    ok(cairn_store_device_get(store, first.device, &got, &found, &room->err));
    equal_bufs(&got.statement, &second.statement);
    assert_false(got.has_kill);
    ok(cairn_store_report_get(store, first.device, &no_report, &found, &room->err));
    assert_false(found);
    ok(cairn_store_grant_get(store, first.device, &no_grant, &found, &room->err));
    assert_false(found);
    ok(cairn_store_archive_last(store, first.device, CAIRN_ARCHIVE_KILL, &kill, &found, &room->err));
    assert_true(found);
    assert_string_equal((const char *)kill.p, "kill");
    cairn_store_close(store);
}

/* --- reports, grants --- */

static void fill_report(struct cairn_report_row *row, uint8_t seed)
{
    row->num_spent = CAIRN_SPENT_MAX;
    for (size_t i = 0; i < CAIRN_SPENT_MAX; i++) {
        memset(row->spent[i], (int)(seed + i), 12);
    }
    memset(row->body, seed, 32);
    memset(row->pcr_digest, seed + 1, 32);
    memset(row->seal_digest, seed + 2, 32);
    memset(row->sticky_policy, seed + 3, 32);
    memset(row->failed, 'f', sizeof(row->failed) - 1);
    memset(row->sticky_code, 's', sizeof(row->sticky_code) - 1);
    row->tier = CAIRN_TIER_CONTRAINDICATED;
    row->clock_ms = UINT64_MAX;
    row->clock_received_ms = 5;
    row->resets = UINT32_MAX;
    row->restarts = 3;
    row->has_log[0] = row->has_log[2] = true;
    memset(row->log[0], 0xA0, 32);
    memset(row->log[2], 0xA2, 32);
    row->sticky = true;
    row->affirmed_nonce_s = 77;
}

static void a_report_comes_back_as_it_was_put(void **state)
{
    struct room *room = *state;
    struct cairn_store *store = open_store(room, true);
    REPORT_ROW row = report_row(1, "first"), got = {0};
    bool found = true;
    ok(cairn_store_report_get(store, row.device, &got, &found, &room->err));
    assert_false(found);
    ok(cairn_store_report_put(store, &row, &room->err));
    fill_report(&row, 9);
    fill(&row.reply, "second");
    ok(cairn_store_report_put(store, &row, &room->err));
    ok(cairn_store_report_get(store, row.device, &got, &found, &room->err));
    assert_true(found);
    equal_bufs(&got.reply, &row.reply);
    struct cairn_report_row a = row, b = got;
    a.reply = b.reply = (struct cairn_buf){0};
    assert_memory_equal(a.body, b.body, 32);
    assert_int_equal(b.num_spent, CAIRN_SPENT_MAX);
    assert_memory_equal(a.spent, b.spent, sizeof(a.spent));
    assert_int_equal(b.tier, CAIRN_TIER_CONTRAINDICATED);
    assert_string_equal(a.failed, b.failed);
    assert_true(b.clock_ms == UINT64_MAX && b.clock_received_ms == 5 && b.resets == UINT32_MAX && b.restarts == 3);
    assert_true(b.received_s == 1800000001 && b.nonce_issued_s == 1800000000 && b.mask == 0x1ff && b.affirmed_nonce_s == 77);
    assert_memory_equal(a.pcr_digest, b.pcr_digest, 32);
    assert_memory_equal(a.seal_digest, b.seal_digest, 32);
    assert_true(b.has_log[0] && !b.has_log[1] && b.has_log[2]);
    assert_memory_equal(a.log, b.log, sizeof(a.log));
    assert_true(b.sticky);
    assert_memory_equal(a.sticky_policy, b.sticky_policy, 32);
    assert_string_equal(a.sticky_code, b.sticky_code);
    cairn_store_close(store);
}

static void a_sticky_report_is_cleared_once(void **state)
{
    struct room *room = *state;
    struct cairn_store *store = open_store(room, true);
    REPORT_ROW row = report_row(1, "r"), got = {0};
    bool found = false, was = true;
    ok(cairn_store_report_clear(store, row.device, &was, &room->err));
    assert_false(was);
    fill_report(&row, 1);
    ok(cairn_store_report_put(store, &row, &room->err));
    ok(cairn_store_report_clear(store, row.device, &was, &room->err));
    assert_true(was);
    ok(cairn_store_report_clear(store, row.device, &was, &room->err));
    assert_false(was);
    ok(cairn_store_report_get(store, row.device, &got, &found, &room->err));
    assert_false(got.sticky);
    cairn_store_close(store);
}

static void a_grant_comes_back_as_it_was_put(void **state)
{
    struct room *room = *state;
    struct cairn_store *store = open_store(room, true);
    GRANT_ROW row = {.body = {1}, .digest = {2}, .nonce_issued_s = 3, .num_spent = 2, .spent = {{4}, {5}}}, got = {0};
    bool found = true;
    id_of(1, row.device);
    ok(cairn_store_grant_get(store, row.device, &got, &found, &room->err));
    assert_false(found);
    fill(&row.grant, "old");
    ok(cairn_store_grant_put(store, &row, &room->err));
    fill(&row.grant, "grant");
    fill(&row.reply, "reply");
    ok(cairn_store_grant_put(store, &row, &room->err));
    ok(cairn_store_grant_get(store, row.device, &got, &found, &room->err));
    assert_true(found);
    equal_bufs(&got.grant, &row.grant);
    equal_bufs(&got.reply, &row.reply);
    assert_memory_equal(got.body, row.body, 32);
    assert_memory_equal(got.digest, row.digest, 32);
    assert_int_equal(got.nonce_issued_s, 3);
    assert_int_equal(got.num_spent, 2);
    assert_memory_equal(got.spent, row.spent, sizeof(row.spent));
    cairn_store_close(store);
}

/* --- logs --- */

static void put_log(struct room *room, struct cairn_store *store, uint32_t device, const void *bytes, size_t len,
                    uint8_t digest[32])
{
    uint8_t id[32];
    id_of(device, id);
    ok(cairn_sha256(cairn_span(bytes, len), digest, &room->err));
    ok(cairn_store_log_put(store, id, digest, cairn_span(bytes, len), 1, &room->err));
}

static bool has_log(struct room *room, struct cairn_store *store, const uint8_t digest[32])
{
    CAIRN_BUF bytes = {0};
    bool found = false;
    ok(cairn_store_log_get(store, digest, &bytes, &found, &room->err));
    return found;
}

static void the_oldest_of_a_devices_logs_goes_unless_another_uses_it(void **state)
{
    struct room *room = *state;
    struct cairn_store *store = open_store(room, true);
    uint8_t digests[66][32];
    uint32_t number = 0;
    for (; number < 64; number++) {
        put_log(room, store, 1, &number, sizeof(number), digests[number]);
    }
    number = 1;
    put_log(room, store, 2, &number, sizeof(number), digests[1]); /* another device's too */
    number = 0;
    put_log(room, store, 1, &number, sizeof(number), digests[0]); /* as good as new */
    for (number = 64; number < 66; number++) {
        put_log(room, store, 1, &number, sizeof(number), digests[number]);
    }
    assert_true(has_log(room, store, digests[0]));
    assert_true(has_log(room, store, digests[1]));
    assert_false(has_log(room, store, digests[2]));
    assert_true(has_log(room, store, digests[3]));
    assert_true(has_log(room, store, digests[65]));
    cairn_store_close(store);
}

static void a_devices_logs_are_bounded_in_bytes(void **state)
{
    struct room *room = *state;
    struct cairn_store *store = open_store(room, true);
    enum { BIG = 100 * 1024 * 1024 };
    uint8_t *bytes = calloc(1, 256 * 1024 * 1024 + 1);
    uint8_t digests[3][32];
    assert_non_null(bytes);
    for (uint8_t i = 0; i < 3; i++) {
        bytes[0] = i;
        put_log(room, store, 1, bytes, BIG, digests[i]);
    }
    assert_false(has_log(room, store, digests[0]));
    assert_true(has_log(room, store, digests[2]));
    refuses(cairn_store_log_put(store, digests[0], digests[0], cairn_span(bytes, 256 * 1024 * 1024 + 1), 1, &room->err),
            CAIRN_E_USAGE, "store.large");
    free(bytes);
    cairn_store_close(store);
}

static void a_log_that_is_not_what_its_hash_says_is_damage(void **state)
{
    struct room *room = *state;
    struct cairn_store *store = open_store(room, true);
    CAIRN_BUF bytes = {0};
    uint8_t digest[32];
    bool found = false;
    put_log(room, store, 1, "log", 3, digest);
    ok(cairn_store_log_get(store, digest, &bytes, &found, &room->err));
    assert_string_equal((const char *)bytes.p, "log");
    direct(room, "UPDATE log SET bytes = x'00'");
    refuses(cairn_store_log_get(store, digest, &bytes, &found, &room->err), CAIRN_E_IO, "store.corrupt");
    cairn_store_close(store);
}

/* --- enrolments --- */

static struct cairn_enrolment_row enrolment_row(uint32_t number)
{
    struct cairn_enrolment_row row = {.token = "factory", .created_s = 1000};
    id_of(number, row.digest);
    id_of(number, row.device);
    fill(&row.request, "request");
    return row;
}

static void an_enrolment_comes_back_as_it_was_put(void **state)
{
    struct room *room = *state;
    struct cairn_store *store = open_store(room, true);
    ENROL_ROW row = enrolment_row(1), got = {0};
    bool found = true;
    ok(cairn_store_enrolment_get(store, row.digest, &got, &found, &room->err));
    assert_false(found);
    ok(cairn_store_enrolment_put(store, &row, 5, &room->err));
    fill(&row.challenge, "challenge");
    fill(&row.pending, "pending");
    fill(&row.answer, "answer");
    fill(&row.statement, "statement");
    (void)snprintf(row.refused, sizeof(row.refused), "because");
    ok(cairn_store_enrolment_put(store, &row, 5, &room->err));
    ok(cairn_store_enrolment_get(store, row.digest, &got, &found, &room->err));
    assert_true(found);
    assert_memory_equal(got.digest, row.digest, 32);
    assert_memory_equal(got.device, row.device, 32);
    assert_string_equal(got.token, "factory");
    assert_string_equal(got.refused, "because");
    assert_int_equal(got.created_s, 1000);
    equal_bufs(&got.request, &row.request);
    equal_bufs(&got.challenge, &row.challenge);
    equal_bufs(&got.pending, &row.pending);
    equal_bufs(&got.answer, &row.answer);
    equal_bufs(&got.statement, &row.statement);
    cairn_store_close(store);
}

static void a_pending_file_is_taken_once_and_does_not_come_back(void **state)
{
    struct room *room = *state;
    struct cairn_store *store = open_store(room, true);
    ENROL_ROW row = enrolment_row(1);
    CAIRN_BUF pending = {0}, again = {0};
    bool found = true;
    ok(cairn_store_enrolment_put(store, &row, 5, &room->err));
    ok(cairn_store_enrolment_pending_take(store, row.digest, &pending, &found, &room->err));
    assert_false(found);
    fill(&row.pending, "secret");
    ok(cairn_store_enrolment_put(store, &row, 5, &room->err));
    ok(cairn_store_enrolment_pending_take(store, row.digest, &pending, &found, &room->err));
    assert_true(found);
    assert_string_equal((const char *)pending.p, "secret");
    ok(cairn_store_enrolment_pending_take(store, row.digest, &again, &found, &room->err));
    assert_false(found);
    ok(cairn_store_enrolment_put(store, &row, 5, &room->err)); /* a row that was read before */
    ok(cairn_store_enrolment_pending_take(store, row.digest, &again, &found, &room->err));
    assert_false(found);
    assert_null(again.p);
    ok(cairn_store_enrolment_rearm(store, row.digest, cairn_span_str("another"), &room->err));
    ok(cairn_store_enrolment_pending_take(store, row.digest, &again, &found, &room->err));
    assert_true(found);
    assert_string_equal((const char *)again.p, "another");
    ok(cairn_store_enrolment_pending_take(store, row.digest, &again, &found, &room->err));
    assert_false(found);
    cairn_store_close(store);
}

static void a_token_has_only_so_many_open_enrolments(void **state)
{
    struct room *room = *state;
    struct cairn_store *store = open_store(room, true);
    for (uint32_t i = 0; i < 3; i++) {
        ENROL_ROW row = enrolment_row(i);
        ok(cairn_store_enrolment_put(store, &row, 3, &room->err));
    }
    ENROL_ROW more = enrolment_row(3), other = enrolment_row(4), old = enrolment_row(0);
    refuses(cairn_store_enrolment_put(store, &more, 3, &room->err), CAIRN_E_BUSY, "server.rate");
    assert_int_equal(room->err.retry_after_s, 60);
    (void)snprintf(other.token, sizeof(other.token), "field");
    ok(cairn_store_enrolment_put(store, &other, 3, &room->err));
    (void)snprintf(old.refused, sizeof(old.refused), "no");
    ok(cairn_store_enrolment_put(store, &old, 3, &room->err));
    ok(cairn_store_enrolment_put(store, &more, 3, &room->err));
    cairn_store_close(store);
}

static void only_open_enrolments_expire(void **state)
{
    struct room *room = *state;
    struct cairn_store *store = open_store(room, true);
    ENROL_ROW open = enrolment_row(1), done = enrolment_row(2), young = enrolment_row(3), got = {0};
    bool found = false;
    fill(&done.statement, "statement");
    young.created_s = 2000;
    ok(cairn_store_enrolment_put(store, &open, 9, &room->err));
    ok(cairn_store_enrolment_put(store, &done, 9, &room->err));
    ok(cairn_store_enrolment_put(store, &young, 9, &room->err));
    ok(cairn_store_enrolment_expire(store, 2000, &room->err));
    ok(cairn_store_enrolment_get(store, open.digest, &got, &found, &room->err));
    assert_false(found);
    ok(cairn_store_enrolment_get(store, done.digest, &got, &found, &room->err));
    assert_true(found);
    ok(cairn_store_enrolment_get(store, young.digest, &got, &found, &room->err));
    assert_true(found);
    cairn_store_close(store);
}

int main(void)
{
#define CASE(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        CASE(the_database_is_private_whatever_the_umask),
        CASE(refuses_a_database_that_others_can_reach),
        CASE(refuses_what_is_no_file_of_its_own),
        CASE(refuses_a_database_of_a_later_version),
        CASE(a_readers_connection_writes_nothing_and_sees_what_is_committed),
        CASE(a_damaged_file_is_refused_or_read_and_never_crashes),
        CASE(a_file_cut_short_is_refused_as_damaged),
        CASE(a_file_cut_short_under_a_reader_ends_no_process),
        CASE(a_row_of_the_wrong_shape_is_damage),
        CASE(a_device_comes_back_as_it_was_put),
        CASE(a_devices_life_ticket_and_order_are_kept),
        CASE(refuses_the_same_device_id_with_another_statement),
        CASE(the_same_statement_again_changes_nothing),
        CASE(a_ticket_replaces_the_row_and_keeps_the_archive),
        CASE(a_report_comes_back_as_it_was_put),
        CASE(a_sticky_report_is_cleared_once),
        CASE(a_grant_comes_back_as_it_was_put),
        CASE(the_oldest_of_a_devices_logs_goes_unless_another_uses_it),
        CASE(a_devices_logs_are_bounded_in_bytes),
        CASE(a_log_that_is_not_what_its_hash_says_is_damage),
        CASE(an_enrolment_comes_back_as_it_was_put),
        CASE(a_pending_file_is_taken_once_and_does_not_come_back),
        CASE(a_token_has_only_so_many_open_enrolments),
        CASE(only_open_enrolments_expire),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
