/* agent/report_device.c -- one report: nonce, quote, evidence, the server's answer.
 *
 * The logs are left out of the first try: the server has those of the last accepted report. What it lacks it names, with a
 * token that lets a longer body in; then the same document goes again, with these logs attached.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/agent_internal_device.h"
#include "attest/collect_device.h"
#include "attest/server_nonce.h"
#include "client/refusal_device.h"
#include "core/doctype.h"

enum { CONFLICT = 409 };
enum { UNASKED_MAX = 16 << 10 }; /* a body without a token */
enum { MAX_TRIES = 4 };          /* the stored nonce, a fresh one, each once more with logs */

/* struct exchange is one report under way. */
struct exchange {
    struct cairn_agent *agent;
    char path[CAIRN_CLIENT_PATH_MAX]; /* with the audience, when a result is wanted */
    struct cairn_nonce nonce;
    struct cairn_spool_logs last; /* the logs of the last accepted report */
    struct cairn_spool_logs now;
    struct cairn_buf full;     /* the document with every log that has changed */
    struct cairn_buf evidence; /* what is sent */
    char upload_token[CAIRN_REPLY_TOKEN_MAX];
    bool renewed, attached;
    struct cairn_client_reply reply;
};

static void exchange_clear(struct exchange *x)
{
    cairn_buf_clear(&x->full);
    cairn_buf_clear(&x->evidence);
    cairn_client_reply_clear(&x->reply);
}

static struct cairn_log_paths log_paths(const struct cairn_agent *agent)
{
    return (struct cairn_log_paths){{[CAIRN_LOG_FIRMWARE] = agent->config.boot_log,
                                     [CAIRN_LOG_USERSPACE] = agent->config.userspace_log,
                                     [CAIRN_LOG_IMA] = agent->config.ima_log}};
}

static struct cairn_attachment *find(struct cairn_tpmdoc *doc, enum cairn_boot_log_kind kind)
{
    for (size_t i = 0; i < doc->num_attachments; i++) {
        if (strcmp(doc->attachments[i].kind, cairn_boot_log_name(kind)) == 0) {
            return &doc->attachments[i];
        }
    }
    return NULL;
}

/* A body that is longer than a stranger's may be names its logs: the server asks for what it lacks. */
static CAIRN_RC name_logs(struct exchange *x, struct cairn_err *err)
{
    CAIRN_TPMDOC doc = {.num_attestations = 0};
    if (x->full.len <= UNASKED_MAX) {
        return cairn_buf_set(&x->evidence, cairn_buf_span(&x->full), err);
    }
    CAIRN_TRY(cairn_tpmdoc_parse(cairn_buf_span(&x->full), CAIRN_TYPE_EVIDENCE, &doc, err));
    for (size_t i = 0; i < doc.num_attachments; i++) {
        doc.attachments[i].named = true;
        cairn_buf_clear(&doc.attachments[i].bytes);
    }
    return cairn_tpmdoc_write(&doc, &x->evidence, err);
}

static void remember(struct exchange *x, const struct cairn_collected_log collected[CAIRN_NUM_BOOT_LOGS])
{
    for (size_t kind = 0; kind < CAIRN_NUM_BOOT_LOGS; kind++) {
        x->now.known[kind] = collected[kind].present;
        cairn_copy(x->now.sha256[kind], collected[kind].sha256, CAIRN_SHA256_LEN);
    }
}

