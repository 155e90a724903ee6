/* tpm/vault.c -- sealing and unsealing the storage key.
 *
 * The secret goes in through TPM2_Create under a salted session that decrypts in the TPM, and comes out through a policy
 * session that is itself salted and encrypts: it is never on the wire. What ESYS kept of it is overwritten.
 */
#include <tss2/tss2_mu.h>

#include "tpm/tpm_internal.h"

struct sealing {
    struct cairn_span secret;
    const uint8_t *policy;
    struct cairn_sealed out;
};

static TSS2_RC sealed_out(const TPM2B_PRIVATE *private, const TPM2B_PUBLIC *public, struct cairn_sealed *out)
{
    struct cairn_area area = {0};
    CAIRN_TPM_TRY(cairn_tpm_public_out(public, &area));
    struct cairn_writer a = cairn_writer(out->public_area, sizeof out->public_area);
    struct cairn_writer b = cairn_writer(out->private_area, sizeof out->private_area);
    cairn_write_bytes(&a, cairn_area_span(&area));
    cairn_write_bytes(&b, cairn_span(private->buffer, private->size));
    out->public_len = a.len;
    out->private_len = b.len;
    return cairn_writer_ok(&a) && cairn_writer_ok(&b) ? TSS2_RC_SUCCESS : CAIRN_TPM_RC_SHAPE;
}

static TSS2_RC create(struct cairn_tpm *tpm, ESYS_TR srk, const struct sealing *s, TPM2B_PRIVATE **private,
                      TPM2B_PUBLIC **public)
{
    static const TPM2B_DATA outside = {0};
    static const TPML_PCR_SELECTION creation = {0};
    struct cairn_area area = {0};
    TPM2B_PUBLIC template = {0};
    TPM2B_SENSITIVE_CREATE sensitive = {0};
    ESYS_TR session = ESYS_TR_NONE;
    cairn_template_sealed(s->policy, NULL, &area);
    CAIRN_TPM_TRY(cairn_tpm_public_in(cairn_area_span(&area), &template));
    CAIRN_TPM_TRY(cairn_tpm_session(tpm, TPM2_SE_HMAC, TPMA_SESSION_DECRYPT, &session));
    TSS2_RC rc = CAIRN_TPM_BYTES_IN(s->secret, &sensitive.sensitive.data, buffer);
    if (rc == TSS2_RC_SUCCESS) {
        rc = Esys_Create(tpm->esys, srk, session, ESYS_TR_NONE, ESYS_TR_NONE, &sensitive, &template, &outside, &creation,
                         private, public, NULL, NULL, NULL);
    }
    cairn_wipe(&sensitive, sizeof sensitive);
    cairn_tpm_scrub(tpm);
    CAIRN_TPM_TRY(rc);
    cairn_tpm_session_used(tpm, session);
    return TSS2_RC_SUCCESS;
}

static TSS2_RC seal(struct cairn_tpm *tpm, void *arg)
{
    struct sealing *s = arg;
    ESYS_TR srk = ESYS_TR_NONE;
    TPM2B_PRIVATE *private = NULL;
    TPM2B_PUBLIC *public = NULL;
    CAIRN_TPM_TRY(cairn_tpm_thing_get(tpm, CAIRN_THING_SRK, false, &srk));
    CAIRN_TPM_TRY(create(tpm, srk, s, &private, &public));
    TSS2_RC rc = sealed_out(private, public, &s->out);
    Esys_Free(private);
    Esys_Free(public);
    return rc;
}

CAIRN_RC cairn_tpm_seal(struct cairn_tpm *tpm, struct cairn_span secret, const uint8_t policy[32], struct cairn_sealed *out,
                        struct cairn_err *err)
{
    static const struct cairn_tpm_op op = {.run = seal, .task = CAIRN_TASK_VAULT, .repeatable = true};
    struct sealing s = {.secret = secret, .policy = policy};
    if (secret.len == 0 || secret.len > CAIRN_TPM_SEAL_MAX) {
        return CAIRN_FAIL(err, CAIRN_E_USAGE, "tpm.seal.length", "1 to %d bytes can be sealed, not %zu", CAIRN_TPM_SEAL_MAX,
                          secret.len);
    }
    CAIRN_TRY(cairn_tpm_run(tpm, &op, &s, err));
    *out = s.out;
    return CAIRN_OK;
}

struct unsealing {
    TPM2B_PRIVATE private;
    TPM2B_PUBLIC public;
    const struct cairn_approval *approval;
    uint64_t bound;
    struct cairn_secret **out;
};

static TSS2_RC unseal(struct cairn_tpm *tpm, void *arg)
{
    struct unsealing *u = arg;
    ESYS_TR srk = ESYS_TR_NONE, object = ESYS_TR_NONE, session = ESYS_TR_NONE;
    TPMT_TK_VERIFIED ticket = {0};
    CAIRN_TPM_TRY(cairn_tpm_thing_get(tpm, CAIRN_THING_SRK, false, &srk));
    CAIRN_TPM_TRY(cairn_tpm_ticket(tpm, u->approval, &ticket));
    tpm->step = CAIRN_STEP_LOAD;
    CAIRN_TPM_TRY(Esys_Load(tpm->esys, srk, ESYS_TR_PASSWORD, ESYS_TR_NONE, ESYS_TR_NONE, &u->private, &u->public, &object));
    tpm->step = CAIRN_STEP_OTHER;
    cairn_tpm_hold(tpm, object);
    CAIRN_TPM_TRY(cairn_tpm_session(tpm, TPM2_SE_POLICY, TPMA_SESSION_ENCRYPT, &session));
    CAIRN_TPM_TRY(cairn_tpm_policy_approved(tpm, session, u->approval, &ticket));
    CAIRN_TPM_TRY(cairn_tpm_policy_nv(tpm, session, u->bound, CAIRN_EO_UNSIGNED_LE));
    return cairn_tpm_unseal_object(tpm, object, session, u->out);
}

static bool sealed_in(const struct cairn_sealed *sealed, struct unsealing *out)
{
    return sealed->public_len <= sizeof sealed->public_area && sealed->private_len <= sizeof sealed->private_area &&
           cairn_tpm_public_in(cairn_span(sealed->public_area, sealed->public_len), &out->public) == TSS2_RC_SUCCESS &&
           CAIRN_TPM_BYTES_IN(cairn_span(sealed->private_area, sealed->private_len), &out->private, buffer) == TSS2_RC_SUCCESS;
}

CAIRN_RC cairn_tpm_unseal(struct cairn_tpm *tpm, const struct cairn_sealed *sealed, const struct cairn_approval *approval,
                          uint64_t bound, struct cairn_secret **out, struct cairn_err *err)
{
    static const struct cairn_tpm_op op = {.run = unseal, .task = CAIRN_TASK_VAULT, .repeatable = true};
    struct unsealing u = {.approval = approval, .bound = bound, .out = out};
    if (!sealed_in(sealed, &u)) {
        return CAIRN_FAIL(err, CAIRN_E_REFUSED, "vault.object", "the sealed object's bytes are not an object");
    }
    return cairn_tpm_run(tpm, &op, &u, err);
}
