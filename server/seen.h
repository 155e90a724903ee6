/* server/seen.h -- what may be shown once: proofs of possession, kept until they have expired by themselves.
 *
 * Bounded: when the table is full of live entries nothing more is accepted, rather than an old one twice (RFC 9449, 11.1).
 * Thread-safe.
 */
#ifndef CAIRN_SERVER_SEEN_H
#define CAIRN_SERVER_SEEN_H

#include "core/wire.h"

struct cairn_seen;
CAIRN_RC cairn_seen_new(size_t max, struct cairn_seen **out, struct cairn_err *err);
void cairn_seen_free(struct cairn_seen *seen);
/* cairn_seen_once: `id` was not shown before `expires_s`. CAIRN_E_REFUSED "dpop.replayed"; CAIRN_E_BUSY "server.busy". */
CAIRN_RC cairn_seen_once(struct cairn_seen *seen, struct cairn_span id, uint64_t now_s, uint64_t expires_s,
                         struct cairn_err *err);

#endif
