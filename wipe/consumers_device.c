/* wipe/consumers_device.c -- see wipe/consumers_device.h. A pidfd keeps a reused pid from being waited for. */
#include "wipe/consumers_device.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "core/file.h"

enum { PID_FILE_MAX = 32 };

static void close_fd(int *fd)
{
    if (*fd >= 0) {
        (void)close(*fd);
    }
}

static CAIRN_RC read_pid(const char *path, pid_t *out, struct cairn_err *err)
{
    CAIRN_BUF bytes = {0};
    char text[PID_FILE_MAX + 1] = "";
    char *end = NULL;
    *out = 0;
    if (access(path, F_OK) != 0 && errno == ENOENT) {
        return CAIRN_OK;
    }
    CAIRN_TRY(cairn_path_read(path, PID_FILE_MAX, &bytes, err));
    (void)snprintf(text, sizeof text, "%.*s", (int)bytes.len, bytes.p != NULL ? (const char *)bytes.p : "");
    text[strcspn(text, "\r\n")] = '\0';
    long pid = strtol(text, &end, 10);
    if (end == text || *end != '\0' || pid <= 1 || pid == getpid() || pid > 0x3fffffff) {
        return CAIRN_FAIL(err, CAIRN_E_REFUSED, "wipe.consumer.pidfile", "%s does not hold the pid of a process to stop", path);
    }
    *out = (pid_t)pid;
    return CAIRN_OK;
}

static int64_t now_ms(void)
{
    struct timespec t = {0};
    (void)clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static CAIRN_RC stop_one(const char *path, int64_t until_ms, struct cairn_err *err)
{
    pid_t pid = 0;
    CAIRN_TRY(read_pid(path, &pid, err));
    if (pid == 0) {
        return CAIRN_OK;
    }
    CAIRN_CLEANUP(close_fd) int fd = (int)syscall(SYS_pidfd_open, pid, 0);
    if (fd < 0 && errno == ESRCH) {
        return CAIRN_OK;
    }
    if (fd < 0 || syscall(SYS_pidfd_send_signal, fd, SIGTERM, NULL, 0) != 0) {
        if (errno == ESRCH) {
            return CAIRN_OK;
        }
        return CAIRN_FAIL_CAUSE(err, CAIRN_E_IO, "wipe.consumer.signal", errno, "%s: process %d cannot be stopped: %s", path,
                                (int)pid, strerror(errno));
    }
    struct pollfd p = {.fd = fd, .events = POLLIN};
    int64_t left = until_ms - now_ms();
    if (poll(&p, 1, left > 0 ? (int)left : 0) != 1) {
        return CAIRN_FAIL(
            err, CAIRN_E_BUSY, "wipe.consumer.alive",
            "process %d of %s does not end: it may hold keys in memory; stop it, then go on with cairn wipe resume", (int)pid,
            path);
    }
    return CAIRN_OK;
}

enum cairn_rc cairn_consumers_stop(const struct cairn_journal *journal, int wait_ms, struct cairn_err *err)
{
    int64_t until = now_ms() + wait_ms;
    for (size_t i = 0; i < journal->num_consumers; i++) {
        CAIRN_TRY(stop_one(journal->consumers[i], until, err));
    }
    return CAIRN_OK;
}
