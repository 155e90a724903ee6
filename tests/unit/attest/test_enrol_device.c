/* tests/unit/attest/test_enrol_device.c -- attest/enrol_device.c on a software TPM, with the desk's side in the same program:
 * the whole enrolment, then what a device must refuse. */
#include "support/cmocka_all.h"

#include <dirent.h>
#include <stdio.h>

#include "attest/enrol_device.h"
#include "support/swtpm.h"
#include "support/test_keys.h"
#include "tpm/tpm.h"

struct device {
    struct cairn_test_keys k; /* the fleet; its make-believe device is not used */
    struct cairn_swtpm *swtpm;
    struct cairn_fs *state;
    struct cairn_tpm *tpm;
    struct cairn_identity identity;
    struct cairn_enrol_place place;
    struct cairn_ca_set *cas;
    struct cairn_err err;
    struct cairn_buf request, challenge, pending, answer, statement;
};

#define OK(d, expr)                                                                                                            \
    do {                                                                                                                       \
        enum cairn_rc ok_rc_ = (expr);                                                                                         \
        if (ok_rc_ != CAIRN_OK) {                                                                                              \
            fail_msg("%s: %s (%s, cause 0x%x)", #expr, (d)->err.text, (d)->err.code, (d)->err.cause);                          \
        }                                                                                                                      \
    } while (0)
#define REFUSES(d, want, expr)                                                                                                 \
    do {                                                                                                                       \
        (d)->err = (struct cairn_err){.code = ""};                                                                             \
        assert_int_not_equal((expr), CAIRN_OK);                                                                                \
        assert_string_equal((d)->err.code, (want));                                                                            \
    } while (0)

/* A program that has just been started. */
static void start(struct device *d)
{
    cairn_tpm_close(d->tpm);
    d->tpm = NULL;
    struct cairn_tpm_config config = cairn_tpm_config_default();
    config.tcti = cairn_swtpm_tcti(d->swtpm);
    config.cache = d->state;
    OK(d, cairn_tpm_open(&config, &d->tpm, &d->err));
    d->place = (struct cairn_enrol_place){.state = d->state,
                                          .tpm = d->tpm,
                                          .epoch = config.epoch,
                                          .anchor = {config.anchor[0], config.anchor[1]},
                                          .serial = "SN-9",
                                          .tag = "",
                                          .site = "lab",
                                          .now_s = CAIRN_TEST_NOW};
    cairn_identity_clear(&d->identity);
    if (cairn_file_exists(d->state, CAIRN_IDENTITY_ROOT)) {
        OK(d, cairn_identity_load(d->state, CAIRN_TEST_NOW, &d->identity, &d->err));
        if (d->identity.enrolled) {
            OK(d, cairn_identity_pin(&d->identity, d->tpm, &d->err));
        }
    }
}

static void load_cas(struct device *d)
{
    char dir_path[256];
    char path[600];
    (void)snprintf(dir_path, sizeof dir_path, "%s/ca", cairn_swtpm_dir(d->swtpm));
    DIR *dir = opendir(dir_path);
    assert_non_null(dir);
    OK(d, cairn_ca_set_new(&d->cas, &d->err));
    for (const struct dirent *e = readdir(dir); e != NULL; e = readdir(dir)) {
        CAIRN_BUF pem = {0};
        if (e->d_name[0] != '.') {
            (void)snprintf(path, sizeof path, "%s/%s", dir_path, e->d_name);
            OK(d, cairn_path_read(path, 1 << 20, &pem, &d->err));
            OK(d, cairn_ca_set_add(d->cas, cairn_buf_span(&pem), &d->err));
        }
    }
    (void)closedir(dir);
}

static int setup(void **state)
{
    struct device *d = calloc(1, sizeof *d);
    char path[256];
    cairn_test_keys_make(&d->k);
    d->swtpm = cairn_swtpm_new(true);
    (void)snprintf(path, sizeof path, "%s/device", cairn_swtpm_dir(d->swtpm));
    OK(d, cairn_fs_open_dir(path, true, &d->state, &d->err));
    load_cas(d);
    start(d);
    *state = d;
    return 0;
}

static int teardown(void **state)
{
    struct device *d = *state;
    cairn_tpm_close(d->tpm);
    cairn_identity_clear(&d->identity);
    cairn_fs_free(d->state);
    cairn_swtpm_free(d->swtpm);
    cairn_ca_set_free(d->cas);
    cairn_test_keys_clear(&d->k);
    cairn_buf_clear(&d->request);
    cairn_buf_clear(&d->challenge);
    cairn_buf_clear(&d->pending);
    cairn_buf_clear(&d->answer);
    cairn_buf_clear(&d->statement);
    free(d);
    return 0;
}

static void init(struct device *d)
{
    OK(d, cairn_enrol_init(&d->place, cairn_buf_span(&d->k.root_file), &d->err));
    start(d);
}

static void request(struct device *d)
{
    OK(d, cairn_enrol_request(&d->place, &d->identity, (struct cairn_span){NULL, 0}, &d->request, &d->err));
    start(d);
}

static void challenge(struct device *d)
{
    CAIRN_SIGNER *ephemeral = NULL;
    CAIRN_SECRET *secret = NULL;
    struct cairn_enrol_random random = {.secret = NULL};
    OK(d, cairn_signer_generate(&ephemeral, &d->err));
    OK(d, cairn_secret_new(32, &secret, &d->err));
    OK(d, cairn_random(cairn_secret_bytes(secret), 32, &d->err));
    OK(d, cairn_random(random.nonce, 32, &d->err));
    random.secret = secret;
    random.ephemeral = ephemeral;
    OK(d, cairn_enrol_challenge_make(d->k.root, d->cas, cairn_buf_span(&d->request), CAIRN_TEST_NOW, &random, &d->challenge,
                                     &d->pending, &d->err));
}

static void answer(struct device *d)
{
    OK(d, cairn_enrol_answer(&d->place, &d->identity, cairn_buf_span(&d->challenge), &d->answer, &d->err));
    start(d);
}

static void judge(struct device *d, uint64_t epoch_more)
{
    CAIRN_ENROL_PENDING pending = {.secret = NULL};
    struct cairn_tpmdoc *doc = calloc(1, sizeof *doc);
    struct cairn_statement s;
    CAIRN_BUF payload = {0};
    OK(d, cairn_enrol_pending_parse(cairn_buf_span(&d->pending), &pending, &d->err));
    OK(d, cairn_tpmdoc_parse(cairn_buf_span(&d->answer), CAIRN_TYPE_ENROLMENT, doc, &d->err));
    OK(d, cairn_enrol_judge(d->k.root, &pending, doc, CAIRN_TEST_NOW, &s, &d->err));
    s.epoch_value += epoch_more;
    OK(d, cairn_statement_payload(&s, &payload, &d->err));
    cairn_test_sign(cairn_buf_span(&payload), CAIRN_TYPE_STATEMENT, d->k.role[CAIRN_ROLE_ENROL], &d->statement);
    cairn_tpmdoc_clear(doc);
    free(doc);
}

static enum cairn_rc accept(struct device *d)
{
    return cairn_enrol_accept(&d->place, &d->identity, cairn_buf_span(&d->statement), &d->err);
}

static void a_device_is_enrolled_and_again_the_same_is_nothing_new(void **state)
{
    struct device *d = *state;
    init(d);
    init(d);
    request(d);
    challenge(d);
    answer(d);
    judge(d, 0);
    OK(d, accept(d));
    start(d);
    assert_true(d->identity.enrolled);
    assert_string_equal(d->identity.statement.serial, "SN-9");
    assert_string_equal(d->identity.statement.tpm_class, "virtual");
    OK(d, accept(d));
    assert_false(cairn_file_exists(d->state, CAIRN_ENROL_REQUEST_FILE));

    /* another statement for the same device, correctly signed: not without retiring it */
    json_t *json = cairn_test_payload(&d->statement, CAIRN_TYPE_STATEMENT);
    json_object_set_new(json, "tag", json_string("other"));
    cairn_test_sign_json(json, CAIRN_TYPE_STATEMENT, d->k.role[CAIRN_ROLE_ENROL], &d->statement);
    REFUSES(d, "enrolment.other", accept(d));
    REFUSES(d, "enrolment.other",
            cairn_enrol_request(&d->place, &d->identity, (struct cairn_span){NULL, 0}, &d->request, &d->err));
}

static void another_root_is_refused_before_anything_is_made(void **state)
{
    struct device *d = *state;
    struct cairn_test_keys *other = calloc(1, sizeof *other);
    cairn_test_keys_make(other);
    init(d);
    REFUSES(d, "root.replaced", cairn_enrol_init(&d->place, cairn_buf_span(&other->root_file), &d->err));
    cairn_test_keys_clear(other);
    free(other);
    d->place.now_s = CAIRN_TEST_NOW + 4000ull * 86400;
    REFUSES(d, "root.threshold", cairn_enrol_init(&d->place, cairn_buf_span(&d->k.root_file), &d->err));
}

static void answers_only_its_own_question(void **state)
{
    struct device *d = *state;
    struct cairn_enrol_challenge c;
    CAIRN_BUF bent = {0};
    init(d);
    request(d);
    challenge(d);
    OK(d, cairn_enrol_challenge_parse(cairn_buf_span(&d->challenge), &c, &d->err));
    c.ak.bytes[20] ^= 1;
    OK(d, cairn_enrol_challenge_write(&c, &bent, &d->err));
    REFUSES(d, "enrolment.ak", cairn_enrol_answer(&d->place, &d->identity, cairn_buf_span(&bent), &d->answer, &d->err));
    c.ak.bytes[20] ^= 1;
    c.credential.bytes[40] ^= 1;
    OK(d, cairn_enrol_challenge_write(&c, &bent, &d->err));
    REFUSES(d, "credential.other", cairn_enrol_answer(&d->place, &d->identity, cairn_buf_span(&bent), &d->answer, &d->err));
    OK(d, cairn_file_remove(d->state, CAIRN_ENROL_REQUEST_FILE, &d->err));
    REFUSES(d, "enrolment.request.absent",
            cairn_enrol_answer(&d->place, &d->identity, cairn_buf_span(&d->challenge), &d->answer, &d->err));
}

static void notices_that_its_keys_changed_since_it_asked(void **state)
{
    struct device *d = *state;
    init(d);
    request(d);
    challenge(d);
    d->place.epoch = 0x01800200; /* configured to another index meanwhile */
    REFUSES(d, "enrolment.changed",
            cairn_enrol_answer(&d->place, &d->identity, cairn_buf_span(&d->challenge), &d->answer, &d->err));
}

static void refuses_a_statement_of_another_device_or_of_a_later_counter(void **state)
{
    struct device *d = *state;
    init(d);
    REFUSES(d, "enrolment.device", cairn_enrol_accept(&d->place, &d->identity, cairn_buf_span(&d->k.statement_file), &d->err));
    request(d);
    challenge(d);
    answer(d);
    judge(d, 1); /* as if the TPM's state had been put back since */
    REFUSES(d, "enrolment.epoch", accept(d));
    assert_false(cairn_file_exists(d->state, CAIRN_IDENTITY_STATEMENT));
}

static void refuses_labels_that_cannot_be_printed_and_files_that_are_no_certificate(void **state)
{
    struct device *d = *state;
    init(d);
    d->place.serial = "a\nb";
    REFUSES(d, "enrolment.label",
            cairn_enrol_request(&d->place, &d->identity, (struct cairn_span){NULL, 0}, &d->request, &d->err));
    d->place.serial = "ok";
    REFUSES(d, "enrolment.ek.certificate",
            cairn_enrol_request(&d->place, &d->identity, cairn_span_str("0"), &d->request, &d->err));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    (void)setenv("TSS2_LOG", "all+none", 1);
    const struct CMUnitTest tests[] = {
        TEST(a_device_is_enrolled_and_again_the_same_is_nothing_new),
        TEST(another_root_is_refused_before_anything_is_made),
        TEST(answers_only_its_own_question),
        TEST(notices_that_its_keys_changed_since_it_asked),
        TEST(refuses_a_statement_of_another_device_or_of_a_later_counter),
        TEST(refuses_labels_that_cannot_be_printed_and_files_that_are_no_certificate),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
