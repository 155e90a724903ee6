/* tests/unit/attest/test_enrolment.c -- attest/enrolment.c and enrolment_files.c: a whole enrolment with a make-believe TPM,
 * then every lie it can tell, each on input that is otherwise right and correctly signed. */
#include "ca.h"

#include "attest/enrolment.h"
#include "support/test_keys.h"

struct world {
    struct cairn_test_keys k;
    struct cairn_enrol_request request; /* as the device would make it */
    EVP_PKEY *root_key, *ek_key;
    struct spec root, leaf;
    struct cairn_ca_set *cas;
    struct cairn_signer *ephemeral;
    struct cairn_secret *secret;
    /* what the desk made */
    struct cairn_buf request_file, challenge, pending;
    /* the answer, bent before it is attested */
    uint8_t answer_secret[32], answer_nonce[32];
    struct cairn_name certified;
    enum cairn_hierarchy hierarchy;
    struct cairn_name counter;
    uint32_t mask;
    bool reset_before_quote, swapped, other_nonce;
};

static void ok(enum cairn_rc rc, const struct cairn_err *err)
{
    if (rc != CAIRN_OK) {
        fail_msg("%s: %s", err->code, err->text);
    }
}

static void make_request(struct world *w)
{
    w->request.device = w->k.statement;
    w->request.num_certificates = 1;
    cairn_buf_clear(&w->request.certificates[0]);
    X509 *x = ca_make(&w->leaf);
    ca_write(x, false, &w->request.certificates[0]);
    X509_free(x);
}

static int setup(void **state)
{
    struct world *w = calloc(1, sizeof *w);
    struct cairn_err err = {0};
    struct cairn_ec_key ek;
    CAIRN_BUF pem = {0};
    cairn_test_keys_make(&w->k);
    ok(cairn_public_ek_check(cairn_area_span(&w->k.tpm.ek_public), &ek, &err), &err);
    w->root_key = ca_key();
    w->ek_key = ca_public(&ek);
    w->root = (struct spec){.subject = "root",
                            .issuer = "root",
                            .basic = "critical,CA:TRUE",
                            .key_usage = "critical,keyCertSign",
                            .not_before_s = CAIRN_TEST_NOW - 9 * DAY,
                            .not_after_s = CAIRN_TEST_NOW + 9 * DAY,
                            .subject_key = w->root_key,
                            .issuer_key = w->root_key,
                            .digest = "SHA256"};
    w->leaf = (struct spec){.subject = "unknown",
                            .issuer = "root",
                            .basic = "critical,CA:FALSE",
                            .usage = "2.23.133.8.1",
                            .key_usage = "critical,keyAgreement",
                            .tcg_names = true,
                            .model = "swtpm",
                            .not_before_s = CAIRN_TEST_NOW - DAY,
                            .not_after_s = CAIRN_TEST_NOW + DAY,
                            .subject_key = w->ek_key,
                            .issuer_key = w->root_key,
                            .digest = "SHA256"};
    ok(cairn_ca_set_new(&w->cas, &err), &err);
    X509 *x = ca_make(&w->root);
    ca_write(x, true, &pem);
    X509_free(x);
    ok(cairn_ca_set_add(w->cas, cairn_buf_span(&pem), &err), &err);
    ok(cairn_signer_generate(&w->ephemeral, &err), &err);
    ok(cairn_secret_new(32, &w->secret, &err), &err);
    memset(cairn_secret_bytes(w->secret), 0x5a, 32);
    make_request(w);
    *state = w;
    return 0;
}

static int teardown(void **state)
{
    struct world *w = *state;
    cairn_test_keys_clear(&w->k);
    cairn_enrol_request_clear(&w->request);
    EVP_PKEY_free(w->root_key);
    EVP_PKEY_free(w->ek_key);
    cairn_ca_set_free(w->cas);
    cairn_signer_free(w->ephemeral);
    cairn_secret_free(w->secret);
    cairn_buf_clear(&w->request_file);
    cairn_buf_clear(&w->challenge);
    cairn_buf_clear(&w->pending);
    free(w);
    return 0;
}

