/* server/store_writer.c -- the one writer: takes what is queued, one transaction, one fsync, then tells each job.
 *
 * Groups begin at least PAUSE_US apart: what comes meanwhile gathers, so that a busy server pays for few commits (each costs an
 * fsync, and every reader its pages), while a job that comes alone waits for nothing.
 *
 * A group that fails fails whole: a job may have been refused for what an earlier job of the same group wrote, and that is gone
 * too. Damage met by one job's pages is that job's own failure: the others go on (CHECKS 33).
 */
#include "server/store_internal.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { GROUP_MAX = 256, PAUSE_US = 2000 };

static const char BEGIN[] = "BEGIN IMMEDIATE";
static const char COMMIT[] = "COMMIT";
static const char SAVEPOINT[] = "SAVEPOINT job";
static const char RELEASE[] = "RELEASE SAVEPOINT job";
static const char ROLLBACK_TO[] = "ROLLBACK TO SAVEPOINT job";

struct cairn_store_writer {
    pthread_t thread;
    pthread_mutex_t lock; /* of the queue: head, tail, queued, stopping */
    pthread_cond_t wake;
    struct cairn_job *head, *tail;
    size_t queued, max_queue;
    bool stopping;
    bool closed;      /* the thread is gone */
    uint64_t next_us; /* the thread's own: when a group may begin, monotonic */
    char *path;
    struct cairn_store *store; /* the thread's own; NULL: has to be opened again */
    _Atomic uint64_t jobs, groups, failed, queue;
};

static enum cairn_rc run(struct cairn_store *s, const char *sql, struct cairn_err *err)
{
    CAIRN_QUERY q = cairn_query(s, sql, err);
    return cairn_query_run(&q);
}

static uint64_t now_us(void)
{
    struct timespec now = {0};
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000;
}

static void wait_for_work(struct cairn_store_writer *w)
{
    (void)pthread_mutex_lock(&w->lock);
    while (w->head == NULL && !w->stopping) {
        (void)pthread_cond_wait(&w->wake, &w->lock);
    }
    (void)pthread_mutex_unlock(&w->lock);
}

/* pause_between lets a group gather behind the one before. */
static void pause_between(struct cairn_store_writer *w)
{
    const struct timespec until = {.tv_sec = (time_t)(w->next_us / 1000000), .tv_nsec = (long)(w->next_us % 1000000 * 1000)};
    if (atomic_load(&w->queue) < GROUP_MAX) {
        (void)clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &until, NULL);
    }
    w->next_us = now_us() + PAUSE_US;
}

/* take waits for work and takes a group off the queue: NULL when the writer stops and nothing is left. */
static struct cairn_job *take(struct cairn_store_writer *w)
{
    wait_for_work(w);
    pause_between(w);
    (void)pthread_mutex_lock(&w->lock);
    struct cairn_job *group = w->head, *last = w->head;
    size_t num = group == NULL ? 0 : 1;
    for (; num > 0 && num < GROUP_MAX && last->next != NULL; num++) {
        last = last->next;
    }
    if (last != NULL) {
        w->head = last->next;
        last->next = NULL;
    }
    w->queued -= num;
    atomic_store(&w->queue, w->queued);
    (void)pthread_mutex_unlock(&w->lock);
    return group;
}

/* lost: after this failure of SQLite the transaction is gone, or must be. */
static bool lost(const struct cairn_store *s)
{
    return sqlite3_get_autocommit(s->db) != 0 || s->trouble == SQLITE_FULL || s->trouble == SQLITE_IOERR;
}

/* group_failure gives the group's error the code that store.h promises. */
static enum cairn_rc group_failure(struct cairn_err *err)
{
    if (strcmp(err->code, "store.full") == 0) {
        return CAIRN_FAIL_CAUSE(err, CAIRN_E_IO, "server.full", err->cause, "%s", err->text);
    }
    if (strcmp(err->code, "store.busy") != 0 && strcmp(err->code, "store.corrupt") != 0) {
        return CAIRN_FAIL_CAUSE(err, CAIRN_E_IO, "store.commit", err->cause, "nothing of the group was written: %s", err->text);
    }
    return err->rc;
}

