/* wipe/settings.h -- what an integrator's configuration says about the wipe: targets and consumers. Plain facts.
 */
#ifndef CAIRN_WIPE_SETTINGS_H
#define CAIRN_WIPE_SETTINGS_H

#include "core/base.h"

enum { CAIRN_WIPE_MAX_TARGETS = 16, CAIRN_WIPE_MAX_CONSUMERS = 16, CAIRN_WIPE_PATH_MAX = 256 };
struct cairn_wipe_target {
    char name[32];                  /* a-z 0-9 . _ - */
    char driver[16];                /* "luks2"; a name without a driver is planned as UNHANDLED */
    char path[CAIRN_WIPE_PATH_MAX]; /* file or block device */
};
struct cairn_wipe_settings {
    size_t num_targets;
    struct cairn_wipe_target targets[CAIRN_WIPE_MAX_TARGETS];
    size_t num_consumers; /* pid files of processes that hold vault keys in memory */
    char consumers[CAIRN_WIPE_MAX_CONSUMERS][CAIRN_WIPE_PATH_MAX];
};

#endif
