/* tests/unit/server/test_store_writer.c -- the writer: groups, races, a full disk, a lock, damage, kill -9. */
#include "store_room.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>

/* --- a job that waits for its end --- */

struct waited {
    struct cairn_job job; /* first: a job is its waited */
    pthread_mutex_t lock;
    pthread_cond_t over;
    bool done;
    uint32_t number;
    const char *statement;
};

static void done(struct cairn_job *self)
{
    struct waited *w = (struct waited *)self;
    (void)pthread_mutex_lock(&w->lock);
    w->done = true;
    (void)pthread_cond_signal(&w->over);
    (void)pthread_mutex_unlock(&w->lock);
}

static void begin(struct waited *w, enum cairn_rc (*run)(struct cairn_store *, struct cairn_job *, struct cairn_err *))
{
    *w = (struct waited){.job = {.run = run, .done = done}, .number = w->number, .statement = w->statement};
    (void)pthread_mutex_init(&w->lock, NULL);
    (void)pthread_cond_init(&w->over, NULL);
}

static enum cairn_rc end(struct waited *w)
{
    (void)pthread_mutex_lock(&w->lock);
    while (!w->done) {
        (void)pthread_cond_wait(&w->over, &w->lock);
    }
    (void)pthread_mutex_unlock(&w->lock);
    (void)pthread_mutex_destroy(&w->lock);
    (void)pthread_cond_destroy(&w->over);
    return w->job.rc;
}

static enum cairn_rc put_report(struct cairn_store *s, struct cairn_job *self, struct cairn_err *err)
{
    struct cairn_report_row row = report_row(((struct waited *)self)->number, "reply");
    enum cairn_rc rc = cairn_store_report_put(s, &row, err);
    cairn_report_row_clear(&row);
    return rc;
}

static enum cairn_rc put_device(struct cairn_store *s, struct cairn_job *self, struct cairn_err *err)
{
    const struct waited *w = (struct waited *)self;
    struct cairn_device_row row = device_row(w->number, w->statement);
    enum cairn_rc rc = cairn_store_device_put(s, &row, false, err);
    cairn_device_row_clear(&row);
    return rc;
}

/* put_then_refuse writes and then says no: what it wrote must not stay. */
static enum cairn_rc put_then_refuse(struct cairn_store *s, struct cairn_job *self, struct cairn_err *err)
{
    enum cairn_rc rc = put_report(s, self, err);
    return rc == CAIRN_OK ? CAIRN_FAIL(err, CAIRN_E_REFUSED, "test.no", "no") : rc;
}

static enum cairn_rc put_much(struct cairn_store *s, struct cairn_job *self, struct cairn_err *err)
{
    struct cairn_report_row row = report_row(((struct waited *)self)->number, "");
    enum cairn_rc rc = cairn_buf_resize(&row.reply, 4 * 1024 * 1024, err);
    rc = rc == CAIRN_OK ? cairn_store_report_put(s, &row, err) : rc;
    cairn_report_row_clear(&row);
    return rc;
}

static struct cairn_store_writer *start(struct room *room, size_t max_queue)
{
    struct cairn_store_writer *writer = NULL;
    assert_int_equal(cairn_store_writer_start(room->path, max_queue, &writer, &room->err), CAIRN_OK);
    return writer;
}

/* one runs one job to its end. */
static enum cairn_rc one(struct cairn_store_writer *writer, uint32_t number,
                         enum cairn_rc (*run)(struct cairn_store *, struct cairn_job *, struct cairn_err *),
                         struct cairn_err *err)
{
    struct waited w = {.number = number, .statement = "s"};
    begin(&w, run);
    cairn_store_writer_submit(writer, &w.job);
    enum cairn_rc rc = end(&w);
    *err = w.job.err;
    return rc;
}

static bool has_report(struct cairn_store *store, uint32_t number)
{
    struct cairn_report_row row = {0};
    uint8_t id[32];
    bool found = false;
    id_of(number, id);
    assert_int_equal(cairn_store_report_get(store, id, &row, &found, NULL), CAIRN_OK);
    cairn_report_row_clear(&row);
    return found;
}