/* run_job: a failure here is the group's. The job's own outcome is in the job. */
static enum cairn_rc run_job(struct cairn_store *s, struct cairn_job *job, struct cairn_err *err)
{
    CAIRN_TRY(run(s, SAVEPOINT, err));
    s->trouble = SQLITE_OK;
    job->err = (struct cairn_err){0};
    job->rc = job->run(s, job, &job->err);
    if (lost(s)) {
        *err = job->err;
        return s->trouble == SQLITE_OK ? CAIRN_FAIL(err, CAIRN_E_IO, "store.commit", "the transaction was ended by a job")
                                       : cairn_store_fail(s, s->trouble, err);
    }
    if (job->rc != CAIRN_OK) {
        CAIRN_TRY(run(s, ROLLBACK_TO, err));
    }
    return run(s, RELEASE, err);
}

/* give_up closes a connection that is of no use: the next group opens a new one. */
static void give_up(struct cairn_store_writer *w)
{
    cairn_store_close(w->store);
    w->store = NULL;
}

/* begin: a connection that was merely kept out by another program, or found the disk full, stays. */
static enum cairn_rc begin(struct cairn_store_writer *w, struct cairn_err *err)
{
    if (w->store == NULL) {
        CAIRN_TRY(cairn_store_reopen(w->path, &w->store, err));
    }
    enum cairn_rc rc = run(w->store, BEGIN, err);
    if (rc != CAIRN_OK && w->store->trouble != SQLITE_BUSY && w->store->trouble != SQLITE_FULL) {
        give_up(w);
    }
    return rc;
}

static enum cairn_rc run_group(struct cairn_store_writer *w, struct cairn_job *group, struct cairn_err *err)
{
    CAIRN_TRY(begin(w, err));
    for (struct cairn_job *job = group; job != NULL; job = job->next) {
        CAIRN_TRY(run_job(w->store, job, err));
    }
    return run(w->store, COMMIT, err);
}

/* recover ends what is left of a failed group's transaction. The connection is kept where it can: opening the log anew could
 * find frames of a commit whose fsync failed, and keep them. */
static void recover(struct cairn_store_writer *w)
{
    if (w->store != NULL && sqlite3_get_autocommit(w->store->db) == 0 &&
        sqlite3_exec(w->store->db, "ROLLBACK", NULL, NULL, NULL) != SQLITE_OK) {
        give_up(w);
    }
}

static void fail_group(struct cairn_store_writer *w, struct cairn_job *group, struct cairn_err *err)
{
    enum cairn_rc rc = group_failure(err);
    recover(w);
    for (struct cairn_job *job = group; job != NULL; job = job->next) {
        job->rc = rc;
        job->err = *err;
        atomic_fetch_add(&w->failed, 1);
    }
}

static void finish(struct cairn_store_writer *w, struct cairn_job *group)
{
    uint64_t num = 0;
    for (const struct cairn_job *job = group; job != NULL; job = job->next) {
        num++;
    }
    atomic_fetch_add(&w->jobs, num);
    atomic_fetch_add(&w->groups, 1);
    for (struct cairn_job *job = group, *next = NULL; job != NULL; job = next) {
        next = job->next; /* done may free the job */
        job->done(job);
    }
}

static void *work(void *arg)
{
    struct cairn_store_writer *w = arg;
    for (struct cairn_job *group = take(w); group != NULL; group = take(w)) {
        struct cairn_err err = {0};
        if (run_group(w, group, &err) != CAIRN_OK) {
            fail_group(w, group, &err);
        }
        finish(w, group);
    }
    return NULL;
}

