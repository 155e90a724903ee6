/* server/http.h -- HTTP/1.1 over TLS 1.3 on libevent: connections, limits, time-outs; and one request in flight, a call.
 *
 * One listener, N worker threads with an event loop each. A call belongs to one worker: everything here is called from that
 * worker's thread unless it says otherwise. The application decides about a request twice: `admit` when the head is there and
 * before a byte of the body is read; `handle` when the body is complete. It answers at once (cairn_call_reply) or keeps the
 * call and answers later from the same thread (cairn_worker_post brings it back there). A client that has gone meanwhile is
 * nobody's concern: the call stays valid until it is answered.
 *
 * Trust boundary: the network. Source: RFC 9110, RFC 9112; docs/protocol.md "Rules for all calls".
 */
#ifndef CAIRN_SERVER_HTTP_H
#define CAIRN_SERVER_HTTP_H

#include <jansson.h>

#include "core/log.h"
#include "server/http_head.h"

struct cairn_http;   /* the listener and its workers */
struct cairn_worker; /* one thread, one event loop */
struct cairn_call;   /* one request */

struct cairn_http_limits {
    unsigned max_connections;           /* all workers; more are accepted and closed at once */
    unsigned max_connections_per_peer;  /* address (IPv6: /64); loopback is not counted */
    unsigned handshake_ms, head_ms;     /* TLS handshake; from its first byte to the end of a head */
    unsigned body_ms, body_bytes_per_s; /* a body has body_ms + length / body_bytes_per_s in all */
    unsigned idle_ms, write_ms;         /* kept alive without a request; a reply that is not taken */
    size_t max_buffered_bytes;          /* bodies of all connections together: above it 503 server.busy */
};
struct cairn_http_limits cairn_http_limits_default(void);

struct cairn_http_app {
    void *ctx;
    /* worker_new gives what `admit` and `handle` get as `worker`: caches, database connection. Called in the worker's thread.
     */
    CAIRN_RC (*worker_new)(void *ctx, struct cairn_worker *self, void **worker, struct cairn_err *err);
    void (*worker_free)(void *worker);
    /* admit refuses (cairn_call_refuse) or sets the body's limit (cairn_call_allow_body); doing neither allows no body. It may
     * answer at once, but not keep the call: that is for handle. A HEAD request comes as GET; its reply goes without body. */
    void (*admit)(void *worker, struct cairn_call *call);
    void (*handle)(void *worker, struct cairn_call *call);
};
struct cairn_http_config {
    const char *listen;            /* "[::]:8443" (IPv4 too), "127.0.0.1:0"; "systemd": the one socket it passed */
    const char *certificate, *key; /* PEM files; key mode 0600: CAIRN_E_REFUSED "file.mode" */
    const char *client_ca;         /* PEM; NULL: client certificates are not asked for */
    unsigned workers;
    struct cairn_http_limits limits;
    const struct cairn_log *log;
};
/* cairn_http_start binds, starts the workers and returns. CAIRN_E_IO "http.listen", "http.certificate", "http.libevent" (the
 * library loaded is of an older line than the one the build demanded: cmake/dependencies.cmake); CAIRN_E_USAGE "http.listen"
 * (no address), "http.workers" (none, or above 256); worker_new's error. Blocks no signal: what its threads shall not take is
 * blocked before. Ignores SIGPIPE for the process. Copies what `config` points to, except `log`. */
CAIRN_RC cairn_http_start(const struct cairn_http_config *config, const struct cairn_http_app *app, struct cairn_http **out,
                          struct cairn_err *err);
uint16_t cairn_http_port(const struct cairn_http *http);
/* cairn_http_reload_tls reads certificate and key again for new connections; on failure the old ones stay. Any thread. */
CAIRN_RC cairn_http_reload_tls(struct cairn_http *http, struct cairn_err *err);
/* cairn_http_drain: no new connections, "Connection: close" on every reply, idle ones closed; waits at most `wait_ms` for calls
 * in flight. Then cairn_http_free ends everything: whoever else posts to its workers must have stopped before, since a call
 * that was never answered is freed with its data. Any one thread that is no worker. */
void cairn_http_drain(struct cairn_http *http, unsigned wait_ms);
void cairn_http_free(struct cairn_http *http);

/* Counters, monotonic but for `connections`; any thread. */
struct cairn_http_stats {
    uint64_t connections, accepted, refused_connections, handshakes_failed, requests, timeouts, malformed, bytes_in, bytes_out;
    uint64_t status[6]; /* by class: status[2] counts 2xx */
};
void cairn_http_stats(const struct cairn_http *http, struct cairn_http_stats *out);

/* struct cairn_post is brought to a worker's thread by cairn_worker_post (any thread; never fails; `run` is called once, in the
 * order of posting). Embedded by the caller, who owns the memory. Posts to a worker that ends are run before it does. */
struct cairn_post {
    void (*run)(struct cairn_post *self);
    struct cairn_post *next;
};
void cairn_worker_post(struct cairn_worker *worker, struct cairn_post *post);

/* A call. `head` and `body` are borrowed until it is answered. */
const struct cairn_http_head *cairn_call_head(const struct cairn_call *call);
struct cairn_span cairn_call_body(const struct cairn_call *call);
struct cairn_worker *cairn_call_worker(const struct cairn_call *call);
const char *cairn_call_peer(const struct cairn_call *call);                  /* "192.0.2.1", "2001:db8::1" */
const uint8_t *cairn_call_client_certificate(const struct cairn_call *call); /* SHA-256 of the verified one; NULL: none */
/* The application's own data for this call (set in admit, read in handle); freed by `free_fn` after the answer. */
void cairn_call_set_data(struct cairn_call *call, void *data, void (*free_fn)(void *));
void *cairn_call_data(const struct cairn_call *call);

/* In admit. */
void cairn_call_allow_body(struct cairn_call *call, size_t max_len);

struct cairn_reply {
    int status;                /* 200 */
    const char *type;          /* content type; borrowed static text; NULL without a body */
    struct cairn_span body;    /* copied */
    unsigned retry_after_s;    /* 0: no such field */
    const char *field, *value; /* one more field, both copied; NULL: none. Printable ASCII, else it is left out */
};
/* cairn_call_reply answers and ends the call; `call` is invalid afterwards. */
void cairn_call_reply(struct cairn_call *call, const struct cairn_reply *reply);
/* cairn_call_refuse answers with problem+json made of `status` and `problem`'s code and text (escaped). retry_after_s of
 * `problem` becomes Retry-After. In admit the body is not read and the connection is closed after the answer. `extra`: further
 * members of the problem object, borrowed; may be NULL. */
void cairn_call_refuse(struct cairn_call *call, int status, const struct cairn_err *problem, const json_t *extra);

#endif
