/* tests/unit/wipe/test_certificate.c -- the certificate as a stranger judges it, and every way to lie in one. */
#include <stdio.h>

#include "world.h"

static void accepts_a_genuine_certificate_and_says_what_it_proves(void **state CAIRN_UNUSED)
{
    WORLD *w = world_new();
    CAIRN_BUF file = {0};
    CAIRN_BUF text = {0};
    CAIRN_CERTIFICATE *found = NULL;
    struct cairn_err err = {0};
    world_certificate(w, &file);
    const struct cairn_span root = cairn_buf_span(&w->keys.root_file);
    enum cairn_rc rc = cairn_certificate_verify(cairn_buf_span(&file), &root, 1, &found, &err);
    if (rc != CAIRN_OK) {
        fail_msg("%s: %s", err.code, err.text);
    }
    assert_int_equal(found->grade.grade, 'C');
    assert_string_equal(found->grade.reasons[0], "boot.unaffirmed");
    assert_true(found->min_grade_met);
    assert_true(found->kill.counter == 11);
    assert_int_equal(cairn_certificate_report(found, &text, NULL), CAIRN_OK);
    assert_int_equal(cairn_buf_append(&text, cairn_span("", 1), NULL), CAIRN_OK);
    assert_non_null(strstr((const char *)text.p, "counter 11, the order demands 11"));
    assert_non_null(strstr((const char *)text.p, "data (LUKS2 container"));
    assert_non_null(strstr((const char *)text.p, "grade C"));
}

static void says_that_a_worse_grade_than_ordered_is_not_met(void **state CAIRN_UNUSED)
{
    WORLD *w = world_new();
    CAIRN_CERTIFICATE *found = NULL;
    w->order.min_grade = 'B';
    world_again(w);
    assert_int_equal(world_judge(w, &found, NULL), CAIRN_OK);
    assert_false(found->min_grade_met);
}

static void says_that_the_server_enrolled_the_device(void **state CAIRN_UNUSED)
{
    WORLD *w = world_new();
    CAIRN_CERTIFICATE *found = NULL;
    CAIRN_BUF text = {0};
    world_by_server(w);
    world_again(w);
    assert_int_equal(world_judge(w, &found, NULL), CAIRN_OK);
    assert_true(found->statement.by_server);
    assert_string_equal(found->grade.reasons[found->grade.num_reasons - 1], "enroller.server");
    assert_int_equal(cairn_certificate_report(found, &text, NULL), CAIRN_OK);
    assert_non_null(strstr((const char *)text.p, "enrolled by the server"));
    assert_non_null(strstr((const char *)text.p, "enroller.server"));
}

static void refuses_a_plan_that_hides_that_the_server_enrolled(void **state CAIRN_UNUSED)
{
    WORLD *w = world_new();
    CAIRN_CERTIFICATE *found = NULL;
    world_by_server(w);
    assert_refused(world_judge(w, &found, err), "certificate.plan");
}

static void accepts_an_order_that_was_delivered_online(void **state CAIRN_UNUSED)
{
    WORLD *w = world_new();
    CAIRN_BUF file = {0};
    w->order.online = true;
    world_again(w);
    world_certificate(w, &file);
    assert_int_equal(world_verify(w, &file, NULL), CAIRN_OK);
}

/* Changes one member of the payload and has the genuine TPM sign the result. */
static void sign_lie(struct world *w, const char *object, const char *key, json_t *value, struct cairn_buf *file)
{
    CAIRN_BUF payload = {0};
    CAIRN_BUF lie = {0};
    CAIRN_JSON *json = NULL;
    world_payload(w, &payload);
    assert_int_equal(cairn_json_parse(cairn_buf_span(&payload), 1 << 20, true, "t", &json, NULL), CAIRN_OK);
    json_t *in = object != NULL ? json_object_get(json, object) : json;
    assert_int_equal(json_object_set_new(in, key, value), 0);
    assert_int_equal(cairn_json_write(json, &lie, NULL), CAIRN_OK);
    world_sign(w, cairn_buf_span(&lie), file);
}