/* hold keeps the writer busy until the gate opens, so that what is submitted meanwhile makes one group. */
struct gate {
    struct waited w; /* first */
    pthread_mutex_t lock;
    pthread_cond_t moved;
    bool running, open;
};

static enum cairn_rc hold(struct cairn_store *s CAIRN_UNUSED, struct cairn_job *self, struct cairn_err *err CAIRN_UNUSED)
{
    struct gate *gate = (struct gate *)self;
    (void)pthread_mutex_lock(&gate->lock);
    gate->running = true;
    (void)pthread_cond_broadcast(&gate->moved);
    while (!gate->open) {
        (void)pthread_cond_wait(&gate->moved, &gate->lock);
    }
    (void)pthread_mutex_unlock(&gate->lock);
    return CAIRN_OK;
}

static void close_gate(struct gate *gate, struct cairn_store_writer *writer)
{
    *gate = (struct gate){0};
    (void)pthread_mutex_init(&gate->lock, NULL);
    (void)pthread_cond_init(&gate->moved, NULL);
    begin(&gate->w, hold);
    cairn_store_writer_submit(writer, &gate->w.job);
    (void)pthread_mutex_lock(&gate->lock);
    while (!gate->running) {
        (void)pthread_cond_wait(&gate->moved, &gate->lock);
    }
    (void)pthread_mutex_unlock(&gate->lock);
}

static void open_gate(struct gate *gate)
{
    (void)pthread_mutex_lock(&gate->lock);
    gate->open = true;
    (void)pthread_cond_broadcast(&gate->moved);
    (void)pthread_mutex_unlock(&gate->lock);
    assert_int_equal(end(&gate->w), CAIRN_OK);
    (void)pthread_mutex_destroy(&gate->lock);
    (void)pthread_cond_destroy(&gate->moved);
}

/* --- groups --- */

enum { NUM_THREADS = 4, PER_THREAD = 250 };
struct crowd {
    struct cairn_store_writer *writer;
    struct waited jobs[PER_THREAD];
    uint32_t first;
};

static void *submit_all(void *arg)
{
    struct crowd *crowd = arg;
    for (uint32_t i = 0; i < PER_THREAD; i++) {
        crowd->jobs[i].number = crowd->first + i;
        begin(&crowd->jobs[i], put_report);
        cairn_store_writer_submit(crowd->writer, &crowd->jobs[i].job);
    }
    return NULL;
}

static void a_thousand_jobs_of_several_threads_are_few_groups_and_all_durable(void **state)
{
    struct room *room = *state;
    struct cairn_store_writer *writer = start(room, 2000);
    struct crowd *crowds = calloc(NUM_THREADS, sizeof(*crowds));
    pthread_t threads[NUM_THREADS];
    struct cairn_store_stats stats;
    assert_non_null(crowds);
    for (uint32_t i = 0; i < NUM_THREADS; i++) {
        crowds[i].writer = writer;
        crowds[i].first = i * PER_THREAD;
        assert_int_equal(pthread_create(&threads[i], NULL, submit_all, &crowds[i]), 0);
    }
    for (unsigned i = 0; i < NUM_THREADS; i++) {
        assert_int_equal(pthread_join(threads[i], NULL), 0);
    }
    struct cairn_store *reader = open_store(room, false);
    for (uint32_t i = 0; i < NUM_THREADS * PER_THREAD; i++) {
        assert_int_equal(end(&crowds[i / PER_THREAD].jobs[i % PER_THREAD]), CAIRN_OK);
        assert_true(has_report(reader, i));
    }
    cairn_store_writer_stats(writer, &stats);
    assert_int_equal(stats.jobs, NUM_THREADS * PER_THREAD);
    assert_int_equal(stats.failed, 0);
    assert_int_equal(stats.queue, 0);
    assert_true(stats.groups >= 4 && stats.groups < 500);
    cairn_store_close(reader);
    cairn_store_writer_stop(writer);
    free(crowds);
}

