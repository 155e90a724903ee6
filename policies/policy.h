/* policies/policy.h -- what is trusted: golden PCR values of the seal set, and the events that made them (to explain a change).
 *
 * Signed by role policy. Learned from verified evidence only: no command approves PCRs read from the local TPM.
 * Pure. Source: DESIGN 8; docs/formats.md "policy".
 */
#ifndef CAIRN_POLICIES_POLICY_H
#define CAIRN_POLICIES_POLICY_H

#include "authority/root.h"
#include "boot_measure/replay.h"
#include "tpm_data/pcr.h"

enum { CAIRN_POLICY_MAX_EVENTS = 256, CAIRN_SEAL_SET_DEFAULT = 0x4B95 /* 0 2 4 7 8 9 11 14; never 10 */ };
struct cairn_policy_event {
    uint8_t pcr;
    char kind[32]; /* boot_measure/facts.h: "boot.cmdline" */
    uint8_t digest[32];
    char label[96];
};
struct cairn_policy {
    char device_class[CAIRN_CLASS_MAX];
    uint8_t fleet[32];
    uint32_t seal_mask;
    uint8_t values[CAIRN_NUM_PCRS][32];
    uint8_t seal_digest[32]; /* SHA-256 of the seal set's values in order: what PolicyPCR takes */
    size_t num_events;
    struct cairn_policy_event events[CAIRN_POLICY_MAX_EVENTS];
    uint64_t issued_s;
    uint8_t digest[32]; /* SHA-256 of the payload */
};
/* cairn_policy_parse reads a payload (canonical, e.g. an unsigned policy.json); cairn_policy_open verifies the signature first
 * (role policy) and class and fleet against the root. CAIRN_E_REFUSED "policy.signer", "policy.holders", "policy.class",
 * "policy.fleet", "policy.seal" (PCR 10 in the seal set, or none). */
CAIRN_RC cairn_policy_parse(struct cairn_span payload, struct cairn_policy *out, struct cairn_err *err);
CAIRN_RC cairn_policy_open(const struct cairn_root *root, struct cairn_span file, uint64_t now_s, struct cairn_policy *out,
                           struct cairn_err *err);
CAIRN_RC cairn_policy_payload(const struct cairn_policy *policy, struct cairn_buf *out, struct cairn_err *err);
/* cairn_policy_learn takes golden values and events from an authenticated replay. */
CAIRN_RC cairn_policy_learn(const struct cairn_root *root, const struct cairn_replay *replay, uint32_t quoted_mask,
                            uint64_t now_s, struct cairn_policy *out, struct cairn_err *err);

#endif
