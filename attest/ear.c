/* attest/ear.c -- see ear.h: writing and reading the result. Proofs of possession are in dpop.c, sealing in sealed.c.
 *
 * Trust boundary: a result comes from whoever shows it. Its key is looked up in the root, its signature verified, and only then
 * is it read.
 */
#include "attest/ear_internal.h"

#include <stdio.h>
#include <string.h>

#include "attest/jws.h"

static const char profile[] = "tag:ietf.org,2026:rats/ear#04";
enum { TEXT_MAX = 255, VALUE_AFFIRMING = 2, VALUE_WARNING = 32, VALUE_CONTRAINDICATED = 96 };

CAIRN_RC cairn_ear_seal_of(const struct cairn_statement *statement, const struct cairn_policy *policy,
                           const struct cairn_replay *replay, uint64_t epoch, struct cairn_ear_seal *out, struct cairn_err *err)
{
    struct cairn_ear_seal seal = {
        .srk = statement->srk, .epoch_name = statement->epoch_name, .epoch = epoch, .mask = policy->seal_mask};
    uint8_t values[CAIRN_NUM_PCRS][32] = {{0}};
    for (unsigned pcr = 0; pcr < CAIRN_NUM_PCRS; pcr++) {
        const uint8_t *value = replay != NULL ? cairn_replay_value(replay, pcr) : NULL;
        if ((policy->seal_mask >> pcr & 1) == 0) {
            continue;
        }
        if (value == NULL) {
            return CAIRN_FAIL(err, CAIRN_E_REFUSED, "ear.seal", "PCR %u of the seal set is not in the evidence", pcr);
        }
        cairn_copy(values[pcr], value, sizeof values[pcr]);
    }
    CAIRN_TRY(cairn_pcr_digest(seal.mask, (const uint8_t(*)[32])values, seal.pcr_digest, err));
    *out = seal;
    return CAIRN_OK;
}

/* The categories of AR4SI that Cairn's checks can speak of; about file systems, hardware and data it asserts nothing. */
enum category { CATEGORY_CONFIGURATION, CATEGORY_EXECUTABLES, NUM_CATEGORIES };
static const char *const category_names[NUM_CATEGORIES] = {"configuration", "executables"};

static bool begins(const char *text, const char *with)
{
    return strncmp(text, with, strlen(with)) == 0;
}

/* PCRs 1, 3, 5 and 7 hold configuration by the TCG's profile, 8 the Cairn root and what the loader was told; the others code.
 */
static bool category_of(const char *code, enum category *out)
{
    static const char *const configuration[] = {"pcr.1", "pcr.3", "pcr.5", "pcr.7", "pcr.8"};
    static const char *const words[] = {"boot.secureboot", "boot.cmdline", "boot.config",    "boot.root",
                                        "boot.debug",      "boot.dma",     "boot.devicetree"};
    if (!begins(code, "pcr.") && !begins(code, "boot.")) {
        return false; /* clocks, freshness, stickiness: in the status, in no category */
    }
    *out = CATEGORY_EXECUTABLES;
    for (size_t i = 0; i < CAIRN_ARRAY_LEN(configuration); i++) {
        *out = strcmp(code, configuration[i]) == 0 ? CATEGORY_CONFIGURATION : *out;
    }
    for (size_t i = 0; i < CAIRN_ARRAY_LEN(words); i++) {
        *out = begins(code, words[i]) ? CATEGORY_CONFIGURATION : *out;
    }
    return true;
}

/* struct finding is what the checks say of one category. */
struct finding {
    bool passed, warned, failed, undecided;
};

static void find(const struct cairn_verdict *verdict, struct finding out[NUM_CATEGORIES])
{
    for (size_t i = 0; i < verdict->num_checks; i++) {
        const struct cairn_check *check = &verdict->checks[i];
        enum category category = CATEGORY_CONFIGURATION;
        if (!category_of(check->code, &category)) {
            continue;
        }
        struct finding *finding = &out[category];
        finding->passed = finding->passed || check->result == CAIRN_PASS;
        finding->failed = finding->failed || (check->result == CAIRN_FAILED && check->required);
        finding->warned = finding->warned || (check->result == CAIRN_FAILED && !check->required);
        finding->undecided = finding->undecided || (check->result == CAIRN_ABSENT && check->required);
    }
}

