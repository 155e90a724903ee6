/* server/http_conn.c -- one connection: handshake, head, body, call, reply, and a deadline over each.
 *
 * A deadline is for the whole of a phase and never moved by a byte that comes: who sends slowly is ended. The timer is armed
 * lazily: it fires at the earliest deadline there was and is armed again for the one that counts, so that most requests touch
 * no timer. Callbacks are deferred by the bufferevent, so nothing here is entered twice; `running` guards replies that an
 * application gives inside admit or handle.
 *
 * Source: RFC 9112 sections 9 and 9.6 (a lingering close).
 */
#include "server/http_internal.h"

#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include <event2/buffer.h>
#include <event2/bufferevent_ssl.h>
#include <openssl/err.h>

enum { LINGER_MS = 1000, LINGER_BYTES = 256 * 1024, AHEAD_BYTES = 32 * 1024 };

static void run(struct cairn_conn *conn);
static void on_arrive(struct cairn_post *post);

static struct cairn_http *http_of(const struct cairn_conn *conn)
{
    return conn->worker->http;
}

struct cairn_conn *cairn_conn_new(struct cairn_worker *worker, int fd, const struct cairn_peer *peer, const char *peer_text)
{
    struct cairn_conn *conn = calloc(1, sizeof(*conn));
    if (conn != NULL) {
        conn->arrive.run = on_arrive;
        conn->worker = worker;
        conn->fd = fd;
        conn->peer = *peer;
        conn->armed_ms = UINT64_MAX;
        conn->deadline_ms = UINT64_MAX;
        cairn_copy(conn->peer_text, peer_text, sizeof(conn->peer_text));
    }
    return conn;
}

static void link_conn(struct cairn_conn *conn)
{
    struct cairn_worker *worker = conn->worker;
    conn->next = worker->conns;
    conn->at = &worker->conns;
    if (conn->next != NULL) {
        conn->next->at = &conn->next;
    }
    worker->conns = conn;
}

static void unlink_conn(struct cairn_conn *conn)
{
    if (conn->at != NULL) {
        *conn->at = conn->next;
    }
    if (conn->next != NULL) {
        conn->next->at = conn->at;
    }
}

/* set_state keeps the count of replies that are still being taken: a drain waits for them. */
static void set_state(struct cairn_conn *conn, enum cairn_conn_state state)
{
    if (conn->state != CAIRN_CONN_REPLY && state == CAIRN_CONN_REPLY) {
        atomic_fetch_add(&http_of(conn)->in_flight, 1);
    } else if (conn->state == CAIRN_CONN_REPLY && state != CAIRN_CONN_REPLY) {
        atomic_fetch_sub(&http_of(conn)->in_flight, 1);
    }
    conn->state = state;
}

/* What the client has asked for and has not got an answer to goes with it, unless the application works on it. */
static void leave_call(struct cairn_conn *conn)
{
    struct cairn_call *call = conn->call;
    if (call == NULL) {
        return;
    }
    call->conn = NULL;
    conn->call = NULL;
    if (conn->state != CAIRN_CONN_CALL) {
        cairn_call_free(call);
    }
}

static void conn_free(struct cairn_conn *conn)
{
    struct cairn_http *http = http_of(conn);
    leave_call(conn);
    set_state(conn, CAIRN_CONN_CLOSED);
    unlink_conn(conn);
    if (conn->timer != NULL) {
        event_free(conn->timer);
    }
    if (conn->bev != NULL) {
        bufferevent_free(conn->bev);
    }
    if (conn->fd >= 0) {
        (void)close(conn->fd);
    }
    ERR_clear_error();
    cairn_peers_leave(http->peers, &conn->peer);
    atomic_fetch_sub(&http->counters.connections, 1);
    free(conn);
}

/* end frees the connection, or has it freed by the run that is under way. */
static void end(struct cairn_conn *conn)
{
    if (!conn->running) {
        conn_free(conn);
        return;
    }
    leave_call(conn);
    set_state(conn, CAIRN_CONN_CLOSED);
}

