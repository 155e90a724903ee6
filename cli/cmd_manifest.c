/* cli/cmd_manifest.c -- `cairn manifest`: say what a release is, and sign it.
 */
#include <string.h>

#include "authority/sign.h"
#include "cli/number.h"
#include "cli/tables.h"
#include "core/doctype.h"
#include "provision/manifest.h"

enum { DAY_S = 24 * 60 * 60, DAYS_MAX = 36500 };

/* struct making is one `manifest new`: what was named, and what it was read into. */
struct making {
    const char *root_path, *vault_path, *svn, *floor, *version, *days, *out_path;
    const char *approval_paths[CAIRN_MANIFEST_MAX_APPROVALS];
    size_t num_approvals;
    struct cairn_root *root;
    json_t *approvals[CAIRN_MANIFEST_MAX_APPROVALS];
    struct cairn_param_assets assets;
};

static void making_clear(struct making *m)
{
    cairn_root_free(m->root);
    cairn_param_assets_clear(&m->assets);
    for (size_t i = 0; i < CAIRN_MANIFEST_MAX_APPROVALS; i++) {
        json_decref(m->approvals[i]);
    }
}

static CAIRN_RC read_approval(struct cairn_cli *cli, struct making *m, size_t i)
{
    CAIRN_BUF file = {0};
    struct cairn_approvals approvals = {.floor = 0};
    const char *path = m->approval_paths[i];
    CAIRN_TRY(cairn_cli_read(cli, path, &file));
    CAIRN_TRY(cairn_json_parse(cairn_json_trim_newline(cairn_buf_span(&file)), CAIRN_FILE_MAX, true, path, &m->approvals[i],
                               &cli->err));
    return m->root == NULL ? CAIRN_OK
                           : cairn_cli_named(cli, path, cairn_approvals_read(m->approvals[i], m->root, &approvals, &cli->err));
}

static CAIRN_RC read_inputs(struct cairn_cli *cli, struct making *m)
{
    CAIRN_BUF params = {0};
    if (m->root_path != NULL) {
        CAIRN_TRY(cairn_cli_root(cli, m->root_path, &m->root));
    }
    for (size_t i = 0; i < m->num_approvals; i++) {
        CAIRN_TRY(read_approval(cli, m, i));
    }
    CAIRN_TRY(cairn_path_read_private(m->vault_path, CAIRN_FILE_MAX, &params, &cli->err));
    return cairn_cli_named(cli, m->vault_path, cairn_params_source_read(cairn_buf_span(&params), &m->assets, &cli->err));
}

static CAIRN_RC fill_draft(struct cairn_cli *cli, struct making *m, struct cairn_manifest_draft *draft)
{
    uint64_t version = 1, days = 0;
    *draft = (struct cairn_manifest_draft){.issued_s = cli->now_s, .assets = m->assets, .num_approvals = m->num_approvals};
    CAIRN_TRY(cairn_number_parse("--svn", m->svn, 0, CAIRN_NUMBER_MAX, &draft->svn, &cli->err));
    CAIRN_TRY(cairn_number_parse("--floor", m->floor, 0, CAIRN_NUMBER_MAX, &draft->floor, &cli->err));
    CAIRN_TRY(cairn_number_parse("--version", m->version, 0, UINT32_MAX, &version, &cli->err));
    CAIRN_TRY(cairn_number_parse("--expires-days", m->days, 0, DAYS_MAX, &days, &cli->err));
    draft->vault_version = (uint32_t)version;
    draft->expires_s = days == 0 ? 0 : cli->now_s + days * DAY_S;
    for (size_t i = 0; i < m->num_approvals; i++) {
        draft->approvals[i] = m->approvals[i];
    }
    /* Without --root the class is the approvals' word; every reader checks it against its own root. */
    const char *stated = json_string_value(json_object_get(m->approvals[0], "class"));
    draft->device_class = m->root != NULL ? cairn_root_class(m->root) : stated;
    if (draft->device_class == NULL) {
        return CAIRN_FAIL(&cli->err, CAIRN_E_FORMAT, "json.member", "%s: not an approval: it names no class",
                          m->approval_paths[0]);
    }
    return CAIRN_OK;
}

