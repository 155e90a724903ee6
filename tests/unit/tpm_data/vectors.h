/* tests/unit/tpm_data/vectors.h -- bytes made by a software TPM (libtpms 0.9) with stock tools, and what every test here needs
 * to use them.
 *
 * One TPM made all of them: its AK (x = SHA-256("fleet")), SRK and EK by the templates, the epoch index 0x01800100 at value 2,
 * PCR 7 extended once, a pcrpolicy key loaded with sign | userWithAuth.
 */
#ifndef CAIRN_TESTS_TPM_DATA_VECTORS_H
#define CAIRN_TESTS_TPM_DATA_VECTORS_H

#include "support/cmocka_all.h"

#include "core/crypto_keys.h"
#include "tpm_data/claim.h"
#include "tpm_data/template.h"

/* TPMT_PUBLIC and the Name the TPM gave */
#define VECTOR_AK_PUBLIC                                                                                                       \
    "0023000b00050072000000100018000b00030010002043187ad82a68edd1d743eafa5c2f627fc84f542a1da1ec8faf876b08"                     \
    "3b747b6300206d593eec42e36be0add5da18479c3bf78cebd6da5fd2c3cb96acccdae95d042f"
#define VECTOR_AK_NAME "000bc3fa487433f5d397d1e1d7bb7ea7b98e891a49bf3244f65d7e2bf7ac215fae1a"
#define VECTOR_EK_PUBLIC                                                                                                       \
    "0023000b000300b20020837197674484b3f81a90cc8d46a5d724fd52d76e06520b64f2a1da1b331469aa0006008000430010"                     \
    "000300100020ffeaee760c2b7e98e7baf53e2cc06d161e0aa2e87bae5e5f0dbf157c062e53cd0020dbe6fd6feb4d1e745c7f"                     \
    "3ff1043449b4918c65add63ac15d99565a6e7f809476"
#define VECTOR_EK_NAME "000b157b2fb8cb16b5ddf5d6443ac829cb3a10032c109b8b16a73c92782ff1b9e3f2"
#define VECTOR_SRK_PUBLIC                                                                                                      \
    "0023000b00030472000000060080004300100003001000203733000574e99e61396b6b0b76909113bd6abc64fd582c50cc9f"                     \
    "74943cb5cf120020c4ed36b139be42176197cd56988ea0934f6d62f81abe8328dc937d84ce925309"
#define VECTOR_SRK_NAME "000bc196f9b915abe40f7cdbdd9d903ee367f956724a454bbcc5372fde22d2ee4c03"
#define VECTOR_POL_PUBLIC                                                                                                      \
    "0023000b000400400000001000100003001000209cbc76f89377ad02537bf1eac8c5f84f9f5d878e33a7f839b0eb7fa6f012"                     \
    "779f0020328db0ca94fd9c435cb9fbadd17b505193b39c3cfd6033e243cc7451a794a060"
#define VECTOR_POL_NAME     "000b4ff07565b1442b75c3c600542df1e2d26908a1fcb96f0a5081c49cfbfa40685e"
#define VECTOR_AK_QUALIFIED "000b4e82ee5cc3205faba5467fdf9da5a0e250cb4a5986b3f8e834d11313aa31de9e"
#define VECTOR_EPOCH_NAME   "000bf9be2cb3c3e5d24e4fb6ae37c668ed4e1ef7b709515621fd9ec882fe22aa8b03"
/* the anchor index 0x01800101, unwritten, with VECTOR_POLICY_AUTHORIZE */
#define VECTOR_ANCHOR_NAME "000b5fcabe6a591109af5d787307c9cba228ade03ec60a021894be3c3e8ef15a936d"
/* PCR 0 and 7, and the policy digests of trial sessions: PolicyPCR(sha256:0,7); PolicyAuthorize after it with ref = 32 x 0x11
 * and the pcrpolicy key; then PolicyNV(epoch <= 5); and PolicyPCR o PolicyNV(epoch == 2) */
#define VECTOR_PCR_VALUES                                                                                                      \
    "00000000000000000000000000000000000000000000000000000000000000008a88c4dfe39aa105f2ae5943f78028299226"                     \
    "11c4e5da2eeaaef00fd05ac8020a"
#define VECTOR_POLICY_PCR          "4bd7246fea320dcda7a016136f1f51aba31afba7959e7404dd12dd31dade9e20"
#define VECTOR_POLICY_AUTHORIZE    "08ffa102c8199815a6843aae8dedbd0471bd093b426941558721442d71090cbd"
#define VECTOR_POLICY_AUTHORIZE_NV "3f3171c4e094ea69c458db166d94b01019964e251b9c943c4997ff47b05fc641"
#define VECTOR_POLICY_GRANT        "48d5d423bd46ad9f29bd028492e391386bc78ae4075b1594e5eaf82a4efde060"
/* attestations by the AK: quote of sha256:0,7 and NV_Certify(epoch) over 32 x 0x22, Certify(SRK) over 00ff55aa */
#define VECTOR_QUOTE                                                                                                           \
    "ff54434780180022000b4e82ee5cc3205faba5467fdf9da5a0e250cb4a5986b3f8e834d11313aa31de9e0020222222222222"                     \
    "2222222222222222222222222222222222222222222222222222000000000001268800000001000000000120191023001636"                     \
    "3600000001000b038100000020229ccc77089460fe9c79dd62a46d27e991c5f1997ff2af561d41b5829dd7f03d"
#define VECTOR_QUOTE_SIGNATURE                                                                                                 \
    "0018000b0020373794643c43c8c5e1b83a108b870649d61d4cfb4136c9bf6c1b97c6fea16e66002084d96502e2889d0a1103"                     \
    "29ae1ca200eb03bf416011f5e62af73aaa8702efda5a"
