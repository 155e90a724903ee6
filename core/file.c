/* core/file.c -- the durable algorithms of core/file.h, above the seam. No system call is made here.
 *
 * Errors of fsync are never retried on the same descriptor: after one, Linux may call dirty pages clean (the write is
 * lost and the next fsync succeeds). Only a whole new write counts.
 */
#include "core/file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { NAME_LEN_MAX = 240, TEMP_CAP = NAME_LEN_MAX + 8, CHUNK = 64 * 1024, NAMES_MAX = 4 << 20, TRIES = 16 };

struct cairn_fs {
    const struct cairn_fs_ops *ops;
    void *ctx;
};

/* struct target is what an error is reported against. */
struct target {
    struct cairn_fs *fs;
    const char *name;
    struct cairn_err *err;
};

enum cairn_rc cairn_fs_new(const struct cairn_fs_ops *ops, void *ctx, struct cairn_fs **out, struct cairn_err *err)
{
    struct cairn_fs *fs = calloc(1, sizeof(*fs));
    if (fs == NULL) {
        ops->free(ctx);
        return CAIRN_FAIL(err, CAIRN_E_IO, "memory", "no memory for a directory object");
    }
    *fs = (struct cairn_fs){ops, ctx};
    *out = fs;
    return CAIRN_OK;
}

void cairn_fs_free(struct cairn_fs *fs)
{
    if (fs != NULL) {
        fs->ops->free(fs->ctx);
        free(fs);
    }
}

void cairn_fs_freep(struct cairn_fs **fs)
{
    cairn_fs_free(*fs);
    *fs = NULL;
}

static bool is_temp(const char *name)
{
    size_t len = strlen(name);
    return name[0] == '.' && len > 4 && strcmp(name + len - 4, ".tmp") == 0;
}

static enum cairn_rc check_name(const char *name, struct cairn_err *err)
{
    size_t len = strlen(name);
    bool dots = strcmp(name, ".") == 0 || strcmp(name, "..") == 0;
    if (len == 0 || len > NAME_LEN_MAX || dots || strchr(name, '/') != NULL || is_temp(name)) {
        return CAIRN_FAIL(err, CAIRN_E_USAGE, "file.name", "not a plain file name: \"%.80s\"", name);
    }
    return CAIRN_OK;
}

/* fail_as reports -errno `rc` under `code`; no space has a code of its own wherever it shows. */
static enum cairn_rc fail_as(const struct target *t, const char *code, const char *step, long rc)
{
    int cause = (int)-rc;
    if (cause == ENOSPC || cause == EDQUOT) {
        return CAIRN_FAIL_CAUSE(t->err, CAIRN_E_IO, "file.full", cause, "%s: no space left (%s)", t->name, step);
    }
    return CAIRN_FAIL_CAUSE(t->err, CAIRN_E_IO, code, cause, "%s: %s: %s", t->name, step, strerror(cause));
}

static int open_file(struct cairn_fs *fs, const char *name, int flags, unsigned mode)
{
    int fd = -EINTR;
    for (int i = 0; i < TRIES && fd == -EINTR; i++) {
        fd = fs->ops->open(fs->ctx, name, flags, mode);
    }
    return fd;
}

/* write_all returns 0 or -errno. Short writes go on; EINTR is tried again, but not for ever. */
static long write_all(struct cairn_fs *fs, int fd, struct cairn_span bytes)
{
    size_t done = 0;
    int interrupted = 0;
    while (done < bytes.len) {
        long n = fs->ops->pwrite(fs->ctx, fd, bytes.p + done, bytes.len - done, done);
        if (n == -EINTR && ++interrupted < TRIES) {
            continue;
        }
        if (n <= 0) {
            return n == 0 ? -EIO : n;
        }
        done += (size_t)n;
    }
    return 0;
}

