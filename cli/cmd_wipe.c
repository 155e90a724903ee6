/* cli/cmd_wipe.c -- cairn wipe: plan the end of this device, carry an order out, go on after a cut.
 *
 * Ctrl-C is taken between durable steps: signals are read from a descriptor, never handled in the middle of one.
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "cli/device_state.h"
#include "cli/tables.h"
#include "core/log.h"

static CAIRN_RC print_plan(struct cairn_cli *cli, const struct cairn_plan *plan, struct cairn_span text)
{
    CAIRN_JSON *json = NULL;
    CAIRN_BUF out = {0};
    char line[600];
    const struct cairn_grade grade = cairn_plan_forecast(plan);
    CAIRN_TRY(cairn_json_parse(text, CAIRN_PLAN_MAX_LEN, true, "plan", &json, &cli->err));
    for (size_t i = 0; i < plan->num_targets; i++) {
        const struct cairn_plan_target *t = &plan->targets[i];
        (void)snprintf(line, sizeof line, "  %s %s (%s): %s, method %s, about %u s; not covered: %s\n",
                       t->handled ? "ERASE    " : "UNHANDLED", t->medium.name, t->medium.path, t->medium.technique,
                       cairn_method_name(t->medium.method), t->seconds, t->not_covered);
        CAIRN_TRY(cairn_buf_append(&out, cairn_span_str(line), &cli->err));
    }
    for (size_t i = 0; i < grade.num_reasons; i++) {
        (void)snprintf(line, sizeof line, "  %s: %s\n", grade.reasons[i], cairn_grade_raise(grade.reasons[i]));
        CAIRN_TRY(cairn_buf_append(&out, cairn_span_str(line), &cli->err));
    }
    return cairn_cli_print(cli, json_incref(json),
                           "the TPM: keys killed, then TPM2_Clear; other users of this TPM lose %zu indices, %zu keys\n"
                           "%zu data media; forecast grade %c\n%.*s",
                           plan->foreign_nv.num, plan->foreign_persistent.num, plan->num_targets, grade.grade, (int)out.len,
                           out.p != NULL ? (const char *)out.p : "");
}

static CAIRN_RC make_plan(struct cairn_cli *cli, const struct cairn_here *here, const char *order_path, struct cairn_plan *out)
{
    CAIRN_ORDER order = {0};
    CAIRN_BUF file = {0};
    const struct cairn_order_device *entry = NULL;
    struct cairn_plan_ask ask = {.settings = &here->config.wipe,
                                 .identity = &here->identity,
                                 .ak = here->config.ak,
                                 .srk = here->config.srk,
                                 .lockout_auth_given = here->lockout_auth != NULL,
                                 .now_s = cli->now_s};
    if (order_path != NULL) {
        CAIRN_TRY(cairn_cli_read(cli, order_path, &file));
        CAIRN_TRY(cairn_cli_named(
            cli, order_path, cairn_order_open_here(here->identity.root, cairn_buf_span(&file), &ask.now_s, &order, &cli->err)));
        CAIRN_TRY(cairn_order_for(&order, &here->identity.statement, &entry, &cli->err));
        ask.order = &order;
    }
    return cairn_plan_make(here->tpm, &ask, out, &cli->err);
}

static void free_here(struct cairn_here **here)
{
    if (*here != NULL) {
        cairn_here_clear(*here);
        free(*here);
    }
}

static CAIRN_RC open_here(struct cairn_cli *cli, struct cairn_here **out)
{
    CAIRN_CLEANUP(free_here) struct cairn_here *here = calloc(1, sizeof *here);
    if (here == NULL) {
        return CAIRN_FAIL(&cli->err, CAIRN_E_IO, "memory", "no memory");
    }
    CAIRN_TRY(cairn_here_open(cli, here));
    *out = here;
    here = NULL;
    return CAIRN_OK;
}

static CAIRN_RC wipe_plan(struct cairn_cli *cli, int argc, char **argv, int *exit_code)
{
    const char *order = NULL;
    const char *out = NULL;
    CAIRN_PLAN plan = {0};
    CAIRN_BUF text = {0};
    CAIRN_CLEANUP(free_here) struct cairn_here *here = NULL;
    const struct cairn_option options[] = {{.name = "-o", .value = &out}, {.name = NULL}};
    struct cairn_args args = {.options = options, .positional = &order, .max_positional = 1};
    CAIRN_TRY(cairn_args_parse(&args, argc, argv, &cli->err));
    CAIRN_TRY(open_here(cli, &here));
    CAIRN_TRY(make_plan(cli, here, order, &plan));
    CAIRN_TRY(cairn_plan_write(&plan, &text, &cli->err));
    *exit_code = 0;
    if (out != NULL) {
        CAIRN_BUF file = {0};
        CAIRN_TRY(cairn_buf_append(&file, cairn_buf_span(&text), &cli->err));
        CAIRN_TRY(cairn_buf_append(&file, cairn_span_str("\n"), &cli->err));
        CAIRN_TRY(cairn_cli_write_document(cli, out, cairn_buf_span(&file)));
        if (strcmp(out, "-") == 0) {
            return CAIRN_OK;
        }
    }
    return print_plan(cli, &plan, cairn_buf_span(&text));
}

/* struct session is what the callbacks of a run see. */
struct session {
    struct cairn_cli *cli;
    int signal_fd;
};

