/* server/work.c -- see server/work.h: a request's way through handler, writer and answer. */
#include "server/work.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "attest/server_nonce.h"
#include "core/crypto_keys.h"
#include "core/doctype.h"

CAIRN_RC cairn_work_own(struct cairn_work *work, size_t size, void (*clear)(void *), void **out, struct cairn_err *err)
{
    work->own = calloc(1, size);
    if (work->own == NULL) {
        return CAIRN_FAIL(err, CAIRN_E_IO, "memory", "no memory for a request");
    }
    work->own_free = clear;
    *out = work->own;
    return CAIRN_OK;
}

struct cairn_span cairn_work_body(const struct cairn_work *work)
{
    return cairn_call_body(work->call);
}

CAIRN_RC cairn_work_reply_file(struct cairn_work *work, const char *type, struct cairn_span file, struct cairn_err *err)
{
    work->status = 200;
    work->type = type;
    return cairn_buf_set(&work->reply, file, err);
}

CAIRN_RC cairn_work_reply_json(struct cairn_work *work, json_t *json, struct cairn_err *err)
{
    CAIRN_JSON *owned = json;
    CAIRN_BUF text = {0};
    if (json == NULL) {
        return CAIRN_FAIL(err, CAIRN_E_IO, "json.memory", "no memory for a reply");
    }
    CAIRN_TRY(cairn_json_write(owned, &text, err));
    CAIRN_TRY(cairn_buf_append(&text, cairn_span_str("\n"), err));
    return cairn_work_reply_file(work, "application/json", cairn_buf_span(&text), err);
}

CAIRN_RC cairn_work_wait(struct cairn_work *work, unsigned seconds)
{
    work->status = 202;
    work->retry_after_s = seconds;
    return CAIRN_OK;
}

CAIRN_RC cairn_work_problem(struct cairn_work *work, const char *key, json_t *value, struct cairn_err *err)
{
    work->extra = work->extra != NULL ? work->extra : json_object();
    return cairn_json_set_take(work->extra, key, value, err);
}

CAIRN_RC cairn_work_audit(struct cairn_store *store, const struct cairn_work *work, const char *action, const uint8_t *subject,
                          const char *detail, struct cairn_err *err)
{
    char hex[65] = "";
    if (subject != NULL) {
        cairn_hex_encode(cairn_span(subject, 32), hex);
    }
    const struct cairn_audit_entry entry = {.actor = work->who.rights != 0 ? work->who.name : "device",
                                            .action = action,
                                            .subject = hex,
                                            .detail = detail,
                                            .at_s = work->now_s};
    return cairn_store_audit(store, &entry, err);
}

CAIRN_RC cairn_work_member(struct cairn_work *work, const uint8_t device[32], struct cairn_device_row *row,
                           const struct cairn_member **out, struct cairn_err *err)
{
    bool found = false;
    CAIRN_TRY(cairn_store_device_get(work->judge->store, device, row, &found, err));
    if (!found) {
        return CAIRN_FAIL(err, CAIRN_E_REFUSED, "device.unknown", "no device of this id is enrolled here");
    }
    enum cairn_rc rc =
        cairn_members_open(work->judge->members, work->judge->fleet->root, device, cairn_buf_span(&row->statement), out, err);
    if (rc == CAIRN_E_FORMAT) { /* the database's fault, not that of whoever asks */
        return CAIRN_FAIL(err, CAIRN_E_IO, "store.corrupt", "a statement in the database is none: restore it from a copy");
    }
    return rc;
}

CAIRN_RC cairn_work_head(struct cairn_work *work, const char *type, const char *nonce_member, struct cairn_tpmdoc *doc,
                         struct cairn_tpm_head *head, struct cairn_err *err)
{
    CAIRN_JSON *json = NULL;
    CAIRN_TRY(cairn_tpmdoc_parse(cairn_work_body(work), type, doc, err));
    CAIRN_TRY(cairn_json_parse(cairn_buf_span(&doc->payload), CAIRN_TPMDOC_MAX_HEAD, true, "document", &json, err));
    struct cairn_err why = {0};
    struct cairn_obj o = cairn_obj(json, "document", &why);
    cairn_tpm_head_read(&o, nonce_member, head); /* the rest is read by whoever verifies it */
    return o.rc == CAIRN_OK ? CAIRN_OK : CAIRN_FAIL(err, o.rc, why.code, "%s", why.text);
}

