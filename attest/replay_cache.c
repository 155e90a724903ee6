/* attest/replay_cache.c -- see replay_cache.h. A hash table with chains, its entries also in one list by time of use.
 */
#include "attest/replay_cache.h"

#include <stdlib.h>

/* Another parser gives other replays: to be changed with boot_measure/. A cache lives no longer than its program, but a key
 * that says what it is the key of cannot be taken for another. */
static const char parser_tag[] = "cairn.replay.v1";

CAIRN_RC cairn_replay_key_make(uint32_t mask, const uint8_t quoted[CAIRN_SHA256_LEN],
                               const struct cairn_log_digest logs[CAIRN_NUM_BOOT_LOGS], struct cairn_replay_key *out,
                               struct cairn_err *err)
{
    uint8_t bytes[sizeof parser_tag + 4 + CAIRN_SHA256_LEN + CAIRN_NUM_BOOT_LOGS * (1 + CAIRN_SHA256_LEN)];
    struct cairn_writer w = cairn_writer(bytes, sizeof bytes);
    cairn_write_bytes(&w, cairn_span(parser_tag, sizeof parser_tag));
    cairn_write_u32(&w, mask);
    cairn_write_bytes(&w, cairn_span(quoted, CAIRN_SHA256_LEN));
    for (size_t i = 0; i < CAIRN_NUM_BOOT_LOGS; i++) {
        cairn_write_u8(&w, logs[i].state == CAIRN_LOG_LEFT_OUT ? 0 : 1);
        cairn_write_bytes(&w, CAIRN_SPAN(logs[i].sha256));
    }
    return cairn_sha256(cairn_writer_span(&w), out->bytes, err);
}

struct entry {
    struct cairn_replay_key key;
    struct cairn_replay *replay;
    size_t bytes;
    struct entry *chain;         /* the next one of the same bucket */
    struct entry *newer, *older; /* by time of use */
};

struct bucket {
    struct entry *first;
};

struct cairn_replay_cache {
    size_t max_num, max_bytes;
    size_t num, bytes;
    struct entry *newest, *oldest;
    size_t num_buckets; /* a power of two */
    struct bucket *buckets;
};

CAIRN_RC cairn_replay_cache_new(size_t max_num, size_t max_bytes, struct cairn_replay_cache **out, struct cairn_err *err)
{
    enum { MAX_BUCKETS = 1 << 20 };
    CAIRN_REPLAY_CACHE *cache = calloc(1, sizeof *cache);
    size_t num_buckets = 16;
    while (num_buckets < max_num && num_buckets < MAX_BUCKETS) {
        num_buckets *= 2;
    }
    if (cache == NULL || (cache->buckets = calloc(num_buckets, sizeof *cache->buckets)) == NULL) {
        return CAIRN_FAIL(err, CAIRN_E_IO, "memory", "no memory for a cache of replays");
    }
    cache->max_num = max_num;
    cache->max_bytes = max_bytes;
    cache->num_buckets = num_buckets;
    *out = cache;
    cache = NULL;
    return CAIRN_OK;
}

/* The key is a hash, so any part of it spreads well. */
static struct bucket *bucket_of(const struct cairn_replay_cache *cache, const struct cairn_replay_key *key)
{
    struct cairn_reader r = cairn_reader(CAIRN_SPAN(key->bytes));
    return &cache->buckets[cairn_read_u32(&r) & (cache->num_buckets - 1)];
}

static void free_entry(struct entry *entry)
{
    cairn_replay_free(entry->replay);
    free(entry);
}

/* Takes an entry out of the list by use; it stays in its bucket. */
static void unlist(struct cairn_replay_cache *cache, struct entry *entry)
{
    *(entry->newer != NULL ? &entry->newer->older : &cache->newest) = entry->older;
    *(entry->older != NULL ? &entry->older->newer : &cache->oldest) = entry->newer;
}

static void list_newest(struct cairn_replay_cache *cache, struct entry *entry)
{
    entry->newer = NULL;
    entry->older = cache->newest;
    *(entry->older != NULL ? &entry->older->newer : &cache->oldest) = entry;
    cache->newest = entry;
}

static void drop_oldest(struct cairn_replay_cache *cache)
{
    struct entry *entry = cache->oldest;
    struct entry **at = &bucket_of(cache, &entry->key)->first;
    while (*at != entry) {
        at = &(*at)->chain;
    }
    *at = entry->chain;
    unlist(cache, entry);
    cache->num--;
    cache->bytes -= entry->bytes;
    free_entry(entry);
}

void cairn_replay_cache_free(struct cairn_replay_cache *cache)
{
    if (cache != NULL) {
        while (cache->oldest != NULL) {
            drop_oldest(cache);
        }
        free(cache->buckets);
        free(cache);
    }
}

void cairn_replay_cache_freep(struct cairn_replay_cache **cache)
{
    cairn_replay_cache_free(*cache);
    *cache = NULL;
}

const struct cairn_replay *cairn_replay_cache_find(struct cairn_replay_cache *cache, const struct cairn_replay_key *key)
{
    struct entry *entry = bucket_of(cache, key)->first;
    while (entry != NULL && !cairn_span_equal(CAIRN_SPAN(entry->key.bytes), CAIRN_SPAN(key->bytes))) {
        entry = entry->chain;
    }
    if (entry == NULL) {
        return NULL;
    }
    unlist(cache, entry);
    list_newest(cache, entry);
    return entry->replay;
}

/* `bytes` is what the entry will count for. */
static void make_room(struct cairn_replay_cache *cache, size_t bytes)
{
    while (cache->oldest != NULL && (cache->num >= cache->max_num || cache->bytes + bytes > cache->max_bytes)) {
        drop_oldest(cache);
    }
}

const struct cairn_replay *cairn_replay_cache_take(struct cairn_replay_cache *cache, const struct cairn_replay_key *key,
                                                   struct cairn_replay **replay)
{
    const struct cairn_replay *there = cairn_replay_cache_find(cache, key);
    if (there != NULL) {
        cairn_replay_freep(replay);
        return there;
    }
    const size_t bytes = sizeof(struct entry) + cairn_replay_bytes(*replay);
    if (cache->max_num == 0 || bytes > cache->max_bytes) {
        return NULL;
    }
    struct entry *entry = calloc(1, sizeof *entry);
    if (entry == NULL) {
        return NULL;
    }
    make_room(cache, bytes);
    struct bucket *bucket = bucket_of(cache, key);
    *entry = (struct entry){.key = *key, .replay = *replay, .bytes = bytes, .chain = bucket->first};
    bucket->first = entry;
    list_newest(cache, entry);
    cache->num++;
    cache->bytes += bytes;
    *replay = NULL;
    return entry->replay;
}

size_t cairn_replay_cache_num(const struct cairn_replay_cache *cache)
{
    return cache->num;
}

size_t cairn_replay_cache_bytes(const struct cairn_replay_cache *cache)
{
    return cache->bytes;
}
