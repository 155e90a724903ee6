/* tests/unit/server/test_store_lists.c -- archive, orders, secrets, the audit chain, lists and counts. */
#include "store_room.h"

#include "core/crypto.h"
#include "policies/evaluate.h"

#define ok(call) assert_int_equal((call), CAIRN_OK)
#define refuses(call, rc, name)                                                                                                \
    do {                                                                                                                       \
        assert_int_equal((call), (rc));                                                                                        \
        assert_string_equal(room->err.code, (name));                                                                           \
    } while (0)

/* --- archive --- */

static void the_archive_keeps_every_file_and_marks_the_device(void **state)
{
    struct room *room = *state;
    struct cairn_store *store = open_store(room, true);
    struct cairn_device_row row = device_row(1, "s"), got = {0};
    CAIRN_BUF last = {0};
    bool found = true;
    const uint8_t *id = row.device;
    ok(cairn_store_device_put(store, &row, false, &room->err));
    ok(cairn_store_archive_last(store, id, CAIRN_ARCHIVE_RECEIPT, &last, &found, &room->err));
    assert_false(found);
    ok(cairn_store_archive_put(store, id, CAIRN_ARCHIVE_STATEMENT, cairn_span_str("statement"), "", 1, &room->err));
    ok(cairn_store_archive_put(store, id, CAIRN_ARCHIVE_RECEIPT, cairn_span_str("one"), "", 1, &room->err));
    ok(cairn_store_archive_put(store, id, CAIRN_ARCHIVE_RECEIPT, cairn_span_str("two"), "", 1, &room->err));
    ok(cairn_store_archive_put(store, id, CAIRN_ARCHIVE_RECEIPT, cairn_span_str("one"), "", 1, &room->err));
    ok(cairn_store_archive_last(store, id, CAIRN_ARCHIVE_RECEIPT, &last, &found, &room->err));
    assert_string_equal((const char *)last.p, "two");
    ok(cairn_store_archive_put(store, id, CAIRN_ARCHIVE_KILL, cairn_span_str("kill"), "", 1, &room->err));
    ok(cairn_store_device_get(store, id, &got, &found, &room->err));
    assert_true(got.has_receipt && got.has_kill && !got.has_certificate);
    ok(cairn_store_archive_put(store, id, CAIRN_ARCHIVE_CERTIFICATE, cairn_span_str("cert"), "grade B", 1, &room->err));
    ok(cairn_store_device_get(store, id, &got, &found, &room->err));
    assert_true(got.has_certificate);
    assert_string_equal(got.grade, "B");
    cairn_device_row_clear(&row);
    cairn_device_row_clear(&got);
    cairn_store_close(store);
}

/* --- orders --- */

static struct cairn_order_row order_row(uint8_t number, uint64_t expires_s)
{
    struct cairn_order_row row = {.digest = {number}, .online = true, .accepted_s = 1000, .expires_s = expires_s};
    (void)snprintf(row.reason, sizeof(row.reason), "end of lease");
    fill(&row.file, "order");
    return row;
}

static void an_order_comes_back_as_it_was_put_first(void **state)
{
    struct room *room = *state;
    struct cairn_store *store = open_store(room, true);
    struct cairn_order_row row = order_row(1, 5000), got = {0};
    bool found = true;
    uint8_t devices[1][32];
    id_of(1, devices[0]);
    ok(cairn_store_order_get(store, row.digest, &got, &found, &room->err));
    assert_false(found);
    ok(cairn_store_order_put(store, &row, (const uint8_t(*)[32])devices, 1, &room->err));
    ok(cairn_store_order_state(store, row.digest, CAIRN_ORDER_HELD, &room->err));
    ok(cairn_store_order_put(store, &row, (const uint8_t(*)[32])devices, 1, &room->err));
    ok(cairn_store_order_get(store, row.digest, &got, &found, &room->err));
    assert_true(found && got.online && got.accepted_s == 1000 && got.expires_s == 5000);
    assert_int_equal(got.state, CAIRN_ORDER_HELD);
    assert_string_equal(got.reason, "end of lease");
    assert_string_equal((const char *)got.file.p, "order");
    assert_memory_equal(got.digest, row.digest, 32);
    cairn_order_row_clear(&row);
    cairn_order_row_clear(&got);
    cairn_store_close(store);
}

