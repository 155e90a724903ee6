/* integration/relying-party/seal.c -- the same in C, for a relying party that links Cairn's libraries.
 *
 * seal EAR ROOT AUDIENCE < SECRET > sealed.json
 *
 * Three calls matter: open the root, verify the result for oneself and for now, seal. Everything else is reading files.
 */
#include <stdio.h>

#include "attest/ear.h"
#include "core/clock.h"
#include "core/file.h"

static CAIRN_RC seal(const char *ear_path, const char *root_path, const char *audience, struct cairn_err *err)
{
    CAIRN_ROOT *root = NULL;
    CAIRN_BUF token = {0}, root_file = {0}, secret = {0}, sealed = {0};
    struct cairn_ear ear;
    const uint64_t now_s = cairn_clock_now(0);
    CAIRN_TRY(cairn_crypto_self_test(err));
    CAIRN_TRY(cairn_path_read(ear_path, CAIRN_EAR_MAX, &token, err));
    CAIRN_TRY(cairn_path_read(root_path, CAIRN_FILE_MAX, &root_file, err));
    CAIRN_TRY(cairn_path_read("-", CAIRN_SEALED_MAX, &secret, err));
    CAIRN_TRY(cairn_root_open(cairn_buf_span(&root_file), now_s, &root, err));
    CAIRN_TRY(cairn_ear_verify(root, cairn_buf_span(&token), audience, now_s, &ear, err));
    CAIRN_TRY(cairn_ear_seal_to(&ear, cairn_buf_span(&secret), &sealed, err));
    return cairn_path_write("-", cairn_buf_span(&sealed), 0644, err);
}

int main(int argc, char **argv)
{
    struct cairn_err err = {0};
    if (argc != 4) {
        (void)fprintf(stderr, "usage: seal EAR ROOT AUDIENCE < SECRET > sealed.json\n");
        return 2;
    }
    const enum cairn_rc rc = seal(argv[1], argv[2], argv[3], &err);
    if (rc != CAIRN_OK) {
        (void)fprintf(stderr, "seal: %s (%s)\n", err.text, err.code);
    }
    return cairn_rc_exit_code(rc);
}
