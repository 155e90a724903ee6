/* tests/unit/core/test_secret.c -- core/secret.c. What must fault is tried in a child process. */
#include "support/cmocka_all.h"

#include <signal.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/secret.h"

static void a_secret_starts_zero_and_is_reached_by_its_span(void **state)
{
    (void)state;
    CAIRN_SECRET *secret = NULL;
    assert_int_equal(cairn_secret_new(33, &secret, NULL), CAIRN_OK);
    struct cairn_span span = cairn_secret_span(secret);
    assert_int_equal(span.len, 33);
    for (size_t i = 0; i < span.len; i++) {
        assert_int_equal(span.p[i], 0);
    }
    memset(cairn_secret_bytes(secret), 0x5a, 33);
    assert_int_equal(span.p[32], 0x5a);
    (void)cairn_secret_locked(secret);
    cairn_secret_free(NULL);
}

static void a_copy_is_its_own_and_shrinking_wipes_the_rest(void **state)
{
    (void)state;
    CAIRN_SECRET *secret = NULL;
    char text[] = "0123456789";
    assert_int_equal(cairn_secret_copy(cairn_span(text, 10), &secret, NULL), CAIRN_OK);
    cairn_wipe(text, 10);
    assert_int_equal(text[9], 0);
    assert_memory_equal(cairn_secret_span(secret).p, "0123456789", 10);
    const uint8_t *p = cairn_secret_span(secret).p;
    cairn_secret_shrink(secret, 4);
    assert_int_equal(cairn_secret_span(secret).len, 4);
    assert_memory_equal(p, "0123\0\0\0\0\0\0", 10);
}

static void refuses_no_bytes_and_too_many(void **state)
{
    (void)state;
    struct cairn_secret *secret = NULL;
    struct cairn_err err = {0};
    assert_int_equal(cairn_secret_new(0, &secret, &err), CAIRN_E_USAGE);
    assert_string_equal(err.code, "secret.length");
    assert_int_equal(cairn_secret_new((16u << 20) + 1, &secret, &err), CAIRN_E_USAGE);
    assert_int_equal(cairn_secret_copy((struct cairn_span){0}, &secret, &err), CAIRN_E_USAGE);
    assert_null(secret);
}

static void says_when_there_is_no_memory(void **state)
{
    (void)state;
#if !defined(__SANITIZE_ADDRESS__)
    pid_t child = fork();
    if (child == 0) {
        const struct rlimit little = {1 << 20, 1 << 20};
        struct cairn_secret *secret = NULL;
        struct cairn_err err = {0};
        int ok = setrlimit(RLIMIT_AS, &little) == 0 && cairn_secret_new(8u << 20, &secret, &err) == CAIRN_E_IO &&
                 strcmp(err.code, "secret.memory") == 0 && err.cause != 0;
        _exit(ok ? 0 : 1);
    }
    int status = 0;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 0);
#endif
}

/* dies says whether touching `p` kills the process. */
static bool dies(volatile uint8_t *p)
{
    pid_t child = fork();
    if (child == 0) {
        const struct rlimit none = {0, 0};
        (void)setrlimit(RLIMIT_CORE, &none);
        (void)fclose(stderr);
        (void)signal(SIGSEGV, SIG_DFL); /* CMocka and the sanitizers catch it */
        (void)signal(SIGBUS, SIG_DFL);
        *p = 1;
        _exit(0);
    }
    int status = 0;
    assert_int_equal(waitpid(child, &status, 0), child);
    return !(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

static void the_byte_after_a_secret_and_the_page_before_it_fault(void **state)
{
    (void)state;
    CAIRN_SECRET *secret = NULL;
    assert_int_equal(cairn_secret_new(32, &secret, NULL), CAIRN_OK);
    uint8_t *p = cairn_secret_bytes(secret);
    assert_false(dies(p));
    assert_false(dies(p + 31));
    assert_true(dies(p + 32));
    assert_true(dies(p - 4096));
}

static void compares_equal_lengths_and_contents_only(void **state)
{
    (void)state;
    assert_true(cairn_ct_equal(cairn_span_str("abc"), cairn_span_str("abc")));
    assert_false(cairn_ct_equal(cairn_span_str("abc"), cairn_span_str("abd")));
    assert_false(cairn_ct_equal(cairn_span_str("bbc"), cairn_span_str("abc")));
    assert_false(cairn_ct_equal(cairn_span_str("abc"), cairn_span_str("ab")));
    assert_true(cairn_ct_equal((struct cairn_span){0}, (struct cairn_span){0}));
}

static void a_hardened_process_leaves_no_core(void **state)
{
    (void)state;
    pid_t child = fork();
    if (child == 0) {
        struct rlimit limit = {1, 1};
        int ok = cairn_process_harden(NULL) == CAIRN_OK && prctl(PR_GET_DUMPABLE, 0, 0, 0, 0) == 0 &&
                 getrlimit(RLIMIT_CORE, &limit) == 0 && limit.rlim_cur == 0;
        _exit(ok ? 0 : 1);
    }
    int status = 0;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_secret_starts_zero_and_is_reached_by_its_span),
        cmocka_unit_test(a_copy_is_its_own_and_shrinking_wipes_the_rest),
        cmocka_unit_test(refuses_no_bytes_and_too_many),
        cmocka_unit_test(says_when_there_is_no_memory),
        cmocka_unit_test(the_byte_after_a_secret_and_the_page_before_it_fault),
        cmocka_unit_test(compares_equal_lengths_and_contents_only),
        cmocka_unit_test(a_hardened_process_leaves_no_core),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
