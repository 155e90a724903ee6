/* client/replies.c -- see client/replies.h. */
#include "client/replies.h"

#include <stdio.h>
#include <string.h>

#include "attest/evidence.h"

_Static_assert((int)CAIRN_REPLY_NUM_LOGS == (int)CAIRN_NUM_BOOT_LOGS, "one flag per log");

enum { ASSETS_MAX = 4 << 20, DOCUMENT_MAX = CAIRN_FILE_MAX };

void cairn_report_clear(struct cairn_report *report)
{
    cairn_buf_clear(&report->ear);
    *report = (struct cairn_report){.interval_s = 0};
}

void cairn_bundle_clear(struct cairn_bundle *bundle)
{
    cairn_buf_clear(&bundle->grant);
    cairn_buf_clear(&bundle->manifest);
    cairn_buf_clear(&bundle->assets);
}

/* Whatever is wrong with a reply is the server's fault and has one code; the reason stays in the text. */
static CAIRN_RC blame(struct cairn_err *err, const char *code, const struct cairn_err *why)
{
    if (why->rc == CAIRN_E_IO) {
        return CAIRN_FAIL(err, CAIRN_E_IO, why->code, "%s", why->text);
    }
    return CAIRN_FAIL(err, CAIRN_E_SERVER, code, "the server's reply: %s", why->text);
}

static bool is_code(const char *text)
{
    return text[0] != '\0' && strlen(text) < CAIRN_REPLY_CODE_MAX &&
           strspn(text, "abcdefghijklmnopqrstuvwxyz0123456789._-") == strlen(text);
}

static void read_tier(struct cairn_obj *o, enum cairn_tier *out)
{
    const char *name = cairn_obj_string(o, "tier", CAIRN_REPLY_CODE_MAX);
    for (enum cairn_tier t = CAIRN_TIER_AFFIRMING; t <= CAIRN_TIER_UNDECIDED; t++) {
        if (strcmp(name, cairn_tier_name(t)) == 0) {
            *out = t;
            return;
        }
    }
    cairn_obj_fail(o, "tier", "no tier has this name");
}

static void read_failed(struct cairn_obj *o, struct cairn_report *out)
{
    const json_t *list = cairn_obj_array(o, "failed", 1024);
    for (size_t i = 0; i < json_array_size(list) && out->num_failed < CAIRN_REPLY_MAX_FAILED; i++) {
        const char *code = json_string_value(json_array_get(list, i));
        if (code == NULL || !is_code(code)) {
            cairn_obj_fail(o, "failed", "not a list of codes");
            return;
        }
        (void)snprintf(out->failed[out->num_failed++], CAIRN_REPLY_CODE_MAX, "%s", code);
    }
}

static void read_nonce(struct cairn_obj *o, struct cairn_nonce *out)
{
    const json_t *object = cairn_obj_object(o, "nonce");
    CAIRN_BUF text = {0};
    if (object != NULL && (cairn_json_write(object, &text, NULL) != CAIRN_OK ||
                           cairn_nonce_parse(cairn_buf_span(&text), out, NULL) != CAIRN_OK)) {
        cairn_obj_fail(o, "nonce", "not a nonce object");
    }
}

static CAIRN_RC read_ear(struct cairn_obj *o, struct cairn_buf *out)
{
    if (!cairn_obj_has(o, "ear")) {
        return CAIRN_OK;
    }
    return cairn_buf_set(out, cairn_span_str(cairn_obj_string(o, "ear", CAIRN_REPLY_EAR_MAX)), o->err);
}

static uint32_t bounded_interval(uint64_t seconds)
{
    return seconds < CAIRN_INTERVAL_MIN_S   ? CAIRN_INTERVAL_MIN_S
           : seconds > CAIRN_INTERVAL_MAX_S ? CAIRN_INTERVAL_MAX_S
                                            : (uint32_t)seconds;
}

static CAIRN_RC read_report(const json_t *json, struct cairn_report *out, struct cairn_err *err)
{
    struct cairn_obj o = cairn_obj(json, "report", err);
    out->interval_s = bounded_interval(cairn_obj_uint(&o, "interval", UINT64_MAX));
    read_tier(&o, &out->tier);
    read_nonce(&o, &out->nonce);
    if (cairn_obj_has(&o, "failed")) {
        read_failed(&o, out);
    }
    if (cairn_obj_has(&o, "order")) {
        cairn_obj_hex(&o, "order", out->order, sizeof out->order);
        out->has_order = true;
    }
    if (cairn_obj_has(&o, "grant")) {
        out->grant = cairn_obj_bool(&o, "grant");
    }
    CAIRN_TRY(read_ear(&o, &out->ear));
    return o.rc; /* not cairn_obj_done: members of a later version are left alone */
}

enum cairn_rc cairn_report_parse(struct cairn_span body, struct cairn_report *out, struct cairn_err *err)
{
    CAIRN_JSON *json = NULL;
    CAIRN_REPORT report = {.interval_s = 0};
    struct cairn_err why = {0};
    enum cairn_rc rc = cairn_json_parse(cairn_json_trim_newline(body), CAIRN_REPLY_SMALL_MAX, true, "report", &json, &why);
    rc = rc == CAIRN_OK ? read_report(json, &report, &why) : rc;
    if (rc != CAIRN_OK) {
        return blame(err, "reply.report", &why);
    }
    cairn_report_clear(out);
    *out = report;
    report = (struct cairn_report){.interval_s = 0};
    return CAIRN_OK;
}

