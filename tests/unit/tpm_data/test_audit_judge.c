/* tests/unit/tpm_data/test_audit_judge.c -- a correct wipe is believed; each thing that could be otherwise is refused by name.
 */
#include "tpm_data/audit.h"

#include "support/fake_tpm.h"
#include "vectors.h"
#include "vectors_wipe.h"

enum { MASK = 0x93 };
static const uint8_t fleet[32] = {0xf1};
static const uint8_t stir[32] = {0x51};
static const uint8_t extra[32] = {0xee};

/* struct wipe is a correct run, to be altered. */
struct wipe {
    struct cairn_fake_tpm tpm;
    struct cairn_audit_log log;
};

static void wipe_clear(struct wipe *wipe)
{
    cairn_audit_log_clear(&wipe->log);
    cairn_fake_clear(&wipe->tpm);
}

static void wipe_make(struct wipe *wipe)
{
    *wipe = (struct wipe){.log = {0}};
    cairn_fake_init(&wipe->tpm, fleet);
    cairn_fake_wipe(&wipe->tpm, stir, extra, MASK, &wipe->log);
}
#define WIPE(name)                                                                                                             \
    CAIRN_CLEANUP(wipe_clear) struct wipe name;                                                                                \
    wipe_make(&name)

static enum cairn_rc judge(const struct wipe *wipe, struct cairn_audit_facts *facts, struct cairn_err *err)
{
    struct cairn_audit_want want = {.ak_public = cairn_area_span(&wipe->tpm.ak_public)};
    memcpy(want.stir, stir, sizeof want.stir);
    memcpy(want.extra, extra, sizeof want.extra);
    return cairn_audit_judge(&wipe->log, &want, facts, err);
}

static void refuses(const struct wipe *wipe, enum cairn_rc rc, const char *code)
{
    struct cairn_audit_facts facts = {.num_undefined = 77};
    struct cairn_err err = {0};
    assert_int_equal(judge(wipe, &facts, &err), rc);
    assert_string_equal(err.code, code);
    assert_int_equal(facts.num_undefined, 77);
}

static struct cairn_span cp_of(const struct wipe *wipe, size_t i)
{
    return cairn_buf_span(&wipe->log.steps[i].cp);
}

static struct cairn_span rp_of(const struct wipe *wipe, size_t i)
{
    return cairn_buf_span(&wipe->log.steps[i].rp);
}

static void believes_a_correct_wipe(void **state)
{
    (void)state;
    WIPE(w);
    struct cairn_audit_facts facts;
    assert_int_equal(judge(&w, &facts, NULL), CAIRN_OK);
    assert_int_equal(facts.num_undefined, 1);
    assert_int_equal(facts.nv_before.num, 2);
    assert_int_equal(facts.nv_before.handle[0], 0x01800100);
    assert_int_equal(facts.persistent_before.num, 2);
    assert_int_equal(facts.nv_after.num, 1);
    assert_int_equal(facts.nv_after.handle[0], 0x01c00002);
    assert_int_equal(facts.persistent_after.num, 0);
    assert_int_equal(facts.before.u.quote.mask, MASK);
    assert_int_equal(facts.before.resets, 3);
    assert_int_equal(facts.after.resets, 0);
    assert_int_equal(facts.after.clock_ms, 12);
}

/* Appends a step given in hex. */
static void append_step(struct cairn_audit_log *log, const char *cp_hex, const char *rp_hex)
{
    uint8_t cp[1024];
    uint8_t rp[1024];
    size_t cp_len = unhex(cp_hex, cp, sizeof cp);
    size_t rp_len = unhex(rp_hex, rp, sizeof rp);
    cairn_fake_step_set(log, log->num_steps, cairn_span(cp, cp_len), cairn_span(rp, rp_len));
}

