/* tests/unit/boot_measure/test_facts.c -- boot_measure/facts.c: what the genuine boots say, and what must not decide. */
#include "boot_measure/facts.h"

#include "vectors.h"

static struct cairn_replay *replay_boot(const char *name)
{
    BOOT boot = open_boot(name);
    struct cairn_replay *r = NULL;
    assert_int_equal(cairn_replay_run(&boot.logs, boot.mask, boot.quoted, &r, NULL), CAIRN_OK);
    return r;
}

static size_t find(const struct cairn_replay *r, unsigned pcr, const char *label)
{
    const struct cairn_boot_event *event = NULL;
    for (size_t i = 0; (event = cairn_replay_event(r, i)) != NULL; i++) {
        if (event->pcr == pcr && strcmp(event->label, label) == 0) {
            return i;
        }
    }
    fail_msg("no event %s in PCR %u", label, pcr);
    return 0;
}

static void expect_kind(const struct cairn_replay *r, unsigned pcr, const char *label, const char *kind)
{
    assert_string_equal(cairn_boot_event_kind(cairn_replay_event(r, find(r, pcr, label))), kind);
}

static void names_the_events_of_a_unified_kernel_image(void **state)
{
    (void)state;
    CAIRN_REPLAY *r = replay_boot("sb-uki-clean");
    expect_kind(r, 7, "SecureBoot", "boot.secureboot");
    expect_kind(r, 7, "db", "boot.secureboot");
    expect_kind(r, 7, "separator", "boot.separator");
    expect_kind(r, 1, "BootOrder", "boot.config");
    expect_kind(r, 4, "Calling EFI Application from Boot Option", "boot.event");
    expect_kind(r, 5, "partition table", "boot.config");
    expect_kind(r, 4, "\\EFI\\BOOT\\BOOTX64.EFI", "boot.loader");
    expect_kind(r, 11, ".linux", "boot.kernel");
    expect_kind(r, 11, ".osrel", "boot.config");
    expect_kind(r, 11, ".cmdline", "boot.cmdline");
    expect_kind(r, 11, ".initrd", "boot.initrd");
    expect_kind(r, 9, "LOADED_IMAGE::LoadOptions", "boot.cmdline");
    expect_kind(r, 9, "Linux initrd", "boot.initrd");
    assert_string_equal(cairn_boot_event_kind(cairn_replay_event(r, 1)), "boot.firmware");
}

static void names_the_events_of_shim_and_grub(void **state)
{
    (void)state;
    CAIRN_REPLAY *r = replay_boot("shim-ms-clean");
    expect_kind(r, 4, "\\EFI\\BOOT\\grubx64.efi", "boot.loader");
    expect_kind(r, 4, "(no path)", "boot.kernel");
    expect_kind(r, 14, "MokList", "boot.secureboot");
    expect_kind(r, 7, "SbatLevel", "boot.secureboot");
    expect_kind(r, 8, "kernel_cmdline: /vmlinuz console=ttyS0 ima_policy=tcb rootfstype=ramfs quiet", "boot.cmdline");
    expect_kind(r, 8, "grub_cmd: linux /vmlinuz console=ttyS0 ima_policy=tcb rootfstype=ramfs quiet", "boot.cmdline");
    expect_kind(r, 8, "grub_cmd: set timeout=0", "boot.config");
    expect_kind(r, 9, "/vmlinuz", "boot.kernel");
    expect_kind(r, 9, "/initrd.img", "boot.initrd");
    expect_kind(r, 9, "(hd0,gpt1)/EFI/debian/grub.cfg", "boot.config");
}

