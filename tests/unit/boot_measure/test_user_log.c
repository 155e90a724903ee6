/* tests/unit/boot_measure/test_user_log.c -- boot_measure/user_log.c: writing, and log first, then extend. */
#include "vectors.h"

static const char boot_a[] = "0f2c3a44-9d1e-4a3c-8b11-3a5b6c7d8e9f";
static const char boot_b[] = "1f2c3a44-9d1e-4a3c-8b11-3a5b6c7d8e9f";

static void writes_what_the_reader_reads_in_every_bank(void **state)
{
    (void)state;
    static const uint16_t algs[] = {CAIRN_SHA384, 0x000d, CAIRN_SHA256, CAIRN_SHA1};
    CAIRN_BUF bytes = {0};
    assert_int_equal(cairn_user_log_header(algs, 4, &bytes, NULL), CAIRN_OK);
    add_text(&bytes, 8, CAIRN_EV_IPL, "text");
    struct cairn_tcg_log log;
    struct cairn_tcg_event event;
    bool more = false;
    assert_int_equal(cairn_tcg_log_open(cairn_buf_span(&bytes), &log, NULL), CAIRN_OK);
    assert_int_equal(log.num_banks, 3); /* SHA-512 is left out */
    assert_int_equal(cairn_tcg_log_next(&log, &more, &event, NULL), CAIRN_OK);
    static const enum cairn_hash hashes[CAIRN_TCG_NUM_BANKS] = {CAIRN_SHA1, CAIRN_SHA256, CAIRN_SHA384};
    for (size_t i = 0; i < CAIRN_TCG_NUM_BANKS; i++) {
        uint8_t digest[CAIRN_HASH_MAX];
        const struct cairn_span data = cairn_span_str("text");
        assert_int_equal(cairn_hash_parts(hashes[i], &data, 1, digest, NULL), CAIRN_OK);
        assert_true(cairn_span_equal(event.digests[i], cairn_span(digest, cairn_hash_len(hashes[i]))));
    }
    assert_true(cairn_span_equal(event.data, cairn_span_str("text")));
    assert_int_equal(cairn_tcg_log_next(&log, &more, &event, NULL), CAIRN_OK);
    assert_false(more);
}

static void needs_the_sha256_bank(void **state)
{
    (void)state;
    static const uint16_t algs[] = {CAIRN_SHA1};
    struct cairn_err err = {0};
    CAIRN_BUF log = {0};
    assert_int_equal(cairn_user_log_header(algs, 1, &log, &err), CAIRN_E_UNDECIDED);
    assert_code(err, "boot.userlog.bank");
}

static void does_not_write_into_a_log_with_a_bank_it_cannot_hash(void **state)
{
    (void)state;
    struct cairn_err err = {0};
    CAIRN_BUF log = new_log();
    log.p[60] = 0x77;
    assert_int_equal(cairn_user_log_event(&log, 8, CAIRN_EV_IPL, cairn_span_str("x"), &err), CAIRN_E_UNDECIDED);
    assert_code(err, "boot.userlog.bank");
    assert_int_equal(log.len, 69);
}

static void refuses_events_that_cannot_be(void **state)
{
    (void)state;
    static const uint8_t large[CAIRN_USER_LOG_MAX_DATA + 1] = {0};
    struct cairn_err err = {0};
    CAIRN_BUF log = new_log();
    assert_int_equal(cairn_user_log_event(&log, 24, CAIRN_EV_IPL, cairn_span_str("x"), &err), CAIRN_E_USAGE);
    assert_code(err, "boot.userlog.event");
    assert_int_equal(cairn_user_log_event(&log, 8, CAIRN_EV_IPL, CAIRN_SPAN(large), &err), CAIRN_E_USAGE);
    assert_int_equal(cairn_user_log_event(&log, 8, CAIRN_EV_IPL, cairn_span_str(""), &err), CAIRN_E_USAGE);
    assert_int_equal(log.len, 69);
}

static void refuses_a_boot_id_that_is_none(void **state)
{
    (void)state;
    struct cairn_err err = {0};
    CAIRN_BUF log = new_log();
    struct pcrs pcrs = reset_pcrs();
    assert_int_equal(cairn_user_log_base(&log, "short", pcrs.values[8], &err), CAIRN_E_USAGE);
    assert_code(err, "boot.userlog.bootid");
    assert_int_equal(cairn_user_log_base(&log, "0F2c3a44-9d1e-4a3c-8b11-3a5b6c7d8e9f", pcrs.values[8], &err), CAIRN_E_USAGE);
}

/* A log of boot A, begun when PCR 8 held "loader", with the events "one" and "two". */
static struct cairn_buf make_log(struct pcrs *pcrs)
{
    struct cairn_buf log = new_log();
    *pcrs = reset_pcrs();
    extend_text(pcrs, 8, "loader");
    assert_int_equal(cairn_user_log_base(&log, boot_a, pcrs->values[8], NULL), CAIRN_OK);
    add_text(&log, 8, CAIRN_EV_IPL, "one");
    add_text(&log, 8, CAIRN_EV_IPL, "two");
    return log;
}

static void finds_how_much_of_the_log_was_extended(void **state)
{
    (void)state;
    static const char *const texts[] = {"one", "two"};
    struct pcrs pcrs;
    CAIRN_BUF log = make_log(&pcrs);
    for (size_t i = 0; i <= 2; i++) {
        struct cairn_user_tail tail;
        assert_int_equal(cairn_user_log_reconcile(cairn_buf_span(&log), boot_a, pcrs.values[8], &tail, NULL), CAIRN_OK);
        assert_false(tail.stale);
        assert_int_equal(tail.num_events, 2);
        assert_int_equal(tail.num_extended, i);
        if (i < 2) {
            assert_true(cairn_span_equal(cairn_user_log_data(cairn_buf_span(&log), i), cairn_span_str(texts[i])));
            extend_text(&pcrs, 8, texts[i]);
        }
    }
    assert_int_equal(cairn_user_log_data(cairn_buf_span(&log), 2).len, 0);
}