static void believes_the_wipe_that_a_tpm_did(void **state)
{
    (void)state;
    CAIRN_AUDIT_LOG log = {0};
    for (size_t i = 0; i < CAIRN_ARRAY_LEN(wipe_steps); i++) {
        append_step(&log, wipe_steps[i].cp, wipe_steps[i].rp);
    }
    struct cairn_area ak = vector_area(WIPE_AK_PUBLIC);
    struct cairn_attestation att = vector_attestation(WIPE_ATTEST, WIPE_SIGNATURE);
    struct cairn_claim claim;
    uint8_t certificate[32];
    uint8_t digest[32];
    memset(certificate, 0xce, sizeof certificate);
    assert_int_equal(cairn_claim_verify(&att, CAIRN_CLAIM_AUDIT, cairn_area_span(&ak), certificate, &claim, NULL), CAIRN_OK);
    assert_int_equal(cairn_audit_digest(&log, digest, NULL), CAIRN_OK);
    assert_memory_equal(digest, claim.u.audit.digest, 32);

    struct cairn_audit_want want = {.ak_public = cairn_area_span(&ak)};
    struct cairn_audit_facts facts;
    memset(want.stir, 0x51, sizeof want.stir);
    memset(want.extra, 0xee, sizeof want.extra);
    assert_int_equal(cairn_audit_judge(&log, &want, &facts, NULL), CAIRN_OK);
    assert_int_equal(facts.num_undefined, 1);
    assert_int_equal(facts.persistent_before.num, 2);
    assert_int_equal(facts.persistent_after.num, 0);
    assert_int_equal(facts.before.u.quote.mask, 0x93);
    assert_true(facts.after.clock_ms < facts.before.clock_ms);
}

static void believes_a_repeat_that_undefines_nothing(void **state)
{
    (void)state;
    WIPE(w);
    struct cairn_audit_facts facts;
    cairn_fake_step_remove(&w.log, CAIRN_FAKE_UNDEFINE);
    assert_int_equal(judge(&w, &facts, NULL), CAIRN_OK);
    assert_int_equal(facts.num_undefined, 0);
}

static void believes_a_clear_by_platform_auth_and_foreign_indices(void **state)
{
    (void)state;
    WIPE(w);
    struct cairn_audit_facts facts;
    static const uint8_t platform[] = {0, 0, 1, 0x26, 0x40, 0, 0, 0x0c};
    static const uint8_t undefine[4 + 4 + 50] = {0, 0, 1, 0x22, 0x40, 0, 0, 1, 0x00, 0x0c}; /* a Name with SHA-384 */
    cairn_fake_step_set(&w.log, CAIRN_FAKE_CLEAR, CAIRN_SPAN(platform), rp_of(&w, CAIRN_FAKE_CLEAR));
    cairn_fake_step_insert(&w.log, CAIRN_FAKE_UNDEFINE, CAIRN_SPAN(undefine), rp_of(&w, CAIRN_FAKE_UNDEFINE));
    assert_int_equal(judge(&w, &facts, NULL), CAIRN_OK);
    assert_int_equal(facts.num_undefined, 2);
}

static void refuses_a_run_started_for_another_wipe(void **state)
{
    (void)state;
    WIPE(w);
    w.log.steps[CAIRN_FAKE_STIR].cp.p[6 + 31] ^= 1;
    refuses(&w, CAIRN_E_REFUSED, "audit.stir");
}

static void refuses_a_list_without_a_clear(void **state)
{
    (void)state;
    WIPE(w);
    cairn_fake_step_remove(&w.log, CAIRN_FAKE_CLEAR);
    refuses(&w, CAIRN_E_REFUSED, "audit.clear");
}

static void refuses_two_clears(void **state)
{
    (void)state;
    WIPE(w);
    cairn_fake_step_insert(&w.log, CAIRN_FAKE_CLEAR, cp_of(&w, CAIRN_FAKE_CLEAR), rp_of(&w, CAIRN_FAKE_CLEAR));
    refuses(&w, CAIRN_E_REFUSED, "audit.clear");
}

static void refuses_an_empty_list(void **state)
{
    (void)state;
    WIPE(w);
    cairn_audit_log_clear(&w.log);
    refuses(&w, CAIRN_E_REFUSED, "audit.clear");
}

static void refuses_each_step_missing(void **state)
{
    (void)state;
    for (size_t i = 0; i < CAIRN_FAKE_NUM_STEPS; i++) {
        WIPE(w);
        if (i != CAIRN_FAKE_CLEAR && i != CAIRN_FAKE_UNDEFINE) {
            cairn_fake_step_remove(&w.log, i);
            bool list = i >= CAIRN_FAKE_NV_BEFORE && i <= CAIRN_FAKE_PERSISTENT_AFTER;
            /* one list taken for the other is another question, two lists short is another order */
            refuses(&w, CAIRN_E_REFUSED,
                    list && (i == CAIRN_FAKE_NV_BEFORE || i == CAIRN_FAKE_NV_AFTER) ? "audit.handles" : "audit.sequence");
        }
    }
}

