/* boot_measure/replay.c -- see replay.h. */
#include "boot_measure/replay.h"

#include "boot_measure/ima_log.h"

#include <stdlib.h>
#include <string.h>

enum { PCR_LEN = CAIRN_SHA256_LEN };

struct pcr {
    uint8_t value[PCR_LEN];
};

struct event {
    struct cairn_boot_event pub;
    struct cairn_span covered;
    bool user;
};

struct cairn_replay {
    uint32_t mask;
    struct pcr pcrs[CAIRN_NUM_PCRS];
    struct cairn_buf firmware, userspace; /* what the events' spans borrow from */
    struct event *events;
    size_t num_events, cap_events;
    size_t num_ima, num_violations, ima_len;
    enum cairn_boot_aggregate aggregate;
};

/* What a userspace event does to its PCR, so that it can be taken back. */
struct user_step {
    unsigned pcr;
    struct pcr before;
    size_t num_events; /* of the result, before this event */
};

/* PCR 10 after each IMA entry. */
struct ima_step {
    struct pcr after;
    bool violation;
    size_t end; /* offset behind the entry */
};

/* struct run is the state of one replay. */
struct run {
    struct cairn_replay *r;
    struct cairn_hasher *hasher;
    struct user_step *user;
    size_t num_user;
    struct ima_step *ima;
    size_t num_ima, cap_ima;
    size_t steps;
    struct cairn_err tail; /* the fault that ended the userspace log or the IMA list early */
};

static void clear_run(struct run *run)
{
    cairn_hasher_free(run->hasher);
    free(run->user);
    free(run->ima);
    cairn_replay_free(run->r);
}

static bool selected(const struct cairn_replay *r, unsigned pcr)
{
    return (r->mask >> pcr & 1u) != 0;
}

static enum cairn_rc fail_memory(struct cairn_err *err)
{
    return CAIRN_FAIL(err, CAIRN_E_IO, "boot.replay.memory", "no memory to replay the boot logs");
}

static enum cairn_rc grow(void **array, size_t *cap, size_t used, size_t size, struct cairn_err *err)
{
    if (used < *cap) {
        return CAIRN_OK;
    }
    size_t cap_new = *cap == 0 ? 64 : *cap * 2;
    void *p = reallocarray(*array, cap_new, size);
    if (p == NULL) {
        return fail_memory(err);
    }
    *array = p;
    *cap = cap_new;
    return CAIRN_OK;
}

static enum cairn_rc extend(struct run *run, struct pcr *pcr, struct cairn_span digest, struct cairn_err *err)
{
    CAIRN_TRY(cairn_hasher_update(run->hasher, CAIRN_SPAN(pcr->value), err));
    CAIRN_TRY(cairn_hasher_update(run->hasher, digest, err));
    return cairn_hasher_final(run->hasher, pcr->value, err);
}

static enum cairn_rc keep_event(struct run *run, const struct cairn_tcg_event *in, bool user, struct cairn_err *err)
{
    struct cairn_replay *r = run->r;
    void *events = r->events;
    enum cairn_rc rc = grow(&events, &r->cap_events, r->num_events, sizeof *r->events, err);
    r->events = events;
    CAIRN_TRY(rc);
    struct event *event = &r->events[r->num_events];
    *event = (struct event){.pub = {.pcr = in->pcr, .type = in->type}, .user = user};
    struct cairn_reader digest = cairn_reader(in->digests[CAIRN_TCG_SHA256]);
    cairn_read_array(&digest, event->pub.digest, sizeof event->pub.digest);
    cairn_event_label(in, event->pub.label);
    CAIRN_TRY(cairn_event_covered(run->hasher, in, &event->covered, &event->pub.data_verified, err));
    r->num_events++;
    return CAIRN_OK;
}

/* Extends the event's PCR; only what the quote covers is kept. */
static enum cairn_rc take_event(struct run *run, const struct cairn_tcg_event *event, bool user, struct cairn_err *err)
{
    struct cairn_replay *r = run->r;
    if (event->digests[CAIRN_TCG_SHA256].len != PCR_LEN) {
        return CAIRN_FAIL(err, CAIRN_E_FORMAT, "boot.log.bank", "the event at offset %zu has no SHA-256 digest", event->offset);
    }
    if (selected(r, event->pcr)) {
        CAIRN_TRY(keep_event(run, event, user, err));
    }
    return extend(run, &r->pcrs[event->pcr], event->digests[CAIRN_TCG_SHA256], err);
}

