/* tests/unit/server/test_http_faults.c -- server/http.h: what one client sends or leaves undone concerns no other (CHECKS 33).
 */
#include "http_app.h"

#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#include <openssl/rand.h>

#include "core/json.h"

static const char GET_HELLO[] = "GET /hello HTTP/1.1\r\nHost: a\r\n\r\n";

/* still_serves: a well-behaved client on a connection of its own gets its answer. */
static void still_serves(struct service *s)
{
    char reply[REPLY_TEXT];
    assert_int_equal(ask(s, GET_HELLO, reply, sizeof(reply)), 200);
}

static void a_malformed_request_fails_alone(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        int status;
        const char *code;
    } cases[] = {
        {"GET /hello HTTP/1.1\nHost: a\n\n", 400, "http.line"},
        {"GET /hello HTTP/1.0\r\nHost: a\r\n\r\n", 400, "http.version"},
        {"DELETE /hello HTTP/1.1\r\nHost: a\r\n\r\n", 400, "http.method"},
        {"GET http://a/hello HTTP/1.1\r\nHost: a\r\n\r\n", 400, "http.target"},
        {"GET /../hello HTTP/1.1\r\nHost: a\r\n\r\n", 400, "http.target"},
        {"GET /hello%00 HTTP/1.1\r\nHost: a\r\n\r\n", 400, "http.target"},
        {"GET /hello HTTP/1.1\r\nHost: a\r\n b\r\n\r\n", 400, "http.field"},
        {"GET /hello HTTP/1.1\r\n\r\n", 400, "http.host"},
        {"POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nContent-Length: 1\r\n\r\nx", 400, "http.twice"},
        {"POST /echo HTTP/1.1\r\nHost: a\r\n\r\n", 411, "http.length"},
        {"POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 411, "http.transfer"},
        {"POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\nx", 411, "http.transfer"},
        {"GET /hello HTTP/1.1\r\nHost: a\r\nExpect: tea\r\n\r\n", 400, "http.expect"},
    };
    char reply[REPLY_TEXT];
    struct service s;
    serve_prepare(&s);
    serve_start(&s);
    struct cairn_test_client good = open_client(&s);
    for (size_t i = 0; i < CAIRN_ARRAY_LEN(cases); i++) {
        char code[64];
        (void)snprintf(code, sizeof(code), "{\"code\":\"%s\",", cases[i].code);
        assert_int_equal(ask(&s, cases[i].text, reply, sizeof(reply)), cases[i].status);
        assert_non_null(strstr(reply, code));
        assert_non_null(strstr(reply, "Connection: close\r\n"));
        assert_true(cairn_test_send(&good, GET_HELLO));
        assert_int_equal(cairn_test_reply(&good, reply, sizeof(reply)), 200);
    }
    assert_int_equal(stats_of(&s).malformed, CAIRN_ARRAY_LEN(cases));
    assert_int_equal(s.handled, CAIRN_ARRAY_LEN(cases));
    cairn_test_client_clear(&good);
    serve_stop(&s);
}

static void a_head_without_end_is_answered_431(void **state)
{
    (void)state;
    char reply[REPLY_TEXT];
    char text[9001];
    struct service s;
    serve_prepare(&s);
    serve_start(&s);
    memset(text, 'x', 9000);
    text[9000] = '\0';
    cairn_copy(text, "GET /hello HTTP/1.1\r\nX: ", 24);
    assert_int_equal(ask(&s, text, reply, sizeof(reply)), 431);
    assert_non_null(strstr(reply, "\"code\":\"http.head\""));
    still_serves(&s);
    serve_stop(&s);
}

/* Bytes of chance as a request: some answer or none, never the end of the service. */
static void survives_noise_inside_tls(void **state)
{
    (void)state;
    char reply[REPLY_TEXT];
    uint8_t noise[400];
    struct service s;
    serve_prepare(&s);
    s.config.limits.head_ms = 20;
    serve_start(&s);
    for (int i = 0; i < 60; i++) {
        struct cairn_test_client client = open_client(&s);
        assert_int_equal(RAND_bytes(noise, sizeof(noise)), 1);
        cairn_copy(noise + 380, "\r\n\r\n", 4);
        (void)SSL_write(client.ssl, noise, sizeof(noise));
        int status = cairn_test_reply(&client, reply, sizeof(reply));
        assert_true(status == 400 || status == 0);
        cairn_test_client_clear(&client);
    }
    still_serves(&s);
    serve_stop(&s);
}

static void survives_noise_instead_of_tls(void **state)
{
    (void)state;
    uint8_t noise[400];
    struct service s;
    serve_prepare(&s);
    serve_start(&s);
    for (int i = 0; i < 60; i++) {
        int fd = cairn_test_tcp(s.port);
        assert_true(fd >= 0);
        assert_int_equal(RAND_bytes(noise, sizeof(noise)), 1);
        if (i % 3 == 0) { /* a plausible record head: handshake, TLS 1.0, short */
            cairn_copy(noise, "\x16\x03\x01\x01\x00\x01\x00\x00\xfc\x03\x03", 11);
        }
        if (i % 3 == 1) {
            cairn_copy(noise, GET_HELLO, sizeof(GET_HELLO) - 1);
        }
        (void)send(fd, noise, sizeof(noise), MSG_NOSIGNAL);
        (void)shutdown(fd, SHUT_WR);
        char byte;
        while (recv(fd, &byte, 1, 0) > 0) {
        }
        (void)close(fd);
    }
    WAIT_UNTIL(stats_of(&s).handshakes_failed == 60);
    still_serves(&s);
    WAIT_UNTIL(stats_of(&s).connections == 0);
    serve_stop(&s);
}

