/* boot_measure/tcg_log.c -- see tcg_log.h. */
#include "boot_measure/tcg_log.h"

static const char spec_id_03[16] = "Spec ID Event03";
static const char locality_name[16] = "StartupLocality";

static const struct {
    uint16_t alg;
    uint16_t len;
} known_algs[] = {{0x0004, 20}, {0x000b, 32}, {0x000c, 48}, {0x000d, 64}, {0x0012, 32}};

static const uint16_t bank_algs[CAIRN_TCG_NUM_BANKS] = {0x0004, 0x000b, 0x000c};

static size_t find_alg(const struct cairn_tcg_log *log, uint16_t alg)
{
    size_t i = 0;
    while (i < log->num_banks && log->algs[i] != alg) {
        i++;
    }
    return i;
}

bool cairn_tcg_log_has(const struct cairn_tcg_log *log, uint16_t alg)
{
    return find_alg(log, alg) < log->num_banks;
}

static bool begins(struct cairn_span bytes, const char name[16])
{
    return bytes.len >= 16 && cairn_span_equal(cairn_span(bytes.p, 16), cairn_span(name, 16));
}

static bool good_bank(const struct cairn_tcg_log *log, uint16_t alg, uint16_t len)
{
    for (size_t i = 0; i < CAIRN_ARRAY_LEN(known_algs); i++) {
        if (known_algs[i].alg == alg && known_algs[i].len != len) {
            return false;
        }
    }
    return len > 0 && len <= CAIRN_TCG_MAX_DIGEST_LEN && !cairn_tcg_log_has(log, alg);
}

/* TCG_EfiSpecIdEvent behind its signature. */
static bool read_spec_id(struct cairn_span data, struct cairn_tcg_log *log)
{
    struct cairn_reader r = cairn_reader(data);
    (void)cairn_read_bytes(&r, 16); /* signature */
    (void)cairn_read_u32_le(&r);    /* platform class */
    (void)cairn_read_bytes(&r, 4);  /* version minor, major, errata; size of uintn */
    uint32_t num = cairn_read_u32_le(&r);
    if (num == 0 || num > CAIRN_TCG_MAX_BANKS) {
        return false;
    }
    for (uint32_t i = 0; i < num; i++) {
        uint16_t alg = cairn_read_u16_le(&r);
        uint16_t len = cairn_read_u16_le(&r);
        if (!good_bank(log, alg, len)) {
            return false;
        }
        log->algs[log->num_banks] = alg;
        log->lens[log->num_banks] = len;
        log->num_banks++;
    }
    (void)cairn_read_bytes(&r, cairn_read_u8(&r)); /* vendor information */
    return cairn_reader_done(&r);
}

CAIRN_RC cairn_tcg_log_open(struct cairn_span bytes, struct cairn_tcg_log *out, struct cairn_err *err)
{
    if (bytes.len > CAIRN_TCG_MAX_LOG_LEN) {
        return CAIRN_FAIL(err, CAIRN_E_FORMAT, "boot.log.large", "the event log has %zu bytes; %d are the limit", bytes.len,
                          CAIRN_TCG_MAX_LOG_LEN);
    }
    struct cairn_tcg_log log = {.reader = cairn_reader(bytes)};
    uint32_t pcr = cairn_read_u32_le(&log.reader);
    uint32_t type = cairn_read_u32_le(&log.reader);
    (void)cairn_read_bytes(&log.reader, 20);
    uint32_t len = cairn_read_u32_le(&log.reader);
    struct cairn_span data = cairn_read_bytes(&log.reader, len);
    if (!cairn_reader_ok(&log.reader)) {
        return CAIRN_FAIL(err, CAIRN_E_FORMAT, "boot.log.truncated", "the event log ends inside its first event");
    }
    if (type != CAIRN_EV_NO_ACTION || !begins(data, spec_id_03)) {
        return CAIRN_FAIL(err, CAIRN_E_UNDECIDED, "boot.log.sha1",
                          "the event log is not in the crypto-agile format: a SHA-1 log proves nothing about a SHA-256 bank");
    }
    if (pcr != 0 || !read_spec_id(data, &log)) {
        return CAIRN_FAIL(err, CAIRN_E_FORMAT, "boot.log.header", "the event log's Spec ID header contradicts itself");
    }
    *out = log;
    return CAIRN_OK;
}

