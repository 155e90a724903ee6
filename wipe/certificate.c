/* wipe/certificate.c -- see wipe/certificate.h. Trust boundary: the whole file is foreign; what is trusted is the root the
 * caller brought.
 *
 * Order of work: cheap digests before signatures, so that a damaged file costs little; a verdict needs all of them.
 */
#include "wipe/certificate.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "wipe/certificate_internal.h"

enum { START_MAX = 4096, KILL_MAX = 64 << 10 };

void cairn_certificate_parts_clear(struct cairn_certificate_parts *parts)
{
    for (size_t i = 0; i < CAIRN_CERTIFICATE_MAX_ROOTS; i++) {
        cairn_buf_clear(&parts->roots[i]);
    }
    cairn_buf_clear(&parts->statement);
    cairn_buf_clear(&parts->order);
    cairn_buf_clear(&parts->start);
    cairn_buf_clear(&parts->plan);
    cairn_buf_clear(&parts->media_log);
    cairn_buf_clear(&parts->kill);
    *parts = (struct cairn_certificate_parts){0};
}

void cairn_certificate_free(struct cairn_certificate *certificate)
{
    if (certificate != NULL) {
        cairn_order_clear(&certificate->order);
        cairn_plan_clear(&certificate->plan);
        cairn_media_log_clear(&certificate->media);
        free(certificate);
    }
}

void cairn_certificate_freep(struct cairn_certificate **certificate)
{
    cairn_certificate_free(*certificate);
    *certificate = NULL;
}

/* The caller's roots must be the first of the embedded ones, byte for byte; the rest must chain from them. */
static CAIRN_RC open_root(const struct cairn_certificate_parts *parts, const struct cairn_span *anchors, size_t num_anchors,
                          struct cairn_root **out, struct cairn_err *err)
{
    if (num_anchors == 0 || num_anchors > parts->num_roots) {
        return CAIRN_FAIL(err, CAIRN_E_REFUSED, "certificate.root", "the certificate does not carry the root you trust");
    }
    for (size_t i = 0; i < num_anchors; i++) {
        if (!cairn_span_equal(anchors[i], cairn_buf_span(&parts->roots[i]))) {
            return CAIRN_FAIL(err, CAIRN_E_REFUSED, "certificate.root",
                              "the certificate was made under another root than yours");
        }
    }
    CAIRN_ROOT *root = NULL;
    CAIRN_TRY(cairn_root_open(cairn_buf_span(&parts->roots[0]), 0, &root, err));
    for (size_t i = 1; i < parts->num_roots; i++) {
        struct cairn_root *next = NULL;
        CAIRN_TRY(cairn_root_next(root, cairn_buf_span(&parts->roots[i]), 0, &next, err));
        cairn_root_free(root);
        root = next;
    }
    *out = root;
    root = NULL;
    return CAIRN_OK;
}

static CAIRN_RC open_signed(const struct cairn_certificate_parts *parts, const struct cairn_span *anchors, size_t num_anchors,
                            struct cairn_certificate *c, struct cairn_err *err)
{
    CAIRN_ROOT *root = NULL;
    const struct cairn_order_device *entry = NULL;
    CAIRN_TRY(open_root(parts, anchors, num_anchors, &root, err));
    CAIRN_TRY(cairn_statement_open(root, cairn_buf_span(&parts->statement), 0, &c->statement, err));
    CAIRN_TRY(cairn_order_open(root, cairn_buf_span(&parts->order), 0, &c->order, err));
    CAIRN_TRY(cairn_order_for(&c->order, &c->statement, &entry, err));
    c->entry = *entry;
    if (c->order.issued_s < c->statement.issued_s || parts->made_s < c->order.issued_s) {
        return CAIRN_FAIL(err, CAIRN_E_REFUSED, "certificate.dates",
                          "the dates do not follow each other: enrolment statement, order, certificate");
    }
    return CAIRN_OK;
}

static CAIRN_RC same_target(const struct cairn_plan_target *planned, const struct cairn_media_entry *done,
                            struct cairn_err *err)
{
    const struct cairn_medium *p = &planned->medium;
    const struct cairn_medium *d = &done->medium;
    if (strcmp(p->name, d->name) != 0 || strcmp(p->path, d->path) != 0 || strcmp(p->driver, d->driver) != 0 ||
        (!planned->handled && done->result != CAIRN_RESULT_UNHANDLED)) {
        return CAIRN_FAIL(err, CAIRN_E_REFUSED, "certificate.targets", "target %s of the media log is not the plan's", d->name);
    }
    /* Only an appraised boot could make a line measured-software, and a TPM never vouches for a medium. */
    if (d->evidence < CAIRN_EVIDENCE_SOFTWARE) {
        return CAIRN_FAIL(err, CAIRN_E_REFUSED, "media.evidence", "target %s claims better evidence than its software can give",
                          d->name);
    }
    return CAIRN_OK;
}

