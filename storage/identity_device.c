/* storage/identity_device.c -- see storage/identity_device.h.
 *
 * Trust boundary: whoever can write the disk can replace both files, with files that verify against each other at best: then
 * root and statement are another fleet's, the pinned Names are not this TPM's, and every command ends there.
 */
#include "storage/identity_device.h"

#include <string.h>

void cairn_identity_clear(struct cairn_identity *identity)
{
    cairn_root_free(identity->root);
    cairn_buf_clear(&identity->root_file);
    cairn_buf_clear(&identity->statement_file);
    *identity = (struct cairn_identity){.root = NULL};
}

static CAIRN_RC load_root(struct cairn_fs *state, struct cairn_identity *out, struct cairn_err *err)
{
    if (!cairn_file_exists(state, CAIRN_IDENTITY_ROOT)) {
        return CAIRN_FAIL(err, CAIRN_E_REFUSED, "device.uninitialised",
                          "this device has no root: run `cairn device init root.dsse`");
    }
    CAIRN_TRY(cairn_file_read(state, CAIRN_IDENTITY_ROOT, CAIRN_FILE_MAX, &out->root_file, err));
    return cairn_root_open(cairn_buf_span(&out->root_file), 0, &out->root, err);
}

static CAIRN_RC load_statement(struct cairn_fs *state, struct cairn_identity *out, struct cairn_err *err)
{
    if (!cairn_file_exists(state, CAIRN_IDENTITY_STATEMENT)) {
        return CAIRN_OK;
    }
    CAIRN_TRY(cairn_file_read(state, CAIRN_IDENTITY_STATEMENT, CAIRN_FILE_MAX, &out->statement_file, err));
    enum cairn_rc rc = cairn_statement_open(out->root, cairn_buf_span(&out->statement_file), 0, &out->statement, err);
    if (rc == CAIRN_E_REFUSED) {
        cairn_err_prefix(err, "root.dsse and statement.dsse do not belong together");
        return CAIRN_FAIL(err, rc, "root.replaced", "%s", err != NULL ? err->text : "");
    }
    out->enrolled = rc == CAIRN_OK;
    return rc;
}

CAIRN_RC cairn_identity_load(struct cairn_fs *state, uint64_t now_s, struct cairn_identity *out, struct cairn_err *err)
{
    (void)now_s; /* dates were judged when the files were accepted: a device must not die of a key that expired since */
    CAIRN_IDENTITY identity = {.root = NULL};
    CAIRN_TRY(load_root(state, &identity, err));
    CAIRN_TRY(load_statement(state, &identity, err));
    cairn_identity_clear(out);
    *out = identity;
    identity = (struct cairn_identity){.root = NULL};
    return CAIRN_OK;
}

CAIRN_RC cairn_identity_pin_names(const struct cairn_statement *s, struct cairn_tpm *tpm, struct cairn_err *err)
{
    struct cairn_tpm_pins pins = {
        .srk = s->srk_name, .ak = s->ak_name, .epoch = s->epoch_name, .anchor = {s->anchor_name[0], s->anchor_name[1]}};
    struct cairn_writer w = cairn_writer(pins.fleet, sizeof pins.fleet);
    cairn_write_bytes(&w, CAIRN_SPAN(s->fleet));
    return cairn_tpm_pin(tpm, &pins, err);
}

CAIRN_RC cairn_identity_pin(const struct cairn_identity *identity, struct cairn_tpm *tpm, struct cairn_err *err)
{
    if (!identity->enrolled) {
        return CAIRN_FAIL(err, CAIRN_E_REFUSED, "device.unenrolled", "this device is not enrolled: see `cairn enrol request`");
    }
    return cairn_identity_pin_names(&identity->statement, tpm, err);
}

static CAIRN_RC accept_file(struct cairn_fs *state, const char *name, struct cairn_span file, const char *other_code,
                            const char *other_text, struct cairn_err *err)
{
    CAIRN_BUF there = {0};
    if (cairn_file_exists(state, name)) {
        CAIRN_TRY(cairn_file_read(state, name, CAIRN_FILE_MAX, &there, err));
        if (!cairn_span_equal(cairn_buf_span(&there), file)) {
            return CAIRN_FAIL(err, CAIRN_E_REFUSED, other_code, "%s", other_text);
        }
        return CAIRN_OK;
    }
    return cairn_file_replace(state, name, file, 0600, err);
}

CAIRN_RC cairn_identity_accept_root(struct cairn_fs *state, struct cairn_span file, struct cairn_err *err)
{
    return accept_file(state, CAIRN_IDENTITY_ROOT, file, "root.replaced",
                       "this device has another root: only its measured boot may replace that", err);
}

CAIRN_RC cairn_identity_accept_statement(struct cairn_fs *state, struct cairn_span file, struct cairn_err *err)
{
    return accept_file(state, CAIRN_IDENTITY_STATEMENT, file, "enrolment.other",
                       "this device is enrolled with another statement: retire it before it is enrolled again", err);
}