/* CHECKS 26: GRUB hashes the text behind its prefix. */
static void grub_commands_are_data_facts(void **state)
{
    (void)state;
    CAIRN_REPLAY *r = replay_boot("shim-ms-clean");
    size_t i = find(r, 8, "kernel_cmdline: /vmlinuz console=ttyS0 ima_policy=tcb rootfstype=ramfs quiet");
    assert_true(cairn_replay_event(r, i)->data_verified);
    assert_true(cairn_span_equal(cairn_replay_event_data(r, i),
                                 cairn_span_str("/vmlinuz console=ttyS0 ima_policy=tcb rootfstype=ramfs quiet")));
    i = find(r, 9, "/vmlinuz"); /* the digest is the file's, the path only a label */
    assert_false(cairn_replay_event(r, i)->data_verified);
    assert_int_equal(cairn_replay_event_data(r, i).len, 0);
}

static void a_changed_command_line_is_named_exactly_so(void **state)
{
    (void)state;
    CAIRN_REPLAY *clean = replay_boot("sb-uki-clean");
    CAIRN_REPLAY *seen = replay_boot("sb-uki-tampered-cmdline");
    size_t num_changed = 0;
    size_t num_containers = 0;
    assert_int_equal(cairn_replay_num_events(clean), cairn_replay_num_events(seen));
    for (size_t i = 0; i < cairn_replay_num_events(seen); i++) {
        const struct cairn_boot_event *event = cairn_replay_event(seen, i);
        const char *kind = cairn_boot_event_kind(event);
        const struct cairn_boot_event *was = cairn_replay_event(clean, i);
        assert_int_equal(was->pcr, event->pcr);
        assert_string_equal(cairn_boot_event_kind(was), kind);
        if (memcmp(was->digest, event->digest, 32) == 0) {
            continue;
        }
        if (cairn_boot_event_is_container(seen, i)) {
            assert_string_equal(kind, "boot.loader");
            num_containers++;
        } else {
            assert_string_equal(kind, "boot.cmdline");
            num_changed++;
        }
    }
    assert_int_equal(num_containers, 1);
    assert_int_equal(num_changed, 2); /* PCR 11, the section, and PCR 9, what the kernel was given */
}

static void only_the_unified_image_is_a_container(void **state)
{
    (void)state;
    static const struct {
        const char *boot;
        size_t num;
    } want[] = {{"sb-uki-clean", 1}, {"nosb-uki-clean", 1}, {"shim-ms-clean", 0}, {"direct-clean", 0}};
    for (size_t k = 0; k < CAIRN_ARRAY_LEN(want); k++) {
        CAIRN_REPLAY *r = replay_boot(want[k].boot);
        size_t num = 0;
        for (size_t i = 0; i <= cairn_replay_num_events(r); i++) {
            num += cairn_boot_event_is_container(r, i) ? 1 : 0;
        }
        assert_int_equal(num, want[k].num);
    }
}

static void reads_secure_boot_and_finds_nothing_odd_in_genuine_boots(void **state)
{
    (void)state;
    static const enum cairn_secure_boot want[] = {CAIRN_SECURE_BOOT_ON, CAIRN_SECURE_BOOT_ON, CAIRN_SECURE_BOOT_OFF,
                                                  CAIRN_SECURE_BOOT_ON, CAIRN_SECURE_BOOT_OFF};
    for (size_t i = 0; i < CAIRN_ARRAY_LEN(boots); i++) {
        CAIRN_REPLAY *r = replay_boot(boots[i]);
        struct cairn_boot_facts facts;
        cairn_boot_facts_read(r, &facts);
        assert_int_equal(facts.secure_boot, want[i]);
        assert_int_equal(facts.num_unknown_actions, 0);
        assert_int_equal(facts.num_unexpected, 0);
        assert_int_equal(facts.num_roots, 0);
        assert_false(facts.debug_mode || facts.dma_protection_off);
    }
}

static void does_not_believe_a_secure_boot_value_that_the_digest_does_not_cover(void **state)
{
    (void)state;
    BOOT boot = open_boot("nosb-uki-clean");
    CAIRN_REPLAY *r = NULL;
    struct cairn_boot_facts facts;
    boot.firmware.p[319 + 12 + 22 + 34 + 4 + 52] = 1;
    assert_int_equal(cairn_replay_run(&boot.logs, boot.mask, boot.quoted, &r, NULL), CAIRN_OK);
    cairn_boot_facts_read(r, &facts);
    assert_int_equal(facts.secure_boot, CAIRN_SECURE_BOOT_UNKNOWN);
}

