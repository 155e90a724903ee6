/* tests/unit/attest/test_appraise.c -- attest/appraise.c: genuine boots quoted by a make-believe TPM, and one lie at a time.
 *
 * Each attack is correctly signed but for its one fault, and is refused with its own code.
 */
#include "attest/replay_cache.h"
#include "unit/attest/answer.h"

/* struct scene: a device, the policy learned from its clean boot, a question. */
struct scene {
    struct world w;
    struct cairn_policy policy;
    struct cairn_nonce nonce;
};

static void scene_make(struct scene *s)
{
    *s = (struct scene){0};
    world_make(&s->w, "sb-uki-clean");
    world_learn(&s->w, &s->policy);
    s->nonce = ask(&s->w, CAIRN_PURPOSE_EVIDENCE, WORLD_MASK);
}

static void scene_clear(struct scene *s)
{
    world_clear(&s->w);
    cairn_policy_clear(&s->policy);
}
#define SCENE CAIRN_CLEANUP(scene_clear) struct scene

/* judged appraises the honest answer of the device as it stands. */
static void judged(struct scene *s, struct cairn_appraisal *out)
{
    struct cairn_err err = {0};
    CAIRN_BUF file = {0};
    answer_nonce(&s->w, &s->nonce, &file);
    if (appraise(&s->w, &s->policy, &s->nonce, &file, out, &err) != CAIRN_OK) {
        fail_msg("appraise: %s: %s", err.code, err.text);
    }
}

static void refused(const struct scene *s, const struct cairn_buf *file, enum cairn_rc rc, const char *code)
{
    struct cairn_err err = {0};
    struct cairn_appraisal appraisal = {0};
    assert_int_equal(appraise(&s->w, &s->policy, &s->nonce, file, &appraisal, &err), rc);
    assert_code(err, code);
    assert_null(appraisal.replay);
    assert_null(appraisal.verdict.checks);
}

static void affirms_the_learned_boot(void **state)
{
    (void)state;
    SCENE s;
    CAIRN_APPRAISAL appraisal = {0};
    scene_make(&s);
    judged(&s, &appraisal);
    assert_int_equal(appraisal.verdict.tier, CAIRN_TIER_AFFIRMING);
    want_check(&appraisal.verdict, "boot.replay", CAIRN_PASS, true);
    want_check(&appraisal.verdict, "tpm.clock", CAIRN_PASS, false);
    assert_int_equal(appraisal.quote.u.quote.mask, WORLD_MASK);
    assert_non_null(appraisal.replay);
}

static void contraindicates_the_tampered_command_line_by_name(void **state)
{
    (void)state;
    SCENE s;
    CAIRN_APPRAISAL appraisal = {0};
    scene_make(&s);
    world_boot(&s.w, "sb-uki-tampered-cmdline");
    judged(&s, &appraisal);
    assert_int_equal(cairn_tier_exit_code(appraisal.verdict.tier), 4);
    want_only_failure(&appraisal.verdict, "boot.cmdline.changed");
    want_check(&appraisal.verdict, "boot.replay", CAIRN_PASS, true);
}

/* Every byte that a digest covers; here one of each kind of place is enough, replay's own test flips them all. */
static void contraindicates_a_log_with_one_flipped_digest_bit(void **state)
{
    (void)state;
    SCENE s;
    CAIRN_APPRAISAL appraisal = {0};
    scene_make(&s);
    /* The SHA-256 of the command line as measured in PCR 11. */
    static const uint8_t start[] = {0xb7, 0xbb, 0xfc, 0xe2, 0x44, 0xb6};
    uint8_t *at = memmem(s.w.boot.firmware.p, s.w.boot.firmware.len, start, sizeof start);
    assert_non_null(at);
    at[31] ^= 0x10;
    judged(&s, &appraisal);
    assert_int_equal(cairn_tier_exit_code(appraisal.verdict.tier), 4);
    want_only_failure(&appraisal.verdict, "boot.replay.mismatch");
    want_check(&appraisal.verdict, "pcr.11", CAIRN_ABSENT, true);
    assert_null(appraisal.replay);
}

