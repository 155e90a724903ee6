/* storage/params.c: one form per parameter set; what no set has is refused. */
#include "unit/storage/expect.h"

#include <stdio.h>

#include "storage/params.h"

static void put(struct cairn_secret **set, const char *name, uint8_t flags, struct cairn_span value)
{
    struct cairn_param p = {.flags = flags, .value = value};
    struct cairn_secret *next = NULL;
    (void)snprintf(p.name, sizeof p.name, "%s", name);
    OK(cairn_params_put(cairn_secret_span(*set), &p, &next, &err));
    OK(cairn_params_check(cairn_secret_span(next), &err));
    cairn_secret_free(*set);
    *set = next;
}

static struct cairn_secret *sample(void)
{
    static const uint8_t LEN[4] = {0, 0, 0, 32};
    struct cairn_secret *set = NULL;
    OK(cairn_params_empty(&set, &err));
    put(&set, "net.psk", CAIRN_PARAM_ONLINE, cairn_span_str("secret"));
    put(&set, "a", 0, cairn_span_str(""));
    put(&set, "luks.key", CAIRN_PARAM_GENERATE, CAIRN_SPAN(LEN));
    put(&set, "zz", CAIRN_PARAM_LOCAL, cairn_span_str("local"));
    return set;
}

static void parameters_stand_in_the_order_of_their_names(void **state)
{
    (void)state;
    static const char *const NAMES[] = {"a", "luks.key", "net.psk", "zz"};
    CAIRN_SECRET *set = sample();
    struct cairn_param p = {0};
    assert_int_equal(cairn_params_num(cairn_secret_span(set)), 4);
    for (size_t i = 0; i < 4; i++) {
        assert_true(cairn_params_at(cairn_secret_span(set), i, &p));
        assert_string_equal(p.name, NAMES[i]);
    }
    assert_false(cairn_params_at(cairn_secret_span(set), 4, &p));
}

static void a_value_is_found_replaced_and_dropped(void **state)
{
    (void)state;
    CAIRN_SECRET *set = sample();
    struct cairn_param p = {0};
    struct cairn_secret *next = NULL;
    assert_true(cairn_params_find(cairn_secret_span(set), "net.psk", &p));
    assert_true(cairn_span_equal(p.value, cairn_span_str("secret")));
    assert_int_equal(p.flags, CAIRN_PARAM_ONLINE);
    assert_false(cairn_params_find(cairn_secret_span(set), "net.ps", &p));
    put(&set, "net.psk", CAIRN_PARAM_ONLINE, cairn_span_str("a longer secret"));
    assert_int_equal(cairn_params_num(cairn_secret_span(set)), 4);
    assert_true(cairn_params_find(cairn_secret_span(set), "net.psk", &p));
    assert_true(cairn_span_equal(p.value, cairn_span_str("a longer secret")));
    OK(cairn_params_drop(cairn_secret_span(set), "net.psk", &next, &err));
    cairn_secret_free(set);
    set = next;
    assert_int_equal(cairn_params_num(cairn_secret_span(set)), 3);
    OK(cairn_params_check(cairn_secret_span(set), &err));
    REFUSES(CAIRN_E_REFUSED, "params.absent", cairn_params_drop(cairn_secret_span(set), "net.psk", &next, &err));
}

static void the_order_of_putting_does_not_show(void **state)
{
    (void)state;
    CAIRN_SECRET *one = NULL, *two = NULL;
    OK(cairn_params_empty(&one, &err));
    OK(cairn_params_empty(&two, &err));
    put(&one, "a", 0, cairn_span_str("1"));
    put(&one, "b", 0, cairn_span_str("2"));
    put(&two, "b", 0, cairn_span_str("x"));
    put(&two, "a", 0, cairn_span_str("1"));
    put(&two, "b", 0, cairn_span_str("2"));
    assert_true(cairn_span_equal(cairn_secret_span(one), cairn_secret_span(two)));
}

static void names_have_a_strict_alphabet(void **state)
{
    (void)state;
    char longest[66];
    memset(longest, 'a', 65);
    longest[65] = '\0';
    static const char *const BAD[] = {"", "A", "1a", ".a", "a/b", "../a", "a b", "a\n", "\xc3\xa4"};
    for (size_t i = 0; i < CAIRN_ARRAY_LEN(BAD); i++) {
        assert_false(cairn_param_name_ok(BAD[i]));
    }
    assert_false(cairn_param_name_ok(longest));
    longest[64] = '\0';
    assert_true(cairn_param_name_ok(longest));
    assert_true(cairn_param_name_ok("a0._-z"));
}

