/* tests/fuzz/storage/fuzz_params.c -- a parameter set: one form per set, and every parameter of a checked set can be reached.
 */
#include <stdlib.h>

#include "storage/params.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void rebuild(struct cairn_span set)
{
    struct cairn_secret *again = NULL, *next = NULL;
    struct cairn_param p;
    if (cairn_params_empty(&again, NULL) != CAIRN_OK) {
        return;
    }
    for (size_t i = 0; cairn_params_at(set, i, &p); i++) {
        if (cairn_params_put(cairn_secret_span(again), &p, &next, NULL) != CAIRN_OK) {
            abort();
        }
        cairn_secret_free(again);
        again = next;
    }
    if (!cairn_span_equal(set, cairn_secret_span(again))) {
        abort();
    }
    cairn_secret_free(again);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct cairn_span set = cairn_span(data, size);
    if (cairn_params_check(set, NULL) == CAIRN_OK) {
        rebuild(set);
    }
    return 0;
}
