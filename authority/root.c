/* authority/root.c -- reads root.json, judges its own rules, and counts holders.
 *
 * Trust boundary: the first root is believed because the measured boot carries its digest and the AK's template its fleet;
 * every later one because the one before signed it. A root is necessarily read before its own signatures can be checked, so
 * the reader decides nothing but the file's own consistency.
 * Source: DESIGN 4; docs/formats.md "root".
 */
#include "authority/root.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct key_entry {
    uint8_t id[CAIRN_SHA256_LEN];
    struct cairn_ec_key key;
    char holder[CAIRN_HOLDER_MAX];
    uint64_t not_before_s, not_after_s;
    bool has_role;
    enum cairn_role role;
};
struct cairn_root {
    uint8_t fleet[CAIRN_SHA256_LEN];
    char device_class[CAIRN_CLASS_MAX];
    uint32_t version;
    bool single_person;
    size_t num_keys;
    struct key_entry keys[CAIRN_ROOT_MAX_KEYS];
    uint32_t threshold[CAIRN_NUM_ROLES]; /* 0: the root has no such role */
};

static const char *const role_names[CAIRN_NUM_ROLES] = {
    [CAIRN_ROLE_ROOT] = "root",           [CAIRN_ROLE_ENROL] = "enrol",         [CAIRN_ROLE_RELEASE] = "release",
    [CAIRN_ROLE_POLICY] = "policy",       [CAIRN_ROLE_PCRPOLICY] = "pcrpolicy", [CAIRN_ROLE_RETIRE] = "retire",
    [CAIRN_ROLE_PROVISION] = "provision", [CAIRN_ROLE_VERIFIER] = "verifier",
};

const char *cairn_role_name(enum cairn_role role)
{
    return (unsigned)role < CAIRN_NUM_ROLES ? role_names[role] : "unknown";
}

bool cairn_role_from_name(const char *name, enum cairn_role *out)
{
    for (size_t i = 0; i < CAIRN_NUM_ROLES; i++) {
        if (strcmp(name, role_names[i]) == 0) {
            *out = (enum cairn_role)i;
            return true;
        }
    }
    return false;
}

bool cairn_label_ok(const char *text, size_t size, bool may_be_empty)
{
    size_t len = strnlen(text, size);
    for (size_t i = 0; i < len; i++) {
        if (text[i] < ' ' || text[i] > '~' || text[i] == '"' || text[i] == '\'' || text[i] == '\\') {
            return false;
        }
    }
    return len < size && (len > 0 || may_be_empty);
}

/* One member of "keys": the id is checked after doubles, so that one key under two ids is called what it is. */
static CAIRN_RC read_key(const char *id, const json_t *value, struct key_entry *out, struct cairn_err *err)
{
    CAIRN_BUF spki = {0};
    struct cairn_obj o = cairn_obj(value, "root key", err);
    const char *holder = cairn_obj_string(&o, "holder", CAIRN_HOLDER_MAX - 1);
    out->not_before_s = cairn_obj_uint(&o, "not_before", CAIRN_DATE_MAX);
    out->not_after_s = cairn_obj_uint(&o, "not_after", CAIRN_DATE_MAX);
    cairn_obj_base64(&o, "spki", 2 * CAIRN_SPKI_LEN, &spki);
    if (!cairn_label_ok(holder, CAIRN_HOLDER_MAX, false)) {
        cairn_obj_fail(&o, "holder", "is empty or has a character that is not allowed");
    }
    if (!cairn_hex_decode(id, out->id, sizeof out->id)) {
        cairn_obj_fail(&o, "keys", "has a key id that is not 64 hex digits");
    }
    CAIRN_TRY(cairn_obj_done(&o));
    if (out->not_after_s < out->not_before_s) {
        return CAIRN_FAIL(err, CAIRN_E_REFUSED, "root.dates", "the key of %s ends before it begins", holder);
    }
    (void)snprintf(out->holder, sizeof out->holder, "%s", holder);
    return cairn_spki_decode(cairn_buf_span(&spki), &out->key, err);
}

