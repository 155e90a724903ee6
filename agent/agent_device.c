/* agent/agent_device.c -- see agent/agent_device.h: the object, its TPM, its calls. */
#include "agent/agent_internal_device.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "attest/jwk.h"
#include "authority/draft.h"
#include "client/refusal_device.h"
#include "core/doctype.h"

#define JSON_TYPE "application/json"

static CAIRN_RC open_client(struct cairn_agent *a, struct cairn_err *err)
{
    if (a->settings.server[0] == '\0') {
        return CAIRN_FAIL(err, CAIRN_E_USAGE, "agent.server", "no server is configured: set server in [agent] of %s",
                          a->world.config_path);
    }
    const struct cairn_client_settings settings = {.server = a->settings.server,
                                                   .ca = a->settings.ca,
                                                   .pin = a->settings.pin,
                                                   .proxy = a->settings.proxy,
                                                   .alive = a->world.alive,
                                                   .arg = a->world.arg,
                                                   .wake_fd = a->world.wake_fd};
    return cairn_client_new(&settings, &a->client, err);
}

_Static_assert(sizeof((struct cairn_agent *)0)->cnf == CAIRN_JKT_LEN + 1, "a thumbprint and its NUL");

/* The public key file that relying parties may demand possession of: its private half is none of the agent's business. */
static CAIRN_RC read_cnf(struct cairn_agent *a, struct cairn_err *err)
{
    CAIRN_BUF file = {0};
    struct cairn_public_key key = {.role = CAIRN_ROLE_ROOT};
    if (a->settings.cnf[0] == '\0') {
        return CAIRN_OK;
    }
    CAIRN_TRY(cairn_path_read(a->settings.cnf, CAIRN_FILE_MAX, &file, err));
    const enum cairn_rc rc = cairn_public_key_parse(cairn_buf_span(&file), &key, err);
    if (rc != CAIRN_OK) {
        cairn_err_prefix(err, "%s", a->settings.cnf);
        return rc;
    }
    return cairn_jwk_thumbprint(&key.key, a->cnf, err);
}

enum cairn_rc cairn_agent_new(const struct cairn_agent_world *world, struct cairn_agent **out, struct cairn_err *err)
{
    CAIRN_AGENT *a = calloc(1, sizeof *a);
    if (a == NULL) {
        return CAIRN_FAIL(err, CAIRN_E_IO, "memory", "no memory for the agent");
    }
    a->world = *world;
    CAIRN_TRY(cairn_config_load_agent(world->config_path, &a->config, &a->settings, err));
    CAIRN_TRY(read_cnf(a, err));
    CAIRN_TRY(open_client(a, err));
    CAIRN_TRY(cairn_spool_open(a->settings.spool, &a->spool, err));
    (void)snprintf(a->out_path, sizeof a->out_path, "%s/out", a->settings.spool);
    *out = a;
    a = NULL;
    return CAIRN_OK;
}

void cairn_agent_free(struct cairn_agent *agent)
{
    if (agent == NULL) {
        return;
    }
    cairn_client_free(agent->client);
    cairn_spool_clear(&agent->spool);
    cairn_identity_clear(&agent->identity);
    free(agent);
}

void cairn_agent_freep(struct cairn_agent **agent)
{
    cairn_agent_free(*agent);
    *agent = NULL;
}

void cairn_agent_rest(struct cairn_agent *agent)
{
    cairn_client_rest(agent->client);
}

void cairn_agent_changed(struct cairn_agent *agent)
{
    cairn_identity_clear(&agent->identity);
    agent->known = false;
}

uint32_t cairn_agent_interval_s(const struct cairn_agent *agent)
{
    return agent->settings.interval_s > 0 ? agent->settings.interval_s : agent->interval_s;
}

const char *cairn_agent_out_path(const struct cairn_agent *agent)
{
    return agent->out_path;
}

enum cairn_rc cairn_agent_identity(struct cairn_agent *agent, struct cairn_err *err)
{
    if (agent->known) {
        return CAIRN_OK;
    }
    if (!cairn_file_exists(agent->spool.out, CAIRN_IDENTITY_STATEMENT)) {
        return CAIRN_FAIL(
            err, CAIRN_E_REFUSED, "device.unenrolled",
            "there is no statement in %s: `cairn enrol online`, or `cairn spool publish` after `cairn enrol accept`",
            agent->out_path);
    }
    cairn_identity_clear(&agent->identity);
    CAIRN_TRY(cairn_identity_load(agent->spool.out, 0, &agent->identity, err));
    agent->known = true;
    return CAIRN_OK;
}

/* No auth value, no cache in the state directory: the agent has neither. */
enum cairn_rc cairn_agent_tpm(const struct cairn_agent *agent, struct cairn_tpm **out, struct cairn_err *err)
{
    const struct cairn_config *c = &agent->config;
    CAIRN_TPM *tpm = NULL;
    const struct cairn_tpm_config config = {.tcti = c->tcti[0] != '\0' ? c->tcti : NULL,
                                            .ak = c->ak,
                                            .srk = c->srk,
                                            .epoch = c->epoch,
                                            .anchor = {c->anchor[0], c->anchor[1]}};
    CAIRN_TRY(cairn_tpm_open(&config, &tpm, err));
    CAIRN_TRY(cairn_identity_pin(&agent->identity, tpm, err));
    *out = tpm;
    tpm = NULL;
    return CAIRN_OK;
}

enum cairn_rc cairn_agent_post(struct cairn_agent *agent, const char *path, const char *type, struct cairn_span body,
                               size_t max_reply, struct cairn_client_reply *out, struct cairn_err *err)
{
    const struct cairn_client_ask ask = {.path = path, .post = true, .type = type, .body = body, .max_reply = max_reply};
    return cairn_client_call(agent->client, &ask, out, err);
}

enum cairn_rc cairn_agent_get(struct cairn_agent *agent, const char *path, size_t max_reply, struct cairn_client_reply *out,
                              struct cairn_err *err)
{
    const struct cairn_client_ask ask = {.path = path, .max_reply = max_reply};
    return cairn_client_call(agent->client, &ask, out, err);
}

enum cairn_rc cairn_agent_nonce(struct cairn_agent *agent, enum cairn_purpose purpose, struct cairn_nonce *out,
                                struct cairn_err *err)
{
    CAIRN_JSON *json = json_object();
    CAIRN_BUF body = {0};
    CAIRN_CLIENT_REPLY reply = {.status = 0};
    const struct cairn_statement *s = &agent->identity.statement;
    CAIRN_TRY(cairn_json_set_hex(json, "device", CAIRN_SPAN(s->device), err));
    CAIRN_TRY(cairn_json_set_string(json, "purpose", cairn_purpose_name(purpose), err));
    CAIRN_TRY(cairn_json_write(json, &body, err));
    CAIRN_TRY(cairn_agent_post(agent, "/v1/nonce", JSON_TYPE, cairn_buf_span(&body), CAIRN_REPLY_SMALL_MAX, &reply, err));
    CAIRN_TRY(cairn_client_expect(&reply, CAIRN_TYPE_NONCE, err));
    return cairn_reply_nonce(cairn_buf_span(&reply.body), s, purpose, out, err);
}
