/* tests/bench/sim_load.c -- see sim_load.h. */
#include "bench/sim_load.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include "core/doctype.h"

enum { SAMPLES_MAX = 1 << 20, WAIT_US = 10000 };

struct turn {
    size_t device; /* of the next turn */
    size_t left;   /* turns until it has taken what it was told to */
    bool busy;
    bool asked_nonce, asked_logs;
    uint64_t due_us;
    struct cairn_buf body; /* built once and kept, as a device would */
};
struct sim_load {
    struct sim_fleet *fleet;
    const struct sim_server *server;
    struct sim_load_config config;
    struct sim_client *client;
    struct turn *turns; /* one for each connection */
    size_t *idle, first_idle,
        num_idle; /* a ring: whoever has waited longest is next, so that no device reports twice at once */
    bool at_once; /* who has ended a turn begins the next */
    uint64_t begun;
    uint64_t ends_us;
    struct sim_result result;
    size_t num_samples;
    uint32_t *samples;
};

static void unexpected(const struct sim_answer *answer)
{
    (void)fprintf(stderr, "fleet-sim: the server says %d: %.*s\n", answer->status, (int)answer->body.len,
                  (const char *)answer->body.p);
    exit(8);
}

/* The value of the last member of this name: the nonce is a member of an object of the same name. */
static const char *member(const struct sim_answer *answer, const char *name)
{
    const char *at = strstr((const char *)answer->body.p, name);
    if (at == NULL) {
        unexpected(answer);
        abort();
    }
    return at + strlen(name);
}

static void take_nonce(struct sim_device *device, const struct sim_answer *answer)
{
    char hex[65] = "";
    (void)snprintf(hex, sizeof hex, "%.64s", member(answer, "\"nonce\":\""));
    if (!cairn_hex_decode(hex, device->nonce, sizeof device->nonce)) {
        unexpected(answer);
    }
    device->has_nonce = true;
}

static struct sim_device *device_of(const struct sim_load *l, const struct turn *t)
{
    return &l->fleet->devices[l->config.first + t->device];
}

static void send_evidence(struct sim_load *l, size_t conn, enum sim_logs logs, const char *more)
{
    struct turn *t = &l->turns[conn];
    struct sim_device *d = device_of(l, t);
    sim_evidence(l->fleet, d, logs, &t->body);
    sim_client_post(l->client, conn, l->config.target, CAIRN_TYPE_EVIDENCE, more, cairn_buf_span(&t->body));
}

static void ask_nonce(struct sim_load *l, size_t conn)
{
    char hex[65] = "", body[160] = "";
    cairn_hex_encode(CAIRN_SPAN(device_of(l, &l->turns[conn])->tpm.device), hex);
    (void)snprintf(body, sizeof body, "{\"device\":\"%s\",\"purpose\":\"evidence\"}", hex);
    sim_client_post(l->client, conn, "/v1/nonce", "application/json", "", cairn_span_str(body));
    l->turns[conn].asked_nonce = true;
}

static void begin(struct sim_load *l, size_t conn, uint64_t due_us)
{
    struct turn *t = &l->turns[conn];
    t->busy = true;
    t->asked_nonce = t->asked_logs = false;
    t->due_us = due_us;
    t->left--;
    l->begun++;
    if (device_of(l, t)->has_nonce) {
        send_evidence(l, conn, l->config.logs, "");
    } else {
        ask_nonce(l, conn);
    }
}

static bool more_to_do(const struct sim_load *l, size_t conn, uint64_t now_us)
{
    return l->turns[conn].left > 0 && now_us < l->ends_us;
}

static void put_idle(struct sim_load *l, size_t conn)
{
    l->idle[(l->first_idle + l->num_idle++) % l->config.num_conns] = conn;
}

static size_t take_idle(struct sim_load *l)
{
    const size_t conn = l->idle[l->first_idle];
    l->first_idle = (l->first_idle + 1) % l->config.num_conns;
    l->num_idle--;
    return conn;
}

static void end_turn(struct sim_load *l, size_t conn)
{
    struct turn *t = &l->turns[conn];
    const uint64_t now_us = sim_now_us();
    if (l->num_samples < SAMPLES_MAX) {
        l->samples[l->num_samples++] = (uint32_t)(now_us - t->due_us);
    }
    l->result.reports++;
    t->busy = false;
    t->device += l->config.num_conns;
    t->device = t->device < l->config.num_devices ? t->device : conn % l->config.num_devices;
    if (l->at_once && more_to_do(l, conn, now_us)) {
        begin(l, conn, now_us);
    } else {
        put_idle(l, conn);
    }
}

static void send_logs(struct sim_load *l, size_t conn, const struct sim_answer *answer)
{
    char field[96] = "";
    const char *token = member(answer, "\"upload_token\":\"");
    (void)snprintf(field, sizeof field, "Cairn-Upload-Token: %.*s\r\n", (int)strcspn(token, "\""), token);
    l->turns[conn].asked_logs = true;
    send_evidence(l, conn, SIM_LOGS_ATTACHED, field);
}

static void answered(void *ctx, size_t conn, const struct sim_answer *answer)
{
    struct sim_load *l = ctx;
    struct turn *t = &l->turns[conn];
    l->result.replies++;
    if (t->asked_nonce && answer->status == 200) {
        t->asked_nonce = false;
        take_nonce(device_of(l, t), answer);
        send_evidence(l, conn, l->config.logs, "");
    } else if (answer->status == 409 && !t->asked_logs) {
        send_logs(l, conn, answer);
    } else if (answer->status == 200 && strstr((const char *)answer->body.p, "\"tier\":\"affirming\"") != NULL) {
        take_nonce(device_of(l, t), answer);
        end_turn(l, conn);
    } else {
        unexpected(answer);
    }
}

