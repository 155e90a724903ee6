/* core/file_posix.c -- the real back end of core/file.h: every system call on files that Cairn's state and documents need.
 *
 * All names are opened relative to one directory descriptor with O_NOFOLLOW; what is opened must be a regular file.
 */
#include "core/file.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

struct posix_dir {
    int fd;
    DIR *listing; /* open while a list is under way */
    unsigned next;
};

static int result(int rc)
{
    return rc == 0 ? 0 : -errno;
}

static int posix_open(void *ctx, const char *name, int flags, unsigned mode)
{
    const struct posix_dir *dir = ctx;
    /* O_NONBLOCK: a FIFO or device put in a file's place must not hold us up; it means nothing to a regular file */
    int fd = openat(dir->fd, name, flags | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK | O_NOCTTY, (mode_t)mode);
    if (fd < 0) {
        return -errno;
    }
    struct stat st;
    int rc = fstat(fd, &st) != 0 ? -errno : S_ISREG(st.st_mode) ? 0 : -EINVAL;
    if (rc != 0) {
        (void)close(fd);
        return rc;
    }
    return fd;
}

static long posix_pread(void *ctx CAIRN_UNUSED, int fd, void *buf, size_t len, uint64_t offset)
{
    ssize_t n = pread(fd, buf, len, (off_t)offset);
    return n >= 0 ? n : -errno;
}

static long posix_pwrite(void *ctx CAIRN_UNUSED, int fd, const void *buf, size_t len, uint64_t offset)
{
    ssize_t n = pwrite(fd, buf, len, (off_t)offset);
    return n >= 0 ? n : -errno;
}

static long posix_size(void *ctx CAIRN_UNUSED, int fd)
{
    struct stat st;
    return fstat(fd, &st) == 0 ? (long)st.st_size : -errno;
}

static int posix_allocate(void *ctx CAIRN_UNUSED, int fd, uint64_t len)
{
    int rc = result(fallocate(fd, 0, 0, (off_t)len));
    /* a file system without it: the write itself will say ENOSPC */
    return rc == -EOPNOTSUPP || rc == -ENOSYS ? 0 : rc;
}

static int posix_fsync(void *ctx CAIRN_UNUSED, int fd)
{
    return result(fsync(fd));
}

static int posix_drop_cache(void *ctx CAIRN_UNUSED, int fd)
{
    return -posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED);
}

static int posix_close(void *ctx CAIRN_UNUSED, int fd)
{
    return result(close(fd));
}

static int posix_rename(void *ctx, const char *from, const char *to)
{
    const struct posix_dir *dir = ctx;
    return result(renameat(dir->fd, from, dir->fd, to));
}

static int posix_unlink(void *ctx, const char *name)
{
    const struct posix_dir *dir = ctx;
    return result(unlinkat(dir->fd, name, 0));
}

static int posix_sync_dir(void *ctx)
{
    const struct posix_dir *dir = ctx;
    return result(fsync(dir->fd));
}

/* open_listing starts at the first entry, on a descriptor of its own. */
static int open_listing(struct posix_dir *dir)
{
    if (dir->listing != NULL) {
        (void)closedir(dir->listing);
        dir->listing = NULL;
    }
    int fd = openat(dir->fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0) {
        return -errno;
    }
    dir->listing = fdopendir(fd);
    if (dir->listing == NULL) {
        int rc = -errno;
        (void)close(fd);
        return rc;
    }
    dir->next = 0;
    return 0;
}

/* next_entry skips "." and "..": the entry, or NULL with *rc = 0 at the end and -errno on failure. */
static const struct dirent *next_entry(struct posix_dir *dir, int *rc)
{
    const struct dirent *entry = NULL;
    do {
        errno = 0;
        entry = readdir(dir->listing);
    } while (entry != NULL && (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0));
    *rc = entry == NULL ? -errno : 0;
    dir->next++;
    return entry;
}

