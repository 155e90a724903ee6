/* agent/config_device.c -- see agent/config_device.h. */
#include "agent/config_device.h"

#include <errno.h>
#include <ini.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "core/file.h"
#include "tpm/tpm.h"

enum { CONFIG_MAX = 64 << 10, INTERVAL_MIN_S = 10, INTERVAL_MAX_S = 7 * 86400 };
struct setting {
    const char *section, *name;
    size_t offset, size; /* size 0: a 32-bit number */
};
#define TEXT(section, name, member)                                                                                            \
    {                                                                                                                          \
        section, name, offsetof(struct cairn_config, member), sizeof(((struct cairn_config *)0)->member)                       \
    }
#define NUMBER(section, name, member)                                                                                          \
    {                                                                                                                          \
        section, name, offsetof(struct cairn_config, member), 0                                                                \
    }

static const struct setting settings[] = {
    TEXT("device", "state", state),
    TEXT("device", "serial", serial),
    TEXT("device", "tag", tag),
    TEXT("device", "site", site),
    TEXT("tpm", "tcti", tcti),
    NUMBER("tpm", "ak", ak),
    NUMBER("tpm", "srk", srk),
    NUMBER("tpm", "epoch", epoch),
    NUMBER("tpm", "anchor_a", anchor[0]),
    NUMBER("tpm", "anchor_b", anchor[1]),
    TEXT("tpm", "owner_auth_file", owner_auth_file),
    TEXT("tpm", "endorsement_auth_file", endorsement_auth_file),
    TEXT("tpm", "lockout_auth_file", lockout_auth_file),
    TEXT("boot", "log", boot_log),
    TEXT("boot", "ima", ima_log),
    TEXT("boot", "userspace_log", userspace_log),
};

#define AGENT(member)                                                                                                          \
    {                                                                                                                          \
        "agent", #member, offsetof(struct cairn_agent_settings, member), sizeof(((struct cairn_agent_settings *)0)->member)    \
    }
static const struct setting agent_settings[] = {AGENT(server),          AGENT(ca),    AGENT(pin), AGENT(proxy),
                                                AGENT(enrolment_token), AGENT(spool), AGENT(cnf)};

struct parse {
    struct cairn_config *config;
    struct cairn_agent_settings *agent;
    enum cairn_rc rc;
    struct cairn_err err;
};

static CAIRN_RC put_text(char *to, size_t size, const char *name, const char *value, struct cairn_err *err)
{
    int n = snprintf(to, size, "%s", value);
    if (n < 0 || (size_t)n >= size) {
        return CAIRN_FAIL(err, CAIRN_E_USAGE, "config.value", "%s is longer than %zu characters", name, size - 1);
    }
    return CAIRN_OK;
}

static CAIRN_RC put_number(uint32_t *to, const char *name, const char *value, struct cairn_err *err)
{
    char *end = NULL;
    errno = 0;
    unsigned long n = strtoul(value, &end, 0);
    if (errno != 0 || end == value || *end != '\0' || n > UINT32_MAX) {
        return CAIRN_FAIL(err, CAIRN_E_USAGE, "config.value", "%s must be a TPM handle such as 0x81000001", name);
    }
    *to = (uint32_t)n;
    return CAIRN_OK;
}

static CAIRN_RC put_seconds(uint32_t *to, const char *name, const char *value, struct cairn_err *err)
{
    char *end = NULL;
    errno = 0;
    unsigned long n = strtoul(value, &end, 10);
    if (errno != 0 || value[0] < '0' || value[0] > '9' || *end != '\0' || n < INTERVAL_MIN_S || n > INTERVAL_MAX_S) {
        return CAIRN_FAIL(err, CAIRN_E_USAGE, "config.value", "%s is a number of seconds, %d to %d", name, INTERVAL_MIN_S,
                          INTERVAL_MAX_S);
    }
    *to = (uint32_t)n;
    return CAIRN_OK;
}

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
    CAIRN_TRY(put_text(t->name, sizeof t->name, "the target's name", name, err));
    if ((size_t)(colon - value) >= sizeof t->driver) {
        return CAIRN_FAIL(err, CAIRN_E_USAGE, "config.value", "no driver has so long a name: %s", value);
    }
    (void)snprintf(t->driver, sizeof t->driver, "%.*s", (int)(colon - value), value);
    CAIRN_TRY(put_text(t->path, sizeof t->path, "the target's path", colon + 1, err));
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
    CAIRN_TRY(put_text(to, CAIRN_WIPE_PATH_MAX, "the consumer's path", value + strlen("pid-file:"), err));
    wipe->num_consumers++;
    return CAIRN_OK;
}

