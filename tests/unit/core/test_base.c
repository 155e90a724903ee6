/* tests/unit/core/test_base.c -- core/base.c and core/clock.c. */
#include "support/cmocka_all.h"

#include <stdio.h>

#include "core/base.h"
#include "core/clock.h"

static enum cairn_rc fails(struct cairn_err *err)
{
    return CAIRN_FAIL_CAUSE(err, CAIRN_E_BUSY, "some.code", 7, "number %d", 5);
}

static enum cairn_rc passes_on(struct cairn_err *err, bool *reached)
{
    CAIRN_TRY(fails(err));
    *reached = true;
    return CAIRN_OK;
}

static void an_error_carries_class_code_cause_place_and_text(void **state)
{
    (void)state;
    struct cairn_err err = {0};
    bool reached = false;
    assert_int_equal(passes_on(&err, &reached), CAIRN_E_BUSY);
    assert_false(reached);
    assert_int_equal(err.rc, CAIRN_E_BUSY);
    assert_string_equal(err.code, "some.code");
    assert_string_equal(err.text, "number 5");
    assert_int_equal(err.cause, 7);
    assert_non_null(strstr(err.file, "test_base.c"));
    assert_true(err.line > 0);
    assert_int_equal(fails(NULL), CAIRN_E_BUSY);
    cairn_err_prefix(NULL, "x");
}

static void a_prefix_goes_before_the_text_and_never_past_the_room(void **state)
{
    (void)state;
    struct cairn_err err = {0};
    assert_int_equal(fails(&err), CAIRN_E_BUSY);
    cairn_err_prefix(&err, "file %s", "a");
    assert_string_equal(err.text, "file a: number 5");
    char big[600];
    memset(big, 'x', sizeof(big) - 1);
    big[sizeof(big) - 1] = '\0';
    cairn_err_prefix(&err, "%s", big);
    assert_int_equal(strlen(err.text), sizeof(err.text) - 1);
    assert_int_equal(cairn_err_set(&err, CAIRN_E_IO, big, 0, "f", 1, "%s", big), CAIRN_E_IO);
    assert_int_equal(strlen(err.code), sizeof(err.code) - 1);
    assert_int_equal(strlen(err.text), sizeof(err.text) - 1);
}

static void an_error_may_be_rewritten_from_its_own_text(void **state)
{
    (void)state;
    struct cairn_err err = {0};
    assert_int_equal(fails(&err), CAIRN_E_BUSY);
    assert_int_equal(CAIRN_FAIL(&err, CAIRN_E_IO, err.code, "again: %s", err.text), CAIRN_E_IO);
    assert_string_equal(err.text, "again: number 5");
    assert_string_equal(err.code, "some.code");
}

/* CHECKS 36: what a text quotes may come from an attacker's file. */
static void a_quoted_string_cannot_forge_a_line(void **state)
{
    (void)state;
    struct cairn_err err = {0};
    assert_int_equal(CAIRN_FAIL(&err, CAIRN_E_REFUSED, "dsse.type", "a \"%s\"", "x\ncairn: all good\r\x1b[2J\x7f\xc2\x9b"),
                     CAIRN_E_REFUSED);
    assert_string_equal(err.text, "a \"x?cairn: all good??[2J???\"");
    cairn_err_prefix(&err, "%s", "a\nb");
    assert_string_equal(err.text, "a?b: a \"x?cairn: all good??[2J???\"");
}

static void every_outcome_has_its_exit_code(void **state)
{
    (void)state;
    static const int want[] = {0, 1, 1, 2, 5, 6, 7, 8, 9};
    for (size_t i = 0; i < CAIRN_ARRAY_LEN(want); i++) {
        assert_int_equal(cairn_rc_exit_code((enum cairn_rc)i), want[i]);
    }
    assert_int_equal(cairn_rc_exit_code((enum cairn_rc)99), 8);
}

static void time_is_never_before_the_build_or_the_documents(void **state)
{
    (void)state;
    assert_true(cairn_clock_now(0) >= 1763856000u);
    assert_int_equal(cairn_clock_now(UINT64_C(9999999999)), UINT64_C(9999999999));
}

static void time_is_written_in_one_form(void **state)
{
    (void)state;
    static const struct {
        uint64_t seconds;
        const char *text;
    } cases[] = {{0, "1970-01-01T00:00:00Z"},
                 {951782400, "2000-02-29T00:00:00Z"},
                 {1763856000, "2025-11-23T00:00:00Z"},
                 {UINT64_C(253402300799), "9999-12-31T23:59:59Z"}};
    for (size_t i = 0; i < CAIRN_ARRAY_LEN(cases); i++) {
        char text[21];
        cairn_clock_format(cases[i].seconds, text);
        assert_string_equal(text, cases[i].text);
    }
    char text[21];
    cairn_clock_format(UINT64_MAX, text);
    assert_string_equal(text, "9999-12-31T23:59:59Z");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_error_carries_class_code_cause_place_and_text),
        cmocka_unit_test(a_prefix_goes_before_the_text_and_never_past_the_room),
        cmocka_unit_test(an_error_may_be_rewritten_from_its_own_text),
        cmocka_unit_test(a_quoted_string_cannot_forge_a_line),
        cmocka_unit_test(every_outcome_has_its_exit_code),
        cmocka_unit_test(time_is_never_before_the_build_or_the_documents),
        cmocka_unit_test(time_is_written_in_one_form),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
