/* tpm/nv.c -- the epoch counter and the state anchors.
 *
 * A password session's answer proves nothing, so every read and increment here is an HMAC session salted to the pinned SRK
 * (an interposer that swallows an increment or answers an old value is noticed), and every index is the one whose Name was
 * computed. An anchor is written in a salted policy session: a valid answer is the commit.
 *
 * Source: TPM 2.0 Part 3, section 31 (NV); DESIGN 5, 6.
 */
#include "tpm/tpm_internal.h"

enum { SCRATCH_FIRST = 0x10, SCRATCH_NUM = 8, WRITE_TRIES = 2 };

bool cairn_tpm_counter_returned(uint64_t before, uint64_t after)
{
    return after <= before;
}

static TSS2_RC define(struct cairn_tpm *tpm, const struct cairn_area *area, ESYS_TR *out)
{
    static const TPM2B_AUTH no_auth = {0};
    TPM2B_NV_PUBLIC public = {0};
    ESYS_TR session = ESYS_TR_NONE;
    CAIRN_TPM_TRY(cairn_tpm_nv_in(area, &public));
    CAIRN_TPM_TRY(cairn_tpm_hierarchy_session(tpm, ESYS_TR_RH_OWNER, &session));
    tpm->step = CAIRN_STEP_HIERARCHY;
    CAIRN_TPM_TRY(
        Esys_NV_DefineSpace(tpm->esys, ESYS_TR_RH_OWNER, session, ESYS_TR_NONE, ESYS_TR_NONE, &no_auth, &public, out));
    tpm->step = CAIRN_STEP_OTHER;
    cairn_tpm_session_used(tpm, session);
    return TSS2_RC_SUCCESS;
}

static TSS2_RC undefine(struct cairn_tpm *tpm, ESYS_TR nv)
{
    ESYS_TR session = ESYS_TR_NONE;
    CAIRN_TPM_TRY(cairn_tpm_hierarchy_session(tpm, ESYS_TR_RH_OWNER, &session));
    tpm->step = CAIRN_STEP_HIERARCHY;
    CAIRN_TPM_TRY(Esys_NV_UndefineSpace(tpm->esys, ESYS_TR_RH_OWNER, nv, session, ESYS_TR_NONE, ESYS_TR_NONE));
    tpm->step = CAIRN_STEP_OTHER;
    cairn_tpm_session_used(tpm, session);
    return TSS2_RC_SUCCESS;
}

static TSS2_RC increment_index(struct cairn_tpm *tpm, ESYS_TR nv)
{
    ESYS_TR session = ESYS_TR_NONE;
    CAIRN_TPM_TRY(cairn_tpm_session(tpm, TPM2_SE_HMAC, 0, &session));
    tpm->step = CAIRN_STEP_HIERARCHY;
    CAIRN_TPM_TRY(Esys_NV_Increment(tpm->esys, ESYS_TR_RH_OWNER, nv, session, ESYS_TR_NONE, ESYS_TR_NONE));
    tpm->step = CAIRN_STEP_OTHER;
    cairn_tpm_session_used(tpm, session);
    return TSS2_RC_SUCCESS;
}

static TSS2_RC read_index(struct cairn_tpm *tpm, ESYS_TR nv, uint8_t *out, uint16_t len)
{
    ESYS_TR session = ESYS_TR_NONE;
    TPM2B_MAX_NV_BUFFER *data = NULL;
    CAIRN_TPM_TRY(cairn_tpm_session(tpm, TPM2_SE_HMAC, TPMA_SESSION_ENCRYPT, &session));
    CAIRN_TPM_TRY(Esys_NV_Read(tpm->esys, nv, nv, session, ESYS_TR_NONE, ESYS_TR_NONE, len, 0, &data));
    cairn_tpm_session_used(tpm, session);
    struct cairn_reader r = cairn_reader(cairn_span(data->buffer, data->size));
    cairn_read_array(&r, out, len);
    bool right = cairn_reader_done(&r);
    Esys_Free(data);
    return right ? TSS2_RC_SUCCESS : CAIRN_TPM_RC_SHAPE;
}

static TSS2_RC read_counter(struct cairn_tpm *tpm, ESYS_TR nv, uint64_t *out)
{
    uint8_t bytes[8] = {0};
    CAIRN_TPM_TRY(read_index(tpm, nv, bytes, sizeof bytes));
    struct cairn_reader r = cairn_reader(CAIRN_SPAN(bytes));
    *out = cairn_read_u64(&r);
    return TSS2_RC_SUCCESS;
}

