/* tpm_data/pcr.c -- PCR selections and the digest over selected values.
 *
 * One bank and one form: a selection that could be written in two ways could be relabelled (CHECKS 10).
 * Source: TPM 2.0 Part 2, TPML_PCR_SELECTION, TPMS_PCR_SELECTION.
 */
#include "tpm_data/pcr.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

enum { SELECT_BYTES = CAIRN_NUM_PCRS / 8 };

static bool selects(uint32_t mask, unsigned pcr)
{
    return (mask >> pcr & 1u) != 0;
}

void cairn_selection_marshal(uint32_t mask, uint8_t out[CAIRN_SELECTION_LEN])
{
    assert(mask >> CAIRN_NUM_PCRS == 0);
    struct cairn_writer w = cairn_writer(out, CAIRN_SELECTION_LEN);
    cairn_write_u32(&w, 1);
    cairn_write_u16(&w, CAIRN_SHA256);
    cairn_write_u8(&w, SELECT_BYTES);
    for (unsigned i = 0; i < SELECT_BYTES; i++) {
        cairn_write_u8(&w, (uint8_t)(mask >> (8 * i)));
    }
}

CAIRN_RC cairn_selection_parse(struct cairn_span bytes, uint32_t *mask, struct cairn_err *err)
{
    struct cairn_reader r = cairn_reader(bytes);
    uint32_t num_banks = cairn_read_u32(&r);
    uint16_t bank = cairn_read_u16(&r);
    uint8_t select_bytes = cairn_read_u8(&r);
    uint32_t value = 0;
    for (unsigned i = 0; i < SELECT_BYTES; i++) {
        value |= (uint32_t)cairn_read_u8(&r) << (8 * i);
    }
    if (!cairn_reader_done(&r) || num_banks != 1 || bank != CAIRN_SHA256 || select_bytes != SELECT_BYTES) {
        return CAIRN_FAIL(err, CAIRN_E_FORMAT, "tpm.selection", "the PCR selection is not one SHA-256 bank of PCR 0 to 23");
    }
    *mask = value;
    return CAIRN_OK;
}

/* Reads a PCR number without leading zeros; -1 when there is none at *p. */
static int take_number(const char **p)
{
    const char *s = *p;
    if (*s < '0' || *s > '9') {
        return -1;
    }
    int value = *s++ - '0';
    if (value != 0 && *s >= '0' && *s <= '9') {
        value = value * 10 + (*s++ - '0');
    }
    if ((*s >= '0' && *s <= '9') || value >= CAIRN_NUM_PCRS) {
        return -1;
    }
    *p = s;
    return value;
}

/* Reads "7" or "0-4" into *mask; numbers must be above `after`. Gives the last number read, -1 on a fault. */
static int take_item(const char **p, int after, uint32_t *mask)
{
    int first = take_number(p);
    int last = first;
    if (first >= 0 && **p == '-') {
        (*p)++;
        last = take_number(p);
        if (last <= first) {
            return -1;
        }
    }
    if (first <= after) {
        return -1;
    }
    for (int i = first; i <= last; i++) {
        *mask |= 1u << i;
    }
    return last;
}

CAIRN_RC cairn_selection_from_text(const char *text, uint32_t *mask, struct cairn_err *err)
{
    static const char bank[] = "sha256:";
    const char *p = text;
    if (strncmp(p, bank, sizeof bank - 1) == 0) {
        p += sizeof bank - 1;
    }
    uint32_t value = 0;
    int last = -1;
    do {
        last = take_item(&p, last, &value);
    } while (last >= 0 && *p++ == ',');
    if (last < 0 || p[-1] != '\0') {
        return CAIRN_FAIL(err, CAIRN_E_USAGE, "pcr.selection",
                          "\"%.60s\" is not a PCR selection: write numbers from 0 to 23 in ascending order, like 0,2,4-7",
                          text);
    }
    *mask = value;
    return CAIRN_OK;
}

void cairn_selection_to_text(uint32_t mask, char out[80])
{
    size_t len = 0;
    out[0] = '\0';
    for (unsigned i = 0; i < CAIRN_NUM_PCRS; i++) {
        if (selects(mask, i)) {
            len += (size_t)snprintf(out + len, 80 - len, "%s%u", len == 0 ? "" : ",", i);
        }
    }
}

CAIRN_RC cairn_pcr_digest(uint32_t mask, const uint8_t values[CAIRN_NUM_PCRS][32], uint8_t out[32], struct cairn_err *err)
{
    struct cairn_span parts[CAIRN_NUM_PCRS] = {{NULL, 0}};
    size_t num = 0;
    for (unsigned i = 0; i < CAIRN_NUM_PCRS; i++) {
        if (selects(mask, i)) {
            parts[num++] = cairn_span(values[i], sizeof values[i]);
        }
    }
    return cairn_hash_parts(CAIRN_SHA256, parts, num, out, err);
}
