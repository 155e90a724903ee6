/* tests/bench/sim_client.c -- see sim_client.h. */
#include "bench/sim_client.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

enum { REPLY_MAX = 32 * 1024, EVENTS_MAX = 64 };

struct conn {
    int fd;
    SSL *ssl;
    struct cairn_buf out; /* a request that is not sent wholly; OpenSSL wants the same bytes again */
    uint8_t *in;
    size_t in_len;
    bool writing, waits;
};
struct sim_client {
    SSL_CTX *tls;
    int epoll;
    size_t num;
    struct conn *conns;
    void (*answered)(void *ctx, size_t conn, const struct sim_answer *answer);
    void *ctx;
    uint64_t up, down;
};

static void end(const char *what)
{
    (void)fprintf(stderr, "fleet-sim: %s failed (errno %d)\n", what, errno);
    ERR_print_errors_fp(stderr);
    exit(8);
}

static void must(bool ok, const char *what)
{
    if (!ok) {
        end(what);
    }
}

/* Blocking until the handshake is done: connections are made before anything is measured. */
static void open_conn(struct sim_client *c, struct conn *conn, uint16_t port)
{
    const struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(port), .sin_addr = {htonl(INADDR_LOOPBACK)}};
    const int on = 1;
    struct epoll_event event = {.events = EPOLLIN, .data = {.u64 = (uint64_t)(conn - c->conns)}};
    conn->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    conn->ssl = SSL_new(c->tls);
    conn->in = malloc(REPLY_MAX + 1);
    must(conn->fd >= 0 && conn->ssl != NULL && conn->in != NULL, "a connection");
    must(connect(conn->fd, (const struct sockaddr *)(const void *)&to, sizeof to) == 0, "connect");
    (void)setsockopt(conn->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    must(SSL_set_fd(conn->ssl, conn->fd) == 1 && SSL_connect(conn->ssl) == 1, "the handshake");
    must(fcntl(conn->fd, F_SETFL, O_NONBLOCK) == 0, "fcntl");
    must(epoll_ctl(c->epoll, EPOLL_CTL_ADD, conn->fd, &event) == 0, "epoll");
}

struct sim_client *sim_client_new(uint16_t port, size_t num_conns,
                                  void (*answered)(void *ctx, size_t conn, const struct sim_answer *answer), void *ctx)
{
    struct sim_client *c = calloc(1, sizeof *c);
    must(c != NULL, "memory");
    *c = (struct sim_client){.num = num_conns, .answered = answered, .ctx = ctx};
    c->conns = calloc(num_conns, sizeof *c->conns);
    c->tls = SSL_CTX_new(TLS_client_method());
    c->epoll = epoll_create1(EPOLL_CLOEXEC);
    must(c->conns != NULL && c->tls != NULL && c->epoll >= 0, "memory");
    (void)SSL_CTX_set_min_proto_version(c->tls, TLS1_3_VERSION);
    (void)SSL_CTX_set_mode(c->tls, SSL_MODE_RELEASE_BUFFERS);
    for (size_t i = 0; i < num_conns; i++) {
        open_conn(c, &c->conns[i], port);
    }
    return c;
}

void sim_client_free(struct sim_client *client)
{
    for (size_t i = 0; i < client->num; i++) {
        SSL_free(client->conns[i].ssl);
        (void)close(client->conns[i].fd);
        cairn_buf_clear(&client->conns[i].out);
        free(client->conns[i].in);
    }
    free(client->conns);
    SSL_CTX_free(client->tls);
    (void)close(client->epoll);
    free(client);
}

static void want(struct sim_client *c, struct conn *conn, bool writing)
{
    struct epoll_event event = {.events = writing ? EPOLLIN | EPOLLOUT : EPOLLIN, .data = {.u64 = (uint64_t)(conn - c->conns)}};
    if (conn->writing != writing) {
        conn->writing = writing;
        must(epoll_ctl(c->epoll, EPOLL_CTL_MOD, conn->fd, &event) == 0, "epoll");
    }
}