static CAIRN_RC write_vector(const struct cairn_verdict *verdict, json_t *submod, struct cairn_err *err)
{
    struct finding findings[NUM_CATEGORIES] = {{0}};
    json_t *vector = json_object();
    find(verdict, findings);
    CAIRN_TRY(cairn_json_set_take(submod, "ear_trustworthiness_vector", vector, err));
    CAIRN_TRY(cairn_json_set_uint(vector, "instance-identity", VALUE_AFFIRMING, err));
    for (size_t i = 0; i < NUM_CATEGORIES; i++) {
        const struct finding *f = &findings[i];
        const unsigned value = f->failed ? VALUE_CONTRAINDICATED : f->warned ? VALUE_WARNING : VALUE_AFFIRMING;
        if (f->failed || f->warned || (f->passed && !f->undecided)) {
            CAIRN_TRY(cairn_json_set_uint(vector, category_names[i], value, err));
        }
    }
    return CAIRN_OK;
}

static const char *status_of(enum cairn_tier tier)
{
    return tier == CAIRN_TIER_UNDECIDED ? "none" : cairn_tier_name(tier);
}

/* A hash as a name: RFC 6920. */
static CAIRN_RC write_policy_id(const struct cairn_policy *policy, json_t *submod, struct cairn_err *err)
{
    char id[80];
    CAIRN_BUF text = {0};
    json_t *ids = json_array();
    CAIRN_TRY(cairn_json_set_take(submod, "ear_appraisal_policy_ids", ids, err));
    CAIRN_TRY(cairn_base64url_encode(CAIRN_SPAN(policy->digest), &text, err));
    (void)snprintf(id, sizeof id, "ni:///sha-256;%s", (const char *)text.p);
    if (json_array_append_new(ids, json_string(id)) != 0) {
        return CAIRN_FAIL(err, CAIRN_E_IO, "json.memory", "no memory for an attestation result");
    }
    return CAIRN_OK;
}

static CAIRN_RC write_seal(const struct cairn_ear_seal *seal, json_t *submod, struct cairn_err *err)
{
    char pcrs[80];
    json_t *claims = json_object(), *json = json_object();
    cairn_selection_to_text(seal->mask, pcrs);
    enum cairn_rc rc = cairn_json_set_take(submod, "ear_attester_claims", claims, err);
    if (rc != CAIRN_OK) {
        json_decref(json);
        return rc;
    }
    CAIRN_TRY(cairn_json_set_take(claims, "cairn_seal", json, err));
    CAIRN_TRY(cairn_json_set_hex64(json, "epoch", seal->epoch, err));
    CAIRN_TRY(cairn_json_set_hex(json, "epoch_name", cairn_name_span(&seal->epoch_name), err));
    CAIRN_TRY(cairn_json_set_hex(json, "pcr_digest", CAIRN_SPAN(seal->pcr_digest), err));
    CAIRN_TRY(cairn_json_set_string(json, "pcrs", pcrs, err));
    return cairn_json_set_base64(json, "srk", cairn_area_span(&seal->srk), err);
}

static CAIRN_RC write_submod(const struct cairn_ear_in *in, json_t *payload, struct cairn_err *err)
{
    json_t *submods = json_object();
    json_t *submod = json_object();
    enum cairn_rc rc = cairn_json_set_take(payload, "submods", submods, err);
    if (rc != CAIRN_OK) {
        json_decref(submod);
        return rc;
    }
    CAIRN_TRY(cairn_json_set_take(submods, "cairn", submod, err));
    CAIRN_TRY(cairn_json_set_string(submod, "ear_status", status_of(in->verdict->tier), err));
    CAIRN_TRY(write_vector(in->verdict, submod, err));
    CAIRN_TRY(write_policy_id(in->policy, submod, err));
    if (in->seal != NULL && in->verdict->tier == CAIRN_TIER_AFFIRMING) {
        CAIRN_TRY(write_seal(in->seal, submod, err));
    }
    if (in->enroller == NULL) {
        return CAIRN_OK;
    }
    json_t *claims = json_object();
    CAIRN_TRY(cairn_json_set_take(submod, "ear_verifier_claims", claims, err));
    return cairn_json_set_string(claims, "cairn_enroller", in->enroller, err);
}

