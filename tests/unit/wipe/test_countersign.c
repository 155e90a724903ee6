/* tests/unit/wipe/test_countersign.c -- counter-signatures: whose, over what, how many, and in which order. */
#include "wipe/countersign.h"

#include <stdio.h>

#include "world.h"

static enum cairn_rc countersign(struct world *w, const struct cairn_buf *file, const struct cairn_signer *signer,
                                 struct cairn_buf *out, struct cairn_err *err)
{
    const struct cairn_span root = cairn_buf_span(&w->keys.root_file);
    CAIRN_BUF made = {0};
    CAIRN_TRY(cairn_certificate_countersign(cairn_buf_span(file), &root, 1, signer, &made, err));
    set_buf(out, &made);
    return CAIRN_OK;
}

static void names_the_holders_who_have_signed(void **state CAIRN_UNUSED)
{
    WORLD *w = world_new();
    CAIRN_BUF file = {0};
    CAIRN_BUF text = {0};
    CAIRN_CERTIFICATE *found = NULL;
    CAIRN_JSON *facts = NULL;
    world_certificate(w, &file);
    const struct cairn_span root = cairn_buf_span(&w->keys.root_file);
    assert_int_equal(countersign(w, &file, w->keys.verifier[2], &file, NULL), CAIRN_OK);
    assert_int_equal(cairn_certificate_verify(cairn_buf_span(&file), &root, 1, &found, NULL), CAIRN_OK);
    assert_int_equal(found->num_countersigners, 1);
    assert_string_equal(found->countersigners[0], "judge 3");
    assert_int_equal(cairn_certificate_report(found, &text, NULL), CAIRN_OK);
    assert_non_null(strstr((const char *)text.p, "counter-signed by judge 3"));
    assert_int_equal(cairn_certificate_facts(found, &facts, NULL), CAIRN_OK);
    const json_t *names = json_object_get(facts, "countersigners");
    assert_int_equal(json_array_size(names), 1);
    assert_string_equal(json_string_value(json_array_get(names, 0)), "judge 3");
}

static void signing_twice_with_one_key_changes_nothing(void **state CAIRN_UNUSED)
{
    WORLD *w = world_new();
    CAIRN_BUF file = {0};
    CAIRN_BUF once = {0};
    CAIRN_BUF twice = {0};
    world_certificate(w, &file);
    assert_int_equal(countersign(w, &file, w->keys.verifier[0], &once, NULL), CAIRN_OK);
    assert_false(cairn_span_equal(cairn_buf_span(&file), cairn_buf_span(&once)));
    assert_int_equal(countersign(w, &once, w->keys.verifier[0], &twice, NULL), CAIRN_OK);
    assert_true(cairn_span_equal(cairn_buf_span(&once), cairn_buf_span(&twice)));
}

static void keeps_four_in_one_order_and_refuses_a_fifth(void **state CAIRN_UNUSED)
{
    WORLD *w = world_new();
    CAIRN_BUF file = {0};
    CAIRN_TPMDOC doc = {0};
    world_certificate(w, &file);
    for (size_t i = 0; i < CAIRN_ARRAY_LEN(w->keys.verifier); i++) {
        assert_int_equal(countersign(w, &file, w->keys.verifier[i], &file, NULL), CAIRN_OK);
    }
    assert_int_equal(cairn_tpmdoc_parse(cairn_buf_span(&file), CAIRN_TYPE_CERTIFICATE, &doc, NULL), CAIRN_OK);
    assert_int_equal(doc.num_signatures, 4);
    assert_int_equal(world_verify(w, &file, NULL), CAIRN_OK);
    assert_refused(countersign(w, &file, w->keys.role[CAIRN_ROLE_VERIFIER], &file, err), "certificate.full");
    assert_int_equal(countersign(w, &file, w->keys.verifier[1], &file, NULL), CAIRN_OK);
}

