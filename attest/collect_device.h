/* attest/collect_device.h -- the device's answer to a nonce: payload, quote, then the logs.
 *
 * Costs one quote (at most two TPM commands with the key's lookup). The payload is closed before the quote; the logs are read
 * after it, so that they hold at least what was quoted.
 *
 * Source: DESIGN 8 (report, one round trip).
 */
#ifndef CAIRN_ATTEST_COLLECT_DEVICE_H
#define CAIRN_ATTEST_COLLECT_DEVICE_H

#include "attest/evidence.h"
#include "attest/nonce.h"
#include "tpm/tpm.h"

/* struct cairn_log_paths: where the logs are; "" or NULL: this device has no such log. Borrowed. */
struct cairn_log_paths {
    const char *path[CAIRN_NUM_BOOT_LOGS];
};

/* What becomes of a log whose bytes the server has. One that it does not have is always attached. */
enum cairn_log_rule { CAIRN_LOG_ATTACH, CAIRN_LOG_NAME, CAIRN_LOG_LEAVE_OUT };
/* struct cairn_known_log: SHA-256 of the logs of one kind that the server has, and the rule for them. Borrowed. Leaving out
 * means "as in the last accepted report": then `digests` is that report's alone. */
struct cairn_known_log {
    enum cairn_log_rule rule;
    const uint8_t (*digests)[CAIRN_SHA256_LEN];
    size_t num_digests;
};
/* struct cairn_collect_options; all-zero: no key, every log attached. */
struct cairn_collect_options {
    const char *cnf; /* thumbprint of the key that relying parties may bind to; NULL or "": none */
    struct cairn_known_log known[CAIRN_NUM_BOOT_LOGS];
};
/* struct cairn_collected_log: what was read, and what was done with it; for the agent to remember. */
struct cairn_collected_log {
    bool present;
    enum cairn_log_rule rule;
    uint64_t len;
    uint8_t sha256[CAIRN_SHA256_LEN];
};

/* cairn_collect_evidence writes a whole evidence file to `out` (replaced). The TPM object is pinned to `statement`. `options`
 * and `collected` may be NULL. Which logs are attached is decided after they were read, which is after the quote.
 * CAIRN_E_REFUSED "nonce.fleet", "nonce.device", "nonce.ak": the nonce asks another device; "nonce.purpose": it asks for a
 * grant request. CAIRN_E_USAGE "evidence.cnf". CAIRN_E_IO "evidence.log.absent": the configured firmware log is not there (""
 * in the configuration says that there is none); "file.read", "file.large". A userspace log or IMA list that does not exist is
 * left out. tpm.*. */
CAIRN_RC cairn_collect_evidence(struct cairn_tpm *tpm, const struct cairn_statement *statement, const struct cairn_nonce *nonce,
                                const struct cairn_log_paths *logs, const struct cairn_collect_options *options,
                                struct cairn_collected_log collected[CAIRN_NUM_BOOT_LOGS], struct cairn_buf *out,
                                struct cairn_err *err);

/* cairn_collect_logs adds the logs to a document as `options` say, without any quote: the part of the above that needs no TPM.
 */
CAIRN_RC cairn_collect_logs(const struct cairn_log_paths *logs, const struct cairn_collect_options *options,
                            struct cairn_tpmdoc *doc, struct cairn_collected_log collected[CAIRN_NUM_BOOT_LOGS],
                            struct cairn_err *err);
/* cairn_collect_log reads one log into `out`. `*present` false: not configured, or there is no such file. CAIRN_E_IO file.* */
CAIRN_RC cairn_collect_log(const char *path, bool *present, struct cairn_buf *out, struct cairn_err *err);

#endif
