/* tpm_data/audit_judge.c -- does an audited command list show the wipe it must show (tpm_data/audit.h)?
 *
 * Every step's bytes are read to their end and the order is exact: a command more, less or elsewhere is another story, and
 * stories are refused, not interpreted.
 * Source: TPM 2.0 Part 3, TPM2_StirRandom, _Quote, _GetCapability, _NV_UndefineSpace, _Clear, _CreatePrimary; DESIGN 4, 10.
 */
#include "tpm_data/audit.h"
#include "tpm_data/template.h"

enum {
    CC_NV_UNDEFINE_SPACE = 0x00000122,
    CC_CLEAR = 0x00000126,
    CC_CREATE_PRIMARY = 0x00000131,
    CC_STIR_RANDOM = 0x00000146,
    CC_QUOTE = 0x00000158,
    CC_GET_CAPABILITY = 0x0000017A,
};
enum { CAP_HANDLES = 1, ALG_NULL = 0x0010, ALG_ECDSA = 0x0018, TAG_CREATION = 0x8021, MAX_DIGEST_LEN = 64, MAX_DATA_LEN = 66 };
enum {
    NV_FIRST = 0x01000000,
    NV_OWNER_FIRST = 0x01800000,
    NV_OWNER_LAST = 0x01BFFFFF,
};
static const uint32_t persistent_first = 0x81000000u;
static const uint32_t persistent_owner_last = 0x817FFFFFu;
enum { UNIQUE_LEN = 2 + 32 + 2 + 32, MAX_CREATION_DATA = 512 };

/* struct walk is the place in the log. */
struct walk {
    const struct cairn_audit_log *log;
    const struct cairn_audit_want *want;
    struct cairn_name ak;
    size_t next;
};
/* struct step is one command opened: the readers stand behind the codes. */
struct step {
    size_t number; /* from 1, as a person counts */
    uint32_t code;
    struct cairn_reader cp, rp;
};

static CAIRN_RC bad_bytes(const struct step *step, struct cairn_err *err)
{
    return CAIRN_FAIL(err, CAIRN_E_FORMAT, "audit.bytes", "audited step %zu is damaged", step->number);
}

static CAIRN_RC open_step(const struct cairn_audit_log *log, size_t i, struct step *out, struct cairn_err *err)
{
    struct step step = {.number = i + 1,
                        .cp = cairn_reader(cairn_buf_span(&log->steps[i].cp)),
                        .rp = cairn_reader(cairn_buf_span(&log->steps[i].rp))};
    step.code = cairn_read_u32(&step.cp);
    uint32_t response_code = cairn_read_u32(&step.rp);
    uint32_t answered = cairn_read_u32(&step.rp);
    if (!cairn_reader_ok(&step.cp) || !cairn_reader_ok(&step.rp) || response_code != 0 || answered != step.code) {
        return bad_bytes(&step, err);
    }
    *out = step;
    return CAIRN_OK;
}

/* Demands that both sides of a step were read to their ends. */
static CAIRN_RC close_step(const struct step *step, struct cairn_err *err)
{
    return cairn_reader_done(&step->cp) && cairn_reader_done(&step->rp) ? CAIRN_OK : bad_bytes(step, err);
}

/* Opens the next step, which must be `code`. */
static CAIRN_RC expect(struct walk *walk, uint32_t code, const char *what, struct step *out, struct cairn_err *err)
{
    if (walk->next >= walk->log->num_steps) {
        return CAIRN_FAIL(err, CAIRN_E_REFUSED, "audit.sequence", "the audited command list ends before %s", what);
    }
    struct step step;
    CAIRN_TRY(open_step(walk->log, walk->next, &step, err));
    if (step.code != code) {
        return CAIRN_FAIL(err, CAIRN_E_REFUSED, "audit.sequence", "audited step %zu is command 0x%03x; %s belongs there",
                          step.number, step.code, what);
    }
    walk->next++;
    *out = step;
    return CAIRN_OK;
}

static CAIRN_RC count_clears(const struct cairn_audit_log *log, struct cairn_err *err)
{
    size_t num = 0;
    for (size_t i = 0; i < log->num_steps; i++) {
        struct step step;
        CAIRN_TRY(open_step(log, i, &step, err));
        num += step.code == CC_CLEAR ? 1 : 0;
    }
    if (num != 1) {
        return CAIRN_FAIL(err, CAIRN_E_REFUSED, "audit.clear", "the audited command list holds %zu TPM2_Clear, wanted is one",
                          num);
    }
    return CAIRN_OK;
}

