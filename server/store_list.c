/* server/store_list.c -- lists and counts for operators, as JSON.
 *
 * One row more than asked for is read: whether it is there tells whether there is a next page. Every text goes by an index from
 * `after` on, so that a page costs what a page costs, however many rows there are; only a search for affirming devices passes
 * over those that are not.
 */
#include "server/store_internal.h"

#include "policies/evaluate.h"

#include <stdio.h>
#include <string.h>

enum { LIMIT_MAX = 1000 };

#define DEVICE_COLUMNS                                                                                                         \
    "SELECT device.device, device.serial, device.tag, device.site, device.tpm_class, device.device_class, device.life,"        \
    " device.enrolled_s, device.epoch, device.ticket, device.has_receipt, device.has_kill, device.has_certificate,"            \
    " device.grade, COALESCE((SELECT orders.digest FROM order_device JOIN orders ON orders.seq = order_device.seq"             \
    " WHERE order_device.device = device.device AND orders.state <> 2 ORDER BY order_device.seq DESC LIMIT 1),"                \
    " device.order_digest), COALESCE(report.tier, -1), COALESCE(report.received_s, 0),"                                        \
    " COALESCE(report.sticky, 0), COALESCE(report.failed, '')"
static const char DEVICES[] = DEVICE_COLUMNS " FROM device LEFT JOIN report ON report.device = device.device"
                                             " WHERE device.device > $1 AND ($3 < 0 OR device.life = $3)"
                                             " AND ($4 < 0 OR report.tier = $4) ORDER BY device.device LIMIT $2";
static const char DEVICES_IN_LIFE[] = DEVICE_COLUMNS " FROM device LEFT JOIN report ON report.device = device.device"
                                                     " WHERE device.life = $3 AND device.device > $1"
                                                     " AND ($4 < 0 OR report.tier = $4) ORDER BY device.device LIMIT $2";
static const char DEVICES_NOT_AFFIRMING[] = DEVICE_COLUMNS " FROM report JOIN device ON device.device = report.device"
                                                           " WHERE report.tier = $4 AND report.tier <> 0"
                                                           " AND report.device > $1 AND ($3 < 0 OR device.life = $3)"
                                                           " ORDER BY report.device LIMIT $2";
static const char ENROLMENTS[] = "SELECT digest, device, token, created_s, CASE WHEN length(challenge) > 0 THEN 1 ELSE 0 END,"
                                 " CASE WHEN length(answer) > 0 THEN 1 ELSE 0 END"
                                 " FROM enrolment WHERE waiting = 1 AND digest > $1 ORDER BY digest LIMIT $2";
static const char ORDERS[] = "SELECT digest, seq, state, online, accepted_s, expires_s, reason, num_devices FROM orders"
                             " WHERE seq > $1 ORDER BY seq LIMIT $2";
static const char CERTIFICATES[] =
    "SELECT archive.device, archive.sha256, archive.note, archive.at_s FROM archive JOIN (SELECT device, MAX(seq) AS seq"
    " FROM archive WHERE kind = 3 AND device > $1 GROUP BY device ORDER BY device LIMIT $2) AS last"
    " ON archive.seq = last.seq ORDER BY archive.device";
static const char AUDIT[] = "SELECT seq, at_s, actor, action, subject, detail, hash FROM audit WHERE seq > $1"
                            " ORDER BY seq LIMIT $2";
static const char COUNT_LIFE[] = "SELECT life, COUNT(*) FROM device GROUP BY life";
static const char COUNT_REPORTS[] = "SELECT 0, COUNT(*) FROM report";
static const char COUNT_TIERS[] = "SELECT tier, COUNT(*) FROM report WHERE tier <> 0 GROUP BY tier";
static const char COUNT_STICKY[] = "SELECT 0, COUNT(*) FROM report WHERE sticky = 1";
static const char COUNT_ORDERS[] = "SELECT state, COUNT(*) FROM orders GROUP BY state";
static const char COUNT_ENROLMENTS[] = "SELECT 0, COUNT(*) FROM enrolment WHERE waiting = 1";

static const char *life_name(uint64_t life)
{
    return cairn_device_life_name((enum cairn_device_life)life);
}

static const char *tier_name(uint64_t tier)
{
    return cairn_tier_name((enum cairn_tier)tier);
}

static const char *order_state_name(uint64_t state)
{
    static const char *const names[] = {"active", "held", "cancelled"};
    return state < CAIRN_ARRAY_LEN(names) ? names[state] : "";
}

/* Members from columns, in turn. Faults of the database stay in the query, those of memory come back. */
static enum cairn_rc text_member(struct cairn_query *q, json_t *o, const char *key, struct cairn_err *err)
{
    json_t *value = cairn_column_json_text(q);
    CAIRN_TRY(cairn_query_read(q));
    return cairn_json_set_take(o, key, value, err);
}

