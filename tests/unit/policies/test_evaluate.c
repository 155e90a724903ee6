/* tests/unit/policies/test_evaluate.c -- policies/evaluate.c: genuine boots against a policy learned from another. */
#include "unit/policies/world.h"

static void affirms_the_boot_it_was_learned_from(void **state)
{
    (void)state;
    WORLD w;
    world_make(&w, boots[0]);
    for (size_t i = 0; i < CAIRN_ARRAY_LEN(boots); i++) {
        CAIRN_POLICY policy = {0};
        CAIRN_VERDICT verdict = {0};
        world_boot(&w, boots[i]);
        world_learn(&w, &policy);
        world_judge(&w, &policy, WORLD_MASK, &verdict);
        assert_int_equal(verdict.tier, CAIRN_TIER_AFFIRMING);
        want_check(&verdict, "boot.root", CAIRN_PASS, true);
        want_check(&verdict, "pcr.8", CAIRN_PASS, true);
        assert_null(find_check(&verdict, "pcr.10"));
    }
}

static void names_the_changed_command_line_and_nothing_else(void **state)
{
    (void)state;
    WORLD w;
    CAIRN_POLICY policy = {0};
    CAIRN_VERDICT verdict = {0};
    world_make(&w, "sb-uki-clean");
    world_learn(&w, &policy);
    world_boot(&w, "sb-uki-tampered-cmdline");
    world_judge(&w, &policy, WORLD_MASK, &verdict);
    assert_int_equal(verdict.tier, CAIRN_TIER_CONTRAINDICATED);
    want_only_failure(&verdict, "boot.cmdline.changed");
    want_check(&verdict, "pcr.4", CAIRN_FAILED, true);
    want_check(&verdict, "pcr.9", CAIRN_FAILED, true);
    want_check(&verdict, "pcr.11", CAIRN_FAILED, true);
    want_check(&verdict, "pcr.0", CAIRN_PASS, true);
    want_check(&verdict, "boot.loader.container", CAIRN_ABSENT, false);
    const struct cairn_check *check = find_check(&verdict, "boot.cmdline.changed");
    assert_int_equal(strlen(check->expected), 64);
    assert_int_equal(strlen(check->seen), 64);
    assert_string_not_equal(check->expected, check->seen);
}

/* Without the parts in the seal set nothing excuses the container. */
static void blames_the_image_when_its_parts_are_not_in_the_seal_set(void **state)
{
    (void)state;
    WORLD w;
    CAIRN_POLICY policy = {0};
    CAIRN_VERDICT verdict = {0};
    const struct cairn_policy_wish wish = {.seal_mask = 1u << 4 | 1u << 8};
    world_make(&w, "sb-uki-clean");
    CAIRN_REPLAY *golden = world_replay(&w, WORLD_MASK);
    assert_int_equal(cairn_policy_learn(w.keys->root, golden, &wish, &policy, NULL), CAIRN_OK);
    world_boot(&w, "sb-uki-tampered-cmdline");
    world_judge(&w, &policy, WORLD_MASK, &verdict);
    assert_int_equal(verdict.tier, CAIRN_TIER_CONTRAINDICATED);
    want_only_failure(&verdict, "boot.loader.changed");
}

static void sees_that_secure_boot_was_turned_off(void **state)
{
    (void)state;
    WORLD w;
    CAIRN_POLICY policy = {0};
    CAIRN_VERDICT verdict = {0};
    world_make(&w, "sb-uki-clean");
    world_learn(&w, &policy);
    world_boot(&w, "nosb-uki-clean");
    world_judge(&w, &policy, WORLD_MASK, &verdict);
    assert_int_equal(verdict.tier, CAIRN_TIER_CONTRAINDICATED);
    want_check(&verdict, "boot.secureboot.off", CAIRN_FAILED, true);
    want_check(&verdict, "boot.secureboot.changed", CAIRN_FAILED, true);
    want_check(&verdict, "boot.secureboot.removed", CAIRN_FAILED, true); /* the authority that allowed the image */
    want_check(&verdict, "boot.kernel.added", CAIRN_FAILED, true);
    want_check(&verdict, "pcr.11", CAIRN_PASS, true);
}

