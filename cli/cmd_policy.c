/* cli/cmd_policy.c -- `cairn policy`: learn what a good boot is, sign it, approve it for the TPM, check evidence against it.
 *
 * Approvals come from a signed policy, a policy from evidence that answered a nonce: nothing here reads a PCR (LIFE, "golden =
 * self").
 */
#include <stdio.h>
#include <string.h>

#include "attest/appraise.h"
#include "authority/approval.h"
#include "authority/sign.h"
#include "boot_measure/facts.h"
#include "cli/number.h"
#include "cli/tables.h"
#include "core/doctype.h"
#include "policies/explain.h"

/* struct question is what evidence is checked with, and the evidence. */
struct question {
    const char *nonce_path, *statement_path, *root_path, *evidence_path;
    struct cairn_root *root;
    struct cairn_statement statement;
    struct cairn_nonce nonce;
    struct cairn_buf evidence;
};

static void question_clear(struct question *q)
{
    cairn_root_free(q->root);
    cairn_buf_clear(&q->evidence);
}
#define QUESTION CAIRN_CLEANUP(question_clear) struct question

static CAIRN_RC question_open(struct cairn_cli *cli, struct question *q)
{
    CAIRN_BUF nonce = {0};
    CAIRN_TRY(cairn_cli_root(cli, q->root_path, &q->root));
    CAIRN_TRY(cairn_cli_statement(cli, q->root, q->statement_path, cli->now_s, &q->statement));
    CAIRN_TRY(cairn_path_read_private(q->nonce_path, CAIRN_FILE_MAX, &nonce, &cli->err));
    CAIRN_TRY(cairn_cli_named(cli, q->nonce_path, cairn_nonce_parse(cairn_buf_span(&nonce), &q->nonce, &cli->err)));
    return cairn_cli_read_large(cli, q->evidence_path, &q->evidence);
}

/* answer appraises and spends the nonce, durably, before anybody hears the result (CHECKS 12). */
static CAIRN_RC answer(struct cairn_cli *cli, struct question *q, enum cairn_purpose purpose, const struct cairn_policy *policy,
                       struct cairn_appraisal_in *in, struct cairn_appraisal *out)
{
    CAIRN_BUF spent = {0};
    CAIRN_APPRAISAL appraisal = {0};
    *in = (struct cairn_appraisal_in){.root = q->root,
                                      .statement = &q->statement,
                                      .policy = policy,
                                      .nonce = &q->nonce,
                                      .evidence = cairn_buf_span(&q->evidence)};
    CAIRN_TRY(cairn_cli_named(cli, q->evidence_path, cairn_appraise(in, &appraisal, &cli->err)));
    CAIRN_TRY(cairn_cli_named(cli, q->nonce_path, cairn_nonce_spend(&q->nonce, purpose, in->evidence, &cli->err)));
    CAIRN_TRY(cairn_nonce_write(&q->nonce, &spent, &cli->err));
    CAIRN_TRY(cairn_cli_write_private(cli, q->nonce_path, cairn_buf_span(&spent)));
    *out = appraisal;
    appraisal = (struct cairn_appraisal){0};
    return CAIRN_OK;
}

static CAIRN_RC refuse_unreplayed(struct cairn_cli *cli, const struct cairn_appraisal *appraisal)
{
    const struct cairn_check *check = &appraisal->verdict.checks[0];
    return CAIRN_FAIL(&cli->err, check->result == CAIRN_ABSENT ? CAIRN_E_UNDECIDED : CAIRN_E_REFUSED, check->code,
                      "nothing can be learned from logs that do not give the quote: %s", check->label);
}

/* The most useful sentence for an integrator: which parts of the boot nothing measures. To standard error: -o may be "-". */
static void print_coverage(const struct cairn_replay *replay)
{
    struct cairn_boot_facts facts = {0};
    cairn_boot_facts_read(replay, &facts);
    for (size_t part = 0; part < CAIRN_NUM_BOOT_PARTS; part++) {
        const struct cairn_coverage *c = &facts.coverage[part];
        const struct cairn_boot_event *event = c->measured && !c->by_ima ? cairn_replay_event(replay, c->event) : NULL;
        if (event != NULL) {
            (void)fprintf(stderr, "%-16s measured in PCR %u: %s\n", cairn_boot_part_name((enum cairn_boot_part)part),
                          event->pcr, event->label);
        } else {
            (void)fprintf(stderr, "%-16s %s\n", cairn_boot_part_name((enum cairn_boot_part)part),
                          c->measured ? "measured by IMA" : "NOT MEASURED: this policy says nothing about it");
        }
    }
}

