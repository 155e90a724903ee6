/* tests/unit/agent/test_spool.c -- agent/spool.c: a hand-over is whole or not there, whenever the power goes. */
#include "support/cmocka_all.h"

#include "agent/spool.h"
#include "core/crypto.h"
#include "support/fault_fs.h"

struct world {
    struct fault_disk *in, *out;
    struct cairn_spool spool;
};

static void setup(struct world *w)
{
    w->in = fault_disk_new();
    w->out = fault_disk_new();
    w->spool = (struct cairn_spool){.in = fault_disk_mount(w->in), .out = fault_disk_mount(w->out)};
}

static void teardown(struct world *w)
{
    cairn_spool_clear(&w->spool);
    fault_disk_free(w->in);
    fault_disk_free(w->out);
}

static void fill(struct cairn_bundle *bundle, const char *which)
{
    char text[64];
    (void)snprintf(text, sizeof text, "grant %s", which);
    assert_int_equal(cairn_buf_set(&bundle->grant, cairn_span_str(text), NULL), CAIRN_OK);
    (void)snprintf(text, sizeof text, "manifest %s", which);
    assert_int_equal(cairn_buf_set(&bundle->manifest, cairn_span_str(text), NULL), CAIRN_OK);
    (void)snprintf(text, sizeof text, "assets %s", which);
    assert_int_equal(cairn_buf_set(&bundle->assets, cairn_span_str(text), NULL), CAIRN_OK);
}

static bool holds(struct cairn_fs *fs, const char *name, const char *want)
{
    CAIRN_BUF file = {0};
    return cairn_file_exists(fs, name) && cairn_file_read(fs, name, 4096, &file, NULL) == CAIRN_OK &&
           cairn_span_equal(cairn_buf_span(&file), cairn_span_str(want));
}

static void a_mark_is_never_there_without_all_it_promises(void **state)
{
    (void)state;
    static const enum fault_reboot HOW[] = {FAULT_DROP_ALL, FAULT_KEEP_ALL, FAULT_TEAR};
    CAIRN_BUNDLE bundle = {.grant = {0}};
    fill(&bundle, "one");
    bool whole = false;
    for (unsigned step = 1; !whole; step++) {
        for (size_t how = 0; how < CAIRN_ARRAY_LEN(HOW); how++) {
            struct world w;
            setup(&w);
            fault_disk_arm(w.in, step, FAULT_CRASH, 1);
            const enum cairn_rc rc = cairn_spool_put_bundle(&w.spool, &bundle, NULL);
            whole = rc == CAIRN_OK;
            fault_disk_reboot(w.in, HOW[how], step);
            if (whole || cairn_file_exists(w.spool.in, CAIRN_SPOOL_INSTALL_READY)) {
                assert_true(holds(w.spool.in, CAIRN_SPOOL_GRANT, "grant one"));
                assert_true(holds(w.spool.in, CAIRN_SPOOL_MANIFEST, "manifest one"));
                assert_true(holds(w.spool.in, CAIRN_SPOOL_ASSETS, "assets one"));
            }
            teardown(&w);
        }
        assert_true(step < 200);
    }
}

static void a_grant_that_waits_is_not_written_over(void **state)
{
    (void)state;
    struct world w;
    struct cairn_err err = {0};
    CAIRN_BUNDLE one = {.grant = {0}}, two = {.grant = {0}};
    setup(&w);
    fill(&one, "one");
    fill(&two, "two");
    assert_int_equal(cairn_spool_put_bundle(&w.spool, &one, NULL), CAIRN_OK);
    assert_int_equal(cairn_spool_put_bundle(&w.spool, &two, &err), CAIRN_E_BUSY);
    assert_string_equal(err.code, "spool.busy");
    assert_true(holds(w.spool.in, CAIRN_SPOOL_GRANT, "grant one"));
    static const char *const NAMES[] = {CAIRN_SPOOL_GRANT, CAIRN_SPOOL_MANIFEST, CAIRN_SPOOL_ASSETS};
    assert_int_equal(cairn_spool_done(&w.spool, NAMES, 3, CAIRN_SPOOL_INSTALL_READY, NULL), CAIRN_OK);
    assert_false(cairn_file_exists(w.spool.in, CAIRN_SPOOL_GRANT));
    assert_int_equal(cairn_spool_put_bundle(&w.spool, &two, NULL), CAIRN_OK);
    assert_true(holds(w.spool.in, CAIRN_SPOOL_ASSETS, "assets two"));
    teardown(&w);
}

