/* agent/here_device.h -- the device this program runs on: configuration, locked state directory, TPM, identity.
 *
 * For programs that run as root: the state directory and the auth values are root's. The agent itself has neither
 * (agent/agent_device.h). Threading: one object, one thread.
 */
#ifndef CAIRN_AGENT_HERE_DEVICE_H
#define CAIRN_AGENT_HERE_DEVICE_H

#include "agent/config_device.h"
#include "storage/identity_device.h"

struct cairn_here {
    struct cairn_config config;
    struct cairn_fs *state;
    struct cairn_identity identity;
    struct cairn_tpm *tpm;
    struct cairn_secret *owner_auth, *endorsement_auth, *lockout_auth;
    int lock_fd;
};
void cairn_here_clear(struct cairn_here *here);
#define CAIRN_HERE CAIRN_CLEANUP(cairn_here_clear) struct cairn_here
/* cairn_here_load_bare: configuration, state directory (made if absent), lock, TPM; no identity. cairn_here_load: also the
 * identity, and when enrolled the pins. CAIRN_E_BUSY "state.busy": another cairn runs on this state directory. `*out` is filled
 * in place and all-zero after a failure. */
CAIRN_RC cairn_here_load_bare(const char *config_path, struct cairn_here *out, struct cairn_err *err);
CAIRN_RC cairn_here_load(const char *config_path, uint64_t now_s, struct cairn_here *out, struct cairn_err *err);
/* cairn_here_load_tpm: the TPM and nothing else; no state directory is made or read. */
CAIRN_RC cairn_here_load_tpm(const struct cairn_config *config, struct cairn_here *out, struct cairn_err *err);

#endif
