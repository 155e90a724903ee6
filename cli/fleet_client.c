/* cli/fleet_client.c -- the calls of cli/fleet.h. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/fleet.h"
#include "client/refusal_device.h"

#define JSON_TYPE "application/json"
enum { MAX_PAGES = 10000, PAGE = 500, ID_LEN = 64, MAX_ROWS = 1 << 20 };

void cairn_fleet_clear(struct cairn_fleet *fleet)
{
    cairn_client_free(fleet->client);
    cairn_secret_free(fleet->token);
    fleet->client = NULL;
    fleet->token = NULL;
}

CAIRN_RC cairn_fleet_open(struct cairn_cli *cli, struct cairn_fleet *f)
{
    const struct cairn_client_settings settings = {.server = f->server,
                                                   .ca = f->ca,
                                                   .pin = f->pin,
                                                   .proxy = f->proxy,
                                                   .certificate = f->certificate,
                                                   .key = f->key_file,
                                                   .wake_fd = -1};
    const bool has_certificate = f->certificate != NULL && f->key_file != NULL;
    if ((f->token_file == NULL) != has_certificate || (f->certificate == NULL) != (f->key_file == NULL)) {
        return CAIRN_FAIL(&cli->err, CAIRN_E_USAGE, "usage",
                          "say who you are: --token-file FILE, or --cert FILE with --key-file FILE");
    }
    if (f->token_file != NULL) {
        CAIRN_TRY(cairn_client_bearer(f->token_file, &f->token, &cli->err));
    }
    return cairn_client_new(&settings, &f->client, &cli->err);
}

static CAIRN_RC call(struct cairn_cli *cli, struct cairn_fleet *fleet, struct cairn_client_ask *ask, const char *type,
                     struct cairn_client_reply *out)
{
    ask->bearer = fleet->token;
    ask->max_reply = CAIRN_FLEET_REPLY_MAX;
    CAIRN_TRY(cairn_client_call(fleet->client, ask, out, &cli->err));
    return cairn_client_expect(out, type, &cli->err);
}

CAIRN_RC cairn_fleet_get(struct cairn_cli *cli, struct cairn_fleet *fleet, const char *path, const char *type,
                         struct cairn_client_reply *out)
{
    struct cairn_client_ask ask = {.path = path};
    return call(cli, fleet, &ask, type, out);
}

CAIRN_RC cairn_fleet_post(struct cairn_cli *cli, struct cairn_fleet *fleet, const char *path, const char *type,
                          struct cairn_span body, struct cairn_client_reply *out)
{
    struct cairn_client_ask ask = {.path = path, .post = true, .type = type, .body = body};
    return call(cli, fleet, &ask, NULL, out);
}

bool cairn_fleet_is_digest(const char *text)
{
    uint8_t digest[ID_LEN / 2] = {0};
    return text != NULL && cairn_hex_decode(text, digest, sizeof digest);
}

/* take_page moves one reply's rows over and gives where the next page begins: "" at the end. */
static CAIRN_RC take_page(struct cairn_cli *cli, const struct cairn_client_reply *reply, const char *member, json_t *rows,
                          char next[ID_LEN + 1])
{
    CAIRN_JSON *page = NULL;
    CAIRN_TRY(cairn_json_parse(cairn_json_trim_newline(cairn_buf_span(&reply->body)), CAIRN_FLEET_REPLY_MAX, false, "the list",
                               &page, &cli->err));
    json_t *list = json_object_get(page, member);
    const json_t *after = json_object_get(page, "next");
    next[0] = '\0';
    if (!json_is_array(list) || json_array_size(rows) + json_array_size(list) > MAX_ROWS) {
        return CAIRN_FAIL(&cli->err, CAIRN_E_SERVER, "reply.list", "the server's reply holds no list \"%s\"", member);
    }
    if (json_array_extend(rows, list) != 0) {
        return CAIRN_FAIL(&cli->err, CAIRN_E_IO, "json.memory", "no memory for the list");
    }
    if (json_is_integer(after)) {
        (void)snprintf(next, ID_LEN + 1, "%lld", (long long)json_integer_value(after));
    } else if (json_is_string(after)) {
        const char *text = json_string_value(after);
        (void)snprintf(next, ID_LEN + 1, "%.64s", strspn(text, "0123456789abcdef") == strlen(text) ? text : "");
    }
    return CAIRN_OK;
}

CAIRN_RC cairn_fleet_list(struct cairn_cli *cli, struct cairn_fleet *fleet, const char *path, const char *query,
                          const char *member, json_t **out)
{
    CAIRN_JSON *rows = json_array();
    char next[ID_LEN + 1] = "", last[ID_LEN + 1] = "";
    for (int i = 0; i < MAX_PAGES; i++) {
        char full[CAIRN_CLIENT_PATH_MAX] = "";
        CAIRN_CLIENT_REPLY reply = {.status = 0};
        (void)snprintf(full, sizeof full, "%s?limit=%d%s%s%s", path, PAGE, query, next[0] != '\0' ? "&after=" : "", next);
        (void)snprintf(last, sizeof last, "%s", next);
        CAIRN_TRY(cairn_fleet_get(cli, fleet, full, JSON_TYPE, &reply));
        CAIRN_TRY(take_page(cli, &reply, member, rows, next));
        if (next[0] == '\0' || strcmp(next, last) == 0) {
            break;
        }
    }
    *out = rows;
    rows = NULL;
    return CAIRN_OK;
}
