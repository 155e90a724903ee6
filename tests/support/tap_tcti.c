/* tests/support/tap_tcti.c -- see tap_tcti.h. */
#include "support/tap_tcti.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <tss2/tss2_tctildr.h>

enum { ANSWER_MAX = 4096, CODES_MAX = 512 };

struct cairn_tap {
    TSS2_TCTI_CONTEXT_COMMON_V2 v2; /* first */
    struct cairn_swtpm *swtpm;
    TSS2_TCTI_CONTEXT *inner;
    unsigned count;
    uint32_t codes[CODES_MAX];
    struct cairn_buf log;
    enum cairn_tap_fault fault, active; /* active: for the command now under way */
    unsigned at, more;
    uint32_t at_code, error;
    size_t flip;
    bool broke;
    void (*before)(struct cairn_tap *tap, void *arg);
    void *before_arg;
    uint32_t before_code;
    unsigned before_times;
    bool have;
    uint8_t answer[ANSWER_MAX];
    size_t answer_len;
};

static struct cairn_tap *self(TSS2_TCTI_CONTEXT *context)
{
    return (struct cairn_tap *)(void *)context;
}

static void must(bool ok, const char *what)
{
    if (!ok) {
        fprintf(stderr, "tap: %s\n", what);
        exit(99);
    }
}

static void note(struct cairn_tap *tap, const uint8_t *p, size_t len)
{
    must(cairn_buf_append(&tap->log, cairn_span(p, len), NULL) == CAIRN_OK, "memory");
}

static void connect_inner(struct cairn_tap *tap)
{
    must(Tss2_TctiLdr_Initialize(cairn_swtpm_tcti(tap->swtpm), &tap->inner) == TSS2_RC_SUCCESS, "no connection");
}

static void cut(struct cairn_tap *tap)
{
    Tss2_TctiLdr_Finalize(&tap->inner);
    cairn_swtpm_reset(tap->swtpm);
    connect_inner(tap);
}

static uint32_t code_of(const uint8_t *command, size_t size)
{
    struct cairn_reader r = cairn_reader(cairn_span(command, size));
    (void)cairn_read_bytes(&r, 6);
    return cairn_read_u32(&r);
}

static enum cairn_tap_fault pick(struct cairn_tap *tap, uint32_t code)
{
    bool by_number = tap->at != 0 && tap->count >= tap->at && tap->count <= tap->at + tap->more;
    bool by_code = tap->at_code != 0 && tap->at_code == code;
    if (tap->fault == CAIRN_TAP_NONE || !(by_number || by_code)) {
        return CAIRN_TAP_NONE;
    }
    if (by_code) {
        tap->at_code = 0;
    }
    tap->broke = true;
    return tap->fault;
}

static TSS2_RC transmit(TSS2_TCTI_CONTEXT *context, size_t size, const uint8_t *command)
{
    struct cairn_tap *tap = self(context);
    uint32_t code = code_of(command, size);
    tap->have = false; /* an answer that nobody read is gone */
    if (tap->before_times > 0 && tap->before_code == code) {
        tap->before_times--;
        tap->before(tap, tap->before_arg);
    }
    tap->count++;
    if (tap->count <= CODES_MAX) {
        tap->codes[tap->count - 1] = code;
    }
    tap->active = pick(tap, code);
    if (tap->active == CAIRN_TAP_CUT_BEFORE) {
        cut(tap);
        return TSS2_TCTI_RC_IO_ERROR;
    }
    if (tap->active == CAIRN_TAP_FAIL) {
        return TSS2_TCTI_RC_IO_ERROR;
    }
    note(tap, command, size);
    bool stays = tap->active == CAIRN_TAP_SWALLOW || tap->active == CAIRN_TAP_ERROR;
    return stays ? TSS2_RC_SUCCESS : Tss2_Tcti_Transmit(tap->inner, size, command);
}

