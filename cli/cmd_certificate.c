/* cli/cmd_certificate.c -- cairn certificate: verify a wipe certificate and show what it proves.
 */
#include "cli/tables.h"
#include "wipe/certificate.h"

static CAIRN_RC open_certificate(struct cairn_cli *cli, int argc, char **argv, struct cairn_certificate **out)
{
    const char *root_paths[CAIRN_CERTIFICATE_MAX_ROOTS];
    size_t num_roots = 0;
    const char *in = NULL;
    CAIRN_BUF file = {0};
    CAIRN_CERTIFICATE_PARTS held = {0}; /* owns the root files */
    struct cairn_span roots[CAIRN_CERTIFICATE_MAX_ROOTS];
    const struct cairn_option options[] = {{.name = "--root",
                                            .values = root_paths,
                                            .max_values = CAIRN_CERTIFICATE_MAX_ROOTS,
                                            .num_values = &num_roots,
                                            .required = true},
                                           {.name = NULL}};
    struct cairn_args args = {.options = options, .positional = &in, .min_positional = 1, .max_positional = 1};
    CAIRN_TRY(cairn_args_parse(&args, argc, argv, &cli->err));
    for (size_t i = 0; i < num_roots; i++) {
        CAIRN_TRY(cairn_cli_read(cli, root_paths[i], &held.roots[i]));
        roots[i] = cairn_buf_span(&held.roots[i]);
    }
    CAIRN_TRY(cairn_path_read(in, CAIRN_CERTIFICATE_MAX_LEN, &file, &cli->err));
    return cairn_cli_named(cli, in, cairn_certificate_verify(cairn_buf_span(&file), roots, num_roots, out, &cli->err));
}

static CAIRN_RC certificate_show(struct cairn_cli *cli, int argc, char **argv, int *exit_code)
{
    CAIRN_CERTIFICATE *found = NULL;
    CAIRN_BUF text = {0};
    json_t *facts = NULL;
    CAIRN_TRY(open_certificate(cli, argc, argv, &found));
    CAIRN_TRY(cairn_certificate_report(found, &text, &cli->err));
    CAIRN_TRY(cairn_certificate_facts(found, &facts, &cli->err));
    *exit_code = found->min_grade_met ? 0 : 1;
    return cairn_cli_print(cli, facts, "%.*s", (int)text.len, (const char *)text.p);
}

static CAIRN_RC certificate_verify(struct cairn_cli *cli, int argc, char **argv, int *exit_code)
{
    CAIRN_CERTIFICATE *found = NULL;
    json_t *facts = NULL;
    CAIRN_TRY(open_certificate(cli, argc, argv, &found));
    CAIRN_TRY(cairn_certificate_facts(found, &facts, &cli->err));
    *exit_code = found->min_grade_met ? 0 : 1;
    return cairn_cli_print(cli, facts, "genuine: serial %s, grade %c (the order demands %c: %s)\n", found->statement.serial,
                           found->grade.grade, found->order.min_grade, found->min_grade_met ? "met" : "NOT MET");
}

#define ROOTS                                                                                                                  \
    "\n  --root FILE   the root you trust; again for later versions, in order\n"                                               \
    "Exit 1 also when the grade is worse than the order demands."

const struct cairn_command cairn_commands_certificate[] = {
    {.noun = "certificate",
     .verb = "show",
     .synopsis = "certificate.json --root root.dsse",
     .help = "Verifies a wipe certificate and shows what it proves, who vouches for what, and what it does not prove." ROOTS,
     .run = certificate_show},
    {.noun = "certificate",
     .verb = "verify",
     .synopsis = "certificate.json --root root.dsse",
     .help = "Verifies a wipe certificate; one line." ROOTS,
     .run = certificate_verify},
    {.noun = NULL},
};
