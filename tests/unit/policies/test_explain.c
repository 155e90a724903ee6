/* tests/unit/policies/test_explain.c -- policies/explain.c: every code a person can meet has words. */
#include "policies/explain.h"

#include "boot_measure/facts.h"
#include "support/cmocka_all.h"

#include <stdio.h>

static void has_words_for_every_listed_code(void **state)
{
    (void)state;
    size_t num = 0;
    for (size_t i = 0; cairn_explain_code(i) != NULL; i++) {
        struct cairn_explanation words;
        const char *code = cairn_explain_code(i);
        num++;
        if (strncmp(code, "KIND.", 5) == 0 || strcmp(code, "pcr.N") == 0) {
            continue; /* a pattern */
        }
        assert_true(cairn_explain(code, &words));
        assert_true(strlen(words.means) > 10);
        assert_true(strlen(words.means) + 1 < CAIRN_EXPLANATION_MAX && strlen(words.act) + 1 < CAIRN_EXPLANATION_MAX);
    }
    assert_true(num > 50);
}

static void has_words_for_every_kind_of_event_and_every_difference(void **state)
{
    (void)state;
    static const char *const kinds[] = {"boot.firmware", "boot.secureboot", "boot.loader",     "boot.kernel",
                                        "boot.initrd",   "boot.cmdline",    "boot.devicetree", "boot.root",
                                        "boot.config",   "boot.separator",  "boot.event"};
    static const char *const differences[] = {"changed", "added", "removed", "container"};
    for (size_t i = 0; i < CAIRN_ARRAY_LEN(kinds); i++) {
        for (size_t k = 0; k < CAIRN_ARRAY_LEN(differences); k++) {
            struct cairn_explanation words;
            char code[48];
            assert_true(snprintf(code, sizeof code, "%s.%s", kinds[i], differences[k]) < (int)sizeof code);
            assert_true(cairn_explain(code, &words));
            assert_true(words.means[0] >= 'A' && words.means[0] <= 'Z');
            assert_null(strchr(words.means, '@'));
            assert_true(strlen(words.act) > 0);
        }
    }
}

static void says_what_the_kernel_command_line_means(void **state)
{
    (void)state;
    struct cairn_explanation words;
    assert_true(cairn_explain("boot.cmdline.changed", &words));
    assert_string_equal(words.means, "The kernel command line is not the one the policy knows.");
    assert_true(cairn_explain("pcr.11", &words));
}

static void has_no_words_for_what_is_no_code(void **state)
{
    (void)state;
    static const char *const others[] = {
        "",     ".",     "boot",          "boot.cmdline", "boot.cmdline.", "cmdline.changed",
        "pcr.", "pcr.x", "boot..changed", "pcr.100",      ".changed",      "boot.cmdline.changed "};
    for (size_t i = 0; i < CAIRN_ARRAY_LEN(others); i++) {
        struct cairn_explanation words;
        assert_false(cairn_explain(others[i], &words));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(has_words_for_every_listed_code),
        cmocka_unit_test(has_words_for_every_kind_of_event_and_every_difference),
        cmocka_unit_test(says_what_the_kernel_command_line_means),
        cmocka_unit_test(has_no_words_for_what_is_no_code),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
