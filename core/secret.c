/* core/secret.c -- guarded memory for keys: PROT_NONE page, data, PROT_NONE page.
 *
 * The data ends at the upper guard page, so that the first byte past a secret faults.
 */
#include "core/secret.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

enum { MAX_LEN = 16 << 20 };

struct cairn_secret {
    uint8_t *map; /* the lower guard page */
    size_t map_len;
    uint8_t *bytes;
    size_t len;
    bool locked;
};

static enum cairn_rc no_memory(struct cairn_err *err)
{
    return CAIRN_FAIL_CAUSE(err, CAIRN_E_IO, "secret.memory", errno, "no guarded memory for a secret: %s", strerror(errno));
}

/* map_pages maps `len` usable bytes between two guard pages. */
static bool map_pages(struct cairn_secret *secret, size_t len)
{
    size_t page = (size_t)sysconf(_SC_PAGESIZE);
    size_t data = (len + page - 1) / page * page;
    void *map = mmap(NULL, data + 2 * page, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (map == MAP_FAILED) {
        return false;
    }
    secret->map = map;
    secret->map_len = data + 2 * page;
    secret->bytes = secret->map + page + data - len;
    secret->len = len;
    if (mprotect(secret->map + page, data, PROT_READ | PROT_WRITE) != 0 ||
        madvise(secret->map + page, data, MADV_DONTDUMP) != 0) {
        return false;
    }
    secret->locked = mlock(secret->map + page, data) == 0;
    return true;
}

enum cairn_rc cairn_secret_new(size_t len, struct cairn_secret **out, struct cairn_err *err)
{
    if (len == 0 || len > MAX_LEN) {
        return CAIRN_FAIL(err, CAIRN_E_USAGE, "secret.length", "a secret has 1 to %d bytes, not %zu", MAX_LEN, len);
    }
    struct cairn_secret *secret = calloc(1, sizeof(*secret));
    if (secret == NULL) {
        return no_memory(err);
    }
    if (!map_pages(secret, len)) {
        enum cairn_rc rc = no_memory(err);
        if (secret->map != NULL) {
            (void)munmap(secret->map, secret->map_len);
        }
        free(secret);
        return rc;
    }
    *out = secret;
    return CAIRN_OK;
}

enum cairn_rc cairn_secret_copy(struct cairn_span bytes, struct cairn_secret **out, struct cairn_err *err)
{
    struct cairn_secret *secret = NULL;
    CAIRN_TRY(cairn_secret_new(bytes.len, &secret, err));
    memcpy(secret->bytes, bytes.p, bytes.len);
    *out = secret;
    return CAIRN_OK;
}

void cairn_secret_free(struct cairn_secret *secret)
{
    if (secret == NULL) {
        return;
    }
    size_t page = (size_t)sysconf(_SC_PAGESIZE);
    cairn_wipe(secret->map + page, secret->map_len - 2 * page);
    (void)munmap(secret->map, secret->map_len); /* also unlocks */
    free(secret);
}

void cairn_secret_freep(struct cairn_secret **secret)
{
    cairn_secret_free(*secret);
    *secret = NULL;
}

uint8_t *cairn_secret_bytes(struct cairn_secret *secret)
{
    return secret->bytes;
}

struct cairn_span cairn_secret_span(const struct cairn_secret *secret)
{
    return cairn_span(secret->bytes, secret->len);
}

void cairn_secret_shrink(struct cairn_secret *secret, size_t len)
{
    assert(len <= secret->len);
    if (len >= secret->len) {
        return;
    }
    cairn_wipe(secret->bytes + len, secret->len - len);
    secret->len = len;
}

bool cairn_secret_locked(const struct cairn_secret *secret)
{
    return secret->locked;
}

bool cairn_ct_equal(struct cairn_span a, struct cairn_span b)
{
    if (a.len != b.len) {
        return false;
    }
    volatile uint8_t different = 0; /* volatile: no early exit may be made of this loop */
    for (size_t i = 0; i < a.len; i++) {
        different = (uint8_t)(different | (a.p[i] ^ b.p[i]));
    }
    return different == 0;
}

void cairn_wipe(void *p, size_t len)
{
    if (len > 0) {
        explicit_bzero(p, len);
    }
}

enum cairn_rc cairn_process_harden(struct cairn_err *err)
{
    const struct rlimit none = {0, 0};
    if (prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) != 0 || setrlimit(RLIMIT_CORE, &none) != 0) {
        return CAIRN_FAIL_CAUSE(err, CAIRN_E_IO, "process.harden", errno, "cannot switch core dumps off: %s", strerror(errno));
    }
    return CAIRN_OK;
}