static enum cairn_rc open_log(struct cairn_span bytes, struct cairn_buf *copy, struct cairn_tcg_log *log, struct cairn_err *err)
{
    struct cairn_tcg_log probe;
    CAIRN_TRY(cairn_tcg_log_open(bytes, &probe, err)); /* before the copy: it checks the length */
    if (!cairn_tcg_log_has(&probe, CAIRN_SHA256)) {
        return CAIRN_FAIL(err, CAIRN_E_UNDECIDED, "boot.log.bank.absent", "the event log has no SHA-256 digests");
    }
    CAIRN_TRY(cairn_buf_set(copy, bytes, err));
    return cairn_tcg_log_open(cairn_buf_span(copy), log, err);
}

static enum cairn_rc replay_firmware(struct run *run, struct cairn_span bytes, struct cairn_err *err)
{
    struct cairn_tcg_log log;
    struct cairn_tcg_event event;
    bool more = false;
    CAIRN_TRY(open_log(bytes, &run->r->firmware, &log, err));
    for (;;) {
        CAIRN_TRY(cairn_tcg_log_next(&log, &more, &event, err));
        if (!more) {
            return CAIRN_OK;
        }
        if (event.extends) {
            CAIRN_TRY(take_event(run, &event, false, err));
        } else if (!log.extended) {
            run->r->pcrs[0].value[PCR_LEN - 1] = log.locality;
        }
    }
}

static enum cairn_rc take_user_event(struct run *run, const struct cairn_tcg_event *event, bool has_ima, struct cairn_err *err)
{
    if (run->num_user == CAIRN_REPLAY_MAX_USER_EVENTS || (has_ima && event->pcr == CAIRN_PCR_IMA)) {
        return CAIRN_FAIL(err, CAIRN_E_FORMAT, "boot.log.user",
                          "the event at offset %zu is one too many, or extends PCR 10 in an order nobody knows", event->offset);
    }
    run->user[run->num_user] =
        (struct user_step){.pcr = event->pcr, .before = run->r->pcrs[event->pcr], .num_events = run->r->num_events};
    CAIRN_TRY(take_event(run, event, true, err));
    run->num_user++;
    return CAIRN_OK;
}

/* A fault in an event ends the log there: it may be a tail that was being written. */
static enum cairn_rc replay_userspace(struct run *run, struct cairn_span bytes, bool has_ima, struct cairn_err *err)
{
    struct cairn_tcg_log log;
    CAIRN_TRY(open_log(bytes, &run->r->userspace, &log, err));
    run->user = calloc(CAIRN_REPLAY_MAX_USER_EVENTS, sizeof *run->user);
    if (run->user == NULL) {
        return fail_memory(err);
    }
    bool more = true;
    while (more) {
        struct cairn_tcg_event event;
        if (cairn_tcg_log_next(&log, &more, &event, &run->tail) != CAIRN_OK) {
            cairn_err_prefix(&run->tail, "userspace log");
            return CAIRN_OK;
        }
        if (more && log.has_locality) {
            return CAIRN_FAIL(err, CAIRN_E_FORMAT, "boot.log.locality", "only the firmware knows the locality of TPM2_Startup");
        }
        if (more && event.extends) {
            CAIRN_TRY(take_user_event(run, &event, has_ima, err));
        }
    }
    return CAIRN_OK;
}

/* The kernel hashes PCR 0 to 9 when IMA starts, before any userspace. */
static enum cairn_rc check_aggregate(struct run *run, const struct cairn_ima_entry *entry, const struct pcr early[10],
                                     struct cairn_err *err)
{
    enum { FIRST_TEN = 0x3ff };
    static const char algorithm[8] = "sha256:"; /* with its NUL */
    if ((run->r->mask & FIRST_TEN) != FIRST_TEN || !cairn_span_equal(entry->path, cairn_span_str("boot_aggregate"))) {
        return CAIRN_OK;
    }
    struct cairn_reader r = cairn_reader(entry->file_digest);
    struct cairn_span prefix = cairn_read_bytes(&r, sizeof algorithm);
    struct cairn_span digest = cairn_read_bytes(&r, PCR_LEN);
    if (!cairn_reader_done(&r) || !cairn_span_equal(prefix, cairn_span(algorithm, sizeof algorithm))) {
        return CAIRN_OK;
    }
    for (size_t i = 0; i < 10; i++) {
        CAIRN_TRY(cairn_hasher_update(run->hasher, CAIRN_SPAN(early[i].value), err));
    }
    uint8_t want[PCR_LEN];
    CAIRN_TRY(cairn_hasher_final(run->hasher, want, err));
    run->r->aggregate = cairn_span_equal(digest, CAIRN_SPAN(want)) ? CAIRN_AGGREGATE_MATCHES : CAIRN_AGGREGATE_DIFFERS;
    return CAIRN_OK;
}

