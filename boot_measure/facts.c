/* boot_measure/facts.c -- see facts.h. */
#include "boot_measure/facts.h"

#include <string.h>

#define PCR(n) (1u << (n))

enum match { ANY, IS, BEGINS, HAS };

/* The first rule that fits names the event. */
static const struct rule {
    uint32_t pcrs;
    uint32_t type;
    enum match match;
    const char *label;
    const char *kind;
} rules[] = {
    {0xff | PCR(8), CAIRN_EV_SEPARATOR, ANY, "", "boot.separator"},
    /* Secure Boot: keys, who was allowed by which key, shim's own lists */
    {PCR(7), CAIRN_EV_EFI_VARIABLE_CONFIG, ANY, "", "boot.secureboot"},
    {PCR(7), CAIRN_EV_EFI_VARIABLE_AUTHORITY, ANY, "", "boot.secureboot"},
    {PCR(7), CAIRN_EV_EFI_ACTION, ANY, "", "boot.secureboot"},
    {PCR(14), CAIRN_EV_IPL, ANY, "", "boot.secureboot"},
    /* systemd-stub: the sections of a unified kernel image, and what came with it */
    {PCR(11), CAIRN_EV_IPL, IS, ".linux", "boot.kernel"},
    {PCR(11), CAIRN_EV_IPL, IS, ".initrd", "boot.initrd"},
    {PCR(11), CAIRN_EV_IPL, IS, ".ucode", "boot.initrd"},
    {PCR(11), CAIRN_EV_IPL, IS, ".cmdline", "boot.cmdline"},
    {PCR(11), CAIRN_EV_IPL, IS, ".dtb", "boot.devicetree"},
    {PCR(11), CAIRN_EV_IPL, BEGINS, ".", "boot.config"},
    {PCR(12) | PCR(13), CAIRN_EV_IPL, HAS, "initrd", "boot.initrd"},
    {PCR(12) | PCR(13), CAIRN_EV_EVENT_TAG, HAS, "initrd", "boot.initrd"},
    {PCR(12), CAIRN_EV_IPL, ANY, "", "boot.cmdline"},
    {PCR(12), CAIRN_EV_EVENT_TAG, ANY, "", "boot.cmdline"},
    /* the kernel's EFI stub */
    {PCR(9), CAIRN_EV_EVENT_TAG, HAS, "LoadOptions", "boot.cmdline"},
    {PCR(9), CAIRN_EV_EVENT_TAG, HAS, "initrd", "boot.initrd"},
    /* GRUB: commands in PCR 8, files in PCR 9 */
    {PCR(8), CAIRN_EV_IPL, BEGINS, "kernel_cmdline", "boot.cmdline"},
    {PCR(8), CAIRN_EV_IPL, BEGINS, "grub_kernel_cmdline", "boot.cmdline"},
    {PCR(8), CAIRN_EV_IPL, BEGINS, "grub_cmd: linux", "boot.cmdline"},
    {PCR(8), CAIRN_EV_IPL, BEGINS, "grub_cmd linux", "boot.cmdline"},
    {PCR(8), CAIRN_EV_IPL, ANY, "", "boot.config"},
    {PCR(9), CAIRN_EV_IPL, HAS, "initr", "boot.initrd"},
    {PCR(9), CAIRN_EV_IPL, HAS, "Initrd", "boot.initrd"},
    {PCR(9), CAIRN_EV_IPL, HAS, "vmlinu", "boot.kernel"},
    {PCR(9), CAIRN_EV_IPL, HAS, "Kernel", "boot.kernel"},
    {PCR(9), CAIRN_EV_IPL, HAS, ".dtb", "boot.devicetree"},
    {PCR(9), CAIRN_EV_IPL, ANY, "", "boot.config"},
    /* images the firmware started; the kernel is started from memory (no path) or under one of its usual names */
    {PCR(4), CAIRN_EV_EFI_BOOT_APPLICATION, IS, "(no path)", "boot.kernel"},
    {PCR(4), CAIRN_EV_EFI_BOOT_APPLICATION, IS, "kernel", "boot.kernel"},
    {PCR(4), CAIRN_EV_EFI_BOOT_APPLICATION, HAS, "vmlinu", "boot.kernel"},
    {PCR(4), CAIRN_EV_EFI_BOOT_APPLICATION, HAS, "Image", "boot.kernel"},
    {PCR(4), CAIRN_EV_EFI_BOOT_APPLICATION, ANY, "", "boot.loader"},
    {PCR(2) | PCR(4), CAIRN_EV_EFI_BOOT_DRIVER, ANY, "", "boot.firmware"},
    {PCR(2) | PCR(4), CAIRN_EV_EFI_RUNTIME_DRIVER, ANY, "", "boot.firmware"},
    {PCR(2), CAIRN_EV_EFI_BOOT_APPLICATION, ANY, "", "boot.firmware"},
    /* firmware and its settings */
    {PCR(0) | PCR(2), CAIRN_EV_EFI_FIRMWARE_BLOB, ANY, "", "boot.firmware"},
    {PCR(0) | PCR(2), CAIRN_EV_EFI_FIRMWARE_BLOB2, ANY, "", "boot.firmware"},
    {PCR(0), CAIRN_EV_S_CRTM_CONTENTS, ANY, "", "boot.firmware"},
    {PCR(0), CAIRN_EV_S_CRTM_VERSION, ANY, "", "boot.firmware"},
    {PCR(0) | PCR(2), CAIRN_EV_POST_CODE, ANY, "", "boot.firmware"},
    {PCR(0), 0x11 /* EV_NONHOST_INFO */, ANY, "", "boot.firmware"},
    {PCR(0), 0x0f /* EV_NONHOST_CODE */, ANY, "", "boot.firmware"},
    {PCR(1), 0x10 /* EV_NONHOST_CONFIG */, ANY, "", "boot.config"},
    {PCR(1), 0x09 /* EV_CPU_MICROCODE */, ANY, "", "boot.firmware"},
    {PCR(1), 0x0a /* EV_PLATFORM_CONFIG_FLAGS */, ANY, "", "boot.config"},
    {PCR(0) | PCR(1), CAIRN_EV_TABLE_OF_DEVICES, IS, "dts", "boot.devicetree"},
    {PCR(1), CAIRN_EV_TABLE_OF_DEVICES, ANY, "", "boot.config"},
    {PCR(1), CAIRN_EV_EFI_VARIABLE_CONFIG, ANY, "", "boot.config"},
    {PCR(1) | PCR(5), CAIRN_EV_EFI_VARIABLE_BOOT, ANY, "", "boot.config"},
    {PCR(1) | PCR(5), CAIRN_EV_EFI_VARIABLE_BOOT2, ANY, "", "boot.config"},
    {PCR(0) | PCR(1), CAIRN_EV_EFI_HANDOFF_TABLES, ANY, "", "boot.config"},
    {PCR(0) | PCR(1), CAIRN_EV_EFI_HANDOFF_TABLES2, ANY, "", "boot.config"},
    {PCR(5), CAIRN_EV_EFI_GPT, ANY, "", "boot.config"},
    {PCR(5), CAIRN_EV_EVENT_TAG, ANY, "", "boot.config"},
    {PCR(5), CAIRN_EV_IPL, ANY, "", "boot.config"},
    {PCR(6), 0x0c /* EV_COMPACT_HASH */, ANY, "", "boot.config"},
    {0x7f, CAIRN_EV_EFI_ACTION, ANY, "", "boot.event"},
};