static void a_cancelled_order_stays_cancelled(void **state)
{
    struct room *room = *state;
    struct cairn_store *store = open_store(room, true);
    struct cairn_order_row row = order_row(1, 5000);
    const uint8_t stranger[32] = {9};
    ok(cairn_store_order_put(store, &row, NULL, 0, &room->err));
    ok(cairn_store_order_state(store, row.digest, CAIRN_ORDER_HELD, &room->err));
    ok(cairn_store_order_state(store, row.digest, CAIRN_ORDER_ACTIVE, &room->err));
    ok(cairn_store_order_state(store, row.digest, CAIRN_ORDER_CANCELLED, &room->err));
    ok(cairn_store_order_state(store, row.digest, CAIRN_ORDER_CANCELLED, &room->err));
    refuses(cairn_store_order_state(store, row.digest, CAIRN_ORDER_ACTIVE, &room->err), CAIRN_E_REFUSED, "order.cancelled");
    refuses(cairn_store_order_state(store, row.digest, CAIRN_ORDER_HELD, &room->err), CAIRN_E_REFUSED, "order.cancelled");
    refuses(cairn_store_order_state(store, stranger, CAIRN_ORDER_HELD, &room->err), CAIRN_E_REFUSED, "order.unknown");
    cairn_order_row_clear(&row);
    cairn_store_close(store);
}

static unsigned order_for(struct room *room, struct cairn_store *store, uint32_t device, uint64_t now_s)
{
    uint8_t id[32], digest[32] = {0};
    bool found = false;
    id_of(device, id);
    ok(cairn_store_order_for(store, id, now_s, digest, &found, &room->err));
    return found ? digest[0] : 0;
}

static void a_device_gets_its_newest_order_that_still_stands(void **state)
{
    struct room *room = *state;
    struct cairn_store *store = open_store(room, true);
    struct cairn_order_row first = order_row(1, 9000), second = order_row(2, 5000);
    uint8_t both[2][32], one[1][32];
    id_of(1, both[0]);
    id_of(2, both[1]);
    id_of(1, one[0]);
    ok(cairn_store_order_put(store, &first, (const uint8_t(*)[32])both, 2, &room->err));
    ok(cairn_store_order_put(store, &second, (const uint8_t(*)[32])one, 1, &room->err));
    assert_int_equal(order_for(room, store, 1, 2000), 2);
    assert_int_equal(order_for(room, store, 1, 5000), 2);
    assert_int_equal(order_for(room, store, 1, 5001), 1);
    assert_int_equal(order_for(room, store, 2, 2000), 1);
    assert_int_equal(order_for(room, store, 3, 2000), 0);
    assert_int_equal(order_for(room, store, 1, 9001), 0);
    ok(cairn_store_order_state(store, second.digest, CAIRN_ORDER_HELD, &room->err));
    assert_int_equal(order_for(room, store, 1, 2000), 2);
    ok(cairn_store_order_state(store, second.digest, CAIRN_ORDER_CANCELLED, &room->err));
    assert_int_equal(order_for(room, store, 1, 2000), 1);
    cairn_order_row_clear(&first);
    cairn_order_row_clear(&second);
    cairn_store_close(store);
}

static bool lists_order(struct room *room, struct cairn_store *store, const char *hex_start)
{
    const struct cairn_list_ask ask = {.limit = 1, .tier = -1, .life = -1};
    CAIRN_JSON *list = NULL;
    ok(cairn_store_list_devices(store, &ask, &list, &room->err));
    const char *order = json_string_value(json_object_get(json_array_get(json_object_get(list, "devices"), 0), "order"));
    assert_non_null(order);
    return strncmp(order, hex_start, strlen(hex_start)) == 0;
}

