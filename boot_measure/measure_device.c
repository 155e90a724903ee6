/* boot_measure/measure_device.c -- see measure_device.h. */
#include "boot_measure/measure_device.h"

#include "core/doctype.h"
#include "core/dsse.h"
#include "core/file.h"

#include <fcntl.h>
#include <string.h>
#include <unistd.h>

enum { LOG_MODE = 0644 };

CAIRN_RC cairn_measure_boot_id(const char *path, char out[CAIRN_BOOT_ID_LEN + 1], struct cairn_err *err)
{
    char text[CAIRN_BOOT_ID_LEN + 1] = {0};
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t len = fd < 0 ? -1 : read(fd, text, CAIRN_BOOT_ID_LEN);
    if (fd >= 0) {
        (void)close(fd);
    }
    if (len != CAIRN_BOOT_ID_LEN) {
        return CAIRN_FAIL(err, CAIRN_E_IO, "measure.bootid", "cannot read this boot's id from %s (the kernel's needs /proc)",
                          path);
    }
    (void)snprintf(out, CAIRN_BOOT_ID_LEN + 1, "%s", text);
    return CAIRN_OK;
}

/* Reads class and version of the root's payload; its other members are not this program's business. */
static enum cairn_rc read_root(struct cairn_span payload, struct cairn_boot_root *out, struct cairn_err *err)
{
    CAIRN_JSON *json = NULL;
    CAIRN_TRY(cairn_json_parse(payload, CAIRN_DSSE_MAX_LEN, true, "root", &json, err));
    struct cairn_obj o = cairn_obj(json, "root", err);
    const char *name = cairn_obj_string(&o, "class", CAIRN_ROOT_CLASS_MAX);
    uint64_t version = cairn_obj_uint(&o, "version", UINT32_MAX);
    if (o.rc != CAIRN_OK) {
        return o.rc;
    }
    if (!cairn_boot_class_ok(cairn_span_str(name))) {
        return CAIRN_FAIL(err, CAIRN_E_FORMAT, "boot.root.class", "the root's class is no class name");
    }
    if (version != 1) {
        return CAIRN_FAIL(err, CAIRN_E_REFUSED, "measure.root.version",
                          "root version %llu given: the boot is bound to version 1, which never changes",
                          (unsigned long long)version);
    }
    struct cairn_boot_root root = {0};
    (void)snprintf(root.class_name, sizeof root.class_name, "%s", name);
    CAIRN_TRY(cairn_sha256(payload, root.digest, err));
    *out = root;
    return CAIRN_OK;
}

struct run {
    struct cairn_tpm *tpm;
    const char *log_path, *boot_id;
    struct cairn_buf log;
    struct cairn_measure_result result;
};

static enum cairn_rc read_pcr(struct run *run, uint8_t out[CAIRN_SHA256_LEN], struct cairn_err *err)
{
    uint8_t values[CAIRN_NUM_PCRS][32];
    CAIRN_TRY(cairn_tpm_pcr_read(run->tpm, 1u << CAIRN_PCR_USERSPACE, values, err));
    struct cairn_reader r = cairn_reader(CAIRN_SPAN(values[CAIRN_PCR_USERSPACE]));
    cairn_read_array(&r, out, CAIRN_SHA256_LEN);
    return CAIRN_OK;
}

static enum cairn_rc start_log(struct run *run, const uint8_t value[CAIRN_SHA256_LEN], struct cairn_err *err)
{
    uint16_t algs[CAIRN_TPM_MAX_BANKS];
    size_t num = 0;
    CAIRN_TRY(cairn_tpm_pcr_banks(run->tpm, algs, &num, err));
    CAIRN_TRY(cairn_user_log_header(algs, num, &run->log, err));
    return cairn_user_log_base(&run->log, run->boot_id, value, err);
}

static enum cairn_rc extend(struct run *run, struct cairn_span data, struct cairn_err *err)
{
    CAIRN_TRY(cairn_tpm_pcr_extend(run->tpm, CAIRN_PCR_USERSPACE, data, err));
    run->result.num_extended++;
    return CAIRN_OK;
}

/* Brings log and PCR 8 to the same point: afterwards every event of run->log is extended. */
static enum cairn_rc reconcile(struct run *run, struct cairn_err *err)
{
    uint8_t value[CAIRN_SHA256_LEN];
    CAIRN_TRY(read_pcr(run, value, err));
    struct cairn_err why = {0};
    enum cairn_rc rc = cairn_path_read(run->log_path, CAIRN_TCG_MAX_LOG_LEN, &run->log, &why);
    if (rc != CAIRN_OK && strcmp(why.code, "file.absent") == 0) {
        return start_log(run, value, err);
    }
    if (rc != CAIRN_OK) {
        return CAIRN_FAIL_CAUSE(err, rc, why.code, why.cause, "%s", why.text);
    }
    struct cairn_user_tail tail;
    CAIRN_TRY(cairn_user_log_reconcile(cairn_buf_span(&run->log), run->boot_id, value, &tail, err));
    if (tail.stale) {
        return start_log(run, value, err);
    }
    for (size_t i = tail.num_extended; i < tail.num_events; i++) {
        CAIRN_TRY(extend(run, cairn_user_log_data(cairn_buf_span(&run->log), i), err));
    }
    return CAIRN_OK;
}

/* Has this boot measured a root? `*same`: and was it this one? */
static bool find_root(const struct run *run, bool *same)
{
    struct cairn_boot_root root;
    struct cairn_span data;
    for (size_t i = 0; (data = cairn_user_log_data(cairn_buf_span(&run->log), i)).len > 0; i++) {
        if (cairn_boot_root_parse(data, &root)) {
            *same = cairn_span_equal(CAIRN_SPAN(root.digest), CAIRN_SPAN(run->result.root.digest)) &&
                    strcmp(root.class_name, run->result.root.class_name) == 0;
            return true;
        }
    }
    return false;
}

static enum cairn_rc measure(struct run *run, struct cairn_err *err)
{
    bool same = false;
    if (find_root(run, &same)) {
        return same ? CAIRN_OK
                    : CAIRN_FAIL(err, CAIRN_E_REFUSED, "measure.root.other",
                                 "this boot has already measured another root: reboot to change it");
    }
    CAIRN_BUF data = {0};
    CAIRN_TRY(cairn_user_log_root(run->result.root.class_name, run->result.root.digest, &data, err));
    CAIRN_TRY(cairn_user_log_event(&run->log, CAIRN_PCR_USERSPACE, CAIRN_EV_IPL, cairn_buf_span(&data), err));
    CAIRN_TRY(cairn_path_write(run->log_path, cairn_buf_span(&run->log), LOG_MODE, err));
    run->result.logged = true;
    return extend(run, cairn_buf_span(&data), err);
}

static void clear_run(struct run *run)
{
    cairn_buf_clear(&run->log);
}

CAIRN_RC cairn_measure_root(struct cairn_tpm *tpm, struct cairn_span envelope, const char *log_path, const char *boot_id,
                            struct cairn_measure_result *out, struct cairn_err *err)
{
    CAIRN_DSSE dsse = {0};
    CAIRN_CLEANUP(clear_run) struct run run = {.tpm = tpm, .log_path = log_path, .boot_id = boot_id};
    CAIRN_TRY(cairn_dsse_parse(envelope, CAIRN_TYPE_ROOT, &dsse, err));
    CAIRN_TRY(read_root(cairn_buf_span(&dsse.payload), &run.result.root, err));
    CAIRN_TRY(reconcile(&run, err));
    CAIRN_TRY(measure(&run, err));
    *out = run.result;
    return CAIRN_OK;
}
