/* wipe/plan.c -- see wipe/plan.h. */
#include "wipe/plan.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void cairn_plan_clear(struct cairn_plan *plan)
{
    free(plan->targets);
    *plan = (struct cairn_plan){0};
}

struct cairn_grade cairn_plan_forecast(const struct cairn_plan *plan)
{
    struct cairn_grade_facts facts = {.keys_dead = plan->epoch_present,
                                      .cleared = !plan->clear_disabled && (!plan->lockout_auth_set || plan->lockout_auth_given),
                                      .tpm_virtual = strcmp(plan->tpm_class, "hardware") != 0,
                                      .by_server = plan->by_server};
    for (size_t i = 0; i < plan->num_targets; i++) {
        const struct cairn_plan_target *t = &plan->targets[i];
        cairn_grade_count(&facts, &t->medium, t->handled ? CAIRN_RESULT_ERASED : CAIRN_RESULT_UNHANDLED);
    }
    return cairn_grade_of(&facts);
}

static CAIRN_RC handles_json(const struct cairn_audit_handles *handles, json_t *o, const char *key, struct cairn_err *err)
{
    CAIRN_TRY(cairn_json_set_take(o, key, json_array(), err));
    for (size_t i = 0; i < handles->num; i++) {
        char text[9];
        (void)snprintf(text, sizeof text, "%08" PRIx32, handles->handle[i]);
        CAIRN_TRY(cairn_json_add(json_object_get(o, key), json_string(text), err));
    }
    return CAIRN_OK;
}

static CAIRN_RC target_json(const struct cairn_plan_target *t, json_t *array, struct cairn_err *err)
{
    CAIRN_JSON *o = json_object();
    CAIRN_TRY(cairn_term_medium_set(o, &t->medium, err));
    CAIRN_TRY(cairn_json_set_bool(o, "handled", t->handled, err));
    CAIRN_TRY(cairn_json_set_uint(o, "area_bytes", t->area_bytes, err));
    CAIRN_TRY(cairn_json_set_uint(o, "seconds", t->seconds, err));
    CAIRN_TRY(cairn_json_set_string(o, "not_covered", t->not_covered, err));
    return cairn_json_add(array, json_incref(o), err);
}

static CAIRN_RC tpm_json(const struct cairn_plan *plan, json_t *o, struct cairn_err *err)
{
    CAIRN_JSON *t = json_object();
    CAIRN_TRY(cairn_json_set_string(t, "class", plan->tpm_class, err));
    CAIRN_TRY(cairn_json_set_bool(t, "clear_disabled", plan->clear_disabled, err));
    CAIRN_TRY(cairn_json_set_bool(t, "lockout_auth_set", plan->lockout_auth_set, err));
    CAIRN_TRY(cairn_json_set_bool(t, "lockout_auth_given", plan->lockout_auth_given, err));
    CAIRN_TRY(cairn_json_set_bool(t, "epoch_present", plan->epoch_present, err));
    CAIRN_TRY(handles_json(&plan->foreign_nv, t, "foreign_nv", err));
    CAIRN_TRY(handles_json(&plan->foreign_persistent, t, "foreign_persistent", err));
    return cairn_json_set_take(o, "tpm", json_incref(t), err);
}

static CAIRN_RC forecast_json(const struct cairn_plan *plan, json_t **out, struct cairn_err *err)
{
    const struct cairn_grade grade = cairn_plan_forecast(plan);
    const char letter[2] = {grade.grade, '\0'};
    CAIRN_JSON *f = json_object();
    CAIRN_TRY(cairn_json_set_string(f, "grade", letter, err));
    CAIRN_TRY(cairn_json_set_take(f, "reasons", cairn_grade_reasons(&grade), err));
    CAIRN_TRY(cairn_json_set_take(f, "raise", json_array(), err));
    for (size_t i = 0; i < grade.num_reasons; i++) {
        CAIRN_TRY(cairn_json_add(json_object_get(f, "raise"), json_string(cairn_grade_raise(grade.reasons[i])), err));
    }
    *out = json_incref(f);
    return CAIRN_OK;
}

static CAIRN_RC plan_json(const struct cairn_plan *plan, json_t *o, struct cairn_err *err)
{
    json_t *forecast = NULL;
    CAIRN_TRY(cairn_json_set_uint(o, "v", 1, err));
    CAIRN_TRY(cairn_json_set_hex(o, "fleet", CAIRN_SPAN(plan->fleet), err));
    CAIRN_TRY(cairn_json_set_hex(o, "device", CAIRN_SPAN(plan->device), err));
    CAIRN_TRY(cairn_json_set_hex(o, "order", CAIRN_SPAN(plan->order), err));
    CAIRN_TRY(cairn_json_set_uint(o, "made", plan->made_s, err));
    if (plan->by_server) {
        CAIRN_TRY(cairn_json_set_string(o, "enroller", CAIRN_ENROLLER_SERVER, err));
    }
    CAIRN_TRY(tpm_json(plan, o, err));
    CAIRN_TRY(cairn_json_set_take(o, "targets", json_array(), err));
    for (size_t i = 0; i < plan->num_targets; i++) {
        CAIRN_TRY(target_json(&plan->targets[i], json_object_get(o, "targets"), err));
    }
    CAIRN_TRY(forecast_json(plan, &forecast, err));
    return cairn_json_set_take(o, "forecast", forecast, err);
}

