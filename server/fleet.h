/* server/fleet.h -- the fleet as this server serves it: root, policy, release and the keys it was given, read and verified
 * once.
 *
 * Each worker loads its own (signing keys belong to one thread) and replaces it when the configuration is read again; the
 * files' signatures are checked here and nothing that does not verify is served.
 *
 * Source: DESIGN 4, 8, 9. Threading: one object, one thread.
 */
#ifndef CAIRN_SERVER_FLEET_H
#define CAIRN_SERVER_FLEET_H

#include "attest/ek_chain.h"
#include "core/crypto_keys.h"
#include "policies/policy.h"
#include "provision/grant.h"
#include "server/config.h"

struct cairn_fleet {
    struct cairn_root *root;
    struct cairn_buf root_file;
    bool has_policy;
    struct cairn_policy policy;
    uint32_t mask; /* PCRs that nonces ask for */
    bool grants;   /* key, manifest and params are there */
    struct cairn_manifest manifest;
    struct cairn_buf manifest_file;
    struct cairn_param_assets params;
    struct cairn_ca_set *cas;                          /* NULL: EK certificates are left to the enroller */
    struct cairn_signer *verifier, *provision, *enrol; /* NULL: not given to this server */
    uint64_t grant_life_s, grace_s, interval_s;
    unsigned enrol_open;
    char issuer[CAIRN_CONFIG_URL_MAX], audience[CAIRN_CONFIG_URL_MAX];
};
/* cairn_fleet_load. CAIRN_E_REFUSED "fleet.key" (a key that is not of its role in this root), "file.mode" (a private file that
 * others can read: CHECKS 39, the text names it), root.*, policy.*, manifest.*, "fleet.pcrs" (the nonces' selection leaves out
 * a PCR of the policy's seal set); CAIRN_E_IO file.*; CAIRN_E_USAGE "ca.empty"; params.*. The caller frees *out. */
CAIRN_RC cairn_fleet_load(const struct cairn_server_config *config, uint64_t now_s, struct cairn_fleet **out,
                          struct cairn_err *err);
void cairn_fleet_free(struct cairn_fleet *fleet);

#endif
