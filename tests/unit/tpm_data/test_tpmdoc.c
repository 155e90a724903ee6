/* tests/unit/tpm_data/test_tpmdoc.c -- the document file in its one form, and the one rule that makes it the TPM's word. */
#include "tpm_data/tpmdoc.h"

#include <stdio.h>

#include "core/doctype.h"
#include "support/fake_tpm.h"
#include "vectors.h"

static const uint8_t fleet[32] = {0xf1};
static const uint8_t nonce[32] = {0xcc};
static const enum cairn_claim_type receipt_types[] = {CAIRN_CLAIM_NV, CAIRN_CLAIM_QUOTE};

static void make_receipt(const struct cairn_fake_tpm *tpm, struct cairn_tpmdoc *doc)
{
    CAIRN_BUF payload = {0};
    cairn_fake_payload(tpm, "nonce", nonce, NULL, &payload);
    cairn_fake_document(tpm, CAIRN_TYPE_RECEIPT, cairn_buf_span(&payload), 0x81, receipt_types, 2, doc);
}

static void attach(struct cairn_tpmdoc *doc, const char *kind, const char *bytes)
{
    struct cairn_attachment *a = &doc->attachments[doc->num_attachments++];
    (void)snprintf(a->kind, sizeof a->kind, "%s", kind);
    assert_int_equal(cairn_buf_set(&a->bytes, cairn_span_str(bytes), NULL), CAIRN_OK);
}

static void write_doc(const struct cairn_tpmdoc *doc, struct cairn_buf *out)
{
    assert_int_equal(cairn_tpmdoc_write(doc, out, NULL), CAIRN_OK);
}

/* A file of text `head`, newline and `tail`. */
static void refuses_text(const char *head, const char *tail, const char *type, enum cairn_rc rc, const char *code)
{
    CAIRN_BUF file = {0};
    CAIRN_TPMDOC doc = {0};
    struct cairn_err err = {0};
    assert_int_equal(cairn_buf_append(&file, cairn_span_str(head), NULL), CAIRN_OK);
    assert_int_equal(cairn_buf_append(&file, cairn_span_str(tail), NULL), CAIRN_OK);
    assert_int_equal(cairn_tpmdoc_parse(cairn_buf_span(&file), type, &doc, &err), rc);
    assert_string_equal(err.code, code);
    assert_int_equal(doc.num_attestations, 0);
}

static void writes_what_it_reads(void **state)
{
    (void)state;
    CAIRN_FAKE_TPM tpm;
    CAIRN_TPMDOC doc = {0};
    CAIRN_TPMDOC got = {0};
    CAIRN_BUF file = {0};
    CAIRN_BUF again = {0};
    cairn_fake_init(&tpm, fleet);
    make_receipt(&tpm, &doc);
    attach(&doc, "boot-log", "abc\n");
    attach(&doc, "userspace-log", "");
    attach(&doc, "ima", "\n\nxyz");
    write_doc(&doc, &file);
    assert_int_equal(cairn_tpmdoc_parse(cairn_buf_span(&file), CAIRN_TYPE_RECEIPT, &got, NULL), CAIRN_OK);
    assert_string_equal(got.type, CAIRN_TYPE_RECEIPT);
    assert_true(cairn_span_equal(cairn_buf_span(&got.payload), cairn_buf_span(&doc.payload)));
    assert_int_equal(got.num_attestations, 2);
    assert_int_equal(got.num_attachments, 3);
    assert_string_equal(got.attachments[2].kind, "ima");
    assert_true(cairn_span_equal(cairn_buf_span(&got.attachments[2].bytes), cairn_span_str("\n\nxyz")));
    assert_false(got.has_audit);
    write_doc(&got, &again);
    assert_true(cairn_span_equal(cairn_buf_span(&file), cairn_buf_span(&again)));
}

static void make_certificate(struct cairn_fake_tpm *tpm, struct cairn_tpmdoc *doc)
{
    static const enum cairn_claim_type types[] = {CAIRN_CLAIM_AUDIT};
    static const uint8_t start[32] = {0x57};
    CAIRN_BUF payload = {0};
    cairn_fake_wipe(tpm, start, start, 0x81, &doc->audit);
    cairn_fake_payload(tpm, "challenge", nonce, NULL, &payload);
    cairn_fake_document(tpm, CAIRN_TYPE_CERTIFICATE, cairn_buf_span(&payload), 0, types, 1, doc);
}

