/* server/on_enrolment.c -- how a device becomes known through the server.
 *
 * A request is kept only for the bearer of an enrolment token, and only when the EK's maker vouches for it. The enroller is
 * apart: his own tool makes the credential and judges the answer, so that a server that lies can enrol nobody (CHECKS 51); here
 * his files are carried. A fleet may give the server the enrol key instead: then it does both, and the statement says so.
 *
 * An answer is kept when the AK of the request signed it. Source: DESIGN 8.
 */
#include <stdio.h>
#include <string.h>

#include "attest/enrolment.h"
#include "authority/sign.h"
#include "core/doctype.h"
#include "server/handlers.h"

enum { POLL_S = 2, OPEN_DAYS_S = 30 * 86400 };

/* struct enrolling is the own data of the device's two calls. */
struct enrolling {
    struct cairn_enrolment_row row;
    struct cairn_enrol_pending pending;
    struct cairn_device_row device;
    bool insert, put_device, take_pending;
    char detail[160];
};

static void enrolling_clear(void *own)
{
    struct enrolling *e = own;
    cairn_enrolment_row_clear(&e->row);
    cairn_enrol_pending_clear(&e->pending);
    cairn_device_row_clear(&e->device);
}

static CAIRN_RC find_row(struct cairn_work *work, const uint8_t digest[32], struct enrolling *e, bool *found,
                         struct cairn_err *err)
{
    CAIRN_TRY(cairn_store_enrolment_get(work->judge->store, digest, &e->row, found, err));
    if (*found && e->row.refused[0] != '\0') {
        return CAIRN_FAIL(err, CAIRN_E_REFUSED, "enrolment.refused", "the enroller refused this device: %s", e->row.refused);
    }
    return CAIRN_OK;
}

/* What can be judged without a secret is judged before anything is kept. With the makers' certificates at hand that is all but
 * the proof: the challenge is then made, and used only where the server is the enroller. */
static CAIRN_RC judge_request(struct cairn_work *work, struct enrolling *e, struct cairn_err *err)
{
    const struct cairn_fleet *fleet = work->judge->fleet;
    CAIRN_ENROL_REQUEST request = {.num_certificates = 0};
    CAIRN_BUF challenge = {0}, pending = {0};
    CAIRN_TRY(cairn_enrol_request_parse(cairn_work_body(work), &request, err));
    CAIRN_TRY(cairn_statement_derive(fleet->root, &request.device, err));
    cairn_copy(e->row.device, request.device.device, 32);
    (void)snprintf(e->detail, sizeof e->detail, "serial %s, tag %s", request.device.serial, request.device.tag);
    if (fleet->cas == NULL) {
        return CAIRN_OK;
    }
    CAIRN_TRY(
        cairn_enrol_challenge_fresh(fleet->root, fleet->cas, cairn_work_body(work), work->now_s, &challenge, &pending, err));
    if (fleet->enrol != NULL) {
        CAIRN_TRY(cairn_buf_set(&e->row.challenge, cairn_buf_span(&challenge), err));
        CAIRN_TRY(cairn_buf_set(&e->row.pending, cairn_buf_span(&pending), err));
    }
    return CAIRN_OK;
}

static CAIRN_RC look_up(struct cairn_store *store, const uint8_t device[32], bool *known, bool *ticket, struct cairn_err *err)
{
    struct cairn_device_row row = {.ticket = false};
    CAIRN_TRY(cairn_store_device_get(store, device, &row, known, err));
    *ticket = row.ticket;
    cairn_device_row_clear(&row);
    return CAIRN_OK;
}

/* A TPM that is known is enrolled again with an operator's ticket only (CHECKS 4). */
static CAIRN_RC check_known(struct cairn_store *store, const uint8_t device[32], struct cairn_err *err)
{
    bool known = false, ticket = false;
    CAIRN_TRY(look_up(store, device, &known, &ticket, err));
    return !known || ticket ? CAIRN_OK
                            : CAIRN_FAIL(err, CAIRN_E_REFUSED, "device.known",
                                         "this TPM is enrolled already: an operator must give a ticket first");
}

/* A device that begins again has nothing new to ask with: its request is the same bytes. With a ticket what was signed for them
 * is of the former life, and they begin another enrolment. */
