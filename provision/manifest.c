/* provision/manifest.c -- read and build manifests.
 *
 * Trust boundary: bytes become a manifest only after role release's signatures verified. Source: docs/formats.md "manifest".
 */
#include "provision/manifest.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/clock.h"
#include "core/doctype.h"

#define UINT_MAX_JSON ((UINT64_C(1) << 53) - 1)

void cairn_manifest_clear(struct cairn_manifest *manifest)
{
    free(manifest->params);
    *manifest = (struct cairn_manifest){0};
}

static CAIRN_RC read_asset(const json_t *assets, struct cairn_manifest *out, struct cairn_err *err)
{
    struct cairn_obj o = cairn_obj(json_array_get(assets, 0), "manifest asset", err);
    if (json_array_size(assets) != 1 || strcmp(cairn_obj_string(&o, "name", 32), CAIRN_ASSET_VAULT) != 0 ||
        strcmp(cairn_obj_string(&o, "slot", 16), "vault") != 0) {
        return CAIRN_FAIL(err, CAIRN_E_FORMAT, "manifest.assets", "a manifest of version 1 has exactly one asset: \"vault\"");
    }
    out->vault_version = (uint32_t)cairn_obj_uint(&o, "version", UINT32_MAX);
    out->vault_size = cairn_obj_uint(&o, "size", CAIRN_ASSET_PLAIN_MAX);
    cairn_obj_hex(&o, "sha256", out->vault_sha256, sizeof out->vault_sha256);
    (void)cairn_obj_array(&o, "requires", 0);
    if (cairn_obj_bool(&o, "recovery")) {
        cairn_obj_fail(&o, "recovery", "is reserved: false");
    }
    return cairn_obj_done(&o);
}

static CAIRN_RC read_param(const char *name, const json_t *json, struct cairn_manifest_param *out, struct cairn_err *err)
{
    struct cairn_obj o = cairn_obj(json, "manifest parameter", err);
    const char *scope = cairn_obj_string(&o, "scope", 16);
    if (strcmp(scope, "online") == 0) {
        out->flags |= CAIRN_PARAM_ONLINE;
    } else if (strcmp(scope, "release") != 0) {
        cairn_obj_fail(&o, "scope", "is neither release nor online");
    }
    if (cairn_obj_has(&o, "generate")) {
        uint64_t len = cairn_obj_uint(&o, "generate", CAIRN_PARAM_GENERATE_MAX);
        if (len < CAIRN_PARAM_GENERATE_MIN) {
            cairn_obj_fail(&o, "generate", "is too short for a key");
        }
        out->flags |= CAIRN_PARAM_GENERATE;
    }
    if (!cairn_param_name_ok(name)) {
        cairn_obj_fail(&o, "name", "is no parameter name");
    }
    CAIRN_TRY(cairn_obj_done(&o));
    (void)snprintf(out->name, sizeof out->name, "%s", name);
    return CAIRN_OK;
}

static CAIRN_RC read_params(const json_t *parameters, struct cairn_manifest *out, struct cairn_err *err)
{
    const char *name = NULL;
    const json_t *json = NULL;
    size_t num = json_object_size(parameters);
    if (num > 2 * CAIRN_PARAMS_MAX) {
        return CAIRN_FAIL(err, CAIRN_E_FORMAT, "manifest.parameters", "at most %d parameters", 2 * CAIRN_PARAMS_MAX);
    }
    out->params = calloc(num + 1, sizeof *out->params);
    if (out->params == NULL) {
        return CAIRN_FAIL(err, CAIRN_E_IO, "memory", "no memory for a manifest");
    }
    json_object_foreach((json_t *)(uintptr_t)parameters, name, json)
    {
        CAIRN_TRY(read_param(name, json, &out->params[out->num_params], err));
        out->num_params++;
    }
    return CAIRN_OK;
}

static CAIRN_RC read_approvals(const json_t *list, const struct cairn_root *root, struct cairn_manifest *out,
                               struct cairn_err *err)
{
    size_t num = json_array_size(list);
    for (size_t i = 0; root != NULL && i < num; i++) {
        CAIRN_TRY(cairn_approvals_read(json_array_get(list, i), root, &out->approvals[i], err));
        out->num_approvals++;
        if (out->approvals[i].floor != out->floor) {
            return CAIRN_FAIL(err, CAIRN_E_REFUSED, "manifest.approval",
                              "an approval is for floor %llu, the manifest's is %llu",
                              (unsigned long long)out->approvals[i].floor, (unsigned long long)out->floor);
        }
    }
    if (num == 0) {
        return CAIRN_FAIL(err, CAIRN_E_REFUSED, "manifest.approval", "the manifest approves no boot state");
    }
    return CAIRN_OK;
}

