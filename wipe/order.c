/* wipe/order.c -- see wipe/order.h. Trust boundary: everything before cairn_root_open_signed has answered is foreign bytes. */
#include "wipe/order.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Dates of order and clocks of desks differ by minutes. */
enum { CLOCK_SLACK_S = 600 };

void cairn_order_clear(struct cairn_order *order)
{
    free(order->devices);
    *order = (struct cairn_order){0};
}

static CAIRN_RC device_json(const struct cairn_order_device *d, json_t *array, struct cairn_err *err)
{
    CAIRN_JSON *o = json_object();
    CAIRN_TRY(cairn_json_set_hex(o, "device", CAIRN_SPAN(d->device), err));
    CAIRN_TRY(cairn_json_set_hex(o, "ak", cairn_name_span(&d->ak), err));
    CAIRN_TRY(cairn_json_set_string(o, "serial", d->serial, err));
    CAIRN_TRY(cairn_json_set_string(o, "tag", d->tag, err));
    CAIRN_TRY(cairn_json_set_hex64(o, "epoch_from", d->epoch_from, err));
    CAIRN_TRY(cairn_json_set_hex64(o, "epoch_to", d->epoch_to, err));
    return cairn_json_add(array, json_incref(o), err);
}

static CAIRN_RC fixed_members(const struct cairn_order *order, json_t *o, struct cairn_err *err)
{
    const char grade[2] = {order->min_grade, '\0'};
    CAIRN_TRY(cairn_json_set_uint(o, "v", 1, err));
    CAIRN_TRY(cairn_json_set_hex(o, "fleet", CAIRN_SPAN(order->fleet), err));
    CAIRN_TRY(cairn_json_set_string(o, "class", order->device_class, err));
    CAIRN_TRY(cairn_json_set_uint(o, "root_version", order->root_version, err));
    CAIRN_TRY(cairn_json_set_string(o, "mode", "retire", err));
    CAIRN_TRY(cairn_json_set_hex(o, "challenge", CAIRN_SPAN(order->challenge), err));
    CAIRN_TRY(cairn_json_set_string(o, "reason", order->reason, err));
    CAIRN_TRY(cairn_json_set_string(o, "standard", order->standard, err));
    CAIRN_TRY(cairn_json_set_string(o, "min_grade", grade, err));
    CAIRN_TRY(cairn_json_set_uint(o, "issued", order->issued_s, err));
    CAIRN_TRY(cairn_json_set_uint(o, "expires", order->expires_s, err));
    CAIRN_TRY(cairn_json_set_string(o, "delivery", order->online ? "online" : "offline", err));
    return cairn_json_set_string(o, "holds", "none", err);
}

enum cairn_rc cairn_order_payload(const struct cairn_order *order, struct cairn_buf *out, struct cairn_err *err)
{
    CAIRN_JSON *o = json_object();
    CAIRN_TRY(fixed_members(order, o, err));
    CAIRN_TRY(cairn_json_set_take(o, "devices", json_array(), err));
    for (size_t i = 0; i < order->num_devices; i++) {
        CAIRN_TRY(device_json(&order->devices[i], json_object_get(o, "devices"), err));
    }
    return cairn_json_write(o, out, err);
}

static CAIRN_RC read_device(const json_t *json, struct cairn_order_device *out, struct cairn_err *err)
{
    struct cairn_obj o = cairn_obj(json, "order, devices", err);
    cairn_obj_hex(&o, "device", out->device, sizeof out->device);
    cairn_obj_hex(&o, "ak", out->ak.bytes, sizeof out->ak.bytes);
    cairn_term_text(&o, "serial", true, out->serial, sizeof out->serial);
    cairn_term_text(&o, "tag", true, out->tag, sizeof out->tag);
    out->epoch_from = cairn_obj_hex64(&o, "epoch_from");
    out->epoch_to = cairn_obj_hex64(&o, "epoch_to");
    CAIRN_TRY(cairn_obj_done(&o));
    if (out->epoch_to < out->epoch_from || out->epoch_to - out->epoch_from > CAIRN_ORDER_MAX_WINDOW ||
        out->epoch_to > UINT64_MAX - 4) {
        return CAIRN_FAIL(err, CAIRN_E_REFUSED, "order.window",
                          "the order's epochs %" PRIu64 " to %" PRIu64 " are not a window of at most %d: create it again",
                          out->epoch_from, out->epoch_to, CAIRN_ORDER_MAX_WINDOW);
    }
    return CAIRN_OK;
}

