/* tpm_data/policy.h -- policy digests, computed without a TPM.
 *
 * Each step extends a digest that starts as 32 zero bytes, in the order the session will execute it.
 * Pure. Source: TPM 2.0 Part 3, TPM2_PolicyPCR, TPM2_PolicyAuthorize, TPM2_PolicyNV.
 */
#ifndef CAIRN_TPM_DATA_POLICY_H
#define CAIRN_TPM_DATA_POLICY_H

#include "tpm_data/name.h"
#include "tpm_data/pcr.h"

enum cairn_policy_op { CAIRN_EO_EQ = 0x0000, CAIRN_EO_UNSIGNED_GE = 0x0007, CAIRN_EO_UNSIGNED_LE = 0x0009 };

CAIRN_RC cairn_policy_pcr(uint8_t digest[32], uint32_t mask, const uint8_t pcr_digest[32], struct cairn_err *err);
/* PolicyAuthorize replaces the digest: H(H(0 || cc || key Name) || ref). */
CAIRN_RC cairn_policy_authorize(uint8_t digest[32], const struct cairn_name *signer, const uint8_t ref[32],
                                struct cairn_err *err);
CAIRN_RC cairn_policy_nv(uint8_t digest[32], const struct cairn_name *index, uint64_t operand, enum cairn_policy_op op,
                         struct cairn_err *err);
/* cairn_policy_ref_anchor = SHA-256(PAE("cairn.policyref.anchor.v1", class)); _vault = SHA-256(PAE("cairn.policyref.vault.v1",
 * u16 length || class || u64 floor)) (CHECKS 55). CAIRN_E_USAGE "policy.class": not 1 to 255 bytes. */
CAIRN_RC cairn_policy_ref_anchor(const char *device_class, uint8_t out[32], struct cairn_err *err);
CAIRN_RC cairn_policy_ref_vault(const char *device_class, uint64_t floor, uint8_t out[32], struct cairn_err *err);
/* cairn_policy_approval_digest is what the pcrpolicy key signs: SHA-256(approved policy || ref). */
CAIRN_RC cairn_policy_approval_digest(const uint8_t approved[32], const uint8_t ref[32], uint8_t out[32],
                                      struct cairn_err *err);

/* struct cairn_approval: one signed PCR policy, for one reference. `signer` is the pcrpolicy key of root.json. */
struct cairn_approval {
    uint32_t mask;
    uint8_t pcr_digest[32];
    uint8_t approved[32]; /* PolicyPCR(mask, pcr_digest) */
    uint8_t ref[32];
    uint8_t rs[64];
    struct cairn_ec_key signer;
};
/* cairn_approval_check recomputes `approved` and verifies the signature. CAIRN_E_REFUSED "approval.digest",
 * "approval.signature". */
CAIRN_RC cairn_approval_check(const struct cairn_approval *approval, struct cairn_err *err);
/* cairn_policy_anchor: authPolicy of the anchor indices. cairn_policy_vault: authPolicy of the sealed storage key, bound
 * `epoch` unsigned <= `bound`. cairn_policy_grant: PolicyPCR o PolicyNV(epoch EQ from). */
CAIRN_RC cairn_policy_anchor(const struct cairn_ec_key *signer, const char *device_class, uint8_t out[32],
                             struct cairn_err *err);
CAIRN_RC cairn_policy_vault(const struct cairn_ec_key *signer, const char *device_class, uint64_t floor,
                            const struct cairn_name *epoch, uint64_t bound, uint8_t out[32], struct cairn_err *err);
CAIRN_RC cairn_policy_grant(uint32_t mask, const uint8_t pcr_digest[32], const struct cairn_name *epoch, uint64_t from,
                            uint8_t out[32], struct cairn_err *err);

#endif