static void does_not_weigh_secure_boot_where_the_policy_does_not_ask(void **state)
{
    (void)state;
    WORLD w;
    CAIRN_POLICY policy = {0};
    CAIRN_VERDICT verdict = {0};
    world_make(&w, "direct-clean");
    world_learn(&w, &policy);
    world_judge(&w, &policy, WORLD_MASK, &verdict);
    assert_int_equal(verdict.tier, CAIRN_TIER_AFFIRMING);
    want_check(&verdict, "boot.secureboot.off", CAIRN_ABSENT, false);
}

static void skips_no_pcr_of_the_seal_set_that_was_not_quoted(void **state)
{
    (void)state;
    WORLD w;
    CAIRN_POLICY policy = {0};
    world_make(&w, "sb-uki-clean");
    world_learn(&w, &policy);
    for (unsigned pcr = 0; pcr < CAIRN_NUM_PCRS; pcr++) {
        if ((CAIRN_SEAL_SET_DEFAULT >> pcr & 1) != 0) {
            CAIRN_VERDICT verdict = {0};
            char code[16];
            (void)snprintf(code, sizeof code, "pcr.%u", pcr);
            world_judge(&w, &policy, WORLD_MASK & ~(1u << pcr), &verdict);
            assert_int_equal(verdict.tier, CAIRN_TIER_UNDECIDED);
            want_check(&verdict, code, CAIRN_ABSENT, true);
        }
    }
}

static void decides_nothing_without_a_replay(void **state)
{
    (void)state;
    WORLD w;
    CAIRN_POLICY policy = {0};
    CAIRN_VERDICT verdict = {0};
    world_make(&w, "sb-uki-clean");
    world_learn(&w, &policy);
    assert_int_equal(cairn_verdict_init(&verdict, NULL), CAIRN_OK);
    cairn_evaluate(&policy, NULL, &verdict);
    cairn_verdict_conclude(&verdict);
    assert_int_equal(verdict.tier, CAIRN_TIER_UNDECIDED);
    assert_int_equal(verdict.num_checks, 10); /* root, Secure Boot, eight PCRs */
    for (size_t i = 0; i < verdict.num_checks; i++) {
        assert_int_equal(verdict.checks[i].result, CAIRN_ABSENT);
        assert_true(verdict.checks[i].required);
    }
}

static void fails_a_boot_that_measured_no_root_or_another(void **state)
{
    (void)state;
    static const uint8_t other[32] = {1};
    WORLD w;
    CAIRN_POLICY policy = {0};
    CAIRN_VERDICT bare = {0}, foreign = {0};
    world_make(&w, "sb-uki-clean");
    world_learn(&w, &policy);
    world_boot_bare(&w, "sb-uki-clean");
    world_judge(&w, &policy, WORLD_MASK, &bare);
    assert_int_equal(bare.tier, CAIRN_TIER_CONTRAINDICATED);
    want_check(&bare, "boot.root.absent", CAIRN_FAILED, true);
    want_check(&bare, "boot.root.removed", CAIRN_FAILED, true);
    world_root_event(&w, CAIRN_TEST_CLASS, other);
    world_judge(&w, &policy, WORLD_MASK, &foreign);
    assert_int_equal(foreign.tier, CAIRN_TIER_CONTRAINDICATED);
    want_check(&foreign, "boot.root.other", CAIRN_FAILED, true);
    want_check(&foreign, "boot.root.changed", CAIRN_FAILED, true);
}

