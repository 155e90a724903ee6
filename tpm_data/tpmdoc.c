/* tpm_data/tpmdoc.c -- the file of a document covered by a TPM, read strictly and written in its one form.
 *
 * Trust boundary: a parsed document is only well-formed; cairn_tpmdoc_verify decides whether the TPM said it. Attachments stay
 * outside the payload: here only their digests are compared with the head, what authenticates them is their replay.
 * Source: DESIGN 4; docs/formats.md.
 */
#include "tpm_data/tpmdoc.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "core/doctype.h"

enum { MAX_PAYLOAD = CAIRN_TPMDOC_MAX_HEAD / 4 * 3, HEAD_VERSION = 1 };

void cairn_tpmdoc_clear(struct cairn_tpmdoc *doc)
{
    cairn_buf_clear(&doc->payload);
    for (size_t i = 0; i < CAIRN_TPMDOC_MAX_ATTACHMENTS; i++) {
        cairn_buf_clear(&doc->attachments[i].bytes);
    }
    cairn_audit_log_clear(&doc->audit);
    *doc = (struct cairn_tpmdoc){0};
}

static bool carries_audit(const char *type)
{
    return strcmp(type, CAIRN_TYPE_CERTIFICATE) == 0;
}

/* A file must be whole; only what is sent to a server may leave out bytes that the server has. */
static bool may_name(const char *type)
{
    return strcmp(type, CAIRN_TYPE_EVIDENCE) == 0;
}

static CAIRN_RC bad_format(struct cairn_err *err, const char *why)
{
    return CAIRN_FAIL(err, CAIRN_E_FORMAT, "tpmdoc.format", "the document file is not in its form: %s", why);
}

/* Splits the file at its first newline: canonical JSON has none inside. */
static CAIRN_RC split_file(struct cairn_span file, struct cairn_span *head, struct cairn_span *tail, struct cairn_err *err)
{
    size_t len = 0;
    while (len < file.len && len <= CAIRN_TPMDOC_MAX_HEAD && file.p[len] != '\n') {
        len++;
    }
    if (len == file.len || len > CAIRN_TPMDOC_MAX_HEAD) {
        return bad_format(err, "no newline ends its JSON part");
    }
    struct cairn_reader r = cairn_reader(file);
    *head = cairn_read_bytes(&r, len);
    (void)cairn_read_u8(&r);
    *tail = r.rest;
    return CAIRN_OK;
}

static size_t copy_into(uint8_t *out, size_t cap, const struct cairn_buf *bytes)
{
    struct cairn_writer w = cairn_writer(out, cap);
    cairn_write_bytes(&w, cairn_buf_span(bytes));
    assert(cairn_writer_ok(&w)); /* cairn_obj_base64 kept the limit */
    return w.len;
}

static CAIRN_RC read_attestation(const json_t *json, struct cairn_attestation *out, struct cairn_err *err)
{
    CAIRN_BUF attest = {0};
    CAIRN_BUF signature = {0};
    struct cairn_obj o = cairn_obj(json, "tpm", err);
    cairn_obj_base64(&o, "attest", CAIRN_ATTEST_MAX, &attest);
    cairn_obj_base64(&o, "signature", CAIRN_SIGNATURE_MAX, &signature);
    CAIRN_TRY(cairn_obj_done(&o));
    out->attest_len = copy_into(out->attest, sizeof out->attest, &attest);
    out->signature_len = copy_into(out->signature, sizeof out->signature, &signature);
    return CAIRN_OK;
}

static CAIRN_RC read_attestations(const json_t *array, struct cairn_tpmdoc *doc, struct cairn_err *err)
{
    doc->num_attestations = json_array_size(array);
    if (doc->num_attestations == 0) {
        return bad_format(err, "it carries no attestation");
    }
    for (size_t i = 0; i < doc->num_attestations; i++) {
        CAIRN_TRY(read_attestation(json_array_get(array, i), &doc->attestations[i], err));
    }
    return CAIRN_OK;
}

