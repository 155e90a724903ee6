/* tests/support/test_tls.c -- see tests/support/test_tls.h. */
#include "support/test_tls.h"

#include "support/cmocka_all.h"

#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <unistd.h>

#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

struct identity {
    X509 *x509;
    EVP_PKEY *pkey;
};

static void add_extension(X509 *x509, X509 *issuer, int nid, const char *value)
{
    X509V3_CTX ctx;
    X509V3_set_ctx(&ctx, issuer, x509, NULL, NULL, 0);
    X509_EXTENSION *extension = X509V3_EXT_conf_nid(NULL, &ctx, nid, value);
    assert_non_null(extension);
    assert_int_equal(X509_add_ext(x509, extension, -1), 1);
    X509_EXTENSION_free(extension);
}

/* make_identity makes a P-256 key and a certificate of `name`, signed by `ca` (NULL: by itself, a CA). */
static struct identity make_identity(const char *name, long serial, const struct identity *ca)
{
    struct identity made = {X509_new(), EVP_EC_gen("P-256")};
    const struct identity *signer = ca == NULL ? &made : ca;
    assert_non_null(made.x509);
    assert_non_null(made.pkey);
    assert_int_equal(X509_set_version(made.x509, 2), 1);
    assert_int_equal(ASN1_INTEGER_set(X509_get_serialNumber(made.x509), serial), 1);
    assert_non_null(X509_gmtime_adj(X509_getm_notBefore(made.x509), -3600));
    assert_non_null(X509_gmtime_adj(X509_getm_notAfter(made.x509), 86400));
    X509_NAME *subject = X509_get_subject_name(made.x509);
    assert_int_equal(X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_ASC, (const unsigned char *)name, -1, -1, 0), 1);
    assert_int_equal(X509_set_issuer_name(made.x509, X509_get_subject_name(signer->x509)), 1);
    assert_int_equal(X509_set_pubkey(made.x509, made.pkey), 1);
    add_extension(made.x509, signer->x509, NID_basic_constraints, ca == NULL ? "critical,CA:TRUE" : "critical,CA:FALSE");
    if (ca != NULL) {
        add_extension(made.x509, signer->x509, NID_subject_alt_name, "DNS:localhost,IP:127.0.0.1");
        add_extension(made.x509, signer->x509, NID_ext_key_usage, "serverAuth,clientAuth");
    }
    assert_true(X509_sign(made.x509, signer->pkey, EVP_sha256()) > 0);
    return made;
}

static void free_identity(struct identity *identity)
{
    X509_free(identity->x509);
    EVP_PKEY_free(identity->pkey);
}

static void write_identity(const struct identity *identity, const char *certificate, const char *key)
{
    FILE *f = fopen(certificate, "w");
    assert_non_null(f);
    assert_int_equal(PEM_write_X509(f, identity->x509), 1);
    assert_int_equal(fclose(f), 0);
    if (key != NULL) {
        f = fopen(key, "w");
        assert_non_null(f);
        assert_int_equal(PEM_write_PrivateKey(f, identity->pkey, NULL, NULL, 0, NULL, NULL), 1);
        assert_int_equal(fclose(f), 0);
        assert_int_equal(chmod(key, 0600), 0);
    }
}

static void name_file(char out[CAIRN_TEST_PATH], const char *dir, const char *name)
{
    int n = snprintf(out, CAIRN_TEST_PATH, "%.100s/%s", dir, name);
    assert_true(n > 0 && n < CAIRN_TEST_PATH);
}

void cairn_test_tls_renew(struct cairn_test_tls *tls)
{
    struct identity ca = make_identity("cairn test CA", 1, NULL);
    struct identity server = make_identity("localhost", 2, &ca);
    struct identity client = make_identity("operator", 3, &ca);
    write_identity(&ca, tls->ca, NULL);
    write_identity(&server, tls->certificate, tls->key);
    write_identity(&client, tls->client_certificate, tls->client_key);
    free_identity(&ca);
    free_identity(&server);
    free_identity(&client);
}

void cairn_test_tls_make(struct cairn_test_tls *out)
{
    *out = (struct cairn_test_tls){.dir = "/tmp/cairn-tls-XXXXXX"};
    assert_non_null(mkdtemp(out->dir));
    name_file(out->ca, out->dir, "ca.pem");
    name_file(out->certificate, out->dir, "server.pem");
    name_file(out->key, out->dir, "server.key");
    name_file(out->client_certificate, out->dir, "client.pem");
    name_file(out->client_key, out->dir, "client.key");
    cairn_test_tls_renew(out);
}

