/* tests/unit/server/test_http_tls.c -- server/tls.h and the start of server/http.h: versions, resumption, certificates. */
#include "http_app.h"

#include <arpa/inet.h>
#include <signal.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <openssl/pem.h>

#include "server/http_peers.h"
#include "server/tls.h"

static const char GET_HELLO[] = "GET /hello HTTP/1.1\r\nHost: a\r\n\r\n";

static void refuses_tls_1_2(void **state)
{
    (void)state;
    struct service s;
    struct cairn_test_client client;
    serve_prepare(&s);
    serve_start(&s);
    assert_int_equal(SSL_CTX_set_max_proto_version(s.client, TLS1_2_VERSION), 1);
    assert_false(cairn_test_connect(s.client, s.port, &client));
    WAIT_UNTIL(stats_of(&s).handshakes_failed == 1);
    serve_stop(&s);
}

static void speaks_no_other_protocol(void **state)
{
    (void)state;
    char reply[REPLY_TEXT];
    struct service s;
    struct cairn_test_client client;
    const unsigned char *chosen = NULL;
    unsigned len = 0;
    serve_prepare(&s);
    serve_start(&s);
    assert_int_equal(SSL_CTX_set_alpn_protos(s.client, (const unsigned char *)"\x02h2", 3), 0);
    assert_false(cairn_test_connect(s.client, s.port, &client));
    assert_int_equal(SSL_CTX_set_alpn_protos(s.client, (const unsigned char *)"\x02h2\x08http/1.1", 12), 0);
    client = open_client(&s);
    SSL_get0_alpn_selected(client.ssl, &chosen, &len);
    assert_int_equal(len, 8);
    assert_memory_equal(chosen, "http/1.1", 8);
    assert_true(cairn_test_send(&client, GET_HELLO));
    assert_int_equal(cairn_test_reply(&client, reply, sizeof(reply)), 200);
    cairn_test_client_clear(&client);
    serve_stop(&s);
}

/* take_session makes one request and gives the session that came with it. */
static SSL_SESSION *take_session(struct service *s, SSL_SESSION *resumed, bool *reused)
{
    char reply[REPLY_TEXT];
    struct cairn_test_client client = {.fd = cairn_test_tcp(s->port), .ssl = SSL_new(s->client)};
    assert_int_equal(SSL_set_fd(client.ssl, client.fd), 1);
    if (resumed != NULL) {
        assert_int_equal(SSL_set_session(client.ssl, resumed), 1);
    }
    assert_int_equal(SSL_connect(client.ssl), 1);
    *reused = SSL_session_reused(client.ssl) == 1;
    assert_true(cairn_test_send(&client, GET_HELLO));
    assert_int_equal(cairn_test_reply(&client, reply, sizeof(reply)), 200);
    SSL_SESSION *session = SSL_get1_session(client.ssl);
    assert_true(SSL_SESSION_is_resumable(session));
    (void)SSL_shutdown(client.ssl);
    cairn_test_client_clear(&client);
    return session;
}

static void resumes_sessions_until_the_certificate_is_reloaded(void **state)
{
    (void)state;
    struct service s;
    bool reused = true;
    serve_prepare(&s);
    serve_start(&s);
    SSL_SESSION *first = take_session(&s, NULL, &reused);
    assert_false(reused);
    assert_int_equal(SSL_SESSION_get_max_early_data(first), 0);
    SSL_SESSION *second = take_session(&s, first, &reused);
    assert_true(reused);
    assert_int_equal(cairn_http_reload_tls(s.http, NULL), CAIRN_OK);
    SSL_SESSION *third = take_session(&s, second, &reused);
    assert_false(reused);
    SSL_SESSION_free(first);
    SSL_SESSION_free(second);
    SSL_SESSION_free(third);
    serve_stop(&s);
}

