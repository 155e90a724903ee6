/* tests/unit/boot_measure/test_ima_log.c -- boot_measure/ima_log.c. */
#include "boot_measure/ima_log.h"

#include "vectors.h"

static long read_all(struct cairn_span bytes, struct cairn_err *err)
{
    struct cairn_ima_log log;
    struct cairn_ima_entry entry;
    bool more = true;
    if (cairn_ima_log_open(bytes, &log, err) != CAIRN_OK) {
        return -1;
    }
    while (cairn_ima_log_next(&log, &more, &entry, err) == CAIRN_OK) {
        if (!more) {
            return (long)log.num_entries;
        }
    }
    return -1;
}

static struct cairn_ima_entry read_one(struct cairn_span bytes)
{
    struct cairn_ima_log log;
    struct cairn_ima_entry entry;
    bool more = false;
    assert_int_equal(cairn_ima_log_open(bytes, &log, NULL), CAIRN_OK);
    assert_int_equal(cairn_ima_log_next(&log, &more, &entry, NULL), CAIRN_OK);
    assert_true(more);
    return entry;
}

static void put_u32(struct cairn_buf *out, uint32_t v)
{
    uint8_t bytes[4];
    struct cairn_writer w = cairn_writer(bytes, sizeof bytes);
    cairn_write_u32_le(&w, v);
    assert_int_equal(cairn_buf_append(out, cairn_writer_span(&w), NULL), CAIRN_OK);
}

static void put_sized(struct cairn_buf *out, const void *p, size_t len)
{
    put_u32(out, (uint32_t)len);
    assert_int_equal(cairn_buf_append(out, cairn_span(p, len), NULL), CAIRN_OK);
}

/* An entry with fields "sha256:" NUL 32 bytes, "/init" NUL, and `num - 2` fields of 3 bytes. */
static struct cairn_buf make_entry(const char *name, size_t num)
{
    static const uint8_t sha1[20] = {1};
    static const uint8_t digest[40] = "sha256:";
    struct cairn_buf entry = {0};
    CAIRN_BUF data = {0};
    put_sized(&data, digest, sizeof digest);
    put_sized(&data, "/init", 6);
    for (size_t i = 2; i < num; i++) {
        put_sized(&data, "sig", 3);
    }
    put_u32(&entry, 10);
    assert_int_equal(cairn_buf_append(&entry, CAIRN_SPAN(sha1), NULL), CAIRN_OK);
    put_sized(&entry, name, strlen(name));
    put_sized(&entry, data.p, data.len);
    return entry;
}

static void reads_every_genuine_list(void **state)
{
    (void)state;
    for (size_t i = 0; i < CAIRN_ARRAY_LEN(boots); i++) {
        CAIRN_BUF list = load(boots[i], "ima_binary");
        assert_int_equal(read_all(cairn_buf_span(&list), NULL), 49);
    }
}

static void gives_path_and_file_digest(void **state)
{
    (void)state;
    CAIRN_BUF list = load("sb-uki-clean", "ima_binary");
    struct cairn_ima_entry entry = read_one(cairn_buf_span(&list));
    assert_true(cairn_span_equal(entry.template_name, cairn_span_str("ima-sig")));
    assert_true(cairn_span_equal(entry.path, cairn_span_str("boot_aggregate")));
    assert_int_equal(entry.file_digest.len, 40);
    assert_int_equal(entry.file_digest.p[8], 0xc6);
    assert_false(entry.violation);
}

static void recomputes_the_template_hash_that_the_list_holds(void **state)
{
    (void)state;
    CAIRN_BUF list = load("shim-ms-clean", "ima_binary");
    struct cairn_ima_log log;
    struct cairn_ima_entry entry;
    struct cairn_hasher *hasher CAIRN_CLEANUP(cairn_hasher_freep) = NULL;
    bool more = true;
    assert_int_equal(cairn_hasher_new(CAIRN_SHA1, &hasher, NULL), CAIRN_OK);
    assert_int_equal(cairn_ima_log_open(cairn_buf_span(&list), &log, NULL), CAIRN_OK);
    while (cairn_ima_log_next(&log, &more, &entry, NULL) == CAIRN_OK && more) {
        uint8_t sha1[20];
        assert_int_equal(cairn_ima_extended(hasher, &entry, sha1, sizeof sha1, NULL), CAIRN_OK);
        assert_memory_equal(sha1, list.p + entry.offset + 4, sizeof sha1);
    }
    assert_int_equal(log.num_entries, 49);
}

static void refuses_every_truncation_inside_an_entry(void **state)
{
    (void)state;
    CAIRN_BUF list = load("direct-clean", "ima_binary");
    long boundaries = 0;
    for (size_t len = 0; len < list.len; len++) {
        CAIRN_BUF cut = copy_of(cairn_span(list.p, len));
        struct cairn_err err = {0};
        long num = read_all(cairn_buf_span(&cut), &err);
        if (num >= 0) {
            assert_int_equal(num, boundaries++);
        } else {
            assert_code(err, "boot.ima.truncated");
        }
    }
    assert_int_equal(boundaries, 49);
}

static void knows_the_kernels_templates(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        size_t num;
    } known[] = {{"ima-ng", 2}, {"ima-sig", 3}, {"ima-buf", 3}, {"ima-ngv2", 2}, {"ima-sigv2", 3}, {"ima-modsig", 5}};
    for (size_t i = 0; i < CAIRN_ARRAY_LEN(known); i++) {
        CAIRN_BUF entry = make_entry(known[i].name, known[i].num);
        assert_int_equal(read_all(cairn_buf_span(&entry), NULL), 1);
        CAIRN_BUF fewer = make_entry(known[i].name, known[i].num - 1);
        CAIRN_BUF more = make_entry(known[i].name, known[i].num + 1);
        struct cairn_err err = {0};
        if (known[i].num > 2) {
            assert_int_equal(read_all(cairn_buf_span(&fewer), &err), -1);
            assert_code(err, "boot.ima.field");
        }
        assert_int_equal(read_all(cairn_buf_span(&more), &err), -1);
        assert_code(err, "boot.ima.field");
    }
}