static bool read_digests(const struct cairn_tcg_log *log, struct cairn_reader *r, struct cairn_tcg_event *event)
{
    uint32_t num = cairn_read_u32_le(r);
    uint32_t seen = 0;
    for (size_t i = 0; cairn_reader_ok(r) && i < num; i++) {
        uint16_t alg = cairn_read_u16_le(r);
        size_t bank = find_alg(log, alg);
        if (!cairn_reader_ok(r)) {
            return true;
        }
        if (bank == log->num_banks || (seen & (1u << bank)) != 0) {
            return false;
        }
        seen |= 1u << bank;
        struct cairn_span digest = cairn_read_bytes(r, log->lens[bank]);
        for (size_t k = 0; k < CAIRN_TCG_NUM_BANKS; k++) {
            if (bank_algs[k] == alg) {
                event->digests[k] = digest;
            }
        }
    }
    return !cairn_reader_ok(r) || num > 0;
}

/* EV_NO_ACTION is never extended; one kind of it moves where PCR 0 starts, and so must come before anything was extended. */
static enum cairn_rc take_no_action(struct cairn_tcg_log *log, const struct cairn_tcg_event *event, struct cairn_err *err)
{
    if (begins(event->data, spec_id_03)) {
        return CAIRN_FAIL(err, CAIRN_E_FORMAT, "boot.log.header", "a second Spec ID header at offset %zu of the event log",
                          event->offset);
    }
    if (!begins(event->data, locality_name)) {
        return CAIRN_OK;
    }
    uint8_t locality = event->data.len == 17 ? event->data.p[16] : 0xff;
    if (log->extended || log->has_locality || (locality != 0 && locality != 3 && locality != 4)) {
        return CAIRN_FAIL(err, CAIRN_E_FORMAT, "boot.log.locality",
                          "the StartupLocality event at offset %zu is late, repeated, or names no possible locality",
                          event->offset);
    }
    log->has_locality = true;
    log->locality = locality;
    return CAIRN_OK;
}

static enum cairn_rc read_event(struct cairn_tcg_log *log, struct cairn_tcg_event *event, struct cairn_err *err)
{
    struct cairn_reader *r = &log->reader;
    event->offset = r->offset;
    uint32_t pcr = cairn_read_u32_le(r);
    event->type = cairn_read_u32_le(r);
    if (cairn_reader_ok(r) && pcr >= CAIRN_NUM_PCRS) {
        return CAIRN_FAIL(err, CAIRN_E_FORMAT, "boot.log.pcr", "the event at offset %zu names PCR %u; the last one is 23",
                          event->offset, pcr);
    }
    event->pcr = pcr;
    event->extends = event->type != CAIRN_EV_NO_ACTION;
    if (!read_digests(log, r, event)) {
        return CAIRN_FAIL(
            err, CAIRN_E_FORMAT, "boot.log.bank",
            "the event at offset %zu has no digest, one twice, or one of an algorithm that the header does not name",
            event->offset);
    }
    uint32_t len = cairn_read_u32_le(r);
    if (len > CAIRN_TCG_MAX_EVENT_LEN) {
        return CAIRN_FAIL(err, CAIRN_E_FORMAT, "boot.log.large", "the event at offset %zu claims %u bytes; %d are the limit",
                          event->offset, len, CAIRN_TCG_MAX_EVENT_LEN);
    }
    event->data = cairn_read_bytes(r, len);
    if (!cairn_reader_ok(r)) {
        return CAIRN_FAIL(err, CAIRN_E_FORMAT, "boot.log.truncated", "the event log ends inside the event at offset %zu",
                          event->offset);
    }
    return CAIRN_OK;
}

CAIRN_RC cairn_tcg_log_next(struct cairn_tcg_log *log, bool *more, struct cairn_tcg_event *out, struct cairn_err *err)
{
    if (log->reader.rest.len == 0) {
        *more = false;
        return CAIRN_OK;
    }
    if (log->num_events == CAIRN_TCG_MAX_EVENTS) {
        return CAIRN_FAIL(err, CAIRN_E_FORMAT, "boot.log.large", "the event log has more than %d events", CAIRN_TCG_MAX_EVENTS);
    }
    struct cairn_tcg_log next = *log;
    struct cairn_tcg_event event = {0};
    CAIRN_TRY(read_event(&next, &event, err));
    if (!event.extends) {
        CAIRN_TRY(take_no_action(&next, &event, err));
    }
    next.extended = next.extended || event.extends;
    next.num_events++;
    *log = next;
    *more = true;
    *out = event;
    return CAIRN_OK;
}
