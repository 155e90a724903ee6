/* wipe/sequence_device.c -- the second half of wipe/sequence_device.h: the steps themselves.
 *
 * One function per step; each reads what earlier steps made durable, verifies it again, does its work so that repeating it is
 * harmless, and only then is the journal moved on.
 */
#include "wipe/sequence_device.h"

#include <stdio.h>
#include <string.h>

#include "core/clock.h"
#include "wipe/consumers_device.h"
#include "wipe/sequence_files_device.h"

/* struct work is one resume: the run, and the order opened again from its stored bytes. */
struct work {
    const struct cairn_wipe_run *run;
    struct cairn_journal journal;
    struct cairn_order order;
    const struct cairn_order_device *entry;
};

static void work_clear(struct work *w)
{
    cairn_order_clear(&w->order);
}

static CAIRN_RC read_state(const struct work *w, const char *name, struct cairn_buf *out, struct cairn_err *err)
{
    return cairn_file_read(w->run->state, name, CAIRN_WIPE_FILE_MAX, out, err);
}

static CAIRN_RC write_state(const struct work *w, const char *name, const struct cairn_buf *bytes, struct cairn_err *err)
{
    return cairn_file_replace(w->run->state, name, cairn_buf_span(bytes), 0600, err);
}

static CAIRN_RC deliver(const struct work *w, const char *name, const struct cairn_buf *bytes, struct cairn_err *err)
{
    enum cairn_rc rc = cairn_file_replace(w->run->out, name, cairn_buf_span(bytes), 0644, err);
    if (rc != CAIRN_OK) {
        cairn_err_prefix(err, "output directory %s", w->journal.out);
    }
    return rc;
}

static CAIRN_RC open_work(struct work *w, struct cairn_err *err)
{
    CAIRN_BUF file = {0};
    const struct cairn_identity *identity = w->run->identity;
    CAIRN_TRY(read_state(w, CAIRN_WIPE_FILE_ORDER, &file, err));
    CAIRN_TRY(cairn_order_open(identity->root, cairn_buf_span(&file), 0, &w->order, err));
    CAIRN_TRY(cairn_order_for(&w->order, &identity->statement, &w->entry, err));
    if (!cairn_span_equal(CAIRN_SPAN(w->order.digest), CAIRN_SPAN(w->journal.order))) {
        return CAIRN_FAIL(err, CAIRN_E_REFUSED, "wipe.replaced", "the stored order is not the one that was accepted");
    }
    return CAIRN_OK;
}

/* A boot state that cannot write the anchor, or a device without a record, leaves the order pending: spool and journal stand in
 * (RECORD, Kill). Every other failure is one. */
static bool leaves_pending(const struct cairn_err *err)
{
    return strcmp(err->code, "state.boot") == 0 || strncmp(err->code, "approval.", 9) == 0;
}

static CAIRN_RC anchor(const struct work *w, struct cairn_state *state, struct cairn_err *err)
{
    struct cairn_approvals approvals = {0};
    struct cairn_record next = state->record;
    next.life = CAIRN_LIFE_DECOMMISSIONING;
    next.kill_target = cairn_kill_target(&state->record, w->entry);
    cairn_copy(next.order, w->order.digest, CAIRN_SHA256_LEN);
    struct cairn_err seen = {0};
    enum cairn_rc rc = cairn_state_approvals(w->run->state, w->run->identity, &approvals, &seen);
    if (rc != CAIRN_OK) { /* a damaged file must not hold up a kill that a missing one does not */
        return CAIRN_FAIL(err, rc, "approval.unusable", "%s", seen.text);
    }
    return cairn_state_commit(w->run->state, w->run->tpm, &approvals.anchor, &next, state, err);
}

static CAIRN_RC bind_order(struct work *w, struct cairn_err *err)
{
    struct cairn_state state = {0};
    const struct cairn_record *record = NULL;
    struct cairn_err why = {0};
    CAIRN_TRY(cairn_state_read(w->run->state, w->run->identity, w->run->tpm, &state, err));
    CAIRN_TRY(cairn_wipe_record(&state, &w->order, &record, &w->journal.anchored, err));
    if (record == NULL || w->journal.anchored) {
        return CAIRN_OK;
    }
    enum cairn_rc rc = anchor(w, &state, &why);
    w->journal.anchored = rc == CAIRN_OK;
    if (rc != CAIRN_OK && !leaves_pending(&why)) {
        if (err != NULL) {
            *err = why;
        }
        return rc;
    }
    return CAIRN_OK;
}

