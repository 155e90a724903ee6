/* tests/support/fault_fs.c -- see fault_fs.h. */
#include "support/fault_fs.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { SECTOR = 512, MAX_ENTRIES = 256, MAX_FDS = 32, MAX_NAME = 256, NO_FILE = -1 };

/* struct file is an inode: what programs see, and what the medium holds. */
struct file {
    uint8_t *cache;
    size_t cache_len;
    uint8_t *medium;
    size_t medium_len;
    uint8_t *dirty; /* one per sector of the larger of the two */
    size_t num_sectors;
    bool lies; /* the next write-back flips a bit at lie_at */
    size_t lie_at;
};

struct entry {
    char name[MAX_NAME];
    int now;     /* the file the name means at present, or NO_FILE */
    int durable; /* after a power cut that drops everything */
};

struct fault_disk {
    struct file *files;
    size_t num_files;
    struct entry entries[MAX_ENTRIES];
    size_t num_entries;
    int fds[MAX_FDS]; /* the open file + 1, or 0 */
    unsigned steps, armed, armed_times;
    enum fault_kind kind;
    bool fired, down;
    unsigned writes, lie_first, lie_times;
    unsigned skip;
    struct fault_counts counts;
};

static void must(bool ok, const char *what)
{
    if (!ok) {
        (void)fprintf(stderr, "fault_fs: %s\n", what);
        abort();
    }
}

/* regrow gives `p` room for `len` bytes (one at least), the new ones zero. */
static uint8_t *regrow(uint8_t *p, size_t old_len, size_t len)
{
    uint8_t *grown = realloc(p, len > 0 ? len : 1);
    must(grown != NULL, "no memory");
    if (len > old_len) {
        memset(grown + old_len, 0, len - old_len);
    }
    return grown;
}

static size_t min_size(size_t a, size_t b)
{
    return a < b ? a : b;
}

static size_t max_size(size_t a, size_t b)
{
    return a > b ? a : b;
}

static size_t sectors_of(size_t len)
{
    return (len + SECTOR - 1) / SECTOR;
}

static void set_cache_len(struct file *f, size_t len)
{
    f->cache = regrow(f->cache, f->cache_len, len);
    size_t num = sectors_of(max_size(max_size(len, f->medium_len), f->cache_len));
    if (num > f->num_sectors) {
        f->dirty = regrow(f->dirty, f->num_sectors, num);
        f->num_sectors = num;
    }
    for (size_t s = min_size(len, f->cache_len) / SECTOR; s < num && len != f->cache_len; s++) {
        f->dirty[s] = 1;
    }
    f->cache_len = len;
}

static void set_medium_len(struct file *f, size_t len)
{
    f->medium = regrow(f->medium, f->medium_len, len);
    f->medium_len = len;
}

/* drop_to_medium makes the cache what the medium holds. */
static void drop_to_medium(struct file *f)
{
    f->cache = regrow(f->cache, f->cache_len, f->medium_len);
    if (f->medium_len > 0) {
        memcpy(f->cache, f->medium, f->medium_len);
    }
    f->cache_len = f->medium_len;
    free(f->dirty);
    f->num_sectors = sectors_of(f->medium_len);
    f->dirty = regrow(NULL, 0, f->num_sectors);
    f->lies = false;
}

/* write_back stores one sector, as far as both lengths go. */
static void write_back(struct file *f, size_t sector)
{
    size_t at = sector * SECTOR;
    size_t end = min_size(min_size(at + SECTOR, f->cache_len), f->medium_len);
    if (at < end) {
        memcpy(f->medium + at, f->cache + at, end - at);
    }
    if (f->lies && f->lie_at >= at && f->lie_at < end) {
        f->medium[f->lie_at] ^= 0x10;
        f->lies = false;
    }
    f->dirty[sector] = 0;
}

static void sync_file(struct file *f)
{
    set_medium_len(f, f->cache_len);
    for (size_t s = 0; s < f->num_sectors; s++) {
        if (f->dirty[s]) {
            write_back(f, s);
        }
    }
}

static bool is_dirty(const struct file *f)
{
    for (size_t s = 0; s < f->num_sectors; s++) {
        if (f->dirty[s]) {
            return true;
        }
    }
    return false;
}

