/* agent/report_device.c -- one report: nonce, quote, evidence, the server's answer.
 *
 * The logs are left out of the first try: the server has those of the last accepted report. What it lacks it names, with a
 * token that lets a longer body in; then the same document goes again, with these logs attached.
 */
#include <string.h>

#include "agent/agent_internal_device.h"
#include "attest/collect_device.h"
#include "attest/server_nonce.h"
#include "client/refusal_device.h"
#include "core/doctype.h"

enum { OK = 200, CONFLICT = 409 };
enum { MAX_TRIES = 4 }; /* the stored nonce, a fresh one, each once more with logs */

/* struct exchange is one report under way. */
struct exchange {
    struct cairn_agent *agent;
    struct cairn_nonce nonce;
    struct cairn_buf evidence;
    char upload_token[CAIRN_REPLY_TOKEN_MAX];
    bool renewed, attached;
    struct cairn_client_reply reply;
};

static void exchange_clear(struct exchange *x)
{
    cairn_buf_clear(&x->evidence);
    cairn_client_reply_clear(&x->reply);
}

static const char *log_path(const struct cairn_agent *agent, size_t kind)
{
    const char *const paths[CAIRN_NUM_BOOT_LOGS] = {[CAIRN_LOG_FIRMWARE] = agent->config.boot_log,
                                                    [CAIRN_LOG_USERSPACE] = agent->config.userspace_log,
                                                    [CAIRN_LOG_IMA] = agent->config.ima_log};
    return paths[kind];
}

/* collect quotes, with no log: the one place to change when logs can be named. */
static CAIRN_RC collect(struct exchange *x, struct cairn_err *err)
{
    static const struct cairn_log_paths NONE = {{NULL}};
    CAIRN_TPM *tpm = NULL;
    CAIRN_TRY(cairn_agent_tpm(x->agent, &tpm, err));
    x->upload_token[0] = '\0';
    x->attached = false;
    return cairn_collect_evidence(tpm, &x->agent->identity.statement, &x->nonce, &NONE, NULL, NULL, &x->evidence, err);
}

/* attach puts the logs that the server lacks behind the document that was quoted; one that this device does not have goes
 * empty, which says so. */
static CAIRN_RC attach(struct exchange *x, const struct cairn_problem *problem, struct cairn_err *err)
{
    CAIRN_TPMDOC doc = {.num_attestations = 0};
    CAIRN_TRY(cairn_tpmdoc_parse(cairn_buf_span(&x->evidence), CAIRN_TYPE_EVIDENCE, &doc, err));
    for (size_t kind = 0; kind < CAIRN_NUM_BOOT_LOGS; kind++) {
        struct cairn_attachment *to = &doc.attachments[doc.num_attachments];
        bool present = false;
        if (!problem->need[kind]) {
            continue;
        }
        CAIRN_TRY(cairn_collect_log(log_path(x->agent, kind), &present, &to->bytes, err));
        cairn_copy(to->kind, cairn_boot_log_name((enum cairn_boot_log_kind)kind),
                   strlen(cairn_boot_log_name((enum cairn_boot_log_kind)kind)) + 1);
        doc.num_attachments++;
    }
    CAIRN_TRY(cairn_tpmdoc_write(&doc, &x->evidence, err));
    cairn_copy(x->upload_token, problem->upload_token, sizeof x->upload_token);
    x->attached = true;
    return CAIRN_OK;
}

static CAIRN_RC send(struct exchange *x, struct cairn_err *err)
{
    const struct cairn_client_ask ask = {.path = "/v1/evidence",
                                         .post = true,
                                         .type = CAIRN_TYPE_EVIDENCE,
                                         .body = cairn_buf_span(&x->evidence),
                                         .upload_token = x->upload_token,
                                         .max_reply = CAIRN_REPLY_SMALL_MAX};
    return cairn_client_call(x->agent->client, &ask, &x->reply, err);
}

