/* tests/unit/attest/ca.h -- a certificate authority in memory that makes whatever a test asks for. */
#ifndef CAIRN_TESTS_CA_H
#define CAIRN_TESTS_CA_H

#include "support/cmocka_all.h"

#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/param_build.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include "core/crypto.h"

enum { DAY = 86400 };

/* struct spec is one certificate; NULL texts leave the extension out. */
struct spec {
    const char *subject, *issuer;
    const char *basic; /* "critical,CA:FALSE" */
    const char *usage; /* extended key usage, "2.23.133.8.1" */
    const char *key_usage;
    bool tcg_names;    /* critical subjectAltName with the TCG attributes, as swtpm's local CA writes it */
    const char *model; /* of the TCG attributes */
    int64_t not_before_s, not_after_s;
    EVP_PKEY *subject_key, *issuer_key;
    const char *digest; /* "SHA256" */
};

static inline EVP_PKEY *ca_key(void)
{
    EVP_PKEY *key = EVP_PKEY_Q_keygen(NULL, NULL, "EC", "P-256");
    assert_non_null(key);
    return key;
}

/* A public key object of a point. */
static inline EVP_PKEY *ca_public(const struct cairn_ec_key *key)
{
    uint8_t point[65] = {4};
    memcpy(point + 1, key->x, 32);
    memcpy(point + 33, key->y, 32);
    char group[] = "prime256v1";
    OSSL_PARAM params[] = {OSSL_PARAM_construct_utf8_string(OSSL_PKEY_PARAM_GROUP_NAME, group, 0),
                           OSSL_PARAM_construct_octet_string(OSSL_PKEY_PARAM_PUB_KEY, point, sizeof point),
                           OSSL_PARAM_construct_end()};
    EVP_PKEY *out = NULL;
    EVP_PKEY_CTX *context = EVP_PKEY_CTX_new_from_name(NULL, "EC", NULL);
    assert_int_equal(EVP_PKEY_fromdata_init(context), 1);
    assert_int_equal(EVP_PKEY_fromdata(context, &out, EVP_PKEY_PUBLIC_KEY, params), 1);
    EVP_PKEY_CTX_free(context);
    return out;
}

static inline void ca_name(X509_NAME *name, const char *text)
{
    assert_int_equal(X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, (const unsigned char *)text, -1, -1, 0), 1);
}

static inline void ca_extension(X509 *x, int nid, const char *value)
{
    if (value == NULL) {
        return;
    }
    X509V3_CTX context;
    X509V3_set_ctx_nodb(&context);
    X509V3_set_ctx(&context, x, x, NULL, NULL, 0);
    X509_EXTENSION *extension = X509V3_EXT_conf_nid(NULL, &context, nid, value);
    assert_non_null(extension);
    assert_int_equal(X509_add_ext(x, extension, -1), 1);
    X509_EXTENSION_free(extension);
}

static inline void ca_tcg_entry(X509_NAME *name, const char *oid, const char *value)
{
    ASN1_OBJECT *object = OBJ_txt2obj(oid, 1);
    assert_int_equal(X509_NAME_add_entry_by_OBJ(name, object, V_ASN1_UTF8STRING, (const unsigned char *)value, -1, -1, 0), 1);
    ASN1_OBJECT_free(object);
}

static inline void ca_tcg_names(X509 *x, const char *model)
{
    GENERAL_NAMES *names = sk_GENERAL_NAME_new_null();
    GENERAL_NAME *general = GENERAL_NAME_new();
    X509_NAME *name = X509_NAME_new();
    ca_tcg_entry(name, "2.23.133.2.1", strcmp(model, "swtpm") == 0 ? "id:00001014" : "id:494E5443");
    ca_tcg_entry(name, "2.23.133.2.2", model);
    ca_tcg_entry(name, "2.23.133.2.3", "id:20191023");
    GENERAL_NAME_set0_value(general, GEN_DIRNAME, name);
    sk_GENERAL_NAME_push(names, general);
    assert_int_equal(X509_add1_ext_i2d(x, NID_subject_alt_name, names, 1, 0), 1);
    GENERAL_NAMES_free(names);
}

static inline X509 *ca_make(const struct spec *s)
{
    X509 *x = X509_new();
    X509_set_version(x, X509_VERSION_3);
    ASN1_INTEGER_set(X509_get_serialNumber(x), 7);
    ASN1_TIME_set(X509_getm_notBefore(x), (time_t)s->not_before_s);
    ASN1_TIME_set(X509_getm_notAfter(x), (time_t)s->not_after_s);
    ca_name(X509_get_subject_name(x), s->subject);
    ca_name(X509_get_issuer_name(x), s->issuer);
    assert_int_equal(X509_set_pubkey(x, s->subject_key), 1);
    ca_extension(x, NID_basic_constraints, s->basic);
    ca_extension(x, NID_ext_key_usage, s->usage);
    ca_extension(x, NID_key_usage, s->key_usage);
    if (s->tcg_names) {
        ca_tcg_names(x, s->model);
    }
    assert_true(X509_sign(x, s->issuer_key, EVP_get_digestbyname(s->digest)) > 0);
    return x;
}

/* DER into `out`, PEM appended to it with `pem`. */
static inline void ca_write(X509 *x, bool pem, struct cairn_buf *out)
{
    BIO *bio = BIO_new(BIO_s_mem());
    unsigned char *p = NULL;
    assert_int_equal(pem ? PEM_write_bio_X509(bio, x) : i2d_X509_bio(bio, x), 1);
    long len = BIO_get_mem_data(bio, &p);
    assert_int_equal(cairn_buf_append(out, cairn_span(p, (size_t)len), NULL), CAIRN_OK);
    BIO_free(bio);
}

#endif
