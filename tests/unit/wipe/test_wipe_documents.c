/* tests/unit/wipe/test_wipe_documents.c -- plan, media log, journal, start, kill and the grade: written, read back, bent.
 *
 * Covers plan.c, media_log.c, journal.c, start.c, kill.c, grade.c and terms.c.
 */
#include <stdio.h>

#include "wipe/journal.h"
#include "wipe/kill_device.h"
#include "world.h"

static void a_grade_is_the_worst_of_its_reasons(void **state CAIRN_UNUSED)
{
    const struct cairn_medium purged = {.method = CAIRN_METHOD_PURGE, .evidence = CAIRN_EVIDENCE_MEASURED};
    const struct cairn_medium cleared = {.method = CAIRN_METHOD_CLEAR, .evidence = CAIRN_EVIDENCE_SOFTWARE};
    struct cairn_grade_facts best = {.keys_dead = true, .cleared = true, .boot_affirmed = true};
    cairn_grade_count(&best, &purged, CAIRN_RESULT_ERASED);
    assert_int_equal(cairn_grade_of(&best).grade, 'A');
    assert_int_equal(cairn_grade_of(&best).num_reasons, 0);
    struct cairn_grade_facts f = best;
    f.tpm_virtual = true;
    assert_int_equal(cairn_grade_of(&f).grade, 'B');
    assert_string_equal(cairn_grade_of(&f).reasons[0], "tpm.virtual");
    f = best;
    f.by_server = true;
    assert_int_equal(cairn_grade_of(&f).grade, 'B');
    assert_int_equal(cairn_grade_of(&f).num_reasons, 1);
    assert_string_equal(cairn_grade_of(&f).reasons[0], "enroller.server");
    f = best;
    cairn_grade_count(&f, &cleared, CAIRN_RESULT_ERASED);
    assert_int_equal(cairn_grade_of(&f).grade, 'B');
    f = best;
    cairn_grade_count(&f, &purged, CAIRN_RESULT_UNHANDLED);
    assert_int_equal(cairn_grade_of(&f).grade, 'C');
    f = best;
    cairn_grade_count(&f, &purged, CAIRN_RESULT_FAILED);
    assert_int_equal(cairn_grade_of(&f).grade, 'C');
    f = best;
    f.boot_affirmed = false;
    assert_int_equal(cairn_grade_of(&f).grade, 'C');
    f.cleared = false;
    assert_int_equal(cairn_grade_of(&f).grade, 'D');
    f = (struct cairn_grade_facts){0};
    assert_int_equal(cairn_grade_of(&f).grade, 'D');
    for (size_t i = 0; i < cairn_grade_of(&f).num_reasons; i++) {
        assert_string_not_equal(cairn_grade_raise(cairn_grade_of(&f).reasons[i]), "");
    }
}

static void a_plan_reads_as_written_and_forecasts_honestly(void **state CAIRN_UNUSED)
{
    WORLD *w = world_new();
    CAIRN_PLAN plan = {0};
    CAIRN_BUF text = {0};
    w->plan.foreign_nv.num = 2;
    w->plan.foreign_nv.handle[0] = 0x01500001;
    w->plan.foreign_nv.handle[1] = 0x01800200;
    world_plan(w);
    assert_int_equal(cairn_plan_read(cairn_buf_span(&w->parts.plan), &plan, NULL), CAIRN_OK);
    assert_int_equal(cairn_plan_write(&plan, &text, NULL), CAIRN_OK);
    assert_true(cairn_span_equal(cairn_buf_span(&text), cairn_buf_span(&w->parts.plan)));
    assert_int_equal(cairn_plan_forecast(&plan).grade, 'C');
    plan.clear_disabled = true;
    assert_int_equal(cairn_plan_forecast(&plan).grade, 'D');
    plan.clear_disabled = false;
    plan.lockout_auth_set = true;
    assert_int_equal(cairn_plan_forecast(&plan).grade, 'D');
    plan.lockout_auth_given = true;
    assert_int_equal(cairn_plan_forecast(&plan).grade, 'C');
}

