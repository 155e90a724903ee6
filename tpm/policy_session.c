/* tpm/policy_session.c -- the parts of a policy session, in the only order the TPM takes them: PolicyPCR, PolicyAuthorize,
 * PolicyNV, then at once the command they are for, so that a PCR extended meanwhile costs a repeat and nothing else.
 *
 * Source: TPM 2.0 Part 3, section 23 (enhanced authorization), TPM2_VerifySignature (tickets).
 */
#include "tpm/tpm_internal.h"

static TSS2_RC signature_in(const struct cairn_approval *approval, TPMT_SIGNATURE *out)
{
    TPMT_SIGNATURE s = {.sigAlg = TPM2_ALG_ECDSA};
    s.signature.ecdsa.hash = TPM2_ALG_SHA256;
    CAIRN_TPM_TRY(CAIRN_TPM_BYTES_IN(cairn_span(approval->rs, 32), &s.signature.ecdsa.signatureR, buffer));
    CAIRN_TPM_TRY(CAIRN_TPM_BYTES_IN(cairn_span(approval->rs + 32, 32), &s.signature.ecdsa.signatureS, buffer));
    *out = s;
    return TSS2_RC_SUCCESS;
}

/* LoadExternal, VerifySignature, Flush. The hierarchy is the owner's: a ticket of the null hierarchy is empty. */
static TSS2_RC verify(struct cairn_tpm *tpm, const struct cairn_approval *approval, const uint8_t digest[32],
                      TPMT_TK_VERIFIED *out)
{
    struct cairn_area area = {0};
    TPM2B_PUBLIC public = {0};
    TPM2B_DIGEST signed_digest = {0};
    TPMT_SIGNATURE signature = {0};
    TPMT_TK_VERIFIED *ticket = NULL;
    ESYS_TR key = ESYS_TR_NONE;
    cairn_template_pcrpolicy(&approval->signer, &area);
    CAIRN_TPM_TRY(cairn_tpm_public_in(cairn_area_span(&area), &public));
    CAIRN_TPM_TRY(CAIRN_TPM_BYTES_IN(cairn_span(digest, 32), &signed_digest, buffer));
    CAIRN_TPM_TRY(signature_in(approval, &signature));
    CAIRN_TPM_TRY(
        Esys_LoadExternal(tpm->esys, ESYS_TR_NONE, ESYS_TR_NONE, ESYS_TR_NONE, NULL, &public, ESYS_TR_RH_OWNER, &key));
    cairn_tpm_hold(tpm, key);
    tpm->step = CAIRN_STEP_VERIFY;
    CAIRN_TPM_TRY(
        Esys_VerifySignature(tpm->esys, key, ESYS_TR_NONE, ESYS_TR_NONE, ESYS_TR_NONE, &signed_digest, &signature, &ticket));
    tpm->step = CAIRN_STEP_OTHER;
    *out = *ticket;
    Esys_Free(ticket);
    cairn_tpm_flush(tpm, key);
    return TSS2_RC_SUCCESS;
}

TSS2_RC cairn_tpm_ticket(struct cairn_tpm *tpm, const struct cairn_approval *approval, TPMT_TK_VERIFIED *out)
{
    uint8_t digest[32], id[32];
    uint8_t spki[CAIRN_SPKI_LEN];
    CAIRN_TPM_TRY(cairn_tpm_core(tpm, cairn_policy_approval_digest(approval->approved, approval->ref, digest, tpm->err)));
    cairn_spki_encode(&approval->signer, spki);
    const struct cairn_span parts[] = {CAIRN_SPAN(digest), CAIRN_SPAN(spki)};
    CAIRN_TPM_TRY(cairn_tpm_core(tpm, cairn_hash_parts(CAIRN_SHA256, parts, CAIRN_ARRAY_LEN(parts), id, tpm->err)));
    if (cairn_tpm_cache_ticket(tpm, id, out)) {
        tpm->ticket_cached = true;
        return TSS2_RC_SUCCESS;
    }
    CAIRN_TPM_TRY(verify(tpm, approval, digest, out));
    cairn_tpm_cache_store_ticket(tpm, id, out);
    return TSS2_RC_SUCCESS;
}

