/* wipe/drivers/luks2_device.c -- cryptographic erase of a LUKS2 container: every keyslot, every token, the whole header area.
 *
 * luksErase leaves unbound keyslots and tokens, so each is destroyed by number; then the area that held headers and key
 * material is overwritten (random, then zeros), synced, and read back from the medium through a new descriptor. Zeros last,
 * because they can be checked. A header copy kept elsewhere still works with its passphrase: the certificate says so.
 *
 * Trust boundary: what the medium says about itself. Source: LUKS2 on-disk format 1.1; libcryptsetup; FACTS M1 as kept in
 * docs/integrator.md.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <libcryptsetup.h>
#include <limits.h>
#include <linux/fs.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "core/crypto.h"
#include "wipe/drivers/driver.h"

enum { CHUNK = 1 << 20, ALIGN = 4096, SECTOR = 512, MAX_TOKENS = 32, BYTES_PER_SECOND = 50 << 20 };
/* An area beyond this is not a LUKS2 header (the format ends at 128 MiB of keyslots and 2 x 4 MiB of metadata). */
static const uint64_t MAX_AREA = UINT64_C(256) << 20;

static void quiet(int level CAIRN_UNUSED, const char *msg CAIRN_UNUSED, void *arg CAIRN_UNUSED)
{
}

static void free_device(struct crypt_device **cd)
{
    crypt_free(*cd);
    *cd = NULL;
}

static void free_bytes(uint8_t **p)
{
    free(*p);
    *p = NULL;
}

static void close_fd(int *fd)
{
    if (*fd >= 0) {
        (void)close(*fd);
    }
}

/* open_container: true when `path` holds a LUKS2 header that loads. *cd is the caller's in both cases. */
static bool open_container(const char *path, struct crypt_device **cd)
{
    if (access(path, R_OK) != 0 || crypt_init(cd, path) != 0) {
        return false;
    }
    crypt_set_log_callback(*cd, quiet, NULL);
    return crypt_load(*cd, CRYPT_LUKS2, NULL) == 0;
}

/* The bytes before the data: two header copies and the keyslot area. */
static uint64_t header_area(struct crypt_device *cd)
{
    uint64_t metadata = 0;
    uint64_t keyslots = 0;
    uint64_t data = crypt_get_data_offset(cd) * SECTOR;
    if (crypt_get_metadata_size(cd, &metadata, &keyslots) != 0) {
        return data;
    }
    uint64_t area = 2 * metadata + keyslots;
    return data > area ? data : area;
}

static CAIRN_RC inspect(struct cairn_plan_target *out, struct cairn_err *err CAIRN_UNUSED)
{
    CAIRN_CLEANUP(free_device) struct crypt_device *cd = NULL;
    struct stat st = {0};
    if (lstat(out->medium.path, &st) == 0 && S_ISLNK(st.st_mode)) {
        (void)snprintf(out->not_covered, sizeof out->not_covered,
                       "a symbolic link, which may point elsewhere when it is erased: name the device itself");
        return CAIRN_OK;
    }
    out->handled = open_container(out->medium.path, &cd);
    if (!out->handled) {
        (void)snprintf(out->not_covered, sizeof out->not_covered, "no LUKS2 header that loads: nothing will be done to it");
        return CAIRN_OK;
    }
    out->area_bytes = header_area(cd);
    out->seconds = (uint32_t)(1 + 3 * out->area_bytes / BYTES_PER_SECOND);
    out->medium.method = CAIRN_METHOD_CLEAR;
    out->medium.evidence = CAIRN_EVIDENCE_SOFTWARE;
    (void)snprintf(out->medium.media, sizeof out->medium.media, "LUKS2 container");
    (void)snprintf(out->medium.technique, sizeof out->medium.technique, "cryptographic erase of keyslots and header");
    (void)snprintf(out->not_covered, sizeof out->not_covered,
                   "header backups and escrowed keys; remapped blocks of the medium; no validated module, so not purge");
    return CAIRN_OK;
}

enum { SYSFS_PATH_MAX = 128 };