static enum cairn_rc hex_member(struct cairn_query *q, json_t *o, const char *key, struct cairn_err *err)
{
    json_t *value = cairn_column_json_hex(q);
    CAIRN_TRY(cairn_query_read(q));
    return cairn_json_set_take(o, key, value, err);
}

static enum cairn_rc uint_member(struct cairn_query *q, json_t *o, const char *key, struct cairn_err *err)
{
    uint64_t value = cairn_column_uint(q, UINT64_MAX >> 11);
    CAIRN_TRY(cairn_query_read(q));
    return cairn_json_set_uint(o, key, value, err);
}

static enum cairn_rc bool_member(struct cairn_query *q, json_t *o, const char *key, struct cairn_err *err)
{
    bool value = cairn_column_bool(q);
    CAIRN_TRY(cairn_query_read(q));
    return cairn_json_set_bool(o, key, value, err);
}

static enum cairn_rc name_member(struct cairn_query *q, json_t *o, const char *key, const char *(*name)(uint64_t), uint64_t max,
                                 struct cairn_err *err)
{
    uint64_t value = cairn_column_uint(q, max);
    CAIRN_TRY(cairn_query_read(q));
    return cairn_json_set_string(o, key, name(value), err);
}

static enum cairn_rc hex64_member(struct cairn_query *q, json_t *o, const char *key, struct cairn_err *err)
{
    uint64_t value = cairn_column_uint(q, UINT64_MAX);
    CAIRN_TRY(cairn_query_read(q));
    return cairn_json_set_hex64(o, key, value, err);
}

/* report_members: a device that never reported has none of them. */
static enum cairn_rc report_members(struct cairn_query *q, json_t *o, struct cairn_err *err)
{
    int tier = cairn_column_int(q, -1, CAIRN_TIER_UNDECIDED);
    CAIRN_TRY(cairn_query_read(q));
    if (tier < 0) {
        return CAIRN_OK;
    }
    CAIRN_TRY(cairn_json_set_string(o, "tier", cairn_tier_name((enum cairn_tier)tier), err));
    CAIRN_TRY(uint_member(q, o, "received", err));
    CAIRN_TRY(bool_member(q, o, "sticky", err));
    return text_member(q, o, "failed", err);
}

static enum cairn_rc device_object(struct cairn_query *q, json_t *o, struct cairn_err *err)
{
    CAIRN_TRY(hex_member(q, o, "device", err));
    CAIRN_TRY(text_member(q, o, "serial", err));
    CAIRN_TRY(text_member(q, o, "tag", err));
    CAIRN_TRY(text_member(q, o, "site", err));
    CAIRN_TRY(text_member(q, o, "tpm_class", err));
    CAIRN_TRY(text_member(q, o, "class", err));
    CAIRN_TRY(name_member(q, o, "life", life_name, CAIRN_DEVICE_RETIRED, err));
    CAIRN_TRY(uint_member(q, o, "enrolled", err));
    CAIRN_TRY(hex64_member(q, o, "epoch", err));
    CAIRN_TRY(bool_member(q, o, "ticket", err));
    CAIRN_TRY(bool_member(q, o, "receipt", err));
    CAIRN_TRY(bool_member(q, o, "kill", err));
    CAIRN_TRY(bool_member(q, o, "certificate", err));
    CAIRN_TRY(text_member(q, o, "grade", err));
    CAIRN_TRY(hex_member(q, o, "order", err));
    return report_members(q, o, err);
}

static enum cairn_rc enrolment_object(struct cairn_query *q, json_t *o, struct cairn_err *err)
{
    CAIRN_TRY(hex_member(q, o, "digest", err));
    CAIRN_TRY(hex_member(q, o, "device", err));
    CAIRN_TRY(text_member(q, o, "token", err));
    CAIRN_TRY(uint_member(q, o, "created", err));
    CAIRN_TRY(bool_member(q, o, "challenged", err));
    return bool_member(q, o, "answered", err);
}

static enum cairn_rc order_object(struct cairn_query *q, json_t *o, struct cairn_err *err)
{
    CAIRN_TRY(hex_member(q, o, "digest", err));
    CAIRN_TRY(uint_member(q, o, "seq", err));
    CAIRN_TRY(name_member(q, o, "state", order_state_name, CAIRN_ORDER_CANCELLED, err));
    CAIRN_TRY(bool_member(q, o, "online", err));
    CAIRN_TRY(uint_member(q, o, "accepted", err));
    CAIRN_TRY(uint_member(q, o, "expires", err));
    CAIRN_TRY(text_member(q, o, "reason", err));
    return uint_member(q, o, "devices", err);
}

