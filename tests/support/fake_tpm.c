/* tests/support/fake_tpm.c -- see fake_tpm.h.
 *
 * Source: TPM 2.0 Part 2, TPMS_ATTEST; Part 3, the commands of the audited sequence.
 */
#include "support/fake_tpm.h"

#include <stdio.h>

#include "support/cmocka_all.h"

enum { STEP_MAX = 2048 };

static void must(enum cairn_rc rc)
{
    assert_int_equal(rc, CAIRN_OK);
}

static struct cairn_ec_key public_of(const struct cairn_signer *signer)
{
    struct cairn_ec_key key;
    must(cairn_signer_public(signer, &key, NULL));
    return key;
}

static void name_of(const struct cairn_area *area, struct cairn_name *name)
{
    must(cairn_name_compute(cairn_area_span(area), name, NULL));
}

void cairn_fake_init_keys(struct cairn_fake_tpm *tpm, const uint8_t fleet[32], struct cairn_signer *ek, struct cairn_signer *ak,
                          struct cairn_signer *srk)
{
    *tpm = (struct cairn_fake_tpm){.ak = ak, .ek = ek, .srk = srk, .borrowed = true};
    tpm->epoch = 7;
    tpm->clock_ms = 60000;
    tpm->resets = 3;
    tpm->restarts = 1;
    tpm->clock_safe = true;
    tpm->firmware = 0x2019102300163636u;
    memcpy(tpm->fleet, fleet, sizeof tpm->fleet);
    for (size_t i = 0; i < CAIRN_NUM_PCRS; i++) {
        memset(tpm->pcrs[i], (int)(0xa0 + i), sizeof tpm->pcrs[i]);
    }
    const struct cairn_ec_key ak_key = public_of(ak);
    const struct cairn_ec_key ek_key = public_of(ek);
    const struct cairn_ec_key srk_key = public_of(srk);
    cairn_template_ak(fleet, &ak_key, &tpm->ak_public);
    cairn_template_ek(&ek_key, &tpm->ek_public);
    cairn_template_srk(&srk_key, &tpm->srk_public);
    cairn_template_epoch(0x01800100, true, &tpm->epoch_public);
    name_of(&tpm->ak_public, &tpm->ak_name);
    name_of(&tpm->ek_public, &tpm->ek_name);
    name_of(&tpm->srk_public, &tpm->srk_name);
    name_of(&tpm->epoch_public, &tpm->epoch_name);
    must(cairn_name_device_id(&tpm->ek_name, tpm->device, NULL));
}

void cairn_fake_init(struct cairn_fake_tpm *tpm, const uint8_t fleet[32])
{
    struct cairn_signer *ek = NULL;
    struct cairn_signer *ak = NULL;
    struct cairn_signer *srk = NULL;
    must(cairn_signer_generate(&ek, NULL));
    must(cairn_signer_generate(&ak, NULL));
    must(cairn_signer_generate(&srk, NULL));
    cairn_fake_init_keys(tpm, fleet, ek, ak, srk);
    tpm->borrowed = false;
}

void cairn_fake_clear(struct cairn_fake_tpm *tpm)
{
    if (!tpm->borrowed) {
        cairn_signer_free(tpm->ak);
        cairn_signer_free(tpm->ek);
        cairn_signer_free(tpm->srk);
    }
    *tpm = (struct cairn_fake_tpm){.ak = NULL};
}

void cairn_fake_sign(const struct cairn_fake_tpm *tpm, struct cairn_attestation *att)
{
    uint8_t digest[32];
    uint8_t rs[64];
    must(cairn_sha256(cairn_span(att->attest, att->attest_len), digest, NULL));
    must(cairn_signer_sign(tpm->ak, digest, rs, NULL));
    struct cairn_writer w = cairn_writer(att->signature, sizeof att->signature);
    cairn_write_u16(&w, 0x0018);
    cairn_write_u16(&w, CAIRN_SHA256);
    cairn_write_tpm2b(&w, cairn_span(rs, 32));
    cairn_write_tpm2b(&w, cairn_span(rs + 32, 32));
    att->signature_len = w.len;
}

