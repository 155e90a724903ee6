/* cli/spool.h -- what the one-shots of root share: the device, and its spool.
 */
#ifndef CAIRN_CLI_SPOOL_H
#define CAIRN_CLI_SPOOL_H

#include "agent/spool_device.h"
#include "cli/cli.h"

struct cairn_cli_spool {
    struct cairn_agent_settings settings;
    struct cairn_spool spool;
    char out_path[CAIRN_SPOOL_PATH_MAX];
    struct cairn_here *here; /* NULL until cairn_cli_spool_here */
};
void cairn_cli_spool_clear(struct cairn_cli_spool *s);
#define CAIRN_CLI_SPOOL CAIRN_CLEANUP(cairn_cli_spool_clear) struct cairn_cli_spool
/* cairn_cli_spool_open reads the configuration and opens (makes) the spool; cairn_cli_spool_here opens the device too. */
CAIRN_RC cairn_cli_spool_open(struct cairn_cli *cli, struct cairn_cli_spool *out);
CAIRN_RC cairn_cli_spool_here(struct cairn_cli *cli, struct cairn_cli_spool *s);
/* cairn_cli_spool_failed writes out/`name`: {"at", "code", "text"} of `why`. */
CAIRN_RC cairn_cli_spool_failed(struct cairn_cli *cli, const struct cairn_cli_spool *s, const char *name,
                                const struct cairn_err *why);
/* cairn_cli_spool_is_final: the same files would be refused again. */
bool cairn_cli_spool_is_final(enum cairn_rc rc);

/* cairn_cli_spool_wipe is `cairn spool wipe`. */
CAIRN_RC cairn_cli_spool_wipe(struct cairn_cli *cli, int argc, char **argv, int *exit_code);

#endif
