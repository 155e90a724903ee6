/* core/doctype.h -- the type string of every document: it is signed or hashed with the bytes, so one document can never be
 * taken for another. See docs/formats.md.
 */
#ifndef CAIRN_CORE_DOCTYPE_H
#define CAIRN_CORE_DOCTYPE_H

#define CAIRN_TYPE(name) "application/vnd.cairn." name ".v1+json"

/* signed by people (DSSE) */
#define CAIRN_TYPE_ROOT      CAIRN_TYPE("root")
#define CAIRN_TYPE_STATEMENT CAIRN_TYPE("statement")
#define CAIRN_TYPE_POLICY    CAIRN_TYPE("policy")
#define CAIRN_TYPE_MANIFEST  CAIRN_TYPE("manifest")
#define CAIRN_TYPE_GRANT     CAIRN_TYPE("grant")
#define CAIRN_TYPE_ORDER     CAIRN_TYPE("order")
#define CAIRN_TYPE_RELEASE   CAIRN_TYPE("release")
/* covered by a TPM attestation */
#define CAIRN_TYPE_ENROLMENT   CAIRN_TYPE("enrolment")
#define CAIRN_TYPE_EVIDENCE    CAIRN_TYPE("evidence")
#define CAIRN_TYPE_REQUEST     CAIRN_TYPE("request")
#define CAIRN_TYPE_RECEIPT     CAIRN_TYPE("receipt")
#define CAIRN_TYPE_KILL        CAIRN_TYPE("kill")
#define CAIRN_TYPE_WIPE_START  CAIRN_TYPE("wipe-start")
#define CAIRN_TYPE_CERTIFICATE CAIRN_TYPE("certificate")
/* plain files: trusted for nothing by themselves */
#define CAIRN_TYPE_ENROLMENT_REQUEST   CAIRN_TYPE("enrolment-request")
#define CAIRN_TYPE_ENROLMENT_CHALLENGE CAIRN_TYPE("enrolment-challenge")
#define CAIRN_TYPE_ENROLMENT_PENDING   CAIRN_TYPE("enrolment-pending")
#define CAIRN_TYPE_NONCE               CAIRN_TYPE("nonce")
#define CAIRN_TYPE_APPROVAL            CAIRN_TYPE("approval")
#define CAIRN_TYPE_APPRAISAL           CAIRN_TYPE("appraisal")
#define CAIRN_TYPE_SEALED              CAIRN_TYPE("sealed")

#endif
