/* client/http_device.c -- see client/http_device.h. */
#include "client/http_device.h"

#include <curl/curl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/file.h"

enum { URL_MAX = 256, HEAD_MAX = 16 << 10, LINE_MAX_LEN = CAIRN_CLIENT_BEARER_MAX + 64, KEY_MAX = 16 << 10 };
enum { CONNECT_MS = 15000, TOTAL_MS = 60000, TICK_MS = 1000, RETRY_AFTER_MAX_S = 7 * 86400 };

struct cairn_client {
    char server[URL_MAX], ca[URL_MAX], pin[512], proxy[URL_MAX], certificate[URL_MAX];
    struct cairn_secret *key; /* PEM */
    unsigned connect_ms, total_ms;
    bool (*alive)(void *arg);
    void *arg;
    int wake_fd;
    CURLM *multi;
    CURL *easy; /* NULL while at rest */
};

/* struct transfer is one call under way. */
struct transfer {
    struct cairn_client_reply reply;
    size_t max_reply, head_len;
    bool large, no_memory;
    struct curl_slist *fields;
};

static void free_fields(struct transfer *t)
{
    for (struct curl_slist *f = t->fields; f != NULL; f = f->next) {
        cairn_wipe(f->data, strlen(f->data)); /* the bearer token is among them */
    }
    curl_slist_free_all(t->fields);
}

static void transfer_clear(struct transfer *t)
{
    cairn_client_reply_clear(&t->reply);
    free_fields(t);
}

void cairn_client_reply_clear(struct cairn_client_reply *reply)
{
    cairn_buf_clear(&reply->body);
    *reply = (struct cairn_client_reply){.status = 0};
}

static bool is_set(const char *text)
{
    return text != NULL && text[0] != '\0';
}

static CAIRN_RC put(char *to, size_t cap, const char *what, const char *value, struct cairn_err *err)
{
    const int n = snprintf(to, cap, "%s", is_set(value) ? value : "");
    return n >= 0 && (size_t)n < cap
               ? CAIRN_OK
               : CAIRN_FAIL(err, CAIRN_E_USAGE, "client.server", "%s is longer than %zu characters", what, cap - 1);
}