static enum cairn_rc certificate_object(struct cairn_query *q, json_t *o, struct cairn_err *err)
{
    CAIRN_TRY(hex_member(q, o, "device", err));
    CAIRN_TRY(hex_member(q, o, "sha256", err));
    CAIRN_TRY(text_member(q, o, "note", err));
    return uint_member(q, o, "at", err);
}

static enum cairn_rc audit_object(struct cairn_query *q, json_t *o, struct cairn_err *err)
{
    CAIRN_TRY(uint_member(q, o, "seq", err));
    CAIRN_TRY(uint_member(q, o, "at", err));
    CAIRN_TRY(text_member(q, o, "actor", err));
    CAIRN_TRY(text_member(q, o, "action", err));
    CAIRN_TRY(text_member(q, o, "subject", err));
    CAIRN_TRY(text_member(q, o, "detail", err));
    return hex_member(q, o, "hash", err);
}

struct list {
    const char *name, *cursor; /* of the array; the member that the next page begins after */
    enum cairn_rc (*object)(struct cairn_query *q, json_t *o, struct cairn_err *err);
};

/* append_rows reads the query's rows, at most `limit`; *more: there was another. */
static enum cairn_rc append_rows(struct cairn_query *q, const struct list *list, unsigned limit, json_t *array, bool *more,
                                 struct cairn_err *err)
{
    CAIRN_TRY(cairn_query_row(q, more));
    for (unsigned num = 0; *more && num < limit; num++) {
        CAIRN_JSON *o = json_object();
        CAIRN_TRY(list->object(q, o, err));
        if (json_array_append(array, o) != 0) {
            return CAIRN_FAIL(err, CAIRN_E_IO, "json.memory", "no memory for a list");
        }
        CAIRN_TRY(cairn_query_row(q, more));
    }
    return CAIRN_OK;
}

static enum cairn_rc collect(struct cairn_query *q, const struct list *list, const struct cairn_list_ask *ask, json_t **out,
                             struct cairn_err *err)
{
    CAIRN_JSON *result = json_object(), *array = json_array();
    bool more = false;
    CAIRN_TRY(append_rows(q, list, ask->limit, array, &more, err));
    if (more) {
        json_t *next = json_object_get(json_array_get(array, json_array_size(array) - 1), list->cursor);
        CAIRN_TRY(cairn_json_set_take(result, "next", json_incref(next), err));
    }
    CAIRN_TRY(cairn_json_set_take(result, list->name, json_incref(array), err));
    *out = json_incref(result);
    return CAIRN_OK;
}

static enum cairn_rc check_limit(const struct cairn_list_ask *ask, struct cairn_err *err)
{
    if (ask->limit == 0 || ask->limit > LIMIT_MAX) {
        return CAIRN_FAIL(err, CAIRN_E_USAGE, "store.limit", "a list is asked for in pages of 1 to %d", LIMIT_MAX);
    }
    return CAIRN_OK;
}

/* page binds $1 and $2: where to begin, and one row more than asked for. */
static struct cairn_query page(struct cairn_store *s, const char *sql, const struct cairn_list_ask *ask, struct cairn_err *err)
{
    struct cairn_query q = cairn_query(s, sql, err);
    cairn_bind_bytes(&q, cairn_span(ask->after, ask->has_after ? sizeof(ask->after) : 0));
    cairn_bind_uint(&q, ask->limit + 1);
    return q;
}

static struct cairn_query page_by_seq(struct cairn_store *s, const char *sql, const struct cairn_list_ask *ask,
                                      struct cairn_err *err)
{
    struct cairn_query q = cairn_query(s, sql, err);
    cairn_bind_uint(&q, ask->after_seq > INT64_MAX ? INT64_MAX : ask->after_seq);
    cairn_bind_uint(&q, ask->limit + 1);
    return q;
}

enum cairn_rc cairn_store_list_devices(struct cairn_store *s, const struct cairn_list_ask *ask, json_t **out,
                                       struct cairn_err *err)
{
    static const struct list list = {"devices", "device", device_object};
    CAIRN_TRY(check_limit(ask, err));
    const char *sql = ask->tier > 0 ? DEVICES_NOT_AFFIRMING : ask->life >= 0 ? DEVICES_IN_LIFE : DEVICES;
    CAIRN_QUERY q = page(s, sql, ask, err);
    cairn_bind_int(&q, ask->life);
    cairn_bind_int(&q, ask->tier);
    return collect(&q, &list, ask, out, err);
}

enum cairn_rc cairn_store_list_enrolments(struct cairn_store *s, const struct cairn_list_ask *ask, json_t **out,
                                          struct cairn_err *err)
{
    static const struct list list = {"enrolments", "digest", enrolment_object};
    CAIRN_TRY(check_limit(ask, err));
    CAIRN_QUERY q = page(s, ENROLMENTS, ask, err);
    return collect(&q, &list, ask, out, err);
}

