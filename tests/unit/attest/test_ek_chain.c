/* tests/unit/attest/test_ek_chain.c -- attest/ek_chain.c: paths that must not be believed, each with one thing wrong. */
#include "ca.h"

#include <stdio.h>

#include "attest/ek_chain.h"
#include "core/file.h"

enum { NOW = 1800000000 };

/* root -> issuer -> leaf. Each test bends a spec before `judge` makes the certificates. */
struct world {
    EVP_PKEY *root_key, *issuer_key, *ek_key, *other_key;
    struct spec root, issuer, leaf;
    struct cairn_ec_key ek;
    bool without_issuer;
};

static void point_of(EVP_PKEY *key, struct cairn_ec_key *out)
{
    unsigned char *der = NULL;
    int len = i2d_PUBKEY(key, &der);
    assert_int_equal(len, CAIRN_SPKI_LEN);
    assert_int_equal(cairn_spki_decode(cairn_span(der, (size_t)len), out, NULL), CAIRN_OK);
    OPENSSL_free(der);
}

static int setup(void **state)
{
    struct world *w = calloc(1, sizeof *w);
    w->root_key = ca_key();
    w->issuer_key = ca_key();
    w->ek_key = ca_key();
    w->other_key = ca_key();
    point_of(w->ek_key, &w->ek);
    w->root = (struct spec){.subject = "root",
                            .issuer = "root",
                            .basic = "critical,CA:TRUE",
                            .key_usage = "critical,keyCertSign",
                            .not_before_s = NOW - 100 * DAY,
                            .not_after_s = NOW + 100 * DAY,
                            .subject_key = w->root_key,
                            .issuer_key = w->root_key,
                            .digest = "SHA256"};
    w->issuer = w->root;
    w->issuer.subject = "issuer";
    w->issuer.subject_key = w->issuer_key;
    w->leaf = (struct spec){.subject = "unknown",
                            .issuer = "issuer",
                            .basic = "critical,CA:FALSE",
                            .usage = "2.23.133.8.1",
                            .key_usage = "critical,keyAgreement",
                            .tcg_names = true,
                            .model = "swtpm",
                            .not_before_s = NOW - DAY,
                            .not_after_s = NOW + DAY,
                            .subject_key = w->ek_key,
                            .issuer_key = w->issuer_key,
                            .digest = "SHA256"};
    *state = w;
    return 0;
}

static int teardown(void **state)
{
    struct world *w = *state;
    EVP_PKEY_free(w->root_key);
    EVP_PKEY_free(w->issuer_key);
    EVP_PKEY_free(w->ek_key);
    EVP_PKEY_free(w->other_key);
    free(w);
    return 0;
}

static void add(struct cairn_ca_set *set, const struct spec *spec)
{
    CAIRN_BUF pem = {0};
    X509 *x = ca_make(spec);
    ca_write(x, true, &pem);
    X509_free(x);
    assert_int_equal(cairn_ca_set_add(set, cairn_buf_span(&pem), NULL), CAIRN_OK);
}

static enum cairn_rc judge(const struct world *w, struct cairn_ek_facts *facts, struct cairn_err *err)
{
    CAIRN_CA_SET *set = NULL;
    CAIRN_BUF der = {0};
    assert_int_equal(cairn_ca_set_new(&set, NULL), CAIRN_OK);
    add(set, &w->root);
    if (!w->without_issuer) {
        add(set, &w->issuer);
    }
    X509 *x = ca_make(&w->leaf);
    ca_write(x, false, &der);
    X509_free(x);
    return cairn_ek_chain_check(set, cairn_buf_span(&der), &w->ek, NOW, facts, err);
}

static void refused(const struct world *w, const char *code)
{
    struct cairn_err err = {0};
    struct cairn_ek_facts facts;
    assert_int_not_equal(judge(w, &facts, &err), CAIRN_OK);
    assert_string_equal(err.code, code);
}

static void accepts_a_full_path_and_reads_the_tcg_names(void **state)
{
    struct world *w = *state;
    struct cairn_err err = {0};
    struct cairn_ek_facts facts;
    assert_int_equal(judge(w, &facts, &err), CAIRN_OK);
    assert_string_equal(facts.manufacturer, "id:00001014");
    assert_string_equal(facts.model, "swtpm");
    assert_true(facts.is_virtual);
    w->leaf.model = "PTT";
    assert_int_equal(judge(w, &facts, &err), CAIRN_OK);
    assert_false(facts.is_virtual);
    w->leaf.tcg_names = false;
    assert_int_equal(judge(w, &facts, &err), CAIRN_OK);
    assert_string_equal(facts.model, "");
}

