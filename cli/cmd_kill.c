/* cli/cmd_kill.c -- cairn kill: verify the receipt that a device's sealed keys are dead.
 */
#include <inttypes.h>

#include "cli/tables.h"
#include "wipe/kill.h"

static CAIRN_RC kill_verify(struct cairn_cli *cli, int argc, char **argv, int *exit_code)
{
    const char *root_path = NULL;
    const char *order_path = NULL;
    const char *statement_path = NULL;
    const char *in = NULL;
    CAIRN_ROOT *root = NULL;
    CAIRN_BUF kill_file = {0};
    CAIRN_BUF order_file = {0};
    CAIRN_ORDER order = {0};
    struct cairn_statement statement = {0};
    struct cairn_kill kill = {0};
    const struct cairn_option options[] = {{.name = "--root", .value = &root_path, .required = true},
                                           {.name = "--order", .value = &order_path, .required = true},
                                           {.name = "--statement", .value = &statement_path, .required = true},
                                           {.name = NULL}};
    struct cairn_args args = {.options = options, .positional = &in, .min_positional = 1, .max_positional = 1};
    CAIRN_TRY(cairn_args_parse(&args, argc, argv, &cli->err));
    CAIRN_TRY(cairn_cli_root(cli, root_path, &root));
    CAIRN_TRY(cairn_cli_read(cli, order_path, &order_file));
    CAIRN_TRY(cairn_cli_read(cli, in, &kill_file));
    /* A receipt is read years later: the order's own dates are not judged. */
    CAIRN_TRY(cairn_cli_named(cli, order_path, cairn_order_open(root, cairn_buf_span(&order_file), 0, &order, &cli->err)));
    CAIRN_TRY(cairn_cli_statement(cli, root, statement_path, 0, &statement));
    CAIRN_TRY(cairn_cli_named(cli, in, cairn_kill_verify(cairn_buf_span(&kill_file), &order, &statement, &kill, &cli->err)));
    *exit_code = 0;
    return cairn_cli_print(cli,
                           json_pack("{s:b, s:s, s:I, s:I}", "keys_dead", 1, "serial", statement.serial, "counter",
                                     (json_int_t)kill.counter, "target", (json_int_t)kill.target),
                           "keys dead: serial %s, counter %" PRIu64 " (target %" PRIu64
                           "); nothing sealed before the order was made opens any more\n",
                           statement.serial, kill.counter, kill.target);
}

const struct cairn_command cairn_commands_kill[] = {
    {.noun = "kill",
     .verb = "verify",
     .synopsis = "kill.json --order order.dsse --statement statement.dsse --root root.dsse",
     .help = "Verifies a kill receipt against the order alone: the TPM's counter passed every value a key was sealed to.",
     .run = kill_verify},
    {.noun = NULL},
};
