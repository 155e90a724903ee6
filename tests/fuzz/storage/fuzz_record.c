/* tests/fuzz/storage/fuzz_record.c -- records from a disk that an attacker wrote: what decodes encodes to the same bytes. */
#include <stdlib.h>
#include <string.h>

#include "storage/record.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const uint8_t HEAD[12] = {'C', 'A', 'I', 'R', 'N', 'R', 'E', 'C', 1, 0, 0, 0};
    uint8_t bytes[CAIRN_RECORD_LEN] = {0}, again[CAIRN_RECORD_LEN], digest[32];
    struct cairn_record record;
    bool intact = false;
    uint64_t generation = 0;
    (void)!cairn_record_decode(cairn_span(data, size), &record, NULL);
    memcpy(bytes, HEAD, sizeof HEAD);
    memcpy(bytes + sizeof HEAD, data, size < sizeof bytes - sizeof HEAD ? size : sizeof bytes - sizeof HEAD);
    if (cairn_record_decode(CAIRN_SPAN(bytes), &record, NULL) == CAIRN_OK &&
        (cairn_record_encode(&record, again, NULL) != CAIRN_OK || memcmp(bytes, again, sizeof again) != 0)) {
        abort();
    }
    if (size >= CAIRN_ANCHOR_LEN) {
        (void)!cairn_anchor_parse(data, &intact, &generation, digest, NULL);
    }
    return 0;
}
