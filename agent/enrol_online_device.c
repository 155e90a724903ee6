/* agent/enrol_online_device.c -- see agent/enrol_online_device.h. */
#include "agent/enrol_online_device.h"

#include <string.h>
#include <time.h>

#include "client/refusal_device.h"
#include "core/doctype.h"

#define CHALLENGE_FILE "enrol.challenge"
#define ANSWER_FILE    "enrol.answer"
enum { ACCEPTED = 202, PAUSE_MIN_S = 1, PAUSE_MAX_S = 60, MODE = 0600 };

static uint64_t clock_s(void)
{
    struct timespec t = {.tv_sec = 0};
    (void)clock_gettime(CLOCK_BOOTTIME, &t);
    return (uint64_t)t.tv_sec;
}

static uint32_t pause_of(const struct cairn_client_reply *reply)
{
    const uint32_t s = reply->retry_after_s;
    return s < PAUSE_MIN_S ? PAUSE_MIN_S : s > PAUSE_MAX_S ? PAUSE_MAX_S : s;
}

static CAIRN_RC waits(const struct cairn_client_reply *reply, struct cairn_err *err)
{
    const enum cairn_rc rc = CAIRN_FAIL(err, CAIRN_E_BUSY, "enrolment.waits",
                                        "the enroller has not answered yet: run this again (or --wait SECONDS)");
    if (err != NULL) {
        err->retry_after_s = pause_of(reply);
    }
    return rc;
}

/* poll_for sends the same body until the answer is there, or the time is up. */
static CAIRN_RC poll_for(const struct cairn_enrol_online *e, const struct cairn_client_ask *ask, uint64_t until_s,
                         const char *type, struct cairn_client_reply *reply, struct cairn_err *err)
{
    for (;;) {
        CAIRN_TRY(cairn_client_call(e->client, ask, reply, err));
        if (reply->status != ACCEPTED) {
            return cairn_client_expect(reply, type, err);
        }
        const uint32_t pause = pause_of(reply);
        if (clock_s() + pause > until_s) {
            return waits(reply, err);
        }
        if (e->waiting != NULL) {
            e->waiting(e->arg, ask->path);
        }
        const struct timespec t = {.tv_sec = (time_t)pause};
        (void)nanosleep(&t, NULL);
    }
}

static bool holds(const struct cairn_enrol_online *e, const char *name, struct cairn_span bytes)
{
    CAIRN_BUF file = {0};
    return cairn_file_read(e->place.state, name, CAIRN_FILE_MAX, &file, NULL) == CAIRN_OK &&
           cairn_span_equal(cairn_buf_span(&file), bytes);
}

/* A second answer to one challenge would be another document, and a challenge is good for one. */
static CAIRN_RC answer(const struct cairn_enrol_online *e, struct cairn_span challenge, struct cairn_buf *out,
                       struct cairn_err *err)
{
    struct cairn_fs *state = e->place.state;
    if (holds(e, CHALLENGE_FILE, challenge) && cairn_file_exists(state, ANSWER_FILE)) {
        return cairn_file_read(state, ANSWER_FILE, CAIRN_FILE_MAX, out, err);
    }
    CAIRN_TRY(cairn_enrol_answer(&e->place, e->identity, challenge, out, err));
    CAIRN_TRY(cairn_file_remove(state, CHALLENGE_FILE, err));
    CAIRN_TRY(cairn_file_replace(state, ANSWER_FILE, cairn_buf_span(out), MODE, err));
    return cairn_file_replace(state, CHALLENGE_FILE, challenge, MODE, err);
}

enum cairn_rc cairn_enrol_online_run(const struct cairn_enrol_online *e, struct cairn_buf *statement, struct cairn_err *err)
{
    CAIRN_BUF request = {0}, reply_answer = {0};
    CAIRN_CLIENT_REPLY challenge = {.status = 0}, last = {.status = 0};
    const uint64_t until_s = clock_s() + e->wait_s;
    CAIRN_TRY(cairn_enrol_request(&e->place, e->identity, e->certificate, &request, err));
    struct cairn_client_ask ask = {.path = "/v1/enrolment/request",
                                   .post = true,
                                   .type = CAIRN_TYPE_ENROLMENT_REQUEST,
                                   .body = cairn_buf_span(&request),
                                   .bearer = e->token,
                                   .max_reply = CAIRN_REPLY_SMALL_MAX};
    CAIRN_TRY(poll_for(e, &ask, until_s, CAIRN_TYPE_ENROLMENT_CHALLENGE, &challenge, err));
    CAIRN_TRY(answer(e, cairn_buf_span(&challenge.body), &reply_answer, err));
    ask = (struct cairn_client_ask){.path = "/v1/enrolment/answer",
                                    .post = true,
                                    .type = CAIRN_TYPE_ENROLMENT,
                                    .body = cairn_buf_span(&reply_answer),
                                    .max_reply = CAIRN_REPLY_SMALL_MAX};
    CAIRN_TRY(poll_for(e, &ask, until_s, CAIRN_TYPE_STATEMENT, &last, err));
    CAIRN_TRY(cairn_enrol_accept(&e->place, e->identity, cairn_buf_span(&last.body), err));
    CAIRN_TRY(cairn_file_remove(e->place.state, CHALLENGE_FILE, err));
    CAIRN_TRY(cairn_file_remove(e->place.state, ANSWER_FILE, err));
    return cairn_buf_set(statement, cairn_buf_span(&last.body), err);
}
