/* tpm/info.c -- what the TPM says of itself. All of it is unauthenticated: good for planning and messages, never for trust.
 *
 * Source: TPM 2.0 Part 2, sections 6.13 (TPM_PT), 10.10 (capability structures); TCG Vendor ID Registry.
 */
#include <stdio.h>
#include <string.h>

#include "tpm/tpm_internal.h"

enum { PT_FIXED = 0x100, PT_VAR = 0x200, PT_GROUP = 0x100 };

TSS2_RC cairn_tpm_properties(struct cairn_tpm *tpm, uint32_t first, uint32_t num, TPML_TAGGED_TPM_PROPERTY *out)
{
    TPMI_YES_NO more = 0;
    TPMS_CAPABILITY_DATA *data = NULL;
    CAIRN_TPM_TRY(Esys_GetCapability(tpm->esys, ESYS_TR_NONE, ESYS_TR_NONE, ESYS_TR_NONE, TPM2_CAP_TPM_PROPERTIES, first, num,
                                     &more, &data));
    bool right = data->capability == TPM2_CAP_TPM_PROPERTIES;
    if (right) {
        *out = data->data.tpmProperties;
    }
    Esys_Free(data);
    return right ? TSS2_RC_SUCCESS : CAIRN_TPM_RC_SHAPE;
}

static uint32_t property(const TPML_TAGGED_TPM_PROPERTY *list, uint32_t tag)
{
    for (uint32_t i = 0; i < list->count; i++) {
        if (list->tpmProperty[i].property == tag) {
            return list->tpmProperty[i].value;
        }
    }
    return 0;
}

TSS2_RC cairn_tpm_permanent(struct cairn_tpm *tpm, uint32_t *out)
{
    TPML_TAGGED_TPM_PROPERTY list = {0};
    CAIRN_TPM_TRY(cairn_tpm_properties(tpm, TPM2_PT_PERMANENT, 1, &list));
    if (list.count == 0 || list.tpmProperty[0].property != TPM2_PT_PERMANENT) {
        return CAIRN_TPM_RC_SHAPE;
    }
    *out = list.tpmProperty[0].value;
    return TSS2_RC_SUCCESS;
}

uint32_t cairn_tpm_lockout_seconds(struct cairn_tpm *tpm)
{
    TPML_TAGGED_TPM_PROPERTY list = {0};
    if (tpm->esys == NULL || cairn_tpm_properties(tpm, PT_VAR, PT_GROUP, &list) != TSS2_RC_SUCCESS) {
        return 0;
    }
    bool for_all = (property(&list, TPM2_PT_PERMANENT) & CAIRN_PERMANENT_IN_LOCKOUT) != 0;
    return property(&list, for_all ? TPM2_PT_LOCKOUT_INTERVAL : TPM2_PT_LOCKOUT_RECOVERY);
}

TSS2_RC cairn_tpm_list(struct cairn_tpm *tpm, uint32_t first, struct cairn_audit_handles *out)
{
    struct cairn_audit_handles found = {0};
    TPMI_YES_NO more = 0;
    TPMS_CAPABILITY_DATA *data = NULL;
    CAIRN_TPM_TRY(Esys_GetCapability(tpm->esys, ESYS_TR_NONE, ESYS_TR_NONE, ESYS_TR_NONE, TPM2_CAP_HANDLES, first,
                                     CAIRN_AUDIT_MAX_HANDLES, &more, &data));
    bool right = data->capability == TPM2_CAP_HANDLES && data->data.handles.count <= CAIRN_AUDIT_MAX_HANDLES && more == 0;
    for (uint32_t i = 0; right && i < data->data.handles.count; i++) {
        found.handle[found.num++] = data->data.handles.handle[i];
    }
    Esys_Free(data);
    if (!right) {
        return CAIRN_TPM_RC_SHAPE;
    }
    *out = found;
    return TSS2_RC_SUCCESS;
}

/* Four characters from a property; what cannot be printed becomes a space. */
static void text(uint32_t value, char *out)
{
    for (unsigned i = 0; i < 4; i++) {
        unsigned c = value >> (24 - 8 * i) & 0xff;
        out[i] = c >= 0x20 && c < 0x7f ? (char)c : ' ';
    }
    out[4] = 0;
}

static void trim(char *s)
{
    for (size_t n = strlen(s); n > 0 && s[n - 1] == ' '; n--) {
        s[n - 1] = 0;
    }
}

/* Software TPMs whose owner can copy their state: libtpms, the reference simulator and Hyper-V, VMware, Google and Amazon. */
static bool is_software(const struct cairn_tpm_info *info)
{
    static const char *const makers[] = {"IBM ", "MSFT", "VMW ", "GOOG", "AMZN"};
    for (size_t i = 0; i < CAIRN_ARRAY_LEN(makers); i++) {
        if (strcmp(info->manufacturer, makers[i]) == 0) {
            return true;
        }
    }
    return strncmp(info->vendor, "SW", 2) == 0;
}

static void fixed(const TPML_TAGGED_TPM_PROPERTY *list, struct cairn_tpm_info *info)
{
    text(property(list, TPM2_PT_MANUFACTURER), info->manufacturer);
    for (unsigned i = 0; i < 4; i++) {
        text(property(list, TPM2_PT_VENDOR_STRING_1 + i), info->vendor + (size_t)4 * i);
    }
    trim(info->vendor);
    info->firmware = (uint64_t)property(list, TPM2_PT_FIRMWARE_VERSION_1) << 32 | property(list, TPM2_PT_FIRMWARE_VERSION_2);
    info->nv_index_max = property(list, TPM2_PT_NV_INDEX_MAX);
    info->nv_buffer_max = property(list, TPM2_PT_NV_BUFFER_MAX);
    info->is_virtual = is_software(info);
}

