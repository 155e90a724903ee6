/* cli/cmd_order.c -- cairn order: draft, sign and verify the order that ends a device's life.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "authority/sign.h"
#include "cli/number.h"
#include "cli/tables.h"
#include "core/clock.h"
#include "provision/receipt.h"
#include "wipe/order.h"

enum { DEFAULT_DAYS = 30, MAX_DAYS = 366, DAY_S = 86400 };

struct create_args {
    const char *root, *statement, *receipt, *reason, *holds, *min_grade, *days, *window, *delivery, *out;
};

/* Where the counter stands: as the last receipt certifies it, or as enrolled when there was none. */
static CAIRN_RC last_epoch(struct cairn_cli *cli, const char *path, const struct cairn_statement *statement, uint64_t *out)
{
    CAIRN_BUF file = {0};
    struct cairn_receipt receipt = {0};
    if (path == NULL) {
        *out = statement->epoch_value;
        return CAIRN_OK;
    }
    CAIRN_TRY(cairn_cli_read(cli, path, &file));
    CAIRN_TRY(cairn_cli_named(cli, path, cairn_receipt_verify(cairn_buf_span(&file), statement, NULL, &receipt, &cli->err)));
    *out = receipt.to;
    return CAIRN_OK;
}

static CAIRN_RC fill_device(struct cairn_cli *cli, const struct create_args *a, const struct cairn_statement *s,
                            struct cairn_order *order)
{
    uint64_t window = 0;
    CAIRN_TRY(cairn_number_parse("--window", a->window, 0, CAIRN_ORDER_MAX_WINDOW, &window, &cli->err));
    order->devices = calloc(1, sizeof *order->devices);
    if (order->devices == NULL) {
        return CAIRN_FAIL(&cli->err, CAIRN_E_IO, "memory", "no memory for an order");
    }
    struct cairn_order_device *d = order->devices;
    order->num_devices = 1;
    cairn_copy(d->device, s->device, CAIRN_SHA256_LEN);
    d->ak = s->ak_name;
    (void)snprintf(d->serial, sizeof d->serial, "%s", s->serial);
    (void)snprintf(d->tag, sizeof d->tag, "%s", s->tag);
    CAIRN_TRY(last_epoch(cli, a->receipt, s, &d->epoch_from));
    d->epoch_to = d->epoch_from + window;
    return CAIRN_OK;
}

static CAIRN_RC fill_words(struct cairn_cli *cli, const struct create_args *a, struct cairn_order *order)
{
    uint64_t days = DEFAULT_DAYS;
    CAIRN_TRY(cairn_number_parse("--days", a->days, 0, MAX_DAYS, &days, &cli->err));
    const char *grade = a->min_grade != NULL ? a->min_grade : "C";
    if (strlen(grade) != 1 || grade[0] < 'A' || grade[0] > 'D') {
        return CAIRN_FAIL(&cli->err, CAIRN_E_USAGE, "usage", "--min-grade is A, B, C or D");
    }
    if (a->delivery != NULL && strcmp(a->delivery, "online") != 0 && strcmp(a->delivery, "offline") != 0) {
        return CAIRN_FAIL(&cli->err, CAIRN_E_USAGE, "usage", "--delivery is offline or online");
    }
    order->online = a->delivery != NULL && strcmp(a->delivery, "online") == 0;
    if (strcmp(a->holds, "none") != 0) {
        return CAIRN_FAIL(&cli->err, CAIRN_E_REFUSED, "order.holds",
                          "say --holds none once you know that no legal hold stands; a held device is not retired");
    }
    if (!cairn_text_is_plain(a->reason, sizeof order->reason)) {
        return CAIRN_FAIL(&cli->err, CAIRN_E_USAGE, "usage",
                          "--reason is 1 to %d plain characters without quotes and backslash", CAIRN_REASON_MAX - 1);
    }
    order->min_grade = grade[0];
    (void)snprintf(order->reason, sizeof order->reason, "%s", a->reason);
    (void)snprintf(order->standard, sizeof order->standard, "%s", CAIRN_ORDER_STANDARD);
    order->issued_s = cli->now_s;
    order->expires_s = cli->now_s + days * DAY_S + 1;
    return cairn_random(order->challenge, sizeof order->challenge, &cli->err);
}

