/* server/http_call.c -- one request in flight, and the bytes of its reply. */
#include "server/http_internal.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/json.h"
#include "core/secret.h"

struct cairn_call *cairn_call_new(struct cairn_conn *conn, size_t head_len)
{
    struct cairn_worker *worker = conn->worker;
    struct cairn_call *call = calloc(1, sizeof(*call));
    uint8_t *head_bytes = malloc(head_len);
    if (call == NULL || head_bytes == NULL) {
        free(call);
        free(head_bytes);
        return NULL;
    }
    call->worker = worker;
    call->conn = conn;
    call->head_bytes = head_bytes;
    call->head_len = head_len;
    call->has_certificate = conn->has_certificate;
    cairn_copy(call->certificate, conn->certificate, sizeof(call->certificate));
    cairn_copy(call->peer_text, conn->peer_text, sizeof(call->peer_text));
    call->next = worker->calls;
    call->at = &worker->calls;
    if (call->next != NULL) {
        call->next->at = &call->next;
    }
    worker->calls = call;
    atomic_fetch_add(&worker->http->in_flight, 1);
    return call;
}

void cairn_call_free(struct cairn_call *call)
{
    *call->at = call->next;
    if (call->next != NULL) {
        call->next->at = call->at;
    }
    if (call->free_data != NULL) {
        call->free_data(call->data);
    }
    struct cairn_http *http = call->worker->http;
    atomic_fetch_sub(&http->buffered, call->body_len);
    cairn_wipe(call->head_bytes, call->head_len); /* it may hold a bearer token */
    free(call->head_bytes);
    free(call->body);
    free(call);
    atomic_fetch_sub(&http->in_flight, 1);
}

const struct cairn_http_head *cairn_call_head(const struct cairn_call *call)
{
    return &call->head;
}

struct cairn_span cairn_call_body(const struct cairn_call *call)
{
    return cairn_span(call->body, call->body_len);
}

struct cairn_worker *cairn_call_worker(const struct cairn_call *call)
{
    return call->worker;
}

const char *cairn_call_peer(const struct cairn_call *call)
{
    return call->peer_text;
}

const uint8_t *cairn_call_client_certificate(const struct cairn_call *call)
{
    return call->has_certificate ? call->certificate : NULL;
}

void cairn_call_set_data(struct cairn_call *call, void *data, void (*free_fn)(void *))
{
    call->data = data;
    call->free_data = free_fn;
}

void *cairn_call_data(const struct cairn_call *call)
{
    return call->data;
}

void cairn_call_allow_body(struct cairn_call *call, size_t max_len)
{
    call->max_body = max_len;
}

static const char *reason_of(int status)
{
    static const struct {
        int status;
        const char *reason;
    } REASONS[] = {{200, "OK"},
                   {202, "Accepted"},
                   {400, "Bad Request"},
                   {401, "Unauthorized"},
                   {403, "Forbidden"},
                   {404, "Not Found"},
                   {409, "Conflict"},
                   {411, "Length Required"},
                   {413, "Content Too Large"},
                   {415, "Unsupported Media Type"},
                   {429, "Too Many Requests"},
                   {431, "Request Header Fields Too Large"},
                   {500, "Internal Server Error"},
                   {503, "Service Unavailable"}};
    for (size_t i = 0; i < CAIRN_ARRAY_LEN(REASONS); i++) {
        if (REASONS[i].status == status) {
            return REASONS[i].reason;
        }
    }
    return "Other";
}

static bool is_plain(const char *text)
{
    for (; *text != '\0'; text++) {
        if (*text < ' ' || *text > '~') {
            return false;
        }
    }
    return true;
}

static void write_text(struct cairn_writer *w, const char *text)
{
    cairn_write_bytes(w, cairn_span_str(text));
}

static void write_field(struct cairn_writer *w, const char *name, const char *value)
{
    write_text(w, name);
    write_text(w, ": ");
    write_text(w, value);
    write_text(w, "\r\n");
}

static void write_number(struct cairn_writer *w, const char *name, uint64_t value)
{
    char text[24];
    (void)snprintf(text, sizeof(text), "%" PRIu64, value);
    write_field(w, name, text);
}