static CAIRN_RC open_media(const struct cairn_certificate_parts *parts, struct cairn_certificate *c, struct cairn_err *err)
{
    CAIRN_TRY(cairn_plan_read(cairn_buf_span(&parts->plan), &c->plan, err));
    CAIRN_TRY(cairn_media_log_read(cairn_buf_span(&parts->media_log), &c->media, err));
    uint8_t digest[32] = {0};
    CAIRN_TRY(cairn_sha256(cairn_buf_span(&parts->plan), digest, err));
    const struct cairn_span fleet = CAIRN_SPAN(c->statement.fleet);
    const struct cairn_span device = CAIRN_SPAN(c->statement.device);
    const struct cairn_span order = CAIRN_SPAN(c->order.digest);
    if (!cairn_span_equal(CAIRN_SPAN(c->plan.fleet), fleet) || !cairn_span_equal(CAIRN_SPAN(c->plan.device), device) ||
        !cairn_span_equal(CAIRN_SPAN(c->plan.order), order) || strcmp(c->plan.tpm_class, c->statement.tpm_class) != 0 ||
        c->plan.by_server != c->statement.by_server) {
        return CAIRN_FAIL(err, CAIRN_E_REFUSED, "certificate.plan", "the plan is of another device or order");
    }
    if (!cairn_span_equal(CAIRN_SPAN(c->media.fleet), fleet) || !cairn_span_equal(CAIRN_SPAN(c->media.device), device) ||
        !cairn_span_equal(CAIRN_SPAN(c->media.order), order) ||
        !cairn_span_equal(CAIRN_SPAN(c->media.plan), CAIRN_SPAN(digest)) ||
        !cairn_span_equal(CAIRN_SPAN(c->media.challenge), CAIRN_SPAN(c->order.challenge))) {
        return CAIRN_FAIL(err, CAIRN_E_REFUSED, "certificate.media", "the media log is of another device, order or plan");
    }
    if (c->media.num != c->plan.num_targets) {
        return CAIRN_FAIL(err, CAIRN_E_REFUSED, "certificate.targets", "the plan has %zu targets, the media log %zu",
                          c->plan.num_targets, c->media.num);
    }
    for (size_t i = 0; i < c->media.num; i++) {
        CAIRN_TRY(same_target(&c->plan.targets[i], &c->media.entries[i], err));
    }
    return CAIRN_OK;
}

static CAIRN_RC judge_audit(const struct cairn_certificate_parts *parts, const struct cairn_audit_log *log,
                            struct cairn_certificate *c, struct cairn_err *err)
{
    struct cairn_audit_want want = {.ak_public = cairn_area_span(&c->statement.ak)};
    CAIRN_TRY(cairn_pae_digest(CAIRN_TYPE_WIPE_START, cairn_buf_span(&parts->start), want.extra, err));
    cairn_copy(want.stir, want.extra, CAIRN_SHA256_LEN);
    CAIRN_TRY(cairn_audit_judge(log, &want, &c->audit, err));
    if ((c->audit.before.u.quote.mask & CAIRN_WIPE_PCRS) != CAIRN_WIPE_PCRS) {
        return CAIRN_FAIL(err, CAIRN_E_REFUSED, "certificate.pcrs", "the Quotes around the Clear leave out PCRs 0 to 9");
    }
    return CAIRN_OK;
}

static void grade(struct cairn_certificate *c)
{
    struct cairn_grade_facts facts = {.keys_dead = true,
                                      .cleared = true,
                                      .tpm_virtual = strcmp(c->statement.tpm_class, "hardware") != 0,
                                      .by_server = c->statement.by_server};
    for (size_t i = 0; i < c->media.num; i++) {
        cairn_grade_count(&facts, &c->media.entries[i].medium, c->media.entries[i].result);
    }
    c->grade = cairn_grade_of(&facts);
    c->min_grade_met = c->grade.grade <= c->order.min_grade;
}