static CAIRN_RC read_audit(const json_t *array, struct cairn_audit_log *log, struct cairn_err *err)
{
    for (size_t i = 0; i < json_array_size(array); i++) {
        struct cairn_obj o = cairn_obj(json_array_get(array, i), "audit", err);
        log->num_steps = i + 1; /* counted first, so that a failure frees what it has read */
        cairn_obj_base64(&o, "cp", CAIRN_AUDIT_MAX_BYTES, &log->steps[i].cp);
        cairn_obj_base64(&o, "rp", CAIRN_AUDIT_MAX_BYTES, &log->steps[i].rp);
        CAIRN_TRY(cairn_obj_done(&o));
    }
    return CAIRN_OK;
}

static bool kind_ok(const char *kind)
{
    static const char *const kinds[] = {"boot-log", "userspace-log", "ima"};
    for (size_t i = 0; i < CAIRN_ARRAY_LEN(kinds); i++) {
        if (strcmp(kind, kinds[i]) == 0) {
            return true;
        }
    }
    return false;
}

static CAIRN_RC bad_attachment(struct cairn_err *err, const char *kind, const char *why)
{
    return CAIRN_FAIL(err, CAIRN_E_FORMAT, "tpmdoc.attachment", "attachment \"%s\": %s", kind, why);
}

/* Reads what the head says of one attachment, and judges that much. */
static CAIRN_RC read_entry(const json_t *json, const struct cairn_tpmdoc *doc, struct cairn_attachment *out, uint64_t *offset,
                           struct cairn_err *err)
{
    struct cairn_obj o = cairn_obj(json, "attachments", err);
    (void)snprintf(out->kind, sizeof out->kind, "%s", cairn_obj_string(&o, "kind", sizeof out->kind - 1));
    out->len = cairn_obj_uint(&o, "len", CAIRN_ATTACHMENT_MAX);
    out->named = !cairn_obj_has(&o, "offset");
    if (!out->named) {
        *offset = cairn_obj_uint(&o, "offset", (uint64_t)CAIRN_ATTACHMENT_MAX * CAIRN_TPMDOC_MAX_ATTACHMENTS);
    }
    cairn_obj_hex(&o, "sha256", out->sha256, sizeof out->sha256);
    CAIRN_TRY(cairn_obj_done(&o));
    if (!kind_ok(out->kind)) {
        return bad_attachment(err, out->kind, "of no known kind");
    }
    for (size_t i = 0; i < doc->num_attachments; i++) {
        if (strcmp(doc->attachments[i].kind, out->kind) == 0) {
            return bad_attachment(err, out->kind, "there twice");
        }
    }
    if (out->named && !may_name(doc->type)) {
        return bad_attachment(err, out->kind, "only named, where this document carries the bytes themselves");
    }
    return CAIRN_OK;
}

/* Takes the bytes of the next attachment from `r`, which stands behind the ones before it. */
static CAIRN_RC read_bytes(struct cairn_attachment *entry, uint64_t offset, struct cairn_reader *r, struct cairn_err *err)
{
    if (offset != r->offset) {
        return bad_attachment(err, entry->kind, "its offset leaves a gap or overlaps");
    }
    struct cairn_span bytes = cairn_read_bytes(r, (size_t)entry->len);
    if (!cairn_reader_ok(r)) {
        return bad_attachment(err, entry->kind, "the file ends before it does");
    }
    uint8_t digest[CAIRN_SHA256_LEN] = {0};
    CAIRN_TRY(cairn_sha256(bytes, digest, err));
    if (!cairn_span_equal(CAIRN_SPAN(digest), CAIRN_SPAN(entry->sha256))) {
        return bad_attachment(err, entry->kind, "its bytes are not the ones named by SHA-256");
    }
    return cairn_buf_set(&entry->bytes, bytes, err);
}

