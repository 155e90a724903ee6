/* tests/unit/tpm/test_tpm_vault.c -- vault.c, grant.c, policy_session.c, session.c: what is sealed opens here, now, and
 * nowhere else; and what it held is on no wire and stays in no memory. */
#include "unit/tpm/raw.h"

#include "tpm_data/wrap.h"

static struct device *d;
static uint8_t key[32];

static int setup(void **state)
{
    (void)state;
    d = device_new(false);
    device_provision(d);
    cairn_swtpm_save(d->swtpm, "provisioned");
    memset(key, 0xC7, sizeof key);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    device_free(d);
    return 0;
}

static int fresh(void **state)
{
    (void)state;
    cairn_tap_free(d->tap);
    cairn_tpm_close(d->tpm);
    d->tpm = NULL;
    cairn_swtpm_restore(d->swtpm, "provisioned");
    d->tap = cairn_tap_new(d->swtpm);
    d->config.given = cairn_tap_context(d->tap);
    device_open(d);
    cairn_tap_reset(d->tap);
    return 0;
}

static void seal(uint64_t bound, struct cairn_sealed *out)
{
    uint8_t policy[32];
    device_vault_policy(d, bound, policy);
    OK(d, cairn_tpm_seal(d->tpm, CAIRN_SPAN(key), policy, out, &d->err));
}

static void unseals_to_key(const struct cairn_sealed *sealed, const struct cairn_approval *approval, uint64_t bound)
{
    CAIRN_SECRET *secret = NULL;
    OK(d, cairn_tpm_unseal(d->tpm, sealed, approval, bound, &secret, &d->err));
    assert_true(cairn_span_equal(cairn_secret_span(secret), CAIRN_SPAN(key)));
}

static void a_sealed_key_opens_in_the_approved_state_and_is_never_on_the_wire(void **state)
{
    (void)state;
    struct cairn_sealed sealed = {0};
    struct cairn_approval approval;
    uint64_t epoch = device_epoch(d);
    seal(epoch, &sealed);
    device_approve_vault(d, &approval);
    unseals_to_key(&sealed, &approval, epoch);
    assert_false(cairn_tap_saw(d->tap, CAIRN_SPAN(key)));
    assert_clean(d);
}

static void seals_up_to_96_bytes(void **state)
{
    (void)state;
    uint8_t big[CAIRN_TPM_SEAL_MAX + 1] = {1}, policy[32];
    struct cairn_sealed sealed = {0};
    struct cairn_approval approval;
    CAIRN_SECRET *secret = NULL;
    uint64_t epoch = device_epoch(d);
    device_vault_policy(d, epoch, policy);
    device_approve_vault(d, &approval);
    REFUSES(d, CAIRN_E_USAGE, "tpm.seal.length", cairn_tpm_seal(d->tpm, CAIRN_SPAN(big), policy, &sealed, &d->err));
    REFUSES(d, CAIRN_E_USAGE, "tpm.seal.length", cairn_tpm_seal(d->tpm, cairn_span(big, 0), policy, &sealed, &d->err));
    OK(d, cairn_tpm_seal(d->tpm, cairn_span(big, CAIRN_TPM_SEAL_MAX), policy, &sealed, &d->err));
    OK(d, cairn_tpm_unseal(d->tpm, &sealed, &approval, epoch, &secret, &d->err));
    assert_int_equal(cairn_secret_span(secret).len, CAIRN_TPM_SEAL_MAX);
}

static void another_boot_state_needs_a_new_approval_and_no_reseal(void **state)
{
    (void)state;
    struct cairn_sealed sealed = {0};
    struct cairn_approval approval;
    CAIRN_SECRET *secret = NULL;
    uint64_t epoch = device_epoch(d);
    seal(epoch, &sealed);
    device_approve_vault(d, &approval);
    OK(d, cairn_tpm_pcr_extend(d->tpm, CAIRN_PCR_USERSPACE, cairn_span_str("update"), &d->err));
    REFUSES(d, CAIRN_E_REFUSED, "vault.boot", cairn_tpm_unseal(d->tpm, &sealed, &approval, epoch, &secret, &d->err));
    assert_null(secret);
    device_approve_vault(d, &approval);
    unseals_to_key(&sealed, &approval, epoch);
    assert_clean(d);
}