/* A hand-made log is replayed against the PCRs it gives itself: the quote of a TPM that this boot extended. */
static struct cairn_boot_facts read_logs(const struct cairn_buf *firmware, const struct cairn_buf *user, uint32_t mask)
{
    struct pcrs pcrs = reset_pcrs();
    const struct cairn_buf *logs[] = {firmware, user};
    for (size_t i = 0; i < 2; i++) {
        struct cairn_tcg_log log;
        struct cairn_tcg_event event;
        bool more = logs[i] != NULL;
        if (more) {
            assert_int_equal(cairn_tcg_log_open(cairn_buf_span(logs[i]), &log, NULL), CAIRN_OK);
        }
        while (more && cairn_tcg_log_next(&log, &more, &event, NULL) == CAIRN_OK && more) {
            if (event.extends) {
                extend_digest(&pcrs, event.pcr, event.digests[CAIRN_TCG_SHA256].p);
            }
        }
    }
    struct cairn_boot_logs both = {.firmware = cairn_buf_span(firmware)};
    if (user != NULL) {
        both.userspace = cairn_buf_span(user);
    }
    uint8_t quoted[32];
    CAIRN_REPLAY *r = NULL;
    struct cairn_boot_facts facts;
    quote_pcrs(&pcrs, mask, quoted);
    assert_int_equal(cairn_replay_run(&both, mask, quoted, &r, NULL), CAIRN_OK);
    cairn_boot_facts_read(r, &facts);
    return facts;
}

static void add_variable(struct cairn_buf *log, unsigned pcr, const char *name, const void *value, size_t len)
{
    static const uint8_t global[16] = {0x61, 0xdf, 0xe4, 0x8b, 0xca, 0x93, 0xd2, 0x11,
                                       0xaa, 0x0d, 0x00, 0xe0, 0x98, 0x03, 0x2b, 0x8c};
    uint8_t data[128];
    struct cairn_writer w = cairn_writer(data, sizeof data);
    cairn_write_bytes(&w, CAIRN_SPAN(global));
    cairn_write_u64_le(&w, strlen(name));
    cairn_write_u64_le(&w, len);
    for (size_t i = 0; name[i] != '\0'; i++) {
        cairn_write_u16_le(&w, (uint16_t)name[i]);
    }
    cairn_write_bytes(&w, cairn_span(value, len));
    assert_true(cairn_writer_ok(&w));
    add(log, pcr, CAIRN_EV_EFI_VARIABLE_CONFIG, data, w.len);
}

/* One letter per event of PCR 7: 1, 0, _ (absent), 2 SecureBoot; L two bytes; p another variable; x not a variable at all;
 * s separator; e error separator; t short separator. */
static enum cairn_secure_boot secure_boot_of(const char *events)
{
    CAIRN_BUF log = new_log();
    for (; *events != '\0'; events++) {
        switch (*events) {
        case '0':
            add_variable(&log, 7, "SecureBoot", "\0", 1);
            break;
        case '1':
            add_variable(&log, 7, "SecureBoot", "\1", 1);
            break;
        case '2':
            add_variable(&log, 7, "SecureBoot", "\2", 1);
            break;
        case 'L':
            add_variable(&log, 7, "SecureBoot", "\1\1", 2);
            break;
        case '_':
            add_variable(&log, 7, "SecureBoot", "", 0);
            break;
        case 'p':
            add_variable(&log, 7, "PK", "key", 3);
            break;
        case 'x':
            add_text(&log, 7, CAIRN_EV_EFI_VARIABLE_CONFIG, "no variable");
            break;
        case 's':
            add(&log, 7, CAIRN_EV_SEPARATOR, "\0\0\0\0", 4);
            break;
        case 'e':
            add(&log, 7, CAIRN_EV_SEPARATOR, "\1\0\0\0", 4);
            break;
        default:
            add(&log, 7, CAIRN_EV_SEPARATOR, "\0\0\0", 3);
            break;
        }
    }
    return read_logs(&log, NULL, 0x80).secure_boot;
}

