/* agent/spool_device.h -- the spool's two directories on this machine.
 *
 * SPOOL (root's, 0755) holds `in` (the agent's, 0750) and `out` (root's, 0755): the agent cannot exchange one for another
 * place, because it cannot write the directory that they are in.
 */
#ifndef CAIRN_AGENT_SPOOL_DEVICE_H
#define CAIRN_AGENT_SPOOL_DEVICE_H

#include "agent/config_device.h"
#include "agent/spool.h"
#include "storage/identity_device.h"

enum { CAIRN_SPOOL_PATH_MAX = 192 };

/* cairn_spool_open opens both. For the agent. CAIRN_E_IO "spool.absent": not there, or not for this user. */
CAIRN_RC cairn_spool_open(const char *path, struct cairn_spool *out, struct cairn_err *err);
/* cairn_spool_open_root also makes what is absent. CAIRN_E_REFUSED "spool.owner": SPOOL or `out` is not this user's alone, so
 * somebody else could have root write where it should not. */
CAIRN_RC cairn_spool_open_root(const char *path, struct cairn_spool *out, struct cairn_err *err);
/* cairn_spool_publish copies the device's root and statement to `out`. Of an earlier enrolment nothing stays there but its
 * certificate (certificate.previous.json). CAIRN_E_REFUSED "device.unenrolled"; file.*. */
CAIRN_RC cairn_spool_publish(const struct cairn_spool *spool, const struct cairn_identity *identity, struct cairn_err *err);

#endif
