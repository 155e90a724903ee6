/* cli/cmd_status.c -- cairn status: how the device and its server get on; and the same, with more, as a file for support.
 *
 * Opens no TPM and takes no lock, so it answers while the agent or a wipe is at work. What only root can read is left out for
 * others. No secret is read at all: of the configuration only what is set, of the last report neither the nonce nor the token.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>

#include "agent/spool_device.h"
#include "cli/cli.h"
#include "cli/tables.h"
#include "core/clock.h"
#include "wipe/sequence_device.h"

enum { MAX_LISTED = 200 };

/* struct view is what is looked at. Everything may be absent. */
struct view {
    struct cairn_config config;
    struct cairn_agent_settings settings;
    struct cairn_spool spool;
    bool has_spool;
    bool reported;
    uint64_t reported_s;
    struct cairn_report report;
    char device[65], life[32], wipe[32];
};

static void view_free(struct view **v)
{
    if (*v != NULL) {
        cairn_spool_clear(&(*v)->spool);
        cairn_report_clear(&(*v)->report);
        free(*v);
    }
}

/* Which step a wipe is at: root's to know. */
static void look_at_journal(struct view *v)
{
    CAIRN_FS *state = NULL;
    CAIRN_IDENTITY identity = {.root = NULL};
    struct cairn_journal *journal = calloc(1, sizeof *journal);
    bool there = false;
    if (journal != NULL && cairn_fs_open_dir(v->config.state, false, &state, NULL) == CAIRN_OK &&
        cairn_identity_load(state, 0, &identity, NULL) == CAIRN_OK && identity.enrolled &&
        cairn_wipe_journal(state, &identity, &there, journal, NULL) == CAIRN_OK && there) {
        (void)snprintf(v->wipe, sizeof v->wipe, "%s", cairn_wipe_step_name(journal->step));
    }
    free(journal);
}

static void look_at_identity(struct view *v)
{
    CAIRN_IDENTITY identity = {.root = NULL};
    (void)snprintf(v->life, sizeof v->life, "not enrolled");
    if (cairn_identity_load(v->spool.out, 0, &identity, NULL) == CAIRN_OK && identity.enrolled) {
        cairn_hex_encode(CAIRN_SPAN(identity.statement.device), v->device);
        (void)snprintf(v->life, sizeof v->life, "%s",
                       cairn_file_exists(v->spool.out, CAIRN_SPOOL_CERTIFICATE) ? "retired"
                       : cairn_file_exists(v->spool.out, CAIRN_SPOOL_KILL)      ? "killed"
                                                                                : "enrolled");
    }
}

static CAIRN_RC look(struct cairn_cli *cli, struct view *v)
{
    CAIRN_TRY(cairn_config_load_agent(cli->config_path, &v->config, &v->settings, &cli->err));
    v->has_spool = cairn_spool_open(v->settings.spool, &v->spool, NULL) == CAIRN_OK;
    if (v->has_spool) {
        look_at_identity(v);
        CAIRN_TRY(cairn_spool_report(&v->spool, &v->reported, &v->reported_s, &v->report, NULL, &cli->err));
    }
    look_at_journal(v);
    return CAIRN_OK;
}

static CAIRN_RC add_report(const struct view *v, json_t *to, struct cairn_err *err)
{
    json_t *report = json_object();
    json_t *failed = json_array();
    CAIRN_TRY(cairn_json_set_take(to, "report", report, err));
    CAIRN_TRY(cairn_json_set_take(report, "failed", failed, err));
    CAIRN_TRY(cairn_json_set_uint(report, "at", v->reported_s, err));
    CAIRN_TRY(cairn_json_set_string(report, "tier", cairn_tier_name(v->report.tier), err));
    CAIRN_TRY(cairn_json_set_uint(report, "interval", v->report.interval_s, err));
    CAIRN_TRY(cairn_json_set_bool(report, "order", v->report.has_order, err));
    CAIRN_TRY(cairn_json_set_bool(report, "grant", v->report.grant, err));
    for (size_t i = 0; i < v->report.num_failed; i++) {
        if (json_array_append_new(failed, json_string(v->report.failed[i])) != 0) {
            return CAIRN_FAIL(err, CAIRN_E_IO, "json.memory", "no memory");
        }
    }
    return CAIRN_OK;
}

static bool waits(const struct view *v, const char *mark)
{
    return v->has_spool && cairn_file_exists(v->spool.in, mark);
}