CAIRN_RC cairn_work_nonce(struct cairn_work *work, const struct cairn_statement *statement, enum cairn_purpose purpose,
                          json_t **out, struct cairn_err *err)
{
    uint8_t random[16] = {0};
    struct cairn_nonce nonce = {.issued_s = 0};
    CAIRN_TRY(cairn_random(random, sizeof random, err));
    CAIRN_TRY(cairn_server_nonce_make(work->judge->service->nonce_key, statement, purpose, work->judge->fleet->mask,
                                      work->now_s, random, &nonce, err));
    return cairn_nonce_json(&nonce, out, err);
}

enum cairn_rc cairn_work_stale(struct cairn_work *work, const struct cairn_statement *statement, enum cairn_purpose purpose,
                               const char *code, const char *why, struct cairn_err *err)
{
    json_t *nonce = NULL;
    CAIRN_TRY(cairn_work_nonce(work, statement, purpose, &nonce, err));
    CAIRN_TRY(cairn_work_problem(work, "nonce", nonce, err));
    return CAIRN_FAIL(err, CAIRN_E_REFUSED, code, "%s", why);
}

CAIRN_RC cairn_work_fresh(struct cairn_work *work, const struct cairn_statement *statement,
                          const struct cairn_report_row *report, bool found, const char *code, struct cairn_err *err)
{
    /* A report of the future was made before the clock was set back: how long ago, nobody can say (CHECKS 62). */
    if (found && report->affirmed_nonce_s <= work->now_s + CAIRN_FRESH_S &&
        report->affirmed_nonce_s + CAIRN_FRESH_S >= work->now_s) {
        return CAIRN_OK;
    }
    return cairn_work_stale(work, statement, CAIRN_PURPOSE_EVIDENCE, code,
                            "this needs evidence over a nonce younger than 60 s: report first, with the nonce given here", err);
}

/* Everything but the work's own call: that is gone once it is answered. */
static void work_free(void *arg)
{
    struct cairn_work *work = arg;
    if (work->own != NULL && work->own_free != NULL) {
        work->own_free(work->own);
    }
    free(work->own);
    cairn_buf_clear(&work->reply);
    json_decref(work->extra);
    free(work);
}

static void log_failure(const struct cairn_work *work, const struct cairn_err *err)
{
    if (err->rc == CAIRN_E_IO) { /* ours, not the client's */
        cairn_log_error(work->judge->service->log, "request.failed", err);
    }
}

static int status_of(const struct cairn_err *err)
{
    static const struct {
        const char *code;
        int status;
    } special[] = {
        {"access.credential", 401}, {"device.unknown", 404}, {"enrolment.unknown", 404}, {"order.unknown", 404},
        {"http.path", 404},         {"http.none", 404},      {"http.method", 405},       {"http.type", 415},
        {"nonce.stale", 409},       {"evidence.logs", 409},  {"evidence.age", 409},      {"release.held", 409},
        {"release.grace", 409},     {"release.stale", 409},  {"grant.boot", 409},        {"grant.appraisal", 409},
        {"grant.installed", 409},   {"grant.epoch", 409},    {"server.rate", 429},       {"upload.token", 403},
        {"enrolment.again", 409},   {"server.full", 503},    {"store.busy", 503},        {"nonce.clock", 503},
    };
    for (size_t i = 0; i < CAIRN_ARRAY_LEN(special); i++) {
        if (strcmp(err->code, special[i].code) == 0) {
            return special[i].status;
        }
    }
    switch (err->rc) {
    case CAIRN_E_FORMAT:
    case CAIRN_E_USAGE:
        return 400;
    case CAIRN_E_BUSY:
        return 503;
    case CAIRN_E_IO:
        return 500;
    default:
        return 403;
    }
}

