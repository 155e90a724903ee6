/* server/fleet.c -- see server/fleet.h. */
#include "server/fleet.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "attest/ca_dir.h"
#include "core/file.h"

void cairn_fleet_free(struct cairn_fleet *fleet)
{
    if (fleet == NULL) {
        return;
    }
    cairn_root_free(fleet->root);
    cairn_buf_clear(&fleet->root_file);
    cairn_policy_clear(&fleet->policy);
    cairn_manifest_clear(&fleet->manifest);
    cairn_buf_clear(&fleet->manifest_file);
    cairn_param_assets_clear(&fleet->params);
    cairn_ca_set_free(fleet->cas);
    cairn_signer_free(fleet->verifier);
    cairn_signer_free(fleet->provision);
    cairn_signer_free(fleet->enrol);
    free(fleet);
}

/* The file's name in front of what is wrong with it. */
static CAIRN_RC named(const char *path, enum cairn_rc rc, struct cairn_err *err)
{
    if (rc != CAIRN_OK) {
        cairn_err_prefix(err, "%s", path);
    }
    return rc;
}

/* A key that serves for nothing is found at the start and not at the first device. */
static CAIRN_RC load_key(const struct cairn_root *root, const char *path, enum cairn_role wanted, struct cairn_signer **out,
                         struct cairn_err *err)
{
    CAIRN_BUF pem = {0};
    CAIRN_SIGNER *signer = NULL;
    struct cairn_ec_key key = {{0}, {0}};
    uint8_t id[32] = {0};
    enum cairn_role role = CAIRN_ROLE_ROOT;
    const char *holder = NULL;
    if (path[0] == '\0') {
        return CAIRN_OK;
    }
    CAIRN_TRY(cairn_path_read_private(path, CAIRN_FILE_MAX, &pem, err));
    CAIRN_TRY(named(path, cairn_signer_read(cairn_buf_span(&pem), &signer, err), err));
    CAIRN_TRY(cairn_signer_public(signer, &key, err));
    CAIRN_TRY(cairn_ec_key_id(&key, id, err));
    if (!cairn_root_key_role(root, id, &role, &holder) || role != wanted) {
        return CAIRN_FAIL(err, CAIRN_E_REFUSED, "fleet.key", "%s is not a key of role %s in this root", path,
                          cairn_role_name(wanted));
    }
    *out = signer;
    signer = NULL;
    return CAIRN_OK;
}

static CAIRN_RC load_policy(const char *path, uint64_t now_s, struct cairn_fleet *fleet, struct cairn_err *err)
{
    CAIRN_BUF file = {0};
    if (path[0] == '\0') {
        return CAIRN_OK;
    }
    CAIRN_TRY(cairn_path_read(path, CAIRN_FILE_MAX, &file, err));
    CAIRN_TRY(named(path, cairn_policy_open(fleet->root, cairn_buf_span(&file), now_s, &fleet->policy, err), err));
    fleet->has_policy = true;
    if ((fleet->policy.seal_mask & ~fleet->mask) != 0) {
        return CAIRN_FAIL(err, CAIRN_E_REFUSED, "fleet.pcrs",
                          "[fleet] pcrs leaves out a PCR that %s judges: no device could ever be affirmed", path);
    }
    return CAIRN_OK;
}

static CAIRN_RC load_release(const struct cairn_server_config *c, uint64_t now_s, struct cairn_fleet *fleet,
                             struct cairn_err *err)
{
    CAIRN_BUF params = {0};
    if (c->manifest[0] == '\0') {
        return CAIRN_OK;
    }
    CAIRN_TRY(cairn_path_read(c->manifest, CAIRN_FILE_MAX, &fleet->manifest_file, err));
    CAIRN_TRY(named(c->manifest,
                    cairn_manifest_open(fleet->root, cairn_buf_span(&fleet->manifest_file), now_s, &fleet->manifest, err),
                    err));
    CAIRN_TRY(cairn_path_read_private(c->params, CAIRN_FILE_MAX, &params, err));
    CAIRN_TRY(named(c->params, cairn_params_source_read(cairn_buf_span(&params), &fleet->params, err), err));
    fleet->grants = true;
    return CAIRN_OK;
}

static CAIRN_RC load_keys(const struct cairn_server_config *c, struct cairn_fleet *fleet, struct cairn_err *err)
{
    CAIRN_TRY(load_key(fleet->root, c->verifier_key, CAIRN_ROLE_VERIFIER, &fleet->verifier, err));
    CAIRN_TRY(load_key(fleet->root, c->provision_key, CAIRN_ROLE_PROVISION, &fleet->provision, err));
    CAIRN_TRY(load_key(fleet->root, c->enrol_key, CAIRN_ROLE_ENROL, &fleet->enrol, err));
    return c->enrol_ca[0] == '\0' ? CAIRN_OK : cairn_ca_dir_load(c->enrol_ca, &fleet->cas, err);
}

static CAIRN_RC load(const struct cairn_server_config *c, uint64_t now_s, struct cairn_fleet *fleet, struct cairn_err *err)
{
    CAIRN_TRY(cairn_selection_from_text(c->pcrs, &fleet->mask, err));
    CAIRN_TRY(cairn_path_read(c->root, CAIRN_FILE_MAX, &fleet->root_file, err));
    CAIRN_TRY(named(c->root, cairn_root_open(cairn_buf_span(&fleet->root_file), now_s, &fleet->root, err), err));
    CAIRN_TRY(load_policy(c->policy, now_s, fleet, err));
    CAIRN_TRY(load_release(c, now_s, fleet, err));
    CAIRN_TRY(load_keys(c, fleet, err));
    fleet->grant_life_s = c->grant_life_s;
    fleet->grace_s = c->grace_s;
    fleet->enrol_open = (unsigned)c->enrol_open;
    fleet->interval_s = c->interval_s;
    (void)snprintf(fleet->issuer, sizeof fleet->issuer, "%s", c->issuer);
    (void)snprintf(fleet->audience, sizeof fleet->audience, "%s", c->audience);
    return CAIRN_OK;
}

CAIRN_RC cairn_fleet_load(const struct cairn_server_config *config, uint64_t now_s, struct cairn_fleet **out,
                          struct cairn_err *err)
{
    struct cairn_fleet *fleet = calloc(1, sizeof *fleet);
    if (fleet == NULL) {
        return CAIRN_FAIL(err, CAIRN_E_IO, "memory", "no memory for the fleet");
    }
    enum cairn_rc rc = load(config, now_s, fleet, err);
    if (rc != CAIRN_OK) {
        cairn_fleet_free(fleet);
        return rc;
    }
    *out = fleet;
    return CAIRN_OK;
}
