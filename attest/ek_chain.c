/* attest/ek_chain.c -- see attest/ek_chain.h.
 *
 * Trust boundary: the certificate comes from the device. OpenSSL's own path building is used without any of its leniencies:
 * no partial chain, no default trust store, no purpose guessing.
 */
#include "attest/ek_chain.h"

#include <limits.h>
#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct cairn_ca_set {
    X509_STORE *anchors;
    STACK_OF(X509) * others;
    size_t num_anchors;
};

static void free_x509(X509 **x)
{
    X509_free(*x);
}
static void free_bio(BIO **bio)
{
    (void)BIO_free(*bio);
}
static void free_context(X509_STORE_CTX **context)
{
    X509_STORE_CTX_free(*context);
}
static void free_bignum(BIGNUM **n)
{
    BN_free(*n);
}
static void free_object(ASN1_OBJECT **object)
{
    ASN1_OBJECT_free(*object);
}
static void free_usage(EXTENDED_KEY_USAGE **usage)
{
    EXTENDED_KEY_USAGE_free(*usage);
}
static void free_names(GENERAL_NAMES **names)
{
    GENERAL_NAMES_free(*names);
}

static CAIRN_RC provider_failed(struct cairn_err *err)
{
    return CAIRN_FAIL(err, CAIRN_E_IO, "crypto.provider", "OpenSSL failed while reading certificates");
}

CAIRN_RC cairn_ca_set_new(struct cairn_ca_set **out, struct cairn_err *err)
{
    CAIRN_CA_SET *set = calloc(1, sizeof *set);
    if (set == NULL) {
        return CAIRN_FAIL(err, CAIRN_E_IO, "memory", "no memory for certificates");
    }
    set->anchors = X509_STORE_new();
    set->others = sk_X509_new_null();
    if (set->anchors == NULL || set->others == NULL) {
        return provider_failed(err);
    }
    *out = set;
    set = NULL;
    return CAIRN_OK;
}

void cairn_ca_set_free(struct cairn_ca_set *set)
{
    if (set != NULL) {
        X509_STORE_free(set->anchors);
        sk_X509_pop_free(set->others, X509_free);
        free(set);
    }
}

void cairn_ca_set_freep(struct cairn_ca_set **set)
{
    cairn_ca_set_free(*set);
    *set = NULL;
}

size_t cairn_ca_set_num_anchors(const struct cairn_ca_set *set)
{
    return set->num_anchors;
}

/* A self-signed certificate is an anchor because the enroller put it here; its signature over itself proves nothing more. */
static CAIRN_RC add_certificate(struct cairn_ca_set *set, X509 *x, struct cairn_err *err)
{
    if (X509_self_signed(x, 1) == 1) {
        if (X509_STORE_add_cert(set->anchors, x) != 1) {
            return provider_failed(err);
        }
        set->num_anchors++;
        return CAIRN_OK;
    }
    if (X509_up_ref(x) != 1) {
        return provider_failed(err);
    }
    if (sk_X509_push(set->others, x) == 0) {
        X509_free(x);
        return provider_failed(err);
    }
    return CAIRN_OK;
}

static CAIRN_RC add_next(struct cairn_ca_set *set, BIO *bio, bool *more, struct cairn_err *err)
{
    CAIRN_CLEANUP(free_x509) X509 *x = PEM_read_bio_X509(bio, NULL, NULL, NULL);
    unsigned long why = ERR_peek_last_error();
    *more = x != NULL;
    if (x == NULL) {
        bool ended = ERR_GET_REASON(why) == PEM_R_NO_START_LINE;
        ERR_clear_error();
        return ended ? CAIRN_OK : CAIRN_FAIL(err, CAIRN_E_FORMAT, "ca.format", "a certificate in it is damaged");
    }
    return add_certificate(set, x, err);
}

CAIRN_RC cairn_ca_set_add(struct cairn_ca_set *set, struct cairn_span pem, struct cairn_err *err)
{
    if (pem.len == 0 || pem.len > CAIRN_CA_FILE_MAX) {
        return CAIRN_FAIL(err, CAIRN_E_FORMAT, "ca.format", "the file is empty or too large for certificates");
    }
    CAIRN_CLEANUP(free_bio) BIO *bio = BIO_new_mem_buf(pem.p, (int)pem.len);
    if (bio == NULL) {
        return provider_failed(err);
    }
    size_t num = 0;
    bool more = true;
    while (more) {
        CAIRN_TRY(add_next(set, bio, &more, err));
        num += more ? 1 : 0;
    }
    return num > 0 ? CAIRN_OK : CAIRN_FAIL(err, CAIRN_E_FORMAT, "ca.format", "there is no PEM certificate in it");
}

