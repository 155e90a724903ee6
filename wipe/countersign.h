/* wipe/countersign.h -- a verifier's signature beside the TPM's: "we have judged this certificate, and it is genuine".
 *
 * It adds somebody who will answer for the certificate; the evidence stays the TPM's, and the payload what it was. Needs
 * core/crypto_keys.h (OpenSSL): linked by desks and servers, never by cairn-verify, which only checks what is made here.
 *
 * Pure. Source: DESIGN 10; docs/formats.md "certificate".
 */
#ifndef CAIRN_WIPE_COUNTERSIGN_H
#define CAIRN_WIPE_COUNTERSIGN_H

#include "core/crypto_keys.h"
#include "wipe/certificate.h"

/* cairn_certificate_countersign verifies `file` (anchors as for cairn_certificate_verify), adds the signature of `signer` and
 * appends the new file to `out`. A certificate that this key has signed comes out as it is, so that asking twice is harmless.
 * CAIRN_E_REFUSED "certificate.countersigner" (not a key of role verifier), "certificate.full" (no room for another);
 * cairn_certificate_verify's. */
CAIRN_RC cairn_certificate_countersign(struct cairn_span file, const struct cairn_span *anchors, size_t num_anchors,
                                       const struct cairn_signer *signer, struct cairn_buf *out, struct cairn_err *err);

#endif