struct sim_load *sim_load_new(struct sim_fleet *fleet, const struct sim_server *server, const struct sim_load_config *config)
{
    struct sim_load *l = calloc(1, sizeof *l);
    assert_non_null(l);
    *l = (struct sim_load){.fleet = fleet, .server = server, .config = *config};
    l->turns = calloc(config->num_conns, sizeof *l->turns);
    l->idle = calloc(config->num_conns, sizeof *l->idle);
    l->samples = calloc(SAMPLES_MAX, sizeof *l->samples);
    assert_non_null(l->turns);
    assert_non_null(l->idle);
    assert_non_null(l->samples);
    assert_true(config->num_conns <= config->num_devices); /* a device is on one connection */
    for (size_t i = 0; i < config->num_conns; i++) {
        l->turns[i].device = i;
        put_idle(l, i);
    }
    l->client = sim_client_new(server->port, config->num_conns, answered, l);
    return l;
}

void sim_load_free(struct sim_load *load)
{
    sim_client_free(load->client);
    for (size_t i = 0; i < load->config.num_conns; i++) {
        cairn_buf_clear(&load->turns[i].body);
    }
    free(load->turns);
    free(load->idle);
    free(load->samples);
    free(load);
}

static double own_cpu_s(void)
{
    struct rusage use;
    (void)getrusage(RUSAGE_SELF, &use);
    return (double)(use.ru_utime.tv_sec + use.ru_stime.tv_sec) + (double)(use.ru_utime.tv_usec + use.ru_stime.tv_usec) / 1e6;
}

static int by_value(const void *a, const void *b)
{
    const uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
    return (x > y) - (x < y);
}

/* struct start is what a run began with. */
struct start {
    uint64_t at_us;
    double server_cpu_s, load_cpu_s;
    struct sim_bytes bytes;
};

static struct start start(struct sim_load *l)
{
    l->result = (struct sim_result){.reports = 0};
    l->num_samples = 0;
    l->begun = 0;
    return (struct start){.at_us = sim_now_us(),
                          .server_cpu_s = sim_server_cpu_s(l->server),
                          .load_cpu_s = own_cpu_s(),
                          .bytes = sim_client_bytes(l->client)};
}

static struct sim_result finish(struct sim_load *l, const struct start *from)
{
    struct sim_result *r = &l->result;
    const struct sim_bytes bytes = sim_client_bytes(l->client);
    const double num = r->reports > 0 ? (double)r->reports : 1;
    r->seconds = (double)(sim_now_us() - from->at_us) / 1e6;
    r->server_cpu_us = (sim_server_cpu_s(l->server) - from->server_cpu_s) * 1e6 / num;
    r->load_cpu_us = (own_cpu_s() - from->load_cpu_s) * 1e6 / num;
    r->up = (double)(bytes.up - from->bytes.up) / num;
    r->down = (double)(bytes.down - from->bytes.down) / num;
    r->tls_up = (double)(bytes.tls_up - from->bytes.tls_up) / num;
    r->tls_down = (double)(bytes.tls_down - from->bytes.tls_down) / num;
    qsort(l->samples, l->num_samples, sizeof *l->samples, by_value);
    if (l->num_samples > 0) {
        r->p50_us = l->samples[l->num_samples / 2];
        r->p99_us = l->samples[l->num_samples * 99 / 100];
        r->max_us = l->samples[l->num_samples - 1];
    }
    return *r;
}

static void run_out(struct sim_load *l)
{
    while (l->num_idle < l->config.num_conns) {
        sim_client_run(l->client, WAIT_US);
    }
}

static struct sim_result at_once(struct sim_load *l)
{
    const struct start from = start(l);
    l->at_once = true;
    while (l->num_idle > 0) { /* nothing is answered before all have begun */
        begin(l, take_idle(l), sim_now_us());
    }
    run_out(l);
    return finish(l, &from);
}

struct sim_result sim_load_turns(struct sim_load *load, size_t rounds)
{
    for (size_t i = 0; i < load->config.num_conns; i++) {
        const size_t behind = load->config.num_devices - i - 1; /* devices of this connection: i, i + num_conns, ... */
        load->turns[i].left = rounds * (behind / load->config.num_conns + 1);
        load->turns[i].device = i;
    }
    load->ends_us = UINT64_MAX;
    return at_once(load);
}

struct sim_result sim_load_for(struct sim_load *load, double seconds, double per_s)
{
    for (size_t i = 0; i < load->config.num_conns; i++) {
        load->turns[i].left = SIZE_MAX;
    }
    load->ends_us = sim_now_us() + (uint64_t)(seconds * 1e6);
    if (per_s <= 0) {
        return at_once(load);
    }
    const struct start from = start(load);
    load->at_once = false;
    for (uint64_t now_us = from.at_us; now_us < load->ends_us; now_us = sim_now_us()) {
        uint64_t due_us = from.at_us + (uint64_t)((double)load->begun * 1e6 / per_s);
        while (load->num_idle > 0 && due_us <= now_us) {
            begin(load, take_idle(load), due_us);
            due_us = from.at_us + (uint64_t)((double)load->begun * 1e6 / per_s);
        }
        sim_client_run(load->client, load->num_idle == 0 ? WAIT_US : due_us > now_us ? due_us - now_us : 0);
    }
    run_out(load);
    return finish(load, &from);
}
