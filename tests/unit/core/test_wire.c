/* tests/unit/core/test_wire.c -- core/wire.c and core/text.c (hex, base64, base64url). */
#include "support/cmocka_all.h"

#include "core/wire.h"

/* The reader's whole input, one of each kind. */
static const uint8_t INPUT[] = {1,  2,  3,  4,  5,  6,  7,  8,  9,  10, 11, 12, 13, 14, 15, 16, 17, 18,
                                19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 0,  2,  30, 31, 32, 33, 34};

struct all {
    uint64_t sum;
    uint8_t tail[3];
};

static bool read_all(struct cairn_span bytes, struct all *out)
{
    struct cairn_reader r = cairn_reader(bytes);
    out->sum = cairn_read_u8(&r);
    out->sum += cairn_read_u16(&r) + (uint64_t)cairn_read_u32(&r);
    out->sum += cairn_read_u64(&r);
    out->sum += cairn_read_u16_le(&r) + (uint64_t)cairn_read_u32_le(&r);
    out->sum += cairn_read_u64_le(&r);
    struct cairn_span two = cairn_read_tpm2b(&r, 2);
    out->sum += two.len;
    cairn_read_array(&r, out->tail, sizeof(out->tail));
    return cairn_reader_done(&r);
}

static void reads_integers_in_both_orders(void **state)
{
    (void)state;
    struct all all;
    assert_true(read_all(CAIRN_SPAN(INPUT), &all));
    uint64_t want =
        1 + 0x0203 + 0x04050607u + UINT64_C(0x08090a0b0c0d0e0f) + 0x1110 + 0x15141312u + UINT64_C(0x1d1c1b1a19181716) + 2;
    assert_true(all.sum == want);
    assert_int_equal(all.tail[2], 34);
}

static void refuses_every_truncation_and_a_trailing_byte(void **state)
{
    (void)state;
    struct all all;
    for (size_t len = 0; len < sizeof(INPUT); len++) {
        uint8_t *copy = malloc(len > 0 ? len : 1);
        memcpy(copy, INPUT, len);
        assert_false(read_all(cairn_span(copy, len), &all));
        assert_int_equal(all.tail[0] + all.tail[1] + all.tail[2], 0);
        free(copy);
    }
    uint8_t more[sizeof(INPUT) + 1] = {0};
    memcpy(more, INPUT, sizeof(INPUT));
    assert_false(read_all(CAIRN_SPAN(more), &all));
}

static void a_reader_stays_failed_at_the_place_of_its_first_fault(void **state)
{
    (void)state;
    struct cairn_reader r = cairn_reader(cairn_span(INPUT, 4));
    assert_int_equal(cairn_read_u16(&r), 0x0102);
    assert_int_equal(cairn_read_u32(&r), 0);
    assert_int_equal(cairn_read_u8(&r), 0);
    assert_int_equal(r.offset, 2);
    assert_false(cairn_reader_ok(&r));
    assert_false(cairn_reader_done(&r));
    assert_int_equal(cairn_read_bytes(&r, 0).len, 0);
    r = cairn_reader((struct cairn_span){0});
    assert_true(cairn_reader_done(&r));
    cairn_reader_fail(&r);
    assert_false(cairn_reader_done(&r));
}

static void a_tpm2b_longer_than_its_bound_fails_though_the_bytes_are_there(void **state)
{
    (void)state;
    const uint8_t bytes[] = {0, 3, 1, 2, 3};
    struct cairn_reader r = cairn_reader(CAIRN_SPAN(bytes));
    assert_int_equal(cairn_read_tpm2b(&r, 3).len, 3);
    assert_true(cairn_reader_done(&r));
    r = cairn_reader(CAIRN_SPAN(bytes));
    assert_int_equal(cairn_read_tpm2b(&r, 2).len, 0);
    assert_false(cairn_reader_ok(&r));
}

