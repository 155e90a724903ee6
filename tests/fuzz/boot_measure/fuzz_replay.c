/* tests/fuzz/boot_measure/fuzz_replay.c -- three logs and the quote of a TPM that was extended with all they hold.
 *
 * Input: selection (3 bytes), length of the firmware log and of the userspace log (2 bytes each), the two logs, IMA list.
 */
#include <stdlib.h>
#include <string.h>

#include "boot_measure/facts.h"
#include "boot_measure/ima_log.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void extend(uint8_t value[32], struct cairn_span digest)
{
    const struct cairn_span parts[2] = {cairn_span(value, 32), digest};
    if (cairn_hash_parts(CAIRN_SHA256, parts, 2, value, NULL) != CAIRN_OK) {
        abort();
    }
}

static void extend_tcg(uint8_t values[CAIRN_NUM_PCRS][32], struct cairn_span bytes)
{
    struct cairn_tcg_log log;
    struct cairn_tcg_event event;
    bool more = cairn_tcg_log_open(bytes, &log, NULL) == CAIRN_OK;
    while (more && cairn_tcg_log_next(&log, &more, &event, NULL) == CAIRN_OK && more) {
        if (event.extends) {
            extend(values[event.pcr], event.digests[CAIRN_TCG_SHA256]);
        } else if (!log.extended) {
            values[0][31] = log.locality;
        }
    }
}

static void extend_ima(uint8_t value[32], struct cairn_span bytes)
{
    struct cairn_ima_log log;
    struct cairn_ima_entry entry;
    struct cairn_hasher *hasher CAIRN_CLEANUP(cairn_hasher_freep) = NULL;
    bool more = cairn_ima_log_open(bytes, &log, NULL) == CAIRN_OK && cairn_hasher_new(CAIRN_SHA256, &hasher, NULL) == CAIRN_OK;
    while (more && cairn_ima_log_next(&log, &more, &entry, NULL) == CAIRN_OK && more) {
        uint8_t digest[32];
        if (cairn_ima_extended(hasher, &entry, digest, sizeof digest, NULL) != CAIRN_OK) {
            abort();
        }
        extend(value, CAIRN_SPAN(digest));
    }
}

static void quote(const struct cairn_boot_logs *logs, uint32_t mask, uint8_t out[32])
{
    uint8_t values[CAIRN_NUM_PCRS][32] = {0};
    struct cairn_span parts[CAIRN_NUM_PCRS];
    size_t num = 0;
    memset(values[17], 0xff, 6 * sizeof values[0]);
    extend_tcg(values, logs->firmware);
    extend_tcg(values, logs->userspace);
    extend_ima(values[CAIRN_PCR_IMA], logs->ima);
    for (size_t i = 0; i < CAIRN_NUM_PCRS; i++) {
        if ((mask >> i & 1u) != 0) {
            parts[num++] = CAIRN_SPAN(values[i]);
        }
    }
    if (cairn_hash_parts(CAIRN_SHA256, parts, num, out, NULL) != CAIRN_OK) {
        abort();
    }
}

static void use(const struct cairn_replay *r)
{
    struct cairn_boot_facts facts;
    cairn_boot_facts_read(r, &facts);
    for (size_t i = 0; i < cairn_replay_num_events(r) && i < 64; i++) {
        (void)cairn_boot_event_is_container(r, i);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct cairn_reader in = cairn_reader(cairn_span(data, size));
    uint32_t mask = (uint32_t)cairn_read_u8(&in) << 16 | cairn_read_u16(&in);
    size_t firmware_len = cairn_read_u16(&in);
    size_t userspace_len = cairn_read_u16(&in);
    struct cairn_boot_logs logs = {.firmware = cairn_read_bytes(&in, firmware_len),
                                   .userspace = cairn_read_bytes(&in, userspace_len)};
    if (!cairn_reader_ok(&in)) {
        return 0;
    }
    logs.ima = in.rest;
    uint8_t quoted[32];
    CAIRN_REPLAY *r = NULL;
    struct cairn_err err;
    quote(&logs, mask, quoted);
    if (cairn_replay_run(&logs, mask, quoted, &r, &err) == CAIRN_OK) {
        use(r);
    }
    return 0;
}
