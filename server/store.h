/* server/store.h -- what the server keeps: SQLite, one writer that commits groups, any number of readers.
 *
 * Nothing else in the process holds state that may not be lost. A *job* runs in the writer's thread inside the group's
 * transaction, each behind its own savepoint: it re-checks what it decides (a nonce unspent, a device unknown) and writes. Its
 * `done` runs after the group is on disk (synchronous=FULL, WAL), so no answer tells of what a power cut may undo.
 *
 * SQL is written for SQLite and PostgreSQL alike ($1 parameters, ON CONFLICT, RETURNING).
 *
 * Trust boundary: the file is the server's own, but it is read as foreign bytes: lengths checked, documents verified again.
 * Threading: a cairn_store (one connection) belongs to one thread; cairn_store_writer_submit may be called from any.
 */
#ifndef CAIRN_SERVER_STORE_H
#define CAIRN_SERVER_STORE_H

#include "attest/evidence.h"
#include "core/json.h"

struct cairn_store;
/* cairn_store_open opens or makes the database (mode 0600, directory must exist) and brings its schema to this version.
 * `writer` opens it for the one writer, and searches the whole file for damage; a reader finds what it steps on, and makes
 * nothing. CAIRN_E_IO "store.open", "store.full", "store.corrupt" (damage, or an empty file: a lost database), "store.busy"
 * (locked by another program for 10 s), "store.version" (made by a later version, or another program); CAIRN_E_REFUSED
 * "file.mode" (others have access to it, or to its -wal or -shm).
 *
 * Every function below also gives those, and "store.io", "memory". A writing function on a reader's connection answers
 * CAIRN_E_USAGE "store.readonly". Functions that write take several steps: they belong into a job. */
CAIRN_RC cairn_store_open(const char *path, bool writer, struct cairn_store **out, struct cairn_err *err);
void cairn_store_close(struct cairn_store *store);

/* The writer. */
struct cairn_job {
    CAIRN_RC (*run)(struct cairn_store *store, struct cairn_job *self, struct cairn_err *err);
    void (*done)(struct cairn_job *self); /* writer's thread, once, after the commit or the failure; rc and err are set */
    enum cairn_rc rc;
    struct cairn_err err;
    struct cairn_job *next;
};
struct cairn_store_writer;
/* `max_queue`: what is submitted beyond it fails at once with CAIRN_E_BUSY "server.busy" (retry_after_s 1), and while the
 * writer stops with "server.draining": run is never called, and done is called inside _submit. */
CAIRN_RC cairn_store_writer_start(const char *path, size_t max_queue, struct cairn_store_writer **out, struct cairn_err *err);
/* cairn_store_writer_submit: always ends in one call of done. A job that does not answer CAIRN_OK is undone alone, damage that
 * it met included ("store.corrupt"). When the disk is full, every job of the group fails with CAIRN_E_IO "server.full"; when
 * another program holds the database for 10 s, "store.busy"; on another failure "store.commit": nothing of the group was
 * written. A job may be told so although its own answer was another: that rested on what is gone. The writer goes on, and opens
 * the database again where it has to. (After a failed fsync and then a power cut, what was said not to be written may be.) */
void cairn_store_writer_submit(struct cairn_store_writer *writer, struct cairn_job *job);
/* cairn_store_writer_close finishes what was submitted and checkpoints; what is submitted later fails at once with CAIRN_E_BUSY
 * "server.draining". cairn_store_writer_stop does that, and frees. */
void cairn_store_writer_close(struct cairn_store_writer *writer);
void cairn_store_writer_stop(struct cairn_store_writer *writer);
struct cairn_store_stats {
    uint64_t jobs, groups; /* that came to their end, well or not */
    uint64_t failed;       /* jobs lost with their group, or refused at the queue; not those that said no themselves */
    uint64_t queue;        /* jobs that wait now */
};
void cairn_store_writer_stats(const struct cairn_store_writer *writer, struct cairn_store_stats *out); /* any thread */

/* Rows. Every _get answers CAIRN_OK with *found false where there is none. Buffers are the caller's (cleared by _clear). */
enum cairn_device_life { CAIRN_DEVICE_ENROLLED, CAIRN_DEVICE_OPERATIONAL, CAIRN_DEVICE_DECOMMISSIONING, CAIRN_DEVICE_RETIRED };
const char *cairn_device_life_name(enum cairn_device_life life); /* "ENROLLED", ... */

