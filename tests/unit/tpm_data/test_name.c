/* tests/unit/tpm_data/test_name.c -- Names against those a TPM gave. */
#include "tpm_data/name.h"

#include "vectors.h"

static void expect_name(const char *public_hex, const char *name_hex)
{
    struct cairn_area area = vector_area(public_hex);
    struct cairn_name want = vector_name(name_hex);
    struct cairn_name got = {{0}};
    assert_int_equal(cairn_name_compute(cairn_area_span(&area), &got, NULL), CAIRN_OK);
    assert_true(cairn_name_equal(&got, &want));
}

static void computes_the_names_that_the_tpm_gave(void **state)
{
    (void)state;
    expect_name(VECTOR_AK_PUBLIC, VECTOR_AK_NAME);
    expect_name(VECTOR_EK_PUBLIC, VECTOR_EK_NAME);
    expect_name(VECTOR_SRK_PUBLIC, VECTOR_SRK_NAME);
    expect_name(VECTOR_POL_PUBLIC, VECTOR_POL_NAME);
}

static void computes_the_qualified_name_that_the_tpm_attested(void **state)
{
    (void)state;
    struct cairn_name ak = vector_name(VECTOR_AK_NAME);
    struct cairn_name want = vector_name(VECTOR_AK_QUALIFIED);
    struct cairn_name got = {{0}};
    assert_int_equal(cairn_name_qualify(CAIRN_RH_ENDORSEMENT, &ak, &got, NULL), CAIRN_OK);
    assert_true(cairn_name_equal(&got, &want));
    assert_int_equal(cairn_name_qualify(CAIRN_RH_OWNER, &ak, &got, NULL), CAIRN_OK);
    assert_false(cairn_name_equal(&got, &want));
}

static void tells_no_name_from_a_name(void **state)
{
    (void)state;
    struct cairn_name none = {{0}};
    struct cairn_name ak = vector_name(VECTOR_AK_NAME);
    assert_true(cairn_name_is_none(&none));
    assert_false(cairn_name_is_none(&ak));
    assert_true(cairn_name_equal(&ak, &ak));
    ak.bytes[33] ^= 1;
    struct cairn_name original = vector_name(VECTOR_AK_NAME);
    assert_false(cairn_name_equal(&ak, &original));
}

static void derives_the_device_id_from_the_ek_name(void **state)
{
    (void)state;
    struct cairn_name ek = vector_name(VECTOR_EK_NAME);
    uint8_t want[32];
    uint8_t got[32];
    assert_int_equal(cairn_sha256(CAIRN_SPAN(ek.bytes), want, NULL), CAIRN_OK);
    assert_int_equal(cairn_name_device_id(&ek, got, NULL), CAIRN_OK);
    assert_memory_equal(got, want, 32);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(computes_the_names_that_the_tpm_gave),
        cmocka_unit_test(computes_the_qualified_name_that_the_tpm_attested),
        cmocka_unit_test(tells_no_name_from_a_name),
        cmocka_unit_test(derives_the_device_id_from_the_ek_name),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
