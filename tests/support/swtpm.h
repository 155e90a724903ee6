/* tests/support/swtpm.h -- a real software TPM for one test program: its own process, state directory and socket.
 *
 * A cut is SIGKILL, so what the TPM had not written is lost. Every failure here ends the test program: a test without its TPM
 * has nothing to say. The process dies with the test program.
 */
#ifndef CAIRN_TESTS_SWTPM_H
#define CAIRN_TESTS_SWTPM_H

#include <stdbool.h>

struct cairn_swtpm;

/* cairn_swtpm_new starts one in a new temporary directory: with `factory` as tests/support/manufacture-swtpm makes it (EK
 * certificates, SHA-256 bank only), else blank (all banks). */
struct cairn_swtpm *cairn_swtpm_new(bool factory);
void cairn_swtpm_free(struct cairn_swtpm *swtpm); /* also removes the directory */
const char *cairn_swtpm_dir(const struct cairn_swtpm *swtpm);
const char *cairn_swtpm_tcti(const struct cairn_swtpm *swtpm); /* "swtpm:path=..." */

void cairn_swtpm_start(struct cairn_swtpm *swtpm);
void cairn_swtpm_cut(struct cairn_swtpm *swtpm);    /* power failure */
void cairn_swtpm_reset(struct cairn_swtpm *swtpm);  /* cut and start */
void cairn_swtpm_reboot(struct cairn_swtpm *swtpm); /* TPM2_Shutdown(CLEAR), power off, start */
/* Copies the state aside, or back: with the power off meanwhile, on again afterwards. */
void cairn_swtpm_save(struct cairn_swtpm *swtpm, const char *name);
void cairn_swtpm_restore(struct cairn_swtpm *swtpm, const char *name);

#endif
