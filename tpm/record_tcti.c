/* tpm/record_tcti.c -- see record_tcti.h. */
#include "tpm/record_tcti.h"

#include <stdlib.h>

#include "core/secret.h"

struct cairn_record_tcti {
    TSS2_TCTI_CONTEXT_COMMON_V2 v2; /* first: the TSS sees only this */
    TSS2_TCTI_CONTEXT *inner;
    bool keep;
    struct cairn_writer command, response;
    uint8_t command_bytes[CAIRN_RECORD_MAX], response_bytes[CAIRN_RECORD_MAX];
};

static struct cairn_record_tcti *self(TSS2_TCTI_CONTEXT *context)
{
    return (struct cairn_record_tcti *)(void *)context;
}

static void empty(struct cairn_record_tcti *r)
{
    r->command = cairn_writer(r->command_bytes, sizeof r->command_bytes);
    r->response = cairn_writer(r->response_bytes, sizeof r->response_bytes);
}

static TSS2_RC transmit(TSS2_TCTI_CONTEXT *context, size_t size, const uint8_t *command)
{
    struct cairn_record_tcti *r = self(context);
    if (r->keep) {
        empty(r);
        cairn_write_bytes(&r->command, cairn_span(command, size));
    }
    return Tss2_Tcti_Transmit(r->inner, size, command);
}

static TSS2_RC receive(TSS2_TCTI_CONTEXT *context, size_t *size, uint8_t *response, int32_t timeout)
{
    struct cairn_record_tcti *r = self(context);
    TSS2_RC rc = Tss2_Tcti_Receive(r->inner, size, response, timeout);
    if (rc == TSS2_RC_SUCCESS && r->keep && response != NULL && size != NULL) {
        cairn_write_bytes(&r->response, cairn_span(response, *size));
    }
    return rc;
}

static TSS2_RC cancel(TSS2_TCTI_CONTEXT *context)
{
    return Tss2_Tcti_Cancel(self(context)->inner);
}

static TSS2_RC poll_handles(TSS2_TCTI_CONTEXT *context, TSS2_TCTI_POLL_HANDLE *handles, size_t *num)
{
    return Tss2_Tcti_GetPollHandles(self(context)->inner, handles, num);
}

static TSS2_RC set_locality(TSS2_TCTI_CONTEXT *context, uint8_t locality)
{
    return Tss2_Tcti_SetLocality(self(context)->inner, locality);
}

static TSS2_RC make_sticky(TSS2_TCTI_CONTEXT *context, TPM2_HANDLE *handle, uint8_t sticky)
{
    return Tss2_Tcti_MakeSticky(self(context)->inner, handle, sticky);
}

struct cairn_record_tcti *cairn_record_tcti_new(TSS2_TCTI_CONTEXT *inner)
{
    struct cairn_record_tcti *r = calloc(1, sizeof *r);
    if (r == NULL) {
        return NULL;
    }
    r->inner = inner;
    r->v2.v1.magic = 0x636169726e726563;
    r->v2.v1.version = 2;
    r->v2.v1.transmit = transmit;
    r->v2.v1.receive = receive;
    r->v2.v1.cancel = cancel;
    r->v2.v1.getPollHandles = poll_handles;
    r->v2.v1.setLocality = set_locality;
    r->v2.makeSticky = make_sticky;
    empty(r);
    return r;
}

void cairn_record_tcti_free(struct cairn_record_tcti *record)
{
    if (record != NULL) {
        cairn_wipe(record, sizeof *record);
        free(record);
    }
}

TSS2_TCTI_CONTEXT *cairn_record_tcti_context(struct cairn_record_tcti *record)
{
    return (TSS2_TCTI_CONTEXT *)(void *)record;
}

void cairn_record_tcti_keep(struct cairn_record_tcti *record, bool keep)
{
    record->keep = keep;
    cairn_wipe(record->command_bytes, sizeof record->command_bytes);
    cairn_wipe(record->response_bytes, sizeof record->response_bytes);
    empty(record);
}

struct cairn_span cairn_record_tcti_command(const struct cairn_record_tcti *record)
{
    return cairn_writer_span(&record->command);
}

struct cairn_span cairn_record_tcti_response(const struct cairn_record_tcti *record)
{
    return cairn_writer_span(&record->response);
}