static CAIRN_RC judge_stir(struct walk *walk, struct cairn_err *err)
{
    struct step step;
    CAIRN_TRY(expect(walk, CC_STIR_RANDOM, "StirRandom with the start document's digest", &step, err));
    struct cairn_span input = cairn_read_tpm2b(&step.cp, 128);
    CAIRN_TRY(close_step(&step, err));
    if (!cairn_span_equal(input, CAIRN_SPAN(walk->want->stir))) {
        return CAIRN_FAIL(err, CAIRN_E_REFUSED, "audit.stir",
                          "the audited run was started for another wipe: another challenge, order, plan or media log");
    }
    return CAIRN_OK;
}

/* struct quoted is a Quote as it stands in the log. */
struct quoted {
    struct cairn_span key;
    struct cairn_span extra;
    struct cairn_span selection;
    struct cairn_span attest;
    struct cairn_span signature;
};

static CAIRN_RC read_quote(struct step *step, struct quoted *out, struct cairn_err *err)
{
    struct quoted q;
    q.key = cairn_read_bytes(&step->cp, CAIRN_NAME_LEN);
    q.extra = cairn_read_tpm2b(&step->cp, MAX_DATA_LEN);
    uint16_t scheme = cairn_read_u16(&step->cp);
    uint16_t hash = scheme == ALG_NULL ? CAIRN_SHA256 : cairn_read_u16(&step->cp);
    q.selection = cairn_read_bytes(&step->cp, CAIRN_SELECTION_LEN);
    q.attest = cairn_read_tpm2b(&step->rp, CAIRN_ATTEST_MAX);
    q.signature = cairn_read_bytes(&step->rp, step->rp.rest.len);
    if ((scheme != ALG_NULL && scheme != ALG_ECDSA) || hash != CAIRN_SHA256 || q.signature.len > CAIRN_SIGNATURE_MAX) {
        cairn_reader_fail(&step->rp);
    }
    CAIRN_TRY(close_step(step, err));
    *out = q;
    return CAIRN_OK;
}

static struct cairn_attestation attestation_of(const struct quoted *q)
{
    struct cairn_attestation att = {.attest_len = q->attest.len, .signature_len = q->signature.len};
    struct cairn_writer a = cairn_writer(att.attest, sizeof att.attest);
    struct cairn_writer s = cairn_writer(att.signature, sizeof att.signature);
    cairn_write_bytes(&a, q->attest);
    cairn_write_bytes(&s, q->signature);
    return att;
}

static CAIRN_RC judge_quote(struct walk *walk, const char *what, struct cairn_claim *out, struct cairn_err *err)
{
    struct step step;
    struct quoted q;
    CAIRN_TRY(expect(walk, CC_QUOTE, what, &step, err));
    CAIRN_TRY(read_quote(&step, &q, err));
    if (!cairn_span_equal(q.key, cairn_name_span(&walk->ak))) {
        return CAIRN_FAIL(err, CAIRN_E_REFUSED, "audit.ak", "%s was made with another key than the enrolled one", what);
    }
    struct cairn_attestation att = attestation_of(&q);
    CAIRN_TRY(cairn_claim_verify(&att, CAIRN_CLAIM_QUOTE, walk->want->ak_public, walk->want->extra, out, err));
    /* A TPM answers what it was asked: a command that asks for something else cannot have had this answer. */
    uint8_t selection[CAIRN_SELECTION_LEN] = {0};
    cairn_selection_marshal(out->u.quote.mask, selection);
    if (!cairn_span_equal(q.selection, CAIRN_SPAN(selection)) || !cairn_span_equal(q.extra, CAIRN_SPAN(walk->want->extra))) {
        return bad_bytes(&step, err);
    }
    return CAIRN_OK;
}

