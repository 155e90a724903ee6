/* boot_measure/user_log.h -- write the userspace event log: the firmware's format, so that one reader reads both.
 *
 * The log says where PCR 8 stood when it began: an EV_NO_ACTION event "cairn.base.v1 BOOT-ID HEX", which nothing extends and
 * nobody but cairn_user_log_reconcile reads. Log first, then extend: a cut in between leaves a tail that the next run extends.
 *
 * Every other event's digest is the hash of its data in each bank of the header, so each is a data fact.
 *
 * Source: TCG PC Client Platform Firmware Profile 1.05, sections 10.2 and 10.4.5.
 */
#ifndef CAIRN_BOOT_MEASURE_USER_LOG_H
#define CAIRN_BOOT_MEASURE_USER_LOG_H

#include "boot_measure/tcg_log.h"
#include "core/crypto.h"

enum { CAIRN_USER_LOG_MAX_DATA = 4096, CAIRN_BOOT_ID_LEN = 36 };

/* cairn_user_log_header makes `*log` an empty log with the banks of `algs` (TPM_ALG_IDs; those this code cannot hash are left
 * out). CAIRN_E_UNDECIDED "boot.userlog.bank": no SHA-256 among them. */
CAIRN_RC cairn_user_log_header(const uint16_t *algs, size_t num, struct cairn_buf *log, struct cairn_err *err);

/* cairn_user_log_event appends an event of `type` for `pcr`. `log` begins with a header of cairn_user_log_header and is
 * unchanged on failure. EV_NO_ACTION gets digests of zeros. CAIRN_E_USAGE "boot.userlog.event": a PCR above 23, no data, or
 * more than CAIRN_USER_LOG_MAX_DATA bytes of it. Errors of cairn_tcg_log_open. */
CAIRN_RC cairn_user_log_event(struct cairn_buf *log, unsigned pcr, uint32_t type, struct cairn_span data,
                              struct cairn_err *err);

/* cairn_user_log_root appends to `data` the text of a root event: "cairn.root.v1 CLASS HEX", HEX = SHA-256 of the payload of
 * root version 1. Read by cairn_boot_root_parse. CAIRN_E_FORMAT "boot.root.class": not a class name. */
CAIRN_RC cairn_user_log_root(const char *class_name, const uint8_t digest[CAIRN_SHA256_LEN], struct cairn_buf *data,
                             struct cairn_err *err);

/* cairn_user_log_base appends the base note. `boot_id`: CAIRN_BOOT_ID_LEN characters of [0-9a-f-]; `value`: PCR 8 now.
 * CAIRN_E_USAGE "boot.userlog.bootid". */
CAIRN_RC cairn_user_log_base(struct cairn_buf *log, const char *boot_id, const uint8_t value[CAIRN_SHA256_LEN],
                             struct cairn_err *err);

/* struct cairn_user_tail: how much of a log PCR 8 holds. */
struct cairn_user_tail {
    bool stale;          /* the log is of an earlier boot: start a new one */
    size_t num_events;   /* that extend */
    size_t num_extended; /* the first so many are in PCR 8 already; the others are the tail */
};
/* cairn_user_log_reconcile compares a log on disk with PCR 8 as it is now (`value`, SHA-256 bank).
 * CAIRN_E_REFUSED "boot.userlog.reconcile": the log is of this boot and no part of it gives the value: somebody else extended
 * PCR 8. CAIRN_E_FORMAT "boot.userlog.base": no base note; "boot.userlog.event": an event of another PCR, or one whose digest
 * is not that of its data. Errors of cairn_tcg_log_*. */
CAIRN_RC cairn_user_log_reconcile(struct cairn_span log, const char *boot_id, const uint8_t value[CAIRN_SHA256_LEN],
                                  struct cairn_user_tail *out, struct cairn_err *err);

/* cairn_user_log_data gives the data of the i-th event that extends; borrows from `log`. Empty: no such event. */
struct cairn_span cairn_user_log_data(struct cairn_span log, size_t i);

#endif
