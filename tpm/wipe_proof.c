/* tpm/wipe_proof.c -- TPM2_Clear as the TPM itself testifies it: one audit session from StirRandom to the last Quote.
 *
 * Order: Quote before, handle lists, our indices undefined, Clear, handle lists, the AK re-derived, Quote after. Every session
 * is open before StirRandom, because an unaudited successful command would end exclusivity. The audited bytes are the ones the
 * TCTI saw (record_tcti.h). A configured auth value is used through the audit session, salted to the pinned SRK: it is
 * never on the wire; without one the empty password is used, and a wrong lockoutAuth is never tried: one would lock it.
 *
 * Nothing is resumed: after any failure the whole run is repeated. A second Clear is harmless.
 *
 * Source: TPM 2.0 Part 1, sections 17.11 (audit sessions), 34; Part 3, TPM2_Clear, TPM2_GetSessionAuditDigest.
 */
#include <stdlib.h>

#include "tpm/tpm_internal.h"

enum { MAX_PAUSE_MS = 10000 };

static const TPMT_SIG_SCHEME key_scheme = {.scheme = TPM2_ALG_NULL};

struct cairn_tpm_proof {
    ESYS_TR session, ak;
    unsigned generation; /* of the handles: another number, and both are gone */
};

struct wiping {
    const struct cairn_tpm_wipe *wipe;
    struct cairn_audit_log log;
    uint32_t permanent; /* which auth values are set, which handles exist */
    ESYS_TR audit, ak;
    struct cairn_name ak_name;
    ESYS_TR index[3];
    uint64_t before_ms, after_ms; /* the quotes' clocks */
    struct cairn_tpm_proof proof;
};

struct names {
    uint8_t bytes[80];
    size_t len;
    unsigned num;
};

static void add_handle(struct names *names, uint32_t handle)
{
    struct cairn_writer w = cairn_writer(names->bytes + names->len, sizeof names->bytes - names->len);
    cairn_write_u32(&w, handle);
    names->len += w.len;
    names->num++;
}

static void add_name(struct names *names, const struct cairn_name *name)
{
    struct cairn_writer w = cairn_writer(names->bytes + names->len, sizeof names->bytes - names->len);
    cairn_write_bytes(&w, cairn_name_span(name));
    names->len += w.len;
    names->num++;
}

static TSS2_RC note(struct cairn_tpm *tpm, struct wiping *w, const struct names *names, unsigned response_handles)
{
    return cairn_tpm_core(tpm, cairn_audit_append(&w->log, cairn_record_tcti_command(tpm->record), names->num,
                                                  cairn_span(names->bytes, names->len), cairn_record_tcti_response(tpm->record),
                                                  response_handles, tpm->err));
}

/* The audit session authorises too where an auth value is set; else it only audits, beside the empty password. */
struct auth {
    ESYS_TR first, second;
};
static struct auth hierarchy_auth(const struct wiping *w, uint32_t set_bit)
{
    return (w->permanent & set_bit) != 0 ? (struct auth){w->audit, ESYS_TR_NONE} : (struct auth){ESYS_TR_PASSWORD, w->audit};
}

static TSS2_RC stir(struct cairn_tpm *tpm, struct wiping *w)
{
    TPM2B_SENSITIVE_DATA data = {0};
    struct names names = {0};
    CAIRN_TPM_TRY(CAIRN_TPM_BYTES_IN(CAIRN_SPAN(w->wipe->stir), &data, buffer));
    CAIRN_TPM_TRY(Esys_StirRandom(tpm->esys, w->audit, ESYS_TR_NONE, ESYS_TR_NONE, &data));
    return note(tpm, w, &names, 0);
}

