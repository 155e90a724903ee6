/* boot_measure/event_text.h -- what a log event's data says, and which of its bytes its digest covers.
 *
 * A label is for people: the digest covers it in few events. `covered` bytes are for judging.
 *
 * Source: TCG PC Client Platform Firmware Profile 1.05, section 10.2; UEFI 2.10, section 10.3.5 (file path node); GRUB and
 * systemd-stub as they behave in tests/vectors/boot.
 */
#ifndef CAIRN_BOOT_MEASURE_EVENT_TEXT_H
#define CAIRN_BOOT_MEASURE_EVENT_TEXT_H

#include "boot_measure/tcg_log.h"
#include "core/crypto.h"

enum { CAIRN_EVENT_LABEL = 96 };

/* cairn_event_label writes printable ASCII with a NUL: the name of the variable, the path of the image, the text of the event;
 * "" when the data is no text. Other characters appear as \xNN or \uNNNN, what does not fit is cut off. */
void cairn_event_label(const struct cairn_tcg_event *event, char out[CAIRN_EVENT_LABEL]);

/* cairn_event_covered finds the bytes of the data whose SHA-256 is the event's SHA-256 digest: all of it, or for the loaders
 * that log "what: text" and hash the text, that text. Empty when no such bytes are in the log: then the event is a digest
 * fact only. `hasher` is a SHA-256 one. */
CAIRN_RC cairn_event_covered(struct cairn_hasher *hasher, const struct cairn_tcg_event *event, struct cairn_span *out,
                             bool *found, struct cairn_err *err);

/* struct cairn_efi_variable is UEFI_VARIABLE_DATA (section 10.2.6). */
struct cairn_efi_variable {
    struct cairn_span guid;  /* 16 bytes as stored */
    struct cairn_span name;  /* UTF-16LE */
    struct cairn_span value; /* empty: the variable does not exist */
};
bool cairn_efi_variable_parse(struct cairn_span data, struct cairn_efi_variable *out);

#endif
