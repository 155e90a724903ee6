/* tpm/keys.c -- finds or makes the storage and attestation keys, and derives the endorsement key.
 *
 * First contact: there is no pinned key yet, so what is found is believed only as far as its template goes. Enrolment proves
 * the rest: Certify with the storage key's qualified Name, a credential for exactly this EK and AK.
 *
 * Source: TCG TPM v2.0 Provisioning Guidance, section 7; TCG EK Credential Profile 2.5, template L-2.
 */
#include "tpm/tpm_internal.h"

enum { SRK_HANDLES = 16 }; /* how far a free handle is searched */

struct making {
    const uint8_t *fleet;
    struct cairn_tpm_keys keys;
};

static TSS2_RC create_primary(struct cairn_tpm *tpm, ESYS_TR hierarchy, const struct cairn_area *template, ESYS_TR *out,
                              struct cairn_area *area)
{
    static const TPM2B_SENSITIVE_CREATE nothing = {0};
    static const TPM2B_DATA outside = {0};
    static const TPML_PCR_SELECTION creation = {0};
    TPM2B_PUBLIC wanted = {0}, *made = NULL;
    ESYS_TR session = ESYS_TR_NONE, key = ESYS_TR_NONE;
    CAIRN_TPM_TRY(cairn_tpm_public_in(cairn_area_span(template), &wanted));
    CAIRN_TPM_TRY(cairn_tpm_hierarchy_session(tpm, hierarchy, &session));
    tpm->step = CAIRN_STEP_HIERARCHY;
    CAIRN_TPM_TRY(Esys_CreatePrimary(tpm->esys, hierarchy, session, ESYS_TR_NONE, ESYS_TR_NONE, &nothing, &wanted, &outside,
                                     &creation, &key, &made, NULL, NULL, NULL));
    tpm->step = CAIRN_STEP_OTHER;
    cairn_tpm_session_used(tpm, session);
    cairn_tpm_hold(tpm, key);
    TSS2_RC rc = cairn_tpm_public_out(made, area);
    Esys_Free(made);
    *out = key;
    return rc;
}

/* Owner authorization makes even an endorsement primary persistent. */
static TSS2_RC persist(struct cairn_tpm *tpm, ESYS_TR key, uint32_t handle)
{
    ESYS_TR session = ESYS_TR_NONE, persistent = ESYS_TR_NONE;
    CAIRN_TPM_TRY(cairn_tpm_hierarchy_session(tpm, ESYS_TR_RH_OWNER, &session));
    tpm->step = CAIRN_STEP_HIERARCHY;
    CAIRN_TPM_TRY(
        Esys_EvictControl(tpm->esys, ESYS_TR_RH_OWNER, key, session, ESYS_TR_NONE, ESYS_TR_NONE, handle, &persistent));
    tpm->step = CAIRN_STEP_OTHER;
    cairn_tpm_session_used(tpm, session);
    (void)Esys_TR_Close(tpm->esys, &persistent);
    cairn_tpm_flush(tpm, key);
    return TSS2_RC_SUCCESS;
}

static TSS2_RC make_persistent(struct cairn_tpm *tpm, ESYS_TR hierarchy, const struct cairn_area *template, uint32_t handle,
                               struct cairn_area *area)
{
    ESYS_TR key = ESYS_TR_NONE;
    CAIRN_TPM_TRY(create_primary(tpm, hierarchy, template, &key, area));
    return persist(tpm, key, handle);
}

struct found {
    bool there;
    struct cairn_area area;
    struct cairn_name qualified;
};

static TSS2_RC read_public(struct cairn_tpm *tpm, ESYS_TR key, struct found *out)
{
    TPM2B_PUBLIC *public = NULL;
    TPM2B_NAME *name = NULL, *qualified = NULL;
    CAIRN_TPM_TRY(Esys_ReadPublic(tpm->esys, key, ESYS_TR_NONE, ESYS_TR_NONE, ESYS_TR_NONE, &public, &name, &qualified));
    TSS2_RC rc = cairn_tpm_public_out(public, &out->area);
    struct cairn_reader r = cairn_reader(cairn_span(qualified->name, qualified->size));
    cairn_read_array(&r, out->qualified.bytes, sizeof out->qualified.bytes);
    Esys_Free(public);
    Esys_Free(name);
    Esys_Free(qualified);
    return rc;
}

static TSS2_RC look_at(struct cairn_tpm *tpm, uint32_t handle, struct found *out)
{
    ESYS_TR key = ESYS_TR_NONE;
    struct found found = {0};
    TSS2_RC rc = Esys_TR_FromTPMPublic(tpm->esys, handle, ESYS_TR_NONE, ESYS_TR_NONE, ESYS_TR_NONE, &key);
    if (cairn_tpm_nothing_there(rc)) {
        *out = found;
        return TSS2_RC_SUCCESS;
    }
    CAIRN_TPM_TRY(rc);
    found.there = true;
    rc = read_public(tpm, key, &found);
    (void)Esys_TR_Close(tpm->esys, &key);
    CAIRN_TPM_TRY(rc);
    *out = found;
    return TSS2_RC_SUCCESS;
}