static int new_file(struct fault_disk *disk)
{
    struct file *files = realloc(disk->files, (disk->num_files + 1) * sizeof(*files));
    must(files != NULL, "no memory");
    disk->files = files;
    struct file *f = &files[disk->num_files];
    *f = (struct file){0};
    drop_to_medium(f);
    return (int)disk->num_files++;
}

static struct entry *find_entry(struct fault_disk *disk, const char *name)
{
    for (size_t i = 0; i < disk->num_entries; i++) {
        if (strcmp(disk->entries[i].name, name) == 0) {
            return &disk->entries[i];
        }
    }
    return NULL;
}

/* entry_of makes the entry when there is none; names that mean nothing any more are used again. */
static struct entry *entry_of(struct fault_disk *disk, const char *name)
{
    struct entry *e = find_entry(disk, name);
    for (size_t i = 0; e == NULL && i < disk->num_entries; i++) {
        if (disk->entries[i].now == NO_FILE && disk->entries[i].durable == NO_FILE) {
            e = &disk->entries[i];
        }
    }
    if (e == NULL) {
        must(disk->num_entries < MAX_ENTRIES, "too many names");
        e = &disk->entries[disk->num_entries++];
        *e = (struct entry){.now = NO_FILE, .durable = NO_FILE};
    }
    must(strlen(name) < MAX_NAME, "name too long");
    (void)snprintf(e->name, sizeof(e->name), "%s", name);
    return e;
}

/* step counts one step: 0 to go on, or the -errno to return. FAULT_SHORT gives 0 with *short_write set. */
static int step(struct fault_disk *disk, bool *short_write)
{
    if (disk->down) {
        return -EIO;
    }
    disk->steps++;
    if (disk->armed == 0 || disk->steps < disk->armed || disk->steps - disk->armed >= disk->armed_times) {
        return 0;
    }
    disk->fired = true;
    switch (disk->kind) {
    case FAULT_EIO:
        return -EIO;
    case FAULT_ENOSPC:
        return -ENOSPC;
    case FAULT_EINTR:
        return -EINTR;
    case FAULT_SHORT:
        *short_write = true;
        return 0;
    case FAULT_CRASH:
        disk->down = true;
        *short_write = true;
        return -EIO;
    }
    return 0;
}

static int plain_step(struct fault_disk *disk)
{
    bool ignored = false;
    return step(disk, &ignored);
}

static struct file *file_of(struct fault_disk *disk, int fd)
{
    must(fd >= 0 && fd < MAX_FDS, "not a descriptor");
    return disk->fds[fd] == 0 ? NULL : &disk->files[disk->fds[fd] - 1];
}

static int open_fd(struct fault_disk *disk, int file)
{
    for (int fd = 0; fd < MAX_FDS; fd++) {
        if (disk->fds[fd] == 0) {
            disk->fds[fd] = file + 1;
            return fd;
        }
    }
    return -EMFILE;
}

static int op_open(void *ctx, const char *name, int flags, unsigned mode CAIRN_UNUSED)
{
    struct fault_disk *disk = ctx;
    disk->counts.open++;
    int rc = (flags & O_CREAT) != 0 ? plain_step(disk) : disk->down ? -EIO : 0;
    if (rc != 0) {
        return rc;
    }
    struct entry *e = find_entry(disk, name);
    bool exists = e != NULL && e->now != NO_FILE;
    if (!exists && (flags & O_CREAT) == 0) {
        return -ENOENT;
    }
    if (exists && (flags & O_EXCL) != 0) {
        return -EEXIST;
    }
    if (!exists) {
        e = entry_of(disk, name);
        e->now = new_file(disk);
    } else if ((flags & O_TRUNC) != 0) {
        set_cache_len(&disk->files[e->now], 0);
    }
    return open_fd(disk, e->now);
}

static long op_pread(void *ctx, int fd, void *buf, size_t len, uint64_t offset)
{
    struct fault_disk *disk = ctx;
    disk->counts.pread++;
    const struct file *f = file_of(disk, fd);
    if (disk->down || f == NULL) {
        return f == NULL ? -EBADF : -EIO;
    }
    if (offset >= f->cache_len) {
        return 0;
    }
    size_t n = min_size(len, f->cache_len - (size_t)offset);
    memcpy(buf, f->cache + offset, n);
    return (long)n;
}

