/* tests/unit/server/test_fleet.c -- server/fleet.c: only what verifies is served, and what does not is named. */
#include "server/fleet.h"

#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/file.h"
#include "support/cmocka_all.h"
#include "support/test_keys.h"

static struct cairn_test_keys keys;
static char dir[64];
static struct cairn_server_config config;

static const char *at(const char *name)
{
    static char path[4][128];
    static unsigned turn;
    char *p = path[turn++ % 4];
    (void)snprintf(p, sizeof path[0], "%s/%s", dir, name);
    return p;
}

static void put(const char *name, const struct cairn_buf *bytes, mode_t mode)
{
    assert_int_equal(cairn_path_write(at(name), cairn_buf_span(bytes), mode, NULL), CAIRN_OK);
    assert_int_equal(chmod(at(name), mode), 0);
}

static void put_key(const char *name, const struct cairn_signer *key)
{
    CAIRN_BUF pem = {0};
    assert_int_equal(cairn_signer_write(key, &pem, NULL), CAIRN_OK);
    put(name, &pem, 0600);
}

static void put_text(const char *name, const char *text)
{
    CAIRN_BUF bytes = {0};
    assert_int_equal(cairn_buf_set(&bytes, cairn_span_str(text), NULL), CAIRN_OK);
    put(name, &bytes, 0600);
}

static void name_file(char to[CAIRN_CONFIG_PATH_MAX], const char *name)
{
    (void)snprintf(to, CAIRN_CONFIG_PATH_MAX, "%s", at(name));
}

static void loads(void)
{
    struct cairn_fleet *fleet = NULL;
    struct cairn_err err = {0};
    if (cairn_fleet_load(&config, CAIRN_TEST_NOW, &fleet, &err) != CAIRN_OK) {
        fail_msg("%s: %s", err.code, err.text);
    }
    assert_non_null(fleet->root);
    assert_false(fleet->has_policy);
    assert_false(fleet->grants);
    cairn_fleet_free(fleet);
}

static void refuses(const char *code, const char *named)
{
    struct cairn_fleet *fleet = NULL;
    struct cairn_err err = {0};
    assert_int_not_equal(cairn_fleet_load(&config, CAIRN_TEST_NOW, &fleet, &err), CAIRN_OK);
    assert_string_equal(err.code, code);
    assert_non_null(strstr(err.text, named));
    assert_null(fleet);
}

static void a_root_is_all_it_needs(void **state)
{
    (void)state;
    loads();
    cairn_fleet_free(NULL);
}

static void a_root_that_does_not_verify_is_not_served(void **state)
{
    (void)state;
    CAIRN_BUF other = {0};
    json_t *payload = cairn_test_root_json(&keys);
    cairn_test_sign_json(payload, "application/vnd.cairn.root.v1+json", keys.role[CAIRN_ROLE_PROVISION], &other);
    put("other.dsse", &other, 0644);
    name_file(config.root, "other.dsse");
    refuses("root.signer", "other.dsse");
    name_file(config.root, "absent.dsse");
    refuses("file.absent", "absent.dsse");
}

/* CHECKS 38: of every online key: the right role, and nothing else. */
static void a_key_of_another_role_is_refused(void **state)
{
    (void)state;
    char *const settings[] = {config.verifier_key, config.provision_key, config.enrol_key};
    static const enum cairn_role roles[] = {CAIRN_ROLE_VERIFIER, CAIRN_ROLE_PROVISION, CAIRN_ROLE_ENROL};
    for (size_t i = 0; i < CAIRN_ARRAY_LEN(roles); i++) {
        for (unsigned role = 0; role < CAIRN_NUM_ROLES; role++) {
            put_key("some.key", keys.role[role]);
            name_file(settings[i], "some.key");
            if (role == (unsigned)roles[i]) {
                loads();
            } else {
                refuses("fleet.key", "some.key");
            }
        }
        put_key("some.key", keys.stranger);
        refuses("fleet.key", "some.key");
        put_text("some.key", "no key at all\n");
        refuses("key.pkcs8", "some.key");
        name_file(settings[i], "absent.key");
        refuses("file.absent", "absent.key");
        settings[i][0] = '\0';
    }
}

/* CHECKS 39 */
static void a_key_that_others_can_read_is_refused_by_name(void **state)
{
    (void)state;
    static const mode_t modes[] = {0640, 0604, 0610, 0601, 0620, 0602};
    put_key("verifier.key", keys.role[CAIRN_ROLE_VERIFIER]);
    name_file(config.verifier_key, "verifier.key");
    for (size_t i = 0; i < CAIRN_ARRAY_LEN(modes); i++) {
        assert_int_equal(chmod(at("verifier.key"), modes[i]), 0);
        refuses("file.mode", "verifier.key");
    }
    assert_int_equal(chmod(at("verifier.key"), 0400), 0);
    loads();
}

/* CHECKS 38 */
static void a_policy_that_nobody_signed_is_not_served(void **state)
{
    (void)state;
    CAIRN_BUF file = {0};
    name_file(config.policy, "policy.dsse");
    put_text("policy.dsse", "{}\n");
    refuses("json.member", "policy.dsse");
    cairn_test_sign(cairn_span_str("{}"), "application/vnd.cairn.policy.v1+json", keys.role[CAIRN_ROLE_VERIFIER], &file);
    put("policy.dsse", &file, 0644);
    refuses("policy.signer", "policy.dsse");
    cairn_test_sign(cairn_span_str("{}"), "application/vnd.cairn.policy.v1+json", keys.role[CAIRN_ROLE_POLICY], &file);
    put("policy.dsse", &file, 0644);
    refuses("json.member", "policy.dsse");
}

static void makers_certificates_that_are_not_there_are_missed(void **state)
{
    (void)state;
    (void)snprintf(config.enrol_ca, sizeof config.enrol_ca, "%s", dir);
    refuses("ca.empty", dir);
}

static int each(void **state)
{
    (void)state;
    cairn_server_config_default(&config);
    put("root.dsse", &keys.root_file, 0644);
    name_file(config.root, "root.dsse");
    return 0;
}

static int set_up(void **state)
{
    (void)state;
    cairn_test_keys_make(&keys);
    (void)snprintf(dir, sizeof dir, "/tmp/cairn-fleet-XXXXXX");
    return mkdtemp(dir) != NULL ? 0 : 1;
}

static bool drop(void *arg, const char *name)
{
    (void)arg;
    return unlink(at(name)) == 0;
}

static int tear_down(void **state)
{
    (void)state;
    CAIRN_FS *fs = NULL;
    cairn_test_keys_clear(&keys);
    assert_int_equal(cairn_fs_open_dir(dir, false, &fs, NULL), CAIRN_OK);
    assert_int_equal(cairn_file_each(fs, drop, NULL, NULL), CAIRN_OK);
    return rmdir(dir);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(a_root_is_all_it_needs, each),
        cmocka_unit_test_setup(a_root_that_does_not_verify_is_not_served, each),
        cmocka_unit_test_setup(a_key_of_another_role_is_refused, each),
        cmocka_unit_test_setup(a_key_that_others_can_read_is_refused_by_name, each),
        cmocka_unit_test_setup(a_policy_that_nobody_signed_is_not_served, each),
        cmocka_unit_test_setup(makers_certificates_that_are_not_there_are_missed, each),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
