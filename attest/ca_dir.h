/* attest/ca_dir.h -- the directory of TPM makers' certificates that an enroller trusts. */
#ifndef CAIRN_ATTEST_CA_DIR_H
#define CAIRN_ATTEST_CA_DIR_H

#include "attest/ek_chain.h"

/* cairn_ca_dir_load reads every *.pem of the directory; other files in it are left alone. CAIRN_E_IO "ca.dir", file.*;
 * CAIRN_E_USAGE "ca.empty" (no *.pem); CAIRN_E_FORMAT "ca.format", naming the file. The caller frees *out. */
CAIRN_RC cairn_ca_dir_load(const char *path, struct cairn_ca_set **out, struct cairn_err *err);

#endif
