/* tests/fuzz/attest/fuzz_enrolment.c -- what a device nobody knows sends to the desk, and what a desk sends to a device. */
#include "attest/enrolment.h"
#include "attest/nonce.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    CAIRN_ENROL_REQUEST request = {.num_certificates = 0};
    CAIRN_ENROL_PENDING pending = {.secret = NULL};
    CAIRN_CA_SET *cas = NULL;
    struct cairn_enrol_challenge challenge;
    struct cairn_nonce nonce;
    struct cairn_ec_key key = {{0}, {0}};
    struct cairn_ek_facts facts;
    bool is_p256 = false;
    struct cairn_span bytes = cairn_span(data, size);
    (void)!cairn_enrol_request_parse(bytes, &request, NULL);
    (void)!cairn_enrol_challenge_parse(bytes, &challenge, NULL);
    (void)!cairn_enrol_pending_parse(bytes, &pending, NULL);
    (void)!cairn_nonce_parse(bytes, &nonce, NULL);
    if (cairn_ca_set_new(&cas, NULL) == CAIRN_OK) {
        (void)!cairn_ca_set_add(cas, bytes, NULL);
        /* with its own key as the wanted one, the path is judged too */
        if (cairn_ek_certificate_key(bytes, &is_p256, &key, NULL) == CAIRN_OK) {
            (void)!cairn_ek_chain_check(cas, bytes, &key, 1800000000, &facts, NULL);
        }
    }
    return 0;
}