TSS2_RC cairn_tpm_policy_pcr(struct cairn_tpm *tpm, ESYS_TR session, uint32_t mask)
{
    static const TPM2B_DIGEST current = {0};
    TPML_PCR_SELECTION selection = {0};
    CAIRN_TPM_TRY(cairn_tpm_selection_in(mask, &selection));
    return Esys_PolicyPCR(tpm->esys, session, ESYS_TR_NONE, ESYS_TR_NONE, ESYS_TR_NONE, &current, &selection);
}

TSS2_RC cairn_tpm_policy_approved(struct cairn_tpm *tpm, ESYS_TR session, const struct cairn_approval *approval,
                                  const TPMT_TK_VERIFIED *ticket)
{
    struct cairn_area area = {0};
    struct cairn_name name = {0};
    TPM2B_DIGEST approved = {0};
    TPM2B_NONCE ref = {0};
    TPM2B_NAME signer = {0};
    cairn_template_pcrpolicy(&approval->signer, &area);
    CAIRN_TPM_TRY(cairn_tpm_core(tpm, cairn_name_compute(cairn_area_span(&area), &name, tpm->err)));
    CAIRN_TPM_TRY(CAIRN_TPM_BYTES_IN(cairn_name_span(&name), &signer, name));
    CAIRN_TPM_TRY(CAIRN_TPM_BYTES_IN(CAIRN_SPAN(approval->approved), &approved, buffer));
    CAIRN_TPM_TRY(CAIRN_TPM_BYTES_IN(CAIRN_SPAN(approval->ref), &ref, buffer));
    CAIRN_TPM_TRY(cairn_tpm_policy_pcr(tpm, session, approval->mask));
    tpm->step = CAIRN_STEP_AUTHORIZE;
    CAIRN_TPM_TRY(
        Esys_PolicyAuthorize(tpm->esys, session, ESYS_TR_NONE, ESYS_TR_NONE, ESYS_TR_NONE, &approved, &ref, &signer, ticket));
    tpm->step = CAIRN_STEP_OTHER;
    return TSS2_RC_SUCCESS;
}

TSS2_RC cairn_tpm_policy_nv(struct cairn_tpm *tpm, ESYS_TR session, uint64_t operand, enum cairn_policy_op op)
{
    TPM2B_OPERAND limit = {.size = 8};
    ESYS_TR epoch = ESYS_TR_NONE;
    struct cairn_writer w = cairn_writer(limit.buffer, 8);
    cairn_write_u64(&w, operand);
    CAIRN_TPM_TRY(cairn_tpm_thing_get(tpm, CAIRN_THING_EPOCH, false, &epoch));
    tpm->step = CAIRN_STEP_NV;
    CAIRN_TPM_TRY(
        Esys_PolicyNV(tpm->esys, epoch, epoch, session, ESYS_TR_PASSWORD, ESYS_TR_NONE, ESYS_TR_NONE, &limit, 0, (TPM2_EO)op));
    tpm->step = CAIRN_STEP_OTHER;
    return TSS2_RC_SUCCESS;
}

TSS2_RC cairn_tpm_unseal_object(struct cairn_tpm *tpm, ESYS_TR object, ESYS_TR session, struct cairn_secret **out)
{
    TPM2B_SENSITIVE_DATA *data = NULL;
    tpm->step = CAIRN_STEP_USE;
    CAIRN_TPM_TRY(Esys_Unseal(tpm->esys, object, session, ESYS_TR_NONE, ESYS_TR_NONE, &data));
    tpm->step = CAIRN_STEP_OTHER;
    cairn_tpm_session_used(tpm, session);
    enum cairn_rc rc = data->size == 0 ? CAIRN_FAIL(tpm->err, CAIRN_E_TPM, "tpm.response", "an empty object was unsealed")
                                       : cairn_secret_copy(cairn_span(data->buffer, data->size), out, tpm->err);
    cairn_wipe(data, sizeof *data);
    Esys_Free(data);
    cairn_tpm_scrub(tpm);
    return cairn_tpm_core(tpm, rc);
}
