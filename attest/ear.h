/* attest/ear.h -- the attestation result: an EAR as a signed JWT, and what a relying party does with one.
 *
 * An EAR shown by somebody else is stopped by audience and expiry, by possession of the key in `cnf` (DPoP), or because what is
 * given for it is sealed to the device (CHECKS 54). Pure but for keys and randomness.
 *
 * Source: draft-ietf-rats-ear-04; RFC 9711 (EAT); AR4SI (draft-ietf-rats-ar4si); RFC 9449 (DPoP); docs/protocol.md "Relying
 * parties"; docs/formats.md "sealed".
 */
#ifndef CAIRN_ATTEST_EAR_H
#define CAIRN_ATTEST_EAR_H

#include "attest/appraise.h"
#include "attest/jwk.h"
#include "core/crypto_keys.h"
#include "tpm_data/wrap.h"

enum { CAIRN_EAR_MAX = 8192, CAIRN_EAR_LIFE_S = 300, CAIRN_EAR_SKEW_S = 60, CAIRN_EAR_AUDIENCE_MAX = 256 };
enum { CAIRN_DPOP_MAX = 4096, CAIRN_DPOP_LIFE_S = 60, CAIRN_DPOP_JTI_MAX = 64 };

/* What a relying party needs to seal to the device; docs/protocol.md "ear_attester_claims.cairn_seal". */
struct cairn_ear_seal {
    struct cairn_area srk;
    struct cairn_name epoch_name;
    uint64_t epoch;
    uint32_t mask;
    uint8_t pcr_digest[32];
};
/* cairn_ear_seal_of takes the seal set's values from an authenticated replay, never from the policy; `epoch` is the counter as
 * last certified. CAIRN_E_REFUSED "ear.seal": a PCR of the seal set was not quoted, or there is none. */
CAIRN_RC cairn_ear_seal_of(const struct cairn_statement *statement, const struct cairn_policy *policy,
                           const struct cairn_replay *replay, uint64_t epoch, struct cairn_ear_seal *out,
                           struct cairn_err *err);

struct cairn_ear_in {
    const struct cairn_statement *statement;
    const struct cairn_policy *policy;
    const struct cairn_verdict *verdict;
    const uint8_t *nonce;                  /* 32 bytes */
    const char *cnf;                       /* the evidence's thumbprint, "" for none */
    const struct cairn_ear_seal *seal;     /* NULL: none; left out of any EAR that does not affirm */
    const char *issuer, *audience, *build; /* "https://...", asked for, "cairn 0.1.0" */
    uint64_t now_s;
    const char *enroller; /* "apart" or "server"; NULL: not said */
};
/* cairn_ear_sign appends the compact JWS, without newline. The vector's categories come from the checks: identity from the
 * enrolled AK's signature, configuration and executables from PCRs and events (pass 2, optional failure 32, required failure
 * 96). A category that no check speaks of, or that could not be decided, is left out. CAIRN_E_USAGE "ear.audience": not 1 to
 * 255 plain characters. */
CAIRN_RC cairn_ear_sign(const struct cairn_ear_in *in, const struct cairn_signer *signer, struct cairn_buf *out,
                        struct cairn_err *err);

/* struct cairn_ear is a verified EAR. */
struct cairn_ear {
    uint8_t device[32];
    char audience[CAIRN_EAR_AUDIENCE_MAX];
    char status[24]; /* "affirming"... */
    char jkt[CAIRN_JKT_LEN + 1];
    uint64_t issued_s, expires_s;
    bool has_seal;
    struct cairn_ear_seal seal;
};
/* cairn_ear_verify verifies `jwt` by the root's verifier keys (kid must be one that is valid now, alg ES256), then reads.
 * `audience` NULL: any. now_s 0: dates are not judged. CAIRN_E_FORMAT "ear.format" (or json.*); CAIRN_E_REFUSED "ear.signer",
 * "signature.invalid", "ear.profile", "ear.audience", "ear.expired" (also: issued more than CAIRN_EAR_SKEW_S ahead, or for
 * longer than CAIRN_EAR_LIFE_S), "tpm.srk.template". */
CAIRN_RC cairn_ear_verify(const struct cairn_root *root, struct cairn_span jwt, const char *audience, uint64_t now_s,
                          struct cairn_ear *out, struct cairn_err *err);

/* cairn_dpop_check decides whether `proof` (RFC 9449) was made by the EAR's cnf key for this method, URL (without query and
 * fragment) and token. `jti` gives the proof's id, to be accepted once by the caller. CAIRN_E_FORMAT "dpop.format";
 * CAIRN_E_REFUSED "dpop.signature", "dpop.key" (another key's, or the EAR has none), "dpop.method", "dpop.url", "dpop.token",
 * "dpop.time". */
CAIRN_RC cairn_dpop_check(struct cairn_span proof, const struct cairn_ear *ear, struct cairn_span token, const char *method,
                          const char *url, uint64_t now_s, char jti[CAIRN_DPOP_JTI_MAX + 1], struct cairn_err *err);
/* cairn_dpop_make is the device's side; appends. `random` becomes the proof's id. */
CAIRN_RC cairn_dpop_make(const struct cairn_signer *key, struct cairn_span token, const char *method, const char *url,
                         const uint8_t random[16], uint64_t now_s, struct cairn_buf *out, struct cairn_err *err);

/* cairn_ear_seal_to wraps `secret` (1 to 128 bytes) for the device of an affirming EAR: an import object under its SRK that
 * opens in the quoted state until the epoch moves. Appends the sealed file: docs/formats.md "sealed". CAIRN_E_REFUSED
 * "ear.status" (not affirming), "ear.seal" (the EAR carries none); CAIRN_E_USAGE "wrap.length". */
CAIRN_RC cairn_ear_seal_to(const struct cairn_ear *ear, struct cairn_span secret, struct cairn_buf *out, struct cairn_err *err);
/* struct cairn_sealed_file is what the device opens with cairn_tpm_import. Whoever has the EAR can make one: it keeps a secret
 * from others and says nothing about who sent it. CAIRN_E_FORMAT json.* */
enum { CAIRN_SEALED_FILE_MAX = 8192 };
struct cairn_sealed_file {
    uint8_t device[32];
    struct cairn_area object;
    struct cairn_blob duplicate, seed;
    uint32_t mask;
    uint64_t epoch;
};
CAIRN_RC cairn_sealed_file_parse(struct cairn_span file, struct cairn_sealed_file *out, struct cairn_err *err);

#endif
