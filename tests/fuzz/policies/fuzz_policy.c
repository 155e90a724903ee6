/* tests/fuzz/policies/fuzz_policy.c -- a policy payload, canonical text, and the words for any code.
 *
 * JSON must be canonical to be read at all, so the input is first written canonically: the fuzzer reaches the members behind
 * it.
 */
#include <stdlib.h>
#include <string.h>

#include "core/json.h"
#include "policies/explain.h"
#include "policies/policy.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void explain(const uint8_t *data, size_t size)
{
    char code[48] = "";
    struct cairn_explanation words;
    for (size_t i = 0; i < size && i + 1 < sizeof code; i++) {
        code[i] = (char)data[i];
    }
    (void)cairn_explain(code, &words);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    CAIRN_JSON *json = NULL;
    CAIRN_BUF text = {0}, again = {0};
    CAIRN_POLICY policy = {0};
    explain(data, size);
    if (cairn_json_parse(cairn_span(data, size), 1 << 20, false, "fuzz", &json, NULL) != CAIRN_OK ||
        cairn_json_write(json, &text, NULL) != CAIRN_OK) {
        return 0;
    }
    if (cairn_policy_parse(cairn_buf_span(&text), &policy, NULL) == CAIRN_OK) {
        if (cairn_policy_payload(&policy, &again, NULL) != CAIRN_OK ||
            !cairn_span_equal(cairn_buf_span(&text), cairn_buf_span(&again))) {
            abort(); /* two texts for one policy */
        }
    }
    return 0;
}
