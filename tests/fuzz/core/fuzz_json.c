/* tests/fuzz/core/fuzz_json.c -- the first byte chooses canonical or not. What is accepted must write, read and compare equal.
 */
#include <stdlib.h>

#include "core/json.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0) {
        return 0;
    }
    bool canonical = (data[0] & 1) != 0;
    struct cairn_span text = cairn_span(data + 1, size - 1);
    CAIRN_JSON *json = NULL;
    if (cairn_json_parse(text, 1 << 16, canonical, "fuzz", &json, NULL) != CAIRN_OK) {
        return 0;
    }
    CAIRN_BUF written = {0};
    CAIRN_JSON *again = NULL;
    if (cairn_json_write(json, &written, NULL) != CAIRN_OK ||
        cairn_json_parse(cairn_buf_span(&written), SIZE_MAX, true, "again", &again, NULL) != CAIRN_OK ||
        !json_equal(json, again) || (canonical && !cairn_span_equal(cairn_buf_span(&written), text))) {
        abort();
    }
    return 0;
}