static void refuses_each_step_twice(void **state)
{
    (void)state;
    for (size_t i = 0; i < CAIRN_FAKE_NUM_STEPS; i++) {
        WIPE(w);
        if (i != CAIRN_FAKE_CLEAR && i != CAIRN_FAKE_UNDEFINE) {
            cairn_fake_step_insert(&w.log, i, cp_of(&w, i), rp_of(&w, i));
            bool first_list = i == CAIRN_FAKE_NV_BEFORE || i == CAIRN_FAKE_NV_AFTER;
            refuses(&w, CAIRN_E_REFUSED, first_list ? "audit.handles" : "audit.sequence");
        }
    }
}

static void refuses_an_undefine_or_clear_in_another_place(void **state)
{
    (void)state;
    WIPE(w);
    cairn_fake_step_insert(&w.log, CAIRN_FAKE_NV_AFTER, cp_of(&w, CAIRN_FAKE_UNDEFINE), rp_of(&w, CAIRN_FAKE_UNDEFINE));
    refuses(&w, CAIRN_E_REFUSED, "audit.sequence");
    WIPE(v);
    cairn_fake_step_insert(&v.log, CAIRN_FAKE_QUOTE_BEFORE, cp_of(&v, CAIRN_FAKE_CLEAR), rp_of(&v, CAIRN_FAKE_CLEAR));
    cairn_fake_step_remove(&v.log, CAIRN_FAKE_CLEAR + 1);
    refuses(&v, CAIRN_E_REFUSED, "audit.sequence");
}

static void refuses_a_command_of_another_kind_in_the_list(void **state)
{
    (void)state;
    WIPE(w);
    static const uint8_t define[] = {0, 0, 1, 0x2a};
    static const uint8_t done[] = {0, 0, 0, 0, 0, 0, 1, 0x2a};
    cairn_fake_step_insert(&w.log, CAIRN_FAKE_NUM_STEPS, CAIRN_SPAN(define), CAIRN_SPAN(done));
    refuses(&w, CAIRN_E_REFUSED, "audit.sequence");
}

/* Every step must be read to its end. */
static void refuses_each_step_short_or_long(void **state)
{
    (void)state;
    for (size_t i = 0; i < CAIRN_FAKE_NUM_STEPS; i++) {
        for (unsigned side = 0; side < 2; side++) {
            WIPE(w);
            struct cairn_buf *bytes = side == 0 ? &w.log.steps[i].cp : &w.log.steps[i].rp;
            size_t len = bytes->len;
            for (size_t cut = 0; cut < len; cut++) {
                bytes->len = cut;
                struct cairn_audit_facts facts;
                struct cairn_err err = {0};
                assert_int_not_equal(judge(&w, &facts, &err), CAIRN_OK);
                assert_true(strcmp(err.code, "audit.bytes") == 0 || strcmp(err.code, "tpm.signature") == 0);
            }
            bytes->len = len;
            assert_int_equal(cairn_buf_resize(bytes, len + 1, NULL), CAIRN_OK);
            refuses(&w, CAIRN_E_FORMAT,
                    side == 1 && (i == CAIRN_FAKE_QUOTE_BEFORE || i == CAIRN_FAKE_QUOTE_AFTER) ? "tpm.signature"
                                                                                               : "audit.bytes");
        }
    }
}

static void refuses_a_step_that_failed_or_answers_another_command(void **state)
{
    (void)state;
    for (size_t i = 0; i < CAIRN_FAKE_NUM_STEPS; i++) {
        WIPE(w);
        w.log.steps[i].rp.p[3] = 0x20;
        refuses(&w, CAIRN_E_FORMAT, "audit.bytes");
        w.log.steps[i].rp.p[3] = 0;
        w.log.steps[i].rp.p[7] ^= 1;
        refuses(&w, CAIRN_E_FORMAT, "audit.bytes");
    }
}

