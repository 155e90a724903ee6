/* tests/support/fake_tpm.h -- a TPM made of three private keys, for what a genuine TPM will not do: lie.
 *
 * It signs what a real one would sign (quotes, certifications, counters, the audited command list of a wipe) with the same
 * bytes, and on request with one thing wrong and everything else right, the signature included: so a test can show that
 * exactly one check refuses it. No bus, no ESYS: structures only.
 *
 * How to lie: set one of the fields under "lies", or alter `att.attest` or a step of the log, and sign again
 * (cairn_fake_sign; cairn_fake_audit after altering a log). Every function fails the running CMocka test when it cannot do
 * its work, so none returns a status.
 */
#ifndef CAIRN_TESTS_FAKE_TPM_H
#define CAIRN_TESTS_FAKE_TPM_H

#include "core/crypto_keys.h"
#include "tpm_data/template.h"
#include "tpm_data/tpmdoc.h"

struct cairn_fake_tpm {
    /* what it is: keys with the exact templates, an epoch index */
    struct cairn_signer *ak, *ek, *srk;
    bool borrowed; /* the keys belong to somebody else */
    uint8_t fleet[32];
    struct cairn_area ak_public, ek_public, srk_public, epoch_public;
    struct cairn_name ak_name, ek_name, srk_name, epoch_name;
    uint8_t device[32]; /* device id: SHA-256 of the EK's Name */
    /* its state; change it freely */
    uint64_t epoch;
    uint8_t pcrs[CAIRN_NUM_PCRS][32];
    uint64_t clock_ms;
    uint32_t resets, restarts;
    bool clock_safe;
    uint64_t firmware;
    /* lies; all-zero is honest */
    uint32_t magic;           /* instead of TPM_GENERATED */
    uint16_t type;            /* instead of the right attestation type */
    struct cairn_name signer; /* instead of the AK's qualified Name */
};

/* cairn_fake_init makes fresh keys for a device of `fleet`: epoch 7, clock 60000 ms, 3 resets, 1 restart. */
void cairn_fake_init(struct cairn_fake_tpm *tpm, const uint8_t fleet[32]);
/* cairn_fake_init_keys: the same around keys of yours (of a test_keys.h device, say), which must outlive it. */
void cairn_fake_init_keys(struct cairn_fake_tpm *tpm, const uint8_t fleet[32], struct cairn_signer *ek, struct cairn_signer *ak,
                          struct cairn_signer *srk);
void cairn_fake_clear(struct cairn_fake_tpm *tpm);
#define CAIRN_FAKE_TPM CAIRN_CLEANUP(cairn_fake_clear) struct cairn_fake_tpm

/* The four attestations, each over `extra`. _certify: `name` in hierarchy `hierarchy`. _nv: `contents` at offset 0. */
void cairn_fake_quote(const struct cairn_fake_tpm *tpm, uint32_t mask, const uint8_t extra[32], struct cairn_attestation *out);
void cairn_fake_certify(const struct cairn_fake_tpm *tpm, const struct cairn_name *name, enum cairn_hierarchy hierarchy,
                        const uint8_t extra[32], struct cairn_attestation *out);
void cairn_fake_nv(const struct cairn_fake_tpm *tpm, const struct cairn_name *index, struct cairn_span contents,
                   const uint8_t extra[32], struct cairn_attestation *out);
void cairn_fake_session_audit(const struct cairn_fake_tpm *tpm, const uint8_t digest[32], const uint8_t extra[32],
                              struct cairn_attestation *out);
/* What Cairn's documents need: Certify(SRK) in the owner hierarchy, NV_Certify of the epoch's value. */
void cairn_fake_certify_srk(const struct cairn_fake_tpm *tpm, const uint8_t extra[32], struct cairn_attestation *out);
void cairn_fake_certify_epoch(const struct cairn_fake_tpm *tpm, const uint8_t extra[32], struct cairn_attestation *out);
/* cairn_fake_sign signs `att->attest` as it stands. */
void cairn_fake_sign(const struct cairn_fake_tpm *tpm, struct cairn_attestation *att);

/* cairn_fake_head fills the head of a payload; cairn_fake_document makes a document of `payload` with the attestations
 * `types` in order: quotes over `mask`, Certify(SRK), NV_Certify(epoch); for a session audit fill doc->audit first, its digest
 * is attested. Only type, payload and attestations of `doc` are set: attachments and audit stay as they are. */
void cairn_fake_head(const struct cairn_fake_tpm *tpm, const uint8_t nonce[32], struct cairn_tpm_head *out);
void cairn_fake_document(const struct cairn_fake_tpm *tpm, const char *type, struct cairn_span payload, uint32_t mask,
                         const enum cairn_claim_type *types, size_t num, struct cairn_tpmdoc *doc);
/* cairn_fake_payload makes a payload of head members and the members of `more` (borrowed, may be NULL); canonical JSON. */
void cairn_fake_payload(const struct cairn_fake_tpm *tpm, const char *nonce_member, const uint8_t nonce[32], const json_t *more,
                        struct cairn_buf *out);

/* The steps of the log that cairn_fake_wipe makes, by place. */
enum cairn_fake_step {
    CAIRN_FAKE_STIR,
    CAIRN_FAKE_QUOTE_BEFORE,
    CAIRN_FAKE_NV_BEFORE,
    CAIRN_FAKE_PERSISTENT_BEFORE,
    CAIRN_FAKE_UNDEFINE, /* of the epoch index */
    CAIRN_FAKE_CLEAR,
    CAIRN_FAKE_NV_AFTER,
    CAIRN_FAKE_PERSISTENT_AFTER,
    CAIRN_FAKE_CREATE,
    CAIRN_FAKE_QUOTE_AFTER,
    CAIRN_FAKE_NUM_STEPS
};
/* cairn_fake_wipe makes the audited command list of a correct wipe and leaves `tpm` as after a Clear: clock 12 ms, no resets,
 * no restarts. `log` must be empty. Listed before: the EK certificate 0x01c00002, epoch, SRK, AK; after: 0x01c00002. */
void cairn_fake_wipe(struct cairn_fake_tpm *tpm, const uint8_t stir[32], const uint8_t extra[32], uint32_t mask,
                     struct cairn_audit_log *log);
/* To alter a log: _step_set replaces both sides of step `i` (i may be log->num_steps: appends), _step_remove takes one out,
 * _step_handles makes a GetCapability(handles) step, _step_quote a Quote by `tpm` as it now is (with its lies). */
void cairn_fake_step_set(struct cairn_audit_log *log, size_t i, struct cairn_span cp, struct cairn_span rp);
void cairn_fake_step_remove(struct cairn_audit_log *log, size_t i);
void cairn_fake_step_insert(struct cairn_audit_log *log, size_t i, struct cairn_span cp, struct cairn_span rp);
void cairn_fake_step_handles(struct cairn_audit_log *log, size_t i, uint32_t first, bool more, const uint32_t *handles,
                             size_t num);
void cairn_fake_step_quote(const struct cairn_fake_tpm *tpm, struct cairn_audit_log *log, size_t i, uint32_t mask,
                           const uint8_t extra[32]);
/* cairn_fake_audit attests `log` as it stands: what GetSessionAuditDigest would sign. */
void cairn_fake_audit(const struct cairn_fake_tpm *tpm, const struct cairn_audit_log *log, const uint8_t extra[32],
                      struct cairn_attestation *out);

#endif
