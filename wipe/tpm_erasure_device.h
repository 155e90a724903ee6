/* wipe/tpm_erasure_device.h -- the audited Clear, and the certificate that it signs.
 *
 * Source: DESIGN 10 (sequence, step 5); TPM 2.0 Part 1, section 34.
 */
#ifndef CAIRN_WIPE_TPM_ERASURE_DEVICE_H
#define CAIRN_WIPE_TPM_ERASURE_DEVICE_H

#include "tpm/tpm.h"
#include "wipe/certificate.h"

/* cairn_tpm_erasure runs StirRandom .. Clear .. Quote over `parts->start`, closes the certificate's payload, has the TPM sign
 * it, and verifies the result as a stranger would, with the device's own root. May be repeated from the start after any
 * failure: a second Clear is harmless. `start_file` and `certificate` are appended to on success only.
 * Errors: "wipe.clear.disabled", "wipe.clear.auth", tpm.*, cairn_certificate_verify's. */
CAIRN_RC cairn_tpm_erasure(struct cairn_tpm *tpm, const struct cairn_certificate_parts *parts, const uint8_t fleet[32],
                           struct cairn_buf *start_file, struct cairn_buf *certificate, struct cairn_err *err);

#endif