static bool fits(const struct rule *rule, const struct cairn_boot_event *event)
{
    if ((rule->pcrs >> event->pcr & 1u) == 0 || rule->type != event->type) {
        return false;
    }
    switch (rule->match) {
    case IS:
        return strcmp(event->label, rule->label) == 0;
    case BEGINS:
        return strncmp(event->label, rule->label, strlen(rule->label)) == 0;
    case HAS:
        return strstr(event->label, rule->label) != NULL;
    case ANY:
        break;
    }
    return true;
}

static const struct rule *find_rule(const struct cairn_boot_event *event)
{
    for (size_t i = 0; i < CAIRN_ARRAY_LEN(rules); i++) {
        if (fits(&rules[i], event)) {
            return &rules[i];
        }
    }
    return NULL;
}

static bool is_root_event(const struct cairn_boot_event *event)
{
    static const char prefix[] = "cairn.root.v1 ";
    return event->pcr == 8 && event->type == CAIRN_EV_IPL && event->data_verified &&
           strncmp(event->label, prefix, sizeof prefix - 1) == 0;
}

const char *cairn_boot_event_kind(const struct cairn_boot_event *event)
{
    if (is_root_event(event)) {
        return "boot.root";
    }
    const struct rule *rule = find_rule(event);
    return rule != NULL ? rule->kind : "boot.event";
}

