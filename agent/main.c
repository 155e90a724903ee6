/* agent/main.c -- cairnd: the agent as a service.
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "agent/loop_device.h"
#include "core/crypto.h"
#include "core/secret.h"

static const char HELP[] =
    "usage: cairnd [--config FILE]\n"
    "\n"
    "Reports to the server in [agent] of the configuration: has the TPM quote, sends the evidence, keeps the nonce for the "
    "next\n"
    "report, fetches orders and grants for root to carry out, and delivers receipts, kill receipts and certificates.\n"
    "Runs as a user without privileges, of group tss. Installs and wipes nothing: cairn-install.service and "
    "cairn-wipe.service\n"
    "do that, when a file of the spool says so.\n"
    "\n"
    "  --config FILE  the configuration (/etc/cairn/cairn.conf)\n"
    "  --version      the version and its cryptographic library\n"
    "\n"
    "SIGHUP reads the configuration again; a bad one changes nothing. SIGTERM ends within a second.\n"
    "One line per event on standard error. Under systemd it says READY=1 and feeds the watchdog.\n";

static int report(const struct cairn_log *log, const struct cairn_err *err, enum cairn_rc rc)
{
    cairn_log_error(log, "failed", err);
    return cairn_rc_exit_code(rc);
}

int main(int argc, char **argv)
{
    /* First: TSS reads its log level once, and from the environment it would print session keys and salts. */
    if (setenv("TSS2_LOG", "all+none", 1) != 0) {
        return 8;
    }
    const struct cairn_log log = cairn_log("cairnd", CAIRN_LOG_INFO);
    const char *config = "/etc/cairn/cairn.conf";
    struct cairn_err err = {0};
    if (argc == 2 && (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0)) {
        (void)printf("%s", HELP);
        return 0;
    }
    if (argc == 2 && strcmp(argv[1], "--version") == 0) {
        (void)printf("cairnd %s (%s)\n", CAIRN_VERSION, cairn_crypto_provider());
        return 0;
    }
    if (argc == 3 && strcmp(argv[1], "--config") == 0) {
        config = argv[2];
    } else if (argc != 1) {
        (void)fprintf(stderr, "%s", HELP);
        return 2;
    }
    (void)umask(027); /* the directory is the agent's own; root reads it all the same */
    (void)signal(SIGPIPE, SIG_IGN);
    enum cairn_rc rc = cairn_process_harden(&err);
    rc = rc == CAIRN_OK ? cairn_crypto_self_test(&err) : rc;
    rc = rc == CAIRN_OK ? cairn_loop_run(config, &log, &err) : rc;
    return rc == CAIRN_OK ? 0 : report(&log, &err, rc);
}