static CAIRN_RC read_certificate(struct cairn_span der, X509 **out, struct cairn_err *err)
{
    const unsigned char *p = der.p;
    if (der.len > 0 && der.len <= CAIRN_EK_CERTIFICATE_MAX) {
        CAIRN_CLEANUP(free_x509) X509 *x = d2i_X509(NULL, &p, (long)der.len);
        if (x != NULL && p == der.p + der.len) {
            *out = x;
            x = NULL;
            return CAIRN_OK;
        }
    }
    ERR_clear_error();
    return CAIRN_FAIL(err, CAIRN_E_FORMAT, "enrolment.ek.certificate", "the EK certificate is not one DER certificate");
}

static bool coordinate(const EVP_PKEY *key, const char *which, uint8_t out[32])
{
    CAIRN_CLEANUP(free_bignum) BIGNUM *n = NULL;
    return EVP_PKEY_get_bn_param(key, which, &n) == 1 && BN_bn2binpad(n, out, 32) == 32;
}

/* Point, not encoding: the one key may be written in several ways (CHECKS 60). */
static bool p256_key(X509 *x, struct cairn_ec_key *out)
{
    char group[32] = "";
    const EVP_PKEY *key = X509_get0_pubkey(x);
    bool ok = key != NULL && EVP_PKEY_is_a(key, "EC") == 1 && EVP_PKEY_get_group_name(key, group, sizeof group, NULL) == 1 &&
              strcmp(group, "prime256v1") == 0 && coordinate(key, OSSL_PKEY_PARAM_EC_PUB_X, out->x) &&
              coordinate(key, OSSL_PKEY_PARAM_EC_PUB_Y, out->y);
    ERR_clear_error();
    return ok;
}

CAIRN_RC cairn_ek_certificate_key(struct cairn_span der, bool *is_p256, struct cairn_ec_key *key, struct cairn_err *err)
{
    CAIRN_CLEANUP(free_x509) X509 *x = NULL;
    struct cairn_ec_key got = {{0}, {0}};
    CAIRN_TRY(read_certificate(der, &x, err));
    *is_p256 = p256_key(x, &got);
    *key = got;
    return CAIRN_OK;
}

static bool has_ek_usage(X509 *x)
{
    CAIRN_CLEANUP(free_object) ASN1_OBJECT *wanted = OBJ_txt2obj("2.23.133.8.1", 1); /* tcg-kp-EKCertificate */
    CAIRN_CLEANUP(free_usage) EXTENDED_KEY_USAGE *usage = X509_get_ext_d2i(x, NID_ext_key_usage, NULL, NULL);
    for (int i = 0; wanted != NULL && usage != NULL && i < sk_ASN1_OBJECT_num(usage); i++) {
        if (OBJ_cmp(sk_ASN1_OBJECT_value(usage, i), wanted) == 0) {
            return true;
        }
    }
    return false;
}

static CAIRN_RC check_leaf(X509 *x, const struct cairn_ec_key *ek, struct cairn_err *err)
{
    struct cairn_ec_key key = {{0}, {0}};
    if (!p256_key(x, &key) || !cairn_ec_key_equal(&key, ek)) {
        return CAIRN_FAIL(err, CAIRN_E_REFUSED, "enrolment.ek.key",
                          "the EK certificate is for another key than the device's EK");
    }
    if (X509_check_ca(x) != 0) {
        return CAIRN_FAIL(err, CAIRN_E_REFUSED, "enrolment.ek.leaf",
                          "the EK certificate is a certificate authority's, or an old one that does not say it is none");
    }
    if (!has_ek_usage(x)) {
        return CAIRN_FAIL(err, CAIRN_E_REFUSED, "enrolment.ek.eku",
                          "the certificate is not for an endorsement key: extended key usage 2.23.133.8.1 is missing");
    }
    return CAIRN_OK;
}

static CAIRN_RC explain(int why, int depth, struct cairn_err *err)
{
    const char *text = X509_verify_cert_error_string(why);
    switch (why) {
    case X509_V_ERR_CERT_HAS_EXPIRED:
    case X509_V_ERR_CERT_NOT_YET_VALID:
        return CAIRN_FAIL(err, CAIRN_E_REFUSED, "enrolment.ek.expired", "certificate %d of the EK's path: %s", depth, text);
    case X509_V_ERR_INVALID_CA:
    case X509_V_ERR_INVALID_NON_CA:
    case X509_V_ERR_PATH_LENGTH_EXCEEDED:
    case X509_V_ERR_KEYUSAGE_NO_CERTSIGN:
        return CAIRN_FAIL(err, CAIRN_E_REFUSED, "enrolment.ek.ca", "certificate %d of the EK's path: %s", depth, text);
    case X509_V_ERR_OUT_OF_MEM:
        return provider_failed(err);
    default:
        return CAIRN_FAIL(err, CAIRN_E_REFUSED, "enrolment.ek.chain", "certificate %d of the EK's path: %s", depth, text);
    }
}

