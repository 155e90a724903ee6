/* tpm/attest.c -- the attestation key's words: Certify, Quote, NV_Certify. One command each; the caller verifies them.
 *
 * Password sessions: the signature is what makes the answer believed, and the key has no auth value.
 */
#include "tpm/tpm_internal.h"

static const TPMT_SIG_SCHEME key_scheme = {.scheme = TPM2_ALG_NULL};

struct signing {
    TPM2B_DATA extra;
    TPML_PCR_SELECTION selection;
    struct cairn_attestation *out;
};

static TSS2_RC extra_in(const uint8_t extra[32], TPM2B_DATA *out)
{
    return CAIRN_TPM_BYTES_IN(cairn_span(extra, 32), out, buffer);
}

static TSS2_RC certify_srk(struct cairn_tpm *tpm, void *arg)
{
    struct signing *s = arg;
    ESYS_TR srk = ESYS_TR_NONE, ak = ESYS_TR_NONE;
    TPM2B_ATTEST *attest = NULL;
    TPMT_SIGNATURE *signature = NULL;
    CAIRN_TPM_TRY(cairn_tpm_thing_get(tpm, CAIRN_THING_SRK, false, &srk));
    CAIRN_TPM_TRY(cairn_tpm_ak(tpm, &ak));
    CAIRN_TPM_TRY(Esys_Certify(tpm->esys, srk, ak, ESYS_TR_PASSWORD, ESYS_TR_PASSWORD, ESYS_TR_NONE, &s->extra, &key_scheme,
                               &attest, &signature));
    return cairn_tpm_attestation_out(attest, signature, s->out);
}

CAIRN_RC cairn_tpm_certify_srk(struct cairn_tpm *tpm, const uint8_t extra[32], struct cairn_attestation *out,
                               struct cairn_err *err)
{
    static const struct cairn_tpm_op op = {.run = certify_srk, .repeatable = true};
    struct cairn_attestation made = {0};
    struct signing s = {.out = &made};
    if (extra_in(extra, &s.extra) != TSS2_RC_SUCCESS) {
        return CAIRN_FAIL(err, CAIRN_E_USAGE, "tpm.input", "extraData does not fit");
    }
    CAIRN_TRY(cairn_tpm_run(tpm, &op, &s, err));
    *out = made;
    return CAIRN_OK;
}

static TSS2_RC identify(struct cairn_tpm *tpm, void *arg)
{
    ESYS_TR ak = ESYS_TR_NONE;
    (void)arg;
    return cairn_tpm_ak(tpm, &ak);
}

CAIRN_RC cairn_tpm_identify(struct cairn_tpm *tpm, struct cairn_err *err)
{
    static const struct cairn_tpm_op op = {.run = identify, .repeatable = true};
    return cairn_tpm_run(tpm, &op, NULL, err);
}

static TSS2_RC quote(struct cairn_tpm *tpm, void *arg)
{
    struct signing *s = arg;
    ESYS_TR ak = ESYS_TR_NONE;
    TPM2B_ATTEST *attest = NULL;
    TPMT_SIGNATURE *signature = NULL;
    CAIRN_TPM_TRY(cairn_tpm_ak(tpm, &ak));
    CAIRN_TPM_TRY(Esys_Quote(tpm->esys, ak, ESYS_TR_PASSWORD, ESYS_TR_NONE, ESYS_TR_NONE, &s->extra, &key_scheme, &s->selection,
                             &attest, &signature));
    return cairn_tpm_attestation_out(attest, signature, s->out);
}

CAIRN_RC cairn_tpm_quote(struct cairn_tpm *tpm, uint32_t mask, const uint8_t extra[32], struct cairn_attestation *out,
                         struct cairn_err *err)
{
    static const struct cairn_tpm_op op = {.run = quote, .repeatable = true};
    struct cairn_attestation made = {0};
    struct signing s = {.out = &made};
    if (extra_in(extra, &s.extra) != TSS2_RC_SUCCESS || cairn_tpm_selection_in(mask, &s.selection) != TSS2_RC_SUCCESS) {
        return CAIRN_FAIL(err, CAIRN_E_USAGE, "tpm.input", "extraData or PCR selection does not fit");
    }
    CAIRN_TRY(cairn_tpm_run(tpm, &op, &s, err));
    *out = made;
    return CAIRN_OK;
}

static TSS2_RC epoch_certify(struct cairn_tpm *tpm, void *arg)
{
    struct signing *s = arg;
    ESYS_TR ak = ESYS_TR_NONE, nv = ESYS_TR_NONE;
    TPM2B_ATTEST *attest = NULL;
    TPMT_SIGNATURE *signature = NULL;
    CAIRN_TPM_TRY(cairn_tpm_thing_get(tpm, CAIRN_THING_EPOCH, false, &nv));
    CAIRN_TPM_TRY(cairn_tpm_ak(tpm, &ak));
    CAIRN_TPM_TRY(Esys_NV_Certify(tpm->esys, ak, nv, nv, ESYS_TR_PASSWORD, ESYS_TR_PASSWORD, ESYS_TR_NONE, &s->extra,
                                  &key_scheme, 8, 0, &attest, &signature));
    return cairn_tpm_attestation_out(attest, signature, s->out);
}

CAIRN_RC cairn_tpm_epoch_certify(struct cairn_tpm *tpm, const uint8_t extra[32], struct cairn_attestation *out,
                                 struct cairn_err *err)
{
    static const struct cairn_tpm_op op = {.run = epoch_certify, .task = CAIRN_TASK_EPOCH, .repeatable = true};
    struct cairn_attestation made = {0};
    struct signing s = {.out = &made};
    if (extra_in(extra, &s.extra) != TSS2_RC_SUCCESS) {
        return CAIRN_FAIL(err, CAIRN_E_USAGE, "tpm.input", "extraData does not fit");
    }
    CAIRN_TRY(cairn_tpm_run(tpm, &op, &s, err));
    *out = made;
    return CAIRN_OK;
}