static CAIRN_RC read_members(const json_t *json, const struct cairn_root *root, struct cairn_manifest *out,
                             struct cairn_err *err)
{
    struct cairn_obj o = cairn_obj(json, "manifest", err);
    if (cairn_obj_uint(&o, "v", UINT_MAX_JSON) != 1) {
        cairn_obj_fail(&o, "v", "is not 1");
    }
    (void)snprintf(out->device_class, sizeof out->device_class, "%s", cairn_obj_string(&o, "class", CAIRN_CLASS_MAX - 1));
    cairn_obj_const(&o, "scope", "full");
    out->svn = cairn_obj_uint(&o, "svn", UINT_MAX_JSON);
    out->floor = cairn_obj_uint(&o, "floor", UINT_MAX_JSON);
    out->issued_s = cairn_obj_uint(&o, "issued", UINT_MAX_JSON);
    out->expires_s = cairn_obj_has(&o, "expires") ? cairn_obj_uint(&o, "expires", UINT_MAX_JSON) : 0;
    const json_t *assets = cairn_obj_array(&o, "assets", 1);
    const json_t *parameters = cairn_obj_object(&o, "parameters");
    const json_t *approvals = cairn_obj_array(&o, "approvals", CAIRN_MANIFEST_MAX_APPROVALS);
    CAIRN_TRY(cairn_obj_done(&o));
    CAIRN_TRY(read_asset(assets, out, err));
    CAIRN_TRY(read_params(parameters, out, err));
    return read_approvals(approvals, root, out, err);
}

static CAIRN_RC judge(const struct cairn_manifest *m, const struct cairn_root *root, uint64_t now_s, struct cairn_err *err)
{
    if (root != NULL && strcmp(m->device_class, cairn_root_class(root)) != 0) {
        return CAIRN_FAIL(err, CAIRN_E_REFUSED, "manifest.class", "the manifest is for class %s, and this is %s",
                          m->device_class, cairn_root_class(root));
    }
    if (m->svn < m->floor) {
        return CAIRN_FAIL(err, CAIRN_E_REFUSED, "manifest.floor", "svn %llu is below the manifest's own floor %llu",
                          (unsigned long long)m->svn, (unsigned long long)m->floor);
    }
    if (m->expires_s != 0 && now_s > m->expires_s) {
        char when[21];
        cairn_clock_format(m->expires_s, when);
        return CAIRN_FAIL(err, CAIRN_E_REFUSED, "manifest.expired", "the manifest expired at %s", when);
    }
    return CAIRN_OK;
}

CAIRN_RC cairn_manifest_parse(struct cairn_span payload, const struct cairn_root *root, uint64_t now_s,
                              struct cairn_manifest *out, struct cairn_err *err)
{
    CAIRN_JSON *json = NULL;
    CAIRN_MANIFEST m = {0};
    CAIRN_TRY(cairn_json_parse(payload, CAIRN_DSSE_MAX_LEN, true, "manifest", &json, err));
    CAIRN_TRY(read_members(json, root, &m, err));
    CAIRN_TRY(judge(&m, root, now_s, err));
    CAIRN_TRY(cairn_sha256(payload, m.digest, err));
    cairn_manifest_clear(out);
    *out = m;
    m = (struct cairn_manifest){0};
    return CAIRN_OK;
}

CAIRN_RC cairn_manifest_open(const struct cairn_root *root, struct cairn_span file, uint64_t now_s, struct cairn_manifest *out,
                             struct cairn_err *err)
{
    CAIRN_BUF payload = {0};
    CAIRN_TRY(cairn_root_open_signed(root, file, CAIRN_TYPE_MANIFEST, CAIRN_ROLE_RELEASE, "manifest", now_s, &payload, err));
    return cairn_manifest_parse(cairn_buf_span(&payload), root, now_s, out, err);
}

CAIRN_RC cairn_manifest_approval(const struct cairn_manifest *manifest, uint32_t mask, const uint8_t pcr_digest[32],
                                 const struct cairn_approvals **out, struct cairn_err *err)
{
    for (size_t i = 0; i < manifest->num_approvals; i++) {
        const struct cairn_approval *a = &manifest->approvals[i].anchor;
        if (a->mask == mask && memcmp(a->pcr_digest, pcr_digest, sizeof a->pcr_digest) == 0) {
            *out = &manifest->approvals[i];
            return CAIRN_OK;
        }
    }
    return CAIRN_FAIL(err, CAIRN_E_REFUSED, "manifest.boot",
                      "the manifest approves no boot state with these PCRs: sign an approval of it (cairn policy approve)");
}

static size_t count_declared(const struct cairn_manifest *m, struct cairn_span set, bool online)
{
    size_t found = 0;
    for (size_t i = 0; i < m->num_params; i++) {
        struct cairn_param p = {0};
        bool here = ((m->params[i].flags & CAIRN_PARAM_ONLINE) != 0) == online;
        found += here && cairn_params_find(set, m->params[i].name, &p) && p.flags == m->params[i].flags ? 1 : 0;
    }
    return found;
}

CAIRN_RC cairn_manifest_check_sets(const struct cairn_manifest *manifest, struct cairn_span release_set,
                                   struct cairn_span online_set, struct cairn_err *err)
{
    size_t release = count_declared(manifest, release_set, false), online = count_declared(manifest, online_set, true);
    if (release != cairn_params_num(release_set) || online != cairn_params_num(online_set) ||
        release + online != manifest->num_params) {
        return CAIRN_FAIL(err, CAIRN_E_REFUSED, "params.declared",
                          "the parameters are not those that the manifest declares (%zu), or not of the same scope",
                          manifest->num_params);
    }
    return CAIRN_OK;
}

