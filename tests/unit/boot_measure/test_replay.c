/* tests/unit/boot_measure/test_replay.c -- boot_measure/replay.c: the genuine boots, their quotes, and what must not pass. */
#include "vectors.h"

#include <time.h>

static enum cairn_rc replay(const struct boot *boot, struct cairn_replay **out, struct cairn_err *err)
{
    return cairn_replay_run(&boot->logs, boot->mask, boot->quoted, out, err);
}

static void replays_every_genuine_boot_to_its_quote(void **state)
{
    (void)state;
    for (size_t i = 0; i < CAIRN_ARRAY_LEN(boots); i++) {
        BOOT boot = open_boot(boots[i]);
        CAIRN_REPLAY *r = NULL;
        assert_int_equal(replay(&boot, &r, NULL), CAIRN_OK);
        assert_int_equal(cairn_replay_num_ima(r), 49);
        assert_int_equal(cairn_replay_ima_len(r), boot.ima.len);
        assert_int_equal(cairn_replay_num_ima_violations(r), 0);
        for (unsigned pcr = 0; pcr < CAIRN_NUM_PCRS; pcr++) {
            const uint8_t *value = cairn_replay_value(r, pcr);
            assert_int_equal(value != NULL, boot.mask >> pcr & 1u);
            if (value != NULL) {
                assert_memory_equal(value, boot.values.p + 24 * 20 + 32 * pcr, 32);
            }
        }
    }
}

static void confirms_boot_aggregate_of_every_genuine_boot(void **state)
{
    (void)state;
    for (size_t i = 0; i < CAIRN_ARRAY_LEN(boots); i++) {
        BOOT boot = open_boot(boots[i]);
        CAIRN_REPLAY *r = NULL;
        assert_int_equal(replay(&boot, &r, NULL), CAIRN_OK);
        assert_int_equal(cairn_replay_aggregate(r), CAIRN_AGGREGATE_MATCHES);
    }
}

static void does_not_decide_boot_aggregate_over_pcrs_that_were_not_quoted(void **state)
{
    (void)state;
    BOOT boot = open_boot("sb-uki-clean");
    CAIRN_REPLAY *r = NULL;
    struct pcrs pcrs;
    memcpy(pcrs.values, boot.values.p + 24 * 20, sizeof pcrs.values);
    uint8_t quoted[32];
    quote_pcrs(&pcrs, boot.mask & ~1u, quoted);
    assert_int_equal(cairn_replay_run(&boot.logs, boot.mask & ~1u, quoted, &r, NULL), CAIRN_OK);
    assert_int_equal(cairn_replay_aggregate(r), CAIRN_AGGREGATE_UNKNOWN);
    assert_null(cairn_replay_value(r, 0));
}

static void notices_a_boot_aggregate_of_another_boot(void **state)
{
    (void)state;
    BOOT boot = open_boot("sb-uki-clean");
    BOOT other = open_boot("nosb-uki-clean");
    CAIRN_REPLAY *r = NULL;
    struct pcrs pcrs;
    uint8_t quoted[32];
    memcpy(pcrs.values, boot.values.p + 24 * 20, sizeof pcrs.values);
    memcpy(pcrs.values[10], other.values.p + 24 * 20 + 320, 32); /* that is what such a TPM would hold */
    quote_pcrs(&pcrs, boot.mask, quoted);
    boot.logs.ima = other.logs.ima;
    assert_int_equal(cairn_replay_run(&boot.logs, boot.mask, quoted, &r, NULL), CAIRN_OK);
    assert_int_equal(cairn_replay_aggregate(r), CAIRN_AGGREGATE_DIFFERS);
}

static void expect_mismatch(const struct boot *boot)
{
    struct cairn_err err = {0};
    struct cairn_replay *r = NULL;
    assert_int_equal(replay(boot, &r, &err), CAIRN_E_REFUSED);
    assert_code(err, "boot.replay.mismatch");
    assert_null(r);
}

static void refuses_a_log_of_another_boot(void **state)
{
    (void)state;
    BOOT boot = open_boot("sb-uki-clean");
    BOOT other = open_boot("sb-uki-tampered-cmdline");
    boot.logs.firmware = other.logs.firmware;
    expect_mismatch(&boot);
}

