/* attest/server_nonce.c -- see server_nonce.h.
 *
 * Trust boundary: a nonce comes back from anybody. Its tag covers all that it was made for, so one comparison decides and tells
 * nobody which part was wrong; the expiry is judged only after it, because until then it is anybody's number.
 */
#include "attest/server_nonce.h"

#include <stdio.h>

#include "core/secret.h"

enum { KEY_LEN = 32, RANDOM_LEN = 16, NONCE_LEN = 32, UPLOAD_TAG_LEN = 16 };
_Static_assert(RANDOM_LEN + 4 + CAIRN_NONCE_TAG_LEN == NONCE_LEN, "a nonce is random, expiry and tag");
_Static_assert(CAIRN_UPLOAD_TOKEN_LEN == 4 + 8 + UPLOAD_TAG_LEN, "a token is expiry, length and tag");
_Static_assert(CAIRN_UPLOAD_TOKEN_TEXT > (4 * CAIRN_UPLOAD_TOKEN_LEN + 2) / 3, "its text and a NUL");

static uint64_t life_of(enum cairn_purpose purpose)
{
    return purpose == CAIRN_PURPOSE_GRANT ? CAIRN_NONCE_LIFE_GRANT_S : CAIRN_NONCE_LIFE_EVIDENCE_S;
}

/* Golden values are learned at a desk, by somebody who keeps a nonce file. */
static CAIRN_RC check_purpose(enum cairn_purpose purpose, struct cairn_err *err)
{
    if (purpose != CAIRN_PURPOSE_EVIDENCE && purpose != CAIRN_PURPOSE_GRANT) {
        return CAIRN_FAIL(err, CAIRN_E_USAGE, "nonce.purpose", "a server asks for evidence or for a grant, not for \"%s\"",
                          cairn_purpose_name(purpose));
    }
    return CAIRN_OK;
}

/* The parts are of fixed length but for the purpose, which is last: no two questions give the same bytes. */
static CAIRN_RC compute_tag(const uint8_t key[KEY_LEN], const struct cairn_statement *statement, enum cairn_purpose purpose,
                            uint32_t mask, struct cairn_span random_and_expiry, uint8_t out[CAIRN_SHA256_LEN],
                            struct cairn_err *err)
{
    uint8_t mask_bytes[4];
    struct cairn_writer w = cairn_writer(mask_bytes, sizeof mask_bytes);
    cairn_write_u32(&w, mask);
    const struct cairn_span parts[] = {random_and_expiry, CAIRN_SPAN(statement->device), CAIRN_SPAN(mask_bytes),
                                       cairn_span_str(cairn_purpose_name(purpose))};
    return cairn_hmac_sha256(cairn_span(key, KEY_LEN), parts, CAIRN_ARRAY_LEN(parts), out, err);
}

static void fill(const struct cairn_statement *statement, enum cairn_purpose purpose, uint32_t mask, uint64_t issued_s,
                 const uint8_t nonce[NONCE_LEN], struct cairn_nonce *out)
{
    *out = (struct cairn_nonce){.purpose = purpose, .ak = statement->ak_name, .mask = mask, .issued_s = issued_s};
    cairn_copy(out->nonce, nonce, sizeof out->nonce);
    cairn_copy(out->fleet, statement->fleet, sizeof out->fleet);
    cairn_copy(out->device, statement->device, sizeof out->device);
}

CAIRN_RC cairn_server_nonce_make(const uint8_t key[32], const struct cairn_statement *statement, enum cairn_purpose purpose,
                                 uint32_t mask, uint64_t now_s, const uint8_t random[16], struct cairn_nonce *out,
                                 struct cairn_err *err)
{
    uint8_t nonce[NONCE_LEN] = {0}, tag[CAIRN_SHA256_LEN] = {0};
    CAIRN_TRY(check_purpose(purpose, err));
    if (now_s > UINT32_MAX - life_of(purpose)) {
        return CAIRN_FAIL(err, CAIRN_E_USAGE, "nonce.clock",
                          "the clock stands behind the year 2106: no nonce can say when it ends");
    }
    struct cairn_writer w = cairn_writer(nonce, sizeof nonce);
    cairn_write_bytes(&w, cairn_span(random, RANDOM_LEN));
    cairn_write_u32(&w, (uint32_t)(now_s + life_of(purpose)));
    CAIRN_TRY(compute_tag(key, statement, purpose, mask, cairn_writer_span(&w), tag, err));
    cairn_write_bytes(&w, cairn_span(tag, CAIRN_NONCE_TAG_LEN));
    fill(statement, purpose, mask, now_s, nonce, out);
    return CAIRN_OK;
}

