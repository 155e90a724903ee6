/* core/wire.c -- see core/wire.h: the one place with pointer arithmetic on foreign bytes. Hex and base64 are in text.c. */
#include "core/wire.h"

#include <stdlib.h>
#include <string.h>

struct cairn_span cairn_span(const void *p, size_t len)
{
    return (struct cairn_span){p, len};
}

struct cairn_span cairn_span_str(const char *text)
{
    return cairn_span(text, strlen(text));
}

void cairn_copy(void *to, const void *from, size_t len)
{
    memcpy(to, from, len);
}

bool cairn_span_equal(struct cairn_span a, struct cairn_span b)
{
    return a.len == b.len && (a.len == 0 || memcmp(a.p, b.p, a.len) == 0);
}

/* copy is memcpy that may be given NULL for no bytes. */
static void copy(uint8_t *to, const uint8_t *from, size_t len)
{
    if (len > 0) {
        memcpy(to, from, len);
    }
}

void cairn_buf_clear(struct cairn_buf *buf)
{
    if (buf->p != NULL) {
        explicit_bzero(buf->p, buf->cap);
        free(buf->p);
    }
    *buf = (struct cairn_buf){0};
}

/* reserve makes room for `len` bytes and a NUL; the old bytes are wiped, never left behind by a realloc. */
static enum cairn_rc reserve(struct cairn_buf *buf, size_t len, struct cairn_err *err)
{
    if (buf->p != NULL && buf->cap > len) {
        return CAIRN_OK;
    }
    if (len > SIZE_MAX / 4) {
        return CAIRN_FAIL(err, CAIRN_E_IO, "memory", "a buffer of %zu bytes is more than this machine can hold", len);
    }
    size_t cap = buf->cap > len / 2 ? 2 * buf->cap + 1 : len + 1; /* doubling: many small growths stay cheap */
    uint8_t *p = malloc(cap);
    if (p == NULL) {
        return CAIRN_FAIL(err, CAIRN_E_IO, "memory", "no memory for a buffer of %zu bytes", len);
    }
    copy(p, buf->p, buf->len);
    size_t kept = buf->len;
    cairn_buf_clear(buf);
    *buf = (struct cairn_buf){.p = p, .len = kept, .cap = cap};
    return CAIRN_OK;
}

enum cairn_rc cairn_buf_append(struct cairn_buf *buf, struct cairn_span bytes, struct cairn_err *err)
{
    if (bytes.len > SIZE_MAX / 4 || buf->len > SIZE_MAX / 4) {
        return CAIRN_FAIL(err, CAIRN_E_IO, "memory", "a buffer would be larger than this machine can hold");
    }
    size_t len = buf->len + bytes.len;
    /* `bytes` may lie in the buffer itself, which growth would wipe: so growth builds the new block first */
    CAIRN_BUF grown = {0};
    struct cairn_buf *to = buf;
    if (buf->p == NULL || buf->cap <= len) {
        CAIRN_TRY(reserve(&grown, len + buf->len / 2, err));
        copy(grown.p, buf->p, buf->len);
        to = &grown;
    }
    if (bytes.len > 0) {
        memmove(to->p + buf->len, bytes.p, bytes.len);
    }
    to->len = len;
    to->p[len] = 0;
    if (to == &grown) {
        struct cairn_buf old = *buf;
        *buf = grown;
        grown = old;
    }
    return CAIRN_OK;
}

enum cairn_rc cairn_buf_set(struct cairn_buf *buf, struct cairn_span bytes, struct cairn_err *err)
{
    CAIRN_BUF fresh = {0};
    CAIRN_TRY(cairn_buf_append(&fresh, bytes, err));
    struct cairn_buf old = *buf;
    *buf = fresh;
    fresh = old;
    return CAIRN_OK;
}

enum cairn_rc cairn_buf_resize(struct cairn_buf *buf, size_t len, struct cairn_err *err)
{
    CAIRN_TRY(reserve(buf, len, err));
    if (len > buf->len) {
        memset(buf->p + buf->len, 0, len - buf->len);
    } else {
        explicit_bzero(buf->p + len, buf->len - len);
    }
    buf->len = len;
    buf->p[len] = 0;
    return CAIRN_OK;
}

struct cairn_span cairn_buf_span(const struct cairn_buf *buf)
{
    return cairn_span(buf->p, buf->len);
}

struct cairn_reader cairn_reader(struct cairn_span bytes)
{
    return (struct cairn_reader){.rest = bytes};
}

struct cairn_span cairn_read_bytes(struct cairn_reader *r, size_t len)
{
    if (r->failed || len > r->rest.len) {
        r->failed = true;
        return (struct cairn_span){0};
    }
    struct cairn_span got = {r->rest.p, len};
    if (len > 0) {
        r->rest.p += len;
        r->rest.len -= len;
        r->offset += len;
    }
    return got;
}

