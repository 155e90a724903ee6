/* cli/cmd_nonce.c -- cairn nonce: ask one enrolled device one question.
 */
#include "attest/nonce.h"
#include "cli/tables.h"

static CAIRN_RC make_nonce(struct cairn_cli *cli, const struct cairn_statement *s, const char *purpose, const char *pcrs,
                           struct cairn_buf *out)
{
    struct cairn_nonce nonce = {.issued_s = cli->now_s};
    if (!cairn_purpose_from_name(purpose, &nonce.purpose)) {
        return CAIRN_FAIL(&cli->err, CAIRN_E_USAGE, "usage", "--purpose is learn, evidence or grant, not \"%s\"", purpose);
    }
    CAIRN_TRY(cairn_selection_from_text(pcrs, &nonce.mask, &cli->err));
    CAIRN_TRY(cairn_random(nonce.nonce, sizeof nonce.nonce, &cli->err));
    struct cairn_tpm_head head = cairn_statement_head(s, nonce.nonce);
    struct cairn_writer w = cairn_writer(nonce.fleet, sizeof nonce.fleet);
    cairn_write_bytes(&w, CAIRN_SPAN(head.fleet));
    w = cairn_writer(nonce.device, sizeof nonce.device);
    cairn_write_bytes(&w, CAIRN_SPAN(head.device));
    nonce.ak = head.ak;
    return cairn_nonce_write(&nonce, out, &cli->err);
}

static CAIRN_RC nonce_new(struct cairn_cli *cli, int argc, char **argv, int *exit_code)
{
    const char *root_path = NULL, *statement_path = NULL, *purpose = NULL, *pcrs = NULL, *out = NULL;
    CAIRN_ROOT *root = NULL;
    CAIRN_BUF text = {0};
    struct cairn_statement statement = {.epoch_value = 0};
    const struct cairn_option options[] = {{.name = "--root", .value = &root_path, .required = true},
                                           {.name = "--statement", .value = &statement_path, .required = true},
                                           {.name = "--purpose", .value = &purpose, .required = true},
                                           {.name = "--pcrs", .value = &pcrs, .required = true},
                                           {.name = "-o", .value = &out, .required = true},
                                           {.name = NULL}};
    struct cairn_args args = {.options = options};
    CAIRN_TRY(cairn_args_parse(&args, argc, argv, &cli->err));
    CAIRN_TRY(cairn_cli_root(cli, root_path, &root));
    CAIRN_TRY(cairn_cli_statement(cli, root, statement_path, cli->now_s, &statement));
    CAIRN_TRY(make_nonce(cli, &statement, purpose, pcrs, &text));
    *exit_code = 0;
    return cairn_cli_write_private(cli, out, cairn_buf_span(&text));
}

const struct cairn_command cairn_commands_nonce[] = {
    {.noun = "nonce",
     .verb = "new",
     .synopsis = "--root root.dsse --statement statement.dsse --purpose learn|evidence|grant --pcrs SEL -o FILE",
     .help = "Makes a nonce file: give a copy to the device, keep this one to check the answer with.\n"
             "  --pcrs SEL   the PCRs asked for, such as 0-9,14\n"
             "  -o FILE      mode 0600; spent by the first document checked with it",
     .run = nonce_new},
    {.noun = NULL},
};
