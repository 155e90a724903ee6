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
    assert_int_equal(cairn_collect_evidence(NULL, &w->keys->statement, nonce, &none, NULL, NULL, &out, &err), CAIRN_E_REFUSED);
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

enum { IMA_LEN = 6626 };
static const struct cairn_log_paths paths = {
    {[CAIRN_LOG_FIRMWARE] = CAIRN_VECTORS "/boot/sb-uki-clean/binary_bios_measurements",
     [CAIRN_LOG_USERSPACE] = CAIRN_VECTORS "/boot/sb-uki-clean/no-such-log",
     [CAIRN_LOG_IMA] = CAIRN_VECTORS "/boot/sb-uki-clean/ima_binary"}};

static void attaches_every_log_when_nothing_is_known(void **state)
{
    (void)state;
    CAIRN_TPMDOC doc = {.type = CAIRN_TYPE_EVIDENCE};
    struct cairn_collected_log logs[CAIRN_NUM_BOOT_LOGS];
    assert_int_equal(cairn_collect_logs(&paths, NULL, &doc, logs, NULL), CAIRN_OK);
    assert_int_equal(doc.num_attachments, 2);
    assert_string_equal(doc.attachments[1].kind, "ima");
    assert_int_equal(doc.attachments[1].bytes.len, IMA_LEN);
    assert_true(logs[CAIRN_LOG_IMA].present);
    assert_int_equal(logs[CAIRN_LOG_IMA].len, IMA_LEN);
    assert_int_equal(logs[CAIRN_LOG_IMA].rule, CAIRN_LOG_ATTACH);
    assert_memory_equal(logs[CAIRN_LOG_IMA].sha256, doc.attachments[1].sha256, 32);
    assert_false(logs[CAIRN_LOG_USERSPACE].present);
}

/* The rule is for a log that the server has; one that changed since is attached whatever the rule says. */
static void names_or_leaves_out_only_what_the_server_knows(void **state)
{
    (void)state;
    CAIRN_TPMDOC doc = {0};
    struct cairn_collected_log logs[CAIRN_NUM_BOOT_LOGS];
    uint8_t firmware[2][32] = {{0}}, ima[1][32];
    assert_int_equal(cairn_collect_logs(&paths, NULL, &doc, logs, NULL), CAIRN_OK);
    memcpy(firmware[1], logs[CAIRN_LOG_FIRMWARE].sha256, 32);
    memcpy(ima[0], logs[CAIRN_LOG_IMA].sha256, 32);
    const struct cairn_collect_options known = {
        .known = {[CAIRN_LOG_FIRMWARE] = {.rule = CAIRN_LOG_NAME, .digests = (const uint8_t(*)[32])firmware, .num_digests = 2},
                  [CAIRN_LOG_IMA] = {.rule = CAIRN_LOG_LEAVE_OUT, .digests = (const uint8_t(*)[32])ima, .num_digests = 1}}};
    cairn_tpmdoc_clear(&doc);
    assert_int_equal(cairn_collect_logs(&paths, &known, &doc, logs, NULL), CAIRN_OK);
    assert_int_equal(doc.num_attachments, 1);
    assert_string_equal(doc.attachments[0].kind, "boot-log");
    assert_true(doc.attachments[0].named);
    assert_int_equal(doc.attachments[0].bytes.len, 0);
    assert_int_equal(doc.attachments[0].len, logs[CAIRN_LOG_FIRMWARE].len);
    assert_memory_equal(doc.attachments[0].sha256, firmware[1], 32);
    assert_int_equal(logs[CAIRN_LOG_IMA].rule, CAIRN_LOG_LEAVE_OUT);
    assert_memory_equal(logs[CAIRN_LOG_IMA].sha256, ima[0], 32);
    ima[0][0] ^= 1;
    firmware[1][0] ^= 1;
    cairn_tpmdoc_clear(&doc);
    assert_int_equal(cairn_collect_logs(&paths, &known, &doc, logs, NULL), CAIRN_OK);
    assert_int_equal(doc.num_attachments, 2);
    assert_false(doc.attachments[0].named);
    assert_int_equal(doc.attachments[1].bytes.len, IMA_LEN);
}

static void demands_the_configured_firmware_log(void **state)
{
    (void)state;
    static const struct cairn_log_paths gone = {{[CAIRN_LOG_FIRMWARE] = CAIRN_VECTORS "/boot/sb-uki-clean/no-such-log"}};
    CAIRN_TPMDOC doc = {.type = CAIRN_TYPE_EVIDENCE};
    struct cairn_err err = {0};
    assert_int_equal(cairn_collect_logs(&gone, NULL, &doc, NULL, &err), CAIRN_E_IO);
    assert_code(err, "evidence.log.absent");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(answers_no_nonce_for_another_device),
        cmocka_unit_test(answers_no_nonce_made_for_a_grant),
        cmocka_unit_test(reads_a_log_that_is_there_and_takes_none_for_none),
        cmocka_unit_test(reports_a_log_that_cannot_be_read),
        cmocka_unit_test(attaches_every_log_when_nothing_is_known),
        cmocka_unit_test(names_or_leaves_out_only_what_the_server_knows),
        cmocka_unit_test(demands_the_configured_firmware_log),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
