/* wipe/kill.c -- see wipe/kill.h. */
#include "wipe/kill.h"

#include <inttypes.h>

enum { PAYLOAD_MAX = 4096 };

enum cairn_rc cairn_kill_payload(const struct cairn_statement *statement, const struct cairn_order *order, uint64_t target,
                                 struct cairn_buf *out, struct cairn_err *err)
{
    CAIRN_JSON *o = json_object();
    const struct cairn_tpm_head head = cairn_statement_head(statement, order->challenge);
    CAIRN_TRY(cairn_tpm_head_write(o, "challenge", &head, err));
    CAIRN_TRY(cairn_json_set_hex(o, "order", CAIRN_SPAN(order->digest), err));
    CAIRN_TRY(cairn_json_set_hex64(o, "target", target, err));
    return cairn_json_write(o, out, err);
}

static CAIRN_RC read_payload(struct cairn_span payload, struct cairn_tpm_head *head, uint8_t order[32], uint64_t *target,
                             struct cairn_err *err)
{
    CAIRN_JSON *json = NULL;
    CAIRN_TRY(cairn_json_parse(payload, PAYLOAD_MAX, true, "kill receipt", &json, err));
    struct cairn_obj o = cairn_obj(json, "kill receipt", err);
    cairn_tpm_head_read(&o, "challenge", head);
    cairn_obj_hex(&o, "order", order, 32);
    *target = cairn_obj_hex64(&o, "target");
    return cairn_obj_done(&o);
}

/* What the claims must say, once they are known to be the TPM's. */
static CAIRN_RC judge(const struct cairn_kill *kill, uint64_t floor, struct cairn_err *err)
{
    if (kill->target < floor) {
        return CAIRN_FAIL(err, CAIRN_E_REFUSED, "kill.target",
                          "the kill receipt aims at %" PRIu64 ", the order demands at least %" PRIu64, kill->target, floor);
    }
    if (kill->counter < floor || kill->counter < kill->target) {
        return CAIRN_FAIL(err, CAIRN_E_REFUSED, "kill.counter",
                          "the counter stands at %" PRIu64 " and must have reached %" PRIu64 ": older sealed keys may open",
                          kill->counter, kill->target);
    }
    if ((kill->quote.u.quote.mask & CAIRN_WIPE_PCRS) != CAIRN_WIPE_PCRS) {
        return CAIRN_FAIL(err, CAIRN_E_REFUSED, "kill.pcrs", "the kill receipt's quote leaves out PCRs 0 to 9");
    }
    return CAIRN_OK;
}

enum cairn_rc cairn_kill_verify(struct cairn_span file, const struct cairn_order *order,
                                const struct cairn_statement *statement, struct cairn_kill *out, struct cairn_err *err)
{
    static const enum cairn_claim_type TYPES[] = {CAIRN_CLAIM_NV, CAIRN_CLAIM_QUOTE};
    const struct cairn_order_device *entry = NULL;
    CAIRN_TPMDOC doc = {0};
    struct cairn_tpm_head head = {0};
    uint8_t digest[32] = {0};
    struct cairn_kill kill = {0};
    struct cairn_claim claims[2] = {0};
    CAIRN_TRY(cairn_order_for(order, statement, &entry, err));
    CAIRN_TRY(cairn_tpmdoc_parse(file, CAIRN_TYPE_KILL, &doc, err));
    CAIRN_TRY(cairn_tpmdoc_verify(&doc, cairn_area_span(&statement->ak), TYPES, CAIRN_ARRAY_LEN(TYPES), claims, err));
    CAIRN_TRY(read_payload(cairn_buf_span(&doc.payload), &head, digest, &kill.target, err));
    const struct cairn_tpm_head want = cairn_statement_head(statement, order->challenge);
    CAIRN_TRY(cairn_tpm_head_check(&head, &want, err));
    if (!cairn_span_equal(CAIRN_SPAN(digest), CAIRN_SPAN(order->digest))) {
        return CAIRN_FAIL(err, CAIRN_E_REFUSED, "kill.order", "the kill receipt was made for another order");
    }
    CAIRN_TRY(cairn_claim_counter(&claims[0], &statement->epoch_name, &kill.counter, err));
    kill.epoch = claims[0];
    kill.quote = claims[1];
    CAIRN_TRY(judge(&kill, cairn_order_floor(entry), err));
    *out = kill;
    return CAIRN_OK;
}
