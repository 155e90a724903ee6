/* server/main.c -- cairn-server: verifier, provisioning gate, release of orders, archive of certificates.
 */
#include <getopt.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/notify.h"
#include "server/tls.h"
#include "server/work.h"

enum { TOKEN_BYTES = 32 };

static const char usage[] =
    "usage: cairn-server [--config FILE] [run | check-config | routes | token --name NAME --role ROLE | audit-verify]\n"
    "\n"
    "  run           serve (the default)\n"
    "  check-config  read configuration, root, policy, release and keys as at the start, say what is wrong, change nothing\n"
    "  routes        every route as a line: method, path, right that it asks for, content type of its body\n"
    "  token         make a credential: the token goes to standard output, once; the section for the configuration, which\n"
    "                holds its SHA-256 only, to standard error\n"
    "  audit-verify  walk the database's audit log and check its hash chain\n"
    "\n"
    "  --config FILE  default /etc/cairn/cairn-server.conf\n"
    "  --name NAME    who holds the token\n"
    "  --role ROLE    viewer, operator, approver, auditor or enrolee\n"
    "  --version      version and cryptographic provider\n"
    "\n"
    "SIGHUP reads configuration and certificate again; SIGTERM drains and ends.\n"
    "Exit: 0 ended as asked, 1 refused, 2 usage, 8 input or output\n";

static int fail(const struct cairn_err *err)
{
    (void)fprintf(stderr, "cairn-server: %s: %s\n", err->code, err->text);
    return cairn_rc_exit_code(err->rc);
}

static void free_config(struct cairn_server_config **config)
{
    free(*config);
}
#define CONFIG CAIRN_CLEANUP(free_config) struct cairn_server_config

static CAIRN_RC load_config(const char *path, struct cairn_server_config **out, struct cairn_err *err)
{
    CONFIG *config = calloc(1, sizeof *config);
    if (config == NULL) {
        return CAIRN_FAIL(err, CAIRN_E_IO, "memory", "no memory for the configuration");
    }
    CAIRN_TRY(cairn_server_config_load(path, config, err));
    *out = config;
    config = NULL;
    return CAIRN_OK;
}

/* check reads everything that the configuration names, as the start does, and keeps nothing. */
static CAIRN_RC check(const struct cairn_server_config *c, struct cairn_fleet **fleet, struct cairn_err *err)
{
    SSL_CTX *tls = NULL;
    CAIRN_TRY(cairn_tls_new(c->certificate, c->key, c->client_ca[0] != '\0' ? c->client_ca : NULL, &tls, err));
    SSL_CTX_free(tls);
    return cairn_fleet_load(c, cairn_service_now_s(), fleet, err);
}

static void reload(struct cairn_service *service, struct cairn_http *http, const char *path)
{
    struct cairn_err err = {0};
    CONFIG *config = NULL;
    enum cairn_rc rc = load_config(path, &config, &err);
    rc = rc == CAIRN_OK ? cairn_service_reload(service, config, &err) : rc;
    rc = rc == CAIRN_OK ? cairn_http_reload_tls(http, &err) : rc;
    if (rc != CAIRN_OK) {
        cairn_log_error(service->log, "reload.refused", &err);
        return;
    }
    cairn_log_event(service->log, CAIRN_LOG_INFO, "reload.done", NULL, 0);
}

/* Waits for signals until one of them says to end. */
static void serve(struct cairn_service *service, struct cairn_http *http, const char *path, int signals)
{
    struct signalfd_siginfo info;
    for (;;) {
        if (read(signals, &info, sizeof info) != (ssize_t)sizeof info) {
            continue;
        }
        if (info.ssi_signo != SIGHUP) {
            return;
        }
        reload(service, http, path);
    }
}

static CAIRN_RC take_signals(int *fd, struct cairn_err *err)
{
    sigset_t set;
    (void)sigemptyset(&set);
    (void)sigaddset(&set, SIGTERM);
    (void)sigaddset(&set, SIGINT);
    (void)sigaddset(&set, SIGHUP);
    (void)signal(SIGPIPE, SIG_IGN);
    (void)signal(SIGXFSZ, SIG_IGN); /* a full quota is an error of a write, not the end */
    if (pthread_sigmask(SIG_BLOCK, &set, NULL) != 0 || (*fd = signalfd(-1, &set, SFD_CLOEXEC)) < 0) {
        return CAIRN_FAIL(err, CAIRN_E_IO, "server.signals", "signals cannot be taken");
    }
    return CAIRN_OK;
}

