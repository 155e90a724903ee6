/* tests/bench/sim_server.c -- see sim_server.h. */
#include "bench/sim_server.h"

#include <fcntl.h>
#include <inttypes.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/file.h"
#include "server/store.h"

enum { ROWS_PER_JOB = 500, REPLY_LEN = 700 };

static void write_file(const struct sim_server *server, const char *name, struct cairn_span bytes)
{
    struct cairn_err err = {0};
    char path[256] = "";
    (void)snprintf(path, sizeof path, "%s/%s", server->dir, name);
    sim_must(cairn_path_write(path, bytes, 0600, &err), &err);
}

static void write_key(const struct sim_server *server, const char *name, const struct cairn_signer *key)
{
    struct cairn_err err = {0};
    CAIRN_BUF pem = {0};
    sim_must(cairn_signer_write(key, &pem, &err), &err);
    write_file(server, name, cairn_buf_span(&pem));
}

static void write_config(const struct sim_server *server)
{
    char text[2048] = "";
    const int len =
        snprintf(text, sizeof text,
                 "[server]\nlisten = 127.0.0.1:0\ncertificate = %s\nkey = %s\ndatabase = %s\nworkers = 2\ndrain_s = 1\n"
                 "[fleet]\nroot = %s/root.dsse\npolicy = %s/policy.dsse\npcrs = " SIM_PCRS "\ninterval_s = 3600\n"
                 "[verifier]\nkey = %s/verifier.key\nissuer = https://localhost\n"
                 "[limits]\nrequests_per_s = 0\nconnections_per_peer = 100000\n",
                 server->tls.certificate, server->tls.key, server->database, server->dir, server->dir, server->dir);
    assert_in_range(len, 1, sizeof text - 1);
    write_file(server, "cairn-server.conf", cairn_span_str(text));
}

/* struct fill is one job of the database's writer: some rows. */
struct fill {
    struct cairn_job job;
    const struct sim_fleet *fleet;
    size_t first, num; /* devices of the fleet; or, */
    bool more;         /* rows that stand for devices of no use */
    pthread_mutex_t *lock;
    pthread_cond_t *done;
    size_t *left;
};

static CAIRN_RC put_device(struct cairn_store *store, const uint8_t device[32], const struct cairn_buf *statement,
                           struct cairn_err *err)
{
    const struct cairn_device_row like = {.serial = "SN-000001",
                                          .tag = "asset 17",
                                          .site = "hall 4",
                                          .tpm_class = "virtual",
                                          .device_class = SIM_CLASS,
                                          .life = CAIRN_DEVICE_OPERATIONAL,
                                          .enrolled_s = 1,
                                          .epoch = 7,
                                          .statement = *statement};
    struct cairn_device_row row = like;
    cairn_copy(row.device, device, sizeof row.device);
    return cairn_store_device_put(store, &row, false, err);
}

static CAIRN_RC put_more(struct cairn_store *store, const struct fill *fill, struct cairn_err *err)
{
    uint8_t reply[REPLY_LEN] = {0};
    struct cairn_report_row report = {.received_s = 1, .num_spent = 1, .mask = SIM_MASK, .has_log = {true, true, true}};
    report.reply = (struct cairn_buf){.p = reply, .len = sizeof reply};
    CAIRN_TRY(cairn_random(report.device, sizeof report.device, err));
    CAIRN_TRY(put_device(store, report.device, &fill->fleet->statement, err));
    return cairn_store_report_put(store, &report, err);
}

static CAIRN_RC run_fill(struct cairn_store *store, struct cairn_job *self, struct cairn_err *err)
{
    const struct fill *fill = (const struct fill *)self;
    CAIRN_BUF statement = {0};
    for (size_t i = 0; i < fill->num; i++) {
        if (fill->more) {
            CAIRN_TRY(put_more(store, fill, err));
        } else {
            const struct sim_device *device = &fill->fleet->devices[fill->first + i];
            sim_statement(fill->fleet, device, &statement);
            CAIRN_TRY(put_device(store, device->tpm.device, &statement, err));
        }
    }
    return CAIRN_OK;
}

