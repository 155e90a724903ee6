/* storage/state.c -- RECORD's recovery table and commit. See storage/state.h.
 *
 * Order is everything here: a copy is durable and read back before its anchor is written, copy and anchor of generation n are
 * number n mod 2 (never the ones that hold n - 1), and what an anchor does not name does not exist.
 */
#include "storage/state.h"

#include <stdio.h>
#include <string.h>

enum { NUM_COPIES = 2, COPY_MODE = 0600 };

static const char *copy_name(uint64_t generation)
{
    return generation % NUM_COPIES == 0 ? "record.a" : "record.b";
}

static void lose(struct cairn_state *state, const char *why)
{
    state->lost = true;
    (void)snprintf(state->lost_why, sizeof state->lost_why, "%.*s", (int)sizeof state->lost_why - 1, why);
}

/* struct anchor is one index as read. */
struct anchor {
    enum cairn_index kind;
    bool intact; /* content with a right checksum */
    uint64_t generation;
    uint8_t digest[32];
};

static CAIRN_RC read_anchor(const struct cairn_anchored *a, unsigned i, struct anchor *out, struct cairn_err *err)
{
    uint8_t bytes[CAIRN_ANCHOR_LEN] = {0};
    *out = (struct anchor){0};
    CAIRN_TRY(a->ops->read(a->ctx, i, &out->kind, bytes, err));
    if (out->kind != CAIRN_INDEX_WRITTEN) {
        return CAIRN_OK;
    }
    return cairn_anchor_parse(bytes, &out->intact, &out->generation, out->digest, err);
}

static bool is_named(const struct anchor *anchor)
{
    return anchor->intact && anchor->generation > 0;
}

static bool copies_exist(struct cairn_fs *fs)
{
    return cairn_file_exists(fs, copy_name(0)) || cairn_file_exists(fs, copy_name(1));
}

/* Accept the copy that the top anchor names, or nothing. */
static void take_copy(const struct cairn_anchored *a, const struct anchor *top, struct cairn_state *out)
{
    CAIRN_BUF bytes = {0};
    struct cairn_err why = {0};
    uint8_t digest[32] = {0};
    struct cairn_record record = {0};
    if (cairn_file_read(a->fs, copy_name(top->generation), CAIRN_RECORD_LEN, &bytes, &why) != CAIRN_OK ||
        cairn_sha256(cairn_buf_span(&bytes), digest, &why) != CAIRN_OK) {
        lose(out, why.text);
        return;
    }
    if (memcmp(digest, top->digest, sizeof digest) != 0) {
        lose(out, "the record on disk is not the one the TPM names");
        return;
    }
    if (cairn_record_decode(cairn_buf_span(&bytes), &record, &why) != CAIRN_OK) {
        lose(out, why.text);
        return;
    }
    if (record.generation != top->generation) {
        lose(out, "the record's generation is not its anchor's");
        return;
    }
    if (memcmp(record.statement, a->statement, sizeof record.statement) != 0) {
        lose(out, "the record is of another enrolment than this device's statement");
        return;
    }
    out->has_record = true;
    out->record = record;
    out->life = record.life;
    cairn_copy(out->record_digest, digest, sizeof digest);
}

static bool in_wrong_index(const struct anchor *anchor, unsigned i)
{
    return anchor->intact && anchor->generation % NUM_COPIES != i;
}

/* Both indices have content: RECORD's table from its first line. Nothing lost and no record: only generation 0 is anchored. */
static void judge_written(const struct cairn_anchored *a, const struct anchor anchors[NUM_COPIES], struct cairn_state *out)
{
    if (!anchors[0].intact && !anchors[1].intact) {
        lose(out, "both anchors are torn");
        return;
    }
    if (in_wrong_index(&anchors[0], 0) || in_wrong_index(&anchors[1], 1)) {
        lose(out, "an anchor stands in the other's index");
        return;
    }
    bool both = anchors[0].intact && anchors[1].intact;
    unsigned top = anchors[1].intact && (!anchors[0].intact || anchors[1].generation > anchors[0].generation) ? 1 : 0;
    if (both && anchors[top].generation - anchors[1 - top].generation != 1) {
        lose(out, "the anchors' generations are not adjacent");
        return;
    }
    if (anchors[top].generation > 0) {
        take_copy(a, &anchors[top], out);
    }
}

