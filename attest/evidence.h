/* attest/evidence.h -- the evidence document: one quote over a nonce, and the boot logs beside it.
 *
 * Payload: the head (v, fleet, device, ak, nonce), "cnf" (the thumbprint of a key that relying parties may bind to, or "") and
 * "ima_offset", reserved: 0. It is fixed before the quote; the logs are read after it, stay outside the payload and are
 * authenticated only by replay. Evidence says nothing about the life cycle or the record: a text that root chose proves nothing
 * about them, and reading the anchors would double the TPM commands of a report. The grant's request certifies the epoch
 * instead.
 *
 * What goes to a server may name logs that the server has (docs/protocol.md "Logs"); a file carries them.
 *
 * Trust boundary: the file comes from the device. Pure. Source: DESIGN 4, 8; docs/formats.md "evidence".
 */
#ifndef CAIRN_ATTEST_EVIDENCE_H
#define CAIRN_ATTEST_EVIDENCE_H

#include "boot_measure/replay.h"
#include "tpm_data/tpmdoc.h"

enum cairn_boot_log_kind { CAIRN_LOG_FIRMWARE, CAIRN_LOG_USERSPACE, CAIRN_LOG_IMA, CAIRN_NUM_BOOT_LOGS };
const char *cairn_boot_log_name(enum cairn_boot_log_kind kind); /* attachment kind: "boot-log", "userspace-log", "ima" */

/* RFC 7638 thumbprint of a P-256 key (SHA-256) in base64url: what "cnf" holds. */
enum { CAIRN_JKT_LEN = 43 };
/* cairn_jkt_ok: 43 characters that are the one text of 32 bytes. */
bool cairn_jkt_ok(const char *text);

/* struct cairn_evidence is a decoded document that nobody has verified. */
struct cairn_evidence {
    struct cairn_tpmdoc doc;
    struct cairn_tpm_head head;
    char cnf[CAIRN_JKT_LEN + 1]; /* "": no key */
    struct cairn_boot_logs logs; /* borrow from doc; a named log is empty here */
};
void cairn_evidence_clear(struct cairn_evidence *evidence);
#define CAIRN_EVIDENCE CAIRN_CLEANUP(cairn_evidence_clear) struct cairn_evidence

/* cairn_evidence_payload appends the canonical payload. `cnf`: "" or a thumbprint. CAIRN_E_USAGE "evidence.cnf". */
CAIRN_RC cairn_evidence_payload(const struct cairn_tpm_head *head, const char *cnf, struct cairn_buf *out,
                                struct cairn_err *err);
/* cairn_evidence_parse reads a whole file strictly; the caller clears `*out`. CAIRN_E_FORMAT tpmdoc.*, json.*, "evidence.cnf"
 * (neither empty nor a thumbprint), "evidence.reserved" (ima_offset in use: a later version's); CAIRN_E_REFUSED "tpmdoc.type"
 * (another document). */
CAIRN_RC cairn_evidence_parse(struct cairn_span file, struct cairn_evidence *out, struct cairn_err *err);

/* struct cairn_log_digest: what a document says of one kind of log. */
enum cairn_log_state { CAIRN_LOG_LEFT_OUT, CAIRN_LOG_INLINE, CAIRN_LOG_NAMED };
struct cairn_log_digest {
    enum cairn_log_state state;
    uint64_t len;
    uint8_t sha256[32];      /* all-zero when left out */
    struct cairn_span bytes; /* when inline; borrows from the evidence */
};
void cairn_evidence_log_digests(const struct cairn_evidence *evidence, struct cairn_log_digest out[CAIRN_NUM_BOOT_LOGS]);
/* cairn_evidence_need_whole is for whoever has no store of logs. CAIRN_E_REFUSED "evidence.named". */
CAIRN_RC cairn_evidence_need_whole(const struct cairn_evidence *evidence, struct cairn_err *err);

#endif