static CAIRN_RC read_devices(const json_t *array, struct cairn_order *out, struct cairn_err *err)
{
    size_t num = json_array_size(array);
    if (num == 0) {
        return CAIRN_FAIL(err, CAIRN_E_FORMAT, "json.member", "order: \"devices\": the order names no device");
    }
    out->devices = calloc(num, sizeof *out->devices);
    if (out->devices == NULL) {
        return CAIRN_FAIL(err, CAIRN_E_IO, "memory", "no memory for an order of %zu devices", num);
    }
    for (size_t i = 0; i < num; i++) {
        CAIRN_TRY(read_device(json_array_get(array, i), &out->devices[i], err));
        for (size_t j = 0; j < i; j++) {
            if (cairn_span_equal(CAIRN_SPAN(out->devices[i].device), CAIRN_SPAN(out->devices[j].device))) {
                return CAIRN_FAIL(err, CAIRN_E_REFUSED, "order.device.double", "the order names device %zu twice", i);
            }
        }
    }
    out->num_devices = num;
    return CAIRN_OK;
}

/* Words that this release does not act on are refused by name, so that nobody takes them for a typing error. */
static CAIRN_RC check_words(struct cairn_obj *o, struct cairn_order *out, struct cairn_err *err)
{
    const char *mode = cairn_obj_string(o, "mode", CAIRN_TERM_MAX);
    const char *delivery = cairn_obj_string(o, "delivery", CAIRN_TERM_MAX);
    const char *holds = cairn_obj_string(o, "holds", CAIRN_REASON_MAX);
    CAIRN_TRY(o->rc);
    if (strcmp(mode, "retire") != 0) {
        return CAIRN_FAIL(err, CAIRN_E_REFUSED, "order.mode", "the order's mode is not \"retire\": only that is done here");
    }
    out->online = strcmp(delivery, "online") == 0;
    if (!out->online && strcmp(delivery, "offline") != 0) {
        return CAIRN_FAIL(err, CAIRN_E_REFUSED, "order.delivery",
                          "the order's delivery is neither \"offline\" nor \"online\": create it again");
    }
    if (strcmp(holds, "none") != 0) {
        return CAIRN_FAIL(err, CAIRN_E_REFUSED, "order.holds",
                          "the order names a hold, not \"none\": a device under a hold is not wiped");
    }
    return CAIRN_OK;
}

static CAIRN_RC read_order(const json_t *json, struct cairn_order *out, struct cairn_err *err)
{
    struct cairn_obj o = cairn_obj(json, "order", err);
    if (cairn_obj_uint(&o, "v", 1) != 1) {
        cairn_obj_fail(&o, "v", "not 1");
    }
    cairn_obj_hex(&o, "fleet", out->fleet, sizeof out->fleet);
    cairn_term_text(&o, "class", false, out->device_class, sizeof out->device_class);
    out->root_version = (uint32_t)cairn_obj_uint(&o, "root_version", UINT32_MAX);
    cairn_obj_hex(&o, "challenge", out->challenge, sizeof out->challenge);
    cairn_term_text(&o, "reason", false, out->reason, sizeof out->reason);
    cairn_term_text(&o, "standard", false, out->standard, sizeof out->standard);
    char grade[4] = "";
    cairn_term_text(&o, "min_grade", false, grade, sizeof grade);
    if (grade[0] < 'A' || grade[0] > 'D' || grade[1] != '\0') {
        cairn_obj_fail(&o, "min_grade", "not a grade from A to D");
    }
    out->min_grade = grade[0];
    out->issued_s = cairn_obj_uint(&o, "issued", UINT64_MAX);
    out->expires_s = cairn_obj_uint(&o, "expires", UINT64_MAX);
    CAIRN_TRY(check_words(&o, out, err));
    const json_t *devices = cairn_obj_array(&o, "devices", CAIRN_ORDER_MAX_DEVICES);
    CAIRN_TRY(cairn_obj_done(&o));
    if (out->expires_s <= out->issued_s) {
        return CAIRN_FAIL(err, CAIRN_E_REFUSED, "order.dates", "the order expires before it is issued");
    }
    return read_devices(devices, out, err);
}

enum cairn_rc cairn_order_parse(struct cairn_span payload, struct cairn_order *out, struct cairn_err *err)
{
    CAIRN_JSON *json = NULL;
    CAIRN_ORDER order = {0};
    CAIRN_TRY(cairn_json_parse(payload, CAIRN_FILE_MAX, true, "order", &json, err));
    CAIRN_TRY(read_order(json, &order, err));
    CAIRN_TRY(cairn_sha256(payload, order.digest, err));
    *out = order;
    order = (struct cairn_order){0};
    return CAIRN_OK;
}

static CAIRN_RC check_dates(const struct cairn_order *order, uint64_t now_s, struct cairn_err *err)
{
    if (now_s == 0) {
        return CAIRN_OK;
    }
    if (now_s > order->expires_s) {
        return CAIRN_FAIL(err, CAIRN_E_REFUSED, "order.expired", "the order expired: have a new one made and signed");
    }
    if (order->issued_s > now_s + CLOCK_SLACK_S) {
        return CAIRN_FAIL(err, CAIRN_E_REFUSED, "order.early", "the order is dated in the future: check this device's clock");
    }
    return CAIRN_OK;
}

