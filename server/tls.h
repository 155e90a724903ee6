/* server/tls.h -- the server's TLS: version 1.3 only, session tickets, ALPN "http/1.1", client certificates where a CA is
 * named.
 *
 * No early data: a request never arrives twice. A resumed session carries the verified client certificate with it for as long
 * as the ticket lives; a reload of the certificates makes new ticket keys and so ends them.
 */
#ifndef CAIRN_SERVER_TLS_H
#define CAIRN_SERVER_TLS_H

#include <openssl/ssl.h>

#include "core/base.h"

/* cairn_tls_new reads PEM files: `certificate` (leaf first, then its chain), `key` (its mode is checked: CAIRN_E_REFUSED
 * "file.mode"), `client_ca` (NULL: no client certificate is asked for; otherwise one is asked for and, when sent, must verify).
 * CAIRN_E_IO "http.certificate": unreadable, no certificate in it, or another key. The caller frees *out (SSL_CTX_free). */
CAIRN_RC cairn_tls_new(const char *certificate, const char *key, const char *client_ca, SSL_CTX **out, struct cairn_err *err);
/* cairn_tls_client_certificate gives SHA-256 of the verified client certificate's DER; false: there is none. */
bool cairn_tls_client_certificate(const SSL *ssl, uint8_t out[32]);

#endif
