/* provision/engine_device.c -- see provision/engine_device.h: verify, open, move the epoch, write, anchor, answer.
 */
#include "provision/engine_device.h"

#include <stdio.h>
#include <string.h>

#include "core/doctype.h"

enum { APPROVALS_MODE = 0600, VAULT_SLOT = 3 };

/* write_document attests `payload` with the two attestations in the order of `types` and writes the file. */
static CAIRN_RC write_document(struct cairn_tpm *tpm, const char *type, struct cairn_span payload,
                               const enum cairn_claim_type types[2], uint32_t mask, struct cairn_buf *out,
                               struct cairn_err *err)
{
    CAIRN_TPMDOC doc = {0};
    uint8_t extra[CAIRN_SHA256_LEN] = {0};
    (void)snprintf(doc.type, sizeof doc.type, "%s", type);
    CAIRN_TRY(cairn_buf_set(&doc.payload, payload, err));
    CAIRN_TRY(cairn_pae_digest(type, payload, extra, err));
    for (size_t i = 0; i < 2; i++) {
        CAIRN_TRY(types[i] == CAIRN_CLAIM_QUOTE ? cairn_tpm_quote(tpm, mask, extra, &doc.attestations[i], err)
                                                : cairn_tpm_epoch_certify(tpm, extra, &doc.attestations[i], err));
        doc.num_attestations++;
    }
    cairn_buf_clear(out);
    return cairn_tpmdoc_write(&doc, out, err);
}

static CAIRN_RC require_enrolled(const struct cairn_identity *identity, struct cairn_err *err)
{
    return identity->enrolled
               ? CAIRN_OK
               : CAIRN_FAIL(err, CAIRN_E_REFUSED, "device.unenrolled", "this device is not enrolled: run cairn enrol first");
}

static CAIRN_RC require_first(const struct cairn_state *state, struct cairn_err *err)
{
    if (state->lost && !state->first_allowed) {
        return CAIRN_FAIL(err, CAIRN_E_REFUSED, "state.lost", "state lost: %s: only a new enrolment mends this",
                          state->lost_why);
    }
    return CAIRN_OK;
}

CAIRN_RC cairn_request_sign(struct cairn_tpm *tpm, const struct cairn_statement *statement, const uint8_t nonce[32],
                            uint32_t mask, struct cairn_buf *out, struct cairn_err *err)
{
    static const enum cairn_claim_type TYPES[] = {CAIRN_CLAIM_QUOTE, CAIRN_CLAIM_NV};
    CAIRN_BUF payload = {0};
    struct cairn_tpm_head head = cairn_statement_head(statement, nonce);
    CAIRN_TRY(cairn_request_payload(&head, &payload, err));
    return write_document(tpm, CAIRN_TYPE_REQUEST, cairn_buf_span(&payload), TYPES, mask, out, err);
}

CAIRN_RC cairn_request_make(const struct cairn_vault_place *place, const struct cairn_state *state, const uint8_t nonce[32],
                            uint32_t mask, struct cairn_buf *out, struct cairn_err *err)
{
    CAIRN_TRY(require_enrolled(place->identity, err));
    CAIRN_TRY(require_first(state, err));
    return cairn_request_sign(place->tpm, &place->identity->statement, nonce, mask, out, err);
}

/* struct job is one install: the verified documents and what was opened. */
struct job {
    const struct cairn_vault_place *place;
    struct cairn_manifest manifest;
    struct cairn_grant grant;
    const struct cairn_approvals *approvals; /* inside manifest */
    struct cairn_secret *release, *online;   /* asset plaintexts, checked */
};

static void job_clear(struct job *job)
{
    cairn_manifest_clear(&job->manifest);
    cairn_secret_free(job->release);
    cairn_secret_free(job->online);
}

static CAIRN_RC named(const char *which, enum cairn_rc rc, struct cairn_err *err)
{
    if (rc != CAIRN_OK) {
        cairn_err_prefix(err, "%s", which);
    }
    return rc;
}

static CAIRN_RC open_documents(const struct cairn_install *in, struct job *job, struct cairn_err *err)
{
    const struct cairn_identity *identity = job->place->identity;
    uint8_t digest[32] = {0};
    CAIRN_TRY(require_enrolled(identity, err));
    CAIRN_TRY(named("the manifest", cairn_manifest_open(identity->root, in->manifest, in->now_s, &job->manifest, err), err));
    CAIRN_TRY(named("the grant", cairn_grant_open(identity->root, in->grant, in->now_s, &job->grant, err), err));
    CAIRN_TRY(cairn_grant_check(&job->grant, &identity->statement, &job->manifest, err));
    CAIRN_TRY(cairn_manifest_approval(&job->manifest, job->grant.mask, job->grant.pcr_digest, &job->approvals, err));
    CAIRN_TRY(cairn_sha256(in->assets, digest, err));
    if (memcmp(digest, job->grant.assets, sizeof digest) != 0) {
        return CAIRN_FAIL(err, CAIRN_E_REFUSED, "grant.assets", "the assets are not the file that the grant names");
    }
    return cairn_assets_check(in->assets, err);
}