static void past_the_bound_it_is_dead(void **state)
{
    (void)state;
    struct cairn_sealed sealed = {0};
    struct cairn_approval approval;
    CAIRN_SECRET *secret = NULL;
    uint64_t epoch = device_epoch(d);
    seal(epoch + 1, &sealed);
    device_approve_vault(d, &approval);
    OK(d, cairn_tpm_epoch_increment(d->tpm, &d->err));
    unseals_to_key(&sealed, &approval, epoch + 1);
    OK(d, cairn_tpm_epoch_increment(d->tpm, &d->err));
    REFUSES(d, CAIRN_E_REFUSED, "vault.epoch", cairn_tpm_unseal(d->tpm, &sealed, &approval, epoch + 1, &secret, &d->err));
    REFUSES(d, CAIRN_E_REFUSED, "vault.policy", cairn_tpm_unseal(d->tpm, &sealed, &approval, epoch + 2, &secret, &d->err));
}

static void an_altered_object_or_a_forged_approval_is_refused(void **state)
{
    (void)state;
    struct cairn_sealed sealed = {0}, bad;
    struct cairn_approval approval;
    CAIRN_SECRET *secret = NULL;
    uint64_t epoch = device_epoch(d);
    seal(epoch, &sealed);
    device_approve_vault(d, &approval);
    bad = sealed;
    bad.private_area[bad.private_len - 1] ^= 1;
    REFUSES(d, CAIRN_E_REFUSED, "vault.object", cairn_tpm_unseal(d->tpm, &bad, &approval, epoch, &secret, &d->err));
    bad = sealed;
    bad.public_area[12] ^= 1; /* its policy */
    REFUSES(d, CAIRN_E_REFUSED, "vault.object", cairn_tpm_unseal(d->tpm, &bad, &approval, epoch, &secret, &d->err));
    bad.public_len--;
    REFUSES(d, CAIRN_E_REFUSED, "vault.object", cairn_tpm_unseal(d->tpm, &bad, &approval, epoch, &secret, &d->err));
    CAIRN_SIGNER *foreign = NULL;
    uint8_t digest[32];
    OK(d, cairn_signer_generate(&foreign, &d->err));
    OK(d, cairn_policy_approval_digest(approval.approved, approval.ref, digest, &d->err));
    struct cairn_approval forged = approval;
    OK(d, cairn_signer_public(foreign, &forged.signer, &d->err));
    REFUSES(d, CAIRN_E_REFUSED, "approval.signature", cairn_tpm_unseal(d->tpm, &sealed, &forged, epoch, &secret, &d->err));
    OK(d, cairn_signer_sign(foreign, digest, forged.rs, &d->err));
    REFUSES(d, CAIRN_E_REFUSED, "vault.policy", cairn_tpm_unseal(d->tpm, &sealed, &forged, epoch, &secret, &d->err));
    assert_clean(d);
}

/* Breaks the HMAC of every ticket in the cache. */
static bool break_ticket(void *arg, const char *name)
{
    CAIRN_BUF file = {0};
    unsigned *broken = arg;
    if (strstr(name, ".ticket") != NULL) {
        OK(d, cairn_file_read(d->cache, name, 500, &file, &d->err));
        file.p[file.len - 1] ^= 1;
        OK(d, cairn_file_replace(d->cache, name, cairn_buf_span(&file), 0600, &d->err));
        *broken += 1;
    }
    return true;
}