static void a_list_names_a_devices_order_until_it_is_cancelled(void **state)
{
    struct room *room = *state;
    struct cairn_store *store = open_store(room, true);
    struct cairn_device_row device = device_row(1, "s");
    struct cairn_order_row order = order_row(7, 9000);
    uint8_t devices[1][32];
    cairn_copy(devices[0], device.device, 32);
    ok(cairn_store_device_put(store, &device, false, &room->err));
    assert_true(lists_order(room, store, "00"));
    ok(cairn_store_order_put(store, &order, (const uint8_t(*)[32])devices, 1, &room->err));
    assert_true(lists_order(room, store, "07"));
    ok(cairn_store_order_state(store, order.digest, CAIRN_ORDER_CANCELLED, &room->err));
    assert_true(lists_order(room, store, "00"));
    cairn_device_row_clear(&device);
    cairn_order_row_clear(&order);
    cairn_store_close(store);
}

static void a_secret_is_made_once_and_kept(void **state)
{
    struct room *room = *state;
    struct cairn_store *store = open_store(room, true);
    uint8_t a[32] = {0}, b[32] = {0}, other[32] = {0}, zero[32] = {0};
    ok(cairn_store_secret(store, "nonce", a, sizeof(a), &room->err));
    cairn_store_close(store);
    store = open_store(room, true);
    ok(cairn_store_secret(store, "nonce", b, sizeof(b), &room->err));
    ok(cairn_store_secret(store, "other", other, sizeof(other), &room->err));
    assert_memory_equal(a, b, 32);
    assert_memory_not_equal(a, zero, 32);
    assert_memory_not_equal(a, other, 32);
    refuses(cairn_store_secret(store, "nonce", a, 16, &room->err), CAIRN_E_IO, "store.corrupt");
    cairn_store_close(store);
}

/* --- the audit log --- */

static void write_audit(struct room *room, struct cairn_store *store, unsigned num)
{
    for (unsigned i = 0; i < num; i++) {
        const struct cairn_audit_entry entry = {"alice", "order.hold", "ab12", "legal \"hold\"\n", 1800000000 + i};
        ok(cairn_store_audit(store, &entry, &room->err));
    }
}

static void the_audit_chain_verifies_and_has_a_head(void **state)
{
    struct room *room = *state;
    struct cairn_store *store = open_store(room, true);
    uint8_t hash[32] = {1}, zero[32] = {0}, next[32];
    uint64_t num = 9, seq = 9;
    ok(cairn_store_audit_verify(store, &num, &room->err));
    assert_int_equal(num, 0);
    ok(cairn_store_audit_head(store, &seq, hash, &room->err));
    assert_int_equal(seq, 0);
    assert_memory_equal(hash, zero, 32);
    write_audit(room, store, 2500); /* more than one chunk */
    ok(cairn_store_audit_head(store, &seq, hash, &room->err));
    assert_int_equal(seq, 2500);
    ok(cairn_store_audit(store, &(struct cairn_audit_entry){"a", "b", NULL, NULL, 1}, &room->err));
    ok(cairn_store_audit_head(store, &seq, next, &room->err));
    assert_memory_not_equal(hash, next, 32);
    ok(cairn_store_audit_verify(store, &num, &room->err));
    assert_int_equal(num, 2501);
    cairn_store_close(store);
}

/* The chain's definition, computed here by hand for the first entry. */
static void the_first_hash_is_that_of_the_entrys_canonical_json(void **state)
{
    struct room *room = *state;
    struct cairn_store *store = open_store(room, true);
    static const char json[] = "{\"action\":\"order.hold\",\"actor\":\"alice\",\"at\":\"000000006b49d200\","
                               "\"detail\":\"legal \\\"hold\\\"\\n\",\"seq\":\"0000000000000001\",\"subject\":\"ab12\"}";
    const uint8_t none[32] = {0};
    const struct cairn_span parts[] = {CAIRN_SPAN(none), cairn_span_str(json)};
    uint8_t want[32], hash[32];
    uint64_t seq = 0;
    write_audit(room, store, 1);
    ok(cairn_store_audit_head(store, &seq, hash, &room->err));
    ok(cairn_hash_parts(CAIRN_SHA256, parts, 2, want, &room->err));
    assert_memory_equal(hash, want, 32);
    cairn_store_close(store);
}

