/* wipe/accept_device.c -- the first half of wipe/sequence_device.h: is this order for this device, now, and may it begin?
 *
 * Everything is checked before anything is stored. The journal is written last: it is what makes the acceptance hold.
 */
#include <stdio.h>
#include <string.h>

#include "wipe/sequence_files_device.h"

enum cairn_rc cairn_wipe_put_journal(struct cairn_fs *state, const struct cairn_journal *journal, struct cairn_err *err)
{
    CAIRN_BUF text = {0};
    CAIRN_TRY(cairn_journal_write(journal, &text, err));
    return cairn_file_replace(state, CAIRN_WIPE_FILE_JOURNAL, cairn_buf_span(&text), 0600, err);
}

enum cairn_rc cairn_wipe_journal(struct cairn_fs *state, const struct cairn_identity *identity, bool *there,
                                 struct cairn_journal *out, struct cairn_err *err)
{
    CAIRN_BUF text = {0};
    struct cairn_journal journal = {0};
    if (!cairn_file_exists(state, CAIRN_WIPE_FILE_JOURNAL)) {
        *there = false;
        return CAIRN_OK;
    }
    CAIRN_TRY(cairn_file_read(state, CAIRN_WIPE_FILE_JOURNAL, CAIRN_JOURNAL_MAX_LEN, &text, err));
    CAIRN_TRY(cairn_journal_read(cairn_buf_span(&text), &journal, err));
    /* A journal of an earlier enrolment tells of a life that is over. */
    *there = identity->enrolled && cairn_span_equal(CAIRN_SPAN(journal.statement), CAIRN_SPAN(identity->statement.digest));
    *out = journal;
    return CAIRN_OK;
}

enum cairn_rc cairn_wipe_record(const struct cairn_state *state, const struct cairn_order *order,
                                const struct cairn_record **record, bool *anchored, struct cairn_err *err)
{
    bool holds = state->has_record && !state->lost;
    bool ending = holds && state->record.life == CAIRN_LIFE_DECOMMISSIONING;
    if (ending && !cairn_span_equal(CAIRN_SPAN(state->record.order), CAIRN_SPAN(order->digest))) {
        return CAIRN_FAIL(err, CAIRN_E_REFUSED, "wipe.other", "this device is being retired under another order");
    }
    *record = holds ? &state->record : NULL;
    *anchored = ending;
    return CAIRN_OK;
}

enum cairn_rc cairn_wipe_receipt(const struct cairn_wipe_run *run, const struct cairn_order *order, struct cairn_buf *out,
                                 struct cairn_kill *kill, struct cairn_err *err)
{
    CAIRN_TRY(cairn_file_read(run->state, CAIRN_WIPE_FILE_KILL, CAIRN_WIPE_FILE_MAX, out, err));
    return cairn_kill_verify(cairn_buf_span(out), order, &run->identity->statement, kill, err);
}

/* May the order be accepted at the counter as it stands? `*anchored`: it was before, and the record says so. */
static CAIRN_RC check_epoch(const struct cairn_wipe_run *run, const struct cairn_order *order,
                            const struct cairn_order_device *entry, bool *anchored, struct cairn_err *err)
{
    struct cairn_state state = {0};
    const struct cairn_record *record = NULL;
    uint64_t counter = 0;
    CAIRN_TRY(cairn_state_read(run->state, run->identity, run->tpm, &state, err));
    CAIRN_TRY(cairn_wipe_record(&state, order, &record, anchored, err));
    CAIRN_TRY(cairn_tpm_epoch_read(run->tpm, &counter, err));
    return *anchored ? cairn_kill_allowed(entry, true, counter, err) : cairn_order_epoch(entry, counter, err);
}

