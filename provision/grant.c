/* provision/grant.c -- read, check and build grants.
 *
 * Trust boundary: bytes become a grant only after role provision's signature verified; its object is opened by the TPM, which
 * judges PCRs and counter itself. Source: docs/formats.md "grant".
 */
#include "provision/grant.h"

#include <stdio.h>
#include <string.h>

#include "core/clock.h"
#include "core/doctype.h"

#define UINT_MAX_JSON ((UINT64_C(1) << 53) - 1)

static void read_pcrs(struct cairn_obj *o, struct cairn_grant *out)
{
    char again[80] = "";
    const char *text = cairn_obj_string(o, "pcrs", sizeof again - 1);
    if (cairn_selection_from_text(text, &out->mask, NULL) == CAIRN_OK) {
        cairn_selection_to_text(out->mask, again);
    }
    if (out->mask == 0 || strcmp(text, again) != 0) {
        cairn_obj_fail(o, "pcrs", "is not a list of PCRs in ascending order");
    }
    cairn_obj_hex(o, "pcr_digest", out->pcr_digest, sizeof out->pcr_digest);
}

/* read_part copies one base64 member into a fixed array of `cap` bytes. */
static void read_part(struct cairn_obj *o, const char *key, uint8_t *to, size_t cap, size_t *len)
{
    CAIRN_BUF bytes = {0};
    cairn_obj_base64(o, key, cap, &bytes);
    if (bytes.len <= cap && bytes.len > 0) {
        cairn_copy(to, bytes.p, bytes.len);
        *len = bytes.len;
    }
}

static CAIRN_RC read_object(const json_t *json, struct cairn_grant *out, struct cairn_err *err)
{
    struct cairn_obj o = cairn_obj(json, "grant object", err);
    read_part(&o, "public", out->object.bytes, sizeof out->object.bytes, &out->object.len);
    read_part(&o, "duplicate", out->duplicate.bytes, sizeof out->duplicate.bytes, &out->duplicate.len);
    read_part(&o, "seed", out->seed.bytes, sizeof out->seed.bytes, &out->seed.len);
    return cairn_obj_done(&o);
}

static CAIRN_RC read_members(const json_t *json, bool *first, struct cairn_grant *out, struct cairn_err *err)
{
    struct cairn_obj o = cairn_obj(json, "grant", err);
    if (cairn_obj_uint(&o, "v", UINT_MAX_JSON) != 1) {
        cairn_obj_fail(&o, "v", "is not 1");
    }
    cairn_obj_hex(&o, "fleet", out->fleet, sizeof out->fleet);
    cairn_obj_hex(&o, "device", out->device, sizeof out->device);
    cairn_obj_hex(&o, "ak", out->ak.bytes, sizeof out->ak.bytes);
    (void)snprintf(out->device_class, sizeof out->device_class, "%s", cairn_obj_string(&o, "class", CAIRN_CLASS_MAX - 1));
    cairn_obj_hex(&o, "manifest", out->manifest, sizeof out->manifest);
    cairn_obj_hex(&o, "params", out->params, sizeof out->params);
    out->root_version = (uint32_t)cairn_obj_uint(&o, "root_version", UINT32_MAX);
    *first = cairn_obj_bool(&o, "first");
    out->from = cairn_obj_hex64(&o, "from");
    out->to = cairn_obj_hex64(&o, "to");
    read_pcrs(&o, out);
    cairn_obj_hex(&o, "assets", out->assets, sizeof out->assets);
    out->issued_s = cairn_obj_uint(&o, "issued", UINT_MAX_JSON);
    out->expires_s = cairn_obj_uint(&o, "expires", UINT_MAX_JSON);
    const json_t *object = cairn_obj_object(&o, "object");
    CAIRN_TRY(cairn_obj_done(&o));
    return read_object(object, out, err);
}

