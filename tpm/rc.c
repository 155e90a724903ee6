/* tpm/rc.c -- what a response code means: one table, from the most particular row to the most general.
 *
 * Source: TPM 2.0 Part 2, section 6.6 (response codes); TSS 2.0 overview, section 6 (layers).
 */
#include <tss2/tss2_rc.h>

#include "tpm/tpm_internal.h"

/* How a row's value is compared. Format-one codes carry a parameter, handle or session number that is mostly noise. */
enum match {
    EXACT, /* the whole code */
    BASE,  /* the error number of a format-one code */
    PARAM, /* any complaint about a parameter */
    LAYER, /* any code of this layer */
};

struct row {
    enum cairn_tpm_task task; /* OTHER: any */
    enum cairn_tpm_step step; /* OTHER: any */
    enum match match;
    TSS2_RC value;
    enum cairn_rc class;
    const char *code;
    const char *sentence;
};

#define TASK(t) CAIRN_TASK_##t
#define STEP(s) CAIRN_STEP_##s
#define ANY     CAIRN_TASK_OTHER, CAIRN_STEP_OTHER

static const struct row table[] = {
    {ANY, EXACT, CAIRN_TPM_RC_OTHER(CAIRN_THING_SRK), CAIRN_E_TPM, "tpm.srk.other",
     "the storage key at its handle is not the one this device was enrolled with"},
    {ANY, EXACT, CAIRN_TPM_RC_MISSING(CAIRN_THING_SRK), CAIRN_E_TPM, "tpm.srk.other",
     "there is no storage key at its handle: the TPM was cleared, or this is another TPM"},
    {ANY, EXACT, CAIRN_TPM_RC_OTHER(CAIRN_THING_AK), CAIRN_E_TPM, "tpm.ak.other",
     "the attestation key at its handle is not the one this device was enrolled with"},
    {ANY, EXACT, CAIRN_TPM_RC_MISSING(CAIRN_THING_AK), CAIRN_E_TPM, "tpm.ak.other",
     "there is no attestation key at its handle: the TPM was cleared, or this is another TPM"},
    {ANY, EXACT, CAIRN_TPM_RC_OTHER(CAIRN_THING_EPOCH), CAIRN_E_TPM, "tpm.epoch.other",
     "the NV index at the epoch's handle is not this device's epoch counter"},
    {ANY, EXACT, CAIRN_TPM_RC_MISSING(CAIRN_THING_EPOCH), CAIRN_E_TPM, "tpm.epoch.absent", "there is no epoch counter"},
    {ANY, EXACT, CAIRN_TPM_RC_OTHER(CAIRN_THING_ANCHOR0), CAIRN_E_TPM, "tpm.anchor.other",
     "the NV index at state anchor 0 is not this device's"},
    {ANY, EXACT, CAIRN_TPM_RC_OTHER(CAIRN_THING_ANCHOR1), CAIRN_E_TPM, "tpm.anchor.other",
     "the NV index at state anchor 1 is not this device's"},
    {ANY, EXACT, CAIRN_TPM_RC_MISSING(CAIRN_THING_ANCHOR0), CAIRN_E_TPM, "tpm.anchor.absent", "there is no state anchor 0"},
    {ANY, EXACT, CAIRN_TPM_RC_MISSING(CAIRN_THING_ANCHOR1), CAIRN_E_TPM, "tpm.anchor.absent", "there is no state anchor 1"},
    {ANY, EXACT, CAIRN_TPM_RC_UNWRITTEN, CAIRN_E_TPM, "tpm.anchor.unwritten", "the state anchor was never written"},
    {ANY, EXACT, CAIRN_TPM_RC_UNPINNED, CAIRN_E_USAGE, "tpm.unpinned", "the key or index was used before its Name was pinned"},
    {ANY, EXACT, CAIRN_TPM_RC_ABSENT, CAIRN_E_TPM, "tpm.absent",
     "no TPM answers: is /dev/tpmrm0 there, may this user open it, and is `tcti` right?"},
    {ANY, EXACT, CAIRN_TPM_RC_USED, CAIRN_E_TPM, "tpm.handle.used",
     "a foreign key holds the handle configured for the attestation key: configure another one"},
    {ANY, EXACT, CAIRN_TPM_RC_RETURNS, CAIRN_E_TPM, "tpm.counter.returns",
     "this TPM gives a redefined counter an old value: what was killed could come back, so it cannot be used"},
    {ANY, EXACT, CAIRN_TPM_RC_DISABLED, CAIRN_E_TPM, "wipe.clear.disabled",
     "TPM2_Clear is disabled: only the platform's firmware can enable it"},
    {ANY, EXACT, CAIRN_TPM_RC_LOCKOUTPW, CAIRN_E_TPM, "wipe.clear.auth", "lockoutAuth is set and not configured"},
    {ANY, EXACT, CAIRN_TPM_RC_PROOF, CAIRN_E_TPM, "wipe.proof.lost", "the audit session is gone: repeat the wipe run"},
    {ANY, EXACT, CAIRN_TPM_RC_SHAPE, CAIRN_E_TPM, "tpm.response", "the TPM's answer makes no sense"},
    {ANY, EXACT, CAIRN_TPM_RC_INPUT, CAIRN_E_FORMAT, "tpm.input", "the bytes given are not the TPM structure they should be"},
    {ANY, EXACT, CAIRN_TPM_RC_SLOTS, CAIRN_E_TPM, "tpm.handles", "no free handle or index is left in the range Cairn uses"},
    {ANY, EXACT, CAIRN_TPM_RC_BANK, CAIRN_E_TPM, "tpm.bank", "a PCR bank with an unknown hash is active"},

    {ANY, EXACT, CAIRN_TPM_RC_CLOCK, CAIRN_E_TPM, "wipe.clock", "the TPM's clock does not show the Clear"},

    {TASK(WIPE), STEP(CLEAR), EXACT, TPM2_RC_DISABLED, CAIRN_E_TPM, "wipe.clear.disabled",
     "TPM2_Clear is disabled: only the platform's firmware can enable it"},
    {TASK(WIPE), STEP(CLEAR), BASE, TPM2_RC_AUTH_FAIL, CAIRN_E_TPM, "wipe.clear.auth", "the configured lockoutAuth is wrong"},
    {TASK(WIPE), STEP(CLEAR), BASE, TPM2_RC_BAD_AUTH, CAIRN_E_TPM, "wipe.clear.auth", "the configured lockoutAuth is wrong"},
    {TASK(OTHER), STEP(HIERARCHY), BASE, TPM2_RC_BAD_AUTH, CAIRN_E_TPM, "tpm.taken",
     "a hierarchy has an auth value that is not, or wrongly, configured"},
    {TASK(OTHER), STEP(HIERARCHY), BASE, TPM2_RC_AUTH_FAIL, CAIRN_E_TPM, "tpm.taken",
     "a hierarchy has an auth value that is not, or wrongly, configured"},
    {TASK(OTHER), STEP(HIERARCHY), EXACT, TPM2_RC_AUTH_UNAVAILABLE, CAIRN_E_TPM, "tpm.taken",
     "a hierarchy cannot be authorised with a value"},
    {TASK(OTHER), STEP(HIERARCHY), BASE, TPM2_RC_HIERARCHY, CAIRN_E_TPM, "tpm.taken", "a hierarchy is switched off"},

    {TASK(OTHER), STEP(VERIFY), BASE, TPM2_RC_SIGNATURE, CAIRN_E_REFUSED, "approval.signature",
     "the PCR policy is not signed by the pcrpolicy key"},
    {TASK(VAULT), STEP(AUTHORIZE), EXACT, TPM2_RC_VALUE + TPM2_RC_P + TPM2_RC_1, CAIRN_E_REFUSED, "vault.boot",
     "the PCRs are not the approved ones: another boot state, or a new approval is needed"},
    {TASK(ANCHOR), STEP(AUTHORIZE), EXACT, TPM2_RC_VALUE + TPM2_RC_P + TPM2_RC_1, CAIRN_E_REFUSED, "state.boot",
     "the PCRs are not the approved ones: this boot state cannot write the state anchor"},
    {TASK(VAULT), STEP(NV), EXACT, TPM2_RC_POLICY, CAIRN_E_REFUSED, "vault.epoch",
     "the epoch counter is past the bound: what was sealed is dead for ever"},
    {TASK(GRANT), STEP(NV), EXACT, TPM2_RC_POLICY, CAIRN_E_REFUSED, "grant.epoch", "the grant is for another epoch"},
    {TASK(VAULT), STEP(USE), BASE, TPM2_RC_POLICY_FAIL, CAIRN_E_REFUSED, "vault.policy",
     "the object's policy is not the one that was run: another floor, key or bound"},
    {TASK(GRANT), STEP(USE), BASE, TPM2_RC_POLICY_FAIL, CAIRN_E_REFUSED, "grant.boot",
     "the PCRs are not the ones the grant was made for"},
    {TASK(ANCHOR), STEP(USE), BASE, TPM2_RC_POLICY_FAIL, CAIRN_E_REFUSED, "state.policy",
     "the anchor's policy is not the one that was run: the approval is for another reference"},
    {TASK(VAULT), STEP(LOAD), PARAM, 0, CAIRN_E_REFUSED, "vault.object", "the sealed object is not this TPM's, or was altered"},
    {TASK(GRANT), STEP(LOAD), PARAM, 0, CAIRN_E_REFUSED, "grant.object", "the grant is not for this TPM, or was altered"},
    {TASK(ACTIVATE), STEP(USE), PARAM, 0, CAIRN_E_REFUSED, "credential.other",
     "the credential is not for this endorsement key and attestation key, or was altered"},

    {TASK(ANCHOR), STEP(OTHER), EXACT, TPM2_RC_NV_UNINITIALIZED, CAIRN_E_TPM, "tpm.anchor.unwritten",
     "the state anchor was never written"},
    {ANY, EXACT, TPM2_RC_LOCKOUT, CAIRN_E_BUSY, "tpm.lockout", "the TPM is in dictionary-attack lockout: wait"},
    {ANY, EXACT, TPM2_RC_RETRY, CAIRN_E_BUSY, "tpm.retry", "the TPM is still busy"},
    {ANY, EXACT, TPM2_RC_YIELDED, CAIRN_E_BUSY, "tpm.retry", "the TPM is still busy"},
    {ANY, EXACT, TPM2_RC_TESTING, CAIRN_E_BUSY, "tpm.retry", "the TPM is still testing itself"},
    {ANY, EXACT, TPM2_RC_NV_RATE, CAIRN_E_BUSY, "tpm.retry", "the TPM limits its NV write rate"},
    {ANY, EXACT, TPM2_RC_PCR_CHANGED, CAIRN_E_BUSY, "tpm.retry", "PCRs keep changing while the policy is run"},
    {ANY, EXACT, TPM2_RC_OBJECT_MEMORY, CAIRN_E_TPM, "tpm.handles", "the TPM has no free object slot"},
    {ANY, EXACT, TPM2_RC_SESSION_MEMORY, CAIRN_E_TPM, "tpm.handles", "the TPM has no free session slot"},
    {ANY, EXACT, TPM2_RC_MEMORY, CAIRN_E_TPM, "tpm.handles", "the TPM has no free memory"},
    {ANY, EXACT, TPM2_RC_SESSION_HANDLES, CAIRN_E_TPM, "tpm.handles", "the TPM has no free session handle"},
    {ANY, EXACT, TPM2_RC_OBJECT_HANDLES, CAIRN_E_TPM, "tpm.handles", "the TPM has no free object handle"},
    {ANY, EXACT, TPM2_RC_NV_SPACE, CAIRN_E_TPM, "tpm.nv.full", "the TPM has no room for another NV index or persistent key"},
    {ANY, EXACT, TPM2_RC_FAILURE, CAIRN_E_TPM, "tpm.failure", "the TPM is in failure mode: it needs a reset or is broken"},
    {ANY, EXACT, TSS2_ESYS_RC_RSP_AUTH_FAILED, CAIRN_E_TPM, "tpm.response",
     "the TPM's answer is not authentic: it was changed on the way, or another key is at the handle"},
    {ANY, LAYER, TSS2_TCTI_RC_LAYER, CAIRN_E_TPM, "tpm.transport", "the connection to the TPM failed"},
};