/* A key of the template under another hierarchy or parent is not the storage root: what it protects outlives a Clear. */
static bool is_primary(const struct found *found, enum cairn_hierarchy hierarchy)
{
    struct cairn_name name = {0}, qualified = {0};
    return cairn_name_compute(cairn_area_span(&found->area), &name, NULL) == CAIRN_OK &&
           cairn_name_qualify(hierarchy, &name, &qualified, NULL) == CAIRN_OK &&
           cairn_name_equal(&qualified, &found->qualified);
}

static TSS2_RC pin(struct cairn_tpm *tpm, enum cairn_tpm_thing which, const struct cairn_area *area, struct cairn_name *pinned)
{
    struct cairn_name name = {0};
    CAIRN_TPM_TRY(cairn_tpm_core(tpm, cairn_name_compute(cairn_area_span(area), &name, tpm->err)));
    if (!cairn_name_is_none(pinned) && !cairn_name_equal(pinned, &name)) {
        return CAIRN_TPM_RC_OTHER(which);
    }
    *pinned = name;
    return TSS2_RC_SUCCESS;
}

static TSS2_RC find_srk(struct cairn_tpm *tpm, struct cairn_tpm_keys *keys)
{
    struct cairn_area template = {0};
    struct cairn_ec_key point;
    cairn_template_srk(NULL, &template);
    for (uint32_t handle = tpm->config.srk; handle < tpm->config.srk + SRK_HANDLES; handle++) {
        struct found found = {0};
        if (handle == tpm->config.ak) {
            continue;
        }
        CAIRN_TPM_TRY(look_at(tpm, handle, &found));
        if (found.there && (cairn_public_srk_check(cairn_area_span(&found.area), &point, NULL) != CAIRN_OK ||
                            !is_primary(&found, CAIRN_RH_OWNER))) {
            continue; /* not ours: it stays */
        }
        keys->srk_handle = handle;
        keys->srk = found.area;
        return found.there ? TSS2_RC_SUCCESS : make_persistent(tpm, ESYS_TR_RH_OWNER, &template, handle, &keys->srk);
    }
    return CAIRN_TPM_RC_SLOTS;
}

/* The AK has to be the one that the template derives for this fleet, or a wipe could not derive it again: so it is derived
 * always, and what stands at the handle is compared with it. */
static TSS2_RC find_ak(struct cairn_tpm *tpm, const uint8_t fleet[32], struct cairn_tpm_keys *keys)
{
    struct cairn_area template = {0};
    struct found found = {0};
    ESYS_TR ak = ESYS_TR_NONE;
    cairn_template_ak(fleet, NULL, &template);
    keys->ak_handle = tpm->config.ak;
    CAIRN_TPM_TRY(create_primary(tpm, ESYS_TR_RH_ENDORSEMENT, &template, &ak, &keys->ak));
    CAIRN_TPM_TRY(look_at(tpm, tpm->config.ak, &found));
    if (!found.there) {
        return persist(tpm, ak, tpm->config.ak);
    }
    cairn_tpm_flush(tpm, ak);
    return cairn_span_equal(cairn_area_span(&found.area), cairn_area_span(&keys->ak)) ? TSS2_RC_SUCCESS : CAIRN_TPM_RC_USED;
}

static TSS2_RC keys_make(struct cairn_tpm *tpm, void *arg)
{
    struct making *making = arg;
    struct cairn_tpm_keys keys = {0};
    struct cairn_area template = {0};
    struct cairn_tpm_pins pins = tpm->pins;
    ESYS_TR ek = ESYS_TR_NONE;
    cairn_tpm_things_forget(tpm, false);
    CAIRN_TPM_TRY(find_srk(tpm, &keys));
    CAIRN_TPM_TRY(pin(tpm, CAIRN_THING_SRK, &keys.srk, &pins.srk));
    tpm->config.srk = keys.srk_handle;
    tpm->pins.srk = pins.srk;
    CAIRN_TPM_TRY(find_ak(tpm, making->fleet, &keys));
    CAIRN_TPM_TRY(pin(tpm, CAIRN_THING_AK, &keys.ak, &pins.ak));
    cairn_template_ek(NULL, &template);
    CAIRN_TPM_TRY(create_primary(tpm, ESYS_TR_RH_ENDORSEMENT, &template, &ek, &keys.ek));
    struct cairn_reader r = cairn_reader(cairn_span(making->fleet, sizeof pins.fleet));
    cairn_read_array(&r, pins.fleet, sizeof pins.fleet);
    tpm->pins = pins;
    making->keys = keys;
    return TSS2_RC_SUCCESS;
}

CAIRN_RC cairn_tpm_keys_make(struct cairn_tpm *tpm, const uint8_t fleet[32], struct cairn_tpm_keys *out, struct cairn_err *err)
{
    static const struct cairn_tpm_op op = {.run = keys_make, .repeatable = true};
    struct making making = {.fleet = fleet};
    CAIRN_TRY(cairn_tpm_run(tpm, &op, &making, err));
    *out = making.keys;
    return CAIRN_OK;
}
