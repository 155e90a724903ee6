/* server/spent.h -- which of the server's own nonces a device has spent, in a few bytes per device.
 *
 * A nonce counts as spent when it was issued before the newest spent one, or in the same second and is among the remembered
 * ones. So single use holds for ever without a table of nonces; a device that answers an older one is given a new one. Pure.
 */
#ifndef CAIRN_SERVER_SPENT_H
#define CAIRN_SERVER_SPENT_H

#include "attest/nonce.h"
#include "server/store.h"

/* cairn_nonce_times_tell: `issued_s` of the newest spent nonce can be compared with what is issued now. false: the clock stood
 * in the future when that was spent and was set back since; by this rule every nonce would then count as spent, until that
 * future comes (CHECKS 62). Something else must tell then whether a document is new. */
bool cairn_nonce_times_tell(uint64_t issued_s, uint64_t now_s);
bool cairn_nonce_is_spent(uint64_t issued_s, const uint8_t (*spent)[12], unsigned num, const struct cairn_nonce *nonce);
/* cairn_nonce_spend_into gives the list after `nonce`, which is not spent, was. Its time never goes back: what was spent before
 * the clock was set back stays spent when it is set right. */
void cairn_nonce_spend_into(uint64_t issued_s, const uint8_t (*spent)[12], unsigned num, const struct cairn_nonce *nonce,
                            uint64_t *new_issued_s, uint8_t (*new_spent)[12], unsigned *new_num);

#endif
