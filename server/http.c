/* server/http.c -- see server/http.h: start, counters, reload, drain, end. */
#include "server/http_internal.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { LIBEVENT_MIN = 0x02010c00, WORKERS_MAX = 256, DRAIN_STEP_NS = 2000000 };

struct cairn_http_limits cairn_http_limits_default(void)
{
    return (struct cairn_http_limits){.max_connections = 16384,
                                      .max_connections_per_peer = 256,
                                      .handshake_ms = 10000,
                                      .head_ms = 10000,
                                      .body_ms = 10000,
                                      .body_bytes_per_s = 4096,
                                      .idle_ms = 120000,
                                      .write_ms = 20000,
                                      .max_buffered_bytes = (size_t)256 << 20};
}

/* The package's version is demanded where the build is configured (cmake/dependencies.cmake); here, that the library loaded at
 * run time is no older line than the one built against. */
static enum cairn_rc check_libevent(struct cairn_err *err)
{
    if (event_get_version_number() < LIBEVENT_MIN) {
        return CAIRN_FAIL(err, CAIRN_E_IO, "http.libevent",
                          "libevent %s is too old: install the distribution's security update", event_get_version());
    }
    return CAIRN_OK;
}

static char *copy_text(const char *text)
{
    return text == NULL ? NULL : strdup(text);
}

static enum cairn_rc make(const struct cairn_http_config *config, const struct cairn_http_app *app, struct cairn_http **out,
                          struct cairn_err *err)
{
    struct cairn_http *http = calloc(1, sizeof(*http));
    if (http == NULL) {
        return CAIRN_FAIL(err, CAIRN_E_IO, "memory", "no memory for the HTTP service");
    }
    (void)pthread_mutex_init(&http->mutex, NULL);
    (void)pthread_cond_init(&http->changed, NULL);
    http->app = *app;
    http->limits = config->limits;
    http->log = config->log;
    http->certificate = copy_text(config->certificate);
    http->key = copy_text(config->key);
    http->client_ca = copy_text(config->client_ca);
    http->acceptor = (struct cairn_acceptor){.http = http, .fd = -1};
    http->workers = calloc(config->workers, sizeof(*http->workers));
    *out = http;
    if (http->certificate == NULL || http->key == NULL || http->workers == NULL) {
        return CAIRN_FAIL(err, CAIRN_E_IO, "memory", "no memory for the HTTP service");
    }
    return cairn_peers_new(config->limits.max_connections, &http->peers, err);
}

static enum cairn_rc start(struct cairn_http *http, const struct cairn_http_config *config, struct cairn_err *err)
{
    CAIRN_TRY(cairn_tls_new(http->certificate, http->key, http->client_ca, &http->tls, err));
    for (unsigned i = 0; i < config->workers; i++) {
        http->workers[i].http = http;
        http->num_workers = i + 1;
        CAIRN_TRY(cairn_worker_start(&http->workers[i], err));
    }
    return cairn_acceptor_start(&http->acceptor, config->listen, err);
}

enum cairn_rc cairn_http_start(const struct cairn_http_config *config, const struct cairn_http_app *app,
                               struct cairn_http **out, struct cairn_err *err)
{
    if (config->workers == 0 || config->workers > WORKERS_MAX) {
        return CAIRN_FAIL(err, CAIRN_E_USAGE, "http.workers", "the number of workers is 1 to %d", WORKERS_MAX);
    }
    CAIRN_TRY(check_libevent(err));
    (void)signal(SIGPIPE, SIG_IGN); /* a client that has gone is an error of a write, not the end of the process */
    struct cairn_http *http = NULL;
    enum cairn_rc rc = make(config, app, &http, err);
    rc = rc == CAIRN_OK ? start(http, config, err) : rc;
    if (rc != CAIRN_OK) {
        cairn_http_free(http);
        return rc;
    }
    *out = http;
    return CAIRN_OK;
}

uint16_t cairn_http_port(const struct cairn_http *http)
{
    return http->port;
}

enum cairn_rc cairn_http_reload_tls(struct cairn_http *http, struct cairn_err *err)
{
    SSL_CTX *fresh = NULL;
    CAIRN_TRY(cairn_tls_new(http->certificate, http->key, http->client_ca, &fresh, err));
    (void)pthread_mutex_lock(&http->mutex);
    SSL_CTX *old = http->tls;
    http->tls = fresh;
    (void)pthread_mutex_unlock(&http->mutex);
    SSL_CTX_free(old); /* connections hold their own reference */
    return CAIRN_OK;
}

void cairn_http_drain(struct cairn_http *http, unsigned wait_ms)
{
    const struct timespec step = {.tv_nsec = DRAIN_STEP_NS};
    if (atomic_exchange(&http->draining, true)) {
        return;
    }
    cairn_loop_post(&http->acceptor.loop, &http->acceptor.drain);
    for (unsigned i = 0; i < http->num_workers; i++) {
        cairn_loop_post(&http->workers[i].loop, &http->workers[i].drain);
    }
    uint64_t until_ms = cairn_http_now_ms() + wait_ms;
    while (atomic_load(&http->in_flight) > 0 && cairn_http_now_ms() < until_ms) {
        (void)nanosleep(&step, NULL);
    }
}

void cairn_http_free(struct cairn_http *http)
{
    if (http == NULL) {
        return;
    }
    atomic_store(&http->draining, true);
    cairn_acceptor_stop(&http->acceptor); /* first: nothing is handed to a worker that ends */
    for (unsigned i = 0; i < http->num_workers; i++) {
        cairn_worker_stop(&http->workers[i]);
    }
    cairn_peers_free(http->peers);
    SSL_CTX_free(http->tls);
    free(http->workers);
    free(http->certificate);
    free(http->key);
    free(http->client_ca);
    (void)pthread_mutex_destroy(&http->mutex);
    (void)pthread_cond_destroy(&http->changed);
    free(http);
}

void cairn_http_stats(const struct cairn_http *http, struct cairn_http_stats *out)
{
    const struct cairn_http_counters *c = &http->counters;
    *out = (struct cairn_http_stats){.connections = atomic_load(&c->connections),
                                     .accepted = atomic_load(&c->accepted),
                                     .refused_connections = atomic_load(&c->refused_connections),
                                     .handshakes_failed = atomic_load(&c->handshakes_failed),
                                     .requests = atomic_load(&c->requests),
                                     .timeouts = atomic_load(&c->timeouts),
                                     .malformed = atomic_load(&c->malformed),
                                     .bytes_in = atomic_load(&c->bytes_in),
                                     .bytes_out = atomic_load(&c->bytes_out)};
    for (size_t i = 0; i < CAIRN_ARRAY_LEN(out->status); i++) {
        out->status[i] = atomic_load(&c->status[i]);
    }
}