static CAIRN_RC create(struct cairn_cli *cli, const struct create_args *a)
{
    CAIRN_ROOT *root = NULL;
    CAIRN_ORDER order = {0};
    CAIRN_ORDER again = {0};
    CAIRN_BUF text = {0};
    struct cairn_statement statement = {0};
    CAIRN_TRY(cairn_cli_root(cli, a->root, &root));
    CAIRN_TRY(cairn_cli_statement(cli, root, a->statement, cli->now_s, &statement));
    cairn_copy(order.fleet, statement.fleet, CAIRN_SHA256_LEN);
    (void)snprintf(order.device_class, sizeof order.device_class, "%s", statement.device_class);
    order.root_version = cairn_root_version(root);
    CAIRN_TRY(fill_words(cli, a, &order));
    CAIRN_TRY(fill_device(cli, a, &statement, &order));
    CAIRN_TRY(cairn_order_payload(&order, &text, &cli->err));
    CAIRN_TRY(cairn_order_parse(cairn_buf_span(&text), &again, &cli->err));
    CAIRN_TRY(cairn_buf_append(&text, cairn_span_str("\n"), &cli->err));
    return cairn_cli_write_document(cli, a->out, cairn_buf_span(&text));
}

static CAIRN_RC order_create(struct cairn_cli *cli, int argc, char **argv, int *exit_code)
{
    struct create_args a = {0};
    const struct cairn_option options[] = {{.name = "--root", .value = &a.root, .required = true},
                                           {.name = "--statement", .value = &a.statement, .required = true},
                                           {.name = "--receipt", .value = &a.receipt},
                                           {.name = "--reason", .value = &a.reason, .required = true},
                                           {.name = "--holds", .value = &a.holds, .required = true},
                                           {.name = "--min-grade", .value = &a.min_grade},
                                           {.name = "--days", .value = &a.days},
                                           {.name = "--window", .value = &a.window},
                                           {.name = "--delivery", .value = &a.delivery},
                                           {.name = "-o", .value = &a.out},
                                           {.name = NULL}};
    struct cairn_args args = {.options = options};
    CAIRN_TRY(cairn_args_parse(&args, argc, argv, &cli->err));
    *exit_code = 0;
    return create(cli, &a);
}

/* What the signer sees before the key is used: labels a person can compare with the device (CHECKS 51). */
static CAIRN_RC show(struct cairn_cli *cli, const struct cairn_order *order, const char *verdict)
{
    char expires[21];
    cairn_clock_format(order->expires_s, expires);
    CAIRN_JSON *devices = json_array();
    CAIRN_BUF text = {0};
    for (size_t i = 0; i < order->num_devices; i++) {
        const struct cairn_order_device *d = &order->devices[i];
        char line[320];
        char id[65];
        cairn_hex_encode(CAIRN_SPAN(d->device), id);
        CAIRN_TRY(
            cairn_json_add(devices, json_pack("{s:s, s:s, s:s}", "device", id, "serial", d->serial, "tag", d->tag), &cli->err));
        (void)snprintf(line, sizeof line, "  serial %s, tag %s, epochs %" PRIu64 " to %" PRIu64 ", device %s\n", d->serial,
                       d->tag, d->epoch_from, d->epoch_to, id);
        CAIRN_TRY(cairn_buf_append(&text, cairn_span_str(line), &cli->err));
    }
    const char grade[2] = {order->min_grade, '\0'};
    const char *delivery = order->online ? "online" : "offline";
    json_t *object = json_pack("{s:s, s:s, s:s, s:s, s:s, s:O}", "order", verdict, "reason", order->reason, "min_grade", grade,
                               "delivery", delivery, "expires", expires, "devices", devices);
    return cairn_cli_print(cli, object,
                           "%s: retire %zu device(s) of class %s, %s, at least grade %c, until %s, because: %s\n%.*s", verdict,
                           order->num_devices, order->device_class, delivery, order->min_grade, expires, order->reason,
                           (int)text.len, (const char *)text.p);
}