static void carries_the_audited_commands_of_a_certificate(void **state)
{
    (void)state;
    static const enum cairn_claim_type types[] = {CAIRN_CLAIM_AUDIT};
    CAIRN_FAKE_TPM tpm;
    CAIRN_TPMDOC doc = {0};
    CAIRN_BUF file = {0};
    CAIRN_BUF again = {0};
    struct cairn_claim claim;
    uint8_t digest[32];
    cairn_fake_init(&tpm, fleet);
    make_certificate(&tpm, &doc);
    write_doc(&doc, &file);
    assert_int_equal(cairn_tpmdoc_parse(cairn_buf_span(&file), CAIRN_TYPE_CERTIFICATE, &doc, NULL), CAIRN_OK);
    assert_true(doc.has_audit);
    assert_int_equal(doc.audit.num_steps, CAIRN_FAKE_NUM_STEPS);
    assert_int_equal(cairn_tpmdoc_verify(&doc, cairn_area_span(&tpm.ak_public), types, 1, &claim, NULL), CAIRN_OK);
    assert_int_equal(cairn_audit_digest(&doc.audit, digest, NULL), CAIRN_OK);
    assert_memory_equal(claim.u.audit.digest, digest, 32);
    write_doc(&doc, &again);
    assert_true(cairn_span_equal(cairn_buf_span(&file), cairn_buf_span(&again)));
}

static void refuses_file(struct cairn_span bytes, void *arg)
{
    const char *type = arg;
    CAIRN_TPMDOC doc = {0};
    struct cairn_err err = {0};
    assert_int_equal(cairn_tpmdoc_parse(bytes, type, &doc, &err), CAIRN_E_FORMAT);
    assert_int_equal(doc.num_attestations, 0);
}

static void refuses_every_truncation_and_a_trailing_byte(void **state)
{
    (void)state;
    CAIRN_FAKE_TPM tpm;
    CAIRN_TPMDOC doc = {0};
    CAIRN_TPMDOC certificate = {0};
    CAIRN_BUF file = {0};
    char receipt[] = CAIRN_TYPE_RECEIPT;
    char final[] = CAIRN_TYPE_CERTIFICATE;
    cairn_fake_init(&tpm, fleet);
    make_receipt(&tpm, &doc);
    attach(&doc, "ima", "xyz");
    write_doc(&doc, &file);
    each_damage(cairn_buf_span(&file), refuses_file, receipt);
    make_certificate(&tpm, &certificate);
    write_doc(&certificate, &file);
    each_damage(cairn_buf_span(&file), refuses_file, final);
}

static void refuses_type(const struct cairn_buf *file, const char *type)
{
    struct cairn_tpmdoc *doc = calloc(1, sizeof *doc); /* two of them are much for one stack */
    struct cairn_err err = {0};
    assert_non_null(doc);
    assert_int_equal(cairn_tpmdoc_parse(cairn_buf_span(file), type, doc, &err), CAIRN_E_REFUSED);
    assert_string_equal(err.code, "tpmdoc.type");
    free(doc);
}

static const char *const other_types[] = {CAIRN_TYPE_ENROLMENT, CAIRN_TYPE_EVIDENCE,   CAIRN_TYPE_REQUEST,
                                          CAIRN_TYPE_KILL,      CAIRN_TYPE_WIPE_START, CAIRN_TYPE_CERTIFICATE};

static void refuses_a_document_of_another_type(void **state)
{
    (void)state;
    CAIRN_FAKE_TPM tpm;
    CAIRN_TPMDOC doc = {0};
    CAIRN_BUF file = {0};
    cairn_fake_init(&tpm, fleet);
    make_receipt(&tpm, &doc);
    write_doc(&doc, &file);
    for (size_t i = 0; i < CAIRN_ARRAY_LEN(other_types); i++) {
        refuses_type(&file, other_types[i]);
    }
}

