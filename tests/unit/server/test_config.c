/* tests/unit/server/test_config.c -- server/config.c: every setting is known and in its range, and belongs to the others. */
#include "server/config.h"

#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/file.h"
#include "support/cmocka_all.h"

#define TLS      "[server]\ncertificate = c.pem\nkey = k.pem\n"
#define ROOT     "[fleet]\nroot = root.dsse\n"
#define DIGEST   "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff"
#define DIGEST_2 "10112233445566778899aabbccddeeff00112233445566778899aabbccddeeff"

static char path[64];
static struct cairn_server_config loaded;

static enum cairn_rc load(const char *text, mode_t mode, struct cairn_err *err)
{
    assert_int_equal(cairn_path_write(path, cairn_span_str(text), mode, NULL), CAIRN_OK);
    assert_int_equal(chmod(path, mode), 0);
    *err = (struct cairn_err){0};
    return cairn_server_config_load(path, &loaded, err);
}

static void accepts(const char *text)
{
    struct cairn_err err;
    if (load(text, 0600, &err) != CAIRN_OK) {
        fail_msg("%s: %s\n%s", err.code, err.text, text);
    }
}

static void refuses(const char *text, const char *code)
{
    struct cairn_err err;
    if (load(text, 0600, &err) == CAIRN_OK) {
        fail_msg("accepted:\n%s", text);
    }
    assert_string_equal(err.code, code);
    assert_non_null(strstr(err.text, path)); /* the sentence names the file */
}

static void refuses_with(const char *more, const char *code)
{
    char text[4096];
    (void)snprintf(text, sizeof text, TLS ROOT "%s", more);
    refuses(text, code);
}

static void accepts_with(const char *more)
{
    char text[4096];
    (void)snprintf(text, sizeof text, TLS ROOT "%s", more);
    accepts(text);
}

static void the_least_is_a_certificate_and_a_root(void **state)
{
    (void)state;
    accepts(TLS ROOT);
    assert_string_equal(loaded.listen, "[::]:8443");
    assert_string_equal(loaded.pcrs, "0-11,14");
    assert_int_equal(loaded.interval_s, 3600);
    assert_int_equal(loaded.access.num, 0);
    assert_string_equal(loaded.policy, "");
    assert_true(loaded.requests_per_s > 0);
    refuses(ROOT, "config.missing");
    refuses(TLS, "config.missing");
    refuses("[server]\ncertificate = c.pem\n" ROOT, "config.missing");
    refuses("[server]\nkey = k.pem\n" ROOT, "config.missing");
    refuses("", "config.missing");
}

static const struct {
    const char *section, *name;
    uint64_t min, max;
} numbers[] = {
    {"server", "workers", 0, 256},
    {"server", "drain_s", 0, 3600},
    {"fleet", "interval_s", 1, 7 * 86400},
    {"enrol", "open", 1, 1000000},
    {"provision", "grant_life_s", 60, 30 * 86400},
    {"orders", "grace_s", 0, 30 * 86400},
    {"limits", "queue", 16, 1000000},
    {"limits", "replay_cache_bytes", 1 << 16, UINT64_C(1) << 34},
    {"limits", "device_cache", 1, 10000000},
    {"limits", "requests_per_s", 0, 1000000},
    {"limits", "requests_burst", 1, 1000000},
    {"limits", "connections", 1, 1000000},
    {"limits", "connections_per_peer", 1, 1000000},
    {"limits", "handshake_ms", 100, 3600000},
    {"limits", "head_ms", 100, 3600000},
    {"limits", "body_ms", 100, 3600000},
    {"limits", "body_bytes_per_s", 1, 1 << 30},
    {"limits", "idle_ms", 100, 24 * 3600000},
    {"limits", "write_ms", 100, 3600000},
    {"limits", "buffered_bytes", 1 << 20, UINT64_C(1) << 36},
};

static void every_number_has_its_range(void **state)
{
    (void)state;
    static const char *const none[] = {"-1", "", "ten", "1x", "1 2", "18446744073709551616", "0x1ffffffffffffffff"};
    char more[256];
    for (size_t i = 0; i < CAIRN_ARRAY_LEN(numbers); i++) {
        const uint64_t in[] = {numbers[i].min, numbers[i].max}, out[] = {numbers[i].min - 1, numbers[i].max + 1};
        for (size_t k = 0; k < 2; k++) {
            (void)snprintf(more, sizeof more, "[%s]\n%s = %llu\n", numbers[i].section, numbers[i].name,
                           (unsigned long long)in[k]);
            accepts_with(more);
            (void)snprintf(more, sizeof more, "[%s]\n%s = %llu\n", numbers[i].section, numbers[i].name,
                           (unsigned long long)out[k]);
            refuses_with(more, "config.value");
        }
        for (size_t k = 0; k < CAIRN_ARRAY_LEN(none); k++) {
            (void)snprintf(more, sizeof more, "[%s]\n%s = %s\n", numbers[i].section, numbers[i].name, none[k]);
            refuses_with(more, "config.value");
        }
    }
}

