/* server/on_device.c -- what operators and auditors see of devices, and the two things they may change. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/doctype.h"
#include "policies/evaluate.h"
#include "server/handlers.h"

enum { LIMIT_DEFAULT = 100, LIMIT_MAX = 1000, WORD_MAX = 80 };

static CAIRN_RC read_count(const char *name, const char *text, uint64_t max, uint64_t *out, struct cairn_err *err)
{
    char *end = NULL;
    unsigned long long n = strtoull(text, &end, 10);
    if (text[0] < '0' || text[0] > '9' || *end != '\0' || n > max) {
        return CAIRN_FAIL(err, CAIRN_E_FORMAT, "http.query", "%s is a number up to %llu", name, (unsigned long long)max);
    }
    *out = n;
    return CAIRN_OK;
}

static CAIRN_RC query(const struct cairn_work *work, const char *name, char out[WORD_MAX], bool *there, struct cairn_err *err)
{
    return cairn_http_query(cairn_call_head(work->call), name, out, WORD_MAX, there, err);
}

static CAIRN_RC ask_limit(const struct cairn_work *work, struct cairn_list_ask *ask, struct cairn_err *err)
{
    char word[WORD_MAX] = "";
    bool there = false;
    uint64_t limit = LIMIT_DEFAULT;
    CAIRN_TRY(query(work, "limit", word, &there, err));
    if (there) {
        CAIRN_TRY(read_count("limit", word, LIMIT_MAX, &limit, err));
    }
    ask->limit = limit == 0 ? 1 : (unsigned)limit;
    return CAIRN_OK;
}

static CAIRN_RC ask_after(const struct cairn_work *work, struct cairn_list_ask *ask, struct cairn_err *err)
{
    char word[WORD_MAX] = "";
    CAIRN_TRY(query(work, "after", word, &ask->has_after, err));
    if (ask->has_after && (strlen(word) != 64 || !cairn_hex_decode(word, ask->after, sizeof ask->after))) {
        return CAIRN_FAIL(err, CAIRN_E_FORMAT, "http.query", "after is an id: 64 hex digits");
    }
    return CAIRN_OK;
}

/* One of the words that `name_of` has; -1 when the query does not ask. */
static CAIRN_RC ask_word(const struct cairn_work *work, const char *name, const char *(*name_of)(int), int num, int *out,
                         struct cairn_err *err)
{
    char word[WORD_MAX] = "";
    bool there = false;
    CAIRN_TRY(query(work, name, word, &there, err));
    *out = -1;
    for (int i = 0; there && i < num; i++) {
        if (strcmp(word, name_of(i)) == 0) {
            *out = i;
            return CAIRN_OK;
        }
    }
    return there ? CAIRN_FAIL(err, CAIRN_E_FORMAT, "http.query", "%s has no value \"%s\"", name, word) : CAIRN_OK;
}

static const char *tier_name(int tier)
{
    return cairn_tier_name((enum cairn_tier)tier);
}

static const char *life_name(int life)
{
    return cairn_device_life_name((enum cairn_device_life)life);
}

typedef CAIRN_RC lister(struct cairn_store *s, const struct cairn_list_ask *ask, json_t **out, struct cairn_err *err);

static CAIRN_RC list(struct cairn_work *work, const struct cairn_list_ask *ask, lister *fill, struct cairn_err *err)
{
    json_t *json = NULL;
    CAIRN_TRY(fill(work->judge->store, ask, &json, err));
    return cairn_work_reply_json(work, json, err);
}

CAIRN_RC cairn_on_devices(struct cairn_work *work, struct cairn_err *err)
{
    struct cairn_list_ask ask = {.limit = 0};
    CAIRN_TRY(ask_limit(work, &ask, err));
    CAIRN_TRY(ask_after(work, &ask, err));
    CAIRN_TRY(ask_word(work, "tier", tier_name, CAIRN_TIER_UNDECIDED + 1, &ask.tier, err));
    CAIRN_TRY(ask_word(work, "life", life_name, CAIRN_DEVICE_RETIRED + 1, &ask.life, err));
    return list(work, &ask, cairn_store_list_devices, err);
}

CAIRN_RC cairn_on_certificates(struct cairn_work *work, struct cairn_err *err)
{
    struct cairn_list_ask ask = {.tier = -1, .life = -1};
    CAIRN_TRY(ask_limit(work, &ask, err));
    CAIRN_TRY(ask_after(work, &ask, err));
    return list(work, &ask, cairn_store_list_certificates, err);
}

