/* tpm_data/claim.h -- what a TPM attestation says, and whether to believe it.
 *
 * An attestation counts only when magic, exact type, exact length, the *computed* qualifiedSigner, extraData and the signature
 * all hold; cairn_claim_verify is the only place that decides it (DESIGN 4; CHECKS 8, 9, 13, 15, 50). It never says what
 * follows from the claim: PCRs, counters and clocks are judged by the caller.
 *
 * Pure. Source: TPM 2.0 Part 2, TPMS_ATTEST and its union; Part 1, section 31.
 */
#ifndef CAIRN_TPM_DATA_CLAIM_H
#define CAIRN_TPM_DATA_CLAIM_H

#include "tpm_data/name.h"
#include "tpm_data/pcr.h"

/* The attestation's type field (TPMI_ST_ATTEST). */
enum cairn_claim_type {
    CAIRN_CLAIM_NV = 0x8014,
    CAIRN_CLAIM_AUDIT = 0x8016,
    CAIRN_CLAIM_CERTIFY = 0x8017,
    CAIRN_CLAIM_QUOTE = 0x8018,
};

/* struct cairn_attestation is one attestation as it travels: TPMS_ATTEST and TPMT_SIGNATURE bytes. */
enum { CAIRN_ATTEST_MAX = 1024, CAIRN_SIGNATURE_MAX = 80 };
struct cairn_attestation {
    uint8_t attest[CAIRN_ATTEST_MAX];
    size_t attest_len;
    uint8_t signature[CAIRN_SIGNATURE_MAX];
    size_t signature_len;
};

struct cairn_claim {
    enum cairn_claim_type type;
    uint8_t extra[32];
    uint16_t extra_len;       /* bytes of `extra` in use; whatever Cairn makes has 32 */
    struct cairn_name signer; /* qualified */
    uint64_t clock_ms;
    uint32_t resets;
    uint32_t restarts;
    bool clock_safe;
    uint64_t firmware;
    union {
        struct {
            uint32_t mask; /* SHA-256 bank */
            uint8_t digest[32];
        } quote;
        struct {
            struct cairn_name name, qualified;
        } certify;
        struct {
            struct cairn_name index;
            uint16_t offset;
            uint16_t len;
            uint8_t contents[64];
        } nv;
        struct {
            bool exclusive;
            uint8_t digest[32];
        } audit;
    } u;
};

/* cairn_claim_parse decodes `attest`. Names are those of SHA-256, a quote's selection is tpm_data/pcr.h's one form, extraData
 * has at most 32 bytes. CAIRN_E_FORMAT "tpm.attest" (short, bytes left over, impossible sizes); CAIRN_E_REFUSED
 * "attestation.magic" (not TPM_GENERATED), "attestation.type" (a type that Cairn never uses). */
CAIRN_RC cairn_claim_parse(struct cairn_span attest, struct cairn_claim *out, struct cairn_err *err);

/* cairn_claim_verify decides whether `att` is the TPM's word of type `type` over `extra`, by the AK with public area
 * `ak_public` (already checked against the template) in the endorsement hierarchy. CAIRN_E_FORMAT "tpm.attest",
 * "tpm.signature"; CAIRN_E_REFUSED "attestation.magic", "attestation.type", "attestation.signer" (another key or hierarchy),
 * "attestation.extra" (made for another document or nonce), "attestation.signature". */
CAIRN_RC cairn_claim_verify(const struct cairn_attestation *att, enum cairn_claim_type type, struct cairn_span ak_public,
                            const uint8_t extra[32], struct cairn_claim *out, struct cairn_err *err);

/* struct cairn_claim_key is an AK made ready for many attestations: nothing of it is decoded or hashed again per attestation.
 * Opaque; one thread at a time. cairn_claim_key_new: `ak_public` as above. CAIRN_E_FORMAT "tpm.public", "key.curve".
 * cairn_claim_verify_by answers as cairn_claim_verify. */
struct cairn_claim_key;
CAIRN_RC cairn_claim_key_new(struct cairn_span ak_public, struct cairn_claim_key **out, struct cairn_err *err);
void cairn_claim_key_free(struct cairn_claim_key *key);
void cairn_claim_key_freep(struct cairn_claim_key **key);
#define CAIRN_CLAIM_KEY CAIRN_CLEANUP(cairn_claim_key_freep) struct cairn_claim_key
CAIRN_RC cairn_claim_verify_by(const struct cairn_attestation *att, enum cairn_claim_type type, struct cairn_claim_key *key,
                               const uint8_t extra[32], struct cairn_claim *out, struct cairn_err *err);

/* cairn_claim_same_boot: resetCount and restartCount are equal (CHECKS 65). */
bool cairn_claim_same_boot(const struct cairn_claim *a, const struct cairn_claim *b);
/* cairn_claim_counter gives the value of an 8-byte NV claim read from offset 0 of the index with Name `index`.
 * CAIRN_E_REFUSED "attestation.index". */
CAIRN_RC cairn_claim_counter(const struct cairn_claim *nv, const struct cairn_name *index, uint64_t *out,
                             struct cairn_err *err);

/* cairn_signature_parse turns TPMT_SIGNATURE (ECDSA, SHA-256 only) into r || s, padded. CAIRN_E_FORMAT "tpm.signature". */
CAIRN_RC cairn_signature_parse(struct cairn_span signature, uint8_t rs[64], struct cairn_err *err);

#endif