static CAIRN_RC check_order(struct cairn_cli *cli, struct cairn_span payload, void *order)
{
    return cairn_order_parse(payload, order, &cli->err);
}

static CAIRN_RC order_sign(struct cairn_cli *cli, int argc, char **argv, int *exit_code)
{
    CAIRN_ORDER order = {0};
    struct cairn_signing signing = {.type = CAIRN_TYPE_ORDER, .check = check_order, .arg = &order};
    CAIRN_TRY(cairn_cli_sign(cli, argc, argv, &signing));
    *exit_code = 0;
    return signing.to_file ? show(cli, &order, "signed") : CAIRN_OK;
}

static CAIRN_RC order_verify(struct cairn_cli *cli, int argc, char **argv, int *exit_code)
{
    const char *root_path = NULL;
    const char *statement_path = NULL;
    const char *in = NULL;
    CAIRN_ROOT *root = NULL;
    CAIRN_BUF file = {0};
    CAIRN_ORDER order = {0};
    struct cairn_statement statement = {0};
    const struct cairn_order_device *entry = NULL;
    const struct cairn_option options[] = {{.name = "--root", .value = &root_path, .required = true},
                                           {.name = "--statement", .value = &statement_path},
                                           {.name = NULL}};
    struct cairn_args args = {.options = options, .positional = &in, .min_positional = 1, .max_positional = 1};
    CAIRN_TRY(cairn_args_parse(&args, argc, argv, &cli->err));
    CAIRN_TRY(cairn_cli_root(cli, root_path, &root));
    CAIRN_TRY(cairn_cli_read(cli, in, &file));
    CAIRN_TRY(cairn_cli_named(cli, in, cairn_order_open(root, cairn_buf_span(&file), cli->now_s, &order, &cli->err)));
    if (statement_path != NULL) {
        CAIRN_TRY(cairn_cli_statement(cli, root, statement_path, cli->now_s, &statement));
        CAIRN_TRY(cairn_order_for(&order, &statement, &entry, &cli->err));
    }
    *exit_code = 0;
    return show(cli, &order, "valid");
}

const struct cairn_command cairn_commands_order[] = {
    {.noun = "order",
     .verb = "create",
     .synopsis =
         "--root root.dsse --statement statement.dsse [--receipt receipt.json] --reason TEXT --holds none [-o order.json]",
     .help = "Drafts the order to retire one device, at the epoch its last receipt shows.\n"
             "  --root FILE        the fleet's root\n"
             "  --statement FILE   the device's enrolment statement\n"
             "  --receipt FILE     its last receipt; without one, the epoch of its enrolment\n"
             "  --reason TEXT      goes into order and certificate\n"
             "  --holds none       your word that no legal hold stands\n"
             "  --delivery HOW     offline (default), or online: the device then waits for a server's release\n"
             "  --min-grade G      the device refuses to begin when it cannot reach this (default C)\n"
             "  --window N         accept N more epochs, at most 16 (default 0)\n"
             "  --days N           validity (default 30)",
     .run = order_create},
    {.noun = "order",
     .verb = "sign",
     .synopsis = "order.json|order.dsse --key H-retire.key [-o order.dsse]",
     .help = "Signs an order, or adds a second holder's signature, and shows what was signed.",
     .run = order_sign},
    {.noun = "order",
     .verb = "verify",
     .synopsis = "order.dsse --root root.dsse [--statement statement.dsse]",
     .help = "Verifies an order: enough holders, its dates, and (with a statement) that it names this device.",
     .run = order_verify},
    {.noun = NULL},
};