static bool is_image(const struct cairn_boot_event *event)
{
    return event->pcr == 4 && event->type == CAIRN_EV_EFI_BOOT_APPLICATION;
}

/* The last image started before the first section was measured is the one whose stub measured it. */
bool cairn_boot_event_is_container(const struct cairn_replay *replay, size_t i)
{
    const struct cairn_boot_event *event = cairn_replay_event(replay, i);
    if (event == NULL || !is_image(event)) {
        return false;
    }
    while ((event = cairn_replay_event(replay, ++i)) != NULL && !is_image(event)) {
        if (event->pcr == 11 && event->type == CAIRN_EV_IPL) {
            return true;
        }
    }
    return false;
}

/* EFI_GLOBAL_VARIABLE 8be4df61-93ca-11d2-aa0d-00e098032b8c as stored, and L"SecureBoot". */
static const uint8_t efi_global[16] = {0x61, 0xdf, 0xe4, 0x8b, 0xca, 0x93, 0xd2, 0x11,
                                       0xaa, 0x0d, 0x00, 0xe0, 0x98, 0x03, 0x2b, 0x8c};
static const uint8_t secure_boot_name[20] = {'S', 0, 'e', 0, 'c', 0, 'u', 0, 'r', 0, 'e', 0, 'B', 0, 'o', 0, 'o', 0, 't', 0};

/* struct pcr7 walks the events of PCR 7. */
struct pcr7 {
    size_t num_separators, num_variables;
    bool bad;
    enum cairn_secure_boot state;
};

static void see_secure_boot(struct pcr7 *walk, const struct cairn_efi_variable *variable)
{
    walk->num_variables++;
    if (variable->value.len == 0) { /* the firmware has no such variable */
        walk->state = CAIRN_SECURE_BOOT_OFF;
    } else if (variable->value.len == 1 && variable->value.p[0] <= 1) {
        walk->state = variable->value.p[0] == 1 ? CAIRN_SECURE_BOOT_ON : CAIRN_SECURE_BOOT_OFF;
    } else {
        walk->bad = true;
    }
}

static void see_pcr7(struct pcr7 *walk, const struct cairn_boot_event *event, struct cairn_span data)
{
    static const uint8_t zeros[4] = {0};
    struct cairn_efi_variable variable;
    if (event->type == CAIRN_EV_SEPARATOR) {
        walk->num_separators++;
        walk->bad = walk->bad || !event->data_verified || !cairn_span_equal(data, CAIRN_SPAN(zeros));
    } else if (event->type == CAIRN_EV_EFI_VARIABLE_CONFIG && walk->num_separators == 0) {
        if (!event->data_verified || !cairn_efi_variable_parse(data, &variable)) {
            walk->bad = true;
        } else if (cairn_span_equal(variable.guid, CAIRN_SPAN(efi_global)) &&
                   cairn_span_equal(variable.name, CAIRN_SPAN(secure_boot_name))) {
            see_secure_boot(walk, &variable);
        }
    }
}

