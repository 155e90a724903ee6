/* storage/record.c -- the record's 4096 bytes and the anchor's 48, field by field.
 *
 * One text per record: decode refuses whatever encode would not write (bits in reserved space, an unsorted life cycle, text
 * behind a name), so that the digest in the anchor stands for the meaning and not only for the bytes.
 *
 * Trust boundary: the bytes come from a disk that an attacker may have written. Nothing here says that a record holds: only
 * an anchor does (storage/state.h). Source: docs/formats.md "record", "anchor".
 */
#include "storage/record.h"

#include <string.h>

#include "storage/params.h"

enum { FORMAT = 1, ANCHOR_BODY = 40, ANCHOR_CHECK = 8 };
static const uint8_t MAGIC[8] = {'C', 'A', 'I', 'R', 'N', 'R', 'E', 'C'};

const char *cairn_life_name(enum cairn_life life)
{
    static const char *const NAMES[] = {"MANUFACTURED", "ENROLLED", "OPERATIONAL", "DECOMMISSIONING", "RETIRED"};
    return (size_t)life < CAIRN_ARRAY_LEN(NAMES) ? NAMES[life] : "UNKNOWN";
}

static CAIRN_RC bad_field(struct cairn_err *err, const char *field)
{
    return CAIRN_FAIL(err, CAIRN_E_FORMAT, "record.field", "the record's field \"%s\" has a value that no record has", field);
}

static bool is_zero(const uint8_t *p, size_t len)
{
    uint8_t any = 0;
    for (size_t i = 0; i < len; i++) {
        any |= p[i];
    }
    return any == 0;
}

static bool name_is_plain(const char name[CAIRN_ASSET_NAME_MAX])
{
    size_t len = strnlen(name, CAIRN_ASSET_NAME_MAX);
    return len < CAIRN_ASSET_NAME_MAX && cairn_param_name_ok(name) &&
           is_zero((const uint8_t *)name + len, CAIRN_ASSET_NAME_MAX - len);
}

/* The life cycle's own rules: which fields belong together. */
static CAIRN_RC check_life(const struct cairn_record *r, struct cairn_err *err)
{
    bool ending = r->life == CAIRN_LIFE_DECOMMISSIONING;
    if (r->life != CAIRN_LIFE_OPERATIONAL && !ending) {
        return bad_field(err, "life");
    }
    if (r->phase > CAIRN_PHASE_CONFIRMED) {
        return bad_field(err, "phase");
    }
    if (ending != (r->kill_target != 0)) {
        return bad_field(err, "kill target");
    }
    if (ending == is_zero(r->order, sizeof r->order)) {
        return bad_field(err, "order");
    }
    /* Sealed ahead only where an anchored step says so (RECORD, commit 2): anything else would outlive one increment. */
    uint64_t ahead = r->phase == CAIRN_PHASE_RESEALED ? 1 : 0;
    if (r->bound < r->epoch || r->bound - r->epoch != ahead) {
        return bad_field(err, "bound");
    }
    return CAIRN_OK;
}

static CAIRN_RC check_vault(const struct cairn_record *r, struct cairn_err *err)
{
    bool has = r->vault_file != 0;
    if (r->sealed_public_len > sizeof r->sealed_public || r->sealed_private_len > sizeof r->sealed_private ||
        has != (r->sealed_public_len != 0) || has != (r->sealed_private_len != 0)) {
        return bad_field(err, "sealed key");
    }
    if (!is_zero(r->sealed_public + r->sealed_public_len, sizeof r->sealed_public - r->sealed_public_len) ||
        !is_zero(r->sealed_private + r->sealed_private_len, sizeof r->sealed_private - r->sealed_private_len)) {
        return bad_field(err, "sealed key");
    }
    /* Records 0 and 1 of a first provisioning name the same file. */
    if (r->vault_file > r->generation + 1 || (!has && !is_zero(r->vault_digest, sizeof r->vault_digest))) {
        return bad_field(err, "vault file");
    }
    return CAIRN_OK;
}

