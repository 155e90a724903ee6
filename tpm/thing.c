/* tpm/thing.c -- the pinned keys and indices: where they are, and that they are what was pinned.
 *
 * A Name is always the hash of the public area that ESYS will use (for the salt, for the HMAC), never one that the bus told.
 */
#include <string.h>

#include "tpm/tpm_internal.h"

uint32_t cairn_tpm_thing_handle(const struct cairn_tpm *tpm, enum cairn_tpm_thing which)
{
    const uint32_t handles[CAIRN_NUM_THINGS] = {tpm->config.srk, tpm->config.ak, tpm->config.epoch, tpm->config.anchor[0],
                                                tpm->config.anchor[1]};
    return handles[which];
}

const struct cairn_name *cairn_tpm_thing_pin(const struct cairn_tpm *tpm, enum cairn_tpm_thing which)
{
    const struct cairn_name *pins[CAIRN_NUM_THINGS] = {&tpm->pins.srk, &tpm->pins.ak, &tpm->pins.epoch, &tpm->pins.anchor[0],
                                                       &tpm->pins.anchor[1]};
    return pins[which];
}

bool cairn_tpm_nothing_there(TSS2_RC rc)
{
    rc = cairn_tpm_plain_rc(rc);
    return rc == TPM2_RC_HANDLE + TPM2_RC_1 || rc == TPM2_RC_HANDLE + TPM2_RC_2;
}

TSS2_RC cairn_tpm_name(struct cairn_tpm *tpm, ESYS_TR tr, struct cairn_name *out)
{
    TPM2B_NAME *name = NULL;
    CAIRN_TPM_TRY(Esys_TR_GetName(tpm->esys, tr, &name));
    bool fits = name->size == sizeof out->bytes;
    struct cairn_reader r = cairn_reader(cairn_span(name->name, fits ? name->size : 0));
    cairn_read_array(&r, out->bytes, sizeof out->bytes);
    Esys_Free(name);
    return fits ? TSS2_RC_SUCCESS : CAIRN_TPM_RC_SHAPE;
}

void cairn_tpm_thing_forget(struct cairn_tpm *tpm, enum cairn_tpm_thing which, bool file)
{
    if (tpm->thing[which] != ESYS_TR_NONE && tpm->esys != NULL) {
        (void)Esys_TR_Close(tpm->esys, &tpm->thing[which]); /* newer libraries have already closed an evicted one */
    }
    tpm->thing[which] = ESYS_TR_NONE;
    if (file) {
        cairn_tpm_cache_drop_thing(tpm, which);
    }
}

void cairn_tpm_things_forget(struct cairn_tpm *tpm, bool files)
{
    for (unsigned i = 0; i < CAIRN_NUM_THINGS; i++) {
        cairn_tpm_thing_forget(tpm, (enum cairn_tpm_thing)i, files);
    }
}

/* An index of ours that was defined but never written has a Name that is not pinned: the pinned one with WRITTEN taken off. */
static TSS2_RC check_unwritten(struct cairn_tpm *tpm, enum cairn_tpm_thing which, ESYS_TR tr, bool *unwritten)
{
    TPM2B_NV_PUBLIC *public = NULL;
    TPM2B_NAME *name = NULL;
    *unwritten = false;
    if (which < CAIRN_THING_EPOCH) {
        return TSS2_RC_SUCCESS;
    }
    CAIRN_TPM_TRY(Esys_NV_ReadPublic(tpm->esys, tr, ESYS_TR_NONE, ESYS_TR_NONE, ESYS_TR_NONE, &public, &name));
    Esys_Free(name);
    bool written = (public->nvPublic.attributes & TPMA_NV_WRITTEN) != 0;
    public->nvPublic.attributes |= TPMA_NV_WRITTEN;
    struct cairn_area area = {0};
    struct cairn_name as_written = {0};
    TSS2_RC rc = cairn_tpm_nv_out(public, &area);
    Esys_Free(public);
    CAIRN_TPM_TRY(rc);
    CAIRN_TPM_TRY(cairn_tpm_core(tpm, cairn_name_compute(cairn_area_span(&area), &as_written, tpm->err)));
    *unwritten = !written && cairn_name_equal(&as_written, cairn_tpm_thing_pin(tpm, which));
    return TSS2_RC_SUCCESS;
}

static TSS2_RC check_name(struct cairn_tpm *tpm, enum cairn_tpm_thing which, bool may_be_unwritten, ESYS_TR tr, bool *store)
{
    struct cairn_name name = {0};
    CAIRN_TPM_TRY(cairn_tpm_name(tpm, tr, &name));
    *store = cairn_name_equal(&name, cairn_tpm_thing_pin(tpm, which));
    if (*store) {
        return TSS2_RC_SUCCESS;
    }
    bool unwritten = false;
    CAIRN_TPM_TRY(check_unwritten(tpm, which, tr, &unwritten));
    if (!unwritten) {
        return CAIRN_TPM_RC_OTHER(which);
    }
    return may_be_unwritten ? TSS2_RC_SUCCESS : CAIRN_TPM_RC_UNWRITTEN;
}

