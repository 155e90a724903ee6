/* cli/cmd_state.c -- `cairn state`: what this device is, in a glance. Opens nothing and changes nothing.
 */
#include <stdio.h>
#include <stdlib.h>

#include "cli/device_state.h"
#include "cli/tables.h"
#include "storage/vault_device.h"
#include "wipe/sequence_device.h"

enum { HEX_TEXT = 2 * 32 + 1 };

/* struct view is what `state` shows. */
struct view {
    struct cairn_here here;
    struct cairn_state *state;
    struct cairn_journal *journal; /* zero unless `wiping` */
    bool wiping;                   /* an order was accepted for this enrolment */
    bool has_epoch;
    uint64_t epoch;
};

static void view_clear(struct view *v)
{
    free(v->journal);
    cairn_device_state_freep(&v->state);
    cairn_here_clear(&v->here);
}

/* After Clear there is nothing left in the TPM to ask: the journal says what this device was and is. */
static bool is_retired(const struct view *v)
{
    return v->wiping && v->journal->step >= CAIRN_WIPE_CERTIFIED;
}

static CAIRN_RC look(struct cairn_cli *cli, struct view *v)
{
    struct cairn_err unread = {.cause = 0};
    CAIRN_TRY(cairn_here_open(cli, &v->here));
    v->journal = calloc(1, sizeof *v->journal);
    v->state = calloc(1, sizeof *v->state);
    if (v->journal == NULL || v->state == NULL) {
        return CAIRN_FAIL(&cli->err, CAIRN_E_IO, "memory", "no memory for the device's state");
    }
    if (v->here.identity.enrolled) {
        CAIRN_TRY(cairn_wipe_journal(v->here.state, &v->here.identity, &v->wiping, v->journal, &cli->err));
    }
    if (is_retired(v)) {
        v->state->life = CAIRN_LIFE_RETIRED;
        return CAIRN_OK;
    }
    CAIRN_TRY(cairn_state_read(v->here.state, &v->here.identity, v->here.tpm, v->state, &cli->err));
    v->has_epoch = v->here.identity.enrolled && cairn_tpm_epoch_read(v->here.tpm, &v->epoch, &unread) == CAIRN_OK;
    return CAIRN_OK;
}

/* A counter past the record's bound: what was sealed is dead for ever (RECORD, recovery 3). */
static bool vault_is_dead(const struct view *v)
{
    return v->state->has_record && v->has_epoch && v->epoch > v->state->record.bound;
}

static const char *vault_word(const struct view *v)
{
    if (v->state->lost || !v->state->has_record || v->state->record.vault_file == 0) {
        return "none";
    }
    return vault_is_dead(v) ? "dead" : "sealed";
}

static CAIRN_RC add_record(json_t *json, const struct cairn_record *r, struct cairn_err *err)
{
    json_t *record = json_object();
    CAIRN_TRY(cairn_json_set_take(json, "record", record, err));
    CAIRN_TRY(cairn_json_set_hex64(record, "generation", r->generation, err));
    CAIRN_TRY(cairn_json_set_hex64(record, "epoch", r->epoch, err));
    CAIRN_TRY(cairn_json_set_hex64(record, "bound", r->bound, err));
    CAIRN_TRY(cairn_json_set_hex64(record, "floor", r->floor, err));
    CAIRN_TRY(cairn_json_set_uint(record, "root_version", r->root_version, err));
    CAIRN_TRY(cairn_json_set_hex(record, "manifest", CAIRN_SPAN(r->manifest), err));
    if (r->life != CAIRN_LIFE_DECOMMISSIONING) {
        return CAIRN_OK;
    }
    CAIRN_TRY(cairn_json_set_hex64(record, "kill_target", r->kill_target, err));
    return cairn_json_set_hex(record, "order", CAIRN_SPAN(r->order), err);
}