struct cairn_device_row {
    uint8_t device[32];
    struct cairn_buf statement; /* envelope file */
    char serial[64], tag[64], site[64], tpm_class[16], device_class[64];
    enum cairn_device_life life;
    uint64_t enrolled_s;
    uint64_t epoch;    /* last certified value known */
    bool ticket;       /* an operator allows a new enrolment */
    uint8_t order[32]; /* digest of the order that was given to it; zeros: none */
    bool has_receipt, has_kill, has_certificate;
    char grade[2]; /* of its certificate */
};
void cairn_device_row_clear(struct cairn_device_row *row);
CAIRN_RC cairn_store_device_get(struct cairn_store *s, const uint8_t device[32], struct cairn_device_row *out, bool *found,
                                struct cairn_err *err);
/* cairn_store_device_put inserts or, where `may_replace` (a ticket), replaces; a replaced device's report and grant are gone,
 * its receipt, kill, certificate are gone from the row and stay in the archive (below). The same statement again is CAIRN_OK
 * and changes nothing. CAIRN_E_REFUSED "device.known" (CHECKS 4). _life, _ticket, _order: CAIRN_E_REFUSED "device.unknown". */
CAIRN_RC cairn_store_device_put(struct cairn_store *s, const struct cairn_device_row *row, bool may_replace,
                                struct cairn_err *err);
CAIRN_RC cairn_store_device_life(struct cairn_store *s, const uint8_t device[32], enum cairn_device_life life, uint64_t epoch,
                                 struct cairn_err *err);
CAIRN_RC cairn_store_device_ticket(struct cairn_store *s, const uint8_t device[32], bool ticket, struct cairn_err *err);
CAIRN_RC cairn_store_device_order(struct cairn_store *s, const uint8_t device[32], const uint8_t order[32],
                                  struct cairn_err *err);

/* struct cairn_report_row: the last accepted evidence of a device and what its next one is compared with. Small: it is written
 * with every report. */
enum { CAIRN_SPENT_MAX = 32, CAIRN_FAILED_MAX = 512 };
struct cairn_report_row {
    uint8_t device[32];
    uint8_t body[32];       /* SHA-256 of the request (route and body) that `reply` answers */
    struct cairn_buf reply; /* body of the 200 answer */
    uint64_t received_s;
    uint64_t nonce_issued_s; /* of the last spent nonces; older ones count as spent */
    unsigned num_spent;
    uint8_t spent[CAIRN_SPENT_MAX][12];   /* nonces of that second: their last 12 bytes */
    int tier;                             /* enum cairn_tier, of the evidence by itself */
    char failed[CAIRN_FAILED_MAX];        /* codes, separated by blanks */
    uint64_t clock_ms, clock_received_ms; /* TPM clock; server's monotonic-as-wall milliseconds when it came */
    uint32_t resets, restarts;
    uint32_t mask;           /* PCRs quoted */
    uint8_t pcr_digest[32];  /* as quoted */
    uint8_t seal_digest[32]; /* over the policy's seal set, from the replay; zeros: none */
    bool has_log[CAIRN_NUM_BOOT_LOGS];
    uint8_t log[CAIRN_NUM_BOOT_LOGS][32];
    bool sticky;               /* a contraindicated report stands */
    uint8_t sticky_policy[32]; /* under this policy */
    char sticky_code[48];
    uint64_t affirmed_nonce_s; /* issue time of the nonce of the last report, for the 60 s rule */
};
void cairn_report_row_clear(struct cairn_report_row *row);
CAIRN_RC cairn_store_report_get(struct cairn_store *s, const uint8_t device[32], struct cairn_report_row *out, bool *found,
                                struct cairn_err *err);
CAIRN_RC cairn_store_report_put(struct cairn_store *s, const struct cairn_report_row *row, struct cairn_err *err);
CAIRN_RC cairn_store_report_clear(struct cairn_store *s, const uint8_t device[32], bool *was_sticky, struct cairn_err *err);

/* Logs by SHA-256, kept once whoever sent them. cairn_store_log_put counts towards `device`; at most 64 logs and 256 MiB stay
 * per device (its oldest go; one put again is new). `sha256` is the caller's word; _get hashes: "store.corrupt". CAIRN_E_USAGE
 * "store.large". */
CAIRN_RC cairn_store_log_get(struct cairn_store *s, const uint8_t sha256[32], struct cairn_buf *out, bool *found,
                             struct cairn_err *err);
