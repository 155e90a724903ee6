/* server/service.h -- what a request is worked with: the process's shared parts, and each worker's own.
 *
 * Data flows one way: routes.c admits a request (access, limits) and finds its handler; the handler reads and judges in the
 * worker's thread; what it wants written goes as one job to the writer; the answer leaves when the job is on disk.
 */
#ifndef CAIRN_SERVER_SERVICE_H
#define CAIRN_SERVER_SERVICE_H

#include <pthread.h>

#include "server/fleet.h"
#include "server/members.h"
#include "server/rate.h"
#include "server/seen.h"
#include "server/store.h"

struct cairn_judge;

/* struct cairn_service is shared by all threads: fixed after the start but for what locks itself. */
struct cairn_service {
    const struct cairn_log *log;
    const char *build;                 /* "cairn 0.1.0" */
    struct cairn_server_config config; /* as at the start: what a reload changes is in each worker's fleet and access */
    int lock_fd;                       /* of the database */
    struct cairn_store_writer *writer;
    struct cairn_http *http; /* for the metrics */
    uint8_t nonce_key[32];
    struct cairn_versions versions;
    struct cairn_seen *proofs; /* DPoP proofs that were accepted */
    pthread_mutex_t lock;      /* of `judges` */
    struct cairn_judge *judges;
    uint64_t started_s;
};
/* cairn_service_start opens the database through the writer and takes the nonce key from it. CAIRN_E_BUSY "server.running".
 * `config` is copied. */
CAIRN_RC cairn_service_start(const struct cairn_server_config *config, const struct cairn_log *log, const char *build,
                             struct cairn_service **out, struct cairn_err *err);
/* cairn_service_reload: every worker takes the fleet and the access list of `config`; refused as a whole when it does not load.
 */
CAIRN_RC cairn_service_reload(struct cairn_service *service, const struct cairn_server_config *config, struct cairn_err *err);
/* cairn_service_settle lets the writer finish what it has and ends it; nothing can be written afterwards. */
void cairn_service_settle(struct cairn_service *service);
void cairn_service_free(struct cairn_service *service);

/* struct cairn_judge is one worker's. */
struct cairn_judge {
    struct cairn_service *service;
    struct cairn_worker *worker;
    struct cairn_fleet *fleet;
    struct cairn_access access;
    struct cairn_store *store; /* reads */
    struct cairn_members *members;
    struct cairn_replay_cache *replays;
    struct cairn_rate *rate;
    struct cairn_judge *next;
};
CAIRN_RC cairn_judge_new(void *service, struct cairn_worker *self, void **out, struct cairn_err *err);
void cairn_judge_free(void *judge);

/* cairn_service_now_s and _now_ms: the wall clock. Never stored but as "received" (CHECKS 62). */
uint64_t cairn_service_now_s(void);
uint64_t cairn_service_now_ms(void);

#endif
