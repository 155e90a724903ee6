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

/* digits reads `num` decimal digits; -1 when one is not. */
static int digits(const char *text, size_t num)
{
    int value = 0;
    for (size_t i = 0; i < num; i++) {
        if (text[i] < '0' || text[i] > '9') {
            return -1;
        }
        value = value * 10 + (text[i] - '0');
    }
    return value;
}

bool cairn_clock_parse(const char *text, uint64_t *seconds)
{
    if (strnlen(text, 21) != 20) {
        return false;
    }
    struct tm tm = {.tm_year = digits(text, 4) - 1900,
                    .tm_mon = digits(text + 5, 2) - 1,
                    .tm_mday = digits(text + 8, 2),
                    .tm_hour = digits(text + 11, 2),
                    .tm_min = digits(text + 14, 2),
                    .tm_sec = digits(text + 17, 2)};
    time_t t = timegm(&tm);
    if (t < 0) {
        return false;
    }
    /* writing it again settles the separators, the ranges and leap days at once */
    char again[21];
    cairn_clock_format((uint64_t)t, again);
    if (strcmp(again, text) != 0) {
        return false;
    }
    *seconds = (uint64_t)t;
    return true;
}
