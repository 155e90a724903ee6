/* tpm_data/tpmdoc.h -- documents covered by a TPM: the envelope file, and its verification by the one rule.
 *
 * File: canonical JSON {"attachments"?, "audit"?, "payload", "payloadType", "signatures"?, "tpm": [{"attest","signature"}]},
 * newline, then the raw bytes of the attachments in order. extraData of every attestation = SHA-256(PAE(type, payload)).
 *
 * Pure. Source: DESIGN 4; docs/formats.md.
 */
#ifndef CAIRN_TPM_DATA_TPMDOC_H
#define CAIRN_TPM_DATA_TPMDOC_H

#include "core/dsse.h"
#include "tpm_data/audit.h"

enum { CAIRN_TPMDOC_MAX_ATTESTATIONS = 4, CAIRN_TPMDOC_MAX_ATTACHMENTS = 3 };
enum { CAIRN_TPMDOC_MAX_HEAD = 4 << 20, CAIRN_ATTACHMENT_MAX = 32 << 20 };

/* struct cairn_attachment is there with its bytes, or only named: evidence for a server may name bytes that it has already. */
struct cairn_attachment {
    char kind[16];      /* "boot-log", "userspace-log", "ima" */
    bool named;         /* the bytes are not in the file */
    uint64_t len;       /* when named, what the document says; after parsing always right */
    uint8_t sha256[32]; /* likewise; of the bytes when they are there */
    struct cairn_buf bytes;
};
struct cairn_tpmdoc {
    char type[CAIRN_DSSE_TYPE_MAX];
    struct cairn_buf payload;
    size_t num_attestations;
    struct cairn_attestation attestations[CAIRN_TPMDOC_MAX_ATTESTATIONS];
    size_t num_attachments;
    struct cairn_attachment attachments[CAIRN_TPMDOC_MAX_ATTACHMENTS];
    bool has_audit; /* certificate only: "audit" and "signatures": [] are then required */
    struct cairn_audit_log audit;
};
void cairn_tpmdoc_clear(struct cairn_tpmdoc *doc);
#define CAIRN_TPMDOC CAIRN_CLEANUP(cairn_tpmdoc_clear) struct cairn_tpmdoc

/* cairn_tpmdoc_parse reads a whole file strictly: canonical head, attachments whose SHA-256, offsets and lengths are exact,
 * nothing left over. "audit" exactly when the type is the certificate's; "attachments" exactly when there are some, each
 * {"kind","len","offset","sha256"} with offsets from behind the newline, no kind twice; evidence may name one by leaving
 * "offset" out. `*out` is all-zero or an earlier document, which is freed. CAIRN_E_FORMAT "tpmdoc.format" (no newline, no
 * attestation, an empty list), "tpmdoc.attachment" (not the bytes named, bytes that nothing names, or named where the
 * document's type must carry them), json.*; CAIRN_E_REFUSED "tpmdoc.type" (another document's type). cairn_tpmdoc_write gives
 * the one file of a document (`*out` is replaced): "tpmdoc.format" for what parse would refuse. */
CAIRN_RC cairn_tpmdoc_parse(struct cairn_span file, const char *type, struct cairn_tpmdoc *out, struct cairn_err *err);
CAIRN_RC cairn_tpmdoc_write(const struct cairn_tpmdoc *doc, struct cairn_buf *out, struct cairn_err *err);

/* struct cairn_tpm_head opens every TPM payload: {"v":1,"fleet","device","ak", <nonce member>} beside the document's own. */
struct cairn_tpm_head {
    uint8_t fleet[32];
    uint8_t device[32];
    struct cairn_name ak;
    uint8_t nonce[32]; /* member "nonce", or "challenge" in kill, wipe-start and certificate */
};
/* cairn_tpm_head_read reads those members; `nonce_member` names the last ("json.member", sticky in `o`). cairn_tpm_head_write
 * sets them. */
void cairn_tpm_head_read(struct cairn_obj *o, const char *nonce_member, struct cairn_tpm_head *out);
CAIRN_RC cairn_tpm_head_write(json_t *object, const char *nonce_member, const struct cairn_tpm_head *head,
                              struct cairn_err *err);
/* cairn_tpm_head_check compares what a document says with what is wanted. CAIRN_E_REFUSED "document.fleet",
 * "document.device", "document.ak", "document.nonce". */
CAIRN_RC cairn_tpm_head_check(const struct cairn_tpm_head *got, const struct cairn_tpm_head *want, struct cairn_err *err);

/* cairn_tpmdoc_verify checks that the document carries exactly the attestations `types[0..num)` in that order, each the AK's
 * word over the document; and that all of them are of one boot. Fills claims[0..num). _by takes an AK that was made ready.
 * CAIRN_E_REFUSED "tpmdoc.attestations" (another number), "attestation.*", "attestation.boot". */
CAIRN_RC cairn_tpmdoc_verify(const struct cairn_tpmdoc *doc, struct cairn_span ak_public, const enum cairn_claim_type *types,
                             size_t num, struct cairn_claim *claims, struct cairn_err *err);
CAIRN_RC cairn_tpmdoc_verify_by(const struct cairn_tpmdoc *doc, struct cairn_claim_key *key, const enum cairn_claim_type *types,
                                size_t num, struct cairn_claim *claims, struct cairn_err *err);

#endif
