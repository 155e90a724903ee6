/* server/store_audit.c -- the hash-chained audit log.
 *
 * Texts are cleaned to UTF-8 before they are hashed and stored, so what is stored is what was hashed and any changed byte
 * shows.
 */
#include "server/store_internal.h"

#include "core/crypto.h"

enum { VERIFY_CHUNK = 1000 };

static const char HEAD[] = "SELECT seq, hash FROM audit ORDER BY seq DESC LIMIT 1";
static const char PUT[] = "INSERT INTO audit (seq, at_s, actor, action, subject, detail, hash)"
                          " VALUES ($1, $2, $3, $4, $5, $6, $7)";
static const char NEXT[] = "SELECT seq, at_s, actor, action, subject, detail, hash FROM audit WHERE seq > $1"
                           " ORDER BY seq LIMIT $2";
static const char LOWEST[] = "SELECT seq FROM audit WHERE seq < 1 LIMIT 1";

enum { ACTOR, ACTION, SUBJECT, DETAIL, NUM_TEXTS };
static const char *const TEXT_NAMES[NUM_TEXTS] = {"actor", "action", "subject", "detail"};

struct link {
    uint64_t seq, at_s;
    struct cairn_buf text[NUM_TEXTS];
    uint8_t hash[32];
};

static void clear_link(struct link *link)
{
    for (unsigned i = 0; i < NUM_TEXTS; i++) {
        cairn_buf_clear(&link->text[i]);
    }
}

/* hash_link: SHA-256(hash of the entry before || canonical JSON). */
static enum cairn_rc hash_link(const uint8_t before[32], const struct link *link, uint8_t out[32], struct cairn_err *err)
{
    CAIRN_JSON *o = json_object();
    CAIRN_BUF text = {0};
    CAIRN_TRY(cairn_json_set_hex64(o, "seq", link->seq, err));
    CAIRN_TRY(cairn_json_set_hex64(o, "at", link->at_s, err));
    for (unsigned i = 0; i < NUM_TEXTS; i++) {
        json_t *value = json_stringn((const char *)link->text[i].p, link->text[i].len);
        CAIRN_TRY(cairn_json_set_take(o, TEXT_NAMES[i], value, err));
    }
    CAIRN_TRY(cairn_json_write(o, &text, err));
    const struct cairn_span parts[] = {cairn_span(before, 32), cairn_buf_span(&text)};
    return cairn_hash_parts(CAIRN_SHA256, parts, CAIRN_ARRAY_LEN(parts), out, err);
}

enum cairn_rc cairn_store_audit_head(struct cairn_store *s, uint64_t *seq, uint8_t hash[32], struct cairn_err *err)
{
    static const uint8_t none[32] = {0};
    CAIRN_QUERY q = cairn_query(s, HEAD, err);
    bool found = false;
    CAIRN_TRY(cairn_query_row(&q, &found));
    *seq = 0;
    cairn_copy(hash, none, 32);
    if (found) {
        *seq = cairn_column_uint(&q, INT64_MAX);
        cairn_column_array(&q, hash, 32);
    }
    return cairn_query_read(&q);
}

static enum cairn_rc put(struct cairn_store *s, const struct link *link, struct cairn_err *err)
{
    CAIRN_QUERY q = cairn_query(s, PUT, err);
    cairn_bind_uint(&q, link->seq);
    cairn_bind_uint(&q, link->at_s);
    for (unsigned i = 0; i < NUM_TEXTS; i++) {
        cairn_bind_text(&q, (const char *)link->text[i].p);
    }
    cairn_bind_bytes(&q, CAIRN_SPAN(link->hash));
    return cairn_query_run(&q);
}