static enum cairn_secure_boot read_secure_boot(const struct cairn_replay *replay)
{
    struct pcr7 walk = {.state = CAIRN_SECURE_BOOT_UNKNOWN};
    const struct cairn_boot_event *event = NULL;
    for (size_t i = 0; (event = cairn_replay_event(replay, i)) != NULL; i++) {
        if (event->pcr == 7) {
            see_pcr7(&walk, event, cairn_replay_event_data(replay, i));
        }
    }
    bool decided = !walk.bad && walk.num_separators == 1 && walk.num_variables == 1;
    return decided ? walk.state : CAIRN_SECURE_BOOT_UNKNOWN;
}

static bool is_harmless_action(struct cairn_span text)
{
    static const char *const actions[] = {"Calling EFI Application from Boot Option",
                                          "Returning from EFI Application from Boot Option", "Exit Boot Services Invocation",
                                          "Exit Boot Services Returned with Failure",
                                          "Exit Boot Services Returned with Success"};
    for (size_t i = 0; i < CAIRN_ARRAY_LEN(actions); i++) {
        if (cairn_span_equal(text, cairn_span_str(actions[i]))) {
            return true;
        }
    }
    return false;
}

static void see_action(struct cairn_boot_facts *facts, struct cairn_span text)
{
    if (cairn_span_equal(text, cairn_span_str("UEFI Debug Mode"))) {
        facts->debug_mode = true;
    } else if (cairn_span_equal(text, cairn_span_str("DMA Protection Disabled"))) {
        facts->dma_protection_off = true;
    } else if (!is_harmless_action(text)) { /* also: no text that the digest covers */
        facts->num_unknown_actions++;
    }
}

bool cairn_boot_class_ok(struct cairn_span name)
{
    for (size_t i = 0; i < name.len; i++) {
        uint8_t c = name.p[i];
        if (c < ' ' || c > '~' || c == '"' || c == '\'' || c == '\\') {
            return false;
        }
    }
    return name.len > 0 && name.len <= CAIRN_ROOT_CLASS_MAX;
}

bool cairn_boot_root_parse(struct cairn_span data, struct cairn_boot_root *out)
{
    enum { HEX = 2 * CAIRN_SHA256_LEN };
    static const char prefix[] = "cairn.root.v1 ";
    struct cairn_reader r = cairn_reader(data);
    struct cairn_span head = cairn_read_bytes(&r, sizeof prefix - 1);
    struct cairn_span name = cairn_read_bytes(&r, r.rest.len > HEX + 1 ? r.rest.len - HEX - 1 : 0);
    uint8_t space = cairn_read_u8(&r);
    char hex[HEX + 1] = {0};
    cairn_read_array(&r, (uint8_t *)hex, HEX);
    struct cairn_boot_root root = {0};
    if (!cairn_reader_done(&r) || !cairn_span_equal(head, cairn_span_str(prefix)) || space != ' ' ||
        !cairn_boot_class_ok(name) || !cairn_hex_decode(hex, root.digest, sizeof root.digest)) {
        return false;
    }
    struct cairn_reader class_reader = cairn_reader(name);
    cairn_read_array(&class_reader, (uint8_t *)root.class_name, name.len);
    *out = root;
    return true;
}

static void cover(struct cairn_boot_facts *facts, enum cairn_boot_part part, size_t event)
{
    if (!facts->coverage[part].measured) {
        facts->coverage[part] = (struct cairn_coverage){.measured = true, .event = event};
    }
}

/* A version string is not the firmware: only its bytes are. */
static bool is_firmware_code(const struct cairn_boot_event *event, const char *kind)
{
    return event->pcr == 0 && strcmp(kind, "boot.firmware") == 0 && event->type != CAIRN_EV_S_CRTM_VERSION &&
           event->type != 0x11;
}

