/* tests/fuzz/wipe/fuzz_certificate.c -- a certificate's file, and its payload with everything in it, from foreign bytes.
 *
 * The TPM's digest over the payload stands in the way of a fuzzer, so the payload is also read past it: the roots it embeds are
 * taken as trusted, and its documents judged with an empty list of commands.
 */
#include "wipe/certificate.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const struct cairn_span bytes = cairn_span(data, size);
    struct cairn_span anchors[CAIRN_CERTIFICATE_MAX_ROOTS];
    CAIRN_CERTIFICATE *found = NULL;
    CAIRN_CERTIFICATE *judged = NULL;
    CAIRN_CERTIFICATE_PARTS parts = {0};
    CAIRN_AUDIT_LOG log = {0};
    (void)(cairn_certificate_verify(bytes, &bytes, 1, &found, NULL) == CAIRN_OK);
    if (cairn_certificate_read(bytes, &parts, NULL) == CAIRN_OK) {
        for (size_t i = 0; i < parts.num_roots; i++) {
            anchors[i] = cairn_buf_span(&parts.roots[i]);
        }
        (void)(cairn_certificate_judge(&parts, anchors, parts.num_roots, &log, &judged, NULL) == CAIRN_OK);
    }
    return 0;
}
