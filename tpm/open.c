/* tpm/open.c -- opening and closing: TCTI, recorder, ESYS context. No TPM command is sent here. */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <tss2/tss2_tctildr.h>

#include "tpm/tpm_internal.h"

struct cairn_tpm_config cairn_tpm_config_default(void)
{
    return (struct cairn_tpm_config){
        .ak = 0x81010002, .srk = 0x81000001, .epoch = 0x01800100, .anchor = {0x01800101, 0x01800102}};
}

/* Behind the kernel's or tpm2-abrmd's resource manager handles are per connection and flushed at its end. */
static bool is_managed(const struct cairn_tpm_config *config)
{
    if (config->given != NULL) {
        return false;
    }
    if (config->tcti == NULL) {
        return access("/dev/tpmrm0", F_OK) == 0;
    }
    return strstr(config->tcti, "tpmrm") != NULL || strstr(config->tcti, "tabrmd") != NULL;
}

const struct cairn_secret *cairn_tpm_auth(const struct cairn_tpm *tpm, ESYS_TR hierarchy)
{
    if (tpm->cleared) {
        return NULL;
    }
    switch (hierarchy) {
    case ESYS_TR_RH_OWNER:
        return tpm->config.owner_auth;
    case ESYS_TR_RH_ENDORSEMENT:
        return tpm->config.endorsement_auth;
    case ESYS_TR_RH_LOCKOUT:
        return tpm->config.lockout_auth;
    default:
        return NULL;
    }
}

TSS2_RC cairn_tpm_apply_auths(struct cairn_tpm *tpm)
{
    static const ESYS_TR hierarchies[] = {ESYS_TR_RH_OWNER, ESYS_TR_RH_ENDORSEMENT, ESYS_TR_RH_LOCKOUT};
    for (size_t i = 0; i < CAIRN_ARRAY_LEN(hierarchies); i++) {
        TPM2B_AUTH auth = {0};
        const struct cairn_secret *secret = cairn_tpm_auth(tpm, hierarchies[i]);
        if (secret != NULL) {
            CAIRN_TPM_TRY(CAIRN_TPM_BYTES_IN(cairn_secret_span(secret), &auth, buffer));
        }
        TSS2_RC rc = Esys_TR_SetAuth(tpm->esys, hierarchies[i], &auth);
        cairn_wipe(&auth, sizeof auth);
        CAIRN_TPM_TRY(rc);
    }
    return TSS2_RC_SUCCESS;
}

static void no_handles(struct cairn_tpm *tpm)
{
    for (size_t i = 0; i < CAIRN_NUM_THINGS; i++) {
        tpm->thing[i] = ESYS_TR_NONE;
    }
    for (size_t i = 0; i < CAIRN_ARRAY_LEN(tpm->object); i++) {
        tpm->object[i] = ESYS_TR_NONE;
        tpm->session[i] = ESYS_TR_NONE;
    }
    tpm->generation++;
}

void cairn_tpm_disconnect(struct cairn_tpm *tpm)
{
    if (tpm->esys != NULL) {
        Esys_Finalize(&tpm->esys);
    }
    cairn_record_tcti_free(tpm->record);
    tpm->record = NULL;
    if (tpm->tcti != NULL) {
        Tss2_TctiLdr_Finalize(&tpm->tcti);
    }
    no_handles(tpm);
}

TSS2_RC cairn_tpm_connect(struct cairn_tpm *tpm)
{
    if (tpm->esys != NULL) {
        return TSS2_RC_SUCCESS;
    }
    if (tpm->config.given == NULL && Tss2_TctiLdr_Initialize(tpm->config.tcti, &tpm->tcti) != TSS2_RC_SUCCESS) {
        tpm->tcti = NULL;
        return CAIRN_TPM_RC_ABSENT;
    }
    tpm->record = cairn_record_tcti_new(tpm->tcti != NULL ? tpm->tcti : tpm->config.given);
    TSS2_RC rc =
        tpm->record == NULL ? TSS2_ESYS_RC_MEMORY : Esys_Initialize(&tpm->esys, cairn_record_tcti_context(tpm->record), NULL);
    if (rc == TSS2_RC_SUCCESS) {
        rc = cairn_tpm_apply_auths(tpm);
    }
    if (rc != TSS2_RC_SUCCESS) {
        cairn_tpm_disconnect(tpm);
    }
    return rc;
}

CAIRN_RC cairn_tpm_open(const struct cairn_tpm_config *config, struct cairn_tpm **out, struct cairn_err *err)
{
    struct cairn_tpm *tpm = calloc(1, sizeof *tpm);
    if (tpm == NULL) {
        return CAIRN_FAIL(err, CAIRN_E_IO, "tpm.memory", "no memory for a TPM context");
    }
    tpm->config = *config;
    tpm->managed = is_managed(config);
    no_handles(tpm);
    TSS2_RC rc = cairn_tpm_connect(tpm);
    if (rc != TSS2_RC_SUCCESS) {
        cairn_tpm_close(tpm);
        return cairn_tpm_fail(CAIRN_TASK_OTHER, CAIRN_STEP_OTHER, rc, err);
    }
    *out = tpm;
    return CAIRN_OK;
}

void cairn_tpm_close(struct cairn_tpm *tpm)
{
    if (tpm != NULL) {
        cairn_tpm_disconnect(tpm);
        cairn_wipe(tpm, sizeof *tpm);
        free(tpm);
    }
}

void cairn_tpm_closep(struct cairn_tpm **tpm)
{
    cairn_tpm_close(*tpm);
    *tpm = NULL;
}

CAIRN_RC cairn_tpm_pin(struct cairn_tpm *tpm, const struct cairn_tpm_pins *pins, struct cairn_err *err)
{
    if (cairn_name_is_none(&pins->srk)) {
        return CAIRN_FAIL(err, CAIRN_E_USAGE, "tpm.unpinned", "the storage key's Name has to be among the pins");
    }
    static const uint8_t unknown[32];
    struct cairn_tpm_pins next = *pins;
    if (memcmp(next.fleet, unknown, sizeof unknown) == 0) {
        struct cairn_reader r = cairn_reader(CAIRN_SPAN(tpm->pins.fleet)); /* what cairn_tpm_keys_make was told */
        cairn_read_array(&r, next.fleet, sizeof next.fleet);
    }
    cairn_tpm_things_forget(tpm, false);
    tpm->pins = next;
    return CAIRN_OK;
}
