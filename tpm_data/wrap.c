/* tpm_data/wrap.c -- TPM2_MakeCredential and an object for TPM2_Import, in software.
 *
 * Both are one construction: an ECDH seed (KDFe), an AES key and an HMAC key from it (KDFa), CFB encryption with a zero IV,
 * HMAC over ciphertext and Name. The seed is fresh for every wrap, which is what makes the fixed IV sound (CHECKS 41).
 * Source: TPM 2.0 Part 1, sections 11.4.10 (KDFa, KDFe), 23.3, 24.
 */
#include "tpm_data/wrap.h"

#include <assert.h>

enum { AES_KEY_LEN = 16, KEY_LEN = 32, POINT_LEN = 32, ALG_KEYEDHASH = 0x0008, MAX_CREDENTIAL = 32 };
/* TPM2B_SENSITIVE: its size, type, empty auth, seedValue, data. */
enum { MAX_PLAIN = 2 + 2 + 2 + 2 + 32 + 2 + CAIRN_SEALED_MAX };

/* struct keys holds everything secret of one wrap; wiped on every path. */
struct keys {
    uint8_t z[POINT_LEN];
    uint8_t seed[KEY_LEN];
    uint8_t aes[KEY_LEN]; /* KDFa gives 32 bytes; the first 16 are the 128 bits asked for */
    uint8_t hmac[KEY_LEN];
    uint8_t plain[MAX_PLAIN];
};
static void wipe_keys(struct keys *keys)
{
    cairn_wipe(keys, sizeof *keys);
}

struct cairn_span cairn_blob_span(const struct cairn_blob *blob)
{
    return cairn_span(blob->bytes, blob->len);
}

/* The label with its NUL, which both KDFs hash. */
static struct cairn_span label_span(const char *label)
{
    struct cairn_span text = cairn_span_str(label);
    return cairn_span(text.p, text.len + 1);
}

/* One block of KDFa: HMAC(key, 1 || label || 00 || context || bits). */
static CAIRN_RC kdfa(const uint8_t seed[KEY_LEN], const char *label, struct cairn_span context, uint32_t bits,
                     uint8_t out[KEY_LEN], struct cairn_err *err)
{
    static const uint8_t counter[4] = {0, 0, 0, 1};
    uint8_t length[4] = {0};
    struct cairn_writer w = cairn_writer(length, sizeof length);
    cairn_write_u32(&w, bits);
    const struct cairn_span parts[] = {CAIRN_SPAN(counter), label_span(label), context, CAIRN_SPAN(length)};
    return cairn_hmac_sha256(cairn_span(seed, KEY_LEN), parts, CAIRN_ARRAY_LEN(parts), out, err);
}

/* KDFe: H(1 || Z || label || 00 || ephemeral x || recipient x), then the two keys of TPM 2.0 Part 1, 23.3. */
static CAIRN_RC derive(const struct cairn_signer *ephemeral, const struct cairn_ec_key *to, const char *label,
                       const struct cairn_name *name, struct keys *keys, struct cairn_ec_key *point, struct cairn_err *err)
{
    static const uint8_t counter[4] = {0, 0, 0, 1};
    CAIRN_TRY(cairn_ec_key_check(to, err));
    CAIRN_TRY(cairn_signer_public(ephemeral, point, err));
    CAIRN_TRY(cairn_signer_ecdh(ephemeral, to, keys->z, err));
    const struct cairn_span parts[] = {CAIRN_SPAN(counter), CAIRN_SPAN(keys->z), label_span(label), CAIRN_SPAN(point->x),
                                       CAIRN_SPAN(to->x)};
    CAIRN_TRY(cairn_hash_parts(CAIRN_SHA256, parts, CAIRN_ARRAY_LEN(parts), keys->seed, err));
    CAIRN_TRY(kdfa(keys->seed, "STORAGE", cairn_name_span(name), 8 * AES_KEY_LEN, keys->aes, err));
    return kdfa(keys->seed, "INTEGRITY", (struct cairn_span){NULL, 0}, 8 * KEY_LEN, keys->hmac, err);
}

