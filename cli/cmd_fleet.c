/* cli/cmd_fleet.c -- cairn fleet: what an operator asks of the server.
 */
#include <stdio.h>
#include <string.h>

#include "cli/fleet.h"
#include "cli/number.h"
#include "cli/tables.h"
#include "client/replies.h"
#include "core/doctype.h"

enum { HEX_LEN = 2 * CAIRN_SHA256_LEN };

#define JSON_TYPE "application/json"

/* A word that goes into a query or a path: nothing of it may mean anything there. */
static CAIRN_RC plain_word(struct cairn_cli *cli, const char *what, const char *word)
{
    static const char ALPHABET[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-";
    return word[0] != '\0' && strlen(word) < 64 && strspn(word, ALPHABET) == strlen(word)
               ? CAIRN_OK
               : CAIRN_FAIL(&cli->err, CAIRN_E_USAGE, "usage", "%s: letters and digits only", what);
}

static CAIRN_RC need_digest(struct cairn_cli *cli, const char *text)
{
    return cairn_fleet_is_digest(text)
               ? CAIRN_OK
               : CAIRN_FAIL(&cli->err, CAIRN_E_USAGE, "usage", "devices, orders and enrolments are named by 64 hex digits");
}

static CAIRN_RC list(struct cairn_cli *cli, int argc, char **argv, int *exit_code)
{
    CAIRN_FLEET fleet = {.client = NULL};
    const char *tier = NULL, *life = NULL;
    char query[160] = "";
    json_t *rows = NULL;
    const struct cairn_option options[] = {
        CAIRN_FLEET_OPTIONS(&fleet), {.name = "--tier", .value = &tier}, {.name = "--life", .value = &life}, {.name = NULL}};
    struct cairn_args args = {.options = options};
    CAIRN_TRY(cairn_args_parse(&args, argc, argv, &cli->err));
    if (tier != NULL) {
        CAIRN_TRY(plain_word(cli, "--tier", tier));
    }
    if (life != NULL) {
        CAIRN_TRY(plain_word(cli, "--life", life));
    }
    (void)snprintf(query, sizeof query, "%s%s%s%s", tier != NULL ? "&tier=" : "", tier != NULL ? tier : "",
                   life != NULL ? "&life=" : "", life != NULL ? life : "");
    CAIRN_TRY(cairn_fleet_open(cli, &fleet));
    CAIRN_TRY(cairn_fleet_list(cli, &fleet, "/v1/devices", query, "devices", &rows));
    *exit_code = 0;
    return cairn_fleet_table(cli, "devices", rows);
}

/* The lists without a filter. */
static CAIRN_RC list_all(struct cairn_cli *cli, int argc, char **argv, int *exit_code, const char *path, const char *member)
{
    CAIRN_FLEET fleet = {.client = NULL};
    json_t *rows = NULL;
    const struct cairn_option options[] = {CAIRN_FLEET_OPTIONS(&fleet), {.name = NULL}};
    struct cairn_args args = {.options = options};
    CAIRN_TRY(cairn_args_parse(&args, argc, argv, &cli->err));
    CAIRN_TRY(cairn_fleet_open(cli, &fleet));
    CAIRN_TRY(cairn_fleet_list(cli, &fleet, path, "", member, &rows));
    *exit_code = 0;
    return cairn_fleet_table(cli, member, rows);
}

static CAIRN_RC orders(struct cairn_cli *cli, int argc, char **argv, int *exit_code)
{
    return list_all(cli, argc, argv, exit_code, "/v1/orders", "orders");
}

static CAIRN_RC certificates(struct cairn_cli *cli, int argc, char **argv, int *exit_code)
{
    return list_all(cli, argc, argv, exit_code, "/v1/certificates", "certificates");
}

static CAIRN_RC enrolments(struct cairn_cli *cli, int argc, char **argv, int *exit_code)
{
    return list_all(cli, argc, argv, exit_code, "/v1/enrolments", "enrolments");
}

static CAIRN_RC audit(struct cairn_cli *cli, int argc, char **argv, int *exit_code)
{
    CAIRN_FLEET fleet = {.client = NULL};
    CAIRN_CLIENT_REPLY reply = {.status = 0};
    const char *after = NULL, *limit = NULL;
    uint64_t from = 0, num = 100;
    char path[96] = "";
    json_t *page = NULL;
    const struct cairn_option options[] = {CAIRN_FLEET_OPTIONS(&fleet),
                                           {.name = "--after", .value = &after},
                                           {.name = "--limit", .value = &limit},
                                           {.name = NULL}};
    struct cairn_args args = {.options = options};
    CAIRN_TRY(cairn_args_parse(&args, argc, argv, &cli->err));
    CAIRN_TRY(cairn_number_parse("--after", after, 0, CAIRN_NUMBER_MAX, &from, &cli->err));
    CAIRN_TRY(cairn_number_parse("--limit", limit, 1, 1000, &num, &cli->err));
    (void)snprintf(path, sizeof path, "/v1/audit?after=%llu&limit=%llu", (unsigned long long)from, (unsigned long long)num);
    CAIRN_TRY(cairn_fleet_open(cli, &fleet));
    CAIRN_TRY(cairn_fleet_get(cli, &fleet, path, JSON_TYPE, &reply));
    CAIRN_TRY(cairn_json_parse(cairn_json_trim_newline(cairn_buf_span(&reply.body)), CAIRN_FLEET_REPLY_MAX, false,
                               "the audit log", &page, &cli->err));
    *exit_code = 0;
    if (cli->json) {
        return cairn_cli_print(cli, page, "%s", "");
    }
    const char *name = NULL;
    json_t *value = NULL;
    CAIRN_JSON *owned = page;
    json_object_foreach(owned, name, value)
    {
        if (json_is_array(value)) {
            return cairn_fleet_table(cli, name, json_incref(value));
        }
    }
    return CAIRN_FAIL(&cli->err, CAIRN_E_SERVER, "reply.list", "the server's reply holds no list");
}

static CAIRN_RC show(struct cairn_cli *cli, int argc, char **argv, int *exit_code)
{
    CAIRN_FLEET fleet = {.client = NULL};
    CAIRN_CLIENT_REPLY reply = {.status = 0};
    const char *id = NULL;
    char path[96] = "";
    json_t *object = NULL;
    const struct cairn_option options[] = {CAIRN_FLEET_OPTIONS(&fleet), {.name = NULL}};
    struct cairn_args args = {.options = options, .positional = &id, .min_positional = 1, .max_positional = 1};
    CAIRN_TRY(cairn_args_parse(&args, argc, argv, &cli->err));
    CAIRN_TRY(need_digest(cli, id));
    CAIRN_TRY(cairn_fleet_open(cli, &fleet));
    (void)snprintf(path, sizeof path, "/v1/devices/%s", id);
    CAIRN_TRY(cairn_fleet_get(cli, &fleet, path, JSON_TYPE, &reply));
    CAIRN_TRY(cairn_json_parse(cairn_json_trim_newline(cairn_buf_span(&reply.body)), CAIRN_FLEET_REPLY_MAX, false, "the device",
                               &object, &cli->err));
    *exit_code = 0;
    return cairn_fleet_object(cli, object);
}

static CAIRN_RC get(struct cairn_cli *cli, int argc, char **argv, int *exit_code)
{
    static const struct {
        const char *name, *type;
    } FILES[] = {{"statement", CAIRN_TYPE_STATEMENT},
                 {"receipt", CAIRN_TYPE_RECEIPT},
                 {"kill", CAIRN_TYPE_KILL},
                 {"certificate", CAIRN_TYPE_CERTIFICATE}};
    CAIRN_FLEET fleet = {.client = NULL};
    CAIRN_CLIENT_REPLY reply = {.status = 0};
    const char *what[2] = {NULL, NULL}, *out = NULL, *type = NULL;
    char path[128] = "";
    const struct cairn_option options[] = {CAIRN_FLEET_OPTIONS(&fleet), {.name = "-o", .value = &out}, {.name = NULL}};
    struct cairn_args args = {.options = options, .positional = what, .min_positional = 2, .max_positional = 2};
    CAIRN_TRY(cairn_args_parse(&args, argc, argv, &cli->err));
    CAIRN_TRY(need_digest(cli, what[0]));
    for (size_t i = 0; i < CAIRN_ARRAY_LEN(FILES); i++) {
        type = strcmp(what[1], FILES[i].name) == 0 ? FILES[i].type : type;
    }
    if (type == NULL) {
        return CAIRN_FAIL(&cli->err, CAIRN_E_USAGE, "usage", "what is to be had: statement, receipt, kill, certificate");
    }
    CAIRN_TRY(cairn_fleet_open(cli, &fleet));
    (void)snprintf(path, sizeof path, "/v1/devices/%s/%s", what[0], what[1]);
    CAIRN_TRY(cairn_fleet_get(cli, &fleet, path, type, &reply));
    *exit_code = 0;
    return cairn_cli_write_document(cli, out, cairn_buf_span(&reply.body));
}

/* A call without a body on one thing: /v1/KIND/ID/VERB. */
static CAIRN_RC act(struct cairn_cli *cli, int argc, char **argv, int *exit_code, const char *kind, const char *verb)
{
    CAIRN_FLEET fleet = {.client = NULL};
    CAIRN_CLIENT_REPLY reply = {.status = 0};
    const char *id = NULL;
    char path[128] = "";
    const struct cairn_option options[] = {CAIRN_FLEET_OPTIONS(&fleet), {.name = NULL}};
    struct cairn_args args = {.options = options, .positional = &id, .min_positional = 1, .max_positional = 1};
    CAIRN_TRY(cairn_args_parse(&args, argc, argv, &cli->err));
    CAIRN_TRY(need_digest(cli, id));
    CAIRN_TRY(cairn_fleet_open(cli, &fleet));
    (void)snprintf(path, sizeof path, "/v1/%s/%s/%s", kind, id, verb);
    CAIRN_TRY(cairn_fleet_post(cli, &fleet, path, NULL, cairn_span(NULL, 0), &reply));
    *exit_code = 0;
    return cairn_cli_print(cli, json_pack("{s:s}", "done", verb), "%s: %s\n", verb, id);
}

#define ACT(name, kind)                                                                                                        \
    static CAIRN_RC name(struct cairn_cli *cli, int argc, char **argv, int *exit_code)                                         \
    {                                                                                                                          \
        return act(cli, argc, argv, exit_code, kind, #name);                                                                   \
    }
ACT(refuse, "enrolments")
ACT(clear, "devices")
ACT(ticket, "devices")
ACT(hold, "orders")
ACT(resume, "orders")
ACT(cancel, "orders")

/* {"order": DIGEST}: what hold, resume and cancel take. */
static CAIRN_RC read_order(struct cairn_cli *cli, const struct cairn_client_reply *reply, char out[HEX_LEN + 1])
{
    CAIRN_JSON *json = NULL;
    uint8_t digest[CAIRN_SHA256_LEN] = {0};
    CAIRN_TRY(cairn_json_parse(cairn_json_trim_newline(cairn_buf_span(&reply->body)), CAIRN_REPLY_SMALL_MAX, true, "reply",
                               &json, &cli->err));
    struct cairn_obj o = cairn_obj(json, "reply", &cli->err);
    cairn_obj_hex(&o, "order", digest, sizeof digest);
    CAIRN_TRY(cairn_obj_done(&o));
    cairn_hex_encode(CAIRN_SPAN(digest), out);
    return CAIRN_OK;
}

static CAIRN_RC submit(struct cairn_cli *cli, int argc, char **argv, int *exit_code)
{
    CAIRN_FLEET fleet = {.client = NULL};
    CAIRN_CLIENT_REPLY reply = {.status = 0};
    CAIRN_BUF order = {0};
    const char *in = NULL;
    char digest[HEX_LEN + 1] = "";
    const struct cairn_option options[] = {CAIRN_FLEET_OPTIONS(&fleet), {.name = NULL}};
    struct cairn_args args = {.options = options, .positional = &in, .min_positional = 1, .max_positional = 1};
    CAIRN_TRY(cairn_args_parse(&args, argc, argv, &cli->err));
    CAIRN_TRY(cairn_cli_read(cli, in, &order));
    CAIRN_TRY(cairn_fleet_open(cli, &fleet));
    CAIRN_TRY(cairn_fleet_post(cli, &fleet, "/v1/orders", CAIRN_TYPE_ORDER, cairn_buf_span(&order), &reply));
    CAIRN_TRY(read_order(cli, &reply, digest));
    *exit_code = 0;
    return cairn_cli_print(cli, json_pack("{s:s}", "order", digest), "the server has the order %s\n", digest);
}

#define WHO "--server URL [--ca FILE] (--token-file FILE | --cert FILE --key-file FILE)"
const struct cairn_command cairn_commands_fleet[] = {
    {.noun = "fleet",
     .verb = "list",
     .synopsis = "[--tier T] [--life L] " WHO,
     .help = "The server's devices. What every `cairn fleet` takes:\n"
             "  --server URL       https://host[:port]\n"
             "  --ca FILE          PEM of who may issue the server's certificate (the system's)\n"
             "  --pin PIN          sha256//BASE64 of the server's public key, beside the CA\n"
             "  --proxy URL        http://host:port (none; the environment is not asked)\n"
             "  --token-file FILE  your token, one line; the file of mode 0600\n"
             "  --cert FILE, --key-file FILE  or your certificate and its key, mode 0600",
     .run = list},
    {.noun = "fleet", .verb = "show", .synopsis = "DEVICE " WHO, .help = "One device, with its last report.", .run = show},
    {.noun = "fleet", .verb = "enrolments", .synopsis = WHO, .help = "Devices that wait to be enrolled.", .run = enrolments},
    {.noun = "fleet",
     .verb = "approve",
     .synopsis = "--root root.dsse --ek-ca DIR --key H-enrol.key --dir DIR [--once | --watch] [--yes] " WHO,
     .help = "The enroller's desk: answers requests with challenges, judges the answers, shows serial and tag, and signs the\n"
             "statements. The secret of a challenge stays here.\n"
             "  --ek-ca DIR  *.pem of the TPM makers that are trusted\n"
             "  --dir DIR    what waits, mode 0700: secrets, good for one try each\n"
             "  --once       one look at what waits (default); --watch: go on until interrupted\n"
             "  --yes        sign without asking: for a site where every device that can ask is to be enrolled",
     .run = cairn_fleet_approve},
    {.noun = "fleet", .verb = "refuse", .synopsis = "ENROLMENT " WHO, .help = "Ends an enrolment that waits.", .run = refuse},
    {.noun = "fleet",
     .verb = "clear",
     .synopsis = "DEVICE " WHO,
     .help = "Clears a sticky failure: the next report is judged by itself.",
     .run = clear},
    {.noun = "fleet",
     .verb = "ticket",
     .synopsis = "DEVICE " WHO,
     .help = "Allows one new enrolment and first grant of a known TPM.",
     .run = ticket},
    {.noun = "fleet",
     .verb = "submit",
     .synopsis = "order.dsse " WHO,
     .help = "Gives the server a signed order, to be brought to its devices.",
     .run = submit},
    {.noun = "fleet", .verb = "orders", .synopsis = WHO, .help = "Orders and where they stand.", .run = orders},
    {.noun = "fleet", .verb = "hold", .synopsis = "ORDER " WHO, .help = "Legal hold: no release.", .run = hold},
    {.noun = "fleet", .verb = "resume", .synopsis = "ORDER " WHO, .help = "Ends a hold.", .run = resume},
    {.noun = "fleet", .verb = "cancel", .synopsis = "ORDER " WHO, .help = "Cancels an order for ever.", .run = cancel},
    {.noun = "fleet", .verb = "certificates", .synopsis = WHO, .help = "Certificates and their grades.", .run = certificates},
    {.noun = "fleet",
     .verb = "get",
     .synopsis = "DEVICE statement|receipt|kill|certificate [-o FILE] " WHO,
     .help = "Gets a device's file. Verify it: `cairn certificate verify`, `cairn receipt verify`, `cairn kill verify`.",
     .run = get},
    {.noun = "fleet",
     .verb = "audit",
     .synopsis = "[--after SEQ] [--limit N] " WHO,
     .help = "The hash-chained log, from the entry behind SEQ (0), at most N (100).",
     .run = audit},
    {.noun = NULL},
};
