/* tests/unit/wipe/test_order.c -- orders: who signed, for which device, within which epochs, until when. */
#include <stdio.h>

#include "world.h"

static enum cairn_rc reopen(struct world *w, uint64_t now_s, struct cairn_err *err)
{
    CAIRN_ORDER order = {0};
    return cairn_order_open(w->keys.root, cairn_buf_span(&w->parts.order), now_s, &order, err);
}

static void reads_what_it_writes(void **state CAIRN_UNUSED)
{
    WORLD *w = world_new();
    CAIRN_ORDER order = {0};
    const struct cairn_order_device *entry = NULL;
    assert_int_equal(cairn_order_open(w->keys.root, cairn_buf_span(&w->parts.order), CAIRN_TEST_NOW, &order, NULL), CAIRN_OK);
    assert_memory_equal(order.digest, w->order.digest, 32);
    assert_int_equal(cairn_order_for(&order, &w->keys.statement, &entry, NULL), CAIRN_OK);
    assert_true(entry->epoch_from == 7 && entry->epoch_to == 9 && cairn_order_floor(entry) == 11);
}

static void refuses_one_holder_with_two_keys(void **state CAIRN_UNUSED)
{
    WORLD *w = world_new();
    CAIRN_BUF text = {0};
    CAIRN_BUF once = {0};
    assert_int_equal(cairn_order_payload(&w->order, &text, NULL), CAIRN_OK);
    cairn_test_sign(cairn_buf_span(&text), CAIRN_TYPE_ORDER, w->keys.retire_b, &once);
    set_buf(&w->parts.order, &once);
    assert_refused(reopen(w, CAIRN_TEST_NOW, err), "order.holders");
}

static void refuses_keys_that_may_not_retire(void **state CAIRN_UNUSED)
{
    WORLD *w = world_new();
    CAIRN_BUF text = {0};
    assert_int_equal(cairn_order_payload(&w->order, &text, NULL), CAIRN_OK);
    cairn_test_sign(cairn_buf_span(&text), CAIRN_TYPE_ORDER, w->keys.stranger, &w->parts.order);
    assert_refused(reopen(w, CAIRN_TEST_NOW, err), "order.signer");
    cairn_test_sign(cairn_buf_span(&text), CAIRN_TYPE_ORDER, w->keys.role[CAIRN_ROLE_ROOT], &w->parts.order);
    assert_refused(reopen(w, CAIRN_TEST_NOW, err), "order.signer");
}

static void judges_dates_only_when_it_has_a_clock(void **state CAIRN_UNUSED)
{
    WORLD *w = world_new();
    assert_refused(reopen(w, CAIRN_TEST_NOW + 86401, err), "order.expired");
    assert_refused(reopen(w, CAIRN_TEST_NOW - 86000, err), "order.early");
    assert_int_equal(reopen(w, 0, NULL), CAIRN_OK);
    w->order.expires_s = w->order.issued_s;
    world_order(w);
    assert_refused(reopen(w, 0, err), "order.dates");
}

/* DESIGN 9: what k holders have dated has happened, whatever a device's clock says. */
static void a_clock_that_is_behind_does_not_make_an_order_early(void **state CAIRN_UNUSED)
{
    WORLD *w = world_new();
    CAIRN_ORDER order = {0};
    uint64_t now_s = 86400;
    const struct cairn_span file = cairn_buf_span(&w->parts.order);
    assert_int_equal(cairn_order_open_here(w->keys.root, file, &now_s, &order, NULL), CAIRN_OK);
    assert_true(now_s == CAIRN_TEST_NOW);
    cairn_order_clear(&order);
    now_s = CAIRN_TEST_NOW + 70;
    assert_int_equal(cairn_order_open_here(w->keys.root, file, &now_s, &order, NULL), CAIRN_OK);
    assert_true(now_s == CAIRN_TEST_NOW + 70);
    now_s = CAIRN_TEST_NOW + 86401;
    assert_refused(cairn_order_open_here(w->keys.root, file, &now_s, &order, err), "order.expired");
    now_s = 86400;
    w->parts.order.p[w->parts.order.len - 20] ^= 1;
    assert_int_not_equal(cairn_order_open_here(w->keys.root, file, &now_s, &order, NULL), CAIRN_OK);
    assert_true(now_s == 86400);
}