static void arm(struct cairn_conn *conn, uint64_t now_ms)
{
    uint64_t wait_ms = conn->deadline_ms > now_ms ? conn->deadline_ms - now_ms : 1;
    const struct timeval wait = {.tv_sec = (time_t)(wait_ms / 1000), .tv_usec = (suseconds_t)(wait_ms % 1000 * 1000)};
    conn->armed_ms = conn->deadline_ms;
    (void)evtimer_add(conn->timer, &wait);
}

static void set_deadline(struct cairn_conn *conn, uint64_t in_ms)
{
    uint64_t now_ms = cairn_http_now_ms();
    conn->deadline_ms = now_ms + in_ms;
    if (conn->deadline_ms < conn->armed_ms) {
        arm(conn, now_ms);
    }
}

static void on_timer(evutil_socket_t fd CAIRN_UNUSED, short what CAIRN_UNUSED, void *arg)
{
    struct cairn_conn *conn = arg;
    uint64_t now_ms = cairn_http_now_ms();
    conn->armed_ms = UINT64_MAX;
    if (conn->deadline_ms == UINT64_MAX) {
        return;
    }
    if (conn->deadline_ms > now_ms) {
        arm(conn, now_ms);
        return;
    }
    if (conn->state != CAIRN_CONN_IDLE && conn->state != CAIRN_CONN_LINGER) {
        CAIRN_COUNT(http_of(conn), timeouts, 1);
    }
    end(conn);
}

/* size_ms: what `len` bytes may take at the slowest rate that is put up with. */
static uint64_t size_ms(const struct cairn_http *http, uint64_t len)
{
    return http->limits.body_bytes_per_s == 0 ? 0 : len * 1000 / http->limits.body_bytes_per_s;
}

static void be_idle(struct cairn_conn *conn)
{
    set_state(conn, CAIRN_CONN_IDLE);
    conn->scanned = 0;
    set_deadline(conn, http_of(conn)->limits.idle_ms);
}

static void linger(struct cairn_conn *conn)
{
    SSL *ssl = bufferevent_openssl_get_ssl(conn->bev);
    (void)SSL_shutdown(ssl);
    ERR_clear_error();
    (void)shutdown(bufferevent_getfd(conn->bev), SHUT_WR);
    set_state(conn, CAIRN_CONN_LINGER);
    conn->discarded = 0;
    set_deadline(conn, LINGER_MS);
}

/* reply_taken: the whole reply is with the kernel. */
static void reply_taken(struct cairn_conn *conn)
{
    if (conn->close_after) {
        linger(conn);
    } else {
        be_idle(conn);
    }
}

void cairn_conn_reply(struct cairn_conn *conn, struct cairn_span bytes, bool close)
{
    struct cairn_http *http = http_of(conn);
    conn->close_after = conn->close_after || close;
    if (bytes.len == 0 || bufferevent_write(conn->bev, bytes.p, bytes.len) != 0) {
        end(conn);
        return;
    }
    CAIRN_COUNT(http, bytes_out, bytes.len);
    set_state(conn, CAIRN_CONN_REPLY);
    if (evbuffer_get_length(bufferevent_get_output(conn->bev)) == 0) {
        reply_taken(conn);
    } else {
        set_deadline(conn, http->limits.write_ms + size_ms(http, bytes.len));
    }
    run(conn);
}