static uint64_t read_be(struct cairn_reader *r, size_t len)
{
    struct cairn_span got = cairn_read_bytes(r, len);
    uint64_t value = 0;
    for (size_t i = 0; i < got.len; i++) {
        value = value << 8 | got.p[i];
    }
    return value;
}

static uint64_t read_le(struct cairn_reader *r, size_t len)
{
    struct cairn_span got = cairn_read_bytes(r, len);
    uint64_t value = 0;
    for (size_t i = got.len; i > 0; i--) {
        value = value << 8 | got.p[i - 1];
    }
    return value;
}

uint8_t cairn_read_u8(struct cairn_reader *r)
{
    return (uint8_t)read_be(r, 1);
}

uint16_t cairn_read_u16(struct cairn_reader *r)
{
    return (uint16_t)read_be(r, 2);
}

uint32_t cairn_read_u32(struct cairn_reader *r)
{
    return (uint32_t)read_be(r, 4);
}

uint64_t cairn_read_u64(struct cairn_reader *r)
{
    return read_be(r, 8);
}

uint16_t cairn_read_u16_le(struct cairn_reader *r)
{
    return (uint16_t)read_le(r, 2);
}

uint32_t cairn_read_u32_le(struct cairn_reader *r)
{
    return (uint32_t)read_le(r, 4);
}

uint64_t cairn_read_u64_le(struct cairn_reader *r)
{
    return read_le(r, 8);
}

struct cairn_span cairn_read_tpm2b(struct cairn_reader *r, size_t max)
{
    size_t len = cairn_read_u16(r);
    if (len > max) {
        r->failed = true;
        return (struct cairn_span){0};
    }
    return cairn_read_bytes(r, len);
}

void cairn_read_array(struct cairn_reader *r, uint8_t *out, size_t len)
{
    struct cairn_span got = cairn_read_bytes(r, len);
    if (len == 0) {
        return;
    }
    if (got.len == len) {
        memcpy(out, got.p, len);
    } else {
        memset(out, 0, len);
    }
}

void cairn_reader_fail(struct cairn_reader *r)
{
    r->failed = true;
}

bool cairn_reader_ok(const struct cairn_reader *r)
{
    return !r->failed;
}

bool cairn_reader_done(const struct cairn_reader *r)
{
    return !r->failed && r->rest.len == 0;
}

struct cairn_writer cairn_writer(void *p, size_t cap)
{
    return (struct cairn_writer){.p = p, .cap = cap};
}

void cairn_write_bytes(struct cairn_writer *w, struct cairn_span bytes)
{
    if (w->failed || bytes.len > w->cap - w->len) {
        w->failed = true;
        return;
    }
    if (bytes.len > 0) {
        memcpy(w->p + w->len, bytes.p, bytes.len);
        w->len += bytes.len;
    }
}

static void write_be(struct cairn_writer *w, uint64_t v, size_t len)
{
    uint8_t bytes[8];
    for (size_t i = 0; i < len; i++) {
        bytes[i] = (uint8_t)(v >> (8 * (len - 1 - i)));
    }
    cairn_write_bytes(w, cairn_span(bytes, len));
}

static void write_le(struct cairn_writer *w, uint64_t v, size_t len)
{
    uint8_t bytes[8];
    for (size_t i = 0; i < len; i++) {
        bytes[i] = (uint8_t)(v >> (8 * i));
    }
    cairn_write_bytes(w, cairn_span(bytes, len));
}

void cairn_write_u8(struct cairn_writer *w, uint8_t v)
{
    write_be(w, v, 1);
}

void cairn_write_u16(struct cairn_writer *w, uint16_t v)
{
    write_be(w, v, 2);
}

void cairn_write_u32(struct cairn_writer *w, uint32_t v)
{
    write_be(w, v, 4);
}

void cairn_write_u64(struct cairn_writer *w, uint64_t v)
{
    write_be(w, v, 8);
}

void cairn_write_u16_le(struct cairn_writer *w, uint16_t v)
{
    write_le(w, v, 2);
}

void cairn_write_u32_le(struct cairn_writer *w, uint32_t v)
{
    write_le(w, v, 4);
}

void cairn_write_u64_le(struct cairn_writer *w, uint64_t v)
{
    write_le(w, v, 8);
}

void cairn_write_tpm2b(struct cairn_writer *w, struct cairn_span bytes)
{
    if (bytes.len > UINT16_MAX) {
        w->failed = true;
        return;
    }
    cairn_write_u16(w, (uint16_t)bytes.len);
    cairn_write_bytes(w, bytes);
}

bool cairn_writer_ok(const struct cairn_writer *w)
{
    return !w->failed;
}

struct cairn_span cairn_writer_span(const struct cairn_writer *w)
{
    return w->failed ? (struct cairn_span){0} : cairn_span(w->p, w->len);
}
