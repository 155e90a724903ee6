/* boot_measure/facts.h -- what a replayed boot says: kinds of events, Secure Boot, firmware actions, the Cairn root, coverage.
 *
 * Facts, not verdicts: policies/ judges. A *data fact* rests on bytes whose digest is in the quote; a *digest fact* on the
 * digest alone, and what it is the digest of is only the label's word. Only data facts decide here; coverage and kinds, which
 * name things for people, use labels too. A label that lies moves a change to another name, it never hides the change: the
 * digests are what a policy compares.
 *
 * Source: TCG PC Client Platform Firmware Profile 1.05, section 3.3.4 (what goes in which PCR); UEFI 2.10, section 3.3
 * (SecureBoot); systemd-stub(7), Measured Boot.
 */
#ifndef CAIRN_BOOT_MEASURE_FACTS_H
#define CAIRN_BOOT_MEASURE_FACTS_H

#include "boot_measure/replay.h"

/* cairn_boot_event_kind names what an event measured; the name with a suffix is an appraisal code ("boot.cmdline.changed").
 * Never NULL, static: "boot.firmware", "boot.secureboot", "boot.loader", "boot.kernel", "boot.initrd", "boot.cmdline",
 * "boot.devicetree", "boot.root" (the Cairn root event), "boot.config", "boot.separator", "boot.event" (firmware's word that it
 * passed a point, and a type that has no business in that PCR: CHECKS 18). */
const char *cairn_boot_event_kind(const struct cairn_boot_event *event);
/* cairn_boot_event_is_container: event `i` measured a file whose parts have events of their own (a unified kernel image, whose
 * sections systemd-stub measures in PCR 11). When it and one of its parts changed, the part is what to name. */
bool cairn_boot_event_is_container(const struct cairn_replay *replay, size_t i);

enum cairn_secure_boot { CAIRN_SECURE_BOOT_UNKNOWN, CAIRN_SECURE_BOOT_OFF, CAIRN_SECURE_BOOT_ON };

enum cairn_boot_part {
    CAIRN_PART_FIRMWARE,
    CAIRN_PART_LOADER,
    CAIRN_PART_KERNEL,
    CAIRN_PART_INITRD,
    CAIRN_PART_CMDLINE,
    CAIRN_PART_DEVICE_TREE,
    CAIRN_PART_ROOT_FILE_SYSTEM,
    CAIRN_PART_RUN_TIME,
    CAIRN_NUM_BOOT_PARTS
};
/* struct cairn_coverage: a part is measured by an event (an index for cairn_replay_event), by the IMA list, or not. */
struct cairn_coverage {
    bool measured;
    bool by_ima;
    size_t event;
};

enum { CAIRN_ROOT_CLASS_MAX = 63 };
/* struct cairn_boot_root is the Cairn root event: which root.json version 1 this boot is under. */
struct cairn_boot_root {
    char class_name[CAIRN_ROOT_CLASS_MAX + 1];
    uint8_t digest[CAIRN_SHA256_LEN]; /* SHA-256 of the payload of root version 1 */
};

struct cairn_boot_facts {
    /* From the SecureBoot variable in PCR 7, a data fact; only what stands before the one separator of value 0 counts.
     * UNKNOWN: PCR 7 not quoted, no or several separators, another value, no or several SecureBoot events (CHECKS 19). */
    enum cairn_secure_boot secure_boot;
    bool debug_mode;            /* the firmware measured "UEFI Debug Mode" */
    bool dma_protection_off;    /* ... "DMA Protection Disabled" */
    size_t num_unknown_actions; /* EFI actions outside the known set, or whose text the digest does not cover (CHECKS 20) */
    size_t num_unexpected;      /* events whose type has no business in their PCR (CHECKS 18) */
    size_t num_roots;           /* Cairn root events in the userspace log; `root` is the first */
    struct cairn_boot_root root;
    struct cairn_coverage coverage[CAIRN_NUM_BOOT_PARTS];
};
/* cairn_boot_facts_read never fails: what the replay does not show stays UNKNOWN, false, 0. */
void cairn_boot_facts_read(const struct cairn_replay *replay, struct cairn_boot_facts *out);
/* cairn_boot_roots: num_roots and root of the facts alone; `first` is written when there is one. */
size_t cairn_boot_roots(const struct cairn_replay *replay, struct cairn_boot_root *first);

const char *cairn_boot_part_name(enum cairn_boot_part part); /* "command line" */

/* cairn_boot_root_parse reads the data of a root event: "cairn.root.v1 CLASS HEX". False: not one. */
bool cairn_boot_root_parse(struct cairn_span data, struct cairn_boot_root *out);
/* cairn_boot_class_ok: 1 to CAIRN_ROOT_CLASS_MAX printable ASCII characters, no quotes, no backslash: what a root may hold. */
bool cairn_boot_class_ok(struct cairn_span name);

#endif
