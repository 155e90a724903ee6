/* tests/bench/sim_client.h -- many kept-alive HTTP connections over TLS 1.3 to one port of loopback, in one thread.
 *
 * An own small client, so that what the load costs is known and little. Ends the program when a connection breaks.
 */
#ifndef CAIRN_TESTS_SIM_CLIENT_H
#define CAIRN_TESTS_SIM_CLIENT_H

#include "core/wire.h"

struct sim_answer {
    int status;
    struct cairn_span head, body;
};
struct sim_client;
/* `answered` is called once for each request, in sim_client_run. */
struct sim_client *sim_client_new(uint16_t port, size_t num_conns,
                                  void (*answered)(void *ctx, size_t conn, const struct sim_answer *answer), void *ctx);
void sim_client_free(struct sim_client *client);
/* sim_client_post sends a request on a connection that waits for no answer. `more`: further header lines, each with CRLF. */
void sim_client_post(struct sim_client *client, size_t conn, const char *target, const char *type, const char *more,
                     struct cairn_span body);
/* sim_client_run handles what comes within `wait_us`, at least what is there; returns after the first events. */
void sim_client_run(struct sim_client *client, uint64_t wait_us);

/* Since the start, handshakes included: as HTTP, and as TLS records. */
struct sim_bytes {
    uint64_t up, down, tls_up, tls_down;
};
struct sim_bytes sim_client_bytes(const struct sim_client *client);

#endif