static bool stop_wanted(void *arg)
{
    const struct session *session = arg;
    struct signalfd_siginfo info;
    return read(session->signal_fd, &info, sizeof info) == (ssize_t)sizeof info;
}

static void tell_step(void *arg, enum cairn_wipe_step done)
{
    static const char *const TEXT[] = {"order accepted",
                                       "order bound to the device",
                                       "consumers stopped",
                                       "keys killed, receipt delivered",
                                       "media treated",
                                       "TPM cleared, certificate delivered",
                                       "RETIRED"};
    const struct session *session = arg;
    const struct cairn_log log = cairn_log("cairn", CAIRN_LOG_INFO);
    const struct cairn_log_field step = {.key = "step", .value = TEXT[done]};
    if (!session->cli->json) {
        cairn_log_event(&log, CAIRN_LOG_INFO, "wipe.step", &step, 1);
    }
}

static CAIRN_RC open_signals(struct session *session)
{
    sigset_t set;
    (void)sigemptyset(&set);
    (void)sigaddset(&set, SIGINT);
    (void)sigaddset(&set, SIGTERM);
    (void)sigaddset(&set, SIGHUP);
    if (sigprocmask(SIG_BLOCK, &set, NULL) != 0) {
        return CAIRN_FAIL(&session->cli->err, CAIRN_E_IO, "signals", "signals cannot be held back");
    }
    session->signal_fd = signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC);
    return session->signal_fd >= 0 ? CAIRN_OK : CAIRN_FAIL(&session->cli->err, CAIRN_E_IO, "signals", "signals cannot be read");
}

/* A path that still means the same after a reboot, from another working directory. */
static CAIRN_RC absolute(struct cairn_cli *cli, const char *path, char out[CAIRN_WIPE_PATH_MAX])
{
    char here[CAIRN_WIPE_PATH_MAX] = "";
    if (path[0] != '/' && getcwd(here, sizeof here) == NULL) {
        return CAIRN_FAIL(&cli->err, CAIRN_E_USAGE, "wipe.out",
                          "the working directory's name is too long: give --out absolute");
    }
    int n = snprintf(out, CAIRN_WIPE_PATH_MAX, "%s%s%s", here, here[0] != '\0' ? "/" : "", path);
    if (n < 0 || n >= CAIRN_WIPE_PATH_MAX) {
        return CAIRN_FAIL(&cli->err, CAIRN_E_USAGE, "wipe.out", "--out is too long");
    }
    return CAIRN_OK;
}