static enum cairn_rc challenge(struct world *w, struct cairn_err *err)
{
    struct cairn_enrol_random random = {.secret = w->secret, .ephemeral = w->ephemeral};
    memset(random.nonce, 0x11, sizeof random.nonce);
    ok(cairn_enrol_request_write(&w->request, &w->request_file, err), err);
    enum cairn_rc rc = cairn_enrol_challenge_make(w->k.root, w->cas, cairn_buf_span(&w->request_file), CAIRN_TEST_NOW, &random,
                                                  &w->challenge, &w->pending, err);
    /* the honest answer */
    memset(w->answer_secret, 0x5a, 32);
    memset(w->answer_nonce, 0x11, 32);
    w->certified = w->k.tpm.srk_name;
    w->hierarchy = CAIRN_RH_OWNER;
    w->counter = w->k.tpm.epoch_name;
    w->mask = CAIRN_ENROL_PCRS;
    return rc;
}

static void refused_request(struct world *w, const char *code)
{
    struct cairn_err err = {0};
    assert_int_not_equal(challenge(w, &err), CAIRN_OK);
    assert_string_equal(err.code, code);
    assert_int_equal(w->challenge.len, 0);
    assert_int_equal(w->pending.len, 0);
}

static void attest(struct world *w, struct cairn_tpmdoc *doc)
{
    struct cairn_fake_tpm *tpm = &w->k.tpm;
    uint8_t extra[32];
    uint8_t value[8] = {0, 0, 0, 0, 0, 0, 0, CAIRN_TEST_EPOCH_VALUE};
    ok(cairn_pae_digest(doc->type, cairn_buf_span(&doc->payload), extra, NULL), NULL);
    cairn_fake_certify(tpm, &w->certified, w->hierarchy, extra, &doc->attestations[0]);
    cairn_fake_nv(tpm, &w->counter, CAIRN_SPAN(value), extra, &doc->attestations[1]);
    tpm->resets += w->reset_before_quote ? 1 : 0;
    cairn_fake_quote(tpm, w->mask, extra, &doc->attestations[2]);
    doc->num_attestations = 3;
    if (w->swapped) {
        struct cairn_attestation first = doc->attestations[0];
        doc->attestations[0] = doc->attestations[1];
        doc->attestations[1] = first;
    }
}

/* The answer of the device, bent as the world says, and the desk's judgement of it. */
static enum cairn_rc answer_with(struct world *w, const char *type, struct cairn_tpm_head *head, struct cairn_statement *out,
                                 struct cairn_err *err)
{
    CAIRN_ENROL_PENDING pending = {.secret = NULL};
    struct cairn_tpmdoc *doc = calloc(1, sizeof *doc);
    ok(cairn_enrol_pending_parse(cairn_buf_span(&w->pending), &pending, err), err);
    (void)strncpy(doc->type, type, sizeof doc->type - 1);
    ok(cairn_enrol_answer_payload(head, CAIRN_SPAN(w->answer_secret), cairn_buf_span(&w->request_file), &doc->payload, err),
       err);
    if (w->other_nonce) { /* the right proof beside a wrong nonce */
        char *digit = memmem(doc->payload.p, doc->payload.len, "\"nonce\":\"1", 10);
        assert_non_null(digit);
        digit[9] = '2';
    }
    attest(w, doc);
    enum cairn_rc rc = cairn_enrol_judge(w->k.root, &pending, doc, CAIRN_TEST_NOW, out, err);
    cairn_tpmdoc_clear(doc);
    free(doc);
    return rc;
}

static enum cairn_rc answer(struct world *w, struct cairn_statement *out, struct cairn_err *err)
{
    struct cairn_tpm_head head = cairn_statement_head(&w->k.statement, w->answer_nonce);
    return answer_with(w, CAIRN_TYPE_ENROLMENT, &head, out, err);
}

static void refused_answer(struct world *w, const char *code)
{
    struct cairn_err err = {0};
    struct cairn_statement s = {.epoch_value = 99};
    assert_int_not_equal(answer(w, &s, &err), CAIRN_OK);
    assert_string_equal(err.code, code);
    assert_int_equal(s.epoch_value, 99);
}