static void refuses_a_certificate_for_another_key(void **state)
{
    struct world *w = *state;
    w->leaf.subject_key = w->other_key;
    refused(w, "enrolment.ek.key");
}

static void refuses_a_path_that_does_not_reach_an_anchor(void **state)
{
    struct world *w = *state;
    w->without_issuer = true;
    refused(w, "enrolment.ek.chain");
}

static void refuses_signatures_by_another_key_on_the_path(void **state)
{
    struct world *w = *state;
    w->leaf.issuer_key = w->other_key;
    refused(w, "enrolment.ek.chain");
    w->leaf.issuer_key = w->issuer_key;
    w->issuer.issuer_key = w->other_key;
    refused(w, "enrolment.ek.chain");
}

/* A cross-CA trick: the issuer is in the directory but signed by nobody's anchor. */
static void an_intermediate_is_no_anchor(void **state)
{
    struct world *w = *state;
    w->issuer.issuer = "elsewhere";
    w->issuer.issuer_key = w->other_key;
    refused(w, "enrolment.ek.chain");
}

static void refuses_expired_and_not_yet_valid_certificates_anywhere(void **state)
{
    struct world *w = *state;
    struct spec *const specs[] = {&w->leaf, &w->issuer, &w->root};
    for (size_t i = 0; i < CAIRN_ARRAY_LEN(specs); i++) {
        struct spec kept = *specs[i];
        specs[i]->not_after_s = NOW - 1;
        refused(w, "enrolment.ek.expired");
        *specs[i] = kept;
        specs[i]->not_before_s = NOW + 60;
        refused(w, "enrolment.ek.expired");
        *specs[i] = kept;
    }
}

static void refuses_another_or_no_extended_key_usage(void **state)
{
    struct world *w = *state;
    w->leaf.usage = NULL;
    refused(w, "enrolment.ek.eku");
    w->leaf.usage = "2.23.133.8.2"; /* a platform certificate's */
    refused(w, "enrolment.ek.eku");
    w->leaf.usage = "serverAuth,clientAuth";
    refused(w, "enrolment.ek.eku");
}

static void refuses_a_leaf_that_is_an_authority(void **state)
{
    struct world *w = *state;
    w->leaf.basic = "critical,CA:TRUE";
    w->leaf.key_usage = "critical,keyCertSign";
    refused(w, "enrolment.ek.leaf");
}

static void refuses_an_issuer_that_is_no_authority(void **state)
{
    struct world *w = *state;
    w->issuer.basic = "critical,CA:FALSE";
    refused(w, "enrolment.ek.ca");
    w->issuer.basic = NULL;
    refused(w, "enrolment.ek.ca");
    w->issuer.basic = "critical,CA:TRUE";
    w->issuer.key_usage = "critical,digitalSignature";
    refused(w, "enrolment.ek.ca");
}

/* Old roots say only keyCertSign; OpenSSL lets that pass. */
static void refuses_an_anchor_that_does_not_say_it_is_an_authority(void **state)
{
    struct world *w = *state;
    w->root.basic = NULL;
    refused(w, "enrolment.ek.ca");
}

static void refuses_a_path_longer_than_an_issuer_allows(void **state)
{
    struct world *w = *state;
    w->root.basic = "critical,CA:TRUE,pathlen:0";
    refused(w, "enrolment.ek.ca");
}

static void refuses_sha1_on_the_path(void **state)
{
    struct world *w = *state;
    w->leaf.digest = "SHA1";
    refused(w, "enrolment.ek.chain");
}

static void refuses_bytes_that_are_not_one_certificate(void **state)
{
    struct world *w = *state;
    struct cairn_err err = {0};
    struct cairn_ek_facts facts;
    CAIRN_CA_SET *set = NULL;
    CAIRN_BUF der = {0};
    assert_int_equal(cairn_ca_set_new(&set, NULL), CAIRN_OK);
    X509 *x = ca_make(&w->leaf);
    ca_write(x, false, &der);
    X509_free(x);
    for (size_t len = 0; len < der.len; len += 11) {
        uint8_t *exact = malloc(len + 1);
        memcpy(exact, der.p, len);
        assert_int_equal(cairn_ek_chain_check(set, cairn_span(exact, len), &w->ek, NOW, &facts, &err), CAIRN_E_FORMAT);
        assert_string_equal(err.code, "enrolment.ek.certificate");
        free(exact);
    }
    assert_int_equal(cairn_buf_append(&der, cairn_span_str("x"), NULL), CAIRN_OK);
    assert_int_equal(cairn_ek_chain_check(set, cairn_buf_span(&der), &w->ek, NOW, &facts, &err), CAIRN_E_FORMAT);
}

