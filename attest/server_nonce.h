/* attest/server_nonce.h -- nonces that a server need not remember: it recognises its own.
 *
 * 16 random || u32 expiry || first 12 of HMAC-SHA256(key, random || expiry || device || u32 PCR mask || purpose name). The key
 * is 32 bytes that all instances share. That a nonce is spent is the caller's knowledge (one row per device).
 *
 * Pure: time and randomness are arguments. Source: DESIGN 4 (nonces); docs/protocol.md.
 */
#ifndef CAIRN_ATTEST_SERVER_NONCE_H
#define CAIRN_ATTEST_SERVER_NONCE_H

#include "attest/nonce.h"

/* CAIRN_CLOCK_SKEW_S: how far the clocks of two servers of one fleet may differ. */
enum { CAIRN_CLOCK_SKEW_S = 300 };
enum { CAIRN_NONCE_LIFE_EVIDENCE_S = 8 * 86400, CAIRN_NONCE_LIFE_GRANT_S = 600, CAIRN_NONCE_TAG_LEN = 12 };

/* cairn_server_nonce_make fills a nonce of purpose evidence or grant for the statement's device. CAIRN_E_USAGE "nonce.purpose",
 * "nonce.clock" (a time that u32 does not hold). */
CAIRN_RC cairn_server_nonce_make(const uint8_t key[32], const struct cairn_statement *statement, enum cairn_purpose purpose,
                                 uint32_t mask, uint64_t now_s, const uint8_t random[16], struct cairn_nonce *out,
                                 struct cairn_err *err);
/* cairn_server_nonce_check decides whether `nonce` was made with this key for this device, purpose and mask and is not expired;
 * gives the nonce object with its issue time. CAIRN_E_REFUSED "nonce.foreign" (not ours, or for another device, purpose or
 * mask: which is not told), "nonce.expired", "nonce.ahead" (made while the clock stood in the future: it would live until then,
 * CHECKS 62). Constant time. */
CAIRN_RC cairn_server_nonce_check(const uint8_t key[32], const struct cairn_statement *statement, enum cairn_purpose purpose,
                                  uint32_t mask, uint64_t now_s, const uint8_t nonce[32], struct cairn_nonce *out,
                                  struct cairn_err *err);

/* Upload tokens: u32 expiry || u64 max_len || first 16 of HMAC-SHA256(key, "upload" || these), base64url. */
enum { CAIRN_UPLOAD_TOKEN_LEN = 28, CAIRN_UPLOAD_TOKEN_TEXT = 39, CAIRN_UPLOAD_LIFE_MAX_S = 3600 };
CAIRN_RC cairn_upload_token_make(const uint8_t key[32], uint64_t max_len, uint64_t expires_s, char out[CAIRN_UPLOAD_TOKEN_TEXT],
                                 struct cairn_err *err);
/* CAIRN_E_REFUSED "upload.token": not made with this key, damaged, expired, or further from its end than
 * CAIRN_UPLOAD_LIFE_MAX_S (made while the clock stood in the future). */
CAIRN_RC cairn_upload_token_check(const uint8_t key[32], struct cairn_span text, uint64_t now_s, uint64_t *max_len,
                                  struct cairn_err *err);

#endif
