/* tpm_data/policy.c -- policy digests, computed without a TPM.
 *
 * Source: TPM 2.0 Part 3, TPM2_PolicyPCR, TPM2_PolicyAuthorize, TPM2_PolicyNV; DESIGN 6 and 9.
 */
#include "tpm_data/policy.h"

#include <string.h>

#include "core/dsse.h"
#include "tpm_data/template.h"

enum { CC_POLICY_NV = 0x00000149, CC_POLICY_AUTHORIZE = 0x0000016A, CC_POLICY_PCR = 0x0000017F };
enum { MAX_CLASS_LEN = 255, DIGEST_LEN = CAIRN_SHA256_LEN };

static struct cairn_span digest_span(const uint8_t digest[32])
{
    return cairn_span(digest, DIGEST_LEN);
}

/* The command code as it stands in a policy digest. */
struct code {
    uint8_t bytes[4];
};
static struct code command_code(uint32_t cc)
{
    struct code code = {{0}};
    struct cairn_writer w = cairn_writer(code.bytes, sizeof code.bytes);
    cairn_write_u32(&w, cc);
    return code;
}

/* Hashes into a local array first: a failed step must leave the caller's digest as it was. */
static CAIRN_RC extend(uint8_t digest[32], const struct cairn_span *parts, size_t num, struct cairn_err *err)
{
    uint8_t next[DIGEST_LEN] = {0};
    CAIRN_TRY(cairn_hash_parts(CAIRN_SHA256, parts, num, next, err));
    struct cairn_writer w = cairn_writer(digest, DIGEST_LEN);
    cairn_write_bytes(&w, CAIRN_SPAN(next));
    return CAIRN_OK;
}

CAIRN_RC cairn_policy_pcr(uint8_t digest[32], uint32_t mask, const uint8_t pcr_digest[32], struct cairn_err *err)
{
    struct code cc = command_code(CC_POLICY_PCR);
    uint8_t selection[CAIRN_SELECTION_LEN] = {0};
    cairn_selection_marshal(mask, selection);
    const struct cairn_span parts[] = {digest_span(digest), CAIRN_SPAN(cc.bytes), CAIRN_SPAN(selection),
                                       digest_span(pcr_digest)};
    return extend(digest, parts, CAIRN_ARRAY_LEN(parts), err);
}

CAIRN_RC cairn_policy_authorize(uint8_t digest[32], const struct cairn_name *signer, const uint8_t ref[32],
                                struct cairn_err *err)
{
    static const uint8_t start[DIGEST_LEN] = {0};
    struct code cc = command_code(CC_POLICY_AUTHORIZE);
    uint8_t inner[DIGEST_LEN] = {0};
    const struct cairn_span parts[] = {CAIRN_SPAN(start), CAIRN_SPAN(cc.bytes), cairn_name_span(signer)};
    CAIRN_TRY(cairn_hash_parts(CAIRN_SHA256, parts, CAIRN_ARRAY_LEN(parts), inner, err));
    const struct cairn_span outer[] = {CAIRN_SPAN(inner), digest_span(ref)};
    return extend(digest, outer, CAIRN_ARRAY_LEN(outer), err);
}

CAIRN_RC cairn_policy_nv(uint8_t digest[32], const struct cairn_name *index, uint64_t operand, enum cairn_policy_op op,
                         struct cairn_err *err)
{
    struct code cc = command_code(CC_POLICY_NV);
    uint8_t compared[12] = {0};
    struct cairn_writer w = cairn_writer(compared, sizeof compared);
    cairn_write_u64(&w, operand);
    cairn_write_u16(&w, 0); /* offset */
    cairn_write_u16(&w, (uint16_t)op);
    uint8_t args[DIGEST_LEN] = {0};
    CAIRN_TRY(cairn_sha256(CAIRN_SPAN(compared), args, err));
    const struct cairn_span parts[] = {digest_span(digest), CAIRN_SPAN(cc.bytes), CAIRN_SPAN(args), cairn_name_span(index)};
    return extend(digest, parts, CAIRN_ARRAY_LEN(parts), err);
}

static CAIRN_RC check_class(const char *device_class, struct cairn_err *err)
{
    size_t len = strlen(device_class);
    if (len == 0 || len > MAX_CLASS_LEN) {
        return CAIRN_FAIL(err, CAIRN_E_USAGE, "policy.class", "a device class is a name of 1 to %d bytes, not %zu",
                          MAX_CLASS_LEN, len);
    }
    return CAIRN_OK;
}

CAIRN_RC cairn_policy_ref_anchor(const char *device_class, uint8_t out[32], struct cairn_err *err)
{
    CAIRN_TRY(check_class(device_class, err));
    return cairn_pae_digest("cairn.policyref.anchor.v1", cairn_span_str(device_class), out, err);
}