/* A success without parameters under one session, as an interposer without the session key would invent it. */
static void invent(struct cairn_tap *tap)
{
    struct cairn_writer w = cairn_writer(tap->answer, sizeof tap->answer);
    uint8_t noise[32];
    memset(noise, 0x5A, sizeof noise);
    cairn_write_u16(&w, 0x8002);
    cairn_write_u32(&w, 10 + 4 + 34 + 1 + 34);
    cairn_write_u32(&w, 0);
    cairn_write_u32(&w, 0);
    cairn_write_tpm2b(&w, CAIRN_SPAN(noise));
    cairn_write_u8(&w, 0);
    cairn_write_tpm2b(&w, CAIRN_SPAN(noise));
    tap->answer_len = w.len;
}

static void refuse(struct cairn_tap *tap)
{
    struct cairn_writer w = cairn_writer(tap->answer, sizeof tap->answer);
    cairn_write_u16(&w, 0x8001);
    cairn_write_u32(&w, 10);
    cairn_write_u32(&w, tap->error);
    tap->answer_len = w.len;
}

static TSS2_RC fetch(struct cairn_tap *tap)
{
    if (tap->active == CAIRN_TAP_SWALLOW) {
        invent(tap);
        return TSS2_RC_SUCCESS;
    }
    if (tap->active == CAIRN_TAP_ERROR) {
        refuse(tap);
        return TSS2_RC_SUCCESS;
    }
    tap->answer_len = sizeof tap->answer;
    TSS2_RC rc = Tss2_Tcti_Receive(tap->inner, &tap->answer_len, tap->answer, TSS2_TCTI_TIMEOUT_BLOCK);
    if (rc != TSS2_RC_SUCCESS) {
        return rc;
    }
    note(tap, tap->answer, tap->answer_len);
    if (tap->active == CAIRN_TAP_CUT_AFTER) {
        cut(tap);
        return TSS2_TCTI_RC_IO_ERROR;
    }
    if (tap->active == CAIRN_TAP_DROP) {
        return TSS2_TCTI_RC_IO_ERROR;
    }
    if (tap->active == CAIRN_TAP_SHORT) {
        tap->answer_len = 7;
    }
    if (tap->active == CAIRN_TAP_FLIP && tap->flip < tap->answer_len) {
        tap->answer[tap->answer_len - 1 - tap->flip] ^= 1;
    }
    return TSS2_RC_SUCCESS;
}

static TSS2_RC receive(TSS2_TCTI_CONTEXT *context, size_t *size, uint8_t *answer, int32_t timeout)
{
    struct cairn_tap *tap = self(context);
    (void)timeout;
    if (!tap->have) {
        TSS2_RC rc = fetch(tap);
        if (rc != TSS2_RC_SUCCESS) {
            return rc;
        }
        tap->have = true;
    }
    if (answer != NULL && *size < tap->answer_len) {
        *size = tap->answer_len;
        return TSS2_TCTI_RC_INSUFFICIENT_BUFFER;
    }
    *size = tap->answer_len;
    if (answer != NULL) {
        memcpy(answer, tap->answer, tap->answer_len);
        tap->have = false;
    }
    return TSS2_RC_SUCCESS;
}

static TSS2_RC poll_handles(TSS2_TCTI_CONTEXT *context, TSS2_TCTI_POLL_HANDLE *handles, size_t *num)
{
    return Tss2_Tcti_GetPollHandles(self(context)->inner, handles, num);
}

static TSS2_RC not_here(TSS2_TCTI_CONTEXT *context)
{
    (void)context;
    return TSS2_TCTI_RC_NOT_IMPLEMENTED;
}

struct cairn_tap *cairn_tap_new(struct cairn_swtpm *swtpm)
{
    struct cairn_tap *tap = calloc(1, sizeof *tap);
    must(tap != NULL, "memory");
    tap->swtpm = swtpm;
    tap->v2.v1.magic = 0x7461702e7463;
    tap->v2.v1.version = 2;
    tap->v2.v1.transmit = transmit;
    tap->v2.v1.receive = receive;
    tap->v2.v1.cancel = not_here;
    tap->v2.v1.getPollHandles = poll_handles;
    connect_inner(tap);
    return tap;
}

