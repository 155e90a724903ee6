/* server/on_report.c -- a device reports: nonce, evidence, verdict, and what it hears back.
 *
 * The order is the security (CHECKS 52): whose evidence it says it is; is the nonce ours, for it, unspent; did its AK sign;
 * only then is anything looked up that costs, and only in the writer's transaction, where the nonce is looked at again, is
 * anything kept. A steady report finds statement, key and replay in the worker's caches and costs one signature check.
 *
 * Source: DESIGN 8; docs/protocol.md "Device".
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "attest/continuity.h"
#include "attest/ear.h"
#include "attest/replay_cache.h"
#include "attest/server_nonce.h"
#include "core/doctype.h"
#include "server/handlers.h"
#include "server/spent.h"

enum { AUDIENCE_MAX = 256, UPLOAD_LIFE_S = 300, UPLOAD_SLACK = 16 << 10 };

/* struct report is a report's own data. */
struct report {
    struct cairn_evidence evidence;
    struct cairn_device_row device;
    const struct cairn_member *member; /* borrowed from the worker's cache: not used in the writer's thread */
    struct cairn_standing before;      /* what was known of it */
    struct cairn_report_row next;
    bool written; /* `next` was */
    struct cairn_nonce nonce;
    uint64_t now_ms;
    char audience[AUDIENCE_MAX];
    struct cairn_log_digest logs[CAIRN_NUM_BOOT_LOGS];
    struct cairn_buf stored[CAIRN_NUM_BOOT_LOGS]; /* bytes out of the store */
    struct cairn_appraisal appraisal;
    bool set_sticky, cleared_sticky;
};

static void report_clear(void *own)
{
    struct report *r = own;
    cairn_appraisal_clear(&r->appraisal);
    cairn_evidence_clear(&r->evidence);
    cairn_device_row_clear(&r->device);
    cairn_standing_clear(&r->before);
    cairn_report_row_clear(&r->next);
    for (size_t i = 0; i < CAIRN_NUM_BOOT_LOGS; i++) {
        cairn_buf_clear(&r->stored[i]);
    }
}

/* The nonce. */

CAIRN_RC cairn_on_nonce(struct cairn_work *work, struct cairn_err *err)
{
    struct report *r = NULL;
    CAIRN_JSON *ask = NULL;
    json_t *nonce = NULL;
    uint8_t device[32] = {0};
    enum cairn_purpose purpose = CAIRN_PURPOSE_EVIDENCE;
    struct cairn_err why = {0};
    CAIRN_TRY(cairn_work_own(work, sizeof *r, report_clear, (void **)&r, err));
    CAIRN_TRY(cairn_json_parse(cairn_json_trim_newline(cairn_work_body(work)), CAIRN_FILE_MAX, false, "body", &ask, err));
    struct cairn_obj o = cairn_obj(ask, "body", &why);
    cairn_obj_hex(&o, "device", device, sizeof device);
    if (!cairn_purpose_from_name(cairn_obj_string(&o, "purpose", 16), &purpose) || purpose == CAIRN_PURPOSE_LEARN) {
        cairn_obj_fail(&o, "purpose", "is not evidence or grant");
    }
    if (cairn_obj_done(&o) != CAIRN_OK) {
        return CAIRN_FAIL(err, CAIRN_E_FORMAT, why.code, "%s", why.text);
    }
    CAIRN_TRY(cairn_work_member(work, device, &r->device, &r->member, err));
    CAIRN_TRY(cairn_work_nonce(work, &r->member->statement, purpose, &nonce, err));
    CAIRN_TRY(cairn_work_reply_json(work, nonce, err));
    work->type = CAIRN_TYPE_NONCE;
    return CAIRN_OK;
}

/* Is it this device's answer to a question of ours? */

/* The digest that a repeated request is known by: route, query and body. */
static CAIRN_RC body_digest(const struct cairn_work *work, uint8_t out[32], struct cairn_err *err)
{
    const struct cairn_http_head *head = cairn_call_head(work->call);
    const struct cairn_span parts[] = {head->path, cairn_span("\0", 1), head->query, cairn_span("\0", 1),
                                       cairn_work_body(work)};
    return cairn_hash_parts(CAIRN_SHA256, parts, CAIRN_ARRAY_LEN(parts), out, err);
}