static CAIRN_RC write_learned(struct cairn_cli *cli, const struct question *q, const struct cairn_replay *replay,
                              const struct cairn_policy_wish *wish, const char *out_path)
{
    CAIRN_POLICY policy = {0};
    CAIRN_BUF payload = {0};
    CAIRN_TRY(cairn_policy_learn(q->root, replay, wish, &policy, &cli->err));
    CAIRN_TRY(cairn_policy_payload(&policy, &payload, &cli->err));
    CAIRN_TRY(cairn_buf_append(&payload, cairn_span_str("\n"), &cli->err));
    if (!cli->json) {
        print_coverage(replay);
    }
    return cairn_cli_write_document(cli, out_path, cairn_buf_span(&payload));
}

static CAIRN_RC learn(struct cairn_cli *cli, int argc, char **argv, int *exit_code)
{
    QUESTION q = {0};
    const char *seal = NULL, *out_path = NULL;
    struct cairn_policy_wish wish = {.seal_mask = CAIRN_SEAL_SET_DEFAULT, .now_s = cli->now_s};
    const struct cairn_option options[] = {{.name = "--nonce", .value = &q.nonce_path, .required = true},
                                           {.name = "--statement", .value = &q.statement_path, .required = true},
                                           {.name = "--root", .value = &q.root_path, .required = true},
                                           {.name = "--seal", .value = &seal},
                                           {.name = "--without-root", .flag = &wish.without_root},
                                           {.name = "-o", .value = &out_path},
                                           {.name = NULL}};
    struct cairn_args args = {.options = options, .positional = &q.evidence_path, .min_positional = 1, .max_positional = 1};
    struct cairn_appraisal_in in;
    CAIRN_APPRAISAL appraisal = {0};
    CAIRN_TRY(cairn_args_parse(&args, argc, argv, &cli->err));
    if (seal != NULL) {
        CAIRN_TRY(cairn_selection_from_text(seal, &wish.seal_mask, &cli->err));
    }
    CAIRN_TRY(question_open(cli, &q));
    CAIRN_TRY(answer(cli, &q, CAIRN_PURPOSE_LEARN, NULL, &in, &appraisal));
    if (appraisal.replay == NULL) {
        return refuse_unreplayed(cli, &appraisal);
    }
    *exit_code = 0;
    return write_learned(cli, &q, appraisal.replay, &wish, out_path);
}

static CAIRN_RC check_policy(struct cairn_cli *cli, struct cairn_span payload, void *arg)
{
    (void)arg;
    CAIRN_POLICY policy = {0};
    return cairn_policy_parse(payload, &policy, &cli->err);
}

static CAIRN_RC sign(struct cairn_cli *cli, int argc, char **argv, int *exit_code)
{
    struct cairn_signing signing = {.type = CAIRN_TYPE_POLICY, .check = check_policy};
    *exit_code = 0;
    return cairn_cli_sign(cli, argc, argv, &signing);
}

static CAIRN_RC open_policy(struct cairn_cli *cli, const struct cairn_root *root, const char *path, struct cairn_policy *out)
{
    CAIRN_BUF file = {0};
    CAIRN_TRY(cairn_cli_read(cli, path, &file));
    return cairn_cli_named(cli, path, cairn_policy_open(root, cairn_buf_span(&file), cli->now_s, out, &cli->err));
}

static CAIRN_RC check_approver(struct cairn_cli *cli, const struct cairn_root *root, const struct cairn_signer *signer)
{
    struct cairn_ec_key key;
    CAIRN_TRY(cairn_signer_public(signer, &key, &cli->err));
    if (!cairn_ec_key_equal(&key, cairn_root_pcrpolicy_key(root))) {
        return CAIRN_FAIL(&cli->err, CAIRN_E_REFUSED, "approval.signer",
                          "this is not the root's pcrpolicy key, which alone approves boot states: no TPM would take it");
    }
    return CAIRN_OK;
}

static CAIRN_RC write_approvals(struct cairn_cli *cli, const struct cairn_approvals *approvals, const char *path)
{
    CAIRN_JSON *json = NULL;
    CAIRN_BUF text = {0};
    CAIRN_TRY(cairn_approvals_write(approvals, &json, &cli->err));
    CAIRN_TRY(cairn_json_write(json, &text, &cli->err));
    CAIRN_TRY(cairn_buf_append(&text, cairn_span_str("\n"), &cli->err));
    return cairn_cli_write_document(cli, path, cairn_buf_span(&text));
}

