/* tests/unit/authority/test_attack_crossed_signed.c -- every document that people sign, shown as every other (CHECKS 42).
 *
 * Each is signed by all holders whom the other type asks for: the type is the only fault.
 */
#include "support/cmocka_all.h"

#include <stdio.h>

#include "core/doctype.h"
#include "support/test_keys.h"

struct kind {
    const char *type;
    enum cairn_role role;
    const char *noun;
};
static const struct kind kinds[] = {
    {CAIRN_TYPE_ROOT, CAIRN_ROLE_ROOT, "root"},           {CAIRN_TYPE_STATEMENT, CAIRN_ROLE_ENROL, "statement"},
    {CAIRN_TYPE_POLICY, CAIRN_ROLE_POLICY, "policy"},     {CAIRN_TYPE_MANIFEST, CAIRN_ROLE_RELEASE, "manifest"},
    {CAIRN_TYPE_GRANT, CAIRN_ROLE_PROVISION, "grant"},    {CAIRN_TYPE_ORDER, CAIRN_ROLE_RETIRE, "order"},
    {CAIRN_TYPE_RELEASE, CAIRN_ROLE_VERIFIER, "release"},
};

static void sign(const struct cairn_test_keys *k, const char *type, enum cairn_role role, struct cairn_buf *out)
{
    CAIRN_BUF one = {0};
    cairn_test_sign(cairn_span_str("{\"x\":1}"), type, k->role[role], role == CAIRN_ROLE_RETIRE ? &one : out);
    if (role == CAIRN_ROLE_RETIRE) {
        cairn_test_sign(cairn_buf_span(&one), type, k->retire_b, out);
    }
}

static enum cairn_rc open_as(const struct cairn_test_keys *k, const struct cairn_buf *file, const struct kind *kind,
                             struct cairn_err *err)
{
    CAIRN_BUF payload = {0};
    return cairn_root_open_signed(k->root, cairn_buf_span(file), kind->type, kind->role, kind->noun, CAIRN_TEST_NOW, &payload,
                                  err);
}

static void crossed(const struct cairn_test_keys *k, const struct kind *is, const struct kind *shown)
{
    CAIRN_BUF file = {0};
    CAIRN_BUF other = {0};
    CAIRN_DSSE dsse = {0};
    struct cairn_err err = {0};
    sign(k, is->type, shown->role, &file);
    assert_int_equal(open_as(k, &file, shown, &err), CAIRN_E_REFUSED);
    assert_string_equal(err.code, "dsse.type");
    assert_int_equal(cairn_dsse_parse(cairn_buf_span(&file), is->type, &dsse, NULL), CAIRN_OK);
    (void)snprintf(dsse.type, sizeof dsse.type, "%s", shown->type);
    assert_int_equal(cairn_dsse_write(&dsse, &other, NULL), CAIRN_OK);
    assert_int_equal(open_as(k, &other, shown, &err), CAIRN_E_REFUSED);
    assert_string_equal(err.code, "signature.invalid");
}

static void no_signed_document_counts_as_another(void **state)
{
    (void)state;
    CAIRN_TEST_KEYS k;
    cairn_test_keys_make(&k);
    for (size_t i = 0; i < CAIRN_ARRAY_LEN(kinds); i++) {
        for (size_t j = 0; j < CAIRN_ARRAY_LEN(kinds); j++) {
            if (i != j) {
                crossed(&k, &kinds[i], &kinds[j]);
            }
        }
    }
}

static void each_counts_as_what_it_is(void **state)
{
    (void)state;
    CAIRN_TEST_KEYS k;
    cairn_test_keys_make(&k);
    for (size_t i = 0; i < CAIRN_ARRAY_LEN(kinds); i++) {
        CAIRN_BUF file = {0};
        sign(&k, kinds[i].type, kinds[i].role, &file);
        assert_int_equal(open_as(&k, &file, &kinds[i], NULL), CAIRN_OK);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_counts_as_what_it_is),
        cmocka_unit_test(no_signed_document_counts_as_another),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
