/* boot_measure/tcg_log.h -- read a TCG event log in the crypto-agile format, event by event.
 *
 * Used for the firmware's log and for Cairn's own userspace log. Nothing read here is authenticated: only a replay that gives
 * a quoted PCR value makes a digest believable (boot_measure/replay.h), and event data, types and order of other PCRs never
 * become so by that alone.
 *
 * Trust boundary: the bytes come from the device. Bounds first, caps on everything, no allocation.
 * Source: TCG PC Client Platform Firmware Profile 1.05, sections 10.2 (TCG_PCR_EVENT2) and 10.4.5 (Spec ID, StartupLocality).
 */
#ifndef CAIRN_BOOT_MEASURE_TCG_LOG_H
#define CAIRN_BOOT_MEASURE_TCG_LOG_H

#include "tpm_data/pcr.h"

enum {
    CAIRN_TCG_MAX_LOG_LEN = 8 << 20,
    CAIRN_TCG_MAX_EVENTS = 1 << 12,
    CAIRN_TCG_MAX_EVENT_LEN = 1 << 20, /* bytes of data of one event */
    CAIRN_TCG_MAX_BANKS = 8,
    CAIRN_TCG_MAX_DIGEST_LEN = 64
};

/* Event types that the code tells apart (section 10.4.1). */
enum {
    CAIRN_EV_POST_CODE = 0x1,
    CAIRN_EV_NO_ACTION = 0x3,
    CAIRN_EV_SEPARATOR = 0x4,
    CAIRN_EV_EVENT_TAG = 0x6,
    CAIRN_EV_S_CRTM_CONTENTS = 0x7,
    CAIRN_EV_S_CRTM_VERSION = 0x8,
    CAIRN_EV_TABLE_OF_DEVICES = 0xb,
    CAIRN_EV_IPL = 0xd
};
#define CAIRN_EV_EFI_VARIABLE_CONFIG    0x80000001u
#define CAIRN_EV_EFI_VARIABLE_BOOT      0x80000002u
#define CAIRN_EV_EFI_BOOT_APPLICATION   0x80000003u
#define CAIRN_EV_EFI_BOOT_DRIVER        0x80000004u
#define CAIRN_EV_EFI_RUNTIME_DRIVER     0x80000005u
#define CAIRN_EV_EFI_GPT                0x80000006u
#define CAIRN_EV_EFI_ACTION             0x80000007u
#define CAIRN_EV_EFI_FIRMWARE_BLOB      0x80000008u
#define CAIRN_EV_EFI_HANDOFF_TABLES     0x80000009u
#define CAIRN_EV_EFI_FIRMWARE_BLOB2     0x8000000au
#define CAIRN_EV_EFI_HANDOFF_TABLES2    0x8000000bu
#define CAIRN_EV_EFI_VARIABLE_BOOT2     0x8000000cu
#define CAIRN_EV_EFI_VARIABLE_AUTHORITY 0x800000e0u

/* The banks a digest is given out for; a log may name others (SHA-512, SM3), which are stepped over. */
enum cairn_tcg_bank { CAIRN_TCG_SHA1, CAIRN_TCG_SHA256, CAIRN_TCG_SHA384, CAIRN_TCG_NUM_BANKS };

/* struct cairn_tcg_event: every span borrows from the log. */
struct cairn_tcg_event {
    size_t offset; /* of its first byte in the log */
    unsigned pcr;  /* < CAIRN_NUM_PCRS */
    uint32_t type;
    struct cairn_span digests[CAIRN_TCG_NUM_BANKS]; /* empty: the event has none for this bank */
    struct cairn_span data;
    bool extends; /* false: EV_NO_ACTION, which is never extended */
};

/* struct cairn_tcg_log is the place in a log. Plain; nothing to free; the log's bytes must outlive it. */
struct cairn_tcg_log {
    struct cairn_reader reader;
    uint16_t algs[CAIRN_TCG_MAX_BANKS]; /* TPM_ALG_ID, in the header's order */
    uint16_t lens[CAIRN_TCG_MAX_BANKS];
    size_t num_banks;
    size_t num_events; /* given so far, without the header */
    bool extended;     /* an event that extends was given */
    bool has_locality;
    uint8_t locality; /* of TPM2_Startup: PCR 0 starts with this in its last byte. 0 when the log does not say */
};

/* cairn_tcg_log_open reads the header event.
 * CAIRN_E_FORMAT "boot.log.large": more than CAIRN_TCG_MAX_LOG_LEN bytes. "boot.log.header": no Spec ID header, or one whose
 * fields contradict each other. "boot.log.truncated". CAIRN_E_UNDECIDED "boot.log.sha1": a legacy log that knows SHA-1 only. */
CAIRN_RC cairn_tcg_log_open(struct cairn_span bytes, struct cairn_tcg_log *out, struct cairn_err *err);

/* cairn_tcg_log_next reads one event; `*more` is false, and `*out` unchanged, at the clean end of the log.
 * Each error's text names the offset of the event. CAIRN_E_FORMAT "boot.log.truncated": the log ends inside the event;
 * "boot.log.large": too many events, or too much data in one; "boot.log.pcr": a PCR index above 23; "boot.log.bank": no
 * digest, two of one algorithm, or one of an algorithm that the header does not name (some firmware names banks there that are
 * not active, so fewer digests than algorithms are accepted); "boot.log.header": a second header; "boot.log.locality": a
 * StartupLocality event after something was extended, a second one, or a locality other than 0, 3, 4. */
CAIRN_RC cairn_tcg_log_next(struct cairn_tcg_log *log, bool *more, struct cairn_tcg_event *out, struct cairn_err *err);

/* cairn_tcg_log_has: does the header name this TPM_ALG_ID? */
bool cairn_tcg_log_has(const struct cairn_tcg_log *log, uint16_t alg);

#endif
