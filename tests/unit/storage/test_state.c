/* storage/state.c: RECORD's table, commit and first provisioning, cut at every step and with each step done wrong.
 *
 * The anchors are a double with the TPM's properties (a write is whole, or torn by the test); the disk is fault_fs. Each of
 * RECORD's mutants has a test here that fails when storage/state.c is changed that way:
 * anchor before write or before fsync: every_anchor_names_a_durable_copy; read-back dropped or from the page cache:
 * a_lying_medium_is_never_anchored; one index, wrong copy or index: copies_and_anchors_alternate; missing anchor ignored,
 * other copy rolled forward, lower anchor taken: the_table_*; generation 0 accepted: generation_0_is_never_accepted.
 */
#include "unit/storage/expect.h"

#include <stdio.h>

#include "storage/state.h"
#include "support/fault_fs.h"

enum { ENROLLED_AT = 7 };
static const uint8_t STATEMENT[32] = {0x51}, OTHER_STATEMENT[32] = {0x52};

/* struct rig is a device: disk, two indices, a counter. `next_write` is what the next anchor write meets. */
enum write_fault { WRITE_WHOLE, WRITE_LOST, WRITE_TORN, WRITE_REFUSED };
struct rig {
    struct fault_disk *disk;
    struct cairn_fs *fs;
    enum cairn_index kind[2];
    uint8_t content[2][CAIRN_ANCHOR_LEN];
    bool no_counter;
    uint64_t counter;
    unsigned writes, cut_at; /* the power fails at the cut_at-th anchor write */
    enum write_fault fault;
    bool check_durable;
    struct cairn_anchored a;
};

static enum cairn_rc read_double(void *ctx, unsigned i, enum cairn_index *kind, uint8_t out[CAIRN_ANCHOR_LEN],
                                 struct cairn_err *err)
{
    struct rig *r = ctx;
    (void)err;
    *kind = r->kind[i];
    memcpy(out, r->content[i], CAIRN_ANCHOR_LEN);
    return CAIRN_OK;
}

/* What the anchor names must survive a power cut at this very moment. */
static void assert_named_copy_is_durable(struct rig *r, const uint8_t bytes[CAIRN_ANCHOR_LEN])
{
    struct fault_disk *image = fault_disk_copy(r->disk);
    CAIRN_BUF copy = {0};
    uint8_t digest[32], named[32];
    bool intact = false;
    uint64_t generation = 0;
    fault_disk_reboot(image, FAULT_DROP_ALL, 1);
    OK(cairn_anchor_parse(bytes, &intact, &generation, named, &err));
    assert_true(fault_disk_get(image, generation % 2 == 0 ? "record.a" : "record.b", &copy));
    OK(cairn_sha256(cairn_buf_span(&copy), digest, &err));
    assert_memory_equal(digest, named, 32);
    fault_disk_free(image);
}

static enum cairn_rc write_double(void *ctx, unsigned i, const uint8_t bytes[CAIRN_ANCHOR_LEN], struct cairn_err *err)
{
    struct rig *r = ctx;
    assert_int_equal(bytes[7] % 2, i);
    if (r->check_durable) {
        assert_named_copy_is_durable(r, bytes);
    }
    bool cut = ++r->writes == r->cut_at;
    if (!cut || r->fault == WRITE_WHOLE || r->fault == WRITE_TORN) {
        memcpy(r->content[i], bytes, cut && r->fault == WRITE_TORN ? 20 : CAIRN_ANCHOR_LEN);
        r->kind[i] = CAIRN_INDEX_WRITTEN;
    }
    return cut ? CAIRN_FAIL(err, CAIRN_E_TPM, "tpm.transport", "the power is gone") : CAIRN_OK;
}

static enum cairn_rc define_double(void *ctx, unsigned i, struct cairn_err *err)
{
    struct rig *r = ctx;
    (void)err;
    if (r->kind[i] == CAIRN_INDEX_ABSENT) {
        r->kind[i] = CAIRN_INDEX_UNWRITTEN;
    }
    return CAIRN_OK;
}