static TSS2_RC quote(struct cairn_tpm *tpm, struct wiping *w, uint64_t *clock_ms)
{
    TPM2B_DATA extra = {0};
    TPML_PCR_SELECTION selection = {0};
    TPM2B_ATTEST *attest = NULL;
    TPMT_SIGNATURE *signature = NULL;
    struct names names = {0};
    CAIRN_TPM_TRY(CAIRN_TPM_BYTES_IN(CAIRN_SPAN(w->wipe->extra), &extra, buffer));
    CAIRN_TPM_TRY(cairn_tpm_selection_in(w->wipe->mask, &selection));
    CAIRN_TPM_TRY(Esys_Quote(tpm->esys, w->ak, ESYS_TR_PASSWORD, w->audit, ESYS_TR_NONE, &extra, &key_scheme, &selection,
                             &attest, &signature));
    struct cairn_claim claim = {0};
    enum cairn_rc parsed = cairn_claim_parse(cairn_span(attest->attestationData, attest->size), &claim, tpm->err);
    Esys_Free(attest);
    Esys_Free(signature);
    CAIRN_TPM_TRY(cairn_tpm_core(tpm, parsed));
    *clock_ms = claim.clock_ms;
    add_name(&names, &w->ak_name);
    return note(tpm, w, &names, 0);
}

static TSS2_RC list(struct cairn_tpm *tpm, struct wiping *w, uint32_t first, struct cairn_audit_handles *out)
{
    TPMI_YES_NO more = 0;
    TPMS_CAPABILITY_DATA *data = NULL;
    struct names names = {0};
    CAIRN_TPM_TRY(Esys_GetCapability(tpm->esys, w->audit, ESYS_TR_NONE, ESYS_TR_NONE, TPM2_CAP_HANDLES, first,
                                     CAIRN_AUDIT_MAX_HANDLES, &more, &data));
    out->num = 0;
    for (uint32_t i = 0; i < data->data.handles.count && i < CAIRN_AUDIT_MAX_HANDLES; i++) {
        out->handle[out->num++] = data->data.handles.handle[i];
    }
    Esys_Free(data);
    return note(tpm, w, &names, 0);
}

static TSS2_RC lists(struct cairn_tpm *tpm, struct wiping *w, struct cairn_audit_handles *nv)
{
    struct cairn_audit_handles persistent = {0};
    CAIRN_TPM_TRY(list(tpm, w, 0x01000000u, nv));
    return list(tpm, w, 0x81000000u, &persistent);
}

static TSS2_RC undefine(struct cairn_tpm *tpm, struct wiping *w, ESYS_TR index)
{
    struct auth auth = hierarchy_auth(w, CAIRN_PERMANENT_OWNER);
    struct names names = {0};
    struct cairn_name name = {0};
    CAIRN_TPM_TRY(cairn_tpm_name(tpm, index, &name));
    add_handle(&names, CAIRN_RH_OWNER);
    add_name(&names, &name);
    tpm->step = CAIRN_STEP_HIERARCHY;
    CAIRN_TPM_TRY(Esys_NV_UndefineSpace(tpm->esys, ESYS_TR_RH_OWNER, index, auth.first, auth.second, ESYS_TR_NONE));
    tpm->step = CAIRN_STEP_OTHER;
    return note(tpm, w, &names, 0);
}

/* Only what the audited list shows; without owner auth the Clear takes them. */
static TSS2_RC undefine_ours(struct cairn_tpm *tpm, struct wiping *w, const struct cairn_audit_handles *nv)
{
    const uint32_t ours[] = {tpm->config.epoch, tpm->config.anchor[0], tpm->config.anchor[1]};
    bool may = (w->permanent & CAIRN_PERMANENT_OWNER) == 0 || cairn_tpm_auth(tpm, ESYS_TR_RH_OWNER) != NULL;
    for (size_t i = 0; may && i < CAIRN_ARRAY_LEN(ours); i++) {
        bool there = false;
        for (size_t j = 0; j < nv->num; j++) {
            there = there || nv->handle[j] == ours[i];
        }
        if (there && w->index[i] != ESYS_TR_NONE) {
            CAIRN_TPM_TRY(undefine(tpm, w, w->index[i]));
            w->index[i] = ESYS_TR_NONE; /* ESYS has closed it */
        }
    }
    return TSS2_RC_SUCCESS;
}

