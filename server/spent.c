/* server/spent.c -- see server/spent.h. */
#include "server/spent.h"

#include "attest/server_nonce.h"

enum { TAG_LEN = 12 };

static struct cairn_span tag(const struct cairn_nonce *nonce)
{
    return cairn_span(nonce->nonce + sizeof nonce->nonce - TAG_LEN, TAG_LEN);
}

bool cairn_nonce_times_tell(uint64_t issued_s, uint64_t now_s)
{
    return issued_s <= now_s + CAIRN_CLOCK_SKEW_S;
}

bool cairn_nonce_is_spent(uint64_t issued_s, const uint8_t (*spent)[12], unsigned num, const struct cairn_nonce *nonce)
{
    if (nonce->issued_s != issued_s) {
        return nonce->issued_s < issued_s;
    }
    for (unsigned i = 0; i < num; i++) {
        if (cairn_span_equal(cairn_span(spent[i], TAG_LEN), tag(nonce))) {
            return true;
        }
    }
    return num >= CAIRN_SPENT_MAX; /* no room to remember one more of this second */
}

void cairn_nonce_spend_into(uint64_t issued_s, const uint8_t (*spent)[12], unsigned num, const struct cairn_nonce *nonce,
                            uint64_t *new_issued_s, uint8_t (*new_spent)[12], unsigned *new_num)
{
    const bool ahead = nonce->issued_s < issued_s;
    const unsigned kept = ahead || nonce->issued_s == issued_s ? num : 0;
    for (unsigned i = 0; i < kept; i++) {
        cairn_copy(new_spent[i], spent[i], TAG_LEN);
    }
    *new_issued_s = ahead ? issued_s : nonce->issued_s;
    *new_num = kept;
    if (!ahead) {
        cairn_copy(new_spent[kept], tag(nonce).p, TAG_LEN);
        *new_num = kept + 1;
    }
}
