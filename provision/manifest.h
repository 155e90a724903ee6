/* provision/manifest.h -- the manifest: which set a release is, signed by role release.
 *
 * It fixes class, svn, floor, the digest of every asset's plaintext, the names and scopes of all parameters, and carries the
 * approvals of the boot states that may open the vault at this floor. It names no device.
 *
 * Pure. Source: DESIGN 9; docs/formats.md "manifest".
 */
#ifndef CAIRN_PROVISION_MANIFEST_H
#define CAIRN_PROVISION_MANIFEST_H

#include "authority/approval.h"
#include "provision/params_source.h"

enum { CAIRN_MANIFEST_MAX_APPROVALS = 4 };
/* The two assets of a container: the release set is fixed by the manifest, the online set by the grant. */
#define CAIRN_ASSET_VAULT  "vault"
#define CAIRN_ASSET_ONLINE "online"

struct cairn_manifest_param {
    char name[CAIRN_PARAM_NAME_MAX];
    uint8_t flags; /* CAIRN_PARAM_ONLINE, CAIRN_PARAM_GENERATE */
};
/* struct cairn_manifest: all-zero is a valid cleared state. */
struct cairn_manifest {
    char device_class[CAIRN_CLASS_MAX];
    uint64_t svn, floor, issued_s, expires_s; /* expires_s 0: never */
    uint32_t vault_version;
    uint64_t vault_size;
    uint8_t vault_sha256[32]; /* of the release set's asset plaintext */
    size_t num_params;
    struct cairn_manifest_param *params;
    size_t num_approvals;
    struct cairn_approvals approvals[CAIRN_MANIFEST_MAX_APPROVALS];
    uint8_t digest[32]; /* SHA-256 of the payload */
};
void cairn_manifest_clear(struct cairn_manifest *manifest);
#define CAIRN_MANIFEST CAIRN_CLEANUP(cairn_manifest_clear) struct cairn_manifest

/* cairn_manifest_open verifies the signatures (role release), then reads. `out` must be cleared by the caller.
 * CAIRN_E_REFUSED "manifest.signer", "manifest.holders", "signature.invalid"; "manifest.class" (of another class),
 * "manifest.floor" (svn below its own floor), "manifest.expired" (now_s 0: not judged), "manifest.approval" (an approval of
 * another floor, or none), approval.*; CAIRN_E_FORMAT json.*, "manifest.assets" (not exactly the asset "vault"),
 * "manifest.parameters" (more than two sets can hold). */
CAIRN_RC cairn_manifest_open(const struct cairn_root *root, struct cairn_span file, uint64_t now_s, struct cairn_manifest *out,
                             struct cairn_err *err);
/* cairn_manifest_parse reads a payload that nobody has signed yet, or whose signature was verified. With `root` NULL class and
 * approvals are not judged and not read: a look before signing. Codes as above without the signatures'. */
CAIRN_RC cairn_manifest_parse(struct cairn_span payload, const struct cairn_root *root, uint64_t now_s,
                              struct cairn_manifest *out, struct cairn_err *err);
/* cairn_manifest_approval finds the approval of the boot state with these PCRs. CAIRN_E_REFUSED "manifest.boot". */
CAIRN_RC cairn_manifest_approval(const struct cairn_manifest *manifest, uint32_t mask, const uint8_t pcr_digest[32],
                                 const struct cairn_approvals **out, struct cairn_err *err);
/* cairn_manifest_check_sets demands that the two sets hold exactly the declared parameters, each in its own set with its own
 * flags: a server can neither add a name nor move one between scopes. CAIRN_E_REFUSED "params.declared". */
CAIRN_RC cairn_manifest_check_sets(const struct cairn_manifest *manifest, struct cairn_span release_set,
                                   struct cairn_span online_set, struct cairn_err *err);

struct cairn_manifest_draft {
    const char *device_class;
    uint64_t svn, floor, issued_s, expires_s;
    uint32_t vault_version;
    struct cairn_param_assets assets; /* borrowed */
    size_t num_approvals;
    const json_t *approvals[CAIRN_MANIFEST_MAX_APPROVALS]; /* pcr.approval objects, put in as they are */
};
/* cairn_manifest_build replaces `out` by the canonical payload, read back with cairn_manifest_parse. Its codes. */
CAIRN_RC cairn_manifest_build(const struct cairn_manifest_draft *draft, struct cairn_buf *out, struct cairn_err *err);

#endif
