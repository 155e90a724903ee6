/* cli/cmd_certificate.c -- cairn certificate: verify a wipe certificate and show what it proves.
 */
#include "cli/tables.h"
#include "wipe/countersign.h"

/* struct input is what the commands of this noun read. */
struct input {
    const char *path;
    struct cairn_buf file;
    size_t num_roots;
    struct cairn_span roots[CAIRN_CERTIFICATE_MAX_ROOTS]; /* borrow from `held` */
    struct cairn_certificate_parts held;
};

static void input_clear(struct input *in)
{
    cairn_buf_clear(&in->file);
    cairn_certificate_parts_clear(&in->held);
}
#define INPUT CAIRN_CLEANUP(input_clear) struct input

static CAIRN_RC read_input(struct cairn_cli *cli, const char *const *root_paths, struct input *in)
{
    for (size_t i = 0; i < in->num_roots; i++) {
        CAIRN_TRY(cairn_cli_read(cli, root_paths[i], &in->held.roots[i]));
        in->roots[i] = cairn_buf_span(&in->held.roots[i]);
    }
    return cairn_path_read(in->path, CAIRN_CERTIFICATE_MAX_LEN, &in->file, &cli->err);
}

static CAIRN_RC open_certificate(struct cairn_cli *cli, int argc, char **argv, struct cairn_certificate **out)
{
    const char *root_paths[CAIRN_CERTIFICATE_MAX_ROOTS];
    INPUT in = {0};
    const struct cairn_option options[] = {{.name = "--root",
                                            .values = root_paths,
                                            .max_values = CAIRN_CERTIFICATE_MAX_ROOTS,
                                            .num_values = &in.num_roots,
                                            .required = true},
                                           {.name = NULL}};
    struct cairn_args args = {.options = options, .positional = &in.path, .min_positional = 1, .max_positional = 1};
    CAIRN_TRY(cairn_args_parse(&args, argc, argv, &cli->err));
    CAIRN_TRY(read_input(cli, root_paths, &in));
    return cairn_cli_named(cli, in.path,
                           cairn_certificate_verify(cairn_buf_span(&in.file), in.roots, in.num_roots, out, &cli->err));
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

static CAIRN_RC certificate_countersign(struct cairn_cli *cli, int argc, char **argv, int *exit_code)
{
    const char *root_paths[CAIRN_CERTIFICATE_MAX_ROOTS];
    const char *key = NULL;
    const char *out = NULL;
    INPUT in = {0};
    CAIRN_BUF made = {0};
    CAIRN_SIGNER *signer = NULL;
    const struct cairn_option options[] = {{.name = "--root",
                                            .values = root_paths,
                                            .max_values = CAIRN_CERTIFICATE_MAX_ROOTS,
                                            .num_values = &in.num_roots,
                                            .required = true},
                                           {.name = "--key", .value = &key, .required = true},
                                           {.name = "-o", .value = &out},
                                           {.name = NULL}};
    struct cairn_args args = {.options = options, .positional = &in.path, .min_positional = 1, .max_positional = 1};
    CAIRN_TRY(cairn_args_parse(&args, argc, argv, &cli->err));
    CAIRN_TRY(read_input(cli, root_paths, &in));
    CAIRN_TRY(cairn_cli_signer(cli, key, &signer));
    CAIRN_TRY(cairn_cli_named(
        cli, in.path,
        cairn_certificate_countersign(cairn_buf_span(&in.file), in.roots, in.num_roots, signer, &made, &cli->err)));
    *exit_code = 0;
    return cairn_cli_write_document(cli, out, cairn_buf_span(&made));
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
    {.noun = "certificate",
     .verb = "countersign",
     .synopsis = "certificate.json --root root.dsse --key H-verifier.key [-o FILE]",
     .help = "Verifies a wipe certificate and adds the signature of a key of role verifier: somebody answers for it.\n"
             "Everything else stays as it is; signing twice with one key changes nothing.\n"
             "  --root FILE   the root you trust; again for later versions, in order",
     .run = certificate_countersign},
    {.noun = NULL},
};