/* What stands at `handle`: nothing, the template unwritten, the template written, or something else. */
enum there { NOTHING, FRESH, WRITTEN, FOREIGN };
struct templates {
    struct cairn_area fresh;
    struct cairn_name fresh_name, written_name;
};

static TSS2_RC templates_name(struct cairn_tpm *tpm, struct templates *t, const struct cairn_area *written)
{
    CAIRN_TPM_TRY(cairn_tpm_core(tpm, cairn_name_compute(cairn_area_span(&t->fresh), &t->fresh_name, tpm->err)));
    return cairn_tpm_core(tpm, cairn_name_compute(cairn_area_span(written), &t->written_name, tpm->err));
}

static TSS2_RC epoch_templates(struct cairn_tpm *tpm, uint32_t index, struct templates *t)
{
    struct cairn_area written = {0};
    cairn_template_epoch(index, false, &t->fresh);
    cairn_template_epoch(index, true, &written);
    return templates_name(tpm, t, &written);
}

static TSS2_RC look(struct cairn_tpm *tpm, uint32_t index, const struct templates *t, enum there *there, ESYS_TR *nv)
{
    struct cairn_name name = {0};
    TSS2_RC rc = Esys_TR_FromTPMPublic(tpm->esys, index, ESYS_TR_NONE, ESYS_TR_NONE, ESYS_TR_NONE, nv);
    *there = NOTHING;
    if (cairn_tpm_nothing_there(rc)) {
        *nv = ESYS_TR_NONE;
        return TSS2_RC_SUCCESS;
    }
    CAIRN_TPM_TRY(rc);
    CAIRN_TPM_TRY(cairn_tpm_name(tpm, *nv, &name));
    *there = cairn_name_equal(&name, &t->fresh_name) ? FRESH : cairn_name_equal(&name, &t->written_name) ? WRITTEN : FOREIGN;
    if (*there == FOREIGN) {
        (void)Esys_TR_Close(tpm->esys, nv);
    }
    return TSS2_RC_SUCCESS;
}

/* A fresh counter index, its first value, and the index gone again. */
static TSS2_RC one_life(struct cairn_tpm *tpm, const struct templates *t, uint64_t *value)
{
    ESYS_TR nv = ESYS_TR_NONE;
    CAIRN_TPM_TRY(define(tpm, &t->fresh, &nv));
    CAIRN_TPM_TRY(increment_index(tpm, nv));
    CAIRN_TPM_TRY(read_counter(tpm, nv, value));
    return undefine(tpm, nv);
}

/* The kill relies on a counter never returning to an old value, not even by undefining it: tried on a scratch index. What an
 * interrupted trial left behind is removed; a foreign index stays and the next number is taken. */
static TSS2_RC trial(struct cairn_tpm *tpm)
{
    uint32_t base = tpm->config.epoch + SCRATCH_FIRST;
    for (uint32_t index = base; index < base + SCRATCH_NUM; index++) {
        struct templates t = {0};
        enum there there = NOTHING;
        ESYS_TR nv = ESYS_TR_NONE;
        uint64_t before = 0, after = 0;
        CAIRN_TPM_TRY(epoch_templates(tpm, index, &t));
        CAIRN_TPM_TRY(look(tpm, index, &t, &there, &nv));
        if (there == FOREIGN) {
            continue;
        }
        if (there != NOTHING) {
            CAIRN_TPM_TRY(undefine(tpm, nv));
        }
        CAIRN_TPM_TRY(one_life(tpm, &t, &before));
        CAIRN_TPM_TRY(one_life(tpm, &t, &after));
        return cairn_tpm_counter_returned(before, after) ? CAIRN_TPM_RC_RETURNS : TSS2_RC_SUCCESS;
    }
    return CAIRN_TPM_RC_SLOTS;
}

static TSS2_RC pin_index(struct cairn_tpm *tpm, enum cairn_tpm_thing which, const struct cairn_name *name,
                         struct cairn_name *pinned)
{
    if (!cairn_name_is_none(pinned) && !cairn_name_equal(pinned, name)) {
        return CAIRN_TPM_RC_OTHER(which);
    }
    *pinned = *name;
    cairn_tpm_thing_forget(tpm, which, false);
    return TSS2_RC_SUCCESS;
}