static CAIRN_RC check_assets(const struct cairn_record *r, struct cairn_err *err)
{
    static const struct cairn_asset_entry NONE;
    if (r->num_assets > CAIRN_RECORD_MAX_ASSETS) {
        return bad_field(err, "number of assets");
    }
    for (size_t i = 0; i < r->num_assets; i++) {
        const struct cairn_asset_entry *a = &r->assets[i];
        if (!name_is_plain(a->name) || (i > 0 && strcmp(r->assets[i - 1].name, a->name) >= 0)) {
            return bad_field(err, "asset name");
        }
        if (a->slot_class != 3) {
            return bad_field(err, "slot class");
        }
    }
    for (size_t i = r->num_assets; i < CAIRN_RECORD_MAX_ASSETS; i++) {
        const struct cairn_asset_entry *a = &r->assets[i];
        if (memcmp(a->name, NONE.name, sizeof a->name) != 0 || a->slot_class != 0 || a->version != 0 || a->size != 0 ||
            !is_zero(a->sha256, sizeof a->sha256)) {
            return bad_field(err, "unused asset");
        }
    }
    return CAIRN_OK;
}

static CAIRN_RC check_record(const struct cairn_record *r, struct cairn_err *err)
{
    CAIRN_TRY(check_life(r, err));
    CAIRN_TRY(check_vault(r, err));
    return check_assets(r, err);
}

static void write_zeros(struct cairn_writer *w, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        cairn_write_u8(w, 0);
    }
}

static void write_asset(struct cairn_writer *w, const struct cairn_asset_entry *a)
{
    cairn_write_bytes(w, cairn_span(a->name, sizeof a->name));
    cairn_write_u8(w, a->slot_class);
    write_zeros(w, 3);
    cairn_write_u32_le(w, a->version);
    cairn_write_u64_le(w, a->size);
    cairn_write_bytes(w, CAIRN_SPAN(a->sha256));
}

static void write_head(struct cairn_writer *w, const struct cairn_record *r)
{
    cairn_write_bytes(w, CAIRN_SPAN(MAGIC));
    cairn_write_u32_le(w, FORMAT);
    cairn_write_u64_le(w, r->generation);
    cairn_write_u8(w, (uint8_t)r->life);
    cairn_write_u8(w, (uint8_t)r->phase);
    write_zeros(w, 2);
    cairn_write_u64_le(w, r->epoch);
    cairn_write_u64_le(w, r->bound);
    cairn_write_u64_le(w, r->floor);
    cairn_write_u32_le(w, r->root_version);
    cairn_write_bytes(w, CAIRN_SPAN(r->statement));
    cairn_write_bytes(w, CAIRN_SPAN(r->manifest));
    cairn_write_u64_le(w, r->vault_file);
    cairn_write_bytes(w, CAIRN_SPAN(r->vault_digest));
    cairn_write_u64_le(w, r->kill_target);
    cairn_write_bytes(w, CAIRN_SPAN(r->order));
}

CAIRN_RC cairn_record_encode(const struct cairn_record *record, uint8_t out[CAIRN_RECORD_LEN], struct cairn_err *err)
{
    CAIRN_TRY(check_record(record, err));
    uint8_t bytes[CAIRN_RECORD_LEN] = {0};
    struct cairn_writer w = cairn_writer(bytes, sizeof bytes);
    write_head(&w, record);
    cairn_write_u32_le(&w, (uint32_t)record->num_assets);
    for (size_t i = 0; i < CAIRN_RECORD_MAX_ASSETS; i++) {
        write_asset(&w, &record->assets[i]);
    }
    cairn_write_u16_le(&w, (uint16_t)record->sealed_public_len);
    cairn_write_bytes(&w, CAIRN_SPAN(record->sealed_public));
    cairn_write_u16_le(&w, (uint16_t)record->sealed_private_len);
    cairn_write_bytes(&w, CAIRN_SPAN(record->sealed_private));
    write_zeros(&w, CAIRN_RECORD_LEN - w.len);
    if (!cairn_writer_ok(&w)) {
        return bad_field(err, "length");
    }
    cairn_copy(out, bytes, CAIRN_RECORD_LEN);
    return CAIRN_OK;
}

static void expect_zeros(struct cairn_reader *r, size_t len)
{
    struct cairn_span pad = cairn_read_bytes(r, len);
    if (pad.len == len && !is_zero(pad.p, len)) {
        cairn_reader_fail(r);
    }
}

static void read_asset(struct cairn_reader *r, struct cairn_asset_entry *a)
{
    cairn_read_array(r, (uint8_t *)a->name, sizeof a->name);
    a->slot_class = cairn_read_u8(r);
    expect_zeros(r, 3);
    a->version = cairn_read_u32_le(r);
    a->size = cairn_read_u64_le(r);
    cairn_read_array(r, a->sha256, sizeof a->sha256);
}

