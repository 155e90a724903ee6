/* tests/unit/boot_measure/test_tcg_log.c -- boot_measure/tcg_log.c. */
#include "vectors.h"

/* Reads to the end; the number of events, or -1 with `err` set. */
static long read_all(struct cairn_span bytes, struct cairn_err *err)
{
    struct cairn_tcg_log log;
    struct cairn_tcg_event event;
    bool more = true;
    if (cairn_tcg_log_open(bytes, &log, err) != CAIRN_OK) {
        return -1;
    }
    while (cairn_tcg_log_next(&log, &more, &event, err) == CAIRN_OK) {
        if (!more) {
            return (long)log.num_events;
        }
    }
    return -1;
}

static void reads_every_genuine_log(void **state)
{
    (void)state;
    static const long num_events[] = {36, 36, 36, 49, 24};
    for (size_t i = 0; i < CAIRN_ARRAY_LEN(boots); i++) {
        CAIRN_BUF log = load(boots[i], "binary_bios_measurements");
        assert_int_equal(read_all(cairn_buf_span(&log), NULL), num_events[i]);
    }
}

static void gives_the_fields_of_an_event(void **state)
{
    (void)state;
    CAIRN_BUF bytes = load("sb-uki-clean", "binary_bios_measurements");
    struct cairn_tcg_log log;
    struct cairn_tcg_event event;
    bool more = false;
    assert_int_equal(cairn_tcg_log_open(cairn_buf_span(&bytes), &log, NULL), CAIRN_OK);
    assert_true(cairn_tcg_log_has(&log, CAIRN_SHA1) && cairn_tcg_log_has(&log, CAIRN_SHA256));
    assert_false(cairn_tcg_log_has(&log, CAIRN_SHA384));
    for (int i = 0; i < 4; i++) {
        assert_int_equal(cairn_tcg_log_next(&log, &more, &event, NULL), CAIRN_OK);
    }
    assert_int_equal(event.offset, 319);
    assert_int_equal(event.pcr, 7);
    assert_int_equal(event.type, CAIRN_EV_EFI_VARIABLE_CONFIG);
    assert_int_equal(event.data.len, 53);
    assert_int_equal(event.digests[CAIRN_TCG_SHA1].len, 20);
    assert_int_equal(event.digests[CAIRN_TCG_SHA256].len, 32);
    assert_int_equal(event.digests[CAIRN_TCG_SHA256].p[0], 0xcc);
    assert_int_equal(event.digests[CAIRN_TCG_SHA384].len, 0);
}

static void refuses_every_truncation_inside_an_event(void **state)
{
    (void)state;
    CAIRN_BUF log = load("direct-clean", "binary_bios_measurements");
    long whole = read_all(cairn_buf_span(&log), NULL);
    long boundaries = 0;
    for (size_t len = 0; len < log.len; len++) {
        CAIRN_BUF cut = copy_of(cairn_span(log.p, len));
        struct cairn_err err = {0};
        long num = read_all(cairn_buf_span(&cut), &err);
        if (num >= 0) {
            assert_int_equal(num, boundaries++); /* a cut between two events: only the replay notices */
        } else {
            assert_code(err, "boot.log.truncated");
        }
    }
    assert_int_equal(boundaries, whole);
}

static void refuses_a_trailing_byte(void **state)
{
    (void)state;
    struct cairn_err err = {0};
    CAIRN_BUF log = new_log();
    assert_int_equal(cairn_buf_append(&log, cairn_span("", 1), NULL), CAIRN_OK);
    assert_int_equal(read_all(cairn_buf_span(&log), &err), -1);
    assert_code(err, "boot.log.truncated");
}

static void says_that_a_sha1_log_decides_nothing(void **state)
{
    (void)state;
    struct cairn_err err = {0};
    uint8_t legacy[33] = {0};
    legacy[4] = 8; /* EV_S_CRTM_VERSION, one byte */
    legacy[28] = 1;
    assert_int_equal(read_all(CAIRN_SPAN(legacy), &err), -1);
    assert_code(err, "boot.log.sha1");
    assert_int_equal(err.rc, CAIRN_E_UNDECIDED);
}

/* Offsets in the header made by new_log: 32 + signature 16, class 4, version 4, number 4, then (alg, len) pairs. */
enum { OFF_TYPE = 4, OFF_LEN = 28, OFF_NUM = 56, OFF_ALG_0 = 60, OFF_LEN_0 = 62, OFF_ALG_1 = 64, OFF_VENDOR = 68 };

static void expect_header(size_t offset, uint8_t value, const char *code)
{
    struct cairn_err err = {0};
    CAIRN_BUF log = new_log();
    assert_int_equal(log.len, 69);
    log.p[offset] = value;
    assert_int_equal(read_all(cairn_buf_span(&log), &err), -1);
    assert_code(err, code);
}