/* collect quotes, and reads the logs: those of the last accepted report are left out. */
static CAIRN_RC collect(struct exchange *x, struct cairn_err *err)
{
    CAIRN_TPM *tpm = NULL;
    struct cairn_collected_log collected[CAIRN_NUM_BOOT_LOGS] = {{.present = false}};
    struct cairn_collect_options options = {.cnf = x->agent->cnf};
    const struct cairn_log_paths paths = log_paths(x->agent);
    for (size_t kind = 0; kind < CAIRN_NUM_BOOT_LOGS; kind++) {
        options.known[kind] = (struct cairn_known_log){.rule = CAIRN_LOG_LEAVE_OUT,
                                                       .digests = (const uint8_t(*)[CAIRN_SHA256_LEN]) & x->last.sha256[kind],
                                                       .num_digests = x->last.known[kind] ? 1 : 0};
    }
    CAIRN_TRY(cairn_agent_tpm(x->agent, &tpm, err));
    x->upload_token[0] = '\0';
    x->attached = false;
    CAIRN_TRY(
        cairn_collect_evidence(tpm, &x->agent->identity.statement, &x->nonce, &paths, &options, collected, &x->full, err));
    remember(x, collected);
    return name_logs(x, err);
}

/* One log of the document that goes again: its bytes when they are needed, else as it was. One that this device does not have
 * goes empty, which says so. */
static CAIRN_RC put_log(struct exchange *x, enum cairn_boot_log_kind kind, bool need, struct cairn_tpmdoc *from,
                        struct cairn_tpmdoc *to, struct cairn_err *err)
{
    struct cairn_attachment *had = find(from, kind), *now = &to->attachments[to->num_attachments];
    const struct cairn_log_paths paths = log_paths(x->agent);
    bool present = had != NULL;
    if (had == NULL && !need) {
        return CAIRN_OK;
    }
    if (had != NULL) {
        *now = *had;
        *had = (struct cairn_attachment){.named = false};
    } else {
        CAIRN_TRY(cairn_collect_log(paths.path[kind], &present, &now->bytes, err));
        cairn_copy(now->kind, cairn_boot_log_name(kind), strlen(cairn_boot_log_name(kind)) + 1);
        CAIRN_TRY(cairn_sha256(cairn_buf_span(&now->bytes), x->now.sha256[kind], err));
    }
    to->num_attachments++;
    now->named = !need;
    if (now->named) {
        cairn_buf_clear(&now->bytes);
    }
    return CAIRN_OK;
}

static void free_docs(struct cairn_tpmdoc **docs)
{
    if (*docs != NULL) {
        cairn_tpmdoc_clear(&(*docs)[0]);
        cairn_tpmdoc_clear(&(*docs)[1]);
        free(*docs);
    }
}

/* attach puts the logs that the server lacks behind the document that was quoted. Two documents are too much for a stack. */
static CAIRN_RC attach(struct exchange *x, const struct cairn_problem *problem, struct cairn_err *err)
{
    CAIRN_CLEANUP(free_docs) struct cairn_tpmdoc *docs = calloc(2, sizeof *docs);
    if (docs == NULL) {
        return CAIRN_FAIL(err, CAIRN_E_IO, "memory", "no memory for the evidence");
    }
    struct cairn_tpmdoc *full = &docs[0], *doc = &docs[1];
    CAIRN_TRY(cairn_tpmdoc_parse(cairn_buf_span(&x->full), CAIRN_TYPE_EVIDENCE, full, err));
    cairn_copy(doc->type, full->type, sizeof doc->type);
    CAIRN_TRY(cairn_buf_set(&doc->payload, cairn_buf_span(&full->payload), err));
    doc->num_attestations = full->num_attestations;
    cairn_copy(doc->attestations, full->attestations, sizeof doc->attestations);
    for (size_t kind = 0; kind < CAIRN_NUM_BOOT_LOGS; kind++) {
        CAIRN_TRY(put_log(x, (enum cairn_boot_log_kind)kind, problem->need[kind], full, doc, err));
    }
    CAIRN_TRY(cairn_tpmdoc_write(doc, &x->evidence, err));
    cairn_copy(x->upload_token, problem->upload_token, sizeof x->upload_token);
    x->attached = true;
    return CAIRN_OK;
}