static void refuses_every_flipped_digest_bit(void **state)
{
    (void)state;
    BOOT boot = open_boot("direct-clean");
    struct cairn_tcg_log log;
    struct cairn_tcg_event event;
    bool more = false;
    assert_int_equal(cairn_tcg_log_open(boot.logs.firmware, &log, NULL), CAIRN_OK);
    while (cairn_tcg_log_next(&log, &more, &event, NULL) == CAIRN_OK && more) {
        size_t at = (size_t)(event.digests[CAIRN_TCG_SHA256].p - boot.firmware.p);
        boot.firmware.p[at + event.offset % 32] ^= 1;
        expect_mismatch(&boot);
        boot.firmware.p[at + event.offset % 32] ^= 1;
    }
    assert_int_equal(log.num_events, 24);
}

/* Altered event data changes no PCR: but it is no data fact any more. */
static void altered_data_is_no_data_fact(void **state)
{
    (void)state;
    BOOT boot = open_boot("sb-uki-clean");
    CAIRN_REPLAY *before = NULL;
    CAIRN_REPLAY *after = NULL;
    assert_int_equal(replay(&boot, &before, NULL), CAIRN_OK);
    boot.firmware.p[319 + 12 + 22 + 34 + 4 + 52] = 0; /* the value of SecureBoot */
    assert_int_equal(replay(&boot, &after, NULL), CAIRN_OK);
    assert_string_equal(cairn_replay_event(after, 3)->label, "SecureBoot");
    assert_true(cairn_replay_event(before, 3)->data_verified);
    assert_int_equal(cairn_replay_event_data(before, 3).len, 53);
    assert_false(cairn_replay_event(after, 3)->data_verified);
    assert_int_equal(cairn_replay_event_data(after, 3).len, 0);
}

static void refuses_a_firmware_log_that_is_not_whole(void **state)
{
    (void)state;
    BOOT boot = open_boot("direct-clean");
    struct cairn_tcg_log log;
    struct cairn_tcg_event event;
    bool more = false;
    assert_int_equal(cairn_tcg_log_open(boot.logs.firmware, &log, NULL), CAIRN_OK);
    while (cairn_tcg_log_next(&log, &more, &event, NULL) == CAIRN_OK && more) {
        struct boot cut = boot;
        cut.logs.firmware.len = event.offset;
        expect_mismatch(&cut);
    }
    struct boot none = boot;
    none.logs.firmware.len = 0;
    expect_mismatch(&none);
}

static void names_the_offset_of_a_fault_in_the_firmware_log(void **state)
{
    (void)state;
    BOOT boot = open_boot("direct-clean");
    struct cairn_err err = {0};
    struct cairn_replay *r = NULL;
    boot.logs.firmware.len -= 1;
    assert_int_equal(replay(&boot, &r, &err), CAIRN_E_FORMAT);
    assert_code(err, "boot.log.truncated");
    assert_non_null(strstr(err.text, "firmware log: "));
    assert_non_null(strstr(err.text, "offset 2352"));
}

static void refuses_an_event_added_to_the_firmware_log(void **state)
{
    (void)state;
    BOOT boot = open_boot("direct-clean");
    add_text(&boot.firmware, 0, CAIRN_EV_IPL, "late");
    boot.logs.firmware = cairn_buf_span(&boot.firmware);
    expect_mismatch(&boot);
}

/* CHECKS 29. */
static void ignores_ima_entries_behind_the_quote(void **state)
{
    (void)state;
    BOOT boot = open_boot("sb-uki-clean");
    BOOT other = open_boot("shim-ms-clean");
    CAIRN_REPLAY *r = NULL;
    size_t len = boot.ima.len;
    assert_int_equal(cairn_buf_append(&boot.ima, other.logs.ima, NULL), CAIRN_OK);
    boot.logs.ima = cairn_buf_span(&boot.ima);
    assert_int_equal(replay(&boot, &r, NULL), CAIRN_OK);
    assert_int_equal(cairn_replay_num_ima(r), 49);
    assert_int_equal(cairn_replay_ima_len(r), len);
}

static void ignores_garbage_behind_the_quote(void **state)
{
    (void)state;
    BOOT boot = open_boot("sb-uki-clean");
    CAIRN_REPLAY *r = NULL;
    size_t len = boot.ima.len;
    assert_int_equal(cairn_buf_append(&boot.ima, cairn_span_str("being written"), NULL), CAIRN_OK);
    boot.logs.ima = cairn_buf_span(&boot.ima);
    assert_int_equal(replay(&boot, &r, NULL), CAIRN_OK);
    assert_int_equal(cairn_replay_ima_len(r), len);
}

