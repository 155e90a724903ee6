/* tests/support/make_ear_main.c -- what a server does with evidence, without one: appraises a device's genuine answer and signs
 * the result with a verifier key of the root.
 *
 * make_ear --root R --statement S --policy P --nonce N --evidence E --key K --audience A [--epoch HEX] [--age SECONDS]
 *          [--jwks FILE]
 *
 * The token goes to standard output; --age makes it that much older; --epoch is the counter as last certified (else the
 * statement's value).
 */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>

#include "attest/ear.h"
#include "core/clock.h"
#include "core/file.h"

enum { FILE_MAX = 64 << 20 };

struct options {
    const char *root, *statement, *policy, *nonce, *evidence, *key, *audience, *epoch, *age, *jwks;
};

struct inputs {
    struct cairn_root *root;
    struct cairn_statement statement;
    struct cairn_policy policy;
    struct cairn_nonce nonce;
    struct cairn_buf evidence;
    struct cairn_signer *signer;
    uint64_t now_s, epoch;
};

static void clear_inputs(struct inputs *in)
{
    cairn_root_free(in->root);
    cairn_policy_clear(&in->policy);
    cairn_buf_clear(&in->evidence);
    cairn_signer_free(in->signer);
}

static CAIRN_RC read_inputs(const struct options *o, struct inputs *in, struct cairn_err *err)
{
    CAIRN_BUF root = {0}, statement = {0}, policy = {0}, nonce = {0}, key = {0};
    CAIRN_TRY(cairn_path_read(o->root, FILE_MAX, &root, err));
    CAIRN_TRY(cairn_root_open(cairn_buf_span(&root), in->now_s, &in->root, err));
    CAIRN_TRY(cairn_path_read(o->statement, FILE_MAX, &statement, err));
    CAIRN_TRY(cairn_statement_open(in->root, cairn_buf_span(&statement), in->now_s, &in->statement, err));
    CAIRN_TRY(cairn_path_read(o->policy, FILE_MAX, &policy, err));
    CAIRN_TRY(cairn_policy_open(in->root, cairn_buf_span(&policy), in->now_s, &in->policy, err));
    CAIRN_TRY(cairn_path_read(o->nonce, FILE_MAX, &nonce, err));
    CAIRN_TRY(cairn_nonce_parse(cairn_buf_span(&nonce), &in->nonce, err));
    CAIRN_TRY(cairn_path_read(o->evidence, FILE_MAX, &in->evidence, err));
    CAIRN_TRY(cairn_path_read(o->key, FILE_MAX, &key, err));
    in->epoch = o->epoch != NULL ? strtoull(o->epoch, NULL, 16) : in->statement.epoch_value;
    return cairn_signer_read(cairn_buf_span(&key), &in->signer, err);
}

/* The thumbprint that the device put into its evidence. */
static CAIRN_RC read_cnf(const struct inputs *in, char out[CAIRN_JKT_LEN + 1], struct cairn_err *err)
{
    CAIRN_EVIDENCE evidence = {0};
    CAIRN_TRY(cairn_evidence_parse(cairn_buf_span(&in->evidence), &evidence, err));
    (void)snprintf(out, CAIRN_JKT_LEN + 1, "%s", evidence.cnf);
    return CAIRN_OK;
}

static CAIRN_RC make(const struct options *o, const struct inputs *in, struct cairn_buf *out, struct cairn_err *err)
{
    CAIRN_APPRAISAL appraisal = {0};
    char cnf[CAIRN_JKT_LEN + 1] = "";
    struct cairn_ear_seal seal;
    const struct cairn_appraisal_in question = {.root = in->root,
                                                .statement = &in->statement,
                                                .policy = &in->policy,
                                                .nonce = &in->nonce,
                                                .evidence = cairn_buf_span(&in->evidence)};
    CAIRN_TRY(cairn_appraise(&question, &appraisal, err));
    CAIRN_TRY(read_cnf(in, cnf, err));
    const bool sealable = appraisal.replay != NULL;
    if (sealable) {
        CAIRN_TRY(cairn_ear_seal_of(&in->statement, &in->policy, appraisal.replay, in->epoch, &seal, err));
    }
    const struct cairn_ear_in ear = {.statement = &in->statement,
                                     .policy = &in->policy,
                                     .verdict = &appraisal.verdict,
                                     .nonce = in->nonce.nonce,
                                     .cnf = cnf,
                                     .seal = sealable ? &seal : NULL,
                                     .issuer = "https://verifier.test",
                                     .audience = o->audience,
                                     .build = "make_ear",
                                     .now_s = in->now_s - (o->age != NULL ? strtoull(o->age, NULL, 10) : 0),
                                     .enroller = "apart"};
    return cairn_ear_sign(&ear, in->signer, out, err);
}

static CAIRN_RC run(const struct options *o, struct cairn_err *err)
{
    CAIRN_CLEANUP(clear_inputs) struct inputs in = {.now_s = cairn_clock_now(0)};
    CAIRN_BUF token = {0}, jwks = {0};
    CAIRN_TRY(cairn_crypto_self_test(err));
    CAIRN_TRY(read_inputs(o, &in, err));
    CAIRN_TRY(make(o, &in, &token, err));
    if (o->jwks != NULL) {
        CAIRN_TRY(cairn_jwks_write(in.root, &jwks, err));
        CAIRN_TRY(cairn_path_write(o->jwks, cairn_buf_span(&jwks), 0644, err));
    }
    return cairn_path_write("-", cairn_buf_span(&token), 0644, err);
}

static bool parse(int argc, char **argv, struct options *o)
{
    static const struct option options[] = {{"root", required_argument, NULL, 'r'},
                                            {"statement", required_argument, NULL, 's'},
                                            {"policy", required_argument, NULL, 'p'},
                                            {"nonce", required_argument, NULL, 'n'},
                                            {"evidence", required_argument, NULL, 'e'},
                                            {"key", required_argument, NULL, 'k'},
                                            {"audience", required_argument, NULL, 'a'},
                                            {"epoch", required_argument, NULL, 'c'},
                                            {"age", required_argument, NULL, 'o'},
                                            {"jwks", required_argument, NULL, 'j'},
                                            {NULL, 0, NULL, 0}};
    static const char letters[] = "rspnekacoj";
    const char **const places[] = {&o->root, &o->statement, &o->policy, &o->nonce, &o->evidence,
                                   &o->key,  &o->audience,  &o->epoch,  &o->age,   &o->jwks};
    for (int c = 0; (c = getopt_long(argc, argv, "", options, NULL)) != -1;) {
        bool known = false;
        for (size_t i = 0; i < CAIRN_ARRAY_LEN(places); i++) {
            if (letters[i] == c) {
                *places[i] = optarg;
                known = true;
            }
        }
        if (!known) {
            return false;
        }
    }
    return o->root != NULL && o->statement != NULL && o->policy != NULL && o->nonce != NULL && o->evidence != NULL &&
           o->key != NULL && o->audience != NULL;
}

int main(int argc, char **argv)
{
    struct options o = {NULL};
    struct cairn_err err = {0};
    if (!parse(argc, argv, &o)) {
        (void)fprintf(stderr,
                      "usage: make_ear --root R --statement S --policy P --nonce N --evidence E --key K --audience A\n");
        return 2;
    }
    enum cairn_rc rc = run(&o, &err);
    if (rc != CAIRN_OK) {
        (void)fprintf(stderr, "make_ear: %s (%s)\n", err.text, err.code);
    }
    return cairn_rc_exit_code(rc);
}
