/* tests/unit/boot_measure/vectors.h -- the boots of tests/vectors/boot, small logs made by hand, and exact-size copies. */
#ifndef CAIRN_TESTS_BOOT_MEASURE_VECTORS_H
#define CAIRN_TESTS_BOOT_MEASURE_VECTORS_H

#include <stdio.h>

#include "boot_measure/replay.h"
#include "boot_measure/user_log.h"
#include "support/cmocka_all.h"

#define assert_code(err, want) assert_string_equal((err).code, (want))

static const char *const boots[] = {"sb-uki-clean", "sb-uki-tampered-cmdline", "nosb-uki-clean", "shim-ms-clean",
                                    "direct-clean"};

/* An exact-size heap copy, so that a sanitizer sees a read past the end. */
static inline struct cairn_buf copy_of(struct cairn_span bytes)
{
    struct cairn_buf copy = {0};
    copy.p = malloc(bytes.len == 0 ? 1 : bytes.len);
    assert_non_null(copy.p);
    if (bytes.len > 0) {
        memcpy(copy.p, bytes.p, bytes.len);
    }
    copy.len = bytes.len;
    copy.cap = bytes.len == 0 ? 1 : bytes.len;
    return copy;
}

static inline struct cairn_buf load_path(const char *path)
{
    static uint8_t bytes[1 << 20];
    FILE *f = fopen(path, "rb");
    assert_non_null(f);
    size_t len = fread(bytes, 1, sizeof bytes, f);
    assert_true(len > 0 && len < sizeof bytes);
    assert_int_equal(fclose(f), 0);
    return copy_of(cairn_span(bytes, len));
}

static inline struct cairn_buf load(const char *boot, const char *name)
{
    char path[512];
    assert_true(snprintf(path, sizeof path, "%s/boot/%s/%s", CAIRN_VECTORS, boot, name) < (int)sizeof path);
    return load_path(path);
}

/* struct boot is one genuine boot with the selection and digest of its quote, read by hand from the TPMS_ATTEST. */
struct boot {
    struct cairn_buf firmware, ima, values; /* values: 24 SHA-1, then 24 SHA-256 PCR values */
    uint32_t mask;
    uint8_t quoted[32];
    struct cairn_boot_logs logs;
};

static inline void read_quote(struct boot *boot, struct cairn_span attest)
{
    struct cairn_reader r = cairn_reader(attest);
    assert_int_equal(cairn_read_u32(&r), 0xff544347);
    assert_int_equal(cairn_read_u16(&r), 0x8018);
    (void)cairn_read_tpm2b(&r, 64); /* qualifiedSigner */
    (void)cairn_read_tpm2b(&r, 64); /* extraData */
    (void)cairn_read_bytes(&r, 17 + 8);
    assert_int_equal(cairn_read_u32(&r), 1);
    assert_int_equal(cairn_read_u16(&r), CAIRN_SHA256);
    assert_int_equal(cairn_read_u8(&r), 3);
    boot->mask = cairn_read_u8(&r);
    boot->mask |= (uint32_t)cairn_read_u8(&r) << 8;
    boot->mask |= (uint32_t)cairn_read_u8(&r) << 16;
    assert_int_equal(cairn_read_u16(&r), 32);
    cairn_read_array(&r, boot->quoted, 32);
    assert_true(cairn_reader_done(&r));
}

static inline struct boot open_boot(const char *name)
{
    struct boot boot = {
        .firmware = load(name, "binary_bios_measurements"), .ima = load(name, "ima_binary"), .values = load(name, "pcrs.bin")};
    CAIRN_BUF attest = load(name, "quote-sha256.msg");
    read_quote(&boot, cairn_buf_span(&attest));
    boot.logs.firmware = cairn_buf_span(&boot.firmware);
    boot.logs.ima = cairn_buf_span(&boot.ima);
    return boot;
}

static inline void close_boot(struct boot *boot)
{
    cairn_buf_clear(&boot->firmware);
    cairn_buf_clear(&boot->ima);
    cairn_buf_clear(&boot->values);
}
#define BOOT CAIRN_CLEANUP(close_boot) struct boot

/* A log made by hand: SHA-1 and SHA-256 banks, every event a data fact. */
static inline struct cairn_buf new_log(void)
{
    static const uint16_t algs[] = {CAIRN_SHA1, CAIRN_SHA256};
    struct cairn_buf log = {0};
    assert_int_equal(cairn_user_log_header(algs, 2, &log, NULL), CAIRN_OK);
    return log;
}

static inline void add(struct cairn_buf *log, unsigned pcr, uint32_t type, const void *data, size_t len)
{
    assert_int_equal(cairn_user_log_event(log, pcr, type, cairn_span(data, len), NULL), CAIRN_OK);
}

static inline void add_text(struct cairn_buf *log, unsigned pcr, uint32_t type, const char *text)
{
    add(log, pcr, type, text, strlen(text));
}

/* struct pcrs is what a TPM would hold. */
struct pcrs {
    uint8_t values[CAIRN_NUM_PCRS][32];
};

static inline struct pcrs reset_pcrs(void)
{
    struct pcrs pcrs = {0};
    for (size_t i = 17; i <= 22; i++) {
        memset(pcrs.values[i], 0xff, 32);
    }
    return pcrs;
}

static inline void extend_digest(struct pcrs *pcrs, unsigned pcr, const uint8_t digest[32])
{
    const struct cairn_span parts[2] = {CAIRN_SPAN(pcrs->values[pcr]), cairn_span(digest, 32)};
    assert_int_equal(cairn_hash_parts(CAIRN_SHA256, parts, 2, pcrs->values[pcr], NULL), CAIRN_OK);
}

static inline void extend_text(struct pcrs *pcrs, unsigned pcr, const char *text)
{
    uint8_t digest[32];
    assert_int_equal(cairn_sha256(cairn_span_str(text), digest, NULL), CAIRN_OK);
    extend_digest(pcrs, pcr, digest);
}

static inline void quote_pcrs(const struct pcrs *pcrs, uint32_t mask, uint8_t out[32])
{
    struct cairn_span parts[CAIRN_NUM_PCRS];
    size_t num = 0;
    for (size_t i = 0; i < CAIRN_NUM_PCRS; i++) {
        if ((mask >> i & 1u) != 0) {
            parts[num++] = CAIRN_SPAN(pcrs->values[i]);
        }
    }
    assert_int_equal(cairn_hash_parts(CAIRN_SHA256, parts, num, out, NULL), CAIRN_OK);
}

#endif
