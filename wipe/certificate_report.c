/* wipe/certificate_report.c -- a verified certificate as one screen of text. Only facts from struct cairn_certificate. */
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "core/clock.h"
#include "wipe/certificate_internal.h"

enum { LINE_MAX_LEN = 640 };

CAIRN_PRINTF(3, 4)
static CAIRN_RC put(struct cairn_buf *out, struct cairn_err *err, const char *fmt, ...)
{
    char line[LINE_MAX_LEN];
    va_list args;
    va_start(args, fmt);
    int n = vsnprintf(line, sizeof line, fmt, args);
    va_end(args);
    size_t len = n < 0 ? 0 : (size_t)n < sizeof line ? (size_t)n : sizeof line - 1;
    CAIRN_TRY(cairn_buf_append(out, cairn_span(line, len), err));
    return cairn_buf_append(out, cairn_span_str("\n"), err);
}

static void handles_text(const struct cairn_audit_handles *handles, char *out, size_t cap)
{
    size_t used = 0;
    (void)snprintf(out, cap, "none");
    for (size_t i = 0; i < handles->num && used + 12 < cap; i++) {
        used += (size_t)snprintf(out + used, cap - used, "%s0x%08" PRIx32, i > 0 ? " " : "", handles->handle[i]);
    }
}

static CAIRN_RC put_identity(const struct cairn_certificate *c, struct cairn_buf *out, struct cairn_err *err)
{
    const struct cairn_statement *s = &c->statement;
    char device[65];
    char order[65];
    char challenge[65];
    char issued[21];
    char made[21];
    cairn_hex_encode(CAIRN_SPAN(s->device), device);
    cairn_hex_encode(CAIRN_SPAN(c->order.digest), order);
    cairn_hex_encode(CAIRN_SPAN(c->order.challenge), challenge);
    cairn_clock_format(c->order.issued_s, issued);
    cairn_clock_format(c->made_s, made);
    CAIRN_TRY(put(out, err, "Wipe certificate, made %s by %s", made, c->tool));
    CAIRN_TRY(put(out, err, "  device       %s", device));
    CAIRN_TRY(put(out, err, "  class %s, serial %s, tag %s, TPM %s (%s)", s->device_class, s->serial, s->tag,
                  s->tpm_manufacturer, s->tpm_class));
    if (s->by_server) {
        CAIRN_TRY(put(out, err, "  enrolled by the server, not by somebody apart from it"));
    }
    CAIRN_TRY(put(out, err, "  order        %s", order));
    CAIRN_TRY(put(out, err, "  challenge    %s", challenge));
    CAIRN_TRY(put(out, err, "  issued %s, standard %s, reason: %s", issued, c->order.standard, c->order.reason));
    for (size_t i = 0; i < c->num_countersigners; i++) {
        CAIRN_TRY(put(out, err, "  counter-signed by %s", c->countersigners[i]));
    }
    return CAIRN_OK;
}

static CAIRN_RC put_proved(const struct cairn_certificate *c, struct cairn_buf *out, struct cairn_err *err)
{
    const struct cairn_audit_facts *a = &c->audit;
    char nv[200];
    char persistent[200];
    handles_text(&a->nv_after, nv, sizeof nv);
    handles_text(&a->persistent_after, persistent, sizeof persistent);
    CAIRN_TRY(put(out, err, "tpm-proved"));
    CAIRN_TRY(put(out, err, "  sealed keys dead: counter %" PRIu64 ", the order demands %" PRIu64, c->kill.counter,
                  cairn_order_floor(&c->entry)));
    CAIRN_TRY(put(out, err,
                  "  TPM2_Clear after the challenge: clock %" PRIu64 " ms, then %" PRIu64 " ms; resets %" PRIu32
                  ", then %" PRIu32,
                  a->before.clock_ms, a->after.clock_ms, a->before.resets, a->after.resets));
    CAIRN_TRY(put(out, err, "  NV indices left: %s; %zu undefined before", nv, a->num_undefined));
    return put(out, err, "  persistent keys left: %s", persistent);
}

static CAIRN_RC put_media(const struct cairn_certificate *c, struct cairn_buf *out, struct cairn_err *err)
{
    CAIRN_TRY(put(out, err, "software-asserted"));
    if (c->media.num == 0) {
        CAIRN_TRY(put(out, err, "  no data medium was listed, none was treated"));
    }
    for (size_t i = 0; i < c->media.num; i++) {
        const struct cairn_media_entry *e = &c->media.entries[i];
        CAIRN_TRY(put(out, err, "  %s (%s, %s): %s, %s, %s%s%s", e->medium.name, e->medium.media, e->medium.path,
                      cairn_result_name(e->result), cairn_method_name(e->medium.method), e->medium.technique,
                      e->code[0] != '\0' ? ": " : "", e->code));
    }
    CAIRN_TRY(put(out, err, "operator-asserted"));
    return put(out, err, "  header backups, escrow, snapshots: not stated; validation by a person: not done");
}

static CAIRN_RC put_grade(const struct cairn_certificate *c, struct cairn_buf *out, struct cairn_err *err)
{
    CAIRN_TRY(put(out, err, "grade %c (the order demands %c: %s)", c->grade.grade, c->order.min_grade,
                  c->min_grade_met ? "met" : "NOT MET"));
    for (size_t i = 0; i < c->grade.num_reasons; i++) {
        CAIRN_TRY(put(out, err, "  %s: %s", c->grade.reasons[i], cairn_grade_raise(c->grade.reasons[i])));
    }
    CAIRN_TRY(put(out, err, "not proved"));
    for (size_t i = 0; cairn_certificate_not_proved[i] != NULL; i++) {
        CAIRN_TRY(put(out, err, "  %s", cairn_certificate_not_proved[i]));
    }
    return CAIRN_OK;
}

enum cairn_rc cairn_certificate_report(const struct cairn_certificate *found, struct cairn_buf *out, struct cairn_err *err)
{
    CAIRN_TRY(put_identity(found, out, err));
    CAIRN_TRY(put_proved(found, out, err));
    CAIRN_TRY(put_media(found, out, err));
    return put_grade(found, out, err);
}

enum cairn_rc cairn_certificate_facts(const struct cairn_certificate *found, json_t **out, struct cairn_err *err)
{
    CAIRN_JSON *o = json_object();
    CAIRN_TRY(cairn_certificate_derive(found, o, err));
    CAIRN_TRY(cairn_json_set_bool(o, "min_grade_met", found->min_grade_met, err));
    CAIRN_TRY(cairn_json_set_hex(o, "order", CAIRN_SPAN(found->order.digest), err));
    CAIRN_TRY(cairn_json_set_uint(o, "made", found->made_s, err));
    CAIRN_TRY(cairn_json_set_string(o, "tool", found->tool, err));
    CAIRN_TRY(cairn_json_set_take(o, "countersigners", json_array(), err));
    for (size_t i = 0; i < found->num_countersigners; i++) {
        CAIRN_TRY(cairn_json_add(json_object_get(o, "countersigners"), json_string(found->countersigners[i]), err));
    }
    *out = json_incref(o);
    return CAIRN_OK;
}