/* One complete list of handles of the kind that begins at `first`. */
static CAIRN_RC judge_handles(struct walk *walk, uint32_t first, const char *what, struct cairn_audit_handles *out,
                              struct cairn_err *err)
{
    struct step step;
    CAIRN_TRY(expect(walk, CC_GET_CAPABILITY, what, &step, err));
    bool asked = cairn_read_u32(&step.cp) == CAP_HANDLES && cairn_read_u32(&step.cp) == first;
    (void)cairn_read_u32(&step.cp); /* how many at most: "more" tells whether it was enough */
    uint8_t more = cairn_read_u8(&step.rp);
    uint32_t capability = cairn_read_u32(&step.rp);
    uint32_t num = cairn_read_u32(&step.rp);
    if (cairn_reader_ok(&step.cp) && cairn_reader_ok(&step.rp) && (!asked || num > CAIRN_AUDIT_MAX_HANDLES || more == 1)) {
        return CAIRN_FAIL(err, CAIRN_E_REFUSED, "audit.handles", "%s is not complete, or another list (step %zu)", what,
                          step.number);
    }
    struct cairn_audit_handles list = {.num = num};
    uint32_t last = 0;
    for (size_t i = 0; i < num && i < CAIRN_AUDIT_MAX_HANDLES && cairn_reader_ok(&step.rp); i++) {
        list.handle[i] = cairn_read_u32(&step.rp);
        if (list.handle[i] <= last || list.handle[i] >> 24 != first >> 24) {
            cairn_reader_fail(&step.rp);
        }
        last = list.handle[i];
    }
    if (capability != CAP_HANDLES || more != 0) {
        cairn_reader_fail(&step.rp);
    }
    CAIRN_TRY(close_step(&step, err));
    *out = list;
    return CAIRN_OK;
}

/* Foreign indices may have Names of other hashes; the command has no parameters beside the two Names. */
static CAIRN_RC judge_undefine(struct walk *walk, struct cairn_err *err)
{
    struct step step;
    CAIRN_TRY(expect(walk, CC_NV_UNDEFINE_SPACE, "NV_UndefineSpace", &step, err));
    uint32_t auth = cairn_read_u32(&step.cp);
    uint16_t name_alg = cairn_read_u16(&step.cp);
    size_t digest_len = cairn_hash_len((enum cairn_hash)name_alg);
    (void)cairn_read_bytes(&step.cp, digest_len);
    if (auth != CAIRN_RH_OWNER || digest_len == 0) {
        cairn_reader_fail(&step.cp);
    }
    return close_step(&step, err);
}

static CAIRN_RC judge_undefines(struct walk *walk, size_t *num, struct cairn_err *err)
{
    size_t count = 0;
    while (walk->next < walk->log->num_steps) {
        struct step step;
        CAIRN_TRY(open_step(walk->log, walk->next, &step, err));
        if (step.code != CC_NV_UNDEFINE_SPACE) {
            break;
        }
        CAIRN_TRY(judge_undefine(walk, err));
        count++;
    }
    *num = count;
    return CAIRN_OK;
}

static CAIRN_RC judge_clear(struct walk *walk, struct cairn_err *err)
{
    struct step step;
    CAIRN_TRY(expect(walk, CC_CLEAR, "TPM2_Clear", &step, err));
    uint32_t auth = cairn_read_u32(&step.cp);
    if (auth != CAIRN_RH_LOCKOUT && auth != CAIRN_RH_PLATFORM) {
        cairn_reader_fail(&step.cp);
    }
    return close_step(&step, err);
}

/* The creation template is the enrolled key's area with another `unique` (x = fleet), which is what the key derives from. */
static bool is_template_of(struct cairn_span in_public, struct cairn_span ak_public)
{
    if (in_public.len != ak_public.len || ak_public.len < UNIQUE_LEN) {
        return false;
    }
    size_t fixed = ak_public.len - UNIQUE_LEN;
    return cairn_span_equal(cairn_span(in_public.p, fixed), cairn_span(ak_public.p, fixed));
}