static CAIRN_RC stale(struct cairn_work *work, const struct report *r, const char *why, struct cairn_err *err)
{
    return cairn_work_stale(work, &r->member->statement, CAIRN_PURPOSE_EVIDENCE, "nonce.stale", why, err);
}

static CAIRN_RC check_nonce(struct cairn_work *work, struct report *r, struct cairn_err *err)
{
    struct cairn_err why = {0};
    const struct cairn_judge *judge = work->judge;
    enum cairn_rc rc = cairn_server_nonce_check(judge->service->nonce_key, &r->member->statement, CAIRN_PURPOSE_EVIDENCE,
                                                judge->fleet->mask, work->now_s, r->evidence.head.nonce, &r->nonce, &why);
    if (rc == CAIRN_E_REFUSED) {
        return stale(work, r, why.text, err);
    }
    return rc == CAIRN_OK ? CAIRN_OK : CAIRN_FAIL(err, rc, why.code, "%s", why.text);
}

static CAIRN_RC authenticate(struct cairn_work *work, struct report *r, struct cairn_err *err)
{
    const struct cairn_appraisal_in in = {.root = work->judge->fleet->root,
                                          .statement = &r->member->statement,
                                          .policy = work->judge->fleet->has_policy ? &work->judge->fleet->policy : NULL,
                                          .nonce = &r->nonce,
                                          .key = r->member->key,
                                          .evidence = cairn_work_body(work)};
    return cairn_appraisal_authenticate(&in, &r->evidence, &r->appraisal, err);
}

static struct cairn_moment moment_before(const struct cairn_report_row *last)
{
    struct cairn_moment m = {.clock_ms = last->clock_ms,
                             .received_ms = last->clock_received_ms,
                             .resets = last->resets,
                             .restarts = last->restarts,
                             .has_user_log = last->has_log[CAIRN_LOG_USERSPACE]};
    cairn_copy(m.user_log, last->log[CAIRN_LOG_USERSPACE], sizeof m.user_log);
    return m;
}

static struct cairn_moment moment_now(const struct report *r)
{
    const struct cairn_claim *q = &r->appraisal.quote;
    const struct cairn_log_digest *user = &r->logs[CAIRN_LOG_USERSPACE];
    struct cairn_moment m = {.clock_ms = q->clock_ms,
                             .received_ms = r->now_ms,
                             .resets = q->resets,
                             .restarts = q->restarts,
                             .has_user_log = user->state != CAIRN_LOG_LEFT_OUT};
    cairn_copy(m.user_log, user->sha256, sizeof m.user_log);
    return m;
}

/* After the quote has verified: where the clock was set back, the TPM's counters tell what was there before. */
static bool nonce_spent(const struct cairn_work *work, const struct cairn_report_row *last, const struct report *r)
{
    if (!cairn_nonce_times_tell(last->nonce_issued_s, work->now_s)) {
        const struct cairn_moment before = moment_before(last), now = moment_now(r);
        return !cairn_continuity_later(&before, &now);
    }
    return cairn_nonce_is_spent(last->nonce_issued_s, last->spent, last->num_spent, &r->nonce);
}

static uint64_t nonce_age(const struct cairn_work *work, const struct report *r)
{
    return work->now_s > r->nonce.issued_s ? work->now_s - r->nonce.issued_s : 0;
}

/* Freshness beyond the nonce: what was quoted early and kept back, and results that must be young. */
static CAIRN_RC check_fresh(struct cairn_work *work, struct report *r, struct cairn_err *err)
{
    if (r->audience[0] != '\0' && nonce_age(work, r) > CAIRN_FRESH_S) {
        return cairn_work_stale(work, &r->member->statement, CAIRN_PURPOSE_EVIDENCE, "evidence.age",
                                "a result for others needs a nonce younger than 60 s: report again with the one given here",
                                err);
    }
    if (!r->before.known) {
        return CAIRN_OK;
    }
    const struct cairn_moment before = moment_before(&r->before.last), now = moment_now(r);
    return cairn_continuity_stale(&before, &now, nonce_age(work, r))
               ? stale(work, r, "the TPM's clock says that this quote was made long before it came", err)
               : CAIRN_OK;
}

/* The logs. */