static CAIRN_RC begin_again(struct cairn_work *work, struct enrolling *e, bool *found, struct cairn_err *err)
{
    bool known = false, ticket = false;
    if (!*found || e->row.statement.len == 0) {
        return CAIRN_OK;
    }
    CAIRN_TRY(look_up(work->judge->store, e->row.device, &known, &ticket, err));
    if (ticket) {
        cairn_enrolment_row_clear(&e->row);
        *found = false;
    }
    return CAIRN_OK;
}

static CAIRN_RC write_request(struct cairn_store *store, struct cairn_work *work, struct cairn_err *err)
{
    struct enrolling *e = work->own;
    CAIRN_TRY(check_known(store, e->row.device, err));
    CAIRN_TRY(cairn_store_enrolment_expire(store, work->now_s > OPEN_DAYS_S ? work->now_s - OPEN_DAYS_S : 0, err));
    CAIRN_TRY(cairn_store_enrolment_put(store, &e->row, work->judge->fleet->enrol_open, err));
    CAIRN_TRY(cairn_store_enrolment_rearm(store, e->row.digest, cairn_buf_span(&e->row.pending), err));
    return cairn_work_audit(store, work, "enrolment.requested", e->row.device, e->detail, err);
}

/* The stored challenge is still good when its secret was not used up, or when somebody else keeps that secret. */
static bool challenge_stands(const struct cairn_fleet *fleet, const struct cairn_enrolment_row *row)
{
    return row->challenge.len > 0 && (fleet->enrol == NULL || row->pending.len > 0 || row->statement.len > 0);
}

CAIRN_RC cairn_on_enrolment_request(struct cairn_work *work, struct cairn_err *err)
{
    struct enrolling *e = NULL;
    uint8_t digest[32] = {0};
    bool found = false;
    CAIRN_TRY(cairn_work_own(work, sizeof *e, enrolling_clear, (void **)&e, err));
    CAIRN_TRY(cairn_sha256(cairn_work_body(work), digest, err));
    CAIRN_TRY(find_row(work, digest, e, &found, err));
    CAIRN_TRY(begin_again(work, e, &found, err));
    if (found && challenge_stands(work->judge->fleet, &e->row)) {
        return cairn_work_reply_file(work, CAIRN_TYPE_ENROLMENT_CHALLENGE, cairn_buf_span(&e->row.challenge), err);
    }
    if (found && work->judge->fleet->enrol == NULL) {
        return cairn_work_wait(work, POLL_S);
    }
    CAIRN_TRY(judge_request(work, e, err));
    cairn_copy(e->row.digest, digest, sizeof digest);
    e->row.created_s = work->now_s;
    (void)snprintf(e->row.token, sizeof e->row.token, "%s", work->who.name);
    CAIRN_TRY(cairn_buf_set(&e->row.request, cairn_work_body(work), err));
    work->write = write_request;
    return e->row.challenge.len > 0
               ? cairn_work_reply_file(work, CAIRN_TYPE_ENROLMENT_CHALLENGE, cairn_buf_span(&e->row.challenge), err)
               : cairn_work_wait(work, POLL_S);
}

/* The answer. */

/* Which request a document says it answers: nobody is believed yet. */
static CAIRN_RC answered_request(struct cairn_work *work, struct cairn_tpmdoc *doc, uint8_t digest[32], struct cairn_err *err)
{
    CAIRN_JSON *json = NULL;
    struct cairn_tpm_head head = {.fleet = {0}};
    struct cairn_err why = {0};
    CAIRN_TRY(cairn_work_head(work, CAIRN_TYPE_ENROLMENT, "nonce", doc, &head, err));
    CAIRN_TRY(cairn_json_parse(cairn_buf_span(&doc->payload), CAIRN_FILE_MAX, true, "enrolment", &json, err));
    struct cairn_obj o = cairn_obj(json, "enrolment", &why);
    cairn_obj_hex(&o, "request", digest, 32);
    return o.rc == CAIRN_OK ? CAIRN_OK : CAIRN_FAIL(err, o.rc, why.code, "%s", why.text);
}

/* Strangers' answers are not kept (CHECKS 52): the AK that was asked must have signed it. */
static CAIRN_RC signed_by_request(const struct cairn_work *work, const struct enrolling *e, const struct cairn_tpmdoc *doc,
                                  struct cairn_err *err)
{
    static const enum cairn_claim_type types[] = {CAIRN_CLAIM_CERTIFY, CAIRN_CLAIM_NV, CAIRN_CLAIM_QUOTE};
    struct cairn_claim claims[CAIRN_ENROL_NUM_ATTESTATIONS] = {0};
    CAIRN_ENROL_REQUEST request = {.num_certificates = 0};
    CAIRN_TRY(cairn_enrol_request_parse(cairn_buf_span(&e->row.request), &request, err));
    CAIRN_TRY(cairn_statement_derive(work->judge->fleet->root, &request.device, err));
    return cairn_tpmdoc_verify(doc, cairn_area_span(&request.device.ak), types, CAIRN_ARRAY_LEN(types), claims, err);
}

