/* cli/fleet_approve.c -- cairn fleet approve: the enroller at his desk, with the server as courier.
 *
 * What waits is kept in a directory of the desk, one set of files per enrolment, named by the digest of its request: D.pending
 * (the secret, used up before an answer is compared), D.challenge (until the server has it), D.statement.dsse. Each step is
 * durable before the next; run again, it goes on. The server sees no secret and decides nothing: a request whose digest is not
 * the one named is refused.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "attest/ca_dir.h"
#include "cli/enrol_desk.h"
#include "cli/fleet.h"
#include "core/doctype.h"
#include "core/log.h"

enum { PAUSE_S = 5, PATH_CAP = 1024, HEX_LEN = 64, NOT_FOUND = 404, ACCEPTED = 202, CONFLICT = 409 };

struct desk {
    struct cairn_cli *cli;
    struct cairn_fleet *fleet;
    struct cairn_root *root;
    struct cairn_ca_set *cas;
    struct cairn_signer *signer;
    const char *dir;
    bool yes;
    size_t num_signed, num_failed;
};

static void desk_clear(struct desk *d)
{
    cairn_root_free(d->root);
    cairn_ca_set_free(d->cas);
    cairn_signer_free(d->signer);
}

static CAIRN_RC check_dir(struct cairn_cli *cli, const char *path)
{
    struct stat st;
    if (mkdir(path, 0700) != 0 && errno != EEXIST) {
        return CAIRN_FAIL_CAUSE(&cli->err, CAIRN_E_IO, "file.dir", errno, "%s: %s", path, strerror(errno));
    }
    if (lstat(path, &st) != 0 || !S_ISDIR(st.st_mode) || (st.st_mode & (S_IRWXG | S_IRWXO)) != 0) {
        return CAIRN_FAIL(&cli->err, CAIRN_E_REFUSED, "file.mode",
                          "%s holds secrets: it must be a directory that only its owner can enter (chmod 700)", path);
    }
    return CAIRN_OK;
}

static CAIRN_RC file_path(struct desk *d, const char *digest, const char *suffix, char out[PATH_CAP])
{
    const int n = snprintf(out, PATH_CAP, "%s/%s%s", d->dir, digest, suffix);
    return n > 0 && n < PATH_CAP ? CAIRN_OK : CAIRN_FAIL(&d->cli->err, CAIRN_E_USAGE, "usage", "--dir: the path is too long");
}

static bool has(struct desk *d, const char *digest, const char *suffix)
{
    char path[PATH_CAP] = "";
    return file_path(d, digest, suffix, path) == CAIRN_OK && access(path, F_OK) == 0;
}

/* send_file posts one of the desk's files for this enrolment. */
static CAIRN_RC send_file(struct desk *d, const char *digest, const char *suffix, const char *what, const char *type)
{
    char path[PATH_CAP] = "", url[160] = "";
    CAIRN_BUF file = {0};
    CAIRN_CLIENT_REPLY reply = {.status = 0};
    CAIRN_TRY(file_path(d, digest, suffix, path));
    CAIRN_TRY(cairn_cli_read(d->cli, path, &file));
    (void)snprintf(url, sizeof url, "/v1/enrolments/%s/%s", digest, what);
    return cairn_fleet_post(d->cli, d->fleet, url, type, cairn_buf_span(&file), &reply);
}

static CAIRN_RC fetch(struct desk *d, const char *digest, const char *what, const char *type, struct cairn_client_reply *reply)
{
    char url[160] = "";
    (void)snprintf(url, sizeof url, "/v1/enrolments/%s/%s", digest, what);
    return cairn_fleet_get(d->cli, d->fleet, url, type, reply);
}

static CAIRN_RC challenge(struct desk *d, const char *digest)
{
    char pending_path[PATH_CAP] = "", challenge_path[PATH_CAP] = "", hex[HEX_LEN + 1] = "";
    uint8_t got[CAIRN_SHA256_LEN] = {0};
    CAIRN_CLIENT_REPLY request = {.status = 0};
    CAIRN_BUF made = {0}, pending = {0};
    CAIRN_TRY(fetch(d, digest, "request", CAIRN_TYPE_ENROLMENT_REQUEST, &request));
    CAIRN_TRY(cairn_sha256(cairn_buf_span(&request.body), got, &d->cli->err));
    cairn_hex_encode(CAIRN_SPAN(got), hex);
    if (strcmp(hex, digest) != 0) {
        return CAIRN_FAIL(&d->cli->err, CAIRN_E_SERVER, "reply.request",
                          "the server sent another request than the one it listed");
    }
    CAIRN_TRY(cairn_enrol_challenge_fresh(d->root, d->cas, cairn_buf_span(&request.body), d->cli->now_s, &made, &pending,
                                          &d->cli->err));
    CAIRN_TRY(file_path(d, digest, ".challenge", challenge_path));
    CAIRN_TRY(file_path(d, digest, ".pending", pending_path));
    CAIRN_TRY(cairn_path_write(challenge_path, cairn_buf_span(&made), 0600, &d->cli->err));
    return cairn_path_write(pending_path, cairn_buf_span(&pending), 0600, &d->cli->err);
}

