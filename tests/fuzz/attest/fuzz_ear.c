/* tests/fuzz/attest/fuzz_ear.c -- results, proofs of possession, sealed files, upload tokens: what strangers show to a server
 * or a relying party. What stands behind a signature is read without one, since no fuzzer makes signatures.
 */
#include <stdlib.h>
#include <string.h>

#include "attest/ear_internal.h"
#include "attest/jws.h"
#include "attest/server_nonce.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(enum cairn_rc rc)
{
    if (rc != CAIRN_OK) {
        abort();
    }
}

static void read_tokens(struct cairn_span bytes)
{
    static const struct cairn_ear ear = {.jkt = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8"};
    static const uint8_t key[32] = {0};
    CAIRN_JWS jws = {.header = NULL};
    char jti[CAIRN_DPOP_JTI_MAX + 1];
    uint64_t max_len = 0;
    (void)!cairn_jws_open(bytes, CAIRN_EAR_MAX, "fuzz", &jws, NULL);
    (void)!cairn_dpop_check(bytes, &ear, bytes, "GET", "https://fuzz.example/", 1800000000, jti, NULL);
    (void)!cairn_upload_token_check(key, bytes, 1800000000, &max_len, NULL);
}

/* Whatever is read as a result that can be sealed to, can be sealed to, and the file can be read. */
static void read_ear(struct cairn_span bytes)
{
    struct cairn_ear ear = {.has_seal = false};
    struct cairn_sealed_file sealed;
    CAIRN_BUF file = {0};
    if (cairn_ear_read(bytes, &ear, NULL) == CAIRN_OK && ear.has_seal && strcmp(ear.status, "affirming") == 0) {
        must(cairn_ear_seal_to(&ear, cairn_span_str("fuzz"), &file, NULL));
        must(cairn_sealed_file_parse(cairn_buf_span(&file), &sealed, NULL));
    }
}

static void read_proof(struct cairn_span bytes)
{
    CAIRN_JSON *json = NULL;
    struct cairn_dpop_proof proof;
    (void)!cairn_dpop_read(bytes, &json, &proof, NULL);
}

static void read_jwk(struct cairn_span bytes)
{
    CAIRN_JSON *json = NULL;
    struct cairn_ec_key key;
    char jkt[CAIRN_JKT_LEN + 1];
    if (cairn_json_parse(bytes, 4096, false, "jwk", &json, NULL) == CAIRN_OK && cairn_jwk_read(json, &key, NULL) == CAIRN_OK) {
        must(cairn_jwk_thumbprint(&key, jkt, NULL));
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const struct cairn_span bytes = cairn_span(data, size);
    struct cairn_sealed_file sealed;
    read_tokens(bytes);
    read_ear(bytes);
    read_proof(bytes);
    read_jwk(bytes);
    (void)!cairn_sealed_file_parse(bytes, &sealed, NULL);
    return 0;
}
