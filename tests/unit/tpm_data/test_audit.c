/* tests/unit/tpm_data/test_audit.c -- from what a bus carried to the digest that a TPM signs. */
#include "tpm_data/audit.h"

#include "vectors.h"

/* the digest after one and after two Clears, computed with other tools */
#define VECTOR_CLEAR_ONCE  "b3021f3c782f662901c9af867163dabbb3b58dae0634df6d73816be49d2b2b73"
#define VECTOR_CLEAR_TWICE "8c05923616b2c426e814f19b90168072736ed676c424257ba6af456bb397ca84"

enum { FRAME_MAX = 5000 };
static const uint8_t lockout[4] = {0x40, 0x00, 0x00, 0x0a};

/* struct frame is one command or response as the bus carries it. */
struct frame {
    uint8_t bytes[FRAME_MAX];
    size_t len;
};

static void finish(struct frame *frame, const struct cairn_writer *w)
{
    assert_true(cairn_writer_ok(w));
    frame->len = w->len;
    struct cairn_writer size = cairn_writer(frame->bytes + 2, 4);
    cairn_write_u32(&size, (uint32_t)w->len);
}

/* A command with one HMAC session (32-byte nonce, AUDIT | CONTINUE, 32-byte HMAC). */
static void make_command(struct frame *out, uint32_t code, struct cairn_span handles, struct cairn_span parameters)
{
    static const uint8_t session[4] = {0x02, 0, 0, 0};
    static const uint8_t bytes[32] = {0xab};
    struct cairn_writer w = cairn_writer(out->bytes, sizeof out->bytes);
    cairn_write_u16(&w, 0x8002);
    cairn_write_u32(&w, 0);
    cairn_write_u32(&w, code);
    cairn_write_bytes(&w, handles);
    cairn_write_u32(&w, 4 + 34 + 1 + 34);
    cairn_write_bytes(&w, CAIRN_SPAN(session));
    cairn_write_tpm2b(&w, CAIRN_SPAN(bytes));
    cairn_write_u8(&w, 0x81);
    cairn_write_tpm2b(&w, CAIRN_SPAN(bytes));
    cairn_write_bytes(&w, parameters);
    finish(out, &w);
}

static void make_response(struct frame *out, uint32_t code, struct cairn_span handles, struct cairn_span parameters)
{
    static const uint8_t bytes[32] = {0xcd};
    struct cairn_writer w = cairn_writer(out->bytes, sizeof out->bytes);
    cairn_write_u16(&w, 0x8002);
    cairn_write_u32(&w, 0);
    cairn_write_u32(&w, code);
    cairn_write_bytes(&w, handles);
    cairn_write_u32(&w, (uint32_t)parameters.len);
    cairn_write_bytes(&w, parameters);
    cairn_write_tpm2b(&w, CAIRN_SPAN(bytes));
    cairn_write_u8(&w, 0x81);
    cairn_write_tpm2b(&w, CAIRN_SPAN(bytes));
    finish(out, &w);
}

static struct cairn_span span_of(const struct frame *frame)
{
    return cairn_span(frame->bytes, frame->len);
}

/* struct clear is TPM2_Clear on the bus: one handle, no parameters. */
struct clear {
    struct frame command, response;
};
static void make_clear(struct clear *out)
{
    static const struct cairn_span none = {NULL, 0};
    make_command(&out->command, 0x126, CAIRN_SPAN(lockout), none);
    make_response(&out->response, 0, none, none);
}

static void takes_the_preimages_out_of_the_bus_bytes(void **state)
{
    (void)state;
    static const uint8_t parameters[] = {0x00, 0x02, 0x77, 0x88};
    static const uint8_t name[34] = {0x00, 0x0b, 0x99};
    static const uint8_t handle[4] = {0x81, 0, 0, 1};
    static const uint8_t answer[] = {0x11, 0x22, 0x33};
    struct frame command;
    struct frame response;
    CAIRN_AUDIT_LOG log = {0};
    make_command(&command, 0x158, CAIRN_SPAN(handle), CAIRN_SPAN(parameters));
    make_response(&response, 0, CAIRN_SPAN(handle), CAIRN_SPAN(answer));
    assert_int_equal(cairn_audit_append(&log, span_of(&command), 1, CAIRN_SPAN(name), span_of(&response), 1, NULL), CAIRN_OK);
    assert_int_equal(log.num_steps, 1);
    static const uint8_t cc[] = {0, 0, 1, 0x58};
    static const uint8_t rp[] = {0, 0, 0, 0, 0, 0, 1, 0x58, 0x11, 0x22, 0x33};
    assert_int_equal(log.steps[0].cp.len, 4 + 34 + 4);
    assert_memory_equal(log.steps[0].cp.p, cc, 4);
    assert_memory_equal(log.steps[0].cp.p + 4, name, 34);
    assert_memory_equal(log.steps[0].cp.p + 38, parameters, 4);
    assert_int_equal(log.steps[0].rp.len, sizeof rp);
    assert_memory_equal(log.steps[0].rp.p, rp, sizeof rp);
}

static void computes_the_session_digest(void **state)
{
    (void)state;
    static struct clear clear;
    CAIRN_AUDIT_LOG log = {0};
    uint8_t zero[32] = {0};
    uint8_t digest[32];
    uint8_t want[32];
    make_clear(&clear);
    assert_int_equal(cairn_audit_digest(&log, digest, NULL), CAIRN_OK);
    assert_memory_equal(digest, zero, 32);
    assert_int_equal(
        cairn_audit_append(&log, span_of(&clear.command), 1, CAIRN_SPAN(lockout), span_of(&clear.response), 0, NULL), CAIRN_OK);
    assert_int_equal(cairn_audit_digest(&log, digest, NULL), CAIRN_OK);
    unhex(VECTOR_CLEAR_ONCE, want, sizeof want);
    assert_memory_equal(digest, want, 32);
    assert_int_equal(
        cairn_audit_append(&log, span_of(&clear.command), 1, CAIRN_SPAN(lockout), span_of(&clear.response), 0, NULL), CAIRN_OK);
    assert_int_equal(cairn_audit_digest(&log, digest, NULL), CAIRN_OK);
    unhex(VECTOR_CLEAR_TWICE, want, sizeof want);
    assert_memory_equal(digest, want, 32);
}

