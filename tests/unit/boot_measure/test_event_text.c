/* tests/unit/boot_measure/test_event_text.c -- boot_measure/event_text.c: labels are short, printable and never overrun. */
#include "vectors.h"

static const char *label(uint32_t type, struct cairn_span data, char out[CAIRN_EVENT_LABEL])
{
    CAIRN_BUF copy = copy_of(data);
    struct cairn_tcg_event event = {.type = type, .data = cairn_buf_span(&copy)};
    memset(out, 'z', CAIRN_EVENT_LABEL);
    cairn_event_label(&event, out);
    return out;
}

static void escapes_what_is_not_printable_ascii(void **state)
{
    (void)state;
    char out[CAIRN_EVENT_LABEL];
    assert_string_equal(label(CAIRN_EV_IPL, cairn_span_str("a\x1b[2J\n\xff"), out), "a\\x1b[2J\\x0a\\xff");
    assert_string_equal(label(CAIRN_EV_IPL, cairn_span("a\0\xe4\0\xac\x20\0\0", 8), out), "a\\u00e4\\u20ac");
    assert_string_equal(label(CAIRN_EV_IPL, cairn_span("\1\2\3", 3), out), "");
    assert_string_equal(label(CAIRN_EV_IPL, cairn_span("", 0), out), "");
}

static void cuts_long_text_between_characters(void **state)
{
    (void)state;
    char out[CAIRN_EVENT_LABEL];
    char text[200];
    memset(text, 'a', sizeof text - 1);
    text[sizeof text - 1] = '\0';
    assert_int_equal(strlen(label(CAIRN_EV_IPL, cairn_span_str(text), out)), CAIRN_EVENT_LABEL - 1);
    text[93] = '\n'; /* four characters, of which two would fit */
    assert_int_equal(strlen(label(CAIRN_EV_IPL, cairn_span_str(text), out)), 93);
}

static void survives_every_truncation_of_every_genuine_event(void **state)
{
    (void)state;
    for (size_t i = 0; i < CAIRN_ARRAY_LEN(boots); i++) {
        CAIRN_BUF bytes = load(boots[i], "binary_bios_measurements");
        struct cairn_tcg_log log;
        struct cairn_tcg_event event;
        bool more = false;
        assert_int_equal(cairn_tcg_log_open(cairn_buf_span(&bytes), &log, NULL), CAIRN_OK);
        while (cairn_tcg_log_next(&log, &more, &event, NULL) == CAIRN_OK && more) {
            char out[CAIRN_EVENT_LABEL];
            for (size_t len = 0; len <= event.data.len && len < 256; len++) {
                const char *text = label(event.type, cairn_span(event.data.p, len), out);
                for (size_t k = 0; text[k] != '\0'; k++) {
                    assert_in_range(text[k], 0x20, 0x7e);
                }
            }
        }
    }
}

static void parses_variables_to_the_last_byte(void **state)
{
    (void)state;
    CAIRN_BUF log = load("sb-uki-clean", "binary_bios_measurements");
    struct cairn_span data = cairn_span(log.p + 319 + 72, 53);
    struct cairn_efi_variable variable;
    assert_true(cairn_efi_variable_parse(data, &variable));
    assert_int_equal(variable.name.len, 20);
    assert_int_equal(variable.value.len, 1);
    for (size_t len = 0; len < data.len; len++) {
        CAIRN_BUF cut = copy_of(cairn_span(data.p, len));
        assert_false(cairn_efi_variable_parse(cairn_buf_span(&cut), &variable));
    }
    assert_false(cairn_efi_variable_parse(cairn_span(data.p, 54), &variable));
}

/* CHECKS 21: lengths that wrap around. */
static void refuses_variable_lengths_that_overflow(void **state)
{
    (void)state;
    struct cairn_efi_variable variable;
    uint8_t data[40] = {0};
    memset(data + 16, 0xff, 8);
    assert_false(cairn_efi_variable_parse(CAIRN_SPAN(data), &variable));
    memset(data + 16, 0, 8);
    data[23] = 0x80; /* twice that is 0 in 64 bits */
    assert_false(cairn_efi_variable_parse(CAIRN_SPAN(data), &variable));
    memset(data + 16, 0, 8);
    memset(data + 24, 0xff, 8);
    assert_false(cairn_efi_variable_parse(CAIRN_SPAN(data), &variable));
}

static void an_image_without_a_file_path_says_so(void **state)
{
    (void)state;
    char out[CAIRN_EVENT_LABEL];
    uint8_t data[40] = {0};
    assert_string_equal(label(CAIRN_EV_EFI_BOOT_APPLICATION, CAIRN_SPAN(data), out), "(no path)");
    data[24] = 8;
    data[32] = 4;
    data[33] = 4;
    data[34] = 0xff; /* a node longer than the event */
    assert_string_equal(label(CAIRN_EV_EFI_BOOT_APPLICATION, CAIRN_SPAN(data), out), "(no path)");
    data[34] = 3; /* shorter than its own header */
    assert_string_equal(label(CAIRN_EV_EFI_BOOT_APPLICATION, CAIRN_SPAN(data), out), "(no path)");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(escapes_what_is_not_printable_ascii),
        cmocka_unit_test(cuts_long_text_between_characters),
        cmocka_unit_test(survives_every_truncation_of_every_genuine_event),
        cmocka_unit_test(parses_variables_to_the_last_byte),
        cmocka_unit_test(refuses_variable_lengths_that_overflow),
        cmocka_unit_test(an_image_without_a_file_path_says_so),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
