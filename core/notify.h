/* core/notify.h -- what systemd is told, without a library of its: one datagram per word.
 *
 * Source: sd_notify(3), "Notes" on the protocol. Where nobody listens, every call does nothing.
 */
#ifndef CAIRN_CORE_NOTIFY_H
#define CAIRN_CORE_NOTIFY_H

#include "core/base.h"

struct cairn_notify {
    int fd;               /* -1: nobody listens */
    uint32_t watchdog_ms; /* 0: none; "WATCHDOG=1" is due at least this often */
};
/* cairn_notify_open takes NOTIFY_SOCKET, WATCHDOG_USEC and WATCHDOG_PID from the environment. */
struct cairn_notify cairn_notify_open(void);
void cairn_notify_close(struct cairn_notify *notify);
void cairn_notify_say(const struct cairn_notify *notify, const char *state); /* "READY=1" */

#endif
