/* tests/fuzz/attest/fuzz_evidence.c -- an evidence file, and the replay of whatever logs it carries.
 *
 * The attachments' SHA-256 would stop every mutation, so the head is written anew around the fuzzed bytes: input = which logs
 * are only named (1), mask (3), payload length (2), boot log length (2), userspace log length (2), then payload, logs and IMA
 * list. The same bytes are also parsed as a whole file.
 */
#include <stdlib.h>
#include <string.h>

#include "attest/replay_cache.h"
#include "core/doctype.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(enum cairn_rc rc)
{
    if (rc != CAIRN_OK) {
        abort();
    }
}

static void attach(struct cairn_tpmdoc *doc, enum cairn_boot_log_kind kind, bool named, struct cairn_span bytes)
{
    struct cairn_attachment *to = &doc->attachments[doc->num_attachments++];
    strncpy(to->kind, cairn_boot_log_name(kind), sizeof to->kind - 1);
    if (named) {
        to->named = true;
        to->len = bytes.len;
        return;
    }
    must(cairn_buf_set(&to->bytes, bytes, NULL));
}

static struct cairn_span take(struct cairn_reader *r, size_t len)
{
    return cairn_read_bytes(r, len < r->rest.len ? len : r->rest.len);
}

/* A document around the fuzzed parts. */
static void wrap(uint32_t named, struct cairn_reader *r, struct cairn_buf *file)
{
    CAIRN_TPMDOC doc = {.type = CAIRN_TYPE_EVIDENCE, .num_attestations = 1};
    CAIRN_JSON *json = NULL;
    doc.attestations[0].attest_len = 1;
    doc.attestations[0].signature_len = 1;
    const size_t payload_len = cairn_read_u16(r), firmware_len = cairn_read_u16(r), userspace_len = cairn_read_u16(r);
    struct cairn_span payload = take(r, payload_len);
    if (cairn_json_parse(payload, 1 << 16, false, "fuzz", &json, NULL) == CAIRN_OK) {
        must(cairn_json_write(json, &doc.payload, NULL));
    } else {
        const struct cairn_tpm_head head = {.ak = {{0x00, 0x0b}}};
        must(cairn_evidence_payload(&head, "", &doc.payload, NULL));
    }
    attach(&doc, CAIRN_LOG_FIRMWARE, (named & 1) != 0, take(r, firmware_len));
    attach(&doc, CAIRN_LOG_USERSPACE, (named & 2) != 0, take(r, userspace_len));
    attach(&doc, CAIRN_LOG_IMA, (named & 4) != 0, r->rest);
    must(cairn_tpmdoc_write(&doc, file, NULL));
}

static void parse_whole(struct cairn_span file)
{
    CAIRN_EVIDENCE evidence = {0};
    (void)!cairn_evidence_parse(file, &evidence, NULL);
}

static void parse_wrapped(struct cairn_reader *r)
{
    static const uint8_t quoted[32] = {0};
    CAIRN_BUF file = {0};
    CAIRN_EVIDENCE evidence = {0};
    CAIRN_REPLAY *replay = NULL;
    struct cairn_log_digest logs[CAIRN_NUM_BOOT_LOGS];
    struct cairn_replay_key key;
    const uint32_t word = cairn_read_u32(r);
    wrap(word >> 24, r, &file);
    if (cairn_evidence_parse(cairn_buf_span(&file), &evidence, NULL) == CAIRN_OK) {
        cairn_evidence_log_digests(&evidence, logs);
        must(cairn_replay_key_make(word & 0xffffff, quoted, logs, &key, NULL));
        (void)!cairn_replay_run(&evidence.logs, word & 0xffffff, quoted, &replay, NULL);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct cairn_reader r = cairn_reader(cairn_span(data, size));
    parse_whole(cairn_span(data, size));
    parse_wrapped(&r);
    return 0;
}