/* What was left out is as in the last report: whether that is so, the replay says. An empty one is none. */
static void fill_logs(struct report *r)
{
    cairn_evidence_log_digests(&r->evidence, r->logs);
    for (size_t i = 0; i < CAIRN_NUM_BOOT_LOGS; i++) {
        if (r->logs[i].state == CAIRN_LOG_INLINE && r->logs[i].len == 0) {
            r->logs[i] = (struct cairn_log_digest){.state = CAIRN_LOG_LEFT_OUT};
        } else if (r->logs[i].state == CAIRN_LOG_LEFT_OUT && r->before.known && r->before.last.has_log[i]) {
            r->logs[i].state = CAIRN_LOG_NAMED;
            cairn_copy(r->logs[i].sha256, r->before.last.log[i], sizeof r->logs[i].sha256);
        }
    }
}

/* "evidence.logs": the kinds in `need`, and a token to send them with. */
static CAIRN_RC need_logs(struct cairn_work *work, const struct report *r, const bool need[CAIRN_NUM_BOOT_LOGS],
                          struct cairn_err *err)
{
    char token[CAIRN_UPLOAD_TOKEN_TEXT] = "";
    json_t *kinds = json_array();
    uint64_t max_len = UPLOAD_SLACK;
    CAIRN_TRY(cairn_work_problem(work, "need", kinds, err));
    for (size_t i = 0; i < CAIRN_NUM_BOOT_LOGS; i++) {
        if (need[i] && json_array_append_new(kinds, json_string(cairn_boot_log_name((enum cairn_boot_log_kind)i))) != 0) {
            return CAIRN_FAIL(err, CAIRN_E_IO, "json.memory", "no memory for a reply");
        }
        max_len += r->logs[i].len > 0 ? r->logs[i].len : need[i] ? CAIRN_ATTACHMENT_MAX : 0;
    }
    CAIRN_TRY(cairn_upload_token_make(work->judge->service->nonce_key, max_len, work->now_s + UPLOAD_LIFE_S, token, err));
    CAIRN_TRY(cairn_work_problem(work, "upload_token", json_string(token), err));
    return CAIRN_FAIL(err, CAIRN_E_REFUSED, "evidence.logs", "send the same evidence with these logs attached");
}

static CAIRN_RC gather(struct cairn_work *work, struct report *r, struct cairn_boot_logs *logs, struct cairn_err *err)
{
    struct cairn_span *const to[CAIRN_NUM_BOOT_LOGS] = {&logs->firmware, &logs->userspace, &logs->ima};
    bool need[CAIRN_NUM_BOOT_LOGS] = {false}, any = false;
    for (size_t i = 0; i < CAIRN_NUM_BOOT_LOGS; i++) {
        bool found = true;
        if (r->logs[i].state == CAIRN_LOG_NAMED) {
            CAIRN_TRY(cairn_store_log_get(work->judge->store, r->logs[i].sha256, &r->stored[i], &found, err));
        }
        need[i] = !found;
        any = any || !found;
        *to[i] = r->logs[i].state == CAIRN_LOG_NAMED ? cairn_buf_span(&r->stored[i]) : r->logs[i].bytes;
    }
    return any ? need_logs(work, r, need, err) : CAIRN_OK;
}

/* A mismatch counts only when the device has spoken of every log: one that was left out may have grown, or there was no earlier
 * report that it could be as in. A device that has no such log attaches an empty one. */
static CAIRN_RC ask_for_all(struct cairn_work *work, const struct report *r, struct cairn_err *err)
{
    struct cairn_log_digest said[CAIRN_NUM_BOOT_LOGS];
    bool need[CAIRN_NUM_BOOT_LOGS] = {false}, any = false;
    cairn_evidence_log_digests(&r->evidence, said);
    for (size_t i = 0; i < CAIRN_NUM_BOOT_LOGS; i++) {
        need[i] = said[i].state == CAIRN_LOG_LEFT_OUT;
        any = any || need[i];
    }
    return any ? need_logs(work, r, need, err) : CAIRN_OK;
}