static void variable(const TPML_TAGGED_TPM_PROPERTY *list, struct cairn_tpm_info *info)
{
    uint32_t permanent = property(list, TPM2_PT_PERMANENT);
    info->owner_auth_set = (permanent & CAIRN_PERMANENT_OWNER) != 0;
    info->endorsement_auth_set = (permanent & CAIRN_PERMANENT_ENDORSEMENT) != 0;
    info->lockout_auth_set = (permanent & CAIRN_PERMANENT_LOCKOUT) != 0;
    info->clear_disabled = (permanent & CAIRN_PERMANENT_DISABLE_CLEAR) != 0;
    info->in_lockout = (permanent & CAIRN_PERMANENT_IN_LOCKOUT) != 0;
    info->lockout_counter = property(list, TPM2_PT_LOCKOUT_COUNTER);
    info->lockout_interval_s = property(list, TPM2_PT_LOCKOUT_INTERVAL);
}

static TSS2_RC has_p256(struct cairn_tpm *tpm, bool *out)
{
    TPMI_YES_NO more = 0;
    TPMS_CAPABILITY_DATA *data = NULL;
    CAIRN_TPM_TRY(Esys_GetCapability(tpm->esys, ESYS_TR_NONE, ESYS_TR_NONE, ESYS_TR_NONE, TPM2_CAP_ECC_CURVES,
                                     TPM2_ECC_NIST_P256, 1, &more, &data));
    const TPML_ECC_CURVE *curves = &data->data.eccCurves;
    *out = data->capability == TPM2_CAP_ECC_CURVES && curves->count == 1 && curves->eccCurves[0] == TPM2_ECC_NIST_P256;
    Esys_Free(data);
    return TSS2_RC_SUCCESS;
}

struct banks {
    uint16_t algs[CAIRN_TPM_MAX_BANKS];
    size_t num;
};

static TSS2_RC banks(struct cairn_tpm *tpm, void *arg)
{
    struct banks *out = arg, found = {0};
    TPMI_YES_NO more = 0;
    TPMS_CAPABILITY_DATA *data = NULL;
    CAIRN_TPM_TRY(Esys_GetCapability(tpm->esys, ESYS_TR_NONE, ESYS_TR_NONE, ESYS_TR_NONE, TPM2_CAP_PCRS, 0, 16, &more, &data));
    const TPML_PCR_SELECTION *list = &data->data.assignedPCR;
    bool right = data->capability == TPM2_CAP_PCRS;
    for (uint32_t i = 0; right && i < list->count; i++) {
        const TPMS_PCR_SELECTION *bank = &list->pcrSelections[i];
        bool active = false;
        for (size_t j = 0; j < bank->sizeofSelect && j < sizeof bank->pcrSelect; j++) {
            active = active || bank->pcrSelect[j] != 0;
        }
        if (active && found.num < CAIRN_TPM_MAX_BANKS) {
            found.algs[found.num++] = bank->hash;
        } else if (active) {
            right = false;
        }
    }
    Esys_Free(data);
    *out = found;
    return right ? TSS2_RC_SUCCESS : CAIRN_TPM_RC_SHAPE;
}

static TSS2_RC info(struct cairn_tpm *tpm, void *arg)
{
    TPML_TAGGED_TPM_PROPERTY list = {0};
    struct cairn_tpm_info found = {0};
    struct banks active = {0};
    CAIRN_TPM_TRY(cairn_tpm_properties(tpm, PT_FIXED, PT_GROUP, &list));
    fixed(&list, &found);
    CAIRN_TPM_TRY(cairn_tpm_properties(tpm, PT_VAR, PT_GROUP, &list));
    variable(&list, &found);
    CAIRN_TPM_TRY(has_p256(tpm, &found.ecc_p256));
    CAIRN_TPM_TRY(banks(tpm, &active));
    for (size_t i = 0; i < active.num; i++) {
        found.sha256_bank = found.sha256_bank || active.algs[i] == TPM2_ALG_SHA256;
    }
    *(struct cairn_tpm_info *)arg = found;
    return TSS2_RC_SUCCESS;
}

CAIRN_RC cairn_tpm_info(struct cairn_tpm *tpm, struct cairn_tpm_info *out, struct cairn_err *err)
{
    static const struct cairn_tpm_op op = {.run = info, .repeatable = true};
    return cairn_tpm_run(tpm, &op, out, err);
}

CAIRN_RC cairn_tpm_pcr_banks(struct cairn_tpm *tpm, uint16_t algs[CAIRN_TPM_MAX_BANKS], size_t *num, struct cairn_err *err)
{
    static const struct cairn_tpm_op op = {.run = banks, .repeatable = true};
    struct banks found = {0};
    CAIRN_TRY(cairn_tpm_run(tpm, &op, &found, err));
    for (size_t i = 0; i < found.num; i++) {
        algs[i] = found.algs[i];
    }
    *num = found.num;
    return CAIRN_OK;
}

struct listing {
    uint32_t first;
    struct cairn_audit_handles *out;
};

static TSS2_RC list_handles(struct cairn_tpm *tpm, void *arg)
{
    struct listing *listing = arg;
    return cairn_tpm_list(tpm, listing->first, listing->out);
}

CAIRN_RC cairn_tpm_handles(struct cairn_tpm *tpm, uint32_t first, struct cairn_audit_handles *out, struct cairn_err *err)
{
    static const struct cairn_tpm_op op = {.run = list_handles, .repeatable = true};
    struct listing listing = {.first = first, .out = out};
    return cairn_tpm_run(tpm, &op, &listing, err);
}
