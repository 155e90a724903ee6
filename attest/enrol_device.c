/* attest/enrol_device.c -- see attest/enrol_device.h.
 *
 * Trust boundary: before there is a statement the only pins are the Names of the keys the TPM just showed; the desk decides
 * whether they are what they should be.
 */
#include "attest/enrol_device.h"

#include <stdio.h>

#include "tpm_data/policy.h"

enum { DER_SEQUENCE = 0x30, DER_TWO_LENGTH_BYTES = 0x82 };

/* The public areas and Names this TPM has, or will have, as a device of `root`. */
static CAIRN_RC find_names(const struct cairn_enrol_place *place, const struct cairn_root *root, struct cairn_statement *out,
                           struct cairn_err *err)
{
    struct cairn_tpm_keys keys = {.ak_handle = 0};
    uint8_t policy[CAIRN_SHA256_LEN] = {0};
    CAIRN_TRY(cairn_tpm_keys_make(place->tpm, cairn_root_fleet(root), &keys, err));
    CAIRN_TRY(cairn_policy_anchor(cairn_root_pcrpolicy_key(root), cairn_root_class(root), policy, err));
    struct cairn_writer w = cairn_writer(out->fleet, sizeof out->fleet);
    cairn_write_bytes(&w, cairn_span(cairn_root_fleet(root), sizeof out->fleet));
    out->ek = keys.ek;
    out->ak = keys.ak;
    out->srk = keys.srk;
    cairn_template_epoch(place->epoch, true, &out->epoch);
    cairn_template_anchor(place->anchor[0], policy, true, &out->anchor[0]);
    cairn_template_anchor(place->anchor[1], policy, true, &out->anchor[1]);
    return cairn_statement_derive(root, out, err);
}

CAIRN_RC cairn_enrol_init(const struct cairn_enrol_place *place, struct cairn_span root_file, struct cairn_err *err)
{
    CAIRN_ROOT *root = NULL;
    struct cairn_statement names = {.epoch_value = 0};
    CAIRN_TRY(cairn_root_open(root_file, place->now_s, &root, err));
    CAIRN_TRY(cairn_identity_accept_root(place->state, root_file, err));
    CAIRN_TRY(find_names(place, root, &names, err));
    CAIRN_TRY(cairn_identity_pin_names(&names, place->tpm, err));
    return cairn_tpm_epoch_define(place->tpm, err);
}

/* Some NV areas are larger than the certificate in them, and some hold no certificate at all. */
static struct cairn_span der_prefix(struct cairn_span bytes)
{
    struct cairn_reader r = cairn_reader(bytes);
    uint8_t tag = cairn_read_u8(&r);
    uint8_t form = cairn_read_u8(&r);
    uint16_t len = cairn_read_u16(&r);
    (void)cairn_read_bytes(&r, len);
    bool whole = cairn_reader_ok(&r) && tag == DER_SEQUENCE && form == DER_TWO_LENGTH_BYTES;
    return cairn_span(bytes.p, whole ? r.offset : 0);
}

static CAIRN_RC add_certificate(void *arg, uint32_t index, struct cairn_span der, struct cairn_err *err)
{
    struct cairn_enrol_request *request = arg;
    struct cairn_span certificate = der_prefix(der);
    (void)index;
    if (certificate.len == 0 || certificate.len > CAIRN_EK_CERTIFICATE_MAX ||
        request->num_certificates == CAIRN_ENROL_MAX_CERTIFICATES) {
        return CAIRN_OK;
    }
    return cairn_buf_set(&request->certificates[request->num_certificates++], certificate, err);
}

static CAIRN_RC set_label(char out[CAIRN_LABEL_MAX], const char *name, const char *value, struct cairn_err *err)
{
    if (!cairn_label_ok(value, CAIRN_LABEL_MAX, true)) {
        return CAIRN_FAIL(err, CAIRN_E_REFUSED, "enrolment.label",
                          "the configured %s is longer than %d characters or not plain printable ASCII", name,
                          CAIRN_LABEL_MAX - 1);
    }
    (void)snprintf(out, CAIRN_LABEL_MAX, "%s", value);
    return CAIRN_OK;
}

