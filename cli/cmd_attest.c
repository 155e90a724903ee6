/* cli/cmd_attest.c -- `cairn attest`: evidence of this boot, for somebody who asked.
 */
#include "attest/collect_device.h"
#include "attest/jwk.h"
#include "authority/draft.h"
#include "cli/online.h"
#include "cli/tables.h"

static CAIRN_RC need_nonce(struct cairn_cli *cli, const char *path, struct cairn_nonce *out)
{
    CAIRN_BUF file = {0};
    if (path == NULL) {
        return CAIRN_FAIL(
            &cli->err, CAIRN_E_USAGE, "nonce.required",
            "evidence answers a question: get a nonce file from whoever asks (`cairn nonce new`) and name it with "
            "--nonce");
    }
    CAIRN_TRY(cairn_cli_read(cli, path, &file));
    enum cairn_rc rc = cairn_nonce_parse(cairn_buf_span(&file), out, &cli->err);
    if (rc != CAIRN_OK) {
        cairn_err_prefix(&cli->err, "%s", path);
    }
    return rc;
}

/* The device's own private key, or a public key file: only the public half is used. */
static CAIRN_RC read_public(struct cairn_cli *cli, const char *path, struct cairn_ec_key *out)
{
    CAIRN_BUF file = {0};
    CAIRN_SIGNER *signer = NULL;
    struct cairn_public_key named = {.role = CAIRN_ROLE_ROOT};
    CAIRN_TRY(cairn_cli_read(cli, path, &file));
    if (file.len > 0 && file.p[0] == '{') {
        CAIRN_TRY(cairn_cli_named(cli, path, cairn_public_key_parse(cairn_buf_span(&file), &named, &cli->err)));
        *out = named.key;
        return CAIRN_OK;
    }
    CAIRN_TRY(cairn_cli_signer(cli, path, &signer));
    return cairn_signer_public(signer, out, &cli->err);
}

static CAIRN_RC read_cnf(struct cairn_cli *cli, const char *path, char out[CAIRN_JKT_LEN + 1])
{
    struct cairn_ec_key key;
    if (path == NULL) {
        out[0] = '\0';
        return CAIRN_OK;
    }
    CAIRN_TRY(read_public(cli, path, &key));
    return cairn_jwk_thumbprint(&key, out, &cli->err);
}

static CAIRN_RC answer_file(struct cairn_cli *cli, const char *nonce_path, const char *cnf_path, const char *out_path,
                            int *exit_code)
{
    char cnf[CAIRN_JKT_LEN + 1] = "";
    struct cairn_nonce nonce;
    CAIRN_HERE here = {0};
    CAIRN_BUF file = {0};
    CAIRN_TRY(need_nonce(cli, nonce_path, &nonce));
    CAIRN_TRY(read_cnf(cli, cnf_path, cnf));
    CAIRN_TRY(cairn_here_open(cli, &here));
    if (!here.identity.enrolled) {
        return CAIRN_FAIL(
            &cli->err, CAIRN_E_REFUSED, "device.unenrolled",
            "this device is not enrolled, so nobody could tell whose evidence it is: `cairn enrol request` first");
    }
    const struct cairn_log_paths logs = {{[CAIRN_LOG_FIRMWARE] = here.config.boot_log,
                                          [CAIRN_LOG_USERSPACE] = here.config.userspace_log,
                                          [CAIRN_LOG_IMA] = here.config.ima_log}};
    const struct cairn_collect_options how = {.cnf = cnf};
    CAIRN_TRY(cairn_collect_evidence(here.tpm, &here.identity.statement, &nonce, &logs, &how, NULL, &file, &cli->err));
    *exit_code = 0;
    return cairn_cli_write_document(cli, out_path, cairn_buf_span(&file));
}

static CAIRN_RC attest(struct cairn_cli *cli, int argc, char **argv, int *exit_code)
{
    const char *nonce_path = NULL, *cnf_path = NULL, *audience = NULL, *out_path = NULL;
    bool once = false;
    const struct cairn_option options[] = {{.name = "--nonce", .value = &nonce_path}, {.name = "--cnf", .value = &cnf_path},
                                           {.name = "-o", .value = &out_path},        {.name = "--once", .flag = &once},
                                           {.name = "--for", .value = &audience},     {.name = NULL}};
    struct cairn_args args = {.options = options};
    CAIRN_TRY(cairn_args_parse(&args, argc, argv, &cli->err));
    if (audience != NULL && !once && nonce_path == NULL && cnf_path == NULL) {
        return cairn_cli_result(cli, audience, out_path, exit_code);
    }
    if (audience != NULL) {
        return CAIRN_FAIL(&cli->err, CAIRN_E_USAGE, "usage",
                          "--for asks the server: it takes no --nonce, no --cnf and no --once");
    }
    if (!once) {
        return answer_file(cli, nonce_path, cnf_path, out_path, exit_code);
    }
    if (nonce_path != NULL || cnf_path != NULL || out_path != NULL) {
        return CAIRN_FAIL(&cli->err, CAIRN_E_USAGE, "usage",
                          "--once speaks to the server: it takes no --nonce, no --cnf and no -o");
    }
    return cairn_cli_report_once(cli, exit_code);
}

const struct cairn_command cairn_commands_attest[] = {
    {.noun = "attest",
     .verb = NULL,
     .synopsis = "--nonce FILE [--cnf KEY] [-o FILE] | --once | --for AUDIENCE [-o FILE]",
     .help = "Quotes the PCRs that the nonce asks for and adds the boot logs. On the device.\n"
             "  --nonce FILE  the question, from `cairn nonce new`; without one nothing is attested\n"
             "  --cnf KEY     the thumbprint of this P-256 key goes into the evidence, and with it into results that relying\n"
             "                parties can demand possession for: a private key (PEM, mode 0600) or a .pub file\n"
             "  -o FILE       where the evidence goes (standard output)\n"
             "  --once        one report to the server of [agent] instead, and nothing stays behind: deliver, report, fetch.\n"
             "  --for AUDIENCE  a report for which the server signs a result (EAR, a JWT) to show to AUDIENCE, bound to the "
             "key of\n"
             "                `cnf` in [agent]; -o FILE: mode 0600. It lives 5 minutes\n"
             "                Exit 0 affirming, 3 warning, 4 contraindicated, 5 undecided, 9 server not reached",
     .run = attest},
    {.noun = NULL},
};
