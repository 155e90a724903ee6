/* client/refusal_device.h -- a reply that is no success, as an error object.
 */
#ifndef CAIRN_CLIENT_REFUSAL_DEVICE_H
#define CAIRN_CLIENT_REFUSAL_DEVICE_H

#include "client/http_device.h"
#include "client/replies.h"

/* cairn_client_refusal never returns CAIRN_OK. The code is the server's own, or "http.NNN"; the text says that the server said
 * it, escaped. 429 and 5xx: CAIRN_E_SERVER (waiting helps), everything else CAIRN_E_REFUSED. err->retry_after_s is the
 * server's. */
CAIRN_RC cairn_client_refusal(const struct cairn_client_reply *reply, struct cairn_err *err);
/* cairn_client_expect: CAIRN_OK when the reply is 200 with this content type (NULL: any); CAIRN_E_SERVER "reply.type" for
 * another type; else as above. */
CAIRN_RC cairn_client_expect(const struct cairn_client_reply *reply, const char *type, struct cairn_err *err);

#endif