/* Only a host and a port: no user, path, query or fragment that could move what we ask for. */
static CAIRN_RC check_server(const char *server, struct cairn_err *err)
{
    static const char ALPHABET[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-:[]";
    static const char SCHEME[] = "https://";
    const bool ok = is_set(server) && strncmp(server, SCHEME, sizeof SCHEME - 1) == 0 && strlen(server) > sizeof SCHEME - 1 &&
                    strspn(server + sizeof SCHEME - 1, ALPHABET) == strlen(server + sizeof SCHEME - 1);
    return ok ? CAIRN_OK
              : CAIRN_FAIL(err, CAIRN_E_USAGE, "client.server", "the server is written https://host or https://host:port");
}

static CAIRN_RC check_pin(const char *pin, struct cairn_err *err)
{
    static const char PREFIX[] = "sha256//";
    enum { DIGEST_TEXT = 44 };
    for (const char *at = is_set(pin) ? pin : NULL; at != NULL;) {
        const size_t len = strcspn(at, ";");
        CAIRN_BUF digest = {0};
        const bool ok = len == sizeof PREFIX - 1 + DIGEST_TEXT && strncmp(at, PREFIX, sizeof PREFIX - 1) == 0 &&
                        cairn_base64_decode(cairn_span(at + sizeof PREFIX - 1, DIGEST_TEXT), 32, &digest, NULL) == CAIRN_OK;
        if (!ok) {
            return CAIRN_FAIL(err, CAIRN_E_USAGE, "client.pin",
                              "a pin is written sha256//BASE64, of SHA-256 over the server's public key (several: ';')");
        }
        at = at[len] == ';' ? at + len + 1 : NULL;
    }
    return CAIRN_OK;
}

static CAIRN_RC check_proxy(const char *proxy, struct cairn_err *err)
{
    return !is_set(proxy) || strncmp(proxy, "http://", 7) == 0 || strncmp(proxy, "https://", 8) == 0
               ? CAIRN_OK
               : CAIRN_FAIL(err, CAIRN_E_USAGE, "client.proxy", "a proxy is written http://host:port");
}

static CAIRN_RC read_key(const char *path, struct cairn_secret **out, struct cairn_err *err)
{
    CAIRN_BUF pem = {0};
    if (!is_set(path)) {
        return CAIRN_OK;
    }
    CAIRN_TRY(cairn_path_read_private(path, KEY_MAX, &pem, err));
    return cairn_secret_copy(cairn_buf_span(&pem), out, err);
}

static CAIRN_RC fill(struct cairn_client *c, const struct cairn_client_settings *s, struct cairn_err *err)
{
    CAIRN_TRY(check_server(s->server, err));
    CAIRN_TRY(check_pin(s->pin, err));
    CAIRN_TRY(check_proxy(s->proxy, err));
    CAIRN_TRY(put(c->server, sizeof c->server, "the server's URL", s->server, err));
    CAIRN_TRY(put(c->ca, sizeof c->ca, "the CA file's name", s->ca, err));
    CAIRN_TRY(put(c->pin, sizeof c->pin, "the pin", s->pin, err));
    CAIRN_TRY(put(c->proxy, sizeof c->proxy, "the proxy", s->proxy, err));
    CAIRN_TRY(put(c->certificate, sizeof c->certificate, "the certificate's name", s->certificate, err));
    c->connect_ms = s->connect_ms > 0 ? s->connect_ms : CONNECT_MS;
    c->total_ms = s->total_ms > 0 ? s->total_ms : TOTAL_MS;
    c->alive = s->alive;
    c->arg = s->arg;
    c->wake_fd = s->wake_fd;
    return read_key(s->key, &c->key, err);
}

enum cairn_rc cairn_client_new(const struct cairn_client_settings *settings, struct cairn_client **out, struct cairn_err *err)
{
    CAIRN_CLIENT *client = calloc(1, sizeof *client);
    if (client == NULL || curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK) {
        free(client);
        client = NULL;
        return CAIRN_FAIL(err, CAIRN_E_IO, "client.library", "libcurl cannot be used: no memory?");
    }
    CAIRN_TRY(fill(client, settings, err));
    *out = client;
    client = NULL;
    return CAIRN_OK;
}

void cairn_client_rest(struct cairn_client *client)
{
    if (client->easy != NULL) {
        (void)curl_multi_remove_handle(client->multi, client->easy);
        curl_easy_cleanup(client->easy);
        client->easy = NULL;
    }
    if (client->multi != NULL) {
        (void)curl_multi_cleanup(client->multi);
        client->multi = NULL;
    }
}

void cairn_client_free(struct cairn_client *client)
{
    if (client == NULL) {
        return;
    }
    cairn_client_rest(client);
    cairn_secret_free(client->key);
    free(client);
    curl_global_cleanup();
}

void cairn_client_freep(struct cairn_client **client)
{
    cairn_client_free(*client);
    *client = NULL;
}

/* libcurl's callback: another number than `size * num` ends the transfer. */
static size_t on_body(char *bytes, size_t size, size_t num, void *arg)
{
    struct transfer *t = arg;
    const size_t len = size * num;
    if (len > t->max_reply - t->reply.body.len) {
        t->large = true;
        return 0;
    }
    t->no_memory = cairn_buf_append(&t->reply.body, cairn_span(bytes, len), NULL) != CAIRN_OK;
    return t->no_memory ? 0 : len;
}

static size_t on_field(char *bytes CAIRN_UNUSED, size_t size, size_t num, void *arg)
{
    struct transfer *t = arg;
    t->head_len += size * num;
    t->large = t->large || t->head_len > HEAD_MAX;
    return t->large ? 0 : size * num;
}

#define SET(option, value)                                                                                                     \
    do {                                                                                                                       \
        CURLcode set_ = curl_easy_setopt(easy, (option), (value));                                                             \
        if (set_ != CURLE_OK) {                                                                                                \
            return CAIRN_FAIL_CAUSE(err, CAIRN_E_IO, "client.library", set_, "libcurl: %s", curl_easy_strerror(set_));         \
        }                                                                                                                      \
    } while (0)

static CAIRN_RC set_tls(const struct cairn_client *c, CURL *easy, struct cairn_err *err)
{
    SET(CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_3);
    SET(CURLOPT_SSL_VERIFYPEER, 1L);
    SET(CURLOPT_SSL_VERIFYHOST, 2L);
    if (c->ca[0] != '\0') {
        SET(CURLOPT_CAINFO, c->ca);
        SET(CURLOPT_CAPATH, NULL);
    }
    if (c->pin[0] != '\0') {
        SET(CURLOPT_PINNEDPUBLICKEY, c->pin);
    }
    if (c->certificate[0] != '\0') {
        SET(CURLOPT_SSLCERT, c->certificate);
    }
    if (c->key != NULL) {
        const struct cairn_span pem = cairn_secret_span(c->key);
        struct curl_blob blob = {.data = cairn_secret_bytes(c->key), .len = pem.len, .flags = CURL_BLOB_NOCOPY};
        SET(CURLOPT_SSLKEY_BLOB, &blob);
    }
    return CAIRN_OK;
}

static CAIRN_RC set_connection(const struct cairn_client *c, CURL *easy, struct cairn_err *err)
{
    SET(CURLOPT_NOSIGNAL, 1L);
    SET(CURLOPT_QUICK_EXIT, 1L); /* a name that does not resolve must not hold up the end of the program */
    SET(CURLOPT_PROTOCOLS_STR, "https");
    SET(CURLOPT_FOLLOWLOCATION, 0L);
    SET(CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
    SET(CURLOPT_SSL_ENABLE_ALPN, 0L);
    SET(CURLOPT_HTTP09_ALLOWED, 0L);
    SET(CURLOPT_PATH_AS_IS, 1L);
    SET(CURLOPT_PROXY, c->proxy); /* "" keeps the environment's out as well */
    SET(CURLOPT_NOPROXY, "");
    SET(CURLOPT_SUPPRESS_CONNECT_HEADERS, 1L);
    SET(CURLOPT_HEADEROPT, (long)CURLHEADER_SEPARATE); /* a proxy sees no token */
    SET(CURLOPT_CONNECTTIMEOUT_MS, (long)c->connect_ms);
    SET(CURLOPT_TIMEOUT_MS, (long)c->total_ms);
    SET(CURLOPT_BUFFERSIZE, 16384L);
    SET(CURLOPT_UPLOAD_BUFFERSIZE, 16384L);
    return CAIRN_OK;
}

static CAIRN_RC wake(struct cairn_client *c, struct cairn_err *err)
{
    if (c->easy != NULL) {
        return CAIRN_OK;
    }
    c->multi = curl_multi_init();
    c->easy = c->multi != NULL ? curl_easy_init() : NULL;
    enum cairn_rc rc = c->easy == NULL ? CAIRN_FAIL(err, CAIRN_E_IO, "client.library", "no memory for a connection")
                                       : set_connection(c, c->easy, err);
    rc = rc == CAIRN_OK ? set_tls(c, c->easy, err) : rc;
    if (rc != CAIRN_OK) {
        cairn_client_rest(c);
    }
    return rc;
}

static bool is_visible(struct cairn_span text)
{
    for (size_t i = 0; i < text.len; i++) {
        if (text.p[i] <= ' ' || text.p[i] > '~') {
            return false;
        }
    }
    return text.len > 0;
}

static CAIRN_RC add_field(struct transfer *t, const char *name, struct cairn_span value, struct cairn_err *err)
{
    char line[LINE_MAX_LEN] = "";
    const int n = snprintf(line, sizeof line, "%s%.*s", name, (int)value.len, value.len > 0 ? (const char *)value.p : "");
    struct curl_slist *more = n > 0 && (size_t)n < sizeof line ? curl_slist_append(t->fields, line) : NULL;
    cairn_wipe(line, sizeof line);
    if (more == NULL) {
        return CAIRN_FAIL(err, CAIRN_E_IO, "memory", "no memory for a request");
    }
    t->fields = more;
    return CAIRN_OK;
}

/* "Name:" without a value keeps libcurl from sending its own. */
static CAIRN_RC set_fields(const struct cairn_client_ask *ask, struct transfer *t, struct cairn_err *err)
{
    CAIRN_TRY(add_field(t, "Accept:", cairn_span(NULL, 0), err));
    CAIRN_TRY(add_field(t, "Expect:", cairn_span(NULL, 0), err));
    CAIRN_TRY(add_field(
        t, ask->type != NULL ? "Content-Type: " : "Content-Type:", cairn_span_str(ask->type != NULL ? ask->type : ""), err));
    if (is_set(ask->upload_token)) {
        CAIRN_TRY(add_field(t, "Cairn-Upload-Token: ", cairn_span_str(ask->upload_token), err));
    }
    if (ask->bearer == NULL) {
        return CAIRN_OK;
    }
    if (cairn_secret_span(ask->bearer).len > CAIRN_CLIENT_BEARER_MAX || !is_visible(cairn_secret_span(ask->bearer))) {
        return CAIRN_FAIL(err, CAIRN_E_USAGE, "client.bearer", "a token is one line of visible characters");
    }
    return add_field(t, "Authorization: Bearer ", cairn_secret_span(ask->bearer), err);
}

static CAIRN_RC set_request(const struct cairn_client *c, const struct cairn_client_ask *ask, struct transfer *t,
                            struct cairn_err *err)
{
    char url[URL_MAX + CAIRN_CLIENT_PATH_MAX] = "";
    CURL *easy = c->easy;
    if (ask->path[0] != '/' || strlen(ask->path) >= CAIRN_CLIENT_PATH_MAX || !is_visible(cairn_span_str(ask->path))) {
        return CAIRN_FAIL(err, CAIRN_E_USAGE, "client.path", "no such call can be made");
    }
    (void)snprintf(url, sizeof url, "%s%s", c->server, ask->path);
    CAIRN_TRY(set_fields(ask, t, err));
    SET(CURLOPT_URL, url);
    SET(CURLOPT_POSTFIELDS, NULL);
    SET(CURLOPT_HTTPGET, 1L);
    if (ask->post) {
        SET(CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)ask->body.len);
        SET(CURLOPT_POST, 1L);
        SET(CURLOPT_POSTFIELDS, ask->body.len > 0 ? (const char *)ask->body.p : "");
    }
    SET(CURLOPT_HTTPHEADER, t->fields);
    SET(CURLOPT_WRITEFUNCTION, on_body);
    SET(CURLOPT_WRITEDATA, t);
    SET(CURLOPT_HEADERFUNCTION, on_field);
    SET(CURLOPT_HEADERDATA, t);
    return CAIRN_OK;
}

static CAIRN_RC name_failure(const struct transfer *t, const char *server, CURLcode code, struct cairn_err *err)
{
    static const struct {
        CURLcode code;
        const char *name, *text;
    } KNOWN[] = {
        {CURLE_OPERATION_TIMEDOUT, "server.timeout", "did not answer in time"},
        {CURLE_PEER_FAILED_VERIFICATION, "server.certificate",
         "showed a certificate that the configured CA did not issue for this name, or that is not valid today"},
        {CURLE_SSL_CACERT_BADFILE, "server.certificate", "cannot be verified: the configured CA file cannot be read"},
        {CURLE_SSL_PINNEDPUBKEYNOTMATCH, "server.pin", "has another key than the pinned one"},
        {CURLE_SSL_CONNECT_ERROR, "server.tls", "does not speak TLS 1.3 with us"},
        {CURLE_SSL_CIPHER, "server.tls", "does not speak TLS 1.3 with us"},
        {CURLE_SEND_ERROR, "server.cut", "closed the connection"},
        {CURLE_RECV_ERROR, "server.cut", "closed the connection"},
        {CURLE_GOT_NOTHING, "server.cut", "closed the connection without an answer"},
        {CURLE_PARTIAL_FILE, "server.cut", "closed the connection within its answer"},
        {CURLE_COULDNT_RESOLVE_HOST, "server.unreached", "has a name that cannot be resolved"},
        {CURLE_COULDNT_RESOLVE_PROXY, "server.unreached", "is behind a proxy whose name cannot be resolved"},
        {CURLE_COULDNT_CONNECT, "server.unreached", "cannot be connected to"},
    };
    if (code == CURLE_OUT_OF_MEMORY || t->no_memory) {
        return CAIRN_FAIL(err, CAIRN_E_IO, "memory", "no memory for a reply");
    }
    if (t->large) {
        return CAIRN_FAIL(err, CAIRN_E_SERVER, "server.large", "%s: the answer is longer than %zu bytes", server, t->max_reply);
    }
    for (size_t i = 0; i < CAIRN_ARRAY_LEN(KNOWN); i++) {
        if (KNOWN[i].code == code) {
            return CAIRN_FAIL_CAUSE(err, CAIRN_E_SERVER, KNOWN[i].name, code, "%s %s", server, KNOWN[i].text);
        }
    }
    return CAIRN_FAIL_CAUSE(err, CAIRN_E_SERVER, "server.http", code, "%s: %s", server, curl_easy_strerror(code));
}

/* wait drives the transfer until it is over: the one place where a call blocks. */
static CAIRN_RC wait_done(const struct cairn_client *c, const struct transfer *t, struct cairn_err *err)
{
    int running = 1;
    while (running > 0) {
        struct curl_waitfd fd = {.fd = c->wake_fd, .events = CURL_WAIT_POLLIN};
        const CURLMcode rc = curl_multi_perform(c->multi, &running);
        const CURLMcode polled =
            rc == CURLM_OK && running > 0 ? curl_multi_poll(c->multi, &fd, c->wake_fd >= 0 ? 1 : 0, TICK_MS, NULL) : CURLM_OK;
        if (rc != CURLM_OK || polled != CURLM_OK) {
            return CAIRN_FAIL_CAUSE(err, CAIRN_E_IO, "client.library", rc, "libcurl cannot wait for %s", c->server);
        }
        if (running > 0 && c->alive != NULL && !c->alive(c->arg)) {
            return CAIRN_FAIL(err, CAIRN_E_BUSY, "client.stopped", "stopped while waiting for %s", c->server);
        }
    }
    int left = 0;
    const CURLMsg *message = curl_multi_info_read(c->multi, &left);
    const CURLcode code = message != NULL && message->msg == CURLMSG_DONE ? message->data.result : CURLE_FAILED_INIT;
    return code == CURLE_OK ? CAIRN_OK : name_failure(t, c->server, code, err);
}

static void note_type(const char *type, char out[96])
{
    const size_t len = type != NULL ? strcspn(type, "; ") : 0;
    if (len < 96) {
        (void)snprintf(out, 96, "%.*s", (int)len, type != NULL ? type : "");
    }
}

static void note_head(CURL *easy, struct cairn_client_reply *reply)
{
    long status = 0;
    curl_off_t wait = 0;
    const char *type = NULL;
    (void)curl_easy_getinfo(easy, CURLINFO_RESPONSE_CODE, &status);
    (void)curl_easy_getinfo(easy, CURLINFO_RETRY_AFTER, &wait);
    (void)curl_easy_getinfo(easy, CURLINFO_CONTENT_TYPE, &type);
    reply->status = (int)status;
    reply->retry_after_s = (uint32_t)(wait < 0 ? 0 : wait > RETRY_AFTER_MAX_S ? RETRY_AFTER_MAX_S : wait);
    note_type(type, reply->type);
}

static CAIRN_RC perform(struct cairn_client *c, struct transfer *t, struct cairn_err *err)
{
    if (curl_multi_add_handle(c->multi, c->easy) != CURLM_OK) {
        return CAIRN_FAIL(err, CAIRN_E_IO, "client.library", "libcurl takes no call");
    }
    const enum cairn_rc rc = wait_done(c, t, err);
    note_head(c->easy, &t->reply);
    (void)curl_multi_remove_handle(c->multi, c->easy);
    (void)curl_easy_setopt(c->easy, CURLOPT_HTTPHEADER, NULL);
    return rc;
}

enum cairn_rc cairn_client_call(struct cairn_client *client, const struct cairn_client_ask *ask, struct cairn_client_reply *out,
                                struct cairn_err *err)
{
    CAIRN_CLEANUP(transfer_clear) struct transfer t = {.max_reply = ask->max_reply};
    CAIRN_TRY(wake(client, err));
    enum cairn_rc rc = set_request(client, ask, &t, err);
    rc = rc == CAIRN_OK ? perform(client, &t, err) : rc;
    if (rc != CAIRN_OK) {
        cairn_client_rest(client); /* what is half done is not used again */
        return rc;
    }
    cairn_client_reply_clear(out);
    *out = t.reply;
    t.reply = (struct cairn_client_reply){.status = 0};
    return CAIRN_OK;
}

enum cairn_rc cairn_client_bearer(const char *path, struct cairn_secret **out, struct cairn_err *err)
{
    CAIRN_BUF bytes = {0};
    CAIRN_TRY(cairn_path_read_private(path, CAIRN_CLIENT_BEARER_MAX, &bytes, err));
    while (bytes.len > 0 && (bytes.p[bytes.len - 1] == '\n' || bytes.p[bytes.len - 1] == '\r')) {
        bytes.len--;
    }
    if (!is_visible(cairn_buf_span(&bytes))) {
        return CAIRN_FAIL(err, CAIRN_E_FORMAT, "client.bearer", "%s holds no token: one line of visible characters", path);
    }
    return cairn_secret_copy(cairn_buf_span(&bytes), out, err);
}