enum cairn_rc cairn_plan_write(const struct cairn_plan *plan, struct cairn_buf *out, struct cairn_err *err)
{
    CAIRN_JSON *o = json_object();
    CAIRN_TRY(plan_json(plan, o, err));
    return cairn_json_write(o, out, err);
}

static void read_handles(struct cairn_obj *o, const char *key, struct cairn_audit_handles *out)
{
    const json_t *array = cairn_obj_array(o, key, CAIRN_AUDIT_MAX_HANDLES);
    for (size_t i = 0; i < json_array_size(array); i++) {
        const char *text = json_string_value(json_array_get(array, i));
        uint8_t bytes[4] = {0};
        if (text == NULL || !cairn_hex_decode(text, bytes, sizeof bytes)) {
            cairn_obj_fail(o, key, "not a list of handles in 8 hex digits");
            return;
        }
        struct cairn_reader r = cairn_reader(CAIRN_SPAN(bytes));
        out->handle[out->num++] = cairn_read_u32(&r);
    }
}

static CAIRN_RC read_tpm(const json_t *json, struct cairn_plan *out, struct cairn_err *err)
{
    struct cairn_obj t = cairn_obj(json, "plan, tpm", err);
    cairn_term_text(&t, "class", false, out->tpm_class, sizeof out->tpm_class);
    out->clear_disabled = cairn_obj_bool(&t, "clear_disabled");
    out->lockout_auth_set = cairn_obj_bool(&t, "lockout_auth_set");
    out->lockout_auth_given = cairn_obj_bool(&t, "lockout_auth_given");
    out->epoch_present = cairn_obj_bool(&t, "epoch_present");
    read_handles(&t, "foreign_nv", &out->foreign_nv);
    read_handles(&t, "foreign_persistent", &out->foreign_persistent);
    return cairn_obj_done(&t);
}

static CAIRN_RC read_target(const json_t *json, struct cairn_plan_target *out, struct cairn_err *err)
{
    struct cairn_obj t = cairn_obj(json, "plan, targets", err);
    cairn_term_medium(&t, &out->medium);
    out->handled = cairn_obj_bool(&t, "handled");
    out->area_bytes = cairn_obj_uint(&t, "area_bytes", UINT64_MAX);
    out->seconds = (uint32_t)cairn_obj_uint(&t, "seconds", UINT32_MAX);
    cairn_term_text(&t, "not_covered", true, out->not_covered, sizeof out->not_covered);
    return cairn_obj_done(&t);
}

static CAIRN_RC read_plan(const json_t *json, struct cairn_plan *out, struct cairn_err *err)
{
    struct cairn_obj o = cairn_obj(json, "plan", err);
    if (cairn_obj_uint(&o, "v", 1) != 1) {
        cairn_obj_fail(&o, "v", "not 1");
    }
    cairn_obj_hex(&o, "fleet", out->fleet, sizeof out->fleet);
    cairn_obj_hex(&o, "device", out->device, sizeof out->device);
    cairn_obj_hex(&o, "order", out->order, sizeof out->order);
    out->made_s = cairn_obj_uint(&o, "made", UINT64_MAX);
    out->by_server = cairn_obj_has(&o, "enroller");
    if (out->by_server) {
        cairn_obj_const(&o, "enroller", CAIRN_ENROLLER_SERVER);
    }
    const json_t *tpm = cairn_obj_object(&o, "tpm");
    const json_t *targets = cairn_obj_array(&o, "targets", CAIRN_WIPE_MAX_MEDIA);
    const json_t *forecast = cairn_obj_object(&o, "forecast");
    CAIRN_TRY(cairn_obj_done(&o));
    CAIRN_TRY(read_tpm(tpm, out, err));
    size_t num = json_array_size(targets);
    out->targets = calloc(num + 1, sizeof *out->targets);
    if (out->targets == NULL) {
        return CAIRN_FAIL(err, CAIRN_E_IO, "memory", "no memory for a plan");
    }
    for (; out->num_targets < num; out->num_targets++) {
        CAIRN_TRY(read_target(json_array_get(targets, out->num_targets), &out->targets[out->num_targets], err));
    }
    CAIRN_JSON *want = NULL;
    CAIRN_TRY(forecast_json(out, &want, err));
    if (json_equal(want, forecast) != 1) {
        return CAIRN_FAIL(err, CAIRN_E_REFUSED, "plan.forecast", "the plan's forecast is not what follows from its targets");
    }
    return CAIRN_OK;
}

enum cairn_rc cairn_plan_read(struct cairn_span text, struct cairn_plan *out, struct cairn_err *err)
{
    CAIRN_JSON *json = NULL;
    CAIRN_PLAN plan = {0};
    CAIRN_TRY(cairn_json_parse(text, CAIRN_PLAN_MAX_LEN, true, "plan", &json, err));
    CAIRN_TRY(read_plan(json, &plan, err));
    *out = plan;
    plan = (struct cairn_plan){0};
    return CAIRN_OK;
}
