/* tests/unit/wipe/retire.h -- one provisioned device on a real software TPM and a disk that fails, with an order to retire it.
 *
 * The state directory is a fault_disk; the medium is a real LUKS2 file; documents are delivered to a real directory.
 */
#ifndef CAIRN_TESTS_WIPE_RETIRE_H
#define CAIRN_TESTS_WIPE_RETIRE_H

#include "support/cmocka_all.h"

#include <fcntl.h>
#include <libcryptsetup.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/clock.h"
#include "support/fault_fs.h"
#include "support/tap_tcti.h"
#include "support/test_keys.h"
#include "wipe/sequence_device.h"

enum { RETIRE_MASK = 1u << 0 | 1u << 7 | 1u << 8, RETIRE_PATH = 200 };

struct retire {
    struct cairn_test_keys keys;
    struct cairn_swtpm *swtpm;
    struct cairn_tap *tap;
    struct cairn_tpm *tpm;
    struct fault_disk *disk, *image;
    struct cairn_fs *state, *out;
    struct cairn_identity identity;
    struct cairn_wipe_settings settings;
    struct cairn_order order;
    struct cairn_buf order_file;
    struct cairn_buf release; /* given with the order; empty: none */
    uint64_t epoch, now_s;
    char out_path[RETIRE_PATH], medium[RETIRE_PATH], golden[RETIRE_PATH];
    unsigned stop_after; /* steps until stop says so; 0: never */
    struct cairn_err err;
};