static enum cairn_rc counter_double(void *ctx, bool *there, uint64_t *out, struct cairn_err *err)
{
    struct rig *r = ctx;
    (void)err;
    *there = !r->no_counter;
    *out = r->counter;
    return CAIRN_OK;
}

static const struct cairn_anchor_ops DOUBLE = {read_double, write_double, define_double, counter_double};

static struct rig *rig_new(void)
{
    struct rig *r = test_calloc(1, sizeof *r);
    r->disk = fault_disk_new();
    r->fs = fault_disk_mount(r->disk);
    r->kind[0] = r->kind[1] = CAIRN_INDEX_ABSENT;
    r->counter = ENROLLED_AT;
    r->check_durable = true;
    r->a = (struct cairn_anchored){.fs = r->fs, .ops = &DOUBLE, .ctx = r, .statement = STATEMENT, .enrolled_at = ENROLLED_AT};
    return r;
}

static void rig_free(struct rig *r)
{
    assert_int_equal(fault_disk_open_files(r->disk), 0);
    cairn_fs_free(r->fs);
    fault_disk_free(r->disk);
    test_free(r);
}

static struct cairn_record record_with(uint64_t epoch, uint8_t mark)
{
    struct cairn_record r = {
        .life = CAIRN_LIFE_OPERATIONAL, .phase = CAIRN_PHASE_CONFIRMED, .epoch = epoch, .bound = epoch, .floor = 1};
    memcpy(r.statement, STATEMENT, sizeof r.statement);
    r.manifest[0] = mark;
    return r;
}

static void recover(struct rig *r, struct cairn_state *s)
{
    memset(s, 0, sizeof *s);
    OK(cairn_state_recover(&r->a, s, &err));
}

/* A device after its first provisioning; mark 1. */
static void provision(struct rig *r, struct cairn_state *s)
{
    struct cairn_record next = record_with(ENROLLED_AT + 2, 1);
    recover(r, s);
    r->counter = ENROLLED_AT + 2;
    OK(cairn_state_start(&r->a, &next, s, &err));
}

static void commit(struct rig *r, struct cairn_state *s, uint8_t mark)
{
    struct cairn_record next = s->record;
    next.manifest[0] = mark;
    OK(cairn_state_advance(&r->a, &next, s, &err));
}

/* The state is `generation` with `mark`, or the test fails saying why. */
static void assert_at(struct rig *r, uint64_t generation, uint8_t mark)
{
    struct cairn_state s;
    recover(r, &s);
    assert_string_equal(s.lost_why, "");
    assert_true(s.has_record);
    assert_int_equal(s.record.generation, generation);
    assert_int_equal(s.record.manifest[0], mark);
}

static void assert_lost(struct rig *r, const char *why)
{
    struct cairn_state s;
    recover(r, &s);
    assert_true(s.lost);
    assert_false(s.has_record);
    assert_string_equal(s.lost_why, why);
    REFUSES(CAIRN_E_REFUSED, "state.lost", cairn_state_require(&s, CAIRN_LIFE_OPERATIONAL, &err));
    struct cairn_record next = record_with(ENROLLED_AT + 2, 9);
    REFUSES(CAIRN_E_REFUSED, "state.lost", cairn_state_advance(&r->a, &next, &s, &err));
}

static bool first_allowed(struct rig *r)
{
    struct cairn_state s;
    recover(r, &s);
    return s.first_allowed;
}

