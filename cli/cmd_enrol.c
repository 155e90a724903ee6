/* cli/cmd_enrol.c -- cairn enrol: request, answer and accept on the device; challenge and statement at the enroller's desk.
 */
#include <stdio.h>
#include <string.h>

#include "attest/ca_dir.h"
#include "attest/enrol_device.h"
#include "cli/enrol_desk.h"
#include "cli/tables.h"

static struct cairn_enrol_place place_of(const struct cairn_cli *cli, const struct cairn_here *here)
{
    const struct cairn_config *c = &here->config;
    return (struct cairn_enrol_place){.state = here->state,
                                      .tpm = here->tpm,
                                      .epoch = c->epoch,
                                      .anchor = {c->anchor[0], c->anchor[1]},
                                      .serial = c->serial,
                                      .tag = c->tag,
                                      .site = c->site,
                                      .now_s = cli->now_s};
}

static CAIRN_RC enrol_request(struct cairn_cli *cli, int argc, char **argv, int *exit_code)
{
    const char *out = NULL, *certificate = NULL;
    CAIRN_BUF extra = {0}, file = {0};
    CAIRN_HERE here = {0};
    const struct cairn_option options[] = {
        {.name = "-o", .value = &out}, {.name = "--ek-certificate", .value = &certificate}, {.name = NULL}};
    struct cairn_args args = {.options = options};
    CAIRN_TRY(cairn_args_parse(&args, argc, argv, &cli->err));
    if (certificate != NULL) {
        CAIRN_TRY(cairn_cli_read(cli, certificate, &extra));
    }
    CAIRN_TRY(cairn_here_open(cli, &here));
    const struct cairn_enrol_place place = place_of(cli, &here);
    CAIRN_TRY(cairn_enrol_request(&place, &here.identity, cairn_buf_span(&extra), &file, &cli->err));
    *exit_code = 0;
    return cairn_cli_write_document(cli, out, cairn_buf_span(&file));
}

static CAIRN_RC enrol_answer(struct cairn_cli *cli, int argc, char **argv, int *exit_code)
{
    const char *in = NULL, *out = NULL;
    CAIRN_BUF challenge = {0}, file = {0};
    CAIRN_HERE here = {0};
    const struct cairn_option options[] = {{.name = "-o", .value = &out}, {.name = NULL}};
    struct cairn_args args = {.options = options, .positional = &in, .min_positional = 1, .max_positional = 1};
    CAIRN_TRY(cairn_args_parse(&args, argc, argv, &cli->err));
    CAIRN_TRY(cairn_cli_read(cli, in, &challenge));
    CAIRN_TRY(cairn_here_open(cli, &here));
    const struct cairn_enrol_place place = place_of(cli, &here);
    CAIRN_TRY(
        cairn_cli_named(cli, in, cairn_enrol_answer(&place, &here.identity, cairn_buf_span(&challenge), &file, &cli->err)));
    *exit_code = 0;
    return cairn_cli_write_document(cli, out, cairn_buf_span(&file));
}

static CAIRN_RC enrol_accept(struct cairn_cli *cli, int argc, char **argv, int *exit_code)
{
    const char *in = NULL;
    CAIRN_BUF file = {0};
    CAIRN_HERE here = {0};
    struct cairn_args args = {.positional = &in, .min_positional = 1, .max_positional = 1};
    CAIRN_TRY(cairn_args_parse(&args, argc, argv, &cli->err));
    CAIRN_TRY(cairn_cli_read(cli, in, &file));
    CAIRN_TRY(cairn_here_open(cli, &here));
    const struct cairn_enrol_place place = place_of(cli, &here);
    CAIRN_TRY(cairn_cli_named(cli, in, cairn_enrol_accept(&place, &here.identity, cairn_buf_span(&file), &cli->err)));
    *exit_code = 0;
    return cairn_cli_print(cli, json_pack("{s:s}", "life", "ENROLLED"), "ENROLLED\n");
}

/* What a person compares with the box: the TPM knows nothing of labels. Only when standard output is free for words. */
static CAIRN_RC show_labels(struct cairn_cli *cli, const char *out, const char *what, const struct cairn_statement *s)
{
    if (out == NULL || strcmp(out, "-") == 0) {
        return CAIRN_OK;
    }
    json_t *object =
        json_pack("{s:s, s:s, s:s, s:s}", "serial", s->serial, "tag", s->tag, "site", s->site, "tpm", s->tpm_class);
    return cairn_cli_print(cli, object, "%s: serial \"%s\", tag \"%s\", site \"%s\", %s TPM by %s: compare with the box\n",
                           what, s->serial, s->tag, s->site, s->tpm_class, s->tpm_manufacturer);
}

static CAIRN_RC show_request(struct cairn_cli *cli, const char *out, struct cairn_span file)
{
    CAIRN_ENROL_REQUEST request = {.num_certificates = 0};
    CAIRN_TRY(cairn_enrol_request_parse(file, &request, &cli->err));
    return show_labels(cli, out, "asks", &request.device);
}

