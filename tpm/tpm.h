/* tpm/tpm.h -- one TPM, opened for one run of a program: the only room that speaks ESYS.
 *
 * Discipline (DESIGN 5): one transient object and one session at a time, flushed on every path; a session is made for one
 * command; every session that carries a secret or whose answer decides something is an HMAC or policy session salted to the
 * *pinned* SRK, with parameter encryption. Nothing here judges: callers verify attestations with tpm_data/claim.h.
 *
 * Trust boundary: everything the TPM answers under a password session is unauthenticated (an interposer may have written it).
 * Functions marked (authenticated) use a salted HMAC session.
 *
 * Errors common to all: CAIRN_E_TPM "tpm.absent", "tpm.transport", "tpm.response" (cause = TSS2_RC), "tpm.srk.other" (the
 * storage key is not the pinned one), "tpm.taken" (a hierarchy auth is set and not, or wrongly, configured), "tpm.handles" (no
 * free object or session slot, or no persistent handle in our range), "tpm.failure" (failure mode), "tpm.nv.full";
 * CAIRN_E_USAGE "tpm.unpinned" (a key or index was used before its Name was pinned), "tpm.input"; CAIRN_E_BUSY "tpm.lockout"
 * (retry_after_s), "tpm.retry" (still busy after a bound). RETRY, TESTING, NV_RATE, YIELDED and, in policies, PCR_CHANGED are
 * retried with a growing pause and a bound.
 *
 * Threading: one object, one thread.
 */
#ifndef CAIRN_TPM_TPM_H
#define CAIRN_TPM_TPM_H

#include <tss2/tss2_tcti.h>

#include "core/file.h"
#include "core/secret.h"
#include "tpm_data/audit.h"
#include "tpm_data/policy.h"
#include "tpm_data/template.h"

enum { CAIRN_TPM_BLOB_MAX = 512 };

/* struct cairn_tpm_config: where the TPM is, which handles are ours, which auth values are set. Spans and pointers are
 * borrowed until cairn_tpm_close. */
struct cairn_tpm_config {
    const char *tcti;          /* TCTI string; NULL = the system's default */
    TSS2_TCTI_CONTEXT *given;  /* tests: an open TCTI, used instead and left open */
    uint32_t ak, srk;          /* persistent handles */
    uint32_t epoch, anchor[2]; /* NV indices */
    const struct cairn_secret *owner_auth, *endorsement_auth, *lockout_auth; /* NULL = empty */
    struct cairn_fs *cache; /* TR blobs and tickets, files named "tpm-*" (never trusted, may be NULL) */
};
struct cairn_tpm;
/* cairn_tpm_config_default: ak 0x81010002, srk 0x81000001, epoch 0x01800100, anchors 0x01800101 and 0x01800102. */
struct cairn_tpm_config cairn_tpm_config_default(void);
/* cairn_tpm_open sends no TPM command. CAIRN_E_TPM "tpm.absent"; CAIRN_E_IO "tpm.memory". */
CAIRN_RC cairn_tpm_open(const struct cairn_tpm_config *config, struct cairn_tpm **out, struct cairn_err *err);
void cairn_tpm_close(struct cairn_tpm *tpm);
void cairn_tpm_closep(struct cairn_tpm **tpm);
#define CAIRN_TPM CAIRN_CLEANUP(cairn_tpm_closep) struct cairn_tpm

/* struct cairn_tpm_pins: the Names this device is known by, from its enrolment statement (or, before enrolment, from the keys
 * it just made by cairn_tpm_keys_make, _epoch_define, _anchor_define, which pin for themselves). Once set, a different key or
 * index is "tpm.srk.other", "tpm.ak.other", "tpm.epoch.other", "tpm.anchor.other".
 */
struct cairn_tpm_pins {
    struct cairn_name srk, ak, epoch, anchor[2]; /* indices: computed with WRITTEN set */
    uint8_t fleet[32]; /* the AK template's: lets the AK be re-derived after a Clear; zeros: not known */
};
/* cairn_tpm_pin replaces all pins and forgets what was loaded under the old ones. Sends no command. CAIRN_E_USAGE
 * "tpm.unpinned": without the SRK's Name no session can be salted. */
CAIRN_RC cairn_tpm_pin(struct cairn_tpm *tpm, const struct cairn_tpm_pins *pins, struct cairn_err *err);

/* struct cairn_tpm_info is what the TPM says of itself. */
struct cairn_tpm_info {
    char manufacturer[5]; /* "IBM " is libtpms */
    char vendor[20];
    uint64_t firmware;
    bool is_virtual; /* a software TPM by its vendor string: its state can be copied */
    bool owner_auth_set, endorsement_auth_set, lockout_auth_set, clear_disabled, in_lockout;
    bool sha256_bank, ecc_p256;
    uint32_t lockout_counter, lockout_interval_s, nv_index_max, nv_buffer_max;
};
/* cairn_tpm_info reads it, unauthenticated: for people and for refusals, never for trust. The common errors. */
CAIRN_RC cairn_tpm_info(struct cairn_tpm *tpm, struct cairn_tpm_info *out, struct cairn_err *err);
/* cairn_tpm_handles lists the handles of one kind (0x01000000 NV, 0x81000000 persistent, 0x80000000 transient, 0x02000000
 * sessions), unauthenticated. */