CAIRN_RC cairn_server_nonce_check(const uint8_t key[32], const struct cairn_statement *statement, enum cairn_purpose purpose,
                                  uint32_t mask, uint64_t now_s, const uint8_t nonce[32], struct cairn_nonce *out,
                                  struct cairn_err *err)
{
    uint8_t tag[CAIRN_SHA256_LEN] = {0};
    CAIRN_TRY(check_purpose(purpose, err));
    CAIRN_TRY(compute_tag(key, statement, purpose, mask, cairn_span(nonce, RANDOM_LEN + 4), tag, err));
    struct cairn_reader r = cairn_reader(cairn_span(nonce, NONCE_LEN));
    (void)cairn_read_bytes(&r, RANDOM_LEN);
    const uint64_t expires_s = cairn_read_u32(&r);
    if (!cairn_ct_equal(r.rest, cairn_span(tag, CAIRN_NONCE_TAG_LEN))) {
        return CAIRN_FAIL(
            err, CAIRN_E_REFUSED, "nonce.foreign",
            "the nonce is not one of this server's for this device, these PCRs and this purpose: ask for a new one");
    }
    if (now_s >= expires_s) {
        return CAIRN_FAIL(err, CAIRN_E_REFUSED, "nonce.expired", "the nonce has expired: ask for a new one");
    }
    if (expires_s - now_s > life_of(purpose) + CAIRN_CLOCK_SKEW_S) {
        return CAIRN_FAIL(err, CAIRN_E_REFUSED, "nonce.ahead",
                          "the server's clock was set back since it made this nonce: ask for a new one");
    }
    fill(statement, purpose, mask, expires_s - life_of(purpose), nonce, out);
    return CAIRN_OK;
}

/* The word in front keeps a token from being the tag of anything else under this key. */
static CAIRN_RC upload_tag(const uint8_t key[KEY_LEN], struct cairn_span said, uint8_t out[CAIRN_SHA256_LEN],
                           struct cairn_err *err)
{
    const struct cairn_span parts[] = {cairn_span_str("upload"), said};
    return cairn_hmac_sha256(cairn_span(key, KEY_LEN), parts, CAIRN_ARRAY_LEN(parts), out, err);
}

CAIRN_RC cairn_upload_token_make(const uint8_t key[32], uint64_t max_len, uint64_t expires_s, char out[CAIRN_UPLOAD_TOKEN_TEXT],
                                 struct cairn_err *err)
{
    uint8_t token[CAIRN_UPLOAD_TOKEN_LEN] = {0}, tag[CAIRN_SHA256_LEN] = {0};
    CAIRN_BUF text = {0};
    if (expires_s > UINT32_MAX) {
        return CAIRN_FAIL(err, CAIRN_E_USAGE, "upload.token", "no token can end behind the year 2106");
    }
    struct cairn_writer w = cairn_writer(token, sizeof token);
    cairn_write_u32(&w, (uint32_t)expires_s);
    cairn_write_u64(&w, max_len);
    CAIRN_TRY(upload_tag(key, cairn_writer_span(&w), tag, err));
    cairn_write_bytes(&w, cairn_span(tag, UPLOAD_TAG_LEN));
    CAIRN_TRY(cairn_base64url_encode(CAIRN_SPAN(token), &text, err));
    (void)snprintf(out, CAIRN_UPLOAD_TOKEN_TEXT, "%s", (const char *)text.p);
    return CAIRN_OK;
}

CAIRN_RC cairn_upload_token_check(const uint8_t key[32], struct cairn_span text, uint64_t now_s, uint64_t *max_len,
                                  struct cairn_err *err)
{
    CAIRN_BUF token = {0};
    uint8_t tag[CAIRN_SHA256_LEN] = {0};
    enum cairn_rc rc = cairn_base64url_decode(text, CAIRN_UPLOAD_TOKEN_LEN, &token, err);
    if (rc == CAIRN_E_IO) {
        return rc;
    }
    struct cairn_reader r = cairn_reader(cairn_buf_span(&token));
    const struct cairn_span said = cairn_read_bytes(&r, 4 + 8);
    const struct cairn_span got = cairn_read_bytes(&r, UPLOAD_TAG_LEN);
    const bool whole = rc == CAIRN_OK && cairn_reader_done(&r);
    CAIRN_TRY(upload_tag(key, said, tag, err));
    struct cairn_reader words = cairn_reader(said);
    const uint64_t expires_s = cairn_read_u32(&words);
    const uint64_t len = cairn_read_u64(&words);
    if (!whole || !cairn_ct_equal(got, cairn_span(tag, UPLOAD_TAG_LEN)) || now_s >= expires_s) {
        return CAIRN_FAIL(err, CAIRN_E_REFUSED, "upload.token",
                          "the upload token is not this server's or has expired: send the report without logs again");
    }
    if (expires_s - now_s > CAIRN_UPLOAD_LIFE_MAX_S) {
        return CAIRN_FAIL(
            err, CAIRN_E_REFUSED, "upload.token",
            "the server's clock was set back since it made this upload token: send the report without logs again");
    }
    *max_len = len;
    return CAIRN_OK;
}
