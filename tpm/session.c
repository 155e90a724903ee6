/* tpm/session.c -- sessions: salted to the pinned SRK, one for each command.
 *
 * Never reused: after a failed command ESYS silently stops encrypting. Without CONTINUESESSION the TPM frees a session with
 * the command that succeeds; its number may belong to somebody else at once, so a used one is closed here, never flushed.
 *
 * The attestation key of a wiped device can still be challenged, but its SRK is gone: only then, and for a configured
 * hierarchy auth before there is an SRK at all, is an unsalted session made. Its bind entity is TPM_RH_NULL: with none, ESYS
 * would reuse the salt of an earlier StartAuthSession that failed.
 *
 * Source: TPM 2.0 Part 1, sections 17.6 (sessions), 19 (parameter encryption).
 */
#include <string.h>

#include "tpm/tpm_internal.h"

static const TPMT_SYM_DEF aes128_cfb = {.algorithm = TPM2_ALG_AES, .keyBits = {.aes = 128}, .mode = {.aes = TPM2_ALG_CFB}};
static const TPMT_SYM_DEF no_cipher = {.algorithm = TPM2_ALG_NULL};

static TSS2_RC start(struct cairn_tpm *tpm, ESYS_TR salt_key, TPM2_SE type, TPMA_SESSION attributes, ESYS_TR *out)
{
    bool plain = salt_key == ESYS_TR_NONE;
    ESYS_TR session = ESYS_TR_NONE;
    CAIRN_TPM_TRY(Esys_StartAuthSession(tpm->esys, salt_key, plain ? ESYS_TR_RH_NULL : ESYS_TR_NONE, ESYS_TR_NONE, ESYS_TR_NONE,
                                        ESYS_TR_NONE, NULL, type, plain ? &no_cipher : &aes128_cfb, TPM2_ALG_SHA256, &session));
    tpm->session[tpm->session[0] == ESYS_TR_NONE ? 0 : 1] = session;
    CAIRN_TPM_TRY(Esys_TRSess_SetAttributes(tpm->esys, session, attributes, 0xff));
    *out = session;
    return TSS2_RC_SUCCESS;
}

TSS2_RC cairn_tpm_session(struct cairn_tpm *tpm, TPM2_SE type, TPMA_SESSION attributes, ESYS_TR *out)
{
    ESYS_TR srk = ESYS_TR_NONE;
    struct cairn_name name = {0};
    CAIRN_TPM_TRY(cairn_tpm_thing_get(tpm, CAIRN_THING_SRK, false, &srk));
    CAIRN_TPM_TRY(cairn_tpm_name(tpm, srk, &name));
    if (!cairn_name_equal(&name, &tpm->pins.srk)) {
        return CAIRN_TPM_RC_OTHER(CAIRN_THING_SRK);
    }
    return start(tpm, srk, type, attributes, out);
}

TSS2_RC cairn_tpm_session_plain(struct cairn_tpm *tpm, TPM2_SE type, TPMA_SESSION attributes, ESYS_TR *out)
{
    return start(tpm, ESYS_TR_NONE, type, attributes, out);
}

void cairn_tpm_session_used(struct cairn_tpm *tpm, ESYS_TR session)
{
    if (session != ESYS_TR_PASSWORD && session != ESYS_TR_NONE) {
        cairn_tpm_unhold_session(tpm, session);
        (void)Esys_TR_Close(tpm->esys, &session);
    }
}

TSS2_RC cairn_tpm_hierarchy_session(struct cairn_tpm *tpm, ESYS_TR hierarchy, ESYS_TR *out)
{
    if (cairn_tpm_auth(tpm, hierarchy) == NULL) {
        *out = ESYS_TR_PASSWORD;
        return TSS2_RC_SUCCESS;
    }
    if (cairn_name_is_none(&tpm->pins.srk)) {
        return cairn_tpm_session_plain(tpm, TPM2_SE_HMAC, 0, out);
    }
    return cairn_tpm_session(tpm, TPM2_SE_HMAC, 0, out);
}

/* Both calls fail, but only after ESYS has copied the zeros over what it kept: the first fills the command buffer, the second
 * the saved inputs of Create. This relies on ESYS internals, so a test scans the memory of the process. */
void cairn_tpm_scrub(struct cairn_tpm *tpm)
{
    static const TPM2B_SENSITIVE_DATA zeros = {.size = 128};
    static const TPM2B_SENSITIVE_CREATE nothing = {.sensitive = {.data = {.size = 128}}};
    static const TPM2B_PUBLIC public = {.publicArea = {.type = TPM2_ALG_KEYEDHASH, .nameAlg = TPM2_ALG_SHA256}};
    static const TPM2B_DATA outside = {0};
    static const TPML_PCR_SELECTION creation = {0};
    if (tpm->esys == NULL) {
        return;
    }
    (void)Esys_StirRandom_Async(tpm->esys, ESYS_TR_RH_OWNER, ESYS_TR_NONE, ESYS_TR_NONE, &zeros);
    (void)Esys_CreatePrimary_Async(tpm->esys, 0xfffff0, ESYS_TR_PASSWORD, ESYS_TR_NONE, ESYS_TR_NONE, &nothing, &public,
                                   &outside, &creation);
}
