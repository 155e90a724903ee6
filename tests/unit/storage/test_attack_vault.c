/* tests/unit/storage/test_attack_vault.c -- one storage key, another salt or generation: the key stream must not come again.
 *
 * Looks at the ciphertext without its tag: the header is authenticated, so the tag differs in any case.
 */
#include "unit/storage/expect.h"

#include "storage/vault.h"

static const uint8_t KEY[32] = {1}, SALT[32] = {3}, OTHER_SALT[32] = {4};

static void make(uint64_t generation, const uint8_t salt[32], struct cairn_buf *out)
{
    const struct cairn_param p = {.name = "net.psk", .value = cairn_span_str("the secret words")};
    CAIRN_SECRET *empty = NULL, *set = NULL;
    OK(cairn_params_empty(&empty, &err));
    OK(cairn_params_put(cairn_secret_span(empty), &p, &set, &err));
    OK(cairn_vault_encrypt(CAIRN_SPAN(KEY), generation, salt, cairn_secret_span(set), out, &err));
}

static bool same_stream(const struct cairn_buf *a, const struct cairn_buf *b)
{
    assert_int_equal(a->len, b->len);
    const size_t len = a->len - CAIRN_VAULT_HEADER_LEN - CAIRN_GCM_TAG_LEN;
    return memcmp(a->p + CAIRN_VAULT_HEADER_LEN, b->p + CAIRN_VAULT_HEADER_LEN, len) == 0;
}

static void another_salt_gives_another_key_stream(void **state)
{
    (void)state;
    CAIRN_BUF a = {0}, again = {0}, other = {0};
    make(9, SALT, &a);
    make(9, SALT, &again);
    make(9, OTHER_SALT, &other);
    assert_true(same_stream(&a, &again));
    assert_false(same_stream(&a, &other));
}

static void another_generation_gives_another_key_stream(void **state)
{
    (void)state;
    CAIRN_BUF a = {0}, other = {0};
    make(9, SALT, &a);
    make(10, SALT, &other);
    assert_false(same_stream(&a, &other));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(another_salt_gives_another_key_stream),
        cmocka_unit_test(another_generation_gives_another_key_stream),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