static void tells_an_added_event_from_a_removed_and_a_changed_one(void **state)
{
    (void)state;
    WORLD w;
    CAIRN_POLICY policy = {0};
    CAIRN_VERDICT added = {0}, removed = {0}, changed = {0};
    world_make(&w, "sb-uki-clean");
    world_user_event(&w, "one");
    world_user_event(&w, "two");
    world_learn(&w, &policy);

    world_boot(&w, "sb-uki-clean");
    world_user_event(&w, "one");
    world_user_event(&w, "between");
    world_user_event(&w, "two");
    world_judge(&w, &policy, WORLD_MASK, &added);
    want_only_failure(&added, "boot.config.added");
    assert_non_null(strstr(find_check(&added, "boot.config.added")->label, "PCR 8: between"));

    world_boot(&w, "sb-uki-clean");
    world_user_event(&w, "two");
    world_judge(&w, &policy, WORLD_MASK, &removed);
    want_only_failure(&removed, "boot.config.removed");
    assert_non_null(strstr(find_check(&removed, "boot.config.removed")->label, "PCR 8: one"));

    world_boot(&w, "sb-uki-clean");
    world_user_event(&w, "one");
    world_user_event(&w, "three");
    world_judge(&w, &policy, WORLD_MASK, &changed);
    want_only_failure(&changed, "boot.config.changed");
}

/* The labels of a log are nobody's word: however they lie, the PCR differs and the verdict stands. */
static void contraindicates_a_boot_even_when_the_events_explain_nothing(void **state)
{
    (void)state;
    WORLD w;
    CAIRN_POLICY policy = {0};
    CAIRN_VERDICT verdict = {0};
    world_make(&w, "sb-uki-clean");
    world_learn(&w, &policy);
    policy.values[0][0] ^= 1;
    world_judge(&w, &policy, WORLD_MASK, &verdict);
    assert_int_equal(verdict.tier, CAIRN_TIER_CONTRAINDICATED);
    want_check(&verdict, "pcr.0", CAIRN_FAILED, true);
}

static void warns_of_a_firmware_in_debug_mode_or_without_dma_protection(void **state)
{
    (void)state;
    static const uint8_t separator[4] = {0};
    WORLD w;
    CAIRN_POLICY policy = {0};
    CAIRN_VERDICT verdict = {0};
    CAIRN_BUF firmware = new_log();
    world_make(&w, "sb-uki-clean");
    add_text(&firmware, 7, CAIRN_EV_EFI_ACTION, "UEFI Debug Mode");
    add_text(&firmware, 7, CAIRN_EV_EFI_ACTION, "DMA Protection Disabled");
    add(&firmware, 7, CAIRN_EV_SEPARATOR, separator, sizeof separator);
    w.pcrs = reset_pcrs();
    extend_text(&w.pcrs, 7, "UEFI Debug Mode");
    extend_text(&w.pcrs, 7, "DMA Protection Disabled");
    uint8_t digest[32];
    assert_int_equal(cairn_sha256(CAIRN_SPAN(separator), digest, NULL), CAIRN_OK);
    extend_digest(&w.pcrs, 7, digest);
    w.logs = (struct cairn_boot_logs){.firmware = cairn_buf_span(&firmware)};
    cairn_buf_clear(&w.user);
    w.user = new_log();
    world_root_event(&w, CAIRN_TEST_CLASS, cairn_root_fleet(w.keys->root));
    world_learn(&w, &policy);
    world_judge(&w, &policy, WORLD_MASK, &verdict);
    assert_int_equal(verdict.tier, CAIRN_TIER_WARNING);
    want_check(&verdict, "boot.debug.on", CAIRN_FAILED, false);
    want_check(&verdict, "boot.dma.off", CAIRN_FAILED, false);
    want_check(&verdict, "boot.secureboot.unknown", CAIRN_ABSENT, false);
}

static void stops_listing_differences_before_the_table_is_full(void **state)
{
    (void)state;
    WORLD w;
    CAIRN_POLICY policy = {0};
    CAIRN_VERDICT verdict = {0};
    char text[32];
    world_make(&w, "sb-uki-clean");
    world_learn(&w, &policy);
    for (int i = 0; i < 200; i++) {
        (void)snprintf(text, sizeof text, "event %d", i);
        world_user_event(&w, text);
    }
    world_judge(&w, &policy, WORLD_MASK, &verdict);
    assert_int_equal(verdict.tier, CAIRN_TIER_CONTRAINDICATED);
    want_check(&verdict, "boot.more", CAIRN_ABSENT, false);
    assert_null(find_check(&verdict, "appraisal.checks.full"));
}

