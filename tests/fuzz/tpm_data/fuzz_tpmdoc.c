/* tests/fuzz/tpm_data/fuzz_tpmdoc.c -- document files: what parses must be written back as the same bytes. */
#include <stdlib.h>

#include "core/doctype.h"
#include "tpm_data/tpmdoc.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_type(struct cairn_span file, const char *type)
{
    CAIRN_TPMDOC doc = {0};
    CAIRN_BUF again = {0};
    if (cairn_tpmdoc_parse(file, type, &doc, NULL) != CAIRN_OK) {
        return;
    }
    if (cairn_tpmdoc_write(&doc, &again, NULL) != CAIRN_OK || !cairn_span_equal(file, cairn_buf_span(&again))) {
        abort();
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    check_type(cairn_span(data, size), CAIRN_TYPE_EVIDENCE);
    check_type(cairn_span(data, size), CAIRN_TYPE_CERTIFICATE);
    return 0;
}