static unsigned num_workers(const struct cairn_server_config *config)
{
    long processors = sysconf(_SC_NPROCESSORS_ONLN);
    return config->workers > 0 ? config->workers : processors > 0 && processors < 64 ? (unsigned)processors : 1;
}

static CAIRN_RC start_http(struct cairn_service *service, const struct cairn_log *log, struct cairn_http **out,
                           struct cairn_err *err)
{
    const struct cairn_server_config *c = &service->config;
    struct cairn_http_app app = cairn_app;
    app.ctx = service;
    const struct cairn_http_config http = {.listen = c->listen,
                                           .certificate = c->certificate,
                                           .key = c->key,
                                           .client_ca = c->client_ca[0] != '\0' ? c->client_ca : NULL,
                                           .workers = num_workers(c),
                                           .limits = c->limits,
                                           .log = log};
    return cairn_http_start(&http, &app, out, err);
}

static void say_ready(const struct cairn_log *log, const struct cairn_service *service, const struct cairn_http *http)
{
    char port[8] = "";
    (void)snprintf(port, sizeof port, "%u", (unsigned)cairn_http_port(http));
    const struct cairn_log_field fields[] = {{"listen", service->config.listen},
                                             {"port", port},
                                             {"policy", service->config.policy[0] != '\0' ? service->config.policy : "none"}};
    cairn_log_event(log, CAIRN_LOG_INFO, "server.ready", fields, CAIRN_ARRAY_LEN(fields));
}

static CAIRN_RC run(const char *path, struct cairn_err *err)
{
    struct cairn_log log = cairn_log("cairn-server", CAIRN_LOG_INFO);
    struct cairn_service *service = NULL;
    struct cairn_http *http = NULL;
    int signals = -1;
    CONFIG *config = NULL;
    struct cairn_fleet *fleet = NULL;
    struct cairn_notify notify = cairn_notify_open();
    CAIRN_TRY(load_config(path, &config, err));
    log.json = true;
    CAIRN_TRY(check(config, &fleet, err));
    cairn_fleet_free(fleet);
    CAIRN_TRY(take_signals(&signals, err));
    CAIRN_TRY(cairn_service_start(config, &log, "cairn " CAIRN_VERSION, &service, err));
    enum cairn_rc rc = start_http(service, &log, &http, err);
    if (rc == CAIRN_OK) {
        service->http = http;
        say_ready(&log, service, http);
        cairn_notify_say(&notify, "READY=1");
        serve(service, http, path, signals);
        cairn_notify_say(&notify, "STOPPING=1");
        cairn_http_drain(http, (unsigned)config->drain_s * 1000);
        cairn_log_event(&log, CAIRN_LOG_INFO, "server.drained", NULL, 0);
    }
    cairn_service_settle(service); /* the writer posts to workers: it ends before they do */
    cairn_http_free(http);
    cairn_service_free(service);
    cairn_notify_close(&notify);
    (void)close(signals);
    return rc;
}

static CAIRN_RC check_config(const char *path, struct cairn_err *err)
{
    CONFIG *config = NULL;
    struct cairn_fleet *fleet = NULL;
    CAIRN_TRY(load_config(path, &config, err));
    CAIRN_TRY(check(config, &fleet, err));
    (void)printf(
        "%s: class %s, root version %u; policy: %s; grants: %s; results and releases: %s; enrolment: %s; %zu principal(s)\n",
        path, cairn_root_class(fleet->root), (unsigned)cairn_root_version(fleet->root),
        fleet->has_policy ? "yes" : "none, so nothing is affirmed", fleet->grants ? "yes" : "none",
        fleet->verifier != NULL ? "yes" : "none", fleet->enrol != NULL ? "by this server" : "by an enroller apart",
        config->access.num);
    cairn_fleet_free(fleet);
    return CAIRN_OK;
}