static void refuses_lists_that_are_not_complete(void **state)
{
    (void)state;
    static const uint32_t nv[] = {0x01c00002};
    WIPE(w);
    cairn_fake_step_handles(&w.log, CAIRN_FAKE_NV_AFTER, 0x01000000, true, nv, 1);
    refuses(&w, CAIRN_E_REFUSED, "audit.handles");
    cairn_fake_step_handles(&w.log, CAIRN_FAKE_NV_AFTER, 0x01c00000, false, nv, 1); /* begins behind the owner's range */
    refuses(&w, CAIRN_E_REFUSED, "audit.handles");
    cairn_fake_step_handles(&w.log, CAIRN_FAKE_NV_AFTER, 0x81000000u, false, NULL, 0); /* another list */
    refuses(&w, CAIRN_E_REFUSED, "audit.handles");
}

static void refuses_lists_that_no_tpm_gives(void **state)
{
    (void)state;
    static const uint32_t unsorted[] = {0x01c00003, 0x01c00002};
    static const uint32_t twice[] = {0x01c00002, 0x01c00002};
    static const uint32_t other[] = {0x81000001u};
    WIPE(w);
    cairn_fake_step_handles(&w.log, CAIRN_FAKE_NV_BEFORE, 0x01000000, false, unsorted, 2);
    refuses(&w, CAIRN_E_FORMAT, "audit.bytes");
    cairn_fake_step_handles(&w.log, CAIRN_FAKE_NV_BEFORE, 0x01000000, false, twice, 2);
    refuses(&w, CAIRN_E_FORMAT, "audit.bytes");
    cairn_fake_step_handles(&w.log, CAIRN_FAKE_NV_BEFORE, 0x01000000, false, other, 1);
    refuses(&w, CAIRN_E_FORMAT, "audit.bytes");
}

static void refuses_a_list_of_something_else_than_handles(void **state)
{
    (void)state;
    WIPE(w);
    w.log.steps[CAIRN_FAKE_NV_AFTER].rp.p[12] = 2;
    refuses(&w, CAIRN_E_FORMAT, "audit.bytes");
}

static void takes_as_many_handles_as_it_has_room_for(void **state)
{
    (void)state;
    uint32_t many[CAIRN_AUDIT_MAX_HANDLES + 1];
    for (uint32_t i = 0; i < CAIRN_ARRAY_LEN(many); i++) {
        many[i] = 0x01c00000 + i;
    }
    WIPE(w);
    struct cairn_audit_facts facts;
    cairn_fake_step_handles(&w.log, CAIRN_FAKE_NV_AFTER, 0x01000000, false, many, CAIRN_AUDIT_MAX_HANDLES);
    assert_int_equal(judge(&w, &facts, NULL), CAIRN_OK);
    assert_int_equal(facts.nv_after.num, CAIRN_AUDIT_MAX_HANDLES);
    cairn_fake_step_handles(&w.log, CAIRN_FAKE_NV_AFTER, 0x01000000, false, many, CAIRN_AUDIT_MAX_HANDLES + 1);
    refuses(&w, CAIRN_E_REFUSED, "audit.handles");
}

static void refuses_anything_of_the_owner_left_after_the_clear(void **state)
{
    (void)state;
    static const uint32_t nv_left[] = {0x01800000, 0x01800100, 0x01bfffff};
    static const uint32_t nv_kept[] = {0x01000000, 0x017fffff, 0x01c00000};
    static const uint32_t keys_left[] = {0x81000000u, 0x81000001u, 0x817fffffu};
    static const uint32_t keys_kept[] = {0x81800000u, 0x81ffffffu};
    struct cairn_audit_facts facts;
    WIPE(w);
    for (size_t i = 0; i < CAIRN_ARRAY_LEN(nv_left); i++) {
        cairn_fake_step_handles(&w.log, CAIRN_FAKE_NV_AFTER, 0x01000000, false, &nv_left[i], 1);
        refuses(&w, CAIRN_E_REFUSED, "audit.handles");
    }
    cairn_fake_step_handles(&w.log, CAIRN_FAKE_NV_AFTER, 0x01000000, false, nv_kept, CAIRN_ARRAY_LEN(nv_kept));
    assert_int_equal(judge(&w, &facts, NULL), CAIRN_OK);
    for (size_t i = 0; i < CAIRN_ARRAY_LEN(keys_left); i++) {
        cairn_fake_step_handles(&w.log, CAIRN_FAKE_PERSISTENT_AFTER, 0x81000000u, false, &keys_left[i], 1);
        refuses(&w, CAIRN_E_REFUSED, "audit.handles");
    }
    cairn_fake_step_handles(&w.log, CAIRN_FAKE_PERSISTENT_AFTER, 0x81000000u, false, keys_kept, CAIRN_ARRAY_LEN(keys_kept));
    assert_int_equal(judge(&w, &facts, NULL), CAIRN_OK);
}

