/* provision/manifest.c: what role release signs, and everything else that calls itself a manifest. */
#include "unit/provision/desk.h"

static void refused(struct desk *d, json_t *json, const char *code)
{
    REFUSES(strncmp(code, "json", 4) == 0 || strcmp(code, "manifest.assets") == 0 ? CAIRN_E_FORMAT : CAIRN_E_REFUSED, code,
            desk_open_manifest(d, json, CAIRN_ROLE_RELEASE, CAIRN_TEST_NOW, &err));
}

/* with_ is the right manifest with one member set to another value. */
static json_t *with_(struct desk *d, const char *member, json_t *value)
{
    json_t *json = desk_manifest_json(d);
    assert_int_equal(json_object_set_new(json, member, value), 0);
    return json;
}

static void a_signed_manifest_is_read(void **state)
{
    (void)state;
    struct desk *d = desk_new();
    uint8_t digest[32];
    assert_string_equal(d->manifest.device_class, CAIRN_TEST_CLASS);
    assert_int_equal(d->manifest.svn, DESK_SVN);
    assert_int_equal(d->manifest.floor, DESK_FLOOR);
    assert_int_equal(d->manifest.vault_version, 4);
    assert_int_equal(d->manifest.num_params, 3);
    assert_int_equal(d->manifest.num_approvals, 1);
    OK(cairn_sha256(cairn_secret_span(d->assets.release), digest, &err));
    assert_memory_equal(d->manifest.vault_sha256, digest, 32);
    assert_int_equal(d->manifest.vault_size, cairn_secret_span(d->assets.release).len);
    desk_free(d);
}

static void only_role_release_signs_manifests(void **state)
{
    (void)state;
    struct desk *d = desk_new();
    for (int role = 0; role < CAIRN_NUM_ROLES; role++) {
        if (role != CAIRN_ROLE_RELEASE) {
            REFUSES(CAIRN_E_REFUSED, "manifest.signer",
                    desk_open_manifest(d, desk_manifest_json(d), (enum cairn_role)role, CAIRN_TEST_NOW, &err));
        }
    }
    desk_free(d);
}

static void a_manifest_of_another_class_is_refused(void **state)
{
    (void)state;
    struct desk *d = desk_new();
    refused(d, with_(d, "class", json_string("gateway-b")), "manifest.class");
    desk_free(d);
}

static void a_manifest_below_its_own_floor_is_refused(void **state)
{
    (void)state;
    struct desk *d = desk_new();
    refused(d, with_(d, "svn", json_integer(DESK_FLOOR - 1)), "manifest.floor");
    desk_free(d);
}

static void an_expired_manifest_is_refused_but_can_be_read_later(void **state)
{
    (void)state;
    struct desk *d = desk_new();
    json_t *json = desk_manifest_json(d);
    REFUSES(CAIRN_E_REFUSED, "manifest.expired", desk_open_manifest(d, json, CAIRN_ROLE_RELEASE, CAIRN_TEST_NOW + 1001, &err));
    OK(desk_open_manifest(d, desk_manifest_json(d), CAIRN_ROLE_RELEASE, 0, &err));
    desk_free(d);
}

static void an_approval_of_another_floor_or_of_nobody_is_refused(void **state)
{
    (void)state;
    struct desk *d = desk_new();
    json_t *json = NULL;
    refused(d, with_(d, "approvals", json_array()), "manifest.approval");
    desk_approve(d, DESK_FLOOR + 1);
    OK(cairn_approvals_write(&d->approvals, &json, &err));
    refused(d, with_(d, "approvals", json_pack("[o]", json)), "manifest.approval");
    desk_approve(d, DESK_FLOOR);
    d->approvals.vault.rs[5] ^= 1;
    OK(cairn_approvals_write(&d->approvals, &json, &err));
    refused(d, with_(d, "approvals", json_pack("[o]", json)), "approval.signature");
    desk_free(d);
}

static void an_asset_that_nobody_can_install_is_refused(void **state)
{
    (void)state;
    struct desk *d = desk_new();
    json_t *json = desk_manifest_json(d);
    json_t *asset = json_array_get(json_object_get(json, "assets"), 0);
    assert_int_equal(json_object_set_new(asset, "slot", json_string("pair")), 0);
    refused(d, json, "manifest.assets");
    refused(d, with_(d, "assets", json_array()), "manifest.assets");
    desk_free(d);
}