/* The plan of this wipe, refused when it cannot end as the order demands. */
static CAIRN_RC make_plan(const struct cairn_wipe_run *run, const struct cairn_order *order, struct cairn_buf *out,
                          struct cairn_err *err)
{
    CAIRN_PLAN plan = {0};
    const struct cairn_plan_ask ask = {.settings = run->settings,
                                       .identity = run->identity,
                                       .order = order,
                                       .ak = run->ak,
                                       .srk = run->srk,
                                       .lockout_auth_given = run->lockout_auth_given,
                                       .now_s = run->now_s};
    CAIRN_TRY(cairn_plan_make(run->tpm, &ask, &plan, err));
    CAIRN_TRY(cairn_inventory_idle(&plan, err));
    const struct cairn_grade forecast = cairn_plan_forecast(&plan);
    if (forecast.grade > order->min_grade) {
        return CAIRN_FAIL(err, CAIRN_E_REFUSED, "order.grade",
                          "the order demands grade %c, here %c is possible (%s: %s); nothing was done", order->min_grade,
                          forecast.grade, forecast.reasons[0], cairn_grade_raise(forecast.reasons[0]));
    }
    return cairn_plan_write(&plan, out, err);
}

static CAIRN_RC needs_release(struct cairn_err *err, const char *why)
{
    return CAIRN_FAIL(err, CAIRN_E_REFUSED, "order.release",
                      "the order is for online delivery, and %s: cairn wipe ask ORDER, have the server answer, and give that "
                      "with --release",
                      why);
}

/* An online order waits for the server's word over this device's own last question (CHECKS 61). */
static CAIRN_RC check_release(const struct cairn_wipe_run *run, const struct cairn_order *order, struct cairn_err *err)
{
    CAIRN_BUF file = {0};
    struct cairn_release_ask ask = {0};
    if (run->release.len == 0) {
        return needs_release(err, "there is no release");
    }
    if (!cairn_file_exists(run->state, CAIRN_WIPE_FILE_NONCE)) {
        return needs_release(err, "this device has not asked");
    }
    CAIRN_TRY(cairn_file_read(run->state, CAIRN_WIPE_FILE_NONCE, CAIRN_RELEASE_ASK_MAX, &file, err));
    if (cairn_release_ask_read(cairn_buf_span(&file), &ask, NULL) != CAIRN_OK ||
        !cairn_span_equal(CAIRN_SPAN(ask.order), CAIRN_SPAN(order->digest))) {
        return needs_release(err, "this device has last asked about another one");
    }
    enum cairn_rc rc =
        cairn_release_open(run->identity->root, run->release, order, &run->identity->statement, ask.nonce, run->now_s, err);
    if (rc == CAIRN_E_FORMAT) {
        cairn_err_prefix(err, "its release");
    }
    return rc;
}

/* Files of an earlier life, and the question that is answered now, must be gone before the new journal speaks for this one. */
static CAIRN_RC clean_up(struct cairn_fs *state, struct cairn_err *err)
{
    static const char *const FILES[] = {CAIRN_WIPE_FILE_NONCE, CAIRN_WIPE_FILE_JOURNAL, CAIRN_WIPE_FILE_MEDIA,
                                        CAIRN_WIPE_FILE_START, CAIRN_WIPE_FILE_KILL,    CAIRN_WIPE_FILE_CERTIFICATE};
    for (size_t i = 0; i < CAIRN_ARRAY_LEN(FILES); i++) {
        CAIRN_TRY(cairn_file_remove(state, FILES[i], err));
    }
    return CAIRN_OK;
}

static CAIRN_RC fill_journal(const struct cairn_wipe_run *run, const struct cairn_order *order, struct cairn_journal *journal,
                             struct cairn_err *err)
{
    *journal = (struct cairn_journal){.step = CAIRN_WIPE_ACCEPTED, .accepted_s = run->now_s};
    cairn_copy(journal->order, order->digest, CAIRN_SHA256_LEN);
    cairn_copy(journal->statement, run->identity->statement.digest, CAIRN_SHA256_LEN);
    if (!cairn_text_is_plain(run->out_path, sizeof journal->out)) {
        return CAIRN_FAIL(err, CAIRN_E_USAGE, "wipe.out",
                          "the output directory's name must be plain text, at most 255 characters");
    }
    (void)snprintf(journal->out, sizeof journal->out, "%s", run->out_path);
    journal->num_consumers = run->settings->num_consumers;
    for (size_t i = 0; i < journal->num_consumers; i++) {
        (void)snprintf(journal->consumers[i], CAIRN_WIPE_PATH_MAX, "%s", run->settings->consumers[i]);
    }
    return CAIRN_OK;
}

