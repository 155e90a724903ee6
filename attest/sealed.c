/* attest/sealed.c -- a secret for the device of an attestation result, and the file that carries it (ear.h; docs/formats.md).
 */
#include <string.h>

#include "attest/ear.h"
#include "core/doctype.h"
#include "tpm_data/policy.h"

static CAIRN_RC write_file(const struct cairn_sealed_file *file, struct cairn_buf *out, struct cairn_err *err)
{
    char pcrs[80];
    CAIRN_JSON *json = json_object();
    CAIRN_BUF text = {0};
    cairn_selection_to_text(file->mask, pcrs);
    CAIRN_TRY(cairn_json_set_string(json, "type", CAIRN_TYPE_SEALED, err));
    CAIRN_TRY(cairn_json_set_uint(json, "v", 1, err));
    CAIRN_TRY(cairn_json_set_hex(json, "device", CAIRN_SPAN(file->device), err));
    CAIRN_TRY(cairn_json_set_base64(json, "duplicate", cairn_blob_span(&file->duplicate), err));
    CAIRN_TRY(cairn_json_set_hex64(json, "epoch", file->epoch, err));
    CAIRN_TRY(cairn_json_set_base64(json, "object", cairn_area_span(&file->object), err));
    CAIRN_TRY(cairn_json_set_string(json, "pcrs", pcrs, err));
    CAIRN_TRY(cairn_json_set_base64(json, "seed", cairn_blob_span(&file->seed), err));
    CAIRN_TRY(cairn_json_write(json, &text, err));
    CAIRN_TRY(cairn_buf_append(&text, cairn_span_str("\n"), err));
    return cairn_buf_append(out, cairn_buf_span(&text), err);
}

static CAIRN_RC wrap(const struct cairn_ear_seal *seal, struct cairn_span secret, struct cairn_sealed_file *out,
                     struct cairn_err *err)
{
    CAIRN_SIGNER *ephemeral = NULL;
    struct cairn_ec_key srk;
    uint8_t policy[32] = {0}, unique[32] = {0};
    CAIRN_TRY(cairn_public_srk_check(cairn_area_span(&seal->srk), &srk, err));
    CAIRN_TRY(cairn_policy_grant(seal->mask, seal->pcr_digest, &seal->epoch_name, seal->epoch, policy, err));
    CAIRN_TRY(cairn_signer_generate(&ephemeral, err));
    CAIRN_TRY(cairn_random(unique, sizeof unique, err));
    return cairn_wrap_import(ephemeral, &srk, policy, unique, secret, &out->object, &out->duplicate, &out->seed, err);
}

CAIRN_RC cairn_ear_seal_to(const struct cairn_ear *ear, struct cairn_span secret, struct cairn_buf *out, struct cairn_err *err)
{
    struct cairn_sealed_file file = {.mask = ear->seal.mask, .epoch = ear->seal.epoch};
    if (strcmp(ear->status, cairn_tier_name(CAIRN_TIER_AFFIRMING)) != 0) {
        return CAIRN_FAIL(err, CAIRN_E_REFUSED, "ear.status",
                          "the attestation result says \"%s\": nothing is sealed to this boot", ear->status);
    }
    if (!ear->has_seal) {
        return CAIRN_FAIL(err, CAIRN_E_REFUSED, "ear.seal", "the attestation result does not say what to seal to");
    }
    CAIRN_TRY(wrap(&ear->seal, secret, &file, err));
    cairn_copy(file.device, ear->device, sizeof file.device);
    return write_file(&file, out, err);
}

static void read_blob(struct cairn_obj *o, const char *member, struct cairn_blob *out)
{
    CAIRN_BUF bytes = {0};
    cairn_obj_base64(o, member, sizeof out->bytes, &bytes);
    struct cairn_writer w = cairn_writer(out->bytes, sizeof out->bytes);
    cairn_write_bytes(&w, cairn_buf_span(&bytes));
    out->len = w.len;
}

static void read_object(struct cairn_obj *o, struct cairn_area *out)
{
    CAIRN_BUF bytes = {0};
    cairn_obj_base64(o, "object", sizeof out->bytes, &bytes);
    struct cairn_writer w = cairn_writer(out->bytes, sizeof out->bytes);
    cairn_write_bytes(&w, cairn_buf_span(&bytes));
    out->len = w.len;
}

static void read_pcrs(struct cairn_obj *o, uint32_t *mask)
{
    char again[80] = "";
    const char *text = cairn_obj_string(o, "pcrs", sizeof again - 1);
    if (cairn_selection_from_text(text, mask, NULL) == CAIRN_OK) {
        cairn_selection_to_text(*mask, again);
    }
    if (*mask == 0 || strcmp(text, again) != 0) {
        cairn_obj_fail(o, "pcrs", "is not a list of PCRs in ascending order");
    }
}

CAIRN_RC cairn_sealed_file_parse(struct cairn_span file, struct cairn_sealed_file *out, struct cairn_err *err)
{
    CAIRN_JSON *json = NULL;
    struct cairn_sealed_file sealed = {.mask = 0};
    CAIRN_TRY(cairn_json_parse(cairn_json_trim_newline(file), CAIRN_SEALED_FILE_MAX, true, "sealed", &json, err));
    struct cairn_obj o = cairn_obj(json, "sealed", err);
    cairn_obj_const(&o, "type", CAIRN_TYPE_SEALED);
    if (cairn_obj_uint(&o, "v", UINT32_MAX) != 1) {
        cairn_obj_fail(&o, "v", "is not 1: a file of another version");
    }
    cairn_obj_hex(&o, "device", sealed.device, sizeof sealed.device);
    read_blob(&o, "duplicate", &sealed.duplicate);
    sealed.epoch = cairn_obj_hex64(&o, "epoch");
    read_object(&o, &sealed.object);
    read_pcrs(&o, &sealed.mask);
    read_blob(&o, "seed", &sealed.seed);
    CAIRN_TRY(cairn_obj_done(&o));
    *out = sealed;
    return CAIRN_OK;
}