/* A command line that the digest covers and that carries the root of a dm-verity tree measures the root file system. */
static bool names_verity_root(struct cairn_span cmdline)
{
    return memmem(cmdline.p, cmdline.len, "roothash=", strlen("roothash=")) != NULL;
}

static void cover_by(struct cairn_boot_facts *facts, const struct cairn_replay *replay, size_t i, const char *kind)
{
    static const struct {
        const char *kind;
        enum cairn_boot_part part;
    } parts[] = {{"boot.loader", CAIRN_PART_LOADER},
                 {"boot.kernel", CAIRN_PART_KERNEL},
                 {"boot.initrd", CAIRN_PART_INITRD},
                 {"boot.cmdline", CAIRN_PART_CMDLINE},
                 {"boot.devicetree", CAIRN_PART_DEVICE_TREE}};
    const struct cairn_boot_event *event = cairn_replay_event(replay, i);
    for (size_t k = 0; k < CAIRN_ARRAY_LEN(parts); k++) {
        if (strcmp(kind, parts[k].kind) == 0) {
            cover(facts, parts[k].part, i);
        }
    }
    if (is_firmware_code(event, kind)) {
        cover(facts, CAIRN_PART_FIRMWARE, i);
    }
    struct cairn_span data = cairn_replay_event_data(replay, i);
    if (strcmp(kind, "boot.cmdline") == 0 && data.len > 0 && names_verity_root(data)) {
        cover(facts, CAIRN_PART_ROOT_FILE_SYSTEM, i);
    }
}

static void see_event(struct cairn_boot_facts *facts, const struct cairn_replay *replay, size_t i)
{
    const struct cairn_boot_event *event = cairn_replay_event(replay, i);
    struct cairn_span data = cairn_replay_event_data(replay, i);
    const bool user = cairn_replay_event_is_user(replay, i);
    const struct rule *rule = user ? NULL : find_rule(event);
    if (event->type == CAIRN_EV_EFI_ACTION) {
        see_action(facts, data);
    }
    if (!user && rule == NULL) {
        facts->num_unexpected++;
    }
    if (!user) {
        cover_by(facts, replay, i, is_root_event(event) ? "boot.root" : rule != NULL ? rule->kind : "boot.event");
    }
}

size_t cairn_boot_roots(const struct cairn_replay *replay, struct cairn_boot_root *first)
{
    struct cairn_boot_root root;
    size_t num = 0;
    for (size_t i = 0; i < cairn_replay_num_events(replay); i++) {
        if (cairn_replay_event_is_user(replay, i) && is_root_event(cairn_replay_event(replay, i)) &&
            cairn_boot_root_parse(cairn_replay_event_data(replay, i), &root)) {
            *first = num == 0 ? root : *first;
            num++;
        }
    }
    return num;
}

void cairn_boot_facts_read(const struct cairn_replay *replay, struct cairn_boot_facts *out)
{
    struct cairn_boot_facts facts = {.secure_boot = read_secure_boot(replay)};
    facts.num_roots = cairn_boot_roots(replay, &facts.root);
    for (size_t i = 0; i < cairn_replay_num_events(replay); i++) {
        see_event(&facts, replay, i);
    }
    if (cairn_replay_num_ima(replay) > 1) { /* the first entry, boot_aggregate, measures nothing that runs */
        facts.coverage[CAIRN_PART_RUN_TIME] = (struct cairn_coverage){.measured = true, .by_ima = true};
    }
    *out = facts;
}

const char *cairn_boot_part_name(enum cairn_boot_part part)
{
    static const char *const names[CAIRN_NUM_BOOT_PARTS] = {"firmware",     "loader",      "kernel",           "initrd",
                                                            "command line", "device tree", "root file system", "run time"};
    return names[part];
}
