/* tests/fuzz/client/fuzz_replies.c -- every reader of the server's replies on the same bytes; the input's first byte is only a
 * status. What one of them accepts must hold what its header promises.
 */
#include <stdlib.h>
#include <string.h>

#include "client/replies.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool ok)
{
    if (!ok) {
        abort();
    }
}

static void read_report(struct cairn_span body)
{
    CAIRN_REPORT report = {.interval_s = 0};
    if (cairn_report_parse(body, &report, NULL) == CAIRN_OK) {
        must(report.interval_s >= CAIRN_INTERVAL_MIN_S && report.interval_s <= CAIRN_INTERVAL_MAX_S);
        must(report.num_failed <= CAIRN_REPLY_MAX_FAILED && report.ear.len <= CAIRN_REPLY_EAR_MAX);
    }
}

static void read_problem(int status, struct cairn_span body)
{
    struct cairn_problem problem = {.num_need = 0};
    cairn_problem_parse(status, body, &problem);
    must(strlen(problem.code) < sizeof problem.code && problem.code[0] != '\0');
    must(strlen(problem.detail) < sizeof problem.detail && strlen(problem.upload_token) < sizeof problem.upload_token);
    must(strpbrk(problem.upload_token, "\r\n \"") == NULL && strpbrk(problem.code, "\r\n\"\x1b") == NULL);
    must(problem.num_need <= CAIRN_REPLY_NUM_LOGS);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const struct cairn_statement statement = {.epoch_value = 0};
    struct cairn_nonce nonce = {.mask = 0};
    CAIRN_BUNDLE bundle = {.grant = {0}};
    const struct cairn_span body = cairn_span(size > 0 ? data + 1 : data, size > 0 ? size - 1 : 0);
    read_report(body);
    read_problem(size > 0 ? data[0] : 0, body);
    (void)!cairn_reply_nonce(body, &statement, CAIRN_PURPOSE_EVIDENCE, &nonce, NULL);
    (void)!cairn_bundle_parse(body, &bundle, NULL);
    return 0;
}
