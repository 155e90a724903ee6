/* agent/spool.h -- how the agent, which may do nothing, and root, which may do everything, hand each other files.
 *
 * Two directories, each written by one side alone. `in`, the agent's: what came from the server, for root to verify and carry
 * out. `out`, root's: who this device is, and what the TPM said when root had done it. A hand-over is complete when its mark
 * ("install.ready", "wipe.ready") is there: it is written last, durably, and root removes it last. The document that everything
 * hangs on (the grant, the order) goes first when root has done with it: a mark without it is a hand-over whose end was cut.
 *
 * Trust boundary: everything in `in` is foreign to root (CHECKS 45): names are fixed, links are not followed, sizes are
 * limited, and nothing counts before the existing engine has verified it against the pinned root. What is refused is moved
 * aside once (NAME.refused, with the reason in NAME.reason) and not tried again. To the agent `out` is root's word.
 *
 * Pure over core/file.h; agent/spool_device.h opens the directories. Source: docs/integrator.md "The agent".
 */
#ifndef CAIRN_AGENT_SPOOL_H
#define CAIRN_AGENT_SPOOL_H

#include "client/replies.h"
#include "core/file.h"

/* in */
#define CAIRN_SPOOL_REPORT        "report.json" /* the last report and when it came */
#define CAIRN_SPOOL_GRANT         "grant.dsse"
#define CAIRN_SPOOL_MANIFEST      "manifest.dsse"
#define CAIRN_SPOOL_ASSETS        "assets.bin"
#define CAIRN_SPOOL_INSTALL_READY "install.ready"
#define CAIRN_SPOOL_ORDER         "order.dsse"
#define CAIRN_SPOOL_RELEASE       "release.dsse"
#define CAIRN_SPOOL_WIPE_READY    "wipe.ready"
#define CAIRN_SPOOL_COUNTERSIGNED "certificate.countersigned.json"
/* out */
#define CAIRN_SPOOL_RECEIPT     "receipt.json"
#define CAIRN_SPOOL_FAILED      "install.failed"
#define CAIRN_SPOOL_WIPE_FAILED "wipe.failed"
#define CAIRN_SPOOL_RELEASE_ASK "release.ask" /* the body of POST /v1/release */
#define CAIRN_SPOOL_KILL        "kill.json"
#define CAIRN_SPOOL_CERTIFICATE "certificate.json"

struct cairn_spool {
    struct cairn_fs *in, *out;
};
void cairn_spool_clear(struct cairn_spool *spool);
#define CAIRN_SPOOL CAIRN_CLEANUP(cairn_spool_clear) struct cairn_spool

/* cairn_spool_put_bundle hands over a grant. CAIRN_E_BUSY "spool.busy": the last one has not been taken. file.*. */
CAIRN_RC cairn_spool_put_bundle(const struct cairn_spool *spool, const struct cairn_bundle *bundle, struct cairn_err *err);
/* cairn_spool_put_order hands over an order, in place of one that waits. cairn_spool_put_release: its release, and the mark
 * again. file.*. */
CAIRN_RC cairn_spool_put_order(const struct cairn_spool *spool, struct cairn_span order, struct cairn_err *err);
CAIRN_RC cairn_spool_put_release(const struct cairn_spool *spool, struct cairn_span release, struct cairn_err *err);

/* cairn_spool_refuse moves in/`name` to NAME.refused and writes `code` to NAME.reason; an absent file is fine. For root. */
CAIRN_RC cairn_spool_refuse(const struct cairn_spool *spool, const char *name, const char *code, struct cairn_err *err);
/* cairn_spool_done removes what was taken, names[0] first and the mark last. For root. */
CAIRN_RC cairn_spool_done(const struct cairn_spool *spool, const char *const *names, size_t num, const char *mark,
                          struct cairn_err *err);

/* cairn_spool_pending reads out/`name` if it has not been delivered. *pending false: there is none, or it was: in/NAME.sent
 * holds its SHA-256. cairn_spool_sent makes that mark. file.*. */
CAIRN_RC cairn_spool_pending(const struct cairn_spool *spool, const char *name, size_t max_len, bool *pending,
                             struct cairn_buf *out, struct cairn_err *err);
CAIRN_RC cairn_spool_sent(const struct cairn_spool *spool, const char *name, struct cairn_span bytes, struct cairn_err *err);

/* struct cairn_spool_logs: SHA-256 of the logs, by enum cairn_boot_log_kind. */
struct cairn_spool_logs {
    bool known[CAIRN_REPLY_NUM_LOGS];
    uint8_t sha256[CAIRN_REPLY_NUM_LOGS][32];
};
/* The last report: {"at", "logs", "report"}. cairn_spool_put_report keeps the reply's body as it is, and which logs it was
 * about. cairn_spool_report reads it (`logs` may be NULL); *there false: none, or one that cannot be read any more (the agent
 * then begins anew). */
CAIRN_RC cairn_spool_put_report(const struct cairn_spool *spool, struct cairn_span body, uint64_t at_s,
                                const struct cairn_spool_logs *logs, struct cairn_err *err);
CAIRN_RC cairn_spool_report(const struct cairn_spool *spool, bool *there, uint64_t *at_s, struct cairn_report *out,
                            struct cairn_spool_logs *logs, struct cairn_err *err);

#endif