/* The tampered boot with the clean boot's logs: the quote tells. */
static void contraindicates_clean_logs_beside_a_tampered_quote(void **state)
{
    (void)state;
    SCENE s;
    CAIRN_APPRAISAL appraisal = {0};
    scene_make(&s);
    BOOT tampered = open_boot("sb-uki-tampered-cmdline");
    memcpy(s.w.pcrs.values[11], tampered.values.p + 24 * 20 + 11 * 32, 32);
    judged(&s, &appraisal);
    assert_int_equal(appraisal.verdict.tier, CAIRN_TIER_CONTRAINDICATED);
    want_only_failure(&appraisal.verdict, "boot.replay.mismatch");
}

static void fails_a_log_that_cannot_be_read_with_the_readers_code(void **state)
{
    (void)state;
    SCENE s;
    CAIRN_APPRAISAL appraisal = {0};
    scene_make(&s);
    s.w.logs.firmware.len -= 1;
    judged(&s, &appraisal);
    assert_int_equal(appraisal.verdict.tier, CAIRN_TIER_CONTRAINDICATED);
    want_only_failure(&appraisal.verdict, "boot.log.truncated");
}

static void does_not_decide_over_a_log_without_sha256(void **state)
{
    (void)state;
    SCENE s;
    CAIRN_APPRAISAL appraisal = {0};
    scene_make(&s);
    /* A legacy log: one SHA-1 event without a Spec ID header. */
    static const uint8_t legacy[] = {0,  0,  0,  0,  8,  0,  0,  0,  1,  2,  3,  4, 5, 6, 7, 8,   9,
                                     10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 2, 0, 0, 0, 'o', 'k'};
    s.w.logs.firmware = CAIRN_SPAN(legacy);
    judged(&s, &appraisal);
    assert_int_equal(cairn_tier_exit_code(appraisal.verdict.tier), 5);
    want_check(&appraisal.verdict, "boot.log.sha1", CAIRN_ABSENT, true);
}

static void ignores_an_ima_tail_measured_after_the_quote(void **state)
{
    (void)state;
    SCENE s;
    CAIRN_APPRAISAL appraisal = {0};
    CAIRN_BUF longer = {0};
    scene_make(&s);
    /* The list's own entries once more stand for files measured between quote and reading. */
    assert_int_equal(cairn_buf_set(&longer, s.w.logs.ima, NULL), CAIRN_OK);
    assert_int_equal(cairn_buf_append(&longer, s.w.logs.ima, NULL), CAIRN_OK);
    const size_t quoted_len = s.w.logs.ima.len;
    s.w.logs.ima = cairn_buf_span(&longer);
    judged(&s, &appraisal);
    assert_int_equal(appraisal.verdict.tier, CAIRN_TIER_AFFIRMING);
    assert_int_equal(cairn_replay_ima_len(appraisal.replay), quoted_len);
}

static void notes_an_unsafe_clock_and_never_locks_out_for_it(void **state)
{
    (void)state;
    SCENE s;
    CAIRN_APPRAISAL appraisal = {0};
    scene_make(&s);
    s.w.keys->tpm.clock_safe = false;
    s.w.keys->tpm.resets += 1;
    judged(&s, &appraisal);
    assert_int_equal(appraisal.verdict.tier, CAIRN_TIER_AFFIRMING);
    want_check(&appraisal.verdict, "tpm.clock.unsafe", CAIRN_ABSENT, false);
}

static void refuses_the_answer_to_another_nonce(void **state)
{
    (void)state;
    SCENE s;
    CAIRN_BUF file = {0};
    scene_make(&s);
    const struct cairn_nonce old = s.nonce;
    answer_nonce(&s.w, &old, &file);
    s.nonce = ask(&s.w, CAIRN_PURPOSE_EVIDENCE, WORLD_MASK);
    refused(&s, &file, CAIRN_E_REFUSED, "document.nonce");
}