static CAIRN_RC read_attachment(const json_t *json, struct cairn_reader *r, struct cairn_tpmdoc *doc, struct cairn_err *err)
{
    struct cairn_attachment *entry = &doc->attachments[doc->num_attachments];
    uint64_t offset = 0;
    CAIRN_TRY(read_entry(json, doc, entry, &offset, err));
    if (!entry->named) {
        CAIRN_TRY(read_bytes(entry, offset, r, err));
    }
    doc->num_attachments++;
    return CAIRN_OK;
}

static CAIRN_RC read_attachments(const json_t *array, struct cairn_span tail, struct cairn_tpmdoc *doc, struct cairn_err *err)
{
    struct cairn_reader r = cairn_reader(tail);
    for (size_t i = 0; i < json_array_size(array); i++) {
        CAIRN_TRY(read_attachment(json_array_get(array, i), &r, doc, err));
    }
    if (!cairn_reader_done(&r)) {
        return CAIRN_FAIL(err, CAIRN_E_FORMAT, "tpmdoc.attachment", "%zu bytes at the end belong to no attachment", r.rest.len);
    }
    return CAIRN_OK;
}

/* struct head holds the arrays of a head, borrowed from its JSON. */
struct head {
    const json_t *tpm;
    const json_t *audit;
    const json_t *attachments;
};

static CAIRN_RC read_head(const json_t *json, const char *type, struct cairn_tpmdoc *doc, struct head *out,
                          struct cairn_err *err)
{
    struct cairn_obj o = cairn_obj(json, "document", err);
    const char *got = cairn_obj_string(&o, "payloadType", CAIRN_DSSE_TYPE_MAX - 1);
    if (o.rc == CAIRN_OK && strcmp(got, type) != 0) {
        return CAIRN_FAIL(err, CAIRN_E_REFUSED, "tpmdoc.type", "the file holds \"%s\", wanted is \"%s\"", got, type);
    }
    (void)snprintf(doc->type, sizeof doc->type, "%s", got);
    doc->has_audit = carries_audit(type);
    cairn_obj_base64(&o, "payload", MAX_PAYLOAD, &doc->payload);
    out->tpm = cairn_obj_array(&o, "tpm", CAIRN_TPMDOC_MAX_ATTESTATIONS);
    if (doc->has_audit) {
        out->audit = cairn_obj_array(&o, "audit", CAIRN_AUDIT_MAX_STEPS);
        (void)cairn_obj_array(&o, "signatures", 0);
    }
    if (cairn_obj_has(&o, "attachments")) {
        out->attachments = cairn_obj_array(&o, "attachments", CAIRN_TPMDOC_MAX_ATTACHMENTS);
    }
    CAIRN_TRY(cairn_obj_done(&o));
    if (out->attachments != NULL && json_array_size(out->attachments) == 0) {
        return bad_format(err, "an empty list of attachments is left out");
    }
    return CAIRN_OK;
}

CAIRN_RC cairn_tpmdoc_parse(struct cairn_span file, const char *type, struct cairn_tpmdoc *out, struct cairn_err *err)
{
    CAIRN_TPMDOC doc = {0};
    CAIRN_JSON *json = NULL;
    struct cairn_span text = {NULL, 0};
    struct cairn_span tail = {NULL, 0};
    struct head head = {NULL, NULL, NULL};
    CAIRN_TRY(split_file(file, &text, &tail, err));
    CAIRN_TRY(cairn_json_parse(text, CAIRN_TPMDOC_MAX_HEAD, true, "document", &json, err));
    CAIRN_TRY(read_head(json, type, &doc, &head, err));
    CAIRN_TRY(read_attestations(head.tpm, &doc, err));
    CAIRN_TRY(read_audit(head.audit, &doc.audit, err));
    CAIRN_TRY(read_attachments(head.attachments, tail, &doc, err));
    cairn_tpmdoc_clear(out);
    *out = doc;
    doc = (struct cairn_tpmdoc){0};
    return CAIRN_OK;
}