static CAIRN_RC send(struct exchange *x, struct cairn_err *err)
{
    const struct cairn_client_ask ask = {.path = x->path,
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
static CAIRN_RC find_nonce(struct exchange *x, bool fresh, uint64_t now_s, struct cairn_err *err)
{
    CAIRN_REPORT last = {.interval_s = 0};
    uint64_t at_s = 0;
    bool there = false;
    const struct cairn_statement *s = &x->agent->identity.statement;
    CAIRN_TRY(cairn_spool_report(&x->agent->spool, &there, &at_s, &last, &x->last, err));
    if (there && !fresh && now_s < at_s + CAIRN_NONCE_LIFE_EVIDENCE_S &&
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

/* Every byte of the audience that a query might take for its own is written as %XX (RFC 3986 section 2.1). */
static CAIRN_RC set_path(const char *audience, char path[CAIRN_CLIENT_PATH_MAX], struct cairn_err *err)
{
    static const char plain[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~";
    size_t len = (size_t)snprintf(path, CAIRN_CLIENT_PATH_MAX, "/v1/evidence%s", audience != NULL ? "?aud=" : "");
    for (const char *c = audience; c != NULL && *c != '\0'; c++) {
        const bool keep = strchr(plain, *c) != NULL;
        len += (size_t)snprintf(path + len, CAIRN_CLIENT_PATH_MAX - len, keep ? "%c" : "%%%02X", (unsigned char)*c);
        if (len >= CAIRN_CLIENT_PATH_MAX) {
            return CAIRN_FAIL(err, CAIRN_E_USAGE, "agent.audience", "the audience is too long");
        }
    }
    return CAIRN_OK;
}

static CAIRN_RC report(struct cairn_agent *agent, const char *audience, bool fresh_nonce, uint64_t now_s,
                       struct cairn_report *out, struct cairn_err *err)
{
    CAIRN_CLEANUP(exchange_clear) struct exchange x = {.agent = agent};
    CAIRN_REPORT got = {.interval_s = 0};
    CAIRN_TRY(cairn_agent_identity(agent, err));
    CAIRN_TRY(require_alive(agent, err));
    CAIRN_TRY(set_path(audience, x.path, err));
    CAIRN_TRY(find_nonce(&x, fresh_nonce, now_s, err));
    CAIRN_TRY(converse(&x, err));
    CAIRN_TRY(cairn_report_parse(cairn_buf_span(&x.reply.body), &got, err));
    CAIRN_TRY(cairn_reply_check_nonce(&got.nonce, &agent->identity.statement, CAIRN_PURPOSE_EVIDENCE, err));
    CAIRN_TRY(cairn_spool_put_report(&agent->spool, cairn_buf_span(&x.reply.body), now_s, &x.now, err));
    agent->interval_s = got.interval_s;
    cairn_report_clear(out);
    *out = got;
    got = (struct cairn_report){.interval_s = 0};
    return CAIRN_OK;
}

enum cairn_rc cairn_agent_report(struct cairn_agent *agent, uint64_t now_s, struct cairn_report *out, struct cairn_err *err)
{
    return report(agent, NULL, false, now_s, out, err);
}

enum cairn_rc cairn_agent_report_fresh(struct cairn_agent *agent, uint64_t now_s, struct cairn_report *out,
                                       struct cairn_err *err)
{
    return report(agent, NULL, true, now_s, out, err);
}

enum cairn_rc cairn_agent_result(struct cairn_agent *agent, const char *audience, uint64_t now_s, struct cairn_report *out,
                                 struct cairn_err *err)
{
    CAIRN_REPORT got = {.interval_s = 0};
    CAIRN_TRY(report(agent, audience, true, now_s, &got, err));
    if (got.ear.len == 0) {
        return CAIRN_FAIL(err, CAIRN_E_SERVER, "reply.ear", "the server sent no result");
    }
    cairn_report_clear(out);
    *out = got;
    got = (struct cairn_report){.interval_s = 0};
    return CAIRN_OK;
}
