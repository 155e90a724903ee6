/* cli/cmd_device.c -- cairn device: the first thing that happens to a device.
 */
#include <string.h>

#include "attest/enrol_device.h"
#include "cli/device_state.h"
#include "cli/tables.h"

/* What is known of this device before: nothing, or that it is enrolled. Nothing is made again on one that was retired. */
static CAIRN_RC look_before(struct cairn_cli *cli, struct cairn_here *here)
{
    enum cairn_rc rc = cairn_identity_load(here->state, cli->now_s, &here->identity, &cli->err);
    if (rc != CAIRN_OK && strcmp(cli->err.code, "device.uninitialised") == 0) {
        cli->err = (struct cairn_err){0};
        return CAIRN_OK;
    }
    CAIRN_TRY(rc);
    return cairn_device_refuse_ending(cli, here);
}

static CAIRN_RC device_init(struct cairn_cli *cli, int argc, char **argv, int *exit_code)
{
    const char *in = NULL;
    CAIRN_BUF file = {0};
    CAIRN_HERE here = {0};
    struct cairn_args args = {.positional = &in, .min_positional = 1, .max_positional = 1};
    CAIRN_TRY(cairn_args_parse(&args, argc, argv, &cli->err));
    CAIRN_TRY(cairn_cli_read(cli, in, &file));
    CAIRN_TRY(cairn_here_open_bare(cli, &here));
    CAIRN_TRY(look_before(cli, &here));
    const struct cairn_enrol_place place = {.state = here.state,
                                            .tpm = here.tpm,
                                            .epoch = here.config.epoch,
                                            .anchor = {here.config.anchor[0], here.config.anchor[1]},
                                            .now_s = cli->now_s};
    CAIRN_TRY(cairn_cli_named(cli, in, cairn_enrol_init(&place, cairn_buf_span(&file), &cli->err)));
    *exit_code = 0;
    if (here.identity.enrolled) {
        return cairn_cli_print(cli, json_pack("{s:b}", "enrolled", 1), "enrolled already: root, keys and epoch are there\n");
    }
    return cairn_cli_print(cli, json_pack("{s:s}", "life", "MANUFACTURED"), "MANUFACTURED: root pinned, keys and epoch made\n");
}

const struct cairn_command cairn_commands_device[] = {
    {.noun = "device",
     .verb = "init",
     .synopsis = "root.dsse",
     .help = "Pins the root on this device and makes its storage key, attestation key and epoch counter. Again with the same\n"
             "root: makes what is missing. With another root: refused.",
     .run = device_init},
    {.noun = NULL},
};
