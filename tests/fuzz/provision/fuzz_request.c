/* tests/fuzz/provision/fuzz_request.c -- requests, receipts and grants before anybody's signature was believed. */
#include "provision/receipt.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const uint8_t NONCE[32] = {1};
    const struct cairn_statement nobody = {.epoch_value = 0};
    struct cairn_request request;
    struct cairn_receipt receipt;
    (void)!cairn_request_verify(cairn_span(data, size), &nobody, NONCE, 1, &request, NULL);
    (void)!cairn_receipt_verify(cairn_span(data, size), &nobody, NULL, &receipt, NULL);
    return 0;
}
