/* storage/identity_device.h -- the signed files that say who this device is: root.dsse and statement.dsse in the state
 * directory.
 *
 * A root on disk is trusted because the measured boot carries its digest (cairn-measure) and the AK's `unique` is the fleet; a
 * statement because the root verifies it. Source: DESIGN 4, 6; CHECKS 57.
 */
#ifndef CAIRN_STORAGE_IDENTITY_DEVICE_H
#define CAIRN_STORAGE_IDENTITY_DEVICE_H

#include "authority/statement.h"
#include "core/file.h"
#include "tpm/tpm.h"

#define CAIRN_IDENTITY_ROOT      "root.dsse"
#define CAIRN_IDENTITY_STATEMENT "statement.dsse"

struct cairn_identity {
    struct cairn_root *root;
    struct cairn_buf root_file;
    bool enrolled;
    struct cairn_statement statement; /* when enrolled */
    struct cairn_buf statement_file;
};
void cairn_identity_clear(struct cairn_identity *identity);
#define CAIRN_IDENTITY CAIRN_CLEANUP(cairn_identity_clear) struct cairn_identity
/* cairn_identity_load reads and verifies both files; an absent statement means MANUFACTURED. Dates were judged at acceptance:
 * `now_s` is not used, so that no device dies of a key that expired since.
 * CAIRN_E_REFUSED "device.uninitialised" (no root: run `cairn device init`), "root.replaced" (the root does not verify the
 * statement: one of them is another fleet's), root.* (root.dsse is damaged). */
CAIRN_RC cairn_identity_load(struct cairn_fs *state, uint64_t now_s, struct cairn_identity *out, struct cairn_err *err);
/* cairn_identity_pin pins the statement's Names in the TPM object; not enrolled: CAIRN_E_REFUSED "device.unenrolled". */
CAIRN_RC cairn_identity_pin(const struct cairn_identity *identity, struct cairn_tpm *tpm, struct cairn_err *err);

/* cairn_identity_pin_names pins the derived Names of `s`, which need not be signed yet: for enrolment. */
CAIRN_RC cairn_identity_pin_names(const struct cairn_statement *s, struct cairn_tpm *tpm, struct cairn_err *err);
/* cairn_identity_accept_root and _accept_statement keep a file that the caller has verified, durably. The same bytes again are
 * CAIRN_OK; others are CAIRN_E_REFUSED "root.replaced", "enrolment.other". */
CAIRN_RC cairn_identity_accept_root(struct cairn_fs *state, struct cairn_span file, struct cairn_err *err);
CAIRN_RC cairn_identity_accept_statement(struct cairn_fs *state, struct cairn_span file, struct cairn_err *err);

#endif
