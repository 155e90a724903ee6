/* server/http_listener.c -- the listening socket and the thread that accepts: counts, refuses, hands over to the workers in
 * turn. */
#include "server/http_internal.h"

#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { BACKLOG = 1024, ACCEPTS_PER_TURN = 64, PAUSE_MS = 100, SYSTEMD_FIRST_FD = 3, LISTEN_TEXT_MAX = 256 };

static enum cairn_rc fail_listen(struct cairn_err *err, const char *listen, const char *what, int cause)
{
    return CAIRN_FAIL_CAUSE(err, CAIRN_E_IO, "http.listen", cause, "%s: %s: %s", listen, what, strerror(cause));
}

/* split_address cuts "[HOST]:PORT" or "HOST:PORT" (IPv4) in place. */
static bool split_address(char *text, const char **host, const char **port)
{
    char *colon = strrchr(text, ':');
    if (colon == NULL || colon == text || colon[1] == '\0') {
        return false;
    }
    *colon = '\0';
    *port = colon + 1;
    *host = text;
    if (text[0] == '[') {
        if (colon[-1] != ']') {
            return false;
        }
        colon[-1] = '\0';
        *host = text + 1;
    }
    return (text[0] == '[') == (strchr(*host, ':') != NULL);
}

static int bind_address(const struct addrinfo *address)
{
    const int on = 1;
    const int off = 0;
    int fd = socket(address->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0) {
        return -errno;
    }
    (void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
    if (address->ai_family == AF_INET6) {
        (void)setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof(off)); /* "[::]" is IPv4 too, whatever the sysctl says */
    }
    if (bind(fd, address->ai_addr, address->ai_addrlen) != 0 || listen(fd, BACKLOG) != 0) {
        int rc = -errno;
        (void)close(fd);
        return rc;
    }
    return fd;
}

static enum cairn_rc open_address(const char *text, int *fd, struct cairn_err *err)
{
    char copy[LISTEN_TEXT_MAX] = "";
    const char *host = NULL;
    const char *port = NULL;
    struct addrinfo *address = NULL;
    const struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_NUMERICHOST | AI_NUMERICSERV | AI_PASSIVE};
    if (strlen(text) < sizeof(copy)) {
        cairn_copy(copy, text, strlen(text) + 1);
    }
    if (!split_address(copy, &host, &port) || getaddrinfo(host, port, &hints, &address) != 0) {
        return CAIRN_FAIL(err, CAIRN_E_USAGE, "http.listen", "%s: write [::]:8443, 127.0.0.1:8443 or systemd", text);
    }
    *fd = bind_address(address);
    freeaddrinfo(address);
    return *fd >= 0 ? CAIRN_OK : fail_listen(err, text, "cannot listen there", -*fd);
}

/* Source: sd_listen_fds(3). Exactly one stream socket that listens. */
static enum cairn_rc open_systemd(int *fd, struct cairn_err *err)
{
    const char *pid = getenv("LISTEN_PID");
    const char *num = getenv("LISTEN_FDS");
    int listens = 0;
    socklen_t len = sizeof(listens);
    if (pid == NULL || num == NULL || strtol(pid, NULL, 10) != (long)getpid() || strcmp(num, "1") != 0 ||
        getsockopt(SYSTEMD_FIRST_FD, SOL_SOCKET, SO_ACCEPTCONN, &listens, &len) != 0 || listens != 1) {
        return CAIRN_FAIL(err, CAIRN_E_IO, "http.listen", "systemd passed no listening socket: is the socket unit enabled?");
    }
    int flags = fcntl(SYSTEMD_FIRST_FD, F_GETFL);
    if (flags < 0 || fcntl(SYSTEMD_FIRST_FD, F_SETFL, flags | O_NONBLOCK) != 0 ||
        fcntl(SYSTEMD_FIRST_FD, F_SETFD, FD_CLOEXEC) != 0) {
        return fail_listen(err, "systemd", "the socket cannot be used", errno);
    }
    *fd = SYSTEMD_FIRST_FD;
    return CAIRN_OK;
}

static uint16_t port_of(int fd)
{
    struct sockaddr_storage address = {0};
    socklen_t len = sizeof(address);
    if (getsockname(fd, (struct sockaddr *)&address, &len) != 0) {
        return 0;
    }
    return ntohs(address.ss_family == AF_INET6 ? ((struct sockaddr_in6 *)(void *)&address)->sin6_port
                                               : ((struct sockaddr_in *)(void *)&address)->sin_port);
}

static void refuse(struct cairn_http *http, int fd)
{
    CAIRN_COUNT(http, refused_connections, 1);
    (void)close(fd);
}

static bool enter(struct cairn_http *http, const struct cairn_peer *peer)
{
    if (atomic_load_explicit(&http->counters.connections, memory_order_relaxed) >= http->limits.max_connections ||
        !cairn_peers_enter(http->peers, peer, http->limits.max_connections_per_peer)) {
        return false;
    }
    CAIRN_COUNT(http, connections, 1);
    return true;
}