static TSS2_RC read_thing(struct cairn_tpm *tpm, enum cairn_tpm_thing which, bool unwritten)
{
    ESYS_TR tr = ESYS_TR_NONE;
    bool store = false;
    TSS2_RC rc =
        Esys_TR_FromTPMPublic(tpm->esys, cairn_tpm_thing_handle(tpm, which), ESYS_TR_NONE, ESYS_TR_NONE, ESYS_TR_NONE, &tr);
    if (cairn_tpm_nothing_there(rc)) {
        return CAIRN_TPM_RC_MISSING(which);
    }
    CAIRN_TPM_TRY(rc);
    rc = check_name(tpm, which, unwritten, tr, &store);
    if (rc != TSS2_RC_SUCCESS) {
        (void)Esys_TR_Close(tpm->esys, &tr);
        return rc;
    }
    tpm->thing[which] = tr;
    tpm->thing_fresh[which] = !store;
    if (store) {
        cairn_tpm_cache_store_thing(tpm, which, tr);
    }
    return TSS2_RC_SUCCESS;
}

TSS2_RC cairn_tpm_thing_get(struct cairn_tpm *tpm, enum cairn_tpm_thing which, bool unwritten, ESYS_TR *out)
{
    if (cairn_name_is_none(cairn_tpm_thing_pin(tpm, which))) {
        return CAIRN_TPM_RC_UNPINNED;
    }
    bool known = tpm->thing[which] != ESYS_TR_NONE || (!tpm->distrust && cairn_tpm_cache_thing(tpm, which, &tpm->thing[which]));
    CAIRN_TPM_TRY(known ? TSS2_RC_SUCCESS : read_thing(tpm, which, unwritten));
    *out = tpm->thing[which];
    return TSS2_RC_SUCCESS;
}

void cairn_tpm_thing_written(struct cairn_tpm *tpm, enum cairn_tpm_thing which)
{
    struct cairn_name name = {0};
    if (tpm->thing_fresh[which] && cairn_tpm_name(tpm, tpm->thing[which], &name) == TSS2_RC_SUCCESS &&
        cairn_name_equal(&name, cairn_tpm_thing_pin(tpm, which))) {
        cairn_tpm_cache_store_thing(tpm, which, tpm->thing[which]);
        tpm->thing_fresh[which] = false;
    }
}

TSS2_RC cairn_tpm_derive_ak(struct cairn_tpm *tpm, const uint8_t fleet[32], ESYS_TR *out)
{
    const TPM2B_SENSITIVE_CREATE nothing = {0};
    const TPM2B_DATA outside = {0};
    const TPML_PCR_SELECTION creation = {0};
    struct cairn_area area = {0};
    TPM2B_PUBLIC template = {0};
    struct cairn_name name = {0};
    ESYS_TR session = ESYS_TR_NONE, ak = ESYS_TR_NONE;
    cairn_template_ak(fleet, NULL, &area);
    CAIRN_TPM_TRY(cairn_tpm_public_in(cairn_area_span(&area), &template));
    CAIRN_TPM_TRY(cairn_tpm_hierarchy_session(tpm, ESYS_TR_RH_ENDORSEMENT, &session));
    tpm->step = CAIRN_STEP_HIERARCHY;
    CAIRN_TPM_TRY(Esys_CreatePrimary(tpm->esys, ESYS_TR_RH_ENDORSEMENT, session, ESYS_TR_NONE, ESYS_TR_NONE, &nothing,
                                     &template, &outside, &creation, &ak, NULL, NULL, NULL, NULL));
    tpm->step = CAIRN_STEP_OTHER;
    cairn_tpm_session_used(tpm, session);
    cairn_tpm_hold(tpm, ak);
    CAIRN_TPM_TRY(cairn_tpm_name(tpm, ak, &name));
    if (!cairn_name_is_none(&tpm->pins.ak) && !cairn_name_equal(&name, &tpm->pins.ak)) {
        return CAIRN_TPM_RC_OTHER(CAIRN_THING_AK);
    }
    *out = ak;
    return TSS2_RC_SUCCESS;
}

TSS2_RC cairn_tpm_notice_clear(struct cairn_tpm *tpm)
{
    ESYS_TR srk = ESYS_TR_NONE;
    TSS2_RC rc = cairn_tpm_thing_get(tpm, CAIRN_THING_SRK, false, &srk);
    if (rc == CAIRN_TPM_RC_MISSING(CAIRN_THING_SRK)) {
        tpm->cleared = true;
        return cairn_tpm_apply_auths(tpm);
    }
    return rc;
}

TSS2_RC cairn_tpm_ak(struct cairn_tpm *tpm, ESYS_TR *out)
{
    static const uint8_t unknown[32];
    TSS2_RC rc = cairn_tpm_thing_get(tpm, CAIRN_THING_AK, false, out);
    if (rc != CAIRN_TPM_RC_MISSING(CAIRN_THING_AK) || memcmp(tpm->pins.fleet, unknown, sizeof unknown) == 0) {
        return rc;
    }
    CAIRN_TPM_TRY(cairn_tpm_notice_clear(tpm));
    return cairn_tpm_derive_ak(tpm, tpm->pins.fleet, out);
}
