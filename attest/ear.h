/* attest/ear.h -- the attestation result: an EAR as a signed JWT, and what a relying party does with one.
 *
 * Pure but for the signing key. Source: draft-ietf-rats-ear-04; RFC 9711 (EAT); RFC 7515, 7517, 7638 (JWS, JWK, thumbprint);
 * AR4SI (draft-ietf-rats-ar4si); docs/protocol.md "Relying parties".
 */
#ifndef CAIRN_ATTEST_EAR_H
#define CAIRN_ATTEST_EAR_H

#include "attest/appraise.h"
#include "attest/jwk.h"
#include "core/crypto_keys.h"
#include "tpm_data/wrap.h"

enum { CAIRN_EAR_MAX = 8192, CAIRN_EAR_LIFE_S = 300 };

/* What a relying party needs to seal to the device; docs/protocol.md "ear_attester_claims.cairn_seal". */
struct cairn_ear_seal {
    struct cairn_area srk;
    struct cairn_name epoch_name;
    uint64_t epoch;
    uint32_t mask;
    uint8_t pcr_digest[32];
};
struct cairn_ear_in {
    const struct cairn_statement *statement;
    const struct cairn_policy *policy;
    const struct cairn_verdict *verdict;
    const uint8_t *nonce;                  /* 32 bytes */
    const char *cnf;                       /* the evidence's thumbprint, "" for none */
    const struct cairn_ear_seal *seal;     /* NULL: none (seal only when affirming) */
    const char *issuer, *audience, *build; /* "https://...", asked for, "cairn 0.1.0" */
    uint64_t now_s;
    const char *enroller; /* "apart" or "server" */
};
/* cairn_ear_sign appends the compact JWS. The vector's categories come from the checks: identity from the enrolled AK's
 * signature, configuration, executables, ... A category that no check speaks of is left out. CAIRN_E_USAGE "ear.audience". */
CAIRN_RC cairn_ear_sign(const struct cairn_ear_in *in, const struct cairn_signer *signer, struct cairn_buf *out,
                        struct cairn_err *err);

/* struct cairn_ear is a verified EAR. */
struct cairn_ear {
    uint8_t device[32];
    char audience[256];
    char status[24]; /* "affirming"... */
    char jkt[CAIRN_JKT_LEN + 1];
    uint64_t issued_s, expires_s;
    bool has_seal;
    struct cairn_ear_seal seal;
};
/* cairn_ear_verify verifies `jwt` by the root's verifier keys (kid must be one, alg ES256), then reads. `audience` NULL: any.
 * CAIRN_E_FORMAT "ear.format"; CAIRN_E_REFUSED "ear.signer", "signature.invalid", "ear.audience", "ear.expired" (also issued in
 * the future), "ear.profile", "tpm.srk.template". now_s 0: dates are not judged. */
CAIRN_RC cairn_ear_verify(const struct cairn_root *root, struct cairn_span jwt, const char *audience, uint64_t now_s,
                          struct cairn_ear *out, struct cairn_err *err);

/* cairn_dpop_check decides whether `proof` (RFC 9449) was made by the EAR's cnf key for this method, URL and token. `jti` gives
 * the proof's id, to be accepted once. CAIRN_E_REFUSED "dpop.*"; CAIRN_E_FORMAT "dpop.format". */
CAIRN_RC cairn_dpop_check(struct cairn_span proof, const struct cairn_ear *ear, struct cairn_span token, const char *method,
                          const char *url, uint64_t now_s, char jti[65], struct cairn_err *err);
/* cairn_dpop_make is the device's side. */
CAIRN_RC cairn_dpop_make(const struct cairn_signer *key, struct cairn_span token, const char *method, const char *url,
                         const uint8_t random[16], uint64_t now_s, struct cairn_buf *out, struct cairn_err *err);

/* cairn_ear_seal_to wraps `secret` (<= 128 bytes) for the device of an affirming EAR: an import object under its SRK that opens
 * in the quoted state until the epoch moves. Writes the sealed file: docs/formats.md "sealed". CAIRN_E_REFUSED "ear.status",
 * "ear.seal" (carries none). */
CAIRN_RC cairn_ear_seal_to(const struct cairn_ear *ear, struct cairn_span secret, struct cairn_buf *out, struct cairn_err *err);
/* struct cairn_sealed_file is what the device opens with cairn_tpm_import. */
struct cairn_sealed_file {
    uint8_t device[32];
    struct cairn_area object;
    struct cairn_blob duplicate, seed;
    uint32_t mask;
    uint64_t epoch;
};
CAIRN_RC cairn_sealed_file_parse(struct cairn_span file, struct cairn_sealed_file *out, struct cairn_err *err);

#endif
