/* wipe/media_log.c -- see wipe/media_log.h. */
#include "wipe/media_log.h"

#include <stdlib.h>
#include <string.h>

void cairn_media_log_clear(struct cairn_media_log *log)
{
    free(log->entries);
    *log = (struct cairn_media_log){0};
}

enum cairn_rc cairn_media_log_add(struct cairn_media_log *log, const struct cairn_media_entry *entry, struct cairn_err *err)
{
    if (log->num >= CAIRN_WIPE_MAX_MEDIA) {
        return CAIRN_FAIL(err, CAIRN_E_USAGE, "wipe.targets", "more than %d wipe targets", CAIRN_WIPE_MAX_MEDIA);
    }
    if (log->entries == NULL) {
        log->entries = calloc(CAIRN_WIPE_MAX_MEDIA, sizeof *log->entries);
    }
    if (log->entries == NULL) {
        return CAIRN_FAIL(err, CAIRN_E_IO, "memory", "no memory for a media log");
    }
    log->entries[log->num++] = *entry;
    return CAIRN_OK;
}

static CAIRN_RC entry_json(const struct cairn_media_entry *e, json_t *array, struct cairn_err *err)
{
    CAIRN_JSON *o = json_object();
    CAIRN_JSON *d = json_object();
    CAIRN_TRY(cairn_term_medium_set(o, &e->medium, err));
    CAIRN_TRY(cairn_json_set_string(o, "result", cairn_result_name(e->result), err));
    CAIRN_TRY(cairn_json_set_string(o, "code", e->code, err));
    CAIRN_TRY(cairn_json_set_uint(o, "started", e->started_s, err));
    CAIRN_TRY(cairn_json_set_uint(o, "ended", e->ended_s, err));
    CAIRN_TRY(cairn_json_set_string(d, "cipher", e->cipher, err));
    CAIRN_TRY(cairn_json_set_uint(d, "keyslots", e->keyslots, err));
    CAIRN_TRY(cairn_json_set_uint(d, "tokens", e->tokens, err));
    CAIRN_TRY(cairn_json_set_uint(d, "bytes_wiped", e->bytes_wiped, err));
    CAIRN_TRY(cairn_json_set_hex(d, "read_back", CAIRN_SPAN(e->read_back), err));
    CAIRN_TRY(cairn_json_set_take(o, "details", json_incref(d), err));
    return cairn_json_add(array, json_incref(o), err);
}

static CAIRN_RC log_json(const struct cairn_media_log *log, json_t *o, struct cairn_err *err)
{
    CAIRN_TRY(cairn_json_set_uint(o, "v", 1, err));
    CAIRN_TRY(cairn_json_set_hex(o, "fleet", CAIRN_SPAN(log->fleet), err));
    CAIRN_TRY(cairn_json_set_hex(o, "device", CAIRN_SPAN(log->device), err));
    CAIRN_TRY(cairn_json_set_hex(o, "challenge", CAIRN_SPAN(log->challenge), err));
    CAIRN_TRY(cairn_json_set_hex(o, "order", CAIRN_SPAN(log->order), err));
    CAIRN_TRY(cairn_json_set_hex(o, "plan", CAIRN_SPAN(log->plan), err));
    CAIRN_TRY(cairn_json_set_string(o, "tool", log->tool, err));
    CAIRN_TRY(cairn_json_set_take(o, "targets", json_array(), err));
    for (size_t i = 0; i < log->num; i++) {
        CAIRN_TRY(entry_json(&log->entries[i], json_object_get(o, "targets"), err));
    }
    return CAIRN_OK;
}

enum cairn_rc cairn_media_log_write(const struct cairn_media_log *log, struct cairn_buf *out, struct cairn_err *err)
{
    CAIRN_JSON *o = json_object();
    CAIRN_TRY(log_json(log, o, err));
    return cairn_json_write(o, out, err);
}

static CAIRN_RC read_details(const json_t *json, struct cairn_media_entry *out, struct cairn_err *err)
{
    struct cairn_obj d = cairn_obj(json, "media log, details", err);
    cairn_term_text(&d, "cipher", true, out->cipher, sizeof out->cipher);
    out->keyslots = (uint32_t)cairn_obj_uint(&d, "keyslots", UINT32_MAX);
    out->tokens = (uint32_t)cairn_obj_uint(&d, "tokens", UINT32_MAX);
    out->bytes_wiped = cairn_obj_uint(&d, "bytes_wiped", UINT64_MAX);
    cairn_obj_hex(&d, "read_back", out->read_back, sizeof out->read_back);
    return cairn_obj_done(&d);
}

static CAIRN_RC read_entry(const json_t *json, struct cairn_media_log *log, struct cairn_err *err)
{
    struct cairn_media_entry e = {0};
    struct cairn_obj o = cairn_obj(json, "media log, targets", err);
    cairn_term_medium(&o, &e.medium);
    e.result = cairn_term_result(&o);
    cairn_term_text(&o, "code", true, e.code, sizeof e.code);
    e.started_s = cairn_obj_uint(&o, "started", UINT64_MAX);
    e.ended_s = cairn_obj_uint(&o, "ended", UINT64_MAX);
    const json_t *details = cairn_obj_object(&o, "details");
    if (e.ended_s < e.started_s) {
        cairn_obj_fail(&o, "ended", "before it started");
    }
    if ((e.result == CAIRN_RESULT_ERASED) != (e.code[0] == '\0')) {
        cairn_obj_fail(&o, "code", "disagrees with the result");
    }
    if (e.result == CAIRN_RESULT_ERASED && e.medium.method == CAIRN_METHOD_NONE) {
        cairn_obj_fail(&o, "method", "none, of a target that is said to be erased");
    }
    CAIRN_TRY(cairn_obj_done(&o));
    CAIRN_TRY(read_details(details, &e, err));
    return cairn_media_log_add(log, &e, err);
}

static CAIRN_RC read_log(const json_t *json, struct cairn_media_log *out, struct cairn_err *err)
{
    struct cairn_obj o = cairn_obj(json, "media log", err);
    if (cairn_obj_uint(&o, "v", 1) != 1) {
        cairn_obj_fail(&o, "v", "not 1");
    }
    cairn_obj_hex(&o, "fleet", out->fleet, sizeof out->fleet);
    cairn_obj_hex(&o, "device", out->device, sizeof out->device);
    cairn_obj_hex(&o, "challenge", out->challenge, sizeof out->challenge);
    cairn_obj_hex(&o, "order", out->order, sizeof out->order);
    cairn_obj_hex(&o, "plan", out->plan, sizeof out->plan);
    cairn_term_text(&o, "tool", false, out->tool, sizeof out->tool);
    const json_t *targets = cairn_obj_array(&o, "targets", CAIRN_WIPE_MAX_MEDIA);
    CAIRN_TRY(cairn_obj_done(&o));
    for (size_t i = 0; i < json_array_size(targets); i++) {
        CAIRN_TRY(read_entry(json_array_get(targets, i), out, err));
    }
    return CAIRN_OK;
}

enum cairn_rc cairn_media_log_read(struct cairn_span text, struct cairn_media_log *out, struct cairn_err *err)
{
    CAIRN_JSON *json = NULL;
    CAIRN_MEDIA_LOG log = {0};
    CAIRN_TRY(cairn_json_parse(text, CAIRN_MEDIA_LOG_MAX_LEN, true, "media log", &json, err));
    CAIRN_TRY(read_log(json, &log, err));
    *out = log;
    log = (struct cairn_media_log){0};
    return CAIRN_OK;
}
