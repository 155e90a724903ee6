/* tests/bench/bench_http.c -- what one request and one idle connection of server/http.h cost, over loopback and TLS 1.3.
 *
 * The server is a child process with one worker; the figures are the worker thread's own processor time and the process's
 * private memory, as it reports them itself, so the client's share of the machine does not count. Bounded: REQUESTS requests of
 * 2200 bytes on CONNECTIONS connections, then HANDSHAKES handshakes, then IDLE idle connections.
 */
#include <arpa/inet.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "core/crypto.h"
#include "server/http.h"
#include "support/test_tls.h"

enum { CONNECTIONS = 32, ROUNDS = 1000, REQUESTS = CONNECTIONS * ROUNDS, HANDSHAKES = 500, IDLE = 1000, BODY = 2200 };
enum { LIMIT_REQUEST_NS = 60000, LIMIT_HANDSHAKE_NS = 1000000, LIMIT_IDLE_BYTES = 26 * 1024 }; /* FACTS: 35 us, 0.3 ms, 26 KB */

static const char PROBE[] = "GET /cpu HTTP/1.1\r\nHost: a\r\n\r\n";

static uint64_t private_bytes(void)
{
    char line[128];
    uint64_t kib = 0;
    FILE *f = fopen("/proc/self/status", "r");
    while (f != NULL && fgets(line, sizeof(line), f) != NULL) {
        if (strncmp(line, "RssAnon:", 8) == 0 || (kib == 0 && strncmp(line, "VmRSS:", 6) == 0)) {
            kib = strtoull(strchr(line, ':') + 1, NULL, 10);
        }
    }
    if (f != NULL) {
        (void)fclose(f);
    }
    return kib * 1024;
}

static enum cairn_rc worker_new(void *ctx, struct cairn_worker *self CAIRN_UNUSED, void **worker,
                                struct cairn_err *err CAIRN_UNUSED)
{
    *worker = ctx;
    return CAIRN_OK;
}

static void worker_free(void *worker CAIRN_UNUSED)
{
}

static void admit(void *worker CAIRN_UNUSED, struct cairn_call *call)
{
    cairn_call_allow_body(call, 16384);
}

static void handle(void *worker CAIRN_UNUSED, struct cairn_call *call)
{
    char text[320];
    struct timespec cpu = {0};
    (void)clock_gettime(CLOCK_THREAD_CPUTIME_ID, &cpu);
    bool probe = cairn_http_path_is(cairn_call_head(call), "/cpu");
    memset(text, 'r', sizeof(text));
    int n = snprintf(text, sizeof(text), "%" PRIu64 " %" PRIu64 " ", (uint64_t)cpu.tv_sec * 1000000000u + (uint64_t)cpu.tv_nsec,
                     probe ? private_bytes() : 0);
    text[n] = ' ';
    const struct cairn_reply reply = {
        .status = 200, .type = "application/vnd.cairn.report.v1+json", .body = cairn_span(text, sizeof(text))};
    cairn_call_reply(call, &reply);
}

static int serve(const struct cairn_test_tls *tls, int port_fd)
{
    struct cairn_http_config config = {.listen = "127.0.0.1:0",
                                       .certificate = tls->certificate,
                                       .key = tls->key,
                                       .workers = 1,
                                       .limits = cairn_http_limits_default()};
    const struct cairn_http_app app = {NULL, worker_new, worker_free, admit, handle};
    struct cairn_http *http = NULL;
    struct cairn_err err = {0};
    if (cairn_http_start(&config, &app, &http, &err) != CAIRN_OK) {
        fprintf(stderr, "bench: %s (%s)\n", err.text, err.code);
        return 8;
    }
    uint16_t port = cairn_http_port(http);
    if (write(port_fd, &port, sizeof(port)) != (ssize_t)sizeof(port)) {
        return 8;
    }
    for (;;) {
        pause(); /* the parent ends it */
    }
}

static void must(bool ok, const char *what)
{
    if (!ok) {
        fprintf(stderr, "bench: %s failed\n", what);
        exit(8);
    }
}

static void exchange(struct cairn_test_client *client, const char *request, char *reply, size_t cap)
{
    must(cairn_test_send(client, request) && cairn_test_reply(client, reply, cap) == 200, "a request");
}

struct cost {
    uint64_t cpu_ns, bytes;
};
static struct cost probe(struct cairn_test_client *client)
{
    char reply[2048];
    exchange(client, PROBE, reply, sizeof(reply));
    char *at = strstr(reply, "\r\n\r\n") + 4;
    struct cost cost = {.cpu_ns = strtoull(at, &at, 10)};
    cost.bytes = strtoull(at, NULL, 10);
    return cost;
}