/* CHECKS 19. */
static void secure_boot_needs_one_variable_before_one_separator_of_zero(void **state)
{
    (void)state;
    assert_int_equal(secure_boot_of("1ps"), CAIRN_SECURE_BOOT_ON);
    assert_int_equal(secure_boot_of("p1s"), CAIRN_SECURE_BOOT_ON);
    assert_int_equal(secure_boot_of("0ps"), CAIRN_SECURE_BOOT_OFF);
    assert_int_equal(secure_boot_of("_ps"), CAIRN_SECURE_BOOT_OFF);
    assert_int_equal(secure_boot_of("0ps1"), CAIRN_SECURE_BOOT_OFF); /* after the separator: ignored */
    assert_int_equal(secure_boot_of("1ps0"), CAIRN_SECURE_BOOT_ON);
    assert_int_equal(secure_boot_of("1psx"), CAIRN_SECURE_BOOT_ON);
    static const char *const unknown[] = {"",    "s",  "ps",  "ps1", "1p",  "1",   "11s", "01s",
                                          "1ss", "1e", "1es", "1t",  "1se", "1xs", "2s",  "Ls"};
    for (size_t i = 0; i < CAIRN_ARRAY_LEN(unknown); i++) {
        assert_int_equal(secure_boot_of(unknown[i]), CAIRN_SECURE_BOOT_UNKNOWN);
    }
}

static void secure_boot_is_unknown_when_pcr_7_was_not_quoted(void **state)
{
    (void)state;
    CAIRN_BUF log = new_log();
    add_variable(&log, 7, "SecureBoot", "\1", 1);
    add(&log, 7, CAIRN_EV_SEPARATOR, "\0\0\0\0", 4);
    assert_int_equal(read_logs(&log, NULL, 0x7f).secure_boot, CAIRN_SECURE_BOOT_UNKNOWN);
}

/* CHECKS 20. */
static void surfaces_what_the_firmware_says_it_did(void **state)
{
    (void)state;
    CAIRN_BUF log = new_log();
    add_text(&log, 4, CAIRN_EV_EFI_ACTION, "Calling EFI Application from Boot Option");
    assert_int_equal(read_logs(&log, NULL, 0xff).num_unknown_actions, 0);
    add_text(&log, 7, CAIRN_EV_EFI_ACTION, "UEFI Debug Mode");
    add_text(&log, 7, CAIRN_EV_EFI_ACTION, "DMA Protection Disabled");
    add_text(&log, 4, CAIRN_EV_EFI_ACTION, "Calling EFI Application from Boot Option ");
    struct cairn_boot_facts facts = read_logs(&log, NULL, 0xff);
    assert_true(facts.debug_mode);
    assert_true(facts.dma_protection_off);
    assert_int_equal(facts.num_unknown_actions, 1);
    log.p[log.len - 1] = '!'; /* a text that the digest does not cover counts as unknown */
    assert_int_equal(read_logs(&log, NULL, 0xff).num_unknown_actions, 1);
}

/* CHECKS 18. */
static void counts_types_that_have_no_business_in_their_pcr(void **state)
{
    (void)state;
    CAIRN_BUF log = new_log();
    add_text(&log, 0, CAIRN_EV_EFI_BOOT_APPLICATION, "an application measured as firmware");
    add_text(&log, 0, 0x12345678, "a type nobody knows");
    add_text(&log, 0, CAIRN_EV_EFI_FIRMWARE_BLOB, "firmware");
    assert_int_equal(read_logs(&log, NULL, 0xff).num_unexpected, 2);
}