#define OK(d, expr)                                                                                                            \
    do {                                                                                                                       \
        enum cairn_rc ok_rc_ = (expr);                                                                                         \
        if (ok_rc_ != CAIRN_OK) {                                                                                              \
            print_error("%s: %s (%s, cause 0x%x)\n", #expr, (d)->err.text, (d)->err.code, (d)->err.cause);                     \
        }                                                                                                                      \
        assert_int_equal(ok_rc_, CAIRN_OK);                                                                                    \
    } while (0)
#define REFUSES(d, want, expr)                                                                                                 \
    do {                                                                                                                       \
        memset(&(d)->err, 0, sizeof(d)->err);                                                                                  \
        assert_int_not_equal((expr), CAIRN_OK);                                                                                \
        assert_string_equal((d)->err.code, (want));                                                                            \
    } while (0)

/* Programs start: TPM opened over a fresh connection, identity read from the disk. */
static inline enum cairn_rc retire_open(struct retire *d)
{
    struct cairn_tpm_config config = cairn_tpm_config_default();
    cairn_tpm_close(d->tpm);
    d->tpm = NULL;
    cairn_tap_free(d->tap);
    d->tap = cairn_tap_new(d->swtpm);
    config.given = cairn_tap_context(d->tap);
    CAIRN_TRY(cairn_tpm_open(&config, &d->tpm, &d->err));
    CAIRN_TRY(cairn_identity_load(d->state, d->now_s, &d->identity, &d->err));
    return d->identity.enrolled ? cairn_identity_pin(&d->identity, d->tpm, &d->err) : CAIRN_OK;
}

static inline void retire_quiet(int level CAIRN_UNUSED, const char *msg CAIRN_UNUSED, void *arg CAIRN_UNUSED)
{
}

static inline void retire_luks(struct retire *d)
{
    static const char pass[] = "correct horse";
    struct crypt_pbkdf_type fast = {
        .type = CRYPT_KDF_PBKDF2, .hash = "sha256", .iterations = 1000, .flags = CRYPT_PBKDF_NO_BENCHMARK};
    struct crypt_params_luks2 params = {.sector_size = 512, .pbkdf = &fast};
    struct crypt_device *cd = NULL;
    int fd = open(d->golden, O_CREAT | O_RDWR | O_TRUNC, 0600);
    assert_true(fd >= 0 && ftruncate(fd, 2 << 20) == 0 && close(fd) == 0);
    assert_int_equal(crypt_init(&cd, d->golden), 0);
    assert_int_equal(crypt_set_metadata_size(cd, 16384, 512 << 10), 0);
    assert_int_equal(crypt_format(cd, CRYPT_LUKS2, "aes", "xts-plain64", NULL, NULL, 64, &params), 0);
    assert_int_equal(crypt_set_pbkdf_type(cd, &fast), 0);
    assert_true(crypt_keyslot_add_by_volume_key(cd, 0, NULL, 0, pass, sizeof pass - 1) >= 0);
    assert_true(crypt_keyslot_add_by_key(cd, 1, NULL, 64, pass, sizeof pass - 1, CRYPT_VOLUME_KEY_NO_SEGMENT) >= 0);
    assert_true(crypt_token_json_set(cd, CRYPT_ANY_TOKEN, "{\"type\":\"cairn-test\",\"keyslots\":[],\"blob\":\"x\"}") >= 0);
    crypt_free(cd);
}

static inline void copy_file(const char *from, const char *to)
{
    CAIRN_BUF bytes = {0};
    assert_int_equal(cairn_path_read(from, 8 << 20, &bytes, NULL), CAIRN_OK);
    assert_int_equal(cairn_path_write(to, cairn_buf_span(&bytes), 0600, NULL), CAIRN_OK);
}

static inline void retire_sign_half(struct retire *d, struct cairn_approval *half)
{
    uint8_t digest[32] = {0};
    OK(d, cairn_policy_approval_digest(half->approved, half->ref, digest, &d->err));
    OK(d, cairn_signer_sign(d->keys.role[CAIRN_ROLE_PCRPOLICY], digest, half->rs, &d->err));
}

/* approvals.json for the PCRs as they are. */
static inline void retire_approve(struct retire *d)
{
    struct cairn_approvals a = {.device_class = CAIRN_TEST_CLASS, .floor = 1};
    uint8_t values[CAIRN_NUM_PCRS][32] = {{0}};
    CAIRN_JSON *json = NULL;
    CAIRN_BUF text = {0};
    a.anchor.mask = RETIRE_MASK;
    a.anchor.signer = *cairn_root_pcrpolicy_key(d->keys.root);
    OK(d, cairn_tpm_pcr_read(d->tpm, RETIRE_MASK, values, &d->err));
    OK(d, cairn_pcr_digest(RETIRE_MASK, (const uint8_t(*)[32])values, a.anchor.pcr_digest, &d->err));
    OK(d, cairn_policy_pcr(a.anchor.approved, RETIRE_MASK, a.anchor.pcr_digest, &d->err));
    a.vault = a.anchor;
    OK(d, cairn_policy_ref_anchor(CAIRN_TEST_CLASS, a.anchor.ref, &d->err));
    OK(d, cairn_policy_ref_vault(CAIRN_TEST_CLASS, 1, a.vault.ref, &d->err));
    retire_sign_half(d, &a.anchor);
    retire_sign_half(d, &a.vault);
    OK(d, cairn_approvals_write(&a, &json, &d->err));
    OK(d, cairn_json_write(json, &text, &d->err));
    OK(d, cairn_file_replace(d->state, CAIRN_APPROVALS_FILE, cairn_buf_span(&text), 0600, &d->err));
}

static inline void retire_enrol(struct retire *d)
{
    struct cairn_tpm_keys made = {0};
    struct cairn_tpm_config config = cairn_tpm_config_default();
    CAIRN_BUF payload = {0};
    CAIRN_BUF file = {0};
    struct cairn_statement *s = calloc(1, sizeof *s);
    assert_non_null(s);
    *s = d->keys.statement;
    OK(d, cairn_tpm_keys_make(d->tpm, s->fleet, &made, &d->err));
    OK(d, cairn_tpm_epoch_define(d->tpm, &d->err));
    s->ek = made.ek;
    s->ak = made.ak;
    s->srk = made.srk;
    cairn_template_epoch(config.epoch, true, &s->epoch);
    struct cairn_tpm_pins pins = {0};
    OK(d, cairn_name_compute(cairn_area_span(&s->srk), &pins.srk, &d->err));
    OK(d, cairn_name_compute(cairn_area_span(&s->ak), &pins.ak, &d->err));
    OK(d, cairn_name_compute(cairn_area_span(&s->epoch), &pins.epoch, &d->err));
    memcpy(pins.fleet, s->fleet, 32);
    OK(d, cairn_tpm_pin(d->tpm, &pins, &d->err));
    OK(d, cairn_tpm_epoch_read(d->tpm, &s->epoch_value, &d->err));
    OK(d, cairn_statement_payload(s, &payload, &d->err));
    cairn_test_sign(cairn_buf_span(&payload), CAIRN_TYPE_STATEMENT, d->keys.role[CAIRN_ROLE_ENROL], &file);
    OK(d, cairn_file_replace(d->state, "root.dsse", cairn_buf_span(&d->keys.root_file), 0600, &d->err));
    OK(d, cairn_file_replace(d->state, "statement.dsse", cairn_buf_span(&file), 0600, &d->err));
    free(s);
}

/* An anchored OPERATIONAL record at the present epoch, and something that looks like a vault. */
static inline void retire_provision(struct retire *d)
{
    struct cairn_state *state = calloc(1, sizeof *state);
    struct cairn_approvals *a = calloc(1, sizeof *a);
    struct cairn_record *r = calloc(1, sizeof *r);
    assert_true(state != NULL && a != NULL && r != NULL);
    retire_approve(d);
    OK(d, cairn_state_approvals(d->state, &d->identity, a, &d->err));
    OK(d, cairn_tpm_epoch_increment(d->tpm, &d->err));
    OK(d, cairn_tpm_epoch_increment(d->tpm, &d->err));
    OK(d, cairn_tpm_epoch_read(d->tpm, &d->epoch, &d->err));
    r->life = CAIRN_LIFE_OPERATIONAL;
    r->phase = CAIRN_PHASE_CONFIRMED;
    r->epoch = d->epoch;
    r->bound = d->epoch;
    r->floor = 1;
    r->root_version = 1;
    memcpy(r->statement, d->identity.statement.digest, 32);
    memset(r->manifest, 0x3a, 32);
    OK(d, cairn_state_read(d->state, &d->identity, d->tpm, state, &d->err));
    OK(d, cairn_state_first(d->state, &d->identity, d->tpm, &a->anchor, r, state, &d->err));
    fault_disk_put(d->disk, "vault.1", cairn_span_str("sealed"));
    free(state);
    free(a);
    free(r);
}

static inline void retire_order(struct retire *d, uint64_t from, uint64_t to)
{
    const struct cairn_statement *s = &d->identity.statement;
    struct cairn_order *o = &d->order;
    CAIRN_BUF text = {0};
    CAIRN_BUF once = {0};
    if (o->devices == NULL) {
        o->devices = calloc(1, sizeof *o->devices);
        assert_non_null(o->devices);
    }
    o->num_devices = 1;
    memcpy(o->fleet, s->fleet, 32);
    (void)snprintf(o->device_class, sizeof o->device_class, "%s", s->device_class);
    o->root_version = 1;
    memset(o->challenge, 0xc5, 32);
    (void)snprintf(o->reason, sizeof o->reason, "end of lease");
    (void)snprintf(o->standard, sizeof o->standard, "%s", CAIRN_ORDER_STANDARD);
    o->min_grade = o->min_grade == '\0' ? 'C' : o->min_grade;
    o->issued_s = d->now_s;
    o->expires_s = d->now_s + 86400;
    memcpy(o->devices[0].device, s->device, 32);
    o->devices[0].ak = s->ak_name;
    (void)snprintf(o->devices[0].serial, sizeof o->devices[0].serial, "%s", s->serial);
    (void)snprintf(o->devices[0].tag, sizeof o->devices[0].tag, "%s", s->tag);
    o->devices[0].epoch_from = from;
    o->devices[0].epoch_to = to;
    OK(d, cairn_order_payload(o, &text, &d->err));
    OK(d, cairn_sha256(cairn_buf_span(&text), o->digest, &d->err));
    cairn_test_sign(cairn_buf_span(&text), CAIRN_TYPE_ORDER, d->keys.role[CAIRN_ROLE_RETIRE], &once);
    cairn_test_sign(cairn_buf_span(&once), CAIRN_TYPE_ORDER, d->keys.retire_b, &d->order_file);
}

static inline struct retire *retire_new(void)
{
    struct retire *d = calloc(1, sizeof *d);
    assert_non_null(d);
    d->now_s = CAIRN_TEST_NOW;
    cairn_test_keys_make(&d->keys);
    d->swtpm = cairn_swtpm_new(false);
    d->disk = fault_disk_new();
    d->state = fault_disk_mount(d->disk);
    (void)snprintf(d->out_path, sizeof d->out_path, "%s/out", cairn_swtpm_dir(d->swtpm));
    (void)snprintf(d->medium, sizeof d->medium, "%s/medium.img", cairn_swtpm_dir(d->swtpm));
    (void)snprintf(d->golden, sizeof d->golden, "%s/golden.img", cairn_swtpm_dir(d->swtpm));
    OK(d, cairn_fs_open_dir(d->out_path, true, &d->out, &d->err));
    retire_luks(d);
    copy_file(d->golden, d->medium);
    d->settings.num_targets = 1;
    (void)snprintf(d->settings.targets[0].name, sizeof d->settings.targets[0].name, "data");
    (void)snprintf(d->settings.targets[0].driver, sizeof d->settings.targets[0].driver, "luks2");
    (void)snprintf(d->settings.targets[0].path, sizeof d->settings.targets[0].path, "%s", d->medium);
    fault_disk_put(d->disk, "root.dsse", cairn_buf_span(&d->keys.root_file));
    OK(d, retire_open(d));
    retire_enrol(d);
    OK(d, retire_open(d));
    retire_provision(d);
    retire_order(d, d->epoch, d->epoch);
    return d;
}

static inline void retire_free(struct retire *d)
{
    cairn_tpm_close(d->tpm);
    cairn_tap_free(d->tap);
    cairn_swtpm_free(d->swtpm);
    cairn_identity_clear(&d->identity);
    cairn_fs_free(d->state);
    cairn_fs_free(d->out);
    fault_disk_free(d->disk);
    if (d->image != NULL) {
        fault_disk_free(d->image);
    }
    cairn_order_clear(&d->order);
    cairn_buf_clear(&d->order_file);
    cairn_buf_clear(&d->release);
    cairn_test_keys_clear(&d->keys);
    free(d);
}

static inline void retire_freep(struct retire **d)
{
    retire_free(*d);
}
#define RETIRE CAIRN_CLEANUP(retire_freep) struct retire

static inline void retire_save(struct retire *d)
{
    cairn_tpm_close(d->tpm);
    d->tpm = NULL;
    cairn_tap_free(d->tap);
    d->tap = NULL;
    cairn_swtpm_save(d->swtpm, "ready");
    d->image = fault_disk_copy(d->disk);
}

static inline void retire_restore(struct retire *d)
{
    cairn_tpm_close(d->tpm);
    d->tpm = NULL;
    cairn_tap_free(d->tap);
    d->tap = NULL;
    cairn_swtpm_restore(d->swtpm, "ready");
    fault_disk_restore(d->disk, d->image);
    copy_file(d->golden, d->medium);
    static const char *const DELIVERED[] = {"kill.json", "plan.json", "media.log", "start.json", "certificate.json", "journal"};
    for (size_t i = 0; i < CAIRN_ARRAY_LEN(DELIVERED); i++) {
        OK(d, cairn_file_remove(d->out, DELIVERED[i], &d->err));
    }
}

static inline bool retire_stop(void *arg)
{
    struct retire *d = arg;
    return d->stop_after > 0 && --d->stop_after == 0;
}

static inline struct cairn_wipe_run retire_run(struct retire *d)
{
    const struct cairn_tpm_config config = cairn_tpm_config_default();
    return (struct cairn_wipe_run){.state = d->state,
                                   .out = d->out,
                                   .out_path = d->out_path,
                                   .identity = &d->identity,
                                   .tpm = d->tpm,
                                   .settings = &d->settings,
                                   .ak = config.ak,
                                   .srk = config.srk,
                                   .tool = "cairn test",
                                   .release = cairn_buf_span(&d->release),
                                   .now_s = d->now_s,
                                   .consumer_wait_ms = 2000,
                                   .stop = retire_stop,
                                   .arg = d};
}

static inline enum cairn_rc retire_accept(struct retire *d)
{
    const struct cairn_wipe_run run = retire_run(d);
    return cairn_wipe_accept(&run, cairn_buf_span(&d->order_file), &d->err);
}

static inline enum cairn_rc retire_resume(struct retire *d)
{
    const struct cairn_wipe_run run = retire_run(d);
    return cairn_wipe_resume(&run, &d->err);
}

static inline enum cairn_rc retire_all(struct retire *d)
{
    CAIRN_TRY(retire_accept(d));
    return retire_resume(d);
}

/* The end, as a stranger sees it. */
static inline struct cairn_certificate *retire_certificate(struct retire *d)
{
    CAIRN_BUF file = {0};
    struct cairn_certificate *found = NULL;
    const struct cairn_span root = cairn_buf_span(&d->keys.root_file);
    OK(d, cairn_file_read(d->out, "certificate.json", 1 << 20, &file, &d->err));
    OK(d, cairn_certificate_verify(cairn_buf_span(&file), &root, 1, &found, &d->err));
    return found;
}

#endif
