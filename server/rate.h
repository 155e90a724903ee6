/* server/rate.h -- how often one address may ask, before anything is looked up for it (CHECKS 34).
 *
 * Token buckets in a fixed table: an address that was long silent gives way to a new one; memory does not grow with the number
 * of strangers. One object, one thread.
 */
#ifndef CAIRN_SERVER_RATE_H
#define CAIRN_SERVER_RATE_H

#include "core/base.h"

struct cairn_rate;
/* per_s 0: no limit. CAIRN_E_IO "memory". */
CAIRN_RC cairn_rate_new(uint32_t per_s, uint32_t burst, struct cairn_rate **out, struct cairn_err *err);
void cairn_rate_free(struct cairn_rate *rate);
/* cairn_rate_take: may `peer` ask at `now_ms`? CAIRN_E_BUSY "server.rate" with retry_after_s. */
CAIRN_RC cairn_rate_take(struct cairn_rate *rate, const char *peer, uint64_t now_ms, struct cairn_err *err);

#endif
