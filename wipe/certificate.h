/* wipe/certificate.h -- the wipe certificate: everything a stranger needs, in one file that the TPM itself signed.
 *
 * The payload embeds the signed documents byte for byte; every other member but `made` and `tool` follows from them and from
 * the audited command list. A verifier builds the payload again from what it has verified and compares: so a certificate that
 * claims a better grade, another serial number or a friendlier medium than its evidence shows is refused, also when the device
 * signed it.
 *
 * Pure, and free of private keys: cairn-verify links it with a second crypto library.
 * Source: DESIGN 10; NIST SP 800-88r2, appendix C; docs/formats.md "certificate".
 */
#ifndef CAIRN_WIPE_CERTIFICATE_H
#define CAIRN_WIPE_CERTIFICATE_H

#include "wipe/kill.h"
#include "wipe/media_log.h"
#include "wipe/plan.h"
#include "wipe/start.h"

enum { CAIRN_CERTIFICATE_MAX_ROOTS = 8, CAIRN_CERTIFICATE_MAX_LEN = 4 << 20 };

/* struct cairn_certificate_parts is what a payload embeds. The buffers are owned. */
struct cairn_certificate_parts {
    size_t num_roots;
    struct cairn_buf roots[CAIRN_CERTIFICATE_MAX_ROOTS]; /* envelope files, version 1 first */
    struct cairn_buf statement, order;                   /* envelope files */
    struct cairn_buf start;                              /* wipe-start payload */
    struct cairn_buf plan, media_log;                    /* documents */
    struct cairn_buf kill;                               /* TPM document file */
    uint64_t made_s;
    char tool[CAIRN_TERM_MAX];
};
void cairn_certificate_parts_clear(struct cairn_certificate_parts *parts);
#define CAIRN_CERTIFICATE_PARTS CAIRN_CLEANUP(cairn_certificate_parts_clear) struct cairn_certificate_parts

/* struct cairn_certificate is what was found true. */
struct cairn_certificate {
    struct cairn_statement statement;
    struct cairn_order order;
    struct cairn_order_device entry; /* this device's line of the order */
    struct cairn_plan plan;
    struct cairn_media_log media;
    struct cairn_kill kill;
    struct cairn_audit_facts audit;
    struct cairn_grade grade;
    bool min_grade_met;
    uint64_t made_s;
    char tool[CAIRN_TERM_MAX];
    size_t num_countersigners;                                          /* of the file; set by cairn_certificate_verify */
    char countersigners[CAIRN_TPMDOC_MAX_SIGNATURES][CAIRN_HOLDER_MAX]; /* holders of role verifier */
};
void cairn_certificate_free(struct cairn_certificate *certificate);
void cairn_certificate_freep(struct cairn_certificate **certificate);
#define CAIRN_CERTIFICATE CAIRN_CLEANUP(cairn_certificate_freep) struct cairn_certificate

/* cairn_certificate_judge verifies parts and audited list, all but the signature over the certificate itself. `anchors` are the
 * root files the caller trusts, version 1 first, `num_anchors` >= 1: the embedded ones must begin with exactly these bytes.
 * *out is the caller's. CAIRN_E_REFUSED "certificate.root" (another root), "certificate.dates" (an order older than the
 * statement, a certificate older than the order), "certificate.plan", "certificate.media" (plan or log of another device or
 * order), "certificate.targets" (the log leaves out or adds a target of the plan), "media.evidence" (a line claims more than
 * software may), "certificate.pcrs" (quotes over fewer PCRs); root.*, statement.*, order.*, start.*, kill.*, audit.*,
 * attestation.*, document.*, json.*. */
CAIRN_RC cairn_certificate_judge(const struct cairn_certificate_parts *parts, const struct cairn_span *anchors,
                                 size_t num_anchors, const struct cairn_audit_log *log, struct cairn_certificate **out,
                                 struct cairn_err *err);
/* cairn_certificate_payload appends the one payload that follows from the parts and what was found true. */
CAIRN_RC cairn_certificate_payload(const struct cairn_certificate_parts *parts, const struct cairn_certificate *found,
                                   struct cairn_buf *out, struct cairn_err *err);
/* cairn_certificate_read takes the parts out of a payload. CAIRN_E_FORMAT json.*. */
CAIRN_RC cairn_certificate_read(struct cairn_span payload, struct cairn_certificate_parts *out, struct cairn_err *err);
/* cairn_certificate_verify decides about a certificate file. Besides cairn_certificate_judge's codes: CAIRN_E_REFUSED
 * "attestation.extra" (the payload is not the one the TPM signed), "certificate.audit" (the audited list is not the one the TPM
 * signed), "certificate.grade" (claims another grade than its evidence gives), "certificate.derived" (another member says what
 * the evidence does not), tpmdoc.*; of counter-signatures, which add a holder's word and take nothing
 * away: "certificate.countersigner" (by a key that is not of role verifier in the last root), "signature.invalid". */
CAIRN_RC cairn_certificate_verify(struct cairn_span file, const struct cairn_span *anchors, size_t num_anchors,
                                  struct cairn_certificate **out, struct cairn_err *err);
/* cairn_certificate_file makes the file. */
CAIRN_RC cairn_certificate_file(struct cairn_span payload, const struct cairn_audit_log *log,
                                const struct cairn_attestation *audit, struct cairn_buf *out, struct cairn_err *err);

/* cairn_certificate_report writes the result for a person: one screen of lines, what is tpm-proved, software-asserted and
 * operator-asserted, the grade and why, and what is not proved. `out` is text; not NUL-terminated. */
CAIRN_RC cairn_certificate_report(const struct cairn_certificate *found, struct cairn_buf *out, struct cairn_err *err);

/* cairn_certificate_facts gives the same for a program: the derived members of the payload (docs/formats.md "certificate"),
 * `min_grade_met`, `order` (SHA-256) and `countersigners` (holders). The caller owns *out. */
CAIRN_RC cairn_certificate_facts(const struct cairn_certificate *found, json_t **out, struct cairn_err *err);

#endif