/* Everything of a TPMS_ATTEST up to its union. */
static struct cairn_writer begin(const struct cairn_fake_tpm *tpm, enum cairn_claim_type type, const uint8_t extra[32],
                                 struct cairn_attestation *out)
{
    *out = (struct cairn_attestation){.attest_len = 0};
    struct cairn_name signer = tpm->signer;
    if (cairn_name_is_none(&signer)) {
        must(cairn_name_qualify(CAIRN_RH_ENDORSEMENT, &tpm->ak_name, &signer, NULL));
    }
    struct cairn_writer w = cairn_writer(out->attest, sizeof out->attest);
    cairn_write_u32(&w, tpm->magic != 0 ? tpm->magic : 0xff544347u);
    cairn_write_u16(&w, tpm->type != 0 ? tpm->type : (uint16_t)type);
    cairn_write_tpm2b(&w, cairn_name_span(&signer));
    cairn_write_tpm2b(&w, cairn_span(extra, 32));
    cairn_write_u64(&w, tpm->clock_ms);
    cairn_write_u32(&w, tpm->resets);
    cairn_write_u32(&w, tpm->restarts);
    cairn_write_u8(&w, tpm->clock_safe ? 1 : 0);
    cairn_write_u64(&w, tpm->firmware);
    return w;
}

static void finish(const struct cairn_fake_tpm *tpm, const struct cairn_writer *w, struct cairn_attestation *out)
{
    assert_true(cairn_writer_ok(w));
    out->attest_len = w->len;
    cairn_fake_sign(tpm, out);
}

void cairn_fake_quote(const struct cairn_fake_tpm *tpm, uint32_t mask, const uint8_t extra[32], struct cairn_attestation *out)
{
    uint8_t selection[CAIRN_SELECTION_LEN];
    uint8_t digest[32];
    cairn_selection_marshal(mask, selection);
    must(cairn_pcr_digest(mask, tpm->pcrs, digest, NULL));
    struct cairn_writer w = begin(tpm, CAIRN_CLAIM_QUOTE, extra, out);
    cairn_write_bytes(&w, CAIRN_SPAN(selection));
    cairn_write_tpm2b(&w, CAIRN_SPAN(digest));
    finish(tpm, &w, out);
}

void cairn_fake_certify(const struct cairn_fake_tpm *tpm, const struct cairn_name *name, enum cairn_hierarchy hierarchy,
                        const uint8_t extra[32], struct cairn_attestation *out)
{
    struct cairn_name qualified;
    must(cairn_name_qualify(hierarchy, name, &qualified, NULL));
    struct cairn_writer w = begin(tpm, CAIRN_CLAIM_CERTIFY, extra, out);
    cairn_write_tpm2b(&w, cairn_name_span(name));
    cairn_write_tpm2b(&w, cairn_name_span(&qualified));
    finish(tpm, &w, out);
}

void cairn_fake_nv(const struct cairn_fake_tpm *tpm, const struct cairn_name *index, struct cairn_span contents,
                   const uint8_t extra[32], struct cairn_attestation *out)
{
    struct cairn_writer w = begin(tpm, CAIRN_CLAIM_NV, extra, out);
    cairn_write_tpm2b(&w, cairn_name_span(index));
    cairn_write_u16(&w, 0);
    cairn_write_tpm2b(&w, contents);
    finish(tpm, &w, out);
}

void cairn_fake_session_audit(const struct cairn_fake_tpm *tpm, const uint8_t digest[32], const uint8_t extra[32],
                              struct cairn_attestation *out)
{
    struct cairn_writer w = begin(tpm, CAIRN_CLAIM_AUDIT, extra, out);
    cairn_write_u8(&w, 1);
    cairn_write_tpm2b(&w, cairn_span(digest, 32));
    finish(tpm, &w, out);
}

void cairn_fake_certify_srk(const struct cairn_fake_tpm *tpm, const uint8_t extra[32], struct cairn_attestation *out)
{
    cairn_fake_certify(tpm, &tpm->srk_name, CAIRN_RH_OWNER, extra, out);
}