static void note_lie(struct fault_disk *disk, struct file *f, size_t at)
{
    disk->writes++;
    if (disk->lie_first != 0 && disk->writes >= disk->lie_first && disk->writes - disk->lie_first < disk->lie_times) {
        f->lies = true;
        f->lie_at = at;
    }
}

static void store(struct fault_disk *disk, struct file *f, const void *buf, size_t len, size_t offset)
{
    if (len == 0) {
        return;
    }
    if (offset + len > f->cache_len) {
        set_cache_len(f, offset + len);
    }
    memcpy(f->cache + offset, buf, len);
    for (size_t s = offset / SECTOR; s < sectors_of(offset + len); s++) {
        f->dirty[s] = 1;
    }
    note_lie(disk, f, offset + len / 2);
}

static long op_pwrite(void *ctx, int fd, const void *buf, size_t len, uint64_t offset)
{
    struct fault_disk *disk = ctx;
    disk->counts.pwrite++;
    struct file *f = file_of(disk, fd);
    if (f == NULL) {
        return disk->down ? -EIO : -EBADF;
    }
    bool half = false;
    int rc = step(disk, &half);
    if (rc != 0 && !half) {
        return rc;
    }
    size_t n = half && len > 1 ? len / 2 : len;
    store(disk, f, buf, n, (size_t)offset);
    return rc != 0 ? rc : (long)n;
}

static long op_size(void *ctx, int fd)
{
    struct fault_disk *disk = ctx;
    const struct file *f = file_of(disk, fd);
    return disk->down ? -EIO : f == NULL ? -EBADF : (long)f->cache_len;
}

static int op_allocate(void *ctx, int fd, uint64_t len)
{
    struct fault_disk *disk = ctx;
    disk->counts.allocate++;
    struct file *f = file_of(disk, fd);
    int rc = plain_step(disk);
    if (rc == 0 && f == NULL) {
        rc = -EBADF;
    }
    if (rc == 0 && len > f->cache_len) {
        set_cache_len(f, (size_t)len);
    }
    return rc;
}

static int op_fsync(void *ctx, int fd)
{
    struct fault_disk *disk = ctx;
    disk->counts.fsync++;
    struct file *f = file_of(disk, fd);
    int rc = plain_step(disk);
    if (disk->down || f == NULL) {
        return rc != 0 ? rc : -EBADF;
    }
    if (rc == -EIO || rc == -ENOSPC) {
        memset(f->dirty, 0, f->num_sectors); /* clean by name only: nothing writes them any more */
    } else if (rc == 0 && (disk->skip & FAULT_SKIP_FSYNC) == 0) {
        sync_file(f);
    }
    return rc;
}

static int op_drop_cache(void *ctx, int fd)
{
    struct fault_disk *disk = ctx;
    disk->counts.drop_cache++;
    struct file *f = file_of(disk, fd);
    int rc = plain_step(disk);
    if (rc == 0 && f == NULL) {
        rc = -EBADF;
    }
    /* as in Linux: what is dirty is not dropped */
    if (rc == 0 && (disk->skip & FAULT_SKIP_DROP_CACHE) == 0 && !is_dirty(f)) {
        drop_to_medium(f);
    }
    return rc;
}

static int op_close(void *ctx, int fd)
{
    struct fault_disk *disk = ctx;
    disk->counts.close++;
    bool was_open = file_of(disk, fd) != NULL;
    disk->fds[fd] = 0;
    return disk->down ? -EIO : was_open ? 0 : -EBADF;
}

static int op_rename(void *ctx, const char *from, const char *to)
{
    struct fault_disk *disk = ctx;
    disk->counts.rename++;
    int rc = plain_step(disk);
    if (rc != 0) {
        return rc;
    }
    struct entry *source = find_entry(disk, from);
    if (source == NULL || source->now == NO_FILE) {
        return -ENOENT;
    }
    struct entry *target = entry_of(disk, to);
    target->now = source->now;
    source->now = NO_FILE;
    return 0;
}

