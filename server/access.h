/* server/access.h -- who asks, and what he may: operators, auditors, enrolment tokens. Default deny.
 *
 * A principal is known by a bearer token (its SHA-256 stands in the configuration, the token nowhere) or by a client
 * certificate (its SHA-256). A device is never a principal: it is believed by what its TPM signs, and its documents open no
 * operator's route (CHECKS 5). Pure. Source: DESIGN 11; RFC 6750.
 */
#ifndef CAIRN_SERVER_ACCESS_H
#define CAIRN_SERVER_ACCESS_H

#include "core/wire.h"

/* What a route may ask for. */
enum cairn_right {
    CAIRN_RIGHT_NONE = 0, /* open to everybody */
    CAIRN_RIGHT_VIEW = 1,
    CAIRN_RIGHT_OPERATE = 2,
    CAIRN_RIGHT_APPROVE = 4,
    CAIRN_RIGHT_AUDIT = 8,
    CAIRN_RIGHT_ENROL = 16, /* to ask for enrolment: held by enrolment tokens alone */
};
const char *cairn_right_name(enum cairn_right right); /* "none", "view", "operate", "approve", "audit", "enrol" */
/* cairn_access_rights gives the rights of a role of the configuration: "viewer", "operator", "approver", "auditor", "enrolee".
 * 0: no such role. */
unsigned cairn_access_rights(const char *role);

enum { CAIRN_PRINCIPAL_NAME_MAX = 64, CAIRN_ACCESS_MAX = 128, CAIRN_TOKEN_LEN = 43 };
struct cairn_principal {
    char name[CAIRN_PRINCIPAL_NAME_MAX];
    unsigned rights;
    bool has_token, has_certificate;
    uint8_t token[32], certificate[32]; /* SHA-256 */
};
struct cairn_access {
    size_t num;
    struct cairn_principal principals[CAIRN_ACCESS_MAX];
};

/* cairn_access_find tells who shows this Authorization field ("Bearer TOKEN"; empty: none) and client certificate (NULL: none).
 * NULL: nobody we know; also when both are shown and belong to two principals. All tokens are compared, in constant time. */
const struct cairn_principal *cairn_access_find(const struct cairn_access *access, struct cairn_span authorization,
                                                const uint8_t *certificate);
/* cairn_access_allow decides. CAIRN_E_REFUSED "access.credential" (nobody we know), "access.role" (known, and may not). */
CAIRN_RC cairn_access_allow(const struct cairn_principal *who, enum cairn_right right, struct cairn_err *err);

#endif