static void send_out(struct sim_client *c, struct conn *conn)
{
    const int n = SSL_write(conn->ssl, conn->out.p, (int)conn->out.len);
    must(n > 0 || SSL_get_error(conn->ssl, n) == SSL_ERROR_WANT_WRITE, "a write");
    want(c, conn, n <= 0);
}

void sim_client_post(struct sim_client *client, size_t conn, const char *target, const char *type, const char *more,
                     struct cairn_span body)
{
    struct conn *to = &client->conns[conn];
    char head[512] = "";
    const int len =
        snprintf(head, sizeof head, "POST %s HTTP/1.1\r\nHost: localhost\r\nContent-Type: %s\r\nContent-Length: %zu\r\n%s\r\n",
                 target, type, body.len, more);
    must(!to->waits && len > 0 && (size_t)len < sizeof head, "a request");
    must(cairn_buf_set(&to->out, cairn_span(head, (size_t)len), NULL) == CAIRN_OK, "memory");
    must(cairn_buf_append(&to->out, body, NULL) == CAIRN_OK, "memory");
    to->waits = true;
    to->in_len = 0;
    client->up += to->out.len;
    send_out(client, to);
}

/* A whole reply in conn->in: its head's length, or 0. */
static size_t whole(struct conn *conn, size_t *body_len)
{
    conn->in[conn->in_len] = '\0';
    const char *text = (const char *)conn->in;
    const char *end_of_head = strstr(text, "\r\n\r\n");
    const char *length = strstr(text, "Content-Length: ");
    if (end_of_head == NULL) {
        return 0;
    }
    must(length != NULL && length < end_of_head, "a reply with Content-Length");
    const size_t head_len = (size_t)(end_of_head - text) + 4;
    *body_len = strtoul(length + strlen("Content-Length: "), NULL, 10);
    must(head_len + *body_len <= REPLY_MAX, "a reply of usual size");
    return conn->in_len >= head_len + *body_len ? head_len : 0;
}

static void receive(struct sim_client *c, struct conn *conn)
{
    const int n = SSL_read(conn->ssl, conn->in + conn->in_len, (int)(REPLY_MAX - conn->in_len));
    size_t body_len = 0;
    if (n <= 0) {
        must(SSL_get_error(conn->ssl, n) == SSL_ERROR_WANT_READ, "a read"); /* session tickets are no data */
        return;
    }
    conn->in_len += (size_t)n;
    const size_t head_len = whole(conn, &body_len);
    if (head_len == 0) {
        return;
    }
    must(conn->waits && conn->in_len == head_len + body_len, "one reply to one request");
    c->down += conn->in_len;
    conn->waits = false;
    const struct sim_answer answer = {.status = (int)strtol((const char *)conn->in + strlen("HTTP/1.1 "), NULL, 10),
                                      .head = cairn_span(conn->in, head_len),
                                      .body = cairn_span(conn->in + head_len, body_len)};
    c->answered(c->ctx, (size_t)(conn - c->conns), &answer);
}

void sim_client_run(struct sim_client *client, uint64_t wait_us)
{
    struct epoll_event events[EVENTS_MAX];
    const struct timespec wait = {.tv_sec = (time_t)(wait_us / 1000000), .tv_nsec = (long)(wait_us % 1000000 * 1000)};
    const int num = epoll_pwait2(client->epoll, events, EVENTS_MAX, &wait, NULL);
    for (int i = 0; i < num; i++) {
        struct conn *conn = &client->conns[events[i].data.u64];
        if (conn->writing && (events[i].events & EPOLLOUT) != 0) {
            send_out(client, conn);
        }
        if ((events[i].events & ~(uint32_t)EPOLLOUT) != 0) {
            receive(client, conn);
        }
    }
}

struct sim_bytes sim_client_bytes(const struct sim_client *client)
{
    struct sim_bytes bytes = {.up = client->up, .down = client->down};
    for (size_t i = 0; i < client->num; i++) {
        bytes.tls_up += BIO_number_written(SSL_get_wbio(client->conns[i].ssl));
        bytes.tls_down += BIO_number_read(SSL_get_rbio(client->conns[i].ssl));
    }
    return bytes;
}
