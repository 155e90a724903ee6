/* wipe/plan_device.c -- see wipe/plan_device.h. Handle lists are unauthenticated here: a plan proves nothing. */
#include "wipe/plan_device.h"

#include <stdio.h>
#include <string.h>

static const uint32_t NV_FIRST = 0x01000000u;
static const uint32_t PERSISTENT_FIRST = 0x81000000u;
/* TCG-reserved and manufacturer ranges: EK certificates and what belongs to the platform. Clear leaves them. */
static const uint32_t NV_TCG_FIRST = 0x01C00000u;

/* The index numbers that the enrolment says are ours. */
static bool is_ours(const struct cairn_statement *s, uint32_t index)
{
    const struct cairn_area *const areas[] = {&s->epoch, &s->anchor[0], &s->anchor[1]};
    for (size_t i = 0; i < CAIRN_ARRAY_LEN(areas); i++) {
        struct cairn_reader r = cairn_reader(cairn_area_span(areas[i]));
        if (cairn_read_u32(&r) == index && cairn_reader_ok(&r)) {
            return true;
        }
    }
    return false;
}

static bool has_epoch(const struct cairn_statement *s, const struct cairn_audit_handles *nv)
{
    struct cairn_reader r = cairn_reader(cairn_area_span(&s->epoch));
    uint32_t epoch = cairn_read_u32(&r);
    for (size_t i = 0; i < nv->num; i++) {
        if (nv->handle[i] == epoch) {
            return true;
        }
    }
    return false;
}

/* Foreign indices: defined by an owner other than Cairn. */
static void list_foreign_nv(const struct cairn_identity *identity, const struct cairn_audit_handles *nv,
                            struct cairn_plan *plan)
{
    for (size_t i = 0; i < nv->num; i++) {
        bool ours = identity->enrolled && is_ours(&identity->statement, nv->handle[i]);
        if (!ours && nv->handle[i] < NV_TCG_FIRST) {
            plan->foreign_nv.handle[plan->foreign_nv.num++] = nv->handle[i];
        }
    }
}

/* Persistent keys at other handles than the configured ones: somebody's whom Clear will surprise. */
static void list_foreign_keys(const struct cairn_plan_ask *ask, const struct cairn_audit_handles *all, struct cairn_plan *plan)
{
    for (size_t i = 0; i < all->num; i++) {
        if (all->handle[i] != ask->srk && all->handle[i] != ask->ak) {
            plan->foreign_persistent.handle[plan->foreign_persistent.num++] = all->handle[i];
        }
    }
}

static CAIRN_RC look_at_tpm(struct cairn_tpm *tpm, const struct cairn_plan_ask *ask, struct cairn_plan *plan,
                            struct cairn_err *err)
{
    struct cairn_tpm_info info = {0};
    struct cairn_audit_handles nv = {0};
    struct cairn_audit_handles keys = {0};
    CAIRN_TRY(cairn_tpm_info(tpm, &info, err));
    CAIRN_TRY(cairn_tpm_handles(tpm, NV_FIRST, &nv, err));
    CAIRN_TRY(cairn_tpm_handles(tpm, PERSISTENT_FIRST, &keys, err));
    plan->clear_disabled = info.clear_disabled;
    plan->lockout_auth_set = info.lockout_auth_set;
    plan->lockout_auth_given = ask->lockout_auth_given;
    (void)snprintf(plan->tpm_class, sizeof plan->tpm_class, "%s", info.is_virtual ? "virtual" : "hardware");
    plan->epoch_present = ask->identity->enrolled && has_epoch(&ask->identity->statement, &nv);
    list_foreign_nv(ask->identity, &nv, plan);
    list_foreign_keys(ask, &keys, plan);
    return CAIRN_OK;
}

enum cairn_rc cairn_plan_make(struct cairn_tpm *tpm, const struct cairn_plan_ask *ask, struct cairn_plan *out,
                              struct cairn_err *err)
{
    CAIRN_PLAN plan = {.made_s = ask->now_s};
    CAIRN_TRY(look_at_tpm(tpm, ask, &plan, err));
    if (ask->identity->enrolled) {
        const struct cairn_statement *s = &ask->identity->statement;
        cairn_copy(plan.fleet, s->fleet, CAIRN_SHA256_LEN);
        cairn_copy(plan.device, s->device, CAIRN_SHA256_LEN);
        (void)snprintf(plan.tpm_class, sizeof plan.tpm_class, "%s", s->tpm_class);
        plan.by_server = s->by_server;
    }
    if (ask->order != NULL) {
        cairn_copy(plan.order, ask->order->digest, CAIRN_SHA256_LEN);
    }
    CAIRN_TRY(cairn_inventory(ask->settings, &plan, err));
    *out = plan;
    plan = (struct cairn_plan){0};
    return CAIRN_OK;
}
