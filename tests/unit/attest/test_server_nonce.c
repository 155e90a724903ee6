/* tests/unit/attest/test_server_nonce.c -- attest/server_nonce.c: a server knows its own nonces again, and nobody else's. */
#include "attest/server_nonce.h"

#include "unit/attest/answer.h"

static const uint8_t key[32] = {0x6b}, other_key[32] = {0x6c}, random16[16] = {0x72};
enum { NOW = CAIRN_TEST_NOW, MASK = 0x4B95 };

static struct cairn_statement device(uint8_t id)
{
    return (struct cairn_statement){.fleet = {0xf1}, .device = {id}, .ak_name = {{0x00, 0x0b, id}}};
}

static struct cairn_nonce made(enum cairn_purpose purpose)
{
    const struct cairn_statement statement = device(1);
    struct cairn_nonce nonce = {0};
    assert_int_equal(cairn_server_nonce_make(key, &statement, purpose, MASK, NOW, random16, &nonce, NULL), CAIRN_OK);
    return nonce;
}

static void refuses(const uint8_t with[32], uint8_t id, enum cairn_purpose purpose, uint32_t mask, uint64_t now_s,
                    const uint8_t nonce[32], const char *code)
{
    const struct cairn_statement statement = device(id);
    struct cairn_nonce out = {0};
    struct cairn_err err = {0};
    assert_int_equal(cairn_server_nonce_check(with, &statement, purpose, mask, now_s, nonce, &out, &err), CAIRN_E_REFUSED);
    assert_code(err, code);
    assert_int_equal(out.mask, 0);
}

static void knows_its_own_nonce_again_with_its_issue_time(void **state)
{
    (void)state;
    static const enum cairn_purpose purposes[] = {CAIRN_PURPOSE_EVIDENCE, CAIRN_PURPOSE_GRANT};
    const struct cairn_statement statement = device(1);
    for (size_t i = 0; i < CAIRN_ARRAY_LEN(purposes); i++) {
        const struct cairn_nonce nonce = made(purposes[i]);
        struct cairn_nonce again = {0};
        assert_int_equal(cairn_server_nonce_check(key, &statement, purposes[i], MASK, NOW + 599, nonce.nonce, &again, NULL),
                         CAIRN_OK);
        assert_memory_equal(&again, &nonce, sizeof nonce);
        assert_int_equal(again.issued_s, NOW);
        assert_memory_equal(again.device, statement.device, 32);
        assert_memory_equal(again.fleet, statement.fleet, 32);
        assert_true(cairn_name_equal(&again.ak, &statement.ak_name));
        assert_memory_equal(nonce.nonce, random16, sizeof random16);
    }
}

/* CHECKS 12 */
static void refuses_a_nonce_of_another_key_device_purpose_or_mask(void **state)
{
    (void)state;
    const struct cairn_nonce nonce = made(CAIRN_PURPOSE_EVIDENCE);
    refuses(other_key, 1, CAIRN_PURPOSE_EVIDENCE, MASK, NOW, nonce.nonce, "nonce.foreign");
    refuses(key, 2, CAIRN_PURPOSE_EVIDENCE, MASK, NOW, nonce.nonce, "nonce.foreign");
    refuses(key, 1, CAIRN_PURPOSE_GRANT, MASK, NOW, nonce.nonce, "nonce.foreign");
    refuses(key, 1, CAIRN_PURPOSE_EVIDENCE, MASK | 1 << 1, NOW, nonce.nonce, "nonce.foreign");
    static const uint8_t zeros[32] = {0};
    refuses(key, 1, CAIRN_PURPOSE_EVIDENCE, MASK, NOW, zeros, "nonce.foreign");
}

static void refuses_every_flipped_bit_and_so_a_longer_life(void **state)
{
    (void)state;
    struct cairn_nonce nonce = made(CAIRN_PURPOSE_EVIDENCE);
    for (size_t bit = 0; bit < 8 * sizeof nonce.nonce; bit++) {
        nonce.nonce[bit / 8] ^= (uint8_t)(1u << bit % 8);
        refuses(key, 1, CAIRN_PURPOSE_EVIDENCE, MASK, NOW, nonce.nonce, "nonce.foreign");
        nonce.nonce[bit / 8] ^= (uint8_t)(1u << bit % 8);
    }
}