static void a_reload_serves_the_new_certificate_and_keeps_old_connections(void **state)
{
    (void)state;
    char reply[REPLY_TEXT];
    struct service s;
    struct cairn_err err = {0};
    struct cairn_test_client refused;
    serve_prepare(&s);
    serve_start(&s);
    SSL_CTX *trusts_old = cairn_test_client_ctx(s.tls.ca, NULL);
    struct cairn_test_client old;
    assert_true(cairn_test_connect(trusts_old, s.port, &old));
    assert_int_equal(unlink(s.tls.key), 0);
    assert_int_equal(cairn_http_reload_tls(s.http, &err), CAIRN_E_IO);
    assert_string_equal(err.code, "http.certificate");
    struct cairn_test_client still;
    assert_true(cairn_test_connect(trusts_old, s.port, &still));
    cairn_test_client_clear(&still);
    cairn_test_tls_renew(&s.tls);
    assert_int_equal(cairn_http_reload_tls(s.http, &err), CAIRN_OK);
    assert_false(cairn_test_connect(trusts_old, s.port, &refused));
    SSL_CTX *trusts_new = cairn_test_client_ctx(s.tls.ca, NULL);
    struct cairn_test_client fresh;
    assert_true(cairn_test_connect(trusts_new, s.port, &fresh));
    assert_true(cairn_test_send(&old, GET_HELLO));
    assert_int_equal(cairn_test_reply(&old, reply, sizeof(reply)), 200);
    cairn_test_client_clear(&old);
    cairn_test_client_clear(&fresh);
    SSL_CTX_free(trusts_old);
    SSL_CTX_free(trusts_new);
    serve_stop(&s);
}

static void hex_digest_of_certificate(const char *path, char out[65])
{
    uint8_t digest[32];
    unsigned len = 32;
    FILE *f = fopen(path, "r");
    assert_non_null(f);
    X509 *x509 = PEM_read_X509(f, NULL, NULL, NULL);
    assert_non_null(x509);
    (void)fclose(f);
    assert_int_equal(X509_digest(x509, EVP_sha256(), digest, &len), 1);
    X509_free(x509);
    cairn_hex_encode(CAIRN_SPAN(digest), out);
}

static void a_client_certificate_is_optional_and_verified(void **state)
{
    (void)state;
    char reply[REPLY_TEXT];
    char digest[65];
    struct service s;
    struct cairn_test_tls other;
    serve_prepare(&s);
    cairn_test_tls_make(&other);
    s.config.client_ca = s.tls.ca;
    serve_start(&s);
    assert_int_equal(ask(&s, GET_HELLO, reply, sizeof(reply)), 200);
    assert_string_equal(s.client_certificate, "");
    SSL_CTX *right = cairn_test_client_ctx(NULL, &s.tls);
    struct cairn_test_client client;
    assert_true(cairn_test_connect(right, s.port, &client));
    assert_true(cairn_test_send(&client, GET_HELLO));
    assert_int_equal(cairn_test_reply(&client, reply, sizeof(reply)), 200);
    hex_digest_of_certificate(s.tls.client_certificate, digest);
    assert_string_equal(s.client_certificate, digest);
    cairn_test_client_clear(&client);
    SSL_CTX *wrong = cairn_test_client_ctx(NULL, &other);
    bool connected = cairn_test_connect(wrong, s.port, &client);
    /* in TLS 1.3 the client may hear of it only when it reads */
    assert_int_equal(connected && cairn_test_send(&client, GET_HELLO) ? cairn_test_reply(&client, reply, sizeof(reply)) : 0, 0);
    WAIT_UNTIL(stats_of(&s).handshakes_failed == 1);
    if (connected) {
        cairn_test_client_clear(&client);
    }
    SSL_CTX_free(right);
    SSL_CTX_free(wrong);
    cairn_test_tls_clear(&other);
    serve_stop(&s);
}

