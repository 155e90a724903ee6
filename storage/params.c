/* storage/params.c -- the strict form of a parameter set: magic, number, then flags, name and value of each, names ascending.
 *
 * Values are secrets: they are only ever in the caller's span or in a cairn_secret. Source: docs/formats.md "parameter set".
 */
#include "storage/params.h"

#include <string.h>

enum { HEAD_LEN = 10, ENTRY_HEAD = 6, ALL_FLAGS = 15 };
static const uint8_t MAGIC[8] = {'C', 'A', 'I', 'R', 'N', 'P', 'A', 'R'};

static bool name_char(char c, bool first)
{
    bool letter = c >= 'a' && c <= 'z';
    bool other = (c >= '0' && c <= '9') || c == '.' || c == '_' || c == '-';
    return letter || (!first && other);
}

static bool name_span_ok(struct cairn_span name)
{
    bool ok = name.len > 0 && name.len < CAIRN_PARAM_NAME_MAX;
    for (size_t i = 0; ok && i < name.len; i++) {
        ok = name_char((char)name.p[i], i == 0);
    }
    return ok;
}

bool cairn_param_name_ok(const char *name)
{
    return name_span_ok(cairn_span(name, strnlen(name, CAIRN_PARAM_NAME_MAX)));
}

/* Flags that contradict each other would let one parameter follow two rules. */
static bool flags_ok(uint8_t flags, struct cairn_span value)
{
    if ((flags & ~ALL_FLAGS) != 0) {
        return false;
    }
    if ((flags & CAIRN_PARAM_LOCAL) != 0) {
        return flags == CAIRN_PARAM_LOCAL;
    }
    if ((flags & CAIRN_PARAM_GENERATE) == 0) {
        return true;
    }
    struct cairn_reader r = cairn_reader(value);
    uint32_t len = cairn_read_u32(&r);
    return (flags & CAIRN_PARAM_GENERATED) == 0 && cairn_reader_done(&r) && len >= CAIRN_PARAM_GENERATE_MIN &&
           len <= CAIRN_PARAM_GENERATE_MAX;
}

/* struct entry borrows one parameter as it stands in the set. */
struct entry {
    uint8_t flags;
    struct cairn_span name, value;
};

static struct entry read_entry(struct cairn_reader *r)
{
    struct entry e = {0};
    e.flags = cairn_read_u8(r);
    uint8_t name_len = cairn_read_u8(r);
    uint32_t value_len = cairn_read_u32(r);
    e.name = cairn_read_bytes(r, name_len);
    e.value = cairn_read_bytes(r, value_len);
    return e;
}

/* Before, equal or after, as strcmp of the names would say. */
static int compare_names(struct cairn_span a, struct cairn_span b)
{
    size_t len = a.len < b.len ? a.len : b.len;
    int order = len == 0 ? 0 : memcmp(a.p, b.p, len);
    return order != 0 ? order : (a.len > b.len) - (a.len < b.len);
}

static CAIRN_RC bad_format(struct cairn_err *err, size_t offset)
{
    return CAIRN_FAIL(err, CAIRN_E_FORMAT, "params.format", "not a parameter set: fault near byte %zu", offset);
}

CAIRN_RC cairn_params_check(struct cairn_span set, struct cairn_err *err)
{
    if (set.len > CAIRN_PARAMS_LEN_MAX) {
        return CAIRN_FAIL(err, CAIRN_E_FORMAT, "params.large", "a parameter set has at most %d bytes", CAIRN_PARAMS_LEN_MAX);
    }
    struct cairn_reader r = cairn_reader(set);
    struct cairn_span magic = cairn_read_bytes(&r, sizeof MAGIC);
    uint16_t num = cairn_read_u16(&r);
    if (!cairn_span_equal(magic, CAIRN_SPAN(MAGIC)) || num > CAIRN_PARAMS_MAX) {
        return bad_format(err, r.offset);
    }
    bool flags = true;
    struct cairn_span before = {0};
    for (size_t i = 0; i < num; i++) {
        struct entry e = read_entry(&r);
        if (!cairn_reader_ok(&r) || !name_span_ok(e.name) || e.value.len > CAIRN_PARAM_VALUE_MAX ||
            (i > 0 && compare_names(before, e.name) >= 0)) {
            return bad_format(err, r.offset);
        }
        flags = flags && flags_ok(e.flags, e.value);
        before = e.name;
    }
    if (!cairn_reader_done(&r)) {
        return bad_format(err, r.offset);
    }
    return flags ? CAIRN_OK : CAIRN_FAIL(err, CAIRN_E_FORMAT, "params.flags", "a parameter's flags contradict each other");
}

static struct cairn_reader entries_of(struct cairn_span set, uint16_t *num)
{
    struct cairn_reader r = cairn_reader(set);
    (void)cairn_read_bytes(&r, sizeof MAGIC);
    *num = cairn_read_u16(&r);
    return r;
}

size_t cairn_params_num(struct cairn_span set)
{
    uint16_t num = 0;
    (void)entries_of(set, &num);
    return num;
}

