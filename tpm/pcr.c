/* tpm/pcr.c -- reading and extending PCRs. Unauthenticated: what counts is what a quote says afterwards.
 *
 * Source: TPM 2.0 Part 3, TPM2_PCR_Read, TPM2_PCR_Event, TPM2_PCR_Extend.
 */
#include "tpm/tpm_internal.h"

enum { MAX_READS = 8, EVENT_MAX = 1024 };

struct reading {
    uint32_t mask;
    uint8_t (*values)[32];
};

/* One TPM2_PCR_Read gives at most eight values: `*left` loses what came. */
static TSS2_RC read_some(struct cairn_tpm *tpm, uint32_t *left, uint8_t (*values)[32], uint32_t *counter)
{
    TPML_PCR_SELECTION want = {0}, *got = NULL;
    TPML_DIGEST *digests = NULL;
    uint32_t mask = 0, next = 0;
    CAIRN_TPM_TRY(cairn_tpm_selection_in(*left, &want));
    CAIRN_TPM_TRY(Esys_PCR_Read(tpm->esys, ESYS_TR_NONE, ESYS_TR_NONE, ESYS_TR_NONE, &want, counter, &got, &digests));
    bool right = got->count == 1 && got->pcrSelections[0].hash == TPM2_ALG_SHA256 && got->pcrSelections[0].sizeofSelect == 3;
    for (unsigned i = 0; right && i < 3; i++) {
        mask |= (uint32_t)got->pcrSelections[0].pcrSelect[i] << (8 * i);
    }
    right = right && mask != 0 && (mask & ~*left) == 0;
    for (unsigned i = 0; right && i < CAIRN_NUM_PCRS; i++) {
        if ((mask >> i & 1) != 0) {
            right = next < digests->count && digests->digests[next].size == 32;
            struct cairn_reader r = cairn_reader(cairn_span(digests->digests[next].buffer, right ? 32 : 0));
            cairn_read_array(&r, values[i], 32);
            next++;
        }
    }
    Esys_Free(got);
    Esys_Free(digests);
    *left &= ~mask;
    return right ? TSS2_RC_SUCCESS : CAIRN_TPM_RC_SHAPE;
}

/* All values of one moment: read again when pcrUpdateCounter moved between two commands. */
static TSS2_RC pcr_read(struct cairn_tpm *tpm, void *arg)
{
    struct reading *reading = arg;
    uint32_t left = reading->mask, first = 0;
    bool begun = false;
    for (unsigned i = 0; left != 0 && i < MAX_READS * 3; i++) {
        uint32_t counter = 0;
        CAIRN_TPM_TRY(read_some(tpm, &left, reading->values, &counter));
        if (begun && counter != first) {
            left = reading->mask;
            begun = false;
        } else {
            begun = true;
            first = counter;
        }
    }
    return left == 0 ? TSS2_RC_SUCCESS : TPM2_RC_PCR_CHANGED;
}

CAIRN_RC cairn_tpm_pcr_read(struct cairn_tpm *tpm, uint32_t mask, uint8_t values[CAIRN_NUM_PCRS][32], struct cairn_err *err)
{
    static const struct cairn_tpm_op op = {.run = pcr_read, .repeatable = true};
    uint8_t read[CAIRN_NUM_PCRS][32] = {{0}};
    struct reading reading = {.mask = mask, .values = read};
    if (mask >> CAIRN_NUM_PCRS != 0) {
        return CAIRN_FAIL(err, CAIRN_E_USAGE, "pcr.selection", "there are PCRs 0 to 23 only");
    }
    CAIRN_TRY(cairn_tpm_run(tpm, &op, &reading, err));
    for (unsigned i = 0; i < CAIRN_NUM_PCRS; i++) {
        for (unsigned j = 0; j < 32 && (mask >> i & 1) != 0; j++) {
            values[i][j] = read[i][j];
        }
    }
    return CAIRN_OK;
}

struct extending {
    ESYS_TR pcr;
    TPM2B_EVENT event;
    TPML_DIGEST_VALUES digests;
};

/* The TPM hashes for every active bank, also those whose hash we do not know: one command. */
static TSS2_RC pcr_event(struct cairn_tpm *tpm, void *arg)
{
    struct extending *x = arg;
    TPML_DIGEST_VALUES *digests = NULL;
    CAIRN_TPM_TRY(Esys_PCR_Event(tpm->esys, x->pcr, ESYS_TR_PASSWORD, ESYS_TR_NONE, ESYS_TR_NONE, &x->event, &digests));
    Esys_Free(digests);
    return TSS2_RC_SUCCESS;
}

static TSS2_RC pcr_extend(struct cairn_tpm *tpm, void *arg)
{
    struct extending *x = arg;
    return Esys_PCR_Extend(tpm->esys, x->pcr, ESYS_TR_PASSWORD, ESYS_TR_NONE, ESYS_TR_NONE, &x->digests);
}

static enum cairn_rc hash_banks(struct cairn_tpm *tpm, struct cairn_span data, TPML_DIGEST_VALUES *out, struct cairn_err *err)
{
    uint16_t algs[CAIRN_TPM_MAX_BANKS] = {0};
    size_t num = 0;
    CAIRN_TRY(cairn_tpm_pcr_banks(tpm, algs, &num, err));
    for (size_t i = 0; i < num; i++) {
        TPMT_HA *to = &out->digests[i];
        to->hashAlg = algs[i];
        if (algs[i] != CAIRN_SHA1 && algs[i] != CAIRN_SHA256 && algs[i] != CAIRN_SHA384) {
            return cairn_tpm_fail(CAIRN_TASK_OTHER, CAIRN_STEP_OTHER, CAIRN_TPM_RC_BANK, err);
        }
        CAIRN_TRY(cairn_hash_parts((enum cairn_hash)algs[i], &data, 1, (uint8_t *)&to->digest, err));
    }
    out->count = (uint32_t)num;
    return CAIRN_OK;
}

CAIRN_RC cairn_tpm_pcr_extend(struct cairn_tpm *tpm, unsigned pcr, struct cairn_span data, struct cairn_err *err)
{
    static const struct cairn_tpm_op event = {.run = pcr_event}, extend = {.run = pcr_extend};
    struct extending x = {.pcr = ESYS_TR_PCR0 + pcr};
    if (pcr >= CAIRN_NUM_PCRS) {
        return CAIRN_FAIL(err, CAIRN_E_USAGE, "pcr.selection", "there are PCRs 0 to 23 only");
    }
    if (data.len <= EVENT_MAX && CAIRN_TPM_BYTES_IN(data, &x.event, buffer) == TSS2_RC_SUCCESS) {
        return cairn_tpm_run(tpm, &event, &x, err);
    }
    CAIRN_TRY(hash_banks(tpm, data, &x.digests, err));
    return cairn_tpm_run(tpm, &extend, &x, err);
}