void cairn_fake_certify_epoch(const struct cairn_fake_tpm *tpm, const uint8_t extra[32], struct cairn_attestation *out)
{
    uint8_t value[8];
    struct cairn_writer w = cairn_writer(value, sizeof value);
    cairn_write_u64(&w, tpm->epoch);
    cairn_fake_nv(tpm, &tpm->epoch_name, CAIRN_SPAN(value), extra, out);
}

void cairn_fake_head(const struct cairn_fake_tpm *tpm, const uint8_t nonce[32], struct cairn_tpm_head *out)
{
    *out = (struct cairn_tpm_head){.ak = tpm->ak_name};
    memcpy(out->fleet, tpm->fleet, sizeof out->fleet);
    memcpy(out->device, tpm->device, sizeof out->device);
    memcpy(out->nonce, nonce, sizeof out->nonce);
}

void cairn_fake_payload(const struct cairn_fake_tpm *tpm, const char *nonce_member, const uint8_t nonce[32], const json_t *more,
                        struct cairn_buf *out)
{
    struct cairn_tpm_head head;
    cairn_fake_head(tpm, nonce, &head);
    CAIRN_JSON *object = more != NULL ? json_deep_copy(more) : json_object();
    assert_non_null(object);
    must(cairn_tpm_head_write(object, nonce_member, &head, NULL));
    must(cairn_json_write(object, out, NULL));
}

static void attest_as(const struct cairn_fake_tpm *tpm, enum cairn_claim_type type, uint32_t mask,
                      const struct cairn_audit_log *log, const uint8_t extra[32], struct cairn_attestation *out)
{
    switch (type) {
    case CAIRN_CLAIM_QUOTE:
        cairn_fake_quote(tpm, mask, extra, out);
        break;
    case CAIRN_CLAIM_CERTIFY:
        cairn_fake_certify_srk(tpm, extra, out);
        break;
    case CAIRN_CLAIM_NV:
        cairn_fake_certify_epoch(tpm, extra, out);
        break;
    case CAIRN_CLAIM_AUDIT:
        cairn_fake_audit(tpm, log, extra, out);
        break;
    }
}

void cairn_fake_document(const struct cairn_fake_tpm *tpm, const char *type, struct cairn_span payload, uint32_t mask,
                         const enum cairn_claim_type *types, size_t num, struct cairn_tpmdoc *doc)
{
    assert_in_range(num, 1, CAIRN_TPMDOC_MAX_ATTESTATIONS);
    uint8_t extra[32];
    (void)snprintf(doc->type, sizeof doc->type, "%s", type);
    must(cairn_buf_set(&doc->payload, payload, NULL));
    must(cairn_pae_digest(type, cairn_buf_span(&doc->payload), extra, NULL));
    doc->num_attestations = num;
    doc->has_audit = doc->audit.num_steps > 0;
    for (size_t i = 0; i < num; i++) {
        attest_as(tpm, types[i], mask, &doc->audit, extra, &doc->attestations[i]);
    }
}

void cairn_fake_step_set(struct cairn_audit_log *log, size_t i, struct cairn_span cp, struct cairn_span rp)
{
    assert_in_range(i, 0, log->num_steps);
    assert_in_range(i, 0, CAIRN_AUDIT_MAX_STEPS - 1);
    CAIRN_BUF new_cp = {0}; /* the old bytes may be the source of the new ones */
    CAIRN_BUF new_rp = {0};
    must(cairn_buf_set(&new_cp, cp, NULL));
    must(cairn_buf_set(&new_rp, rp, NULL));
    cairn_buf_clear(&log->steps[i].cp);
    cairn_buf_clear(&log->steps[i].rp);
    log->steps[i] = (struct cairn_audit_step){.cp = new_cp, .rp = new_rp};
    new_cp = (struct cairn_buf){0};
    new_rp = (struct cairn_buf){0};
    if (i == log->num_steps) {
        log->num_steps++;
    }
}

