/* provision/engine_device.c on a real software TPM: a first provisioning, everything that must refuse it, and every cut. */
#include "unit/provision/world.h"

enum { CC_NV_INCREMENT = 0x134 };

static uint64_t counter_of(struct world *w)
{
    uint64_t now = 0;
    OK(cairn_tpm_epoch_read(w->tpm, &now, &err));
    return now;
}

static void a_first_provisioning_makes_the_device_operational(void **state)
{
    (void)state;
    struct world *w = world_new();
    assert_int_equal(w->state.life, CAIRN_LIFE_ENROLLED);
    world_grant(w);
    OK(world_install(w, &err));
    assert_int_equal(w->state.life, CAIRN_LIFE_OPERATIONAL);
    assert_int_equal(w->state.record.generation, 1);
    assert_int_equal(w->state.record.epoch, w->identity.statement.epoch_value + 2);
    assert_int_equal(counter_of(w), w->state.record.epoch);
    world_read(w);
    assert_int_equal(w->state.life, CAIRN_LIFE_OPERATIONAL);
    assert_true(world_holds(w, "server", "https://example.org"));
    assert_true(world_holds(w, "api.token", "token from the server"));
    world_free(w);
}

static void a_generated_key_is_made_here_and_differs(void **state)
{
    (void)state;
    uint8_t keys[2][32];
    for (int i = 0; i < 2; i++) {
        struct world *w = world_operational();
        CAIRN_VAULT *vault = NULL;
        struct cairn_param p = {0};
        OK(cairn_vault_open(&w->place, &w->state, &vault, &err));
        assert_true(cairn_params_find(cairn_vault_params(vault), "luks.key", &p));
        assert_int_equal(p.flags, CAIRN_PARAM_GENERATED);
        assert_int_equal(p.value.len, 32);
        memcpy(keys[i], p.value.p, 32);
        cairn_vault_freep(&vault);
        world_free(w);
    }
    assert_memory_not_equal(keys[0], keys[1], 32);
}

static void the_receipt_proves_the_grant(void **state)
{
    (void)state;
    struct world *w = world_operational();
    struct cairn_grant grant;
    struct cairn_receipt receipt;
    OK(cairn_grant_open(w->keys.root, cairn_buf_span(&w->grant), 0, &grant, &err));
    OK(cairn_receipt_verify(cairn_buf_span(&w->receipt), &w->identity.statement, &grant, &receipt, &err));
    assert_int_equal(receipt.to, w->state.record.epoch);
    assert_memory_equal(receipt.record, w->state.record_digest, 32);
    world_free(w);
}

static void the_same_grant_again_makes_the_receipt_again(void **state)
{
    (void)state;
    struct world *w = world_operational();
    struct cairn_grant grant;
    struct cairn_receipt receipt;
    uint64_t before = counter_of(w);
    cairn_buf_clear(&w->receipt);
    OK(world_install(w, &err));
    assert_int_equal(counter_of(w), before);
    OK(cairn_grant_open(w->keys.root, cairn_buf_span(&w->grant), 0, &grant, &err));
    OK(cairn_receipt_verify(cairn_buf_span(&w->receipt), &w->identity.statement, &grant, &receipt, &err));
    world_free(w);
}

static void another_grant_for_a_provisioned_device_is_refused(void **state)
{
    (void)state;
    struct world *w = world_operational();
    uint64_t before = counter_of(w);
    world_grant(w);
    REFUSES(CAIRN_E_REFUSED, "grant.installed", world_install(w, &err));
    assert_int_equal(counter_of(w), before);
    world_free(w);
}

static void a_grant_is_dead_when_the_epoch_moved(void **state)
{
    (void)state;
    struct world *w = world_new();
    OK(cairn_state_prepare(&w->identity, w->tpm, &err)); /* as a first provisioning that was cut leaves it */
    world_grant(w);
    OK(cairn_tpm_epoch_increment(w->tpm, &err));
    world_read(w);
    REFUSES(CAIRN_E_REFUSED, "grant.epoch", world_install(w, &err));
    world_free(w);
}

/* Somebody with owner auth increments too. */
static void increment_twice(struct cairn_tap *tap, void *arg)
{
    static const uint8_t COMMAND[] = {0x80, 0x02, 0, 0, 0, 31, 0,    0, 1, 0x34, 0x40, 0, 0, 1, 0x01, 0x80,
                                      0x01, 0x00, 0, 0, 0, 9,  0x40, 0, 0, 9,    0,    0, 0, 0, 0};
    (void)arg;
    assert_true(cairn_tap_inject(tap, CAIRN_SPAN(COMMAND)));
    assert_true(cairn_tap_inject(tap, CAIRN_SPAN(COMMAND)));
}

