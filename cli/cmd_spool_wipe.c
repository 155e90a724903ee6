/* cli/cmd_spool_wipe.c -- cairn spool wipe: an order that the agent brought, carried out with the spool as its output.
 */
#include <stdlib.h>
#include <string.h>

#include "cli/device_state.h"
#include "cli/spool.h"
#include "core/crypto_keys.h"

static struct cairn_wipe_run run_of(const struct cairn_cli *cli, const struct cairn_cli_spool *s)
{
    return cairn_device_wipe_run(cli, s->here, s->spool.out, s->out_path);
}

static void free_journal(struct cairn_journal **journal)
{
    free(*journal);
}

static CAIRN_RC read_progress(struct cairn_cli *cli, const struct cairn_cli_spool *s, bool *accepted, bool *retired)
{
    CAIRN_CLEANUP(free_journal) struct cairn_journal *journal = calloc(1, sizeof *journal);
    if (journal == NULL) {
        return CAIRN_FAIL(&cli->err, CAIRN_E_IO, "memory", "no memory for the wipe's journal");
    }
    CAIRN_TRY(cairn_wipe_journal(s->here->state, &s->here->identity, accepted, journal, &cli->err));
    *retired = *accepted && journal->step >= CAIRN_WIPE_RETIRED;
    return CAIRN_OK;
}

static CAIRN_RC refuse_order(struct cairn_cli *cli, const struct cairn_cli_spool *s)
{
    const struct cairn_err why = cli->err;
    CAIRN_TRY(cairn_cli_spool_failed(cli, s, CAIRN_SPOOL_WIPE_FAILED, &why));
    CAIRN_TRY(cairn_spool_refuse(&s->spool, CAIRN_SPOOL_ORDER, why.code, &cli->err));
    cli->err = why;
    return why.rc;
}

/* ask puts this device's question about an online order out, for the agent to bring to the server; each answer is for the last
 * question alone. The mark goes: the agent makes it again when it has the release. */
static CAIRN_RC ask(struct cairn_cli *cli, const struct cairn_cli_spool *s, struct cairn_span order)
{
    uint8_t nonce[32] = {0};
    CAIRN_BUF question = {0};
    const struct cairn_wipe_run run = run_of(cli, s);
    CAIRN_TRY(cairn_random(nonce, sizeof nonce, &cli->err));
    CAIRN_TRY(cairn_wipe_ask(&run, order, nonce, &question, &cli->err));
    CAIRN_TRY(cairn_file_replace(s->spool.out, CAIRN_SPOOL_RELEASE_ASK, cairn_buf_span(&question), 0644, &cli->err));
    CAIRN_TRY(cairn_file_remove(s->spool.in, CAIRN_SPOOL_RELEASE, &cli->err));
    return cairn_file_remove(s->spool.in, CAIRN_SPOOL_WIPE_READY, &cli->err);
}

/* A release that is not there, late, or the answer to an earlier question: ask (again). Everything else about it is final. */
static bool wants_release(const struct cairn_err *why)
{
    return strcmp(why->code, "order.release") == 0 || strcmp(why->code, "release.expired") == 0 ||
           strcmp(why->code, "release.nonce") == 0;
}

static CAIRN_RC accept_order(struct cairn_cli *cli, const struct cairn_cli_spool *s, struct cairn_span order, bool *asked)
{
    CAIRN_BUF release = {0};
    struct cairn_wipe_run run = run_of(cli, s);
    if (cairn_file_exists(s->spool.in, CAIRN_SPOOL_RELEASE)) {
        CAIRN_TRY(cairn_file_read(s->spool.in, CAIRN_SPOOL_RELEASE, CAIRN_FILE_MAX, &release, &cli->err));
    }
    run.release = cairn_buf_span(&release);
    const enum cairn_rc rc = cairn_wipe_accept(&run, order, &cli->err);
    *asked = rc == CAIRN_E_REFUSED && wants_release(&cli->err);
    if (*asked) {
        return ask(cli, s, order);
    }
    return rc == CAIRN_OK ? cairn_file_remove(s->spool.out, CAIRN_SPOOL_RELEASE_ASK, &cli->err) : rc;
}