#define VECTOR_NV                                                                                                              \
    "ff54434780140022000b4e82ee5cc3205faba5467fdf9da5a0e250cb4a5986b3f8e834d11313aa31de9e0020222222222222"                     \
    "222222222222222222222222222222222222222222222222222200000000000177aa00000001000000000120191023001636"                     \
    "360022000bf9be2cb3c3e5d24e4fb6ae37c668ed4e1ef7b709515621fd9ec882fe22aa8b03000000080000000000000002"
#define VECTOR_NV_SIGNATURE                                                                                                    \
    "0018000b0020a7b1d9a46dc7bd6178c049255328980fe86d971771e729b75acff0443a46f21000208e29896ea371b406ce3a"                     \
    "c306251828aa6cf4b266c2719bcdf6315d9b6cb16b9c"
#define VECTOR_CERTIFY                                                                                                         \
    "ff54434780170022000b4e82ee5cc3205faba5467fdf9da5a0e250cb4a5986b3f8e834d11313aa31de9e000400ff55aa0000"                     \
    "0000000177be00000001000000000120191023001636360022000bc196f9b915abe40f7cdbdd9d903ee367f956724a454bbc"                     \
    "c5372fde22d2ee4c030022000be02c172ee04ef892bde09483140763b437f0f9b43676de47c54311dcf8f8e5cd"
#define VECTOR_CERTIFY_SIGNATURE                                                                                               \
    "0018000b0020a389d0e0d9c061f4334c1ce385d5e9138e49a5ffae6782abecb569c4e3c89e66002004d037811746f9b9b11a"                     \
    "5c56905f52a5e92e99c84e72b2ac40f2347719f5eea2"
/* an ephemeral key, and what cairn_wrap_* makes with it of secret 40..5f (unique seed 00..1f, policy VECTOR_POLICY_GRANT): the
 * TPM opened both, the object after PolicyPCR and PolicyNV */
#define VECTOR_EPHEMERAL                                                                                                       \
    "-----BEGIN PRIVATE KEY-----\n"                                                                                            \
    "MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQg51Px3W4UejnsZzX4\n"                                                       \
    "14R8Y+NxC9CiyWhAc7uEsRW4/SahRANCAATIJR0Q5bxSqAV4NUUfTggP2v4z2IJ9\n"                                                       \
    "HUShLaSIerQtNZozh0+G8TzbxuMAriEqj8rqDVzcTPIhnI71l0yany8K\n"                                                               \
    "-----END PRIVATE KEY-----\n"
#define VECTOR_CREDENTIAL                                                                                                      \
    "00207a0d91d18ee32d5d7d1d47857ad8e53f894777ba8a036b65abb881b14bf40b71c5da34b2872a106f332600f47927914f"                     \
    "7ca900684bbf08be61b2f88b01248b8fc05f"
#define VECTOR_SEED                                                                                                            \
    "0020c8251d10e5bc52a8057835451f4e080fdafe33d8827d1d44a12da4887ab42d3500209a33874f86f13cdbc6e300ae212a"                     \
    "8fcaea0d5cdc4cf2219c8ef5974c9a9f2f0a"
#define VECTOR_IMPORT_PUBLIC                                                                                                   \
    "0008000b00000400002048d5d423bd46ad9f29bd028492e391386bc78ae4075b1594e5eaf82a4efde06000100020f87cebe5"                     \
    "4d641cf23236575ca7381d14025eb8eb06223fb639f1bdce0dc3e4a4"
#define VECTOR_IMPORT_DUPLICATE                                                                                                \
    "002041ac6b14e930368f7ae3a548cc05d82bb650ba75917e75506c81c5d14476d0793a36318d45b3d269e915394de7789890"                     \
    "ad28a422111b77c776c0629bf06629dd74aed56392f6af2bb4bdc2e9a094e598da05cbd48eb2b2628e889c8f942d33a26796"                     \
    "1cbd71747bd857b9"

/* unhex gives the number of bytes. */
static inline size_t unhex(const char *hex, uint8_t *out, size_t cap)
{
    size_t len = strlen(hex) / 2;
    assert_in_range(len, 0, cap);
    assert_true(cairn_hex_decode(hex, out, len));
    return len;
}

static inline struct cairn_area vector_area(const char *hex)
{
    struct cairn_area area = {{0}, 0};
    area.len = unhex(hex, area.bytes, sizeof area.bytes);
    return area;
}

static inline struct cairn_name vector_name(const char *hex)
{
    struct cairn_name name = {{0}};
    assert_int_equal(unhex(hex, name.bytes, sizeof name.bytes), CAIRN_NAME_LEN);
    return name;
}

static inline struct cairn_attestation vector_attestation(const char *attest, const char *signature)
{
    struct cairn_attestation att = {.attest_len = 0};
    att.attest_len = unhex(attest, att.attest, sizeof att.attest);
    att.signature_len = unhex(signature, att.signature, sizeof att.signature);
    return att;
}

/* each_damage calls `fn` with every proper prefix of `bytes`, then with a byte too many, each an exact-size heap copy so that
 * a read past the end is caught. */
static inline void each_damage(struct cairn_span bytes, void (*fn)(struct cairn_span damaged, void *arg), void *arg)
{
    for (size_t len = 0; len <= bytes.len + 1; len++) {
        if (len == bytes.len) {
            continue;
        }
        uint8_t *copy = calloc(1, len == 0 ? 1 : len);
        assert_non_null(copy);
        memcpy(copy, bytes.p, len < bytes.len ? len : bytes.len);
        fn(cairn_span(copy, len), arg);
        free(copy);
    }
}

#endif
