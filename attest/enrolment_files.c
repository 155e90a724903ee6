/* attest/enrolment_files.c -- the plain files of an enrolment, as text: trusted for nothing by themselves.
 *
 * Trust boundary: request and challenge are foreign; the pending file is the desk's own and holds a secret.
 * Source: docs/formats.md "enrolment request", "enrolment challenge", "enrolment pending".
 */
#include "attest/enrolment.h"

enum { REQUEST_MAX = 128 << 10 };

void cairn_enrol_request_clear(struct cairn_enrol_request *request)
{
    for (size_t i = 0; i < CAIRN_ENROL_MAX_CERTIFICATES; i++) {
        cairn_buf_clear(&request->certificates[i]);
    }
    *request = (struct cairn_enrol_request){.num_certificates = 0};
}

void cairn_enrol_pending_clear(struct cairn_enrol_pending *pending)
{
    cairn_buf_clear(&pending->request);
    cairn_secret_free(pending->secret);
    *pending = (struct cairn_enrol_pending){.secret = NULL};
}

static struct cairn_obj open_object(const json_t *json, const char *place, const char *type, struct cairn_err *err)
{
    struct cairn_obj o = cairn_obj(json, place, err);
    cairn_obj_const(&o, "type", type);
    if (cairn_obj_uint(&o, "v", UINT32_MAX) != 1) {
        cairn_obj_fail(&o, "v", "is not 1: a file of another version");
    }
    return o;
}

static CAIRN_RC new_object(const char *type, json_t **out, struct cairn_err *err)
{
    CAIRN_JSON *json = json_object();
    CAIRN_TRY(cairn_json_set_string(json, "type", type, err));
    CAIRN_TRY(cairn_json_set_uint(json, "v", 1, err));
    *out = json;
    json = NULL;
    return CAIRN_OK;
}

static CAIRN_RC write_file(const json_t *json, struct cairn_buf *out, struct cairn_err *err)
{
    CAIRN_BUF text = {0};
    CAIRN_TRY(cairn_json_write(json, &text, err));
    CAIRN_TRY(cairn_buf_append(&text, cairn_span_str("\n"), err));
    return cairn_buf_set(out, cairn_buf_span(&text), err);
}

static CAIRN_RC read_certificates(const json_t *array, struct cairn_enrol_request *out, struct cairn_err *err)
{
    for (size_t i = 0; i < json_array_size(array); i++) {
        CAIRN_JSON *wrapped = json_pack("{s:O}", "ek_certificates", json_array_get(array, i));
        struct cairn_obj o = cairn_obj(wrapped, "enrolment request", err);
        cairn_obj_base64(&o, "ek_certificates", CAIRN_EK_CERTIFICATE_MAX, &out->certificates[i]);
        out->num_certificates = i + 1;
        CAIRN_TRY(cairn_obj_done(&o));
    }
    return CAIRN_OK;
}

CAIRN_RC cairn_enrol_request_parse(struct cairn_span file, struct cairn_enrol_request *out, struct cairn_err *err)
{
    CAIRN_JSON *json = NULL;
    CAIRN_ENROL_REQUEST request = {.num_certificates = 0};
    CAIRN_TRY(cairn_json_parse(cairn_json_trim_newline(file), REQUEST_MAX, true, "enrolment request", &json, err));
    struct cairn_obj o = open_object(json, "enrolment request", CAIRN_TYPE_ENROLMENT_REQUEST, err);
    cairn_statement_read_device(&o, &request.device);
    const json_t *certificates = cairn_obj_array(&o, "ek_certificates", CAIRN_ENROL_MAX_CERTIFICATES);
    CAIRN_TRY(cairn_obj_done(&o));
    CAIRN_TRY(read_certificates(certificates, &request, err));
    cairn_enrol_request_clear(out);
    *out = request;
    request = (struct cairn_enrol_request){.num_certificates = 0};
    return CAIRN_OK;
}

CAIRN_RC cairn_enrol_request_write(const struct cairn_enrol_request *request, struct cairn_buf *out, struct cairn_err *err)
{
    CAIRN_JSON *json = NULL;
    CAIRN_TRY(new_object(CAIRN_TYPE_ENROLMENT_REQUEST, &json, err));
    CAIRN_TRY(cairn_statement_write_device(json, &request->device, err));
    json_t *certificates = json_array();
    CAIRN_TRY(cairn_json_set_take(json, "ek_certificates", certificates, err));
    for (size_t i = 0; i < request->num_certificates; i++) {
        CAIRN_BUF text = {0};
        CAIRN_TRY(cairn_base64_encode(cairn_buf_span(&request->certificates[i]), &text, err));
        if (json_array_append_new(certificates, json_stringn((const char *)text.p, text.len)) != 0) {
            return CAIRN_FAIL(err, CAIRN_E_IO, "json.memory", "no memory for a request");
        }
    }
    return write_file(json, out, err);
}

