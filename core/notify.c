/* core/notify.c -- see core/notify.h. */
#include "core/notify.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "core/wire.h"

enum { USEC_PER_MSEC = 1000, WATCHDOG_MAX_MS = 3600 * 1000 };

static int connect_to(const char *path)
{
    struct sockaddr_un to = {.sun_family = AF_UNIX};
    const size_t len = strlen(path);
    if ((path[0] != '/' && path[0] != '@') || len < 2 || len >= sizeof to.sun_path) {
        return -1;
    }
    cairn_copy(to.sun_path, path, len);
    if (path[0] == '@') {
        to.sun_path[0] = '\0'; /* an abstract name */
    }
    const int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd >= 0 && connect(fd, (const struct sockaddr *)(const void *)&to,
                           (socklen_t)(offsetof(struct sockaddr_un, sun_path) + len)) != 0) {
        (void)close(fd);
        return -1;
    }
    return fd;
}

static uint32_t watchdog_ms(void)
{
    const char *usec = getenv("WATCHDOG_USEC");
    const char *pid = getenv("WATCHDOG_PID");
    if (usec == NULL || (pid != NULL && strtol(pid, NULL, 10) != (long)getpid())) {
        return 0;
    }
    const unsigned long long ms = strtoull(usec, NULL, 10) / USEC_PER_MSEC;
    return ms > WATCHDOG_MAX_MS ? WATCHDOG_MAX_MS : (uint32_t)ms;
}

struct cairn_notify cairn_notify_open(void)
{
    const char *path = getenv("NOTIFY_SOCKET");
    const int fd = path != NULL ? connect_to(path) : -1;
    return (struct cairn_notify){.fd = fd, .watchdog_ms = fd >= 0 ? watchdog_ms() : 0};
}

void cairn_notify_close(struct cairn_notify *notify)
{
    if (notify->fd >= 0) {
        (void)close(notify->fd);
    }
    notify->fd = -1;
}

void cairn_notify_say(const struct cairn_notify *notify, const char *state)
{
    if (notify->fd >= 0) {
        (void)!send(notify->fd, state, strlen(state), MSG_NOSIGNAL | MSG_DONTWAIT);
    }
}