static void a_writer_gives_what_a_reader_takes(void **state)
{
    (void)state;
    uint8_t out[sizeof(INPUT)];
    for (size_t cap = 0; cap <= sizeof(out); cap++) {
        struct cairn_writer w = cairn_writer(out, cap);
        cairn_write_u8(&w, 1);
        cairn_write_u16(&w, 0x0203);
        cairn_write_u32(&w, 0x04050607);
        cairn_write_u64(&w, UINT64_C(0x08090a0b0c0d0e0f));
        cairn_write_u16_le(&w, 0x1110);
        cairn_write_u32_le(&w, 0x15141312);
        cairn_write_u64_le(&w, UINT64_C(0x1d1c1b1a19181716));
        cairn_write_tpm2b(&w, cairn_span(INPUT + 31, 2));
        cairn_write_bytes(&w, cairn_span(INPUT + 33, 3));
        assert_true(cairn_writer_ok(&w) == (cap == sizeof(out)));
        assert_int_equal(cairn_writer_span(&w).len, cap == sizeof(out) ? cap : 0);
    }
    assert_memory_equal(out, INPUT, sizeof(out));
}

static void a_tpm2b_above_65535_bytes_cannot_be_written(void **state)
{
    (void)state;
    uint8_t *big = calloc(1, 70000);
    uint8_t *out = malloc(80000);
    struct cairn_writer w = cairn_writer(out, 80000);
    cairn_write_tpm2b(&w, cairn_span(big, 65536));
    assert_false(cairn_writer_ok(&w));
    w = cairn_writer(out, 80000);
    cairn_write_tpm2b(&w, cairn_span(big, 65535));
    assert_int_equal(cairn_writer_span(&w).len, 65537);
    free(big);
    free(out);
}

static void a_buffer_grows_from_itself_and_ends_in_a_nul(void **state)
{
    (void)state;
    CAIRN_BUF buf = {0};
    assert_int_equal(cairn_buf_append(&buf, cairn_span_str("ab"), NULL), CAIRN_OK);
    for (int i = 0; i < 10; i++) {
        assert_int_equal(cairn_buf_append(&buf, cairn_buf_span(&buf), NULL), CAIRN_OK);
        assert_int_equal(buf.p[buf.len], 0);
    }
    assert_int_equal(buf.len, 2048);
    assert_memory_equal(buf.p + 2046, "ab", 2);
    assert_int_equal(cairn_buf_set(&buf, cairn_span(buf.p + 1, 3), NULL), CAIRN_OK);
    assert_string_equal((char *)buf.p, "bab");
    assert_int_equal(cairn_buf_set(&buf, (struct cairn_span){0}, NULL), CAIRN_OK);
    assert_int_equal(buf.len, 0);
    assert_int_equal(buf.p[0], 0);
    cairn_buf_clear(&buf);
    assert_null(buf.p);
    assert_int_equal(cairn_buf_append(&buf, (struct cairn_span){0}, NULL), CAIRN_OK);
    assert_int_equal(buf.len, 0);
}

static void a_resized_buffer_shows_zeros_never_old_bytes(void **state)
{
    (void)state;
    CAIRN_BUF buf = {0};
    assert_int_equal(cairn_buf_set(&buf, cairn_span_str("secret"), NULL), CAIRN_OK);
    assert_int_equal(cairn_buf_resize(&buf, 2, NULL), CAIRN_OK);
    assert_int_equal(cairn_buf_resize(&buf, 6, NULL), CAIRN_OK);
    assert_memory_equal(buf.p, "se\0\0\0\0", 7);
    assert_int_equal(cairn_buf_resize(&buf, 5000, NULL), CAIRN_OK);
    assert_memory_equal(buf.p, "se\0\0\0\0", 7);
    struct cairn_err err = {0};
    assert_int_equal(cairn_buf_resize(&buf, SIZE_MAX, &err), CAIRN_E_IO);
    assert_string_equal(err.code, "memory");
    assert_int_equal(buf.len, 5000);
    assert_int_equal(cairn_buf_append(&buf, cairn_span(buf.p, SIZE_MAX), &err), CAIRN_E_IO);
    assert_int_equal(buf.len, 5000);
}

