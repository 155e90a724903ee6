/* storage/params.h -- a parameter set: names, flags and values in one strict binary form.
 *
 * The same form is what a release fixes by digest (behind a salt, see provision/assets.h) and what a vault file holds. A set is
 * always whole: changing one parameter makes a new set in new secret memory. One form per set: sorted, no double, no spare
 * byte.
 *
 * Pure. Source: docs/formats.md "parameter set".
 */
#ifndef CAIRN_STORAGE_PARAMS_H
#define CAIRN_STORAGE_PARAMS_H

#include "core/secret.h"

enum {
    CAIRN_PARAM_NAME_MAX = 65, /* with NUL: [a-z][a-z0-9._-]{0,63} */
    CAIRN_PARAM_VALUE_MAX = 64 * 1024,
    CAIRN_PARAM_GENERATE_MIN = 16,
    CAIRN_PARAM_GENERATE_MAX = 1024,
    CAIRN_PARAMS_MAX = 128,
    CAIRN_PARAMS_LEN_MAX = 512 * 1024
};
enum cairn_param_flag {
    CAIRN_PARAM_ONLINE = 1,    /* scope online: the provisioning server may set it. Clear: scope release */
    CAIRN_PARAM_GENERATE = 2,  /* the value is a u32: that many random bytes are to be made on the device */
    CAIRN_PARAM_GENERATED = 4, /* the value was made on this device: nobody else holds it */
    CAIRN_PARAM_LOCAL = 8,     /* set on the device, unknown to the release */
};
struct cairn_param {
    char name[CAIRN_PARAM_NAME_MAX];
    uint8_t flags;
    struct cairn_span value; /* borrows from the set */
};
/* cairn_param_name_ok: the alphabet of every name a manifest gives, of parameters and of assets: [a-z][a-z0-9._-]{0,63}. */
bool cairn_param_name_ok(const char *name);

/* cairn_params_check decides whether `set` is a parameter set; every other function here wants a checked one.
 * CAIRN_E_FORMAT "params.format" (structure, order, a name), "params.flags", "params.large". */
CAIRN_RC cairn_params_check(struct cairn_span set, struct cairn_err *err);
size_t cairn_params_num(struct cairn_span set);
/* cairn_params_at gives the i-th parameter in the order of names; false past the end. */
bool cairn_params_at(struct cairn_span set, size_t i, struct cairn_param *out);
bool cairn_params_find(struct cairn_span set, const char *name, struct cairn_param *out);

/* Each gives a new set; the caller owns *out and the old set stands. cairn_params_put adds or replaces one parameter: also
 * CAIRN_E_USAGE "params.name", CAIRN_E_REFUSED "params.value" (above CAIRN_PARAM_VALUE_MAX), "params.large" (too many, or too
 * long together). cairn_params_drop: CAIRN_E_REFUSED "params.absent". */
CAIRN_RC cairn_params_empty(struct cairn_secret **out, struct cairn_err *err);
CAIRN_RC cairn_params_put(struct cairn_span set, const struct cairn_param *param, struct cairn_secret **out,
                          struct cairn_err *err);
CAIRN_RC cairn_params_drop(struct cairn_span set, const char *name, struct cairn_secret **out, struct cairn_err *err);

#endif
