/* tests/unit/tpm_data/test_template.c -- the templates against areas a TPM made, and everything that differs from them. */
#include "tpm_data/template.h"

#include "vectors.h"

static const uint8_t fleet[32] = {0xf1};
static const uint8_t policy[32] = {0x77};

typedef CAIRN_RC (*check_fn)(struct cairn_span area, struct cairn_ec_key *out, struct cairn_err *err);

static CAIRN_RC check_ak(struct cairn_span area, struct cairn_ec_key *out, struct cairn_err *err)
{
    return cairn_public_ak_check(area, fleet, out, err);
}

static const struct kind {
    const char *area;
    check_fn check;
    const char *code;
} kinds[] = {
    {VECTOR_AK_PUBLIC, check_ak, "tpm.ak.attributes"},
    {VECTOR_SRK_PUBLIC, cairn_public_srk_check, "tpm.srk.template"},
    {VECTOR_EK_PUBLIC, cairn_public_ek_check, "tpm.ek.template"},
};

static void accepts_the_keys_that_a_tpm_made_by_the_templates(void **state)
{
    (void)state;
    for (size_t i = 0; i < CAIRN_ARRAY_LEN(kinds); i++) {
        struct cairn_area area = vector_area(kinds[i].area);
        struct cairn_ec_key key;
        assert_int_equal(kinds[i].check(cairn_area_span(&area), &key, NULL), CAIRN_OK);
        assert_memory_equal(key.x, area.bytes + area.len - 66, 32);
        assert_memory_equal(key.y, area.bytes + area.len - 32, 32);
    }
}

static void refuses_each_other_template(void **state)
{
    (void)state;
    for (size_t i = 0; i < CAIRN_ARRAY_LEN(kinds); i++) {
        for (size_t k = 0; k < CAIRN_ARRAY_LEN(kinds); k++) {
            struct cairn_area area = vector_area(kinds[k].area);
            struct cairn_ec_key key;
            struct cairn_err err = {0};
            if (i != k) {
                assert_int_equal(kinds[i].check(cairn_area_span(&area), &key, &err), CAIRN_E_REFUSED);
                assert_string_equal(err.code, kinds[i].code);
            }
        }
    }
}

/* CHECKS 1, 2, 49: no bit of a public area but the key itself may differ. */
static void refuses_every_single_bit_that_differs_from_the_template(void **state)
{
    (void)state;
    for (size_t i = 0; i < CAIRN_ARRAY_LEN(kinds); i++) {
        struct cairn_area area = vector_area(kinds[i].area);
        for (size_t bit = 0; bit < 8 * area.len; bit++) {
            struct cairn_area bad = area;
            bad.bytes[bit / 8] ^= (uint8_t)(1u << bit % 8);
            struct cairn_ec_key key = {{0x5a}, {0}};
            struct cairn_err err = {0};
            enum cairn_rc rc = kinds[i].check(cairn_area_span(&bad), &key, &err);
            assert_true(rc == CAIRN_E_REFUSED || rc == CAIRN_E_FORMAT);
            bool in_point = bit / 8 >= area.len - 66 && bit / 8 != area.len - 34 && bit / 8 != area.len - 33;
            if (in_point) {
                assert_string_equal(err.code, "key.curve");
            } else {
                assert_true(strcmp(err.code, kinds[i].code) == 0 || strcmp(err.code, "tpm.public") == 0);
            }
            assert_int_equal(key.x[0], 0x5a);
        }
    }
}

/* The attributes that CHECKS 1 names, one by one, with the exact code. */
static void refuses_an_ak_that_could_sign_forged_quotes(void **state)
{
    (void)state;
    static const uint32_t bits[] = {0x2, 0x10, 0x20, 0x40, 0x80, 0x400, 0x800, 0x10000, 0x20000, 0x40000, 0x4};
    for (size_t i = 0; i < CAIRN_ARRAY_LEN(bits); i++) {
        struct cairn_area area = vector_area(VECTOR_AK_PUBLIC);
        struct cairn_reader r = cairn_reader(cairn_span(area.bytes + 4, 4));
        struct cairn_writer w = cairn_writer(area.bytes + 4, 4);
        cairn_write_u32(&w, cairn_read_u32(&r) ^ bits[i]);
        struct cairn_ec_key key;
        struct cairn_err err = {0};
        assert_int_equal(check_ak(cairn_area_span(&area), &key, &err), CAIRN_E_REFUSED);
        assert_string_equal(err.code, "tpm.ak.attributes");
    }
}

static void refuses_damage(struct cairn_span bytes, void *arg)
{
    const struct kind *kind = arg;
    struct cairn_ec_key key;
    struct cairn_err err = {0};
    assert_int_equal(kind->check(bytes, &key, &err), CAIRN_E_FORMAT);
    assert_string_equal(err.code, "tpm.public");
    assert_int_equal(cairn_public_point(bytes, &key, &err), CAIRN_E_FORMAT);
    assert_string_equal(err.code, "tpm.public");
}