static void refuses_an_undefine_by_another_hierarchy(void **state)
{
    (void)state;
    WIPE(w);
    w.log.steps[CAIRN_FAKE_UNDEFINE].cp.p[7] = 0x0c;
    refuses(&w, CAIRN_E_FORMAT, "audit.bytes");
    w.log.steps[CAIRN_FAKE_UNDEFINE].cp.p[7] = 0x01;
    w.log.steps[CAIRN_FAKE_UNDEFINE].cp.p[9] = 0x10; /* no hash: the Name of nothing */
    refuses(&w, CAIRN_E_FORMAT, "audit.bytes");
}

static void refuses_a_clear_by_another_hierarchy(void **state)
{
    (void)state;
    WIPE(w);
    w.log.steps[CAIRN_FAKE_CLEAR].cp.p[7] = 0x0b;
    refuses(&w, CAIRN_E_FORMAT, "audit.bytes");
}

/* the key after the Clear */

static void refuses_byte(struct wipe *w, size_t i, bool response, size_t at, const char *code)
{
    struct cairn_buf *bytes = response ? &w->log.steps[i].rp : &w->log.steps[i].cp;
    assert_in_range(at, 0, bytes->len - 1);
    bytes->p[at] ^= 1;
    refuses(w, strcmp(code, "audit.bytes") == 0 ? CAIRN_E_FORMAT : CAIRN_E_REFUSED, code);
    bytes->p[at] ^= 1;
}

static void refuses_another_key_after_the_clear(void **state)
{
    (void)state;
    WIPE(w);
    size_t i = CAIRN_FAKE_CREATE;
    refuses_byte(&w, i, false, 7, "audit.ak");                   /* hierarchy */
    refuses_byte(&w, i, false, 8 + 2 + 6 + 7, "audit.ak");       /* an attribute asked for */
    refuses_byte(&w, i, true, 8 + 2 + 7, "audit.ak");            /* an attribute made */
    refuses_byte(&w, i, true, 8 + 2 + 40, "audit.ak");           /* the point */
    refuses_byte(&w, i, true, rp_of(&w, i).len - 1, "audit.ak"); /* the Name */
}

static void refuses_a_creation_without_its_ticket(void **state)
{
    (void)state;
    WIPE(w);
    size_t len = rp_of(&w, CAIRN_FAKE_CREATE).len;
    refuses_byte(&w, CAIRN_FAKE_CREATE, true, len - 36 - 34 - 4 - 1, "audit.bytes");
}

static void refuses_a_key_made_with_an_auth_value_or_extra_data(void **state)
{
    (void)state;
    WIPE(w);
    size_t last = cp_of(&w, CAIRN_FAKE_CREATE).len - 1;
    refuses_byte(&w, CAIRN_FAKE_CREATE, false, 8 + 2 + 1, "audit.ak");   /* inSensitive is not two empty TPM2B */
    refuses_byte(&w, CAIRN_FAKE_CREATE, false, last, "audit.bytes");     /* creationPCR */
    refuses_byte(&w, CAIRN_FAKE_CREATE, false, last - 4, "audit.bytes"); /* outsideInfo */
}

static void accepts_any_unique_in_the_creation_template(void **state)
{
    (void)state;
    WIPE(w);
    struct cairn_audit_facts facts;
    struct cairn_buf *cp = &w.log.steps[CAIRN_FAKE_CREATE].cp;
    cp->p[cp->len - 6 - 66] ^= 1; /* x = fleet: the key that came out is what is compared */
    assert_int_equal(judge(&w, &facts, NULL), CAIRN_OK);
}

static void refuses_another_enrolled_key(void **state)
{
    (void)state;
    WIPE(w);
    CAIRN_FAKE_TPM other;
    cairn_fake_init(&other, fleet);
    w.tpm.ak_public = other.ak_public;
    refuses(&w, CAIRN_E_REFUSED, "audit.ak");
}