void cairn_test_tls_clear(struct cairn_test_tls *tls)
{
    (void)unlink(tls->ca);
    (void)unlink(tls->certificate);
    (void)unlink(tls->key);
    (void)unlink(tls->client_certificate);
    (void)unlink(tls->client_key);
    (void)rmdir(tls->dir);
}

SSL_CTX *cairn_test_client_ctx(const char *ca, const struct cairn_test_tls *client)
{
    SSL_CTX *ctx = SSL_CTX_new(TLS_client_method());
    assert_non_null(ctx);
    if (ca != NULL) {
        assert_int_equal(SSL_CTX_load_verify_locations(ctx, ca, NULL), 1);
        SSL_CTX_set_verify(ctx, SSL_VERIFY_PEER, NULL);
    }
    if (client != NULL) {
        assert_int_equal(SSL_CTX_use_certificate_file(ctx, client->client_certificate, SSL_FILETYPE_PEM), 1);
        assert_int_equal(SSL_CTX_use_PrivateKey_file(ctx, client->client_key, SSL_FILETYPE_PEM), 1);
    }
    return ctx;
}

int cairn_test_tcp(uint16_t port)
{
    const struct sockaddr_in address = {
        .sin_family = AF_INET, .sin_port = htons(port), .sin_addr = {.s_addr = htonl(INADDR_LOOPBACK)}};
    const struct timeval wait = {.tv_sec = 10};
    const int on = 1;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_true(fd >= 0);
    assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &wait, sizeof(wait)), 0);
    assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &wait, sizeof(wait)), 0);
    assert_int_equal(setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on)), 0);
    if (connect(fd, (const struct sockaddr *)&address, sizeof(address)) != 0) {
        (void)close(fd);
        return -1;
    }
    return fd;
}

bool cairn_test_connect(SSL_CTX *ctx, uint16_t port, struct cairn_test_client *client)
{
    *client = (struct cairn_test_client){.fd = cairn_test_tcp(port)};
    if (client->fd < 0) {
        return false;
    }
    client->ssl = SSL_new(ctx);
    assert_non_null(client->ssl);
    assert_int_equal(SSL_set_fd(client->ssl, client->fd), 1);
    if (SSL_connect(client->ssl) != 1) {
        ERR_clear_error();
        cairn_test_client_clear(client);
        return false;
    }
    return true;
}

void cairn_test_client_clear(struct cairn_test_client *client)
{
    SSL_free(client->ssl);
    if (client->fd >= 0) {
        (void)close(client->fd);
    }
    *client = (struct cairn_test_client){.fd = -1};
}

bool cairn_test_send(struct cairn_test_client *client, const char *text)
{
    int len = (int)strlen(text);
    bool sent = SSL_write(client->ssl, text, len) == len;
    ERR_clear_error();
    return sent;
}

static size_t read_more(struct cairn_test_client *client, char *out, size_t len)
{
    int n = SSL_read(client->ssl, out, (int)len);
    ERR_clear_error();
    return n > 0 ? (size_t)n : 0;
}

int cairn_test_reply(struct cairn_test_client *client, char *out, size_t cap)
{
    size_t len = 0;
    out[0] = '\0';
    while (strstr(out, "\r\n\r\n") == NULL) {
        size_t n = len + 1 < cap ? read_more(client, out + len, 1) : 0;
        if (n == 0) {
            return 0;
        }
        len += n;
        out[len] = '\0';
    }
    const char *length = strstr(out, "Content-Length: ");
    size_t want = len + (length == NULL ? 0 : strtoul(length + strlen("Content-Length: "), NULL, 10));
    assert_true(want < cap);
    while (len < want) {
        size_t n = read_more(client, out + len, want - len);
        if (n == 0) {
            return 0;
        }
        len += n;
        out[len] = '\0';
    }
    return (int)strtol(out + strlen("HTTP/1.1 "), NULL, 10);
}

bool cairn_test_ended(struct cairn_test_client *client)
{
    char byte = 0;
    int n = SSL_read(client->ssl, &byte, 1);
    int error = SSL_get_error(client->ssl, n);
    ERR_clear_error();
    return n <= 0 && error != SSL_ERROR_WANT_READ && error != SSL_ERROR_WANT_WRITE;
}