static void abort_now(struct cairn_test_client *client)
{
    const struct linger hard = {.l_onoff = 1}; /* close sends a reset */
    assert_int_equal(setsockopt(client->fd, SOL_SOCKET, SO_LINGER, &hard, sizeof(hard)), 0);
    cairn_test_client_clear(client);
}

/* The client goes, once orderly and once by a reset: in the handshake, idle, in the head, in the body, while its call is worked
 * on, while the reply is written. */
static void a_client_may_go_in_every_phase(void **state)
{
    (void)state;
    static const char *const phases[] = {"",
                                         "GET /hel",
                                         "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\nhalf",
                                         "GET /later HTTP/1.1\r\nHost: a\r\n\r\n",
                                         "GET /huge HTTP/1.1\r\nHost: a\r\n\r\n",
                                         "GET /hello HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"};
    struct service s;
    serve_prepare(&s);
    serve_start(&s);
    for (size_t i = 0; i < 2 * CAIRN_ARRAY_LEN(phases); i++) {
        struct cairn_test_client client = open_client(&s);
        if (phases[i / 2][0] != '\0') {
            assert_true(cairn_test_send(&client, phases[i / 2]));
        }
        if (i % 2 == 0) {
            abort_now(&client);
        } else {
            (void)SSL_shutdown(client.ssl);
            cairn_test_client_clear(&client);
        }
    }
    int fd = cairn_test_tcp(s.port);
    assert_int_equal(send(fd, "\x16\x03\x01", 3, MSG_NOSIGNAL), 3);
    (void)close(fd);
    WAIT_UNTIL(stats_of(&s).connections == 0);
    WAIT_UNTIL(s.admitted == s.data_freed);
    still_serves(&s);
    serve_stop(&s);
}

static void a_call_outlives_its_client(void **state)
{
    (void)state;
    struct service s;
    serve_prepare(&s);
    serve_start(&s);
    for (int i = 0; i < 10; i++) {
        struct cairn_test_client client = open_client(&s);
        assert_true(cairn_test_send(&client, "POST /keep HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n\r\nbody"));
        WAIT_UNTIL(num_kept(&s) == (unsigned)i + 1);
        abort_now(&client);
    }
    WAIT_UNTIL(stats_of(&s).connections == 0);
    assert_int_equal(s.data_freed, 0);
    for (unsigned i = 0; i < num_kept(&s); i++) {
        struct cairn_span body = cairn_call_body(s.kept[i]);
        assert_int_equal(body.len, 4);
        assert_memory_equal(body.p, "body", 4);
        assert_string_equal(cairn_call_peer(s.kept[i]), "127.0.0.1");
    }
    serve_release(&s);
    WAIT_UNTIL(s.data_freed == 10);
    still_serves(&s);
    serve_stop(&s);
}

/* cairn_http_free with calls that nobody answered: they and their data are freed. */
static void the_end_frees_unanswered_calls(void **state)
{
    (void)state;
    struct service s;
    serve_prepare(&s);
    serve_start(&s);
    struct cairn_test_client client = open_client(&s);
    assert_true(cairn_test_send(&client, "GET /keep HTTP/1.1\r\nHost: a\r\n\r\n"));
    WAIT_UNTIL(num_kept(&s) == 1);
    cairn_http_free(s.http);
    s.http = NULL;
    assert_int_equal(s.data_freed, 1);
    assert_int_equal(s.workers, 0);
    assert_true(cairn_test_ended(&client));
    cairn_test_client_clear(&client);
    serve_stop(&s);
}

/* A malformed request of a stranger in the log, as JSON: one object a line, his bytes are nowhere. */
static void a_logged_fault_is_one_json_object(void **state)
{
    (void)state;
    char reply[REPLY_TEXT];
    char line[REPLY_TEXT];
    int fds[2];
    struct service s;
    assert_int_equal(pipe(fds), 0);
    struct cairn_log log = cairn_log("cairn-server", CAIRN_LOG_DEBUG);
    log.fd = fds[1];
    log.json = true;
    serve_prepare(&s);
    s.config.log = &log;
    serve_start(&s);
    assert_int_equal(ask(&s, "GET /\"}\x1b[2J HTTP/1.1\r\nHost: a\r\n\r\n", reply, sizeof(reply)), 400);
    serve_stop(&s);
    (void)close(fds[1]);
    ssize_t n = read(fds[0], line, sizeof(line) - 1);
    assert_true(n > 0);
    (void)close(fds[0]);
    CAIRN_JSON *json = NULL;
    assert_int_equal(cairn_json_parse(cairn_span(line, (size_t)n - 1), sizeof(line), false, "line", &json, NULL), CAIRN_OK);
    assert_string_equal(json_string_value(json_object_get(json, "event")), "http.malformed");
    assert_string_equal(json_string_value(json_object_get(json, "code")), "http.target");
    assert_string_equal(json_string_value(json_object_get(json, "peer")), "127.0.0.1");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_malformed_request_fails_alone), cmocka_unit_test(a_head_without_end_is_answered_431),
        cmocka_unit_test(survives_noise_inside_tls),       cmocka_unit_test(survives_noise_instead_of_tls),
        cmocka_unit_test(a_client_may_go_in_every_phase),  cmocka_unit_test(a_call_outlives_its_client),
        cmocka_unit_test(the_end_frees_unanswered_calls),  cmocka_unit_test(a_logged_fault_is_one_json_object),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
