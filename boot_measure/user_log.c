/* boot_measure/user_log.c -- see user_log.h. */
#include "boot_measure/user_log.h"

#include "boot_measure/facts.h"

#include <string.h>

enum { HEAD_MAX = 12 + CAIRN_TCG_MAX_BANKS * (2 + CAIRN_HASH_MAX) + 4, SPEC_ID_MAX = 29 + 4 * CAIRN_TCG_MAX_BANKS };

static bool contains(const uint16_t *algs, size_t num, uint16_t alg)
{
    for (size_t i = 0; i < num; i++) {
        if (algs[i] == alg) {
            return true;
        }
    }
    return false;
}

CAIRN_RC cairn_user_log_header(const uint16_t *algs, size_t num, struct cairn_buf *log, struct cairn_err *err)
{
    static const uint16_t ours[] = {CAIRN_SHA1, CAIRN_SHA256, CAIRN_SHA384};
    static const uint8_t zeros[20] = {0};
    if (!contains(algs, num, CAIRN_SHA256)) {
        return CAIRN_FAIL(err, CAIRN_E_UNDECIDED, "boot.userlog.bank", "the TPM's SHA-256 bank is not active");
    }
    uint8_t spec_id[SPEC_ID_MAX];
    struct cairn_writer body = cairn_writer(spec_id, sizeof spec_id);
    uint32_t num_ours = 0;
    for (size_t i = 0; i < CAIRN_ARRAY_LEN(ours); i++) {
        num_ours += contains(algs, num, ours[i]) ? 1 : 0;
    }
    cairn_write_bytes(&body, cairn_span("Spec ID Event03", 16));
    cairn_write_u32_le(&body, 0);          /* platform class: client */
    cairn_write_u32_le(&body, 0x02000200); /* version 2.0, errata 0, 64-bit */
    cairn_write_u32_le(&body, num_ours);
    for (size_t i = 0; i < CAIRN_ARRAY_LEN(ours); i++) {
        if (contains(algs, num, ours[i])) {
            cairn_write_u16_le(&body, ours[i]);
            cairn_write_u16_le(&body, (uint16_t)cairn_hash_len((enum cairn_hash)ours[i]));
        }
    }
    cairn_write_u8(&body, 0);
    uint8_t header[32 + SPEC_ID_MAX];
    struct cairn_writer w = cairn_writer(header, sizeof header);
    cairn_write_u32_le(&w, 0);
    cairn_write_u32_le(&w, CAIRN_EV_NO_ACTION);
    cairn_write_bytes(&w, CAIRN_SPAN(zeros));
    cairn_write_u32_le(&w, (uint32_t)body.len);
    cairn_write_bytes(&w, cairn_writer_span(&body));
    return cairn_buf_set(log, cairn_writer_span(&w), err);
}

static enum cairn_rc write_digest(struct cairn_writer *w, uint16_t alg, uint32_t type, struct cairn_span data,
                                  struct cairn_err *err)
{
    uint8_t digest[CAIRN_HASH_MAX] = {0};
    enum cairn_hash hash = (enum cairn_hash)alg;
    if (cairn_hash_len(hash) == 0) {
        return CAIRN_FAIL(err, CAIRN_E_UNDECIDED, "boot.userlog.bank", "the log has a bank this program cannot hash for: %04x",
                          alg);
    }
    if (type != CAIRN_EV_NO_ACTION) {
        CAIRN_TRY(cairn_hash_parts(hash, &data, 1, digest, err));
    }
    cairn_write_u16_le(w, alg);
    cairn_write_bytes(w, cairn_span(digest, cairn_hash_len(hash)));
    return CAIRN_OK;
}

