/* cli/cmd_doctor.c -- `cairn doctor`: can this board do it, in which state is it, and what should a person do about it.
 *
 * Changes nothing. Works in every state: before initialising, enrolled, in operation, state lost, and without a TPM. What the
 * TPM answers here is not authenticated: findings advise, they are no evidence.
 */
#include <openssl/evp.h>
#include <openssl/x509.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "attest/collect_device.h"
#include "boot_measure/tcg_log.h"
#include "cli/tables.h"

enum { MIN_NV_BUFFER = 64, FEW_TRANSIENTS = 3 };
enum level { PASS, NOTE, WARN, FAIL };
/* struct report holds {code, level, text} objects. */
struct report {
    json_t *findings;
    enum level worst;
};
/* struct patient is what could be opened of this device. */
struct patient {
    struct cairn_config config;
    struct cairn_here here; /* here.tpm NULL: no TPM */
    bool has_identity;
    struct cairn_tpm_info info;
};

static void add(struct report *report, const char *code, enum level level, const char *fmt, ...) CAIRN_PRINTF(4, 5);
static const char *level_name(enum level level)
{
    static const char *const names[] = {"pass", "note", "warn", "fail"};
    return names[level];
}

static void add(struct report *report, const char *code, enum level level, const char *fmt, ...)
{
    char text[400];
    va_list args;
    va_start(args, fmt);
    (void)vsnprintf(text, sizeof text, fmt, args);
    va_end(args);
    json_t *finding = json_pack("{s:s, s:s, s:s}", "code", code, "level", level_name(level), "text", text);
    (void)json_array_append_new(report->findings, finding); /* out of memory: the report is shorter, the result stands */
    report->worst = level > report->worst ? level : report->worst;
}

static void add_error(struct report *report, enum level level, const struct cairn_err *err)
{
    add(report, err->code, level, "%s", err->text);
}

static void check_process(struct report *report)
{
    CAIRN_SECRET *secret = NULL;
    struct cairn_err err = {0};
    if (prctl(PR_GET_DUMPABLE) == 0) {
        add(report, "process.dump", PASS, "core dumps of this program are off");
    } else {
        add(report, "process.dump", WARN, "core dumps could hold keys: this system refuses to turn them off for a process");
    }
    if (cairn_secret_new(64, &secret, &err) != CAIRN_OK) {
        add_error(report, FAIL, &err);
    } else if (cairn_secret_locked(secret)) {
        add(report, "process.mlock", PASS, "keys are kept in locked memory");
    } else {
        add(report, "process.mlock", WARN, "memory cannot be locked, so keys could reach the swap area: raise RLIMIT_MEMLOCK");
    }
}

static void check_firmware_log(struct report *report, struct cairn_span bytes)
{
    struct cairn_tcg_log log;
    struct cairn_err err = {0};
    if (cairn_tcg_log_open(bytes, &log, &err) != CAIRN_OK) {
        add_error(report, FAIL, &err);
    } else if (!cairn_tcg_log_has(&log, CAIRN_SHA256)) {
        add(report, "boot.log.bank.absent", FAIL,
            "the firmware's event log has no SHA-256 digests: enable that bank in its setup");
    } else {
        add(report, "boot.log", PASS, "the firmware's event log is readable: %zu bytes", bytes.len);
    }
}

static void check_log(struct report *report, enum cairn_boot_log_kind kind, const char *path)
{
    static const char *const codes[CAIRN_NUM_BOOT_LOGS] = {"boot.log", "boot.userlog", "boot.ima"};
    static const char *const absent[CAIRN_NUM_BOOT_LOGS] = {
        "without it no PCR can be explained: mount securityfs, or set `log =` in [boot] to nothing if the board has none",
        "run cairn-measure early in the boot, so that the root is part of the boot state",
        "the kernel measures no files; boot with ima_policy=tcb if run time is to be covered"};
    CAIRN_BUF bytes = {0};
    struct cairn_err err = {0};
    bool present = false;
    if (cairn_collect_log(path, &present, &bytes, &err) != CAIRN_OK) {
        add(report, codes[kind], WARN, "%s (run as root)", err.text);
    } else if (!present) {
        const bool wanted = kind == CAIRN_LOG_FIRMWARE && path[0] != '\0';
        add(report, codes[kind], wanted ? WARN : NOTE, "there is no %s at \"%s\": %s", cairn_boot_log_name(kind), path,
            absent[kind]);
    } else if (kind == CAIRN_LOG_FIRMWARE) {
        check_firmware_log(report, cairn_buf_span(&bytes));
    } else {
        add(report, codes[kind], PASS, "the %s is readable: %zu bytes", cairn_boot_log_name(kind), bytes.len);
    }
}

