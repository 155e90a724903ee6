/* tests/bench/fleet_sim.c -- a fleet of virtual devices reports to a real cairn-server: everybody's first contact, then rounds
 * of steady reports. Prints one JSON line and ends with 1 when the server does not hold everybody's report afterwards.
 */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "bench/sim_load.h"

enum { LIFE_S = 600 };

struct wish {
    const char *server, *dir;
    size_t devices, conns, rounds;
    double seconds;
    bool own;
};

static void usage(void)
{
    (void)fprintf(
        stderr,
        "usage: fleet_sim --server PROGRAM [--dir DIR] [--devices N] [--connections N] [--rounds N] [--seconds S] [--own]\n"
        "\n"
        "  --own      each device has a userspace log of its own, which the server asks for\n"
        "  --rounds   steady reports of each device, or\n"
        "  --seconds  steady reports for so long, as fast as the server answers\n");
    exit(2);
}

static struct wish read_wish(int argc, char **argv)
{
    static const struct option options[] = {
        {"server", required_argument, NULL, 's'},  {"dir", required_argument, NULL, 'd'},
        {"devices", required_argument, NULL, 'n'}, {"connections", required_argument, NULL, 'c'},
        {"rounds", required_argument, NULL, 'r'},  {"seconds", required_argument, NULL, 't'},
        {"own", no_argument, NULL, 'o'},           {NULL, 0, NULL, 0}};
    struct wish w = {.dir = "/tmp", .devices = 50, .conns = 50, .rounds = 2};
    for (int c = 0; (c = getopt_long(argc, argv, "", options, NULL)) != -1;) {
        switch (c) {
        case 's':
            w.server = optarg;
            break;
        case 'd':
            w.dir = optarg;
            break;
        case 'n':
            w.devices = strtoul(optarg, NULL, 10);
            break;
        case 'c':
            w.conns = strtoul(optarg, NULL, 10);
            break;
        case 'r':
            w.rounds = strtoul(optarg, NULL, 10);
            break;
        case 't':
            w.seconds = strtod(optarg, NULL);
            break;
        case 'o':
            w.own = true;
            break;
        default:
            usage();
        }
    }
    if (w.server == NULL || optind != argc || w.devices == 0 || w.conns == 0) {
        usage();
    }
    return w;
}

int main(int argc, char **argv)
{
    const struct wish w = read_wish(argc, argv);
    struct cairn_err err = {0};
    struct sim_fleet fleet;
    struct sim_server server;
    (void)alarm(LIFE_S); /* whatever waits for whom */
    sim_must(cairn_crypto_self_test(&err), &err);
    sim_fleet_make(&fleet, w.devices, w.own);
    sim_server_make(&server, w.dir, &fleet, 0);
    sim_server_start(&server, w.server);
    struct sim_load_config config = {.num_conns = w.conns < w.devices ? w.conns : w.devices,
                                     .num_devices = w.devices,
                                     .logs = SIM_LOGS_NAMED,
                                     .target = "/v1/evidence"};
    struct sim_load *load = sim_load_new(&fleet, &server, &config);
    const struct sim_result first = sim_load_turns(load, 1);
    sim_load_free(load);
    config.logs = SIM_LOGS_LEFT_OUT;
    load = sim_load_new(&fleet, &server, &config);
    const struct sim_result steady = w.seconds > 0 ? sim_load_for(load, w.seconds, 0) : sim_load_turns(load, w.rounds);
    sim_load_free(load);
    sim_server_stop(&server);
    const uint64_t stored = sim_server_reports(&server, &fleet);
    (void)printf("{\"devices\":%zu,\"first_replies\":%llu,\"first_reports\":%llu,\"load_us\":%.1f,\"p50_us\":%llu,\"p99_us\":%"
                 "llu,\"server_us\":%.1f,"
                 "\"steady_per_s\":%.0f,\"steady_reports\":%llu,\"stored\":%llu}\n",
                 w.devices, (unsigned long long)first.replies, (unsigned long long)first.reports, steady.load_cpu_us,
                 (unsigned long long)steady.p50_us, (unsigned long long)steady.p99_us, steady.server_cpu_us,
                 (double)steady.reports / steady.seconds, (unsigned long long)steady.reports, (unsigned long long)stored);
    sim_server_clear(&server);
    sim_fleet_clear(&fleet);
    return stored == w.devices ? 0 : 1;
}
