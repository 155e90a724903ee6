/* cli/cairn_measure.c -- cairn-measure: measure the Cairn root into PCR 8, from the initramfs or early userspace.
 *
 * The smallest program of the kit: no network, no keys, no verdict.
 */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>

#include "boot_measure/measure_device.h"
#include "core/json.h"

static const char usage[] =
    "usage: cairn-measure --root FILE --log FILE [--tcti TCTI] [--boot-id FILE] [--json]\n"
    "\n"
    "Logs the root (version 1) in FILE, then extends PCR 8 with it in every active bank. In one boot it is extended once,\n"
    "however often this runs.\n"
    "\n"
    "  --root FILE   signed root document (root.dsse); \"-\" reads standard input\n"
    "  --log FILE    userspace event log, made if absent; in a file system that the boot keeps, for example /run\n"
    "  --tcti TCTI   how to reach the TPM (default: the system's)\n"
    "  --boot-id FILE  what names this boot, where the kernel does not (a simulated boot, a container);\n"
    "                default " CAIRN_BOOT_ID_FILE "\n"
    "  --json        one line of JSON on standard output\n"
    "  --help        this text\n"
    "\n"
    "exit status: 0 measured, 1 refused, 2 usage, 6 TPM busy, 7 no TPM, 8 input or output failed\n";

struct options {
    const char *root, *log, *tcti, *boot_id;
    bool json, help;
};

/* Returns false after a mistake; getopt has said which. */
static bool read_options(int argc, char **argv, struct options *out)
{
    static const struct option names[] = {{"root", required_argument, NULL, 'r'},
                                          {"log", required_argument, NULL, 'l'},
                                          {"tcti", required_argument, NULL, 't'},
                                          {"json", no_argument, NULL, 'j'},
                                          {"boot-id", required_argument, NULL, 'b'},
                                          {"help", no_argument, NULL, 'h'},
                                          {NULL, 0, NULL, 0}};
    struct options o = {.boot_id = CAIRN_BOOT_ID_FILE};
    int c = 0;
    while ((c = getopt_long(argc, argv, "", names, NULL)) != -1) {
        switch (c) {
        case 'r':
            o.root = optarg;
            break;
        case 'l':
            o.log = optarg;
            break;
        case 't':
            o.tcti = optarg;
            break;
        case 'b':
            o.boot_id = optarg;
            break;
        case 'j':
            o.json = true;
            break;
        case 'h':
            o.help = true;
            break;
        default:
            return false;
        }
    }
    *out = o;
    return o.help || (o.root != NULL && o.log != NULL && optind == argc);
}

static enum cairn_rc run(const struct options *options, struct cairn_measure_result *out, struct cairn_err *err)
{
    CAIRN_TRY(cairn_process_harden(err));
    CAIRN_TRY(cairn_crypto_self_test(err));
    CAIRN_BUF envelope = {0};
    char boot_id[CAIRN_BOOT_ID_LEN + 1];
    CAIRN_TRY(cairn_path_read(options->root, 1 << 20, &envelope, err));
    CAIRN_TRY(cairn_measure_boot_id(options->boot_id, boot_id, err));
    struct cairn_tpm_config config = cairn_tpm_config_default();
    config.tcti = options->tcti;
    CAIRN_TPM *tpm = NULL;
    CAIRN_TRY(cairn_tpm_open(&config, &tpm, err));
    return cairn_measure_root(tpm, cairn_buf_span(&envelope), options->log, boot_id, out, err);
}

/* `class_name` goes through the JSON writer: it may hold quotation marks. */
static enum cairn_rc print_json(const struct cairn_measure_result *result, struct cairn_err *err)
{
    CAIRN_BUF text = {0};
    CAIRN_JSON *json = json_object();
    if (json == NULL) {
        return CAIRN_FAIL(err, CAIRN_E_IO, "json.memory", "no memory");
    }
    CAIRN_TRY(cairn_json_set_string(json, "class", result->root.class_name, err));
    CAIRN_TRY(cairn_json_set_hex(json, "root", CAIRN_SPAN(result->root.digest), err));
    CAIRN_TRY(cairn_json_set_bool(json, "logged", result->logged, err));
    CAIRN_TRY(cairn_json_set_uint(json, "extended", result->num_extended, err));
    CAIRN_TRY(cairn_json_set_uint(json, "pcr", CAIRN_PCR_USERSPACE, err));
    CAIRN_TRY(cairn_json_write(json, &text, err));
    (void)printf("%.*s\n", (int)text.len, (const char *)text.p);
    return CAIRN_OK;
}

static void print_text(const struct cairn_measure_result *result)
{
    char hex[2 * CAIRN_SHA256_LEN + 1];
    cairn_hex_encode(CAIRN_SPAN(result->root.digest), hex);
    (void)printf("root %s of class %s is in PCR 8 (%s)\n", hex, result->root.class_name,
                 result->num_extended > 0 ? "extended now" : "since earlier in this boot");
}

int main(int argc, char **argv)
{
    (void)setenv("TSS2_LOG", "all+none", 1); /* before any TSS call: its debug log prints session keys */
    struct options options = {0};
    if (!read_options(argc, argv, &options)) {
        (void)fputs(usage, stderr);
        return 2;
    }
    if (options.help) {
        (void)fputs(usage, stdout);
        return 0;
    }
    struct cairn_err err = {0};
    struct cairn_measure_result result;
    enum cairn_rc rc = run(&options, &result, &err);
    if (rc == CAIRN_OK && options.json) {
        rc = print_json(&result, &err);
    } else if (rc == CAIRN_OK) {
        print_text(&result);
    }
    if (rc == CAIRN_OK && fflush(stdout) != 0) {
        rc = CAIRN_FAIL(&err, CAIRN_E_IO, "measure.output", "cannot write to standard output");
    }
    if (rc != CAIRN_OK) {
        (void)fprintf(stderr, "cairn-measure: %s: %s\n", err.code, err.text);
    }
    return cairn_rc_exit_code(rc);
}
