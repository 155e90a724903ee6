/* tests/bench/bench_appraise.c -- what one steady report costs a server's processor: parse, verify with a prepared key, find
 * the replay of the same boot, evaluate. And what the parts and the whole without any of that cost.
 *
 * One JSON line for each figure; exit 1 when a limit is passed. The limits are loose: machines differ, and a figure that
 * doubles is what they are for.
 */
#include <stdio.h>
#include <time.h>

#include "attest/replay_cache.h"
#include "unit/attest/answer.h"

enum { ROUNDS = 2000 };

struct bench {
    struct world w;
    struct cairn_policy policy;
    struct cairn_nonce nonce;
    struct cairn_claim_key *key;
    struct cairn_replay_cache *cache;
    struct cairn_buf steady, whole; /* the same report with its logs named, and with them attached */
    bool passed;
};

static void must(enum cairn_rc rc)
{
    if (rc != CAIRN_OK) {
        fprintf(stderr, "bench: failed\n");
        exit(8);
    }
}

static double now_us(void)
{
    struct timespec t;
    (void)clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec * 1e6 + (double)t.tv_nsec / 1e3;
}

static void figure(struct bench *b, const char *name, size_t rounds, void run(struct bench *), double limit)
{
    run(b);
    const double start = now_us();
    for (size_t i = 0; i < rounds; i++) {
        run(b);
    }
    const double value = (now_us() - start) / (double)rounds;
    const bool ok = value <= limit;
    printf("{\"figure\":\"%s\",\"value\":%.1f,\"unit\":\"us\",\"limit\":%.0f,\"ok\":%s}\n", name, value, limit,
           ok ? "true" : "false");
    b->passed = b->passed && ok;
}

static void all_named(struct bench *b)
{
    CAIRN_EVIDENCE evidence = {0};
    must(cairn_evidence_parse(cairn_buf_span(&b->whole), &evidence, NULL));
    for (size_t i = 0; i < evidence.doc.num_attachments; i++) {
        evidence.doc.attachments[i].named = true;
        cairn_buf_clear(&evidence.doc.attachments[i].bytes);
    }
    must(cairn_tpmdoc_write(&evidence.doc, &b->steady, NULL));
}

static struct cairn_appraisal_in question(const struct bench *b, const struct cairn_buf *file)
{
    return (struct cairn_appraisal_in){.root = b->w.keys->root,
                                       .statement = &b->w.keys->statement,
                                       .key = b->key,
                                       .policy = &b->policy,
                                       .nonce = &b->nonce,
                                       .evidence = cairn_buf_span(file)};
}

static void run_steady(struct bench *b)
{
    CAIRN_EVIDENCE evidence = {0};
    CAIRN_APPRAISAL appraisal = {0};
    struct cairn_log_digest logs[CAIRN_NUM_BOOT_LOGS];
    struct cairn_replay_key key;
    const struct cairn_appraisal_in in = question(b, &b->steady);
    must(cairn_evidence_parse(in.evidence, &evidence, NULL));
    must(cairn_appraisal_authenticate(&in, &evidence, &appraisal, NULL));
    cairn_evidence_log_digests(&evidence, logs);
    must(cairn_replay_key_make(appraisal.quote.u.quote.mask, appraisal.quote.u.quote.digest, logs, &key, NULL));
    const struct cairn_replay *replay = cairn_replay_cache_find(b->cache, &key);
    if (replay != NULL) {
        cairn_appraisal_replayed(&appraisal, replay);
    } else {
        must(cairn_appraisal_replay(&appraisal, &b->w.logs, NULL));
        must(cairn_replay_cache_take(b->cache, &key, &appraisal.own) != NULL ? CAIRN_OK : CAIRN_E_IO);
    }
    cairn_appraisal_evaluate(&appraisal, &b->policy);
    cairn_verdict_conclude(&appraisal.verdict);
    must(appraisal.verdict.tier == CAIRN_TIER_AFFIRMING ? CAIRN_OK : CAIRN_E_REFUSED);
}

static void run_whole(struct bench *b)
{
    CAIRN_APPRAISAL appraisal = {0};
    struct cairn_appraisal_in in = question(b, &b->whole);
    in.key = NULL;
    must(cairn_appraise(&in, &appraisal, NULL));
}

static void run_parse(struct bench *b)
{
    CAIRN_EVIDENCE evidence = {0};
    must(cairn_evidence_parse(cairn_buf_span(&b->steady), &evidence, NULL));
}

static void run_authenticate(struct bench *b)
{
    CAIRN_EVIDENCE evidence = {0};
    CAIRN_APPRAISAL appraisal = {0};
    const struct cairn_appraisal_in in = question(b, &b->steady);
    must(cairn_evidence_parse(in.evidence, &evidence, NULL));
    must(cairn_appraisal_authenticate(&in, &evidence, &appraisal, NULL));
}

static void run_key(struct bench *b)
{
    CAIRN_CLAIM_KEY *key = NULL;
    must(cairn_claim_key_new(cairn_area_span(&b->w.keys->statement.ak), &key, NULL));
}

int main(void)
{
    struct bench b = {.passed = true};
    must(cairn_crypto_self_test(NULL));
    world_make(&b.w, "sb-uki-clean");
    world_learn(&b.w, &b.policy);
    b.nonce = ask(&b.w, CAIRN_PURPOSE_EVIDENCE, WORLD_MASK);
    answer_nonce(&b.w, &b.nonce, &b.whole);
    all_named(&b);
    must(cairn_claim_key_new(cairn_area_span(&b.w.keys->statement.ak), &b.key, NULL));
    must(cairn_replay_cache_new(16, 1 << 24, &b.cache, NULL));
    figure(&b, "steady report", ROUNDS, run_steady, 300);
    figure(&b, "parse", ROUNDS, run_parse, 100);
    figure(&b, "parse and authenticate", ROUNDS, run_authenticate, 250);
    figure(&b, "make a key ready", ROUNDS, run_key, 400);
    figure(&b, "whole file, no cache, new key", ROUNDS / 10, run_whole, 4000);
    cairn_replay_cache_free(b.cache);
    cairn_claim_key_free(b.key);
    cairn_buf_clear(&b.steady);
    cairn_buf_clear(&b.whole);
    cairn_policy_clear(&b.policy);
    world_clear(&b.w);
    return b.passed ? 0 : 1;
}
