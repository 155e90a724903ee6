/* cli/main.c -- finds the command and runs it; the one place that prints an error.
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "cli/tables.h"
#include "core/clock.h"
#include "core/secret.h"

static bool same(const char *a, const char *b)
{
    return a == NULL ? b == NULL : b != NULL && strcmp(a, b) == 0;
}

/* list_commands lists those of one noun, or all. */
static void list_commands(FILE *to, const char *noun)
{
    (void)fprintf(to, "usage: cairn [--config FILE] [--json] COMMAND [--help]\n\n");
    for (size_t t = 0; cairn_command_tables[t] != NULL; t++) {
        for (const struct cairn_command *c = cairn_command_tables[t]; c->noun != NULL; c++) {
            if (noun != NULL && !same(c->noun, noun)) {
                continue;
            }
            (void)fprintf(to, "  cairn %s%s%s %s\n", c->noun, c->verb != NULL ? " " : "", c->verb != NULL ? c->verb : "",
                          c->synopsis);
        }
    }
    (void)fprintf(
        to,
        "\nExit: 0 yes, 1 no or refused, 2 usage, 3 warning, 4 contraindicated, 5 could not decide,\n"
        "      6 locked or busy, 7 TPM or medium absent or not the expected one, 8 input or output, 9 server not reached\n");
}

static void show_help(const struct cairn_command *c)
{
    (void)printf("usage: cairn %s%s%s %s\n\n%s\n", c->noun, c->verb != NULL ? " " : "", c->verb != NULL ? c->verb : "",
                 c->synopsis, c->help);
}

/* find_command takes noun and verb off the arguments. */
static const struct cairn_command *find_command(int argc, char **argv, int *num_words)
{
    for (size_t t = 0; cairn_command_tables[t] != NULL; t++) {
        for (const struct cairn_command *c = cairn_command_tables[t]; c->noun != NULL; c++) {
            if (same(c->noun, argv[0]) && (c->verb == NULL || (argc > 1 && same(c->verb, argv[1])))) {
                *num_words = c->verb == NULL ? 1 : 2;
                return c;
            }
        }
    }
    return NULL;
}

/* take_common removes --config, --json and --help wherever they stand before "--", since every command has them. */
static CAIRN_RC take_common(struct cairn_cli *cli, int *argc, char **argv, bool *help)
{
    int kept = 0;
    bool ended = false;
    for (int i = 0; i < *argc; i++) {
        ended = ended || strcmp(argv[i], "--") == 0;
        if (!ended && strcmp(argv[i], "--json") == 0) {
            cli->json = true;
        } else if (!ended && (strcmp(argv[i], "--help") == 0 || strcmp(argv[i], "-h") == 0)) {
            *help = true;
        } else if (!ended && strcmp(argv[i], "--config") == 0) {
            if (i + 1 == *argc) {
                return CAIRN_FAIL(&cli->err, CAIRN_E_USAGE, "usage", "--config needs a file");
            }
            cli->config_path = argv[++i];
        } else {
            argv[kept++] = argv[i];
        }
    }
    *argc = kept;
    return CAIRN_OK;
}

static bool is_noun(const char *word)
{
    for (size_t t = 0; cairn_command_tables[t] != NULL; t++) {
        for (const struct cairn_command *c = cairn_command_tables[t]; c->noun != NULL; c++) {
            if (same(c->noun, word)) {
                return true;
            }
        }
    }
    return false;
}

static int report(struct cairn_cli *cli, enum cairn_rc rc)
{
    const struct cairn_err *e = &cli->err;
    if (cli->json) {
        json_t *o = json_pack("{s:s, s:s, s:i, s:i}", "error", e->code, "text", e->text, "cause", (int)e->cause,
                              "retry_after_s", (int)e->retry_after_s);
        (void)json_dumpf(o, stderr, JSON_COMPACT | JSON_ENSURE_ASCII | JSON_SORT_KEYS);
        (void)fputc('\n', stderr);
        json_decref(o);
    } else {
        (void)fprintf(stderr, "cairn: %s: %s\n", e->code, e->text);
        if (rc == CAIRN_E_BUSY && e->retry_after_s > 0) {
            (void)fprintf(stderr, "cairn: try again in %u s\n", (unsigned)e->retry_after_s);
        }
    }
    return cairn_rc_exit_code(rc);
}

/* No command was named: help, if that was asked for, or what is wrong with the words. */
static int without_command(struct cairn_cli *cli, int argc, char **argv, bool help)
{
    const char *noun = argc > 0 && is_noun(argv[0]) ? argv[0] : NULL;
    help = help || (argc > 0 && same(argv[0], "help"));
    if (help || argc == 0) {
        list_commands(help ? stdout : stderr, noun);
        return help ? 0 : 2;
    }
    enum cairn_rc rc =
        noun != NULL && argc == 1
            ? CAIRN_FAIL(&cli->err, CAIRN_E_USAGE, "usage", "`cairn %s` needs a verb: `cairn %s --help` lists them", noun, noun)
            : CAIRN_FAIL(&cli->err, CAIRN_E_USAGE, "usage", "there is no command \"%s%s%s\": `cairn %s%s--help` lists them",
                         argv[0], argc > 1 ? " " : "", argc > 1 ? argv[1] : "", noun != NULL ? noun : "",
                         noun != NULL ? " " : "");
    return report(cli, rc);
}

static int run(struct cairn_cli *cli, int argc, char **argv)
{
    bool help = false;
    int words = 0, exit_code = 0;
    enum cairn_rc rc = take_common(cli, &argc, argv, &help);
    if (rc != CAIRN_OK) {
        return report(cli, rc);
    }
    if (argc > 0 && strcmp(argv[0], "--version") == 0) {
        (void)printf("cairn %s (%s)\n", CAIRN_VERSION, cairn_crypto_provider());
        return 0;
    }
    const struct cairn_command *command = argc > 0 ? find_command(argc, argv, &words) : NULL;
    if (command == NULL) {
        return without_command(cli, argc, argv, help);
    }
    if (help) {
        show_help(command);
        return 0;
    }
    rc = command->run(cli, argc - words, argv + words, &exit_code);
    if (rc == CAIRN_OK && cli->json && !cli->said) {
        rc = cairn_cli_print(cli, json_object(), "%s", "");
    }
    return rc == CAIRN_OK ? exit_code : report(cli, rc);
}

int main(int argc, char **argv)
{
    /* First: TSS reads its log level once, and from the environment it would print session keys and salts. */
    if (setenv("TSS2_LOG", "all+none", 1) != 0) {
        return 8;
    }
    struct cairn_cli cli = {.config_path = "/etc/cairn/cairn.conf"};
    (void)umask(022); /* every write names its own mode */
    (void)signal(SIGPIPE, SIG_IGN);
    enum cairn_rc rc = cairn_process_harden(&cli.err);
    if (rc == CAIRN_OK) {
        rc = cairn_crypto_self_test(&cli.err);
    }
    cli.now_s = cairn_clock_now(0);
    int exit_code = rc == CAIRN_OK ? run(&cli, argc - 1, argv + 1) : report(&cli, rc);
    json_decref(cli.written);
    return exit_code;
}