/* refuse answers a request that is none, so that there is no call: the connection ends with it. */
static void refuse(struct cairn_conn *conn, int status, const struct cairn_err *problem)
{
    struct cairn_http *http = http_of(conn);
    CAIRN_BUF body = {0};
    CAIRN_BUF bytes = {0};
    CAIRN_COUNT(http, malformed, 1);
    CAIRN_COUNT(http, status[status / 100], 1);
    if (http->log != NULL) {
        const struct cairn_log_field fields[] = {{"peer", conn->peer_text}, {"code", problem->code}};
        cairn_log_event(http->log, CAIRN_LOG_DEBUG, "http.malformed", fields, CAIRN_ARRAY_LEN(fields));
    }
    if (cairn_http_problem(status, problem, NULL, &body, NULL) != CAIRN_OK) {
        end(conn);
        return;
    }
    const struct cairn_reply reply = {.status = status, .type = "application/problem+json", .body = cairn_buf_span(&body)};
    if (cairn_http_write_reply(&reply, true, false, &bytes, NULL) != CAIRN_OK) {
        end(conn);
        return;
    }
    cairn_conn_reply(conn, cairn_buf_span(&bytes), true);
}

/* Source: docs/protocol.md, the table of statuses. */
static int status_of(const struct cairn_err *err)
{
    static const struct {
        const char *code;
        int status;
    } STATUSES[] = {{"http.length", 411}, {"http.transfer", 411}, {"http.head", 431}, {"http.fields", 431}};
    for (size_t i = 0; i < CAIRN_ARRAY_LEN(STATUSES); i++) {
        if (cairn_span_equal(cairn_span_str(err->code), cairn_span_str(STATUSES[i].code))) {
            return STATUSES[i].status;
        }
    }
    return 400;
}

static void handle(struct cairn_conn *conn)
{
    struct cairn_worker *worker = conn->worker;
    set_state(conn, CAIRN_CONN_CALL);
    conn->deadline_ms = UINT64_MAX;
    worker->http->app.handle(worker->app_worker, conn->call);
    ERR_clear_error(); /* what it left in the thread's queue would be taken for this connection's failure */
}

static void refuse_call(struct cairn_call *call, int status, enum cairn_rc rc, const char *code, const char *text)
{
    struct cairn_err err = {0};
    (void)CAIRN_FAIL(&err, rc, code, "%s", text);
    err.retry_after_s = rc == CAIRN_E_BUSY ? 5 : 0;
    cairn_call_refuse(call, status, &err, NULL);
}

static void expect_body(struct cairn_conn *conn)
{
    struct cairn_http *http = http_of(conn);
    struct cairn_call *call = conn->call;
    static const char go_on[] = "HTTP/1.1 100 Continue\r\n\r\n";
    call->body = malloc((size_t)call->head.length);
    if (call->body == NULL) {
        refuse_call(call, 503, CAIRN_E_BUSY, "server.busy", "no memory for the body: try again");
        return;
    }
    set_state(conn, CAIRN_CONN_BODY);
    set_deadline(conn, http->limits.body_ms + size_ms(http, call->head.length));
    if (call->head.expects_continue && evbuffer_get_length(bufferevent_get_input(conn->bev)) == 0) {
        (void)bufferevent_write(conn->bev, go_on, sizeof(go_on) - 1);
    }
}

/* admit asks the application, then decides about the body. A call that it answered is gone: conn->call is NULL. */
static void admit(struct cairn_conn *conn)
{
    struct cairn_worker *worker = conn->worker;
    struct cairn_call *call = conn->call;
    set_state(conn, CAIRN_CONN_CALL);
    worker->http->app.admit(worker->app_worker, call);
    ERR_clear_error();
    if (conn->call != call || conn->state != CAIRN_CONN_CALL) {
        return;
    }
    if (call->head.length > call->max_body) {
        refuse_call(call, 413, CAIRN_E_REFUSED, "http.large", "the body is larger than this request's may be");
    } else if (call->head.length > 0) {
        expect_body(conn);
    } else {
        handle(conn);
    }
}