static int op_unlink(void *ctx, const char *name)
{
    struct fault_disk *disk = ctx;
    disk->counts.unlink++;
    int rc = plain_step(disk);
    if (rc != 0) {
        return rc;
    }
    struct entry *e = find_entry(disk, name);
    if (e == NULL || e->now == NO_FILE) {
        return -ENOENT;
    }
    e->now = NO_FILE;
    return 0;
}

static int op_sync_dir(void *ctx)
{
    struct fault_disk *disk = ctx;
    disk->counts.sync_dir++;
    int rc = plain_step(disk);
    if (rc != 0 || (disk->skip & FAULT_SKIP_SYNC_DIR) != 0) {
        return rc;
    }
    for (size_t i = 0; i < disk->num_entries; i++) {
        disk->entries[i].durable = disk->entries[i].now;
    }
    return 0;
}

static int op_list(void *ctx, unsigned index, char *name, size_t cap)
{
    const struct fault_disk *disk = ctx;
    if (disk->down) {
        return -EIO;
    }
    unsigned seen = 0;
    for (size_t i = 0; i < disk->num_entries; i++) {
        if (disk->entries[i].now == NO_FILE || seen++ != index) {
            continue;
        }
        return snprintf(name, cap, "%s", disk->entries[i].name) < (int)cap ? 1 : -ENAMETOOLONG;
    }
    return 0;
}

static void op_free(void *ctx CAIRN_UNUSED)
{
}

static const struct cairn_fs_ops FAULT_OPS = {
    .open = op_open,
    .pread = op_pread,
    .pwrite = op_pwrite,
    .size = op_size,
    .allocate = op_allocate,
    .fsync = op_fsync,
    .drop_cache = op_drop_cache,
    .close = op_close,
    .rename = op_rename,
    .unlink = op_unlink,
    .sync_dir = op_sync_dir,
    .list = op_list,
    .free = op_free,
};

struct fault_disk *fault_disk_new(void)
{
    struct fault_disk *disk = calloc(1, sizeof(*disk));
    must(disk != NULL, "no memory");
    return disk;
}

static void clear_files(struct fault_disk *disk)
{
    for (size_t i = 0; i < disk->num_files; i++) {
        free(disk->files[i].cache);
        free(disk->files[i].medium);
        free(disk->files[i].dirty);
    }
    free(disk->files);
    disk->files = NULL;
    disk->num_files = 0;
}

void fault_disk_free(struct fault_disk *disk)
{
    if (disk != NULL) {
        clear_files(disk);
        free(disk);
    }
}

struct cairn_fs *fault_disk_mount(struct fault_disk *disk)
{
    struct cairn_fs *fs = NULL;
    must(cairn_fs_new(&FAULT_OPS, disk, &fs, NULL) == CAIRN_OK, "no memory");
    return fs;
}

void fault_disk_arm(struct fault_disk *disk, unsigned at, enum fault_kind kind, unsigned times)
{
    disk->steps = 0;
    disk->armed = at;
    disk->armed_times = times;
    disk->kind = kind;
    disk->fired = false;
}

unsigned fault_disk_steps(const struct fault_disk *disk)
{
    return disk->steps;
}

bool fault_disk_fired(const struct fault_disk *disk)
{
    return disk->fired;
}

bool fault_disk_is_down(const struct fault_disk *disk)
{
    return disk->down;
}

void fault_disk_lie(struct fault_disk *disk, unsigned first, unsigned times)
{
    disk->writes = 0;
    disk->lie_first = first;
    disk->lie_times = times;
}

void fault_disk_skip(struct fault_disk *disk, unsigned mask)
{
    disk->skip = mask;
}

/* coin is one bit of splitmix64. */
static bool coin(uint64_t *state)
{
    uint64_t z = *state += UINT64_C(0x9e3779b97f4a7c15);
    z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
    return (z ^ z >> 31) & 1;
}

static void tear_file(struct file *f, uint64_t *state)
{
    if (is_dirty(f) && coin(state)) {
        set_medium_len(f, f->cache_len);
    }
    for (size_t s = 0; s < f->num_sectors; s++) {
        if (f->dirty[s] && coin(state)) {
            write_back(f, s);
        }
    }
}

static void power_up(struct fault_disk *disk)
{
    memset(disk->fds, 0, sizeof(disk->fds));
    disk->down = false;
    fault_disk_arm(disk, 0, FAULT_EIO, 0);
    fault_disk_lie(disk, 0, 0);
}

