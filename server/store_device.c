/* server/store_device.c -- enrolled devices: one row for each TPM, for ever (CHECKS 4).
 *
 * The id is the hash of the EK's Name and the primary key: of two who insert the same id, in one group or in two, one wins.
 */
#include "server/store_internal.h"

#include <string.h>

static const char INSERT[] = "INSERT INTO device (device, serial, tag, site, tpm_class, device_class, life, enrolled_s, epoch,"
                             " ticket, order_digest, has_receipt, has_kill, has_certificate, grade, statement)"
                             " VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16)"
                             " ON CONFLICT (device) DO NOTHING RETURNING life";
static const char REPLACE[] = "UPDATE device SET serial = $2, tag = $3, site = $4, tpm_class = $5, device_class = $6,"
                              " life = $7, enrolled_s = $8, epoch = $9, ticket = $10, order_digest = $11, has_receipt = $12,"
                              " has_kill = $13, has_certificate = $14, grade = $15, statement = $16"
                              " WHERE device = $1 RETURNING life";
static const char STATEMENT[] = "SELECT statement FROM device WHERE device = $1";
static const char FORGET_REPORT[] = "DELETE FROM report WHERE device = $1";
static const char FORGET_GRANT[] = "DELETE FROM grants WHERE device = $1";
static const char GET[] = "SELECT serial, tag, site, tpm_class, device_class, life, enrolled_s, epoch, ticket, order_digest,"
                          " has_receipt, has_kill, has_certificate, grade, statement FROM device WHERE device = $1";
static const char LIFE[] = "UPDATE device SET life = $2, epoch = $3 WHERE device = $1 RETURNING life";
static const char TICKET[] = "UPDATE device SET ticket = $2 WHERE device = $1 RETURNING life";
static const char ORDER[] = "UPDATE device SET order_digest = $2 WHERE device = $1 RETURNING life";

const char *cairn_device_life_name(enum cairn_device_life life)
{
    static const char *const names[] = {"ENROLLED", "OPERATIONAL", "DECOMMISSIONING", "RETIRED"};
    return (size_t)life < CAIRN_ARRAY_LEN(names) ? names[life] : "";
}

void cairn_device_row_clear(struct cairn_device_row *row)
{
    cairn_buf_clear(&row->statement);
    *row = (struct cairn_device_row){0};
}

static void take_row(struct cairn_device_row *to, struct cairn_device_row *from)
{
    cairn_device_row_clear(to);
    *to = *from;
    *from = (struct cairn_device_row){0};
}

enum cairn_rc cairn_store_device_get(struct cairn_store *s, const uint8_t device[32], struct cairn_device_row *out, bool *found,
                                     struct cairn_err *err)
{
    CAIRN_CLEANUP(cairn_device_row_clear) struct cairn_device_row row = {0};
    CAIRN_QUERY q = cairn_query(s, GET, err);
    cairn_bind_bytes(&q, cairn_span(device, 32));
    CAIRN_TRY(cairn_query_row(&q, found));
    if (!*found) {
        return CAIRN_OK;
    }
    cairn_copy(row.device, device, 32);
    cairn_column_text(&q, row.serial, sizeof(row.serial));
    cairn_column_text(&q, row.tag, sizeof(row.tag));
    cairn_column_text(&q, row.site, sizeof(row.site));
    cairn_column_text(&q, row.tpm_class, sizeof(row.tpm_class));
    cairn_column_text(&q, row.device_class, sizeof(row.device_class));
    row.life = (enum cairn_device_life)cairn_column_uint(&q, CAIRN_DEVICE_RETIRED);
    row.enrolled_s = cairn_column_uint(&q, UINT64_MAX);
    row.epoch = cairn_column_uint(&q, UINT64_MAX);
    row.ticket = cairn_column_bool(&q);
    cairn_column_array(&q, row.order, sizeof(row.order));
    row.has_receipt = cairn_column_bool(&q);
    row.has_kill = cairn_column_bool(&q);
    row.has_certificate = cairn_column_bool(&q);
    cairn_column_text(&q, row.grade, sizeof(row.grade));
    cairn_column_buf(&q, &row.statement);
    CAIRN_TRY(cairn_query_read(&q));
    take_row(out, &row);
    return CAIRN_OK;
}