static void refuses_a_second_document_over_one_nonce_but_not_the_same_again(void **state)
{
    (void)state;
    SCENE s;
    struct cairn_err err = {0};
    CAIRN_BUF first = {0}, second = {0};
    CAIRN_APPRAISAL one = {0}, again = {0}, other = {0};
    scene_make(&s);
    answer_nonce(&s.w, &s.nonce, &first);
    s.w.keys->tpm.clock_ms += 5;
    answer_nonce(&s.w, &s.nonce, &second);
    assert_int_equal(appraise(&s.w, &s.policy, &s.nonce, &first, &one, NULL), CAIRN_OK);
    assert_int_equal(cairn_nonce_spend(&s.nonce, CAIRN_PURPOSE_EVIDENCE, cairn_buf_span(&first), NULL), CAIRN_OK);
    assert_memory_equal(s.nonce.spent_by, one.evidence, 32);
    assert_int_equal(appraise(&s.w, &s.policy, &s.nonce, &first, &again, NULL), CAIRN_OK);
    assert_int_equal(cairn_nonce_spend(&s.nonce, CAIRN_PURPOSE_EVIDENCE, cairn_buf_span(&first), NULL), CAIRN_OK);
    assert_int_equal(appraise(&s.w, &s.policy, &s.nonce, &second, &other, NULL), CAIRN_OK);
    assert_int_equal(cairn_nonce_spend(&s.nonce, CAIRN_PURPOSE_EVIDENCE, cairn_buf_span(&second), &err), CAIRN_E_REFUSED);
    assert_code(err, "nonce.spent");
}

static void refuses_a_nonce_of_another_purpose(void **state)
{
    (void)state;
    SCENE s;
    struct cairn_err err = {0};
    CAIRN_BUF file = {0};
    scene_make(&s);
    answer_nonce(&s.w, &s.nonce, &file);
    assert_int_equal(cairn_nonce_spend(&s.nonce, CAIRN_PURPOSE_LEARN, cairn_buf_span(&file), &err), CAIRN_E_REFUSED);
    assert_code(err, "nonce.purpose");
    assert_false(s.nonce.spent);
}

/* lie makes evidence whose head differs in one member, signed by the genuine key over the right nonce. */
static void lie(struct scene *s, const struct cairn_tpm_head *head, struct cairn_buf *out)
{
    CAIRN_TPMDOC doc = {0};
    CAIRN_BUF payload = {0};
    assert_int_equal(cairn_evidence_payload(head, "", &payload, NULL), CAIRN_OK);
    answer_with(&s->w, CAIRN_TYPE_EVIDENCE, cairn_buf_span(&payload), WORLD_MASK, &doc);
    write_doc(&doc, out);
}

static void refuses_the_document_of_another_device_fleet_or_key(void **state)
{
    (void)state;
    SCENE s;
    CAIRN_BUF file = {0};
    scene_make(&s);
    const struct cairn_tpm_head honest = cairn_statement_head(&s.w.keys->statement, s.nonce.nonce);
    struct cairn_tpm_head head = honest;
    head.device[5] ^= 1;
    lie(&s, &head, &file);
    refused(&s, &file, CAIRN_E_REFUSED, "document.device");
    head = honest;
    head.fleet[5] ^= 1;
    lie(&s, &head, &file);
    refused(&s, &file, CAIRN_E_REFUSED, "document.fleet");
    head = honest;
    head.ak.bytes[9] ^= 1;
    lie(&s, &head, &file);
    refused(&s, &file, CAIRN_E_REFUSED, "document.ak");
}

static void refuses_a_nonce_made_for_another_device(void **state)
{
    (void)state;
    SCENE s;
    CAIRN_BUF file = {0};
    scene_make(&s);
    answer_nonce(&s.w, &s.nonce, &file);
    s.nonce.device[0] ^= 1;
    refused(&s, &file, CAIRN_E_REFUSED, "nonce.device");
}

