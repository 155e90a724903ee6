/* tests/unit/tpm/raw.h -- a second, plain ESYS context on the same wire: the other software on the device, or the attacker. */
#ifndef CAIRN_TESTS_TPM_RAW_H
#define CAIRN_TESTS_TPM_RAW_H

#include <tss2/tss2_esys.h>
#include <tss2/tss2_mu.h>

#include "unit/tpm/device.h"

#define RAW_OK(expr) assert_int_equal((expr), TSS2_RC_SUCCESS)
enum { RAW_PW = ESYS_TR_PASSWORD, RAW_NO = ESYS_TR_NONE };

static CAIRN_UNUSED ESYS_CONTEXT *raw_open(struct device *d)
{
    ESYS_CONTEXT *e = NULL;
    RAW_OK(Esys_Initialize(&e, cairn_tap_context(d->tap), NULL));
    return e;
}

static CAIRN_UNUSED void raw_auth(struct device *d, ESYS_TR hierarchy, const char *old, const char *new)
{
    ESYS_CONTEXT *e = raw_open(d);
    TPM2B_AUTH was = {.size = (UINT16)strlen(old)}, is = {.size = (UINT16)strlen(new)};
    memcpy(was.buffer, old, was.size);
    memcpy(is.buffer, new, is.size);
    RAW_OK(Esys_TR_SetAuth(e, hierarchy, &was));
    RAW_OK(Esys_HierarchyChangeAuth(e, hierarchy, RAW_PW, RAW_NO, RAW_NO, &is));
    Esys_Finalize(&e);
}

/* Clears through the platform, which no test takes: the way back from everything. */
static CAIRN_UNUSED void raw_clear(struct device *d)
{
    ESYS_CONTEXT *e = raw_open(d);
    RAW_OK(Esys_ClearControl(e, ESYS_TR_RH_PLATFORM, RAW_PW, RAW_NO, RAW_NO, TPM2_NO));
    RAW_OK(Esys_Clear(e, ESYS_TR_RH_PLATFORM, RAW_PW, RAW_NO, RAW_NO));
    Esys_Finalize(&e);
}

static CAIRN_UNUSED void raw_persist_primary(struct device *d, ESYS_TR hierarchy, const struct cairn_area *template,
                                             uint32_t handle)
{
    ESYS_CONTEXT *e = raw_open(d);
    TPM2B_SENSITIVE_CREATE nothing = {0};
    TPM2B_DATA outside = {0};
    TPML_PCR_SELECTION creation = {0};
    TPM2B_PUBLIC public = {0};
    ESYS_TR key = RAW_NO, persistent = RAW_NO;
    size_t used = 0;
    RAW_OK(Tss2_MU_TPMT_PUBLIC_Unmarshal(template->bytes, template->len, &used, &public.publicArea));
    RAW_OK(Esys_CreatePrimary(e, hierarchy, RAW_PW, RAW_NO, RAW_NO, &nothing, &public, &outside, &creation, &key, NULL, NULL,
                              NULL, NULL));
    RAW_OK(Esys_EvictControl(e, ESYS_TR_RH_OWNER, key, RAW_PW, RAW_NO, RAW_NO, handle, &persistent));
    RAW_OK(Esys_FlushContext(e, key));
    Esys_Finalize(&e);
}

static CAIRN_UNUSED void raw_evict(struct device *d, uint32_t handle)
{
    ESYS_CONTEXT *e = raw_open(d);
    ESYS_TR key = RAW_NO, gone = RAW_NO;
    RAW_OK(Esys_TR_FromTPMPublic(e, handle, RAW_NO, RAW_NO, RAW_NO, &key));
    RAW_OK(Esys_EvictControl(e, ESYS_TR_RH_OWNER, key, RAW_PW, RAW_NO, RAW_NO, handle, &gone));
    Esys_Finalize(&e);
}

static CAIRN_UNUSED void raw_undefine(struct device *d, uint32_t index)
{
    ESYS_CONTEXT *e = raw_open(d);
    ESYS_TR nv = RAW_NO;
    RAW_OK(Esys_TR_FromTPMPublic(e, index, RAW_NO, RAW_NO, RAW_NO, &nv));
    RAW_OK(Esys_NV_UndefineSpace(e, ESYS_TR_RH_OWNER, nv, RAW_PW, RAW_NO, RAW_NO));
    Esys_Finalize(&e);
}

static CAIRN_UNUSED ESYS_TR raw_define(ESYS_CONTEXT *e, const TPMS_NV_PUBLIC *public)
{
    TPM2B_NV_PUBLIC in = {.nvPublic = *public};
    TPM2B_AUTH none = {0};
    ESYS_TR nv = RAW_NO;
    RAW_OK(Esys_NV_DefineSpace(e, ESYS_TR_RH_OWNER, RAW_PW, RAW_NO, RAW_NO, &none, &in, &nv));
    return nv;
}

/* How often a wrong DA-protected authorization was seen: Cairn must never cost one. */
static CAIRN_UNUSED uint32_t lockout_counter(struct device *d)
{
    struct cairn_tpm_info info = {0};
    OK(d, cairn_tpm_info(d->tpm, &info, &d->err));
    return info.lockout_counter;
}

/* No transient object and no session may be left. */
static CAIRN_UNUSED void assert_clean(struct device *d)
{
    struct cairn_audit_handles handles = {0};
    OK(d, cairn_tpm_handles(d->tpm, 0x80000000u, &handles, &d->err));
    assert_int_equal(handles.num, 0);
    OK(d, cairn_tpm_handles(d->tpm, 0x02000000u, &handles, &d->err));
    assert_int_equal(handles.num, 0);
}

/* TPM2_PCR_Extend of the SHA-256 bank as bytes, to be injected while a policy session is under way. */
static CAIRN_UNUSED struct cairn_span raw_extend_command(uint8_t out[65], uint32_t pcr)
{
    struct cairn_writer w = cairn_writer(out, 65);
    const uint8_t digest[32] = {1};
    cairn_write_u16(&w, 0x8002);
    cairn_write_u32(&w, 65);
    cairn_write_u32(&w, TPM2_CC_PCR_Extend);
    cairn_write_u32(&w, pcr);
    cairn_write_u32(&w, 9);
    cairn_write_u32(&w, 0x40000009u);
    cairn_write_u16(&w, 0);
    cairn_write_u8(&w, 0);
    cairn_write_u16(&w, 0);
    cairn_write_u32(&w, 1);
    cairn_write_u16(&w, TPM2_ALG_SHA256);
    cairn_write_bytes(&w, CAIRN_SPAN(digest));
    assert_true(cairn_writer_ok(&w));
    return cairn_writer_span(&w);
}

static CAIRN_UNUSED void inject_extend(struct cairn_tap *tap, void *arg)
{
    uint8_t bytes[65];
    assert_true(cairn_tap_inject(tap, raw_extend_command(bytes, *(uint32_t *)arg)));
}

#endif