CAIRN_RC cairn_tpm_handles(struct cairn_tpm *tpm, uint32_t first, struct cairn_audit_handles *out, struct cairn_err *err);

/* keys. cairn_tpm_keys_make finds or makes the persistent SRK and AK of `fleet`. What is there and not ours stays: SRK then
 * takes the next free handle (returned in `srk_handle`); a foreign AK handle is CAIRN_E_TPM "tpm.handle.used". */
struct cairn_tpm_keys {
    struct cairn_area ek, ak, srk;
    uint32_t ak_handle, srk_handle;
};
CAIRN_RC cairn_tpm_keys_make(struct cairn_tpm *tpm, const uint8_t fleet[32], struct cairn_tpm_keys *out, struct cairn_err *err);
/* cairn_tpm_ek_certs reads every NV index in 0x01c00002..0x01c0001f that holds something and calls `each` with the raw bytes,
 * borrowed for that call. Ends at the first error of `each`, which it returns. */
CAIRN_RC cairn_tpm_ek_certs(struct cairn_tpm *tpm,
                            CAIRN_RC (*each)(void *arg, uint32_t index, struct cairn_span der, struct cairn_err *err),
                            void *arg, struct cairn_err *err);
/* cairn_tpm_activate recovers the secret of a credential made for (EK, pinned AK). After a Clear there is no persistent AK: it
 * is derived again (its Name must be the pinned one), so that a retired device can still be challenged. CAIRN_E_REFUSED
 * "credential.other": made for another EK or AK, or altered. */
CAIRN_RC cairn_tpm_activate(struct cairn_tpm *tpm, struct cairn_span credential, struct cairn_span seed,
                            struct cairn_secret **out, struct cairn_err *err);
/* cairn_tpm_identify asks whether this is the TPM whose AK is pinned, also after a Clear. CAIRN_E_TPM "tpm.ak.other": another
 * chip. */
CAIRN_RC cairn_tpm_identify(struct cairn_tpm *tpm, struct cairn_err *err);
/* cairn_tpm_certify_srk: the AK certifies the SRK. cairn_tpm_quote: the AK quotes the PCRs of `mask`, SHA-256 bank. `extra` is
 * the attestation's extraData; caller verifies with tpm_data/claim.h. The common errors, "tpm.ak.other". */
CAIRN_RC cairn_tpm_certify_srk(struct cairn_tpm *tpm, const uint8_t extra[32], struct cairn_attestation *out,
                               struct cairn_err *err);
CAIRN_RC cairn_tpm_quote(struct cairn_tpm *tpm, uint32_t mask, const uint8_t extra[32], struct cairn_attestation *out,
                         struct cairn_err *err);

/* PCRs. _read gives those of `mask` from the SHA-256 bank, unauthenticated, and leaves the rest of `values` alone. _extend
 * extends PCR `pcr` in every active bank with that bank's hash of `data`: one command up to 1024 bytes; beyond, the host
 * hashes: CAIRN_E_TPM "tpm.bank" when it does not know a bank's hash. CAIRN_E_USAGE "pcr.selection": a PCR above 23. _banks
 * gives the hash algorithms (TPM_ALG_ID) of the active banks. */
CAIRN_RC cairn_tpm_pcr_read(struct cairn_tpm *tpm, uint32_t mask, uint8_t values[CAIRN_NUM_PCRS][32], struct cairn_err *err);
CAIRN_RC cairn_tpm_pcr_extend(struct cairn_tpm *tpm, unsigned pcr, struct cairn_span data, struct cairn_err *err);
enum { CAIRN_TPM_MAX_BANKS = 4 };
CAIRN_RC cairn_tpm_pcr_banks(struct cairn_tpm *tpm, uint16_t algs[CAIRN_TPM_MAX_BANKS], size_t *num, struct cairn_err *err);

/* epoch counter. _define makes it if absent, brings it to its first value, and self-tests on a scratch index that a counter
 * never returns to an old value (CAIRN_E_TPM "tpm.counter.returns"). _read and _increment are (authenticated); after an
 * increment whose answer was lost, read and compare. CAIRN_E_TPM "tpm.epoch.absent", "tpm.epoch.other". */
CAIRN_RC cairn_tpm_epoch_define(struct cairn_tpm *tpm, struct cairn_err *err);
CAIRN_RC cairn_tpm_epoch_read(struct cairn_tpm *tpm, uint64_t *out, struct cairn_err *err);
CAIRN_RC cairn_tpm_epoch_increment(struct cairn_tpm *tpm, struct cairn_err *err);
CAIRN_RC cairn_tpm_epoch_certify(struct cairn_tpm *tpm, const uint8_t extra[32], struct cairn_attestation *out,
                                 struct cairn_err *err);