static CAIRN_RC make_json(const struct view *v, json_t **out, struct cairn_err *err)
{
    CAIRN_JSON *json = json_object();
    CAIRN_TRY(cairn_json_set_string(json, "server", v->settings.server, err));
    CAIRN_TRY(cairn_json_set_string(json, "device", v->device, err));
    CAIRN_TRY(cairn_json_set_string(json, "life", v->life, err));
    CAIRN_TRY(cairn_json_set_bool(json, "spool", v->has_spool, err));
    CAIRN_TRY(cairn_json_set_bool(json, "install_waits", waits(v, CAIRN_SPOOL_INSTALL_READY), err));
    CAIRN_TRY(cairn_json_set_bool(json, "wipe_waits", waits(v, CAIRN_SPOOL_WIPE_READY), err));
    CAIRN_TRY(cairn_json_set_string(json, "wipe", v->wipe, err));
    CAIRN_TRY(v->reported ? add_report(v, json, err) : CAIRN_OK);
    *out = json;
    json = NULL;
    return CAIRN_OK;
}

static CAIRN_RC print_text(struct cairn_cli *cli, const struct view *v)
{
    char when[21] = "never";
    if (v->reported) {
        cairn_clock_format(v->reported_s, when);
    }
    CAIRN_TRY(cairn_cli_print(cli, NULL, "server     %s\ndevice     %s\nlife       %s\n",
                              v->settings.server[0] != '\0' ? v->settings.server : "-", v->device[0] != '\0' ? v->device : "-",
                              v->has_spool ? v->life : "unknown: no spool, `cairn spool publish` makes it"));
    CAIRN_TRY(cairn_cli_print(cli, NULL, "reported   %s%s%s\n", when, v->reported ? ", " : "",
                              v->reported ? cairn_tier_name(v->report.tier) : ""));
    for (size_t i = 0; v->reported && i < v->report.num_failed; i++) {
        CAIRN_TRY(cairn_cli_print(cli, NULL, "failed     %s\n", v->report.failed[i]));
    }
    if (waits(v, CAIRN_SPOOL_INSTALL_READY) || waits(v, CAIRN_SPOOL_WIPE_READY)) {
        CAIRN_TRY(
            cairn_cli_print(cli, NULL, "waits      %s for root\n", waits(v, CAIRN_SPOOL_WIPE_READY) ? "an order" : "a grant"));
    }
    return v->wipe[0] != '\0' ? cairn_cli_print(cli, NULL, "wipe       %s\n", v->wipe) : CAIRN_OK;
}

/* struct listing is one directory of the spool for the bundle. */
struct listing {
    json_t *names;
};

static bool list_name(void *arg, const char *name)
{
    struct listing *l = arg;
    return json_array_append_new(l->names, json_string(name)) == 0 && json_array_size(l->names) < MAX_LISTED;
}

static CAIRN_RC add_listing(json_t *to, const char *member, struct cairn_fs *fs, struct cairn_err *err)
{
    struct listing l = {.names = json_array()};
    CAIRN_TRY(cairn_json_set_take(to, member, l.names, err));
    return cairn_file_each(fs, list_name, &l, err);
}

/* root's words about what it refused, as they are. */
static CAIRN_RC add_failure(json_t *to, struct cairn_fs *fs, const char *name, struct cairn_err *err)
{
    CAIRN_BUF file = {0};
    json_t *json = NULL;
    if (!cairn_file_exists(fs, name) || cairn_file_read(fs, name, CAIRN_REPLY_SMALL_MAX, &file, NULL) != CAIRN_OK ||
        cairn_json_parse(cairn_json_trim_newline(cairn_buf_span(&file)), CAIRN_REPLY_SMALL_MAX, false, name, &json, NULL) !=
            CAIRN_OK) {
        return CAIRN_OK;
    }
    return cairn_json_set_take(to, name, json, err);
}