static void fill_done(struct cairn_job *self)
{
    struct fill *fill = (struct fill *)self;
    sim_must(self->rc, &self->err);
    (void)pthread_mutex_lock(fill->lock);
    (*fill->left)--;
    (void)pthread_cond_signal(fill->done);
    (void)pthread_mutex_unlock(fill->lock);
    free(fill);
}

static void fill_database(const struct sim_server *server, const struct sim_fleet *fleet, size_t num, bool more)
{
    struct cairn_err err = {0};
    pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
    pthread_cond_t done = PTHREAD_COND_INITIALIZER;
    struct cairn_store_writer *writer = NULL;
    size_t left = (num + ROWS_PER_JOB - 1) / ROWS_PER_JOB;
    sim_must(cairn_store_writer_start(server->database, left + 1, &writer, &err), &err);
    for (size_t first = 0; first < num; first += ROWS_PER_JOB) {
        struct fill *fill = calloc(1, sizeof *fill);
        assert_non_null(fill);
        *fill = (struct fill){.job = {.run = run_fill, .done = fill_done}, .fleet = fleet, .first = first, .more = more};
        fill->num = num - first < ROWS_PER_JOB ? num - first : ROWS_PER_JOB;
        fill->lock = &lock;
        fill->done = &done;
        fill->left = &left;
        cairn_store_writer_submit(writer, &fill->job);
    }
    (void)pthread_mutex_lock(&lock);
    while (left > 0) {
        (void)pthread_cond_wait(&done, &lock);
    }
    (void)pthread_mutex_unlock(&lock);
    cairn_store_writer_stop(writer);
}

void sim_server_make(struct sim_server *out, const char *base, const struct sim_fleet *fleet, size_t num_more)
{
    *out = (struct sim_server){.log = -1};
    (void)snprintf(out->dir, sizeof out->dir, "%.100s/fleet-sim.XXXXXX", base);
    assert_non_null(mkdtemp(out->dir));
    (void)snprintf(out->database, sizeof out->database, "%s/cairn.db", out->dir);
    cairn_test_tls_make(&out->tls);
    write_file(out, "root.dsse", cairn_buf_span(&fleet->root_file));
    write_file(out, "policy.dsse", cairn_buf_span(&fleet->policy_file));
    write_key(out, "verifier.key", fleet->role[CAIRN_ROLE_VERIFIER]);
    write_config(out);
    fill_database(out, fleet, fleet->num_devices, false);
    if (num_more > 0) {
        fill_database(out, fleet, num_more, true);
    }
}

static uint16_t read_port(struct sim_server *server)
{
    char said[8192] = "";
    size_t len = 0;
    while (len + 1 < sizeof said) {
        const ssize_t n = read(server->log, said + len, sizeof said - 1 - len);
        if (n <= 0) {
            break;
        }
        len += (size_t)n;
        said[len] = '\0';
        const char *ready = strstr(said, "server.ready");
        const char *port = ready != NULL && strchr(ready, '\n') != NULL ? strstr(ready, "port\"") : NULL;
        if (port != NULL) {
            return (uint16_t)strtoul(port + strcspn(port, "0123456789"), NULL, 10);
        }
    }
    (void)fprintf(stderr, "fleet-sim: cairn-server does not start:\n%s", said);
    exit(8);
}

static void *drain_log(void *arg)
{
    char bytes[4096];
    const int fd = *(int *)arg;
    ssize_t n = 0;
    while ((n = read(fd, bytes, sizeof bytes)) > 0) {
        (void)fwrite(bytes, 1, (size_t)n, stderr);
    }
    free(arg);
    (void)close(fd);
    return NULL;
}

/* What the server says later goes to standard error, so that it never waits for a reader. */
static void pass_log_on(struct sim_server *server)
{
    pthread_t thread;
    int *fd = malloc(sizeof *fd);
    assert_non_null(fd);
    *fd = server->log;
    assert_int_equal(pthread_create(&thread, NULL, drain_log, fd), 0);
    (void)pthread_detach(thread);
    server->log = -1;
}

