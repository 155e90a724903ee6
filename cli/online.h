/* cli/online.h -- what a device says to its server in the foreground. Without the agent: that there is none.
 */
#ifndef CAIRN_CLI_ONLINE_H
#define CAIRN_CLI_ONLINE_H

#include "cli/cli.h"

/* cairn_cli_report_once is `cairn attest --once`: exit by tier. CAIRN_E_USAGE "build.agent": built without the agent. */
CAIRN_RC cairn_cli_report_once(struct cairn_cli *cli, int *exit_code);
/* cairn_cli_result is `cairn attest --for`: writes the server's signed result. Errors: cairn_agent_result's; as above. */
CAIRN_RC cairn_cli_result(struct cairn_cli *cli, const char *audience, const char *out_path, int *exit_code);

#endif
