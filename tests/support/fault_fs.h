/* tests/support/fault_fs.h -- a disk in memory that fails, lies and loses power: a back end of core/file.h for tests.
 *
 * What is written stays in a cache until fsync, in sectors of 512 bytes; what happens to names (create, rename, unlink) stays
 * there until sync_dir. A reboot decides what of that survives. A program under test that forgets an fsync, a directory
 * fsync, a drop of the cache or a read-back therefore loses something a test can see:
 *
 *     struct fault_disk *disk = fault_disk_new();
 *     struct cairn_fs *fs = fault_disk_mount(disk);            // run once: counts the steps
 *     unsigned steps = fault_disk_steps(disk);
 *     for (unsigned n = 1; n <= steps; n++) {                  // then cut the power at each
 *         fault_disk_restore(disk, before);
 *         fault_disk_arm(disk, n, FAULT_CRASH, 1);
 *         ... the operation; then fault_disk_reboot(disk, FAULT_TEAR, seed); and look
 *     }
 *
 * A step is one call of: open with O_CREAT, pwrite, allocate, fsync, drop_cache, rename, unlink, sync_dir. One thread. Lack of
 * memory and misuse abort.
 */
#ifndef CAIRN_TESTS_FAULT_FS_H
#define CAIRN_TESTS_FAULT_FS_H

#include "core/file.h"

/* enum fault_kind is what happens at an armed step. No kind but FAULT_SHORT lets the call have an effect; one exception is as
 * in Linux: an fsync that fails with EIO or ENOSPC calls the sectors clean all the same, so that the next one succeeds
 * without having written them. */
enum fault_kind {
    FAULT_EIO,
    FAULT_ENOSPC,
    FAULT_EINTR,
    FAULT_SHORT, /* a pwrite stores only half, at least one byte; other calls: nothing happens */
    FAULT_CRASH, /* power cut: a pwrite may have reached the cache in half; every call is -EIO until fault_disk_reboot */
};
/* enum fault_reboot is what un-synced data and names do when the power comes back. */
enum fault_reboot {
    FAULT_DROP_ALL,
    FAULT_KEEP_ALL,
    FAULT_TEAR, /* each dirty sector, each file's length and each changed name by itself, old or new by the seed */
};
/* Calls made to succeed without doing anything: the mutants of a durable write. */
enum { FAULT_SKIP_FSYNC = 1, FAULT_SKIP_SYNC_DIR = 2, FAULT_SKIP_DROP_CACHE = 4 };

struct fault_counts {
    unsigned open, pread, pwrite, allocate, fsync, drop_cache, close, rename, unlink, sync_dir;
};

struct fault_disk;
struct fault_disk *fault_disk_new(void);
void fault_disk_free(struct fault_disk *disk); /* every cairn_fs on it first */
/* fault_disk_mount gives a cairn_fs on the disk; the caller frees it with cairn_fs_free, the disk stays. It stays usable after
 * a reboot; descriptors do not. */
struct cairn_fs *fault_disk_mount(struct fault_disk *disk);

/* fault_disk_arm: the `step`-th step from now (1 is the next) and the `times` - 1 steps after it meet `kind`. Replaces what was
 * armed and sets the step counter to 0. Step 0 disarms. */
void fault_disk_arm(struct fault_disk *disk, unsigned step, enum fault_kind kind, unsigned times);
unsigned fault_disk_steps(const struct fault_disk *disk); /* since the last arm, restore or reboot */
bool fault_disk_fired(const struct fault_disk *disk);     /* the armed fault has happened */
bool fault_disk_is_down(const struct fault_disk *disk);   /* power is cut */
/* fault_disk_lie: of the pwrites from now, number `first` (1 is the next) and `times` - 1 more reach the medium with one bit
 * flipped; the cache holds what was written, so only a read after drop_cache shows it. */
void fault_disk_lie(struct fault_disk *disk, unsigned first, unsigned times);
void fault_disk_skip(struct fault_disk *disk, unsigned mask); /* FAULT_SKIP_*; 0: back to normal */

/* fault_disk_reboot: power comes back (or is cut and comes back). Closes every descriptor, disarms everything but
 * fault_disk_skip. */
void fault_disk_reboot(struct fault_disk *disk, enum fault_reboot mode, uint64_t seed);

/* fault_disk_copy is an image of the whole disk, cache included; fault_disk_restore puts one back ("restored from before").
 * Restoring closes every descriptor, powers up and disarms; the counts go on. */
struct fault_disk *fault_disk_copy(const struct fault_disk *disk);
void fault_disk_restore(struct fault_disk *disk, const struct fault_disk *image);

/* Behind the back of the program under test, without steps. get: what the program would read now, false when there is no such
 * file. put: content and name at once durable. flip: one bit, in cache and medium. remove: at once durable. */
bool fault_disk_get(const struct fault_disk *disk, const char *name, struct cairn_buf *out);
void fault_disk_put(struct fault_disk *disk, const char *name, struct cairn_span bytes);
void fault_disk_flip(struct fault_disk *disk, const char *name, size_t offset, unsigned bit);
void fault_disk_remove(struct fault_disk *disk, const char *name);

struct fault_counts fault_disk_counts(const struct fault_disk *disk); /* since fault_disk_new */
unsigned fault_disk_open_files(const struct fault_disk *disk);        /* descriptors not closed: 0 after any operation */

#endif
