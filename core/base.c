/* core/base.c -- the error object and the exit codes. */
#include "core/base.h"

#include <stdio.h>
#include <string.h>

/* Texts quote what came from outside (a document's type, a path): printable ASCII only, or it could forge the next line. */
static void copy_text(char *out, size_t cap, const char *text)
{
    size_t len = 0;
    for (; len < cap - 1 && text[len] != '\0'; len++) {
        out[len] = text[len] >= ' ' && text[len] <= '~' ? text[len] : '?';
    }
    out[len] = '\0';
}

enum cairn_rc cairn_err_set(struct cairn_err *err, enum cairn_rc rc, const char *code, uint32_t cause, const char *file,
                            int line, const char *fmt, ...)
{
    if (err == NULL) {
        return rc;
    }
    /* formatted apart from *err: an argument may point into the text that is being replaced */
    char text[sizeof(err->text)] = "";
    va_list args;
    va_start(args, fmt);
    (void)vsnprintf(text, sizeof(text), fmt, args);
    va_end(args);
    char kept_code[sizeof(err->code)];
    copy_text(kept_code, sizeof(kept_code), code);
    *err = (struct cairn_err){.rc = rc, .cause = cause, .file = file, .line = line};
    copy_text(err->code, sizeof(err->code), kept_code);
    copy_text(err->text, sizeof(err->text), text);
    return rc;
}

void cairn_err_prefix(struct cairn_err *err, const char *fmt, ...)
{
    if (err == NULL) {
        return;
    }
    char prefix[sizeof(err->text)] = "";
    va_list args;
    va_start(args, fmt);
    (void)vsnprintf(prefix, sizeof(prefix), fmt, args);
    va_end(args);
    char text[sizeof(err->text)];
    copy_text(text, sizeof(text), prefix);
    size_t used = strlen(text);
    copy_text(text + used, sizeof(text) - used, ": ");
    used = strlen(text);
    copy_text(text + used, sizeof(text) - used, err->text);
    copy_text(err->text, sizeof(err->text), text);
}

int cairn_rc_exit_code(enum cairn_rc rc)
{
    switch (rc) {
    case CAIRN_OK:
        return 0;
    case CAIRN_E_REFUSED:
    case CAIRN_E_FORMAT:
        return 1;
    case CAIRN_E_USAGE:
        return 2;
    case CAIRN_E_UNDECIDED:
        return 5;
    case CAIRN_E_BUSY:
        return 6;
    case CAIRN_E_TPM:
        return 7;
    case CAIRN_E_IO:
        return 8;
    case CAIRN_E_SERVER:
        return 9;
    }
    return 8;
}