static void a_damaged_ticket_or_blob_in_the_cache_only_costs_commands(void **state)
{
    (void)state;
    struct cairn_sealed sealed = {0};
    struct cairn_approval approval;
    unsigned broken = 0;
    uint64_t epoch = device_epoch(d);
    seal(epoch, &sealed);
    device_approve_vault(d, &approval);
    unseals_to_key(&sealed, &approval, epoch);
    OK(d, cairn_file_each(d->cache, break_ticket, &broken, &d->err));
    assert_true(broken > 0);
    device_open(d);
    cairn_tap_reset(d->tap);
    unseals_to_key(&sealed, &approval, epoch);
    assert_int_equal(cairn_tap_count_of(d->tap, TPM2_CC_VerifySignature), 1);
    device_open(d);
    cairn_tap_reset(d->tap);
    unseals_to_key(&sealed, &approval, epoch);
    assert_int_equal(cairn_tap_count(d->tap), 7);
    static const char *const blobs[] = {"tpm-srk.tr", "tpm-epoch.tr", "tpm-ak.tr"};
    for (unsigned i = 0; i < CAIRN_ARRAY_LEN(blobs); i++) {
        OK(d, cairn_file_replace(d->cache, blobs[i], cairn_span_str("rubbish"), 0600, &d->err));
    }
    device_open(d);
    unseals_to_key(&sealed, &approval, epoch);
    assert_clean(d);
}

/* A blob of the genuine key with another handle in it: ESYS would accept it. */
static void a_cached_blob_with_another_handle_is_not_used(void **state)
{
    (void)state;
    CAIRN_BUF file = {0};
    (void)device_epoch(d);
    device_open(d);
    (void)device_epoch(d);
    OK(d, cairn_file_read(d->cache, "tpm-srk.tr", 500, &file, &d->err));
    static const uint8_t handle[] = {0x81, 0x00, 0x00, 0x01};
    uint8_t *at = memmem(file.p, file.len, handle, sizeof handle);
    assert_non_null(at);
    at[3] = 2;
    OK(d, cairn_file_replace(d->cache, "tpm-srk.tr", cairn_buf_span(&file), 0600, &d->err));
    device_open(d);
    cairn_tap_reset(d->tap);
    (void)device_epoch(d);
    assert_int_equal(cairn_tap_count_of(d->tap, TPM2_CC_ReadPublic), 1);
    assert_int_equal(cairn_tap_count(d->tap), 3); /* nothing was tried with it */
}

