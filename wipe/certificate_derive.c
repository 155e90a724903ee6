/* wipe/certificate_derive.c -- what a certificate says, as it follows from what was verified; nothing here is believed.
 *
 * Source: NIST SP 800-88r2, sections 3.2.2 (conditions of cryptographic erase) and 4.6, appendix C (the fields); DESIGN 10.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "wipe/certificate_internal.h"

const char *const cairn_certificate_not_proved[] = {
    "A TPM proves what it did itself, not what software did to a disk: media lines are the word of the software that ran.",
    "Copies made earlier (backups, header copies, snapshots, escrowed keys) are not reached; data sealed by the TPM is dead in "
    "every copy.",
    "A medium that was not listed was not treated.",
    "Whether data ever lay unencrypted on a medium, and what its spare area holds, is not known to the device.",
    "The state of a virtual TPM can be copied; a copy taken before the counter moved is not reached.",
    NULL,
};

static const char *const COPIES[] = {"LUKS header backups", "key escrow", "snapshots and backups of media", NULL};

/* One condition under which cryptographic erase may count as purge. */
struct condition {
    const char *name;
    const char *status;
    enum cairn_evidence_class evidence;
};

static bool all_erased(const struct cairn_media_log *log)
{
    bool all = log->num > 0;
    for (size_t i = 0; i < log->num; i++) {
        all = all && log->entries[i].result == CAIRN_RESULT_ERASED;
    }
    return all;
}

static bool all_read_back(const struct cairn_media_log *log)
{
    static const uint8_t NOT_READ[32] = {0};
    bool all = all_erased(log);
    for (size_t i = 0; i < log->num; i++) {
        all = all && memcmp(log->entries[i].read_back, NOT_READ, sizeof NOT_READ) != 0;
    }
    return all;
}

static bool all_ciphers_known(const struct cairn_media_log *log)
{
    bool all = all_erased(log);
    for (size_t i = 0; i < log->num; i++) {
        all = all && log->entries[i].cipher[0] != '\0';
    }
    return all;
}

static CAIRN_RC conditions_json(const struct cairn_media_log *log, json_t *payload, struct cairn_err *err)
{
    const struct condition rows[] = {
        {"algorithm-known", all_ciphers_known(log) ? "met" : "unknown", CAIRN_EVIDENCE_SOFTWARE},
        {"cleartext-areas", "unknown", CAIRN_EVIDENCE_OPERATOR},
        {"commands-recorded", "met", CAIRN_EVIDENCE_TPM},
        {"copies-accounted", "unknown", CAIRN_EVIDENCE_OPERATOR},
        {"encrypted-before-first-store", "unknown", CAIRN_EVIDENCE_OPERATOR},
        {"escrow-statement", "unknown", CAIRN_EVIDENCE_OPERATOR},
        {"key-generator-approved", "unknown", CAIRN_EVIDENCE_OPERATOR},
        {"media-keys-destroyed", all_erased(log) ? "met" : "not met", CAIRN_EVIDENCE_SOFTWARE},
        {"module-validated", "unknown", CAIRN_EVIDENCE_OPERATOR},
        {"sealed-keys-destroyed", "met", CAIRN_EVIDENCE_TPM},
        {"verified-by-read-back", all_read_back(log) ? "met" : "not met", CAIRN_EVIDENCE_SOFTWARE},
    };
    CAIRN_TRY(cairn_json_set_take(payload, "crypto_erase", json_array(), err));
    for (size_t i = 0; i < CAIRN_ARRAY_LEN(rows); i++) {
        json_t *row = json_pack("{s:s, s:s, s:s}", "condition", rows[i].name, "status", rows[i].status, "evidence",
                                cairn_evidence_name(rows[i].evidence));
        CAIRN_TRY(cairn_json_add(json_object_get(payload, "crypto_erase"), row, err));
    }
    return CAIRN_OK;
}

