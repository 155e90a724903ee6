/* wipe/release.c -- see wipe/release.h. Trust boundary: a token is a file from anywhere until role verifier has signed it, and
 * even then it counts for one device, one order and one nonce. */
#include "wipe/release.h"

enum cairn_rc cairn_release_payload(const struct cairn_release *release, struct cairn_buf *out, struct cairn_err *err)
{
    CAIRN_JSON *o = json_object();
    CAIRN_TRY(cairn_json_set_uint(o, "v", 1, err));
    CAIRN_TRY(cairn_json_set_hex(o, "fleet", CAIRN_SPAN(release->fleet), err));
    CAIRN_TRY(cairn_json_set_hex(o, "device", CAIRN_SPAN(release->device), err));
    CAIRN_TRY(cairn_json_set_hex(o, "ak", cairn_name_span(&release->ak), err));
    CAIRN_TRY(cairn_json_set_hex(o, "order", CAIRN_SPAN(release->order), err));
    CAIRN_TRY(cairn_json_set_hex(o, "nonce", CAIRN_SPAN(release->nonce), err));
    CAIRN_TRY(cairn_json_set_uint(o, "issued", release->issued_s, err));
    CAIRN_TRY(cairn_json_set_uint(o, "expires", release->expires_s, err));
    return cairn_json_write(o, out, err);
}

static CAIRN_RC parse(struct cairn_span payload, struct cairn_release *out, struct cairn_err *err)
{
    CAIRN_JSON *json = NULL;
    CAIRN_TRY(cairn_json_parse(payload, CAIRN_FILE_MAX, true, "release", &json, err));
    struct cairn_obj o = cairn_obj(json, "release", err);
    if (cairn_obj_uint(&o, "v", 1) != 1) {
        cairn_obj_fail(&o, "v", "not 1");
    }
    cairn_obj_hex(&o, "fleet", out->fleet, sizeof out->fleet);
    cairn_obj_hex(&o, "device", out->device, sizeof out->device);
    cairn_obj_hex(&o, "ak", out->ak.bytes, sizeof out->ak.bytes);
    cairn_obj_hex(&o, "order", out->order, sizeof out->order);
    cairn_obj_hex(&o, "nonce", out->nonce, sizeof out->nonce);
    out->issued_s = cairn_obj_uint(&o, "issued", CAIRN_DATE_MAX);
    out->expires_s = cairn_obj_uint(&o, "expires", CAIRN_DATE_MAX);
    return cairn_obj_done(&o);
}

static CAIRN_RC check_device(const struct cairn_release *release, const struct cairn_statement *statement,
                             struct cairn_err *err)
{
    if (!cairn_span_equal(CAIRN_SPAN(release->fleet), CAIRN_SPAN(statement->fleet))) {
        return CAIRN_FAIL(err, CAIRN_E_REFUSED, "release.fleet", "the release is for another fleet than this device's");
    }
    if (!cairn_span_equal(CAIRN_SPAN(release->device), CAIRN_SPAN(statement->device))) {
        return CAIRN_FAIL(err, CAIRN_E_REFUSED, "release.device", "the release is for another device than this one");
    }
    if (!cairn_name_equal(&release->ak, &statement->ak_name)) {
        return CAIRN_FAIL(err, CAIRN_E_REFUSED, "release.ak", "the release names another attestation key for this device");
    }
    return CAIRN_OK;
}

/* Only the device's own time decides, and only against the token: a server's jumps neither end nor revive anything. */
static CAIRN_RC check_dates(const struct cairn_release *release, uint64_t now_s, struct cairn_err *err)
{
    if (release->expires_s <= release->issued_s || release->expires_s - release->issued_s > CAIRN_RELEASE_LIFE_S) {
        return CAIRN_FAIL(err, CAIRN_E_REFUSED, "release.dates", "the release is not for at most %d seconds",
                          CAIRN_RELEASE_LIFE_S);
    }
    if (now_s > release->expires_s) {
        return CAIRN_FAIL(err, CAIRN_E_REFUSED, "release.expired",
                          "the release expired: ask for another (cairn wipe ask ORDER), or set this device's clock");
    }
    return CAIRN_OK;
}

