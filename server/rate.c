/* server/rate.c -- see server/rate.h. */
#include "server/rate.h"

#include <stdlib.h>
#include <string.h>

enum { SLOTS = 4096, WAYS = 4, MILLI = 1000 };

struct bucket {
    uint64_t peer; /* hash; 0: free */
    uint64_t at_ms;
    uint64_t milli; /* thousandths of a request left */
};
struct cairn_rate {
    uint32_t per_s, burst;
    struct bucket slots[SLOTS];
};

CAIRN_RC cairn_rate_new(uint32_t per_s, uint32_t burst, struct cairn_rate **out, struct cairn_err *err)
{
    struct cairn_rate *rate = calloc(1, sizeof *rate);
    if (rate == NULL) {
        return CAIRN_FAIL(err, CAIRN_E_IO, "memory", "no memory for the rate table");
    }
    rate->per_s = per_s;
    rate->burst = burst;
    *out = rate;
    return CAIRN_OK;
}

void cairn_rate_free(struct cairn_rate *rate)
{
    free(rate);
}

/* FNV-1a; two peers with one hash share a bucket, which costs them and nobody else. */
static uint64_t hash(const char *peer)
{
    uint64_t h = UINT64_C(0xcbf29ce484222325);
    for (; *peer != '\0'; peer++) {
        h = (h ^ (unsigned char)*peer) * UINT64_C(0x100000001b3);
    }
    return h | 1;
}

/* The peer's bucket, or the longest silent one of its set, full. */
static struct bucket *find(struct cairn_rate *rate, uint64_t peer, uint64_t now_ms)
{
    struct bucket *set = &rate->slots[peer / 2 % (SLOTS / WAYS) * WAYS];
    struct bucket *oldest = set;
    for (size_t i = 0; i < WAYS; i++) {
        if (set[i].peer == peer) {
            return &set[i];
        }
        if (set[i].at_ms < oldest->at_ms) {
            oldest = &set[i];
        }
    }
    *oldest = (struct bucket){.peer = peer, .at_ms = now_ms, .milli = (uint64_t)rate->burst * MILLI};
    return oldest;
}

CAIRN_RC cairn_rate_take(struct cairn_rate *rate, const char *peer, uint64_t now_ms, struct cairn_err *err)
{
    if (rate->per_s == 0) {
        return CAIRN_OK;
    }
    struct bucket *b = find(rate, hash(peer), now_ms);
    const uint64_t full = (uint64_t)rate->burst * MILLI;
    const uint64_t passed = now_ms > b->at_ms ? now_ms - b->at_ms : 0;
    b->milli = passed > full ? full : b->milli + passed * rate->per_s;
    b->milli = b->milli > full ? full : b->milli;
    b->at_ms = now_ms;
    if (b->milli < MILLI) {
        enum cairn_rc rc = CAIRN_FAIL(err, CAIRN_E_BUSY, "server.rate", "too many requests from this address");
        if (err != NULL) {
            err->retry_after_s = 1;
        }
        return rc;
    }
    b->milli -= MILLI;
    return CAIRN_OK;
}
