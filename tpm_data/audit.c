/* tpm_data/audit.c -- the audited commands of a wipe: from bus bytes to preimages, to the digest a TPM signs, to facts.
 *
 * Trust boundary: a log counts only when its digest is the one in a verified session-audit attestation; cairn_audit_judge says
 * what the log means, the caller has compared the digest.
 * Source: TPM 2.0 Part 1, 18.7-18.9; Part 3, the commands named below.
 */
#include "tpm_data/audit.h"

enum { TAG_SESSIONS = 0x8002, MAX_HANDLES = 3, MIN_COMMAND_AUTH = 9, MIN_RESPONSE_AUTH = 5 };

void cairn_audit_log_clear(struct cairn_audit_log *log)
{
    for (size_t i = 0; i < CAIRN_AUDIT_MAX_STEPS; i++) {
        cairn_buf_clear(&log->steps[i].cp);
        cairn_buf_clear(&log->steps[i].rp);
    }
    log->num_steps = 0;
}

/* struct frame is what of a command or a response goes into its hash. */
struct frame {
    struct cairn_span code;
    struct cairn_span parameters;
};

static bool split_command(struct cairn_span command, unsigned num_handles, struct frame *out)
{
    struct cairn_reader r = cairn_reader(command);
    uint16_t tag = cairn_read_u16(&r);
    uint32_t size = cairn_read_u32(&r);
    out->code = cairn_read_bytes(&r, 4);
    (void)cairn_read_bytes(&r, 4 * (size_t)num_handles);
    uint32_t auth_len = cairn_read_u32(&r);
    (void)cairn_read_bytes(&r, auth_len);
    out->parameters = cairn_read_bytes(&r, r.rest.len);
    return cairn_reader_done(&r) && tag == TAG_SESSIONS && size == command.len && auth_len >= MIN_COMMAND_AUTH;
}

static bool split_response(struct cairn_span response, unsigned num_handles, struct frame *out)
{
    struct cairn_reader r = cairn_reader(response);
    uint16_t tag = cairn_read_u16(&r);
    uint32_t size = cairn_read_u32(&r);
    out->code = cairn_read_bytes(&r, 4);
    (void)cairn_read_bytes(&r, 4 * (size_t)num_handles);
    uint32_t parameters_len = cairn_read_u32(&r);
    out->parameters = cairn_read_bytes(&r, parameters_len);
    struct cairn_span auth = cairn_read_bytes(&r, r.rest.len);
    static const uint8_t success[4] = {0};
    return cairn_reader_done(&r) && tag == TAG_SESSIONS && size == response.len && auth.len >= MIN_RESPONSE_AUTH &&
           cairn_span_equal(out->code, CAIRN_SPAN(success));
}

static CAIRN_RC join(struct cairn_span a, struct cairn_span b, struct cairn_span c, struct cairn_buf *out,
                     struct cairn_err *err)
{
    CAIRN_TRY(cairn_buf_append(out, a, err));
    CAIRN_TRY(cairn_buf_append(out, b, err));
    return cairn_buf_append(out, c, err);
}

CAIRN_RC cairn_audit_append(struct cairn_audit_log *log, struct cairn_span command, unsigned num_handles,
                            struct cairn_span names, struct cairn_span response, unsigned response_handles,
                            struct cairn_err *err)
{
    struct frame c = {{NULL, 0}, {NULL, 0}};
    struct frame r = {{NULL, 0}, {NULL, 0}};
    if (num_handles > MAX_HANDLES || response_handles > 1 || (num_handles == 0) != (names.len == 0) ||
        !split_command(command, num_handles, &c) || !split_response(response, response_handles, &r)) {
        return CAIRN_FAIL(err, CAIRN_E_FORMAT, "audit.bytes", "step %zu is not an audited command that succeeded",
                          log->num_steps + 1);
    }
    if (log->num_steps >= CAIRN_AUDIT_MAX_STEPS || 4 + names.len + c.parameters.len > CAIRN_AUDIT_MAX_BYTES ||
        8 + r.parameters.len > CAIRN_AUDIT_MAX_BYTES) {
        return CAIRN_FAIL(err, CAIRN_E_FORMAT, "audit.bytes", "the audited command list is longer than any wipe makes");
    }
    CAIRN_BUF cp = {0};
    CAIRN_BUF rp = {0};
    CAIRN_TRY(join(c.code, names, c.parameters, &cp, err));
    CAIRN_TRY(join(r.code, c.code, r.parameters, &rp, err));
    log->steps[log->num_steps++] = (struct cairn_audit_step){.cp = cp, .rp = rp};
    cp = (struct cairn_buf){0};
    rp = (struct cairn_buf){0};
    return CAIRN_OK;
}

CAIRN_RC cairn_audit_digest(const struct cairn_audit_log *log, uint8_t out[32], struct cairn_err *err)
{
    uint8_t digest[CAIRN_SHA256_LEN] = {0};
    for (size_t i = 0; i < log->num_steps; i++) {
        uint8_t cp[CAIRN_SHA256_LEN] = {0};
        uint8_t rp[CAIRN_SHA256_LEN] = {0};
        uint8_t next[CAIRN_SHA256_LEN] = {0};
        CAIRN_TRY(cairn_sha256(cairn_buf_span(&log->steps[i].cp), cp, err));
        CAIRN_TRY(cairn_sha256(cairn_buf_span(&log->steps[i].rp), rp, err));
        const struct cairn_span parts[] = {CAIRN_SPAN(digest), CAIRN_SPAN(cp), CAIRN_SPAN(rp)};
        CAIRN_TRY(cairn_hash_parts(CAIRN_SHA256, parts, CAIRN_ARRAY_LEN(parts), next, err));
        struct cairn_writer w = cairn_writer(digest, sizeof digest);
        cairn_write_bytes(&w, CAIRN_SPAN(next));
    }
    struct cairn_writer w = cairn_writer(out, sizeof digest);
    cairn_write_bytes(&w, CAIRN_SPAN(digest));
    return CAIRN_OK;
}