static void an_epoch_that_overshoots_installs_nothing(void **state)
{
    (void)state;
    struct world *w = world_new();
    world_grant(w);
    cairn_tap_before(w->tap, CC_NV_INCREMENT, 1, increment_twice, NULL);
    REFUSES(CAIRN_E_REFUSED, "grant.epoch", world_install(w, &err));
    assert_false(cairn_file_exists(w->fs, "record.a"));
    world_read(w);
    assert_true(w->state.first_allowed);
    world_grant(w);
    OK(world_install(w, &err));
    world_free(w);
}

static void a_grant_opens_only_under_the_quoted_pcrs(void **state)
{
    (void)state;
    struct world *w = world_new();
    world_grant(w);
    uint64_t before = counter_of(w);
    world_change_boot(w);
    REFUSES(CAIRN_E_REFUSED, "grant.boot", world_install(w, &err));
    assert_int_equal(counter_of(w), before);
    assert_false(cairn_file_exists(w->fs, "record.a"));
    world_free(w);
}

/* bend signs the grant again after one member was changed. */
static void bend(struct world *w, const char *member, json_t *value)
{
    json_t *json = world_grant_json(w, WORLD_PARAMS);
    assert_int_equal(json_object_set_new(json, member, value), 0);
    cairn_test_sign_json(json, CAIRN_TYPE_GRANT, w->keys.role[CAIRN_ROLE_PROVISION], &w->grant);
}

static void refused_and_unchanged(struct world *w, enum cairn_rc class, const char *code)
{
    uint64_t before = counter_of(w);
    REFUSES(class, code, world_install(w, &err));
    assert_int_equal(counter_of(w), before);
    assert_false(cairn_file_exists(w->fs, "record.a"));
    assert_false(cairn_file_exists(w->fs, "vault.1"));
}

static json_t *zeros(size_t len)
{
    char text[129];
    memset(text, '0', sizeof text);
    text[2 * len] = '\0';
    return json_string(text);
}

static void a_correctly_signed_grant_for_something_else_is_refused(void **state)
{
    (void)state;
    static const struct {
        const char *member, *code;
        size_t len;
    } CASES[] = {{"device", "grant.device", 32},     {"ak", "grant.ak", 34},          {"manifest", "grant.manifest", 32},
                 {"assets", "grant.assets", 32},     {"params", "assets.digest", 32}, {"fleet", "grant.fleet", 32},
                 {"pcr_digest", "manifest.boot", 32}};
    struct world *w = world_new();
    for (size_t i = 0; i < CAIRN_ARRAY_LEN(CASES); i++) {
        bend(w, CASES[i].member, zeros(CASES[i].len));
        refused_and_unchanged(w, CAIRN_E_REFUSED, CASES[i].code);
    }
    bend(w, "class", json_string("other"));
    refused_and_unchanged(w, CAIRN_E_REFUSED, "grant.class");
    bend(w, "root_version", json_integer(2));
    refused_and_unchanged(w, CAIRN_E_REFUSED, "grant.root");
    bend(w, "first", json_false());
    refused_and_unchanged(w, CAIRN_E_REFUSED, "grant.first");
    bend(w, "to", json_string("00000000000000ff"));
    refused_and_unchanged(w, CAIRN_E_REFUSED, "grant.to");
    bend(w, "expires", json_integer(1000000000));
    refused_and_unchanged(w, CAIRN_E_REFUSED, "grant.expired");
    world_free(w);
}

static void a_grant_or_manifest_signed_by_another_role_is_refused(void **state)
{
    (void)state;
    struct world *w = world_new();
    cairn_test_sign_json(world_grant_json(w, WORLD_PARAMS), CAIRN_TYPE_GRANT, w->keys.role[CAIRN_ROLE_RELEASE], &w->grant);
    refused_and_unchanged(w, CAIRN_E_REFUSED, "grant.signer");
    world_grant(w);
    cairn_test_sign_json(world_manifest_json(w, WORLD_PARAMS), CAIRN_TYPE_MANIFEST, w->keys.role[CAIRN_ROLE_PROVISION],
                         &w->manifest);
    refused_and_unchanged(w, CAIRN_E_REFUSED, "manifest.signer");
    world_free(w);
}

static void altered_assets_are_refused(void **state)
{
    (void)state;
    struct world *w = world_new();
    world_grant(w);
    w->assets.p[w->assets.len - 1] ^= 1;
    refused_and_unchanged(w, CAIRN_E_REFUSED, "grant.assets");
    world_free(w);
}

