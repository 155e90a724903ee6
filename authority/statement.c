/* authority/statement.c -- verify a statement, then compute everything that can be computed from it.
 *
 * Trust boundary: a statement is a file from anywhere until the root's role enrol has signed it; and even then nothing that
 * can be derived (Names, the device's id) or that has one right form (public areas) is taken on the enroller's word.
 * Source: DESIGN 8; CHECKS 1, 2, 49, 51, 56.
 */
#include "authority/statement.h"

#include <string.h>

#include "tpm_data/policy.h"

static void copy_id(uint8_t out[CAIRN_SHA256_LEN], const uint8_t from[CAIRN_SHA256_LEN])
{
    struct cairn_writer w = cairn_writer(out, CAIRN_SHA256_LEN);
    cairn_write_bytes(&w, cairn_span(from, CAIRN_SHA256_LEN));
}

static void read_area(struct cairn_obj *o, const char *key, struct cairn_area *out)
{
    CAIRN_BUF bytes = {0};
    cairn_obj_base64(o, key, CAIRN_PUBLIC_MAX, &bytes);
    struct cairn_writer w = cairn_writer(out->bytes, sizeof out->bytes);
    cairn_write_bytes(&w, cairn_buf_span(&bytes));
    out->len = w.len;
}

static void read_label(struct cairn_obj *o, const char *key, char *out, size_t size, bool may_be_empty)
{
    const char *text = cairn_obj_string(o, key, size - 1);
    if (!cairn_label_ok(text, size, may_be_empty)) {
        cairn_obj_fail(o, key, "is empty or has a character that is not allowed");
        return;
    }
    struct cairn_writer w = cairn_writer(out, size);
    cairn_write_bytes(&w, cairn_span_str(text));
    cairn_write_u8(&w, 0);
}

void cairn_statement_read_device(struct cairn_obj *o, struct cairn_statement *out)
{
    cairn_obj_hex(o, "fleet", out->fleet, sizeof out->fleet);
    read_area(o, "ek", &out->ek);
    read_area(o, "ak", &out->ak);
    read_area(o, "srk", &out->srk);
    read_area(o, "epoch", &out->epoch);
    read_label(o, "serial", out->serial, sizeof out->serial, true);
    read_label(o, "tag", out->tag, sizeof out->tag, true);
    read_label(o, "site", out->site, sizeof out->site, true);
    const json_t *anchors = cairn_obj_array(o, "anchors", 2);
    const json_t *tpm = cairn_obj_object(o, "tpm");
    if (o->rc != CAIRN_OK) {
        return;
    }
    if (json_array_size(anchors) != 2) {
        cairn_obj_fail(o, "anchors", "does not hold two public areas");
        return;
    }
    for (size_t i = 0; i < 2; i++) {
        /* each element is read as a member of its own */
        CAIRN_JSON *wrapped = json_pack("{s:O}", "anchor", json_array_get(anchors, i));
        struct cairn_obj w = cairn_obj(wrapped, o->place, o->err);
        read_area(&w, "anchor", &out->anchor[i]);
        o->rc = cairn_obj_done(&w);
        if (o->rc != CAIRN_OK) {
            return;
        }
    }
    struct cairn_obj t = cairn_obj(tpm, o->place, o->err);
    read_label(&t, "class", out->tpm_class, sizeof out->tpm_class, false);
    read_label(&t, "manufacturer", out->tpm_manufacturer, sizeof out->tpm_manufacturer, true);
    out->tpm_firmware = cairn_obj_hex64(&t, "firmware");
    if (t.rc == CAIRN_OK && strcmp(out->tpm_class, "virtual") != 0 && strcmp(out->tpm_class, "hardware") != 0) {
        cairn_obj_fail(&t, "class", "is neither \"virtual\" nor \"hardware\"");
    }
    o->rc = cairn_obj_done(&t);
}

static CAIRN_RC append_area(json_t *array, const struct cairn_area *area, struct cairn_err *err)
{
    CAIRN_BUF text = {0};
    CAIRN_TRY(cairn_base64_encode(cairn_area_span(area), &text, err));
    if (json_array_append_new(array, json_stringn((const char *)text.p, text.len)) != 0) {
        return CAIRN_FAIL(err, CAIRN_E_IO, "json.memory", "no memory for a document");
    }
    return CAIRN_OK;
}

static CAIRN_RC write_tpm(json_t *object, const struct cairn_statement *s, struct cairn_err *err)
{
    json_t *tpm = json_object();
    CAIRN_TRY(cairn_json_set_take(object, "tpm", tpm, err));
    CAIRN_TRY(cairn_json_set_string(tpm, "class", s->tpm_class, err));
    CAIRN_TRY(cairn_json_set_string(tpm, "manufacturer", s->tpm_manufacturer, err));
    return cairn_json_set_hex64(tpm, "firmware", s->tpm_firmware, err);
}

