/* agent/loop_device.c -- see agent/loop_device.h. */
#include "agent/loop_device.h"

#include <errno.h>
#include <malloc.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/signalfd.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

#include "agent/agent_device.h"
#include "agent/backoff.h"
#include "core/clock.h"
#include "core/crypto_keys.h"
#include "core/notify.h"

enum { REST_MS = 60 * 1000, MSEC = 1000, NSEC_PER_MSEC = 1000000, LIST_CAP = 512 };
enum { FD_SIGNAL, FD_TIMER, FD_WATCH, NUM_FDS };

struct loop {
    const char *config_path;
    const struct cairn_log *log;
    struct cairn_agent *agent;
    struct cairn_notify notify;
    int fd[NUM_FDS]; /* FD_WATCH: inotify on root's half of the spool */
    unsigned failures;
    uint64_t pinged_ms;
    bool end, reload;
};

static uint64_t now_ms(void)
{
    struct timespec t = {.tv_sec = 0};
    (void)clock_gettime(CLOCK_BOOTTIME, &t);
    return (uint64_t)t.tv_sec * MSEC + (uint64_t)(t.tv_nsec / NSEC_PER_MSEC);
}

static void ping(struct loop *l)
{
    const uint64_t now = now_ms();
    if (l->notify.watchdog_ms > 0 && now - l->pinged_ms >= l->notify.watchdog_ms / 3) {
        cairn_notify_say(&l->notify, "WATCHDOG=1");
        l->pinged_ms = now;
    }
}

static void read_signals(struct loop *l)
{
    struct signalfd_siginfo info;
    while (read(l->fd[FD_SIGNAL], &info, sizeof info) == (ssize_t)sizeof info) {
        l->reload = l->reload || info.ssi_signo == SIGHUP;
        l->end = l->end || info.ssi_signo != SIGHUP;
    }
}

/* Asked while a call waits: the watchdog is fed there too. */
static bool is_alive(void *arg)
{
    struct loop *l = arg;
    ping(l);
    read_signals(l);
    return !l->end;
}

static struct cairn_agent_world world_of(struct loop *l)
{
    return (struct cairn_agent_world){
        .config_path = l->config_path, .log = l->log, .alive = is_alive, .arg = l, .wake_fd = l->fd[FD_SIGNAL]};
}

static void set_timer(const struct loop *l, uint64_t ms)
{
    const struct itimerspec when = {
        .it_value = {.tv_sec = (time_t)(ms / MSEC), .tv_nsec = (long)(ms % MSEC) * NSEC_PER_MSEC + 1}};
    (void)timerfd_settime(l->fd[FD_TIMER], 0, &when, NULL);
}

static uint32_t random_bits(void)
{
    uint32_t bits = 0;
    uint8_t bytes[sizeof bits] = {0};
    if (cairn_random(bytes, sizeof bytes, NULL) != CAIRN_OK) {
        return 0;
    }
    struct cairn_reader r = cairn_reader(CAIRN_SPAN(bytes));
    bits = cairn_read_u32(&r);
    return bits;
}

static void say(const struct loop *l, enum cairn_log_level level, const char *event, const struct cairn_log_field *fields,
                size_t num)
{
    cairn_log_event(l->log, level, event, fields, num);
}

static void say_report(const struct loop *l, const struct cairn_report *r, uint64_t pause_ms)
{
    char failed[LIST_CAP] = "", next[24] = "";
    for (size_t i = 0; i < r->num_failed; i++) {
        const size_t used = strlen(failed);
        (void)snprintf(failed + used, sizeof failed - used, "%s%s", used > 0 ? " " : "", r->failed[i]);
    }
    (void)snprintf(next, sizeof next, "%llu", (unsigned long long)(pause_ms / MSEC));
    const struct cairn_log_field fields[] = {
        {"tier", cairn_tier_name(r->tier)}, {"failed", failed[0] != '\0' ? failed : NULL}, {"next_s", next}};
    say(l, r->tier == CAIRN_TIER_AFFIRMING ? CAIRN_LOG_INFO : CAIRN_LOG_WARNING, "report", fields, CAIRN_ARRAY_LEN(fields));
}

static uint64_t after_failure(struct loop *l, const struct cairn_err *err)
{
    l->failures++;
    const uint64_t pause = cairn_backoff_ms(l->failures, err->retry_after_s, random_bits());
    if (!l->end) {
        cairn_log_error(l->log, "report.failed", err);
    }
    return pause;
}

/* A device at its end has nothing to report; what it has to deliver comes with its own wake-up. */
static bool is_ending(const struct cairn_err *err)
{
    return strcmp(err->code, "agent.ending") == 0;
}

/* One turn: deliver, report, fetch. Gives the pause until the next. */
static uint64_t turn(struct loop *l)
{
    struct cairn_err err = {0}, late = {0};
    CAIRN_REPORT report = {.interval_s = 0};
    const uint64_t now_s = cairn_clock_now(0);
    const enum cairn_rc delivered = cairn_agent_deliver(l->agent, &late);
    if (delivered != CAIRN_OK && !l->end) {
        cairn_log_error(l->log, "delivery.failed", &late);
    }
    enum cairn_rc rc = cairn_agent_report(l->agent, now_s, &report, &err);
    if (rc != CAIRN_OK && is_ending(&err)) {
        return delivered == CAIRN_OK ? CAIRN_BACKOFF_MAX_MS : after_failure(l, &late);
    }
    if (rc != CAIRN_OK) {
        return after_failure(l, &err);
    }
    const uint64_t pause = cairn_interval_ms(cairn_agent_interval_s(l->agent), random_bits());
    say_report(l, &report, pause);
    if (cairn_agent_fetch(l->agent, now_s, &report, &err) != CAIRN_OK) {
        return after_failure(l, &err);
    }
    l->failures = 0;
    return delivered == CAIRN_OK ? pause : after_failure(l, &late);
}

