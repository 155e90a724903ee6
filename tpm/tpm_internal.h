/* tpm/tpm_internal.h -- what the files of tpm/ share. Included only here and by this folder's tests.
 *
 * Inside the folder every step returns a TSS2_RC; own causes have their own layer (CAIRN_TPM_RC_*), and rc.c holds the one
 * table that turns all of them into Cairn's error codes. A public function is an operation that cairn_tpm_run executes,
 * cleans up after, and runs again when that is known to be harmless.
 */
#ifndef CAIRN_TPM_TPM_INTERNAL_H
#define CAIRN_TPM_TPM_INTERNAL_H

#include <tss2/tss2_esys.h>

#include "tpm/record_tcti.h"
#include "tpm/tpm.h"

/* What a TPM holds for Cairn at configured places. */
enum cairn_tpm_thing {
    CAIRN_THING_SRK,
    CAIRN_THING_AK,
    CAIRN_THING_EPOCH,
    CAIRN_THING_ANCHOR0,
    CAIRN_THING_ANCHOR1,
    CAIRN_NUM_THINGS
};

/* Own causes: a layer that no TSS library uses. */
#define CAIRN_TPM_RC_LAYER      0x00C00000u
#define CAIRN_TPM_RC_OTHER(t)   (CAIRN_TPM_RC_LAYER | 0x10u | (uint32_t)(t)) /* another Name than the pinned one */
#define CAIRN_TPM_RC_MISSING(t) (CAIRN_TPM_RC_LAYER | 0x20u | (uint32_t)(t)) /* nothing at the handle */
#define CAIRN_TPM_RC_UNWRITTEN  (CAIRN_TPM_RC_LAYER | 0x30u)
#define CAIRN_TPM_RC_UNPINNED   (CAIRN_TPM_RC_LAYER | 0x31u)
#define CAIRN_TPM_RC_CORE       (CAIRN_TPM_RC_LAYER | 0x32u) /* tpm->core_rc, and the error object is already filled */
#define CAIRN_TPM_RC_ABSENT     (CAIRN_TPM_RC_LAYER | 0x33u)
#define CAIRN_TPM_RC_USED       (CAIRN_TPM_RC_LAYER | 0x34u) /* a foreign key at a handle we need */
#define CAIRN_TPM_RC_RETURNS    (CAIRN_TPM_RC_LAYER | 0x35u)
#define CAIRN_TPM_RC_DISABLED   (CAIRN_TPM_RC_LAYER | 0x36u)
#define CAIRN_TPM_RC_LOCKOUTPW  (CAIRN_TPM_RC_LAYER | 0x37u)
#define CAIRN_TPM_RC_PROOF      (CAIRN_TPM_RC_LAYER | 0x38u)
#define CAIRN_TPM_RC_SHAPE      (CAIRN_TPM_RC_LAYER | 0x39u) /* a well-formed answer that makes no sense */
#define CAIRN_TPM_RC_INPUT      (CAIRN_TPM_RC_LAYER | 0x3Au) /* an input that cannot be marshalled */
#define CAIRN_TPM_RC_SLOTS      (CAIRN_TPM_RC_LAYER | 0x3Bu) /* no persistent handle or index left in our range */
#define CAIRN_TPM_RC_BANK       (CAIRN_TPM_RC_LAYER | 0x3Cu)
#define CAIRN_TPM_RC_CLOCK      (CAIRN_TPM_RC_LAYER | 0x3Du) /* the quotes do not show the Clear: wait tpm->pause_ms, repeat */

/* What is being done, and which command of it: together they say what a response code means. */
enum cairn_tpm_task {
    CAIRN_TASK_OTHER,
    CAIRN_TASK_VAULT,
    CAIRN_TASK_GRANT,
    CAIRN_TASK_ANCHOR,
    CAIRN_TASK_EPOCH,
    CAIRN_TASK_ACTIVATE,
    CAIRN_TASK_WIPE
};
enum cairn_tpm_step {
    CAIRN_STEP_OTHER,
    CAIRN_STEP_HIERARCHY, /* authorised by a hierarchy */
    CAIRN_STEP_VERIFY,    /* VerifySignature of an approval */
    CAIRN_STEP_LOAD,      /* Import or Load of a foreign blob */
    CAIRN_STEP_AUTHORIZE, /* PolicyAuthorize */
    CAIRN_STEP_NV,        /* PolicyNV */
    CAIRN_STEP_USE,       /* the command the policy was for */
    CAIRN_STEP_CLEAR
};