enum cairn_rc cairn_store_list_orders(struct cairn_store *s, const struct cairn_list_ask *ask, json_t **out,
                                      struct cairn_err *err)
{
    static const struct list list = {"orders", "seq", order_object};
    CAIRN_TRY(check_limit(ask, err));
    CAIRN_QUERY q = page_by_seq(s, ORDERS, ask, err);
    return collect(&q, &list, ask, out, err);
}

enum cairn_rc cairn_store_list_certificates(struct cairn_store *s, const struct cairn_list_ask *ask, json_t **out,
                                            struct cairn_err *err)
{
    static const struct list list = {"certificates", "device", certificate_object};
    CAIRN_TRY(check_limit(ask, err));
    CAIRN_QUERY q = page(s, CERTIFICATES, ask, err);
    return collect(&q, &list, ask, out, err);
}

enum cairn_rc cairn_store_list_audit(struct cairn_store *s, const struct cairn_list_ask *ask, json_t **out,
                                     struct cairn_err *err)
{
    static const struct list list = {"audit", "seq", audit_object};
    CAIRN_TRY(check_limit(ask, err));
    CAIRN_QUERY q = page_by_seq(s, AUDIT, ask, err);
    return collect(&q, &list, ask, out, err);
}

/* count_by fills counts[value] for a query of (value, number of rows). */
static enum cairn_rc count_by(struct cairn_store *s, const char *sql, uint64_t *counts, size_t num_counts,
                              struct cairn_err *err)
{
    CAIRN_QUERY q = cairn_query(s, sql, err);
    bool row = false;
    CAIRN_TRY(cairn_query_row(&q, &row));
    while (row) {
        uint64_t value = cairn_column_uint(&q, num_counts - 1);
        uint64_t count = cairn_column_uint(&q, INT64_MAX);
        CAIRN_TRY(cairn_query_read(&q));
        counts[value] = count;
        CAIRN_TRY(cairn_query_row(&q, &row));
    }
    return CAIRN_OK;
}

static enum cairn_rc set_counts(json_t *o, const char *key, const uint64_t *counts, size_t num_counts,
                                const char *(*name)(uint64_t), struct cairn_err *err)
{
    json_t *object = json_object();
    CAIRN_TRY(cairn_json_set_take(o, key, object, err));
    for (size_t i = 0; i < num_counts; i++) {
        CAIRN_TRY(cairn_json_set_uint(object, name(i), counts[i], err));
    }
    return CAIRN_OK;
}

/* count_tiers: affirming is what is left, so that the many rows of a healthy fleet are counted by an index alone. */
static enum cairn_rc count_tiers(struct cairn_store *s, uint64_t tiers[CAIRN_TIER_UNDECIDED + 1], struct cairn_err *err)
{
    CAIRN_TRY(count_by(s, COUNT_TIERS, tiers, CAIRN_TIER_UNDECIDED + 1, err));
    CAIRN_TRY(count_by(s, COUNT_REPORTS, tiers, 1, err));
    for (unsigned i = 1; i <= CAIRN_TIER_UNDECIDED; i++) {
        tiers[0] -= tiers[i] < tiers[0] ? tiers[i] : tiers[0];
    }
    return CAIRN_OK;
}

enum cairn_rc cairn_store_counts(struct cairn_store *s, json_t **out, struct cairn_err *err)
{
    uint64_t lives[CAIRN_DEVICE_RETIRED + 1] = {0}, tiers[CAIRN_TIER_UNDECIDED + 1] = {0};
    uint64_t states[CAIRN_ORDER_CANCELLED + 1] = {0}, sticky = 0, enrolments = 0;
    CAIRN_TRY(count_by(s, COUNT_LIFE, lives, CAIRN_ARRAY_LEN(lives), err));
    CAIRN_TRY(count_tiers(s, tiers, err));
    CAIRN_TRY(count_by(s, COUNT_STICKY, &sticky, 1, err));
    CAIRN_TRY(count_by(s, COUNT_ORDERS, states, CAIRN_ARRAY_LEN(states), err));
    CAIRN_TRY(count_by(s, COUNT_ENROLMENTS, &enrolments, 1, err));
    CAIRN_JSON *o = json_object();
    CAIRN_TRY(set_counts(o, "devices", lives, CAIRN_ARRAY_LEN(lives), life_name, err));
    CAIRN_TRY(set_counts(o, "tiers", tiers, CAIRN_ARRAY_LEN(tiers), tier_name, err));
    CAIRN_TRY(set_counts(o, "orders", states, CAIRN_ARRAY_LEN(states), order_state_name, err));
    CAIRN_TRY(cairn_json_set_uint(o, "sticky", sticky, err));
    CAIRN_TRY(cairn_json_set_uint(o, "enrolments", enrolments, err));
    *out = json_incref(o);
    return CAIRN_OK;
}
