/* tests/fuzz/attest/fuzz_evidence.c -- an evidence file, and the replay of whatever logs it carries.
 *
 * The attachments' SHA-256 would stop every mutation, so the head is written anew around the fuzzed bytes: input = mask (4),
 * payload length (2), boot log length (2), userspace log length (2), then payload, logs and IMA list. The same bytes are also
 * parsed as a whole file.
 */
#include <stdlib.h>
#include <string.h>

#include "attest/evidence.h"
#include "core/doctype.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(enum cairn_rc rc)
{
    if (rc != CAIRN_OK) {
        abort();
    }
}

static void attach(struct cairn_tpmdoc *doc, enum cairn_boot_log_kind kind, struct cairn_span bytes)
{
    struct cairn_attachment *to = &doc->attachments[doc->num_attachments++];
    strncpy(to->kind, cairn_boot_log_name(kind), sizeof to->kind - 1);
    must(cairn_buf_set(&to->bytes, bytes, NULL));
}

static struct cairn_span take(struct cairn_reader *r, size_t len)
{
    return cairn_read_bytes(r, len < r->rest.len ? len : r->rest.len);
}

/* A document around the fuzzed parts. */
static void wrap(struct cairn_reader *r, struct cairn_buf *file)
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
    attach(&doc, CAIRN_LOG_FIRMWARE, take(r, firmware_len));
    attach(&doc, CAIRN_LOG_USERSPACE, take(r, userspace_len));
    attach(&doc, CAIRN_LOG_IMA, r->rest);
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
    const uint32_t mask = cairn_read_u32(r) & 0xffffff;
    wrap(r, &file);
    if (cairn_evidence_parse(cairn_buf_span(&file), &evidence, NULL) == CAIRN_OK) {
        (void)!cairn_replay_run(&evidence.logs, mask, quoted, &replay, NULL);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct cairn_reader r = cairn_reader(cairn_span(data, size));
    parse_whole(cairn_span(data, size));
    parse_wrapped(&r);
    return 0;
}