static CAIRN_RC check_keys(const struct cairn_root *root, struct cairn_err *err)
{
    for (size_t i = 0; i < root->num_keys; i++) {
        for (size_t j = 0; j < i; j++) {
            if (cairn_ec_key_equal(&root->keys[i].key, &root->keys[j].key)) {
                return CAIRN_FAIL(err, CAIRN_E_REFUSED, "root.key.double", "%s and %s have the same key: one key, one holder",
                                  root->keys[j].holder, root->keys[i].holder);
            }
        }
    }
    for (size_t i = 0; i < root->num_keys; i++) {
        uint8_t id[CAIRN_SHA256_LEN] = {0};
        CAIRN_TRY(cairn_ec_key_id(&root->keys[i].key, id, err));
        if (memcmp(id, root->keys[i].id, sizeof id) != 0) {
            return CAIRN_FAIL(err, CAIRN_E_REFUSED, "root.key.id", "a key of %s stands under an id that is not its own",
                              root->keys[i].holder);
        }
    }
    return CAIRN_OK;
}

static CAIRN_RC read_keys(const json_t *keys, struct cairn_root *root, struct cairn_err *err)
{
    if (json_object_size(keys) > CAIRN_ROOT_MAX_KEYS) {
        return CAIRN_FAIL(err, CAIRN_E_FORMAT, "json.large", "a root holds at most %d keys", CAIRN_ROOT_MAX_KEYS);
    }
    const char *id = NULL;
    json_t *value = NULL;
    /* jansson's iterator takes a mutable object but changes nothing */
    json_object_foreach((json_t *)(uintptr_t)keys, id, value)
    {
        CAIRN_TRY(read_key(id, value, &root->keys[root->num_keys], err));
        root->num_keys++;
    }
    return check_keys(root, err);
}

static struct key_entry *find_key(struct cairn_root *root, const uint8_t id[CAIRN_SHA256_LEN])
{
    for (size_t i = 0; i < root->num_keys; i++) {
        if (memcmp(root->keys[i].id, id, CAIRN_SHA256_LEN) == 0) {
            return &root->keys[i];
        }
    }
    return NULL;
}

static const struct key_entry *find_key_const(const struct cairn_root *root, const uint8_t id[CAIRN_SHA256_LEN])
{
    for (size_t i = 0; i < root->num_keys; i++) {
        if (memcmp(root->keys[i].id, id, CAIRN_SHA256_LEN) == 0) {
            return &root->keys[i];
        }
    }
    return NULL;
}

static CAIRN_RC assign_role(struct cairn_root *root, enum cairn_role role, const json_t *id_json, struct cairn_err *err)
{
    uint8_t id[CAIRN_SHA256_LEN] = {0};
    const char *text = json_string_value(id_json);
    struct key_entry *entry = NULL;
    if (text != NULL && cairn_hex_decode(text, id, sizeof id)) {
        entry = find_key(root, id);
    }
    if (entry == NULL) {
        return CAIRN_FAIL(err, CAIRN_E_REFUSED, "root.key.unknown", "role %s names a key that the root does not hold",
                          role_names[role]);
    }
    if (entry->has_role && entry->role == role) {
        return CAIRN_FAIL(err, CAIRN_E_REFUSED, "root.key.double", "role %s names the key of %s twice", role_names[role],
                          entry->holder);
    }
    if (entry->has_role) {
        return CAIRN_FAIL(err, CAIRN_E_REFUSED, "root.key.role", "a key of %s is in the roles %s and %s: one key, one role",
                          entry->holder, role_names[entry->role], role_names[role]);
    }
    entry->has_role = true;
    entry->role = role;
    return CAIRN_OK;
}

