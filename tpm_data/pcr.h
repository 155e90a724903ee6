/* tpm_data/pcr.h -- PCR selections: exactly one bank (SHA-256), PCR 0..23.
 *
 * Pure. Source: TPM 2.0 Part 2, TPML_PCR_SELECTION, TPMS_PCR_SELECTION.
 */
#ifndef CAIRN_TPM_DATA_PCR_H
#define CAIRN_TPM_DATA_PCR_H

#include "core/crypto.h"

enum { CAIRN_NUM_PCRS = 24, CAIRN_SELECTION_LEN = 10, CAIRN_PCR_USERSPACE = 8, CAIRN_PCR_IMA = 10 };

/* cairn_selection_marshal gives the 10 bytes of the TPML_PCR_SELECTION {sha256, mask}: bit i of `mask` is PCR i. */
void cairn_selection_marshal(uint32_t mask, uint8_t out[CAIRN_SELECTION_LEN]);
/* cairn_selection_parse accepts only that form. CAIRN_E_FORMAT "tpm.selection". */
CAIRN_RC cairn_selection_parse(struct cairn_span bytes, uint32_t *mask, struct cairn_err *err);
/* Text form, for people and documents: "0,2,4,7" ascending, no duplicates; parse also takes "sha256:" before and ranges "0-4".
 * CAIRN_E_USAGE "pcr.selection". */
CAIRN_RC cairn_selection_from_text(const char *text, uint32_t *mask, struct cairn_err *err);
void cairn_selection_to_text(uint32_t mask, char out[80]);
/* cairn_pcr_digest hashes the selected values of `values` (24 x 32 bytes) in ascending order. */
CAIRN_RC cairn_pcr_digest(uint32_t mask, const uint8_t values[CAIRN_NUM_PCRS][32], uint8_t out[32], struct cairn_err *err);

#endif
