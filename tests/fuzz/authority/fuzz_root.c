/* tests/fuzz/authority/fuzz_root.c -- root payloads and envelopes: the first foreign bytes a fresh device reads. */
#include "authority/draft.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    CAIRN_ROOT *root = NULL;
    struct cairn_public_key key;
    struct cairn_span bytes = cairn_span(data, size);
    (void)!cairn_root_check(bytes, NULL);
    (void)!cairn_root_open(bytes, 0, &root, NULL);
    (void)!cairn_public_key_parse(bytes, &key, NULL);
    return 0;
}
