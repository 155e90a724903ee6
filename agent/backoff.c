/* agent/backoff.c -- see agent/backoff.h. */
#include "agent/backoff.h"

#include "client/replies.h"

/* A share of `range`: 0 for random 0, nearly all of it for the highest. */
static uint64_t share(uint64_t range, uint32_t random)
{
    return (range * random) >> 32;
}

static uint64_t ceiling_ms(unsigned failures)
{
    uint64_t ms = CAIRN_BACKOFF_MIN_MS;
    for (unsigned i = 1; i < failures && ms < CAIRN_BACKOFF_MAX_MS; i++) {
        ms *= 2;
    }
    return ms < CAIRN_BACKOFF_MAX_MS ? ms : CAIRN_BACKOFF_MAX_MS;
}

uint64_t cairn_backoff_ms(unsigned failures, uint32_t retry_after_s, uint32_t random)
{
    uint64_t asked = (uint64_t)retry_after_s * 1000;
    asked = asked < CAIRN_BACKOFF_MAX_MS ? asked : CAIRN_BACKOFF_MAX_MS;
    const uint64_t least = asked + share(asked / 10, random);
    const uint64_t own = CAIRN_BACKOFF_MIN_MS + share(ceiling_ms(failures) - CAIRN_BACKOFF_MIN_MS, random);
    return own > least ? own : least;
}

uint64_t cairn_interval_ms(uint64_t interval_s, uint32_t random)
{
    uint64_t s = interval_s < CAIRN_INTERVAL_MIN_S ? CAIRN_INTERVAL_MIN_S : interval_s;
    s = s > CAIRN_INTERVAL_MAX_S ? CAIRN_INTERVAL_MAX_S : s;
    return s * 900 + share(s * 200, random);
}
