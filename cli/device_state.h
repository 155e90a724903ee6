/* cli/device_state.h -- the device's state as a command reads it once.
 */
#ifndef CAIRN_CLI_DEVICE_STATE_H
#define CAIRN_CLI_DEVICE_STATE_H

#include "cli/cli.h"
#include "wipe/sequence_device.h"

/* cairn_device_state_read is cairn_state_read into fresh memory (a device and its state together are too much for one stack
 * frame), for commands that are over once an order was accepted: CAIRN_E_REFUSED "wipe.pending"; "state.life" (RETIRED). The
 * caller frees *out with free(), or declares it CAIRN_DEVICE_STATE. */
CAIRN_RC cairn_device_state_read(struct cairn_cli *cli, struct cairn_here *here, struct cairn_state **out);
/* cairn_device_refuse_ending: an order was accepted, CAIRN_E_REFUSED "wipe.pending", or carried out, "state.life" (RETIRED). */
CAIRN_RC cairn_device_refuse_ending(struct cairn_cli *cli, struct cairn_here *here);
void cairn_device_state_freep(struct cairn_state **state);
#define CAIRN_DEVICE_STATE CAIRN_CLEANUP(cairn_device_state_freep) struct cairn_state

/* cairn_device_wipe_run is how this device carries out an order, with `out` (at `out_path`) for what it delivers; everything is
 * borrowed. No release, and nobody who stops or watches it: the caller may set those. */
struct cairn_wipe_run cairn_device_wipe_run(const struct cairn_cli *cli, const struct cairn_here *here, struct cairn_fs *out,
                                            const char *out_path);

#endif