/* FACTS T2: what a session satisfied before the kill is worth nothing after increment and cap. */
static void a_policy_session_satisfied_before_the_kill_does_not_unseal_after_it(void **state)
{
    (void)state;
    struct cairn_sealed sealed = {0};
    struct cairn_approval approval;
    uint64_t epoch = device_epoch(d);
    seal(epoch, &sealed);
    device_approve_vault(d, &approval);
    ESYS_CONTEXT *e = raw_open(d);
    const TPMT_SYM_DEF none = {.algorithm = TPM2_ALG_NULL};
    const TPM2B_DIGEST any = {0};
    TPM2B_PUBLIC public = {0}, external = {0};
    TPM2B_PRIVATE private = {.size = (UINT16)sealed.private_len};
    TPM2B_DIGEST approved = {.size = 32}, digest = {.size = 32};
    TPM2B_NONCE ref = {.size = 32};
    TPM2B_NAME signer = {.size = 34};
    TPM2B_OPERAND limit = {.size = 8};
    TPML_PCR_SELECTION pcrs = {0};
    TPMT_SIGNATURE signature = {.sigAlg = TPM2_ALG_ECDSA};
    TPMT_TK_VERIFIED *ticket = NULL;
    TPM2B_SENSITIVE_DATA *out = NULL;
    ESYS_TR srk = RAW_NO, object = RAW_NO, session = RAW_NO, nv = RAW_NO, ext = RAW_NO;
    struct cairn_area area = {0};
    struct cairn_name name = {0};
    uint8_t selection[CAIRN_SELECTION_LEN];
    size_t used = 0;
    RAW_OK(Tss2_MU_TPMT_PUBLIC_Unmarshal(sealed.public_area, sealed.public_len, &used, &public.publicArea));
    memcpy(private.buffer, sealed.private_area, sealed.private_len);
    cairn_template_pcrpolicy(&d->signer, &area);
    name_of(&area, &name);
    used = 0;
    RAW_OK(Tss2_MU_TPMT_PUBLIC_Unmarshal(area.bytes, area.len, &used, &external.publicArea));
    memcpy(signer.name, name.bytes, 34);
    memcpy(approved.buffer, approval.approved, 32);
    memcpy(ref.buffer, approval.ref, 32);
    limit.buffer[7] = (BYTE)epoch;
    cairn_selection_marshal(approval.mask, selection);
    used = 0;
    RAW_OK(Tss2_MU_TPML_PCR_SELECTION_Unmarshal(selection, sizeof selection, &used, &pcrs));
    OK(d, cairn_policy_approval_digest(approval.approved, approval.ref, digest.buffer, &d->err));
    signature.signature.ecdsa.hash = TPM2_ALG_SHA256;
    signature.signature.ecdsa.signatureR.size = signature.signature.ecdsa.signatureS.size = 32;
    memcpy(signature.signature.ecdsa.signatureR.buffer, approval.rs, 32);
    memcpy(signature.signature.ecdsa.signatureS.buffer, approval.rs + 32, 32);
    RAW_OK(Esys_TR_FromTPMPublic(e, d->config.srk, RAW_NO, RAW_NO, RAW_NO, &srk));
    RAW_OK(Esys_TR_FromTPMPublic(e, d->config.epoch, RAW_NO, RAW_NO, RAW_NO, &nv));
    RAW_OK(Esys_LoadExternal(e, RAW_NO, RAW_NO, RAW_NO, NULL, &external, ESYS_TR_RH_OWNER, &ext));
    RAW_OK(Esys_VerifySignature(e, ext, RAW_NO, RAW_NO, RAW_NO, &digest, &signature, &ticket));
    RAW_OK(Esys_FlushContext(e, ext));
    RAW_OK(Esys_Load(e, srk, RAW_PW, RAW_NO, RAW_NO, &private, &public, &object));
    RAW_OK(Esys_StartAuthSession(e, RAW_NO, ESYS_TR_RH_NULL, RAW_NO, RAW_NO, RAW_NO, NULL, TPM2_SE_POLICY, &none,
                                 TPM2_ALG_SHA256, &session));
    RAW_OK(Esys_PolicyPCR(e, session, RAW_NO, RAW_NO, RAW_NO, &any, &pcrs));
    RAW_OK(Esys_PolicyAuthorize(e, session, RAW_NO, RAW_NO, RAW_NO, &approved, &ref, &signer, ticket));
    RAW_OK(Esys_PolicyNV(e, nv, nv, session, RAW_PW, RAW_NO, RAW_NO, &limit, 0, TPM2_EO_UNSIGNED_LE));
    free(ticket);
    OK(d, cairn_tpm_epoch_increment(d->tpm, &d->err));
    OK(d, cairn_tpm_pcr_extend(d->tpm, CAIRN_PCR_USERSPACE, cairn_span_str("cairn.cap.v1"), &d->err));
    assert_int_equal(Esys_Unseal(e, object, session, RAW_NO, RAW_NO, &out), TPM2_RC_PCR_CHANGED);
    RAW_OK(Esys_FlushContext(e, session));
    RAW_OK(Esys_FlushContext(e, object));
    Esys_Finalize(&e);
}

static void pcrs_that_keep_changing_are_retried_with_a_bound(void **state)
{
    (void)state;
    struct cairn_sealed sealed = {0};
    struct cairn_approval approval;
    CAIRN_SECRET *secret = NULL;
    uint32_t ima = CAIRN_PCR_IMA;
    uint64_t epoch = device_epoch(d);
    seal(epoch, &sealed);
    device_approve_vault(d, &approval);
    cairn_tap_before(d->tap, TPM2_CC_Unseal, 5, inject_extend, &ima);
    unseals_to_key(&sealed, &approval, epoch);
    assert_int_equal(cairn_tap_count_of(d->tap, TPM2_CC_Unseal), 6);
    cairn_tap_before(d->tap, TPM2_CC_Unseal, 1000, inject_extend, &ima);
    REFUSES(d, CAIRN_E_BUSY, "tpm.retry", cairn_tpm_unseal(d->tpm, &sealed, &approval, epoch, &secret, &d->err));
    assert_clean(d);
}

