/* provision/grant.h -- the grant: this release for this device in this boot state, until its epoch moves.
 *
 * Signed by role provision. It carries the transport key inside an import object that only this TPM opens, only under the
 * quoted PCRs and only while the counter is `from`. Version 1 knows first provisioning only: `first` true, to == from + 2.
 * What a stolen provision key cannot do is decided by what a grant does not hold: see docs/threat-model.md (CHECKS 66).
 *
 * Pure. Source: DESIGN 9; docs/formats.md "grant".
 */
#ifndef CAIRN_PROVISION_GRANT_H
#define CAIRN_PROVISION_GRANT_H

#include "provision/assets.h"
#include "provision/manifest.h"
#include "provision/request.h"
#include "tpm_data/wrap.h"

enum { CAIRN_FIRST_STEPS = 2 }; /* first provisioning moves the epoch by two: nothing of a former life opens (RECORD) */

struct cairn_grant {
    uint8_t fleet[32], device[32];
    struct cairn_name ak;
    char device_class[CAIRN_CLASS_MAX];
    uint8_t manifest[32]; /* SHA-256 of the manifest's payload */
    uint8_t params[32];   /* SHA-256 of the online set's asset plaintext */
    uint32_t root_version;
    uint64_t from, to;
    struct cairn_area object; /* import object: public area, private part, seed */
    struct cairn_blob duplicate, seed;
    uint32_t mask;
    uint8_t pcr_digest[32];
    uint8_t assets[32]; /* SHA-256 of assets.bin */
    uint64_t issued_s, expires_s;
    uint8_t digest[32]; /* SHA-256 of the payload: the receipt's nonce */
};
/* cairn_grant_open verifies the signature (role provision), then reads. CAIRN_E_REFUSED "grant.signer", "grant.holders",
 * "signature.invalid"; "grant.fleet", "grant.class", "grant.root" (made under another version of the root), "grant.first"
 * (version 1 knows no other kind), "grant.to" (not from + 2), "grant.expired" (now_s 0: not judged); CAIRN_E_FORMAT json.*. */
CAIRN_RC cairn_grant_open(const struct cairn_root *root, struct cairn_span file, uint64_t now_s, struct cairn_grant *out,
                          struct cairn_err *err);
/* cairn_grant_check decides whether the grant is for this device and this manifest. CAIRN_E_REFUSED "grant.device", "grant.ak",
 * "grant.manifest". */
CAIRN_RC cairn_grant_check(const struct cairn_grant *grant, const struct cairn_statement *statement,
                           const struct cairn_manifest *manifest, struct cairn_err *err);

struct cairn_grant_draft {
    const struct cairn_root *root;
    const struct cairn_statement *statement;
    const struct cairn_manifest *manifest;
    const struct cairn_request *request;     /* verified */
    const struct cairn_claim *evidence;      /* the appraised evidence's quote, verified */
    const struct cairn_param_assets *assets; /* params.json, compiled again */
    uint32_t mask;                           /* the policy's seal set */
    uint8_t pcr_digest[32];                  /* over it, from values that the evidence's quote confirmed */
    uint64_t now_s, expires_s;
};
/* cairn_grant_build makes a fresh transport key and replaces `payload` and `assets` (the container).
 * CAIRN_E_REFUSED "grant.boot" (request and evidence are of two boots, or the request is older than the evidence),
 * "grant.pcrs" (the request quotes the same PCRs with other values), "grant.params.digest" (not the release set that the
 * manifest fixes), "params.declared", "manifest.boot", "manifest.class". */
CAIRN_RC cairn_grant_build(const struct cairn_grant_draft *draft, struct cairn_buf *payload, struct cairn_buf *assets,
                           struct cairn_err *err);

#endif