/* CHECKS 12, 53 */
static void refuses_a_nonce_after_its_life(void **state)
{
    (void)state;
    const struct cairn_nonce evidence = made(CAIRN_PURPOSE_EVIDENCE), grant = made(CAIRN_PURPOSE_GRANT);
    const struct cairn_statement statement = device(1);
    struct cairn_nonce out;
    assert_int_equal(cairn_server_nonce_check(key, &statement, CAIRN_PURPOSE_EVIDENCE, MASK, NOW + 8 * 86400 - 1,
                                              evidence.nonce, &out, NULL),
                     CAIRN_OK);
    refuses(key, 1, CAIRN_PURPOSE_EVIDENCE, MASK, NOW + 8 * 86400, evidence.nonce, "nonce.expired");
    refuses(key, 1, CAIRN_PURPOSE_GRANT, MASK, NOW + 600, grant.nonce, "nonce.expired");
}

/* CHECKS 62: the clock stood in the future when it was made; it would outlive everything. */
static void a_nonce_of_the_future_ends_when_the_clock_is_set_back(void **state)
{
    (void)state;
    const struct cairn_nonce nonce = made(CAIRN_PURPOSE_EVIDENCE);
    const struct cairn_statement statement = device(1);
    struct cairn_nonce out;
    assert_int_equal(cairn_server_nonce_check(key, &statement, CAIRN_PURPOSE_EVIDENCE, MASK, NOW - CAIRN_CLOCK_SKEW_S,
                                              nonce.nonce, &out, NULL),
                     CAIRN_OK);
    refuses(key, 1, CAIRN_PURPOSE_EVIDENCE, MASK, NOW - CAIRN_CLOCK_SKEW_S - 1, nonce.nonce, "nonce.ahead");
    refuses(key, 1, CAIRN_PURPOSE_EVIDENCE, MASK, 0, nonce.nonce, "nonce.ahead");
}

static void makes_none_to_learn_from_and_none_behind_its_calendar(void **state)
{
    (void)state;
    const struct cairn_statement statement = device(1);
    struct cairn_nonce out = {0};
    struct cairn_err err = {0};
    assert_int_equal(cairn_server_nonce_make(key, &statement, CAIRN_PURPOSE_LEARN, MASK, NOW, random16, &out, &err),
                     CAIRN_E_USAGE);
    assert_code(err, "nonce.purpose");
    assert_int_equal(cairn_server_nonce_make(key, &statement, CAIRN_PURPOSE_GRANT, MASK, UINT32_MAX, random16, &out, &err),
                     CAIRN_E_USAGE);
    assert_code(err, "nonce.clock");
}

static void refuses_token(struct cairn_span text, uint64_t now_s)
{
    uint64_t max_len = 7;
    struct cairn_err err = {0};
    assert_int_equal(cairn_upload_token_check(key, text, now_s, &max_len, &err), CAIRN_E_REFUSED);
    assert_code(err, "upload.token");
    assert_int_equal(max_len, 7);
}

static void an_upload_token_opens_one_length_for_a_while(void **state)
{
    (void)state;
    char text[CAIRN_UPLOAD_TOKEN_TEXT];
    uint64_t max_len = 0;
    struct cairn_err err = {0};
    assert_int_equal(cairn_upload_token_make(key, 64 << 20, NOW + 120, text, NULL), CAIRN_OK);
    assert_int_equal(strlen(text), 38);
    assert_int_equal(cairn_upload_token_check(key, cairn_span_str(text), NOW + 119, &max_len, NULL), CAIRN_OK);
    assert_int_equal(max_len, 64 << 20);
    refuses_token(cairn_span_str(text), NOW + 120);
    refuses_token(cairn_span_str(text), NOW + 120 - CAIRN_UPLOAD_LIFE_MAX_S - 1); /* CHECKS 62 */
    assert_int_equal(cairn_upload_token_check(other_key, cairn_span_str(text), NOW, &max_len, &err), CAIRN_E_REFUSED);
    for (size_t i = 0; i < 38; i++) {
        text[i] = text[i] == 'A' ? 'B' : 'A';
        refuses_token(cairn_span_str(text), NOW);
        assert_int_equal(cairn_upload_token_make(key, 64 << 20, NOW + 120, text, NULL), CAIRN_OK);
        refuses_token(cairn_span(text, i), NOW);
    }
    refuses_token(cairn_span("A", 1), NOW);
    assert_int_equal(cairn_upload_token_make(key, 1, (uint64_t)UINT32_MAX + 1, text, &err), CAIRN_E_USAGE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(knows_its_own_nonce_again_with_its_issue_time),
        cmocka_unit_test(refuses_a_nonce_of_another_key_device_purpose_or_mask),
        cmocka_unit_test(refuses_every_flipped_bit_and_so_a_longer_life),
        cmocka_unit_test(refuses_a_nonce_after_its_life),
        cmocka_unit_test(a_nonce_of_the_future_ends_when_the_clock_is_set_back),
        cmocka_unit_test(makes_none_to_learn_from_and_none_behind_its_calendar),
        cmocka_unit_test(an_upload_token_opens_one_length_for_a_while),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