static void refuses_a_header_that_contradicts_itself(void **state)
{
    (void)state;
    expect_header(0, 1, "boot.log.header");
    expect_header(OFF_TYPE, 4, "boot.log.sha1");
    expect_header(OFF_NUM, 0, "boot.log.header");
    expect_header(OFF_NUM, 1, "boot.log.header");
    expect_header(OFF_NUM, 3, "boot.log.header");
    expect_header(OFF_NUM, 9, "boot.log.header");
    expect_header(OFF_NUM + 3, 0xff, "boot.log.header");
    expect_header(OFF_LEN_0, 21, "boot.log.header"); /* SHA-1 has 20 bytes */
    expect_header(OFF_ALG_1, 4, "boot.log.header");  /* SHA-1 with 32 bytes */
    expect_header(OFF_VENDOR, 1, "boot.log.header"); /* vendor information that is not there */
    expect_header(OFF_LEN, 0xff, "boot.log.truncated");
    expect_header(OFF_LEN + 3, 0xff, "boot.log.truncated");
}

static void refuses_two_banks_of_one_algorithm(void **state)
{
    (void)state;
    struct cairn_err err = {0};
    CAIRN_BUF log = new_log();
    memcpy(log.p + OFF_ALG_1, log.p + OFF_ALG_0, 4);
    assert_int_equal(read_all(cairn_buf_span(&log), &err), -1);
    assert_code(err, "boot.log.header");
}

static void steps_over_a_bank_it_does_not_know(void **state)
{
    (void)state;
    CAIRN_BUF log = new_log();
    log.p[OFF_ALG_0] = 0x77; /* some hash of 20 bytes */
    assert_int_equal(read_all(cairn_buf_span(&log), NULL), 0);
}

static void expect_event(size_t offset, uint8_t value, const char *code)
{
    struct cairn_err err = {0};
    CAIRN_BUF log = new_log();
    size_t start = log.len;
    add_text(&log, 8, CAIRN_EV_IPL, "text");
    log.p[start + offset] = value;
    CAIRN_BUF copy = copy_of(cairn_buf_span(&log));
    assert_int_equal(read_all(cairn_buf_span(&copy), &err), -1);
    assert_code(err, code);
    assert_non_null(strstr(err.text, "offset 69"));
}

static void refuses_values_out_of_range_and_names_the_offset(void **state)
{
    (void)state;
    expect_event(0, 24, "boot.log.pcr");
    expect_event(3, 0xff, "boot.log.pcr");
    expect_event(8, 0, "boot.log.bank");  /* no digest */
    expect_event(8, 3, "boot.log.bank");  /* more: the next "algorithm" is the length */
    expect_event(11, 1, "boot.log.bank"); /* 16 M digests */
    expect_event(12, 5, "boot.log.bank"); /* an algorithm that the header does not have */
    expect_event(34, 4, "boot.log.bank"); /* SHA-1 twice */
    expect_event(68, 5, "boot.log.truncated");
    expect_event(71, 1, "boot.log.large");
}

/* Some firmware names banks in the header that are not active. */
static void accepts_an_event_without_a_digest_for_every_bank(void **state)
{
    (void)state;
    static const uint8_t event[12 + 2 + 32 + 4] = {8, 0, 0, 0, CAIRN_EV_IPL, 0, 0, 0, 1, 0, 0, 0, 0x0b};
    CAIRN_BUF bytes = new_log();
    assert_int_equal(cairn_buf_append(&bytes, CAIRN_SPAN(event), NULL), CAIRN_OK);
    struct cairn_tcg_log log;
    struct cairn_tcg_event out;
    bool more = false;
    assert_int_equal(cairn_tcg_log_open(cairn_buf_span(&bytes), &log, NULL), CAIRN_OK);
    assert_int_equal(cairn_tcg_log_next(&log, &more, &out, NULL), CAIRN_OK);
    assert_int_equal(out.digests[CAIRN_TCG_SHA1].len, 0);
    assert_int_equal(out.digests[CAIRN_TCG_SHA256].len, 32);
}

static void accepts_pcr_23(void **state)
{
    (void)state;
    CAIRN_BUF log = new_log();
    add_text(&log, 23, CAIRN_EV_IPL, "last");
    assert_int_equal(read_all(cairn_buf_span(&log), NULL), 1);
}

