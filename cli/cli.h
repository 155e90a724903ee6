/* cli/cli.h -- the command line of cairn: a table of commands, one file per noun.
 *
 * A command parses its arguments with cairn_args, works through the libraries, and reports once: by returning an error,
 * which main.c prints, or through its own output. Exit: 0 yes, 1 no or refused, 2 usage, 3 warning, 4 contraindicated, 5 could
 * not decide, 6 locked or busy, 7 TPM or medium absent or not the expected one, 8 I/O, 9 server not reached.
 */
#ifndef CAIRN_CLI_CLI_H
#define CAIRN_CLI_CLI_H

#include <jansson.h>

#include "agent/here_device.h"
#include "core/crypto_keys.h"
#include "storage/state_device.h"

/* struct cairn_cli is one run of the program. */
struct cairn_cli {
    const char *config_path; /* --config, default /etc/cairn/cairn.conf */
    bool json;               /* --json */
    uint64_t now_s;          /* read once */
    bool said;               /* standard output has had what it gets */
    json_t *written;         /* the files that were written, for --json */
    struct cairn_err err;
};

/* One option of a command. A value option stores its argument in *value; a repeatable one appends to `values`. */
struct cairn_option {
    const char *name;    /* "--key", "-o" */
    const char **value;  /* takes a value, once */
    bool *flag;          /* or is a flag */
    const char **values; /* or is repeatable, up to max_values */
    size_t max_values;
    size_t *num_values;
    bool required;
    bool output; /* its value is a file to be written ("-o" always is): its directory must take one before anything is done */
};
struct cairn_args {
    const struct cairn_option *options; /* ends with name == NULL */
    const char **positional;            /* receives the files named */
    size_t min_positional, max_positional, num_positional;
};
/* cairn_args_parse: CAIRN_E_USAGE "usage" (unknown or doubled option, missing value, too many or few files; the text names it).
 * CAIRN_E_IO "file.dir", "file.write" (an output's directory is not there or cannot be written; the output is a directory). */
CAIRN_RC cairn_args_parse(struct cairn_args *args, int argc, char **argv, struct cairn_err *err);

struct cairn_command {
    const char *noun;
    const char *verb;     /* NULL: a bare verb for the device itself ("doctor") */
    const char *synopsis; /* "root.dsse" */
    const char *help;     /* one sentence, and options one per line */
    /* argv without program, noun and verb. Returns CAIRN_OK and sets *exit_code for verdicts. */
    CAIRN_RC (*run)(struct cairn_cli *cli, int argc, char **argv, int *exit_code);
};
/* Each cmd_<noun>.c defines one table that main.c lists: cairn_commands_<noun>[], ending with noun == NULL. */

/* Output. With --json exactly one object on standard output, or the document itself when that goes there; otherwise lines of
 * text. cairn_cli_print takes *object over and adds the files written so far ("written"). A command that prints nothing need
 * not: the program then prints what was written. */
CAIRN_RC cairn_cli_print(struct cairn_cli *cli, json_t *object, const char *fmt, ...) CAIRN_PRINTF(3, 4);
/* cairn_cli_write_document writes `bytes` to `path` (-o; NULL or "-" = standard output), durably, mode 0644; _private 0600. */
CAIRN_RC cairn_cli_write_document(struct cairn_cli *cli, const char *path, struct cairn_span bytes);
CAIRN_RC cairn_cli_write_private(struct cairn_cli *cli, const char *path, struct cairn_span bytes);
/* cairn_cli_read reads a document (at most CAIRN_FILE_MAX; evidence up to 64 MiB by _read_large). Errors name the file. */
CAIRN_RC cairn_cli_read(struct cairn_cli *cli, const char *path, struct cairn_buf *out);
CAIRN_RC cairn_cli_read_large(struct cairn_cli *cli, const char *path, struct cairn_buf *out);
/* cairn_cli_named puts the file's name before the error of a call that read it. */
CAIRN_RC cairn_cli_named(struct cairn_cli *cli, const char *path, enum cairn_rc rc);
/* Common openings. */
CAIRN_RC cairn_cli_root(struct cairn_cli *cli, const char *path, struct cairn_root **out);
/* `now_s` 0: dates are not judged (documents that are read years later). */
CAIRN_RC cairn_cli_statement(struct cairn_cli *cli, const struct cairn_root *root, const char *path, uint64_t now_s,
                             struct cairn_statement *out);
CAIRN_RC cairn_cli_signer(struct cairn_cli *cli, const char *path,
                          struct cairn_signer **out); /* refuses modes other than 0600 */

/* cairn_cli_sign is every "NOUN sign FILE --key KEY [-o OUT]": a payload becomes an envelope, an envelope gets one more
 * signature. Nobody signs what `check` does not read as a document of this type. `to_file`: standard output is free for words.
 */
struct cairn_signing {
    const char *type;
    CAIRN_RC (*check)(struct cairn_cli *cli, struct cairn_span payload, void *arg);
    void *arg;
    CAIRN_RC(*check_signed)
    (struct cairn_cli *cli, struct cairn_span file); /* the envelope, before it is written; may be NULL */
    bool to_file;
};
CAIRN_RC cairn_cli_sign(struct cairn_cli *cli, int argc, char **argv, struct cairn_signing *signing);

/* The device this program runs on, as the configuration of this run says: agent/here_device.h. */
CAIRN_RC cairn_here_open_bare(struct cairn_cli *cli, struct cairn_here *out);
CAIRN_RC cairn_here_open(struct cairn_cli *cli, struct cairn_here *out);
CAIRN_RC cairn_here_open_tpm(struct cairn_cli *cli, const struct cairn_config *config, struct cairn_here *out);

#endif