static TSS2_RC clear(struct cairn_tpm *tpm, struct wiping *w)
{
    struct auth auth = hierarchy_auth(w, CAIRN_PERMANENT_LOCKOUT);
    struct names names = {0};
    add_handle(&names, CAIRN_RH_LOCKOUT);
    tpm->step = CAIRN_STEP_CLEAR;
    CAIRN_TPM_TRY(Esys_Clear(tpm->esys, ESYS_TR_RH_LOCKOUT, auth.first, auth.second, ESYS_TR_NONE));
    tpm->step = CAIRN_STEP_OTHER;
    cairn_tpm_unhold(tpm, w->ak);
    cairn_tpm_things_forget(tpm, true);
    cairn_tpm_cache_drop_ticket(tpm);
    w->ak = ESYS_TR_NONE;
    w->permanent = 0;
    tpm->cleared = true;
    CAIRN_TPM_TRY(cairn_tpm_apply_auths(tpm));
    return note(tpm, w, &names, 0);
}

static TSS2_RC derive_ak(struct cairn_tpm *tpm, struct wiping *w)
{
    struct names names = {0};
    struct cairn_name name = {0};
    const TPM2B_SENSITIVE_CREATE nothing = {0};
    const TPM2B_DATA outside = {0};
    const TPML_PCR_SELECTION creation = {0};
    struct cairn_area area = {0};
    TPM2B_PUBLIC template = {0};
    ESYS_TR ak = ESYS_TR_NONE;
    cairn_template_ak(w->wipe->fleet, NULL, &area);
    CAIRN_TPM_TRY(cairn_tpm_public_in(cairn_area_span(&area), &template));
    tpm->step = CAIRN_STEP_HIERARCHY;
    CAIRN_TPM_TRY(Esys_CreatePrimary(tpm->esys, ESYS_TR_RH_ENDORSEMENT, ESYS_TR_PASSWORD, w->audit, ESYS_TR_NONE, &nothing,
                                     &template, &outside, &creation, &ak, NULL, NULL, NULL, NULL));
    tpm->step = CAIRN_STEP_OTHER;
    cairn_tpm_hold(tpm, ak);
    add_handle(&names, CAIRN_RH_ENDORSEMENT);
    CAIRN_TPM_TRY(note(tpm, w, &names, 1));
    CAIRN_TPM_TRY(cairn_tpm_name(tpm, ak, &name));
    if (!cairn_name_equal(&name, &w->ak_name)) {
        return CAIRN_TPM_RC_OTHER(CAIRN_THING_AK);
    }
    w->ak = ak;
    return TSS2_RC_SUCCESS;
}

/* An AK of another fleet could not be derived again: then nothing would testify the Clear. */
static bool right_fleet(const struct cairn_tpm *tpm, const struct cairn_tpm_wipe *wipe)
{
    static const uint8_t unknown[32];
    struct cairn_span pinned = CAIRN_SPAN(tpm->pins.fleet);
    return cairn_span_equal(pinned, CAIRN_SPAN(unknown)) || cairn_span_equal(pinned, CAIRN_SPAN(wipe->fleet));
}

/* The AK of the first quote: persistent, or derived when an earlier run has cleared it. */
static TSS2_RC first_ak(struct cairn_tpm *tpm, struct wiping *w)
{
    TSS2_RC rc = cairn_tpm_thing_get(tpm, CAIRN_THING_AK, false, &w->ak);
    if (rc == CAIRN_TPM_RC_MISSING(CAIRN_THING_AK)) {
        CAIRN_TPM_TRY(cairn_tpm_notice_clear(tpm));
        rc = cairn_tpm_derive_ak(tpm, w->wipe->fleet, &w->ak);
    }
    CAIRN_TPM_TRY(rc);
    return cairn_tpm_name(tpm, w->ak, &w->ak_name);
}