/* What is ours to know stays ours: a client is told that the server failed, the log says how. */
static void refuse(struct cairn_work *work, const struct cairn_err *err)
{
    struct cairn_err shown = *err;
    log_failure(work, err);
    if (strcmp(err->code, "store.busy") == 0) {
        (void)CAIRN_FAIL(&shown, CAIRN_E_IO, "server.busy", "the database is held by another program; try again later");
    } else if (err->rc == CAIRN_E_IO && strncmp(err->code, "server.", 7) != 0) {
        (void)CAIRN_FAIL(&shown, CAIRN_E_IO, "server.failed", "the server could not do it; try again later");
    }
    if (err->rc == CAIRN_E_IO && shown.retry_after_s == 0) {
        shown.retry_after_s = 30;
    }
    cairn_call_refuse(work->call, status_of(err), &shown, work->extra);
}

static void answer(struct cairn_work *work)
{
    const struct cairn_reply reply = {.status = work->status,
                                      .type = work->reply.len > 0 ? work->type : NULL,
                                      .body = cairn_buf_span(&work->reply),
                                      .retry_after_s = work->retry_after_s,
                                      .field = work->field,
                                      .value = work->value};
    cairn_call_reply(work->call, &reply);
}

static void step(struct cairn_work *work, cairn_handler *handler);

/* The work ends with its call; nothing may touch it afterwards. */
static void written(struct cairn_post *post)
{
    struct cairn_work *work = (struct cairn_work *)(void *)((char *)post - offsetof(struct cairn_work, post));
    cairn_handler *then = work->then;
    if (work->job.rc != CAIRN_OK) {
        refuse(work, &work->job.err);
    } else if (then != NULL) {
        work->then = NULL;
        step(work, then);
    } else {
        answer(work);
    }
}

/* What the workers' caches hold of what is written holds no more (server/members.h). A report looks first whether its own
 * standing is current, so it counts itself. */
static CAIRN_RC job_run(struct cairn_store *store, struct cairn_job *self, struct cairn_err *err)
{
    struct cairn_work *work = (struct cairn_work *)self;
    if (!work->begun && !work->of_one_device) {
        (void)atomic_fetch_add(&work->judge->service->versions.begun, 1);
    }
    work->begun = true; /* once, however often the writer tries */
    return work->write(store, work, err);
}

static void job_done(struct cairn_job *self)
{
    struct cairn_work *work = (struct cairn_work *)self;
    if (work->begun && !work->of_one_device) {
        (void)atomic_fetch_add(&work->judge->service->versions.changes, 1);
    }
    work->begun = false;
    work->post.run = written;
    cairn_worker_post(work->judge->worker, &work->post);
}

static void step(struct cairn_work *work, cairn_handler *handler)
{
    struct cairn_err err = {0};
    work->write = NULL;
    if (handler(work, &err) != CAIRN_OK) {
        refuse(work, &err);
    } else if (work->write != NULL) {
        work->job = (struct cairn_job){.run = job_run, .done = job_done};
        cairn_store_writer_submit(work->judge->service->writer, &work->job);
    } else {
        answer(work);
    }
}

/* Routes. */

static bool hex_segment(struct cairn_span path, size_t at, uint8_t id[32])
{
    char text[65] = "";
    if (path.len - at < 64) {
        return false;
    }
    (void)snprintf(text, sizeof text, "%.64s", (const char *)path.p + at);
    return cairn_hex_decode(text, id, 32);
}

/* One '*' in the pattern is 64 hex digits. */
static bool path_matches(const char *pattern, struct cairn_span path, uint8_t id[32])
{
    size_t at = 0;
    for (; *pattern != '\0'; pattern++) {
        if (*pattern == '*') {
            if (at > path.len || !hex_segment(path, at, id)) {
                return false;
            }
            at += 64;
        } else if (at >= path.len || path.p[at++] != (uint8_t)*pattern) {
            return false;
        }
    }
    return at == path.len;
}

/* GET answers HEAD, too. */
static bool method_matches(enum cairn_http_method route, enum cairn_http_method method)
{
    return route == method || (route == CAIRN_HTTP_GET && method == CAIRN_HTTP_HEAD_);
}

