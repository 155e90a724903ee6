/* cli/without_agent.c -- in place of everything that speaks to a server, when it is not built.
 */
#include "cli/online.h"
#include "cli/tables.h"

CAIRN_RC cairn_cli_report_once(struct cairn_cli *cli, int *exit_code)
{
    (void)exit_code;
    return CAIRN_FAIL(&cli->err, CAIRN_E_USAGE, "build.agent", "this cairn was built without the agent (CAIRN_AGENT)");
}

CAIRN_RC cairn_cli_result(struct cairn_cli *cli, const char *audience, const char *out_path, int *exit_code)
{
    (void)audience;
    (void)out_path;
    return cairn_cli_report_once(cli, exit_code);
}

const struct cairn_command cairn_commands_online[] = {{.noun = NULL}};
const struct cairn_command cairn_commands_spool[] = {{.noun = NULL}};
const struct cairn_command cairn_commands_fleet[] = {{.noun = NULL}};
const struct cairn_command cairn_commands_status[] = {{.noun = NULL}};
