/* tests/unit/tpm/test_attack_session.c -- attacks on the bus, and on what the attestation key may sign.
 *
 * Each test is one line of docs/threat-model.md: an interposer that reads or alters the wire (40, 67, 68), and a root who has
 * the genuine key sign a text of his own (50).
 */
#include "unit/tpm/raw.h"

#include "tpm_data/claim.h"

static struct device *d;
static uint8_t key[32];

static int setup(void **state)
{
    (void)state;
    memset(key, 0xB4, sizeof key);
    d = device_new(false);
    device_provision(d);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    device_free(d);
    return 0;
}

static int reopened(void **state)
{
    (void)state;
    device_open(d);
    cairn_tap_reset(d->tap);
    return 0;
}

static void seal_and_unseal(void)
{
    uint8_t policy[32];
    struct cairn_sealed sealed = {0};
    struct cairn_approval approval;
    CAIRN_SECRET *secret = NULL;
    uint64_t epoch = device_epoch(d);
    device_vault_policy(d, epoch, policy);
    device_approve_vault(d, &approval);
    OK(d, cairn_tpm_seal(d->tpm, CAIRN_SPAN(key), policy, &sealed, &d->err));
    OK(d, cairn_tpm_unseal(d->tpm, &sealed, &approval, epoch, &secret, &d->err));
    assert_true(cairn_span_equal(cairn_secret_span(secret), CAIRN_SPAN(key)));
}

/* One command of the log, or one answer: both begin with tag, size, code. */
static uint32_t next_packet(struct cairn_reader *log, struct cairn_reader *body)
{
    (void)cairn_read_u16(log);
    uint32_t size = cairn_read_u32(log);
    uint32_t code = cairn_read_u32(log);
    *body = cairn_reader(cairn_read_bytes(log, size - 10));
    assert_true(cairn_reader_ok(log));
    return code;
}

static void assert_salted(struct cairn_reader *r)
{
    assert_int_equal(cairn_read_u32(r), d->config.srk); /* tpmKey */
    (void)cairn_read_u32(r);                            /* bind */
    (void)cairn_read_tpm2b(r, 64);                      /* nonceCaller */
    struct cairn_span salt = cairn_read_tpm2b(r, 256);
    (void)cairn_read_u8(r); /* type */
    assert_true(salt.len > 0);
    assert_int_equal(cairn_read_u16(r), TPM2_ALG_AES);
    assert_true(cairn_reader_ok(r));
}

/* Without the salt an interposer knows the session key: it decrypts what is read and forges every answer. */
static void every_session_is_salted_to_the_pinned_storage_key(void **state)
{
    (void)state;
    unsigned num = 0;
    uint8_t bytes[CAIRN_ANCHOR_LEN];
    struct cairn_approval approval;
    device_approve_anchor(d, &approval);
    device_anchor_bytes(1, bytes);
    seal_and_unseal();
    OK(d, cairn_tpm_epoch_increment(d->tpm, &d->err));
    OK(d, cairn_tpm_anchor_write(d->tpm, 0, bytes, &approval, &d->err));
    OK(d, cairn_tpm_anchor_read(d->tpm, 0, bytes, &d->err));
    struct cairn_reader log = cairn_reader(cairn_tap_log(d->tap));
    while (log.rest.len > 0) {
        struct cairn_reader command, answer;
        if (next_packet(&log, &command) == TPM2_CC_StartAuthSession) {
            assert_salted(&command);
            num++;
        }
        (void)next_packet(&log, &answer);
    }
    assert_int_equal(num, 6); /* read, seal, unseal, increment, write, read */
}

/* ESYS takes encryption off a session for a command that has nothing to encrypt, and puts it back only on success. */
static void a_failed_command_takes_no_encryption_from_the_next(void **state)
{
    (void)state;
    static const uint32_t before[] = {TPM2_CC_NV_Increment, TPM2_CC_NV_Read};
    for (size_t i = 0; i < CAIRN_ARRAY_LEN(before); i++) {
        uint64_t value = 0;
        cairn_tap_error(d->tap, TPM2_RC_COMMAND_SIZE);
        cairn_tap_break_code(d->tap, CAIRN_TAP_ERROR, before[i]);
        enum cairn_rc rc = before[i] == TPM2_CC_NV_Read ? cairn_tpm_epoch_read(d->tpm, &value, &d->err)
                                                        : cairn_tpm_epoch_increment(d->tpm, &d->err);
        assert_int_equal(rc, CAIRN_E_TPM);
        assert_string_equal(d->err.code, "tpm.response");
        assert_true(cairn_tap_broke(d->tap));
        seal_and_unseal();
        assert_false(cairn_tap_saw(d->tap, CAIRN_SPAN(key)));
        cairn_tap_reset(d->tap);
    }
}

