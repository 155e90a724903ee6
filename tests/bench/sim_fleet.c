/* tests/bench/sim_fleet.c -- see sim_fleet.h. */
#include "bench/sim_fleet.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "attest/evidence.h"
#include "authority/draft.h"
#include "core/doctype.h"
#include "tpm_data/policy.h"

enum { DAY_S = 86400, CLOCK_MS = 3600 * 1000 };

void sim_must(enum cairn_rc rc, const struct cairn_err *err)
{
    if (rc != CAIRN_OK) {
        (void)fprintf(stderr, "fleet-sim: %s: %s\n", err->code, err->text);
        exit(8);
    }
}

uint64_t sim_now_us(void)
{
    struct timespec t;
    (void)clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000 + (uint64_t)t.tv_nsec / 1000;
}

static void sign(struct cairn_span payload, const char *type, const struct cairn_signer *by, struct cairn_buf *out)
{
    struct cairn_err err = {0};
    CAIRN_BUF made = {0};
    sim_must(cairn_sign_document(payload, type, by, &made, &err), &err);
    sim_must(cairn_buf_set(out, cairn_buf_span(&made), &err), &err);
}

static void make_root(struct sim_fleet *f)
{
    struct cairn_err err = {0};
    CAIRN_BUF payload = {0};
    struct cairn_root_draft *draft = calloc(1, sizeof *draft);
    assert_non_null(draft);
    (void)snprintf(draft->device_class, sizeof draft->device_class, "%s", SIM_CLASS);
    draft->single_person = true;
    draft->not_before_s = f->now_s - DAY_S;
    draft->not_after_s = f->now_s + 365 * DAY_S;
    for (size_t i = 0; i < CAIRN_NUM_ROLES; i++) {
        struct cairn_public_key *key = &draft->keys[draft->num_keys++];
        sim_must(cairn_signer_generate(&f->role[i], &err), &err);
        key->role = (enum cairn_role)i;
        (void)snprintf(key->holder, sizeof key->holder, "%s", "alice");
        sim_must(cairn_signer_public(f->role[i], &key->key, &err), &err);
    }
    sim_must(cairn_root_draft_write(draft, &payload, &err), &err);
    free(draft);
    sign(cairn_buf_span(&payload), CAIRN_TYPE_ROOT, f->role[CAIRN_ROLE_ROOT], &f->root_file);
    sim_must(cairn_root_open(cairn_buf_span(&f->root_file), f->now_s, &f->root, &err), &err);
}

static void make_anchors(struct sim_fleet *f)
{
    struct cairn_err err = {0};
    uint8_t policy[32] = {0};
    sim_must(cairn_policy_anchor(cairn_root_pcrpolicy_key(f->root), SIM_CLASS, policy, &err), &err);
    cairn_template_anchor(0x01800101, policy, true, &f->anchor[0]);
    cairn_template_anchor(0x01800102, policy, true, &f->anchor[1]);
}

void sim_statement(const struct sim_fleet *fleet, const struct sim_device *device, struct cairn_buf *out)
{
    struct cairn_err err = {0};
    CAIRN_BUF payload = {0};
    struct cairn_statement s = {.serial = "SN-000001",
                                .tag = "asset 17",
                                .site = "hall 4",
                                .ek = device->tpm.ek_public,
                                .ak = device->tpm.ak_public,
                                .srk = device->tpm.srk_public,
                                .epoch = device->tpm.epoch_public,
                                .anchor = {fleet->anchor[0], fleet->anchor[1]},
                                .epoch_value = device->tpm.epoch,
                                .tpm_class = "virtual",
                                .tpm_manufacturer = "IBM",
                                .tpm_firmware = device->tpm.firmware,
                                .root_version = 1,
                                .issued_s = fleet->now_s - 60};
    (void)snprintf(s.device_class, sizeof s.device_class, "%s", SIM_CLASS);
    cairn_copy(s.fleet, cairn_root_fleet(fleet->root), sizeof s.fleet);
    sim_must(cairn_sha256(cairn_span_str("a certificate"), s.ek_certificate, &err), &err);
    sim_must(cairn_statement_payload(&s, &payload, &err), &err);
    sign(cairn_buf_span(&payload), CAIRN_TYPE_STATEMENT, fleet->role[CAIRN_ROLE_ENROL], out);
}

