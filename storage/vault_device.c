/* storage/vault_device.c -- the vault on this machine: seal, write, anchor; open.
 */
#include "storage/vault_device.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { FILE_MODE = 0600, VAULT_NAME_MAX = 32 };
#define VAULT_PREFIX "vault."

struct cairn_vault {
    struct cairn_vault_place place;
    struct cairn_state *state;
    struct cairn_secret *set;
};

static void file_name(uint64_t generation, char out[VAULT_NAME_MAX])
{
    (void)snprintf(out, VAULT_NAME_MAX, VAULT_PREFIX "%llu", (unsigned long long)generation);
}

static CAIRN_RC seal_key(const struct cairn_vault_place *place, struct cairn_span key, struct cairn_record *record,
                         struct cairn_err *err)
{
    const struct cairn_root *root = place->identity->root;
    struct cairn_sealed sealed = {0};
    uint8_t policy[32] = {0};
    CAIRN_TRY(cairn_policy_vault(cairn_root_pcrpolicy_key(root), cairn_root_class(root), record->floor,
                                 &place->identity->statement.epoch_name, record->bound, policy, err));
    CAIRN_TRY(cairn_tpm_seal(place->tpm, key, policy, &sealed, err));
    cairn_copy(record->sealed_public, sealed.public_area, sizeof record->sealed_public);
    cairn_copy(record->sealed_private, sealed.private_area, sizeof record->sealed_private);
    record->sealed_public_len = sealed.public_len;
    record->sealed_private_len = sealed.private_len;
    return CAIRN_OK;
}

CAIRN_RC cairn_vault_write(const struct cairn_vault_place *place, struct cairn_span set, uint64_t generation,
                           struct cairn_record *record, struct cairn_err *err)
{
    struct cairn_record next = *record;
    uint8_t salt[CAIRN_VAULT_SALT_LEN] = {0};
    char name[VAULT_NAME_MAX];
    CAIRN_SECRET *key = NULL;
    CAIRN_BUF file = {0};
    CAIRN_TRY(cairn_secret_new(CAIRN_VAULT_KEY_LEN, &key, err));
    CAIRN_TRY(cairn_random(cairn_secret_bytes(key), CAIRN_VAULT_KEY_LEN, err));
    CAIRN_TRY(cairn_random(salt, sizeof salt, err));
    CAIRN_TRY(seal_key(place, cairn_secret_span(key), &next, err));
    CAIRN_TRY(cairn_vault_encrypt(cairn_secret_span(key), generation, salt, set, &file, err));
    CAIRN_TRY(cairn_sha256(cairn_buf_span(&file), next.vault_digest, err));
    file_name(generation, name);
    CAIRN_TRY(cairn_file_replace(place->fs, name, cairn_buf_span(&file), FILE_MODE, err));
    next.vault_file = generation;
    *record = next;
    return CAIRN_OK;
}

/* struct sweep keeps the first failure: removal goes on with the other files. */
struct sweep {
    struct cairn_fs *fs;
    char keep[VAULT_NAME_MAX];
    enum cairn_rc rc;
    struct cairn_err *err;
};

static bool sweep_one(void *arg, const char *name)
{
    struct sweep *s = arg;
    if (strncmp(name, VAULT_PREFIX, strlen(VAULT_PREFIX)) == 0 && strcmp(name, s->keep) != 0) {
        enum cairn_rc rc = cairn_file_remove(s->fs, name, s->rc == CAIRN_OK ? s->err : NULL);
        s->rc = s->rc == CAIRN_OK ? rc : s->rc;
    }
    return true;
}

CAIRN_RC cairn_vault_sweep(struct cairn_fs *fs, const struct cairn_record *record, struct cairn_err *err)
{
    struct sweep s = {.fs = fs, .rc = CAIRN_OK, .err = err};
    file_name(record->vault_file, s.keep);
    CAIRN_TRY(cairn_file_each(fs, sweep_one, &s, err));
    return s.rc;
}

static CAIRN_RC read_vault_file(const struct cairn_vault_place *place, const struct cairn_record *record, struct cairn_buf *out,
                                struct cairn_err *err)
{
    char name[VAULT_NAME_MAX];
    uint8_t digest[32] = {0};
    struct cairn_err seen = {0};
    file_name(record->vault_file, name);
    if (record->vault_file == 0) {
        return CAIRN_FAIL(err, CAIRN_E_REFUSED, "vault.absent", "this device was provisioned without a vault");
    }
    enum cairn_rc rc = cairn_file_read(place->fs, name, CAIRN_VAULT_FILE_MAX, out, &seen);
    if (rc == CAIRN_E_IO && seen.cause == ENOENT) {
        return CAIRN_FAIL(err, CAIRN_E_REFUSED, "vault.absent", "%s, which the record names, is gone", name);
    }
    if (rc != CAIRN_OK) {
        return CAIRN_FAIL_CAUSE(err, rc, seen.code, seen.cause, "%s", seen.text);
    }
    CAIRN_TRY(cairn_sha256(cairn_buf_span(out), digest, err));
    if (memcmp(digest, record->vault_digest, sizeof digest) != 0) {
        return CAIRN_FAIL(err, CAIRN_E_REFUSED, "vault.digest", "%s is not the file that the record names", name);
    }
    return CAIRN_OK;
}