CAIRN_RC cairn_policy_ref_vault(const char *device_class, uint64_t floor, uint8_t out[32], struct cairn_err *err)
{
    CAIRN_TRY(check_class(device_class, err));
    uint8_t bytes[2 + MAX_CLASS_LEN + 8] = {0};
    struct cairn_writer w = cairn_writer(bytes, sizeof bytes);
    cairn_write_tpm2b(&w, cairn_span_str(device_class));
    cairn_write_u64(&w, floor);
    return cairn_pae_digest("cairn.policyref.vault.v1", cairn_writer_span(&w), out, err);
}

CAIRN_RC cairn_policy_approval_digest(const uint8_t approved[32], const uint8_t ref[32], uint8_t out[32], struct cairn_err *err)
{
    const struct cairn_span parts[] = {digest_span(approved), digest_span(ref)};
    return extend(out, parts, CAIRN_ARRAY_LEN(parts), err);
}

CAIRN_RC cairn_approval_check(const struct cairn_approval *approval, struct cairn_err *err)
{
    if (approval->mask >> CAIRN_NUM_PCRS != 0) {
        return CAIRN_FAIL(err, CAIRN_E_REFUSED, "approval.digest", "the approval names PCRs that a TPM does not have");
    }
    uint8_t approved[DIGEST_LEN] = {0};
    CAIRN_TRY(cairn_policy_pcr(approved, approval->mask, approval->pcr_digest, err));
    if (!cairn_span_equal(CAIRN_SPAN(approved), CAIRN_SPAN(approval->approved))) {
        return CAIRN_FAIL(err, CAIRN_E_REFUSED, "approval.digest",
                          "the approved policy is not the one its PCR selection and values give");
    }
    uint8_t signed_digest[DIGEST_LEN] = {0};
    CAIRN_TRY(cairn_policy_approval_digest(approval->approved, approval->ref, signed_digest, err));
    enum cairn_rc rc = cairn_ecdsa_verify(&approval->signer, signed_digest, approval->rs, err);
    if (rc == CAIRN_E_REFUSED) {
        return CAIRN_FAIL(err, CAIRN_E_REFUSED, "approval.signature",
                          "the PCR policy is not signed by the pcrpolicy key for this class and floor");
    }
    return rc;
}

static CAIRN_RC signer_name(const struct cairn_ec_key *signer, struct cairn_name *out, struct cairn_err *err)
{
    struct cairn_area area;
    cairn_template_pcrpolicy(signer, &area);
    return cairn_name_compute(cairn_area_span(&area), out, err);
}

CAIRN_RC cairn_policy_anchor(const struct cairn_ec_key *signer, const char *device_class, uint8_t out[32],
                             struct cairn_err *err)
{
    struct cairn_name name = {{0}};
    uint8_t ref[DIGEST_LEN] = {0};
    CAIRN_TRY(signer_name(signer, &name, err));
    CAIRN_TRY(cairn_policy_ref_anchor(device_class, ref, err));
    return cairn_policy_authorize(out, &name, ref, err);
}

CAIRN_RC cairn_policy_vault(const struct cairn_ec_key *signer, const char *device_class, uint64_t floor,
                            const struct cairn_name *epoch, uint64_t bound, uint8_t out[32], struct cairn_err *err)
{
    struct cairn_name name = {{0}};
    uint8_t ref[DIGEST_LEN] = {0};
    uint8_t digest[DIGEST_LEN] = {0};
    CAIRN_TRY(signer_name(signer, &name, err));
    CAIRN_TRY(cairn_policy_ref_vault(device_class, floor, ref, err));
    CAIRN_TRY(cairn_policy_authorize(digest, &name, ref, err));
    CAIRN_TRY(cairn_policy_nv(digest, epoch, bound, CAIRN_EO_UNSIGNED_LE, err));
    struct cairn_writer w = cairn_writer(out, DIGEST_LEN);
    cairn_write_bytes(&w, CAIRN_SPAN(digest));
    return CAIRN_OK;
}

CAIRN_RC cairn_policy_grant(uint32_t mask, const uint8_t pcr_digest[32], const struct cairn_name *epoch, uint64_t from,
                            uint8_t out[32], struct cairn_err *err)
{
    uint8_t digest[DIGEST_LEN] = {0};
    CAIRN_TRY(cairn_policy_pcr(digest, mask, pcr_digest, err));
    CAIRN_TRY(cairn_policy_nv(digest, epoch, from, CAIRN_EO_EQ, err));
    struct cairn_writer w = cairn_writer(out, DIGEST_LEN);
    cairn_write_bytes(&w, CAIRN_SPAN(digest));
    return CAIRN_OK;
}