CAIRN_RC cairn_user_log_event(struct cairn_buf *log, unsigned pcr, uint32_t type, struct cairn_span data, struct cairn_err *err)
{
    struct cairn_tcg_log header;
    if (pcr >= CAIRN_NUM_PCRS || data.len > CAIRN_USER_LOG_MAX_DATA || data.len == 0) {
        return CAIRN_FAIL(err, CAIRN_E_USAGE, "boot.userlog.event", "no event for PCR %u with %zu bytes can be logged", pcr,
                          data.len);
    }
    CAIRN_TRY(cairn_tcg_log_open(cairn_buf_span(log), &header, err));
    uint8_t head[HEAD_MAX];
    struct cairn_writer w = cairn_writer(head, sizeof head);
    cairn_write_u32_le(&w, pcr);
    cairn_write_u32_le(&w, type);
    cairn_write_u32_le(&w, (uint32_t)header.num_banks);
    for (size_t i = 0; i < header.num_banks; i++) {
        CAIRN_TRY(write_digest(&w, header.algs[i], type, data, err));
    }
    cairn_write_u32_le(&w, (uint32_t)data.len);
    CAIRN_BUF whole = {0};
    CAIRN_TRY(cairn_buf_append(&whole, cairn_writer_span(&w), err));
    CAIRN_TRY(cairn_buf_append(&whole, data, err));
    return cairn_buf_append(log, cairn_buf_span(&whole), err);
}

CAIRN_RC cairn_user_log_root(const char *class_name, const uint8_t digest[CAIRN_SHA256_LEN], struct cairn_buf *data,
                             struct cairn_err *err)
{
    if (!cairn_boot_class_ok(cairn_span_str(class_name))) {
        return CAIRN_FAIL(err, CAIRN_E_FORMAT, "boot.root.class",
                          "the class of the root must be 1 to %d printable characters, no quotes, no backslash",
                          CAIRN_ROOT_CLASS_MAX);
    }
    char hex[2 * CAIRN_SHA256_LEN + 1];
    cairn_hex_encode(cairn_span(digest, CAIRN_SHA256_LEN), hex);
    CAIRN_BUF text = {0};
    CAIRN_TRY(cairn_buf_append(&text, cairn_span_str("cairn.root.v1 "), err));
    CAIRN_TRY(cairn_buf_append(&text, cairn_span_str(class_name), err));
    CAIRN_TRY(cairn_buf_append(&text, cairn_span_str(" "), err));
    CAIRN_TRY(cairn_buf_append(&text, cairn_span_str(hex), err));
    return cairn_buf_append(data, cairn_buf_span(&text), err);
}

static bool boot_id_ok(const char *boot_id)
{
    return strlen(boot_id) == CAIRN_BOOT_ID_LEN && strspn(boot_id, "0123456789abcdef-") == CAIRN_BOOT_ID_LEN;
}

static const char base_prefix[] = "cairn.base.v1 ";
enum { BASE_LEN = sizeof base_prefix - 1 + CAIRN_BOOT_ID_LEN + 1 + 2 * CAIRN_SHA256_LEN };

CAIRN_RC cairn_user_log_base(struct cairn_buf *log, const char *boot_id, const uint8_t value[CAIRN_SHA256_LEN],
                             struct cairn_err *err)
{
    if (!boot_id_ok(boot_id)) {
        return CAIRN_FAIL(err, CAIRN_E_USAGE, "boot.userlog.bootid", "the boot id is not a UUID");
    }
    char hex[2 * CAIRN_SHA256_LEN + 1];
    cairn_hex_encode(cairn_span(value, CAIRN_SHA256_LEN), hex);
    uint8_t text[BASE_LEN];
    struct cairn_writer w = cairn_writer(text, sizeof text);
    cairn_write_bytes(&w, cairn_span_str(base_prefix));
    cairn_write_bytes(&w, cairn_span_str(boot_id));
    cairn_write_bytes(&w, cairn_span_str(" "));
    cairn_write_bytes(&w, cairn_span_str(hex));
    return cairn_user_log_event(log, CAIRN_PCR_USERSPACE, CAIRN_EV_NO_ACTION, cairn_writer_span(&w), err);
}

static enum cairn_rc read_base(struct cairn_tcg_log *log, const char *boot_id, uint8_t value[CAIRN_SHA256_LEN], bool *this_boot,
                               struct cairn_err *err)
{
    bool more = false;
    struct cairn_tcg_event event = {0};
    CAIRN_TRY(cairn_tcg_log_next(log, &more, &event, err));
    struct cairn_reader r = cairn_reader(event.data);
    struct cairn_span prefix = cairn_read_bytes(&r, sizeof base_prefix - 1);
    struct cairn_span id = cairn_read_bytes(&r, CAIRN_BOOT_ID_LEN);
    uint8_t space = cairn_read_u8(&r);
    char hex[2 * CAIRN_SHA256_LEN + 1] = {0};
    cairn_read_array(&r, (uint8_t *)hex, sizeof hex - 1);
    if (!more || event.extends || !cairn_reader_done(&r) || !cairn_span_equal(prefix, cairn_span_str(base_prefix)) ||
        space != ' ' || !cairn_hex_decode(hex, value, CAIRN_SHA256_LEN)) {
        return CAIRN_FAIL(err, CAIRN_E_FORMAT, "boot.userlog.base", "the userspace log does not say where PCR 8 stood");
    }
    *this_boot = cairn_span_equal(id, cairn_span_str(boot_id));
    return CAIRN_OK;
}

