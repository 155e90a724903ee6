/* provision/assets.c -- the container: a header with names, sizes and digests, then each asset's chunks.
 *
 * Trust boundary: the file comes over any transport. Its digest is in the grant; the tags hold the chunks together; the header
 * is every chunk's AAD. Source: docs/formats.md "assets container"; NIST SP 800-38D; RFC 5869.
 */
#include "provision/assets.h"

#include <string.h>

enum { FORMAT = 1, INFO_MAX = 192, HEADER_MAX = 14 + CAIRN_ASSETS_MAX * (1 + CAIRN_ASSET_NAME_MAX + 8 + 32) };
static const uint8_t MAGIC[8] = {'C', 'A', 'I', 'R', 'N', 'A', 'S', 'T'};

/* struct item is one asset of a container; spans borrow from the file. */
struct item {
    struct cairn_span name, digest, cipher;
    uint64_t size;
};
struct container {
    struct cairn_span header;
    size_t num;
    struct item items[CAIRN_ASSETS_MAX];
};

static size_t num_chunks(uint64_t size)
{
    return (size_t)((size + CAIRN_ASSET_CHUNK - 1) / CAIRN_ASSET_CHUNK);
}

static bool name_ok(struct cairn_span name)
{
    char text[CAIRN_ASSET_NAME_MAX] = "";
    if (name.len == 0 || name.len >= sizeof text || memchr(name.p, 0, name.len) != NULL) {
        return false;
    }
    cairn_copy(text, name.p, name.len);
    return cairn_param_name_ok(text);
}

static bool item_ok(const struct container *c, const struct item *item)
{
    bool ok = name_ok(item->name) && item->size > 0 && item->size <= CAIRN_ASSET_PLAIN_MAX;
    for (size_t i = 0; i < c->num; i++) {
        ok = ok && !cairn_span_equal(c->items[i].name, item->name);
    }
    return ok;
}

static CAIRN_RC bad_format(struct cairn_err *err)
{
    return CAIRN_FAIL(err, CAIRN_E_FORMAT, "assets.format", "not an assets container of format %d", FORMAT);
}

static CAIRN_RC parse(struct cairn_span file, struct container *out, struct cairn_err *err)
{
    struct cairn_reader r = cairn_reader(file);
    struct cairn_span magic = cairn_read_bytes(&r, sizeof MAGIC);
    uint32_t format = cairn_read_u32(&r);
    uint16_t num = cairn_read_u16(&r);
    if (!cairn_span_equal(magic, CAIRN_SPAN(MAGIC)) || format != FORMAT || num == 0 || num > CAIRN_ASSETS_MAX) {
        return bad_format(err);
    }
    *out = (struct container){0};
    for (size_t i = 0; i < num; i++) {
        struct item item = {0};
        item.name = cairn_read_bytes(&r, cairn_read_u8(&r));
        item.size = cairn_read_u64(&r);
        item.digest = cairn_read_bytes(&r, CAIRN_SHA256_LEN);
        if (!cairn_reader_ok(&r) || !item_ok(out, &item)) {
            return bad_format(err);
        }
        out->items[out->num++] = item;
    }
    out->header = cairn_span(file.p, r.offset);
    for (size_t i = 0; i < num; i++) {
        size_t size = (size_t)out->items[i].size;
        out->items[i].cipher = cairn_read_bytes(&r, size + num_chunks(size) * CAIRN_GCM_TAG_LEN);
    }
    return cairn_reader_done(&r) ? CAIRN_OK : bad_format(err);
}

CAIRN_RC cairn_assets_check(struct cairn_span file, struct cairn_err *err)
{
    struct container c = {0};
    return parse(file, &c, err);
}

