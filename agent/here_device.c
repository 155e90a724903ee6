/* agent/here_device.c -- see agent/here_device.h. */
#include "agent/here_device.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

enum { AUTH_MAX = 64 };

void cairn_here_clear(struct cairn_here *here)
{
    cairn_tpm_close(here->tpm);
    cairn_identity_clear(&here->identity);
    cairn_secret_free(here->owner_auth);
    cairn_secret_free(here->endorsement_auth);
    cairn_secret_free(here->lockout_auth);
    cairn_fs_free(here->state);
    if (here->lock_fd > 0) {
        (void)close(here->lock_fd);
    }
    *here = (struct cairn_here){0};
}

/* One cairn at a time on one state directory: two engines at once would both be right and together wrong. */
static CAIRN_RC lock_state(const char *dir, int *fd, struct cairn_err *err)
{
    char path[512];
    (void)snprintf(path, sizeof path, "%s/lock", dir);
    int lock = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (lock < 0) {
        return CAIRN_FAIL_CAUSE(err, CAIRN_E_IO, "state.lockfile", errno, "%s: %s", path, strerror(errno));
    }
    if (flock(lock, LOCK_EX | LOCK_NB) != 0) {
        (void)close(lock);
        return CAIRN_FAIL(err, CAIRN_E_BUSY, "state.busy", "another cairn is running on %s: wait for it to end", dir);
    }
    *fd = lock;
    return CAIRN_OK;
}

static CAIRN_RC read_auth(const char *path, struct cairn_secret **out, struct cairn_err *err)
{
    CAIRN_BUF bytes = {0};
    if (path[0] == '\0') {
        return CAIRN_OK;
    }
    enum cairn_rc rc = cairn_path_read_private(path, AUTH_MAX, &bytes, err);
    if (rc != CAIRN_OK) {
        cairn_err_prefix(err, "the configured auth file");
        return rc;
    }
    while (bytes.len > 0 && (bytes.p[bytes.len - 1] == '\n' || bytes.p[bytes.len - 1] == '\r')) {
        bytes.len--;
    }
    if (bytes.len == 0) {
        return CAIRN_FAIL(err, CAIRN_E_USAGE, "config.auth",
                          "%s is empty: remove the setting if the hierarchy has no auth value", path);
    }
    return cairn_secret_copy(cairn_buf_span(&bytes), out, err);
}

static CAIRN_RC open_tpm(struct cairn_here *here, struct cairn_err *err)
{
    const struct cairn_config *c = &here->config;
    CAIRN_TRY(read_auth(c->owner_auth_file, &here->owner_auth, err));
    CAIRN_TRY(read_auth(c->endorsement_auth_file, &here->endorsement_auth, err));
    CAIRN_TRY(read_auth(c->lockout_auth_file, &here->lockout_auth, err));
    const struct cairn_tpm_config tpm = {.tcti = c->tcti[0] != '\0' ? c->tcti : NULL,
                                         .ak = c->ak,
                                         .srk = c->srk,
                                         .epoch = c->epoch,
                                         .anchor = {c->anchor[0], c->anchor[1]},
                                         .owner_auth = here->owner_auth,
                                         .endorsement_auth = here->endorsement_auth,
                                         .lockout_auth = here->lockout_auth,
                                         .cache = here->state};
    return cairn_tpm_open(&tpm, &here->tpm, err);
}

static CAIRN_RC open_bare(const char *config_path, struct cairn_here *here, struct cairn_err *err)
{
    CAIRN_TRY(cairn_config_load(config_path, &here->config, err));
    CAIRN_TRY(cairn_fs_open_dir(here->config.state, true, &here->state, err));
    CAIRN_TRY(lock_state(here->config.state, &here->lock_fd, err));
    return open_tpm(here, err);
}

/* A device is too much for two copies on one stack, so it is made where it will be. */
static CAIRN_RC or_clear(struct cairn_here *out, enum cairn_rc rc)
{
    if (rc != CAIRN_OK) {
        cairn_here_clear(out);
    }
    return rc;
}

CAIRN_RC cairn_here_load_tpm(const struct cairn_config *config, struct cairn_here *out, struct cairn_err *err)
{
    *out = (struct cairn_here){.lock_fd = 0};
    out->config = *config;
    return or_clear(out, open_tpm(out, err));
}

CAIRN_RC cairn_here_load_bare(const char *config_path, struct cairn_here *out, struct cairn_err *err)
{
    *out = (struct cairn_here){.lock_fd = 0};
    return or_clear(out, open_bare(config_path, out, err));
}

static CAIRN_RC open_whole(const char *config_path, uint64_t now_s, struct cairn_here *here, struct cairn_err *err)
{
    CAIRN_TRY(open_bare(config_path, here, err));
    CAIRN_TRY(cairn_identity_load(here->state, now_s, &here->identity, err));
    return here->identity.enrolled ? cairn_identity_pin(&here->identity, here->tpm, err) : CAIRN_OK;
}

CAIRN_RC cairn_here_load(const char *config_path, uint64_t now_s, struct cairn_here *out, struct cairn_err *err)
{
    *out = (struct cairn_here){.lock_fd = 0};
    return or_clear(out, open_whole(config_path, now_s, out, err));
}