static CAIRN_RC approve(struct cairn_cli *cli, int argc, char **argv, int *exit_code)
{
    const char *path = NULL, *root_path = NULL, *floor_text = NULL, *key_path = NULL, *out_path = NULL;
    const struct cairn_option options[] = {{.name = "--root", .value = &root_path, .required = true},
                                           {.name = "--floor", .value = &floor_text, .required = true},
                                           {.name = "--key", .value = &key_path, .required = true},
                                           {.name = "-o", .value = &out_path},
                                           {.name = NULL}};
    struct cairn_args args = {.options = options, .positional = &path, .min_positional = 1, .max_positional = 1};
    uint64_t floor = 0;
    CAIRN_ROOT *root = NULL;
    CAIRN_SIGNER *signer = NULL;
    CAIRN_POLICY policy = {0};
    struct cairn_approvals approvals;
    CAIRN_TRY(cairn_args_parse(&args, argc, argv, &cli->err));
    CAIRN_TRY(cairn_number_parse("--floor", floor_text, 0, CAIRN_NUMBER_MAX, &floor, &cli->err));
    CAIRN_TRY(cairn_cli_root(cli, root_path, &root));
    CAIRN_TRY(open_policy(cli, root, path, &policy));
    CAIRN_TRY(cairn_cli_signer(cli, key_path, &signer));
    CAIRN_TRY(check_approver(cli, root, signer));
    CAIRN_TRY(
        cairn_sign_approvals(signer, policy.device_class, floor, policy.seal_mask, policy.seal_digest, &approvals, &cli->err));
    *exit_code = 0;
    return write_approvals(cli, &approvals, out_path);
}

/* print_words wraps nothing and adds nothing: the sentences are policies/explain.h's. */
static void print_words(FILE *to, const char *code, const char *indent)
{
    struct cairn_explanation words;
    if (!cairn_explain(code, &words)) {
        return;
    }
    (void)fprintf(to, "%s%s\n", indent, words.means);
    if (words.act[0] != '\0') {
        (void)fprintf(to, "%s%s\n", indent, words.act);
    }
}

static void print_check(FILE *to, const struct cairn_check *check)
{
    const bool optional_note = check->result == CAIRN_ABSENT && !check->required;
    const char *result = optional_note ? "note" : cairn_check_result_name(check->result);
    (void)fprintf(to, "%-7s %-28s %s\n", result, check->code, check->label);
    if (check->result == CAIRN_PASS) {
        return;
    }
    if (check->expected[0] != '\0') {
        (void)fprintf(to, "        expected %s\n", check->expected);
    }
    if (check->seen[0] != '\0') {
        (void)fprintf(to, "        seen     %s\n", check->seen);
    }
    print_words(to, check->code, "        ");
}

/* The table goes beside the document: to standard error when standard output has the JSON. */
static void print_verdict(FILE *to, const struct cairn_verdict *verdict)
{
    for (size_t i = 0; i < verdict->num_checks; i++) {
        print_check(to, &verdict->checks[i]);
    }
    (void)fprintf(to, "%s\n", cairn_tier_name(verdict->tier));
}

static CAIRN_RC write_appraisal(struct cairn_cli *cli, const struct cairn_appraisal_in *in,
                                const struct cairn_appraisal *appraisal, const char *path)
{
    CAIRN_JSON *json = NULL;
    CAIRN_BUF text = {0};
    if (path == NULL && !cli->json) {
        return CAIRN_OK;
    }
    CAIRN_TRY(cairn_appraisal_json(in, appraisal, &json, &cli->err));
    CAIRN_TRY(cairn_json_write(json, &text, &cli->err));
    CAIRN_TRY(cairn_buf_append(&text, cairn_span_str("\n"), &cli->err));
    if (path != NULL && !(cli->json && strcmp(path, "-") == 0)) {
        CAIRN_TRY(cairn_cli_write_document(cli, path, cairn_buf_span(&text)));
    }
    if (cli->json) {
        json_t *printed = json;
        json = NULL;
        return cairn_cli_print(cli, printed, "%s", "");
    }
    return CAIRN_OK;
}