static void refuses_every_truncation_and_a_trailing_byte(void **state)
{
    (void)state;
    for (size_t i = 0; i < CAIRN_ARRAY_LEN(kinds); i++) {
        struct cairn_area area = vector_area(kinds[i].area);
        struct kind kind = kinds[i];
        each_damage(cairn_area_span(&area), refuses_damage, &kind);
    }
}

static void refuses_areas_of_other_kinds_of_objects(void **state)
{
    (void)state;
    static const uint8_t types[] = {0x01, 0x08, 0x25}; /* RSA, keyed hash, symmetric */
    for (size_t i = 0; i < CAIRN_ARRAY_LEN(types); i++) {
        struct cairn_area area = vector_area(VECTOR_AK_PUBLIC);
        struct kind kind = kinds[0];
        area.bytes[1] = types[i];
        refuses_damage(cairn_area_span(&area), &kind);
    }
}

static void refuses_a_point_off_the_curve_and_short_coordinates(void **state)
{
    (void)state;
    struct cairn_ec_key key = {{1}, {2}};
    struct cairn_area area;
    struct cairn_err err = {0};
    cairn_template_ak(fleet, &key, &area);
    assert_int_equal(check_ak(cairn_area_span(&area), &key, &err), CAIRN_E_FORMAT);
    assert_string_equal(err.code, "key.curve");
    assert_int_equal(cairn_public_point(cairn_area_span(&area), &key, &err), CAIRN_E_FORMAT);
    assert_string_equal(err.code, "key.curve");

    cairn_template_ak(fleet, NULL, &area);
    struct cairn_writer w = cairn_writer(area.bytes, sizeof area.bytes);
    w.len = area.len - 68;
    cairn_write_tpm2b(&w, cairn_span(fleet, 31));
    cairn_write_tpm2b(&w, cairn_span(fleet, 32));
    assert_int_equal(check_ak(cairn_writer_span(&w), &key, &err), CAIRN_E_REFUSED);
    assert_string_equal(err.code, "tpm.ak.attributes");
}

static void creates_with_the_unique_of_each_template(void **state)
{
    (void)state;
    static const uint8_t zero[32] = {0};
    struct cairn_area area;
    cairn_template_ak(fleet, NULL, &area);
    assert_memory_equal(area.bytes + area.len - 66, fleet, 32);
    assert_memory_equal(area.bytes + area.len - 32, zero, 32);
    cairn_template_ek(NULL, &area);
    assert_memory_equal(area.bytes + area.len - 66, zero, 32);
    assert_memory_equal(area.bytes + area.len - 32, zero, 32);
    cairn_template_srk(NULL, &area);
    assert_int_equal(area.len, 90);
    assert_memory_equal(area.bytes + area.len - 66, zero, 32);
    assert_memory_equal(area.bytes + area.len - 32, zero, 32);
}

static void gives_the_pcrpolicy_key_the_name_that_the_tpm_gave_it(void **state)
{
    (void)state;
    struct cairn_area area = vector_area(VECTOR_POL_PUBLIC);
    struct cairn_area got;
    struct cairn_ec_key key;
    assert_int_equal(cairn_public_point(cairn_area_span(&area), &key, NULL), CAIRN_OK);
    cairn_template_pcrpolicy(&key, &got);
    assert_true(cairn_span_equal(cairn_area_span(&area), cairn_area_span(&got)));
}

static void gives_the_indices_the_names_that_the_tpm_gave_them(void **state)
{
    (void)state;
    struct cairn_area area;
    struct cairn_name want = vector_name(VECTOR_EPOCH_NAME);
    struct cairn_name got;
    cairn_template_epoch(0x01800100, true, &area);
    assert_int_equal(cairn_name_compute(cairn_area_span(&area), &got, NULL), CAIRN_OK);
    assert_true(cairn_name_equal(&got, &want));

    uint8_t authorize[32];
    unhex(VECTOR_POLICY_AUTHORIZE, authorize, sizeof authorize);
    want = vector_name(VECTOR_ANCHOR_NAME);
    cairn_template_anchor(0x01800101, authorize, false, &area);
    assert_int_equal(cairn_name_compute(cairn_area_span(&area), &got, NULL), CAIRN_OK);
    assert_true(cairn_name_equal(&got, &want));
}

static void accepts_written_indices_and_tells_their_number(void **state)
{
    (void)state;
    struct cairn_area area;
    uint32_t index = 0;
    cairn_template_epoch(0x01800100, true, &area);
    assert_int_equal(cairn_public_epoch_check(cairn_area_span(&area), &index, NULL), CAIRN_OK);
    assert_int_equal(index, 0x01800100);
    cairn_template_anchor(0x01800101, policy, true, &area);
    assert_int_equal(cairn_public_anchor_check(cairn_area_span(&area), policy, &index, NULL), CAIRN_OK);
    assert_int_equal(index, 0x01800101);
}

