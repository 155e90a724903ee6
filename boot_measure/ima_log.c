/* boot_measure/ima_log.c -- see ima_log.h. */
#include "boot_measure/ima_log.h"

/* "ima" hashes the name in a field of this size, padded with zeros (IMA_EVENT_NAME_LEN_MAX + 1). */
enum { IMA_NAME_FIELD = 256 };

static const struct {
    const char *name;
    size_t num_fields;
} templates[] = {{"ima-ng", 2}, {"ima-sig", 3}, {"ima-buf", 3}, {"ima-ngv2", 2}, {"ima-sigv2", 3}, {"ima-modsig", 5}};

static bool is_name(struct cairn_span name, const char *want)
{
    return cairn_span_equal(name, cairn_span_str(want));
}

static size_t count_fields(struct cairn_span name)
{
    for (size_t i = 0; i < CAIRN_ARRAY_LEN(templates); i++) {
        if (is_name(name, templates[i].name)) {
            return templates[i].num_fields;
        }
    }
    return 0;
}

CAIRN_RC cairn_ima_log_open(struct cairn_span bytes, struct cairn_ima_log *out, struct cairn_err *err)
{
    if (bytes.len > CAIRN_IMA_MAX_LOG_LEN) {
        return CAIRN_FAIL(err, CAIRN_E_FORMAT, "boot.ima.large", "the IMA list has %zu bytes; %d are the limit", bytes.len,
                          CAIRN_IMA_MAX_LOG_LEN);
    }
    *out = (struct cairn_ima_log){.reader = cairn_reader(bytes)};
    return CAIRN_OK;
}

/* Template data of all but "ima": `num` fields of u32 length and bytes, and nothing after them. */
static bool split_fields(struct cairn_ima_entry *entry, size_t num)
{
    struct cairn_reader r = cairn_reader(entry->data);
    struct cairn_span digest = cairn_read_bytes(&r, cairn_read_u32_le(&r));
    struct cairn_span path = cairn_read_bytes(&r, cairn_read_u32_le(&r));
    for (size_t i = 2; i < num; i++) {
        (void)cairn_read_bytes(&r, cairn_read_u32_le(&r));
    }
    if (!cairn_reader_done(&r) || path.len == 0 || path.p[path.len - 1] != 0) {
        return false;
    }
    entry->file_digest = digest;
    entry->path = cairn_span(path.p, path.len - 1);
    return true;
}

static bool all_zero(struct cairn_span bytes)
{
    uint8_t any = 0;
    for (size_t i = 0; i < bytes.len; i++) {
        any |= bytes.p[i];
    }
    return any == 0;
}

static enum cairn_rc fail_large(size_t offset, struct cairn_err *err)
{
    return CAIRN_FAIL(err, CAIRN_E_FORMAT, "boot.ima.large", "the IMA entry at offset %zu is longer than any real one", offset);
}

static enum cairn_rc read_data(struct cairn_reader *r, struct cairn_ima_entry *entry, struct cairn_err *err)
{
    size_t num_fields = count_fields(entry->template_name);
    entry->is_ima = is_name(entry->template_name, "ima");
    if (num_fields == 0 && !entry->is_ima) {
        return CAIRN_FAIL(err, CAIRN_E_UNDECIDED, "boot.ima.template",
                          "the IMA entry at offset %zu uses a template this verifier does not know", entry->offset);
    }
    if (entry->is_ima) {
        entry->file_digest = cairn_read_bytes(r, 20);
    }
    uint32_t len = cairn_read_u32_le(r);
    if (len > (entry->is_ima ? (uint32_t)IMA_NAME_FIELD - 1 : (uint32_t)CAIRN_IMA_MAX_DATA)) {
        return fail_large(entry->offset, err);
    }
    entry->data = cairn_read_bytes(r, len);
    if (entry->is_ima) {
        entry->path = entry->data;
        return CAIRN_OK;
    }
    if (cairn_reader_ok(r) && !split_fields(entry, num_fields)) {
        return CAIRN_FAIL(err, CAIRN_E_FORMAT, "boot.ima.field",
                          "the fields of the IMA entry at offset %zu do not fill its data", entry->offset);
    }
    return CAIRN_OK;
}

static enum cairn_rc read_entry(struct cairn_reader *r, struct cairn_ima_entry *entry, struct cairn_err *err)
{
    entry->offset = r->offset;
    uint32_t pcr = cairn_read_u32_le(r);
    entry->violation = all_zero(cairn_read_bytes(r, 20));
    uint32_t name_len = cairn_read_u32_le(r);
    if (cairn_reader_ok(r) && pcr != CAIRN_PCR_IMA) {
        return CAIRN_FAIL(err, CAIRN_E_FORMAT, "boot.ima.pcr", "the IMA entry at offset %zu is for PCR %u, not 10",
                          entry->offset, pcr);
    }
    if (name_len > CAIRN_IMA_MAX_NAME) {
        return fail_large(entry->offset, err);
    }
    entry->template_name = cairn_read_bytes(r, name_len);
    if (cairn_reader_ok(r)) {
        CAIRN_TRY(read_data(r, entry, err));
    }
    if (!cairn_reader_ok(r)) {
        return CAIRN_FAIL(err, CAIRN_E_FORMAT, "boot.ima.truncated", "the IMA list ends inside the entry at offset %zu",
                          entry->offset);
    }
    return CAIRN_OK;
}

CAIRN_RC cairn_ima_log_next(struct cairn_ima_log *log, bool *more, struct cairn_ima_entry *out, struct cairn_err *err)
{
    if (log->reader.rest.len == 0) {
        *more = false;
        return CAIRN_OK;
    }
    if (log->num_entries == CAIRN_IMA_MAX_ENTRIES) {
        return fail_large(log->reader.offset, err);
    }
    struct cairn_reader r = log->reader;
    struct cairn_ima_entry entry = {0};
    CAIRN_TRY(read_entry(&r, &entry, err));
    log->reader = r;
    log->num_entries++;
    *more = true;
    *out = entry;
    return CAIRN_OK;
}

CAIRN_RC cairn_ima_extended(struct cairn_hasher *hasher, const struct cairn_ima_entry *entry, uint8_t *out, size_t len,
                            struct cairn_err *err)
{
    static const uint8_t padding[IMA_NAME_FIELD] = {0};
    if (entry->violation) {
        for (size_t i = 0; i < len; i++) {
            out[i] = 0xff;
        }
        return CAIRN_OK;
    }
    if (entry->is_ima) {
        CAIRN_TRY(cairn_hasher_update(hasher, entry->file_digest, err));
    }
    CAIRN_TRY(cairn_hasher_update(hasher, entry->data, err));
    if (entry->is_ima) {
        CAIRN_TRY(cairn_hasher_update(hasher, cairn_span(padding, IMA_NAME_FIELD - entry->data.len), err));
    }
    return cairn_hasher_final(hasher, out, err);
}