CAIRN_RC cairn_statement_write_device(json_t *object, const struct cairn_statement *s, struct cairn_err *err)
{
    json_t *anchors = json_array();
    CAIRN_TRY(cairn_json_set_take(object, "anchors", anchors, err));
    CAIRN_TRY(append_area(anchors, &s->anchor[0], err));
    CAIRN_TRY(append_area(anchors, &s->anchor[1], err));
    CAIRN_TRY(cairn_json_set_hex(object, "fleet", CAIRN_SPAN(s->fleet), err));
    CAIRN_TRY(cairn_json_set_base64(object, "ek", cairn_area_span(&s->ek), err));
    CAIRN_TRY(cairn_json_set_base64(object, "ak", cairn_area_span(&s->ak), err));
    CAIRN_TRY(cairn_json_set_base64(object, "srk", cairn_area_span(&s->srk), err));
    CAIRN_TRY(cairn_json_set_base64(object, "epoch", cairn_area_span(&s->epoch), err));
    CAIRN_TRY(cairn_json_set_string(object, "serial", s->serial, err));
    CAIRN_TRY(cairn_json_set_string(object, "tag", s->tag, err));
    CAIRN_TRY(cairn_json_set_string(object, "site", s->site, err));
    return write_tpm(object, s, err);
}

static CAIRN_RC check_indices(const struct cairn_root *root, const struct cairn_statement *s, struct cairn_err *err)
{
    uint8_t policy[CAIRN_SHA256_LEN] = {0};
    uint32_t epoch = 0;
    uint32_t anchor[2] = {0};
    CAIRN_TRY(cairn_policy_anchor(cairn_root_pcrpolicy_key(root), cairn_root_class(root), policy, err));
    CAIRN_TRY(cairn_public_epoch_check(cairn_area_span(&s->epoch), &epoch, err));
    CAIRN_TRY(cairn_public_anchor_check(cairn_area_span(&s->anchor[0]), policy, &anchor[0], err));
    CAIRN_TRY(cairn_public_anchor_check(cairn_area_span(&s->anchor[1]), policy, &anchor[1], err));
    if (anchor[0] == anchor[1] || anchor[0] == epoch || anchor[1] == epoch) {
        return CAIRN_FAIL(err, CAIRN_E_REFUSED, "statement.indices", "epoch and anchors share an NV index");
    }
    return CAIRN_OK;
}

CAIRN_RC cairn_statement_derive(const struct cairn_root *root, struct cairn_statement *s, struct cairn_err *err)
{
    struct cairn_ec_key key = {0};
    if (memcmp(s->fleet, cairn_root_fleet(root), sizeof s->fleet) != 0) {
        return CAIRN_FAIL(err, CAIRN_E_REFUSED, "statement.fleet", "this device belongs to another fleet than this root");
    }
    CAIRN_TRY(cairn_public_ek_check(cairn_area_span(&s->ek), &key, err));
    CAIRN_TRY(cairn_public_ak_check(cairn_area_span(&s->ak), s->fleet, &key, err));
    CAIRN_TRY(cairn_public_srk_check(cairn_area_span(&s->srk), &key, err));
    CAIRN_TRY(check_indices(root, s, err));
    CAIRN_TRY(cairn_name_compute(cairn_area_span(&s->ek), &s->ek_name, err));
    CAIRN_TRY(cairn_name_compute(cairn_area_span(&s->ak), &s->ak_name, err));
    CAIRN_TRY(cairn_name_compute(cairn_area_span(&s->srk), &s->srk_name, err));
    CAIRN_TRY(cairn_name_compute(cairn_area_span(&s->epoch), &s->epoch_name, err));
    CAIRN_TRY(cairn_name_compute(cairn_area_span(&s->anchor[0]), &s->anchor_name[0], err));
    CAIRN_TRY(cairn_name_compute(cairn_area_span(&s->anchor[1]), &s->anchor_name[1], err));
    return cairn_name_device_id(&s->ek_name, s->device, err);
}

static CAIRN_RC read_payload(struct cairn_span payload, struct cairn_statement *out, struct cairn_err *err)
{
    CAIRN_JSON *json = NULL;
    CAIRN_TRY(cairn_json_parse(payload, CAIRN_FILE_MAX, true, "statement", &json, err));
    struct cairn_obj o = cairn_obj(json, "statement", err);
    if (cairn_obj_uint(&o, "v", UINT32_MAX) != 1) {
        cairn_obj_fail(&o, "v", "is not 1: a document of another version");
    }
    read_label(&o, "class", out->device_class, sizeof out->device_class, false);
    cairn_obj_hex(&o, "device", out->device, sizeof out->device);
    out->epoch_value = cairn_obj_hex64(&o, "epoch_value");
    cairn_obj_hex(&o, "ek_certificate", out->ek_certificate, sizeof out->ek_certificate);
    out->root_version = (uint32_t)cairn_obj_uint(&o, "root_version", CAIRN_ROOT_VERSION_MAX);
    out->issued_s = cairn_obj_uint(&o, "issued", CAIRN_DATE_MAX);
    out->by_server = cairn_obj_has(&o, "enroller");
    if (out->by_server) {
        cairn_obj_const(&o, "enroller", CAIRN_ENROLLER_SERVER);
    }
    cairn_statement_read_device(&o, out);
    CAIRN_TRY(cairn_obj_done(&o));
    return cairn_sha256(payload, out->digest, err);
}