struct cairn_tpm_ticket {
    bool valid;
    uint8_t approval[32];
    TPMT_TK_VERIFIED ticket;
};

struct cairn_tpm {
    struct cairn_tpm_config config;
    struct cairn_tpm_pins pins;
    TSS2_TCTI_CONTEXT *tcti; /* ours to finalise; NULL with config.given */
    struct cairn_record_tcti *record;
    ESYS_CONTEXT *esys; /* NULL: has to be opened again */
    bool managed;       /* a resource manager stands between: never sweep */
    bool cleared;       /* hierarchy auths are empty since a Clear */
    bool distrust;      /* the cache has been found wrong: read from the TPM */
    bool ticket_cached; /* the ticket just used was not made in this operation */
    ESYS_TR thing[CAIRN_NUM_THINGS];
    bool thing_fresh[CAIRN_NUM_THINGS]; /* an index that was unwritten when its TR was made */
    ESYS_TR object[2], session[2];      /* what the running operation holds: given back by cairn_tpm_release */
    unsigned generation;                /* how often all handles were lost */
    struct cairn_tpm_ticket ticket;
    unsigned pause_ms;
    enum cairn_tpm_step step;
    TSS2_RC last;          /* the last operation's result */
    struct cairn_err *err; /* of the running operation, may be NULL */
    enum cairn_rc core_rc; /* class of a CAIRN_TPM_RC_CORE */
};

#define CAIRN_TPM_TRY(expr)                                                                                                    \
    do {                                                                                                                       \
        TSS2_RC cairn_tpm_try_rc_ = (expr);                                                                                    \
        if (cairn_tpm_try_rc_ != TSS2_RC_SUCCESS) {                                                                            \
            return cairn_tpm_try_rc_;                                                                                          \
        }                                                                                                                      \
    } while (0)

/* open.c */
/* cairn_tpm_connect opens TCTI (unless given) and ESYS when they are not; no TPM command. */
TSS2_RC cairn_tpm_connect(struct cairn_tpm *tpm);
/* cairn_tpm_disconnect frees ESYS and our own TCTI; every handle is forgotten, nothing is flushed. */
void cairn_tpm_disconnect(struct cairn_tpm *tpm);
/* cairn_tpm_apply_auths gives ESYS the configured hierarchy auths (none after a Clear). */
TSS2_RC cairn_tpm_apply_auths(struct cairn_tpm *tpm);
const struct cairn_secret *cairn_tpm_auth(const struct cairn_tpm *tpm, ESYS_TR hierarchy); /* NULL: empty */

/* thing.c: the pinned keys and indices */
uint32_t cairn_tpm_thing_handle(const struct cairn_tpm *tpm, enum cairn_tpm_thing which);
const struct cairn_name *cairn_tpm_thing_pin(const struct cairn_tpm *tpm, enum cairn_tpm_thing which);
/* cairn_tpm_thing_get gives the TR of a thing whose Name is the pinned one: from the cache (no command) or by reading its
 * public area. An index that only lacks WRITTEN is CAIRN_TPM_RC_UNWRITTEN unless `unwritten` is set. */
