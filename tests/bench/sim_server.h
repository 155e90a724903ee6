/* tests/bench/sim_server.h -- a real cairn-server for load: its directory, its database filled from outside, its process.
 */
#ifndef CAIRN_TESTS_SIM_SERVER_H
#define CAIRN_TESTS_SIM_SERVER_H

#include <sys/types.h>

#include "bench/sim_fleet.h"
#include "support/test_tls.h"

struct sim_server {
    char dir[128];
    char database[192];
    struct cairn_test_tls tls;
    pid_t pid;
    int log; /* its standard error */
    uint16_t port;
};
/* sim_server_make makes the directory below `base` and the database: the devices of `fleet`, and `num_more` that never report,
 * with the rows of some that did. */
void sim_server_make(struct sim_server *out, const char *base, const struct sim_fleet *fleet, size_t num_more);
/* sim_server_start runs `program` and waits until it is ready. */
void sim_server_start(struct sim_server *server, const char *program);
void sim_server_stop(struct sim_server *server);
void sim_server_clear(struct sim_server *server); /* removes the directory */

double sim_server_cpu_s(const struct sim_server *server);
uint64_t sim_server_private_bytes(const struct sim_server *server); /* unique set size */
uint64_t sim_server_database_bytes(const struct sim_server *server);
/* sim_server_reports counts the fleet's devices whose last report is in the database, and affirmed. */
uint64_t sim_server_reports(const struct sim_server *server, const struct sim_fleet *fleet);

#endif