/* The labels that the statement will carry, from the request that the desk kept. */
static CAIRN_RC read_labels(struct desk *d, const char *pending_path, struct cairn_enrol_request *out)
{
    CAIRN_BUF file = {0};
    CAIRN_ENROL_PENDING pending = {.secret = NULL};
    CAIRN_TRY(cairn_path_read_private(pending_path, CAIRN_FILE_MAX, &file, &d->cli->err));
    CAIRN_TRY(cairn_enrol_pending_parse(cairn_buf_span(&file), &pending, &d->cli->err));
    return cairn_enrol_request_parse(cairn_buf_span(&pending.request), out, &d->cli->err);
}

/* A person compares with the box; the TPM knows nothing of labels. Asked before the secret is used up: an interrupted question
 * costs nothing. */
static CAIRN_RC ask_person(struct desk *d, const char *pending_path, bool *yes)
{
    char line[16] = "";
    CAIRN_ENROL_REQUEST request = {.num_certificates = 0};
    const struct cairn_statement *s = &request.device;
    CAIRN_TRY(read_labels(d, pending_path, &request));
    *yes = d->yes;
    (void)fprintf(stderr, "serial \"%s\", tag \"%s\", site \"%s\", %s TPM by %s%s", s->serial, s->tag, s->site, s->tpm_class,
                  s->tpm_manufacturer, d->yes ? "\n" : ": compare with the box. Sign? [y/N] ");
    if (d->yes) {
        return CAIRN_OK;
    }
    if (fgets(line, sizeof line, stdin) == NULL) {
        return CAIRN_FAIL(&d->cli->err, CAIRN_E_USAGE, "usage", "nobody is here to say yes: --yes signs without asking");
    }
    *yes = strcmp(line, "y\n") == 0 || strcmp(line, "yes\n") == 0;
    return CAIRN_OK;
}

static CAIRN_RC decide(struct desk *d, const char *digest, struct cairn_span answer)
{
    char pending[PATH_CAP] = "", statement[PATH_CAP] = "";
    struct cairn_statement s = {.epoch_value = 0};
    CAIRN_BUF dsse = {0};
    bool yes = false;
    CAIRN_TRY(file_path(d, digest, ".pending", pending));
    CAIRN_TRY(file_path(d, digest, ".statement.dsse", statement));
    if (!has(d, digest, ".pending")) {
        return CAIRN_FAIL(&d->cli->err, CAIRN_E_REFUSED, "enrolment.pending.used",
                          "its answer was judged before and not signed: `cairn fleet refuse %s`", digest);
    }
    CAIRN_TRY(ask_person(d, pending, &yes));
    if (!yes) {
        return CAIRN_FAIL(&d->cli->err, CAIRN_E_REFUSED, "enrolment.declined",
                          "not signed: `cairn fleet refuse %s` ends it, a new request begins anew", digest);
    }
    CAIRN_TRY(cairn_cli_judge(d->cli, d->root, answer, pending, &s));
    CAIRN_TRY(cairn_cli_sign_statement(d->cli, &s, d->signer, &dsse));
    return cairn_path_write(statement, cairn_buf_span(&dsse), 0600, &d->cli->err);
}

/* What was signed and brought is over: the same request, listed again, is a device that begins again, and gets a challenge of
 * its own. */
static CAIRN_RC put_away(struct desk *d, const char *digest)
{
    char path[PATH_CAP] = "", kept[PATH_CAP] = "";
    CAIRN_TRY(file_path(d, digest, ".pending.used", path));
    (void)unlink(path);
    CAIRN_TRY(file_path(d, digest, ".statement.dsse", path));
    CAIRN_TRY(file_path(d, digest, ".signed.dsse", kept));
    return rename(path, kept) == 0
               ? CAIRN_OK
               : CAIRN_FAIL_CAUSE(&d->cli->err, CAIRN_E_IO, "file.rename", errno, "%s: %s", path, strerror(errno));
}

/* The server has no answer yet, or has gone on: both are for the next look. */
static bool is_not_yet(const struct cairn_client_reply *reply)
{
    return reply->status == NOT_FOUND || reply->status == ACCEPTED || reply->status == CONFLICT;
}