/* Root's end is cut at every step: while the mark stands, the grant is whole with everything, or gone before everything. */
static void an_end_that_is_cut_can_be_told_from_a_grant_that_waits(void **state)
{
    (void)state;
    static const char *const NAMES[] = {CAIRN_SPOOL_GRANT, CAIRN_SPOOL_MANIFEST, CAIRN_SPOOL_ASSETS};
    CAIRN_BUNDLE bundle = {.grant = {0}};
    fill(&bundle, "one");
    bool whole = false;
    for (unsigned step = 1; !whole; step++) {
        struct world w;
        setup(&w);
        assert_int_equal(cairn_spool_put_bundle(&w.spool, &bundle, NULL), CAIRN_OK);
        fault_disk_arm(w.in, step, FAULT_CRASH, 1);
        whole = cairn_spool_done(&w.spool, NAMES, 3, CAIRN_SPOOL_INSTALL_READY, NULL) == CAIRN_OK;
        fault_disk_reboot(w.in, FAULT_TEAR, step);
        if (cairn_file_exists(w.spool.in, CAIRN_SPOOL_GRANT)) {
            assert_true(cairn_file_exists(w.spool.in, CAIRN_SPOOL_MANIFEST));
            assert_true(cairn_file_exists(w.spool.in, CAIRN_SPOOL_ASSETS));
            assert_true(cairn_file_exists(w.spool.in, CAIRN_SPOOL_INSTALL_READY));
        }
        assert_int_equal(cairn_spool_done(&w.spool, NAMES, 3, CAIRN_SPOOL_INSTALL_READY, NULL), CAIRN_OK);
        assert_false(cairn_file_exists(w.spool.in, CAIRN_SPOOL_INSTALL_READY));
        teardown(&w);
        assert_true(step < 200);
    }
}

static void what_is_refused_is_moved_aside_with_its_reason(void **state)
{
    (void)state;
    struct world w;
    setup(&w);
    assert_int_equal(cairn_spool_put_order(&w.spool, cairn_span_str("order"), NULL), CAIRN_OK);
    assert_true(cairn_file_exists(w.spool.in, CAIRN_SPOOL_WIPE_READY));
    assert_int_equal(cairn_spool_refuse(&w.spool, CAIRN_SPOOL_ORDER, "order.holders", NULL), CAIRN_OK);
    assert_false(cairn_file_exists(w.spool.in, CAIRN_SPOOL_ORDER));
    assert_true(holds(w.spool.in, "order.dsse.refused", "order"));
    assert_true(holds(w.spool.in, "order.dsse.reason", "order.holders\n"));
    assert_int_equal(cairn_spool_refuse(&w.spool, CAIRN_SPOOL_ORDER, "order.holders", NULL), CAIRN_OK);
    fault_disk_arm(w.in, 1, FAULT_EIO, 1000);
    assert_int_equal(cairn_spool_put_order(&w.spool, cairn_span_str("order"), NULL), CAIRN_E_IO);
    teardown(&w);
}

