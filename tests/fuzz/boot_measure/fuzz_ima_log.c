/* tests/fuzz/boot_measure/fuzz_ima_log.c -- any bytes as an IMA list. */
#include <stdlib.h>

#include "boot_measure/ima_log.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct cairn_ima_log log;
    struct cairn_ima_entry entry;
    struct cairn_hasher *hasher CAIRN_CLEANUP(cairn_hasher_freep) = NULL;
    struct cairn_err err;
    bool more = true;
    if (cairn_ima_log_open(cairn_span(data, size), &log, &err) != CAIRN_OK ||
        cairn_hasher_new(CAIRN_SHA256, &hasher, &err) != CAIRN_OK) {
        return 0;
    }
    while (cairn_ima_log_next(&log, &more, &entry, &err) == CAIRN_OK && more) {
        uint8_t digest[CAIRN_SHA256_LEN];
        if (entry.file_digest.len + entry.path.len > size ||
            cairn_ima_extended(hasher, &entry, digest, sizeof digest, &err) != CAIRN_OK) {
            abort();
        }
    }
    return 0;
}