/* CHECKS 42: relabelled by somebody, a file is well-formed, but the TPM never said it. */
static void refuses_a_document_whose_type_was_changed(void **state)
{
    (void)state;
    CAIRN_FAKE_TPM tpm;
    CAIRN_TPMDOC doc = {0};
    struct cairn_claim claims[2];
    struct cairn_err err = {0};
    cairn_fake_init(&tpm, fleet);
    make_receipt(&tpm, &doc);
    for (size_t i = 0; i < CAIRN_ARRAY_LEN(other_types); i++) {
        (void)snprintf(doc.type, sizeof doc.type, "%s", other_types[i]);
        assert_int_equal(cairn_tpmdoc_verify(&doc, cairn_area_span(&tpm.ak_public), receipt_types, 2, claims, &err),
                         CAIRN_E_REFUSED);
        assert_string_equal(err.code, "attestation.extra");
    }
}

#define TPM_ONE    "\"tpm\":[{\"attest\":\"YQ==\",\"signature\":\"Yg==\"}]"
#define PAYLOAD(t) "\"payload\":\"e30=\",\"payloadType\":\"" t "\""
#define R          CAIRN_TYPE_RECEIPT
#define C          CAIRN_TYPE_CERTIFICATE

static void accepts_the_smallest_files(void **state)
{
    (void)state;
    static const char small[] = "{" PAYLOAD(R) "," TPM_ONE "}\n";
    static const char full[] = "{\"audit\":[{\"cp\":\"YQ==\",\"rp\":\"Yg==\"}]," PAYLOAD(C) ",\"signatures\":[]," TPM_ONE "}\n";
    CAIRN_TPMDOC doc = {0};
    assert_int_equal(cairn_tpmdoc_parse(cairn_span_str(small), R, &doc, NULL), CAIRN_OK);
    assert_int_equal(cairn_tpmdoc_parse(cairn_span_str(full), C, &doc, NULL), CAIRN_OK); /* and frees what was in doc */
    assert_int_equal(doc.audit.num_steps, 1);
}

static void refuses_heads_of_any_other_form(void **state)
{
    (void)state;
    static const struct {
        const char *head;
        const char *type;
        const char *code;
    } bad[] = {
        {"", R, "json.syntax"},
        {"[]", R, "json.syntax"},
        {"{ " PAYLOAD(R) "," TPM_ONE "}", R, "json.canonical"},
        {"{" TPM_ONE "," PAYLOAD(R) "}", R, "json.canonical"},
        {"{" PAYLOAD(R) "}", R, "json.member"},
        {"{" PAYLOAD(R) ",\"tpm\":[]}", R, "tpmdoc.format"},
        {"{" PAYLOAD(R) ",\"tpm\":{}}", R, "json.member"},
        {"{" PAYLOAD(R) ",\"tpm\":[7]}", R, "json.member"},
        {"{" PAYLOAD(R) ",\"tpm\":[{\"attest\":\"YQ==\"}]}", R, "json.member"},
        {"{" PAYLOAD(R) ",\"tpm\":[{\"attest\":\"YR==\",\"signature\":\"Yg==\"}]}", R, "json.member"},
        {"{" PAYLOAD(R) "," TPM_ONE ",\"x\":1}", R, "json.member"},
        {"{" PAYLOAD(R) ",\"signatures\":[]," TPM_ONE "}", R, "json.member"},
        {"{\"audit\":[]," PAYLOAD(R) "," TPM_ONE "}", R, "json.member"},
        {"{" PAYLOAD(C) ",\"signatures\":[]," TPM_ONE "}", C, "json.member"},
        {"{\"audit\":[]," PAYLOAD(C) "," TPM_ONE "}", C, "json.member"},
        {"{\"audit\":[]," PAYLOAD(C) ",\"signatures\":[1]," TPM_ONE "}", C, "json.member"},
        {"{\"audit\":[{\"cp\":\"YQ==\"}]," PAYLOAD(C) ",\"signatures\":[]," TPM_ONE "}", C, "json.member"},
        {"{\"attachments\":[]," PAYLOAD(R) "," TPM_ONE "}", R, "tpmdoc.format"},
    };
    for (size_t i = 0; i < CAIRN_ARRAY_LEN(bad); i++) {
        refuses_text(bad[i].head, "\n", bad[i].type, CAIRN_E_FORMAT, bad[i].code);
    }
    refuses_text("{" PAYLOAD(R) "," TPM_ONE "}", "", R, CAIRN_E_FORMAT, "tpmdoc.format");
    refuses_text("{" PAYLOAD(R) "," TPM_ONE "}", "\n\n", R, CAIRN_E_FORMAT, "tpmdoc.attachment");
    refuses_text("{" PAYLOAD(R) "," TPM_ONE "}", "\n", C, CAIRN_E_REFUSED, "tpmdoc.type");
    refuses_text("{" PAYLOAD("nonsense") "," TPM_ONE "}", "\n", R, CAIRN_E_REFUSED, "tpmdoc.type");
}

