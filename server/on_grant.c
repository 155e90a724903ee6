/* server/on_grant.c -- a device that was affirmed a moment ago gets its release; its receipt ends that.
 *
 * The grant is computed from what the last report's quote confirmed and is for that boot alone; nothing of a device's own word
 * enters it. Until a receipt comes a new request gets a new grant (RECORD, first provisioning); the same request the same one.
 *
 * Source: DESIGN 9; docs/protocol.md "Device".
 */
#include <string.h>

#include "attest/server_nonce.h"
#include "authority/sign.h"
#include "core/doctype.h"
#include "policies/evaluate.h"
#include "provision/receipt.h"
#include "server/handlers.h"
#include "server/spent.h"

struct granting {
    struct cairn_device_row device;
    struct cairn_report_row report;
    struct cairn_grant_row last, next;
    bool known;
    struct cairn_nonce nonce;
    struct cairn_receipt receipt;
};

static void granting_clear(void *own)
{
    struct granting *g = own;
    cairn_device_row_clear(&g->device);
    cairn_report_row_clear(&g->report);
    cairn_grant_row_clear(&g->last);
    cairn_grant_row_clear(&g->next);
}

static CAIRN_RC check_nonce(struct cairn_work *work, struct granting *g, const struct cairn_statement *s,
                            const uint8_t nonce[32], struct cairn_err *err)
{
    struct cairn_err why = {0};
    enum cairn_rc rc = cairn_server_nonce_check(work->judge->service->nonce_key, s, CAIRN_PURPOSE_GRANT,
                                                work->judge->fleet->mask, work->now_s, nonce, &g->nonce, &why);
    if (rc == CAIRN_E_IO) {
        return CAIRN_FAIL(err, rc, why.code, "%s", why.text);
    }
    if (rc != CAIRN_OK) {
        return cairn_work_stale(work, s, CAIRN_PURPOSE_GRANT, "nonce.stale", why.text, err);
    }
    if (work->now_s > g->nonce.issued_s + CAIRN_FRESH_S) {
        return cairn_work_stale(work, s, CAIRN_PURPOSE_GRANT, "nonce.stale", "a grant needs a nonce younger than 60 s", err);
    }
    return CAIRN_OK;
}

/* Affirmed, and a moment ago. */
static CAIRN_RC check_report(struct cairn_work *work, struct granting *g, const struct cairn_statement *s,
                             struct cairn_err *err)
{
    bool found = false;
    CAIRN_TRY(cairn_store_report_get(work->judge->store, s->device, &g->report, &found, err));
    CAIRN_TRY(cairn_work_fresh(work, s, &g->report, found, "evidence.age", err));
    if (g->report.tier != CAIRN_TIER_AFFIRMING || g->report.sticky) {
        return CAIRN_FAIL(err, CAIRN_E_REFUSED, "grant.appraisal",
                          "the last report is %s, and only an affirmed boot gets a grant",
                          cairn_tier_name((enum cairn_tier)g->report.tier));
    }
    return CAIRN_OK;
}

/* The report's quote, as far as a grant compares with it. */
static struct cairn_claim reported_quote(const struct cairn_report_row *r)
{
    struct cairn_claim quote = {
        .type = CAIRN_CLAIM_QUOTE, .clock_ms = r->clock_ms, .resets = r->resets, .restarts = r->restarts};
    quote.u.quote.mask = r->mask;
    cairn_copy(quote.u.quote.digest, r->pcr_digest, sizeof quote.u.quote.digest);
    return quote;
}

static CAIRN_RC bundle(struct cairn_work *work, struct granting *g, const struct cairn_buf *assets, struct cairn_err *err)
{
    CAIRN_JSON *json = json_object();
    CAIRN_TRY(cairn_json_set_base64(json, "assets", cairn_buf_span(assets), err));
    CAIRN_TRY(cairn_json_set_base64(json, "grant", cairn_buf_span(&g->next.grant), err));
    CAIRN_TRY(cairn_json_set_base64(json, "manifest", cairn_buf_span(&work->judge->fleet->manifest_file), err));
    CAIRN_TRY(cairn_work_reply_json(work, json_incref(json), err));
    return cairn_buf_set(&g->next.reply, cairn_buf_span(&work->reply), err);
}