static void an_altered_audit_log_names_the_entry(void **state)
{
    struct room *room = *state;
    static const struct {
        const char *sql, *entry;
    } alterations[] = {
        {"UPDATE audit SET actor = 'bob' WHERE seq = 4", "entry 4:"},
        {"UPDATE audit SET detail = 'x' WHERE seq = 1", "entry 1:"},
        {"UPDATE audit SET at_s = at_s + 1 WHERE seq = 10", "entry 10:"},
        {"UPDATE audit SET hash = zeroblob(32) WHERE seq = 5", "entry 5:"},
        {"UPDATE audit SET hash = x'00' WHERE seq = 5", "entry 5:"},
        {"UPDATE audit SET subject = CAST(x'ff' AS TEXT) WHERE seq = 3", "entry 3:"},
        {"UPDATE audit SET subject = x'ff' WHERE seq = 3", "entry 3:"},
        {"DELETE FROM audit WHERE seq = 6", "entry 6:"},
        {"DELETE FROM audit WHERE seq = 1", "entry 1:"},
        {"DELETE FROM audit WHERE seq = 6; UPDATE audit SET seq = seq - 1 WHERE seq > 6", "entry 6:"},
        {"INSERT INTO audit SELECT 11, at_s, actor, action, subject, detail, hash FROM audit WHERE seq = 10", "entry 11:"},
        {"INSERT INTO audit SELECT 0, at_s, actor, action, subject, detail, hash FROM audit WHERE seq = 10", "entry 0:"},
        {"UPDATE audit SET seq = 20 WHERE seq = 10", "entry 10:"},
        {"UPDATE audit SET actor = 'alice', action = 'order.' || 'hold', subject = 'ab1', detail = '2legal' WHERE seq = 2",
         "entry 2:"},
    };
    for (size_t i = 0; i < CAIRN_ARRAY_LEN(alterations); i++) {
        struct cairn_store *store = open_store(room, true);
        uint64_t num = 0;
        write_audit(room, store, 10);
        ok(cairn_store_audit_verify(store, &num, &room->err));
        direct(room, alterations[i].sql);
        refuses(cairn_store_audit_verify(store, &num, &room->err), CAIRN_E_REFUSED, "audit.chain");
        if (strstr(room->err.text, alterations[i].entry) == NULL) {
            fail_msg("%s: %s", alterations[i].sql, room->err.text);
        }
        direct(room, "DELETE FROM audit");
        cairn_store_close(store);
    }
}

/* Whoever can write the file can hash, too: a gap with good hashes is still a gap. */
static void a_gap_with_good_hashes_is_a_gap(void **state)
{
    struct room *room = *state;
    struct cairn_store *store = open_store(room, true);
    uint64_t num = 0;
    write_audit(room, store, 5);
    direct(room, "UPDATE audit SET seq = 6 WHERE seq = 5");
    write_audit(room, store, 1);
    direct(room, "UPDATE audit SET seq = 5 WHERE seq = 6");
    refuses(cairn_store_audit_verify(store, &num, &room->err), CAIRN_E_REFUSED, "audit.chain");
    assert_non_null(strstr(room->err.text, "entry 6:"));
    cairn_store_close(store);
}

/* What the chain cannot show; the head can. */
static void a_cut_off_end_shows_only_by_the_head(void **state)
{
    struct room *room = *state;
    struct cairn_store *store = open_store(room, true);
    uint8_t before[32], after[32];
    uint64_t num = 0, seq = 0;
    write_audit(room, store, 10);
    ok(cairn_store_audit_head(store, &seq, before, &room->err));
    direct(room, "DELETE FROM audit WHERE seq = 10");
    ok(cairn_store_audit_verify(store, &num, &room->err));
    ok(cairn_store_audit_head(store, &seq, after, &room->err));
    assert_int_equal(seq, 9);
    assert_memory_not_equal(before, after, 32);
    cairn_store_close(store);
}

/* --- lists --- */

static const char *text_of(json_t *list, const char *array, size_t at, const char *key)
{
    const char *text = json_string_value(json_object_get(json_array_get(json_object_get(list, array), at), key));
    return text == NULL ? "" : text;
}