static CAIRN_RC check_words(const struct cairn_root *root, struct cairn_statement *s, struct cairn_err *err)
{
    uint8_t said[CAIRN_SHA256_LEN] = {0};
    copy_id(said, s->device);
    CAIRN_TRY(cairn_statement_derive(root, s, err));
    if (memcmp(said, s->device, sizeof said) != 0) {
        return CAIRN_FAIL(err, CAIRN_E_REFUSED, "statement.device", "the device id is not that of the endorsement key");
    }
    if (strcmp(s->device_class, cairn_root_class(root)) != 0) {
        return CAIRN_FAIL(err, CAIRN_E_REFUSED, "statement.class", "the device is of another class than this root is for");
    }
    if (s->root_version == 0 || s->root_version > cairn_root_version(root)) {
        return CAIRN_FAIL(err, CAIRN_E_REFUSED, "statement.root",
                          "the statement was made under version %u of the root, this is %u", (unsigned)s->root_version,
                          (unsigned)cairn_root_version(root));
    }
    return CAIRN_OK;
}

CAIRN_RC cairn_statement_open(const struct cairn_root *root, struct cairn_span file, uint64_t now_s,
                              struct cairn_statement *out, struct cairn_err *err)
{
    CAIRN_DSSE dsse = {0};
    struct cairn_statement s = {0};
    CAIRN_TRY(cairn_dsse_parse(file, CAIRN_TYPE_STATEMENT, &dsse, err));
    CAIRN_TRY(cairn_root_verify(root, &dsse, CAIRN_ROLE_ENROL, "statement", 0, err));
    CAIRN_TRY(read_payload(cairn_buf_span(&dsse.payload), &s, err));
    CAIRN_TRY(check_words(root, &s, err));
    if (now_s != 0 && s.issued_s > now_s + CAIRN_STATEMENT_SKEW_S) {
        return CAIRN_FAIL(err, CAIRN_E_REFUSED, "statement.issued", "the statement was issued in the future: check the clocks");
    }
    if (now_s != 0) {
        CAIRN_TRY(cairn_root_verify(root, &dsse, CAIRN_ROLE_ENROL, "statement", s.issued_s, err));
    }
    *out = s;
    return CAIRN_OK;
}

CAIRN_RC cairn_statement_payload(const struct cairn_statement *s, struct cairn_buf *out, struct cairn_err *err)
{
    struct cairn_name ek = {{0}};
    uint8_t device[CAIRN_SHA256_LEN] = {0};
    CAIRN_JSON *json = json_object();
    CAIRN_TRY(cairn_name_compute(cairn_area_span(&s->ek), &ek, err));
    CAIRN_TRY(cairn_name_device_id(&ek, device, err));
    CAIRN_TRY(cairn_json_set_uint(json, "v", 1, err));
    CAIRN_TRY(cairn_json_set_string(json, "class", s->device_class, err));
    CAIRN_TRY(cairn_json_set_hex(json, "device", CAIRN_SPAN(device), err));
    CAIRN_TRY(cairn_json_set_hex64(json, "epoch_value", s->epoch_value, err));
    CAIRN_TRY(cairn_json_set_hex(json, "ek_certificate", CAIRN_SPAN(s->ek_certificate), err));
    CAIRN_TRY(cairn_json_set_uint(json, "root_version", s->root_version, err));
    CAIRN_TRY(cairn_json_set_uint(json, "issued", s->issued_s, err));
    if (s->by_server) {
        CAIRN_TRY(cairn_json_set_string(json, "enroller", CAIRN_ENROLLER_SERVER, err));
    }
    CAIRN_TRY(cairn_statement_write_device(json, s, err));
    CAIRN_BUF text = {0};
    CAIRN_TRY(cairn_json_write(json, &text, err));
    return cairn_buf_set(out, cairn_buf_span(&text), err);
}

struct cairn_tpm_head cairn_statement_head(const struct cairn_statement *s, const uint8_t nonce[32])
{
    struct cairn_tpm_head head = {.ak = s->ak_name};
    copy_id(head.fleet, s->fleet);
    copy_id(head.device, s->device);
    copy_id(head.nonce, nonce);
    return head;
}
