/* server/config.c -- see server/config.h. */
#include "server/config.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "authority/root.h"
#include "core/ini.h"
#include "tpm_data/pcr.h"

#define TEXT(section, name, member) CAIRN_INI_TEXT_AT(struct cairn_server_config, section, name, member)
#define NUMBER(section, name, kind, member, min, max)                                                                          \
    {                                                                                                                          \
        (section), (name), (kind), offsetof(struct cairn_server_config, member), 0, (min), (max)                               \
    }
#define U32(section, name, member, min, max) NUMBER(section, name, CAIRN_INI_U32, member, min, max)
#define U64(section, name, member, min, max) NUMBER(section, name, CAIRN_INI_U64, member, min, max)

enum { HOUR_MS = 3600 * 1000, DAY_S = 86400 };

static const struct cairn_ini_setting settings[] = {
    TEXT("server", "listen", listen),
    TEXT("server", "certificate", certificate),
    TEXT("server", "key", key),
    TEXT("server", "client_ca", client_ca),
    TEXT("server", "database", database),
    U32("server", "workers", workers, 0, 256),
    U64("server", "drain_s", drain_s, 0, 3600),
    TEXT("fleet", "root", root),
    TEXT("fleet", "policy", policy),
    TEXT("fleet", "pcrs", pcrs),
    U64("fleet", "interval_s", interval_s, 1, 7 * DAY_S),
    TEXT("verifier", "key", verifier_key),
    TEXT("verifier", "issuer", issuer),
    TEXT("enrol", "key", enrol_key),
    TEXT("enrol", "ca", enrol_ca),
    U64("enrol", "open", enrol_open, 1, 1000000),
    TEXT("provision", "key", provision_key),
    TEXT("provision", "manifest", manifest),
    TEXT("provision", "params", params),
    U64("provision", "grant_life_s", grant_life_s, 60, 30 * DAY_S),
    U64("orders", "grace_s", grace_s, 0, 30 * DAY_S),
    TEXT("forward_auth", "audience", audience),
    U64("limits", "queue", queue, 16, 1000000),
    U64("limits", "replay_cache_bytes", replay_cache_bytes, 1 << 16, UINT64_C(1) << 34),
    U64("limits", "device_cache", device_cache, 1, 10000000),
    U32("limits", "requests_per_s", requests_per_s, 0, 1000000),
    U32("limits", "requests_burst", requests_burst, 1, 1000000),
    U32("limits", "connections", limits.max_connections, 1, 1000000),
    U32("limits", "connections_per_peer", limits.max_connections_per_peer, 1, 1000000),
    U32("limits", "handshake_ms", limits.handshake_ms, 100, HOUR_MS),
    U32("limits", "head_ms", limits.head_ms, 100, HOUR_MS),
    U32("limits", "body_ms", limits.body_ms, 100, HOUR_MS),
    U32("limits", "body_bytes_per_s", limits.body_bytes_per_s, 1, 1 << 30),
    U32("limits", "idle_ms", limits.idle_ms, 100, 24 * HOUR_MS),
    U32("limits", "write_ms", limits.write_ms, 100, HOUR_MS),
    NUMBER("limits", "buffered_bytes", CAIRN_INI_SIZE, limits.max_buffered_bytes, 1 << 20, UINT64_C(1) << 36),
};

/* One by one: a compound literal of it is 20 KB of stack where nothing is optimised. */
void cairn_server_config_default(struct cairn_server_config *out)
{
    memset(out, 0, sizeof *out);
    (void)snprintf(out->listen, sizeof out->listen, "[::]:8443");
    (void)snprintf(out->database, sizeof out->database, "/var/lib/cairn-server/cairn.db");
    (void)snprintf(out->pcrs, sizeof out->pcrs, "0-11,14");
    out->interval_s = 3600;
    out->drain_s = 10;
    out->queue = 4096;
    out->replay_cache_bytes = 64 << 20;
    out->device_cache = 4096;
    out->enrol_open = 100;
    out->grant_life_s = 3600;
    out->requests_per_s = 100;
    out->requests_burst = 400;
    out->limits = cairn_http_limits_default();
}

static struct cairn_principal *principal(struct cairn_access *access, const char *name)
{
    for (size_t i = 0; i < access->num; i++) {
        if (strcmp(access->principals[i].name, name) == 0) {
            return &access->principals[i];
        }
    }
    if (access->num == CAIRN_ACCESS_MAX) {
        return NULL;
    }
    struct cairn_principal *p = &access->principals[access->num++];
    *p = (struct cairn_principal){.rights = 0};
    (void)snprintf(p->name, sizeof p->name, "%s", name);
    return p;
}

static CAIRN_RC read_digest(const char *name, const char *value, uint8_t out[32], bool *there, struct cairn_err *err)
{
    if (*there || strlen(value) != 64 || !cairn_hex_decode(value, out, 32)) {
        return CAIRN_FAIL(err, CAIRN_E_USAGE, "config.value", "%s is 64 lower-case hex digits, a SHA-256, and there once",
                          name);
    }
    *there = true;
    return CAIRN_OK;
}

