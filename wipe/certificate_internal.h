/* wipe/certificate_internal.h -- the members of a certificate that follow from its evidence.
 */
#ifndef CAIRN_WIPE_CERTIFICATE_INTERNAL_H
#define CAIRN_WIPE_CERTIFICATE_INTERNAL_H

#include "wipe/certificate.h"

/* cairn_certificate_derive sets every derived member on `payload`. */
CAIRN_RC cairn_certificate_derive(const struct cairn_certificate *found, json_t *payload, struct cairn_err *err);
/* The sentences of "what this does not prove"; ends with NULL. */
extern const char *const cairn_certificate_not_proved[];

#endif
