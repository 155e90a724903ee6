/* provision/assets.c: chunks cannot be altered, moved, dropped or cut off, and each asset opens with its own key only. */
#include "unit/storage/expect.h"

#include "provision/assets.h"

static const uint8_t TK[32] = {9}, OTHER_TK[32] = {8};
enum { BIG = 2 * CAIRN_ASSET_CHUNK + 100 };

static struct cairn_asset_key key(void)
{
    return (struct cairn_asset_key){CAIRN_SPAN(TK), "gateway-a", 3};
}

static uint8_t *big_plain(void)
{
    uint8_t *plain = malloc(BIG);
    assert_non_null(plain);
    for (size_t i = 0; i < BIG; i++) {
        plain[i] = (uint8_t)(i * 7 + i / 251);
    }
    return plain;
}

/* "vault" of `len` bytes and a small "online". */
static void seal(size_t len, struct cairn_buf *out, uint8_t digest[32])
{
    uint8_t *plain = big_plain();
    const struct cairn_asset_plain assets[] = {{"vault", cairn_span(plain, len)}, {"online", cairn_span_str("hello")}};
    const struct cairn_asset_key k = key();
    OK(cairn_assets_seal(&k, assets, 2, out, &err));
    OK(cairn_sha256(cairn_span(plain, len), digest, &err));
    free(plain);
}

static void assets_of_any_size_open_again(void **state)
{
    (void)state;
    static const size_t SIZES[] = {1,  CAIRN_ASSET_CHUNK - 1, CAIRN_ASSET_CHUNK, CAIRN_ASSET_CHUNK + 1, 2 * CAIRN_ASSET_CHUNK,
                                   BIG};
    uint8_t *plain = big_plain();
    const struct cairn_asset_key k = key();
    for (size_t i = 0; i < CAIRN_ARRAY_LEN(SIZES); i++) {
        CAIRN_BUF file = {0};
        CAIRN_SECRET *out = NULL;
        uint8_t digest[32];
        seal(SIZES[i], &file, digest);
        OK(cairn_assets_check(cairn_buf_span(&file), &err));
        OK(cairn_assets_open(&k, cairn_buf_span(&file), "vault", digest, &out, &err));
        assert_true(cairn_span_equal(cairn_secret_span(out), cairn_span(plain, SIZES[i])));
    }
    free(plain);
}

static void another_transport_key_class_or_release_opens_nothing(void **state)
{
    (void)state;
    CAIRN_BUF file = {0};
    struct cairn_secret *out = NULL;
    uint8_t digest[32];
    seal(100, &file, digest);
    const struct cairn_asset_key others[] = {
        {CAIRN_SPAN(OTHER_TK), "gateway-a", 3}, {CAIRN_SPAN(TK), "gateway-b", 3}, {CAIRN_SPAN(TK), "gateway-a", 4}};
    for (size_t i = 0; i < CAIRN_ARRAY_LEN(others); i++) {
        REFUSES(CAIRN_E_REFUSED, "assets.tag",
                cairn_assets_open(&others[i], cairn_buf_span(&file), "vault", digest, &out, &err));
    }
}

static void bytes_that_were_not_signed_for_are_refused(void **state)
{
    (void)state;
    CAIRN_BUF file = {0};
    struct cairn_secret *out = NULL;
    const struct cairn_asset_key k = key();
    uint8_t digest[32];
    seal(100, &file, digest);
    REFUSES(CAIRN_E_REFUSED, "assets.absent", cairn_assets_open(&k, cairn_buf_span(&file), "other", digest, &out, &err));
    REFUSES(CAIRN_E_REFUSED, "assets.digest", cairn_assets_open(&k, cairn_buf_span(&file), "online", digest, &out, &err));
    digest[0] ^= 1;
    REFUSES(CAIRN_E_REFUSED, "assets.digest", cairn_assets_open(&k, cairn_buf_span(&file), "vault", digest, &out, &err));
}