static void a_document_is_pending_until_it_was_sent_and_again_when_it_changed(void **state)
{
    (void)state;
    struct world w;
    bool pending = true;
    CAIRN_BUF bytes = {0};
    setup(&w);
    assert_int_equal(cairn_spool_pending(&w.spool, CAIRN_SPOOL_RECEIPT, 100, &pending, &bytes, NULL), CAIRN_OK);
    assert_false(pending);
    assert_int_equal(cairn_file_replace(w.spool.out, CAIRN_SPOOL_RECEIPT, cairn_span_str("one"), 0644, NULL), CAIRN_OK);
    assert_int_equal(cairn_spool_pending(&w.spool, CAIRN_SPOOL_RECEIPT, 100, &pending, &bytes, NULL), CAIRN_OK);
    assert_true(pending);
    assert_string_equal((const char *)bytes.p, "one");
    assert_int_equal(cairn_spool_sent(&w.spool, CAIRN_SPOOL_RECEIPT, cairn_buf_span(&bytes), NULL), CAIRN_OK);
    assert_int_equal(cairn_spool_pending(&w.spool, CAIRN_SPOOL_RECEIPT, 100, &pending, &bytes, NULL), CAIRN_OK);
    assert_false(pending);
    assert_int_equal(cairn_file_replace(w.spool.out, CAIRN_SPOOL_RECEIPT, cairn_span_str("two"), 0644, NULL), CAIRN_OK);
    assert_int_equal(cairn_spool_pending(&w.spool, CAIRN_SPOOL_RECEIPT, 100, &pending, &bytes, NULL), CAIRN_OK);
    assert_true(pending);
    assert_int_equal(cairn_spool_pending(&w.spool, CAIRN_SPOOL_RECEIPT, 2, &pending, &bytes, NULL), CAIRN_E_IO);
    teardown(&w);
}

static void report_text(char *out, size_t cap)
{
    struct cairn_nonce n = {.purpose = CAIRN_PURPOSE_EVIDENCE, .mask = 1};
    CAIRN_BUF nonce = {0};
    n.ak.bytes[1] = 0x0b;
    assert_int_equal(cairn_nonce_write(&n, &nonce, NULL), CAIRN_OK);
    (void)snprintf(out, cap, "{\"interval\":60,\"nonce\":%.*s,\"tier\":\"warning\"}\n", (int)nonce.len - 1,
                   (const char *)nonce.p);
}

static void the_last_report_is_kept_and_a_damaged_one_is_none(void **state)
{
    (void)state;
    struct world w;
    char body[1024];
    bool there = true;
    uint64_t at = 0;
    struct cairn_spool_logs logs = {.known = {false}}, kept = {.known = {true, false, true}, .sha256 = {{1}, {0}, {3}}};
    CAIRN_REPORT report = {.interval_s = 0};
    setup(&w);
    report_text(body, sizeof body);
    assert_int_equal(cairn_spool_report(&w.spool, &there, &at, &report, &logs, NULL), CAIRN_OK);
    assert_false(there);
    assert_int_equal(cairn_spool_put_report(&w.spool, cairn_span_str(body), 1800000000, &kept, NULL), CAIRN_OK);
    assert_int_equal(cairn_spool_report(&w.spool, &there, &at, &report, &logs, NULL), CAIRN_OK);
    assert_true(there);
    assert_int_equal(at, 1800000000);
    assert_int_equal(report.tier, CAIRN_TIER_WARNING);
    assert_int_equal(report.interval_s, 60);
    assert_memory_equal(&logs, &kept, sizeof logs);
    CAIRN_BUF file = {0};
    assert_int_equal(cairn_file_read(w.spool.in, CAIRN_SPOOL_REPORT, 4096, &file, NULL), CAIRN_OK);
    for (size_t len = 0; len < file.len; len += 7) {
        assert_int_equal(cairn_file_replace(w.spool.in, CAIRN_SPOOL_REPORT, cairn_span(file.p, len), 0644, NULL), CAIRN_OK);
        assert_int_equal(cairn_spool_report(&w.spool, &there, &at, &report, &logs, NULL), CAIRN_OK);
        assert_false(there);
    }
    teardown(&w);
}

static int self_test(void **state)
{
    (void)state;
    return cairn_crypto_self_test(NULL) == CAIRN_OK ? 0 : -1;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_mark_is_never_there_without_all_it_promises),
        cmocka_unit_test(a_grant_that_waits_is_not_written_over),
        cmocka_unit_test(an_end_that_is_cut_can_be_told_from_a_grant_that_waits),
        cmocka_unit_test(what_is_refused_is_moved_aside_with_its_reason),
        cmocka_unit_test(a_document_is_pending_until_it_was_sent_and_again_when_it_changed),
        cmocka_unit_test(the_last_report_is_kept_and_a_damaged_one_is_none),
    };
    return cmocka_run_group_tests(tests, self_test, NULL);
}
