/* client/replies.h -- the server's replies, read strictly: the device's side of docs/protocol.md.
 *
 * The server is not trusted. What it says here decides when the device comes back and what it fetches; nothing that it says is
 * installed, wiped or believed about a key before a signature has been verified by whoever acts on it.
 *
 * A report may gain members in a later version of the protocol, so members of it that are not known are left alone. They cost
 * no more than the limit on the whole reply. Every other object is exact: a member nobody knows is refused, and so is any text
 * that is not the canonical one. A refusal (RFC 9457) may come from a proxy, which has a form of its own: it is read with
 * forgiveness and trusted for nothing but waiting.
 *
 * Pure. Every reader takes a whole body, one newline at its end allowed. Source: docs/protocol.md; RFC 9457.
 */
#ifndef CAIRN_CLIENT_REPLIES_H
#define CAIRN_CLIENT_REPLIES_H

#include "attest/nonce.h"
#include "policies/evaluate.h"

enum {
    CAIRN_REPLY_SMALL_MAX = 64 << 10, /* every reply but a bundle and a file */
    CAIRN_REPLY_BUNDLE_MAX = 8 << 20, /* assets of at most 4 MiB, in base64 */
    CAIRN_REPLY_MAX_FAILED = 64,
    CAIRN_REPLY_CODE_MAX = 64,
    CAIRN_REPLY_TOKEN_MAX = 256,
    CAIRN_REPLY_EAR_MAX = 16 << 10,
    CAIRN_REPLY_NUM_LOGS = 3, /* enum cairn_boot_log_kind of attest/evidence.h */
};
/* What a server may set as the time between two reports. */
enum { CAIRN_INTERVAL_MIN_S = 10, CAIRN_INTERVAL_MAX_S = 7 * 86400 };

/* struct cairn_report is the reply to evidence. */
struct cairn_report {
    uint32_t interval_s; /* until the next report; brought into CAIRN_INTERVAL_MIN_S .. _MAX_S */
    enum cairn_tier tier;
    struct cairn_nonce nonce; /* for the next report */
    size_t num_failed;        /* codes of the checks that did not pass; what is beyond the room is left out */
    char failed[CAIRN_REPLY_MAX_FAILED][CAIRN_REPLY_CODE_MAX];
    bool has_order;
    uint8_t order[32]; /* SHA-256 of the payload of an order that names this device */
    bool grant;        /* a grant is to be had */
    struct cairn_buf ear;
};
void cairn_report_clear(struct cairn_report *report);
#define CAIRN_REPORT CAIRN_CLEANUP(cairn_report_clear) struct cairn_report
/* CAIRN_E_SERVER "reply.report": not this object; the text says why. `out` is all-zero or an earlier one, which is freed. */
CAIRN_RC cairn_report_parse(struct cairn_span body, struct cairn_report *out, struct cairn_err *err);

/* cairn_reply_nonce reads a nonce object and demands that it asks this device for what was wanted.
 * CAIRN_E_SERVER "reply.nonce": no nonce object, spent, another device's, fleet's, key's or purpose, or over no PCR. */
CAIRN_RC cairn_reply_nonce(struct cairn_span body, const struct cairn_statement *statement, enum cairn_purpose purpose,
                           struct cairn_nonce *out, struct cairn_err *err);
/* cairn_reply_check_nonce is that demand for a nonce that came inside another object. */
CAIRN_RC cairn_reply_check_nonce(const struct cairn_nonce *nonce, const struct cairn_statement *statement,
                                 enum cairn_purpose purpose, struct cairn_err *err);

/* struct cairn_problem is a refusal. */
struct cairn_problem {
    char code[CAIRN_REPLY_CODE_MAX]; /* "http.503" when the body names none */
    char detail[256];
    bool has_nonce; /* a fresh one: nonce.stale, evidence.age */
    struct cairn_nonce nonce;
    bool need[CAIRN_REPLY_NUM_LOGS]; /* by enum cairn_boot_log_kind. evidence.logs: these are to be attached */
    size_t num_need;
    char upload_token[CAIRN_REPLY_TOKEN_MAX]; /* "" when there is none */
};
/* cairn_problem_parse never fails: what cannot be read is not there. `status` is the HTTP status. */
void cairn_problem_parse(int status, struct cairn_span body, struct cairn_problem *out);

/* struct cairn_bundle is a grant and what belongs to it: three foreign files. */
struct cairn_bundle {
    struct cairn_buf grant, manifest, assets;
};
void cairn_bundle_clear(struct cairn_bundle *bundle);
#define CAIRN_BUNDLE CAIRN_CLEANUP(cairn_bundle_clear) struct cairn_bundle
/* CAIRN_E_SERVER "reply.bundle". */
CAIRN_RC cairn_bundle_parse(struct cairn_span body, struct cairn_bundle *out, struct cairn_err *err);

#endif