static CAIRN_RC asset_key(const struct cairn_asset_key *key, struct cairn_span name, struct cairn_span digest,
                          struct cairn_secret **out, struct cairn_err *err)
{
    uint8_t info[INFO_MAX] = {0};
    struct cairn_writer w = cairn_writer(info, sizeof info);
    CAIRN_SECRET *made = NULL;
    cairn_write_bytes(&w, cairn_span_str("cairn.asset.v1"));
    cairn_write_tpm2b(&w, cairn_span_str(key->device_class));
    cairn_write_u64(&w, key->svn);
    cairn_write_tpm2b(&w, name);
    cairn_write_bytes(&w, digest);
    if (!cairn_writer_ok(&w) || key->tk.len != CAIRN_TK_LEN) {
        return CAIRN_FAIL(err, CAIRN_E_USAGE, "assets.key", "a class name that is too long, or no transport key");
    }
    CAIRN_TRY(cairn_secret_new(32, &made, err));
    CAIRN_TRY(cairn_hkdf_sha256(key->tk, (struct cairn_span){0}, cairn_writer_span(&w), cairn_secret_bytes(made), 32, err));
    *out = made;
    made = NULL;
    return CAIRN_OK;
}

/* chunk_nonce: 3 zero bytes, the chunk's number, 1 for the last one. */
static void chunk_nonce(size_t i, bool last, uint8_t out[CAIRN_GCM_NONCE_LEN])
{
    struct cairn_writer w = cairn_writer(out, CAIRN_GCM_NONCE_LEN);
    cairn_write_u16(&w, 0);
    cairn_write_u8(&w, 0);
    cairn_write_u64(&w, i);
    cairn_write_u8(&w, last ? 1 : 0);
}

static size_t chunk_len(size_t size, size_t i)
{
    size_t left = size - i * CAIRN_ASSET_CHUNK;
    return left < CAIRN_ASSET_CHUNK ? left : CAIRN_ASSET_CHUNK;
}

static CAIRN_RC seal_chunks(const uint8_t *key, struct cairn_span header, struct cairn_span plain, uint8_t *out,
                            struct cairn_err *err)
{
    size_t num = num_chunks(plain.len);
    struct cairn_reader r = cairn_reader(plain);
    for (size_t i = 0; i < num; i++) {
        uint8_t nonce[CAIRN_GCM_NONCE_LEN] = {0};
        struct cairn_span chunk = cairn_read_bytes(&r, chunk_len(plain.len, i));
        chunk_nonce(i, i + 1 == num, nonce);
        CAIRN_TRY(cairn_gcm_seal(key, nonce, header, chunk, out, err));
        out += chunk.len + CAIRN_GCM_TAG_LEN;
    }
    return CAIRN_OK;
}

static CAIRN_RC open_chunks(const uint8_t *key, struct cairn_span header, struct cairn_span cipher, struct cairn_secret *plain,
                            struct cairn_err *err)
{
    size_t size = cairn_secret_span(plain).len, num = num_chunks(size);
    struct cairn_reader r = cairn_reader(cipher);
    for (size_t i = 0; i < num; i++) {
        uint8_t nonce[CAIRN_GCM_NONCE_LEN] = {0};
        struct cairn_span chunk = cairn_read_bytes(&r, chunk_len(size, i) + CAIRN_GCM_TAG_LEN);
        chunk_nonce(i, i + 1 == num, nonce);
        enum cairn_rc rc = cairn_gcm_open(key, nonce, header, chunk, cairn_secret_bytes(plain) + i * CAIRN_ASSET_CHUNK, err);
        if (rc == CAIRN_E_REFUSED) {
            return CAIRN_FAIL(err, rc, "assets.tag", "chunk %zu was altered, or is encrypted under another key", i);
        }
        CAIRN_TRY(rc);
    }
    return CAIRN_OK;
}

static CAIRN_RC write_header(const struct cairn_asset_plain *assets, size_t num, struct cairn_writer *w, struct cairn_err *err)
{
    cairn_write_bytes(w, CAIRN_SPAN(MAGIC));
    cairn_write_u32(w, FORMAT);
    cairn_write_u16(w, (uint16_t)num);
    for (size_t i = 0; i < num; i++) {
        uint8_t digest[CAIRN_SHA256_LEN] = {0};
        CAIRN_TRY(cairn_sha256(assets[i].bytes, digest, err));
        cairn_write_u8(w, (uint8_t)strlen(assets[i].name));
        cairn_write_bytes(w, cairn_span_str(assets[i].name));
        cairn_write_u64(w, assets[i].bytes.len);
        cairn_write_bytes(w, CAIRN_SPAN(digest));
    }
    return CAIRN_OK;
}

