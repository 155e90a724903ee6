/* attest/appraise.h -- evidence to verdict: authenticate, bind the logs to the quote, evaluate.
 *
 * A verdict is not an error: what the evidence *says* is in the checks; CAIRN_RC only fails for bytes that are not evidence at
 * all or are not this device's answer to this nonce. Only authenticated content can fail a device; what could not be decided is
 * absent and never trust.
 *
 * Pure, without clock or memory of earlier appraisals: the same evidence under the same policy gives the same verdict (CHECKS
 * 37). Source: DESIGN 2.5, 8; RFC 9334; docs/formats.md "appraisal".
 */
#ifndef CAIRN_ATTEST_APPRAISE_H
#define CAIRN_ATTEST_APPRAISE_H

#include "attest/evidence.h"
#include "attest/nonce.h"
#include "policies/evaluate.h"

struct cairn_appraisal_in {
    const struct cairn_root *root;
    const struct cairn_statement *statement;
    struct cairn_claim_key *key;       /* the statement's AK, made ready; NULL: it is made from the statement */
    const struct cairn_policy *policy; /* NULL: authenticate and replay only (policy learn) */
    const struct cairn_nonce *nonce;
    struct cairn_span evidence; /* whole file */
};
/* struct cairn_appraisal: all-zero is a valid cleared state. */
struct cairn_appraisal {
    struct cairn_claim quote;          /* authenticated */
    const struct cairn_replay *replay; /* NULL when the logs do not give the quote; `own`, or borrowed from a cache */
    struct cairn_replay *own;
    struct cairn_verdict verdict;
    uint8_t evidence[32]; /* SHA-256 of the whole file: what spends the nonce */
};
void cairn_appraisal_clear(struct cairn_appraisal *appraisal);
#define CAIRN_APPRAISAL CAIRN_CLEANUP(cairn_appraisal_clear) struct cairn_appraisal

/* cairn_appraise is the whole for a file on a desk. Errors (not verdicts): tpmdoc.*, document.*, attestation.*, evidence.*,
 * "evidence.named" (logs that are only named), "evidence.selection" (the quoted selection is not the one asked for, bit for
 * bit), "policy.class" and "policy.fleet" (a policy for other devices). The verdict holds "boot.replay" (pass) or why the logs
 * do not give the quote ("boot.replay.mismatch", "boot.log.truncated"...), the clock ("tpm.clock.unsafe": absent, no effect)
 * and cairn_evaluate's checks. The caller spends the nonce and clears `*out`. */
CAIRN_RC cairn_appraise(const struct cairn_appraisal_in *in, struct cairn_appraisal *out, struct cairn_err *err);

/* The same in stages, for a server that has many devices and looks things up between them:
 *
 *   cairn_evidence_parse           whose device it says it is: look up statement, key, nonce
 *   cairn_appraisal_authenticate   nothing may be stored or spent before this
 *   cairn_evidence_log_digests     which logs are needed; cairn_replay_key_make; cairn_replay_cache_find, and then either
 *   cairn_appraisal_replayed       with what was found, or
 *   cairn_appraisal_replay         with the bytes; cairn_replay_cache_take(&out->own) when it worked
 *   cairn_appraisal_evaluate       the policy's checks
 *   cairn_verdict_add              the server's own
 *   cairn_verdict_conclude         the tier
 *
 * cairn_appraisal_authenticate fills `*out` (quote, an empty verdict; cleared by the caller) or answers with cairn_appraise's
 * errors, all but "evidence.named". */
CAIRN_RC cairn_appraisal_authenticate(const struct cairn_appraisal_in *in, const struct cairn_evidence *evidence,
                                      struct cairn_appraisal *out, struct cairn_err *err);
/* cairn_appraisal_replay binds `logs` to the quote: `replay` and `own`, or a check that says why not. Only a local failure is
 * an error. cairn_appraisal_replayed takes a replay that was made for this very cairn_replay_key; borrowed. */
CAIRN_RC cairn_appraisal_replay(struct cairn_appraisal *appraisal, const struct cairn_boot_logs *logs, struct cairn_err *err);
void cairn_appraisal_replayed(struct cairn_appraisal *appraisal, const struct cairn_replay *replay);
/* cairn_appraisal_evaluate adds the clock's check and the policy's (NULL: none). */
void cairn_appraisal_evaluate(struct cairn_appraisal *appraisal, const struct cairn_policy *policy);

/* cairn_appraisal_json makes the appraisal file's object. `in` is what was appraised. Caller owns *out. */
CAIRN_RC cairn_appraisal_json(const struct cairn_appraisal_in *in, const struct cairn_appraisal *appraisal, json_t **out,
                              struct cairn_err *err);

#endif
