/* cli/cmd_root.c -- cairn root: draft, sign and show the list of who may.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "authority/draft.h"
#include "authority/sign.h"
#include "cli/number.h"
#include "cli/tables.h"

enum { DEFAULT_DAYS = 3650, MAX_DAYS = 36500, DAY_S = 86400, HOLD_BACK_S = 3600 };

/* "retire=2" */
static CAIRN_RC read_threshold(const char *text, struct cairn_root_draft *draft, struct cairn_err *err)
{
    char name[32] = "";
    const char *equals = strchr(text, '=');
    enum cairn_role role = CAIRN_ROLE_ROOT;
    uint64_t threshold = 0;
    if (equals == NULL || (size_t)(equals - text) >= sizeof name) {
        return CAIRN_FAIL(err, CAIRN_E_USAGE, "usage", "--threshold wants ROLE=NUMBER, not \"%s\"", text);
    }
    (void)snprintf(name, sizeof name, "%.*s", (int)(equals - text), text);
    if (!cairn_role_from_name(name, &role)) {
        return CAIRN_FAIL(err, CAIRN_E_USAGE, "usage", "\"%s\" is no role", name);
    }
    CAIRN_TRY(cairn_number_parse("--threshold", equals + 1, 1, CAIRN_ROOT_MAX_KEYS, &threshold, err));
    draft->threshold[role] = (uint32_t)threshold;
    return CAIRN_OK;
}

static CAIRN_RC read_keys(struct cairn_cli *cli, const char **paths, size_t num, struct cairn_root_draft *draft)
{
    for (size_t i = 0; i < num; i++) {
        CAIRN_BUF file = {0};
        CAIRN_TRY(cairn_cli_read(cli, paths[i], &file));
        enum cairn_rc rc = cairn_public_key_parse(cairn_buf_span(&file), &draft->keys[draft->num_keys], &cli->err);
        if (rc != CAIRN_OK) {
            cairn_err_prefix(&cli->err, "%s", paths[i]);
            return rc;
        }
        draft->num_keys++;
    }
    return CAIRN_OK;
}

static void free_draft(struct cairn_root_draft **draft)
{
    free(*draft);
}

static CAIRN_RC root_new(struct cairn_cli *cli, int argc, char **argv, int *exit_code)
{
    const char *device_class = NULL, *out = NULL, *days_text = NULL;
    const char *keys[CAIRN_ROOT_MAX_KEYS], *thresholds[CAIRN_NUM_ROLES];
    size_t num_keys = 0, num_thresholds = 0;
    uint64_t days = DEFAULT_DAYS;
    CAIRN_BUF text = {0};
    CAIRN_CLEANUP(free_draft) struct cairn_root_draft *draft = calloc(1, sizeof *draft);
    if (draft == NULL) {
        return CAIRN_FAIL(&cli->err, CAIRN_E_IO, "memory", "no memory for a root");
    }
    const struct cairn_option options[] = {
        {.name = "--class", .value = &device_class, .required = true},
        {.name = "--key", .values = keys, .max_values = CAIRN_ROOT_MAX_KEYS, .num_values = &num_keys, .required = true},
        {.name = "--threshold", .values = thresholds, .max_values = CAIRN_NUM_ROLES, .num_values = &num_thresholds},
        {.name = "--single-person", .flag = &draft->single_person},
        {.name = "--days", .value = &days_text},
        {.name = "-o", .value = &out},
        {.name = NULL}};
    struct cairn_args args = {.options = options};
    CAIRN_TRY(cairn_args_parse(&args, argc, argv, &cli->err));
    if (!cairn_label_ok(device_class, sizeof draft->device_class, false)) {
        return CAIRN_FAIL(&cli->err, CAIRN_E_USAGE, "usage", "a class is a name of 1 to %d plain characters",
                          CAIRN_CLASS_MAX - 1);
    }
    (void)snprintf(draft->device_class, sizeof draft->device_class, "%s", device_class);
    for (size_t i = 0; i < num_thresholds; i++) {
        CAIRN_TRY(read_threshold(thresholds[i], draft, &cli->err));
    }
    CAIRN_TRY(cairn_number_parse("--days", days_text, 1, MAX_DAYS, &days, &cli->err));
    draft->not_before_s = cli->now_s - HOLD_BACK_S; /* clocks of other desks may be a little behind */
    draft->not_after_s = cli->now_s + days * DAY_S;
    CAIRN_TRY(read_keys(cli, keys, num_keys, draft));
    CAIRN_TRY(cairn_root_draft_write(draft, &text, &cli->err));
    *exit_code = 0;
    return cairn_cli_write_document(cli, out, cairn_buf_span(&text));
}

