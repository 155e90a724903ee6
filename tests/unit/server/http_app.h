/* tests/unit/server/http_app.h -- a small application behind server/http.h, and a service with short time-outs, for the tests.
 *
 * POST /echo (16 KiB at most), /large (1 MiB at most) answer the body; GET /hello "hello"; GET /refused is refused in admit
 * with 403; /keep is kept until serve_release; /later is answered by another thread's post; /huge answers 8 MiB.
 */
#ifndef CAIRN_TESTS_HTTP_APP_H
#define CAIRN_TESTS_HTTP_APP_H

#include "support/cmocka_all.h"

#include <pthread.h>
#include <stdatomic.h>
#include <time.h>

#include "server/http.h"
#include "support/test_tls.h"

enum { ECHO_MAX = 16384, LARGE_MAX = 1 << 20, HUGE_REPLY = 8 << 20, MAX_KEPT = 64, REPLY_TEXT = 4096 };

struct service {
    struct cairn_test_tls tls;
    struct cairn_http *http;
    SSL_CTX *client;
    uint16_t port;
    struct cairn_http_config config;
    pthread_mutex_t mutex;
    struct cairn_call *kept[MAX_KEPT];
    unsigned num_kept;
    struct cairn_post release;
    _Atomic unsigned admitted, handled, data_freed, workers;
    char client_certificate[65]; /* of the last call, hex; "" without one */
};

struct later {
    struct cairn_post post; /* first */
    struct cairn_call *call;
    pthread_t thread;
};

static inline void answer(struct cairn_call *call, struct cairn_span body)
{
    const struct cairn_reply reply = {.status = 200, .type = "text/plain", .body = body};
    cairn_call_reply(call, &reply);
}

static inline void run_later(struct cairn_post *post)
{
    struct later *later = (struct later *)(void *)post;
    answer(later->call, cairn_span_str("later"));
    (void)pthread_detach(later->thread);
    free(later);
}

static inline void *post_later(void *arg)
{
    struct later *later = arg;
    cairn_worker_post(cairn_call_worker(later->call), &later->post);
    return NULL;
}

static inline void start_later(struct cairn_call *call)
{
    struct later *later = calloc(1, sizeof(*later));
    assert_non_null(later);
    later->post.run = run_later;
    later->call = call;
    assert_int_equal(pthread_create(&later->thread, NULL, post_later, later), 0);
}

static inline void count_freed(void *data)
{
    struct service *s = data;
    s->data_freed++;
}

static inline void app_admit(void *worker, struct cairn_call *call)
{
    struct service *s = worker;
    const struct cairn_http_head *head = cairn_call_head(call);
    const uint8_t *certificate = cairn_call_client_certificate(call);
    s->admitted++;
    cairn_call_set_data(call, s, count_freed);
    (void)pthread_mutex_lock(&s->mutex);
    s->client_certificate[0] = '\0';
    if (certificate != NULL) {
        cairn_hex_encode(cairn_span(certificate, 32), s->client_certificate);
    }
    (void)pthread_mutex_unlock(&s->mutex);
    if (cairn_http_path_is(head, "/refused")) {
        struct cairn_err err = {0};
        (void)CAIRN_FAIL(&err, CAIRN_E_REFUSED, "access.role", "not \"yours\"");
        cairn_call_refuse(call, 403, &err, NULL);
    } else if (cairn_http_path_is(head, "/echo") || cairn_http_path_is(head, "/keep")) {
        cairn_call_allow_body(call, ECHO_MAX);
    } else if (cairn_http_path_is(head, "/large")) {
        cairn_call_allow_body(call, LARGE_MAX);
    }
}

static inline void keep(struct service *s, struct cairn_call *call)
{
    (void)pthread_mutex_lock(&s->mutex);
    assert_true(s->num_kept < MAX_KEPT);
    s->kept[s->num_kept] = call;
    s->num_kept++;
    (void)pthread_mutex_unlock(&s->mutex);
}

static inline void answer_huge(struct cairn_call *call)
{
    CAIRN_BUF body = {0};
    assert_int_equal(cairn_buf_resize(&body, HUGE_REPLY, NULL), CAIRN_OK);
    answer(call, cairn_buf_span(&body));
}