static void refuses_a_quote_by_another_tpm(void **state)
{
    (void)state;
    SCENE s;
    CAIRN_BUF file = {0};
    CAIRN_FAKE_TPM other = {0};
    scene_make(&s);
    cairn_fake_init(&other, s.w.keys->statement.fleet);
    const struct cairn_fake_tpm genuine = s.w.keys->tpm;
    s.w.keys->tpm = other;
    answer_nonce(&s.w, &s.nonce, &file);
    s.w.keys->tpm = genuine;
    refused(&s, &file, CAIRN_E_REFUSED, "attestation.signer");
    /* Another key that claims the enrolled one's Name. */
    s.w.keys->tpm = other;
    assert_int_equal(cairn_name_qualify(CAIRN_RH_ENDORSEMENT, &genuine.ak_name, &s.w.keys->tpm.signer, NULL), CAIRN_OK);
    answer_nonce(&s.w, &s.nonce, &file);
    s.w.keys->tpm = genuine;
    refused(&s, &file, CAIRN_E_REFUSED, "attestation.signature");
}

static void refuses_a_key_in_another_hierarchy(void **state)
{
    (void)state;
    SCENE s;
    CAIRN_BUF file = {0};
    scene_make(&s);
    assert_int_equal(cairn_name_qualify(CAIRN_RH_OWNER, &s.w.keys->tpm.ak_name, &s.w.keys->tpm.signer, NULL), CAIRN_OK);
    answer_nonce(&s.w, &s.nonce, &file);
    refused(&s, &file, CAIRN_E_REFUSED, "attestation.signer");
}

static void refuses_what_does_not_come_from_inside_the_tpm(void **state)
{
    (void)state;
    SCENE s;
    CAIRN_BUF file = {0};
    scene_make(&s);
    s.w.keys->tpm.magic = 0x00544347;
    answer_nonce(&s.w, &s.nonce, &file);
    refused(&s, &file, CAIRN_E_REFUSED, "attestation.magic");
}

static void refuses_another_kind_of_attestation(void **state)
{
    (void)state;
    static const enum cairn_claim_type types[] = {CAIRN_CLAIM_NV};
    SCENE s;
    CAIRN_BUF file = {0}, payload = {0};
    CAIRN_TPMDOC doc = {0};
    scene_make(&s);
    const struct cairn_tpm_head head = cairn_statement_head(&s.w.keys->statement, s.nonce.nonce);
    assert_int_equal(cairn_evidence_payload(&head, "", &payload, NULL), CAIRN_OK);
    cairn_fake_document(&s.w.keys->tpm, CAIRN_TYPE_EVIDENCE, cairn_buf_span(&payload), WORLD_MASK, types, 1, &doc);
    write_doc(&doc, &file);
    refused(&s, &file, CAIRN_E_REFUSED, "attestation.type");
}

static void refuses_more_attestations_than_one(void **state)
{
    (void)state;
    static const enum cairn_claim_type types[] = {CAIRN_CLAIM_QUOTE, CAIRN_CLAIM_NV};
    SCENE s;
    CAIRN_BUF file = {0}, payload = {0};
    CAIRN_TPMDOC doc = {0};
    scene_make(&s);
    const struct cairn_tpm_head head = cairn_statement_head(&s.w.keys->statement, s.nonce.nonce);
    assert_int_equal(cairn_evidence_payload(&head, "", &payload, NULL), CAIRN_OK);
    cairn_fake_document(&s.w.keys->tpm, CAIRN_TYPE_EVIDENCE, cairn_buf_span(&payload), WORLD_MASK, types, 2, &doc);
    write_doc(&doc, &file);
    refused(&s, &file, CAIRN_E_REFUSED, "tpmdoc.attestations");
}