static CAIRN_RC check_root(struct cairn_cli *cli, struct cairn_span payload, void *arg)
{
    (void)arg;
    return cairn_root_check(payload, &cli->err);
}

/* Version 1 is signed by its own root keys and nobody else; later versions also by the version before. */
static CAIRN_RC check_signer(struct cairn_cli *cli, struct cairn_span file)
{
    CAIRN_ROOT *root = NULL;
    struct cairn_err err = {0};
    enum cairn_rc rc = cairn_root_open(file, cli->now_s, &root, &err);
    return rc != CAIRN_OK && strcmp(err.code, "root.signer") == 0 ? CAIRN_FAIL(&cli->err, rc, "root.signer", "%s", err.text)
                                                                  : CAIRN_OK;
}

static CAIRN_RC root_sign(struct cairn_cli *cli, int argc, char **argv, int *exit_code)
{
    struct cairn_signing signing = {.type = CAIRN_TYPE_ROOT, .check = check_root, .check_signed = check_signer};
    *exit_code = 0;
    return cairn_cli_sign(cli, argc, argv, &signing);
}

static CAIRN_RC root_show(struct cairn_cli *cli, int argc, char **argv, int *exit_code)
{
    const char *in = NULL;
    CAIRN_ROOT *root = NULL;
    char fleet[2 * CAIRN_SHA256_LEN + 1] = "";
    struct cairn_args args = {.positional = &in, .min_positional = 1, .max_positional = 1};
    CAIRN_TRY(cairn_args_parse(&args, argc, argv, &cli->err));
    CAIRN_TRY(cairn_cli_root(cli, in, &root));
    cairn_hex_encode(cairn_span(cairn_root_fleet(root), CAIRN_SHA256_LEN), fleet);
    *exit_code = 0;
    return cairn_cli_print(
        cli,
        json_pack("{s:s, s:s, s:i}", "fleet", fleet, "class", cairn_root_class(root), "version", (int)cairn_root_version(root)),
        "root version %u of class %s, signed by enough holders\nfleet %s\n", (unsigned)cairn_root_version(root),
        cairn_root_class(root), fleet);
}

const struct cairn_command cairn_commands_root[] = {
    {.noun = "root",
     .verb = "new",
     .synopsis = "--class C --key X.pub... [--threshold ROLE=N...] [--single-person] [--days N] [-o root.json]",
     .help = "Drafts version 1 of the root from public key files.\n"
             "  --class C            the class of devices this root is for\n"
             "  --key X.pub          once per key; roles and holders stand in the files\n"
             "  --threshold ROLE=N   how many holders must sign (default 1, retire 2)\n"
             "  --single-person      one holder may retire devices alone\n"
             "  --days N             how long the keys are valid (default 3650)",
     .run = root_new},
    {.noun = "root",
     .verb = "sign",
     .synopsis = "root.json|root.dsse --key H-root.key [-o root.dsse]",
     .help = "Signs a drafted root, or adds a signature to a signed one.",
     .run = root_sign},
    {.noun = "root", .verb = "show", .synopsis = "root.dsse", .help = "Verifies a root and shows its fleet.", .run = root_show},
    {.noun = NULL},
};