static CAIRN_RC judge_create(struct walk *walk, struct cairn_err *err)
{
    static const uint8_t no_secret[4] = {0};
    struct step step;
    CAIRN_TRY(expect(walk, CC_CREATE_PRIMARY, "CreatePrimary of the attestation key", &step, err));
    uint32_t hierarchy = cairn_read_u32(&step.cp);
    struct cairn_span sensitive = cairn_read_tpm2b(&step.cp, sizeof no_secret);
    struct cairn_span in_public = cairn_read_tpm2b(&step.cp, CAIRN_PUBLIC_MAX);
    uint16_t outside_info_len = cairn_read_u16(&step.cp);
    uint32_t num_creation_pcrs = cairn_read_u32(&step.cp);
    struct cairn_span out_public = cairn_read_tpm2b(&step.rp, CAIRN_PUBLIC_MAX);
    (void)cairn_read_tpm2b(&step.rp, MAX_CREATION_DATA);
    (void)cairn_read_tpm2b(&step.rp, MAX_DIGEST_LEN); /* creationHash */
    uint16_t ticket_tag = cairn_read_u16(&step.rp);
    (void)cairn_read_u32(&step.rp); /* the ticket's hierarchy, and its digest */
    (void)cairn_read_tpm2b(&step.rp, MAX_DIGEST_LEN);
    struct cairn_span name = cairn_read_tpm2b(&step.rp, CAIRN_NAME_LEN);
    if (outside_info_len != 0 || num_creation_pcrs != 0 || ticket_tag != TAG_CREATION) {
        cairn_reader_fail(&step.cp);
    }
    CAIRN_TRY(close_step(&step, err));
    if (hierarchy != CAIRN_RH_ENDORSEMENT || !cairn_span_equal(sensitive, CAIRN_SPAN(no_secret)) ||
        !is_template_of(in_public, walk->want->ak_public) || !cairn_span_equal(out_public, walk->want->ak_public) ||
        !cairn_span_equal(name, cairn_name_span(&walk->ak))) {
        return CAIRN_FAIL(err, CAIRN_E_REFUSED, "audit.ak",
                          "the key made after the Clear is not the enrolled attestation key of the endorsement hierarchy");
    }
    return CAIRN_OK;
}

static bool any_in(const struct cairn_audit_handles *list, uint32_t first, uint32_t last)
{
    for (size_t i = 0; i < list->num; i++) {
        if (list->handle[i] >= first && list->handle[i] <= last) {
            return true;
        }
    }
    return false;
}

/* What the steps say together: the Clear happened between the two Quotes, and left nothing of the owner's. */
static CAIRN_RC judge_facts(const struct cairn_audit_facts *facts, struct cairn_err *err)
{
    if (facts->before.u.quote.mask != facts->after.u.quote.mask) {
        return CAIRN_FAIL(err, CAIRN_E_REFUSED, "audit.selection", "the two Quotes are over different PCRs");
    }
    if (facts->after.resets != 0 || facts->after.restarts != 0 || facts->after.clock_ms > facts->before.clock_ms) {
        return CAIRN_FAIL(err, CAIRN_E_REFUSED, "audit.clock",
                          "the second Quote does not look like one just after a Clear: counters %u and %u, clock %llu ms",
                          facts->after.resets, facts->after.restarts, (unsigned long long)facts->after.clock_ms);
    }
    if (any_in(&facts->nv_after, NV_OWNER_FIRST, NV_OWNER_LAST) ||
        any_in(&facts->persistent_after, persistent_first, persistent_owner_last)) {
        return CAIRN_FAIL(err, CAIRN_E_REFUSED, "audit.handles", "a key or index of the owner is still there after the Clear");
    }
    return CAIRN_OK;
}

CAIRN_RC cairn_audit_judge(const struct cairn_audit_log *log, const struct cairn_audit_want *want,
                           struct cairn_audit_facts *out, struct cairn_err *err)
{
    struct walk walk = {.log = log, .want = want};
    struct cairn_audit_facts facts = {0};
    CAIRN_TRY(cairn_name_compute(want->ak_public, &walk.ak, err));
    CAIRN_TRY(count_clears(log, err));
    CAIRN_TRY(judge_stir(&walk, err));
    CAIRN_TRY(judge_quote(&walk, "the Quote before the Clear", &facts.before, err));
    CAIRN_TRY(judge_handles(&walk, NV_FIRST, "the list of NV indices before", &facts.nv_before, err));
    CAIRN_TRY(judge_handles(&walk, persistent_first, "the list of persistent keys before", &facts.persistent_before, err));
    CAIRN_TRY(judge_undefines(&walk, &facts.num_undefined, err));
    CAIRN_TRY(judge_clear(&walk, err));
    CAIRN_TRY(judge_handles(&walk, NV_FIRST, "the list of NV indices after", &facts.nv_after, err));
    CAIRN_TRY(judge_handles(&walk, persistent_first, "the list of persistent keys after", &facts.persistent_after, err));
    CAIRN_TRY(judge_create(&walk, err));
    CAIRN_TRY(judge_quote(&walk, "the Quote after the Clear", &facts.after, err));
    if (walk.next != log->num_steps) {
        return CAIRN_FAIL(err, CAIRN_E_REFUSED, "audit.sequence", "the audited command list goes on after the last Quote");
    }
    CAIRN_TRY(judge_facts(&facts, err));
    *out = facts;
    return CAIRN_OK;
}
