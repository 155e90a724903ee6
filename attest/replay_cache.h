/* attest/replay_cache.h -- replays of boot logs, kept so that the same boot need not be replayed for each report.
 *
 * A replay is a function of what its key covers: the parser, the PCR selection, the quoted digest and the logs. The quoted
 * digest of the present report, signed over the present nonce, stands in the key; so a hit says no more than replaying the same
 * bytes again would. Verdicts are never kept: the policy may change (CHECKS 37).
 *
 * One thread, no locks. Source: docs/architecture.md; docs/protocol.md "Logs".
 */
#ifndef CAIRN_ATTEST_REPLAY_CACHE_H
#define CAIRN_ATTEST_REPLAY_CACHE_H

#include "attest/evidence.h"

/* struct cairn_replay_key is SHA-256 over parser, mask, quoted digest and each log's state and digest. */
struct cairn_replay_key {
    uint8_t bytes[CAIRN_SHA256_LEN];
};
/* cairn_replay_key_make. A log that the document left out and the server remembers is given as a named one; one that stays
 * CAIRN_LOG_LEFT_OUT is replayed as an empty log. Inline or named makes no difference. */
CAIRN_RC cairn_replay_key_make(uint32_t mask, const uint8_t quoted[CAIRN_SHA256_LEN],
                               const struct cairn_log_digest logs[CAIRN_NUM_BOOT_LOGS], struct cairn_replay_key *out,
                               struct cairn_err *err);

/* struct cairn_replay_cache holds at most `max_num` replays of `max_bytes` together; the least recently used go first. */
struct cairn_replay_cache;
/* CAIRN_E_IO "memory". */
CAIRN_RC cairn_replay_cache_new(size_t max_num, size_t max_bytes, struct cairn_replay_cache **out, struct cairn_err *err);
void cairn_replay_cache_free(struct cairn_replay_cache *cache);
void cairn_replay_cache_freep(struct cairn_replay_cache **cache);
#define CAIRN_REPLAY_CACHE CAIRN_CLEANUP(cairn_replay_cache_freep) struct cairn_replay_cache
/* cairn_replay_cache_find: NULL when it is not there; otherwise borrowed until the next _take or _free. */
const struct cairn_replay *cairn_replay_cache_find(struct cairn_replay_cache *cache, const struct cairn_replay_key *key);
/* cairn_replay_cache_take keeps `*replay` and lends it, as _find does; `*replay` is then NULL. It keeps nothing, answers NULL
 * and leaves `*replay` alone when that alone is larger than the cache, or without memory. A key that is there keeps its replay
 * and frees the new one. */
const struct cairn_replay *cairn_replay_cache_take(struct cairn_replay_cache *cache, const struct cairn_replay_key *key,
                                                   struct cairn_replay **replay);
size_t cairn_replay_cache_num(const struct cairn_replay_cache *cache);
size_t cairn_replay_cache_bytes(const struct cairn_replay_cache *cache);

#endif