static void take(struct cairn_acceptor *acceptor, int fd, const struct sockaddr_storage *address)
{
    struct cairn_http *http = acceptor->http;
    struct cairn_peer peer;
    char text[CAIRN_HTTP_PEER_TEXT];
    const int on = 1;
    cairn_peer_of(address, &peer, text, sizeof(text));
    CAIRN_COUNT(http, accepted, 1);
    if (!enter(http, &peer)) {
        refuse(http, fd);
        return;
    }
    /* a reply after a ticket would otherwise wait for the client's delayed ACK: 44 ms */
    (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
    struct cairn_worker *worker = &http->workers[acceptor->next_worker];
    acceptor->next_worker = (acceptor->next_worker + 1) % http->num_workers;
    struct cairn_conn *conn = cairn_conn_new(worker, fd, &peer, text);
    if (conn == NULL) {
        cairn_peers_leave(http->peers, &peer);
        atomic_fetch_sub(&http->counters.connections, 1);
        refuse(http, fd);
        return;
    }
    cairn_loop_post(&worker->loop, &conn->arrive);
}

static void on_ready(evutil_socket_t fd, short what CAIRN_UNUSED, void *arg)
{
    struct cairn_acceptor *acceptor = arg;
    for (int i = 0; i < ACCEPTS_PER_TURN; i++) {
        struct sockaddr_storage address = {0};
        socklen_t len = sizeof(address);
        int accepted = accept4((int)fd, (struct sockaddr *)&address, &len, SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (accepted >= 0) {
            take(acceptor, accepted, &address);
        } else if (errno == EAGAIN) {
            return;
        } else if (errno != ECONNABORTED && errno != EINTR) {
            /* no descriptors or no memory: the socket stays ready, so wait, or this thread spins */
            const struct timeval pause = {.tv_usec = PAUSE_MS * 1000};
            (void)event_del(acceptor->ready);
            (void)evtimer_add(acceptor->pause, &pause);
            return;
        }
    }
}

static void on_pause_over(evutil_socket_t fd CAIRN_UNUSED, short what CAIRN_UNUSED, void *arg)
{
    struct cairn_acceptor *acceptor = arg;
    (void)event_add(acceptor->ready, NULL);
}

static void close_listener(struct cairn_acceptor *acceptor)
{
    if (acceptor->ready != NULL) {
        event_free(acceptor->ready);
        acceptor->ready = NULL;
    }
    if (acceptor->pause != NULL) {
        event_free(acceptor->pause);
        acceptor->pause = NULL;
    }
    if (acceptor->fd >= 0) {
        (void)close(acceptor->fd);
        acceptor->fd = -1;
    }
}

static void run_drain(struct cairn_post *post)
{
    close_listener((struct cairn_acceptor *)(void *)((char *)post - offsetof(struct cairn_acceptor, drain)));
}

static void run_stop(struct cairn_post *post)
{
    struct cairn_acceptor *acceptor = (struct cairn_acceptor *)(void *)((char *)post - offsetof(struct cairn_acceptor, stop));
    close_listener(acceptor);
    (void)event_base_loopbreak(acceptor->loop.base);
}

static void *accept_all(void *arg)
{
    struct cairn_acceptor *acceptor = arg;
    (void)event_base_loop(acceptor->loop.base, EVLOOP_NO_EXIT_ON_EMPTY);
    return NULL;
}

static enum cairn_rc start_thread(struct cairn_acceptor *acceptor, struct cairn_err *err)
{
    acceptor->ready = event_new(acceptor->loop.base, acceptor->fd, EV_READ | EV_PERSIST, on_ready, acceptor);
    acceptor->pause = evtimer_new(acceptor->loop.base, on_pause_over, acceptor);
    if (acceptor->ready == NULL || acceptor->pause == NULL || event_add(acceptor->ready, NULL) != 0) {
        return CAIRN_FAIL(err, CAIRN_E_IO, "http.listen", "the listening socket cannot be watched");
    }
    int rc = pthread_create(&acceptor->thread, NULL, accept_all, acceptor);
    if (rc != 0) {
        return CAIRN_FAIL_CAUSE(err, CAIRN_E_IO, "http.listen", rc, "no thread for the listening socket");
    }
    acceptor->has_thread = true;
    return CAIRN_OK;
}

enum cairn_rc cairn_acceptor_start(struct cairn_acceptor *acceptor, const char *listen, struct cairn_err *err)
{
    acceptor->drain.run = run_drain;
    acceptor->stop.run = run_stop;
    if (strcmp(listen, "systemd") == 0) {
        CAIRN_TRY(open_systemd(&acceptor->fd, err));
    } else {
        CAIRN_TRY(open_address(listen, &acceptor->fd, err));
    }
    acceptor->http->port = port_of(acceptor->fd);
    CAIRN_TRY(cairn_loop_init(&acceptor->loop, err));
    return start_thread(acceptor, err);
}

void cairn_acceptor_stop(struct cairn_acceptor *acceptor)
{
    if (acceptor->has_thread) {
        cairn_loop_post(&acceptor->loop, &acceptor->stop);
        (void)pthread_join(acceptor->thread, NULL);
        acceptor->has_thread = false;
    }
    close_listener(acceptor);
    cairn_loop_clear(&acceptor->loop);
}
