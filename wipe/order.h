/* wipe/order.h -- the order to retire: which devices, within which epochs, by whom, until when.
 *
 * Signed by distinct holders of role `retire`. What binds it is the device id, the AK's Name, serial and tag as enrolled, and a
 * window of counter values (CHECKS 43): an old order, or one for another device, opens nothing.
 *
 * Pure. Source: DESIGN 10; docs/formats.md "order".
 */
#ifndef CAIRN_WIPE_ORDER_H
#define CAIRN_WIPE_ORDER_H

#include "authority/statement.h"
#include "wipe/terms.h"

enum { CAIRN_ORDER_MAX_DEVICES = 64, CAIRN_ORDER_MAX_WINDOW = 16, CAIRN_REASON_MAX = 160 };
#define CAIRN_ORDER_STANDARD "NIST SP 800-88r2"

struct cairn_order_device {
    uint8_t device[32];
    struct cairn_name ak;
    char serial[CAIRN_LABEL_MAX], tag[CAIRN_LABEL_MAX];
    uint64_t epoch_from, epoch_to; /* accepted while the counter is in [from, to] */
};
struct cairn_order {
    uint8_t fleet[32];
    char device_class[CAIRN_CLASS_MAX];
    uint32_t root_version;
    uint8_t challenge[32];
    char reason[CAIRN_REASON_MAX];
    char standard[CAIRN_TERM_MAX];
    char min_grade; /* 'A' .. 'D': the device refuses to begin when its forecast is worse */
    bool online;    /* delivery "online": accepted only with a release token (wipe/release.h) */
    uint64_t issued_s, expires_s;
    size_t num_devices;
    struct cairn_order_device *devices; /* owned */
    uint8_t digest[32];                 /* SHA-256 of the payload; set by reading */
};
void cairn_order_clear(struct cairn_order *order);
#define CAIRN_ORDER CAIRN_CLEANUP(cairn_order_clear) struct cairn_order

/* cairn_order_payload appends the canonical payload (mode "retire", holds "none"). */
CAIRN_RC cairn_order_payload(const struct cairn_order *order, struct cairn_buf *out, struct cairn_err *err);
/* cairn_order_parse reads a payload; nobody's signature has been checked. CAIRN_E_FORMAT json.*; CAIRN_E_REFUSED
 * "order.mode" (not retire), "order.delivery" (neither offline nor online), "order.holds" (a legal hold stands), "order.window"
 * (to < from, or more than 16 apart), "order.dates" (expires before it is issued), "order.device.double" (one device twice). */
CAIRN_RC cairn_order_parse(struct cairn_span payload, struct cairn_order *out, struct cairn_err *err);
/* cairn_order_open verifies, then parses, an order file under `root`. `now_s` 0 judges no dates (a certificate's reader).
 * CAIRN_E_REFUSED "order.signer", "order.holders", "order.key.dates", "order.fleet", "order.class", "order.root" (made for
 * another root version), "order.expired", "order.early" (issued in the future); and cairn_order_parse's. */
CAIRN_RC cairn_order_open(const struct cairn_root *root, struct cairn_span file, uint64_t now_s, struct cairn_order *out,
                          struct cairn_err *err);
/* cairn_order_open_here is cairn_order_open on the device, whose clock may be behind: `*now_s` holds its time and is moved up
 * to the order's own issue time once the holders' signatures have verified (DESIGN 9; CHECKS 62). So the order is never early
 * here, and can still be expired. */
CAIRN_RC cairn_order_open_here(const struct cairn_root *root, struct cairn_span file, uint64_t *now_s, struct cairn_order *out,
                               struct cairn_err *err);
/* cairn_order_for finds the entry of the enrolled device. CAIRN_E_REFUSED "order.device" (not named: redirected), "order.ak",
 * "order.serial", "order.tag" (named, but with another key or label), "order.fleet", "order.class". *out borrows. */
CAIRN_RC cairn_order_for(const struct cairn_order *order, const struct cairn_statement *statement,
                         const struct cairn_order_device **out, struct cairn_err *err);
/* cairn_order_epoch: may an order first be accepted at this counter value? CAIRN_E_REFUSED "order.epoch". */
CAIRN_RC cairn_order_epoch(const struct cairn_order_device *entry, uint64_t counter, struct cairn_err *err);
/* cairn_order_floor = epoch_to + 2: what the counter must have reached, checkable from the order alone. */
uint64_t cairn_order_floor(const struct cairn_order_device *entry);

#endif