struct grant {
    struct cairn_area public_area;
    struct cairn_blob duplicate, seed;
};

static void make_grant(uint64_t from, struct grant *out)
{
    uint8_t policy[32], digest[32], values[CAIRN_NUM_PCRS][32] = {{0}}, unique[32] = {8};
    CAIRN_SIGNER *ephemeral = NULL;
    struct cairn_ec_key srk;
    OK(d, cairn_signer_generate(&ephemeral, &d->err));
    OK(d, cairn_public_srk_check(cairn_area_span(&d->keys.srk), &srk, &d->err));
    OK(d, cairn_tpm_pcr_read(d->tpm, DEVICE_MASK, values, &d->err));
    OK(d, cairn_pcr_digest(DEVICE_MASK, (const uint8_t(*)[32])values, digest, &d->err));
    OK(d, cairn_policy_grant(DEVICE_MASK, digest, &d->pins.epoch, from, policy, &d->err));
    OK(d, cairn_wrap_import(ephemeral, &srk, policy, unique, CAIRN_SPAN(key), &out->public_area, &out->duplicate, &out->seed,
                            &d->err));
}

static enum cairn_rc open_grant(const struct grant *g, uint64_t from, struct cairn_secret **out)
{
    return cairn_tpm_import(d->tpm, cairn_area_span(&g->public_area), cairn_blob_span(&g->duplicate), cairn_blob_span(&g->seed),
                            DEVICE_MASK, from, out, &d->err);
}

static void a_grant_opens_on_this_tpm_in_this_state_until_its_epoch_moves(void **state)
{
    (void)state;
    struct grant g = {0};
    CAIRN_SECRET *secret = NULL, *again = NULL;
    uint64_t epoch = device_epoch(d);
    make_grant(epoch, &g);
    cairn_tap_reset(d->tap);
    OK(d, open_grant(&g, epoch, &secret));
    assert_true(cairn_span_equal(cairn_secret_span(secret), CAIRN_SPAN(key)));
    assert_false(cairn_tap_saw(d->tap, CAIRN_SPAN(key)));
    assert_in_range(cairn_tap_count(d->tap), 7, 8);
    assert_clean(d);
    OK(d, cairn_tpm_epoch_increment(d->tpm, &d->err));
    REFUSES(d, CAIRN_E_REFUSED, "grant.epoch", open_grant(&g, epoch, &again));
    make_grant(epoch + 1, &g);
    OK(d, cairn_tpm_pcr_extend(d->tpm, CAIRN_PCR_USERSPACE, cairn_span_str("later"), &d->err));
    REFUSES(d, CAIRN_E_REFUSED, "grant.boot", open_grant(&g, epoch + 1, &again));
    assert_null(again);
}

static void an_altered_grant_is_refused(void **state)
{
    (void)state;
    struct grant g = {0}, bad;
    CAIRN_SECRET *secret = NULL;
    uint64_t epoch = device_epoch(d);
    make_grant(epoch, &g);
    bad = g;
    bad.duplicate.bytes[bad.duplicate.len - 1] ^= 1;
    REFUSES(d, CAIRN_E_REFUSED, "grant.object", open_grant(&bad, epoch, &secret));
    bad = g;
    bad.public_area.bytes[12] ^= 1;
    REFUSES(d, CAIRN_E_REFUSED, "grant.object", open_grant(&bad, epoch, &secret));
    bad = g;
    bad.public_area.len--;
    REFUSES(d, CAIRN_E_REFUSED, "grant.object", open_grant(&bad, epoch, &secret));
    assert_clean(d);
}

