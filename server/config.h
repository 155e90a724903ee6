/* server/config.h -- cairn-server.conf: what the server is told. An INI file whose every key is known (core/ini.h).
 *
 * Source: DESIGN 11; docs/provisioning-server.md "Configuration".
 */
#ifndef CAIRN_SERVER_CONFIG_H
#define CAIRN_SERVER_CONFIG_H

#include "server/access.h"
#include "server/http.h"

enum { CAIRN_CONFIG_PATH_MAX = 256, CAIRN_CONFIG_URL_MAX = 256 };

/* struct cairn_server_config: empty text = not configured. */
struct cairn_server_config {
    char listen[128], certificate[CAIRN_CONFIG_PATH_MAX], key[CAIRN_CONFIG_PATH_MAX], client_ca[CAIRN_CONFIG_PATH_MAX];
    char database[CAIRN_CONFIG_PATH_MAX];
    uint32_t workers;    /* 0: one per processor */
    uint64_t interval_s; /* between a device's reports */
    uint64_t drain_s;
    uint64_t queue;                            /* writes that may wait */
    uint64_t replay_cache_bytes, device_cache; /* per worker */
    char root[CAIRN_CONFIG_PATH_MAX], policy[CAIRN_CONFIG_PATH_MAX], pcrs[80];
    char verifier_key[CAIRN_CONFIG_PATH_MAX], issuer[CAIRN_CONFIG_URL_MAX];
    char enrol_key[CAIRN_CONFIG_PATH_MAX], enrol_ca[CAIRN_CONFIG_PATH_MAX];
    uint64_t enrol_open; /* enrolments under way per token */
    char provision_key[CAIRN_CONFIG_PATH_MAX], manifest[CAIRN_CONFIG_PATH_MAX], params[CAIRN_CONFIG_PATH_MAX];
    uint64_t grant_life_s;
    uint64_t grace_s;                        /* between the acceptance of an order and its release */
    char audience[CAIRN_CONFIG_URL_MAX];     /* of forward-auth */
    uint32_t requests_per_s, requests_burst; /* per peer address and worker; 0: no limit */
    struct cairn_http_limits limits;
    struct cairn_access access;
};
void cairn_server_config_default(struct cairn_server_config *out);
/* cairn_server_config_load: defaults, then the file. CAIRN_E_USAGE "config.key" (unknown), "config.value", "config.missing" (a
 * setting the server cannot do without), "config.access" (a principal without role or credential); those of core/ini.h. */
CAIRN_RC cairn_server_config_load(const char *path, struct cairn_server_config *out, struct cairn_err *err);

#endif