static void reads_how_it_is_delivered(void **state CAIRN_UNUSED)
{
    WORLD *w = world_new();
    CAIRN_ORDER order = {0};
    w->order.online = true;
    world_order(w);
    assert_int_equal(cairn_order_open(w->keys.root, cairn_buf_span(&w->parts.order), CAIRN_TEST_NOW, &order, NULL), CAIRN_OK);
    assert_true(order.online);
    cairn_order_clear(&order);
    w->order.online = false;
    world_order(w);
    assert_int_equal(cairn_order_open(w->keys.root, cairn_buf_span(&w->parts.order), CAIRN_TEST_NOW, &order, NULL), CAIRN_OK);
    assert_false(order.online);
}

static void refuses_another_fleet_class_or_root_version(void **state CAIRN_UNUSED)
{
    WORLD *w = world_new();
    w->order.fleet[3] ^= 1;
    world_order(w);
    assert_refused(reopen(w, CAIRN_TEST_NOW, err), "order.fleet");
    w->order.fleet[3] ^= 1;
    (void)snprintf(w->order.device_class, sizeof w->order.device_class, "gateway-b");
    world_order(w);
    assert_refused(reopen(w, CAIRN_TEST_NOW, err), "order.class");
    (void)snprintf(w->order.device_class, sizeof w->order.device_class, "%s", CAIRN_TEST_CLASS);
    w->order.root_version = 2;
    world_order(w);
    assert_refused(reopen(w, CAIRN_TEST_NOW, err), "order.root");
}

static void refuses_an_order_redirected_to_another_device(void **state CAIRN_UNUSED)
{
    WORLD *w = world_new();
    const struct cairn_order_device *entry = NULL;
    w->order.devices[0].device[9] ^= 4;
    assert_refused(cairn_order_for(&w->order, &w->keys.statement, &entry, err), "order.device");
    w->order.devices[0].device[9] ^= 4;
    w->order.devices[0].ak.bytes[9] ^= 4;
    assert_refused(cairn_order_for(&w->order, &w->keys.statement, &entry, err), "order.ak");
    w->order.devices[0].ak.bytes[9] ^= 4;
    w->order.devices[0].serial[0] ^= 1;
    assert_refused(cairn_order_for(&w->order, &w->keys.statement, &entry, err), "order.serial");
    w->order.devices[0].serial[0] ^= 1;
    w->order.devices[0].tag[0] ^= 1;
    assert_refused(cairn_order_for(&w->order, &w->keys.statement, &entry, err), "order.tag");
    w->order.devices[0].tag[0] ^= 1;
    w->order.fleet[0] ^= 1;
    assert_refused(cairn_order_for(&w->order, &w->keys.statement, &entry, err), "order.fleet");
}

static void is_accepted_only_inside_its_epochs(void **state CAIRN_UNUSED)
{
    const struct cairn_order_device d = {.epoch_from = 7, .epoch_to = 9};
    assert_refused(cairn_order_epoch(&d, 6, err), "order.epoch");
    assert_int_equal(cairn_order_epoch(&d, 7, NULL), CAIRN_OK);
    assert_int_equal(cairn_order_epoch(&d, 9, NULL), CAIRN_OK);
    assert_refused(cairn_order_epoch(&d, 10, err), "order.epoch");
}

/* The order as JSON with one member another; parsed, not signed. */
static enum cairn_rc parse_with(struct world *w, const char *key, json_t *value, struct cairn_err *err)
{
    CAIRN_BUF text = {0};
    CAIRN_BUF bent = {0};
    CAIRN_JSON *json = NULL;
    CAIRN_ORDER order = {0};
    assert_int_equal(cairn_order_payload(&w->order, &text, NULL), CAIRN_OK);
    assert_int_equal(cairn_json_parse(cairn_buf_span(&text), 1 << 20, true, "t", &json, NULL), CAIRN_OK);
    assert_int_equal(json_object_set_new(json, key, value), 0);
    assert_int_equal(cairn_json_write(json, &bent, NULL), CAIRN_OK);
    return cairn_order_parse(cairn_buf_span(&bent), &order, err);
}