/* A block device with holders in sysfs has a mapping (dm, md, loop of a loop) on top of it. */
static bool has_holders(const char *holders)
{
    DIR *dir = opendir(holders);
    bool found = false;
    if (dir == NULL) {
        return false;
    }
    for (struct dirent *e = readdir(dir); e != NULL && !found; e = readdir(dir)) {
        found = e->d_name[0] != '.';
    }
    (void)closedir(dir);
    return found;
}

/* Is the loop device `name` made of the file `real`, and is something on top of it? */
static bool loop_is_open(const char *name, const char *real)
{
    char path[SYSFS_PATH_MAX];
    char backing[PATH_MAX] = "";
    (void)snprintf(path, sizeof path, "/sys/block/%.64s/loop/backing_file", name);
    FILE *f = fopen(path, "re");
    if (f == NULL) {
        return false;
    }
    bool same = fgets(backing, sizeof backing, f) != NULL;
    (void)fclose(f);
    backing[strcspn(backing, "\n")] = '\0';
    (void)snprintf(path, sizeof path, "/sys/block/%.64s/holders", name);
    return same && strcmp(backing, real) == 0 && has_holders(path);
}

static bool file_in_use(const char *path)
{
    char real[PATH_MAX];
    bool found = false;
    DIR *dir = realpath(path, real) != NULL ? opendir("/sys/block") : NULL;
    if (dir == NULL) {
        return false;
    }
    for (struct dirent *e = readdir(dir); e != NULL && !found; e = readdir(dir)) {
        found = strncmp(e->d_name, "loop", 4) == 0 && loop_is_open(e->d_name, real);
    }
    (void)closedir(dir);
    return found;
}

static bool in_use(const char *path)
{
    char holders[SYSFS_PATH_MAX];
    struct stat st = {0};
    if (stat(path, &st) != 0) {
        return false;
    }
    (void)snprintf(holders, sizeof holders, "/sys/dev/block/%u:%u/holders", major(st.st_rdev), minor(st.st_rdev));
    return S_ISBLK(st.st_mode) ? has_holders(holders) : file_in_use(path);
}

/* Destroys what can be reached by number. Failures are left to the overwriting, which reaches all of it. */
static void destroy_keys(struct crypt_device *cd, struct cairn_media_entry *out)
{
    (void)snprintf(out->cipher, sizeof out->cipher, "%.20s-%.20s %d", crypt_get_cipher(cd), crypt_get_cipher_mode(cd),
                   8 * crypt_get_volume_key_size(cd));
    for (int slot = 0; slot < crypt_keyslot_max(CRYPT_LUKS2); slot++) {
        crypt_keyslot_info info = crypt_keyslot_status(cd, slot);
        if (info >= CRYPT_SLOT_ACTIVE && crypt_keyslot_destroy(cd, slot) == 0) {
            out->keyslots++;
        }
    }
    for (int token = 0; token < MAX_TOKENS; token++) {
        if (crypt_token_status(cd, token, NULL) >= CRYPT_TOKEN_INTERNAL && crypt_token_json_set(cd, token, NULL) >= 0) {
            out->tokens++;
        }
    }
}

static int drop_cache(int fd)
{
    struct stat st = {0};
    if (fstat(fd, &st) != 0) {
        return -1;
    }
    if (S_ISBLK(st.st_mode)) {
        return ioctl(fd, BLKFLSBUF, 0);
    }
    return posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED);
}

/* Writes zeros over [0, area), synced with every answer looked at. NULL, or the code of what failed. */
static const char *overwrite(const char *path, uint64_t area)
{
    CAIRN_CLEANUP(free_bytes) uint8_t *zeros = calloc(1, CHUNK);
    CAIRN_CLEANUP(close_fd) int fd = open(path, O_WRONLY | O_CLOEXEC | O_NOFOLLOW);
    if (zeros == NULL || fd < 0) {
        return "media.open";
    }
    for (uint64_t at = 0; at < area;) {
        size_t want = area - at < CHUNK ? (size_t)(area - at) : CHUNK;
        ssize_t n = pwrite(fd, zeros, want, (off_t)at);
        if (n < 0 && errno == EINTR) {
            continue;
        }
        if (n <= 0) {
            return "media.write";
        }
        at += (uint64_t)n;
    }
    return fsync(fd) != 0 || drop_cache(fd) != 0 ? "media.sync" : NULL;
}