static CAIRN_RC apply(struct cairn_config *config, const char *section, const char *name, const char *value,
                      struct cairn_err *err)
{
    for (size_t i = 0; i < CAIRN_ARRAY_LEN(settings); i++) {
        const struct setting *s = &settings[i];
        if (strcmp(s->section, section) == 0 && strcmp(s->name, name) == 0) {
            char *to = (char *)config + s->offset;
            return s->size == 0 ? put_number((uint32_t *)(void *)to, name, value, err)
                                : put_text(to, s->size, name, value, err);
        }
    }
    if (strcmp(section, "wipe") == 0 && strncmp(name, "target.", 7) == 0) {
        return add_target(&config->wipe, name + 7, value, err);
    }
    if (strcmp(section, "wipe") == 0 && strcmp(name, "consumer") == 0) {
        return add_consumer(&config->wipe, value, err);
    }
    return CAIRN_FAIL(err, CAIRN_E_USAGE, "config.key", "there is no setting %s in section [%s]", name, section);
}

static CAIRN_RC apply_agent(struct cairn_agent_settings *agent, const char *name, const char *value, struct cairn_err *err)
{
    for (size_t i = 0; i < CAIRN_ARRAY_LEN(agent_settings); i++) {
        if (strcmp(agent_settings[i].name, name) == 0) {
            return put_text((char *)agent + agent_settings[i].offset, agent_settings[i].size, name, value, err);
        }
    }
    if (strcmp(name, "interval") == 0) {
        return put_seconds(&agent->interval_s, name, value, err);
    }
    return CAIRN_FAIL(err, CAIRN_E_USAGE, "config.key", "there is no setting %s in section [agent]", name);
}

/* inih's callback: 0 reports the line as bad. The first fault is kept. */
static int on_setting(void *arg, const char *section, const char *name, const char *value)
{
    struct parse *p = arg;
    if (p->rc == CAIRN_OK) {
        const char *text = value != NULL ? value : "";
        p->rc = strcmp(section, "agent") == 0 ? apply_agent(p->agent, name, text, &p->err)
                                              : apply(p->config, section, name, text, &p->err);
    }
    return p->rc == CAIRN_OK;
}

static CAIRN_RC check_owner(const char *path, struct cairn_err *err)
{
    struct stat st;
    if (stat(path, &st) != 0) {
        return CAIRN_FAIL_CAUSE(err, CAIRN_E_IO, "config.absent", errno,
                                "no configuration at %s: %s (make one, or name another with --config FILE)", path,
                                strerror(errno));
    }
    if ((st.st_mode & (S_IWGRP | S_IWOTH)) != 0) {
        return CAIRN_FAIL(err, CAIRN_E_REFUSED, "config.mode", "%s can be written by others than its owner: chmod go-w it",
                          path);
    }
    return CAIRN_OK;
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
    CAIRN_BUF text = {0};
    CAIRN_TRY(check_owner(path, err));
    CAIRN_TRY(cairn_path_read(path, CONFIG_MAX, &text, err));
    CAIRN_TRY(cairn_buf_append(&text, CAIRN_SPAN(((const uint8_t[]){0})), err));
    if (memchr(text.p, 0, text.len - 1) != NULL) {
        return CAIRN_FAIL(err, CAIRN_E_FORMAT, "config.text", "%s is not a text file", path);
    }
    struct parse parse = {.config = &config, .agent = &read, .rc = CAIRN_OK};
    int line = ini_parse_string((const char *)text.p, on_setting, &parse);
    if (parse.rc != CAIRN_OK) {
        return CAIRN_FAIL(err, parse.rc, parse.err.code, "%s line %d: %s", path, line, parse.err.text);
    }
    if (line != 0) {
        return CAIRN_FAIL(err, CAIRN_E_FORMAT, "config.text", "%s line %d: neither [section] nor name = value", path, line);
    }
    *out = config;
    if (agent != NULL) {
        *agent = read;
    }
    return CAIRN_OK;
}
