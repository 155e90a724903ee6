/* provision/params_source.h -- params.json, as a person writes it, to the two parameter sets that travel.
 *
 * The release set (scope release) is fixed by the manifest's digest, the online set (scope online) by the grant's. Both travel
 * as "asset plaintext": the file's 32-byte salt, then the set (storage/params.h): a digest of a few known words would give them
 * away, a salted one does not.
 *
 * Pure. Source: docs/formats.md "params.json".
 */
#ifndef CAIRN_PROVISION_PARAMS_SOURCE_H
#define CAIRN_PROVISION_PARAMS_SOURCE_H

#include "storage/params.h"

enum { CAIRN_PARAMS_SALT_LEN = 32, CAIRN_ASSET_PLAIN_MAX = CAIRN_PARAMS_SALT_LEN + CAIRN_PARAMS_LEN_MAX };

/* struct cairn_param_assets: all-zero is a valid cleared state. */
struct cairn_param_assets {
    struct cairn_secret *release, *online; /* salt || set */
};
void cairn_param_assets_clear(struct cairn_param_assets *assets);
#define CAIRN_PARAM_ASSETS CAIRN_CLEANUP(cairn_param_assets_clear) struct cairn_param_assets

/* cairn_params_source_read compiles params.json. CAIRN_E_FORMAT json.*; "params.salt" (absent or not 64 hex digits: the text
 * says how to make one), "params.kind" (not exactly one of value, base64, generate), "params.scope"; CAIRN_E_USAGE
 * "params.name"; CAIRN_E_REFUSED "params.value", "params.large". */
CAIRN_RC cairn_params_source_read(struct cairn_span text, struct cairn_param_assets *out, struct cairn_err *err);
/* cairn_asset_set gives the set inside asset plaintext, checked. CAIRN_E_FORMAT "params.format" and the other params.*. */
CAIRN_RC cairn_asset_set(struct cairn_span plain, struct cairn_span *set, struct cairn_err *err);

#endif