static CAIRN_RC judge(const struct cairn_grant *g, const struct cairn_root *root, bool first, uint64_t now_s,
                      struct cairn_err *err)
{
    if (memcmp(g->fleet, cairn_root_fleet(root), sizeof g->fleet) != 0) {
        return CAIRN_FAIL(err, CAIRN_E_REFUSED, "grant.fleet", "the grant is for another fleet");
    }
    if (strcmp(g->device_class, cairn_root_class(root)) != 0) {
        return CAIRN_FAIL(err, CAIRN_E_REFUSED, "grant.class", "the grant is for class %s, and this is %s", g->device_class,
                          cairn_root_class(root));
    }
    if (g->root_version != cairn_root_version(root)) {
        return CAIRN_FAIL(err, CAIRN_E_REFUSED, "grant.root", "the grant was made under root version %u, and this is %u",
                          (unsigned)g->root_version, (unsigned)cairn_root_version(root));
    }
    if (!first) {
        return CAIRN_FAIL(err, CAIRN_E_REFUSED, "grant.first", "this version installs a first provisioning only");
    }
    if (g->to < g->from || g->to - g->from != CAIRN_FIRST_STEPS) {
        return CAIRN_FAIL(err, CAIRN_E_REFUSED, "grant.to", "a first provisioning moves the epoch by %d", CAIRN_FIRST_STEPS);
    }
    if (now_s > g->expires_s) {
        char when[21];
        cairn_clock_format(g->expires_s, when);
        return CAIRN_FAIL(err, CAIRN_E_REFUSED, "grant.expired", "the grant expired at %s: ask for a new one", when);
    }
    return CAIRN_OK;
}

CAIRN_RC cairn_grant_open(const struct cairn_root *root, struct cairn_span file, uint64_t now_s, struct cairn_grant *out,
                          struct cairn_err *err)
{
    CAIRN_BUF payload = {0};
    CAIRN_JSON *json = NULL;
    struct cairn_grant g = {0};
    bool first = false;
    CAIRN_TRY(cairn_root_open_signed(root, file, CAIRN_TYPE_GRANT, CAIRN_ROLE_PROVISION, "grant", now_s, &payload, err));
    CAIRN_TRY(cairn_json_parse(cairn_buf_span(&payload), CAIRN_DSSE_MAX_LEN, true, "grant", &json, err));
    CAIRN_TRY(read_members(json, &first, &g, err));
    CAIRN_TRY(judge(&g, root, first, now_s, err));
    CAIRN_TRY(cairn_sha256(cairn_buf_span(&payload), g.digest, err));
    *out = g;
    return CAIRN_OK;
}

CAIRN_RC cairn_grant_check(const struct cairn_grant *grant, const struct cairn_statement *statement,
                           const struct cairn_manifest *manifest, struct cairn_err *err)
{
    if (memcmp(grant->device, statement->device, sizeof grant->device) != 0) {
        return CAIRN_FAIL(err, CAIRN_E_REFUSED, "grant.device", "the grant is for another device");
    }
    if (!cairn_name_equal(&grant->ak, &statement->ak_name)) {
        return CAIRN_FAIL(err, CAIRN_E_REFUSED, "grant.ak", "the grant is for another attestation key");
    }
    if (memcmp(grant->manifest, manifest->digest, sizeof grant->manifest) != 0) {
        return CAIRN_FAIL(err, CAIRN_E_REFUSED, "grant.manifest", "the grant is for another manifest than this one");
    }
    return CAIRN_OK;
}

static CAIRN_RC check_boot(const struct cairn_grant_draft *d, struct cairn_err *err)
{
    const struct cairn_claim *request = &d->request->quote;
    if (!cairn_claim_same_boot(request, d->evidence) || request->clock_ms < d->evidence->clock_ms) {
        return CAIRN_FAIL(err, CAIRN_E_REFUSED, "grant.boot",
                          "the request is not of the boot that was appraised: attest and ask again without a restart between");
    }
    if (request->u.quote.mask == d->mask && memcmp(request->u.quote.digest, d->pcr_digest, sizeof d->pcr_digest) != 0) {
        return CAIRN_FAIL(err, CAIRN_E_REFUSED, "grant.pcrs", "the PCRs have changed since the evidence was made");
    }
    return CAIRN_OK;
}

