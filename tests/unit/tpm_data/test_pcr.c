/* tests/unit/tpm_data/test_pcr.c -- selections in their one form, and the digest over selected values. */
#include "tpm_data/pcr.h"

#include "vectors.h"

static void refuses_selection(struct cairn_span bytes, void *arg)
{
    (void)arg;
    struct cairn_err err = {0};
    uint32_t mask = 77;
    assert_int_equal(cairn_selection_parse(bytes, &mask, &err), CAIRN_E_FORMAT);
    assert_string_equal(err.code, "tpm.selection");
    assert_int_equal(mask, 77);
}

static void writes_and_reads_a_selection(void **state)
{
    (void)state;
    static const uint8_t want[] = {0, 0, 0, 1, 0x00, 0x0b, 3, 0x81, 0x04, 0x80};
    uint8_t got[CAIRN_SELECTION_LEN];
    cairn_selection_marshal(0x800481, got);
    assert_memory_equal(got, want, sizeof want);
    uint32_t mask = 0;
    assert_int_equal(cairn_selection_parse(CAIRN_SPAN(want), &mask, NULL), CAIRN_OK);
    assert_int_equal(mask, 0x800481);
}

static void refuses_a_selection_of_any_other_form(void **state)
{
    (void)state;
    uint8_t bytes[CAIRN_SELECTION_LEN];
    cairn_selection_marshal(0x81, bytes);
    each_damage(CAIRN_SPAN(bytes), refuses_selection, NULL);
    static const struct {
        size_t at;
        uint8_t value;
    } bad[] = {{3, 0}, {3, 2}, {0, 1}, {5, 0x04}, {5, 0x0c}, {6, 2}, {6, 4}};
    for (size_t i = 0; i < CAIRN_ARRAY_LEN(bad); i++) {
        cairn_selection_marshal(0x81, bytes);
        bytes[bad[i].at] = bad[i].value;
        refuses_selection(CAIRN_SPAN(bytes), NULL);
    }
}

static void reads_selections_that_people_write(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        uint32_t mask;
    } good[] = {{"0", 1},         {"0,2,4,7", 0x95}, {"sha256:0,7", 0x81}, {"0-4", 0x1f}, {"0-4,7,9-10", 0x69f},
                {"23", 0x800000}, {"0-23", 0xffffff}};
    for (size_t i = 0; i < CAIRN_ARRAY_LEN(good); i++) {
        uint32_t mask = 0;
        assert_int_equal(cairn_selection_from_text(good[i].text, &mask, NULL), CAIRN_OK);
        assert_int_equal(mask, good[i].mask);
    }
}

static void refuses_selections_that_could_mean_two_things(void **state)
{
    (void)state;
    static const char *const bad[] = {"",     ",",      "0,",     ",0",      "7,0",      "1,1", "0-4,4", "4-0",        "3-3",
                                      "24",   "0-24",   "-1",     "1-",      "00",       "07",  " 1",    "1 ",         "0x1",
                                      "1,,2", "sha1:0", "sha256", "sha256:", "SHA256:0", "0;1", "100",   "4294967296", "1\n"};
    for (size_t i = 0; i < CAIRN_ARRAY_LEN(bad); i++) {
        struct cairn_err err = {0};
        uint32_t mask = 77;
        assert_int_equal(cairn_selection_from_text(bad[i], &mask, &err), CAIRN_E_USAGE);
        assert_string_equal(err.code, "pcr.selection");
        assert_int_equal(mask, 77);
    }
}

static void writes_selections_for_people(void **state)
{
    (void)state;
    char text[80];
    cairn_selection_to_text(0x95, text);
    assert_string_equal(text, "0,2,4,7");
    cairn_selection_to_text(0, text);
    assert_string_equal(text, "");
    cairn_selection_to_text(0xffffff, text);
    assert_string_equal(text, "0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,18,19,20,21,22,23");
    uint32_t mask = 0;
    assert_int_equal(cairn_selection_from_text(text, &mask, NULL), CAIRN_OK);
    assert_int_equal(mask, 0xffffff);
}

static void digests_the_values_as_the_tpm_quoted_them(void **state)
{
    (void)state;
    uint8_t pair[64];
    uint8_t values[CAIRN_NUM_PCRS][32] = {{0}};
    unhex(VECTOR_PCR_VALUES, pair, sizeof pair);
    memcpy(values[0], pair, 32);
    memcpy(values[7], pair + 32, 32);
    struct cairn_attestation att = vector_attestation(VECTOR_QUOTE, VECTOR_QUOTE_SIGNATURE);
    struct cairn_claim claim;
    uint8_t got[32];
    assert_int_equal(cairn_claim_parse(cairn_span(att.attest, att.attest_len), &claim, NULL), CAIRN_OK);
    assert_int_equal(cairn_pcr_digest(0x81, (const uint8_t(*)[32])values, got, NULL), CAIRN_OK);
    assert_memory_equal(got, claim.u.quote.digest, 32);
    assert_int_equal(cairn_pcr_digest(0x01, (const uint8_t(*)[32])values, got, NULL), CAIRN_OK);
    assert_memory_not_equal(got, claim.u.quote.digest, 32);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(writes_and_reads_a_selection),       cmocka_unit_test(refuses_a_selection_of_any_other_form),
        cmocka_unit_test(reads_selections_that_people_write), cmocka_unit_test(refuses_selections_that_could_mean_two_things),
        cmocka_unit_test(writes_selections_for_people),       cmocka_unit_test(digests_the_values_as_the_tpm_quoted_them),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
