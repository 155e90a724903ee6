/* tests/unit/attest/results.h -- an attestation result for the device of world.h, with one thing wrong on request. */
#ifndef CAIRN_TESTS_ATTEST_RESULTS_H
#define CAIRN_TESTS_ATTEST_RESULTS_H

#include "attest/ear.h"
#include "attest/jws.h"
#include "unit/attest/answer.h"

#define RESULT_AUDIENCE "https://relying.example"
#define RESULT_URL      "https://relying.example/v1/thing"
enum { RESULT_NOW = CAIRN_TEST_NOW };

/* struct result: a judged boot and the token that says so. */
struct result {
    struct world w;
    struct cairn_policy policy;
    struct cairn_replay *replay;
    struct cairn_verdict verdict;
    struct cairn_ear_seal seal;
    struct cairn_signer *holder; /* the key that the evidence named */
    char jkt[CAIRN_JKT_LEN + 1];
    uint8_t nonce[32];
    struct cairn_buf jwt;
};

static inline struct cairn_ear_in result_in(const struct result *r)
{
    return (struct cairn_ear_in){.statement = &r->w.keys->statement,
                                 .policy = &r->policy,
                                 .verdict = &r->verdict,
                                 .nonce = r->nonce,
                                 .cnf = r->jkt,
                                 .seal = &r->seal,
                                 .issuer = "https://verifier.example",
                                 .audience = RESULT_AUDIENCE,
                                 .build = "cairn test",
                                 .now_s = RESULT_NOW,
                                 .enroller = "apart"};
}

static inline void result_sign(struct result *r, const struct cairn_ear_in *in)
{
    cairn_buf_clear(&r->jwt);
    assert_int_equal(cairn_ear_sign(in, r->w.keys->role[CAIRN_ROLE_VERIFIER], &r->jwt, NULL), CAIRN_OK);
}

static inline void result_make(struct result *r)
{
    struct cairn_ec_key key;
    *r = (struct result){.nonce = {0x6e}};
    world_make(&r->w, "sb-uki-clean");
    world_learn(&r->w, &r->policy);
    world_judge(&r->w, &r->policy, WORLD_MASK, &r->verdict);
    r->replay = world_replay(&r->w, WORLD_MASK);
    assert_int_equal(cairn_ear_seal_of(&r->w.keys->statement, &r->policy, r->replay, 7, &r->seal, NULL), CAIRN_OK);
    assert_int_equal(cairn_signer_generate(&r->holder, NULL), CAIRN_OK);
    assert_int_equal(cairn_signer_public(r->holder, &key, NULL), CAIRN_OK);
    assert_int_equal(cairn_jwk_thumbprint(&key, r->jkt, NULL), CAIRN_OK);
    const struct cairn_ear_in in = result_in(r);
    result_sign(r, &in);
}

static inline void result_clear(struct result *r)
{
    cairn_policy_clear(&r->policy);
    cairn_replay_free(r->replay);
    cairn_verdict_clear(&r->verdict);
    cairn_signer_free(r->holder);
    cairn_buf_clear(&r->jwt);
    world_clear(&r->w);
}
#define RESULT CAIRN_CLEANUP(result_clear) struct result

/* result_payload and result_header give a token's parts as JSON; the caller owns them. */
static inline json_t *result_payload(const struct cairn_buf *jwt)
{
    CAIRN_JWS jws = {.header = NULL};
    json_t *json = NULL;
    assert_int_equal(cairn_jws_open(cairn_buf_span(jwt), CAIRN_EAR_MAX, "test", &jws, NULL), CAIRN_OK);
    assert_int_equal(cairn_json_parse(cairn_buf_span(&jws.payload), CAIRN_EAR_MAX, false, "test", &json, NULL), CAIRN_OK);
    return json;
}

static inline json_t *result_header(const struct cairn_buf *jwt)
{
    CAIRN_JWS jws = {.header = NULL};
    assert_int_equal(cairn_jws_open(cairn_buf_span(jwt), CAIRN_EAR_MAX, "test", &jws, NULL), CAIRN_OK);
    return json_incref(jws.header);
}

/* resign makes a token of altered parts (both are taken over): everything else about it is right. */
static inline void resign(json_t *header, json_t *payload, const struct cairn_signer *signer, struct cairn_buf *jwt)
{
    CAIRN_JSON *h = header, *p = payload;
    CAIRN_BUF fresh = {0};
    assert_int_equal(cairn_jws_sign(h, p, signer, &fresh, NULL), CAIRN_OK);
    assert_int_equal(cairn_buf_set(jwt, cairn_buf_span(&fresh), NULL), CAIRN_OK);
}

#endif