static void enrols_an_honest_device(void **state)
{
    struct world *w = *state;
    struct cairn_err err = {0};
    struct cairn_statement s;
    struct cairn_statement opened;
    CAIRN_BUF payload = {0};
    CAIRN_BUF file = {0};
    ok(challenge(w, &err), &err);
    ok(answer(w, &s, &err), &err);
    ok(cairn_statement_payload(&s, &payload, &err), &err);
    cairn_test_sign(cairn_buf_span(&payload), CAIRN_TYPE_STATEMENT, w->k.role[CAIRN_ROLE_ENROL], &file);
    ok(cairn_statement_open(w->k.root, cairn_buf_span(&file), CAIRN_TEST_NOW, &opened, &err), &err);
    assert_true(cairn_name_equal(&opened.ak_name, &w->k.tpm.ak_name));
    assert_int_equal(opened.epoch_value, CAIRN_TEST_EPOCH_VALUE);
    assert_string_equal(opened.serial, "SN-0001");
    assert_int_equal(opened.issued_s, CAIRN_TEST_NOW);
    uint8_t digest[32];
    ok(cairn_sha256(cairn_buf_span(&w->request.certificates[0]), digest, &err), &err);
    assert_memory_equal(opened.ek_certificate, digest, 32);
}

static void the_challenge_names_the_ak_and_files_read_back(void **state)
{
    struct world *w = *state;
    struct cairn_err err = {0};
    struct cairn_enrol_challenge c;
    CAIRN_ENROL_PENDING p = {.secret = NULL};
    ok(challenge(w, &err), &err);
    ok(cairn_enrol_challenge_parse(cairn_buf_span(&w->challenge), &c, &err), &err);
    assert_true(cairn_name_equal(&c.ak, &w->k.tpm.ak_name));
    assert_int_equal(c.seed.len, CAIRN_SEED_LEN);
    ok(cairn_enrol_pending_parse(cairn_buf_span(&w->pending), &p, &err), &err);
    assert_true(cairn_span_equal(cairn_buf_span(&p.request), cairn_buf_span(&w->request_file)));
    assert_memory_equal(p.nonce, c.nonce, 32);
    /* the secret is in the pending file and in nothing the device gets */
    char hex[65];
    cairn_hex_encode(cairn_secret_span(w->secret), hex);
    assert_non_null(memmem(w->pending.p, w->pending.len, hex, 64));
    assert_null(memmem(w->challenge.p, w->challenge.len, hex, 64));
}

static void refuses_an_endorsement_key_that_nobody_certified(void **state)
{
    struct world *w = *state;
    EVP_PKEY *other = ca_key();
    w->leaf.subject_key = other;
    make_request(w);
    refused_request(w, "enrolment.ek.key");
    EVP_PKEY_free(other);
    w->request.num_certificates = 0;
    refused_request(w, "enrolment.ek.absent");
}

static void finds_the_right_certificate_among_several(void **state)
{
    struct world *w = *state;
    struct cairn_err err = {0};
    EVP_PKEY *other = ca_key();
    EVP_PKEY *mine = w->leaf.subject_key;
    w->leaf.subject_key = other;
    make_request(w);
    w->leaf.subject_key = mine;
    w->request.num_certificates = 2;
    X509 *x = ca_make(&w->leaf);
    ca_write(x, false, &w->request.certificates[1]);
    X509_free(x);
    ok(challenge(w, &err), &err);
    EVP_PKEY_free(other);
}

static void refuses_a_certificate_whose_path_or_use_is_wrong(void **state)
{
    struct world *w = *state;
    EVP_PKEY *other = ca_key();
    struct spec good = w->leaf;
    w->leaf.issuer_key = other;
    make_request(w);
    refused_request(w, "enrolment.ek.chain");
    w->leaf = good;
    w->leaf.usage = NULL;
    make_request(w);
    refused_request(w, "enrolment.ek.eku");
    w->leaf = good;
    w->leaf.not_after_s = CAIRN_TEST_NOW - 1;
    make_request(w);
    refused_request(w, "enrolment.ek.expired");
    EVP_PKEY_free(other);
}

static void without_an_anchor_nobody_vouches(void **state)
{
    struct world *w = *state;
    cairn_ca_set_free(w->cas);
    w->cas = NULL;
    ok(cairn_ca_set_new(&w->cas, NULL), NULL);
    refused_request(w, "ca.empty");
}