static CAIRN_RC make_grant(struct cairn_work *work, struct granting *g, const struct cairn_statement *s,
                           const struct cairn_request *request, struct cairn_err *err)
{
    const struct cairn_fleet *fleet = work->judge->fleet;
    const struct cairn_claim quote = reported_quote(&g->report);
    CAIRN_BUF payload = {0}, assets = {0};
    struct cairn_grant_draft draft = {.root = fleet->root,
                                      .statement = s,
                                      .manifest = &fleet->manifest,
                                      .request = request,
                                      .evidence = &quote,
                                      .assets = &fleet->params,
                                      .mask = fleet->policy.seal_mask,
                                      .now_s = work->now_s,
                                      .expires_s = work->now_s + fleet->grant_life_s};
    cairn_copy(draft.pcr_digest, g->report.seal_digest, sizeof draft.pcr_digest);
    CAIRN_TRY(cairn_grant_build(&draft, &payload, &assets, err));
    CAIRN_TRY(cairn_sign_document(cairn_buf_span(&payload), CAIRN_TYPE_GRANT, fleet->provision, &g->next.grant, err));
    CAIRN_TRY(cairn_sha256(cairn_buf_span(&payload), g->next.digest, err));
    return bundle(work, g, &assets, err);
}

static CAIRN_RC write_grant(struct cairn_store *store, struct cairn_work *work, struct cairn_err *err)
{
    struct granting *g = work->own;
    struct cairn_device_row device = {.ticket = false};
    struct cairn_grant_row now = {.num_spent = 0};
    bool found = false, known = false;
    CAIRN_TRY(cairn_store_device_get(store, g->next.device, &device, &found, err));
    const bool open = found && device.life == CAIRN_DEVICE_ENROLLED && !device.has_receipt;
    cairn_device_row_clear(&device);
    if (!open) {
        return CAIRN_FAIL(err, CAIRN_E_REFUSED, "grant.installed", "this device was provisioned already");
    }
    CAIRN_TRY(cairn_store_grant_get(store, g->next.device, &now, &known, err));
    const bool spent = known && cairn_nonce_times_tell(now.nonce_issued_s, work->now_s) &&
                       cairn_nonce_is_spent(now.nonce_issued_s, (const uint8_t(*)[12])now.spent, now.num_spent, &g->nonce);
    cairn_nonce_spend_into(now.nonce_issued_s, (const uint8_t(*)[12])now.spent, spent ? 0 : now.num_spent, &g->nonce,
                           &g->next.nonce_issued_s, g->next.spent, &g->next.num_spent);
    cairn_grant_row_clear(&now);
    if (spent) {
        return CAIRN_FAIL(err, CAIRN_E_REFUSED, "nonce.stale", "this nonce was spent by another request");
    }
    char digest[65];
    cairn_hex_encode(CAIRN_SPAN(g->next.digest), digest);
    CAIRN_TRY(cairn_store_grant_put(store, &g->next, err));
    CAIRN_TRY(cairn_store_archive_put(store, g->next.device, CAIRN_ARCHIVE_GRANT, cairn_buf_span(&g->next.grant), digest,
                                      work->now_s, err));
    return cairn_work_audit(store, work, "device.granted", g->next.device, "", err);
}