/* TPM2B_DIGEST(HMAC) || ciphertext of `plain`. */
static CAIRN_RC protect(const struct keys *keys, const struct cairn_name *name, struct cairn_span plain, struct cairn_blob *out,
                        struct cairn_err *err)
{
    uint8_t cipher[MAX_PLAIN] = {0};
    uint8_t mac[KEY_LEN] = {0};
    assert(plain.len <= sizeof cipher);
    CAIRN_TRY(cairn_aes128_cfb(keys->aes, plain, cipher, err));
    const struct cairn_span parts[] = {cairn_span(cipher, plain.len), cairn_name_span(name)};
    CAIRN_TRY(cairn_hmac_sha256(CAIRN_SPAN(keys->hmac), parts, CAIRN_ARRAY_LEN(parts), mac, err));
    *out = (struct cairn_blob){{0}, 0};
    struct cairn_writer w = cairn_writer(out->bytes, sizeof out->bytes);
    cairn_write_tpm2b(&w, CAIRN_SPAN(mac));
    cairn_write_bytes(&w, cairn_span(cipher, plain.len));
    out->len = w.len;
    return CAIRN_OK;
}

static void write_seed(const struct cairn_ec_key *point, struct cairn_blob *out)
{
    *out = (struct cairn_blob){{0}, 0};
    struct cairn_writer w = cairn_writer(out->bytes, sizeof out->bytes);
    cairn_write_tpm2b(&w, CAIRN_SPAN(point->x));
    cairn_write_tpm2b(&w, CAIRN_SPAN(point->y));
    out->len = w.len;
}

CAIRN_RC cairn_wrap_credential(const struct cairn_signer *ephemeral, const struct cairn_ec_key *ek, const struct cairn_name *ak,
                               struct cairn_span secret, struct cairn_blob *credential, struct cairn_blob *seed,
                               struct cairn_err *err)
{
    if (secret.len == 0 || secret.len > MAX_CREDENTIAL) {
        return CAIRN_FAIL(err, CAIRN_E_USAGE, "wrap.length", "a credential holds 1 to %d bytes, not %zu", MAX_CREDENTIAL,
                          secret.len);
    }
    CAIRN_CLEANUP(wipe_keys) struct keys keys = {0};
    struct cairn_ec_key point = {{0}, {0}};
    CAIRN_TRY(derive(ephemeral, ek, "IDENTITY", ak, &keys, &point, err));
    struct cairn_writer w = cairn_writer(keys.plain, sizeof keys.plain);
    cairn_write_tpm2b(&w, secret);
    CAIRN_TRY(protect(&keys, ak, cairn_writer_span(&w), credential, err));
    write_seed(&point, seed);
    return CAIRN_OK;
}

/* TPM2B_SENSITIVE of a sealed-data object. */
static struct cairn_span write_sensitive(struct keys *keys, const uint8_t unique_seed[32], struct cairn_span secret)
{
    struct cairn_writer w = cairn_writer(keys->plain, sizeof keys->plain);
    cairn_write_u16(&w, (uint16_t)(2 + 2 + 2 + KEY_LEN + 2 + secret.len));
    cairn_write_u16(&w, ALG_KEYEDHASH);
    cairn_write_u16(&w, 0); /* authValue */
    cairn_write_tpm2b(&w, cairn_span(unique_seed, KEY_LEN));
    cairn_write_tpm2b(&w, secret);
    assert(cairn_writer_ok(&w));
    return cairn_writer_span(&w);
}

CAIRN_RC cairn_wrap_import(const struct cairn_signer *ephemeral, const struct cairn_ec_key *srk, const uint8_t policy[32],
                           const uint8_t unique_seed[32], struct cairn_span secret, struct cairn_area *public_area,
                           struct cairn_blob *duplicate, struct cairn_blob *seed, struct cairn_err *err)
{
    if (secret.len == 0 || secret.len > CAIRN_SEALED_MAX) {
        return CAIRN_FAIL(err, CAIRN_E_USAGE, "wrap.length", "a sealed object holds 1 to %d bytes, not %zu", CAIRN_SEALED_MAX,
                          secret.len);
    }
    /* unique = H(seedValue || data): the TPM recomputes it when it loads the object. */
    uint8_t unique[KEY_LEN] = {0};
    const struct cairn_span parts[] = {cairn_span(unique_seed, KEY_LEN), secret};
    CAIRN_TRY(cairn_hash_parts(CAIRN_SHA256, parts, CAIRN_ARRAY_LEN(parts), unique, err));
    struct cairn_area area;
    struct cairn_name name = {{0}};
    cairn_template_import(policy, unique, &area);
    CAIRN_TRY(cairn_name_compute(cairn_area_span(&area), &name, err));

    CAIRN_CLEANUP(wipe_keys) struct keys keys = {0};
    struct cairn_ec_key point = {{0}, {0}};
    CAIRN_TRY(derive(ephemeral, srk, "DUPLICATE", &name, &keys, &point, err));
    CAIRN_TRY(protect(&keys, &name, write_sensitive(&keys, unique_seed, secret), duplicate, err));
    *public_area = area;
    write_seed(&point, seed);
    return CAIRN_OK;
}