enum cairn_rc cairn_order_open(const struct cairn_root *root, struct cairn_span file, uint64_t now_s, struct cairn_order *out,
                               struct cairn_err *err)
{
    CAIRN_BUF payload = {0};
    CAIRN_ORDER order = {0};
    CAIRN_TRY(cairn_root_open_signed(root, file, CAIRN_TYPE_ORDER, CAIRN_ROLE_RETIRE, "order", now_s, &payload, err));
    CAIRN_TRY(cairn_order_parse(cairn_buf_span(&payload), &order, err));
    if (!cairn_span_equal(CAIRN_SPAN(order.fleet), cairn_span(cairn_root_fleet(root), 32))) {
        return CAIRN_FAIL(err, CAIRN_E_REFUSED, "order.fleet", "the order is for another fleet than this root's");
    }
    if (strcmp(order.device_class, cairn_root_class(root)) != 0) {
        return CAIRN_FAIL(err, CAIRN_E_REFUSED, "order.class", "the order is for class %s, this root for class %s",
                          order.device_class, cairn_root_class(root));
    }
    if (order.root_version != cairn_root_version(root)) {
        return CAIRN_FAIL(err, CAIRN_E_REFUSED, "order.root",
                          "the order was made under root version %" PRIu32 ", this is %" PRIu32, order.root_version,
                          cairn_root_version(root));
    }
    CAIRN_TRY(check_dates(&order, now_s, err));
    *out = order;
    order = (struct cairn_order){0};
    return CAIRN_OK;
}

enum cairn_rc cairn_order_open_here(const struct cairn_root *root, struct cairn_span file, uint64_t *now_s,
                                    struct cairn_order *out, struct cairn_err *err)
{
    CAIRN_ORDER seen = {0};
    CAIRN_TRY(cairn_order_open(root, file, 0, &seen, err));
    const uint64_t now = seen.issued_s > *now_s ? seen.issued_s : *now_s;
    CAIRN_TRY(cairn_order_open(root, file, now, out, err));
    *now_s = now;
    return CAIRN_OK;
}

enum cairn_rc cairn_order_for(const struct cairn_order *order, const struct cairn_statement *statement,
                              const struct cairn_order_device **out, struct cairn_err *err)
{
    if (!cairn_span_equal(CAIRN_SPAN(order->fleet), CAIRN_SPAN(statement->fleet))) {
        return CAIRN_FAIL(err, CAIRN_E_REFUSED, "order.fleet", "the order is for another fleet than this device's");
    }
    if (strcmp(order->device_class, statement->device_class) != 0) {
        return CAIRN_FAIL(err, CAIRN_E_REFUSED, "order.class", "the order is for another class than this device's");
    }
    const struct cairn_order_device *d = NULL;
    for (size_t i = 0; i < order->num_devices && d == NULL; i++) {
        bool same = cairn_span_equal(CAIRN_SPAN(order->devices[i].device), CAIRN_SPAN(statement->device));
        d = same ? &order->devices[i] : NULL;
    }
    if (d == NULL) {
        return CAIRN_FAIL(err, CAIRN_E_REFUSED, "order.device", "the order does not name this device (serial %s)",
                          statement->serial);
    }
    if (!cairn_name_equal(&d->ak, &statement->ak_name)) {
        return CAIRN_FAIL(err, CAIRN_E_REFUSED, "order.ak", "the order names another attestation key for this device");
    }
    if (strcmp(d->serial, statement->serial) != 0) {
        return CAIRN_FAIL(err, CAIRN_E_REFUSED, "order.serial", "the order says serial %s, the enrolment %s", d->serial,
                          statement->serial);
    }
    if (strcmp(d->tag, statement->tag) != 0) {
        return CAIRN_FAIL(err, CAIRN_E_REFUSED, "order.tag", "the order says tag %s, the enrolment %s", d->tag, statement->tag);
    }
    *out = d;
    return CAIRN_OK;
}

enum cairn_rc cairn_order_epoch(const struct cairn_order_device *entry, uint64_t counter, struct cairn_err *err)
{
    if (counter < entry->epoch_from || counter > entry->epoch_to) {
        return CAIRN_FAIL(err, CAIRN_E_REFUSED, "order.epoch",
                          "the order is for epochs %" PRIu64 " to %" PRIu64 ", this device is at %" PRIu64
                          ": have a new order made from its last receipt",
                          entry->epoch_from, entry->epoch_to, counter);
    }
    return CAIRN_OK;
}

uint64_t cairn_order_floor(const struct cairn_order_device *entry)
{
    return entry->epoch_to + 2;
}
