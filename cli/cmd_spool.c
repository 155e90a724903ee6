/* cli/cmd_spool.c -- cairn spool: root's side of what the agent hands over (agent/spool.h). For units, not for fingers.
 *
 * Every file of the spool comes from a user without privileges: it is as foreign as one from the network, and the same engine
 * verifies it. A cut at any point is followed by the same command again.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/device_state.h"
#include "cli/spool.h"
#include "cli/tables.h"
#include "provision/engine_device.h"

void cairn_cli_spool_clear(struct cairn_cli_spool *s)
{
    cairn_spool_clear(&s->spool);
    if (s->here != NULL) {
        cairn_here_clear(s->here);
        free(s->here);
    }
    s->here = NULL;
}

static CAIRN_RC load_settings(struct cairn_cli *cli, struct cairn_agent_settings *out)
{
    struct cairn_config config = {.ak = 0};
    return cairn_config_load_agent(cli->config_path, &config, out, &cli->err);
}

CAIRN_RC cairn_cli_spool_open(struct cairn_cli *cli, struct cairn_cli_spool *out)
{
    CAIRN_TRY(load_settings(cli, &out->settings));
    (void)snprintf(out->out_path, sizeof out->out_path, "%s/out", out->settings.spool);
    return cairn_spool_open_root(out->settings.spool, &out->spool, &cli->err);
}

CAIRN_RC cairn_cli_spool_here(struct cairn_cli *cli, struct cairn_cli_spool *s)
{
    s->here = calloc(1, sizeof *s->here);
    if (s->here == NULL) {
        return CAIRN_FAIL(&cli->err, CAIRN_E_IO, "memory", "no memory for the device");
    }
    return cairn_here_open(cli, s->here);
}

CAIRN_RC cairn_cli_spool_failed(struct cairn_cli *cli, const struct cairn_cli_spool *s, const char *name,
                                const struct cairn_err *why)
{
    CAIRN_JSON *json = json_object();
    CAIRN_BUF text = {0};
    CAIRN_TRY(cairn_json_set_uint(json, "at", cli->now_s, &cli->err));
    CAIRN_TRY(cairn_json_set_string(json, "code", why->code, &cli->err));
    CAIRN_TRY(cairn_json_set_string(json, "text", why->text, &cli->err));
    CAIRN_TRY(cairn_json_write(json, &text, &cli->err));
    CAIRN_TRY(cairn_buf_append(&text, cairn_span_str("\n"), &cli->err));
    return cairn_file_replace(s->spool.out, name, cairn_buf_span(&text), 0644, &cli->err);
}

bool cairn_cli_spool_is_final(enum cairn_rc rc)
{
    return rc == CAIRN_E_REFUSED || rc == CAIRN_E_FORMAT;
}

static const char *const BUNDLE[] = {CAIRN_SPOOL_GRANT, CAIRN_SPOOL_MANIFEST, CAIRN_SPOOL_ASSETS};

/* A file that is no regular file, or too long, is not what was agreed on: the same again would be no better. */
static CAIRN_RC read_in(struct cairn_cli *cli, const struct cairn_cli_spool *s, const char *name, size_t max_len,
                        struct cairn_buf *out)
{
    struct cairn_err why = {0};
    if (cairn_file_read(s->spool.in, name, max_len, out, &why) == CAIRN_OK) {
        return CAIRN_OK;
    }
    return CAIRN_FAIL_CAUSE(&cli->err, CAIRN_E_REFUSED, why.code, why.cause, "%s", why.text);
}

static CAIRN_RC try_install(struct cairn_cli *cli, const struct cairn_cli_spool *s, struct cairn_buf *receipt)
{
    CAIRN_DEVICE_STATE *state = NULL;
    CAIRN_BUF grant = {0}, manifest = {0}, assets = {0};
    CAIRN_TRY(read_in(cli, s, CAIRN_SPOOL_GRANT, CAIRN_FILE_MAX, &grant));
    CAIRN_TRY(read_in(cli, s, CAIRN_SPOOL_MANIFEST, CAIRN_FILE_MAX, &manifest));
    CAIRN_TRY(read_in(cli, s, CAIRN_SPOOL_ASSETS, CAIRN_ASSETS_FILE_MAX, &assets));
    const struct cairn_vault_place place = {s->here->state, &s->here->identity, s->here->tpm};
    const struct cairn_install in = {cairn_buf_span(&manifest), cairn_buf_span(&grant), cairn_buf_span(&assets), cli->now_s};
    CAIRN_TRY(cairn_device_state_read(cli, s->here, &state));
    return cairn_install_run(&place, &in, state, receipt, &cli->err);
}