static CAIRN_RC read_role(const char *name, const json_t *value, struct cairn_root *root, struct cairn_err *err)
{
    enum cairn_role role = CAIRN_ROLE_ROOT;
    struct cairn_obj o = cairn_obj(value, "root role", err);
    if (!cairn_role_from_name(name, &role)) {
        cairn_obj_fail(&o, "roles", "has a role that is not known");
    }
    const json_t *keys = cairn_obj_array(&o, "keys", CAIRN_ROOT_MAX_KEYS);
    uint32_t threshold = (uint32_t)cairn_obj_uint(&o, "threshold", CAIRN_ROOT_MAX_KEYS);
    CAIRN_TRY(cairn_obj_done(&o));
    for (size_t i = 0; i < json_array_size(keys); i++) {
        CAIRN_TRY(assign_role(root, role, json_array_get(keys, i), err));
    }
    if (threshold == 0) {
        return CAIRN_FAIL(err, CAIRN_E_REFUSED, "root.role.threshold", "role %s has threshold 0", name);
    }
    root->threshold[role] = threshold;
    return CAIRN_OK;
}

static CAIRN_RC read_roles(const json_t *roles, struct cairn_root *root, struct cairn_err *err)
{
    const char *name = NULL;
    json_t *value = NULL;
    json_object_foreach((json_t *)(uintptr_t)roles, name, value)
    {
        CAIRN_TRY(read_role(name, value, root, err));
    }
    for (size_t i = 0; i < root->num_keys; i++) {
        if (!root->keys[i].has_role) {
            return CAIRN_FAIL(err, CAIRN_E_REFUSED, "root.key.unused", "a key of %s is in no role", root->keys[i].holder);
        }
    }
    return CAIRN_OK;
}

/* How many different holders have a key of `role`, and how many keys there are. */
static uint32_t count_role(const struct cairn_root *root, enum cairn_role role, uint32_t *num_keys)
{
    uint32_t holders = 0;
    *num_keys = 0;
    for (size_t i = 0; i < root->num_keys; i++) {
        bool first = root->keys[i].role == role;
        *num_keys += first ? 1 : 0;
        for (size_t j = 0; first && j < i; j++) {
            first = root->keys[j].role != role || strcmp(root->keys[j].holder, root->keys[i].holder) != 0;
        }
        holders += first ? 1 : 0;
    }
    return holders;
}

static CAIRN_RC check_roles(const struct cairn_root *root, struct cairn_err *err)
{
    for (size_t i = 0; i < CAIRN_NUM_ROLES; i++) {
        enum cairn_role role = (enum cairn_role)i;
        bool optional = role == CAIRN_ROLE_PROVISION || role == CAIRN_ROLE_VERIFIER;
        uint32_t num_keys = 0;
        uint32_t holders = count_role(root, role, &num_keys);
        if (root->threshold[role] == 0 && !optional) {
            return CAIRN_FAIL(err, CAIRN_E_REFUSED, "root.role.missing", "the root has no role %s", role_names[role]);
        }
        if (root->threshold[role] > holders) {
            return CAIRN_FAIL(err, CAIRN_E_REFUSED, "root.role.threshold",
                              "role %s asks for %u holders and has %u: nobody could ever sign", role_names[role],
                              (unsigned)root->threshold[role], (unsigned)holders);
        }
        if (role == CAIRN_ROLE_PCRPOLICY && num_keys != 1) {
            return CAIRN_FAIL(err, CAIRN_E_REFUSED, "root.pcrpolicy",
                              "role pcrpolicy needs exactly one key: a TPM policy names one signer");
        }
    }
    if (root->threshold[CAIRN_ROLE_RETIRE] < 2 && !root->single_person) {
        return CAIRN_FAIL(err, CAIRN_E_REFUSED, "root.retire.single",
                          "one holder alone could retire devices: give role retire two holders, or say single_person");
    }
    return CAIRN_OK;
}