static void a_fresh_device_is_enrolled_and_not_lost(void **state)
{
    (void)state;
    struct rig *r = rig_new();
    struct cairn_state s;
    recover(r, &s);
    assert_false(s.lost);
    assert_true(s.first_allowed);
    assert_int_equal(s.life, CAIRN_LIFE_ENROLLED);
    REFUSES(CAIRN_E_REFUSED, "state.life", cairn_state_require(&s, CAIRN_LIFE_OPERATIONAL, &err));
    struct cairn_record next = record_with(ENROLLED_AT, 1);
    REFUSES(CAIRN_E_REFUSED, "state.life", cairn_state_advance(&r->a, &next, &s, &err));
    r->a.statement = NULL;
    recover(r, &s);
    assert_int_equal(s.life, CAIRN_LIFE_MANUFACTURED);
    assert_false(s.first_allowed);
    rig_free(r);
}

static void copies_and_anchors_alternate(void **state)
{
    (void)state;
    struct rig *r = rig_new();
    struct cairn_state s;
    provision(r, &s);
    assert_at(r, 1, 1);
    for (uint8_t n = 2; n < 9; n++) {
        CAIRN_BUF kept = {0}, now = {0};
        uint8_t anchor[CAIRN_ANCHOR_LEN];
        const char *other = n % 2 == 0 ? "record.b" : "record.a";
        assert_true(fault_disk_get(r->disk, other, &kept));
        memcpy(anchor, r->content[1 - n % 2], sizeof anchor);
        commit(r, &s, n);
        assert_at(r, n, n);
        assert_true(fault_disk_get(r->disk, other, &now));
        assert_true(cairn_span_equal(cairn_buf_span(&kept), cairn_buf_span(&now)));
        assert_memory_equal(anchor, r->content[1 - n % 2], sizeof anchor);
    }
    rig_free(r);
}

static void every_anchor_names_a_durable_copy(void **state)
{
    (void)state;
    struct rig *r = rig_new(); /* write_double looks at each write */
    struct cairn_state s;
    provision(r, &s);
    commit(r, &s, 2);
    commit(r, &s, 3);
    assert_int_equal(r->writes, 4);
    rig_free(r);
}

static void a_lying_medium_is_never_anchored(void **state)
{
    (void)state;
    struct rig *r = rig_new();
    struct cairn_state s;
    provision(r, &s);
    struct cairn_record next = s.record;
    next.manifest[0] = 2;
    fault_disk_lie(r->disk, 1, 1000);
    REFUSES(CAIRN_E_IO, "file.readback", cairn_state_advance(&r->a, &next, &s, &err));
    assert_int_equal(r->writes, 2);
    assert_int_equal(s.record.generation, 1);
    fault_disk_lie(r->disk, 1, 0);
    fault_disk_reboot(r->disk, FAULT_KEEP_ALL, 1);
    assert_at(r, 1, 1);
    rig_free(r);
}

static void a_medium_that_lies_once_is_written_again(void **state)
{
    (void)state;
    struct rig *r = rig_new();
    struct cairn_state s;
    provision(r, &s);
    fault_disk_lie(r->disk, 1, 1);
    commit(r, &s, 2);
    fault_disk_reboot(r->disk, FAULT_DROP_ALL, 1);
    assert_at(r, 2, 2);
    rig_free(r);
}

static void failed_syncs_and_full_disks_leave_the_old_state(void **state)
{
    (void)state;
    const enum fault_kind kinds[] = {FAULT_EIO, FAULT_ENOSPC};
    for (size_t k = 0; k < CAIRN_ARRAY_LEN(kinds); k++) {
        for (unsigned step = 1; step < 32; step++) {
            struct rig *r = rig_new();
            struct cairn_state s;
            provision(r, &s);
            struct cairn_record next = s.record;
            next.manifest[0] = 2;
            fault_disk_arm(r->disk, step, kinds[k], 1000);
            enum cairn_rc rc = cairn_state_advance(&r->a, &next, &s, NULL);
            bool fired = fault_disk_fired(r->disk);
            assert_int_equal(rc == CAIRN_OK, !fired);
            fault_disk_reboot(r->disk, FAULT_TEAR, step);
            assert_at(r, fired ? 1 : 2, fired ? 1 : 2);
            rig_free(r);
            if (!fired) {
                break;
            }
        }
    }
}

