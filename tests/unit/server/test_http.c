/* tests/unit/server/test_http.c -- server/http.h over real sockets: what a good client gets. */
#include "http_app.h"

static const char GET_HELLO[] = "GET /hello HTTP/1.1\r\nHost: a\r\n\r\n";

static void answers_get_and_post_on_one_connection(void **state)
{
    (void)state;
    char reply[REPLY_TEXT];
    struct service s;
    serve_prepare(&s);
    serve_start(&s);
    struct cairn_test_client client = open_client(&s);
    for (int i = 0; i < 20; i++) {
        assert_true(cairn_test_send(&client, GET_HELLO));
        assert_int_equal(cairn_test_reply(&client, reply, sizeof(reply)), 200);
        assert_string_equal(
            reply, "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Type: text/plain\r\nCache-Control: no-store\r\n\r\nhello");
        assert_true(cairn_test_send(&client, "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n\r\nbody"));
        assert_int_equal(cairn_test_reply(&client, reply, sizeof(reply)), 200);
        assert_non_null(strstr(reply, "\r\n\r\nbody"));
    }
    struct cairn_http_stats stats = stats_of(&s);
    assert_int_equal(stats.accepted, 1);
    assert_int_equal(stats.requests, 40);
    assert_int_equal(stats.status[2], 40);
    cairn_test_client_clear(&client);
    WAIT_UNTIL(stats_of(&s).connections == 0);
    assert_int_equal(s.data_freed, 40);
    serve_stop(&s);
}

static void answers_a_post_from_another_thread(void **state)
{
    (void)state;
    char reply[REPLY_TEXT];
    struct service s;
    serve_prepare(&s);
    s.config.workers = 2;
    serve_start(&s);
    struct cairn_test_client clients[4];
    for (size_t i = 0; i < CAIRN_ARRAY_LEN(clients); i++) {
        clients[i] = open_client(&s);
    }
    for (int round = 0; round < 25; round++) {
        for (size_t i = 0; i < CAIRN_ARRAY_LEN(clients); i++) {
            assert_true(cairn_test_send(&clients[i], "GET /later HTTP/1.1\r\nHost: a\r\n\r\n"));
        }
        for (size_t i = 0; i < CAIRN_ARRAY_LEN(clients); i++) {
            assert_int_equal(cairn_test_reply(&clients[i], reply, sizeof(reply)), 200);
            assert_non_null(strstr(reply, "\r\n\r\nlater"));
        }
    }
    for (size_t i = 0; i < CAIRN_ARRAY_LEN(clients); i++) {
        cairn_test_client_clear(&clients[i]);
    }
    serve_stop(&s);
}

static void refuses_in_admit_with_a_problem_object(void **state)
{
    (void)state;
    char reply[REPLY_TEXT];
    struct service s;
    serve_prepare(&s);
    serve_start(&s);
    assert_int_equal(ask(&s, "GET /refused HTTP/1.1\r\nHost: a\r\n\r\n", reply, sizeof(reply)), 403);
    assert_non_null(strstr(reply, "Content-Type: application/problem+json\r\n"));
    assert_non_null(strstr(reply, "\r\n\r\n{\"code\":\"access.role\",\"detail\":\"not \\\"yours\\\"\",\"status\":403}\n"));
    assert_null(strstr(reply, "Connection: close"));
    assert_int_equal(s.handled, 0);
    serve_stop(&s);
}

static void answers_head_as_get_without_a_body(void **state)
{
    (void)state;
    char reply[REPLY_TEXT];
    struct service s;
    serve_prepare(&s);
    serve_start(&s);
    struct cairn_test_client client = open_client(&s);
    assert_true(cairn_test_send(&client, "HEAD /hello HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"));
    assert_int_equal(cairn_test_reply(&client, reply, sizeof(reply)), 0);
    assert_string_equal(reply, "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Type: text/plain\r\nCache-Control: "
                               "no-store\r\nConnection: close\r\n\r\n");
    cairn_test_client_clear(&client);
    serve_stop(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(answers_get_and_post_on_one_connection),
        cmocka_unit_test(answers_a_post_from_another_thread),
        cmocka_unit_test(refuses_in_admit_with_a_problem_object),
        cmocka_unit_test(answers_head_as_get_without_a_body),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
