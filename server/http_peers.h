/* server/http_peers.h -- how many connections each peer has: no single address takes them all.
 *
 * A peer is an IPv4 address or an IPv6 /64. Loopback is not counted: behind a proxy on this machine everybody is loopback.
 * Thread-safe.
 */
#ifndef CAIRN_SERVER_HTTP_PEERS_H
#define CAIRN_SERVER_HTTP_PEERS_H

#include <sys/socket.h>

#include "core/wire.h"

struct cairn_peer {
    uint8_t key[16]; /* IPv4 as ::ffff:a.b.c.d; IPv6 with its last 64 bits zero */
    bool loopback;
};
/* cairn_peer_of gives the peer and its address as text ("192.0.2.1", "2001:db8::1"; an IPv4-mapped one as IPv4). */
void cairn_peer_of(const struct sockaddr_storage *address, struct cairn_peer *peer, char *text, size_t cap);

struct cairn_peers;
CAIRN_RC cairn_peers_new(size_t max_connections, struct cairn_peers **out, struct cairn_err *err);
void cairn_peers_free(struct cairn_peers *peers);
/* cairn_peers_enter counts one connection more; false: the peer has `max` already (or there is no memory), nothing changed. */
bool cairn_peers_enter(struct cairn_peers *peers, const struct cairn_peer *peer, unsigned max);
void cairn_peers_leave(struct cairn_peers *peers, const struct cairn_peer *peer);

#endif