/* CHECKS 42: a request quotes the same PCRs over the same nonce, and is no evidence; nor is its quote under evidence's type. */
static void refuses_a_document_of_another_type(void **state)
{
    (void)state;
    SCENE s;
    CAIRN_BUF file = {0}, payload = {0};
    CAIRN_TPMDOC doc = {0};
    scene_make(&s);
    const struct cairn_tpm_head head = cairn_statement_head(&s.w.keys->statement, s.nonce.nonce);
    assert_int_equal(cairn_evidence_payload(&head, "", &payload, NULL), CAIRN_OK);
    answer_with(&s.w, CAIRN_TYPE_REQUEST, cairn_buf_span(&payload), WORLD_MASK, &doc);
    write_doc(&doc, &file);
    refused(&s, &file, CAIRN_E_REFUSED, "tpmdoc.type");
    (void)snprintf(doc.type, sizeof doc.type, "%s", CAIRN_TYPE_EVIDENCE);
    write_doc(&doc, &file);
    refused(&s, &file, CAIRN_E_REFUSED, "attestation.extra");
}

static void refuses_fewer_more_or_other_pcrs_than_asked_for(void **state)
{
    (void)state;
    static const uint32_t others[] = {WORLD_MASK & ~(1u << 11), WORLD_MASK | 1u << 5, 1u << 23};
    SCENE s;
    scene_make(&s);
    for (size_t i = 0; i < CAIRN_ARRAY_LEN(others); i++) {
        CAIRN_BUF file = {0};
        struct cairn_nonce asked = s.nonce;
        asked.mask = others[i];
        answer_nonce(&s.w, &asked, &file);
        refused(&s, &file, CAIRN_E_REFUSED, "evidence.selection");
    }
}

/* The SHA-1 bank, correctly signed: no attestation that Cairn knows. */
static void refuses_another_bank(void **state)
{
    (void)state;
    SCENE s;
    CAIRN_BUF file = {0}, payload = {0};
    CAIRN_TPMDOC doc = {0};
    uint8_t selection[CAIRN_SELECTION_LEN];
    scene_make(&s);
    const struct cairn_tpm_head head = cairn_statement_head(&s.w.keys->statement, s.nonce.nonce);
    assert_int_equal(cairn_evidence_payload(&head, "", &payload, NULL), CAIRN_OK);
    answer_with(&s.w, CAIRN_TYPE_EVIDENCE, cairn_buf_span(&payload), WORLD_MASK, &doc);
    cairn_selection_marshal(WORLD_MASK, selection);
    struct cairn_attestation *att = &doc.attestations[0];
    uint8_t *at = memmem(att->attest, att->attest_len, selection, sizeof selection);
    assert_non_null(at);
    at[5] = 0x04; /* TPM_ALG_SHA1 */
    cairn_fake_sign(&s.w.keys->tpm, att);
    write_doc(&doc, &file);
    refused(&s, &file, CAIRN_E_FORMAT, "tpm.attest");
}

static void refuses_an_altered_payload_under_a_genuine_quote(void **state)
{
    (void)state;
    SCENE s;
    CAIRN_BUF file = {0}, payload = {0};
    CAIRN_TPMDOC doc = {0};
    scene_make(&s);
    struct cairn_nonce old = ask(&s.w, CAIRN_PURPOSE_EVIDENCE, WORLD_MASK);
    struct cairn_tpm_head head = cairn_statement_head(&s.w.keys->statement, old.nonce);
    assert_int_equal(cairn_evidence_payload(&head, "", &payload, NULL), CAIRN_OK);
    answer_with(&s.w, CAIRN_TYPE_EVIDENCE, cairn_buf_span(&payload), WORLD_MASK, &doc);
    head = cairn_statement_head(&s.w.keys->statement, s.nonce.nonce); /* today's nonce over yesterday's quote */
    cairn_buf_clear(&doc.payload);
    assert_int_equal(cairn_evidence_payload(&head, "", &doc.payload, NULL), CAIRN_OK);
    write_doc(&doc, &file);
    refused(&s, &file, CAIRN_E_REFUSED, "attestation.extra");
}

