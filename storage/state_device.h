/* storage/state_device.h -- which record holds on this machine: storage/state.h bound to its TPM and state directory.
 *
 * Source: RECORD.md, kept in docs/architecture.md, is the reference; it is model-checked by tests/model.
 */
#ifndef CAIRN_STORAGE_STATE_DEVICE_H
#define CAIRN_STORAGE_STATE_DEVICE_H

#include "authority/approval.h"
#include "storage/identity_device.h"
#include "storage/state.h"

#define CAIRN_APPROVALS_FILE "approvals.json"

/* cairn_state_read reads both anchors (authenticated, 4 TPM commands) and the one copy they name; the other copy is never
 * read. State lost is *not* an error here (state->lost). Without anchors: ENROLLED when the enrolment's epoch value still
 * stands (one authenticated counter read), lost otherwise. Errors: tpm.* only. The TPM object must be pinned
 * (cairn_identity_pin) when the identity is enrolled. */
CAIRN_RC cairn_state_read(struct cairn_fs *fs, const struct cairn_identity *identity, struct cairn_tpm *tpm,
                          struct cairn_state *out, struct cairn_err *err);
/* cairn_state_commit makes `next` the device's record: generation is set to state's + 1; copy written, synced, read back from
 * the medium; anchor written under `approval` (the anchor one); acknowledged only then; `state` becomes the new state.
 * CAIRN_E_REFUSED "state.boot" (this boot state may not write anchors), and cairn_state_advance's; file.*, tpm.*. After an
 * error the device is wholly in the old or wholly in the new state: read again. */
CAIRN_RC cairn_state_commit(struct cairn_fs *fs, struct cairn_tpm *tpm, const struct cairn_approval *approval,
                            const struct cairn_record *next, struct cairn_state *state, struct cairn_err *err);
/* cairn_state_prepare makes the anchor indices that are absent, unwritten. Before the epoch moves: so a first provisioning that
 * is cut never looks like anchors that somebody took away. */
CAIRN_RC cairn_state_prepare(const struct cairn_identity *identity, struct cairn_tpm *tpm, struct cairn_err *err);
/* cairn_state_first is the first provisioning's commit (RECORD): both anchors defined, records 0 and 1 written, NV_Write 0,
 * NV_Write 1. */
CAIRN_RC cairn_state_first(struct cairn_fs *fs, const struct cairn_identity *identity, struct cairn_tpm *tpm,
                           const struct cairn_approval *approval, const struct cairn_record *next, struct cairn_state *state,
                           struct cairn_err *err);
/* Approvals kept in the state directory ("approvals.json", a pcr.approval file as it is): self-authenticating, checked against
 * the root at each load. CAIRN_E_REFUSED "approval.absent"; cairn_approvals_read's codes. */
CAIRN_RC cairn_state_approvals(struct cairn_fs *fs, const struct cairn_identity *identity, struct cairn_approvals *out,
                               struct cairn_err *err);

#endif