/* state anchors. _define makes index i (0 or 1) with `policy` if absent (content unwritten). _read is (authenticated):
 * CAIRN_E_TPM "tpm.anchor.absent", "tpm.anchor.other" (a foreign index), "tpm.anchor.unwritten". _write is one NV_Write under
 * PolicyPCR o PolicyAuthorize; a lost or damaged answer is resolved by reading back (RECORD step 7).
 * CAIRN_E_REFUSED "state.boot" (the PCRs are not as approved), "state.policy" (approved for another reference or key),
 * "approval.signature". */
CAIRN_RC cairn_tpm_anchor_define(struct cairn_tpm *tpm, unsigned i, const uint8_t policy[32], struct cairn_err *err);
CAIRN_RC cairn_tpm_anchor_read(struct cairn_tpm *tpm, unsigned i, uint8_t out[CAIRN_ANCHOR_LEN], struct cairn_err *err);
CAIRN_RC cairn_tpm_anchor_write(struct cairn_tpm *tpm, unsigned i, const uint8_t bytes[CAIRN_ANCHOR_LEN],
                                const struct cairn_approval *approval, struct cairn_err *err);

/* sealed data. A sealed object is TPM2B_PUBLIC area and TPM2B_PRIVATE bytes. */
enum { CAIRN_TPM_SEAL_MAX = 96 }; /* what 240 bytes of TPM2B_PRIVATE hold with any TPM's overhead */
struct cairn_sealed {
    uint8_t public_area[160];
    size_t public_len;
    uint8_t private_area[240];
    size_t private_len;
};
/* cairn_tpm_seal makes `secret` (1..CAIRN_TPM_SEAL_MAX bytes) an object under the SRK that only `policy` opens.
 * (authenticated) CAIRN_E_USAGE "tpm.seal.length". */
CAIRN_RC cairn_tpm_seal(struct cairn_tpm *tpm, struct cairn_span secret, const uint8_t policy[32], struct cairn_sealed *out,
                        struct cairn_err *err);
/* cairn_tpm_unseal runs PolicyPCR -> PolicyAuthorize(approval) -> PolicyNV(epoch <= bound) -> Unseal: 7 commands with a cached
 * ticket, 10 without. CAIRN_E_REFUSED "vault.boot" (PCRs not as approved), "vault.epoch" (the counter is past the bound: dead
 * for ever), "vault.policy", "vault.object" (not this TPM's, or altered), "approval.signature". */
CAIRN_RC cairn_tpm_unseal(struct cairn_tpm *tpm, const struct cairn_sealed *sealed, const struct cairn_approval *approval,
                          uint64_t bound, struct cairn_secret **out, struct cairn_err *err);
/* cairn_tpm_import opens a grant's import object: Import, Load, PolicyPCR(mask) o PolicyNV(EQ from), Unseal.
 * CAIRN_E_REFUSED "grant.object" (not for this TPM, or altered), "grant.boot" (other PCRs than quoted), "grant.epoch". */
CAIRN_RC cairn_tpm_import(struct cairn_tpm *tpm, struct cairn_span public_area, struct cairn_span duplicate,
                          struct cairn_span seed, uint32_t mask, uint64_t from, struct cairn_secret **out,
                          struct cairn_err *err);

/* wipe proof: everything up to the last Quote in one audit session, then the signature over the certificate.
 * cairn_tpm_wipe_run may be repeated from the start after any failure: a second Clear is harmless, and a run that finds keys
 * and indices gone re-derives the AK first. CAIRN_E_TPM "wipe.clear.disabled", "wipe.clear.auth" (lockoutAuth set and not,
 * or wrongly, configured; a wrong one locks it), "tpm.ak.other" (another fleet's), "wipe.clock" (the quotes' clocks do not show
 * the Clear, also after waiting). */
struct cairn_tpm_wipe {
    uint8_t fleet[32];
    uint8_t stir[32];  /* StirRandom input */
    uint8_t extra[32]; /* both Quotes */
    uint32_t mask;     /* PCRs quoted */
};
struct cairn_tpm_proof; /* the open session and the transient AK */
CAIRN_RC cairn_tpm_wipe_run(struct cairn_tpm *tpm, const struct cairn_tpm_wipe *wipe, struct cairn_audit_log *log,
                            struct cairn_tpm_proof **proof, struct cairn_err *err);
/* cairn_tpm_wipe_sign is GetSessionAuditDigest over `extra`. Also after a failure here the whole run is repeated.
 * CAIRN_E_TPM "wipe.proof.lost": another operation's failure has cost the session. */
CAIRN_RC cairn_tpm_wipe_sign(struct cairn_tpm *tpm, struct cairn_tpm_proof *proof, const uint8_t extra[32],
                             struct cairn_attestation *out, struct cairn_err *err);
/* cairn_tpm_proof_free flushes the session and the transient AK, as far as the TPM answers. NULL is fine. */
void cairn_tpm_proof_free(struct cairn_tpm *tpm, struct cairn_tpm_proof *proof);

#endif