static void refuses_a_policy_for_other_devices(void **state)
{
    (void)state;
    SCENE s;
    CAIRN_BUF file = {0};
    scene_make(&s);
    answer_nonce(&s.w, &s.nonce, &file);
    (void)snprintf(s.policy.device_class, sizeof s.policy.device_class, "gateway-b");
    refused(&s, &file, CAIRN_E_REFUSED, "policy.class");
    (void)snprintf(s.policy.device_class, sizeof s.policy.device_class, CAIRN_TEST_CLASS);
    s.policy.fleet[0] ^= 1;
    refused(&s, &file, CAIRN_E_REFUSED, "policy.fleet");
}

static void authenticates_and_replays_without_a_policy(void **state)
{
    (void)state;
    SCENE s;
    CAIRN_BUF file = {0};
    CAIRN_APPRAISAL appraisal = {0};
    scene_make(&s);
    answer_nonce(&s.w, &s.nonce, &file);
    assert_int_equal(appraise(&s.w, NULL, &s.nonce, &file, &appraisal, NULL), CAIRN_OK);
    assert_int_equal(appraisal.verdict.tier, CAIRN_TIER_AFFIRMING);
    assert_int_equal(appraisal.verdict.num_checks, 2);
    assert_non_null(appraisal.replay);
}

static void refuses_a_file_whose_logs_are_only_named(void **state)
{
    (void)state;
    SCENE s;
    CAIRN_BUF file = {0};
    scene_make(&s);
    answer_named(&s.w, &s.nonce, &file);
    refused(&s, &file, CAIRN_E_REFUSED, "evidence.named");
}

/* staged appraises as a server does: `stored` are the logs it has, with a prepared key and a cache. */
static void staged(struct scene *s, struct cairn_claim_key *key, struct cairn_replay_cache *cache, bool want_hit,
                   struct cairn_appraisal *out)
{
    CAIRN_BUF file = {0};
    CAIRN_EVIDENCE evidence = {0};
    struct cairn_log_digest logs[CAIRN_NUM_BOOT_LOGS];
    struct cairn_replay_key replay_key;
    answer_named(&s->w, &s->nonce, &file);
    assert_int_equal(cairn_evidence_parse(cairn_buf_span(&file), &evidence, NULL), CAIRN_OK);
    assert_memory_equal(evidence.head.device, s->w.keys->statement.device, 32);
    const struct cairn_appraisal_in in = {.root = s->w.keys->root,
                                          .statement = &s->w.keys->statement,
                                          .key = key,
                                          .policy = &s->policy,
                                          .nonce = &s->nonce,
                                          .evidence = cairn_buf_span(&file)};
    assert_int_equal(cairn_appraisal_authenticate(&in, &evidence, out, NULL), CAIRN_OK);
    cairn_evidence_log_digests(&evidence, logs);
    logs[CAIRN_LOG_USERSPACE].state = CAIRN_LOG_NAMED; /* as in the last report */
    assert_int_equal(cairn_sha256(s->w.logs.userspace, logs[CAIRN_LOG_USERSPACE].sha256, NULL), CAIRN_OK);
    assert_int_equal(cairn_replay_key_make(out->quote.u.quote.mask, out->quote.u.quote.digest, logs, &replay_key, NULL),
                     CAIRN_OK);
    const struct cairn_replay *found = cairn_replay_cache_find(cache, &replay_key);
    assert_int_equal(found != NULL, want_hit);
    if (found != NULL) {
        cairn_appraisal_replayed(out, found);
    } else {
        assert_int_equal(cairn_appraisal_replay(out, &s->w.logs, NULL), CAIRN_OK);
        assert_true(out->own == NULL || cairn_replay_cache_take(cache, &replay_key, &out->own) != NULL);
    }
    cairn_appraisal_evaluate(out, &s->policy);
    cairn_verdict_conclude(&out->verdict);
}