static CAIRN_RC write_answer(struct cairn_store *store, struct cairn_work *work, struct cairn_err *err)
{
    struct enrolling *e = work->own;
    struct cairn_enrolment_row now = {.created_s = 0};
    bool found = false;
    CAIRN_TRY(cairn_store_enrolment_get(store, e->row.digest, &now, &found, err));
    const bool wanted = found && now.answer.len == 0 && now.refused[0] == '\0';
    cairn_enrolment_row_clear(&now);
    if (!wanted) { /* the first answer stands */
        return CAIRN_OK;
    }
    CAIRN_TRY(cairn_store_enrolment_put(store, &e->row, UINT32_MAX, err));
    return cairn_work_audit(store, work, "enrolment.answered", e->row.device, "", err);
}

static CAIRN_RC take_pending(struct cairn_store *store, struct cairn_work *work, struct cairn_err *err)
{
    struct enrolling *e = work->own;
    CAIRN_BUF pending = {0};
    bool found = false;
    CAIRN_TRY(cairn_store_enrolment_pending_take(store, e->row.digest, &pending, &found, err));
    if (!found) {
        return CAIRN_FAIL(err, CAIRN_E_REFUSED, "enrolment.again", "this challenge was used up: send the request again");
    }
    return cairn_enrol_pending_parse(cairn_buf_span(&pending), &e->pending, err);
}

static CAIRN_RC enrolled_row(const struct cairn_statement *s, struct cairn_span file, uint64_t now_s,
                             struct cairn_device_row *row, struct cairn_err *err)
{
    cairn_copy(row->device, s->device, 32);
    (void)snprintf(row->serial, sizeof row->serial, "%s", s->serial);
    (void)snprintf(row->tag, sizeof row->tag, "%s", s->tag);
    (void)snprintf(row->site, sizeof row->site, "%s", s->site);
    (void)snprintf(row->tpm_class, sizeof row->tpm_class, "%s", s->tpm_class);
    (void)snprintf(row->device_class, sizeof row->device_class, "%s", s->device_class);
    row->life = CAIRN_DEVICE_ENROLLED;
    row->enrolled_s = now_s;
    row->epoch = s->epoch_value;
    return cairn_buf_set(&row->statement, file, err);
}

static CAIRN_RC same_statement(struct cairn_store *store, const struct cairn_device_row *row, bool *same, bool *ticket,
                               struct cairn_err *err)
{
    struct cairn_device_row known = {.ticket = false};
    bool found = false;
    CAIRN_TRY(cairn_store_device_get(store, row->device, &known, &found, err));
    *same = found && cairn_span_equal(cairn_buf_span(&known.statement), cairn_buf_span(&row->statement));
    *ticket = known.ticket;
    cairn_device_row_clear(&known);
    return CAIRN_OK;
}

/* An approval and a refusal at the same moment: the first one written stands. */
static CAIRN_RC check_not_ended(struct cairn_store *store, const struct enrolling *e, struct cairn_err *err)
{
    struct cairn_enrolment_row now = {.created_s = 0};
    bool found = false;
    CAIRN_TRY(cairn_store_enrolment_get(store, e->row.digest, &now, &found, err));
    const bool ended =
        now.refused[0] != '\0' ||
        (now.statement.len > 0 && !cairn_span_equal(cairn_buf_span(&now.statement), cairn_buf_span(&e->row.statement)));
    cairn_enrolment_row_clear(&now);
    return ended ? CAIRN_FAIL(err, CAIRN_E_REFUSED, "enrolment.ended", "this enrolment has ended") : CAIRN_OK;
}

static CAIRN_RC write_statement(struct cairn_store *store, struct cairn_work *work, struct cairn_err *err)
{
    struct enrolling *e = work->own;
    bool same = false, ticket = false;
    CAIRN_TRY(check_not_ended(store, e, err));
    CAIRN_TRY(same_statement(store, &e->device, &same, &ticket, err));
    CAIRN_TRY(cairn_store_enrolment_put(store, &e->row, UINT32_MAX, err));
    if (same) {
        return CAIRN_OK;
    }
    CAIRN_TRY(cairn_store_device_put(store, &e->device, ticket, err));
    CAIRN_TRY(cairn_store_archive_put(store, e->device.device, CAIRN_ARCHIVE_STATEMENT, cairn_buf_span(&e->device.statement),
                                      "", work->now_s, err));
    return cairn_work_audit(store, work, "device.enrolled", e->device.device, e->device.serial, err);
}

