/* storage/vault.c -- header, key derivation and AES-256-GCM of a vault file.
 *
 * Trust boundary: the file comes from disk. Source: docs/formats.md "vault file"; RFC 5869; NIST SP 800-38D.
 */
#include "storage/vault.h"

#include <string.h>

enum { FORMAT = 1 };
static const uint8_t MAGIC[8] = {'C', 'A', 'I', 'R', 'N', 'V', 'L', 'T'};
static const uint8_t NONCE[CAIRN_GCM_NONCE_LEN]; /* zero: each key encrypts one file */

static CAIRN_RC derive(struct cairn_span key, const uint8_t salt[CAIRN_VAULT_SALT_LEN], uint64_t generation,
                       struct cairn_secret **out, struct cairn_err *err)
{
    uint8_t info[32] = {0};
    struct cairn_writer w = cairn_writer(info, sizeof info);
    cairn_write_bytes(&w, cairn_span_str("cairn.vault.v1"));
    cairn_write_u64(&w, generation);
    CAIRN_SECRET *made = NULL;
    CAIRN_TRY(cairn_secret_new(CAIRN_VAULT_KEY_LEN, &made, err));
    CAIRN_TRY(cairn_hkdf_sha256(key, cairn_span(salt, CAIRN_VAULT_SALT_LEN), cairn_writer_span(&w), cairn_secret_bytes(made),
                                CAIRN_VAULT_KEY_LEN, err));
    *out = made;
    made = NULL;
    return CAIRN_OK;
}

CAIRN_RC cairn_vault_encrypt(struct cairn_span key, uint64_t generation, const uint8_t salt[CAIRN_VAULT_SALT_LEN],
                             struct cairn_span set, struct cairn_buf *out, struct cairn_err *err)
{
    CAIRN_TRY(cairn_params_check(set, err));
    CAIRN_BUF file = {0};
    CAIRN_SECRET *aes = NULL;
    CAIRN_TRY(cairn_buf_resize(&file, CAIRN_VAULT_HEADER_LEN + set.len + CAIRN_GCM_TAG_LEN, err));
    struct cairn_writer w = cairn_writer(file.p, CAIRN_VAULT_HEADER_LEN);
    cairn_write_bytes(&w, CAIRN_SPAN(MAGIC));
    cairn_write_u32(&w, FORMAT);
    cairn_write_u64(&w, generation);
    cairn_write_bytes(&w, cairn_span(salt, CAIRN_VAULT_SALT_LEN));
    CAIRN_TRY(derive(key, salt, generation, &aes, err));
    CAIRN_TRY(
        cairn_gcm_seal(cairn_secret_span(aes).p, NONCE, cairn_writer_span(&w), set, file.p + CAIRN_VAULT_HEADER_LEN, err));
    cairn_buf_clear(out);
    *out = file;
    file = (struct cairn_buf){0};
    return CAIRN_OK;
}

/* struct header borrows from the file. */
struct header {
    struct cairn_span aad, salt, cipher;
    uint64_t generation;
};

static CAIRN_RC read_header(struct cairn_span file, struct header *out, struct cairn_err *err)
{
    struct cairn_reader r = cairn_reader(file);
    struct cairn_span magic = cairn_read_bytes(&r, sizeof MAGIC);
    uint32_t format = cairn_read_u32(&r);
    out->generation = cairn_read_u64(&r);
    out->salt = cairn_read_bytes(&r, CAIRN_VAULT_SALT_LEN);
    out->cipher = cairn_read_bytes(&r, r.rest.len);
    if (!cairn_reader_done(&r) || !cairn_span_equal(magic, CAIRN_SPAN(MAGIC)) || format != FORMAT ||
        out->cipher.len <= CAIRN_GCM_TAG_LEN || file.len > CAIRN_VAULT_FILE_MAX) {
        return CAIRN_FAIL(err, CAIRN_E_FORMAT, "vault.format", "not a vault file of format %d", FORMAT);
    }
    out->aad = cairn_span(file.p, CAIRN_VAULT_HEADER_LEN);
    return CAIRN_OK;
}

CAIRN_RC cairn_vault_decrypt(struct cairn_span key, uint64_t generation, struct cairn_span file, struct cairn_secret **out,
                             struct cairn_err *err)
{
    struct header h = {0};
    CAIRN_SECRET *aes = NULL, *set = NULL;
    CAIRN_TRY(read_header(file, &h, err));
    if (h.generation != generation) {
        return CAIRN_FAIL(err, CAIRN_E_REFUSED, "vault.generation", "this vault file is of generation %llu, not %llu",
                          (unsigned long long)h.generation, (unsigned long long)generation);
    }
    CAIRN_TRY(derive(key, h.salt.p, generation, &aes, err));
    CAIRN_TRY(cairn_secret_new(h.cipher.len - CAIRN_GCM_TAG_LEN, &set, err));
    enum cairn_rc rc = cairn_gcm_open(cairn_secret_span(aes).p, NONCE, h.aad, h.cipher, cairn_secret_bytes(set), err);
    if (rc == CAIRN_E_REFUSED) {
        return CAIRN_FAIL(err, CAIRN_E_REFUSED, "vault.tag", "the vault file was altered, or is of another storage key");
    }
    CAIRN_TRY(rc);
    CAIRN_TRY(cairn_params_check(cairn_secret_span(set), err));
    *out = set;
    set = NULL;
    return CAIRN_OK;
}