static CAIRN_RC stop_consumers(struct work *w, struct cairn_err *err)
{
    return cairn_consumers_stop(&w->journal, w->run->consumer_wait_ms, err);
}

/* T. Without a record nothing tells what was sealed, but nothing is sealed past counter + 1 (RECORD, Kill). */
static CAIRN_RC find_target(const struct work *w, const struct cairn_record *record, uint64_t *out, struct cairn_err *err)
{
    uint64_t counter = 0;
    uint64_t target = cairn_kill_target(record, w->entry);
    if (record == NULL) {
        CAIRN_TRY(cairn_tpm_epoch_read(w->run->tpm, &counter, err));
        target = counter + 2 > target ? counter + 2 : target;
    }
    *out = target;
    return CAIRN_OK;
}

static CAIRN_RC new_receipt(const struct work *w, const struct cairn_record *record, struct cairn_kill_ask *ask,
                            struct cairn_buf *receipt, struct cairn_err *err)
{
    cairn_buf_clear(receipt);
    CAIRN_TRY(find_target(w, record, &ask->target, err));
    CAIRN_TRY(cairn_kill_run(w->run->tpm, ask, receipt, err));
    return write_state(w, CAIRN_WIPE_FILE_KILL, receipt, err);
}

/* An earlier attempt's receipt counts only if it verifies and passes the bound of the record that holds now; otherwise the
 * counter must still be there to be certified. */
static CAIRN_RC kill_keys(struct work *w, struct cairn_err *err)
{
    CAIRN_BUF receipt = {0};
    struct cairn_state state = {0};
    struct cairn_kill kill = {0};
    const struct cairn_record *record = NULL;
    struct cairn_kill_ask ask = {.statement = &w->run->identity->statement, .order = &w->order, .entry = w->entry};
    bool there = cairn_wipe_receipt(w->run, &w->order, &receipt, &kill, NULL) == CAIRN_OK;
    CAIRN_TRY(cairn_state_read(w->run->state, w->run->identity, w->run->tpm, &state, err));
    CAIRN_TRY(cairn_wipe_record(&state, &w->order, &record, &ask.anchored, err));
    if (!there || kill.counter < cairn_kill_target(record, w->entry)) {
        CAIRN_TRY(new_receipt(w, record, &ask, &receipt, err));
    }
    return deliver(w, "kill.json", &receipt, err);
}

/* The journal's word for the kill is nobody's: no medium is touched without a receipt that verifies. */
static void doubt_kill(struct work *w)
{
    CAIRN_BUF receipt = {0};
    struct cairn_kill kill = {0};
    bool claimed = w->journal.step >= CAIRN_WIPE_KILLED && w->journal.step < CAIRN_WIPE_RETIRED;
    if (claimed && cairn_wipe_receipt(w->run, &w->order, &receipt, &kill, NULL) != CAIRN_OK) {
        w->journal.step = CAIRN_WIPE_STOPPED;
    }
}

static bool asked_to_stop(const struct cairn_wipe_run *run)
{
    return run->stop != NULL && run->stop(run->arg);
}

static CAIRN_RC interrupted(enum cairn_wipe_step done, struct cairn_err *err)
{
    return CAIRN_FAIL(err, CAIRN_E_BUSY, "wipe.interrupted",
                      "stopped after step \"%s\"; the order stands: go on with cairn wipe resume", cairn_wipe_step_name(done));
}

static CAIRN_RC open_plan(const struct work *w, struct cairn_plan *plan, struct cairn_buf *text, struct cairn_err *err)
{
    CAIRN_TRY(read_state(w, CAIRN_WIPE_FILE_PLAN, text, err));
    CAIRN_TRY(cairn_plan_read(cairn_buf_span(text), plan, err));
    if (!cairn_span_equal(CAIRN_SPAN(plan->order), CAIRN_SPAN(w->order.digest))) {
        return CAIRN_FAIL(err, CAIRN_E_REFUSED, "wipe.replaced", "the stored plan is not of the accepted order");
    }
    return CAIRN_OK;
}

