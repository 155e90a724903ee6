/* cli/args.c -- options and files of one command, in any order; "--" ends the options.
 */
#include <errno.h>
#include <libgen.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli/cli.h"

enum { PATH_LEN = 512 };

static const struct cairn_option *find(const struct cairn_option *options, const char *name)
{
    for (; options->name != NULL; options++) {
        if (strcmp(options->name, name) == 0) {
            return options;
        }
    }
    return NULL;
}

/* A result that has nowhere to go is refused before anything is done, spent or written. */
static CAIRN_RC check_directory(const char *path, struct cairn_err *err)
{
    char dir[PATH_LEN] = "";
    struct stat st;
    if (strcmp(path, "-") == 0) {
        return CAIRN_OK;
    }
    int len = snprintf(dir, sizeof dir, "%s", path);
    if (len < 0 || (size_t)len >= sizeof dir) {
        return CAIRN_FAIL(err, CAIRN_E_USAGE, "usage", "%s: the path is too long", path);
    }
    if (stat(path, &st) == 0 && S_ISDIR(st.st_mode)) {
        return CAIRN_FAIL(err, CAIRN_E_IO, "file.write", "%s is a directory: name a file to write", path);
    }
    const char *parent = dirname(dir);
    if (access(parent, W_OK | X_OK) != 0) {
        return CAIRN_FAIL_CAUSE(err, CAIRN_E_IO, "file.dir", errno, "%s cannot be written, its directory %s: %s", path, parent,
                                strerror(errno));
    }
    return CAIRN_OK;
}

static CAIRN_RC store_value(const struct cairn_option *option, const char *value, struct cairn_err *err)
{
    if (value == NULL) {
        return CAIRN_FAIL(err, CAIRN_E_USAGE, "usage", "%s needs a value", option->name);
    }
    if (option->values != NULL) {
        if (*option->num_values == option->max_values) {
            return CAIRN_FAIL(err, CAIRN_E_USAGE, "usage", "%s may be given at most %zu times", option->name,
                              option->max_values);
        }
        option->values[(*option->num_values)++] = value;
        return CAIRN_OK;
    }
    if (*option->value != NULL) {
        return CAIRN_FAIL(err, CAIRN_E_USAGE, "usage", "%s is given twice", option->name);
    }
    *option->value = value;
    return option->output || strcmp(option->name, "-o") == 0 ? check_directory(value, err) : CAIRN_OK;
}

static CAIRN_RC take_option(const struct cairn_option *options, int argc, char **argv, int *at, struct cairn_err *err)
{
    const struct cairn_option *option = find(options, argv[*at]);
    if (option == NULL) {
        return CAIRN_FAIL(err, CAIRN_E_USAGE, "usage", "this command has no option %s", argv[*at]);
    }
    if (option->flag != NULL) {
        *option->flag = true;
        return CAIRN_OK;
    }
    *at += 1;
    return store_value(option, *at < argc ? argv[*at] : NULL, err);
}

static CAIRN_RC take_positional(struct cairn_args *args, const char *word, struct cairn_err *err)
{
    if (args->num_positional == args->max_positional) {
        return CAIRN_FAIL(err, CAIRN_E_USAGE, "usage", "one argument too many: %s", word);
    }
    args->positional[args->num_positional++] = word;
    return CAIRN_OK;
}

static bool was_given(const struct cairn_option *option)
{
    return option->values != NULL ? *option->num_values > 0 : option->value == NULL || *option->value != NULL;
}

static CAIRN_RC check_complete(const struct cairn_args *args, struct cairn_err *err)
{
    for (const struct cairn_option *o = args->options; o != NULL && o->name != NULL; o++) {
        if (o->required && !was_given(o)) {
            return CAIRN_FAIL(err, CAIRN_E_USAGE, "usage", "%s is needed", o->name);
        }
    }
    if (args->num_positional < args->min_positional) {
        return CAIRN_FAIL(err, CAIRN_E_USAGE, "usage", "%zu more argument%s needed: --help says which",
                          args->min_positional - args->num_positional,
                          args->min_positional - args->num_positional == 1 ? " is" : "s are");
    }
    return CAIRN_OK;
}

CAIRN_RC cairn_args_parse(struct cairn_args *args, int argc, char **argv, struct cairn_err *err)
{
    static const struct cairn_option none[] = {{.name = NULL}};
    const struct cairn_option *options = args->options != NULL ? args->options : none;
    bool options_ended = false;
    args->num_positional = 0;
    for (int i = 0; i < argc; i++) {
        if (!options_ended && strcmp(argv[i], "--") == 0) {
            options_ended = true;
        } else if (!options_ended && argv[i][0] == '-' && argv[i][1] != '\0') {
            CAIRN_TRY(take_option(options, argc, argv, &i, err));
        } else {
            CAIRN_TRY(take_positional(args, argv[i], err));
        }
    }
    return check_complete(args, err);
}