CAIRN_RC cairn_on_enrolments(struct cairn_work *work, struct cairn_err *err)
{
    struct cairn_list_ask ask = {.tier = -1, .life = -1};
    CAIRN_TRY(ask_limit(work, &ask, err));
    return list(work, &ask, cairn_store_list_enrolments, err);
}

CAIRN_RC cairn_on_orders(struct cairn_work *work, struct cairn_err *err)
{
    struct cairn_list_ask ask = {.tier = -1, .life = -1};
    CAIRN_TRY(ask_limit(work, &ask, err));
    return list(work, &ask, cairn_store_list_orders, err);
}

CAIRN_RC cairn_on_audit(struct cairn_work *work, struct cairn_err *err)
{
    struct cairn_list_ask ask = {.tier = -1, .life = -1};
    char word[WORD_MAX] = "";
    CAIRN_TRY(ask_limit(work, &ask, err));
    CAIRN_TRY(query(work, "after", word, &ask.has_after, err));
    if (ask.has_after) {
        CAIRN_TRY(read_count("after", word, INT64_MAX, &ask.after_seq, err));
    }
    return list(work, &ask, cairn_store_list_audit, err);
}

/* One device. */

static CAIRN_RC describe_report(const struct cairn_report_row *r, json_t *json, struct cairn_err *err)
{
    json_t *report = json_object();
    CAIRN_TRY(cairn_json_set_take(json, "report", report, err));
    CAIRN_TRY(cairn_json_set_uint(report, "received", r->received_s, err));
    CAIRN_TRY(cairn_json_set_string(report, "tier", cairn_tier_name((enum cairn_tier)r->tier), err));
    CAIRN_TRY(cairn_json_set_string(report, "failed", r->failed, err));
    CAIRN_TRY(cairn_json_set_bool(report, "sticky", r->sticky, err));
    CAIRN_TRY(cairn_json_set_string(report, "sticky_code", r->sticky_code, err));
    CAIRN_TRY(cairn_json_set_hex64(report, "clock_ms", r->clock_ms, err));
    CAIRN_TRY(cairn_json_set_uint(report, "resets", r->resets, err));
    return cairn_json_set_uint(report, "restarts", r->restarts, err);
}

static CAIRN_RC describe(const struct cairn_device_row *d, json_t *json, struct cairn_err *err)
{
    CAIRN_TRY(cairn_json_set_hex(json, "device", CAIRN_SPAN(d->device), err));
    CAIRN_TRY(cairn_json_set_string(json, "serial", d->serial, err));
    CAIRN_TRY(cairn_json_set_string(json, "tag", d->tag, err));
    CAIRN_TRY(cairn_json_set_string(json, "site", d->site, err));
    CAIRN_TRY(cairn_json_set_string(json, "class", d->device_class, err));
    CAIRN_TRY(cairn_json_set_string(json, "tpm_class", d->tpm_class, err));
    CAIRN_TRY(cairn_json_set_string(json, "life", cairn_device_life_name(d->life), err));
    CAIRN_TRY(cairn_json_set_uint(json, "enrolled", d->enrolled_s, err));
    CAIRN_TRY(cairn_json_set_hex64(json, "epoch", d->epoch, err));
    CAIRN_TRY(cairn_json_set_bool(json, "ticket", d->ticket, err));
    CAIRN_TRY(cairn_json_set_bool(json, "receipt", d->has_receipt, err));
    CAIRN_TRY(cairn_json_set_bool(json, "kill", d->has_kill, err));
    CAIRN_TRY(cairn_json_set_bool(json, "certificate", d->has_certificate, err));
    return cairn_json_set_string(json, "grade", d->grade, err);
}

/* struct looking owns the rows of one look at a device. */
struct looking {
    struct cairn_device_row device;
    struct cairn_report_row report;
    struct cairn_buf file;
};

static void looking_clear(void *own)
{
    struct looking *l = own;
    cairn_device_row_clear(&l->device);
    cairn_report_row_clear(&l->report);
    cairn_buf_clear(&l->file);
}

