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
    "0023000b00050472000000100018000b000300100020373957af42da32cb0d6b8b78c1392734eb2af201878dc19d757d0571"                     \
    "c0aaf8ac00208a8d39cf75398ffd19f72c9ef0887f6880314ddba6d6bb2e531e826772bfe3d8"
#define VECTOR_AK_NAME "000b5546e7591716185d262a51f23d374e48af1540e4469179b715c898aa3eb1529c"
#define VECTOR_EK_PUBLIC                                                                                                       \
    "0023000b000300b20020837197674484b3f81a90cc8d46a5d724fd52d76e06520b64f2a1da1b331469aa0006008000430010"                     \
    "0003001000205cd7ef32cc3f8c2582172022f4f8dc89c42582152785488078b5db710e975fb1002054ec016f79d58b90ed46"                     \
    "268419d168f791040f143aab149d83714d758f958d8f"
#define VECTOR_EK_NAME "000be7d8fc323b0b74ebbc63f2a4d3da54316c5f1fc72e27651591d7e2847e5609ff"
#define VECTOR_SRK_PUBLIC                                                                                                      \
    "0023000b0003047200000006008000430010000300100020a269cb4b29324b424a796160433bb5f057be93c84a2236aff5f1"                     \
    "6adeb56653810020fbd1f7d06cb68f424ea7a29641d1a450636b5c6fd9ef93580e680f6a595d90e4"
#define VECTOR_SRK_NAME "000b4aff2a86de76614c989154220574c0c2aa52cfe521290a2890f8132e244ea288"
#define VECTOR_POL_PUBLIC                                                                                                      \
    "0023000b000400400000001000100003001000209cbc76f89377ad02537bf1eac8c5f84f9f5d878e33a7f839b0eb7fa6f012"                     \
    "779f0020328db0ca94fd9c435cb9fbadd17b505193b39c3cfd6033e243cc7451a794a060"
#define VECTOR_POL_NAME     "000b4ff07565b1442b75c3c600542df1e2d26908a1fcb96f0a5081c49cfbfa40685e"
#define VECTOR_AK_QUALIFIED "000b8bdbee733e6392ddbfa43f89ad2137e117010bb9b7ef04a28f5204f88f4088c0"
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
    "ff54434780180022000b8bdbee733e6392ddbfa43f89ad2137e117010bb9b7ef04a28f5204f88f4088c00020222222222222"                     \
    "2222222222222222222222222222222222222222222222222222000000000000028b00000001000000000120191023001636"                     \
    "3600000001000b038100000020229ccc77089460fe9c79dd62a46d27e991c5f1997ff2af561d41b5829dd7f03d"
#define VECTOR_QUOTE_SIGNATURE                                                                                                 \
    "0018000b00206d18322f951516feb39d102ab87a257b04b409f4a2bc8505f4558544e1d20c130020ffb8a57e7882bf4dd599"                     \
    "fd25bcc589ec91ca1efa8db0c9740ec439844badf13e"
#define VECTOR_NV                                                                                                              \
    "ff54434780140022000b8bdbee733e6392ddbfa43f89ad2137e117010bb9b7ef04a28f5204f88f4088c00020222222222222"                     \
    "222222222222222222222222222222222222222222222222222200000000000002ac00000001000000000120191023001636"                     \
    "360022000bf9be2cb3c3e5d24e4fb6ae37c668ed4e1ef7b709515621fd9ec882fe22aa8b03000000080000000000000002"
#define VECTOR_NV_SIGNATURE                                                                                                    \
    "0018000b00209e7370d9601d332cd6a6b16cd213d4ad5c8fb6955ea1d1b8374feaa193b6708d0020a603f65c53b4ce2185bc"                     \
    "ea021e2409d9bc97402677f1204c5825292730196938"
#define VECTOR_CERTIFY                                                                                                         \
    "ff54434780170022000b8bdbee733e6392ddbfa43f89ad2137e117010bb9b7ef04a28f5204f88f4088c0000400ff55aa0000"                     \
    "0000000002cd00000001000000000120191023001636360022000b4aff2a86de76614c989154220574c0c2aa52cfe521290a"                     \
    "2890f8132e244ea2880022000b2a14d5db390c7450e93378f5b0ea3e0be716e16bbbf5a7344476754d27880551"
#define VECTOR_CERTIFY_SIGNATURE                                                                                               \
    "0018000b00203c1f3b5adc81cb9e2c5044c49fdc2b3614f6d5fb38bf5100da455efb037ab8510020395bd7cf0e3eb10bd9aa"                     \
    "8e8b1e3f0541e38d7bfea8d622dc1dad307e890d0507"
/* an ephemeral key, and what cairn_wrap_* makes with it of secret 40..5f (unique seed 00..1f, policy VECTOR_POLICY_GRANT): the
 * TPM opened both, the object after PolicyPCR and PolicyNV */
#define VECTOR_EPHEMERAL                                                                                                       \
    "-----BEGIN PRIVATE KEY-----\n"                                                                                            \
    "MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQg51Px3W4UejnsZzX4\n"                                                       \
    "14R8Y+NxC9CiyWhAc7uEsRW4/SahRANCAATIJR0Q5bxSqAV4NUUfTggP2v4z2IJ9\n"                                                       \
    "HUShLaSIerQtNZozh0+G8TzbxuMAriEqj8rqDVzcTPIhnI71l0yany8K\n"                                                               \
    "-----END PRIVATE KEY-----\n"
#define VECTOR_CREDENTIAL                                                                                                      \
    "00209f39b1c84ae2b787c5adac098fbe31d82348164e1116a10047574e8925e77d28e269412356924198efa52d5655924961"                     \
    "9aa8366e4c253e5cc6a66e1398361384356f"
#define VECTOR_SEED                                                                                                            \
    "0020c8251d10e5bc52a8057835451f4e080fdafe33d8827d1d44a12da4887ab42d3500209a33874f86f13cdbc6e300ae212a"                     \
    "8fcaea0d5cdc4cf2219c8ef5974c9a9f2f0a"
#define VECTOR_IMPORT_PUBLIC                                                                                                   \
    "0008000b00000400002048d5d423bd46ad9f29bd028492e391386bc78ae4075b1594e5eaf82a4efde06000100020f87cebe5"                     \
    "4d641cf23236575ca7381d14025eb8eb06223fb639f1bdce0dc3e4a4"
#define VECTOR_IMPORT_DUPLICATE                                                                                                \
    "00209a4f15550265165c333b14df5dcdab2da0777317a11a008d64a98b1e8a5693d9f6f6b856a4e9d155f2891487a147c98c"                     \
    "6711c194ca4e3a8d77e024188459441d95119c17154f488d5badd5307a9ff9ac0c7438c9c605e71531ae07b47058f26aa743"                     \
    "46c53142e3149c54"

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
