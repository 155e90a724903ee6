/* tests/bench/bench_server.c -- figures of a real cairn-server under a fleet's load, server and load on the same processors.
 *
 * One JSON line for each figure: {"bench","value","unit","limit","ratio"}. What counts against what the machine can do is
 * measured in the same run (sim_limit.h). The load's own work (it signs every quote, since each is over a fresh nonce) is part
 * of the run and takes its share of the processors.
 *
 * Exit 1 when a figure that does not depend on who else uses the machine is past its limit: bytes, memory of a connection, and
 * processor time of a report against processor time of what no server can do without. Rates and latencies are shown.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "bench/sim_limit.h"
#include "bench/sim_load.h"

/* Of what the machine could do if a report cost what nobody can do without: wanted; and below which something has gone wrong.
 */
static const double WANTED = 0.4, GUARDED = 0.2;

enum { DEVICES = 3000, MANY = 10000, CONNS = 128, IDLE = 1000, MILLION = 1000000, LIFE_S = 900, QUIET_PER_S = 100 };

struct bench {
    const char *program, *dir;
    bool full, passed;
    double seconds;
    struct sim_fleet fleet;
    struct sim_limit limit;
};

/* limit 0: shown only. */
static void figure(const char *name, double value, const char *unit, double limit)
{
    if (limit > 0) {
        (void)printf("{\"bench\":\"%s\",\"value\":%.1f,\"unit\":\"%s\",\"limit\":%.1f,\"ratio\":%.2f}\n", name, value, unit,
                     limit, value / limit);
    } else {
        (void)printf("{\"bench\":\"%s\",\"value\":%.1f,\"unit\":\"%s\",\"limit\":null,\"ratio\":null}\n", name, value, unit);
    }
    (void)fflush(stdout);
}

static void at_most(struct bench *b, const char *name, double value, const char *unit, double limit)
{
    figure(name, value, unit, limit);
    b->passed = b->passed && value <= limit;
}

static struct sim_load *load_of(struct bench *b, const struct sim_server *server, size_t num, size_t conns, enum sim_logs logs)
{
    const struct sim_load_config config = {.num_conns = conns, .num_devices = num, .logs = logs, .target = "/v1/evidence"};
    return sim_load_new(&b->fleet, server, &config);
}

static struct sim_result turns(struct bench *b, const struct sim_server *server, size_t num, enum sim_logs logs, size_t rounds)
{
    struct sim_load *load = load_of(b, server, num, CONNS, logs);
    const struct sim_result r = sim_load_turns(load, rounds);
    sim_load_free(load);
    return r;
}

static double rate(const struct sim_result *r)
{
    return (double)r->reports / r->seconds;
}

static void show_limit(struct bench *b)
{
    b->limit = sim_limit_measure(b->dir, &b->fleet, b->seconds / 4);
    figure("floor: ECDSA P-256 verification, key ready", b->limit.verify.cpu_us, "us of a processor", 0);
    figure("floor: TLS record sealed and opened", b->limit.tls.cpu_us, "us of a processor", 0);
    figure("floor: row in a full group", b->limit.row.cpu_us, "us of a processor", 0);
    figure("floor: row in a full group, wall", b->limit.row.wall_us, "us", 0);
}

/* Everybody's first report; two fleets, since a log is new only once. */
static void first_contact(struct bench *b, const struct sim_server *server)
{
    const size_t num = DEVICES / 2;
    const struct sim_result sent = turns(b, server, num, SIM_LOGS_ATTACHED, 1);
    figure("first contact, all logs sent", rate(&sent), "reports/s", 0);
    figure("first contact, all logs sent: server", sent.server_cpu_us, "us of a processor", 0);
    const struct sim_load_config config = {
        .num_conns = CONNS, .first = num, .num_devices = DEVICES - num, .logs = SIM_LOGS_NAMED, .target = "/v1/evidence"};
    struct sim_load *load = sim_load_new(&b->fleet, server, &config);
    const struct sim_result named = sim_load_turns(load, 1);
    sim_load_free(load);
    figure("first contact, logs named that are there", rate(&named), "reports/s", 0);
    figure("first contact, logs named: server", named.server_cpu_us, "us of a processor", 0);
}

static void steady(struct bench *b, const struct sim_server *server)
{
    struct sim_load *load = load_of(b, server, DEVICES, CONNS, SIM_LOGS_LEFT_OUT);
    (void)sim_load_turns(load, 1); /* every worker has everybody */
    const struct sim_result r = sim_load_for(load, b->seconds, 0);
    const double floor_us = sim_limit_cpu_us(&b->limit);
    figure("steady reports", rate(&r), "reports/s", sim_limit_per_s(&b->limit));
    figure("steady report: server", r.server_cpu_us, "us of a processor", 0);
    figure("steady report: load", r.load_cpu_us, "us of a processor", 0);
    figure("steady report: server and load, wanted", r.server_cpu_us + r.load_cpu_us, "us of a processor", floor_us / WANTED);
    at_most(b, "steady report: server, guarded", r.server_cpu_us, "us of a processor", floor_us / GUARDED);
    at_most(b, "bytes up", r.up, "bytes", 1200);
    at_most(b, "bytes down", r.down, "bytes", 1000);
    figure("bytes up as TLS", r.tls_up, "bytes", 0);
    figure("bytes down as TLS", r.tls_down, "bytes", 0);
    const struct sim_result quiet = sim_load_for(load, b->seconds / 2, QUIET_PER_S);
    figure("latency at 100 reports/s, median", (double)quiet.p50_us / 1e3, "ms", 0);
    figure("latency at 100 reports/s, p99", (double)quiet.p99_us / 1e3, "ms", 0);
    const struct sim_result half = sim_load_for(load, b->seconds, rate(&r) / 2);
    figure("latency at half the steady load, median", (double)half.p50_us / 1e3, "ms", 0);
    figure("latency at half the steady load, p99", (double)half.p99_us / 1e3, "ms", 0);
    figure("latency at half the steady load, highest", (double)half.max_us / 1e3, "ms", 0);
    sim_load_free(load);
}