TSS2_RC cairn_tpm_thing_get(struct cairn_tpm *tpm, enum cairn_tpm_thing which, bool unwritten, ESYS_TR *out);
/* cairn_tpm_thing_written: a write succeeded, so a fresh index now has its pinned Name and may be cached. */
void cairn_tpm_thing_written(struct cairn_tpm *tpm, enum cairn_tpm_thing which);
void cairn_tpm_thing_forget(struct cairn_tpm *tpm, enum cairn_tpm_thing which, bool file);
void cairn_tpm_things_forget(struct cairn_tpm *tpm, bool files);
/* cairn_tpm_ak gives the persistent AK or, when a Clear has taken it and the fleet is known, re-derives it. */
TSS2_RC cairn_tpm_ak(struct cairn_tpm *tpm, ESYS_TR *out);
/* cairn_tpm_notice_clear: no AK and no SRK either: a Clear has made every configured auth value empty. */
TSS2_RC cairn_tpm_notice_clear(struct cairn_tpm *tpm);
TSS2_RC cairn_tpm_derive_ak(struct cairn_tpm *tpm, const uint8_t fleet[32], ESYS_TR *out);
/* cairn_tpm_name gives the Name of a TR, hashed from the public area that ESYS will use. */
TSS2_RC cairn_tpm_name(struct cairn_tpm *tpm, ESYS_TR tr, struct cairn_name *out);
bool cairn_tpm_nothing_there(TSS2_RC rc); /* the TPM said that the handle is empty */

/* cache.c */
bool cairn_tpm_cache_thing(struct cairn_tpm *tpm, enum cairn_tpm_thing which, ESYS_TR *out);
void cairn_tpm_cache_store_thing(struct cairn_tpm *tpm, enum cairn_tpm_thing which, ESYS_TR tr);
void cairn_tpm_cache_drop_thing(struct cairn_tpm *tpm, enum cairn_tpm_thing which);
bool cairn_tpm_cache_ticket(struct cairn_tpm *tpm, const uint8_t approval[32], TPMT_TK_VERIFIED *out);
void cairn_tpm_cache_store_ticket(struct cairn_tpm *tpm, const uint8_t approval[32], const TPMT_TK_VERIFIED *ticket);
void cairn_tpm_cache_drop_ticket(struct cairn_tpm *tpm);

/* session.c */
/* cairn_tpm_session starts a session for one command, salted to the SRK whose Name is compared with the pin right here.
 * `plain` instead makes an unsalted one (see there who may). */
TSS2_RC cairn_tpm_session(struct cairn_tpm *tpm, TPM2_SE type, TPMA_SESSION attributes, ESYS_TR *out);
TSS2_RC cairn_tpm_session_plain(struct cairn_tpm *tpm, TPM2_SE type, TPMA_SESSION attributes, ESYS_TR *out);
/* cairn_tpm_session_used: the command that carried it succeeded, so the TPM has freed it. ESYS_TR_PASSWORD is ignored. */
void cairn_tpm_session_used(struct cairn_tpm *tpm, ESYS_TR session);
/* cairn_tpm_hierarchy_session gives what authorises a command by `hierarchy`: the empty password, or an HMAC session so that
 * a configured auth value is never on the wire. */
TSS2_RC cairn_tpm_hierarchy_session(struct cairn_tpm *tpm, ESYS_TR hierarchy, ESYS_TR *out);
/* cairn_tpm_scrub overwrites the copies of a secret that ESYS keeps (command buffer, saved inputs). No command is sent. */
void cairn_tpm_scrub(struct cairn_tpm *tpm);

/* object slots of the running operation */
void cairn_tpm_hold(struct cairn_tpm *tpm, ESYS_TR object);
void cairn_tpm_flush(struct cairn_tpm *tpm, ESYS_TR object);
void cairn_tpm_unhold(struct cairn_tpm *tpm, ESYS_TR object); /* the TPM has it no more, or somebody else holds it */
void cairn_tpm_unhold_session(struct cairn_tpm *tpm, ESYS_TR session);

/* run.c */
struct cairn_tpm_op {
    TSS2_RC (*run)(struct cairn_tpm *tpm, void *arg); /* changes *arg only as a whole: it may be run again */
    enum cairn_tpm_task task;
    bool repeatable; /* doing it twice is the same as doing it once */
};
CAIRN_RC cairn_tpm_run(struct cairn_tpm *tpm, const struct cairn_tpm_op *op, void *arg, struct cairn_err *err);
/* cairn_tpm_release flushes what the operation holds. */
void cairn_tpm_release(struct cairn_tpm *tpm);
/* cairn_tpm_dead: after this result the ESYS context, its sessions and handles are unusable, and what the TPM did is open. */
bool cairn_tpm_dead(TSS2_RC rc);
/* cairn_tpm_core turns a failure of core or tpm_data into a TSS2_RC for the way up; the error object is tpm->err. */
TSS2_RC cairn_tpm_core(struct cairn_tpm *tpm, enum cairn_rc rc);