static CAIRN_RC enrol_challenge(struct cairn_cli *cli, int argc, char **argv, int *exit_code)
{
    const char *in = NULL, *root_path = NULL, *ca = NULL, *pending_path = NULL, *out = NULL;
    CAIRN_ROOT *root = NULL;
    CAIRN_CA_SET *cas = NULL;
    CAIRN_BUF request = {0}, challenge = {0}, pending = {0};
    const struct cairn_option options[] = {{.name = "--root", .value = &root_path, .required = true},
                                           {.name = "--ca", .value = &ca, .required = true},
                                           {.name = "--pending", .value = &pending_path, .required = true, .output = true},
                                           {.name = "-o", .value = &out},
                                           {.name = NULL}};
    struct cairn_args args = {.options = options, .positional = &in, .min_positional = 1, .max_positional = 1};
    CAIRN_TRY(cairn_args_parse(&args, argc, argv, &cli->err));
    CAIRN_TRY(cairn_cli_root(cli, root_path, &root));
    CAIRN_TRY(cairn_ca_dir_load(ca, &cas, &cli->err));
    CAIRN_TRY(cairn_cli_read(cli, in, &request));
    CAIRN_TRY(cairn_cli_named(
        cli, in,
        cairn_enrol_challenge_fresh(root, cas, cairn_buf_span(&request), cli->now_s, &challenge, &pending, &cli->err)));
    CAIRN_TRY(cairn_cli_write_private(cli, pending_path, cairn_buf_span(&pending)));
    CAIRN_TRY(cairn_cli_write_document(cli, out, cairn_buf_span(&challenge)));
    *exit_code = 0;
    return show_request(cli, out, cairn_buf_span(&request));
}

static CAIRN_RC enrol_statement(struct cairn_cli *cli, int argc, char **argv, int *exit_code)
{
    const char *in = NULL, *root_path = NULL, *pending_path = NULL, *key = NULL, *out = NULL;
    CAIRN_ROOT *root = NULL;
    CAIRN_SIGNER *signer = NULL;
    CAIRN_BUF file = {0}, dsse = {0};
    struct cairn_statement s = {.epoch_value = 0};
    const struct cairn_option options[] = {{.name = "--root", .value = &root_path, .required = true},
                                           {.name = "--pending", .value = &pending_path, .required = true},
                                           {.name = "--key", .value = &key, .required = true},
                                           {.name = "-o", .value = &out},
                                           {.name = NULL}};
    struct cairn_args args = {.options = options, .positional = &in, .min_positional = 1, .max_positional = 1};
    CAIRN_TRY(cairn_args_parse(&args, argc, argv, &cli->err));
    CAIRN_TRY(cairn_cli_root(cli, root_path, &root));
    CAIRN_TRY(cairn_cli_enroller(cli, root, key, &signer));
    CAIRN_TRY(cairn_cli_read(cli, in, &file));
    CAIRN_TRY(cairn_cli_named(cli, in, cairn_cli_judge(cli, root, cairn_buf_span(&file), pending_path, &s)));
    CAIRN_TRY(cairn_cli_sign_statement(cli, &s, signer, &dsse));
    *exit_code = 0;
    return cairn_cli_write_document(cli, out, cairn_buf_span(&dsse));
}

const struct cairn_command cairn_commands_enrol[] = {
    {.noun = "enrol",
     .verb = "request",
     .synopsis = "[--ek-certificate FILE.der] [-o e.request]",
     .help = "On the device: shows its keys, EK certificates and labels, to be enrolled.\n"
             "  --ek-certificate FILE   DER, for a TPM whose maker keeps the certificate on-line",
     .run = enrol_request},
    {.noun = "enrol",
     .verb = "challenge",
     .synopsis = "e.request --root root.dsse --ca DIR --pending e.pending [-o e.challenge]",
     .help = "At the desk: judges the request and makes a challenge that only this TPM can answer.\n"
             "  --ca DIR         *.pem of the TPM makers that are trusted: self-signed ones are the anchors\n"
             "  --pending FILE   kept for `enrol statement`: a secret, mode 0600, good for one try",
     .run = enrol_challenge},
    {.noun = "enrol",
     .verb = "answer",
     .synopsis = "e.challenge [-o e.answer]",
     .help = "On the device: opens the challenge with the TPM and has the answer attested.",
     .run = enrol_answer},
    {.noun = "enrol",
     .verb = "statement",
     .synopsis = "e.answer --root root.dsse --pending e.pending --key H-enrol.key [-o statement.dsse]",
     .help = "At the desk: judges the answer and signs who this device is. Uses the pending file up, also when it refuses.",
     .run = enrol_statement},
    {.noun = "enrol",
     .verb = "accept",
     .synopsis = "statement.dsse",
     .help = "On the device: verifies the statement, compares it with this TPM and keeps it. The device is then ENROLLED.",
     .run = enrol_accept},
    {.noun = NULL},
};
