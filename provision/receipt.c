/* provision/receipt.c -- see provision/receipt.h.
 */
#include "provision/receipt.h"

#include <string.h>

#include "core/doctype.h"

CAIRN_RC cairn_receipt_payload(const struct cairn_receipt *receipt, const struct cairn_tpm_head *head, struct cairn_buf *out,
                               struct cairn_err *err)
{
    CAIRN_JSON *json = json_object();
    CAIRN_TRY(cairn_tpm_head_write(json, "nonce", head, err));
    CAIRN_TRY(cairn_json_set_hex(json, "manifest", CAIRN_SPAN(receipt->manifest), err));
    CAIRN_TRY(cairn_json_set_hex64(json, "from", receipt->from, err));
    CAIRN_TRY(cairn_json_set_hex64(json, "to", receipt->to, err));
    CAIRN_TRY(cairn_json_set_hex64(json, "generation", receipt->generation, err));
    CAIRN_TRY(cairn_json_set_hex(json, "record", CAIRN_SPAN(receipt->record), err));
    cairn_buf_clear(out);
    return cairn_json_write(json, out, err);
}

static CAIRN_RC read_payload(struct cairn_span payload, struct cairn_tpm_head *head, struct cairn_receipt *out,
                             struct cairn_err *err)
{
    CAIRN_JSON *json = NULL;
    CAIRN_TRY(cairn_json_parse(payload, CAIRN_TPMDOC_MAX_HEAD, true, "receipt", &json, err));
    struct cairn_obj o = cairn_obj(json, "receipt", err);
    cairn_tpm_head_read(&o, "nonce", head);
    cairn_obj_hex(&o, "manifest", out->manifest, sizeof out->manifest);
    out->from = cairn_obj_hex64(&o, "from");
    out->to = cairn_obj_hex64(&o, "to");
    out->generation = cairn_obj_hex64(&o, "generation");
    cairn_obj_hex(&o, "record", out->record, sizeof out->record);
    cairn_copy(out->grant, head->nonce, sizeof out->grant);
    return cairn_obj_done(&o);
}

static CAIRN_RC check_grant(const struct cairn_receipt *r, const struct cairn_grant *grant, struct cairn_err *err)
{
    if (memcmp(r->manifest, grant->manifest, sizeof r->manifest) != 0) {
        return CAIRN_FAIL(err, CAIRN_E_REFUSED, "receipt.manifest", "the receipt names another manifest than the grant");
    }
    if (r->from != grant->from || r->to != grant->to) {
        return CAIRN_FAIL(err, CAIRN_E_REFUSED, "receipt.grant", "the receipt names other epochs than the grant");
    }
    if (r->quote.u.quote.mask != grant->mask ||
        memcmp(r->quote.u.quote.digest, grant->pcr_digest, sizeof grant->pcr_digest) != 0) {
        return CAIRN_FAIL(err, CAIRN_E_REFUSED, "receipt.pcrs", "the receipt was made under other PCRs than the grant's");
    }
    return CAIRN_OK;
}

CAIRN_RC cairn_receipt_verify(struct cairn_span file, const struct cairn_statement *statement, const struct cairn_grant *grant,
                              struct cairn_receipt *out, struct cairn_err *err)
{
    static const enum cairn_claim_type TYPES[] = {CAIRN_CLAIM_NV, CAIRN_CLAIM_QUOTE};
    CAIRN_TPMDOC doc = {0};
    struct cairn_claim claims[CAIRN_ARRAY_LEN(TYPES)] = {0};
    struct cairn_tpm_head head = {0};
    struct cairn_receipt r = {0};
    uint64_t counter = 0;
    CAIRN_TRY(cairn_tpmdoc_parse(file, CAIRN_TYPE_RECEIPT, &doc, err));
    CAIRN_TRY(cairn_tpmdoc_verify(&doc, cairn_area_span(&statement->ak), TYPES, CAIRN_ARRAY_LEN(TYPES), claims, err));
    CAIRN_TRY(read_payload(cairn_buf_span(&doc.payload), &head, &r, err));
    struct cairn_tpm_head want = cairn_statement_head(statement, grant != NULL ? grant->digest : head.nonce);
    CAIRN_TRY(cairn_tpm_head_check(&head, &want, err));
    CAIRN_TRY(cairn_claim_counter(&claims[0], &statement->epoch_name, &counter, err));
    if (counter != r.to) {
        return CAIRN_FAIL(err, CAIRN_E_REFUSED, "receipt.epoch", "the TPM certifies epoch %llu, the receipt says %llu",
                          (unsigned long long)counter, (unsigned long long)r.to);
    }
    r.counter = claims[0];
    r.quote = claims[1];
    if (grant != NULL) {
        CAIRN_TRY(check_grant(&r, grant, err));
    }
    *out = r;
    return CAIRN_OK;
}
