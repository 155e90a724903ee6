/* tests/unit/wipe/test_attack_copies.c -- header backups and escrow outlive an erase: no certificate is silent about it. */
#include "world.h"

static bool holds(const json_t *array, const char *key, const char *text)
{
    bool found = false;
    for (size_t i = 0; i < json_array_size(array); i++) {
        const json_t *one = json_array_get(array, i);
        const char *value = json_string_value(key != NULL ? json_object_get(one, key) : one);
        found = found || (value != NULL && strstr(value, text) != NULL);
    }
    return found;
}

static void says_what_copies_an_erase_does_not_reach(void **state CAIRN_UNUSED)
{
    static const char *const COPIES[] = {"LUKS header backups", "key escrow", "snapshots and backups of media"};
    WORLD *w = world_new();
    CAIRN_BUF text = {0};
    CAIRN_JSON *json = NULL;
    world_payload(w, &text);
    assert_int_equal(cairn_json_parse(cairn_buf_span(&text), 1 << 20, true, "t", &json, NULL), CAIRN_OK);
    const json_t *copies = json_object_get(json, "copies");
    for (size_t i = 0; i < CAIRN_ARRAY_LEN(COPIES); i++) {
        assert_true(holds(copies, "what", COPIES[i]));
        assert_string_equal(json_string_value(json_object_get(json_array_get(copies, i), "status")), "not stated");
    }
    assert_true(holds(json_object_get(json, "not_proved"), NULL, "Copies made earlier"));
}

/* A device that claims to have accounted for the copies, over its own signature. */
static void refuses_a_device_that_says_its_copies_are_gone(void **state CAIRN_UNUSED)
{
    WORLD *w = world_new();
    CAIRN_BUF honest = {0}, bent = {0}, file = {0};
    CAIRN_JSON *json = NULL;
    world_payload(w, &honest);
    assert_int_equal(cairn_json_parse(cairn_buf_span(&honest), 1 << 20, true, "t", &json, NULL), CAIRN_OK);
    json_t *first = json_array_get(json_object_get(json, "copies"), 0);
    assert_int_equal(json_object_set_new(first, "status", json_string("none exist")), 0);
    assert_int_equal(cairn_json_write(json, &bent, NULL), CAIRN_OK);
    world_sign(w, cairn_buf_span(&bent), &file);
    assert_refused(world_verify(w, &file, err), "certificate.derived");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(says_what_copies_an_erase_does_not_reach),
        cmocka_unit_test(refuses_a_device_that_says_its_copies_are_gone),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
