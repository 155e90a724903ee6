/* tests/fuzz/core/fuzz_spki.c -- the input as it is, and as the 64 point bytes behind the right prefix; hex and base64 of it.
 */
#include <stdlib.h>
#include <string.h>

#include "core/crypto.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void decode(struct cairn_span der)
{
    struct cairn_ec_key key = {0};
    uint8_t again[CAIRN_SPKI_LEN];
    if (cairn_spki_decode(der, &key, NULL) != CAIRN_OK) {
        return;
    }
    cairn_spki_encode(&key, again);
    if (!cairn_span_equal(der, CAIRN_SPAN(again)) || cairn_ec_key_check(&key, NULL) != CAIRN_OK) {
        abort();
    }
}

static void base64(struct cairn_span text)
{
    CAIRN_BUF bytes = {0};
    CAIRN_BUF again = {0};
    if (cairn_base64_decode(text, 1 << 16, &bytes, NULL) != CAIRN_OK) {
        return;
    }
    if (cairn_base64_encode(cairn_buf_span(&bytes), &again, NULL) != CAIRN_OK ||
        !cairn_span_equal(cairn_buf_span(&again), text)) {
        abort();
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    decode(cairn_span(data, size));
    base64(cairn_span(data, size));
    struct cairn_ec_key key = {0};
    uint8_t der[CAIRN_SPKI_LEN];
    struct cairn_reader r = cairn_reader(cairn_span(data, size));
    cairn_read_array(&r, key.x, sizeof(key.x));
    cairn_read_array(&r, key.y, sizeof(key.y));
    cairn_spki_encode(&key, der);
    decode(CAIRN_SPAN(der));
    return 0;
}