static void a_software_tpm_may_not_call_itself_hardware(void **state)
{
    struct world *w = *state;
    (void)strncpy(w->request.device.tpm_class, "hardware", sizeof w->request.device.tpm_class - 1);
    refused_request(w, "enrolment.tpm.class");
}

static void refuses_keys_and_indices_that_are_not_the_templates(void **state)
{
    struct world *w = *state;
    struct cairn_statement *d = &w->request.device;
    d->ak.bytes[5] ^= 0x01;
    refused_request(w, "tpm.ak.attributes");
    make_request(w);
    d->srk.bytes[7] ^= 0x02;
    refused_request(w, "tpm.srk.template");
    make_request(w);
    d->ek.bytes[7] ^= 0x02;
    refused_request(w, "tpm.ek.template");
    make_request(w);
    d->epoch.bytes[9] ^= 0x10;
    refused_request(w, "tpm.epoch.template");
    make_request(w);
    d->anchor[1].bytes[20] ^= 1;
    refused_request(w, "tpm.anchor.template");
    make_request(w);
    d->fleet[0] ^= 1;
    refused_request(w, "statement.fleet");
}

static void a_wrong_secret_nonce_or_request_is_one_opaque_refusal(void **state)
{
    struct world *w = *state;
    struct cairn_err err = {0};
    ok(challenge(w, &err), &err);
    w->answer_secret[31] ^= 1;
    refused_answer(w, "enrolment.proof");
    ok(challenge(w, &err), &err);
    w->answer_nonce[0] ^= 1;
    refused_answer(w, "enrolment.proof");
    ok(challenge(w, &err), &err);
    (void)strncpy(w->request.device.serial, "SN-0002", sizeof w->request.device.serial - 1);
    ok(cairn_enrol_request_write(&w->request, &w->request_file, &err), &err);
    refused_answer(w, "enrolment.proof");
    ok(challenge(w, &err), &err);
    w->other_nonce = true;
    refused_answer(w, "enrolment.proof");
}

static void refuses_an_answer_about_another_device(void **state)
{
    struct world *w = *state;
    struct cairn_err err = {0};
    struct cairn_statement s;
    ok(challenge(w, &err), &err);
    struct cairn_tpm_head head = cairn_statement_head(&w->k.statement, w->answer_nonce);
    head.device[3] ^= 1;
    assert_int_not_equal(answer_with(w, CAIRN_TYPE_ENROLMENT, &head, &s, &err), CAIRN_OK);
    assert_string_equal(err.code, "document.device");
    head = cairn_statement_head(&w->k.statement, w->answer_nonce);
    head.fleet[3] ^= 1;
    assert_int_not_equal(answer_with(w, CAIRN_TYPE_ENROLMENT, &head, &s, &err), CAIRN_OK);
    assert_string_equal(err.code, "document.fleet");
    head = cairn_statement_head(&w->k.statement, w->answer_nonce);
    head.ak.bytes[9] ^= 1;
    assert_int_not_equal(answer_with(w, CAIRN_TYPE_ENROLMENT, &head, &s, &err), CAIRN_OK);
    assert_string_equal(err.code, "document.ak");
}

static void refuses_an_impostor_srk(void **state)
{
    struct world *w = *state;
    struct cairn_err err = {0};
    ok(challenge(w, &err), &err);
    w->hierarchy = CAIRN_RH_ENDORSEMENT; /* the exact template, but it would outlive a Clear */
    refused_answer(w, "enrolment.srk.hierarchy");
    ok(challenge(w, &err), &err);
    w->certified = w->k.tpm.ek_name;
    refused_answer(w, "enrolment.srk.name");
}

static void refuses_a_counter_that_is_not_the_epoch(void **state)
{
    struct world *w = *state;
    struct cairn_err err = {0};
    struct cairn_area area;
    ok(challenge(w, &err), &err);
    cairn_template_epoch(CAIRN_TEST_EPOCH, false, &area);
    ok(cairn_name_compute(cairn_area_span(&area), &w->counter, &err), &err);
    refused_answer(w, "attestation.index");
}

