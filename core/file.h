/* core/file.h -- files that survive a power cut, over a seam that a test can crash.
 *
 * A `cairn_fs` is one directory and the system calls on it. The algorithms (replace, read back from the medium) stand
 * above the seam, so a test back end that keeps un-synced writes in memory and drops or tears them at a simulated crash
 * shows what a missing fsync costs. Names are plain: no '/', not "." or "..", opened with O_NOFOLLOW.
 *
 * Threading: one object, one thread.
 */
#ifndef CAIRN_CORE_FILE_H
#define CAIRN_CORE_FILE_H

#include "core/wire.h"

/* struct cairn_fs is one directory. Every function answers CAIRN_E_USAGE "file.name" for a name that is not plain, is longer
 * than 240 bytes, or is that of a temporary file (".*.tmp"). One writer at a time per directory. */
struct cairn_fs;

/* struct cairn_fs_ops is the seam: each call does one system call's work and returns 0 or -errno (read: bytes, or -errno).
 * `fd` values are the back end's own. */
struct cairn_fs_ops {
    int (*open)(void *ctx, const char *name, int flags, unsigned mode); /* fd or -errno; O_NOFOLLOW | O_CLOEXEC are added */
    long (*pread)(void *ctx, int fd, void *buf, size_t len, uint64_t offset);
    long (*pwrite)(void *ctx, int fd, const void *buf, size_t len, uint64_t offset);
    long (*size)(void *ctx, int fd);
    int (*allocate)(void *ctx, int fd, uint64_t len); /* fallocate: ENOSPC comes before damage */
    int (*fsync)(void *ctx, int fd);
    int (*drop_cache)(void *ctx, int fd); /* the next read comes from the medium */
    int (*close)(void *ctx, int fd);
    int (*rename)(void *ctx, const char *from, const char *to);
    int (*unlink)(void *ctx, const char *name);
    int (*sync_dir)(void *ctx);
    int (*list)(void *ctx, unsigned index, char *name, size_t cap); /* 1 while there is an index-th entry, then 0 */
    void (*free)(void *ctx);
};
/* cairn_fs_new takes `ctx`: ops->free is called with it by cairn_fs_free, or at once on failure (CAIRN_E_IO "memory"). `ops`
 * must outlive the object. */
CAIRN_RC cairn_fs_new(const struct cairn_fs_ops *ops, void *ctx, struct cairn_fs **out, struct cairn_err *err);
/* cairn_fs_open_dir is the real back end. Makes the directory (0700) when it is absent and `create` is set.
 * CAIRN_E_IO "file.dir": absent, not a directory, or writable by others than its owner. */
CAIRN_RC cairn_fs_open_dir(const char *path, bool create, struct cairn_fs **out, struct cairn_err *err);
void cairn_fs_free(struct cairn_fs *fs);
void cairn_fs_freep(struct cairn_fs **fs);
#define CAIRN_FS CAIRN_CLEANUP(cairn_fs_freep) struct cairn_fs

/* cairn_file_replace makes `name` hold exactly `bytes`, wholly old or wholly new after any power cut: temporary file in
 * the same directory, allocate, write, fsync, rename, fsync of the directory; each checked. On failure the old file stands,
 * except when the last step alone failed: then the new one shows, and after a power cut it may be either.
 * CAIRN_E_IO "file.full" (no space), "file.write", "file.sync". */
CAIRN_RC cairn_file_replace(struct cairn_fs *fs, const char *name, struct cairn_span bytes, unsigned mode,
                            struct cairn_err *err);

/* cairn_file_overwrite writes a fixed slot in place (made if absent, cut if longer), fsyncs file and directory, drops the
 * cache, reads it back through a new descriptor and compares; tries again once from scratch. May leave a torn slot: for
 * two-copy records. CAIRN_E_IO "file.readback": the medium does not hold what was written. */
CAIRN_RC cairn_file_overwrite(struct cairn_fs *fs, const char *name, struct cairn_span bytes, unsigned mode,
                              struct cairn_err *err);

/* cairn_file_read reads all of a regular file of at most `max_len` bytes.
 * CAIRN_E_IO "file.absent" (cause ENOENT), "file.large", "file.read". */
CAIRN_RC cairn_file_read(struct cairn_fs *fs, const char *name, size_t max_len, struct cairn_buf *out, struct cairn_err *err);
/* cairn_file_exists: false for ENOENT only; any other trouble is reported as true so that nobody overwrites. */
bool cairn_file_exists(struct cairn_fs *fs, const char *name);
/* cairn_file_remove unlinks and fsyncs the directory; an absent file is CAIRN_OK. */
CAIRN_RC cairn_file_remove(struct cairn_fs *fs, const char *name, struct cairn_err *err);
/* cairn_file_rename gives a file another name in its directory, durably, in place of what is there by that name. Of any kind: a
 * name that somebody else made is moved, never followed. CAIRN_E_IO "file.absent" (cause ENOENT), "file.write", "file.sync". */
CAIRN_RC cairn_file_rename(struct cairn_fs *fs, const char *from, const char *to, struct cairn_err *err);
/* cairn_file_each calls `fn` for every entry except a left-over temporary file; stops when it returns false. The names are
 * those of the moment of the call, so `fn` may remove files. CAIRN_E_IO "file.list"; "file.large": above 4 MiB of names. */
CAIRN_RC cairn_file_each(struct cairn_fs *fs, bool (*fn)(void *arg, const char *name), void *arg, struct cairn_err *err);

/* Whole files by path, for a program's arguments ("-" reads standard input). cairn_path_read_private also refuses a file
 * that group or others can read (CAIRN_E_REFUSED "file.mode"). cairn_path_write replaces durably as above, in any directory
 * ("-" writes standard output); a target that is not a regular file is left alone: CAIRN_E_IO "file.kind". */
CAIRN_RC cairn_path_read(const char *path, size_t max_len, struct cairn_buf *out, struct cairn_err *err);
CAIRN_RC cairn_path_read_private(const char *path, size_t max_len, struct cairn_buf *out, struct cairn_err *err);
CAIRN_RC cairn_path_write(const char *path, struct cairn_span bytes, unsigned mode, struct cairn_err *err);

#endif