enum cairn_rc cairn_release_open(const struct cairn_root *root, struct cairn_span file, const struct cairn_order *order,
                                 const struct cairn_statement *statement, const uint8_t nonce[32], uint64_t now_s,
                                 struct cairn_err *err)
{
    CAIRN_BUF payload = {0};
    struct cairn_release release = {0};
    CAIRN_TRY(cairn_root_open_signed(root, file, CAIRN_TYPE_RELEASE, CAIRN_ROLE_VERIFIER, "release", now_s, &payload, err));
    CAIRN_TRY(parse(cairn_buf_span(&payload), &release, err));
    CAIRN_TRY(check_device(&release, statement, err));
    if (!cairn_span_equal(CAIRN_SPAN(release.order), CAIRN_SPAN(order->digest))) {
        return CAIRN_FAIL(err, CAIRN_E_REFUSED, "release.order", "the release is for another order than this one");
    }
    if (!cairn_span_equal(CAIRN_SPAN(release.nonce), cairn_span(nonce, sizeof release.nonce))) {
        return CAIRN_FAIL(err, CAIRN_E_REFUSED, "release.nonce",
                          "the release does not answer this device's last question: send that one to the server");
    }
    return check_dates(&release, now_s, err);
}

enum cairn_rc cairn_release_ask_write(const struct cairn_release_ask *ask, struct cairn_buf *out, struct cairn_err *err)
{
    CAIRN_JSON *o = json_object();
    CAIRN_TRY(cairn_json_set_hex(o, "device", CAIRN_SPAN(ask->device), err));
    CAIRN_TRY(cairn_json_set_hex(o, "order", CAIRN_SPAN(ask->order), err));
    CAIRN_TRY(cairn_json_set_hex(o, "nonce", CAIRN_SPAN(ask->nonce), err));
    CAIRN_BUF text = {0};
    CAIRN_TRY(cairn_json_write(o, &text, err));
    CAIRN_TRY(cairn_buf_append(&text, cairn_span_str("\n"), err));
    return cairn_buf_append(out, cairn_buf_span(&text), err);
}

enum cairn_rc cairn_release_ask_read(struct cairn_span file, struct cairn_release_ask *out, struct cairn_err *err)
{
    CAIRN_JSON *json = NULL;
    struct cairn_release_ask ask = {0};
    CAIRN_TRY(cairn_json_parse(cairn_json_trim_newline(file), CAIRN_RELEASE_ASK_MAX, true, "release question", &json, err));
    struct cairn_obj o = cairn_obj(json, "release question", err);
    cairn_obj_hex(&o, "device", ask.device, sizeof ask.device);
    cairn_obj_hex(&o, "order", ask.order, sizeof ask.order);
    cairn_obj_hex(&o, "nonce", ask.nonce, sizeof ask.nonce);
    CAIRN_TRY(cairn_obj_done(&o));
    *out = ask;
    return CAIRN_OK;
}

enum cairn_rc cairn_release_for(const struct cairn_release_ask *ask, const struct cairn_order *order,
                                const struct cairn_statement *statement, uint64_t now_s, struct cairn_release *out,
                                struct cairn_err *err)
{
    struct cairn_release release = {.ak = statement->ak_name, .issued_s = now_s, .expires_s = now_s + CAIRN_RELEASE_LIFE_S};
    if (!order->online) {
        return CAIRN_FAIL(err, CAIRN_E_REFUSED, "order.delivery", "the order is for offline delivery: it needs no release");
    }
    if (!cairn_span_equal(CAIRN_SPAN(ask->device), CAIRN_SPAN(statement->device))) {
        return CAIRN_FAIL(err, CAIRN_E_REFUSED, "release.device", "another device asks than the statement names");
    }
    if (!cairn_span_equal(CAIRN_SPAN(ask->order), CAIRN_SPAN(order->digest))) {
        return CAIRN_FAIL(err, CAIRN_E_REFUSED, "release.order", "the device asks about another order than this one");
    }
    cairn_copy(release.fleet, statement->fleet, sizeof release.fleet);
    cairn_copy(release.device, statement->device, sizeof release.device);
    cairn_copy(release.order, order->digest, sizeof release.order);
    cairn_copy(release.nonce, ask->nonce, sizeof release.nonce);
    *out = release;
    return CAIRN_OK;
}