static void refuses_append(struct cairn_span command, unsigned num_handles, struct cairn_span names, struct cairn_span response,
                           unsigned response_handles)
{
    CAIRN_AUDIT_LOG log = {0};
    struct cairn_err err = {0};
    assert_int_equal(cairn_audit_append(&log, command, num_handles, names, response, response_handles, &err), CAIRN_E_FORMAT);
    assert_string_equal(err.code, "audit.bytes");
    assert_int_equal(log.num_steps, 0);
    assert_null(log.steps[0].cp.p);
}

static void refuses_command(struct cairn_span bytes, void *arg)
{
    const struct clear *clear = arg;
    refuses_append(bytes, 1, CAIRN_SPAN(lockout), span_of(&clear->response), 0);
}

static void refuses_response(struct cairn_span bytes, void *arg)
{
    const struct clear *clear = arg;
    refuses_append(span_of(&clear->command), 1, CAIRN_SPAN(lockout), bytes, 0);
}

static void refuses_every_truncation_and_a_trailing_byte(void **state)
{
    (void)state;
    static struct clear clear;
    make_clear(&clear);
    each_damage(span_of(&clear.command), refuses_command, &clear);
    each_damage(span_of(&clear.response), refuses_response, &clear);
}

static void refuses_a_failed_or_unaudited_command(void **state)
{
    (void)state;
    static struct clear clear;
    static struct clear bad;
    const struct cairn_span none = {NULL, 0};
    make_clear(&clear);
    bad = clear;
    make_response(&bad.response, 0x120, none, none); /* Clear disabled */
    refuses_response(span_of(&bad.response), &clear);
    bad = clear;
    bad.command.bytes[1] = 0x01; /* no sessions */
    refuses_command(span_of(&bad.command), &clear);
    bad = clear;
    bad.command.len -= 73; /* sessions announced, none there */
    bad.command.bytes[5] = (uint8_t)bad.command.len;
    bad.command.bytes[17] = 0;
    refuses_command(span_of(&bad.command), &clear);
    bad = clear;
    bad.response.len -= 69;
    bad.response.bytes[5] = (uint8_t)bad.response.len;
    refuses_response(span_of(&bad.response), &clear);
    bad = clear;
    bad.response.bytes[1] = 0x01;
    refuses_response(span_of(&bad.response), &clear);
    bad = clear;
    bad.command.bytes[14] = 0xff; /* an authorisation area of 4 GiB */
    refuses_command(span_of(&bad.command), &clear);
    bad = clear;
    bad.response.bytes[10] = 0xff; /* and as many parameters */
    refuses_response(span_of(&bad.response), &clear);
}

static void refuses_handles_without_names_and_names_without_handles(void **state)
{
    (void)state;
    static struct clear clear;
    const struct cairn_span none = {NULL, 0};
    make_clear(&clear);
    refuses_append(span_of(&clear.command), 1, none, span_of(&clear.response), 0);
    refuses_append(span_of(&clear.command), 0, CAIRN_SPAN(lockout), span_of(&clear.response), 0);
    refuses_append(span_of(&clear.command), 4, CAIRN_SPAN(lockout), span_of(&clear.response), 0);
    refuses_append(span_of(&clear.command), 1, CAIRN_SPAN(lockout), span_of(&clear.response), 2);
}

static void refuses_more_bytes_or_steps_than_a_wipe_makes(void **state)
{
    (void)state;
    static struct clear clear;
    static struct frame big;
    static const uint8_t parameters[CAIRN_AUDIT_MAX_BYTES] = {0};
    const struct cairn_span none = {NULL, 0};
    make_clear(&clear);
    make_command(&big, 0x126, CAIRN_SPAN(lockout), CAIRN_SPAN(parameters));
    refuses_append(span_of(&big), 1, CAIRN_SPAN(lockout), span_of(&clear.response), 0);
    make_response(&big, 0, none, CAIRN_SPAN(parameters));
    refuses_append(span_of(&clear.command), 1, CAIRN_SPAN(lockout), span_of(&big), 0);

    CAIRN_AUDIT_LOG log = {0};
    struct cairn_err err = {0};
    for (size_t i = 0; i < CAIRN_AUDIT_MAX_STEPS; i++) {
        assert_int_equal(
            cairn_audit_append(&log, span_of(&clear.command), 1, CAIRN_SPAN(lockout), span_of(&clear.response), 0, NULL),
            CAIRN_OK);
    }
    assert_int_equal(
        cairn_audit_append(&log, span_of(&clear.command), 1, CAIRN_SPAN(lockout), span_of(&clear.response), 0, &err),
        CAIRN_E_FORMAT);
    assert_string_equal(err.code, "audit.bytes");
    assert_int_equal(log.num_steps, CAIRN_AUDIT_MAX_STEPS);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(takes_the_preimages_out_of_the_bus_bytes),
        cmocka_unit_test(computes_the_session_digest),
        cmocka_unit_test(refuses_every_truncation_and_a_trailing_byte),
        cmocka_unit_test(refuses_a_failed_or_unaudited_command),
        cmocka_unit_test(refuses_handles_without_names_and_names_without_handles),
        cmocka_unit_test(refuses_more_bytes_or_steps_than_a_wipe_makes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