/* The transport key comes out of the TPM only under the quoted PCRs and the certified counter. */
static CAIRN_RC open_assets(const struct cairn_install *in, struct job *job, struct cairn_err *err)
{
    CAIRN_SECRET *tk = NULL;
    struct cairn_span release = {0}, online = {0};
    const struct cairn_grant *g = &job->grant;
    CAIRN_TRY(cairn_tpm_import(job->place->tpm, cairn_area_span(&g->object), cairn_blob_span(&g->duplicate),
                               cairn_blob_span(&g->seed), g->mask, g->from, &tk, err));
    const struct cairn_asset_key key = {cairn_secret_span(tk), job->manifest.device_class, job->manifest.svn};
    if (key.tk.len != CAIRN_TK_LEN) {
        return CAIRN_FAIL(err, CAIRN_E_REFUSED, "grant.object", "the import object holds no transport key");
    }
    CAIRN_TRY(cairn_assets_open(&key, in->assets, CAIRN_ASSET_VAULT, job->manifest.vault_sha256, &job->release, err));
    CAIRN_TRY(cairn_assets_open(&key, in->assets, CAIRN_ASSET_ONLINE, g->params, &job->online, err));
    CAIRN_TRY(cairn_asset_set(cairn_secret_span(job->release), &release, err));
    CAIRN_TRY(cairn_asset_set(cairn_secret_span(job->online), &online, err));
    return cairn_manifest_check_sets(&job->manifest, release, online, err);
}

/* make_value gives the parameter as the vault will hold it: what is to be generated is made here and known to nobody else. */
static CAIRN_RC make_value(struct cairn_param *p, struct cairn_secret **made, struct cairn_err *err)
{
    if ((p->flags & CAIRN_PARAM_GENERATE) == 0) {
        return CAIRN_OK;
    }
    struct cairn_reader r = cairn_reader(p->value);
    uint32_t len = cairn_read_u32(&r);
    CAIRN_TRY(cairn_secret_new(len, made, err));
    CAIRN_TRY(cairn_random(cairn_secret_bytes(*made), len, err));
    p->flags = (uint8_t)((p->flags & CAIRN_PARAM_ONLINE) | CAIRN_PARAM_GENERATED);
    p->value = cairn_secret_span(*made);
    return CAIRN_OK;
}

static CAIRN_RC add_set(const struct cairn_secret *plain, struct cairn_secret **vault_set, struct cairn_err *err)
{
    struct cairn_span set = {0};
    struct cairn_param p = {0};
    CAIRN_TRY(cairn_asset_set(cairn_secret_span(plain), &set, err));
    for (size_t i = 0; cairn_params_at(set, i, &p); i++) {
        CAIRN_SECRET *made = NULL;
        struct cairn_secret *next = NULL;
        CAIRN_TRY(make_value(&p, &made, err));
        CAIRN_TRY(cairn_params_put(cairn_secret_span(*vault_set), &p, &next, err));
        cairn_secret_free(*vault_set);
        *vault_set = next;
    }
    return CAIRN_OK;
}

/* Each step's answer may be lost and the step done: only an authenticated read says where the counter stands. */
static CAIRN_RC move_epoch(struct cairn_tpm *tpm, uint64_t from, uint64_t to, struct cairn_err *err)
{
    uint64_t now = from;
    for (unsigned tries = 0; now < to && tries < 4 * CAIRN_FIRST_STEPS; tries++) {
        struct cairn_err seen = {0};
        enum cairn_rc stepped = cairn_tpm_epoch_increment(tpm, &seen);
        CAIRN_TRY(cairn_tpm_epoch_read(tpm, &now, err));
        if (stepped == CAIRN_E_BUSY) {
            return CAIRN_FAIL(err, stepped, seen.code, "%s", seen.text);
        }
    }
    if (now != to) {
        return CAIRN_FAIL(err, CAIRN_E_REFUSED, "grant.epoch", "the epoch counter stands at %llu and not at %llu",
                          (unsigned long long)now, (unsigned long long)to);
    }
    return CAIRN_OK;
}

static CAIRN_RC keep_approvals(const struct job *job, struct cairn_err *err)
{
    CAIRN_JSON *json = NULL;
    CAIRN_BUF text = {0};
    CAIRN_TRY(cairn_approvals_write(job->approvals, &json, err));
    CAIRN_TRY(cairn_json_write(json, &text, err));
    CAIRN_TRY(cairn_buf_append(&text, cairn_span_str("\n"), err));
    return cairn_file_replace(job->place->fs, CAIRN_APPROVALS_FILE, cairn_buf_span(&text), APPROVALS_MODE, err);
}