static void with_results(struct bench *b, const struct sim_server *server)
{
    const struct sim_load_config config = {.num_conns = CONNS,
                                           .num_devices = DEVICES,
                                           .logs = SIM_LOGS_LEFT_OUT,
                                           .target = "/v1/evidence?aud=https%3A%2F%2Frelying.example"};
    struct sim_load *load = sim_load_new(&b->fleet, server, &config);
    const struct sim_result r = sim_load_turns(load, 2);
    figure("steady reports with results", rate(&r), "reports/s", 0);
    figure("steady report with result: server", r.server_cpu_us, "us of a processor", 0);
    figure("bytes down with result", r.down, "bytes", 0);
    sim_load_free(load);
}

static void idle(struct bench *b, const struct sim_server *server)
{
    const uint64_t before = sim_server_private_bytes(server);
    struct sim_load *load = load_of(b, server, DEVICES, IDLE, SIM_LOGS_LEFT_OUT);
    (void)sim_load_turns(load, 1); /* each has served a report and is kept */
    (void)usleep(200000);
    const uint64_t after = sim_server_private_bytes(server);
    at_most(b, "memory of an idle connection", (double)(after - before) / 1024 / IDLE, "KiB", 64);
    sim_load_free(load);
}

static void small(struct bench *b)
{
    struct sim_server server;
    sim_fleet_make(&b->fleet, DEVICES, false);
    show_limit(b);
    sim_server_make(&server, b->dir, &b->fleet, 0);
    sim_server_start(&server, b->program);
    first_contact(b, &server);
    steady(b, &server);
    with_results(b, &server);
    idle(b, &server);
    sim_server_clear(&server);
    sim_fleet_clear(&b->fleet);
}

/* Every device's turn comes round again only when all others had theirs: the worst order for a cache. */
static void of_many(struct bench *b, size_t num_more, const char *what)
{
    struct sim_server server;
    char name[96] = "";
    uint64_t from_us = sim_now_us();
    sim_server_make(&server, b->dir, &b->fleet, num_more);
    (void)snprintf(name, sizeof name, "%s: to fill the database", what);
    figure(name, (double)(sim_now_us() - from_us) / 1e6, "s", 0);
    from_us = sim_now_us();
    sim_server_start(&server, b->program);
    (void)snprintf(name, sizeof name, "%s: to start", what);
    figure(name, (double)(sim_now_us() - from_us) / 1e6, "s", 0);
    for (size_t i = 0; i < b->fleet.num_devices; i++) {
        b->fleet.devices[i].has_nonce = false;
    }
    (void)turns(b, &server, b->fleet.num_devices, SIM_LOGS_NAMED, 1);
    const struct sim_result r = turns(b, &server, b->fleet.num_devices, SIM_LOGS_LEFT_OUT, 1);
    (void)snprintf(name, sizeof name, "%s: steady reports", what);
    figure(name, rate(&r), "reports/s", 0);
    (void)snprintf(name, sizeof name, "%s: server", what);
    figure(name, r.server_cpu_us, "us of a processor", 0);
    sim_server_stop(&server);
    (void)snprintf(name, sizeof name, "%s: database", what);
    figure(name, (double)sim_server_database_bytes(&server) / (1 << 20), "MiB", 0);
    sim_server_clear(&server);
}

static void many(struct bench *b)
{
    sim_fleet_make(&b->fleet, MANY, false);
    of_many(b, 0, "10,000 enrolled");
    of_many(b, MILLION - MANY, "1,000,000 enrolled");
    sim_fleet_clear(&b->fleet);
}

int main(int argc, char **argv)
{
    struct cairn_err err = {0};
    struct bench b = {.passed = true, .seconds = 4};
    b.dir = getenv("CAIRN_BENCH_DIR") != NULL ? getenv("CAIRN_BENCH_DIR") : "/tmp";
    b.full = argc > 2 && strcmp(argv[2], "--full") == 0;
    if (argc < 2 || argc > 3 || (argc == 3 && !b.full)) {
        (void)fprintf(stderr, "usage: bench_server PROGRAM [--full]\n");
        return 2;
    }
    b.program = argv[1];
    b.seconds = b.full ? 10 : 4;
    (void)alarm(LIFE_S); /* whatever waits for whom */
    sim_must(cairn_crypto_self_test(&err), &err);
    small(&b);
    if (b.full) {
        many(&b);
    }
    return b.passed ? 0 : 1;
}