static void refuses_other_pcrs_other_firmware_and_two_boots(void **state)
{
    struct world *w = *state;
    struct cairn_err err = {0};
    ok(challenge(w, &err), &err);
    w->mask = 0xff;
    refused_answer(w, "enrolment.quote");
    ok(challenge(w, &err), &err);
    w->reset_before_quote = true;
    refused_answer(w, "attestation.boot");
    w->reset_before_quote = false;
    w->k.tpm.firmware ^= 1;
    refused_answer(w, "enrolment.tpm.firmware");
}

static void refuses_attestations_that_are_not_the_tpms(void **state)
{
    struct world *w = *state;
    struct cairn_err err = {0};
    ok(challenge(w, &err), &err);
    w->swapped = true;
    refused_answer(w, "attestation.type");
    w->swapped = false;
    w->k.tpm.magic = 0x00544347;
    refused_answer(w, "attestation.magic");
    w->k.tpm.magic = 0;
    w->k.tpm.signer = w->k.tpm.ak_name; /* unqualified */
    refused_answer(w, "attestation.signer");
    w->k.tpm.signer = (struct cairn_name){{0}};
    struct cairn_signer *ak = w->k.tpm.ak;
    w->k.tpm.ak = w->k.stranger;
    refused_answer(w, "attestation.signature");
    w->k.tpm.ak = ak;
    struct cairn_statement s;
    struct cairn_tpm_head head = cairn_statement_head(&w->k.statement, w->answer_nonce);
    ok(answer_with(w, CAIRN_TYPE_ENROLMENT, &head, &s, &err), &err);
}

static void refuses_every_truncation_and_bent_member_of_its_files(void **state)
{
    struct world *w = *state;
    struct cairn_err err = {0};
    ok(challenge(w, &err), &err);
    CAIRN_ENROL_REQUEST request = {.num_certificates = 0};
    CAIRN_ENROL_PENDING pending = {.secret = NULL};
    struct cairn_enrol_challenge c;
    for (size_t len = 0; len + 1 < w->request_file.len; len += 13) {
        assert_int_not_equal(cairn_enrol_request_parse(cairn_span(w->request_file.p, len), &request, NULL), CAIRN_OK);
    }
    for (size_t len = 0; len + 1 < w->challenge.len; len++) {
        assert_int_not_equal(cairn_enrol_challenge_parse(cairn_span(w->challenge.p, len), &c, NULL), CAIRN_OK);
    }
    for (size_t len = 0; len + 1 < w->pending.len; len += 13) {
        assert_int_not_equal(cairn_enrol_pending_parse(cairn_span(w->pending.p, len), &pending, NULL), CAIRN_OK);
    }
    CAIRN_JSON *json = NULL;
    ok(cairn_json_parse(cairn_json_trim_newline(cairn_buf_span(&w->request_file)), w->request_file.len, true, "test", &json,
                        &err),
       &err);
    const char *name = NULL;
    json_t *value = NULL;
    json_object_foreach(json, name, value)
    {
        CAIRN_JSON *bent = json_deep_copy(json);
        CAIRN_BUF text = {0};
        json_object_del(bent, name);
        ok(cairn_json_write(bent, &text, &err), &err);
        assert_int_equal(cairn_enrol_request_parse(cairn_buf_span(&text), &request, &err), CAIRN_E_FORMAT);
        assert_string_equal(err.code, "json.member");
    }
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(enrols_an_honest_device),
        TEST(the_challenge_names_the_ak_and_files_read_back),
        TEST(refuses_an_endorsement_key_that_nobody_certified),
        TEST(finds_the_right_certificate_among_several),
        TEST(refuses_a_certificate_whose_path_or_use_is_wrong),
        TEST(without_an_anchor_nobody_vouches),
        TEST(a_software_tpm_may_not_call_itself_hardware),
        TEST(refuses_keys_and_indices_that_are_not_the_templates),
        TEST(a_wrong_secret_nonce_or_request_is_one_opaque_refusal),
        TEST(refuses_an_answer_about_another_device),
        TEST(refuses_an_impostor_srk),
        TEST(refuses_a_counter_that_is_not_the_epoch),
        TEST(refuses_other_pcrs_other_firmware_and_two_boots),
        TEST(refuses_attestations_that_are_not_the_tpms),
        TEST(refuses_every_truncation_and_bent_member_of_its_files),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