static CAIRN_RC check_plain(const struct cairn_asset_plain *assets, size_t num, struct cairn_err *err)
{
    bool ok = num > 0 && num <= CAIRN_ASSETS_MAX;
    for (size_t i = 0; ok && i < num; i++) {
        ok = name_ok(cairn_span_str(assets[i].name)) && assets[i].bytes.len > 0 && assets[i].bytes.len <= CAIRN_ASSET_PLAIN_MAX;
        for (size_t k = 0; ok && k < i; k++) {
            ok = strcmp(assets[i].name, assets[k].name) != 0;
        }
    }
    return ok ? CAIRN_OK : CAIRN_FAIL(err, CAIRN_E_USAGE, "assets.names", "an asset's name or size is not possible");
}

CAIRN_RC cairn_assets_seal(const struct cairn_asset_key *key, const struct cairn_asset_plain *assets, size_t num,
                           struct cairn_buf *out, struct cairn_err *err)
{
    uint8_t head[HEADER_MAX] = {0};
    struct cairn_writer w = cairn_writer(head, sizeof head);
    CAIRN_BUF file = {0};
    CAIRN_TRY(check_plain(assets, num, err));
    CAIRN_TRY(write_header(assets, num, &w, err));
    struct cairn_span header = cairn_writer_span(&w);
    CAIRN_TRY(cairn_buf_set(&file, header, err));
    for (size_t i = 0; i < num; i++) {
        CAIRN_SECRET *aes = NULL;
        uint8_t digest[CAIRN_SHA256_LEN] = {0};
        size_t at = file.len, len = assets[i].bytes.len + num_chunks(assets[i].bytes.len) * CAIRN_GCM_TAG_LEN;
        CAIRN_TRY(cairn_sha256(assets[i].bytes, digest, err));
        CAIRN_TRY(asset_key(key, cairn_span_str(assets[i].name), CAIRN_SPAN(digest), &aes, err));
        CAIRN_TRY(cairn_buf_resize(&file, at + len, err));
        CAIRN_TRY(seal_chunks(cairn_secret_span(aes).p, header, assets[i].bytes, file.p + at, err));
    }
    cairn_buf_clear(out);
    *out = file;
    file = (struct cairn_buf){0};
    return CAIRN_OK;
}

static CAIRN_RC open_item(const struct cairn_asset_key *key, struct cairn_span header, const struct item *item,
                          struct cairn_secret **out, struct cairn_err *err)
{
    CAIRN_SECRET *aes = NULL, *plain = NULL;
    uint8_t digest[CAIRN_SHA256_LEN] = {0};
    CAIRN_TRY(asset_key(key, item->name, item->digest, &aes, err));
    CAIRN_TRY(cairn_secret_new((size_t)item->size, &plain, err));
    CAIRN_TRY(open_chunks(cairn_secret_span(aes).p, header, item->cipher, plain, err));
    CAIRN_TRY(cairn_sha256(cairn_secret_span(plain), digest, err));
    if (!cairn_span_equal(CAIRN_SPAN(digest), item->digest)) {
        return CAIRN_FAIL(err, CAIRN_E_REFUSED, "assets.digest", "an asset is not what its own container says");
    }
    *out = plain;
    plain = NULL;
    return CAIRN_OK;
}

CAIRN_RC cairn_assets_open(const struct cairn_asset_key *key, struct cairn_span file, const char *name, const uint8_t want[32],
                           struct cairn_secret **out, struct cairn_err *err)
{
    struct container c = {0};
    CAIRN_TRY(parse(file, &c, err));
    for (size_t i = 0; i < c.num; i++) {
        if (!cairn_span_equal(c.items[i].name, cairn_span_str(name))) {
            continue;
        }
        if (!cairn_span_equal(c.items[i].digest, cairn_span(want, CAIRN_SHA256_LEN))) {
            return CAIRN_FAIL(err, CAIRN_E_REFUSED, "assets.digest", "asset \"%s\" is not the one that was signed for", name);
        }
        return open_item(key, c.header, &c.items[i], out, err);
    }
    return CAIRN_FAIL(err, CAIRN_E_REFUSED, "assets.absent", "the container has no asset \"%s\"", name);
}
