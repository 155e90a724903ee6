/* tests/unit/attest/test_replay_cache.c -- attest/replay_cache.c: what the key covers, and the bounds. */
#include "attest/replay_cache.h"

#include "unit/attest/answer.h"

static struct cairn_replay_key key_of(uint32_t mask, uint8_t quoted, uint8_t firmware, enum cairn_log_state state)
{
    struct cairn_replay_key key;
    const uint8_t digest[32] = {quoted};
    struct cairn_log_digest logs[CAIRN_NUM_BOOT_LOGS] = {0};
    logs[CAIRN_LOG_FIRMWARE] = (struct cairn_log_digest){.state = state, .sha256 = {firmware}};
    assert_int_equal(cairn_replay_key_make(mask, digest, logs, &key, NULL), CAIRN_OK);
    return key;
}

static bool same(struct cairn_replay_key a, struct cairn_replay_key b)
{
    return memcmp(a.bytes, b.bytes, sizeof a.bytes) == 0;
}

static void the_key_covers_all_that_a_replay_follows_from(void **state)
{
    (void)state;
    const struct cairn_replay_key key = key_of(1, 2, 3, CAIRN_LOG_INLINE);
    assert_true(same(key, key_of(1, 2, 3, CAIRN_LOG_INLINE)));
    assert_true(same(key, key_of(1, 2, 3, CAIRN_LOG_NAMED)));
    assert_false(same(key, key_of(2, 2, 3, CAIRN_LOG_INLINE)));
    assert_false(same(key, key_of(1, 3, 3, CAIRN_LOG_INLINE)));
    assert_false(same(key, key_of(1, 2, 4, CAIRN_LOG_INLINE)));
    assert_false(same(key_of(1, 2, 0, CAIRN_LOG_INLINE), key_of(1, 2, 0, CAIRN_LOG_LEFT_OUT)));
    struct cairn_log_digest logs[CAIRN_NUM_BOOT_LOGS] = {0};
    const uint8_t digest[32] = {2};
    struct cairn_replay_key other;
    logs[CAIRN_LOG_IMA] = (struct cairn_log_digest){.state = CAIRN_LOG_INLINE, .sha256 = {3}};
    assert_int_equal(cairn_replay_key_make(1, digest, logs, &other, NULL), CAIRN_OK);
    assert_false(same(key, other)); /* the same bytes as a log of another kind */
}

static void keeps_the_most_recently_used(void **state)
{
    (void)state;
    WORLD w;
    CAIRN_REPLAY_CACHE *cache = NULL;
    world_make(&w, "direct-clean");
    assert_int_equal(cairn_replay_cache_new(3, SIZE_MAX / 2, &cache, NULL), CAIRN_OK);
    for (uint8_t i = 0; i < 5; i++) {
        CAIRN_REPLAY *replay = world_replay(&w, WORLD_MASK);
        const struct cairn_replay_key key = key_of(1, i, 0, CAIRN_LOG_NAMED), first = key_of(1, 0, 0, CAIRN_LOG_NAMED);
        const struct cairn_replay *kept = replay;
        assert_ptr_equal(cairn_replay_cache_take(cache, &key, &replay), kept);
        assert_null(replay);
        assert_non_null(cairn_replay_cache_find(cache, &first)); /* used all the time */
        assert_int_equal(cairn_replay_cache_num(cache), i < 3 ? i + 1 : 3);
    }
    for (uint8_t i = 0; i < 5; i++) {
        const struct cairn_replay_key key = key_of(1, i, 0, CAIRN_LOG_NAMED);
        assert_int_equal(cairn_replay_cache_find(cache, &key) != NULL, i == 0 || i >= 3);
    }
}

static void is_bounded_in_bytes_too(void **state)
{
    (void)state;
    WORLD w;
    CAIRN_REPLAY_CACHE *cache = NULL, *small = NULL, *none = NULL;
    world_make(&w, "sb-uki-clean");
    CAIRN_REPLAY *one = world_replay(&w, WORLD_MASK), *two = world_replay(&w, WORLD_MASK);
    const size_t bytes = cairn_replay_bytes(one);
    const struct cairn_replay_key a = key_of(1, 1, 0, CAIRN_LOG_NAMED), b = key_of(1, 2, 0, CAIRN_LOG_NAMED);
    assert_true(bytes > w.logs.firmware.len);
    assert_int_equal(cairn_replay_cache_new(100, bytes, &small, NULL), CAIRN_OK);
    assert_null(cairn_replay_cache_take(small, &a, &one)); /* larger than the cache: the caller keeps it */
    assert_non_null(one);
    assert_int_equal(cairn_replay_cache_new(0, SIZE_MAX / 2, &none, NULL), CAIRN_OK);
    assert_null(cairn_replay_cache_take(none, &a, &one));
    assert_int_equal(cairn_replay_cache_new(100, bytes + bytes / 2, &cache, NULL), CAIRN_OK);
    assert_non_null(cairn_replay_cache_take(cache, &a, &one));
    assert_non_null(cairn_replay_cache_take(cache, &b, &two));
    assert_int_equal(cairn_replay_cache_num(cache), 1);
    assert_true(cairn_replay_cache_bytes(cache) >= bytes && cairn_replay_cache_bytes(cache) <= bytes + bytes / 2);
    assert_null(cairn_replay_cache_find(cache, &a));
    assert_non_null(cairn_replay_cache_find(cache, &b));
}

static void a_key_that_is_there_keeps_its_replay(void **state)
{
    (void)state;
    WORLD w;
    CAIRN_REPLAY_CACHE *cache = NULL;
    world_make(&w, "direct-clean");
    CAIRN_REPLAY *one = world_replay(&w, WORLD_MASK), *two = world_replay(&w, WORLD_MASK);
    const struct cairn_replay *first = one;
    const struct cairn_replay_key key = key_of(1, 1, 0, CAIRN_LOG_NAMED);
    assert_int_equal(cairn_replay_cache_new(8, SIZE_MAX / 2, &cache, NULL), CAIRN_OK);
    assert_ptr_equal(cairn_replay_cache_take(cache, &key, &one), first);
    assert_ptr_equal(cairn_replay_cache_take(cache, &key, &two), first);
    assert_null(two);
    assert_int_equal(cairn_replay_cache_num(cache), 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_key_covers_all_that_a_replay_follows_from),
        cmocka_unit_test(keeps_the_most_recently_used),
        cmocka_unit_test(is_bounded_in_bytes_too),
        cmocka_unit_test(a_key_that_is_there_keeps_its_replay),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