/* [access NAME]: role, and token_sha256 or certificate_sha256 or both. */
static CAIRN_RC put_access(struct cairn_access *access, const char *who, const char *name, const char *value,
                           struct cairn_err *err)
{
    if (!cairn_label_ok(who, CAIRN_PRINCIPAL_NAME_MAX, false)) {
        return CAIRN_FAIL(err, CAIRN_E_USAGE, "config.access", "[access NAME] needs a plain name of at most %d characters",
                          CAIRN_PRINCIPAL_NAME_MAX - 1);
    }
    struct cairn_principal *p = principal(access, who);
    if (p == NULL) {
        return CAIRN_FAIL(err, CAIRN_E_USAGE, "config.access", "at most %d [access ...] sections", CAIRN_ACCESS_MAX);
    }
    if (strcmp(name, "role") == 0) {
        if (p->rights != 0) {
            return CAIRN_FAIL(err, CAIRN_E_USAGE, "config.access", "[access %s] is there twice, or has two roles", who);
        }
        p->rights = cairn_access_rights(value);
        return p->rights != 0 ? CAIRN_OK
                              : CAIRN_FAIL(err, CAIRN_E_USAGE, "config.access",
                                           "role is viewer, operator, approver, auditor or enrolee, not \"%s\"", value);
    }
    if (strcmp(name, "token_sha256") == 0) {
        return read_digest(name, value, p->token, &p->has_token, err);
    }
    if (strcmp(name, "certificate_sha256") == 0) {
        return read_digest(name, value, p->certificate, &p->has_certificate, err);
    }
    return CAIRN_FAIL(err, CAIRN_E_USAGE, "config.key", "there is no setting %s in section [access ...]", name);
}

static CAIRN_RC set(void *arg, const char *section, const char *name, const char *value, struct cairn_err *err)
{
    static const char access[] = "access ";
    struct cairn_server_config *config = arg;
    bool known = false;
    if (strncmp(section, access, sizeof access - 1) == 0) {
        return put_access(&config->access, section + sizeof access - 1, name, value, err);
    }
    CAIRN_TRY(cairn_ini_put(settings, CAIRN_ARRAY_LEN(settings), config, section, name, value, &known, err));
    return known ? CAIRN_OK
                 : CAIRN_FAIL(err, CAIRN_E_USAGE, "config.key", "there is no setting %s in section [%s]", name, section);
}

static CAIRN_RC check_access(const struct cairn_access *access, const char *path, struct cairn_err *err)
{
    for (size_t i = 0; i < access->num; i++) {
        const struct cairn_principal *p = &access->principals[i];
        if (p->rights == 0 || (!p->has_token && !p->has_certificate)) {
            return CAIRN_FAIL(err, CAIRN_E_USAGE, "config.access",
                              "%s: [access %s] needs a role, and token_sha256 or certificate_sha256", path, p->name);
        }
        for (size_t j = 0; j < i; j++) {
            const struct cairn_principal *q = &access->principals[j];
            if ((p->has_token && q->has_token && cairn_span_equal(CAIRN_SPAN(p->token), CAIRN_SPAN(q->token))) ||
                (p->has_certificate && q->has_certificate &&
                 cairn_span_equal(CAIRN_SPAN(p->certificate), CAIRN_SPAN(q->certificate)))) {
                return CAIRN_FAIL(err, CAIRN_E_USAGE, "config.access",
                                  "%s: %s and %s have one credential: each needs an own one", path, q->name, p->name);
            }
        }
    }
    return CAIRN_OK;
}

/* What belongs together, and what nobody can do without. */
static CAIRN_RC check(const struct cairn_server_config *c, const char *path, struct cairn_err *err)
{
    const struct {
        bool missing;
        const char *what;
    } rules[] = {
        {c->certificate[0] == '\0' || c->key[0] == '\0', "[server] certificate and key: the server speaks TLS only"},
        {c->root[0] == '\0', "[fleet] root: it says who may do what"},
        {c->enrol_key[0] != '\0' && c->enrol_ca[0] == '\0', "[enrol] ca: whoever enrols must know the TPM makers he trusts"},
        {(c->provision_key[0] != '\0') != (c->manifest[0] != '\0') || (c->manifest[0] != '\0') != (c->params[0] != '\0'),
         "[provision] key, manifest and params: all three or none"},
        {c->provision_key[0] != '\0' && c->policy[0] == '\0',
         "[fleet] policy: without one no boot is affirmed and nothing granted"},
        {c->verifier_key[0] != '\0' && c->issuer[0] == '\0', "[verifier] issuer: the URL that results name as their origin"},
        {c->audience[0] != '\0' && c->verifier_key[0] == '\0', "[verifier] key: forward-auth checks what this server signs"},
    };
    uint32_t mask = 0;
    for (size_t i = 0; i < CAIRN_ARRAY_LEN(rules); i++) {
        if (rules[i].missing) {
            return CAIRN_FAIL(err, CAIRN_E_USAGE, "config.missing", "%s lacks %s", path, rules[i].what);
        }
    }
    enum cairn_rc rc = cairn_selection_from_text(c->pcrs, &mask, err);
    if (rc != CAIRN_OK) {
        cairn_err_prefix(err, "%s: [fleet] pcrs", path);
        return rc;
    }
    return check_access(&c->access, path, err);
}

CAIRN_RC cairn_server_config_load(const char *path, struct cairn_server_config *out, struct cairn_err *err)
{
    struct cairn_server_config *config = malloc(sizeof *config); /* too large for a stack frame */
    if (config == NULL) {
        return CAIRN_FAIL(err, CAIRN_E_IO, "memory", "no memory for the configuration");
    }
    cairn_server_config_default(config);
    enum cairn_rc rc = cairn_ini_read(path, set, config, err);
    rc = rc == CAIRN_OK ? check(config, path, err) : rc;
    if (rc == CAIRN_OK) {
        *out = *config;
    }
    free(config);
    return rc;
}