static void refuses_more_attestations_than_any_document_has(void **state)
{
    (void)state;
    static const char one[] = "{\"attest\":\"YQ==\",\"signature\":\"Yg==\"}";
    char head[600];
    (void)snprintf(head, sizeof head, "{" PAYLOAD(R) ",\"tpm\":[%s,%s,%s,%s,%s]}", one, one, one, one, one);
    refuses_text(head, "\n", R, CAIRN_E_FORMAT, "json.member");
}

static void refuses_a_head_without_end(void **state)
{
    (void)state;
    CAIRN_BUF file = {0};
    CAIRN_TPMDOC doc = {0};
    struct cairn_err err = {0};
    assert_int_equal(cairn_buf_resize(&file, (size_t)CAIRN_TPMDOC_MAX_HEAD + 2, NULL), CAIRN_OK);
    memset(file.p, ' ', file.len);
    file.p[file.len - 1] = '\n';
    assert_int_equal(cairn_tpmdoc_parse(cairn_buf_span(&file), R, &doc, &err), CAIRN_E_FORMAT);
    assert_string_equal(err.code, "tpmdoc.format");
}

#define SHA_ABC                       "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
#define SHA_OTHER                     "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ae"
#define ENTRY(kind, len, offset, sha) "{\"kind\":\"" kind "\",\"len\":" len ",\"offset\":" offset ",\"sha256\":\"" sha "\"}"
#define WITH(entries)                 "{\"attachments\":[" entries "]," PAYLOAD(R) "," TPM_ONE "}"

static void refuses_attachments_that_are_not_the_ones_named(void **state)
{
    (void)state;
    static const struct {
        const char *head;
        const char *tail;
        const char *code;
    } bad[] = {
        {WITH(ENTRY("ima", "3", "0", SHA_OTHER)), "\nabc", "tpmdoc.attachment"},
        {WITH(ENTRY("ima", "3", "0", SHA_ABC)), "\nabd", "tpmdoc.attachment"},
        {WITH(ENTRY("ima", "3", "0", SHA_ABC)), "\nab", "tpmdoc.attachment"},
        {WITH(ENTRY("ima", "3", "0", SHA_ABC)), "\nabcd", "tpmdoc.attachment"},
        {WITH(ENTRY("ima", "3", "1", SHA_ABC)), "\nxabc", "tpmdoc.attachment"},
        {WITH(ENTRY("ima", "3", "1", SHA_ABC)), "\nabc", "tpmdoc.attachment"},
        {WITH(ENTRY("ima", "3", "0", SHA_ABC) "," ENTRY("boot-log", "3", "0", SHA_ABC)), "\nabc", "tpmdoc.attachment"},
        {WITH(ENTRY("ima", "3", "0", SHA_ABC) "," ENTRY("ima", "3", "3", SHA_ABC)), "\nabcabc", "tpmdoc.attachment"},
        {WITH(ENTRY("IMA", "3", "0", SHA_ABC)), "\nabc", "tpmdoc.attachment"},
        {WITH(ENTRY("../x", "3", "0", SHA_ABC)), "\nabc", "tpmdoc.attachment"},
        {WITH(ENTRY("ima", "33554433", "0", SHA_ABC)), "\nabc", "json.member"},
        {WITH(ENTRY("ima", "-3", "0", SHA_ABC)), "\nabc", "json.member"},
        {WITH("{\"kind\":\"ima\",\"len\":3,\"offset\":0}"), "\nabc", "json.member"},
        {WITH("7"), "\nabc", "json.member"},
    };
    for (size_t i = 0; i < CAIRN_ARRAY_LEN(bad); i++) {
        refuses_text(bad[i].head, bad[i].tail, R, CAIRN_E_FORMAT, bad[i].code);
    }
    static const char good[] = WITH(ENTRY("boot-log", "3", "0", SHA_ABC) "," ENTRY("ima", "3", "3", SHA_ABC)) "\nabcabc";
    CAIRN_TPMDOC doc = {0};
    assert_int_equal(cairn_tpmdoc_parse(cairn_span_str(good), R, &doc, NULL), CAIRN_OK);
}