static void what_waits_during_a_group_is_one_group(void **state)
{
    struct room *room = *state;
    struct cairn_store_writer *writer = start(room, 1000);
    struct waited *jobs = calloc(256, sizeof(*jobs));
    struct gate gate;
    struct cairn_store_stats stats;
    assert_non_null(jobs);
    close_gate(&gate, writer);
    for (uint32_t i = 0; i < 256; i++) {
        jobs[i].number = i;
        begin(&jobs[i], put_report);
        cairn_store_writer_submit(writer, &jobs[i].job);
    }
    cairn_store_writer_stats(writer, &stats);
    assert_int_equal(stats.queue, 256);
    open_gate(&gate);
    for (size_t i = 0; i < 256; i++) {
        assert_int_equal(end(&jobs[i]), CAIRN_OK);
    }
    cairn_store_writer_stats(writer, &stats);
    assert_int_equal(stats.groups, 2);
    cairn_store_writer_stop(writer);
    free(jobs);
}

static void a_job_that_says_no_is_undone_alone(void **state)
{
    struct room *room = *state;
    struct cairn_store_writer *writer = start(room, 100);
    struct waited jobs[3] = {{.number = 1}, {.number = 2}, {.number = 3}};
    struct gate gate;
    struct cairn_store_stats stats;
    close_gate(&gate, writer);
    for (size_t i = 0; i < 3; i++) {
        begin(&jobs[i], i == 1 ? put_then_refuse : put_report);
        cairn_store_writer_submit(writer, &jobs[i].job);
    }
    open_gate(&gate);
    assert_int_equal(end(&jobs[0]), CAIRN_OK);
    assert_int_equal(end(&jobs[1]), CAIRN_E_REFUSED);
    assert_string_equal(jobs[1].job.err.code, "test.no");
    assert_int_equal(end(&jobs[2]), CAIRN_OK);
    cairn_store_writer_stats(writer, &stats);
    assert_int_equal(stats.failed, 0);
    cairn_store_writer_stop(writer);
    struct cairn_store *reader = open_store(room, false);
    assert_true(has_report(reader, 1));
    assert_false(has_report(reader, 2));
    assert_true(has_report(reader, 3));
    cairn_store_close(reader);
}

static void of_two_jobs_with_one_device_id_exactly_one_wins(void **state)
{
    struct room *room = *state;
    struct cairn_store_writer *writer = start(room, 100);
    struct cairn_err err = {0};
    struct waited jobs[2] = {{.number = 1, .statement = "first"}, {.number = 1, .statement = "second"}};
    struct gate gate;
    close_gate(&gate, writer);
    for (size_t i = 0; i < 2; i++) {
        begin(&jobs[i], put_device);
        cairn_store_writer_submit(writer, &jobs[i].job);
    }
    open_gate(&gate);
    assert_int_equal(end(&jobs[0]), CAIRN_OK);
    assert_int_equal(end(&jobs[1]), CAIRN_E_REFUSED);
    assert_string_equal(jobs[1].job.err.code, "device.known");
    assert_int_equal(one(writer, 1, put_device, &err), CAIRN_E_REFUSED); /* and in a later group */
    assert_string_equal(err.code, "device.known");
    cairn_store_writer_stop(writer);
    struct cairn_store *reader = open_store(room, false);
    struct cairn_device_row row = {0};
    uint8_t id[32];
    bool found = false;
    id_of(1, id);
    assert_int_equal(cairn_store_device_get(reader, id, &row, &found, NULL), CAIRN_OK);
    assert_string_equal((const char *)row.statement.p, "first");
    cairn_device_row_clear(&row);
    cairn_store_close(reader);
}

