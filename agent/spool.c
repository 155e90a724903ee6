/* agent/spool.c -- see agent/spool.h. */
#include "agent/spool.h"

#include <stdio.h>
#include <string.h>

#include "attest/evidence.h"
#include "core/crypto.h"

enum { MODE = 0644, NAME_CAP = 64, HEX_LEN = 2 * CAIRN_SHA256_LEN };

void cairn_spool_clear(struct cairn_spool *spool)
{
    cairn_fs_free(spool->in);
    cairn_fs_free(spool->out);
    *spool = (struct cairn_spool){.in = NULL};
}

static CAIRN_RC put(const struct cairn_spool *spool, const char *name, struct cairn_span bytes, struct cairn_err *err)
{
    enum cairn_rc rc = cairn_file_replace(spool->in, name, bytes, MODE, err);
    if (rc != CAIRN_OK) {
        cairn_err_prefix(err, "spool");
    }
    return rc;
}

static CAIRN_RC put_mark(const struct cairn_spool *spool, const char *name, struct cairn_err *err)
{
    return put(spool, name, cairn_span_str("ready\n"), err);
}

enum cairn_rc cairn_spool_put_bundle(const struct cairn_spool *spool, const struct cairn_bundle *bundle, struct cairn_err *err)
{
    if (cairn_file_exists(spool->in, CAIRN_SPOOL_INSTALL_READY)) {
        return CAIRN_FAIL(err, CAIRN_E_BUSY, "spool.busy",
                          "the last grant waits to be installed: is cairn-install.path enabled?");
    }
    CAIRN_TRY(put(spool, CAIRN_SPOOL_ASSETS, cairn_buf_span(&bundle->assets), err));
    CAIRN_TRY(put(spool, CAIRN_SPOOL_MANIFEST, cairn_buf_span(&bundle->manifest), err));
    CAIRN_TRY(put(spool, CAIRN_SPOOL_GRANT, cairn_buf_span(&bundle->grant), err));
    return put_mark(spool, CAIRN_SPOOL_INSTALL_READY, err);
}

enum cairn_rc cairn_spool_put_order(const struct cairn_spool *spool, struct cairn_span order, struct cairn_err *err)
{
    CAIRN_TRY(put(spool, CAIRN_SPOOL_ORDER, order, err));
    return put_mark(spool, CAIRN_SPOOL_WIPE_READY, err);
}

enum cairn_rc cairn_spool_put_release(const struct cairn_spool *spool, struct cairn_span release, struct cairn_err *err)
{
    CAIRN_TRY(put(spool, CAIRN_SPOOL_RELEASE, release, err));
    return put_mark(spool, CAIRN_SPOOL_WIPE_READY, err);
}

/* The reason is there before the name changes, so that no refused file is without one. */
enum cairn_rc cairn_spool_refuse(const struct cairn_spool *spool, const char *name, const char *code, struct cairn_err *err)
{
    char refused[NAME_CAP] = "", reason[NAME_CAP] = "", line[NAME_CAP + 1] = "";
    (void)snprintf(refused, sizeof refused, "%.48s.refused", name);
    (void)snprintf(reason, sizeof reason, "%.48s.reason", name);
    (void)snprintf(line, sizeof line, "%.60s\n", code);
    CAIRN_TRY(put(spool, reason, cairn_span_str(line), err));
    enum cairn_rc rc = cairn_file_rename(spool->in, name, refused, err);
    return rc == CAIRN_E_IO && !cairn_file_exists(spool->in, name) ? CAIRN_OK : rc;
}

enum cairn_rc cairn_spool_done(const struct cairn_spool *spool, const char *const *names, size_t num, const char *mark,
                               struct cairn_err *err)
{
    for (size_t i = 0; i < num; i++) {
        CAIRN_TRY(cairn_file_remove(spool->in, names[i], err));
    }
    return cairn_file_remove(spool->in, mark, err);
}

static CAIRN_RC digest_text(struct cairn_span bytes, char out[HEX_LEN + 1], struct cairn_err *err)
{
    uint8_t digest[CAIRN_SHA256_LEN] = {0};
    CAIRN_TRY(cairn_sha256(bytes, digest, err));
    cairn_hex_encode(CAIRN_SPAN(digest), out);
    return CAIRN_OK;
}

static void mark_name(const char *name, char out[NAME_CAP])
{
    (void)snprintf(out, NAME_CAP, "%.48s.sent", name);
}

enum cairn_rc cairn_spool_pending(const struct cairn_spool *spool, const char *name, size_t max_len, bool *pending,
                                  struct cairn_buf *out, struct cairn_err *err)
{
    char mark[NAME_CAP] = "", hex[HEX_LEN + 1] = "";
    CAIRN_BUF bytes = {0}, sent = {0};
    *pending = false;
    if (!cairn_file_exists(spool->out, name)) {
        return CAIRN_OK;
    }
    CAIRN_TRY(cairn_file_read(spool->out, name, max_len, &bytes, err));
    CAIRN_TRY(digest_text(cairn_buf_span(&bytes), hex, err));
    mark_name(name, mark);
    if (cairn_file_exists(spool->in, mark) && cairn_file_read(spool->in, mark, HEX_LEN, &sent, NULL) == CAIRN_OK &&
        cairn_span_equal(cairn_buf_span(&sent), cairn_span_str(hex))) {
        return CAIRN_OK;
    }
    *pending = true;
    return cairn_buf_set(out, cairn_buf_span(&bytes), err);
}

