/* wipe/sequence_files_device.h -- what the two halves of the sequence share: files and the opened order.
 */
#ifndef CAIRN_WIPE_SEQUENCE_FILES_DEVICE_H
#define CAIRN_WIPE_SEQUENCE_FILES_DEVICE_H

#include "wipe/sequence_device.h"

#define CAIRN_WIPE_FILE_JOURNAL     "wipe.journal"
#define CAIRN_WIPE_FILE_NONCE       "wipe.nonce"
#define CAIRN_WIPE_FILE_ORDER       "wipe.order"
#define CAIRN_WIPE_FILE_PLAN        "wipe.plan"
#define CAIRN_WIPE_FILE_MEDIA       "wipe.media"
#define CAIRN_WIPE_FILE_START       "wipe.start"
#define CAIRN_WIPE_FILE_KILL        "wipe.kill"
#define CAIRN_WIPE_FILE_CERTIFICATE "wipe.certificate"

enum { CAIRN_WIPE_FILE_MAX = CAIRN_CERTIFICATE_MAX_LEN };

/* cairn_wipe_put_journal makes `journal` durable. */
CAIRN_RC cairn_wipe_put_journal(struct cairn_fs *state, const struct cairn_journal *journal, struct cairn_err *err);
/* cairn_wipe_record gives the anchored record as it bears on this order. *record is NULL unless it holds. CAIRN_E_REFUSED
 * "wipe.other": DECOMMISSIONING under another order. */
CAIRN_RC cairn_wipe_record(const struct cairn_state *state, const struct cairn_order *order, const struct cairn_record **record,
                           bool *anchored, struct cairn_err *err);
/* cairn_wipe_receipt reads the stored kill receipt and verifies it under `order`. CAIRN_E_IO file.* (there is none);
 * cairn_kill_verify's. */
CAIRN_RC cairn_wipe_receipt(const struct cairn_wipe_run *run, const struct cairn_order *order, struct cairn_buf *out,
                            struct cairn_kill *kill, struct cairn_err *err);

#endif
