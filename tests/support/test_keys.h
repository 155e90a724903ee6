/* tests/support/test_keys.h -- a whole fleet in memory: keys of every role, a signed root, one enrolled make-believe device.
 *
 * Everything is fresh at each call and fails the running test (assert) when something goes wrong. Dates: keys are valid from
 * CAIRN_TEST_NOW - 1 day to CAIRN_TEST_NOW + 1 year.
 */
#ifndef CAIRN_TESTS_TEST_KEYS_H
#define CAIRN_TESTS_TEST_KEYS_H

#include "authority/sign.h"
#include "authority/statement.h"
#include "support/fake_tpm.h"

#define CAIRN_TEST_CLASS "gateway-a"
enum { CAIRN_TEST_NOW = 1800000000, CAIRN_TEST_EPOCH_VALUE = 7 };
enum { CAIRN_TEST_EPOCH = 0x01800100, CAIRN_TEST_ANCHOR_A = 0x01800101, CAIRN_TEST_ANCHOR_B = 0x01800102 };

struct cairn_test_keys {
    struct cairn_signer *role[CAIRN_NUM_ROLES]; /* holder "alice" in every role */
    struct cairn_signer *retire_b;              /* second key of role retire, holder "bob" */
    struct cairn_signer *verifier[4];           /* more of role verifier, holders "judge 1" to "judge 4" */
    struct cairn_signer *stranger;              /* in no root */
    struct cairn_buf root_file;                 /* DSSE */
    struct cairn_root *root;
    struct cairn_fake_tpm tpm;       /* the device; its epoch is CAIRN_TEST_EPOCH_VALUE */
    struct cairn_buf statement_file; /* DSSE, signed by role enrol */
    struct cairn_statement statement;
};
void cairn_test_keys_make(struct cairn_test_keys *out);
void cairn_test_keys_clear(struct cairn_test_keys *keys);
#define CAIRN_TEST_KEYS CAIRN_CLEANUP(cairn_test_keys_clear) struct cairn_test_keys

/* cairn_test_sign signs canonical JSON (or an envelope) as `type`: *out is replaced. */
void cairn_test_sign(struct cairn_span json_or_dsse, const char *type, const struct cairn_signer *signer,
                     struct cairn_buf *out);
/* cairn_test_sign_json: the same from a json_t that is taken over. */
void cairn_test_sign_json(json_t *payload, const char *type, const struct cairn_signer *signer, struct cairn_buf *out);
/* cairn_test_root_json is the unsigned payload of keys->root, for tests that change one thing: the caller owns it. */
json_t *cairn_test_root_json(const struct cairn_test_keys *keys);
/* cairn_test_statement_json: likewise for the statement. */
json_t *cairn_test_statement_json(const struct cairn_test_keys *keys);
/* cairn_test_payload gives the payload of an envelope as JSON; the caller owns it. */
json_t *cairn_test_payload(const struct cairn_buf *dsse, const char *type);

#endif
