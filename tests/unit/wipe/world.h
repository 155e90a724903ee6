/* tests/unit/wipe/world.h -- one make-believe device at its end: every document of a wipe, each of which a test can bend.
 *
 * world_new gives documents that all verify. To attack: change one thing, call the world_* functions that depend on it (each
 * signs again), and verify.
 */
#ifndef CAIRN_TESTS_WIPE_WORLD_H
#define CAIRN_TESTS_WIPE_WORLD_H

#include "support/cmocka_all.h"

#include "core/file.h"
#include "support/test_keys.h"
#include "wipe/certificate.h"

struct world {
    struct cairn_test_keys keys;
    struct cairn_fake_tpm *tpm; /* = &keys.tpm */
    struct cairn_order order;
    struct cairn_plan plan;
    struct cairn_media_log media;
    struct cairn_certificate_parts parts;
    struct cairn_audit_log log;
    uint64_t target; /* of the kill receipt */
    uint32_t mask;   /* PCRs quoted by it and around Clear */
};

static inline void world_freep(struct world **at)
{
    struct world *w = *at;
    cairn_test_keys_clear(&w->keys);
    cairn_order_clear(&w->order);
    cairn_plan_clear(&w->plan);
    cairn_media_log_clear(&w->media);
    cairn_certificate_parts_clear(&w->parts);
    cairn_audit_log_clear(&w->log);
    free(w);
}
#define WORLD CAIRN_CLEANUP(world_freep) struct world

static inline void set_buf(struct cairn_buf *to, const struct cairn_buf *from)
{
    cairn_buf_clear(to);
    assert_int_equal(cairn_buf_set(to, cairn_buf_span(from), NULL), CAIRN_OK);
}

/* Signs order->... by both holders and reads the digest back. */
static inline void world_order(struct world *w)
{
    CAIRN_BUF text = {0};
    CAIRN_BUF once = {0};
    assert_int_equal(cairn_order_payload(&w->order, &text, NULL), CAIRN_OK);
    assert_int_equal(cairn_sha256(cairn_buf_span(&text), w->order.digest, NULL), CAIRN_OK);
    cairn_test_sign(cairn_buf_span(&text), CAIRN_TYPE_ORDER, w->keys.role[CAIRN_ROLE_RETIRE], &once);
    cairn_test_sign(cairn_buf_span(&once), CAIRN_TYPE_ORDER, w->keys.retire_b, &w->parts.order);
}

static inline void world_fill_order(struct world *w)
{
    const struct cairn_statement *s = &w->keys.statement;
    struct cairn_order *o = &w->order;
    o->devices = calloc(1, sizeof *o->devices);
    assert_non_null(o->devices);
    o->num_devices = 1;
    memcpy(o->fleet, s->fleet, 32);
    (void)snprintf(o->device_class, sizeof o->device_class, "%s", s->device_class);
    o->root_version = 1;
    memset(o->challenge, 0xc5, 32);
    (void)snprintf(o->reason, sizeof o->reason, "end of lease");
    (void)snprintf(o->standard, sizeof o->standard, "%s", CAIRN_ORDER_STANDARD);
    o->min_grade = 'C';
    o->issued_s = CAIRN_TEST_NOW;
    o->expires_s = CAIRN_TEST_NOW + 86400;
    memcpy(o->devices[0].device, s->device, 32);
    o->devices[0].ak = s->ak_name;
    (void)snprintf(o->devices[0].serial, sizeof o->devices[0].serial, "%s", s->serial);
    (void)snprintf(o->devices[0].tag, sizeof o->devices[0].tag, "%s", s->tag);
    o->devices[0].epoch_from = 7;
    o->devices[0].epoch_to = 9;
}

/* One LUKS2 target, erased. */
static inline void world_fill_media(struct world *w)
{
    struct cairn_medium m = {.method = CAIRN_METHOD_CLEAR, .evidence = CAIRN_EVIDENCE_SOFTWARE};
    (void)snprintf(m.name, sizeof m.name, "data");
    (void)snprintf(m.driver, sizeof m.driver, "luks2");
    (void)snprintf(m.path, sizeof m.path, "/var/lib/data.img");
    (void)snprintf(m.media, sizeof m.media, "LUKS2 container");
    (void)snprintf(m.technique, sizeof m.technique, "cryptographic erase of keyslots and header");
    struct cairn_plan_target target = {.medium = m, .handled = true, .area_bytes = 16 << 20, .seconds = 2};
    struct cairn_media_entry entry = {.medium = m, .bytes_wiped = 16 << 20, .keyslots = 2, .tokens = 1};
    memset(entry.read_back, 0x11, 32);
    (void)snprintf(entry.cipher, sizeof entry.cipher, "aes-xts-plain64 512");
    entry.started_s = CAIRN_TEST_NOW + 10;
    entry.ended_s = CAIRN_TEST_NOW + 12;
    w->plan.targets = calloc(CAIRN_WIPE_MAX_MEDIA, sizeof *w->plan.targets);
    assert_non_null(w->plan.targets);
    w->plan.targets[0] = target;
    w->plan.num_targets = 1;
    assert_int_equal(cairn_media_log_add(&w->media, &entry, NULL), CAIRN_OK);
}