static void refuses_a_signer_who_is_no_verifier(void **state CAIRN_UNUSED)
{
    WORLD *w = world_new();
    CAIRN_BUF file = {0};
    CAIRN_BUF planted = {0};
    world_certificate(w, &file);
    assert_refused(countersign(w, &file, w->keys.role[CAIRN_ROLE_RELEASE], &planted, err), "certificate.countersigner");
    assert_refused(countersign(w, &file, w->keys.stranger, &planted, err), "certificate.countersigner");
    assert_int_equal(planted.len, 0);
    assert_int_equal(cairn_buf_set(&planted, cairn_buf_span(&file), NULL), CAIRN_OK);
    world_plant(w->keys.role[CAIRN_ROLE_RELEASE], CAIRN_TYPE_CERTIFICATE, &planted);
    assert_refused(world_verify(w, &planted, err), "certificate.countersigner");
}

static void refuses_a_signature_that_is_not_over_this_certificate(void **state CAIRN_UNUSED)
{
    WORLD *w = world_new();
    CAIRN_BUF file = {0};
    CAIRN_BUF planted = {0};
    world_certificate(w, &file);
    assert_int_equal(cairn_buf_set(&planted, cairn_buf_span(&file), NULL), CAIRN_OK);
    world_plant(w->keys.verifier[0], CAIRN_TYPE_CERTIFICATE, &planted);
    assert_int_equal(world_verify(w, &planted, NULL), CAIRN_OK);
    assert_int_equal(cairn_buf_set(&planted, cairn_buf_span(&file), NULL), CAIRN_OK);
    world_plant(w->keys.verifier[0], CAIRN_TYPE_RELEASE, &planted);
    assert_refused(world_verify(w, &planted, err), "signature.invalid");
}

/* A certificate that says more than its evidence, signed by the device itself. */
static void signs_nothing_that_is_not_genuine(void **state CAIRN_UNUSED)
{
    WORLD *w = world_new();
    CAIRN_BUF payload = {0};
    CAIRN_BUF lie = {0};
    CAIRN_BUF file = {0};
    CAIRN_BUF out = {0};
    CAIRN_JSON *json = NULL;
    world_payload(w, &payload);
    assert_int_equal(cairn_json_parse(cairn_buf_span(&payload), 1 << 20, true, "t", &json, NULL), CAIRN_OK);
    assert_int_equal(json_object_set_new(json, "grade", json_string("A")), 0);
    assert_int_equal(cairn_json_write(json, &lie, NULL), CAIRN_OK);
    world_sign(w, cairn_buf_span(&lie), &file);
    assert_refused(countersign(w, &file, w->keys.verifier[0], &out, err), "certificate.grade");
    assert_int_equal(out.len, 0);
}

static void refuses_any_bit_flipped_in_a_counter_signature(void **state CAIRN_UNUSED)
{
    WORLD *w = world_new();
    CAIRN_BUF file = {0};
    world_certificate(w, &file);
    assert_int_equal(countersign(w, &file, w->keys.verifier[0], &file, NULL), CAIRN_OK);
    const char *list = strstr((const char *)file.p, "\"signatures\"");
    assert_non_null(list);
    const size_t from = (size_t)(list - (const char *)file.p);
    const size_t to = from + (size_t)(strchr(list, ']') - list);
    for (size_t i = from; i <= to; i++) {
        file.p[i] ^= (uint8_t)(1u << i % 8);
        if (world_verify(w, &file, NULL) == CAIRN_OK) {
            fail_msg("byte %zu: accepted", i);
        }
        file.p[i] ^= (uint8_t)(1u << i % 8);
    }
    assert_int_equal(world_verify(w, &file, NULL), CAIRN_OK);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_the_holders_who_have_signed),
        cmocka_unit_test(signing_twice_with_one_key_changes_nothing),
        cmocka_unit_test(keeps_four_in_one_order_and_refuses_a_fifth),
        cmocka_unit_test(refuses_a_signer_who_is_no_verifier),
        cmocka_unit_test(refuses_a_signature_that_is_not_over_this_certificate),
        cmocka_unit_test(signs_nothing_that_is_not_genuine),
        cmocka_unit_test(refuses_any_bit_flipped_in_a_counter_signature),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