/* What a report needed and the next will need again far from now goes back to the system. */
static void tidy(struct loop *l, uint64_t pause_ms)
{
    if (pause_ms > REST_MS) {
        cairn_agent_rest(l->agent);
    }
    (void)malloc_trim(0);
}

static void work(struct loop *l)
{
    const uint64_t pause = turn(l);
    tidy(l, pause);
    set_timer(l, pause);
}

static void watch(struct loop *l)
{
    if (l->fd[FD_WATCH] >= 0) {
        (void)close(l->fd[FD_WATCH]);
    }
    l->fd[FD_WATCH] = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
    if (l->fd[FD_WATCH] >= 0) {
        (void)inotify_add_watch(l->fd[FD_WATCH], cairn_agent_out_path(l->agent), IN_MOVED_TO | IN_DELETE);
    }
}

static void reload(struct loop *l)
{
    struct cairn_agent *fresh = NULL;
    struct cairn_err err = {0};
    const struct cairn_agent_world world = world_of(l);
    l->reload = false;
    cairn_notify_say(&l->notify, "RELOADING=1");
    if (cairn_agent_new(&world, &fresh, &err) == CAIRN_OK) {
        cairn_agent_free(l->agent);
        l->agent = fresh;
        watch(l);
        say(l, CAIRN_LOG_INFO, "reloaded", NULL, 0);
        set_timer(l, 0);
    } else {
        cairn_log_error(l->log, "reload.failed", &err); /* the old configuration goes on */
    }
    cairn_notify_say(&l->notify, "READY=1");
}

static bool drain(int fd)
{
    char bytes[4096];
    bool some = false;
    while (read(fd, bytes, sizeof bytes) > 0) {
        some = true;
    }
    return some;
}

/* Root has put something out: deliver it now. A device that had nothing to report about may have been enrolled just now. */
static void on_spool(struct loop *l)
{
    struct cairn_err err = {0};
    cairn_agent_changed(l->agent);
    if (l->failures > 0) {
        set_timer(l, 0);
        return;
    }
    if (cairn_agent_deliver(l->agent, &err) != CAIRN_OK) {
        const uint64_t pause = after_failure(l, &err);
        set_timer(l, pause);
    }
    tidy(l, REST_MS);
}

static void sleep_and_wake(struct loop *l)
{
    struct pollfd fds[NUM_FDS];
    for (int i = 0; i < NUM_FDS; i++) {
        fds[i] = (struct pollfd){.fd = l->fd[i], .events = POLLIN};
    }
    const int timeout = l->notify.watchdog_ms > 0 ? (int)(l->notify.watchdog_ms / 3) : -1;
    const int ready = poll(fds, NUM_FDS, timeout);
    ping(l);
    read_signals(l);
    if (ready <= 0 || l->end) {
        return;
    }
    if (fds[FD_WATCH].revents != 0 && drain(l->fd[FD_WATCH])) {
        on_spool(l);
    }
    if (fds[FD_TIMER].revents != 0 && drain(l->fd[FD_TIMER])) {
        work(l);
    }
}

static CAIRN_RC open_fds(struct loop *l, struct cairn_err *err)
{
    sigset_t set;
    (void)sigemptyset(&set);
    (void)sigaddset(&set, SIGTERM);
    (void)sigaddset(&set, SIGINT);
    (void)sigaddset(&set, SIGHUP);
    if (sigprocmask(SIG_BLOCK, &set, NULL) == 0) {
        l->fd[FD_SIGNAL] = signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC);
        l->fd[FD_TIMER] = timerfd_create(CLOCK_BOOTTIME, TFD_NONBLOCK | TFD_CLOEXEC);
    }
    return l->fd[FD_SIGNAL] >= 0 && l->fd[FD_TIMER] >= 0
               ? CAIRN_OK
               : CAIRN_FAIL_CAUSE(err, CAIRN_E_IO, "agent.loop", errno, "no descriptors to wait on: %s", strerror(errno));
}

static void loop_clear(struct loop *l)
{
    cairn_agent_free(l->agent);
    cairn_notify_close(&l->notify);
    for (int i = 0; i < NUM_FDS; i++) {
        if (l->fd[i] >= 0) {
            (void)close(l->fd[i]);
        }
    }
}

enum cairn_rc cairn_loop_run(const char *config_path, const struct cairn_log *log, struct cairn_err *err)
{
    CAIRN_CLEANUP(loop_clear)
    struct loop l = {.config_path = config_path, .log = log, .notify = {.fd = -1}, .fd = {-1, -1, -1}};
    CAIRN_TRY(open_fds(&l, err));
    const struct cairn_agent_world world = world_of(&l);
    CAIRN_TRY(cairn_agent_new(&world, &l.agent, err));
    l.notify = cairn_notify_open();
    watch(&l);
    set_timer(&l, 0);
    cairn_notify_say(&l.notify, "READY=1");
    say(&l, CAIRN_LOG_INFO, "started", NULL, 0);
    while (!l.end) {
        if (l.reload) { /* the signal may have come while a call waited */
            reload(&l);
        }
        sleep_and_wake(&l);
    }
    cairn_notify_say(&l.notify, "STOPPING=1");
    say(&l, CAIRN_LOG_INFO, "ended", NULL, 0);
    return CAIRN_OK;
}
