/* cli/device_state.c -- see cli/device_state.h.
 */
#include "cli/device_state.h"

#include <stdlib.h>

void cairn_device_state_freep(struct cairn_state **state)
{
    free(*state);
    *state = NULL;
}

CAIRN_RC cairn_device_state_read(struct cairn_cli *cli, struct cairn_here *here, struct cairn_state **out)
{
    CAIRN_DEVICE_STATE *state = calloc(1, sizeof *state);
    if (state == NULL) {
        return CAIRN_FAIL(&cli->err, CAIRN_E_IO, "memory", "no memory for the device's state");
    }
    CAIRN_TRY(cairn_state_read(here->state, &here->identity, here->tpm, state, &cli->err));
    *out = state;
    state = NULL;
    return CAIRN_OK;
}