static void every_text_has_its_place_and_its_length(void **state)
{
    (void)state;
    accepts("[server]\nlisten = 127.0.0.1:1\ncertificate = c\nkey = k\nclient_ca = ca\ndatabase = d\n"
            "[fleet]\nroot = r\npolicy = p\npcrs = 0,2\n[verifier]\nkey = vk\nissuer = https://v\n"
            "[enrol]\nkey = ek\nca = eca\n[provision]\nkey = pk\nmanifest = m\nparams = pp\n"
            "[forward_auth]\naudience = https://a\n");
    const char *const got[] = {loaded.listen,        loaded.certificate, loaded.key,       loaded.client_ca,
                               loaded.database,      loaded.root,        loaded.policy,    loaded.pcrs,
                               loaded.verifier_key,  loaded.issuer,      loaded.enrol_key, loaded.enrol_ca,
                               loaded.provision_key, loaded.manifest,    loaded.params,    loaded.audience};
    static const char *const want[] = {"127.0.0.1:1", "c",         "k",  "ca",  "d",  "r", "p",  "0,2",
                                       "vk",          "https://v", "ek", "eca", "pk", "m", "pp", "https://a"};
    for (size_t i = 0; i < CAIRN_ARRAY_LEN(want); i++) {
        assert_string_equal(got[i], want[i]);
    }
    char more[256];
    (void)snprintf(more, sizeof more, "[server]\nlisten = %0150d\n", 0);
    refuses_with(more, "config.value");
}

static void a_setting_that_nobody_knows_ends_the_start(void **state)
{
    (void)state;
    refuses_with("[server]\ndebug = 1\n", "config.key");
    refuses_with("[server]\nLISTEN = x\n", "config.key");
    refuses_with("[fleet]\naccept_all = yes\n", "config.key");
    refuses_with("[nonsense]\nkey = x\n", "config.key");
    refuses_with("[access alice]\npassword = x\n", "config.key");
    refuses_with("[server]\nneither section nor value\n", "config.text");
}

/* CHECKS 38 */
static void what_belongs_together_is_there_together(void **state)
{
    (void)state;
    refuses_with("[enrol]\nkey = e\n", "config.missing");
    accepts_with("[enrol]\nkey = e\nca = d\n");
    accepts_with("[enrol]\nca = d\n");
    refuses_with("[verifier]\nkey = v\n", "config.missing");
    refuses_with("[forward_auth]\naudience = a\n", "config.missing");
    refuses_with("policy = p\n[provision]\nkey = k\n", "config.missing");
    refuses_with("policy = p\n[provision]\nmanifest = m\n", "config.missing");
    refuses_with("policy = p\n[provision]\nparams = m\n", "config.missing");
    refuses_with("policy = p\n[provision]\nkey = k\nmanifest = m\n", "config.missing");
    refuses_with("[provision]\nkey = k\nmanifest = m\nparams = p\n", "config.missing"); /* grants without a policy */
    accepts_with("policy = p\n[provision]\nkey = k\nmanifest = m\nparams = p\n");
    refuses_with("pcrs = 24\n", "pcr.selection");
    refuses_with("pcrs =\n", "pcr.selection");
}

static void a_principal_has_one_role_and_a_credential(void **state)
{
    (void)state;
    accepts_with("[access alice]\nrole = viewer\ntoken_sha256 = " DIGEST
                 "\n[access bob]\nrole = auditor\ncertificate_sha256 = " DIGEST "\n");
    assert_int_equal(loaded.access.num, 2);
    assert_string_equal(loaded.access.principals[1].name, "bob");
    assert_int_equal(loaded.access.principals[1].rights, CAIRN_RIGHT_VIEW | CAIRN_RIGHT_AUDIT);
    assert_true(loaded.access.principals[1].has_certificate && !loaded.access.principals[1].has_token);
    refuses_with("[access alice]\nrole = viewer\n", "config.access");
    refuses_with("[access alice]\ntoken_sha256 = " DIGEST "\n", "config.access");
    refuses_with("[access alice]\nrole = root\ntoken_sha256 = " DIGEST "\n", "config.access");
    refuses_with("[access ]\nrole = viewer\ntoken_sha256 = " DIGEST "\n", "config.access");
    refuses_with("[access a\tb]\nrole = viewer\ntoken_sha256 = " DIGEST "\n", "config.access");
    refuses_with("[access alice]\nrole = viewer\ntoken_sha256 = " DIGEST "00\n", "config.value");
    refuses_with("[access alice]\nrole = viewer\ntoken_sha256 = 0011\n", "config.value");
    refuses_with("[access alice]\nrole = viewer\ntoken_sha256 = the token itself, by mistake, as a secret in a file_\n",
                 "config.value");
}