enum cairn_rc cairn_store_audit(struct cairn_store *s, const struct cairn_audit_entry *entry, struct cairn_err *err)
{
    const char *const texts[NUM_TEXTS] = {entry->actor, entry->action, entry->subject, entry->detail};
    CAIRN_CLEANUP(clear_link) struct link link = {.at_s = entry->at_s};
    uint8_t before[32];
    CAIRN_TRY(cairn_store_audit_head(s, &link.seq, before, err));
    link.seq++;
    for (unsigned i = 0; i < NUM_TEXTS; i++) {
        struct cairn_span text = cairn_span_str(texts[i] == NULL ? "" : texts[i]);
        text.len = text.len > CAIRN_STORE_TEXT_MAX ? CAIRN_STORE_TEXT_MAX : text.len;
        CAIRN_TRY(cairn_text_clean(text, &link.text[i], err));
    }
    CAIRN_TRY(hash_link(before, &link, link.hash, err));
    return put(s, &link, err);
}

static enum cairn_rc broken(uint64_t seq, struct cairn_err *err)
{
    return CAIRN_FAIL(err, CAIRN_E_REFUSED, "audit.chain",
                      "the audit log was altered at entry %llu: it was changed, or others were removed or put in before it",
                      (unsigned long long)seq);
}

static enum cairn_rc read_link(struct cairn_query *q, struct link *link)
{
    link->seq = cairn_column_uint(q, INT64_MAX);
    link->at_s = cairn_column_uint(q, UINT64_MAX);
    for (unsigned i = 0; i < NUM_TEXTS; i++) {
        cairn_column_raw_text(q, &link->text[i]);
    }
    cairn_column_array(q, link->hash, sizeof(link->hash));
    return cairn_query_read(q);
}

/* check_link: a column of another type, or a text that is not UTF-8, was written by somebody else. */
static enum cairn_rc check_link(struct cairn_query *q, uint64_t *seq, uint8_t hash[32], struct cairn_err *err)
{
    CAIRN_CLEANUP(clear_link) struct link link = {0};
    uint8_t want[32] = {0};
    bool good = read_link(q, &link) == CAIRN_OK && link.seq == *seq + 1 && hash_link(hash, &link, want, err) == CAIRN_OK;
    if (!good || !cairn_span_equal(CAIRN_SPAN(want), CAIRN_SPAN(link.hash))) {
        return broken(*seq + 1, err);
    }
    *seq = link.seq;
    cairn_copy(hash, want, 32);
    return CAIRN_OK;
}

/* verify_chunk: in chunks, because a long read would keep the writer from folding its log back into the file. */
static enum cairn_rc verify_chunk(struct cairn_store *s, uint64_t *seq, uint8_t hash[32], bool *more, struct cairn_err *err)
{
    CAIRN_QUERY q = cairn_query(s, NEXT, err);
    unsigned num = 0;
    bool row = false;
    cairn_bind_uint(&q, *seq);
    cairn_bind_uint(&q, VERIFY_CHUNK);
    CAIRN_TRY(cairn_query_row(&q, &row));
    while (row) {
        CAIRN_TRY(check_link(&q, seq, hash, err));
        num++;
        CAIRN_TRY(cairn_query_row(&q, &row));
    }
    *more = num == VERIFY_CHUNK;
    return CAIRN_OK;
}

/* check_lowest: the walk begins after 0, so nothing may stand below 1. */
static enum cairn_rc check_lowest(struct cairn_store *s, struct cairn_err *err)
{
    CAIRN_QUERY q = cairn_query(s, LOWEST, err);
    bool alien = false;
    CAIRN_TRY(cairn_query_row(&q, &alien));
    return alien ? broken(0, err) : CAIRN_OK;
}

enum cairn_rc cairn_store_audit_verify(struct cairn_store *s, uint64_t *num, struct cairn_err *err)
{
    uint64_t seq = 0;
    uint8_t hash[32] = {0};
    CAIRN_TRY(check_lowest(s, err));
    for (bool more = true; more;) {
        CAIRN_TRY(verify_chunk(s, &seq, hash, &more, err));
    }
    *num = seq;
    return CAIRN_OK;
}
