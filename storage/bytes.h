/* storage/bytes.h -- copy an array into another through core/wire, the one place that moves foreign bytes.
 */
#ifndef CAIRN_STORAGE_BYTES_H
#define CAIRN_STORAGE_BYTES_H

#include "core/wire.h"

/* cairn_bytes_copy copies `len` bytes; both arrays have at least that many and do not overlap. */
static inline void cairn_bytes_copy(void *to, const void *from, size_t len)
{
    struct cairn_reader r = cairn_reader(cairn_span(from, len));
    cairn_read_array(&r, (uint8_t *)to, len);
}

#endif