/* Everything that can be said of a root without its signatures; `fleet` of version 1 is the payload's digest. */
static CAIRN_RC read_root(struct cairn_span payload, struct cairn_root *root, struct cairn_err *err)
{
    CAIRN_JSON *json = NULL;
    CAIRN_TRY(cairn_json_parse(payload, CAIRN_FILE_MAX, true, "root", &json, err));
    struct cairn_obj o = cairn_obj(json, "root", err);
    if (cairn_obj_uint(&o, "v", UINT32_MAX) != 1) {
        cairn_obj_fail(&o, "v", "is not 1: a document of another version");
    }
    root->version = (uint32_t)cairn_obj_uint(&o, "version", CAIRN_ROOT_VERSION_MAX);
    const char *device_class = cairn_obj_string(&o, "class", CAIRN_CLASS_MAX - 1);
    root->single_person = cairn_obj_bool(&o, "single_person");
    const json_t *keys = cairn_obj_object(&o, "keys");
    const json_t *roles = cairn_obj_object(&o, "roles");
    if (root->version > 1) {
        cairn_obj_hex(&o, "fleet", root->fleet, sizeof root->fleet);
    } else {
        CAIRN_TRY(cairn_sha256(payload, root->fleet, err));
    }
    if (!cairn_label_ok(device_class, CAIRN_CLASS_MAX, false)) {
        cairn_obj_fail(&o, "class", "is empty or has a character that is not allowed");
    }
    CAIRN_TRY(cairn_obj_done(&o));
    (void)snprintf(root->device_class, sizeof root->device_class, "%s", device_class);
    CAIRN_TRY(read_keys(keys, root, err));
    CAIRN_TRY(read_roles(roles, root, err));
    return check_roles(root, err);
}

static CAIRN_RC new_root(struct cairn_root **out, struct cairn_err *err)
{
    *out = calloc(1, sizeof **out);
    return *out != NULL ? CAIRN_OK : CAIRN_FAIL(err, CAIRN_E_IO, "memory", "no memory for a root");
}

static CAIRN_RC check_version(const struct cairn_root *root, uint32_t want, struct cairn_err *err)
{
    if (root->version != want) {
        return CAIRN_FAIL(err, CAIRN_E_REFUSED, "root.version", "this is version %u of the root, wanted is version %u",
                          (unsigned)root->version, (unsigned)want);
    }
    return CAIRN_OK;
}

CAIRN_RC cairn_root_check(struct cairn_span payload, struct cairn_err *err)
{
    CAIRN_ROOT *root = NULL;
    CAIRN_TRY(new_root(&root, err));
    CAIRN_TRY(read_root(payload, root, err));
    return check_version(root, 1, err);
}

static bool in_dates(const struct key_entry *entry, uint64_t now_s)
{
    return now_s == 0 || (now_s >= entry->not_before_s && now_s <= entry->not_after_s);
}

/* struct tally collects the distinct holders whose signatures count. */
struct tally {
    size_t num;
    const char *holders[CAIRN_DSSE_MAX_SIGNATURES];
};

static void count_holder(struct tally *tally, const char *holder)
{
    for (size_t i = 0; i < tally->num; i++) {
        if (strcmp(tally->holders[i], holder) == 0) {
            return;
        }
    }
    tally->holders[tally->num++] = holder;
}

static const struct key_entry *role_key(const struct cairn_root *root, enum cairn_role role, const uint8_t id[CAIRN_SHA256_LEN])
{
    const struct key_entry *entry = find_key_const(root, id);
    return entry != NULL && entry->role == role ? entry : NULL;
}

/* Counts holders of role root of `root` among the signatures; other keys are left to the caller's other root. */
static CAIRN_RC count_root_signatures(const struct cairn_root *root, const struct cairn_dsse *dsse, uint64_t now_s,
                                      struct cairn_err *err)
{
    struct tally tally = {0};
    uint8_t digest[CAIRN_SHA256_LEN] = {0};
    CAIRN_TRY(cairn_pae_digest(dsse->type, cairn_buf_span(&dsse->payload), digest, err));
    for (size_t i = 0; i < dsse->num_signatures; i++) {
        const struct key_entry *entry = role_key(root, CAIRN_ROLE_ROOT, dsse->signatures[i].key_id);
        if (entry == NULL) {
            continue;
        }
        CAIRN_TRY(cairn_ecdsa_verify(&entry->key, digest, dsse->signatures[i].rs, err));
        if (in_dates(entry, now_s)) {
            count_holder(&tally, entry->holder);
        }
    }
    if (tally.num < root->threshold[CAIRN_ROLE_ROOT]) {
        return CAIRN_FAIL(err, CAIRN_E_REFUSED, "root.threshold",
                          "%zu of %u holders of role root (version %u) have signed with a key that is valid now", tally.num,
                          (unsigned)root->threshold[CAIRN_ROLE_ROOT], (unsigned)root->version);
    }
    return CAIRN_OK;
}

