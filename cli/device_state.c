/* cli/device_state.c -- see cli/device_state.h.
 */
#include "cli/device_state.h"

#include <stdlib.h>

enum { CONSUMER_WAIT_MS = 10000 };

static void free_journal(struct cairn_journal **journal)
{
    free(*journal);
}

/* A device whose end was accepted does nothing else any more, whether or not its boot state could anchor that. */
CAIRN_RC cairn_device_refuse_ending(struct cairn_cli *cli, struct cairn_here *here)
{
    CAIRN_CLEANUP(free_journal) struct cairn_journal *journal = calloc(1, sizeof *journal);
    bool there = false;
    if (journal == NULL) {
        return CAIRN_FAIL(&cli->err, CAIRN_E_IO, "memory", "no memory for the wipe's journal");
    }
    if (here->identity.enrolled) {
        CAIRN_TRY(cairn_wipe_journal(here->state, &here->identity, &there, journal, &cli->err));
    }
    if (there && journal->step >= CAIRN_WIPE_CERTIFIED) {
        return CAIRN_FAIL(&cli->err, CAIRN_E_REFUSED, "state.life", "this device is RETIRED");
    }
    return there ? CAIRN_FAIL(&cli->err, CAIRN_E_REFUSED, "wipe.pending",
                              "an order to retire this device was accepted: only `cairn wipe resume` goes on")
                 : CAIRN_OK;
}

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
    CAIRN_TRY(cairn_device_refuse_ending(cli, here));
    CAIRN_TRY(cairn_state_read(here->state, &here->identity, here->tpm, state, &cli->err));
    *out = state;
    state = NULL;
    return CAIRN_OK;
}

struct cairn_wipe_run cairn_device_wipe_run(const struct cairn_cli *cli, const struct cairn_here *here, struct cairn_fs *out,
                                            const char *out_path)
{
    return (struct cairn_wipe_run){.state = here->state,
                                   .out = out,
                                   .out_path = out_path,
                                   .identity = &here->identity,
                                   .tpm = here->tpm,
                                   .settings = &here->config.wipe,
                                   .ak = here->config.ak,
                                   .srk = here->config.srk,
                                   .lockout_auth_given = here->lockout_auth != NULL,
                                   .tool = "cairn " CAIRN_VERSION,
                                   .now_s = cli->now_s,
                                   .consumer_wait_ms = CONSUMER_WAIT_MS};
}
