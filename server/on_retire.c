/* server/on_retire.c -- the end of a device: its kill receipt, then its certificate, verified, counter-signed and kept for
 * ever.
 */
#include <stdio.h>
#include <string.h>

#include "core/doctype.h"
#include "server/handlers.h"
#include "wipe/countersign.h"
#include "wipe/kill.h"

struct retiring {
    struct cairn_device_row device;
    struct cairn_order_row order_row;
    struct cairn_order order;
    struct cairn_kill kill;
    struct cairn_buf file;
    char grade[16]; /* "grade C" */
};

static void retiring_clear(void *own)
{
    struct retiring *r = own;
    cairn_device_row_clear(&r->device);
    cairn_order_row_clear(&r->order_row);
    cairn_order_clear(&r->order);
    cairn_buf_clear(&r->file);
}

/* Which order a kill receipt says it is of. */
static CAIRN_RC named_order(struct cairn_work *work, const struct cairn_tpmdoc *doc, struct retiring *r, struct cairn_err *err)
{
    CAIRN_JSON *json = NULL;
    struct cairn_err why = {0};
    uint8_t digest[32] = {0};
    bool found = false;
    CAIRN_TRY(cairn_json_parse(cairn_buf_span(&doc->payload), CAIRN_FILE_MAX, true, "kill receipt", &json, err));
    struct cairn_obj o = cairn_obj(json, "kill receipt", &why);
    cairn_obj_hex(&o, "order", digest, sizeof digest);
    if (o.rc != CAIRN_OK) {
        return CAIRN_FAIL(err, o.rc, why.code, "%s", why.text);
    }
    CAIRN_TRY(cairn_store_order_get(work->judge->store, digest, &r->order_row, &found, err));
    if (!found) {
        return CAIRN_FAIL(err, CAIRN_E_REFUSED, "order.unknown",
                          "this server does not have the order of this kill receipt: give it to the server, too");
    }
    return cairn_order_open(work->judge->fleet->root, cairn_buf_span(&r->order_row.file), 0, &r->order, err);
}

static CAIRN_RC write_kill(struct cairn_store *store, struct cairn_work *work, struct cairn_err *err)
{
    struct retiring *r = work->own;
    struct cairn_device_row device = {.ticket = false};
    bool found = false;
    CAIRN_TRY(cairn_store_device_get(store, r->device.device, &device, &found, err));
    const enum cairn_device_life life = device.life;
    const bool has_kill = device.has_kill;
    cairn_device_row_clear(&device);
    CAIRN_TRY(
        cairn_store_archive_put(store, r->device.device, CAIRN_ARCHIVE_KILL, cairn_work_body(work), "", work->now_s, err));
    if (life != CAIRN_DEVICE_RETIRED) {
        CAIRN_TRY(cairn_store_device_life(store, r->device.device, CAIRN_DEVICE_DECOMMISSIONING, r->kill.counter, err));
    }
    return has_kill ? CAIRN_OK : cairn_work_audit(store, work, "device.killed", r->device.device, "", err);
}

CAIRN_RC cairn_on_kill(struct cairn_work *work, struct cairn_err *err)
{
    struct retiring *r = NULL;
    const struct cairn_member *member = NULL;
    CAIRN_TPMDOC doc = {.num_attestations = 0};
    struct cairn_tpm_head head = {.fleet = {0}};
    CAIRN_TRY(cairn_work_own(work, sizeof *r, retiring_clear, (void **)&r, err));
    CAIRN_TRY(cairn_work_head(work, CAIRN_TYPE_KILL, "challenge", &doc, &head, err));
    CAIRN_TRY(cairn_work_member(work, head.device, &r->device, &member, err));
    CAIRN_TRY(named_order(work, &doc, r, err));
    CAIRN_TRY(cairn_kill_verify(cairn_work_body(work), &r->order, &member->statement, &r->kill, err));
    work->write = write_kill;
    return cairn_work_reply_json(work, json_object(), err);
}

/* The certificate. */