static void what_is_beyond_the_queue_is_told_to_wait(void **state)
{
    struct room *room = *state;
    struct cairn_store_writer *writer = start(room, 2);
    struct waited jobs[3] = {{.number = 1}, {.number = 2}, {.number = 3}};
    struct gate gate;
    struct cairn_store_stats stats;
    close_gate(&gate, writer);
    for (size_t i = 0; i < 3; i++) {
        begin(&jobs[i], put_report);
        cairn_store_writer_submit(writer, &jobs[i].job);
    }
    assert_true(jobs[2].done); /* at once, while the others wait */
    assert_int_equal(end(&jobs[2]), CAIRN_E_BUSY);
    assert_string_equal(jobs[2].job.err.code, "server.busy");
    assert_int_equal(jobs[2].job.err.retry_after_s, 1);
    open_gate(&gate);
    assert_int_equal(end(&jobs[0]), CAIRN_OK);
    assert_int_equal(end(&jobs[1]), CAIRN_OK);
    cairn_store_writer_stats(writer, &stats);
    assert_int_equal(stats.failed, 1);
    cairn_store_writer_stop(writer);
    struct cairn_store *reader = open_store(room, false);
    assert_false(has_report(reader, 3));
    cairn_store_close(reader);
}

static void stopping_finishes_what_was_submitted(void **state)
{
    struct room *room = *state;
    struct cairn_store_writer *writer = start(room, 1000);
    struct waited *jobs = calloc(500, sizeof(*jobs));
    assert_non_null(jobs);
    for (uint32_t i = 0; i < 500; i++) {
        jobs[i].number = i;
        begin(&jobs[i], put_report);
        cairn_store_writer_submit(writer, &jobs[i].job);
    }
    cairn_store_writer_stop(writer);
    for (size_t i = 0; i < 500; i++) {
        assert_true(jobs[i].done);
        assert_int_equal(end(&jobs[i]), CAIRN_OK);
    }
    free(jobs);
    char wal[128];
    (void)snprintf(wal, sizeof(wal), "%s-wal", room->path);
    assert_int_not_equal(access(wal, F_OK), 0);
}

/* --- failures --- */

static enum cairn_rc limit_pages(struct cairn_store *s, struct cairn_job *self, struct cairn_err *err CAIRN_UNUSED)
{
    char text[64];
    (void)snprintf(text, sizeof(text), "PRAGMA max_page_count = %u", ((struct waited *)self)->number);
    (void)sqlite3_exec(s->db, text, NULL, NULL, NULL);
    return CAIRN_OK;
}

static void when_there_is_no_room_a_group_fails_whole_and_the_next_succeeds(void **state)
{
    struct room *room = *state;
    struct cairn_store_writer *writer = start(room, 100);
    struct waited jobs[3] = {{.number = 1}, {.number = 2}, {.number = 3}};
    struct cairn_err err = {0};
    struct gate gate;
    struct cairn_store_stats stats;
    assert_int_equal(one(writer, 100, limit_pages, &err), CAIRN_OK);
    close_gate(&gate, writer);
    for (size_t i = 0; i < 3; i++) {
        begin(&jobs[i], i == 1 ? put_much : i == 2 ? put_then_refuse : put_report);
        cairn_store_writer_submit(writer, &jobs[i].job);
    }
    open_gate(&gate);
    for (size_t i = 0; i < 3; i++) {
        assert_int_equal(end(&jobs[i]), CAIRN_E_IO);
        assert_string_equal(jobs[i].job.err.code, "server.full");
    }
    assert_int_equal(one(writer, 4, put_report, &err), CAIRN_OK);
    assert_int_equal(one(writer, 1000000, limit_pages, &err), CAIRN_OK);
    assert_int_equal(one(writer, 5, put_much, &err), CAIRN_OK);
    cairn_store_writer_stats(writer, &stats);
    assert_int_equal(stats.failed, 3);
    cairn_store_writer_stop(writer);
    struct cairn_store *reader = open_store(room, false);
    assert_false(has_report(reader, 1));
    assert_true(has_report(reader, 4));
    assert_true(has_report(reader, 5));
    cairn_store_close(reader);
}