static void a_plan_says_that_the_server_enrolled_its_device(void **state CAIRN_UNUSED)
{
    WORLD *w = world_new();
    CAIRN_PLAN plan = {0};
    CAIRN_BUF text = {0};
    assert_null(strstr((const char *)w->parts.plan.p, "enroller"));
    w->keys.statement.by_server = true;
    world_plan(w);
    assert_int_equal(cairn_plan_read(cairn_buf_span(&w->parts.plan), &plan, NULL), CAIRN_OK);
    assert_true(plan.by_server);
    const struct cairn_grade grade = cairn_plan_forecast(&plan);
    assert_string_equal(grade.reasons[grade.num_reasons - 1], "enroller.server");
    assert_int_equal(cairn_plan_write(&plan, &text, NULL), CAIRN_OK);
    assert_true(cairn_span_equal(cairn_buf_span(&text), cairn_buf_span(&w->parts.plan)));
}

/* `text` with the first `from` replaced by `to` of the same length. */
static void bend(struct cairn_buf *text, const char *from, const char *to)
{
    assert_int_equal(strlen(from), strlen(to));
    uint8_t *at = memmem(text->p, text->len, from, strlen(from));
    assert_non_null(at);
    memcpy(at, to, strlen(to));
}

static void a_plan_that_promises_more_than_its_targets_is_refused(void **state CAIRN_UNUSED)
{
    WORLD *w = world_new();
    CAIRN_PLAN plan = {0};
    bend(&w->parts.plan, "\"grade\":\"C\"", "\"grade\":\"A\"");
    assert_refused(cairn_plan_read(cairn_buf_span(&w->parts.plan), &plan, err), "plan.forecast");
}

static void a_media_log_reads_as_written(void **state CAIRN_UNUSED)
{
    WORLD *w = world_new();
    CAIRN_MEDIA_LOG log = {0};
    CAIRN_BUF text = {0};
    assert_int_equal(cairn_media_log_read(cairn_buf_span(&w->parts.media_log), &log, NULL), CAIRN_OK);
    assert_int_equal(cairn_media_log_write(&log, &text, NULL), CAIRN_OK);
    assert_true(cairn_span_equal(cairn_buf_span(&text), cairn_buf_span(&w->parts.media_log)));
}

static void a_media_log_that_contradicts_itself_is_refused(void **state CAIRN_UNUSED)
{
    WORLD *w = world_new();
    CAIRN_MEDIA_LOG log = {0};
    w->media.entries[0].result = CAIRN_RESULT_FAILED;
    world_media(w);
    assert_refused(cairn_media_log_read(cairn_buf_span(&w->parts.media_log), &log, err), "json.member");
    w->media.entries[0].result = CAIRN_RESULT_ERASED;
    w->media.entries[0].ended_s = 1;
    world_media(w);
    assert_refused(cairn_media_log_read(cairn_buf_span(&w->parts.media_log), &log, err), "json.member");
    w->media.entries[0].ended_s = w->media.entries[0].started_s;
    w->media.entries[0].medium.method = CAIRN_METHOD_NONE;
    world_media(w);
    assert_refused(cairn_media_log_read(cairn_buf_span(&w->parts.media_log), &log, err), "json.member");
    w->media.entries[0].medium.method = CAIRN_METHOD_CLEAR;
    world_media(w);
    bend(&w->parts.media_log, "software-asserted", "software-astonish");
    assert_refused(cairn_media_log_read(cairn_buf_span(&w->parts.media_log), &log, err), "json.member");
}

static void refuses_every_truncation_of_every_document(void **state CAIRN_UNUSED)
{
    WORLD *w = world_new();
    CAIRN_PLAN plan = {0};
    CAIRN_MEDIA_LOG log = {0};
    struct cairn_wipe_start start = {0};
    for (size_t len = 0; len < w->parts.plan.len; len++) {
        CAIRN_BUF cut = {0};
        assert_int_equal(cairn_buf_set(&cut, cairn_span(w->parts.plan.p, len), NULL), CAIRN_OK);
        assert_int_not_equal(cairn_plan_read(cairn_buf_span(&cut), &plan, NULL), CAIRN_OK);
    }
    for (size_t len = 0; len < w->parts.media_log.len; len++) {
        CAIRN_BUF cut = {0};
        assert_int_equal(cairn_buf_set(&cut, cairn_span(w->parts.media_log.p, len), NULL), CAIRN_OK);
        assert_int_not_equal(cairn_media_log_read(cairn_buf_span(&cut), &log, NULL), CAIRN_OK);
    }
    for (size_t len = 0; len < w->parts.start.len; len++) {
        CAIRN_BUF cut = {0};
        assert_int_equal(cairn_buf_set(&cut, cairn_span(w->parts.start.p, len), NULL), CAIRN_OK);
        assert_int_not_equal(cairn_wipe_start_read(cairn_buf_span(&cut), &start, NULL), CAIRN_OK);
    }
}