static CAIRN_RC begin(const struct cairn_wipe_run *run, const struct cairn_order *order, const struct cairn_order_device *entry,
                      struct cairn_span order_file, struct cairn_err *err)
{
    CAIRN_BUF plan = {0};
    struct cairn_journal journal = {0};
    bool anchored = false;
    /* No certificate could be made of it after the Clear (certificate.dates). */
    if (order->issued_s < run->identity->statement.issued_s) {
        return CAIRN_FAIL(err, CAIRN_E_REFUSED, "order.old",
                          "the order was issued before this device was enrolled: have a new one made");
    }
    CAIRN_TRY(check_epoch(run, order, entry, &anchored, err));
    if (order->online && !anchored) {
        CAIRN_TRY(check_release(run, order, err));
    }
    CAIRN_TRY(make_plan(run, order, &plan, err));
    CAIRN_TRY(fill_journal(run, order, &journal, err));
    CAIRN_TRY(clean_up(run->state, err));
    CAIRN_TRY(cairn_file_replace(run->state, CAIRN_WIPE_FILE_ORDER, order_file, 0600, err));
    CAIRN_TRY(cairn_file_replace(run->state, CAIRN_WIPE_FILE_PLAN, cairn_buf_span(&plan), 0600, err));
    return cairn_wipe_put_journal(run->state, &journal, err);
}

/* The order that the journal names, opened from its stored bytes. */
static CAIRN_RC open_stored(const struct cairn_wipe_run *run, const struct cairn_journal *journal, struct cairn_order *out,
                            const struct cairn_order_device **entry)
{
    CAIRN_BUF file = {0};
    CAIRN_TRY(cairn_file_read(run->state, CAIRN_WIPE_FILE_ORDER, CAIRN_WIPE_FILE_MAX, &file, NULL));
    CAIRN_TRY(cairn_order_open(run->identity->root, cairn_buf_span(&file), 0, out, NULL));
    CAIRN_TRY(cairn_order_for(out, &run->identity->statement, entry, NULL));
    return cairn_span_equal(CAIRN_SPAN(out->digest), CAIRN_SPAN(journal->order)) ? CAIRN_OK : CAIRN_E_REFUSED;
}

/* A journal is anybody's text: it keeps another order out only while its own can go on, which a verified kill receipt shows,
 * or an order that still reaches the counter. Otherwise one file would take the kill away from a device for ever. */
static CAIRN_RC is_stuck(const struct cairn_wipe_run *run, const struct cairn_journal *journal, bool *out,
                         struct cairn_err *err)
{
    CAIRN_ORDER order = {0};
    CAIRN_BUF receipt = {0};
    const struct cairn_order_device *entry = NULL;
    const struct cairn_record *record = NULL;
    struct cairn_kill kill = {0};
    struct cairn_state state = {0};
    bool anchored = false;
    uint64_t counter = 0;
    *out = true;
    if (open_stored(run, journal, &order, &entry) != CAIRN_OK) {
        return CAIRN_OK;
    }
    if (cairn_wipe_receipt(run, &order, &receipt, &kill, NULL) == CAIRN_OK) {
        *out = false;
        return CAIRN_OK;
    }
    CAIRN_TRY(cairn_state_read(run->state, run->identity, run->tpm, &state, err));
    if (cairn_wipe_record(&state, &order, &record, &anchored, NULL) != CAIRN_OK) {
        return CAIRN_OK;
    }
    CAIRN_TRY(cairn_tpm_epoch_read(run->tpm, &counter, err));
    *out = journal->step >= CAIRN_WIPE_CERTIFIED || cairn_kill_allowed(entry, anchored, counter, NULL) != CAIRN_OK;
    return CAIRN_OK;
}

/* A journal that is none says nothing: an order that holds begins anew. */
static CAIRN_RC read_journal(const struct cairn_wipe_run *run, bool *there, struct cairn_journal *out, struct cairn_err *err)
{
    struct cairn_err seen = {0};
    enum cairn_rc rc = cairn_wipe_journal(run->state, run->identity, there, out, &seen);
    if (rc == CAIRN_E_FORMAT) {
        *there = false;
        return CAIRN_OK;
    }
    return rc == CAIRN_OK ? rc : CAIRN_FAIL_CAUSE(err, rc, seen.code, seen.cause, "%s", seen.text);
}