static int posix_list(void *ctx, unsigned index, char *name, size_t cap)
{
    struct posix_dir *dir = ctx;
    if (dir->listing == NULL || index == 0 || index < dir->next) {
        int opened = open_listing(dir);
        if (opened != 0) {
            return opened;
        }
    }
    const struct dirent *entry = NULL;
    int rc = 0;
    do {
        entry = next_entry(dir, &rc);
    } while (entry != NULL && dir->next <= index);
    if (entry == NULL) {
        return rc;
    }
    size_t len = strlen(entry->d_name);
    if (len >= cap) {
        return -ENAMETOOLONG;
    }
    memcpy(name, entry->d_name, len + 1);
    return 1;
}

static void posix_free(void *ctx)
{
    struct posix_dir *dir = ctx;
    if (dir->listing != NULL) {
        (void)closedir(dir->listing);
    }
    (void)close(dir->fd);
    free(dir);
}

static const struct cairn_fs_ops POSIX_OPS = {
    .open = posix_open,
    .pread = posix_pread,
    .pwrite = posix_pwrite,
    .size = posix_size,
    .allocate = posix_allocate,
    .fsync = posix_fsync,
    .drop_cache = posix_drop_cache,
    .close = posix_close,
    .rename = posix_rename,
    .unlink = posix_unlink,
    .sync_dir = posix_sync_dir,
    .list = posix_list,
    .free = posix_free,
};

static enum cairn_rc fail_path(struct cairn_err *err, const char *code, const char *path, int cause)
{
    return CAIRN_FAIL_CAUSE(err, CAIRN_E_IO, code, cause, "%s: %s", path, strerror(cause));
}

/* split_path gives the directory part of `path` ("." or "/" when there is none) and a pointer to its last part. */
static const char *split_path(const char *path, char dir[PATH_MAX])
{
    const char *slash = strrchr(path, '/');
    size_t len = slash == NULL ? 0 : (size_t)(slash - path);
    (void)snprintf(dir, PATH_MAX, "%.*s", (int)(len < PATH_MAX ? len : PATH_MAX - 1), path);
    if (len == 0) {
        (void)snprintf(dir, PATH_MAX, "%s", slash == NULL ? "." : "/");
    }
    return slash == NULL ? path : slash + 1;
}

/* wrap_dir opens a directory as a cairn_fs; `strict` refuses one that others can write. */
static enum cairn_rc wrap_dir(const char *path, bool strict, struct cairn_fs **out, struct cairn_err *err)
{
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0) {
        return fail_path(err, "file.dir", path, errno);
    }
    struct stat st;
    if (fstat(fd, &st) != 0 || (strict && (st.st_mode & (S_IWGRP | S_IWOTH)) != 0)) {
        (void)close(fd);
        return CAIRN_FAIL(err, CAIRN_E_IO, "file.dir", "%s: others than its owner can write this directory", path);
    }
    struct posix_dir *dir = calloc(1, sizeof(*dir));
    if (dir == NULL) {
        (void)close(fd);
        return CAIRN_FAIL(err, CAIRN_E_IO, "memory", "no memory for a directory object");
    }
    dir->fd = fd;
    return cairn_fs_new(&POSIX_OPS, dir, out, err);
}