static void the_stages_with_a_cache_give_the_verdict_of_the_whole(void **state)
{
    (void)state;
    SCENE s;
    CAIRN_CLAIM_KEY *key = NULL;
    CAIRN_REPLAY_CACHE *cache = NULL;
    CAIRN_APPRAISAL whole = {0}, first = {0}, second = {0};
    scene_make(&s);
    assert_int_equal(cairn_claim_key_new(cairn_area_span(&s.w.keys->statement.ak), &key, NULL), CAIRN_OK);
    assert_int_equal(cairn_replay_cache_new(4, 1 << 20, &cache, NULL), CAIRN_OK);
    judged(&s, &whole);
    staged(&s, key, cache, false, &first);
    s.nonce = ask(&s.w, CAIRN_PURPOSE_EVIDENCE, WORLD_MASK);
    staged(&s, key, cache, true, &second);
    assert_null(second.own);
    assert_int_equal(second.verdict.tier, CAIRN_TIER_AFFIRMING);
    assert_int_equal(second.verdict.num_checks, whole.verdict.num_checks);
    assert_memory_equal(second.verdict.checks, whole.verdict.checks, whole.verdict.num_checks * sizeof *whole.verdict.checks);
    assert_memory_equal(first.verdict.checks, whole.verdict.checks, whole.verdict.num_checks * sizeof *whole.verdict.checks);
}

/* CHECKS 37: a cached boot is judged anew; a boot that changed is never found under the old one's key. */
static void a_cached_replay_is_judged_by_the_policy_of_today(void **state)
{
    (void)state;
    SCENE s;
    CAIRN_REPLAY_CACHE *cache = NULL;
    CAIRN_APPRAISAL first = {0}, second = {0}, third = {0};
    scene_make(&s);
    assert_int_equal(cairn_replay_cache_new(4, 1 << 20, &cache, NULL), CAIRN_OK);
    staged(&s, NULL, cache, false, &first);
    s.policy.values[4][0] ^= 1;
    staged(&s, NULL, cache, true, &second);
    assert_int_equal(second.verdict.tier, CAIRN_TIER_CONTRAINDICATED);
    world_boot(&s.w, "sb-uki-tampered-cmdline");
    staged(&s, NULL, cache, false, &third);
    assert_int_equal(third.verdict.tier, CAIRN_TIER_CONTRAINDICATED);
}

/* The clean boot's logs are named beside a tampered quote: the quoted digest stands in the key. */
static void a_cached_replay_is_not_found_for_another_quote(void **state)
{
    (void)state;
    SCENE s;
    CAIRN_REPLAY_CACHE *cache = NULL;
    CAIRN_APPRAISAL first = {0}, second = {0};
    scene_make(&s);
    assert_int_equal(cairn_replay_cache_new(4, 1 << 20, &cache, NULL), CAIRN_OK);
    staged(&s, NULL, cache, false, &first);
    s.w.pcrs.values[11][0] ^= 1;
    staged(&s, NULL, cache, false, &second);
    want_only_failure(&second.verdict, "boot.replay.mismatch");
    assert_int_equal(cairn_replay_cache_num(cache), 1);
}

static void a_prepared_key_of_another_device_refuses(void **state)
{
    (void)state;
    SCENE s;
    CAIRN_BUF file = {0};
    CAIRN_CLAIM_KEY *key = NULL;
    CAIRN_APPRAISAL out = {0};
    struct cairn_err err = {0};
    scene_make(&s);
    answer_nonce(&s.w, &s.nonce, &file);
    assert_int_equal(cairn_claim_key_new(cairn_area_span(&s.w.keys->statement.srk), &key, NULL), CAIRN_OK);
    const struct cairn_appraisal_in in = {.root = s.w.keys->root,
                                          .statement = &s.w.keys->statement,
                                          .key = key,
                                          .policy = &s.policy,
                                          .nonce = &s.nonce,
                                          .evidence = cairn_buf_span(&file)};
    assert_int_equal(cairn_appraise(&in, &out, &err), CAIRN_E_REFUSED);
    assert_code(err, "attestation.signer");
}

