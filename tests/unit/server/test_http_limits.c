/* tests/unit/server/test_http_limits.c -- server/http.h: time-outs, caps, bodies (CHECKS 34), drain. */
#include "http_app.h"

#include <arpa/inet.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

static const char GET_HELLO[] = "GET /hello HTTP/1.1\r\nHost: a\r\n\r\n";

static void pause_ms(unsigned ms)
{
    const struct timespec wait = {.tv_sec = ms / 1000, .tv_nsec = (long)(ms % 1000) * 1000000};
    (void)nanosleep(&wait, NULL);
}

static uint64_t now_ms(void)
{
    struct timespec now;
    assert_int_equal(clock_gettime(CLOCK_MONOTONIC, &now), 0);
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

/* drip sends `start`, then `bytes` byte by byte every 20 ms, until the server has ended the connection; gives the milliseconds.
 */
static uint64_t drip(struct service *s, const char *start, char byte)
{
    struct cairn_test_client client = open_client(s);
    uint64_t begun = now_ms();
    const char text[] = {byte, '\0'};
    bool sent = cairn_test_send(&client, start);
    while (sent && now_ms() - begun < 8000) {
        pause_ms(20);
        char ignored;
        sent = cairn_test_send(&client, text) && recv(client.fd, &ignored, 1, MSG_DONTWAIT | MSG_PEEK) != 0;
    }
    cairn_test_client_clear(&client);
    return now_ms() - begun;
}

static void ends_a_head_that_comes_byte_by_byte(void **state)
{
    (void)state;
    struct service s;
    serve_prepare(&s);
    s.config.limits.head_ms = 300;
    s.config.limits.idle_ms = 60000;
    serve_start(&s);
    uint64_t took = drip(&s, "GET /hello HTTP/1.1\r\nHost: a\r\nX: ", 'x');
    assert_true(took >= 250 && took < 4000);
    assert_int_equal(stats_of(&s).timeouts, 1);
    assert_int_equal(s.admitted, 0);
    serve_stop(&s);
}

static void ends_a_body_that_comes_byte_by_byte(void **state)
{
    (void)state;
    struct service s;
    serve_prepare(&s);
    s.config.limits.body_ms = 300;
    s.config.limits.body_bytes_per_s = 1000000;
    serve_start(&s);
    uint64_t took = drip(&s, "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 16000\r\n\r\n", 'x');
    assert_true(took >= 250 && took < 4000);
    assert_int_equal(stats_of(&s).timeouts, 1);
    assert_int_equal(s.admitted, 1);
    assert_int_equal(s.handled, 0);
    WAIT_UNTIL(s.data_freed == 1);
    serve_stop(&s);
}

static void gives_a_long_body_the_time_of_its_length(void **state)
{
    (void)state;
    char reply[REPLY_TEXT];
    struct service s;
    serve_prepare(&s);
    s.config.limits.body_ms = 200;
    s.config.limits.body_bytes_per_s = 4;
    serve_start(&s);
    struct cairn_test_client client = open_client(&s);
    assert_true(cairn_test_send(&client, "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n\r\n12"));
    pause_ms(500);
    assert_true(cairn_test_send(&client, "34"));
    assert_int_equal(cairn_test_reply(&client, reply, sizeof(reply)), 200);
    cairn_test_client_clear(&client);
    serve_stop(&s);
}

static void ends_idle_and_silent_connections(void **state)
{
    (void)state;
    char reply[REPLY_TEXT];
    struct service s;
    serve_prepare(&s);
    s.config.limits.idle_ms = 200;
    s.config.limits.handshake_ms = 200;
    serve_start(&s);
    struct cairn_test_client fresh = open_client(&s);
    struct cairn_test_client used = open_client(&s);
    assert_true(cairn_test_send(&used, GET_HELLO));
    assert_int_equal(cairn_test_reply(&used, reply, sizeof(reply)), 200);
    int silent = cairn_test_tcp(s.port);
    assert_true(silent >= 0);
    char byte;
    assert_int_equal(recv(silent, &byte, 1, 0), 0);
    assert_true(cairn_test_ended(&fresh));
    assert_true(cairn_test_ended(&used));
    WAIT_UNTIL(stats_of(&s).connections == 0);
    assert_int_equal(stats_of(&s).timeouts, 1);
    (void)close(silent);
    cairn_test_client_clear(&fresh);
    cairn_test_client_clear(&used);
    serve_stop(&s);
}

static void ends_a_client_that_takes_no_reply(void **state)
{
    (void)state;
    struct service s;
    serve_prepare(&s);
    s.config.limits.write_ms = 200;
    s.config.limits.body_bytes_per_s = 0;
    serve_start(&s);
    struct cairn_test_client client = open_client(&s);
    assert_true(cairn_test_send(&client, "GET /huge HTTP/1.1\r\nHost: a\r\n\r\n"));
    WAIT_UNTIL(stats_of(&s).timeouts == 1);
    WAIT_UNTIL(stats_of(&s).connections == 0);
    cairn_test_client_clear(&client);
    serve_stop(&s);
}

static void refuses_a_large_body_before_it_is_read(void **state)
{
    (void)state;
    char reply[REPLY_TEXT];
    struct service s;
    serve_prepare(&s);
    serve_start(&s);
    assert_int_equal(ask(&s, "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 16385\r\n\r\n", reply, sizeof(reply)), 413);
    assert_non_null(strstr(reply, "\"code\":\"http.large\""));
    assert_non_null(strstr(reply, "Connection: close\r\n"));
    assert_int_equal(ask(&s, "POST /hello HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\n\r\n", reply, sizeof(reply)), 413);
    assert_int_equal(ask(&s, "GET /hello HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\n\r\nx", reply, sizeof(reply)), 413);
    assert_int_equal(ask(&s, "POST /refused HTTP/1.1\r\nHost: a\r\nContent-Length: 99999999999\r\n\r\n", reply, sizeof(reply)),
                     403);
    assert_non_null(strstr(reply, "Connection: close\r\n"));
    assert_int_equal(s.handled, 0);
    assert_int_equal(stats_of(&s).status[4], 4);
    serve_stop(&s);
}

/* Whoever goes on sending a body that was refused still gets the answer, and is then ended: soon, however fast he sends. */
static void ends_a_body_without_end_after_the_answer(void **state)
{
    (void)state;
    char reply[REPLY_TEXT];
    char chunk[8193];
    size_t sent = 0;
    struct service s;
    serve_prepare(&s);
    serve_start(&s);
    memset(chunk, 'x', sizeof(chunk) - 1);
    chunk[sizeof(chunk) - 1] = '\0';
    struct cairn_test_client client = open_client(&s);
    assert_true(cairn_test_send(&client, "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 999999999\r\n\r\n"));
    assert_true(cairn_test_send(&client, chunk));
    assert_int_equal(cairn_test_reply(&client, reply, sizeof(reply)), 413);
    while (sent < 20000000 && cairn_test_send(&client, chunk)) {
        sent += sizeof(chunk) - 1;
    }
    assert_true(sent < 20000000); /* 256 KiB and what the sockets hold */
    WAIT_UNTIL(stats_of(&s).connections == 0);
    assert_true(stats_of(&s).bytes_in < 1000);
    cairn_test_client_clear(&client);
    serve_stop(&s);
}

static void waits_for_the_end_of_a_refused_client_with_a_bound(void **state)
{
    (void)state;
    char reply[REPLY_TEXT];
    struct service s;
    serve_prepare(&s);
    serve_start(&s);
    struct cairn_test_client client = open_client(&s);
    assert_true(cairn_test_send(&client, "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 999999999\r\n\r\n"));
    assert_int_equal(cairn_test_reply(&client, reply, sizeof(reply)), 413);
    WAIT_UNTIL(stats_of(&s).connections == 0);
    cairn_test_client_clear(&client);
    serve_stop(&s);
}

static void answers_503_above_the_cap_of_all_bodies(void **state)
{
    (void)state;
    char reply[6000];
    char body[5001];
    struct service s;
    serve_prepare(&s);
    s.config.limits.max_buffered_bytes = 8000;
    serve_start(&s);
    memset(body, 'x', 5000);
    body[5000] = '\0';
    struct cairn_test_client holder = open_client(&s);
    assert_true(cairn_test_send(&holder, "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 5001\r\n\r\n"));
    assert_true(cairn_test_send(&holder, body));
    WAIT_UNTIL(stats_of(&s).bytes_in > 5000);
    struct cairn_test_client other = open_client(&s);
    assert_true(cairn_test_send(&other, "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 5000\r\n\r\n"));
    assert_true(cairn_test_send(&other, body));
    assert_int_equal(cairn_test_reply(&other, reply, sizeof(reply)), 503);
    assert_non_null(strstr(reply, "\"code\":\"server.busy\""));
    assert_non_null(strstr(reply, "Retry-After: 5\r\n"));
    cairn_test_client_clear(&other);
    assert_true(cairn_test_send(&holder, "x"));
    assert_int_equal(cairn_test_reply(&holder, reply, sizeof(reply)), 200);
    cairn_test_client_clear(&holder);
    serve_stop(&s);
}

static void asks_for_the_body_only_after_admit(void **state)
{
    (void)state;
    char reply[REPLY_TEXT];
    struct service s;
    serve_prepare(&s);
    serve_start(&s);
    struct cairn_test_client client = open_client(&s);
    assert_true(
        cairn_test_send(&client, "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\nExpect: 100-continue\r\n\r\n"));
    assert_int_equal(cairn_test_reply(&client, reply, sizeof(reply)), 100);
    assert_string_equal(reply, "HTTP/1.1 100 Continue\r\n\r\n");
    assert_true(cairn_test_send(&client, "ok"));
    assert_int_equal(cairn_test_reply(&client, reply, sizeof(reply)), 200);
    assert_non_null(strstr(reply, "\r\n\r\nok"));
    cairn_test_client_clear(&client);
    assert_int_equal(
        ask(&s, "POST /refused HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\nExpect: 100-continue\r\n\r\n", reply, sizeof(reply)),
        403);
    serve_stop(&s);
}

enum { CAP = 40, ABOVE = 500 };

/* All stay open at once; those above the cap see the end, the others are served. */
static void ends_connections_above_the_cap_at_once(void **state)
{
    (void)state;
    char reply[REPLY_TEXT];
    struct service s;
    int fds[ABOVE];
    serve_prepare(&s);
    s.config.limits.max_connections = CAP;
    serve_start(&s);
    struct cairn_test_client clients[CAP];
    for (size_t i = 0; i < CAP; i++) {
        clients[i] = open_client(&s);
    }
    for (size_t i = 0; i < ABOVE; i++) {
        fds[i] = cairn_test_tcp(s.port);
        assert_true(fds[i] >= 0);
    }
    WAIT_UNTIL(stats_of(&s).refused_connections == ABOVE);
    for (size_t i = 0; i < ABOVE; i++) {
        char byte;
        assert_true(recv(fds[i], &byte, 1, 0) <= 0);
        (void)close(fds[i]);
    }
    for (size_t i = 0; i < CAP; i++) {
        assert_true(cairn_test_send(&clients[i], GET_HELLO));
        assert_int_equal(cairn_test_reply(&clients[i], reply, sizeof(reply)), 200);
        cairn_test_client_clear(&clients[i]);
    }
    WAIT_UNTIL(stats_of(&s).connections == 0);
    assert_int_equal(ask(&s, GET_HELLO, reply, sizeof(reply)), 200);
    serve_stop(&s);
}

/* own_address gives an IPv4 address of this machine that is not loopback; false: it has none. */
static bool own_address(struct sockaddr_in *out)
{
    struct ifaddrs *all = NULL;
    bool found = false;
    assert_int_equal(getifaddrs(&all), 0);
    for (const struct ifaddrs *at = all; at != NULL && !found; at = at->ifa_next) {
        if (at->ifa_addr != NULL && at->ifa_addr->sa_family == AF_INET && (at->ifa_flags & IFF_LOOPBACK) == 0) {
            *out = *(const struct sockaddr_in *)(const void *)at->ifa_addr;
            found = true;
        }
    }
    freeifaddrs(all);
    return found;
}

/* Loopback is not counted, so this machine talks to itself by another address of its own. */
static void ends_what_one_peer_opens_above_its_cap(void **state)
{
    (void)state;
    struct sockaddr_in address = {0};
    char host[64];
    char text[96];
    char byte;
    int fds[6];
    struct service s;
    if (!own_address(&address)) {
        skip();
    }
    assert_non_null(inet_ntop(AF_INET, &address.sin_addr, host, sizeof(host)));
    (void)snprintf(text, sizeof(text), "%s:0", host);
    serve_prepare(&s);
    s.config.listen = text;
    s.config.limits.max_connections_per_peer = 3;
    serve_start(&s);
    address.sin_port = htons(s.port);
    for (size_t i = 0; i < CAIRN_ARRAY_LEN(fds); i++) {
        fds[i] = socket(AF_INET, SOCK_STREAM, 0);
        assert_int_equal(connect(fds[i], (const struct sockaddr *)&address, sizeof(address)), 0);
    }
    WAIT_UNTIL(stats_of(&s).refused_connections == 3);
    assert_int_equal(stats_of(&s).connections, 3);
    assert_true(recv(fds[5], &byte, 1, 0) <= 0);
    (void)close(fds[0]);
    WAIT_UNTIL(stats_of(&s).connections == 2);
    fds[0] = socket(AF_INET, SOCK_STREAM, 0);
    assert_int_equal(connect(fds[0], (const struct sockaddr *)&address, sizeof(address)), 0);
    WAIT_UNTIL(stats_of(&s).connections == 3);
    for (size_t i = 0; i < CAIRN_ARRAY_LEN(fds); i++) {
        (void)close(fds[i]);
    }
    serve_stop(&s);
}

static void handles_pipelined_requests_in_order(void **state)
{
    (void)state;
    char reply[REPLY_TEXT];
    struct service s;
    serve_prepare(&s);
    serve_start(&s);
    struct cairn_test_client client = open_client(&s);
    assert_true(cairn_test_send(&client, "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\none"
                                         "GET /later HTTP/1.1\r\nHost: a\r\n\r\n"
                                         "GET /refused HTTP/1.1\r\nHost: a\r\n\r\n"
                                         "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n\r\nfour"
                                         "GET /hello HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"
                                         "GET /hello HTTP/1.1\r\nHost: a\r\n\r\n"));
    static const struct {
        int status;
        const char *body;
    } wanted[] = {
        {200, "\r\n\r\none"}, {200, "\r\n\r\nlater"}, {403, "access.role"}, {200, "\r\n\r\nfour"}, {200, "\r\n\r\nhello"}};
    for (size_t i = 0; i < CAIRN_ARRAY_LEN(wanted); i++) {
        assert_int_equal(cairn_test_reply(&client, reply, sizeof(reply)), wanted[i].status);
        assert_non_null(strstr(reply, wanted[i].body));
    }
    assert_true(cairn_test_ended(&client));
    assert_int_equal(stats_of(&s).requests, 5);
    cairn_test_client_clear(&client);
    serve_stop(&s);
}

static void ends_a_client_that_sends_too_far_ahead(void **state)
{
    (void)state;
    char text[8193];
    struct service s;
    serve_prepare(&s);
    serve_start(&s);
    struct cairn_test_client client = open_client(&s);
    assert_true(cairn_test_send(&client, "GET /keep HTTP/1.1\r\nHost: a\r\n\r\n"));
    WAIT_UNTIL(num_kept(&s) == 1);
    memset(text, 'x', 8192);
    text[8192] = '\0';
    uint64_t begun = now_ms();
    while (cairn_test_send(&client, text) && now_ms() - begun < 5000) {
        pause_ms(1);
    }
    assert_true(now_ms() - begun < 4000);
    WAIT_UNTIL(stats_of(&s).connections == 0);
    serve_release(&s);
    WAIT_UNTIL(s.data_freed == 1);
    cairn_test_client_clear(&client);
    serve_stop(&s);
}

/* What is in flight is finished with "Connection: close", what is idle is ended, nothing new is taken. */
static void drains_what_is_in_flight(void **state)
{
    (void)state;
    char reply[REPLY_TEXT];
    struct service s;
    serve_prepare(&s);
    serve_start(&s);
    struct cairn_test_client idle = open_client(&s);
    struct cairn_test_client busy = open_client(&s);
    assert_true(cairn_test_send(&busy, "GET /keep HTTP/1.1\r\nHost: a\r\n\r\n"));
    WAIT_UNTIL(num_kept(&s) == 1);
    uint64_t begun = now_ms();
    cairn_http_drain(s.http, 100);
    assert_true(now_ms() - begun >= 90 && now_ms() - begun < 3000);
    assert_true(cairn_test_ended(&idle));
    WAIT_UNTIL(cairn_test_tcp(s.port) < 0);
    serve_release(&s);
    assert_int_equal(cairn_test_reply(&busy, reply, sizeof(reply)), 200);
    assert_non_null(strstr(reply, "Connection: close\r\n"));
    assert_true(cairn_test_ended(&busy));
    cairn_test_client_clear(&idle);
    cairn_test_client_clear(&busy);
    serve_stop(&s);
}

struct load {
    struct service *s;
    _Atomic bool done;
    unsigned answered, broken;
};

static void *load(void *arg)
{
    struct load *l = arg;
    char reply[REPLY_TEXT];
    struct cairn_test_client client;
    while (!l->done && cairn_test_connect(l->s->client, l->s->port, &client)) {
        while (!l->done && cairn_test_send(&client, "GET /later HTTP/1.1\r\nHost: a\r\n\r\n") &&
               cairn_test_reply(&client, reply, sizeof(reply)) == 200) {
            l->answered++;
        }
        cairn_test_client_clear(&client);
    }
    return NULL;
}

static void drains_under_load_without_a_crash(void **state)
{
    (void)state;
    struct service s;
    struct load loads[4] = {0};
    pthread_t threads[4];
    serve_prepare(&s);
    s.config.workers = 2;
    serve_start(&s);
    for (size_t i = 0; i < 4; i++) {
        loads[i].s = &s;
        assert_int_equal(pthread_create(&threads[i], NULL, load, &loads[i]), 0);
    }
    WAIT_UNTIL(stats_of(&s).requests > 100);
    cairn_http_drain(s.http, 5000);
    for (size_t i = 0; i < 4; i++) {
        loads[i].done = true;
        assert_int_equal(pthread_join(threads[i], NULL), 0);
    }
    assert_int_equal(s.handled, s.data_freed);
    serve_stop(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ends_a_head_that_comes_byte_by_byte),
        cmocka_unit_test(ends_a_body_that_comes_byte_by_byte),
        cmocka_unit_test(gives_a_long_body_the_time_of_its_length),
        cmocka_unit_test(ends_idle_and_silent_connections),
        cmocka_unit_test(ends_a_client_that_takes_no_reply),
        cmocka_unit_test(refuses_a_large_body_before_it_is_read),
        cmocka_unit_test(ends_a_body_without_end_after_the_answer),
        cmocka_unit_test(waits_for_the_end_of_a_refused_client_with_a_bound),
        cmocka_unit_test(answers_503_above_the_cap_of_all_bodies),
        cmocka_unit_test(asks_for_the_body_only_after_admit),
        cmocka_unit_test(ends_connections_above_the_cap_at_once),
        cmocka_unit_test(ends_what_one_peer_opens_above_its_cap),
        cmocka_unit_test(handles_pipelined_requests_in_order),
        cmocka_unit_test(ends_a_client_that_sends_too_far_ahead),
        cmocka_unit_test(drains_what_is_in_flight),
        cmocka_unit_test(drains_under_load_without_a_crash),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
