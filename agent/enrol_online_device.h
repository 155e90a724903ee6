/* agent/enrol_online_device.h -- enrolment through the server: the same four files as by hand, carried by it.
 *
 * The server decides nothing here: the enroller does, with its own tool; the statement that comes back is verified against the
 * root that the image brought. Asking again gives the same: what was asked and answered is kept and sent again as it was.
 * Source: docs/protocol.md "Device". As root: it needs the state directory.
 */
#ifndef CAIRN_AGENT_ENROL_ONLINE_DEVICE_H
#define CAIRN_AGENT_ENROL_ONLINE_DEVICE_H

#include "attest/enrol_device.h"
#include "client/http_device.h"

struct cairn_enrol_online {
    struct cairn_enrol_place place;
    const struct cairn_identity *identity;
    struct cairn_client *client;
    const struct cairn_secret *token;             /* NULL: none */
    struct cairn_span certificate;                /* DER of an EK certificate that is not in the TPM; may be empty */
    uint64_t wait_s;                              /* how long to wait for the enroller; 0: ask once */
    void (*waiting)(void *arg, const char *what); /* told before each pause. May be NULL */
    void *arg;
};
/* cairn_enrol_online_run replaces `statement` by the statement, verified and kept in the state directory.
 * CAIRN_E_BUSY "enrolment.waits" (retry_after_s): the enroller has not answered; everything goes on with the next call.
 * CAIRN_E_REFUSED: the server's codes, cairn_enrol_request's, _answer's and _accept's; CAIRN_E_SERVER server.*, reply.*. */
CAIRN_RC cairn_enrol_online_run(const struct cairn_enrol_online *e, struct cairn_buf *statement, struct cairn_err *err);

#endif