/* in_child runs `fn` in a process of its own, which may mount and limit as it likes; 77: it could not. */
static int in_child(struct room *room, int (*fn)(struct room *room))
{
    int status = 0;
    pid_t child = fork();
    if (child == 0) {
        _exit(fn(room));
    }
    assert_true(child > 0 && waitpid(child, &status, 0) == child);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

#define need(condition)                                                                                                        \
    do {                                                                                                                       \
        if (!(condition)) {                                                                                                    \
            fprintf(stderr, "%s:%d: %s (%s)\n", __FILE__, __LINE__, #condition, err.code);                                     \
            return 1;                                                                                                          \
        }                                                                                                                      \
    } while (0)

static int on_a_full_disk(struct room *room)
{
    struct cairn_store_writer *writer = NULL;
    struct cairn_err err = {0};
    char ballast[128];
    if (unshare(CLONE_NEWNS) != 0 || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) != 0 ||
        mount("tmpfs", room->dir, "tmpfs", 0, "size=8m,mode=700") != 0) {
        return 77;
    }
    need(cairn_store_writer_start(room->path, 100, &writer, &err) == CAIRN_OK);
    need(one(writer, 1, put_report, &err) == CAIRN_OK);
    (void)snprintf(ballast, sizeof(ballast), "%s/ballast", room->dir);
    int fd = open(ballast, O_CREAT | O_WRONLY, 0600);
    need(fd >= 0 && fallocate(fd, 0, 0, 5 * 1024 * 1024) == 0);
    (void)close(fd);
    need(one(writer, 2, put_much, &err) == CAIRN_E_IO && strcmp(err.code, "server.full") == 0);
    need(one(writer, 3, put_much, &err) == CAIRN_E_IO && strcmp(err.code, "server.full") == 0);
    need(unlink(ballast) == 0);
    need(one(writer, 4, put_report, &err) == CAIRN_OK);
    cairn_store_writer_stop(writer);
    struct cairn_store *reader = NULL;
    need(cairn_store_open(room->path, true, &reader, &err) == CAIRN_OK);
    need(has_report(reader, 1) && !has_report(reader, 2) && has_report(reader, 4));
    cairn_store_close(reader);
    return 0;
}

static void a_full_disk_fails_groups_until_there_is_room(void **state)
{
    int rc = in_child(*state, on_a_full_disk);
    if (rc == 77) {
        skip(); /* not allowed to mount; the test above has SQLite say the same */
    }
    assert_int_equal(rc, 0);
}

static int with_a_file_limit(struct room *room)
{
    struct cairn_store_writer *writer = NULL;
    struct cairn_err err = {0};
    struct rlimit limit, tight = {0};
    (void)signal(SIGXFSZ, SIG_IGN);
    need(cairn_store_writer_start(room->path, 100, &writer, &err) == CAIRN_OK);
    need(one(writer, 1, put_report, &err) == CAIRN_OK);
    need(getrlimit(RLIMIT_FSIZE, &limit) == 0);
    tight = limit;
    tight.rlim_cur = 1024 * 1024;
    need(setrlimit(RLIMIT_FSIZE, &tight) == 0);
    need(one(writer, 2, put_much, &err) == CAIRN_E_IO && strcmp(err.code, "store.commit") == 0);
    need(one(writer, 3, put_much, &err) == CAIRN_E_IO && strcmp(err.code, "store.commit") == 0);
    need(setrlimit(RLIMIT_FSIZE, &limit) == 0);
    need(one(writer, 4, put_much, &err) == CAIRN_OK);
    cairn_store_writer_stop(writer);
    struct cairn_store *reader = NULL;
    need(cairn_store_open(room->path, true, &reader, &err) == CAIRN_OK);
    need(has_report(reader, 1) && !has_report(reader, 2) && !has_report(reader, 3) && has_report(reader, 4));
    cairn_store_close(reader);
    return 0;
}

static void a_write_that_fails_fails_its_group_and_no_later_one(void **state)
{
    assert_int_equal(in_child(*state, with_a_file_limit), 0);
}

static enum cairn_rc be_impatient(struct cairn_store *s, struct cairn_job *self CAIRN_UNUSED,
                                  struct cairn_err *err CAIRN_UNUSED)
{
    (void)sqlite3_busy_timeout(s->db, 200);
    return CAIRN_OK;
}

static void a_lock_by_another_program_fails_groups_until_it_is_gone(void **state)
{
    struct room *room = *state;
    struct cairn_store_writer *writer = start(room, 100);
    struct cairn_err err = {0};
    sqlite3 *other = NULL;
    assert_int_equal(one(writer, 0, be_impatient, &err), CAIRN_OK);
    assert_int_equal(sqlite3_open(room->path, &other), SQLITE_OK);
    assert_int_equal(sqlite3_exec(other, "BEGIN IMMEDIATE", NULL, NULL, NULL), SQLITE_OK);
    assert_int_equal(one(writer, 1, put_report, &err), CAIRN_E_IO);
    assert_string_equal(err.code, "store.busy");
    assert_int_equal(sqlite3_exec(other, "ROLLBACK", NULL, NULL, NULL), SQLITE_OK);
    assert_int_equal(sqlite3_close(other), SQLITE_OK);
    assert_int_equal(one(writer, 2, put_report, &err), CAIRN_OK);
    cairn_store_writer_stop(writer);
    struct cairn_store *reader = open_store(room, false);
    assert_false(has_report(reader, 1));
    assert_true(has_report(reader, 2));
    cairn_store_close(reader);
}

static enum cairn_rc meet_damage(struct cairn_store *s, struct cairn_job *self, struct cairn_err *err)
{
    enum cairn_rc rc = put_report(s, self, err);
    return rc == CAIRN_OK ? cairn_store_fail(s, SQLITE_CORRUPT, err) : rc;
}

static void damage_that_one_job_meets_is_its_own_failure(void **state)
{
    struct room *room = *state;
    struct cairn_store_writer *writer = start(room, 100);
    struct waited jobs[3] = {{.number = 1}, {.number = 2}, {.number = 3}};
    struct gate gate;
    close_gate(&gate, writer);
    for (size_t i = 0; i < 3; i++) {
        begin(&jobs[i], i == 1 ? meet_damage : put_report);
        cairn_store_writer_submit(writer, &jobs[i].job);
    }
    open_gate(&gate);
    assert_int_equal(end(&jobs[0]), CAIRN_OK);
    assert_int_equal(end(&jobs[1]), CAIRN_E_IO);
    assert_string_equal(jobs[1].job.err.code, "store.corrupt");
    assert_int_equal(end(&jobs[2]), CAIRN_OK);
    cairn_store_writer_stop(writer);
    struct cairn_store *reader = open_store(room, false);
    assert_false(has_report(reader, 2));
    assert_true(has_report(reader, 3));
    cairn_store_close(reader);
}

/* ends_the_transaction stands for what SQLite does by itself after some failures. */
static enum cairn_rc ends_the_transaction(struct cairn_store *s, struct cairn_job *self CAIRN_UNUSED,
                                          struct cairn_err *err CAIRN_UNUSED)
{
    (void)sqlite3_exec(s->db, "ROLLBACK", NULL, NULL, NULL);
    return CAIRN_OK;
}

static void a_transaction_that_is_gone_fails_the_jobs_before_it_too(void **state)
{
    struct room *room = *state;
    struct cairn_store_writer *writer = start(room, 100);
    struct waited jobs[3] = {{.number = 1}, {.number = 2}, {.number = 3}};
    struct cairn_err err = {0};
    struct gate gate;
    close_gate(&gate, writer);
    for (size_t i = 0; i < 3; i++) {
        begin(&jobs[i], i == 1 ? ends_the_transaction : put_report);
        cairn_store_writer_submit(writer, &jobs[i].job);
    }
    open_gate(&gate);
    for (size_t i = 0; i < 3; i++) {
        assert_int_equal(end(&jobs[i]), CAIRN_E_IO);
        assert_string_equal(jobs[i].job.err.code, "store.commit");
    }
    assert_int_equal(one(writer, 4, put_report, &err), CAIRN_OK);
    cairn_store_writer_stop(writer);
}

static int deny_begin(void *arg CAIRN_UNUSED, int action, const char *what, const char *b CAIRN_UNUSED,
                      const char *c CAIRN_UNUSED, const char *d CAIRN_UNUSED)
{
    return action == SQLITE_TRANSACTION && strcmp(what, "BEGIN") == 0 ? SQLITE_DENY : SQLITE_OK;
}

/* spoil leaves a connection on which no group can begin. */
static enum cairn_rc spoil(struct cairn_store *s, struct cairn_job *self CAIRN_UNUSED, struct cairn_err *err CAIRN_UNUSED)
{
    (void)sqlite3_set_authorizer(s->db, deny_begin, NULL);
    return CAIRN_OK;
}

static void overwrite(const char *path, const uint8_t bytes[16])
{
    int fd = open(path, O_WRONLY);
    assert_int_equal(pwrite(fd, bytes, 16, 0), 16);
    assert_int_equal(close(fd), 0);
}

static void the_writer_opens_anew_and_goes_on_when_the_file_is_whole_again(void **state)
{
    struct room *room = *state;
    struct cairn_store_writer *writer = start(room, 100);
    struct cairn_err err = {0};
    char aside[128];
    (void)snprintf(aside, sizeof(aside), "%s.aside", room->path);
    assert_int_equal(one(writer, 0, spoil, &err), CAIRN_OK);
    assert_int_equal(one(writer, 1, put_report, &err), CAIRN_E_IO);
    assert_string_equal(err.code, "store.commit");
    overwrite(room->path, (const uint8_t *)"no database here");
    assert_int_equal(one(writer, 2, put_report, &err), CAIRN_E_IO);
    assert_string_equal(err.code, "store.corrupt");
    overwrite(room->path, (const uint8_t *)"SQLite format 3");
    assert_int_equal(rename(room->path, aside), 0);
    assert_int_equal(one(writer, 3, put_report, &err), CAIRN_E_IO);
    assert_string_equal(err.code, "store.commit");
    assert_int_not_equal(access(room->path, F_OK), 0); /* no new one is made in its place */
    assert_int_equal(rename(aside, room->path), 0);
    assert_int_equal(one(writer, 4, put_report, &err), CAIRN_OK);
    cairn_store_writer_stop(writer);
    struct cairn_store *reader = open_store(room, true);
    assert_false(has_report(reader, 1) || has_report(reader, 2) || has_report(reader, 3));
    assert_true(has_report(reader, 4));
    cairn_store_close(reader);
}

/* flip_pages damages every page but the first; SQLite finds it when it next reads one from the file. */
static void flip_pages(const char *path)
{
    struct stat st;
    int fd = open(path, O_RDWR);
    assert_true(fd >= 0 && fstat(fd, &st) == 0);
    for (off_t at = 4096; at < st.st_size; at += 4096) {
        assert_int_equal(pwrite(fd, "\xff\xff\xff\xff\xff\xff\xff\xff", 8, at), 8);
    }
    assert_int_equal(close(fd), 0);
}

static void damaged_pages_under_the_writer_fail_jobs_and_end_nothing(void **state)
{
    struct room *room = *state;
    struct cairn_err err = {0};
    cairn_store_writer_stop(start(room, 100));
    struct cairn_store_writer *writer = start(room, 100);
    assert_int_equal(one(writer, 0, spoil, &err), CAIRN_OK);
    assert_int_equal(one(writer, 1, put_report, &err), CAIRN_E_IO); /* given up: nothing is cached any more */
    flip_pages(room->path);
    for (uint32_t i = 2; i < 5; i++) {
        assert_int_equal(one(writer, i, put_report, &err), CAIRN_E_IO);
        assert_string_equal(err.code, "store.corrupt");
    }
    cairn_store_writer_stop(writer);
}

/* --- kill -9 --- */

struct announced {
    struct cairn_job job; /* first */
    uint32_t number;
    int fd;
};

static enum cairn_rc report_and_audit(struct cairn_store *s, struct cairn_job *self, struct cairn_err *err)
{
    const struct cairn_audit_entry entry = {"device", "report", "", "", 1};
    struct cairn_report_row row = report_row(((struct announced *)self)->number, "reply");
    enum cairn_rc rc = cairn_store_report_put(s, &row, err);
    cairn_report_row_clear(&row);
    return rc == CAIRN_OK ? cairn_store_audit(s, &entry, err) : rc;
}

static void announce(struct cairn_job *self)
{
    struct announced *a = (struct announced *)self;
    if (a->job.rc != CAIRN_OK || write(a->fd, &a->number, sizeof(a->number)) != sizeof(a->number)) {
        _exit(1);
    }
    free(a);
}

static void write_until_killed(const struct room *room, int fd, uint32_t first)
{
    struct cairn_store_writer *writer = NULL;
    if (cairn_store_writer_start(room->path, 64, &writer, NULL) != CAIRN_OK) {
        _exit(2);
    }
    for (uint32_t number = first;; number++) {
        struct cairn_store_stats stats = {.queue = 64};
        while (stats.queue >= 60) {
            cairn_store_writer_stats(writer, &stats);
            (void)sched_yield();
        }
        struct announced *a = calloc(1, sizeof(*a));
        *a = (struct announced){.job = {.run = report_and_audit, .done = announce}, .number = number, .fd = fd};
        cairn_store_writer_submit(writer, &a->job);
    }
}

/* kill_while_writing gives the number of jobs that said they were done. */
static uint32_t kill_while_writing(struct room *room, uint32_t first, long after_us)
{
    int ends[2], status = 0;
    assert_int_equal(pipe(ends), 0);
    pid_t child = fork();
    if (child == 0) {
        (void)close(ends[0]);
        write_until_killed(room, ends[1], first);
    }
    assert_true(child > 0);
    (void)close(ends[1]);
    uint32_t number = 0, num = 0;
    assert_int_equal(read(ends[0], &number, sizeof(number)), sizeof(number)); /* it is on its way */
    assert_int_equal(number, first);
    num++;
    const struct timespec pause = {.tv_nsec = after_us * 1000};
    (void)nanosleep(&pause, NULL);
    assert_int_equal(kill(child, SIGKILL), 0);
    while (read(ends[0], &number, sizeof(number)) == sizeof(number)) {
        assert_int_equal(number, first + num);
        num++;
    }
    (void)close(ends[0]);
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFSIGNALED(status));
    return num;
}

