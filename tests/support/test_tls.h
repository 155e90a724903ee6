/* tests/support/test_tls.h -- a CA, a server's and a client's certificate, made at run time; and a blocking TLS 1.3 client.
 *
 * Everything fails the running test (assert) when something goes wrong, except what is there to fail: connecting and reading.
 */
#ifndef CAIRN_TESTS_TEST_TLS_H
#define CAIRN_TESTS_TEST_TLS_H

#include <openssl/ssl.h>

#include "core/wire.h"

enum { CAIRN_TEST_PATH = 128 };
/* Files in a fresh directory below /tmp: certificates and keys, PEM. */
struct cairn_test_tls {
    char dir[CAIRN_TEST_PATH];
    char ca[CAIRN_TEST_PATH];
    char certificate[CAIRN_TEST_PATH], key[CAIRN_TEST_PATH];
    char client_certificate[CAIRN_TEST_PATH], client_key[CAIRN_TEST_PATH];
};
void cairn_test_tls_make(struct cairn_test_tls *out);
/* cairn_test_tls_renew replaces the server's certificate and key by fresh ones of a fresh CA. */
void cairn_test_tls_renew(struct cairn_test_tls *tls);
void cairn_test_tls_clear(struct cairn_test_tls *tls);

struct cairn_test_client {
    int fd;
    SSL *ssl;
};
/* A client's SSL_CTX: no verification but where `ca` is given; `client` (may be NULL) lends its client certificate. */
SSL_CTX *cairn_test_client_ctx(const char *ca, const struct cairn_test_tls *client);
int cairn_test_tcp(uint16_t port); /* a blocking socket to 127.0.0.1 with a time-out of 10 s for each call */
/* cairn_test_connect: false when the handshake fails; *client is then cleared. */
bool cairn_test_connect(SSL_CTX *ctx, uint16_t port, struct cairn_test_client *client);
void cairn_test_client_clear(struct cairn_test_client *client);
bool cairn_test_send(struct cairn_test_client *client, const char *text);
/* cairn_test_reply reads one whole reply (head, then Content-Length bytes) as text; 0: the connection ended before. */
int cairn_test_reply(struct cairn_test_client *client, char *out, size_t cap);
/* cairn_test_ended: the server ends the connection without another byte, within the socket's time-out. */
bool cairn_test_ended(struct cairn_test_client *client);

#endif