/* One commit with the power cut at disk step `step`; the power comes back and un-synced data is lost, kept or torn. */
static bool cut_commit(unsigned step, enum fault_reboot mode, uint64_t seed)
{
    struct rig *r = rig_new();
    struct cairn_state s;
    provision(r, &s);
    commit(r, &s, 2);
    struct cairn_record next = s.record;
    next.manifest[0] = 3;
    fault_disk_arm(r->disk, step, FAULT_CRASH, 1);
    enum cairn_rc rc = cairn_state_advance(&r->a, &next, &s, NULL);
    bool fired = fault_disk_fired(r->disk);
    assert_int_equal(rc == CAIRN_OK, !fired);
    fault_disk_reboot(r->disk, mode, seed);
    assert_at(r, fired ? 2 : 3, fired ? 2 : 3);
    /* and the device goes on from there */
    recover(r, &s);
    commit(r, &s, 4);
    assert_at(r, fired ? 3 : 4, 4);
    rig_free(r);
    return fired;
}

static void a_power_cut_at_every_disk_step_of_a_commit_leaves_old_or_new(void **state)
{
    (void)state;
    const enum fault_reboot modes[] = {FAULT_DROP_ALL, FAULT_KEEP_ALL, FAULT_TEAR};
    for (size_t m = 0; m < CAIRN_ARRAY_LEN(modes); m++) {
        for (uint64_t seed = 1; seed <= (modes[m] == FAULT_TEAR ? 20 : 1); seed++) {
            unsigned step = 1;
            while (cut_commit(step, modes[m], seed)) {
                step++;
            }
            assert_true(step > 4);
        }
    }
}

static void a_power_cut_in_the_anchor_write_leaves_old_or_new(void **state)
{
    (void)state;
    const enum write_fault faults[] = {WRITE_WHOLE, WRITE_LOST, WRITE_TORN};
    for (size_t f = 0; f < CAIRN_ARRAY_LEN(faults); f++) {
        struct rig *r = rig_new();
        struct cairn_state s;
        provision(r, &s);
        commit(r, &s, 2);
        struct cairn_record next = s.record;
        next.manifest[0] = 3;
        r->cut_at = r->writes + 1;
        r->fault = faults[f];
        REFUSES(CAIRN_E_TPM, "tpm.transport", cairn_state_advance(&r->a, &next, &s, &err));
        assert_int_equal(s.record.generation, 2); /* not acknowledged */
        fault_disk_reboot(r->disk, FAULT_DROP_ALL, 1);
        uint8_t at = faults[f] == WRITE_WHOLE ? 3 : 2;
        assert_at(r, at, at);
        recover(r, &s);
        commit(r, &s, 9); /* also over a torn index */
        assert_at(r, at + 1u, 9);
        rig_free(r);
    }
}

/* A first provisioning cut at disk step or anchor write: then again, as a new grant would. */
static bool cut_first(unsigned step, unsigned anchor_write, enum write_fault fault, enum fault_reboot mode)
{
    struct rig *r = rig_new();
    struct cairn_state s;
    struct cairn_record next = record_with(ENROLLED_AT + 2, 1);
    recover(r, &s);
    OK(define_double(r, 0, &err));
    OK(define_double(r, 1, &err));
    r->counter = ENROLLED_AT + 2;
    fault_disk_arm(r->disk, step, FAULT_CRASH, 1);
    r->cut_at = anchor_write;
    r->fault = fault;
    enum cairn_rc rc = cairn_state_start(&r->a, &next, &s, NULL);
    bool cut = rc != CAIRN_OK;
    fault_disk_reboot(r->disk, mode, step);
    recover(r, &s);
    bool committed = !cut || (anchor_write == 2 && fault == WRITE_WHOLE);
    assert_int_equal(s.has_record, committed);
    if (!committed) {
        assert_true(s.lost);
        assert_true(s.first_allowed);
        r->cut_at = 0;
        r->counter += 2;
        next = record_with(r->counter, 5);
        OK(cairn_state_start(&r->a, &next, &s, &err));
        assert_at(r, 1, 5);
    }
    rig_free(r);
    return cut;
}