static CAIRN_RC check_params(const struct cairn_grant_draft *d, struct cairn_err *err)
{
    uint8_t digest[32] = {0};
    struct cairn_span release = {0}, online = {0};
    CAIRN_TRY(cairn_sha256(cairn_secret_span(d->assets->release), digest, err));
    if (memcmp(digest, d->manifest->vault_sha256, sizeof digest) != 0) {
        return CAIRN_FAIL(
            err, CAIRN_E_REFUSED, "grant.params.digest",
            "params.json is not the one the manifest was made from: salt and every release value must be the same");
    }
    CAIRN_TRY(cairn_asset_set(cairn_secret_span(d->assets->release), &release, err));
    CAIRN_TRY(cairn_asset_set(cairn_secret_span(d->assets->online), &online, err));
    return cairn_manifest_check_sets(d->manifest, release, online, err);
}

static CAIRN_RC check_draft(const struct cairn_grant_draft *d, struct cairn_err *err)
{
    const struct cairn_approvals *approval = NULL;
    if (strcmp(d->statement->device_class, d->manifest->device_class) != 0) {
        return CAIRN_FAIL(err, CAIRN_E_REFUSED, "manifest.class", "the manifest is for class %s, the device is of %s",
                          d->manifest->device_class, d->statement->device_class);
    }
    CAIRN_TRY(check_boot(d, err));
    CAIRN_TRY(check_params(d, err));
    return cairn_manifest_approval(d->manifest, d->mask, d->pcr_digest, &approval, err);
}

/* The import object: TK under PolicyPCR(quoted) o PolicyNV(epoch == from), for this device's storage key. */
static CAIRN_RC wrap_key(const struct cairn_grant_draft *d, struct cairn_span tk, struct cairn_grant *g, struct cairn_err *err)
{
    CAIRN_SIGNER *ephemeral = NULL;
    struct cairn_ec_key srk = {0};
    uint8_t policy[32] = {0}, unique[32] = {0};
    CAIRN_TRY(cairn_public_point(cairn_area_span(&d->statement->srk), &srk, err));
    CAIRN_TRY(cairn_policy_grant(d->mask, d->pcr_digest, &d->statement->epoch_name, g->from, policy, err));
    CAIRN_TRY(cairn_signer_generate(&ephemeral, err));
    CAIRN_TRY(cairn_random(unique, sizeof unique, err));
    return cairn_wrap_import(ephemeral, &srk, policy, unique, tk, &g->object, &g->duplicate, &g->seed, err);
}

static CAIRN_RC make_assets(const struct cairn_grant_draft *d, struct cairn_span tk, struct cairn_grant *g,
                            struct cairn_buf *out, struct cairn_err *err)
{
    const struct cairn_asset_key key = {tk, d->manifest->device_class, d->manifest->svn};
    const struct cairn_asset_plain plain[] = {{CAIRN_ASSET_VAULT, cairn_secret_span(d->assets->release)},
                                              {CAIRN_ASSET_ONLINE, cairn_secret_span(d->assets->online)}};
    CAIRN_TRY(cairn_assets_seal(&key, plain, CAIRN_ARRAY_LEN(plain), out, err));
    CAIRN_TRY(cairn_sha256(cairn_secret_span(d->assets->online), g->params, err));
    return cairn_sha256(cairn_buf_span(out), g->assets, err);
}

static CAIRN_RC write_object(const struct cairn_grant *g, json_t *json, struct cairn_err *err)
{
    json_t *object = json_object();
    CAIRN_TRY(cairn_json_set_take(json, "object", object, err));
    CAIRN_TRY(cairn_json_set_base64(object, "public", cairn_area_span(&g->object), err));
    CAIRN_TRY(cairn_json_set_base64(object, "duplicate", cairn_blob_span(&g->duplicate), err));
    return cairn_json_set_base64(object, "seed", cairn_blob_span(&g->seed), err);
}

