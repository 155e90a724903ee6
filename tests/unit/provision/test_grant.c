/* provision/grant.c and provision/request.c: who is asked, what is granted, and what a stolen provision key cannot do. */
#include "unit/provision/desk.h"

static void a_request_gives_the_certified_epoch(void **state)
{
    (void)state;
    struct desk *d = desk_new();
    assert_int_equal(d->request.epoch, CAIRN_TEST_EPOCH_VALUE);
    desk_free(d);
}

static void verify_request(struct desk *d, const char *code)
{
    CAIRN_BUF file = {0};
    struct cairn_request r;
    desk_request_file(d, DESK_MASK, &file);
    REFUSES(CAIRN_E_REFUSED, code,
            cairn_request_verify(cairn_buf_span(&file), &d->keys.statement, d->nonce, DESK_MASK, &r, &err));
}

static void a_request_that_the_tpm_did_not_make_is_refused(void **state)
{
    (void)state;
    struct desk *d = desk_new();
    d->keys.tpm.magic = 0x00544347;
    verify_request(d, "attestation.magic");
    d->keys.tpm.magic = 0;
    d->keys.tpm.signer = d->keys.tpm.ak_name; /* the Name without its hierarchy */
    verify_request(d, "attestation.signer");
    desk_free(d);
}

static void a_request_for_another_question_is_refused(void **state)
{
    (void)state;
    struct desk *d = desk_new();
    CAIRN_BUF file = {0};
    struct cairn_request r;
    uint8_t other[32] = {1};
    desk_request_file(d, DESK_MASK, &file);
    REFUSES(CAIRN_E_REFUSED, "document.nonce",
            cairn_request_verify(cairn_buf_span(&file), &d->keys.statement, other, DESK_MASK, &r, &err));
    REFUSES(CAIRN_E_REFUSED, "request.selection",
            cairn_request_verify(cairn_buf_span(&file), &d->keys.statement, d->nonce, DESK_MASK | 2, &r, &err));
    struct cairn_fake_tpm *tpm = &d->keys.tpm;
    tpm->device[0] ^= 1;
    verify_request(d, "document.device");
    tpm->device[0] ^= 1;
    tpm->fleet[0] ^= 1;
    verify_request(d, "document.fleet");
    desk_free(d);
}

static void evidence_or_receipt_is_no_request(void **state)
{
    (void)state;
    static const enum cairn_claim_type TYPES[] = {CAIRN_CLAIM_QUOTE, CAIRN_CLAIM_NV};
    static const char *const OTHERS[] = {CAIRN_TYPE_EVIDENCE, CAIRN_TYPE_RECEIPT, CAIRN_TYPE_KILL};
    struct desk *d = desk_new();
    for (size_t i = 0; i < CAIRN_ARRAY_LEN(OTHERS); i++) {
        CAIRN_TPMDOC doc = {0};
        CAIRN_BUF payload = {0}, file = {0};
        struct cairn_tpm_head head;
        struct cairn_request r;
        cairn_fake_head(&d->keys.tpm, d->nonce, &head);
        OK(cairn_request_payload(&head, &payload, &err));
        cairn_fake_document(&d->keys.tpm, OTHERS[i], cairn_buf_span(&payload), DESK_MASK, TYPES, 2, &doc);
        OK(cairn_tpmdoc_write(&doc, &file, &err));
        REFUSES(CAIRN_E_REFUSED, "tpmdoc.type",
                cairn_request_verify(cairn_buf_span(&file), &d->keys.statement, d->nonce, DESK_MASK, &r, &err));
        /* relabelled: the attestations are over the other type */
        (void)snprintf(doc.type, sizeof doc.type, "%s", CAIRN_TYPE_REQUEST);
        OK(cairn_tpmdoc_write(&doc, &file, &err));
        REFUSES(CAIRN_E_REFUSED, "attestation.extra",
                cairn_request_verify(cairn_buf_span(&file), &d->keys.statement, d->nonce, DESK_MASK, &r, &err));
    }
    desk_free(d);
}

static void a_grant_says_what_was_asked_and_appraised(void **state)
{
    (void)state;
    struct desk *d = desk_new();
    struct cairn_grant g;
    OK(desk_open_grant(d, desk_grant_json(d), CAIRN_ROLE_PROVISION, CAIRN_TEST_NOW, &g, &err));
    OK(cairn_grant_check(&g, &d->keys.statement, &d->manifest, &err));
    assert_int_equal(g.from, CAIRN_TEST_EPOCH_VALUE);
    assert_int_equal(g.to, CAIRN_TEST_EPOCH_VALUE + 2);
    assert_int_equal(g.mask, DESK_MASK);
    assert_memory_equal(g.pcr_digest, d->evidence.u.quote.digest, 32);
    assert_memory_equal(g.manifest, d->manifest.digest, 32);
    desk_free(d);
}