enum cairn_rc cairn_spool_sent(const struct cairn_spool *spool, const char *name, struct cairn_span bytes,
                               struct cairn_err *err)
{
    char mark[NAME_CAP] = "", hex[HEX_LEN + 1] = "";
    CAIRN_TRY(digest_text(bytes, hex, err));
    mark_name(name, mark);
    return put(spool, mark, cairn_span_str(hex), err);
}

static CAIRN_RC write_logs(const struct cairn_spool_logs *logs, json_t *to, struct cairn_err *err)
{
    for (size_t kind = 0; kind < CAIRN_REPLY_NUM_LOGS; kind++) {
        if (logs->known[kind]) {
            CAIRN_TRY(cairn_json_set_hex(to, cairn_boot_log_name((enum cairn_boot_log_kind)kind),
                                         CAIRN_SPAN(logs->sha256[kind]), err));
        }
    }
    return CAIRN_OK;
}

enum cairn_rc cairn_spool_put_report(const struct cairn_spool *spool, struct cairn_span body, uint64_t at_s,
                                     const struct cairn_spool_logs *logs, struct cairn_err *err)
{
    CAIRN_JSON *json = json_object();
    CAIRN_BUF text = {0};
    json_t *report = NULL, *known = json_object();
    CAIRN_TRY(cairn_json_set_take(json, "logs", known, err));
    CAIRN_TRY(write_logs(logs, known, err));
    CAIRN_TRY(cairn_json_parse(cairn_json_trim_newline(body), CAIRN_REPLY_SMALL_MAX, true, "report", &report, err));
    CAIRN_TRY(cairn_json_set_take(json, "report", report, err));
    CAIRN_TRY(cairn_json_set_uint(json, "at", at_s, err));
    CAIRN_TRY(cairn_json_write(json, &text, err));
    return put(spool, CAIRN_SPOOL_REPORT, cairn_buf_span(&text), err);
}

static CAIRN_RC read_logs(const json_t *json, struct cairn_spool_logs *out, struct cairn_err *err)
{
    struct cairn_obj o = cairn_obj(json, "logs", err);
    for (size_t kind = 0; kind < CAIRN_REPLY_NUM_LOGS; kind++) {
        const char *name = cairn_boot_log_name((enum cairn_boot_log_kind)kind);
        out->known[kind] = cairn_obj_has(&o, name);
        if (out->known[kind]) {
            cairn_obj_hex(&o, name, out->sha256[kind], sizeof out->sha256[kind]);
        }
    }
    return cairn_obj_done(&o);
}

static CAIRN_RC read_report(struct cairn_span file, uint64_t *at_s, struct cairn_report *out, struct cairn_spool_logs *logs)
{
    CAIRN_JSON *json = NULL;
    CAIRN_BUF body = {0};
    struct cairn_err err = {0};
    struct cairn_spool_logs known = {.known = {false}};
    CAIRN_TRY(cairn_json_parse(file, 2 * CAIRN_REPLY_SMALL_MAX, true, "report", &json, &err));
    struct cairn_obj o = cairn_obj(json, "report", &err);
    const uint64_t at = cairn_obj_uint(&o, "at", UINT64_MAX);
    const json_t *report = cairn_obj_object(&o, "report");
    const json_t *digests = cairn_obj_object(&o, "logs");
    CAIRN_TRY(cairn_obj_done(&o));
    CAIRN_TRY(read_logs(digests, &known, &err));
    CAIRN_TRY(cairn_json_write(report, &body, &err));
    CAIRN_TRY(cairn_report_parse(cairn_buf_span(&body), out, &err));
    *at_s = at;
    if (logs != NULL) {
        *logs = known;
    }
    return CAIRN_OK;
}

enum cairn_rc cairn_spool_report(const struct cairn_spool *spool, bool *there, uint64_t *at_s, struct cairn_report *out,
                                 struct cairn_spool_logs *logs, struct cairn_err *err)
{
    CAIRN_BUF file = {0};
    *there = false;
    if (!cairn_file_exists(spool->in, CAIRN_SPOOL_REPORT)) {
        return CAIRN_OK;
    }
    CAIRN_TRY(cairn_file_read(spool->in, CAIRN_SPOOL_REPORT, (size_t)2 * CAIRN_REPLY_SMALL_MAX, &file, err));
    *there = read_report(cairn_buf_span(&file), at_s, out, logs) == CAIRN_OK;
    return CAIRN_OK;
}
