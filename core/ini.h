/* core/ini.h -- configuration files: INI text whose every key is known, or the run does not start.
 *
 * Trust boundary: a configuration names keys, devices to erase and whom to believe, so nobody but its owner may write it
 * (CHECKS 39). Source: inih; docs/integrator.md, docs/operator.md.
 */
#ifndef CAIRN_CORE_INI_H
#define CAIRN_CORE_INI_H

#include "core/base.h"

enum { CAIRN_INI_MAX = 64 << 10 };

enum cairn_ini_kind { CAIRN_INI_TEXT, CAIRN_INI_U32, CAIRN_INI_U64, CAIRN_INI_SIZE };
/* struct cairn_ini_setting: where a setting goes in a configuration struct. CAIRN_INI_TEXT: `size` bytes with NUL. Numbers:
 * `min` to `max`; decimal or 0x. */
struct cairn_ini_setting {
    const char *section, *name;
    enum cairn_ini_kind kind;
    size_t offset, size;
    uint64_t min, max;
};
#define CAIRN_INI_TEXT_AT(type, section, name, member)                                                                         \
    {                                                                                                                          \
        (section), (name), CAIRN_INI_TEXT, offsetof(type, member), sizeof(((type *)0)->member), 0, 0                           \
    }

/* cairn_ini_put stores one setting by the table. *known false: it is not in there, nothing was stored. CAIRN_E_USAGE
 * "config.value": too long, no number, or out of its range. */
CAIRN_RC cairn_ini_put(const struct cairn_ini_setting *table, size_t num, void *config, const char *section, const char *name,
                       const char *value, bool *known, struct cairn_err *err);
/* cairn_ini_copy copies a text setting of `name` into `to`. CAIRN_E_USAGE "config.value". */
CAIRN_RC cairn_ini_copy(char *to, size_t size, const char *name, const char *value, struct cairn_err *err);

/* cairn_ini_read gives every setting of the file to `set`, in order; its first refusal ends the reading and is given back with
 * path and line. CAIRN_E_IO "config.absent", "file.*"; CAIRN_E_REFUSED "config.mode" (others than the owner can write it);
 * CAIRN_E_FORMAT "config.text" (no text, or a line that is neither [section] nor name = value). */
CAIRN_RC cairn_ini_read(const char *path,
                        CAIRN_RC (*set)(void *arg, const char *section, const char *name, const char *value,
                                        struct cairn_err *err),
                        void *arg, struct cairn_err *err);

#endif