static void refuses_a_better_grade_signed_by_the_device_itself(void **state CAIRN_UNUSED)
{
    WORLD *w = world_new();
    CAIRN_BUF file = {0};
    sign_lie(w, NULL, "grade", json_string("B"), &file);
    assert_refused(world_verify(w, &file, err), "certificate.grade");
    sign_lie(w, NULL, "grade_reasons", json_array(), &file);
    assert_refused(world_verify(w, &file, err), "certificate.grade");
}

static void refuses_another_serial_number_signed_by_the_device_itself(void **state CAIRN_UNUSED)
{
    WORLD *w = world_new();
    CAIRN_BUF file = {0};
    sign_lie(w, "nist", "serial", json_string("SN-OTHER"), &file);
    assert_refused(world_verify(w, &file, err), "certificate.derived");
    sign_lie(w, NULL, "tpm_class", json_string("hardware-fips"), &file);
    assert_refused(world_verify(w, &file, err), "certificate.derived");
    sign_lie(w, NULL, "extra", json_string("member"), &file);
    assert_refused(world_verify(w, &file, err), "certificate.derived");
    sign_lie(w, NULL, "ak", json_string("000b"), &file);
    assert_refused(world_verify(w, &file, err), "certificate.derived");
}

static void refuses_a_payload_changed_after_the_signature(void **state CAIRN_UNUSED)
{
    WORLD *w = world_new();
    CAIRN_BUF file = {0};
    CAIRN_BUF payload = {0};
    CAIRN_BUF lie = {0};
    struct cairn_attestation att = {0};
    uint8_t extra[32] = {0};
    world_payload(w, &payload);
    assert_int_equal(cairn_pae_digest(CAIRN_TYPE_CERTIFICATE, cairn_buf_span(&payload), extra, NULL), CAIRN_OK);
    cairn_fake_audit(w->tpm, &w->log, extra, &att);
    w->parts.made_s++;
    world_payload(w, &lie);
    assert_int_equal(cairn_certificate_file(cairn_buf_span(&lie), &w->log, &att, &file, NULL), CAIRN_OK);
    assert_refused(world_verify(w, &file, err), "attestation.extra");
}

/* The audited list and the attestation, each alone wrong. */
static void refuses_a_list_that_is_not_the_signed_one(void **state CAIRN_UNUSED)
{
    WORLD *w = world_new();
    CAIRN_BUF file = {0};
    CAIRN_BUF payload = {0};
    struct cairn_attestation att = {0};
    uint8_t extra[32] = {0};
    world_payload(w, &payload);
    assert_int_equal(cairn_pae_digest(CAIRN_TYPE_CERTIFICATE, cairn_buf_span(&payload), extra, NULL), CAIRN_OK);
    cairn_fake_audit(w->tpm, &w->log, extra, &att);
    cairn_fake_step_remove(&w->log, CAIRN_FAKE_UNDEFINE);
    assert_int_equal(cairn_certificate_file(cairn_buf_span(&payload), &w->log, &att, &file, NULL), CAIRN_OK);
    assert_refused(world_verify(w, &file, err), "certificate.audit");
}

static void refuses_the_right_extra_data_under_another_attestation_type(void **state CAIRN_UNUSED)
{
    WORLD *w = world_new();
    CAIRN_BUF file = {0};
    CAIRN_BUF payload = {0};
    struct cairn_attestation att = {0};
    uint8_t extra[32] = {0};
    world_payload(w, &payload);
    assert_int_equal(cairn_pae_digest(CAIRN_TYPE_CERTIFICATE, cairn_buf_span(&payload), extra, NULL), CAIRN_OK);
    cairn_fake_quote(w->tpm, CAIRN_WIPE_PCRS, extra, &att);
    assert_int_equal(cairn_certificate_file(cairn_buf_span(&payload), &w->log, &att, &file, NULL), CAIRN_OK);
    assert_refused(world_verify(w, &file, err), "attestation.type");
}

