/* tpm_data/name.c -- Names of objects and indices, computed from their public areas.
 *
 * Source: TPM 2.0 Part 1, section 16; Part 2, TPM2B_NAME.
 */
#include "tpm_data/name.h"

/* nameAlg as it stands before the digest: SHA-256 is the only one Cairn makes or accepts. */
static void name_of_digest(const uint8_t digest[CAIRN_SHA256_LEN], struct cairn_name *out)
{
    struct cairn_writer w = cairn_writer(out->bytes, sizeof out->bytes);
    cairn_write_u16(&w, CAIRN_SHA256);
    cairn_write_bytes(&w, cairn_span(digest, CAIRN_SHA256_LEN));
}

bool cairn_name_equal(const struct cairn_name *a, const struct cairn_name *b)
{
    return cairn_span_equal(cairn_name_span(a), cairn_name_span(b));
}

bool cairn_name_is_none(const struct cairn_name *name)
{
    static const struct cairn_name none = {{0}};
    return cairn_name_equal(name, &none);
}

struct cairn_span cairn_name_span(const struct cairn_name *name)
{
    return cairn_span(name->bytes, sizeof name->bytes);
}

CAIRN_RC cairn_name_compute(struct cairn_span public_area, struct cairn_name *out, struct cairn_err *err)
{
    uint8_t digest[CAIRN_SHA256_LEN] = {0};
    CAIRN_TRY(cairn_sha256(public_area, digest, err));
    name_of_digest(digest, out);
    return CAIRN_OK;
}

CAIRN_RC cairn_name_qualify(enum cairn_hierarchy hierarchy, const struct cairn_name *name, struct cairn_name *out,
                            struct cairn_err *err)
{
    uint8_t handle[4] = {0};
    struct cairn_writer w = cairn_writer(handle, sizeof handle);
    cairn_write_u32(&w, (uint32_t)hierarchy);
    const struct cairn_span parts[] = {CAIRN_SPAN(handle), cairn_name_span(name)};
    uint8_t digest[CAIRN_SHA256_LEN] = {0};
    CAIRN_TRY(cairn_hash_parts(CAIRN_SHA256, parts, CAIRN_ARRAY_LEN(parts), digest, err));
    name_of_digest(digest, out);
    return CAIRN_OK;
}

CAIRN_RC cairn_name_device_id(const struct cairn_name *ek, uint8_t out[CAIRN_SHA256_LEN], struct cairn_err *err)
{
    return cairn_sha256(cairn_name_span(ek), out, err);
}
