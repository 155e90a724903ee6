/* core/clock.h -- what time may be believed: DESIGN 9. Time only ever refuses; a server's time is never stored.
 */
#ifndef CAIRN_CORE_CLOCK_H
#define CAIRN_CORE_CLOCK_H

#include "core/base.h"

/* cairn_clock_now = max(real-time clock, build time, `documents_s`: the newest issue time of the verified documents at hand).
 * Seconds since 1970. CAIRN_NOW in the environment is not consulted: tests pass time as an argument. */
uint64_t cairn_clock_now(uint64_t documents_s);
/* cairn_clock_format writes RFC 3339 UTC ("2026-11-22T12:00:00Z", 20 characters and NUL);
 * what is later than the year 9999 is written as its last second. */
void cairn_clock_format(uint64_t seconds, char out[21]);

#endif