static void refuses_every_truncation_of_the_ima_list(void **state)
{
    (void)state;
    BOOT boot = open_boot("sb-uki-clean");
    for (size_t len = 0; len < boot.ima.len; len += len < 1024 ? 1 : 97) {
        CAIRN_BUF cut = copy_of(cairn_span(boot.ima.p, len));
        struct boot now = boot;
        struct cairn_err err = {0};
        struct cairn_replay *r = NULL;
        now.logs.ima = cairn_buf_span(&cut);
        enum cairn_rc rc = replay(&now, &r, &err);
        assert_true(rc == CAIRN_E_REFUSED || rc == CAIRN_E_FORMAT);
        assert_string_equal(err.code, rc == CAIRN_E_REFUSED ? "boot.replay.mismatch" : "boot.ima.truncated");
        assert_null(r);
    }
}

static void refuses_altered_template_data(void **state)
{
    (void)state;
    BOOT boot = open_boot("sb-uki-clean");
    boot.ima.p[60] ^= 1; /* within the digest of boot_aggregate */
    expect_mismatch(&boot);
}

static void does_not_look_at_the_lists_own_template_digest(void **state)
{
    (void)state;
    BOOT boot = open_boot("sb-uki-clean");
    CAIRN_REPLAY *r = NULL;
    boot.ima.p[5] ^= 1;
    assert_int_equal(replay(&boot, &r, NULL), CAIRN_OK);
}

static void refuses_a_violation_that_did_not_happen(void **state)
{
    (void)state;
    BOOT boot = open_boot("sb-uki-clean");
    memset(boot.ima.p + 4, 0, 20);
    expect_mismatch(&boot);
}

/* A hand-made boot: PCR 8 in the userspace log. */
struct hand {
    struct cairn_buf firmware, user;
    struct pcrs pcrs;
    struct cairn_boot_logs logs;
};

static struct hand new_hand(void)
{
    struct hand hand = {.firmware = new_log(), .user = new_log(), .pcrs = reset_pcrs()};
    add_text(&hand.firmware, 0, CAIRN_EV_EFI_FIRMWARE_BLOB, "firmware");
    add_text(&hand.firmware, 8, CAIRN_EV_IPL, "loader");
    add_text(&hand.user, 8, CAIRN_EV_IPL, "one");
    add_text(&hand.user, 8, CAIRN_EV_IPL, "two");
    add_text(&hand.user, 9, CAIRN_EV_IPL, "nine");
    add_text(&hand.user, 8, CAIRN_EV_IPL, "three");
    extend_text(&hand.pcrs, 0, "firmware");
    extend_text(&hand.pcrs, 8, "loader");
    return hand;
}

static void close_hand(struct hand *hand)
{
    cairn_buf_clear(&hand->firmware);
    cairn_buf_clear(&hand->user);
}
#define HAND CAIRN_CLEANUP(close_hand) struct hand

static enum cairn_rc replay_hand(struct hand *hand, uint32_t mask, struct cairn_replay **out, struct cairn_err *err)
{
    uint8_t quoted[32];
    hand->logs.firmware = cairn_buf_span(&hand->firmware);
    hand->logs.userspace = cairn_buf_span(&hand->user);
    quote_pcrs(&hand->pcrs, mask, quoted);
    return cairn_replay_run(&hand->logs, mask, quoted, out, err);
}

static void finds_every_prefix_of_the_userspace_log(void **state)
{
    (void)state;
    static const struct {
        unsigned pcr;
        const char *text;
    } steps[] = {{8, "one"}, {8, "two"}, {9, "nine"}, {8, "three"}};
    HAND hand = new_hand();
    for (size_t i = 0; i <= CAIRN_ARRAY_LEN(steps); i++) {
        CAIRN_REPLAY *r = NULL;
        assert_int_equal(replay_hand(&hand, 0x301, &r, NULL), CAIRN_OK);
        assert_int_equal(cairn_replay_num_events(r), 2 + i);
        assert_null(cairn_replay_event(r, 2 + i));
        assert_memory_equal(cairn_replay_value(r, 8), hand.pcrs.values[8], 32);
        for (size_t k = 0; k < i; k++) {
            assert_string_equal(cairn_replay_event(r, 2 + k)->label, steps[k].text);
            assert_true(cairn_replay_event_is_user(r, 2 + k));
        }
        assert_false(cairn_replay_event_is_user(r, 1));
        if (i < CAIRN_ARRAY_LEN(steps)) {
            extend_text(&hand.pcrs, steps[i].pcr, steps[i].text);
        }
    }
}

