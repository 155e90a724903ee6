/* wipe/release.h -- the release token: the server's word that an online order may be carried out now, by this device.
 *
 * An order with delivery "online" is accepted only with a token over the device's own fresh nonce, so a hold, a cancellation or
 * a grace period reaches a device that got the order by any transport (CHECKS 61). Signed by role verifier: it may let go what
 * two holders of role retire have ordered, and nothing else. Its dates are one server's word: they are compared with the
 * device's time and never become it (CHECKS 62).
 *
 * Pure. Source: DESIGN 10; docs/formats.md "release".
 */
#ifndef CAIRN_WIPE_RELEASE_H
#define CAIRN_WIPE_RELEASE_H

#include "wipe/order.h"

enum { CAIRN_RELEASE_LIFE_S = 600, CAIRN_RELEASE_ASK_MAX = 1024 };
struct cairn_release {
    uint8_t fleet[32], device[32];
    struct cairn_name ak;
    uint8_t order[32]; /* SHA-256 of the order's payload */
    uint8_t nonce[32]; /* the device's */
    uint64_t issued_s, expires_s;
};
/* cairn_release_payload appends the canonical payload. */
CAIRN_RC cairn_release_payload(const struct cairn_release *release, struct cairn_buf *out, struct cairn_err *err);
/* cairn_release_open verifies `file` under `root` (role verifier, threshold of the root) and compares it with what is wanted.
 * CAIRN_E_REFUSED "release.signer", "release.holders", "release.key.dates", "signature.invalid", "release.fleet",
 * "release.device", "release.ak", "release.order", "release.nonce", "release.dates" (a life longer than CAIRN_RELEASE_LIFE_S,
 * or none), "release.expired" (now_s; a device whose clock is behind is not hurt: only expiry counts); CAIRN_E_FORMAT dsse.*,
 * json.*. */
CAIRN_RC cairn_release_open(const struct cairn_root *root, struct cairn_span file, const struct cairn_order *order,
                            const struct cairn_statement *statement, const uint8_t nonce[32], uint64_t now_s,
                            struct cairn_err *err);

/* struct cairn_release_ask is the device's question: the body of POST /v1/release, and what the device keeps of it. */
struct cairn_release_ask {
    uint8_t device[32], order[32], nonce[32];
};
/* cairn_release_ask_write appends the file, with its newline; cairn_release_ask_read: CAIRN_E_FORMAT json.*. */
CAIRN_RC cairn_release_ask_write(const struct cairn_release_ask *ask, struct cairn_buf *out, struct cairn_err *err);
CAIRN_RC cairn_release_ask_read(struct cairn_span file, struct cairn_release_ask *out, struct cairn_err *err);
/* cairn_release_for is the token that answers `ask` at `now_s`. Whether it should be given is the caller's to know; the order
 * names this device (cairn_order_for). CAIRN_E_REFUSED "order.delivery" (an offline order needs none), "release.device",
 * "release.order" (the question is of another device or about another order). */
CAIRN_RC cairn_release_for(const struct cairn_release_ask *ask, const struct cairn_order *order,
                           const struct cairn_statement *statement, uint64_t now_s, struct cairn_release *out,
                           struct cairn_err *err);

#endif
