/* cli/here.c -- agent/here_device.h for a command: the configuration it was told, the time it began.
 */
#include "cli/cli.h"

CAIRN_RC cairn_here_open_bare(struct cairn_cli *cli, struct cairn_here *out)
{
    return cairn_here_load_bare(cli->config_path, out, &cli->err);
}

CAIRN_RC cairn_here_open(struct cairn_cli *cli, struct cairn_here *out)
{
    return cairn_here_load(cli->config_path, cli->now_s, out, &cli->err);
}

CAIRN_RC cairn_here_open_tpm(struct cairn_cli *cli, const struct cairn_config *config, struct cairn_here *out)
{
    return cairn_here_load_tpm(config, out, &cli->err);
}