/* Who holds the transport key can encrypt anything under the header of something else: the digest of what came out decides. */
static void a_forger_with_the_transport_key_is_refused(void **state)
{
    (void)state;
    static const char FORGED[] = "evil";
    uint8_t want[32], info[96], aes[32], nonce[12] = {0}, file[128];
    struct cairn_secret *out = NULL;
    const struct cairn_asset_key k = key();
    OK(cairn_sha256(cairn_span_str("good"), want, &err));
    struct cairn_writer i = cairn_writer(info, sizeof info);
    cairn_write_bytes(&i, cairn_span_str("cairn.asset.v1"));
    cairn_write_tpm2b(&i, cairn_span_str(k.device_class));
    cairn_write_u64(&i, k.svn);
    cairn_write_tpm2b(&i, cairn_span_str("vault"));
    cairn_write_bytes(&i, CAIRN_SPAN(want));
    OK(cairn_hkdf_sha256(k.tk, cairn_span(NULL, 0), cairn_writer_span(&i), aes, sizeof aes, &err));
    struct cairn_writer w = cairn_writer(file, sizeof file);
    cairn_write_bytes(&w, cairn_span_str("CAIRNAST"));
    cairn_write_u32(&w, 1);
    cairn_write_u16(&w, 1);
    cairn_write_u8(&w, 5);
    cairn_write_bytes(&w, cairn_span_str("vault"));
    cairn_write_u64(&w, 4);
    cairn_write_bytes(&w, CAIRN_SPAN(want));
    nonce[11] = 1;
    OK(cairn_gcm_seal(aes, nonce, cairn_writer_span(&w), cairn_span_str(FORGED), file + w.len, &err));
    struct cairn_span forged = cairn_span(file, w.len + 4 + CAIRN_GCM_TAG_LEN);
    OK(cairn_assets_check(forged, &err));
    REFUSES(CAIRN_E_REFUSED, "assets.digest", cairn_assets_open(&k, forged, "vault", want, &out, &err));
}

static void impossible_headers_are_refused(void **state)
{
    (void)state;
    CAIRN_BUF file = {0};
    uint8_t digest[32];
    static const struct {
        size_t at;
        uint8_t value;
    } CASES[] = {{0, 'c'}, {11, 2}, {13, 0}, {13, 5}, {15, 'V'}, {15, 0}, {20, 0xff}, {27, 0}};
    for (size_t i = 0; i < CAIRN_ARRAY_LEN(CASES); i++) {
        seal(20, &file, digest);
        file.p[CASES[i].at] = CASES[i].value;
        REFUSES(CAIRN_E_FORMAT, "assets.format", cairn_assets_check(cairn_buf_span(&file), &err));
    }
}

static void exchanged_chunks_are_refused(void **state)
{
    (void)state;
    CAIRN_BUF file = {0};
    struct cairn_secret *out = NULL;
    const struct cairn_asset_key k = key();
    const size_t chunk = CAIRN_ASSET_CHUNK + CAIRN_GCM_TAG_LEN;
    uint8_t digest[32], *kept = malloc(chunk);
    assert_non_null(kept);
    seal(BIG, &file, digest);
    uint8_t *first = file.p + file.len - (5 + CAIRN_GCM_TAG_LEN) - (100 + CAIRN_GCM_TAG_LEN) - 2 * chunk;
    memcpy(kept, first, chunk);
    memcpy(first, first + chunk, chunk);
    memcpy(first + chunk, kept, chunk);
    REFUSES(CAIRN_E_REFUSED, "assets.tag", cairn_assets_open(&k, cairn_buf_span(&file), "vault", digest, &out, &err));
    free(kept);
}