static void judge(const struct cairn_anchored *a, const struct anchor anchors[NUM_COPIES], struct cairn_state *out)
{
    static const char *const WORDS[] = {"written", "unwritten", "absent", "replaced"};
    char why[sizeof out->lost_why];
    out->anchored = is_named(&anchors[0]) || is_named(&anchors[1]);
    if (anchors[0].kind == CAIRN_INDEX_WRITTEN && anchors[1].kind == CAIRN_INDEX_WRITTEN) {
        judge_written(a, anchors, out);
    } else if (out->anchored) {
        const struct anchor *other = anchors[0].kind != CAIRN_INDEX_WRITTEN ? &anchors[0] : &anchors[1];
        (void)snprintf(why, sizeof why, "a state anchor is %s", WORDS[other->kind]);
        lose(out, why);
    }
}

/* No record was accepted. Fresh is only what shows no past: the counter as enrolled, no content, no copies. A first
 * provisioning may go on where it was cut (indices there, nothing above generation 0 anchored), or under an enrolment that is
 * newer than whatever was anchored. */
static CAIRN_RC judge_unprovisioned(const struct cairn_anchored *a, const struct anchor anchors[NUM_COPIES],
                                    struct cairn_state *out, struct cairn_err *err)
{
    bool there = false, gone = false;
    uint64_t counter = 0;
    CAIRN_TRY(a->ops->counter(a->ctx, &there, &counter, err));
    for (unsigned i = 0; i < NUM_COPIES; i++) {
        gone = gone || anchors[i].kind == CAIRN_INDEX_ABSENT || anchors[i].kind == CAIRN_INDEX_REPLACED;
    }
    bool as_enrolled = there && counter == a->enrolled_at;
    /* Index 1 is written only after index 0 is whole: anything else is not the trace of a cut. */
    bool cut = !out->anchored && !gone && (anchors[0].intact || anchors[1].kind == CAIRN_INDEX_UNWRITTEN);
    out->first_allowed = there && (as_enrolled || cut);
    if (out->lost) {
        return CAIRN_OK;
    }
    if (!there) {
        lose(out, "the epoch counter is absent or replaced");
    } else if (!as_enrolled) {
        lose(out,
             gone ? "the state anchors were taken away, and the epoch counter has moved since enrolment"
                  : "nothing is anchored, but the epoch counter has moved since enrolment (a first provisioning cut short?)");
    } else if (copies_exist(a->fs)) {
        lose(out, "there is a record on disk, but nothing is anchored");
    }
    return CAIRN_OK;
}

CAIRN_RC cairn_state_recover(const struct cairn_anchored *a, struct cairn_state *out, struct cairn_err *err)
{
    struct cairn_state state = {.life = CAIRN_LIFE_ENROLLED};
    struct anchor anchors[NUM_COPIES] = {{0}};
    if (a->statement == NULL) {
        state.life = CAIRN_LIFE_MANUFACTURED;
        if (copies_exist(a->fs)) {
            lose(&state, "there is a record on disk, but no enrolment statement");
        }
        *out = state;
        return CAIRN_OK;
    }
    for (unsigned i = 0; i < NUM_COPIES; i++) {
        CAIRN_TRY(read_anchor(a, i, &anchors[i], err));
    }
    judge(a, anchors, &state);
    if (!state.has_record) {
        CAIRN_TRY(judge_unprovisioned(a, anchors, &state, err));
    }
    *out = state;
    return CAIRN_OK;
}

static CAIRN_RC write_copy(const struct cairn_anchored *a, const struct cairn_record *record, uint8_t anchor[CAIRN_ANCHOR_LEN],
                           struct cairn_err *err)
{
    uint8_t bytes[CAIRN_RECORD_LEN] = {0};
    CAIRN_TRY(cairn_record_encode(record, bytes, err));
    CAIRN_TRY(cairn_file_overwrite(a->fs, copy_name(record->generation), CAIRN_SPAN(bytes), COPY_MODE, err));
    return cairn_anchor_make(record->generation, bytes, anchor, err);
}

