/* tests/unit/boot_measure/test_measure_device.c -- boot_measure/measure_device.c on a software TPM: once per boot, log first.
 */
#include <unistd.h>

#include "boot_measure/measure_device.h"
#include "core/doctype.h"
#include "core/dsse.h"
#include "support/swtpm.h"
#include "vectors.h"

static const char boot_a[] = "0f2c3a44-9d1e-4a3c-8b11-3a5b6c7d8e9f";
static const char boot_b[] = "1f2c3a44-9d1e-4a3c-8b11-3a5b6c7d8e9f";

/* struct place is a software TPM and a log in its folder. */
struct place {
    struct cairn_swtpm *swtpm;
    struct cairn_tpm *tpm;
    char log[512];
};

static void open_tpm(struct place *place)
{
    struct cairn_err err = {0};
    struct cairn_tpm_config config = cairn_tpm_config_default();
    config.tcti = cairn_swtpm_tcti(place->swtpm);
    if (cairn_tpm_open(&config, &place->tpm, &err) != CAIRN_OK) {
        fail_msg("%s: %s", err.code, err.text);
    }
}

static int start(void **state)
{
    static struct place place;
    (void)setenv("TSS2_LOG", "all+none", 1);
    place = (struct place){.swtpm = cairn_swtpm_new(false)};
    (void)snprintf(place.log, sizeof place.log, "%s/log", cairn_swtpm_dir(place.swtpm));
    open_tpm(&place);
    *state = &place;
    return 0;
}

static int stop(void **state)
{
    struct place *place = *state;
    cairn_tpm_closep(&place->tpm);
    cairn_swtpm_free(place->swtpm);
    return 0;
}

static void reboot(struct place *place)
{
    cairn_tpm_closep(&place->tpm);
    cairn_swtpm_reset(place->swtpm);
    open_tpm(place);
}

/* An envelope as far as this program reads it: nobody here checks signatures. */
static struct cairn_buf envelope_of(const char *payload)
{
    struct cairn_buf out = {0};
    CAIRN_DSSE dsse = {.num_signatures = 1};
    (void)snprintf(dsse.type, sizeof dsse.type, "%s", CAIRN_TYPE_ROOT);
    assert_int_equal(cairn_buf_set(&dsse.payload, cairn_span_str(payload), NULL), CAIRN_OK);
    assert_int_equal(cairn_dsse_write(&dsse, &out, NULL), CAIRN_OK);
    return out;
}

static const char payload[] = "{\"class\":\"edge gateway\",\"keys\":{},\"version\":1}";

static enum cairn_rc measure(struct place *place, const char *text, const char *boot_id, struct cairn_measure_result *out,
                             struct cairn_err *err)
{
    CAIRN_BUF envelope = envelope_of(text);
    return cairn_measure_root(place->tpm, cairn_buf_span(&envelope), place->log, boot_id, out, err);
}

static void read_pcr_8(struct place *place, uint8_t out[32])
{
    uint8_t values[CAIRN_NUM_PCRS][32];
    assert_int_equal(cairn_tpm_pcr_read(place->tpm, 1u << 8, values, NULL), CAIRN_OK);
    memcpy(out, values[8], 32);
}

/* The log on disk must replay to what the TPM holds, and say whose root it is. */
static void expect_log_matches(struct place *place, size_t num_roots)
{
    CAIRN_BUF log = load_path(place->log);
    CAIRN_REPLAY *r = NULL;
    uint8_t value[32];
    uint8_t quoted[32];
    struct cairn_boot_facts facts;
    struct cairn_boot_logs logs = {.userspace = cairn_buf_span(&log)};
    read_pcr_8(place, value);
    assert_int_equal(cairn_sha256(CAIRN_SPAN(value), quoted, NULL), CAIRN_OK);
    assert_int_equal(cairn_replay_run(&logs, 1u << 8, quoted, &r, NULL), CAIRN_OK);
    cairn_boot_facts_read(r, &facts);
    assert_int_equal(facts.num_roots, num_roots);
    assert_string_equal(facts.root.class_name, "edge gateway");
    uint8_t digest[32];
    assert_int_equal(cairn_sha256(cairn_span_str(payload), digest, NULL), CAIRN_OK);
    assert_memory_equal(facts.root.digest, digest, 32);
}

static void extends_the_root_once_per_boot(void **state)
{
    struct place *place = *state;
    struct cairn_measure_result result = {0};
    assert_int_equal(measure(place, payload, boot_a, &result, NULL), CAIRN_OK);
    assert_true(result.logged);
    assert_int_equal(result.num_extended, 1);
    expect_log_matches(place, 1);
    for (int i = 0; i < 3; i++) {
        assert_int_equal(measure(place, payload, boot_a, &result, NULL), CAIRN_OK);
        assert_false(result.logged);
        assert_int_equal(result.num_extended, 0);
        expect_log_matches(place, 1);
    }
}