CAIRN_RC cairn_store_log_put(struct cairn_store *s, const uint8_t device[32], const uint8_t sha256[32], struct cairn_span bytes,
                             uint64_t now_s, struct cairn_err *err);

/* Enrolments under way, by SHA-256 of the request file. At most `max_open` are open (without statement, not refused) per token:
 * CAIRN_E_BUSY "server.rate" for a new one. _put replaces the row; a pending file that was taken does not come back with it. */
struct cairn_enrolment_row {
    uint8_t digest[32], device[32];
    struct cairn_buf request, challenge, pending, answer, statement; /* empty: not there yet; pending: server-held enrol only */
    char token[64];                                                  /* name of the enrolment token */
    char refused[160];                                               /* why; empty: not refused */
    uint64_t created_s;
};
void cairn_enrolment_row_clear(struct cairn_enrolment_row *row);
CAIRN_RC cairn_store_enrolment_get(struct cairn_store *s, const uint8_t digest[32], struct cairn_enrolment_row *out,
                                   bool *found, struct cairn_err *err);
CAIRN_RC cairn_store_enrolment_put(struct cairn_store *s, const struct cairn_enrolment_row *row, unsigned max_open,
                                   struct cairn_err *err);
/* cairn_store_enrolment_pending_take gives the pending file and removes it, once (CHECKS 3). *found false: it was taken. */
CAIRN_RC cairn_store_enrolment_pending_take(struct cairn_store *s, const uint8_t digest[32], struct cairn_buf *out, bool *found,
                                            struct cairn_err *err);
/* cairn_store_enrolment_rearm: the pending file (it may be empty) of a challenge that was made anew, to be taken once. Only for
 * that: what _put brings is no new try. */
CAIRN_RC cairn_store_enrolment_rearm(struct cairn_store *s, const uint8_t digest[32], struct cairn_span pending,
                                     struct cairn_err *err);
CAIRN_RC cairn_store_enrolment_expire(struct cairn_store *s, uint64_t before_s, struct cairn_err *err); /* open ones only */

/* The grant that was given to a device, so that a repeated request gets the same. */
struct cairn_grant_row {
    uint8_t device[32], body[32], digest[32]; /* SHA-256 of the request; of the grant's payload */
    struct cairn_buf grant, reply;            /* envelope file; whole reply body */
    uint64_t nonce_issued_s;                  /* as in a report */
    unsigned num_spent;
    uint8_t spent[CAIRN_SPENT_MAX][12];
};
void cairn_grant_row_clear(struct cairn_grant_row *row);
CAIRN_RC cairn_store_grant_get(struct cairn_store *s, const uint8_t device[32], struct cairn_grant_row *out, bool *found,
                               struct cairn_err *err);
CAIRN_RC cairn_store_grant_put(struct cairn_store *s, const struct cairn_grant_row *row, struct cairn_err *err);

/* The archive of final documents: nothing is ever replaced or removed; the same file again is CAIRN_OK and changes nothing. A
 * new one sets has_receipt, has_kill, has_certificate of the device's row, and its grade from the note "grade A"... */
enum cairn_archive {
    CAIRN_ARCHIVE_STATEMENT,
    CAIRN_ARCHIVE_RECEIPT,
    CAIRN_ARCHIVE_KILL,
    CAIRN_ARCHIVE_CERTIFICATE,
    CAIRN_ARCHIVE_GRANT, /* note: the digest of its payload, in hex: what a receipt names */
};
CAIRN_RC cairn_store_archive_put(struct cairn_store *s, const uint8_t device[32], enum cairn_archive kind,
                                 struct cairn_span file, const char *note, uint64_t now_s, struct cairn_err *err);
CAIRN_RC cairn_store_archive_last(struct cairn_store *s, const uint8_t device[32], enum cairn_archive kind,
                                  struct cairn_buf *out, bool *found, struct cairn_err *err);
/* cairn_store_archive_noted: the last one with this note. */
CAIRN_RC cairn_store_archive_noted(struct cairn_store *s, const uint8_t device[32], enum cairn_archive kind, const char *note,
                                   struct cairn_buf *out, bool *found, struct cairn_err *err);