static void read_head(struct cairn_reader *r, struct cairn_record *out)
{
    out->generation = cairn_read_u64_le(r);
    out->life = (enum cairn_life)cairn_read_u8(r);
    out->phase = (enum cairn_phase)cairn_read_u8(r);
    expect_zeros(r, 2);
    out->epoch = cairn_read_u64_le(r);
    out->bound = cairn_read_u64_le(r);
    out->floor = cairn_read_u64_le(r);
    out->root_version = cairn_read_u32_le(r);
    cairn_read_array(r, out->statement, sizeof out->statement);
    cairn_read_array(r, out->manifest, sizeof out->manifest);
    out->vault_file = cairn_read_u64_le(r);
    cairn_read_array(r, out->vault_digest, sizeof out->vault_digest);
    out->kill_target = cairn_read_u64_le(r);
    cairn_read_array(r, out->order, sizeof out->order);
}

static void read_rest(struct cairn_reader *r, struct cairn_record *out)
{
    out->num_assets = cairn_read_u32_le(r);
    for (size_t i = 0; i < CAIRN_RECORD_MAX_ASSETS; i++) {
        read_asset(r, &out->assets[i]);
    }
    out->sealed_public_len = cairn_read_u16_le(r);
    cairn_read_array(r, out->sealed_public, sizeof out->sealed_public);
    out->sealed_private_len = cairn_read_u16_le(r);
    cairn_read_array(r, out->sealed_private, sizeof out->sealed_private);
    expect_zeros(r, r->rest.len);
}

CAIRN_RC cairn_record_decode(struct cairn_span bytes, struct cairn_record *out, struct cairn_err *err)
{
    struct cairn_reader r = cairn_reader(bytes);
    struct cairn_span magic = cairn_read_bytes(&r, sizeof MAGIC);
    uint32_t format = cairn_read_u32_le(&r);
    if (bytes.len != CAIRN_RECORD_LEN || !cairn_span_equal(magic, CAIRN_SPAN(MAGIC))) {
        return CAIRN_FAIL(err, CAIRN_E_FORMAT, "record.magic", "not a record: %zu bytes, or another kind of file", bytes.len);
    }
    if (format != FORMAT) {
        return CAIRN_FAIL(err, CAIRN_E_FORMAT, "record.format", "record format %u: this program reads format %d",
                          (unsigned)format, FORMAT);
    }
    struct cairn_record record = {0};
    read_head(&r, &record);
    read_rest(&r, &record);
    if (!cairn_reader_done(&r)) {
        return bad_field(err, "reserved space");
    }
    CAIRN_TRY(check_record(&record, err));
    *out = record;
    return CAIRN_OK;
}

CAIRN_RC cairn_anchor_make(uint64_t generation, const uint8_t record[CAIRN_RECORD_LEN], uint8_t out[CAIRN_ANCHOR_LEN],
                           struct cairn_err *err)
{
    uint8_t bytes[CAIRN_ANCHOR_LEN] = {0}, digest[CAIRN_SHA256_LEN] = {0}, check[CAIRN_SHA256_LEN] = {0};
    struct cairn_writer w = cairn_writer(bytes, sizeof bytes);
    CAIRN_TRY(cairn_sha256(cairn_span(record, CAIRN_RECORD_LEN), digest, err));
    cairn_write_u64(&w, generation);
    cairn_write_bytes(&w, CAIRN_SPAN(digest));
    CAIRN_TRY(cairn_sha256(cairn_writer_span(&w), check, err));
    cairn_write_bytes(&w, cairn_span(check, ANCHOR_CHECK));
    cairn_copy(out, bytes, CAIRN_ANCHOR_LEN);
    return CAIRN_OK;
}

CAIRN_RC cairn_anchor_parse(const uint8_t anchor[CAIRN_ANCHOR_LEN], bool *intact, uint64_t *generation,
                            uint8_t record_digest[32], struct cairn_err *err)
{
    uint8_t check[CAIRN_SHA256_LEN] = {0}, digest[CAIRN_SHA256_LEN] = {0};
    CAIRN_TRY(cairn_sha256(cairn_span(anchor, ANCHOR_BODY), check, err));
    struct cairn_reader r = cairn_reader(cairn_span(anchor, CAIRN_ANCHOR_LEN));
    uint64_t number = cairn_read_u64(&r);
    cairn_read_array(&r, digest, sizeof digest);
    struct cairn_span sum = cairn_read_bytes(&r, ANCHOR_CHECK);
    *intact = cairn_reader_done(&r) && cairn_span_equal(sum, cairn_span(check, ANCHOR_CHECK));
    *generation = number;
    cairn_copy(record_digest, digest, sizeof digest);
    return CAIRN_OK;
}