/* X509_check_ca says 1 only for basicConstraints CA:TRUE; version 1 roots and Netscape's marks are other numbers. */
static CAIRN_RC check_issuers(X509_STORE_CTX *context, struct cairn_err *err)
{
    const STACK_OF(X509) *chain = X509_STORE_CTX_get0_chain(context);
    for (int i = 1; i < sk_X509_num(chain); i++) {
        if (X509_check_ca(sk_X509_value(chain, i)) != 1) {
            return explain(X509_V_ERR_INVALID_CA, i, err);
        }
    }
    return CAIRN_OK;
}

static CAIRN_RC check_path(const struct cairn_ca_set *set, X509 *x, uint64_t now_s, struct cairn_err *err)
{
    CAIRN_CLEANUP(free_context) X509_STORE_CTX *context = X509_STORE_CTX_new();
    if (context == NULL || now_s > LONG_MAX || X509_STORE_CTX_init(context, set->anchors, x, set->others) != 1) {
        return provider_failed(err);
    }
    X509_STORE_CTX_set_time(context, 0, (time_t)now_s);
    /* level 1: at least 80 bits, so no SHA-1 signature on the way to the anchor */
    X509_VERIFY_PARAM_set_auth_level(X509_STORE_CTX_get0_param(context), 1);
    int ok = X509_verify_cert(context);
    ERR_clear_error();
    if (ok != 1) {
        return explain(X509_STORE_CTX_get_error(context), X509_STORE_CTX_get_error_depth(context), err);
    }
    return check_issuers(context, err);
}

/* A TCG attribute is copied only when it is harmless to show. */
static void copy_attribute(const X509_NAME_ENTRY *entry, const char *oid, char *out, size_t size)
{
    char seen[64] = "";
    const ASN1_STRING *value = X509_NAME_ENTRY_get_data(entry);
    int len = ASN1_STRING_length(value);
    if (OBJ_obj2txt(seen, sizeof seen, X509_NAME_ENTRY_get_object(entry), 1) <= 0 || strcmp(seen, oid) != 0 || len <= 0 ||
        (size_t)len >= size) {
        return;
    }
    const unsigned char *p = ASN1_STRING_get0_data(value);
    for (int i = 0; i < len; i++) {
        if (p[i] < ' ' || p[i] > '~' || p[i] == '"' || p[i] == '\\') {
            return;
        }
    }
    (void)snprintf(out, size, "%.*s", len, (const char *)p);
}

static void read_names(X509 *x, struct cairn_ek_facts *facts)
{
    CAIRN_CLEANUP(free_names) GENERAL_NAMES *names = X509_get_ext_d2i(x, NID_subject_alt_name, NULL, NULL);
    for (int i = 0; names != NULL && i < sk_GENERAL_NAME_num(names); i++) {
        const GENERAL_NAME *name = sk_GENERAL_NAME_value(names, i);
        int num = name->type == GEN_DIRNAME ? X509_NAME_entry_count(name->d.directoryName) : 0;
        for (int j = 0; j < num; j++) {
            const X509_NAME_ENTRY *entry = X509_NAME_get_entry(name->d.directoryName, j);
            copy_attribute(entry, "2.23.133.2.1", facts->manufacturer, sizeof facts->manufacturer);
            copy_attribute(entry, "2.23.133.2.2", facts->model, sizeof facts->model);
        }
    }
    ERR_clear_error();
    facts->is_virtual = strcmp(facts->model, "swtpm") == 0 || strcmp(facts->manufacturer, "id:00001014") == 0;
}

CAIRN_RC cairn_ek_chain_check(const struct cairn_ca_set *set, struct cairn_span der, const struct cairn_ec_key *ek,
                              uint64_t now_s, struct cairn_ek_facts *out, struct cairn_err *err)
{
    CAIRN_CLEANUP(free_x509) X509 *x = NULL;
    struct cairn_ek_facts facts = {{0}, "", "", false};
    CAIRN_TRY(read_certificate(der, &x, err));
    CAIRN_TRY(check_leaf(x, ek, err));
    CAIRN_TRY(check_path(set, x, now_s, err));
    CAIRN_TRY(cairn_sha256(der, facts.sha256, err));
    read_names(x, &facts);
    *out = facts;
    return CAIRN_OK;
}
