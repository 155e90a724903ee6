/* tests/fuzz/tpm_data/fuzz_public.c -- public areas and selections from a device: what is accepted is exactly the template. */
#include <stdlib.h>

#include "tpm_data/pcr.h"
#include "tpm_data/template.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void demand_equal(struct cairn_span bytes, const struct cairn_area *area)
{
    if (!cairn_span_equal(bytes, cairn_area_span(area))) {
        abort();
    }
}

static void check_keys(struct cairn_span bytes)
{
    static const uint8_t fleet[32] = {1};
    struct cairn_ec_key key;
    struct cairn_area area;
    if (cairn_public_ak_check(bytes, fleet, &key, NULL) == CAIRN_OK) {
        cairn_template_ak(fleet, &key, &area);
        demand_equal(bytes, &area);
    }
    if (cairn_public_srk_check(bytes, &key, NULL) == CAIRN_OK) {
        cairn_template_srk(&key, &area);
        demand_equal(bytes, &area);
    }
    if (cairn_public_ek_check(bytes, &key, NULL) == CAIRN_OK) {
        cairn_template_ek(&key, &area);
        demand_equal(bytes, &area);
    }
}

static void check_indices(struct cairn_span bytes)
{
    static const uint8_t policy[32] = {2};
    struct cairn_area area;
    uint32_t index = 0;
    if (cairn_public_epoch_check(bytes, &index, NULL) == CAIRN_OK) {
        cairn_template_epoch(index, true, &area);
        demand_equal(bytes, &area);
    }
    if (cairn_public_anchor_check(bytes, policy, &index, NULL) == CAIRN_OK) {
        cairn_template_anchor(index, policy, true, &area);
        demand_equal(bytes, &area);
    }
}

static void check_selection(struct cairn_span bytes)
{
    struct cairn_area again = {{0}, CAIRN_SELECTION_LEN};
    uint32_t mask = 0;
    if (cairn_selection_parse(bytes, &mask, NULL) == CAIRN_OK) {
        cairn_selection_marshal(mask, again.bytes);
        demand_equal(bytes, &again);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct cairn_span bytes = cairn_span(data, size);
    check_keys(bytes);
    check_indices(bytes);
    check_selection(bytes);
    return 0;
}