static CAIRN_RC judge_all(const struct cairn_certificate_parts *parts, const struct cairn_span *anchors, size_t num_anchors,
                          const struct cairn_audit_log *log, struct cairn_certificate *c, struct cairn_err *err)
{
    CAIRN_TRY(open_signed(parts, anchors, num_anchors, c, err));
    CAIRN_TRY(cairn_wipe_start_check(cairn_buf_span(&parts->start), &c->statement, &c->order, cairn_buf_span(&parts->plan),
                                     cairn_buf_span(&parts->media_log), err));
    CAIRN_TRY(open_media(parts, c, err));
    CAIRN_TRY(cairn_kill_verify(cairn_buf_span(&parts->kill), &c->order, &c->statement, &c->kill, err));
    CAIRN_TRY(judge_audit(parts, log, c, err));
    grade(c);
    return CAIRN_OK;
}

enum cairn_rc cairn_certificate_judge(const struct cairn_certificate_parts *parts, const struct cairn_span *anchors,
                                      size_t num_anchors, const struct cairn_audit_log *log, struct cairn_certificate **out,
                                      struct cairn_err *err)
{
    CAIRN_CERTIFICATE *c = calloc(1, sizeof *c);
    if (c == NULL) {
        return CAIRN_FAIL(err, CAIRN_E_IO, "memory", "no memory for a certificate");
    }
    CAIRN_TRY(judge_all(parts, anchors, num_anchors, log, c, err));
    c->made_s = parts->made_s;
    (void)snprintf(c->tool, sizeof c->tool, "%s", parts->tool);
    *out = c;
    c = NULL;
    return CAIRN_OK;
}

static CAIRN_RC embed(const struct cairn_certificate_parts *parts, json_t *o, struct cairn_err *err)
{
    CAIRN_TRY(cairn_json_set_base64(o, "statement", cairn_buf_span(&parts->statement), err));
    CAIRN_TRY(cairn_json_set_base64(o, "order", cairn_buf_span(&parts->order), err));
    CAIRN_TRY(cairn_json_set_base64(o, "start", cairn_buf_span(&parts->start), err));
    CAIRN_TRY(cairn_json_set_base64(o, "plan", cairn_buf_span(&parts->plan), err));
    CAIRN_TRY(cairn_json_set_base64(o, "media_log", cairn_buf_span(&parts->media_log), err));
    CAIRN_TRY(cairn_json_set_base64(o, "kill", cairn_buf_span(&parts->kill), err));
    CAIRN_TRY(cairn_json_set_take(o, "roots", json_array(), err));
    for (size_t i = 0; i < parts->num_roots; i++) {
        CAIRN_BUF text = {0};
        CAIRN_TRY(cairn_base64_encode(cairn_buf_span(&parts->roots[i]), &text, err));
        CAIRN_TRY(cairn_json_add(json_object_get(o, "roots"), json_stringn((const char *)text.p, text.len), err));
    }
    CAIRN_TRY(cairn_json_set_uint(o, "made", parts->made_s, err));
    return cairn_json_set_string(o, "tool", parts->tool, err);
}

static CAIRN_RC build(const struct cairn_certificate_parts *parts, const struct cairn_certificate *found, json_t **out,
                      struct cairn_err *err)
{
    CAIRN_JSON *o = json_object();
    CAIRN_TRY(embed(parts, o, err));
    CAIRN_TRY(cairn_certificate_derive(found, o, err));
    *out = json_incref(o);
    return CAIRN_OK;
}

enum cairn_rc cairn_certificate_payload(const struct cairn_certificate_parts *parts, const struct cairn_certificate *found,
                                        struct cairn_buf *out, struct cairn_err *err)
{
    CAIRN_JSON *o = NULL;
    CAIRN_TRY(build(parts, found, &o, err));
    return cairn_json_write(o, out, err);
}

static CAIRN_RC read_roots(const json_t *array, struct cairn_certificate_parts *out, struct cairn_err *err)
{
    for (size_t i = 0; i < json_array_size(array); i++) {
        const json_t *text = json_array_get(array, i);
        if (!json_is_string(text)) {
            return CAIRN_FAIL(err, CAIRN_E_FORMAT, "json.member", "certificate: \"roots\": not a list of strings");
        }
        CAIRN_TRY(cairn_base64_decode(cairn_span(json_string_value(text), json_string_length(text)), CAIRN_FILE_MAX,
                                      &out->roots[i], err));
        out->num_roots = i + 1;
    }
    return CAIRN_OK;
}