static void refuses_a_structure_that_no_tpm_generated(void **state CAIRN_UNUSED)
{
    WORLD *w = world_new();
    CAIRN_BUF file = {0};
    CAIRN_BUF payload = {0};
    world_payload(w, &payload);
    w->tpm->magic = 0x00544347;
    world_sign(w, cairn_buf_span(&payload), &file);
    assert_refused(world_verify(w, &file, err), "attestation.magic");
}

static void refuses_a_signature_by_a_key_of_the_owner_hierarchy(void **state CAIRN_UNUSED)
{
    WORLD *w = world_new();
    CAIRN_BUF file = {0};
    CAIRN_BUF payload = {0};
    world_payload(w, &payload);
    assert_int_equal(cairn_name_qualify(CAIRN_RH_OWNER, &w->tpm->ak_name, &w->tpm->signer, NULL), CAIRN_OK);
    world_sign(w, cairn_buf_span(&payload), &file);
    assert_refused(world_verify(w, &file, err), "attestation.signer");
}

static void refuses_a_software_key_that_the_statement_does_not_name(void **state CAIRN_UNUSED)
{
    WORLD *w = world_new();
    CAIRN_BUF file = {0};
    CAIRN_BUF payload = {0};
    struct cairn_signer *genuine = NULL;
    CAIRN_SIGNER *software = NULL;
    world_payload(w, &payload);
    assert_int_equal(cairn_signer_generate(&software, NULL), CAIRN_OK);
    genuine = w->tpm->ak;
    w->tpm->ak = software;
    world_sign(w, cairn_buf_span(&payload), &file);
    w->tpm->ak = genuine;
    assert_refused(world_verify(w, &file, err), "attestation.signature");
}

static void refuses_a_list_without_a_clear(void **state CAIRN_UNUSED)
{
    WORLD *w = world_new();
    cairn_fake_step_remove(&w->log, CAIRN_FAKE_CLEAR);
    CAIRN_CERTIFICATE *found = NULL;
    assert_refused(world_judge(w, &found, err), "audit.clear");
}

static void refuses_a_clear_from_before_the_challenge(void **state CAIRN_UNUSED)
{
    WORLD *w = world_new();
    CAIRN_CERTIFICATE *found = NULL;
    uint8_t other[32] = {0x77};
    uint8_t extra[32] = {0};
    assert_int_equal(cairn_pae_digest(CAIRN_TYPE_WIPE_START, cairn_buf_span(&w->parts.start), extra, NULL), CAIRN_OK);
    cairn_audit_log_clear(&w->log);
    cairn_fake_wipe(w->tpm, other, extra, w->mask, &w->log);
    assert_refused(world_judge(w, &found, err), "audit.stir");
}

static void refuses_an_audit_whose_first_command_is_not_the_challenge(void **state CAIRN_UNUSED)
{
    WORLD *w = world_new();
    CAIRN_CERTIFICATE *found = NULL;
    cairn_fake_step_remove(&w->log, CAIRN_FAKE_STIR);
    assert_refused(world_judge(w, &found, err), "audit.sequence");
}

static void refuses_an_owner_key_that_is_still_there(void **state CAIRN_UNUSED)
{
    static const uint32_t left[] = {0x81000001u};
    WORLD *w = world_new();
    CAIRN_CERTIFICATE *found = NULL;
    cairn_fake_step_handles(&w->log, CAIRN_FAKE_PERSISTENT_AFTER, 0x81000000u, false, left, 1);
    assert_refused(world_judge(w, &found, err), "audit.handles");
}

static void refuses_one_signature_of_two(void **state CAIRN_UNUSED)
{
    WORLD *w = world_new();
    CAIRN_CERTIFICATE *found = NULL;
    CAIRN_BUF text = {0};
    assert_int_equal(cairn_order_payload(&w->order, &text, NULL), CAIRN_OK);
    cairn_test_sign(cairn_buf_span(&text), CAIRN_TYPE_ORDER, w->keys.role[CAIRN_ROLE_RETIRE], &w->parts.order);
    assert_refused(world_judge(w, &found, err), "order.holders");
}