static TSS2_RC epoch_define(struct cairn_tpm *tpm, void *arg)
{
    struct templates t = {0};
    enum there there = NOTHING;
    ESYS_TR nv = ESYS_TR_NONE;
    (void)arg;
    cairn_tpm_thing_forget(tpm, CAIRN_THING_EPOCH, false);
    CAIRN_TPM_TRY(epoch_templates(tpm, tpm->config.epoch, &t));
    CAIRN_TPM_TRY(look(tpm, tpm->config.epoch, &t, &there, &nv));
    if (there == FOREIGN) {
        return CAIRN_TPM_RC_OTHER(CAIRN_THING_EPOCH);
    }
    CAIRN_TPM_TRY(trial(tpm));
    if (there == NOTHING) {
        CAIRN_TPM_TRY(define(tpm, &t.fresh, &nv));
    }
    if (there != WRITTEN) {
        CAIRN_TPM_TRY(increment_index(tpm, nv));
    }
    (void)Esys_TR_Close(tpm->esys, &nv);
    return pin_index(tpm, CAIRN_THING_EPOCH, &t.written_name, &tpm->pins.epoch);
}

CAIRN_RC cairn_tpm_epoch_define(struct cairn_tpm *tpm, struct cairn_err *err)
{
    static const struct cairn_tpm_op op = {.run = epoch_define, .task = CAIRN_TASK_EPOCH, .repeatable = true};
    return cairn_tpm_run(tpm, &op, NULL, err);
}

static TSS2_RC epoch_read(struct cairn_tpm *tpm, void *arg)
{
    ESYS_TR nv = ESYS_TR_NONE;
    CAIRN_TPM_TRY(cairn_tpm_thing_get(tpm, CAIRN_THING_EPOCH, false, &nv));
    return read_counter(tpm, nv, arg);
}

CAIRN_RC cairn_tpm_epoch_read(struct cairn_tpm *tpm, uint64_t *out, struct cairn_err *err)
{
    static const struct cairn_tpm_op op = {.run = epoch_read, .task = CAIRN_TASK_EPOCH, .repeatable = true};
    uint64_t value = 0;
    CAIRN_TRY(cairn_tpm_run(tpm, &op, &value, err));
    *out = value;
    return CAIRN_OK;
}

static TSS2_RC epoch_increment(struct cairn_tpm *tpm, void *arg)
{
    ESYS_TR nv = ESYS_TR_NONE;
    (void)arg;
    CAIRN_TPM_TRY(cairn_tpm_thing_get(tpm, CAIRN_THING_EPOCH, false, &nv));
    return increment_index(tpm, nv);
}

CAIRN_RC cairn_tpm_epoch_increment(struct cairn_tpm *tpm, struct cairn_err *err)
{
    static const struct cairn_tpm_op op = {.run = epoch_increment, .task = CAIRN_TASK_EPOCH};
    return cairn_tpm_run(tpm, &op, NULL, err);
}

struct anchor {
    unsigned i;
    const uint8_t *policy;
    uint8_t bytes[CAIRN_ANCHOR_LEN];
    const struct cairn_approval *approval;
};

static enum cairn_tpm_thing anchor_thing(unsigned i)
{
    return i == 0 ? CAIRN_THING_ANCHOR0 : CAIRN_THING_ANCHOR1;
}

static enum cairn_rc check_i(unsigned i, struct cairn_err *err)
{
    return i <= 1 ? CAIRN_OK : CAIRN_FAIL(err, CAIRN_E_USAGE, "tpm.input", "there are state anchors 0 and 1 only");
}

static TSS2_RC anchor_define(struct cairn_tpm *tpm, void *arg)
{
    struct anchor *a = arg;
    struct templates t = {0};
    struct cairn_area written = {0};
    enum there there = NOTHING;
    ESYS_TR nv = ESYS_TR_NONE;
    uint32_t index = tpm->config.anchor[a->i];
    cairn_tpm_thing_forget(tpm, anchor_thing(a->i), false);
    cairn_template_anchor(index, a->policy, false, &t.fresh);
    cairn_template_anchor(index, a->policy, true, &written);
    CAIRN_TPM_TRY(templates_name(tpm, &t, &written));
    CAIRN_TPM_TRY(look(tpm, index, &t, &there, &nv));
    if (there == FOREIGN) {
        return CAIRN_TPM_RC_OTHER(anchor_thing(a->i));
    }
    if (there == NOTHING) {
        CAIRN_TPM_TRY(define(tpm, &t.fresh, &nv));
    }
    (void)Esys_TR_Close(tpm->esys, &nv);
    return pin_index(tpm, anchor_thing(a->i), &t.written_name, &tpm->pins.anchor[a->i]);
}

