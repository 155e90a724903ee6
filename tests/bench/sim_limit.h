/* tests/bench/sim_limit.h -- what no server can do without for one report, measured by itself on this machine.
 *
 * One ECDSA P-256 verification with a key that is ready, one request's TLS record opened and one reply's sealed, one row
 * committed in full groups.
 */
#ifndef CAIRN_TESTS_SIM_LIMIT_H
#define CAIRN_TESTS_SIM_LIMIT_H

#include "bench/sim_server.h"

struct sim_cost {
    double cpu_us;  /* of one, in one thread */
    double wall_us; /* of one, when both processors (the row: the one writer) do nothing else */
};
struct sim_limit {
    struct sim_cost verify, tls, row;
};
/* sim_limit_measure gives each about `seconds`; the rows go to a database of its own with the fleet's devices. */
struct sim_limit sim_limit_measure(const char *base, const struct sim_fleet *fleet, double seconds);
double sim_limit_cpu_us(const struct sim_limit *limit);
/* sim_limit_per_s: two processors, nothing else to do, and a writer that waits for the disk beside them. */
double sim_limit_per_s(const struct sim_limit *limit);

#endif