static void write_head(struct cairn_writer *w, const struct cairn_reply *reply, bool close)
{
    char status[32];
    (void)snprintf(status, sizeof(status), "HTTP/1.1 %d ", reply->status);
    write_text(w, status);
    write_text(w, reason_of(reply->status));
    write_text(w, "\r\n");
    write_number(w, "Content-Length", reply->body.len);
    if (reply->type != NULL) {
        write_field(w, "Content-Type", reply->type);
    }
    write_field(w, "Cache-Control", "no-store");
    if (reply->retry_after_s > 0) {
        write_number(w, "Retry-After", reply->retry_after_s);
    }
    if (reply->field != NULL && reply->value != NULL && is_plain(reply->field) && is_plain(reply->value)) {
        write_field(w, reply->field, reply->value);
    }
    if (close) {
        write_field(w, "Connection", "close");
    }
    write_text(w, "\r\n");
}

enum cairn_rc cairn_http_write_reply(const struct cairn_reply *reply, bool close, bool head_only, struct cairn_buf *out,
                                     struct cairn_err *err)
{
    uint8_t head[4096];
    struct cairn_writer w = cairn_writer(head, sizeof(head));
    write_head(&w, reply, close);
    if (!cairn_writer_ok(&w)) {
        return CAIRN_FAIL(err, CAIRN_E_USAGE, "server.reply", "a reply's head has more than %zu bytes", sizeof(head));
    }
    CAIRN_TRY(cairn_buf_append(out, cairn_writer_span(&w), err));
    return head_only ? CAIRN_OK : cairn_buf_append(out, reply->body, err);
}

static enum cairn_rc make_problem(int status, const struct cairn_err *problem, const json_t *extra, json_t **out,
                                  struct cairn_err *err)
{
    CAIRN_JSON *json = extra == NULL ? json_object() : json_copy((json_t *)(uintptr_t)extra);
    CAIRN_TRY(cairn_json_set_string(json, "code", problem->code, err));
    CAIRN_TRY(cairn_json_set_string(json, "detail", problem->text, err));
    CAIRN_TRY(cairn_json_set_uint(json, "status", (uint64_t)status, err));
    *out = json;
    json = NULL;
    return CAIRN_OK;
}

enum cairn_rc cairn_http_problem(int status, const struct cairn_err *problem, const json_t *extra, struct cairn_buf *out,
                                 struct cairn_err *err)
{
    CAIRN_JSON *json = NULL;
    CAIRN_TRY(make_problem(status, problem, extra, &json, err));
    CAIRN_TRY(cairn_json_write(json, out, err));
    return cairn_buf_append(out, cairn_span_str("\n"), err);
}

void cairn_call_reply(struct cairn_call *call, const struct cairn_reply *reply)
{
    struct cairn_conn *conn = call->conn;
    struct cairn_http *http = call->worker->http;
    CAIRN_BUF bytes = {0};
    if (reply->status >= 100 && reply->status < 600) {
        CAIRN_COUNT(http, status[reply->status / 100], 1);
    }
    if (conn != NULL) {
        /* a body that is not read leaves the connection in the middle of a request */
        bool close = call->head.close || call->body_len < call->head.length || atomic_load(&http->draining);
        if (cairn_http_write_reply(reply, close, call->head_only, &bytes, NULL) != CAIRN_OK) {
            cairn_buf_clear(&bytes); /* no memory for the reply: a client that gets none asks again */
        }
        call->conn = NULL;
        conn->call = NULL;
        cairn_conn_reply(conn, cairn_buf_span(&bytes), close);
    }
    cairn_call_free(call); /* last: a drain that sees no call sees the reply */
}

void cairn_call_refuse(struct cairn_call *call, int status, const struct cairn_err *problem, const json_t *extra)
{
    CAIRN_BUF body = {0};
    if (cairn_http_problem(status, problem, extra, &body, NULL) != CAIRN_OK) {
        cairn_buf_clear(&body); /* without memory: the status alone */
    }
    const struct cairn_reply reply = {.status = status,
                                      .type = body.len > 0 ? "application/problem+json" : NULL,
                                      .body = cairn_buf_span(&body),
                                      .retry_after_s = problem->retry_after_s};
    cairn_call_reply(call, &reply);
}