static enum cairn_rc take_ima_entry(struct run *run, const struct cairn_ima_entry *entry, size_t end, struct cairn_err *err)
{
    uint8_t digest[PCR_LEN];
    void *steps = run->ima;
    enum cairn_rc rc = grow(&steps, &run->cap_ima, run->num_ima, sizeof *run->ima, err);
    run->ima = steps;
    CAIRN_TRY(rc);
    CAIRN_TRY(cairn_ima_extended(run->hasher, entry, digest, sizeof digest, err));
    const struct pcr *before = run->num_ima == 0 ? &run->r->pcrs[CAIRN_PCR_IMA] : &run->ima[run->num_ima - 1].after;
    struct ima_step *step = &run->ima[run->num_ima];
    *step = (struct ima_step){.after = *before, .violation = entry->violation, .end = end};
    CAIRN_TRY(extend(run, &step->after, CAIRN_SPAN(digest), err));
    run->num_ima++;
    return CAIRN_OK;
}

static enum cairn_rc replay_ima(struct run *run, struct cairn_span bytes, const struct pcr early[10], struct cairn_err *err)
{
    struct cairn_ima_log log;
    struct cairn_ima_entry entry;
    bool more = true;
    CAIRN_TRY(cairn_ima_log_open(bytes, &log, err));
    for (;;) {
        if (cairn_ima_log_next(&log, &more, &entry, &run->tail) != CAIRN_OK) {
            cairn_err_prefix(&run->tail, "IMA list");
            return CAIRN_OK;
        }
        if (!more) {
            return CAIRN_OK;
        }
        if (run->num_ima == 0) {
            CAIRN_TRY(check_aggregate(run, &entry, early, err));
        }
        CAIRN_TRY(take_ima_entry(run, &entry, log.reader.offset, err));
    }
}

static enum cairn_rc try_values(struct run *run, const uint8_t quoted[32], bool *match, struct cairn_err *err)
{
    const struct cairn_replay *r = run->r;
    if (run->steps++ == CAIRN_REPLAY_MAX_STEPS) {
        return CAIRN_FAIL(err, CAIRN_E_UNDECIDED, "boot.replay.work",
                          "the logs are too long to search: attest again, with the quote closer to the logs");
    }
    for (unsigned i = 0; i < CAIRN_NUM_PCRS; i++) {
        if (selected(r, i)) {
            CAIRN_TRY(cairn_hasher_update(run->hasher, CAIRN_SPAN(r->pcrs[i].value), err));
        }
    }
    uint8_t digest[PCR_LEN];
    CAIRN_TRY(cairn_hasher_final(run->hasher, digest, err));
    *match = cairn_span_equal(CAIRN_SPAN(digest), cairn_span(quoted, sizeof digest));
    return CAIRN_OK;
}

/* The quote is usually the last or next to last thing that happened: from the end of the IMA list towards its start. */
static enum cairn_rc search_ima(struct run *run, const uint8_t quoted[32], bool *match, struct cairn_err *err)
{
    const struct pcr first = run->r->pcrs[CAIRN_PCR_IMA];
    for (size_t n = run->num_ima + 1; n-- > 0;) {
        run->r->pcrs[CAIRN_PCR_IMA] = n == 0 ? first : run->ima[n - 1].after;
        CAIRN_TRY(try_values(run, quoted, match, err));
        if (*match) {
            run->num_ima = n;
            return CAIRN_OK;
        }
    }
    return CAIRN_OK;
}

static enum cairn_rc search(struct run *run, const uint8_t quoted[32], bool *match, struct cairn_err *err)
{
    CAIRN_TRY(search_ima(run, quoted, match, err));
    while (!*match && run->num_user > 0) {
        const struct user_step *step = &run->user[--run->num_user];
        run->r->pcrs[step->pcr] = step->before;
        run->r->num_events = step->num_events;
        if (selected(run->r, step->pcr)) {
            CAIRN_TRY(search_ima(run, quoted, match, err));
        }
    }
    return CAIRN_OK;
}

static void set_initial(struct cairn_replay *r)
{
    for (unsigned i = 17; i <= 22; i++) {
        memset(r->pcrs[i].value, 0xff, PCR_LEN);
    }
}