static void a_journal_reads_as_written_at_every_step_and_holds_no_number(void **state CAIRN_UNUSED)
{
    struct cairn_journal *journal = calloc(1, sizeof *journal);
    struct cairn_journal *again = calloc(1, sizeof *again);
    assert_true(journal != NULL && again != NULL);
    (void)snprintf(journal->out, sizeof journal->out, "/var/out");
    journal->num_consumers = 1;
    (void)snprintf(journal->consumers[0], sizeof journal->consumers[0], "/run/c.pid");
    for (int step = CAIRN_WIPE_ACCEPTED; step <= CAIRN_WIPE_RETIRED; step++) {
        CAIRN_BUF text = {0};
        journal->step = (enum cairn_wipe_step)step;
        assert_int_equal(cairn_journal_write(journal, &text, NULL), CAIRN_OK);
        assert_null(memmem(text.p, text.len, "target", 6));
        assert_null(memmem(text.p, text.len, "epoch", 5));
        assert_int_equal(cairn_journal_read(cairn_buf_span(&text), again, NULL), CAIRN_OK);
        assert_int_equal(again->step, step);
        assert_string_equal(again->consumers[0], "/run/c.pid");
        bend(&text, "/run/c.pid", "/run/c\"pid");
        assert_int_not_equal(cairn_journal_read(cairn_buf_span(&text), again, NULL), CAIRN_OK);
    }
    assert_int_not_equal(cairn_journal_read(cairn_span(NULL, 0), again, NULL), CAIRN_OK);
    free(journal);
    free(again);
}

/* RECORD, Kill: T = max(epoch_to + 2, bound + 1). */
static void the_kill_target_passes_every_bound(void **state CAIRN_UNUSED)
{
    const struct cairn_order_device d = {.epoch_from = 7, .epoch_to = 7};
    struct cairn_record *r = calloc(1, sizeof *r);
    assert_non_null(r);
    r->life = CAIRN_LIFE_OPERATIONAL;
    r->epoch = r->bound = 7;
    assert_true(cairn_kill_target(NULL, &d) == 9);
    assert_true(cairn_kill_target(r, &d) == 9);
    r->epoch = r->bound = 8;
    r->phase = CAIRN_PHASE_COMMITTING;
    assert_true(cairn_kill_target(r, &d) == 10);
    r->phase = CAIRN_PHASE_RESEALED;
    r->bound = 9;
    assert_true(cairn_kill_target(r, &d) == 10);
    r->phase = CAIRN_PHASE_CONFIRMED;
    r->epoch = r->bound = 12;
    assert_true(cairn_kill_target(r, &d) == 13);
    r->life = CAIRN_LIFE_DECOMMISSIONING;
    r->kill_target = 15;
    assert_true(cairn_kill_target(r, &d) == 15);
    free(r);
}

static void an_unanchored_order_reaches_two_epochs_and_an_anchored_one_all(void **state CAIRN_UNUSED)
{
    const struct cairn_order_device d = {.epoch_from = 7, .epoch_to = 9};
    assert_int_equal(cairn_kill_allowed(&d, false, 11, NULL), CAIRN_OK);
    assert_refused(cairn_kill_allowed(&d, false, 12, err), "order.epoch");
    assert_int_equal(cairn_kill_allowed(&d, true, 12, NULL), CAIRN_OK);
    assert_refused(cairn_kill_allowed(&d, true, 6, err), "order.epoch");
}

static enum cairn_rc kill_verify(struct world *w, struct cairn_err *err)
{
    struct cairn_kill kill = {0};
    return cairn_kill_verify(cairn_buf_span(&w->parts.kill), &w->order, &w->keys.statement, &kill, err);
}

