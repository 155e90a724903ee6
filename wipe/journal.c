/* wipe/journal.c -- see wipe/journal.h. */
#include "wipe/journal.h"

#include <stdio.h>
#include <string.h>

static const char *const STEPS[] = {"accepted", "bound", "stopped", "killed", "media", "certified", "retired"};

const char *cairn_wipe_step_name(enum cairn_wipe_step step)
{
    return STEPS[step];
}

static CAIRN_RC journal_json(const struct cairn_journal *journal, json_t *o, struct cairn_err *err)
{
    CAIRN_TRY(cairn_json_set_uint(o, "v", 1, err));
    CAIRN_TRY(cairn_json_set_string(o, "step", STEPS[journal->step], err));
    CAIRN_TRY(cairn_json_set_bool(o, "anchored", journal->anchored, err));
    CAIRN_TRY(cairn_json_set_hex(o, "order", CAIRN_SPAN(journal->order), err));
    CAIRN_TRY(cairn_json_set_hex(o, "statement", CAIRN_SPAN(journal->statement), err));
    CAIRN_TRY(cairn_json_set_uint(o, "accepted", journal->accepted_s, err));
    CAIRN_TRY(cairn_json_set_string(o, "out", journal->out, err));
    CAIRN_TRY(cairn_json_set_take(o, "consumers", json_array(), err));
    for (size_t i = 0; i < journal->num_consumers; i++) {
        CAIRN_TRY(cairn_json_add(json_object_get(o, "consumers"), json_string(journal->consumers[i]), err));
    }
    return CAIRN_OK;
}

enum cairn_rc cairn_journal_write(const struct cairn_journal *journal, struct cairn_buf *out, struct cairn_err *err)
{
    CAIRN_JSON *o = json_object();
    CAIRN_TRY(journal_json(journal, o, err));
    CAIRN_TRY(cairn_json_write(o, out, err));
    return cairn_buf_append(out, cairn_span_str("\n"), err);
}

static void read_step(struct cairn_obj *o, enum cairn_wipe_step *out)
{
    const char *text = cairn_obj_string(o, "step", 16);
    for (size_t i = 0; i < CAIRN_ARRAY_LEN(STEPS); i++) {
        if (strcmp(text, STEPS[i]) == 0) {
            *out = (enum cairn_wipe_step)i;
            return;
        }
    }
    cairn_obj_fail(o, "step", "not a step of a wipe");
}

static void read_consumers(struct cairn_obj *o, struct cairn_journal *out)
{
    const json_t *array = cairn_obj_array(o, "consumers", CAIRN_WIPE_MAX_CONSUMERS);
    for (size_t i = 0; i < json_array_size(array); i++) {
        const char *path = json_string_value(json_array_get(array, i));
        if (path == NULL || strlen(path) >= CAIRN_WIPE_PATH_MAX) {
            cairn_obj_fail(o, "consumers", "not a list of paths");
            return;
        }
        (void)snprintf(out->consumers[i], CAIRN_WIPE_PATH_MAX, "%s", path);
        out->num_consumers = i + 1;
    }
}

enum cairn_rc cairn_journal_read(struct cairn_span text, struct cairn_journal *out, struct cairn_err *err)
{
    CAIRN_JSON *json = NULL;
    bool newline = text.len > 0 && text.p[text.len - 1] == '\n';
    const struct cairn_span body = cairn_span(text.p, text.len - (newline ? 1 : 0));
    CAIRN_TRY(cairn_json_parse(body, CAIRN_JOURNAL_MAX_LEN, true, "wipe journal", &json, err));
    struct cairn_obj o = cairn_obj(json, "wipe journal", err);
    struct cairn_journal journal = {0};
    if (cairn_obj_uint(&o, "v", 1) != 1) {
        cairn_obj_fail(&o, "v", "not 1");
    }
    read_step(&o, &journal.step);
    journal.anchored = cairn_obj_bool(&o, "anchored");
    cairn_obj_hex(&o, "order", journal.order, sizeof journal.order);
    cairn_obj_hex(&o, "statement", journal.statement, sizeof journal.statement);
    journal.accepted_s = cairn_obj_uint(&o, "accepted", UINT64_MAX);
    cairn_term_text(&o, "out", true, journal.out, sizeof journal.out);
    read_consumers(&o, &journal);
    CAIRN_TRY(cairn_obj_done(&o));
    *out = journal;
    return CAIRN_OK;
}