static void refuses_more_than_the_cap_of_events_or_bytes(void **state)
{
    (void)state;
    struct cairn_err err = {0};
    CAIRN_BUF log = new_log();
    CAIRN_BUF one = new_log();
    size_t head = one.len;
    add_text(&one, 0, CAIRN_EV_IPL, "x");
    size_t event = one.len - head;
    size_t start = log.len;
    assert_int_equal(cairn_buf_resize(&log, start + event * (CAIRN_TCG_MAX_EVENTS + 1), NULL), CAIRN_OK);
    for (size_t i = 0; i <= CAIRN_TCG_MAX_EVENTS; i++) {
        memcpy(log.p + start + i * event, one.p + head, event);
    }
    assert_int_equal(read_all(cairn_span(log.p, log.len - event), NULL), CAIRN_TCG_MAX_EVENTS);
    assert_int_equal(read_all(cairn_buf_span(&log), &err), -1);
    assert_code(err, "boot.log.large");
    assert_int_equal(cairn_buf_resize(&log, CAIRN_TCG_MAX_LOG_LEN + 1, NULL), CAIRN_OK);
    err = (struct cairn_err){0};
    assert_int_equal(read_all(cairn_buf_span(&log), &err), -1);
    assert_code(err, "boot.log.large");
}

static void refuses_a_second_header_in_mid_log(void **state)
{
    (void)state;
    struct cairn_err err = {0};
    CAIRN_BUF header = new_log();
    CAIRN_BUF log = new_log();
    add_text(&log, 0, CAIRN_EV_IPL, "x");
    add(&log, 0, CAIRN_EV_NO_ACTION, header.p + 32, header.len - 32);
    assert_int_equal(read_all(cairn_buf_span(&log), &err), -1);
    assert_code(err, "boot.log.header");
}

static void add_locality(struct cairn_buf *log, uint8_t locality, size_t len)
{
    uint8_t data[18] = "StartupLocality";
    data[16] = locality;
    add(log, 0, CAIRN_EV_NO_ACTION, data, len);
}

static void expect_locality(uint8_t locality, size_t len, bool good)
{
    struct cairn_err err = {0};
    CAIRN_BUF log = new_log();
    add_locality(&log, locality, len);
    assert_int_equal(read_all(cairn_buf_span(&log), &err), good ? 1 : -1);
    assert_code(err, good ? "" : "boot.log.locality");
}

static void accepts_only_the_localities_0_3_and_4(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 256; i++) {
        expect_locality((uint8_t)i, 17, i == 0 || i == 3 || i == 4);
    }
    expect_locality(3, 16, false);
    expect_locality(3, 18, false);
}

static void refuses_a_late_or_second_startup_locality(void **state)
{
    (void)state;
    struct cairn_err err = {0};
    CAIRN_BUF late = new_log();
    add_text(&late, 5, CAIRN_EV_IPL, "x");
    add_locality(&late, 3, 17);
    assert_int_equal(read_all(cairn_buf_span(&late), &err), -1);
    assert_code(err, "boot.log.locality");
    CAIRN_BUF twice = new_log();
    add_locality(&twice, 3, 17);
    add_locality(&twice, 3, 17);
    err = (struct cairn_err){0};
    assert_int_equal(read_all(cairn_buf_span(&twice), &err), -1);
    assert_code(err, "boot.log.locality");
}

static void leaves_the_output_alone_when_it_fails(void **state)
{
    (void)state;
    CAIRN_BUF bytes = new_log();
    add_text(&bytes, 8, CAIRN_EV_IPL, "text");
    struct cairn_tcg_log log;
    struct cairn_tcg_event event = {.pcr = 77};
    bool more = true;
    assert_int_equal(cairn_tcg_log_open(cairn_span(bytes.p, bytes.len - 1), &log, NULL), CAIRN_OK);
    assert_int_equal(cairn_tcg_log_next(&log, &more, &event, NULL), CAIRN_E_FORMAT);
    assert_int_equal(event.pcr, 77);
    assert_int_equal(log.num_events, 0);
    assert_int_equal(cairn_tcg_log_next(&log, &more, &event, NULL), CAIRN_E_FORMAT); /* and again, not behind it */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_every_genuine_log),
        cmocka_unit_test(gives_the_fields_of_an_event),
        cmocka_unit_test(refuses_every_truncation_inside_an_event),
        cmocka_unit_test(refuses_a_trailing_byte),
        cmocka_unit_test(says_that_a_sha1_log_decides_nothing),
        cmocka_unit_test(refuses_a_header_that_contradicts_itself),
        cmocka_unit_test(refuses_two_banks_of_one_algorithm),
        cmocka_unit_test(steps_over_a_bank_it_does_not_know),
        cmocka_unit_test(refuses_values_out_of_range_and_names_the_offset),
        cmocka_unit_test(accepts_an_event_without_a_digest_for_every_bank),
        cmocka_unit_test(accepts_pcr_23),
        cmocka_unit_test(refuses_more_than_the_cap_of_events_or_bytes),
        cmocka_unit_test(refuses_a_second_header_in_mid_log),
        cmocka_unit_test(accepts_only_the_localities_0_3_and_4),
        cmocka_unit_test(refuses_a_late_or_second_startup_locality),
        cmocka_unit_test(leaves_the_output_alone_when_it_fails),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