/* Without an order: go on with the accepted one. */
static CAIRN_RC carry_out(struct cairn_cli *cli, const struct cairn_here *here, const char *out_path, struct cairn_span order,
                          struct cairn_span release)
{
    struct session session = {.cli = cli, .signal_fd = -1};
    char path[CAIRN_WIPE_PATH_MAX] = "";
    CAIRN_FS *out = NULL;
    CAIRN_TRY(absolute(cli, out_path, path));
    const bool made = access(path, F_OK) != 0;
    CAIRN_TRY(cairn_fs_open_dir(path, true, &out, &cli->err));
    CAIRN_TRY(open_signals(&session));
    struct cairn_wipe_run run = cairn_device_wipe_run(cli, here, out, path);
    run.release = release;
    run.stop = stop_wanted;
    run.step = tell_step;
    run.arg = &session;
    enum cairn_rc rc = order.len > 0 ? cairn_wipe_accept(&run, order, &cli->err) : CAIRN_OK;
    if (rc == CAIRN_E_FORMAT && order.len > 0) {
        cairn_err_prefix(&cli->err, "the order");
    }
    if (rc != CAIRN_OK && made) {
        (void)rmdir(path); /* refused: nothing was written there */
    }
    rc = rc == CAIRN_OK ? cairn_wipe_resume(&run, &cli->err) : rc;
    (void)close(session.signal_fd);
    return rc;
}

/* The end, read back from what was delivered. */
static CAIRN_RC print_end(struct cairn_cli *cli, const struct cairn_here *here, const char *out_path)
{
    char path[CAIRN_WIPE_PATH_MAX + 32];
    CAIRN_BUF file = {0};
    CAIRN_CERTIFICATE *found = NULL;
    json_t *facts = NULL;
    const struct cairn_span root = cairn_buf_span(&here->identity.root_file);
    (void)snprintf(path, sizeof path, "%.255s/certificate.json", out_path);
    CAIRN_TRY(cairn_path_read(path, CAIRN_CERTIFICATE_MAX_LEN, &file, &cli->err));
    CAIRN_TRY(cairn_certificate_verify(cairn_buf_span(&file), &root, 1, &found, &cli->err));
    CAIRN_TRY(cairn_certificate_facts(found, &facts, &cli->err));
    return cairn_cli_print(cli, facts, "retired: grade %c, certificate in %s\n", found->grade.grade, path);
}

static CAIRN_RC wipe_run(struct cairn_cli *cli, int argc, char **argv, int *exit_code)
{
    const char *in = NULL;
    const char *out = NULL;
    const char *release_path = NULL;
    bool here_given = false;
    CAIRN_BUF order = {0};
    CAIRN_BUF release = {0};
    CAIRN_CLEANUP(free_here) struct cairn_here *here = NULL;
    const struct cairn_option options[] = {{.name = "--here", .flag = &here_given},
                                           {.name = "--out", .value = &out, .required = true},
                                           {.name = "--release", .value = &release_path},
                                           {.name = NULL}};
    struct cairn_args args = {.options = options, .positional = &in, .min_positional = 1, .max_positional = 1};
    CAIRN_TRY(cairn_args_parse(&args, argc, argv, &cli->err));
    if (!here_given) {
        return CAIRN_FAIL(&cli->err, CAIRN_E_USAGE, "wipe.here",
                          "say --here: the wipe runs in this system, and its media lines will be software-asserted");
    }
    CAIRN_TRY(cairn_cli_read(cli, in, &order));
    if (release_path != NULL) {
        CAIRN_TRY(cairn_cli_read(cli, release_path, &release));
    }
    CAIRN_TRY(open_here(cli, &here));
    CAIRN_TRY(carry_out(cli, here, out, cairn_buf_span(&order), cairn_buf_span(&release)));
    *exit_code = 0;
    return print_end(cli, here, out);
}