static void a_kill_receipt_is_refused_for_each_single_lie(void **state CAIRN_UNUSED)
{
    WORLD *w = world_new();
    assert_int_equal(kill_verify(w, NULL), CAIRN_OK);
    w->order.challenge[0] ^= 1;
    assert_refused(kill_verify(w, err), "document.nonce");
    w->order.challenge[0] ^= 1;
    w->order.digest[0] ^= 1;
    assert_refused(kill_verify(w, err), "kill.order");
    w->order.digest[0] ^= 1;
    w->order.devices[0].epoch_to = 10;
    assert_refused(kill_verify(w, err), "kill.target");
    w->order.devices[0].epoch_to = 9;
    w->tpm->epoch = 10;
    world_kill(w);
    assert_refused(kill_verify(w, err), "kill.counter");
    w->tpm->epoch = 11;
    w->mask = 0x7f;
    world_kill(w);
    assert_refused(kill_verify(w, err), "kill.pcrs");
    w->mask = CAIRN_WIPE_PCRS;
    w->tpm->magic = 0x00544347;
    world_kill(w);
    assert_refused(kill_verify(w, err), "attestation.magic");
}

/* CHECKS 42: each document of a wipe in each other's place. */
static void documents_are_not_taken_for_each_other(void **state CAIRN_UNUSED)
{
    WORLD *w = world_new();
    CAIRN_BUF certificate = {0};
    CAIRN_BUF start = {0};
    CAIRN_BUF payload = {0};
    world_certificate(w, &certificate);
    assert_int_equal(cairn_wipe_start_file(cairn_buf_span(&w->parts.start), &w->log, &start, NULL), CAIRN_OK);
    assert_int_equal(cairn_wipe_start_verify(cairn_buf_span(&start), &w->keys.statement, &payload, NULL), CAIRN_OK);
    assert_refused(cairn_wipe_start_verify(cairn_buf_span(&w->parts.kill), &w->keys.statement, &payload, err), "tpmdoc.type");
    assert_refused(cairn_wipe_start_verify(cairn_buf_span(&certificate), &w->keys.statement, &payload, err), "tpmdoc.type");
    set_buf(&w->parts.kill, &start);
    assert_refused(kill_verify(w, err), "tpmdoc.type");
    set_buf(&w->parts.kill, &certificate);
    assert_refused(kill_verify(w, err), "tpmdoc.type");
    assert_refused(world_verify(w, &start, err), "tpmdoc.type");
}

/* The same with the type member alone rewritten: the digest tells. */
static void a_relabelled_document_is_refused(void **state CAIRN_UNUSED)
{
    WORLD *w = world_new();
    struct cairn_tpmdoc *doc = calloc(1, sizeof *doc);
    CAIRN_BUF file = {0};
    assert_non_null(doc);
    assert_int_equal(cairn_tpmdoc_parse(cairn_buf_span(&w->parts.kill), CAIRN_TYPE_KILL, doc, NULL), CAIRN_OK);
    (void)snprintf(doc->type, sizeof doc->type, "%s", CAIRN_TYPE_RECEIPT);
    assert_int_equal(cairn_tpmdoc_write(doc, &file, NULL), CAIRN_OK);
    cairn_tpmdoc_clear(doc);
    static const enum cairn_claim_type types[] = {CAIRN_CLAIM_NV, CAIRN_CLAIM_QUOTE};
    struct cairn_claim claims[2];
    assert_int_equal(cairn_tpmdoc_parse(cairn_buf_span(&file), CAIRN_TYPE_RECEIPT, doc, NULL), CAIRN_OK);
    assert_refused(cairn_tpmdoc_verify(doc, cairn_area_span(&w->keys.statement.ak), types, 2, claims, err),
                   "attestation.extra");
    cairn_tpmdoc_clear(doc);
    free(doc);
    doc = NULL;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_grade_is_the_worst_of_its_reasons),
        cmocka_unit_test(a_plan_reads_as_written_and_forecasts_honestly),
        cmocka_unit_test(a_plan_says_that_the_server_enrolled_its_device),
        cmocka_unit_test(a_plan_that_promises_more_than_its_targets_is_refused),
        cmocka_unit_test(a_media_log_reads_as_written),
        cmocka_unit_test(a_media_log_that_contradicts_itself_is_refused),
        cmocka_unit_test(refuses_every_truncation_of_every_document),
        cmocka_unit_test(a_journal_reads_as_written_at_every_step_and_holds_no_number),
        cmocka_unit_test(the_kill_target_passes_every_bound),
        cmocka_unit_test(an_unanchored_order_reaches_two_epochs_and_an_anchored_one_all),
        cmocka_unit_test(a_kill_receipt_is_refused_for_each_single_lie),
        cmocka_unit_test(documents_are_not_taken_for_each_other),
        cmocka_unit_test(a_relabelled_document_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
