/* server/members.c -- see server/members.h. A chained hash table whose entries also stand in a list by use. */
#include "server/members.h"

#include <stdlib.h>
#include <string.h>

struct entry {
    uint8_t device[32];
    struct cairn_buf file;
    struct cairn_member member;
    bool stands;
    struct cairn_standing standing;
    struct entry *chain;
    struct entry *newer, *older;
};
struct cairn_members {
    size_t max, num, num_buckets;
    struct entry **buckets;
    struct entry *newest, *oldest;
};

CAIRN_RC cairn_members_new(size_t max, struct cairn_members **out, struct cairn_err *err)
{
    struct cairn_members *m = calloc(1, sizeof *m);
    struct entry **buckets = calloc(max, sizeof(struct entry *));
    if (m == NULL || buckets == NULL) {
        free(m);
        free(buckets);
        return CAIRN_FAIL(err, CAIRN_E_IO, "memory", "no memory for the devices' statements");
    }
    m->max = max;
    m->num_buckets = max;
    m->buckets = buckets;
    *out = m;
    return CAIRN_OK;
}

void cairn_standing_clear(struct cairn_standing *standing)
{
    cairn_report_row_clear(&standing->last);
    *standing = (struct cairn_standing){.changes = 0};
}

static void entry_free(struct entry *e)
{
    cairn_standing_clear(&e->standing);
    cairn_claim_key_free(e->member.key);
    cairn_buf_clear(&e->file);
    free(e);
}

/* A device id is a digest: its first bytes are as good as a hash. */
static uint64_t hash(const uint8_t device[32])
{
    struct cairn_reader r = cairn_reader(cairn_span(device, 32));
    return cairn_read_u64(&r);
}

_Atomic uint64_t *cairn_version_of(struct cairn_versions *versions, const uint8_t device[32])
{
    return &versions->device[hash(device) % CAIRN_VERSIONS];
}

bool cairn_standing_current(const struct cairn_standing *standing, struct cairn_versions *versions, const uint8_t device[32])
{
    const uint64_t changes = atomic_load(&versions->changes);
    return standing->kept && standing->changes == changes && changes == atomic_load(&versions->begun) &&
           standing->version == atomic_load(cairn_version_of(versions, device));
}

static struct entry **bucket(struct cairn_members *m, const uint8_t device[32])
{
    return &m->buckets[hash(device) % m->num_buckets];
}

static void unlink_use(struct cairn_members *m, struct entry *e)
{
    *(e->newer != NULL ? &e->newer->older : &m->newest) = e->older;
    *(e->older != NULL ? &e->older->newer : &m->oldest) = e->newer;
}

static void link_newest(struct cairn_members *m, struct entry *e)
{
    e->newer = NULL;
    e->older = m->newest;
    *(m->newest != NULL ? &m->newest->newer : &m->oldest) = e;
    m->newest = e;
}

static void drop(struct cairn_members *m, struct entry *e)
{
    struct entry **at = bucket(m, e->device);
    while (*at != e) {
        at = &(*at)->chain;
    }
    *at = e->chain;
    unlink_use(m, e);
    m->num--;
    entry_free(e);
}

void cairn_members_forget(struct cairn_members *members)
{
    while (members->oldest != NULL) {
        drop(members, members->oldest);
    }
}

void cairn_members_free(struct cairn_members *members)
{
    if (members != NULL) {
        cairn_members_forget(members);
        free(members->buckets);
        free(members);
    }
}

static struct entry *find(struct cairn_members *m, const uint8_t device[32])
{
    struct entry *e = *bucket(m, device);
    while (e != NULL && !cairn_span_equal(CAIRN_SPAN(e->device), cairn_span(device, 32))) {
        e = e->chain;
    }
    return e;
}

static CAIRN_RC fill(struct entry *e, const struct cairn_root *root, const uint8_t device[32], struct cairn_span file,
                     struct cairn_err *err)
{
    cairn_copy(e->device, device, 32);
    CAIRN_TRY(cairn_statement_open(root, file, 0, &e->member.statement, err));
    if (!cairn_span_equal(CAIRN_SPAN(e->member.statement.device), CAIRN_SPAN(e->device))) {
        return CAIRN_FAIL(err, CAIRN_E_IO, "store.corrupt", "the database holds another device's statement under this id");
    }
    CAIRN_TRY(cairn_claim_key_new(cairn_area_span(&e->member.statement.ak), &e->member.key, err));
    return cairn_buf_set(&e->file, file, err);
}

static CAIRN_RC add(struct cairn_members *m, const struct cairn_root *root, const uint8_t device[32], struct cairn_span file,
                    struct entry **out, struct cairn_err *err)
{
    struct entry *e = calloc(1, sizeof *e);
    if (e == NULL) {
        return CAIRN_FAIL(err, CAIRN_E_IO, "memory", "no memory for a device's statement");
    }
    enum cairn_rc rc = fill(e, root, device, file, err);
    if (rc != CAIRN_OK) {
        entry_free(e);
        return rc;
    }
    if (m->num == m->max) {
        drop(m, m->oldest);
    }
    struct entry **at = bucket(m, device);
    e->chain = *at;
    *at = e;
    link_newest(m, e);
    m->num++;
    *out = e;
    return CAIRN_OK;
}

CAIRN_RC cairn_members_open(struct cairn_members *members, const struct cairn_root *root, const uint8_t device[32],
                            struct cairn_span file, const struct cairn_member **out, struct cairn_err *err)
{
    struct entry *e = find(members, device);
    if (e != NULL && !cairn_span_equal(cairn_buf_span(&e->file), file)) {
        drop(members, e);
        e = NULL;
    }
    if (e == NULL) {
        CAIRN_TRY(add(members, root, device, file, &e, err));
    } else {
        unlink_use(members, e);
        link_newest(members, e);
    }
    *out = &e->member;
    return CAIRN_OK;
}

bool cairn_members_take(struct cairn_members *members, struct cairn_versions *versions, const uint8_t device[32],
                        struct cairn_standing *out, const struct cairn_member **member)
{
    struct entry *e = find(members, device);
    if (e == NULL || !e->stands || e->standing.changes != atomic_load(&versions->changes) ||
        e->standing.version != atomic_load(cairn_version_of(versions, device))) {
        return false;
    }
    *out = e->standing;
    e->standing = (struct cairn_standing){.changes = 0};
    e->stands = false;
    unlink_use(members, e);
    link_newest(members, e);
    *member = &e->member;
    return true;
}

void cairn_members_keep(struct cairn_members *members, const uint8_t device[32], struct cairn_standing *standing)
{
    struct entry *e = find(members, device);
    if (e == NULL) {
        cairn_standing_clear(standing);
        return;
    }
    cairn_standing_clear(&e->standing);
    e->standing = *standing;
    e->standing.kept = true;
    e->stands = true;
    *standing = (struct cairn_standing){.changes = 0};
}
