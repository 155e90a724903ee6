/* server/work.h -- one request being worked on: from its route to its answer, with at most a few jobs for the writer between.
 *
 * A handler returns an error (the client gets it as problem+json), or leaves an answer in `work`. If it sets `write`, that runs
 * in the writer's thread inside a transaction, before the answer leaves; an error there is the answer. If `then` is set it runs
 * after the commit, back in the worker's thread, as another handler would.
 */
#ifndef CAIRN_SERVER_WORK_H
#define CAIRN_SERVER_WORK_H

#include "server/service.h"

struct cairn_work;
typedef CAIRN_RC cairn_handler(struct cairn_work *work, struct cairn_err *err);
typedef CAIRN_RC cairn_writing(struct cairn_store *store, struct cairn_work *work, struct cairn_err *err);

struct cairn_route {
    enum cairn_http_method method;
    const char *path; /* one "*" segment stands for 64 hex digits, in work->id */
    enum cairn_right right;
    const char *type; /* of the request's body; NULL: none */
    size_t max_body;  /* with the credential, or for strangers where there is none */
    cairn_handler *handle;
};
/* The one table of all routes; ends with path == NULL. Tests walk it. */
extern const struct cairn_route cairn_routes[];

struct cairn_work {
    struct cairn_job job; /* first: the writer gives it back */
    struct cairn_post post;
    struct cairn_call *call;
    struct cairn_judge *judge;
    const struct cairn_route *route;
    struct cairn_principal who; /* rights 0: nobody */
    uint8_t id[32];
    uint64_t now_s;
    /* the answer */
    int status;       /* 200 */
    const char *type; /* of `reply`; static */
    struct cairn_buf reply;
    unsigned retry_after_s;
    const char *field;
    char value[128];
    json_t *extra; /* members for a problem */
    /* the handler's own */
    cairn_writing *write;
    bool of_one_device; /* what is written is a row of `device` alone: the rest of the caches stays (server/members.h) */
    uint8_t device[32];
    bool begun;       /* the writer has counted it */
    uint64_t version; /* of that device, from this writing on */
    cairn_handler *then;
    void *own;
    void (*own_free)(void *own);
};

extern const struct cairn_http_app cairn_app; /* without its ctx: the struct cairn_service */

/* The answer. */
CAIRN_RC cairn_work_reply_file(struct cairn_work *work, const char *type, struct cairn_span file, struct cairn_err *err);
/* takes *json over, also on failure; canonical, with newline */
CAIRN_RC cairn_work_reply_json(struct cairn_work *work, json_t *json, struct cairn_err *err);
/* cairn_work_wait: 202, the client comes again. */
CAIRN_RC cairn_work_wait(struct cairn_work *work, unsigned seconds);
/* cairn_work_audit writes one entry: who, what, on which (hex of 32 bytes; NULL: none), detail ("" for none). */
CAIRN_RC cairn_work_audit(struct cairn_store *store, const struct cairn_work *work, const char *action, const uint8_t *subject,
                          const char *detail, struct cairn_err *err);
/* cairn_work_own allocates the handler's own data, zeroed; freed with the work after `clear` (may be NULL). */
CAIRN_RC cairn_work_own(struct cairn_work *work, size_t size, void (*clear)(void *), void **out, struct cairn_err *err);
struct cairn_span cairn_work_body(const struct cairn_work *work);
/* cairn_work_problem adds a member to the problem object; takes `value`. */
CAIRN_RC cairn_work_problem(struct cairn_work *work, const char *key, json_t *value, struct cairn_err *err);

/* What several handlers need. */
/* cairn_work_member finds a device and its opened statement: CAIRN_E_REFUSED "device.unknown". Borrowed until the handler ends.
 */
CAIRN_RC cairn_work_member(struct cairn_work *work, const uint8_t device[32], struct cairn_device_row *row,
                           const struct cairn_member **out, struct cairn_err *err);
/* cairn_work_head reads the head of a TPM document without believing it: whose it says it is, what it answers. */
CAIRN_RC cairn_work_head(struct cairn_work *work, const char *type, const char *nonce_member, struct cairn_tpmdoc *doc,
                         struct cairn_tpm_head *head, struct cairn_err *err);
/* cairn_work_nonce makes a fresh nonce for the member's device, as JSON. */
CAIRN_RC cairn_work_nonce(struct cairn_work *work, const struct cairn_statement *statement, enum cairn_purpose purpose,
                          json_t **out, struct cairn_err *err);
/* cairn_work_stale refuses with "nonce.stale" (or `code`) and a fresh nonce beside it. */
enum cairn_rc cairn_work_stale(struct cairn_work *work, const struct cairn_statement *statement, enum cairn_purpose purpose,
                               const char *code, const char *why, struct cairn_err *err);
/* cairn_work_fresh demands evidence of the last 60 seconds: "evidence.age" with a fresh evidence nonce. */
enum { CAIRN_FRESH_S = 60 };
CAIRN_RC cairn_work_fresh(struct cairn_work *work, const struct cairn_statement *statement,
                          const struct cairn_report_row *report, bool found, const char *code, struct cairn_err *err);

#endif
