/* agent/errand_device.c -- what lies between the server and root: orders and grants one way, what the TPM said the other.
 *
 * Nothing is judged here but whether it is worth handing over: root verifies everything again.
 */
#include <stdio.h>
#include <string.h>

#include "agent/agent_internal_device.h"
#include "client/refusal_device.h"
#include "core/clock.h"
#include "core/doctype.h"
#include "provision/engine_device.h"
#include "wipe/certificate.h"
#include "wipe/order.h"

#define JSON_TYPE "application/json"
enum { OK = 200, UNAUTHORISED = 401, CONFLICT = 409, MANY = 429, SERVER_FAULT = 500 };
enum { GRANT_PAUSE_S = 3600, HEX_LEN = 2 * CAIRN_SHA256_LEN };

static void say(const struct cairn_agent *agent, const char *event, const char *what)
{
    const struct cairn_log_field field = {.key = "what", .value = what};
    cairn_log_event(agent->world.log, CAIRN_LOG_INFO, event, &field, 1);
}

/* in/`name` is an order with this payload digest. */
static bool is_order(const struct cairn_agent *agent, const char *name, const uint8_t digest[32])
{
    CAIRN_BUF file = {0};
    CAIRN_ORDER order = {0};
    return cairn_file_exists(agent->spool.in, name) &&
           cairn_file_read(agent->spool.in, name, CAIRN_FILE_MAX, &file, NULL) == CAIRN_OK &&
           cairn_order_open(agent->identity.root, cairn_buf_span(&file), 0, &order, NULL) == CAIRN_OK &&
           cairn_span_equal(CAIRN_SPAN(order.digest), cairn_span(digest, 32));
}

/* An order that waits, or that root has refused, is not fetched again. */
static CAIRN_RC fetch_order(struct cairn_agent *agent, const uint8_t digest[32], uint64_t now_s, struct cairn_err *err)
{
    char path[32 + HEX_LEN] = "", hex[HEX_LEN + 1] = "";
    CAIRN_CLIENT_REPLY reply = {.status = 0};
    CAIRN_ORDER order = {0};
    if (is_order(agent, CAIRN_SPOOL_ORDER, digest) || is_order(agent, CAIRN_SPOOL_ORDER ".refused", digest)) {
        return CAIRN_OK;
    }
    cairn_hex_encode(cairn_span(digest, 32), hex);
    (void)snprintf(path, sizeof path, "/v1/order/%s", hex);
    CAIRN_TRY(cairn_agent_get(agent, path, CAIRN_FILE_MAX, &reply, err));
    CAIRN_TRY(cairn_client_expect(&reply, CAIRN_TYPE_ORDER, err));
    CAIRN_TRY(cairn_order_open(agent->identity.root, cairn_buf_span(&reply.body), now_s, &order, err));
    if (!cairn_span_equal(CAIRN_SPAN(order.digest), cairn_span(digest, 32))) {
        return CAIRN_FAIL(err, CAIRN_E_SERVER, "reply.order", "the server sent another order than the one it named");
    }
    CAIRN_TRY(cairn_spool_put_order(&agent->spool, cairn_buf_span(&reply.body), err));
    say(agent, "order.spooled", hex);
    return CAIRN_OK;
}

static CAIRN_RC make_request(struct cairn_agent *agent, struct cairn_buf *out, struct cairn_err *err)
{
    CAIRN_TPM *tpm = NULL;
    struct cairn_nonce nonce = {.mask = 0};
    CAIRN_TRY(cairn_agent_nonce(agent, CAIRN_PURPOSE_GRANT, &nonce, err));
    CAIRN_TRY(cairn_agent_tpm(agent, &tpm, err));
    return cairn_request_sign(tpm, &agent->identity.statement, nonce.nonce, nonce.mask, out, err);
}

/* A grant needs evidence whose nonce is fresh: the one that the last reply brought is. */
static CAIRN_RC fetch_grant(struct cairn_agent *agent, uint64_t now_s, struct cairn_err *err)
{
    CAIRN_BUF request = {0};
    CAIRN_CLIENT_REPLY reply = {.status = 0};
    CAIRN_BUNDLE bundle = {.grant = {0}};
    CAIRN_REPORT fresh = {.interval_s = 0};
    CAIRN_BUF receipt = {0};
    bool installed = false;
    if (now_s < agent->no_grant_before_s || cairn_file_exists(agent->spool.in, CAIRN_SPOOL_INSTALL_READY)) {
        return CAIRN_OK;
    }
    CAIRN_TRY(cairn_spool_pending(&agent->spool, CAIRN_SPOOL_RECEIPT, CAIRN_FILE_MAX, &installed, &receipt, err));
    if (installed) { /* the server has not heard of it yet */
        return CAIRN_OK;
    }
    agent->no_grant_before_s = now_s + GRANT_PAUSE_S;
    CAIRN_TRY(cairn_agent_report(agent, now_s, &fresh, err));
    CAIRN_TRY(make_request(agent, &request, err));
    CAIRN_TRY(cairn_agent_post(agent, "/v1/grant", CAIRN_TYPE_REQUEST, cairn_buf_span(&request), CAIRN_REPLY_BUNDLE_MAX, &reply,
                               err));
    CAIRN_TRY(cairn_client_expect(&reply, JSON_TYPE, err));
    CAIRN_TRY(cairn_bundle_parse(cairn_buf_span(&reply.body), &bundle, err));
    CAIRN_TRY(cairn_spool_put_bundle(&agent->spool, &bundle, err));
    say(agent, "grant.spooled", CAIRN_SPOOL_INSTALL_READY);
    return CAIRN_OK;
}