/* The reason is out before anything is moved: cut in between, the next run finds the grant gone and only cleans up. */
static CAIRN_RC refuse_bundle(struct cairn_cli *cli, const struct cairn_cli_spool *s)
{
    const struct cairn_err why = cli->err;
    CAIRN_TRY(cairn_cli_spool_failed(cli, s, CAIRN_SPOOL_FAILED, &why));
    for (size_t i = 0; i < CAIRN_ARRAY_LEN(BUNDLE); i++) {
        CAIRN_TRY(cairn_spool_refuse(&s->spool, BUNDLE[i], why.code, &cli->err));
    }
    CAIRN_TRY(cairn_file_remove(s->spool.in, CAIRN_SPOOL_INSTALL_READY, &cli->err));
    cli->err = why;
    return why.rc;
}

static CAIRN_RC finish_bundle(struct cairn_cli *cli, const struct cairn_cli_spool *s)
{
    return cairn_spool_done(&s->spool, BUNDLE, CAIRN_ARRAY_LEN(BUNDLE), CAIRN_SPOOL_INSTALL_READY, &cli->err);
}

static CAIRN_RC install_bundle(struct cairn_cli *cli, struct cairn_cli_spool *s)
{
    CAIRN_BUF receipt = {0};
    CAIRN_TRY(cairn_cli_spool_here(cli, s));
    enum cairn_rc rc = try_install(cli, s, &receipt);
    if (cairn_cli_spool_is_final(rc)) {
        return refuse_bundle(cli, s);
    }
    CAIRN_TRY(rc);
    CAIRN_TRY(cairn_file_replace(s->spool.out, CAIRN_SPOOL_RECEIPT, cairn_buf_span(&receipt), 0644, &cli->err));
    CAIRN_TRY(cairn_file_remove(s->spool.out, CAIRN_SPOOL_FAILED, &cli->err));
    return finish_bundle(cli, s);
}

static CAIRN_RC spool_install(struct cairn_cli *cli, int argc, char **argv, int *exit_code)
{
    struct cairn_args args = {.options = NULL};
    CAIRN_CLI_SPOOL s = {.here = NULL};
    CAIRN_TRY(cairn_args_parse(&args, argc, argv, &cli->err));
    CAIRN_TRY(cairn_cli_spool_open(cli, &s));
    *exit_code = 0;
    if (!cairn_file_exists(s.spool.in, CAIRN_SPOOL_INSTALL_READY)) {
        return cairn_cli_print(cli, json_pack("{s:b}", "installed", 0), "nothing waits to be installed\n");
    }
    if (!cairn_file_exists(s.spool.in, CAIRN_SPOOL_GRANT)) {
        return finish_bundle(cli, &s);
    }
    CAIRN_TRY(install_bundle(cli, &s));
    return cairn_cli_print(cli, json_pack("{s:b}", "installed", 1), "installed: the receipt is in %s\n", s.out_path);
}

static CAIRN_RC spool_publish(struct cairn_cli *cli, int argc, char **argv, int *exit_code)
{
    struct cairn_args args = {.options = NULL};
    CAIRN_CLI_SPOOL s = {.here = NULL};
    CAIRN_TRY(cairn_args_parse(&args, argc, argv, &cli->err));
    CAIRN_TRY(cairn_cli_spool_open(cli, &s));
    CAIRN_TRY(cairn_cli_spool_here(cli, &s));
    *exit_code = 0;
    if (!s.here->identity.enrolled) {
        return cairn_cli_print(cli, json_pack("{s:b}", "published", 0), "not enrolled yet: the spool is there\n");
    }
    CAIRN_TRY(cairn_spool_publish(&s.spool, &s.here->identity, &cli->err));
    return cairn_cli_print(cli, json_pack("{s:b}", "published", 1), "the agent finds root and statement in %s\n", s.out_path);
}

const struct cairn_command cairn_commands_spool[] = {
    {.noun = "spool",
     .verb = "install",
     .synopsis = "",
     .help = "Installs the grant that the agent has handed over, and puts the receipt out for it to deliver. As root; run by\n"
             "cairn-install.service. What is refused is moved aside, with the code in NAME.reason and install.failed.\n"
             "Exit 0 also when nothing waits; 6: another cairn is at work, again later.",
     .run = spool_install},
    {.noun = "spool",
     .verb = "wipe",
     .synopsis = "",
     .help = "Carries out the order that the agent has handed over, or goes on with it, to the certificate: `cairn wipe run "
             "--here`\n"
             "with the spool as its output. As root; run by cairn-wipe.service. A refused order is moved aside.",
     .run = cairn_cli_spool_wipe},
    {.noun = "spool",
     .verb = "publish",
     .synopsis = "",
     .help = "Makes the spool, and copies root and statement there: what the agent knows about this device. As root.",
     .run = spool_publish},
    {.noun = NULL},
};
