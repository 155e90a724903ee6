/* core/dsse.c -- see core/dsse.h. Decodes only: nothing here is authenticated.
 *
 * Source: DSSE v1.0.2: PAE(type, body) = "DSSEv1" SP LEN(type) SP type SP LEN(body) SP body.
 */
#include "core/dsse.h"

#include <stdio.h>
#include <string.h>

enum { NUM_TEXT_MAX = 32 };

enum cairn_rc cairn_pae_digest(const char *type, struct cairn_span bytes, uint8_t out[CAIRN_SHA256_LEN], struct cairn_err *err)
{
    char before[NUM_TEXT_MAX];
    char between[NUM_TEXT_MAX];
    (void)snprintf(before, sizeof(before), "DSSEv1 %zu ", strlen(type));
    (void)snprintf(between, sizeof(between), " %zu ", bytes.len);
    const struct cairn_span parts[] = {cairn_span_str(before), cairn_span_str(type), cairn_span_str(between), bytes};
    return cairn_hash_parts(CAIRN_SHA256, parts, CAIRN_ARRAY_LEN(parts), out, err);
}

void cairn_dsse_clear(struct cairn_dsse *dsse)
{
    cairn_buf_clear(&dsse->payload);
    *dsse = (struct cairn_dsse){0};
}

static enum cairn_rc bad_format(struct cairn_err *err, const char *why)
{
    return CAIRN_FAIL(err, CAIRN_E_FORMAT, "dsse.format", "envelope: %s", why);
}

enum cairn_rc cairn_dsse_signature_read(const json_t *json, struct cairn_dsse_signature *out, struct cairn_err *err)
{
    struct cairn_obj o = cairn_obj(json, "envelope signature", err);
    CAIRN_BUF rs = {0};
    cairn_obj_hex(&o, "keyid", out->key_id, sizeof(out->key_id));
    cairn_obj_base64(&o, "sig", sizeof(out->rs), &rs);
    CAIRN_TRY(cairn_obj_done(&o));
    if (rs.len != sizeof(out->rs)) {
        return bad_format(err, "a signature is not 64 bytes long");
    }
    struct cairn_reader r = cairn_reader(cairn_buf_span(&rs));
    cairn_read_array(&r, out->rs, sizeof(out->rs));
    return CAIRN_OK;
}

static bool repeats(const struct cairn_dsse *dsse, const struct cairn_dsse_signature *signature)
{
    for (size_t i = 0; i < dsse->num_signatures; i++) {
        if (memcmp(dsse->signatures[i].key_id, signature->key_id, sizeof(signature->key_id)) == 0) {
            return true;
        }
    }
    return false;
}

static enum cairn_rc parse_signatures(const json_t *array, struct cairn_dsse *out, struct cairn_err *err)
{
    size_t num = json_array_size(array);
    if (num == 0 || num > CAIRN_DSSE_MAX_SIGNATURES) {
        return bad_format(err, "no signature, or too many");
    }
    for (size_t i = 0; i < num; i++) {
        struct cairn_dsse_signature *next = &out->signatures[i];
        CAIRN_TRY(cairn_dsse_signature_read(json_array_get(array, i), next, err));
        if (repeats(out, next)) {
            return bad_format(err, "two signatures by one key");
        }
        out->num_signatures++;
    }
    return CAIRN_OK;
}

static enum cairn_rc check_type(const char *seen, const char *type, struct cairn_err *err)
{
    if (strcmp(seen, type) != 0) {
        return CAIRN_FAIL(err, CAIRN_E_REFUSED, "dsse.type", "this is a \"%s\", not a \"%s\"", seen, type);
    }
    return CAIRN_OK;
}

enum cairn_rc cairn_dsse_parse(struct cairn_span file, const char *type, struct cairn_dsse *out, struct cairn_err *err)
{
    CAIRN_JSON *json = NULL;
    CAIRN_DSSE dsse = {0};
    CAIRN_TRY(cairn_json_parse(cairn_json_trim_newline(file), CAIRN_DSSE_MAX_LEN, true, "envelope", &json, err));
    struct cairn_obj o = cairn_obj(json, "not a signed document", err);
    cairn_obj_base64(&o, "payload", CAIRN_DSSE_MAX_LEN, &dsse.payload);
    const char *seen = cairn_obj_string(&o, "payloadType", CAIRN_DSSE_TYPE_MAX - 1);
    const json_t *signatures = cairn_obj_array(&o, "signatures", SIZE_MAX);
    CAIRN_TRY(cairn_obj_done(&o));
    CAIRN_TRY(check_type(seen, type, err));
    (void)snprintf(dsse.type, sizeof(dsse.type), "%s", seen);
    CAIRN_TRY(parse_signatures(signatures, &dsse, err));
    cairn_dsse_clear(out);
    *out = dsse;
    dsse.payload = (struct cairn_buf){0};
    return CAIRN_OK;
}

enum cairn_rc cairn_dsse_signature_write(const struct cairn_dsse_signature *signature, json_t *array, struct cairn_err *err)
{
    CAIRN_JSON *entry = json_object();
    CAIRN_TRY(cairn_json_set_hex(entry, "keyid", CAIRN_SPAN(signature->key_id), err));
    CAIRN_TRY(cairn_json_set_base64(entry, "sig", CAIRN_SPAN(signature->rs), err));
    if (json_array_append(array, entry) != 0) {
        return CAIRN_FAIL(err, CAIRN_E_IO, "json.memory", "no memory for a signature");
    }
    return CAIRN_OK;
}

static enum cairn_rc write_signatures(const struct cairn_dsse *dsse, json_t *array, struct cairn_err *err)
{
    for (size_t i = 0; i < dsse->num_signatures; i++) {
        CAIRN_TRY(cairn_dsse_signature_write(&dsse->signatures[i], array, err));
    }
    return CAIRN_OK;
}

enum cairn_rc cairn_dsse_write(const struct cairn_dsse *dsse, struct cairn_buf *out, struct cairn_err *err)
{
    if (dsse->num_signatures == 0 || dsse->num_signatures > CAIRN_DSSE_MAX_SIGNATURES) {
        return CAIRN_FAIL(err, CAIRN_E_USAGE, "dsse.format", "an envelope holds 1 to %d signatures", CAIRN_DSSE_MAX_SIGNATURES);
    }
    CAIRN_JSON *json = json_object();
    CAIRN_JSON *signatures = json_array();
    CAIRN_TRY(write_signatures(dsse, signatures, err));
    CAIRN_TRY(cairn_json_set_base64(json, "payload", cairn_buf_span(&dsse->payload), err));
    CAIRN_TRY(cairn_json_set_string(json, "payloadType", dsse->type, err));
    CAIRN_TRY(cairn_json_set_take(json, "signatures", json_incref(signatures), err));
    CAIRN_BUF text = {0};
    CAIRN_TRY(cairn_json_write(json, &text, err));
    CAIRN_TRY(cairn_buf_append(&text, cairn_span_str("\n"), err));
    return cairn_buf_append(out, cairn_buf_span(&text), err);
}
