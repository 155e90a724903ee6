/* cli/fleet_table.c -- what the server lists, for people: columns as the first row has them, every cell escaped.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/fleet.h"
#include "core/log.h"

enum { CELL_CAP = 41, MAX_COLUMNS = 16, HEX_SHOWN = 16, LINE_CAP = 1024 };

struct columns {
    size_t num;
    const char *name[MAX_COLUMNS];
    int width[MAX_COLUMNS];
};

/* A cell: text as it is but escaped, a long digest by its beginning. */
static void cell(const json_t *value, char out[CELL_CAP])
{
    char number[24] = "";
    const char *text = number;
    out[0] = '\0';
    if (json_is_integer(value)) {
        (void)snprintf(number, sizeof number, "%lld", (long long)json_integer_value(value));
    } else if (json_is_boolean(value)) {
        text = json_is_true(value) ? "yes" : "no";
    } else if (json_is_string(value)) {
        text = json_string_value(value);
    } else {
        text = "-";
    }
    const size_t len = cairn_fleet_is_digest(text) ? HEX_SHOWN : strlen(text);
    (void)cairn_log_escape(cairn_span(text, len), out, CELL_CAP);
}

static void widen(struct columns *c, const json_t *row)
{
    for (size_t i = 0; i < c->num; i++) {
        char text[CELL_CAP];
        cell(json_object_get(row, c->name[i]), text);
        const int len = (int)strlen(text);
        c->width[i] = len > c->width[i] ? len : c->width[i];
    }
}

static void find_columns(const json_t *rows, struct columns *c)
{
    const char *name = NULL;
    json_t *value = NULL;
    json_t *first = json_array_get(rows, 0);
    json_object_foreach(first, name, value)
    {
        if (c->num < MAX_COLUMNS && !json_is_object(value) && !json_is_array(value) && strlen(name) < CELL_CAP) {
            c->name[c->num] = name;
            c->width[c->num++] = (int)strlen(name);
        }
    }
    for (size_t i = 0; i < json_array_size(rows); i++) {
        widen(c, json_array_get(rows, i));
    }
}

static CAIRN_RC print_row(struct cairn_cli *cli, const struct columns *c, const json_t *row)
{
    char line[LINE_CAP] = "";
    for (size_t i = 0; i < c->num; i++) {
        char text[CELL_CAP];
        const size_t used = strlen(line);
        if (row != NULL) {
            cell(json_object_get(row, c->name[i]), text);
        } else {
            (void)cairn_log_escape(cairn_span_str(c->name[i]), text, sizeof text);
        }
        (void)snprintf(line + used, sizeof line - used, "%-*s  ", c->width[i], text);
    }
    return cairn_cli_print(cli, NULL, "%s\n", line);
}

CAIRN_RC cairn_fleet_table(struct cairn_cli *cli, const char *member, json_t *rows)
{
    CAIRN_JSON *owned = rows;
    struct columns columns = {.num = 0};
    if (cli->json) {
        CAIRN_JSON *all = json_object();
        CAIRN_TRY(cairn_json_set_take(all, member, json_incref(owned), &cli->err));
        return cairn_cli_print(cli, json_incref(all), "%s", "");
    }
    find_columns(owned, &columns);
    if (json_array_size(owned) == 0) {
        return cairn_cli_print(cli, NULL, "none\n");
    }
    CAIRN_TRY(print_row(cli, &columns, NULL));
    for (size_t i = 0; i < json_array_size(owned); i++) {
        CAIRN_TRY(print_row(cli, &columns, json_array_get(owned, i)));
    }
    return CAIRN_OK;
}

/* Members that are objects or lists are shown as their JSON. */
static CAIRN_RC print_member(struct cairn_cli *cli, const char *name, const json_t *value)
{
    char key[CELL_CAP], text[LINE_CAP] = "";
    CAIRN_BUF json = {0};
    (void)cairn_log_escape(cairn_span_str(name), key, sizeof key);
    if (json_is_string(value)) {
        (void)cairn_log_escape(cairn_span_str(json_string_value(value)), text, sizeof text);
    } else if (json_is_object(value) || json_is_array(value)) {
        CAIRN_TRY(cairn_json_write(value, &json, &cli->err));
        (void)cairn_log_escape(cairn_buf_span(&json), text, sizeof text);
    } else {
        cell(value, text);
    }
    return cairn_cli_print(cli, NULL, "%-14s %s\n", key, text);
}

CAIRN_RC cairn_fleet_object(struct cairn_cli *cli, json_t *object)
{
    CAIRN_JSON *owned = object;
    const char *name = NULL;
    json_t *value = NULL;
    if (cli->json) {
        return cairn_cli_print(cli, json_incref(owned), "%s", "");
    }
    json_object_foreach(owned, name, value)
    {
        CAIRN_TRY(print_member(cli, name, value));
    }
    return CAIRN_OK;
}
