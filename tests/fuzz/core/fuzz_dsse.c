/* tests/fuzz/core/fuzz_dsse.c -- the input as it is, and as the payload of a well-formed envelope. What is accepted must write
 * back to the same bytes.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/dsse.h"

#define TYPE "application/vnd.cairn.fuzz.v1+json"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void round_trip(struct cairn_span file, bool must_parse)
{
    CAIRN_DSSE dsse = {0};
    CAIRN_BUF again = {0};
    if (cairn_dsse_parse(file, TYPE, &dsse, NULL) != CAIRN_OK) {
        if (must_parse) {
            abort();
        }
        return;
    }
    if (cairn_dsse_write(&dsse, &again, NULL) != CAIRN_OK ||
        !cairn_span_equal(cairn_json_trim_newline(cairn_buf_span(&again)), cairn_json_trim_newline(file))) {
        abort();
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    round_trip(cairn_span(data, size), false);
    CAIRN_DSSE dsse = {.type = TYPE, .num_signatures = 1};
    CAIRN_BUF file = {0};
    size_t num = size < 64 ? size : 64;
    if (num > 0) {
        memcpy(dsse.signatures[0].rs, data, num);
    }
    if (cairn_buf_set(&dsse.payload, cairn_span(data, size), NULL) != CAIRN_OK ||
        cairn_dsse_write(&dsse, &file, NULL) != CAIRN_OK) {
        abort();
    }
    round_trip(cairn_buf_span(&file), file.len <= CAIRN_DSSE_MAX_LEN);
    return 0;
}