static CAIRN_RC new_array(json_t *object, const char *key, json_t **array, struct cairn_err *err)
{
    json_t *made = json_array();
    CAIRN_TRY(cairn_json_set_take(object, key, made, err));
    *array = made;
    return CAIRN_OK;
}

/* Appends an empty object to `array` and lends it. */
static CAIRN_RC new_element(json_t *array, json_t **element, struct cairn_err *err)
{
    json_t *made = json_object();
    if (json_array_append_new(array, made) != 0) {
        return CAIRN_FAIL(err, CAIRN_E_IO, "json.memory", "no memory for a document");
    }
    *element = made;
    return CAIRN_OK;
}

static CAIRN_RC write_attestations(json_t *head, const struct cairn_tpmdoc *doc, struct cairn_err *err)
{
    json_t *array = NULL;
    CAIRN_TRY(new_array(head, "tpm", &array, err));
    for (size_t i = 0; i < doc->num_attestations; i++) {
        const struct cairn_attestation *att = &doc->attestations[i];
        json_t *element = NULL;
        CAIRN_TRY(new_element(array, &element, err));
        CAIRN_TRY(cairn_json_set_base64(element, "attest", cairn_span(att->attest, att->attest_len), err));
        CAIRN_TRY(cairn_json_set_base64(element, "signature", cairn_span(att->signature, att->signature_len), err));
    }
    return CAIRN_OK;
}

static CAIRN_RC write_audit(json_t *head, const struct cairn_audit_log *log, struct cairn_err *err)
{
    json_t *array = NULL;
    json_t *signatures = NULL;
    CAIRN_TRY(new_array(head, "audit", &array, err));
    CAIRN_TRY(new_array(head, "signatures", &signatures, err));
    for (size_t i = 0; i < log->num_steps; i++) {
        json_t *element = NULL;
        CAIRN_TRY(new_element(array, &element, err));
        CAIRN_TRY(cairn_json_set_base64(element, "cp", cairn_buf_span(&log->steps[i].cp), err));
        CAIRN_TRY(cairn_json_set_base64(element, "rp", cairn_buf_span(&log->steps[i].rp), err));
    }
    return CAIRN_OK;
}

static CAIRN_RC write_attachment(const struct cairn_attachment *attachment, uint64_t offset, json_t *element,
                                 struct cairn_err *err)
{
    uint8_t digest[CAIRN_SHA256_LEN] = {0};
    CAIRN_TRY(cairn_json_set_string(element, "kind", attachment->kind, err));
    if (attachment->named) {
        CAIRN_TRY(cairn_json_set_uint(element, "len", attachment->len, err));
        return cairn_json_set_hex(element, "sha256", CAIRN_SPAN(attachment->sha256), err);
    }
    CAIRN_TRY(cairn_sha256(cairn_buf_span(&attachment->bytes), digest, err));
    CAIRN_TRY(cairn_json_set_uint(element, "len", attachment->bytes.len, err));
    CAIRN_TRY(cairn_json_set_uint(element, "offset", offset, err));
    return cairn_json_set_hex(element, "sha256", CAIRN_SPAN(digest), err);
}

static CAIRN_RC write_attachments(json_t *head, const struct cairn_tpmdoc *doc, struct cairn_err *err)
{
    json_t *array = NULL;
    uint64_t offset = 0;
    CAIRN_TRY(new_array(head, "attachments", &array, err));
    for (size_t i = 0; i < doc->num_attachments; i++) {
        json_t *element = NULL;
        CAIRN_TRY(new_element(array, &element, err));
        CAIRN_TRY(write_attachment(&doc->attachments[i], offset, element, err));
        offset += doc->attachments[i].bytes.len;
    }
    return CAIRN_OK;
}

