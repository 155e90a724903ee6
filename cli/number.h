/* cli/number.h -- numbers in arguments.
 */
#ifndef CAIRN_CLI_NUMBER_H
#define CAIRN_CLI_NUMBER_H

#include "core/base.h"

#define CAIRN_NUMBER_MAX UINT64_C(999999999999999) /* 15 digits: below what JSON carries */

/* cairn_number_parse reads decimal digits from `min` to `max` (at most CAIRN_NUMBER_MAX); `text` NULL, an option that was not
 * given, leaves *out as it is. CAIRN_E_USAGE "usage", naming `option`. */
CAIRN_RC cairn_number_parse(const char *option, const char *text, uint64_t min, uint64_t max, uint64_t *out,
                            struct cairn_err *err);

#endif