/* The text is a C string with its NUL, as the event log of a boot loader has it. */
static void measure(struct sim_device *d, struct pcrs *pcrs, struct cairn_span text)
{
    uint8_t digest[32] = {0};
    add(&d->user, CAIRN_PCR_USERSPACE, CAIRN_EV_IPL, text.p, text.len);
    assert_int_equal(cairn_sha256(text, digest, NULL), CAIRN_OK);
    extend_digest(pcrs, CAIRN_PCR_USERSPACE, digest);
}

static void boot(const struct sim_fleet *f, struct sim_device *d, size_t own)
{
    struct pcrs pcrs = {{{0}}};
    CAIRN_BUF text = {0};
    char line[48] = "";
    cairn_copy(pcrs.values, f->boot.values.p + (size_t)24 * 20, sizeof pcrs.values);
    d->user = new_log();
    assert_int_equal(cairn_user_log_root(SIM_CLASS, cairn_root_fleet(f->root), &text, NULL), CAIRN_OK);
    measure(d, &pcrs, cairn_buf_span(&text));
    if (own > 0) {
        const int len = snprintf(line, sizeof line, "machine-id:%024zx", own);
        measure(d, &pcrs, cairn_span(line, (size_t)len));
    }
    cairn_copy(d->tpm.pcrs, pcrs.values, sizeof d->tpm.pcrs);
}

static struct cairn_boot_logs logs_of(const struct sim_fleet *f, const struct sim_device *d)
{
    return (struct cairn_boot_logs){
        .firmware = f->boot.logs.firmware, .userspace = cairn_buf_span(&d->user), .ima = f->boot.logs.ima};
}

static void make_payload(struct sim_device *d)
{
    struct cairn_err err = {0};
    const uint8_t zero[32] = {0};
    struct cairn_tpm_head head;
    cairn_fake_head(&d->tpm, zero, &head);
    sim_must(cairn_evidence_payload(&head, "", &d->payload, &err), &err);
    const char *at = strstr((const char *)d->payload.p, "\"nonce\":\"");
    assert_non_null(at);
    d->nonce_at = (size_t)(at - (const char *)d->payload.p) + strlen("\"nonce\":\"");
}

static void make_policy(struct sim_fleet *f)
{
    struct cairn_err err = {0};
    uint8_t quoted[32] = {0};
    CAIRN_REPLAY *replay = NULL;
    CAIRN_POLICY policy = {.num_events = 0};
    CAIRN_BUF payload = {0};
    struct sim_device *d = calloc(1, sizeof *d);
    assert_non_null(d);
    boot(f, d, 0);
    const struct cairn_boot_logs logs = logs_of(f, d);
    const struct cairn_policy_wish wish = {.seal_mask = CAIRN_SEAL_SET_DEFAULT & ~(1u << CAIRN_PCR_USERSPACE),
                                           .now_s = f->now_s};
    sim_must(cairn_pcr_digest(SIM_MASK, (const uint8_t(*)[32])d->tpm.pcrs, quoted, &err), &err);
    sim_must(cairn_replay_run(&logs, SIM_MASK, quoted, &replay, &err), &err);
    sim_must(cairn_policy_learn(f->root, replay, &wish, &policy, &err), &err);
    sim_must(cairn_policy_payload(&policy, &payload, &err), &err);
    sign(cairn_buf_span(&payload), CAIRN_TYPE_POLICY, f->role[CAIRN_ROLE_POLICY], &f->policy_file);
    cairn_buf_clear(&d->user);
    free(d);
}

void sim_fleet_make(struct sim_fleet *out, size_t num_devices, bool own)
{
    *out = (struct sim_fleet){.now_s = (uint64_t)time(NULL), .num_devices = num_devices, .started_ms = sim_now_us() / 1000};
    make_root(out);
    make_anchors(out);
    out->boot = open_boot("sb-uki-clean");
    make_policy(out);
    out->devices = calloc(num_devices, sizeof *out->devices);
    assert_non_null(out->devices);
    for (size_t i = 0; i < num_devices; i++) {
        cairn_fake_init(&out->devices[i].tpm, cairn_root_fleet(out->root));
        boot(out, &out->devices[i], own ? i + 1 : 0);
        make_payload(&out->devices[i]);
    }
    sim_statement(out, &out->devices[0], &out->statement);
}

