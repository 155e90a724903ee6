/* attest/jws.c -- see jws.h. */
#include "attest/jws.h"

static CAIRN_RC append_json(const json_t *json, struct cairn_buf *out, struct cairn_err *err)
{
    CAIRN_BUF text = {0}, encoded = {0};
    CAIRN_TRY(cairn_json_write(json, &text, err));
    CAIRN_TRY(cairn_base64url_encode(cairn_buf_span(&text), &encoded, err));
    return cairn_buf_append(out, cairn_buf_span(&encoded), err);
}

CAIRN_RC cairn_jws_sign(const json_t *header, const json_t *payload, const struct cairn_signer *signer, struct cairn_buf *out,
                        struct cairn_err *err)
{
    CAIRN_BUF text = {0}, encoded = {0};
    uint8_t digest[CAIRN_SHA256_LEN] = {0}, rs[64] = {0};
    CAIRN_TRY(append_json(header, &text, err));
    CAIRN_TRY(cairn_buf_append(&text, cairn_span_str("."), err));
    CAIRN_TRY(append_json(payload, &text, err));
    CAIRN_TRY(cairn_sha256(cairn_buf_span(&text), digest, err));
    CAIRN_TRY(cairn_signer_sign(signer, digest, rs, err));
    CAIRN_TRY(cairn_base64url_encode(CAIRN_SPAN(rs), &encoded, err));
    CAIRN_TRY(cairn_buf_append(&text, cairn_span_str("."), err));
    CAIRN_TRY(cairn_buf_append(&text, cairn_buf_span(&encoded), err));
    return cairn_buf_append(out, cairn_buf_span(&text), err);
}

void cairn_jws_clear(struct cairn_jws *jws)
{
    cairn_json_freep(&jws->header);
    cairn_buf_clear(&jws->payload);
    *jws = (struct cairn_jws){.header = NULL};
}

/* Takes the characters up to the next dot, or to the end, and the dot. */
static struct cairn_span take_part(struct cairn_reader *r)
{
    size_t len = 0;
    while (len < r->rest.len && r->rest.p[len] != '.') {
        len++;
    }
    const struct cairn_span part = cairn_read_bytes(r, len);
    if (r->rest.len > 0) {
        (void)cairn_read_u8(r);
    }
    return part;
}

static enum cairn_rc bad(struct cairn_err *err, const char *code, const char *why)
{
    return CAIRN_FAIL(err, CAIRN_E_FORMAT, code, "this is no signed token of ours (compact JWS): %s", why);
}

/* Any base64url with a dot inside, or a fourth part, fails as an alien character of the third. */
static CAIRN_RC decode(struct cairn_span part, size_t max_len, const char *code, struct cairn_buf *out, struct cairn_err *err)
{
    struct cairn_err why = {0};
    enum cairn_rc rc = cairn_base64url_decode(part, max_len, out, &why);
    if (rc == CAIRN_E_FORMAT) {
        return bad(err, code, why.text);
    }
    return rc == CAIRN_OK ? CAIRN_OK : CAIRN_FAIL(err, rc, why.code, "%s", why.text);
}

static CAIRN_RC read_header(struct cairn_span bytes, const char *code, json_t **out, struct cairn_err *err)
{
    struct cairn_err why = {0};
    enum cairn_rc rc = cairn_json_parse(bytes, bytes.len, false, "header", out, &why);
    if (rc == CAIRN_E_FORMAT) {
        return bad(err, code, why.text);
    }
    return rc == CAIRN_OK ? CAIRN_OK : CAIRN_FAIL(err, rc, why.code, "%s", why.text);
}

CAIRN_RC cairn_jws_open(struct cairn_span text, size_t max_len, const char *code, struct cairn_jws *out, struct cairn_err *err)
{
    CAIRN_JWS jws = {.header = NULL};
    CAIRN_BUF header = {0}, signature = {0};
    if (text.len > max_len) {
        return bad(err, code, "too long");
    }
    struct cairn_reader r = cairn_reader(text);
    const struct cairn_span first = take_part(&r), second = take_part(&r), third = r.rest;
    CAIRN_TRY(decode(first, max_len, code, &header, err));
    CAIRN_TRY(decode(second, max_len, code, &jws.payload, err));
    CAIRN_TRY(decode(third, sizeof jws.rs, code, &signature, err));
    if (signature.len != sizeof jws.rs) {
        return bad(err, code, "the signature has not 64 bytes");
    }
    cairn_copy(jws.rs, signature.p, sizeof jws.rs);
    CAIRN_TRY(read_header(cairn_buf_span(&header), code, &jws.header, err));
    CAIRN_TRY(cairn_sha256(cairn_span(text.p, first.len + 1 + second.len), jws.digest, err));
    *out = jws;
    jws = (struct cairn_jws){.header = NULL};
    return CAIRN_OK;
}

CAIRN_RC cairn_jws_verify(const struct cairn_jws *jws, const struct cairn_ec_key *key, struct cairn_err *err)
{
    return cairn_ecdsa_verify(key, jws->digest, jws->rs, err);
}