enum cairn_rc cairn_agent_fetch(struct cairn_agent *agent, uint64_t now_s, const struct cairn_report *report,
                                struct cairn_err *err)
{
    if (report->has_order) {
        return fetch_order(agent, report->order, now_s, err); /* what is to be retired is not provisioned any more */
    }
    return report->grant ? fetch_grant(agent, now_s, err) : CAIRN_OK;
}

/* struct errand is one kind of document that goes out. */
struct errand {
    const char *name, *path, *type, *reply_type;
    CAIRN_RC (*keep)(struct cairn_agent *agent, const struct cairn_client_reply *reply, struct cairn_err *err);
};

static CAIRN_RC keep_certificate(struct cairn_agent *agent, const struct cairn_client_reply *reply, struct cairn_err *err)
{
    return cairn_file_replace(agent->spool.in, CAIRN_SPOOL_COUNTERSIGNED, cairn_buf_span(&reply->body), 0644, err);
}

static CAIRN_RC keep_release(struct cairn_agent *agent, const struct cairn_client_reply *reply, struct cairn_err *err)
{
    return cairn_spool_put_release(&agent->spool, cairn_buf_span(&reply->body), err);
}

/* The kill before everything else: it is what somebody waits for. */
static const struct errand ERRANDS[] = {
    {CAIRN_SPOOL_KILL, "/v1/kill", CAIRN_TYPE_KILL, JSON_TYPE, NULL},
    {CAIRN_SPOOL_CERTIFICATE, "/v1/certificate", CAIRN_TYPE_CERTIFICATE, CAIRN_TYPE_CERTIFICATE, keep_certificate},
    {CAIRN_SPOOL_RECEIPT, "/v1/receipt", CAIRN_TYPE_RECEIPT, JSON_TYPE, NULL},
    {CAIRN_SPOOL_RELEASE_ASK, "/v1/release", JSON_TYPE, CAIRN_TYPE("release"), keep_release},
};

/* What wants evidence of the last minute gets it, and is sent once more. */
static CAIRN_RC send(struct cairn_agent *agent, const struct errand *e, struct cairn_span file,
                     struct cairn_client_reply *reply, struct cairn_err *err)
{
    struct cairn_problem problem = {.num_need = 0};
    CAIRN_REPORT fresh = {.interval_s = 0};
    CAIRN_TRY(cairn_agent_post(agent, e->path, e->type, file, CAIRN_CERTIFICATE_MAX_LEN, reply, err));
    if (reply->status != CONFLICT) {
        return CAIRN_OK;
    }
    cairn_problem_parse(reply->status, cairn_buf_span(&reply->body), &problem);
    if (!problem.has_nonce) {
        return CAIRN_OK;
    }
    CAIRN_TRY(cairn_agent_report_fresh(agent, cairn_clock_now(0), &fresh, err));
    return cairn_agent_post(agent, e->path, e->type, file, CAIRN_CERTIFICATE_MAX_LEN, reply, err);
}

static bool is_final(int status)
{
    return status != OK && status < SERVER_FAULT && status != UNAUTHORISED && status != CONFLICT && status != MANY;
}

static CAIRN_RC run_errand(struct cairn_agent *agent, const struct errand *e, struct cairn_err *err)
{
    bool pending = false;
    CAIRN_BUF file = {0};
    CAIRN_CLIENT_REPLY reply = {.status = 0};
    CAIRN_TRY(cairn_spool_pending(&agent->spool, e->name, CAIRN_CERTIFICATE_MAX_LEN, &pending, &file, err));
    if (!pending) {
        return CAIRN_OK;
    }
    CAIRN_TRY(send(agent, e, cairn_buf_span(&file), &reply, err));
    if (is_final(reply.status)) {
        struct cairn_err why = {0};
        (void)!cairn_client_refusal(&reply, &why);
        cairn_err_prefix(&why, "%s", e->name);
        cairn_log_error(agent->world.log, "delivery.refused", &why);
        return cairn_spool_sent(&agent->spool, e->name, cairn_buf_span(&file), err);
    }
    CAIRN_TRY(cairn_client_expect(&reply, e->reply_type, err));
    if (e->keep != NULL) {
        CAIRN_TRY(e->keep(agent, &reply, err));
    }
    CAIRN_TRY(cairn_spool_sent(&agent->spool, e->name, cairn_buf_span(&file), err));
    say(agent, "delivered", e->name);
    return CAIRN_OK;
}

/* One document that cannot be brought now does not hold up the others; the first failure is the one to report. */
enum cairn_rc cairn_agent_deliver(struct cairn_agent *agent, struct cairn_err *err)
{
    enum cairn_rc first = CAIRN_OK;
    for (size_t i = 0; i < CAIRN_ARRAY_LEN(ERRANDS); i++) {
        struct cairn_err why = {0};
        const enum cairn_rc rc = run_errand(agent, &ERRANDS[i], first == CAIRN_OK ? err : &why);
        first = first == CAIRN_OK ? rc : first;
        if (rc == CAIRN_E_BUSY) {
            return rc;
        }
    }
    return first;
}
