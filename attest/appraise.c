/* attest/appraise.c -- see appraise.h. */
#include "attest/appraise.h"

#include <stdio.h>
#include <string.h>

#include "attest/evidence.h"
#include "core/doctype.h"

void cairn_appraisal_clear(struct cairn_appraisal *appraisal)
{
    cairn_replay_free(appraisal->own);
    cairn_verdict_clear(&appraisal->verdict);
    *appraisal = (struct cairn_appraisal){.verdict = {.tier = CAIRN_TIER_UNDECIDED}};
}

static CAIRN_RC check_policy(const struct cairn_appraisal_in *in, struct cairn_err *err)
{
    if (in->policy == NULL) {
        return CAIRN_OK;
    }
    if (memcmp(in->policy->fleet, in->statement->fleet, sizeof in->policy->fleet) != 0) {
        return CAIRN_FAIL(err, CAIRN_E_REFUSED, "policy.fleet", "the policy is for another fleet than the device's");
    }
    if (strcmp(in->policy->device_class, in->statement->device_class) != 0) {
        return CAIRN_FAIL(err, CAIRN_E_REFUSED, "policy.class", "the policy is for class %s, the device is of class %s",
                          in->policy->device_class, in->statement->device_class);
    }
    return CAIRN_OK;
}

static CAIRN_RC verify_quote(const struct cairn_appraisal_in *in, const struct cairn_evidence *evidence,
                             struct cairn_claim *quote, struct cairn_err *err)
{
    static const enum cairn_claim_type wanted[] = {CAIRN_CLAIM_QUOTE};
    if (in->key != NULL) {
        return cairn_tpmdoc_verify_by(&evidence->doc, in->key, wanted, CAIRN_ARRAY_LEN(wanted), quote, err);
    }
    return cairn_tpmdoc_verify(&evidence->doc, cairn_area_span(&in->statement->ak), wanted, CAIRN_ARRAY_LEN(wanted), quote,
                               err);
}

/* What is wanted comes from the statement and the nonce; the document only has to agree. */
static CAIRN_RC authenticate(const struct cairn_appraisal_in *in, const struct cairn_evidence *evidence,
                             struct cairn_claim *quote, struct cairn_err *err)
{
    const struct cairn_tpm_head head = cairn_statement_head(in->statement, in->nonce->nonce);
    CAIRN_TRY(cairn_tpm_head_check(&evidence->head, &head, err));
    if (!cairn_name_equal(&in->nonce->ak, &head.ak) || memcmp(in->nonce->device, head.device, sizeof head.device) != 0 ||
        memcmp(in->nonce->fleet, head.fleet, sizeof head.fleet) != 0) {
        return CAIRN_FAIL(err, CAIRN_E_REFUSED, "nonce.device", "the nonce was made for another device than the statement's");
    }
    CAIRN_TRY(verify_quote(in, evidence, quote, err));
    if (quote->u.quote.mask != in->nonce->mask) {
        char want[80], got[80];
        cairn_selection_to_text(in->nonce->mask, want);
        cairn_selection_to_text(quote->u.quote.mask, got);
        return CAIRN_FAIL(err, CAIRN_E_REFUSED, "evidence.selection", "the TPM signed PCRs %s, asked for were %s", got, want);
    }
    return CAIRN_OK;
}

static void note_replay(struct cairn_appraisal *appraisal, const char *code, enum cairn_check_result result, const char *why)
{
    char signed_digest[2 * CAIRN_SHA256_LEN + 1];
    cairn_hex_encode(CAIRN_SPAN(appraisal->quote.u.quote.digest), signed_digest);
    cairn_verdict_add(&appraisal->verdict, code, result, true, signed_digest, result == CAIRN_PASS ? signed_digest : "", why);
}

void cairn_appraisal_replayed(struct cairn_appraisal *appraisal, const struct cairn_replay *replay)
{
    appraisal->replay = replay;
    note_replay(appraisal, "boot.replay", CAIRN_PASS, "");
}

/* What the logs say is the device's word until they give the quote: a log that cannot be read fails its check, it is not an
 * error of the appraisal. Only a local failure (memory) goes up. */
CAIRN_RC cairn_appraisal_replay(struct cairn_appraisal *appraisal, const struct cairn_boot_logs *logs, struct cairn_err *err)
{
    const struct cairn_claim *quote = &appraisal->quote;
    struct cairn_err why = {0};
    enum cairn_rc rc = cairn_replay_run(logs, quote->u.quote.mask, quote->u.quote.digest, &appraisal->own, &why);
    if (rc == CAIRN_E_IO) {
        return CAIRN_FAIL(err, rc, why.code, "%s", why.text);
    }
    if (rc == CAIRN_OK) {
        cairn_appraisal_replayed(appraisal, appraisal->own);
    } else {
        note_replay(appraisal, why.code, rc == CAIRN_E_UNDECIDED ? CAIRN_ABSENT : CAIRN_FAILED, why.text);
    }
    return CAIRN_OK;
}

/* safe = NO follows every power cut (CHECKS 16): shown, never weighed. */
static void note_clock(struct cairn_appraisal *out)
{
    const bool safe = out->quote.clock_safe;
    cairn_verdict_add(&out->verdict, safe ? "tpm.clock" : "tpm.clock.unsafe", safe ? CAIRN_PASS : CAIRN_ABSENT, false, "", "",
                      "");
}