static enum cairn_rc replay_all(struct run *run, const struct cairn_boot_logs *logs, struct cairn_err *err)
{
    bool use_ima = selected(run->r, CAIRN_PCR_IMA) && logs->ima.len > 0;
    set_initial(run->r);
    if (logs->firmware.len > 0) {
        enum cairn_rc rc = replay_firmware(run, logs->firmware, err);
        if (rc != CAIRN_OK) {
            cairn_err_prefix(err, "firmware log");
            return rc;
        }
    }
    struct pcr early[10];
    for (size_t i = 0; i < CAIRN_ARRAY_LEN(early); i++) {
        early[i] = run->r->pcrs[i];
    }
    if (logs->userspace.len > 0) {
        enum cairn_rc rc = replay_userspace(run, logs->userspace, use_ima, err);
        if (rc != CAIRN_OK) {
            cairn_err_prefix(err, "userspace log");
            return rc;
        }
    }
    return use_ima ? replay_ima(run, logs->ima, early, err) : CAIRN_OK;
}

static void finish(struct run *run)
{
    struct cairn_replay *r = run->r;
    r->num_ima = run->num_ima;
    for (size_t i = 0; i < run->num_ima; i++) {
        r->num_violations += run->ima[i].violation ? 1 : 0;
        r->ima_len = run->ima[i].end;
    }
    if (run->num_ima == 0) {
        r->aggregate = CAIRN_AGGREGATE_UNKNOWN;
    }
}

CAIRN_RC cairn_replay_run(const struct cairn_boot_logs *logs, uint32_t pcr_mask, const uint8_t quoted[32],
                          struct cairn_replay **out, struct cairn_err *err)
{
    if (pcr_mask == 0 || pcr_mask >> CAIRN_NUM_PCRS != 0) {
        return CAIRN_FAIL(err, CAIRN_E_USAGE, "boot.replay.mask", "the PCR selection %08x is empty or names no real PCR",
                          pcr_mask);
    }
    CAIRN_CLEANUP(clear_run) struct run run = {.r = calloc(1, sizeof *run.r)};
    if (run.r == NULL) {
        return fail_memory(err);
    }
    run.r->mask = pcr_mask;
    CAIRN_TRY(cairn_hasher_new(CAIRN_SHA256, &run.hasher, err));
    CAIRN_TRY(replay_all(&run, logs, err));
    bool match = false;
    CAIRN_TRY(search(&run, quoted, &match, err));
    if (!match && run.tail.rc != CAIRN_OK) {
        return CAIRN_FAIL(err, run.tail.rc, run.tail.code, "%s", run.tail.text);
    }
    if (!match) {
        return CAIRN_FAIL(
            err, CAIRN_E_REFUSED, "boot.replay.mismatch",
            "no part of the boot logs gives the quoted PCR values: a log is incomplete, altered or of another boot");
    }
    finish(&run);
    *out = run.r;
    run.r = NULL;
    return CAIRN_OK;
}

void cairn_replay_free(struct cairn_replay *replay)
{
    if (replay != NULL) {
        cairn_buf_clear(&replay->firmware);
        cairn_buf_clear(&replay->userspace);
        free(replay->events);
        free(replay);
    }
}

void cairn_replay_freep(struct cairn_replay **replay)
{
    cairn_replay_free(*replay);
    *replay = NULL;
}

size_t cairn_replay_bytes(const struct cairn_replay *replay)
{
    return sizeof *replay + replay->firmware.cap + replay->userspace.cap + replay->cap_events * sizeof *replay->events;
}

const uint8_t *cairn_replay_value(const struct cairn_replay *replay, unsigned pcr)
{
    return pcr < CAIRN_NUM_PCRS && selected(replay, pcr) ? replay->pcrs[pcr].value : NULL;
}

size_t cairn_replay_num_events(const struct cairn_replay *replay)
{
    return replay->num_events;
}

const struct cairn_boot_event *cairn_replay_event(const struct cairn_replay *replay, size_t i)
{
    return i < replay->num_events ? &replay->events[i].pub : NULL;
}

struct cairn_span cairn_replay_event_data(const struct cairn_replay *replay, size_t i)
{
    return i < replay->num_events ? replay->events[i].covered : (struct cairn_span){0};
}

bool cairn_replay_event_is_user(const struct cairn_replay *replay, size_t i)
{
    return i < replay->num_events && replay->events[i].user;
}

size_t cairn_replay_num_ima(const struct cairn_replay *replay)
{
    return replay->num_ima;
}

size_t cairn_replay_num_ima_violations(const struct cairn_replay *replay)
{
    return replay->num_violations;
}

size_t cairn_replay_ima_len(const struct cairn_replay *replay)
{
    return replay->ima_len;
}

enum cairn_boot_aggregate cairn_replay_aggregate(const struct cairn_replay *replay)
{
    return replay->aggregate;
}
