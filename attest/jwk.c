/* attest/jwk.c -- see jwk.h. */
#include "attest/jwk.h"

#include <stdio.h>
#include <string.h>

static CAIRN_RC set_coordinate(json_t *object, const char *member, const uint8_t value[32], struct cairn_err *err)
{
    CAIRN_BUF text = {0};
    CAIRN_TRY(cairn_base64url_encode(cairn_span(value, 32), &text, err));
    return cairn_json_set_string(object, member, (const char *)text.p, err);
}

CAIRN_RC cairn_jwk_set(json_t *object, const struct cairn_ec_key *key, struct cairn_err *err)
{
    CAIRN_TRY(cairn_json_set_string(object, "crv", "P-256", err));
    CAIRN_TRY(cairn_json_set_string(object, "kty", "EC", err));
    CAIRN_TRY(set_coordinate(object, "x", key->x, err));
    return set_coordinate(object, "y", key->y, err);
}

static void read_coordinate(struct cairn_obj *o, const char *member, uint8_t out[32])
{
    CAIRN_BUF bytes = {0};
    const char *text = cairn_obj_string(o, member, 64);
    if (cairn_base64url_decode(cairn_span_str(text), 32, &bytes, NULL) != CAIRN_OK || bytes.len != 32) {
        cairn_obj_fail(o, member, "not 32 bytes in base64url");
        return;
    }
    cairn_copy(out, bytes.p, bytes.len);
}

CAIRN_RC cairn_jwk_read(const json_t *object, struct cairn_ec_key *out, struct cairn_err *err)
{
    struct cairn_ec_key key = {{0}, {0}};
    struct cairn_obj o = cairn_obj(object, "jwk", err);
    cairn_obj_const(&o, "crv", "P-256");
    cairn_obj_const(&o, "kty", "EC");
    read_coordinate(&o, "x", key.x);
    read_coordinate(&o, "y", key.y);
    CAIRN_TRY(cairn_obj_done(&o));
    CAIRN_TRY(cairn_ec_key_check(&key, err));
    *out = key;
    return CAIRN_OK;
}

/* The four members in canonical JSON are the very text that RFC 7638 section 3.2 hashes. */
CAIRN_RC cairn_jwk_thumbprint(const struct cairn_ec_key *key, char out[CAIRN_JKT_LEN + 1], struct cairn_err *err)
{
    CAIRN_JSON *json = json_object();
    CAIRN_BUF text = {0}, encoded = {0};
    uint8_t digest[CAIRN_SHA256_LEN] = {0};
    CAIRN_TRY(cairn_jwk_set(json, key, err));
    CAIRN_TRY(cairn_json_write(json, &text, err));
    CAIRN_TRY(cairn_sha256(cairn_buf_span(&text), digest, err));
    CAIRN_TRY(cairn_base64url_encode(CAIRN_SPAN(digest), &encoded, err));
    (void)snprintf(out, CAIRN_JKT_LEN + 1, "%s", (const char *)encoded.p);
    return CAIRN_OK;
}

static CAIRN_RC add_key(const struct cairn_ec_key *key, json_t *keys, struct cairn_err *err)
{
    uint8_t id[CAIRN_SHA256_LEN] = {0};
    json_t *json = json_object();
    if (json_array_append_new(keys, json) != 0) {
        return CAIRN_FAIL(err, CAIRN_E_IO, "json.memory", "no memory for a set of keys");
    }
    CAIRN_TRY(cairn_ec_key_id(key, id, err));
    CAIRN_TRY(cairn_jwk_set(json, key, err));
    CAIRN_TRY(cairn_json_set_string(json, "alg", "ES256", err));
    CAIRN_TRY(cairn_json_set_hex(json, "kid", CAIRN_SPAN(id), err));
    return cairn_json_set_string(json, "use", "sig", err);
}

CAIRN_RC cairn_jwks_write(const struct cairn_root *root, struct cairn_buf *out, struct cairn_err *err)
{
    CAIRN_JSON *json = json_object();
    CAIRN_BUF text = {0};
    json_t *keys = json_array();
    const struct cairn_ec_key *key = NULL;
    CAIRN_TRY(cairn_json_set_take(json, "keys", keys, err));
    for (size_t i = 0; (key = cairn_root_role_key(root, CAIRN_ROLE_VERIFIER, i)) != NULL; i++) {
        CAIRN_TRY(add_key(key, keys, err));
    }
    CAIRN_TRY(cairn_json_write(json, &text, err));
    CAIRN_TRY(cairn_buf_append(&text, cairn_span_str("\n"), err));
    return cairn_buf_append(out, cairn_buf_span(&text), err);
}