void cairn_fake_step_remove(struct cairn_audit_log *log, size_t i)
{
    assert_in_range(i, 0, log->num_steps - 1);
    cairn_buf_clear(&log->steps[i].cp);
    cairn_buf_clear(&log->steps[i].rp);
    for (size_t k = i + 1; k < log->num_steps; k++) {
        log->steps[k - 1] = log->steps[k];
    }
    log->num_steps--;
    log->steps[log->num_steps] = (struct cairn_audit_step){{0}, {0}};
}

void cairn_fake_step_insert(struct cairn_audit_log *log, size_t i, struct cairn_span cp, struct cairn_span rp)
{
    cairn_fake_step_set(log, log->num_steps, cp, rp);
    struct cairn_audit_step made = log->steps[log->num_steps - 1];
    for (size_t k = log->num_steps - 1; k > i; k--) {
        log->steps[k] = log->steps[k - 1];
    }
    log->steps[i] = made;
}

/* struct sides writes both preimages of one step: the codes are there, the caller adds Names and parameters. */
struct sides {
    uint8_t cp_bytes[STEP_MAX], rp_bytes[STEP_MAX];
    struct cairn_writer cp, rp;
};

static void open_sides(struct sides *s, uint32_t code)
{
    s->cp = cairn_writer(s->cp_bytes, sizeof s->cp_bytes);
    s->rp = cairn_writer(s->rp_bytes, sizeof s->rp_bytes);
    cairn_write_u32(&s->cp, code);
    cairn_write_u32(&s->rp, 0);
    cairn_write_u32(&s->rp, code);
}

static void put_sides(const struct sides *s, struct cairn_audit_log *log, size_t i)
{
    assert_true(cairn_writer_ok(&s->cp) && cairn_writer_ok(&s->rp));
    cairn_fake_step_set(log, i, cairn_writer_span(&s->cp), cairn_writer_span(&s->rp));
}

void cairn_fake_step_handles(struct cairn_audit_log *log, size_t i, uint32_t first, bool more, const uint32_t *handles,
                             size_t num)
{
    struct sides s;
    open_sides(&s, 0x17a);
    cairn_write_u32(&s.cp, 1); /* TPM_CAP_HANDLES */
    cairn_write_u32(&s.cp, first);
    cairn_write_u32(&s.cp, 254);
    cairn_write_u8(&s.rp, more ? 1 : 0);
    cairn_write_u32(&s.rp, 1);
    cairn_write_u32(&s.rp, (uint32_t)num);
    for (size_t k = 0; k < num; k++) {
        cairn_write_u32(&s.rp, handles[k]);
    }
    put_sides(&s, log, i);
}

void cairn_fake_step_quote(const struct cairn_fake_tpm *tpm, struct cairn_audit_log *log, size_t i, uint32_t mask,
                           const uint8_t extra[32])
{
    struct cairn_attestation att;
    uint8_t selection[CAIRN_SELECTION_LEN];
    cairn_fake_quote(tpm, mask, extra, &att);
    cairn_selection_marshal(mask, selection);
    struct sides s;
    open_sides(&s, 0x158);
    cairn_write_bytes(&s.cp, cairn_name_span(&tpm->ak_name));
    cairn_write_tpm2b(&s.cp, cairn_span(extra, 32));
    cairn_write_u16(&s.cp, 0x0010); /* the key's own scheme */
    cairn_write_bytes(&s.cp, CAIRN_SPAN(selection));
    cairn_write_tpm2b(&s.rp, cairn_span(att.attest, att.attest_len));
    cairn_write_bytes(&s.rp, cairn_span(att.signature, att.signature_len));
    put_sides(&s, log, i);
}

static void step_stir(struct cairn_audit_log *log, size_t i, const uint8_t stir[32])
{
    struct sides s;
    open_sides(&s, 0x146);
    cairn_write_tpm2b(&s.cp, cairn_span(stir, 32));
    put_sides(&s, log, i);
}

