/* attest/dpop.c -- proofs of possession: the key that the evidence named, used for this request (ear.h; RFC 9449).
 *
 * Trust boundary: a proof comes from whoever shows the token, and carries its own key: what makes that key worth anything is
 * that its thumbprint stands in the verified EAR. Other software makes proofs too, so members that RFC 9449 does not name are
 * left alone and the text need not be canonical.
 */
#include <stdio.h>
#include <string.h>

#include "attest/ear_internal.h"
#include "attest/jws.h"

enum { URL_MAX = 2048, METHOD_MAX = 16 };

static CAIRN_RC bad_format(struct cairn_err *err, const char *why)
{
    return CAIRN_FAIL(err, CAIRN_E_FORMAT, "dpop.format", "the proof of possession is not in its form: %s", why);
}

static CAIRN_RC refuse(struct cairn_err *err, const char *code, const char *why)
{
    return CAIRN_FAIL(err, CAIRN_E_REFUSED, code, "the proof of possession %s", why);
}

static CAIRN_RC read_header(const json_t *header, struct cairn_ec_key *out, struct cairn_err *err)
{
    struct cairn_err why = {0};
    struct cairn_obj o = cairn_obj(header, "header", &why);
    cairn_obj_const(&o, "alg", "ES256");
    cairn_obj_const(&o, "typ", "dpop+jwt");
    const json_t *jwk = cairn_obj_object(&o, "jwk");
    enum cairn_rc rc = cairn_obj_done(&o);
    rc = rc == CAIRN_OK ? cairn_jwk_read(jwk, out, &why) : rc;
    return rc == CAIRN_OK         ? CAIRN_OK
           : rc == CAIRN_E_FORMAT ? bad_format(err, why.text)
                                  : CAIRN_FAIL(err, rc, why.code, "%s", why.text);
}

CAIRN_RC cairn_dpop_read(struct cairn_span payload, json_t **json, struct cairn_dpop_proof *out, struct cairn_err *err)
{
    struct cairn_err why = {0};
    if (cairn_json_parse(payload, CAIRN_DPOP_MAX, false, "proof", json, &why) != CAIRN_OK) {
        return bad_format(err, why.text);
    }
    struct cairn_obj o = cairn_obj(*json, "proof", &why);
    out->method = cairn_obj_string(&o, "htm", METHOD_MAX);
    out->url = cairn_obj_string(&o, "htu", URL_MAX);
    out->token_hash = cairn_obj_string(&o, "ath", 64);
    out->id = cairn_obj_string(&o, "jti", CAIRN_DPOP_JTI_MAX);
    out->made_s = cairn_obj_uint(&o, "iat", CAIRN_DATE_MAX);
    if (o.rc != CAIRN_OK) {
        return bad_format(err, why.text);
    }
    return cairn_label_ok(out->id, CAIRN_DPOP_JTI_MAX + 1, false) ? CAIRN_OK : bad_format(err, "its id is not plain text");
}

static CAIRN_RC check_key(const struct cairn_ec_key *key, const struct cairn_ear *ear, struct cairn_err *err)
{
    char thumbprint[CAIRN_JKT_LEN + 1] = "";
    CAIRN_TRY(cairn_jwk_thumbprint(key, thumbprint, err));
    if (ear->jkt[0] == '\0' || strcmp(ear->jkt, thumbprint) != 0) {
        return refuse(err, "dpop.key", "is by another key than the one that the attestation result is bound to");
    }
    return CAIRN_OK;
}

/* RFC 9449 section 4.3: query and fragment do not count. */
static struct cairn_span without_query(const char *url)
{
    return cairn_span(url, strcspn(url, "?#"));
}

/* RFC 9449 section 4.2: `ath`. */
static CAIRN_RC hash_token(struct cairn_span token, struct cairn_buf *out, struct cairn_err *err)
{
    uint8_t digest[CAIRN_SHA256_LEN] = {0};
    CAIRN_TRY(cairn_sha256(token, digest, err));
    return cairn_base64url_encode(CAIRN_SPAN(digest), out, err);
}

