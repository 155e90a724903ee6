/* server/on_status.c -- how the server is: a page for a person, figures for a collector, yes or no for a balancer. */
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>

#include "core/clock.h"
#include "server/handlers.h"

enum { LINE_MAX_ = 512 };

static CAIRN_RC CAIRN_PRINTF(3, 4) put(struct cairn_buf *out, struct cairn_err *err, const char *fmt, ...)
{
    char line[LINE_MAX_] = "";
    va_list args;
    va_start(args, fmt);
    (void)vsnprintf(line, sizeof line, fmt, args);
    va_end(args);
    return cairn_buf_append(out, cairn_span_str(line), err);
}

CAIRN_RC cairn_on_health(struct cairn_work *work, struct cairn_err *err)
{
    return cairn_work_reply_json(work, json_object(), err);
}

/* Ready: the database can be read and the writer keeps up. */
CAIRN_RC cairn_on_ready(struct cairn_work *work, struct cairn_err *err)
{
    struct cairn_store_stats stats = {0};
    const struct cairn_service *s = work->judge->service;
    uint8_t nobody[32] = {0};
    struct cairn_report_row row = {.tier = 0};
    bool found = false;
    CAIRN_TRY(cairn_store_report_get(work->judge->store, nobody, &row, &found, err));
    cairn_report_row_clear(&row);
    cairn_store_writer_stats(s->writer, &stats);
    if (stats.queue * 2 > s->config.queue) {
        return CAIRN_FAIL(err, CAIRN_E_BUSY, "server.busy", "the writer does not keep up");
    }
    return cairn_work_reply_json(work, json_object(), err);
}

/* Figures: every number has one line here, and the page is made of the same. */

static CAIRN_RC counter(struct cairn_buf *out, const char *name, const char *help, uint64_t value, struct cairn_err *err)
{
    return put(out, err, "# HELP %s %s\n# TYPE %s counter\n%s %" PRIu64 "\n", name, help, name, name, value);
}

static CAIRN_RC gauge(struct cairn_buf *out, const char *name, const char *help, uint64_t value, struct cairn_err *err)
{
    return put(out, err, "# HELP %s %s\n# TYPE %s gauge\n%s %" PRIu64 "\n", name, help, name, name, value);
}

static CAIRN_RC http_metrics(const struct cairn_http_stats *h, struct cairn_buf *out, struct cairn_err *err)
{
    CAIRN_TRY(gauge(out, "cairn_connections", "Open connections", h->connections, err));
    CAIRN_TRY(counter(out, "cairn_connections_accepted_total", "Connections accepted", h->accepted, err));
    CAIRN_TRY(counter(out, "cairn_connections_refused_total", "Connections over a limit", h->refused_connections, err));
    CAIRN_TRY(counter(out, "cairn_handshakes_failed_total", "TLS handshakes that failed", h->handshakes_failed, err));
    CAIRN_TRY(counter(out, "cairn_requests_total", "Requests", h->requests, err));
    CAIRN_TRY(counter(out, "cairn_timeouts_total", "Connections ended by a time-out", h->timeouts, err));
    CAIRN_TRY(counter(out, "cairn_malformed_total", "Malformed heads", h->malformed, err));
    CAIRN_TRY(counter(out, "cairn_bytes_in_total", "Bytes received", h->bytes_in, err));
    CAIRN_TRY(counter(out, "cairn_bytes_out_total", "Bytes sent", h->bytes_out, err));
    CAIRN_TRY(put(out, err, "# HELP cairn_responses_total Answers by class of status\n# TYPE cairn_responses_total counter\n"));
    for (unsigned i = 2; i < CAIRN_ARRAY_LEN(h->status); i++) {
        CAIRN_TRY(put(out, err, "cairn_responses_total{class=\"%uxx\"} %" PRIu64 "\n", i, h->status[i]));
    }
    return CAIRN_OK;
}

static CAIRN_RC store_metrics(const struct cairn_store_stats *s, struct cairn_buf *out, struct cairn_err *err)
{
    CAIRN_TRY(counter(out, "cairn_writes_total", "Jobs written", s->jobs, err));
    CAIRN_TRY(counter(out, "cairn_commits_total", "Groups committed", s->groups, err));
    CAIRN_TRY(counter(out, "cairn_writes_failed_total", "Jobs refused or failed", s->failed, err));
    return gauge(out, "cairn_write_queue", "Jobs that wait", s->queue, err);
}

/* The head of the audit log, for whoever keeps it elsewhere: a log that was cut at its end no longer leads there. */
static CAIRN_RC audit_metrics(struct cairn_store *store, struct cairn_buf *out, struct cairn_err *err)
{
    uint8_t hash[32] = {0};
    char hex[65] = "";
    uint64_t num = 0;
    CAIRN_TRY(cairn_store_audit_head(store, &num, hash, err));
    cairn_hex_encode(CAIRN_SPAN(hash), hex);
    CAIRN_TRY(counter(out, "cairn_audit_entries_total", "Entries of the audit log", num, err));
    return put(out, err,
               "# HELP cairn_audit_head_info Hash of the last entry\n# TYPE cairn_audit_head_info gauge\n"
               "cairn_audit_head_info{sha256=\"%s\"} 1\n",
               hex);
}