/* The first answer has one bit changed, byte by byte; what comes after is honest. */
static void no_changed_bit_in_a_counters_answer_is_believed(void **state)
{
    (void)state;
    const uint64_t truth = device_epoch(d);
    bool broke = true;
    for (size_t from_end = 0; broke && from_end < 128; from_end++) {
        uint64_t value = truth;
        cairn_tap_reset(d->tap);
        cairn_tap_flip(d->tap, from_end);
        cairn_tap_break_code(d->tap, CAIRN_TAP_FLIP, TPM2_CC_NV_Read);
        enum cairn_rc rc = cairn_tpm_epoch_read(d->tpm, &value, &d->err);
        broke = cairn_tap_broke(d->tap);
        assert_true(broke);
        assert_int_equal(value, truth);
        assert_true(rc == CAIRN_OK || rc == CAIRN_E_TPM || rc == CAIRN_E_BUSY);
    }
    cairn_tap_reset(d->tap);
    assert_int_equal(device_epoch(d), truth);
}

/* Signs `att->attest` as it stands with the genuine AK, through the ticket that a restricted key demands. */
static TSS2_RC sign_with_ak(struct cairn_attestation *att)
{
    const TPMT_SIG_SCHEME scheme = {.scheme = TPM2_ALG_NULL};
    ESYS_CONTEXT *e = raw_open(d);
    ESYS_TR ak = RAW_NO;
    TPM2B_MAX_BUFFER data = {.size = (UINT16)att->attest_len};
    TPM2B_DIGEST *digest = NULL;
    TPMT_TK_HASHCHECK *ticket = NULL;
    TPMT_SIGNATURE *signature = NULL;
    memcpy(data.buffer, att->attest, att->attest_len);
    RAW_OK(Esys_TR_FromTPMPublic(e, d->config.ak, RAW_NO, RAW_NO, RAW_NO, &ak));
    RAW_OK(Esys_Hash(e, RAW_NO, RAW_NO, RAW_NO, &data, TPM2_ALG_SHA256, ESYS_TR_RH_OWNER, &digest, &ticket));
    TSS2_RC rc = Esys_Sign(e, ak, RAW_PW, RAW_NO, RAW_NO, digest, &scheme, ticket, &signature);
    if (rc == TSS2_RC_SUCCESS) {
        att->signature_len = 0;
        RAW_OK(Tss2_MU_TPMT_SIGNATURE_Marshal(signature, att->signature, sizeof att->signature, &att->signature_len));
    }
    Esys_Free(digest);
    Esys_Free(ticket);
    Esys_Free(signature);
    Esys_Finalize(&e);
    return rc;
}

static void a_text_that_the_genuine_ak_signed_is_no_attestation(void **state)
{
    (void)state;
    const uint8_t extra[32] = {0x5e};
    const struct cairn_span ak = cairn_area_span(&d->keys.ak);
    struct cairn_attestation att = {.attest_len = 0};
    struct cairn_claim claim = {.clock_ms = 77};
    struct cairn_ec_key point;
    uint8_t rs[64], digest[32];
    OK(d, cairn_tpm_quote(d->tpm, DEVICE_MASK, extra, &att, &d->err));
    memset(att.attest + att.attest_len - 32, 0, 32); /* PCRs that this device never had */
    assert_int_equal(sign_with_ak(&att) & 0xBF, TPM2_RC_TICKET);
    att.attest[3] ^= 1;
    RAW_OK(sign_with_ak(&att));
    OK(d, cairn_public_point(ak, &point, &d->err));
    OK(d, cairn_signature_parse(cairn_span(att.signature, att.signature_len), rs, &d->err));
    OK(d, cairn_sha256(cairn_span(att.attest, att.attest_len), digest, &d->err));
    OK(d, cairn_ecdsa_verify(&point, digest, rs, &d->err));
    REFUSES(d, CAIRN_E_REFUSED, "attestation.magic", cairn_claim_verify(&att, CAIRN_CLAIM_QUOTE, ak, extra, &claim, &d->err));
    assert_int_equal(claim.clock_ms, 77);
}

int main(void)
{
    (void)setenv("TSS2_LOG", "all+none", 1);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(every_session_is_salted_to_the_pinned_storage_key, reopened),
        cmocka_unit_test_setup(a_failed_command_takes_no_encryption_from_the_next, reopened),
        cmocka_unit_test_setup(no_changed_bit_in_a_counters_answer_is_believed, reopened),
        cmocka_unit_test_setup(a_text_that_the_genuine_ak_signed_is_no_attestation, reopened),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
