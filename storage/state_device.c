/* storage/state_device.c -- binds the seam of storage/state.h to the TPM.
 */
#include "storage/state_device.h"

#include <errno.h>
#include <string.h>

struct binding {
    struct cairn_tpm *tpm;
    const struct cairn_approval *approval; /* NULL: only reading */
    uint8_t policy[32];                    /* the anchors' authPolicy; used by define only */
};

/* pass_on hands an error up that was first looked at here. */
static enum cairn_rc pass_on(enum cairn_rc rc, const struct cairn_err *seen, struct cairn_err *err)
{
    if (err != NULL) {
        *err = *seen;
    }
    return rc;
}

/* An index that is not there, not written or not ours is a finding, not a failure: what follows from it is RECORD's table. */
static CAIRN_RC read_index(void *ctx, unsigned i, enum cairn_index *kind, uint8_t out[CAIRN_ANCHOR_LEN], struct cairn_err *err)
{
    static const struct {
        const char *code;
        enum cairn_index kind;
    } FOUND[] = {{"tpm.anchor.absent", CAIRN_INDEX_ABSENT},
                 {"tpm.anchor.unwritten", CAIRN_INDEX_UNWRITTEN},
                 {"tpm.anchor.other", CAIRN_INDEX_REPLACED}};
    struct binding *b = ctx;
    struct cairn_err seen = {0};
    enum cairn_rc rc = cairn_tpm_anchor_read(b->tpm, i, out, &seen);
    if (rc == CAIRN_OK) {
        *kind = CAIRN_INDEX_WRITTEN;
        return CAIRN_OK;
    }
    for (size_t k = 0; k < CAIRN_ARRAY_LEN(FOUND); k++) {
        if (strcmp(seen.code, FOUND[k].code) == 0) {
            *kind = FOUND[k].kind;
            return CAIRN_OK;
        }
    }
    return pass_on(rc, &seen, err);
}

static CAIRN_RC write_index(void *ctx, unsigned i, const uint8_t bytes[CAIRN_ANCHOR_LEN], struct cairn_err *err)
{
    struct binding *b = ctx;
    return cairn_tpm_anchor_write(b->tpm, i, bytes, b->approval, err);
}

static CAIRN_RC define_index(void *ctx, unsigned i, struct cairn_err *err)
{
    struct binding *b = ctx;
    return cairn_tpm_anchor_define(b->tpm, i, b->policy, err);
}

/* A counter that is gone is state lost; but first: is this the TPM at all, or was the board's replaced? */
static CAIRN_RC read_counter(void *ctx, bool *there, uint64_t *out, struct cairn_err *err)
{
    struct binding *b = ctx;
    struct cairn_err seen = {0};
    enum cairn_rc rc = cairn_tpm_epoch_read(b->tpm, out, &seen);
    *there = rc == CAIRN_OK;
    if (rc == CAIRN_OK) {
        return CAIRN_OK;
    }
    if (strcmp(seen.code, "tpm.epoch.absent") == 0 || strcmp(seen.code, "tpm.epoch.other") == 0) {
        return cairn_tpm_identify(b->tpm, err);
    }
    return pass_on(rc, &seen, err);
}

static const struct cairn_anchor_ops TPM_OPS = {read_index, write_index, define_index, read_counter};

static struct cairn_anchored bind_state(struct cairn_fs *fs, struct binding *b, const uint8_t *statement, uint64_t enrolled_at)
{
    return (struct cairn_anchored){.fs = fs, .ops = &TPM_OPS, .ctx = b, .statement = statement, .enrolled_at = enrolled_at};
}

CAIRN_RC cairn_state_read(struct cairn_fs *fs, const struct cairn_identity *identity, struct cairn_tpm *tpm,
                          struct cairn_state *out, struct cairn_err *err)
{
    struct binding b = {.tpm = tpm};
    struct cairn_anchored a =
        bind_state(fs, &b, identity->enrolled ? identity->statement.digest : NULL, identity->statement.epoch_value);
    return cairn_state_recover(&a, out, err);
}

CAIRN_RC cairn_state_commit(struct cairn_fs *fs, struct cairn_tpm *tpm, const struct cairn_approval *approval,
                            const struct cairn_record *next, struct cairn_state *state, struct cairn_err *err)
{
    struct binding b = {.tpm = tpm, .approval = approval};
    /* The record read at this start was checked against the identity's statement: its successor must keep it. */
    struct cairn_anchored a = bind_state(fs, &b, state->record.statement, 0);
    return cairn_state_advance(&a, next, state, err);
}

static CAIRN_RC anchor_policy(const struct cairn_identity *identity, struct binding *b, struct cairn_err *err)
{
    return cairn_policy_anchor(cairn_root_pcrpolicy_key(identity->root), cairn_root_class(identity->root), b->policy, err);
}

CAIRN_RC cairn_state_prepare(const struct cairn_identity *identity, struct cairn_tpm *tpm, struct cairn_err *err)
{
    struct binding b = {.tpm = tpm};
    CAIRN_TRY(anchor_policy(identity, &b, err));
    CAIRN_TRY(define_index(&b, 0, err));
    return define_index(&b, 1, err);
}

CAIRN_RC cairn_state_first(struct cairn_fs *fs, const struct cairn_identity *identity, struct cairn_tpm *tpm,
                           const struct cairn_approval *approval, const struct cairn_record *next, struct cairn_state *state,
                           struct cairn_err *err)
{
    struct binding b = {.tpm = tpm, .approval = approval};
    CAIRN_TRY(anchor_policy(identity, &b, err));
    struct cairn_anchored a =
        bind_state(fs, &b, identity->enrolled ? identity->statement.digest : NULL, identity->statement.epoch_value);
    return cairn_state_start(&a, next, state, err);
}

CAIRN_RC cairn_state_approvals(struct cairn_fs *fs, const struct cairn_identity *identity, struct cairn_approvals *out,
                               struct cairn_err *err)
{
    CAIRN_BUF text = {0};
    CAIRN_JSON *json = NULL;
    enum cairn_rc rc = cairn_file_read(fs, CAIRN_APPROVALS_FILE, CAIRN_FILE_MAX, &text, err);
    if (rc == CAIRN_E_IO && err != NULL && err->cause == ENOENT) {
        return CAIRN_FAIL(err, CAIRN_E_REFUSED, "approval.absent",
                          "there is no %s in the state directory: this device was never provisioned", CAIRN_APPROVALS_FILE);
    }
    CAIRN_TRY(rc);
    CAIRN_TRY(cairn_json_parse(cairn_json_trim_newline(cairn_buf_span(&text)), CAIRN_FILE_MAX, true, CAIRN_APPROVALS_FILE,
                               &json, err));
    return cairn_approvals_read(json, identity->root, out, err);
}
