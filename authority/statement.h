/* authority/statement.h -- the enrolment statement: who this device is, signed by the enroller (role enrol).
 *
 * Keys and Names of a device come from here and from nowhere else; it travels in every order and certificate. Opening it checks
 * the signature, then every public area against its template, and computes the Names.
 *
 * Pure. Source: DESIGN 8 (enrolment); docs/formats.md "statement".
 */
#ifndef CAIRN_AUTHORITY_STATEMENT_H
#define CAIRN_AUTHORITY_STATEMENT_H

#include "authority/root.h"
#include "tpm_data/template.h"
#include "tpm_data/tpmdoc.h"

enum { CAIRN_LABEL_MAX = 64 }; /* serial, tag, site: printable ASCII without quotes and backslash */

struct cairn_statement {
    uint8_t fleet[32];
    uint8_t device[32];
    char device_class[CAIRN_CLASS_MAX];
    char serial[CAIRN_LABEL_MAX], tag[CAIRN_LABEL_MAX], site[CAIRN_LABEL_MAX];
    struct cairn_area ek, ak, srk, epoch, anchor[2]; /* public areas; indices with WRITTEN set */
    struct cairn_name ek_name, ak_name, srk_name, epoch_name, anchor_name[2];
    uint64_t epoch_value; /* certified at enrolment */
    char tpm_class[16];   /* "virtual", "hardware" */
    char tpm_manufacturer[8];
    uint64_t tpm_firmware;
    uint8_t ek_certificate[32]; /* SHA-256 of the DER certificate the enroller accepted */
    uint32_t root_version;
    uint64_t issued_s;
    bool by_server;     /* member enroller: the enroller was the server, not somebody apart from it. The signer sets it */
    uint8_t digest[32]; /* SHA-256 of the payload */
};
#define CAIRN_ENROLLER_SERVER "server" /* the only value of member enroller; absent: an enroller apart from the server */
enum { CAIRN_STATEMENT_SKEW_S = 300 }; /* how far the enroller's clock may be ahead */
/* cairn_statement_open verifies `file` under `root` and reads it. A statement holds for the device's life, so time judges its
 * making and not its use: with `now_s` not 0 the enroller's key must have been valid at the issue time ("statement.key.dates"),
 * and that must not lie in the future ("statement.issued"). 0 leaves dates unjudged.
 * CAIRN_E_REFUSED "statement.signer", "statement.holders", "signature.invalid", "statement.fleet", "statement.class",
 * "statement.device" (the id is not the EK's), "statement.root" (made under a later root), "statement.indices" (epoch and
 * anchors are not three indices), tpm.*.template and tpm.ak.attributes of tpm_data/template.h; CAIRN_E_FORMAT dsse.*, json.*.
 */
CAIRN_RC cairn_statement_open(const struct cairn_root *root, struct cairn_span file, uint64_t now_s,
                              struct cairn_statement *out, struct cairn_err *err);
/* cairn_statement_payload writes the canonical payload of `s` (Names, id and digest are derived, not read from `s`). */
CAIRN_RC cairn_statement_payload(const struct cairn_statement *s, struct cairn_buf *out, struct cairn_err *err);
/* cairn_statement_head: what every TPM document of this device must begin with, over `nonce`. */
struct cairn_tpm_head cairn_statement_head(const struct cairn_statement *s, const uint8_t nonce[32]);

/* The members that an enrolment request and a statement share: fleet, public areas, labels, tpm. _read leaves faults in `o`. */
void cairn_statement_read_device(struct cairn_obj *o, struct cairn_statement *out);
CAIRN_RC cairn_statement_write_device(json_t *object, const struct cairn_statement *s, struct cairn_err *err);
/* cairn_statement_derive checks fleet and every public area against its template and fills the Names and the device's id.
 * CAIRN_E_REFUSED "statement.fleet", "statement.indices", tpm.*. */
CAIRN_RC cairn_statement_derive(const struct cairn_root *root, struct cairn_statement *s, struct cairn_err *err);

#endif