static void extends_a_tail_that_a_cut_left(void **state)
{
    struct place *place = *state;
    struct cairn_measure_result result = {0};
    assert_int_equal(measure(place, payload, boot_a, &result, NULL), CAIRN_OK);
    reboot(place); /* the log says "extended", the TPM starts at zero: as if the cut came between log and extend */
    assert_int_equal(measure(place, payload, boot_a, &result, NULL), CAIRN_OK);
    assert_false(result.logged);
    assert_int_equal(result.num_extended, 1);
    expect_log_matches(place, 1);
}

static void starts_a_new_log_after_a_reboot(void **state)
{
    struct place *place = *state;
    struct cairn_measure_result result = {0};
    assert_int_equal(measure(place, payload, boot_a, &result, NULL), CAIRN_OK);
    CAIRN_BUF before = load_path(place->log);
    reboot(place);
    assert_int_equal(measure(place, payload, boot_b, &result, NULL), CAIRN_OK);
    assert_true(result.logged);
    assert_int_equal(result.num_extended, 1);
    CAIRN_BUF after = load_path(place->log);
    assert_int_equal(before.len, after.len);
    assert_memory_not_equal(before.p, after.p, before.len); /* the boot id */
    expect_log_matches(place, 1);
}

static void refuses_a_second_root_in_one_boot(void **state)
{
    struct place *place = *state;
    struct cairn_err err = {0};
    struct cairn_measure_result result = {0};
    assert_int_equal(measure(place, payload, boot_a, &result, NULL), CAIRN_OK);
    assert_int_equal(measure(place, "{\"class\":\"edge gateway\",\"keys\":{\"k\":1},\"version\":1}", boot_a, &result, &err),
                     CAIRN_E_REFUSED);
    assert_string_equal(err.code, "measure.root.other");
    expect_log_matches(place, 1);
}

static void refuses_when_somebody_else_extended_pcr_8(void **state)
{
    struct place *place = *state;
    struct cairn_err err = {0};
    struct cairn_measure_result result = {0};
    assert_int_equal(measure(place, payload, boot_a, &result, NULL), CAIRN_OK);
    assert_int_equal(cairn_tpm_pcr_extend(place->tpm, 8, cairn_span_str("stranger"), NULL), CAIRN_OK);
    assert_int_equal(measure(place, payload, boot_a, &result, &err), CAIRN_E_REFUSED);
    assert_string_equal(err.code, "boot.userlog.reconcile");
}

static void expect_refused(struct place *place, const char *text, const char *code)
{
    struct cairn_err err = {0};
    struct cairn_measure_result result = {0};
    uint8_t value[32];
    static const uint8_t zeros[32] = {0};
    assert_int_not_equal(measure(place, text, boot_a, &result, &err), CAIRN_OK);
    assert_string_equal(err.code, code);
    read_pcr_8(place, value);
    assert_memory_equal(value, zeros, 32);
    assert_int_equal(access(place->log, F_OK), -1);
}

static void extends_nothing_for_a_root_it_cannot_read(void **state)
{
    struct place *place = *state;
    expect_refused(place, "{\"class\":\"c\",\"version\":2}", "measure.root.version");
    expect_refused(place, "{\"class\":\"\",\"version\":1}", "boot.root.class");
    expect_refused(place, "{\"class\":\"a\\\\b\",\"version\":1}", "boot.root.class");
    expect_refused(place, "{\"version\":1}", "json.member");
    expect_refused(place, "{ \"class\":\"c\",\"version\":1}", "json.canonical");
    expect_refused(place, "no json", "json.syntax");
}

static void a_log_that_cannot_be_written_leaves_the_pcr_alone(void **state)
{
    struct place *place = *state;
    (void)snprintf(place->log, sizeof place->log, "%s/absent/log", cairn_swtpm_dir(place->swtpm));
    struct cairn_err err = {0};
    struct cairn_measure_result result = {0};
    uint8_t value[32];
    static const uint8_t zeros[32] = {0};
    assert_int_equal(measure(place, payload, boot_a, &result, &err), CAIRN_E_IO);
    read_pcr_8(place, value);
    assert_memory_equal(value, zeros, 32);
}

static void reads_the_boot_id(void **state)
{
    (void)state;
    char id[CAIRN_BOOT_ID_LEN + 1];
    assert_int_equal(cairn_measure_boot_id(CAIRN_BOOT_ID_FILE, id, NULL), CAIRN_OK);
    assert_int_equal(strspn(id, "0123456789abcdef-"), CAIRN_BOOT_ID_LEN);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(extends_the_root_once_per_boot, start, stop),
        cmocka_unit_test_setup_teardown(extends_a_tail_that_a_cut_left, start, stop),
        cmocka_unit_test_setup_teardown(starts_a_new_log_after_a_reboot, start, stop),
        cmocka_unit_test_setup_teardown(refuses_a_second_root_in_one_boot, start, stop),
        cmocka_unit_test_setup_teardown(refuses_when_somebody_else_extended_pcr_8, start, stop),
        cmocka_unit_test_setup_teardown(extends_nothing_for_a_root_it_cannot_read, start, stop),
        cmocka_unit_test_setup_teardown(a_log_that_cannot_be_written_leaves_the_pcr_alone, start, stop),
        cmocka_unit_test(reads_the_boot_id),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