static void leaves_an_unknown_template_undecided(void **state)
{
    (void)state;
    struct cairn_err err = {0};
    CAIRN_BUF entry = make_entry("evm-sig", 2);
    assert_int_equal(read_all(cairn_buf_span(&entry), &err), -1);
    assert_code(err, "boot.ima.template");
    assert_int_equal(err.rc, CAIRN_E_UNDECIDED);
}

/* Offsets in make_entry("ima-ng", 2): PCR 0, digest 4, name length 24, name 28, data length 34, field length 38, path 82. */
static void expect(size_t offset, uint8_t value, const char *code)
{
    struct cairn_err err = {0};
    CAIRN_BUF entry = make_entry("ima-ng", 2);
    entry.p[offset] = value;
    CAIRN_BUF copy = copy_of(cairn_buf_span(&entry));
    assert_int_equal(read_all(cairn_buf_span(&copy), &err), -1);
    assert_code(err, code);
    assert_non_null(strstr(err.text, "offset 0"));
}

static void refuses_fields_out_of_range(void **state)
{
    (void)state;
    expect(0, 11, "boot.ima.pcr");
    expect(3, 1, "boot.ima.pcr");
    expect(24, 33, "boot.ima.large");
    expect(27, 0x80, "boot.ima.large");
    expect(34, 0xff, "boot.ima.truncated");
    expect(37, 1, "boot.ima.large");
    expect(38, 41, "boot.ima.field");
    expect(41, 0xff, "boot.ima.field");
    expect(82, 5, "boot.ima.field");
    expect(91, 'x', "boot.ima.field"); /* the path's NUL */
}

static void marks_a_violation_and_extends_all_ones(void **state)
{
    (void)state;
    CAIRN_BUF bytes = make_entry("ima-ng", 2);
    memset(bytes.p + 4, 0, 20);
    struct cairn_ima_entry entry = read_one(cairn_buf_span(&bytes));
    struct cairn_hasher *hasher CAIRN_CLEANUP(cairn_hasher_freep) = NULL;
    uint8_t digest[32] = {0};
    uint8_t ones[32];
    memset(ones, 0xff, sizeof ones);
    assert_true(entry.violation);
    assert_int_equal(cairn_hasher_new(CAIRN_SHA256, &hasher, NULL), CAIRN_OK);
    assert_int_equal(cairn_ima_extended(hasher, &entry, digest, sizeof digest, NULL), CAIRN_OK);
    assert_memory_equal(digest, ones, sizeof ones);
}

/* Template "ima" has no lengths around the digest and hashes the name in a field of 256 bytes. */
static void hashes_the_oldest_template_with_its_padded_name(void **state)
{
    (void)state;
    uint8_t bytes[4 + 20 + 4 + 3 + 20 + 4 + 5] = {10, 0, 0, 0};
    struct cairn_writer w = cairn_writer(bytes + 4, sizeof bytes - 4);
    uint8_t file[20];
    memset(file, 0x5a, sizeof file);
    cairn_write_bytes(&w, CAIRN_SPAN(file)); /* any digest that is not zero */
    cairn_write_u32_le(&w, 3);
    cairn_write_bytes(&w, cairn_span_str("ima"));
    cairn_write_bytes(&w, CAIRN_SPAN(file));
    cairn_write_u32_le(&w, 5);
    cairn_write_bytes(&w, cairn_span_str("/init"));
    assert_true(cairn_writer_ok(&w) && w.len == sizeof bytes - 4);
    struct cairn_ima_entry entry = read_one(CAIRN_SPAN(bytes));
    assert_true(cairn_span_equal(entry.path, cairn_span_str("/init")));

    uint8_t padded[20 + 256] = {0};
    uint8_t want[32];
    uint8_t got[32];
    struct cairn_hasher *hasher CAIRN_CLEANUP(cairn_hasher_freep) = NULL;
    memcpy(padded, file, 20);
    memcpy(padded + 20, "/init", 5);
    assert_int_equal(cairn_sha256(CAIRN_SPAN(padded), want, NULL), CAIRN_OK);
    assert_int_equal(cairn_hasher_new(CAIRN_SHA256, &hasher, NULL), CAIRN_OK);
    assert_int_equal(cairn_ima_extended(hasher, &entry, got, sizeof got, NULL), CAIRN_OK);
    assert_memory_equal(got, want, sizeof want);

    bytes[52] = 1; /* a name of 256 + 5 bytes does not fit the field */
    struct cairn_err err = {0};
    assert_int_equal(read_all(CAIRN_SPAN(bytes), &err), -1);
    assert_code(err, "boot.ima.large");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_every_genuine_list),
        cmocka_unit_test(gives_path_and_file_digest),
        cmocka_unit_test(recomputes_the_template_hash_that_the_list_holds),
        cmocka_unit_test(refuses_every_truncation_inside_an_entry),
        cmocka_unit_test(knows_the_kernels_templates),
        cmocka_unit_test(leaves_an_unknown_template_undecided),
        cmocka_unit_test(refuses_fields_out_of_range),
        cmocka_unit_test(marks_a_violation_and_extends_all_ones),
        cmocka_unit_test(hashes_the_oldest_template_with_its_padded_name),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