/* Every signature must be by a root key of `a` or of `b` (which may be NULL). */
static CAIRN_RC check_root_signers(const struct cairn_root *a, const struct cairn_root *b, const struct cairn_dsse *dsse,
                                   struct cairn_err *err)
{
    for (size_t i = 0; i < dsse->num_signatures; i++) {
        const uint8_t *id = dsse->signatures[i].key_id;
        if (role_key(a, CAIRN_ROLE_ROOT, id) == NULL && (b == NULL || role_key(b, CAIRN_ROLE_ROOT, id) == NULL)) {
            return CAIRN_FAIL(err, CAIRN_E_REFUSED, "root.signer", "the root is signed by a key that is not of role root");
        }
    }
    return CAIRN_OK;
}

CAIRN_RC cairn_root_open(struct cairn_span file, uint64_t now_s, struct cairn_root **out, struct cairn_err *err)
{
    CAIRN_DSSE dsse = {0};
    CAIRN_ROOT *root = NULL;
    CAIRN_TRY(cairn_dsse_parse(file, CAIRN_TYPE_ROOT, &dsse, err));
    CAIRN_TRY(new_root(&root, err));
    CAIRN_TRY(read_root(cairn_buf_span(&dsse.payload), root, err));
    CAIRN_TRY(check_version(root, 1, err));
    CAIRN_TRY(check_root_signers(root, NULL, &dsse, err));
    CAIRN_TRY(count_root_signatures(root, &dsse, now_s, err));
    *out = root;
    root = NULL;
    return CAIRN_OK;
}

CAIRN_RC cairn_root_next(const struct cairn_root *root, struct cairn_span file, uint64_t now_s, struct cairn_root **out,
                         struct cairn_err *err)
{
    CAIRN_DSSE dsse = {0};
    CAIRN_ROOT *next = NULL;
    CAIRN_TRY(cairn_dsse_parse(file, CAIRN_TYPE_ROOT, &dsse, err));
    CAIRN_TRY(new_root(&next, err));
    CAIRN_TRY(read_root(cairn_buf_span(&dsse.payload), next, err));
    CAIRN_TRY(check_version(next, root->version + 1, err));
    if (memcmp(next->fleet, root->fleet, sizeof root->fleet) != 0 || strcmp(next->device_class, root->device_class) != 0) {
        return CAIRN_FAIL(err, CAIRN_E_REFUSED, "root.chain", "this root continues another fleet or class");
    }
    CAIRN_TRY(check_root_signers(root, next, &dsse, err));
    CAIRN_TRY(count_root_signatures(root, &dsse, now_s, err));
    CAIRN_TRY(count_root_signatures(next, &dsse, now_s, err));
    *out = next;
    next = NULL;
    return CAIRN_OK;
}

void cairn_root_free(struct cairn_root *root)
{
    free(root);
}

void cairn_root_freep(struct cairn_root **root)
{
    cairn_root_free(*root);
    *root = NULL;
}

const uint8_t *cairn_root_fleet(const struct cairn_root *root)
{
    return root->fleet;
}

const char *cairn_root_class(const struct cairn_root *root)
{
    return root->device_class;
}

uint32_t cairn_root_version(const struct cairn_root *root)
{
    return root->version;
}

const struct cairn_ec_key *cairn_root_pcrpolicy_key(const struct cairn_root *root)
{
    for (size_t i = 0; i < root->num_keys; i++) {
        if (root->keys[i].role == CAIRN_ROLE_PCRPOLICY) {
            return &root->keys[i].key;
        }
    }
    return NULL; /* not reached: check_roles demands one */
}