CAIRN_RC cairn_tpm_anchor_define(struct cairn_tpm *tpm, unsigned i, const uint8_t policy[32], struct cairn_err *err)
{
    static const struct cairn_tpm_op op = {.run = anchor_define, .task = CAIRN_TASK_ANCHOR, .repeatable = true};
    struct anchor a = {.i = i, .policy = policy};
    CAIRN_TRY(check_i(i, err));
    return cairn_tpm_run(tpm, &op, &a, err);
}

static TSS2_RC anchor_read(struct cairn_tpm *tpm, void *arg)
{
    struct anchor *a = arg;
    ESYS_TR nv = ESYS_TR_NONE;
    CAIRN_TPM_TRY(cairn_tpm_thing_get(tpm, anchor_thing(a->i), false, &nv));
    return read_index(tpm, nv, a->bytes, sizeof a->bytes);
}

CAIRN_RC cairn_tpm_anchor_read(struct cairn_tpm *tpm, unsigned i, uint8_t out[CAIRN_ANCHOR_LEN], struct cairn_err *err)
{
    static const struct cairn_tpm_op op = {.run = anchor_read, .task = CAIRN_TASK_ANCHOR, .repeatable = true};
    struct anchor a = {.i = i};
    CAIRN_TRY(check_i(i, err));
    CAIRN_TRY(cairn_tpm_run(tpm, &op, &a, err));
    struct cairn_writer w = cairn_writer(out, CAIRN_ANCHOR_LEN);
    cairn_write_bytes(&w, CAIRN_SPAN(a.bytes));
    return CAIRN_OK;
}

static TSS2_RC anchor_write(struct cairn_tpm *tpm, void *arg)
{
    struct anchor *a = arg;
    ESYS_TR nv = ESYS_TR_NONE, session = ESYS_TR_NONE;
    TPM2B_MAX_NV_BUFFER data = {0};
    TPMT_TK_VERIFIED ticket = {0};
    CAIRN_TPM_TRY(CAIRN_TPM_BYTES_IN(CAIRN_SPAN(a->bytes), &data, buffer));
    CAIRN_TPM_TRY(cairn_tpm_thing_get(tpm, anchor_thing(a->i), true, &nv));
    CAIRN_TPM_TRY(cairn_tpm_ticket(tpm, a->approval, &ticket));
    CAIRN_TPM_TRY(cairn_tpm_session(tpm, TPM2_SE_POLICY, 0, &session));
    CAIRN_TPM_TRY(cairn_tpm_policy_approved(tpm, session, a->approval, &ticket));
    tpm->step = CAIRN_STEP_USE;
    CAIRN_TPM_TRY(Esys_NV_Write(tpm->esys, nv, nv, session, ESYS_TR_NONE, ESYS_TR_NONE, &data, 0));
    tpm->step = CAIRN_STEP_OTHER;
    cairn_tpm_session_used(tpm, session);
    cairn_tpm_thing_written(tpm, anchor_thing(a->i));
    return TSS2_RC_SUCCESS;
}

static bool holds(struct cairn_tpm *tpm, const struct anchor *a)
{
    uint8_t now[CAIRN_ANCHOR_LEN] = {0};
    return cairn_tpm_anchor_read(tpm, a->i, now, NULL) == CAIRN_OK && cairn_span_equal(CAIRN_SPAN(now), CAIRN_SPAN(a->bytes));
}

/* RECORD steps 6 and 7: only when the answer was lost or not authentic is what happened open; then the index is asked. */
CAIRN_RC cairn_tpm_anchor_write(struct cairn_tpm *tpm, unsigned i, const uint8_t bytes[CAIRN_ANCHOR_LEN],
                                const struct cairn_approval *approval, struct cairn_err *err)
{
    static const struct cairn_tpm_op op = {.run = anchor_write, .task = CAIRN_TASK_ANCHOR};
    struct anchor a = {.i = i, .approval = approval};
    enum cairn_rc rc = check_i(i, err);
    struct cairn_reader r = cairn_reader(cairn_span(bytes, CAIRN_ANCHOR_LEN));
    cairn_read_array(&r, a.bytes, sizeof a.bytes);
    for (unsigned n = 0; rc == CAIRN_OK && n < WRITE_TRIES; n++) {
        enum cairn_rc tried = cairn_tpm_run(tpm, &op, &a, err);
        bool open = cairn_tpm_dead(tpm->last);
        if (tried == CAIRN_OK || (open && holds(tpm, &a))) {
            return CAIRN_OK;
        }
        rc = open && n + 1 < WRITE_TRIES ? CAIRN_OK : tried;
    }
    return rc;
}