/* CHECKS 27. */
static void refuses_an_extend_that_no_log_holds(void **state)
{
    (void)state;
    HAND hand = new_hand();
    struct cairn_err err = {0};
    struct cairn_replay *r = NULL;
    extend_text(&hand.pcrs, 8, "not logged");
    assert_int_equal(replay_hand(&hand, 0x301, &r, &err), CAIRN_E_REFUSED);
    assert_code(err, "boot.replay.mismatch");
}

/* CHECKS 22. */
static void a_pcr_without_events_must_have_its_initial_value(void **state)
{
    (void)state;
    for (unsigned pcr = 0; pcr < CAIRN_NUM_PCRS; pcr++) {
        HAND hand = new_hand();
        CAIRN_REPLAY *good = NULL;
        struct cairn_replay *bad = NULL;
        struct cairn_err err = {0};
        assert_int_equal(replay_hand(&hand, 1u << pcr, &good, NULL), CAIRN_OK);
        assert_int_equal(cairn_replay_value(good, pcr)[5], hand.pcrs.values[pcr][5]);
        hand.pcrs.values[pcr][5] ^= 1;
        assert_int_equal(replay_hand(&hand, 1u << pcr, &bad, &err), CAIRN_E_REFUSED);
        assert_code(err, "boot.replay.mismatch");
    }
}

static void gives_no_event_of_a_pcr_that_was_not_quoted(void **state)
{
    (void)state;
    HAND hand = new_hand();
    CAIRN_REPLAY *r = NULL;
    assert_int_equal(replay_hand(&hand, 0x1, &r, NULL), CAIRN_OK);
    assert_int_equal(cairn_replay_num_events(r), 1);
    assert_string_equal(cairn_replay_event(r, 0)->label, "firmware");
    assert_null(cairn_replay_value(r, 8));
    assert_null(cairn_replay_value(r, 24));
}

static void ignores_a_fault_behind_the_quote_in_the_userspace_log(void **state)
{
    (void)state;
    HAND hand = new_hand();
    CAIRN_REPLAY *r = NULL;
    struct cairn_replay *none = NULL;
    struct cairn_err err = {0};
    extend_text(&hand.pcrs, 8, "one");
    hand.user.len -= 3;
    assert_int_equal(replay_hand(&hand, 0x301, &r, NULL), CAIRN_OK);
    assert_int_equal(cairn_replay_num_events(r), 3);
    extend_text(&hand.pcrs, 8, "other");
    assert_int_equal(replay_hand(&hand, 0x301, &none, &err), CAIRN_E_FORMAT);
    assert_code(err, "boot.log.truncated");
    assert_non_null(strstr(err.text, "userspace log: "));
}

/* CHECKS 23. */
static void starts_pcr_0_at_the_startup_locality(void **state)
{
    (void)state;
    static const uint8_t localities[] = {0, 3, 4};
    for (size_t i = 0; i < sizeof localities; i++) {
        HAND hand = {.firmware = new_log(), .user = new_log(), .pcrs = reset_pcrs()};
        CAIRN_REPLAY *r = NULL;
        uint8_t data[17] = "StartupLocality";
        data[16] = localities[i];
        add(&hand.firmware, 0, CAIRN_EV_NO_ACTION, data, sizeof data);
        add_text(&hand.firmware, 0, CAIRN_EV_EFI_FIRMWARE_BLOB, "firmware");
        add_text(&hand.firmware, 0, CAIRN_EV_NO_ACTION, "late and harmless");
        hand.pcrs.values[0][31] = localities[i];
        extend_text(&hand.pcrs, 0, "firmware");
        assert_int_equal(replay_hand(&hand, 0x3, &r, NULL), CAIRN_OK);
        assert_int_equal(cairn_replay_num_events(r), 1); /* EV_NO_ACTION is never extended: CHECKS 24 */
    }
}

