/* storage/vault_device.h -- what this device keeps: the parameters, opened once through the TPM and then in memory.
 *
 * Every commit makes a fresh storage key, sealed so that only an approved boot state at this floor opens it and only while the
 * epoch counter is not past the record's epoch; writes a whole new vault file under a new name; and moves the record on.
 *
 * Trust boundary: the file is on disk, its digest in the anchored record. Source: DESIGN 6; RECORD commit 2, 8, 11.
 * Threading: one object, one thread.
 */
#ifndef CAIRN_STORAGE_VAULT_DEVICE_H
#define CAIRN_STORAGE_VAULT_DEVICE_H

#include "storage/state_device.h"
#include "storage/vault.h"

/* struct cairn_vault_place: where a vault lives. Borrowed for as long as anything made from it. */
struct cairn_vault_place {
    struct cairn_fs *fs;
    const struct cairn_identity *identity;
    struct cairn_tpm *tpm; /* pinned */
};
/* cairn_vault_write makes `set` durable as the vault file of `generation` and puts file name, digest and the sealed fresh
 * storage key into `record`, whose floor and bound it seals to. Nothing holds until a record naming it is anchored. */
CAIRN_RC cairn_vault_write(const struct cairn_vault_place *place, struct cairn_span set, uint64_t generation,
                           struct cairn_record *record, struct cairn_err *err);
/* cairn_vault_sweep removes vault files that `record` does not name. */
CAIRN_RC cairn_vault_sweep(struct cairn_fs *fs, const struct cairn_record *record, struct cairn_err *err);

struct cairn_vault;
/* cairn_vault_open opens the vault that `state` names; `state` is borrowed and changed by cairn_vault_commit. 7 TPM commands
 * with a cached ticket. CAIRN_E_REFUSED "state.lost", "state.life" (not OPERATIONAL), "vault.absent" (none was provisioned, or
 * its file is gone), "vault.digest" (the file is not the one the record names), "approval.floor" (approvals of another floor),
 * "vault.boot", "vault.epoch" (killed: dead for ever), cairn_vault_decrypt's, cairn_state_approvals'. */
CAIRN_RC cairn_vault_open(const struct cairn_vault_place *place, struct cairn_state *state, struct cairn_vault **out,
                          struct cairn_err *err);
void cairn_vault_free(struct cairn_vault *vault);
void cairn_vault_freep(struct cairn_vault **vault);
#define CAIRN_VAULT CAIRN_CLEANUP(cairn_vault_freep) struct cairn_vault

/* The parameters, for storage/params.h: valid until the next change. */
struct cairn_span cairn_vault_params(const struct cairn_vault *vault);
/* CAIRN_E_REFUSED "params.absent". The span is valid until the next change. */
CAIRN_RC cairn_vault_get(const struct cairn_vault *vault, const char *name, struct cairn_span *out, struct cairn_err *err);
/* Changes in memory. What the release fixed stays: CAIRN_E_REFUSED "store.scope"; also cairn_params_put's and _drop's. */
CAIRN_RC cairn_vault_set(struct cairn_vault *vault, const char *name, struct cairn_span value, struct cairn_err *err);
CAIRN_RC cairn_vault_remove(struct cairn_vault *vault, const char *name, struct cairn_err *err);
/* cairn_vault_commit makes the changes hold: durable and anchored when it returns CAIRN_OK; after an error wholly old or wholly
 * new: open again. CAIRN_E_REFUSED "state.phase" (a transaction is under way); cairn_state_commit's. */
CAIRN_RC cairn_vault_commit(struct cairn_vault *vault, struct cairn_err *err);

#endif