/* accept takes the order up. One that is refused is moved aside; an earlier one that was accepted goes on all the same. *asked:
 * nothing was accepted yet, the server is asked for a release. */
static CAIRN_RC accept(struct cairn_cli *cli, const struct cairn_cli_spool *s, bool *asked)
{
    CAIRN_BUF order = {0};
    struct cairn_err why = {0};
    if (!cairn_file_exists(s->spool.in, CAIRN_SPOOL_ORDER)) {
        return CAIRN_OK;
    }
    enum cairn_rc rc = cairn_file_read(s->spool.in, CAIRN_SPOOL_ORDER, CAIRN_FILE_MAX, &order, &why);
    if (rc != CAIRN_OK) { /* no regular file, or too long: the same again would be no better */
        rc = CAIRN_FAIL_CAUSE(&cli->err, CAIRN_E_REFUSED, why.code, why.cause, "%s", why.text);
    } else {
        rc = accept_order(cli, s, cairn_buf_span(&order), asked);
    }
    return cairn_cli_spool_is_final(rc) ? refuse_order(cli, s) : rc;
}

static CAIRN_RC finish(struct cairn_cli *cli, const struct cairn_cli_spool *s)
{
    static const char *const TAKEN[] = {CAIRN_SPOOL_ORDER, CAIRN_SPOOL_RELEASE};
    return cairn_spool_done(&s->spool, TAKEN, CAIRN_ARRAY_LEN(TAKEN), CAIRN_SPOOL_WIPE_READY, &cli->err);
}

/* The mark stays until the end: after a power cut the unit runs again and goes on. */
static CAIRN_RC carry_out(struct cairn_cli *cli, struct cairn_cli_spool *s, bool *done, bool *asked)
{
    bool accepted = false, retired = false;
    CAIRN_TRY(cairn_cli_spool_here(cli, s));
    const struct cairn_wipe_run run = run_of(cli, s);
    CAIRN_TRY(read_progress(cli, s, &accepted, &retired));
    if (!retired) {
        const enum cairn_rc rc = accept(cli, s, asked);
        CAIRN_TRY(accepted && cairn_cli_spool_is_final(rc) ? CAIRN_OK : rc == CAIRN_OK ? CAIRN_OK : rc);
        CAIRN_TRY(read_progress(cli, s, &accepted, &retired));
    }
    if (*asked && !accepted) {
        return CAIRN_OK;
    }
    if (accepted) {
        CAIRN_TRY(cairn_wipe_resume(&run, &cli->err)); /* of a retired device: only the journal goes out again */
    }
    *done = accepted;
    return finish(cli, s);
}

CAIRN_RC cairn_cli_spool_wipe(struct cairn_cli *cli, int argc, char **argv, int *exit_code)
{
    struct cairn_args args = {.options = NULL};
    CAIRN_CLI_SPOOL s = {.here = NULL};
    bool done = false, asked = false;
    CAIRN_TRY(cairn_args_parse(&args, argc, argv, &cli->err));
    CAIRN_TRY(cairn_cli_spool_open(cli, &s));
    *exit_code = 0;
    if (cairn_file_exists(s.spool.in, CAIRN_SPOOL_WIPE_READY)) {
        const enum cairn_rc rc = carry_out(cli, &s, &done, &asked);
        if (cairn_cli_spool_is_final(rc) && !cairn_file_exists(s.spool.in, CAIRN_SPOOL_ORDER)) {
            const struct cairn_err why = cli->err; /* moved aside: nothing waits any more */
            CAIRN_TRY(finish(cli, &s));
            cli->err = why;
        }
        CAIRN_TRY(rc);
    }
    return cairn_cli_print(cli, json_pack("{s:b, s:b}", "wiped", done, "asked", asked), "%s\n",
                           done    ? "retired: the certificate is in the spool"
                           : asked ? "the server is asked to release the order; nothing was done yet"
                                   : "no order waits");
}