/* A named one has no bytes here either, so that none are lost unseen. */
static bool attachment_ok(const struct cairn_tpmdoc *doc, const struct cairn_attachment *attachment)
{
    const bool named_ok = may_name(doc->type) && attachment->bytes.len == 0 && attachment->len <= CAIRN_ATTACHMENT_MAX;
    return kind_ok(attachment->kind) && (attachment->named ? named_ok : attachment->bytes.len <= CAIRN_ATTACHMENT_MAX);
}

static CAIRN_RC check_limits(const struct cairn_tpmdoc *doc, struct cairn_err *err)
{
    bool ok = doc->num_attestations >= 1 && doc->num_attestations <= CAIRN_TPMDOC_MAX_ATTESTATIONS &&
              doc->num_attachments <= CAIRN_TPMDOC_MAX_ATTACHMENTS && doc->payload.len <= MAX_PAYLOAD &&
              doc->audit.num_steps <= CAIRN_AUDIT_MAX_STEPS && doc->has_audit == carries_audit(doc->type);
    for (size_t i = 0; ok && i < doc->num_attestations; i++) {
        ok = doc->attestations[i].attest_len <= CAIRN_ATTEST_MAX && doc->attestations[i].signature_len <= CAIRN_SIGNATURE_MAX;
    }
    for (size_t i = 0; ok && i < doc->num_attachments; i++) {
        ok = attachment_ok(doc, &doc->attachments[i]);
    }
    return ok ? CAIRN_OK : bad_format(err, "it holds more, less or other than its type may");
}

CAIRN_RC cairn_tpmdoc_write(const struct cairn_tpmdoc *doc, struct cairn_buf *out, struct cairn_err *err)
{
    CAIRN_TRY(check_limits(doc, err));
    CAIRN_JSON *head = json_object();
    if (head == NULL) {
        return CAIRN_FAIL(err, CAIRN_E_IO, "json.memory", "no memory for a document");
    }
    CAIRN_TRY(cairn_json_set_string(head, "payloadType", doc->type, err));
    CAIRN_TRY(cairn_json_set_base64(head, "payload", cairn_buf_span(&doc->payload), err));
    CAIRN_TRY(write_attestations(head, doc, err));
    if (doc->has_audit) {
        CAIRN_TRY(write_audit(head, &doc->audit, err));
    }
    if (doc->num_attachments > 0) {
        CAIRN_TRY(write_attachments(head, doc, err));
    }
    CAIRN_BUF bytes = {0};
    CAIRN_TRY(cairn_json_write(head, &bytes, err));
    CAIRN_TRY(cairn_buf_append(&bytes, cairn_span_str("\n"), err));
    for (size_t i = 0; i < doc->num_attachments; i++) {
        CAIRN_TRY(cairn_buf_append(&bytes, cairn_buf_span(&doc->attachments[i].bytes), err));
    }
    cairn_buf_clear(out);
    *out = bytes;
    bytes = (struct cairn_buf){0};
    return CAIRN_OK;
}

void cairn_tpm_head_read(struct cairn_obj *o, const char *nonce_member, struct cairn_tpm_head *out)
{
    struct cairn_tpm_head head = {{0}, {0}, {{0}}, {0}};
    if (cairn_obj_uint(o, "v", UINT32_MAX) != HEAD_VERSION) {
        cairn_obj_fail(o, "v", "is not 1: a document of another version");
    }
    cairn_obj_hex(o, "fleet", head.fleet, sizeof head.fleet);
    cairn_obj_hex(o, "device", head.device, sizeof head.device);
    cairn_obj_hex(o, "ak", head.ak.bytes, sizeof head.ak.bytes);
    cairn_obj_hex(o, nonce_member, head.nonce, sizeof head.nonce);
    if (head.ak.bytes[0] != 0x00 || head.ak.bytes[1] != CAIRN_SHA256) {
        cairn_obj_fail(o, "ak", "is not a Name with SHA-256");
    }
    if (o->rc == CAIRN_OK) {
        *out = head;
    }
}