static void spans_are_equal_by_content(void **state)
{
    (void)state;
    assert_true(cairn_span_equal((struct cairn_span){0}, cairn_span_str("")));
    assert_true(cairn_span_equal(cairn_span_str("ab"), cairn_span("abc", 2)));
    assert_false(cairn_span_equal(cairn_span_str("ab"), cairn_span_str("abc")));
    assert_false(cairn_span_equal(cairn_span_str("ab"), cairn_span_str("ac")));
}

static void hex_is_lower_case_and_of_exact_length(void **state)
{
    (void)state;
    const uint8_t bytes[] = {0x00, 0x9a, 0xff};
    char text[7];
    cairn_hex_encode(CAIRN_SPAN(bytes), text);
    assert_string_equal(text, "009aff");
    uint8_t out[3] = {7, 7, 7};
    static const char *const bad[] = {"",       "0",      "009af",  "009aff0", "009aff00",
                                      "009AFF", "009afg", "0x9aff", " 09aff",  "009af "};
    for (size_t i = 0; i < CAIRN_ARRAY_LEN(bad); i++) {
        assert_false(cairn_hex_decode(bad[i], out, 3));
        assert_int_equal(out[0] + out[1] + out[2], 21);
    }
    assert_true(cairn_hex_decode("009aff", out, 3));
    assert_memory_equal(out, bytes, 3);
    assert_true(cairn_hex_decode("", out, 0));
    assert_false(cairn_hex_decode("00", out, SIZE_MAX));
}

static void base64_round_trips_the_vectors_of_rfc_4648(void **state)
{
    (void)state;
    static const char *const cases[][2] = {{"", ""},
                                           {"f", "Zg=="},
                                           {"fo", "Zm8="},
                                           {"foo", "Zm9v"},
                                           {"foob", "Zm9vYg=="},
                                           {"fooba", "Zm9vYmE="},
                                           {"foobar", "Zm9vYmFy"}};
    for (size_t i = 0; i < CAIRN_ARRAY_LEN(cases); i++) {
        CAIRN_BUF text = {0};
        CAIRN_BUF back = {0};
        assert_int_equal(cairn_base64_encode(cairn_span_str(cases[i][0]), &text, NULL), CAIRN_OK);
        assert_string_equal((char *)text.p, cases[i][1]);
        assert_int_equal(text.len, strlen(cases[i][1]));
        assert_int_equal(cairn_base64_decode(cairn_buf_span(&text), 6, &back, NULL), CAIRN_OK);
        assert_true(cairn_span_equal(cairn_buf_span(&back), cairn_span_str(cases[i][0])));
    }
}

static void base64_round_trips_every_length_and_byte(void **state)
{
    (void)state;
    uint8_t bytes[256];
    for (size_t i = 0; i < sizeof(bytes); i++) {
        bytes[i] = (uint8_t)(i * 167);
    }
    for (size_t len = 0; len <= sizeof(bytes); len++) {
        CAIRN_BUF text = {0};
        CAIRN_BUF back = {0};
        assert_int_equal(cairn_base64_encode(cairn_span(bytes, len), &text, NULL), CAIRN_OK);
        assert_int_equal(cairn_base64_decode(cairn_buf_span(&text), len, &back, NULL), CAIRN_OK);
        assert_int_equal(back.len, len);
        assert_memory_equal(back.p, bytes, len);
        for (size_t cut = 1; cut < 4 && cut <= text.len; cut++) {
            assert_int_equal(cairn_base64_decode(cairn_span(text.p, text.len - cut), 1000, &back, NULL), CAIRN_E_FORMAT);
            assert_int_equal(back.len, len);
        }
    }
}

