/* server/http_worker.c -- one worker: a thread, its event loop, posts from other threads. */
#include "server/http_internal.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#include <openssl/err.h>

uint64_t cairn_http_now_ms(void)
{
    struct timespec now = {0};
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

static void on_wake(evutil_socket_t fd, short what CAIRN_UNUSED, void *arg)
{
    uint64_t num = 0;
    ssize_t n = read((int)fd, &num, sizeof(num));
    (void)n; /* it only wakes: the list says what there is to do */
    cairn_loop_run_posts(arg);
}

/* No epoll change list: it would delete a descriptor from the set after it was closed, when another thread may have got its
 * number; and it measured slower. */
static struct event_base *new_base(void)
{
    struct event_config *config = event_config_new();
    struct event_base *base = NULL;
    if (config != NULL && event_config_set_flag(config, EVENT_BASE_FLAG_NOLOCK) == 0) {
        base = event_base_new_with_config(config);
    }
    if (config != NULL) {
        event_config_free(config);
    }
    return base;
}

enum cairn_rc cairn_loop_init(struct cairn_loop *loop, struct cairn_err *err)
{
    *loop = (struct cairn_loop){.made = true};
    (void)pthread_mutex_init(&loop->mutex, NULL);
    loop->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    loop->base = new_base();
    loop->wake = loop->base == NULL || loop->wake_fd < 0
                     ? NULL
                     : event_new(loop->base, loop->wake_fd, EV_READ | EV_PERSIST, on_wake, loop);
    if (loop->wake == NULL || event_add(loop->wake, NULL) != 0) {
        return CAIRN_FAIL_CAUSE(err, CAIRN_E_IO, "http.listen", errno, "an event loop cannot be made: too many open files?");
    }
    return CAIRN_OK;
}

void cairn_loop_clear(struct cairn_loop *loop)
{
    if (!loop->made) {
        return;
    }
    if (loop->wake != NULL) {
        event_free(loop->wake);
    }
    if (loop->base != NULL) {
        event_base_free(loop->base);
    }
    if (loop->wake_fd >= 0) {
        (void)close(loop->wake_fd);
    }
    (void)pthread_mutex_destroy(&loop->mutex);
    *loop = (struct cairn_loop){0};
}

void cairn_loop_post(struct cairn_loop *loop, struct cairn_post *post)
{
    post->next = NULL;
    (void)pthread_mutex_lock(&loop->mutex);
    bool was_empty = loop->first == NULL;
    if (was_empty) {
        loop->first = post;
    } else {
        loop->last->next = post;
    }
    loop->last = post;
    if (was_empty) {
        /* under the mutex: a loop that is being ended is freed only after it has taken the list, so wake_fd still lives */
        const uint64_t one = 1;
        ssize_t n = write(loop->wake_fd, &one, sizeof(one));
        (void)n; /* full: then it is awake anyway */
    }
    (void)pthread_mutex_unlock(&loop->mutex);
}

static struct cairn_post *take_posts(struct cairn_loop *loop)
{
    (void)pthread_mutex_lock(&loop->mutex);
    struct cairn_post *first = loop->first;
    loop->first = NULL;
    (void)pthread_mutex_unlock(&loop->mutex);
    return first;
}

void cairn_loop_run_posts(struct cairn_loop *loop)
{
    for (struct cairn_post *post = take_posts(loop); post != NULL; post = take_posts(loop)) {
        while (post != NULL) {
            struct cairn_post *next = post->next; /* `run` may free or post it again */
            post->run(post);
            ERR_clear_error(); /* what it left in the thread's queue would be taken for a connection's failure */
            post = next;
        }
    }
}

void cairn_worker_post(struct cairn_worker *worker, struct cairn_post *post)
{
    cairn_loop_post(&worker->loop, post);
}

static void run_drain(struct cairn_post *post)
{
    struct cairn_worker *worker = (struct cairn_worker *)(void *)((char *)post - offsetof(struct cairn_worker, drain));
    cairn_conn_end_quiet(worker);
}

static void run_stop(struct cairn_post *post)
{
    struct cairn_worker *worker = (struct cairn_worker *)(void *)((char *)post - offsetof(struct cairn_worker, stop));
    (void)event_base_loopbreak(worker->loop.base);
}

static void tell_start(struct cairn_worker *worker, enum cairn_rc rc, const struct cairn_err *err)
{
    (void)pthread_mutex_lock(&worker->http->mutex);
    worker->started = true;
    worker->rc = rc;
    worker->err = *err;
    (void)pthread_cond_broadcast(&worker->http->changed);
    (void)pthread_mutex_unlock(&worker->http->mutex);
}

static void *work(void *arg)
{
    struct cairn_worker *worker = arg;
    const struct cairn_http_app *app = &worker->http->app;
    struct cairn_err err = {0};
    enum cairn_rc rc = app->worker_new(app->ctx, worker, &worker->app_worker, &err);
    tell_start(worker, rc, &err);
    if (rc == CAIRN_OK) {
        (void)event_base_loop(worker->loop.base, EVLOOP_NO_EXIT_ON_EMPTY);
        cairn_loop_run_posts(&worker->loop);
        cairn_conn_end_all(worker);
        while (worker->calls != NULL) {
            cairn_call_free(worker->calls);
        }
        /* freed bufferevents are finished by the loop itself */
        (void)event_base_loop(worker->loop.base, EVLOOP_NONBLOCK);
        app->worker_free(worker->app_worker);
    }
    return NULL;
}

static void wait_started(struct cairn_worker *worker)
{
    (void)pthread_mutex_lock(&worker->http->mutex);
    while (!worker->started) {
        (void)pthread_cond_wait(&worker->http->changed, &worker->http->mutex);
    }
    (void)pthread_mutex_unlock(&worker->http->mutex);
}

enum cairn_rc cairn_worker_start(struct cairn_worker *worker, struct cairn_err *err)
{
    worker->drain.run = run_drain;
    worker->stop.run = run_stop;
    CAIRN_TRY(cairn_loop_init(&worker->loop, err));
    int rc = pthread_create(&worker->thread, NULL, work, worker);
    if (rc != 0) {
        return CAIRN_FAIL_CAUSE(err, CAIRN_E_IO, "http.listen", rc, "no thread for a worker");
    }
    worker->has_thread = true;
    wait_started(worker);
    if (worker->rc != CAIRN_OK && err != NULL) {
        *err = worker->err;
    }
    return worker->rc;
}

void cairn_worker_stop(struct cairn_worker *worker)
{
    if (worker->has_thread) {
        if (worker->rc == CAIRN_OK) {
            cairn_loop_post(&worker->loop, &worker->stop);
        }
        (void)pthread_join(worker->thread, NULL);
    }
    cairn_loop_clear(&worker->loop);
}