static void begin_call(struct cairn_conn *conn, size_t head_len)
{
    struct cairn_http *http = http_of(conn);
    struct cairn_call *call = cairn_call_new(conn, head_len);
    struct cairn_err err = {0};
    if (call == NULL) {
        end(conn);
        return;
    }
    CAIRN_COUNT(http, requests, 1);
    CAIRN_COUNT(http, bytes_in, head_len);
    (void)evbuffer_remove(bufferevent_get_input(conn->bev), call->head_bytes, head_len);
    if (cairn_http_head_parse(cairn_span(call->head_bytes, head_len), &call->head, &err) != CAIRN_OK) {
        cairn_call_free(call);
        refuse(conn, status_of(&err), &err);
        return;
    }
    call->head_only = call->head.method == CAIRN_HTTP_HEAD_;
    call->head.method = call->head_only ? CAIRN_HTTP_GET : call->head.method;
    conn->call = call;
    admit(conn);
}

/* read_head: true when the state has changed. */
static bool read_head(struct cairn_conn *conn)
{
    struct evbuffer *input = bufferevent_get_input(conn->bev);
    size_t len = evbuffer_get_length(input);
    len = len < CAIRN_HTTP_HEAD_MAX ? len : CAIRN_HTTP_HEAD_MAX;
    const uint8_t *bytes = len == 0 ? NULL : evbuffer_pullup(input, (ev_ssize_t)len);
    if (bytes == NULL) {
        return false;
    }
    size_t head_len = cairn_http_head_end(cairn_span(bytes, len), conn->scanned);
    if (head_len > 0) {
        begin_call(conn, head_len);
        return true;
    }
    if (len == CAIRN_HTTP_HEAD_MAX) {
        struct cairn_err err = {0};
        (void)CAIRN_FAIL(&err, CAIRN_E_FORMAT, "http.head", "a head of more than %d bytes", CAIRN_HTTP_HEAD_MAX);
        refuse(conn, status_of(&err), &err);
        return true;
    }
    conn->scanned = len;
    if (conn->state == CAIRN_CONN_IDLE) {
        set_state(conn, CAIRN_CONN_HEAD);
        set_deadline(conn, http_of(conn)->limits.head_ms);
    }
    return false;
}

static bool read_body(struct cairn_conn *conn)
{
    struct cairn_http *http = http_of(conn);
    struct cairn_call *call = conn->call;
    struct evbuffer *input = bufferevent_get_input(conn->bev);
    size_t want = (size_t)call->head.length - call->body_len;
    size_t have = evbuffer_get_length(input);
    size_t len = have < want ? have : want;
    if (len == 0) {
        return false;
    }
    if (atomic_fetch_add(&http->buffered, len) + len > http->limits.max_buffered_bytes) {
        atomic_fetch_sub(&http->buffered, len);
        refuse_call(call, 503, CAIRN_E_BUSY, "server.busy", "too many bodies at once: try again");
        return true;
    }
    (void)evbuffer_remove(input, call->body + call->body_len, len);
    call->body_len += len;
    CAIRN_COUNT(http, bytes_in, len);
    if (call->body_len == call->head.length) {
        handle(conn);
        return true;
    }
    return false;
}

static bool throw_away(struct cairn_conn *conn)
{
    struct evbuffer *input = bufferevent_get_input(conn->bev);
    size_t len = evbuffer_get_length(input);
    (void)evbuffer_drain(input, len);
    conn->discarded += len;
    if (conn->discarded > LINGER_BYTES) {
        end(conn);
    }
    return false;
}

static bool step(struct cairn_conn *conn)
{
    switch (conn->state) {
    case CAIRN_CONN_IDLE:
    case CAIRN_CONN_HEAD:
        return read_head(conn);
    case CAIRN_CONN_BODY:
        return read_body(conn);
    case CAIRN_CONN_LINGER:
        return throw_away(conn);
    case CAIRN_CONN_CALL:
    case CAIRN_CONN_REPLY:
        /* requests sent ahead wait their turn; nobody sends that many in good faith */
        if (evbuffer_get_length(bufferevent_get_input(conn->bev)) > AHEAD_BYTES) {
            end(conn);
        }
        return false;
    case CAIRN_CONN_HANDSHAKE:
    case CAIRN_CONN_CLOSED:
        return false;
    }
    return false;
}

