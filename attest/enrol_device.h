/* attest/enrol_device.h -- the device's side of becoming known: init, request, answer, accept.
 *
 * The device keeps three files in its state directory: root.dsse (pinned once), enrol.request (what it asked, so that it
 * answers for exactly that), statement.dsse (who it is from then on). Source: DESIGN 8; RECORD (first provisioning).
 */
#ifndef CAIRN_ATTEST_ENROL_DEVICE_H
#define CAIRN_ATTEST_ENROL_DEVICE_H

#include "attest/enrolment.h"
#include "storage/identity_device.h"

#define CAIRN_ENROL_REQUEST_FILE "enrol.request"

/* struct cairn_enrol_place: what the configuration says of this device. Borrowed. */
struct cairn_enrol_place {
    struct cairn_fs *state;
    struct cairn_tpm *tpm;
    uint32_t epoch, anchor[2]; /* NV indices */
    const char *serial, *tag, *site;
    uint64_t now_s;
};
/* cairn_enrol_init verifies `root_file` at now_s, pins it durably, then makes SRK, AK and epoch counter of its fleet. Again
 * with the same root: completes what is missing. CAIRN_E_REFUSED "root.replaced" (another root is pinned), root.*; tpm.*. */
CAIRN_RC cairn_enrol_init(const struct cairn_enrol_place *place, struct cairn_span root_file, struct cairn_err *err);
/* cairn_enrol_request gives the request file and keeps it. `extra`: a DER certificate that is not in the TPM (may be empty).
 * CAIRN_E_REFUSED "enrolment.label" (serial, tag or site cannot be printed), "enrolment.other" (already enrolled); tpm.*. */
CAIRN_RC cairn_enrol_request(const struct cairn_enrol_place *place, const struct cairn_identity *identity,
                             struct cairn_span extra, struct cairn_buf *out, struct cairn_err *err);
/* cairn_enrol_answer opens the credential and has the answer attested. CAIRN_E_REFUSED "enrolment.request.absent" (nothing was
 * asked), "enrolment.changed" (the TPM's keys are not those of the request), "enrolment.ak" (a challenge for another AK),
 * "credential.other"; tpm.*. */
CAIRN_RC cairn_enrol_answer(const struct cairn_enrol_place *place, const struct cairn_identity *identity,
                            struct cairn_span challenge, struct cairn_buf *out, struct cairn_err *err);
/* cairn_enrol_accept verifies a statement at now_s, compares it with this TPM (the counter by an authenticated read), and keeps
 * it durably. The same statement again is CAIRN_OK. CAIRN_E_REFUSED statement.*, "enrolment.device" (another TPM's),
 * "enrolment.epoch" (the counter is below the certified value), "enrolment.other" (enrolled with another statement); tpm.*. */
CAIRN_RC cairn_enrol_accept(const struct cairn_enrol_place *place, const struct cairn_identity *identity,
                            struct cairn_span statement, struct cairn_err *err);

#endif