static CAIRN_RC wipe_ask(struct cairn_cli *cli, int argc, char **argv, int *exit_code)
{
    const char *in = NULL;
    const char *out = NULL;
    uint8_t nonce[32] = {0};
    CAIRN_BUF order = {0};
    CAIRN_BUF question = {0};
    CAIRN_CLEANUP(free_here) struct cairn_here *here = NULL;
    const struct cairn_option options[] = {{.name = "-o", .value = &out}, {.name = NULL}};
    struct cairn_args args = {.options = options, .positional = &in, .min_positional = 1, .max_positional = 1};
    CAIRN_TRY(cairn_args_parse(&args, argc, argv, &cli->err));
    CAIRN_TRY(cairn_cli_read(cli, in, &order));
    CAIRN_TRY(open_here(cli, &here));
    CAIRN_TRY(cairn_random(nonce, sizeof nonce, &cli->err));
    const struct cairn_wipe_run run = {.state = here->state, .identity = &here->identity, .now_s = cli->now_s};
    CAIRN_TRY(cairn_cli_named(cli, in, cairn_wipe_ask(&run, cairn_buf_span(&order), nonce, &question, &cli->err)));
    *exit_code = 0;
    return cairn_cli_write_document(cli, out, cairn_buf_span(&question));
}

static CAIRN_RC wipe_resume(struct cairn_cli *cli, int argc, char **argv, int *exit_code)
{
    const char *out = NULL;
    bool there = false;
    struct cairn_journal journal = {0};
    CAIRN_CLEANUP(free_here) struct cairn_here *here = NULL;
    const struct cairn_option options[] = {{.name = "--out", .value = &out}, {.name = NULL}};
    struct cairn_args args = {.options = options};
    CAIRN_TRY(cairn_args_parse(&args, argc, argv, &cli->err));
    CAIRN_TRY(open_here(cli, &here));
    CAIRN_TRY(cairn_wipe_journal(here->state, &here->identity, &there, &journal, &cli->err));
    if (!there) {
        return CAIRN_FAIL(&cli->err, CAIRN_E_REFUSED, "wipe.none", "no wipe was accepted on this device: cairn wipe run ORDER");
    }
    out = out != NULL ? out : journal.out;
    CAIRN_TRY(carry_out(cli, here, out, cairn_span(NULL, 0), cairn_span(NULL, 0)));
    *exit_code = 0;
    return print_end(cli, here, out);
}

const struct cairn_command cairn_commands_wipe[] = {
    {.noun = "wipe",
     .verb = "plan",
     .synopsis = "[order.dsse] [-o plan.json]",
     .help = "Shows what a wipe will do and not do, and the grade to expect. Changes nothing.",
     .run = wipe_plan},
    {.noun = "wipe",
     .verb = "ask",
     .synopsis = "order.dsse [-o nonce.json]",
     .help = "For an order with online delivery: writes this device's question, which the server answers with a release.\n"
             "Each question takes the place of the one before.",
     .run = wipe_ask},
    {.noun = "wipe",
     .verb = "run",
     .synopsis = "order.dsse [--release release.dsse] --here --out DIR",
     .help = "Carries the order out: kills the keys, treats the media, clears the TPM, and writes the certificate to DIR.\n"
             "  --here           in this running system; media lines are then software-asserted\n"
             "  --release FILE   the answer to this device's last `wipe ask`: an online order is refused without\n"
             "  --out DIR        receives kill.json, media.log, start.json, certificate.json, plan.json, journal\n"
             "Ctrl-C stops between two durable steps; the order stands and `cairn wipe resume` goes on.",
     .run = wipe_run},
    {.noun = "wipe",
     .verb = "resume",
     .synopsis = "[--out DIR]",
     .help = "Goes on with an accepted order after a cut or an interruption, to the certificate.",
     .run = wipe_resume},
    {.noun = NULL},
};
