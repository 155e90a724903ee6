/* server/http_head.h -- one HTTP/1.1 request head, read strictly: anything two readers might read differently is refused.
 *
 * Own code and not a library's: Debian 12 has no maintained strict HTTP/1.1 head parser, and libevent's evhttp accepts bodies
 * before the application can refuse them, folds lines, and takes both Content-Length and Transfer-Encoding.
 *
 * Pure; borrows from its input. Source: RFC 9112 sections 2-6; RFC 9110 section 5.
 */
#ifndef CAIRN_SERVER_HTTP_HEAD_H
#define CAIRN_SERVER_HTTP_HEAD_H

#include "core/wire.h"

enum { CAIRN_HTTP_HEAD_MAX = 8192, CAIRN_HTTP_MAX_FIELDS = 48, CAIRN_HTTP_TARGET_MAX = 2048 };
enum cairn_http_method { CAIRN_HTTP_GET, CAIRN_HTTP_HEAD_, CAIRN_HTTP_POST };
struct cairn_http_field {
    struct cairn_span name, value; /* name as sent; value without surrounding blanks */
};
struct cairn_http_head {
    enum cairn_http_method method;
    struct cairn_span path;  /* begins with '/', of [A-Za-z0-9/._~-] only, no "//", no "." or ".." segment */
    struct cairn_span query; /* without '?'; empty: none. Unreserved characters, "&=", and %XX of printable ASCII */
    bool has_length;         /* Content-Length was there */
    uint64_t length;
    bool close;            /* Connection: close */
    bool expects_continue; /* Expect: 100-continue */
    size_t num_fields;
    struct cairn_http_field fields[CAIRN_HTTP_MAX_FIELDS];
};
/* cairn_http_head_parse reads `bytes`, which end with the empty line. CAIRN_E_FORMAT "http.line" (request line), "http.version"
 * (not 1.1), "http.method" (none of ours), "http.target", "http.field" (malformed, folded, not printable ASCII), "http.fields"
 * (too many), "http.twice" (Host, Content-Length, Content-Type, Authorization, DPoP, Connection, Expect, or a Cairn-* or
 * X-Original-* field there twice), "http.host" (absent, or no host), "http.length" (not a plain number; POST without it),
 * "http.transfer" (Transfer-Encoding there), "http.expect", "http.head" (longer than CAIRN_HTTP_HEAD_MAX). `out` is written on
 * CAIRN_OK only. */
CAIRN_RC cairn_http_head_parse(struct cairn_span bytes, struct cairn_http_head *out, struct cairn_err *err);
/* cairn_http_head_end: where the first head in `bytes` ends (behind its empty line, in bare LFs too); 0: not yet. `from`: how
 * many of the bytes an earlier call has seen. */
size_t cairn_http_head_end(struct cairn_span bytes, size_t from);
/* cairn_http_field gives a field's value by name, in any case; false: not there. */
bool cairn_http_field(const struct cairn_http_head *head, const char *name, struct cairn_span *value);
/* cairn_http_query decodes one parameter into `out` (NUL-terminated). *there false: it is not in the query. CAIRN_E_FORMAT
 * "http.query": there twice, or longer than cap - 1. */
CAIRN_RC cairn_http_query(const struct cairn_http_head *head, const char *name, char *out, size_t cap, bool *there,
                          struct cairn_err *err);
bool cairn_http_path_is(const struct cairn_http_head *head, const char *path);

#endif
