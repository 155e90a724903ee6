/* tests/unit/attest/test_collect_device.c -- attest/collect_device.c: what is refused before the TPM is asked, and reading
 * logs. The quote itself is made against a software TPM by the system tests.
 */
#include "attest/collect_device.h"

#include "unit/attest/answer.h"

/* No TPM is given: a nonce for another device must be refused before one is touched. */
static void expect_unasked(const struct world *w, const struct cairn_nonce *nonce, const char *code)
{
    static const struct cairn_log_paths none = {{NULL}};
    struct cairn_err err = {0};
    CAIRN_BUF out = {0};
    assert_int_equal(cairn_collect_evidence(NULL, &w->keys->statement, nonce, &none, &out, &err), CAIRN_E_REFUSED);
    assert_code(err, code);
    assert_int_equal(out.len, 0);
}

static void answers_no_nonce_for_another_device(void **state)
{
    (void)state;
    WORLD w;
    world_make(&w, "sb-uki-clean");
    struct cairn_nonce nonce = ask(&w, CAIRN_PURPOSE_EVIDENCE, WORLD_MASK);
    nonce.fleet[31] ^= 1;
    expect_unasked(&w, &nonce, "nonce.fleet");
    nonce = ask(&w, CAIRN_PURPOSE_EVIDENCE, WORLD_MASK);
    nonce.device[31] ^= 1;
    expect_unasked(&w, &nonce, "nonce.device");
    nonce = ask(&w, CAIRN_PURPOSE_EVIDENCE, WORLD_MASK);
    nonce.ak.bytes[33] ^= 1;
    expect_unasked(&w, &nonce, "nonce.ak");
}

static void answers_no_nonce_made_for_a_grant(void **state)
{
    (void)state;
    WORLD w;
    world_make(&w, "sb-uki-clean");
    const struct cairn_nonce nonce = ask(&w, CAIRN_PURPOSE_GRANT, WORLD_MASK);
    expect_unasked(&w, &nonce, "nonce.purpose");
}

static void reads_a_log_that_is_there_and_takes_none_for_none(void **state)
{
    (void)state;
    CAIRN_BUF bytes = {0};
    bool present = false;
    assert_int_equal(cairn_collect_log(CAIRN_VECTORS "/boot/sb-uki-clean/ima_binary", &present, &bytes, NULL), CAIRN_OK);
    assert_true(present);
    assert_int_equal(bytes.len, 6626);
    assert_int_equal(cairn_collect_log(CAIRN_VECTORS "/boot/sb-uki-clean/no-such-log", &present, &bytes, NULL), CAIRN_OK);
    assert_false(present);
    assert_int_equal(cairn_collect_log("", &present, &bytes, NULL), CAIRN_OK);
    assert_false(present);
    assert_int_equal(cairn_collect_log(NULL, &present, &bytes, NULL), CAIRN_OK);
    assert_false(present);
}

static void reports_a_log_that_cannot_be_read(void **state)
{
    (void)state;
    struct cairn_err err = {0};
    CAIRN_BUF bytes = {0};
    bool present = false;
    assert_int_equal(cairn_collect_log(CAIRN_VECTORS "/boot", &present, &bytes, &err), CAIRN_E_IO);
    assert_code(err, "file.read");
    assert_false(present);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(answers_no_nonce_for_another_device),
        cmocka_unit_test(answers_no_nonce_made_for_a_grant),
        cmocka_unit_test(reads_a_log_that_is_there_and_takes_none_for_none),
        cmocka_unit_test(reports_a_log_that_cannot_be_read),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
