/* tpm_data/audit.h -- the audited command list of a wipe: preimages, digest, and what each command was.
 *
 * A verifier knows no bus bytes, only preimages: cp = commandCode || Names || parameters, rp = responseCode || commandCode ||
 * parameters. digest' = H(digest || H(cp) || H(rp)) from 32 zero bytes, so every byte shown is covered by sessionDigest.
 *
 * Pure. Source: TPM 2.0 Part 1, sections 18.7-18.9 (cpHash, rpHash), 34 (audit).
 */
#ifndef CAIRN_TPM_DATA_AUDIT_H
#define CAIRN_TPM_DATA_AUDIT_H

#include "tpm_data/claim.h"

enum { CAIRN_AUDIT_MAX_STEPS = 32, CAIRN_AUDIT_MAX_BYTES = 4096 };

struct cairn_audit_step {
    struct cairn_buf cp;
    struct cairn_buf rp;
};
struct cairn_audit_log {
    size_t num_steps;
    struct cairn_audit_step steps[CAIRN_AUDIT_MAX_STEPS];
};
void cairn_audit_log_clear(struct cairn_audit_log *log);
#define CAIRN_AUDIT_LOG CAIRN_CLEANUP(cairn_audit_log_clear) struct cairn_audit_log

/* cairn_audit_append adds one step from the bytes a TCTI saw: `command` and `response` with sessions. `names` are the Names of
 * the command's `num_handles` handles, concatenated; `response_handles` is 1 for CreatePrimary. Failed responses are refused:
 * a TPM audits only what succeeded. CAIRN_E_FORMAT "audit.bytes". */
CAIRN_RC cairn_audit_append(struct cairn_audit_log *log, struct cairn_span command, unsigned num_handles,
                            struct cairn_span names, struct cairn_span response, unsigned response_handles,
                            struct cairn_err *err);
CAIRN_RC cairn_audit_digest(const struct cairn_audit_log *log, uint8_t out[32], struct cairn_err *err);

/* What a wipe's audited list must say, and what it shows. */
struct cairn_audit_want {
    uint8_t stir[32];            /* StirRandom's input */
    uint8_t extra[32];           /* both Quotes' extraData */
    struct cairn_span ak_public; /* as enrolled */
};
enum { CAIRN_AUDIT_MAX_HANDLES = 64 };
struct cairn_audit_handles {
    size_t num;
    uint32_t handle[CAIRN_AUDIT_MAX_HANDLES];
};
struct cairn_audit_facts {
    struct cairn_claim before, after;                                                    /* the two Quotes, verified */
    struct cairn_audit_handles nv_before, persistent_before, nv_after, persistent_after; /* parsed from the audited responses */
    size_t num_undefined;
};
/* cairn_audit_judge demands the exact sequence StirRandom(stir), Quote, GetCapability(NV), GetCapability(persistent),
 * NV_UndefineSpace x n (none in a repeat), exactly one Clear, GetCapability(NV), GetCapability(persistent),
 * CreatePrimary(endorsement, ak_public but for `unique` -> ak_public), Quote; lists complete (moreData = NO); both quotes
 * verified by cairn_claim_verify with extra `want->extra`; the second quote's resetCount and restartCount 0 and its clock not
 * above the first's. The caller has compared cairn_audit_digest with a verified session-audit claim.
 * CAIRN_E_FORMAT "audit.bytes" (a step is damaged, not read to its end, or no command of that kind); CAIRN_E_REFUSED
 * "audit.stir" (started for another wipe), "audit.clear" (missing or twice), "audit.sequence" (another command there, or more),
 * "audit.handles" (a list not complete or not the one wanted; owner indices or keys left after), "audit.ak" (another key),
 * "audit.selection" (the Quotes select different PCRs), "audit.clock" and cairn_claim_verify's codes. */
CAIRN_RC cairn_audit_judge(const struct cairn_audit_log *log, const struct cairn_audit_want *want,
                           struct cairn_audit_facts *out, struct cairn_err *err);

#endif