void sim_server_start(struct sim_server *server, const char *program)
{
    int ends[2] = {-1, -1};
    char config[256] = "";
    (void)snprintf(config, sizeof config, "%s/cairn-server.conf", server->dir);
    assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
    server->pid = fork();
    if (server->pid == 0) {
        (void)prctl(PR_SET_PDEATHSIG, SIGKILL); /* it does not outlive the bench, however that ends */
        (void)dup2(ends[1], STDERR_FILENO);
        (void)execl(program, "cairn-server", "--config", config, (char *)NULL);
        _exit(127);
    }
    assert_true(server->pid > 0);
    (void)close(ends[1]);
    server->log = ends[0];
    server->port = read_port(server);
    pass_log_on(server);
}

void sim_server_stop(struct sim_server *server)
{
    int status = 0;
    if (server->pid > 0) {
        (void)kill(server->pid, SIGTERM);
        assert_int_equal(waitpid(server->pid, &status, 0), server->pid);
        server->pid = 0;
        if (!WIFEXITED(status) || WEXITSTATUS(status) != 0) {
            (void)fprintf(stderr, "fleet-sim: cairn-server ended with status %d\n", status);
            exit(8);
        }
    }
}

void sim_server_clear(struct sim_server *server)
{
    static const char *const names[] = {"root.dsse", "policy.dsse",  "verifier.key", "cairn-server.conf",
                                        "cairn.db",  "cairn.db-wal", "cairn.db-shm"};
    char path[256] = "";
    sim_server_stop(server);
    for (size_t i = 0; i < CAIRN_ARRAY_LEN(names); i++) {
        (void)snprintf(path, sizeof path, "%s/%s", server->dir, names[i]);
        (void)unlink(path);
    }
    (void)rmdir(server->dir);
    cairn_test_tls_clear(&server->tls);
}

double sim_server_cpu_s(const struct sim_server *server)
{
    char path[64] = "";
    unsigned long user = 0, system = 0;
    (void)snprintf(path, sizeof path, "/proc/%d/stat", (int)server->pid);
    FILE *f = fopen(path, "r");
    assert_non_null(f);
    const int n = fscanf(f, "%*d (%*[^)]) %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %lu %lu", &user, &system);
    (void)fclose(f);
    assert_int_equal(n, 2);
    return (double)(user + system) / (double)sysconf(_SC_CLK_TCK);
}

uint64_t sim_server_private_bytes(const struct sim_server *server)
{
    char path[64] = "", line[256] = "";
    uint64_t kib = 0, one = 0;
    (void)snprintf(path, sizeof path, "/proc/%d/smaps_rollup", (int)server->pid);
    FILE *f = fopen(path, "r");
    assert_non_null(f);
    while (fgets(line, sizeof line, f) != NULL) {
        if (sscanf(line, "Private_Clean: %" SCNu64, &one) == 1 || sscanf(line, "Private_Dirty: %" SCNu64, &one) == 1) {
            kib += one;
        }
    }
    (void)fclose(f);
    return kib * 1024;
}

uint64_t sim_server_database_bytes(const struct sim_server *server)
{
    struct stat st = {.st_size = 0};
    assert_int_equal(stat(server->database, &st), 0);
    return (uint64_t)st.st_size;
}

uint64_t sim_server_reports(const struct sim_server *server, const struct sim_fleet *fleet)
{
    struct cairn_err err = {0};
    struct cairn_store *store = NULL;
    uint64_t num = 0;
    sim_must(cairn_store_open(server->database, false, &store, &err), &err);
    for (size_t i = 0; i < fleet->num_devices; i++) {
        struct cairn_report_row row = {.tier = 0};
        bool found = false;
        sim_must(cairn_store_report_get(store, fleet->devices[i].tpm.device, &row, &found, &err), &err);
        num += found && row.tier == 0;
        cairn_report_row_clear(&row);
    }
    cairn_store_close(store);
    return num;
}
