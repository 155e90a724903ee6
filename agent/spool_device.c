/* agent/spool_device.c -- see agent/spool_device.h. */
#include "agent/spool_device.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static CAIRN_RC half_path(const char *path, const char *half, char out[CAIRN_SPOOL_PATH_MAX], struct cairn_err *err)
{
    const int n = snprintf(out, CAIRN_SPOOL_PATH_MAX, "%s/%s", path, half);
    return path[0] == '/' && n > 0 && n < CAIRN_SPOOL_PATH_MAX
               ? CAIRN_OK
               : CAIRN_FAIL(err, CAIRN_E_USAGE, "spool.path", "the spool is an absolute path of at most 180 characters");
}

static CAIRN_RC open_half(const char *path, const char *half, struct cairn_fs **out, struct cairn_err *err)
{
    char full[CAIRN_SPOOL_PATH_MAX] = "";
    CAIRN_TRY(half_path(path, half, full, err));
    if (cairn_fs_open_dir(full, false, out, err) != CAIRN_OK) {
        struct cairn_err why = {0};
        if (err != NULL) {
            why = *err;
        }
        return CAIRN_FAIL_CAUSE(err, CAIRN_E_IO, "spool.absent", why.cause, "%s (`cairn spool publish` makes it, as root)",
                                why.text);
    }
    return CAIRN_OK;
}

enum cairn_rc cairn_spool_open(const char *path, struct cairn_spool *out, struct cairn_err *err)
{
    CAIRN_SPOOL spool = {.in = NULL};
    CAIRN_TRY(open_half(path, "in", &spool.in, err));
    CAIRN_TRY(open_half(path, "out", &spool.out, err));
    *out = spool;
    spool = (struct cairn_spool){.in = NULL};
    return CAIRN_OK;
}

static CAIRN_RC make(const char *path, mode_t mode, struct cairn_err *err)
{
    if (mkdir(path, mode) != 0 && errno != EEXIST) {
        return CAIRN_FAIL_CAUSE(err, CAIRN_E_IO, "file.dir", errno, "%s: %s", path, strerror(errno));
    }
    return CAIRN_OK;
}

static CAIRN_RC require_ours(const char *path, struct cairn_err *err)
{
    struct stat st;
    const int fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    const bool ours = fd >= 0 && fstat(fd, &st) == 0 && st.st_uid == geteuid() && (st.st_mode & (S_IWGRP | S_IWOTH)) == 0;
    if (fd >= 0) {
        (void)close(fd);
    }
    return ours ? CAIRN_OK
                : CAIRN_FAIL(err, CAIRN_E_REFUSED, "spool.owner",
                             "%s must be a directory that this user owns and nobody else can write", path);
}

enum cairn_rc cairn_spool_open_root(const char *path, struct cairn_spool *out, struct cairn_err *err)
{
    char in[CAIRN_SPOOL_PATH_MAX] = "", out_path[CAIRN_SPOOL_PATH_MAX] = "";
    CAIRN_TRY(half_path(path, "in", in, err));
    CAIRN_TRY(half_path(path, "out", out_path, err));
    CAIRN_TRY(make(path, 0755, err));
    CAIRN_TRY(require_ours(path, err));
    CAIRN_TRY(make(in, 0750, err));
    CAIRN_TRY(make(out_path, 0755, err));
    CAIRN_TRY(require_ours(out_path, err));
    return cairn_spool_open(path, out, err);
}

static bool holds(struct cairn_fs *fs, const char *name, struct cairn_span bytes)
{
    CAIRN_BUF there = {0};
    return cairn_file_exists(fs, name) && cairn_file_read(fs, name, CAIRN_FILE_MAX, &there, NULL) == CAIRN_OK &&
           cairn_span_equal(cairn_buf_span(&there), bytes);
}

static CAIRN_RC forget_enrolment(struct cairn_fs *out, struct cairn_err *err)
{
    static const char *const GONE[] = {CAIRN_SPOOL_RECEIPT,
                                       CAIRN_SPOOL_FAILED,
                                       CAIRN_SPOOL_WIPE_FAILED,
                                       CAIRN_SPOOL_RELEASE_ASK,
                                       CAIRN_SPOOL_KILL,
                                       "media.log",
                                       "plan.json",
                                       "start.json",
                                       "journal",
                                       CAIRN_IDENTITY_STATEMENT};
    if (cairn_file_exists(out, CAIRN_SPOOL_CERTIFICATE)) {
        CAIRN_TRY(cairn_file_rename(out, CAIRN_SPOOL_CERTIFICATE, "certificate.previous.json", err));
    }
    for (size_t i = 0; i < CAIRN_ARRAY_LEN(GONE); i++) {
        CAIRN_TRY(cairn_file_remove(out, GONE[i], err));
    }
    return CAIRN_OK;
}

enum cairn_rc cairn_spool_publish(const struct cairn_spool *spool, const struct cairn_identity *identity, struct cairn_err *err)
{
    const struct cairn_span root = cairn_buf_span(&identity->root_file);
    const struct cairn_span statement = cairn_buf_span(&identity->statement_file);
    if (!identity->enrolled) {
        return CAIRN_FAIL(err, CAIRN_E_REFUSED, "device.unenrolled", "this device is not enrolled: `cairn enrol online`");
    }
    if (!holds(spool->out, CAIRN_IDENTITY_STATEMENT, statement)) {
        CAIRN_TRY(forget_enrolment(spool->out, err));
    }
    if (!holds(spool->out, CAIRN_IDENTITY_ROOT, root)) {
        CAIRN_TRY(cairn_file_replace(spool->out, CAIRN_IDENTITY_ROOT, root, 0644, err));
    }
    return holds(spool->out, CAIRN_IDENTITY_STATEMENT, statement)
               ? CAIRN_OK
               : cairn_file_replace(spool->out, CAIRN_IDENTITY_STATEMENT, statement, 0644, err);
}