static void text_that_is_not_utf_8_breaks_no_list(void **state)
{
    struct room *room = *state;
    struct cairn_store *store = open_store(room, true);
    struct cairn_list_ask ask = {.limit = 10, .tier = -1, .life = -1};
    CAIRN_JSON *list = NULL;
    uint64_t num = 0;
    ok(cairn_store_audit(store, &(struct cairn_audit_entry){"\xff\xfe", "Z\xc3\xbc", "\xed\xa0\x80", "\xc0\x80\xf5", 1},
                         &room->err));
    ok(cairn_store_audit_verify(store, &num, &room->err));
    ok(cairn_store_list_audit(store, &ask, &list, &room->err));
    assert_string_equal(text_of(list, "audit", 0, "actor"), "??");
    assert_string_equal(text_of(list, "audit", 0, "action"), "Z\xc3\xbc");
    assert_string_equal(text_of(list, "audit", 0, "subject"), "???");
    assert_string_equal(text_of(list, "audit", 0, "detail"), "???");
    direct(room, "UPDATE audit SET actor = CAST(x'41ff00' AS TEXT)");
    cairn_json_freep(&list);
    ok(cairn_store_list_audit(store, &ask, &list, &room->err));
    cairn_store_close(store);
}

enum { NUM_DEVICES = 25 };
static void make_fleet(struct room *room, struct cairn_store *store)
{
    for (uint32_t i = 0; i < NUM_DEVICES; i++) {
        struct cairn_device_row device = device_row(i, "s");
        struct cairn_report_row report = report_row(i, "r");
        device.life = (enum cairn_device_life)(i % 4);
        ok(cairn_store_device_put(store, &device, false, &room->err));
        report.tier = (int)(i % 3);
        report.sticky = report.tier == CAIRN_TIER_CONTRAINDICATED;
        if (i < 20) {
            ok(cairn_store_report_put(store, &report, &room->err));
        }
        cairn_device_row_clear(&device);
        cairn_report_row_clear(&report);
    }
}

/* walk counts a list's rows page by page; each device is seen once, in order. */
static size_t walk(struct room *room, struct cairn_store *store, int tier, int life, unsigned limit)
{
    struct cairn_list_ask ask = {.limit = limit, .tier = tier, .life = life};
    char last[65] = "";
    size_t num = 0;
    for (bool more = true; more;) {
        CAIRN_JSON *list = NULL;
        ok(cairn_store_list_devices(store, &ask, &list, &room->err));
        json_t *array = json_object_get(list, "devices");
        assert_true(json_array_size(array) <= limit);
        for (size_t i = 0; i < json_array_size(array); i++, num++) {
            const char *id = text_of(list, "devices", i, "device");
            assert_true(strcmp(last, id) < 0);
            (void)snprintf(last, sizeof(last), "%s", id);
            assert_true(tier < 0 || strcmp(text_of(list, "devices", i, "tier"), cairn_tier_name((enum cairn_tier)tier)) == 0);
            assert_true(life < 0 ||
                        strcmp(text_of(list, "devices", i, "life"), cairn_device_life_name((enum cairn_device_life)life)) == 0);
        }
        const char *next = json_string_value(json_object_get(list, "next"));
        more = next != NULL;
        ask.has_after = more;
        assert_true(!more || cairn_hex_decode(next, ask.after, 32));
    }
    return num;
}

static void devices_are_listed_in_pages_by_tier_and_life(void **state)
{
    struct room *room = *state;
    struct cairn_store *store = open_store(room, true);
    make_fleet(room, store);
    static const unsigned limits[] = {1, 7, 25, 1000};
    for (size_t i = 0; i < CAIRN_ARRAY_LEN(limits); i++) {
        assert_int_equal(walk(room, store, -1, -1, limits[i]), NUM_DEVICES);
        assert_int_equal(walk(room, store, CAIRN_TIER_AFFIRMING, -1, limits[i]), 7);
        assert_int_equal(walk(room, store, CAIRN_TIER_WARNING, -1, limits[i]), 7);
        assert_int_equal(walk(room, store, CAIRN_TIER_CONTRAINDICATED, -1, limits[i]), 6);
        assert_int_equal(walk(room, store, CAIRN_TIER_UNDECIDED, -1, limits[i]), 0);
        assert_int_equal(walk(room, store, -1, CAIRN_DEVICE_ENROLLED, limits[i]), 7);
        assert_int_equal(walk(room, store, CAIRN_TIER_WARNING, CAIRN_DEVICE_OPERATIONAL, limits[i]), 2);
        assert_int_equal(walk(room, store, CAIRN_TIER_AFFIRMING, CAIRN_DEVICE_ENROLLED, limits[i]), 2);
    }
    cairn_store_close(store);
}