static void what_was_said_to_be_done_is_there_after_kill_9(void **state)
{
    struct room *room = *state;
    unsigned seed = (unsigned)time(NULL);
    uint32_t next = 0;
    print_message("seed %u\n", seed);
    for (unsigned round = 0; round < 30; round++) {
        seed = seed * 1103515245u + 12345u;
        uint32_t num = kill_while_writing(room, next, (long)(seed >> 8) % 30000);
        struct cairn_store *store = open_store(room, true);
        uint64_t audited = 0;
        for (uint32_t i = 0; i < num; i++) {
            assert_true(has_report(store, next + i));
        }
        assert_int_equal(cairn_store_audit_verify(store, &audited, &room->err), CAIRN_OK);
        assert_true(audited >= next + num);
        cairn_store_close(store);
        next = (uint32_t)audited; /* groups are whole: what was not announced was written in order, too */
    }
}

int main(void)
{
#define CASE(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        CASE(a_thousand_jobs_of_several_threads_are_few_groups_and_all_durable),
        CASE(what_waits_during_a_group_is_one_group),
        CASE(a_job_that_says_no_is_undone_alone),
        CASE(of_two_jobs_with_one_device_id_exactly_one_wins),
        CASE(what_is_beyond_the_queue_is_told_to_wait),
        CASE(stopping_finishes_what_was_submitted),
        CASE(when_there_is_no_room_a_group_fails_whole_and_the_next_succeeds),
        CASE(a_full_disk_fails_groups_until_there_is_room),
        CASE(a_write_that_fails_fails_its_group_and_no_later_one),
        CASE(a_lock_by_another_program_fails_groups_until_it_is_gone),
        CASE(damage_that_one_job_meets_is_its_own_failure),
        CASE(a_transaction_that_is_gone_fails_the_jobs_before_it_too),
        CASE(the_writer_opens_anew_and_goes_on_when_the_file_is_whole_again),
        CASE(damaged_pages_under_the_writer_fail_jobs_and_end_nothing),
        CASE(what_was_said_to_be_done_is_there_after_kill_9),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