static CAIRN_RC describe_tpm(struct cairn_tpm *tpm, struct cairn_statement *out, struct cairn_err *err)
{
    struct cairn_tpm_info info = {.firmware = 0};
    CAIRN_TRY(cairn_tpm_info(tpm, &info, err));
    (void)snprintf(out->tpm_class, sizeof out->tpm_class, "%s", info.is_virtual ? "virtual" : "hardware");
    size_t len = 0;
    for (const char *c = info.manufacturer; *c != '\0' && len + 1 < sizeof out->tpm_manufacturer; c++) {
        if (*c > ' ' && *c <= '~' && *c != '"' && *c != '\'' && *c != '\\') {
            out->tpm_manufacturer[len++] = *c;
        }
    }
    out->tpm_firmware = info.firmware;
    return CAIRN_OK;
}

CAIRN_RC cairn_enrol_request(const struct cairn_enrol_place *place, const struct cairn_identity *identity,
                             struct cairn_span extra, struct cairn_buf *out, struct cairn_err *err)
{
    CAIRN_ENROL_REQUEST request = {.num_certificates = 0};
    CAIRN_BUF file = {0};
    struct cairn_ec_key key = {{0}, {0}};
    bool is_p256 = false;
    if (identity->enrolled) {
        return CAIRN_FAIL(
            err, CAIRN_E_REFUSED, "enrolment.other",
            "this device is enrolled: retire it first, or if its state is lost, move its state directory away and run "
            "`cairn device init`");
    }
    CAIRN_TRY(set_label(request.device.serial, "serial", place->serial, err));
    CAIRN_TRY(set_label(request.device.tag, "tag", place->tag, err));
    CAIRN_TRY(set_label(request.device.site, "site", place->site, err));
    CAIRN_TRY(find_names(place, identity->root, &request.device, err));
    CAIRN_TRY(cairn_identity_pin_names(&request.device, place->tpm, err));
    CAIRN_TRY(describe_tpm(place->tpm, &request.device, err));
    CAIRN_TRY(cairn_tpm_ek_certs(place->tpm, add_certificate, &request, err));
    if (extra.len > 0) {
        CAIRN_TRY(cairn_ek_certificate_key(extra, &is_p256, &key, err));
        CAIRN_TRY(add_certificate(&request, 0, extra, err));
    }
    CAIRN_TRY(cairn_enrol_request_write(&request, &file, err));
    CAIRN_TRY(cairn_file_replace(place->state, CAIRN_ENROL_REQUEST_FILE, cairn_buf_span(&file), 0600, err));
    return cairn_buf_set(out, cairn_buf_span(&file), err);
}

static CAIRN_RC read_own_request(const struct cairn_enrol_place *place, struct cairn_buf *file,
                                 struct cairn_enrol_request *request, struct cairn_err *err)
{
    if (!cairn_file_exists(place->state, CAIRN_ENROL_REQUEST_FILE)) {
        return CAIRN_FAIL(err, CAIRN_E_REFUSED, "enrolment.request.absent",
                          "this device has not asked to be enrolled: run `cairn enrol request`");
    }
    CAIRN_TRY(cairn_file_read(place->state, CAIRN_ENROL_REQUEST_FILE, CAIRN_FILE_MAX, file, err));
    return cairn_enrol_request_parse(cairn_buf_span(file), request, err);
}

static bool same_names(const struct cairn_statement *a, const struct cairn_statement *b)
{
    return cairn_name_equal(&a->ek_name, &b->ek_name) && cairn_name_equal(&a->ak_name, &b->ak_name) &&
           cairn_name_equal(&a->srk_name, &b->srk_name) && cairn_name_equal(&a->epoch_name, &b->epoch_name) &&
           cairn_name_equal(&a->anchor_name[0], &b->anchor_name[0]) && cairn_name_equal(&a->anchor_name[1], &b->anchor_name[1]);
}

