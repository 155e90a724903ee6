/* server/seen.c -- see server/seen.h. A hash table with linear probing in windows: an entry that has expired is free. */
#include "server/seen.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "core/crypto.h"

enum { WINDOW = 32, HOUR_S = 3600 };

struct entry {
    uint8_t digest[32];
    uint64_t expires_s;
};
struct cairn_seen {
    pthread_mutex_t lock;
    size_t num;
    struct entry *entries;
};

CAIRN_RC cairn_seen_new(size_t max, struct cairn_seen **out, struct cairn_err *err)
{
    struct cairn_seen *seen = calloc(1, sizeof *seen);
    struct entry *entries = calloc(max + WINDOW, sizeof *entries);
    if (seen == NULL || entries == NULL || pthread_mutex_init(&seen->lock, NULL) != 0) {
        free(entries);
        free(seen);
        return CAIRN_FAIL(err, CAIRN_E_IO, "memory", "no memory for the proofs that were seen");
    }
    seen->num = max;
    seen->entries = entries;
    *out = seen;
    return CAIRN_OK;
}

void cairn_seen_free(struct cairn_seen *seen)
{
    if (seen != NULL) {
        (void)pthread_mutex_destroy(&seen->lock);
        free(seen->entries);
        free(seen);
    }
}

/* An entry that would outlive the new one by an hour is of a time before the clock was set back. */
static bool is_live(const struct entry *e, uint64_t now_s, uint64_t expires_s)
{
    return e->expires_s > now_s && e->expires_s < expires_s + HOUR_S;
}

/* The whole window is looked at: an expired entry before the wanted one must not hide it. */
static CAIRN_RC take(struct entry *window, const uint8_t digest[32], uint64_t now_s, uint64_t expires_s, struct cairn_err *err)
{
    struct entry *place = NULL;
    for (size_t i = 0; i < WINDOW; i++) {
        const bool live = is_live(&window[i], now_s, expires_s);
        if (live && cairn_span_equal(CAIRN_SPAN(window[i].digest), cairn_span(digest, 32))) {
            return CAIRN_FAIL(err, CAIRN_E_REFUSED, "dpop.replayed", "this proof was shown before");
        }
        place = !live && place == NULL ? &window[i] : place;
    }
    if (place == NULL) {
        return CAIRN_FAIL(err, CAIRN_E_BUSY, "server.busy", "too many proofs at once: try again");
    }
    cairn_copy(place->digest, digest, 32);
    place->expires_s = expires_s;
    return CAIRN_OK;
}

CAIRN_RC cairn_seen_once(struct cairn_seen *seen, struct cairn_span id, uint64_t now_s, uint64_t expires_s,
                         struct cairn_err *err)
{
    uint8_t digest[32] = {0};
    CAIRN_TRY(cairn_sha256(id, digest, err));
    struct cairn_reader r = cairn_reader(CAIRN_SPAN(digest));
    size_t at = (size_t)(cairn_read_u64(&r) % seen->num);
    (void)pthread_mutex_lock(&seen->lock);
    enum cairn_rc rc = take(&seen->entries[at], digest, now_s, expires_s, err);
    (void)pthread_mutex_unlock(&seen->lock);
    return rc;
}
