/* cli/number.h -- numbers in arguments.
 */
#ifndef CAIRN_CLI_NUMBER_H
#define CAIRN_CLI_NUMBER_H

#include "core/base.h"

/* cairn_number_parse reads decimal digits, 0 to 999999999999999 and at most `max`; `text` NULL leaves *out as it is.
 * CAIRN_E_USAGE "usage", naming `option`. */
CAIRN_RC cairn_number_parse(const char *option, const char *text, uint64_t max, uint64_t *out, struct cairn_err *err);

#endif
