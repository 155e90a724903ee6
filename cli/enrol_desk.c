/* cli/enrol_desk.c -- see cli/enrol_desk.h. */
#include "cli/enrol_desk.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "authority/sign.h"
#include "core/doctype.h"

enum { PATH_LEN = 1024 };

static CAIRN_RC sync_parent(struct cairn_cli *cli, const char *path)
{
    char copy[PATH_LEN] = "";
    (void)snprintf(copy, sizeof copy, "%s", path);
    int fd = open(dirname(copy), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    int rc = fd < 0 ? -1 : fsync(fd);
    if (fd >= 0) {
        (void)close(fd);
    }
    if (rc != 0) {
        return CAIRN_FAIL_CAUSE(&cli->err, CAIRN_E_IO, "file.sync", errno, "%s: %s", path, strerror(errno));
    }
    return CAIRN_OK;
}

/* One try: the rename has one winner, and it is durable before anything is compared (CHECKS 3). */
static CAIRN_RC claim_pending(struct cairn_cli *cli, const char *path, const char *used)
{
    if (rename(path, used) != 0) {
        return CAIRN_FAIL_CAUSE(&cli->err, CAIRN_E_REFUSED, "enrolment.pending.used", errno,
                                "%s is gone: it was good for one try", path);
    }
    return sync_parent(cli, used);
}

static CAIRN_RC read_pending(struct cairn_cli *cli, const char *path, const char *used, struct cairn_enrol_pending *out)
{
    CAIRN_BUF file = {0};
    if (access(path, F_OK) != 0 && access(used, F_OK) == 0) {
        return CAIRN_FAIL(&cli->err, CAIRN_E_REFUSED, "enrolment.pending.used",
                          "%s is used up: it was good for one try. Make a new challenge", path);
    }
    CAIRN_TRY(cairn_path_read_private(path, CAIRN_FILE_MAX, &file, &cli->err));
    return cairn_enrol_pending_parse(cairn_buf_span(&file), out, &cli->err);
}

/* The answer is read before the pending file is claimed, so that a wrong file costs nothing. */
CAIRN_RC cairn_cli_judge(struct cairn_cli *cli, const struct cairn_root *root, struct cairn_span answer_file,
                         const char *pending_path, struct cairn_statement *out)
{
    CAIRN_TPMDOC answer = {.num_attestations = 0};
    CAIRN_ENROL_PENDING pending = {.secret = NULL};
    char used[PATH_LEN] = "";
    int len = snprintf(used, sizeof used, "%s.used", pending_path);
    if (len < 0 || (size_t)len >= sizeof used) {
        return CAIRN_FAIL(&cli->err, CAIRN_E_USAGE, "usage", "%s: the path is too long", pending_path);
    }
    CAIRN_TRY(cairn_tpmdoc_parse(answer_file, CAIRN_TYPE_ENROLMENT, &answer, &cli->err));
    CAIRN_TRY(read_pending(cli, pending_path, used, &pending));
    CAIRN_TRY(claim_pending(cli, pending_path, used));
    CAIRN_TRY(cairn_path_write(used, cairn_span_str("used\n"), 0600, &cli->err));
    return cairn_enrol_judge(root, &pending, &answer, cli->now_s, out, &cli->err);
}

CAIRN_RC cairn_cli_enroller(struct cairn_cli *cli, const struct cairn_root *root, const char *key, struct cairn_signer **out)
{
    CAIRN_SIGNER *signer = NULL;
    struct cairn_ec_key public_key = {{0}, {0}};
    uint8_t key_id[CAIRN_SHA256_LEN] = {0};
    enum cairn_role role = CAIRN_ROLE_ROOT;
    const char *holder = NULL;
    CAIRN_TRY(cairn_cli_signer(cli, key, &signer));
    CAIRN_TRY(cairn_signer_public(signer, &public_key, &cli->err));
    CAIRN_TRY(cairn_ec_key_id(&public_key, key_id, &cli->err));
    if (!cairn_root_key_role(root, key_id, &role, &holder) || role != CAIRN_ROLE_ENROL) {
        return CAIRN_FAIL(&cli->err, CAIRN_E_REFUSED, "statement.signer", "%s is not a key of role enrol in this root", key);
    }
    *out = signer;
    signer = NULL;
    return CAIRN_OK;
}

CAIRN_RC cairn_cli_sign_statement(struct cairn_cli *cli, const struct cairn_statement *s, const struct cairn_signer *signer,
                                  struct cairn_buf *out)
{
    CAIRN_BUF payload = {0};
    CAIRN_TRY(cairn_statement_payload(s, &payload, &cli->err));
    return cairn_sign_document(cairn_buf_span(&payload), CAIRN_TYPE_STATEMENT, signer, out, &cli->err);
}
