/* tests/fuzz/tpm_data/fuzz_claim.c -- attestations and signatures from a device: what parses must be within its limits. */
#include <stdlib.h>

#include "tpm_data/claim.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void demand(bool holds)
{
    if (!holds) {
        abort();
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct cairn_claim claim;
    uint8_t rs[64];
    struct cairn_err err = {0};
    struct cairn_span bytes = cairn_span(data, size);
    if (cairn_claim_parse(bytes, &claim, &err) == CAIRN_OK) {
        demand(claim.extra_len <= sizeof claim.extra);
        demand(claim.type != CAIRN_CLAIM_NV || claim.u.nv.len <= sizeof claim.u.nv.contents);
        demand(claim.type != CAIRN_CLAIM_QUOTE || claim.u.quote.mask >> CAIRN_NUM_PCRS == 0);
    } else {
        demand(err.code[0] != '\0');
    }
    (void)!cairn_signature_parse(bytes, rs, NULL);
    return 0;
}
