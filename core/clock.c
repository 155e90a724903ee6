/* core/clock.c -- see core/clock.h. */
#include "core/clock.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

/* The floor under every clock: a constant of the source, so that two builds of one source are one program. Set at a release. */
static const uint64_t BUILD_TIME_S = 1763856000; /* 2025-11-23T00:00:00Z */
static const uint64_t LAST_S = 253402300799;     /* 9999-12-31T23:59:59Z */

uint64_t cairn_clock_now(uint64_t documents_s)
{
    time_t rtc = time(NULL);
    uint64_t now = rtc > 0 ? (uint64_t)rtc : 0;
    now = now > BUILD_TIME_S ? now : BUILD_TIME_S;
    return now > documents_s ? now : documents_s;
}

void cairn_clock_format(uint64_t seconds, char out[21])
{
    time_t t = (time_t)(seconds < LAST_S ? seconds : LAST_S);
    struct tm tm = {0};
    (void)gmtime_r(&t, &tm);
    char text[80]; /* room for any int: the compiler cannot know the ranges of struct tm */
    (void)snprintf(text, sizeof(text), "%04d-%02d-%02dT%02d:%02d:%02dZ", tm.tm_year + 1900, tm.tm_mon + 1, tm.tm_mday,
                   tm.tm_hour, tm.tm_min, tm.tm_sec);
    memcpy(out, text, 20);
    out[20] = '\0';
}
