/* attest/nonce.c -- see attest/nonce.h.
 *
 * Trust boundary: the file is the asker's own, but a device reads one too; it is trusted for the question only.
 */
#include "attest/nonce.h"

#include <string.h>

enum { SELECTION_MAX = 79, PURPOSE_MAX = 16 };

static const char *const purpose_names[] = {
    [CAIRN_PURPOSE_LEARN] = "learn", [CAIRN_PURPOSE_EVIDENCE] = "evidence", [CAIRN_PURPOSE_GRANT] = "grant"};

const char *cairn_purpose_name(enum cairn_purpose purpose)
{
    return (size_t)purpose < CAIRN_ARRAY_LEN(purpose_names) ? purpose_names[purpose] : "unknown";
}

bool cairn_purpose_from_name(const char *name, enum cairn_purpose *out)
{
    for (size_t i = 0; i < CAIRN_ARRAY_LEN(purpose_names); i++) {
        if (strcmp(name, purpose_names[i]) == 0) {
            *out = (enum cairn_purpose)i;
            return true;
        }
    }
    return false;
}

static void read_selection(struct cairn_obj *o, uint32_t *mask)
{
    char again[SELECTION_MAX + 1] = "";
    const char *text = cairn_obj_string(o, "selection", SELECTION_MAX);
    if (cairn_selection_from_text(text, mask, NULL) == CAIRN_OK) {
        cairn_selection_to_text(*mask, again);
    }
    if (*mask == 0 || strcmp(text, again) != 0) {
        cairn_obj_fail(o, "selection", "is not a list of PCRs in ascending order");
    }
}

CAIRN_RC cairn_nonce_parse(struct cairn_span file, struct cairn_nonce *out, struct cairn_err *err)
{
    CAIRN_JSON *json = NULL;
    struct cairn_nonce n = {0};
    CAIRN_TRY(cairn_json_parse(cairn_json_trim_newline(file), CAIRN_FILE_MAX, true, "nonce", &json, err));
    struct cairn_obj o = cairn_obj(json, "nonce", err);
    cairn_obj_const(&o, "type", CAIRN_TYPE_NONCE);
    if (cairn_obj_uint(&o, "v", UINT32_MAX) != 1) {
        cairn_obj_fail(&o, "v", "is not 1: a file of another version");
    }
    if (!cairn_purpose_from_name(cairn_obj_string(&o, "purpose", PURPOSE_MAX), &n.purpose)) {
        cairn_obj_fail(&o, "purpose", "is not learn, evidence or grant");
    }
    cairn_obj_hex(&o, "nonce", n.nonce, sizeof n.nonce);
    cairn_obj_hex(&o, "fleet", n.fleet, sizeof n.fleet);
    cairn_obj_hex(&o, "device", n.device, sizeof n.device);
    cairn_obj_hex(&o, "ak", n.ak.bytes, sizeof n.ak.bytes);
    read_selection(&o, &n.mask);
    n.issued_s = cairn_obj_uint(&o, "issued", CAIRN_DATE_MAX);
    n.spent = cairn_obj_has(&o, "spent");
    if (n.spent) {
        cairn_obj_hex(&o, "spent", n.spent_by, sizeof n.spent_by);
    }
    CAIRN_TRY(cairn_obj_done(&o));
    *out = n;
    return CAIRN_OK;
}

CAIRN_RC cairn_nonce_json(const struct cairn_nonce *nonce, json_t **out, struct cairn_err *err)
{
    char selection[SELECTION_MAX + 1] = "";
    CAIRN_JSON *json = json_object();
    cairn_selection_to_text(nonce->mask, selection);
    CAIRN_TRY(cairn_json_set_string(json, "type", CAIRN_TYPE_NONCE, err));
    CAIRN_TRY(cairn_json_set_uint(json, "v", 1, err));
    CAIRN_TRY(cairn_json_set_string(json, "purpose", cairn_purpose_name(nonce->purpose), err));
    CAIRN_TRY(cairn_json_set_hex(json, "nonce", CAIRN_SPAN(nonce->nonce), err));
    CAIRN_TRY(cairn_json_set_hex(json, "fleet", CAIRN_SPAN(nonce->fleet), err));
    CAIRN_TRY(cairn_json_set_hex(json, "device", CAIRN_SPAN(nonce->device), err));
    CAIRN_TRY(cairn_json_set_hex(json, "ak", cairn_name_span(&nonce->ak), err));
    CAIRN_TRY(cairn_json_set_string(json, "selection", selection, err));
    CAIRN_TRY(cairn_json_set_uint(json, "issued", nonce->issued_s, err));
    if (nonce->spent) {
        CAIRN_TRY(cairn_json_set_hex(json, "spent", CAIRN_SPAN(nonce->spent_by), err));
    }
    *out = json;
    json = NULL;
    return CAIRN_OK;
}

CAIRN_RC cairn_nonce_write(const struct cairn_nonce *nonce, struct cairn_buf *out, struct cairn_err *err)
{
    CAIRN_JSON *json = NULL;
    CAIRN_BUF text = {0};
    CAIRN_TRY(cairn_nonce_json(nonce, &json, err));
    CAIRN_TRY(cairn_json_write(json, &text, err));
    CAIRN_TRY(cairn_buf_append(&text, cairn_span_str("\n"), err));
    return cairn_buf_set(out, cairn_buf_span(&text), err);
}

CAIRN_RC cairn_nonce_spend(struct cairn_nonce *nonce, enum cairn_purpose purpose, struct cairn_span document,
                           struct cairn_err *err)
{
    struct cairn_nonce spent = *nonce;
    if (nonce->purpose != purpose) {
        return CAIRN_FAIL(err, CAIRN_E_REFUSED, "nonce.purpose", "this nonce was made for \"%s\", not for \"%s\"",
                          cairn_purpose_name(nonce->purpose), cairn_purpose_name(purpose));
    }
    CAIRN_TRY(cairn_sha256(document, spent.spent_by, err));
    if (nonce->spent && !cairn_span_equal(CAIRN_SPAN(nonce->spent_by), CAIRN_SPAN(spent.spent_by))) {
        return CAIRN_FAIL(err, CAIRN_E_REFUSED, "nonce.spent",
                          "this nonce was spent by another document: ask the device again with a new one");
    }
    spent.spent = true;
    *nonce = spent;
    return CAIRN_OK;
}