static void refuses_an_order_signed_by_the_release_key(void **state CAIRN_UNUSED)
{
    WORLD *w = world_new();
    CAIRN_CERTIFICATE *found = NULL;
    CAIRN_BUF once = {0};
    set_buf(&once, &w->parts.order);
    cairn_test_sign(cairn_buf_span(&once), CAIRN_TYPE_ORDER, w->keys.role[CAIRN_ROLE_RELEASE], &w->parts.order);
    assert_refused(world_judge(w, &found, err), "order.signer");
}

static void refuses_a_certificate_under_another_root(void **state CAIRN_UNUSED)
{
    WORLD *w = world_new();
    CAIRN_TEST_KEYS other = {0};
    CAIRN_CERTIFICATE *found = NULL;
    cairn_test_keys_make(&other);
    const struct cairn_span root = cairn_buf_span(&other.root_file);
    assert_refused(cairn_certificate_judge(&w->parts, &root, 1, &w->log, &found, err), "certificate.root");
    assert_refused(cairn_certificate_judge(&w->parts, NULL, 0, &w->log, &found, err), "certificate.root");
}

static void refuses_the_statement_of_another_device(void **state CAIRN_UNUSED)
{
    WORLD *w = world_new();
    CAIRN_FAKE_TPM other = {0};
    CAIRN_CERTIFICATE *found = NULL;
    CAIRN_BUF payload = {0};
    cairn_fake_init(&other, w->keys.statement.fleet);
    struct cairn_statement s = w->keys.statement;
    s.ek = other.ek_public;
    s.ak = other.ak_public;
    s.srk = other.srk_public;
    assert_int_equal(cairn_statement_payload(&s, &payload, NULL), CAIRN_OK);
    cairn_test_sign(cairn_buf_span(&payload), CAIRN_TYPE_STATEMENT, w->keys.role[CAIRN_ROLE_ENROL], &w->parts.statement);
    assert_refused(world_judge(w, &found, err), "order.device");
}

/* A lying server that swaps keys: the genuine EK, the AK of another TPM. */
static void refuses_a_statement_with_another_attestation_key(void **state CAIRN_UNUSED)
{
    WORLD *w = world_new();
    CAIRN_FAKE_TPM other = {0};
    CAIRN_CERTIFICATE *found = NULL;
    CAIRN_BUF payload = {0};
    cairn_fake_init(&other, w->keys.statement.fleet);
    struct cairn_statement s = w->keys.statement;
    s.ak = other.ak_public;
    assert_int_equal(cairn_statement_payload(&s, &payload, NULL), CAIRN_OK);
    cairn_test_sign(cairn_buf_span(&payload), CAIRN_TYPE_STATEMENT, w->keys.role[CAIRN_ROLE_ENROL], &w->parts.statement);
    assert_refused(world_judge(w, &found, err), "order.ak");
}

static void refuses_a_counter_below_the_orders_floor(void **state CAIRN_UNUSED)
{
    WORLD *w = world_new();
    CAIRN_CERTIFICATE *found = NULL;
    w->tpm->epoch = 10;
    world_kill(w);
    assert_refused(world_judge(w, &found, err), "kill.counter");
    w->target = 10;
    world_kill(w);
    assert_refused(world_judge(w, &found, err), "kill.target");
}

static void refuses_the_kill_receipt_of_another_order(void **state CAIRN_UNUSED)
{
    WORLD *w = world_new();
    CAIRN_CERTIFICATE *found = NULL;
    CAIRN_BUF old = {0};
    set_buf(&old, &w->parts.kill);
    (void)snprintf(w->order.reason, sizeof w->order.reason, "a later order with the same challenge");
    world_again(w);
    set_buf(&w->parts.kill, &old);
    assert_refused(world_judge(w, &found, err), "kill.order");
    memset(w->order.challenge, 0xd1, 32);
    world_again(w);
    set_buf(&w->parts.kill, &old);
    assert_refused(world_judge(w, &found, err), "document.nonce");
}

