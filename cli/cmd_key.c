/* cli/cmd_key.c -- cairn key: a person's key, made where it will be used.
 *
 * The private key is a PKCS#8 file of mode 0600; the public key file beside it goes to whoever drafts the root.
 */
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "authority/draft.h"
#include "cli/tables.h"

enum { PATH_LEN = 512 };

/* alice-root.key gives alice-root.pub; any other name gets .pub appended. */
static CAIRN_RC public_path(const char *key_path, char out[PATH_LEN], struct cairn_err *err)
{
    size_t len = strlen(key_path);
    size_t stem = len > 4 && strcmp(key_path + len - 4, ".key") == 0 ? len - 4 : len;
    if (stem + sizeof ".pub" > PATH_LEN) {
        return CAIRN_FAIL(err, CAIRN_E_USAGE, "usage", "the path is too long");
    }
    (void)snprintf(out, PATH_LEN, "%.*s.pub", (int)stem, key_path);
    return CAIRN_OK;
}

/* A key that stands in a root must not be lost to a repeated command. */
static CAIRN_RC refuse_existing(const char *path, struct cairn_err *err)
{
    struct stat st;
    if (lstat(path, &st) == 0) {
        return CAIRN_FAIL(err, CAIRN_E_REFUSED, "key.exists", "%s exists: a key is never overwritten", path);
    }
    return CAIRN_OK;
}

static CAIRN_RC make_key(struct cairn_cli *cli, const char *path, const char *pub_path, struct cairn_public_key *pub)
{
    CAIRN_SIGNER *signer = NULL;
    CAIRN_BUF pem = {0};
    CAIRN_BUF text = {0};
    CAIRN_TRY(cairn_signer_generate(&signer, &cli->err));
    CAIRN_TRY(cairn_signer_public(signer, &pub->key, &cli->err));
    CAIRN_TRY(cairn_signer_write(signer, &pem, &cli->err));
    CAIRN_TRY(cairn_public_key_write(pub, &text, &cli->err));
    CAIRN_TRY(cairn_cli_write_private(cli, path, cairn_buf_span(&pem)));
    return cairn_cli_write_document(cli, pub_path, cairn_buf_span(&text));
}

static CAIRN_RC key_new(struct cairn_cli *cli, int argc, char **argv, int *exit_code)
{
    const char *role = NULL;
    const char *holder = NULL;
    const char *path = NULL;
    char pub_path[PATH_LEN] = "";
    struct cairn_public_key pub = {.role = CAIRN_ROLE_ROOT};
    const struct cairn_option options[] = {{.name = "--role", .value = &role, .required = true},
                                           {.name = "--holder", .value = &holder, .required = true},
                                           {.name = "-o", .value = &path, .required = true},
                                           {.name = NULL}};
    struct cairn_args args = {.options = options};
    CAIRN_TRY(cairn_args_parse(&args, argc, argv, &cli->err));
    if (!cairn_role_from_name(role, &pub.role)) {
        return CAIRN_FAIL(&cli->err, CAIRN_E_USAGE, "usage",
                          "%s is no role: root, enrol, release, policy, pcrpolicy, retire, provision, verifier", role);
    }
    if (!cairn_label_ok(holder, sizeof pub.holder, false)) {
        return CAIRN_FAIL(&cli->err, CAIRN_E_USAGE, "usage", "a holder is a name of 1 to %d plain characters",
                          CAIRN_HOLDER_MAX - 1);
    }
    (void)snprintf(pub.holder, sizeof pub.holder, "%s", holder);
    CAIRN_TRY(public_path(path, pub_path, &cli->err));
    CAIRN_TRY(refuse_existing(path, &cli->err));
    CAIRN_TRY(make_key(cli, path, pub_path, &pub));
    *exit_code = 0;
    return cairn_cli_print(cli,
                           json_pack("{s:s, s:s, s:s, s:s}", "key", path, "public", pub_path, "role", role, "holder", holder),
                           "private key %s (keep it off-line), public key %s\n", path, pub_path);
}

const struct cairn_command cairn_commands_key[] = {
    {.noun = "key",
     .verb = "new",
     .synopsis = "--role ROLE --holder NAME -o FILE.key",
     .help = "Makes a P-256 key for one role of one holder: FILE.key (PKCS#8, mode 0600) and FILE.pub.\n"
             "  --role ROLE     root, enrol, release, policy, pcrpolicy, retire, provision or verifier\n"
             "  --holder NAME   who keeps it; thresholds count holders, not keys\n"
             "  -o FILE.key     never overwritten",
     .run = key_new},
    {.noun = NULL},
};