static void no_section_adds_to_anothers_rights(void **state)
{
    (void)state;
    refuses_with("[access alice]\nrole = viewer\ntoken_sha256 = " DIGEST
                 "\n[access alice]\nrole = approver\ntoken_sha256 = " DIGEST_2 "\n",
                 "config.access");
    refuses_with("[access alice]\nrole = viewer\nrole = approver\ntoken_sha256 = " DIGEST "\n", "config.access");
    refuses_with("[access alice]\nrole = viewer\ntoken_sha256 = " DIGEST "\ntoken_sha256 = " DIGEST_2 "\n", "config.value");
    /* names that differ only where a reader of INI files may have cut them off */
    refuses_with("[access the-build-server-of-the-second-floor-in-town-a]\nrole = viewer\ntoken_sha256 = " DIGEST
                 "\n[access the-build-server-of-the-second-floor-in-town-b]\nrole = approver\ntoken_sha256 = " DIGEST_2 "\n",
                 "config.access");
}

static void one_credential_belongs_to_one_principal(void **state)
{
    (void)state;
    refuses_with("[access alice]\nrole = viewer\ntoken_sha256 = " DIGEST
                 "\n[access bob]\nrole = approver\ntoken_sha256 = " DIGEST "\n",
                 "config.access");
    refuses_with("[access alice]\nrole = viewer\ncertificate_sha256 = " DIGEST
                 "\n[access bob]\nrole = approver\ncertificate_sha256 = " DIGEST "\n",
                 "config.access");
}

static void there_is_an_end_to_principals(void **state)
{
    (void)state;
    static char text[64 << 10];
    size_t len = (size_t)snprintf(text, sizeof text, TLS ROOT);
    for (unsigned i = 0; i <= CAIRN_ACCESS_MAX; i++) {
        if (i == CAIRN_ACCESS_MAX) {
            accepts(text);
            assert_int_equal(loaded.access.num, CAIRN_ACCESS_MAX);
        }
        len += (size_t)snprintf(text + len, sizeof text - len, "[access p%u]\nrole = viewer\ntoken_sha256 = %064x\n", i, i + 1);
    }
    refuses(text, "config.access");
}

/* CHECKS 39 */
static void a_configuration_that_others_can_write_is_not_read(void **state)
{
    (void)state;
    struct cairn_err err;
    static const mode_t open_modes[] = {0620, 0602, 0666};
    for (size_t i = 0; i < CAIRN_ARRAY_LEN(open_modes); i++) {
        assert_int_equal(load(TLS ROOT, open_modes[i], &err), CAIRN_E_REFUSED);
        assert_string_equal(err.code, "config.mode");
        assert_non_null(strstr(err.text, path));
    }
    assert_int_equal(load(TLS ROOT, 0644, &err), CAIRN_OK);
    assert_int_equal(unlink(path), 0);
    assert_int_equal(cairn_server_config_load(path, &loaded, &err), CAIRN_E_IO);
    assert_string_equal(err.code, "config.absent");
}

static void what_is_refused_changes_nothing(void **state)
{
    (void)state;
    accepts_with("interval_s = 77\n");
    refuses_with("interval_s = 78\nnonsense = 1\n", "config.key");
    assert_int_equal(loaded.interval_s, 77);
}

static int set_up(void **state)
{
    (void)state;
    (void)snprintf(path, sizeof path, "/tmp/cairn-server-conf-%d", (int)getpid());
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    (void)unlink(path);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_least_is_a_certificate_and_a_root),
        cmocka_unit_test(every_number_has_its_range),
        cmocka_unit_test(every_text_has_its_place_and_its_length),
        cmocka_unit_test(a_setting_that_nobody_knows_ends_the_start),
        cmocka_unit_test(what_belongs_together_is_there_together),
        cmocka_unit_test(a_principal_has_one_role_and_a_credential),
        cmocka_unit_test(no_section_adds_to_anothers_rights),
        cmocka_unit_test(one_credential_belongs_to_one_principal),
        cmocka_unit_test(there_is_an_end_to_principals),
        cmocka_unit_test(a_configuration_that_others_can_write_is_not_read),
        cmocka_unit_test(what_is_refused_changes_nothing),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