/* mend does what a 409 asks for, each kind once: *again says that it is worth another try. */
static CAIRN_RC mend(struct exchange *x, bool *again, struct cairn_err *err)
{
    struct cairn_problem problem = {.num_need = 0};
    cairn_problem_parse(x->reply.status, cairn_buf_span(&x->reply.body), &problem);
    *again = false;
    if (problem.num_need > 0 && problem.upload_token[0] != '\0' && !x->attached) {
        *again = true;
        return attach(x, &problem, err);
    }
    if (problem.has_nonce && !x->renewed) {
        CAIRN_TRY(cairn_reply_check_nonce(&problem.nonce, &x->agent->identity.statement, CAIRN_PURPOSE_EVIDENCE, err));
        x->nonce = problem.nonce;
        x->renewed = *again = true;
        return collect(x, err);
    }
    return CAIRN_OK;
}

/* The nonce that came with the last report, while it can be alive, or a fresh one. */
static CAIRN_RC find_nonce(struct exchange *x, uint64_t now_s, struct cairn_err *err)
{
    CAIRN_REPORT last = {.interval_s = 0};
    uint64_t at_s = 0;
    bool there = false;
    const struct cairn_statement *s = &x->agent->identity.statement;
    CAIRN_TRY(cairn_spool_report(&x->agent->spool, &there, &at_s, &last, err));
    if (there && now_s < at_s + CAIRN_NONCE_LIFE_EVIDENCE_S &&
        cairn_reply_check_nonce(&last.nonce, s, CAIRN_PURPOSE_EVIDENCE, NULL) == CAIRN_OK) {
        x->nonce = last.nonce;
        return CAIRN_OK;
    }
    return cairn_agent_nonce(x->agent, CAIRN_PURPOSE_EVIDENCE, &x->nonce, err);
}

static CAIRN_RC converse(struct exchange *x, struct cairn_err *err)
{
    bool again = true;
    CAIRN_TRY(collect(x, err));
    for (int i = 0; i < MAX_TRIES && again; i++) {
        CAIRN_TRY(send(x, err));
        again = false;
        if (x->reply.status == CONFLICT) {
            CAIRN_TRY(mend(x, &again, err));
        }
    }
    return cairn_client_expect(&x->reply, "application/json", err);
}

static CAIRN_RC require_alive(const struct cairn_agent *agent, struct cairn_err *err)
{
    return cairn_file_exists(agent->spool.out, CAIRN_SPOOL_KILL)
               ? CAIRN_FAIL(err, CAIRN_E_REFUSED, "agent.ending", "this device's keys are killed: it reports no more")
               : CAIRN_OK;
}

static CAIRN_RC report(struct cairn_agent *agent, bool fresh_nonce, uint64_t now_s, struct cairn_report *out,
                       struct cairn_err *err)
{
    CAIRN_CLEANUP(exchange_clear) struct exchange x = {.agent = agent};
    CAIRN_REPORT got = {.interval_s = 0};
    CAIRN_TRY(cairn_agent_identity(agent, err));
    CAIRN_TRY(require_alive(agent, err));
    CAIRN_TRY(fresh_nonce ? cairn_agent_nonce(agent, CAIRN_PURPOSE_EVIDENCE, &x.nonce, err) : find_nonce(&x, now_s, err));
    CAIRN_TRY(converse(&x, err));
    CAIRN_TRY(cairn_report_parse(cairn_buf_span(&x.reply.body), &got, err));
    CAIRN_TRY(cairn_reply_check_nonce(&got.nonce, &agent->identity.statement, CAIRN_PURPOSE_EVIDENCE, err));
    CAIRN_TRY(cairn_spool_put_report(&agent->spool, cairn_buf_span(&x.reply.body), now_s, err));
    agent->interval_s = got.interval_s;
    cairn_report_clear(out);
    *out = got;
    got = (struct cairn_report){.interval_s = 0};
    return CAIRN_OK;
}

enum cairn_rc cairn_agent_report(struct cairn_agent *agent, uint64_t now_s, struct cairn_report *out, struct cairn_err *err)
{
    return report(agent, false, now_s, out, err);
}

enum cairn_rc cairn_agent_report_fresh(struct cairn_agent *agent, uint64_t now_s, struct cairn_report *out,
                                       struct cairn_err *err)
{
    return report(agent, true, now_s, out, err);
}
