/* server/on_order.c -- orders to retire: taken from those who may, handed to the device, let go, held, cancelled.
 *
 * The server makes no order and changes none; it can only delay. What binds a device to it is the release token, over a nonce
 * that the device made itself (CHECKS 61).
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "authority/sign.h"
#include "core/doctype.h"
#include "server/handlers.h"
#include "wipe/release.h"

struct ordering {
    struct cairn_order order;
    struct cairn_order_row row;
    struct cairn_device_row device;
    struct cairn_report_row report;
    uint8_t (*devices)[32];
    enum cairn_order_state state;
};

static void ordering_clear(void *own)
{
    struct ordering *o = own;
    cairn_order_clear(&o->order);
    cairn_order_row_clear(&o->row);
    cairn_device_row_clear(&o->device);
    cairn_report_row_clear(&o->report);
    free(o->devices);
}

static CAIRN_RC find_order(struct cairn_work *work, const uint8_t digest[32], struct ordering **out, struct cairn_err *err)
{
    struct ordering *o = NULL;
    bool found = false;
    CAIRN_TRY(cairn_work_own(work, sizeof *o, ordering_clear, (void **)&o, err));
    CAIRN_TRY(cairn_store_order_get(work->judge->store, digest, &o->row, &found, err));
    if (!found) {
        return CAIRN_FAIL(err, CAIRN_E_REFUSED, "order.unknown", "this server has no such order");
    }
    *out = o;
    return CAIRN_OK;
}

/* The digest is 256 bits of somebody's knowledge: whoever has it has seen the order or was told of it. */
CAIRN_RC cairn_on_order_get(struct cairn_work *work, struct cairn_err *err)
{
    struct ordering *o = NULL;
    CAIRN_TRY(find_order(work, work->id, &o, err));
    if (o->row.state == CAIRN_ORDER_CANCELLED) {
        return CAIRN_FAIL(err, CAIRN_E_REFUSED, "release.cancelled", "this order was cancelled");
    }
    return cairn_work_reply_file(work, CAIRN_TYPE_ORDER, cairn_buf_span(&o->row.file), err);
}

/* Release. */

static CAIRN_RC may_go(const struct cairn_work *work, const struct cairn_order_row *row, struct cairn_err *err)
{
    const uint64_t grace_s = work->judge->fleet->grace_s, from_s = row->accepted_s + grace_s;
    if (row->state == CAIRN_ORDER_CANCELLED) {
        return CAIRN_FAIL(err, CAIRN_E_REFUSED, "release.cancelled", "this order was cancelled");
    }
    if (row->state == CAIRN_ORDER_HELD) {
        enum cairn_rc rc = CAIRN_FAIL(err, CAIRN_E_REFUSED, "release.held", "a hold stands on this order");
        err->retry_after_s = (uint32_t)work->judge->fleet->interval_s;
        return rc;
    }
    if (grace_s > 0 && work->now_s < from_s) {
        enum cairn_rc rc = CAIRN_FAIL(err, CAIRN_E_REFUSED, "release.grace", "the time to think again has not passed yet");
        err->retry_after_s = (uint32_t)(from_s - work->now_s);
        return rc;
    }
    return CAIRN_OK;
}

/* In the writer's thread the order is looked at again: a hold that came meanwhile counts. */
static CAIRN_RC write_release(struct cairn_store *store, struct cairn_work *work, struct cairn_err *err)
{
    struct ordering *o = work->own;
    struct cairn_order_row row = {.online = false};
    bool found = false;
    CAIRN_TRY(cairn_store_order_get(store, o->row.digest, &row, &found, err));
    enum cairn_rc rc = may_go(work, &row, err);
    cairn_order_row_clear(&row);
    CAIRN_TRY(rc);
    if (o->device.life >= CAIRN_DEVICE_DECOMMISSIONING) {
        return CAIRN_OK;
    }
    CAIRN_TRY(cairn_store_device_life(store, o->device.device, CAIRN_DEVICE_DECOMMISSIONING, o->device.epoch, err));
    return cairn_work_audit(store, work, "order.released", o->device.device, "", err);
}

static CAIRN_RC sign_release(struct cairn_work *work, const struct cairn_release_ask *ask, const struct cairn_order *order,
                             const struct cairn_statement *s, struct cairn_err *err)
{
    CAIRN_BUF payload = {0}, file = {0};
    struct cairn_release release = {.issued_s = 0};
    CAIRN_TRY(cairn_release_for(ask, order, s, work->now_s, &release, err));
    CAIRN_TRY(cairn_release_payload(&release, &payload, err));
    CAIRN_TRY(cairn_sign_document(cairn_buf_span(&payload), CAIRN_TYPE_RELEASE, work->judge->fleet->verifier, &file, err));
    return cairn_work_reply_file(work, CAIRN_TYPE_RELEASE, cairn_buf_span(&file), err);
}

