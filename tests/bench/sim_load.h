/* tests/bench/sim_load.h -- what devices do, many at once: ask for a nonce, report for the first time, report again.
 *
 * A turn is one device's: the nonce when it has none, its evidence, once more with the logs attached when the server asks for
 * them. Each connection has devices of its own and takes them in turn. Ends the program when a server answers otherwise than
 * it must.
 */
#ifndef CAIRN_TESTS_SIM_LOAD_H
#define CAIRN_TESTS_SIM_LOAD_H

#include "bench/sim_client.h"
#include "bench/sim_server.h"

struct sim_load_config {
    size_t num_conns;
    size_t first, num_devices; /* of the fleet: those that take turns */
    enum sim_logs logs;        /* how evidence goes at first */
    const char *target;        /* "/v1/evidence", perhaps with a query */
};
struct sim_result {
    uint64_t reports, replies; /* replies: nonces and demands for logs too */
    double seconds;
    double server_cpu_us, load_cpu_us; /* of each report */
    uint64_t p50_us, p99_us, max_us;   /* of a turn, from the moment it was due */
    double up, down, tls_up, tls_down; /* bytes of each report */
};
struct sim_load;
struct sim_load *sim_load_new(struct sim_fleet *fleet, const struct sim_server *server, const struct sim_load_config *config);
void sim_load_free(struct sim_load *load);
/* sim_load_turns: every device takes `rounds` turns, as fast as the server answers. sim_load_for: turns for `seconds`, at
 * `per_s` (0: as fast as the server answers); a turn that is due while all connections wait begins late and counts from when
 * it was due. */
struct sim_result sim_load_turns(struct sim_load *load, size_t rounds);
struct sim_result sim_load_for(struct sim_load *load, double seconds, double per_s);

#endif
