/* server/http_internal.h -- what the files of the HTTP service share: listener, worker, connection, call. Not for others.
 *
 * Threads: the acceptor (listener) and N workers, each with an event base that only its own thread touches. What crosses
 * threads is `struct cairn_post` lists (a mutex each), atomic counters, the TLS context and the table of peers (a mutex each).
 */
#ifndef CAIRN_SERVER_HTTP_INTERNAL_H
#define CAIRN_SERVER_HTTP_INTERNAL_H

#include <netinet/in.h>
#include <pthread.h>
#include <stdatomic.h>

#include <event2/bufferevent.h>
#include <event2/event.h>
#include <event2/util.h>

#include "server/http.h"
#include "server/http_peers.h"
#include "server/tls.h"

enum { CAIRN_HTTP_PEER_TEXT = INET6_ADDRSTRLEN };

/* struct cairn_loop is one thread's event loop with a door for posts from other threads. */
struct cairn_loop {
    struct event_base *base;
    struct event *wake; /* on wake_fd, an eventfd */
    int wake_fd;
    pthread_mutex_t mutex; /* first, last */
    struct cairn_post *first, *last;
    bool made;
};
CAIRN_RC cairn_loop_init(struct cairn_loop *loop, struct cairn_err *err);
void cairn_loop_clear(struct cairn_loop *loop);
void cairn_loop_post(struct cairn_loop *loop, struct cairn_post *post);
void cairn_loop_run_posts(struct cairn_loop *loop); /* in the loop's thread: everything posted so far, and what that posts */

struct cairn_http_counters {
    _Atomic uint64_t connections, accepted, refused_connections, handshakes_failed, requests, timeouts, malformed, bytes_in,
        bytes_out, status[6];
};

struct cairn_conn;
struct cairn_worker {
    struct cairn_loop loop;
    struct cairn_http *http;
    void *app_worker; /* what app.worker_new gave */
    struct cairn_conn *conns;
    struct cairn_call *calls; /* not yet answered */
    struct cairn_post drain, stop;
    pthread_t thread;
    bool has_thread;
    /* How the start went: told through http->mutex and http->changed. */
    bool started;
    enum cairn_rc rc;
    struct cairn_err err;
};
struct cairn_acceptor {
    struct cairn_loop loop;
    struct cairn_http *http;
    int fd;
    struct event *ready, *pause; /* a connection waits; accept failed, try again later */
    struct cairn_post drain, stop;
    pthread_t thread;
    bool has_thread;
    unsigned next_worker;
};

struct cairn_http {
    struct cairn_http_app app;
    struct cairn_http_limits limits;
    const struct cairn_log *log;
    char *certificate, *key, *client_ca;
    uint16_t port;
    struct cairn_acceptor acceptor;
    struct cairn_worker *workers;
    unsigned num_workers;
    struct cairn_http_counters counters;
    struct cairn_peers *peers;
    _Atomic size_t buffered;
    _Atomic uint64_t in_flight; /* calls not answered, replies not taken */
    _Atomic bool draining;
    pthread_mutex_t mutex; /* tls, workers' start */
    pthread_cond_t changed;
    SSL_CTX *tls;
};

enum cairn_conn_state {
    CAIRN_CONN_HANDSHAKE,
    CAIRN_CONN_IDLE,   /* between requests */
    CAIRN_CONN_HEAD,   /* a head has begun */
    CAIRN_CONN_BODY,   /* admitted, its body is coming */
    CAIRN_CONN_CALL,   /* with the application */
    CAIRN_CONN_REPLY,  /* the reply is being taken */
    CAIRN_CONN_LINGER, /* all is said; what still comes is thrown away, so that no reset overtakes the reply */
    CAIRN_CONN_CLOSED, /* to be freed by whoever runs it */
};
struct cairn_conn {
    struct cairn_post arrive; /* first: brings it from the acceptor to its worker */
    struct cairn_worker *worker;
    struct bufferevent *bev;
    int fd; /* until `bev` owns it, then -1 */
    struct event *timer;
    uint64_t deadline_ms, armed_ms; /* monotonic; UINT64_MAX: none */
    enum cairn_conn_state state;
    bool running, close_after, has_certificate, counted;
    size_t scanned, discarded;
    struct cairn_call *call;
    struct cairn_conn *next, **at;
    struct cairn_peer peer;
    char peer_text[CAIRN_HTTP_PEER_TEXT];
    uint8_t certificate[32];
};
struct cairn_call {
    struct cairn_worker *worker;
    struct cairn_conn *conn; /* NULL: the client has gone */
    struct cairn_http_head head;
    uint8_t *head_bytes;
    size_t head_len;
    uint8_t *body;
    size_t body_len, max_body;
    bool head_only, has_certificate;
    void *data;
    void (*free_data)(void *);
    struct cairn_call *next, **at;
    char peer_text[CAIRN_HTTP_PEER_TEXT];
    uint8_t certificate[32];
};

/* http_conn.c. cairn_conn_new is called by the acceptor and takes `fd`; the rest in the worker's thread. */
struct cairn_conn *cairn_conn_new(struct cairn_worker *worker, int fd, const struct cairn_peer *peer, const char *peer_text);
void cairn_conn_end_quiet(struct cairn_worker *worker);
void cairn_conn_end_all(struct cairn_worker *worker);
/* cairn_conn_reply sends `bytes`, the reply to the current request, and goes on with the connection. */
void cairn_conn_reply(struct cairn_conn *conn, struct cairn_span bytes, bool close);

/* http_call.c */
struct cairn_call *cairn_call_new(struct cairn_conn *conn, size_t head_len);
void cairn_call_free(struct cairn_call *call);
/* cairn_http_write_reply appends the whole reply to `out`; cairn_http_problem the body of a refusal. */
CAIRN_RC cairn_http_write_reply(const struct cairn_reply *reply, bool close, bool head_only, struct cairn_buf *out,
                                struct cairn_err *err);
CAIRN_RC cairn_http_problem(int status, const struct cairn_err *problem, const json_t *extra, struct cairn_buf *out,
                            struct cairn_err *err);

/* http_listener.c */
CAIRN_RC cairn_acceptor_start(struct cairn_acceptor *acceptor, const char *listen, struct cairn_err *err);
void cairn_acceptor_stop(struct cairn_acceptor *acceptor);

/* http_worker.c */
CAIRN_RC cairn_worker_start(struct cairn_worker *worker, struct cairn_err *err);
void cairn_worker_stop(struct cairn_worker *worker);

uint64_t cairn_http_now_ms(void);
#define CAIRN_COUNT(http, what, n) atomic_fetch_add_explicit(&(http)->counters.what, (n), memory_order_relaxed)

#endif