static void a_list_is_asked_for_in_pages_of_at_most_a_thousand(void **state)
{
    struct room *room = *state;
    struct cairn_store *store = open_store(room, true);
    static enum cairn_rc (*const lists[])(struct cairn_store *, const struct cairn_list_ask *, json_t **,
                                          struct cairn_err *) = {
        cairn_store_list_devices,      cairn_store_list_enrolments, cairn_store_list_orders,
        cairn_store_list_certificates, cairn_store_list_audit,
    };
    for (size_t i = 0; i < CAIRN_ARRAY_LEN(lists); i++) {
        CAIRN_JSON *list = NULL;
        struct cairn_list_ask ask = {.limit = 1001, .tier = -1, .life = -1};
        refuses(lists[i](store, &ask, &list, &room->err), CAIRN_E_USAGE, "store.limit");
        ask.limit = 0;
        refuses(lists[i](store, &ask, &list, &room->err), CAIRN_E_USAGE, "store.limit");
        ask.limit = 1000;
        ok(lists[i](store, &ask, &list, &room->err));
    }
    cairn_store_close(store);
}

static void only_enrolments_that_wait_are_listed(void **state)
{
    struct room *room = *state;
    struct cairn_store *store = open_store(room, true);
    struct cairn_list_ask ask = {.limit = 1};
    CAIRN_JSON *list = NULL, *second = NULL;
    for (uint8_t i = 0; i < 4; i++) {
        struct cairn_enrolment_row row = {.digest = {i}, .token = "t", .created_s = 5};
        fill(&row.challenge, i == 1 ? "c" : "");
        fill(&row.statement, i == 2 ? "s" : "");
        (void)snprintf(row.refused, sizeof(row.refused), "%s", i == 3 ? "no" : "");
        ok(cairn_store_enrolment_put(store, &row, 9, &room->err));
        cairn_enrolment_row_clear(&row);
    }
    ok(cairn_store_list_enrolments(store, &ask, &list, &room->err));
    assert_int_equal(json_array_size(json_object_get(list, "enrolments")), 1);
    ask.has_after = cairn_hex_decode(json_string_value(json_object_get(list, "next")), ask.after, 32);
    assert_true(ask.has_after);
    ok(cairn_store_list_enrolments(store, &ask, &second, &room->err));
    assert_null(json_object_get(second, "next"));
    assert_string_equal(text_of(second, "enrolments", 0, "token"), "t");
    json_t *row = json_array_get(json_object_get(second, "enrolments"), 0);
    assert_true(json_is_true(json_object_get(row, "challenged")) && json_is_false(json_object_get(row, "answered")));
    cairn_store_close(store);
}

