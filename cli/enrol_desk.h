/* cli/enrol_desk.h -- the enroller's work, for files and for the server alike: challenge, judgement, statement.
 */
#ifndef CAIRN_CLI_ENROL_DESK_H
#define CAIRN_CLI_ENROL_DESK_H

#include "attest/enrolment.h"
#include "cli/cli.h"

/* cairn_cli_judge uses the pending file up, durably, before anything is compared (CHECKS 3), and judges the answer.
 * CAIRN_E_REFUSED "enrolment.pending.used"; cairn_enrol_judge's. */
CAIRN_RC cairn_cli_judge(struct cairn_cli *cli, const struct cairn_root *root, struct cairn_span answer_file,
                         const char *pending_path, struct cairn_statement *out);
/* cairn_cli_enroller reads a private key that the root has in role enrol: CAIRN_E_REFUSED "statement.signer". */
CAIRN_RC cairn_cli_enroller(struct cairn_cli *cli, const struct cairn_root *root, const char *key, struct cairn_signer **out);
CAIRN_RC cairn_cli_sign_statement(struct cairn_cli *cli, const struct cairn_statement *s, const struct cairn_signer *signer,
                                  struct cairn_buf *out);

#endif
