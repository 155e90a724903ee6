/* tpm/record_tcti.h -- a TCTI that passes everything through and, while asked to, keeps the last command and its answer.
 *
 * ESYS cannot give a command's parameters as they were sent, and an audited command list written from intent would prove
 * nothing: so the audit preimages of a wipe are taken here, from the bytes that really went over the wire.
 *
 * Threading: one object, one thread. Source: TCG TSS 2.0 TCTI specification, section 3.
 */
#ifndef CAIRN_TPM_RECORD_TCTI_H
#define CAIRN_TPM_RECORD_TCTI_H

#include <tss2/tss2_tcti.h>

#include "core/wire.h"

enum { CAIRN_RECORD_MAX = 4096 };
struct cairn_record_tcti;

/* cairn_record_tcti_new wraps `inner` (borrowed, never finalised). NULL: no memory. */
struct cairn_record_tcti *cairn_record_tcti_new(TSS2_TCTI_CONTEXT *inner);
void cairn_record_tcti_free(struct cairn_record_tcti *record);
TSS2_TCTI_CONTEXT *cairn_record_tcti_context(struct cairn_record_tcti *record);
/* cairn_record_tcti_keep starts or stops keeping bytes; stopping wipes what was kept. */
void cairn_record_tcti_keep(struct cairn_record_tcti *record, bool keep);
/* The last command and the last whole answer while keeping; empty when there is none. Valid until the next command. */
struct cairn_span cairn_record_tcti_command(const struct cairn_record_tcti *record);
struct cairn_span cairn_record_tcti_response(const struct cairn_record_tcti *record);

#endif