static void step_undefine(struct cairn_audit_log *log, size_t i, const struct cairn_name *index)
{
    struct sides s;
    open_sides(&s, 0x122);
    cairn_write_u32(&s.cp, CAIRN_RH_OWNER);
    cairn_write_bytes(&s.cp, cairn_name_span(index));
    put_sides(&s, log, i);
}

static void step_clear(struct cairn_audit_log *log, size_t i)
{
    struct sides s;
    open_sides(&s, 0x126);
    cairn_write_u32(&s.cp, CAIRN_RH_LOCKOUT);
    put_sides(&s, log, i);
}

static void step_create(const struct cairn_fake_tpm *tpm, struct cairn_audit_log *log, size_t i)
{
    static const uint8_t zero[32] = {0};
    struct cairn_area creation;
    cairn_template_ak(tpm->fleet, NULL, &creation);
    struct sides s;
    open_sides(&s, 0x131);
    cairn_write_u32(&s.cp, CAIRN_RH_ENDORSEMENT);
    cairn_write_tpm2b(&s.cp, cairn_span(zero, 4)); /* inSensitive: no auth, no data */
    cairn_write_tpm2b(&s.cp, cairn_area_span(&creation));
    cairn_write_u16(&s.cp, 0); /* outsideInfo */
    cairn_write_u32(&s.cp, 0); /* creationPCR */
    cairn_write_tpm2b(&s.rp, cairn_area_span(&tpm->ak_public));
    cairn_write_tpm2b(&s.rp, CAIRN_SPAN(zero)); /* creationData: nobody reads it */
    cairn_write_tpm2b(&s.rp, CAIRN_SPAN(zero)); /* creationHash */
    cairn_write_u16(&s.rp, 0x8021);             /* creationTicket */
    cairn_write_u32(&s.rp, CAIRN_RH_ENDORSEMENT);
    cairn_write_tpm2b(&s.rp, CAIRN_SPAN(zero));
    cairn_write_tpm2b(&s.rp, cairn_name_span(&tpm->ak_name));
    put_sides(&s, log, i);
}

void cairn_fake_wipe(struct cairn_fake_tpm *tpm, const uint8_t stir[32], const uint8_t extra[32], uint32_t mask,
                     struct cairn_audit_log *log)
{
    static const uint32_t nv[] = {0x01800100, 0x01c00002};
    static const uint32_t persistent[] = {0x81000001u, 0x81010002u};
    assert_int_equal(log->num_steps, 0);
    step_stir(log, CAIRN_FAKE_STIR, stir);
    cairn_fake_step_quote(tpm, log, CAIRN_FAKE_QUOTE_BEFORE, mask, extra);
    cairn_fake_step_handles(log, CAIRN_FAKE_NV_BEFORE, 0x01000000, false, nv, 2);
    cairn_fake_step_handles(log, CAIRN_FAKE_PERSISTENT_BEFORE, 0x81000000u, false, persistent, 2);
    step_undefine(log, CAIRN_FAKE_UNDEFINE, &tpm->epoch_name);
    step_clear(log, CAIRN_FAKE_CLEAR);
    tpm->clock_ms = 12;
    tpm->resets = 0;
    tpm->restarts = 0;
    cairn_fake_step_handles(log, CAIRN_FAKE_NV_AFTER, 0x01000000, false, nv + 1, 1);
    cairn_fake_step_handles(log, CAIRN_FAKE_PERSISTENT_AFTER, 0x81000000u, false, NULL, 0);
    step_create(tpm, log, CAIRN_FAKE_CREATE);
    cairn_fake_step_quote(tpm, log, CAIRN_FAKE_QUOTE_AFTER, mask, extra);
    assert_int_equal(log->num_steps, CAIRN_FAKE_NUM_STEPS);
}

void cairn_fake_audit(const struct cairn_fake_tpm *tpm, const struct cairn_audit_log *log, const uint8_t extra[32],
                      struct cairn_attestation *out)
{
    uint8_t digest[32];
    must(cairn_audit_digest(log, digest, NULL));
    cairn_fake_session_audit(tpm, digest, extra, out);
}
