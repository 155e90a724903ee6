/* attest/evidence.h -- the evidence document: one quote over a nonce, and the boot logs beside it.
 *
 * Payload: the head (v, fleet, device, ak, nonce), "cnf" and "ima_offset", both reserved: "" and 0. It is fixed before the
 * quote; the logs are read after it, stay outside the payload and are authenticated only by replay. Evidence says nothing about
 * the life cycle or the record: a text that root chose proves nothing about them, and reading the anchors would double the TPM
 * commands of a report. The grant's request certifies the epoch instead.
 *
 * Trust boundary: the file comes from the device. Pure. Source: DESIGN 4, 8; docs/formats.md "evidence".
 */
#ifndef CAIRN_ATTEST_EVIDENCE_H
#define CAIRN_ATTEST_EVIDENCE_H

#include "boot_measure/replay.h"
#include "tpm_data/tpmdoc.h"

enum cairn_boot_log_kind { CAIRN_LOG_FIRMWARE, CAIRN_LOG_USERSPACE, CAIRN_LOG_IMA, CAIRN_NUM_BOOT_LOGS };
const char *cairn_boot_log_name(enum cairn_boot_log_kind kind); /* attachment kind: "boot-log", "userspace-log", "ima" */

/* struct cairn_evidence is a decoded document that nobody has verified. */
struct cairn_evidence {
    struct cairn_tpmdoc doc;
    struct cairn_tpm_head head;
    struct cairn_boot_logs logs; /* borrow from doc */
};
void cairn_evidence_clear(struct cairn_evidence *evidence);
#define CAIRN_EVIDENCE CAIRN_CLEANUP(cairn_evidence_clear) struct cairn_evidence

/* cairn_evidence_payload appends the canonical payload. */
CAIRN_RC cairn_evidence_payload(const struct cairn_tpm_head *head, struct cairn_buf *out, struct cairn_err *err);
/* cairn_evidence_parse reads a whole file strictly; the caller clears `*out`. CAIRN_E_FORMAT tpmdoc.*, json.*,
 * "evidence.reserved" (cnf or ima_offset in use: a later version's); CAIRN_E_REFUSED "tpmdoc.type" (another document). */
CAIRN_RC cairn_evidence_parse(struct cairn_span file, struct cairn_evidence *out, struct cairn_err *err);

#endif
