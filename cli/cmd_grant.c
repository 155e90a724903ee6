/* cli/cmd_grant.c -- `cairn grant`: the device asks; the provisioner appraises again and grants.
 *
 * A grant needs three answers of one boot: evidence that the policy affirms, a request over a fresh nonce, and the epoch that
 * the TPM certifies in it.
 */
#include <string.h>

#include "attest/appraise.h"
#include "authority/sign.h"
#include "cli/device_state.h"
#include "cli/number.h"
#include "cli/tables.h"
#include "core/doctype.h"
#include "provision/engine_device.h"

enum { DAY_S = 24 * 60 * 60, DAYS_MAX = 3650, MAX_AGE_S = 60 * 60 };

static CAIRN_RC grant_request(struct cairn_cli *cli, int argc, char **argv, int *exit_code)
{
    const char *nonce_path = NULL, *out_path = NULL;
    const struct cairn_option options[] = {
        {.name = "--nonce", .value = &nonce_path, .required = true}, {.name = "-o", .value = &out_path}, {.name = NULL}};
    struct cairn_args args = {.options = options};
    struct cairn_nonce nonce;
    CAIRN_DEVICE_STATE *state = NULL;
    CAIRN_HERE here = {.lock_fd = 0};
    CAIRN_BUF file = {0}, request = {0};
    CAIRN_TRY(cairn_args_parse(&args, argc, argv, &cli->err));
    CAIRN_TRY(cairn_cli_read(cli, nonce_path, &file));
    CAIRN_TRY(cairn_cli_named(cli, nonce_path, cairn_nonce_parse(cairn_buf_span(&file), &nonce, &cli->err)));
    if (nonce.purpose != CAIRN_PURPOSE_GRANT) {
        return CAIRN_FAIL(&cli->err, CAIRN_E_REFUSED, "nonce.purpose",
                          "%s asks for evidence, not for a grant request: `cairn attest`", nonce_path);
    }
    CAIRN_TRY(cairn_here_open(cli, &here));
    const struct cairn_vault_place place = {here.state, &here.identity, here.tpm};
    CAIRN_TRY(cairn_device_state_read(cli, &here, &state));
    CAIRN_TRY(cairn_request_make(&place, state, nonce.nonce, nonce.mask, &request, &cli->err));
    *exit_code = 0;
    return cairn_cli_write_document(cli, out_path, cairn_buf_span(&request));
}

/* struct granting is one `grant new`: what was named, and what it was read into. */
struct granting {
    const char *request_path, *nonce_path, *evidence_path, *evidence_nonce_path, *policy_path, *statement_path, *root_path;
    const char *manifest_path, *params_path, *key_path, *days, *max_age, *out_path, *assets_path;
    struct cairn_root *root;
    struct cairn_statement statement;
    struct cairn_policy policy;
    struct cairn_manifest manifest;
    struct cairn_param_assets assets;
    struct cairn_appraisal appraisal;
    struct cairn_request request;
    uint8_t pcr_digest[32];
};

static void granting_clear(struct granting *g)
{
    cairn_root_free(g->root);
    cairn_policy_clear(&g->policy);
    cairn_manifest_clear(&g->manifest);
    cairn_param_assets_clear(&g->assets);
    cairn_appraisal_clear(&g->appraisal);
}

static CAIRN_RC read_signed(struct cairn_cli *cli, struct granting *g)
{
    CAIRN_BUF policy = {0}, manifest = {0}, params = {0};
    CAIRN_TRY(cairn_cli_root(cli, g->root_path, &g->root));
    CAIRN_TRY(cairn_cli_statement(cli, g->root, g->statement_path, cli->now_s, &g->statement));
    CAIRN_TRY(cairn_cli_read(cli, g->policy_path, &policy));
    CAIRN_TRY(cairn_cli_named(cli, g->policy_path,
                              cairn_policy_open(g->root, cairn_buf_span(&policy), cli->now_s, &g->policy, &cli->err)));
    CAIRN_TRY(cairn_cli_read(cli, g->manifest_path, &manifest));
    CAIRN_TRY(cairn_cli_named(cli, g->manifest_path,
                              cairn_manifest_open(g->root, cairn_buf_span(&manifest), cli->now_s, &g->manifest, &cli->err)));
    CAIRN_TRY(cairn_path_read_private(g->params_path, CAIRN_FILE_MAX, &params, &cli->err));
    return cairn_cli_named(cli, g->params_path, cairn_params_source_read(cairn_buf_span(&params), &g->assets, &cli->err));
}

static CAIRN_RC read_nonce(struct cairn_cli *cli, const char *path, struct cairn_nonce *out)
{
    CAIRN_BUF file = {0};
    CAIRN_TRY(cairn_path_read_private(path, CAIRN_FILE_MAX, &file, &cli->err));
    return cairn_cli_named(cli, path, cairn_nonce_parse(cairn_buf_span(&file), out, &cli->err));
}