static void a_first_provisioning_that_was_cut_starts_again(void **state)
{
    (void)state;
    const enum fault_reboot modes[] = {FAULT_DROP_ALL, FAULT_KEEP_ALL, FAULT_TEAR};
    for (size_t m = 0; m < CAIRN_ARRAY_LEN(modes); m++) {
        unsigned step = 1;
        while (cut_first(step, 0, WRITE_WHOLE, modes[m])) {
            step++;
        }
        assert_true(step > 8);
    }
    const enum write_fault faults[] = {WRITE_WHOLE, WRITE_LOST, WRITE_TORN};
    for (unsigned write = 1; write <= 2; write++) {
        for (size_t f = 0; f < CAIRN_ARRAY_LEN(faults); f++) {
            assert_true(cut_first(0, write, faults[f], FAULT_DROP_ALL));
        }
    }
}

static void generation_0_is_never_accepted(void **state)
{
    (void)state;
    struct rig *r = rig_new();
    struct cairn_state s;
    provision(r, &s);
    memset(r->content[1], 0, CAIRN_ANCHOR_LEN); /* torn: only anchor 0, generation 0, is intact */
    assert_lost(r, "nothing is anchored, but the epoch counter has moved since enrolment (a first provisioning cut short?)");
    assert_true(first_allowed(r));
    rig_free(r);
}

/* Two commits after the first provisioning: anchors 3 and 2, copies 3 and 2. */
static struct rig *rig_at_3(void)
{
    struct rig *r = rig_new();
    struct cairn_state s;
    provision(r, &s);
    commit(r, &s, 2);
    commit(r, &s, 3);
    return r;
}

static void the_table_accepts_n_when_the_other_anchor_is_torn(void **state)
{
    (void)state;
    struct rig *r = rig_at_3();
    r->content[0][12] ^= 1;
    assert_at(r, 3, 3);
    struct cairn_state s;
    recover(r, &s);
    commit(r, &s, 4); /* rewrites the torn index */
    assert_at(r, 4, 4);
    rig_free(r);
}

static void the_table_falls_back_to_the_lower_anchor_only_when_the_upper_is_torn(void **state)
{
    (void)state;
    struct rig *r = rig_at_3();
    r->content[1][12] ^= 1;
    assert_at(r, 2, 2);
    rig_free(r);
    r = rig_at_3();
    fault_disk_remove(r->disk, "record.b"); /* intact top anchor, no record: never the other one */
    assert_lost(r, "record.b: there is no such file");
    assert_false(first_allowed(r));
    rig_free(r);
}

static void an_older_disk_image_fails_closed_and_says_so(void **state)
{
    (void)state;
    struct rig *r = rig_new();
    struct cairn_state s;
    provision(r, &s);
    struct fault_disk *old = fault_disk_copy(r->disk);
    commit(r, &s, 2);
    commit(r, &s, 3);
    fault_disk_restore(r->disk, old);
    assert_lost(r, "the record on disk is not the one the TPM names");
    assert_false(first_allowed(r));
    fault_disk_free(old);
    rig_free(r);
}

static void the_other_copy_is_never_read(void **state)
{
    (void)state;
    struct rig *r = rig_at_3();
    fault_disk_put(r->disk, "record.a", cairn_span_str("rubbish"));
    assert_at(r, 3, 3);
    fault_disk_remove(r->disk, "record.a");
    assert_at(r, 3, 3);
    rig_free(r);
}