/* CHECKS 56: ordinary, orderly, foreign-policy, unwritten, of another size. */
static void refuses_an_index_that_only_looks_like_the_epoch(void **state)
{
    (void)state;
    struct cairn_area good;
    cairn_template_epoch(0x01800100, true, &good);
    for (size_t bit = 32; bit < 8 * good.len; bit++) {
        struct cairn_area area = good;
        area.bytes[bit / 8] ^= (uint8_t)(1u << bit % 8);
        uint32_t index = 77;
        struct cairn_err err = {0};
        assert_int_not_equal(cairn_public_epoch_check(cairn_area_span(&area), &index, &err), CAIRN_OK);
        bool policy_len = bit / 8 == 10 || bit / 8 == 11;
        assert_string_equal(err.code, policy_len ? "tpm.public" : "tpm.epoch.template");
        assert_int_equal(index, 77);
    }
    struct cairn_err err = {0};
    uint32_t index = 0;
    cairn_template_epoch(0x01800100, false, &good);
    assert_int_equal(cairn_public_epoch_check(cairn_area_span(&good), &index, &err), CAIRN_E_REFUSED);
    assert_string_equal(err.code, "tpm.epoch.template");
    cairn_template_epoch(0x81800100, true, &good);
    assert_int_equal(cairn_public_epoch_check(cairn_area_span(&good), &index, &err), CAIRN_E_FORMAT);
    assert_string_equal(err.code, "tpm.public");
}

static void refuses_an_anchor_with_another_policy(void **state)
{
    (void)state;
    struct cairn_area area;
    struct cairn_err err = {0};
    uint32_t index = 0;
    cairn_template_anchor(0x01800101, policy, true, &area);
    for (size_t i = 4; i < area.len; i++) {
        struct cairn_area bad = area;
        bad.bytes[i] ^= 1;
        assert_int_not_equal(cairn_public_anchor_check(cairn_area_span(&bad), policy, &index, &err), CAIRN_OK);
        assert_string_equal(err.code, i == 10 || i == 11 ? "tpm.public" : "tpm.anchor.template");
    }
    assert_int_equal(cairn_public_anchor_check(cairn_area_span(&area), fleet, &index, &err), CAIRN_E_REFUSED);
    assert_string_equal(err.code, "tpm.anchor.template");
}

static void refuses_index_damage(struct cairn_span bytes, void *arg)
{
    (void)arg;
    uint32_t index = 0;
    struct cairn_err err = {0};
    assert_int_equal(cairn_public_anchor_check(bytes, policy, &index, &err), CAIRN_E_FORMAT);
    assert_string_equal(err.code, "tpm.public");
    assert_int_equal(cairn_public_epoch_check(bytes, &index, &err), CAIRN_E_FORMAT);
    assert_string_equal(err.code, "tpm.public");
}

static void refuses_every_truncation_of_an_index_area(void **state)
{
    (void)state;
    struct cairn_area area;
    cairn_template_anchor(0x01800101, policy, true, &area);
    each_damage(cairn_area_span(&area), refuses_index_damage, NULL);
    cairn_template_epoch(0x01800100, true, &area);
    each_damage(cairn_area_span(&area), refuses_index_damage, NULL);
}

static void builds_sealed_data_that_only_a_policy_opens(void **state)
{
    (void)state;
    struct cairn_area sealed;
    struct cairn_area import;
    cairn_template_sealed(policy, NULL, &sealed);
    cairn_template_import(policy, policy, &import);
    static const uint8_t head[] = {0x00, 0x08, 0x00, 0x0b, 0x00, 0x00, 0x04, 0x12, 0x00, 0x20};
    assert_memory_equal(sealed.bytes, head, sizeof head);
    assert_int_equal(sealed.len, 10 + 32 + 2 + 2);
    static const uint8_t import_head[] = {0x00, 0x08, 0x00, 0x0b, 0x00, 0x00, 0x04, 0x00, 0x00, 0x20};
    assert_memory_equal(import.bytes, import_head, sizeof import_head);
    assert_int_equal(import.len, 10 + 32 + 2 + 2 + 32);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(accepts_the_keys_that_a_tpm_made_by_the_templates),
        cmocka_unit_test(refuses_each_other_template),
        cmocka_unit_test(refuses_every_single_bit_that_differs_from_the_template),
        cmocka_unit_test(refuses_an_ak_that_could_sign_forged_quotes),
        cmocka_unit_test(refuses_every_truncation_and_a_trailing_byte),
        cmocka_unit_test(refuses_areas_of_other_kinds_of_objects),
        cmocka_unit_test(refuses_a_point_off_the_curve_and_short_coordinates),
        cmocka_unit_test(creates_with_the_unique_of_each_template),
        cmocka_unit_test(gives_the_pcrpolicy_key_the_name_that_the_tpm_gave_it),
        cmocka_unit_test(gives_the_indices_the_names_that_the_tpm_gave_them),
        cmocka_unit_test(accepts_written_indices_and_tells_their_number),
        cmocka_unit_test(refuses_an_index_that_only_looks_like_the_epoch),
        cmocka_unit_test(refuses_an_anchor_with_another_policy),
        cmocka_unit_test(refuses_every_truncation_of_an_index_area),
        cmocka_unit_test(builds_sealed_data_that_only_a_policy_opens),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
