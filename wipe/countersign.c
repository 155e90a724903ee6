/* wipe/countersign.c -- see wipe/countersign.h. Nothing is signed that was not judged first. */
#include "wipe/countersign.h"

#include <string.h>

#include "core/doctype.h"

static CAIRN_RC verify(struct cairn_span file, const struct cairn_span *anchors, size_t num_anchors, struct cairn_err *err)
{
    CAIRN_CERTIFICATE *found = NULL;
    return cairn_certificate_verify(file, anchors, num_anchors, &found, err);
}

static bool has_signed(const struct cairn_tpmdoc *doc, const uint8_t key_id[CAIRN_SHA256_LEN])
{
    for (size_t i = 0; i < doc->num_signatures; i++) {
        if (memcmp(doc->signatures[i].key_id, key_id, CAIRN_SHA256_LEN) == 0) {
            return true;
        }
    }
    return false;
}

static CAIRN_RC add_signature(struct cairn_tpmdoc *doc, const struct cairn_signer *signer, struct cairn_err *err)
{
    struct cairn_ec_key key = {0};
    struct cairn_dsse_signature made = {0};
    uint8_t digest[CAIRN_SHA256_LEN] = {0};
    CAIRN_TRY(cairn_signer_public(signer, &key, err));
    CAIRN_TRY(cairn_ec_key_id(&key, made.key_id, err));
    if (has_signed(doc, made.key_id)) {
        return CAIRN_OK;
    }
    if (doc->num_signatures == CAIRN_TPMDOC_MAX_SIGNATURES) {
        return CAIRN_FAIL(err, CAIRN_E_REFUSED, "certificate.full", "a certificate holds at most %d counter-signatures",
                          CAIRN_TPMDOC_MAX_SIGNATURES);
    }
    CAIRN_TRY(cairn_pae_digest(doc->type, cairn_buf_span(&doc->payload), digest, err));
    CAIRN_TRY(cairn_signer_sign(signer, digest, made.rs, err));
    return cairn_tpmdoc_add_signature(doc, &made, err);
}

CAIRN_RC cairn_certificate_countersign(struct cairn_span file, const struct cairn_span *anchors, size_t num_anchors,
                                       const struct cairn_signer *signer, struct cairn_buf *out, struct cairn_err *err)
{
    CAIRN_TPMDOC doc = {0};
    CAIRN_BUF made = {0};
    CAIRN_TRY(verify(file, anchors, num_anchors, err));
    CAIRN_TRY(cairn_tpmdoc_parse(file, CAIRN_TYPE_CERTIFICATE, &doc, err));
    CAIRN_TRY(add_signature(&doc, signer, err));
    CAIRN_TRY(cairn_tpmdoc_write(&doc, &made, err));
    /* Whether the key may do this is decided where every reader decides it. */
    CAIRN_TRY(verify(cairn_buf_span(&made), anchors, num_anchors, err));
    return cairn_buf_append(out, cairn_buf_span(&made), err);
}