/* write_row runs INSERT or REPLACE; *written false: the id is there already. */
static enum cairn_rc write_row(struct cairn_store *s, const char *sql, const struct cairn_device_row *row, bool *written,
                               struct cairn_err *err)
{
    CAIRN_QUERY q = cairn_query(s, sql, err);
    cairn_bind_bytes(&q, CAIRN_SPAN(row->device));
    cairn_bind_text(&q, row->serial);
    cairn_bind_text(&q, row->tag);
    cairn_bind_text(&q, row->site);
    cairn_bind_text(&q, row->tpm_class);
    cairn_bind_text(&q, row->device_class);
    cairn_bind_uint(&q, row->life);
    cairn_bind_uint(&q, row->enrolled_s);
    cairn_bind_uint(&q, row->epoch);
    cairn_bind_uint(&q, row->ticket);
    cairn_bind_bytes(&q, CAIRN_SPAN(row->order));
    cairn_bind_uint(&q, row->has_receipt);
    cairn_bind_uint(&q, row->has_kill);
    cairn_bind_uint(&q, row->has_certificate);
    cairn_bind_text(&q, row->grade);
    cairn_bind_bytes(&q, cairn_buf_span(&row->statement));
    return cairn_query_row(&q, written);
}

static enum cairn_rc same_statement(struct cairn_store *s, const struct cairn_device_row *row, bool *same,
                                    struct cairn_err *err)
{
    CAIRN_BUF there = {0};
    bool found = false;
    CAIRN_QUERY q = cairn_query(s, STATEMENT, err);
    cairn_bind_bytes(&q, CAIRN_SPAN(row->device));
    CAIRN_TRY(cairn_query_row(&q, &found));
    if (found) {
        cairn_column_buf(&q, &there);
    }
    *same = found && cairn_span_equal(cairn_buf_span(&there), cairn_buf_span(&row->statement));
    return cairn_query_read(&q);
}

/* run_device runs a query whose only parameter is the device. */
static enum cairn_rc run_device(struct cairn_store *s, const char *sql, const uint8_t device[32], struct cairn_err *err)
{
    CAIRN_QUERY q = cairn_query(s, sql, err);
    cairn_bind_bytes(&q, cairn_span(device, 32));
    return cairn_query_run(&q);
}

enum cairn_rc cairn_store_device_put(struct cairn_store *s, const struct cairn_device_row *row, bool may_replace,
                                     struct cairn_err *err)
{
    bool written = false, same = false;
    CAIRN_TRY(write_row(s, INSERT, row, &written, err));
    if (written) {
        return CAIRN_OK;
    }
    CAIRN_TRY(same_statement(s, row, &same, err));
    if (same) {
        return CAIRN_OK;
    }
    if (!may_replace) {
        return CAIRN_FAIL(err, CAIRN_E_REFUSED, "device.known",
                          "this TPM is enrolled already: an approver has to allow a new enrolment with a ticket");
    }
    CAIRN_TRY(run_device(s, FORGET_REPORT, row->device, err));
    CAIRN_TRY(run_device(s, FORGET_GRANT, row->device, err));
    return write_row(s, REPLACE, row, &written, err);
}

static enum cairn_rc demand_device(struct cairn_query *q, struct cairn_err *err)
{
    bool found = false;
    CAIRN_TRY(cairn_query_row(q, &found));
    return found ? CAIRN_OK : CAIRN_FAIL(err, CAIRN_E_REFUSED, "device.unknown", "no such device is enrolled here");
}

enum cairn_rc cairn_store_device_life(struct cairn_store *s, const uint8_t device[32], enum cairn_device_life life,
                                      uint64_t epoch, struct cairn_err *err)
{
    CAIRN_QUERY q = cairn_query(s, LIFE, err);
    cairn_bind_bytes(&q, cairn_span(device, 32));
    cairn_bind_uint(&q, life);
    cairn_bind_uint(&q, epoch);
    return demand_device(&q, err);
}

enum cairn_rc cairn_store_device_ticket(struct cairn_store *s, const uint8_t device[32], bool ticket, struct cairn_err *err)
{
    CAIRN_QUERY q = cairn_query(s, TICKET, err);
    cairn_bind_bytes(&q, cairn_span(device, 32));
    cairn_bind_uint(&q, ticket);
    return demand_device(&q, err);
}

enum cairn_rc cairn_store_device_order(struct cairn_store *s, const uint8_t device[32], const uint8_t order[32],
                                       struct cairn_err *err)
{
    CAIRN_QUERY q = cairn_query(s, ORDER, err);
    cairn_bind_bytes(&q, cairn_span(device, 32));
    cairn_bind_bytes(&q, cairn_span(order, 32));
    return demand_device(&q, err);
}
