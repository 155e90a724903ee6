/* wipe/sequence_device.h -- the wipe, from the signed order to the certificate: each step durable before the next, forward
 * only.
 *
 * Files in the state directory: wipe.nonce (the last question about an online order), wipe.journal (which step is done),
 * wipe.order, wipe.plan, wipe.media (progress), wipe.start, wipe.kill, wipe.certificate; root.dsse and statement.dsse stand
 * beside them. None holds a secret and none is a target.
 * A cut at any instant is followed by cairn_wipe_resume, which verifies the stored order again and goes on.
 *
 * Source: DESIGN 10; RECORD (Kill), kept in docs/architecture.md.
 */
#ifndef CAIRN_WIPE_SEQUENCE_DEVICE_H
#define CAIRN_WIPE_SEQUENCE_DEVICE_H

#include "wipe/journal.h"
#include "wipe/kill_device.h"
#include "wipe/plan_device.h"
#include "wipe/release.h"
#include "wipe/tpm_erasure_device.h"

/* struct cairn_wipe_run is one call's surroundings; everything is borrowed. */
struct cairn_wipe_run {
    struct cairn_fs *state;
    struct cairn_fs *out; /* where documents are delivered */
    const char *out_path; /* remembered in the journal, for resume */
    const struct cairn_identity *identity;
    struct cairn_tpm *tpm; /* pinned */
    const struct cairn_wipe_settings *settings;
    uint32_t ak, srk; /* configured handles */
    bool lockout_auth_given;
    const char *tool;          /* "cairn 0.1.0" */
    struct cairn_span release; /* for cairn_wipe_accept: the token file of an online order; else empty */
    uint64_t now_s;            /* this device's clock, which may be behind */
    int consumer_wait_ms;
    bool (*stop)(void *arg); /* asked between durable steps; true: end here, resume later. May be NULL */
    void (*step)(void *arg, enum cairn_wipe_step done); /* told after each step. May be NULL */
    void *arg;
};
/* cairn_wipe_ask makes this device's question about an online order: `nonce`, 32 fresh random bytes, becomes the one that a
 * release must be over, durably, in the place of an earlier one. Appends the body of POST /v1/release to `out`. Uses `state`,
 * `identity` and `now_s` of the run. CAIRN_E_REFUSED "order.delivery" (an offline order needs no release),
 * "device.unenrolled", order.*; file.*. */
CAIRN_RC cairn_wipe_ask(const struct cairn_wipe_run *run, struct cairn_span order_file, const uint8_t nonce[32],
                        struct cairn_buf *out, struct cairn_err *err);
/* cairn_wipe_accept verifies the order file against root, device, counter and plan, and stores it: from here on the wipe only
 * goes forward. Accepting the same order again is CAIRN_OK, and needs no release. Acceptance uses the nonce up. CAIRN_E_REFUSED
 * order.*, "order.release" (an online order, and no release, or no question of this device that it could answer), release.*,
 * "order.grade" (the forecast is worse than the order's minimum), "order.old" (issued before the enrolment), "wipe.other"
 * (another order is being executed and can go on; one that cannot gives way), "wipe.retired" (this device is retired);
 * CAIRN_E_BUSY "wipe.target.open"; CAIRN_E_USAGE "wipe.out" (out_path is not plain text); CAIRN_E_TPM tpm.*; file.*. */
CAIRN_RC cairn_wipe_accept(const struct cairn_wipe_run *run, struct cairn_span order_file, struct cairn_err *err);
/* cairn_wipe_resume goes on after the last durable step, to the end. CAIRN_E_REFUSED "wipe.none" (nothing was accepted),
 * "order.epoch" (the counter is beyond what the order reaches), "wipe.replaced" (the stored order or plan is not the accepted
 * one); CAIRN_E_BUSY "wipe.interrupted" (stop said so), "wipe.consumer.alive"; "wipe.clear.disabled", "wipe.clear.auth";
 * tpm.*, file.*. After any error: put the cause right and resume. */
CAIRN_RC cairn_wipe_resume(const struct cairn_wipe_run *run, struct cairn_err *err);

/* cairn_wipe_journal reads the journal. *there false: no wipe was accepted for this enrolment. */
CAIRN_RC cairn_wipe_journal(struct cairn_fs *state, const struct cairn_identity *identity, bool *there,
                            struct cairn_journal *out, struct cairn_err *err);

#endif
