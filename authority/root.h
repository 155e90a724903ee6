/* authority/root.h -- who may: root.json, its roles, holders and thresholds.
 *
 * The root is the only source of keys for what people sign. A threshold counts distinct *holders*, keys are compared as keys,
 * one key has one role, `retire` needs two holders unless single_person is set (CHECKS 43, 60). fleet = SHA-256 of version 1's
 * payload. Version N+1 is signed by the root threshold of N and of N+1.
 *
 * Pure; immutable after opening, so shareable between threads. Source: DESIGN 4; docs/formats.md "root".
 */
#ifndef CAIRN_AUTHORITY_ROOT_H
#define CAIRN_AUTHORITY_ROOT_H

#include "core/doctype.h"
#include "core/dsse.h"

enum cairn_role {
    CAIRN_ROLE_ROOT,
    CAIRN_ROLE_ENROL,
    CAIRN_ROLE_RELEASE,
    CAIRN_ROLE_POLICY,
    CAIRN_ROLE_PCRPOLICY,
    CAIRN_ROLE_RETIRE,
    CAIRN_ROLE_PROVISION,
    CAIRN_ROLE_VERIFIER,
    CAIRN_NUM_ROLES,
};
const char *cairn_role_name(enum cairn_role role);
bool cairn_role_from_name(const char *name, enum cairn_role *out);

#define CAIRN_DATE_MAX UINT64_C(253402300799) /* 9999-12-31T23:59:59Z */
enum { CAIRN_ROOT_VERSION_MAX = 1 << 30 };
enum { CAIRN_CLASS_MAX = 64, CAIRN_HOLDER_MAX = 64, CAIRN_ROOT_MAX_KEYS = 64, CAIRN_FILE_MAX = 1 << 20 };

/* cairn_label_ok: names that people read and that reach logs and certificates (class, holder, serial, tag, site): printable
 * ASCII without quotes and backslash, shorter than `size`; empty only when `may_be_empty` (CHECKS 36). */
bool cairn_label_ok(const char *text, size_t size, bool may_be_empty);

struct cairn_root;
/* cairn_root_open reads and verifies a version 1 root against itself. `now_s` 0 leaves key dates unjudged (a certificate's
 * reader); otherwise keys outside their dates do not count.
 * CAIRN_E_REFUSED "root.signer" (a signature by a key that is not of role root), "signature.invalid", "root.threshold" (not
 * signed by enough holders) and the codes of cairn_root_check; CAIRN_E_FORMAT from dsse and json. */
CAIRN_RC cairn_root_open(struct cairn_span file, uint64_t now_s, struct cairn_root **out, struct cairn_err *err);
/* cairn_root_next opens version N+1 after `root`: signed by both thresholds, same class and fleet ("root.chain"), version
 * exactly one higher ("root.version"). */
CAIRN_RC cairn_root_next(const struct cairn_root *root, struct cairn_span file, uint64_t now_s, struct cairn_root **out,
                         struct cairn_err *err);
/* cairn_root_check judges an unsigned root payload by itself, as cairn_root_open would before it counts signatures.
 * CAIRN_E_REFUSED "root.version" (not 1), "root.key.double" (one key twice), "root.key.id" (an id that is not the key's),
 * "root.key.role" (a key in two roles), "root.key.unused" (in none), "root.key.unknown" (a role names a key that is not there),
 * "root.dates" (ends before it begins), "root.role.missing", "root.role.threshold" (0, or more than the role has holders),
 * "root.pcrpolicy" (not exactly one key), "root.retire.single" (retire by fewer than two holders); CAIRN_E_FORMAT "key.spki",
 * "key.curve", json.*. */
CAIRN_RC cairn_root_check(struct cairn_span payload, struct cairn_err *err);
void cairn_root_free(struct cairn_root *root);
void cairn_root_freep(struct cairn_root **root);
#define CAIRN_ROOT CAIRN_CLEANUP(cairn_root_freep) struct cairn_root
const uint8_t *cairn_root_fleet(const struct cairn_root *root); /* 32 bytes */
const char *cairn_root_class(const struct cairn_root *root);
uint32_t cairn_root_version(const struct cairn_root *root);
/* cairn_root_pcrpolicy_key: the one key of that role. */
const struct cairn_ec_key *cairn_root_pcrpolicy_key(const struct cairn_root *root);
/* cairn_root_key_role finds a key. false: not in this root. */
bool cairn_root_key_role(const struct cairn_root *root, const uint8_t key_id[32], enum cairn_role *role, const char **holder);
/* cairn_root_role_key gives the i-th key of a role, in the root's order; NULL past the last one. cairn_root_role_key_by_id
 * finds one; NULL: no such key in this role, or (`now_s` not 0) not valid now. Both borrow. */
const struct cairn_ec_key *cairn_root_role_key(const struct cairn_root *root, enum cairn_role role, size_t i);
const struct cairn_ec_key *cairn_root_role_key_by_id(const struct cairn_root *root, enum cairn_role role,
                                                     const uint8_t key_id[32], uint64_t now_s);

/* cairn_root_verify decides whether `dsse` carries the signatures of role `role`: every signature in the envelope must be by a
 * key of that role and verify; the holders are counted. Codes, with NOUN = the caller's `noun` ("order", "manifest"...):
 * CAIRN_E_REFUSED "NOUN.signer" (a key that is not in this role), "signature.invalid", "NOUN.key.dates", "NOUN.holders" (fewer
 * distinct holders than the threshold). */
CAIRN_RC cairn_root_verify(const struct cairn_root *root, const struct cairn_dsse *dsse, enum cairn_role role, const char *noun,
                           uint64_t now_s, struct cairn_err *err);
/* cairn_root_open_signed = cairn_dsse_parse + cairn_root_verify: gives the payload only after it was verified. */
CAIRN_RC cairn_root_open_signed(const struct cairn_root *root, struct cairn_span file, const char *type, enum cairn_role role,
                                const char *noun, uint64_t now_s, struct cairn_buf *payload, struct cairn_err *err);

#endif
