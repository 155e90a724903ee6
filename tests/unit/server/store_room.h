/* tests/unit/server/store_room.h -- a directory with a database in it, for the tests of the store. */
#ifndef CAIRN_TESTS_STORE_ROOM_H
#define CAIRN_TESTS_STORE_ROOM_H

#include "support/cmocka_all.h"

#include <limits.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/file.h"
#include "server/store_internal.h"

struct room {
    char dir[64], path[96];
    struct cairn_err err;
};

static int set_up(void **state)
{
    struct room *room = calloc(1, sizeof(*room));
    assert_non_null(room);
    (void)snprintf(room->dir, sizeof(room->dir), "/tmp/cairn-store-XXXXXX");
    assert_non_null(mkdtemp(room->dir));
    (void)snprintf(room->path, sizeof(room->path), "%s/cairn.db", room->dir);
    *state = room;
    return 0;
}

static bool drop(void *arg, const char *name)
{
    char path[PATH_MAX];
    (void)snprintf(path, sizeof(path), "%s/%s", ((struct room *)arg)->dir, name);
    (void)remove(path);
    return true;
}

static int tear_down(void **state)
{
    struct room *room = *state;
    CAIRN_FS *fs = NULL;
    assert_int_equal(cairn_fs_open_dir(room->dir, false, &fs, NULL), CAIRN_OK);
    assert_int_equal(cairn_file_each(fs, drop, room, NULL), CAIRN_OK);
    assert_int_equal(rmdir(room->dir), 0);
    free(room);
    return 0;
}

static CAIRN_UNUSED struct cairn_store *open_store(struct room *room, bool writer)
{
    struct cairn_store *store = NULL;
    enum cairn_rc rc = cairn_store_open(room->path, writer, &store, &room->err);
    if (rc != CAIRN_OK) {
        print_error("%s: %s\n", room->err.code, room->err.text);
    }
    assert_int_equal(rc, CAIRN_OK);
    return store;
}

/* direct runs SQL past the store, as somebody who can write the file does. */
static CAIRN_UNUSED void direct(const struct room *room, const char *sql)
{
    sqlite3 *db = NULL;
    char *text = NULL;
    assert_int_equal(sqlite3_open(room->path, &db), SQLITE_OK);
    if (sqlite3_exec(db, sql, NULL, NULL, &text) != SQLITE_OK) {
        fail_msg("%s: %s", sql, text);
    }
    assert_int_equal(sqlite3_close(db), SQLITE_OK);
}

/* id_of gives a device id that is known by its number. */
static CAIRN_UNUSED void id_of(uint32_t number, uint8_t id[32])
{
    struct cairn_writer w = cairn_writer(id, 32);
    cairn_write_u32(&w, number * 2654435761u);
    for (unsigned i = 0; i < 7; i++) {
        cairn_write_u32(&w, number + i);
    }
}

static CAIRN_UNUSED void fill(struct cairn_buf *buf, const char *text)
{
    assert_int_equal(cairn_buf_set(buf, cairn_span_str(text), NULL), CAIRN_OK);
}

static CAIRN_UNUSED struct cairn_device_row device_row(uint32_t number, const char *statement)
{
    struct cairn_device_row row = {.life = CAIRN_DEVICE_ENROLLED, .enrolled_s = 1800000000, .epoch = 7};
    id_of(number, row.device);
    (void)snprintf(row.serial, sizeof(row.serial), "SN-%u", number);
    (void)snprintf(row.tag, sizeof(row.tag), "tag");
    (void)snprintf(row.site, sizeof(row.site), "site");
    (void)snprintf(row.tpm_class, sizeof(row.tpm_class), "virtual");
    (void)snprintf(row.device_class, sizeof(row.device_class), "gateway-a");
    fill(&row.statement, statement);
    return row;
}

static CAIRN_UNUSED struct cairn_report_row report_row(uint32_t number, const char *reply)
{
    struct cairn_report_row row = {.received_s = 1800000001, .nonce_issued_s = 1800000000, .num_spent = 1, .mask = 0x1ff};
    id_of(number, row.device);
    fill(&row.reply, reply);
    return row;
}

#endif