/* make_dir makes `path` if it is absent, and its entry durable. */
static enum cairn_rc make_dir(const char *path, struct cairn_err *err)
{
    if (mkdir(path, 0700) != 0) {
        return errno == EEXIST ? CAIRN_OK : fail_path(err, "file.dir", path, errno);
    }
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    int parent = fd < 0 ? -1 : openat(fd, "..", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    int rc = parent < 0 ? -errno : result(fsync(parent));
    if (parent >= 0) {
        (void)close(parent);
    }
    if (fd >= 0) {
        (void)close(fd);
    }
    return rc == 0 ? CAIRN_OK : fail_path(err, "file.dir", path, -rc);
}

enum cairn_rc cairn_fs_open_dir(const char *path, bool create, struct cairn_fs **out, struct cairn_err *err)
{
    if (create) {
        CAIRN_TRY(make_dir(path, err));
    }
    return wrap_dir(path, true, out, err);
}

/* read_stream reads a descriptor, which may be a pipe, to its end. */
static enum cairn_rc read_stream(int fd, const char *path, size_t max_len, struct cairn_buf *out, struct cairn_err *err)
{
    enum { CHUNK = 64 * 1024 };
    CAIRN_BUF bytes = {0};
    for (;;) {
        size_t had = bytes.len;
        size_t want = max_len - had < CHUNK ? max_len - had + 1 : CHUNK;
        CAIRN_TRY(cairn_buf_resize(&bytes, had + want, err));
        ssize_t n = read(fd, bytes.p + had, want);
        if (n < 0 && errno != EINTR) {
            return fail_path(err, "file.read", path, errno);
        }
        CAIRN_TRY(cairn_buf_resize(&bytes, had + (n > 0 ? (size_t)n : 0), err));
        if (bytes.len > max_len) {
            return CAIRN_FAIL(err, CAIRN_E_IO, "file.large", "%s: larger than the %zu bytes allowed", path, max_len);
        }
        if (n == 0) {
            break;
        }
    }
    struct cairn_buf old = *out;
    *out = bytes;
    bytes = old;
    return CAIRN_OK;
}

static enum cairn_rc check_private(int fd, const char *path, struct cairn_err *err)
{
    struct stat st;
    if (fstat(fd, &st) != 0) {
        return fail_path(err, "file.read", path, errno);
    }
    if ((st.st_mode & (S_IRWXG | S_IRWXO)) != 0) {
        return CAIRN_FAIL(err, CAIRN_E_REFUSED, "file.mode", "%s: group or others have access to this secret (chmod 600)",
                          path);
    }
    return CAIRN_OK;
}

static enum cairn_rc read_path(const char *path, bool private, size_t max_len, struct cairn_buf *out, struct cairn_err *err)
{
    if (strcmp(path, "-") == 0) {
        return read_stream(STDIN_FILENO, "standard input", max_len, out, err);
    }
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
    if (fd < 0) {
        return fail_path(err, errno == ENOENT ? "file.absent" : "file.read", path, errno);
    }
    enum cairn_rc rc = private ? check_private(fd, path, err) : CAIRN_OK;
    if (rc == CAIRN_OK) {
        rc = read_stream(fd, path, max_len, out, err);
    }
    (void)close(fd);
    return rc;
}

enum cairn_rc cairn_path_read(const char *path, size_t max_len, struct cairn_buf *out, struct cairn_err *err)
{
    return read_path(path, false, max_len, out, err);
}

enum cairn_rc cairn_path_read_private(const char *path, size_t max_len, struct cairn_buf *out, struct cairn_err *err)
{
    return read_path(path, true, max_len, out, err);
}

static enum cairn_rc write_stream(int fd, struct cairn_span bytes, struct cairn_err *err)
{
    for (size_t done = 0; done < bytes.len;) {
        ssize_t n = write(fd, bytes.p + done, bytes.len - done);
        if (n < 0 && errno != EINTR) {
            return fail_path(err, "file.write", "standard output", errno);
        }
        done += n > 0 ? (size_t)n : 0;
    }
    return CAIRN_OK;
}

enum cairn_rc cairn_path_write(const char *path, struct cairn_span bytes, unsigned mode, struct cairn_err *err)
{
    if (strcmp(path, "-") == 0) {
        return write_stream(STDOUT_FILENO, bytes, err);
    }
    if (strlen(path) >= PATH_MAX) {
        return fail_path(err, "file.write", "path", ENAMETOOLONG);
    }
    struct stat st;
    if (lstat(path, &st) == 0 && !S_ISREG(st.st_mode)) {
        return CAIRN_FAIL(err, CAIRN_E_IO, "file.kind", "%s: not a regular file, so it is not replaced", path);
    }
    char dir[PATH_MAX];
    const char *name = split_path(path, dir);
    CAIRN_FS *fs = NULL;
    CAIRN_TRY(wrap_dir(dir, false, &fs, err));
    return cairn_file_replace(fs, name, bytes, mode, err);
}