static void refuses_a_pcr_that_somebody_else_extended_in_this_boot(void **state)
{
    (void)state;
    struct pcrs pcrs;
    struct cairn_err err = {0};
    struct cairn_user_tail tail;
    CAIRN_BUF log = make_log(&pcrs);
    extend_text(&pcrs, 8, "stranger");
    assert_int_equal(cairn_user_log_reconcile(cairn_buf_span(&log), boot_a, pcrs.values[8], &tail, &err), CAIRN_E_REFUSED);
    assert_code(err, "boot.userlog.reconcile");
}

static void a_log_of_an_earlier_boot_is_stale(void **state)
{
    (void)state;
    struct pcrs pcrs;
    struct cairn_user_tail tail;
    CAIRN_BUF log = make_log(&pcrs);
    assert_int_equal(cairn_user_log_reconcile(cairn_buf_span(&log), boot_b, pcrs.values[8], &tail, NULL), CAIRN_OK);
    assert_true(tail.stale); /* the base alone is what every boot of this loader has */
    extend_text(&pcrs, 8, "one");
    assert_int_equal(cairn_user_log_reconcile(cairn_buf_span(&log), boot_b, pcrs.values[8], &tail, NULL), CAIRN_OK);
    assert_true(tail.stale);
    extend_text(&pcrs, 8, "elsewhere");
    assert_int_equal(cairn_user_log_reconcile(cairn_buf_span(&log), boot_b, pcrs.values[8], &tail, NULL), CAIRN_OK);
    assert_true(tail.stale);
}

static void after_kexec_the_log_still_stands(void **state)
{
    (void)state;
    struct pcrs pcrs;
    struct cairn_user_tail tail;
    CAIRN_BUF log = make_log(&pcrs);
    extend_text(&pcrs, 8, "one");
    extend_text(&pcrs, 8, "two");
    assert_int_equal(cairn_user_log_reconcile(cairn_buf_span(&log), boot_b, pcrs.values[8], &tail, NULL), CAIRN_OK);
    assert_false(tail.stale);
    assert_int_equal(tail.num_extended, 2);
}

static void expect_fault(struct cairn_span log, const char *code)
{
    struct pcrs pcrs = reset_pcrs();
    struct cairn_err err = {0};
    struct cairn_user_tail tail;
    assert_int_equal(cairn_user_log_reconcile(log, boot_a, pcrs.values[8], &tail, &err), CAIRN_E_FORMAT);
    assert_code(err, code);
}

static void refuses_logs_that_cairn_did_not_write(void **state)
{
    (void)state;
    struct pcrs pcrs;
    CAIRN_BUF empty = new_log();
    expect_fault(cairn_buf_span(&empty), "boot.userlog.base");
    add_text(&empty, 8, CAIRN_EV_IPL, "one");
    expect_fault(cairn_buf_span(&empty), "boot.userlog.base");
    CAIRN_BUF other = make_log(&pcrs);
    add_text(&other, 9, CAIRN_EV_IPL, "three");
    expect_fault(cairn_buf_span(&other), "boot.userlog.event");
    CAIRN_BUF altered = make_log(&pcrs);
    altered.p[altered.len - 1] ^= 1;
    expect_fault(cairn_buf_span(&altered), "boot.userlog.event");
    CAIRN_BUF torn = make_log(&pcrs);
    expect_fault(cairn_span(torn.p, torn.len - 1), "boot.log.truncated");
}

/* The base note is EV_NO_ACTION: a verifier replays the log as if it were not there. */
static void the_base_note_is_not_extended(void **state)
{
    (void)state;
    struct pcrs pcrs;
    CAIRN_BUF firmware = new_log();
    CAIRN_BUF log = make_log(&pcrs);
    CAIRN_REPLAY *r = NULL;
    uint8_t quoted[32];
    add_text(&firmware, 8, CAIRN_EV_IPL, "loader");
    extend_text(&pcrs, 8, "one");
    extend_text(&pcrs, 8, "two");
    quote_pcrs(&pcrs, 0x100, quoted);
    struct cairn_boot_logs logs = {.firmware = cairn_buf_span(&firmware), .userspace = cairn_buf_span(&log)};
    assert_int_equal(cairn_replay_run(&logs, 0x100, quoted, &r, NULL), CAIRN_OK);
    assert_int_equal(cairn_replay_num_events(r), 3);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(writes_what_the_reader_reads_in_every_bank),
        cmocka_unit_test(needs_the_sha256_bank),
        cmocka_unit_test(does_not_write_into_a_log_with_a_bank_it_cannot_hash),
        cmocka_unit_test(refuses_events_that_cannot_be),
        cmocka_unit_test(refuses_a_boot_id_that_is_none),
        cmocka_unit_test(finds_how_much_of_the_log_was_extended),
        cmocka_unit_test(refuses_a_pcr_that_somebody_else_extended_in_this_boot),
        cmocka_unit_test(a_log_of_an_earlier_boot_is_stale),
        cmocka_unit_test(after_kexec_the_log_still_stands),
        cmocka_unit_test(refuses_logs_that_cairn_did_not_write),
        cmocka_unit_test(the_base_note_is_not_extended),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