CAIRN_RC cairn_tpm_head_write(json_t *object, const char *nonce_member, const struct cairn_tpm_head *head,
                              struct cairn_err *err)
{
    CAIRN_TRY(cairn_json_set_uint(object, "v", HEAD_VERSION, err));
    CAIRN_TRY(cairn_json_set_hex(object, "fleet", CAIRN_SPAN(head->fleet), err));
    CAIRN_TRY(cairn_json_set_hex(object, "device", CAIRN_SPAN(head->device), err));
    CAIRN_TRY(cairn_json_set_hex(object, "ak", cairn_name_span(&head->ak), err));
    return cairn_json_set_hex(object, nonce_member, CAIRN_SPAN(head->nonce), err);
}

CAIRN_RC cairn_tpm_head_check(const struct cairn_tpm_head *got, const struct cairn_tpm_head *want, struct cairn_err *err)
{
    if (!cairn_span_equal(CAIRN_SPAN(got->fleet), CAIRN_SPAN(want->fleet))) {
        return CAIRN_FAIL(err, CAIRN_E_REFUSED, "document.fleet", "the document belongs to another fleet");
    }
    if (!cairn_span_equal(CAIRN_SPAN(got->device), CAIRN_SPAN(want->device))) {
        return CAIRN_FAIL(err, CAIRN_E_REFUSED, "document.device", "the document is another device's");
    }
    if (!cairn_name_equal(&got->ak, &want->ak)) {
        return CAIRN_FAIL(err, CAIRN_E_REFUSED, "document.ak",
                          "the document names another attestation key than the enrolled one");
    }
    if (!cairn_span_equal(CAIRN_SPAN(got->nonce), CAIRN_SPAN(want->nonce))) {
        return CAIRN_FAIL(err, CAIRN_E_REFUSED, "document.nonce", "the document answers another nonce or challenge");
    }
    return CAIRN_OK;
}

CAIRN_RC cairn_tpmdoc_verify_by(const struct cairn_tpmdoc *doc, struct cairn_claim_key *key, const enum cairn_claim_type *types,
                                size_t num, struct cairn_claim *claims, struct cairn_err *err)
{
    assert(num >= 1 && num <= CAIRN_TPMDOC_MAX_ATTESTATIONS);
    if (doc->num_attestations != num) {
        return CAIRN_FAIL(err, CAIRN_E_REFUSED, "tpmdoc.attestations", "the document carries %zu attestations, wanted are %zu",
                          doc->num_attestations, num);
    }
    uint8_t extra[CAIRN_SHA256_LEN] = {0};
    struct cairn_claim got[CAIRN_TPMDOC_MAX_ATTESTATIONS] = {0};
    CAIRN_TRY(cairn_pae_digest(doc->type, cairn_buf_span(&doc->payload), extra, err));
    for (size_t i = 0; i < num; i++) {
        CAIRN_TRY(cairn_claim_verify_by(&doc->attestations[i], types[i], key, extra, &got[i], err));
    }
    for (size_t i = 1; i < num; i++) {
        if (!cairn_claim_same_boot(&got[0], &got[i])) {
            return CAIRN_FAIL(err, CAIRN_E_REFUSED, "attestation.boot",
                              "the TPM was reset between the attestations of one document: make it again");
        }
    }
    for (size_t i = 0; i < num; i++) {
        claims[i] = got[i];
    }
    return CAIRN_OK;
}

CAIRN_RC cairn_tpmdoc_verify(const struct cairn_tpmdoc *doc, struct cairn_span ak_public, const enum cairn_claim_type *types,
                             size_t num, struct cairn_claim *claims, struct cairn_err *err)
{
    CAIRN_CLAIM_KEY *key = NULL;
    CAIRN_TRY(cairn_claim_key_new(ak_public, &key, err));
    return cairn_tpmdoc_verify_by(doc, key, types, num, claims, err);
}
