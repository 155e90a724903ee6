/* wipe/grade.c -- see wipe/grade.h. */
#include "wipe/grade.h"

#include <string.h>

struct rule {
    const char *code;
    char grade; /* the best grade that is left when it holds */
    bool (*holds)(const struct cairn_grade_facts *f);
    const char *raise;
};

static bool keys_alive(const struct cairn_grade_facts *f)
{
    return !f->keys_dead;
}

static bool clear_unproved(const struct cairn_grade_facts *f)
{
    return !f->cleared;
}

static bool boot_unaffirmed(const struct cairn_grade_facts *f)
{
    return !f->boot_affirmed;
}

static bool media_none(const struct cairn_grade_facts *f)
{
    return f->num_media == 0;
}

static bool media_unhandled(const struct cairn_grade_facts *f)
{
    return f->num_unhandled > 0;
}

static bool media_failed(const struct cairn_grade_facts *f)
{
    return f->num_failed > 0;
}

static bool media_clear(const struct cairn_grade_facts *f)
{
    return f->num_clear > 0;
}

static bool media_asserted(const struct cairn_grade_facts *f)
{
    return f->num_asserted > 0;
}

static bool tpm_virtual(const struct cairn_grade_facts *f)
{
    return f->tpm_virtual;
}

static bool enroller_server(const struct cairn_grade_facts *f)
{
    return f->by_server;
}

static const struct rule RULES[] = {
    {"keys.alive", 'D', keys_alive, "enrol the device: without its epoch counter no key is proved dead"},
    {"clear.unproved", 'D', clear_unproved,
     "give the lockout authorisation in the configuration, or have the firmware enable Clear"},
    {"boot.unaffirmed", 'C', boot_unaffirmed, "wipe in a measured environment that a verifier has appraised"},
    {"media.none", 'C', media_none, "list every data medium under [wipe] in the configuration"},
    {"media.unhandled", 'C', media_unhandled, "treat or destroy the media marked UNHANDLED by other means"},
    {"media.failed", 'C', media_failed, "treat or destroy the media marked failed by other means"},
    {"media.clear", 'B', media_clear, "use media and drivers whose method is purge"},
    {"media.asserted", 'B', media_asserted,
     "wipe in a measured environment: a running system only asserts what it did to media"},
    {"tpm.virtual", 'B', tpm_virtual, "use a hardware or firmware TPM: a software TPM's state can be copied"},
    {"enroller.server", 'B', enroller_server, "enrol devices at a desk apart from the server: its word alone names the keys"},
};

void cairn_grade_count(struct cairn_grade_facts *facts, const struct cairn_medium *medium, enum cairn_result result)
{
    facts->num_media++;
    if (result == CAIRN_RESULT_UNHANDLED) {
        facts->num_unhandled++;
    } else if (result == CAIRN_RESULT_FAILED) {
        facts->num_failed++;
    } else {
        facts->num_clear += medium->method != CAIRN_METHOD_PURGE ? 1 : 0;
        facts->num_asserted += medium->evidence >= CAIRN_EVIDENCE_SOFTWARE ? 1 : 0;
    }
}

struct cairn_grade cairn_grade_of(const struct cairn_grade_facts *facts)
{
    struct cairn_grade out = {.grade = 'A'};
    for (size_t i = 0; i < CAIRN_ARRAY_LEN(RULES); i++) {
        if (RULES[i].holds(facts) && out.num_reasons < CAIRN_GRADE_MAX_REASONS) {
            out.reasons[out.num_reasons++] = RULES[i].code;
            out.grade = RULES[i].grade > out.grade ? RULES[i].grade : out.grade;
        }
    }
    return out;
}

const char *cairn_grade_raise(const char *reason)
{
    for (size_t i = 0; i < CAIRN_ARRAY_LEN(RULES); i++) {
        if (strcmp(reason, RULES[i].code) == 0) {
            return RULES[i].raise;
        }
    }
    return "";
}

json_t *cairn_grade_reasons(const struct cairn_grade *grade)
{
    CAIRN_JSON *array = json_array();
    for (size_t i = 0; i < grade->num_reasons; i++) {
        if (cairn_json_add(array, json_string(grade->reasons[i]), NULL) != CAIRN_OK) {
            return NULL;
        }
    }
    return json_incref(array);
}
