/* tests/fuzz/boot_measure/fuzz_tcg_log.c -- any bytes as an event log: header, events, labels, covered bytes. */
#include <stdlib.h>

#include "boot_measure/event_text.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct cairn_tcg_log log;
    struct cairn_tcg_event event;
    struct cairn_hasher *hasher CAIRN_CLEANUP(cairn_hasher_freep) = NULL;
    struct cairn_err err;
    bool more = true;
    if (cairn_tcg_log_open(cairn_span(data, size), &log, &err) != CAIRN_OK ||
        cairn_hasher_new(CAIRN_SHA256, &hasher, &err) != CAIRN_OK) {
        return 0;
    }
    while (cairn_tcg_log_next(&log, &more, &event, &err) == CAIRN_OK && more) {
        char label[CAIRN_EVENT_LABEL];
        struct cairn_span covered = {0};
        bool found = false;
        cairn_event_label(&event, label);
        if (event.pcr >= CAIRN_NUM_PCRS || cairn_event_covered(hasher, &event, &covered, &found, &err) != CAIRN_OK ||
            covered.len > event.data.len) {
            abort();
        }
    }
    return 0;
}
