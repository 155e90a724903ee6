/* server/tls.c -- see server/tls.h. */
#include "server/tls.h"

#include <limits.h>

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509.h>

#include "core/file.h"

enum { PEM_MAX = 1 << 20, TICKET_LIFE_S = 7200, CLIENT_CHAIN_MAX = 4, CLIENT_CHAIN_BYTES = 16384 };
static const unsigned char HTTP_1_1[] = {8, 'h', 't', 't', 'p', '/', '1', '.', '1'};

static void free_bio(BIO **bio)
{
    (void)BIO_free(*bio);
}

static void free_pkey(EVP_PKEY **pkey)
{
    EVP_PKEY_free(*pkey);
}

static void free_x509(X509 **x509)
{
    X509_free(*x509);
}

static void free_ctx(SSL_CTX **ctx)
{
    SSL_CTX_free(*ctx);
}

static enum cairn_rc bad_pem(struct cairn_err *err, const char *path, const char *why)
{
    unsigned long code = ERR_peek_last_error();
    ERR_clear_error();
    return CAIRN_FAIL_CAUSE(err, CAIRN_E_IO, "http.certificate", code, "%s: %s", path, why);
}

/* An encrypted key would make the library ask on the terminal: a service has nobody to ask. */
static int no_password(char *buf CAIRN_UNUSED, int size CAIRN_UNUSED, int writing CAIRN_UNUSED, void *arg CAIRN_UNUSED)
{
    return -1;
}

static BIO *bio_of(const struct cairn_buf *pem)
{
    return pem->len == 0 || pem->len > INT_MAX ? NULL : BIO_new_mem_buf(pem->p, (int)pem->len);
}

/* read_pem reads a file of certificates; a failure that is not the mode's is this service's "http.certificate". */
static enum cairn_rc read_pem(const char *path, bool is_private, struct cairn_buf *out, struct cairn_err *err)
{
    struct cairn_err why = {0};
    enum cairn_rc rc =
        is_private ? cairn_path_read_private(path, PEM_MAX, out, &why) : cairn_path_read(path, PEM_MAX, out, &why);
    if (rc == CAIRN_E_REFUSED) {
        return CAIRN_FAIL(err, rc, why.code, "%s", why.text);
    }
    return rc == CAIRN_OK ? CAIRN_OK : CAIRN_FAIL_CAUSE(err, CAIRN_E_IO, "http.certificate", why.cause, "%s", why.text);
}

/* each_certificate gives every certificate of a PEM file to `use`, with its number. */
static enum cairn_rc each_certificate(SSL_CTX *ctx, const char *path, bool (*use)(SSL_CTX *, X509 *, int),
                                      struct cairn_err *err)
{
    CAIRN_BUF pem = {0};
    CAIRN_TRY(read_pem(path, false, &pem, err));
    CAIRN_CLEANUP(free_bio) BIO *bio = bio_of(&pem);
    int num = 0;
    for (; bio != NULL; num++) {
        CAIRN_CLEANUP(free_x509) X509 *x509 = PEM_read_bio_X509(bio, NULL, no_password, NULL);
        if (x509 == NULL) {
            break;
        }
        if (!use(ctx, x509, num)) {
            return bad_pem(err, path, "a certificate in it cannot be used");
        }
    }
    if (num == 0 || ERR_GET_REASON(ERR_peek_last_error()) != PEM_R_NO_START_LINE) {
        return bad_pem(err, path, num == 0 ? "no certificate in it" : "not only certificates in it");
    }
    ERR_clear_error();
    return CAIRN_OK;
}

static bool use_own(SSL_CTX *ctx, X509 *x509, int num)
{
    return num == 0 ? SSL_CTX_use_certificate(ctx, x509) == 1 : SSL_CTX_add1_chain_cert(ctx, x509) == 1;
}

static bool use_client_ca(SSL_CTX *ctx, X509 *x509, int num CAIRN_UNUSED)
{
    return X509_STORE_add_cert(SSL_CTX_get_cert_store(ctx), x509) == 1 && SSL_CTX_add_client_CA(ctx, x509) == 1;
}

