/* core/text.c -- hex and base64 of core/wire.h: one text per value, everything else is refused.
 *
 * Source: RFC 4648 sections 4 and 3.5 (canonical encoding). Not constant time: keys travel as PKCS#8 files, not in here.
 */
#include "core/wire.h"

#include <string.h>

static const char HEX[] = "0123456789abcdef";
static const char BASE64[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

void cairn_hex_encode(struct cairn_span bytes, char *out)
{
    for (size_t i = 0; i < bytes.len; i++) {
        out[2 * i] = HEX[bytes.p[i] >> 4];
        out[2 * i + 1] = HEX[bytes.p[i] & 15];
    }
    out[2 * bytes.len] = '\0';
}

/* digit_of gives a character's place in `digits`, or -1. */
static int digit_of(const char *digits, size_t num_digits, int c)
{
    const char *at = c == 0 ? NULL : memchr(digits, c, num_digits);
    return at == NULL ? -1 : (int)(at - digits);
}

bool cairn_hex_decode(const char *text, uint8_t *out, size_t len)
{
    if (strnlen(text, len > SIZE_MAX / 2 - 1 ? 0 : 2 * len + 1) != 2 * len) {
        return false;
    }
    for (size_t i = 0; i < 2 * len; i++) {
        if (digit_of(HEX, 16, text[i]) < 0) {
            return false;
        }
    }
    for (size_t i = 0; i < len; i++) {
        out[i] = (uint8_t)(digit_of(HEX, 16, text[2 * i]) << 4 | digit_of(HEX, 16, text[2 * i + 1]));
    }
    return true;
}

enum cairn_rc cairn_base64_encode(struct cairn_span bytes, struct cairn_buf *out, struct cairn_err *err)
{
    if (bytes.len > SIZE_MAX / 8) {
        return CAIRN_FAIL(err, CAIRN_E_IO, "memory", "too many bytes to write as base64");
    }
    CAIRN_BUF text = {0};
    CAIRN_TRY(cairn_buf_resize(&text, (bytes.len + 2) / 3 * 4, err));
    for (size_t i = 0; i < bytes.len; i += 3) {
        size_t left = bytes.len - i;
        uint32_t group = (uint32_t)bytes.p[i] << 16;
        group |= left > 1 ? (uint32_t)bytes.p[i + 1] << 8 : 0;
        group |= left > 2 ? (uint32_t)bytes.p[i + 2] : 0;
        uint8_t *at = text.p + i / 3 * 4;
        at[0] = (uint8_t)BASE64[group >> 18 & 63];
        at[1] = (uint8_t)BASE64[group >> 12 & 63];
        at[2] = (uint8_t)(left > 1 ? BASE64[group >> 6 & 63] : '=');
        at[3] = (uint8_t)(left > 2 ? BASE64[group & 63] : '=');
    }
    struct cairn_buf old = *out;
    *out = text;
    text = old;
    return CAIRN_OK;
}

static enum cairn_rc bad_base64(struct cairn_err *err, const char *why)
{
    return CAIRN_FAIL(err, CAIRN_E_FORMAT, "base64", "not canonical base64: %s", why);
}

/* decode_group gives the 24 bits of four characters of which the last `num_pad` are '='; false: an alien character. */
static bool decode_group(const uint8_t *text, size_t num_pad, uint32_t *group)
{
    *group = 0;
    for (size_t i = 0; i < 4; i++) {
        int digit = i < 4 - num_pad ? digit_of(BASE64, 64, text[i]) : 0;
        if (digit < 0) {
            return false;
        }
        *group = *group << 6 | (uint32_t)digit;
    }
    return true;
}

static size_t count_padding(struct cairn_span text)
{
    size_t num_pad = 0;
    while (num_pad < 2 && num_pad < text.len && text.p[text.len - 1 - num_pad] == '=') {
        num_pad++;
    }
    return num_pad;
}

enum cairn_rc cairn_base64_decode(struct cairn_span text, size_t max_len, struct cairn_buf *out, struct cairn_err *err)
{
    if (text.len % 4 != 0) {
        return bad_base64(err, "the length is not a multiple of four");
    }
    size_t num_pad = count_padding(text);
    size_t len = text.len / 4 * 3 - num_pad;
    if (len > max_len) {
        return bad_base64(err, "more bytes than this place may hold");
    }
    CAIRN_BUF bytes = {0};
    CAIRN_TRY(cairn_buf_resize(&bytes, len, err));
    for (size_t i = 0; i < text.len; i += 4) {
        size_t pad = i + 4 == text.len ? num_pad : 0;
        uint32_t group = 0;
        if (!decode_group(text.p + i, pad, &group)) {
            return bad_base64(err, "a character outside the alphabet");
        }
        if ((pad == 1 && (group & 0xff) != 0) || (pad == 2 && (group & 0xffff) != 0)) {
            return bad_base64(err, "the bits under the padding are not zero");
        }
        for (size_t k = 0; k < 3 - pad; k++) {
            bytes.p[i / 4 * 3 + k] = (uint8_t)(group >> (16 - 8 * k));
        }
    }
    struct cairn_buf old = *out;
    *out = bytes;
    bytes = old;
    return CAIRN_OK;
}
