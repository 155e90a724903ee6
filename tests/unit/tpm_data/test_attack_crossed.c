/* tests/unit/tpm_data/test_attack_crossed.c -- every document that a TPM covers, shown as every other one (CHECKS 42).
 *
 * Each is genuine, by the right device, over the right nonce, and carries exactly the attestations that the reader of the
 * other type wants: the type is the only fault.
 */
#include "tpm_data/tpmdoc.h"

#include <stdio.h>

#include "core/doctype.h"
#include "support/fake_tpm.h"
#include "vectors.h"

static const uint8_t fleet[32] = {0xf1};
static const uint8_t nonce[32] = {0xcc};

struct kind {
    const char *type;
    enum cairn_claim_type claims[3];
    size_t num;
};
static const struct kind kinds[] = {
    {CAIRN_TYPE_ENROLMENT, {CAIRN_CLAIM_CERTIFY, CAIRN_CLAIM_NV, CAIRN_CLAIM_QUOTE}, 3},
    {CAIRN_TYPE_EVIDENCE, {CAIRN_CLAIM_QUOTE}, 1},
    {CAIRN_TYPE_REQUEST, {CAIRN_CLAIM_QUOTE, CAIRN_CLAIM_NV}, 2},
    {CAIRN_TYPE_RECEIPT, {CAIRN_CLAIM_NV, CAIRN_CLAIM_QUOTE}, 2},
    {CAIRN_TYPE_KILL, {CAIRN_CLAIM_NV, CAIRN_CLAIM_QUOTE}, 2},
    {CAIRN_TYPE_WIPE_START, {CAIRN_CLAIM_QUOTE, CAIRN_CLAIM_QUOTE}, 2},
    {CAIRN_TYPE_CERTIFICATE, {CAIRN_CLAIM_AUDIT}, 1},
};

/* A document of `type` with the attestations that `as` has. */
static void make(const struct cairn_fake_tpm *tpm, const char *type, const struct kind *as, struct cairn_tpmdoc *out)
{
    CAIRN_BUF payload = {0};
    cairn_fake_payload(tpm, "nonce", nonce, NULL, &payload);
    cairn_fake_document(tpm, type, cairn_buf_span(&payload), 0x81, as->claims, as->num, out);
    out->has_audit = strcmp(type, CAIRN_TYPE_CERTIFICATE) == 0;
}

static enum cairn_rc verify(const struct cairn_fake_tpm *tpm, const struct cairn_tpmdoc *doc, const struct kind *kind,
                            struct cairn_err *err)
{
    struct cairn_claim claims[CAIRN_TPMDOC_MAX_ATTESTATIONS];
    return cairn_tpmdoc_verify(doc, cairn_area_span(&tpm->ak_public), kind->claims, kind->num, claims, err);
}

static void crossed(const struct cairn_fake_tpm *tpm, const struct kind *is, const struct kind *shown)
{
    CAIRN_TPMDOC doc = {0};
    CAIRN_BUF file = {0};
    struct cairn_tpmdoc *got = calloc(1, sizeof *got); /* two of them are much for one stack */
    struct cairn_err err = {0};
    assert_non_null(got);
    make(tpm, is->type, shown, &doc);
    assert_int_equal(cairn_tpmdoc_write(&doc, &file, NULL), CAIRN_OK);
    assert_int_equal(cairn_tpmdoc_parse(cairn_buf_span(&file), shown->type, got, &err), CAIRN_E_REFUSED);
    assert_string_equal(err.code, "tpmdoc.type");
    free(got);
    (void)snprintf(doc.type, sizeof doc.type, "%s", shown->type);
    assert_int_equal(verify(tpm, &doc, shown, &err), CAIRN_E_REFUSED);
    assert_string_equal(err.code, "attestation.extra");
}

static void no_document_of_a_tpm_counts_as_another(void **state)
{
    (void)state;
    CAIRN_FAKE_TPM tpm;
    cairn_fake_init(&tpm, fleet);
    for (size_t i = 0; i < CAIRN_ARRAY_LEN(kinds); i++) {
        for (size_t k = 0; k < CAIRN_ARRAY_LEN(kinds); k++) {
            if (i != k) {
                crossed(&tpm, &kinds[i], &kinds[k]);
            }
        }
    }
}

static void each_counts_as_what_it_is(void **state)
{
    (void)state;
    CAIRN_FAKE_TPM tpm;
    cairn_fake_init(&tpm, fleet);
    for (size_t i = 0; i < CAIRN_ARRAY_LEN(kinds); i++) {
        CAIRN_TPMDOC doc = {0};
        make(&tpm, kinds[i].type, &kinds[i], &doc);
        assert_int_equal(verify(&tpm, &doc, &kinds[i], NULL), CAIRN_OK);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_counts_as_what_it_is),
        cmocka_unit_test(no_document_of_a_tpm_counts_as_another),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
