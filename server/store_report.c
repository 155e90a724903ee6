/* server/store_report.c -- a device's last accepted report and its grant: what is written with every call of a device.
 *
 * The reply stands last, so that a row that has grown past one page is read to its end only when it is asked for.
 */
#include "server/store_internal.h"

#include "policies/evaluate.h"

static const char PUT[] =
    "INSERT INTO report (device, body, received_s, nonce_issued_s, spent, tier, failed, clock_ms, clock_received_ms, resets,"
    " restarts, mask, pcr_digest, seal_digest, log_firmware, log_userspace, log_ima, sticky, sticky_policy, sticky_code,"
    " affirmed_nonce_s, reply) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19,"
    " $20, $21, $22) ON CONFLICT (device) DO UPDATE SET body = excluded.body, received_s = excluded.received_s,"
    " nonce_issued_s = excluded.nonce_issued_s, spent = excluded.spent, tier = excluded.tier, failed = excluded.failed,"
    " clock_ms = excluded.clock_ms, clock_received_ms = excluded.clock_received_ms, resets = excluded.resets,"
    " restarts = excluded.restarts, mask = excluded.mask, pcr_digest = excluded.pcr_digest,"
    " seal_digest = excluded.seal_digest, log_firmware = excluded.log_firmware, log_userspace = excluded.log_userspace,"
    " log_ima = excluded.log_ima, sticky = excluded.sticky, sticky_policy = excluded.sticky_policy,"
    " sticky_code = excluded.sticky_code, affirmed_nonce_s = excluded.affirmed_nonce_s, reply = excluded.reply";
static const char GET[] =
    "SELECT body, received_s, nonce_issued_s, spent, tier, failed, clock_ms, clock_received_ms, resets, restarts, mask,"
    " pcr_digest, seal_digest, log_firmware, log_userspace, log_ima, sticky, sticky_policy, sticky_code, affirmed_nonce_s,"
    " reply FROM report WHERE device = $1";
static const char CLEAR[] = "UPDATE report SET sticky = 0, sticky_code = '' WHERE device = $1 AND sticky = 1 RETURNING tier";
static const char GRANT_PUT[] =
    "INSERT INTO grants (device, body, digest, nonce_issued_s, spent, file, reply) VALUES ($1, $2, $3, $4, $5, $6, $7)"
    " ON CONFLICT (device) DO UPDATE SET body = excluded.body, digest = excluded.digest,"
    " nonce_issued_s = excluded.nonce_issued_s, spent = excluded.spent, file = excluded.file, reply = excluded.reply";
static const char GRANT_GET[] = "SELECT body, digest, nonce_issued_s, spent, file, reply FROM grants WHERE device = $1";

void cairn_report_row_clear(struct cairn_report_row *row)
{
    cairn_buf_clear(&row->reply);
    *row = (struct cairn_report_row){0};
}

static void column_log(struct cairn_query *q, bool *has, uint8_t out[32])
{
    CAIRN_BUF digest = {0};
    cairn_column_buf(q, &digest);
    struct cairn_reader r = cairn_reader(cairn_buf_span(&digest));
    *has = digest.len > 0;
    if (*has) {
        cairn_read_array(&r, out, 32);
    }
    if (!cairn_reader_done(&r) && q->rc == CAIRN_OK) {
        q->rc = cairn_store_corrupt("a log's digest", q->err);
    }
}

static void read_report(struct cairn_query *q, struct cairn_report_row *row)
{
    cairn_column_array(q, row->body, sizeof(row->body));
    row->received_s = cairn_column_uint(q, UINT64_MAX);
    row->nonce_issued_s = cairn_column_uint(q, UINT64_MAX);
    cairn_column_spent(q, row->spent, &row->num_spent);
    row->tier = (int)cairn_column_uint(q, CAIRN_TIER_UNDECIDED);
    cairn_column_text(q, row->failed, sizeof(row->failed));
    row->clock_ms = cairn_column_uint(q, UINT64_MAX);
    row->clock_received_ms = cairn_column_uint(q, UINT64_MAX);
    row->resets = (uint32_t)cairn_column_uint(q, UINT32_MAX);
    row->restarts = (uint32_t)cairn_column_uint(q, UINT32_MAX);
    row->mask = (uint32_t)cairn_column_uint(q, UINT32_MAX);
    cairn_column_array(q, row->pcr_digest, sizeof(row->pcr_digest));
    cairn_column_array(q, row->seal_digest, sizeof(row->seal_digest));
    for (unsigned i = 0; i < CAIRN_NUM_BOOT_LOGS; i++) {
        column_log(q, &row->has_log[i], row->log[i]);
    }
    row->sticky = cairn_column_bool(q);
    cairn_column_array(q, row->sticky_policy, sizeof(row->sticky_policy));
    cairn_column_text(q, row->sticky_code, sizeof(row->sticky_code));
    row->affirmed_nonce_s = cairn_column_uint(q, UINT64_MAX);
    cairn_column_buf(q, &row->reply);
}

