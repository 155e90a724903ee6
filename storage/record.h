/* storage/record.h -- the 4096-byte record: what this device is, and the 48 bytes that anchor it.
 *
 * Pure; the commit and recovery over two copies and two indices are in storage/state.h.
 * Source: RECORD.md as kept in docs/architecture.md; DESIGN 6; docs/formats.md "record".
 */
#ifndef CAIRN_STORAGE_RECORD_H
#define CAIRN_STORAGE_RECORD_H

#include "tpm_data/template.h"

enum { CAIRN_RECORD_LEN = 4096, CAIRN_RECORD_MAX_ASSETS = 32, CAIRN_ASSET_NAME_MAX = 32 };
enum cairn_life {
    CAIRN_LIFE_MANUFACTURED = 0, /* never in a record */
    CAIRN_LIFE_ENROLLED = 1,     /* never in a record */
    CAIRN_LIFE_OPERATIONAL = 2,
    CAIRN_LIFE_DECOMMISSIONING = 3,
    CAIRN_LIFE_RETIRED = 4, /* after Clear: the journal's word */
};
const char *cairn_life_name(enum cairn_life life);
enum cairn_phase {
    CAIRN_PHASE_NONE = 0,
    CAIRN_PHASE_TRIAL,
    CAIRN_PHASE_COMMITTING,
    CAIRN_PHASE_RESEALED,
    CAIRN_PHASE_CONFIRMED
};

struct cairn_asset_entry {
    char name[CAIRN_ASSET_NAME_MAX]; /* as cairn_param_name_ok; padded with zeros */
    uint8_t slot_class;              /* 3 = vault; others are reserved formats */
    uint32_t version;
    uint64_t size;
    uint8_t sha256[32];
};
struct cairn_record {
    uint64_t generation;
    enum cairn_life life;
    enum cairn_phase phase;
    uint64_t epoch; /* the counter this record was committed at */
    uint64_t bound; /* ULE bound of the sealed storage key */
    uint64_t floor;
    uint32_t root_version;
    uint8_t statement[32];    /* SHA-256 of the enrolment statement's payload */
    uint8_t manifest[32];     /* SHA-256 of the manifest's payload */
    uint64_t vault_file;      /* generation in the vault file's name; 0 = none */
    uint8_t vault_digest[32]; /* SHA-256 of that file */
    uint64_t kill_target;     /* T; DECOMMISSIONING only */
    uint8_t order[32];        /* SHA-256 of the order's payload; DECOMMISSIONING only */
    size_t num_assets;
    struct cairn_asset_entry assets[CAIRN_RECORD_MAX_ASSETS];
    uint8_t sealed_public[160]; /* sealed storage key */
    size_t sealed_public_len;
    uint8_t sealed_private[240];
    size_t sealed_private_len;
};
/* cairn_record_encode fills exactly 4096 bytes (reserved space zero); _decode refuses anything that encode would not write.
 * CAIRN_E_FORMAT "record.magic" (another length, or no record), "record.format" (another format number), "record.field" (a
 * value that no record has; the text names the field). */
CAIRN_RC cairn_record_encode(const struct cairn_record *record, uint8_t out[CAIRN_RECORD_LEN], struct cairn_err *err);
CAIRN_RC cairn_record_decode(struct cairn_span bytes, struct cairn_record *out, struct cairn_err *err);

/* Anchor: generation (8, BE) || SHA-256(record) || first 8 bytes of SHA-256(the first 40). _parse: false = torn. */
CAIRN_RC cairn_anchor_make(uint64_t generation, const uint8_t record[CAIRN_RECORD_LEN], uint8_t out[CAIRN_ANCHOR_LEN],
                           struct cairn_err *err);
CAIRN_RC cairn_anchor_parse(const uint8_t anchor[CAIRN_ANCHOR_LEN], bool *intact, uint64_t *generation,
                            uint8_t record_digest[32], struct cairn_err *err);

#endif