static void an_unanchored_record_is_ignored(void **state)
{
    (void)state;
    struct rig *r = rig_at_3();
    uint8_t bytes[CAIRN_RECORD_LEN];
    struct cairn_record next = record_with(ENROLLED_AT + 2, 66);
    next.generation = 4;
    OK(cairn_record_encode(&next, bytes, &err));
    fault_disk_put(r->disk, "record.a", CAIRN_SPAN(bytes));
    assert_at(r, 3, 3);
    rig_free(r);
}

static void a_missing_anchor_is_state_lost(void **state)
{
    (void)state;
    static const struct {
        enum cairn_index kind;
        const char *one;
    } KINDS[] = {{CAIRN_INDEX_UNWRITTEN, "a state anchor is unwritten"},
                 {CAIRN_INDEX_ABSENT, "a state anchor is absent"},
                 {CAIRN_INDEX_REPLACED, "a state anchor is replaced"}};
    for (size_t k = 0; k < CAIRN_ARRAY_LEN(KINDS); k++) {
        for (unsigned i = 0; i < 2; i++) {
            struct rig *r = rig_at_3();
            r->kind[i] = KINDS[k].kind;
            assert_lost(r, KINDS[k].one);
            assert_false(first_allowed(r));
            rig_free(r);
        }
    }
}

static void anchors_that_were_taken_away_are_state_lost_and_no_first_provisioning(void **state)
{
    (void)state;
    struct rig *r = rig_at_3();
    r->kind[0] = r->kind[1] = CAIRN_INDEX_ABSENT;
    assert_lost(r, "the state anchors were taken away, and the epoch counter has moved since enrolment");
    assert_false(first_allowed(r));
    fault_disk_remove(r->disk, "record.a"); /* the record as well: still not a fresh device */
    fault_disk_remove(r->disk, "record.b");
    assert_lost(r, "the state anchors were taken away, and the epoch counter has moved since enrolment");
    assert_false(first_allowed(r));
    rig_free(r);
}

static void one_anchor_taken_away_is_no_trace_of_a_cut(void **state)
{
    (void)state;
    struct rig *r = rig_at_3();
    r->kind[0] = CAIRN_INDEX_ABSENT;
    r->kind[1] = CAIRN_INDEX_UNWRITTEN;
    assert_lost(r, "the state anchors were taken away, and the epoch counter has moved since enrolment");
    assert_false(first_allowed(r));
    r->kind[0] = CAIRN_INDEX_UNWRITTEN;
    assert_true(first_allowed(r));
    rig_free(r);
}

static void a_record_beside_unwritten_anchors_is_state_lost(void **state)
{
    (void)state;
    struct rig *r = rig_at_3();
    r->kind[0] = r->kind[1] = CAIRN_INDEX_ABSENT;
    r->counter = ENROLLED_AT;
    assert_lost(r, "there is a record on disk, but nothing is anchored");
    r->a.statement = NULL;
    assert_lost(r, "there is a record on disk, but no enrolment statement");
    rig_free(r);
}

static void the_table_loses_torn_and_distant_and_exchanged_anchors(void **state)
{
    (void)state;
    struct rig *r = rig_at_3();
    uint8_t old[CAIRN_ANCHOR_LEN], record[CAIRN_RECORD_LEN] = {0};
    struct cairn_state s;
    memcpy(old, r->content[1], sizeof old);
    recover(r, &s);
    commit(r, &s, 4);
    commit(r, &s, 5);
    commit(r, &s, 6); /* anchors 6 and 5; then 5 is put back to 3 */
    memcpy(r->content[1], old, sizeof old);
    assert_lost(r, "the anchors' generations are not adjacent");
    r->content[0][0] ^= 1;
    r->content[1][0] ^= 1;
    assert_lost(r, "both anchors are torn");
    assert_false(first_allowed(r));
    OK(cairn_anchor_make(3, record, r->content[0], &err));
    assert_lost(r, "an anchor stands in the other's index");
    rig_free(r);
}

