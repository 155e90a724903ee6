/* agent/config_device.c -- see agent/config_device.h. */
#include "agent/config_device.h"

#include <stdio.h>
#include <string.h>

#include "core/ini.h"
#include "tpm/tpm.h"

enum { INTERVAL_MIN_S = 10, INTERVAL_MAX_S = 7 * 86400 };

#define TEXT(section, name, member) CAIRN_INI_TEXT_AT(struct cairn_config, section, name, member)
#define HANDLE(section, name, member)                                                                                          \
    {                                                                                                                          \
        section, name, CAIRN_INI_U32, offsetof(struct cairn_config, member), 0, 0, UINT32_MAX                                  \
    }
static const struct cairn_ini_setting settings[] = {
    TEXT("device", "state", state),
    TEXT("device", "serial", serial),
    TEXT("device", "tag", tag),
    TEXT("device", "site", site),
    TEXT("tpm", "tcti", tcti),
    HANDLE("tpm", "ak", ak),
    HANDLE("tpm", "srk", srk),
    HANDLE("tpm", "epoch", epoch),
    HANDLE("tpm", "anchor_a", anchor[0]),
    HANDLE("tpm", "anchor_b", anchor[1]),
    TEXT("tpm", "owner_auth_file", owner_auth_file),
    TEXT("tpm", "endorsement_auth_file", endorsement_auth_file),
    TEXT("tpm", "lockout_auth_file", lockout_auth_file),
    TEXT("boot", "log", boot_log),
    TEXT("boot", "ima", ima_log),
    TEXT("boot", "userspace_log", userspace_log),
};

#define AGENT(member) CAIRN_INI_TEXT_AT(struct cairn_agent_settings, "agent", #member, member)
static const struct cairn_ini_setting agent_settings[] = {
    AGENT(server),
    AGENT(ca),
    AGENT(pin),
    AGENT(proxy),
    AGENT(enrolment_token),
    AGENT(spool),
    AGENT(cnf),
    {"agent", "interval", CAIRN_INI_U32, offsetof(struct cairn_agent_settings, interval_s), 0, INTERVAL_MIN_S, INTERVAL_MAX_S},
};

struct parse {
    struct cairn_config *config;
    struct cairn_agent_settings *agent;
};

static bool plain_name(const char *name)
{
    return name[0] != '\0' && strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789._-") == strlen(name);
}

static CAIRN_RC add_target(struct cairn_wipe_settings *wipe, const char *name, const char *value, struct cairn_err *err)
{
    const char *colon = strchr(value, ':');
    if (wipe->num_targets == CAIRN_WIPE_MAX_TARGETS) {
        return CAIRN_FAIL(err, CAIRN_E_USAGE, "config.value", "at most %d targets", CAIRN_WIPE_MAX_TARGETS);
    }
    if (!plain_name(name) || colon == NULL || colon == value || colon[1] != '/') {
        return CAIRN_FAIL(err, CAIRN_E_USAGE, "config.value", "a target is written target.NAME = DRIVER:/absolute/path");
    }
    struct cairn_wipe_target *t = &wipe->targets[wipe->num_targets];
    CAIRN_TRY(cairn_ini_copy(t->name, sizeof t->name, "the target's name", name, err));
    if ((size_t)(colon - value) >= sizeof t->driver) {
        return CAIRN_FAIL(err, CAIRN_E_USAGE, "config.value", "no driver has so long a name: %s", value);
    }
    (void)snprintf(t->driver, sizeof t->driver, "%.*s", (int)(colon - value), value);
    CAIRN_TRY(cairn_ini_copy(t->path, sizeof t->path, "the target's path", colon + 1, err));
    wipe->num_targets++;
    return CAIRN_OK;
}

static CAIRN_RC add_consumer(struct cairn_wipe_settings *wipe, const char *value, struct cairn_err *err)
{
    static const char prefix[] = "pid-file:/";
    if (wipe->num_consumers == CAIRN_WIPE_MAX_CONSUMERS) {
        return CAIRN_FAIL(err, CAIRN_E_USAGE, "config.value", "at most %d consumers", CAIRN_WIPE_MAX_CONSUMERS);
    }
    if (strncmp(value, prefix, sizeof prefix - 1) != 0) {
        return CAIRN_FAIL(err, CAIRN_E_USAGE, "config.value", "a consumer is written consumer = pid-file:/absolute/path");
    }
    char *to = wipe->consumers[wipe->num_consumers];
    CAIRN_TRY(cairn_ini_copy(to, CAIRN_WIPE_PATH_MAX, "the consumer's path", value + strlen("pid-file:"), err));
    wipe->num_consumers++;
    return CAIRN_OK;
}

static CAIRN_RC set(void *arg, const char *section, const char *name, const char *value, struct cairn_err *err)
{
    const struct parse *p = arg;
    bool known = false;
    CAIRN_TRY(cairn_ini_put(settings, CAIRN_ARRAY_LEN(settings), p->config, section, name, value, &known, err));
    if (!known) {
        CAIRN_TRY(cairn_ini_put(agent_settings, CAIRN_ARRAY_LEN(agent_settings), p->agent, section, name, value, &known, err));
    }
    if (known) {
        return CAIRN_OK;
    }
    if (strcmp(section, "wipe") == 0 && strncmp(name, "target.", 7) == 0) {
        return add_target(&p->config->wipe, name + 7, value, err);
    }
    if (strcmp(section, "wipe") == 0 && strcmp(name, "consumer") == 0) {
        return add_consumer(&p->config->wipe, value, err);
    }
    return CAIRN_FAIL(err, CAIRN_E_USAGE, "config.key", "there is no setting %s in section [%s]", name, section);
}

struct cairn_config cairn_config_default(void)
{
    struct cairn_tpm_config handles = cairn_tpm_config_default();
    return (struct cairn_config){.state = "/var/lib/cairn",
                                 .boot_log = "/sys/kernel/security/tpm0/binary_bios_measurements",
                                 .ima_log = "/sys/kernel/security/ima/binary_runtime_measurements",
                                 .userspace_log = "/run/cairn/userspace.log",
                                 .ak = handles.ak,
                                 .srk = handles.srk,
                                 .epoch = handles.epoch,
                                 .anchor = {handles.anchor[0], handles.anchor[1]}};
}

struct cairn_agent_settings cairn_agent_settings_default(void)
{
    return (struct cairn_agent_settings){.spool = "/var/spool/cairn"};
}

CAIRN_RC cairn_config_load(const char *path, struct cairn_config *out, struct cairn_err *err)
{
    return cairn_config_load_agent(path, out, NULL, err);
}

CAIRN_RC cairn_config_load_agent(const char *path, struct cairn_config *out, struct cairn_agent_settings *agent,
                                 struct cairn_err *err)
{
    struct cairn_config config = cairn_config_default();
    struct cairn_agent_settings read = cairn_agent_settings_default();
    struct parse parse = {.config = &config, .agent = &read};
    CAIRN_TRY(cairn_ini_read(path, set, &parse, err));
    *out = config;
    if (agent != NULL) {
        *agent = read;
    }
    return CAIRN_OK;
}
