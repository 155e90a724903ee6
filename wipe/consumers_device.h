/* wipe/consumers_device.h -- processes that hold vault keys in memory, stopped before the keys are killed.
 *
 * Source: DESIGN 10 (sequence, step 3).
 */
#ifndef CAIRN_WIPE_CONSUMERS_DEVICE_H
#define CAIRN_WIPE_CONSUMERS_DEVICE_H

#include "wipe/journal.h"

/* cairn_consumers_stop sends SIGTERM to the process in each pid file and waits until all are gone, at most `wait_ms` in all. A
 * pid file that is absent, or names a process that is gone, is fine. CAIRN_E_BUSY "wipe.consumer.alive", naming the file;
 * CAIRN_E_REFUSED "wipe.consumer.pidfile" (not a pid, or not one that may be stopped); CAIRN_E_IO "wipe.consumer.signal": the
 * kernel refuses the signal. */
CAIRN_RC cairn_consumers_stop(const struct cairn_journal *journal, int wait_ms, struct cairn_err *err);

#endif
