/* core/ini.c -- see core/ini.h. */
#include "core/ini.h"

#include <errno.h>
#include <ini.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "core/file.h"

struct parse {
    CAIRN_RC (*set)(void *arg, const char *section, const char *name, const char *value, struct cairn_err *err);
    void *arg;
    enum cairn_rc rc;
    struct cairn_err err;
};

CAIRN_RC cairn_ini_copy(char *to, size_t size, const char *name, const char *value, struct cairn_err *err)
{
    int n = snprintf(to, size, "%s", value);
    if (n < 0 || (size_t)n >= size) {
        return CAIRN_FAIL(err, CAIRN_E_USAGE, "config.value", "%s is longer than %zu characters", name, size - 1);
    }
    return CAIRN_OK;
}

static CAIRN_RC read_number(const struct cairn_ini_setting *s, const char *value, uint64_t *out, struct cairn_err *err)
{
    char *end = NULL;
    errno = 0;
    unsigned long long n = strtoull(value, &end, 0);
    if (errno != 0 || end == value || *end != '\0' || value[0] == '-' || n < s->min || n > s->max) {
        return CAIRN_FAIL(err, CAIRN_E_USAGE, "config.value", "%s must be a number from %" PRIu64 " to %" PRIu64, s->name,
                          s->min, s->max);
    }
    *out = n;
    return CAIRN_OK;
}

static CAIRN_RC put(const struct cairn_ini_setting *s, char *to, const char *value, struct cairn_err *err)
{
    uint64_t n = 0;
    if (s->kind == CAIRN_INI_TEXT) {
        return cairn_ini_copy(to, s->size, s->name, value, err);
    }
    CAIRN_TRY(read_number(s, value, &n, err));
    switch (s->kind) {
    case CAIRN_INI_U32:
        *(uint32_t *)(void *)to = (uint32_t)n;
        break;
    case CAIRN_INI_U64:
        *(uint64_t *)(void *)to = n;
        break;
    default:
        *(size_t *)(void *)to = (size_t)n;
        break;
    }
    return CAIRN_OK;
}

CAIRN_RC cairn_ini_put(const struct cairn_ini_setting *table, size_t num, void *config, const char *section, const char *name,
                       const char *value, bool *known, struct cairn_err *err)
{
    *known = false;
    for (size_t i = 0; i < num && !*known; i++) {
        if (strcmp(table[i].section, section) == 0 && strcmp(table[i].name, name) == 0) {
            *known = true;
            CAIRN_TRY(put(&table[i], (char *)config + table[i].offset, value, err));
        }
    }
    return CAIRN_OK;
}

/* inih's callback: 0 reports the line as bad. The first fault is kept. */
static int on_setting(void *arg, const char *section, const char *name, const char *value)
{
    struct parse *p = arg;
    if (p->rc == CAIRN_OK) {
        p->rc = p->set(p->arg, section, name, value != NULL ? value : "", &p->err);
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

CAIRN_RC cairn_ini_read(const char *path,
                        CAIRN_RC (*set)(void *arg, const char *section, const char *name, const char *value,
                                        struct cairn_err *err),
                        void *arg, struct cairn_err *err)
{
    CAIRN_BUF text = {0};
    CAIRN_TRY(check_owner(path, err));
    CAIRN_TRY(cairn_path_read(path, CAIRN_INI_MAX, &text, err));
    if (memchr(text.p, 0, text.len) != NULL) {
        return CAIRN_FAIL(err, CAIRN_E_FORMAT, "config.text", "%s is not a text file", path);
    }
    struct parse parse = {.set = set, .arg = arg, .rc = CAIRN_OK};
    int line = ini_parse_string((const char *)text.p, on_setting, &parse);
    if (parse.rc != CAIRN_OK) {
        return CAIRN_FAIL(err, parse.rc, parse.err.code, "%s line %d: %s", path, line, parse.err.text);
    }
    if (line != 0) {
        return CAIRN_FAIL(err, CAIRN_E_FORMAT, "config.text", "%s line %d: neither [section] nor name = value", path, line);
    }
    return CAIRN_OK;
}