/* the quotes */

static void refuses_quotes_over_another_document(void **state)
{
    (void)state;
    static const uint8_t other[32] = {0xef};
    static const size_t places[] = {CAIRN_FAKE_QUOTE_BEFORE, CAIRN_FAKE_QUOTE_AFTER};
    for (size_t k = 0; k < CAIRN_ARRAY_LEN(places); k++) {
        WIPE(w);
        cairn_fake_step_quote(&w.tpm, &w.log, places[k], MASK, other);
        refuses(&w, CAIRN_E_REFUSED, "attestation.extra");
    }
}

static void refuses_quotes_that_lie(void **state)
{
    (void)state;
    WIPE(w);
    w.tpm.magic = 0x00544347;
    cairn_fake_step_quote(&w.tpm, &w.log, CAIRN_FAKE_QUOTE_AFTER, MASK, extra);
    refuses(&w, CAIRN_E_REFUSED, "attestation.magic");
    w.tpm.magic = 0;
    w.tpm.type = CAIRN_CLAIM_CERTIFY;
    cairn_fake_step_quote(&w.tpm, &w.log, CAIRN_FAKE_QUOTE_AFTER, MASK, extra);
    refuses(&w, CAIRN_E_FORMAT, "tpm.attest"); /* a quote's body is no certification */
    w.tpm.type = 0;
    assert_int_equal(cairn_name_qualify(CAIRN_RH_OWNER, &w.tpm.ak_name, &w.tpm.signer, NULL), CAIRN_OK);
    cairn_fake_step_quote(&w.tpm, &w.log, CAIRN_FAKE_QUOTE_AFTER, MASK, extra);
    refuses(&w, CAIRN_E_REFUSED, "attestation.signer");
    w.tpm.signer = (struct cairn_name){{0}};
    cairn_fake_step_quote(&w.tpm, &w.log, CAIRN_FAKE_QUOTE_AFTER, MASK, extra);
    struct cairn_buf *rp = &w.log.steps[CAIRN_FAKE_QUOTE_AFTER].rp;
    rp->p[rp->len - 1] ^= 1;
    refuses(&w, CAIRN_E_REFUSED, "attestation.signature");
}

static void refuses_a_quote_that_does_not_answer_its_command(void **state)
{
    (void)state;
    WIPE(w);
    size_t len = cp_of(&w, CAIRN_FAKE_QUOTE_AFTER).len;
    refuses_byte(&w, CAIRN_FAKE_QUOTE_AFTER, false, 4 + 33, "audit.ak");             /* the key's Name */
    refuses_byte(&w, CAIRN_FAKE_QUOTE_AFTER, false, 4 + 34 + 2, "audit.bytes");      /* qualifyingData */
    refuses_byte(&w, CAIRN_FAKE_QUOTE_AFTER, false, len - 3, "audit.bytes");         /* selection */
    refuses_byte(&w, CAIRN_FAKE_QUOTE_AFTER, false, 4 + 34 + 34 + 1, "audit.bytes"); /* scheme */
}

/* With an explicit scheme in the command: ECDSA and SHA-256, or nothing. */
static void accepts_only_the_keys_own_scheme_in_a_quote(void **state)
{
    (void)state;
    WIPE(w);
    struct cairn_span old = cp_of(&w, CAIRN_FAKE_QUOTE_AFTER);
    static const struct {
        uint32_t scheme;
        enum cairn_rc rc;
    } cases[] = {{0x0018000b, CAIRN_OK}, {0x0018000c, CAIRN_E_FORMAT}, {0x0014000b, CAIRN_E_FORMAT}};
    for (size_t i = 0; i < CAIRN_ARRAY_LEN(cases); i++) {
        uint8_t cp[256];
        struct cairn_writer wr = cairn_writer(cp, sizeof cp);
        cairn_write_bytes(&wr, cairn_span(old.p, 4 + 34 + 34));
        cairn_write_u32(&wr, cases[i].scheme);
        cairn_write_bytes(&wr, cairn_span(old.p + old.len - CAIRN_SELECTION_LEN, CAIRN_SELECTION_LEN));
        cairn_fake_step_set(&w.log, CAIRN_FAKE_QUOTE_AFTER, cairn_writer_span(&wr), rp_of(&w, CAIRN_FAKE_QUOTE_AFTER));
        old = cp_of(&w, CAIRN_FAKE_QUOTE_AFTER);
        struct cairn_audit_facts facts;
        assert_int_equal(judge(&w, &facts, NULL), cases[i].rc);
    }
}

