/* boot_measure/ima_log.h -- read the kernel's IMA measurement list (the binary form), entry by entry.
 *
 * The list's own SHA-1 template digest is not used but for the mark of a violation (all zero): what PCR 10 holds in the
 * SHA-256 bank is recomputed from the template data (CHECKS 28). The ASCII form is ambiguous and not read at all.
 *
 * Trust boundary: the bytes come from the device; an entry is believable only up to the prefix that a quoted PCR 10 confirms.
 * Source: Linux Documentation/security/IMA-templates.rst; security/integrity/ima/ima_fs.c (ima_measurements_show) and
 * ima_crypto.c (ima_calc_field_array_hash_tfm).
 */
#ifndef CAIRN_BOOT_MEASURE_IMA_LOG_H
#define CAIRN_BOOT_MEASURE_IMA_LOG_H

#include "tpm_data/pcr.h"

enum {
    CAIRN_IMA_MAX_LOG_LEN = 128 << 20,
    CAIRN_IMA_MAX_ENTRIES = 1 << 20,
    CAIRN_IMA_MAX_NAME = 32,
    CAIRN_IMA_MAX_DATA = 1 << 20
};

/* struct cairn_ima_entry: every span borrows from the list. */
struct cairn_ima_entry {
    size_t offset;                   /* of its first byte in the list */
    struct cairn_span template_name; /* "ima-ng" */
    struct cairn_span data;          /* template data: fields, each with its length (template "ima": without) */
    struct cairn_span file_digest;   /* "sha256:" NUL bytes, as the template writes it; 20 bytes of SHA-1 for "ima" */
    struct cairn_span path;          /* without its NUL; any bytes: escape before showing */
    bool violation;                  /* ToMToU or open writers: the file changed while it was measured */
    bool is_ima;                     /* the oldest template, which is hashed differently */
};

struct cairn_ima_log {
    struct cairn_reader reader;
    size_t num_entries;
};

/* cairn_ima_log_open. CAIRN_E_FORMAT "boot.ima.large": more than CAIRN_IMA_MAX_LOG_LEN bytes. */
CAIRN_RC cairn_ima_log_open(struct cairn_span bytes, struct cairn_ima_log *out, struct cairn_err *err);

/* cairn_ima_log_next reads one entry; `*more` is false, and `*out` unchanged, at the clean end.
 * Each error's text names the entry's offset. CAIRN_E_FORMAT "boot.ima.truncated": the list ends inside the entry;
 * "boot.ima.pcr": not PCR 10; "boot.ima.large": too many entries, a name or data too long; "boot.ima.field": the fields do not
 * fill the template data. CAIRN_E_UNDECIDED "boot.ima.template": a template this code does not know. */
CAIRN_RC cairn_ima_log_next(struct cairn_ima_log *log, bool *more, struct cairn_ima_entry *out, struct cairn_err *err);

/* cairn_ima_extended gives what the kernel extended for `entry` in the bank that `hasher` was made for: the hash of the
 * template data, or all ones for a violation. `out` holds cairn_hash_len(alg) = `len` bytes. */
CAIRN_RC cairn_ima_extended(struct cairn_hasher *hasher, const struct cairn_ima_entry *entry, uint8_t *out, size_t len,
                            struct cairn_err *err);

#endif