/* The server as enroller: the pending file is used up, durably, before anything is compared (CHECKS 3). */
static CAIRN_RC judge_answer(struct cairn_work *work, struct cairn_err *err)
{
    const struct cairn_fleet *fleet = work->judge->fleet;
    struct enrolling *e = work->own;
    CAIRN_TPMDOC doc = {.num_attestations = 0};
    struct cairn_statement s = {.epoch_value = 0};
    CAIRN_BUF payload = {0};
    CAIRN_TRY(cairn_tpmdoc_parse(cairn_buf_span(&e->row.answer), CAIRN_TYPE_ENROLMENT, &doc, err));
    CAIRN_TRY(cairn_enrol_judge(fleet->root, &e->pending, &doc, work->now_s, &s, err));
    s.by_server = true;
    CAIRN_TRY(cairn_statement_payload(&s, &payload, err));
    CAIRN_TRY(cairn_sign_document(cairn_buf_span(&payload), CAIRN_TYPE_STATEMENT, fleet->enrol, &e->row.statement, err));
    CAIRN_TRY(enrolled_row(&s, cairn_buf_span(&e->row.statement), work->now_s, &e->device, err));
    cairn_buf_clear(&e->row.pending);
    work->write = write_statement;
    return cairn_work_reply_file(work, CAIRN_TYPE_STATEMENT, cairn_buf_span(&e->row.statement), err);
}

CAIRN_RC cairn_on_enrolment_answer(struct cairn_work *work, struct cairn_err *err)
{
    struct enrolling *e = NULL;
    CAIRN_TPMDOC doc = {.num_attestations = 0};
    uint8_t digest[32] = {0};
    bool found = false;
    CAIRN_TRY(cairn_work_own(work, sizeof *e, enrolling_clear, (void **)&e, err));
    CAIRN_TRY(answered_request(work, &doc, digest, err));
    CAIRN_TRY(find_row(work, digest, e, &found, err));
    if (!found) {
        return CAIRN_FAIL(err, CAIRN_E_REFUSED, "enrolment.unknown",
                          "no enrolment of this request is under way: request it again");
    }
    CAIRN_TRY(signed_by_request(work, e, &doc, err));
    if (e->row.statement.len > 0) {
        return cairn_work_reply_file(work, CAIRN_TYPE_STATEMENT, cairn_buf_span(&e->row.statement), err);
    }
    CAIRN_TRY(cairn_buf_set(&e->row.answer, cairn_work_body(work), err));
    if (work->judge->fleet->enrol != NULL) { /* nobody else will answer: a challenge that was used up is refused */
        work->write = take_pending;
        work->then = judge_answer;
        return CAIRN_OK;
    }
    work->write = write_answer;
    return cairn_work_wait(work, POLL_S);
}

/* The enroller's tool. */

static CAIRN_RC open_enrolment(struct cairn_work *work, struct enrolling **out, struct cairn_err *err)
{
    struct enrolling *e = NULL;
    bool found = false;
    CAIRN_TRY(cairn_work_own(work, sizeof *e, enrolling_clear, (void **)&e, err));
    CAIRN_TRY(cairn_store_enrolment_get(work->judge->store, work->id, &e->row, &found, err));
    if (!found) {
        return CAIRN_FAIL(err, CAIRN_E_REFUSED, "enrolment.unknown", "there is no such enrolment");
    }
    *out = e;
    return CAIRN_OK;
}

CAIRN_RC cairn_on_enrolment_get_request(struct cairn_work *work, struct cairn_err *err)
{
    struct enrolling *e = NULL;
    CAIRN_TRY(open_enrolment(work, &e, err));
    return cairn_work_reply_file(work, CAIRN_TYPE_ENROLMENT_REQUEST, cairn_buf_span(&e->row.request), err);
}

CAIRN_RC cairn_on_enrolment_get_answer(struct cairn_work *work, struct cairn_err *err)
{
    struct enrolling *e = NULL;
    CAIRN_TRY(open_enrolment(work, &e, err));
    return e->row.answer.len > 0 ? cairn_work_reply_file(work, CAIRN_TYPE_ENROLMENT, cairn_buf_span(&e->row.answer), err)
                                 : cairn_work_wait(work, POLL_S);
}