/* read_at fills `buf` as far as the file goes: bytes, or -errno. */
static long read_at(struct cairn_fs *fs, int fd, uint8_t *buf, size_t len, uint64_t offset)
{
    size_t done = 0;
    int interrupted = 0;
    while (done < len) {
        long n = fs->ops->pread(fs->ctx, fd, buf + done, len - done, offset + done);
        if (n == -EINTR && ++interrupted < TRIES) {
            continue;
        }
        if (n < 0) {
            return n;
        }
        if (n == 0) {
            break;
        }
        done += (size_t)n;
    }
    return (long)done;
}

/* close_checked: a close that was interrupted has still closed (Linux). */
static long close_checked(struct cairn_fs *fs, int fd)
{
    int rc = fs->ops->close(fs->ctx, fd);
    return rc == -EINTR ? 0 : rc;
}

/* put writes all of `bytes` into `fd` and makes them durable. */
static enum cairn_rc put(const struct target *t, int fd, struct cairn_span bytes)
{
    struct cairn_fs *fs = t->fs;
    if (bytes.len > 0) {
        long rc = fs->ops->allocate(fs->ctx, fd, bytes.len);
        if (rc != 0) {
            return fail_as(t, "file.write", "allocate", rc);
        }
    }
    long rc = write_all(fs, fd, bytes);
    if (rc != 0) {
        return fail_as(t, "file.write", "write", rc);
    }
    rc = fs->ops->fsync(fs->ctx, fd);
    return rc == 0 ? CAIRN_OK : fail_as(t, "file.sync", "fsync", rc);
}

static enum cairn_rc sync_dir(const struct target *t)
{
    int rc = t->fs->ops->sync_dir(t->fs->ctx);
    return rc == 0 ? CAIRN_OK : fail_as(t, "file.sync", "fsync of the directory", rc);
}

static enum cairn_rc write_temp(const struct target *t, const char *temp, struct cairn_span bytes, unsigned mode)
{
    struct cairn_fs *fs = t->fs;
    int left_over = fs->ops->unlink(fs->ctx, temp); /* of an earlier power cut */
    if (left_over != 0 && left_over != -ENOENT) {
        return fail_as(t, "file.write", "remove an old temporary file", left_over);
    }
    int fd = open_file(fs, temp, O_WRONLY | O_CREAT | O_EXCL, mode);
    if (fd < 0) {
        return fail_as(t, "file.write", "make a temporary file", fd);
    }
    enum cairn_rc rc = put(t, fd, bytes);
    long closed = close_checked(fs, fd);
    if (rc == CAIRN_OK && closed != 0) {
        rc = fail_as(t, "file.write", "close", closed);
    }
    return rc;
}

enum cairn_rc cairn_file_replace(struct cairn_fs *fs, const char *name, struct cairn_span bytes, unsigned mode,
                                 struct cairn_err *err)
{
    CAIRN_TRY(check_name(name, err));
    const struct target t = {fs, name, err};
    char temp[TEMP_CAP];
    (void)snprintf(temp, sizeof(temp), ".%s.tmp", name);
    enum cairn_rc rc = write_temp(&t, temp, bytes, mode);
    if (rc == CAIRN_OK) {
        int renamed = fs->ops->rename(fs->ctx, temp, name);
        rc = renamed == 0 ? CAIRN_OK : fail_as(&t, "file.write", "rename", renamed);
    }
    if (rc != CAIRN_OK) {
        (void)fs->ops->unlink(fs->ctx, temp); /* the first failure is the one to report */
        return rc;
    }
    return sync_dir(&t);
}

enum cairn_rc cairn_file_rename(struct cairn_fs *fs, const char *from, const char *to, struct cairn_err *err)
{
    CAIRN_TRY(check_name(from, err));
    CAIRN_TRY(check_name(to, err));
    const struct target t = {fs, from, err};
    int renamed = fs->ops->rename(fs->ctx, from, to);
    if (renamed != 0) {
        return fail_as(&t, renamed == -ENOENT ? "file.absent" : "file.write", "rename", renamed);
    }
    return sync_dir(&t);
}

