/* tests/unit/boot_measure/test_cairn_measure.c -- cli/cairn_measure.c: exit codes, output, and once per boot, from outside. */
#include <sys/wait.h>
#include <unistd.h>

#include "core/doctype.h"
#include "core/dsse.h"
#include "core/file.h"
#include "support/swtpm.h"
#include "vectors.h"

static struct cairn_swtpm *swtpm;

/* The programs of one build lie in one folder. */
static void program(char path[512])
{
    ssize_t len = readlink("/proc/self/exe", path, 511);
    assert_true(len > 0);
    path[len] = '\0';
    char *slash = strrchr(path, '/');
    assert_non_null(slash);
    (void)snprintf(slash, 512 - (size_t)(slash - path), "/cairn-measure");
    assert_int_equal(access(path, X_OK), 0);
}

static int run(const char *arguments, char output[2048])
{
    char path[512];
    char command[2048];
    program(path);
    assert_true(snprintf(command, sizeof command, "cd %s && %s %s 2>&1", cairn_swtpm_dir(swtpm), path, arguments) <
                (int)sizeof command);
    FILE *f = popen(command, "r");
    assert_non_null(f);
    size_t len = fread(output, 1, 2047, f);
    output[len] = '\0';
    int status = pclose(f);
    assert_true(WIFEXITED(status));
    return WEXITSTATUS(status);
}

/* Writes root.dsse into the folder. */
static void write_root(const char *payload)
{
    CAIRN_BUF file = {0};
    CAIRN_DSSE dsse = {.num_signatures = 1};
    char path[512];
    (void)snprintf(dsse.type, sizeof dsse.type, "%s", CAIRN_TYPE_ROOT);
    assert_int_equal(cairn_buf_set(&dsse.payload, cairn_span_str(payload), NULL), CAIRN_OK);
    assert_int_equal(cairn_dsse_write(&dsse, &file, NULL), CAIRN_OK);
    (void)snprintf(path, sizeof path, "%s/root.dsse", cairn_swtpm_dir(swtpm));
    assert_int_equal(cairn_path_write(path, cairn_buf_span(&file), 0644, NULL), CAIRN_OK);
}

static int start(void **state)
{
    (void)state;
    swtpm = cairn_swtpm_new(false);
    write_root("{\"class\":\"edge\",\"version\":1}");
    return 0;
}

static int stop(void **state)
{
    (void)state;
    cairn_swtpm_free(swtpm);
    return 0;
}

static void explains_itself(void **state)
{
    (void)state;
    char out[2048];
    assert_int_equal(run("--help", out), 0);
    assert_non_null(strstr(out, "usage: cairn-measure"));
    static const char *const bad[] = {"", "--root x", "--log x", "--root x --log y z", "--frobnicate", "--root"};
    for (size_t i = 0; i < CAIRN_ARRAY_LEN(bad); i++) {
        assert_int_equal(run(bad[i], out), 2);
        assert_non_null(strstr(out, "usage: cairn-measure"));
    }
}

static void measures_once_and_says_so(void **state)
{
    (void)state;
    char out[2048];
    char arguments[512];
    (void)snprintf(arguments, sizeof arguments, "--root root.dsse --log log --json --tcti %s", cairn_swtpm_tcti(swtpm));
    assert_int_equal(run(arguments, out), 0);
    assert_non_null(strstr(out, "{\"class\":\"edge\",\"extended\":1,\"logged\":true,\"pcr\":8,\"root\":\""));
    assert_int_equal(run(arguments, out), 0);
    assert_non_null(strstr(out, "{\"class\":\"edge\",\"extended\":0,\"logged\":false,\"pcr\":8,\"root\":\""));
    (void)snprintf(arguments, sizeof arguments, "--root root.dsse --log log --tcti %s", cairn_swtpm_tcti(swtpm));
    assert_int_equal(run(arguments, out), 0);
    assert_non_null(strstr(out, "since earlier in this boot"));
}

static void exits_by_what_went_wrong(void **state)
{
    (void)state;
    char out[2048];
    char arguments[512];
    assert_int_equal(run("--root root.dsse --log log --tcti swtpm:path=/nowhere/sock", out), 7);
    assert_non_null(strstr(out, "tpm.absent"));
    assert_int_equal(run("--root absent.dsse --log log", out), 8);
    (void)snprintf(arguments, sizeof arguments, "--root root.dsse --log log --tcti %s", cairn_swtpm_tcti(swtpm));
    write_root("{\"class\":\"edge\",\"version\":2}");
    assert_int_equal(run(arguments, out), 1);
    assert_non_null(strstr(out, "cairn-measure: measure.root.version: "));
}

int main(void)
{
    (void)setenv("TSS2_LOG", "all+none", 1);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(explains_itself, start, stop),
        cmocka_unit_test_setup_teardown(measures_once_and_says_so, start, stop),
        cmocka_unit_test_setup_teardown(exits_by_what_went_wrong, start, stop),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