/* Reads the embedded documents; the other members are compared with what they must be, later and all at once. */
static CAIRN_RC read_parts(const json_t *json, struct cairn_certificate_parts *out, struct cairn_err *err)
{
    struct cairn_obj o = cairn_obj(json, "certificate", err);
    cairn_obj_base64(&o, "statement", CAIRN_FILE_MAX, &out->statement);
    cairn_obj_base64(&o, "order", CAIRN_FILE_MAX, &out->order);
    cairn_obj_base64(&o, "start", START_MAX, &out->start);
    cairn_obj_base64(&o, "plan", CAIRN_PLAN_MAX_LEN, &out->plan);
    cairn_obj_base64(&o, "media_log", CAIRN_MEDIA_LOG_MAX_LEN, &out->media_log);
    cairn_obj_base64(&o, "kill", KILL_MAX, &out->kill);
    const json_t *roots = cairn_obj_array(&o, "roots", CAIRN_CERTIFICATE_MAX_ROOTS);
    out->made_s = cairn_obj_uint(&o, "made", UINT64_MAX);
    cairn_term_text(&o, "tool", false, out->tool, sizeof out->tool);
    CAIRN_TRY(o.rc);
    return read_roots(roots, out, err);
}

enum cairn_rc cairn_certificate_read(struct cairn_span payload, struct cairn_certificate_parts *out, struct cairn_err *err)
{
    CAIRN_JSON *json = NULL;
    CAIRN_CERTIFICATE_PARTS parts = {0};
    CAIRN_TRY(cairn_json_parse(payload, CAIRN_CERTIFICATE_MAX_LEN, true, "certificate", &json, err));
    CAIRN_TRY(read_parts(json, &parts, err));
    *out = parts;
    parts = (struct cairn_certificate_parts){0};
    return CAIRN_OK;
}

/* What the attestation says of payload and list, before its signature is looked at: cheap, and refuses most damage. */
static CAIRN_RC check_digests(const struct cairn_tpmdoc *doc, struct cairn_err *err)
{
    struct cairn_claim claim = {0};
    uint8_t extra[32] = {0};
    uint8_t list[32] = {0};
    if (doc->num_attestations != 1) {
        return CAIRN_FAIL(err, CAIRN_E_REFUSED, "tpmdoc.attestations", "a certificate carries one attestation, this one %zu",
                          doc->num_attestations);
    }
    const struct cairn_attestation *att = &doc->attestations[0];
    CAIRN_TRY(cairn_claim_parse(cairn_span(att->attest, att->attest_len), &claim, err));
    if (claim.type != CAIRN_CLAIM_AUDIT) {
        return CAIRN_FAIL(err, CAIRN_E_REFUSED, "attestation.type", "the certificate's attestation is not of a session audit");
    }
    CAIRN_TRY(cairn_pae_digest(CAIRN_TYPE_CERTIFICATE, cairn_buf_span(&doc->payload), extra, err));
    if (claim.extra_len != sizeof extra || !cairn_span_equal(CAIRN_SPAN(claim.extra), CAIRN_SPAN(extra))) {
        return CAIRN_FAIL(err, CAIRN_E_REFUSED, "attestation.extra", "the payload is not the one the TPM signed");
    }
    CAIRN_TRY(cairn_audit_digest(&doc->audit, list, err));
    if (!cairn_span_equal(CAIRN_SPAN(claim.u.audit.digest), CAIRN_SPAN(list))) {
        return CAIRN_FAIL(err, CAIRN_E_REFUSED, "certificate.audit", "the audited commands are not those the TPM signed");
    }
    return CAIRN_OK;
}

/* `payload` must say exactly what follows from the evidence. */
static CAIRN_RC check_members(struct cairn_span payload, const struct cairn_certificate_parts *parts,
                              const struct cairn_certificate *found, struct cairn_err *err)
{
    CAIRN_JSON *want = NULL;
    CAIRN_JSON *got = NULL;
    const char *key = NULL;
    json_t *value = NULL;
    CAIRN_TRY(build(parts, found, &want, err));
    CAIRN_TRY(cairn_json_parse(payload, CAIRN_CERTIFICATE_MAX_LEN, true, "certificate", &got, err));
    json_object_foreach(want, key, value)
    {
        if (json_equal(value, json_object_get(got, key)) == 1) {
            continue;
        }
        if (strcmp(key, "grade") == 0 || strcmp(key, "grade_reasons") == 0) {
            return CAIRN_FAIL(err, CAIRN_E_REFUSED, "certificate.grade",
                              "the evidence gives grade %c, the certificate says otherwise", found->grade.grade);
        }
        return CAIRN_FAIL(err, CAIRN_E_REFUSED, "certificate.derived", "member \"%s\" is not what follows from the evidence",
                          key);
    }
    if (json_object_size(got) != json_object_size(want)) {
        return CAIRN_FAIL(err, CAIRN_E_REFUSED, "certificate.derived", "the certificate has a member that has no place in it");
    }
    return CAIRN_OK;
}