static CAIRN_RC find_route(const struct cairn_http_head *head, struct cairn_work *work, struct cairn_err *err)
{
    bool path = false;
    for (const struct cairn_route *r = cairn_routes; r->path != NULL; r++) {
        if (path_matches(r->path, head->path, work->id)) {
            path = true;
            if (method_matches(r->method, head->method)) {
                work->route = r;
                return CAIRN_OK;
            }
        }
    }
    return path ? CAIRN_FAIL(err, CAIRN_E_USAGE, "http.method", "this path has no such method")
                : CAIRN_FAIL(err, CAIRN_E_REFUSED, "http.path", "there is nothing at this path");
}

static CAIRN_RC check_type(const struct cairn_http_head *head, const struct cairn_route *route, struct cairn_err *err)
{
    struct cairn_span type = {NULL, 0};
    if (route->type == NULL) {
        return CAIRN_OK;
    }
    if (!cairn_http_field(head, "Content-Type", &type) || !cairn_span_equal(type, cairn_span_str(route->type))) {
        return CAIRN_FAIL(err, CAIRN_E_FORMAT, "http.type", "the body here is %s", route->type);
    }
    return CAIRN_OK;
}

/* Strangers get little; an upload token, made after a signature was verified, allows what the server asked for. */
static CAIRN_RC body_limit(const struct cairn_http_head *head, const struct cairn_work *work, size_t *out,
                           struct cairn_err *err)
{
    struct cairn_span token = {NULL, 0};
    uint64_t max_len = 0;
    *out = work->route->type == NULL ? 0 : work->route->max_body;
    if (!cairn_http_field(head, "Cairn-Upload-Token", &token)) {
        return CAIRN_OK;
    }
    CAIRN_TRY(cairn_upload_token_check(work->judge->service->nonce_key, token, work->now_s, &max_len, err));
    *out = *out > max_len ? *out : (size_t)max_len;
    return CAIRN_OK;
}

/* Who asks, and may he: before the first byte of the body, and before anything is looked up. */
static CAIRN_RC admit_work(struct cairn_work *work, size_t *limit, struct cairn_err *err)
{
    const struct cairn_http_head *head = cairn_call_head(work->call);
    struct cairn_span authorization = {NULL, 0};
    CAIRN_TRY(cairn_rate_take(work->judge->rate, cairn_call_peer(work->call), cairn_service_now_ms(), err));
    CAIRN_TRY(find_route(head, work, err));
    if (work->route->right != CAIRN_RIGHT_NONE) {
        (void)cairn_http_field(head, "Authorization", &authorization);
        const struct cairn_principal *who =
            cairn_access_find(&work->judge->access, authorization, cairn_call_client_certificate(work->call));
        CAIRN_TRY(cairn_access_allow(who, work->route->right, err));
        work->who = *who;
    }
    CAIRN_TRY(check_type(head, work->route, err));
    return body_limit(head, work, limit, err);
}

static void admit(void *worker, struct cairn_call *call)
{
    struct cairn_err err = {0};
    size_t limit = 0;
    struct cairn_work *work = calloc(1, sizeof *work);
    if (work == NULL) {
        (void)CAIRN_FAIL(&err, CAIRN_E_BUSY, "server.busy", "no memory for a request: try again");
        cairn_call_refuse(call, 503, &err, NULL);
        return;
    }
    work->call = call;
    work->judge = worker;
    work->status = 200;
    work->now_s = cairn_service_now_s();
    cairn_call_set_data(call, work, work_free);
    if (admit_work(work, &limit, &err) != CAIRN_OK) {
        cairn_call_refuse(call, status_of(&err), &err, NULL);
    } else if (limit > 0) {
        cairn_call_allow_body(call, limit);
    }
}

static void handle(void *worker, struct cairn_call *call)
{
    struct cairn_work *work = cairn_call_data(call);
    (void)worker;
    work->now_s = cairn_service_now_s();
    step(work, work->route->handle);
}

const struct cairn_http_app cairn_app = {
    .worker_new = cairn_judge_new, .worker_free = cairn_judge_free, .admit = admit, .handle = handle};
