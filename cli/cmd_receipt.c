/* cli/cmd_receipt.c -- `cairn receipt`: did the device install what was granted?
 */
#include "cli/tables.h"
#include "provision/receipt.h"

struct question {
    const char *receipt_path, *statement_path, *root_path, *grant_path;
    struct cairn_root *root;
    struct cairn_statement statement;
    struct cairn_grant grant;
};

static void question_clear(struct question *q)
{
    cairn_root_free(q->root);
}

/* Expiry is the device's to judge when it installs: a receipt is read for as long as anybody asks. */
static CAIRN_RC read_question(struct cairn_cli *cli, struct question *q)
{
    CAIRN_BUF grant = {0};
    CAIRN_TRY(cairn_cli_root(cli, q->root_path, &q->root));
    CAIRN_TRY(cairn_cli_statement(cli, q->root, q->statement_path, 0, &q->statement));
    CAIRN_TRY(cairn_cli_read(cli, q->grant_path, &grant));
    return cairn_cli_named(cli, q->grant_path, cairn_grant_open(q->root, cairn_buf_span(&grant), 0, &q->grant, &cli->err));
}

static CAIRN_RC verify(struct cairn_cli *cli, int argc, char **argv, int *exit_code)
{
    CAIRN_CLEANUP(question_clear) struct question q = {.root = NULL};
    const struct cairn_option options[] = {{.name = "--statement", .value = &q.statement_path, .required = true},
                                           {.name = "--root", .value = &q.root_path, .required = true},
                                           {.name = "--grant", .value = &q.grant_path, .required = true},
                                           {.name = NULL}};
    struct cairn_args args = {.options = options, .positional = &q.receipt_path, .min_positional = 1, .max_positional = 1};
    struct cairn_receipt r;
    CAIRN_BUF file = {0};
    CAIRN_TRY(cairn_args_parse(&args, argc, argv, &cli->err));
    CAIRN_TRY(read_question(cli, &q));
    CAIRN_TRY(cairn_cli_read(cli, q.receipt_path, &file));
    CAIRN_TRY(cairn_cli_named(cli, q.receipt_path,
                              cairn_receipt_verify(cairn_buf_span(&file), &q.statement, &q.grant, &r, &cli->err)));
    *exit_code = 0;
    json_t *json = json_pack("{s:b, s:I, s:I, s:I}", "verified", 1, "from", (json_int_t)r.from, "to", (json_int_t)r.to,
                             "generation", (json_int_t)r.generation);
    return cairn_cli_print(cli, json,
                           "verified: the TPM certifies epoch %llu (granted from %llu), under the granted PCRs\n"
                           "software-asserted: record generation %llu\n",
                           (unsigned long long)r.to, (unsigned long long)r.from, (unsigned long long)r.generation);
}

const struct cairn_command cairn_commands_receipt[] = {
    {.noun = "receipt",
     .verb = "verify",
     .synopsis = "receipt.json --statement FILE --root FILE --grant grant.dsse",
     .help = "Checks that the device's TPM moved its epoch as this grant says, under the PCRs of this grant.",
     .run = verify},
    {.noun = NULL},
};