static CAIRN_RC look_at(struct desk *d, const char *digest)
{
    char path[PATH_CAP] = "";
    CAIRN_CLIENT_REPLY answer = {.status = 0};
    if (!has(d, digest, ".pending") && !has(d, digest, ".pending.used")) {
        CAIRN_TRY(challenge(d, digest));
    }
    if (has(d, digest, ".challenge")) {
        CAIRN_TRY(send_file(d, digest, ".challenge", "challenge", CAIRN_TYPE_ENROLMENT_CHALLENGE));
        CAIRN_TRY(file_path(d, digest, ".challenge", path));
        (void)unlink(path);
    }
    if (!has(d, digest, ".statement.dsse")) {
        const enum cairn_rc rc = fetch(d, digest, "answer", CAIRN_TYPE_ENROLMENT, &answer);
        if (rc != CAIRN_OK && is_not_yet(&answer)) {
            return CAIRN_OK;
        }
        CAIRN_TRY(rc);
        CAIRN_TRY(decide(d, digest, cairn_buf_span(&answer.body)));
    }
    CAIRN_TRY(send_file(d, digest, ".statement.dsse", "statement", CAIRN_TYPE_STATEMENT));
    d->num_signed++;
    return put_away(d, digest);
}

static const char *digest_of(const json_t *row)
{
    const char *digest = json_string_value(json_object_get(row, "digest"));
    return cairn_fleet_is_digest(digest) ? digest : NULL;
}

/* One enrolment that fails does not hold up the others: it is said, and the exit code tells. */
static CAIRN_RC look(struct desk *d)
{
    CAIRN_JSON *rows = NULL;
    CAIRN_TRY(cairn_fleet_list(d->cli, d->fleet, "/v1/enrolments", "", "enrolments", &rows));
    for (size_t i = 0; i < json_array_size(rows); i++) {
        const char *digest = digest_of(json_array_get(rows, i));
        const enum cairn_rc rc = digest != NULL ? look_at(d, digest) : CAIRN_OK;
        if (rc == CAIRN_E_USAGE || rc == CAIRN_E_IO || rc == CAIRN_E_SERVER) {
            return rc;
        }
        if (rc != CAIRN_OK) {
            (void)fprintf(stderr, "cairn: %.16s: %s: %s\n", digest, d->cli->err.code, d->cli->err.text);
            d->num_failed++;
        }
    }
    return CAIRN_OK;
}

static CAIRN_RC work(struct desk *d, bool watch)
{
    const struct cairn_log log = cairn_log("cairn", CAIRN_LOG_INFO);
    for (;;) {
        const enum cairn_rc rc = look(d);
        if (!watch || rc == CAIRN_E_USAGE || rc == CAIRN_E_IO) {
            return rc;
        }
        if (rc != CAIRN_OK) {
            cairn_log_error(&log, "look.failed", &d->cli->err);
        }
        const struct timespec pause = {.tv_sec = PAUSE_S};
        (void)nanosleep(&pause, NULL);
    }
}

CAIRN_RC cairn_fleet_approve(struct cairn_cli *cli, int argc, char **argv, int *exit_code)
{
    CAIRN_FLEET fleet = {.client = NULL};
    CAIRN_CLEANUP(desk_clear) struct desk d = {.cli = cli, .fleet = &fleet};
    const char *root = NULL, *ca = NULL, *key = NULL;
    bool once = false, watch = false;
    const struct cairn_option options[] = {CAIRN_FLEET_OPTIONS(&fleet),
                                           {.name = "--root", .value = &root, .required = true},
                                           {.name = "--ek-ca", .value = &ca, .required = true},
                                           {.name = "--key", .value = &key, .required = true},
                                           {.name = "--dir", .value = &d.dir, .required = true},
                                           {.name = "--once", .flag = &once},
                                           {.name = "--watch", .flag = &watch},
                                           {.name = "--yes", .flag = &d.yes},
                                           {.name = NULL}};
    struct cairn_args args = {.options = options};
    CAIRN_TRY(cairn_args_parse(&args, argc, argv, &cli->err));
    if (once && watch) {
        return CAIRN_FAIL(&cli->err, CAIRN_E_USAGE, "usage", "--once or --watch, not both");
    }
    CAIRN_TRY(cairn_cli_root(cli, root, &d.root));
    CAIRN_TRY(cairn_ca_dir_load(ca, &d.cas, &cli->err));
    CAIRN_TRY(cairn_cli_enroller(cli, d.root, key, &d.signer));
    CAIRN_TRY(check_dir(cli, d.dir));
    CAIRN_TRY(cairn_fleet_open(cli, &fleet));
    CAIRN_TRY(work(&d, watch));
    *exit_code = d.num_failed > 0 ? 1 : 0;
    return cairn_cli_print(cli, json_pack("{s:I, s:I}", "signed", (json_int_t)d.num_signed, "failed", (json_int_t)d.num_failed),
                           "%zu signed, %zu failed\n", d.num_signed, d.num_failed);
}