TSS2_RC cairn_tpm_plain_rc(TSS2_RC rc)
{
    TSS2_RC layer = rc & TSS2_RC_LAYER_MASK;
    return layer == TSS2_RESMGR_TPM_RC_LAYER || layer == TSS2_RESMGR_RC_LAYER ? rc & ~TSS2_RC_LAYER_MASK : rc;
}

static bool is_format_one(TSS2_RC rc)
{
    return (rc & TSS2_RC_LAYER_MASK) == 0 && (rc & TPM2_RC_FMT1) != 0;
}

static bool matches(const struct row *row, TSS2_RC rc)
{
    switch (row->match) {
    case EXACT:
        return rc == row->value;
    case BASE:
        return is_format_one(rc) && (rc & 0xBFu) == row->value;
    case PARAM:
        return is_format_one(rc) && (rc & TPM2_RC_P) != 0;
    case LAYER:
        return (rc & TSS2_RC_LAYER_MASK) == row->value;
    }
    return false;
}

enum cairn_rc cairn_tpm_fail(enum cairn_tpm_task task, enum cairn_tpm_step step, TSS2_RC rc, struct cairn_err *err)
{
    TSS2_RC plain = cairn_tpm_plain_rc(rc);
    for (size_t i = 0; i < CAIRN_ARRAY_LEN(table); i++) {
        const struct row *row = &table[i];
        if ((row->task == CAIRN_TASK_OTHER || row->task == task) && (row->step == CAIRN_STEP_OTHER || row->step == step) &&
            matches(row, plain)) {
            bool own = (plain & TSS2_RC_LAYER_MASK) == CAIRN_TPM_RC_LAYER;
            return CAIRN_FAIL_CAUSE(err, row->class, row->code, own ? 0 : rc, "%s", row->sentence);
        }
    }
    return CAIRN_FAIL_CAUSE(err, CAIRN_E_TPM, "tpm.response", rc, "the TPM refused: %s (0x%x)", Tss2_RC_Decode(rc),
                            (unsigned)rc);
}

bool cairn_tpm_is_busy(TSS2_RC rc)
{
    rc = cairn_tpm_plain_rc(rc);
    return rc == TPM2_RC_RETRY || rc == TPM2_RC_YIELDED || rc == TPM2_RC_TESTING || rc == TPM2_RC_NV_RATE;
}

bool cairn_tpm_is_slots(TSS2_RC rc)
{
    rc = cairn_tpm_plain_rc(rc);
    return rc == TPM2_RC_OBJECT_MEMORY || rc == TPM2_RC_SESSION_MEMORY || rc == TPM2_RC_MEMORY ||
           rc == TPM2_RC_SESSION_HANDLES || rc == TPM2_RC_OBJECT_HANDLES;
}
