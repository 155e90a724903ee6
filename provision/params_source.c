/* provision/params_source.c -- compiles params.json. The JSON library keeps copies of values on its heap: this runs at a desk.
 */
#include "provision/params_source.h"

#include <stdio.h>
#include <string.h>

#include "core/json.h"

enum { SOURCE_MAX = 1 << 20 };

void cairn_param_assets_clear(struct cairn_param_assets *assets)
{
    cairn_secret_free(assets->release);
    cairn_secret_free(assets->online);
    *assets = (struct cairn_param_assets){0};
}

CAIRN_RC cairn_asset_set(struct cairn_span plain, struct cairn_span *set, struct cairn_err *err)
{
    struct cairn_reader r = cairn_reader(plain);
    (void)cairn_read_bytes(&r, CAIRN_PARAMS_SALT_LEN);
    struct cairn_span rest = cairn_read_bytes(&r, r.rest.len);
    if (!cairn_reader_done(&r)) {
        return CAIRN_FAIL(err, CAIRN_E_FORMAT, "params.format", "not a salted parameter set");
    }
    CAIRN_TRY(cairn_params_check(rest, err));
    *set = rest;
    return CAIRN_OK;
}

/* struct value is one member of "parameters", read. `bytes` holds what param.value borrows. */
struct value {
    struct cairn_param param;
    struct cairn_buf bytes;
};

static void value_clear(struct value *v)
{
    cairn_buf_clear(&v->bytes);
    *v = (struct value){0};
}

static CAIRN_RC read_kind(struct cairn_obj *o, struct value *out, struct cairn_err *err)
{
    bool text = cairn_obj_has(o, "value"), base64 = cairn_obj_has(o, "base64"), generate = cairn_obj_has(o, "generate");
    if ((int)text + (int)base64 + (int)generate != 1) {
        return CAIRN_FAIL(err, CAIRN_E_FORMAT, "params.kind", "%s: give exactly one of value, base64 and generate",
                          out->param.name);
    }
    if (text) {
        return cairn_buf_set(&out->bytes, cairn_span_str(cairn_obj_string(o, "value", SOURCE_MAX)), err);
    }
    if (base64) {
        cairn_obj_base64(o, "base64", SOURCE_MAX, &out->bytes);
        return CAIRN_OK;
    }
    uint8_t len[4] = {0};
    struct cairn_writer w = cairn_writer(len, sizeof len);
    cairn_write_u32(&w, (uint32_t)cairn_obj_uint(o, "generate", CAIRN_PARAM_GENERATE_MAX));
    out->param.flags |= CAIRN_PARAM_GENERATE;
    return cairn_buf_set(&out->bytes, cairn_writer_span(&w), err);
}

static CAIRN_RC read_scope(struct cairn_obj *o, struct value *out, struct cairn_err *err)
{
    const char *scope = cairn_obj_string(o, "scope", 16);
    if (strcmp(scope, "online") == 0) {
        out->param.flags |= CAIRN_PARAM_ONLINE;
    } else if (strcmp(scope, "release") != 0) {
        return CAIRN_FAIL(err, CAIRN_E_FORMAT, "params.scope", "%s: scope is \"release\" or \"online\"", out->param.name);
    }
    return CAIRN_OK;
}

static CAIRN_RC read_value(const char *name, const json_t *json, struct value *out, struct cairn_err *err)
{
    if (!cairn_param_name_ok(name)) {
        return CAIRN_FAIL(err, CAIRN_E_USAGE, "params.name",
                          "\"%.70s\": a parameter's name has 1 to 64 of a-z 0-9 . _ - and begins with a letter", name);
    }
    (void)snprintf(out->param.name, sizeof out->param.name, "%s", name);
    struct cairn_obj o = cairn_obj(json, name, err);
    CAIRN_TRY(read_kind(&o, out, err));
    CAIRN_TRY(read_scope(&o, out, err));
    CAIRN_TRY(cairn_obj_done(&o));
    out->param.value = cairn_buf_span(&out->bytes);
    return CAIRN_OK;
}

static CAIRN_RC put(struct cairn_secret **set, const struct cairn_param *param, struct cairn_err *err)
{
    struct cairn_secret *next = NULL;
    CAIRN_TRY(cairn_params_put(cairn_secret_span(*set), param, &next, err));
    cairn_secret_free(*set);
    *set = next;
    return CAIRN_OK;
}

static CAIRN_RC compile(const json_t *parameters, struct cairn_param_assets *sets, struct cairn_err *err)
{
    const char *name = NULL;
    const json_t *json = NULL;
    json_object_foreach((json_t *)(uintptr_t)parameters, name, json)
    {
        CAIRN_CLEANUP(value_clear) struct value v = {0};
        CAIRN_TRY(read_value(name, json, &v, err));
        CAIRN_TRY(put((v.param.flags & CAIRN_PARAM_ONLINE) != 0 ? &sets->online : &sets->release, &v.param, err));
    }
    return CAIRN_OK;
}

static CAIRN_RC add_salt(const uint8_t salt[CAIRN_PARAMS_SALT_LEN], struct cairn_secret **set, struct cairn_err *err)
{
    struct cairn_span bytes = cairn_secret_span(*set);
    CAIRN_SECRET *plain = NULL;
    CAIRN_TRY(cairn_secret_new(CAIRN_PARAMS_SALT_LEN + bytes.len, &plain, err));
    struct cairn_writer w = cairn_writer(cairn_secret_bytes(plain), CAIRN_PARAMS_SALT_LEN + bytes.len);
    cairn_write_bytes(&w, cairn_span(salt, CAIRN_PARAMS_SALT_LEN));
    cairn_write_bytes(&w, bytes);
    struct cairn_secret *old = *set;
    *set = plain;
    plain = old;
    return CAIRN_OK;
}

CAIRN_RC cairn_params_source_read(struct cairn_span text, struct cairn_param_assets *out, struct cairn_err *err)
{
    CAIRN_JSON *json = NULL;
    CAIRN_PARAM_ASSETS sets = {0};
    uint8_t salt[CAIRN_PARAMS_SALT_LEN] = {0};
    CAIRN_TRY(cairn_json_parse(text, SOURCE_MAX, false, "params.json", &json, err));
    struct cairn_obj o = cairn_obj(json, "params.json", err);
    if (!cairn_hex_decode(cairn_obj_has(&o, "salt") ? cairn_obj_string(&o, "salt", 2 * sizeof salt) : "", salt, sizeof salt)) {
        return CAIRN_FAIL(err, CAIRN_E_FORMAT, "params.salt",
                          "params.json: \"salt\" must be 64 hex digits, made once per file: openssl rand -hex 32");
    }
    const json_t *parameters = cairn_obj_object(&o, "parameters");
    CAIRN_TRY(cairn_obj_done(&o));
    CAIRN_TRY(cairn_params_empty(&sets.release, err));
    CAIRN_TRY(cairn_params_empty(&sets.online, err));
    CAIRN_TRY(compile(parameters, &sets, err));
    CAIRN_TRY(add_salt(salt, &sets.release, err));
    CAIRN_TRY(add_salt(salt, &sets.online, err));
    *out = sets;
    sets = (struct cairn_param_assets){0};
    return CAIRN_OK;
}