enum cairn_rc cairn_reply_check_nonce(const struct cairn_nonce *nonce, const struct cairn_statement *statement,
                                      enum cairn_purpose purpose, struct cairn_err *err)
{
    const bool ours = cairn_span_equal(CAIRN_SPAN(nonce->fleet), CAIRN_SPAN(statement->fleet)) &&
                      cairn_span_equal(CAIRN_SPAN(nonce->device), CAIRN_SPAN(statement->device)) &&
                      cairn_name_equal(&nonce->ak, &statement->ak_name);
    if (!ours || nonce->purpose != purpose || nonce->spent || nonce->mask == 0) {
        return CAIRN_FAIL(err, CAIRN_E_SERVER, "reply.nonce",
                          "the server gave a nonce that does not ask this device for %s: is it this fleet's server?",
                          cairn_purpose_name(purpose));
    }
    return CAIRN_OK;
}

enum cairn_rc cairn_reply_nonce(struct cairn_span body, const struct cairn_statement *statement, enum cairn_purpose purpose,
                                struct cairn_nonce *out, struct cairn_err *err)
{
    struct cairn_nonce nonce = {.mask = 0};
    struct cairn_err why = {0};
    if (cairn_nonce_parse(body, &nonce, &why) != CAIRN_OK) {
        return blame(err, "reply.nonce", &why);
    }
    CAIRN_TRY(cairn_reply_check_nonce(&nonce, statement, purpose, err));
    *out = nonce;
    return CAIRN_OK;
}

static bool is_token(const char *text)
{
    static const char ALPHABET[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.~+/=";
    return text != NULL && text[0] != '\0' && strlen(text) < CAIRN_REPLY_TOKEN_MAX && strspn(text, ALPHABET) == strlen(text);
}

static void take_need(const json_t *list, struct cairn_problem *out)
{
    for (size_t i = 0; i < json_array_size(list) && i < CAIRN_NUM_BOOT_LOGS; i++) {
        const char *name = json_string_value(json_array_get(list, i));
        for (size_t kind = 0; name != NULL && kind < CAIRN_NUM_BOOT_LOGS; kind++) {
            if (strcmp(name, cairn_boot_log_name((enum cairn_boot_log_kind)kind)) == 0 && !out->need[kind]) {
                out->need[kind] = true;
                out->num_need++;
            }
        }
    }
}

static void take_members(const json_t *json, struct cairn_problem *out)
{
    const char *code = json_string_value(json_object_get(json, "code"));
    const char *detail = json_string_value(json_object_get(json, "detail"));
    const char *token = json_string_value(json_object_get(json, "upload_token"));
    const json_t *nonce = json_object_get(json, "nonce");
    CAIRN_BUF text = {0};
    if (code != NULL && is_code(code)) {
        (void)snprintf(out->code, sizeof out->code, "%s", code);
    }
    if (detail != NULL) {
        (void)snprintf(out->detail, sizeof out->detail, "%.*s", (int)sizeof out->detail - 1, detail);
    }
    if (is_token(token)) {
        (void)snprintf(out->upload_token, sizeof out->upload_token, "%s", token);
    }
    take_need(json_object_get(json, "need"), out);
    out->has_nonce = json_is_object(nonce) && cairn_json_write(nonce, &text, NULL) == CAIRN_OK &&
                     cairn_nonce_parse(cairn_buf_span(&text), &out->nonce, NULL) == CAIRN_OK;
}

void cairn_problem_parse(int status, struct cairn_span body, struct cairn_problem *out)
{
    CAIRN_JSON *json = NULL;
    *out = (struct cairn_problem){.num_need = 0};
    (void)snprintf(out->code, sizeof out->code, "http.%d", status);
    if (cairn_json_parse(cairn_json_trim_newline(body), CAIRN_REPLY_SMALL_MAX, false, "problem", &json, NULL) == CAIRN_OK) {
        take_members(json, out);
    }
}

static CAIRN_RC read_bundle(const json_t *json, struct cairn_bundle *out, struct cairn_err *err)
{
    struct cairn_obj o = cairn_obj(json, "grant", err);
    cairn_obj_base64(&o, "assets", ASSETS_MAX, &out->assets);
    cairn_obj_base64(&o, "grant", DOCUMENT_MAX, &out->grant);
    cairn_obj_base64(&o, "manifest", DOCUMENT_MAX, &out->manifest);
    return cairn_obj_done(&o);
}

enum cairn_rc cairn_bundle_parse(struct cairn_span body, struct cairn_bundle *out, struct cairn_err *err)
{
    CAIRN_JSON *json = NULL;
    CAIRN_BUNDLE bundle = {.grant = {0}};
    struct cairn_err why = {0};
    enum cairn_rc rc = cairn_json_parse(cairn_json_trim_newline(body), CAIRN_REPLY_BUNDLE_MAX, true, "grant", &json, &why);
    rc = rc == CAIRN_OK ? read_bundle(json, &bundle, &why) : rc;
    if (rc != CAIRN_OK) {
        return blame(err, "reply.bundle", &why);
    }
    cairn_bundle_clear(out);
    *out = bundle;
    bundle = (struct cairn_bundle){.grant = {0}};
    return CAIRN_OK;
}