static void an_import_object_of_another_device_is_refused(void **state)
{
    (void)state;
    struct world *w = world_new();
    json_t *json = world_grant_json(w, WORLD_PARAMS);
    json_t *object = json_object_get(json, "object");
    CAIRN_BUF bytes = {0};
    OK(cairn_base64_decode(cairn_span_str(json_string_value(json_object_get(object, "duplicate"))), 512, &bytes, &err));
    bytes.p[bytes.len - 1] ^= 1;
    OK(cairn_json_set_base64(object, "duplicate", cairn_buf_span(&bytes), &err));
    cairn_test_sign_json(json, CAIRN_TYPE_GRANT, w->keys.role[CAIRN_ROLE_PROVISION], &w->grant);
    refused_and_unchanged(w, CAIRN_E_REFUSED, "grant.object");
    world_free(w);
}

static void anchors_taken_away_are_mended_by_no_grant(void **state)
{
    (void)state;
    struct world *w = world_operational();
    world_grant(w);
    w->state.lost = true; /* as state_read finds it: see tests/unit/storage/test_state.c */
    w->state.has_record = false;
    w->state.first_allowed = false;
    REFUSES(CAIRN_E_REFUSED, "state.lost", world_install(w, &err));
    world_free(w);
}

/* Copies the files of one folder; the target folder stays the same one, since its descriptor is open. */
static void copy_state(struct world *w, const char *from, const char *to)
{
    char command[900];
    const char *dir = cairn_swtpm_dir(w->swtpm);
    (void)snprintf(command, sizeof command, "mkdir -p '%s/%s' && rm -f '%s/%s'/* && cp '%s/%s'/* '%s/%s'", dir, to, dir, to,
                   dir, from, dir, to);
    assert_int_equal(system(command), 0);
}

/* Installs with the power cut at command n; then starts again as a device would. True while the cut was reached. */
static bool install_cut_at(struct world *w, enum cairn_tap_fault fault, unsigned n)
{
    cairn_tap_reset(w->tap);
    cairn_tap_break(w->tap, fault, n);
    enum cairn_rc rc = world_install(w, NULL);
    bool broke = cairn_tap_broke(w->tap);
    cairn_tap_reset(w->tap);
    assert_true(broke || rc == CAIRN_OK);
    world_open(w);
    world_read(w);
    if (w->state.has_record) { /* whole: it opens, and the same grant gives its receipt */
        assert_true(world_holds(w, "server", "https://example.org"));
        OK(world_install(w, &err));
    } else { /* nothing: a new grant begins again */
        assert_true(w->state.first_allowed);
        world_grant(w);
        OK(world_install(w, &err));
        assert_true(world_holds(w, "server", "https://example.org"));
    }
    return broke;
}

static void a_cut_at_any_tpm_command_leaves_nothing_or_all(void **state)
{
    (void)state;
    const enum cairn_tap_fault faults[] = {CAIRN_TAP_CUT_BEFORE, CAIRN_TAP_CUT_AFTER, CAIRN_TAP_DROP};
    struct world *w = world_new();
    cairn_tpm_close(w->tpm);
    w->tpm = NULL;
    cairn_swtpm_save(w->swtpm, "enrolled");
    copy_state(w, "disk", "disk.enrolled");
    for (size_t f = 0; f < CAIRN_ARRAY_LEN(faults); f++) {
        for (unsigned n = 1 + (unsigned)f;; n += 3) {
            cairn_tap_free(w->tap);
            cairn_swtpm_restore(w->swtpm, "enrolled");
            copy_state(w, "disk.enrolled", "disk");
            w->tap = cairn_tap_new(w->swtpm);
            w->config.given = cairn_tap_context(w->tap);
            world_open(w);
            world_read(w);
            world_grant(w);
            if (!install_cut_at(w, faults[f], n)) {
                assert_true(n > 30);
                break;
            }
            cairn_tpm_close(w->tpm);
            w->tpm = NULL;
        }
    }
    world_free(w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_first_provisioning_makes_the_device_operational),
        cmocka_unit_test(a_generated_key_is_made_here_and_differs),
        cmocka_unit_test(the_receipt_proves_the_grant),
        cmocka_unit_test(the_same_grant_again_makes_the_receipt_again),
        cmocka_unit_test(another_grant_for_a_provisioned_device_is_refused),
        cmocka_unit_test(a_grant_is_dead_when_the_epoch_moved),
        cmocka_unit_test(an_epoch_that_overshoots_installs_nothing),
        cmocka_unit_test(a_grant_opens_only_under_the_quoted_pcrs),
        cmocka_unit_test(a_correctly_signed_grant_for_something_else_is_refused),
        cmocka_unit_test(a_grant_or_manifest_signed_by_another_role_is_refused),
        cmocka_unit_test(altered_assets_are_refused),
        cmocka_unit_test(an_import_object_of_another_device_is_refused),
        cmocka_unit_test(anchors_taken_away_are_mended_by_no_grant),
        cmocka_unit_test(a_cut_at_any_tpm_command_leaves_nothing_or_all),
    };
    assert_int_equal(setenv("TSS2_LOG", "all+none", 1), 0);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