static CAIRN_RC look(struct cairn_work *work, struct looking **out, struct cairn_err *err)
{
    struct looking *l = NULL;
    bool found = false;
    CAIRN_TRY(cairn_work_own(work, sizeof *l, looking_clear, (void **)&l, err));
    CAIRN_TRY(cairn_store_device_get(work->judge->store, work->id, &l->device, &found, err));
    if (!found) {
        return CAIRN_FAIL(err, CAIRN_E_REFUSED, "device.unknown", "no device of this id is enrolled here");
    }
    *out = l;
    return CAIRN_OK;
}

CAIRN_RC cairn_on_device(struct cairn_work *work, struct cairn_err *err)
{
    struct looking *l = NULL;
    bool found = false;
    CAIRN_JSON *json = json_object();
    CAIRN_TRY(look(work, &l, err));
    CAIRN_TRY(describe(&l->device, json, err));
    CAIRN_TRY(cairn_store_report_get(work->judge->store, work->id, &l->report, &found, err));
    if (found) {
        CAIRN_TRY(describe_report(&l->report, json, err));
    }
    return cairn_work_reply_json(work, json_incref(json), err);
}

CAIRN_RC cairn_on_device_statement(struct cairn_work *work, struct cairn_err *err)
{
    struct looking *l = NULL;
    CAIRN_TRY(look(work, &l, err));
    return cairn_work_reply_file(work, CAIRN_TYPE_STATEMENT, cairn_buf_span(&l->device.statement), err);
}

static CAIRN_RC archived(struct cairn_work *work, enum cairn_archive kind, const char *type, struct cairn_err *err)
{
    struct looking *l = NULL;
    bool found = false;
    CAIRN_TRY(look(work, &l, err));
    CAIRN_TRY(cairn_store_archive_last(work->judge->store, work->id, kind, &l->file, &found, err));
    return found ? cairn_work_reply_file(work, type, cairn_buf_span(&l->file), err)
                 : CAIRN_FAIL(err, CAIRN_E_REFUSED, "http.none", "this device has not sent one");
}

CAIRN_RC cairn_on_device_receipt(struct cairn_work *work, struct cairn_err *err)
{
    return archived(work, CAIRN_ARCHIVE_RECEIPT, CAIRN_TYPE_RECEIPT, err);
}

CAIRN_RC cairn_on_device_kill(struct cairn_work *work, struct cairn_err *err)
{
    return archived(work, CAIRN_ARCHIVE_KILL, CAIRN_TYPE_KILL, err);
}

CAIRN_RC cairn_on_device_certificate(struct cairn_work *work, struct cairn_err *err)
{
    return archived(work, CAIRN_ARCHIVE_CERTIFICATE, CAIRN_TYPE_CERTIFICATE, err);
}

static CAIRN_RC write_clear(struct cairn_store *store, struct cairn_work *work, struct cairn_err *err)
{
    bool was_sticky = false;
    CAIRN_TRY(cairn_store_report_clear(store, work->id, &was_sticky, err));
    return was_sticky ? cairn_work_audit(store, work, "device.cleared", work->id, "", err) : CAIRN_OK;
}

CAIRN_RC cairn_on_device_clear(struct cairn_work *work, struct cairn_err *err)
{
    struct looking *l = NULL;
    CAIRN_TRY(look(work, &l, err));
    work->write = write_clear;
    return cairn_work_reply_json(work, json_object(), err);
}

static CAIRN_RC write_ticket(struct cairn_store *store, struct cairn_work *work, struct cairn_err *err)
{
    CAIRN_TRY(cairn_store_device_ticket(store, work->id, true, err));
    return cairn_work_audit(store, work, "device.ticket", work->id, "", err);
}

/* A device that is being retired gets no new life meanwhile (RECORD: the enroller refuses while an order is open). */
CAIRN_RC cairn_on_device_ticket(struct cairn_work *work, struct cairn_err *err)
{
    struct looking *l = NULL;
    uint8_t order[32] = {0};
    bool found = false;
    CAIRN_TRY(look(work, &l, err));
    if (l->device.life != CAIRN_DEVICE_RETIRED) {
        CAIRN_TRY(cairn_store_order_for(work->judge->store, work->id, work->now_s, order, &found, err));
    }
    if (found) {
        return CAIRN_FAIL(err, CAIRN_E_REFUSED, "device.order", "an order to retire this device stands: cancel it first");
    }
    work->write = write_ticket;
    return cairn_work_reply_json(work, json_object(), err);
}