static void a_record_of_another_enrolment_is_lost_until_that_enrolment_provisions(void **state)
{
    (void)state;
    struct rig *r = rig_at_3();
    r->a.statement = OTHER_STATEMENT;
    r->a.enrolled_at = r->counter; /* a new enrolment certified the counter as it stands */
    assert_lost(r, "the record is of another enrolment than this device's statement");
    assert_true(first_allowed(r));
    r->a.enrolled_at = ENROLLED_AT; /* an older statement put back on the disk */
    assert_false(first_allowed(r));
    rig_free(r);
}

static void a_lost_counter_is_state_lost(void **state)
{
    (void)state;
    struct rig *r = rig_new();
    r->no_counter = true;
    assert_lost(r, "the epoch counter is absent or replaced");
    assert_false(first_allowed(r));
    rig_free(r);
}

static void decommissioning_is_never_left_and_the_floor_never_sinks(void **state)
{
    (void)state;
    struct rig *r = rig_at_3();
    struct cairn_state s;
    recover(r, &s);
    struct cairn_record next = s.record;
    next.floor = 0;
    REFUSES(CAIRN_E_REFUSED, "state.floor", cairn_state_advance(&r->a, &next, &s, &err));
    next = s.record;
    memcpy(next.statement, OTHER_STATEMENT, 32);
    REFUSES(CAIRN_E_REFUSED, "state.statement", cairn_state_advance(&r->a, &next, &s, &err));
    next = s.record;
    next.life = CAIRN_LIFE_DECOMMISSIONING;
    next.kill_target = 20;
    next.order[0] = 1;
    OK(cairn_state_advance(&r->a, &next, &s, &err));
    assert_int_equal(s.life, CAIRN_LIFE_DECOMMISSIONING);
    next = record_with(ENROLLED_AT + 2, 9);
    REFUSES(CAIRN_E_REFUSED, "state.life", cairn_state_advance(&r->a, &next, &s, &err));
    REFUSES(CAIRN_E_REFUSED, "state.life", cairn_state_start(&r->a, &next, &s, &err));
    rig_free(r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_fresh_device_is_enrolled_and_not_lost),
        cmocka_unit_test(copies_and_anchors_alternate),
        cmocka_unit_test(every_anchor_names_a_durable_copy),
        cmocka_unit_test(a_lying_medium_is_never_anchored),
        cmocka_unit_test(a_medium_that_lies_once_is_written_again),
        cmocka_unit_test(failed_syncs_and_full_disks_leave_the_old_state),
        cmocka_unit_test(a_power_cut_at_every_disk_step_of_a_commit_leaves_old_or_new),
        cmocka_unit_test(a_power_cut_in_the_anchor_write_leaves_old_or_new),
        cmocka_unit_test(a_first_provisioning_that_was_cut_starts_again),
        cmocka_unit_test(generation_0_is_never_accepted),
        cmocka_unit_test(the_table_accepts_n_when_the_other_anchor_is_torn),
        cmocka_unit_test(the_table_falls_back_to_the_lower_anchor_only_when_the_upper_is_torn),
        cmocka_unit_test(an_older_disk_image_fails_closed_and_says_so),
        cmocka_unit_test(the_other_copy_is_never_read),
        cmocka_unit_test(an_unanchored_record_is_ignored),
        cmocka_unit_test(a_missing_anchor_is_state_lost),
        cmocka_unit_test(anchors_that_were_taken_away_are_state_lost_and_no_first_provisioning),
        cmocka_unit_test(one_anchor_taken_away_is_no_trace_of_a_cut),
        cmocka_unit_test(a_record_beside_unwritten_anchors_is_state_lost),
        cmocka_unit_test(the_table_loses_torn_and_distant_and_exchanged_anchors),
        cmocka_unit_test(a_record_of_another_enrolment_is_lost_until_that_enrolment_provisions),
        cmocka_unit_test(a_lost_counter_is_state_lost),
        cmocka_unit_test(decommissioning_is_never_left_and_the_floor_never_sinks),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
