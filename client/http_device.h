/* client/http_device.h -- HTTP/1.1 over TLS 1.3 to one server, by libcurl: the only room that knows libcurl.
 *
 * One connection, kept while it is of use. No redirect is followed, no cookie kept, nothing but https spoken, nothing of the
 * environment consulted (no proxy, no netrc, no configuration file). A reply is cut off when it passes its limit, not after.
 * Heads carry what the protocol needs and no more.
 *
 * Trust boundary: the network and the server. TLS keeps what is said from others and tells that this is the configured server;
 * what a device believes rests on signatures. Source: docs/protocol.md; RFC 9110; RFC 7469 section 2.4 for the pin.
 * Threading: one object, one thread.
 */
#ifndef CAIRN_CLIENT_HTTP_DEVICE_H
#define CAIRN_CLIENT_HTTP_DEVICE_H

#include "core/secret.h"

enum { CAIRN_CLIENT_BEARER_MAX = 4096, CAIRN_CLIENT_PATH_MAX = 512 };

/* struct cairn_client_settings: everything is borrowed for the call of cairn_client_new, but `arg`. "" or NULL: not set. */
struct cairn_client_settings {
    const char *server; /* "https://host[:port]", nothing after it */
    const char *ca;     /* file of PEM certificates that may issue the server's; not set: the system's */
    const char *pin;    /* "sha256//BASE64" of the server's SubjectPublicKeyInfo; several with ';' between. Beside the CA */
    const char *proxy;  /* "http://host:port"; not set: none, whatever the environment says */
    const char *certificate, *key; /* PEM files that authenticate an operator; key of mode 0600 */
    unsigned connect_ms, total_ms; /* 0: 15 s and 60 s. total_ms is for a whole call */
    /* While a call waits: `alive` is asked at least once a second, and whenever `wake_fd` is readable; false ends the call. */
    bool (*alive)(void *arg);
    void *arg;
    int wake_fd; /* -1: none */
};

struct cairn_client; /* opaque */
/* cairn_client_new connects nothing. CAIRN_E_USAGE "client.server" (not an https URL of a host and nothing more), "client.pin",
 * "client.proxy"; CAIRN_E_REFUSED "file.mode" (the key can be read by others); file.*; CAIRN_E_IO "client.library". */
CAIRN_RC cairn_client_new(const struct cairn_client_settings *settings, struct cairn_client **out, struct cairn_err *err);
void cairn_client_free(struct cairn_client *client);
void cairn_client_freep(struct cairn_client **client);
#define CAIRN_CLIENT CAIRN_CLEANUP(cairn_client_freep) struct cairn_client
/* cairn_client_rest closes the connection and gives back its memory; the next call makes a new one. */
void cairn_client_rest(struct cairn_client *client);

struct cairn_client_ask {
    const char *path; /* "/v1/evidence", with its query */
    bool post;        /* else GET */
    const char *type; /* content type of the body; NULL: no body */
    struct cairn_span body;
    const struct cairn_secret *bearer; /* NULL: none */
    const char *upload_token;          /* NULL or "": none */
    size_t max_reply;
};
struct cairn_client_reply {
    int status;
    char type[96]; /* content type without parameters; "" when there is none */
    uint32_t retry_after_s;
    struct cairn_buf body;
};
void cairn_client_reply_clear(struct cairn_client_reply *reply);
#define CAIRN_CLIENT_REPLY CAIRN_CLEANUP(cairn_client_reply_clear) struct cairn_client_reply
/* cairn_client_call makes one call. Any complete reply is CAIRN_OK, whatever its status; `out` is all-zero or an earlier one.
 * CAIRN_E_SERVER (waiting may help) "server.unreached", "server.timeout", "server.tls" (no TLS 1.3, or a broken handshake),
 * "server.certificate" (not issued by the CA for this name, or expired), "server.pin" (another key), "server.cut" (the
 * connection broke), "server.large" (longer than max_reply), "server.http" (not HTTP that makes sense);
 * CAIRN_E_BUSY "client.stopped" (alive() said so); CAIRN_E_USAGE "client.bearer", "client.path"; CAIRN_E_IO. */
CAIRN_RC cairn_client_call(struct cairn_client *client, const struct cairn_client_ask *ask, struct cairn_client_reply *out,
                           struct cairn_err *err);

/* cairn_client_bearer reads a token from a file of mode 0600: one line of visible ASCII. CAIRN_E_REFUSED "file.mode";
 * CAIRN_E_FORMAT "client.bearer"; file.*. */
CAIRN_RC cairn_client_bearer(const char *path, struct cairn_secret **out, struct cairn_err *err);

#endif
