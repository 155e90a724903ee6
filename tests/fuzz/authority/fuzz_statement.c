/* tests/fuzz/authority/fuzz_statement.c -- statements and approvals as if their signatures had verified: the input becomes the
 * payload of an envelope signed by a fixed key of role enrol. */
#include <stdlib.h>

#include "authority/approval.h"
#include "authority/draft.h"
#include "authority/sign.h"
#include "authority/statement.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct fleet {
    struct cairn_signer *enrol;
    struct cairn_root *root;
};

static void need(enum cairn_rc rc)
{
    if (rc != CAIRN_OK) {
        abort();
    }
}

static void make_fleet(struct fleet *out)
{
    struct cairn_root_draft *draft = calloc(1, sizeof *draft);
    CAIRN_BUF payload = {0};
    CAIRN_BUF file = {0};
    CAIRN_SIGNER *root_key = NULL;
    if (draft == NULL) {
        abort();
    }
    draft->device_class[0] = 'c';
    draft->single_person = true;
    draft->not_after_s = 9;
    for (size_t i = 0; i < CAIRN_NUM_ROLES; i++) {
        CAIRN_SIGNER *signer = NULL;
        need(cairn_signer_generate(&signer, NULL));
        draft->keys[i].role = (enum cairn_role)i;
        draft->keys[i].holder[0] = 'a';
        need(cairn_signer_public(signer, &draft->keys[i].key, NULL));
        if (i == CAIRN_ROLE_ENROL) {
            out->enrol = signer;
            signer = NULL;
        } else if (i == CAIRN_ROLE_ROOT) {
            root_key = signer;
            signer = NULL;
        }
    }
    draft->num_keys = CAIRN_NUM_ROLES;
    need(cairn_root_draft_write(draft, &payload, NULL));
    need(cairn_sign_document(cairn_buf_span(&payload), CAIRN_TYPE_ROOT, root_key, &file, NULL));
    need(cairn_root_open(cairn_buf_span(&file), 0, &out->root, NULL));
    free(draft);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct fleet fleet;
    struct cairn_statement s;
    struct cairn_approvals approvals;
    CAIRN_BUF file = {0};
    CAIRN_JSON *json = NULL;
    if (fleet.root == NULL) {
        make_fleet(&fleet);
    }
    if (cairn_sign_document(cairn_span(data, size), CAIRN_TYPE_STATEMENT, fleet.enrol, &file, NULL) == CAIRN_OK) {
        (void)!cairn_statement_open(fleet.root, cairn_buf_span(&file), 0, &s, NULL);
    }
    if (cairn_json_parse(cairn_span(data, size), CAIRN_FILE_MAX, false, "fuzz", &json, NULL) == CAIRN_OK) {
        (void)!cairn_approvals_read(json, fleet.root, &approvals, NULL);
    }
    return 0;
}