void sim_fleet_clear(struct sim_fleet *fleet)
{
    for (size_t i = 0; i < fleet->num_devices; i++) {
        cairn_fake_clear(&fleet->devices[i].tpm);
        cairn_buf_clear(&fleet->devices[i].payload);
        cairn_buf_clear(&fleet->devices[i].user);
    }
    free(fleet->devices);
    for (size_t i = 0; i < CAIRN_NUM_ROLES; i++) {
        cairn_signer_free(fleet->role[i]);
    }
    cairn_root_free(fleet->root);
    close_boot(&fleet->boot);
    cairn_buf_clear(&fleet->root_file);
    cairn_buf_clear(&fleet->policy_file);
    cairn_buf_clear(&fleet->statement);
}

static void attach(struct cairn_tpmdoc *doc, enum cairn_boot_log_kind kind, struct cairn_span bytes, bool named)
{
    struct cairn_attachment *to = &doc->attachments[doc->num_attachments++];
    (void)snprintf(to->kind, sizeof to->kind, "%s", cairn_boot_log_name(kind));
    to->named = named;
    to->len = bytes.len;
    if (named) {
        assert_int_equal(cairn_sha256(bytes, to->sha256, NULL), CAIRN_OK);
    } else {
        assert_int_equal(cairn_buf_set(&to->bytes, bytes, NULL), CAIRN_OK);
    }
}

static void quote(const struct sim_fleet *fleet, struct sim_device *d, struct cairn_attestation *out)
{
    uint8_t extra[32] = {0};
    char hex[65] = "";
    cairn_hex_encode(CAIRN_SPAN(d->nonce), hex);
    cairn_copy(d->payload.p + d->nonce_at, hex, 64);
    d->tpm.clock_ms = CLOCK_MS + sim_now_us() / 1000 - fleet->started_ms;
    assert_int_equal(cairn_pae_digest(CAIRN_TYPE_EVIDENCE, cairn_buf_span(&d->payload), extra, NULL), CAIRN_OK);
    cairn_fake_quote(&d->tpm, SIM_MASK, extra, out);
}

static void with_logs(const struct sim_fleet *fleet, struct sim_device *d, bool named, struct cairn_buf *out)
{
    struct cairn_err err = {0};
    CAIRN_TPMDOC doc = {.num_attestations = 1};
    const struct cairn_boot_logs logs = logs_of(fleet, d);
    (void)snprintf(doc.type, sizeof doc.type, "%s", CAIRN_TYPE_EVIDENCE);
    quote(fleet, d, &doc.attestations[0]);
    sim_must(cairn_buf_set(&doc.payload, cairn_buf_span(&d->payload), &err), &err);
    attach(&doc, CAIRN_LOG_FIRMWARE, logs.firmware, named);
    attach(&doc, CAIRN_LOG_USERSPACE, logs.userspace, named);
    attach(&doc, CAIRN_LOG_IMA, logs.ima, named);
    sim_must(cairn_tpmdoc_write(&doc, out, &err), &err);
}

static void append_base64(struct cairn_buf *out, const char *before, struct cairn_span bytes)
{
    struct cairn_err err = {0};
    CAIRN_BUF text = {0};
    sim_must(cairn_base64_encode(bytes, &text, &err), &err);
    sim_must(cairn_buf_append(out, cairn_span_str(before), &err), &err);
    sim_must(cairn_buf_append(out, cairn_buf_span(&text), &err), &err);
}

/* The one text of a document, put together without a JSON library: the load's own work counts in the run that is measured. */
static void without_logs(const struct sim_fleet *fleet, struct sim_device *d, struct cairn_buf *out)
{
    struct cairn_err err = {0};
    struct cairn_attestation att = {.attest_len = 0};
    quote(fleet, d, &att);
    sim_must(cairn_buf_resize(out, 0, &err), &err);
    append_base64(out, "{\"payload\":\"", cairn_buf_span(&d->payload));
    append_base64(out, "\",\"payloadType\":\"" CAIRN_TYPE_EVIDENCE "\",\"tpm\":[{\"attest\":\"",
                  cairn_span(att.attest, att.attest_len));
    append_base64(out, "\",\"signature\":\"", cairn_span(att.signature, att.signature_len));
    sim_must(cairn_buf_append(out, cairn_span_str("\"}]}\n"), &err), &err);
}

void sim_evidence(const struct sim_fleet *fleet, struct sim_device *device, enum sim_logs logs, struct cairn_buf *out)
{
    if (logs == SIM_LOGS_LEFT_OUT) {
        without_logs(fleet, device, out);
    } else {
        with_logs(fleet, device, logs == SIM_LOGS_NAMED, out);
    }
}
