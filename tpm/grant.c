/* tpm/grant.c -- opening the import object of a grant: made in software for exactly this TPM's storage key.
 *
 * Import runs in a salted session because its answer decides what is loaded; the grant's signature says who made the object.
 * Source: TPM 2.0 Part 3, TPM2_Import; Part 1, section 23.
 */
#include "tpm/tpm_internal.h"

struct importing {
    TPM2B_PUBLIC public;
    TPM2B_PRIVATE duplicate;
    TPM2B_ENCRYPTED_SECRET seed;
    uint32_t mask;
    uint64_t from;
    struct cairn_secret **out;
};

static TSS2_RC import_object(struct cairn_tpm *tpm, ESYS_TR srk, const struct importing *i, TPM2B_PRIVATE **out)
{
    static const TPM2B_DATA no_key = {0};
    static const TPMT_SYM_DEF_OBJECT no_inner = {.algorithm = TPM2_ALG_NULL};
    ESYS_TR session = ESYS_TR_NONE;
    CAIRN_TPM_TRY(cairn_tpm_session(tpm, TPM2_SE_HMAC, TPMA_SESSION_DECRYPT | TPMA_SESSION_ENCRYPT, &session));
    tpm->step = CAIRN_STEP_LOAD;
    CAIRN_TPM_TRY(Esys_Import(tpm->esys, srk, session, ESYS_TR_NONE, ESYS_TR_NONE, &no_key, &i->public, &i->duplicate, &i->seed,
                              &no_inner, out));
    cairn_tpm_session_used(tpm, session);
    return TSS2_RC_SUCCESS;
}

static TSS2_RC import(struct cairn_tpm *tpm, void *arg)
{
    struct importing *i = arg;
    ESYS_TR srk = ESYS_TR_NONE, object = ESYS_TR_NONE, session = ESYS_TR_NONE;
    TPM2B_PRIVATE *private = NULL;
    CAIRN_TPM_TRY(cairn_tpm_thing_get(tpm, CAIRN_THING_SRK, false, &srk));
    CAIRN_TPM_TRY(import_object(tpm, srk, i, &private));
    TSS2_RC rc = Esys_Load(tpm->esys, srk, ESYS_TR_PASSWORD, ESYS_TR_NONE, ESYS_TR_NONE, private, &i->public, &object);
    Esys_Free(private);
    CAIRN_TPM_TRY(rc);
    tpm->step = CAIRN_STEP_OTHER;
    cairn_tpm_hold(tpm, object);
    CAIRN_TPM_TRY(cairn_tpm_session(tpm, TPM2_SE_POLICY, TPMA_SESSION_ENCRYPT, &session));
    CAIRN_TPM_TRY(cairn_tpm_policy_pcr(tpm, session, i->mask));
    CAIRN_TPM_TRY(cairn_tpm_policy_nv(tpm, session, i->from, CAIRN_EO_EQ));
    return cairn_tpm_unseal_object(tpm, object, session, i->out);
}

CAIRN_RC cairn_tpm_import(struct cairn_tpm *tpm, struct cairn_span public_area, struct cairn_span duplicate,
                          struct cairn_span seed, uint32_t mask, uint64_t from, struct cairn_secret **out,
                          struct cairn_err *err)
{
    static const struct cairn_tpm_op op = {.run = import, .task = CAIRN_TASK_GRANT, .repeatable = true};
    struct importing i = {.mask = mask, .from = from, .out = out};
    if (cairn_tpm_public_in(public_area, &i.public) != TSS2_RC_SUCCESS ||
        CAIRN_TPM_BYTES_IN(duplicate, &i.duplicate, buffer) != TSS2_RC_SUCCESS ||
        CAIRN_TPM_BYTES_IN(seed, &i.seed, secret) != TSS2_RC_SUCCESS) {
        return CAIRN_FAIL(err, CAIRN_E_REFUSED, "grant.object", "the grant's import object is not an object");
    }
    return cairn_tpm_run(tpm, &op, &i, err);
}
