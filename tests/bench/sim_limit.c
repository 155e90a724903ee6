/* tests/bench/sim_limit.c -- see sim_limit.h. */
#include "bench/sim_limit.h"

#include <openssl/evp.h>
#include <openssl/ssl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include "server/store.h"

enum { PROCESSORS = 2, UP_LEN = 1200, DOWN_LEN = 900, IN_FLIGHT = 1024, ROWS = 4096 };

static void must(bool ok, const char *what)
{
    if (!ok) {
        (void)fprintf(stderr, "bench: %s failed\n", what);
        exit(8);
    }
}

static double cpu_s(clockid_t clock)
{
    struct timespec t;
    (void)clock_gettime(clock, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* struct loop is one thread that does one thing again and again. */
struct loop {
    pthread_t thread;
    void (*once)(void *arg);
    void *arg;
    uint64_t ends_us, num;
    double cpu_s;
};

static void *run_loop(void *arg)
{
    struct loop *l = arg;
    const double start = cpu_s(CLOCK_THREAD_CPUTIME_ID);
    do {
        for (int i = 0; i < 16; i++) {
            l->once(l->arg);
        }
        l->num += 16;
    } while (sim_now_us() < l->ends_us);
    l->cpu_s = cpu_s(CLOCK_THREAD_CPUTIME_ID) - start;
    return NULL;
}

static struct sim_cost on_both(void once(void *), void *const args[PROCESSORS], double seconds)
{
    struct loop loops[PROCESSORS] = {{.num = 0}};
    const uint64_t start_us = sim_now_us();
    double cpu = 0, num = 0;
    for (size_t i = 0; i < PROCESSORS; i++) {
        loops[i] = (struct loop){.once = once, .arg = args[i], .ends_us = start_us + (uint64_t)(seconds * 1e6)};
        must(pthread_create(&loops[i].thread, NULL, run_loop, &loops[i]) == 0, "a thread");
    }
    for (size_t i = 0; i < PROCESSORS; i++) {
        (void)pthread_join(loops[i].thread, NULL);
        cpu += loops[i].cpu_s;
        num += (double)loops[i].num;
    }
    return (struct sim_cost){.cpu_us = cpu * 1e6 / num, .wall_us = (double)(sim_now_us() - start_us) / num};
}

/* A signature, with OpenSSL alone. */
struct verify {
    EVP_PKEY_CTX *ctx;
    uint8_t digest[32], signature[80];
    size_t signature_len;
};

static void verify_once(void *arg)
{
    const struct verify *v = arg;
    must(EVP_PKEY_verify(v->ctx, v->signature, v->signature_len, v->digest, sizeof v->digest) == 1, "a verification");
}

static struct verify make_verify(void)
{
    struct verify v = {.signature_len = sizeof v.signature};
    EVP_PKEY *key = EVP_EC_gen("P-256");
    EVP_PKEY_CTX *signer = EVP_PKEY_CTX_new(key, NULL);
    must(EVP_PKEY_sign_init(signer) == 1 &&
             EVP_PKEY_sign(signer, v.signature, &v.signature_len, v.digest, sizeof v.digest) == 1,
         "a signature");
    EVP_PKEY_CTX_free(signer);
    v.ctx = EVP_PKEY_CTX_new(key, NULL);
    must(EVP_PKEY_verify_init(v.ctx) == 1, "a key");
    EVP_PKEY_free(key);
    return v;
}

static struct sim_cost measure_verify(double seconds)
{
    struct verify v[PROCESSORS] = {make_verify(), make_verify()};
    void *const args[PROCESSORS] = {&v[0], &v[1]};
    const struct sim_cost cost = on_both(verify_once, args, seconds);
    for (size_t i = 0; i < PROCESSORS; i++) {
        EVP_PKEY_CTX_free(v[i].ctx);
    }
    return cost;
}

/* TLS 1.3 between two ends in memory: one record is sealed at one end and opened at the other. Opening the request is one half
 * of that and sealing the reply the other, so one record each way is what a server does for two reports. */
struct pipe {
    SSL_CTX *server_ctx, *client_ctx;
    SSL *server, *client;
    bool down;
};

static void tls_once(void *arg)
{
    static const uint8_t zeros[UP_LEN];
    uint8_t bytes[2 * UP_LEN];
    struct pipe *p = arg;
    const int len = p->down ? DOWN_LEN : UP_LEN;
    SSL *from = p->down ? p->server : p->client, *to = p->down ? p->client : p->server;
    must(SSL_write(from, zeros, len) == len, "a TLS write");
    must(SSL_read(to, bytes, sizeof bytes) == len, "a TLS read");
    p->down = !p->down;
}

static struct pipe make_pipe(const struct sim_server *server)
{
    struct pipe p = {.server_ctx = SSL_CTX_new(TLS_server_method()), .client_ctx = SSL_CTX_new(TLS_client_method())};
    must(SSL_CTX_use_certificate_file(p.server_ctx, server->tls.certificate, SSL_FILETYPE_PEM) == 1 &&
             SSL_CTX_use_PrivateKey_file(p.server_ctx, server->tls.key, SSL_FILETYPE_PEM) == 1,
         "a certificate");
    (void)SSL_CTX_set_num_tickets(p.server_ctx, 0);
    p.server = SSL_new(p.server_ctx);
    p.client = SSL_new(p.client_ctx);
    BIO *up = BIO_new(BIO_s_mem()), *down = BIO_new(BIO_s_mem());
    (void)BIO_up_ref(up);
    (void)BIO_up_ref(down);
    SSL_set_bio(p.client, down, up);
    SSL_set_bio(p.server, up, down);
    SSL_set_connect_state(p.client);
    SSL_set_accept_state(p.server);
    for (int i = 0; i < 4; i++) {
        (void)SSL_do_handshake(p.client);
        (void)SSL_do_handshake(p.server);
    }
    must(SSL_is_init_finished(p.client) && SSL_is_init_finished(p.server), "a handshake");
    return p;
}

static struct sim_cost measure_tls(const struct sim_server *server, double seconds)
{
    struct pipe p[PROCESSORS] = {make_pipe(server), make_pipe(server)};
    void *const args[PROCESSORS] = {&p[0], &p[1]};
    const struct sim_cost cost = on_both(tls_once, args, seconds);
    for (size_t i = 0; i < PROCESSORS; i++) {
        SSL_free(p[i].server);
        SSL_free(p[i].client);
        SSL_CTX_free(p[i].server_ctx);
        SSL_CTX_free(p[i].client_ctx);
    }
    return cost;
}

/* Rows: as many jobs as make full groups, each given back as soon as it is done. */
struct rows {
    struct cairn_store_writer *writer;
    const struct sim_fleet *fleet;
    uint64_t ends_us;
    _Atomic uint64_t num, open;
};
struct row {
    struct cairn_job job;
    struct rows *rows;
    size_t next;
    uint8_t reply[DOWN_LEN];
};

static CAIRN_RC put_row(struct cairn_store *store, struct cairn_job *self, struct cairn_err *err)
{
    struct row *row = (struct row *)self;
    const struct sim_fleet *fleet = row->rows->fleet;
    struct cairn_report_row report = {.received_s = row->next, .num_spent = 1, .mask = SIM_MASK, .has_log = {true, true, true}};
    report.reply = (struct cairn_buf){.p = row->reply, .len = sizeof row->reply};
    cairn_copy(report.device, fleet->devices[row->next % fleet->num_devices].tpm.device, sizeof report.device);
    return cairn_store_report_put(store, &report, err);
}

static void row_done(struct cairn_job *self)
{
    struct row *row = (struct row *)self;
    sim_must(self->rc, &self->err);
    row->rows->num++;
    row->next += IN_FLIGHT;
    if (sim_now_us() < row->rows->ends_us) {
        cairn_store_writer_submit(row->rows->writer, self);
    } else {
        row->rows->open--;
    }
}

static struct sim_cost measure_row(const struct sim_server *server, const struct sim_fleet *fleet, double seconds)
{
    struct cairn_err err = {0};
    struct rows rows = {.fleet = fleet, .open = IN_FLIGHT};
    struct row *all = calloc(IN_FLIGHT, sizeof *all);
    must(all != NULL, "memory");
    sim_must(cairn_store_writer_start(server->database, ROWS, &rows.writer, &err), &err);
    const double start_cpu_s = cpu_s(CLOCK_PROCESS_CPUTIME_ID);
    const uint64_t start_us = sim_now_us();
    rows.ends_us = start_us + (uint64_t)(seconds * 1e6);
    for (size_t i = 0; i < IN_FLIGHT; i++) {
        all[i] = (struct row){.job = {.run = put_row, .done = row_done}, .rows = &rows, .next = i};
        cairn_store_writer_submit(rows.writer, &all[i].job);
    }
    while (rows.open > 0) {
        (void)usleep(1000);
    }
    const double num = (double)rows.num;
    const struct sim_cost cost = {.cpu_us = (cpu_s(CLOCK_PROCESS_CPUTIME_ID) - start_cpu_s) * 1e6 / num,
                                  .wall_us = (double)(sim_now_us() - start_us) / num};
    cairn_store_writer_stop(rows.writer);
    free(all);
    return cost;
}

struct sim_limit sim_limit_measure(const char *base, const struct sim_fleet *fleet, double seconds)
{
    struct sim_server server;
    struct sim_limit limit;
    sim_server_make(&server, base, fleet, 0);
    limit.verify = measure_verify(seconds);
    limit.tls = measure_tls(&server, seconds);
    limit.row = measure_row(&server, fleet, seconds);
    sim_server_clear(&server);
    return limit;
}

double sim_limit_cpu_us(const struct sim_limit *limit)
{
    return limit->verify.cpu_us + limit->tls.cpu_us + limit->row.cpu_us;
}

double sim_limit_per_s(const struct sim_limit *limit)
{
    return 1e6 / (limit->verify.wall_us + limit->tls.wall_us + limit->row.wall_us);
}