bool cairn_root_key_role(const struct cairn_root *root, const uint8_t key_id[32], enum cairn_role *role, const char **holder)
{
    const struct key_entry *entry = find_key_const(root, key_id);
    if (entry == NULL) {
        return false;
    }
    *role = entry->role;
    *holder = entry->holder;
    return true;
}

const struct cairn_ec_key *cairn_root_role_key(const struct cairn_root *root, enum cairn_role role, size_t i)
{
    for (size_t k = 0; k < root->num_keys; k++) {
        if (root->keys[k].role == role && i-- == 0) {
            return &root->keys[k].key;
        }
    }
    return NULL;
}

const struct cairn_ec_key *cairn_root_role_key_by_id(const struct cairn_root *root, enum cairn_role role,
                                                     const uint8_t key_id[32], uint64_t now_s)
{
    const struct key_entry *entry = find_key_const(root, key_id);
    if (entry == NULL || entry->role != role) {
        return NULL;
    }
    const bool valid = now_s == 0 || (entry->not_before_s <= now_s && now_s <= entry->not_after_s);
    return valid ? &entry->key : NULL;
}

/* "order" and "holders" give "order.holders". */
struct code {
    char text[48];
};
static struct code code_of(const char *noun, const char *what)
{
    struct code code = {{0}};
    (void)snprintf(code.text, sizeof code.text, "%s%s", noun, what);
    return code;
}

static CAIRN_RC check_signature(const struct cairn_root *root, const struct cairn_dsse_signature *signature,
                                const uint8_t digest[CAIRN_SHA256_LEN], enum cairn_role role, const char *noun, uint64_t now_s,
                                struct tally *tally, struct cairn_err *err)
{
    const struct key_entry *entry = role_key(root, role, signature->key_id);
    if (entry == NULL) {
        return CAIRN_FAIL(err, CAIRN_E_REFUSED, code_of(noun, ".signer").text,
                          "the %s is signed by a key that is not of role %s in this root", noun, role_names[role]);
    }
    CAIRN_TRY(cairn_ecdsa_verify(&entry->key, digest, signature->rs, err));
    if (!in_dates(entry, now_s)) {
        return CAIRN_FAIL(err, CAIRN_E_REFUSED, code_of(noun, ".key.dates").text,
                          "the key of %s that signed the %s is not valid at this time", entry->holder, noun);
    }
    count_holder(tally, entry->holder);
    return CAIRN_OK;
}

CAIRN_RC cairn_root_verify(const struct cairn_root *root, const struct cairn_dsse *dsse, enum cairn_role role, const char *noun,
                           uint64_t now_s, struct cairn_err *err)
{
    struct tally tally = {0};
    uint8_t digest[CAIRN_SHA256_LEN] = {0};
    CAIRN_TRY(cairn_pae_digest(dsse->type, cairn_buf_span(&dsse->payload), digest, err));
    for (size_t i = 0; i < dsse->num_signatures; i++) {
        CAIRN_TRY(check_signature(root, &dsse->signatures[i], digest, role, noun, now_s, &tally, err));
    }
    /* a role that the root does not have has threshold 0: nobody may sign for it */
    if (root->threshold[role] == 0 || tally.num < root->threshold[role]) {
        return CAIRN_FAIL(err, CAIRN_E_REFUSED, code_of(noun, ".holders").text,
                          "the %s is signed by %zu of the %u holders that role %s asks for", noun, tally.num,
                          (unsigned)root->threshold[role], role_names[role]);
    }
    return CAIRN_OK;
}

CAIRN_RC cairn_root_open_signed(const struct cairn_root *root, struct cairn_span file, const char *type, enum cairn_role role,
                                const char *noun, uint64_t now_s, struct cairn_buf *payload, struct cairn_err *err)
{
    CAIRN_DSSE dsse = {0};
    CAIRN_TRY(cairn_dsse_parse(file, type, &dsse, err));
    CAIRN_TRY(cairn_root_verify(root, &dsse, role, noun, now_s, err));
    return cairn_buf_set(payload, cairn_buf_span(&dsse.payload), err);
}