/* What a verifier signs is what the TPM signed: the digest of type and payload. */
static CAIRN_RC check_countersignatures(const struct cairn_tpmdoc *doc, const struct cairn_root *root,
                                        struct cairn_certificate *found, struct cairn_err *err)
{
    uint8_t digest[CAIRN_SHA256_LEN] = {0};
    CAIRN_TRY(cairn_pae_digest(doc->type, cairn_buf_span(&doc->payload), digest, err));
    for (size_t i = 0; i < doc->num_signatures; i++) {
        const char *holder = "";
        enum cairn_role role = CAIRN_ROLE_ROOT;
        const uint8_t *id = doc->signatures[i].key_id;
        const struct cairn_ec_key *key = cairn_root_role_key_by_id(root, CAIRN_ROLE_VERIFIER, id, 0);
        if (key == NULL || !cairn_root_key_role(root, id, &role, &holder)) {
            return CAIRN_FAIL(err, CAIRN_E_REFUSED, "certificate.countersigner",
                              "the certificate is counter-signed by a key that is not of role verifier in its root");
        }
        CAIRN_TRY(cairn_ecdsa_verify(key, digest, doc->signatures[i].rs, err));
        (void)snprintf(found->countersigners[i], sizeof found->countersigners[i], "%s", holder);
        found->num_countersigners = i + 1;
    }
    return CAIRN_OK;
}

enum cairn_rc cairn_certificate_verify(struct cairn_span file, const struct cairn_span *anchors, size_t num_anchors,
                                       struct cairn_certificate **out, struct cairn_err *err)
{
    static const enum cairn_claim_type AUDIT = CAIRN_CLAIM_AUDIT;
    CAIRN_TPMDOC doc = {0};
    CAIRN_CERTIFICATE_PARTS parts = {0};
    CAIRN_CERTIFICATE *found = NULL;
    CAIRN_ROOT *root = NULL;
    struct cairn_claim claim = {0};
    CAIRN_TRY(cairn_tpmdoc_parse(file, CAIRN_TYPE_CERTIFICATE, &doc, err));
    CAIRN_TRY(check_digests(&doc, err));
    CAIRN_TRY(cairn_certificate_read(cairn_buf_span(&doc.payload), &parts, err));
    CAIRN_TRY(cairn_certificate_judge(&parts, anchors, num_anchors, &doc.audit, &found, err));
    CAIRN_TRY(cairn_tpmdoc_verify(&doc, cairn_area_span(&found->statement.ak), &AUDIT, 1, &claim, err));
    CAIRN_TRY(check_members(cairn_buf_span(&doc.payload), &parts, found, err));
    CAIRN_TRY(open_root(&parts, anchors, num_anchors, &root, err));
    CAIRN_TRY(check_countersignatures(&doc, root, found, err));
    *out = found;
    found = NULL;
    return CAIRN_OK;
}

static CAIRN_RC copy_log(const struct cairn_audit_log *log, struct cairn_audit_log *out, struct cairn_err *err)
{
    for (size_t i = 0; i < log->num_steps; i++) {
        CAIRN_TRY(cairn_buf_set(&out->steps[i].cp, cairn_buf_span(&log->steps[i].cp), err));
        CAIRN_TRY(cairn_buf_set(&out->steps[i].rp, cairn_buf_span(&log->steps[i].rp), err));
        out->num_steps = i + 1;
    }
    return CAIRN_OK;
}

enum cairn_rc cairn_certificate_file(struct cairn_span payload, const struct cairn_audit_log *log,
                                     const struct cairn_attestation *audit, struct cairn_buf *out, struct cairn_err *err)
{
    CAIRN_TPMDOC doc = {.type = CAIRN_TYPE_CERTIFICATE, .has_audit = true, .num_attestations = 1};
    CAIRN_TRY(cairn_buf_set(&doc.payload, payload, err));
    CAIRN_TRY(copy_log(log, &doc.audit, err));
    doc.attestations[0] = *audit;
    return cairn_tpmdoc_write(&doc, out, err);
}
