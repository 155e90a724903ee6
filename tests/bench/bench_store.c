/* tests/bench/bench_store.c -- reports per second through the one writer, and out of it, with many devices present.
 *
 * usage: bench_store [devices [seconds [directory]]]      10000 devices, 5 s, a directory under /var/tmp
 * One JSON line for each figure. The device of each report is random; THREADS submitters keep IN_FLIGHT jobs each under way.
 * Latency is from submission to `done`: what stands in the queue before, the group, its fsync.
 */
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include "server/store_internal.h"

enum { THREADS = 4, IN_FLIGHT = 128, MAX_SAMPLES = 1000000 };

struct bench {
    char dir[256], path[300];
    uint32_t num_devices;
    double seconds;
    struct cairn_store_writer *writer;
    struct cairn_buf reply;
    _Atomic bool stop;
    double *latency_ms; /* of single jobs */
    _Atomic size_t num_samples;
};

static double now_s(void)
{
    struct timespec t;
    (void)clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void must(enum cairn_rc rc, const struct cairn_err *err)
{
    if (rc != CAIRN_OK) {
        fprintf(stderr, "bench: %s (%s)\n", err->text, err->code);
        exit(8);
    }
}

static void figure(const struct bench *b, const char *name, double value, const char *unit)
{
    printf("{\"figure\":\"store.%s\",\"devices\":%u,\"value\":%.3f,\"unit\":\"%s\"}\n", name, b->num_devices, value, unit);
    (void)fflush(stdout);
}

/* Device ids are hashes: neighbours in number are not neighbours in the tree. */
static uint64_t mix(uint64_t x)
{
    x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9u;
    x = (x ^ (x >> 27)) * 0x94d049bb133111ebu;
    return x ^ (x >> 31);
}

static void id_of(uint64_t number, uint8_t id[32])
{
    struct cairn_writer w = cairn_writer(id, 32);
    for (uint64_t i = 0; i < 4; i++) {
        cairn_write_u64(&w, mix(number * 4 + i + 1));
    }
}

static void fill_row(const struct bench *b, uint64_t number, uint64_t time, struct cairn_report_row *row)
{
    *row = (struct cairn_report_row){.reply = b->reply, .received_s = 1800000000 + time, .num_spent = 1, .mask = 0x1ff};
    id_of(number, row->device);
    id_of(time, row->body);
    row->clock_ms = time;
    row->has_log[0] = row->has_log[1] = row->has_log[2] = true;
}

struct load {
    struct cairn_job job;
    struct bench *bench;
    uint64_t first, num;
    _Atomic bool over;
};

static enum cairn_rc load_run(struct cairn_store *s, struct cairn_job *self, struct cairn_err *err)
{
    const struct load *load = (struct load *)self;
    for (uint64_t i = load->first; i < load->first + load->num; i++) {
        struct cairn_report_row row;
        fill_row(load->bench, i, 1, &row);
        CAIRN_TRY(cairn_store_report_put(s, &row, err));
    }
    return CAIRN_OK;
}

static void load_done(struct cairn_job *self)
{
    must(self->rc, &self->err);
    atomic_store(&((struct load *)self)->over, true);
}

static void load_all(struct bench *b)
{
    double began = now_s();
    for (uint64_t at = 0; at < b->num_devices; at += 10000) {
        uint64_t left = b->num_devices - at;
        struct load load = {.job = {.run = load_run, .done = load_done}, .bench = b, .first = at};
        load.num = left < 10000 ? left : 10000;
        cairn_store_writer_submit(b->writer, &load.job);
        while (!atomic_load(&load.over)) {
            (void)usleep(1000);
        }
    }
    figure(b, "load", (double)b->num_devices / (now_s() - began), "rows/s");
}

/* A submitter is a thread with some jobs under way: what comes back goes out again, with another device's report. */
struct job {
    struct cairn_job job;
    struct submitter *from;
    struct job *next_back;
    double began;
};
struct submitter {
    struct bench *bench;
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t back;
    struct job *came_back, *jobs;
    unsigned num_jobs;
};

static enum cairn_rc put_run(struct cairn_store *s, struct cairn_job *self, struct cairn_err *err)
{
    struct submitter *from = ((struct job *)self)->from;
    struct cairn_report_row row;
    uint64_t random = mix((uint64_t)(uintptr_t)self + (uint64_t)(((struct job *)self)->began * 1e9));
    fill_row(from->bench, random % from->bench->num_devices, random >> 1, &row);
    return cairn_store_report_put(s, &row, err);
}

static void put_done(struct cairn_job *self)
{
    struct job *job = (struct job *)self;
    struct submitter *from = job->from;
    must(self->rc, &self->err);
    size_t at = atomic_fetch_add(&from->bench->num_samples, 1);
    if (at < MAX_SAMPLES) {
        from->bench->latency_ms[at] = (now_s() - job->began) * 1e3;
    }
    (void)pthread_mutex_lock(&from->lock);
    job->next_back = from->came_back;
    from->came_back = job;
    (void)pthread_cond_signal(&from->back);
    (void)pthread_mutex_unlock(&from->lock);
}

static void submit(struct submitter *from, struct job *job)
{
    job->job = (struct cairn_job){.run = put_run, .done = put_done};
    job->from = from;
    job->began = now_s();
    cairn_store_writer_submit(from->bench->writer, &job->job);
}

static struct job *wait_back(struct submitter *from)
{
    (void)pthread_mutex_lock(&from->lock);
    while (from->came_back == NULL) {
        (void)pthread_cond_wait(&from->back, &from->lock);
    }
    struct job *jobs = from->came_back;
    from->came_back = NULL;
    (void)pthread_mutex_unlock(&from->lock);
    return jobs;
}

static void *keep_submitting(void *arg)
{
    struct submitter *from = arg;
    unsigned under_way = from->num_jobs;
    for (unsigned i = 0; i < from->num_jobs; i++) {
        submit(from, &from->jobs[i]);
    }
    while (under_way > 0) {
        for (struct job *job = wait_back(from), *next = NULL; job != NULL; job = next) {
            next = job->next_back;
            if (atomic_load(&from->bench->stop)) {
                under_way--;
            } else {
                submit(from, job);
            }
        }
    }
    return NULL;
}

static int compare(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return x < y ? -1 : x > y;
}

static void percentiles(struct bench *b, const char *name)
{
    char text[128];
    size_t num = atomic_load(&b->num_samples);
    num = num < MAX_SAMPLES ? num : MAX_SAMPLES;
    qsort(b->latency_ms, num, sizeof(double), compare);
    static const unsigned wanted[] = {50, 99};
    for (size_t i = 0; i < 2 && num > 0; i++) {
        (void)snprintf(text, sizeof(text), "%s_latency_p%u", name, wanted[i]);
        figure(b, text, b->latency_ms[(num - 1) * wanted[i] / 100], "ms");
    }
}

static void start_submitter(struct bench *b, struct submitter *from, unsigned num_jobs)
{
    *from = (struct submitter){.bench = b, .num_jobs = num_jobs};
    (void)pthread_mutex_init(&from->lock, NULL);
    (void)pthread_cond_init(&from->back, NULL);
    from->jobs = calloc(num_jobs, sizeof(*from->jobs));
    if (from->jobs == NULL || pthread_create(&from->thread, NULL, keep_submitting, from) != 0) {
        exit(8);
    }
}

static void put(struct bench *b, unsigned num_threads, unsigned in_flight, const char *name)
{
    char text[128];
    struct submitter submitters[THREADS];
    struct cairn_store_stats before, after;
    cairn_store_writer_stats(b->writer, &before);
    atomic_store(&b->stop, false);
    atomic_store(&b->num_samples, 0);
    double began = now_s();
    for (unsigned i = 0; i < num_threads; i++) {
        start_submitter(b, &submitters[i], in_flight);
    }
    (void)usleep((useconds_t)(b->seconds * 1e6));
    atomic_store(&b->stop, true);
    for (unsigned i = 0; i < num_threads; i++) {
        (void)pthread_join(submitters[i].thread, NULL);
        free(submitters[i].jobs);
    }
    cairn_store_writer_stats(b->writer, &after);
    double num_jobs = (double)(after.jobs - before.jobs);
    figure(b, name, num_jobs / (now_s() - began), "rows/s");
    (void)snprintf(text, sizeof(text), "%s_group", name);
    figure(b, text, num_jobs / (double)(after.groups - before.groups), "jobs");
    percentiles(b, name);
}

static void get(struct bench *b)
{
    struct cairn_store *reader = NULL;
    struct cairn_err err = {0};
    must(cairn_store_open(b->path, false, &reader, &err), &err);
    double began = now_s();
    uint64_t num = 0, state = 7;
    for (; now_s() - began < b->seconds; num++) {
        struct cairn_report_row row = {0};
        uint8_t id[32];
        bool found = false;
        state = mix(state + 1);
        id_of(state % b->num_devices, id);
        must(cairn_store_report_get(reader, id, &row, &found, &err), &err);
        cairn_report_row_clear(&row);
    }
    figure(b, "report_get", (double)num / (now_s() - began), "rows/s");
    json_t *counts = NULL;
    began = now_s();
    must(cairn_store_counts(reader, &counts, &err), &err);
    figure(b, "counts", (now_s() - began) * 1e3, "ms");
    json_decref(counts);
    cairn_store_close(reader);
}

static void memory(const struct bench *b)
{
    struct rusage usage;
    (void)getrusage(RUSAGE_SELF, &usage);
    figure(b, "memory", (double)usage.ru_maxrss / 1024, "MiB");
}

int main(int argc, char **argv)
{
    struct bench b = {.num_devices = 10000, .seconds = 5};
    struct cairn_err err = {0};
    b.num_devices = argc > 1 ? (uint32_t)strtoul(argv[1], NULL, 10) : b.num_devices;
    b.seconds = argc > 2 ? strtod(argv[2], NULL) : b.seconds;
    (void)snprintf(b.dir, sizeof(b.dir), "%s/cairn-bench-XXXXXX", argc > 3 ? argv[3] : "/var/tmp");
    b.latency_ms = calloc(MAX_SAMPLES, sizeof(double));
    if (b.num_devices == 0 || b.latency_ms == NULL || mkdtemp(b.dir) == NULL) {
        fprintf(stderr, "usage: bench_store [devices [seconds [directory]]]\n");
        return 2;
    }
    (void)snprintf(b.path, sizeof(b.path), "%s/cairn.db", b.dir);
    must(cairn_buf_resize(&b.reply, 300, &err), &err);
    must(cairn_store_writer_start(b.path, 10000, &b.writer, &err), &err);
    load_all(&b);
    put(&b, THREADS, IN_FLIGHT, "report_put");
    put(&b, 1, 1, "report_put_alone");
    get(&b);
    cairn_store_writer_stop(b.writer);
    memory(&b);
    cairn_buf_clear(&b.reply);
    free(b.latency_ms);
    (void)unlink(b.path);
    (void)rmdir(b.dir);
    return 0;
}