static CAIRN_RC replay(struct cairn_work *work, struct report *r, struct cairn_err *err)
{
    const struct cairn_claim *quote = &r->appraisal.quote;
    struct cairn_replay_key key;
    struct cairn_boot_logs logs = {{NULL, 0}, {NULL, 0}, {NULL, 0}};
    CAIRN_TRY(cairn_replay_key_make(quote->u.quote.mask, quote->u.quote.digest, r->logs, &key, err));
    const struct cairn_replay *found = cairn_replay_cache_find(work->judge->replays, &key);
    if (found != NULL) {
        cairn_appraisal_replayed(&r->appraisal, found);
        return CAIRN_OK;
    }
    CAIRN_TRY(gather(work, r, &logs, err));
    CAIRN_TRY(cairn_appraisal_replay(&r->appraisal, &logs, err));
    if (r->appraisal.replay == NULL) {
        return ask_for_all(work, r, err);
    }
    const struct cairn_replay *kept = cairn_replay_cache_take(work->judge->replays, &key, &r->appraisal.own);
    r->appraisal.replay = kept != NULL ? kept : r->appraisal.replay;
    return CAIRN_OK;
}

/* The verdict. */

static bool policy_is(const struct cairn_fleet *fleet, const uint8_t digest[32])
{
    return fleet->has_policy && cairn_span_equal(CAIRN_SPAN(fleet->policy.digest), cairn_span(digest, 32));
}

/* A failure stands until the policy changes or an operator clears it: no time and no clean boot launders it (CHECKS 37). */
static void weigh_sticky(const struct cairn_work *work, struct report *r)
{
    const bool stands = r->before.known && r->before.last.sticky && policy_is(work->judge->fleet, r->before.last.sticky_policy);
    if (stands) {
        cairn_verdict_add(&r->appraisal.verdict, "appraisal.sticky", CAIRN_FAILED, true, "", r->before.last.sticky_code,
                          "an earlier report failed");
    }
    r->cleared_sticky = r->before.known && r->before.last.sticky && !stands;
}

static void judge_report(const struct cairn_work *work, struct report *r)
{
    const struct cairn_fleet *fleet = work->judge->fleet;
    cairn_appraisal_evaluate(&r->appraisal, fleet->has_policy ? &fleet->policy : NULL);
    if (!fleet->has_policy) { /* nothing is trusted by default (CHECKS 38) */
        cairn_verdict_add(&r->appraisal.verdict, "policy.absent", CAIRN_ABSENT, true, "", "", "this server has no policy");
    }
    if (r->before.known) {
        const struct cairn_moment before = moment_before(&r->before.last), now = moment_now(r);
        cairn_continuity_judge(&before, &now, &r->appraisal.verdict);
    }
    weigh_sticky(work, r);
    cairn_verdict_conclude(&r->appraisal.verdict);
}

static bool did_not_pass(const struct cairn_check *check)
{
    return check->result == CAIRN_FAILED || (check->result == CAIRN_ABSENT && check->required);
}

/* The codes of what did not pass, as many as fit whole. */
static void list_failed(const struct cairn_verdict *verdict, char out[CAIRN_FAILED_MAX])
{
    size_t len = 0;
    for (size_t i = 0; i < verdict->num_checks; i++) {
        const char *code = verdict->checks[i].code;
        if (did_not_pass(&verdict->checks[i]) && len + strlen(code) + 2 <= CAIRN_FAILED_MAX) {
            len += (size_t)snprintf(out + len, CAIRN_FAILED_MAX - len, "%s%s", len > 0 ? " " : "", code);
        }
    }
}

static const char *first_failed(const struct cairn_verdict *verdict)
{
    for (size_t i = 0; i < verdict->num_checks; i++) {
        if (verdict->checks[i].required && verdict->checks[i].result == CAIRN_FAILED) {
            return verdict->checks[i].code;
        }
    }
    return "";
}

/* The row. */

static CAIRN_RC seal_digest(const struct cairn_fleet *fleet, const struct cairn_replay *replay, uint8_t out[32],
                            struct cairn_err *err)
{
    uint8_t values[CAIRN_NUM_PCRS][32] = {{0}};
    if (replay == NULL || !fleet->has_policy) {
        return CAIRN_OK;
    }
    for (unsigned pcr = 0; pcr < CAIRN_NUM_PCRS; pcr++) {
        const uint8_t *value = cairn_replay_value(replay, pcr);
        if ((fleet->policy.seal_mask >> pcr & 1) != 0 && value != NULL) {
            cairn_copy(values[pcr], value, sizeof values[pcr]);
        }
    }
    return cairn_pcr_digest(fleet->policy.seal_mask, (const uint8_t(*)[32])values, out, err);
}