static void writes_the_appraisal_with_every_check(void **state)
{
    (void)state;
    SCENE s;
    CAIRN_BUF file = {0};
    CAIRN_APPRAISAL appraisal = {0};
    CAIRN_JSON *json = NULL;
    scene_make(&s);
    world_boot(&s.w, "sb-uki-tampered-cmdline");
    answer_nonce(&s.w, &s.nonce, &file);
    const struct cairn_appraisal_in in = {.root = s.w.keys->root,
                                          .statement = &s.w.keys->statement,
                                          .policy = &s.policy,
                                          .nonce = &s.nonce,
                                          .evidence = cairn_buf_span(&file)};
    assert_int_equal(cairn_appraise(&in, &appraisal, NULL), CAIRN_OK);
    assert_int_equal(cairn_appraisal_json(&in, &appraisal, &json, NULL), CAIRN_OK);
    assert_string_equal(json_string_value(json_object_get(json, "tier")), "contraindicated");
    assert_int_equal(json_array_size(json_object_get(json, "checks")), appraisal.verdict.num_checks);
    assert_non_null(json_object_get(json, "policy"));
    const json_t *first = json_array_get(json_object_get(json, "checks"), 0);
    assert_string_equal(json_string_value(json_object_get(first, "code")), "boot.replay");
    assert_string_equal(json_string_value(json_object_get(first, "result")), "pass");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(affirms_the_learned_boot),
        cmocka_unit_test(contraindicates_the_tampered_command_line_by_name),
        cmocka_unit_test(contraindicates_a_log_with_one_flipped_digest_bit),
        cmocka_unit_test(contraindicates_clean_logs_beside_a_tampered_quote),
        cmocka_unit_test(fails_a_log_that_cannot_be_read_with_the_readers_code),
        cmocka_unit_test(does_not_decide_over_a_log_without_sha256),
        cmocka_unit_test(ignores_an_ima_tail_measured_after_the_quote),
        cmocka_unit_test(notes_an_unsafe_clock_and_never_locks_out_for_it),
        cmocka_unit_test(refuses_the_answer_to_another_nonce),
        cmocka_unit_test(refuses_a_second_document_over_one_nonce_but_not_the_same_again),
        cmocka_unit_test(refuses_a_nonce_of_another_purpose),
        cmocka_unit_test(refuses_the_document_of_another_device_fleet_or_key),
        cmocka_unit_test(refuses_a_nonce_made_for_another_device),
        cmocka_unit_test(refuses_a_quote_by_another_tpm),
        cmocka_unit_test(refuses_a_key_in_another_hierarchy),
        cmocka_unit_test(refuses_what_does_not_come_from_inside_the_tpm),
        cmocka_unit_test(refuses_another_kind_of_attestation),
        cmocka_unit_test(refuses_more_attestations_than_one),
        cmocka_unit_test(refuses_a_document_of_another_type),
        cmocka_unit_test(refuses_fewer_more_or_other_pcrs_than_asked_for),
        cmocka_unit_test(refuses_another_bank),
        cmocka_unit_test(refuses_an_altered_payload_under_a_genuine_quote),
        cmocka_unit_test(refuses_a_policy_for_other_devices),
        cmocka_unit_test(authenticates_and_replays_without_a_policy),
        cmocka_unit_test(refuses_a_file_whose_logs_are_only_named),
        cmocka_unit_test(the_stages_with_a_cache_give_the_verdict_of_the_whole),
        cmocka_unit_test(a_cached_replay_is_judged_by_the_policy_of_today),
        cmocka_unit_test(a_cached_replay_is_not_found_for_another_quote),
        cmocka_unit_test(a_prepared_key_of_another_device_refuses),
        cmocka_unit_test(writes_the_appraisal_with_every_check),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