static void orders_certificates_and_audit_are_listed_in_pages(void **state)
{
    struct room *room = *state;
    struct cairn_store *store = open_store(room, true);
    struct cairn_list_ask ask = {.limit = 2};
    CAIRN_JSON *orders = NULL, *certificates = NULL, *audit = NULL, *rest = NULL;
    for (uint8_t i = 1; i <= 3; i++) {
        struct cairn_order_row row = order_row(i, 5000);
        uint8_t device[32] = {i};
        ok(cairn_store_order_put(store, &row, NULL, 0, &room->err));
        ok(cairn_store_archive_put(store, device, CAIRN_ARCHIVE_CERTIFICATE, cairn_span(&i, 1), "grade C", 1, &room->err));
        ok(cairn_store_archive_put(store, device, CAIRN_ARCHIVE_CERTIFICATE, cairn_span(device, 2), "grade A", 1, &room->err));
        cairn_order_row_clear(&row);
    }
    write_audit(room, store, 3);
    ok(cairn_store_list_orders(store, &ask, &orders, &room->err));
    assert_int_equal(json_array_size(json_object_get(orders, "orders")), 2);
    assert_int_equal(json_integer_value(json_object_get(orders, "next")), 2);
    assert_string_equal(text_of(orders, "orders", 1, "state"), "active");
    ok(cairn_store_list_certificates(store, &ask, &certificates, &room->err));
    assert_int_equal(json_array_size(json_object_get(certificates, "certificates")), 2);
    assert_string_equal(text_of(certificates, "certificates", 0, "note"), "grade A");
    assert_true(json_is_string(json_object_get(certificates, "next")));
    ok(cairn_store_list_audit(store, &ask, &audit, &room->err));
    assert_int_equal(json_integer_value(json_object_get(audit, "next")), 2);
    ask.after_seq = 2;
    ok(cairn_store_list_audit(store, &ask, &rest, &room->err));
    assert_int_equal(json_array_size(json_object_get(rest, "audit")), 1);
    assert_null(json_object_get(rest, "next"));
    assert_string_equal(text_of(rest, "audit", 0, "detail"), "legal \"hold\"\n");
    cairn_store_close(store);
}

static json_int_t count_of(json_t *counts, const char *object, const char *key)
{
    return json_integer_value(json_object_get(json_object_get(counts, object), key));
}

static void counts_are_those_of_the_rows(void **state)
{
    struct room *room = *state;
    struct cairn_store *store = open_store(room, true);
    struct cairn_order_row order = order_row(1, 5000);
    struct cairn_enrolment_row enrolment = {.token = "t"};
    CAIRN_JSON *counts = NULL;
    make_fleet(room, store);
    ok(cairn_store_order_put(store, &order, NULL, 0, &room->err));
    ok(cairn_store_order_state(store, order.digest, CAIRN_ORDER_HELD, &room->err));
    ok(cairn_store_enrolment_put(store, &enrolment, 9, &room->err));
    ok(cairn_store_counts(store, &counts, &room->err));
    assert_int_equal(count_of(counts, "devices", "ENROLLED"), 7);
    assert_int_equal(count_of(counts, "devices", "RETIRED"), 6);
    assert_int_equal(count_of(counts, "tiers", "affirming"), 7);
    assert_int_equal(count_of(counts, "tiers", "warning"), 7);
    assert_int_equal(count_of(counts, "tiers", "contraindicated"), 6);
    assert_int_equal(count_of(counts, "tiers", "undecided"), 0);
    assert_int_equal(count_of(counts, "orders", "active"), 0);
    assert_int_equal(count_of(counts, "orders", "held"), 1);
    assert_int_equal(json_integer_value(json_object_get(counts, "sticky")), 6);
    assert_int_equal(json_integer_value(json_object_get(counts, "enrolments")), 1);
    cairn_order_row_clear(&order);
    cairn_store_close(store);
}

int main(void)
{
#define CASE(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        CASE(the_archive_keeps_every_file_and_marks_the_device),
        CASE(an_order_comes_back_as_it_was_put_first),
        CASE(a_cancelled_order_stays_cancelled),
        CASE(a_device_gets_its_newest_order_that_still_stands),
        CASE(a_list_names_a_devices_order_until_it_is_cancelled),
        CASE(a_secret_is_made_once_and_kept),
        CASE(the_audit_chain_verifies_and_has_a_head),
        CASE(the_first_hash_is_that_of_the_entrys_canonical_json),
        CASE(an_altered_audit_log_names_the_entry),
        CASE(a_gap_with_good_hashes_is_a_gap),
        CASE(a_cut_off_end_shows_only_by_the_head),
        CASE(text_that_is_not_utf_8_breaks_no_list),
        CASE(devices_are_listed_in_pages_by_tier_and_life),
        CASE(a_list_is_asked_for_in_pages_of_at_most_a_thousand),
        CASE(only_enrolments_that_wait_are_listed),
        CASE(orders_certificates_and_audit_are_listed_in_pages),
        CASE(counts_are_those_of_the_rows),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