static void a_ca_file_holds_certificates_only(void **state)
{
    (void)state;
    struct cairn_err err = {0};
    CAIRN_CA_SET *set = NULL;
    assert_int_equal(cairn_ca_set_new(&set, NULL), CAIRN_OK);
    static const char *const bad[] = {"", "hello\n", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"};
    for (size_t i = 0; i < CAIRN_ARRAY_LEN(bad); i++) {
        assert_int_equal(cairn_ca_set_add(set, cairn_span_str(bad[i]), &err), CAIRN_E_FORMAT);
        assert_string_equal(err.code, "ca.format");
    }
    assert_int_equal(cairn_ca_set_num_anchors(set), 0);
}

static void read_vector(const char *name, struct cairn_buf *out)
{
    char path[512];
    (void)snprintf(path, sizeof path, "%s/boot/%s", CAIRN_VECTORS, name);
    assert_int_equal(cairn_path_read(path, 1 << 20, out, NULL), CAIRN_OK);
}

/* A genuine certificate of a software TPM: its RSA key is not the P-256 endorsement key that Cairn uses. */
static void reads_a_genuine_certificate_and_its_authorities(void **state)
{
    struct world *w = *state;
    struct cairn_err err = {0};
    struct cairn_ek_facts facts;
    CAIRN_CA_SET *set = NULL;
    CAIRN_BUF root = {0};
    CAIRN_BUF issuer = {0};
    CAIRN_BUF der = {0};
    struct cairn_ec_key key;
    bool is_p256 = true;
    assert_int_equal(cairn_ca_set_new(&set, NULL), CAIRN_OK);
    read_vector("swtpm-localca-rootca-cert.pem", &root);
    read_vector("issuercert.pem", &issuer);
    read_vector("direct-clean/ek-cert.der", &der);
    assert_int_equal(cairn_ca_set_add(set, cairn_buf_span(&root), &err), CAIRN_OK);
    assert_int_equal(cairn_ca_set_num_anchors(set), 1);
    assert_int_equal(cairn_ca_set_add(set, cairn_buf_span(&issuer), &err), CAIRN_OK);
    assert_int_equal(cairn_ca_set_num_anchors(set), 1);
    assert_int_equal(cairn_ek_certificate_key(cairn_buf_span(&der), &is_p256, &key, &err), CAIRN_OK);
    assert_false(is_p256);
    assert_int_equal(cairn_ek_chain_check(set, cairn_buf_span(&der), &w->ek, NOW, &facts, &err), CAIRN_E_REFUSED);
    assert_string_equal(err.code, "enrolment.ek.key");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(accepts_a_full_path_and_reads_the_tcg_names, setup, teardown),
        cmocka_unit_test_setup_teardown(refuses_a_certificate_for_another_key, setup, teardown),
        cmocka_unit_test_setup_teardown(refuses_a_path_that_does_not_reach_an_anchor, setup, teardown),
        cmocka_unit_test_setup_teardown(refuses_signatures_by_another_key_on_the_path, setup, teardown),
        cmocka_unit_test_setup_teardown(an_intermediate_is_no_anchor, setup, teardown),
        cmocka_unit_test_setup_teardown(refuses_expired_and_not_yet_valid_certificates_anywhere, setup, teardown),
        cmocka_unit_test_setup_teardown(refuses_another_or_no_extended_key_usage, setup, teardown),
        cmocka_unit_test_setup_teardown(refuses_a_leaf_that_is_an_authority, setup, teardown),
        cmocka_unit_test_setup_teardown(refuses_an_issuer_that_is_no_authority, setup, teardown),
        cmocka_unit_test_setup_teardown(refuses_an_anchor_that_does_not_say_it_is_an_authority, setup, teardown),
        cmocka_unit_test_setup_teardown(refuses_a_path_longer_than_an_issuer_allows, setup, teardown),
        cmocka_unit_test_setup_teardown(refuses_sha1_on_the_path, setup, teardown),
        cmocka_unit_test_setup_teardown(refuses_bytes_that_are_not_one_certificate, setup, teardown),
        cmocka_unit_test_setup_teardown(a_ca_file_holds_certificates_only, setup, teardown),
        cmocka_unit_test_setup_teardown(reads_a_genuine_certificate_and_its_authorities, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