static void does_not_trust_a_table_that_overflowed(void **state)
{
    (void)state;
    CAIRN_VERDICT verdict = {0};
    assert_int_equal(cairn_verdict_init(&verdict, NULL), CAIRN_OK);
    for (int i = 0; i < 3 * CAIRN_VERDICT_MAX_CHECKS; i++) {
        cairn_verdict_add(&verdict, "boot.replay", CAIRN_PASS, true, NULL, NULL, "tab\there \xff");
    }
    cairn_verdict_conclude(&verdict);
    assert_int_equal(verdict.num_checks, CAIRN_VERDICT_MAX_CHECKS);
    assert_string_equal(verdict.checks[CAIRN_VERDICT_MAX_CHECKS - 1].code, "appraisal.checks.full");
    assert_int_equal(verdict.tier, CAIRN_TIER_UNDECIDED);
    assert_string_equal(verdict.checks[0].label, "tab?here ?");
}

static enum cairn_tier tier_of(enum cairn_check_result required, enum cairn_check_result optional)
{
    CAIRN_VERDICT verdict = {0};
    assert_int_equal(cairn_verdict_init(&verdict, NULL), CAIRN_OK);
    cairn_verdict_add(&verdict, "a", CAIRN_PASS, true, "", "", "");
    cairn_verdict_add(&verdict, "b", required, true, "", "", "");
    cairn_verdict_add(&verdict, "c", optional, false, "", "", "");
    cairn_verdict_conclude(&verdict);
    return verdict.tier;
}

static void concludes_by_required_checks_first(void **state)
{
    (void)state;
    assert_int_equal(tier_of(CAIRN_PASS, CAIRN_PASS), CAIRN_TIER_AFFIRMING);
    assert_int_equal(tier_of(CAIRN_PASS, CAIRN_ABSENT), CAIRN_TIER_AFFIRMING);
    assert_int_equal(tier_of(CAIRN_PASS, CAIRN_FAILED), CAIRN_TIER_WARNING);
    assert_int_equal(tier_of(CAIRN_ABSENT, CAIRN_FAILED), CAIRN_TIER_UNDECIDED);
    assert_int_equal(tier_of(CAIRN_FAILED, CAIRN_PASS), CAIRN_TIER_CONTRAINDICATED);
    CAIRN_VERDICT empty = {0};
    assert_int_equal(cairn_verdict_init(&empty, NULL), CAIRN_OK);
    cairn_verdict_conclude(&empty);
    assert_int_equal(empty.tier, CAIRN_TIER_UNDECIDED);
    assert_int_equal(cairn_tier_exit_code(CAIRN_TIER_AFFIRMING), 0);
    assert_int_equal(cairn_tier_exit_code(CAIRN_TIER_WARNING), 3);
    assert_int_equal(cairn_tier_exit_code(CAIRN_TIER_CONTRAINDICATED), 4);
    assert_int_equal(cairn_tier_exit_code(CAIRN_TIER_UNDECIDED), 5);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(affirms_the_boot_it_was_learned_from),
        cmocka_unit_test(names_the_changed_command_line_and_nothing_else),
        cmocka_unit_test(blames_the_image_when_its_parts_are_not_in_the_seal_set),
        cmocka_unit_test(sees_that_secure_boot_was_turned_off),
        cmocka_unit_test(does_not_weigh_secure_boot_where_the_policy_does_not_ask),
        cmocka_unit_test(skips_no_pcr_of_the_seal_set_that_was_not_quoted),
        cmocka_unit_test(decides_nothing_without_a_replay),
        cmocka_unit_test(fails_a_boot_that_measured_no_root_or_another),
        cmocka_unit_test(tells_an_added_event_from_a_removed_and_a_changed_one),
        cmocka_unit_test(contraindicates_a_boot_even_when_the_events_explain_nothing),
        cmocka_unit_test(warns_of_a_firmware_in_debug_mode_or_without_dma_protection),
        cmocka_unit_test(stops_listing_differences_before_the_table_is_full),
        cmocka_unit_test(does_not_trust_a_table_that_overflowed),
        cmocka_unit_test(concludes_by_required_checks_first),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
