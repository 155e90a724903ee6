/* server/members.h -- opened statements of the devices that report, so that a report verifies one signature and not two.
 *
 * Keyed by device; an entry counts only for exactly the statement file it was made from. Least recently used goes. One object,
 * one thread.
 */
#ifndef CAIRN_SERVER_MEMBERS_H
#define CAIRN_SERVER_MEMBERS_H

#include "attest/appraise.h"

struct cairn_member {
    struct cairn_statement statement;
    struct cairn_claim_key *key; /* the AK, prepared */
};
struct cairn_members;
CAIRN_RC cairn_members_new(size_t max, struct cairn_members **out, struct cairn_err *err);
void cairn_members_free(struct cairn_members *members);
/* cairn_members_open gives the member of `device` with this statement file, verified under `root` (dates are not judged: they
 * were when it was enrolled). Borrowed until the next call. Errors of cairn_statement_open; "memory". */
CAIRN_RC cairn_members_open(struct cairn_members *members, const struct cairn_root *root, const uint8_t device[32],
                            struct cairn_span file, const struct cairn_member **out, struct cairn_err *err);
/* cairn_members_forget empties it: another root. */
void cairn_members_forget(struct cairn_members *members);

#endif
