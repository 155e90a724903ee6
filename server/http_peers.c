/* server/http_peers.c -- see server/http_peers.h. A hash table with chains; its seed is random, so nobody chooses a chain. */
#include "server/http_peers.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

struct entry {
    struct entry *next;
    struct cairn_peer peer;
    unsigned num;
};
struct cairn_peers {
    pthread_mutex_t mutex;
    uint64_t seed;
    size_t mask;
    struct entry **chains;
};

void cairn_peer_of(const struct sockaddr_storage *address, struct cairn_peer *peer, char *text, size_t cap)
{
    struct in6_addr v6 = {0};
    *peer = (struct cairn_peer){0};
    if (address->ss_family == AF_INET6) {
        v6 = ((const struct sockaddr_in6 *)(const void *)address)->sin6_addr;
    } else if (address->ss_family == AF_INET) {
        v6.s6_addr[10] = 0xff;
        v6.s6_addr[11] = 0xff;
        cairn_copy(v6.s6_addr + 12, &((const struct sockaddr_in *)(const void *)address)->sin_addr, 4);
    }
    cairn_copy(peer->key, v6.s6_addr, sizeof(peer->key));
    bool mapped = IN6_IS_ADDR_V4MAPPED(&v6);
    peer->loopback = IN6_IS_ADDR_LOOPBACK(&v6) || (mapped && peer->key[12] == 127) || address->ss_family == AF_UNIX;
    const void *bytes = mapped ? peer->key + 12 : peer->key;
    if (inet_ntop(mapped ? AF_INET : AF_INET6, bytes, text, (socklen_t)cap) == NULL) {
        text[0] = '\0';
    }
    if (!mapped) {
        for (size_t i = 8; i < sizeof(peer->key); i++) {
            peer->key[i] = 0;
        }
    }
}

enum cairn_rc cairn_peers_new(size_t max_connections, struct cairn_peers **out, struct cairn_err *err)
{
    size_t num = 64;
    while (num < max_connections && num < 65536) {
        num *= 2;
    }
    struct cairn_peers *peers = calloc(1, sizeof(*peers));
    struct entry **chains = calloc(num, sizeof(struct entry *));
    uint64_t seed = 0;
    if (peers == NULL || chains == NULL || getrandom(&seed, sizeof(seed), 0) != (ssize_t)sizeof(seed)) {
        free(peers);
        free(chains);
        return CAIRN_FAIL(err, CAIRN_E_IO, "memory", "no memory for the table of peers");
    }
    peers->seed = seed;
    peers->mask = num - 1;
    peers->chains = chains;
    (void)pthread_mutex_init(&peers->mutex, NULL);
    *out = peers;
    return CAIRN_OK;
}

void cairn_peers_free(struct cairn_peers *peers)
{
    if (peers == NULL) {
        return;
    }
    for (size_t i = 0; i <= peers->mask; i++) {
        while (peers->chains[i] != NULL) {
            struct entry *entry = peers->chains[i];
            peers->chains[i] = entry->next;
            free(entry);
        }
    }
    free(peers->chains);
    (void)pthread_mutex_destroy(&peers->mutex);
    free(peers);
}

/* place gives the pointer that points, or would point, to the peer's entry. */
static struct entry **place(struct cairn_peers *peers, const struct cairn_peer *peer)
{
    uint64_t hash = peers->seed;
    for (size_t i = 0; i < sizeof(peer->key); i++) {
        hash = (hash ^ peer->key[i]) * 0x9e3779b97f4a7c15u;
        hash ^= hash >> 29;
    }
    struct entry **at = &peers->chains[hash & peers->mask];
    while (*at != NULL && memcmp((*at)->peer.key, peer->key, sizeof(peer->key)) != 0) {
        at = &(*at)->next;
    }
    return at;
}

static bool enter_locked(struct cairn_peers *peers, const struct cairn_peer *peer, unsigned max)
{
    struct entry **at = place(peers, peer);
    if (*at == NULL) {
        *at = calloc(1, sizeof(**at));
        if (*at == NULL) {
            return false;
        }
        (*at)->peer = *peer;
    }
    if ((*at)->num >= max) {
        return false;
    }
    (*at)->num++;
    return true;
}

bool cairn_peers_enter(struct cairn_peers *peers, const struct cairn_peer *peer, unsigned max)
{
    if (peer->loopback) {
        return true;
    }
    (void)pthread_mutex_lock(&peers->mutex);
    bool entered = max > 0 && enter_locked(peers, peer, max);
    (void)pthread_mutex_unlock(&peers->mutex);
    return entered;
}

void cairn_peers_leave(struct cairn_peers *peers, const struct cairn_peer *peer)
{
    if (peer->loopback) {
        return;
    }
    (void)pthread_mutex_lock(&peers->mutex);
    struct entry **at = place(peers, peer);
    if (*at != NULL) {
        (*at)->num--;
        if ((*at)->num == 0) {
            struct entry *entry = *at;
            *at = entry->next;
            free(entry);
        }
    }
    (void)pthread_mutex_unlock(&peers->mutex);
}