static inline void app_handle(void *worker, struct cairn_call *call)
{
    struct service *s = worker;
    const struct cairn_http_head *head = cairn_call_head(call);
    s->handled++;
    assert_ptr_equal(cairn_call_data(call), s);
    if (cairn_http_path_is(head, "/hello")) {
        answer(call, cairn_span_str("hello"));
    } else if (cairn_http_path_is(head, "/keep")) {
        keep(s, call);
    } else if (cairn_http_path_is(head, "/later")) {
        start_later(call);
    } else if (cairn_http_path_is(head, "/huge")) {
        answer_huge(call);
    } else {
        answer(call, cairn_call_body(call));
    }
}

static inline enum cairn_rc app_worker_new(void *ctx, struct cairn_worker *self CAIRN_UNUSED, void **worker,
                                           struct cairn_err *err CAIRN_UNUSED)
{
    struct service *s = ctx;
    s->workers++;
    *worker = s;
    return CAIRN_OK;
}

static inline void app_worker_free(void *worker)
{
    struct service *s = worker;
    s->workers--;
}

static inline unsigned num_kept(struct service *s)
{
    (void)pthread_mutex_lock(&s->mutex);
    unsigned num = s->num_kept;
    (void)pthread_mutex_unlock(&s->mutex);
    return num;
}

static inline void run_release(struct cairn_post *post)
{
    struct service *s = (struct service *)(void *)((char *)post - offsetof(struct service, release));
    (void)pthread_mutex_lock(&s->mutex);
    unsigned num = s->num_kept;
    s->num_kept = 0;
    (void)pthread_mutex_unlock(&s->mutex);
    for (unsigned i = 0; i < num; i++) {
        answer(s->kept[i], cairn_span_str("kept"));
    }
}

/* serve_release answers all kept calls; for a service of one worker. */
static inline void serve_release(struct service *s)
{
    (void)pthread_mutex_lock(&s->mutex);
    struct cairn_worker *worker = s->num_kept == 0 ? NULL : cairn_call_worker(s->kept[0]);
    (void)pthread_mutex_unlock(&s->mutex);
    s->release.run = run_release;
    assert_non_null(worker);
    cairn_worker_post(worker, &s->release);
}

/* serve_prepare gives a configuration with short time-outs; a test changes it and calls serve_start. */
static inline void serve_prepare(struct service *s)
{
    *s = (struct service){0};
    cairn_test_tls_make(&s->tls);
    (void)pthread_mutex_init(&s->mutex, NULL);
    s->config = (struct cairn_http_config){.listen = "127.0.0.1:0",
                                           .certificate = s->tls.certificate,
                                           .key = s->tls.key,
                                           .workers = 1,
                                           .limits = cairn_http_limits_default()};
    s->client = cairn_test_client_ctx(NULL, NULL);
}

static inline void serve_start(struct service *s)
{
    const struct cairn_http_app app = {s, app_worker_new, app_worker_free, app_admit, app_handle};
    struct cairn_err err = {0};
    if (cairn_http_start(&s->config, &app, &s->http, &err) != CAIRN_OK) {
        fail_msg("%s: %s", err.code, err.text);
    }
    s->port = cairn_http_port(s->http);
    assert_true(s->port != 0);
}

static inline void serve_stop(struct service *s)
{
    cairn_http_free(s->http);
    assert_int_equal(s->workers, 0);
    SSL_CTX_free(s->client);
    cairn_test_tls_clear(&s->tls);
    (void)pthread_mutex_destroy(&s->mutex);
}

static inline struct cairn_http_stats stats_of(const struct service *s)
{
    struct cairn_http_stats stats;
    cairn_http_stats(s->http, &stats);
    return stats;
}

static inline struct cairn_test_client open_client(struct service *s)
{
    struct cairn_test_client client;
    assert_true(cairn_test_connect(s->client, s->port, &client));
    return client;
}

/* ask sends `text` on a fresh connection and gives the status of the reply; 0: the connection ended without one. */
static inline int ask(struct service *s, const char *text, char *reply, size_t cap)
{
    struct cairn_test_client client = open_client(s);
    int status = cairn_test_send(&client, text) ? cairn_test_reply(&client, reply, cap) : 0;
    cairn_test_client_clear(&client);
    return status;
}

#define WAIT_UNTIL(condition)                                                                                                  \
    do {                                                                                                                       \
        for (int wait_ = 0; wait_ < 2000 && !(condition); wait_++) {                                                           \
            const struct timespec step_ = {.tv_nsec = 5000000};                                                                \
            (void)nanosleep(&step_, NULL);                                                                                     \
        }                                                                                                                      \
        assert_true(condition);                                                                                                \
    } while (0)

#endif
