/* authority/approval.h -- the pcrpolicy key's approval of one boot state, for the anchor and for the vault at one floor.
 *
 * Two raw ECDSA signatures that the TPM itself verifies (TPM2_VerifySignature), so no DSSE. JSON object, embedded in manifests.
 * Pure. Source: DESIGN 6; docs/formats.md "approval".
 */
#ifndef CAIRN_AUTHORITY_APPROVAL_H
#define CAIRN_AUTHORITY_APPROVAL_H

#include "authority/root.h"
#include "tpm_data/policy.h"

struct cairn_approvals {
    char device_class[CAIRN_CLASS_MAX];
    uint64_t floor;
    struct cairn_approval anchor, vault; /* same mask, PCR digest, approved policy and signer; different refs */
};
/* cairn_approvals_read checks everything: refs recomputed from class and floor, both signatures by the root's pcrpolicy key.
 * CAIRN_E_REFUSED "approval.class", "approval.signer", "approval.digest", "approval.ref", "approval.signature". */
CAIRN_RC cairn_approvals_read(const json_t *json, const struct cairn_root *root, struct cairn_approvals *out,
                              struct cairn_err *err);
/* The JSON object; caller owns *out. */
CAIRN_RC cairn_approvals_write(const struct cairn_approvals *approvals, json_t **out, struct cairn_err *err);

#endif