static CAIRN_RC still_open(const struct cairn_enrolment_row *row, struct cairn_err *err)
{
    return row->statement.len == 0 && row->refused[0] == '\0'
               ? CAIRN_OK
               : CAIRN_FAIL(err, CAIRN_E_REFUSED, "enrolment.ended", "this enrolment has ended");
}

/* What the enroller's calls change, on the row as it is when they are written. */
static CAIRN_RC write_change(struct cairn_store *store, struct cairn_work *work, const char *action, struct cairn_err *err)
{
    struct enrolling *e = work->own;
    CAIRN_TRY(cairn_store_enrolment_put(store, &e->row, UINT32_MAX, err));
    return cairn_work_audit(store, work, action, e->row.device, "", err);
}

/* The same challenge again changes nothing; a new one makes an answer to the former one worthless. */
static CAIRN_RC put_challenge(struct cairn_store *store, struct cairn_work *work, const struct cairn_enrolment_row *now,
                              struct cairn_err *err)
{
    struct enrolling *e = work->own;
    if (cairn_span_equal(cairn_buf_span(&now->challenge), cairn_buf_span(&e->row.challenge))) {
        return CAIRN_OK;
    }
    CAIRN_TRY(still_open(now, err));
    cairn_buf_clear(&e->row.answer);
    return write_change(store, work, "enrolment.challenged", err);
}

static CAIRN_RC write_challenge(struct cairn_store *store, struct cairn_work *work, struct cairn_err *err)
{
    struct cairn_enrolment_row now = {.created_s = 0};
    bool found = false;
    CAIRN_TRY(cairn_store_enrolment_get(store, work->id, &now, &found, err));
    enum cairn_rc rc = put_challenge(store, work, &now, err);
    cairn_enrolment_row_clear(&now);
    return rc;
}

CAIRN_RC cairn_on_enrolment_challenge(struct cairn_work *work, struct cairn_err *err)
{
    struct enrolling *e = NULL;
    struct cairn_enrol_challenge challenge;
    CAIRN_TRY(open_enrolment(work, &e, err));
    CAIRN_TRY(cairn_enrol_challenge_parse(cairn_work_body(work), &challenge, err));
    CAIRN_TRY(cairn_buf_set(&e->row.challenge, cairn_work_body(work), err));
    work->write = write_challenge;
    return cairn_work_reply_json(work, json_object(), err);
}

CAIRN_RC cairn_on_enrolment_statement(struct cairn_work *work, struct cairn_err *err)
{
    struct enrolling *e = NULL;
    struct cairn_statement s = {.epoch_value = 0};
    CAIRN_TRY(open_enrolment(work, &e, err));
    CAIRN_TRY(cairn_statement_open(work->judge->fleet->root, cairn_work_body(work), work->now_s, &s, err));
    if (!cairn_span_equal(CAIRN_SPAN(s.device), CAIRN_SPAN(e->row.device))) {
        return CAIRN_FAIL(err, CAIRN_E_REFUSED, "enrolment.device", "the statement is another device's than the request");
    }
    if (!cairn_span_equal(cairn_buf_span(&e->row.statement), cairn_work_body(work))) {
        CAIRN_TRY(still_open(&e->row, err));
    }
    CAIRN_TRY(cairn_buf_set(&e->row.statement, cairn_work_body(work), err));
    CAIRN_TRY(enrolled_row(&s, cairn_work_body(work), work->now_s, &e->device, err));
    work->write = write_statement;
    return cairn_work_reply_json(work, json_object(), err);
}

static CAIRN_RC write_refusal(struct cairn_store *store, struct cairn_work *work, struct cairn_err *err)
{
    CAIRN_TRY(check_not_ended(store, work->own, err));
    return write_change(store, work, "enrolment.refused", err);
}

CAIRN_RC cairn_on_enrolment_refuse(struct cairn_work *work, struct cairn_err *err)
{
    struct enrolling *e = NULL;
    CAIRN_TRY(open_enrolment(work, &e, err));
    CAIRN_TRY(still_open(&e->row, err));
    (void)snprintf(e->row.refused, sizeof e->row.refused, "by %s", work->who.name);
    work->write = write_refusal;
    return cairn_work_reply_json(work, json_object(), err);
}