#define E                     CAIRN_TYPE_EVIDENCE
#define NAMED(kind, len, sha) "{\"kind\":\"" kind "\",\"len\":" len ",\"sha256\":\"" sha "\"}"
#define EVIDENCE(entries)     "{\"attachments\":[" entries "]," PAYLOAD(E) "," TPM_ONE "}"

static void evidence_may_name_bytes_that_it_does_not_carry(void **state)
{
    (void)state;
    static const char text[] = EVIDENCE(NAMED("boot-log", "70000", SHA_OTHER) "," ENTRY("ima", "3", "0", SHA_ABC)) "\nabc";
    CAIRN_TPMDOC doc = {0};
    CAIRN_BUF again = {0};
    assert_int_equal(cairn_tpmdoc_parse(cairn_span_str(text), E, &doc, NULL), CAIRN_OK);
    assert_int_equal(doc.num_attachments, 2);
    assert_true(doc.attachments[0].named);
    assert_int_equal(doc.attachments[0].len, 70000);
    assert_int_equal(doc.attachments[0].bytes.len, 0);
    assert_int_equal(doc.attachments[0].sha256[31], 0xae);
    assert_false(doc.attachments[1].named);
    assert_int_equal(doc.attachments[1].len, 3);
    assert_int_equal(doc.attachments[1].sha256[31], 0xad);
    write_doc(&doc, &again);
    assert_true(cairn_span_equal(cairn_buf_span(&again), cairn_span_str(text)));
}

static void only_evidence_may_name_attachments(void **state)
{
    (void)state;
    refuses_text(WITH(NAMED("ima", "3", SHA_ABC)), "\n", R, CAIRN_E_FORMAT, "tpmdoc.attachment");
    refuses_text(EVIDENCE(NAMED("ima", "3", SHA_ABC)), "\nabc", E, CAIRN_E_FORMAT, "tpmdoc.attachment");
    refuses_text(EVIDENCE(NAMED("ima", "33554433", SHA_ABC)), "\n", E, CAIRN_E_FORMAT, "json.member");
    refuses_text(EVIDENCE(NAMED("ima", "3", SHA_ABC) "," ENTRY("ima", "3", "0", SHA_ABC)), "\nabc", E, CAIRN_E_FORMAT,
                 "tpmdoc.attachment");
    refuses_text(EVIDENCE("{\"kind\":\"ima\",\"len\":3}"), "\n", E, CAIRN_E_FORMAT, "json.member");
    static const struct cairn_attachment named = {.kind = "ima", .named = true, .len = 3};
    CAIRN_FAKE_TPM tpm;
    CAIRN_TPMDOC doc = {0};
    CAIRN_BUF out = {0};
    cairn_fake_init(&tpm, fleet);
    make_receipt(&tpm, &doc);
    doc.num_attachments = 1;
    doc.attachments[0] = named;
    assert_int_equal(cairn_tpmdoc_write(&doc, &out, NULL), CAIRN_E_FORMAT);
    (void)snprintf(doc.type, sizeof doc.type, "%s", E);
    assert_int_equal(cairn_tpmdoc_write(&doc, &out, NULL), CAIRN_OK);
    assert_int_equal(cairn_buf_set(&doc.attachments[0].bytes, cairn_span_str("abc"), NULL), CAIRN_OK);
    assert_int_equal(cairn_tpmdoc_write(&doc, &out, NULL), CAIRN_E_FORMAT); /* bytes that would be lost */
}

static void refuses_to_write_what_it_would_not_read(void **state)
{
    (void)state;
    CAIRN_FAKE_TPM tpm;
    CAIRN_TPMDOC doc = {0};
    CAIRN_BUF out = {0};
    struct cairn_err err = {0};
    cairn_fake_init(&tpm, fleet);
    make_receipt(&tpm, &doc);
    doc.has_audit = true;
    assert_int_equal(cairn_tpmdoc_write(&doc, &out, &err), CAIRN_E_FORMAT);
    assert_string_equal(err.code, "tpmdoc.format");
    doc.has_audit = false;
    doc.num_attestations = 0;
    assert_int_equal(cairn_tpmdoc_write(&doc, &out, &err), CAIRN_E_FORMAT);
    doc.num_attestations = 2;
    attach(&doc, "nonsense", "x");
    assert_int_equal(cairn_tpmdoc_write(&doc, &out, &err), CAIRN_E_FORMAT);
    assert_string_equal(err.code, "tpmdoc.format");
    assert_int_equal(out.len, 0);
}

