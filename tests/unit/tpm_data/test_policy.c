/* tests/unit/tpm_data/test_policy.c -- policy digests against a TPM's trial sessions, and the approval's two conditions. */
#include "tpm_data/policy.h"

#include "core/dsse.h"
#include "vectors.h"

enum { MASK = 0x81 };

static void unhex32(const char *hex, uint8_t out[32])
{
    assert_int_equal(unhex(hex, out, 32), 32);
}

static void vector_pcr_digest(uint8_t out[32])
{
    struct cairn_attestation att = vector_attestation(VECTOR_QUOTE, VECTOR_QUOTE_SIGNATURE);
    struct cairn_claim claim;
    assert_int_equal(cairn_claim_parse(cairn_span(att.attest, att.attest_len), &claim, NULL), CAIRN_OK);
    assert_int_equal(claim.u.quote.mask, MASK);
    memcpy(out, claim.u.quote.digest, 32);
}

static void computes_policy_pcr_as_the_tpm_does(void **state)
{
    (void)state;
    uint8_t want[32];
    uint8_t pcrs[32];
    uint8_t got[32] = {0};
    unhex32(VECTOR_POLICY_PCR, want);
    vector_pcr_digest(pcrs);
    assert_int_equal(cairn_policy_pcr(got, MASK, pcrs, NULL), CAIRN_OK);
    assert_memory_equal(got, want, 32);
}

static void computes_policy_authorize_and_nv_as_the_tpm_does(void **state)
{
    (void)state;
    uint8_t want[32];
    uint8_t got[32] = {0x99}; /* PolicyAuthorize replaces whatever was there */
    uint8_t ref[32];
    memset(ref, 0x11, sizeof ref);
    struct cairn_name signer = vector_name(VECTOR_POL_NAME);
    struct cairn_name epoch = vector_name(VECTOR_EPOCH_NAME);
    unhex32(VECTOR_POLICY_AUTHORIZE, want);
    assert_int_equal(cairn_policy_authorize(got, &signer, ref, NULL), CAIRN_OK);
    assert_memory_equal(got, want, 32);
    unhex32(VECTOR_POLICY_AUTHORIZE_NV, want);
    assert_int_equal(cairn_policy_nv(got, &epoch, 5, CAIRN_EO_UNSIGNED_LE, NULL), CAIRN_OK);
    assert_memory_equal(got, want, 32);
}

static void computes_the_grant_policy_as_the_tpm_does(void **state)
{
    (void)state;
    uint8_t want[32];
    uint8_t pcrs[32];
    uint8_t got[32];
    struct cairn_name epoch = vector_name(VECTOR_EPOCH_NAME);
    unhex32(VECTOR_POLICY_GRANT, want);
    vector_pcr_digest(pcrs);
    assert_int_equal(cairn_policy_grant(MASK, pcrs, &epoch, 2, got, NULL), CAIRN_OK);
    assert_memory_equal(got, want, 32);
    assert_int_equal(cairn_policy_grant(MASK, pcrs, &epoch, 3, got, NULL), CAIRN_OK);
    assert_memory_not_equal(got, want, 32);
}

/* CHECKS 55 */
static void gives_another_reference_for_another_class_or_floor(void **state)
{
    (void)state;
    uint8_t want[32];
    uint8_t got[32];
    uint8_t other[32];
    static const uint8_t vault[] = {0, 2, 'g', 'w', 0, 0, 0, 0, 0, 0, 1, 2};
    assert_int_equal(cairn_pae_digest("cairn.policyref.vault.v1", CAIRN_SPAN(vault), want, NULL), CAIRN_OK);
    assert_int_equal(cairn_policy_ref_vault("gw", 0x102, got, NULL), CAIRN_OK);
    assert_memory_equal(got, want, 32);
    assert_int_equal(cairn_policy_ref_vault("gw", 0x103, other, NULL), CAIRN_OK);
    assert_memory_not_equal(got, other, 32);
    assert_int_equal(cairn_policy_ref_vault("gx", 0x102, other, NULL), CAIRN_OK);
    assert_memory_not_equal(got, other, 32);

    assert_int_equal(cairn_pae_digest("cairn.policyref.anchor.v1", cairn_span_str("gw"), want, NULL), CAIRN_OK);
    assert_int_equal(cairn_policy_ref_anchor("gw", got, NULL), CAIRN_OK);
    assert_memory_equal(got, want, 32);
}

static void refuses_an_empty_or_endless_class(void **state)
{
    (void)state;
    char longest[257];
    uint8_t out[32];
    struct cairn_err err = {0};
    memset(longest, 'a', sizeof longest);
    longest[255] = '\0';
    assert_int_equal(cairn_policy_ref_vault(longest, 1, out, &err), CAIRN_OK);
    longest[255] = 'a';
    longest[256] = '\0';
    assert_int_equal(cairn_policy_ref_vault(longest, 1, out, &err), CAIRN_E_USAGE);
    assert_string_equal(err.code, "policy.class");
    assert_int_equal(cairn_policy_ref_anchor("", out, &err), CAIRN_E_USAGE);
    assert_string_equal(err.code, "policy.class");
}

