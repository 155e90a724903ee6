/* tpm/marshal.c -- our bytes as TSS structures and back.
 *
 * The TSS accepts trailing bytes; here the offset has to be the length. Source: TPM 2.0 Part 2.
 */
#include <tss2/tss2_mu.h>

#include "tpm/tpm_internal.h"

TSS2_RC cairn_tpm_public_in(struct cairn_span area, TPM2B_PUBLIC *out)
{
    TPM2B_PUBLIC public = {0};
    size_t used = 0;
    if (Tss2_MU_TPMT_PUBLIC_Unmarshal(area.p, area.len, &used, &public.publicArea) != TSS2_RC_SUCCESS || used != area.len) {
        return CAIRN_TPM_RC_INPUT;
    }
    *out = public;
    return TSS2_RC_SUCCESS;
}

TSS2_RC cairn_tpm_public_out(const TPM2B_PUBLIC *in, struct cairn_area *out)
{
    struct cairn_area area = {0};
    CAIRN_TPM_TRY(Tss2_MU_TPMT_PUBLIC_Marshal(&in->publicArea, area.bytes, sizeof area.bytes, &area.len));
    *out = area;
    return TSS2_RC_SUCCESS;
}

TSS2_RC cairn_tpm_nv_in(const struct cairn_area *area, TPM2B_NV_PUBLIC *out)
{
    TPM2B_NV_PUBLIC public = {0};
    size_t used = 0;
    if (Tss2_MU_TPMS_NV_PUBLIC_Unmarshal(area->bytes, area->len, &used, &public.nvPublic) != TSS2_RC_SUCCESS ||
        used != area->len) {
        return CAIRN_TPM_RC_INPUT;
    }
    *out = public;
    return TSS2_RC_SUCCESS;
}

TSS2_RC cairn_tpm_nv_out(const TPM2B_NV_PUBLIC *in, struct cairn_area *out)
{
    struct cairn_area area = {0};
    CAIRN_TPM_TRY(Tss2_MU_TPMS_NV_PUBLIC_Marshal(&in->nvPublic, area.bytes, sizeof area.bytes, &area.len));
    *out = area;
    return TSS2_RC_SUCCESS;
}

TSS2_RC cairn_tpm_bytes_in(struct cairn_span bytes, uint16_t *size, uint8_t *buffer, size_t cap)
{
    struct cairn_writer w = cairn_writer(buffer, cap);
    cairn_write_bytes(&w, bytes);
    if (!cairn_writer_ok(&w) || bytes.len > UINT16_MAX) {
        return CAIRN_TPM_RC_INPUT;
    }
    *size = (uint16_t)bytes.len;
    return TSS2_RC_SUCCESS;
}

TSS2_RC cairn_tpm_selection_in(uint32_t mask, TPML_PCR_SELECTION *out)
{
    uint8_t bytes[CAIRN_SELECTION_LEN];
    TPML_PCR_SELECTION selection = {0};
    size_t used = 0;
    cairn_selection_marshal(mask, bytes);
    CAIRN_TPM_TRY(Tss2_MU_TPML_PCR_SELECTION_Unmarshal(bytes, sizeof bytes, &used, &selection));
    *out = selection;
    return TSS2_RC_SUCCESS;
}

static TSS2_RC attestation_out(const TPM2B_ATTEST *attest, const TPMT_SIGNATURE *signature, struct cairn_attestation *out)
{
    struct cairn_writer w = cairn_writer(out->attest, sizeof out->attest);
    cairn_write_bytes(&w, cairn_span(attest->attestationData, attest->size));
    if (!cairn_writer_ok(&w)) {
        return CAIRN_TPM_RC_SHAPE;
    }
    out->attest_len = attest->size;
    out->signature_len = 0;
    return Tss2_MU_TPMT_SIGNATURE_Marshal(signature, out->signature, sizeof out->signature, &out->signature_len) ==
                   TSS2_RC_SUCCESS
               ? TSS2_RC_SUCCESS
               : CAIRN_TPM_RC_SHAPE;
}

TSS2_RC cairn_tpm_attestation_out(TPM2B_ATTEST *attest, TPMT_SIGNATURE *signature, struct cairn_attestation *out)
{
    TSS2_RC rc = attestation_out(attest, signature, out);
    Esys_Free(attest);
    Esys_Free(signature);
    return rc;
}
