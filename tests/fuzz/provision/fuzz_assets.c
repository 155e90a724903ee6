/* tests/fuzz/provision/fuzz_assets.c -- an assets container over any transport, and params.json as a person mistyped it. */
#include <stdlib.h>

#include "provision/assets.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const uint8_t TK[32] = {1};
    const struct cairn_asset_key key = {CAIRN_SPAN(TK), "gateway-a", 3};
    struct cairn_span bytes = cairn_span(data, size);
    const struct cairn_asset_plain plain = {"vault", bytes};
    CAIRN_PARAM_ASSETS assets = {.release = NULL};
    CAIRN_SECRET *out = NULL, *again = NULL;
    CAIRN_BUF file = {0};
    uint8_t digest[32] = {0};
    (void)!cairn_assets_open(&key, bytes, "vault", digest, &out, NULL);
    (void)!cairn_params_source_read(bytes, &assets, NULL);
    if (cairn_sha256(bytes, digest, NULL) == CAIRN_OK && cairn_assets_seal(&key, &plain, 1, &file, NULL) == CAIRN_OK &&
        (cairn_assets_open(&key, cairn_buf_span(&file), "vault", digest, &again, NULL) != CAIRN_OK ||
         !cairn_span_equal(bytes, cairn_secret_span(again)))) {
        abort();
    }
    return 0;
}
