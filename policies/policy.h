/* policies/policy.h -- what is trusted: golden PCR values of the seal set, the events that made them (to explain a change), and
 * the facts a boot must show.
 *
 * Signed by role policy. Learned from verified evidence only: no command approves PCRs read from the local TPM (LIFE, "golden =
 * self"). Events explain; only the values and the required facts decide.
 *
 * Pure. Source: DESIGN 8; docs/formats.md "policy".
 */
#ifndef CAIRN_POLICIES_POLICY_H
#define CAIRN_POLICIES_POLICY_H

#include "authority/root.h"
#include "boot_measure/replay.h"
#include "tpm_data/pcr.h"

enum { CAIRN_POLICY_MAX_EVENTS = 1024, CAIRN_SEAL_SET_DEFAULT = 0x4B95 /* 0 2 4 7 8 9 11 14; never 10 */ };
enum { CAIRN_POLICY_KIND_MAX = 32, CAIRN_POLICY_LABEL_MAX = 96 };
struct cairn_policy_event {
    uint8_t pcr;
    bool container;                   /* its parts have events of their own: boot_measure/facts.h */
    char kind[CAIRN_POLICY_KIND_MAX]; /* boot_measure/facts.h: "boot.cmdline" */
    uint8_t digest[32];
    char label[CAIRN_POLICY_LABEL_MAX]; /* printable ASCII, for people */
};
/* struct cairn_policy owns `events`; all-zero is valid and empty. */
struct cairn_policy {
    char device_class[CAIRN_CLASS_MAX];
    uint8_t fleet[32];
    uint32_t seal_mask;
    uint8_t values[CAIRN_NUM_PCRS][32];
    uint8_t seal_digest[32]; /* SHA-256 of the seal set's values in order: what PolicyPCR takes */
    bool require_root;       /* the Cairn root event of this fleet and class stands in the userspace log */
    bool require_secure_boot;
    size_t num_events;
    struct cairn_policy_event *events; /* in the order of the logs */
    uint64_t issued_s;
    uint8_t digest[32]; /* SHA-256 of the payload */
};
void cairn_policy_clear(struct cairn_policy *policy);
#define CAIRN_POLICY CAIRN_CLEANUP(cairn_policy_clear) struct cairn_policy

/* cairn_policy_parse reads a payload (canonical, e.g. an unsigned policy.json); cairn_policy_open verifies the signature first
 * (role policy) and class and fleet against the root. The caller clears `*out`.
 * CAIRN_E_REFUSED "policy.signer", "policy.holders", "policy.class", "policy.fleet", "policy.seal" (PCR 10 in the seal set, or
 * none), "policy.values" (not exactly one value for each PCR of the seal set); CAIRN_E_FORMAT json.*, "policy.events" (an event
 * of a PCR outside the seal set). */
CAIRN_RC cairn_policy_parse(struct cairn_span payload, struct cairn_policy *out, struct cairn_err *err);
CAIRN_RC cairn_policy_open(const struct cairn_root *root, struct cairn_span file, uint64_t now_s, struct cairn_policy *out,
                           struct cairn_err *err);
/* cairn_policy_payload appends the canonical payload; seal_digest and digest are derived, not read. */
CAIRN_RC cairn_policy_payload(const struct cairn_policy *policy, struct cairn_buf *out, struct cairn_err *err);

/* What the person who learns a policy asks for. */
struct cairn_policy_wish {
    uint32_t seal_mask;
    bool without_root; /* accept a golden boot that measured no Cairn root event, and require none later */
    uint64_t now_s;
};
/* cairn_policy_learn takes golden values, events and required facts from an authenticated replay: Secure Boot becomes required
 * when the golden boot had it on, the root event always but for `without_root`. CAIRN_E_REFUSED "policy.seal" (as above),
 * "policy.seal.unquoted" (a PCR of the seal set is not in the evidence), "boot.root.absent", "boot.root.other" (a root event of
 * another fleet or class, or several), "policy.events" (more than CAIRN_POLICY_MAX_EVENTS). */
CAIRN_RC cairn_policy_learn(const struct cairn_root *root, const struct cairn_replay *replay,
                            const struct cairn_policy_wish *wish, struct cairn_policy *out, struct cairn_err *err);

/* cairn_policy_root_seen: does the replayed boot show exactly one Cairn root event, of this fleet and class? ABSENT: none. */
enum cairn_root_seen { CAIRN_ROOT_SEEN, CAIRN_ROOT_ABSENT, CAIRN_ROOT_OTHER };
enum cairn_root_seen cairn_policy_root_seen(const struct cairn_replay *replay, const uint8_t fleet[32],
                                            const char *device_class);

#endif
