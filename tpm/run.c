/* tpm/run.c -- executes one operation: cleans up after it, recovers from a dead context, runs it again where that is safe.
 *
 * There is no way to reset an ESYS context: after a transport error, a damaged or unauthentic answer it is finalised and made
 * anew, and what it held in the TPM is swept. Behind a resource manager nothing is swept: it flushes for us when we close, and
 * a session number may belong to somebody else. At open nothing is swept either (it costs commands): orphans of a run that was
 * cut are swept when the TPM runs out of slots.
 *
 * A repeat begins with new sessions, always: ESYS stops encrypting after a failed command, so no session lives past a failure.
 */
#include <time.h>

#include <tss2/tss2_sys.h>

#include "tpm/tpm_internal.h"

enum { MAX_BUSY = 9, MAX_PCR_CHANGED = 16, MAX_CLOCK = 4 };

struct tries {
    unsigned busy, pcr, clock;
    bool lost, slots, startup, cache, ticket;
};

bool cairn_tpm_dead(TSS2_RC rc)
{
    TSS2_RC layer = cairn_tpm_plain_rc(rc) & TSS2_RC_LAYER_MASK;
    return layer != 0 && layer != CAIRN_TPM_RC_LAYER;
}

TSS2_RC cairn_tpm_core(struct cairn_tpm *tpm, enum cairn_rc rc)
{
    tpm->core_rc = rc;
    return rc == CAIRN_OK ? TSS2_RC_SUCCESS : CAIRN_TPM_RC_CORE;
}

void cairn_tpm_hold(struct cairn_tpm *tpm, ESYS_TR object)
{
    tpm->object[tpm->object[0] == ESYS_TR_NONE ? 0 : 1] = object;
}

void cairn_tpm_unhold(struct cairn_tpm *tpm, ESYS_TR object)
{
    for (size_t i = 0; i < CAIRN_ARRAY_LEN(tpm->object); i++) {
        tpm->object[i] = tpm->object[i] == object ? ESYS_TR_NONE : tpm->object[i];
    }
}

void cairn_tpm_unhold_session(struct cairn_tpm *tpm, ESYS_TR session)
{
    for (size_t i = 0; i < CAIRN_ARRAY_LEN(tpm->session); i++) {
        tpm->session[i] = tpm->session[i] == session ? ESYS_TR_NONE : tpm->session[i];
    }
}

/* A lost FlushContext leaves the object behind: asked once more before the context is given up. */
static TSS2_RC flush(struct cairn_tpm *tpm, ESYS_TR tr)
{
    TSS2_RC rc = Esys_FlushContext(tpm->esys, tr);
    return rc == TSS2_RC_SUCCESS || cairn_tpm_dead(rc) ? rc : Esys_FlushContext(tpm->esys, tr);
}

void cairn_tpm_flush(struct cairn_tpm *tpm, ESYS_TR object)
{
    if (flush(tpm, object) == TSS2_RC_SUCCESS) {
        cairn_tpm_unhold(tpm, object);
    }
}

static void flush_raw(TSS2_SYS_CONTEXT *sys, const struct cairn_audit_handles *handles)
{
    for (size_t i = 0; i < handles->num; i++) {
        (void)Tss2_Sys_FlushContext(sys, handles->handle[i]);
    }
}

static TSS2_RC sweep(struct cairn_tpm *tpm)
{
    static const uint32_t kinds[] = {0x80000000u, 0x02000000u};
    TSS2_SYS_CONTEXT *sys = NULL;
    if (tpm->managed) {
        return TSS2_RC_SUCCESS;
    }
    CAIRN_TPM_TRY(Esys_GetSysContext(tpm->esys, &sys));
    for (size_t i = 0; i < CAIRN_ARRAY_LEN(kinds); i++) {
        struct cairn_audit_handles found = {0};
        CAIRN_TPM_TRY(cairn_tpm_list(tpm, kinds[i], &found));
        flush_raw(sys, &found);
    }
    return TSS2_RC_SUCCESS;
}

/* New context, nothing of ours left in the TPM. When the TPM stays away, the next operation tries to connect again. */
static void recover(struct cairn_tpm *tpm)
{
    cairn_tpm_disconnect(tpm);
    if (cairn_tpm_connect(tpm) == TSS2_RC_SUCCESS && cairn_tpm_dead(sweep(tpm))) {
        cairn_tpm_disconnect(tpm);
    }
}

void cairn_tpm_release(struct cairn_tpm *tpm)
{
    bool lost = tpm->esys == NULL;
    for (size_t i = 0; !lost && i < CAIRN_ARRAY_LEN(tpm->session); i++) {
        if (tpm->session[i] != ESYS_TR_NONE) {
            lost = cairn_tpm_dead(flush(tpm, tpm->session[i]));
            tpm->session[i] = ESYS_TR_NONE;
        }
    }
    for (size_t i = 0; !lost && i < CAIRN_ARRAY_LEN(tpm->object); i++) {
        if (tpm->object[i] != ESYS_TR_NONE) {
            lost = cairn_tpm_dead(flush(tpm, tpm->object[i]));
            tpm->object[i] = ESYS_TR_NONE;
        }
    }
    if (lost) {
        recover(tpm);
    }
}

