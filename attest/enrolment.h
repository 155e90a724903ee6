/* attest/enrolment.h -- how a device becomes known: request, challenge, answer, judgement.
 *
 * The desk believes nothing in a request. A certificate authority vouches for the EK; the credential, which only that EK opens
 * and only for that AK Name, ties the AK to it; Certify, NV_Certify and Quote by that AK tie SRK and epoch; everything else is
 * recomputed. What holds goes into the statement that the enroller signs.
 *
 * Pure: time and randomness are arguments. Source: DESIGN 8 (enrolment); CHECKS 1-7, 15, 17, 49, 51, 56, 60, 65;
 * docs/formats.md "enrolment request", "enrolment challenge", "enrolment pending", "enrolment".
 */
#ifndef CAIRN_ATTEST_ENROLMENT_H
#define CAIRN_ATTEST_ENROLMENT_H

#include "attest/ek_chain.h"
#include "authority/statement.h"
#include "core/crypto_keys.h"
#include "tpm_data/wrap.h"

enum { CAIRN_ENROL_MAX_CERTIFICATES = 8, CAIRN_ENROL_NUM_ATTESTATIONS = 3 };
enum { CAIRN_ENROL_SECRET_LEN = 32 };
enum { CAIRN_ENROL_PCRS = 0x3ff }; /* the enrolment's Quote: PCR 0-9 */

/* struct cairn_enrol_request: `device` holds fleet, public areas, labels and what the TPM says of itself; Names are derived. */
struct cairn_enrol_request {
    struct cairn_statement device;
    size_t num_certificates;
    struct cairn_buf certificates[CAIRN_ENROL_MAX_CERTIFICATES]; /* DER, every EK certificate present */
};
void cairn_enrol_request_clear(struct cairn_enrol_request *request);
#define CAIRN_ENROL_REQUEST CAIRN_CLEANUP(cairn_enrol_request_clear) struct cairn_enrol_request
/* CAIRN_E_FORMAT json.*. _write replaces `out` by the file's text, with newline. */
CAIRN_RC cairn_enrol_request_parse(struct cairn_span file, struct cairn_enrol_request *out, struct cairn_err *err);
CAIRN_RC cairn_enrol_request_write(const struct cairn_enrol_request *request, struct cairn_buf *out, struct cairn_err *err);

struct cairn_enrol_challenge {
    struct cairn_name ak; /* the credential opens for this AK only */
    struct cairn_blob credential, seed;
    uint8_t nonce[32];
};
CAIRN_RC cairn_enrol_challenge_parse(struct cairn_span file, struct cairn_enrol_challenge *out, struct cairn_err *err);
CAIRN_RC cairn_enrol_challenge_write(const struct cairn_enrol_challenge *challenge, struct cairn_buf *out,
                                     struct cairn_err *err);

/* struct cairn_enrol_pending is what the desk keeps between challenge and answer: good for one try. */
struct cairn_enrol_pending {
    struct cairn_buf request;    /* the request file that was checked */
    struct cairn_ek_facts facts; /* of the certificate that was accepted: only its digest survives in the file */
    uint8_t nonce[32];
    struct cairn_secret *secret; /* 32 bytes; what only the right TPM can know */
};
void cairn_enrol_pending_clear(struct cairn_enrol_pending *pending);
#define CAIRN_ENROL_PENDING CAIRN_CLEANUP(cairn_enrol_pending_clear) struct cairn_enrol_pending
CAIRN_RC cairn_enrol_pending_parse(struct cairn_span file, struct cairn_enrol_pending *out, struct cairn_err *err);
CAIRN_RC cairn_enrol_pending_write(const struct cairn_enrol_pending *pending, struct cairn_buf *out, struct cairn_err *err);

/* struct cairn_enrol_random is fresh for every challenge. */
struct cairn_enrol_random {
    uint8_t nonce[32];
    const struct cairn_secret *secret; /* 32 bytes */
    const struct cairn_signer *ephemeral;
};
/* cairn_enrol_challenge_make judges a request and gives the two files: the challenge for the device, the pending one for the
 * desk (a secret). CAIRN_E_REFUSED "statement.fleet", "statement.indices", "tpm.ek.template", "tpm.ak.attributes",
 * "tpm.srk.template", "tpm.epoch.template", "tpm.anchor.template" (authority/statement.h), "enrolment.ek.absent" (no EK
 * certificate at all), "enrolment.ek.key" (none is for this EK), enrolment.ek.* of attest/ek_chain.h, "enrolment.tpm.class" (a
 * software TPM by its certificate that calls itself hardware); CAIRN_E_USAGE "ca.empty" (no trust anchor). */
CAIRN_RC cairn_enrol_challenge_make(const struct cairn_root *root, const struct cairn_ca_set *cas, struct cairn_span request,
                                    uint64_t now_s, const struct cairn_enrol_random *random, struct cairn_buf *challenge,
                                    struct cairn_buf *pending, struct cairn_err *err);

/* cairn_enrol_challenge_fresh is that with randomness of its own: what desks and servers call. */
CAIRN_RC cairn_enrol_challenge_fresh(const struct cairn_root *root, const struct cairn_ca_set *cas, struct cairn_span request,
                                     uint64_t now_s, struct cairn_buf *challenge, struct cairn_buf *pending,
                                     struct cairn_err *err);

/* cairn_enrol_answer_payload is what the device has attested: its head over the challenge's nonce, proof = HMAC-SHA256(secret,
 * nonce), and the digest of its request. */
CAIRN_RC cairn_enrol_answer_payload(const struct cairn_tpm_head *head, struct cairn_span secret, struct cairn_span request,
                                    struct cairn_buf *out, struct cairn_err *err);
/* cairn_enrol_judge decides about an answer and gives the draft of the statement (root version, issue time `now_s`; derived
 * fields too, no digest; by_server false: a server that enrols sets it before cairn_statement_payload). The caller has made
 * sure, durably and before this call, that `pending` cannot be used again. CAIRN_E_REFUSED "enrolment.proof" (wrong secret,
 * nonce or request: which one is not told), document.*, tpmdoc.*, attestation.*, "attestation.boot", "attestation.index" (the
 * counter is not the epoch index), "enrolment.srk.name" (another key was certified), "enrolment.srk.hierarchy" (not a primary
 * of the owner hierarchy), "enrolment.quote" (other PCRs), "enrolment.tpm.firmware" (the attested firmware is not the one
 * claimed), and cairn_statement_derive's. */
CAIRN_RC cairn_enrol_judge(const struct cairn_root *root, const struct cairn_enrol_pending *pending,
                           const struct cairn_tpmdoc *answer, uint64_t now_s, struct cairn_statement *out,
                           struct cairn_err *err);

#endif
