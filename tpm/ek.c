/* tpm/ek.c -- the endorsement key's part in enrolment: its certificates in NV, and the answer to a credential.
 *
 * Certificates are read without authentication: their chain is what makes them believed. The recovered secret is not on the
 * wire: the endorsement key's policy session is itself salted to the pinned SRK and encrypts. After a Clear there is no SRK;
 * the session is then unsalted and the secret of that one credential can be read on the bus. That is acceptable only there: it
 * opens nothing and only answers who the retired device was.
 *
 * Source: TCG EK Credential Profile 2.5, sections 2.2.1.4 (NV indices), B.3 (template L-2, PolicyA).
 */
#include <stdlib.h>

#include "tpm/tpm_internal.h"

enum { CERT_FIRST = 0x01C00002, CERT_LAST = 0x01C0001F, CERT_MAX = 8192, CHUNK_MIN = 512 };

struct certs {
    CAIRN_RC (*each)(void *arg, uint32_t index, struct cairn_span der, struct cairn_err *err);
    void *arg;
    struct cairn_audit_handles list;
    uint32_t chunk;
};

struct cert {
    uint32_t index;
    uint32_t chunk;
    struct cairn_buf der;
};

static TSS2_RC list_certs(struct cairn_tpm *tpm, void *arg)
{
    struct certs *certs = arg;
    TPML_TAGGED_TPM_PROPERTY max = {0};
    CAIRN_TPM_TRY(cairn_tpm_list(tpm, CERT_FIRST, &certs->list));
    CAIRN_TPM_TRY(cairn_tpm_properties(tpm, TPM2_PT_NV_BUFFER_MAX, 1, &max));
    bool known = max.count == 1 && max.tpmProperty[0].property == TPM2_PT_NV_BUFFER_MAX;
    uint32_t chunk = known ? max.tpmProperty[0].value : CHUNK_MIN;
    certs->chunk = chunk == 0 || chunk > TPM2_MAX_NV_BUFFER_SIZE ? CHUNK_MIN : chunk;
    return TSS2_RC_SUCCESS;
}

static TSS2_RC read_chunks(struct cairn_tpm *tpm, ESYS_TR nv, uint16_t size, struct cert *cert)
{
    while (cert->der.len < size) {
        uint32_t left = size - (uint32_t)cert->der.len;
        uint32_t want = left < cert->chunk ? left : cert->chunk;
        TPM2B_MAX_NV_BUFFER *part = NULL;
        CAIRN_TPM_TRY(Esys_NV_Read(tpm->esys, nv, nv, ESYS_TR_PASSWORD, ESYS_TR_NONE, ESYS_TR_NONE, (uint16_t)want,
                                   (uint16_t)cert->der.len, &part));
        enum cairn_rc rc = cairn_buf_append(&cert->der, cairn_span(part->buffer, part->size), tpm->err);
        bool whole = part->size == want;
        Esys_Free(part);
        CAIRN_TPM_TRY(cairn_tpm_core(tpm, rc));
        if (!whole) {
            return CAIRN_TPM_RC_SHAPE;
        }
    }
    return TSS2_RC_SUCCESS;
}

static TSS2_RC read_cert(struct cairn_tpm *tpm, void *arg)
{
    struct cert *cert = arg;
    ESYS_TR nv = ESYS_TR_NONE;
    TPM2B_NV_PUBLIC *public = NULL;
    TPM2B_NAME *name = NULL;
    cairn_buf_clear(&cert->der);
    CAIRN_TPM_TRY(Esys_TR_FromTPMPublic(tpm->esys, cert->index, ESYS_TR_NONE, ESYS_TR_NONE, ESYS_TR_NONE, &nv));
    TSS2_RC rc = Esys_NV_ReadPublic(tpm->esys, nv, ESYS_TR_NONE, ESYS_TR_NONE, ESYS_TR_NONE, &public, &name);
    if (rc == TSS2_RC_SUCCESS) {
        uint16_t size = public->nvPublic.dataSize;
        bool readable = (public->nvPublic.attributes & TPMA_NV_WRITTEN) != 0 && size <= CERT_MAX;
        Esys_Free(public);
        Esys_Free(name);
        rc = readable ? read_chunks(tpm, nv, size, cert) : TSS2_RC_SUCCESS;
    }
    (void)Esys_TR_Close(tpm->esys, &nv);
    return rc;
}

static enum cairn_rc one_cert(struct cairn_tpm *tpm, const struct certs *certs, uint32_t index, struct cairn_err *err)
{
    static const struct cairn_tpm_op op = {.run = read_cert, .repeatable = true};
    struct cert cert = {.index = index, .chunk = certs->chunk};
    enum cairn_rc rc = cairn_tpm_run(tpm, &op, &cert, err);
    if (rc == CAIRN_OK && cert.der.len > 0) {
        rc = certs->each(certs->arg, index, cairn_buf_span(&cert.der), err);
    }
    cairn_buf_clear(&cert.der);
    return rc;
}