static void rejects_what_is_too_large(void **state)
{
    (void)state;
    CAIRN_SECRET *set = NULL;
    struct cairn_secret *next = NULL;
    uint8_t *big = calloc(1, CAIRN_PARAM_VALUE_MAX + 1);
    char name[8];
    struct cairn_param p = {.name = "x", .value = {big, CAIRN_PARAM_VALUE_MAX + 1}};
    assert_non_null(big);
    OK(cairn_params_empty(&set, &err));
    REFUSES(CAIRN_E_REFUSED, "params.value", cairn_params_put(cairn_secret_span(set), &p, &next, &err));
    for (unsigned i = 0; i < 7; i++) {
        (void)snprintf(name, sizeof name, "n%03u", i);
        put(&set, name, 0, cairn_span(big, CAIRN_PARAM_VALUE_MAX));
    }
    p.value.len = CAIRN_PARAM_VALUE_MAX;
    REFUSES(CAIRN_E_REFUSED, "params.large", cairn_params_put(cairn_secret_span(set), &p, &next, &err));
    free(big);
    cairn_secret_free(set);
    OK(cairn_params_empty(&set, &err));
    for (unsigned i = 0; i < CAIRN_PARAMS_MAX; i++) {
        (void)snprintf(name, sizeof name, "n%03u", i);
        put(&set, name, 0, cairn_span_str(""));
    }
    p.value = cairn_span_str("");
    REFUSES(CAIRN_E_REFUSED, "params.large", cairn_params_put(cairn_secret_span(set), &p, &next, &err));
    p = (struct cairn_param){.name = "No"};
    REFUSES(CAIRN_E_USAGE, "params.name", cairn_params_put(cairn_secret_span(set), &p, &next, &err));
}

static void rejects_every_truncation_and_a_trailing_byte(void **state)
{
    (void)state;
    CAIRN_SECRET *set = sample();
    struct cairn_span whole = cairn_secret_span(set);
    for (size_t len = 0; len <= whole.len + 1; len++) {
        uint8_t *exact = calloc(1, len + 1);
        assert_non_null(exact);
        memcpy(exact, whole.p, len < whole.len ? len : whole.len);
        if (len != whole.len) {
            REFUSES(CAIRN_E_FORMAT, "params.format", cairn_params_check(cairn_span(exact, len), &err));
        }
        free(exact);
    }
}

static void rejects_another_magic_and_too_many(void **state)
{
    (void)state;
    uint8_t set[] = "CAIRNPAR\0\0", *large = calloc(1, CAIRN_PARAMS_LEN_MAX + 1);
    assert_non_null(large);
    OK(cairn_params_check(cairn_span(set, 10), &err));
    set[7] = 'r';
    REFUSES(CAIRN_E_FORMAT, "params.format", cairn_params_check(cairn_span(set, 10), &err));
    REFUSES(CAIRN_E_FORMAT, "params.large", cairn_params_check(cairn_span(large, CAIRN_PARAMS_LEN_MAX + 1), &err));
    free(large);
}

static void rejects_doubles_and_disorder(void **state)
{
    (void)state;
    static const uint8_t DOUBLED[] = "CAIRNPAR\0\2\0\1\0\0\0\0a\0\1\0\0\0\0a";
    static const uint8_t DISORDER[] = "CAIRNPAR\0\2\0\1\0\0\0\0b\0\1\0\0\0\0a";
    static const uint8_t RIGHT[] = "CAIRNPAR\0\2\0\1\0\0\0\0a\0\1\0\0\0\0b";
    OK(cairn_params_check(cairn_span(RIGHT, sizeof RIGHT - 1), &err));
    REFUSES(CAIRN_E_FORMAT, "params.format", cairn_params_check(cairn_span(DOUBLED, sizeof DOUBLED - 1), &err));
    REFUSES(CAIRN_E_FORMAT, "params.format", cairn_params_check(cairn_span(DISORDER, sizeof DISORDER - 1), &err));
}

static void rejects_flags_that_contradict_each_other(void **state)
{
    (void)state;
    uint8_t set[] = "CAIRNPAR\0\1\0\1\0\0\0\4a\0\0\0\x20";
    static const struct {
        uint8_t flags, len;
        bool ok;
    } CASES[] = {{0, 32, true},
                 {CAIRN_PARAM_GENERATE, 32, true},
                 {CAIRN_PARAM_GENERATE, CAIRN_PARAM_GENERATE_MIN - 1, false},
                 {CAIRN_PARAM_GENERATE | CAIRN_PARAM_GENERATED, 32, false},
                 {CAIRN_PARAM_LOCAL, 32, true},
                 {CAIRN_PARAM_LOCAL | CAIRN_PARAM_ONLINE, 32, false},
                 {16, 32, false}};
    for (size_t i = 0; i < CAIRN_ARRAY_LEN(CASES); i++) {
        set[10] = CASES[i].flags;
        set[sizeof set - 2] = CASES[i].len;
        if (CASES[i].ok) {
            OK(cairn_params_check(cairn_span(set, sizeof set - 1), &err));
        } else {
            REFUSES(CAIRN_E_FORMAT, "params.flags", cairn_params_check(cairn_span(set, sizeof set - 1), &err));
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(parameters_stand_in_the_order_of_their_names),
        cmocka_unit_test(a_value_is_found_replaced_and_dropped),
        cmocka_unit_test(the_order_of_putting_does_not_show),
        cmocka_unit_test(names_have_a_strict_alphabet),
        cmocka_unit_test(rejects_what_is_too_large),
        cmocka_unit_test(rejects_every_truncation_and_a_trailing_byte),
        cmocka_unit_test(rejects_another_magic_and_too_many),
        cmocka_unit_test(rejects_doubles_and_disorder),
        cmocka_unit_test(rejects_flags_that_contradict_each_other),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