enum cairn_rc cairn_store_report_get(struct cairn_store *s, const uint8_t device[32], struct cairn_report_row *out, bool *found,
                                     struct cairn_err *err)
{
    CAIRN_CLEANUP(cairn_report_row_clear) struct cairn_report_row row = {0};
    CAIRN_QUERY q = cairn_query(s, GET, err);
    cairn_bind_bytes(&q, cairn_span(device, 32));
    CAIRN_TRY(cairn_query_row(&q, found));
    if (!*found) {
        return CAIRN_OK;
    }
    cairn_copy(row.device, device, 32);
    read_report(&q, &row);
    CAIRN_TRY(cairn_query_read(&q));
    cairn_report_row_clear(out);
    *out = row;
    row = (struct cairn_report_row){0};
    return CAIRN_OK;
}

enum cairn_rc cairn_store_report_put(struct cairn_store *s, const struct cairn_report_row *row, struct cairn_err *err)
{
    CAIRN_QUERY q = cairn_query(s, PUT, err);
    cairn_bind_bytes(&q, CAIRN_SPAN(row->device));
    cairn_bind_bytes(&q, CAIRN_SPAN(row->body));
    cairn_bind_uint(&q, row->received_s);
    cairn_bind_uint(&q, row->nonce_issued_s);
    cairn_bind_spent(&q, row->spent, row->num_spent);
    cairn_bind_int(&q, row->tier);
    cairn_bind_text(&q, row->failed);
    cairn_bind_uint(&q, row->clock_ms);
    cairn_bind_uint(&q, row->clock_received_ms);
    cairn_bind_uint(&q, row->resets);
    cairn_bind_uint(&q, row->restarts);
    cairn_bind_uint(&q, row->mask);
    cairn_bind_bytes(&q, CAIRN_SPAN(row->pcr_digest));
    cairn_bind_bytes(&q, CAIRN_SPAN(row->seal_digest));
    for (unsigned i = 0; i < CAIRN_NUM_BOOT_LOGS; i++) {
        cairn_bind_bytes(&q, cairn_span(row->log[i], row->has_log[i] ? 32 : 0));
    }
    cairn_bind_uint(&q, row->sticky);
    cairn_bind_bytes(&q, CAIRN_SPAN(row->sticky_policy));
    cairn_bind_text(&q, row->sticky_code);
    cairn_bind_uint(&q, row->affirmed_nonce_s);
    cairn_bind_bytes(&q, cairn_buf_span(&row->reply));
    return cairn_query_run(&q);
}

enum cairn_rc cairn_store_report_clear(struct cairn_store *s, const uint8_t device[32], bool *was_sticky, struct cairn_err *err)
{
    CAIRN_QUERY q = cairn_query(s, CLEAR, err);
    cairn_bind_bytes(&q, cairn_span(device, 32));
    return cairn_query_row(&q, was_sticky);
}

void cairn_grant_row_clear(struct cairn_grant_row *row)
{
    cairn_buf_clear(&row->grant);
    cairn_buf_clear(&row->reply);
    *row = (struct cairn_grant_row){0};
}

enum cairn_rc cairn_store_grant_get(struct cairn_store *s, const uint8_t device[32], struct cairn_grant_row *out, bool *found,
                                    struct cairn_err *err)
{
    CAIRN_CLEANUP(cairn_grant_row_clear) struct cairn_grant_row row = {0};
    CAIRN_QUERY q = cairn_query(s, GRANT_GET, err);
    cairn_bind_bytes(&q, cairn_span(device, 32));
    CAIRN_TRY(cairn_query_row(&q, found));
    if (!*found) {
        return CAIRN_OK;
    }
    cairn_copy(row.device, device, 32);
    cairn_column_array(&q, row.body, sizeof(row.body));
    cairn_column_array(&q, row.digest, sizeof(row.digest));
    row.nonce_issued_s = cairn_column_uint(&q, UINT64_MAX);
    cairn_column_spent(&q, row.spent, &row.num_spent);
    cairn_column_buf(&q, &row.grant);
    cairn_column_buf(&q, &row.reply);
    CAIRN_TRY(cairn_query_read(&q));
    cairn_grant_row_clear(out);
    *out = row;
    row = (struct cairn_grant_row){0};
    return CAIRN_OK;
}

enum cairn_rc cairn_store_grant_put(struct cairn_store *s, const struct cairn_grant_row *row, struct cairn_err *err)
{
    CAIRN_QUERY q = cairn_query(s, GRANT_PUT, err);
    cairn_bind_bytes(&q, CAIRN_SPAN(row->device));
    cairn_bind_bytes(&q, CAIRN_SPAN(row->body));
    cairn_bind_bytes(&q, CAIRN_SPAN(row->digest));
    cairn_bind_uint(&q, row->nonce_issued_s);
    cairn_bind_spent(&q, row->spent, row->num_spent);
    cairn_bind_bytes(&q, cairn_buf_span(&row->grant));
    cairn_bind_bytes(&q, cairn_buf_span(&row->reply));
    return cairn_query_run(&q);
}
