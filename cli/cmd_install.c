/* cli/cmd_install.c -- `cairn install`: the device takes a release, wholly or not at all, and says so through its TPM.
 */
#include "cli/device_state.h"
#include "cli/tables.h"
#include "provision/engine_device.h"

static CAIRN_RC install(struct cairn_cli *cli, int argc, char **argv, int *exit_code)
{
    const char *paths[3] = {NULL, NULL, NULL}, *out_path = NULL;
    const struct cairn_option options[] = {{.name = "-o", .value = &out_path}, {.name = NULL}};
    struct cairn_args args = {.options = options, .positional = paths, .min_positional = 3, .max_positional = 3};
    CAIRN_DEVICE_STATE *state = NULL;
    CAIRN_HERE here = {.lock_fd = 0};
    CAIRN_BUF grant = {0}, manifest = {0}, assets = {0}, receipt = {0};
    CAIRN_TRY(cairn_args_parse(&args, argc, argv, &cli->err));
    CAIRN_TRY(cairn_cli_read(cli, paths[0], &grant));
    CAIRN_TRY(cairn_cli_read(cli, paths[1], &manifest));
    CAIRN_TRY(cairn_path_read(paths[2], CAIRN_ASSETS_FILE_MAX, &assets, &cli->err));
    CAIRN_TRY(cairn_here_open(cli, &here));
    const struct cairn_vault_place place = {here.state, &here.identity, here.tpm};
    const struct cairn_install in = {cairn_buf_span(&manifest), cairn_buf_span(&grant), cairn_buf_span(&assets), cli->now_s};
    CAIRN_TRY(cairn_device_state_read(cli, &here, &state));
    CAIRN_TRY(cairn_install_run(&place, &in, state, &receipt, &cli->err));
    *exit_code = 0;
    return cairn_cli_write_document(cli, out_path, cairn_buf_span(&receipt));
}

const struct cairn_command cairn_commands_install[] = {
    {.noun = "install",
     .verb = NULL,
     .synopsis = "grant.dsse manifest.dsse assets.bin [-o FILE]",
     .help = "First provisioning: verifies grant and manifest, opens the assets through the TPM, moves the epoch, seals the\n"
             "vault and commits. The same files again: only the receipt is made again.\n"
             "After a power cut: once more, and if that refuses with grant.epoch, a new grant.\n"
             "  -o FILE  where the receipt goes (standard output)",
     .run = install},
    {.noun = NULL},
};