/* A file cut to two whole chunks, its header made to agree: the last flag in the nonce is what refuses it. */
static void an_asset_cut_at_a_chunk_is_refused(void **state)
{
    (void)state;
    CAIRN_BUF file = {0}, cut = {0};
    struct cairn_secret *out = NULL;
    const struct cairn_asset_key k = key();
    uint8_t digest[32], *plain = big_plain();
    const struct cairn_asset_plain one = {"vault", cairn_span(plain, 2 * CAIRN_ASSET_CHUNK)};
    OK(cairn_assets_seal(&k, &one, 1, &file, &err));
    OK(cairn_buf_set(&cut, cairn_span(file.p, file.len - CAIRN_ASSET_CHUNK - CAIRN_GCM_TAG_LEN), &err));
    cut.p[8 + 4 + 2 + 1 + 5 + 5] = 1; /* size: 0x20000 becomes 0x10000 */
    OK(cairn_assets_check(cairn_buf_span(&cut), &err));
    OK(cairn_sha256(one.bytes, digest, &err));
    REFUSES(CAIRN_E_REFUSED, "assets.tag", cairn_assets_open(&k, cairn_buf_span(&cut), "vault", digest, &out, &err));
    free(plain);
}

static void every_flipped_bit_is_refused(void **state)
{
    (void)state;
    CAIRN_BUF file = {0};
    const struct cairn_asset_key k = key();
    uint8_t digest[32];
    seal(20, &file, digest);
    for (size_t bit = 0; bit < 8 * (file.len - 5 - CAIRN_GCM_TAG_LEN); bit++) {
        struct cairn_secret *out = NULL;
        file.p[bit / 8] ^= (uint8_t)(1u << bit % 8);
        assert_int_not_equal(cairn_assets_open(&k, cairn_buf_span(&file), "vault", digest, &out, NULL), CAIRN_OK);
        assert_null(out);
        file.p[bit / 8] ^= (uint8_t)(1u << bit % 8);
    }
}

static void every_truncation_and_a_trailing_byte_are_refused(void **state)
{
    (void)state;
    CAIRN_BUF file = {0};
    uint8_t digest[32];
    seal(20, &file, digest);
    for (size_t len = 0; len <= file.len + 1; len++) {
        uint8_t *exact = calloc(1, len + 1);
        assert_non_null(exact);
        memcpy(exact, file.p, len < file.len ? len : file.len);
        if (len != file.len) {
            REFUSES(CAIRN_E_FORMAT, "assets.format", cairn_assets_check(cairn_span(exact, len), &err));
        }
        free(exact);
    }
}

static void impossible_names_are_refused(void **state)
{
    (void)state;
    CAIRN_BUF file = {0};
    const struct cairn_asset_key k = key();
    const struct cairn_asset_plain bad[] = {{"../x", cairn_span_str("a")}};
    const struct cairn_asset_plain doubled[] = {{"a", cairn_span_str("a")}, {"a", cairn_span_str("b")}};
    REFUSES(CAIRN_E_USAGE, "assets.names", cairn_assets_seal(&k, bad, 1, &file, &err));
    REFUSES(CAIRN_E_USAGE, "assets.names", cairn_assets_seal(&k, doubled, 2, &file, &err));
    REFUSES(CAIRN_E_USAGE, "assets.names", cairn_assets_seal(&k, doubled, 0, &file, &err));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(assets_of_any_size_open_again),
        cmocka_unit_test(another_transport_key_class_or_release_opens_nothing),
        cmocka_unit_test(bytes_that_were_not_signed_for_are_refused),
        cmocka_unit_test(a_forger_with_the_transport_key_is_refused),
        cmocka_unit_test(impossible_headers_are_refused),
        cmocka_unit_test(exchanged_chunks_are_refused),
        cmocka_unit_test(an_asset_cut_at_a_chunk_is_refused),
        cmocka_unit_test(every_flipped_bit_is_refused),
        cmocka_unit_test(every_truncation_and_a_trailing_byte_are_refused),
        cmocka_unit_test(impossible_names_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