static void refuses_words_that_it_does_not_carry_out(void **state CAIRN_UNUSED)
{
    WORLD *w = world_new();
    assert_refused(parse_with(w, "mode", json_string("transfer"), err), "order.mode");
    assert_refused(parse_with(w, "delivery", json_string("by hand"), err), "order.delivery");
    assert_refused(parse_with(w, "holds", json_string("case 4711"), err), "order.holds");
    assert_refused(parse_with(w, "v", json_integer(2), err), "json.member");
    assert_refused(parse_with(w, "min_grade", json_string("E"), err), "json.member");
    assert_refused(parse_with(w, "reason", json_string("a \"quote\""), err), "json.member");
    assert_refused(parse_with(w, "devices", json_array(), err), "json.member");
    assert_refused(parse_with(w, "more", json_true(), err), "json.member");
}

static void refuses_windows_that_are_none_and_devices_named_twice(void **state CAIRN_UNUSED)
{
    WORLD *w = world_new();
    CAIRN_ORDER again = {0};
    CAIRN_BUF text = {0};
    w->order.devices[0].epoch_to = 24;
    assert_refused(parse_with(w, "v", json_integer(1), err), "order.window");
    w->order.devices[0].epoch_to = 6;
    assert_refused(parse_with(w, "v", json_integer(1), err), "order.window");
    w->order.devices[0].epoch_from = UINT64_MAX - 3;
    w->order.devices[0].epoch_to = UINT64_MAX - 3;
    assert_refused(parse_with(w, "v", json_integer(1), err), "order.window");
    w->order.devices[0].epoch_from = 7;
    w->order.devices[0].epoch_to = 7;
    struct cairn_order_device *two = calloc(2, sizeof *two);
    assert_non_null(two);
    two[0] = w->order.devices[0];
    two[1] = two[0];
    free(w->order.devices);
    w->order.devices = two;
    w->order.num_devices = 2;
    assert_int_equal(cairn_order_payload(&w->order, &text, NULL), CAIRN_OK);
    assert_refused(cairn_order_parse(cairn_buf_span(&text), &again, err), "order.device.double");
}

static void refuses_every_truncation_and_a_trailing_byte(void **state CAIRN_UNUSED)
{
    WORLD *w = world_new();
    CAIRN_BUF text = {0};
    CAIRN_ORDER order = {0};
    assert_int_equal(cairn_order_payload(&w->order, &text, NULL), CAIRN_OK);
    for (size_t len = 0; len < text.len; len++) {
        CAIRN_BUF cut = {0};
        assert_int_equal(cairn_buf_set(&cut, cairn_span(text.p, len), NULL), CAIRN_OK);
        assert_int_not_equal(cairn_order_parse(cairn_buf_span(&cut), &order, NULL), CAIRN_OK);
    }
    assert_int_equal(cairn_buf_append(&text, cairn_span_str(" "), NULL), CAIRN_OK);
    assert_int_not_equal(cairn_order_parse(cairn_buf_span(&text), &order, NULL), CAIRN_OK);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_what_it_writes),
        cmocka_unit_test(refuses_one_holder_with_two_keys),
        cmocka_unit_test(refuses_keys_that_may_not_retire),
        cmocka_unit_test(judges_dates_only_when_it_has_a_clock),
        cmocka_unit_test(a_clock_that_is_behind_does_not_make_an_order_early),
        cmocka_unit_test(reads_how_it_is_delivered),
        cmocka_unit_test(refuses_another_fleet_class_or_root_version),
        cmocka_unit_test(refuses_an_order_redirected_to_another_device),
        cmocka_unit_test(is_accepted_only_inside_its_epochs),
        cmocka_unit_test(refuses_words_that_it_does_not_carry_out),
        cmocka_unit_test(refuses_windows_that_are_none_and_devices_named_twice),
        cmocka_unit_test(refuses_every_truncation_and_a_trailing_byte),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