static void coverage_says_what_was_measured_and_what_was_not(void **state)
{
    (void)state;
    CAIRN_REPLAY *r = replay_boot("sb-uki-clean");
    struct cairn_boot_facts facts;
    cairn_boot_facts_read(r, &facts);
    static const char *const want[CAIRN_NUM_BOOT_PARTS] = {
        "", "\\EFI\\BOOT\\BOOTX64.EFI", ".linux", ".initrd", ".cmdline", NULL, NULL, NULL};
    for (size_t i = 0; i < CAIRN_NUM_BOOT_PARTS; i++) {
        const struct cairn_coverage *part = &facts.coverage[i];
        bool measured = want[i] != NULL || i == CAIRN_PART_RUN_TIME;
        assert_int_equal(part->measured, measured);
        assert_int_equal(part->by_ima, i == CAIRN_PART_RUN_TIME);
        if (want[i] != NULL) {
            assert_string_equal(cairn_replay_event(r, part->event)->label, want[i]);
        }
        assert_true(strlen(cairn_boot_part_name((enum cairn_boot_part)i)) > 0);
    }
}

static void a_version_string_does_not_cover_the_firmware(void **state)
{
    (void)state;
    CAIRN_BUF log = new_log();
    add_text(&log, 0, CAIRN_EV_S_CRTM_VERSION, "U-Boot 2023.01");
    assert_false(read_logs(&log, NULL, 0xff).coverage[CAIRN_PART_FIRMWARE].measured);
}

static void a_verity_root_on_a_measured_command_line_covers_the_root_file_system(void **state)
{
    (void)state;
    CAIRN_BUF log = new_log();
    add_text(&log, 12, CAIRN_EV_IPL, "root=/dev/dm-0 roothash=00112233");
    assert_true(read_logs(&log, NULL, 0x1000).coverage[CAIRN_PART_ROOT_FILE_SYSTEM].measured);
    log.p[log.len - 1] = '4';
    assert_false(read_logs(&log, NULL, 0x1000).coverage[CAIRN_PART_ROOT_FILE_SYSTEM].measured);
}

static const uint8_t root_digest[32] = {0xab, 0xcd};

static void add_root(struct cairn_buf *log, unsigned pcr, const char *name)
{
    CAIRN_BUF data = {0};
    assert_int_equal(cairn_user_log_root(name, root_digest, &data, NULL), CAIRN_OK);
    add(log, pcr, CAIRN_EV_IPL, data.p, data.len);
}

static void reads_the_root_event_of_the_userspace_log(void **state)
{
    (void)state;
    CAIRN_BUF firmware = new_log();
    CAIRN_BUF user = new_log();
    add_root(&firmware, 8, "from-the-loader");
    assert_int_equal(read_logs(&firmware, &user, 0x1ff).num_roots, 0);
    add_root(&user, 9, "in-another-pcr");
    assert_int_equal(read_logs(&firmware, &user, 0x3ff).num_roots, 0);
    add_root(&user, 8, "edge-gateway");
    struct cairn_boot_facts facts = read_logs(&firmware, &user, 0x3ff);
    assert_int_equal(facts.num_roots, 1);
    assert_string_equal(facts.root.class_name, "edge-gateway");
    assert_memory_equal(facts.root.digest, root_digest, 32);
    add_root(&user, 8, "second");
    facts = read_logs(&firmware, &user, 0x3ff);
    assert_int_equal(facts.num_roots, 2);
    assert_string_equal(facts.root.class_name, "edge-gateway");
    user.p[user.len - 1] ^= 1; /* the second's data is now not what was extended */
    assert_int_equal(read_logs(&firmware, &user, 0x3ff).num_roots, 1);
}

static void a_label_alone_is_no_root_event(void **state)
{
    (void)state;
    struct cairn_boot_event event = {.pcr = 8, .type = CAIRN_EV_IPL, .label = "cairn.root.v1 edge", .data_verified = true};
    assert_string_equal(cairn_boot_event_kind(&event), "boot.root");
    event.data_verified = false;
    assert_string_equal(cairn_boot_event_kind(&event), "boot.config");
    event.data_verified = true;
    event.pcr = 9;
    assert_string_equal(cairn_boot_event_kind(&event), "boot.config");
}