/* The log so far: what a cut left, or a fresh one. */
static CAIRN_RC open_log(const struct work *w, struct cairn_span plan, struct cairn_media_log *log, struct cairn_err *err)
{
    CAIRN_BUF text = {0};
    if (cairn_file_exists(w->run->state, CAIRN_WIPE_FILE_MEDIA)) {
        CAIRN_TRY(read_state(w, CAIRN_WIPE_FILE_MEDIA, &text, err));
        return cairn_media_log_read(cairn_buf_span(&text), log, err);
    }
    const struct cairn_statement *s = &w->run->identity->statement;
    cairn_copy(log->fleet, s->fleet, CAIRN_SHA256_LEN);
    cairn_copy(log->device, s->device, CAIRN_SHA256_LEN);
    cairn_copy(log->challenge, w->order.challenge, CAIRN_SHA256_LEN);
    cairn_copy(log->order, w->order.digest, CAIRN_SHA256_LEN);
    struct cairn_writer tool = cairn_writer(log->tool, sizeof log->tool - 1);
    cairn_write_bytes(&tool, cairn_span_str(w->run->tool));
    return cairn_sha256(plan, log->plan, err);
}

static CAIRN_RC put_log(const struct work *w, const struct cairn_media_log *log, struct cairn_buf *text, struct cairn_err *err)
{
    cairn_buf_clear(text);
    CAIRN_TRY(cairn_media_log_write(log, text, err));
    return write_state(w, CAIRN_WIPE_FILE_MEDIA, text, err);
}

static CAIRN_RC put_start(const struct work *w, const struct cairn_media_log *log, const struct cairn_buf *media,
                          struct cairn_err *err)
{
    CAIRN_BUF text = {0};
    struct cairn_wipe_start start = {.head = cairn_statement_head(&w->run->identity->statement, w->order.challenge)};
    cairn_copy(start.order, w->order.digest, CAIRN_SHA256_LEN);
    cairn_copy(start.plan, log->plan, CAIRN_SHA256_LEN);
    CAIRN_TRY(cairn_sha256(cairn_buf_span(media), start.media_log, err));
    CAIRN_TRY(cairn_wipe_start_write(&start, &text, err));
    return write_state(w, CAIRN_WIPE_FILE_START, &text, err);
}

static CAIRN_RC erase_media(struct work *w, struct cairn_err *err)
{
    CAIRN_PLAN plan = {0};
    CAIRN_MEDIA_LOG log = {0};
    CAIRN_BUF plan_text = {0};
    CAIRN_BUF text = {0};
    CAIRN_TRY(open_plan(w, &plan, &plan_text, err));
    CAIRN_TRY(open_log(w, cairn_buf_span(&plan_text), &log, err));
    while (log.num < plan.num_targets) {
        if (asked_to_stop(w->run)) {
            return interrupted(w->journal.step, err);
        }
        struct cairn_media_entry entry = {0};
        cairn_inventory_erase(&plan.targets[log.num], cairn_clock_now(w->order.issued_s), &entry);
        CAIRN_TRY(cairn_media_log_add(&log, &entry, err));
        CAIRN_TRY(put_log(w, &log, &text, err));
    }
    CAIRN_TRY(put_log(w, &log, &text, err));
    CAIRN_TRY(put_start(w, &log, &text, err));
    CAIRN_TRY(deliver(w, "plan.json", &plan_text, err));
    return deliver(w, "media.log", &text, err);
}

static CAIRN_RC collect_parts(const struct work *w, struct cairn_certificate_parts *parts, struct cairn_err *err)
{
    const struct cairn_identity *identity = w->run->identity;
    CAIRN_TRY(cairn_buf_set(&parts->roots[0], cairn_buf_span(&identity->root_file), err));
    parts->num_roots = 1;
    CAIRN_TRY(cairn_buf_set(&parts->statement, cairn_buf_span(&identity->statement_file), err));
    CAIRN_TRY(read_state(w, CAIRN_WIPE_FILE_ORDER, &parts->order, err));
    CAIRN_TRY(read_state(w, CAIRN_WIPE_FILE_PLAN, &parts->plan, err));
    CAIRN_TRY(read_state(w, CAIRN_WIPE_FILE_MEDIA, &parts->media_log, err));
    CAIRN_TRY(read_state(w, CAIRN_WIPE_FILE_START, &parts->start, err));
    CAIRN_TRY(read_state(w, CAIRN_WIPE_FILE_KILL, &parts->kill, err));
    parts->made_s = cairn_clock_now(w->order.issued_s);
    struct cairn_writer tool = cairn_writer(parts->tool, sizeof parts->tool - 1);
    cairn_write_bytes(&tool, cairn_span_str(w->run->tool));
    return CAIRN_OK;
}