static void a_client_certificate_counts_only_where_a_ca_is_named(void **state)
{
    (void)state;
    char reply[REPLY_TEXT];
    struct service s;
    struct cairn_test_client client;
    serve_prepare(&s);
    serve_start(&s);
    SSL_CTX *ctx = cairn_test_client_ctx(NULL, &s.tls);
    assert_true(cairn_test_connect(ctx, s.port, &client));
    assert_true(cairn_test_send(&client, GET_HELLO));
    assert_int_equal(cairn_test_reply(&client, reply, sizeof(reply)), 200);
    assert_string_equal(s.client_certificate, "");
    cairn_test_client_clear(&client);
    SSL_CTX_free(ctx);
    serve_stop(&s);
}

static void does_not_start(struct service *s, enum cairn_rc rc, const char *code)
{
    const struct cairn_http_app app = {s, app_worker_new, app_worker_free, app_admit, app_handle};
    struct cairn_err err = {0};
    assert_int_equal(cairn_http_start(&s->config, &app, &s->http, &err), rc);
    assert_string_equal(err.code, code);
    assert_null(s->http);
    assert_int_equal(s->workers, 0);
}

static void does_not_start_on_keys_it_should_not_use(void **state)
{
    (void)state;
    struct service s;
    struct cairn_test_tls other;
    serve_prepare(&s);
    cairn_test_tls_make(&other);
    assert_int_equal(chmod(s.tls.key, 0640), 0);
    does_not_start(&s, CAIRN_E_REFUSED, "file.mode");
    assert_int_equal(chmod(s.tls.key, 0600), 0);
    s.config.key = other.key;
    does_not_start(&s, CAIRN_E_IO, "http.certificate");
    s.config.key = s.tls.key;
    s.config.certificate = s.tls.key;
    does_not_start(&s, CAIRN_E_IO, "http.certificate");
    s.config.certificate = "/nonexistent/server.pem";
    does_not_start(&s, CAIRN_E_IO, "http.certificate");
    s.config.certificate = s.tls.certificate;
    s.config.client_ca = s.tls.key;
    does_not_start(&s, CAIRN_E_IO, "http.certificate");
    s.config.client_ca = NULL;
    cairn_test_tls_clear(&other);
    serve_start(&s);
    serve_stop(&s);
}

static void listens_where_it_is_told(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "", "8443", ":8443", "[::1]", "::1:8443", "[127.0.0.1]:1", "localhost:1", "127.0.0.1:x", "[::1:8443"};
    char reply[REPLY_TEXT];
    struct service s;
    serve_prepare(&s);
    for (size_t i = 0; i < CAIRN_ARRAY_LEN(bad); i++) {
        s.config.listen = bad[i];
        does_not_start(&s, CAIRN_E_USAGE, "http.listen");
    }
    s.config.listen = "192.0.2.1:1";
    does_not_start(&s, CAIRN_E_IO, "http.listen");
    s.config.listen = "systemd";
    does_not_start(&s, CAIRN_E_IO, "http.listen");
    s.config.listen = "127.0.0.1:0";
    s.config.workers = 0;
    does_not_start(&s, CAIRN_E_USAGE, "http.workers");
    s.config.workers = 1;
    s.config.listen = "[::]:0"; /* IPv4 too; where there is no IPv6 at all, that is an error of its own */
    int probe = socket(AF_INET6, SOCK_STREAM, 0);
    if (probe >= 0) {
        (void)close(probe);
        serve_start(&s);
        assert_int_equal(ask(&s, GET_HELLO, reply, sizeof(reply)), 200);
    }
    serve_stop(&s);
}

/* serve_passed_socket is what a process does that systemd started: the socket is descriptor 3. */
static void serve_passed_socket(struct service *s, int fd)
{
    char pid[32];
    (void)snprintf(pid, sizeof(pid), "%ld", (long)getpid());
    if (dup2(fd, 3) == 3 && setenv("LISTEN_PID", pid, 1) == 0 && setenv("LISTEN_FDS", "1", 1) == 0) {
        s->config.listen = "systemd";
        serve_start(s);
        (void)pause();
    }
    _exit(1);
}

