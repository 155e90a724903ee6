/* tests/unit/storage/expect.h -- calls that must succeed, and calls that must be refused with one exact code.
 */
#ifndef CAIRN_TESTS_STORAGE_EXPECT_H
#define CAIRN_TESTS_STORAGE_EXPECT_H

#include "support/cmocka_all.h"

#include "core/base.h"

#define OK(expr)                                                                                                               \
    do {                                                                                                                       \
        struct cairn_err err = {0};                                                                                            \
        enum cairn_rc ok_rc_ = (expr);                                                                                         \
        if (ok_rc_ != CAIRN_OK) {                                                                                              \
            print_error("%s: %s (%s, cause 0x%x)\n", #expr, err.text, err.code, err.cause);                                    \
        }                                                                                                                      \
        assert_int_equal(ok_rc_, CAIRN_OK);                                                                                    \
    } while (0)
/* `expr` names &err. */
#define REFUSES(class, want, expr)                                                                                             \
    do {                                                                                                                       \
        struct cairn_err err = {0};                                                                                            \
        enum cairn_rc refuses_rc_ = (expr);                                                                                    \
        if (strcmp(err.code, (want)) != 0) {                                                                                   \
            print_error("%s: %s (%s, cause 0x%x)\n", #expr, err.text, err.code, err.cause);                                    \
        }                                                                                                                      \
        assert_string_equal(err.code, (want));                                                                                 \
        assert_int_equal(refuses_rc_, (class));                                                                                \
    } while (0)

#endif
