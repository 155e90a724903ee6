/* server/access.c -- see server/access.h. */
#include "server/access.h"

#include <string.h>

#include "core/crypto.h"
#include "core/secret.h"

const char *cairn_right_name(enum cairn_right right)
{
    switch (right) {
    case CAIRN_RIGHT_VIEW:
        return "view";
    case CAIRN_RIGHT_OPERATE:
        return "operate";
    case CAIRN_RIGHT_APPROVE:
        return "approve";
    case CAIRN_RIGHT_AUDIT:
        return "audit";
    case CAIRN_RIGHT_ENROL:
        return "enrol";
    default:
        return "none";
    }
}

unsigned cairn_access_rights(const char *role)
{
    static const struct {
        const char *role;
        unsigned rights;
    } roles[] = {
        {"viewer", CAIRN_RIGHT_VIEW},
        {"operator", CAIRN_RIGHT_VIEW | CAIRN_RIGHT_OPERATE},
        {"approver", CAIRN_RIGHT_VIEW | CAIRN_RIGHT_OPERATE | CAIRN_RIGHT_APPROVE},
        {"auditor", CAIRN_RIGHT_VIEW | CAIRN_RIGHT_AUDIT},
        {"enrolee", CAIRN_RIGHT_ENROL},
    };
    for (size_t i = 0; i < CAIRN_ARRAY_LEN(roles); i++) {
        if (strcmp(role, roles[i].role) == 0) {
            return roles[i].rights;
        }
    }
    return 0;
}

/* false: the field holds no bearer token that could be one of ours. */
static bool token_digest(struct cairn_span authorization, uint8_t out[32])
{
    static const char scheme[] = "Bearer ";
    const size_t skip = sizeof scheme - 1;
    if (authorization.len != skip + CAIRN_TOKEN_LEN || memcmp(authorization.p, scheme, skip) != 0) {
        return false;
    }
    return cairn_sha256(cairn_span(authorization.p + skip, CAIRN_TOKEN_LEN), out, NULL) == CAIRN_OK;
}

static const struct cairn_principal *by_token(const struct cairn_access *access, const uint8_t digest[32])
{
    const struct cairn_principal *found = NULL;
    for (size_t i = 0; i < access->num; i++) {
        const struct cairn_principal *p = &access->principals[i];
        if (cairn_ct_equal(CAIRN_SPAN(p->token), cairn_span(digest, 32)) && p->has_token) {
            found = p;
        }
    }
    return found;
}

static const struct cairn_principal *by_certificate(const struct cairn_access *access, const uint8_t digest[32])
{
    for (size_t i = 0; i < access->num; i++) {
        const struct cairn_principal *p = &access->principals[i];
        if (p->has_certificate && cairn_span_equal(CAIRN_SPAN(p->certificate), cairn_span(digest, 32))) {
            return p;
        }
    }
    return NULL;
}

const struct cairn_principal *cairn_access_find(const struct cairn_access *access, struct cairn_span authorization,
                                                const uint8_t *certificate)
{
    uint8_t digest[32] = {0};
    const struct cairn_principal *holder = certificate != NULL ? by_certificate(access, certificate) : NULL;
    if (authorization.len == 0) {
        return holder;
    }
    /* A token that is shown has to be right: a certificate beside it does not excuse it. */
    const struct cairn_principal *bearer = token_digest(authorization, digest) ? by_token(access, digest) : NULL;
    return holder == NULL || holder == bearer ? bearer : NULL;
}

CAIRN_RC cairn_access_allow(const struct cairn_principal *who, enum cairn_right right, struct cairn_err *err)
{
    if (right == CAIRN_RIGHT_NONE) {
        return CAIRN_OK;
    }
    if (who == NULL) {
        return CAIRN_FAIL(err, CAIRN_E_REFUSED, "access.credential",
                          "this needs a credential that the server knows: a bearer token or a client certificate");
    }
    if ((who->rights & (unsigned)right) == 0) {
        return CAIRN_FAIL(err, CAIRN_E_REFUSED, "access.role", "%s may not do this: another role is needed", who->name);
    }
    return CAIRN_OK;
}
