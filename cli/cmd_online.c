/* cli/cmd_online.c -- what a device does with its server by hand: one report, and enrolment.
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/agent_device.h"
#include "agent/enrol_online_device.h"
#include "cli/number.h"
#include "cli/online.h"
#include "cli/spool.h"
#include "cli/tables.h"

enum { WAIT_MAX_S = 30 * 86400 };

static CAIRN_RC print_report(struct cairn_cli *cli, const struct cairn_report *r, uint32_t interval_s)
{
    CAIRN_JSON *json = json_object();
    json_t *failed = json_array();
    CAIRN_BUF line = {0};
    for (size_t i = 0; i < r->num_failed; i++) {
        if (json_array_append_new(failed, json_string(r->failed[i])) != 0) {
            json_decref(failed);
            return CAIRN_FAIL(&cli->err, CAIRN_E_IO, "json.memory", "no memory");
        }
        CAIRN_TRY(cairn_buf_append(&line, cairn_span_str(i == 0 ? "; failed: " : " "), &cli->err));
        CAIRN_TRY(cairn_buf_append(&line, cairn_span_str(r->failed[i]), &cli->err));
    }
    CAIRN_TRY(cairn_json_set_take(json, "failed", failed, &cli->err));
    CAIRN_TRY(cairn_json_set_string(json, "tier", cairn_tier_name(r->tier), &cli->err));
    CAIRN_TRY(cairn_json_set_uint(json, "interval", interval_s, &cli->err));
    CAIRN_TRY(cairn_json_set_bool(json, "grant", r->grant, &cli->err));
    CAIRN_TRY(cairn_json_set_bool(json, "order", r->has_order, &cli->err));
    return cairn_cli_print(cli, json_incref(json), "%s%.*s%s%s\n", cairn_tier_name(r->tier), (int)line.len,
                           line.p != NULL ? (const char *)line.p : "", r->has_order ? "; an order is here" : "",
                           r->grant ? "; a grant is to be had" : "");
}

CAIRN_RC cairn_cli_report_once(struct cairn_cli *cli, int *exit_code)
{
    const struct cairn_log log = cairn_log("cairn", CAIRN_LOG_WARNING);
    const struct cairn_agent_world world = {.config_path = cli->config_path, .log = &log, .wake_fd = -1};
    CAIRN_AGENT *agent = NULL;
    CAIRN_REPORT report = {.interval_s = 0};
    struct cairn_err late = {0};
    CAIRN_TRY(cairn_agent_new(&world, &agent, &cli->err));
    if (cairn_agent_deliver(agent, &late) != CAIRN_OK) {
        cairn_log_error(&log, "delivery.failed", &late);
    }
    CAIRN_TRY(cairn_agent_report(agent, cli->now_s, &report, &cli->err));
    CAIRN_TRY(cairn_agent_fetch(agent, cli->now_s, &report, &cli->err));
    *exit_code = cairn_tier_exit_code(report.tier);
    return print_report(cli, &report, cairn_agent_interval_s(agent));
}

CAIRN_RC cairn_cli_result(struct cairn_cli *cli, const char *audience, const char *out_path, int *exit_code)
{
    const struct cairn_log log = cairn_log("cairn", CAIRN_LOG_WARNING);
    const struct cairn_agent_world world = {.config_path = cli->config_path, .log = &log, .wake_fd = -1};
    CAIRN_AGENT *agent = NULL;
    CAIRN_REPORT report = {.interval_s = 0};
    CAIRN_TRY(cairn_agent_new(&world, &agent, &cli->err));
    CAIRN_TRY(cairn_agent_result(agent, audience, cli->now_s, &report, &cli->err));
    CAIRN_TRY(cairn_buf_append(&report.ear, cairn_span_str("\n"), &cli->err));
    *exit_code = cairn_tier_exit_code(report.tier);
    return cairn_cli_write_private(cli, out_path, cairn_buf_span(&report.ear));
}

static void tell_waiting(void *arg, const char *what)
{
    const struct cairn_cli *cli = arg;
    if (!cli->json) {
        (void)fprintf(stderr, "cairn: %s: the enroller has not answered yet\n", what);
    }
}

static CAIRN_RC open_client(struct cairn_cli *cli, const struct cairn_agent_settings *s, struct cairn_client **client,
                            struct cairn_secret **token)
{
    const struct cairn_client_settings settings = {
        .server = s->server, .ca = s->ca, .pin = s->pin, .proxy = s->proxy, .wake_fd = -1};
    if (s->server[0] == '\0') {
        return CAIRN_FAIL(&cli->err, CAIRN_E_USAGE, "agent.server", "no server is configured: set server in [agent] of %s",
                          cli->config_path);
    }
    if (s->enrolment_token[0] != '\0') {
        CAIRN_TRY(cairn_client_bearer(s->enrolment_token, token, &cli->err));
    }
    return cairn_client_new(&settings, client, &cli->err);
}

static CAIRN_RC run_enrolment(struct cairn_cli *cli, struct cairn_cli_spool *s, struct cairn_span certificate, uint64_t wait_s)
{
    CAIRN_CLIENT *client = NULL;
    CAIRN_SECRET *token = NULL;
    CAIRN_BUF statement = {0};
    CAIRN_IDENTITY identity = {.root = NULL};
    CAIRN_TRY(open_client(cli, &s->settings, &client, &token));
    CAIRN_TRY(cairn_cli_spool_here(cli, s));
    const struct cairn_config *c = &s->here->config;
    const struct cairn_enrol_online e = {.place = {.state = s->here->state,
                                                   .tpm = s->here->tpm,
                                                   .epoch = c->epoch,
                                                   .anchor = {c->anchor[0], c->anchor[1]},
                                                   .serial = c->serial,
                                                   .tag = c->tag,
                                                   .site = c->site,
                                                   .now_s = cli->now_s},
                                         .identity = &s->here->identity,
                                         .client = client,
                                         .token = token,
                                         .certificate = certificate,
                                         .wait_s = wait_s,
                                         .waiting = tell_waiting,
                                         .arg = cli};
    CAIRN_TRY(cairn_enrol_online_run(&e, &statement, &cli->err));
    CAIRN_TRY(cairn_identity_load(s->here->state, cli->now_s, &identity, &cli->err));
    return cairn_spool_publish(&s->spool, &identity, &cli->err);
}

static CAIRN_RC enrol_online(struct cairn_cli *cli, int argc, char **argv, int *exit_code)
{
    const char *wait = NULL, *certificate = NULL;
    uint64_t wait_s = 0;
    CAIRN_BUF extra = {0};
    CAIRN_CLI_SPOOL s = {.here = NULL};
    const struct cairn_option options[] = {
        {.name = "--wait", .value = &wait}, {.name = "--ek-certificate", .value = &certificate}, {.name = NULL}};
    struct cairn_args args = {.options = options};
    CAIRN_TRY(cairn_args_parse(&args, argc, argv, &cli->err));
    CAIRN_TRY(cairn_number_parse("--wait", wait, 0, WAIT_MAX_S, &wait_s, &cli->err));
    if (certificate != NULL) {
        CAIRN_TRY(cairn_cli_read(cli, certificate, &extra));
    }
    CAIRN_TRY(cairn_cli_spool_open(cli, &s));
    CAIRN_TRY(run_enrolment(cli, &s, cairn_buf_span(&extra), wait_s));
    *exit_code = 0;
    return cairn_cli_print(cli, json_pack("{s:s}", "life", "ENROLLED"), "ENROLLED\n");
}

const struct cairn_command cairn_commands_online[] = {
    {.noun = "enrol",
     .verb = "online",
     .synopsis = "[--wait SECONDS] [--ek-certificate FILE.der]",
     .help = "On the device, as root: request, answer and accept in one, through the server of [agent]. The enroller answers "
             "at the\n"
             "desk (`cairn fleet approve`); until then exit 6, and the same command goes on where it was.\n"
             "  --wait SECONDS          wait for the enroller that long (0)\n"
             "  --ek-certificate FILE   DER, for a TPM whose maker keeps the certificate on-line",
     .run = enrol_online},
    {.noun = NULL},
};
