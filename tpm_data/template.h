/* tpm_data/template.h -- the exact public areas Cairn uses, to create with and to compare with.
 *
 * A public area is a marshalled TPMT_PUBLIC or TPMS_NV_PUBLIC without its TPM2B length. Comparison is byte for byte: a
 * public area that differs from the template in any bit but the key itself is refused (CHECKS 1, 2, 49, 56).
 *
 * Pure. Source: TCG EK Credential Profile 2.5 (template L-2), TCG TPM v2.0 Provisioning Guidance (SRK), DESIGN 5.
 */
#ifndef CAIRN_TPM_DATA_TEMPLATE_H
#define CAIRN_TPM_DATA_TEMPLATE_H

#include "tpm_data/name.h"

enum { CAIRN_PUBLIC_MAX = 512 };
enum { CAIRN_ANCHOR_LEN = 48 };

/* struct cairn_area holds one marshalled public area. */
struct cairn_area {
    uint8_t bytes[CAIRN_PUBLIC_MAX];
    size_t len;
};
struct cairn_span cairn_area_span(const struct cairn_area *area);

/* The templates. With `key` NULL `unique` is what creation wants (AK: x = fleet, y = 32 zero bytes; EK L-2 and SRK: 32 zero
 * bytes in both, as the TCG templates have it; empty coordinates would make another key); otherwise `unique` is that point.
 * The AK has noDA: without it each power cut after a use would count as a failed authorisation, and a few would lock the TPM
 * (CHECKS 16). */
void cairn_template_ak(const uint8_t fleet[32], const struct cairn_ec_key *key, struct cairn_area *out);
void cairn_template_srk(const struct cairn_ec_key *key, struct cairn_area *out);
void cairn_template_ek(const struct cairn_ec_key *key, struct cairn_area *out);
/* The public part of the pcrpolicy key as LoadExternal takes it: sign | userWithAuth, scheme NULL, nameAlg SHA-256. */
void cairn_template_pcrpolicy(const struct cairn_ec_key *key, struct cairn_area *out);
/* Sealed data under the SRK (noDA, fixedTPM, fixedParent; userWithAuth clear) and an import object (noDA only): keyedHash,
 * scheme NULL, authPolicy `policy`; `unique` 32 bytes, or NULL for an empty one (creation). */
void cairn_template_sealed(const uint8_t policy[32], const uint8_t unique[32], struct cairn_area *out);
void cairn_template_import(const uint8_t policy[32], const uint8_t unique[32], struct cairn_area *out);
/* NV indices (TPMS_NV_PUBLIC). Epoch: COUNTER|AUTHREAD|OWNERWRITE|NO_DA, empty policy, 8 bytes. Anchor:
 * POLICYWRITE|WRITEALL|AUTHREAD|NO_DA, `policy`, 48 bytes. `written` adds TPMA_NV_WRITTEN. */
void cairn_template_epoch(uint32_t index, bool written, struct cairn_area *out);
void cairn_template_anchor(uint32_t index, const uint8_t policy[32], bool written, struct cairn_area *out);

/* cairn_public_*_check compares `area` with the template and gives the key. CAIRN_E_REFUSED "tpm.ak.attributes",
 * "tpm.srk.template", "tpm.ek.template" (well-formed but other), CAIRN_E_FORMAT "tpm.public" (not an ECC public area at
 * all), "key.curve" (not a point of P-256). */
CAIRN_RC cairn_public_ak_check(struct cairn_span area, const uint8_t fleet[32], struct cairn_ec_key *out,
                               struct cairn_err *err);
CAIRN_RC cairn_public_srk_check(struct cairn_span area, struct cairn_ec_key *out, struct cairn_err *err);
CAIRN_RC cairn_public_ek_check(struct cairn_span area, struct cairn_ec_key *out, struct cairn_err *err);
/* cairn_public_point gives the P-256 point of any ECC public area and judges nothing else. CAIRN_E_FORMAT "tpm.public",
 * "key.curve". */
CAIRN_RC cairn_public_point(struct cairn_span area, struct cairn_ec_key *out, struct cairn_err *err);
/* The index number of a TPMS_NV_PUBLIC that equals the template with WRITTEN set. CAIRN_E_REFUSED "tpm.epoch.template",
 * "tpm.anchor.template"; CAIRN_E_FORMAT "tpm.public". */
CAIRN_RC cairn_public_epoch_check(struct cairn_span area, uint32_t *index, struct cairn_err *err);
CAIRN_RC cairn_public_anchor_check(struct cairn_span area, const uint8_t policy[32], uint32_t *index, struct cairn_err *err);

#endif