/* open_slot opens a slot for writing; a longer file is cut, so that the slot holds exactly the bytes. */
static int open_slot(struct cairn_fs *fs, const char *name, size_t len, unsigned mode)
{
    int fd = open_file(fs, name, O_RDWR | O_CREAT, mode);
    if (fd < 0) {
        return fd;
    }
    long size = fs->ops->size(fs->ctx, fd);
    if (size >= 0 && (size_t)size <= len) {
        return fd;
    }
    long closed = close_checked(fs, fd);
    if (size < 0 || closed != 0) {
        return (int)(size < 0 ? size : closed);
    }
    return open_file(fs, name, O_RDWR | O_CREAT | O_TRUNC, mode);
}

static enum cairn_rc write_slot(const struct target *t, struct cairn_span bytes, unsigned mode)
{
    struct cairn_fs *fs = t->fs;
    int fd = open_slot(fs, t->name, bytes.len, mode);
    if (fd < 0) {
        return fail_as(t, "file.write", "open", fd);
    }
    enum cairn_rc rc = put(t, fd, bytes);
    if (rc == CAIRN_OK) {
        rc = sync_dir(t);
    }
    if (rc == CAIRN_OK) {
        int dropped = fs->ops->drop_cache(fs->ctx, fd);
        rc = dropped == 0 ? CAIRN_OK : fail_as(t, "file.readback", "drop the cache", dropped);
    }
    long closed = close_checked(fs, fd);
    if (rc == CAIRN_OK && closed != 0) {
        rc = fail_as(t, "file.write", "close", closed);
    }
    return rc;
}

/* compare_open compares an open file with `bytes`: 0, -errno, or -EILSEQ for other bytes. */
static long compare_open(struct cairn_fs *fs, int fd, struct cairn_span bytes, uint8_t *scratch)
{
    long size = fs->ops->size(fs->ctx, fd);
    if (size < 0) {
        return size;
    }
    if ((size_t)size != bytes.len) {
        return -EILSEQ;
    }
    for (size_t done = 0; done < bytes.len;) {
        size_t want = bytes.len - done < CHUNK ? bytes.len - done : CHUNK;
        long n = read_at(fs, fd, scratch, want, done);
        if (n < 0) {
            return n;
        }
        if ((size_t)n != want || memcmp(scratch, bytes.p + done, want) != 0) {
            return -EILSEQ;
        }
        done += want;
    }
    return 0;
}

static enum cairn_rc read_back(const struct target *t, struct cairn_span bytes)
{
    CAIRN_BUF scratch = {0};
    CAIRN_TRY(cairn_buf_resize(&scratch, bytes.len < CHUNK ? bytes.len : CHUNK, t->err));
    int fd = open_file(t->fs, t->name, O_RDONLY, 0);
    if (fd < 0) {
        return fail_as(t, "file.readback", "open to read back", fd);
    }
    long rc = compare_open(t->fs, fd, bytes, scratch.p);
    (void)close_checked(t->fs, fd);
    if (rc == -EILSEQ) {
        return CAIRN_FAIL(t->err, CAIRN_E_IO, "file.readback", "%s: the medium does not hold what was written", t->name);
    }
    return rc == 0 ? CAIRN_OK : fail_as(t, "file.readback", "read back", rc);
}

enum cairn_rc cairn_file_overwrite(struct cairn_fs *fs, const char *name, struct cairn_span bytes, unsigned mode,
                                   struct cairn_err *err)
{
    CAIRN_TRY(check_name(name, err));
    const struct target t = {fs, name, err};
    enum cairn_rc rc = CAIRN_OK;
    for (int i = 0; i < 2; i++) {
        rc = write_slot(&t, bytes, mode);
        if (rc == CAIRN_OK) {
            rc = read_back(&t, bytes);
        }
        if (rc == CAIRN_OK) {
            break;
        }
    }
    return rc;
}

