/* cli/fleet.h -- an operator's calls to the server: options, credential, paging, tables.
 *
 * Whatever the server says is foreign: it is escaped before it reaches a terminal (CHECKS 36), and no document that it hands
 * over is believed before its own command has verified it.
 */
#ifndef CAIRN_CLI_FLEET_H
#define CAIRN_CLI_FLEET_H

#include "cli/cli.h"
#include "client/http_device.h"

enum { CAIRN_FLEET_REPLY_MAX = 16 << 20 };

struct cairn_fleet {
    const char *server, *ca, *pin, *proxy, *token_file, *certificate, *key_file; /* options */
    struct cairn_client *client;
    struct cairn_secret *token;
};
void cairn_fleet_clear(struct cairn_fleet *fleet);
#define CAIRN_FLEET CAIRN_CLEANUP(cairn_fleet_clear) struct cairn_fleet
/* The options that every verb has, for its table of options. */
#define CAIRN_FLEET_OPTIONS(fleet)                                                                                             \
    {.name = "--server", .value = &(fleet)->server, .required = true}, {.name = "--ca", .value = &(fleet)->ca},                \
        {.name = "--pin", .value = &(fleet)->pin}, {.name = "--proxy", .value = &(fleet)->proxy},                              \
        {.name = "--token-file", .value = &(fleet)->token_file}, {.name = "--cert", .value = &(fleet)->certificate},           \
    {                                                                                                                          \
        .name = "--key-file", .value = &(fleet)->key_file                                                                      \
    }
/* CAIRN_E_USAGE "usage": neither a token nor a certificate with its key. */
CAIRN_RC cairn_fleet_open(struct cairn_cli *cli, struct cairn_fleet *fleet);

/* cairn_fleet_get and _post demand 200; `type` NULL: of any content type. _post with body type NULL has no body. */
CAIRN_RC cairn_fleet_get(struct cairn_cli *cli, struct cairn_fleet *fleet, const char *path, const char *type,
                         struct cairn_client_reply *out);
CAIRN_RC cairn_fleet_post(struct cairn_cli *cli, struct cairn_fleet *fleet, const char *path, const char *type,
                          struct cairn_span body, struct cairn_client_reply *out);
/* cairn_fleet_list gets all pages of a list: `member` of each reply is an array of objects; "next" names the next page's start.
 * The caller owns *out, an array. */
CAIRN_RC cairn_fleet_list(struct cairn_cli *cli, struct cairn_fleet *fleet, const char *path, const char *query,
                          const char *member, json_t **out);

/* cairn_fleet_table prints an array of objects as a table, escaped; with --json {"MEMBER": [...]}. Takes `rows`. */
CAIRN_RC cairn_fleet_table(struct cairn_cli *cli, const char *member, json_t *rows);
/* cairn_fleet_object prints one object, a member per line. Takes `object`. */
CAIRN_RC cairn_fleet_object(struct cairn_cli *cli, json_t *object);

/* cairn_fleet_is_digest: 64 hex digits, fit for a path. */
bool cairn_fleet_is_digest(const char *text);

/* cairn_fleet_approve is `cairn fleet approve`. */
CAIRN_RC cairn_fleet_approve(struct cairn_cli *cli, int argc, char **argv, int *exit_code);

#endif
