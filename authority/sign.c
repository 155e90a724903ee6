/* authority/sign.c -- one signature onto a document. The signed bytes are the bytes that were read, never re-written ones.
 *
 * Trust boundary: the input is whatever a person was handed. Source: DSSE v1.0.2.
 */
#include "authority/sign.h"

#include <stdio.h>
#include <string.h>

bool cairn_sign_is_envelope(struct cairn_span file)
{
    CAIRN_JSON *json = NULL;
    return cairn_json_parse(cairn_json_trim_newline(file), CAIRN_DSSE_MAX_LEN, false, "document", &json, NULL) == CAIRN_OK &&
           json_object_get(json, "payloadType") != NULL;
}

/* An envelope is taken apart; JSON becomes the payload of an envelope without signatures. */
static CAIRN_RC read_document(struct cairn_span file, const char *type, struct cairn_dsse *out, struct cairn_err *err)
{
    CAIRN_JSON *json = NULL;
    if (cairn_sign_is_envelope(file)) {
        return cairn_dsse_parse(file, type, out, err);
    }
    struct cairn_span payload = cairn_json_trim_newline(file);
    CAIRN_TRY(cairn_json_parse(payload, CAIRN_DSSE_MAX_LEN, true, "document", &json, err));
    (void)snprintf(out->type, sizeof out->type, "%s", type);
    return cairn_buf_set(&out->payload, payload, err);
}

CAIRN_RC cairn_sign_payload(struct cairn_span file, const char *type, struct cairn_buf *out, struct cairn_err *err)
{
    CAIRN_DSSE dsse = {0};
    CAIRN_TRY(read_document(file, type, &dsse, err));
    return cairn_buf_set(out, cairn_buf_span(&dsse.payload), err);
}

static CAIRN_RC add_signature(struct cairn_dsse *dsse, const struct cairn_signer *signer, struct cairn_err *err)
{
    struct cairn_ec_key key = {0};
    struct cairn_dsse_signature made = {0};
    uint8_t digest[CAIRN_SHA256_LEN] = {0};
    CAIRN_TRY(cairn_signer_public(signer, &key, err));
    CAIRN_TRY(cairn_ec_key_id(&key, made.key_id, err));
    for (size_t i = 0; i < dsse->num_signatures; i++) {
        if (memcmp(dsse->signatures[i].key_id, made.key_id, sizeof made.key_id) == 0) {
            return CAIRN_FAIL(err, CAIRN_E_REFUSED, "dsse.signed", "this key has signed this document already");
        }
    }
    if (dsse->num_signatures == CAIRN_DSSE_MAX_SIGNATURES) {
        return CAIRN_FAIL(err, CAIRN_E_REFUSED, "dsse.full", "an envelope holds at most %d signatures",
                          CAIRN_DSSE_MAX_SIGNATURES);
    }
    CAIRN_TRY(cairn_pae_digest(dsse->type, cairn_buf_span(&dsse->payload), digest, err));
    CAIRN_TRY(cairn_signer_sign(signer, digest, made.rs, err));
    dsse->signatures[dsse->num_signatures++] = made;
    return CAIRN_OK;
}

CAIRN_RC cairn_sign_document(struct cairn_span file, const char *type, const struct cairn_signer *signer, struct cairn_buf *out,
                             struct cairn_err *err)
{
    CAIRN_DSSE dsse = {0};
    CAIRN_TRY(read_document(file, type, &dsse, err));
    CAIRN_TRY(add_signature(&dsse, signer, err));
    return cairn_dsse_write(&dsse, out, err);
}

static CAIRN_RC sign_half(const struct cairn_signer *signer, struct cairn_approval *half, struct cairn_err *err)
{
    uint8_t digest[CAIRN_SHA256_LEN] = {0};
    CAIRN_TRY(cairn_policy_approval_digest(half->approved, half->ref, digest, err));
    CAIRN_TRY(cairn_signer_sign(signer, digest, half->rs, err));
    return cairn_approval_check(half, err);
}

CAIRN_RC cairn_sign_approvals(const struct cairn_signer *signer, const char *device_class, uint64_t floor, uint32_t mask,
                              const uint8_t pcr_digest[32], struct cairn_approvals *out, struct cairn_err *err)
{
    struct cairn_approvals made = {.floor = floor};
    struct cairn_approval *a = &made.anchor;
    if (!cairn_label_ok(device_class, sizeof made.device_class, false)) {
        return CAIRN_FAIL(err, CAIRN_E_USAGE, "approval.class", "the class is empty, too long or has odd characters");
    }
    (void)snprintf(made.device_class, sizeof made.device_class, "%s", device_class);
    struct cairn_writer w = cairn_writer(a->pcr_digest, sizeof a->pcr_digest);
    cairn_write_bytes(&w, cairn_span(pcr_digest, sizeof a->pcr_digest));
    a->mask = mask;
    CAIRN_TRY(cairn_policy_pcr(a->approved, mask, pcr_digest, err));
    CAIRN_TRY(cairn_signer_public(signer, &a->signer, err));
    made.vault = *a;
    CAIRN_TRY(cairn_policy_ref_anchor(device_class, a->ref, err));
    CAIRN_TRY(cairn_policy_ref_vault(device_class, floor, made.vault.ref, err));
    CAIRN_TRY(sign_half(signer, a, err));
    CAIRN_TRY(sign_half(signer, &made.vault, err));
    *out = made;
    return CAIRN_OK;
}