static CAIRN_RC add_config(const struct view *v, json_t *to, struct cairn_err *err)
{
    json_t *config = json_object();
    const struct cairn_config *c = &v->config;
    const struct {
        const char *name, *value;
    } said[] = {{"state", c->state},
                {"serial", c->serial},
                {"tag", c->tag},
                {"site", c->site},
                {"tcti", c->tcti},
                {"log", c->boot_log},
                {"ima", c->ima_log},
                {"userspace_log", c->userspace_log},
                {"ca", v->settings.ca},
                {"pin", v->settings.pin},
                {"spool", v->settings.spool},
                {"proxy", v->settings.proxy[0] != '\0' ? "configured" : ""}, /* it may name a password */
                {"owner_auth_file", c->owner_auth_file[0] != '\0' ? "configured" : ""},
                {"lockout_auth_file", c->lockout_auth_file[0] != '\0' ? "configured" : ""},
                {"enrolment_token", v->settings.enrolment_token[0] != '\0' ? "configured" : ""}};
    CAIRN_TRY(cairn_json_set_take(to, "config", config, err));
    CAIRN_TRY(cairn_json_set_uint(config, "interval", v->settings.interval_s, err));
    CAIRN_TRY(cairn_json_set_uint(config, "targets", c->wipe.num_targets, err));
    CAIRN_TRY(cairn_json_set_uint(config, "consumers", c->wipe.num_consumers, err));
    for (size_t i = 0; i < CAIRN_ARRAY_LEN(said); i++) {
        CAIRN_TRY(cairn_json_set_string(config, said[i].name, said[i].value, err));
    }
    return CAIRN_OK;
}

static CAIRN_RC write_bundle(struct cairn_cli *cli, const struct view *v, json_t *json, const char *path)
{
    CAIRN_BUF text = {0};
    struct utsname system;
    memset(&system, 0, sizeof system);
    (void)uname(&system);
    CAIRN_TRY(cairn_json_set_string(json, "version", CAIRN_VERSION, &cli->err));
    CAIRN_TRY(cairn_json_set_string(json, "crypto", cairn_crypto_provider(), &cli->err));
    CAIRN_TRY(cairn_json_set_string(json, "kernel", system.release, &cli->err));
    CAIRN_TRY(cairn_json_set_string(json, "machine", system.machine, &cli->err));
    CAIRN_TRY(cairn_json_set_uint(json, "at", cli->now_s, &cli->err));
    CAIRN_TRY(add_config(v, json, &cli->err));
    if (v->has_spool) {
        CAIRN_TRY(add_listing(json, "spool_in", v->spool.in, &cli->err));
        CAIRN_TRY(add_listing(json, "spool_out", v->spool.out, &cli->err));
        CAIRN_TRY(add_failure(json, v->spool.out, CAIRN_SPOOL_FAILED, &cli->err));
        CAIRN_TRY(add_failure(json, v->spool.out, CAIRN_SPOOL_WIPE_FAILED, &cli->err));
    }
    CAIRN_TRY(cairn_json_write(json, &text, &cli->err));
    CAIRN_TRY(cairn_buf_append(&text, cairn_span_str("\n"), &cli->err));
    return cairn_cli_write_document(cli, path, cairn_buf_span(&text));
}

static CAIRN_RC status(struct cairn_cli *cli, int argc, char **argv, int *exit_code)
{
    bool bundle = false;
    const char *out = NULL;
    CAIRN_JSON *json = NULL;
    CAIRN_CLEANUP(view_free) struct view *v = calloc(1, sizeof *v);
    const struct cairn_option options[] = {
        {.name = "--bundle", .flag = &bundle}, {.name = "-o", .value = &out}, {.name = NULL}};
    struct cairn_args args = {.options = options};
    CAIRN_TRY(cairn_args_parse(&args, argc, argv, &cli->err));
    if (v == NULL) {
        return CAIRN_FAIL(&cli->err, CAIRN_E_IO, "memory", "no memory");
    }
    if (out != NULL && !bundle) {
        return CAIRN_FAIL(&cli->err, CAIRN_E_USAGE, "usage", "-o is for --bundle");
    }
    CAIRN_TRY(look(cli, v));
    CAIRN_TRY(make_json(v, &json, &cli->err));
    *exit_code = 0;
    if (bundle) {
        return write_bundle(cli, v, json, out);
    }
    return cli->json ? cairn_cli_print(cli, json_incref(json), "%s", "") : print_text(cli, v);
}

const struct cairn_command cairn_commands_status[] = {
    {.noun = "status",
     .verb = NULL,
     .synopsis = "[--bundle [-o FILE]]",
     .help = "How the device and its server get on: last report, what failed, what waits. Opens no TPM and takes no lock.\n"
             "  --bundle  a JSON file for support: versions, configuration without secrets, spool, refusals; no key, no token\n"
             "  -o FILE   where it goes (standard output)",
     .run = status},
    {.noun = NULL},
};