static void check_logs(struct report *report, const struct cairn_config *config)
{
    check_log(report, CAIRN_LOG_FIRMWARE, config->boot_log);
    check_log(report, CAIRN_LOG_USERSPACE, config->userspace_log);
    check_log(report, CAIRN_LOG_IMA, config->ima_log);
}

static void check_kind(struct report *report, const struct cairn_tpm_info *info)
{
    add(report, "tpm.present", PASS, "TPM 2.0 by %s (%s), firmware %08x.%08x", info->manufacturer, info->vendor,
        (unsigned)(info->firmware >> 32), (unsigned)info->firmware);
    if (info->is_virtual) {
        add(report, "tpm.class.virtual", WARN,
            "this is a software TPM: its state can be copied, so certificates are capped at grade B and sealing is only as "
            "strong as its host");
    } else {
        add(report, "tpm.class", PASS, "not a known software TPM");
    }
}

static void check_abilities(struct report *report, const struct cairn_tpm_info *info)
{
    add(report, info->sha256_bank ? "tpm.bank" : "tpm.bank.absent", info->sha256_bank ? PASS : FAIL, "%s",
        info->sha256_bank ? "the SHA-256 bank is active" : "the SHA-256 PCR bank is off: enable it in the firmware setup");
    add(report, info->ecc_p256 ? "tpm.ecc" : "tpm.ecc.absent", info->ecc_p256 ? PASS : FAIL, "%s",
        info->ecc_p256 ? "ECC P-256 is there" : "the TPM has no ECC P-256: Cairn cannot work on it");
    const bool nv = info->nv_index_max >= CAIRN_ANCHOR_LEN && info->nv_buffer_max >= MIN_NV_BUFFER;
    add(report, nv ? "tpm.nv" : "tpm.nv.small", nv ? PASS : FAIL, "NV: indices up to %u bytes, %u at a time%s",
        (unsigned)info->nv_index_max, (unsigned)info->nv_buffer_max, nv ? "" : ": too small for the state anchors");
}

static void check_auth(struct report *report, const char *hierarchy, bool set, bool configured)
{
    char code[48];
    (void)snprintf(code, sizeof code, "tpm.%s.auth", hierarchy);
    if (set && !configured) {
        add(report, code, strcmp(hierarchy, "lockout") == 0 ? WARN : FAIL,
            "%s auth is set and not configured: name its file as %s_auth_file in [tpm]%s", hierarchy, hierarchy,
            strcmp(hierarchy, "lockout") == 0 ? ", or a wipe cannot clear the TPM" : "");
    } else {
        add(report, code, PASS, "%s auth is %s", hierarchy, set ? "set and configured" : "empty");
    }
}

static void check_clear(struct report *report, const struct cairn_tpm_info *info)
{
    if (info->clear_disabled) {
        add(report, "wipe.clear.disabled", WARN,
            "TPM2_Clear is disabled: a wipe would end at grade D; enable it in the firmware setup or with tpm2_clearcontrol");
    } else {
        add(report, "wipe.clear", PASS, "TPM2_Clear is enabled");
    }
    if (info->in_lockout) {
        add(report, "tpm.lockout", WARN, "the TPM is locked out after %u failures: it forgets one every %u s",
            (unsigned)info->lockout_counter, (unsigned)info->lockout_interval_s);
    } else {
        add(report, "tpm.lockout.none", PASS, "not locked out (%u failures counted)", (unsigned)info->lockout_counter);
    }
    add(report, "tpm.platform", NOTE,
        "whether the firmware locked the platform hierarchy cannot be read without trying; where it is open, root can clear "
        "the "
        "TPM and undo a disabled Clear");
}

static bool holds(const struct cairn_audit_handles *handles, uint32_t handle)
{
    for (size_t i = 0; i < handles->num; i++) {
        if (handles->handle[i] == handle) {
            return true;
        }
    }
    return false;
}

static void check_our_handles(struct report *report, const struct patient *p, const struct cairn_audit_handles *persistent,
                              const struct cairn_audit_handles *nv)
{
    const struct cairn_config *c = &p->config;
    const uint32_t indices[] = {c->epoch, c->anchor[0], c->anchor[1]};
    if (p->has_identity) {
        return;
    }
    if (holds(persistent, c->ak)) {
        add(report, "tpm.handle.used", WARN, "handle 0x%08x is taken: set another `ak` in [tpm], or remove the key",
            (unsigned)c->ak);
    }
    for (size_t i = 0; i < CAIRN_ARRAY_LEN(indices); i++) {
        if (holds(nv, indices[i])) {
            add(report, "tpm.index.used", WARN, "NV index 0x%08x is taken: set another in [tpm], or remove it",
                (unsigned)indices[i]);
        }
    }
}

