/* server/members.h -- opened statements of the devices that report, so that a report verifies one signature and not two.
 *
 * Keyed by device; an entry counts only for exactly the statement file it was made from. Least recently used goes. One object,
 * one thread.
 */
#ifndef CAIRN_SERVER_MEMBERS_H
#define CAIRN_SERVER_MEMBERS_H

#include <stdatomic.h>

#include "attest/appraise.h"
#include "server/store.h"

struct cairn_member {
    struct cairn_statement statement;
    struct cairn_claim_key *key; /* the AK, prepared */
};
/* struct cairn_standing is what the store said of a device, or was given, last: with it a steady report needs no read. It holds
 * as long as nothing else was written about devices in general (`changes`) and about this one (`version`: struct
 * cairn_versions); the writer compares again all the same. All-zero is a valid cleared state. */
struct cairn_standing {
    bool kept; /* out of the cache: `version` counts */
    uint64_t changes, version;
    enum cairn_device_life life;
    uint64_t epoch;
    bool has_order; /* to be told with every report: then the standing is not kept */
    uint8_t order[32];
    bool known;
    struct cairn_report_row last; /* when known */
};
void cairn_standing_clear(struct cairn_standing *standing);

/* struct cairn_versions counts what is written; shared by all threads, incremented by the writer's alone. A device's own count
 * moves when its row is about to be written (a reader who is then too early finds no standing that holds); `changes` after the
 * commit (whoever sees it reads what it tells of), `begun` before. */
enum { CAIRN_VERSIONS = 1 << 16 };
struct cairn_versions {
    _Atomic uint64_t begun, changes;
    _Atomic uint64_t device[CAIRN_VERSIONS]; /* by the first bytes of its id */
};
/* cairn_standing_current: in the writer's thread, nothing has been written since the standing was kept. */
bool cairn_standing_current(const struct cairn_standing *standing, struct cairn_versions *versions, const uint8_t device[32]);
_Atomic uint64_t *cairn_version_of(struct cairn_versions *versions, const uint8_t device[32]);

struct cairn_members;
CAIRN_RC cairn_members_new(size_t max, struct cairn_members **out, struct cairn_err *err);
void cairn_members_free(struct cairn_members *members);
/* cairn_members_open gives the member of `device` with this statement file, verified under `root` (dates are not judged: they
 * were when it was enrolled). Borrowed until the next call. Errors of cairn_statement_open; "memory". */
CAIRN_RC cairn_members_open(struct cairn_members *members, const struct cairn_root *root, const uint8_t device[32],
                            struct cairn_span file, const struct cairn_member **out, struct cairn_err *err);
/* cairn_members_take moves a standing that still holds out of the cache and lends its member; false: the store has to be asked.
 */
bool cairn_members_take(struct cairn_members *members, struct cairn_versions *versions, const uint8_t device[32],
                        struct cairn_standing *out, const struct cairn_member **member);
/* cairn_members_keep moves one in, if the device is in the cache; `*standing` is cleared. */
void cairn_members_keep(struct cairn_members *members, const uint8_t device[32], struct cairn_standing *standing);
/* cairn_members_forget empties it: another root. */
void cairn_members_forget(struct cairn_members *members);

#endif
