/* client/refusal_device.c -- see client/refusal_device.h. */
#include "client/refusal_device.h"

#include <string.h>

enum { OK = 200, MANY = 429, SERVER_FAULT = 500 };

enum cairn_rc cairn_client_refusal(const struct cairn_client_reply *reply, struct cairn_err *err)
{
    struct cairn_problem problem = {.num_need = 0};
    cairn_problem_parse(reply->status, cairn_buf_span(&reply->body), &problem);
    const bool wait = reply->status == MANY || reply->status >= SERVER_FAULT;
    const enum cairn_rc rc = CAIRN_FAIL(err, wait ? CAIRN_E_SERVER : CAIRN_E_REFUSED, problem.code, "the server says %d: %s",
                                        reply->status, problem.detail[0] != '\0' ? problem.detail : "nothing more");
    if (err != NULL) {
        err->cause = (uint32_t)reply->status;
        err->retry_after_s = reply->retry_after_s;
    }
    return rc;
}

enum cairn_rc cairn_client_expect(const struct cairn_client_reply *reply, const char *type, struct cairn_err *err)
{
    if (reply->status != OK) {
        return cairn_client_refusal(reply, err);
    }
    return type == NULL || strcmp(reply->type, type) == 0
               ? CAIRN_OK
               : CAIRN_FAIL(err, CAIRN_E_SERVER, "reply.type", "the server's reply is %s, not %s: is it a Cairn server?",
                            reply->type[0] != '\0' ? reply->type : "of no type", type);
}