static CAIRN_RC make_json(const struct view *v, json_t **out, struct cairn_err *err)
{
    const struct cairn_identity *id = &v->here.identity;
    CAIRN_JSON *json = json_object();
    CAIRN_TRY(cairn_json_set_string(json, "life", cairn_life_name(v->state->life), err));
    CAIRN_TRY(cairn_json_set_bool(json, "lost", v->state->lost, err));
    if (v->state->lost) {
        CAIRN_TRY(cairn_json_set_string(json, "error", "state.lost", err));
        CAIRN_TRY(cairn_json_set_string(json, "lost_why", v->state->lost_why, err));
    }
    CAIRN_TRY(cairn_json_set_string(json, "class", cairn_root_class(id->root), err));
    CAIRN_TRY(cairn_json_set_hex(json, "fleet", cairn_span(cairn_root_fleet(id->root), 32), err));
    CAIRN_TRY(cairn_json_set_string(json, "vault", vault_word(v), err));
    if (v->wiping) {
        CAIRN_TRY(cairn_json_set_string(json, "wipe", cairn_wipe_step_name(v->journal->step), err));
    }
    if (id->enrolled) {
        CAIRN_TRY(cairn_json_set_hex(json, "device", CAIRN_SPAN(id->statement.device), err));
        CAIRN_TRY(cairn_json_set_string(json, "serial", id->statement.serial, err));
    }
    if (v->has_epoch) {
        CAIRN_TRY(cairn_json_set_hex64(json, "epoch", v->epoch, err));
    }
    if (v->state->has_record) {
        CAIRN_TRY(add_record(json, &v->state->record, err));
    }
    *out = json;
    json = NULL;
    return CAIRN_OK;
}

static CAIRN_RC print_record(struct cairn_cli *cli, const struct view *v)
{
    const struct cairn_record *r = &v->state->record;
    char manifest[HEX_TEXT];
    cairn_hex_encode(CAIRN_SPAN(r->manifest), manifest);
    CAIRN_TRY(cairn_cli_print(cli, NULL, "record     generation %llu, epoch %llu, floor %llu, root version %u\n",
                              (unsigned long long)r->generation, (unsigned long long)r->epoch, (unsigned long long)r->floor,
                              (unsigned)r->root_version));
    CAIRN_TRY(cairn_cli_print(cli, NULL, "manifest   %s\n", manifest));
    if (r->life == CAIRN_LIFE_DECOMMISSIONING) {
        CAIRN_TRY(cairn_cli_print(cli, NULL, "kill       at counter %llu\n", (unsigned long long)r->kill_target));
    }
    return CAIRN_OK;
}

static CAIRN_RC print_text(struct cairn_cli *cli, const struct view *v)
{
    const struct cairn_identity *id = &v->here.identity;
    char fleet[HEX_TEXT], device[HEX_TEXT] = "-";
    cairn_hex_encode(cairn_span(cairn_root_fleet(id->root), 32), fleet);
    if (id->enrolled) {
        cairn_hex_encode(CAIRN_SPAN(id->statement.device), device);
    }
    CAIRN_TRY(cairn_cli_print(cli, NULL, "%s%s%s\n", cairn_life_name(v->state->life), v->state->lost ? ", state.lost: " : "",
                              v->state->lost_why));
    CAIRN_TRY(cairn_cli_print(cli, NULL, "class      %s\nfleet      %s\ndevice     %s %s\n", cairn_root_class(id->root), fleet,
                              device, id->enrolled ? id->statement.serial : ""));
    if (v->has_epoch) {
        CAIRN_TRY(cairn_cli_print(cli, NULL, "counter    %llu\n", (unsigned long long)v->epoch));
    }
    CAIRN_TRY(cairn_cli_print(cli, NULL, "vault      %s\n", vault_word(v)));
    if (v->wiping) {
        CAIRN_TRY(cairn_cli_print(cli, NULL, "wipe       %s\n", cairn_wipe_step_name(v->journal->step)));
    }
    return v->state->has_record ? print_record(cli, v) : CAIRN_OK;
}

static CAIRN_RC show(struct cairn_cli *cli, int argc, char **argv, int *exit_code)
{
    struct cairn_args args = {.options = NULL};
    CAIRN_CLEANUP(view_clear) struct view v = {.has_epoch = false};
    json_t *json = NULL;
    CAIRN_TRY(cairn_args_parse(&args, argc, argv, &cli->err));
    CAIRN_TRY(look(cli, &v));
    *exit_code = v.state->lost ? cairn_rc_exit_code(CAIRN_E_REFUSED) : 0;
    if (!cli->json) {
        return print_text(cli, &v);
    }
    CAIRN_TRY(make_json(&v, &json, &cli->err));
    return cairn_cli_print(cli, json, "%s", "");
}

const struct cairn_command cairn_commands_state[] = {
    {.noun = "state",
     .verb = NULL,
     .synopsis = "",
     .help = "What this device is: life cycle, record, counter, vault. Exit 1 when the state is lost.",
     .run = show},
    {.noun = NULL},
};