static void only_the_firmware_log_may_name_the_locality(void **state)
{
    (void)state;
    HAND hand = {.firmware = new_log(), .user = new_log(), .pcrs = reset_pcrs()};
    struct cairn_replay *r = NULL;
    struct cairn_err err = {0};
    uint8_t data[17] = "StartupLocality";
    data[16] = 3;
    add(&hand.user, 0, CAIRN_EV_NO_ACTION, data, sizeof data);
    assert_int_equal(replay_hand(&hand, 0x100, &r, &err), CAIRN_E_FORMAT);
    assert_code(err, "boot.log.locality");
}

static void refuses_userspace_events_whose_order_nobody_knows(void **state)
{
    (void)state;
    BOOT boot = open_boot("sb-uki-clean");
    HAND hand = new_hand();
    struct cairn_replay *r = NULL;
    struct cairn_err err = {0};
    add_text(&hand.user, 10, CAIRN_EV_IPL, "beside IMA");
    hand.logs.ima = boot.logs.ima;
    assert_int_equal(replay_hand(&hand, 0x400, &r, &err), CAIRN_E_FORMAT);
    assert_code(err, "boot.log.user");
}

static void refuses_too_many_userspace_events(void **state)
{
    (void)state;
    HAND hand = {.firmware = new_log(), .user = new_log(), .pcrs = reset_pcrs()};
    CAIRN_REPLAY *most = NULL;
    struct cairn_replay *r = NULL;
    struct cairn_err err = {0};
    for (size_t i = 0; i < CAIRN_REPLAY_MAX_USER_EVENTS; i++) {
        add_text(&hand.user, 8, CAIRN_EV_IPL, "again");
    }
    assert_int_equal(replay_hand(&hand, 0x100, &most, NULL), CAIRN_OK); /* the empty prefix */
    add_text(&hand.user, 8, CAIRN_EV_IPL, "again");
    assert_int_equal(replay_hand(&hand, 0x100, &r, &err), CAIRN_E_FORMAT);
    assert_code(err, "boot.log.user");
}

static void refuses_an_empty_or_impossible_selection(void **state)
{
    (void)state;
    HAND hand = new_hand();
    struct cairn_replay *r = NULL;
    struct cairn_err err = {0};
    assert_int_equal(cairn_replay_run(&hand.logs, 0, hand.pcrs.values[0], &r, &err), CAIRN_E_USAGE);
    assert_code(err, "boot.replay.mask");
    assert_int_equal(cairn_replay_run(&hand.logs, 1u << 24, hand.pcrs.values[0], &r, &err), CAIRN_E_USAGE);
    assert_code(err, "boot.replay.mask");
}

static void leaves_a_log_without_sha256_undecided(void **state)
{
    (void)state;
    HAND hand = {.firmware = new_log(), .user = new_log(), .pcrs = reset_pcrs()};
    struct cairn_replay *r = NULL;
    struct cairn_err err = {0};
    hand.firmware.p[64] = 0x77; /* the second bank is something else */
    assert_int_equal(replay_hand(&hand, 0x1, &r, &err), CAIRN_E_UNDECIDED);
    assert_code(err, "boot.log.bank.absent");
}

static void refuses_an_event_without_a_sha256_digest(void **state)
{
    (void)state;
    static const uint8_t event[12 + 2 + 20 + 4] = {8, 0, 0, 0, CAIRN_EV_IPL, 0, 0, 0, 1, 0, 0, 0, 0x04};
    HAND hand = {.firmware = new_log(), .user = new_log(), .pcrs = reset_pcrs()};
    struct cairn_replay *r = NULL;
    struct cairn_err err = {0};
    assert_int_equal(cairn_buf_append(&hand.firmware, CAIRN_SPAN(event), NULL), CAIRN_OK);
    assert_int_equal(replay_hand(&hand, 0x1, &r, &err), CAIRN_E_FORMAT);
    assert_code(err, "boot.log.bank");
}

static struct cairn_buf repeat(struct cairn_span bytes, size_t times)
{
    struct cairn_buf out = {0};
    for (size_t i = 0; i < times; i++) {
        assert_int_equal(cairn_buf_append(&out, bytes, NULL), CAIRN_OK);
    }
    return out;
}

