/* core/base.h -- return codes, the error object, ownership attributes: what every Cairn file includes first.
 *
 * One convention everywhere: `CAIRN_RC f(object, inputs, outputs, struct cairn_err *err)`. Outputs change only on CAIRN_OK.
 * Libraries never print; the edge of a program reports an error once.
 */
#ifndef CAIRN_CORE_BASE_H
#define CAIRN_CORE_BASE_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define CAIRN_MUST_USE          __attribute__((warn_unused_result))
#define CAIRN_CLEANUP(fn)       __attribute__((cleanup(fn)))
#define CAIRN_PRINTF(fmt, args) __attribute__((format(printf, fmt, args)))
#define CAIRN_UNUSED            __attribute__((unused))
#define CAIRN_ARRAY_LEN(a)      (sizeof(a) / sizeof((a)[0]))

/* enum cairn_rc is the class of an outcome. Each maps to one process exit code (cairn_rc_exit_code). */
enum cairn_rc {
    CAIRN_OK = 0,
    CAIRN_E_REFUSED,   /* well-formed, but the answer is no: signature, policy, binding, state (exit 1) */
    CAIRN_E_FORMAT,    /* bytes that are not what they claim to be (exit 1) */
    CAIRN_E_USAGE,     /* the caller asked for something that makes no sense (exit 2) */
    CAIRN_E_UNDECIDED, /* what was needed to decide is missing (exit 5) */
    CAIRN_E_BUSY,      /* locked out or in use; err->retry_after_s says for how long (exit 6) */
    CAIRN_E_TPM,       /* TPM or medium absent, or not the expected one, or it refused (exit 7) */
    CAIRN_E_IO,        /* disk, memory or another local resource (exit 8) */
    CAIRN_E_SERVER,    /* the server was not reached, or said nothing that makes sense: waiting may help (exit 9) */
};
#define CAIRN_RC CAIRN_MUST_USE enum cairn_rc

/* struct cairn_err says what went wrong, for a program (`code`) and for a person (`text`).
 *
 * Owned by the caller, on its stack; never holds a secret. `code` is stable and dotted ("order.holders"). `text` is one line
 * of printable ASCII whatever it quotes: other bytes are shown as '?'. `cause` is a TSS2_RC, an errno or a provider's code, 0
 * when there is none. A NULL `err` is allowed everywhere. */
struct cairn_err {
    enum cairn_rc rc;
    char code[48];
    char text[400];
    uint32_t cause;
    uint32_t retry_after_s;
    const char *file;
    int line;
};

/* cairn_err_set fills `*err` (which may be NULL) and returns `rc`, so that `return CAIRN_FAIL(...)` reads well. */
enum cairn_rc cairn_err_set(struct cairn_err *err, enum cairn_rc rc, const char *code, uint32_t cause, const char *file,
                            int line, const char *fmt, ...) CAIRN_PRINTF(7, 8);
#define CAIRN_FAIL(err, rc, code, ...) cairn_err_set((err), (rc), (code), 0u, __FILE__, __LINE__, __VA_ARGS__)
#define CAIRN_FAIL_CAUSE(err, rc, code, cause, ...)                                                                            \
    cairn_err_set((err), (rc), (code), (uint32_t)(cause), __FILE__, __LINE__, __VA_ARGS__)

/* CAIRN_TRY returns the failure of `expr` to the caller. */
#define CAIRN_TRY(expr)                                                                                                        \
    do {                                                                                                                       \
        enum cairn_rc cairn_try_rc_ = (expr);                                                                                  \
        if (cairn_try_rc_ != CAIRN_OK) {                                                                                       \
            return cairn_try_rc_;                                                                                              \
        }                                                                                                                      \
    } while (0)

/* cairn_err_prefix puts "what: " before err->text on the way up: the place a person recognises (a file, a member). */
void cairn_err_prefix(struct cairn_err *err, const char *fmt, ...) CAIRN_PRINTF(2, 3);

/* cairn_rc_exit_code gives the process exit code of an outcome: 0 yes, 1 no or refused, 2 usage, 5 could not decide,
 * 6 locked or busy, 7 TPM or medium, 8 I/O, 9 server not reached. (3 and 4, warning and contraindicated, are verdicts, not
 * errors.) */
int cairn_rc_exit_code(enum cairn_rc rc);

#endif