static CAIRN_RC copies_json(json_t *payload, struct cairn_err *err)
{
    CAIRN_TRY(cairn_json_set_take(payload, "copies", json_array(), err));
    for (size_t i = 0; COPIES[i] != NULL; i++) {
        json_t *row = json_pack("{s:s, s:s, s:s}", "what", COPIES[i], "status", "not stated", "evidence",
                                cairn_evidence_name(CAIRN_EVIDENCE_OPERATOR));
        CAIRN_TRY(cairn_json_add(json_object_get(payload, "copies"), row, err));
    }
    return CAIRN_OK;
}

static CAIRN_RC targets_json(const struct cairn_media_log *log, json_t *payload, struct cairn_err *err)
{
    CAIRN_TRY(cairn_json_set_take(payload, "targets", json_array(), err));
    for (size_t i = 0; i < log->num; i++) {
        const struct cairn_media_entry *e = &log->entries[i];
        json_t *row = json_pack("{s:s, s:s, s:s, s:s, s:s, s:s, s:s}", "name", e->medium.name, "media", e->medium.media, "path",
                                e->medium.path, "technique", e->medium.technique, "method", cairn_method_name(e->medium.method),
                                "result", cairn_result_name(e->result), "evidence", cairn_evidence_name(e->medium.evidence));
        CAIRN_TRY(cairn_json_add(json_object_get(payload, "targets"), row, err));
    }
    return CAIRN_OK;
}

static CAIRN_RC exceptions_json(const struct cairn_certificate *found, json_t *payload, struct cairn_err *err)
{
    CAIRN_TRY(cairn_json_set_take(payload, "exceptions", json_array(), err));
    json_t *array = json_object_get(payload, "exceptions");
    for (size_t i = 0; i < found->media.num; i++) {
        const struct cairn_media_entry *e = &found->media.entries[i];
        if (e->result != CAIRN_RESULT_ERASED) {
            CAIRN_TRY(
                cairn_json_add(array, json_sprintf("%s: %s (%s)", e->medium.name, cairn_result_name(e->result), e->code), err));
        }
    }
    if (!found->min_grade_met) {
        CAIRN_TRY(cairn_json_add(
            array, json_sprintf("grade %c: the order demands %c", found->grade.grade, found->order.min_grade), err));
    }
    return CAIRN_OK;
}

/* The weakest method that was applied to all of them; "none" as soon as one was not treated. */
static enum cairn_method overall_method(const struct cairn_media_log *log)
{
    enum cairn_method method = log->num > 0 ? CAIRN_METHOD_PURGE : CAIRN_METHOD_NONE;
    for (size_t i = 0; i < log->num; i++) {
        const struct cairn_media_entry *e = &log->entries[i];
        enum cairn_method one = e->result == CAIRN_RESULT_ERASED ? e->medium.method : CAIRN_METHOD_NONE;
        method = one < method ? one : method;
    }
    return method;
}

static CAIRN_RC nist_json(const struct cairn_certificate *found, json_t *payload, struct cairn_err *err)
{
    const struct cairn_statement *s = &found->statement;
    CAIRN_JSON *n = json_object();
    CAIRN_TRY(cairn_json_set_string(n, "manufacturer", "not stated", err));
    CAIRN_TRY(cairn_json_set_string(n, "model", s->device_class, err));
    CAIRN_TRY(cairn_json_set_string(n, "serial", s->serial, err));
    CAIRN_TRY(cairn_json_set_string(n, "property_number", s->tag, err));
    CAIRN_TRY(cairn_json_set_string(n, "media_type", "TPM 2.0 and the targets listed", err));
    CAIRN_TRY(cairn_json_set_string(n, "media_source", s->site[0] != '\0' ? s->site : "not stated", err));
    CAIRN_TRY(cairn_json_set_string(n, "confidentiality", "not stated", err));
    CAIRN_TRY(cairn_json_set_string(n, "destination", "not stated", err));
    CAIRN_TRY(cairn_json_set_string(n, "standard", found->order.standard, err));
    CAIRN_TRY(cairn_json_set_string(n, "reason", found->order.reason, err));
    CAIRN_TRY(cairn_json_set_string(n, "method", cairn_method_name(overall_method(&found->media)), err));
    CAIRN_TRY(
        cairn_json_set_string(n, "technique", "cryptographic erase (TPM counter, TPM2_Clear); per target as listed", err));
    CAIRN_TRY(cairn_json_set_take(n, "verification",
                                  json_pack("{s:s, s:s, s:s}", "by", "device", "sealed_keys", "tpm-proved", "media",
                                            all_read_back(&found->media) ? "read back" : "incomplete"),
                                  err));
    CAIRN_TRY(cairn_json_set_take(n, "validation", json_pack("{s:s, s:s}", "by", "not stated", "result", "not done"), err));
    return cairn_json_set_take(payload, "nist", json_incref(n), err);
}