static CAIRN_RC manifest_new(struct cairn_cli *cli, int argc, char **argv, int *exit_code)
{
    CAIRN_CLEANUP(making_clear) struct making m = {.root_path = NULL};
    const struct cairn_option options[] = {{.name = "--root", .value = &m.root_path},
                                           {.name = "--vault", .value = &m.vault_path, .required = true},
                                           {.name = "--svn", .value = &m.svn, .required = true},
                                           {.name = "--floor", .value = &m.floor, .required = true},
                                           {.name = "--version", .value = &m.version},
                                           {.name = "--expires-days", .value = &m.days},
                                           {.name = "--approval",
                                            .values = m.approval_paths,
                                            .max_values = CAIRN_MANIFEST_MAX_APPROVALS,
                                            .num_values = &m.num_approvals,
                                            .required = true},
                                           {.name = "-o", .value = &m.out_path},
                                           {.name = NULL}};
    struct cairn_args args = {.options = options};
    struct cairn_manifest_draft draft;
    CAIRN_BUF payload = {0};
    CAIRN_MANIFEST again = {.svn = 0};
    CAIRN_TRY(cairn_args_parse(&args, argc, argv, &cli->err));
    CAIRN_TRY(read_inputs(cli, &m));
    CAIRN_TRY(fill_draft(cli, &m, &draft));
    CAIRN_TRY(cairn_manifest_build(&draft, &payload, &cli->err));
    CAIRN_TRY(cairn_manifest_parse(cairn_buf_span(&payload), m.root, cli->now_s, &again, &cli->err));
    CAIRN_TRY(cairn_buf_append(&payload, cairn_span_str("\n"), &cli->err));
    *exit_code = 0;
    return cairn_cli_write_document(cli, m.out_path, cairn_buf_span(&payload));
}

static CAIRN_RC check_manifest(struct cairn_cli *cli, struct cairn_span payload, void *arg)
{
    (void)arg;
    CAIRN_MANIFEST manifest = {.svn = 0};
    return cairn_manifest_parse(payload, NULL, cli->now_s, &manifest, &cli->err);
}

static CAIRN_RC manifest_sign(struct cairn_cli *cli, int argc, char **argv, int *exit_code)
{
    struct cairn_signing signing = {.type = CAIRN_TYPE_MANIFEST, .check = check_manifest};
    *exit_code = 0;
    return cairn_cli_sign(cli, argc, argv, &signing);
}

const struct cairn_command cairn_commands_manifest[] = {
    {.noun = "manifest",
     .verb = "new",
     .synopsis = "--vault params.json --svn N --floor N --approval FILE... [--root FILE] [-o FILE]",
     .help = "Makes a manifest: the digest of the parameters, their names and scopes, and the boot states that may open them.\n"
             "  --vault FILE        params.json (mode 0600): values, and a salt so that digests do not give them away\n"
             "  --svn N             this release's number; never below the floor\n"
             "  --floor N           the lowest release number that may still be opened; must be the approvals'\n"
             "  --approval FILE     a boot state, from `cairn policy approve`; up to 4 times\n"
             "  --root FILE         checks class and approvals now, and not only when the manifest is read\n"
             "  --version N         version of the parameters (1)\n"
             "  --expires-days N    not to be installed later\n"
             "  -o FILE             where the manifest goes (standard output)",
     .run = manifest_new},
    {.noun = "manifest",
     .verb = "sign",
     .synopsis = "manifest.json --key FILE [-o FILE]",
     .help = "Signs a manifest, or adds a signature to one.\n"
             "  --key FILE  a key of role release",
     .run = manifest_sign},
    {.noun = NULL},
};