static inline void world_plan(struct world *w)
{
    const struct cairn_statement *s = &w->keys.statement;
    memcpy(w->plan.fleet, s->fleet, 32);
    memcpy(w->plan.device, s->device, 32);
    memcpy(w->plan.order, w->order.digest, 32);
    w->plan.made_s = CAIRN_TEST_NOW + 5;
    w->plan.epoch_present = true;
    w->plan.by_server = s->by_server;
    (void)snprintf(w->plan.tpm_class, sizeof w->plan.tpm_class, "%s", s->tpm_class);
    cairn_buf_clear(&w->parts.plan);
    assert_int_equal(cairn_plan_write(&w->plan, &w->parts.plan, NULL), CAIRN_OK);
}

static inline void world_media(struct world *w)
{
    const struct cairn_statement *s = &w->keys.statement;
    memcpy(w->media.fleet, s->fleet, 32);
    memcpy(w->media.device, s->device, 32);
    memcpy(w->media.challenge, w->order.challenge, 32);
    memcpy(w->media.order, w->order.digest, 32);
    assert_int_equal(cairn_sha256(cairn_buf_span(&w->parts.plan), w->media.plan, NULL), CAIRN_OK);
    (void)snprintf(w->media.tool, sizeof w->media.tool, "cairn test");
    cairn_buf_clear(&w->parts.media_log);
    assert_int_equal(cairn_media_log_write(&w->media, &w->parts.media_log, NULL), CAIRN_OK);
}

static inline void world_start(struct world *w)
{
    struct cairn_wipe_start start = {.head = cairn_statement_head(&w->keys.statement, w->order.challenge)};
    memcpy(start.order, w->order.digest, 32);
    assert_int_equal(cairn_sha256(cairn_buf_span(&w->parts.plan), start.plan, NULL), CAIRN_OK);
    assert_int_equal(cairn_sha256(cairn_buf_span(&w->parts.media_log), start.media_log, NULL), CAIRN_OK);
    cairn_buf_clear(&w->parts.start);
    assert_int_equal(cairn_wipe_start_write(&start, &w->parts.start, NULL), CAIRN_OK);
}

static inline void world_kill(struct world *w)
{
    static const enum cairn_claim_type types[] = {CAIRN_CLAIM_NV, CAIRN_CLAIM_QUOTE};
    CAIRN_BUF payload = {0};
    CAIRN_TPMDOC doc = {0};
    assert_int_equal(cairn_kill_payload(&w->keys.statement, &w->order, w->target, &payload, NULL), CAIRN_OK);
    cairn_fake_document(w->tpm, CAIRN_TYPE_KILL, cairn_buf_span(&payload), w->mask, types, 2, &doc);
    cairn_buf_clear(&w->parts.kill);
    assert_int_equal(cairn_tpmdoc_write(&doc, &w->parts.kill, NULL), CAIRN_OK);
}

/* The audited list over the start document as it stands; the fake TPM's clock begins again. */
static inline void world_audit(struct world *w)
{
    uint8_t extra[32] = {0};
    cairn_audit_log_clear(&w->log);
    w->tpm->clock_ms = 60000;
    w->tpm->resets = 3;
    w->tpm->restarts = 1;
    assert_int_equal(cairn_pae_digest(CAIRN_TYPE_WIPE_START, cairn_buf_span(&w->parts.start), extra, NULL), CAIRN_OK);
    cairn_fake_wipe(w->tpm, extra, extra, w->mask, &w->log);
}

/* Everything that hangs on the order, made again. */
static inline void world_again(struct world *w)
{
    world_order(w);
    world_plan(w);
    world_media(w);
    world_start(w);
    w->tpm->epoch = w->target;
    world_kill(w);
    world_audit(w);
}