/* The token is shown once and kept nowhere. */
static CAIRN_RC make_token(const char *name, const char *role, struct cairn_err *err)
{
    uint8_t random[TOKEN_BYTES] = {0}, digest[32] = {0};
    char hex[65] = "";
    CAIRN_BUF token = {0};
    if (name == NULL || role == NULL || !cairn_label_ok(name, CAIRN_PRINCIPAL_NAME_MAX, false) ||
        cairn_access_rights(role) == 0) {
        return CAIRN_FAIL(err, CAIRN_E_USAGE, "usage",
                          "token needs --name NAME and --role viewer, operator, approver, auditor or enrolee");
    }
    CAIRN_TRY(cairn_random(random, sizeof random, err));
    CAIRN_TRY(cairn_base64url_encode(CAIRN_SPAN(random), &token, err));
    CAIRN_TRY(cairn_sha256(cairn_buf_span(&token), digest, err));
    cairn_hex_encode(CAIRN_SPAN(digest), hex);
    (void)fprintf(stderr, "[access %s]\nrole = %s\ntoken_sha256 = %s\n", name, role, hex);
    (void)printf("%.*s\n", (int)token.len, (const char *)token.p);
    cairn_wipe(random, sizeof random);
    return CAIRN_OK;
}

static CAIRN_RC audit_verify(const char *path, struct cairn_err *err)
{
    CONFIG *config = NULL;
    struct cairn_store *store = NULL;
    uint64_t num = 0;
    CAIRN_TRY(load_config(path, &config, err));
    CAIRN_TRY(cairn_store_open(config->database, false, &store, err));
    enum cairn_rc rc = cairn_store_audit_verify(store, &num, err);
    cairn_store_close(store);
    if (rc == CAIRN_OK) {
        (void)printf("%" PRIu64 " entries, the chain holds\n", num);
    }
    return rc;
}

static CAIRN_RC list_routes(void)
{
    for (const struct cairn_route *r = cairn_routes; r->path != NULL; r++) {
        (void)printf("%s %s %s %s\n", r->method == CAIRN_HTTP_POST ? "POST" : "GET", r->path, cairn_right_name(r->right),
                     r->type != NULL ? r->type : "-");
    }
    return CAIRN_OK;
}

struct arguments {
    const char *config, *name, *role;
    bool help, version;
};

static bool parse(int argc, char **argv, struct arguments *out)
{
    static const struct option options[] = {{"config", required_argument, NULL, 'c'}, {"name", required_argument, NULL, 'n'},
                                            {"role", required_argument, NULL, 'r'},   {"help", no_argument, NULL, 'h'},
                                            {"version", no_argument, NULL, 'v'},      {NULL, 0, NULL, 0}};
    for (int c = 0; (c = getopt_long(argc, argv, "h", options, NULL)) != -1;) {
        switch (c) {
        case 'c':
            out->config = optarg;
            break;
        case 'n':
            out->name = optarg;
            break;
        case 'r':
            out->role = optarg;
            break;
        case 'h':
            out->help = true;
            break;
        case 'v':
            out->version = true;
            break;
        default:
            return false;
        }
    }
    return argc - optind <= 1;
}

static CAIRN_RC command(const char *verb, const struct arguments *a, struct cairn_err *err)
{
    if (strcmp(verb, "run") == 0) {
        return run(a->config, err);
    }
    if (strcmp(verb, "check-config") == 0) {
        return check_config(a->config, err);
    }
    if (strcmp(verb, "routes") == 0) {
        return list_routes();
    }
    if (strcmp(verb, "token") == 0) {
        return make_token(a->name, a->role, err);
    }
    if (strcmp(verb, "audit-verify") == 0) {
        return audit_verify(a->config, err);
    }
    return CAIRN_FAIL(err, CAIRN_E_USAGE, "usage", "there is no command \"%s\": --help lists them", verb);
}

int main(int argc, char **argv)
{
    struct cairn_err err = {0};
    struct arguments a = {.config = "/etc/cairn/cairn-server.conf"};
    (void)umask(077);
    if (cairn_process_harden(&err) != CAIRN_OK || cairn_crypto_self_test(&err) != CAIRN_OK) {
        return fail(&err);
    }
    if (!parse(argc, argv, &a)) {
        (void)fputs(usage, stderr);
        return 2;
    }
    if (a.help) {
        (void)fputs(usage, stdout);
        return 0;
    }
    if (a.version) {
        (void)printf("cairn-server " CAIRN_VERSION " (%s)\n", cairn_crypto_provider());
        return 0;
    }
    return command(optind < argc ? argv[optind] : "run", &a, &err) == CAIRN_OK ? 0 : fail(&err);
}