void cairn_appraisal_evaluate(struct cairn_appraisal *appraisal, const struct cairn_policy *policy)
{
    note_clock(appraisal);
    if (policy != NULL) {
        cairn_evaluate(policy, appraisal->replay, &appraisal->verdict);
    }
}

CAIRN_RC cairn_appraisal_authenticate(const struct cairn_appraisal_in *in, const struct cairn_evidence *evidence,
                                      struct cairn_appraisal *out, struct cairn_err *err)
{
    CAIRN_APPRAISAL appraisal = {0};
    CAIRN_TRY(check_policy(in, err));
    CAIRN_TRY(authenticate(in, evidence, &appraisal.quote, err));
    CAIRN_TRY(cairn_sha256(in->evidence, appraisal.evidence, err));
    CAIRN_TRY(cairn_verdict_init(&appraisal.verdict, err));
    *out = appraisal;
    appraisal = (struct cairn_appraisal){0};
    return CAIRN_OK;
}

CAIRN_RC cairn_appraise(const struct cairn_appraisal_in *in, struct cairn_appraisal *out, struct cairn_err *err)
{
    CAIRN_EVIDENCE evidence = {0};
    CAIRN_APPRAISAL appraisal = {0};
    CAIRN_TRY(cairn_evidence_parse(in->evidence, &evidence, err));
    CAIRN_TRY(cairn_evidence_need_whole(&evidence, err));
    CAIRN_TRY(cairn_appraisal_authenticate(in, &evidence, &appraisal, err));
    CAIRN_TRY(cairn_appraisal_replay(&appraisal, &evidence.logs, err));
    cairn_appraisal_evaluate(&appraisal, in->policy);
    cairn_verdict_conclude(&appraisal.verdict);
    *out = appraisal;
    appraisal = (struct cairn_appraisal){0};
    return CAIRN_OK;
}

static CAIRN_RC write_check(const struct cairn_check *check, json_t *to, struct cairn_err *err)
{
    json_t *json = json_object();
    if (json == NULL || json_array_append_new(to, json) != 0) {
        return CAIRN_FAIL(err, CAIRN_E_IO, "json.memory", "no memory for the appraisal");
    }
    CAIRN_TRY(cairn_json_set_string(json, "code", check->code, err));
    CAIRN_TRY(cairn_json_set_string(json, "expected", check->expected, err));
    CAIRN_TRY(cairn_json_set_string(json, "label", check->label, err));
    CAIRN_TRY(cairn_json_set_bool(json, "required", check->required, err));
    CAIRN_TRY(cairn_json_set_string(json, "result", cairn_check_result_name(check->result), err));
    return cairn_json_set_string(json, "seen", check->seen, err);
}

static CAIRN_RC write_quote(const struct cairn_claim *quote, json_t *to, struct cairn_err *err)
{
    char mask[80];
    json_t *json = json_object();
    cairn_selection_to_text(quote->u.quote.mask, mask);
    CAIRN_TRY(cairn_json_set_take(to, "quote", json, err));
    CAIRN_TRY(cairn_json_set_hex64(json, "clock_ms", quote->clock_ms, err));
    CAIRN_TRY(cairn_json_set_hex(json, "digest", CAIRN_SPAN(quote->u.quote.digest), err));
    CAIRN_TRY(cairn_json_set_hex64(json, "firmware", quote->firmware, err));
    CAIRN_TRY(cairn_json_set_string(json, "pcrs", mask, err));
    CAIRN_TRY(cairn_json_set_uint(json, "resets", quote->resets, err));
    return cairn_json_set_uint(json, "restarts", quote->restarts, err);
}

CAIRN_RC cairn_appraisal_json(const struct cairn_appraisal_in *in, const struct cairn_appraisal *appraisal, json_t **out,
                              struct cairn_err *err)
{
    CAIRN_JSON *json = json_object();
    json_t *checks = json_array();
    CAIRN_TRY(cairn_json_set_take(json, "checks", checks, err));
    CAIRN_TRY(cairn_json_set_hex(json, "device", CAIRN_SPAN(in->statement->device), err));
    CAIRN_TRY(cairn_json_set_hex(json, "evidence", CAIRN_SPAN(appraisal->evidence), err));
    CAIRN_TRY(cairn_json_set_hex(json, "fleet", CAIRN_SPAN(in->statement->fleet), err));
    CAIRN_TRY(cairn_json_set_hex(json, "nonce", CAIRN_SPAN(in->nonce->nonce), err));
    if (in->policy != NULL) {
        CAIRN_TRY(cairn_json_set_hex(json, "policy", CAIRN_SPAN(in->policy->digest), err));
    }
    CAIRN_TRY(cairn_json_set_string(json, "tier", cairn_tier_name(appraisal->verdict.tier), err));
    CAIRN_TRY(cairn_json_set_string(json, "type", CAIRN_TYPE_APPRAISAL, err));
    CAIRN_TRY(cairn_json_set_uint(json, "v", 1, err));
    CAIRN_TRY(write_quote(&appraisal->quote, json, err));
    for (size_t i = 0; i < appraisal->verdict.num_checks; i++) {
        CAIRN_TRY(write_check(&appraisal->verdict.checks[i], checks, err));
    }
    *out = json;
    json = NULL;
    return CAIRN_OK;
}
