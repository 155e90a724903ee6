/* provision/request.c -- see provision/request.h.
 *
 * Trust boundary: the file comes from a device nobody believes; the counter counts because the AK certified it.
 */
#include "provision/request.h"

#include "core/doctype.h"

CAIRN_RC cairn_request_payload(const struct cairn_tpm_head *head, struct cairn_buf *out, struct cairn_err *err)
{
    CAIRN_JSON *json = json_object();
    CAIRN_TRY(cairn_tpm_head_write(json, "nonce", head, err));
    cairn_buf_clear(out);
    return cairn_json_write(json, out, err);
}

static CAIRN_RC read_head(struct cairn_span payload, struct cairn_tpm_head *out, struct cairn_err *err)
{
    CAIRN_JSON *json = NULL;
    CAIRN_TRY(cairn_json_parse(payload, CAIRN_TPMDOC_MAX_HEAD, true, "request", &json, err));
    struct cairn_obj o = cairn_obj(json, "request", err);
    cairn_tpm_head_read(&o, "nonce", out);
    return cairn_obj_done(&o);
}

CAIRN_RC cairn_request_verify(struct cairn_span file, const struct cairn_statement *statement, const uint8_t nonce[32],
                              uint32_t mask, struct cairn_request *out, struct cairn_err *err)
{
    static const enum cairn_claim_type TYPES[] = {CAIRN_CLAIM_QUOTE, CAIRN_CLAIM_NV};
    CAIRN_TPMDOC doc = {0};
    struct cairn_claim claims[CAIRN_ARRAY_LEN(TYPES)] = {0};
    struct cairn_tpm_head head = {0}, want = cairn_statement_head(statement, nonce);
    struct cairn_request request = {0};
    CAIRN_TRY(cairn_tpmdoc_parse(file, CAIRN_TYPE_REQUEST, &doc, err));
    CAIRN_TRY(cairn_tpmdoc_verify(&doc, cairn_area_span(&statement->ak), TYPES, CAIRN_ARRAY_LEN(TYPES), claims, err));
    CAIRN_TRY(read_head(cairn_buf_span(&doc.payload), &head, err));
    CAIRN_TRY(cairn_tpm_head_check(&head, &want, err));
    if (claims[0].u.quote.mask != mask) {
        return CAIRN_FAIL(err, CAIRN_E_REFUSED, "request.selection", "the request quotes other PCRs than were asked for");
    }
    CAIRN_TRY(cairn_claim_counter(&claims[1], &statement->epoch_name, &request.epoch, err));
    request.quote = claims[0];
    request.counter = claims[1];
    *out = request;
    return CAIRN_OK;
}