static void composes_anchor_and_vault_policies(void **state)
{
    (void)state;
    struct cairn_area area = vector_area(VECTOR_POL_PUBLIC);
    struct cairn_name signer = vector_name(VECTOR_POL_NAME);
    struct cairn_name epoch = vector_name(VECTOR_EPOCH_NAME);
    struct cairn_ec_key key;
    uint8_t ref[32];
    uint8_t want[32] = {0};
    uint8_t got[32];
    assert_int_equal(cairn_public_point(cairn_area_span(&area), &key, NULL), CAIRN_OK);
    assert_int_equal(cairn_policy_ref_anchor("gw", ref, NULL), CAIRN_OK);
    assert_int_equal(cairn_policy_authorize(want, &signer, ref, NULL), CAIRN_OK);
    assert_int_equal(cairn_policy_anchor(&key, "gw", got, NULL), CAIRN_OK);
    assert_memory_equal(got, want, 32);

    assert_int_equal(cairn_policy_ref_vault("gw", 3, ref, NULL), CAIRN_OK);
    assert_int_equal(cairn_policy_authorize(want, &signer, ref, NULL), CAIRN_OK);
    assert_int_equal(cairn_policy_nv(want, &epoch, 9, CAIRN_EO_UNSIGNED_LE, NULL), CAIRN_OK);
    assert_int_equal(cairn_policy_vault(&key, "gw", 3, &epoch, 9, got, NULL), CAIRN_OK);
    assert_memory_equal(got, want, 32);
    assert_int_equal(cairn_policy_vault(&key, "gw", 3, &epoch, 10, got, NULL), CAIRN_OK);
    assert_memory_not_equal(got, want, 32);
}

static void make_approval(struct cairn_approval *out, struct cairn_signer **signer)
{
    uint8_t digest[32];
    *out = (struct cairn_approval){.mask = MASK, .pcr_digest = {1}, .ref = {2}};
    assert_int_equal(cairn_signer_generate(signer, NULL), CAIRN_OK);
    assert_int_equal(cairn_signer_public(*signer, &out->signer, NULL), CAIRN_OK);
    assert_int_equal(cairn_policy_pcr(out->approved, MASK, out->pcr_digest, NULL), CAIRN_OK);
    assert_int_equal(cairn_policy_approval_digest(out->approved, out->ref, digest, NULL), CAIRN_OK);
    assert_int_equal(cairn_signer_sign(*signer, digest, out->rs, NULL), CAIRN_OK);
}

static void refuses_approval(const struct cairn_approval *approval, const char *code)
{
    struct cairn_err err = {0};
    assert_int_equal(cairn_approval_check(approval, &err), CAIRN_E_REFUSED);
    assert_string_equal(err.code, code);
}

static void accepts_a_signed_approval(void **state)
{
    (void)state;
    CAIRN_SIGNER *signer = NULL;
    struct cairn_approval approval;
    make_approval(&approval, &signer);
    assert_int_equal(cairn_approval_check(&approval, NULL), CAIRN_OK);
}

static void refuses_an_approval_with_one_thing_changed(void **state)
{
    (void)state;
    CAIRN_SIGNER *signer = NULL;
    CAIRN_SIGNER *stranger = NULL;
    struct cairn_approval good;
    make_approval(&good, &signer);

    struct cairn_approval bad = good;
    bad.mask = 0x01;
    refuses_approval(&bad, "approval.digest");
    bad = good;
    bad.mask |= 1u << 24;
    refuses_approval(&bad, "approval.digest");
    bad = good;
    bad.pcr_digest[31] ^= 1;
    refuses_approval(&bad, "approval.digest");
    bad = good;
    bad.ref[0] ^= 1; /* CHECKS 55: signed for another floor */
    refuses_approval(&bad, "approval.signature");
    bad = good;
    bad.rs[10] ^= 1;
    refuses_approval(&bad, "approval.signature");
    bad = good;
    assert_int_equal(cairn_signer_generate(&stranger, NULL), CAIRN_OK);
    assert_int_equal(cairn_signer_public(stranger, &bad.signer, NULL), CAIRN_OK);
    refuses_approval(&bad, "approval.signature");
}

static void refuses_an_approval_whose_digest_was_signed_but_is_not_its_pcrs(void **state)
{
    (void)state;
    CAIRN_SIGNER *signer = NULL;
    struct cairn_approval approval;
    uint8_t digest[32];
    make_approval(&approval, &signer);
    approval.approved[0] ^= 1;
    assert_int_equal(cairn_policy_approval_digest(approval.approved, approval.ref, digest, NULL), CAIRN_OK);
    assert_int_equal(cairn_signer_sign(signer, digest, approval.rs, NULL), CAIRN_OK);
    refuses_approval(&approval, "approval.digest");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(computes_policy_pcr_as_the_tpm_does),
        cmocka_unit_test(computes_policy_authorize_and_nv_as_the_tpm_does),
        cmocka_unit_test(computes_the_grant_policy_as_the_tpm_does),
        cmocka_unit_test(gives_another_reference_for_another_class_or_floor),
        cmocka_unit_test(refuses_an_empty_or_endless_class),
        cmocka_unit_test(composes_anchor_and_vault_policies),
        cmocka_unit_test(accepts_a_signed_approval),
        cmocka_unit_test(refuses_an_approval_with_one_thing_changed),
        cmocka_unit_test(refuses_an_approval_whose_digest_was_signed_but_is_not_its_pcrs),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