static void refuses_two_quotes_over_different_pcrs(void **state)
{
    (void)state;
    WIPE(w);
    cairn_fake_step_quote(&w.tpm, &w.log, CAIRN_FAKE_QUOTE_AFTER, MASK | 0x400, extra);
    refuses(&w, CAIRN_E_REFUSED, "audit.selection");
}

static void refuses_a_second_quote_that_is_not_just_after_a_clear(void **state)
{
    (void)state;
    WIPE(w);
    w.tpm.clock_ms = 60000; /* as before: allowed, a Clear can come at once */
    cairn_fake_step_quote(&w.tpm, &w.log, CAIRN_FAKE_QUOTE_AFTER, MASK, extra);
    struct cairn_audit_facts facts;
    assert_int_equal(judge(&w, &facts, NULL), CAIRN_OK);
    w.tpm.clock_ms = 60001;
    cairn_fake_step_quote(&w.tpm, &w.log, CAIRN_FAKE_QUOTE_AFTER, MASK, extra);
    refuses(&w, CAIRN_E_REFUSED, "audit.clock");
    w.tpm.clock_ms = 12;
    w.tpm.resets = 1;
    cairn_fake_step_quote(&w.tpm, &w.log, CAIRN_FAKE_QUOTE_AFTER, MASK, extra);
    refuses(&w, CAIRN_E_REFUSED, "audit.clock");
    w.tpm.resets = 0;
    w.tpm.restarts = 1;
    cairn_fake_step_quote(&w.tpm, &w.log, CAIRN_FAKE_QUOTE_AFTER, MASK, extra);
    refuses(&w, CAIRN_E_REFUSED, "audit.clock");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(believes_a_correct_wipe),
        cmocka_unit_test(believes_the_wipe_that_a_tpm_did),
        cmocka_unit_test(believes_a_repeat_that_undefines_nothing),
        cmocka_unit_test(believes_a_clear_by_platform_auth_and_foreign_indices),
        cmocka_unit_test(refuses_a_run_started_for_another_wipe),
        cmocka_unit_test(refuses_a_list_without_a_clear),
        cmocka_unit_test(refuses_two_clears),
        cmocka_unit_test(refuses_an_empty_list),
        cmocka_unit_test(refuses_each_step_missing),
        cmocka_unit_test(refuses_each_step_twice),
        cmocka_unit_test(refuses_an_undefine_or_clear_in_another_place),
        cmocka_unit_test(refuses_a_command_of_another_kind_in_the_list),
        cmocka_unit_test(refuses_each_step_short_or_long),
        cmocka_unit_test(refuses_a_step_that_failed_or_answers_another_command),
        cmocka_unit_test(refuses_lists_that_are_not_complete),
        cmocka_unit_test(refuses_lists_that_no_tpm_gives),
        cmocka_unit_test(refuses_a_list_of_something_else_than_handles),
        cmocka_unit_test(takes_as_many_handles_as_it_has_room_for),
        cmocka_unit_test(refuses_anything_of_the_owner_left_after_the_clear),
        cmocka_unit_test(refuses_an_undefine_by_another_hierarchy),
        cmocka_unit_test(refuses_a_clear_by_another_hierarchy),
        cmocka_unit_test(refuses_another_key_after_the_clear),
        cmocka_unit_test(refuses_a_creation_without_its_ticket),
        cmocka_unit_test(refuses_a_key_made_with_an_auth_value_or_extra_data),
        cmocka_unit_test(accepts_any_unique_in_the_creation_template),
        cmocka_unit_test(refuses_another_enrolled_key),
        cmocka_unit_test(refuses_quotes_over_another_document),
        cmocka_unit_test(refuses_quotes_that_lie),
        cmocka_unit_test(refuses_a_quote_that_does_not_answer_its_command),
        cmocka_unit_test(accepts_only_the_keys_own_scheme_in_a_quote),
        cmocka_unit_test(refuses_two_quotes_over_different_pcrs),
        cmocka_unit_test(refuses_a_second_quote_that_is_not_just_after_a_clear),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