static CAIRN_RC accept_new(const struct cairn_wipe_run *run, const struct cairn_order *order,
                           const struct cairn_order_device *entry, struct cairn_span file, struct cairn_err *err)
{
    CAIRN_TRY(begin(run, order, entry, file, err));
    if (run->step != NULL) {
        run->step(run->arg, CAIRN_WIPE_ACCEPTED);
    }
    return CAIRN_OK;
}

enum cairn_rc cairn_wipe_ask(const struct cairn_wipe_run *run, struct cairn_span order_file, const uint8_t nonce[32],
                             struct cairn_buf *out, struct cairn_err *err)
{
    CAIRN_ORDER order = {0};
    CAIRN_BUF text = {0};
    const struct cairn_order_device *entry = NULL;
    struct cairn_release_ask ask = {0};
    uint64_t now_s = run->now_s;
    if (!run->identity->enrolled) {
        return CAIRN_FAIL(err, CAIRN_E_REFUSED, "device.unenrolled", "this device is not enrolled: no order can name it");
    }
    CAIRN_TRY(cairn_order_open_here(run->identity->root, order_file, &now_s, &order, err));
    CAIRN_TRY(cairn_order_for(&order, &run->identity->statement, &entry, err));
    if (!order.online) {
        return CAIRN_FAIL(err, CAIRN_E_REFUSED, "order.delivery", "the order is for offline delivery: cairn wipe run ORDER");
    }
    cairn_copy(ask.device, entry->device, sizeof ask.device);
    cairn_copy(ask.order, order.digest, sizeof ask.order);
    cairn_copy(ask.nonce, nonce, sizeof ask.nonce);
    CAIRN_TRY(cairn_release_ask_write(&ask, &text, err));
    CAIRN_TRY(cairn_file_replace(run->state, CAIRN_WIPE_FILE_NONCE, cairn_buf_span(&text), 0600, err));
    return cairn_buf_append(out, cairn_buf_span(&text), err);
}

enum cairn_rc cairn_wipe_accept(const struct cairn_wipe_run *run, struct cairn_span order_file, struct cairn_err *err)
{
    CAIRN_ORDER order = {0};
    const struct cairn_order_device *entry = NULL;
    struct cairn_journal journal = {0};
    bool there = false;
    if (!run->identity->enrolled) {
        return CAIRN_FAIL(err, CAIRN_E_REFUSED, "device.unenrolled", "this device is not enrolled: no order can name it");
    }
    CAIRN_TRY(read_journal(run, &there, &journal, err));
    bool same = false;
    bool stuck = false;
    /* An order that is being executed was in its dates when it was accepted. */
    CAIRN_TRY(cairn_order_open(run->identity->root, order_file, 0, &order, err));
    same = there && cairn_span_equal(CAIRN_SPAN(journal.order), CAIRN_SPAN(order.digest));
    if (there && (!same || journal.step == CAIRN_WIPE_RETIRED)) {
        CAIRN_TRY(is_stuck(run, &journal, &stuck, err));
    }
    if (!there || stuck) {
        struct cairn_wipe_run now = *run;
        cairn_order_clear(&order);
        CAIRN_TRY(cairn_order_open_here(run->identity->root, order_file, &now.now_s, &order, err));
        CAIRN_TRY(cairn_order_for(&order, &run->identity->statement, &entry, err));
        return accept_new(&now, &order, entry, order_file, err);
    }
    CAIRN_TRY(cairn_order_for(&order, &run->identity->statement, &entry, err));
    if (journal.step == CAIRN_WIPE_RETIRED) {
        return CAIRN_FAIL(err, CAIRN_E_REFUSED, "wipe.retired", "this device is retired; its certificate is in %s",
                          journal.out);
    }
    if (!cairn_span_equal(CAIRN_SPAN(journal.order), CAIRN_SPAN(order.digest))) {
        return CAIRN_FAIL(err, CAIRN_E_REFUSED, "wipe.other",
                          "another order is being executed (step %s): finish it with cairn wipe resume",
                          cairn_wipe_step_name(journal.step));
    }
    /* The stored copy may have been lost or damaged since. */
    return cairn_file_replace(run->state, CAIRN_WIPE_FILE_ORDER, order_file, 0600, err);
}
