/* authority/approval.c -- read an approval of one boot state and believe only what can be recomputed and verified.
 *
 * Trust boundary: the object comes inside a manifest or from the device's own disk; its two signatures are all that counts.
 * Source: DESIGN 6; CHECKS 55.
 */
#include "authority/approval.h"

#include <stdio.h>
#include <string.h>

enum { SIGNATURE_LEN = 64, PCR_TEXT_MAX = 79 };
#define FLOOR_MAX ((UINT64_C(1) << 53) - 1)

static void read_half(const json_t *json, const char *place, struct cairn_approval *half, struct cairn_obj *outer)
{
    if (outer->rc != CAIRN_OK) {
        return;
    }
    struct cairn_obj o = cairn_obj(json, place, outer->err);
    cairn_obj_hex(&o, "ref", half->ref, sizeof half->ref);
    cairn_obj_hex(&o, "signature", half->rs, SIGNATURE_LEN);
    outer->rc = cairn_obj_done(&o);
}

static void read_pcrs(struct cairn_obj *o, uint32_t *mask)
{
    char again[PCR_TEXT_MAX + 1] = "";
    const char *text = cairn_obj_string(o, "pcrs", PCR_TEXT_MAX);
    if (cairn_selection_from_text(text, mask, NULL) == CAIRN_OK) {
        cairn_selection_to_text(*mask, again);
    }
    if (*mask == 0 || strcmp(text, again) != 0) {
        cairn_obj_fail(o, "pcrs", "is not a list of PCRs in ascending order");
    }
}

static CAIRN_RC read_members(const json_t *json, struct cairn_approvals *out, struct cairn_err *err)
{
    CAIRN_BUF spki = {0};
    struct cairn_approval common = {0};
    struct cairn_obj o = cairn_obj(json, "approval", err);
    cairn_obj_const(&o, "type", CAIRN_TYPE_APPROVAL);
    const char *device_class = cairn_obj_string(&o, "class", CAIRN_CLASS_MAX - 1);
    out->floor = cairn_obj_uint(&o, "floor", FLOOR_MAX);
    read_pcrs(&o, &common.mask);
    cairn_obj_hex(&o, "pcr_digest", common.pcr_digest, sizeof common.pcr_digest);
    cairn_obj_hex(&o, "approved", common.approved, sizeof common.approved);
    cairn_obj_base64(&o, "signer", 2 * CAIRN_SPKI_LEN, &spki);
    const json_t *anchor = cairn_obj_object(&o, "anchor");
    const json_t *vault = cairn_obj_object(&o, "vault");
    out->anchor = common;
    out->vault = common;
    read_half(anchor, "approval anchor", &out->anchor, &o);
    read_half(vault, "approval vault", &out->vault, &o);
    CAIRN_TRY(cairn_obj_done(&o));
    CAIRN_TRY(cairn_spki_decode(cairn_buf_span(&spki), &out->anchor.signer, err));
    out->vault.signer = out->anchor.signer;
    (void)snprintf(out->device_class, sizeof out->device_class, "%s", device_class);
    return CAIRN_OK;
}

static CAIRN_RC check_refs(const struct cairn_approvals *a, struct cairn_err *err)
{
    uint8_t anchor[CAIRN_SHA256_LEN] = {0};
    uint8_t vault[CAIRN_SHA256_LEN] = {0};
    CAIRN_TRY(cairn_policy_ref_anchor(a->device_class, anchor, err));
    CAIRN_TRY(cairn_policy_ref_vault(a->device_class, a->floor, vault, err));
    if (memcmp(anchor, a->anchor.ref, sizeof anchor) != 0 || memcmp(vault, a->vault.ref, sizeof vault) != 0) {
        return CAIRN_FAIL(err, CAIRN_E_REFUSED, "approval.ref",
                          "the approval's references are not those of class %s and floor %llu", a->device_class,
                          (unsigned long long)a->floor);
    }
    return CAIRN_OK;
}

CAIRN_RC cairn_approvals_read(const json_t *json, const struct cairn_root *root, struct cairn_approvals *out,
                              struct cairn_err *err)
{
    struct cairn_approvals a = {0};
    CAIRN_TRY(read_members(json, &a, err));
    if (strcmp(a.device_class, cairn_root_class(root)) != 0) {
        return CAIRN_FAIL(err, CAIRN_E_REFUSED, "approval.class", "the approval is for another class than %s",
                          cairn_root_class(root));
    }
    if (!cairn_ec_key_equal(&a.anchor.signer, cairn_root_pcrpolicy_key(root))) {
        return CAIRN_FAIL(err, CAIRN_E_REFUSED, "approval.signer", "the approval is not by the root's pcrpolicy key");
    }
    CAIRN_TRY(check_refs(&a, err));
    CAIRN_TRY(cairn_approval_check(&a.anchor, err));
    CAIRN_TRY(cairn_approval_check(&a.vault, err));
    *out = a;
    return CAIRN_OK;
}

static CAIRN_RC write_half(json_t *object, const char *name, const struct cairn_approval *half, struct cairn_err *err)
{
    json_t *o = json_object();
    CAIRN_TRY(cairn_json_set_take(object, name, o, err));
    CAIRN_TRY(cairn_json_set_hex(o, "ref", CAIRN_SPAN(half->ref), err));
    return cairn_json_set_hex(o, "signature", CAIRN_SPAN(half->rs), err);
}

CAIRN_RC cairn_approvals_write(const struct cairn_approvals *approvals, json_t **out, struct cairn_err *err)
{
    const struct cairn_approval *a = &approvals->anchor;
    char pcrs[PCR_TEXT_MAX + 1] = "";
    uint8_t spki[CAIRN_SPKI_LEN] = {0};
    CAIRN_JSON *json = json_object();
    cairn_selection_to_text(a->mask, pcrs);
    cairn_spki_encode(&a->signer, spki);
    CAIRN_TRY(cairn_json_set_string(json, "type", CAIRN_TYPE_APPROVAL, err));
    CAIRN_TRY(cairn_json_set_string(json, "class", approvals->device_class, err));
    CAIRN_TRY(cairn_json_set_uint(json, "floor", approvals->floor, err));
    CAIRN_TRY(cairn_json_set_string(json, "pcrs", pcrs, err));
    CAIRN_TRY(cairn_json_set_hex(json, "pcr_digest", CAIRN_SPAN(a->pcr_digest), err));
    CAIRN_TRY(cairn_json_set_hex(json, "approved", CAIRN_SPAN(a->approved), err));
    CAIRN_TRY(cairn_json_set_base64(json, "signer", CAIRN_SPAN(spki), err));
    CAIRN_TRY(write_half(json, "anchor", &approvals->anchor, err));
    CAIRN_TRY(write_half(json, "vault", &approvals->vault, err));
    *out = json;
    json = NULL;
    return CAIRN_OK;
}
