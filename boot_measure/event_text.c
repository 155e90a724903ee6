/* boot_measure/event_text.c -- see event_text.h. */
#include "boot_measure/event_text.h"

#include <stdio.h>

/* struct text appends to a label; what does not fit is cut off, never a part of an escape. */
struct text {
    char *p;
    size_t len;
};

static void put(struct text *text, uint16_t c, bool wide)
{
    char piece[8];
    bool plain = c >= 0x20 && c < 0x7f;
    int len = plain  ? snprintf(piece, sizeof piece, "%c", (int)c)
              : wide ? snprintf(piece, sizeof piece, "\\u%04x", (unsigned)c)
                     : snprintf(piece, sizeof piece, "\\x%02x", (unsigned)c);
    if (len < 0 || text->len + (size_t)len >= CAIRN_EVENT_LABEL) {
        text->len = CAIRN_EVENT_LABEL; /* full: nothing shorter may follow a piece that was left out */
        return;
    }
    for (int i = 0; i < len; i++) {
        text->p[text->len++] = piece[i];
    }
    text->p[text->len] = '\0';
}

static void put_ascii(struct text *text, struct cairn_span bytes)
{
    for (size_t i = 0; i < bytes.len && bytes.p[i] != 0 && text->len < CAIRN_EVENT_LABEL; i++) {
        put(text, bytes.p[i], false);
    }
}

static void put_utf16(struct text *text, struct cairn_span bytes)
{
    struct cairn_reader r = cairn_reader(bytes);
    while (r.rest.len >= 2 && text->len < CAIRN_EVENT_LABEL) {
        uint16_t c = cairn_read_u16_le(&r);
        if (c == 0) {
            return;
        }
        put(text, c, true);
    }
}

static void put_text(struct text *text, struct cairn_span data)
{
    if (data.len < 2 || data.p[0] < 0x20 || data.p[0] >= 0x7f) {
        return;
    }
    if (data.len % 2 == 0 && data.p[1] == 0) {
        put_utf16(text, data);
    } else {
        put_ascii(text, data);
    }
}

bool cairn_efi_variable_parse(struct cairn_span data, struct cairn_efi_variable *out)
{
    struct cairn_reader r = cairn_reader(data);
    struct cairn_efi_variable v = {.guid = cairn_read_bytes(&r, 16)};
    uint64_t name_len = cairn_read_u64_le(&r);
    uint64_t value_len = cairn_read_u64_le(&r);
    if (!cairn_reader_ok(&r) || name_len > r.rest.len / 2 || value_len > r.rest.len) {
        return false;
    }
    v.name = cairn_read_bytes(&r, 2 * (size_t)name_len);
    v.value = cairn_read_bytes(&r, (size_t)value_len);
    if (!cairn_reader_done(&r)) {
        return false;
    }
    *out = v;
    return true;
}

/* The file path nodes of an EFI_IMAGE_LOAD_EVENT's device path; firmware that names no file leaves the label "(no path)". */
static void put_image(struct text *text, struct cairn_span data)
{
    enum { MEDIA = 4, FILE_PATH = 4, END = 0x7f };
    struct cairn_reader r = cairn_reader(data);
    (void)cairn_read_bytes(&r, 24); /* address, length, link-time address */
    uint64_t path_len = cairn_read_u64_le(&r);
    while (cairn_reader_ok(&r) && path_len <= data.len && r.rest.len >= 4) {
        uint8_t type = cairn_read_u8(&r);
        uint8_t subtype = cairn_read_u8(&r);
        uint16_t len = cairn_read_u16_le(&r);
        if (len < 4 || type == END) {
            break;
        }
        struct cairn_span body = cairn_read_bytes(&r, len - 4u);
        if (type == MEDIA && subtype == FILE_PATH) {
            put_utf16(text, body);
        }
    }
    if (text->len == 0) {
        put_ascii(text, cairn_span_str("(no path)"));
    }
}

