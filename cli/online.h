/* cli/online.h -- what a device says to its server in the foreground. Without the agent: that there is none.
 */
#ifndef CAIRN_CLI_ONLINE_H
#define CAIRN_CLI_ONLINE_H

#include "cli/cli.h"

/* cairn_cli_report_once is `cairn attest --once`: exit by tier. CAIRN_E_USAGE "build.agent": built without the agent. */
CAIRN_RC cairn_cli_report_once(struct cairn_cli *cli, int *exit_code);

#endif