/* Searches every writable mapping for `masked` ^ 0xAA, without ever making a copy of it. Reads what no program should, so a
 * sanitizer must not look; its own huge shadow is left out. */
__attribute__((no_sanitize("address", "undefined"))) static unsigned copies_in_memory(const uint8_t masked[32])
{
    unsigned found = 0;
    FILE *maps = fopen("/proc/self/maps", "re");
    char line[512];
    assert_non_null(maps);
    while (fgets(line, sizeof line, maps) != NULL) {
        unsigned long from = 0, to = 0;
        char access[8] = "";
        if (sscanf(line, "%lx-%lx %7s", &from, &to, access) != 3 || strncmp(access, "rw", 2) != 0 || to - from > 1ul << 28) {
            continue;
        }
        const volatile uint8_t *p = (const volatile uint8_t *)from;
        for (size_t i = 0; i + 32 <= to - from; i++) {
            size_t n = 0;
            while (n < 32 && (p[i + n] ^ 0xAA) == masked[n]) {
                n++;
            }
            found += n == 32 ? 1 : 0;
        }
    }
    (void)fclose(maps);
    return found;
}

static void a_secret_stays_in_no_memory_but_its_own(void **state)
{
    (void)state;
    uint8_t policy[32], masked[32];
    struct cairn_sealed sealed = {0};
    struct cairn_approval approval;
    struct cairn_secret *secret = NULL;
    uint64_t epoch = device_epoch(d);
    device_vault_policy(d, epoch, policy);
    device_approve_vault(d, &approval);
    OK(d, cairn_secret_new(32, &secret, &d->err));
    OK(d, cairn_random(cairn_secret_bytes(secret), 32, &d->err));
    for (size_t i = 0; i < 32; i++) {
        masked[i] = cairn_secret_bytes(secret)[i] ^ 0xAA;
    }
    assert_int_equal(copies_in_memory(masked), 1); /* the search finds what is there */
    OK(d, cairn_tpm_seal(d->tpm, cairn_secret_span(secret), policy, &sealed, &d->err));
    assert_int_equal(copies_in_memory(masked), 1);
    cairn_secret_free(secret);
    secret = NULL;
    assert_int_equal(copies_in_memory(masked), 0);
    OK(d, cairn_tpm_unseal(d->tpm, &sealed, &approval, epoch, &secret, &d->err));
    assert_int_equal(copies_in_memory(masked), 1);
    cairn_secret_free(secret);
    assert_int_equal(copies_in_memory(masked), 0);
    assert_int_equal(device_epoch(d), epoch); /* and the context still works */
}

int main(void)
{
    (void)setenv("TSS2_LOG", "all+none", 1);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(a_sealed_key_opens_in_the_approved_state_and_is_never_on_the_wire, fresh),
        cmocka_unit_test_setup(seals_up_to_96_bytes, fresh),
        cmocka_unit_test_setup(another_boot_state_needs_a_new_approval_and_no_reseal, fresh),
        cmocka_unit_test_setup(past_the_bound_it_is_dead, fresh),
        cmocka_unit_test_setup(an_altered_object_or_a_forged_approval_is_refused, fresh),
        cmocka_unit_test_setup(a_damaged_ticket_or_blob_in_the_cache_only_costs_commands, fresh),
        cmocka_unit_test_setup(a_cached_blob_with_another_handle_is_not_used, fresh),
        cmocka_unit_test_setup(a_policy_session_satisfied_before_the_kill_does_not_unseal_after_it, fresh),
        cmocka_unit_test_setup(pcrs_that_keep_changing_are_retried_with_a_bound, fresh),
        cmocka_unit_test_setup(a_grant_opens_on_this_tpm_in_this_state_until_its_epoch_moves, fresh),
        cmocka_unit_test_setup(an_altered_grant_is_refused, fresh),
        cmocka_unit_test_setup(a_secret_stays_in_no_memory_but_its_own, fresh),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