static void two_grants_share_no_key(void **state)
{
    (void)state;
    struct desk *d = desk_new();
    struct cairn_grant_draft draft = desk_draft(d);
    CAIRN_BUF one = {0}, two = {0}, p = {0};
    OK(cairn_grant_build(&draft, &p, &one, &err));
    OK(cairn_grant_build(&draft, &p, &two, &err));
    assert_int_equal(one.len, two.len);
    assert_memory_not_equal(one.p + one.len - 64, two.p + two.len - 64, 64);
    desk_free(d);
}

static void build_refused(struct desk *d, const struct cairn_grant_draft *draft, const char *code)
{
    CAIRN_BUF payload = {0}, assets = {0};
    (void)d;
    REFUSES(CAIRN_E_REFUSED, code, cairn_grant_build(draft, &payload, &assets, &err));
    assert_null(payload.p);
    assert_null(assets.p);
}

static void request_and_evidence_of_two_boots_get_no_grant(void **state)
{
    (void)state;
    struct desk *d = desk_new();
    struct cairn_grant_draft draft = desk_draft(d);
    d->evidence.resets++;
    build_refused(d, &draft, "grant.boot");
    d->evidence.resets--;
    d->evidence.restarts++;
    build_refused(d, &draft, "grant.boot");
    d->evidence.restarts--;
    d->evidence.clock_ms = d->request.quote.clock_ms + 1; /* asked before it was appraised */
    build_refused(d, &draft, "grant.boot");
    desk_free(d);
}

static void pcrs_that_changed_since_the_evidence_get_no_grant(void **state)
{
    (void)state;
    struct desk *d = desk_new();
    struct cairn_grant_draft draft = desk_draft(d);
    d->request.quote.u.quote.digest[0] ^= 1;
    build_refused(d, &draft, "grant.pcrs");
    desk_free(d);
}

static void a_boot_state_outside_the_manifest_gets_no_grant(void **state)
{
    (void)state;
    struct desk *d = desk_new();
    struct cairn_grant_draft draft = desk_draft(d);
    draft.mask = DESK_MASK | 2;
    build_refused(d, &draft, "manifest.boot");
    desk_free(d);
}

static void a_device_of_another_class_gets_no_grant(void **state)
{
    (void)state;
    struct desk *d = desk_new();
    struct cairn_grant_draft draft = desk_draft(d);
    (void)snprintf(d->manifest.device_class, sizeof d->manifest.device_class, "gateway-b");
    build_refused(d, &draft, "manifest.class");
    desk_free(d);
}

static void another_params_file_gets_no_grant(void **state)
{
    (void)state;
    struct desk *d = desk_new();
    struct cairn_grant_draft draft = desk_draft(d);
    CAIRN_PARAM_ASSETS other = {0};
    draft.assets = &other;
    OK(cairn_params_source_read(cairn_span_str("{" DESK_SALT ",\"parameters\":{\"key\":{\"scope\":\"release\",\"generate\":32},"
                                               "\"server\":{\"scope\":\"release\",\"value\":\"https://evil.example\"},"
                                               "\"token\":{\"scope\":\"online\",\"value\":\"t\"}}}"),
                                &other, &err));
    build_refused(d, &draft, "grant.params.digest");
    cairn_param_assets_clear(&other);
    OK(cairn_params_source_read(cairn_span_str("{" DESK_SALT ",\"parameters\":{\"key\":{\"scope\":\"release\",\"generate\":32},"
                                               "\"server\":{\"scope\":\"release\",\"value\":\"https://example.org\"},"
                                               "\"login\":{\"scope\":\"online\",\"value\":\"t\"}}}"),
                                &other, &err));
    build_refused(d, &draft, "params.declared");
    desk_free(d);
}

static void an_online_value_is_the_provisioners_to_choose(void **state)
{
    (void)state;
    struct desk *d = desk_new();
    struct cairn_grant_draft draft = desk_draft(d);
    CAIRN_PARAM_ASSETS other = {0};
    CAIRN_BUF payload = {0}, assets = {0};
    draft.assets = &other;
    OK(cairn_params_source_read(cairn_span_str("{" DESK_SALT ",\"parameters\":{\"key\":{\"scope\":\"release\",\"generate\":32},"
                                               "\"server\":{\"scope\":\"release\",\"value\":\"https://example.org\"},"
                                               "\"token\":{\"scope\":\"online\",\"value\":\"another token\"}}}"),
                                &other, &err));
    OK(cairn_grant_build(&draft, &payload, &assets, &err));
    desk_free(d);
}

