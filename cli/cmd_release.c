/* cli/cmd_release.c -- cairn release: answer a device's question whether an online order may be carried out now.
 *
 * What a server does (POST /v1/release), for a desk that has none: whoever holds the verifier key knows of no hold.
 */
#include "authority/sign.h"
#include "cli/tables.h"
#include "wipe/release.h"

struct new_args {
    const char *root, *order, *statement, *nonce, *key, *out;
};

static CAIRN_RC answer(struct cairn_cli *cli, const struct new_args *a, const struct cairn_root *root,
                       const struct cairn_order *order, struct cairn_buf *out)
{
    CAIRN_BUF nonce = {0};
    CAIRN_BUF payload = {0};
    CAIRN_SIGNER *signer = NULL;
    struct cairn_statement statement = {0};
    struct cairn_release_ask ask = {0};
    struct cairn_release release = {0};
    const struct cairn_order_device *entry = NULL;
    CAIRN_TRY(cairn_cli_statement(cli, root, a->statement, cli->now_s, &statement));
    CAIRN_TRY(cairn_order_for(order, &statement, &entry, &cli->err));
    CAIRN_TRY(cairn_cli_read(cli, a->nonce, &nonce));
    CAIRN_TRY(cairn_cli_named(cli, a->nonce, cairn_release_ask_read(cairn_buf_span(&nonce), &ask, &cli->err)));
    CAIRN_TRY(cairn_release_for(&ask, order, &statement, cli->now_s, &release, &cli->err));
    CAIRN_TRY(cairn_release_payload(&release, &payload, &cli->err));
    CAIRN_TRY(cairn_cli_signer(cli, a->key, &signer));
    CAIRN_TRY(cairn_sign_document(cairn_buf_span(&payload), CAIRN_TYPE_RELEASE, signer, out, &cli->err));
    /* No device would take what this refuses: the key's role and dates are judged as there. */
    return cairn_release_open(root, cairn_buf_span(out), order, &statement, ask.nonce, cli->now_s, &cli->err);
}

static CAIRN_RC release_new(struct cairn_cli *cli, int argc, char **argv, int *exit_code)
{
    struct new_args a = {0};
    CAIRN_ROOT *root = NULL;
    CAIRN_ORDER order = {0};
    CAIRN_BUF file = {0};
    CAIRN_BUF out = {0};
    const struct cairn_option options[] = {{.name = "--order", .value = &a.order, .required = true},
                                           {.name = "--statement", .value = &a.statement, .required = true},
                                           {.name = "--root", .value = &a.root, .required = true},
                                           {.name = "--nonce", .value = &a.nonce, .required = true},
                                           {.name = "--key", .value = &a.key, .required = true},
                                           {.name = "-o", .value = &a.out},
                                           {.name = NULL}};
    struct cairn_args args = {.options = options};
    CAIRN_TRY(cairn_args_parse(&args, argc, argv, &cli->err));
    CAIRN_TRY(cairn_cli_root(cli, a.root, &root));
    CAIRN_TRY(cairn_cli_read(cli, a.order, &file));
    CAIRN_TRY(cairn_cli_named(cli, a.order, cairn_order_open(root, cairn_buf_span(&file), cli->now_s, &order, &cli->err)));
    CAIRN_TRY(answer(cli, &a, root, &order, &out));
    *exit_code = 0;
    return cairn_cli_write_document(cli, a.out, cairn_buf_span(&out));
}

const struct cairn_command cairn_commands_release[] = {
    {.noun = "release",
     .verb = "new",
     .synopsis = "--order order.dsse --statement statement.dsse --root root.dsse --nonce nonce.json --key H-verifier.key "
                 "[-o release.dsse]",
     .help = "Answers a device's `wipe ask`: it may carry the online order out, within ten minutes. Say so only while no hold\n"
             "stands; nothing takes a release back.\n"
             "  --nonce FILE   what `cairn wipe ask` wrote on the device\n"
             "  --key FILE     a key of role verifier",
     .run = release_new},
    {.noun = NULL},
};