static void run(struct cairn_conn *conn)
{
    if (conn->running) {
        return;
    }
    conn->running = true;
    while (step(conn)) {
    }
    conn->running = false;
    if (conn->state == CAIRN_CONN_CLOSED) {
        conn_free(conn);
    }
}

static void on_read(struct bufferevent *bev CAIRN_UNUSED, void *arg)
{
    run(arg);
}

static void on_written(struct bufferevent *bev, void *arg)
{
    struct cairn_conn *conn = arg;
    if (conn->state == CAIRN_CONN_REPLY && evbuffer_get_length(bufferevent_get_output(bev)) == 0) {
        reply_taken(conn);
        run(conn);
    }
}

static void on_event(struct bufferevent *bev, short what, void *arg)
{
    struct cairn_conn *conn = arg;
    if ((what & BEV_EVENT_CONNECTED) != 0) {
        conn->has_certificate = cairn_tls_client_certificate(bufferevent_openssl_get_ssl(bev), conn->certificate);
        be_idle(conn);
        run(conn);
        return;
    }
    if (conn->state == CAIRN_CONN_HANDSHAKE) {
        CAIRN_COUNT(http_of(conn), handshakes_failed, 1);
    }
    end(conn);
}

static SSL *new_ssl(struct cairn_http *http)
{
    (void)pthread_mutex_lock(&http->mutex);
    SSL *ssl = SSL_new(http->tls);
    (void)pthread_mutex_unlock(&http->mutex);
    return ssl;
}

static bool open_bev(struct cairn_conn *conn)
{
    struct event_base *base = conn->worker->loop.base;
    SSL *ssl = new_ssl(http_of(conn));
    conn->timer = evtimer_new(base, on_timer, conn);
    if (ssl == NULL || conn->timer == NULL) {
        SSL_free(ssl);
        return false;
    }
    conn->bev = bufferevent_openssl_socket_new(base, conn->fd, ssl, BUFFEREVENT_SSL_ACCEPTING,
                                               BEV_OPT_CLOSE_ON_FREE | BEV_OPT_DEFER_CALLBACKS);
    conn->fd = -1; /* the bufferevent's now */
    if (conn->bev == NULL) {
        return false;
    }
    bufferevent_openssl_set_allow_dirty_shutdown(conn->bev, 1);
    bufferevent_setcb(conn->bev, on_read, on_written, on_event, conn);
    return bufferevent_enable(conn->bev, EV_READ | EV_WRITE) == 0;
}

static void on_arrive(struct cairn_post *post)
{
    struct cairn_conn *conn = (struct cairn_conn *)(void *)post; /* its first member */
    link_conn(conn);
    if (atomic_load(&http_of(conn)->draining) || !open_bev(conn)) {
        CAIRN_COUNT(http_of(conn), refused_connections, 1);
        conn_free(conn);
        return;
    }
    set_deadline(conn, http_of(conn)->limits.handshake_ms);
}

static bool is_quiet(const struct cairn_conn *conn)
{
    return conn->state == CAIRN_CONN_HANDSHAKE || conn->state == CAIRN_CONN_IDLE || conn->state == CAIRN_CONN_HEAD;
}

void cairn_conn_end_quiet(struct cairn_worker *worker)
{
    for (struct cairn_conn *conn = worker->conns; conn != NULL;) {
        struct cairn_conn *next = conn->next;
        if (is_quiet(conn)) {
            if (conn->state != CAIRN_CONN_HANDSHAKE) {
                (void)SSL_shutdown(bufferevent_openssl_get_ssl(conn->bev));
            }
            conn_free(conn);
        }
        conn = next;
    }
}

void cairn_conn_end_all(struct cairn_worker *worker)
{
    while (worker->conns != NULL) {
        conn_free(worker->conns);
    }
}