static void pause_ms(unsigned ms)
{
    struct timespec t = {.tv_sec = (time_t)(ms / 1000), .tv_nsec = (long)(ms % 1000) * 1000000L};
    (void)nanosleep(&t, NULL);
}

/* A TR may describe what is no longer there (from the cache), or carry a Name that the bus made up: ESYS keeps the one it was
 * told beside the public area that we hashed. Only complaints that this could explain are worth a second look with TRs read
 * anew, and never a failed authorization, which counts towards lockout. */
static bool suspects_things(const struct cairn_tpm *tpm, TSS2_RC rc)
{
    bool used = false;
    for (size_t i = 0; i < CAIRN_NUM_THINGS; i++) {
        used = used || tpm->thing[i] != ESYS_TR_NONE;
    }
    rc = cairn_tpm_plain_rc(rc);
    bool unauthentic = rc == TSS2_ESYS_RC_RSP_AUTH_FAILED;
    bool format_one = (rc & TSS2_RC_LAYER_MASK) == 0 && (rc & TPM2_RC_FMT1) != 0;
    TSS2_RC base = rc & 0xBFu;
    return used &&
           (unauthentic || (format_one && base != TPM2_RC_AUTH_FAIL && base != TPM2_RC_POLICY_FAIL &&
                            base != TPM2_RC_SIGNATURE && tpm->step != CAIRN_STEP_AUTHORIZE && tpm->step != CAIRN_STEP_CLEAR));
}

static bool once(bool *done)
{
    bool first = !*done;
    *done = true;
    return first;
}

/* Whether to run the operation again, having done what may make it succeed. */
static bool again(struct cairn_tpm *tpm, const struct cairn_tpm_op *op, TSS2_RC rc, struct tries *tries)
{
    TSS2_RC plain = cairn_tpm_plain_rc(rc);
    if (cairn_tpm_is_busy(rc)) {
        pause_ms(10u << tries->busy);
        return ++tries->busy < MAX_BUSY;
    }
    if (plain == TPM2_RC_PCR_CHANGED) {
        pause_ms(tries->pcr);
        return ++tries->pcr < MAX_PCR_CHANGED;
    }
    if (rc == CAIRN_TPM_RC_CLOCK) {
        pause_ms(tpm->pause_ms);
        return ++tries->clock < MAX_CLOCK;
    }
    if (plain == TPM2_RC_INITIALIZE && once(&tries->startup)) {
        return Esys_Startup(tpm->esys, TPM2_SU_CLEAR) == TSS2_RC_SUCCESS;
    }
    if (cairn_tpm_is_slots(rc) && once(&tries->slots)) {
        tpm->generation++;
        if (tpm->managed || cairn_tpm_dead(sweep(tpm))) {
            recover(tpm);
        }
        return true;
    }
    if (plain == TPM2_RC_VALUE + TPM2_RC_P + TPM2_RC_4 && tpm->step == CAIRN_STEP_AUTHORIZE && tpm->ticket_cached &&
        once(&tries->ticket)) {
        cairn_tpm_cache_drop_ticket(tpm);
        return true;
    }
    if (suspects_things(tpm, rc) && (op->repeatable || !cairn_tpm_dead(rc)) && once(&tries->cache)) {
        cairn_tpm_things_forget(tpm, true);
        tpm->distrust = true;
        return true;
    }
    return cairn_tpm_dead(rc) && op->repeatable && once(&tries->lost);
}

static enum cairn_rc report(struct cairn_tpm *tpm, const struct cairn_tpm_op *op, TSS2_RC rc, struct cairn_err *err)
{
    if (rc == CAIRN_TPM_RC_CORE) {
        return tpm->core_rc;
    }
    enum cairn_rc result = cairn_tpm_fail(op->task, tpm->step, rc, err);
    if (cairn_tpm_plain_rc(rc) == TPM2_RC_LOCKOUT && err != NULL) {
        err->retry_after_s = cairn_tpm_lockout_seconds(tpm);
    }
    return result;
}

CAIRN_RC cairn_tpm_run(struct cairn_tpm *tpm, const struct cairn_tpm_op *op, void *arg, struct cairn_err *err)
{
    struct tries tries = {0};
    TSS2_RC rc = TSS2_RC_SUCCESS;
    tpm->distrust = false;
    tpm->err = err;
    do {
        tpm->step = CAIRN_STEP_OTHER;
        tpm->ticket_cached = false;
        rc = cairn_tpm_connect(tpm);
        if (rc == TSS2_RC_SUCCESS) {
            rc = op->run(tpm, arg);
            tpm->last = rc;
            if (cairn_tpm_dead(rc)) {
                recover(tpm);
            } else {
                cairn_tpm_release(tpm);
            }
        }
    } while (rc != TSS2_RC_SUCCESS && again(tpm, op, rc, &tries));
    tpm->last = rc;
    enum cairn_rc result = rc == TSS2_RC_SUCCESS ? CAIRN_OK : report(tpm, op, rc, err);
    tpm->err = NULL;
    return result;
}
