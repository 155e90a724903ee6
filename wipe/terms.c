/* wipe/terms.c -- see wipe/terms.h. */
#include "wipe/terms.h"

#include <stdio.h>
#include <string.h>

static const char *const METHODS[] = {"none", "clear", "purge"};
static const char *const EVIDENCE[] = {"tpm-proved", "measured-software", "software-asserted", "operator-asserted"};
static const char *const RESULTS[] = {"erased", "failed", "unhandled"};

const char *cairn_method_name(enum cairn_method method)
{
    return METHODS[method];
}

const char *cairn_evidence_name(enum cairn_evidence_class evidence)
{
    return EVIDENCE[evidence];
}

const char *cairn_result_name(enum cairn_result result)
{
    return RESULTS[result];
}

bool cairn_text_is_plain(const char *text, size_t cap)
{
    size_t len = strlen(text);
    for (size_t i = 0; i < len; i++) {
        if (text[i] < 0x20 || text[i] > 0x7e || text[i] == '"' || text[i] == '\\') {
            return false;
        }
    }
    return len > 0 && len < cap;
}

void cairn_term_text(struct cairn_obj *o, const char *key, bool optional, char *out, size_t cap)
{
    const char *text = cairn_obj_string(o, key, cap - 1);
    bool absent = text[0] == '\0' && optional;
    if (!absent && !cairn_text_is_plain(text, cap)) {
        cairn_obj_fail(o, key, "not plain text");
        text = "";
    }
    (void)snprintf(out, cap, "%s", text);
}

/* pick gives the place of the member's value in `names`; the first one after a fault. */
static unsigned pick(struct cairn_obj *o, const char *key, const char *const *names, unsigned num)
{
    const char *text = cairn_obj_string(o, key, CAIRN_TERM_MAX);
    for (unsigned i = 0; i < num; i++) {
        if (strcmp(text, names[i]) == 0) {
            return i;
        }
    }
    cairn_obj_fail(o, key, "not one of the words that stand here");
    return 0;
}

enum cairn_method cairn_term_method(struct cairn_obj *o)
{
    return (enum cairn_method)pick(o, "method", METHODS, CAIRN_ARRAY_LEN(METHODS));
}

enum cairn_evidence_class cairn_term_evidence(struct cairn_obj *o)
{
    return (enum cairn_evidence_class)pick(o, "evidence", EVIDENCE, CAIRN_ARRAY_LEN(EVIDENCE));
}

enum cairn_result cairn_term_result(struct cairn_obj *o)
{
    return (enum cairn_result)pick(o, "result", RESULTS, CAIRN_ARRAY_LEN(RESULTS));
}

void cairn_term_medium(struct cairn_obj *o, struct cairn_medium *out)
{
    cairn_term_text(o, "name", false, out->name, sizeof out->name);
    cairn_term_text(o, "driver", false, out->driver, sizeof out->driver);
    cairn_term_text(o, "path", false, out->path, sizeof out->path);
    cairn_term_text(o, "media", false, out->media, sizeof out->media);
    cairn_term_text(o, "technique", false, out->technique, sizeof out->technique);
    out->method = cairn_term_method(o);
    out->evidence = cairn_term_evidence(o);
}

enum cairn_rc cairn_term_medium_set(json_t *object, const struct cairn_medium *medium, struct cairn_err *err)
{
    CAIRN_TRY(cairn_json_set_string(object, "name", medium->name, err));
    CAIRN_TRY(cairn_json_set_string(object, "driver", medium->driver, err));
    CAIRN_TRY(cairn_json_set_string(object, "path", medium->path, err));
    CAIRN_TRY(cairn_json_set_string(object, "media", medium->media, err));
    CAIRN_TRY(cairn_json_set_string(object, "technique", medium->technique, err));
    CAIRN_TRY(cairn_json_set_string(object, "method", cairn_method_name(medium->method), err));
    return cairn_json_set_string(object, "evidence", cairn_evidence_name(medium->evidence), err);
}

enum cairn_rc cairn_json_add(json_t *array, json_t *value, struct cairn_err *err)
{
    if (value == NULL || json_array_append_new(array, value) != 0) {
        return CAIRN_FAIL(err, CAIRN_E_IO, "json.memory", "no memory to write a document");
    }
    return CAIRN_OK;
}