/* {"devices": {"OPERATIONAL": 3}} becomes cairn_devices{life="OPERATIONAL"} 3. */
static CAIRN_RC labelled(const json_t *counts, const char *member, const char *label, struct cairn_buf *out,
                         struct cairn_err *err)
{
    const char *key = NULL;
    json_t *value = NULL;
    CAIRN_TRY(put(out, err, "# HELP cairn_%s By %s\n# TYPE cairn_%s gauge\n", member, label, member));
    json_object_foreach((json_t *)(uintptr_t)json_object_get(counts, member), key, value)
    {
        CAIRN_TRY(
            put(out, err, "cairn_%s{%s=\"%s\"} %" JSON_INTEGER_FORMAT "\n", member, label, key, json_integer_value(value)));
    }
    return CAIRN_OK;
}

CAIRN_RC cairn_on_metrics(struct cairn_work *work, struct cairn_err *err)
{
    const struct cairn_service *s = work->judge->service;
    struct cairn_http_stats http = {0};
    struct cairn_store_stats store = {0};
    CAIRN_BUF out = {0};
    CAIRN_JSON *counts = NULL;
    cairn_http_stats(s->http, &http);
    cairn_store_writer_stats(s->writer, &store);
    CAIRN_TRY(cairn_store_counts(work->judge->store, &counts, err));
    CAIRN_TRY(http_metrics(&http, &out, err));
    CAIRN_TRY(store_metrics(&store, &out, err));
    CAIRN_TRY(audit_metrics(work->judge->store, &out, err));
    CAIRN_TRY(labelled(counts, "devices", "life", &out, err));
    CAIRN_TRY(labelled(counts, "tiers", "tier", &out, err));
    CAIRN_TRY(labelled(counts, "orders", "state", &out, err));
    CAIRN_TRY(gauge(&out, "cairn_sticky", "Devices with a failure that stands",
                    (uint64_t)json_integer_value(json_object_get(counts, "sticky")), err));
    CAIRN_TRY(gauge(&out, "cairn_enrolments", "Enrolments under way",
                    (uint64_t)json_integer_value(json_object_get(counts, "enrolments")), err));
    return cairn_work_reply_file(work, "text/plain; version=0.0.4", cairn_buf_span(&out), err);
}

/* The page: numbers and fixed words only, so nothing in it needs escaping. */

static CAIRN_RC table(const json_t *counts, const char *member, const char *title, struct cairn_buf *out, struct cairn_err *err)
{
    const char *key = NULL;
    json_t *value = NULL;
    CAIRN_TRY(put(out, err, "<h2>%s</h2>\n<table>\n", title));
    json_object_foreach((json_t *)(uintptr_t)json_object_get(counts, member), key, value)
    {
        CAIRN_TRY(put(out, err, "<tr><th scope=\"row\">%s</th><td>%" JSON_INTEGER_FORMAT "</td></tr>\n", key,
                      json_integer_value(value)));
    }
    return put(out, err, "</table>\n");
}

CAIRN_RC cairn_on_status(struct cairn_work *work, struct cairn_err *err)
{
    static const char head[] =
        "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><title>Cairn</title>\n"
        "<meta name=\"viewport\" content=\"width=device-width\">\n"
        "<style>body{font:16px/1.5 system-ui,sans-serif;max-width:40rem;margin:2rem auto;padding:0 1rem;color:#1b1f24}"
        "table{border-collapse:collapse;min-width:20rem}th,td{border-bottom:1px solid #d0d7de;padding:.3rem 1rem .3rem 0;"
        "text-align:left}td{text-align:right}</style></head><body>\n<h1>Cairn</h1>\n";
    char now[21] = "";
    CAIRN_BUF out = {0};
    CAIRN_JSON *counts = NULL;
    CAIRN_TRY(cairn_store_counts(work->judge->store, &counts, err));
    cairn_clock_format(work->now_s, now);
    CAIRN_TRY(cairn_buf_append(&out, cairn_span_str(head), err));
    CAIRN_TRY(put(&out, err,
                  "<p>%s, at %s. %" JSON_INTEGER_FORMAT " device(s) with a failure that stands, %" JSON_INTEGER_FORMAT
                  " enrolment(s) under way.</p>\n",
                  work->judge->service->build, now, json_integer_value(json_object_get(counts, "sticky")),
                  json_integer_value(json_object_get(counts, "enrolments"))));
    CAIRN_TRY(table(counts, "devices", "Devices", &out, err));
    CAIRN_TRY(table(counts, "tiers", "Last reports", &out, err));
    CAIRN_TRY(table(counts, "orders", "Orders", &out, err));
    CAIRN_TRY(put(&out, err, "</body></html>\n"));
    return cairn_work_reply_file(work, "text/html; charset=utf-8", cairn_buf_span(&out), err);
}