/* rc.c */
enum cairn_rc cairn_tpm_fail(enum cairn_tpm_task task, enum cairn_tpm_step step, TSS2_RC rc, struct cairn_err *err);
bool cairn_tpm_is_busy(TSS2_RC rc);
bool cairn_tpm_is_slots(TSS2_RC rc);
TSS2_RC cairn_tpm_plain_rc(TSS2_RC rc); /* without a resource manager's layer */

/* marshal.c: the one place where our bytes become TSS structures and back */
TSS2_RC cairn_tpm_public_in(struct cairn_span area, TPM2B_PUBLIC *out);
TSS2_RC cairn_tpm_public_out(const TPM2B_PUBLIC *in, struct cairn_area *out);
TSS2_RC cairn_tpm_nv_in(const struct cairn_area *area, TPM2B_NV_PUBLIC *out);
TSS2_RC cairn_tpm_nv_out(const TPM2B_NV_PUBLIC *in, struct cairn_area *out);
TSS2_RC cairn_tpm_bytes_in(struct cairn_span bytes, uint16_t *size, uint8_t *buffer, size_t cap);
TSS2_RC cairn_tpm_selection_in(uint32_t mask, TPML_PCR_SELECTION *out);
/* cairn_tpm_attestation_out takes both ESYS allocations, also on failure. */
TSS2_RC cairn_tpm_attestation_out(TPM2B_ATTEST *attest, TPMT_SIGNATURE *signature, struct cairn_attestation *out);
#define CAIRN_TPM_BYTES_IN(span, tpm2b, field) cairn_tpm_bytes_in((span), &(tpm2b)->size, (tpm2b)->field, sizeof(tpm2b)->field)

/* policy_session.c: the parts of a policy session */
TSS2_RC cairn_tpm_ticket(struct cairn_tpm *tpm, const struct cairn_approval *approval, TPMT_TK_VERIFIED *out);
TSS2_RC cairn_tpm_policy_approved(struct cairn_tpm *tpm, ESYS_TR session, const struct cairn_approval *approval,
                                  const TPMT_TK_VERIFIED *ticket);
TSS2_RC cairn_tpm_policy_pcr(struct cairn_tpm *tpm, ESYS_TR session, uint32_t mask);
TSS2_RC cairn_tpm_policy_nv(struct cairn_tpm *tpm, ESYS_TR session, uint64_t operand, enum cairn_policy_op op);
/* cairn_tpm_unseal_object unseals into guarded memory and leaves no other copy. */
TSS2_RC cairn_tpm_unseal_object(struct cairn_tpm *tpm, ESYS_TR object, ESYS_TR session, struct cairn_secret **out);

/* info.c */
TSS2_RC cairn_tpm_properties(struct cairn_tpm *tpm, uint32_t first, uint32_t num, TPML_TAGGED_TPM_PROPERTY *out);
TSS2_RC cairn_tpm_list(struct cairn_tpm *tpm, uint32_t first, struct cairn_audit_handles *out);
enum {
    CAIRN_PERMANENT_OWNER = 1u << 0,
    CAIRN_PERMANENT_ENDORSEMENT = 1u << 1,
    CAIRN_PERMANENT_LOCKOUT = 1u << 2,
    CAIRN_PERMANENT_DISABLE_CLEAR = 1u << 8,
    CAIRN_PERMANENT_IN_LOCKOUT = 1u << 9
};
TSS2_RC cairn_tpm_permanent(struct cairn_tpm *tpm, uint32_t *out); /* TPM2_PT_PERMANENT */
uint32_t cairn_tpm_lockout_seconds(struct cairn_tpm *tpm);

/* nv.c: exported for its test */
bool cairn_tpm_counter_returned(uint64_t before, uint64_t after);

#endif
