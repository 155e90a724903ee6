/* server/on_relying.c -- for relying parties: whose signatures to expect, and the check that a proxy asks for.
 *
 * forward-auth believes nothing but the root's verifier keys, the audience it was configured for and the proof of possession
 * (CHECKS 54). An EAR without a key in it opens nothing here.
 */
#include <stdio.h>
#include <string.h>

#include "attest/ear.h"
#include "core/doctype.h"
#include "policies/evaluate.h"
#include "server/handlers.h"

enum { METHOD_MAX = 16, PROOF_LIFE_S = 120 };

CAIRN_RC cairn_on_root(struct cairn_work *work, struct cairn_err *err)
{
    return cairn_work_reply_file(work, CAIRN_TYPE_ROOT, cairn_buf_span(&work->judge->fleet->root_file), err);
}

CAIRN_RC cairn_on_jwks(struct cairn_work *work, struct cairn_err *err)
{
    CAIRN_BUF jwks = {0};
    CAIRN_TRY(cairn_jwks_write(work->judge->fleet->root, &jwks, err));
    return cairn_work_reply_file(work, "application/jwk-set+json", cairn_buf_span(&jwks), err);
}

/* What the proxy says of the request it was asked for. */
static CAIRN_RC original(const struct cairn_http_head *head, const char *name, char *out, size_t cap, struct cairn_err *err)
{
    struct cairn_span value = {NULL, 0};
    if (!cairn_http_field(head, name, &value) || value.len == 0 || value.len >= cap) {
        return CAIRN_FAIL(err, CAIRN_E_REFUSED, "forward.original", "the proxy has to set %s", name);
    }
    (void)snprintf(out, cap, "%.*s", (int)value.len, (const char *)value.p);
    return CAIRN_OK;
}

static CAIRN_RC shown(const struct cairn_http_head *head, struct cairn_span *token, struct cairn_span *proof,
                      struct cairn_err *err)
{
    static const char scheme[] = "DPoP ";
    struct cairn_span field = {NULL, 0};
    const size_t skip = sizeof scheme - 1;
    if (!cairn_http_field(head, "Authorization", &field) || field.len <= skip || memcmp(field.p, scheme, skip) != 0 ||
        !cairn_http_field(head, "DPoP", proof)) {
        return CAIRN_FAIL(err, CAIRN_E_REFUSED, "access.credential", "wanted: Authorization: DPoP EAR, and DPoP: PROOF");
    }
    *token = cairn_span(field.p + skip, field.len - skip);
    return CAIRN_OK;
}

static CAIRN_RC check(struct cairn_work *work, struct cairn_ear *ear, struct cairn_err *err)
{
    const struct cairn_judge *judge = work->judge;
    const struct cairn_http_head *head = cairn_call_head(work->call);
    struct cairn_span token = {NULL, 0}, proof = {NULL, 0};
    char method[METHOD_MAX] = "", url[CAIRN_HTTP_TARGET_MAX] = "", jti[65] = "";
    CAIRN_TRY(shown(head, &token, &proof, err));
    CAIRN_TRY(original(head, "X-Original-Method", method, sizeof method, err));
    CAIRN_TRY(original(head, "X-Original-URL", url, sizeof url, err));
    url[strcspn(url, "?#")] = '\0'; /* RFC 9449: htu has neither query nor fragment */
    CAIRN_TRY(cairn_ear_verify(judge->fleet->root, token, judge->fleet->audience, work->now_s, ear, err));
    CAIRN_TRY(cairn_dpop_check(proof, ear, token, method, url, work->now_s, jti, err));
    CAIRN_TRY(cairn_seen_once(judge->service->proofs, cairn_span_str(jti), work->now_s, work->now_s + PROOF_LIFE_S, err));
    return strcmp(ear->status, cairn_tier_name(CAIRN_TIER_AFFIRMING)) == 0
               ? CAIRN_OK
               : CAIRN_FAIL(err, CAIRN_E_REFUSED, "ear.status", "this device is %s, not affirming", ear->status);
}

/* 401: come with another token; 403: this device may not. A proxy takes every other status for a fault of ours. */
static int status_for(const struct cairn_err *err)
{
    return strcmp(err->code, "ear.status") == 0 ? 403 : 401;
}

CAIRN_RC cairn_on_forward_auth(struct cairn_work *work, struct cairn_err *err)
{
    struct cairn_ear *ear = NULL;
    struct cairn_err why = {0};
    if (work->judge->fleet->audience[0] == '\0') {
        return CAIRN_FAIL(err, CAIRN_E_REFUSED, "http.path", "forward-auth is not configured");
    }
    CAIRN_TRY(cairn_work_own(work, sizeof *ear, NULL, (void **)&ear, err));
    enum cairn_rc rc = check(work, ear, &why);
    if (rc == CAIRN_E_IO || rc == CAIRN_E_BUSY) {
        return CAIRN_FAIL(err, rc, why.code, "%s", why.text);
    }
    if (rc != CAIRN_OK) {
        work->status = status_for(&why);
        work->field = "WWW-Authenticate";
        (void)snprintf(work->value, sizeof work->value, "DPoP error=\"invalid_token\", error_description=\"%.60s\"", why.code);
        return CAIRN_OK;
    }
    work->field = "Cairn-Device";
    cairn_hex_encode(CAIRN_SPAN(ear->device), work->value);
    return CAIRN_OK;
}