static void refuses_root_events_in_any_other_form(void **state)
{
    (void)state;
#define HEX64 "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff"
    static const char *const bad[] = {"",
                                      "cairn.root.v1 ",
                                      "cairn.root.v1 " HEX64,
                                      "cairn.root.v2 c " HEX64,
                                      "cairn.root.v1 c " HEX64 "0",
                                      "cairn.root.v1 c " HEX64 "\n",
                                      "cairn.root.v1 c\"d " HEX64,
                                      "cairn.root.v1 c_" HEX64,
                                      "cairn.root.v1 c\xc3\xa4 " HEX64,
                                      "cairn.root.v1 c G0112233445566778899aabbccddeeff00112233445566778899aabbccddeeff",
                                      "cairn.root.v1 c A0112233445566778899aabbccddeeff00112233445566778899aabbccddeeff"};
    struct cairn_boot_root root;
    for (size_t i = 0; i < CAIRN_ARRAY_LEN(bad); i++) {
        CAIRN_BUF data = copy_of(cairn_span_str(bad[i]));
        assert_false(cairn_boot_root_parse(cairn_buf_span(&data), &root));
    }
    assert_true(cairn_boot_root_parse(cairn_span_str("cairn.root.v1 c " HEX64), &root));
    assert_int_equal(root.digest[1], 0x11);
    assert_true(cairn_boot_root_parse(cairn_span_str("cairn.root.v1 edge gateway " HEX64), &root));
    assert_string_equal(root.class_name, "edge gateway");
}

static void class_names_have_a_length_and_no_quotes(void **state)
{
    (void)state;
    char name[CAIRN_ROOT_CLASS_MAX + 2];
    struct cairn_err err = {0};
    CAIRN_BUF data = {0};
    memset(name, 'c', sizeof name);
    name[sizeof name - 1] = '\0';
    assert_int_equal(cairn_user_log_root(name, root_digest, &data, &err), CAIRN_E_FORMAT);
    assert_code(err, "boot.root.class");
    assert_int_equal(data.len, 0);
    assert_int_equal(cairn_user_log_root("", root_digest, &data, &err), CAIRN_E_FORMAT);
    assert_int_equal(cairn_user_log_root("a\\b", root_digest, &data, &err), CAIRN_E_FORMAT);
    name[CAIRN_ROOT_CLASS_MAX] = '\0';
    struct cairn_boot_root root;
    assert_int_equal(cairn_user_log_root(name, root_digest, &data, &err), CAIRN_OK);
    assert_true(cairn_boot_root_parse(cairn_buf_span(&data), &root));
    assert_string_equal(root.class_name, name);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_the_events_of_a_unified_kernel_image),
        cmocka_unit_test(names_the_events_of_shim_and_grub),
        cmocka_unit_test(grub_commands_are_data_facts),
        cmocka_unit_test(a_changed_command_line_is_named_exactly_so),
        cmocka_unit_test(only_the_unified_image_is_a_container),
        cmocka_unit_test(reads_secure_boot_and_finds_nothing_odd_in_genuine_boots),
        cmocka_unit_test(does_not_believe_a_secure_boot_value_that_the_digest_does_not_cover),
        cmocka_unit_test(secure_boot_needs_one_variable_before_one_separator_of_zero),
        cmocka_unit_test(secure_boot_is_unknown_when_pcr_7_was_not_quoted),
        cmocka_unit_test(surfaces_what_the_firmware_says_it_did),
        cmocka_unit_test(counts_types_that_have_no_business_in_their_pcr),
        cmocka_unit_test(coverage_says_what_was_measured_and_what_was_not),
        cmocka_unit_test(a_version_string_does_not_cover_the_firmware),
        cmocka_unit_test(a_verity_root_on_a_measured_command_line_covers_the_root_file_system),
        cmocka_unit_test(reads_the_root_event_of_the_userspace_log),
        cmocka_unit_test(a_label_alone_is_no_root_event),
        cmocka_unit_test(refuses_root_events_in_any_other_form),
        cmocka_unit_test(class_names_have_a_length_and_no_quotes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
