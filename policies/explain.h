/* policies/explain.h -- the only sentences: what a code means and what a person can do.
 *
 * Codes are stable and made for programs; everything that shows one to a person takes the words from here. Pure; static texts.
 */
#ifndef CAIRN_POLICIES_EXPLAIN_H
#define CAIRN_POLICIES_EXPLAIN_H

#include "core/base.h"

enum { CAIRN_EXPLANATION_MAX = 256 };
struct cairn_explanation {
    char means[CAIRN_EXPLANATION_MAX];
    char act[CAIRN_EXPLANATION_MAX]; /* empty: nothing to do */
};
/* cairn_explain gives the words for the code of a check ("boot.cmdline.changed", "pcr.4") or of an error of the appraisal
 * ("nonce.spent"). False: not a code that is explained; `*out` is unchanged. */
bool cairn_explain(const char *code, struct cairn_explanation *out);
/* cairn_explain_code gives the i-th code or pattern ("KIND.changed", "pcr.N") that has words; NULL past the end. */
const char *cairn_explain_code(size_t i);

#endif