/* spend marks the nonce durably, before anybody hears the result (CHECKS 12). */
static CAIRN_RC spend(struct cairn_cli *cli, const char *path, enum cairn_purpose purpose, const struct cairn_buf *document,
                      struct cairn_nonce *nonce)
{
    CAIRN_BUF spent = {0};
    CAIRN_TRY(cairn_cli_named(cli, path, cairn_nonce_spend(nonce, purpose, cairn_buf_span(document), &cli->err)));
    CAIRN_TRY(cairn_nonce_write(nonce, &spent, &cli->err));
    return cairn_cli_write_private(cli, path, cairn_buf_span(&spent));
}

static CAIRN_RC appraise(struct cairn_cli *cli, struct granting *g)
{
    CAIRN_BUF evidence = {0};
    struct cairn_nonce nonce;
    CAIRN_TRY(read_nonce(cli, g->evidence_nonce_path, &nonce));
    CAIRN_TRY(cairn_cli_read_large(cli, g->evidence_path, &evidence));
    const struct cairn_appraisal_in in = {.root = g->root,
                                          .statement = &g->statement,
                                          .policy = &g->policy,
                                          .nonce = &nonce,
                                          .evidence = cairn_buf_span(&evidence)};
    CAIRN_TRY(cairn_cli_named(cli, g->evidence_path, cairn_appraise(&in, &g->appraisal, &cli->err)));
    CAIRN_TRY(spend(cli, g->evidence_nonce_path, CAIRN_PURPOSE_EVIDENCE, &evidence, &nonce));
    if (g->appraisal.verdict.tier != CAIRN_TIER_AFFIRMING || g->appraisal.replay == NULL) {
        return CAIRN_FAIL(&cli->err, CAIRN_E_REFUSED, "grant.appraisal",
                          "%s is %s, and only an affirmed boot gets a grant: see `cairn policy check`", g->evidence_path,
                          cairn_tier_name(g->appraisal.verdict.tier));
    }
    return CAIRN_OK;
}

/* The seal set's digest, from values that the quote confirmed: never from the policy, whose word they were compared with. */
static CAIRN_RC seal_digest(struct cairn_cli *cli, struct granting *g)
{
    uint8_t values[CAIRN_NUM_PCRS][32] = {{0}};
    for (unsigned pcr = 0; pcr < CAIRN_NUM_PCRS; pcr++) {
        const uint8_t *value = cairn_replay_value(g->appraisal.replay, pcr);
        if ((g->policy.seal_mask >> pcr & 1) == 0) {
            continue;
        }
        if (value == NULL) {
            return CAIRN_FAIL(&cli->err, CAIRN_E_REFUSED, "grant.pcrs", "PCR %u of the seal set is not in the evidence", pcr);
        }
        cairn_copy(values[pcr], value, sizeof values[pcr]);
    }
    return cairn_pcr_digest(g->policy.seal_mask, (const uint8_t(*)[32])values, g->pcr_digest, &cli->err);
}

static CAIRN_RC check_request(struct cairn_cli *cli, struct granting *g)
{
    CAIRN_BUF request = {0};
    struct cairn_nonce nonce;
    uint64_t max_age = MAX_AGE_S;
    CAIRN_TRY(cairn_number_parse("--max-age", g->max_age, 0, DAY_S, &max_age, &cli->err));
    CAIRN_TRY(read_nonce(cli, g->nonce_path, &nonce));
    CAIRN_TRY(cairn_cli_read(cli, g->request_path, &request));
    CAIRN_TRY(cairn_cli_named(
        cli, g->request_path,
        cairn_request_verify(cairn_buf_span(&request), &g->statement, nonce.nonce, nonce.mask, &g->request, &cli->err)));
    CAIRN_TRY(spend(cli, g->nonce_path, CAIRN_PURPOSE_GRANT, &request, &nonce));
    if (cli->now_s < nonce.issued_s || cli->now_s - nonce.issued_s > max_age) {
        return CAIRN_FAIL(&cli->err, CAIRN_E_REFUSED, "grant.stale",
                          "%s is older than %llu s (or of the future): make a new nonce and ask the device again",
                          g->nonce_path, (unsigned long long)max_age);
    }
    return CAIRN_OK;
}

/* The envelope is opened again before anybody gets it: a key of another role is found here and not on the device. */
static CAIRN_RC sign_grant(struct cairn_cli *cli, const struct granting *g, const struct cairn_buf *payload,
                           struct cairn_buf *out)
{
    CAIRN_SIGNER *signer = NULL;
    struct cairn_grant again;
    CAIRN_TRY(cairn_cli_signer(cli, g->key_path, &signer));
    CAIRN_TRY(cairn_sign_document(cairn_buf_span(payload), CAIRN_TYPE_GRANT, signer, out, &cli->err));
    CAIRN_TRY(cairn_grant_open(g->root, cairn_buf_span(out), cli->now_s, &again, &cli->err));
    return cairn_grant_check(&again, &g->statement, &g->manifest, &cli->err);
}