CAIRN_RC cairn_on_release(struct cairn_work *work, struct cairn_err *err)
{
    struct cairn_release_ask ask;
    struct ordering *o = NULL;
    const struct cairn_member *member = NULL;
    const struct cairn_order_device *entry = NULL;
    bool found = false;
    CAIRN_TRY(cairn_release_ask_read(cairn_work_body(work), &ask, err));
    CAIRN_TRY(find_order(work, ask.order, &o, err));
    CAIRN_TRY(cairn_work_member(work, ask.device, &o->device, &member, err));
    CAIRN_TRY(cairn_order_open(work->judge->fleet->root, cairn_buf_span(&o->row.file), work->now_s, &o->order, err));
    CAIRN_TRY(cairn_order_for(&o->order, &member->statement, &entry, err));
    CAIRN_TRY(may_go(work, &o->row, err));
    CAIRN_TRY(cairn_store_report_get(work->judge->store, ask.device, &o->report, &found, err));
    CAIRN_TRY(cairn_work_fresh(work, &member->statement, &o->report, found, "release.stale", err));
    if (work->judge->fleet->verifier == NULL) {
        return CAIRN_FAIL(err, CAIRN_E_REFUSED, "release.none", "this server has no verifier key and lets no order go");
    }
    CAIRN_TRY(sign_release(work, &ask, &o->order, &member->statement, err));
    work->write = write_release;
    return CAIRN_OK;
}

/* Operators. */

static CAIRN_RC write_order(struct cairn_store *store, struct cairn_work *work, struct cairn_err *err)
{
    struct ordering *o = work->own;
    struct cairn_order_row known = {.online = false};
    bool found = false;
    CAIRN_TRY(cairn_store_order_get(store, o->row.digest, &known, &found, err));
    cairn_order_row_clear(&known);
    if (found) {
        return CAIRN_OK;
    }
    CAIRN_TRY(cairn_store_order_put(store, &o->row, (const uint8_t(*)[32])o->devices, o->order.num_devices, err));
    return cairn_work_audit(store, work, "order.accepted", o->row.digest, o->row.reason, err);
}

/* Every device that it names must be one of ours, by key and label, before anybody takes it for an order that will be carried
 * out. */
static CAIRN_RC check_devices(struct cairn_work *work, struct ordering *o, struct cairn_err *err)
{
    o->devices = calloc(o->order.num_devices, sizeof *o->devices);
    if (o->devices == NULL) {
        return CAIRN_FAIL(err, CAIRN_E_IO, "memory", "no memory for an order");
    }
    for (size_t i = 0; i < o->order.num_devices; i++) {
        const struct cairn_member *member = NULL;
        const struct cairn_order_device *entry = NULL;
        cairn_device_row_clear(&o->device);
        CAIRN_TRY(cairn_work_member(work, o->order.devices[i].device, &o->device, &member, err));
        CAIRN_TRY(cairn_order_for(&o->order, &member->statement, &entry, err));
        cairn_copy(o->devices[i], member->statement.device, 32);
    }
    return CAIRN_OK;
}

CAIRN_RC cairn_on_order_put(struct cairn_work *work, struct cairn_err *err)
{
    struct ordering *o = NULL;
    char digest[65] = "";
    CAIRN_JSON *json = json_object();
    CAIRN_TRY(cairn_work_own(work, sizeof *o, ordering_clear, (void **)&o, err));
    CAIRN_TRY(cairn_order_open(work->judge->fleet->root, cairn_work_body(work), work->now_s, &o->order, err));
    CAIRN_TRY(check_devices(work, o, err));
    cairn_copy(o->row.digest, o->order.digest, 32);
    o->row.online = o->order.online;
    o->row.accepted_s = work->now_s;
    o->row.expires_s = o->order.expires_s;
    (void)snprintf(o->row.reason, sizeof o->row.reason, "%s", o->order.reason);
    CAIRN_TRY(cairn_buf_set(&o->row.file, cairn_work_body(work), err));
    cairn_hex_encode(CAIRN_SPAN(o->row.digest), digest);
    CAIRN_TRY(cairn_json_set_string(json, "order", digest, err));
    work->write = write_order;
    return cairn_work_reply_json(work, json_incref(json), err);
}

static CAIRN_RC write_state(struct cairn_store *store, struct cairn_work *work, struct cairn_err *err)
{
    static const char *const actions[] = {
        [CAIRN_ORDER_ACTIVE] = "order.resumed", [CAIRN_ORDER_HELD] = "order.held", [CAIRN_ORDER_CANCELLED] = "order.cancelled"};
    struct ordering *o = work->own;
    CAIRN_TRY(cairn_store_order_state(store, o->row.digest, o->state, err));
    return cairn_work_audit(store, work, actions[o->state], o->row.digest, "", err);
}

static CAIRN_RC change_state(struct cairn_work *work, enum cairn_order_state state, struct cairn_err *err)
{
    struct ordering *o = NULL;
    CAIRN_TRY(find_order(work, work->id, &o, err));
    o->state = state;
    work->write = write_state;
    return cairn_work_reply_json(work, json_object(), err);
}

CAIRN_RC cairn_on_order_hold(struct cairn_work *work, struct cairn_err *err)
{
    return change_state(work, CAIRN_ORDER_HELD, err);
}

CAIRN_RC cairn_on_order_resume(struct cairn_work *work, struct cairn_err *err)
{
    return change_state(work, CAIRN_ORDER_ACTIVE, err);
}

CAIRN_RC cairn_on_order_cancel(struct cairn_work *work, struct cairn_err *err)
{
    return change_state(work, CAIRN_ORDER_CANCELLED, err);
}
