/* authority/draft.c -- see authority/draft.h. */
#include "authority/draft.h"

#include <stdio.h>

enum { HEX_ID_LEN = 2 * CAIRN_SHA256_LEN };

CAIRN_RC cairn_public_key_parse(struct cairn_span file, struct cairn_public_key *out, struct cairn_err *err)
{
    CAIRN_JSON *json = NULL;
    CAIRN_BUF spki = {0};
    struct cairn_public_key key = {0};
    CAIRN_TRY(cairn_json_parse(cairn_json_trim_newline(file), CAIRN_FILE_MAX, true, "public key", &json, err));
    struct cairn_obj o = cairn_obj(json, "public key", err);
    cairn_obj_const(&o, "type", CAIRN_TYPE_PUBLIC_KEY);
    if (cairn_obj_uint(&o, "v", UINT32_MAX) != 1) {
        cairn_obj_fail(&o, "v", "is not 1: a file of another version");
    }
    if (!cairn_role_from_name(cairn_obj_string(&o, "role", CAIRN_HOLDER_MAX), &key.role)) {
        cairn_obj_fail(&o, "role", "is not a role of a root");
    }
    const char *holder = cairn_obj_string(&o, "holder", CAIRN_HOLDER_MAX - 1);
    if (!cairn_label_ok(holder, CAIRN_HOLDER_MAX, false)) {
        cairn_obj_fail(&o, "holder", "is empty or has a character that is not allowed");
    }
    cairn_obj_base64(&o, "spki", 2 * CAIRN_SPKI_LEN, &spki);
    CAIRN_TRY(cairn_obj_done(&o));
    CAIRN_TRY(cairn_spki_decode(cairn_buf_span(&spki), &key.key, err));
    (void)snprintf(key.holder, sizeof key.holder, "%s", holder);
    *out = key;
    return CAIRN_OK;
}

static CAIRN_RC write_line(const json_t *json, struct cairn_buf *out, struct cairn_err *err)
{
    CAIRN_TRY(cairn_json_write(json, out, err));
    return cairn_buf_append(out, cairn_span_str("\n"), err);
}

static CAIRN_RC set_spki(json_t *object, const struct cairn_ec_key *key, struct cairn_err *err)
{
    uint8_t spki[CAIRN_SPKI_LEN] = {0};
    cairn_spki_encode(key, spki);
    return cairn_json_set_base64(object, "spki", CAIRN_SPAN(spki), err);
}

CAIRN_RC cairn_public_key_write(const struct cairn_public_key *key, struct cairn_buf *out, struct cairn_err *err)
{
    CAIRN_JSON *json = json_object();
    CAIRN_TRY(cairn_json_set_string(json, "type", CAIRN_TYPE_PUBLIC_KEY, err));
    CAIRN_TRY(cairn_json_set_uint(json, "v", 1, err));
    CAIRN_TRY(cairn_json_set_string(json, "role", cairn_role_name(key->role), err));
    CAIRN_TRY(cairn_json_set_string(json, "holder", key->holder, err));
    CAIRN_TRY(set_spki(json, &key->key, err));
    return write_line(json, out, err);
}

static CAIRN_RC add_key(json_t *keys, json_t *roles, const struct cairn_root_draft *draft, const struct cairn_public_key *key,
                        struct cairn_err *err)
{
    uint8_t id[CAIRN_SHA256_LEN] = {0};
    char hex[HEX_ID_LEN + 1] = "";
    CAIRN_TRY(cairn_ec_key_id(&key->key, id, err));
    cairn_hex_encode(CAIRN_SPAN(id), hex);
    json_t *role = json_object_get(roles, cairn_role_name(key->role));
    if (json_array_append_new(json_object_get(role, "keys"), json_string(hex)) != 0) {
        return CAIRN_FAIL(err, CAIRN_E_IO, "json.memory", "no memory for a root");
    }
    const json_t *there = json_object_get(keys, hex);
    if (there != NULL) {
        return CAIRN_FAIL(err, CAIRN_E_REFUSED, "root.key.double",
                          "%s is given twice, or has the key of %s: one key, one holder", key->holder,
                          json_string_value(json_object_get(there, "holder")));
    }
    json_t *entry = json_object();
    CAIRN_TRY(cairn_json_set_take(keys, hex, entry, err));
    CAIRN_TRY(cairn_json_set_string(entry, "holder", key->holder, err));
    CAIRN_TRY(cairn_json_set_uint(entry, "not_before", draft->not_before_s, err));
    CAIRN_TRY(cairn_json_set_uint(entry, "not_after", draft->not_after_s, err));
    return set_spki(entry, &key->key, err);
}

static uint32_t threshold_of(const struct cairn_root_draft *draft, enum cairn_role role)
{
    if (draft->threshold[role] != 0) {
        return draft->threshold[role];
    }
    return role == CAIRN_ROLE_RETIRE && !draft->single_person ? 2 : 1;
}

/* Each role that has a key, or a threshold of its own. */
static CAIRN_RC add_role(json_t *roles, const struct cairn_root_draft *draft, enum cairn_role role, struct cairn_err *err)
{
    bool used = draft->threshold[role] != 0;
    for (size_t i = 0; i < draft->num_keys && !used; i++) {
        used = draft->keys[i].role == role;
    }
    if (!used) {
        return CAIRN_OK;
    }
    json_t *object = json_object();
    CAIRN_TRY(cairn_json_set_take(roles, cairn_role_name(role), object, err));
    CAIRN_TRY(cairn_json_set_take(object, "keys", json_array(), err));
    return cairn_json_set_uint(object, "threshold", threshold_of(draft, role), err);
}

CAIRN_RC cairn_root_draft_write(const struct cairn_root_draft *draft, struct cairn_buf *out, struct cairn_err *err)
{
    CAIRN_JSON *json = json_object();
    json_t *keys = json_object();
    CAIRN_TRY(cairn_json_set_take(json, "keys", keys, err));
    json_t *roles = json_object();
    CAIRN_TRY(cairn_json_set_take(json, "roles", roles, err));
    CAIRN_TRY(cairn_json_set_string(json, "class", draft->device_class, err));
    CAIRN_TRY(cairn_json_set_bool(json, "single_person", draft->single_person, err));
    CAIRN_TRY(cairn_json_set_uint(json, "v", 1, err));
    CAIRN_TRY(cairn_json_set_uint(json, "version", 1, err));
    for (size_t i = 0; i < CAIRN_NUM_ROLES; i++) {
        CAIRN_TRY(add_role(roles, draft, (enum cairn_role)i, err));
    }
    for (size_t i = 0; i < draft->num_keys; i++) {
        CAIRN_TRY(add_key(keys, roles, draft, &draft->keys[i], err));
    }
    CAIRN_BUF payload = {0};
    CAIRN_TRY(cairn_json_write(json, &payload, err));
    CAIRN_TRY(cairn_root_check(cairn_buf_span(&payload), err));
    return write_line(json, out, err);
}