static CAIRN_RC check(struct cairn_cli *cli, int argc, char **argv, int *exit_code)
{
    QUESTION q = {0};
    const char *policy_path = NULL, *out_path = NULL;
    const struct cairn_option options[] = {{.name = "-p", .value = &policy_path, .required = true},
                                           {.name = "--nonce", .value = &q.nonce_path, .required = true},
                                           {.name = "--statement", .value = &q.statement_path, .required = true},
                                           {.name = "--root", .value = &q.root_path, .required = true},
                                           {.name = "-o", .value = &out_path},
                                           {.name = NULL}};
    struct cairn_args args = {.options = options, .positional = &q.evidence_path, .min_positional = 1, .max_positional = 1};
    struct cairn_appraisal_in in;
    CAIRN_POLICY policy = {0};
    CAIRN_APPRAISAL appraisal = {0};
    CAIRN_TRY(cairn_args_parse(&args, argc, argv, &cli->err));
    CAIRN_TRY(question_open(cli, &q));
    CAIRN_TRY(open_policy(cli, q.root, policy_path, &policy));
    CAIRN_TRY(answer(cli, &q, CAIRN_PURPOSE_EVIDENCE, &policy, &in, &appraisal));
    CAIRN_TRY(write_appraisal(cli, &in, &appraisal, out_path));
    if (!cli->json) {
        print_verdict(out_path != NULL && strcmp(out_path, "-") == 0 ? stderr : stdout, &appraisal.verdict);
    }
    *exit_code = cairn_tier_exit_code(appraisal.verdict.tier);
    return CAIRN_OK;
}

static CAIRN_RC list_codes(struct cairn_cli *cli)
{
    CAIRN_JSON *codes = json_array();
    const char *code = NULL;
    for (size_t i = 0; (code = cairn_explain_code(i)) != NULL; i++) {
        if (cli->json) {
            (void)json_array_append_new(codes, json_string(code));
        } else {
            (void)printf("%s\n", code);
        }
    }
    return cli->json ? cairn_cli_print(cli, json_pack("{s:O}", "codes", codes), "%s", "") : CAIRN_OK;
}

static CAIRN_RC explain(struct cairn_cli *cli, int argc, char **argv, int *exit_code)
{
    const char *code = NULL;
    struct cairn_args args = {.positional = &code, .max_positional = 1};
    struct cairn_explanation words;
    CAIRN_TRY(cairn_args_parse(&args, argc, argv, &cli->err));
    *exit_code = 0;
    if (code == NULL) {
        return list_codes(cli);
    }
    if (!cairn_explain(code, &words)) {
        return CAIRN_FAIL(&cli->err, CAIRN_E_USAGE, "usage",
                          "there are no words for \"%s\": `cairn policy explain` lists the codes", code);
    }
    json_t *json = json_pack("{s:s, s:s, s:s}", "code", code, "means", words.means, "act", words.act);
    return cairn_cli_print(cli, json, "%s\n%s%s", words.means, words.act, words.act[0] != '\0' ? "\n" : "");
}

#define QUESTION_HELP                                                                                                          \
    "  --nonce FILE      the question it answers; it is spent by this\n"                                                       \
    "  --statement FILE  who the device is, from `cairn enrol statement`\n"                                                    \
    "  --root FILE       the fleet's root\n"

const struct cairn_command cairn_commands_policy[] = {
    {.noun = "policy",
     .verb = "learn",
     .synopsis = "golden.evidence --nonce FILE --statement FILE --root FILE [--seal PCRS] [-o FILE]",
     .help =
         "Makes a policy of evidence from a boot known to be good, and says what of the boot nothing measures.\n" QUESTION_HELP
         "  --seal PCRS       the PCRs that must have these values (0,2,4,7,8,9,11,14); never 10\n"
         "  --without-root    accept a boot that did not measure the Cairn root, and do not ask for it later\n"
         "  -o FILE           where the policy goes (standard output)",
     .run = learn},
    {.noun = "policy",
     .verb = "sign",
     .synopsis = "policy.json --key FILE [-o FILE]",
     .help = "Signs a policy, or adds a signature to one.\n"
             "  --key FILE  a key of role policy",
     .run = sign},
    {.noun = "policy",
     .verb = "approve",
     .synopsis = "policy.dsse --root FILE --floor N --key FILE [-o FILE]",
     .help = "Approves the policy's seal set for the device's TPM: anchor and vault, the vault at one floor.\n"
             "  --root FILE  the fleet's root\n"
             "  --floor N    the lowest release number this boot state may open\n"
             "  --key FILE   the root's pcrpolicy key",
     .run = approve},
    {.noun = "policy",
     .verb = "check",
     .synopsis = "-p policy.dsse now.evidence --nonce FILE --statement FILE --root FILE [-o FILE]",
     .help = "Appraises evidence. Exit: 0 affirming, 3 warning, 4 contraindicated, 5 could not decide, 1 not this device's "
             "answer.\n"
             "  -p FILE           the signed policy\n" QUESTION_HELP "  -o FILE           where the appraisal goes",
     .run = check},
    {.noun = "policy",
     .verb = "explain",
     .synopsis = "[CODE]",
     .help = "Says what a code means and what a person can do; without one lists the codes.",
     .run = explain},
    {.noun = NULL},
};