/* The indices' TRs, before the session opens. Not ours or not there: left to the Clear. */
static TSS2_RC find_indices(struct cairn_tpm *tpm, struct wiping *w)
{
    for (unsigned i = 0; i < CAIRN_ARRAY_LEN(w->index); i++) {
        enum cairn_tpm_thing which = (enum cairn_tpm_thing)(CAIRN_THING_EPOCH + i);
        TSS2_RC rc = cairn_tpm_thing_get(tpm, which, true, &w->index[i]);
        if (rc != TSS2_RC_SUCCESS) {
            w->index[i] = ESYS_TR_NONE;
        }
        bool left = rc == CAIRN_TPM_RC_MISSING(which) || rc == CAIRN_TPM_RC_OTHER(which) || rc == CAIRN_TPM_RC_UNPINNED;
        CAIRN_TPM_TRY(left ? TSS2_RC_SUCCESS : rc);
    }
    return TSS2_RC_SUCCESS;
}

static TSS2_RC check_clear(struct cairn_tpm *tpm, struct wiping *w)
{
    CAIRN_TPM_TRY(cairn_tpm_permanent(tpm, &w->permanent));
    if ((w->permanent & CAIRN_PERMANENT_DISABLE_CLEAR) != 0) {
        return CAIRN_TPM_RC_DISABLED;
    }
    bool set = (w->permanent & CAIRN_PERMANENT_LOCKOUT) != 0;
    return set && cairn_tpm_auth(tpm, ESYS_TR_RH_LOCKOUT) == NULL ? CAIRN_TPM_RC_LOCKOUTPW : TSS2_RC_SUCCESS;
}

/* Salted where an auth value will be used. The SRK's public area is then read anew: a session salted to a key that is no
 * longer there would cost a wrong lockoutAuth. */
static TSS2_RC open_audit(struct cairn_tpm *tpm, struct wiping *w)
{
    enum { SET = CAIRN_PERMANENT_OWNER | CAIRN_PERMANENT_LOCKOUT };
    const TPMA_SESSION attributes = TPMA_SESSION_AUDIT | TPMA_SESSION_CONTINUESESSION;
    if ((w->permanent & SET) == 0) {
        return cairn_tpm_session_plain(tpm, TPM2_SE_HMAC, attributes, &w->audit);
    }
    cairn_tpm_thing_forget(tpm, CAIRN_THING_SRK, true);
    return cairn_tpm_session(tpm, TPM2_SE_HMAC, attributes, &w->audit);
}

static TSS2_RC audited(struct cairn_tpm *tpm, struct wiping *w)
{
    struct cairn_audit_handles nv = {0};
    CAIRN_TPM_TRY(stir(tpm, w));
    CAIRN_TPM_TRY(quote(tpm, w, &w->before_ms));
    CAIRN_TPM_TRY(lists(tpm, w, &nv));
    CAIRN_TPM_TRY(undefine_ours(tpm, w, &nv));
    CAIRN_TPM_TRY(clear(tpm, w));
    CAIRN_TPM_TRY(lists(tpm, w, &nv));
    CAIRN_TPM_TRY(derive_ak(tpm, w));
    return quote(tpm, w, &w->after_ms);
}

/* A Clear is shown by the clock falling. Right after an earlier Clear it has little to fall from: then it is left to run for
 * longer than the way from a Clear to the second quote takes here, and everything is done once more. */
static TSS2_RC shows_clear(struct cairn_tpm *tpm, const struct wiping *w)
{
    if (w->after_ms <= w->before_ms) {
        return TSS2_RC_SUCCESS;
    }
    tpm->pause_ms = (unsigned)(w->after_ms < MAX_PAUSE_MS ? w->after_ms : MAX_PAUSE_MS);
    return CAIRN_TPM_RC_CLOCK;
}

