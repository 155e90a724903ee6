/* authority/draft.h -- public key files, and the unsigned root that is drafted from them.
 *
 * A public key file says whose key it is and for what; it is trusted for nothing: the people who sign the root vouch for it.
 * Pure. Source: docs/formats.md "public key", "root".
 */
#ifndef CAIRN_AUTHORITY_DRAFT_H
#define CAIRN_AUTHORITY_DRAFT_H

#include "authority/root.h"

#define CAIRN_TYPE_PUBLIC_KEY CAIRN_TYPE("public-key")

struct cairn_public_key {
    enum cairn_role role;
    char holder[CAIRN_HOLDER_MAX];
    struct cairn_ec_key key;
};
/* CAIRN_E_FORMAT json.*, "key.spki", "key.curve". _write appends canonical text with newline. */
CAIRN_RC cairn_public_key_parse(struct cairn_span file, struct cairn_public_key *out, struct cairn_err *err);
CAIRN_RC cairn_public_key_write(const struct cairn_public_key *key, struct cairn_buf *out, struct cairn_err *err);

struct cairn_root_draft {
    char device_class[CAIRN_CLASS_MAX];
    bool single_person;
    uint64_t not_before_s, not_after_s;  /* of every key */
    uint32_t threshold[CAIRN_NUM_ROLES]; /* 0: 1, or 2 for retire unless single_person */
    size_t num_keys;
    struct cairn_public_key keys[CAIRN_ROOT_MAX_KEYS];
};
/* cairn_root_draft_write appends the canonical payload of version 1, checked by cairn_root_check, with newline. Errors: its. */
CAIRN_RC cairn_root_draft_write(const struct cairn_root_draft *draft, struct cairn_buf *out, struct cairn_err *err);

#endif
