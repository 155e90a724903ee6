/* provision/assets.h -- assets.bin: the encrypted assets of one grant.
 *
 * The transport key TK (32 bytes) is fresh for each grant and travels inside the grant's import object, so the ciphertext is a
 * fact of the grant and not of the release: the manifest fixes plaintext digests only, the grant the digest of the whole file.
 * That costs one file per device and gives: no key that opens two devices' files. Asset key = HKDF(TK, class, svn, name,
 * plaintext digest); chunk nonce = chunk number and last flag, so chunks are never moved, dropped or cut off unseen.
 *
 * Pure. Source: DESIGN 9; docs/formats.md "assets container".
 */
#ifndef CAIRN_PROVISION_ASSETS_H
#define CAIRN_PROVISION_ASSETS_H

#include "core/crypto_keys.h"
#include "provision/params_source.h"
#include "storage/record.h"

enum { CAIRN_TK_LEN = 32, CAIRN_ASSETS_MAX = 4, CAIRN_ASSET_CHUNK = 64 * 1024, CAIRN_ASSETS_FILE_MAX = 4 << 20 };

/* struct cairn_asset_plain is one asset before encryption; both members borrowed. Names: as cairn_param_name_ok, at most
 * CAIRN_ASSET_NAME_MAX - 1 characters. */
struct cairn_asset_plain {
    const char *name;
    struct cairn_span bytes; /* 1 .. CAIRN_ASSET_PLAIN_MAX */
};
/* struct cairn_asset_key says for what a container is made: class and svn of the manifest, TK. Borrowed. */
struct cairn_asset_key {
    struct cairn_span tk;
    const char *device_class;
    uint64_t svn;
};
/* cairn_assets_seal replaces `out` by the container. CAIRN_E_USAGE "assets.names" (a bad or doubled name, none, or too many),
 * "assets.key" (`key` has no transport key of CAIRN_TK_LEN bytes, or too long a class). */
CAIRN_RC cairn_assets_seal(const struct cairn_asset_key *key, const struct cairn_asset_plain *assets, size_t num,
                           struct cairn_buf *out, struct cairn_err *err);
/* cairn_assets_open gives the plaintext of `name`, whose digest must be `want`. CAIRN_E_FORMAT "assets.format";
 * CAIRN_E_REFUSED "assets.absent" (no such asset), "assets.tag" (another key, or altered), "assets.digest" (not the bytes that
 * were signed for); CAIRN_E_USAGE "assets.key". */
CAIRN_RC cairn_assets_open(const struct cairn_asset_key *key, struct cairn_span file, const char *name, const uint8_t want[32],
                           struct cairn_secret **out, struct cairn_err *err);
/* cairn_assets_check decides whether `file` is a container, without a key. CAIRN_E_FORMAT "assets.format". */
CAIRN_RC cairn_assets_check(struct cairn_span file, struct cairn_err *err);

#endif
