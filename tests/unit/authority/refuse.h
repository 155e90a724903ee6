/* tests/unit/authority/refuse.h -- the exact code of a refusal. */
#ifndef CAIRN_TESTS_REFUSE_H
#define CAIRN_TESTS_REFUSE_H

#include "support/cmocka_all.h"

#include "support/test_keys.h"

static inline void assert_ok(enum cairn_rc rc, const struct cairn_err *err)
{
    if (rc != CAIRN_OK) {
        fail_msg("%s: %s", err->code, err->text);
    }
}

static inline void assert_code(enum cairn_rc rc, const struct cairn_err *err, const char *code)
{
    assert_int_not_equal(rc, CAIRN_OK);
    assert_int_equal(rc, err->rc);
    assert_string_equal(err->code, code);
    assert_true(strlen(err->text) > 0);
}

#endif