static void check_handles(struct report *report, const struct patient *p)
{
    struct cairn_audit_handles nv = {0}, persistent = {0}, transient = {0};
    struct cairn_err err = {0};
    if (cairn_tpm_handles(p->here.tpm, 0x01000000, &nv, &err) != CAIRN_OK ||
        cairn_tpm_handles(p->here.tpm, 0x81000000, &persistent, &err) != CAIRN_OK ||
        cairn_tpm_handles(p->here.tpm, 0x80000000, &transient, &err) != CAIRN_OK) {
        add_error(report, WARN, &err);
        return;
    }
    const bool free_slot = transient.num < FEW_TRANSIENTS;
    add(report, free_slot ? "tpm.handles" : "tpm.handles.full", free_slot ? PASS : WARN,
        "%zu NV indices, %zu persistent keys, %zu transient objects%s", nv.num, persistent.num, transient.num,
        free_slot ? "" : ": somebody leaves objects loaded; use /dev/tpmrm0 or flush them");
    check_our_handles(report, p, &persistent, &nv);
}

/* struct certificates counts the EK certificates by what Cairn can use: its EK is the P-256 one (template L-2). */
struct certificates {
    size_t num, num_p256;
    char last[64]; /* algorithm of the last one */
};

static CAIRN_RC see_certificate(void *arg, uint32_t index, struct cairn_span der, struct cairn_err *err)
{
    (void)index;
    (void)err;
    struct certificates *seen = arg;
    const uint8_t *p = der.p;
    char group[32] = "";
    X509 *x509 = d2i_X509(NULL, &p, (long)der.len);
    EVP_PKEY *key = x509 != NULL ? X509_get0_pubkey(x509) : NULL;
    seen->num++;
    if (key == NULL) {
        (void)snprintf(seen->last, sizeof seen->last, "unreadable");
    } else if (EVP_PKEY_get_group_name(key, group, sizeof group, NULL) == 1) {
        seen->num_p256 += strcmp(group, "prime256v1") == 0 ? 1 : 0;
        (void)snprintf(seen->last, sizeof seen->last, "ECC %s", group);
    } else {
        (void)snprintf(seen->last, sizeof seen->last, "%s %d", EVP_PKEY_get0_type_name(key), EVP_PKEY_get_bits(key));
    }
    X509_free(x509);
    return CAIRN_OK;
}

static void check_certificates(struct report *report, struct cairn_tpm *tpm)
{
    struct certificates seen = {0};
    struct cairn_err err = {0};
    if (cairn_tpm_ek_certs(tpm, see_certificate, &seen, &err) != CAIRN_OK) {
        add_error(report, WARN, &err);
    } else if (seen.num_p256 > 0) {
        add(report, "ek.certificate", PASS, "%zu EK certificate%s, ECC P-256 among them", seen.num, seen.num == 1 ? "" : "s");
    } else if (seen.num > 0) {
        add(report, "ek.certificate.other", WARN,
            "the TPM has an EK certificate (%s) but none for ECC P-256: ask its vendor for one and give it to `cairn enrol "
            "request --ek-certificate`",
            seen.last);
    } else {
        add(report, "ek.certificate.absent", WARN,
            "the TPM holds no EK certificate: ask its vendor for it and give it to `cairn enrol request --ek-certificate`");
    }
}

static void check_tpm(struct report *report, struct patient *p)
{
    struct cairn_err err = {0};
    if (cairn_tpm_info(p->here.tpm, &p->info, &err) != CAIRN_OK) {
        add_error(report, FAIL, &err);
        return;
    }
    check_kind(report, &p->info);
    check_abilities(report, &p->info);
    check_auth(report, "owner", p->info.owner_auth_set, p->here.owner_auth != NULL);
    check_auth(report, "endorsement", p->info.endorsement_auth_set, p->here.endorsement_auth != NULL);
    check_auth(report, "lockout", p->info.lockout_auth_set, p->here.lockout_auth != NULL);
    check_clear(report, &p->info);
    check_handles(report, p);
    check_certificates(report, p->here.tpm);
}

static void check_state(struct report *report, struct patient *p)
{
    struct cairn_state state = {0};
    struct cairn_err err = {0};
    if (!p->has_identity) {
        return; /* opening said why */
    }
    if (!p->here.identity.enrolled) {
        add(report, "device.unenrolled", NOTE, "initialised, not enrolled: `cairn enrol request` is next");
    } else if (cairn_state_read(p->here.state, &p->here.identity, p->here.tpm, &state, &err) != CAIRN_OK) {
        add_error(report, FAIL, &err);
    } else if (state.lost) {
        add(report, "state.lost", FAIL, "%s; nothing opens, wipe orders are still honoured", state.lost_why);
    } else {
        add(report, "device.state", PASS, "%s", cairn_life_name(state.life));
    }
}