static void refuses_quotes_over_fewer_pcrs(void **state CAIRN_UNUSED)
{
    WORLD *w = world_new();
    CAIRN_CERTIFICATE *found = NULL;
    w->mask = 0xff;
    world_kill(w);
    assert_refused(world_judge(w, &found, err), "kill.pcrs");
    w->mask = CAIRN_WIPE_PCRS;
    world_kill(w);
    w->mask = 0xff;
    world_audit(w);
    assert_refused(world_judge(w, &found, err), "certificate.pcrs");
}

static void refuses_an_order_plan_or_media_log_exchanged_after_the_start(void **state CAIRN_UNUSED)
{
    WORLD *w = world_new();
    CAIRN_CERTIFICATE *found = NULL;
    w->media.entries[0].keyslots = 9;
    world_media(w);
    assert_refused(world_judge(w, &found, err), "start.media");
    w->plan.lockout_auth_given = true;
    world_plan(w);
    assert_refused(world_judge(w, &found, err), "start.plan");
    (void)snprintf(w->order.reason, sizeof w->order.reason, "another");
    world_order(w);
    assert_refused(world_judge(w, &found, err), "start.order");
}

static void refuses_a_media_line_that_claims_more_than_software_may(void **state CAIRN_UNUSED)
{
    WORLD *w = world_new();
    CAIRN_CERTIFICATE *found = NULL;
    w->media.entries[0].medium.evidence = CAIRN_EVIDENCE_TPM;
    world_again(w);
    assert_refused(world_judge(w, &found, err), "media.evidence");
    w->media.entries[0].medium.evidence = CAIRN_EVIDENCE_MEASURED;
    world_again(w);
    assert_refused(world_judge(w, &found, err), "media.evidence");
}

static void refuses_a_target_that_disappeared_between_plan_and_log(void **state CAIRN_UNUSED)
{
    WORLD *w = world_new();
    CAIRN_CERTIFICATE *found = NULL;
    w->media.num = 0;
    world_again(w);
    assert_refused(world_judge(w, &found, err), "certificate.targets");
    w->media.num = 1;
    (void)snprintf(w->media.entries[0].medium.path, sizeof w->media.entries[0].medium.path, "/dev/null");
    world_again(w);
    assert_refused(world_judge(w, &found, err), "certificate.targets");
}

static void refuses_an_unhandled_target_told_as_erased(void **state CAIRN_UNUSED)
{
    WORLD *w = world_new();
    CAIRN_CERTIFICATE *found = NULL;
    w->plan.targets[0].handled = false;
    world_again(w);
    assert_refused(world_judge(w, &found, err), "certificate.targets");
}

static void refuses_documents_of_another_device_inside(void **state CAIRN_UNUSED)
{
    WORLD *w = world_new();
    CAIRN_CERTIFICATE *found = NULL;
    (void)snprintf(w->plan.tpm_class, sizeof w->plan.tpm_class, "other");
    cairn_buf_clear(&w->parts.plan);
    assert_int_equal(cairn_plan_write(&w->plan, &w->parts.plan, NULL), CAIRN_OK);
    world_media(w);
    world_start(w);
    world_audit(w);
    assert_refused(world_judge(w, &found, err), "certificate.plan");
    world_plan(w);
    world_media(w);
    w->media.challenge[0] ^= 1;
    cairn_buf_clear(&w->parts.media_log);
    assert_int_equal(cairn_media_log_write(&w->media, &w->parts.media_log, NULL), CAIRN_OK);
    world_start(w);
    world_audit(w);
    assert_refused(world_judge(w, &found, err), "certificate.media");
}

static void refuses_dates_that_do_not_follow_each_other(void **state CAIRN_UNUSED)
{
    WORLD *w = world_new();
    CAIRN_CERTIFICATE *found = NULL;
    w->parts.made_s = w->order.issued_s - 1;
    assert_refused(world_judge(w, &found, err), "certificate.dates");
}