static CAIRN_RC write_verifier(const struct cairn_ear_in *in, json_t *payload, struct cairn_err *err)
{
    json_t *id = json_object();
    CAIRN_TRY(cairn_json_set_take(payload, "ear_verifier_id", id, err));
    CAIRN_TRY(cairn_json_set_string(id, "build", in->build, err));
    return cairn_json_set_string(id, "developer", "cairn", err);
}

static CAIRN_RC write_cnf(const char *cnf, json_t *payload, struct cairn_err *err)
{
    json_t *json = NULL;
    if (cnf[0] == '\0') {
        return CAIRN_OK;
    }
    json = json_object();
    CAIRN_TRY(cairn_json_set_take(payload, "cnf", json, err));
    return cairn_json_set_string(json, "jkt", cnf, err);
}

static CAIRN_RC write_payload(const struct cairn_ear_in *in, json_t *payload, struct cairn_err *err)
{
    CAIRN_BUF nonce = {0};
    CAIRN_TRY(cairn_base64url_encode(cairn_span(in->nonce, 32), &nonce, err));
    CAIRN_TRY(cairn_json_set_string(payload, "iss", in->issuer, err));
    CAIRN_TRY(cairn_json_set_hex(payload, "sub", CAIRN_SPAN(in->statement->device), err));
    CAIRN_TRY(cairn_json_set_string(payload, "aud", in->audience, err));
    CAIRN_TRY(cairn_json_set_uint(payload, "iat", in->now_s, err));
    CAIRN_TRY(cairn_json_set_uint(payload, "exp", in->now_s + CAIRN_EAR_LIFE_S, err));
    CAIRN_TRY(cairn_json_set_string(payload, "eat_profile", profile, err));
    CAIRN_TRY(cairn_json_set_string(payload, "eat_nonce", (const char *)nonce.p, err));
    CAIRN_TRY(write_verifier(in, payload, err));
    CAIRN_TRY(write_cnf(in->cnf, payload, err));
    return write_submod(in, payload, err);
}

static CAIRN_RC write_header(const struct cairn_signer *signer, json_t *header, struct cairn_err *err)
{
    struct cairn_ec_key key;
    uint8_t id[CAIRN_SHA256_LEN] = {0};
    CAIRN_TRY(cairn_signer_public(signer, &key, err));
    CAIRN_TRY(cairn_ec_key_id(&key, id, err));
    CAIRN_TRY(cairn_json_set_string(header, "alg", "ES256", err));
    CAIRN_TRY(cairn_json_set_hex(header, "kid", CAIRN_SPAN(id), err));
    return cairn_json_set_string(header, "typ", "JWT", err);
}

CAIRN_RC cairn_ear_sign(const struct cairn_ear_in *in, const struct cairn_signer *signer, struct cairn_buf *out,
                        struct cairn_err *err)
{
    CAIRN_JSON *header = json_object();
    CAIRN_JSON *payload = json_object();
    if (!cairn_label_ok(in->audience, CAIRN_EAR_AUDIENCE_MAX, false)) {
        return CAIRN_FAIL(err, CAIRN_E_USAGE, "ear.audience",
                          "an attestation result is for somebody: an audience of 1 to 255 plain characters");
    }
    CAIRN_TRY(write_header(signer, header, err));
    CAIRN_TRY(write_payload(in, payload, err));
    return cairn_jws_sign(header, payload, signer, out, err);
}

/* reading */

