/* tests/unit/attest/answer.h -- the device of tests/unit/policies/world.h answers a nonce.
 */
#ifndef CAIRN_TESTS_ATTEST_ANSWER_H
#define CAIRN_TESTS_ATTEST_ANSWER_H

#include "attest/appraise.h"
#include "attest/evidence.h"
#include "core/doctype.h"
#include "unit/policies/world.h"

static inline struct cairn_nonce ask(const struct world *w, enum cairn_purpose purpose, uint32_t mask)
{
    struct cairn_nonce nonce = {.purpose = purpose, .ak = w->keys->statement.ak_name, .mask = mask, .issued_s = CAIRN_TEST_NOW};
    assert_int_equal(cairn_random(nonce.nonce, sizeof nonce.nonce, NULL), CAIRN_OK);
    memcpy(nonce.fleet, w->keys->statement.fleet, sizeof nonce.fleet);
    memcpy(nonce.device, w->keys->statement.device, sizeof nonce.device);
    return nonce;
}

static inline void attach(struct cairn_tpmdoc *doc, const char *kind, struct cairn_span bytes)
{
    if (bytes.len == 0) {
        return;
    }
    struct cairn_attachment *to = &doc->attachments[doc->num_attachments++];
    (void)snprintf(to->kind, sizeof to->kind, "%s", kind);
    assert_int_equal(cairn_buf_set(&to->bytes, bytes, NULL), CAIRN_OK);
}

/* answer_with makes evidence of `payload`, quoted over `mask`, with the device's logs. */
static inline void answer_with(struct world *w, const char *type, struct cairn_span payload, uint32_t mask,
                               struct cairn_tpmdoc *doc)
{
    static const enum cairn_claim_type types[] = {CAIRN_CLAIM_QUOTE};
    memcpy(w->keys->tpm.pcrs, w->pcrs.values, sizeof w->pcrs.values);
    cairn_fake_document(&w->keys->tpm, type, payload, mask, types, 1, doc);
    attach(doc, "boot-log", w->logs.firmware);
    attach(doc, "userspace-log", w->logs.userspace);
    attach(doc, "ima", w->logs.ima);
}

static inline void write_doc(const struct cairn_tpmdoc *doc, struct cairn_buf *out)
{
    struct cairn_err err = {0};
    if (cairn_tpmdoc_write(doc, out, &err) != CAIRN_OK) {
        fail_msg("write: %s: %s", err.code, err.text);
    }
}

/* answer_nonce is the honest answer to `nonce`. */
static inline void answer_nonce(struct world *w, const struct cairn_nonce *nonce, struct cairn_buf *out)
{
    CAIRN_TPMDOC doc = {0};
    CAIRN_BUF payload = {0};
    const struct cairn_tpm_head head = cairn_statement_head(&w->keys->statement, nonce->nonce);
    assert_int_equal(cairn_evidence_payload(&head, "", &payload, NULL), CAIRN_OK);
    answer_with(w, CAIRN_TYPE_EVIDENCE, cairn_buf_span(&payload), nonce->mask, &doc);
    write_doc(&doc, out);
}

/* answer_named names the firmware log, leaves the userspace log out and attaches the IMA list. */
static inline void answer_named(struct world *w, const struct cairn_nonce *nonce, struct cairn_buf *out)
{
    CAIRN_TPMDOC doc = {0};
    CAIRN_BUF payload = {0};
    const struct cairn_boot_logs logs = w->logs;
    const struct cairn_tpm_head head = cairn_statement_head(&w->keys->statement, nonce->nonce);
    assert_int_equal(cairn_evidence_payload(&head, "", &payload, NULL), CAIRN_OK);
    w->logs = (struct cairn_boot_logs){.ima = logs.ima};
    answer_with(w, CAIRN_TYPE_EVIDENCE, cairn_buf_span(&payload), nonce->mask, &doc);
    w->logs = logs;
    struct cairn_attachment *named = &doc.attachments[doc.num_attachments++];
    *named = (struct cairn_attachment){.kind = "boot-log", .named = true, .len = logs.firmware.len};
    assert_int_equal(cairn_sha256(logs.firmware, named->sha256, NULL), CAIRN_OK);
    write_doc(&doc, out);
}

static inline enum cairn_rc appraise(const struct world *w, const struct cairn_policy *policy, const struct cairn_nonce *nonce,
                                     const struct cairn_buf *file, struct cairn_appraisal *out, struct cairn_err *err)
{
    const struct cairn_appraisal_in in = {.root = w->keys->root,
                                          .statement = &w->keys->statement,
                                          .policy = policy,
                                          .nonce = nonce,
                                          .evidence = cairn_buf_span(file)};
    return cairn_appraise(&in, out, err);
}

#endif
