/* cli/output.c -- what commands read and write: documents, results, keys.
 */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "authority/sign.h"
#include "cli/cli.h"

enum { EVIDENCE_MAX = 64 << 20, KEY_FILE_MAX = 16 << 10 };

CAIRN_RC cairn_cli_print(struct cairn_cli *cli, json_t *object, const char *fmt, ...)
{
    CAIRN_JSON *owned = object;
    bool ok = true;
    if (cli->json) {
        ok = owned != NULL && (cli->written == NULL || json_object_set(owned, "written", cli->written) == 0) &&
             json_dumpf(owned, stdout, JSON_COMPACT | JSON_ENSURE_ASCII | JSON_SORT_KEYS) == 0 && putchar('\n') != EOF;
    } else {
        va_list args;
        va_start(args, fmt);
        ok = vprintf(fmt, args) >= 0;
        va_end(args);
    }
    cli->said = true;
    if (!ok || fflush(stdout) != 0) {
        return CAIRN_FAIL(&cli->err, CAIRN_E_IO, "output.write", "standard output takes no more: nothing else was lost");
    }
    return CAIRN_OK;
}

static CAIRN_RC note_written(struct cairn_cli *cli, const char *path, struct cairn_span bytes)
{
    uint8_t digest[CAIRN_SHA256_LEN];
    char hex[2 * CAIRN_SHA256_LEN + 1];
    CAIRN_TRY(cairn_sha256(bytes, digest, &cli->err));
    cairn_hex_encode(CAIRN_SPAN(digest), hex);
    json_t *entry = json_pack("{s:s, s:I, s:s}", "path", path, "bytes", (json_int_t)bytes.len, "sha256", hex);
    if (cli->written == NULL) {
        cli->written = json_array();
    }
    if (json_array_append_new(cli->written, entry) != 0) {
        return CAIRN_FAIL(&cli->err, CAIRN_E_IO, "json.memory", "no memory to say that %s was written", path);
    }
    return CAIRN_OK;
}

static CAIRN_RC write_file(struct cairn_cli *cli, const char *path, struct cairn_span bytes, unsigned mode)
{
    bool standard_output = path == NULL || strcmp(path, "-") == 0;
    CAIRN_TRY(cairn_path_write(standard_output ? "-" : path, bytes, mode, &cli->err));
    cli->said = cli->said || standard_output;
    return standard_output || !cli->json ? CAIRN_OK : note_written(cli, path, bytes);
}

CAIRN_RC cairn_cli_write_document(struct cairn_cli *cli, const char *path, struct cairn_span bytes)
{
    return write_file(cli, path, bytes, 0644);
}

CAIRN_RC cairn_cli_write_private(struct cairn_cli *cli, const char *path, struct cairn_span bytes)
{
    return write_file(cli, path, bytes, 0600);
}

CAIRN_RC cairn_cli_read(struct cairn_cli *cli, const char *path, struct cairn_buf *out)
{
    return cairn_path_read(path, CAIRN_FILE_MAX, out, &cli->err);
}

CAIRN_RC cairn_cli_read_large(struct cairn_cli *cli, const char *path, struct cairn_buf *out)
{
    return cairn_path_read(path, EVIDENCE_MAX, out, &cli->err);
}

CAIRN_RC cairn_cli_named(struct cairn_cli *cli, const char *path, enum cairn_rc rc)
{
    if (rc != CAIRN_OK) {
        cairn_err_prefix(&cli->err, "%s", path);
    }
    return rc;
}

CAIRN_RC cairn_cli_root(struct cairn_cli *cli, const char *path, struct cairn_root **out)
{
    CAIRN_BUF file = {0};
    CAIRN_TRY(cairn_cli_read(cli, path, &file));
    return cairn_cli_named(cli, path, cairn_root_open(cairn_buf_span(&file), cli->now_s, out, &cli->err));
}

CAIRN_RC cairn_cli_statement(struct cairn_cli *cli, const struct cairn_root *root, const char *path, uint64_t now_s,
                             struct cairn_statement *out)
{
    CAIRN_BUF file = {0};
    CAIRN_TRY(cairn_cli_read(cli, path, &file));
    return cairn_cli_named(cli, path, cairn_statement_open(root, cairn_buf_span(&file), now_s, out, &cli->err));
}

CAIRN_RC cairn_cli_signer(struct cairn_cli *cli, const char *path, struct cairn_signer **out)
{
    CAIRN_BUF pem = {0};
    const size_t len = strlen(path);
    if (len > 4 && strcmp(path + len - 4, ".pub") == 0) {
        return CAIRN_FAIL(&cli->err, CAIRN_E_REFUSED, "key.public",
                          "%s is a public key: a signature needs the private one, %.*s.key", path, (int)(len - 4), path);
    }
    CAIRN_TRY(cairn_path_read_private(path, KEY_FILE_MAX, &pem, &cli->err));
    return cairn_cli_named(cli, path, cairn_signer_read(cairn_buf_span(&pem), out, &cli->err));
}

CAIRN_RC cairn_cli_sign(struct cairn_cli *cli, int argc, char **argv, struct cairn_signing *signing)
{
    const char *in = NULL, *key = NULL, *out = NULL;
    CAIRN_BUF file = {0}, payload = {0}, signed_file = {0};
    CAIRN_SIGNER *signer = NULL;
    const struct cairn_option options[] = {
        {.name = "--key", .value = &key, .required = true}, {.name = "-o", .value = &out}, {.name = NULL}};
    struct cairn_args args = {.options = options, .positional = &in, .min_positional = 1, .max_positional = 1};
    CAIRN_TRY(cairn_args_parse(&args, argc, argv, &cli->err));
    CAIRN_TRY(cairn_cli_read(cli, in, &file));
    CAIRN_TRY(cairn_cli_named(cli, in, cairn_sign_payload(cairn_buf_span(&file), signing->type, &payload, &cli->err)));
    CAIRN_TRY(cairn_cli_named(cli, in, signing->check(cli, cairn_buf_span(&payload), signing->arg)));
    CAIRN_TRY(cairn_cli_signer(cli, key, &signer));
    CAIRN_TRY(
        cairn_cli_named(cli, in, cairn_sign_document(cairn_buf_span(&file), signing->type, signer, &signed_file, &cli->err)));
    if (signing->check_signed != NULL) {
        CAIRN_TRY(cairn_cli_named(cli, key, signing->check_signed(cli, cairn_buf_span(&signed_file))));
    }
    signing->to_file = out != NULL && strcmp(out, "-") != 0;
    return cairn_cli_write_document(cli, out, cairn_buf_span(&signed_file));
}
