/* tests/fuzz/wipe/fuzz_wipe_documents.c -- order, plan, media log, journal, wipe-start and a device's question from foreign
 * bytes.
 *
 * The first byte picks the reader. What a reader accepts must be written back byte for byte, or it has accepted a second text.
 */
#include <stdlib.h>

#include "wipe/journal.h"
#include "wipe/media_log.h"
#include "wipe/order.h"
#include "wipe/plan.h"
#include "wipe/release.h"
#include "wipe/start.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void same(const struct cairn_buf *again, struct cairn_span text)
{
    if (!cairn_span_equal(cairn_buf_span(again), text)) {
        abort();
    }
}

static void order(struct cairn_span text)
{
    CAIRN_ORDER order = {0};
    CAIRN_BUF again = {0};
    if (cairn_order_parse(text, &order, NULL) == CAIRN_OK && cairn_order_payload(&order, &again, NULL) == CAIRN_OK) {
        same(&again, text);
    }
}

static void plan(struct cairn_span text)
{
    CAIRN_PLAN plan = {0};
    CAIRN_BUF again = {0};
    if (cairn_plan_read(text, &plan, NULL) == CAIRN_OK && cairn_plan_write(&plan, &again, NULL) == CAIRN_OK) {
        same(&again, text);
    }
}

static void media_log(struct cairn_span text)
{
    CAIRN_MEDIA_LOG log = {0};
    CAIRN_BUF again = {0};
    if (cairn_media_log_read(text, &log, NULL) == CAIRN_OK && cairn_media_log_write(&log, &again, NULL) == CAIRN_OK) {
        same(&again, text);
    }
}

static void start(struct cairn_span text)
{
    struct cairn_wipe_start start = {0};
    CAIRN_BUF again = {0};
    if (cairn_wipe_start_read(text, &start, NULL) == CAIRN_OK && cairn_wipe_start_write(&start, &again, NULL) == CAIRN_OK) {
        same(&again, text);
    }
}

static void journal(struct cairn_span text)
{
    struct cairn_journal journal = {0};
    CAIRN_BUF again = {0};
    (void)(cairn_journal_read(text, &journal, NULL) == CAIRN_OK && cairn_journal_write(&journal, &again, NULL) == CAIRN_OK);
}

static void question(struct cairn_span text)
{
    struct cairn_release_ask ask = {0};
    CAIRN_BUF again = {0};
    if (cairn_release_ask_read(text, &ask, NULL) == CAIRN_OK && cairn_release_ask_write(&ask, &again, NULL) == CAIRN_OK) {
        const struct cairn_span written = cairn_buf_span(&again); /* a file's newline may be missing */
        again.len -= text.len < written.len ? 1 : 0;
        same(&again, text);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static void (*const READERS[])(struct cairn_span) = {order, plan, media_log, start, journal, question};
    if (size > 0) {
        READERS[data[0] % CAIRN_ARRAY_LEN(READERS)](cairn_span(data + 1, size - 1));
    }
    return 0;
}
