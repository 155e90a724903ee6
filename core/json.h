/* core/json.h -- strict JSON over jansson: one accepted text per document, no unknown member, limits before trust.
 *
 * Canonical text (every document that Cairn exchanges): UTF-8, members sorted by byte value, no white space, integers only,
 * one trailing newline allowed in a file, none in a signed payload. A document is canonical when writing what was read gives
 * the same bytes. Files that people write (configuration, params.json, plans) are read without that demand.
 *
 * Integers above 2^53 - 1 travel as 16 hex digits (cairn_obj_hex64).
 */
#ifndef CAIRN_CORE_JSON_H
#define CAIRN_CORE_JSON_H

#include <jansson.h>

#include "core/wire.h"

enum { CAIRN_JSON_MAX_DEPTH = 12 };

/* cairn_json_parse reads one object. Refused: duplicate keys, bad UTF-8, NUL, reals, depth beyond CAIRN_JSON_MAX_DEPTH,
 * more than `max_len` bytes, trailing bytes; with `canonical` also any text that is not the canonical one (code
 * "json.canonical"). `place` names the input in the error. Caller owns *out (cairn_json_freep).
 * A trailing newline is not canonical here: cairn_json_trim_newline. CAIRN_E_FORMAT "json.syntax" (line and column in the
 * text), "json.large", "json.depth", "json.canonical"; CAIRN_E_IO "json.memory". */
CAIRN_RC cairn_json_parse(struct cairn_span text, size_t max_len, bool canonical, const char *place, json_t **out,
                          struct cairn_err *err);
/* cairn_json_trim_newline gives a file's bytes without its one allowed trailing newline: for files, never for payloads. */
struct cairn_span cairn_json_trim_newline(struct cairn_span file);
/* cairn_json_write appends the canonical text, without newline, to `out`. */
CAIRN_RC cairn_json_write(const json_t *json, struct cairn_buf *out, struct cairn_err *err);
void cairn_json_freep(json_t **json);
#define CAIRN_JSON CAIRN_CLEANUP(cairn_json_freep) json_t

/* struct cairn_obj reads one object's members. Sticky: the first fault is kept in `err` (code "json.member", the text names
 * place and member), later reads give zero values. cairn_obj_done fails when any member was not read, so each member is read
 * once. `err` must be initialised ({0}). A NULL `json` that an earlier cairn_obj_object gave keeps that reader's fault. */
struct cairn_obj {
    const json_t *json;
    const char *place;
    size_t num_read;
    enum cairn_rc rc;
    struct cairn_err *err;
};
struct cairn_obj cairn_obj(const json_t *json, const char *place, struct cairn_err *err);
bool cairn_obj_has(const struct cairn_obj *o, const char *key);
const char *cairn_obj_string(struct cairn_obj *o, const char *key, size_t max_len); /* never NULL: "" on failure; borrowed */
uint64_t cairn_obj_uint(struct cairn_obj *o, const char *key, uint64_t max);        /* never above 2^53 - 1 */
uint64_t cairn_obj_hex64(struct cairn_obj *o, const char *key);                     /* exactly 16 hex digits */
bool cairn_obj_bool(struct cairn_obj *o, const char *key);
void cairn_obj_hex(struct cairn_obj *o, const char *key, uint8_t *out, size_t len);
void cairn_obj_base64(struct cairn_obj *o, const char *key, size_t max_len,
                      struct cairn_buf *out);                                        /* replaces; empty on failure */
const json_t *cairn_obj_object(struct cairn_obj *o, const char *key);                /* NULL on failure */
const json_t *cairn_obj_array(struct cairn_obj *o, const char *key, size_t max_num); /* NULL on failure */
void cairn_obj_const(struct cairn_obj *o, const char *key, const char *want);        /* string that must be equal */
void cairn_obj_fail(struct cairn_obj *o, const char *key, const char *why);
CAIRN_RC cairn_obj_done(struct cairn_obj *o);

/* Building. Each sets a member of `object`; failure (memory) is sticky in nobody: they return CAIRN_E_IO "json.memory" (also
 * for text that is not UTF-8). cairn_json_set_uint: CAIRN_E_USAGE "json.range" above 2^53 - 1. */
CAIRN_RC cairn_json_set_string(json_t *object, const char *key, const char *value, struct cairn_err *err);
CAIRN_RC cairn_json_set_uint(json_t *object, const char *key, uint64_t value, struct cairn_err *err);
CAIRN_RC cairn_json_set_hex64(json_t *object, const char *key, uint64_t value, struct cairn_err *err);
CAIRN_RC cairn_json_set_bool(json_t *object, const char *key, bool value, struct cairn_err *err);
CAIRN_RC cairn_json_set_hex(json_t *object, const char *key, struct cairn_span value, struct cairn_err *err);
CAIRN_RC cairn_json_set_base64(json_t *object, const char *key, struct cairn_span value, struct cairn_err *err);
CAIRN_RC cairn_json_set_take(json_t *object, const char *key, json_t *value,
                             struct cairn_err *err); /* owns value, also on failure */

#endif