static enum cairn_rc use_key(SSL_CTX *ctx, const char *path, struct cairn_err *err)
{
    CAIRN_BUF pem = {0};
    CAIRN_TRY(read_pem(path, true, &pem, err));
    CAIRN_CLEANUP(free_bio) BIO *bio = bio_of(&pem);
    CAIRN_CLEANUP(free_pkey) EVP_PKEY *pkey = bio == NULL ? NULL : PEM_read_bio_PrivateKey(bio, NULL, no_password, NULL);
    if (pkey == NULL) {
        return bad_pem(err, path, "no private key in it, or one that needs a password");
    }
    if (SSL_CTX_use_PrivateKey(ctx, pkey) != 1 || SSL_CTX_check_private_key(ctx) != 1) {
        return bad_pem(err, path, "not the key of the certificate");
    }
    return CAIRN_OK;
}

static int select_alpn(SSL *ssl CAIRN_UNUSED, const unsigned char **out, unsigned char *out_len, const unsigned char *in,
                       unsigned in_len, void *arg CAIRN_UNUSED)
{
    unsigned char *chosen = NULL;
    if (SSL_select_next_proto(&chosen, out_len, HTTP_1_1, sizeof(HTTP_1_1), in, in_len) != OPENSSL_NPN_NEGOTIATED) {
        return SSL_TLSEXT_ERR_ALERT_FATAL;
    }
    *out = chosen;
    return SSL_TLSEXT_ERR_OK;
}

static bool set_up(SSL_CTX *ctx)
{
    static const unsigned char context[] = "cairn";
    (void)SSL_CTX_set_options(ctx, SSL_OP_NO_COMPRESSION | SSL_OP_NO_RENEGOTIATION);
    (void)SSL_CTX_set_mode(ctx, SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
    (void)SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_OFF); /* tickets keep the state with the client */
    (void)SSL_CTX_set_timeout(ctx, TICKET_LIFE_S);
    SSL_CTX_set_alpn_select_cb(ctx, select_alpn, NULL);
    SSL_CTX_set_verify_depth(ctx, CLIENT_CHAIN_MAX);
    (void)SSL_CTX_set_max_cert_list(ctx, CLIENT_CHAIN_BYTES);
    return SSL_CTX_set_min_proto_version(ctx, TLS1_3_VERSION) == 1 && SSL_CTX_set_max_proto_version(ctx, TLS1_3_VERSION) == 1 &&
           SSL_CTX_set_num_tickets(ctx, 1) == 1 && SSL_CTX_set_session_id_context(ctx, context, sizeof(context) - 1) == 1;
}

enum cairn_rc cairn_tls_new(const char *certificate, const char *key, const char *client_ca, SSL_CTX **out,
                            struct cairn_err *err)
{
    CAIRN_CLEANUP(free_ctx) SSL_CTX *ctx = SSL_CTX_new(TLS_server_method());
    if (ctx == NULL || !set_up(ctx)) {
        return bad_pem(err, certificate, "OpenSSL cannot be set up for TLS 1.3");
    }
    CAIRN_TRY(each_certificate(ctx, certificate, use_own, err));
    CAIRN_TRY(use_key(ctx, key, err));
    if (client_ca != NULL) {
        CAIRN_TRY(each_certificate(ctx, client_ca, use_client_ca, err));
        SSL_CTX_set_verify(ctx, SSL_VERIFY_PEER, NULL); /* optional: what a call may do without is the application's matter */
    }
    *out = ctx;
    ctx = NULL;
    return CAIRN_OK;
}

bool cairn_tls_client_certificate(const SSL *ssl, uint8_t out[32])
{
    X509 *x509 = SSL_get0_peer_certificate(ssl);
    unsigned len = 32;
    return x509 != NULL && SSL_get_verify_result(ssl) == X509_V_OK && X509_digest(x509, EVP_sha256(), out, &len) == 1;
}
