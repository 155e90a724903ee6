/* server/service.c -- see server/service.h. */
#include "server/service.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <time.h>
#include <unistd.h>

#include "attest/replay_cache.h"

enum { PROOFS_MAX = 1 << 16, REPLAYS_MAX = 4096 };

uint64_t cairn_service_now_ms(void)
{
    struct timespec t = {0};
    (void)clock_gettime(CLOCK_REALTIME, &t);
    return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

uint64_t cairn_service_now_s(void)
{
    return cairn_service_now_ms() / 1000;
}

/* The nonce key is asked for as any other write, so that there is one writer. */
struct key_job {
    struct cairn_job job;
    uint8_t key[32];
    pthread_mutex_t lock;
    pthread_cond_t ready;
    bool done;
};

static CAIRN_RC key_run(struct cairn_store *store, struct cairn_job *self, struct cairn_err *err)
{
    struct key_job *k = (struct key_job *)self;
    return cairn_store_secret(store, "nonce", k->key, sizeof k->key, err);
}

static void key_done(struct cairn_job *self)
{
    struct key_job *k = (struct key_job *)self;
    (void)pthread_mutex_lock(&k->lock);
    k->done = true;
    (void)pthread_cond_signal(&k->ready);
    (void)pthread_mutex_unlock(&k->lock);
}

static CAIRN_RC take_nonce_key(struct cairn_service *service, struct cairn_err *err)
{
    struct key_job k = {.job = {.run = key_run, .done = key_done}};
    (void)pthread_mutex_init(&k.lock, NULL);
    (void)pthread_cond_init(&k.ready, NULL);
    cairn_store_writer_submit(service->writer, &k.job);
    (void)pthread_mutex_lock(&k.lock);
    while (!k.done) {
        (void)pthread_cond_wait(&k.ready, &k.lock);
    }
    (void)pthread_mutex_unlock(&k.lock);
    (void)pthread_cond_destroy(&k.ready);
    (void)pthread_mutex_destroy(&k.lock);
    if (k.job.rc != CAIRN_OK) {
        return CAIRN_FAIL(err, k.job.rc, k.job.err.code, "%s", k.job.err.text);
    }
    cairn_copy(service->nonce_key, k.key, sizeof k.key);
    cairn_wipe(k.key, sizeof k.key);
    return CAIRN_OK;
}

/* One server per database: each remembers what it wrote (server/members.h). */
static CAIRN_RC lock_database(struct cairn_service *service, struct cairn_err *err)
{
    char path[CAIRN_CONFIG_PATH_MAX + 8] = "";
    (void)snprintf(path, sizeof path, "%s.lock", service->config.database);
    service->lock_fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (service->lock_fd < 0) {
        return CAIRN_FAIL_CAUSE(err, CAIRN_E_IO, "store.open", errno, "%s: %s", path, strerror(errno));
    }
    return flock(service->lock_fd, LOCK_EX | LOCK_NB) == 0
               ? CAIRN_OK
               : CAIRN_FAIL(err, CAIRN_E_BUSY, "server.running", "another cairn-server has the database %s",
                            service->config.database);
}

static CAIRN_RC start(struct cairn_service *service, struct cairn_err *err)
{
    CAIRN_TRY(lock_database(service, err));
    CAIRN_TRY(cairn_seen_new(PROOFS_MAX, &service->proofs, err));
    CAIRN_TRY(cairn_store_writer_start(service->config.database, (size_t)service->config.queue, &service->writer, err));
    return take_nonce_key(service, err);
}

CAIRN_RC cairn_service_start(const struct cairn_server_config *config, const struct cairn_log *log, const char *build,
                             struct cairn_service **out, struct cairn_err *err)
{
    struct cairn_service *service = calloc(1, sizeof *service);
    if (service == NULL || pthread_mutex_init(&service->lock, NULL) != 0) {
        free(service);
        return CAIRN_FAIL(err, CAIRN_E_IO, "memory", "no memory for the service");
    }
    service->config = *config;
    service->lock_fd = -1;
    service->log = log;
    service->build = build;
    service->started_s = cairn_service_now_s();
    enum cairn_rc rc = start(service, err);
    if (rc != CAIRN_OK) {
        cairn_service_free(service);
        return rc;
    }
    *out = service;
    return CAIRN_OK;
}

void cairn_service_settle(struct cairn_service *service)
{
    cairn_store_writer_close(service->writer);
}

void cairn_service_free(struct cairn_service *service)
{
    if (service == NULL) {
        return;
    }
    cairn_store_writer_stop(service->writer);
    cairn_seen_free(service->proofs);
    cairn_wipe(service->nonce_key, sizeof service->nonce_key);
    (void)pthread_mutex_destroy(&service->lock);
    if (service->lock_fd >= 0) {
        (void)close(service->lock_fd);
    }
    free(service);
}

static CAIRN_RC fill_judge(struct cairn_judge *j, struct cairn_err *err)
{
    const struct cairn_server_config *c = &j->service->config;
    CAIRN_TRY(cairn_fleet_load(c, cairn_service_now_s(), &j->fleet, err));
    CAIRN_TRY(cairn_store_open(c->database, false, &j->store, err));
    CAIRN_TRY(cairn_members_new((size_t)c->device_cache, &j->members, err));
    CAIRN_TRY(cairn_replay_cache_new(REPLAYS_MAX, (size_t)c->replay_cache_bytes, &j->replays, err));
    return cairn_rate_new(c->requests_per_s, c->requests_burst, &j->rate, err);
}

CAIRN_RC cairn_judge_new(void *service, struct cairn_worker *self, void **out, struct cairn_err *err)
{
    struct cairn_service *s = service;
    struct cairn_judge *judge = calloc(1, sizeof *judge);
    if (judge == NULL) {
        return CAIRN_FAIL(err, CAIRN_E_IO, "memory", "no memory for a worker");
    }
    judge->service = s;
    judge->worker = self;
    (void)pthread_mutex_lock(&s->lock);
    judge->access = s->config.access;
    enum cairn_rc rc = fill_judge(judge, err);
    judge->next = s->judges;
    s->judges = judge;
    (void)pthread_mutex_unlock(&s->lock);
    if (rc != CAIRN_OK) {
        cairn_judge_free(judge);
        return rc;
    }
    *out = judge;
    return CAIRN_OK;
}

static void unlink_judge(struct cairn_judge *judge)
{
    struct cairn_service *s = judge->service;
    (void)pthread_mutex_lock(&s->lock);
    for (struct cairn_judge **at = &s->judges; *at != NULL; at = &(*at)->next) {
        if (*at == judge) {
            *at = judge->next;
            break;
        }
    }
    (void)pthread_mutex_unlock(&s->lock);
}

void cairn_judge_free(void *judge)
{
    struct cairn_judge *j = judge;
    if (j == NULL) {
        return;
    }
    unlink_judge(j);
    cairn_fleet_free(j->fleet);
    cairn_members_free(j->members);
    cairn_replay_cache_free(j->replays);
    cairn_rate_free(j->rate);
    cairn_store_close(j->store);
    free(j);
}

/* struct reload brings a worker its new fleet, in its own thread. */
struct reload {
    struct cairn_post post;
    struct cairn_judge *judge;
    struct cairn_fleet *fleet;
    struct cairn_access access;
};

static void take_reload(struct cairn_post *post)
{
    struct reload *r = (struct reload *)post;
    cairn_fleet_free(r->judge->fleet);
    r->judge->fleet = r->fleet;
    r->judge->access = r->access;
    cairn_members_forget(r->judge->members);
    free(r);
}

static CAIRN_RC make_reload(struct cairn_judge *judge, const struct cairn_server_config *config, struct reload **out,
                            struct cairn_err *err)
{
    struct reload *r = calloc(1, sizeof *r);
    if (r == NULL) {
        return CAIRN_FAIL(err, CAIRN_E_IO, "memory", "no memory to read the configuration again");
    }
    r->post.run = take_reload;
    r->judge = judge;
    r->access = config->access;
    enum cairn_rc rc = cairn_fleet_load(config, cairn_service_now_s(), &r->fleet, err);
    if (rc != CAIRN_OK) {
        free(r);
        return rc;
    }
    *out = r;
    return CAIRN_OK;
}

CAIRN_RC cairn_service_reload(struct cairn_service *service, const struct cairn_server_config *config, struct cairn_err *err)
{
    enum { WORKERS_MAX = 256 };
    struct reload *made[WORKERS_MAX] = {NULL};
    size_t num = 0;
    enum cairn_rc rc = CAIRN_OK;
    (void)pthread_mutex_lock(&service->lock);
    for (struct cairn_judge *j = service->judges; j != NULL && rc == CAIRN_OK && num < WORKERS_MAX; j = j->next) {
        rc = make_reload(j, config, &made[num], err);
        num += rc == CAIRN_OK;
    }
    for (size_t i = 0; i < num; i++) {
        if (rc == CAIRN_OK) {
            cairn_worker_post(made[i]->judge->worker, &made[i]->post);
        } else {
            cairn_fleet_free(made[i]->fleet);
            free(made[i]);
        }
    }
    (void)pthread_mutex_unlock(&service->lock);
    return rc;
}
