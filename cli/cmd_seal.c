/* cli/cmd_seal.c -- `cairn seal` at a relying party's desk: a secret for the device of an attestation result; `cairn unseal` on
 * that device.
 */
#include <stdlib.h>
#include <string.h>

#include "attest/ear.h"
#include "cli/tables.h"

static void trim_line(struct cairn_buf *buf)
{
    while (buf->len > 0 && (buf->p[buf->len - 1] == '\n' || buf->p[buf->len - 1] == '\r')) {
        buf->len--;
    }
}

static CAIRN_RC read_ear(struct cairn_cli *cli, const char *path, const char *root_path, const char *audience,
                         struct cairn_ear *out)
{
    CAIRN_ROOT *root = NULL;
    CAIRN_BUF file = {0};
    CAIRN_TRY(cairn_cli_root(cli, root_path, &root));
    CAIRN_TRY(cairn_cli_read(cli, path, &file));
    trim_line(&file); /* a token that an editor or a shell put a newline behind */
    return cairn_cli_named(cli, path, cairn_ear_verify(root, cairn_buf_span(&file), audience, cli->now_s, out, &cli->err));
}

static CAIRN_RC seal(struct cairn_cli *cli, int argc, char **argv, int *exit_code)
{
    const char *ear_path = NULL, *root_path = NULL, *audience = NULL, *in_path = NULL, *out_path = NULL;
    const struct cairn_option options[] = {{.name = "--for", .value = &ear_path, .required = true},
                                           {.name = "--root", .value = &root_path, .required = true},
                                           {.name = "--in", .value = &in_path, .required = true},
                                           {.name = "--audience", .value = &audience},
                                           {.name = "-o", .value = &out_path},
                                           {.name = NULL}};
    struct cairn_args args = {.options = options};
    struct cairn_ear ear;
    CAIRN_BUF secret = {0}, file = {0};
    CAIRN_TRY(cairn_args_parse(&args, argc, argv, &cli->err));
    CAIRN_TRY(read_ear(cli, ear_path, root_path, audience, &ear));
    CAIRN_TRY(cairn_cli_read(cli, in_path, &secret));
    CAIRN_TRY(cairn_cli_named(cli, ear_path, cairn_ear_seal_to(&ear, cairn_buf_span(&secret), &file, &cli->err)));
    *exit_code = 0;
    return cairn_cli_write_document(cli, out_path, cairn_buf_span(&file));
}

/* The import's own codes speak of a grant, which this is not. */
static CAIRN_RC import(struct cairn_cli *cli, const struct cairn_here *here, const struct cairn_sealed_file *sealed,
                       struct cairn_secret **out)
{
    static const struct {
        const char *from, *code, *text;
    } words[] = {{"grant.boot", "sealed.boot", "the secret was sealed to another boot state than the one that runs now"},
                 {"grant.epoch", "sealed.epoch", "the epoch has moved since the secret was sealed: have it sealed anew"},
                 {"grant.object", "sealed.object", "the sealed object is not for this TPM, or was altered"}};
    struct cairn_err why = {0};
    enum cairn_rc rc = cairn_tpm_import(here->tpm, cairn_area_span(&sealed->object), cairn_blob_span(&sealed->duplicate),
                                        cairn_blob_span(&sealed->seed), sealed->mask, sealed->epoch, out, &why);
    for (size_t i = 0; rc != CAIRN_OK && i < CAIRN_ARRAY_LEN(words); i++) {
        if (strcmp(why.code, words[i].from) == 0) {
            return CAIRN_FAIL_CAUSE(&cli->err, rc, words[i].code, why.cause, "%s", words[i].text);
        }
    }
    if (rc != CAIRN_OK) {
        cli->err = why;
    }
    return rc;
}

/* On the heap: beside a whole struct cairn_here it would be too much for a stack. */
static void free_sealed(struct cairn_sealed_file **sealed)
{
    free(*sealed);
}

static CAIRN_RC read_sealed(struct cairn_cli *cli, const char *path, struct cairn_sealed_file **out)
{
    CAIRN_BUF file = {0};
    CAIRN_TRY(cairn_cli_read(cli, path, &file));
    *out = calloc(1, sizeof **out);
    if (*out == NULL) {
        return CAIRN_FAIL(&cli->err, CAIRN_E_IO, "memory", "no memory for a sealed file");
    }
    return cairn_cli_named(cli, path, cairn_sealed_file_parse(cairn_buf_span(&file), *out, &cli->err));
}

static CAIRN_RC unseal(struct cairn_cli *cli, int argc, char **argv, int *exit_code)
{
    const char *path = NULL, *out_path = NULL;
    const struct cairn_option options[] = {{.name = "-o", .value = &out_path}, {.name = NULL}};
    struct cairn_args args = {.options = options, .positional = &path, .min_positional = 1, .max_positional = 1};
    CAIRN_CLEANUP(free_sealed) struct cairn_sealed_file *sealed = NULL;
    CAIRN_HERE here = {0};
    CAIRN_SECRET *secret = NULL;
    CAIRN_TRY(cairn_args_parse(&args, argc, argv, &cli->err));
    CAIRN_TRY(read_sealed(cli, path, &sealed));
    CAIRN_TRY(cairn_here_open(cli, &here));
    if (!here.identity.enrolled || !cairn_span_equal(CAIRN_SPAN(sealed->device), CAIRN_SPAN(here.identity.statement.device))) {
        return CAIRN_FAIL(&cli->err, CAIRN_E_REFUSED, "sealed.device", "%s was sealed to another device", path);
    }
    CAIRN_TRY(import(cli, &here, sealed, &secret));
    *exit_code = 0;
    return cairn_cli_write_private(cli, out_path, cairn_secret_span(secret));
}

const struct cairn_command cairn_commands_seal[] = {
    {.noun = "seal",
     .verb = NULL,
     .synopsis = "--for EAR --root FILE --in FILE [--audience TEXT] [-o sealed.json]",
     .help = "Seals a secret to the device of an attestation result: only that TPM opens it, only in the boot state that was\n"
             "appraised, and only until its epoch moves. On a desk; the result is verified first and must affirm.\n"
             "  --for EAR        the attestation result, a JWT from the server\n"
             "  --root FILE      the fleet's root, whose verifier keys sign results\n"
             "  --in FILE        the secret, 1 to 128 bytes; - is standard input\n"
             "  --audience TEXT  demand that the result was made for this audience\n"
             "  -o FILE          where the sealed file goes (standard output)",
     .run = seal},
    {.noun = NULL},
};

const struct cairn_command cairn_commands_unseal[] = {
    {.noun = "unseal",
     .verb = NULL,
     .synopsis = "sealed.json [-o FILE]",
     .help = "Opens what was sealed to this device and writes the secret. On the device. Whoever has a result for this device "
             "can seal\n"
             "to it: that it opens does not say who sent it.\n"
             "  -o FILE  where the secret goes, mode 0600 (standard output)",
     .run = unseal},
    {.noun = NULL},
};