/* read_to_end appends what `fd` holds, up to one byte more than `max_len`: 0, -errno, or -EFBIG. */
static long read_to_end(struct cairn_fs *fs, int fd, size_t max_len, struct cairn_buf *out)
{
    for (;;) {
        size_t had = out->len;
        size_t want = max_len - had < CHUNK ? max_len - had + 1 : CHUNK;
        if (cairn_buf_resize(out, had + want, NULL) != CAIRN_OK) {
            return -ENOMEM;
        }
        long n = read_at(fs, fd, out->p + had, want, had);
        if (n < 0) {
            return n;
        }
        if (cairn_buf_resize(out, had + (size_t)n, NULL) != CAIRN_OK) {
            return -ENOMEM;
        }
        if (out->len > max_len) {
            return -EFBIG;
        }
        if ((size_t)n < want) {
            return 0;
        }
    }
}

enum cairn_rc cairn_file_read(struct cairn_fs *fs, const char *name, size_t max_len, struct cairn_buf *out,
                              struct cairn_err *err)
{
    CAIRN_TRY(check_name(name, err));
    const struct target t = {fs, name, err};
    int fd = open_file(fs, name, O_RDONLY, 0);
    if (fd == -ENOENT) {
        return CAIRN_FAIL_CAUSE(err, CAIRN_E_IO, "file.absent", ENOENT, "%s: there is no such file", name);
    }
    if (fd < 0) {
        return fail_as(&t, "file.read", "open", fd);
    }
    CAIRN_BUF bytes = {0};
    long rc = fs->ops->size(fs->ctx, fd); /* also refuses what is not a regular file */
    if (rc >= 0) {
        rc = (size_t)rc > max_len ? -EFBIG : read_to_end(fs, fd, max_len, &bytes);
    }
    (void)close_checked(fs, fd);
    if (rc == -EFBIG) {
        return CAIRN_FAIL(err, CAIRN_E_IO, "file.large", "%s: larger than the %zu bytes allowed", name, max_len);
    }
    if (rc != 0) {
        return fail_as(&t, "file.read", "read", rc);
    }
    struct cairn_buf old = *out;
    *out = bytes;
    bytes = old;
    return CAIRN_OK;
}

bool cairn_file_exists(struct cairn_fs *fs, const char *name)
{
    if (check_name(name, NULL) != CAIRN_OK) {
        return true;
    }
    int fd = open_file(fs, name, O_RDONLY, 0);
    if (fd >= 0) {
        (void)close_checked(fs, fd);
    }
    return fd != -ENOENT;
}

enum cairn_rc cairn_file_remove(struct cairn_fs *fs, const char *name, struct cairn_err *err)
{
    CAIRN_TRY(check_name(name, err));
    const struct target t = {fs, name, err};
    int rc = fs->ops->unlink(fs->ctx, name);
    if (rc != 0 && rc != -ENOENT) {
        return fail_as(&t, "file.write", "remove", rc);
    }
    /* also when it was absent: an unlink before the last power cut may not be durable yet */
    return sync_dir(&t);
}

enum cairn_rc cairn_file_each(struct cairn_fs *fs, bool (*fn)(void *arg, const char *name), void *arg, struct cairn_err *err)
{
    const struct target t = {fs, "directory", err};
    CAIRN_BUF names = {0};
    char name[NAME_LEN_MAX + 16];
    int more = 0;
    for (unsigned i = 0; (more = fs->ops->list(fs->ctx, i, name, sizeof(name))) == 1; i++) {
        if (names.len > NAMES_MAX) {
            return CAIRN_FAIL(err, CAIRN_E_IO, "file.large", "the directory holds too many files to list");
        }
        if (!is_temp(name)) {
            CAIRN_TRY(cairn_buf_append(&names, cairn_span(name, strlen(name) + 1), err));
        }
    }
    if (more < 0) {
        return fail_as(&t, "file.list", "list", more);
    }
    for (size_t at = 0; at < names.len; at += strlen((const char *)names.p + at) + 1) {
        if (!fn(arg, (const char *)names.p + at)) {
            break;
        }
    }
    return CAIRN_OK;
}