CAIRN_RC cairn_tpm_ek_certs(struct cairn_tpm *tpm,
                            CAIRN_RC (*each)(void *arg, uint32_t index, struct cairn_span der, struct cairn_err *err),
                            void *arg, struct cairn_err *err)
{
    static const struct cairn_tpm_op op = {.run = list_certs, .repeatable = true};
    struct certs certs = {.each = each, .arg = arg};
    CAIRN_TRY(cairn_tpm_run(tpm, &op, &certs, err));
    for (size_t i = 0; i < certs.list.num; i++) {
        uint32_t index = certs.list.handle[i];
        if (index >= CERT_FIRST && index <= CERT_LAST) {
            CAIRN_TRY(one_cert(tpm, &certs, index, err));
        }
    }
    return CAIRN_OK;
}

struct activation {
    TPM2B_ID_OBJECT credential;
    TPM2B_ENCRYPTED_SECRET seed;
    struct cairn_secret **out;
};

static TSS2_RC make_ek(struct cairn_tpm *tpm, ESYS_TR *out)
{
    static const TPM2B_SENSITIVE_CREATE nothing = {0};
    static const TPM2B_DATA outside = {0};
    static const TPML_PCR_SELECTION creation = {0};
    struct cairn_area area = {0};
    TPM2B_PUBLIC template = {0};
    ESYS_TR session = ESYS_TR_NONE, ek = ESYS_TR_NONE;
    cairn_template_ek(NULL, &area);
    CAIRN_TPM_TRY(cairn_tpm_public_in(cairn_area_span(&area), &template));
    CAIRN_TPM_TRY(cairn_tpm_hierarchy_session(tpm, ESYS_TR_RH_ENDORSEMENT, &session));
    tpm->step = CAIRN_STEP_HIERARCHY;
    CAIRN_TPM_TRY(Esys_CreatePrimary(tpm->esys, ESYS_TR_RH_ENDORSEMENT, session, ESYS_TR_NONE, ESYS_TR_NONE, &nothing,
                                     &template, &outside, &creation, &ek, NULL, NULL, NULL, NULL));
    tpm->step = CAIRN_STEP_OTHER;
    cairn_tpm_session_used(tpm, session);
    cairn_tpm_hold(tpm, ek);
    *out = ek;
    return TSS2_RC_SUCCESS;
}

/* PolicySecret(endorsement): TCG's PolicyA. */
static TSS2_RC ek_session(struct cairn_tpm *tpm, ESYS_TR *out)
{
    ESYS_TR policy = ESYS_TR_NONE, auth = ESYS_TR_NONE;
    CAIRN_TPM_TRY(tpm->cleared ? cairn_tpm_session_plain(tpm, TPM2_SE_POLICY, 0, &policy)
                               : cairn_tpm_session(tpm, TPM2_SE_POLICY, TPMA_SESSION_ENCRYPT, &policy));
    CAIRN_TPM_TRY(cairn_tpm_hierarchy_session(tpm, ESYS_TR_RH_ENDORSEMENT, &auth));
    tpm->step = CAIRN_STEP_HIERARCHY;
    CAIRN_TPM_TRY(Esys_PolicySecret(tpm->esys, ESYS_TR_RH_ENDORSEMENT, policy, auth, ESYS_TR_NONE, ESYS_TR_NONE, NULL, NULL,
                                    NULL, 0, NULL, NULL));
    tpm->step = CAIRN_STEP_OTHER;
    cairn_tpm_session_used(tpm, auth);
    *out = policy;
    return TSS2_RC_SUCCESS;
}

static TSS2_RC activate(struct cairn_tpm *tpm, void *arg)
{
    struct activation *a = arg;
    ESYS_TR ak = ESYS_TR_NONE, ek = ESYS_TR_NONE, session = ESYS_TR_NONE;
    TPM2B_DIGEST *secret = NULL;
    CAIRN_TPM_TRY(cairn_tpm_ak(tpm, &ak));
    CAIRN_TPM_TRY(make_ek(tpm, &ek));
    CAIRN_TPM_TRY(ek_session(tpm, &session));
    tpm->step = CAIRN_STEP_USE;
    CAIRN_TPM_TRY(
        Esys_ActivateCredential(tpm->esys, ak, ek, ESYS_TR_PASSWORD, session, ESYS_TR_NONE, &a->credential, &a->seed, &secret));
    tpm->step = CAIRN_STEP_OTHER;
    cairn_tpm_session_used(tpm, session);
    enum cairn_rc rc = cairn_secret_copy(cairn_span(secret->buffer, secret->size), a->out, tpm->err);
    cairn_wipe(secret, sizeof *secret);
    Esys_Free(secret);
    cairn_tpm_scrub(tpm);
    return cairn_tpm_core(tpm, rc);
}

CAIRN_RC cairn_tpm_activate(struct cairn_tpm *tpm, struct cairn_span credential, struct cairn_span seed,
                            struct cairn_secret **out, struct cairn_err *err)
{
    static const struct cairn_tpm_op op = {.run = activate, .task = CAIRN_TASK_ACTIVATE, .repeatable = true};
    struct activation a = {.out = out};
    if (CAIRN_TPM_BYTES_IN(credential, &a.credential, credential) != TSS2_RC_SUCCESS ||
        CAIRN_TPM_BYTES_IN(seed, &a.seed, secret) != TSS2_RC_SUCCESS) {
        return CAIRN_FAIL(err, CAIRN_E_REFUSED, "credential.other", "the credential is longer than any TPM's");
    }
    return cairn_tpm_run(tpm, &op, &a, err);
}