/* O_DIRECT reads the medium and not the page cache; where a file system refuses it, the cache was dropped before. */
static int open_for_read_back(const char *path)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_DIRECT);
    if (fd < 0 && errno == EINVAL) {
        fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    }
    return fd;
}

static bool all_zero(const uint8_t *p, size_t len)
{
    uint8_t any = 0;
    for (size_t i = 0; i < len; i++) {
        any |= p[i];
    }
    return any == 0;
}

static const char *read_back(const char *path, uint64_t area, uint8_t digest[32])
{
    CAIRN_CLEANUP(cairn_hasher_freep) struct cairn_hasher *hash = NULL;
    CAIRN_CLEANUP(free_bytes) uint8_t *bytes = aligned_alloc(ALIGN, CHUNK);
    CAIRN_CLEANUP(close_fd) int fd = open_for_read_back(path);
    if (bytes == NULL || fd < 0 || cairn_hasher_new(CAIRN_SHA256, &hash, NULL) != CAIRN_OK) {
        return "media.read";
    }
    for (uint64_t at = 0; at < area;) {
        size_t want = area - at < CHUNK ? (size_t)(area - at) : CHUNK;
        ssize_t n = pread(fd, bytes, want, (off_t)at);
        if (n < 0 && errno == EINTR) {
            continue;
        }
        if (n <= 0 || cairn_hasher_update(hash, cairn_span(bytes, (size_t)n), NULL) != CAIRN_OK) {
            return "media.read";
        }
        if (!all_zero(bytes, (size_t)n)) {
            return "media.readback";
        }
        at += (uint64_t)n;
    }
    return cairn_hasher_final(hash, digest, NULL) == CAIRN_OK ? NULL : "media.read";
}

static bool still_loads(const char *path)
{
    CAIRN_CLEANUP(free_device) struct crypt_device *cd = NULL;
    return open_container(path, &cd);
}

/* The first pass needs a device handle only, so it also works when a cut has left no header. */
static void random_pass(const char *path, uint64_t area)
{
    CAIRN_CLEANUP(free_device) struct crypt_device *cd = NULL;
    if (crypt_init(&cd, path) == 0) {
        crypt_set_log_callback(cd, quiet, NULL);
        (void)crypt_wipe(cd, path, CRYPT_WIPE_RANDOM, 0, area, CHUNK, 0, NULL, NULL);
    }
}

static const char *erase_area(const struct cairn_plan_target *target, struct cairn_media_entry *out)
{
    const char *path = target->medium.path;
    {
        CAIRN_CLEANUP(free_device) struct crypt_device *cd = NULL;
        if (open_container(path, &cd)) {
            destroy_keys(cd, out);
        }
    }
    random_pass(path, target->area_bytes);
    const char *why = overwrite(path, target->area_bytes);
    if (why != NULL) {
        return why;
    }
    out->bytes_wiped = target->area_bytes;
    why = read_back(path, target->area_bytes, out->read_back);
    if (why != NULL) {
        return why;
    }
    return still_loads(path) ? "media.loads" : NULL;
}

static void erase(const struct cairn_plan_target *target, struct cairn_media_entry *out)
{
    const char *why = NULL;
    if (in_use(target->medium.path)) {
        why = "media.inuse";
    } else if (target->area_bytes == 0 || target->area_bytes > MAX_AREA || target->area_bytes % SECTOR != 0) {
        why = "media.area";
    } else {
        why = erase_area(target, out);
    }
    out->result = why == NULL ? CAIRN_RESULT_ERASED : CAIRN_RESULT_FAILED;
    (void)snprintf(out->code, sizeof out->code, "%s", why == NULL ? "" : why);
}

const struct cairn_wipe_driver cairn_wipe_luks2 = {.name = "luks2", .inspect = inspect, .in_use = in_use, .erase = erase};