void fault_disk_reboot(struct fault_disk *disk, enum fault_reboot mode, uint64_t seed)
{
    uint64_t state = seed;
    for (size_t i = 0; i < disk->num_entries; i++) {
        struct entry *e = &disk->entries[i];
        bool keep = e->now != e->durable && (mode == FAULT_KEEP_ALL || (mode == FAULT_TEAR && coin(&state)));
        e->durable = keep ? e->now : e->durable;
        e->now = e->durable;
    }
    for (size_t i = 0; i < disk->num_files; i++) {
        if (mode == FAULT_KEEP_ALL && is_dirty(&disk->files[i])) {
            sync_file(&disk->files[i]);
        } else if (mode == FAULT_TEAR) {
            tear_file(&disk->files[i], &state);
        }
        drop_to_medium(&disk->files[i]);
    }
    power_up(disk);
}

static uint8_t *duplicate(const uint8_t *p, size_t len)
{
    uint8_t *copy = regrow(NULL, 0, len);
    if (len > 0) {
        memcpy(copy, p, len);
    }
    return copy;
}

static void copy_files(struct fault_disk *to, const struct fault_disk *from)
{
    to->files = calloc(from->num_files > 0 ? from->num_files : 1, sizeof(*to->files));
    must(to->files != NULL, "no memory");
    to->num_files = from->num_files;
    for (size_t i = 0; i < from->num_files; i++) {
        const struct file *f = &from->files[i];
        to->files[i] = *f;
        to->files[i].cache = duplicate(f->cache, f->cache_len);
        to->files[i].medium = duplicate(f->medium, f->medium_len);
        to->files[i].dirty = duplicate(f->dirty, f->num_sectors);
    }
}

struct fault_disk *fault_disk_copy(const struct fault_disk *disk)
{
    struct fault_disk *image = fault_disk_new();
    *image = *disk;
    copy_files(image, disk);
    return image;
}

void fault_disk_restore(struct fault_disk *disk, const struct fault_disk *image)
{
    clear_files(disk);
    copy_files(disk, image);
    memcpy(disk->entries, image->entries, sizeof(disk->entries));
    disk->num_entries = image->num_entries;
    power_up(disk);
}

bool fault_disk_get(const struct fault_disk *disk, const char *name, struct cairn_buf *out)
{
    for (size_t i = 0; i < disk->num_entries; i++) {
        const struct entry *e = &disk->entries[i];
        if (e->now != NO_FILE && strcmp(e->name, name) == 0) {
            const struct file *f = &disk->files[e->now];
            must(cairn_buf_set(out, cairn_span(f->cache, f->cache_len), NULL) == CAIRN_OK, "no memory");
            return true;
        }
    }
    return false;
}

void fault_disk_put(struct fault_disk *disk, const char *name, struct cairn_span bytes)
{
    struct entry *e = entry_of(disk, name);
    e->now = new_file(disk);
    e->durable = e->now;
    struct file *f = &disk->files[e->now];
    set_medium_len(f, bytes.len);
    if (bytes.len > 0) {
        memcpy(f->medium, bytes.p, bytes.len);
    }
    drop_to_medium(f);
}

void fault_disk_flip(struct fault_disk *disk, const char *name, size_t offset, unsigned bit)
{
    const struct entry *e = find_entry(disk, name);
    must(e != NULL && e->now != NO_FILE, "no such file");
    struct file *f = &disk->files[e->now];
    must(offset < f->cache_len && offset < f->medium_len, "past the end");
    f->cache[offset] ^= (uint8_t)(1u << bit);
    f->medium[offset] ^= (uint8_t)(1u << bit);
}

void fault_disk_remove(struct fault_disk *disk, const char *name)
{
    struct entry *e = entry_of(disk, name);
    e->now = NO_FILE;
    e->durable = NO_FILE;
}

struct fault_counts fault_disk_counts(const struct fault_disk *disk)
{
    return disk->counts;
}

unsigned fault_disk_open_files(const struct fault_disk *disk)
{
    unsigned num = 0;
    for (int fd = 0; fd < MAX_FDS; fd++) {
        num += disk->fds[fd] != 0;
    }
    return num;
}
