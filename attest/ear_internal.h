/* attest/ear_internal.h -- the readers behind the signatures, for tests/fuzz: what a signature covers is read by these alone.
 * Included by attest/ and its tests only.
 */
#ifndef CAIRN_ATTEST_EAR_INTERNAL_H
#define CAIRN_ATTEST_EAR_INTERNAL_H

#include "attest/ear.h"

/* cairn_ear_read reads the payload of a result whose signature was verified. Dates and audience are not judged. */
CAIRN_RC cairn_ear_read(struct cairn_span payload, struct cairn_ear *out, struct cairn_err *err);

/* struct cairn_dpop_proof is what a proof says; texts borrow from its JSON. */
struct cairn_dpop_proof {
    const char *method, *url, *token_hash, *id;
    uint64_t made_s;
};
/* cairn_dpop_read reads the payload of a proof. The caller owns *json. */
CAIRN_RC cairn_dpop_read(struct cairn_span payload, json_t **json, struct cairn_dpop_proof *out, struct cairn_err *err);

#endif