static CAIRN_RC write_certificate(struct cairn_store *store, struct cairn_work *work, struct cairn_err *err)
{
    struct retiring *r = work->own;
    struct cairn_device_row device = {.ticket = false};
    bool found = false;
    CAIRN_TRY(cairn_store_device_get(store, r->device.device, &device, &found, err));
    const bool known = device.has_certificate;
    const uint64_t epoch = device.epoch;
    cairn_device_row_clear(&device);
    CAIRN_TRY(cairn_store_archive_put(store, r->device.device, CAIRN_ARCHIVE_CERTIFICATE, cairn_buf_span(&r->file), r->grade,
                                      work->now_s, err));
    CAIRN_TRY(cairn_store_device_life(store, r->device.device, CAIRN_DEVICE_RETIRED, epoch, err));
    return known ? CAIRN_OK : cairn_work_audit(store, work, "device.retired", r->device.device, r->grade, err);
}

/* The certificate speaks of this enrolment, not of another one of the same chip. */
static CAIRN_RC check_enrolment(const struct cairn_member *member, const struct cairn_certificate *found, struct cairn_err *err)
{
    return cairn_span_equal(CAIRN_SPAN(found->statement.digest), CAIRN_SPAN(member->statement.digest))
               ? CAIRN_OK
               : CAIRN_FAIL(err, CAIRN_E_REFUSED, "certificate.enrolment",
                            "the certificate ends another enrolment of this device");
}

static CAIRN_RC sign_or_copy(struct cairn_work *work, struct retiring *r, struct cairn_err *err)
{
    const struct cairn_fleet *fleet = work->judge->fleet;
    const struct cairn_span file = cairn_work_body(work), anchor = cairn_buf_span(&fleet->root_file);
    return fleet->verifier != NULL ? cairn_certificate_countersign(file, &anchor, 1, fleet->verifier, &r->file, err)
                                   : cairn_buf_set(&r->file, file, err);
}

/* The same certificate again: what was made of it then. */
static CAIRN_RC stored_before(struct cairn_work *work, struct retiring *r, bool *same, struct cairn_err *err)
{
    CAIRN_TPMDOC then = {.num_attestations = 0}, now = {.num_attestations = 0};
    bool found = false;
    CAIRN_TRY(cairn_store_archive_last(work->judge->store, r->device.device, CAIRN_ARCHIVE_CERTIFICATE, &r->file, &found, err));
    if (found) {
        CAIRN_TRY(cairn_tpmdoc_parse(cairn_buf_span(&r->file), CAIRN_TYPE_CERTIFICATE, &then, err));
        CAIRN_TRY(cairn_tpmdoc_parse(cairn_work_body(work), CAIRN_TYPE_CERTIFICATE, &now, err));
    }
    *same = found && cairn_span_equal(cairn_buf_span(&then.payload), cairn_buf_span(&now.payload));
    return CAIRN_OK;
}

CAIRN_RC cairn_on_certificate(struct cairn_work *work, struct cairn_err *err)
{
    const struct cairn_span anchor = cairn_buf_span(&work->judge->fleet->root_file);
    struct retiring *r = NULL;
    const struct cairn_member *member = NULL;
    CAIRN_CERTIFICATE *found = NULL;
    bool same = false;
    CAIRN_TRY(cairn_work_own(work, sizeof *r, retiring_clear, (void **)&r, err));
    CAIRN_TRY(cairn_certificate_verify(cairn_work_body(work), &anchor, 1, &found, err));
    CAIRN_TRY(cairn_work_member(work, found->statement.device, &r->device, &member, err));
    CAIRN_TRY(check_enrolment(member, found, err));
    CAIRN_TRY(stored_before(work, r, &same, err));
    if (!same) {
        CAIRN_TRY(sign_or_copy(work, r, err));
        (void)snprintf(r->grade, sizeof r->grade, "grade %c", found->grade.grade);
        work->write = write_certificate;
    }
    return cairn_work_reply_file(work, CAIRN_TYPE_CERTIFICATE, cairn_buf_span(&r->file), err);
}
