/* provision/receipt.c: the TPM's word that a grant's epoch was reached, and everything that only looks like it. */
#include "unit/provision/desk.h"

struct made {
    struct desk *d;
    struct cairn_grant grant;
    struct cairn_receipt receipt;
    struct cairn_tpm_head head;
};

static void make(struct made *m)
{
    m->d = desk_new();
    OK(desk_open_grant(m->d, desk_grant_json(m->d), CAIRN_ROLE_PROVISION, CAIRN_TEST_NOW, &m->grant, &err));
    m->d->keys.tpm.epoch = m->grant.to;
    m->receipt = (struct cairn_receipt){.from = m->grant.from, .to = m->grant.to, .generation = 1};
    memcpy(m->receipt.manifest, m->grant.manifest, 32);
    cairn_fake_head(&m->d->keys.tpm, m->grant.digest, &m->head);
}

static void write_receipt(struct made *m, uint32_t mask, struct cairn_buf *out)
{
    static const enum cairn_claim_type TYPES[] = {CAIRN_CLAIM_NV, CAIRN_CLAIM_QUOTE};
    CAIRN_TPMDOC doc = {0};
    CAIRN_BUF payload = {0};
    OK(cairn_receipt_payload(&m->receipt, &m->head, &payload, &err));
    cairn_fake_document(&m->d->keys.tpm, CAIRN_TYPE_RECEIPT, cairn_buf_span(&payload), mask, TYPES, 2, &doc);
    OK(cairn_tpmdoc_write(&doc, out, &err));
}

static void refused(struct made *m, uint32_t mask, const char *code)
{
    CAIRN_BUF file = {0};
    struct cairn_receipt r;
    write_receipt(m, mask, &file);
    REFUSES(CAIRN_E_REFUSED, code, cairn_receipt_verify(cairn_buf_span(&file), &m->d->keys.statement, &m->grant, &r, &err));
}

static void a_right_receipt_is_believed(void **state)
{
    (void)state;
    struct made m;
    make(&m);
    CAIRN_BUF file = {0};
    struct cairn_receipt r;
    write_receipt(&m, DESK_MASK, &file);
    OK(cairn_receipt_verify(cairn_buf_span(&file), &m.d->keys.statement, &m.grant, &r, &err));
    assert_int_equal(r.to, CAIRN_TEST_EPOCH_VALUE + 2);
    assert_int_equal(r.generation, 1);
    OK(cairn_receipt_verify(cairn_buf_span(&file), &m.d->keys.statement, NULL, &r, &err));
    assert_memory_equal(r.grant, m.grant.digest, 32);
    desk_free(m.d);
}

static void a_counter_that_did_not_move_is_no_receipt(void **state)
{
    (void)state;
    struct made m;
    make(&m);
    m.d->keys.tpm.epoch = m.grant.from;
    refused(&m, DESK_MASK, "receipt.epoch");
    m.d->keys.tpm.epoch = m.grant.to + 1;
    refused(&m, DESK_MASK, "receipt.epoch");
    desk_free(m.d);
}

static void another_counter_is_no_receipt(void **state)
{
    (void)state;
    struct made m;
    make(&m);
    m.d->keys.statement.epoch_name.bytes[7] ^= 1; /* the index this TPM certifies is not the enrolled one */
    refused(&m, DESK_MASK, "attestation.index");
    desk_free(m.d);
}

static void other_pcrs_are_no_receipt(void **state)
{
    (void)state;
    struct made m;
    make(&m);
    refused(&m, DESK_MASK | 2, "receipt.pcrs");
    m.d->keys.tpm.pcrs[7][0] ^= 1;
    refused(&m, DESK_MASK, "receipt.pcrs");
    desk_free(m.d);
}

static void a_receipt_for_another_grant_is_refused(void **state)
{
    (void)state;
    struct made m;
    make(&m);
    m.head.nonce[0] ^= 1;
    refused(&m, DESK_MASK, "document.nonce");
    m.head.nonce[0] ^= 1;
    m.receipt.manifest[0] ^= 1;
    refused(&m, DESK_MASK, "receipt.manifest");
    m.receipt.manifest[0] ^= 1;
    m.receipt.from--;
    refused(&m, DESK_MASK, "receipt.grant");
    desk_free(m.d);
}

static void attestations_of_two_boots_are_no_receipt(void **state)
{
    (void)state;
    struct made m;
    make(&m);
    CAIRN_TPMDOC doc = {0};
    CAIRN_BUF payload = {0}, file = {0};
    struct cairn_receipt r;
    uint8_t extra[32];
    static const enum cairn_claim_type TYPES[] = {CAIRN_CLAIM_NV, CAIRN_CLAIM_QUOTE};
    OK(cairn_receipt_payload(&m.receipt, &m.head, &payload, &err));
    cairn_fake_document(&m.d->keys.tpm, CAIRN_TYPE_RECEIPT, cairn_buf_span(&payload), DESK_MASK, TYPES, 2, &doc);
    OK(cairn_pae_digest(CAIRN_TYPE_RECEIPT, cairn_buf_span(&payload), extra, &err));
    m.d->keys.tpm.resets++;
    cairn_fake_quote(&m.d->keys.tpm, DESK_MASK, extra, &doc.attestations[1]);
    OK(cairn_tpmdoc_write(&doc, &file, &err));
    REFUSES(CAIRN_E_REFUSED, "attestation.boot",
            cairn_receipt_verify(cairn_buf_span(&file), &m.d->keys.statement, &m.grant, &r, &err));
    desk_free(m.d);
}

static void refused_with(const enum cairn_claim_type *types, size_t num, const char *code)
{
    struct made m;
    make(&m);
    CAIRN_BUF payload = {0}, file = {0};
    CAIRN_TPMDOC doc = {0};
    struct cairn_receipt r;
    OK(cairn_receipt_payload(&m.receipt, &m.head, &payload, &err));
    cairn_fake_document(&m.d->keys.tpm, CAIRN_TYPE_RECEIPT, cairn_buf_span(&payload), DESK_MASK, types, num, &doc);
    OK(cairn_tpmdoc_write(&doc, &file, &err));
    REFUSES(CAIRN_E_REFUSED, code, cairn_receipt_verify(cairn_buf_span(&file), &m.d->keys.statement, &m.grant, &r, &err));
    desk_free(m.d);
}

static void a_receipt_without_its_quote_or_in_another_order_is_refused(void **state)
{
    (void)state;
    static const enum cairn_claim_type ONE[] = {CAIRN_CLAIM_NV}, TURNED[] = {CAIRN_CLAIM_QUOTE, CAIRN_CLAIM_NV};
    refused_with(ONE, 1, "tpmdoc.attestations");
    refused_with(TURNED, 2, "attestation.type");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_right_receipt_is_believed),
        cmocka_unit_test(a_counter_that_did_not_move_is_no_receipt),
        cmocka_unit_test(another_counter_is_no_receipt),
        cmocka_unit_test(other_pcrs_are_no_receipt),
        cmocka_unit_test(a_receipt_for_another_grant_is_refused),
        cmocka_unit_test(attestations_of_two_boots_are_no_receipt),
        cmocka_unit_test(a_receipt_without_its_quote_or_in_another_order_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