static CAIRN_RC set_handles(json_t *o, const char *key, const struct cairn_audit_handles *handles, struct cairn_err *err)
{
    CAIRN_TRY(cairn_json_set_take(o, key, json_array(), err));
    for (size_t i = 0; i < handles->num; i++) {
        CAIRN_TRY(cairn_json_add(json_object_get(o, key), json_sprintf("%08" PRIx32, handles->handle[i]), err));
    }
    return CAIRN_OK;
}

static CAIRN_RC proved_json(const struct cairn_certificate *found, json_t *payload, struct cairn_err *err)
{
    const struct cairn_audit_facts *a = &found->audit;
    CAIRN_JSON *p = json_object();
    CAIRN_TRY(cairn_json_set_hex64(p, "counter", found->kill.counter, err));
    CAIRN_TRY(cairn_json_set_hex64(p, "counter_demanded", cairn_order_floor(&found->entry), err));
    CAIRN_TRY(cairn_json_set_bool(p, "cleared", true, err));
    CAIRN_TRY(cairn_json_set_uint(p, "undefined", a->num_undefined, err));
    CAIRN_TRY(cairn_json_set_hex64(p, "clock_before", a->before.clock_ms, err));
    CAIRN_TRY(cairn_json_set_hex64(p, "clock_after", a->after.clock_ms, err));
    CAIRN_TRY(cairn_json_set_uint(p, "resets_before", a->before.resets, err));
    CAIRN_TRY(cairn_json_set_uint(p, "resets_after", a->after.resets, err));
    CAIRN_TRY(set_handles(p, "nv_before", &a->nv_before, err));
    CAIRN_TRY(set_handles(p, "nv_after", &a->nv_after, err));
    CAIRN_TRY(set_handles(p, "persistent_before", &a->persistent_before, err));
    CAIRN_TRY(set_handles(p, "persistent_after", &a->persistent_after, err));
    return cairn_json_set_take(payload, "tpm_proved", json_incref(p), err);
}

static CAIRN_RC grade_json(const struct cairn_certificate *found, json_t *payload, struct cairn_err *err)
{
    const char grade[2] = {found->grade.grade, '\0'};
    const char min[2] = {found->order.min_grade, '\0'};
    CAIRN_TRY(cairn_json_set_string(payload, "grade", grade, err));
    CAIRN_TRY(cairn_json_set_string(payload, "min_grade", min, err));
    CAIRN_TRY(cairn_json_set_take(payload, "grade_reasons", cairn_grade_reasons(&found->grade), err));
    CAIRN_TRY(cairn_json_set_take(payload, "not_proved", json_array(), err));
    for (size_t i = 0; cairn_certificate_not_proved[i] != NULL; i++) {
        CAIRN_TRY(cairn_json_add(json_object_get(payload, "not_proved"), json_string(cairn_certificate_not_proved[i]), err));
    }
    return cairn_json_set_string(payload, "tpm_class", found->statement.tpm_class, err);
}

enum cairn_rc cairn_certificate_derive(const struct cairn_certificate *found, json_t *payload, struct cairn_err *err)
{
    const struct cairn_tpm_head head = cairn_statement_head(&found->statement, found->order.challenge);
    CAIRN_TRY(cairn_tpm_head_write(payload, "challenge", &head, err));
    CAIRN_TRY(grade_json(found, payload, err));
    CAIRN_TRY(proved_json(found, payload, err));
    CAIRN_TRY(targets_json(&found->media, payload, err));
    CAIRN_TRY(conditions_json(&found->media, payload, err));
    CAIRN_TRY(copies_json(payload, err));
    CAIRN_TRY(exceptions_json(found, payload, err));
    return nist_json(found, payload, err);
}