static void unknown_members_and_other_scopes_are_refused(void **state)
{
    (void)state;
    struct desk *d = desk_new();
    refused(d, with_(d, "more", json_integer(1)), "json.member");
    refused(d, with_(d, "v", json_integer(2)), "json.member");
    refused(d, with_(d, "scope", json_string("partial")), "json.member");
    refused(d, with_(d, "issued", json_string("yesterday")), "json.member");
    refused(d, with_(d, "parameters", json_pack("{s:{s:s}}", "a", "scope", "any")), "json.member");
    refused(d, with_(d, "parameters", json_pack("{s:{s:s}}", "A", "scope", "online")), "json.member");
    refused(d, with_(d, "parameters", json_pack("{s:{s:s,s:i}}", "a", "scope", "online", "generate", 4)), "json.member");
    desk_free(d);
}

static void the_sets_hold_exactly_what_was_declared(void **state)
{
    (void)state;
    static const char *const OTHERS[] = {
        /* a name more, a name less, moved between scopes, a generated key given by hand */
        "{" DESK_SALT
        ",\"parameters\":{\"key\":{\"scope\":\"release\",\"generate\":32},\"more\":{\"scope\":\"online\",\"value\":\"\"},"
        "\"server\":{\"scope\":\"release\",\"value\":\"\"},\"token\":{\"scope\":\"online\",\"value\":\"\"}}}",
        "{" DESK_SALT
        ",\"parameters\":{\"key\":{\"scope\":\"release\",\"generate\":32},\"server\":{\"scope\":\"release\",\"value\":\"\"}}}",
        "{" DESK_SALT
        ",\"parameters\":{\"key\":{\"scope\":\"release\",\"generate\":32},\"server\":{\"scope\":\"online\",\"value\":\"\"},"
        "\"token\":{\"scope\":\"online\",\"value\":\"\"}}}",
        "{" DESK_SALT ",\"parameters\":{\"key\":{\"scope\":\"release\",\"value\":\"known\"},\"server\":{\"scope\":\"release\","
        "\"value\":\"\"},"
        "\"token\":{\"scope\":\"online\",\"value\":\"\"}}}"};
    struct desk *d = desk_new();
    struct cairn_span release = {0}, online = {0};
    OK(cairn_asset_set(cairn_secret_span(d->assets.release), &release, &err));
    OK(cairn_asset_set(cairn_secret_span(d->assets.online), &online, &err));
    OK(cairn_manifest_check_sets(&d->manifest, release, online, &err));
    for (size_t i = 0; i < CAIRN_ARRAY_LEN(OTHERS); i++) {
        CAIRN_PARAM_ASSETS other = {0};
        OK(cairn_params_source_read(cairn_span_str(OTHERS[i]), &other, &err));
        OK(cairn_asset_set(cairn_secret_span(other.release), &release, &err));
        OK(cairn_asset_set(cairn_secret_span(other.online), &online, &err));
        REFUSES(CAIRN_E_REFUSED, "params.declared", cairn_manifest_check_sets(&d->manifest, release, online, &err));
    }
    desk_free(d);
}

static void a_boot_state_that_nobody_approved_is_named(void **state)
{
    (void)state;
    struct desk *d = desk_new();
    const struct cairn_approvals *found = NULL;
    uint8_t digest[32];
    memcpy(digest, d->approvals.anchor.pcr_digest, 32);
    OK(cairn_manifest_approval(&d->manifest, DESK_MASK, digest, &found, &err));
    assert_non_null(found);
    REFUSES(CAIRN_E_REFUSED, "manifest.boot", cairn_manifest_approval(&d->manifest, DESK_MASK | 2, digest, &found, &err));
    digest[0] ^= 1;
    REFUSES(CAIRN_E_REFUSED, "manifest.boot", cairn_manifest_approval(&d->manifest, DESK_MASK, digest, &found, &err));
    desk_free(d);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_signed_manifest_is_read),
        cmocka_unit_test(only_role_release_signs_manifests),
        cmocka_unit_test(a_manifest_of_another_class_is_refused),
        cmocka_unit_test(a_manifest_below_its_own_floor_is_refused),
        cmocka_unit_test(an_expired_manifest_is_refused_but_can_be_read_later),
        cmocka_unit_test(an_approval_of_another_floor_or_of_nobody_is_refused),
        cmocka_unit_test(an_asset_that_nobody_can_install_is_refused),
        cmocka_unit_test(unknown_members_and_other_scopes_are_refused),
        cmocka_unit_test(the_sets_hold_exactly_what_was_declared),
        cmocka_unit_test(a_boot_state_that_nobody_approved_is_named),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