static TSS2_RC wipe_run(struct cairn_tpm *tpm, void *arg)
{
    struct wiping *w = arg;
    cairn_audit_log_clear(&w->log);
    w->audit = ESYS_TR_NONE;
    w->ak = ESYS_TR_NONE;
    if (!right_fleet(tpm, w->wipe)) {
        return CAIRN_TPM_RC_OTHER(CAIRN_THING_AK);
    }
    CAIRN_TPM_TRY(check_clear(tpm, w));
    CAIRN_TPM_TRY(find_indices(tpm, w));
    CAIRN_TPM_TRY(first_ak(tpm, w));
    CAIRN_TPM_TRY(open_audit(tpm, w));
    cairn_record_tcti_keep(tpm->record, true);
    TSS2_RC rc = audited(tpm, w);
    cairn_record_tcti_keep(tpm->record, false);
    CAIRN_TPM_TRY(rc);
    CAIRN_TPM_TRY(shows_clear(tpm, w));
    cairn_tpm_unhold(tpm, w->ak); /* both are the proof's from now on */
    cairn_tpm_unhold_session(tpm, w->audit);
    w->proof = (struct cairn_tpm_proof){.session = w->audit, .ak = w->ak, .generation = tpm->generation};
    return TSS2_RC_SUCCESS;
}

CAIRN_RC cairn_tpm_wipe_run(struct cairn_tpm *tpm, const struct cairn_tpm_wipe *wipe, struct cairn_audit_log *log,
                            struct cairn_tpm_proof **proof, struct cairn_err *err)
{
    static const struct cairn_tpm_op op = {.run = wipe_run, .task = CAIRN_TASK_WIPE};
    struct cairn_tpm_proof *made = calloc(1, sizeof *made);
    if (made == NULL) {
        return CAIRN_FAIL(err, CAIRN_E_IO, "tpm.memory", "no memory for a wipe proof");
    }
    struct wiping w = {.wipe = wipe};
    enum cairn_rc rc = cairn_tpm_run(tpm, &op, &w, err);
    if (rc != CAIRN_OK) {
        cairn_audit_log_clear(&w.log);
        free(made);
        return rc;
    }
    *made = w.proof;
    cairn_audit_log_clear(log);
    *log = w.log;
    *proof = made;
    return CAIRN_OK;
}

struct signing {
    const struct cairn_tpm_proof *proof;
    TPM2B_DATA extra;
    struct cairn_attestation out;
};

static TSS2_RC wipe_sign(struct cairn_tpm *tpm, void *arg)
{
    struct signing *s = arg;
    TPM2B_ATTEST *attest = NULL;
    TPMT_SIGNATURE *signature = NULL;
    if (s->proof->generation != tpm->generation) {
        return CAIRN_TPM_RC_PROOF;
    }
    CAIRN_TPM_TRY(Esys_GetSessionAuditDigest(tpm->esys, ESYS_TR_RH_ENDORSEMENT, s->proof->ak, s->proof->session,
                                             ESYS_TR_PASSWORD, ESYS_TR_PASSWORD, ESYS_TR_NONE, &s->extra, &key_scheme, &attest,
                                             &signature));
    return cairn_tpm_attestation_out(attest, signature, &s->out);
}

CAIRN_RC cairn_tpm_wipe_sign(struct cairn_tpm *tpm, struct cairn_tpm_proof *proof, const uint8_t extra[32],
                             struct cairn_attestation *out, struct cairn_err *err)
{
    static const struct cairn_tpm_op op = {.run = wipe_sign, .task = CAIRN_TASK_WIPE};
    struct signing s = {.proof = proof};
    if (CAIRN_TPM_BYTES_IN(cairn_span(extra, 32), &s.extra, buffer) != TSS2_RC_SUCCESS) {
        return CAIRN_FAIL(err, CAIRN_E_USAGE, "tpm.input", "extraData does not fit");
    }
    CAIRN_TRY(cairn_tpm_run(tpm, &op, &s, err));
    *out = s.out;
    return CAIRN_OK;
}

void cairn_tpm_proof_free(struct cairn_tpm *tpm, struct cairn_tpm_proof *proof)
{
    if (proof != NULL) {
        if (tpm != NULL && tpm->esys != NULL && proof->generation == tpm->generation) {
            cairn_tpm_hold(tpm, proof->ak);
            tpm->session[0] = proof->session;
            cairn_tpm_release(tpm);
        }
        free(proof);
    }
}
