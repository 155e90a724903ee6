/* tests/fuzz/tpm_data/fuzz_audit.c -- audited steps from a file, and bus bytes.
 *
 * The input is a list of u16-sized pieces: command preimage, response preimage, and so on. A step that begins as a Quote is
 * replaced by a good one under a fixed key, so that the fuzzer gets past the signatures to the walk behind them.
 */
#include <stdlib.h>

#include "core/crypto_keys.h"
#include "tpm_data/audit.h"
#include "tpm_data/template.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { CC_QUOTE = 0x158, CC_CLEAR = 0x126, STEP_MAX = 512 };
static const char ak_pem[] = "-----BEGIN PRIVATE KEY-----\n"
                             "MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQg51Px3W4UejnsZzX4\n"
                             "14R8Y+NxC9CiyWhAc7uEsRW4/SahRANCAATIJR0Q5bxSqAV4NUUfTggP2v4z2IJ9\n"
                             "HUShLaSIerQtNZozh0+G8TzbxuMAriEqj8rqDVzcTPIhnI71l0yany8K\n"
                             "-----END PRIVATE KEY-----\n";
static const uint8_t zero[32] = {0};

static void must(enum cairn_rc rc)
{
    if (rc != CAIRN_OK) {
        abort();
    }
}

/* struct key is the fixed attestation key, made once: reading it costs more than all the rest. */
struct key {
    struct cairn_signer *signer;
    struct cairn_area area;
    struct cairn_name name, qualified;
};

static void key_make(struct key *key)
{
    struct cairn_ec_key point;
    must(cairn_signer_read(cairn_span_str(ak_pem), &key->signer, NULL));
    must(cairn_signer_public(key->signer, &point, NULL));
    cairn_template_ak(zero, &point, &key->area);
    must(cairn_name_compute(cairn_area_span(&key->area), &key->name, NULL));
    must(cairn_name_qualify(CAIRN_RH_ENDORSEMENT, &key->name, &key->qualified, NULL));
}

static void write_attest(struct cairn_writer *w, const struct key *key, bool after)
{
    uint8_t selection[CAIRN_SELECTION_LEN];
    cairn_selection_marshal(1, selection);
    cairn_write_u32(w, 0xff544347u);
    cairn_write_u16(w, CAIRN_CLAIM_QUOTE);
    cairn_write_tpm2b(w, cairn_name_span(&key->qualified));
    cairn_write_tpm2b(w, CAIRN_SPAN(zero));
    cairn_write_u64(w, after ? 1 : 1000);
    cairn_write_u32(w, after ? 0 : 3);
    cairn_write_u32(w, 0);
    cairn_write_u8(w, 1);
    cairn_write_u64(w, 0);
    cairn_write_bytes(w, CAIRN_SPAN(selection));
    cairn_write_tpm2b(w, CAIRN_SPAN(zero));
}

static void make_quote(const struct key *key, bool after, struct cairn_audit_step *step)
{
    uint8_t attest[STEP_MAX], cp[STEP_MAX], rp[STEP_MAX], selection[CAIRN_SELECTION_LEN], digest[32], rs[64];
    struct cairn_writer a = cairn_writer(attest, sizeof attest);
    struct cairn_writer c = cairn_writer(cp, sizeof cp);
    struct cairn_writer r = cairn_writer(rp, sizeof rp);
    write_attest(&a, key, after);
    must(cairn_sha256(cairn_writer_span(&a), digest, NULL));
    must(cairn_signer_sign(key->signer, digest, rs, NULL));
    cairn_selection_marshal(1, selection);
    cairn_write_u32(&c, CC_QUOTE);
    cairn_write_bytes(&c, cairn_name_span(&key->name));
    cairn_write_tpm2b(&c, CAIRN_SPAN(zero));
    cairn_write_u16(&c, 0x0010);
    cairn_write_bytes(&c, CAIRN_SPAN(selection));
    cairn_write_u32(&r, 0);
    cairn_write_u32(&r, CC_QUOTE);
    cairn_write_tpm2b(&r, cairn_writer_span(&a));
    cairn_write_u32(&r, 0x0018000b);
    cairn_write_tpm2b(&r, cairn_span(rs, 32));
    cairn_write_tpm2b(&r, cairn_span(rs + 32, 32));
    must(cairn_buf_set(&step->cp, cairn_writer_span(&c), NULL));
    must(cairn_buf_set(&step->rp, cairn_writer_span(&r), NULL));
}

static uint32_t code_of(const struct cairn_audit_step *step)
{
    struct cairn_reader r = cairn_reader(cairn_buf_span(&step->cp));
    return cairn_read_u32(&r);
}

static void fill(struct cairn_reader *r, const struct key *key, struct cairn_audit_log *log)
{
    bool cleared = false;
    while (cairn_reader_ok(r) && r->rest.len > 0 && log->num_steps < CAIRN_AUDIT_MAX_STEPS) {
        struct cairn_audit_step *step = &log->steps[log->num_steps++];
        must(cairn_buf_set(&step->cp, cairn_read_tpm2b(r, CAIRN_AUDIT_MAX_BYTES), NULL));
        must(cairn_buf_set(&step->rp, cairn_read_tpm2b(r, CAIRN_AUDIT_MAX_BYTES), NULL));
        cleared = cleared || code_of(step) == CC_CLEAR;
        if (code_of(step) == CC_QUOTE) {
            make_quote(key, cleared, step);
        }
    }
}

static void judge(const struct cairn_audit_log *log, const struct key *key)
{
    struct cairn_audit_facts facts;
    uint8_t digest[32];
    struct cairn_audit_want want = {.ak_public = cairn_area_span(&key->area)};
    must(cairn_audit_digest(log, digest, NULL));
    if (cairn_audit_judge(log, &want, &facts, NULL) == CAIRN_OK && log->num_steps != 9 + facts.num_undefined) {
        abort();
    }
}

static void append(const uint8_t *data, size_t size)
{
    CAIRN_AUDIT_LOG log = {0};
    struct cairn_reader r = cairn_reader(cairn_span(data, size));
    unsigned num_handles = cairn_read_u8(&r) % 5;
    unsigned response_handles = cairn_read_u8(&r) % 3;
    struct cairn_span names = cairn_read_tpm2b(&r, 256);
    struct cairn_span command = cairn_read_tpm2b(&r, 8192);
    if (cairn_audit_append(&log, command, num_handles, names, r.rest, response_handles, NULL) == CAIRN_OK &&
        (log.num_steps != 1 || log.steps[0].rp.len < 8 || log.steps[0].cp.len > CAIRN_AUDIT_MAX_BYTES)) {
        abort();
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct key key;
    CAIRN_AUDIT_LOG log = {0};
    struct cairn_reader r = cairn_reader(cairn_span(data, size));
    if (key.signer == NULL) {
        key_make(&key);
    }
    fill(&r, &key, &log);
    judge(&log, &key);
    append(data, size);
    return 0;
}