static CAIRN_RC write_scope(const struct cairn_grant *g, json_t *json, struct cairn_err *err)
{
    char pcrs[80];
    cairn_selection_to_text(g->mask, pcrs);
    CAIRN_TRY(cairn_json_set_bool(json, "first", true, err));
    CAIRN_TRY(cairn_json_set_hex64(json, "from", g->from, err));
    CAIRN_TRY(cairn_json_set_hex64(json, "to", g->to, err));
    CAIRN_TRY(cairn_json_set_string(json, "pcrs", pcrs, err));
    return cairn_json_set_hex(json, "pcr_digest", CAIRN_SPAN(g->pcr_digest), err);
}

static CAIRN_RC write_payload(const struct cairn_grant *g, struct cairn_buf *out, struct cairn_err *err)
{
    CAIRN_JSON *json = json_object();
    CAIRN_TRY(cairn_json_set_uint(json, "v", 1, err));
    CAIRN_TRY(cairn_json_set_hex(json, "fleet", CAIRN_SPAN(g->fleet), err));
    CAIRN_TRY(cairn_json_set_hex(json, "device", CAIRN_SPAN(g->device), err));
    CAIRN_TRY(cairn_json_set_hex(json, "ak", cairn_name_span(&g->ak), err));
    CAIRN_TRY(cairn_json_set_string(json, "class", g->device_class, err));
    CAIRN_TRY(cairn_json_set_hex(json, "manifest", CAIRN_SPAN(g->manifest), err));
    CAIRN_TRY(cairn_json_set_hex(json, "params", CAIRN_SPAN(g->params), err));
    CAIRN_TRY(cairn_json_set_uint(json, "root_version", g->root_version, err));
    CAIRN_TRY(cairn_json_set_hex(json, "assets", CAIRN_SPAN(g->assets), err));
    CAIRN_TRY(cairn_json_set_uint(json, "issued", g->issued_s, err));
    CAIRN_TRY(cairn_json_set_uint(json, "expires", g->expires_s, err));
    CAIRN_TRY(write_scope(g, json, err));
    CAIRN_TRY(write_object(g, json, err));
    cairn_buf_clear(out);
    return cairn_json_write(json, out, err);
}

static void fill_facts(const struct cairn_grant_draft *d, struct cairn_grant *g)
{
    cairn_copy(g->fleet, d->statement->fleet, sizeof g->fleet);
    cairn_copy(g->device, d->statement->device, sizeof g->device);
    cairn_copy(g->manifest, d->manifest->digest, sizeof g->manifest);
    cairn_copy(g->pcr_digest, d->pcr_digest, sizeof g->pcr_digest);
    cairn_copy(g->device_class, d->statement->device_class, sizeof g->device_class);
    g->ak = d->statement->ak_name;
    g->root_version = cairn_root_version(d->root);
    g->from = d->request->epoch;
    g->to = d->request->epoch + CAIRN_FIRST_STEPS;
    g->mask = d->mask;
    g->issued_s = d->now_s;
    g->expires_s = d->expires_s;
}

CAIRN_RC cairn_grant_build(const struct cairn_grant_draft *draft, struct cairn_buf *payload, struct cairn_buf *assets,
                           struct cairn_err *err)
{
    struct cairn_grant g = {0};
    CAIRN_SECRET *tk = NULL;
    CAIRN_BUF container = {0};
    CAIRN_TRY(check_draft(draft, err));
    fill_facts(draft, &g);
    CAIRN_TRY(cairn_secret_new(CAIRN_TK_LEN, &tk, err));
    CAIRN_TRY(cairn_random(cairn_secret_bytes(tk), CAIRN_TK_LEN, err));
    CAIRN_TRY(wrap_key(draft, cairn_secret_span(tk), &g, err));
    CAIRN_TRY(make_assets(draft, cairn_secret_span(tk), &g, &container, err));
    CAIRN_TRY(write_payload(&g, payload, err));
    cairn_buf_clear(assets);
    *assets = container;
    container = (struct cairn_buf){0};
    return CAIRN_OK;
}