static void refuses_another_document_in_the_certificates_place(void **state CAIRN_UNUSED)
{
    WORLD *w = world_new();
    CAIRN_BUF start = {0};
    assert_refused(world_verify(w, &w->parts.kill, err), "tpmdoc.type");
    assert_int_equal(cairn_wipe_start_file(cairn_buf_span(&w->parts.start), &w->log, &start, NULL), CAIRN_OK);
    assert_refused(world_verify(w, &start, err), "tpmdoc.type");
}

static void refuses_every_truncation_and_a_byte_more(void **state CAIRN_UNUSED)
{
    WORLD *w = world_new();
    CAIRN_BUF file = {0};
    world_certificate(w, &file);
    for (size_t len = 0; len < file.len; len += len < 64 ? 1 : 97) {
        CAIRN_BUF cut = {0};
        assert_int_equal(cairn_buf_set(&cut, cairn_span(file.p, len), NULL), CAIRN_OK);
        assert_int_not_equal(world_verify(w, &cut, NULL), CAIRN_OK);
    }
    assert_int_equal(cairn_buf_append(&file, cairn_span("\n", 1), NULL), CAIRN_OK);
    assert_int_not_equal(world_verify(w, &file, NULL), CAIRN_OK);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(accepts_a_genuine_certificate_and_says_what_it_proves),
        cmocka_unit_test(says_that_a_worse_grade_than_ordered_is_not_met),
        cmocka_unit_test(refuses_a_better_grade_signed_by_the_device_itself),
        cmocka_unit_test(says_that_the_server_enrolled_the_device),
        cmocka_unit_test(refuses_a_plan_that_hides_that_the_server_enrolled),
        cmocka_unit_test(accepts_an_order_that_was_delivered_online),
        cmocka_unit_test(refuses_another_serial_number_signed_by_the_device_itself),
        cmocka_unit_test(refuses_a_payload_changed_after_the_signature),
        cmocka_unit_test(refuses_a_list_that_is_not_the_signed_one),
        cmocka_unit_test(refuses_the_right_extra_data_under_another_attestation_type),
        cmocka_unit_test(refuses_a_structure_that_no_tpm_generated),
        cmocka_unit_test(refuses_a_signature_by_a_key_of_the_owner_hierarchy),
        cmocka_unit_test(refuses_a_software_key_that_the_statement_does_not_name),
        cmocka_unit_test(refuses_a_list_without_a_clear),
        cmocka_unit_test(refuses_a_clear_from_before_the_challenge),
        cmocka_unit_test(refuses_an_audit_whose_first_command_is_not_the_challenge),
        cmocka_unit_test(refuses_an_owner_key_that_is_still_there),
        cmocka_unit_test(refuses_one_signature_of_two),
        cmocka_unit_test(refuses_an_order_signed_by_the_release_key),
        cmocka_unit_test(refuses_a_certificate_under_another_root),
        cmocka_unit_test(refuses_the_statement_of_another_device),
        cmocka_unit_test(refuses_a_statement_with_another_attestation_key),
        cmocka_unit_test(refuses_a_counter_below_the_orders_floor),
        cmocka_unit_test(refuses_the_kill_receipt_of_another_order),
        cmocka_unit_test(refuses_quotes_over_fewer_pcrs),
        cmocka_unit_test(refuses_an_order_plan_or_media_log_exchanged_after_the_start),
        cmocka_unit_test(refuses_a_media_line_that_claims_more_than_software_may),
        cmocka_unit_test(refuses_a_target_that_disappeared_between_plan_and_log),
        cmocka_unit_test(refuses_an_unhandled_target_told_as_erased),
        cmocka_unit_test(refuses_documents_of_another_device_inside),
        cmocka_unit_test(refuses_dates_that_do_not_follow_each_other),
        cmocka_unit_test(refuses_another_document_in_the_certificates_place),
        cmocka_unit_test(refuses_every_truncation_and_a_byte_more),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