/* Orders. */
enum cairn_order_state { CAIRN_ORDER_ACTIVE, CAIRN_ORDER_HELD, CAIRN_ORDER_CANCELLED };
struct cairn_order_row {
    uint8_t digest[32];
    struct cairn_buf file;
    enum cairn_order_state state;
    bool online;
    uint64_t accepted_s, expires_s;
    char reason[160];
};
void cairn_order_row_clear(struct cairn_order_row *row);
CAIRN_RC cairn_store_order_put(struct cairn_store *s, const struct cairn_order_row *row, const uint8_t (*devices)[32],
                               size_t num_devices, struct cairn_err *err); /* the same again: CAIRN_OK, nothing changes */
CAIRN_RC cairn_store_order_get(struct cairn_store *s, const uint8_t digest[32], struct cairn_order_row *out, bool *found,
                               struct cairn_err *err);
/* cairn_store_order_state: ACTIVE <-> HELD, either -> CANCELLED; from there CAIRN_E_REFUSED "order.cancelled". The state it has
 * already is CAIRN_OK. CAIRN_E_REFUSED "order.unknown". */
CAIRN_RC cairn_store_order_state(struct cairn_store *s, const uint8_t digest[32], enum cairn_order_state state,
                                 struct cairn_err *err);
/* cairn_store_order_for: the newest order for a device that is not cancelled and not expired at now_s. */
CAIRN_RC cairn_store_order_for(struct cairn_store *s, const uint8_t device[32], uint64_t now_s, uint8_t digest[32], bool *found,
                               struct cairn_err *err);

/* Small things the server makes once and keeps (nonce key...). cairn_store_secret gives `len` bytes, fresh at first use.
 * Writer. */
CAIRN_RC cairn_store_secret(struct cairn_store *s, const char *name, uint8_t *out, size_t len, struct cairn_err *err);

/* The audit log: hash(n) = SHA-256(hash(n-1) || canonical JSON of entry n without its hash). In the same transaction as what it
 * tells of. Texts are kept to 4096 bytes of UTF-8. _verify walks it: CAIRN_E_REFUSED "audit.chain", naming the entry.
 *
 * The chain shows a changed, inserted or removed entry, but not that the last ones were cut off, nor that all of it was written
 * anew by somebody who can write the file: for that the head has to be known elsewhere (_head, which /metrics shows). */
struct cairn_audit_entry {
    const char *actor, *action, *subject, *detail;
    uint64_t at_s;
};
CAIRN_RC cairn_store_audit(struct cairn_store *s, const struct cairn_audit_entry *entry, struct cairn_err *err);
/* cairn_store_audit_head gives the last entry's number and hash: 0 and zeros in an empty log. */
CAIRN_RC cairn_store_audit_head(struct cairn_store *s, uint64_t *seq, uint8_t hash[32], struct cairn_err *err);
CAIRN_RC cairn_store_audit_verify(struct cairn_store *s, uint64_t *num, struct cairn_err *err);

/* Lists for operators, as JSON objects of docs/protocol.md; `limit` 1 to 1000 (CAIRN_E_USAGE "store.limit"). Caller owns *out.
 *
 * {"devices"|"enrolments"|"orders"|"certificates"|"audit": [...], "next"}: "next" is there when there is more, and is what
 * `after` (a device id, an enrolment's digest) or `after_seq` (orders, audit) becomes. Members are those of the rows; times in
 * seconds. */
struct cairn_list_ask {
    bool has_after;
    uint8_t after[32];
    uint64_t after_seq;
    unsigned limit;
    int tier; /* -1: any */
    int life; /* -1: any */
};
CAIRN_RC cairn_store_list_devices(struct cairn_store *s, const struct cairn_list_ask *ask, json_t **out, struct cairn_err *err);
CAIRN_RC cairn_store_list_enrolments(struct cairn_store *s, const struct cairn_list_ask *ask, json_t **out,
                                     struct cairn_err *err);
CAIRN_RC cairn_store_list_orders(struct cairn_store *s, const struct cairn_list_ask *ask, json_t **out, struct cairn_err *err);
CAIRN_RC cairn_store_list_certificates(struct cairn_store *s, const struct cairn_list_ask *ask, json_t **out,
                                       struct cairn_err *err);
CAIRN_RC cairn_store_list_audit(struct cairn_store *s, const struct cairn_list_ask *ask, json_t **out, struct cairn_err *err);
/* cairn_store_counts: {"devices": {life: n}, "tiers": {tier: n}, "sticky": n, "orders": {state: n}, "enrolments": n}. */
CAIRN_RC cairn_store_counts(struct cairn_store *s, json_t **out, struct cairn_err *err);

#endif