static void bounds_the_work_of_one_search(void **state)
{
    (void)state;
    BOOT boot = open_boot("sb-uki-clean");
    HAND hand = {.firmware = new_log(), .user = new_log(), .pcrs = reset_pcrs()};
    struct cairn_replay *r = NULL;
    struct cairn_err err = {0};
    CAIRN_BUF ima = repeat(boot.logs.ima, 1 + CAIRN_REPLAY_MAX_STEPS / 49 / CAIRN_REPLAY_MAX_USER_EVENTS);
    for (size_t i = 0; i < CAIRN_REPLAY_MAX_USER_EVENTS; i++) {
        add_text(&hand.user, 8, CAIRN_EV_IPL, "again");
    }
    hand.logs.ima = cairn_buf_span(&ima);
    hand.pcrs.values[0][0] = 1;
    clock_t start = clock();
    assert_int_equal(replay_hand(&hand, 0x501, &r, &err), CAIRN_E_UNDECIDED);
    assert_code(err, "boot.replay.work");
    print_message("%d digests tried in %.1f s\n", CAIRN_REPLAY_MAX_STEPS, (double)(clock() - start) / CLOCKS_PER_SEC);
}

/* A sanity check, not a benchmark: linear in the list, and far from the limit. */
static void replays_a_long_ima_list_in_linear_time(void **state)
{
    (void)state;
    BOOT boot = open_boot("sb-uki-clean");
    HAND hand = {.firmware = new_log(), .user = new_log(), .pcrs = reset_pcrs()};
    struct cairn_replay *r = NULL;
    struct cairn_err err = {0};
    CAIRN_BUF ima = repeat(boot.logs.ima, 1000);
    hand.logs.ima = cairn_buf_span(&ima);
    hand.pcrs.values[0][0] = 1;
    clock_t start = clock();
    assert_int_equal(replay_hand(&hand, 0x401, &r, &err), CAIRN_E_REFUSED);
    double seconds = (double)(clock() - start) / CLOCKS_PER_SEC;
    print_message("49,000 entries, every prefix tried: %.3f s\n", seconds);
    assert_true(seconds < 10);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(replays_every_genuine_boot_to_its_quote),
        cmocka_unit_test(confirms_boot_aggregate_of_every_genuine_boot),
        cmocka_unit_test(does_not_decide_boot_aggregate_over_pcrs_that_were_not_quoted),
        cmocka_unit_test(notices_a_boot_aggregate_of_another_boot),
        cmocka_unit_test(refuses_a_log_of_another_boot),
        cmocka_unit_test(refuses_every_flipped_digest_bit),
        cmocka_unit_test(altered_data_is_no_data_fact),
        cmocka_unit_test(refuses_a_firmware_log_that_is_not_whole),
        cmocka_unit_test(names_the_offset_of_a_fault_in_the_firmware_log),
        cmocka_unit_test(refuses_an_event_added_to_the_firmware_log),
        cmocka_unit_test(ignores_ima_entries_behind_the_quote),
        cmocka_unit_test(ignores_garbage_behind_the_quote),
        cmocka_unit_test(refuses_every_truncation_of_the_ima_list),
        cmocka_unit_test(refuses_altered_template_data),
        cmocka_unit_test(does_not_look_at_the_lists_own_template_digest),
        cmocka_unit_test(refuses_a_violation_that_did_not_happen),
        cmocka_unit_test(finds_every_prefix_of_the_userspace_log),
        cmocka_unit_test(refuses_an_extend_that_no_log_holds),
        cmocka_unit_test(a_pcr_without_events_must_have_its_initial_value),
        cmocka_unit_test(gives_no_event_of_a_pcr_that_was_not_quoted),
        cmocka_unit_test(ignores_a_fault_behind_the_quote_in_the_userspace_log),
        cmocka_unit_test(starts_pcr_0_at_the_startup_locality),
        cmocka_unit_test(only_the_firmware_log_may_name_the_locality),
        cmocka_unit_test(refuses_userspace_events_whose_order_nobody_knows),
        cmocka_unit_test(refuses_too_many_userspace_events),
        cmocka_unit_test(refuses_an_empty_or_impossible_selection),
        cmocka_unit_test(leaves_a_log_without_sha256_undecided),
        cmocka_unit_test(refuses_an_event_without_a_sha256_digest),
        cmocka_unit_test(bounds_the_work_of_one_search),
        cmocka_unit_test(replays_a_long_ima_list_in_linear_time),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
