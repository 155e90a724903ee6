/* wipe/inventory_device.c -- see wipe/inventory_device.h. */
#include "wipe/inventory_device.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/clock.h"

static const struct cairn_wipe_driver *const DRIVERS[] = {&cairn_wipe_luks2};

const struct cairn_wipe_driver *cairn_wipe_driver_find(const char *name)
{
    for (size_t i = 0; i < CAIRN_ARRAY_LEN(DRIVERS); i++) {
        if (strcmp(DRIVERS[i]->name, name) == 0) {
            return DRIVERS[i];
        }
    }
    return NULL;
}

static CAIRN_RC check_target(const struct cairn_wipe_settings *settings, size_t i, struct cairn_err *err)
{
    const struct cairn_wipe_target *t = &settings->targets[i];
    if (!cairn_text_is_plain(t->name, sizeof t->name) || !cairn_text_is_plain(t->path, sizeof t->path) ||
        !cairn_text_is_plain(t->driver, sizeof t->driver)) {
        return CAIRN_FAIL(err, CAIRN_E_USAGE, "wipe.targets",
                          "wipe target %zu: name, driver and path must be plain text without quotes", i + 1);
    }
    for (size_t j = 0; j < i; j++) {
        if (strcmp(settings->targets[j].name, t->name) == 0) {
            return CAIRN_FAIL(err, CAIRN_E_USAGE, "wipe.targets", "wipe target %s is there twice", t->name);
        }
    }
    return CAIRN_OK;
}

static CAIRN_RC look_at(const struct cairn_wipe_target *target, struct cairn_plan_target *out, struct cairn_err *err)
{
    const struct cairn_wipe_driver *driver = cairn_wipe_driver_find(target->driver);
    struct cairn_medium *m = &out->medium;
    m->evidence = CAIRN_EVIDENCE_SOFTWARE;
    (void)snprintf(m->name, sizeof m->name, "%s", target->name);
    (void)snprintf(m->driver, sizeof m->driver, "%s", target->driver);
    (void)snprintf(m->path, sizeof m->path, "%s", target->path);
    (void)snprintf(m->media, sizeof m->media, "not recognised");
    (void)snprintf(m->technique, sizeof m->technique, "none");
    if (driver == NULL) {
        (void)snprintf(out->not_covered, sizeof out->not_covered, "no driver %s: nothing will be done to it", target->driver);
        return CAIRN_OK;
    }
    return driver->inspect(out, err);
}

enum cairn_rc cairn_inventory(const struct cairn_wipe_settings *settings, struct cairn_plan *plan, struct cairn_err *err)
{
    if (settings->num_targets > CAIRN_WIPE_MAX_MEDIA) {
        return CAIRN_FAIL(err, CAIRN_E_USAGE, "wipe.targets", "more than %d wipe targets", CAIRN_WIPE_MAX_MEDIA);
    }
    free(plan->targets);
    plan->num_targets = 0;
    plan->targets = calloc(CAIRN_WIPE_MAX_MEDIA, sizeof *plan->targets);
    if (plan->targets == NULL) {
        return CAIRN_FAIL(err, CAIRN_E_IO, "memory", "no memory for a plan");
    }
    for (size_t i = 0; i < settings->num_targets; i++) {
        CAIRN_TRY(check_target(settings, i, err));
        CAIRN_TRY(look_at(&settings->targets[i], &plan->targets[i], err));
        plan->num_targets++;
    }
    return CAIRN_OK;
}

enum cairn_rc cairn_inventory_idle(const struct cairn_plan *plan, struct cairn_err *err)
{
    for (size_t i = 0; i < plan->num_targets; i++) {
        const struct cairn_medium *m = &plan->targets[i].medium;
        const struct cairn_wipe_driver *driver = cairn_wipe_driver_find(m->driver);
        if (driver != NULL && driver->in_use(m->path)) {
            return CAIRN_FAIL(err, CAIRN_E_BUSY, "wipe.target.open",
                              "%s (%s) is open: unmount and close its mapping first, it would go on serving plaintext", m->name,
                              m->path);
        }
    }
    return CAIRN_OK;
}

void cairn_inventory_erase(const struct cairn_plan_target *target, uint64_t started_s, struct cairn_media_entry *out)
{
    const struct cairn_wipe_driver *driver = cairn_wipe_driver_find(target->medium.driver);
    struct cairn_media_entry entry = {
        .medium = target->medium, .result = CAIRN_RESULT_UNHANDLED, .code = "media.unhandled", .started_s = started_s};
    if (driver != NULL && target->handled) {
        driver->erase(target, &entry);
    }
    entry.ended_s = cairn_clock_now(started_s);
    *out = entry;
}
