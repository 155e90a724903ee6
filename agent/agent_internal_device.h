/* agent/agent_internal_device.h -- what the files of the agent share. Included only here and by this folder's tests.
 */
#ifndef CAIRN_AGENT_AGENT_INTERNAL_DEVICE_H
#define CAIRN_AGENT_AGENT_INTERNAL_DEVICE_H

#include "agent/agent_device.h"

struct cairn_agent {
    struct cairn_agent_world world;
    struct cairn_config config;
    struct cairn_agent_settings settings;
    struct cairn_client *client;
    struct cairn_spool spool;
    char out_path[CAIRN_SPOOL_PATH_MAX];
    struct cairn_identity identity;
    bool known;   /* `identity` has been read */
    char cnf[44]; /* thumbprint of the configured key, or "" */
    uint32_t interval_s;
    uint64_t no_grant_before_s;
};

/* cairn_agent_identity reads who this device is, unless that is known. */
CAIRN_RC cairn_agent_identity(struct cairn_agent *agent, struct cairn_err *err);
/* cairn_agent_tpm opens the TPM, pinned to the statement: closed by the caller as soon as it has been asked. */
CAIRN_RC cairn_agent_tpm(const struct cairn_agent *agent, struct cairn_tpm **out, struct cairn_err *err);

/* cairn_agent_post sends `body`; cairn_agent_get asks for a path. Any complete reply is CAIRN_OK. */
CAIRN_RC cairn_agent_post(struct cairn_agent *agent, const char *path, const char *type, struct cairn_span body,
                          size_t max_reply, struct cairn_client_reply *out, struct cairn_err *err);
CAIRN_RC cairn_agent_get(struct cairn_agent *agent, const char *path, size_t max_reply, struct cairn_client_reply *out,
                         struct cairn_err *err);
/* cairn_agent_nonce asks for a nonce of this purpose. */
CAIRN_RC cairn_agent_nonce(struct cairn_agent *agent, enum cairn_purpose purpose, struct cairn_nonce *out,
                           struct cairn_err *err);

#endif