static void carry_sticky(const struct cairn_work *work, struct report *r)
{
    const struct cairn_verdict *verdict = &r->appraisal.verdict;
    struct cairn_report_row *n = &r->next;
    n->sticky = verdict->tier == CAIRN_TIER_CONTRAINDICATED && work->judge->fleet->has_policy;
    if (!n->sticky) {
        return;
    }
    const bool stood = r->before.known && r->before.last.sticky && !r->cleared_sticky;
    cairn_copy(n->sticky_policy, work->judge->fleet->policy.digest, sizeof n->sticky_policy);
    (void)snprintf(n->sticky_code, sizeof n->sticky_code, "%s", stood ? r->before.last.sticky_code : first_failed(verdict));
    r->set_sticky = !stood;
}

static CAIRN_RC fill_row(struct cairn_work *work, struct report *r, struct cairn_err *err)
{
    const struct cairn_claim *q = &r->appraisal.quote;
    struct cairn_report_row *n = &r->next;
    cairn_copy(n->device, r->member->statement.device, 32);
    n->received_s = work->now_s;
    n->tier = (int)r->appraisal.verdict.tier;
    list_failed(&r->appraisal.verdict, n->failed);
    n->clock_ms = q->clock_ms;
    n->clock_received_ms = r->now_ms;
    n->resets = q->resets;
    n->restarts = q->restarts;
    n->mask = q->u.quote.mask;
    cairn_copy(n->pcr_digest, q->u.quote.digest, 32);
    n->affirmed_nonce_s = r->nonce.issued_s;
    for (size_t i = 0; i < CAIRN_NUM_BOOT_LOGS; i++) {
        n->has_log[i] = r->logs[i].state != CAIRN_LOG_LEFT_OUT;
        cairn_copy(n->log[i], r->logs[i].sha256, 32);
    }
    carry_sticky(work, r);
    return seal_digest(work->judge->fleet, r->appraisal.replay, n->seal_digest, err);
}

/* The reply. */

static CAIRN_RC add_failed(const char *failed, json_t *reply, struct cairn_err *err)
{
    json_t *codes = json_array();
    CAIRN_TRY(cairn_json_set_take(reply, "failed", codes, err));
    while (*failed != '\0') {
        const size_t len = strcspn(failed, " ");
        if (json_array_append_new(codes, json_stringn(failed, len)) != 0) {
            return CAIRN_FAIL(err, CAIRN_E_IO, "json.memory", "no memory for a reply");
        }
        failed += len + (failed[len] == ' ');
    }
    return CAIRN_OK;
}

static CAIRN_RC add_ear(struct cairn_work *work, const struct report *r, json_t *reply, struct cairn_err *err)
{
    const struct cairn_fleet *fleet = work->judge->fleet;
    const struct cairn_statement *s = &r->member->statement;
    CAIRN_BUF ear = {0};
    if (fleet->verifier == NULL || !fleet->has_policy) {
        return CAIRN_FAIL(err, CAIRN_E_REFUSED, "ear.absent",
                          "this server signs no results: it has no verifier key or no policy");
    }
    const bool affirming = r->appraisal.verdict.tier == CAIRN_TIER_AFFIRMING;
    struct cairn_ear_seal seal;
    if (affirming) {
        CAIRN_TRY(cairn_ear_seal_of(s, &fleet->policy, r->appraisal.replay, r->before.epoch, &seal, err));
    }
    const struct cairn_ear_in in = {.statement = s,
                                    .policy = &fleet->policy,
                                    .verdict = &r->appraisal.verdict,
                                    .nonce = r->nonce.nonce,
                                    .cnf = r->evidence.cnf,
                                    .seal = affirming ? &seal : NULL,
                                    .issuer = fleet->issuer,
                                    .audience = r->audience,
                                    .build = work->judge->service->build,
                                    .now_s = work->now_s,
                                    .enroller = s->by_server ? "server" : "apart"};
    CAIRN_TRY(cairn_ear_sign(&in, fleet->verifier, &ear, err));
    return cairn_json_set_take(reply, "ear", json_stringn((const char *)ear.p, ear.len), err);
}

static CAIRN_RC add_tasks(struct cairn_work *work, const struct report *r, json_t *reply, struct cairn_err *err)
{
    if (r->before.has_order) {
        return cairn_json_set_hex(reply, "order", CAIRN_SPAN(r->before.order), err);
    }
    if (work->judge->fleet->grants && r->before.life == CAIRN_DEVICE_ENROLLED && r->next.tier == CAIRN_TIER_AFFIRMING) {
        return cairn_json_set_bool(reply, "grant", true, err);
    }
    return CAIRN_OK;
}