static bool figure(const char *name, uint64_t value, const char *unit, uint64_t limit)
{
    bool ok = value <= limit;
    printf("{\"figure\":\"%s\",\"value\":%" PRIu64 ",\"unit\":\"%s\",\"limit\":%" PRIu64 ",\"ok\":%s}\n", name, value, unit,
           limit, ok ? "true" : "false");
    return ok;
}

static uint64_t wall_ns(void)
{
    struct timespec now = {0};
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

static bool bench_requests(SSL_CTX *ctx, uint16_t port)
{
    static struct cairn_test_client clients[CONNECTIONS];
    char request[BODY + 256];
    char reply[2048];
    int n = snprintf(request, sizeof(request),
                     "POST /v1/evidence HTTP/1.1\r\nHost: server.example:8443\r\nUser-Agent: cairnd/0.2\r\n"
                     "Content-Type: application/vnd.cairn.evidence.v1+json\r\nContent-Length: %d\r\n\r\n",
                     BODY);
    memset(request + n, 'x', BODY);
    request[n + BODY] = '\0';
    for (size_t i = 0; i < CONNECTIONS; i++) {
        must(cairn_test_connect(ctx, port, &clients[i]), "a connection");
        exchange(&clients[i], request, reply, sizeof(reply));
    }
    struct cost before = probe(&clients[0]);
    uint64_t begun = wall_ns();
    for (int round = 0; round < ROUNDS; round++) {
        for (size_t i = 0; i < CONNECTIONS; i++) {
            must(cairn_test_send(&clients[i], request), "sending");
        }
        for (size_t i = 0; i < CONNECTIONS; i++) {
            must(SSL_read(clients[i].ssl, reply, sizeof(reply)) > 0, "a reply");
        }
    }
    uint64_t took = wall_ns() - begun;
    struct cost after = probe(&clients[0]);
    for (size_t i = 0; i < CONNECTIONS; i++) {
        cairn_test_client_clear(&clients[i]);
    }
    (void)figure("http.requests_per_s", (uint64_t)REQUESTS * 1000000000u / took, "1/s (one client thread)", UINT64_MAX);
    return figure("http.request", (after.cpu_ns - before.cpu_ns) / REQUESTS, "ns of the worker", LIMIT_REQUEST_NS);
}

static bool bench_handshakes(SSL_CTX *ctx, uint16_t port, struct cairn_test_client *control)
{
    struct cost before = probe(control);
    for (int i = 0; i < HANDSHAKES; i++) {
        struct cairn_test_client client;
        must(cairn_test_connect(ctx, port, &client), "a connection");
        cairn_test_client_clear(&client);
    }
    struct cost after = probe(control);
    return figure("http.handshake", (after.cpu_ns - before.cpu_ns) / HANDSHAKES, "ns of the worker", LIMIT_HANDSHAKE_NS);
}

static bool bench_idle(SSL_CTX *ctx, uint16_t port, struct cairn_test_client *control)
{
    static struct cairn_test_client clients[IDLE];
    char reply[2048];
    struct cost before = probe(control);
    for (size_t i = 0; i < IDLE; i++) {
        must(cairn_test_connect(ctx, port, &clients[i]), "a connection");
        exchange(&clients[i], PROBE, reply, sizeof(reply));
    }
    struct cost after = probe(control);
    for (size_t i = 0; i < IDLE; i++) {
        cairn_test_client_clear(&clients[i]);
    }
    return figure("http.idle_connection", (after.bytes - before.bytes) / IDLE, "bytes", LIMIT_IDLE_BYTES);
}

static bool bench(uint16_t port)
{
    SSL_CTX *ctx = cairn_test_client_ctx(NULL, NULL);
    struct cairn_test_client control;
    must(cairn_test_connect(ctx, port, &control), "a connection");
    bool ok = bench_idle(ctx, port, &control); /* first: on a heap that nothing has filled yet */
    ok = bench_requests(ctx, port) && ok;
    ok = bench_handshakes(ctx, port, &control) && ok;
    cairn_test_client_clear(&control);
    SSL_CTX_free(ctx);
    return ok;
}

int main(void)
{
    struct cairn_test_tls tls;
    struct rlimit files = {0};
    int port_fd[2];
    uint16_t port = 0;
    (void)getrlimit(RLIMIT_NOFILE, &files);
    files.rlim_cur = files.rlim_max;
    (void)setrlimit(RLIMIT_NOFILE, &files);
    must(pipe(port_fd) == 0, "pipe");
    cairn_test_tls_make(&tls);
    pid_t child = fork();
    if (child == 0) {
        return serve(&tls, port_fd[1]);
    }
    must(child > 0 && read(port_fd[0], &port, sizeof(port)) == (ssize_t)sizeof(port), "the server");
    bool ok = bench(port);
    (void)kill(child, SIGTERM);
    (void)waitpid(child, NULL, 0);
    cairn_test_tls_clear(&tls);
    return ok ? 0 : 1;
}
