/* core/text.c -- hex, base64 and base64url of core/wire.h: one text per value, everything else is refused.
 *
 * Source: RFC 4648 sections 4, 5 and 3.5 (canonical encoding). Not constant time: keys travel as PKCS#8 files, not in here.
 */
#include "core/wire.h"

#include <string.h>

static const char HEX[] = "0123456789abcdef";

void cairn_hex_encode(struct cairn_span bytes, char *out)
{
    for (size_t i = 0; i < bytes.len; i++) {
        out[2 * i] = HEX[bytes.p[i] >> 4];
        out[2 * i + 1] = HEX[bytes.p[i] & 15];
    }
    out[2 * bytes.len] = '\0';
}

/* hex_digit gives a digit's value, or -1. */
static int hex_digit(char c)
{
    if (c >= '0' && c <= '9') {
        return c - '0';
    }
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

bool cairn_hex_decode(const char *text, uint8_t *out, size_t len)
{
    if (strnlen(text, len > SIZE_MAX / 2 - 1 ? 0 : 2 * len + 1) != 2 * len) {
        return false;
    }
    for (size_t i = 0; i < 2 * len; i++) {
        if (hex_digit(text[i]) < 0) {
            return false;
        }
    }
    for (size_t i = 0; i < len; i++) {
        out[i] = (uint8_t)(hex_digit(text[2 * i]) << 4 | hex_digit(text[2 * i + 1]));
    }
    return true;
}

/* struct alphabet is one of the two: RFC 4648 sections 4 and 5 differ in two characters and in the padding. */
struct alphabet {
    const char *name;
    const char *digits;
    bool padded;
};
static const struct alphabet BASE64 = {
    .name = "base64", .digits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/", .padded = true};
static const struct alphabet BASE64URL = {
    .name = "base64url", .digits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_", .padded = false};

/* digit_of gives a character's value, or -1. No search in `digits`: it is asked for every character of every document. */
static int digit_of(const struct alphabet *alphabet, uint8_t c)
{
    if (c >= 'A' && c <= 'Z') {
        return c - 'A';
    }
    if (c >= 'a' && c <= 'z') {
        return c - 'a' + 26;
    }
    if (c >= '0' && c <= '9') {
        return c - '0' + 52;
    }
    return c == (uint8_t)alphabet->digits[62] ? 62 : c == (uint8_t)alphabet->digits[63] ? 63 : -1;
}

/* move_into replaces what `to` holds by `*from`, which then holds the old bytes. */
static void move_into(struct cairn_buf *to, struct cairn_buf *from)
{
    struct cairn_buf old = *to;
    *to = *from;
    *from = old;
}

static enum cairn_rc encode(const struct alphabet *alphabet, struct cairn_span bytes, struct cairn_buf *out,
                            struct cairn_err *err)
{
    if (bytes.len > SIZE_MAX / 8) {
        return CAIRN_FAIL(err, CAIRN_E_IO, "memory", "too many bytes to write as %s", alphabet->name);
    }
    CAIRN_BUF text = {0};
    CAIRN_TRY(cairn_buf_resize(&text, (bytes.len + 2) / 3 * 4, err));
    for (size_t i = 0; i < bytes.len; i += 3) {
        size_t left = bytes.len - i;
        uint32_t group = (uint32_t)bytes.p[i] << 16;
        group |= left > 1 ? (uint32_t)bytes.p[i + 1] << 8 : 0;
        group |= left > 2 ? (uint32_t)bytes.p[i + 2] : 0;
        uint8_t *at = text.p + i / 3 * 4;
        at[0] = (uint8_t)alphabet->digits[group >> 18 & 63];
        at[1] = (uint8_t)alphabet->digits[group >> 12 & 63];
        at[2] = (uint8_t)(left > 1 ? alphabet->digits[group >> 6 & 63] : '=');
        at[3] = (uint8_t)(left > 2 ? alphabet->digits[group & 63] : '=');
    }
    if (!alphabet->padded) {
        CAIRN_TRY(cairn_buf_resize(&text, (4 * bytes.len + 2) / 3, err));
    }
    move_into(out, &text);
    return CAIRN_OK;
}

enum cairn_rc cairn_base64_encode(struct cairn_span bytes, struct cairn_buf *out, struct cairn_err *err)
{
    return encode(&BASE64, bytes, out, err);
}

enum cairn_rc cairn_base64url_encode(struct cairn_span bytes, struct cairn_buf *out, struct cairn_err *err)
{
    return encode(&BASE64URL, bytes, out, err);
}

static enum cairn_rc bad_text(struct cairn_err *err, const struct alphabet *alphabet, const char *why)
{
    return CAIRN_FAIL(err, CAIRN_E_FORMAT, alphabet->name, "not canonical %s: %s", alphabet->name, why);
}

/* decode_group gives the 24 bits of up to four characters, missing ones being zero; false: an alien character. */
static bool decode_group(const struct alphabet *alphabet, const uint8_t *text, size_t num, uint32_t *group)
{
    *group = 0;
    for (size_t i = 0; i < 4; i++) {
        int digit = i < num ? digit_of(alphabet, text[i]) : 0;
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

/* decode_digits decodes text without padding. */
static enum cairn_rc decode_digits(const struct alphabet *alphabet, struct cairn_span text, size_t max_len,
                                   struct cairn_buf *out, struct cairn_err *err)
{
    const size_t len = text.len / 4 * 3 + (text.len % 4 > 0 ? text.len % 4 - 1 : 0);
    if (text.len % 4 == 1) {
        return bad_text(err, alphabet, "one character too many or too few");
    }
    if (len > max_len) {
        return bad_text(err, alphabet, "more bytes than this place may hold");
    }
    CAIRN_BUF bytes = {0};
    CAIRN_TRY(cairn_buf_resize(&bytes, len, err));
    for (size_t i = 0; i < text.len; i += 4) {
        const size_t num = text.len - i < 4 ? text.len - i : 4;
        uint32_t group = 0;
        if (!decode_group(alphabet, text.p + i, num, &group)) {
            return bad_text(err, alphabet, "a character outside the alphabet");
        }
        if ((num == 3 && (group & 0xff) != 0) || (num == 2 && (group & 0xffff) != 0)) {
            return bad_text(err, alphabet, "bits after the last byte that are not zero");
        }
        for (size_t k = 0; k < num - 1; k++) {
            bytes.p[i / 4 * 3 + k] = (uint8_t)(group >> (16 - 8 * k));
        }
    }
    move_into(out, &bytes);
    return CAIRN_OK;
}

enum cairn_rc cairn_base64_decode(struct cairn_span text, size_t max_len, struct cairn_buf *out, struct cairn_err *err)
{
    if (text.len % 4 != 0) {
        return bad_text(err, &BASE64, "the length is not a multiple of four");
    }
    return decode_digits(&BASE64, cairn_span(text.p, text.len - count_padding(text)), max_len, out, err);
}

enum cairn_rc cairn_base64url_decode(struct cairn_span text, size_t max_len, struct cairn_buf *out, struct cairn_err *err)
{
    return decode_digits(&BASE64URL, text, max_len, out, err);
}
