/* boot_measure/measure_device.h -- measure the Cairn root into PCR 8, early in the boot.
 *
 * Which root.json a device is under becomes part of its boot state: another root is another PCR 8. Nothing is verified here
 * but the envelope's format; signatures are checked by those who use the root.
 *
 * Trust boundary: this program and what started it must themselves be measured (initramfs in the kernel image).
 */
#ifndef CAIRN_BOOT_MEASURE_MEASURE_DEVICE_H
#define CAIRN_BOOT_MEASURE_MEASURE_DEVICE_H

#include "boot_measure/facts.h"
#include "boot_measure/user_log.h"
#include "tpm/tpm.h"

struct cairn_measure_result {
    struct cairn_boot_root root;
    bool logged;         /* the event was written now; false: it stood in the log of this boot already */
    size_t num_extended; /* events extended by this run: this one, or a tail that a cut left */
};

#define CAIRN_BOOT_ID_FILE "/proc/sys/kernel/random/boot_id"
/* cairn_measure_boot_id reads a boot's id from `path`, on a real system CAIRN_BOOT_ID_FILE: CAIRN_BOOT_ID_LEN characters and
 * NUL. CAIRN_E_IO "measure.bootid": there is none. */
CAIRN_RC cairn_measure_boot_id(const char *path, char out[CAIRN_BOOT_ID_LEN + 1], struct cairn_err *err);

/* cairn_measure_root logs the root event of `envelope` (root version 1, DSSE) in the file `log_path` durably, then extends
 * PCR 8 with it in every active bank. In one boot it is extended once, however often this runs: log and PCR 8 are reconciled
 * first, and a tail that was logged and not extended is extended.
 * CAIRN_E_REFUSED "measure.root.version": not version 1; "measure.root.other": this boot has measured another root. Errors of
 * cairn_dsse_parse, cairn_json_parse, cairn_user_log_*, cairn_tpm_*, cairn_path_*. */
CAIRN_RC cairn_measure_root(struct cairn_tpm *tpm, struct cairn_span envelope, const char *log_path, const char *boot_id,
                            struct cairn_measure_result *out, struct cairn_err *err);

#endif