/* value = H(value || H(data)), and the log must say the same of the digest. */
static enum cairn_rc step(const struct cairn_tcg_event *event, uint8_t value[CAIRN_SHA256_LEN], struct cairn_err *err)
{
    uint8_t digest[CAIRN_SHA256_LEN];
    CAIRN_TRY(cairn_sha256(event->data, digest, err));
    if (event->pcr != CAIRN_PCR_USERSPACE || !cairn_span_equal(CAIRN_SPAN(digest), event->digests[CAIRN_TCG_SHA256])) {
        return CAIRN_FAIL(err, CAIRN_E_FORMAT, "boot.userlog.event",
                          "the event at offset %zu of the userspace log is not one that Cairn writes", event->offset);
    }
    const struct cairn_span parts[2] = {cairn_span(value, CAIRN_SHA256_LEN), CAIRN_SPAN(digest)};
    return cairn_hash_parts(CAIRN_SHA256, parts, CAIRN_ARRAY_LEN(parts), value, err);
}

static enum cairn_rc walk(struct cairn_tcg_log *log, uint8_t at[CAIRN_SHA256_LEN], struct cairn_span value,
                          struct cairn_user_tail *tail, bool *found, struct cairn_err *err)
{
    bool more = false;
    struct cairn_tcg_event event;
    *found = cairn_span_equal(cairn_span(at, CAIRN_SHA256_LEN), value);
    for (;;) {
        CAIRN_TRY(cairn_tcg_log_next(log, &more, &event, err));
        if (!more) {
            return CAIRN_OK;
        }
        if (!event.extends) {
            continue;
        }
        CAIRN_TRY(step(&event, at, err));
        tail->num_events++;
        if (cairn_span_equal(cairn_span(at, CAIRN_SHA256_LEN), value)) {
            *found = true;
            tail->num_extended = tail->num_events;
        }
    }
}

CAIRN_RC cairn_user_log_reconcile(struct cairn_span bytes, const char *boot_id, const uint8_t value[CAIRN_SHA256_LEN],
                                  struct cairn_user_tail *out, struct cairn_err *err)
{
    struct cairn_tcg_log log;
    struct cairn_user_tail tail = {0};
    uint8_t at[CAIRN_SHA256_LEN];
    bool this_boot = false;
    bool found = false;
    CAIRN_TRY(cairn_tcg_log_open(bytes, &log, err));
    CAIRN_TRY(read_base(&log, boot_id, at, &this_boot, err));
    CAIRN_TRY(walk(&log, at, cairn_span(value, CAIRN_SHA256_LEN), &tail, &found, err));
    /* After kexec the boot id is new and the PCRs are not: then the whole log is in PCR 8. */
    tail.stale = !this_boot && !(found && tail.num_events > 0 && tail.num_extended == tail.num_events);
    if (this_boot && !found) {
        return CAIRN_FAIL(err, CAIRN_E_REFUSED, "boot.userlog.reconcile",
                          "PCR 8 holds something that is not in the userspace log: reboot, and find out who extends PCR 8");
    }
    *out = tail;
    return CAIRN_OK;
}

struct cairn_span cairn_user_log_data(struct cairn_span bytes, size_t i)
{
    struct cairn_tcg_log log;
    struct cairn_tcg_event event = {0};
    bool more = cairn_tcg_log_open(bytes, &log, NULL) == CAIRN_OK;
    while (more && cairn_tcg_log_next(&log, &more, &event, NULL) == CAIRN_OK && more) {
        if (event.extends && i-- == 0) {
            return event.data;
        }
    }
    return (struct cairn_span){0};
}
