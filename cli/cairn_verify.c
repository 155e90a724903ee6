/* cli/cairn_verify.c -- cairn-verify: judges a wipe certificate on a machine that has nothing of Cairn but this program.
 *
 * Uses libtomcrypt where the cairn program uses OpenSSL, so a fault of one library is not a fault of both judgements. Reads two
 * files, writes nothing. Exit: 0 genuine and as good as ordered, 1 not, 2 usage, 8 input or output.
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/file.h"
#include "core/secret.h"
#include "wipe/certificate.h"

struct verify {
    const char *certificate;
    size_t num_roots;
    const char *roots[CAIRN_CERTIFICATE_MAX_ROOTS];
    bool json;
};

static const char USAGE[] = "usage: cairn-verify certificate.json --root root.dsse [--root next.dsse...] [--json]\n\n"
                            "Verifies a wipe certificate from the documents alone and shows what it proves.\n"
                            "  --root FILE   the root you trust; again for later versions, in order\n"
                            "  --json        one JSON object instead of text\n\n"
                            "Exit: 0 genuine and as good as ordered, 1 not, 2 usage, 8 input or output\n";

static CAIRN_RC parse_args(int argc, char **argv, struct verify *out, struct cairn_err *err)
{
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--json") == 0) {
            out->json = true;
        } else if (strcmp(argv[i], "--root") == 0 && i + 1 < argc && out->num_roots < CAIRN_CERTIFICATE_MAX_ROOTS) {
            out->roots[out->num_roots++] = argv[++i];
        } else if (argv[i][0] != '-' && out->certificate == NULL) {
            out->certificate = argv[i];
        } else {
            return CAIRN_FAIL(err, CAIRN_E_USAGE, "usage", "\"%s\" is not understood here: cairn-verify --help", argv[i]);
        }
    }
    if (out->certificate == NULL || out->num_roots == 0) {
        return CAIRN_FAIL(err, CAIRN_E_USAGE, "usage", "a certificate and --root are needed: cairn-verify --help");
    }
    return CAIRN_OK;
}

static CAIRN_RC judge(const struct verify *v, struct cairn_certificate **out, struct cairn_err *err)
{
    CAIRN_BUF file = {0};
    CAIRN_CERTIFICATE_PARTS held = {0}; /* owns the root files */
    struct cairn_span roots[CAIRN_CERTIFICATE_MAX_ROOTS];
    CAIRN_TRY(cairn_path_read(v->certificate, CAIRN_CERTIFICATE_MAX_LEN, &file, err));
    for (size_t i = 0; i < v->num_roots; i++) {
        CAIRN_TRY(cairn_path_read(v->roots[i], CAIRN_FILE_MAX, &held.roots[i], err));
        roots[i] = cairn_buf_span(&held.roots[i]);
    }
    return cairn_certificate_verify(cairn_buf_span(&file), roots, v->num_roots, out, err);
}

static CAIRN_RC print_result(const struct verify *v, const struct cairn_certificate *found, struct cairn_err *err)
{
    CAIRN_BUF text = {0};
    CAIRN_JSON *facts = NULL;
    if (v->json) {
        CAIRN_TRY(cairn_certificate_facts(found, &facts, err));
        CAIRN_TRY(cairn_json_set_string(facts, "verdict", "genuine", err));
        CAIRN_TRY(cairn_json_write(facts, &text, err));
        CAIRN_TRY(cairn_buf_append(&text, cairn_span_str("\n"), err));
    } else {
        CAIRN_TRY(cairn_certificate_report(found, &text, err));
        CAIRN_TRY(cairn_buf_append(&text, cairn_span_str("genuine: signed by the device's TPM, checked with "), err));
        CAIRN_TRY(cairn_buf_append(&text, cairn_span_str(cairn_crypto_provider()), err));
        CAIRN_TRY(cairn_buf_append(&text, cairn_span_str("\n"), err));
    }
    if (fwrite(text.p, 1, text.len, stdout) != text.len || fflush(stdout) != 0) {
        return CAIRN_FAIL(err, CAIRN_E_IO, "output.write", "standard output takes no more");
    }
    return CAIRN_OK;
}

static int report(const struct verify *v, const struct cairn_err *err)
{
    if (v->json) {
        CAIRN_JSON *o = json_pack("{s:s, s:s, s:s}", "verdict", err->rc == CAIRN_E_USAGE ? "usage" : "refused", "code",
                                  err->code, "text", err->text);
        if (o != NULL) {
            (void)json_dumpf(o, stdout, JSON_COMPACT | JSON_SORT_KEYS | JSON_ENSURE_ASCII);
            (void)putchar('\n');
        }
    } else {
        (void)fprintf(stderr, "cairn-verify: %s: %s\n", err->code, err->text);
    }
    return cairn_rc_exit_code(err->rc);
}

static bool wants_help(int argc, char **argv)
{
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--help") == 0 || strcmp(argv[i], "-h") == 0) {
            return true;
        }
    }
    return false;
}

int main(int argc, char **argv)
{
    struct verify v = {0};
    struct cairn_err err = {0};
    CAIRN_CERTIFICATE *found = NULL;
    (void)signal(SIGPIPE, SIG_IGN);
    if (wants_help(argc, argv)) {
        return fputs(USAGE, stdout) >= 0 && fflush(stdout) == 0 ? 0 : 8;
    }
    if (cairn_process_harden(&err) != CAIRN_OK || cairn_crypto_self_test(&err) != CAIRN_OK ||
        parse_args(argc, argv, &v, &err) != CAIRN_OK || judge(&v, &found, &err) != CAIRN_OK ||
        print_result(&v, found, &err) != CAIRN_OK) {
        return report(&v, &err);
    }
    return found->min_grade_met ? 0 : 1;
}