/* The enrolment statement signed again, as by a server that enrols. The rest stays. */
static inline void world_by_server(struct world *w)
{
    struct cairn_statement *s = &w->keys.statement;
    CAIRN_BUF payload = {0};
    s->by_server = true;
    assert_int_equal(cairn_statement_payload(s, &payload, NULL), CAIRN_OK);
    cairn_test_sign(cairn_buf_span(&payload), CAIRN_TYPE_STATEMENT, w->keys.role[CAIRN_ROLE_ENROL], &w->parts.statement);
}

static inline struct world *world_new(void)
{
    struct world *w = calloc(1, sizeof *w);
    assert_non_null(w);
    cairn_test_keys_make(&w->keys);
    w->tpm = &w->keys.tpm;
    w->target = 11;
    w->mask = CAIRN_WIPE_PCRS;
    w->parts.num_roots = 1;
    w->parts.made_s = CAIRN_TEST_NOW + 100;
    (void)snprintf(w->parts.tool, sizeof w->parts.tool, "cairn test");
    set_buf(&w->parts.roots[0], &w->keys.root_file);
    set_buf(&w->parts.statement, &w->keys.statement_file);
    world_fill_order(w);
    world_fill_media(w);
    world_again(w);
    return w;
}

/* cairn_certificate_judge with the fleet's root. */
static inline enum cairn_rc world_judge(struct world *w, struct cairn_certificate **out, struct cairn_err *err)
{
    const struct cairn_span root = cairn_buf_span(&w->keys.root_file);
    return cairn_certificate_judge(&w->parts, &root, 1, &w->log, out, err);
}

/* The TPM's signature over `payload` and the list. */
static inline void world_sign(struct world *w, struct cairn_span payload, struct cairn_buf *file)
{
    struct cairn_attestation att = {0};
    uint8_t extra[32] = {0};
    assert_int_equal(cairn_pae_digest(CAIRN_TYPE_CERTIFICATE, payload, extra, NULL), CAIRN_OK);
    cairn_fake_audit(w->tpm, &w->log, extra, &att);
    cairn_buf_clear(file);
    assert_int_equal(cairn_certificate_file(payload, &w->log, &att, file, NULL), CAIRN_OK);
}

static inline void world_payload(struct world *w, struct cairn_buf *payload)
{
    CAIRN_CERTIFICATE *found = NULL;
    struct cairn_err err = {0};
    enum cairn_rc rc = world_judge(w, &found, &err);
    if (rc != CAIRN_OK) {
        fail_msg("%s: %s", err.code, err.text);
    }
    assert_int_equal(cairn_certificate_payload(&w->parts, found, payload, NULL), CAIRN_OK);
}

static inline void world_certificate(struct world *w, struct cairn_buf *file)
{
    CAIRN_BUF payload = {0};
    world_payload(w, &payload);
    world_sign(w, cairn_buf_span(&payload), file);
}

static inline enum cairn_rc world_verify(struct world *w, const struct cairn_buf *file, struct cairn_err *err)
{
    CAIRN_CERTIFICATE *found = NULL;
    const struct cairn_span root = cairn_buf_span(&w->keys.root_file);
    return cairn_certificate_verify(cairn_buf_span(file), &root, 1, &found, err);
}

/* world_plant puts one counter-signature into the file, as anybody could: nothing is judged. Its digest is made for `type`. */
static inline void world_plant(const struct cairn_signer *signer, const char *type, struct cairn_buf *file)
{
    CAIRN_TPMDOC doc = {0};
    struct cairn_ec_key key = {0};
    struct cairn_dsse_signature made = {0};
    uint8_t digest[32] = {0};
    assert_int_equal(cairn_tpmdoc_parse(cairn_buf_span(file), CAIRN_TYPE_CERTIFICATE, &doc, NULL), CAIRN_OK);
    assert_int_equal(cairn_signer_public(signer, &key, NULL), CAIRN_OK);
    assert_int_equal(cairn_ec_key_id(&key, made.key_id, NULL), CAIRN_OK);
    assert_int_equal(cairn_pae_digest(type, cairn_buf_span(&doc.payload), digest, NULL), CAIRN_OK);
    assert_int_equal(cairn_signer_sign(signer, digest, made.rs, NULL), CAIRN_OK);
    assert_int_equal(cairn_tpmdoc_add_signature(&doc, &made, NULL), CAIRN_OK);
    assert_int_equal(cairn_tpmdoc_write(&doc, file, NULL), CAIRN_OK);
}

#define assert_refused(call, wanted)                                                                                           \
    do {                                                                                                                       \
        struct cairn_err err_ = {0};                                                                                           \
        struct cairn_err *err = &err_;                                                                                         \
        assert_int_not_equal((call), CAIRN_OK);                                                                                \
        assert_string_equal(err_.code, wanted);                                                                                \
    } while (0)

#endif
