/* core/secret.h -- the only home of keys and secret parameters.
 *
 * An own mapping between two guard pages, MADV_DONTDUMP, mlocked (whether that worked is reported), wiped before it is
 * unmapped. Opaque: a secret is reached through a span that lives as long as the object.
 */
#ifndef CAIRN_CORE_SECRET_H
#define CAIRN_CORE_SECRET_H

#include "core/wire.h"

struct cairn_secret;

/* cairn_secret_new gives `len` zero bytes (1 .. 16 MiB). CAIRN_E_IO "secret.memory": no memory to map.
 * CAIRN_E_USAGE "secret.length": none, or more than 16 MiB. */
CAIRN_RC cairn_secret_new(size_t len, struct cairn_secret **out, struct cairn_err *err);
/* cairn_secret_copy makes a secret of `bytes`; the caller wipes its own copy. */
CAIRN_RC cairn_secret_copy(struct cairn_span bytes, struct cairn_secret **out, struct cairn_err *err);
void cairn_secret_free(struct cairn_secret *secret);
void cairn_secret_freep(struct cairn_secret **secret); /* for CAIRN_CLEANUP */
#define CAIRN_SECRET CAIRN_CLEANUP(cairn_secret_freep) struct cairn_secret
uint8_t *cairn_secret_bytes(struct cairn_secret *secret); /* writable */
struct cairn_span cairn_secret_span(const struct cairn_secret *secret);
/* cairn_secret_shrink lowers the length after a read that was shorter than the room made for it. */
void cairn_secret_shrink(struct cairn_secret *secret, size_t len);
bool cairn_secret_locked(const struct cairn_secret *secret); /* false: mlock was refused, say so once */

/* cairn_ct_equal compares in constant time for equal lengths. */
bool cairn_ct_equal(struct cairn_span a, struct cairn_span b);
/* cairn_wipe is explicit_bzero, here so that one place can be audited. */
void cairn_wipe(void *p, size_t len);
/* cairn_process_harden: PR_SET_DUMPABLE 0, RLIMIT_CORE 0. First thing in every main. CAIRN_E_IO "process.harden". */
CAIRN_RC cairn_process_harden(struct cairn_err *err);

#endif