void cairn_tap_free(struct cairn_tap *tap)
{
    if (tap != NULL) {
        Tss2_TctiLdr_Finalize(&tap->inner);
        cairn_buf_clear(&tap->log);
        free(tap);
    }
}

TSS2_TCTI_CONTEXT *cairn_tap_context(struct cairn_tap *tap)
{
    return (TSS2_TCTI_CONTEXT *)(void *)tap;
}

void cairn_tap_reset(struct cairn_tap *tap)
{
    tap->count = 0;
    memset(tap->codes, 0, sizeof tap->codes);
    cairn_buf_clear(&tap->log);
    tap->fault = CAIRN_TAP_NONE;
    tap->active = CAIRN_TAP_NONE;
    tap->at = 0;
    tap->more = 0;
    tap->at_code = 0;
    tap->flip = 0;
    tap->broke = false;
    tap->before_times = 0;
}

unsigned cairn_tap_count(const struct cairn_tap *tap)
{
    return tap->count;
}

uint32_t cairn_tap_code(const struct cairn_tap *tap, unsigned n)
{
    return n >= 1 && n <= tap->count && n <= CODES_MAX ? tap->codes[n - 1] : 0;
}

unsigned cairn_tap_count_of(const struct cairn_tap *tap, uint32_t code)
{
    unsigned found = 0;
    for (unsigned n = 1; n <= tap->count; n++) {
        found += cairn_tap_code(tap, n) == code ? 1 : 0;
    }
    return found;
}

struct cairn_span cairn_tap_log(const struct cairn_tap *tap)
{
    return cairn_buf_span(&tap->log);
}

bool cairn_tap_saw(const struct cairn_tap *tap, struct cairn_span bytes)
{
    return tap->log.len > 0 && memmem(tap->log.p, tap->log.len, bytes.p, bytes.len) != NULL;
}

void cairn_tap_break(struct cairn_tap *tap, enum cairn_tap_fault fault, unsigned n)
{
    tap->fault = fault;
    tap->at = n;
}

void cairn_tap_break_more(struct cairn_tap *tap, unsigned more)
{
    tap->more = more;
}

void cairn_tap_break_code(struct cairn_tap *tap, enum cairn_tap_fault fault, uint32_t code)
{
    tap->fault = fault;
    tap->at_code = code;
}

void cairn_tap_error(struct cairn_tap *tap, uint32_t rc)
{
    tap->error = rc;
}

void cairn_tap_flip(struct cairn_tap *tap, size_t from_end)
{
    tap->flip = from_end;
}

bool cairn_tap_broke(const struct cairn_tap *tap)
{
    return tap->broke;
}

void cairn_tap_before(struct cairn_tap *tap, uint32_t code, unsigned times, void (*fn)(struct cairn_tap *tap, void *arg),
                      void *arg)
{
    tap->before = fn;
    tap->before_arg = arg;
    tap->before_code = code;
    tap->before_times = times;
}

bool cairn_tap_inject(struct cairn_tap *tap, struct cairn_span command)
{
    uint8_t answer[ANSWER_MAX];
    size_t len = sizeof answer;
    if (Tss2_Tcti_Transmit(tap->inner, command.len, command.p) != TSS2_RC_SUCCESS ||
        Tss2_Tcti_Receive(tap->inner, &len, answer, TSS2_TCTI_TIMEOUT_BLOCK) != TSS2_RC_SUCCESS) {
        return false;
    }
    struct cairn_reader r = cairn_reader(cairn_span(answer, len));
    (void)cairn_read_bytes(&r, 6);
    return cairn_read_u32(&r) == 0 && cairn_reader_ok(&r);
}
