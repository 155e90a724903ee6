/* tests/unit/provision/test_attack_assets.c -- no key stream of GCM is used twice: not by two assets, two contents, two chunks.
 */
#include "unit/storage/expect.h"

#include <stdlib.h>

#include "provision/assets.h"

enum { LEN = 32 };
#define WRAPS UINT64_C(0xfff000fff0010004)
static const uint8_t TK[CAIRN_TK_LEN] = {7};

static void seal(const struct cairn_asset_plain *assets, size_t num, struct cairn_buf *out)
{
    const struct cairn_asset_key key = {CAIRN_SPAN(TK), "gateway-a", 3};
    OK(cairn_assets_seal(&key, assets, num, out, &err));
}

static void two_assets_of_one_content_share_no_key_stream(void **state)
{
    (void)state;
    static const uint8_t SAME[LEN] = {1, 2, 3};
    const struct cairn_asset_plain assets[] = {{"first", CAIRN_SPAN(SAME)}, {"second", CAIRN_SPAN(SAME)}};
    const size_t each = LEN + CAIRN_GCM_TAG_LEN;
    CAIRN_BUF file = {0};
    seal(assets, 2, &file);
    assert_memory_not_equal(file.p + file.len - 2 * each, file.p + file.len - each, LEN);
}

/* Equal names in two containers: what both ciphertexts have in common must not be the key stream. */
static void two_contents_of_one_name_share_no_key_stream(void **state)
{
    (void)state;
    static const uint8_t ONE[LEN] = {1, 2, 3}, OTHER[LEN] = {9, 9, 9};
    const struct cairn_asset_plain first = {"vault", CAIRN_SPAN(ONE)}, second = {"vault", CAIRN_SPAN(OTHER)};
    CAIRN_BUF a = {0}, b = {0};
    seal(&first, 1, &a);
    seal(&second, 1, &b);
    const uint8_t *x = a.p + a.len - LEN - CAIRN_GCM_TAG_LEN, *y = b.p + b.len - LEN - CAIRN_GCM_TAG_LEN;
    uint8_t differs = 0;
    for (size_t i = 0; i < LEN; i++) {
        differs |= (uint8_t)(x[i] ^ y[i] ^ ONE[i] ^ OTHER[i]);
    }
    assert_int_not_equal(differs, 0);
}

static void two_chunks_of_one_content_share_no_key_stream(void **state)
{
    (void)state;
    uint8_t *plain = calloc(3, CAIRN_ASSET_CHUNK);
    assert_non_null(plain);
    const struct cairn_asset_plain asset = {"vault", cairn_span(plain, 3 * (size_t)CAIRN_ASSET_CHUNK)};
    const size_t each = CAIRN_ASSET_CHUNK + CAIRN_GCM_TAG_LEN;
    CAIRN_BUF file = {0};
    seal(&asset, 1, &file);
    assert_memory_not_equal(file.p + file.len - 3 * each, file.p + file.len - 2 * each, CAIRN_ASSET_CHUNK);
    free(plain);
}

/* A container of one asset whose header says `size`, with `rest` bytes behind it. */
static enum cairn_rc check_size(uint64_t size, size_t rest, struct cairn_err *err)
{
    static const uint8_t ANY[CAIRN_SHA256_LEN];
    uint8_t file[128] = {0};
    struct cairn_writer w = cairn_writer(file, sizeof file);
    cairn_write_bytes(&w, cairn_span_str("CAIRNAST"));
    cairn_write_u32(&w, 1);
    cairn_write_u16(&w, 1);
    cairn_write_u8(&w, 5);
    cairn_write_bytes(&w, cairn_span_str("vault"));
    cairn_write_u64(&w, size);
    cairn_write_bytes(&w, CAIRN_SPAN(ANY));
    return cairn_assets_check(cairn_span(file, w.len + rest), err);
}

/* Plaintext and tags of this size add up to 36 bytes modulo 2^64. */
static void a_size_whose_sum_wraps_around_is_refused(void **state)
{
    (void)state;
    OK(check_size(20, 20 + CAIRN_GCM_TAG_LEN, &err));
    REFUSES(CAIRN_E_FORMAT, "assets.format", check_size(WRAPS, 36, &err));
    REFUSES(CAIRN_E_FORMAT, "assets.format", check_size(0, 0, &err));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(two_assets_of_one_content_share_no_key_stream),
        cmocka_unit_test(two_contents_of_one_name_share_no_key_stream),
        cmocka_unit_test(two_chunks_of_one_content_share_no_key_stream),
        cmocka_unit_test(a_size_whose_sum_wraps_around_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
