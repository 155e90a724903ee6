/* agent/loop_device.h -- cairnd's life: report, sleep, deliver what root puts out, until told to end.
 *
 * Signals are read from a descriptor: TERM and INT end it within a second, also while a call waits; HUP reads the configuration
 * again, and a bad one changes nothing. Sleep is measured by a clock that goes on while the machine is suspended.
 */
#ifndef CAIRN_AGENT_LOOP_DEVICE_H
#define CAIRN_AGENT_LOOP_DEVICE_H

#include "core/log.h"

/* cairn_loop_run returns when it was told to end. Fails only before the first report: cairn_agent_new's errors, CAIRN_E_IO
 * "agent.loop". */
CAIRN_RC cairn_loop_run(const char *config_path, const struct cairn_log *log, struct cairn_err *err);

#endif