static CAIRN_RC check_signer(const struct cairn_root *root, const struct cairn_jws *jws, uint64_t now_s, struct cairn_err *err)
{
    uint8_t kid[CAIRN_SHA256_LEN] = {0};
    struct cairn_obj o = cairn_obj(jws->header, "header", err);
    cairn_obj_const(&o, "alg", "ES256");
    cairn_obj_hex(&o, "kid", kid, sizeof kid);
    cairn_obj_const(&o, "typ", "JWT");
    CAIRN_TRY(cairn_obj_done(&o));
    const struct cairn_ec_key *key = cairn_root_role_key_by_id(root, CAIRN_ROLE_VERIFIER, kid, now_s);
    if (key == NULL) {
        return CAIRN_FAIL(err, CAIRN_E_REFUSED, "ear.signer",
                          "the attestation result is not signed by a verifier key of this root that is valid now");
    }
    return cairn_jws_verify(jws, key, err);
}

static CAIRN_RC read_seal(const json_t *claims, struct cairn_ear *out, struct cairn_err *err)
{
    char again[80] = "";
    CAIRN_BUF srk = {0};
    struct cairn_ec_key key;
    struct cairn_ear_seal *seal = &out->seal;
    struct cairn_obj outer = cairn_obj(claims, "ear_attester_claims", err);
    struct cairn_obj o = cairn_obj(cairn_obj_object(&outer, "cairn_seal"), "cairn_seal", err);
    seal->epoch = cairn_obj_hex64(&o, "epoch");
    cairn_obj_hex(&o, "epoch_name", seal->epoch_name.bytes, sizeof seal->epoch_name.bytes);
    cairn_obj_hex(&o, "pcr_digest", seal->pcr_digest, sizeof seal->pcr_digest);
    const char *pcrs = cairn_obj_string(&o, "pcrs", sizeof again - 1);
    cairn_obj_base64(&o, "srk", sizeof seal->srk.bytes, &srk);
    if (o.rc == CAIRN_OK && cairn_selection_from_text(pcrs, &seal->mask, NULL) == CAIRN_OK) {
        cairn_selection_to_text(seal->mask, again);
    }
    if (strcmp(pcrs, again) != 0 || seal->mask == 0) {
        cairn_obj_fail(&o, "pcrs", "is not a list of PCRs in ascending order");
    }
    CAIRN_TRY(cairn_obj_done(&o));
    CAIRN_TRY(cairn_obj_done(&outer));
    CAIRN_TRY(cairn_public_srk_check(cairn_buf_span(&srk), &key, err));
    cairn_copy(seal->srk.bytes, srk.p, srk.len);
    seal->srk.len = srk.len;
    out->has_seal = true;
    return CAIRN_OK;
}

/* The vector, the policy and the verifier's claims are for people and other software: what decides here is the status. */
static CAIRN_RC read_submod(const json_t *submods, struct cairn_ear *out, struct cairn_err *err)
{
    struct cairn_obj outer = cairn_obj(submods, "submods", err);
    struct cairn_obj o = cairn_obj(cairn_obj_object(&outer, "cairn"), "cairn", err);
    (void)snprintf(out->status, sizeof out->status, "%s", cairn_obj_string(&o, "ear_status", sizeof out->status - 1));
    (void)cairn_obj_object(&o, "ear_trustworthiness_vector");
    (void)cairn_obj_array(&o, "ear_appraisal_policy_ids", 8);
    if (cairn_obj_has(&o, "ear_verifier_claims")) {
        (void)cairn_obj_object(&o, "ear_verifier_claims");
    }
    const bool has_seal = cairn_obj_has(&o, "ear_attester_claims");
    const json_t *claims = has_seal ? cairn_obj_object(&o, "ear_attester_claims") : NULL;
    CAIRN_TRY(cairn_obj_done(&o));
    CAIRN_TRY(cairn_obj_done(&outer));
    return has_seal ? read_seal(claims, out, err) : CAIRN_OK;
}

static CAIRN_RC read_cnf(const json_t *json, struct cairn_ear *out, struct cairn_err *err)
{
    struct cairn_obj o = cairn_obj(json, "cnf", err);
    const char *jkt = cairn_obj_string(&o, "jkt", CAIRN_JKT_LEN);
    if (!cairn_jkt_ok(jkt)) {
        cairn_obj_fail(&o, "jkt", "is not the thumbprint of a key");
    }
    (void)snprintf(out->jkt, sizeof out->jkt, "%s", jkt);
    return cairn_obj_done(&o);
}