static struct cairn_record new_record(const struct job *job)
{
    const struct cairn_statement *s = &job->place->identity->statement;
    struct cairn_record r = {.life = CAIRN_LIFE_OPERATIONAL, .phase = CAIRN_PHASE_CONFIRMED, .num_assets = 2};
    r.epoch = job->grant.to;
    r.bound = job->grant.to;
    r.floor = job->manifest.floor;
    r.root_version = job->grant.root_version;
    cairn_copy(r.statement, s->digest, sizeof r.statement);
    cairn_copy(r.manifest, job->manifest.digest, sizeof r.manifest);
    /* in the order of names */
    r.assets[0] = (struct cairn_asset_entry){.name = CAIRN_ASSET_ONLINE, .slot_class = VAULT_SLOT};
    r.assets[0].size = cairn_secret_span(job->online).len;
    cairn_copy(r.assets[0].sha256, job->grant.params, sizeof job->grant.params);
    r.assets[1] = (struct cairn_asset_entry){.name = CAIRN_ASSET_VAULT, .slot_class = VAULT_SLOT};
    r.assets[1].version = job->manifest.vault_version;
    r.assets[1].size = job->manifest.vault_size;
    cairn_copy(r.assets[1].sha256, job->manifest.vault_sha256, sizeof job->manifest.vault_sha256);
    return r;
}

static CAIRN_RC commit_first(const struct job *job, struct cairn_state *state, struct cairn_err *err)
{
    const struct cairn_vault_place *place = job->place;
    struct cairn_record record = new_record(job);
    CAIRN_SECRET *set = NULL;
    CAIRN_TRY(cairn_params_empty(&set, err));
    CAIRN_TRY(add_set(job->release, &set, err));
    CAIRN_TRY(add_set(job->online, &set, err));
    CAIRN_TRY(cairn_state_prepare(place->identity, place->tpm, err));
    CAIRN_TRY(move_epoch(place->tpm, job->grant.from, job->grant.to, err));
    CAIRN_TRY(keep_approvals(job, err));
    CAIRN_TRY(cairn_vault_write(place, cairn_secret_span(set), 1, &record, err));
    CAIRN_TRY(cairn_state_first(place->fs, place->identity, place->tpm, &job->approvals->anchor, &record, state, err));
    enum cairn_rc swept = cairn_vault_sweep(place->fs, &state->record, NULL); /* the device is provisioned all the same */
    (void)swept;
    return CAIRN_OK;
}

static CAIRN_RC make_receipt(const struct job *job, const struct cairn_state *state, struct cairn_buf *out,
                             struct cairn_err *err)
{
    static const enum cairn_claim_type TYPES[] = {CAIRN_CLAIM_NV, CAIRN_CLAIM_QUOTE};
    CAIRN_BUF payload = {0};
    struct cairn_receipt r = {.from = job->grant.from, .to = job->grant.to, .generation = state->record.generation};
    struct cairn_tpm_head head = cairn_statement_head(&job->place->identity->statement, job->grant.digest);
    cairn_copy(r.manifest, job->manifest.digest, sizeof r.manifest);
    cairn_copy(r.record, state->record_digest, sizeof r.record);
    CAIRN_TRY(cairn_receipt_payload(&r, &head, &payload, err));
    return write_document(job->place->tpm, CAIRN_TYPE_RECEIPT, cairn_buf_span(&payload), TYPES, job->grant.mask, out, err);
}

/* Is the record what this grant installs? Then a lost receipt is made again. */
static CAIRN_RC check_installed(const struct job *job, const struct cairn_state *state, struct cairn_err *err)
{
    const struct cairn_record *r = &state->record;
    uint64_t epoch = 0;
    CAIRN_TRY(cairn_tpm_epoch_read(job->place->tpm, &epoch, err));
    bool same = r->life == CAIRN_LIFE_OPERATIONAL && r->epoch == job->grant.to && epoch == job->grant.to &&
                memcmp(r->manifest, job->manifest.digest, sizeof r->manifest) == 0 && r->num_assets == 2 &&
                memcmp(r->assets[0].sha256, job->grant.params, sizeof job->grant.params) == 0;
    if (!same) {
        return CAIRN_FAIL(err, CAIRN_E_REFUSED, "grant.installed",
                          "this device is %s by another grant: a first provisioning happens once per enrolment",
                          cairn_life_name(state->life));
    }
    return CAIRN_OK;
}

static CAIRN_RC install_first(const struct cairn_install *in, struct job *job, struct cairn_state *state, struct cairn_err *err)
{
    uint64_t epoch = 0;
    CAIRN_TRY(cairn_tpm_epoch_read(job->place->tpm, &epoch, err));
    if (epoch != job->grant.from) {
        return CAIRN_FAIL(err, CAIRN_E_REFUSED, "grant.epoch",
                          "the grant is for epoch %llu and the counter stands at %llu: ask for a new grant",
                          (unsigned long long)job->grant.from, (unsigned long long)epoch);
    }
    CAIRN_TRY(open_assets(in, job, err));
    return commit_first(job, state, err);
}

CAIRN_RC cairn_install_run(const struct cairn_vault_place *place, const struct cairn_install *in, struct cairn_state *state,
                           struct cairn_buf *receipt, struct cairn_err *err)
{
    CAIRN_CLEANUP(job_clear) struct job job = {.place = place};
    CAIRN_TRY(require_first(state, err));
    CAIRN_TRY(open_documents(in, &job, err));
    if (state->has_record) {
        CAIRN_TRY(check_installed(&job, state, err));
    } else {
        CAIRN_TRY(install_first(in, &job, state, err));
    }
    return make_receipt(&job, state, receipt, err);
}