static void only_role_provision_signs_grants(void **state)
{
    (void)state;
    struct desk *d = desk_new();
    struct cairn_grant g;
    for (int role = 0; role < CAIRN_NUM_ROLES; role++) {
        if (role != CAIRN_ROLE_PROVISION) {
            REFUSES(CAIRN_E_REFUSED, "grant.signer",
                    desk_open_grant(d, desk_grant_json(d), (enum cairn_role)role, CAIRN_TEST_NOW, &g, &err));
        }
    }
    desk_free(d);
}

static void a_grant_that_says_something_else_is_refused(void **state)
{
    (void)state;
    struct desk *d = desk_new();
    struct cairn_grant g;
    const struct {
        const char *member, *code;
        json_t *value;
    } cases[] = {{"class", "grant.class", json_string("gateway-b")},
                 {"root_version", "grant.root", json_integer(9)},
                 {"first", "grant.first", json_false()},
                 {"to", "grant.to", json_string("0000000000000008")},
                 {"from", "grant.to", json_string("ffffffffffffffff")},
                 {"expires", "grant.expired", json_integer(1000000000)},
                 {"fleet", "grant.fleet", json_string("0000000000000000000000000000000000000000000000000000000000000000")}};
    for (size_t i = 0; i < CAIRN_ARRAY_LEN(cases); i++) {
        json_t *json = desk_grant_json(d);
        assert_int_equal(json_object_set_new(json, cases[i].member, cases[i].value), 0);
        REFUSES(CAIRN_E_REFUSED, cases[i].code, desk_open_grant(d, json, CAIRN_ROLE_PROVISION, CAIRN_TEST_NOW, &g, &err));
    }
    json_t *json = desk_grant_json(d);
    assert_int_equal(json_object_set_new(json, "floor", json_integer(0)), 0);
    REFUSES(CAIRN_E_FORMAT, "json.member", desk_open_grant(d, json, CAIRN_ROLE_PROVISION, CAIRN_TEST_NOW, &g, &err));
    json = desk_grant_json(d);
    assert_int_equal(json_object_set_new(json, "pcrs", json_string("7,0")), 0);
    REFUSES(CAIRN_E_FORMAT, "json.member", desk_open_grant(d, json, CAIRN_ROLE_PROVISION, CAIRN_TEST_NOW, &g, &err));
    desk_free(d);
}

static void a_grant_for_another_device_or_manifest_is_refused(void **state)
{
    (void)state;
    struct desk *d = desk_new();
    struct cairn_grant g;
    OK(desk_open_grant(d, desk_grant_json(d), CAIRN_ROLE_PROVISION, CAIRN_TEST_NOW, &g, &err));
    g.device[0] ^= 1;
    REFUSES(CAIRN_E_REFUSED, "grant.device", cairn_grant_check(&g, &d->keys.statement, &d->manifest, &err));
    g.device[0] ^= 1;
    g.ak.bytes[9] ^= 1;
    REFUSES(CAIRN_E_REFUSED, "grant.ak", cairn_grant_check(&g, &d->keys.statement, &d->manifest, &err));
    g.ak.bytes[9] ^= 1;
    g.manifest[0] ^= 1;
    REFUSES(CAIRN_E_REFUSED, "grant.manifest", cairn_grant_check(&g, &d->keys.statement, &d->manifest, &err));
    desk_free(d);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_request_gives_the_certified_epoch),
        cmocka_unit_test(a_request_that_the_tpm_did_not_make_is_refused),
        cmocka_unit_test(a_request_for_another_question_is_refused),
        cmocka_unit_test(evidence_or_receipt_is_no_request),
        cmocka_unit_test(a_grant_says_what_was_asked_and_appraised),
        cmocka_unit_test(two_grants_share_no_key),
        cmocka_unit_test(request_and_evidence_of_two_boots_get_no_grant),
        cmocka_unit_test(pcrs_that_changed_since_the_evidence_get_no_grant),
        cmocka_unit_test(a_boot_state_outside_the_manifest_gets_no_grant),
        cmocka_unit_test(a_device_of_another_class_gets_no_grant),
        cmocka_unit_test(another_params_file_gets_no_grant),
        cmocka_unit_test(an_online_value_is_the_provisioners_to_choose),
        cmocka_unit_test(only_role_provision_signs_grants),
        cmocka_unit_test(a_grant_that_says_something_else_is_refused),
        cmocka_unit_test(a_grant_for_another_device_or_manifest_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
