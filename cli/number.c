/* cli/number.c -- see cli/number.h.
 */
#include "cli/number.h"

#include <string.h>

CAIRN_RC cairn_number_parse(const char *option, const char *text, uint64_t min, uint64_t max, uint64_t *out,
                            struct cairn_err *err)
{
    uint64_t number = 0;
    if (text == NULL) {
        return CAIRN_OK;
    }
    bool ok = text[0] != '\0' && strlen(text) <= 15 && strspn(text, "0123456789") == strlen(text);
    for (const char *at = text; ok && *at != '\0'; at++) {
        number = 10 * number + (uint64_t)(*at - '0');
    }
    if (!ok || number < min || number > max) {
        return CAIRN_FAIL(err, CAIRN_E_USAGE, "usage", "%s must be a number from %llu to %llu", option, (unsigned long long)min,
                          (unsigned long long)max);
    }
    *out = number;
    return CAIRN_OK;
}
