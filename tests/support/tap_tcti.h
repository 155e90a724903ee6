/* tests/support/tap_tcti.h -- the wire between a program and its TPM, in a test's hands.
 *
 * Counts commands, keeps every byte both ways, and breaks command n in one of the ways a bus, a driver, an interposer or a
 * power supply can. Passed to Cairn as cairn_tpm_config.given. After a cut it has restarted the TPM and reconnected.
 */
#ifndef CAIRN_TESTS_TAP_TCTI_H
#define CAIRN_TESTS_TAP_TCTI_H

#include <tss2/tss2_tcti.h>

#include "core/wire.h"
#include "support/swtpm.h"

enum cairn_tap_fault {
    CAIRN_TAP_NONE,
    CAIRN_TAP_FAIL,       /* the command is not sent, the caller gets an I/O error */
    CAIRN_TAP_DROP,       /* executed, but the answer is lost: I/O error */
    CAIRN_TAP_SHORT,      /* the answer ends after 7 bytes */
    CAIRN_TAP_FLIP,       /* one bit of the answer is another: see cairn_tap_break */
    CAIRN_TAP_SWALLOW,    /* not sent; an invented success is answered */
    CAIRN_TAP_ERROR,      /* not sent; `rc` is answered */
    CAIRN_TAP_CUT_BEFORE, /* power fails before the command reaches the TPM */
    CAIRN_TAP_CUT_AFTER,  /* power fails after it was executed, before the answer arrives */
    CAIRN_TAP_NUM_FAULTS
};

struct cairn_tap;
struct cairn_tap *cairn_tap_new(struct cairn_swtpm *swtpm);
void cairn_tap_free(struct cairn_tap *tap);
TSS2_TCTI_CONTEXT *cairn_tap_context(struct cairn_tap *tap);

/* cairn_tap_reset forgets the count, the log, the faults and the hook. */
void cairn_tap_reset(struct cairn_tap *tap);
unsigned cairn_tap_count(const struct cairn_tap *tap);            /* commands since the reset */
uint32_t cairn_tap_code(const struct cairn_tap *tap, unsigned n); /* TPM_CC of command n = 1, 2, ...; 0: none */
unsigned cairn_tap_count_of(const struct cairn_tap *tap, uint32_t code);
struct cairn_span cairn_tap_log(const struct cairn_tap *tap); /* every byte both ways since the reset */
bool cairn_tap_saw(const struct cairn_tap *tap, struct cairn_span bytes);

/* cairn_tap_break breaks command n (1 is the first after the reset), and the `more` commands after it.
 * CAIRN_TAP_FLIP flips the lowest bit of the byte `flip` from the answer's end (0 is the last byte). */
void cairn_tap_break(struct cairn_tap *tap, enum cairn_tap_fault fault, unsigned n);
void cairn_tap_break_more(struct cairn_tap *tap, unsigned more);
void cairn_tap_break_code(struct cairn_tap *tap, enum cairn_tap_fault fault, uint32_t code); /* the first command with `code` */
void cairn_tap_error(struct cairn_tap *tap, uint32_t rc);                                    /* what CAIRN_TAP_ERROR answers */
void cairn_tap_flip(struct cairn_tap *tap, size_t from_end);
bool cairn_tap_broke(const struct cairn_tap *tap); /* the fault was reached */

/* cairn_tap_before calls `fn` before each of the next `times` commands with `code`; cairn_tap_inject, allowed inside, sends a
 * raw command past the program and drops its answer (true: the TPM executed it). Neither is counted or logged. */
void cairn_tap_before(struct cairn_tap *tap, uint32_t code, unsigned times, void (*fn)(struct cairn_tap *tap, void *arg),
                      void *arg);
bool cairn_tap_inject(struct cairn_tap *tap, struct cairn_span command);

#endif