static void free_writer(struct cairn_store_writer *w)
{
    cairn_store_close(w->store);
    (void)pthread_cond_destroy(&w->wake);
    (void)pthread_mutex_destroy(&w->lock);
    free(w->path);
    free(w);
}

static void free_writerp(struct cairn_store_writer **w)
{
    if (*w != NULL) {
        free_writer(*w);
    }
}

enum cairn_rc cairn_store_writer_start(const char *path, size_t max_queue, struct cairn_store_writer **out,
                                       struct cairn_err *err)
{
    CAIRN_CLEANUP(free_writerp) struct cairn_store_writer *w = calloc(1, sizeof(*w));
    if (w == NULL) {
        return CAIRN_FAIL(err, CAIRN_E_IO, "memory", "no memory for the database's writer");
    }
    (void)pthread_mutex_init(&w->lock, NULL);
    (void)pthread_cond_init(&w->wake, NULL);
    w->max_queue = max_queue;
    w->path = strdup(path);
    if (w->path == NULL) {
        return CAIRN_FAIL(err, CAIRN_E_IO, "memory", "no memory for the database's writer");
    }
    CAIRN_TRY(cairn_store_open(path, true, &w->store, err));
    int rc = pthread_create(&w->thread, NULL, work, w);
    if (rc != 0) {
        return CAIRN_FAIL_CAUSE(err, CAIRN_E_IO, "store.open", rc, "the writer's thread cannot be started: %s", strerror(rc));
    }
    *out = w;
    w = NULL;
    return CAIRN_OK;
}

/* enqueue answers why not, or NULL. */
static const char *enqueue(struct cairn_store_writer *w, struct cairn_job *job)
{
    const char *refusal = NULL;
    job->next = NULL;
    (void)pthread_mutex_lock(&w->lock);
    if (w->stopping) {
        refusal = "server.draining";
    } else if (w->queued >= w->max_queue) {
        refusal = "server.busy";
    } else {
        if (w->head == NULL) {
            w->head = job;
        } else {
            w->tail->next = job;
        }
        w->tail = job;
        w->queued++;
        atomic_store(&w->queue, w->queued);
        (void)pthread_cond_signal(&w->wake);
    }
    (void)pthread_mutex_unlock(&w->lock);
    return refusal;
}

void cairn_store_writer_submit(struct cairn_store_writer *writer, struct cairn_job *job)
{
    const char *refusal = enqueue(writer, job);
    if (refusal != NULL) {
        job->rc = CAIRN_FAIL(&job->err, CAIRN_E_BUSY, refusal, "too much is waiting to be written: try again soon");
        job->err.retry_after_s = 1;
        atomic_fetch_add(&writer->failed, 1);
        job->done(job);
    }
}

void cairn_store_writer_close(struct cairn_store_writer *writer)
{
    if (writer->closed) {
        return;
    }
    (void)pthread_mutex_lock(&writer->lock);
    writer->stopping = true;
    (void)pthread_cond_signal(&writer->wake);
    (void)pthread_mutex_unlock(&writer->lock);
    (void)pthread_join(writer->thread, NULL);
    writer->closed = true;
    if (writer->store != NULL) {
        (void)sqlite3_wal_checkpoint_v2(writer->store->db, NULL, SQLITE_CHECKPOINT_TRUNCATE, NULL, NULL);
    }
}

void cairn_store_writer_stop(struct cairn_store_writer *writer)
{
    if (writer != NULL) {
        cairn_store_writer_close(writer);
        free_writer(writer);
    }
}

void cairn_store_writer_stats(const struct cairn_store_writer *writer, struct cairn_store_stats *out)
{
    *out = (struct cairn_store_stats){
        .jobs = atomic_load(&writer->jobs),
        .groups = atomic_load(&writer->groups),
        .failed = atomic_load(&writer->failed),
        .queue = atomic_load(&writer->queue),
    };
}
