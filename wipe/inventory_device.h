/* wipe/inventory_device.h -- the media of this device as configured, and which driver treats each.
 *
 * Source: DESIGN 10 (plan). No driver = UNHANDLED, never silent.
 */
#ifndef CAIRN_WIPE_INVENTORY_DEVICE_H
#define CAIRN_WIPE_INVENTORY_DEVICE_H

#include "wipe/drivers/driver.h"
#include "wipe/settings.h"

/* cairn_wipe_driver_find: NULL when there is none of that name. */
const struct cairn_wipe_driver *cairn_wipe_driver_find(const char *name);
/* cairn_inventory fills the plan's targets, in the order of the configuration. Looks at each medium, changes nothing.
 * CAIRN_E_USAGE "wipe.targets" (too many, one name twice, or a path that documents cannot hold); CAIRN_E_IO "memory". */
CAIRN_RC cairn_inventory(const struct cairn_wipe_settings *settings, struct cairn_plan *plan, struct cairn_err *err);
/* cairn_inventory_idle refuses while somebody uses a medium: CAIRN_E_BUSY "wipe.target.open", naming it. */
CAIRN_RC cairn_inventory_idle(const struct cairn_plan *plan, struct cairn_err *err);
/* cairn_inventory_erase treats one target and tells what happened; times are `started_s` and the clock afterwards. */
void cairn_inventory_erase(const struct cairn_plan_target *target, uint64_t started_s, struct cairn_media_entry *out);

#endif