/* the head of a payload */

static enum cairn_rc read_head(json_t *json, struct cairn_tpm_head *head, struct cairn_err *err)
{
    struct cairn_obj o = cairn_obj(json, "payload", err);
    cairn_tpm_head_read(&o, "nonce", head);
    return cairn_obj_done(&o);
}

static void reads_the_head_that_it_writes(void **state)
{
    (void)state;
    CAIRN_FAKE_TPM tpm;
    struct cairn_tpm_head want;
    struct cairn_tpm_head got;
    cairn_fake_init(&tpm, fleet);
    cairn_fake_head(&tpm, nonce, &want);
    CAIRN_JSON *json = json_object();
    assert_int_equal(cairn_tpm_head_write(json, "nonce", &want, NULL), CAIRN_OK);
    assert_int_equal(read_head(json, &got, NULL), CAIRN_OK);
    assert_int_equal(cairn_tpm_head_check(&got, &want, NULL), CAIRN_OK);
}

static void refuses_a_head_of_another_version_or_name(void **state)
{
    (void)state;
    CAIRN_FAKE_TPM tpm;
    struct cairn_tpm_head head;
    struct cairn_err err = {0};
    cairn_fake_init(&tpm, fleet);
    cairn_fake_head(&tpm, nonce, &head);
    CAIRN_JSON *json = json_object();
    assert_int_equal(cairn_tpm_head_write(json, "nonce", &head, NULL), CAIRN_OK);
    assert_int_equal(json_object_set_new(json, "v", json_integer(2)), 0);
    assert_int_equal(read_head(json, &head, &err), CAIRN_E_FORMAT);
    assert_string_equal(err.code, "json.member");
    head.ak.bytes[1] = 0x0c;
    assert_int_equal(cairn_tpm_head_write(json, "nonce", &head, NULL), CAIRN_OK);
    assert_int_equal(read_head(json, &head, &err), CAIRN_E_FORMAT);
    assert_string_equal(err.code, "json.member");
}

static void tells_which_member_of_a_head_differs(void **state)
{
    (void)state;
    CAIRN_FAKE_TPM tpm;
    struct cairn_tpm_head want;
    struct cairn_err err = {0};
    cairn_fake_init(&tpm, fleet);
    cairn_fake_head(&tpm, nonce, &want);
    struct cairn_tpm_head got = want;
    got.fleet[31] ^= 1;
    assert_int_equal(cairn_tpm_head_check(&got, &want, &err), CAIRN_E_REFUSED);
    assert_string_equal(err.code, "document.fleet");
    got = want;
    got.device[0] ^= 1;
    assert_int_equal(cairn_tpm_head_check(&got, &want, &err), CAIRN_E_REFUSED);
    assert_string_equal(err.code, "document.device");
    got = want;
    got.ak.bytes[33] ^= 1;
    assert_int_equal(cairn_tpm_head_check(&got, &want, &err), CAIRN_E_REFUSED);
    assert_string_equal(err.code, "document.ak");
    got = want;
    got.nonce[31] ^= 1;
    assert_int_equal(cairn_tpm_head_check(&got, &want, &err), CAIRN_E_REFUSED);
    assert_string_equal(err.code, "document.nonce");
}

/* the one rule */

static void refuses_doc(const struct cairn_fake_tpm *tpm, const struct cairn_tpmdoc *doc, const char *code)
{
    struct cairn_claim claims[2] = {{.clock_ms = 77}, {.clock_ms = 77}};
    struct cairn_err err = {0};
    assert_int_equal(cairn_tpmdoc_verify(doc, cairn_area_span(&tpm->ak_public), receipt_types, 2, claims, &err),
                     CAIRN_E_REFUSED);
    assert_string_equal(err.code, code);
    assert_int_equal(claims[0].clock_ms, 77);
}