static CAIRN_RC check_profile(const char *got, struct cairn_err *err)
{
    if (strcmp(got, profile) != 0) {
        return CAIRN_FAIL(err, CAIRN_E_REFUSED, "ear.profile", "the attestation result has profile \"%.64s\", wanted is \"%s\"",
                          got, profile);
    }
    return CAIRN_OK;
}

static CAIRN_RC read_payload(const json_t *json, struct cairn_ear *out, struct cairn_err *err)
{
    struct cairn_obj o = cairn_obj(json, "ear", err);
    const char *got = cairn_obj_string(&o, "eat_profile", TEXT_MAX);
    if (o.rc == CAIRN_OK) {
        CAIRN_TRY(check_profile(got, err)); /* first: another profile has other members */
    }
    (void)cairn_obj_string(&o, "iss", TEXT_MAX);
    (void)cairn_obj_string(&o, "eat_nonce", TEXT_MAX);
    (void)cairn_obj_object(&o, "ear_verifier_id");
    cairn_obj_hex(&o, "sub", out->device, sizeof out->device);
    (void)snprintf(out->audience, sizeof out->audience, "%s", cairn_obj_string(&o, "aud", sizeof out->audience - 1));
    out->issued_s = cairn_obj_uint(&o, "iat", CAIRN_DATE_MAX);
    out->expires_s = cairn_obj_uint(&o, "exp", CAIRN_DATE_MAX + CAIRN_EAR_LIFE_S);
    const json_t *submods = cairn_obj_object(&o, "submods");
    const json_t *cnf = cairn_obj_has(&o, "cnf") ? cairn_obj_object(&o, "cnf") : NULL;
    CAIRN_TRY(cairn_obj_done(&o));
    if (cnf != NULL) {
        CAIRN_TRY(read_cnf(cnf, out, err));
    }
    return read_submod(submods, out, err);
}

static CAIRN_RC check_use(const struct cairn_ear *ear, const char *audience, uint64_t now_s, struct cairn_err *err)
{
    if (audience != NULL && strcmp(ear->audience, audience) != 0) {
        return CAIRN_FAIL(err, CAIRN_E_REFUSED, "ear.audience", "the attestation result was made for \"%.100s\"",
                          ear->audience);
    }
    const bool lives = ear->issued_s <= ear->expires_s && ear->expires_s - ear->issued_s <= CAIRN_EAR_LIFE_S &&
                       ear->issued_s <= now_s + CAIRN_EAR_SKEW_S && now_s < ear->expires_s;
    if (now_s != 0 && !lives) {
        return CAIRN_FAIL(err, CAIRN_E_REFUSED, "ear.expired",
                          "the attestation result is not valid now: have the device report again, and look at the clocks");
    }
    return CAIRN_OK;
}

CAIRN_RC cairn_ear_read(struct cairn_span payload, struct cairn_ear *out, struct cairn_err *err)
{
    CAIRN_JSON *json = NULL;
    struct cairn_ear ear = {.has_seal = false};
    CAIRN_TRY(cairn_json_parse(payload, CAIRN_EAR_MAX, true, "ear", &json, err));
    CAIRN_TRY(read_payload(json, &ear, err));
    *out = ear;
    return CAIRN_OK;
}

CAIRN_RC cairn_ear_verify(const struct cairn_root *root, struct cairn_span jwt, const char *audience, uint64_t now_s,
                          struct cairn_ear *out, struct cairn_err *err)
{
    CAIRN_JWS jws = {.header = NULL};
    struct cairn_ear ear = {.has_seal = false};
    CAIRN_TRY(cairn_jws_open(jwt, CAIRN_EAR_MAX, "ear.format", &jws, err));
    CAIRN_TRY(check_signer(root, &jws, now_s, err));
    CAIRN_TRY(cairn_ear_read(cairn_buf_span(&jws.payload), &ear, err));
    CAIRN_TRY(check_use(&ear, audience, now_s, err));
    *out = ear;
    return CAIRN_OK;
}
