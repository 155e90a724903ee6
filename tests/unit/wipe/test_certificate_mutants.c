/* tests/unit/wipe/test_certificate_mutants.c -- a genuine certificate from a software TPM, with one bit flipped: always
 * refused.
 *
 * Built twice, with each crypto provider. One bit of every byte by default; all eight with CAIRN_LONG set.
 */
#include "support/cmocka_all.h"

#include "core/file.h"
#include "wipe/certificate.h"

/* A sanitized build is several times slower; a prime stride still meets every bit position and every member. */
#ifdef __SANITIZE_ADDRESS__
enum { STRIDE = 7 };
#else
enum { STRIDE = 1 };
#endif

struct vector {
    struct cairn_buf file, root;
};

static void load(struct vector *v)
{
    assert_int_equal(cairn_path_read(CAIRN_VECTORS "/wipe/certificate.json", 1 << 20, &v->file, NULL), CAIRN_OK);
    assert_int_equal(cairn_path_read(CAIRN_VECTORS "/wipe/root.dsse", 1 << 20, &v->root, NULL), CAIRN_OK);
}

static void clear(struct vector *v)
{
    cairn_buf_clear(&v->file);
    cairn_buf_clear(&v->root);
}
#define VECTOR CAIRN_CLEANUP(clear) struct vector

static enum cairn_rc verify(const struct vector *v, struct cairn_err *err)
{
    CAIRN_CERTIFICATE *found = NULL;
    const struct cairn_span root = cairn_buf_span(&v->root);
    return cairn_certificate_verify(cairn_buf_span(&v->file), &root, 1, &found, err);
}

static void accepts_the_genuine_certificate(void **state CAIRN_UNUSED)
{
    VECTOR v = {0};
    struct cairn_err err = {0};
    load(&v);
    if (verify(&v, &err) != CAIRN_OK) {
        fail_msg("%s: %s", err.code, err.text);
    }
}

static void refuses_it_with_any_bit_flipped(void **state CAIRN_UNUSED)
{
    VECTOR v = {0};
    load(&v);
    bool all = getenv("CAIRN_LONG") != NULL;
    for (size_t i = 0; i < v.file.len; i += STRIDE) {
        for (unsigned bit = all ? 0 : (unsigned)(i % 8); bit < 8; bit += all ? 1 : 8) {
            v.file.p[i] ^= (uint8_t)(1u << bit);
            if (verify(&v, NULL) == CAIRN_OK) {
                fail_msg("byte %zu, bit %u: accepted", i, bit);
            }
            v.file.p[i] ^= (uint8_t)(1u << bit);
        }
    }
    accepts_the_genuine_certificate(NULL);
}

static void refuses_it_under_any_root_with_a_bit_flipped(void **state CAIRN_UNUSED)
{
    VECTOR v = {0};
    load(&v);
    for (size_t i = 0; i < v.root.len; i += 13) {
        v.root.p[i] ^= 1;
        assert_int_not_equal(verify(&v, NULL), CAIRN_OK);
        v.root.p[i] ^= 1;
    }
}

int main(void)
{
    struct cairn_err err = {0};
    if (cairn_crypto_self_test(&err) != CAIRN_OK) {
        return 1;
    }
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(accepts_the_genuine_certificate),
        cmocka_unit_test(refuses_it_with_any_bit_flipped),
        cmocka_unit_test(refuses_it_under_any_root_with_a_bit_flipped),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