/* The commit has happened: the caller's view follows. */
static CAIRN_RC accept(const struct cairn_record *record, const uint8_t anchor[CAIRN_ANCHOR_LEN], struct cairn_state *state,
                       struct cairn_err *err)
{
    struct cairn_state fresh = {.life = record->life, .anchored = true, .has_record = true, .record = *record};
    bool intact = false;
    uint64_t generation = 0;
    CAIRN_TRY(cairn_anchor_parse(anchor, &intact, &generation, fresh.record_digest, err));
    *state = fresh;
    return CAIRN_OK;
}

static CAIRN_RC check_statement(const struct cairn_anchored *a, const struct cairn_record *next, struct cairn_err *err)
{
    if (a->statement == NULL || memcmp(a->statement, next->statement, sizeof next->statement) != 0) {
        return CAIRN_FAIL(err, CAIRN_E_REFUSED, "state.statement", "the record names another enrolment statement");
    }
    return CAIRN_OK;
}

static CAIRN_RC check_next(const struct cairn_state *state, const struct cairn_record *next, struct cairn_err *err)
{
    if (state->lost) {
        return CAIRN_FAIL(err, CAIRN_E_REFUSED, "state.lost", "state lost: %s", state->lost_why);
    }
    if (!state->has_record) {
        return CAIRN_FAIL(err, CAIRN_E_REFUSED, "state.life", "this device is %s: it has no record to follow",
                          cairn_life_name(state->life));
    }
    if (next->life < state->record.life) {
        return CAIRN_FAIL(err, CAIRN_E_REFUSED, "state.life", "%s is never left for %s", cairn_life_name(state->record.life),
                          cairn_life_name(next->life));
    }
    if (next->floor < state->record.floor) {
        return CAIRN_FAIL(err, CAIRN_E_REFUSED, "state.floor", "the floor is %llu and never sinks",
                          (unsigned long long)state->record.floor);
    }
    return CAIRN_OK;
}

CAIRN_RC cairn_state_advance(const struct cairn_anchored *a, const struct cairn_record *next, struct cairn_state *state,
                             struct cairn_err *err)
{
    CAIRN_TRY(check_next(state, next, err));
    CAIRN_TRY(check_statement(a, next, err));
    struct cairn_record record = *next;
    uint8_t anchor[CAIRN_ANCHOR_LEN] = {0};
    record.generation = state->record.generation + 1;
    CAIRN_TRY(write_copy(a, &record, anchor, err));
    CAIRN_TRY(a->ops->write(a->ctx, (unsigned)(record.generation % NUM_COPIES), anchor, err));
    return accept(&record, anchor, state, err);
}

CAIRN_RC cairn_state_start(const struct cairn_anchored *a, const struct cairn_record *next, struct cairn_state *state,
                           struct cairn_err *err)
{
    if (state->has_record) {
        return CAIRN_FAIL(err, CAIRN_E_REFUSED, "state.life", "this device is %s already", cairn_life_name(state->life));
    }
    CAIRN_TRY(check_statement(a, next, err));
    struct cairn_record record = *next;
    uint8_t anchors[NUM_COPIES][CAIRN_ANCHOR_LEN] = {{0}};
    for (unsigned i = 0; i < NUM_COPIES; i++) {
        CAIRN_TRY(a->ops->define(a->ctx, i, err));
    }
    for (unsigned i = 0; i < NUM_COPIES; i++) {
        record.generation = i;
        CAIRN_TRY(write_copy(a, &record, anchors[i], err));
    }
    for (unsigned i = 0; i < NUM_COPIES; i++) {
        CAIRN_TRY(a->ops->write(a->ctx, i, anchors[i], err));
    }
    return accept(&record, anchors[1], state, err);
}

CAIRN_RC cairn_state_require(const struct cairn_state *state, enum cairn_life life, struct cairn_err *err)
{
    if (state->lost) {
        return CAIRN_FAIL(err, CAIRN_E_REFUSED, "state.lost", "state lost: %s", state->lost_why);
    }
    if (state->life != life) {
        return CAIRN_FAIL(err, CAIRN_E_REFUSED, "state.life", "this device is %s, and this needs %s",
                          cairn_life_name(state->life), cairn_life_name(life));
    }
    return CAIRN_OK;
}
