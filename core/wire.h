/* core/wire.h -- spans, owned buffers, bounds-checked readers and writers, hex, base64 and base64url.
 *
 * The one place with pointer arithmetic and memcpy on foreign bytes. Readers and writers fail stickily: read the whole
 * structure, then ask cairn_reader_done() once; until then no value read may be acted on. Big-endian unless the name
 * says `_le`.
 */
#ifndef CAIRN_CORE_WIRE_H
#define CAIRN_CORE_WIRE_H

#include "core/base.h"

/* struct cairn_span borrows `len` bytes. All-zero is the empty span. */
struct cairn_span {
    const uint8_t *p;
    size_t len;
};
#define CAIRN_SPAN(array) ((struct cairn_span){(array), sizeof(array)})
struct cairn_span cairn_span(const void *p, size_t len);
struct cairn_span cairn_span_str(const char *text);              /* without the NUL */
bool cairn_span_equal(struct cairn_span a, struct cairn_span b); /* not for secrets: see core/secret.h */

/* cairn_copy copies `len` bytes between two arrays that have at least that many and do not overlap. */
void cairn_copy(void *to, const void *from, size_t len);

/* struct cairn_buf owns bytes on the heap. All-zero is valid and empty. cairn_buf_clear wipes before it frees.
 *
 * Whatever filled it, one NUL that `len` does not count follows the bytes. `bytes` may lie in the buffer itself. On
 * failure the buffer is as it was. CAIRN_E_IO "memory": no memory. */
struct cairn_buf {
    uint8_t *p;
    size_t len;
    size_t cap;
};
void cairn_buf_clear(struct cairn_buf *buf);
CAIRN_RC cairn_buf_append(struct cairn_buf *buf, struct cairn_span bytes, struct cairn_err *err);
CAIRN_RC cairn_buf_set(struct cairn_buf *buf, struct cairn_span bytes, struct cairn_err *err);
CAIRN_RC cairn_buf_resize(struct cairn_buf *buf, size_t len, struct cairn_err *err); /* new bytes are zero */
struct cairn_span cairn_buf_span(const struct cairn_buf *buf);
#define CAIRN_BUF CAIRN_CLEANUP(cairn_buf_clear) struct cairn_buf

/* struct cairn_reader consumes a span from the front. After the first short read every read gives zeros. */
struct cairn_reader {
    struct cairn_span rest;
    size_t offset; /* bytes consumed so far: the place of the first fault once `failed` is set */
    bool failed;
};
struct cairn_reader cairn_reader(struct cairn_span bytes);
uint8_t cairn_read_u8(struct cairn_reader *r);
uint16_t cairn_read_u16(struct cairn_reader *r);
uint32_t cairn_read_u32(struct cairn_reader *r);
uint64_t cairn_read_u64(struct cairn_reader *r);
uint16_t cairn_read_u16_le(struct cairn_reader *r);
uint32_t cairn_read_u32_le(struct cairn_reader *r);
uint64_t cairn_read_u64_le(struct cairn_reader *r);
struct cairn_span cairn_read_bytes(struct cairn_reader *r, size_t len);  /* borrows from the reader's input */
struct cairn_span cairn_read_tpm2b(struct cairn_reader *r, size_t max);  /* u16 length, then bytes; longer than max fails */
void cairn_read_array(struct cairn_reader *r, uint8_t *out, size_t len); /* zeros when the input is short */
void cairn_reader_fail(struct cairn_reader *r);                          /* a value was out of bounds */
bool cairn_reader_ok(const struct cairn_reader *r);                      /* no failure so far */
bool cairn_reader_done(const struct cairn_reader *r);                    /* no failure and nothing left over */

/* struct cairn_writer fills a fixed array; what does not fit sets `failed` and writes nothing more. */
struct cairn_writer {
    uint8_t *p;
    size_t cap;
    size_t len;
    bool failed;
};
struct cairn_writer cairn_writer(void *p, size_t cap);
void cairn_write_u8(struct cairn_writer *w, uint8_t v);
void cairn_write_u16(struct cairn_writer *w, uint16_t v);
void cairn_write_u32(struct cairn_writer *w, uint32_t v);
void cairn_write_u64(struct cairn_writer *w, uint64_t v);
void cairn_write_u16_le(struct cairn_writer *w, uint16_t v);
void cairn_write_u32_le(struct cairn_writer *w, uint32_t v);
void cairn_write_u64_le(struct cairn_writer *w, uint64_t v);
void cairn_write_bytes(struct cairn_writer *w, struct cairn_span bytes);
void cairn_write_tpm2b(struct cairn_writer *w, struct cairn_span bytes); /* u16 length, then the bytes */
bool cairn_writer_ok(const struct cairn_writer *w);
struct cairn_span cairn_writer_span(const struct cairn_writer *w); /* what was written; empty after a failure */

/* Hex is lower case only; base64 is RFC 4648 section 4, padded, with zero pad bits: one text per value.
 * `out` of cairn_hex_encode holds 2 * len + 1 bytes. cairn_hex_decode wants exactly 2 * len digits. */
void cairn_hex_encode(struct cairn_span bytes, char *out);
bool cairn_hex_decode(const char *text, uint8_t *out, size_t len);
/* Both replace what `out` holds. The decoder takes at most `max_len` bytes. CAIRN_E_FORMAT "base64": a length that is no
 * multiple of four, an alien character, wrong padding, pad bits that are not zero, or too long. */
CAIRN_RC cairn_base64_encode(struct cairn_span bytes, struct cairn_buf *out, struct cairn_err *err);
CAIRN_RC cairn_base64_decode(struct cairn_span text, size_t max_len, struct cairn_buf *out, struct cairn_err *err);
/* Base64url is RFC 4648 section 5 without padding, what JWS wants; the unused bits of the last character are zero: one text per
 * value. As above, with CAIRN_E_FORMAT "base64url". */
CAIRN_RC cairn_base64url_encode(struct cairn_span bytes, struct cairn_buf *out, struct cairn_err *err);
CAIRN_RC cairn_base64url_decode(struct cairn_span text, size_t max_len, struct cairn_buf *out, struct cairn_err *err);

#endif