static void believes_a_document_whose_attestations_cover_it(void **state)
{
    (void)state;
    CAIRN_FAKE_TPM tpm;
    CAIRN_TPMDOC doc = {0};
    struct cairn_claim claims[2];
    uint64_t epoch = 0;
    cairn_fake_init(&tpm, fleet);
    make_receipt(&tpm, &doc);
    assert_int_equal(cairn_tpmdoc_verify(&doc, cairn_area_span(&tpm.ak_public), receipt_types, 2, claims, NULL), CAIRN_OK);
    assert_int_equal(cairn_claim_counter(&claims[0], &tpm.epoch_name, &epoch, NULL), CAIRN_OK);
    assert_int_equal(epoch, 7);
    assert_int_equal(claims[1].u.quote.mask, 0x81);
}

static void refuses_a_payload_that_the_tpm_did_not_cover(void **state)
{
    (void)state;
    CAIRN_FAKE_TPM tpm;
    CAIRN_TPMDOC doc = {0};
    cairn_fake_init(&tpm, fleet);
    make_receipt(&tpm, &doc);
    doc.payload.p[5] ^= 1;
    refuses_doc(&tpm, &doc, "attestation.extra");
}

static void refuses_missing_swapped_and_surplus_attestations(void **state)
{
    (void)state;
    CAIRN_FAKE_TPM tpm;
    CAIRN_TPMDOC doc = {0};
    cairn_fake_init(&tpm, fleet);
    make_receipt(&tpm, &doc);
    doc.num_attestations = 1;
    refuses_doc(&tpm, &doc, "tpmdoc.attestations");
    doc.num_attestations = 3;
    doc.attestations[2] = doc.attestations[1];
    refuses_doc(&tpm, &doc, "tpmdoc.attestations");
    doc.num_attestations = 2;
    doc.attestations[1] = doc.attestations[0];
    refuses_doc(&tpm, &doc, "attestation.type");
}

/* CHECKS 65 */
static void refuses_two_boots_presented_as_one(void **state)
{
    (void)state;
    CAIRN_FAKE_TPM tpm;
    CAIRN_TPMDOC doc = {0};
    CAIRN_TPMDOC later = {0};
    cairn_fake_init(&tpm, fleet);
    make_receipt(&tpm, &doc);
    tpm.restarts++;
    make_receipt(&tpm, &later);
    doc.attestations[1] = later.attestations[1];
    refuses_doc(&tpm, &doc, "attestation.boot");
    tpm.restarts--;
    tpm.resets++;
    make_receipt(&tpm, &later);
    doc.attestations[1] = later.attestations[1];
    refuses_doc(&tpm, &doc, "attestation.boot");
}

static void refuses_another_devices_attestations(void **state)
{
    (void)state;
    CAIRN_FAKE_TPM tpm;
    CAIRN_FAKE_TPM other;
    CAIRN_TPMDOC doc = {0};
    cairn_fake_init(&tpm, fleet);
    cairn_fake_init(&other, fleet);
    make_receipt(&other, &doc);
    refuses_doc(&tpm, &doc, "attestation.signer");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(writes_what_it_reads),
        cmocka_unit_test(carries_the_audited_commands_of_a_certificate),
        cmocka_unit_test(refuses_every_truncation_and_a_trailing_byte),
        cmocka_unit_test(refuses_a_document_of_another_type),
        cmocka_unit_test(refuses_a_document_whose_type_was_changed),
        cmocka_unit_test(accepts_the_smallest_files),
        cmocka_unit_test(refuses_heads_of_any_other_form),
        cmocka_unit_test(refuses_more_attestations_than_any_document_has),
        cmocka_unit_test(refuses_a_head_without_end),
        cmocka_unit_test(refuses_attachments_that_are_not_the_ones_named),
        cmocka_unit_test(evidence_may_name_bytes_that_it_does_not_carry),
        cmocka_unit_test(only_evidence_may_name_attachments),
        cmocka_unit_test(refuses_to_write_what_it_would_not_read),
        cmocka_unit_test(reads_the_head_that_it_writes),
        cmocka_unit_test(refuses_a_head_of_another_version_or_name),
        cmocka_unit_test(tells_which_member_of_a_head_differs),
        cmocka_unit_test(believes_a_document_whose_attestations_cover_it),
        cmocka_unit_test(refuses_a_payload_that_the_tpm_did_not_cover),
        cmocka_unit_test(refuses_missing_swapped_and_surplus_attestations),
        cmocka_unit_test(refuses_two_boots_presented_as_one),
        cmocka_unit_test(refuses_another_devices_attestations),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
