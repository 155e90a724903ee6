/* agent/backoff.h -- when to speak to the server again. A fleet that lost its server must not come back as one.
 *
 * Pure: randomness is an argument. Source: docs/protocol.md; the "full jitter" rule of exponential back-off.
 */
#ifndef CAIRN_AGENT_BACKOFF_H
#define CAIRN_AGENT_BACKOFF_H

#include "core/base.h"

enum { CAIRN_BACKOFF_MIN_MS = 1000, CAIRN_BACKOFF_MAX_MS = 3600 * 1000 };

/* cairn_backoff_ms is the pause after `failures` (1, 2, ...) tries in a row that failed: at random between CAIRN_BACKOFF_MIN_MS
 * and 1 s, 2 s, 4 s ... up to CAIRN_BACKOFF_MAX_MS. A server's Retry-After (0: none) is a lower bound, itself at most
 * CAIRN_BACKOFF_MAX_MS, with up to a tenth more. `random` is any 32 random bits. */
uint64_t cairn_backoff_ms(unsigned failures, uint32_t retry_after_s, uint32_t random);

/* cairn_interval_ms is the pause until the next report: `interval_s` brought into 10 s .. 7 d, plus or minus a tenth. */
uint64_t cairn_interval_ms(uint64_t interval_s, uint32_t random);

#endif
