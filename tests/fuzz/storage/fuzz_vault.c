/* tests/fuzz/storage/fuzz_vault.c -- a vault file from disk; its tag is repaired by encrypting the fuzzer's bytes as content.
 */
#include <stdlib.h>

#include "storage/vault.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const uint8_t KEY[32] = {1}, SALT[32] = {2};
    struct cairn_span bytes = cairn_span(data, size);
    CAIRN_BUF file = {0};
    CAIRN_SECRET *set = NULL, *again = NULL;
    (void)!cairn_vault_decrypt(CAIRN_SPAN(KEY), 7, bytes, &set, NULL);
    if (cairn_vault_encrypt(CAIRN_SPAN(KEY), 7, SALT, bytes, &file, NULL) == CAIRN_OK &&
        (cairn_vault_decrypt(CAIRN_SPAN(KEY), 7, cairn_buf_span(&file), &again, NULL) != CAIRN_OK ||
         !cairn_span_equal(bytes, cairn_secret_span(again)))) {
        abort();
    }
    return 0;
}