static CAIRN_RC check_request(const struct cairn_dpop_proof *proof, struct cairn_span token, const char *method,
                              const char *url, uint64_t now_s, struct cairn_err *err)
{
    CAIRN_BUF hash = {0};
    CAIRN_TRY(hash_token(token, &hash, err));
    if (strcmp(proof->method, method) != 0) {
        return refuse(err, "dpop.method", "was made for another method");
    }
    if (!cairn_span_equal(without_query(proof->url), without_query(url))) {
        return refuse(err, "dpop.url", "was made for another URL");
    }
    if (!cairn_span_equal(cairn_span_str(proof->token_hash), cairn_buf_span(&hash))) {
        return refuse(err, "dpop.token", "was made for another attestation result");
    }
    const uint64_t apart_s = now_s > proof->made_s ? now_s - proof->made_s : proof->made_s - now_s;
    if (apart_s > CAIRN_DPOP_LIFE_S) {
        return refuse(err, "dpop.time", "was not made just now: look at the clocks");
    }
    return CAIRN_OK;
}

static CAIRN_RC check_signature(const struct cairn_jws *jws, const struct cairn_ec_key *key, struct cairn_err *err)
{
    enum cairn_rc rc = cairn_jws_verify(jws, key, err);
    return rc == CAIRN_E_REFUSED ? refuse(err, "dpop.signature", "is not signed by the key that it carries") : rc;
}

CAIRN_RC cairn_dpop_check(struct cairn_span proof, const struct cairn_ear *ear, struct cairn_span token, const char *method,
                          const char *url, uint64_t now_s, char jti[CAIRN_DPOP_JTI_MAX + 1], struct cairn_err *err)
{
    CAIRN_JWS jws = {.header = NULL};
    CAIRN_JSON *json = NULL;
    struct cairn_ec_key key;
    struct cairn_dpop_proof said = {.method = NULL};
    CAIRN_TRY(cairn_jws_open(proof, CAIRN_DPOP_MAX, "dpop.format", &jws, err));
    CAIRN_TRY(read_header(jws.header, &key, err));
    CAIRN_TRY(check_key(&key, ear, err));
    CAIRN_TRY(check_signature(&jws, &key, err));
    CAIRN_TRY(cairn_dpop_read(cairn_buf_span(&jws.payload), &json, &said, err));
    CAIRN_TRY(check_request(&said, token, method, url, now_s, err));
    (void)snprintf(jti, CAIRN_DPOP_JTI_MAX + 1, "%s", said.id);
    return CAIRN_OK;
}

static CAIRN_RC write_header(const struct cairn_signer *key, json_t *header, struct cairn_err *err)
{
    struct cairn_ec_key public;
    json_t *jwk = json_object();
    CAIRN_TRY(cairn_json_set_take(header, "jwk", jwk, err));
    CAIRN_TRY(cairn_signer_public(key, &public, err));
    CAIRN_TRY(cairn_jwk_set(jwk, &public, err));
    CAIRN_TRY(cairn_json_set_string(header, "alg", "ES256", err));
    return cairn_json_set_string(header, "typ", "dpop+jwt", err);
}

static CAIRN_RC write_url(const char *url, json_t *payload, struct cairn_err *err)
{
    CAIRN_BUF text = {0};
    CAIRN_TRY(cairn_buf_append(&text, without_query(url), err));
    return cairn_json_set_string(payload, "htu", (const char *)text.p, err);
}

CAIRN_RC cairn_dpop_make(const struct cairn_signer *key, struct cairn_span token, const char *method, const char *url,
                         const uint8_t random[16], uint64_t now_s, struct cairn_buf *out, struct cairn_err *err)
{
    CAIRN_JSON *header = json_object();
    CAIRN_JSON *payload = json_object();
    CAIRN_BUF hash = {0};
    CAIRN_TRY(write_header(key, header, err));
    CAIRN_TRY(hash_token(token, &hash, err));
    CAIRN_TRY(cairn_json_set_string(payload, "ath", (const char *)hash.p, err));
    CAIRN_TRY(cairn_json_set_string(payload, "htm", method, err));
    CAIRN_TRY(write_url(url, payload, err));
    CAIRN_TRY(cairn_json_set_uint(payload, "iat", now_s, err));
    CAIRN_TRY(cairn_json_set_hex(payload, "jti", cairn_span(random, 16), err));
    return cairn_jws_sign(header, payload, key, out, err);
}