static CAIRN_RC write_asset(const struct cairn_manifest_draft *draft, json_t *list, struct cairn_err *err)
{
    uint8_t digest[CAIRN_SHA256_LEN] = {0};
    struct cairn_span plain = cairn_secret_span(draft->assets.release);
    json_t *asset = json_object();
    if (json_array_append_new(list, asset) != 0) {
        return CAIRN_FAIL(err, CAIRN_E_IO, "json.memory", "no memory for a manifest");
    }
    CAIRN_TRY(cairn_sha256(plain, digest, err));
    CAIRN_TRY(cairn_json_set_string(asset, "name", CAIRN_ASSET_VAULT, err));
    CAIRN_TRY(cairn_json_set_string(asset, "slot", "vault", err));
    CAIRN_TRY(cairn_json_set_uint(asset, "version", draft->vault_version, err));
    CAIRN_TRY(cairn_json_set_uint(asset, "size", plain.len, err));
    CAIRN_TRY(cairn_json_set_hex(asset, "sha256", CAIRN_SPAN(digest), err));
    CAIRN_TRY(cairn_json_set_take(asset, "requires", json_array(), err));
    return cairn_json_set_bool(asset, "recovery", false, err);
}

static CAIRN_RC write_params(struct cairn_span plain, json_t *object, struct cairn_err *err)
{
    struct cairn_span set = {0};
    struct cairn_param p = {0};
    CAIRN_TRY(cairn_asset_set(plain, &set, err));
    for (size_t i = 0; cairn_params_at(set, i, &p); i++) {
        json_t *json = json_object();
        if (json_object_get(object, p.name) != NULL) {
            json_decref(json);
            return CAIRN_FAIL(err, CAIRN_E_REFUSED, "params.declared", "%s stands in both scopes", p.name);
        }
        CAIRN_TRY(cairn_json_set_take(object, p.name, json, err));
        CAIRN_TRY(cairn_json_set_string(json, "scope", (p.flags & CAIRN_PARAM_ONLINE) != 0 ? "online" : "release", err));
        if ((p.flags & CAIRN_PARAM_GENERATE) != 0) {
            struct cairn_reader r = cairn_reader(p.value);
            CAIRN_TRY(cairn_json_set_uint(json, "generate", cairn_read_u32(&r), err));
        }
    }
    return CAIRN_OK;
}

static CAIRN_RC write_approvals(const struct cairn_manifest_draft *draft, json_t *list, struct cairn_err *err)
{
    for (size_t i = 0; i < draft->num_approvals; i++) {
        if (json_array_append_new(list, json_deep_copy(draft->approvals[i])) != 0) {
            return CAIRN_FAIL(err, CAIRN_E_IO, "json.memory", "no memory for a manifest");
        }
    }
    return CAIRN_OK;
}

static CAIRN_RC write_lists(const struct cairn_manifest_draft *draft, json_t *json, struct cairn_err *err)
{
    json_t *assets = json_array(), *parameters = json_object(), *approvals = json_array();
    CAIRN_TRY(cairn_json_set_take(json, "assets", assets, err));
    CAIRN_TRY(cairn_json_set_take(json, "parameters", parameters, err));
    CAIRN_TRY(cairn_json_set_take(json, "approvals", approvals, err));
    CAIRN_TRY(write_asset(draft, assets, err));
    CAIRN_TRY(write_params(cairn_secret_span(draft->assets.release), parameters, err));
    CAIRN_TRY(write_params(cairn_secret_span(draft->assets.online), parameters, err));
    return write_approvals(draft, approvals, err);
}

CAIRN_RC cairn_manifest_build(const struct cairn_manifest_draft *draft, struct cairn_buf *out, struct cairn_err *err)
{
    CAIRN_JSON *json = json_object();
    CAIRN_BUF payload = {0};
    CAIRN_MANIFEST again = {0};
    CAIRN_TRY(cairn_json_set_uint(json, "v", 1, err));
    CAIRN_TRY(cairn_json_set_string(json, "class", draft->device_class, err));
    CAIRN_TRY(cairn_json_set_string(json, "scope", "full", err));
    CAIRN_TRY(cairn_json_set_uint(json, "svn", draft->svn, err));
    CAIRN_TRY(cairn_json_set_uint(json, "floor", draft->floor, err));
    CAIRN_TRY(cairn_json_set_uint(json, "issued", draft->issued_s, err));
    if (draft->expires_s != 0) {
        CAIRN_TRY(cairn_json_set_uint(json, "expires", draft->expires_s, err));
    }
    CAIRN_TRY(write_lists(draft, json, err));
    CAIRN_TRY(cairn_json_write(json, &payload, err));
    CAIRN_TRY(cairn_manifest_parse(cairn_buf_span(&payload), NULL, 0, &again, err));
    cairn_buf_clear(out);
    *out = payload;
    payload = (struct cairn_buf){0};
    return CAIRN_OK;
}
