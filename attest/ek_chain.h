/* attest/ek_chain.h -- does a certificate authority that we trust vouch for this endorsement key?
 *
 * The trusted set is what the enroller put into one directory: self-signed certificates are trust anchors, all others may only
 * stand in between. OpenSSL decides the path; this module decides what a path must be (CHECKS 6): full, to an anchor, valid at
 * one given time, every issuer a CA by basicConstraints with its pathLen, the leaf not a CA and with the EK's extended key
 * usage. Certificates of vendors are not always strict DER, so nothing is re-encoded before it is judged.
 *
 * Pure: bytes in, facts out. Source: RFC 5280 6.1; TCG EK Credential Profile 2.5, section 3.
 */
#ifndef CAIRN_ATTEST_EK_CHAIN_H
#define CAIRN_ATTEST_EK_CHAIN_H

#include "core/crypto.h"

enum { CAIRN_EK_CERTIFICATE_MAX = 8192, CAIRN_CA_FILE_MAX = 1 << 20 };

struct cairn_ca_set;
CAIRN_RC cairn_ca_set_new(struct cairn_ca_set **out, struct cairn_err *err);
void cairn_ca_set_free(struct cairn_ca_set *set);
void cairn_ca_set_freep(struct cairn_ca_set **set);
#define CAIRN_CA_SET CAIRN_CLEANUP(cairn_ca_set_freep) struct cairn_ca_set
/* cairn_ca_set_add adds every certificate of a PEM file. CAIRN_E_FORMAT "ca.format": no certificate in it, or a damaged one. */
CAIRN_RC cairn_ca_set_add(struct cairn_ca_set *set, struct cairn_span pem, struct cairn_err *err);
/* How many trust anchors are in it: without one nothing can be vouched for. */
size_t cairn_ca_set_num_anchors(const struct cairn_ca_set *set);

/* What an accepted certificate says of its TPM (subjectAltName, TCG attributes); empty where it says nothing. */
struct cairn_ek_facts {
    uint8_t sha256[32];    /* of the DER certificate */
    char manufacturer[32]; /* "id:00001014" */
    char model[64];        /* "swtpm" */
    bool is_virtual;       /* made by the certificate authority of a software TPM */
};
/* cairn_ek_certificate_key gives the P-256 key of a certificate nobody has judged yet: to find the one that belongs to a key.
 * CAIRN_E_FORMAT "enrolment.ek.certificate" (not one DER certificate); false in *is_p256 for a key of another kind. */
CAIRN_RC cairn_ek_certificate_key(struct cairn_span der, bool *is_p256, struct cairn_ec_key *key, struct cairn_err *err);
/* cairn_ek_chain_check decides whether `der` is a valid EK certificate for exactly `ek` at `now_s`.
 * CAIRN_E_REFUSED "enrolment.ek.key" (it certifies another key), "enrolment.ek.leaf" (it is a CA's), "enrolment.ek.eku" (no
 * extended key usage 2.23.133.8.1), "enrolment.ek.expired" (or not yet valid: it or one of the path), "enrolment.ek.ca" (an
 * issuer that is no CA, or its pathLen exceeded), "enrolment.ek.chain" (no path to a trust anchor, or a bad signature on it);
 * CAIRN_E_FORMAT "enrolment.ek.certificate". */
CAIRN_RC cairn_ek_chain_check(const struct cairn_ca_set *set, struct cairn_span der, const struct cairn_ec_key *ek,
                              uint64_t now_s, struct cairn_ek_facts *out, struct cairn_err *err);

#endif
