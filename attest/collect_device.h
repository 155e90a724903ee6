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

/* cairn_collect_evidence writes a whole evidence file to `out` (replaced). The TPM object is pinned to `statement`.
 * CAIRN_E_REFUSED "nonce.fleet", "nonce.device", "nonce.ak": the nonce asks another device; "nonce.purpose": it asks for a
 * grant request. CAIRN_E_IO "evidence.log.absent": the configured firmware log is not there ("" in the configuration says that
 * there is none); "file.read", "file.large". A userspace log or IMA list that does not exist is left out. tpm.*. */
CAIRN_RC cairn_collect_evidence(struct cairn_tpm *tpm, const struct cairn_statement *statement, const struct cairn_nonce *nonce,
                                const struct cairn_log_paths *logs, struct cairn_buf *out, struct cairn_err *err);

/* cairn_collect_log reads one log into `out`. `*present` false: not configured, or there is no such file. CAIRN_E_IO file.* */
CAIRN_RC cairn_collect_log(const char *path, bool *present, struct cairn_buf *out, struct cairn_err *err);

#endif