static CAIRN_RC make_reply(struct cairn_work *work, struct report *r, struct cairn_err *err)
{
    CAIRN_JSON *reply = json_object();
    json_t *nonce = NULL;
    CAIRN_TRY(cairn_json_set_uint(reply, "interval", work->judge->fleet->interval_s, err));
    CAIRN_TRY(cairn_work_nonce(work, &r->member->statement, CAIRN_PURPOSE_EVIDENCE, &nonce, err));
    CAIRN_TRY(cairn_json_set_take(reply, "nonce", nonce, err));
    CAIRN_TRY(cairn_json_set_string(reply, "tier", cairn_tier_name(r->appraisal.verdict.tier), err));
    if (r->next.failed[0] != '\0') {
        CAIRN_TRY(add_failed(r->next.failed, reply, err));
    }
    if (r->audience[0] != '\0') {
        CAIRN_TRY(add_ear(work, r, reply, err));
    }
    CAIRN_TRY(add_tasks(work, r, reply, err));
    CAIRN_TRY(cairn_work_reply_json(work, json_incref(reply), err));
    return cairn_buf_set(&r->next.reply, cairn_buf_span(&work->reply), err);
}

/* In the writer's thread: what was read before may have changed. */

/* Only logs that the quote confirmed are kept, so that a device can fill the store with what it ran and nothing else. */
static CAIRN_RC keep_logs(struct cairn_store *store, const struct report *r, struct cairn_err *err)
{
    for (size_t i = 0; i < CAIRN_NUM_BOOT_LOGS && r->appraisal.replay != NULL; i++) {
        if (r->logs[i].state == CAIRN_LOG_INLINE) {
            CAIRN_TRY(cairn_store_log_put(store, r->next.device, r->logs[i].sha256, r->logs[i].bytes, r->next.received_s, err));
        }
    }
    return CAIRN_OK;
}

static CAIRN_RC note_changes(struct cairn_store *store, const struct cairn_work *work, const struct report *r,
                             struct cairn_err *err)
{
    if (r->set_sticky) {
        CAIRN_TRY(cairn_work_audit(store, work, "device.failed", r->next.device, r->next.failed, err));
    }
    if (r->cleared_sticky && !r->next.sticky) {
        CAIRN_TRY(cairn_work_audit(store, work, "device.cleared", r->next.device, "the policy changed", err));
    }
    return CAIRN_OK;
}

/* The same body twice at once: the second hears what the first was told. */
static CAIRN_RC spend_nonce(const struct cairn_work *work, struct report *r, const struct cairn_report_row *now, bool found,
                            struct cairn_err *err)
{
    if (found && nonce_spent(work, now, r)) {
        return CAIRN_FAIL(err, CAIRN_E_REFUSED, "nonce.stale", "this nonce was spent by another document");
    }
    if (found != r->before.known || (found && !cairn_span_equal(CAIRN_SPAN(now->body), CAIRN_SPAN(r->before.last.body)))) {
        return CAIRN_FAIL(err, CAIRN_E_REFUSED, "nonce.stale", "another report of this device came at the same time");
    }
    if (found && now->sticky != r->before.last.sticky) {
        return CAIRN_FAIL(err, CAIRN_E_REFUSED, "nonce.stale", "an operator cleared this device at the same time");
    }
    cairn_nonce_spend_into(now->nonce_issued_s, (const uint8_t(*)[12])now->spent, now->num_spent, &r->nonce,
                           &r->next.nonce_issued_s, r->next.spent, &r->next.num_spent);
    return CAIRN_OK;
}

static CAIRN_RC put_report(struct cairn_store *store, struct cairn_work *work, const struct cairn_report_row *now, bool found,
                           struct cairn_err *err)
{
    struct report *r = work->own;
    if (found && cairn_span_equal(CAIRN_SPAN(now->body), CAIRN_SPAN(r->next.body))) {
        return cairn_work_reply_file(work, "application/json", cairn_buf_span(&now->reply), err);
    }
    CAIRN_TRY(spend_nonce(work, r, now, found, err));
    CAIRN_TRY(cairn_store_report_put(store, &r->next, err));
    r->written = true;
    CAIRN_TRY(keep_logs(store, r, err));
    return note_changes(store, work, r, err);
}