static void read_blob(struct cairn_obj *o, const char *key, struct cairn_blob *out)
{
    CAIRN_BUF bytes = {0};
    cairn_obj_base64(o, key, CAIRN_BLOB_MAX, &bytes);
    struct cairn_writer w = cairn_writer(out->bytes, sizeof out->bytes);
    cairn_write_bytes(&w, cairn_buf_span(&bytes));
    out->len = w.len;
}

CAIRN_RC cairn_enrol_challenge_parse(struct cairn_span file, struct cairn_enrol_challenge *out, struct cairn_err *err)
{
    CAIRN_JSON *json = NULL;
    struct cairn_enrol_challenge c = {.ak = {{0}}};
    CAIRN_TRY(cairn_json_parse(cairn_json_trim_newline(file), REQUEST_MAX, true, "enrolment challenge", &json, err));
    struct cairn_obj o = open_object(json, "enrolment challenge", CAIRN_TYPE_ENROLMENT_CHALLENGE, err);
    cairn_obj_hex(&o, "ak", c.ak.bytes, sizeof c.ak.bytes);
    cairn_obj_hex(&o, "nonce", c.nonce, sizeof c.nonce);
    read_blob(&o, "credential", &c.credential);
    read_blob(&o, "seed", &c.seed);
    CAIRN_TRY(cairn_obj_done(&o));
    *out = c;
    return CAIRN_OK;
}

CAIRN_RC cairn_enrol_challenge_write(const struct cairn_enrol_challenge *challenge, struct cairn_buf *out,
                                     struct cairn_err *err)
{
    CAIRN_JSON *json = NULL;
    CAIRN_TRY(new_object(CAIRN_TYPE_ENROLMENT_CHALLENGE, &json, err));
    CAIRN_TRY(cairn_json_set_hex(json, "ak", cairn_name_span(&challenge->ak), err));
    CAIRN_TRY(cairn_json_set_hex(json, "nonce", CAIRN_SPAN(challenge->nonce), err));
    CAIRN_TRY(cairn_json_set_base64(json, "credential", cairn_blob_span(&challenge->credential), err));
    CAIRN_TRY(cairn_json_set_base64(json, "seed", cairn_blob_span(&challenge->seed), err));
    return write_file(json, out, err);
}

CAIRN_RC cairn_enrol_pending_parse(struct cairn_span file, struct cairn_enrol_pending *out, struct cairn_err *err)
{
    CAIRN_JSON *json = NULL;
    CAIRN_ENROL_PENDING p = {.secret = NULL};
    CAIRN_TRY(cairn_json_parse(cairn_json_trim_newline(file), 2 * REQUEST_MAX, true, "pending enrolment", &json, err));
    CAIRN_TRY(cairn_secret_new(CAIRN_ENROL_SECRET_LEN, &p.secret, err));
    struct cairn_obj o = open_object(json, "pending enrolment", CAIRN_TYPE_ENROLMENT_PENDING, err);
    cairn_obj_base64(&o, "request", REQUEST_MAX, &p.request);
    cairn_obj_hex(&o, "ek_certificate", p.facts.sha256, sizeof p.facts.sha256);
    cairn_obj_hex(&o, "nonce", p.nonce, sizeof p.nonce);
    cairn_obj_hex(&o, "secret", cairn_secret_bytes(p.secret), CAIRN_ENROL_SECRET_LEN);
    CAIRN_TRY(cairn_obj_done(&o));
    cairn_enrol_pending_clear(out);
    *out = p;
    p = (struct cairn_enrol_pending){.secret = NULL};
    return CAIRN_OK;
}

CAIRN_RC cairn_enrol_pending_write(const struct cairn_enrol_pending *pending, struct cairn_buf *out, struct cairn_err *err)
{
    CAIRN_JSON *json = NULL;
    CAIRN_TRY(new_object(CAIRN_TYPE_ENROLMENT_PENDING, &json, err));
    CAIRN_TRY(cairn_json_set_base64(json, "request", cairn_buf_span(&pending->request), err));
    CAIRN_TRY(cairn_json_set_hex(json, "ek_certificate", CAIRN_SPAN(pending->facts.sha256), err));
    CAIRN_TRY(cairn_json_set_hex(json, "nonce", CAIRN_SPAN(pending->nonce), err));
    CAIRN_TRY(cairn_json_set_hex(json, "secret", cairn_secret_span(pending->secret), err));
    return write_file(json, out, err);
}