/* A board on which nothing is configured yet: the TPM at its usual place, and no state. */
static CAIRN_RC open_unconfigured(struct cairn_cli *cli, struct report *report, struct patient *p)
{
    p->config = cairn_config_default();
    add(report, cli->err.code, WARN, "%s; looking with the defaults", cli->err.text);
    if (cairn_here_open_tpm(cli, &p->config, &p->here) != CAIRN_OK) {
        add_error(report, FAIL, &cli->err);
    }
    cli->err = (struct cairn_err){0};
    return CAIRN_OK;
}

/* open_patient opens as much as can be opened. Only a configuration that does not load, or another cairn at work, ends it. */
static CAIRN_RC open_patient(struct cairn_cli *cli, struct report *report, struct patient *p)
{
    enum cairn_rc rc = cairn_config_load(cli->config_path, &p->config, &cli->err);
    if (rc != CAIRN_OK && strcmp(cli->err.code, "config.absent") == 0) {
        return open_unconfigured(cli, report, p);
    }
    CAIRN_TRY(rc);
    rc = cairn_here_open(cli, &p->here);
    p->has_identity = rc == CAIRN_OK;
    if (rc == CAIRN_OK || rc == CAIRN_E_BUSY) {
        return rc;
    }
    const struct cairn_err first = cli->err;
    const bool fresh = strcmp(first.code, "device.uninitialised") == 0;
    rc = cairn_here_open_bare(cli, &p->here);
    if (rc == CAIRN_E_BUSY) {
        return rc;
    }
    add_error(report, fresh ? NOTE : FAIL, &first);
    if (rc != CAIRN_OK && strcmp(first.code, cli->err.code) != 0) {
        add_error(report, FAIL, &cli->err);
    }
    cli->err = (struct cairn_err){0};
    return CAIRN_OK;
}

static CAIRN_RC print_report(struct cairn_cli *cli, const struct report *report)
{
    if (cli->json) {
        return cairn_cli_print(cli, json_pack("{s:O, s:s}", "findings", report->findings, "result", level_name(report->worst)),
                               "%s", "");
    }
    for (size_t i = 0; i < json_array_size(report->findings); i++) {
        const json_t *f = json_array_get(report->findings, i);
        CAIRN_TRY(cairn_cli_print(cli, NULL, "%s  %-26s %s\n", json_string_value(json_object_get(f, "level")),
                                  json_string_value(json_object_get(f, "code")),
                                  json_string_value(json_object_get(f, "text"))));
    }
    return CAIRN_OK;
}

static int exit_code_of(const struct report *report, const struct patient *p)
{
    static const int codes[] = {[PASS] = 0, [NOTE] = 0, [WARN] = 3, [FAIL] = 1};
    return p->here.tpm == NULL ? cairn_rc_exit_code(CAIRN_E_TPM) : codes[report->worst];
}

static CAIRN_RC examine(struct cairn_cli *cli, struct report *report, struct patient *p, int *exit_code)
{
    CAIRN_TRY(open_patient(cli, report, p));
    if (p->here.tpm != NULL) {
        check_tpm(report, p);
        check_state(report, p);
    }
    check_logs(report, &p->config);
    check_process(report);
    *exit_code = exit_code_of(report, p);
    return print_report(cli, report);
}

static CAIRN_RC doctor(struct cairn_cli *cli, int argc, char **argv, int *exit_code)
{
    struct cairn_args args = {.options = NULL};
    CAIRN_TRY(cairn_args_parse(&args, argc, argv, &cli->err));
    CAIRN_JSON *findings = json_array();
    struct report report = {.findings = findings};
    struct patient *patient = calloc(1, sizeof *patient); /* two configurations: too large for the stack */
    if (patient == NULL || findings == NULL) {
        free(patient);
        return CAIRN_FAIL(&cli->err, CAIRN_E_IO, "doctor.memory", "no memory");
    }
    enum cairn_rc rc = examine(cli, &report, patient, exit_code);
    cairn_here_clear(&patient->here);
    free(patient);
    return rc;
}

const struct cairn_command cairn_commands_doctor[] = {
    {.noun = "doctor",
     .verb = NULL,
     .synopsis = "",
     .help =
         "Says whether this board can do what Cairn needs, in which state it is, and what to do about it. Changes nothing.\n"
         "Exit: 0 fine, 3 warnings, 1 something fails, 7 no TPM.",
     .run = doctor},
    {.noun = NULL},
};