static void base64_refuses_a_second_text_for_one_value(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "Zg",     "Zg=",      "Zh==", "Zm9=", "Zg==Zg==", "Z===",      "====", "=Zg=",     "Zg=a",
        "Zm9v\n", "Zm9v====", "Zm-v", "Zm_v", " Zm9",     "Zm9vYg=\n", "Zm 9", "Zm9vY=E=", "Zm9v=mFy"};
    for (size_t i = 0; i < CAIRN_ARRAY_LEN(bad); i++) {
        CAIRN_BUF out = {0};
        struct cairn_err err = {0};
        assert_int_equal(cairn_base64_decode(cairn_span_str(bad[i]), 100, &out, &err), CAIRN_E_FORMAT);
        assert_string_equal(err.code, "base64");
        assert_null(out.p);
    }
    CAIRN_BUF out = {0};
    assert_int_equal(cairn_base64_decode(cairn_span("Zg\0=", 4), 100, &out, NULL), CAIRN_E_FORMAT);
    assert_int_equal(cairn_base64_decode(cairn_span_str("Zm9v"), 2, &out, NULL), CAIRN_E_FORMAT);
}

static void base64url_round_trips_without_padding(void **state)
{
    (void)state;
    static const char *const texts[] = {"", "-w", "-_8", "-_-_", "-_-_-w"}; /* of bytes fb ff bf fb */
    static const uint8_t bytes[] = {0xfb, 0xff, 0xbf, 0xfb};
    for (size_t len = 0; len <= sizeof bytes; len++) {
        CAIRN_BUF text = {0}, back = {0};
        assert_int_equal(cairn_base64url_encode(cairn_span(bytes, len), &text, NULL), CAIRN_OK);
        assert_string_equal((char *)text.p, texts[len]);
        assert_int_equal(text.len, strlen(texts[len]));
        assert_int_equal(cairn_base64url_decode(cairn_buf_span(&text), len, &back, NULL), CAIRN_OK);
        assert_true(cairn_span_equal(cairn_buf_span(&back), cairn_span(bytes, len)));
    }
}

/* CHECKS 12: one encoding, so that what is signed or hashed as text has one value and one text. */
static void base64url_refuses_a_second_text_for_one_value(void **state)
{
    (void)state;
    static const char *const bad[] = {"Z", "Zm9vY", "Zg==", "Zg=", "Zh", "Zm9", "Zm+v", "Zm/v", "Zm 9", "Zm9v\n", "=", "Zm9v="};
    CAIRN_BUF out = {0};
    for (size_t i = 0; i < CAIRN_ARRAY_LEN(bad); i++) {
        struct cairn_err err = {0};
        assert_int_equal(cairn_base64url_decode(cairn_span_str(bad[i]), 100, &out, &err), CAIRN_E_FORMAT);
        assert_string_equal(err.code, "base64url");
        assert_null(out.p);
    }
    assert_int_equal(cairn_base64url_decode(cairn_span("Z\0", 2), 100, &out, NULL), CAIRN_E_FORMAT);
    assert_int_equal(cairn_base64url_decode(cairn_span_str("Zm9v"), 2, &out, NULL), CAIRN_E_FORMAT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_integers_in_both_orders),
        cmocka_unit_test(refuses_every_truncation_and_a_trailing_byte),
        cmocka_unit_test(a_reader_stays_failed_at_the_place_of_its_first_fault),
        cmocka_unit_test(a_tpm2b_longer_than_its_bound_fails_though_the_bytes_are_there),
        cmocka_unit_test(a_writer_gives_what_a_reader_takes),
        cmocka_unit_test(a_tpm2b_above_65535_bytes_cannot_be_written),
        cmocka_unit_test(a_buffer_grows_from_itself_and_ends_in_a_nul),
        cmocka_unit_test(a_resized_buffer_shows_zeros_never_old_bytes),
        cmocka_unit_test(spans_are_equal_by_content),
        cmocka_unit_test(hex_is_lower_case_and_of_exact_length),
        cmocka_unit_test(base64_round_trips_the_vectors_of_rfc_4648),
        cmocka_unit_test(base64_round_trips_every_length_and_byte),
        cmocka_unit_test(base64_refuses_a_second_text_for_one_value),
        cmocka_unit_test(base64url_round_trips_without_padding),
        cmocka_unit_test(base64url_refuses_a_second_text_for_one_value),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