static CAIRN_RC unseal_key(const struct cairn_vault_place *place, const struct cairn_record *record, struct cairn_secret **out,
                           struct cairn_err *err)
{
    struct cairn_approvals approvals = {0};
    struct cairn_sealed sealed = {.public_len = record->sealed_public_len, .private_len = record->sealed_private_len};
    CAIRN_TRY(cairn_state_approvals(place->fs, place->identity, &approvals, err));
    if (approvals.floor != record->floor) {
        return CAIRN_FAIL(err, CAIRN_E_REFUSED, "approval.floor", "%s approves floor %llu, and this vault is at floor %llu",
                          CAIRN_APPROVALS_FILE, (unsigned long long)approvals.floor, (unsigned long long)record->floor);
    }
    cairn_copy(sealed.public_area, record->sealed_public, sizeof sealed.public_area);
    cairn_copy(sealed.private_area, record->sealed_private, sizeof sealed.private_area);
    return cairn_tpm_unseal(place->tpm, &sealed, &approvals.vault, record->bound, out, err);
}

CAIRN_RC cairn_vault_open(const struct cairn_vault_place *place, struct cairn_state *state, struct cairn_vault **out,
                          struct cairn_err *err)
{
    CAIRN_BUF file = {0};
    CAIRN_SECRET *key = NULL, *set = NULL;
    CAIRN_TRY(cairn_state_require(state, CAIRN_LIFE_OPERATIONAL, err));
    CAIRN_TRY(read_vault_file(place, &state->record, &file, err));
    CAIRN_TRY(unseal_key(place, &state->record, &key, err));
    CAIRN_TRY(cairn_vault_decrypt(cairn_secret_span(key), state->record.vault_file, cairn_buf_span(&file), &set, err));
    struct cairn_vault *vault = calloc(1, sizeof *vault);
    if (vault == NULL) {
        return CAIRN_FAIL(err, CAIRN_E_IO, "memory", "no memory for a vault object");
    }
    *vault = (struct cairn_vault){*place, state, set};
    set = NULL;
    *out = vault;
    return CAIRN_OK;
}

void cairn_vault_free(struct cairn_vault *vault)
{
    if (vault != NULL) {
        cairn_secret_free(vault->set);
        free(vault);
    }
}

void cairn_vault_freep(struct cairn_vault **vault)
{
    cairn_vault_free(*vault);
    *vault = NULL;
}

struct cairn_span cairn_vault_params(const struct cairn_vault *vault)
{
    return cairn_secret_span(vault->set);
}

CAIRN_RC cairn_vault_get(const struct cairn_vault *vault, const char *name, struct cairn_span *out, struct cairn_err *err)
{
    struct cairn_param param = {0};
    if (!cairn_params_find(cairn_vault_params(vault), name, &param)) {
        return CAIRN_FAIL(err, CAIRN_E_REFUSED, "params.absent", "there is no parameter \"%.64s\"", name);
    }
    *out = param.value;
    return CAIRN_OK;
}

/* A parameter of scope release is fixed by the release's signature: trust anchors, server address, login keys, and keys made
 * here by its order, whose loss nobody could repair. */
static CAIRN_RC check_scope(const struct cairn_vault *vault, const char *name, struct cairn_param *old, struct cairn_err *err)
{
    const uint8_t free_to_set = CAIRN_PARAM_ONLINE | CAIRN_PARAM_LOCAL;
    if (cairn_params_find(cairn_vault_params(vault), name, old) && (old->flags & free_to_set) == 0) {
        return CAIRN_FAIL(err, CAIRN_E_REFUSED, "store.scope", "\"%s\" has scope release: only a new release changes it",
                          old->name);
    }
    return CAIRN_OK;
}

static void exchange(struct cairn_vault *vault, struct cairn_secret *set)
{
    cairn_secret_free(vault->set);
    vault->set = set;
}

CAIRN_RC cairn_vault_set(struct cairn_vault *vault, const char *name, struct cairn_span value, struct cairn_err *err)
{
    struct cairn_param old = {.flags = CAIRN_PARAM_LOCAL}, param = {.value = value};
    struct cairn_secret *set = NULL;
    CAIRN_TRY(check_scope(vault, name, &old, err));
    param.flags = (uint8_t)(old.flags & ~(unsigned)CAIRN_PARAM_GENERATED);
    (void)snprintf(param.name, sizeof param.name, "%s", cairn_param_name_ok(name) ? name : "");
    CAIRN_TRY(cairn_params_put(cairn_vault_params(vault), &param, &set, err));
    exchange(vault, set);
    return CAIRN_OK;
}

CAIRN_RC cairn_vault_remove(struct cairn_vault *vault, const char *name, struct cairn_err *err)
{
    struct cairn_param old = {0};
    struct cairn_secret *set = NULL;
    CAIRN_TRY(check_scope(vault, name, &old, err));
    CAIRN_TRY(cairn_params_drop(cairn_vault_params(vault), name, &set, err));
    exchange(vault, set);
    return CAIRN_OK;
}

CAIRN_RC cairn_vault_commit(struct cairn_vault *vault, struct cairn_err *err)
{
    const struct cairn_record *now = &vault->state->record;
    struct cairn_record next = *now;
    struct cairn_approvals approvals = {0};
    if (now->phase != CAIRN_PHASE_CONFIRMED && now->phase != CAIRN_PHASE_NONE) {
        return CAIRN_FAIL(err, CAIRN_E_REFUSED, "state.phase", "a transaction is under way: set it again when it has ended");
    }
    CAIRN_TRY(cairn_state_approvals(vault->place.fs, vault->place.identity, &approvals, err));
    CAIRN_TRY(cairn_vault_write(&vault->place, cairn_vault_params(vault), now->generation + 1, &next, err));
    CAIRN_TRY(cairn_state_commit(vault->place.fs, vault->place.tpm, &approvals.anchor, &next, vault->state, err));
    /* The value holds from here on. Old files that would not go are tried again after the next commit. */
    enum cairn_rc swept = cairn_vault_sweep(vault->place.fs, &vault->state->record, NULL);
    (void)swept;
    return CAIRN_OK;
}