static CAIRN_RC clear_tpm(struct work *w, struct cairn_err *err)
{
    CAIRN_CERTIFICATE_PARTS parts = {0};
    CAIRN_BUF start = {0};
    CAIRN_BUF certificate = {0};
    CAIRN_TRY(collect_parts(w, &parts, err));
    CAIRN_TRY(cairn_tpm_erasure(w->run->tpm, &parts, w->run->identity->statement.fleet, &start, &certificate, err));
    CAIRN_TRY(write_state(w, CAIRN_WIPE_FILE_CERTIFICATE, &certificate, err));
    CAIRN_TRY(deliver(w, "start.json", &start, err));
    return deliver(w, "certificate.json", &certificate, err);
}

struct sweep {
    struct cairn_fs *state;
    char name[64]; /* the first vault file that is still there */
};

static bool find_vault(void *arg, const char *name)
{
    struct sweep *sweep = arg;
    if (strncmp(name, "vault", 5) != 0 || strlen(name) >= sizeof sweep->name) {
        return true;
    }
    (void)snprintf(sweep->name, sizeof sweep->name, "%s", name);
    return false;
}

/* What is left cannot be opened by anyone; it goes so that nobody wonders. */
static CAIRN_RC sweep_vault(struct work *w, struct cairn_err *err)
{
    struct sweep sweep = {.state = w->run->state};
    do {
        sweep.name[0] = '\0';
        CAIRN_TRY(cairn_file_each(w->run->state, find_vault, &sweep, err));
        if (sweep.name[0] != '\0') {
            CAIRN_TRY(cairn_file_remove(w->run->state, sweep.name, err));
        }
    } while (sweep.name[0] != '\0');
    return cairn_file_remove(w->run->state, CAIRN_APPROVALS_FILE, err);
}

static const struct {
    enum cairn_wipe_step done;
    CAIRN_RC (*run)(struct work *w, struct cairn_err *err);
} STEPS[] = {{CAIRN_WIPE_BOUND, bind_order},  {CAIRN_WIPE_STOPPED, stop_consumers}, {CAIRN_WIPE_KILLED, kill_keys},
             {CAIRN_WIPE_MEDIA, erase_media}, {CAIRN_WIPE_CERTIFIED, clear_tpm},    {CAIRN_WIPE_RETIRED, sweep_vault}};

static CAIRN_RC advance(struct work *w, enum cairn_wipe_step done, struct cairn_err *err)
{
    w->journal.step = done;
    CAIRN_TRY(cairn_wipe_put_journal(w->run->state, &w->journal, err));
    if (w->run->step != NULL) {
        w->run->step(w->run->arg, done);
    }
    return CAIRN_OK;
}

enum cairn_rc cairn_wipe_resume(const struct cairn_wipe_run *run, struct cairn_err *err)
{
    CAIRN_CLEANUP(work_clear) struct work w = {.run = run};
    CAIRN_BUF journal = {0};
    bool there = false;
    CAIRN_TRY(cairn_wipe_journal(run->state, run->identity, &there, &w.journal, err));
    if (!there) {
        return CAIRN_FAIL(err, CAIRN_E_REFUSED, "wipe.none", "no wipe was accepted on this device: cairn wipe run ORDER");
    }
    CAIRN_TRY(open_work(&w, err));
    doubt_kill(&w);
    for (size_t i = 0; i < CAIRN_ARRAY_LEN(STEPS); i++) {
        if (STEPS[i].done <= w.journal.step) {
            continue;
        }
        if (asked_to_stop(run)) {
            return interrupted(w.journal.step, err);
        }
        CAIRN_TRY(STEPS[i].run(&w, err));
        CAIRN_TRY(advance(&w, STEPS[i].done, err));
    }
    CAIRN_TRY(cairn_journal_write(&w.journal, &journal, err));
    return deliver(&w, "journal", &journal, err);
}