static struct cairn_span tag_body(struct cairn_span data)
{
    struct cairn_reader r = cairn_reader(data);
    (void)cairn_read_u32_le(&r); /* tag */
    struct cairn_span body = cairn_read_bytes(&r, cairn_read_u32_le(&r));
    return cairn_reader_done(&r) ? body : (struct cairn_span){0};
}

void cairn_event_label(const struct cairn_tcg_event *event, char out[CAIRN_EVENT_LABEL])
{
    struct text text = {.p = out};
    struct cairn_efi_variable variable;
    out[0] = '\0';
    switch (event->type) {
    case CAIRN_EV_SEPARATOR:
        put_ascii(&text, cairn_span_str("separator"));
        break;
    case CAIRN_EV_EFI_VARIABLE_CONFIG:
    case CAIRN_EV_EFI_VARIABLE_BOOT:
    case CAIRN_EV_EFI_VARIABLE_BOOT2:
    case CAIRN_EV_EFI_VARIABLE_AUTHORITY:
        if (cairn_efi_variable_parse(event->data, &variable)) {
            put_utf16(&text, variable.name);
        }
        break;
    case CAIRN_EV_EFI_BOOT_APPLICATION:
    case CAIRN_EV_EFI_BOOT_DRIVER:
    case CAIRN_EV_EFI_RUNTIME_DRIVER:
        put_image(&text, event->data);
        break;
    case CAIRN_EV_EVENT_TAG:
        put_text(&text, tag_body(event->data));
        break;
    case CAIRN_EV_EFI_GPT:
        put_ascii(&text, cairn_span_str("partition table"));
        break;
    default:
        put_text(&text, event->data);
        break;
    }
}

/* GRUB logs "what: text" NUL and hashes the text. */
static struct cairn_span loader_text(struct cairn_span data)
{
    static const char *const prefixes[] = {"grub_cmd: ", "kernel_cmdline: ", "module_cmdline: ", "grub_cmd ",
                                           "grub_kernel_cmdline "};
    for (size_t i = 0; i < CAIRN_ARRAY_LEN(prefixes); i++) {
        struct cairn_span prefix = cairn_span_str(prefixes[i]);
        struct cairn_reader r = cairn_reader(data);
        struct cairn_span head = cairn_read_bytes(&r, prefix.len);
        if (cairn_span_equal(head, prefix) && r.rest.len > 0) {
            size_t nul = data.p[data.len - 1] == 0 ? 1 : 0;
            return cairn_read_bytes(&r, r.rest.len - nul);
        }
    }
    return (struct cairn_span){0};
}

static enum cairn_rc covers(struct cairn_hasher *hasher, const struct cairn_tcg_event *event, struct cairn_span bytes,
                            bool *yes, struct cairn_err *err)
{
    uint8_t digest[CAIRN_SHA256_LEN];
    CAIRN_TRY(cairn_hasher_update(hasher, bytes, err));
    CAIRN_TRY(cairn_hasher_final(hasher, digest, err));
    *yes = cairn_span_equal(CAIRN_SPAN(digest), event->digests[CAIRN_TCG_SHA256]);
    return CAIRN_OK;
}

CAIRN_RC cairn_event_covered(struct cairn_hasher *hasher, const struct cairn_tcg_event *event, struct cairn_span *out,
                             bool *found, struct cairn_err *err)
{
    struct cairn_span part = event->data;
    bool yes = false;
    CAIRN_TRY(covers(hasher, event, part, &yes, err));
    if (!yes && (event->type == CAIRN_EV_IPL || event->type == CAIRN_EV_EVENT_TAG)) {
        part = event->type == CAIRN_EV_IPL ? loader_text(event->data) : tag_body(event->data);
        if (part.len > 0) {
            CAIRN_TRY(covers(hasher, event, part, &yes, err));
        }
    }
    *found = yes;
    *out = yes ? part : (struct cairn_span){0};
    return CAIRN_OK;
}
