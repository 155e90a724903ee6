/* cli/cmd_store.c -- `cairn store`: the parameters in the vault. Values only over standard input and output, never argv.
 */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "cli/device_state.h"
#include "cli/tables.h"
#include "storage/vault_device.h"

/* struct opened is the device with its vault open. */
struct opened {
    struct cairn_here here;
    struct cairn_vault_place place;
    struct cairn_state *state;
    struct cairn_vault *vault;
};

static void opened_clear(struct opened *o)
{
    cairn_vault_free(o->vault);
    cairn_device_state_freep(&o->state);
    cairn_here_clear(&o->here);
}
#define OPENED CAIRN_CLEANUP(opened_clear) struct opened

static CAIRN_RC open_vault(struct cairn_cli *cli, struct opened *o)
{
    CAIRN_TRY(cairn_here_open(cli, &o->here));
    o->place = (struct cairn_vault_place){o->here.state, &o->here.identity, o->here.tpm};
    CAIRN_TRY(cairn_device_state_read(cli, &o->here, &o->state));
    return cairn_vault_open(&o->place, o->state, &o->vault, &cli->err);
}

static CAIRN_RC one_name(struct cairn_cli *cli, int argc, char **argv, const char **name)
{
    struct cairn_args args = {.positional = name, .min_positional = 1, .max_positional = 1};
    CAIRN_TRY(cairn_args_parse(&args, argc, argv, &cli->err));
    if (!cairn_param_name_ok(*name)) {
        return CAIRN_FAIL(&cli->err, CAIRN_E_USAGE, "params.name",
                          "a parameter's name has 1 to 64 of a-z 0-9 . _ - and begins with a letter");
    }
    return CAIRN_OK;
}

/* write(2) and not stdio: a stream would keep a copy of the value in its buffer. */
static CAIRN_RC write_raw(struct cairn_cli *cli, struct cairn_span value)
{
    size_t done = 0;
    cli->said = true;
    while (done < value.len) {
        ssize_t n = write(STDOUT_FILENO, value.p + done, value.len - done);
        if (n <= 0) {
            return CAIRN_FAIL(&cli->err, CAIRN_E_IO, "output.write", "standard output takes no more");
        }
        done += (size_t)n;
    }
    return CAIRN_OK;
}

static CAIRN_RC store_get(struct cairn_cli *cli, int argc, char **argv, int *exit_code)
{
    const char *name = NULL;
    OPENED o = {.vault = NULL};
    struct cairn_span value = {0};
    CAIRN_TRY(one_name(cli, argc, argv, &name));
    CAIRN_TRY(open_vault(cli, &o));
    CAIRN_TRY(cairn_vault_get(o.vault, name, &value, &cli->err));
    *exit_code = 0;
    return write_raw(cli, value);
}

/* read_value reads standard input to its end into secret memory. */
static CAIRN_RC read_value(struct cairn_cli *cli, struct cairn_secret **out)
{
    CAIRN_SECRET *value = NULL;
    size_t len = 0;
    ssize_t n = 1;
    CAIRN_TRY(cairn_secret_new(CAIRN_PARAM_VALUE_MAX + 1, &value, &cli->err));
    while (n > 0 && len <= CAIRN_PARAM_VALUE_MAX) {
        n = read(STDIN_FILENO, cairn_secret_bytes(value) + len, CAIRN_PARAM_VALUE_MAX + 1 - len);
        len += n > 0 ? (size_t)n : 0;
    }
    if (n < 0) {
        return CAIRN_FAIL(&cli->err, CAIRN_E_IO, "input.read", "standard input cannot be read");
    }
    cairn_secret_shrink(value, len);
    *out = value;
    value = NULL;
    return CAIRN_OK;
}

static CAIRN_RC store_set(struct cairn_cli *cli, int argc, char **argv, int *exit_code)
{
    const char *name = NULL;
    OPENED o = {.vault = NULL};
    CAIRN_SECRET *value = NULL;
    CAIRN_TRY(one_name(cli, argc, argv, &name));
    CAIRN_TRY(read_value(cli, &value));
    CAIRN_TRY(open_vault(cli, &o));
    CAIRN_TRY(cairn_vault_set(o.vault, name, cairn_secret_span(value), &cli->err));
    *exit_code = 0;
    return cairn_vault_commit(o.vault, &cli->err);
}

static CAIRN_RC store_remove(struct cairn_cli *cli, int argc, char **argv, int *exit_code)
{
    const char *name = NULL;
    OPENED o = {.vault = NULL};
    CAIRN_TRY(one_name(cli, argc, argv, &name));
    CAIRN_TRY(open_vault(cli, &o));
    CAIRN_TRY(cairn_vault_remove(o.vault, name, &cli->err));
    *exit_code = 0;
    return cairn_vault_commit(o.vault, &cli->err);
}

static const char *scope_word(uint8_t flags)
{
    if ((flags & CAIRN_PARAM_LOCAL) != 0) {
        return "local";
    }
    return (flags & CAIRN_PARAM_ONLINE) != 0 ? "online" : "release";
}

static CAIRN_RC list_json(struct cairn_cli *cli, struct cairn_span set)
{
    json_t *list = json_array();
    struct cairn_param p = {.flags = 0};
    for (size_t i = 0; cairn_params_at(set, i, &p); i++) {
        json_t *one = json_pack("{s:s, s:s, s:b, s:I}", "name", p.name, "scope", scope_word(p.flags), "generated",
                                (p.flags & CAIRN_PARAM_GENERATED) != 0, "bytes", (json_int_t)p.value.len);
        if (json_array_append_new(list, one) != 0) {
            json_decref(list);
            return CAIRN_FAIL(&cli->err, CAIRN_E_IO, "json.memory", "no memory for a list");
        }
    }
    return cairn_cli_print(cli, json_pack("{s:o}", "parameters", list), "%s", "");
}

static CAIRN_RC store_list(struct cairn_cli *cli, int argc, char **argv, int *exit_code)
{
    struct cairn_args args = {.options = NULL};
    OPENED o = {.vault = NULL};
    struct cairn_param p = {.flags = 0};
    CAIRN_TRY(cairn_args_parse(&args, argc, argv, &cli->err));
    CAIRN_TRY(open_vault(cli, &o));
    *exit_code = 0;
    if (cli->json) {
        return list_json(cli, cairn_vault_params(o.vault));
    }
    for (size_t i = 0; cairn_params_at(cairn_vault_params(o.vault), i, &p); i++) {
        CAIRN_TRY(cairn_cli_print(cli, NULL, "%-8s %6zu bytes%s  %s\n", scope_word(p.flags), p.value.len,
                                  (p.flags & CAIRN_PARAM_GENERATED) != 0 ? ", made here" : "", p.name));
    }
    return CAIRN_OK;
}

const struct cairn_command cairn_commands_store[] = {
    {.noun = "store",
     .verb = "get",
     .synopsis = "NAME",
     .help = "Writes a parameter's value to standard output, as it is and nothing else.",
     .run = store_get},
    {.noun = "store",
     .verb = "set",
     .synopsis = "NAME <value",
     .help = "Takes a value (at most 65536 bytes) from standard input. It is durable and anchored when this returns 0.\n"
             "Parameters of scope release are fixed by the release.",
     .run = store_set},
    {.noun = "store",
     .verb = "remove",
     .synopsis = "NAME",
     .help = "Removes a parameter that was set here or has scope online.",
     .run = store_remove},
    {.noun = "store", .verb = "list", .synopsis = "", .help = "Names, scopes and lengths; no values.", .run = store_list},
    {.noun = NULL},
};
