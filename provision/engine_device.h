/* provision/engine_device.h -- the device's side of provisioning: ask for a grant, install it, answer with a receipt.
 *
 * Install verifies everything again against the pinned root, opens the transport key through the TPM, checks every byte, and
 * only then moves the epoch. A cut at any point leaves the device unprovisioned or provisioned, never half: start again with a
 * new grant (its `from` is the counter as certified then).
 *
 * Trust boundary: all three files are foreign until their signatures and digests hold. Source: DESIGN 9; RECORD "First
 * provisioning". Threading: one object, one thread.
 */
#ifndef CAIRN_PROVISION_ENGINE_DEVICE_H
#define CAIRN_PROVISION_ENGINE_DEVICE_H

#include "provision/receipt.h"
#include "storage/vault_device.h"

/* cairn_request_make writes a request over `nonce`, quoting `mask`. CAIRN_E_REFUSED "device.unenrolled", "state.lost" (and no
 * first provisioning may mend it); tpm.*. */
CAIRN_RC cairn_request_make(const struct cairn_vault_place *place, const struct cairn_state *state, const uint8_t nonce[32],
                            uint32_t mask, struct cairn_buf *out, struct cairn_err *err);

/* cairn_request_sign is the same for whoever has the TPM and no state directory: the request says where the counter stands, and
 * whether a grant may follow is decided again at the install. The TPM object is pinned to `statement`. tpm.*. */
CAIRN_RC cairn_request_sign(struct cairn_tpm *tpm, const struct cairn_statement *statement, const uint8_t nonce[32],
                            uint32_t mask, struct cairn_buf *out, struct cairn_err *err);

struct cairn_install {
    struct cairn_span manifest, grant, assets; /* whole files */
    uint64_t now_s;
};
/* cairn_install_run installs and replaces `receipt` by the receipt file; `state` becomes the new state. The same grant again
 * after success: only the receipt is made again. CAIRN_E_REFUSED, before anything changed: cairn_manifest_open's,
 * cairn_grant_open's, cairn_grant_check's; "device.unenrolled"; "state.lost"; "grant.installed" (there is a record, of another
 * grant); "grant.assets" (assets.bin is not the granted one); "grant.epoch" (the counter is not `from`), "grant.boot",
 * "grant.object" (from the TPM); "assets.*", "params.*", "manifest.boot". After that: file.*, tpm.*, "state.boot". */
CAIRN_RC cairn_install_run(const struct cairn_vault_place *place, const struct cairn_install *in, struct cairn_state *state,
                           struct cairn_buf *receipt, struct cairn_err *err);

#endif