static void fill(const struct entry *e, struct cairn_param *out)
{
    *out = (struct cairn_param){.flags = e->flags, .value = e->value};
    cairn_copy(out->name, e->name.p, e->name.len < CAIRN_PARAM_NAME_MAX ? e->name.len : CAIRN_PARAM_NAME_MAX - 1);
}

bool cairn_params_at(struct cairn_span set, size_t i, struct cairn_param *out)
{
    uint16_t num = 0;
    struct cairn_reader r = entries_of(set, &num);
    if (i >= num) {
        return false;
    }
    struct entry e = read_entry(&r);
    for (size_t k = 0; k < i; k++) {
        e = read_entry(&r);
    }
    fill(&e, out);
    return true;
}

bool cairn_params_find(struct cairn_span set, const char *name, struct cairn_param *out)
{
    uint16_t num = 0;
    struct cairn_reader r = entries_of(set, &num);
    for (size_t i = 0; i < num; i++) {
        struct entry e = read_entry(&r);
        if (compare_names(e.name, cairn_span_str(name)) == 0) {
            fill(&e, out);
            return true;
        }
    }
    return false;
}

static void write_entry(struct cairn_writer *w, const struct entry *e)
{
    cairn_write_u8(w, e->flags);
    cairn_write_u8(w, (uint8_t)e->name.len);
    cairn_write_u32(w, (uint32_t)e->value.len);
    cairn_write_bytes(w, e->name);
    cairn_write_bytes(w, e->value);
}

static CAIRN_RC too_large(struct cairn_err *err)
{
    return CAIRN_FAIL(err, CAIRN_E_REFUSED, "params.large", "at most %d parameters of %d bytes together", CAIRN_PARAMS_MAX,
                      CAIRN_PARAMS_LEN_MAX);
}

/* Rewrites `set` without the parameter named as `without` and, when `with` is not NULL, with that one in its place. */
static CAIRN_RC rewrite(struct cairn_span set, struct cairn_span without, const struct entry *with, struct cairn_secret **out,
                        struct cairn_err *err)
{
    uint16_t num = 0, kept = 0;
    struct cairn_reader r = entries_of(set, &num);
    size_t room = set.len + (with != NULL ? ENTRY_HEAD + with->name.len + with->value.len : 0);
    CAIRN_SECRET *bytes = NULL;
    CAIRN_TRY(cairn_secret_new(room, &bytes, err));
    struct cairn_writer w = cairn_writer(cairn_secret_bytes(bytes), room);
    cairn_write_bytes(&w, CAIRN_SPAN(MAGIC));
    cairn_write_u16(&w, 0);
    for (size_t i = 0; i < num; i++) {
        struct entry e = read_entry(&r);
        int order = compare_names(e.name, without);
        if (with != NULL && order >= 0) {
            write_entry(&w, with);
            with = NULL;
            kept++;
        }
        if (order != 0) {
            write_entry(&w, &e);
            kept++;
        }
    }
    if (with != NULL) {
        write_entry(&w, with);
        kept++;
    }
    if (!cairn_writer_ok(&w) || w.len > CAIRN_PARAMS_LEN_MAX || kept > CAIRN_PARAMS_MAX) {
        return too_large(err);
    }
    struct cairn_writer head = cairn_writer(cairn_secret_bytes(bytes) + sizeof MAGIC, 2);
    cairn_write_u16(&head, kept);
    cairn_secret_shrink(bytes, w.len);
    *out = bytes;
    bytes = NULL;
    return CAIRN_OK;
}

CAIRN_RC cairn_params_empty(struct cairn_secret **out, struct cairn_err *err)
{
    static const uint8_t EMPTY[HEAD_LEN] = {'C', 'A', 'I', 'R', 'N', 'P', 'A', 'R', 0, 0};
    return cairn_secret_copy(CAIRN_SPAN(EMPTY), out, err);
}

CAIRN_RC cairn_params_put(struct cairn_span set, const struct cairn_param *param, struct cairn_secret **out,
                          struct cairn_err *err)
{
    if (!cairn_param_name_ok(param->name)) {
        return CAIRN_FAIL(err, CAIRN_E_USAGE, "params.name",
                          "a parameter's name has 1 to 64 of a-z 0-9 . _ - and begins with a letter");
    }
    if (param->value.len > CAIRN_PARAM_VALUE_MAX) {
        return CAIRN_FAIL(err, CAIRN_E_REFUSED, "params.value", "%s: a value has at most %d bytes", param->name,
                          CAIRN_PARAM_VALUE_MAX);
    }
    if (!flags_ok(param->flags, param->value)) {
        return CAIRN_FAIL(err, CAIRN_E_FORMAT, "params.flags", "%s: flags contradict each other", param->name);
    }
    struct entry e = {param->flags, cairn_span_str(param->name), param->value};
    return rewrite(set, e.name, &e, out, err);
}

CAIRN_RC cairn_params_drop(struct cairn_span set, const char *name, struct cairn_secret **out, struct cairn_err *err)
{
    struct cairn_param old = {0};
    if (!cairn_params_find(set, name, &old)) {
        return CAIRN_FAIL(err, CAIRN_E_REFUSED, "params.absent", "there is no parameter \"%.64s\"", name);
    }
    return rewrite(set, cairn_span_str(name), NULL, out, err);
}
