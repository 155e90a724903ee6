/* tests/fuzz/provision/fuzz_manifest.c -- a manifest's payload, as somebody asks a person to sign it. */
#include "provision/manifest.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    CAIRN_MANIFEST manifest = {.svn = 0};
    (void)!cairn_manifest_parse(cairn_span(data, size), NULL, 0, &manifest, NULL);
    return 0;
}