static void takes_the_socket_that_systemd_passes(void **state)
{
    (void)state;
    const struct sockaddr_in any = {.sin_family = AF_INET, .sin_addr = {.s_addr = htonl(INADDR_LOOPBACK)}};
    struct sockaddr_in bound = {0};
    socklen_t len = sizeof(bound);
    char reply[REPLY_TEXT];
    struct service s;
    serve_prepare(&s);
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    assert_int_equal(bind(fd, (const struct sockaddr *)&any, sizeof(any)), 0);
    assert_int_equal(listen(fd, 8), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&bound, &len), 0);
    pid_t child = fork();
    if (child == 0) {
        serve_passed_socket(&s, fd);
    }
    s.port = ntohs(bound.sin_port);
    assert_int_equal(ask(&s, GET_HELLO, reply, sizeof(reply)), 200);
    assert_int_equal(kill(child, SIGKILL), 0);
    assert_int_equal(waitpid(child, NULL, 0), child);
    (void)close(fd);
    serve_stop(&s);
}

static struct cairn_peer peer_of(const char *text, const char *want_text)
{
    struct sockaddr_storage address = {0};
    struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)(void *)&address;
    struct sockaddr_in *v4 = (struct sockaddr_in *)(void *)&address;
    struct cairn_peer peer;
    char shown[64];
    address.ss_family = strchr(text, ':') != NULL ? AF_INET6 : AF_INET;
    void *to = address.ss_family == AF_INET6 ? (void *)&v6->sin6_addr : (void *)&v4->sin_addr;
    assert_int_equal(inet_pton(address.ss_family, text, to), 1);
    cairn_peer_of(&address, &peer, shown, sizeof(shown));
    assert_string_equal(shown, want_text);
    return peer;
}

static void counts_connections_by_peer(void **state)
{
    (void)state;
    struct cairn_peers *peers = NULL;
    assert_int_equal(cairn_peers_new(100, &peers, NULL), CAIRN_OK);
    struct cairn_peer v4 = peer_of("192.0.2.1", "192.0.2.1");
    struct cairn_peer mapped = peer_of("::ffff:192.0.2.1", "192.0.2.1");
    struct cairn_peer other = peer_of("192.0.2.2", "192.0.2.2");
    struct cairn_peer v6 = peer_of("2001:db8::1", "2001:db8::1");
    struct cairn_peer same_64 = peer_of("2001:db8::ffff:2", "2001:db8::ffff:2");
    struct cairn_peer local = peer_of("127.0.0.5", "127.0.0.5");
    struct cairn_peer local6 = peer_of("::1", "::1");
    assert_true(cairn_peers_enter(peers, &v4, 2) && cairn_peers_enter(peers, &mapped, 2));
    assert_false(cairn_peers_enter(peers, &v4, 2));
    assert_true(cairn_peers_enter(peers, &other, 2));
    assert_true(cairn_peers_enter(peers, &v6, 1));
    assert_false(cairn_peers_enter(peers, &same_64, 1));
    for (int i = 0; i < 5; i++) {
        assert_true(cairn_peers_enter(peers, &local, 1) && cairn_peers_enter(peers, &local6, 1));
    }
    cairn_peers_leave(peers, &mapped);
    assert_true(cairn_peers_enter(peers, &v4, 2));
    cairn_peers_leave(peers, &v6);
    assert_true(cairn_peers_enter(peers, &same_64, 1));
    cairn_peers_free(peers);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(refuses_tls_1_2),
        cmocka_unit_test(speaks_no_other_protocol),
        cmocka_unit_test(resumes_sessions_until_the_certificate_is_reloaded),
        cmocka_unit_test(a_reload_serves_the_new_certificate_and_keeps_old_connections),
        cmocka_unit_test(a_client_certificate_is_optional_and_verified),
        cmocka_unit_test(a_client_certificate_counts_only_where_a_ca_is_named),
        cmocka_unit_test(does_not_start_on_keys_it_should_not_use),
        cmocka_unit_test(listens_where_it_is_told),
        cmocka_unit_test(takes_the_socket_that_systemd_passes),
        cmocka_unit_test(counts_connections_by_peer),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
