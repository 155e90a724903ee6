/* storage/vault.c: a vault file opens with its own key, generation and bytes, and with nothing else. */
#include "unit/storage/expect.h"

#include "storage/vault.h"

static const uint8_t KEY[32] = {1}, OTHER_KEY[32] = {2}, SALT[32] = {3}, OTHER_SALT[32] = {4};

static struct cairn_secret *sample(void)
{
    struct cairn_secret *empty = NULL, *set = NULL;
    const struct cairn_param p = {.name = "net.psk", .value = cairn_span_str("the secret words")};
    OK(cairn_params_empty(&empty, &err));
    OK(cairn_params_put(cairn_secret_span(empty), &p, &set, &err));
    cairn_secret_free(empty);
    return set;
}

static void make(uint64_t generation, const uint8_t salt[32], struct cairn_buf *out)
{
    CAIRN_SECRET *set = sample();
    OK(cairn_vault_encrypt(CAIRN_SPAN(KEY), generation, salt, cairn_secret_span(set), out, &err));
}

static void what_was_encrypted_is_decrypted(void **state)
{
    (void)state;
    CAIRN_BUF file = {0};
    CAIRN_SECRET *set = sample(), *again = NULL;
    make(9, SALT, &file);
    assert_memory_equal(file.p, "CAIRNVLT\0\0\0\1\0\0\0\0\0\0\0\x09\3", 21);
    OK(cairn_vault_decrypt(CAIRN_SPAN(KEY), 9, cairn_buf_span(&file), &again, &err));
    assert_true(cairn_span_equal(cairn_secret_span(set), cairn_secret_span(again)));
}

static void the_value_does_not_stand_in_the_file(void **state)
{
    (void)state;
    CAIRN_BUF file = {0};
    make(9, SALT, &file);
    assert_null(memmem(file.p, file.len, "the secret words", 16));
}

static void another_salt_or_generation_gives_another_key_stream(void **state)
{
    (void)state;
    CAIRN_BUF a = {0}, b = {0}, c = {0};
    make(9, SALT, &a);
    make(9, OTHER_SALT, &b);
    make(10, SALT, &c);
    assert_memory_not_equal(a.p + CAIRN_VAULT_HEADER_LEN, b.p + CAIRN_VAULT_HEADER_LEN, a.len - CAIRN_VAULT_HEADER_LEN);
    assert_memory_not_equal(a.p + CAIRN_VAULT_HEADER_LEN, c.p + CAIRN_VAULT_HEADER_LEN, a.len - CAIRN_VAULT_HEADER_LEN);
}

static void refuses_another_storage_key(void **state)
{
    (void)state;
    CAIRN_BUF file = {0};
    struct cairn_secret *set = NULL;
    make(9, SALT, &file);
    REFUSES(CAIRN_E_REFUSED, "vault.tag", cairn_vault_decrypt(CAIRN_SPAN(OTHER_KEY), 9, cairn_buf_span(&file), &set, &err));
}

static void refuses_the_file_of_another_generation(void **state)
{
    (void)state;
    CAIRN_BUF file = {0};
    struct cairn_secret *set = NULL;
    make(9, SALT, &file);
    REFUSES(CAIRN_E_REFUSED, "vault.generation", cairn_vault_decrypt(CAIRN_SPAN(KEY), 10, cairn_buf_span(&file), &set, &err));
    file.p[19] = 10; /* relabelled: the key is derived with the generation, and the header is authenticated */
    REFUSES(CAIRN_E_REFUSED, "vault.tag", cairn_vault_decrypt(CAIRN_SPAN(KEY), 10, cairn_buf_span(&file), &set, &err));
}

static void refuses_every_flipped_bit(void **state)
{
    (void)state;
    CAIRN_BUF file = {0};
    make(9, SALT, &file);
    for (size_t bit = 0; bit < 8 * file.len; bit++) {
        struct cairn_secret *set = NULL;
        file.p[bit / 8] ^= (uint8_t)(1u << bit % 8);
        assert_int_not_equal(cairn_vault_decrypt(CAIRN_SPAN(KEY), 9, cairn_buf_span(&file), &set, NULL), CAIRN_OK);
        assert_null(set);
        file.p[bit / 8] ^= (uint8_t)(1u << bit % 8);
    }
}

static void refuses_every_truncation(void **state)
{
    (void)state;
    CAIRN_BUF file = {0};
    make(9, SALT, &file);
    for (size_t len = 0; len < file.len; len++) {
        struct cairn_secret *set = NULL;
        uint8_t *exact = calloc(1, len + 1);
        assert_non_null(exact);
        memcpy(exact, file.p, len);
        const bool header = len <= CAIRN_VAULT_HEADER_LEN + CAIRN_GCM_TAG_LEN;
        REFUSES(header ? CAIRN_E_FORMAT : CAIRN_E_REFUSED, header ? "vault.format" : "vault.tag",
                cairn_vault_decrypt(CAIRN_SPAN(KEY), 9, cairn_span(exact, len), &set, &err));
        free(exact);
    }
}

static void refuses_content_that_is_no_set(void **state)
{
    (void)state;
    CAIRN_BUF file = {0};
    REFUSES(CAIRN_E_FORMAT, "params.format",
            cairn_vault_encrypt(CAIRN_SPAN(KEY), 1, SALT, cairn_span_str("not a set"), &file, &err));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_was_encrypted_is_decrypted),
        cmocka_unit_test(the_value_does_not_stand_in_the_file),
        cmocka_unit_test(another_salt_or_generation_gives_another_key_stream),
        cmocka_unit_test(refuses_another_storage_key),
        cmocka_unit_test(refuses_the_file_of_another_generation),
        cmocka_unit_test(refuses_every_flipped_bit),
        cmocka_unit_test(refuses_every_truncation),
        cmocka_unit_test(refuses_content_that_is_no_set),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
