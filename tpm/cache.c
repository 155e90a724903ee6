/* tpm/cache.c -- what saves TPM commands at the next start: ESYS's TR blobs and policy verification tickets, as files.
 *
 * Nothing here is trusted. A blob is internal to the TSS and not authentic: its Name must be the pinned one and its handle the
 * configured one, and what it describes may still be gone. A ticket is an HMAC that the TPM checks; it dies with a Clear. A
 * cache that cannot be read or written only costs commands, so its errors are not reported.
 */
#include <stdio.h>
#include <tss2/tss2_mu.h>

#include "tpm/tpm_internal.h"

enum { TICKET_MAX = 128 };

static const char *const thing_files[CAIRN_NUM_THINGS] = {"tpm-srk.tr", "tpm-ak.tr", "tpm-epoch.tr", "tpm-anchor0.tr",
                                                          "tpm-anchor1.tr"};

static bool is_pinned(struct cairn_tpm *tpm, enum cairn_tpm_thing which, ESYS_TR tr)
{
    struct cairn_name name = {0};
    TPM2_HANDLE handle = 0;
    return cairn_tpm_name(tpm, tr, &name) == TSS2_RC_SUCCESS && cairn_name_equal(&name, cairn_tpm_thing_pin(tpm, which)) &&
           Esys_TR_GetTpmHandle(tpm->esys, tr, &handle) == TSS2_RC_SUCCESS && handle == cairn_tpm_thing_handle(tpm, which);
}

bool cairn_tpm_cache_thing(struct cairn_tpm *tpm, enum cairn_tpm_thing which, ESYS_TR *out)
{
    CAIRN_BUF blob = {0};
    ESYS_TR tr = ESYS_TR_NONE;
    if (tpm->config.cache == NULL ||
        cairn_file_read(tpm->config.cache, thing_files[which], CAIRN_TPM_BLOB_MAX, &blob, NULL) != CAIRN_OK ||
        Esys_TR_Deserialize(tpm->esys, blob.p, blob.len, &tr) != TSS2_RC_SUCCESS) {
        return false;
    }
    if (!is_pinned(tpm, which, tr)) {
        (void)Esys_TR_Close(tpm->esys, &tr);
        return false;
    }
    *out = tr;
    return true;
}

static void store(struct cairn_tpm *tpm, const char *name, struct cairn_span bytes)
{
    enum cairn_rc ignored = cairn_file_replace(tpm->config.cache, name, bytes, 0600, NULL);
    (void)ignored;
}

static void drop(struct cairn_tpm *tpm, const char *name)
{
    if (tpm->config.cache != NULL && cairn_file_exists(tpm->config.cache, name)) {
        enum cairn_rc ignored = cairn_file_remove(tpm->config.cache, name, NULL);
        (void)ignored;
    }
}

void cairn_tpm_cache_store_thing(struct cairn_tpm *tpm, enum cairn_tpm_thing which, ESYS_TR tr)
{
    uint8_t *blob = NULL;
    size_t len = 0;
    if (tpm->config.cache == NULL || Esys_TR_Serialize(tpm->esys, tr, &blob, &len) != TSS2_RC_SUCCESS) {
        return;
    }
    if (len <= CAIRN_TPM_BLOB_MAX) {
        store(tpm, thing_files[which], cairn_span(blob, len));
    }
    Esys_Free(blob);
}

void cairn_tpm_cache_drop_thing(struct cairn_tpm *tpm, enum cairn_tpm_thing which)
{
    drop(tpm, thing_files[which]);
}

struct ticket_name {
    char text[48];
};

static struct ticket_name ticket_name(const uint8_t approval[32])
{
    char hex[17];
    struct ticket_name name;
    cairn_hex_encode(cairn_span(approval, 8), hex);
    (void)snprintf(name.text, sizeof name.text, "tpm-%s.ticket", hex);
    return name;
}

/* The file holds the approval's digest and the ticket: eight bytes of a name are not an identity. */
static bool parse_ticket(struct cairn_span file, const uint8_t approval[32], TPMT_TK_VERIFIED *out)
{
    struct cairn_reader r = cairn_reader(file);
    struct cairn_span of = cairn_read_bytes(&r, 32);
    size_t used = 0;
    return cairn_reader_ok(&r) && cairn_span_equal(of, cairn_span(approval, 32)) &&
           Tss2_MU_TPMT_TK_VERIFIED_Unmarshal(r.rest.p, r.rest.len, &used, out) == TSS2_RC_SUCCESS && used == r.rest.len;
}

static void remember_ticket(struct cairn_tpm *tpm, const uint8_t approval[32], const TPMT_TK_VERIFIED *ticket)
{
    struct cairn_reader r = cairn_reader(cairn_span(approval, 32));
    cairn_read_array(&r, tpm->ticket.approval, sizeof tpm->ticket.approval);
    tpm->ticket.ticket = *ticket;
    tpm->ticket.valid = true;
}

bool cairn_tpm_cache_ticket(struct cairn_tpm *tpm, const uint8_t approval[32], TPMT_TK_VERIFIED *out)
{
    if (tpm->ticket.valid && cairn_span_equal(cairn_span(tpm->ticket.approval, 32), cairn_span(approval, 32))) {
        *out = tpm->ticket.ticket;
        return true;
    }
    CAIRN_BUF file = {0};
    struct ticket_name name = ticket_name(approval);
    TPMT_TK_VERIFIED ticket = {0};
    if (tpm->config.cache == NULL || cairn_file_read(tpm->config.cache, name.text, TICKET_MAX, &file, NULL) != CAIRN_OK ||
        !parse_ticket(cairn_buf_span(&file), approval, &ticket)) {
        return false;
    }
    remember_ticket(tpm, approval, &ticket);
    *out = ticket;
    return true;
}

void cairn_tpm_cache_store_ticket(struct cairn_tpm *tpm, const uint8_t approval[32], const TPMT_TK_VERIFIED *ticket)
{
    uint8_t bytes[TICKET_MAX];
    size_t used = 32;
    struct cairn_writer w = cairn_writer(bytes, sizeof bytes);
    remember_ticket(tpm, approval, ticket);
    cairn_write_bytes(&w, cairn_span(approval, 32));
    if (tpm->config.cache != NULL && Tss2_MU_TPMT_TK_VERIFIED_Marshal(ticket, bytes, sizeof bytes, &used) == TSS2_RC_SUCCESS) {
        struct ticket_name name = ticket_name(approval);
        store(tpm, name.text, cairn_span(bytes, used));
    }
}

void cairn_tpm_cache_drop_ticket(struct cairn_tpm *tpm)
{
    if (tpm->ticket.valid) {
        struct ticket_name name = ticket_name(tpm->ticket.approval);
        drop(tpm, name.text);
        tpm->ticket.valid = false;
    }
}
