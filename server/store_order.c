/* server/store_order.c -- retirement orders, the devices they name, and what an operator decided about them. */
#include "server/store_internal.h"

static const char NEXT[] = "SELECT COALESCE(MAX(seq), 0) + 1 FROM orders";
static const char PUT[] = "INSERT INTO orders (digest, seq, state, online, accepted_s, expires_s, reason, num_devices, file)"
                          " VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9) ON CONFLICT (digest) DO NOTHING RETURNING seq";
static const char PUT_DEVICE[] = "INSERT INTO order_device (device, seq) VALUES ($1, $2) ON CONFLICT (device, seq) DO NOTHING";
static const char GET[] = "SELECT state, online, accepted_s, expires_s, reason, file FROM orders WHERE digest = $1";
static const char STATE_GET[] = "SELECT state FROM orders WHERE digest = $1";
static const char STATE_PUT[] = "UPDATE orders SET state = $2 WHERE digest = $1";
static const char FOR_DEVICE[] = "SELECT orders.digest FROM order_device JOIN orders ON orders.seq = order_device.seq"
                                 " WHERE order_device.device = $1 AND orders.state <> 2 AND orders.expires_s >= $2"
                                 " ORDER BY order_device.seq DESC LIMIT 1";

void cairn_order_row_clear(struct cairn_order_row *row)
{
    cairn_buf_clear(&row->file);
    *row = (struct cairn_order_row){0};
}

static enum cairn_rc next_seq(struct cairn_store *s, uint64_t *seq, struct cairn_err *err)
{
    CAIRN_QUERY q = cairn_query(s, NEXT, err);
    bool row = false;
    CAIRN_TRY(cairn_query_row(&q, &row));
    *seq = cairn_column_uint(&q, INT64_MAX);
    return cairn_query_read(&q);
}

static enum cairn_rc put(struct cairn_store *s, const struct cairn_order_row *row, uint64_t seq, size_t num_devices,
                         bool *written, struct cairn_err *err)
{
    CAIRN_QUERY q = cairn_query(s, PUT, err);
    cairn_bind_bytes(&q, CAIRN_SPAN(row->digest));
    cairn_bind_uint(&q, seq);
    cairn_bind_uint(&q, row->state);
    cairn_bind_uint(&q, row->online);
    cairn_bind_uint(&q, row->accepted_s);
    cairn_bind_uint(&q, row->expires_s);
    cairn_bind_text(&q, row->reason);
    cairn_bind_uint(&q, num_devices);
    cairn_bind_bytes(&q, cairn_buf_span(&row->file));
    return cairn_query_row(&q, written);
}

static enum cairn_rc put_device(struct cairn_store *s, const uint8_t device[32], uint64_t seq, struct cairn_err *err)
{
    CAIRN_QUERY q = cairn_query(s, PUT_DEVICE, err);
    cairn_bind_bytes(&q, cairn_span(device, 32));
    cairn_bind_uint(&q, seq);
    return cairn_query_run(&q);
}

enum cairn_rc cairn_store_order_put(struct cairn_store *s, const struct cairn_order_row *row, const uint8_t (*devices)[32],
                                    size_t num_devices, struct cairn_err *err)
{
    uint64_t seq = 0;
    bool written = false;
    CAIRN_TRY(next_seq(s, &seq, err));
    CAIRN_TRY(put(s, row, seq, num_devices, &written, err));
    for (size_t i = 0; written && i < num_devices; i++) {
        CAIRN_TRY(put_device(s, devices[i], seq, err));
    }
    return CAIRN_OK;
}

enum cairn_rc cairn_store_order_get(struct cairn_store *s, const uint8_t digest[32], struct cairn_order_row *out, bool *found,
                                    struct cairn_err *err)
{
    CAIRN_CLEANUP(cairn_order_row_clear) struct cairn_order_row row = {0};
    CAIRN_QUERY q = cairn_query(s, GET, err);
    cairn_bind_bytes(&q, cairn_span(digest, 32));
    CAIRN_TRY(cairn_query_row(&q, found));
    if (!*found) {
        return CAIRN_OK;
    }
    cairn_copy(row.digest, digest, 32);
    row.state = (enum cairn_order_state)cairn_column_uint(&q, CAIRN_ORDER_CANCELLED);
    row.online = cairn_column_bool(&q);
    row.accepted_s = cairn_column_uint(&q, UINT64_MAX);
    row.expires_s = cairn_column_uint(&q, UINT64_MAX);
    cairn_column_text(&q, row.reason, sizeof(row.reason));
    cairn_column_buf(&q, &row.file);
    CAIRN_TRY(cairn_query_read(&q));
    cairn_order_row_clear(out);
    *out = row;
    row = (struct cairn_order_row){0};
    return CAIRN_OK;
}

static enum cairn_rc get_state(struct cairn_store *s, const uint8_t digest[32], enum cairn_order_state *state,
                               struct cairn_err *err)
{
    CAIRN_QUERY q = cairn_query(s, STATE_GET, err);
    bool found = false;
    cairn_bind_bytes(&q, cairn_span(digest, 32));
    CAIRN_TRY(cairn_query_row(&q, &found));
    if (!found) {
        return CAIRN_FAIL(err, CAIRN_E_REFUSED, "order.unknown", "no such order is known here");
    }
    *state = (enum cairn_order_state)cairn_column_uint(&q, CAIRN_ORDER_CANCELLED);
    return cairn_query_read(&q);
}

enum cairn_rc cairn_store_order_state(struct cairn_store *s, const uint8_t digest[32], enum cairn_order_state state,
                                      struct cairn_err *err)
{
    enum cairn_order_state now = CAIRN_ORDER_ACTIVE;
    CAIRN_TRY(get_state(s, digest, &now, err));
    if (now == CAIRN_ORDER_CANCELLED && state != CAIRN_ORDER_CANCELLED) {
        return CAIRN_FAIL(err, CAIRN_E_REFUSED, "order.cancelled",
                          "this order was cancelled, and that is for ever: sign a new one");
    }
    CAIRN_QUERY q = cairn_query(s, STATE_PUT, err);
    cairn_bind_bytes(&q, cairn_span(digest, 32));
    cairn_bind_uint(&q, state);
    return cairn_query_run(&q);
}

enum cairn_rc cairn_store_order_for(struct cairn_store *s, const uint8_t device[32], uint64_t now_s, uint8_t digest[32],
                                    bool *found, struct cairn_err *err)
{
    CAIRN_QUERY q = cairn_query(s, FOR_DEVICE, err);
    cairn_bind_bytes(&q, cairn_span(device, 32));
    cairn_bind_uint(&q, now_s);
    CAIRN_TRY(cairn_query_row(&q, found));
    if (*found) {
        cairn_column_array(&q, digest, 32);
    }
    return cairn_query_read(&q);
}