/* Certify(SRK), NV_Certify(epoch), Quote, in the order the desk demands. */
static CAIRN_RC attest(struct cairn_tpm *tpm, struct cairn_tpmdoc *doc, struct cairn_err *err)
{
    uint8_t extra[CAIRN_SHA256_LEN] = {0};
    CAIRN_TRY(cairn_pae_digest(doc->type, cairn_buf_span(&doc->payload), extra, err));
    CAIRN_TRY(cairn_tpm_certify_srk(tpm, extra, &doc->attestations[0], err));
    CAIRN_TRY(cairn_tpm_epoch_certify(tpm, extra, &doc->attestations[1], err));
    CAIRN_TRY(cairn_tpm_quote(tpm, CAIRN_ENROL_PCRS, extra, &doc->attestations[2], err));
    doc->num_attestations = CAIRN_ENROL_NUM_ATTESTATIONS;
    return CAIRN_OK;
}

CAIRN_RC cairn_enrol_answer(const struct cairn_enrol_place *place, const struct cairn_identity *identity,
                            struct cairn_span challenge, struct cairn_buf *out, struct cairn_err *err)
{
    CAIRN_BUF file = {0};
    CAIRN_ENROL_REQUEST request = {.num_certificates = 0};
    struct cairn_statement names = {.epoch_value = 0};
    struct cairn_enrol_challenge c = {.ak = {{0}}};
    CAIRN_TRY(cairn_enrol_challenge_parse(challenge, &c, err));
    CAIRN_TRY(read_own_request(place, &file, &request, err));
    CAIRN_TRY(cairn_statement_derive(identity->root, &request.device, err));
    CAIRN_TRY(find_names(place, identity->root, &names, err));
    if (!same_names(&names, &request.device)) {
        return CAIRN_FAIL(err, CAIRN_E_REFUSED, "enrolment.changed",
                          "the TPM's keys are no longer those of the request (was it cleared?): ask again");
    }
    if (!cairn_name_equal(&c.ak, &names.ak_name)) {
        return CAIRN_FAIL(err, CAIRN_E_REFUSED, "enrolment.ak", "the challenge is for another device's attestation key");
    }
    CAIRN_TRY(cairn_identity_pin_names(&names, place->tpm, err));
    CAIRN_SECRET *secret = NULL;
    CAIRN_TPMDOC doc = {.num_attestations = 0};
    CAIRN_TRY(cairn_tpm_activate(place->tpm, cairn_blob_span(&c.credential), cairn_blob_span(&c.seed), &secret, err));
    struct cairn_tpm_head head = cairn_statement_head(&names, c.nonce);
    (void)snprintf(doc.type, sizeof doc.type, "%s", CAIRN_TYPE_ENROLMENT);
    CAIRN_TRY(cairn_enrol_answer_payload(&head, cairn_secret_span(secret), cairn_buf_span(&file), &doc.payload, err));
    CAIRN_TRY(attest(place->tpm, &doc, err));
    return cairn_tpmdoc_write(&doc, out, err);
}

CAIRN_RC cairn_enrol_accept(const struct cairn_enrol_place *place, const struct cairn_identity *identity,
                            struct cairn_span statement, struct cairn_err *err)
{
    struct cairn_statement s = {.epoch_value = 0};
    struct cairn_statement names = {.epoch_value = 0};
    uint64_t epoch = 0;
    CAIRN_TRY(cairn_statement_open(identity->root, statement, place->now_s, &s, err));
    if (identity->enrolled) {
        return cairn_identity_accept_statement(place->state, statement, err);
    }
    CAIRN_TRY(find_names(place, identity->root, &names, err));
    if (!same_names(&names, &s)) {
        return CAIRN_FAIL(err, CAIRN_E_REFUSED, "enrolment.device",
                          "the statement is of another device, or this one's configured indices differ");
    }
    CAIRN_TRY(cairn_identity_pin_names(&s, place->tpm, err));
    CAIRN_TRY(cairn_tpm_epoch_read(place->tpm, &epoch, err));
    if (epoch < s.epoch_value) {
        return CAIRN_FAIL(err, CAIRN_E_REFUSED, "enrolment.epoch",
                          "the epoch counter stands at %llu, below the %llu that was certified: this is not that TPM's state",
                          (unsigned long long)epoch, (unsigned long long)s.epoch_value);
    }
    CAIRN_TRY(cairn_identity_accept_statement(place->state, statement, err));
    return cairn_file_remove(place->state, CAIRN_ENROL_REQUEST_FILE, err);
}