/* Where nothing was written since the standing was kept, it is what the row would say. */
static CAIRN_RC write_report(struct cairn_store *store, struct cairn_work *work, struct cairn_err *err)
{
    struct report *r = work->own;
    struct cairn_versions *versions = &work->judge->service->versions;
    struct cairn_report_row now = {.tier = 0};
    bool found = false;
    const bool current = cairn_standing_current(&r->before, versions, work->device);
    work->version = atomic_fetch_add(cairn_version_of(versions, work->device), 1) + 1;
    if (current) {
        return put_report(store, work, &r->before.last, r->before.known, err);
    }
    CAIRN_TRY(cairn_store_report_get(store, r->next.device, &now, &found, err));
    enum cairn_rc rc = put_report(store, work, &now, found, err);
    cairn_report_row_clear(&now);
    return rc;
}

/* Back in the worker's thread: the next report of this device needs no read. An order is asked for each time. */
static CAIRN_RC remember(struct cairn_work *work, struct cairn_err *err)
{
    struct report *r = work->own;
    (void)err;
    if (!r->written || r->before.has_order) {
        return CAIRN_OK;
    }
    cairn_report_row_clear(&r->before.last);
    r->before.last = r->next;
    r->next = (struct cairn_report_row){.tier = 0};
    r->before.known = true;
    r->before.version = work->version;
    cairn_members_keep(work->judge->members, work->device, &r->before);
    return CAIRN_OK;
}

/* The counts first: what is written while we read makes what we read count for nothing. */
static CAIRN_RC read_standing(struct cairn_work *work, struct report *r, const uint8_t device[32], struct cairn_err *err)
{
    struct cairn_versions *versions = &work->judge->service->versions;
    struct cairn_store *store = work->judge->store;
    struct cairn_standing *s = &r->before;
    s->changes = atomic_load(&versions->changes);
    CAIRN_TRY(cairn_work_member(work, device, &r->device, &r->member, err));
    s->life = r->device.life;
    s->epoch = r->device.epoch;
    CAIRN_TRY(cairn_store_report_get(store, device, &s->last, &s->known, err));
    return s->life == CAIRN_DEVICE_RETIRED ? CAIRN_OK
                                           : cairn_store_order_for(store, device, work->now_s, s->order, &s->has_order, err);
}

static CAIRN_RC find_reporter(struct cairn_work *work, struct report *r, struct cairn_err *err)
{
    bool there = false;
    const uint8_t *device = r->evidence.head.device;
    CAIRN_TRY(cairn_http_query(cairn_call_head(work->call), "aud", r->audience, sizeof r->audience, &there, err));
    CAIRN_TRY(cairn_evidence_parse(cairn_work_body(work), &r->evidence, err));
    cairn_copy(work->device, device, sizeof work->device);
    work->of_one_device = true;
    if (!cairn_members_take(work->judge->members, &work->judge->service->versions, device, &r->before, &r->member)) {
        CAIRN_TRY(read_standing(work, r, device, err));
    }
    return body_digest(work, r->next.body, err);
}

CAIRN_RC cairn_on_evidence(struct cairn_work *work, struct cairn_err *err)
{
    struct report *r = NULL;
    CAIRN_TRY(cairn_work_own(work, sizeof *r, report_clear, (void **)&r, err));
    r->now_ms = cairn_service_now_ms();
    CAIRN_TRY(find_reporter(work, r, err));
    if (r->before.known && cairn_span_equal(CAIRN_SPAN(r->next.body), CAIRN_SPAN(r->before.last.body))) {
        return cairn_work_reply_file(work, "application/json", cairn_buf_span(&r->before.last.reply), err);
    }
    CAIRN_TRY(check_nonce(work, r, err));
    CAIRN_TRY(authenticate(work, r, err));
    if (r->before.known && nonce_spent(work, &r->before.last, r)) {
        return stale(work, r, "this nonce was spent by another document", err);
    }
    fill_logs(r);
    CAIRN_TRY(check_fresh(work, r, err));
    CAIRN_TRY(replay(work, r, err));
    judge_report(work, r);
    CAIRN_TRY(fill_row(work, r, err));
    CAIRN_TRY(make_reply(work, r, err));
    cairn_verdict_clear(&r->appraisal.verdict); /* large, and many reports wait for the writer at once */
    work->write = write_report;
    work->then = remember;
    return CAIRN_OK;
}
