/* wipe/plan_device.h -- makes the plan: what is on this device, which TPM it has, who else uses it.
 */
#ifndef CAIRN_WIPE_PLAN_DEVICE_H
#define CAIRN_WIPE_PLAN_DEVICE_H

#include "storage/identity_device.h"
#include "wipe/inventory_device.h"
#include "wipe/order.h"

struct cairn_plan_ask {
    const struct cairn_wipe_settings *settings;
    const struct cairn_identity *identity; /* not enrolled: a forecast for nobody in particular */
    const struct cairn_order *order;       /* NULL: a forecast */
    uint32_t ak, srk;                      /* Cairn's persistent handles as configured */
    bool lockout_auth_given;               /* the configuration names the lockout authorisation */
    uint64_t now_s;
};
/* cairn_plan_make. Changes nothing. Errors: tpm.*, "wipe.targets". */
CAIRN_RC cairn_plan_make(struct cairn_tpm *tpm, const struct cairn_plan_ask *ask, struct cairn_plan *out,
                         struct cairn_err *err);

#endif
