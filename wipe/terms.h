/* wipe/terms.h -- the words of a wipe: method, technique, evidence class, result; and the text that documents may hold.
 *
 * NIST SP 800-88 keeps method (how strong) and technique (how done) apart, and so does everything here. Evidence says who
 * vouches for a line; a TPM never vouches for what a program did to a disk.
 *
 * Pure. Source: DESIGN 2.7, 10; NIST SP 800-88r2, section 3 and appendix C; IEEE 2883.
 */
#ifndef CAIRN_WIPE_TERMS_H
#define CAIRN_WIPE_TERMS_H

#include "core/json.h"

enum cairn_method { CAIRN_METHOD_NONE, CAIRN_METHOD_CLEAR, CAIRN_METHOD_PURGE };
enum cairn_evidence_class {
    CAIRN_EVIDENCE_TPM,      /* "tpm-proved": an attestation says it */
    CAIRN_EVIDENCE_MEASURED, /* "measured-software": software that an appraised boot measured */
    CAIRN_EVIDENCE_SOFTWARE, /* "software-asserted": software that nothing measured */
    CAIRN_EVIDENCE_OPERATOR, /* "operator-asserted": a person says it */
};
enum cairn_result {
    CAIRN_RESULT_ERASED,
    CAIRN_RESULT_FAILED,
    CAIRN_RESULT_UNHANDLED, /* no driver: never silent */
};
const char *cairn_method_name(enum cairn_method method);
const char *cairn_evidence_name(enum cairn_evidence_class evidence);
const char *cairn_result_name(enum cairn_result result);

enum { CAIRN_TERM_MAX = 64, CAIRN_MEDIUM_NAME_MAX = 32, CAIRN_MEDIUM_PATH_MAX = 256, CAIRN_WIPE_MAX_MEDIA = 16 };

/* struct cairn_medium is one target of a plan or a log: what it is and what is (to be) done to it. */
struct cairn_medium {
    char name[CAIRN_MEDIUM_NAME_MAX]; /* a-z 0-9 . _ - */
    char driver[16];
    char path[CAIRN_MEDIUM_PATH_MAX];
    char media[CAIRN_TERM_MAX];     /* "LUKS2 container" */
    char technique[CAIRN_TERM_MAX]; /* "cryptographic erase" */
    enum cairn_method method;
    enum cairn_evidence_class evidence;
};

/* cairn_text_is_plain: 1 .. cap - 1 printable ASCII characters without '"' and '\': what every text of the documents of this
 * folder is held to, so that each reader prints it as it stands. Paths and reasons may hold an apostrophe, which a label
 * (cairn_label_ok) may not. */
bool cairn_text_is_plain(const char *text, size_t cap);
/* Readers for cairn_obj: a plain text (may be empty with `optional`), and the enumerations by name. Sticky like the others. */
void cairn_term_text(struct cairn_obj *o, const char *key, bool optional, char *out, size_t cap);
enum cairn_method cairn_term_method(struct cairn_obj *o);
enum cairn_evidence_class cairn_term_evidence(struct cairn_obj *o);
enum cairn_result cairn_term_result(struct cairn_obj *o);
/* cairn_term_medium reads the members of struct cairn_medium, cairn_term_medium_set writes them. */
void cairn_term_medium(struct cairn_obj *o, struct cairn_medium *out);
CAIRN_RC cairn_term_medium_set(json_t *object, const struct cairn_medium *medium, struct cairn_err *err);

/* cairn_json_add appends `value` (taken over, also on failure) to `array`. CAIRN_E_IO "json.memory". */
CAIRN_RC cairn_json_add(json_t *array, json_t *value, struct cairn_err *err);

#endif
