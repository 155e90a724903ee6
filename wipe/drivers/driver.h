/* wipe/drivers/driver.h -- what a medium's driver can do. One file per driver in this folder.
 *
 * A driver tells the truth about itself: method and evidence are what it can stand for, not what one would like.
 */
#ifndef CAIRN_WIPE_DRIVERS_DRIVER_H
#define CAIRN_WIPE_DRIVERS_DRIVER_H

#include "wipe/media_log.h"
#include "wipe/plan.h"

struct cairn_wipe_driver {
    const char *name;
    /* inspect fills what the driver would do to `out->medium.path` (name, driver and path are set). Changes nothing on the
     * medium. out->handled false: not a medium of this driver; out->not_covered says why. */
    CAIRN_RC (*inspect)(struct cairn_plan_target *out, struct cairn_err *err);
    /* in_use: somebody still reads through this medium, so that erasing would leave plaintext served. */
    bool (*in_use)(const char *path);
    /* erase does it, checks it on the medium, and fills result, code and details of `out` (medium and times are set by the
     * caller). A medium that cannot be erased is a result, not an error. Repeating after a power cut is safe. */
    void (*erase)(const struct cairn_plan_target *target, struct cairn_media_entry *out);
};

/* LUKS2 containers on block devices and in files. */
extern const struct cairn_wipe_driver cairn_wipe_luks2;

#endif
