/* tpm_data/name.h -- Names: what a TPM object or index *is*, computed from its public area and never believed.
 *
 * Pure. Source: TCG TPM 2.0 Library, Part 1, section 16 (Names), Part 2 TPMT_PUBLIC, TPMS_NV_PUBLIC.
 */
#ifndef CAIRN_TPM_DATA_NAME_H
#define CAIRN_TPM_DATA_NAME_H

#include "core/crypto.h"

enum { CAIRN_NAME_LEN = 34 };
enum cairn_hierarchy {
    CAIRN_RH_OWNER = 0x40000001,
    CAIRN_RH_NULL = 0x40000007,
    CAIRN_RH_LOCKOUT = 0x4000000A,
    CAIRN_RH_ENDORSEMENT = 0x4000000B,
    CAIRN_RH_PLATFORM = 0x4000000C,
};

/* struct cairn_name is nameAlg (000b) and SHA-256 of a public area. All-zero means "none". */
struct cairn_name {
    uint8_t bytes[CAIRN_NAME_LEN];
};
bool cairn_name_equal(const struct cairn_name *a, const struct cairn_name *b);
bool cairn_name_is_none(const struct cairn_name *name);
struct cairn_span cairn_name_span(const struct cairn_name *name);
/* cairn_name_compute hashes `public_area` (a TPMT_PUBLIC or TPMS_NV_PUBLIC whose nameAlg is SHA-256, already checked). */
CAIRN_RC cairn_name_compute(struct cairn_span public_area, struct cairn_name *out, struct cairn_err *err);
/* cairn_name_qualify gives the qualified Name of a primary object: nameAlg || H(hierarchy || name). */
CAIRN_RC cairn_name_qualify(enum cairn_hierarchy hierarchy, const struct cairn_name *name, struct cairn_name *out,
                            struct cairn_err *err);
/* cairn_name_device_id is SHA-256 of an EK's Name: the device's id for life. */
CAIRN_RC cairn_name_device_id(const struct cairn_name *ek, uint8_t out[CAIRN_SHA256_LEN], struct cairn_err *err);

#endif