CAIRN_RC cairn_on_grant(struct cairn_work *work, struct cairn_err *err)
{
    struct granting *g = NULL;
    const struct cairn_member *member = NULL;
    CAIRN_TPMDOC doc = {.num_attestations = 0};
    struct cairn_tpm_head head = {.fleet = {0}};
    struct cairn_request request = {.epoch = 0};
    CAIRN_TRY(cairn_work_own(work, sizeof *g, granting_clear, (void **)&g, err));
    CAIRN_TRY(cairn_work_head(work, CAIRN_TYPE_REQUEST, "nonce", &doc, &head, err));
    CAIRN_TRY(cairn_work_member(work, head.device, &g->device, &member, err));
    const struct cairn_statement *s = &member->statement;
    CAIRN_TRY(cairn_sha256(cairn_work_body(work), g->next.body, err));
    CAIRN_TRY(cairn_store_grant_get(work->judge->store, head.device, &g->last, &g->known, err));
    if (g->known && cairn_span_equal(CAIRN_SPAN(g->last.body), CAIRN_SPAN(g->next.body))) {
        return cairn_work_reply_file(work, "application/json", cairn_buf_span(&g->last.reply), err);
    }
    if (!work->judge->fleet->grants) {
        return CAIRN_FAIL(err, CAIRN_E_REFUSED, "grant.none", "this server has no release to give");
    }
    CAIRN_TRY(check_nonce(work, g, s, head.nonce, err));
    CAIRN_TRY(cairn_request_verify(cairn_work_body(work), s, head.nonce, g->nonce.mask, &request, err));
    CAIRN_TRY(check_report(work, g, s, err));
    cairn_copy(g->next.device, s->device, sizeof g->next.device);
    CAIRN_TRY(make_grant(work, g, s, &request, err));
    work->write = write_grant;
    return CAIRN_OK;
}

/* The receipt. */

static CAIRN_RC write_receipt(struct cairn_store *store, struct cairn_work *work, struct cairn_err *err)
{
    struct granting *g = work->own;
    struct cairn_device_row device = {.ticket = false};
    bool found = false;
    CAIRN_TRY(cairn_store_device_get(store, g->device.device, &device, &found, err));
    const enum cairn_device_life life = device.life;
    const bool later = device.has_receipt && device.epoch >= g->receipt.to;
    cairn_device_row_clear(&device);
    if (later || life > CAIRN_DEVICE_OPERATIONAL) { /* known, or overtaken */
        return CAIRN_OK;
    }
    CAIRN_TRY(
        cairn_store_archive_put(store, g->device.device, CAIRN_ARCHIVE_RECEIPT, cairn_work_body(work), "", work->now_s, err));
    CAIRN_TRY(cairn_store_device_life(store, g->device.device, CAIRN_DEVICE_OPERATIONAL, g->receipt.to, err));
    return cairn_work_audit(store, work, "device.provisioned", g->device.device, "", err);
}

/* A receipt names its grant. The device may have been given another one since, which it never installed: an answer was lost, or
 * the receipt came late. */
static CAIRN_RC find_grant(struct cairn_work *work, const struct cairn_tpm_head *head, struct cairn_grant *out,
                           struct cairn_err *err)
{
    char digest[65];
    bool found = false;
    CAIRN_BUF file = {0};
    cairn_hex_encode(CAIRN_SPAN(head->nonce), digest);
    CAIRN_TRY(cairn_store_archive_noted(work->judge->store, head->device, CAIRN_ARCHIVE_GRANT, digest, &file, &found, err));
    if (!found) {
        return CAIRN_FAIL(err, CAIRN_E_REFUSED, "receipt.grant", "this server did not give the device that grant");
    }
    return cairn_grant_open(work->judge->fleet->root, cairn_buf_span(&file), 0, out, err);
}

CAIRN_RC cairn_on_receipt(struct cairn_work *work, struct cairn_err *err)
{
    struct granting *g = NULL;
    const struct cairn_member *member = NULL;
    CAIRN_TPMDOC doc = {.num_attestations = 0};
    struct cairn_tpm_head head = {.fleet = {0}};
    struct cairn_grant grant;
    CAIRN_TRY(cairn_work_own(work, sizeof *g, granting_clear, (void **)&g, err));
    CAIRN_TRY(cairn_work_head(work, CAIRN_TYPE_RECEIPT, "nonce", &doc, &head, err));
    CAIRN_TRY(cairn_work_member(work, head.device, &g->device, &member, err));
    CAIRN_TRY(find_grant(work, &head, &grant, err));
    CAIRN_TRY(cairn_receipt_verify(cairn_work_body(work), &member->statement, &grant, &g->receipt, err));
    work->write = write_receipt;
    return cairn_work_reply_json(work, json_object(), err);
}