static CAIRN_RC make_grant(struct cairn_cli *cli, struct granting *g)
{
    CAIRN_BUF payload = {0}, assets = {0}, file = {0};
    uint64_t days = 7;
    CAIRN_TRY(cairn_number_parse("--expires-days", g->days, 0, DAYS_MAX, &days, &cli->err));
    struct cairn_grant_draft draft = {.root = g->root,
                                      .statement = &g->statement,
                                      .manifest = &g->manifest,
                                      .request = &g->request,
                                      .evidence = &g->appraisal.quote,
                                      .assets = &g->assets,
                                      .mask = g->policy.seal_mask,
                                      .now_s = cli->now_s,
                                      .expires_s = cli->now_s + days * DAY_S};
    cairn_copy(draft.pcr_digest, g->pcr_digest, sizeof draft.pcr_digest);
    CAIRN_TRY(cairn_grant_build(&draft, &payload, &assets, &cli->err));
    CAIRN_TRY(sign_grant(cli, g, &payload, &file));
    CAIRN_TRY(cairn_cli_write_document(cli, g->assets_path, cairn_buf_span(&assets)));
    return cairn_cli_write_document(cli, g->out_path, cairn_buf_span(&file));
}

static CAIRN_RC parse_new(struct cairn_cli *cli, struct granting *g, int argc, char **argv)
{
    const struct cairn_option options[] = {{.name = "--nonce", .value = &g->nonce_path, .required = true},
                                           {.name = "--evidence", .value = &g->evidence_path, .required = true},
                                           {.name = "--evidence-nonce", .value = &g->evidence_nonce_path, .required = true},
                                           {.name = "-p", .value = &g->policy_path, .required = true},
                                           {.name = "--statement", .value = &g->statement_path, .required = true},
                                           {.name = "--root", .value = &g->root_path, .required = true},
                                           {.name = "--manifest", .value = &g->manifest_path, .required = true},
                                           {.name = "--params", .value = &g->params_path, .required = true},
                                           {.name = "--key", .value = &g->key_path, .required = true},
                                           {.name = "--expires-days", .value = &g->days},
                                           {.name = "--max-age", .value = &g->max_age},
                                           {.name = "--assets", .value = &g->assets_path, .required = true, .output = true},
                                           {.name = "-o", .value = &g->out_path},
                                           {.name = NULL}};
    struct cairn_args args = {.options = options, .positional = &g->request_path, .min_positional = 1, .max_positional = 1};
    return cairn_args_parse(&args, argc, argv, &cli->err);
}

static CAIRN_RC grant_new(struct cairn_cli *cli, int argc, char **argv, int *exit_code)
{
    CAIRN_CLEANUP(granting_clear) struct granting g = {.root = NULL};
    CAIRN_TRY(parse_new(cli, &g, argc, argv));
    CAIRN_TRY(read_signed(cli, &g));
    CAIRN_TRY(appraise(cli, &g));
    CAIRN_TRY(seal_digest(cli, &g));
    CAIRN_TRY(check_request(cli, &g));
    *exit_code = 0;
    return make_grant(cli, &g);
}

const struct cairn_command cairn_commands_grant[] = {
    {.noun = "grant",
     .verb = "request",
     .synopsis = "--nonce FILE [-o FILE]",
     .help = "Asks for a grant: quote and certified epoch over the provisioner's nonce. On the device.\n"
             "  --nonce FILE  from `cairn nonce new --purpose grant`",
     .run = grant_request},
    {.noun = "grant",
     .verb = "new",
     .synopsis = "g.request --nonce FILE --evidence FILE --evidence-nonce FILE -p policy.dsse --statement FILE --root FILE\n"
                 "        --manifest manifest.dsse --params params.json --key FILE --assets FILE [-o FILE]",
     .help = "Grants a release to one device: appraises the evidence again, checks that the request is of the same boot, and\n"
             "wraps a fresh key to this TPM, these PCRs and this epoch.\n"
             "  --nonce FILE           the grant nonce; it is spent by this\n"
             "  --evidence FILE        evidence of the boot that asks\n"
             "  --evidence-nonce FILE  its own nonce\n"
             "  -p FILE                the signed policy\n"
             "  --params FILE          the params.json the manifest was made from (mode 0600)\n"
             "  --key FILE             a key of role provision\n"
             "  --assets FILE          where the encrypted assets go; they belong to this grant alone\n"
             "  --max-age SECONDS      oldest grant nonce (3600)\n"
             "  --expires-days N       the grant's life (7)\n"
             "  -o FILE                where the grant goes (standard output)",
     .run = grant_new},
    {.noun = NULL},
};
